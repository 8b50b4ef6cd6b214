"""`plimsoll rules` on a screen: the list of rulebooks, one rulebook in words, the questions, what changed; or as JSON.

JSON has a key `schema` first (plimsoll.rulebooks/1, plimsoll.rulebook/1, plimsoll.questions/1, plimsoll.rules-diff/1), then
the fields of the structs named beside it here; numbers are strings, days ISO 8601, what is absent is null.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from plimsoll.questions.asking import DEPENDS, Answers, Asked, Cell, doubts, lines_of
from plimsoll.report.as_json import plain
from plimsoll.rulebook import Policy
from plimsoll.rulebook_words import Page, of
from plimsoll.rules_command import Diffs, Listed, Listing, RulesWish, Told, tell
from plimsoll.rules_diff import Change, Diff, Difference, Where

SCHEMAS: dict[type, str] = {
    Listing: "plimsoll.rulebooks/1",
    Page: "plimsoll.rulebook/1",
    Answers: "plimsoll.questions/1",
    Diffs: "plimsoll.rules-diff/1",
}
WIDEST = 140
GAP = 2
"""Characters between two columns."""
LEGIBLE = 5
"""So many characters of a heading's word stay together."""
TONES = {"yes": "green", "no": "red"}
SECTIONS = {
    "brackets": "Bracket tables",
    "instruments": "Contracts",
    "liquidation_fees": "Charged on forced orders",
    "fees": "Fees",
}


def run_rules(wish: RulesWish, json_out: bool) -> int:
    """The whole command. Exit code 0; BadInput passes through to the caller."""
    from plimsoll.cli import console

    told = tell(wish)
    if json_out:
        sys.stdout.buffer.write(to_json(told) + b"\n")
        return 0
    policy = Policy.IN_FORCE if wish.rules_as_of == Policy.IN_FORCE else Policy.NEAREST
    print_rules(told, console(), policy)
    return 0


def to_json(told: Told) -> bytes:
    """UTF-8 JSON; the same answer always gives the same bytes."""
    body = plain(told)
    assert isinstance(body, dict)
    return json.dumps({"schema": SCHEMAS[type(told)], **body}, ensure_ascii=False, indent=1, allow_nan=False).encode()


def print_rules(told: Told, console: Console, policy: Policy = Policy.NEAREST) -> None:
    """Any of the command's answers."""
    width = min(console.width, WIDEST)
    match told:
        case Listing():
            parts = _listing(told)
        case Page():
            parts = _page(of(told.name, (told.as_of, policy)), width)
        case Answers():
            parts = _answers(told)
        case Diffs():
            parts = _diffs(told)
    for part in parts:
        console.print(part, width=width)


def _grid(*heads: str) -> Table:
    """A table without lines between its rows, its first column in one piece."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for number, head in enumerate(heads):
        table.add_column(head, no_wrap=number == 0, overflow="fold")
    return table


def _listing(listing: Listing) -> Iterator[RenderableType]:
    table = _grid("rulebook", "venue and product", "tables known", f"on {listing.as_of}", "readings")
    for each in listing.rulebooks:
        known = f"{each.tables}, of {each.since} to {each.last}; {', '.join(each.grades)}"
        weakest = "none" if each.weakest is None else f"{each.readings}, weakest {each.weakest}"
        table.add_row(*map(Text, (each.name, each.title, known, _served(each), weakest)))
    yield table
    yield "\nplimsoll rules NAME tells one in words; --compare puts the same questions to all; --diff DATE DATE: what changed."


def _served(each: Listed) -> str:
    """How many symbols have a table of the day, and how far away the others' are."""
    words = [f"{each.in_force} symbols in force"] if each.in_force else []
    words += [f"{each.stale} stale, up to {each.oldest} days away"] if each.stale else []
    words += [f"{each.missing} incomplete"] if each.missing else []
    return "; ".join(words) or "none"


def _page(text: str, width: int) -> Iterator[RenderableType]:
    """Markdown, with its tables drawn so that no cell is cut off."""
    prose: list[str] = []
    for block in text.split("\n\n"):
        if block.startswith("| "):
            yield Markdown("\n\n".join(prose))
            yield Padding(_drawn(block, width), (1, 0, 1, 0))
            prose = []
        else:
            prose.append(block)
    yield Markdown("\n\n".join(prose))


