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


@pytest.fixture(scope="module")
def everywhere() -> dict[str, Comparison]:
    return {name: run(Wish(account=name, venue="all")) for name in ("inverse", "textbook")}


def test_money_of_a_pool_valued_in_dollars_is_told_in_the_unit_of_the_run(everywhere):
    """0.5 BTC at 25,000 behind 50,000 USD: what Bybit asks is dollars there, bitcoin elsewhere; as a share of the value it is
    the same in cross as in isolated (Bybit sheet: 0.5 % and the closing fee)."""
    answer = everywhere["inverse"]
    cross, alone = (of(answer, "bybit_uta", mode) for mode in (PlanMode.CROSS, PlanMode.ISOLATED))
    assert cross.unit == "BTC"
    assert cross.demanded is not None
    assert Decimal("0.005") < cross.demanded < Decimal("0.006")
    assert cross.demanded == alone.demanded
    played = next(r.run for r in answer.results if r.venue == "bybit_uta" and r.mode is PlanMode.CROSS)
    room = played.legs[0].room_at_start
    assert room is not None
    assert 0 < room < Decimal("0.5")


def test_a_venue_that_closes_in_pieces_is_told_from_its_first_piece(everywhere):
    answer = everywhere["inverse"]
    played = next(r.run for r in answer.results if r.venue == "bybit_uta" and r.mode is PlanMode.CROSS)
    pieces = [h for h in played.happenings if h.kind == "forced_close"]
    standing = of(answer, "bybit_uta", PlanMode.CROSS)
    assert len(pieces) > 2
    assert (standing.at, standing.done) == (pieces[0].time, pieces[-1].time)
    assert standing.prices == (pieces[0].price,)
    result = next(r for r in answer.results if r.run is played)
    assert "in pieces from" in result.sentence


def test_a_leg_that_was_closed_in_part_was_not_left_alone(everywhere):
    answer = everywhere["textbook"]
    cross = of(answer, "bybit_uta", PlanMode.CROSS)
    assert cross.cut == ("BTCUSDT",)
    assert cross.kept == ("BTCUSDT",)
    result = next(r for r in answer.results if r.venue == "bybit_uta" and r.mode is PlanMode.CROSS)
    assert "BTCUSDT was closed in part" in result.sentence
    assert "what is left of BTCUSDT stayed open" in result.sentence
    assert "closed in part" in " ".join(facts.summary(result)["Liquidated"].detail)


MIXED = """
name = "An inverse and a linear contract"
venue = "bybit_uta"
rules_as_of = 2026-08-05
wallet = {USDT = "1500", BTC = "0.02"}
[[positions]]
symbol = "BTCUSD"
side = "long"
size = "5000"
entry_price = "60000"
leverage = 10
mode = "cross"
[[positions]]
symbol = "ETHUSDT"
side = "long"
size = "1"
entry_price = "2500"
leverage = 10
mode = "cross"
[scripts.s]
start = 2026-08-05T00:00:00Z
step = "1h"
[scripts.s.marks]
BTCUSD = ["60000", "50000", "45000"]
ETHUSDT = ["2500", "2300", "2100"]
"""


def test_legs_are_set_against_each_other_by_their_name_in_the_account(tmp_path):
    """Venues list legs in their own order, and one that has no such contract plays without it."""
    path = tmp_path / "mixed.toml"
    path.write_text(MIXED)
    answer = run(Wish(account=str(path), venue="all", modes="cross"))
    lines = {s.venue: dict(zip(s.planned, s.lines.values(), strict=True)) for s in answer.standings}
    assert set(lines["okx_futures"]) == set(lines["bybit_uta"]) == {"BTCUSD", "ETHUSDT"}
    assert all(line["BTCUSD"] > 20_000 for line in lines.values() if line.get("BTCUSD") is not None)
    alone = of(answer, "binance_coinm", PlanMode.CROSS)
    assert alone.planned == ("BTCUSD",)
    assert "played without ETHUSDT" in alone.why
    assert "BTC of 0.020000 BTC were left" in alone.why


def test_what_lies_in_the_wallet_unused_is_not_called_a_loss():
    """Bybit counts 0.02 BTC and 0.2 ETH beside 2,500 USDT, Binance only the USDT: less left is no worse an end."""
    why = of(run(Wish(account="several_coins", venue="bybit_uta,binance_usdm")), "binance_usdm", PlanMode.ISOLATED).why
    assert "counted 2,500.00 USDT of the account, not 5,300.00 USDT" in why
    assert "700.00 USDT of 2,500.00 USDT were left" in why
    assert "less was left" not in why


def test_what_cross_positions_stand_on_is_drawn_solid_and_a_wall_dashed():
    """Whatever a venue calls the pool: a settle asset's, the whole account, or a symbol that fails by itself."""
    pytest.importorskip("plotly")
    from plimsoll.report.figures import timeline

    for venue in ("okx_futures", "bybit_uta", "bybit_classic"):
        drawn = timeline(run(Wish(prices="crash", venue=venue)).results)
        panels = [t for t in drawn["data"] if t.get("mode") == "lines" and ": " in t.get("name", "")]
        headroom = [t for t in panels if "liquidation" not in t["name"]]
        assert {t["line"]["dash"] == "solid" for t in headroom if t["name"].startswith("cross: ")} == {True}, venue
        assert {t["line"]["dash"] == "solid" for t in headroom if t["name"].startswith("isolated: ")} == {False}, venue
