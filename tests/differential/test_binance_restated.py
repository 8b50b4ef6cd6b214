"""The Binance futures rulebooks against an independent restatement in whole fractions: margins, triggers, prices."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from binance_restated import (
    Asset,
    Leg,
    MultiAssets,
    Restated,
    factors,
    liquidation_prices,
    multi_assets_of,
    pools_of,
)
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.margin.assess import Prices, assess
from plimsoll.model import Account, Marks
from plimsoll.verify.cases import account_of, instruments_of, parse_case, read_cases
from random_accounts import accounts, on_boundaries, rulebook_of

VENUES = ("binance_usdm", "binance_coinm")
GOLDEN = Path(__file__).parents[1] / "golden"
CLOSE = Fraction(1, 10**24)


def near(got: Decimal, truth: Fraction, scale: Fraction) -> bool:
    return abs(Fraction(got) - truth) <= CLOSE * scale


def scale_of(pool: Restated) -> Fraction:
    sides = (leg.value(pool.marks[leg.symbol]) + leg.value(leg.ep) for leg in pool.legs)
    return abs(pool.money) + sum(sides, Fraction(1, 10**6))


def single(drawn: tuple[Account, Marks]) -> bool:
    return drawn[0].options.get("asset_mode", "single") == "single"


def multi(drawn: tuple[Account, Marks]) -> bool:
    return not single(drawn)


@pytest.mark.parametrize("venue", VENUES)
@given(st.data())
def test_margins_and_the_trigger_are_those_of_the_restatement(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue).filter(single))
    rulebook = rulebook_of(venue)
    view = assess(account, marks, rulebook, Prices.NONE)
    truths = pools_of(account, marks, rulebook.instruments)
    assert len(view.pools) == len(truths)
    for pool, truth in zip(view.pools, truths, strict=True):
        scale = scale_of(truth)
        assert near(pool.margin_balance, truth.balance(), scale)
        assert near(pool.maintenance_margin, truth.maintenance(), scale)
        assert near(pool.requirement, truth.maintenance(), scale)
        assert near(pool.initial_margin, truth.initial(), scale)
        assert pool.liquidatable == truth.fails() or abs(truth.balance() - truth.maintenance()) <= CLOSE * scale


def check_prices(venue: str, account: Account, marks: Marks) -> None:
    """Our prices are those that the closed formula finds, the nearest on each side of the mark; of a pool under water,
    one of them."""
    rulebook = rulebook_of(venue)
    view = assess(account, marks, rulebook, Prices.OWN)
    truths = pools_of(account, marks, rulebook.instruments)
    for pool, truth in zip(view.pools, truths, strict=True):
        headroom, scale = truth.balance() - truth.maintenance(), scale_of(truth)
        if abs(headroom) <= CLOSE * scale:
            continue
        for leg in (leg for leg in view.legs if leg.pool == pool.key):
            own = next(x for x in truth.legs if x.symbol == leg.symbol and x.s == (1 if leg.size > 0 else -1))
            ours = sorted({Fraction(p) for p in (leg.liquidation_price, leg.other_liquidation_price) if p is not None})
            theirs = sorted(liquidation_prices(truth, leg.symbol))
            if headroom > 0:
                mark = Fraction(leg.mark)
                theirs = [p for p in theirs if p < mark][-1:] + [p for p in theirs if p > mark][:1]
                assert len(ours) == len(theirs), leg.name
                assert all(close(a, b, own, scale) for a, b in zip(ours, theirs, strict=True))
            else:
                assert all(any(close(a, b, own, scale) for b in theirs) for a in ours)


def close(a: Fraction, b: Fraction, leg: Leg, scale: Fraction) -> bool:
    """Equal but for the last digits of sums as large as `scale`, which move the price of a unit held by as much."""
    each = scale / leg.q * (b * b if leg.inverse else 1)
    return abs(a - b) <= CLOSE * max(b, each)


@pytest.mark.parametrize("venue", VENUES)
@given(st.data())
def test_liquidation_prices_are_those_of_the_closed_formula(venue: str, data: st.DataObject) -> None:
    check_prices(venue, *data.draw(accounts(venue).filter(single)))


@pytest.mark.parametrize("venue", VENUES)
@given(st.data())
def test_liquidation_prices_are_those_of_the_closed_formula_on_boundaries(venue: str, data: st.DataObject) -> None:
    check_prices(venue, *data.draw(on_boundaries(venue).filter(single)))


@pytest.mark.parametrize(
    ("venue", "id"),
    [
        ("binance_usdm", "usdm-cross-two-longs-faq"),
        ("binance_coinm", "coinm-iso-long-btc"),
        ("binance_coinm", "coinm-cross-short-finite"),
        ("binance_coinm", "coinm-cross-short-zero"),
    ],
)
def test_the_restatement_finds_the_prices_that_the_venue_printed(venue: str, id: str) -> None:
    raw = next(raw for raw in read_cases(GOLDEN / f"{venue}.json") if raw.id == id)
    case = parse_case(raw)
    account = account_of(case, rulebook_of(venue).rules)
    (pool,) = [pool for pool in pools_of(account, Marks(case.marks), instruments_of(case)) if pool.legs]
    printed = {e.of: e.value for e in case.expect if e.quantity == "displayed_liquidation_price"}
    assert printed
    for symbol, price in printed.items():
        found = liquidation_prices(pool, symbol)
        if price is None:
            assert not found
        else:
            assert any(abs(at - Fraction(price)) <= Fraction(1, 100) for at in found)


BUFFERS = {
    asset: (1 - Fraction(coin.collateral_tiers[0].ratio), Fraction(coin.ask_buffer))
    for asset, coin in rulebook_of("binance_usdm").coins.items()
}


def scaled(whole: MultiAssets) -> Fraction:
    def own(asset: Asset) -> Fraction:
        sides = (leg.value(whole.marks[leg.symbol]) + leg.value(leg.ep) for leg in asset.legs)
        return asset.ask * (abs(asset.wallet) + sum(sides, Fraction(0)))

    return sum((own(asset) for asset in whole.assets), Fraction(1, 10**6))


def drawn_multi(data: st.DataObject, draws: st.SearchStrategy[tuple[Account, Marks]]) -> tuple[Account, Marks, MultiAssets]:
    """An account in multi-assets mode with index prices of its own, which need not be those of its contracts."""
    account, marks = data.draw(draws.filter(multi))
    away = {asset: data.draw(st.sampled_from(["1", "1", "0.97", "1.2"])) for asset in sorted(marks.indexes)}
    indexes = {asset: price * Decimal(away[asset]) for asset, price in marks.indexes.items()}
    marks = Marks(marks.marks, {}, indexes)
    return account, marks, multi_assets_of(account, marks, rulebook_of("binance_usdm").instruments, BUFFERS)


@given(st.data())
def test_in_multi_assets_mode_margins_and_the_trigger_are_those_of_the_restatement(data: st.DataObject) -> None:
    account, marks, truth = drawn_multi(data, accounts("binance_usdm"))
    view = assess(account, marks, rulebook_of("binance_usdm"), Prices.NONE)
    (pool,), scale = view.pools, scaled(truth)
    assert near(pool.margin_balance, truth.balance(), scale)
    assert near(pool.maintenance_margin, truth.maintenance(), scale) and pool.requirement == pool.maintenance_margin
    assert near(pool.initial_margin, truth.initial(), scale)
    fails = truth.balance() <= truth.maintenance()
    assert pool.liquidatable == fails or abs(truth.balance() - truth.maintenance()) <= CLOSE * scale
    free = max(Fraction(0), truth.balance() - truth.initial())
    for asset, told in zip(truth.assets, view.assets, strict=True):
        assert told.asset == asset.name and near(told.available_balance, free / asset.ask, scale / asset.ask)
        assert told.collateral_value is not None and near(told.collateral_value, asset.counts(truth.marks), scale)


@given(st.data())
def test_in_multi_assets_mode_prices_are_those_of_the_closed_formula_with_the_index_frozen_and_moving(
    data: st.DataObject,
) -> None:
    """Of a healthy account: where its own mark alone moves, both sides; where all marks of the coin and its index move
    together, the nearer side."""
    account, marks, truth = drawn_multi(data, accounts("binance_usdm", most_legs=3))
    rulebook, scale = rulebook_of("binance_usdm"), scaled(truth)
    headroom = truth.balance() - truth.maintenance()
    view = assess(account, marks, rulebook)
    if headroom <= CLOSE * scale:
        return
    for leg in view.legs:
        mark, base = Fraction(leg.mark), rulebook.instruments[leg.symbol].base
        alike = [symbol for symbol in truth.marks if rulebook.instruments[symbol].base == base]
        own = next(x for a in truth.assets for x in a.legs if x.symbol == leg.symbol and x.s == (1 if leg.size > 0 else -1))
        ours = sorted({Fraction(p) for p in (leg.liquidation_price, leg.other_liquidation_price) if p is not None})
        theirs = around(factors(truth, [leg.symbol], ""), mark)
        assert len(ours) == len(theirs) and all(close(a, b, own, scale) for a, b in zip(ours, theirs, strict=True))
        together = around(factors(truth, alike, base), mark)
        if not together:
            assert leg.underlying_liquidation_price is None
        else:
            assert leg.underlying_liquidation_price is not None
            nearer = together[0] if len(together) == 1 or mark * mark <= together[0] * together[1] else together[1]
            assert close(Fraction(leg.underlying_liquidation_price), nearer, own, scale * 100)


def around(found: set[Fraction], mark: Fraction) -> list[Fraction]:
    """The nearest prices on each side of the mark, from factors on it."""
    return [mark * x for x in sorted(f for f in found if f < 1)[-1:] + sorted(f for f in found if f > 1)[:1]]
