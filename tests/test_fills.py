"""Would it have survived: replays of fills against hand computations.

The lines are worked out here from the venue's rule: an isolated position fails where wall + profit = maintenance rate x value.
BTCUSDT at Binance below 50,000 USDT of value: 0.4 % (tables of 2024 to 2026); its opening fee comes out of the wall."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from plimsoll.api import survive
from plimsoll.cli import run as cli
from plimsoll.errors import BadInput
from plimsoll.model import Kind
from plimsoll.rulebook import discover, in_force
from plimsoll.runs import Comparison, ModeResult, Verdict
from plimsoll.table_files import load

D = Decimal
SAMPLES = Path(__file__).parent / "fills"
DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
HOURLY = DATA / "binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet"
HEAD = "time,symbol,side,size,price,fee\n"
CRASH = {0: 100000, 1: 102000, 2: 90000, 3: 99000}
BARS = """ts,symbol,open,high,low,close
2026-06-01T00:00Z,BTCUSDT,100000,101000,99500,100500
2026-06-01T01:00Z,BTCUSDT,100500,100600,95000,98000
2026-06-01T02:00Z,BTCUSDT,98000,98500,97500,98000
2026-06-01T00:00Z,ETHUSDT,4000,4050,3990,4000
2026-06-01T01:00Z,ETHUSDT,4000,4010,3950,3960
2026-06-01T02:00Z,ETHUSDT,3960,3970,3880,3900
"""


def instants(tmp_path: Path, marks: dict[int, int], symbol: str = "BTCUSDT", rates: dict[int, str] | None = None) -> Path:
    rows = [f"2026-06-01T{hour:02}:00Z,{symbol},{mark},{(rates or {}).get(hour, '')}" for hour, mark in marks.items()]
    path = tmp_path / "prices.csv"
    path.write_text("ts,symbol,mark,funding_rate\n" + "\n".join(rows) + "\n")
    return path


def bars(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    path.write_text(BARS)
    return path


def fills(tmp_path: Path, *rows: str, head: str = HEAD) -> Path:
    path = tmp_path / "fills.csv"
    path.write_text(head + "".join(f"2026-06-01T{row}\n" for row in rows))
    return path


def by_mode(answer: Comparison, venue: str = "binance_usdm") -> dict[str, ModeResult]:
    return {r.mode.value: r for r in answer.results if r.venue == venue}


def near(found: Decimal | None, wanted: Fraction, digits: int = 20) -> bool:
    return found is not None and abs(Fraction(found) - wanted) < Fraction(1, 10**digits)


ROUND_TRIP = ("00:30Z,BTCUSDT,buy,0.1,101000,5", "02:30Z,BTCUSDT,sell,0.1,94500,5")


def test_isolated_goes_at_its_line_on_the_way_and_cross_lives_through_it(tmp_path):
    prices = instants(tmp_path, CRASH)
    modes = by_mode(survive(fills(tmp_path, *ROUND_TRIP), prices, venue="binance_usdm", wallet=1500, leverage=20))
    isolated, cross = modes["isolated"], modes["cross"]
    line = (Fraction(101000) / 10 - (505 - 5)) / (Fraction(1, 10) * (1 - Fraction(4, 1000)))
    event = isolated.survival.first_liquidation
    assert isolated.survival.liquidation is Verdict.CERTAINLY and near(event.price, line)
    hours = 1 + (102000 - line) / 12000
    assert abs((event.time.hour * 3600 + event.time.minute * 60 + event.time.second) - hours * 3600) < 2
    assert isolated.run.final_equity == 1500 - 505
    assert [(left.place, left.why) for left in isolated.survival.left_out] == [("line 3", "gone")]
    assert cross.survival.liquidation is Verdict.NOT and cross.survival.left_out == ()
    assert cross.run.final_equity == cross.survival.without_rules.final_equity == 1500 - 650 - 10
    assert cross.run.lowest_equity == 1500 - 5 + (90000 - 101000) * D("0.1")


def test_a_fill_that_the_venue_refuses_is_left_out_with_both_numbers_and_so_is_its_close(tmp_path):
    prices = instants(tmp_path, CRASH)
    answer = survive(fills(tmp_path, *ROUND_TRIP), prices, venue="binance_usdm", wallet=400, leverage=20)
    for result in answer.results:
        refused, gone = result.survival.left_out
        assert (refused.place, refused.why, refused.reason) == ("line 2", "refused", "not_enough_margin")
        assert (refused.wanted, refused.limit, refused.code) == (101000 * D("0.1") / 20, 400, "-2019")
        assert (gone.place, gone.why, gone.size) == ("line 3", "gone", D("0.1"))
        assert result.run.final_equity == 400 and result.run.fees == 0
        assert result.survival.without_rules.final_equity == 400 - 650 - 10, "the fills alone end below zero"
        assert result.survival.without_rules.lowest_equity == 400 - 5 - 1100
        assert [h.kind for h in result.run.happenings] == ["refuse", "left_out"]


@pytest.mark.parametrize("venue", discover())
def test_an_account_that_no_rule_touches_ends_as_its_fills_alone_do(tmp_path, venue):
    inverse = venue == "binance_coinm"
    contracts = in_force(load(venue), date(2026, 7, 2)).instruments.values()
    symbol, home = ("BTCUSD_PERP", venue) if inverse else ("BTCUSDT", "binance_usdm")
    sizes = ("10000", "20000", "30000") if inverse else ("0.1", "0.2", "0.3")
    told = (("00:30", "buy", "101000"), ("01:10", "buy", "100500"), ("02:30", "sell", "99000"))
    rows = [f"{at}Z,{symbol},{side},{size},{price}" for (at, side, price), size in zip(told, sizes, strict=True)]
    prices = instants(tmp_path, {0: 100000, 1: 102000, 2: 99000, 3: 99500}, symbol, {2: "0.0001"})
    path = fills(tmp_path, *rows, head="time,symbol,side,size,price\n")
    money = {"BTC": "1"} if inverse else {"USDT": "60000"}
    answer = survive(path, prices, venue=f"{home},{venue}", wallet=money, leverage=5)
    modes = by_mode(answer, venue)
    assert set(modes) == {"isolated", "cross"}
    for result in modes.values():
        assert result.survival.left_out == () and result.survival.liquidation is Verdict.NOT
        assert result.run.final_equity == result.survival.without_rules.final_equity
        assert result.run.fees == result.survival.without_rules.fees > 0
        assert result.run.funding == result.survival.without_rules.funding
        assert (result.run.funding > 0) is any(i.kind is not Kind.SPOT for i in contracts), "coins pay none"


def test_contracts_of_a_hundredth_are_counted_as_such_and_a_rebate_is_paid_out(tmp_path):
    prices = instants(tmp_path, {0: 100000, 1: 103000, 2: 105000}, "BTC-USDT-SWAP")
    answer = survive(SAMPLES / "ccxt_okx.json", prices, venue="okx_futures", wallet=1000, leverage=10)
    for result in answer.results:
        assert near(result.run.final_equity, Fraction(1000) + Fraction(5, 100) * 4000 - Fraction(5, 2) + Fraction(52, 100), 15)


def test_an_inverse_contract_is_reckoned_in_its_coin(tmp_path):
    rows = ("00:00Z,BTCUSD_PERP,buy,10000,100000,0.0001", "01:30Z,BTCUSD_PERP,sell,10000,80000,0.0001")
    prices = instants(tmp_path, {0: 100000, 1: 81000, 2: 79000}, "BTCUSD_PERP")
    answer = survive(fills(tmp_path, *rows), prices, venue="binance_coinm", wallet=1, leverage=3)
    assert answer.unit == "BTC"
    wanted = 1 + Fraction(10000) * (Fraction(1, 100000) - Fraction(1, 80000)) - Fraction(2, 10000)
    assert all(near(r.run.final_equity, wanted, 15) and r.survival.left_out == () for r in answer.results)


def test_a_backtest_whose_stop_lies_just_above_the_line_depends_on_the_order_of_prices_in_the_bar(tmp_path):
    modes = by_mode(survive(SAMPLES / "freqtrade.json", bars(tmp_path), venue="binance_usdm"))
    wanted = D(1000) - 450 + 50 - D("0.0005") * (10000 + 9550 + 2000 + 1950)
    for result in modes.values():
        assert result.run.final_equity == result.survival.without_rules.final_equity == wanted
    assert modes["cross"].survival.liquidation is Verdict.NOT
    isolated = modes["isolated"]
    assert isolated.survival.liquidation is Verdict.POSSIBLY and isolated.survival.first_liquidation is None
    assert isolated.worst.final_equity == 1000 - 500 + 50 - D("0.0005") * (2000 + 1950), "all that stood behind BTC is gone"


def test_a_stop_beyond_the_line_is_never_reached(tmp_path):
    export = json.loads((SAMPLES / "freqtrade.json").read_text())
    export["strategy"]["Swing"]["trades"][0]["orders"][2]["safe_price"] = 95400
    path = tmp_path / "late.json"
    path.write_text(json.dumps(export))
    isolated = by_mode(survive(path, bars(tmp_path), venue="binance_usdm"))["isolated"]
    line = (Fraction(10000) - (500 - 5)) / (Fraction(1, 10) * (1 - Fraction(4, 1000)))
    assert 95400 < line < 95500
    assert isolated.survival.liquidation is Verdict.CERTAINLY
    assert near(isolated.survival.first_liquidation.price, line, 15)
    assert [(left.place, left.why) for left in isolated.survival.left_out] == [("trade 1 order 3", "gone")]
    assert isolated.run.final_equity == 1000 - 500 + 50 - D("0.0005") * (2000 + 1950)


def test_a_fill_inside_a_bar_leaves_open_whether_its_low_came_after(tmp_path):
    path = fills(tmp_path, "01:30Z,BTCUSDT,buy,0.1,98000,0", "02:30Z,BTCUSDT,sell,0.1,98000,0")
    isolated = by_mode(survive(path, bars(tmp_path), venue="binance_usdm", wallet=1000, leverage=40))["isolated"]
    assert isolated.survival.liquidation is Verdict.POSSIBLY
    assert isolated.survival.first_liquidation is not None, "a falling bar plays its low in the second half"
    assert isolated.worst.final_equity == 1000 - 9800 / D(40)
    assert isolated.best.final_equity == 1000


def test_fills_of_one_instant_keep_their_order_wherever_they_stood_in_the_bar(tmp_path):
    """The close at the bar's time and inside its range comes before the opening at its first price: as in the file."""
    rows = ("00:00Z,BTCUSDT,buy,0.1,100000,0", "01:00Z,BTCUSDT,sell,0.1,97000,0", "01:00Z,BTCUSDT,buy,0.1,100500,0")
    answer = survive(fills(tmp_path, *rows), bars(tmp_path), venue="binance_usdm", wallet=1200, leverage=10)
    for result in answer.results:
        assert [(left.place, left.reason) for left in result.survival.left_out] == [("line 4", "not_enough_margin")]
        assert result.survival.left_out[0].limit == 1200 - 300, "the loss is there before the second opening is tried"


