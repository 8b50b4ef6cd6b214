"""What a report must show, whatever the numbers: every mode, every event, both themes from one file that loads nothing.
The comparison here is made by hand; no number of it comes from the engine."""

import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from math import sin
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("rich")
pytest.importorskip("plotly")

from rich.console import Console

from plimsoll.errors import BadInput
from plimsoll.plan import PlanMode
from plimsoll.report import facts
from plimsoll.report.as_json import SCHEMA, to_json
from plimsoll.report.figures import timeline
from plimsoll.report.html import write_html, write_whole
from plimsoll.report.regimes import regime_figure
from plimsoll.report.terminal import print_comparison
from plimsoll.report.thin import thinned
from plimsoll.runs import (
    Comparison,
    Happening,
    Least,
    LegResult,
    ModeResult,
    Pace,
    RegimeMap,
    Run,
    Sample,
    VenueNote,
    Verdict,
)

D = Decimal
START = datetime(2025, 10, 10, tzinfo=UTC)
GONE = START + timedelta(minutes=1500)
WIDTHS = (80, 100, 140)


def sample(minute: int) -> Sample:
    """ETH sinks from 4000 to 3000 with a ripple, BTC stands; after GONE the ETH leg has no line."""
    eth = D(str(round(4000 - minute / 3 + 20 * sin(minute / 7), 2)))
    gone = minute > 1500
    lines = {"BTCUSDT": D("90180.72"), "ETHUSDT": None if gone else D("3614.46")}
    room = {"BTCUSDT": D(190)} | ({} if gone else {"ETHUSDT": (eth - 3600) / 2})
    equity = D(300) if gone else 500 + (eth - 4000) / 2
    return Sample(START + timedelta(minutes=minute), {"BTCUSDT": D(100_000), "ETHUSDT": eth}, equity, room, lines)


def leg(name: str, mode: PlanMode, gone: bool) -> LegResult:
    return LegResult(
        name=name,
        symbol=name,
        mode=mode.value,
        at_risk=D(200),
        notional_at_start=D(2000),
        liquidation_price_at_start=D("3614.46"),
        liquidated_at=GONE if gone else None,
        liquidated_price=D("3614.46") if gone else None,
        hit_at=GONE if gone else None,
        hit_price=D("3614.46") if gone else None,
        planned=name,
        open_size=D(0) if gone else D("0.5"),
        pnl=D("-192.77") if gone else D(0),
    )


def events(mode: PlanMode) -> tuple[Happening, ...]:
    paid = [
        Happening(START + timedelta(hours=8 * n), "funding", "BTCUSDT", f"funding {n}", amount=D("0.25")) for n in (0, 1, 2)
    ]
    return (
        Happening(START, "open", "ETHUSDT", f"{mode.value} opens & waits <here>", D(4000), D("0.5")),
        *paid,
        Happening(START + timedelta(hours=20), "top_up", "ETHUSDT", f"{mode.value} topped up", amount=D(20)),
        Happening(START + timedelta(hours=21), "stop", "BTCUSDT", f"{mode.value} stop reached", D("99000")),
        Happening(GONE, "liquidation", "asset:USDT", f"{mode.value} line reached"),
        Happening(GONE, "take_over", "ETHUSDT", f"{mode.value} ETH taken over", D("3600"), D("0.5"), D("-200")),
        Happening(GONE, "shortfall", "asset:USDT", f"{mode.value} fund paid", amount=D(3)),
    )


@cache
def run(mode: PlanMode, path: str, final: Decimal, gone: bool) -> Run:
    return Run(
        venue="hand",
        mode=mode,
        path=path,
        readings={"order": "largest"},
        unit="USDT",
        start_equity=D(500),
        final_equity=final,
        lowest_equity=D("-0.0000001"),
        lowest_equity_at=GONE,
        fees=D("1.6"),
        funding=D("0.75"),
        liquidation_cost=D("7.23"),
        insurance_draw=D("3"),
        counterparties_draw=D(0),
        deposits=D(0),
        money_at_risk=D(400),
        requirement_at_start=D(16),
        capital_efficiency=D(10),
        legs=(leg("BTCUSDT", mode, False), leg("ETHUSDT", mode, gone)),
        least=(Least("BTCUSDT", D(180), D("0.9"), START), Least("ETHUSDT", D("3.5"), D("0.0175"), GONE)),
        happenings=events(mode),
        samples=tuple(sample(minute) for minute in range(3001)),
    )


