"""What a report says of a study: everything that is in it, in every form, and what it means."""

import csv
import json
import re
from decimal import Decimal
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from plimsoll.plan import PlanMode
from plimsoll.report import odds as said
from plimsoll.report.as_json import study_json
from plimsoll.report.html import write_study_html
from plimsoll.report.notebook import study_html
from plimsoll.report.study_figures import figures
from plimsoll.report.study_frames import study_frames, write_frames
from plimsoll.report.terminal_study import print_study
from plimsoll.studies import Curve, Fan, Interval, Odds, Setting, Stopped, Study
from studies_by_hand import CROSS, ISOLATED, STUDY

replace = msgspec.structs.replace


def printed(study: Study, width: int = 130) -> str:
    out = StringIO()
    print_study(study, Console(file=out, width=width, no_color=True, highlight=False))
    return out.getvalue()


def grid(stops: bool = True, splits: bool = False) -> Study:
    """Two modes, four leverages, three stops: the riskier the more leverage, the wider its stop the less."""
    found = []
    for mode in (PlanMode.ISOLATED, PlanMode.CROSS):
        for leverage in (2, 5, 10, 20):
            for stop in (None, "0.05", "0.1") if stops else (None,):
                for split in (None, "0.5") if splits and mode is PlanMode.ISOLATED else (None,):
                    value = 0.002 * leverage + (0 if stop is None else 0.1 * float(stop)) + (0.2 if split else 0)
                    chosen = Setting("binance_usdm", mode, Decimal(leverage), stop and Decimal(stop), split and Decimal(split))
                    found.append(replace(ISOLATED, setting=chosen, liquidated=Interval(value, value - 0.001, value + 0.001)))
    return replace(STUDY, odds=tuple(found))


SEEN = (
    "By hand", "30 days", "12,345 paths", "of 200,000", "steps of 1 h", "seed 77", "Student with 4 degrees", "0.0001 a charge",
    "31.4 %", "30.6 to 32.2 %", "12.3 %", "11.8 to 12.9 %", "2.7 %", "2.4 to 3.0 %", "16.2 %", "15.6 to 16.8 %", "ETHUSDT",
    "25.1 %", "11.4", "28.6", "505.50", "101.50", "909.50", "487.50", "481.25 to 493.75", "317.62", "91.12", "481.88",
    "398.75", "420.12", "3.19", "11.06", "7.44", "0.81", "500.25", "4,000.50", "400.75", "-0.032", "17 replayed exactly",
    "29 with", "2,000.50", "3,633.25", "27.2 %", "27.0 to 27.4 %", "9.8", "4.3 %", "3.2 %", "none", "short, isolated",
    "88,000.5", "BTCUSDT allows 125 at most", "cross 130x", "Prices start as given", "f00dfeed", "499.12", "0 to 0.030 %",
)  # fmt: skip
"""The numbers of studies_by_hand as a reader is to see them."""


def test_the_terminal_says_every_number_of_the_study():
    text = " ".join(printed(STUDY, 170).split())
    assert [words for words in SEEN if words not in text] == []


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_screen(width):
    for study in (STUDY, grid()):
        assert max(len(line.rstrip()) for line in printed(study, width).splitlines()) <= width


def test_the_page_says_every_number_draws_every_curve_and_loads_nothing(tmp_path):
    pytest.importorskip("plotly")
    write_study_html(STUDY, tmp_path / "odds.html")
    page = (tmp_path / "odds.html").read_text()
    own, _, _ = page.partition("<script>")
    text = " ".join(re.sub("<[^>]+>", " ", own).replace("\N{MINUS SIGN}", "-").split())
    assert [words for words in SEEN if words not in text] == []
    assert set(re.findall('data-figure="([a-z-]+)"', own)) == {"figure-survival", "figure-fans", "figure-density"}
    assert not re.search(r"(src|href)=.?https?:", own)
    assert len(own.encode()) < 60_000, "all but plotly.js is small"


def test_what_a_user_wrote_cannot_break_out_of_the_page(tmp_path):
    pytest.importorskip("plotly")
    write_study_html(replace(STUDY, plan="<script>x</script>", notes=("</script><b>",)), tmp_path / "odds.html")
    page = (tmp_path / "odds.html").read_text()
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


def test_survival_curves_carry_their_bands_and_chances():
    figure = figures(STUDY)["figure-survival"]
    shown = [trace for trace in figure["data"] if trace.get("showlegend") is not False]
    assert [trace["name"] for trace in shown] == ["isolated", "cross"]
    assert shown[0]["x"] == [0, 10, 20, 30]
    assert shown[0]["y"] == [0, 0.11, 0.23, 0.3141]
    low, high = figure["data"][0], figure["data"][1]
    assert (low["y"][1], high["y"][1], high["fill"]) == (0.1045, 0.1155, "tonexty")


