"""Borrowed coins day by day in the reports. The runs here are made by hand; what their days must show is worked out beside
them. What the samples hold is checked in test_borrowed_coins.py."""

import io
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("rich")
pytest.importorskip("plotly")

from rich.console import Console

from plimsoll.compare_command import Wish
from plimsoll.compare_command import run as play
from plimsoll.plan import PlanMode
from plimsoll.report.as_json import to_json
from plimsoll.report.days import day_table, level_text
from plimsoll.report.figures import timeline
from plimsoll.report.page import page
from plimsoll.report.terminal import print_comparison
from plimsoll.runs import Comparison, Sample

D = Decimal
START = datetime(2026, 7, 2, tzinfo=UTC)
GONE = 17
README = Path(__file__).parents[1] / "README.md"


def sample(mode: PlanMode, hours: int) -> Sample:
    """Every hour 1 of interest on 1,000,000; the mark is 2,000 and falls by 1 a day. Isolated repays on day 17 at 12:00."""
    gone = mode is PlanMode.ISOLATED and hours >= 24 * GONE + 12
    paid = D(min(hours, 24 * GONE + 11) if mode is PlanMode.ISOLATED else hours)
    pool, leg = ("account", "ETHUSDT") if mode is PlanMode.CROSS else ("ETHUSDT@isolated", "ETHUSDT@isolated")
    marks = {"ETHUSDT": D(2000) - hours // 24, "BTCUSDT": D(100_000)}
    level, owed = ({}, {}) if gone else ({pool: D("1.5") + hours}, {"USDT": 1_000_000 + paid})
    lines = {leg: None if gone else D(1000) + hours}
    return Sample(START + timedelta(hours=hours), marks, D(500), {pool: D(10)}, lines, level, owed, {"USDT": paid})


@pytest.fixture(scope="module")
def plain() -> Comparison:
    return play(Wish(account="borrowed_eth", prices="rebound"))


def made(plain: Comparison, days: int, every: int = 6) -> Comparison:
    """The example's comparison with samples of ours, every few hours; isolated has one more that cross does not have."""
    results = []
    for result in plain.results:
        samples = [sample(result.mode, hours) for hours in range(0, 24 * days, every)]
        if result.mode is PlanMode.ISOLATED:
            last = msgspec.structs.replace(samples[-1], time=samples[-1].time + timedelta(minutes=5), marks={"ETHUSDT": D(1)})
            samples.append(last)
        run = msgspec.structs.replace(result.run, samples=tuple(samples))
        results.append(msgspec.structs.replace(result, run=run, worst=None, best=None))
    return msgspec.structs.replace(plain, results=tuple(results))


def printed(comparison: Comparison, width: int) -> str:
    out = io.StringIO()
    print_comparison(comparison, Console(file=out, width=width))
    return out.getvalue()


def test_a_short_run_shows_every_day_as_it_was_last_seen_in_all_modes(plain: Comparison) -> None:
    """Samples at 0, 6, 12, 18 hours: a day is told at 18:00, when 18 more than 24 a day have been charged."""
    table = day_table(made(plain, 5).results)
    assert table is not None and table.left_out == 0 and table.told() == ""
    assert table.heads == ("level", "owed, USDT", "interest", "line")
    assert [row.day for row in table.rows] == [f"2026-07-0{n}" for n in range(2, 7)]
    for n, row in enumerate(table.rows):
        hours = 24 * n + 18
        assert row.marks == f"{2000 - n:,}.00"
        cells = (level_text(D("1.5") + hours), f"{1_000_000 + hours:,}.00", f"{hours}.00", f"{1000 + hours:,}.00")
        assert row.cells == (cells, cells)


@pytest.mark.parametrize("days", [13, 40, 400])
def test_a_long_run_shows_twelve_days_with_both_ends_and_the_last_that_owed(plain: Comparison, days: int) -> None:
    table = day_table(made(plain, days).results)
    assert table is not None and len(table.rows) <= 12 and len(table.rows) + table.left_out == days
    shown = [datetime.fromisoformat(row.day).replace(tzinfo=UTC) for row in table.rows]
    assert shown[0] == START and shown[-1] == START + timedelta(days=days - 1)
    assert all(earlier < later for earlier, later in pairwise(shown))
    assert max(later - earlier for earlier, later in pairwise(shown)) <= timedelta(days=days / 8 + 1)
    if days > GONE:
        owing = [n for n, row in enumerate(table.rows) if row.cells[0][1] != "-"]
        assert shown[owing[-1]] == START + timedelta(days=GONE - 1)
        assert table.rows[owing[-1] + 1].cells[0] == ("-", "-", f"{24 * GONE + 11}.00", "-")
        assert table.told() == f"... and {days - len(shown)} days between: --json has all samples"


def test_several_coins_pools_and_lines_are_told_by_name(plain: Comparison) -> None:
    one = sample(PlanMode.CROSS, 0)
    many = msgspec.structs.replace(
        one,
        owed={"USDT": D(5), "BTC": D("0.25")},
        interest={"USDT": D(1)},
        level={"account": D("1.25"), "ETHUSDT@isolated": D("54.832")},
        liquidation={"ETHUSDT": D(1000), "BTCUSDT": None},
    )
    result = plain.results[0]
    table = day_table([msgspec.structs.replace(result, run=msgspec.structs.replace(result.run, samples=(many,)))])
    assert table is not None and table.heads[1] == "owed"
    assert table.rows[0].cells == (
        ("ETHUSDT@isolated 54.83\naccount 1.250", "BTC 0.250000\nUSDT 5.00", "USDT 1.00", "BTCUSDT -\nETHUSDT 1,000.00"),
    )


@pytest.mark.parametrize("width", [80, 100, 120, 140])
def test_no_number_of_a_day_is_cut_at_any_width(plain: Comparison, width: int) -> None:
    comparison = made(plain, 40)
    table, text = day_table(comparison.results), printed(comparison, width)
    assert table is not None and "Day by day" in text and "28 days between" in text
    for row in table.rows:
        lines = [line for line in text.splitlines() if line.startswith(row.day) and ":" not in line]
        assert len(lines) == (1 if width >= 120 else 2)
        assert " ".join(lines).split() == [
            word for n, cells in enumerate(row.cells) for word in ((row.day, row.marks) if n < len(lines) else ()) + cells
        ]


def test_the_page_has_the_same_days_and_a_panel_of_levels(plain: Comparison) -> None:
    comparison = made(plain, 40)
    html, table = page(comparison, None, ""), day_table(comparison.results)
    rows = re.findall(r"<tr><th>(\d{4}-\d\d-\d\d)</th>(.*?)</tr>", html)
    assert table is not None and [day for day, _ in rows] == [row.day for row in table.rows]
    for (_, cells), row in zip(rows, table.rows, strict=True):
        told = [text for cells in row.cells for text in cells]
        assert re.findall("<td>(.*?)</td>", cells) == [row.marks, *told]
    drawn = timeline(comparison.results)
    assert [panel["title"] for panel in drawn["panels"]] == ["ETHUSDT", "Equity", "Headroom", "Margin level"]
    lines = {trace["name"]: trace["y"] for trace in drawn["data"] if trace["yaxis"] == "y4"}
    assert list(lines) == ["isolated: ETHUSDT@isolated", "cross: account"]
    assert [y for y in lines["isolated: ETHUSDT@isolated"] if y is not None] == [1.5 + h for h in range(0, 24 * GONE + 12, 6)]
    assert lines["cross: account"] == [1.5 + h for h in range(0, 24 * 40, 6)]


def test_what_is_owed_at_the_end_is_among_the_quantities(plain: Comparison) -> None:
    line = next(line for line in printed(made(plain, 40), 100).splitlines() if line.startswith("Owed at the end"))
    assert line.split()[4:] == ["none", "1,000,954.00", "USDT"]


def test_where_nothing_is_owed_nothing_is_told_of_it() -> None:
    comparison = play(Wish(account="textbook"))
    assert all(day_table([result]) is None for result in comparison.results)
    assert "Day by day" not in printed(comparison, 100) + page(comparison, None, "")
    assert "Owed at the end" not in printed(comparison, 100)
    assert "Margin level" not in [panel["title"] for panel in timeline(comparison.results)["panels"]]


def test_the_readme_shows_what_the_command_prints() -> None:
    """Every stretch of the block between its dots stands in the output as it is, in that order."""
    command = "    plimsoll compare borrowed_eth --prices rebound\n"
    block = re.split(r"\n(?=\S)", README.read_text(encoding="utf-8").split(command)[1])[0]
    done = subprocess.run(
        [sys.executable, "-m", "plimsoll.cli", *command.split()[1:]],
        capture_output=True, text=True, timeout=300, check=True, env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip
    text = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    stretches = [part for part in block.replace("\n    ", "\n").strip().split("\n...\n") if part]
    assert len(stretches) == 3 and "Day by day" in stretches[2] and stretches[2].count("\n2026-") == 12
    for stretch in stretches:
        stretch = stretch.removesuffix("\n...")
        assert stretch in text
        text = text.split(stretch, 1)[1]


def test_json_keeps_every_sample(plain: Comparison) -> None:
    results = json.loads(to_json(made(plain, 40)))["results"]
    assert [len(result["run"]["samples"]) for result in results] == [161, 160]
    last = results[1]["run"]["samples"][-1]
    assert (last["level"], last["owed"], last["interest"]) == ({"account": "955.5"}, {"USDT": "1000954"}, {"USDT": "954"})
