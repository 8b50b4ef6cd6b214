"""A comparison in the terminal, with Rich: one column per mode, so that the eye compares along a line. Reads well at 80,
100 and 140 columns, with and without colour, and piped (Rich then writes no escape codes)."""

from collections.abc import Iterable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from plimsoll.report import days, facts
from plimsoll.report.days import DayTable
from plimsoll.report.facts import Cell, Line
from plimsoll.runs import Comparison, ModeResult, VenueNote

TONES = {"good": "green", "bad": "red", "warn": "yellow", "": ""}
ROOMY = 96
"""Columns from which the log has a column of prices (the sentences hold them too)."""

LOG_LINES = 24
"""Lines of one mode's log; what goes beyond is counted and left to --html and --json."""

SHORT = 22
"""A detail so short stands beside its number, a longer one below."""

WIDEST = 140


WIDTHS = {"venue, mode": 13, "survived?": 9, "first refused": 16, "first liquidation": 16}
"""The least width of a column of the table of replays: names and times stand on one line; money always does."""


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the whole answer: head, per venue the table, the log and the unknowns, and the closing sentences."""
    width = min(console.width, WIDEST)
    parts = (*_survival(comparison), *_venues(comparison, width), *_side_by_side(comparison), _closing(comparison))
    for part in (_head(comparison), *parts):
        console.print(part, width=width)


def _head(comparison: Comparison) -> RenderableType:
    lines = Text(comparison.name, style="bold")
    if comparison.about:
        lines.append(f"\n{comparison.about}", style="not bold")
    lines.append(f"\nPrices  {facts.prices(comparison)}\nSpan    {facts.span(comparison)}", style="not bold")
    if facts.pace(comparison):
        lines.append(f"\nEngine  {facts.pace(comparison)}", style="not bold")
    notes = [Text(note, style="yellow") for note in facts.sources(comparison)]
    return Padding(Group(lines, *notes), (1, 0, 0, 0))


def _venues(comparison: Comparison, width: int) -> Iterable[RenderableType]:
    for note in comparison.venues:
        results = facts.of_venue(comparison, note.venue)
        yield Padding(Rule(Text(note.title or note.venue, style="bold"), align="left"), (1, 0, 0, 0))
        if results:
            yield _summary(results)
            yield from _by_day(results, width)
            yield from (_log(result, width, comparison.sentences) for result in results)
        yield _unknowns(note, results)


def _survival(comparison: Comparison) -> Iterable[RenderableType]:
    """Where fills were replayed: who survived, one row a venue and mode."""
    replayed = [result for result in comparison.results if result.survival is not None]
    if not replayed:
        return
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_edge=False)
    for title, justify in facts.SURVIVAL_HEADS.items():
        width = WIDTHS.get(title)
        words = title.replace(", ", ",\n") if width is None else title
        table.add_column(
            words, justify=justify, overflow="fold", header_style="dim", min_width=width, no_wrap=width is None
        )
    for result in replayed:
        table.add_row(*(_cell(cell, 0) for cell in facts.survival_line(result)))
    yield Padding(table, (1, 0, 0, 0))


def _summary(results: tuple[ModeResult, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_edge=False)
    table.add_column(results[0].run.unit, style="dim", no_wrap=True)
    for result in results:
        table.add_column(facts.MODES[result.mode], ratio=1, overflow="fold", header_style="bold")
    for title, cells in facts.table(results).items():
        table.add_row(title, *(_cell(cell) for cell in cells))
    return table


def _by_day(results: tuple[ModeResult, ...], width: int) -> Iterable[RenderableType]:
    """Where something was owed: the modes beside each other where they fit, else one below the other."""
    whole = days.day_table(results)
    if whole is None:
        return
    widths = whole.widths()
    fits = sum(widths) + 2 * (len(widths) - 1) <= width
    groups = [tuple(range(len(results)))] if fits else [(n,) for n in range(len(results))]
    head = Text(days.TITLE, style="bold").append(f": {days.MEANING}", style="not bold")
    yield Padding(Group(head, *(_days_of(whole, group) for group in groups), Text(whole.told(), style="dim")), (1, 0, 0, 0))


def _days_of(whole: DayTable, modes: tuple[int, ...]) -> Table:
    """The days of some of the modes; the mode's name stands above the first of its columns."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("\nday", style="dim", header_style="dim", no_wrap=True)
    table.add_column("\nmark", justify="right", header_style="dim", overflow="fold")
    for mode in modes:
        for n, head in enumerate(whole.heads):
            name = facts.MODES[whole.results[mode].mode] if n == 0 else ""
            title = Text(name, style="bold").append(f"\n{head}", style="dim not bold")
            table.add_column(title, justify="right", overflow="fold")
    for row in whole.rows:
        table.add_row(row.day, row.marks, *(cell for mode in modes for cell in row.cells[mode]))
    return table