def result(mode: PlanMode, final: Decimal, gone: bool) -> ModeResult:
    verdict = Verdict.CERTAINLY if gone else Verdict.POSSIBLY
    return ModeResult(
        venue="hand",
        mode=mode,
        run=run(mode, "synchronised", final, gone),
        worst=run(mode, "worst", D("111.25"), True),
        best=run(mode, "best", D("1499.75"), False),
        verdicts={"BTCUSDT": Verdict.NOT, "ETHUSDT": verdict},
        readings_that_matter={"order = smallest": D("277.5")},
        sentence=f"Sentence of {mode.value}.",
    )


@cache
def made() -> Comparison:
    results = (
        result(PlanMode.ISOLATED, D("1340.98"), True),
        result(PlanMode.CROSS, D("0.004"), False),
        result(PlanMode.AS_GIVEN, D("512.5"), False),
    )
    note = VenueNote(
        venue="hand",
        title="Hand-made venue",
        tables={"BTCUSDT": "table of 2025-07-02, 100 days away, grade stale"},
        skipped={"ADAUSDT": "no table of this symbol"},
        notes=("a remark",),
        law="c0ffee",
    )
    return Comparison(
        name="A <made> case [red]",
        about="Everything a report can meet.",
        prices="/somewhere/prices.csv",
        first=START,
        last=START + timedelta(minutes=3000),
        unit="USDT",
        venues=(note,),
        results=results,
        sentences=("First closing sentence.", "Second closing sentence.", "Third & last."),
        price_notes=("one gap of 2 hours",),
        stand_in={"ETHUSDT": "ETHUSD spot"},
    )


def bare() -> Comparison:
    """As little as there can be: no sample, no leg, every optional field absent."""
    full = made()
    empty = msgspec.structs.replace(
        full.results[0].run, capital_efficiency=None, legs=(), least=(), happenings=(), samples=()
    )
    one = msgspec.structs.replace(
        full.results[0], run=empty, worst=None, best=None, verdicts={}, readings_that_matter={}, sentence=""
    )
    note = msgspec.structs.replace(full.venues[0], tables={}, skipped={}, notes=())
    unplayed = msgspec.structs.replace(note, venue="other", title="", skipped={"BTCUSDT": "not listed here"})
    return msgspec.structs.replace(
        full, results=(one,), venues=(note, unplayed), sentences=(), price_notes=(), stand_in={}, about=""
    )


def regimes() -> RegimeMap:
    """Isolated is richer left of the middle, cross right of it; one cell cannot be."""
    falls, finals = (D("0.1"), D("0.2"), D("0.3")), (D("0.75"), D("0.95"), D("1.05"))
    isolated = ((None, D(300), D(300)), (D(300), D(300), D(300)), (D(300), D(300), D(300)))
    cross = ((None, D(250), D(350)), (D(250), D(300), D(350)), (D(0), D(0), D(0)))
    return RegimeMap("ETHUSDT", "USDT", falls, finals, isolated, cross, {"rebound": (D("0.12"), D("1.01"))})


def printed(comparison: Comparison, width: int, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, color_system="truecolor" if colour else None)
    print_comparison(comparison, console)
    return out.getvalue()


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_html(made(), path, regimes())
    return path.read_text(encoding="utf-8")


def without_plotly(page: str) -> str:
    from plotly.offline import get_plotlyjs

    assert page.count(get_plotlyjs()) == 1
    return page.replace(get_plotlyjs(), "")