def test_funding_comes_before_a_fill_at_its_instant(tmp_path):
    prices = instants(tmp_path, {0: 100000, 1: 102000, 2: 101000}, rates={1: "0.001"})
    rows = ("00:30Z,BTCUSDT,buy,0.1,101000,0", "01:00Z,BTCUSDT,buy,0.1,102000,0", "01:30Z,BTCUSDT,sell,0.2,101500,0")
    answer = survive(fills(tmp_path, *rows), prices, venue="binance_usdm", wallet=5000, leverage=10)
    paid = D("0.1") * 102000 * D("0.001")
    for result in answer.results:
        assert result.run.funding == result.survival.without_rules.funding == paid
        assert result.run.final_equity == 5000 + D("0.1") * (101500 - 101000) + D("0.1") * (101500 - 102000) - paid


def test_after_a_liquidation_openings_are_tried_and_a_close_closes_what_is_there(tmp_path):
    rows = (*ROUND_TRIP[:1], "02:20Z,BTCUSDT,buy,0.1,93000,5", "02:40Z,BTCUSDT,sell,0.2,96000,5")
    answer = survive(fills(tmp_path, *rows), instants(tmp_path, CRASH), venue="binance_usdm", wallet=1500, leverage=20)
    isolated = by_mode(answer)["isolated"]
    (left,) = isolated.survival.left_out
    assert (left.place, left.why, left.size) == ("line 4", "gone", D("0.1"))
    half_fee = D("2.5")
    assert isolated.run.final_equity == 995 - 5 + 300 - half_fee, "the fee is a rate of what is traded"


