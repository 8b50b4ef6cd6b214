"""The unified account against an independent restatement in whole fractions: margins, the trigger, where the line is."""

from decimal import Decimal
from fractions import Fraction

import msgspec
from bybit_restated import Prices, Sums, sums
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.margin.assess import LegView, assess
from plimsoll.margin.assess import Prices as Solve
from plimsoll.model import Account, MarginMode, Marks, Order, OrderType
from random_accounts import D, accounts, moved, on_boundaries, rulebook_of

VENUE = "bybit_uta"
BOOK = rulebook_of(VENUE)
CLOSE = Fraction(1, 10**24)
CROSS = accounts(VENUE, modes=(MarginMode.CROSS,))


@st.composite
def with_orders(draw: st.DrawFn) -> tuple[Account, Marks]:
    """A cross account with limit orders that enlarge some of its positions, below and above the mark."""
    account, marks = draw(CROSS)
    orders = []
    for n, held in enumerate(account.positions):
        if draw(st.booleans()):
            price = (marks.marks[held.symbol] * draw(st.integers(500, 1500)) / 1000).quantize(D("0.01"))
            size = abs(held.size) * draw(st.integers(1, 30)) / 10
            side = "buy" if held.size > 0 else "sell"
            limit = max(D("0.01"), price)
            orders.append(Order(str(n), held.symbol, side, size, OrderType.LIMIT, limit, position_side=held.side))
    return msgspec.structs.replace(account, orders=tuple(orders)), marks


def fractions(prices: dict[str, Decimal]) -> Prices:
    return {name: Fraction(price) for name, price in prices.items()}


def truth_at(account: Account, marks: Marks) -> Sums:
    return sums(account, BOOK, fractions(marks.marks), fractions(marks.indexes))


def near(got: Decimal, truth: Fraction, scale: Fraction) -> bool:
    return abs(Fraction(got) - truth) <= CLOSE * scale


@given(st.one_of(CROSS, with_orders(), on_boundaries(VENUE)))
def test_the_account_level_test_is_that_of_the_restatement(drawn: tuple[Account, Marks]) -> None:
    account, marks = drawn
    if account.options["margin_mode"] != "cross":
        return
    view = assess(account, marks, BOOK, Solve.NONE)
    (pool,), truth = view.pools, truth_at(account, marks)
    assert view.account is not None
    assert near(pool.margin_balance, truth.balance, truth.scale)
    assert near(pool.initial_margin, truth.initial, truth.scale)
    assert near(pool.maintenance_margin, truth.maintenance, truth.scale)
    assert near(pool.headroom, truth.headroom, truth.scale)
    assert near(view.account.available_balance, truth.balance - truth.initial, truth.scale)
    backing = truth.balance + truth.order_loss
    if truth.maintenance > 0 and backing > CLOSE * truth.scale and pool.venue_ratio is not None:
        assert abs(Fraction(pool.venue_ratio) - truth.maintenance / backing) <= Fraction(1, 10**4)
    decided = abs(truth.headroom) > CLOSE * truth.scale
    assert not decided or pool.liquidatable == (truth.maintenance - truth.order_loss > 0 and truth.headroom < 0)


def check_line(account: Account, marks: Marks, leg: LegView, price: Decimal | None) -> None:
    """At the price the restated headroom is nothing, and all the way there it is something."""
    if price is None:
        return
    there = truth_at(account, moved(marks, {leg.symbol: price}))
    assert abs(there.headroom) <= CLOSE * there.scale
    for tenths in range(1, 10):
        between = leg.mark + (price - leg.mark) * tenths / 10
        assert truth_at(account, moved(marks, {leg.symbol: between})).headroom > -CLOSE * there.scale


@given(st.one_of(CROSS, with_orders()))
def test_at_the_liquidation_price_the_restated_headroom_is_nothing(drawn: tuple[Account, Marks]) -> None:
    account, marks = drawn
    view = assess(account, marks, BOOK, Solve.OWN)
    if view.pools[0].headroom <= 0:
        return
    for leg in view.legs:
        check_line(account, marks, leg, leg.liquidation_price)
        check_line(account, marks, leg, leg.other_liquidation_price)
        if leg.liquidation_price is None:
            for far in (leg.mark / 1000, leg.mark * 1000):
                assert truth_at(account, moved(marks, {leg.symbol: far})).headroom > 0


@given(CROSS)
def test_when_the_coin_itself_falls_its_index_falls_with_every_mark_of_it(drawn: tuple[Account, Marks]) -> None:
    account, marks = drawn
    view = assess(account, marks, BOOK, Solve.ALL)
    if view.pools[0].headroom <= 0:
        return
    for leg in view.legs:
        price = leg.underlying_liquidation_price
        if price is None:
            continue
        base, factor = BOOK.instruments[leg.symbol].base, Fraction(price) / Fraction(leg.mark)
        theirs = fractions(marks.marks)
        for other in view.legs:
            if BOOK.instruments[other.symbol].base == base:
                theirs[other.symbol] = Fraction(other.mark) * factor
        indexes = fractions(marks.indexes)
        indexes[base] = indexes.get(base, Fraction(0)) * factor
        there = sums(account, BOOK, theirs, indexes)
        assert abs(there.headroom) <= CLOSE * there.scale
