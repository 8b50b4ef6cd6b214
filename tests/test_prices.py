"""Recorded prices: what a file says is what a frame holds, what it lacks is told, what is wrong is refused. Expected
prices are written by hand here or stand in the data's own README."""

import gzip
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from plimsoll.errors import BadInput
from plimsoll.prices import files
from plimsoll.prices.files import read_history
from plimsoll.prices.history import Bar, Meaning
from plimsoll.prices.times import parse_end, parse_time

D = Decimal
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MARK_FUNDING = DATA / "binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet"
SPOT = DATA / "binance_spot_1h_8sym_2019-09_2022-10.parquet"
FUNDING = DATA / "funding_rates_binance_okx.csv.gz"
BTC = {"BTCUSDT": "BTCUSDT"}
PAIR = {"BTCUSDT": "BTCUSDT", "ETHUSDT": "ETHUSDT"}
real = pytest.mark.skipif(not DATA.is_dir(), reason="the market history in ../shared/data is absent")

HEAD = "ts,symbol,open,high,low,close"
GOOD = [
    "2025-01-01T00:00:00Z,BTCUSDT,100,110,90,105",
    "2025-01-01T00:00:00Z,ETHUSDT,10,11,9,10.5",
    "2025-01-01T01:00:00Z,BTCUSDT,105,106,104,105.10",
    "2025-01-01T01:00:00Z,ETHUSDT,10.5,10.6,10.4,10.5",
]


def at(text: str) -> datetime:
    return parse_time(text, "time")


def csv_file(folder: Path, lines: list[str], head: str = HEAD, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def parquet_file(folder: Path, ts: pl.Series, name: str = "prices.parquet") -> Path:
    path = folder / name
    prices = {name: [101877.7, 0.1] for name in ("open", "high", "low", "close")}
    pl.DataFrame({"ts": ts, "symbol": ["BTCUSDT"] * 2, **prices}).write_parquet(path)
    return path


def bars(*closes: str, symbol: str = "BTCUSDT", hours: tuple[int, ...] = ()) -> list[str]:
    """Flat hourly bars; `hours` where they do not simply count from 0."""
    when = hours or tuple(range(len(closes)))
    return [
        f"2025-01-01T{hour:02}:00:00Z,{symbol},{close},{close},{close},{close}"
        for hour, close in zip(when, closes, strict=True)
    ]


# Times ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("2025-10-10", datetime(2025, 10, 10, tzinfo=UTC)),
        ("2025-10-10T21:20:00Z", datetime(2025, 10, 10, 21, 20, tzinfo=UTC)),
        ("2025-10-10 23:20+02:00", datetime(2025, 10, 10, 21, 20, tzinfo=UTC)),
        (datetime(2025, 10, 10, 1, tzinfo=UTC), datetime(2025, 10, 10, 1, tzinfo=UTC)),
    ],
)
def test_times_with_a_zone_become_utc(text: object, want: datetime) -> None:
    assert parse_time(text, "--from") == want


@pytest.mark.parametrize("text", ["2025-10-10T21:20", "10/10/2025", "", "soon", 7, None, "2025-13-01", "2025-02-30"])
def test_times_that_are_naive_or_no_times_are_refused(text: object) -> None:
    with pytest.raises(BadInput, match="--from"):
        parse_time(text, "--from")


def test_a_plain_end_date_includes_its_day() -> None:
    assert parse_end("2025-10-12", "--to") == at("2025-10-13")
    assert parse_end("2025-10-12T00:00Z", "--to") == at("2025-10-12")


# Files ----------------------------------------------------------------------------------------------------------------


def test_symbols_of_one_time_form_one_frame(tmp_path: Path) -> None:
    history = read_history(csv_file(tmp_path, GOOD), PAIR)
    first, second = history.frames
    assert (first.time, first.seconds, second.time) == (at("2025-01-01"), 3600, at("2025-01-01T01:00Z"))
    assert first.bars == {
        "BTCUSDT": Bar(D(100), D(110), D(90), D(105)),
        "ETHUSDT": Bar(D(10), D(11), D(9), D("10.5")),
    }
    assert history.symbols == ("BTCUSDT", "ETHUSDT")
    assert history.notes == (
        "No mark price in the file: trade prices stand in for marks.",
        "No funding in the file: none is paid.",
    )
    assert history.stand_in == {}


