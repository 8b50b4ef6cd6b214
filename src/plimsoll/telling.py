"""From what was played to what is told: events become sentences, postings become totals. Nothing is decided here."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from plimsoll.account.commands import PlaceOrder
from plimsoll.account.events import (
    Borrowed,
    Converted,
    Deleveraged,
    Deposited,
    Event,
    ExpirySettled,
    FundingPaid,
    InterestCharged,
    MarginMoved,
    OrderCancelled,
    OrderTriggered,
    Reduced,
    Repaid,
    ShortfallCovered,
    StageReached,
    TakenOver,
    Traded,
)
from plimsoll.account.state import State, Venue
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.ledger import Ledger, moved
from plimsoll.margin.views import LegView
from plimsoll.model import LegKey, MarginMode, OrderType, PositionMode, Stage
from plimsoll.number import ONE, ZERO, exact, show
from plimsoll.plan import PlanMode
from plimsoll.prices.paths import BarPath
from plimsoll.runs import Happening, LegResult, Run
from plimsoll.sentences import pool_words
from plimsoll.tape import Played, Told, Unit

FORCED = (Reduced, TakenOver)
WORDS = {
    "PlaceOrder": "an order was",
    "AddMargin": "adding margin was",
    "RemoveMargin": "taking margin out was",
    "Deposit": "a deposit was",
    "SetLeverage": "a leverage was",
    "SettleFunding": "a funding charge was",
    "Borrow": "a loan was",
    "Repay": "a repayment was",
}
"""Commands in words."""
DUST = Decimal("0.00000001")
"""Below the money unit of every venue: not worth a line."""


def run_of(played: Played, venue: Venue, mode: PlanMode, path: BarPath, unit: Unit, notes: tuple[str, ...]) -> Run:
    """One playing as a Run. Money in `unit`, each event at its asset's worth of that moment."""
    with exact():
        legs = _legs(played, venue)
        risk = _money_at_risk(legs, played, venue)
        carried = sum((leg.notional_at_start for leg in legs), ZERO)
        return Run(
            venue=venue.rulebook.name,
            mode=mode,
            path=path.value,
            readings=dict(venue.rulebook.readings),
            unit=unit.name,
            start_equity=played.start_equity,
            final_equity=played.samples[-1].equity,
            lowest_equity=played.lowest_equity,
            lowest_equity_at=played.lowest_equity_at,
            fees=_total(played, venue, lambda e: e.fee if isinstance(e, Traded) else ZERO),
            funding=_total(played, venue, lambda e: e.amount if isinstance(e, FundingPaid) else ZERO),
            interest=_total(played, venue, lambda e: e.amount if isinstance(e, InterestCharged) else ZERO),
            liquidation_cost=_total(played, venue, _liquidation_cost),
            insurance_draw=_total(played, venue, _insurance_draw),
            counterparties_draw=_total(
                played, venue, lambda e: e.from_counterparties if isinstance(e, ShortfallCovered) else ZERO
            ),
            deposits=_total(played, venue, lambda e: e.amount if isinstance(e, Deposited) else ZERO),
            money_at_risk=risk,
            requirement_at_start=_requirement(played, venue),
            capital_efficiency=carried / risk if risk > 0 else None,
            legs=legs,
            least=played.least,
            happenings=_happenings(played, venue),
            samples=played.samples,
            notes=notes,
        )


def _asset(event: Event, venue: Venue) -> str:
    """The asset an event's money is in; '' where it moves none."""
    if isinstance(event, (StageReached, InterestCharged, Borrowed, Repaid, ShortfallCovered)):
        return event.asset
    if isinstance(event, Converted):
        return event.target
    leg = getattr(event, "leg", None)
    if isinstance(leg, LegKey):
        return venue.rulebook.instruments[leg.symbol].settle
    return str(getattr(event, "asset", ""))


def _total(played: Played, venue: Venue, amount: Callable[[Event], Decimal]) -> Decimal:
    """Sum of an amount over all events, in the unit of the run."""
    told = [t for t in played.told if t.event is not None and amount(t.event) != 0]
    return sum((amount(t.event) * t.worth[_asset(t.event, venue)] for t in told if t.event is not None), ZERO)


def _liquidation_cost(e: Event) -> Decimal:
    """Fees and penalties of forced closes, and what a takeover took beyond the market value it left behind."""
    if isinstance(e, Reduced):
        return e.fee + e.penalty
    if isinstance(e, Converted):
        return e.fee + e.penalty
    return e.fee + max(e.fund_result, ZERO) if isinstance(e, TakenOver) else ZERO


