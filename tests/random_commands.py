"""Random lives of an account: commands that make sense, commands that do not, and worlds that fill them badly."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from plimsoll.account.commands import (
    AccrueInterest,
    AddMargin,
    Borrow,
    CancelOrder,
    ChargeInterest,
    Command,
    Deposit,
    Fill,
    PlaceOrder,
    RemoveMargin,
    Repay,
    SetLeverage,
    SetMarginMode,
    SetMarks,
    SetOption,
    SetPositionMode,
    SettleExpiry,
    SettleFunding,
    Withdraw,
)
from plimsoll.account.decide import decide
from plimsoll.account.events import Event
from plimsoll.account.state import Environment, State, Venue
from plimsoll.errors import Reject
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.waterfall import Counterparty
from plimsoll.model import (
    Account,
    Fees,
    LegSide,
    MarginMode,
    Marks,
    Order,
    OrderType,
    PositionMode,
    Trigger,
    leg_key,
)
from plimsoll.rulebook import Rulebook
from random_accounts import (
    LEVERAGES,
    D,
    accounts,
    digits,
    marks_at,
    options_of,
    position_modes,
    rulebook_of,
    settings_of,
    symbols_of,
)

START = datetime(2026, 7, 2, tzinfo=UTC)
MOST = D(10) ** 7
"""The largest trade's value: lives are wild, but nobody is richer than the world."""
SIDES = st.sampled_from(["buy", "sell"])


def size_at(state: State, venue: str, symbol: str, value: Decimal) -> Decimal:
    """Whole lots worth about `value` at the present mark, at least one."""
    i = rulebook_of(venue).instruments[symbol]
    lot, mark = i.lot or D(1), state.marks.marks[symbol]
    each = i.multiplier / mark if i.kind == "inverse" else i.multiplier * mark
    return max(lot, (min(value, MOST) / each / lot).to_integral_value() * lot)


@st.composite
def worlds(draw: st.DrawFn, venue: str) -> Environment:
    """A world with or without a deep insurance fund, counterparties, and somebody who fills forced orders."""
    symbols = symbols_of(venue)
    fills: dict[str, Decimal | None] = {}
    for symbol in draw(st.lists(st.sampled_from(symbols), max_size=2, unique=True)):
        fills[symbol] = draw(st.one_of(st.none(), digits("0.01", "200", 2)))
    assets = sorted({i.settle for i in rulebook_of(venue).instruments.values()})
    fund = {a: draw(digits("1", "1000", 0)) for a in assets} if draw(st.booleans()) else {}
    parties = tuple(
        Counterparty(f"{side}-{n}", symbol, side, D(n * 5), D(n))
        for symbol in symbols[:2]
        for side in ("long", "short")
        for n in range(1, draw(st.integers(1, 3)))
    )
    return Environment(fills, fund, parties)


@st.composite
def openings(draw: st.DrawFn, venue: str) -> State:
    """An account with money and prices; every other one holds positions already."""
    if draw(st.booleans()):
        account, marks = draw(accounts(venue))
        return State(account, Marks(marks.marks, dict(marks.marks), marks.indexes, START))
    chosen = symbols_of(venue)[:2] + symbols_of(venue)[-2:]
    marks = {symbol: draw(digits("1", "500", 2)) for symbol in chosen}
    assets = sorted({rulebook_of(venue).instruments[s].settle for s in chosen})
    cash = {asset: draw(digits("10", "100000", 2)) for asset in assets}
    mode = draw(st.sampled_from(position_modes(venue)))
    settings = draw(st.sampled_from(settings_of(venue)))
    options = options_of(venue, draw(st.sampled_from(MarginMode))) | settings
    rates = {coin: D(draw(st.integers(1, 300))) / 100 for coin in rulebook_of(venue).coins} if draw(st.booleans()) else {}
    account = Account(mode, cash, fees=Fees(D("0.0002"), D("0.0005")), options=options, interest_rates=rates)
    return State(account, Marks(marks, dict(marks), marks_at(venue, marks).indexes, START))


@st.composite
def commands(draw: st.DrawFn, venue: str, state: State, n: int) -> Command:
    """One command for the account as it stands; most are meant well."""
    account = state.account
    symbol = draw(st.sampled_from(sorted(state.marks.marks)))
    if account.positions and draw(st.booleans()):
        symbol = draw(st.sampled_from([p.symbol for p in account.positions]))
    asset = rulebook_of(venue).instruments[symbol].settle
    hedge = account.position_mode is PositionMode.HEDGE
    leg = draw(st.sampled_from([LegSide.LONG, LegSide.SHORT])) if hedge else LegSide.NET
    mode = draw(st.sampled_from(MarginMode))
    mark = state.marks.marks[symbol]
    money = abs(account.cash.get(asset, D(1))) * draw(st.integers(1, 150)) / 100
    money = max(D("0.01"), money.quantize(D("0.00000001")))
    unit = mark if rulebook_of(venue).instruments[symbol].kind == "inverse" else D(1)
    size = size_at(state, venue, symbol, money * unit * draw(st.sampled_from([1, 5, 20])))
    near = (mark * (1 + D(draw(st.integers(-30, 30))) / 1000)).quantize(D("0.01")) or D("0.01")
    if rulebook_of(venue).rules.DEBTS and draw(st.integers(0, 3)) == 0:
        return draw(_of_debts(venue, account))
    match draw(st.integers(0, 17)):
        case 0 | 1 | 2 | 3:
            return draw(_moves(venue, state, n))
        case 4 | 5 | 6 | 7:
            price = draw(st.sampled_from([mark, near]))
            return Fill(symbol, draw(SIDES), size, price, "taker", mode, leg, draw(st.integers(0, 5)) == 5)
        case 8 | 9 | 10:
            kind = draw(st.sampled_from(OrderType))
            price = near if kind is OrderType.LIMIT else None
            stop = near if kind in (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET) else None
            watched = draw(st.sampled_from(Trigger))
            order = Order(str(n), symbol, draw(SIDES), size, kind, price, stop, watched, draw(st.booleans()), position_side=leg)
            return PlaceOrder(order, mode)
        case 11:
            ids = [order.id for order in account.orders] or ["none"]
            return CancelOrder(draw(st.sampled_from(ids)))
        case 12:
            return SettleFunding(symbol, D(draw(st.integers(-100, 100))) / 10000)
        case 13:
            way = draw(st.sampled_from([Deposit, Withdraw, ChargeInterest]))
            return way(asset, money)
        case 14:
            way = draw(st.sampled_from([AddMargin, RemoveMargin]))
            return way(symbol, money, leg)
        case 15:
            return SetLeverage(symbol, draw(st.sampled_from(LEVERAGES)), mode, leg)
        case 16:
            return SetMarginMode(draw(st.sampled_from([symbol, ""])), mode)
        case _:
            knobs = [SetOption(name, value) for name, values in rulebook_of(venue).rules.OPTIONS.items() for value in values]
            return draw(st.sampled_from([*(SetPositionMode(m) for m in PositionMode), SettleExpiry(symbol, near), *knobs]))