def figure(page: str, name: str) -> dict[str, list[dict[str, object]]]:
    found = re.search(rf'<script type="application/json" id="figure-{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    drawn: dict[str, list[dict[str, object]]] = json.loads(found[1])
    return drawn


# ---- terminal -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
def test_the_terminal_tells_the_key_numbers_at_every_width(width: int) -> None:
    text = printed(made(), width)
    for wanted in ("1,340.98", "+840.98", "512.50", "isolated", "cross", "as given", "3,614.46", "7.23", "10.00x"):
        assert wanted in text
    joined = " ".join(text.replace("│", " ").split())
    for sentence in made().sentences:
        assert sentence in joined


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(len(line) for line in printed(made(), width).splitlines()) <= width


def test_piped_text_has_no_escape_codes_and_colour_changes_no_word() -> None:
    plain, coloured = printed(made(), 100), printed(made(), 100, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_a_loss_is_red_and_a_gain_green() -> None:
    coloured = printed(made(), 100, colour=True)
    assert re.search(r"\x1b\[1;32m\+840\.98", coloured)
    assert re.search(r"\x1b\[1;31m-500\.00", coloured)


def test_user_text_is_not_read_as_markup() -> None:
    assert "A <made> case [red]" in printed(made(), 100)


@pytest.mark.parametrize("wanted", ["order = smallest", "277.50", "111.25", "1,499.75", "stale", "no table of this symbol"])
def test_the_terminal_says_what_is_not_known(wanted: str) -> None:
    assert wanted in printed(made(), 140)


def test_stand_in_prices_are_declared() -> None:
    assert "Stand-in prices: ETHUSDT uses ETHUSD spot." in printed(made(), 100)


def test_a_long_log_keeps_what_the_venue_forced() -> None:
    full = made()
    many = tuple(
        Happening(START + timedelta(minutes=n), "refuse", "BTCUSDT", f"refusal {n}") for n in range(200)
    ) + events(PlanMode.CROSS)
    longer = msgspec.structs.replace(full.results[1], run=msgspec.structs.replace(full.results[1].run, happenings=many))
    text = printed(msgspec.structs.replace(full, results=(longer,)), 140)
    assert "cross ETH taken over" in text
    assert "refusal 199" not in text
    assert re.search(r"and \d+ more", text)


# ---- numbers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (D("1234567.891"), "USDT", "1,234,567.89"),
        (D("-0.0000001"), "USDT", "0.00"),
        (D("0.0012"), "USDT", "0.001200"),
        (D("0.12345678"), "BTC", "0.123457"),
        (D("1E+3"), "USDT", "1,000.00"),
        (D("-0"), "USDT", "0.00"),
        (None, "USDT", "-"),
    ],
)
def test_money_reads_as_money(value: Decimal | None, unit: str, text: str) -> None:
    assert facts.money(value, unit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(D("98765.4321"), "98,765.43"), (D("3.14159265"), "3.1416"), (D("0.24677"), "0.246770"), (D("1E-7"), "0.00000010")],
)
def test_a_price_has_the_decimals_its_size_asks_for(value: Decimal, text: str) -> None:
    assert facts.price(value) == text


def test_funding_payments_in_a_row_are_one_line_with_their_sum() -> None:
    lines = [line for line in facts.log(made().results[0].run) if line.what == "funding"]
    assert len(lines) == 1
    assert "3 payments" in lines[0].text
    assert "0.75 USDT paid" in lines[0].text


# ---- page ---------------------------------------------------------------------------------------------------------------


def test_the_page_loads_nothing_and_says_so(html: str) -> None:
    page = without_plotly(html)
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|//[a-z]|url\(|@import|\bsrc=|<link", page)


def test_the_page_is_below_six_megabytes(html: str) -> None:
    assert len(html.encode()) < 6_000_000


def test_every_mode_and_sentence_is_on_the_page(html: str) -> None:
    page = without_plotly(html)
    for wanted in ("isolated", "cross", "as given", "1,340.98", "Third &amp; last.", "c0ffee", "no table of this symbol"):
        assert wanted in page
    names = [str(trace["name"]) for trace in figure(page, "hand")["data"]]
    for mode in ("isolated", "cross", "as given"):
        assert names.count(mode) == 1, "one equity line a mode"
        assert any(name.startswith(f"{mode}: liquidation") for name in names)
        assert any("worst to best" in name for name in names if name.startswith(mode))


def test_every_event_is_in_the_log_and_drawn(html: str) -> None:
    page = without_plotly(html)
    logs = page[: page.index('<script type="application/json"')]
    drawn = [text for trace in figure(page, "hand")["data"] for text in trace.get("text", [])]  # type: ignore[attr-defined]
    for mode in PlanMode:
        for event in events(mode):
            told = event.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            assert event.kind == "funding" or told in logs
            assert any(told in text for text in drawn)


