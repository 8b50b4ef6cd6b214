"""Fills replayed under a venue's rules on recorded marks: one account, one path, the exact machine.

Each fill is first put to the venue as an order at its price (on a state that is thrown away): what the venue would refuse is
left out, with the reason and both numbers. What it takes goes through as stated. A fill closes what it closed in the file's own
account, no more than is there; its opening part is tried as the order that the strategy would send.

Fills between two prices are played at their time, in order. Inside a bar a fill says where its symbol stood then, so that the
price goes there (never beyond the bar); a fill at a bar's opening time and price is at the opening itself. Before and after
each fill inside a bar the worst path visits the worst corner for what is held just then; the kindest one visits none, since
the bar does not say on which side of the fill its extremes lay.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import NamedTuple

import msgspec

from plimsoll.account.commands import Fill, PlaceOrder, SetLeverage
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.errors import Reason, Reject
from plimsoll.fills_plan import Fill as BookFill
from plimsoll.fills_prices import all_at, extreme_of, on_the_way, quote_at, spread
from plimsoll.margin.pools import leverage_of
from plimsoll.model import Account, Instrument, LegKey, MarginMode, Order, OrderType, Position, leg_key
from plimsoll.number import ZERO, exact, floor_to
from plimsoll.play import SAMPLES, adverse_sides, due, jump, move, nominal_times, refuse_sunk
from plimsoll.prices.history import Frame, History
from plimsoll.prices.paths import BarPath, Point, Quote, closing, opening, waypoints
from plimsoll.tape import Played, Tape, Unit

AT_OPEN = Decimal("0.001")
"""A fill at the time a bar opens and within so much of its first price is a fill at the opening."""
LENT = Decimal(10) ** 12
"""What a twin has besides its own money, of each asset: no margin rule reaches it."""


class Step(NamedTuple):
    """A fill at one venue: `closing` and `opening` in contracts, not yet cut to its lots. `fee_rate` None: the list rate."""

    fill: BookFill
    symbol: str
    instrument: Instrument
    closing: Decimal
    opening: Decimal
    fee_rate: Decimal | None


class LeftOut(NamedTuple):
    """A fill, or a part of one, that did not come to pass. `why`: refused, gone (nothing left to close)."""

    fill: BookFill
    time: datetime
    key: LegKey
    why: str
    size: Decimal
    reject: Reject | None


class Replayed(NamedTuple):
    """What one replay gave. `cut`: symbol -> how many fills were cut to whole lots."""

    played: Played
    left_out: tuple[LeftOut, ...]
    cut: dict[str, int]


def steps_of(fills: Sequence[BookFill], found: Mapping[str, Instrument], home: bool) -> tuple[Step, ...]:
    """The fills in a venue's contracts; those of symbols it lacks are left out. `home`: the file's own fees count here."""
    with exact():
        return tuple(
            Step(
                fill,
                found[fill.symbol].symbol,
                found[fill.symbol],
                fill.closing / found[fill.symbol].multiplier,
                fill.opening / found[fill.symbol].multiplier,
                fill.fee_rate if home else None,
            )
            for fill in fills
            if fill.symbol in found
        )


def replay(
    account: Account,
    steps: Sequence[Step],
    history: History,
    venue: Venue,
    path: BarPath,
    unit: Unit,
    mode: MarginMode,
) -> Replayed:
    """Replay `steps` on `history` (which covers them), positions opened in `mode`."""
    return _Replay(account, venue, unit, mode, history.frames[0].time).run(steps, history, path)


def twin(account: Account, steps: Sequence[Step], history: History, venue: Venue, unit: Unit) -> Played:
    """The same fills with no margin rule: in cross, with so much money lent that nothing can be refused or liquidated, and
    without lots. `account` as it is opened in cross."""
    lent = dict.fromkeys(sorted({step.instrument.settle for step in steps}), LENT)
    replaying = _Replay(_richer(account, lent), venue, unit, MarginMode.CROSS, history.frames[0].time)
    replaying.tape.lent, replaying.ruled = lent, False
    found = replaying.run(steps, history, BarPath.SYNCHRONISED)
    assert not found.left_out, "a twin leaves nothing out"
    return found.played


def _richer(account: Account, lent: Mapping[str, Decimal]) -> Account:
    cash = {**account.cash, **{asset: account.cash.get(asset, ZERO) + more for asset, more in lent.items()}}
    return msgspec.structs.replace(account, cash=cash)


class _Replay:
    """One replay as it runs. Lives for one `replay` or `twin`. `ruled`: whether the venue is asked before each fill."""

    def __init__(self, account: Account, venue: Venue, unit: Unit, mode: MarginMode, time: datetime) -> None:
        self.account = account
        self.tape = Tape(account, venue, unit, time)
        self.mode = mode
        self.ruled = True
        self.left_out: list[LeftOut] = []
        self.cut: dict[str, int] = {}

    def run(self, steps: Sequence[Step], history: History, path: BarPath) -> Replayed:
        """The whole walk."""
        tape, frames = self.tape, history.frames
        stride = -(-len(frames) // SAMPLES)
        start: tuple[State, Decimal] | None = None
        with exact():
            for n, (frame, now) in enumerate(_with_steps(frames, steps)):
                if start is None:
                    first = all_at(frame, opening)
                    refuse_sunk(self.account, first, tape.venue)
                    jump(tape, first, frame.time)
                    tape.look()
                    start = (tape.state, tape.equity)
                kept = n % stride == 0 or n == len(frames) - 1
                held = len(self.tape.state.account.positions) > 0
                if held or now or kept:
                    self._frame(frame, now, path, frames[n + 1] if n + 1 < len(frames) else None)
                    tape.look()
                if kept:
                    tape.sample()
        assert start is not None
        return Replayed(tape.played(*start), tuple(self.left_out), self.cut)

    # ---- the way of the prices ------------------------------------------------------------------------------------------

    def _frame(self, frame: Frame, steps: Sequence[Step], path: BarPath, after: Frame | None) -> None:
        """To the opening, what is due there, then through the bar or to the next instant."""
        self._to(all_at(frame, opening), frame.time)
        due(self.tape, [], frame)
        at_open = list(takewhile(lambda step: step.fill.time == frame.time and _opens(step, frame), steps))
        rest = steps[len(at_open) :]
        for step in at_open:
            self._do(step)
        if frame.seconds == 0:
            self._between_instants(frame, rest, after)
        elif rest:
            self._through(frame, rest, path)
        else:
            points = waypoints(frame, path, adverse_sides(self.tape))
            for point, time in list(zip(points, nominal_times(frame, len(points)), strict=True))[1:]:
                self._to(point, time)

    def _to(self, point: Mapping[str, Quote], time: datetime) -> None:
        if self.tape.state.account.positions:
            move(self.tape, point, time, [])
        else:
            jump(self.tape, point, time)
        self.tape.look()

    def _do(self, step: Step) -> None:
        self._fill(step)
        self.tape.look()

    def _between_instants(self, frame: Frame, steps: Sequence[Step], after: Frame | None) -> None:
        """Prices known at instants alone go straight from one to the next, whatever a fill's own price was."""
        here = all_at(frame, opening)
        for step in steps:
            if after is not None and step.fill.time > frame.time:
                self._to(on_the_way(here, all_at(after, opening), frame.time, after.time, step.fill.time), step.fill.time)
            self._do(step)

    def _through(self, frame: Frame, steps: Sequence[Step], path: BarPath) -> None:
        """A bar with fills in it, as the module's docstring says."""
        end = frame.time + timedelta(seconds=frame.seconds)
        straight = (all_at(frame, opening), all_at(frame, closing))
        points = waypoints(frame, path, {}) if path is BarPath.SYNCHRONISED else straight
        line = list(zip(points, spread(frame.time, end, len(points)), strict=True))
        waiting = [stop for stop in line[1:] if path is BarPath.SYNCHRONISED]
        before: Step | None = None
        for step in steps:
            time = step.fill.time
            while waiting and waiting[0][1] < time:
                self._to(*waiting.pop(0))
            if path is BarPath.WORST and not (before is not None and _one_order(before, step)):
                self._corner(frame, 1, self.tape.time + (time - self.tape.time) / 2)
            before = step
            self._to(self._at_fill(frame, step, line), time)
            self._do(step)
        if path is BarPath.WORST:
            self._corner(frame, 1, self.tape.time + (end - self.tape.time) / 3)
            self._corner(frame, -1, self.tape.time + (end - self.tape.time) / 2)
        for point, at in waiting or [(all_at(frame, closing), end)]:
            self._to(point, at)

    def _corner(self, frame: Frame, sign: int, time: datetime) -> None:
        """Every symbol at its adverse (+1) or favourable (-1) extreme for what is held now, the others where they close."""
        sides = adverse_sides(self.tape)
        if not sides:
            return
        point = {s: extreme_of(bar, sign * sides.get(s, 0)) for s, bar in frame.bars.items()}
        self._to(point, time)

    def _at_fill(self, frame: Frame, step: Step, line: Sequence[tuple[Point, datetime]]) -> Point:
        """All prices at a fill inside a bar: its symbol where it was filled, the others on their way (where they are, if no
        time has passed)."""
        at = max(n for n, (_, time) in enumerate(line) if time <= step.fill.time)
        origin, began = line[at]
        target, ended = line[min(at + 1, len(line) - 1)]
        point = on_the_way(origin, target, began, ended, step.fill.time)
        if self.tape.time == step.fill.time:
            marks = self.tape.state.marks
            stands = {s: Quote(mark, marks.lasts.get(s, mark)) for s, mark in marks.marks.items()}
            point = {s: stands.get(s, quote) for s, quote in point.items()}
        if step.symbol in frame.bars:
            point[step.symbol] = quote_at(frame.bars[step.symbol], step.fill.price)
        return point

    # ---- one fill -------------------------------------------------------------------------------------------------------

    def _fill(self, step: Step) -> None:
        key = LegKey(step.symbol, self._mode(step), step.fill.leg)
        if step.closing:
            self._close(step, key)
        if step.opening:
            self._open(step, key)

    def _mode(self, step: Step) -> MarginMode:
        return self.tape.venue.rulebook.rules.fill_mode(self.tape.state.account, step.symbol, self.mode)

    def _held(self, key: LegKey) -> Position | None:
        return next((p for p in self.tape.state.account.positions if leg_key(p) == key), None)

    def _close(self, step: Step, key: LegKey) -> None:
        """As much of the position as the fill closed, all of what is there where it closed all."""
        held = self._held(key)
        opposite = held is not None and (held.size > 0) is (step.fill.side == "sell")
        there = abs(held.size) if held is not None and opposite else ZERO
        if there == 0:
            self.left_out.append(LeftOut(step.fill, self.tape.time, key, "gone", step.closing, None))
            return
        size = there if step.fill.whole else min(there, self._lots(step, step.closing))
        if size > 0:
            self._send(step, key, size, reduce_only=True)
        if self._held(key) is None:
            self.tape.sample()
        missing = step.closing - there
        if missing > 0 and self.ruled and missing >= (step.instrument.lot or ZERO):
            self.left_out.append(LeftOut(step.fill, self.tape.time, key, "gone", missing, None))

    def _open(self, step: Step, key: LegKey) -> None:
        size = self._lots(step, step.opening)
        if size == 0:
            small = Reject(Reason.BELOW_MINIMUM, "less than one step of its size", step.opening, step.instrument.lot)
            self._refuse(step, key, step.opening, small)
            return
        if self.ruled:
            self._set_leverage(step, key)
            order = PlaceOrder(_order(step, size, key), key.mode)
            asked = decide(self.tape.state, order, self.tape.venue, self.tape.laid)
            if asked.reject is not None:
                self._refuse(step, key, size, asked.reject)
                return
        self._send(step, key, size, reduce_only=False)

    def _lots(self, step: Step, size: Decimal) -> Decimal:
        """The size in whole lots, under rules."""
        lot = step.instrument.lot
        if not self.ruled or lot is None:
            return size
        whole = floor_to(size, lot)
        if whole != size:
            self.cut[step.symbol] = self.cut.get(step.symbol, 0) + 1
        return whole

    def _set_leverage(self, step: Step, key: LegKey) -> None:
        """The leverage of the fill, set as a user sets it before the order. Where choosing one would choose the other margin
        mode as well, there is none to set."""
        wanted, tape = step.fill.leverage, self.tape
        rules = tape.venue.rulebook.rules
        if wanted is None or leverage_of(tape.state.account, tape.venue.rulebook, *key) == wanted:
            return
        chosen = rules.mode_on_leverage(tape.state.account, key.symbol, wanted, key.mode)
        if chosen is None or chosen is key.mode:
            tape.do(SetLeverage(key.symbol, wanted, key.mode, key.side))

    def _send(self, step: Step, key: LegKey, size: Decimal, *, reduce_only: bool) -> None:
        fill, rate = step.fill, step.fee_rate
        command = Fill(key.symbol, fill.side, size, fill.price, fill.liquidity, key.mode, key.side, reduce_only, rate)
        reject = self.tape.do(command)
        if reject is not None:
            self.tape.told.pop()
            self._refuse(step, key, size, reject)

    def _refuse(self, step: Step, key: LegKey, size: Decimal, reject: Reject) -> None:
        self.left_out.append(LeftOut(step.fill, self.tape.time, key, "refused", size, reject))
        self.tape.sample()