@st.composite
def _of_debts(draw: st.DrawFn, venue: str, account: Account) -> Command:
    """What can be done with debts, of the account or inside a wall; most of it can be done."""
    walls = [p for p in account.positions if p.coins is not None]
    inside = draw(st.sampled_from([None, *walls]))
    leg = None if inside is None else leg_key(inside)
    known = account.cash if inside is None or inside.coins is None else inside.coins
    asset = draw(st.sampled_from(sorted({*known, *account.borrowed, *rulebook_of(venue).coins})))
    there = max([abs(known.get(a, D(0))) for a in (asset, *known)], default=D(1)) or D(1)
    share = D(draw(st.integers(1, 120))) / 100
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return AccrueInterest(D(draw(st.sampled_from([1, 1, 24, 720, 8760]))))
    if kind == 1:
        return draw(st.sampled_from([Deposit, Withdraw]))(asset, there * share)
    owed = account if inside is None else inside
    due = owed.borrowed.get(asset, D(0)) + owed.interest.get(asset, D(0))
    if kind == 2 and due:
        return Repay(asset, min(D(1), share) * min(due, max(known.get(asset, D(0)), D("1e-8"))), leg)
    return draw(st.sampled_from([Borrow, Borrow, Repay, ChargeInterest]))(asset, there * share / 10, leg)


@st.composite
def _moves(draw: st.DrawFn, venue: str, state: State, n: int) -> SetMarks:
    """New prices of one instant, some of them far away; now and then a backward time or a price of zero."""
    held = [p.symbol for p in state.account.positions]
    symbols = draw(st.lists(st.sampled_from(sorted(state.marks.marks)), min_size=1, max_size=3, unique=True))
    moved = {}
    for symbol in dict.fromkeys([*symbols, *held]):
        share = D(draw(st.sampled_from([1000, 990, 1010, 970, 1030, 900, 1100, 700, 1500, 300, 3000]))) / 1000
        moved[symbol] = min(D(1000000), max(D("0.05"), (state.marks.marks[symbol] * share).quantize(D("0.01"))))
    if draw(st.integers(0, 40)) == 40:
        moved[symbols[0]] = D(0)
    time = START + timedelta(seconds=20 * (-n if draw(st.integers(0, 40)) == 40 else n))
    indexes = marks_at(venue, {**state.marks.marks, **moved}).indexes if draw(st.booleans()) else {}
    return SetMarks(moved, dict(moved), {a: p for a, p in indexes.items() if p > 0}, time)


class Life:
    """The states of an account from its opening on, and what happened in between."""

    def __init__(self, world: Venue, opening: State) -> None:
        self.world = world
        self.states = [opening]
        self.events: list[tuple[Event, ...]] = []
        self.commands: list[Command] = []
        self.rejects: list[Reject | None] = []

    @property
    def journal(self) -> list[Event]:
        return [event for group in self.events for event in group]


def live(data: st.DataObject, venue: str, steps: int = 20, rulebook: Rulebook | None = None) -> Life:
    """Play a random life, under another dated way of reckoning where one is given. A refused command must leave the very
    state and no events: checked here, at every step."""
    life = Life(Venue(rulebook or rulebook_of(venue), data.draw(worlds(venue))), data.draw(openings(venue)))
    for n in range(1, data.draw(st.integers(steps // 2, steps)) + 1):
        before = life.states[-1]
        command = data.draw(commands(venue, before, n))
        decision = decide(before, command, life.world)
        life.commands.append(command)
        life.rejects.append(decision.reject)
        if decision.reject is not None:
            assert decision.state == before and decision.events == ()
        life.states.append(decision.state)
        life.events.append(decision.events)
    return life


def abandoned(state: State, world: Venue) -> list[str]:
    """Pools that would be liquidated, and of which no part was just sold and nobody is missing who would take the rest."""
    view = assess(state.account, state.marks, world.rulebook, Prices.NONE)
    nobody = {symbol for symbol, price in world.environment.liquidation_fill.items() if price is None}
    patient = world.rulebook.rules.WAITS > 0
    sold = {p.symbol for p in state.account.positions if p.part_sold is not None}
    waited = {leg.pool for leg in view.legs if patient and leg.symbol in sold | nobody}
    return [pool.key for pool in view.pools if pool.liquidatable and pool.key not in waited]