def _insurance_draw(e: Event) -> Decimal:
    """What the insurance fund lost by this account: shortfalls it covered, takeovers it closed at a loss."""
    if isinstance(e, ShortfallCovered):
        return e.from_fund
    return max(-e.fund_result, ZERO) if isinstance(e, TakenOver) else ZERO


def _requirement(played: Played, venue: Venue) -> Decimal:
    """What the venue asked of all pools together when the run began, in the unit of the run."""
    view = assess(played.start.account, played.start.marks, venue.rulebook, Prices.NONE)
    return sum((pool.requirement * _worth(played, pool.asset) for pool in view.pools if pool.legs), ZERO)


def _worth(played: Played, asset: str) -> Decimal:
    """The first known worth of an asset in the unit of the run."""
    return next((t.worth[asset] for t in played.told if asset in t.worth), ONE)


def _views(state: State, venue: Venue) -> dict[LegKey, LegView]:
    view = assess(state.account, state.marks, venue.rulebook, Prices.OWN)
    return {LegKey(leg.symbol, leg.mode, leg.side): leg for leg in view.legs}


def _money_at_risk(legs: Sequence[LegResult], played: Played, venue: Venue) -> Decimal:
    """Isolated money plus, where any leg is cross, all the cash that stands behind it, counted once."""
    valued = _valued(played, venue)
    pools = {view.name: view.pool for view in _views(played.start, venue).values()}
    settles = {leg.name: f"asset:{venue.rulebook.instruments[leg.symbol].settle}" for leg in legs}
    behind = settles | pools
    crossed = {"" if valued else behind[leg.name]: leg.at_risk for leg in legs if leg.mode == MarginMode.CROSS}
    return sum((leg.at_risk for leg in legs if leg.mode == MarginMode.ISOLATED), ZERO) + sum(crossed.values(), ZERO)


def _valued(played: Played, venue: Venue) -> tuple[str, ...]:
    """The coins that stand behind all cross legs together; empty where each settle asset has its own pool."""
    specs = venue.rulebook.rules.pools_of(played.start.account, venue.rulebook.instruments)
    return tuple(asset for spec in specs if not spec.isolated for asset in spec.assets)


def _legs(played: Played, venue: Venue) -> tuple[LegResult, ...]:
    """Every leg that was held at some time: those of the start, then those opened later."""
    before, after = _views(played.start, venue), _views(played.final, venue)
    room = _room(played, venue)
    traded = [t.event.leg for t in played.told if isinstance(t.event, Traded)]
    return tuple(
        msgspec.structs.replace(_leg(key, before.get(key), after.get(key), played, venue), room_at_start=room.get(key))
        for key in dict.fromkeys([*before, *traded])
    )


def _room(played: Played, venue: Venue) -> dict[LegKey, Decimal]:
    """Headroom of each leg's pool when the run began, in the unit of the run."""
    view = assess(played.start.account, played.start.marks, venue.rulebook, Prices.NONE)
    pools = {name: pool for pool in view.pools for name in pool.legs}
    known = [(leg, pools[leg.name]) for leg in view.legs if leg.name in pools]
    return {LegKey(leg.symbol, leg.mode, leg.side): pool.headroom * _worth(played, pool.asset) for leg, pool in known}


def _leg(key: LegKey, first: LegView | None, now: LegView | None, played: Played, venue: Venue) -> LegResult:
    asset = venue.rulebook.instruments[key.symbol].settle
    mine = [t for t in played.told if t.event is not None and getattr(t.event, "leg", None) == key]
    hit = next((t for t in mine if isinstance(t.event, FORCED)), None)
    forced = next((t for t in mine if isinstance(t.event, FORCED) and t.event.position.size == 0), None)
    kinds = (Traded, Reduced, TakenOver, ExpirySettled)
    realised = sum((t.event.realised_pnl * t.worth[asset] for t in mine if isinstance(t.event, kinds)), ZERO)
    worth = _worth(played, asset)
    money, value, told = _committed(key, first, mine, played, venue)
    running = ZERO if now is None else now.unrealised_pnl * next(
        (t.worth[now.asset] for t in reversed(played.told) if now.asset in t.worth), _worth(played, now.asset)
    )
    return LegResult(
        name=venue.rulebook.rules.leg_name(key, played.start.account.position_mode),
        symbol=key.symbol,
        mode=key.mode.value,
        at_risk=money * _worth(played, told),
        notional_at_start=value * worth,
        liquidation_price_at_start=None if first is None else first.liquidation_price,
        liquidated_at=None if forced is None else forced.time,
        liquidated_price=None if forced is None else _mark_then(forced),
        open_size=ZERO if now is None else now.size,
        pnl=realised + running,
        side=key.side.value,
        hit_at=None if hit is None else hit.time,
        hit_price=None if hit is None else _mark_then(hit),
    )


