"""`ETHUSDT liq 2200`: what moves a position's liquidation price to where its owner wants it, as cross and as isolated.

Three ways: add money, cut the position, set another leverage. Each is worked out from the pool's headroom at the target
price, then carried out on the account and assessed again: an answer that does not land there is not given.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import msgspec

from plimsoll.account.commands import AddMargin, PlaceOrder, SetLeverage
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.begin import begin, refusal, refusal_text
from plimsoll.errors import BadInput
from plimsoll.indexes import following
from plimsoll.margin.assess import Prices, assess, mark_column
from plimsoll.margin.pools import lay_out
from plimsoll.margin.views import Assessment, LegView
from plimsoll.model import Account, LegKey, MarginMode, Marks, Order, OrderType, Position, leg_key
from plimsoll.number import ONE, ZERO, ceil_to, exact, floor_to, parse_positive, show
from plimsoll.plan import Plan, PlanMode, mode_refusal, open_plan
from plimsoll.plan_walls import isolated_money
from plimsoll.rulebook import Rulebook

CENT = Decimal("0.00000001")
"""Amounts of money are rounded up to this."""
TRIES = 40
"""Secants towards the money that is missing; each lands nearer, below or at it."""


class Way(StrEnum):
    """What can be changed."""

    ADD_MARGIN = "add_margin"
    CUT_SIZE = "cut_size"
    SET_LEVERAGE = "set_leverage"


class Remedy(msgspec.Struct, frozen=True):
    """One way. `amount` in `unit`: money to add, coins or face to cut, or the leverage; None: this way does not get there,
    `note` says why. `lands_at`: the liquidation price afterwards, from a new assessment (None: there is none any more)."""

    way: Way
    amount: Decimal | None
    unit: str
    lands_at: Decimal | None
    note: str


class Want(msgspec.Struct, frozen=True):
    """The answer for one position in one mode. `now`: its liquidation price as things stand (None: none). `reached`: it is
    at the target or safer already. `spare`: money beyond what the target needs (negative: what is missing)."""

    name: str
    mode: MarginMode
    mark: Decimal
    target: Decimal
    now: Decimal | None
    reached: bool
    spare: Decimal | None
    unit: str
    remedies: tuple[Remedy, ...]
    note: str


class Ask(NamedTuple):
    """`SYMBOL[:side] liq PRICE`, read."""

    name: str
    target: Decimal


class Case(NamedTuple):
    """One position of one state, and the price its pool is to stand."""

    state: State
    rulebook: Rulebook
    key: LegKey
    target: Decimal


def read_want(text: str) -> Ask:
    """BadInput unless it reads `SYMBOL liq PRICE`.

    >>> read_want("ETHUSDT liq 2200")
    Ask(name='ETHUSDT', target=Decimal('2200'))
    """
    words = text.split()
    if len(words) != 3 or words[1] != "liq":
        raise BadInput("--want", "wish", text, 'write a symbol, liq and a price, such as "ETHUSDT liq 2200"')
    return Ask(words[0], parse_positive(words[2], "price", "--want"))


def wanted(
    ask: Ask,
    plan: Plan,
    rulebook: Rulebook,
    home: Rulebook,
    marks: Mapping[str, Decimal],
    indexes: Mapping[str, Decimal] | None = None,
) -> tuple[Want, ...]:
    """The answer with the position in cross, then in isolated (where the account's settings have that); all other positions as
    the plan has them, or with it where the venue keeps one mode for the whole account. `marks`: venue symbols; `indexes`: as in
    `begin`. BadInput: no such position, or a wallet that cannot pay for it in either mode."""
    symbol, _, side = ask.name.partition(":")
    planned = dict.fromkeys(p.symbol for p in plan.positions)
    if symbol not in planned:
        raise BadInput("--want", "symbol", ask.name, f"no such position; there are {', '.join(planned) or 'none'}")
    out: list[Want] = []
    together = tuple(planned) if rulebook.rules.MODE_SCOPE == "account" else (symbol,)
    for mode in MarginMode:
        there = with_mode(plan, together, mode)
        if out and mode_refusal(there, rulebook, home, PlanMode.AS_GIVEN) is not None:
            continue
        opening = open_plan(there, rulebook, home, PlanMode.AS_GIVEN)
        if symbol not in opening.symbols:
            raise BadInput("--want", "symbol", symbol, opening.skipped[0].reason)
        state = begin(opening, rulebook, marks, indexes).state
        keys = [leg_key(p) for p in state.account.positions if p.symbol == opening.symbols[symbol] and p.mode is mode]
        keys = [key for key in keys if side in ("", key.side)]
        if not keys:
            cure = f"no such position is open in {mode}; in hedge mode add :long or :short to the symbol"
            raise BadInput("--want", "symbol", ask.name, cure)
        out += [answer(Case(state, rulebook, key, ask.target)) for key in keys]
    return tuple(out)


def with_mode(plan: Plan, symbols: Sequence[str], mode: MarginMode) -> Plan:
    """The plan with the positions of some symbols in another mode; money assigned by hand stays only where it fits."""
    replace = msgspec.structs.replace
    positions = tuple(
        replace(p, mode=mode, margin=p.margin if p.mode is mode else None) if p.symbol in symbols else p
        for p in plan.positions
    )
    orders = tuple(replace(o, mode=None) if o.symbol in symbols else o for o in plan.orders)
    return replace(plan, positions=positions, orders=orders)


def answer(case: Case) -> Want:
    """All ways for one position."""
    with exact():
        view = _view(case.state, case.rulebook)
        leg = _leg(view, case.key)
        pool = next(p for p in view.pools if p.key == leg.pool)
        if pool.liquidatable:
            return _want(case, leg, pool.asset, None, (), "it is due for liquidation at this mark; no wish can be granted")
        falling = _falls(case, leg)
        if (case.target < leg.mark) is not falling:
            side, word = ("below", "falling") if falling else ("above", "rising")
            note = f"a {word} mark liquidates it, so the price must lie {side} the mark {show(leg.mark)}"
            return _want(case, leg, pool.asset, None, (), note)
        spare = _headroom(case, case.state.account)
        if spare >= 0:
            return _want(case, leg, pool.asset, spare, (), "it is there already, or safer")
        remedies = (_add_margin(case, leg, -spare), _cut_size(case, leg), _set_leverage(case, leg))
        return _want(case, leg, pool.asset, spare, remedies, "")


def _want(case: Case, leg: LegView, unit: str, spare: Decimal | None, remedies: tuple[Remedy, ...], note: str) -> Want:
    reached = spare is not None and spare >= 0
    return Want(
        leg.name, leg.mode, leg.mark, case.target, leg.liquidation_price, reached, spare, unit, remedies, note
    )


def _view(state: State, rulebook: Rulebook) -> Assessment:
    return assess(state.account, state.marks, rulebook, Prices.OWN)


def _leg(view: Assessment, key: LegKey) -> LegView:
    return next(leg for leg in view.legs if (leg.symbol, leg.mode, leg.side) == key)


def _falls(case: Case, leg: LegView) -> bool:
    """Whether a falling mark is what liquidates: by the present price, else by the net amount of the symbol in the pool."""
    if leg.liquidation_price is not None:
        return leg.liquidation_price < leg.mark
    same = [p for p in case.state.account.positions if p.symbol == leg.symbol and p.mode is leg.mode]
    sizes = [p.size for p in same if leg.mode is MarginMode.CROSS or leg_key(p) == case.key]
    return sum(sizes, ZERO) >= 0


def _headroom(case: Case, account: Account) -> Decimal:
    """What the position's pool has beyond its requirement when this mark alone stands at the target; a pool that is gone
    has nothing to lose."""
    layout = lay_out(account, case.rulebook)
    marks: Marks = case.state.marks
    indexes = following(marks.indexes, case.key.symbol, case.target, case.rulebook)
    column = mark_column(layout, {**marks.marks, case.key.symbol: case.target}, indexes)
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        if case.key in spec.legs:
            margin = case.rulebook.rules.assess_pool(pool, column, layout.markets)
            return margin.balance - margin.requirement
    return ZERO


def _landed(case: Case, account: Account) -> Decimal | None:
    """The liquidation price after a change. Asserts that it is the target or safer: the check of every answer."""
    view = assess(account, case.state.marks, case.rulebook, Prices.OWN)
    left = [leg for leg in view.legs if (leg.symbol, leg.mode, leg.side) == case.key]
    if not left or left[0].liquidation_price is None:
        return None
    line, mark = left[0].liquidation_price, left[0].mark
    safe = line <= case.target if case.target < mark else line >= case.target
    assert safe or (line < mark) is not (case.target < mark), f"{line} is not as safe as {case.target}"
    return line


def _topped(case: Case, leg: LegView, amount: Decimal) -> Account:
    """The account with money more: inside the leg's wall, or in the wallet in cross."""
    account = case.state.account
    if leg.mode is MarginMode.CROSS:
        cash = {**account.cash, leg.asset: account.cash.get(leg.asset, ZERO) + amount}
        return msgspec.structs.replace(account, cash=cash)
    return _replaced(account, case.key, lambda p: _holding(p, leg.asset, amount))


def _holding(position: Position, asset: str, amount: Decimal) -> Position:
    """The position with money more inside its wall, which repays what is owed there first, where coins are held."""
    margin = position.isolated_margin + amount
    if position.coins is None:
        return msgspec.structs.replace(position, isolated_margin=margin)
    owed = position.borrowed.get(asset, ZERO)
    paid = min(owed, amount)
    coins = {**position.coins, asset: position.coins.get(asset, ZERO) + amount - paid}
    borrowed = {**position.borrowed, asset: owed - paid}
    return msgspec.structs.replace(position, isolated_margin=margin, coins=coins, borrowed=borrowed)


def _add_margin(case: Case, leg: LegView, missing: Decimal) -> Remedy:
    """The missing headroom as money: into the leg's wall, or into the wallet in cross. Where the venue counts added money for
    less than it is (a closing fee that grows with it), as much more as that takes."""
    pool = next(p for p in _view(case.state, case.rulebook).pools if p.key == leg.pool)
    price = ONE if pool.asset == leg.asset else case.state.marks.indexes[leg.asset]
    amount = ceil_to(missing / price, CENT)
    for _ in range(TRIES):
        short = -_headroom(case, _topped(case, leg, amount))
        if short <= 0:
            break
        if short >= missing:
            return Remedy(Way.ADD_MARGIN, None, leg.asset, None, f"more {leg.asset} does not count")
        amount = ceil_to(missing * amount / (missing - short), CENT)
    amount = _no_more(case, leg, missing, amount)
    topped = _topped(case, leg, amount)
    if leg.mode is MarginMode.CROSS:
        lands = _landed(case, topped)
        return Remedy(Way.ADD_MARGIN, amount, leg.asset, lands, "deposited: the cash at hand already stands behind it")
    state, _, reject, _ = decide(case.state, AddMargin(leg.symbol, amount, leg.side), Venue(case.rulebook))
    note = f"from the cash at hand, which leaves {show(state.account.cash[leg.asset], 8)} {leg.asset}"
    if reject is not None:
        free = max(reject.limit or ZERO, ZERO)
        note = f"only {show(free, 8)} {leg.asset} may be moved in; deposit {show(amount - free, 8)} first"
    return Remedy(Way.ADD_MARGIN, amount, leg.asset, _landed(case, topped), note)


def _no_more(case: Case, leg: LegView, missing: Decimal, amount: Decimal) -> Decimal:
    """No more money than that takes where it counts for more than it is, since it repays a debt that needs margin itself."""
    beyond = _headroom(case, _topped(case, leg, amount))
    fewer = ceil_to(missing * amount / (missing + beyond), CENT)
    return fewer if fewer < amount and _headroom(case, _topped(case, leg, fewer)) >= 0 else amount


def _replaced(account: Account, key: LegKey, change: Callable[[Position], Position]) -> Account:
    positions = tuple(change(p) if leg_key(p) == key else p for p in account.positions)
    return msgspec.structs.replace(account, positions=positions)


def _cut_size(case: Case, leg: LegView) -> Remedy:
    """The smallest cut, in lots, closed at the mark by a market order, after which the pool stands the target: by bisection
    over what the venue really does with the profit and the margin of a partial close."""
    instrument = case.rulebook.instruments[leg.symbol]
    unit = instrument.base if instrument.kind in ("linear", "spot") else instrument.quote
    lot = instrument.lot or instrument.min_size
    if lot is None:
        return Remedy(Way.CUT_SIZE, None, unit, None, "the venue's lot is not known")
    lots = int(floor_to(abs(leg.size) / lot, ONE))
    low = max(0, int(ceil_to((instrument.min_size or lot) / lot, ONE)) - 1)
    high = lots - 1

    def after(count: int) -> Account | None:
        return _closed(case, leg, count * lot)

    if high <= low or not _stands(case, after(high)):
        return Remedy(Way.CUT_SIZE, None, unit, None, _why_no_cut(case, leg))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _stands(case, after(middle)) else (middle, high)
    account = after(high)
    assert account is not None
    left = show((abs(leg.size) - high * lot) * instrument.multiplier)
    return Remedy(
        Way.CUT_SIZE, high * lot * instrument.multiplier, unit, _landed(case, account), f"closed at the mark; {left} stays"
    )


def _why_no_cut(case: Case, leg: LegView) -> str:
    reading = case.rulebook.readings.get("partial_close")
    if leg.mode is MarginMode.ISOLATED and reading == "pro_rata_release":
        return f"a cut releases its share of the margin as well, so the price stays (reading partial_close = {reading})"
    return "no cut gets there; only closing all of it does"


def _stands(case: Case, account: Account | None) -> bool:
    return account is not None and _headroom(case, account) >= 0


def _closed(case: Case, leg: LegView, size: Decimal) -> Account | None:
    """The account after closing `size` contracts at the mark; None where the venue refuses."""
    side = "sell" if leg.size > 0 else "buy"
    order = Order("cut", leg.symbol, side, size, OrderType.MARKET, reduce_only=True, mode=leg.mode, position_side=leg.side)
    state, _, reject, _ = decide(case.state, PlaceOrder(order, leg.mode), Venue(case.rulebook))
    return state.account if reject is None else None


def _set_leverage(case: Case, leg: LegView) -> Remedy:
    """The highest whole leverage whose own margin, value / leverage, stands the target; whether the venue changes it in
    place is asked of the venue."""
    if leg.mode is MarginMode.CROSS:
        return Remedy(Way.SET_LEVERAGE, None, "x", None, "leverage moves no liquidation price in cross")
    account = case.state.account
    low, high = 0, int(floor_to(leg.leverage, ONE))
    while high > low:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _headroom(case, _opened_at(case, account, Decimal(middle))) >= 0 else (low, middle - 1)
    if low < 1:
        return Remedy(Way.SET_LEVERAGE, None, "x", None, "even 1x is liquidated before that price")
    leverage = Decimal(low)
    at = _opened_at(case, account, leverage)
    wall = next(p.isolated_margin for p in at.positions if leg_key(p) == case.key)
    lands = _landed(case, at)
    missing = -at.cash[leg.asset]
    if missing > 0:
        note = f"walls off {show(wall, 8)} {leg.asset}, {show(missing, 8)} more than there is"
        return Remedy(Way.SET_LEVERAGE, leverage, "x", lands, note)
    _, _, reject, _ = decide(case.state, SetLeverage(leg.symbol, leverage, leg.mode, leg.side), Venue(case.rulebook))
    note = f"walls off {show(wall, 8)} {leg.asset}"
    if reject is not None:
        refused = refusal_text(refusal(SetLeverage(leg.symbol, leverage), reject, case.rulebook))
        note += f"; only by opening anew: {refused}"
    return Remedy(Way.SET_LEVERAGE, leverage, "x", lands, note)


def _opened_at(case: Case, account: Account, leverage: Decimal) -> Account:
    """The account as if the position had been opened with this leverage: its own margin walled off, the rest in cash."""
    position = next(p for p in account.positions if leg_key(p) == case.key)
    instrument = case.rulebook.instruments[position.symbol]
    wall = isolated_money(case.rulebook, instrument, position.size, position.entry_price, leverage, account.fees)
    cash = {**account.cash, instrument.settle: account.cash.get(instrument.settle, ZERO) + position.isolated_margin - wall}
    extra, settle = wall - position.isolated_margin, instrument.settle
    changed = _replaced(
        account, case.key, lambda p: msgspec.structs.replace(_holding(p, settle, extra), leverage=leverage)
    )
    return msgspec.structs.replace(changed, cash=cash)
