"""`plimsoll compare` on a screen: progress while it plays, then the table, the page or the JSON that was asked for."""

import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from plimsoll.compare_command import EXAMPLE, Ready, Wish, map_of, prepare
from plimsoll.comparison import compare
from plimsoll.errors import BadInput
from plimsoll.fills_command import FillsWish, prepare_fills
from plimsoll.fills_run import survive
from plimsoll.prices.script import read_script, script_names
from plimsoll.report.as_json import to_json
from plimsoll.report.regimes_screen import print_regimes
from plimsoll.report.terminal import print_comparison
from plimsoll.runs import Comparison, RegimeMap


def run_compare(wish: Wish, html: str | None, mapped: str | None, json_out: bool) -> int:
    """The whole command. Exit code 0; BadInput and RulebookGap pass through to the caller."""
    check_target(html)
    ready = prepare(wish)
    comparison, others, regimes = _play(ready, wish, mapped if mapped or not html else _default_map(wish))
    _show(comparison, json_out, html, regimes, others)
    return 0


def run_fills_screen(wish: FillsWish, html: str | None, json_out: bool) -> int:
    """The whole replay of fills. Exit code 0, whoever survived; BadInput and RulebookGap pass through to the caller."""
    check_target(html)
    ready = prepare_fills(wish)
    with _bar() as bar:
        task = bar.add_task("replaying", total=None)

        def told(what: str) -> None:
            bar.update(task, description=what)

        comparison = survive(ready.plan, ready.book, ready.history, ready.jobs, ready.modes, progress=told)
    _show(comparison, json_out, html, None, {})
    return 0


def _show(
    comparison: Comparison,
    json_out: bool,
    html: str | None,
    regimes: RegimeMap | None,
    others: dict[str, Comparison],
) -> None:
    """The answer in the form that was asked for, and the page where one was."""
    from plimsoll.cli import console

    if json_out:
        sys.stdout.buffer.write(to_json(comparison, regimes) + b"\n")
    else:
        out = console()
        print_comparison(comparison, out)
        if others:
            print_regimes(others, out)
    if html is not None:
        from plimsoll.report.html import write_html

        write_html(comparison, Path(html), regimes)
        if not json_out:
            console().print(f"written: {html}", markup=False)


def check_target(path: str | None, flag: str = "--html") -> None:
    """Before anything is played: the file is moved into place, and would take the place of a device as of a file."""
    if path is None:
        return
    if not path.strip():
        raise BadInput("command line", flag, path, "name a file")
    target = Path(path).absolute()
    try:
        if not target.parent.is_dir():
            raise BadInput("command line", flag, path, f"there is no folder {target.parent}")
        if target.is_dir():
            raise BadInput("command line", flag, path, "is a folder; name a file")
        if target.exists() and not target.is_file():
            raise BadInput("command line", flag, path, "is not an ordinary file; name another")
    except OSError as error:
        raise BadInput("command line", flag, path, f"cannot be written ({error.strerror}); name another") from None


def _default_map(wish: Wish) -> str | None:
    """The textbook example draws its map without being asked."""
    return "ETHUSDT" if wish.account == EXAMPLE else None


def _bar() -> Progress:
    """What is being played, on standard error; nothing where that is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def _play(
    ready: Ready, wish: Wish, mapped: str | None
) -> tuple[Comparison, dict[str, Comparison], RegimeMap | None]:
    """The comparison, for the bare example also its other scripts, and the map."""
    with _bar() as bar:
        task = bar.add_task("playing", total=None)

        def told(what: str) -> None:
            bar.update(task, description=what)

        comparison = compare(ready.plan, ready.history, ready.jobs, ready.modes, progress=told, engine=ready.engine)
        others: dict[str, Comparison] = {}
        if wish.account == EXAMPLE and wish.prices is None and wish.venue is None:
            scripts = {"scripts": ready.plan.scripts}
            for name in script_names(scripts, ready.plan.source):
                history = read_script(scripts, ready.plan.source, name)
                others[name] = compare(ready.plan, history, ready.jobs[:1], ready.modes, progress=told, engine=ready.engine)
        regimes = None
        if mapped is not None:
            told(f"drawing the map of {mapped}")
            regimes = map_of(ready, mapped)
    return comparison, others, regimes