def _committed(
    key: LegKey, first: LegView | None, mine: Sequence[Told], played: Played, venue: Venue
) -> tuple[Decimal, Decimal, str]:
    """(the most a leg can lose in the asset that its pool is told in, its value when it began in its settle asset, the former
    asset)."""
    instrument = venue.rulebook.instruments[key.symbol]
    if first is not None:
        value, own, told = first.notional, first.isolated_margin, first.asset
    else:
        trade = next(t.event for t in mine if isinstance(t.event, Traded))
        amount = trade.size * instrument.multiplier
        value = venue.rulebook.rules.notional(amount, trade.price, instrument.kind == "inverse")
        told = trade.position.margin_asset or instrument.settle
        own = moved(trade.postings, Ledger.LEG, told, key)
    cash = played.start.account.cash.get(told, ZERO)
    coins = _valued(played, venue)
    if coins:
        start = played.start.account
        net = {a: start.cash.get(a, ZERO) - start.borrowed.get(a, ZERO) - start.interest.get(a, ZERO) for a in coins}
        cash = sum((net[asset] * _worth(played, asset) for asset in coins), ZERO) / _worth(played, told)
    return (own if key.mode is MarginMode.ISOLATED else cash), value, told


def _mark_then(told: Told) -> Decimal:
    """The price at which a forced close happened: the fill in the market where there was one."""
    assert isinstance(told.event, FORCED)
    if isinstance(told.event, TakenOver) and told.event.fill is not None:
        return told.event.fill
    return told.event.price


def _happenings(played: Played, venue: Venue) -> tuple[Happening, ...]:
    out = []
    mode = played.start.account.position_mode
    for told in played.told:
        if told.reject is not None:
            what = WORDS.get(type(told.command).__name__, "a command")
            both = "" if told.reject.wanted is None else f" (wanted {_n(told.reject.wanted)}, allowed {_n(told.reject.limit)})"
            code = venue.rulebook.rules.venue_code(told.reject)
            text = f"{what} refused: {told.reject.message}{both}{f' [{code}]' if code else ''}"
            out.append(Happening(told.time, "refuse", _wanted_leg(told, venue, mode), text))
            continue
        assert told.event is not None
        leg = getattr(told.event, "leg", None)
        name = venue.rulebook.rules.leg_name(leg, mode) if isinstance(leg, LegKey) else ""
        happening = _tell(told, told.event, name, _asset(told.event, venue))
        if happening is not None:
            out.append(happening)
    return tuple(out)


def _wanted_leg(told: Told, venue: Venue, mode: PositionMode) -> str:
    """The leg that a refused order was for."""
    if not isinstance(told.command, PlaceOrder):
        return str(getattr(told.command, "symbol", ""))
    order = told.command.order
    return venue.rulebook.rules.leg_name(LegKey(order.symbol, order.mode, order.position_side), mode)


def _n(value: Decimal | None) -> str:
    """A number for a sentence: at most 2 decimals above 100, up to 8 significant places below."""
    if value is None:
        return "none"
    size = abs(value)
    places = 2 if size >= 10 else 4 if size >= Decimal("0.01") else 8
    text = show(value, places)
    head, _, tail = text.partition(".")
    sign, digits = ("-", head[1:]) if head.startswith("-") else ("", head)
    grouped = f"{int(digits):,}"
    return f"{sign}{grouped}.{tail}" if tail else f"{sign}{grouped}"


