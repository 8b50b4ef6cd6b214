"""Each expectation of a case, evaluated: what was expected, what we get, how far apart, and whether the tolerance holds."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from plimsoll.account.borrowing import grown, held, lent
from plimsoll.account.decide import decide
from plimsoll.account.events import (
    Converted,
    Deleveraged,
    Event,
    FundingPaid,
    OrderCancelled,
    Reduced,
    TakenOver,
    Traded,
)
from plimsoll.account.state import State, Venue
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.ledger import Ledger, moved
from plimsoll.margin.pools import market_of, signed_cost
from plimsoll.margin.views import AccountView, Assessment, AssetView, LegView, PoolView
from plimsoll.model import Account, LegKey, MarginMode, Outside, PositionMode, leg_key
from plimsoll.number import ZERO, exact, show
from plimsoll.rulebook import Rulebook, for_case, regime_of
from plimsoll.rulebook import coins_of as table_coins
from plimsoll.venue_table import VenueTable
from plimsoll.verify.case_format import CaseKnown, Expectation, Value
from plimsoll.verify.cases import RawCase, account_of, coins_of, environment_of, instruments_of, marks_of, parse_case
from plimsoll.verify.fill_in import terms_of, with_known_balance, with_payments, with_totals, with_walls
from plimsoll.verify.stated import of_account, printed, printed_of_pool, replaced
from plimsoll.verify.steps import command_of, step_of


class Row(msgspec.Struct, frozen=True):
    """One compared quantity. `verdict`: pass, fail. `difference` None where the values are not numbers."""

    file: str
    rulebook: str
    case: str
    step: int
    quantity: str
    of: str
    expected: str
    got: str
    difference: str | None
    verdict: str


def evaluate(raw: RawCase, table: VenueTable) -> list[Row]:
    """All rows of one case: its state at rest, then step by step. BadInput: the case cannot be read."""
    case = parse_case(raw)
    where = f"{raw.file}: case {raw.id}"
    known = table_coins(table, case.as_of)
    rulebook = for_case(table, instruments_of(case), case.as_of, coins_of(case, known), terms_of(case))
    marks, listed = marks_of(case), with_totals(case)
    account = with_payments(with_walls(account_of(case, rulebook.rules), case, marks, rulebook), rulebook)
    if case.known.available_balance is not None:
        bare = assess(account, marks, rulebook, Prices.NONE, listed)
        account = with_known_balance(account, case, {a.asset: a.available_balance for a in bare.assets})
    state = State(account, marks)
    venue = Venue(rulebook, environment_of(case))
    walls = [] if case.account.positions else [leg_key(p) for p in account.positions]
    wall = rulebook.rules.leg_name(walls[0], account.position_mode) if walls else ""
    given = Given(case.known, replaced(case, where, state, rulebook, listed), wall)
    rows = _compare(raw, 0, case.expect, state, (), venue, given)
    for n, body in enumerate(case.steps, start=1):
        step = step_of(where, body)
        command = command_of(where, step, state.account.position_mode)
        before = state
        state, events, reject, _ = decide(state, command, venue)
        if step.reject is not None:
            code = "accepted" if reject is None else rulebook.rules.venue_code(reject) or str(reject.reason)
            wanted = step.reject.get("venue_code")
            expected = wanted if wanted is not None else "refused"
            got = code if wanted is not None else ("accepted" if reject is None else "refused")
            rows.append(_row(raw, n, Expectation("reject", step.do, expected), got))
            rows.append(_row(raw, n, Expectation("state_unchanged", step.do, True), state == before))
        elif reject is not None:
            rows.append(_row(raw, n, Expectation("accepted", step.do, "accepted"), f"{reject.reason}: {reject.message}"))
        if step.events is not None:
            told = event_lines(events, rulebook.rules.FUND_TAKES_POSITIONS)
            rows.append(_row(raw, n, Expectation("events", step.do, "; ".join(step.events)), "; ".join(told)))
        rows += _compare(raw, n, step.expect, state, events, venue, given)
    return rows


def _compare(
    raw: RawCase,
    n: int,
    expectations: Sequence[Expectation],
    state: State,
    events: Sequence[Event],
    venue: Venue,
    given: "Given",
) -> list[Row]:
    if not expectations:
        return []
    view = assess(state.account, state.marks, venue.rulebook, Prices.OWN, given.outside)
    look = Look(view, state, events, venue.rulebook, given)
    return [_row(raw, n, e, quantity(look, e.quantity, e.of)) for e in expectations]


def _row(raw: RawCase, n: int, e: Expectation, got: Value) -> Row:
    difference: str | None = None
    wanted = e.wanted
    if isinstance(wanted, Decimal) and isinstance(got, Decimal):
        with exact(60):
            gap = got - wanted
        difference = show(gap) if gap == 0 or abs(gap) > Decimal("1e-12") else f"{gap:.2E}"
        passed = abs(gap) <= e.tolerance
    else:
        passed = type(got) is type(wanted) and got == wanted
    verdict = "pass" if passed else "fail"
    return Row(raw.file, raw.rulebook, raw.id, n, e.quantity, e.of, _text(wanted), _text(got), difference, verdict)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else show(value) if isinstance(value, Decimal) else value


class Given(msgspec.Struct, frozen=True):
    """What a source states beyond the account itself: totals, and per asset what they add to ours; `wall`: the printed name of
    the one pair that the whole case is about, '' where it is about an account."""

    known: CaseKnown
    outside: dict[str, Outside]
    wall: str = ""


class Look(msgspec.Struct, frozen=True):
    """Where quantities are looked up: the assessment, the state, what happened in this step, and what the source states."""

    view: Assessment
    state: State
    events: Sequence[Event]
    rulebook: Rulebook
    given: Given


_LEG: dict[str, Callable[[LegView], Value]] = {
    "notional": lambda v: v.notional,
    "unrealised_pnl": lambda v: v.unrealised_pnl,
    "initial_margin": lambda v: v.initial_margin,
    "maintenance_margin": lambda v: v.maintenance_margin,
    "liquidation_price": lambda v: v.liquidation_price,
    "displayed_liquidation_price": lambda v: v.displayed_liquidation_price,
    "bankruptcy_price": lambda v: v.bankruptcy_price,
    "break_even_price": lambda v: v.break_even_price,
    "max_leverage": lambda v: v.max_leverage,
    "entry_price": lambda v: v.entry_price,
    "isolated_margin": lambda v: v.isolated_margin,
    "closing_fee": lambda v: v.closing_fee,
    "position_margin": lambda v: v.position_margin,
}
_POOL: dict[str, Callable[[PoolView], Value]] = {
    "margin_balance": lambda p: p.margin_balance,
    "requirement": lambda p: p.requirement,
    "venue_ratio": lambda p: p.venue_ratio,
    "liquidatable": lambda p: p.liquidatable,
    "headroom": lambda p: p.headroom,
}
_SHARED: dict[str, Callable[[PoolView], Value]] = {
    "account_initial_margin": lambda p: p.initial_margin,
    "account_maintenance_margin": lambda p: p.maintenance_margin,
}
_ASSET: dict[str, Callable[[AssetView], Value]] = {
    "cross_wallet_balance": lambda a: a.cash,
    "equity": lambda a: a.equity,
    "available_balance": lambda a: a.available_balance,
    "withdrawable": lambda a: a.withdrawable,
    "account_initial_margin": lambda a: a.account_initial_margin,
    "account_maintenance_margin": lambda a: a.account_maintenance_margin,
    "collateral_value": lambda a: a.collateral_value,
    "borrowed": lambda a: a.borrowed,
    "liquidation_price": lambda a: a.liquidation_price,
}
_ACCOUNT: dict[str, Callable[[AccountView], Value]] = {
    "wallet_balance": lambda a: a.wallet_balance,
    "unrealised_pnl": lambda a: a.unrealised_pnl,
    "equity": lambda a: a.equity,
    "available_balance": lambda a: a.available_balance,
    "account_initial_margin": lambda a: a.initial_margin,
    "account_maintenance_margin": lambda a: a.maintenance_margin,
    "venue_initial_ratio": lambda a: a.venue_initial_ratio,
}
_GONE: dict[str, Value] = {
    "position_size": ZERO,
    "isolated_margin": ZERO,
    "position_margin": ZERO,
    "notional": ZERO,
    "unrealised_pnl": ZERO,
    "initial_margin": ZERO,
    "maintenance_margin": ZERO,
    "liquidatable": False,
    "margin_balance": ZERO,
    "requirement": ZERO,
    "locked_margin": ZERO,
}
"""What a leg or pool that does not exist has."""


def quantity(look: Look, name: str, of: str) -> Value:
    """The value of a named quantity; what is not the same for all venues is asked of the rulebook. The text `unknown
    quantity` where neither has such a thing."""
    if look.given.wall and not of.startswith("asset:"):
        of = look.given.wall
    with exact():
        if name in _STEP:
            return _STEP[name](look, of)
        special = printed_of_pool(name, of, look.state, look.rulebook, look.given.outside)
        if special is not None:
            return special
        if of == "account" and name in (*_POOL, *_SHARED, *_ASSET) and _is_one_asset(look):
            return _of_one_asset(look, name)
        if name in _POOL:
            pool = next((p for p in look.view.pools if p.key == of), None)
            if pool is None:
                leg = next((v for v in look.view.legs if v.name == of), None)
                pool = next((p for p in look.view.pools if leg is not None and p.key == leg.pool), None)
            return _GONE.get(name) if pool is None else _POOL[name](pool)
        if name in _ACCOUNT and look.view.account is not None and of == look.view.account.pool:
            return _ACCOUNT[name](look.view.account)
        if (name in _ASSET or name == "wallet_balance") and of.startswith("asset:"):
            asset = next((a for a in look.view.assets if f"asset:{a.asset}" == of), None)
            if name == "wallet_balance":
                return ZERO if asset is None else asset.wallet_balance - _paid(look, asset.asset)
            return ZERO if asset is None else _ASSET[name](asset)
        if name in _LEG:
            leg = next((v for v in look.view.legs if v.name == of), None)
            return _GONE.get(name) if leg is None else _LEG[name](leg)
        if of == "account":
            return of_account(name, look.given.known, look.rulebook)
        return printed(name, of, look.state, look.rulebook, look.given.outside)


def _is_one_asset(look: Look) -> bool:
    """Whether `account` means the shared pool of the only asset there is: nothing is valued together, no total is stated."""
    return look.view.account is None and len(look.view.assets) == 1 and look.given.known.equity is None


def _of_one_asset(look: Look, name: str) -> Value:
    """Of the shared pool what is its own, of its asset the rest."""
    (asset,) = look.view.assets
    if name in _POOL or name in _SHARED:
        pool = next(p for p in look.view.pools if p.key == f"asset:{asset.asset}")
        return _POOL[name](pool) if name in _POOL else _SHARED[name](pool)
    return _ASSET[name](asset)


def _paid(look: Look, asset: str) -> Decimal:
    """What the balance that the venue prints has paid for positions held in cross, where it pays for them."""
    if not look.rulebook.rules.BALANCE_PAYS_POSITIONS:
        return ZERO
    held = [p for p in look.state.account.positions if p.mode is MarginMode.CROSS]
    mine = [p for p in held if look.rulebook.instruments[p.symbol].settle == asset]
    return sum((signed_cost(p, look.rulebook) for p in mine), ZERO)


def _size(look: Look, of: str) -> Value:
    leg = next((v for v in look.view.legs if v.name == of), None)
    if leg is None:
        return ZERO
    hedge = look.state.account.position_mode is PositionMode.HEDGE
    return abs(leg.size) if hedge else leg.size


def _open_orders(look: Look, of: str) -> Value:
    symbol = of.split(":")[0].split("@")[0]
    return Decimal(sum(1 for o in look.state.account.orders if of == "account" or o.symbol == symbol))


def _order_margin(look: Look, of: str) -> Value:
    """Of a leg, or of a symbol over its hedge legs."""
    mine = [o for o in look.view.orders if o.name == of or o.name.startswith(f"{of}:")]
    return sum((o.order_initial_margin for o in mine), ZERO)


def _order_cost(look: Look, of: str) -> Value:
    account, rules = look.state.account, look.rulebook.rules
    order = next((o for o in account.orders if o.symbol == of), None)
    mark = look.state.marks.marks.get(of)
    if order is None or order.price is None or mark is None:
        return None
    instrument = look.rulebook.instruments[of]
    leverage = account.leverages[rules.leverage_key(of, order.mode, order.position_side)]
    amount = order.size * instrument.multiplier * (1 if order.side == "buy" else -1)
    market = market_of(instrument, account.fees, regime_of(look.rulebook, account))
    return rules.order_cost(amount, order.price, mark, rules.initial_rate(leverage), market)


def _stage(look: Look, of: str) -> Value:
    stage = look.state.stages.get(of)
    return "HEALTHY" if stage is None else stage.name


def _settle(look: Look, leg: LegKey) -> str:
    return look.rulebook.instruments[leg.symbol].settle


def _names(look: Look, leg: LegKey) -> tuple[str, str]:
    """The two names under which a leg's share of a step may be asked for: its own and its asset's."""
    return look.rulebook.rules.leg_name(leg, look.state.account.position_mode), f"asset:{_settle(look, leg)}"


def _realised(look: Look, of: str) -> Value:
    kinds = (Traded, Reduced, TakenOver)
    return sum((e.realised_pnl for e in look.events if isinstance(e, kinds) and of in _names(look, e.leg)), ZERO)


def _fee_paid(look: Look, of: str) -> Value:
    kinds = (Traded, Reduced, TakenOver)
    return sum((e.fee for e in look.events if isinstance(e, kinds) and of in _names(look, e.leg)), ZERO)


def _funding_paid(look: Look, of: str) -> Value:
    return sum((e.amount for e in look.events if isinstance(e, FundingPaid) and of in _names(look, e.leg)), ZERO)


def _liquidation_fee(look: Look, of: str) -> Value:
    """At rest: what a liquidation of the whole leg at this mark would charge; in a step: what was charged."""
    leg = next((v for v in look.view.legs if v.name == of), None)
    charged = [e for e in look.events if isinstance(e, Reduced) and of in _names(look, e.leg)]
    if leg is not None and not charged and not of.startswith("asset:"):
        return leg.liquidation_fee
    sold = (e.penalty for e in look.events if isinstance(e, Converted) and of == f"asset:{e.target}")
    return sum((e.penalty for e in charged), ZERO) + sum(sold, ZERO)


def _in_purse(side: Callable[[Account, LegKey | None, str], Decimal]) -> Callable[[Look, str], Value]:
    """A number of a coin of the account, `asset:ETH`, or inside the wall of a position, `ETHUSDT@isolated:ETH`."""

    def found(look: Look, of: str) -> Value:
        wall, _, asset = of.rpartition(":")
        account = look.state.account
        legs = {look.rulebook.rules.leg_name(leg_key(p), account.position_mode): leg_key(p) for p in account.positions}
        if wall not in ("asset", *legs):
            return ZERO
        return side(account, legs.get(wall), asset)

    return found


def _fund_change(look: Look, of: str) -> Value:
    asset = of.removeprefix("asset:")
    return sum((moved(e.postings, Ledger.INSURANCE_FUND, asset) for e in look.events), ZERO)


_STEP: dict[str, Callable[[Look, str], Value]] = {
    "position_size": _size,
    "open_orders": _open_orders,
    "order_initial_margin": _order_margin,
    "order_cost": _order_cost,
    "stage": _stage,
    "realised_pnl": _realised,
    "fee_paid": _fee_paid,
    "funding_paid": _funding_paid,
    "liquidation_fee": _liquidation_fee,
    "insurance_fund_change": _fund_change,
    "coins": _in_purse(held),
    "lent": _in_purse(lent),
    "interest_owed": _in_purse(grown),
}


def event_lines(events: Sequence[Event], fund_takes: bool) -> list[str]:
    """Forced events in the words of the case format, e.g. `reduce BTCUSDT:long 1.5 @ 57000`. Where no fund takes positions,
    one that nobody fills is told by those who are deleveraged."""
    lines: list[str] = []
    taken: dict[LegKey, str] = {}
    for e in events:
        if isinstance(e, OrderCancelled) and e.why == "liquidation":
            line = f"cancel_orders {e.order.symbol}"
            lines += [] if line in lines else [line]
        elif isinstance(e, (Reduced, TakenOver)):
            word = "reduce" if isinstance(e, Reduced) else "take_over"
            taken[e.leg] = e.side
            if isinstance(e, TakenOver) and e.fill is None and not fund_takes:
                continue
            lines.append(f"{word} {e.leg.symbol}:{e.side} {show(e.size)} @ {show(e.price)}")
        elif isinstance(e, Converted) and e.forced:
            lines.append(f"convert {e.source} {show(e.amount)} to {e.target} {show(e.proceeds)}")
        elif isinstance(e, Deleveraged):
            against = "short" if taken[e.leg] == "long" else "long"
            leg = f"{e.leg.symbol}:{against}"
            lines.append(f"deleverage {e.counterparty} {leg} {show(e.size)} @ {show(e.price)}")
    return lines
