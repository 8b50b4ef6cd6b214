"""Liquidation prices in float64 are those of the exact engine, for every rulebook that states a line or can be bracketed.

What decides is the exact engine: a price is right where it is the same to 1e-9, or where exact headroom at it is zero within
the rounding of float64 sums (a small leg beside a pool ten million times its size has no more digits than that)."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.array.compile import float_column, float_legs, float_markets
from plimsoll.array.lines import LEAST, MOST, gather, isolated_prices, liquidation_prices
from plimsoll.errors import BadInput
from plimsoll.margin.assess import mark_column
from plimsoll.margin.liquidation_price import Triggers, nearest, prices_at, solver_of
from plimsoll.margin.pools import Layout, lay_out
from plimsoll.model import Account, Fees, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.number import exact
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Pool
from random_accounts import VENUES, D, accounts, marks_at, options_of, rulebook_of, under_regimes

LINED = [venue for venue in VENUES if rulebook_of(venue).rules.STATES_LINES]
SOLVED = [venue for venue in LINED if not rulebook_of(venue).rules.PRICES_STATED]
STATED = [venue for venue in VENUES if rulebook_of(venue).rules.PRICES_STATED]
CLOSE = 1e-9
ROUNDING = D("1e-13")
"""Share of a pool's gross size that float64 sums over it may be wrong by."""

FIRST, LAST = D.from_float(LEAST), D.from_float(MOST)

Column = tuple[Decimal, ...]


def headroom_share(rulebook: Rulebook, pool: Pool[Decimal], layout: Layout, column: Column, at: int, price: Decimal) -> Decimal:
    """Exact headroom over gross size with one mark elsewhere."""
    moved = tuple(price if n == at else mark for n, mark in enumerate(column))
    margin = rulebook.rules.assess_pool(pool, moved, layout.markets)
    return abs(margin.balance - margin.requirement) / (margin.scale + abs(margin.balance))


def agree(
    ours: float, theirs: Decimal | None, rulebook: Rulebook, pool: Pool[Decimal], layout: Layout, column: Column, at: int
) -> bool:
    """Whether a price, or that there is none, is what the exact engine says."""

    def zero_at(price: Decimal) -> bool:
        return headroom_share(rulebook, pool, layout, column, at, price) <= ROUNDING

    mark = column[at]
    if zero_at(mark):
        return True  # a pool that stands on its trigger has one end or two: too close to call
    if np.isnan(ours):
        if theirs is None or not mark * FIRST < theirs < mark * LAST:
            return True
        return zero_at(mark * FIRST) or zero_at(mark * LAST)
    if theirs is None:
        return zero_at(D.from_float(float(ours))) and (zero_at(mark * FIRST) or zero_at(mark * LAST))
    return abs(ours / float(theirs) - 1) <= CLOSE or zero_at(D.from_float(float(ours)))


