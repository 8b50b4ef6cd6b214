"""A small account to put questions to: one or two contracts of a rulebook, a little money, and the account machine.

Nothing here knows a venue. Contracts come from the tables in force, sizes from their lots and minimums; what a venue does
not offer shows as the refusal of a command. A refused step is kept (`stuck`) and the steps after it are left out, so that
a question reads as a list of steps and looks once at its end whether all of them were taken.
"""

from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

import msgspec

from plimsoll.account.commands import (
    AddMargin,
    CancelOrder,
    Command,
    Deposit,
    PlaceOrder,
    RemoveMargin,
    SetLeverage,
    SetMarginMode,
    SetMarks,
    Withdraw,
)
from plimsoll.account.decide import decide
from plimsoll.account.events import Event, Reduced, TakenOver
from plimsoll.account.state import State, Venue
from plimsoll.errors import Reject
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.views import Assessment, LegView
from plimsoll.model import Account, Instrument, Kind, LegSide, MarginMode, Marks, Order, OrderType, Position, PositionMode
from plimsoll.number import ONE, ZERO, ceil_to, show
from plimsoll.rulebook import Rulebook
from plimsoll.sentences import amount, price

PRICE = Decimal(100)
"""Where every contract starts: a plain figure that all ticks divide; the answers are about shares of it."""

VALUE = Decimal(1000)
"""Of a position, in the quote currency, where the smallest orders and the first brackets allow it."""

LEVERAGE = Decimal(10)

BORROWING = Decimal(2)
"""Leverage of coins bought with borrowed money: half of their price, which every class of account is lent."""

OTHER = {MarginMode.CROSS: MarginMode.ISOLATED, MarginMode.ISOLATED: MarginMode.CROSS}


class Pair(NamedTuple):
    """The contracts to play with. `second` None: only one contract settles in that asset. `beside`: the second, else one of
    another asset (None: the rulebook has a single contract). `value`: of a position, in the quote currency."""

    first: Instrument
    second: Instrument | None
    beside: Instrument | None
    value: Decimal


class Ground(NamedTuple):
    """What a question is asked on: rules with their readings, a margin mode, contracts."""

    rulebook: Rulebook
    mode: MarginMode
    pair: Pair


class Scene(msgspec.Struct, frozen=True):
    """The account on its way. `events`: all so far; `stuck`: the first refusal in words, '' while all went well."""

    ground: Ground
    state: State
    events: tuple[Event, ...] = ()
    stuck: str = ""
    reject: Reject | None = None


def find_pair(rulebook: Rulebook) -> Pair | None:
    """Two perpetual linear contracts that settle in one asset; where there are none two inverse ones; else any two that
    share their asset, else a single one. Of several the most leveraged (the venue's main ones), those with the youngest
    table first. None: the rulebook has no instrument."""

    def main_first(i: Instrument) -> tuple[bool, Decimal, int, str]:
        top = i.brackets[0].max_leverage or ZERO if i.brackets else ZERO
        return i.expires, -top, rulebook.ages[i.symbol].days if i.symbol in rulebook.ages else 0, i.symbol

    known = sorted((i for i in rulebook.instruments.values() if i.brackets), key=lambda i: i.settle)
    groups = [sorted(group, key=main_first) for _, group in groupby(known, key=lambda i: i.settle)]
    linear = [[i for i in group if i.kind is Kind.LINEAR and not i.expires] for group in groups]
    inverse = [[i for i in group if i.kind is Kind.INVERSE] for group in groups]
    for kind in (linear, inverse, groups):
        pairs = [group for group in kind if len(group) > 1]
        if pairs:
            best = min(pairs, key=lambda group: (_age(rulebook, group), [main_first(i) for i in group[:2]]))
            return Pair(best[0], best[1], best[1], _common_value(best[:2]))
    singles = sorted((group[0] for group in groups), key=main_first)[:2]
    if not singles:
        return None
    return Pair(singles[0], None, singles[1] if len(singles) > 1 else None, _common_value(singles))


def _common_value(contracts: list[Instrument]) -> Decimal:
    """VALUE, or all of a first bracket where that is less; no less than the smallest orders."""
    caps = [(i.brackets[0].cap, _unit(i) / bracket_measure(i, ONE)) for i in contracts]
    bounds = [cap * value for cap, value in caps if cap is not None]
    least = [_unit(i) * max(i.min_size or ZERO, i.lot or ZERO) for i in contracts]
    least += [(i.min_notional or ZERO) * (PRICE if i.kind is Kind.INVERSE else ONE) for i in contracts]
    return max([min([VALUE, *bounds]), *least])


def _unit(instrument: Instrument) -> Decimal:
    """What one contract stands for at PRICE, in the quote currency."""
    return instrument.multiplier if instrument.kind is Kind.INVERSE else instrument.multiplier * PRICE


def _age(rulebook: Rulebook, group: list[Instrument]) -> int:
    return sum(rulebook.ages[i.symbol].days for i in group[:2] if i.symbol in rulebook.ages)