def test_csv_prices_keep_every_digit(tmp_path: Path) -> None:
    digits = "0.1234567890123456789012345678"
    history = read_history(csv_file(tmp_path, bars("1", digits)), BTC)
    assert str(history.frames[1].bars["BTCUSDT"].close) == digits


HOURS = [at("2025-01-01T00:00Z"), at("2025-01-01T01:00Z")]


@pytest.mark.parametrize(
    "ts",
    [
        pl.Series(HOURS, dtype=pl.Datetime("ms", "UTC")),
        pl.Series(HOURS, dtype=pl.Datetime("ns", "UTC")),
        pl.Series([time.timestamp() * 1000 for time in HOURS]).cast(pl.Int64),
        pl.Series([time.isoformat() for time in HOURS]),
    ],
    ids=["milliseconds", "nanoseconds", "epoch", "text"],
)
def test_parquet_floats_become_the_decimals_they_print_as(tmp_path: Path, ts: pl.Series) -> None:
    history = read_history(parquet_file(tmp_path, ts), BTC)
    assert [(frame.time, frame.bars["BTCUSDT"].low) for frame in history.frames] == [
        (HOURS[0], D("101877.7")),
        (HOURS[1], D("0.1")),
    ]


def test_csv_takes_epoch_milliseconds_a_byte_order_mark_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    rows = [HEAD, "1735689600000,BTCUSDT,1,1,1,1", "", " 1735693200000 , BTCUSDT ,2,2,2,2", ""]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    assert [frame.time for frame in read_history(path, BTC).frames] == HOURS


def test_the_window_holds_bars_from_its_start_to_before_its_end(tmp_path: Path) -> None:
    path = csv_file(tmp_path, bars("1", "2", "3", "4"))
    history = read_history(path, BTC, at("2025-01-01T01:00Z"), at("2025-01-01T03:00Z"))
    assert [frame.bars["BTCUSDT"].close for frame in history.frames] == [D(2), D(3)]
    wide = read_history(path, BTC, at("2024-12-31"), at("2025-01-02"))
    assert "Prices begin at 2025-01-01 00:00, later than the 2024-12-31 00:00 asked for." in wide.notes
    assert "Prices end at 2025-01-01 04:00, earlier than the 2025-01-02 00:00 asked for." in wide.notes


def test_one_file_symbol_may_stand_in_for_several(tmp_path: Path) -> None:
    symbols = {"BTCUSDT": "BTCUSDT", "BTC-USDT-SWAP": "BTCUSDT"}
    history = read_history(csv_file(tmp_path, bars("1", "2")), symbols)
    assert history.frames[0].bars["BTC-USDT-SWAP"] == history.frames[0].bars["BTCUSDT"]
    assert history.stand_in == {"BTC-USDT-SWAP": "BTCUSDT in prices.csv"}


def test_marks_are_read_where_the_file_has_them(tmp_path: Path) -> None:
    head = f"{HEAD},mark_open,mark_high,mark_low,mark_close"
    path = csv_file(tmp_path, [f"{line},{hour + 1},5,1,2" for hour, line in enumerate(bars("7", "8"))], head)
    history = read_history(path, BTC)
    assert history.frames[1].bars["BTCUSDT"] == Bar(*[D(8)] * 4, D(2), D(5), D(1), D(2))
    assert not [note for note in history.notes if "stand in" in note]


@pytest.mark.parametrize("name", ["declared.csv", "okx_mark_1h.csv", "columns.csv"])
def test_marks_alone_stand_in_for_last_prices(tmp_path: Path, name: str) -> None:
    head = "ts,symbol,mark_open,mark_high,mark_low,mark_close" if name == "columns.csv" else HEAD
    means = Meaning.MARK if name == "declared.csv" else None
    history = read_history(csv_file(tmp_path, bars("7", "8"), head, name), BTC, means=means)
    assert history.frames[0].bars["BTCUSDT"] == Bar(*[D(7)] * 8)
    assert "No trade price in the file: mark prices stand in for last prices." in history.notes