def test_a_close_closes_no_more_than_what_was_taken(tmp_path):
    rows = ("00:10Z,BTCUSDT,buy,0.1,100000,0", "00:20Z,BTCUSDT,buy,0.1,100000,0", "00:40Z,BTCUSDT,sell,0.2,101000,0")
    answer = survive(fills(tmp_path, *rows), instants(tmp_path, CRASH), venue="binance_usdm", wallet=800, leverage=20)
    for result in answer.results:
        assert [(left.place, left.why) for left in result.survival.left_out] == [("line 3", "refused"), ("line 4", "gone")]
        assert result.run.final_equity == 900 and result.survival.without_rules.final_equity == 1000


def test_sizes_are_cut_to_the_lots_of_the_venue_and_what_is_below_one_is_refused(tmp_path):
    rows = ("00:10Z,BTCUSDT,buy,0.0157,100000,0", "00:20Z,BTCUSDT,sell,0.0157,100000,0", "00:30Z,BTCUSDT,buy,0.0009,100000,0")
    answer = survive(fills(tmp_path, *rows), instants(tmp_path, CRASH), venue="binance_usdm", wallet=800, leverage=20)
    for result in answer.results:
        opened = [h for h in result.run.happenings if h.kind in ("open", "close")]
        assert [h.size for h in opened] == [D("0.015"), D("0.015")]
        (left,) = result.survival.left_out
        assert (left.reason, left.wanted, left.limit) == ("below_minimum", D("0.0009"), D("0.001"))
        assert any("BTCUSDT trades in steps of 0.001: 2 fills were cut" in note for note in result.run.notes)