@pytest.mark.parametrize("venue", SOLVED)
@given(st.data())
def test_each_price_of_a_random_account_is_that_of_the_exact_engine(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    with exact():
        rulebook = data.draw(st.sampled_from(under_regimes(rulebook_of(venue))))
        layout = lay_out(account, rulebook)
        column = mark_column(layout, marks.marks, marks.indexes)
        found = liquidation_prices(venue, gather([(layout, column)]))
        at_leg = 0
        for pool in layout.pools:
            margin = rulebook.rules.assess_pool(pool, column, layout.markets)
            solved = solver_of(rulebook.rules, pool, margin, column, layout.markets)
            for leg in pool.legs:
                at = leg.market
                truth = prices_at(solved((at,)), column[at])
                ours = found.below[at_leg], found.above[at_leg]
                for mine, theirs in zip(ours, (truth.below, truth.above), strict=True):
                    assert agree(mine, theirs, rulebook, pool, layout, column, at), (mine, theirs, column[at], leg)
                both = Triggers(*(None if np.isnan(x) else D.from_float(float(x)) for x in ours))
                near = nearest(both, column[at])
                assert near is None or abs(float(near) / found.nearest[at_leg] - 1) <= CLOSE
                at_leg += 1
        assert at_leg == len(found.below)


@pytest.mark.parametrize("venue", SOLVED)
@given(st.data())
def test_isolated_legs_by_themselves_have_the_prices_of_their_pools(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue, 4, (MarginMode.ISOLATED,)))
    with exact():
        rulebook = rulebook_of(venue)
        layout = lay_out(account, rulebook)
        column = mark_column(layout, marks.marks, marks.indexes)
    alone = [pool for pool, spec in zip(layout.pools, layout.specs, strict=True) if spec.isolated]
    legs = [pool.legs[0] for pool in alone]
    at = float_column([column[leg.market] for leg in legs])
    prices = isolated_prices(venue, float_legs(legs), at, float_markets(layout.markets))
    with exact():
        for pool, leg, ours in zip(alone, legs, prices, strict=True):
            margin = rulebook.rules.assess_pool(pool, column, layout.markets)
            solved = solver_of(rulebook.rules, pool, margin, column, layout.markets)((leg.market,))
            theirs = nearest(prices_at(solved, column[leg.market]), column[leg.market])
            assert agree(ours, theirs, rulebook, pool, layout, column, leg.market), (ours, theirs, leg)


@pytest.mark.parametrize("venue", STATED)
def test_prices_in_whole_units_are_left_to_the_exact_engine(venue: str) -> None:
    with pytest.raises(BadInput, match="whole units of money"):
        liquidation_prices(venue, gather([]))


@pytest.mark.parametrize("venue", [venue for venue in VENUES if venue not in LINED])
def test_prices_of_coins_and_debts_are_left_to_the_exact_engine(venue: str) -> None:
    with pytest.raises(BadInput, match="no line of their own"):
        liquidation_prices(venue, gather([]))


def test_the_textbook_long_fails_where_algebra_says() -> None:
    """100 BTC at 60,000 on 300,000 USDT in the bracket of 1 % less 12,000: (100*60000 - 300000 - 12000)/(100*(1 - 0.01))."""
    book = rulebook_of("binance_usdm")
    held = Position("BTCUSDT", MarginMode.ISOLATED, LegSide.NET, D(100), D(60000), D(20), D(300000))
    with exact():
        layout = lay_out(Account(PositionMode.ONE_WAY, {}, (held,), fees=Fees(D(0), D(0))), book)
        pools = gather([(layout, mark_column(layout, {"BTCUSDT": D(60000)}))])
    found = liquidation_prices("binance_usdm", pools)
    assert found.nearest[-1] == pytest.approx((6_000_000 - 300_000 - 12_000) / 99, rel=1e-14)
    assert np.isnan(found.above[-1])


def test_threads_and_batches_change_no_bit() -> None:
    """Many accounts together, in three parts, against each by itself."""
    venue, symbols = "binance_usdm", ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    laid: list[tuple[Layout, Column]] = []
    with exact():
        for n in range(1, 40):
            marks: Marks = marks_at(venue, {s: D(100 + n) for s in symbols})
            held = tuple(
                Position(s, MarginMode.CROSS, LegSide.NET, D((-1) ** (n + k) * 50 * n), D(99 + 3 * k), D(10))
                for k, s in enumerate(symbols)
            )
            cash = {rulebook_of(venue).instruments[s].settle: D(1500 * n) for s in symbols}
            account = Account(PositionMode.ONE_WAY, cash, held, options=options_of(venue, MarginMode.CROSS))
            layout = lay_out(account, rulebook_of(venue))
            laid.append((layout, mark_column(layout, marks.marks, marks.indexes)))
    together = liquidation_prices(venue, gather(laid), threads=3)
    apart = [liquidation_prices(venue, gather([one])) for one in laid]
    for name in together._fields:
        each = np.concatenate([getattr(one, name) for one in apart])
        assert np.array_equal(getattr(together, name), each, equal_nan=True)
    assert np.isfinite(together.nearest).sum() > 60