def test_spot_prices_are_declared_as_stand_ins(tmp_path: Path) -> None:
    history = read_history(csv_file(tmp_path, bars("7", "8"), name="binance_spot_1h.csv"), BTC)
    assert history.stand_in == {"BTCUSDT": "spot price of BTCUSDT in binance_spot_1h.csv"}
    assert "No mark price in the file: spot prices stand in for marks." in history.notes


@pytest.mark.parametrize(
    ("eth_hours", "note"),
    [
        ((0, 4), "ETHUSDT has no bar from 2025-01-01 01:00 to 2025-01-01 03:00 (3 bars); its last price stands until "),
        (
            (2, 3, 4),
            "ETHUSDT has no bar from 2025-01-01 00:00 to 2025-01-01 01:00 (2 bars); it has no price until then",
        ),
        ((0, 1, 2, 3), "ETHUSDT has no bar at 2025-01-01 04:00 (1 bar); its last price stands to the end"),
    ],
)
def test_a_gap_is_told_and_never_filled(tmp_path: Path, eth_hours: tuple[int, ...], note: str) -> None:
    eth = bars(*["9"] * len(eth_hours), symbol="ETHUSDT", hours=eth_hours)
    history = read_history(csv_file(tmp_path, [*bars(*"12345"), *eth]), PAIR)
    assert [found for found in history.notes if found.startswith(note)]
    assert [frame.time.hour for frame in history.frames if "ETHUSDT" in frame.bars] == list(eth_hours)
    assert len(history.frames) == 5


def test_a_gap_of_all_symbols_is_one_sentence(tmp_path: Path) -> None:
    lines = [line for name in PAIR for line in bars(*"1234", symbol=name, hours=(0, 1, 2, 4))]
    notes = read_history(csv_file(tmp_path, lines), PAIR).notes
    assert (
        "BTCUSDT and ETHUSDT have no bar at 2025-01-01 03:00 (1 bar each); their last prices stand until the next."
        in notes
    )


def test_a_row_without_trades_or_without_marks_is_left_out_with_a_note(tmp_path: Path) -> None:
    head = f"{HEAD},mark_open,mark_high,mark_low,mark_close"
    times = [f"2025-01-01T0{hour}:00:00Z,BTCUSDT" for hour in range(4)]
    cells = [",1" * 8, ",,,," + ",1" * 4, ",1" * 4 + ",,,,", ",1" * 8]
    lines = [time + row for time, row in zip(times, cells, strict=True)]
    history = read_history(csv_file(tmp_path, lines, head), BTC)
    assert [frame.time.hour for frame in history.frames] == [0, 3]
    assert "BTCUSDT: 1 bar at 2025-01-01 01:00 without trade price left out." in history.notes
    assert "BTCUSDT: 1 bar at 2025-01-01 02:00 without mark price left out." in history.notes


# Funding --------------------------------------------------------------------------------------------------------------


def test_funding_stands_in_the_hour_it_is_charged_and_empty_means_none(tmp_path: Path) -> None:
    lines = [f"{line},{rate}" for line, rate in zip(bars(*"123"), ["0.0001", "", "-2.5e-05"], strict=True)]
    history = read_history(csv_file(tmp_path, lines, f"{HEAD},funding_rate"), BTC)
    assert [frame.funding for frame in history.frames] == [{"BTCUSDT": D("0.0001")}, {}, {"BTCUSDT": D("-0.000025")}]


def funding_file(folder: Path, *rows: str) -> Path:
    path = folder / "funding.csv.gz"
    path.write_bytes(gzip.compress("\n".join(["ts,venue,symbol,funding_rate,source", *rows]).encode()))
    return path


def test_a_funding_file_is_joined_by_the_frame_that_contains_the_time(tmp_path: Path) -> None:
    rows = ["2025-01-01T00:00:00.012Z,b,BTCUSD,0.0001,x", "2025-01-01T02:00:00Z,b,BTCUSD,0.0002,x"]
    path = csv_file(tmp_path, bars(*"123"))
    history = read_history(path, BTC, funding_path=funding_file(tmp_path, *rows), funding_symbols={"BTCUSDT": "BTCUSD"})
    assert [frame.funding for frame in history.frames] == [{"BTCUSDT": D("0.0001")}, {}, {"BTCUSDT": D("0.0002")}]


