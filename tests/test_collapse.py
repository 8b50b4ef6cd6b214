"""Collateral that falls to nothing: LUNA in May 2022, on recorded prices."""

from decimal import Decimal
from pathlib import Path

import pytest

from plimsoll.compare_command import Wish, run
from plimsoll.errors import BadInput
from plimsoll.plan import PlanMode

PRICES = Path(__file__).parents[2] / "shared" / "data" / "binance_spot_1h_luna_ftx_collapse_windows_2022.parquet"
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


def wish(tmp_path: Path, symbol: str, size: str, prices: Path) -> Wish:
    table, account = tmp_path / "luna.toml", tmp_path / "account.toml"
    table.write_text(TABLE)
    account.write_text(ACCOUNT.format(symbol=symbol, size=size))
    return Wish(account=str(account), prices=str(prices), tables=(str(table),), start="2022-05-07", end="2022-05-14")


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
    """LUNA lies in the wallet, and no price of it is read: nothing tells what stands behind the debt."""
    with pytest.raises(BadInput, match=r"LUNA.*no index price given"):
        run(wish(tmp_path, "ETHUSDT", "0.5", PRICES))
