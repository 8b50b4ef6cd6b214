"""Several venues side by side: each line follows from the runs, the numbers in its sentence from the rule sheets."""

import io
from decimal import Decimal

import pytest

from plimsoll.compare_command import Wish, run
from plimsoll.number import show
from plimsoll.plan import PlanMode
from plimsoll.report import facts
from plimsoll.runs import Comparison, Standing

TWO = Wish(prices="crash", venue="binance_usdm,okx_futures")


@pytest.fixture(scope="module")
def answer() -> Comparison:
    return run(TWO)


def of(answer: Comparison, venue: str, mode: PlanMode) -> Standing:
    return next(s for s in answer.standings if s.venue == venue and s.mode is mode)


def test_one_venue_alone_has_no_standings():
    assert run(Wish(prices="crash")).standings == ()


def test_each_venue_and_mode_stands_once_modes_together(answer: Comparison):
    assert [(s.mode, s.venue) for s in answer.standings] == [
        (mode, venue) for mode in (PlanMode.ISOLATED, PlanMode.CROSS) for venue in ("binance_usdm", "okx_futures")
    ]


def test_what_was_demanded_is_the_maintenance_rate_and_at_okx_the_closing_fee_too(answer: Comparison):
    """Binance sheet 1.3: rate of the first row, 0.4 % for both coins; OKX sheet: 0.4 % and the taker fee of 0.05 %."""
    assert of(answer, "binance_usdm", PlanMode.ISOLATED).demanded == Decimal("0.004")
    assert of(answer, "okx_futures", PlanMode.ISOLATED).demanded == Decimal("0.0045")


def test_the_lines_are_those_of_the_closed_form(answer: Comparison):
    """Isolated long of 0.5 ETH from 4,000 with 200: (2,000 - 200) / (0.5 (1 - rate))."""
    for venue, name, rate in (
        ("binance_usdm", "ETHUSDT", "0.004"),
        ("okx_futures", "ETH-USDT-SWAP@isolated", "0.0045"),
    ):
        line = of(answer, venue, PlanMode.ISOLATED).lines[name]
        assert line is not None
        assert abs(line - 1800 / (Decimal("0.5") * (1 - Decimal(rate)))) < Decimal("1e-9")


def test_first_later_and_kept_are_those_of_the_run(answer: Comparison):
    isolated = of(answer, "okx_futures", PlanMode.ISOLATED)
    assert (isolated.first, isolated.later, isolated.kept) == (("ETH-USDT-SWAP@isolated",), (), ("BTC-USDT-SWAP@isolated",))
    cross = of(answer, "binance_usdm", PlanMode.CROSS)
    assert set(cross.first) | set(cross.later) == {"BTCUSDT", "ETHUSDT"}
    assert cross.kept == ()


def test_the_sentence_tells_cause_line_and_end(answer: Comparison):
    why = of(answer, "okx_futures", PlanMode.ISOLATED).why
    for word in ("0.45 %", "0.4 %", "3,616.27", "3,614.46", "sooner", "as much was left"):
        assert word in why


def test_a_venue_that_keeps_a_leg_the_other_loses_is_said_to():
    """On `rebound`, cross keeps both everywhere and isolated loses ETH everywhere; set against each other they differ."""
    from plimsoll.standings import _ended

    played = run(Wish(prices="rebound"))
    isolated, cross = (next(r.run for r in played.results if r.mode is m) for m in (PlanMode.ISOLATED, PlanMode.CROSS))
    assert _ended(isolated, cross).startswith("here ETHUSDT went and ")
    assert _ended(cross, isolated).startswith("here nothing was liquidated and ")
    assert "220.16 USDT more was left" in _ended(cross, isolated)


def test_terminal_page_and_json_show_every_standing(answer: Comparison):
    pytest.importorskip("plotly")
    from rich.console import Console

    from plimsoll.report.as_json import to_json
    from plimsoll.report.page import page
    from plimsoll.report.side_by_side import venues_figure
    from plimsoll.report.terminal import print_comparison

    out = io.StringIO()
    print_comparison(answer, Console(file=out, width=140))
    html, text, raw = page(answer, None, ""), out.getvalue(), to_json(answer).decode()
    for standing in answer.standings:
        left = facts.money(standing.left, standing.unit)
        assert left in text
        assert left in html
        assert f'"left": "{show(standing.left)}"' in raw
        assert all(name in text and name in html for name in standing.first)
    bars = [trace for trace in venues_figure(answer.standings)["data"] if trace["type"] == "bar"]
    assert [len(trace["text"]) for trace in bars] == [2, 2]
    assert all("gone" in text for trace in bars for text in trace["text"])