def test_funding_that_falls_in_a_gap_is_charged_at_the_next_bar_and_told(tmp_path: Path) -> None:
    path = csv_file(tmp_path, bars(*"1234", hours=(0, 1, 2, 6)))
    history = read_history(path, BTC, funding_path=funding_file(tmp_path, "2025-01-01T04:00:00Z,b,BTCUSDT,0.0001,x"))
    assert history.frames[3].funding == {"BTCUSDT": D("0.0001")}
    assert "BTCUSDT: funding of 2025-01-01 04:00 falls in a gap and is charged at the next bar." in history.notes


def test_charges_that_share_a_bar_are_added_and_told(tmp_path: Path) -> None:
    days = [f"2025-01-0{day}T00:00:00Z,BTCUSDT,1,1,1,1" for day in (1, 2)]
    rows = [f"2025-01-01T{hour}:00:00Z,b,BTCUSDT,0.0001,x" for hour in ("00", "08", "16")]
    history = read_history(csv_file(tmp_path, days), BTC, funding_path=funding_file(tmp_path, *rows))
    assert [frame.funding for frame in history.frames] == [{"BTCUSDT": D("0.0003")}, {}]
    assert [note for note in history.notes if note.startswith("BTCUSDT: 2 funding charges share a bar")]


def test_missing_funding_is_told(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [line for name in PAIR for line in bars(*["1"] * 24, symbol=name)])
    rows = [f"2025-01-01T{hour:02}:00:00Z,b,BTCUSDT,0.0001,x" for hour in (0, 1, 2, 3, 10, 11)]
    notes = read_history(path, PAIR, funding_path=funding_file(tmp_path, *rows)).notes
    assert "ETHUSDT: the funding file has no charge; none is paid." in notes
    assert "BTCUSDT: no funding is known between 2025-01-01 03:00 and 2025-01-01 10:00; none is paid." in notes
    assert "BTCUSDT: no funding is known between 2025-01-01 11:00 and 2025-01-02 00:00; none is paid." in notes


# What is refused ------------------------------------------------------------------------------------------------------

BAR = "2025-01-01T02:00:00Z,BTCUSDT"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"{BAR},1,2,1,nan", "close, line 6 (2025-01-01 02:00 BTCUSDT) = nan"),
        (f"{BAR},1,inf,1,1", "high, line 6 (2025-01-01 02:00 BTCUSDT) = inf"),
        (f"{BAR},1,1,0,1", "low, line 6 (2025-01-01 02:00 BTCUSDT) = 0: a price is greater than zero"),
        (f"{BAR},-1,1,1,1", "open, line 6 (2025-01-01 02:00 BTCUSDT) = -1: a price is greater than zero"),
        (f"{BAR},1_0,10,10,10", "open, line 6 (2025-01-01 02:00 BTCUSDT) = 1_0: write a plain"),
        (f"{BAR},1,,1,1", "high, line 6 (2025-01-01 02:00 BTCUSDT): the bar is incomplete"),
        (f"{BAR},5,4,3,3", "high, line 6 (2025-01-01 02:00 BTCUSDT) = 4: the high is below"),
        (f"{BAR},5,6,5.5,6", "low, line 6 (2025-01-01 02:00 BTCUSDT) = 5.5: the low is above"),
        ("2025-01-01T01:00:00Z,BTCUSDT,1,1,1,1", "line 6 (2025-01-01 01:00 BTCUSDT) = 2025-01-01T01:00:00Z: this"),
        ("2024-12-31T23:00:00Z,BTCUSDT,1,1,1,1", "line 6 (2024-12-31 23:00 BTCUSDT) = 2024-12-31T23:00:00Z: time r"),
        ("2025-01-01T02:00:00,BTCUSDT,1,1,1,1", "ts, line 6 = 2025-01-01T02:00:00: say the zone"),
        ("1735693200,BTCUSDT,1,1,1,1", "ts, line 6 = 1735693200: epoch times count milliseconds"),
        ("noon,BTCUSDT,1,1,1,1", "ts, line 6 = noon: write a date"),
        (",BTCUSDT,1,1,1,1", "every row needs a time and a symbol"),
        ("2025-01-01T02:00:00Z,,1,1,1,1", "every row needs a time and a symbol"),
        ("2025-01-01T01:30:00Z,BTCUSDT,1,1,1,1", "it opens within 3600 s, the bar length, of the one before"),
        (f"{BAR},1,1,1,1,1", "it cannot be read"),
    ],
)
def test_a_wrong_row_is_refused_in_one_line_that_names_it(tmp_path: Path, line: str, says: str) -> None:
    path = csv_file(tmp_path, [*GOOD, line])
    with pytest.raises(BadInput) as caught:
        read_history(path, PAIR)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def refusal(path: Path, symbols: Mapping[str, str] = BTC, start: str = "", end: str = "") -> str:
    with pytest.raises(BadInput) as caught:
        read_history(path, symbols, at(start) if start else None, at(end) if end else None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "none.csv")
    assert "there is no such file" in refusal(tmp_path)
    csvs = {"a.csv": b"", "b.csv": b"ts,\xe9\n\xff", "a.csv.gz": b"?"}
    for name, content in {"a.txt": b"x", "a.parquet": b"PAR1xxxxxxxxxxxxxxxxxx", **csvs}.items():
        (tmp_path / name).write_bytes(content)
        assert f"{name}: file" in refusal(tmp_path / name)