def _drawn(block: str, width: int) -> RenderableType:
    """A Markdown table. Long sources that stand in many rows are numbered and told below it."""
    head, _, *rows = (_split(line) for line in block.splitlines())
    notes: dict[str, int] = {}
    if head[-1] == "source":
        notes = {source: number for number, source in enumerate(dict.fromkeys(row[-1] for row in rows), 1)}
        rows = [[*row[:-1], f"[{notes[row[-1]]}]"] for row in rows]
    table = _grid(*head)
    for column, fitted in zip(table.columns, _widths([head, *rows], width), strict=True):
        column.width = fitted
    for row in rows:
        table.add_row(*map(Text, row))
    return Group(table, *(Text(f"[{number}] {source}", style="dim") for source, number in notes.items()))


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Widths of columns that fit side by side: those with the most to spare beyond their longest word give way first, then
    the widest; the first column never does."""
    columns = list(zip(*rows, strict=True))
    widths = [max(len(cell) for cell in cells) for cells in columns]
    heads = [min(max(map(len, cells[0].split())), LEGIBLE) for cells in columns]
    words = [max((len(word) for cell in cells[1:] for word in cell.split()), default=1) for cells in columns]
    words = [max(pair) for pair in zip(heads, words, strict=True)]
    while sum(widths) + GAP * (len(widths) - 1) > width and max(widths[1:], default=1) > 1:
        spare = [has - word for has, word in zip(widths, words, strict=True)]
        by = spare if max(spare[1:]) > 0 else widths
        widths[by.index(max(by[1:]), 1)] -= 1
    return widths


def _split(line: str) -> list[str]:
    """The cells of a table row as plain text."""
    cells = re.split(r"(?<!\\)\|", line)[1:-1]
    return [re.sub(r"\\([*<\[\]|])", r"\1", cell.strip().replace("`", "")) for cell in cells]


def _answers(answers: Answers) -> Iterator[RenderableType]:
    head = Text("The questions traders ask", style="bold")
    head.append(f", answered on {answers.as_of} by playing a small account in each mode", style="not bold")
    yield head
    for venue in answers.venues:
        line = Text(f"\n{venue.venue}", style="bold")
        line.append(f"  {venue.title}\n", style="not bold")
        line.append(venue.account or "no contract has a table", style="dim")
        for table in venue.tables:
            line.append(f"\n{table.partition(';')[0]}", style="yellow" if venue.stale else "dim")
        yield Padding(line, (0, 0, 0, 0))
    for asked in answers.questions:
        yield Padding(Rule(Text(asked.words, style="bold"), align="left"), (1, 0, 0, 0))
        yield _asked(asked)
    yield from _doubts(answers)


def _asked(asked: Asked) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, expand=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(no_wrap=True, style="dim", justify="right")
    venue = ""
    for cell in asked.cells:
        table.add_row("" if cell.venue == venue else cell.venue, cell.mode, _answer(cell), _grade(cell))
        venue = cell.venue
    return table


def _answer(cell: Cell) -> RenderableType:
    """One sentence, its yes or no in colour; or what it depends on, with an indented sentence for each outcome."""
    lines = lines_of(cell)
    if len(lines) == 1:
        word, colon, rest = lines[0].partition(": ")
        tone = TONES.get(word) if colon else None
        return Text(lines[0]) if tone is None else Text.assemble((word, f"bold {tone}"), colon + rest)
    depends = [line.startswith(DEPENDS) for line in lines]
    pairs = zip(lines, depends, strict=True)
    return Group(*(Text(line, "yellow") if lead else Padding(Text(line), (0, 0, 0, 2)) for line, lead in pairs))


def _grade(cell: Cell) -> str:
    return cell.grade if cell.grade == "doc" else f"{cell.grade}\n{cell.rests_on[0].name}"


def _doubts(answers: Answers) -> Iterator[RenderableType]:
    """Why an answer is not as firm as the venue's own word."""
    found = doubts(answers)
    if not found:
        return
    yield Padding(Rule(Text("Why a grade is weak", style="bold"), align="left"), (1, 0, 0, 0))
    table = Table(box=None, pad_edge=False, show_header=False)
    for style in ("dim", "", "", ""):
        table.add_column(style=style, no_wrap=False, overflow="fold")
    for (venue, name), rest in found.items():
        table.add_row(*map(Text, (venue, name, rest.grade, rest.why)))
    yield table


