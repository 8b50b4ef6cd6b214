"""`plimsoll simulate` on a screen: progress while it walks, then the tables, the page, the frames or the JSON asked for."""

import sys
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from plimsoll.report.as_json import study_json
from plimsoll.report.compare_screen import check_target
from plimsoll.report.terminal_study import print_study
from plimsoll.simulate_command import Ready, SimulateWish, prepare, run_study
from plimsoll.studies import Study


class Targets(NamedTuple):
    """Where the answer goes besides the screen."""

    html: str | None = None
    csv: str | None = None
    parquet: str | None = None


def run_simulate(wish: SimulateWish, targets: Targets, json_out: bool) -> int:
    """The whole command. Exit code 0, also where it was broken off and tells what it has; BadInput and RulebookGap pass
    through to the caller."""
    for flag, path in zip(("--html", "--csv", "--parquet"), targets, strict=True):
        check_target(path, flag)
    ready = prepare(wish)
    study = _walk(ready)
    written = _write(study, targets)
    if json_out:
        sys.stdout.buffer.write(study_json(study) + b"\n")
        return 0
    from plimsoll.cli import console

    out = console()
    print_study(study, out)
    for file in written:
        out.print(f"written: {file}", markup=False)
    return 0


def _walk(ready: Ready) -> Study:
    """The study, with a bar on standard error; nothing where that is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("compiling the rules", total=ready.ask.paths)

        def told(done: int, wanted: int) -> None:
            bar.update(task, description="walking paths", completed=done, total=wanted)

        return run_study(ready, told)


def _write(study: Study, targets: Targets) -> list[Path]:
    written = []
    if targets.html is not None:
        from plimsoll.report.html import write_study_html

        write_study_html(study, Path(targets.html))
        written.append(Path(targets.html))
    for kind, path in (("csv", targets.csv), ("parquet", targets.parquet)):
        if path is not None:
            from plimsoll.report.study_frames import write_frames

            written += write_frames(study, Path(path), kind)
    return written