@pytest.mark.parametrize("missing", ["ts", "symbol", "open", "close", "mark_low"])
def test_a_missing_column_is_named_beside_those_that_are_there(tmp_path: Path, missing: str) -> None:
    names = [*HEAD.split(","), "mark_open", "mark_high", "mark_low", "mark_close"]
    head = ",".join(name for name in names if name != missing)
    message = refusal(csv_file(tmp_path, [], head))
    assert f"column = {missing}: there is no such column; the file has {head.replace(',', ', ')}" in message


def test_an_unknown_symbol_is_refused_with_the_nearest(tmp_path: Path) -> None:
    message = refusal(csv_file(tmp_path, GOOD), {"x": "BTCUSD"})
    assert message.endswith("symbol = BTCUSD: there is no such symbol; the nearest: BTCUSDT")
    assert refusal(csv_file(tmp_path, GOOD), {"x": "zzz"}).endswith("the file has BTCUSDT, ETHUSDT")


def test_an_empty_window_is_refused_with_the_span_of_the_file(tmp_path: Path) -> None:
    path = csv_file(tmp_path, GOOD)
    assert "from 2025-01-01 00:00 to 2025-01-01 01:00 UTC" in refusal(path, BTC, "2025-02-01", "2025-02-02")
    assert "the end must be later than the start" in refusal(path, BTC, "2025-02-01", "2025-02-01")
    assert "at least one symbol" in refusal(path, {})
    assert "at least two bars" in refusal(csv_file(tmp_path, GOOD[:2]))


def test_a_parquet_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    path = parquet_file(tmp_path, pl.Series([time.replace(tzinfo=None) for time in HOURS]))
    assert "no time zone; store it in UTC" in refusal(path)


def test_a_bad_funding_file_is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, bars("1", "2"))
    row = "2025-01-01T00:00:00Z,b,BTCUSDT"
    for rows, says in (([f"{row},often,x"], "= often"), ([f"{row},nan,x"], "= nan"), ([f"{row},1e-4,x"] * 2, "twice")):
        with pytest.raises(BadInput, match=says):
            read_history(path, BTC, funding_path=funding_file(tmp_path, *rows))
    with pytest.raises(BadInput, match="funding_rate"):
        read_history(path, BTC, funding_path=path)


def test_without_polars_candles_say_which_extra_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "find_spec", lambda _name: None)
    assert "reading CSV and Parquet needs the report extra" in refusal(csv_file(tmp_path, GOOD))
    instants = csv_file(tmp_path, ["2025-01-01,BTCUSDT,1", "2025-01-02,BTCUSDT,2"], "ts,symbol,mark", "path.csv")
    assert len(read_history(instants, BTC).frames) == 2