def size_of(pair: Pair, instrument: Instrument, shares: Decimal = ONE) -> Decimal:
    """Contracts of a position of `shares` (whole) times the pair's value at PRICE, in whole lots."""
    return whole_lots(instrument, pair.value / _unit(instrument)) * shares


def whole_lots(instrument: Instrument, size: Decimal) -> Decimal:
    """A size rounded up to what may be ordered."""
    return ceil_to(size, instrument.lot or ONE)


def bracket_measure(instrument: Instrument, size: Decimal) -> Decimal:
    """Contracts at PRICE as the venue's brackets count them: contracts, base units, or value in the settle asset."""
    if instrument.bracket_unit == "contracts":
        return size
    amount = size * instrument.multiplier
    if instrument.kind is Kind.INVERSE:
        return amount / PRICE
    return amount if instrument.bracket_unit == "base" else amount * PRICE


def leverage_for(instrument: Instrument) -> Decimal:
    """LEVERAGE (BORROWING, of coins themselves), or what the first bracket allows where that is less."""
    usual, top = BORROWING if instrument.kind is Kind.SPOT else LEVERAGE, instrument.brackets[0].max_leverage
    return usual if top is None else min(usual, top)


def margin_of(ground: Ground, instrument: Instrument, shares: Decimal = ONE) -> Decimal:
    """Value over leverage of a position at PRICE: the small account counts its money in these."""
    contracts = size_of(ground.pair, instrument, shares) * instrument.multiplier
    value = ground.rulebook.rules.notional(contracts, PRICE, instrument.kind is Kind.INVERSE)
    return value / leverage_for(instrument)


def begin(ground: Ground, cash: Decimal) -> Scene:
    """An account without positions that holds so much of the settle asset (and, where `beside` settles in another, as many
    margins of that), with all prices known."""
    first, beside = ground.pair.first, ground.pair.beside
    wallet = {first.settle: cash}
    if beside is not None and beside.settle != first.settle:
        wallet[beside.settle] = cash / margin_of(ground, first) * margin_of(ground, beside)
    account = Account(PositionMode.ONE_WAY, wallet, fees=ground.rulebook.fees)
    symbols = [i.symbol for i in (first, beside) if i is not None]
    scene = Scene(ground, State(account, Marks({})))
    return _do(scene, SetMarks(dict.fromkeys(symbols, PRICE), indexes=_indexes(ground.pair)), "the first prices")


def _indexes(pair: Pair) -> dict[str, Decimal]:
    """Index prices of the coins concerned: each coin at PRICE, what a linear contract settles in at one."""
    contracts = [i for i in (pair.first, pair.beside) if i is not None]
    quotes = {i.quote: ONE for i in contracts}
    return quotes | {i.base: PRICE for i in contracts}


def do(scene: Scene, command: Command) -> Scene:
    """The scene after a command; where it is refused the scene is stuck, and a stuck scene stays as it is."""
    return _do(scene, command, STEPS.get(type(command), "a step"))


STEPS: dict[type[Command], str] = {
    SetMarginMode: "switching the mode",
    SetLeverage: "setting the leverage",
    PlaceOrder: "the order",
    CancelOrder: "cancelling",
    Deposit: "the deposit",
    Withdraw: "the withdrawal",
    AddMargin: "adding margin",
    RemoveMargin: "taking margin out",
}


def _do(scene: Scene, command: Command, what: str) -> Scene:
    if scene.stuck:
        return scene
    state, events, reject, _ = decide(scene.state, command, Venue(scene.ground.rulebook))
    if reject is not None:
        return msgspec.structs.replace(scene, stuck=f"{what} is refused: {refusal(reject, scene)}", reject=reject)
    return msgspec.structs.replace(scene, state=state, events=scene.events + events)


def refusal(reject: Reject, scene: Scene) -> str:
    """A refusal in words: the message, the two numbers compared, and the venue's code where it has one."""
    code = scene.ground.rulebook.rules.venue_code(reject)
    compared = reject.wanted is not None and reject.limit is not None
    numbers = f", {_figure(reject.wanted)} against {_figure(reject.limit)}" if compared else ""
    return f"{reject.message.rstrip('.')}{numbers}{f' ({code})' if code else ''}"


def _figure(value: Decimal | None) -> str:
    return "none" if value is None else show(value, 4)


def prepare(scene: Scene, instrument: Instrument, mode: MarginMode, leverage: Decimal | None = None) -> Scene:
    """The settings for a trade in `mode`: leverage, then the mode. A refused leverage is left at the venue's own; a refused
    mode matters only where the next trade would fall under the other one."""
    if scene.stuck:
        return scene
    with_leverage = do(scene, SetLeverage(instrument.symbol, leverage or leverage_for(instrument), mode))
    ready = scene if with_leverage.stuck else with_leverage
    switched = switch(ready, instrument, mode)
    if not switched.stuck:
        return switched
    falls_under = scene.ground.rulebook.rules.fill_mode(ready.state.account, instrument.symbol, mode)
    return ready if falls_under is mode else switched