def _order(step: Step, size: Decimal, key: LegKey) -> Order:
    """The order that such a fill comes from: it trades at once, at the fill's price."""
    fill = step.fill
    return Order(
        id=fill.place,
        symbol=step.symbol,
        side=fill.side,
        size=size,
        type=OrderType.MARKET,
        price=fill.price,
        mode=key.mode,
        position_side=key.side,
    )


def _with_steps(frames: Sequence[Frame], steps: Sequence[Step]) -> Iterator[tuple[Frame, list[Step]]]:
    """Each frame with the fills from its time on to the next frame's."""
    at = 0
    for n, frame in enumerate(frames):
        until = frames[n + 1].time if n + 1 < len(frames) else None
        now = []
        while at < len(steps) and (until is None or steps[at].fill.time < until):
            now.append(steps[at])
            at += 1
        yield frame, now


def _one_order(before: Step, step: Step) -> bool:
    """Whether two fills look like parts of one order: nothing lay between them."""
    one, other = before.fill, step.fill
    return (one.time, one.symbol, one.leg, one.side) == (other.time, other.symbol, other.leg, other.side)


def _opens(step: Step, frame: Frame) -> bool:
    """Whether a fill was at the opening price: instants have no other."""
    bar = frame.bars.get(step.symbol)
    return bar is None or frame.seconds == 0 or abs(step.fill.price / bar.open - 1) <= AT_OPEN
