"""Debts inside a walk: they grow as the exact machine has it, and liquidate where nothing else moves."""

from pathlib import Path

import pytest

import plimsoll
from plimsoll.array import desk
from plimsoll.errors import BadInput
from plimsoll.studies import Odds

HEAD = """
name = "coins"
venue = "{venue}"
rules_as_of = 2025-10-01
{interest}
[wallet]
USDT = "1150"
[[positions]]
symbol = "{symbol}"
side = "{side}"
size = "0.7"
leverage = 3
mode = "cross"
[model]
kind = "brownian"
funding = "none"
step = "4h"
volatility = {{ "{symbol}" = "{volatility}" }}
"""
RATES = 'interest = { USDT = "0.5", ETH = "0.2" }'
FORMS = [
    ("binance_margin", "ETHUSDT", "long", "isolated"),
    ("binance_margin", "ETHUSDT", "short", "isolated"),
    ("binance_margin", "ETHUSDT", "long", "cross"),
    ("okx_margin", "ETH-USDT", "long", "isolated"),
    ("okx_multi", "ETH-USDT", "long", "cross"),
    ("bybit_uta", "ETH/USDT", "short", "cross"),
]


def odds(
    tmp_path: Path,
    venue: str,
    symbol: str,
    side: str,
    mode: str,
    volatility: str = "1.5",
    interest: str = RATES,
    paths: int = 96,
) -> Odds:
    file = tmp_path / "coins.toml"
    file.write_text(HEAD.format(venue=venue, symbol=symbol, side=side, volatility=volatility, interest=interest))
    found = plimsoll.simulate(file, marks={symbol: "4100"}, horizon="20d", paths=paths, modes=mode, straight=True, threads=1)
    return found.odds[0]


@pytest.mark.parametrize(("venue", "symbol", "side", "mode"), FORMS)
def test_the_walk_ends_where_the_exact_machine_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, venue: str, symbol: str, side: str, mode: str
) -> None:
    """The same paths, walked in columns and played from step to step by the exact machine."""
    walked = odds(tmp_path, venue, symbol, side, mode)
    monkeypatch.setattr(desk, "is_steady", lambda *_: False)
    played = odds(tmp_path, venue, symbol, side, mode)
    assert played.close_calls == 96 > walked.close_calls
    assert walked.funding > 0
    assert walked.funding == pytest.approx(played.funding, rel=1e-9)
    assert walked.final_mean.value == pytest.approx(played.final_mean.value, rel=1e-9)
    assert walked.liquidated.value == played.liquidated.value
    assert walked.liquidated.value > 0


def test_interest_alone_liquidates_a_pair_on_every_path(tmp_path: Path) -> None:
    """1,913 USDT borrowed at 300 % a year against 2,870 of coins: the level falls from 1.5 to 1.18 in some 33 days of prices
    that hardly move; at 600 % within 20."""
    rates = 'interest = {{ USDT = "{}" }}'
    slow = odds(tmp_path, "binance_margin", "ETHUSDT", "long", "isolated", "0.0001", rates.format("3"), 32)
    fast = odds(tmp_path, "binance_margin", "ETHUSDT", "long", "isolated", "0.0001", rates.format("6"), 32)
    assert slow.liquidated.value == 0
    assert fast.liquidated.value == 1


def test_a_debt_without_a_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"USDT is owed, and nobody says what that costs"):
        odds(tmp_path, "binance_margin", "ETHUSDT", "long", "isolated", interest="")
