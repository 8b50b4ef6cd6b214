"""Venues that count money in whole units: funding is paid inside the walk, to the unit as the exact machine has it."""

from decimal import Decimal
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_between import passage
from test_walk import agree

import plimsoll
from plimsoll.array import desk
from plimsoll.array.ladder import DONE, GONE, HAND
from plimsoll.errors import BadInput
from plimsoll.model import Account, LegSide, MarginMode, Position, PositionMode
from plimsoll.studies import Odds
from random_accounts import VENUES, D, accounts, rulebook_of
from walks import final, played, walked

WHOLE = [venue for venue in VENUES if any(i.unit for i in rulebook_of(venue).instruments.values())]
STEPS = 40
HEAD = """
name = "whole"
venue = "{venue}"
rules_as_of = 2026-07-01
[wallet]
{asset} = "{cash}"
[model]
kind = "brownian"
drift = 0
correlation = 0.5
funding = {funding}
funding_every = "{every}"
step = "{step}"
volatility = {{ {volatility} }}
"""
LEG = """
[[positions]]
symbol = "{}"
side = "{}"
size = "{}"
entry_price = "{}"
leverage = 10
mode = "{}"
"""
DYDX = ("BTC-USD", "long", "0.5", "60000", "cross"), ("ETH-USD", "short", "3", "3000", "isolated")
BITMEX = ("XBTUSD", "long", "30000", "60000", "cross"), ("ETHUSD", "short", "0.0003", "3000", "isolated")


def unit_of(account: Account, venue: str) -> Decimal:
    found = {rulebook_of(venue).instruments[p.symbol].unit for p in account.positions}
    assert None not in found
    return max(unit for unit in found if unit is not None)


def charged(account: Account, venue: str, marks: np.ndarray, funding: np.ndarray, symbols: tuple[str, ...]) -> int:
    """The code that the walk ends with; asserts that cash, walls and what funding took of them are those of the exact machine,
    to a ten-thousandth of a unit."""
    rulebook, off = rulebook_of(venue), float(unit_of(account, venue)) / 10_000
    laid, walk = walked(account, rulebook, symbols, marks, funding)
    if not laid.steady or walk.code not in (DONE, GONE):
        return int(walk.code)
    exactly, after = played(account, rulebook, symbols, marks, funding).final.account, final(laid, walk)
    for asset, amount in exactly.cash.items():
        assert float(after.cash[asset] - amount) == pytest.approx(0, abs=off + 1e-14 * float(abs(amount)))
    for mine, other in zip(after.positions, exactly.positions, strict=True):
        near = off + 1e-14 * float(other.isolated_margin)
        assert float(mine.isolated_margin - other.isolated_margin) == pytest.approx(0, abs=near)
        assert float(mine.lost_margin - other.lost_margin) == pytest.approx(0, abs=near)
    return int(walk.code)


