"""Playing one account along one path of prices, with the exact machine.

Between two points all prices move together along a straight segment. The player stops wherever something happens on it,
in order: a pool loses its headroom, a stop or limit is reached, a top-up falls due. The machine then handles that instant.
A segment on which nothing can happen is crossed in one step: headroom is concave along it (or bounded leg by leg, where
inverse legs of several symbols mix), so looking at its ends is enough. The screen holds no rule of its own.

A `Scout` may look ahead for it: the frames on which nothing happens are then left out, and the prices behind them set at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

from plimsoll.account.commands import CancelOrder, Command, SetMarks, SettleFunding
from plimsoll.account.events import Converted, Reduced
from plimsoll.account.state import State, Venue
from plimsoll.carry import Meter
from plimsoll.errors import BadInput
from plimsoll.indexes import stand_in_indexes
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.liquidation_price import first_failure
from plimsoll.model import Account, Marks, Order, OrderType, Trigger
from plimsoll.number import ONE, ZERO, exact
from plimsoll.plan import TopUp
from plimsoll.prices.history import Frame, History
from plimsoll.prices.paths import BarPath, Quote, closing, waypoints
from plimsoll.rules.columns import Leg, Pool
from plimsoll.rules.resting import falling_watch
from plimsoll.tape import Played, Tape, Unit

SAMPLES = 1_500
"""At most so many frames of a run carry a sample; more would only make figures heavy."""
LOOKS = 50
"""After a forced sale the venue's next look is a fiftieth of a segment later: marks come about once a second, not
continuously, and a cut of the least amount would otherwise be followed by another at every lot."""
TICK = timedelta(microseconds=1)
"""The least step of a clock."""
HAIR = Decimal("1e-60")
"""Less headroom than any account has that has some."""


class Stretch(NamedTuple):
    """What a scout sees ahead: nothing happens on the frames before `until`, and none but those in `looks` can hold a new low;
    `opened`: nor on the way to the opening of frame `until`."""

    until: int
    looks: frozenset[int]
    opened: bool


NOWHERE = Stretch(0, frozenset(), False)


class Scout(Protocol):
    """Somebody who sees ahead. A hint alone: whatever it leaves out is played."""

    def stretch(self, tape: Tape, waiting: Sequence[TopUp], n: int, inside: bool) -> Stretch:
        """From where the account stands: before frame `n`, or (`inside`) behind its opening."""


def play(
    account: Account,
    commands: Sequence[Command],
    top_ups: Sequence[TopUp],
    history: History,
    venue: Venue,
    path: BarPath,
    unit: Unit,
    scout: Scout | None = None,
    figures: bool = True,
) -> Played:
    """Play `account` along `history`: the `commands` open it at the first prices. Money is told in `unit`. A `scout` spares the
    frames on which nothing happens; what comes out is the same without one. `figures` False: no samples are kept."""
    tape = Tape(account, venue, unit, history.frames[0].time)
    tape.figures = figures
    return _Playing(tape, history, path, top_ups, scout).run(commands)


class _Playing:
    """One playing as it runs. Lives for one `play`. `stood`: the last frame whose prices the tape has seen to the end."""

    def __init__(
        self, tape: Tape, history: History, path: BarPath, top_ups: Sequence[TopUp], scout: Scout | None
    ) -> None:
        self.history = history
        self.frames = history.frames
        self.path = path
        self.tape = tape
        self.waiting = list(top_ups)
        self.stride = -(-len(self.frames) // SAMPLES)
        self.inside_bars = len(self.frames) <= SAMPLES // 8
        self.scout = None if self.inside_bars else scout
        self.stood = -1
        self.meter = Meter(self.frames[0].time)

    def run(self, commands: Sequence[Command]) -> Played:
        """The whole history."""
        tape, ahead = self.tape, NOWHERE
        with exact():
            start, equity = self._open(commands)
            ahead = self._through(0, ahead)
            for n in range(1, len(self.frames)):
                if n < ahead.until:
                    self._pass(n, ahead)
                else:
                    ahead = self._through(n, ahead)
        return tape.played(start, equity)

    def _open(self, commands: Sequence[Command]) -> tuple[State, Decimal]:
        """The account among its first prices, its opening commands given; its equity before these."""
        tape, frame = self.tape, self.frames[0]
        point = waypoints(frame, self.path, {})[0]
        refuse_sunk(tape.state.account, point, tape.venue)
        jump(tape, point, frame.time)
        tape.look()
        equity = tape.equity
        tape.obey(commands)
        self.waiting = _after_opening(tape, self.waiting)
        return tape.state, equity

    def _through(self, n: int, ahead: Stretch) -> Stretch:
        """Frame `n`, decided by the machine at least at its opening; what lies ahead then."""
        tape, frame = self.tape, self.frames[n]
        sides = {} if n == 0 else adverse_sides(tape)
        steps = self._steps(n, sides)
        for k, (point, time) in enumerate(steps):
            if k > 0:
                self._move(point, time)
            elif n > 0:
                self._to_opening(n, point, time, ahead)
            if k == 0:
                due(tape, self.waiting, frame)
            tape.look()
            if self.inside_bars or (k == len(steps) - 1 and self._kept(n)):
                tape.sample()
            if k == 0 and self.scout is not None and sides == adverse_sides(tape):
                ahead = self.scout.stretch(tape, self.waiting, n, True)
                if n < ahead.until:
                    self._past(n, steps[1:], ahead)
                    return ahead
        self.stood = n
        return NOWHERE if self.scout is None else self.scout.stretch(tape, self.waiting, n + 1, False)

    def _move(self, point: Mapping[str, Quote], time: datetime) -> None:
        """To `point`; while something is owed, by way of every full hour, at which that costs."""
        tape, meter, began = self.tape, self.meter, self.tape.time
        origin = _origin(tape, point)
        while (hour := meter.stop(tape, time)) is not None and hour < time:
            share = Decimal((hour - began) // TICK) / Decimal((time - began) // TICK)
            move(tape, between(origin, point, share), hour, self.waiting)
            meter.charge(tape, hour)
        move(tape, point, time, self.waiting)
        meter.charge(tape, time)

    def _to_opening(self, n: int, point: Mapping[str, Quote], time: datetime, ahead: Stretch) -> None:
        """To the opening of a frame, from wherever the tape stands."""
        tape = self.tape
        if n == ahead.until and ahead.opened:
            self._catch_up(n)
            jump(tape, point, time)
            return
        if self.stood < n - 1:
            self._catch_up(n - 1)
            tape.stand_at(*self._steps(n - 1, adverse_sides(tape))[-1])
        self._move(point, time)

    def _pass(self, n: int, ahead: Stretch) -> None:
        """A frame on which nothing happens."""
        if n in ahead.looks or self._kept(n):
            steps = self._steps(n, adverse_sides(self.tape))
            self._catch_up(n)
            self._past(n, steps, ahead)
        else:
            self.tape.passed += 1

    def _past(self, n: int, steps: Sequence[tuple[Mapping[str, Quote], datetime]], ahead: Stretch) -> None:
        """Points of a frame at which nothing happens: looked at where they may be extremes, and kept for figures."""
        if not steps:
            return
        tape = self.tape
        for point, time in steps if n in ahead.looks else ():
            tape.stand_at(point, time)
            tape.look()
        if self._kept(n):
            told = len(tape.told)
            jump(tape, *steps[-1])
            assert len(tape.told) == told + 1, f"something happened at {tape.time}, where nothing was seen ahead"
            tape.sample()
        if n in ahead.looks or self._kept(n):
            self.stood = n

    def _kept(self, n: int) -> bool:
        return n % self.stride == 0 or n == len(self.frames) - 1

    def _steps(self, n: int, sides: Mapping[str, int]) -> list[tuple[Mapping[str, Quote], datetime]]:
        """The points of a frame with their times."""
        points = waypoints(self.frames[n], self.path, sides)
        return list(zip(points, nominal_times(self.frames[n], len(points)), strict=True))

    def _catch_up(self, n: int) -> None:
        """The prices that frame `n` does not have, from the frames passed before it."""
        missing = [symbol for symbol in self.history.symbols if symbol not in self.frames[n].bars]
        found: dict[str, Quote] = {}
        for m in range(n - 1, self.stood, -1):
            bars = self.frames[m].bars
            found |= {s: closing(bars[s]) for s in missing if s in bars and s not in found}
            if len(found) == len(missing):
                break
        if found:
            self.tape.stand_at(found, None)


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


def adverse_sides(tape: Tape) -> dict[str, int]:
    """symbol -> the side of the price that hurts: -1 down (net long), +1 up (net short). Entry orders of a symbol without
    a position count as what they would open, a symbol without either by the coin whose price it tells: had or owed."""
    account = tape.state.account
    net: dict[str, Decimal] = {}
    for position in account.positions:
        net[position.symbol] = net.get(position.symbol, ZERO) + position.size
    for order in account.orders:
        if order.symbol not in net and not order.reduce_only:
            net[order.symbol] = order.size if order.side == "buy" else -order.size
    for coin, symbol in tape.tellers(tape.state.marks.marks).items():
        if symbol and symbol not in net:
            net[symbol] = account.cash.get(coin, ZERO) - account.borrowed.get(coin, ZERO)
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


def _origin(tape: Tape, target: Mapping[str, Quote]) -> dict[str, Quote]:
    """Where the prices of `target` stand now; one that has no price yet begins there."""
    now = tape.state.marks
    return {s: Quote(now.marks[s], now.lasts.get(s, now.marks[s])) if s in now.marks else q for s, q in target.items()}


def move(tape: Tape, target: Mapping[str, Quote], time: datetime, waiting: list[TopUp]) -> None:
    """From where the prices stand to `target` along one straight, common segment, stopping at everything on the way."""
    origin = _origin(tape, target)
    began, done, rest = tape.time, ZERO, ZERO
    while True:
        stop = _next_stop(tape, origin, target, done, rest, waiting, _pause(tape, began, time, done))
        if stop is None:
            jump(tape, target, time)
            return
        at, told = stop.time or began + (time - began) * float(stop.at), len(tape.told)
        if stop.sinking:
            tape.preview(stop.quotes, at)
        jump(tape, stop.quotes, at)
        if any(isinstance(t.event, (Reduced, Converted)) for t in tape.told[told:]):
            rest = min(stop.at + ONE / LOOKS, ONE)
        if stop.top_up is not None:
            waiting.remove(stop.top_up)
            tape.obey(stop.top_up.commands)
        tape.look()
        if not stop.pausing or len(tape.told) > told + 1:
            tape.sample()
        done = stop.at
        if done >= 1:
            return


class _Stop(NamedTuple):
    """Where on a segment (0..1) something happens, and the quotes there. `pausing`: the venue waits and is looked at again;
    `time`: when (None: at that share of the way)."""

    at: Decimal
    quotes: dict[str, Quote]
    top_up: TopUp | None
    sinking: bool
    pausing: bool = False
    time: datetime | None = None


class _Pause(NamedTuple):
    """The next look at a venue that waits, as a share of the way; `time`: where that is when the pause is over."""

    at: Decimal
    time: datetime | None


def _pause(tape: Tape, began: datetime, time: datetime, done: Decimal) -> _Pause | None:
    """While a venue waits after a part-sale, it is asked again a fiftieth of the segment later and when the pause is over: a
    takeover may come sooner, a sale then. None: nothing is waited for."""
    waits = tape.venue.rulebook.rules.WAITS
    ends = [p.part_sold + timedelta(seconds=float(waits)) for p in tape.state.account.positions if p.part_sold is not None]
    ahead = [end for end in ends if end > tape.time]
    if waits == 0 or not ahead:
        return None
    over, at = min(ahead), done + ONE / LOOKS
    if over <= time:
        share = Decimal((over - began) // TICK) / Decimal((time - began) // TICK)
        if share <= at:
            return _Pause(max(share, done), over)
    return _Pause(at, None) if at <= 1 else None


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
    pause: _Pause | None,
) -> _Stop | None:
    """The first thing that happens after `done`; no further forced sale before `rest`. Watched levels are set exactly, so
    that rounding cannot miss them."""
    best: _Stop | None = None
    if pause is not None:
        best = _Stop(pause.at, between(origin, target, pause.at), None, False, True, pause.time)
    for order in tape.state.account.orders:
        watch = watch_of(order)
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
    failure = _first_loss(tape, origin, target, done, end) if end > done else None
    if failure is not None and max(failure, rest) <= end:
        at = max(failure, rest)
        if best is not None and best.pausing and at == best.at:
            return best
        return _Stop(at, between(origin, target, at), None, True)
    return best


def watch_of(order: Order) -> tuple[bool, Decimal, bool] | None:
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
        if not pool.legs and not any(w.borrowed or w.balance < 0 for w in pool.wallets):
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
    """Headroom of a pool as a function of the way along the segment; a hair of it where there is none and that is safe."""
    layout, rules = tape.layout(), tape.venue.rulebook.rules
    none = ZERO if rules.is_liquidatable(ONE, ONE) else HAIR

    def headroom(at: Decimal) -> Decimal:
        margin = rules.assess_pool(pool, _marks_along(tape, origin, target, at), layout.markets)
        return margin.balance - margin.requirement or none

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
