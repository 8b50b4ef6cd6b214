"""Funding charges and the frames they fall in. A charge is never dropped in silence: where its bar is missing it is
paid at the next one, and a note says so."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from statistics import multimode
from typing import NamedTuple

from plimsoll.number import ZERO, exact
from plimsoll.prices.times import show_moment


class Charge(NamedTuple):
    """One funding charge: epoch milliseconds, file symbol, rate (a fraction; positive: longs pay)."""

    time: int
    symbol: str
    rate: Decimal


class Snapped(NamedTuple):
    """Rates by frame time and file symbol, and what happened on the way."""

    rates: dict[int, dict[str, Decimal]]
    notes: list[str]


def snap(charges: Sequence[Charge], times: Sequence[int], step: int) -> Snapped:
    """Put each charge in the frame that contains its time (frames open at `times` and last `step`, milliseconds)."""
    rates: dict[int, dict[str, Decimal]] = {}
    late: dict[str, list[int]] = {}
    merged: dict[str, int] = {}
    for charge in charges:
        frame = _frame(charge.time, times, step)
        if frame is None:
            continue
        if charge.time < frame:
            late.setdefault(charge.symbol, []).append(charge.time)
        cell = rates.setdefault(frame, {})
        merged[charge.symbol] = merged.get(charge.symbol, 0) + (charge.symbol in cell)
        with exact():
            cell[charge.symbol] = cell.get(charge.symbol, ZERO) + charge.rate
    return Snapped(rates, [*_late_notes(late), *_merged_notes(merged)])


def _frame(time: int, times: Sequence[int], step: int) -> int | None:
    """The frame that contains `time`, or the next one after a gap; None before the first and after the last."""
    index = bisect_right(times, time) - 1
    if index < 0:
        return None
    if time < times[index] + step:
        return times[index]
    return times[index + 1] if index + 1 < len(times) else None


def _late_notes(late: Mapping[str, list[int]]) -> list[str]:
    return [
        f"{symbol}: funding of {show_moment(when[0])}{f' and {len(when) - 1} more' if when[1:] else ''} "
        "falls in a gap and is charged at the next bar."
        for symbol, when in late.items()
    ]


def _merged_notes(merged: Mapping[str, int]) -> list[str]:
    return [
        f"{symbol}: {count} funding charges share a bar with another and are charged together at its open."
        for symbol, count in merged.items()
        if count
    ]


def holes(charges: Sequence[Charge], symbol: str, first: int, end: int) -> list[str]:
    """Sentences on the stretches of [first, end) in which a funding file is silent about `symbol`: always, or for more
    than twice the usual spacing. `charges`: all of the file, by time."""
    times = [charge.time for charge in charges if charge.symbol == symbol]
    if not times:
        return [f"{symbol}: the funding file has no charge; none is paid."]
    usual = min(multimode(later - earlier for earlier, later in pairwise(times)), default=end - first)
    edges = [min(first, times[0]), *times, max(end, times[-1])]
    silent = [(max(a, first), min(b, end)) for a, b in pairwise(edges) if b - a > 2 * usual and b > first and a < end]
    return [
        f"{symbol}: no funding is known between {show_moment(a)} and {show_moment(b)}; none is paid." for a, b in silent
    ]