def _tell(told: Told, e: Event, name: str, unit: str) -> Happening | None:
    """One event in one sentence; None for what no reader needs (marks, settings)."""
    t = told.time
    match e:
        case Traded():
            verb = "bought" if e.side == "buy" else "sold"
            gain = f", realising {_n(e.realised_pnl)} {unit}" if e.realised_pnl != 0 else ""
            kind = "open" if e.position.size * (1 if e.side == "buy" else -1) > 0 else "close"
            text = f"{name}: {verb} {_n(e.size)} at {_n(e.price)}{gain}, fee {_n(e.fee)}"
            return Happening(t, kind, name, text, e.price, e.size, e.realised_pnl)
        case OrderTriggered():
            kind = "stop" if e.order.type is OrderType.STOP_MARKET else "take_profit"
            word = "stop" if kind == "stop" else "take-profit"
            text = f"{e.order.symbol}: {word} at {_n(e.order.stop_price)} triggered on the {e.order.trigger.value} price"
            return Happening(t, kind, e.order.symbol, text, e.order.stop_price)
        case OrderCancelled():
            text = f"{e.order.symbol}: order {e.order.id} cancelled ({e.why.replace('_', ' ')})"
            return Happening(t, "cancel", e.order.symbol, text)
        case StageReached() if e.stage is Stage.CANCELLING:
            both = f"balance {_n(e.margin_balance)}, requirement {_n(e.requirement)} {unit}"
            text = f"{pool_words(e.pool)} reached its line: {both}"
            return Happening(t, "liquidation", e.pool, text, None, None, e.margin_balance)
        case StageReached() if e.stage is Stage.HEALTHY:
            text = f"{pool_words(e.pool)} holds again: balance {_n(e.margin_balance)} against {_n(e.requirement)} {unit}"
            return Happening(t, "end", e.pool, text)
        case Reduced():
            text = (
                f"{name}: {_n(e.size)} force-closed at {_n(e.price)}, result {_n(e.realised_pnl)} {unit}, "
                f"fee {_n(e.fee)}, penalty {_n(e.penalty)}"
            )
            return Happening(t, "forced_close", name, text, e.price, e.size, e.realised_pnl)
        case TakenOver():
            text = f"{name}: {_n(e.size)} taken over at {_n(e.price)}, result {_n(e.realised_pnl)} {unit}"
            text += f", fee {_n(e.fee)}" if e.fee else ""
            if e.fill is not None:
                text += f"; the insurance fund closed it at {_n(e.fill)} and {_gained(e.fund_result)} {unit}"
            return Happening(t, "take_over", name, text, e.price, e.size, e.realised_pnl)
        case Converted():
            sold = f"{_n(e.amount)} {e.source} sold for {_n(e.proceeds)} {e.target}"
            if e.source == e.target:
                sold = f"{_n(e.amount)} {e.target} held"
            text = f"{sold} to repay what is owed in {e.target}, fee {_n(e.fee + e.penalty)}"
            return Happening(t, "convert" if e.forced else "exchange", "", text, None, None, e.proceeds)
        case Deleveraged():
            text = f"{name}: {_n(e.size)} passed to {e.counterparty} at {_n(e.price)} (auto-deleveraging)"
            return Happening(t, "deleverage", name, text, e.price, e.size)
        case ShortfallCovered():
            paid = f"insurance fund paid {_n(e.from_fund)}, counterparties {_n(e.from_counterparties)}"
            text = f"{pool_words(e.pool)} ended below zero: {paid}"
            return Happening(t, "shortfall", e.pool, text, None, None, e.from_fund + e.from_counterparties)
    return _tell_money(t, e, name, unit, told.worth)


def _tell_money(t: datetime, e: Event, name: str, unit: str, worth: Mapping[str, Decimal]) -> Happening | None:
    """Money that moved without a trade, in one sentence."""
    match e:
        case MarginMoved() if abs(e.amount) >= DUST:
            way = "into" if e.amount > 0 else "out of"
            return Happening(t, "top_up", name, f"{name}: {_n(abs(e.amount))} {unit} {way} its margin", None, None, e.amount)
        case Deposited():
            return Happening(t, "fund", "", f"{_n(e.amount)} {e.asset} deposited", None, None, e.amount)
        case Borrowed():
            return Happening(t, "borrow", name, f"{_n(e.amount)} {e.asset} borrowed", None, None, e.amount)
        case Repaid():
            beside = f", {_n(e.interest)} of it interest" if e.interest else ""
            return Happening(t, "repay", name, f"{_n(e.amount)} {e.asset} repaid{beside}", None, None, e.amount)
        case InterestCharged():
            text = f"interest of {_n(e.amount)} {e.asset} charged"
            return Happening(t, "interest", name, text, None, None, e.amount * worth.get(e.asset, ONE))
        case FundingPaid():
            word = "paid" if e.amount > 0 else "received"
            text = f"{name}: funding {word} {_n(abs(e.amount))} {unit} (rate {show(e.rate * 100)} %)"
            return Happening(t, "funding", name, text, e.mark, None, e.amount)
    return None


def _gained(result: Decimal) -> str:
    return f"kept {_n(result)}" if result >= 0 else f"lost {_n(-result)}"


