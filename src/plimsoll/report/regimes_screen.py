"""The textbook's regimes in one small table: the same account, three ways its prices may go, and which mode ends richer."""

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plimsoll.plan import PlanMode
from plimsoll.runs import Comparison, ModeResult
from plimsoll.sentences import amount, names


def print_regimes(comparisons: Mapping[str, Comparison], console: Console) -> None:
    """One row a regime: what each mode ends with and what it lost on the way."""
    table = Table(box=box.SIMPLE_HEAD, title="The same account in its three regimes", title_justify="left")
    for head in ("regime", "isolated", "cross", "richer"):
        table.add_column(head, overflow="fold")
    for name, comparison in comparisons.items():
        by_mode = {result.mode: result for result in comparison.results}
        isolated, cross = by_mode.get(PlanMode.ISOLATED), by_mode.get(PlanMode.CROSS)
        if isolated is None or cross is None:
            continue
        gap = cross.run.final_equity - isolated.run.final_equity
        richer = "equal" if gap == 0 else f"{'cross' if gap > 0 else 'isolated'} by {amount(abs(gap), comparison.unit)}"
        table.add_row(*map(Text, (name, _end(isolated), _end(cross), richer)))
    console.print(table)
    console.print("Play one with: plimsoll compare --prices NAME    Draw them all: plimsoll compare --html FILE")


def _end(result: ModeResult) -> str:
    gone = [leg.symbol for leg in result.run.legs if leg.hit_at is not None]
    lost = f", {names(gone)} liquidated" if gone else ", nothing liquidated"
    return amount(result.run.final_equity, result.run.unit) + lost