def _diffs(diffs: Diffs) -> Iterator[RenderableType]:
    for diff in diffs.rulebooks:
        yield Padding(Rule(Text(f"{diff.title}: {diff.first} to {diff.second}", style="bold"), align="left"), (0, 0, 1, 0))
        yield from _diff(diff)
    for name, cure in diffs.missing.items():
        yield Text(f"\n{name}: left out, {cure.partition(';')[0]}", style="yellow")


def _diff(diff: Diff) -> Iterator[RenderableType]:
    if not diff.changes:
        yield Text("Nothing changed.")
    said = [where.source for change in diff.changes for where in (change.was, change.now) if where is not None]
    sources = {source: number for number, source in enumerate(dict.fromkeys(said), 1)}
    for section in dict.fromkeys(change.section for change in diff.changes):
        yield Text(SECTIONS.get(section, section.replace("_", " ").capitalize()), style="bold")
        for change in diff.changes:
            if change.section == section:
                yield _change(change, sources)
    for source, number in sources.items():
        yield Text(f"[{number}] {source}", style="dim")
    quiet = [f"{count} {SECTIONS.get(name, name).lower()}" for name, count in diff.same.items() if count]
    readings = ", ".join(f"{name} {option}" for name, option in diff.readings.items())
    yield Text(f"\nThe same on both days: {'; '.join(quiet) or 'no table'}.")
    yield Text(f"Readings carry no dates, their defaults hold on both: {readings or 'there are none'}.\n")


def _change(change: Change, sources: Mapping[str, int]) -> RenderableType:
    head = Text(f"  {', '.join(change.names) or 'all'}", style="bold cyan")
    head.append(f"  {change.kind}", style="not bold")
    for words, where in (("before", change.was), ("now", change.now)):
        if where is not None:
            head.append(f"\n    {words}: {_where(where)} [{sources[where.source]}]", style="dim")
    if change.between:
        days = ", ".join(str(day) for day in change.between)
        head.append(f"\n    further tables between: {days}", style="dim")
    lines = _brief(change) if change.kind != "changed" else _numbers(change.differences)
    return Padding(Group(head, *lines), (0, 0, 1, 0))


def _where(where: Where) -> str:
    if where.until == where.since:
        span = f"of {where.since}"
    else:
        span = f"from {where.since}" if where.until is None else f"of {where.since} to {where.until}"
    away = f", {where.days} days away" if where.days else ""
    return f"{span}{away}, {where.grade}"


def _numbers(differences: Iterable[Difference]) -> Iterator[RenderableType]:
    """Numbers beside each other; of a bracket row all that changed on one line."""
    rows: dict[str, list[str]] = {}
    for each in differences:
        if each.field == "row":
            rows.setdefault(each.of, []).append(f"new: {each.now}" if each.was is None else f"gone: {each.was}")
        else:
            rows.setdefault(each.of, []).append(f"{each.field} {each.was or 'none'} -> {each.now or 'none'}")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for of_row, said in rows.items():
        table.add_row(Text(of_row), Text(", ".join(said)))
    yield Padding(table, (0, 0, 0, 4))


def _brief(change: Change) -> Iterator[RenderableType]:
    """A new or gone entry: what it says or said, in one line."""
    rows = [d for d in change.differences if d.field == "row"]
    facts = [f"{d.field} {d.now or d.was}" for d in change.differences if d.field != "row" and (d.now or d.was)]
    if rows:
        facts.append(f"{len(rows)} rows, the first {rows[0].now or rows[0].was}")
    yield Padding(Text(", ".join(facts)), (0, 0, 0, 4))