def switch(scene: Scene, instrument: Instrument, mode: MarginMode) -> Scene:
    """The contract's mode switched; where the venue has none for a contract, that of the whole account."""
    alone = do(scene, SetMarginMode(instrument.symbol, mode))
    if not alone.stuck:
        return alone
    together = do(scene, SetMarginMode("", mode))
    of_account = alone.reject is not None and str(alone.reject.reason) == ONE_SETTING
    return together if of_account or not together.stuck else alone


ONE_SETTING = "margin_mode_scope"
"""The reason for which a switch of one contract is refused where the mode is one setting for the whole account."""


def order(
    scene: Scene, instrument: Instrument, side: str, size: Decimal, mode: MarginMode, limit: Decimal | None = None
) -> Scene:
    """A market order, or a limit order where a limit is given."""
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    return do(scene, PlaceOrder(Order(f"{side} {instrument.symbol}", instrument.symbol, side, size, kind, limit), mode))


def opened(
    scene: Scene,
    instrument: Instrument,
    size: Decimal | None = None,
    mode: MarginMode | None = None,
    leverage: Decimal | None = None,
) -> Scene:
    """A long position in `instrument`, of `size_of`, in the ground's mode and at `leverage_for` unless others are named;
    stuck where the trade did not lead to a position in that mode."""
    wanted = scene.ground.mode if mode is None else mode
    ready = prepare(scene, instrument, wanted, leverage)
    after = order(ready, instrument, "buy", size or size_of(scene.ground.pair, instrument), wanted)
    if after.stuck or held(after, instrument, wanted) is not None:
        return after
    return msgspec.structs.replace(after, stuck=f"an order in {instrument.symbol} opens no {wanted} position here")


def closed(scene: Scene, instrument: Instrument) -> Scene:
    """The position in `instrument` sold in the market."""
    position = held(scene, instrument, scene.ground.mode)
    return scene if position is None else order(scene, instrument, "sell", abs(position.size), scene.ground.mode)


def marked(scene: Scene, instrument: Instrument, price: Decimal) -> Scene:
    """A new mark for one contract, the others standing; the coin's index goes with it where no other contract is on it."""
    first, second = scene.ground.pair.first, scene.ground.pair.second
    alone = second is None or first.base != second.base
    return do(scene, SetMarks({instrument.symbol: price}, indexes={instrument.base: price} if alone else {}))


def held(scene: Scene, instrument: Instrument, mode: MarginMode | None = None) -> Position | None:
    """The position in a contract (of one mode, where one is named)."""
    mine = (p for p in scene.state.account.positions if p.symbol == instrument.symbol and p.side is LegSide.NET)
    return next((p for p in mine if mode is None or p.mode is mode), None)


def look(scene: Scene) -> Assessment:
    """The account now, with liquidation prices."""
    return assess(scene.state.account, scene.state.marks, scene.ground.rulebook, Prices.OWN)


def leg_of(scene: Scene, instrument: Instrument, mode: MarginMode | None = None) -> LegView | None:
    """A position's line in the assessment."""
    wanted = scene.ground.mode if mode is None else mode
    return next((leg for leg in look(scene).legs if leg.symbol == instrument.symbol and leg.mode is wanted), None)


def line_of(scene: Scene, instrument: Instrument) -> Decimal | None:
    """The mark at which the position's pool fails."""
    leg = leg_of(scene, instrument)
    return None if leg is None else leg.liquidation_price


def shift(old: Decimal | None, new: Decimal | None) -> str:
    """What became of a line, as far as it is printed."""
    was, now = ("none" if line is None else price(line) for line in (old, new))
    return f"the line stays at {was}" if was == now else f"the line moves from {was} to {now}"


def past(line: Decimal) -> Decimal:
    """A mark just below a long position's line."""
    return line * Decimal("0.999")


def money(scene: Scene, value: Decimal) -> str:
    """An amount of the settle asset for a sentence."""
    return amount(value, scene.ground.pair.first.settle)


def free(scene: Scene) -> Decimal:
    """What new orders may use, in the settle asset; where the venue counts in another unit, that of its only pool."""
    views = look(scene).assets
    settle = scene.ground.pair.first.settle
    return next((a.available_balance for a in views if a.asset == settle), views[0].available_balance if views else ZERO)


def worth(scene: Scene) -> Decimal:
    """All the trader's money in the settle asset: cash, isolated money and running profit; coins less what is owed, where these
    are what is held."""
    account = scene.state.account
    settle = scene.ground.pair.first.settle
    if scene.ground.pair.first.kind is Kind.SPOT:
        worth_of = scene.state.marks.indexes
        return sum((view.equity * worth_of[view.asset] for view in look(scene).assets), ZERO) / worth_of[settle]
    inside = sum((p.isolated_margin for p in account.positions), ZERO)
    running = sum((leg.unrealised_pnl for leg in look(scene).legs), ZERO)
    return account.cash.get(settle, ZERO) + inside + running


def since(before: Scene, after: Scene) -> tuple[Event, ...]:
    """The events between two scenes of one account."""
    return after.events[len(before.events) :]


def forced(before: Scene, after: Scene) -> list[Reduced | TakenOver]:
    """The forced closes between two scenes of one account."""
    return [event for event in since(before, after) if isinstance(event, Reduced | TakenOver)]

