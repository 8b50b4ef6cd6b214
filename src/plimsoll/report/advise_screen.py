"""`plimsoll advise` on a screen: progress while it walks, then the advice, or the JSON that was asked for."""

import sys
from enum import StrEnum

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from plimsoll.advice_words import bare, chance, money
from plimsoll.advise_command import AdviseWish, run_advice
from plimsoll.evidence import Advice, Finding, Topic, Verdict
from plimsoll.report.as_json import advice_json
from plimsoll.report.terminal import WIDEST

TITLES = {
    Topic.MODE: "Cross or isolated",
    Topic.POSITION: "Isolated alone",
    Topic.LEVERAGE: "Leverage",
    Topic.MARGIN: "Size and margin",
    Topic.STOP: "Where the stop must stand",
    Topic.TOP_UP: "What more money buys",
    Topic.TOGETHER: "How much they are one position",
    Topic.SIZE: "Size",
    Topic.HORIZON: "When",
    Topic.YOU: "You",
}
COLOURS = {
    Verdict.CROSS: "green",
    Verdict.ISOLATED: "green",
    Verdict.CHOSEN: "green",
    Verdict.EITHER: "yellow",
    Verdict.CONFLICT: "yellow",
    Verdict.UNREACHABLE: "red",
    Verdict.TOLD: "cyan",
}


class Form(StrEnum):
    """TERMINAL: the advice. EXPLAIN: with the setting behind each number, and what was played. JSON: everything."""

    TERMINAL = "terminal"
    EXPLAIN = "explain"
    JSON = "json"


def run_advise(wish: AdviseWish, form: Form) -> int:
    """The whole command. Exit code 0; BadInput and RulebookGap pass through to the caller."""
    advice = _walk(wish)
    if form is Form.JSON:
        sys.stdout.buffer.write(advice_json(advice) + b"\n")
        return 0
    from plimsoll.cli import console

    print_advice(advice, console(), form)
    return 0


def _walk(wish: AdviseWish) -> Advice:
    """The advice, with a bar on standard error; nothing where that is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("compiling the rules", total=None)
        studies = 0

        def told(done: int, wanted: int) -> None:
            nonlocal studies
            bar.update(task, description=f"walking paths, study {studies + 1}", completed=done, total=wanted)
            studies += done >= wanted

        return run_advice(wish, told)


def print_advice(advice: Advice, out: Console, form: Form = Form.TERMINAL) -> None:
    """Print the recommendation, why, and what it assumes."""
    width = min(out.width, WIDEST)
    for part in (_head(advice), *(_finding(f, form) for f in advice.findings), _played(advice, form), _beside(advice)):
        out.print(part, width=width)


def _head(advice: Advice) -> RenderableType:
    from plimsoll.advice_words import days, percent_of

    limit = percent_of(advice.profile.limit)
    title = f"[bold]{escape(advice.name)}[/]: advice for {days(advice.horizon_days)}, limit {limit}"
    lines = "\n".join(f"• {escape(line)}" for line in advice.headline) or "Nothing here calls for a recommendation."
    return Padding(Panel(lines, title=title, title_align="left", box=box.ROUNDED, border_style="cyan"), (1, 0, 0, 0))


def _finding(finding: Finding, form: Form) -> RenderableType:
    colour = COLOURS[finding.verdict]
    head = f"\n[bold {colour}]{TITLES[finding.topic]}[/]" + (f" [dim]{escape(finding.of)}[/]" if finding.of else "")
    if finding.choice:
        head += f"  [bold]{escape(finding.choice)}[/]"
    if finding.rests_on:
        head += f"  [dim]{escape(_refs(finding.rests_on))}[/]"
    grid = Table.grid(padding=(0, 1))
    for sentence in finding.sentences:
        grid.add_row("[dim]·[/]", escape(sentence if form is Form.EXPLAIN else bare(sentence)))
    return Group(head, grid)


def _refs(numbers: tuple[int, ...]) -> str:
    """`[1-3 7]`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return f"[{' '.join(str(run[0]) if len(run) == 1 else f'{run[0]}-{run[-1]}' for run in runs)}]"


def _played(advice: Advice, form: Form) -> RenderableType:
    """What was played: in a line, or explained as a table."""
    if form is not Form.EXPLAIN:
        told = " · ".join(f"{played.number} {played.label}" for played in advice.played)
        return f"\n[dim]Played: {escape(told)}. With --explain each number names its setting.[/]"
    table = Table(title="\nPlayed", title_style="bold cyan", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right", style="dim")
    table.add_column("setting")
    for name in ("liquidated", "nearly all lost", "stop hit", "at risk", "paths"):
        table.add_column(name, justify="right", no_wrap=True)
    for played in advice.played:
        odds = played.odds
        shares = (chance(odds.liquidated), chance(odds.ruined), chance(odds.stopped_out))
        table.add_row(
            str(played.number), escape(played.label), *shares, money(odds.money_at_risk, advice.unit), str(odds.paths)
        )
    return table


def _beside(advice: Advice) -> RenderableType:
    """The assumptions, and what could not be tried."""
    grid = Table.grid(padding=(0, 1))
    for line in advice.assumptions:
        grid.add_row("[dim]·[/]", f"[dim]{escape(line)}[/]")
    for line in advice.left_out:
        grid.add_row("[yellow]![/]", f"[dim]not tried: {escape(line)}[/]")
    return Group("\n[bold cyan]What this assumes[/]", grid)
