"""Playing one account along one path of prices, with the exact machine.

Between two points all prices move together along a straight segment. The player stops wherever something happens on it,
in order: a pool loses its headroom, a stop or limit is reached, a top-up falls due. The machine then handles that instant.
A segment on which nothing can happen is crossed in one step: headroom is concave along it (or bounded leg by leg, where
inverse legs of several symbols mix), so looking at its ends is enough. The screen holds no rule of its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.account.commands import CancelOrder, Command, SetMarks, SettleFunding
from plimsoll.account.decide import decide
from plimsoll.account.events import Converted, Deposited, Event, Reduced, StageReached
from plimsoll.account.state import State, Venue
from plimsoll.account.turn import Laid
from plimsoll.errors import BadInput, Reject
from plimsoll.indexes import stand_in_indexes, teller_of
from plimsoll.margin.apart import margins_of
from plimsoll.margin.assess import Prices, assess, mark_column
from plimsoll.margin.liquidation_price import first_failure
from plimsoll.margin.pools import Layout, lay_out
from plimsoll.model import Account, Marks, Order, OrderType, Stage, Trigger
from plimsoll.number import ONE, ZERO, exact
from plimsoll.plan import TopUp
from plimsoll.prices.history import Frame, History
from plimsoll.prices.paths import BarPath, Quote, waypoints
from plimsoll.rules.columns import Leg, Pool
from plimsoll.rules.drawing import PoolSpec
from plimsoll.rules.resting import falling_watch
from plimsoll.runs import Least, Sample

SAMPLES = 1_500
"""At most so many frames of a run carry a sample; more would only make figures heavy."""


LOOKS = 50
"""After a forced sale the venue's next look is a fiftieth of a segment later: marks come about once a second, not
continuously, and a cut of the least amount would otherwise be followed by another at every lot."""


class Told(NamedTuple):
    """An event with its time, or a refusal of something the plan wanted. `worth`: asset -> its value in the unit then."""

    time: datetime
    event: Event | None
    command: Command
    reject: Reject | None
    worth: dict[str, Decimal]


class Unit(NamedTuple):
    """What money is told in. `mixed`: the account settles in several assets, which are counted at their prices of the
    moment; else what it holds beside `name` is left out."""

    name: str
    mixed: bool


class Played(msgspec.Struct, frozen=True):
    """What one playing gives: the states at both ends, everything that happened, the extremes, the samples."""

    start: State
    final: State
    told: tuple[Told, ...]
    start_equity: Decimal
    lowest_equity: Decimal
    lowest_equity_at: datetime
    least: tuple[Least, ...]
    samples: tuple[Sample, ...]


class Tape:
    """One playing as it runs: the state, what was told, the extremes so far. Lives for one `play`. `lent`: asset -> money in
    the account that is not its own and does not count as equity (a twin that no margin rule can touch has it); `added`: what
    has come from outside, which does not count either (None: it does)."""

    def __init__(self, account: Account, venue: Venue, unit: Unit, time: datetime) -> None:
        self.state = State(account, Marks({}))
        self.venue = venue
        self.unit = unit
        self.time = time
        self.told: list[Told] = []
        self.lowest: tuple[Decimal, datetime] | None = None
        self.least: dict[str, Least] = {}
        self.samples: list[Sample] = []
        self.equity = ZERO
        self.laid: Laid | None = None
        self.lent: Mapping[str, Decimal] = {}
        self.added: Decimal | None = None

    def layout(self) -> Layout:
        """The account's columns, rebuilt only when the account changed."""
        if self.laid is None or self.laid.account is not self.state.account:
            self.laid = Laid(self.state.account, lay_out(self.state.account, self.venue.rulebook))
        return self.laid.layout

    def do(self, command: Command) -> Reject | None:
        decision = decide(self.state, command, self.venue, self.laid)
        self.state, self.laid = decision.state, decision.laid
        if decision.reject is not None:
            self.told.append(Told(self.time, None, command, decision.reject, {}))
        worth = self.worth() if decision.events else {}
        for event in decision.events:
            self.told.append(Told(self.time, event, command, None, worth))
            if isinstance(event, Deposited) and self.added is not None:
                self.added += event.amount * worth[event.asset]
            if isinstance(event, StageReached) and event.stage is Stage.CANCELLING:
                headroom = event.margin_balance - event.requirement
                self._near(event.pool, headroom, event.margin_balance, event.asset)
        return decision.reject

    def obey(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self.do(command)

    def look(self) -> None:
        """Equity and headroom now, kept where they are the lowest so far."""
        layout, rules = self.layout(), self.venue.rulebook.rules
        marks = mark_column(layout, self.state.marks.marks, self.state.marks.indexes)
        equity = ZERO
        margins = margins_of(layout, self.venue.rulebook, marks)
        for spec, pool, margin in zip(layout.specs, layout.pools, margins, strict=True):
            if spec.apart or pool.beside:
                equity += self._own_equity(spec, pool, marks) * self._value(spec.asset)
            elif not spec.assets:
                equity += (margin.balance + pool.reserved) * self._value(spec.asset)
            for at, asset in enumerate(spec.assets):
                equity += rules.assess_coin(pool, margin, at, marks, layout.markets).equity * self._value(asset)
            if pool.legs:
                self._near(spec.key, margin.balance - margin.requirement, margin.balance, spec.asset)
        self.equity = equity = equity - self._borrowed() - (self.added or ZERO)
        if self.lowest is None or equity < self.lowest[0]:
            self.lowest = (equity, self.time)

    def _borrowed(self) -> Decimal:
        return sum((amount * self._value(asset) for asset, amount in self.lent.items()), ZERO)

    def _own_equity(self, spec: PoolSpec, pool: Pool[Decimal], marks: Sequence[Decimal]) -> Decimal:
        """Running profit of a pool that shares its cash with others, and the cash of the one that holds it for all."""
        rules, markets = self.venue.rulebook.rules, self.layout().markets
        own = ZERO if spec.apart else pool.cash + pool.outside_pnl
        for leg in pool.legs:
            own += rules.profit(leg, marks[leg.market], markets[leg.market])
        return own

    def _near(self, pool: str, headroom: Decimal, balance: Decimal, asset: str) -> None:
        known, told = self.least.get(pool), headroom * self._value(asset)
        if known is None or told < known.headroom:
            self.least[pool] = Least(pool, told, headroom / balance if balance > 0 else None, self.time)

    def worth(self) -> dict[str, Decimal]:
        """Asset -> what a unit of it is worth now, for every asset that the account has to do with."""
        held = [position.symbol for position in self.state.account.positions]
        settles = [self.venue.rulebook.instruments[symbol].settle for symbol in held]
        pools = [spec.asset for spec in self.layout().specs]
        return {asset: self._value(asset) for asset in dict.fromkeys([*self.state.account.cash, *settles, *pools])}

    def _value(self, asset: str) -> Decimal:
        """What one unit of an asset is worth in the unit that the run is told in."""
        if asset == self.unit.name:
            return ONE
        if any(spec.assets and asset == spec.asset for spec in self.layout().specs):
            return ONE / coin_value(self.unit.name, self.state, self.venue)
        return coin_value(asset, self.state, self.venue) if self.unit.mixed else ZERO

    def indexes(self, marks: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """Prices of coins at these marks, where the venue asks for any: stand-ins, since a history holds contracts only."""
        return stand_in_indexes(self.state.account, marks, self.venue.rulebook)

    def sample(self) -> None:
        """Keep this instant for figures."""
        self._keep(self.state.marks, self.time)

    def preview(self, point: Mapping[str, Quote], time: datetime) -> None:
        """Keep the instant at which a pool is about to go, as it stands before the machine acts."""
        marks = {**self.state.marks.marks, **{s: q.mark for s, q in point.items()}}
        self._keep(msgspec.structs.replace(self.state.marks, marks=marks, indexes=self.indexes(marks)), time)

    def _keep(self, marks: Marks, time: datetime) -> None:
        view = assess(self.state.account, marks, self.venue.rulebook, Prices.OWN)
        equity = sum((asset.equity * self._value(asset.asset) for asset in view.assets), ZERO) - self._borrowed()
        headroom = {pool.key: pool.headroom * self._value(pool.asset) for pool in view.pools if pool.legs}
        prices = {leg.name: leg.liquidation_price for leg in view.legs}
        self.samples.append(Sample(time, dict(marks.marks), equity, headroom, prices))

    def played(self, start: State, start_equity: Decimal) -> Played:
        """What the whole playing gave."""
        assert self.lowest is not None
        return Played(
            start=start,
            final=self.state,
            told=tuple(self.told),
            start_equity=start_equity,
            lowest_equity=self.lowest[0],
            lowest_equity_at=self.lowest[1],
            least=tuple(self.least.values()),
            samples=tuple(self.samples),
        )


def coin_value(asset: str, state: State, venue: Venue) -> Decimal:
    """Price of an asset in the quote of the account's contracts; quotes count as one. BadInput where no mark tells it."""
    teller = teller_of(asset, state.marks.marks, venue.rulebook)
    if teller == "":
        return ONE
    found = None if teller is None else state.marks.marks[teller]
    if found is None:
        cure = f"no price tells what one {asset} is worth; leave it out of the account, or give a contract of it"
        raise BadInput("prices", asset, None, cure)
    return found


def play(
    account: Account,
    commands: Sequence[Command],
    top_ups: Sequence[TopUp],
    history: History,
    venue: Venue,
    path: BarPath,
    unit: Unit,
) -> Played:
    """Play `account` along `history`: the `commands` open it at the first prices. Money is told in `unit`."""
    frames = history.frames
    tape = Tape(account, venue, unit, frames[0].time)
    waiting = list(top_ups)
    stride = -(-len(frames) // SAMPLES)
    inside_bars = len(frames) <= SAMPLES // 8
    start = start_equity = None
    with exact():
        for n, frame in enumerate(frames):
            adverse: dict[str, int] = {} if start is None else adverse_sides(tape.state.account)
            points = waypoints(frame, path, adverse)
            for k, (point, time) in enumerate(zip(points, nominal_times(frame, len(points)), strict=True)):
                if start is None:
                    refuse_sunk(account, point, venue)
                    jump(tape, point, time)
                    tape.look()
                    start_equity = tape.equity
                    tape.obey(commands)
                    waiting = _after_opening(tape, waiting)
                    start = tape.state
                else:
                    move(tape, point, time, waiting)
                if k == 0:
                    due(tape, waiting, frame)
                tape.look()
                if inside_bars or (k == len(points) - 1 and (n % stride == 0 or n == len(frames) - 1)):
                    tape.sample()
    assert start is not None and start_equity is not None
    return tape.played(start, start_equity)


def _after_opening(tape: Tape, waiting: Sequence[TopUp]) -> list[TopUp]:
    """What was meant for a position that could not be opened falls away: its stops, and its top-ups."""
    expected = {p.symbol for p in tape.state.account.positions}
    expected |= {order.symbol for order in tape.state.account.orders if not order.reduce_only}
    for order in tape.state.account.orders:
        if order.symbol not in expected:
            tape.do(CancelOrder(order.id))
    return [top_up for top_up in waiting if top_up.symbol in expected]


def refuse_sunk(account: Account, point: Mapping[str, Quote], venue: Venue) -> None:
    """BadInput where a position is beyond its line at the very first prices: there is nothing to play."""
    quoted = {symbol: quote.mark for symbol, quote in point.items()}
    marks = Marks(quoted, {}, stand_in_indexes(account, quoted, venue.rulebook))
    for pool in assess(account, marks, venue.rulebook, Prices.NONE).pools:
        if pool.liquidatable:
            cure = (
                f"is beyond its liquidation price at the first prices ({', '.join(pool.legs)}); "
                "take entry prices from that day, leave entry_price out to open there, or lower leverage or borrowing"
            )
            raise BadInput("account", pool.key.removeprefix("asset:"), None, cure)


def nominal_times(frame: Frame, count: int) -> Iterator[datetime]:
    """Nominal times of the points inside a bar, evenly spread: a bar does not say when its extremes were."""
    for k in range(count):
        yield frame.time + timedelta(seconds=frame.seconds * k / max(count, 1))


def adverse_sides(account: Account) -> dict[str, int]:
    """symbol -> the side of the price that hurts: -1 down (net long), +1 up (net short). Entry orders of a symbol without
    a position count as what they would open."""
    net: dict[str, Decimal] = {}
    for position in account.positions:
        net[position.symbol] = net.get(position.symbol, ZERO) + position.size
    for order in account.orders:
        if order.symbol not in net and not order.reduce_only:
            net[order.symbol] = order.size if order.side == "buy" else -order.size
    return {symbol: -1 if size > 0 else 1 for symbol, size in net.items() if size != 0}


def jump(tape: Tape, point: Mapping[str, Quote], time: datetime) -> None:
    """Set these prices at once."""
    tape.time = time
    marks = {symbol: quote.mark for symbol, quote in point.items()}
    indexes = tape.indexes({**tape.state.marks.marks, **marks})
    tape.do(SetMarks(marks, {symbol: quote.last for symbol, quote in point.items()}, indexes, time))


def due(tape: Tape, waiting: list[TopUp], frame: Frame) -> None:
    """What a frame brings at its opening time: funding, then top-ups of that time."""
    for symbol, rate in frame.funding.items():
        tape.do(SettleFunding(symbol, rate))
    for top_up in [t for t in waiting if t.at is not None and t.at <= tape.time]:
        waiting.remove(top_up)
        tape.obey(top_up.commands)


def move(tape: Tape, target: Mapping[str, Quote], time: datetime, waiting: list[TopUp]) -> None:
    """From where the prices stand to `target` along one straight, common segment, stopping at everything on the way."""
    now = tape.state.marks
    origin = {s: Quote(now.marks[s], now.lasts.get(s, now.marks[s])) if s in now.marks else q for s, q in target.items()}
    began, done, rest = tape.time, ZERO, ZERO
    while True:
        stop = _next_stop(tape, origin, target, done, rest, waiting)
        if stop is None:
            jump(tape, target, time)
            return
        at, told = began + (time - began) * float(stop.at), len(tape.told)
        if stop.sinking:
            tape.preview(stop.quotes, at)
        jump(tape, stop.quotes, at)
        if any(isinstance(t.event, (Reduced, Converted)) for t in tape.told[told:]):
            rest = min(stop.at + ONE / LOOKS, ONE)
        if stop.top_up is not None:
            waiting.remove(stop.top_up)
            tape.obey(stop.top_up.commands)
        tape.look()
        tape.sample()
        done = stop.at
        if done >= 1:
            return


class _Stop(NamedTuple):
    """Where on a segment (0..1) something happens, and the quotes there."""

    at: Decimal
    quotes: dict[str, Quote]
    top_up: TopUp | None
    sinking: bool


def between(origin: Mapping[str, Quote], target: Mapping[str, Quote], at: Decimal) -> dict[str, Quote]:
    """The quotes at a share of the way along a segment."""
    return {
        symbol: Quote(a.mark + (target[symbol].mark - a.mark) * at, a.last + (target[symbol].last - a.last) * at)
        for symbol, a in origin.items()
    }


def _next_stop(
    tape: Tape,
    origin: Mapping[str, Quote],
    target: Mapping[str, Quote],
    done: Decimal,
    rest: Decimal,
    waiting: Sequence[TopUp],
) -> _Stop | None:
    """The first thing that happens after `done`; no further forced sale before `rest`. Watched levels are set exactly, so
    that rounding cannot miss them."""
    best: _Stop | None = None
    for order in tape.state.account.orders:
        watch = _watch(order)
        if watch is None or order.symbol not in origin:
            continue
        on_mark, level, falling = watch
        a, b = (origin[order.symbol][0 if on_mark else 1], target[order.symbol][0 if on_mark else 1])
        at = crossing(a, b, level, falling)
        if at is not None and at > done and (best is None or at < best.at):
            quotes = between(origin, target, at)
            quotes[order.symbol] = quotes[order.symbol]._replace(**{"mark" if on_mark else "last": level})
            best = _Stop(at, quotes, None, False)
    for top_up in waiting:
        if top_up.at_price is None or top_up.symbol not in origin:
            continue
        a, b = origin[top_up.symbol].mark, target[top_up.symbol].mark
        at = crossing(a, b, top_up.at_price, a > top_up.at_price)
        if at is not None and at >= done and (best is None or at < best.at):
            quotes = between(origin, target, at)
            quotes[top_up.symbol] = quotes[top_up.symbol]._replace(mark=top_up.at_price)
            best = _Stop(at, quotes, top_up, False)
    end = ONE if best is None else best.at
    failure = _first_loss(tape, origin, target, done, end)
    if failure is not None and max(failure, rest) <= end:
        at = max(failure, rest)
        return _Stop(at, between(origin, target, at), None, True)
    return best


def _watch(order: Order) -> tuple[bool, Decimal, bool] | None:
    """(on the mark?, level, reached by falling?) of an order that waits for a price."""
    if order.type is OrderType.LIMIT and order.price is not None:
        return False, order.price, order.side == "buy"
    if order.stop_price is not None:
        return order.trigger is Trigger.MARK, order.stop_price, falling_watch(order)
    return None


def crossing(a: Decimal, b: Decimal, level: Decimal, falling: bool) -> Decimal | None:
    """Where a price moving from a to b first stands at `level` from its own side; None: it does not get there."""
    if (a > level >= b) if falling else (a < level <= b):
        return (a - level) / (a - b)
    return None


def _first_loss(
    tape: Tape, origin: Mapping[str, Quote], target: Mapping[str, Quote], done: Decimal, end: Decimal
) -> Decimal | None:
    """The first point in (done, end] at which some pool's headroom is gone, on its failing side."""
    layout = tape.layout()
    first: Decimal | None = None
    for pool in layout.pools:
        if not pool.legs:
            continue
        headroom = _along(pool, tape, origin, target)
        markets = {leg.market for leg in (*pool.legs, *pool.beside)}
        bends_both_ways = len(markets) > 1 and any(layout.markets[i].inverse for i in markets) and not pool.wallets
        parts = [_along(_alone(leg), tape, origin, target) for leg in pool.legs] if bends_both_ways else []
        parts += [_lock_along(leg, tape, origin, target) for leg in pool.beside] if bends_both_ways else []
        at = _earliest(headroom, parts, done, end if first is None else first, 0)
        if at is not None:
            first = at
    return first


def _alone(leg: Leg[Decimal]) -> Pool[Decimal]:
    """A pool of nothing but this leg: its share of the headroom, which is concave or monotone in its own price."""
    return Pool(ZERO, (leg,), ZERO, 0, ZERO, ZERO, ZERO, ZERO, ZERO)


def _along(
    pool: Pool[Decimal], tape: Tape, origin: Mapping[str, Quote], target: Mapping[str, Quote]
) -> Callable[[Decimal], Decimal]:
    """Headroom of a pool as a function of the way along the segment."""
    layout, rules = tape.layout(), tape.venue.rulebook.rules

    def headroom(at: Decimal) -> Decimal:
        margin = rules.assess_pool(pool, _marks_along(tape, origin, target, at), layout.markets)
        return margin.balance - margin.requirement

    return headroom


def _lock_along(
    leg: Leg[Decimal], tape: Tape, origin: Mapping[str, Quote], target: Mapping[str, Quote]
) -> Callable[[Decimal], Decimal]:
    """What a leg beside a pool takes off its headroom at the most: twice its lock, since a unit of cash is worth a little more
    than one unit of headroom where it lowers the closing fee as well."""
    market, rules = tape.layout().markets[leg.market], tape.venue.rulebook.rules

    def taken(at: Decimal) -> Decimal:
        return -2 * rules.position_margin(leg, _marks_along(tape, origin, target, at)[leg.market], market)

    return taken


def _marks_along(
    tape: Tape, origin: Mapping[str, Quote], target: Mapping[str, Quote], at: Decimal
) -> list[Decimal]:
    """The column of marks, and of indexes where coins are valued, at a point of the segment; what does not move stays."""
    layout, still = tape.layout(), tape.state.marks.marks
    moved = {symbol: a.mark + (target[symbol].mark - a.mark) * at for symbol, a in origin.items()}
    column = [moved[symbol] if symbol in moved else still[symbol] for symbol in layout.symbols]
    if layout.assets:
        indexes = tape.indexes({**still, **moved})
        column += [indexes[asset] for asset in layout.assets]
    return column


def _earliest(
    headroom: Callable[[Decimal], Decimal],
    parts: Sequence[Callable[[Decimal], Decimal]],
    low: Decimal,
    high: Decimal,
    depth: int,
) -> Decimal | None:
    """Where headroom first vanishes in (low, high]. Without `parts` it is concave, so its ends decide and the root is one.
    With `parts` (inverse legs of several symbols) each part is least at an end: their sum bounds headroom from below, and
    a stretch that the bound cannot clear is halved, down to 2^-30 of the segment."""
    if not parts:
        if headroom(high) > 0:
            return None
        return first_failure(headroom, low, high) if headroom(low) > 0 else high
    rest = headroom(low) - sum((part(low) for part in parts), ZERO)
    if rest + sum((min(part(low), part(high)) for part in parts), ZERO) > 0:
        return None
    if depth == 30:
        return high if headroom(high) <= 0 else None
    middle = (low + high) / 2
    left = _earliest(headroom, parts, low, middle, depth + 1)
    return left if left is not None else _earliest(headroom, parts, middle, high, depth + 1)
