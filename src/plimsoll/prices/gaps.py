"""Sentences on the bars that are not there. A gap is told, never filled."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from plimsoll.errors import BadInput
from plimsoll.prices.history import Frame, History
from plimsoll.prices.times import milliseconds, moment, show_moment, show_span

LIMIT = 24 * 3_600_000
"""So long, in milliseconds, a last price may stand for what is held. The longest halt of a market in recorded data of 2019 to
2026 was six hours; four times that is no maintenance, and who asks for the price of a coin then has none."""
FEW = 3
"""So many bars may be missing whatever their length: a day's price that is missing once is not stale."""


class Stale(StrEnum):
    """What becomes of a run where a price stops for longer than the limit: it is refused, or the last price is carried on."""

    REFUSE = "refuse"
    CARRY = "carry"


class Meanwhile(NamedTuple):
    """What holds during a gap, said of one symbol and of several."""

    one: str
    several: str


STANDS = Meanwhile("its last price stands until the next", "their last prices stand until the next")
ENDS = Meanwhile("its last price stands to the end", "their last prices stand to the end")
BEGINS = Meanwhile("it has no price until then", "they have no price until then")
NEVER = Meanwhile("it has no price at all", "they have no price at all")


class Gap(NamedTuple):
    """Missing bars: the first and the last that should have opened (epoch milliseconds), how many, and what holds."""

    first: int
    last: int
    bars: int
    meanwhile: Meanwhile


def gap_notes(frames: Sequence[Frame], symbols: Sequence[str], step: int) -> list[str]:
    """One sentence for each gap, earliest first; symbols with the same gap share it."""
    together: dict[Gap, list[str]] = {}
    edges = milliseconds(frames[0].time), milliseconds(frames[-1].time)
    for symbol in symbols:
        times = [milliseconds(frame.time) for frame in frames if symbol in frame.bars]
        for gap in _gaps(times, edges, step):
            together.setdefault(gap, []).append(symbol)
    return [_sentence(gap, together[gap]) for gap in sorted(together)]


def refuse_stale(history: History) -> None:
    """BadInput for the first price that stops for longer than the limit, from where all have begun: nothing tells then what is
    held, and what comes back after it may be something else under the same name. Instants are as they were written."""
    step = 1000 * history.frames[0].seconds
    if not step:
        return
    begun = next((n for n, frame in enumerate(history.frames) if len(frame.bars) == len(history.symbols)), 0)
    frames = history.frames[begun:]
    edges = milliseconds(frames[0].time), milliseconds(frames[-1].time)
    found: list[tuple[Gap, str]] = []
    for symbol in history.symbols:
        times = [milliseconds(frame.time) for frame in frames if symbol in frame.bars]
        gaps = [gap for gap in _gaps(times, edges, step) if gap.meanwhile in (STANDS, ENDS)]
        found += [(gap, symbol) for gap in gaps if gap.bars * step > max(LIMIT, FEW * step)]
    if found:
        gap, symbol = min(found)
        hours, most = gap.bars * step / 3_600_000, max(LIMIT, FEW * step) / 3_600_000
        until, again = (moment(time).isoformat().replace("+00:00", "Z") for time in (gap.first, gap.first + gap.bars * step))
        after = f", begin with --from {again}" if gap.meanwhile is STANDS else ""
        cure = (
            f"it has no price for {hours:g} hours from then, and after {most:g} a last price tells nothing; "
            f"end with --to {until}{after}, or carry it on with --stale carry"
        )
        raise BadInput(history.source, symbol, show_moment(gap.first), cure)


def refuse_late(history: History) -> None:
    """BadInput for the price that begins last, where that is later than the limit: a run starts only where all have begun, and
    would leave out in silence what was asked for before it."""
    step, first = 1000 * history.frames[0].seconds, milliseconds(history.frames[0].time)
    if not step:
        return
    begins = {s: next((milliseconds(f.time) for f in history.frames if s in f.bars), first) for s in history.symbols}
    symbol = max(history.symbols, key=lambda s: begins[s])
    late, most = begins[symbol] - first, max(LIMIT, FEW * step)
    if late > most:
        again = moment(begins[symbol]).isoformat().replace("+00:00", "Z")
        cure = (
            f"it has no price for {late / 3_600_000:g} hours from then, and nothing can be played before its first; "
            f"begin with --from {again}, or leave it out of the account; a coin behind it can have one with --index"
        )
        raise BadInput(history.source, symbol, show_moment(first), cure)


def edge_notes(frames: Sequence[Frame], start: int | None, end: int | None, step: int) -> list[str]:
    """Sentences where the prices cover less than the window that was asked for."""
    first, stop = milliseconds(frames[0].time), milliseconds(frames[-1].time) + step
    notes = []
    if start is not None and first - start >= step:
        notes.append(f"Prices begin at {show_moment(first)}, later than the {show_moment(start)} asked for.")
    if end is not None and end - stop >= step:
        notes.append(f"Prices end at {show_moment(stop)}, earlier than the {show_moment(end)} asked for.")
    return notes


def _gaps(times: Sequence[int], edges: tuple[int, int], step: int) -> list[Gap]:
    if not times:
        return [_gap(edges[0] - step, edges[1] + step, step, NEVER)]
    found = [_gap(earlier, later, step, STANDS) for earlier, later in pairwise(times) if later - earlier > step]
    if times[0] > edges[0]:
        found.insert(0, _gap(edges[0] - step, times[0], step, BEGINS))
    if times[-1] < edges[1]:
        found.append(_gap(times[-1], edges[1] + step, step, ENDS))
    return found


def _gap(before: int, after: int, step: int, meanwhile: Meanwhile) -> Gap:
    """The gap between two bars. Off the grid the count is rounded up: a part of a bar is missing too."""
    bars = -((before - after) // step) - 1
    return Gap(before + step, before + bars * step, bars, meanwhile)


def _sentence(gap: Gap, symbols: Sequence[str]) -> str:
    names = " and ".join(symbols) if len(symbols) < 3 else f"{', '.join(symbols[:-1])} and {symbols[-1]}"
    have, meanwhile = ("has", gap.meanwhile.one) if len(symbols) == 1 else ("have", gap.meanwhile.several)
    count = f"{gap.bars} bar{'s' if gap.bars > 1 else ''}{' each' if len(symbols) > 1 else ''}"
    return f"{names} {have} no bar {show_span(gap.first, gap.last)} ({count}); {meanwhile}."
