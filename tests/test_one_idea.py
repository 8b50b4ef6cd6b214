"""One idea held in every form there is: as a contract or as coins bought with borrowed money, walled off or not."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from plimsoll.assess_command import AssessOptions, build
from plimsoll.compare_command import Wish, held_as, prepare, run
from plimsoll.errors import BadInput
from plimsoll.model import Fees, maker_of, taker_of
from plimsoll.plan import PlanMode
from plimsoll.rulebook import Held, in_force
from plimsoll.runs import Comparison, Run
from plimsoll.table_files import load

D = Decimal


@pytest.fixture(scope="module")
def answer() -> Comparison:
    return run(Wish(account="long_eth", venue="all", held="contract,coins"))


def of(answer: Comparison, venue: str, mode: PlanMode) -> Run:
    return next(r.run for r in answer.results if r.venue == venue and r.mode is mode)


def test_the_idea_is_held_in_four_forms(answer: Comparison) -> None:
    """A contract or coins, isolated or cross, on venues that have both, and on those that have one."""
    forms = {(r.venue, r.mode) for r in answer.results}
    for mode in (PlanMode.ISOLATED, PlanMode.CROSS):
        assert {("binance_usdm", mode), ("binance_margin", mode), ("okx_margin", mode)} <= forms
    assert {("bybit_uta:contracts", PlanMode.ISOLATED), ("bybit_uta:coins", PlanMode.CROSS)} <= forms
    assert ("bybit_uta:coins", PlanMode.ISOLATED) not in forms
    note = next(v for v in answer.venues if v.venue == "bybit_uta:coins")
    assert "cross margin only" in note.skipped["isolated"]


def test_coins_pay_interest_and_contracts_funding(answer: Comparison) -> None:
    for result in answer.results:
        run = result.run
        coins = result.venue.endswith(":coins") or result.venue.endswith("_margin")
        assert (run.interest > 0, run.funding > 0) == (coins, not coins), result.venue


def test_interest_of_a_position_that_lasts_is_its_rate_on_what_was_borrowed(answer: Comparison) -> None:
    """0.7 ETH at 4,100 with a fee of 0.1 %, 1,500 of it own money: 1,372.87 USDT at 6 % for 90 days and one hour, simple."""
    run = of(answer, "binance_margin", PlanMode.CROSS)
    borrowed = D("0.7") * 4100 * D("1.001") - 1500
    assert abs(run.interest - borrowed * D("0.06") * (90 * 24 + 1) / 8760) < D("1e-9")
    assert run.legs[0].liquidated_at is None


def test_coins_pay_the_fees_of_coins_and_contracts_those_of_contracts(answer: Comparison) -> None:
    """0.7 ETH at 4,100 bought and never sold: 0.1 % on every market of coins; contracts 0.055 % on Bybit, 0.05 % on OKX."""
    coins = {"okx_multi:coins": "0.001", "bybit_uta:coins": "0.001"}
    rates = coins | {"bybit_uta:contracts": "0.00055", "okx_multi:contracts": "0.0005"}
    for venue, rate in rates.items():
        run = next(r.run for r in answer.results if r.venue == venue and r.mode is PlanMode.CROSS)
        assert run.fees == D("0.7") * 4100 * D(rate), venue


def test_a_stated_fee_is_that_of_coins_as_well() -> None:
    own = Fees(D("0.0001"), D("0.0003"))
    listed = in_force(load("okx_multi"), date(2026, 7, 2))
    contract, coins = listed.instruments["BTC-USDT-SWAP"], listed.instruments["BTC-USDT"]
    assert (taker_of(own, contract), taker_of(own, coins), maker_of(own, coins)) == (D("0.0003"), D("0.0003"), D("0.0001"))
    assert (taker_of(listed.fees, contract), taker_of(listed.fees, coins)) == (D("0.0005"), D("0.001"))
    assert (maker_of(listed.fees, contract), maker_of(listed.fees, coins)) == (D("0.0002"), D("0.0008"))


def test_a_pair_is_liquidated_far_above_the_contract_and_keeps_more(answer: Comparison) -> None:
    """The level of a 3x pair is 1.18: (1.18 * debt) / coins; the perpetual lasts down to its maintenance."""
    pair = of(answer, "binance_margin", PlanMode.ISOLATED).legs[0]
    perpetual = of(answer, "binance_usdm", PlanMode.ISOLATED).legs[0]
    assert pair.liquidation_price_at_start is not None and perpetual.liquidation_price_at_start is not None
    assert abs(pair.liquidation_price_at_start - D("1.18") * 4100 * 2 / 3) < D("0.2")
    assert pair.liquidation_price_at_start > perpetual.liquidation_price_at_start + 400
    assert pair.liquidated_at is not None and perpetual.liquidated_at is not None
    assert pair.liquidated_at < perpetual.liquidated_at
    kept = {m: of(answer, m, PlanMode.ISOLATED).final_equity for m in ("binance_margin", "binance_usdm")}
    assert kept["binance_margin"] > kept["binance_usdm"] > 500


def test_a_line_of_the_table_says_what_holding_cost(answer: Comparison) -> None:
    lines = {(s.venue, s.mode): s for s in answer.standings}
    coins = lines["binance_margin", PlanMode.CROSS]
    assert coins.interest == of(answer, "binance_margin", PlanMode.CROSS).interest and coins.funding == 0
    assert "of interest, where binance_usdm cost" in coins.why


def test_what_to_hold_as_is_refused_in_one_line() -> None:
    assert held_as("contract,coins,contract") == (Held.CONTRACT, Held.COINS)
    with pytest.raises(BadInput, match=r"--as = coin: did you mean coins\?"):
        held_as("coin")
    with pytest.raises(BadInput, match="--as = coins: none of these venues has that"):
        run(Wish(account="long_eth", venue="bitmex", held="coins"))


README = Path(__file__).parents[1] / "README.md"
HOURLY = Path(__file__).parents[2] / "shared" / "data" / "binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet"
FIRST = "2025-10-01"


def told_in_the_readme() -> str:
    """The section, in one line."""
    return " ".join(README.read_text().split("### Borrowed money")[1].split("\n### ")[0].split())


@pytest.mark.skipif(not HOURLY.exists(), reason="the recorded prices (../shared/data) are not here")
def test_the_readme_tells_what_the_recorded_prices_gave() -> None:
    """Isolated over the deepest fall, which took all of them; cross for a day, for its lines stand far below that fall."""
    asked = Wish(account="long_eth", venue="all", held="contract,coins", prices=str(HOURLY), start=FIRST, end="2025-12-31")
    bars = [frame.bars["ETHUSDT"] for frame in prepare(asked).history.frames]
    lows = [bar.mark_low for bar in bars if bar.mark_low is not None]
    assert lows.index(min(lows)) < 52 * 24 and len(lows) == len(bars) == 92 * 24
    walled = run(msgspec.structs.replace(asked, modes="isolated", end="2025-11-21"))
    shared = run(msgspec.structs.replace(asked, modes="cross", end=FIRST))
    assert len(shared.results) == 12
    assert all((leg.liquidation_price_at_start or 0) < min(lows) - 400 for r in shared.results for leg in r.run.legs)
    legs = {r.venue: r.run.legs[0] for r in walled.results}
    perpetuals = [leg for venue, leg in legs.items() if not venue.endswith((":coins", "_margin"))]
    pair = legs["binance_margin"]
    assert pair.hit_at is not None and all(leg.liquidated_at is not None for leg in legs.values())
    prices = [leg.hit_price for leg in perpetuals if leg.hit_price is not None]
    days = round((min(leg.hit_at for leg in perpetuals if leg.hit_at is not None) - pair.hit_at) / timedelta(days=1))
    assert days == 16
    text = told_in_the_readme()
    assert f"ETH from {bars[0].open:,.0f} to {bars[-1].close:,.0f};" in text
    assert f"sells the isolated pair at {pair.hit_price:,.0f}, sixteen days before any perpetual" in text
    assert f"between {max(prices):,.0f} and {min(prices):,.0f};" in text
    kept = {r.venue: r.run.final_equity for r in walled.results}
    assert max(kept, key=lambda venue: kept[venue]) == "binance_margin"


def test_the_readme_tells_both_lines_of_a_long_on_its_own_coin() -> None:
    """What the screen says while the index stands still, and where the account goes when the coin behind it falls too."""
    asked = AssessOptions(
        account="btc_collateral", marks=("BTCUSDT=60000",), indexes=("BTC=60000", "USDT=1"), today=date(2026, 7, 2)
    )
    (leg,) = build(asked).assessment.legs
    printed = f"says {leg.liquidation_price:,.0f}, but BTC that falls takes its collateral with it, and the account is gone at "
    assert f"{printed}{leg.underlying_liquidation_price:,.0f} " in told_in_the_readme()