def test_curves_begin_at_the_start():
    late = replace(ISOLATED, by_day=Curve((5.0,), (Interval(0.1, 0.09, 0.11),)), fan=Fan((5.0,), ISOLATED.fan.equity[1:2]))
    drawn = figures(replace(STUDY, odds=(late,)))
    assert [trace["y"][0] for trace in drawn["figure-survival"]["data"]] == [0, 0, 0]
    assert {trace["y"][0] for trace in drawn["figure-fans"]["data"]} == {500.25}


def test_fans_hold_the_middle_and_the_bands_of_each_setting():
    figure = figures(STUDY)["figure-fans"]
    assert [panel["title"] for panel in figure["panels"]] == ["Equity, isolated", "Equity, cross"]
    ends = {(trace["yaxis"], trace["name"], trace["y"][-1]) for trace in figure["data"]}
    half = "half of the paths"
    assert {("y", "median", 505), ("y2", "median", 515), ("y", half, 300), ("y2", half, 710)} <= ends


def test_densities_are_steps_that_add_up_to_one():
    for trace in figures(STUDY)["figure-density"]["data"]:
        assert sum(trace["y"]) == pytest.approx(1)
        assert trace["x"] == [0, 0, 250, 500, 750, 1000]
        assert (trace["y"][0], trace["y"][-1]) == (0, 0)


def test_one_axis_is_drawn_as_lines_two_as_maps_three_as_maps_for_each_value_of_the_third():
    lines = figures(grid(stops=False))["figure-lines"]
    assert lines["data"][0]["x"] == ["2x", "5x", "10x", "20x"]
    assert lines["data"][0]["y"] == [0.004, 0.01, 0.02, 0.04]
    assert lines["data"][0]["error_y"]["array"] == pytest.approx([0.001] * 4)
    two = figures(grid())
    assert [name for name in two if "map" in name] == ["figure-map-0", "figure-map-1"]
    chance, gain = two["figure-map-0"]["data"]
    assert (chance["x"], chance["y"]) == (["2x", "5x", "10x", "20x"], ["as given", "5 %", "10 %"])
    assert chance["z"][2] == pytest.approx([0.014, 0.02, 0.03, 0.05])
    assert gain["z"][0][0] == pytest.approx((487.5 - 500.25) / 400.75, abs=1e-5)
    assert len([name for name in figures(grid(splits=True)) if "map" in name]) == 3, "isolated twice, cross has no splits"


def test_a_hole_in_the_grid_stays_a_hole():
    whole = grid()
    holed = replace(whole, odds=tuple(o for o in whole.odds if not (o.setting.leverage == 20 and o.setting.stop is None)))
    assert figures(holed)["figure-map-0"]["data"][0]["z"][0][3] is None


def test_many_settings_are_drawn_as_a_few_curves_and_told_in_rows():
    study = grid()
    text = printed(study)
    assert "isolated 20x stop 10 %" in text
    assert "Of 24 settings" in text
    curves = [t["name"] for t in figures(study)["figure-survival"]["data"] if t.get("showlegend") is not False]
    ends = ["isolated 2x", "isolated 20x stop 10 %", "cross 2x", "cross 20x stop 10 %"]
    assert [curves[n] for n in (0, 2, 3, 5)] == ends, "the safest and the riskiest of each mode, and one between"
    assert len(curves) == 6
    assert len(figures(study)["figure-fans"]["panels"]) == 4


def test_json_is_the_whole_study():
    body = json.loads(study_json(STUDY))
    assert body["schema"] == "plimsoll.study/1"
    assert list(body)[1:] == list(Study.__struct_fields__)
    assert list(body["odds"][0]) == list(Odds.__struct_fields__)
    assert body["refused"][0][0]["leverage"] == "130"
    assert msgspec.convert({k: v for k, v in body.items() if k != "schema"}, Study) == STUDY
    assert json.loads(study_json(replace(STUDY, horizon_days=float("nan"))))["horizon_days"] is None


def test_frames_have_a_row_a_setting_a_position_and_a_point():
    pytest.importorskip("polars")
    frames = study_frames(replace(grid(), odds=(*grid().odds, replace(CROSS, days_to_liquidation=None))))
    assert [frames["settings"].height, frames["positions"].height] == [25, 50]
    row = frames["settings"].row(0, named=True)
    assert (row["leverage"], row["stop"], row["liquidated_low"], row["final_equity_5"]) == (2.0, None, 0.003, 101.5)
    assert row["gain_per_risk"] == pytest.approx(-12.75 / 400.75)
    assert set(frames["curves"]["curve"]) == {"liquidated_by_day", "equity", "final_equity_from"}
    assert all(kind != "Null" for frame in frames.values() for kind in map(str, frame.dtypes))
    fields = set(Odds.__struct_fields__) - {"setting", "by_day", "legs", "fan", "final_density"}
    told = " ".join(frames["settings"].columns)
    assert [f for f in fields if f.replace("days_to_liquidation", "day_50") not in told] == []


