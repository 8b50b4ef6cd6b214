"""A study in the terminal, with Rich: few settings side by side in columns, many in rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from plimsoll.report import odds as said
from plimsoll.report.terminal import TONES, WIDEST
from plimsoll.studies import Study

ROWS = 60
"""Settings that are printed; the rest is left to --csv and --json."""


def print_study(study: Study, console: Console) -> None:
    """Print the whole answer: head, odds, positions, what else is to be known, and what it means."""
    width = min(console.width, WIDEST)
    few = len(study.odds) <= said.FEW
    parts: list[RenderableType] = [_head(study)]
    if study.odds:
        parts += [_columns(study), *_positions(study)] if few else [_rows(study)]
    for part in (*parts, _unknowns(study), _closing(study)):
        console.print(part, width=width)


def _head(study: Study) -> RenderableType:
    lines = Text(study.plan, style="bold")
    for line in said.head(study):
        lines.append(f"\n{line}", style="not bold")
    return Padding(lines, (1, 0, 1, 0))


def _columns(study: Study) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_edge=False)
    table.add_column(study.unit, style="dim", no_wrap=True)
    told = [said.summary(odds, study.unit) for odds in study.odds]
    for odds in study.odds:
        table.add_column(Text(said.title(odds.setting, study)), ratio=1, overflow="fold", header_style="bold")
    for name in told[0]:
        table.add_row(name, *(_cell(cells[name].text, cells[name].tone, cells[name].detail) for cells in told))
    return table


def _cell(text: str, tone: str, detail: Sequence[str]) -> Text:
    shown = Text(text, style=f"{TONES[tone]} bold".strip())
    for n, more in enumerate(detail):
        shown.append(("  " if n == 0 else ", ") + more, style="not bold dim")
    return shown


def _rows(study: Study) -> RenderableType:
    table = _table(said.TABLE)
    for odds in study.odds[:ROWS]:
        table.add_row(*map(Text, said.row(odds, study)))
    left = len(study.odds) - ROWS
    more = [Text(f"... and {left} more: --csv and --json tell them all", style="dim")] if left > 0 else []
    return Group(table, *more, Text(said.TABLE_NOTE, style="dim"))


def _positions(study: Study) -> Iterable[RenderableType]:
    for odds in study.odds:
        yield Padding(Rule(Text(said.title(odds.setting, study), style="bold"), align="left"), (1, 0, 0, 0))
        table = _table(said.LEGS)
        for leg in odds.legs:
            table.add_row(*map(Text, said.leg_row(leg, study.unit)))
        yield table


def _table(heads: Mapping[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_edge=False)
    for n, (head, side) in enumerate(heads.items()):
        set_to: Literal["left", "right"] = "right" if side == "right" else "left"
        table.add_column(head, justify=set_to, overflow="fold", no_wrap=n == 0, header_style="dim")
    return table


def _unknowns(study: Study) -> RenderableType:
    lines = said.unknowns(study)
    if not lines:
        return Text("")
    return Padding(Group(Text("To be known besides", style="bold"), *(Text(line) for line in lines)), (1, 0, 0, 0))


def _closing(study: Study) -> RenderableType:
    body = Text("\n").join(Text(sentence) for sentence in said.sentences(study))
    return Padding(Panel(body, title="In short", title_align="left", padding=(0, 1), box=box.ROUNDED), (1, 0, 0, 0))