def test_a_leverage_that_the_venue_does_not_give_is_told(tmp_path):
    path = fills(tmp_path, "00:10Z,BTCUSDT,buy,0.01,100000,500", head=HEAD.replace("fee", "leverage"))
    result = survive(path, instants(tmp_path, CRASH), venue="binance_usdm", wallet=5000).results[0]
    refused = next(h for h in result.run.happenings if h.kind == "refuse")
    assert "a leverage was refused" in refused.text and "wanted 500" in refused.text


def test_hedge_legs_are_closed_apart(tmp_path):
    head = "time,symbol,side,size,price,fee,position_side\n"
    rows = (
        "00:00Z,BTCUSDT,buy,0.1,100000,0,LONG",
        "00:00Z,BTCUSDT,sell,0.1,100000,0,SHORT",
        "01:00Z,BTCUSDT,sell,0.1,102000,0,LONG",
        "02:00Z,BTCUSDT,buy,0.1,90000,0,SHORT",
    )
    path = fills(tmp_path, *rows, head=head)
    answer = survive(path, instants(tmp_path, CRASH), venue="binance_usdm", wallet=3000, leverage=20)
    for result in answer.results:
        assert result.survival.left_out == () and result.run.final_equity == 3000 + 200 + 1000


ACCOUNT = """name = "x"
venue = "binance_usdm"
[wallet]
USDT = "2000"
[leverages]
ETHUSDT = 25
[[positions]]
symbol = "BTCUSDT"
side = "long"
size = "0.1"
entry_price = "99000"
leverage = 10
mode = "cross"
"""


def test_an_account_file_gives_wallet_venue_leverages_and_what_was_held_before(tmp_path):
    account = tmp_path / "account.toml"
    account.write_text(ACCOUNT)
    path = fills(tmp_path, "00:30Z,ETHUSDT,buy,0.5,4000,0", "01:30Z,BTCUSDT,sell,0.1,98000,0", "01:40Z,ETHUSDT,sell,0.5,4100,0")
    answer = survive(path, bars(tmp_path), account=account)
    for result in answer.results:
        assert result.survival.left_out == ()
        assert result.run.final_equity == result.survival.without_rules.final_equity == 2000 - 100 + 50
        eth = next(leg for leg in result.run.legs if leg.symbol == "ETHUSDT")
        assert result.mode.value == "cross" or eth.at_risk == 2000 / D(25)


def test_a_fill_far_from_the_record_is_told_with_both_numbers(tmp_path):
    path = fills(tmp_path, "00:30Z,BTCUSDT,buy,0.1,130000,0", "01:30Z,BTCUSDT,sell,0.1,98000,0")
    answer = survive(path, bars(tmp_path), venue="binance_usdm", wallet=20000, leverage=5)
    assert "line 2: BTCUSDT at 130000, the record says 99500 to 101000 then" in answer.price_notes