def rates(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Funding at every step but the first, where the account stands."""
    found = np.round(rng.normal(0, 0.0003, shape), 6)
    found[0] = 0
    return found


@pytest.mark.parametrize("venue", WHOLE)
@settings(max_examples=60, derandomize=True)
@given(st.data())
def test_funding_is_paid_to_the_unit(venue: str, data: st.DataObject) -> None:
    """Charged at every step, of prices that hardly move."""
    account, at = data.draw(accounts(venue))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    shape = (STEPS, len(at.marks))
    prices = np.array([float(x) for x in at.marks.values()]) * np.exp(np.cumsum(rng.normal(0, 0.0005, shape), axis=0))
    prices = np.round(prices, 2) if data.draw(st.booleans()) and prices.min() > 1 else prices
    try:
        charged(account, venue, prices, rates(rng, shape), tuple(at.marks))
    except BadInput:
        assume(False)


def quiet_account(cash: str = "10000", size: str = "0.5", entry: str = "60000") -> Account:
    legs = Position("BTC-USD", MarginMode.CROSS, LegSide.NET, D(size), D(entry), D(2))
    return Account(PositionMode.ONE_WAY, {"USDC": D(cash)}, (legs,))


def test_an_account_that_holds_is_never_handed_over_for_its_funding() -> None:
    """720 charges in two subaccounts, the walk's own to the end."""
    rng = np.random.default_rng(7)
    own = Position("ETH-USD", MarginMode.ISOLATED, LegSide.NET, D(-3), D(3000), D(2), D(5000))
    account = Account(PositionMode.ONE_WAY, {"USDC": D(50000)}, (*quiet_account().positions, own))
    prices = np.array([60000.0, 3000.0]) * np.exp(np.cumsum(rng.normal(0, 0.003, (721, 2)), axis=0))
    assert charged(account, "dydx", prices, rates(rng, prices.shape), ("BTC-USD", "ETH-USD")) == DONE


def test_a_payment_that_is_half_a_unit_is_the_exact_machines() -> None:
    """50,000 of value at one in a hundred thousand millions: 0.5 quantums, which a float may put on either side."""
    marks = np.array([[50000.0], [50000.0], [50000.0]])
    funding = np.array([[0.0], [0.0], [1e-11]])
    laid, walk = walked(quiet_account(size="1", entry="50000"), rulebook_of("dydx"), ("BTC-USD",), marks, funding)
    assert (walk.code, int(walk.tally["step"]), float(walk.tally["funding"])) == (HAND, 2, 0.0)
    assert final(laid, walk).cash["USDC"] == 10000


@pytest.mark.parametrize("cash", ["0.000004", "0.00002", "0.0001", "0.001"])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_account_of_a_few_units_agrees_or_is_handed_over(cash: str, sign: int) -> None:
    """200 quantums of value: no payment is more than a few of them."""
    rng = np.random.default_rng(11)
    marks = 2 * np.exp(np.cumsum(rng.normal(0, 0.01, (STEPS, 1)), axis=0))
    account = quiet_account(cash, str(sign * D("0.0001")), "2")
    funding = 30 * rates(rng, marks.shape)
    agree(account, "dydx", ("BTC-USD",), marks, funding)
    charged(account, "dydx", marks, funding, ("BTC-USD",))


def odds(
    folder: Path, venue: str, asset: str, cash: str, legs: tuple[tuple[str, ...], ...], horizon: str, paths: int, step: str,
    funding: str = "0.0003", every: str = "1h", straight: bool = True,
) -> Odds:  # fmt: skip
    file, volatility = folder / "whole.toml", ", ".join(f'"{leg[0]}" = "0.8"' for leg in legs)
    text = HEAD.format(venue=venue, asset=asset, cash=cash, volatility=volatility, step=step, funding=funding, every=every)
    file.write_text(text + "".join(LEG.format(*leg) for leg in legs))
    marks = {leg[0]: leg[3] for leg in legs}
    asked = {"marks": marks, "horizon": horizon, "paths": paths, "modes": "as-given", "straight": straight, "threads": 1}
    return plimsoll.simulate(file, **asked).odds[0]


@pytest.mark.parametrize(
    ("venue", "asset", "cash", "legs"), [("dydx", "USDC", "6000", DYDX), ("bitmex", "BTC", "0.2", BITMEX)]
)
def test_paths_end_where_the_exact_machine_takes_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, venue: str, asset: str, cash: str, legs: tuple[tuple[str, ...], ...]
) -> None:
    """Ten days with funding every four hours, walked in columns and played step by step by the exact machine."""
    walk = odds(tmp_path, venue, asset, cash, legs, "10d", 48, "4h", every="4h")
    monkeypatch.setattr(desk, "is_steady", lambda *_: False)
    exact = odds(tmp_path, venue, asset, cash, legs, "10d", 48, "4h", every="4h")
    assert exact.close_calls == 48
    assert walk.close_calls + walk.handed < 48
    assert 0 < walk.liquidated.value == exact.liquidated.value < 1
    assert walk.funding == pytest.approx(exact.funding, rel=1e-9)
    assert walk.final_mean.value == pytest.approx(exact.final_mean.value, rel=1e-9)


@pytest.mark.parametrize(
    ("venue", "asset", "cash", "leg"),
    [
        ("dydx", "USDC", "10000", ("BTC-USD", "long", "0.5", "60000", "isolated")),
        ("bitmex", "BTC", "0.2", ("XBTUSD", "long", "30000", "60000", "isolated")),
    ],
)
def test_a_line_is_hit_as_often_as_by_a_brownian_motion_watched_all_the_time(
    tmp_path: Path, venue: str, asset: str, cash: str, leg: tuple[str, ...]
) -> None:
    """Steps of a day, looked into all along."""
    found = odds(tmp_path, venue, asset, cash, (leg,), "5d", 4000, "1d", "0", straight=False)
    line = found.legs[0].liquidation_price
    assert line is not None
    chance = passage(log(line / 60000), 5 / 365, -0.32, 0.8 * sqrt(5 / 365))
    assert found.liquidated.value == pytest.approx(chance, abs=3 * sqrt(chance * (1 - chance) / 4000) + 0.0005)
