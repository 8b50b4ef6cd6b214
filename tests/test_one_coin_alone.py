"""An account that has one coin and none of the dollars that its contracts settle in, on every venue that can hold it."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from plimsoll.account_file import read_account
from plimsoll.assess_command import AssessOptions, build
from plimsoll.compare_command import Wish, run
from plimsoll.errors import BadInput
from plimsoll.plan import PlanMode
from plimsoll.runs import Comparison, Run, VenueNote

FILE = """
name = "One coin"
venue = "{venue}"
rules_as_of = 2026-07-02
interest = {{ USDT = "0.06" }}
{options}
[wallet]
{wallet}
[[positions]]
symbol = "{symbol}"
side = "long"
size = "1"
entry_price = "30000"
leverage = 3
mode = "{mode}"
[scripts.s]
start = 2026-07-02T00:00:00Z
step = "1h"
[scripts.s.marks]
{symbol} = ["30000", "28000", "25000", "22500", "21900", "24000"]
"""
VENUES = {
    "okx_multi": ("BTC-USDT-SWAP", ""),
    "bybit_uta": ("BTCUSDT", ""),
    "binance_usdm": ("BTCUSDT", '[options]\nasset_mode = "multi"'),
    "binance_margin": ("BTCUSDT", ""),
}
LEFT = Fraction(24000) * 2 - 30000
"""One coin and one contract or coin bought at 30,000, at 24,000."""


def file(tmp_path: Path, venue: str, wallet: str = 'BTC = "1"', mode: str = "cross") -> str:
    symbol, options = VENUES[venue]
    path = tmp_path / f"{venue}.toml"
    path.write_text(FILE.format(venue=venue, wallet=wallet, mode=mode, symbol=symbol, options=options))
    return str(path)


def played(answer: Comparison, venue: str, mode: PlanMode = PlanMode.CROSS) -> Run:
    return next(r.run for r in answer.results if (r.venue, r.mode) == (venue, mode))


def note(answer: Comparison, venue: str) -> VenueNote:
    return next(v for v in answer.venues if v.venue == venue)


@pytest.mark.parametrize("venue", VENUES)
def test_a_coin_alone_stands_behind_a_contract_and_what_cannot_be_walled_off_is_said(tmp_path: Path, venue: str) -> None:
    answer = run(Wish(account=file(tmp_path, venue)))
    told = played(answer, venue)
    assert told.start_equity == 30000
    assert Fraction(told.final_equity + told.interest + told.fees + told.liquidation_cost) == LEFT
    assert [r.mode for r in answer.results] == [PlanMode.CROSS]
    why = note(answer, venue).skipped["isolated"]
    assert "no isolated margin" in why if venue == "binance_usdm" else "need 10" in why and f"at {venue}" in why


@pytest.mark.parametrize("venue", ["bybit_uta", "okx_multi"])
def test_none_of_a_coin_may_be_said_aloud(tmp_path: Path, venue: str) -> None:
    silent = played(run(Wish(account=file(tmp_path, venue), modes="cross")), venue)
    said = played(run(Wish(account=file(tmp_path, venue, 'BTC = "1"\nUSDT = "0"'), modes="cross")), venue)
    assert said == silent
    with pytest.raises(BadInput, match=r"wallet.BTC = 0: must be greater than zero, or zero beside other coins"):
        read_account(file(tmp_path, venue, 'BTC = "0"\nUSDT = "0"'))


@pytest.mark.parametrize("venue", ["binance_margin", "okx_multi", "bybit_uta"])
def test_an_isolated_position_that_nothing_pays_for_is_refused_in_one_line(tmp_path: Path, venue: str) -> None:
    account = file(tmp_path, venue, mode="isolated")
    with pytest.raises(BadInput, match=rf"wallet.USDT = 0: the isolated positions need 10\S* USDT at {venue}"):
        build(AssessOptions(account=account, today=date(2026, 7, 2), marks=(f"{VENUES[venue][0]}=30000",)))
    with pytest.raises(BadInput, match=r"wallet.USDT = 0: the isolated positions need"):
        run(Wish(account=account))


def test_what_one_venue_cannot_open_leaves_the_others_their_say() -> None:
    """The bundled example needs 2 * 60,000 / 5 of isolated money and has 1,000."""
    answer = run(Wish(account="btc_collateral", venue="all"))
    assert "need 24000 USDT at binance_margin" in note(answer, "binance_margin").skipped["isolated"]
    assert "nobody says what that costs" in note(answer, "binance_margin").skipped["cross"]
    assert {"binance_usdm", "bybit_uta", "okx_multi", "okx_futures"} <= {r.venue for r in answer.results}
    assert {r.mode for r in answer.results} == {PlanMode.CROSS}