def _cell(cell: Cell, short: int = SHORT) -> Text:
    """A cell; one detail of at most `short` characters stands beside its number."""
    text = Text(cell.text, style=f"{TONES[cell.tone]} bold".strip())
    apart = "  " if len(cell.detail) == 1 and len(cell.detail[0]) <= short else "\n"
    for detail in cell.detail:
        text.append(apart).append(detail, style="not bold")
    return text


def _log(result: ModeResult, width: int, said: tuple[str, ...]) -> RenderableType:
    lines = facts.log(result.run)
    shown = _shortened(lines)
    head = Text(facts.MODES[result.mode], style="bold").append(": what happened", style="not bold")
    if result.sentence and result.sentence not in said:
        head.append(f"\n{result.sentence}", style="italic not bold")
    parts: list[RenderableType] = [head, _lines(shown, roomy=width >= ROOMY)]
    if len(shown) < len(lines):
        parts.append(Text(f"... and {len(lines) - len(shown)} more: --html and --json tell them all", style="dim"))
    return Padding(Group(*parts), (1, 0, 0, 0))


def _shortened(lines: list[Line]) -> list[Line]:
    """The lines that fit: what the venue forced first, then the rest from the start, printed in their order."""
    ranked = sorted(range(len(lines)), key=lambda i: (lines[i].tone != "bad" or not facts.matters(lines[i]), i))
    return [lines[i] for i in sorted(ranked[:LOG_LINES])]


def _lines(lines: list[Line], *, roomy: bool) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True, min_width=12)
    if roomy:
        table.add_column(justify="right", no_wrap=True, min_width=10)
    table.add_column(ratio=1, overflow="fold")
    for line in lines:
        told = Text(line.leg, style="bold").append(f"  {line.text}" if line.leg else line.text, style="not bold")
        cells = [Text(line.time), Text(line.what, style=TONES[line.tone])]
        table.add_row(*cells, *([Text(line.price)] if roomy else []), told)
    return table


def _unknowns(note: VenueNote, results: tuple[ModeResult, ...]) -> RenderableType:
    """Readings and paths that decided, ages and grades of tables, skipped symbols."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(style="dim", min_width=10, max_width=26)
    table.add_column(ratio=1, overflow="fold")
    for line in facts.known(results) if results else []:
        table.add_row("decided", Text(line))
    for symbol, age in note.tables.items():
        table.add_row(Text(symbol), Text(age))
    for symbol, reason in note.skipped.items():
        table.add_row(Text(symbol), Text(f"left out: {reason}", style="yellow"))
    for remark in facts.remarks(note, results):
        table.add_row("note", Text(remark))
    return Padding(Group(Text("What is not known", style="bold"), table), (1, 0, 0, 0))


def _side_by_side(comparison: Comparison) -> Iterable[RenderableType]:
    """The venues in one table, and what sets each apart in one sentence."""
    if not comparison.standings:
        return
    yield Padding(Rule(Text("The same account, side by side", style="bold"), align="left"), (1, 0, 0, 0))
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_edge=False)
    for title, justify in list(facts.STANDING_HEADS.items())[1:]:
        table.add_column(title, justify=justify, overflow="fold", header_style="dim", no_wrap=title == "venue")
    mode = None
    for standing in comparison.standings:
        told, *cells = facts.standing(standing)
        if mode != standing.mode:
            table.add_section()
            table.add_row(Text(told.text, style="bold underline"))
        mode = standing.mode
        table.add_row(*(_cell(cell, 0) for cell in cells))
    yield table
    said = Text("\n").join(Text(f"{facts.MODES[s.mode]}: {s.why}") for s in comparison.standings)
    yield Padding(said, (1, 0, 0, 0))


def _closing(comparison: Comparison) -> RenderableType:
    if not comparison.sentences:
        return Text("")
    body = Text("\n").join(Text(sentence) for sentence in comparison.sentences)
    return Padding(Panel(body, title="In short", title_align="left", padding=(0, 1), box=box.ROUNDED), (1, 0, 0, 0))