def test_user_text_is_escaped_in_the_page(html: str) -> None:
    page = without_plotly(html)
    assert "<made>" not in page
    assert "A &lt;made&gt; case" in page


def test_no_trace_has_more_than_eight_hundred_points(html: str) -> None:
    sizes = [len(trace["x"]) for trace in figure(html, "hand")["data"]]  # type: ignore[arg-type]
    assert max(sizes) <= 800
    assert max(sizes) > 100


def test_the_deepest_price_and_the_event_times_survive_thinning() -> None:
    full = made()
    spike = msgspec.structs.replace(full.results[0].run.samples[1234], marks={"ETHUSDT": D(17), "BTCUSDT": D(100_000)})
    samples = list(full.results[0].run.samples)
    samples[1234] = spike
    changed = msgspec.structs.replace(full.results[0], run=msgspec.structs.replace(full.results[0].run, samples=tuple(samples)))
    data = timeline((changed,), 120)["data"]
    eth = [trace for trace in data if trace["name"] == "mark price"][1]
    assert min(eth["y"]) == 17
    assert "2025-10-10 21:00:00" in eth["x"]
    assert len(eth["x"]) <= 120


def test_all_panels_share_one_time_axis() -> None:
    drawn = timeline(made().results)
    assert {trace["xaxis"] for trace in drawn["data"]} == {"x"}
    assert [key for key in drawn["layout"] if key.startswith("xaxis")] == ["xaxis"]
    assert len([key for key in drawn["layout"] if key.startswith("yaxis")]) == 4


def test_every_panel_has_a_title_and_its_legend_names_nothing_twice() -> None:
    drawn = timeline(made().results)
    assert [panel["title"] for panel in drawn["panels"]] == ["BTCUSDT", "ETHUSDT", "Equity", "Headroom"]
    for axis in ("y", "y2", "y3", "y4"):
        names = [trace["name"] for trace in drawn["data"] if trace["yaxis"] == axis and trace.get("showlegend") is not False]
        assert names
        assert len(names) == len(set(names))


def test_words_beside_liquidations_stay_apart_and_inside_the_frame() -> None:
    """Six marks at one price, two of them at one moment: one label fewer, none over another."""
    full = made().results[0]
    gone = next(leg for leg in full.run.legs if leg.liquidated_at is not None)
    results = []
    for mode, seconds in zip((*PlanMode, *PlanMode), (0, 0, 1, 2, 3, 4), strict=True):
        leg = msgspec.structs.replace(gone, liquidated_at=gone.liquidated_at + timedelta(seconds=seconds))
        results.append(msgspec.structs.replace(full, mode=mode, run=msgspec.structs.replace(full.run, legs=(leg,))))
    drawn = timeline(results)
    (low, high), height = drawn["layout"]["yaxis"]["range"], drawn["panels"][0]["height"]
    labels = drawn["layout"]["annotations"]
    tails = sorted((high - label["y"]) / (high - low) * height + label["ay"] for label in labels)
    assert len(tails) == 5
    assert sum(", " in label["text"].split(":")[0] for label in labels) == 1
    assert all(later - earlier > 18 for earlier, later in pairwise(tails))
    assert tails[0] > 10
    assert tails[-1] < height - 10


def test_headroom_is_drawn_down_to_the_least_that_the_run_knows() -> None:
    room = next(trace for trace in timeline(made().results)["data"] if trace["name"] == "isolated: ETHUSDT")
    assert room["y"][room["x"].index("2025-10-11 01:00:00")] is not None
    assert 3.5 in room["y"]


def test_the_map_is_centred_at_zero_and_leaves_out_what_cannot_be() -> None:
    drawn = regime_figure(regimes())
    heat = drawn["data"][0]
    assert heat["x"] == [-10.0, -20.0, -30.0]
    assert heat["z"] == [[None, 50.0, 300.0], [50.0, 0.0, 300.0], [-50.0, -50.0, 300.0]]
    axis = drawn["layout"]["coloraxis"]
    assert axis["cmin"] == -axis["cmax"] == -300
    assert drawn["data"][-1]["text"] == ["<b>rebound</b>"]
    assert drawn["data"][-1]["x"] == [-12.0]


