"""Collateral that falls to nothing: LUNA in May 2022, on recorded prices."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from plimsoll.compare_command import Wish, run
from plimsoll.errors import BadInput
from plimsoll.plan import PlanMode

DATA = Path(__file__).parents[2] / "shared" / "data"
PRICES = DATA / "binance_spot_1h_luna_ftx_collapse_windows_2022.parquet"
WITHOUT = DATA / "binance_spot_1h_8sym_2019-09_2022-10.parquet"
recorded = pytest.mark.skipif(not PRICES.exists(), reason=f"recorded prices are not there: {PRICES}")

TABLE = """
rulebook = "binance_margin"
bracket_unit = "notional"
deductions = "none"
instruments = [
  { symbol = "LUNAUSDT", kind = "spot", base = "LUNA", quote = "USDT", settle = "USDT", multiplier = "1", tick = "0.0001", lot = "0.01", from = 2021-01-01, source = "own", grade = "own" },
]
[sources.own]
text = "a pair of the 3x class, for this test"
[[brackets]]
symbol = "LUNAUSDT"
from = 2021-01-01
source = "own"
grade = "own"
rows = [["0", "-", "0.18", "0", "3", "0.5"]]
[[collateral]]
asset = "LUNA"
from = 2021-01-01
source = "own"
grade = "own"
rows = [["0", "-", "0.7"]]
"""  # noqa: E501
ACCOUNT = """
name = "LUNA behind a debt"
venue = "binance_margin"
interest = {{ USDT = "0.1", ETH = "0.1" }}
[wallet]
USDT = "2000"
LUNA = "10"
[[positions]]
symbol = "{symbol}"
side = "long"
size = "{size}"
leverage = 3
mode = "cross"
"""


def wish(tmp_path: Path, symbol: str, size: str, prices: Path, end: str = "2022-05-13T01:00:00Z", **more: str) -> Wish:
    table, account = tmp_path / "luna.toml", tmp_path / "account.toml"
    table.write_text(TABLE)
    account.write_text(ACCOUNT.format(symbol=symbol, size=size))
    words = {"start": "2022-05-07", **more}
    return Wish(account=str(account), prices=str(prices), tables=(str(table),), end=end, **words)


@recorded
def test_a_pair_is_sold_before_the_account_and_both_pay_what_they_owe(tmp_path: Path) -> None:
    """40 LUNA bought at 77.30. The pair borrowed two thirds: sold at 1.18 * 2,061.33 / 40, a little more by interest. The
    account borrowed what its 2,000 USDT lacked, and had 10 LUNA more: sold where 50 LUNA are worth 1.1 times 1,095.09 USDT."""
    answer = run(wish(tmp_path, "LUNAUSDT", "40", PRICES))
    pair, account = (next(r.run for r in answer.results if r.mode is m) for m in (PlanMode.ISOLATED, PlanMode.CROSS))
    sold = {run.mode: run.legs[0] for run in (pair, account)}
    assert abs(sold[PlanMode.ISOLATED].liquidated_price - Decimal("1.18") * Decimal("2061.333") / 40) < Decimal("0.05")
    assert abs(sold[PlanMode.CROSS].liquidated_price - Decimal("1.1") * Decimal("1095.092") / 50) < Decimal("0.05")
    assert (sold[PlanMode.CROSS].liquidated_at - sold[PlanMode.ISOLATED].liquidated_at).days == 1
    assert pair.final_equity > 1200 and 0 <= account.final_equity < 100
    assert pair.insurance_draw == account.insurance_draw == 0


@recorded
def test_a_coin_without_a_price_is_refused_and_never_counted_as_something(tmp_path: Path) -> None:
    """LUNA lies in the wallet, and the prices have none of it: nothing tells what stands behind the debt."""
    with pytest.raises(BadInput, match=r"LUNA: no index price given.*--symbol LUNA=PRICE_SYMBOL.*--index LUNA=PRICE"):
        run(wish(tmp_path, "ETHUSDT", "0.5", WITHOUT))


@recorded
def test_luna_behind_a_debt_is_worth_what_it_was_then(tmp_path: Path) -> None:
    """10 LUNA that nobody trades: from 77.30 each on 7 May to 0.00005 in the last hour. What is left is 2,000 USDT, the change
    of half an ETH, and nothing of LUNA; a day in between it was worth its price of that day."""
    closes = {}
    frame = pl.read_parquet(PRICES).filter(pl.col("symbol").is_in(["LUNAUSDT", "ETHUSDT"]))
    for ts, symbol, opened, closed in frame.select("ts", "symbol", "open", "close").iter_rows():
        closes[symbol, f"{ts:%Y-%m-%dT%H}"] = Decimal(str(opened)), Decimal(str(closed))
    for end, last in (("2022-05-10T12:00:00Z", "2022-05-10T11"), ("2022-05-13T01:00:00Z", "2022-05-13T00")):
        (cross,) = (r.run for r in run(wish(tmp_path, "ETHUSDT", "0.5", PRICES, end)).results if r.mode is PlanMode.CROSS)
        luna, eth = closes["LUNAUSDT", last][1], closes["ETHUSDT", last][1]
        bought = closes["ETHUSDT", "2022-05-07T00"][0]
        whole = 2000 + 10 * luna + Decimal("0.5") * (eth - bought) - cross.fees - cross.interest
        assert abs(cross.final_equity - whole) < Decimal("1e-6")
        assert abs(cross.start_equity - (2000 + 10 * closes["LUNAUSDT", "2022-05-07T00"][0])) < cross.fees + Decimal("1e-6")


@recorded
def test_a_price_that_has_stopped_is_refused_with_the_gap_and_what_to_do(tmp_path: Path) -> None:
    """LUNA's last bar is that of 2022-05-13 00:00; the name comes back at 06:00 on the 31st with another coin: 437 hours."""
    with pytest.raises(BadInput) as across:
        run(wish(tmp_path, "LUNAUSDT", "40", PRICES, "2022-06-05"))
    with pytest.raises(BadInput, match=r"LUNA = 2022-05-13 01:00: it has no price for 47 hours from then"):
        run(wish(tmp_path, "ETHUSDT", "0.5", PRICES, "2022-05-14"))
    for said in (
        PRICES.name, "LUNAUSDT = 2022-05-13 01:00", "437 hours", "--to 2022-05-13T01:00:00Z", "--from 2022-05-31T06:00:00Z",
        "--stale carry",
    ):  # fmt: skip
        assert said in str(across.value)
    again = wish(tmp_path, "LUNAUSDT", "40", PRICES, "2022-06-05", start="2022-05-31T06:00:00Z")
    assert len(run(again).results) == 2
    assert len(run(wish(tmp_path, "LUNAUSDT", "40", PRICES, "2022-06-05", stale="carry")).results) == 2
