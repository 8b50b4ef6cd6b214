"""Files of fills: what people have is read as it is, what cannot be is refused in one line with row, field and cure.

The JSON samples were written by hand after the formats of ccxt 4.5.90 (`safe_trade`, `okx.parse_trade`) and freqtrade 2026.9
(`store_backtest_results`, `Order.to_json`)."""

import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from plimsoll.api import load_rulebook
from plimsoll.errors import BadInput
from plimsoll.fills_file import Counted, read_fills
from plimsoll.fills_plan import Leverages, book_of
from plimsoll.model import LegSide, PositionMode

D = Decimal
SAMPLES = Path(__file__).parent / "fills"
TEN = Leverages({}, D(10))
HEAD = "time,symbol,side,size,price\n"
ROW = "2026-06-01T00:00Z,BTCUSDT,buy,0.1,100000"


def written(tmp_path: Path, text: str, name: str = "fills.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_is_read_under_the_names_that_people_give_its_columns(tmp_path):
    head = "Date(UTC);Pair;Side;Amount;Price;Fee;Fee Coin;Lev;Reduce-Only;Position Side;Role;Realized Profit".replace(";", ",")
    row = "2026-06-01 00:30:05,ETHUSDT,SELL,0.5,4000,-0.2,USDT,20x,TRUE,SHORT,MAKER,12"
    file = read_fills(written(tmp_path, f"{head}\n{row}\n"))
    (fill,) = file.rows
    assert fill.time == datetime(2026, 6, 1, 0, 30, 5, tzinfo=UTC)
    assert (fill.symbol, fill.side, fill.amount, fill.price) == ("ETHUSDT", "sell", D("0.5"), D(4000))
    assert (fill.fee, fill.fee_asset, fill.leverage, fill.liquidity) == (D("-0.2"), "USDT", D(20), "maker")
    assert (fill.reduce_only, fill.position_side, fill.counted) == (True, LegSide.SHORT, Counted.COINS)
    assert file.notes == ("columns not read: Realized Profit",)


@pytest.mark.parametrize("name", ["time", "date", "timestamp", "datetime", "ts"])
@pytest.mark.parametrize("size", ["size", "amount", "qty", "quantity"])
def test_time_and_size_have_several_names(tmp_path, name, size):
    file = read_fills(written(tmp_path, f"{name},pair,side,{size},rate\n1780272000000,BTCUSDT,buy,1,2\n"))
    assert file.rows[0].time == datetime(2026, 6, 1, tzinfo=UTC) and file.rows[0].amount == 1


def test_a_column_called_contracts_counts_contracts(tmp_path):
    file = read_fills(written(tmp_path, f"{HEAD.replace('size', 'contracts')}2026-06-01T00:00Z,BTC-USDT-SWAP,buy,5,100000\n"))
    book = book_of(file, load_rulebook("okx_futures", "2026-06-01"), None, TEN)
    assert book.fills[0].opening == D("0.05"), "five contracts of a hundredth of a bitcoin"


def test_ccxt_trades_count_contracts_and_a_negative_fee_is_a_rebate():
    file = read_fills(SAMPLES / "ccxt_okx.json")
    book = book_of(file, load_rulebook("okx_futures", "2026-06-01"), None, TEN)
    first, last = book.fills
    assert (first.symbol, first.opening, first.closing) == ("BTC-USDT-SWAP", D("0.05"), 0)
    assert (last.closing, last.opening, last.whole) == (D("0.05"), 0, True)
    assert (first.fee_rate, last.fee_rate) == (D("2.5") / 5000, D("-0.52") / 5200)
    assert (first.liquidity, last.liquidity) == ("taker", "maker")
    assert book.left == {}


def test_a_cost_tells_that_an_amount_counts_coins(tmp_path):
    trades = json.loads((SAMPLES / "ccxt_okx.json").read_text())
    for trade in trades:
        trade["amount"] = 0.05
    file = read_fills(written(tmp_path, json.dumps(trades), "t.json"))
    book = book_of(file, load_rulebook("okx_futures", "2026-06-01"), None, TEN)
    assert [fill.opening + fill.closing for fill in book.fills] == [D("0.05"), D("0.05")]
    trades[0]["cost"] = 900
    with pytest.raises(BadInput, match=r"trade 1 amount = 0\.05: a cost of 900 fits neither"):
        odd = read_fills(written(tmp_path, json.dumps(trades), "t.json"))
        book_of(odd, load_rulebook("okx_futures", "2026-06-01"), None, TEN)


def check_freqtrade(path: Path) -> None:
    file = read_fills(path)
    assert (file.kind, file.name, file.wallet) == ("freqtrade backtest", "Swing", {"USDT": D(1000)})
    told = [(row.place, row.symbol, row.side, row.amount, row.price, row.leverage, row.fee_rate) for row in file.rows]
    fee = D("0.0005")
    assert told == [
        ("trade 1 order 1", "BTC/USDT:USDT", "buy", D("0.1"), D(100000), D(20), fee),
        ("trade 2 order 1", "ETH/USDT:USDT", "sell", D("0.5"), D(4000), D(10), fee),
        ("trade 1 order 3", "BTC/USDT:USDT", "sell", D("0.1"), D(95500), D(20), fee),
        ("trade 2 order 2", "ETH/USDT:USDT", "buy", D("0.5"), D(3900), D(10), fee),
    ], "by time, without the order that never filled"
    assert [row.reduce_only for row in file.rows] == [False, False, True, True]
    assert file.notes == ("the backtest's own funding, -1.25 in all, is not used: the recorded rates are",)


def test_a_freqtrade_export_is_read_order_by_order():
    check_freqtrade(SAMPLES / "freqtrade.json")


def test_the_zip_that_freqtrade_writes_is_read_past_its_config_and_strategy(tmp_path):
    path = tmp_path / "backtest-result-2026-06-02_10-00-00.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("backtest-result-2026-06-02_10-00-00_config.json", '{"strategy": "Swing"}')
        packed.writestr("backtest-result-2026-06-02_10-00-00_Swing.json", '{"params": {"buy": {}}}')
        packed.writestr("backtest-result-2026-06-02_10-00-00.json", (SAMPLES / "freqtrade.json").read_text())
        packed.writestr("backtest-result-2026-06-02_10-00-00_Swing.py", "class Swing: ...")
    check_freqtrade(path)


def test_an_old_export_without_orders_has_an_open_and_a_close(tmp_path):
    export = json.loads((SAMPLES / "freqtrade.json").read_text())
    for trade in export["strategy"]["Swing"]["trades"]:
        del trade["orders"]
    file = read_fills(written(tmp_path, json.dumps(export), "old.json"))
    assert [(row.place, row.side, row.price) for row in file.rows] == [
        ("trade 1 open", "buy", 100000),
        ("trade 2 open", "sell", 4000),
        ("trade 1 close", "sell", 95500),
        ("trade 2 close", "buy", 3900),
    ]


def test_of_several_strategies_one_must_be_named(tmp_path):
    export = json.loads((SAMPLES / "freqtrade.json").read_text())
    export["strategy"]["Other"] = export["strategy"]["Swing"]
    path = written(tmp_path, json.dumps(export), "two.json")
    with pytest.raises(BadInput, match="the export has Swing, Other; name one with --strategy"):
        read_fills(path)
    assert read_fills(path, "Other").name == "Other"


def test_a_leg_named_by_the_venue_makes_it_hedge_mode(tmp_path):
    rows = "2026-06-01T00:00Z,BTCUSDT,buy,1,10,long\n2026-06-01T00:00Z,BTCUSDT,sell,2,10,short\n"
    file = read_fills(written(tmp_path, f"time,symbol,side,size,price,position_side\n{rows}"))
    book = book_of(file, load_rulebook("binance_usdm", "2026-06-01"), None, TEN)
    assert book.mode is PositionMode.HEDGE
    assert book.left == {("BTCUSDT", LegSide.LONG): 1, ("BTCUSDT", LegSide.SHORT): -2}


def test_a_fill_against_the_book_closes_first_and_opens_with_the_rest(tmp_path):
    rows = ["buy,1,10", "buy,2,10", "sell,5,10", "buy,1,10", "buy,1.000000000001,10"]
    text = "".join(f"2026-06-01T00:0{n}Z,BTCUSDT,{row}\n" for n, row in enumerate(rows))
    book = book_of(read_fills(written(tmp_path, HEAD + text)), load_rulebook("binance_usdm", "2026-06-01"), None, TEN)
    parts = [(fill.closing, fill.opening, fill.whole) for fill in book.fills]
    assert parts == [(0, 1, False), (0, 2, False), (3, 2, True), (1, 0, False), (1, 0, True)], "dust is no position"
    assert book.left == {}


def test_a_fee_in_another_coin_is_told_and_the_list_rate_stands_in(tmp_path):
    text = f"time,symbol,side,size,price,fee,fee_currency\n{ROW},0.01,BNB\n"
    book = book_of(read_fills(written(tmp_path, text)), load_rulebook("binance_usdm", "2026-06-01"), None, TEN)
    assert book.fills[0].fee_rate is None
    assert "fees of 1 fills were paid in BNB" in book.notes[0]


def test_closing_what_was_held_before_the_file_begins_is_told(tmp_path):
    text = f"time,symbol,side,size,price,reduce_only\n{ROW.replace('buy', 'sell')},true\n"
    book = book_of(read_fills(written(tmp_path, text)), load_rulebook("binance_usdm", "2026-06-01"), None, TEN)
    assert (book.fills[0].missing, book.fills[0].opening, book.left) == (D("0.1"), 0, {})
    assert "held before the file begins (first line 2)" in book.notes[0]


BAD_CSV = {
    "nothing in it": ("", r"column = time: is missing; it may be called time, date"),
    "only a header": (HEAD, r"fills: there is no fill in it"),
    "no price": ("time,symbol,side,size\n", r"column = price: is missing; it may be called price, rate"),
    "two sizes": (f"time,symbol,side,size,amount,price\n{ROW}\n", r"columns = size, amount: both mean size; keep one"),
    "size and contracts": (f"time,symbol,side,size,contracts,price\n{ROW}\n", r"both are sizes; keep one"),
    "NaN": (HEAD + ROW.replace("0.1", "NaN"), r"line 2 size = NaN: NaN and infinity are not amounts"),
    "negative size": (HEAD + ROW.replace("0.1", "-0.1"), r"line 2 size = -0\.1: a size is greater than zero; the side says"),
    "no number": (HEAD + ROW.replace("100000", "1e5x"), r"line 2 price = 1e5x: write a plain decimal number"),
    "zero price": (HEAD + ROW.replace("100000", "0"), r"line 2 price = 0: a price is greater than zero"),
    "no symbol": (HEAD + ROW.replace("BTCUSDT", " "), r"line 2 symbol: is empty; fill it in"),
    "no zone": (HEAD + ROW.replace("T00:00Z", " 00:00"), r"line 2 time = .*: say the zone.*or call the column time_utc"),
    "no time": (HEAD + ROW.replace("2026-06-01T00:00Z", "noon"), r"line 2 time = noon: write a date or time such as"),
    "seconds": (HEAD + ROW.replace("2026-06-01T00:00Z", "1780272000"), r"line 2 time = 1780272000: epoch times count milli"),
    "long": (HEAD + ROW.replace("buy", "long"), r"line 2 side = long: write buy or sell \(which leg"),
    "thousands": (HEAD + ROW.replace("100000", "100,000"), r"line 2 = 6 fields: the header has 5 columns; .*no thousands"),
    "backward": (HEAD + ROW + "\n" + ROW.replace("06-01", "05-31"), r"line 3 time = 2026-05-31 00:00: time runs backward, "),
    "flag": (f"time,symbol,side,size,price,reduce_only\n{ROW},maybe", r"line 2 reduce_only = maybe: write true or false"),
    "leverage": (f"time,symbol,side,size,price,leverage\n{ROW},0.5", r"line 2 leverage = 0\.5: leverage is at least 1"),
    "leg": (f"time,symbol,side,size,price,position_side\n{ROW},up", r"line 2 position_side = up: write long or short"),
    "role": (f"time,symbol,side,size,price,liquidity\n{ROW},user", r"line 2 liquidity = user: write maker or taker"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_a_bad_csv_is_refused_with_its_row_field_and_cure(tmp_path, case):
    text, message = BAD_CSV[case]
    with pytest.raises(BadInput, match=message) as told:
        read_fills(written(tmp_path, text))
    assert "\n" not in str(told.value) and str(told.value).startswith(str(tmp_path))


TRADE = json.loads((SAMPLES / "ccxt_okx.json").read_text())[0]
EXPORT = json.loads((SAMPLES / "freqtrade.json").read_text())["strategy"]["Swing"]
BAD_JSON = {
    "not JSON": ("[{", r"JSON: .*correct the syntax"),
    "another object": ({"trades": []}, r"it is neither a list of trades nor a backtest with `strategy`"),
    "no trades": ([], r"fills: there is no fill in it"),
    "a word": (["buy"], r"trade 1 = buy: write an object"),
    "no price": ([{**TRADE, "price": None}], r"trade 1 price: is missing"),
    "no side": ([{**TRADE, "side": None}], r"trade 1 side: is missing"),
    "NaN": ([{**TRADE, "amount": float("nan")}], r"trade 1 amount = NaN: NaN and infinity"),
    "negative": ([{**TRADE, "amount": -5}], r"trade 1 amount = -5: a size is greater than zero"),
    "bool": ([{**TRADE, "price": True}], r"trade 1 price = True: write a plain decimal"),
    "time": ([{**TRADE, "timestamp": 1780272000}], r"trade 1 timestamp = 1780272000: epoch times count milli"),
    "twice": ([TRADE, TRADE], r"trade 2 id = 1101: trade 1 is the same fill; keep one"),
    "backward": ([{**TRADE, "id": 7}, {**TRADE, "timestamp": 1780270000000}], r"trade 2 time = .*: time runs backward, "),
    "fees": ([{**TRADE, "fees": [{"cost": 1, "currency": c} for c in ("BNB", "USDT")]}], r"one fill pays its fee in one"),
    "spot backtest": ({"strategy": {"Swing": {**EXPORT, "trading_mode": "spot"}}}, r"trading_mode = spot: nothing is"),
    "no list": ({"strategy": {"Swing": {**EXPORT, "trades": None}}}, r"strategy Swing trades: is missing; export the backtest"),
    "no pair": ({"strategy": {"S": {"trades": [{**EXPORT["trades"][0], "pair": 3}]}}}, r"trade 1 pair = 3: write a name"),
}


@pytest.mark.parametrize("case", BAD_JSON)
def test_a_bad_json_is_refused_with_its_row_field_and_cure(tmp_path, case):
    document, message = BAD_JSON[case]
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(BadInput, match=message) as told:
        read_fills(written(tmp_path, text, "x.json"))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.xlsx", b"x", r"file = \.xlsx: give a CSV, the JSON of ccxt's fetch_my_trades, or a freqtrade"),
        ("x.csv", b"\xff\xfe", r"cannot be read \(it is not UTF-8 text\)"),
        ("x.zip", b"no zip", r"zip: it cannot be unpacked"),
        ("x.csv", b'time,symbol\n"a', r"CSV: it cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read_fills(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_fills(tmp_path / f"absent{path.suffix if path.suffix != '.xlsx' else '.csv'}")


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("BTCUSTD", r"line 2 symbol = BTCUSTD: binance_usdm has no such contract; .*the nearest: BTCUSDT"),
        ("BTC/USDT", r"line 2 symbol = BTC/USDT: is a spot pair, .*the perpetual is BTC/USDT:USDT"),
        ("NOPE/USDT:USDT", r"line 2 symbol = NOPE/USDT:USDT: binance_usdm lists no such contract"),
    ],
)
def test_a_symbol_that_the_venue_lacks_is_refused_with_a_cure(tmp_path, symbol, message):
    file = read_fills(written(tmp_path, HEAD + ROW.replace("BTCUSDT", symbol)))
    with pytest.raises(BadInput, match=message):
        book_of(file, load_rulebook("binance_usdm", "2026-06-01"), None, TEN)


def test_without_any_leverage_the_first_opening_fill_is_named(tmp_path):
    file = read_fills(written(tmp_path, HEAD + ROW))
    with pytest.raises(BadInput, match=r"line 2 leverage: is told nowhere; add a column leverage, or say --leverage 10"):
        book_of(file, load_rulebook("binance_usdm", "2026-06-01"), None, Leverages({}, None))