def test_scripts_never_import_polars() -> None:
    code = "import sys; sys.modules['polars'] = None; import plimsoll.prices.files, plimsoll.prices.paths"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Real history ---------------------------------------------------------------------------------------------------------


@real
@pytest.mark.real
def test_october_2025_has_the_known_lows_of_mark_and_trade() -> None:
    symbols = {name: name for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT")}
    history = read_history(MARK_FUNDING, symbols, at("2025-10-08"), at("2025-10-13"))
    assert len(history.frames) == 5 * 24
    assert history.notes == ()
    crash = next(frame for frame in history.frames if frame.time == at("2025-10-10T21:00Z"))
    assert crash.seconds == 3600
    lows = {symbol: (bar.mark_low, bar.low) for symbol, bar in crash.bars.items()}
    assert [round(price, 1) for price in lows["BTCUSDT"] if price] == [D("101877.7"), D("101516.5")]
    assert [round(price, 1) for price in lows["ETHUSDT"] if price] == [D("3425.3"), D("3400.0")]
    assert [round(price, 5) for price in lows["DOGEUSDT"] if price] == [D("0.08867"), D("0.08385")]


@real
@pytest.mark.real
def test_the_funding_file_agrees_with_the_candles_own_column() -> None:
    symbols = {name: name for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "HYPEUSDT")}
    window = at("2025-10-08"), at("2025-10-13")
    own, joined = (read_history(MARK_FUNDING, symbols, *window, funding_path=path) for path in (None, FUNDING))
    assert [frame.funding for frame in own.frames] == [frame.funding for frame in joined.frames]
    assert sum("BTCUSDT" in frame.funding for frame in own.frames) == 15  # every eight hours
    assert sum("HYPEUSDT" in frame.funding for frame in own.frames) == 30  # every four


@real
@pytest.mark.real
@pytest.mark.parametrize(
    ("start", "end", "hour", "low"),
    [
        ("2020-03-11", "2020-03-15", "2020-03-13T02:00Z", "3782.13"),
        ("2021-05-17", "2021-05-21", "2021-05-19T13:00Z", "30000.00"),
    ],
)
def test_spot_stands_in_for_the_crashes_of_2020_and_2021(start: str, end: str, hour: str, low: str) -> None:
    history = read_history(SPOT, PAIR, at(start), at(end), funding_path=FUNDING)
    assert len(history.frames) == 96
    crash = next(frame for frame in history.frames if frame.time == at(hour))
    assert crash.bars["BTCUSDT"].low == min(frame.bars["BTCUSDT"].low for frame in history.frames) == D(low)
    assert crash.bars["BTCUSDT"].mark_low is None
    assert set(history.stand_in) == set(PAIR)
    assert [note for note in history.notes if note.startswith("ETHUSDT: no funding is known")]
    assert sum("BTCUSDT" in frame.funding for frame in history.frames) == 12


@real
@pytest.mark.real
def test_rows_with_a_mark_but_no_trade_are_left_out_of_the_real_file() -> None:
    history = read_history(MARK_FUNDING, BTC, at("2026-02-19"), at("2026-02-20"))
    assert history.frames[-1].time == at("2026-02-19T17:00Z")
    assert "BTCUSDT: 3 bars from 2026-02-19 18:00 to 2026-02-19 20:00 without trade price left out." in history.notes


@real
@pytest.mark.real
@pytest.mark.parametrize("path", sorted(DATA.glob("*.parquet")), ids=lambda path: path.name)
def test_every_candle_file_loads_as_it_is(path: Path) -> None:
    rows = pl.scan_parquet(path).select(pl.col("symbol").cast(pl.String), "ts", "close").drop_nulls().collect()
    symbol = rows["symbol"][0]
    mine = rows.filter(pl.col("symbol") == symbol)
    history = read_history(path, {symbol: symbol})
    assert len(history.frames) == mine.height
    assert history.frames[-1].time == mine["ts"][-1]
    assert history.frames[-1].bars[symbol].close == D(repr(mine["close"][-1]))