def test_absent_fields_are_no_error(tmp_path: Path) -> None:
    write_html(bare(), tmp_path / "bare.html")
    assert "not listed here" in (tmp_path / "bare.html").read_text(encoding="utf-8")
    assert all("not listed here" in printed(bare(), width) for width in WIDTHS)
    assert json.loads(to_json(bare()))["results"][0]["worst"] is None


# ---- thinning -----------------------------------------------------------------------------------------------------------


def test_thinning_keeps_ends_extremes_gaps_and_named_points() -> None:
    values: list[float | None] = [float(n % 97) for n in range(5000)]
    values[2533], values[100], values[4000:4100] = 1e6, -1e6, [None] * 100
    kept = thinned(values, {777}, 200)
    assert {0, 100, 777, 2533, 3999, 4000, 4099, 4100, 4999} <= set(kept)
    assert len(kept) <= 200
    assert kept == sorted(set(kept))


def test_more_named_points_than_room_still_keep_the_limit() -> None:
    assert len(thinned([float(n) for n in range(9000)], set(range(0, 9000, 2)), 100)) <= 100


# ---- files --------------------------------------------------------------------------------------------------------------


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_html(made(), target)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert target.read_text() == "old"


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot write there"):
        write_whole(tmp_path / "absent" / "page.html", b"x")
    with pytest.raises(BadInput, match="not an ordinary file"):
        write_whole(tmp_path, b"x")
    assert list(tmp_path.iterdir()) == []


def test_without_plotly_one_line_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['plotly'] = None\n"
        "from plimsoll.report.html import _plotly_js\n"
        "try: _plotly_js()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.startswith("BadInput")
    assert "plimsoll[report]" in told
    assert len(told.splitlines()) == 1


# ---- JSON ---------------------------------------------------------------------------------------------------------------


def test_json_holds_the_whole_comparison() -> None:
    page = json.loads(to_json(made(), regimes()))
    assert page.pop("schema") == SCHEMA
    assert msgspec.convert(page.pop("regime_map"), RegimeMap) == regimes()
    assert msgspec.convert(page, Comparison) == made()


def test_json_amounts_are_fixed_point_text_and_times_end_in_z() -> None:
    page = json.loads(to_json(made()))
    assert page["results"][0]["run"]["lowest_equity"] == "-0.0000001"
    assert page["first"] == "2025-10-10T00:00:00Z"
    assert page["results"][0]["run"]["legs"][1]["liquidated_at"] == "2025-10-11T01:00:00Z"


def test_json_bytes_do_not_depend_on_the_order_of_a_map() -> None:
    full = made()
    turned = msgspec.structs.replace(
        full.results[0], verdicts=dict(reversed(full.results[0].verdicts.items()))
    )
    other = msgspec.structs.replace(full, results=(turned, *full.results[1:]))
    assert list(turned.verdicts) != list(full.results[0].verdicts)
    assert to_json(other) == to_json(full)
    assert next(iter(json.loads(to_json(full)))) == "schema"


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (None, ""),
        (Pace(6, 60, 0, "as asked for"), "exact, every frame decided: as asked for"),
        (Pace(6, 60_000, 0, ""), "exact, every frame decided; the array engine went ahead and found none to pass"),
        (
            Pace(9, 78_840, 58_000, ""),
            "78,840 frames in 9 playings: the array engine passed 58,000 on which nothing could happen, the exact engine "
            "decided 20,840; --engine exact gives the same numbers",
        ),
    ],
)
def test_the_report_says_which_engine_went_through_the_prices(tmp_path: Path, pace: Pace | None, words: str) -> None:
    comparison = msgspec.structs.replace(made(), pace=pace)
    write_html(comparison, tmp_path / "page.html")
    page, screen = (tmp_path / "page.html").read_text(encoding="utf-8"), " ".join(printed(comparison, 240).split())
    assert (f"Engine {words}" in screen) is (f"Engine: {words}" in page) is (pace is not None)
