"""What borrowed coins did day by day, as cells: the venue's ratio, what is owed, the interest so far and the liquidation price,
the modes of a venue beside each other. A day is told by the last instant of which all modes have a sample; a long run by a few
of its days."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from plimsoll.number import exact
from plimsoll.report import facts
from plimsoll.runs import ModeResult, Run, Sample

HEADS = ("level", "owed", "interest", "line")
TITLE = "Day by day"
MEANING = "the venue's margin level or rate, what is owed, interest so far and liquidation price, as each day was last seen"
MOST_DAYS = 12
"""Rows of one table; what lies between them is in the samples of --json."""

Days = Mapping[date, Sample]
"""The same days for every mode."""


class DayRow(msgspec.Struct, frozen=True):
    """One day: the marks, and for each mode the cells under `HEADS`. A cell has one line, or one for each coin, pool or leg."""

    day: str
    marks: str
    cells: tuple[tuple[str, ...], ...]


class DayTable(msgspec.Struct, frozen=True):
    """Days of one venue's modes. `heads`: those of a mode's cells, with the coin that is owed where it is one; `left_out`: days
    between the rows."""

    results: tuple[ModeResult, ...]
    heads: tuple[str, ...]
    rows: tuple[DayRow, ...]
    left_out: int

    def widths(self) -> list[int]:
        """Characters that each column needs, all modes beside each other."""
        columns = [["day", *(row.day for row in self.rows)], ["mark", *(row.marks for row in self.rows)]]
        for n in range(len(self.results)):
            columns += [[head, *(row.cells[n][k] for row in self.rows)] for k, head in enumerate(self.heads)]
        return [max(len(line) for text in column for line in text.split("\n")) for column in columns]

    def told(self) -> str:
        """What is not in the rows, '' where nothing is."""
        return f"... and {self.left_out} days between: --json has all samples" if self.left_out else ""


def day_table(results: Sequence[ModeResult], most: int = MOST_DAYS) -> DayTable | None:
    """The table of one venue; None where nothing was ever owed."""
    owed = sorted({coin for result in results for sample in result.run.samples for coin in sample.owed})
    if not owed:
        return None
    shared = set.intersection(*({sample.time for sample in result.run.samples} for result in results))
    runs = [_days(result.run, shared) for result in results]
    shown = _chosen(runs, most)
    heads = tuple(f"{head}, {owed[0]}" if head == "owed" and len(owed) == 1 else head for head in HEADS)
    symbols = {leg.symbol for result in results for leg in result.run.legs}
    rows = tuple(
        DayRow(day.isoformat(), _marks(symbols, runs[0][day]), tuple(_cells(days[day], owed) for days in runs)) for day in shown
    )
    return DayTable(tuple(results), heads, rows, len(runs[0]) - len(shown))


def _days(run: Run, shared: Collection[datetime]) -> Days:
    """The last of the shared samples of every day that has one; of several at one instant, what came of it."""
    return {sample.time.astimezone(UTC).date(): sample for sample in run.samples if sample.time in shared}


def _chosen(runs: Sequence[Days], most: int) -> list[date]:
    """At most `most` of the days, evenly apart: the first and the last, and the last one on which a mode still owed."""
    every = sorted(runs[0])
    if len(every) <= most:
        return every
    last = {max(day for day, sample in days.items() if sample.owed) for days in runs if any(s.owed for s in days.values())}
    spreads = ({every[(len(every) - 1) * n // steps] for n in range(steps + 1)} for steps in range(most - 1, 1, -1))
    return sorted(next((last | days for days in spreads if len(last | days) <= most), last | {every[0], every[-1]}))


def _marks(symbols: Collection[str], sample: Sample) -> str:
    """The marks of what the modes hold, with their names where they are several."""
    return _lines({s: facts.price(mark) for s, mark in sample.marks.items() if s in symbols}, len(symbols) > 1)


def _cells(sample: Sample, owed: Sequence[str]) -> tuple[str, ...]:
    """One mode on one day; no level and no line where nothing is owed."""
    several = len(owed) > 1
    interest = {coin: facts.money(paid, coin) for coin, paid in sample.interest.items()}
    if not sample.owed:
        return "-", "-", _lines(interest, several), "-"
    levels = {facts.pool_name(pool): level_text(level) for pool, level in sample.level.items()}
    lines = {leg: facts.price(line) for leg, line in sample.liquidation.items()}
    debts = {coin: facts.money(debt, coin) for coin, debt in sample.owed.items()}
    return _lines(levels, len(levels) > 1), _lines(debts, several), _lines(interest, several), _lines(lines, len(lines) > 1)


def _lines(texts: Mapping[str, str], named: bool) -> str:
    lines: Iterable[str] = (f"{name} {text}" for name, text in sorted(texts.items())) if named else texts.values()
    return "\n".join(lines) or "-"


def level_text(level: Decimal) -> str:
    """A venue's ratio, with the decimals that its size asks for.

    >>> level_text(Decimal("1.17999")), level_text(Decimal("54.832")), level_text(Decimal("0.0176"))
    ('1.180', '54.83', '0.0176')
    """
    digits = 2 if abs(level) >= 10 else 3 if abs(level) >= 1 else 4
    with exact():
        return f"{level:,.{digits}f}"
