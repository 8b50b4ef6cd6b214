"""Recorded prices around fills: where every symbol stands at a moment inside a bar, which part of a history a replay needs, and
which fills the record does not bear out."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from plimsoll.errors import BadInput
from plimsoll.fills_plan import Fill
from plimsoll.number import ONE, ZERO, exact, show
from plimsoll.play import between
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.paths import Point, Quote, closing, high, low

FAR = Decimal("0.01")
"""A fill beyond the recorded price by more than this share is told."""
TOLD = 5
"""So many are told one by one, the rest are counted."""


def all_at(frame: Frame, quote: Callable[[Bar], Quote]) -> Point:
    """Every symbol of a frame at its opening, its closing or an extreme."""
    return {symbol: quote(bar) for symbol, bar in frame.bars.items()}


def spread(start: datetime, end: datetime, count: int) -> list[datetime]:
    """`count` times from `start` to `end`, evenly; a single one is the start."""
    return [start + (end - start) * k / max(count - 1, 1) for k in range(count)]


def on_the_way(origin: Point, target: Point, began: datetime, ended: datetime, time: datetime) -> Point:
    """Where the prices stand at `time` on the straight way between two points; a symbol that one of them lacks stays out."""
    span = ended - began
    share = Decimal((time - began) // timedelta(microseconds=1)) / Decimal(max(span // timedelta(microseconds=1), 1))
    both = {symbol: quote for symbol, quote in origin.items() if symbol in target}
    return between(both, target, min(max(share, ZERO), ONE))


def extreme_of(bar: Bar, side: int) -> Quote:
    """The low (side -1), the high (+1), or the close (0)."""
    return closing(bar) if side == 0 else low(bar) if side < 0 else high(bar)


def quote_at(bar: Bar, price: Decimal) -> Quote:
    """Mark and last where a fill was: its price inside the bar's range, the mark beside it, extreme beside extreme."""
    bottom, top = low(bar), high(bar)
    last = min(max(price, bottom.last), top.last)
    if top.last == bottom.last:
        return Quote(closing(bar).mark, last)
    share = (last - bottom.last) / (top.last - bottom.last)
    return Quote(bottom.mark + (top.mark - bottom.mark) * share, last)


def covered(fills: Sequence[Fill], history: History, source: str, open_after: bool) -> History:
    """The part of the history (in the fills' symbols) that a replay needs: from the first fill's frame to the last one's, or
    to its end where positions are left open. BadInput: a fill at a time, or in a symbol, without a recorded price."""
    times = [frame.time for frame in history.frames]
    found = [_frame_of(fill, history, times, source) for fill in fills]
    last = len(times) if open_after else found[-1] + 1 + (history.frames[found[-1]].seconds == 0)
    return History(history.source, history.symbols, history.frames[found[0] : last], history.notes, history.stand_in)


def _frame_of(fill: Fill, history: History, times: Sequence[datetime], source: str) -> int:
    at = bisect_right(times, fill.time) - 1
    span = f"{times[0]:%Y-%m-%d %H:%M} to {_end_of(history):%Y-%m-%d %H:%M}"
    field = f"{fill.place} time"
    if at < 0 or fill.time > _end_of(history):
        raise BadInput(source, field, f"{fill.time:%Y-%m-%d %H:%M:%S}", f"the prices of {history.source} are of {span} UTC")
    frame = history.frames[at]
    inside = fill.time < frame.time + timedelta(seconds=frame.seconds) if frame.seconds else True
    if not inside or (fill.symbol not in frame.bars and frame.seconds):
        cure = f"{history.source} has no price of {fill.symbol} then; give prices without that gap, or leave the fill out"
        raise BadInput(source, field, f"{fill.time:%Y-%m-%d %H:%M:%S}", cure)
    return at


def _end_of(history: History) -> datetime:
    """The last moment with a price: the end of the last bar (which is outside it), or the last instant."""
    last = history.frames[-1]
    return last.time + timedelta(seconds=last.seconds) - (timedelta(microseconds=1) if last.seconds else timedelta(0))


def far_off(fills: Sequence[Fill], history: History) -> tuple[str, ...]:
    """Sentences on fills whose price the record does not bear out, with both numbers."""
    times = [frame.time for frame in history.frames]
    told = []
    with exact():
        for fill in fills:
            at = bisect_right(times, fill.time) - 1
            bottom, top = _range_at(fill, history, at)
            if fill.price > top * (1 + FAR) or fill.price < bottom * (1 - FAR):
                record = show(bottom) if bottom == top else f"{show(bottom)} to {show(top)}"
                told.append(f"{fill.place}: {fill.symbol} at {show(fill.price)}, the record says {record} then")
    more = [f"{len(told) - TOLD} more fills are more than 1 % off the recorded prices"] if len(told) > TOLD else []
    return (*told[:TOLD], *more)


def _range_at(fill: Fill, history: History, at: int) -> tuple[Decimal, Decimal]:
    """The lowest and highest recorded trade price around a fill."""
    frame = history.frames[at]
    if frame.seconds:
        bar = frame.bars[fill.symbol]
        return bar.low, bar.high
    beside = [f.bars[fill.symbol].close for f in history.frames[at : at + 2] if fill.symbol in f.bars]
    if len(beside) < 2:
        return (beside[0], beside[0]) if beside else (fill.price, fill.price)
    after = history.frames[at + 1]
    ends = [{fill.symbol: closing(f.bars[fill.symbol])} for f in (frame, after)]
    last = on_the_way(ends[0], ends[1], frame.time, after.time, fill.time)[fill.symbol].last
    return last, last
