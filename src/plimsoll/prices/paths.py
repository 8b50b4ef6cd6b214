"""How a bar is played. A bar tells four prices of each symbol and hides their order and their company: which symbol
stood where when another touched its low. So each bar is played under three named paths, and what all of them agree on
is certain. Joint points are connected by straight segments, on which all symbols move together.

WORST        open, every symbol at its adverse extreme at once, every symbol at its favourable extreme, close.
             No path inside the bar takes the account lower; it may well not have happened.
SYNCHRONISED open, first extreme, second extreme, close, all symbols at their lows or highs together. A market that
             closes higher visited its lows first, one that closes lower its highs: one plausible path.
BEST         open, then each symbol in turn at its adverse extreme while all others keep it the kindest company, at
             their favourable extremes; close. Every symbol did touch its extreme, in company no kinder than this, so
             what fails here failed for certain. Between two such points the path returns to the kindest corner: then
             on each segment prices only worsen or only improve, and nothing between the points is worse than they are.

The mark and the last price of a symbol move together, mark extremes beside trade extremes. Where a bar has no mark, the
trade price is its mark. "Adverse" is told per symbol: pools on opposite sides of one symbol need a run each.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from plimsoll.number import ZERO, exact
from plimsoll.prices.history import Bar, Frame


class BarPath(StrEnum):
    """The three ways to play a bar, as told above."""

    WORST = "worst"
    SYNCHRONISED = "synchronised"
    BEST = "best"


class Quote(NamedTuple):
    """One symbol's two prices at one point."""

    mark: Decimal
    last: Decimal


Point: TypeAlias = dict[str, Quote]


def waypoints(frame: Frame, path: BarPath, adverse: Mapping[str, int]) -> tuple[Point, ...]:
    """The joint points of a frame in order, each with every symbol that has a bar; equal neighbours are one point.

    `adverse`: symbol -> which of its extremes hurts, -1 the low, +1 the high; 0 or absent: neither, the symbol then
    stands at its close while others are at theirs. SYNCHRONISED does not read it. An instant is always one point.
    """
    match path:
        case BarPath.WORST:
            points = [_all(frame, opening), _corner(frame, adverse, 1), _corner(frame, adverse, -1)]
        case BarPath.SYNCHRONISED:
            first, second = (low, high) if _rising(frame) else (high, low)
            points = [_all(frame, opening), _all(frame, first), _all(frame, second)]
        case BarPath.BEST:
            points = [_all(frame, opening), *_kindest(frame, adverse)]
    return tuple(_distinct([*points, _all(frame, closing)]))


def opening(bar: Bar) -> Quote:
    """Mark and last at the open of a bar."""
    return Quote(bar.open if bar.mark_open is None else bar.mark_open, bar.open)


def high(bar: Bar) -> Quote:
    """The highest mark and the highest last."""
    return Quote(bar.high if bar.mark_high is None else bar.mark_high, bar.high)


def low(bar: Bar) -> Quote:
    """The lowest mark and the lowest last."""
    return Quote(bar.low if bar.mark_low is None else bar.mark_low, bar.low)


def closing(bar: Bar) -> Quote:
    """Mark and last at the close of a bar."""
    return Quote(bar.close if bar.mark_close is None else bar.mark_close, bar.close)


def _all(frame: Frame, quote: Callable[[Bar], Quote]) -> Point:
    return {symbol: quote(bar) for symbol, bar in frame.bars.items()}


def _corner(frame: Frame, adverse: Mapping[str, int], sign: int) -> Point:
    """Every symbol at its adverse (`sign` +1) or favourable (-1) extreme."""
    return {symbol: _extreme(bar, sign * adverse.get(symbol, 0)) for symbol, bar in frame.bars.items()}


def _extreme(bar: Bar, side: int) -> Quote:
    if side == 0:
        return closing(bar)
    return low(bar) if side < 0 else high(bar)


def _kindest(frame: Frame, adverse: Mapping[str, int]) -> list[Point]:
    """The kindest corner, and from it one excursion for each symbol to its own adverse extreme."""
    kind = _corner(frame, adverse, -1)
    points = [kind]
    for symbol, bar in frame.bars.items():
        if adverse.get(symbol, 0):
            points += [kind | {symbol: _extreme(bar, adverse[symbol])}, kind]
    return points


def _rising(frame: Frame) -> bool:
    """Whether the symbols' returns from open to close (on mark) sum to zero or more."""
    with exact():
        return sum((closing(bar).mark / opening(bar).mark - 1 for bar in frame.bars.values()), ZERO) >= 0


def _distinct(points: Iterable[Point]) -> list[Point]:
    """Points without repetition of the one before."""
    kept: list[Point] = []
    for point in points:
        if not kept or point != kept[-1]:
            kept.append(point)
    return kept