def test_files_of_frames_are_written_beside_each_other(tmp_path):
    polars = pytest.importorskip("polars")
    written = write_frames(STUDY, tmp_path / "odds.csv", "csv")
    assert [path.name for path in written] == ["odds.csv", "odds.positions.csv", "odds.curves.csv"]
    with (tmp_path / "odds.csv").open() as file:
        assert [row["mode"] for row in csv.DictReader(file)] == ["isolated", "cross"]
    write_frames(STUDY, tmp_path / "odds.parquet", "parquet")
    assert polars.read_parquet(tmp_path / "odds.positions.parquet").height == 4


def test_a_notebook_shows_a_row_a_setting():
    shown = study_html(STUDY)
    assert shown.count("<tr>") == 3
    assert "31.4 %" in shown


def test_it_says_that_isolated_goes_more_often_and_loses_less():
    told = said.sentences(STUDY)
    assert told[0].startswith("Isolated: something is liquidated within 30 days on 31.4 % of the paths (30.6 to 32.2 %)")
    assert "half of those by day 11.4" in told[0]
    assert "loses 420.12 of 500.25 USDT" in told[0]
    assert "Isolated is liquidated more often than cross, yet loses less" in told[2]
    worse = replace(STUDY, odds=(replace(ISOLATED, expected_shortfall=499.5), CROSS))
    assert "and loses more" in said.sentences(worse)[2]


def test_what_cannot_be_told_apart_is_said_to_be_so():
    close = replace(STUDY, odds=(ISOLATED, replace(CROSS, liquidated=Interval(0.32, 0.312, 0.328))))
    assert "intervals overlap" in said.sentences(close)[2]


def test_positions_that_go_together_are_named_together():
    legs = tuple(replace(leg, first=Interval(0.12, 0.11, 0.13)) for leg in CROSS.legs)
    together = said.first_to_go(replace(CROSS, legs=legs))
    assert together is not None and together.name == "ETHUSDT and BTCUSDT"
    apart = said.first_to_go(replace(CROSS, legs=legs, liquidated=Interval(0.24, 0.23, 0.25)))
    assert apart is not None and apart.name == "ETHUSDT"


def test_where_nothing_goes_the_bound_is_told():
    none = Interval(0.0, 0.0, 0.0003)
    legs = tuple(replace(leg, first=none, liquidated=none, median_day=None) for leg in CROSS.legs)
    safe = replace(STUDY, odds=(replace(CROSS, liquidated=none, legs=legs, days_to_liquidation=None),))
    told = said.sentences(safe)[0]
    assert "nothing is liquidated within 30 days on any of 12,345 paths, so at most on about 0.030 %" in told
    assert "12,345" in printed(safe)


def test_the_highest_bearable_leverage_is_named():
    told = said.sentences(grid())
    assert "Isolated: of the leverages tried, 10x is the highest that keeps it below 5.0 % whatever else was varied." in told
    alike = replace(grid(stops=False), odds=tuple(replace(o, liquidated=CROSS.liquidated) for o in grid(stops=False).odds))
    assert "Cross: leverage makes no difference" in " ".join(said.sentences(alike))
    cautious = replace(grid(stops=False), odds=grid(stops=False).odds[:3])
    assert "Isolated: every leverage that was tried keeps liquidation below 5.0 %." in said.sentences(cautious)


@pytest.mark.parametrize(
    ("stopped", "words"),
    [
        (Stopped.PATHS, "30 days, 12,345 paths, steps"),
        (Stopped.INTERVAL, "as narrow as asked"),
        (Stopped.INTERRUPTED, "broken off"),
    ],
)
def test_it_says_why_no_more_paths_were_walked(stopped, words):
    text = " ".join(printed(replace(STUDY, stopped=stopped)).split())
    assert words in text
    assert ("wider than was asked for" in text) is (stopped is Stopped.INTERRUPTED)


def test_a_study_without_odds_is_told_as_such():
    empty = replace(STUDY, odds=())
    assert "every setting is refused" in printed(empty)
    assert figures(empty) == {}


def test_venues_are_named_where_there_are_several():
    abroad = replace(CROSS, setting=Setting("okx_futures", PlanMode.CROSS))
    assert said.title(abroad.setting, replace(STUDY, odds=(ISOLATED, abroad))) == "cross, okx_futures"
    assert said.title(CROSS.setting, STUDY) == "cross"
