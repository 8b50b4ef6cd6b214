"""Reports say how old and how firm the collateral and loan tables are that an account stands on, and only where it does."""

import json
import tomllib
from datetime import date
from pathlib import Path

import pytest

import plimsoll
from plimsoll.assess_command import AssessOptions, build
from plimsoll.cautions import Code
from plimsoll.compare_command import Wish, run
from plimsoll.report.as_json import to_json
from plimsoll.report.page import page
from plimsoll.runs import Comparison

LENT = """
name = "Bought with borrowed money"
venue = "binance_margin"
rules_as_of = {day}
interest = {{ USDT = "0.06" }}
[wallet]
BTC = "1"
[[positions]]
symbol = "BTCUSDT"
side = "long"
size = "1"
entry_price = "30000"
leverage = 3
mode = "cross"
[scripts.s]
start = 2026-07-02T00:00:00Z
step = "1h"
[scripts.s.marks]
BTCUSDT = ["30000", "29000"]
"""


def stated(venue: str, asset: str, kind: str = "collateral") -> dict[str, object]:
    """The only entry of a coin in the table file itself."""
    text = (Path(plimsoll.__file__).parent / "tables" / f"{venue}.toml").read_text()
    (entry,) = [entry for entry in tomllib.loads(text)[kind] if entry["asset"] == asset]
    return entry


def lent(tmp_path: Path, day: date) -> str:
    path = tmp_path / "lent.toml"
    path.write_text(LENT.format(day=day))
    return str(path)


def played(tmp_path: Path, day: date) -> Comparison:
    return run(Wish(account=lent(tmp_path, day), modes="cross"))


def test_assess_says_how_far_the_slices_of_a_coin_are_from_the_day() -> None:
    """The slices of BTC were seen from November 2024 on; asked is the first of June 2023."""
    day, since = date(2023, 6, 1), date(2024, 11, 25)
    asked = AssessOptions(
        account="btc_collateral", venue="okx_multi", rules_as_of=str(day), today=day,
        marks=("BTCUSDT=60000",), indexes=("BTC=60000", "USDT=1"),
    )  # fmt: skip
    report = build(asked)
    line = next(line for line in report.tables if line.startswith("BTC as collateral"))
    assert f"table from {since}, {(since - day).days} days away, grade stale" in line
    stale = {caution.of: caution.value for caution in report.cautions if caution.code is Code.STALE_TABLE}
    assert stale["BTC as collateral"] == (since - day).days
    known = next(line for line in report.tables if line.startswith("USDT as collateral"))
    assert "away" not in known and "grade rewrite" in known and "USDT as collateral" not in stale


def test_a_comparison_names_the_grade_on_the_screen_on_the_page_and_in_json(tmp_path: Path) -> None:
    entry = stated("binance_margin", "BTC")
    assert (entry["grade"], "until" in entry) == ("memory", False)
    answer = played(tmp_path, date(2026, 7, 2))
    told = answer.venues[0].tables
    assert told["BTC as collateral"] == f"table from {entry['from']}, grade memory"
    assert json.loads(to_json(answer))["venues"][0]["tables"] == told
    assert f"BTC as collateral: table from {entry['from']}, grade memory" in page(answer, None, "")


def test_days_before_a_table_began_are_counted(tmp_path: Path) -> None:
    since = stated("binance_margin", "BTC")["from"]
    assert isinstance(since, date)
    told = played(tmp_path, date(2023, 1, 1)).venues[0].tables["BTC as collateral"]
    assert told == f"table from {since}, {(since - date(2023, 1, 1)).days} days away, grade stale"


@pytest.mark.parametrize("venue", ["binance_usdm", "okx_futures", "bitmex"])
def test_nothing_is_said_of_coins_where_none_is_valued(venue: str) -> None:
    """Single-asset mode has ratios in its table as well, which count for nothing there."""
    answer = run(Wish(venue=venue))
    tables = next(v.tables for v in answer.venues if v.venue == venue)
    assert len(tables) == 2 and not any(" as " in name for name in tables)


def test_both_divisions_are_told_of() -> None:
    """Isolated values no coins at this venue; cross, which comes after it, does."""
    answer = run(Wish(venue="bybit_uta", modes="isolated,cross"))
    assert "USDT as collateral" in next(v.tables for v in answer.venues if v.venue == "bybit_uta")


def test_a_simulation_names_brackets_and_coins_by_venue(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    model = "brownian funding=none step=4h volatility=BTCUSDT:0.5"
    study = plimsoll.simulate(
        lent(tmp_path, date(2026, 7, 2)), marks={"BTCUSDT": "30000"}, horizon="1d", paths=8, modes="cross", model=model
    )
    since = stated("binance_margin", "BTC")["from"]
    told = [note for note in study.notes if note.startswith("binance_margin ")]
    assert any("BTC as collateral" in note and f"table from {since}, grade memory; " in note for note in told)
    assert any(note.startswith("binance_margin BTCUSDT: ") and "grade memory" in note for note in told)