def test_what_is_left_open_is_held_to_the_end_of_the_prices_and_else_the_replay_ends_with_the_fills(tmp_path):
    prices = instants(tmp_path, CRASH)
    both = ("00:30Z,BTCUSDT,buy,0.01,101000,0", "01:30Z,BTCUSDT,sell,0.01,96000,0")
    closed = survive(fills(tmp_path, *both), prices, venue="binance_usdm", wallet=1500, leverage=5)
    assert closed.last.hour == 2
    held = survive(fills(tmp_path, both[0]), prices, venue="binance_usdm", wallet=1500, leverage=5)
    assert held.last.hour == 3 and held.results[0].run.final_equity == 1500 + D("0.01") * (99000 - 101000)


BUY = "00:30Z,BTCUSDT,buy,0.1,101000,5"
WRONG = {
    "before the prices": ([BUY], {"start": "2026-06-01T01:00Z"}, r"line 2 time = .*: the prices of"),
    "after the prices": (["23:30Z,BTCUSDT,buy,0.1,101000,5"], {}, r"line 2 time = 2026-06-01 23:30:00: the prices of"),
    "no such prices": (["00:30Z,SOLUSDT,buy,0.1,101000,5"], {}, r"symbol = SOLUSDT"),
    "no wallet": ([BUY], {"wallet": None}, r"--wallet: say what was there.*USDT=1000"),
    "odd wallet": ([BUY], {"wallet": "USDT"}, r"--wallet = USDT: write a plain decimal"),
    "no venue": ([BUY], {"venue": None}, r"--venue: name the venue that the fills are of"),
    "only all": ([BUY], {"venue": "all"}, r"--venue = all: name the venue that the fills are of"),
    "odd venue": ([BUY], {"venue": "nyse"}, r"--venue = nyse: name one of"),
    "as given": ([BUY], {"modes": "as-given"}, r"--modes = as-given: fills are replayed in cross"),
    "odd leverage": ([BUY], {"leverage": "much"}, r"--leverage = much: write a plain decimal"),
    "account with orders": ([BUY], {"account": "orders", "wallet": None}, r"orders: the fills say what was"),
    "wallet twice": ([BUY], {"account": "plain"}, r"--wallet = 1500: .* says it as well"),
    "hedge account": ([BUY], {"account": "hedge", "wallet": None}, r"position_side = net: .* is hedge"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_replayed_is_refused_in_one_line(tmp_path, case):
    rows, change, message = WRONG[case]
    stop = '[[stops]]\nsymbol = "BTCUSDT"\nprice = "90000"\n'
    hedge = ACCOUNT.replace("[wallet]", 'position_mode = "hedge"\n[wallet]', 1)
    texts = {"plain": ACCOUNT, "orders": ACCOUNT + stop, "hedge": hedge}
    words = {"venue": "binance_usdm", "wallet": 1500, "leverage": 20, **change}
    if "account" in words:
        account = tmp_path / "account.toml"
        account.write_text(texts[words["account"]])
        words["account"] = account
    with pytest.raises(BadInput, match=message) as told:
        survive(fills(tmp_path, *rows), bars(tmp_path), **words)
    assert "\n" not in str(told.value)


def test_fills_that_settle_in_two_assets_need_a_wallet_of_both(tmp_path):
    rows = ("00:00Z,BTC-USD-SWAP,buy,10000,100000,0", "00:00Z,BTC-USDT-SWAP,sell,0.1,100000,0")
    prices = tmp_path / "two.csv"
    lines = [f"2026-06-01T0{h}:00Z,{s},{p}" for h, p in ((0, 100000), (1, 90000)) for s in ("BTC-USD-SWAP", "BTC-USDT-SWAP")]
    prices.write_text("ts,symbol,mark\n" + "\n".join(lines) + "\n")
    with pytest.raises(BadInput, match="the fills settle in BTC, USDT; write --wallet BTC=1000,USDT="):
        survive(fills(tmp_path, *rows), prices, venue="okx_futures", wallet=1000, leverage=3)
    answer = survive(fills(tmp_path, *rows), prices, venue="okx_futures", wallet={"BTC": "0.1", "USDT": 4000}, leverage=3)
    coins = Fraction(1, 10) + 10000 * (Fraction(1, 100000) - Fraction(1, 90000))
    for result in answer.results:
        assert result.run.unit == "USD" and near(result.run.final_equity, coins * 90000 + 4000 + 1000, 12)
        assert near(result.survival.without_rules.final_equity, coins * 90000 + 4000 + 1000, 12)


def test_the_command_prints_who_survived_and_writes_the_page_and_the_json(tmp_path, capfdbinary):
    page = tmp_path / "out.html"
    words = ["compare", "--fills", str(fills(tmp_path, *ROUND_TRIP)), "--prices", str(instants(tmp_path, CRASH))]
    words += ["--venue", "binance_usdm,okx_futures", "--wallet", "1500", "--leverage", "20"]
    assert cli([*words, "--html", str(page)]) == 0
    shown = capfdbinary.readouterr().out.decode()
    assert "survived?" in shown and "1 found nothing left to close" in shown and "In short" in shown
    text = page.read_text()
    assert "Would it have survived?" in text and "without margin rules" in text and 'id="figure-okx_futures"' in text
    assert cli([*words, "--json"]) == 0
    document = json.loads(capfdbinary.readouterr().out)
    assert document["schema"] == "plimsoll.comparison/1"
    told = {(r["venue"], r["mode"]): r["survival"]["liquidation"] for r in document["results"]}
    assert told["binance_usdm", "isolated"] == "certainly" and told["binance_usdm", "cross"] == "not"
    assert {venue for venue, _ in told} == {"binance_usdm", "okx_futures"}


def test_the_command_refuses_in_one_line_with_exit_code_two(tmp_path, capfd):
    assert cli(["compare", "--wallet", "5"]) == 2
    told = "plimsoll: command line: --wallet = 5: goes with --fills; name a file of fills, or leave it out\n"
    assert capfd.readouterr().err == told
    words = ["compare", "--fills", str(tmp_path / "none.csv"), "--venue", "binance_usdm", "--wallet", "5"]
    assert cli(words) == cli([*words, "--prices", str(tmp_path / "x.csv")]) == 2
    told = capfd.readouterr().err.splitlines()
    assert "--prices: name the recorded prices" in told[0] and "x.csv: there is no such file; name" in told[1]
    assert cli([*words, "--prices", str(bars(tmp_path))]) == 2
    told = capfd.readouterr().err
    assert told.count("\n") == 1 and "none.csv: fills: cannot be read (No such file or directory)" in told


@pytest.mark.real
@pytest.mark.skipif(not HOURLY.exists(), reason="the recorded prices (../shared/data) are not here")
def test_longs_held_through_10_october_2025_on_recorded_marks(tmp_path):
    """BTC fell to a mark of 101,877.7 at 21:20, as two sources recorded it. Funding at the instant of the entry came before."""
    import polars as pl

    begin, end = (pl.datetime(2025, 10, day, hour, time_zone="UTC") for day, hour in ((10, 0), (11, 6)))
    inside = (pl.col("symbol") == "BTCUSDT") & (pl.col("ts") >= begin) & (pl.col("ts") < end)
    rows = pl.read_parquet(HOURLY).filter(inside).sort("ts").to_dicts()
    first, last = rows[0], rows[-1]
    buy, sell = D(str(first["open"])), D(str(last["open"]))
    size = D("0.05")
    path = tmp_path / "fills.csv"
    sold = f"{last['ts']:%Y-%m-%dT%H:%MZ},BTCUSDT,sell,{size},{sell},0"
    path.write_text(f"{HEAD}2025-10-10T00:00Z,BTCUSDT,buy,{size},{buy},0\n{sold}\n")
    low = min(D(str(row["mark_low"])) for row in rows)
    charged = [row for row in rows[1:] if row["funding_rate"] is not None]
    assert charged
    paid = sum((size * D(str(row["mark_open"])) * D(str(row["funding_rate"])) for row in charged), D(0))
    bare = 1000 + size * (sell - buy) - paid
    for leverage, fate in ((20, Verdict.CERTAINLY), (3, Verdict.NOT)):
        answer = survive(path, HOURLY, venue="binance_usdm", wallet=3000 if leverage == 3 else 1000, leverage=leverage)
        isolated = by_mode(answer)["isolated"]
        line = (Fraction(size) * Fraction(buy) * (1 - Fraction(1, leverage))) / (Fraction(size) * (1 - Fraction(4, 1000)))
        assert (line > Fraction(low)) is (fate is Verdict.CERTAINLY), "by the record"
        assert isolated.survival.liquidation is fate
        assert answer.results[0].survival.without_rules.final_equity == bare + (2000 if leverage == 3 else 0)
        if fate is Verdict.NOT:
            assert isolated.run.final_equity == bare + 2000
