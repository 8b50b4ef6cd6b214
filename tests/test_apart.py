"""Pools apart on one cash: their rules in pieces say what `assess_pool` says of the whole pool, at every mark, and the prices
that are found along shared lines are where the whole pool fails."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from plimsoll.margin.apart import margins_of
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.liquidation_price import held_brackets
from plimsoll.margin.pools import Layout, lay_out
from plimsoll.model import Account, Fees, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.number import exact
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import PoolMargin
from random_accounts import VENUES, D, leverages_of, position_modes, prices, rulebook_of, shares, sizes, under_regimes

APART = [venue for venue in VENUES if rulebook_of(venue).rules.APART is not None]
ROUNDED = D("1e-30")
"""Room, as a share of gross size, for sums of 34 digits taken in another order."""


@st.composite
def on_one_cash(draw: st.DrawFn, venue: str) -> tuple[Rulebook, Account, Marks]:
    """Two to six legs that settle in one asset, nearly all in cross, under a regime in which they fail apart."""
    with exact():
        base = rulebook_of(venue)
        books = [book for book in under_regimes(base) if _apart(book)]
        book, cash = draw(st.sampled_from(books)), draw(st.sampled_from(sorted(_cashes(base))))
        names = draw(st.lists(st.sampled_from(_cashes(base)[cash]), min_size=1, max_size=6, unique=True))
        hedge = draw(st.sampled_from(position_modes(venue))) is PositionMode.HEDGE
        positions, marks, gross = [], {}, D(0)
        for name in names:
            instrument = book.instruments[name]
            mark = marks[name] = draw(prices())
            mode = draw(st.sampled_from([MarginMode.CROSS] * 7 + [MarginMode.ISOLATED]))
            both = draw(st.sampled_from([(LegSide.LONG,), (LegSide.SHORT,), (LegSide.LONG, LegSide.SHORT)]))
            for side in both if hedge else both[:1]:
                size, leverage = draw(sizes(instrument, mark)), draw(leverages_of(instrument))
                entry = max(D("0.01"), (mark * draw(st.integers(500, 2000)) / 1000).quantize(D("0.01")))
                worth = book.rules.notional(size * instrument.multiplier, mark, instrument.kind == "inverse")
                wall = (worth / leverage).quantize(D("1e-8")) if mode is MarginMode.ISOLATED else D(0)
                signed = size if side is LegSide.LONG else -size
                own = side if hedge else LegSide.NET
                positions.append(Position(name, mode, own, signed, entry, leverage, wall))
                gross += worth
        fees = Fees(D(0), draw(st.sampled_from([D(0), D("0.0006"), D("0.01")])))
        money = {cash: (gross * draw(shares())).quantize(D("1e-8"))}
        position_mode = PositionMode.HEDGE if hedge else PositionMode.ONE_WAY
        isolated = {p.symbol: p.mode for p in positions if p.mode is MarginMode.ISOLATED}
        return book, Account(position_mode, money, tuple(positions), margin_modes=isolated, fees=fees), Marks(marks)


def _apart(book: Rulebook) -> bool:
    """Whether the book draws two cross positions on one cash as pools apart."""
    symbols = next(names for names in _cashes(book).values() if len(names) > 1)[:2]
    held = tuple(Position(s, MarginMode.CROSS, LegSide.NET, D(1), D(1), D(1)) for s in symbols)
    return bool(lay_out(Account(PositionMode.ONE_WAY, {}, held), book).cashes)


def _cashes(book: Rulebook) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for symbol, instrument in sorted(book.instruments.items()):
        found.setdefault(instrument.settle, []).append(symbol)
    return found


def column_of(layout: Layout, marks: dict[str, Decimal]) -> tuple[Decimal, ...]:
    return tuple(marks[symbol] for symbol in layout.symbols)


def headroom(margin: PoolMargin[Decimal]) -> Decimal:
    return margin.balance - margin.requirement


def check_pieces(layout: Layout, book: Rulebook, column: Sequence[Decimal]) -> None:
    for pool, margin in zip(layout.pools, margins_of(layout, book, column), strict=True):
        whole = book.rules.assess_pool(pool, column, layout.markets)
        for ours, theirs in zip(astuple(margin)[:4], astuple(whole)[:4], strict=True):
            assert abs(ours - theirs) <= ROUNDED * whole.scale
        assert not pool.apart or margin.scale >= whole.scale * (1 - ROUNDED)


@pytest.mark.parametrize("venue", APART)
@given(st.data())
def test_a_pool_in_pieces_is_the_pool_as_a_whole(venue: str, data: st.DataObject) -> None:
    book, account, marks = data.draw(on_one_cash(venue))
    with exact():
        layout = lay_out(account, book)
        check_pieces(layout, book, column_of(layout, marks.marks))


@pytest.mark.parametrize("venue", APART)
@given(st.data())
def test_how_a_pool_stands_is_reckoned_anew_where_its_mark_leaves_the_range(venue: str, data: st.DataObject) -> None:
    """One layout is looked at from mark to mark, many of them on the bounds of a tier; a new one says the same each time."""
    book, account, marks = data.draw(on_one_cash(venue))
    with exact():
        layout = lay_out(account, book)
        now = dict(marks.marks)
        for _ in range(data.draw(st.integers(1, 6))):
            for position in account.positions:
                instrument = book.instruments[position.symbol]
                amount = abs(position.size) * instrument.multiplier
                floors = [row.floor for row in instrument.brackets if row.floor > 0]
                share = D(data.draw(st.integers(300, 3000))) / 1000
                if floors and data.draw(st.booleans()):
                    worth = data.draw(st.sampled_from(floors)) + data.draw(st.integers(-3, 3)) * (instrument.unit or D(0))
                    now[position.symbol] = amount / worth if instrument.kind == "inverse" else worth / amount
                elif data.draw(st.booleans()):
                    now[position.symbol] = marks.marks[position.symbol] * share
            column = column_of(layout, now)
            assert margins_of(layout, book, column) == margins_of(lay_out(account, book), book, column)
            check_pieces(layout, book, column)


@pytest.mark.parametrize("venue", APART)
@given(st.data())
def test_a_leg_apart_shows_what_the_rules_say_of_it(venue: str, data: st.DataObject) -> None:
    book, account, marks = data.draw(on_one_cash(venue))
    with exact():
        layout = lay_out(account, book)
        views = {(v.symbol, v.mode, v.side): v for v in assess(account, marks, book, Prices.NONE).legs}
        for spec, pool in zip(layout.specs, layout.pools, strict=True):
            for key, leg in zip(spec.legs, pool.legs, strict=True):
                view, at = views[key], (leg, marks.marks[key.symbol], layout.markets[leg.market])
                shown = (view.unrealised_pnl, view.initial_margin, view.maintenance_margin, view.closing_fee)
                rules = book.rules
                asked = (rules.profit(*at), rules.initial_margin(*at), rules.maintenance_margin(*at), rules.closing_fee(*at))
                assert (*shown, view.position_margin) == (*asked, rules.position_margin(*at))


def fails_at(layout: Layout, book: Rulebook, i: int, column: Sequence[Decimal], moving: Sequence[int], x: Decimal) -> bool:
    """Whether pool i, looked at as a whole, fails where some marks stand at x times what they are."""
    moved = [mark * x if at in moving else mark for at, mark in enumerate(column)]
    margin = book.rules.assess_pool(layout.pools[i], moved, layout.markets)
    return headroom(margin) <= ROUNDED * margin.scale


LOCKING = [v for v in APART if (apart := rulebook_of(v).rules.APART) is not None and apart.locks_losses]
STATING = [v for v in APART if rulebook_of(v).rules.PRICES_STATED]


@pytest.mark.parametrize("venue", LOCKING)
@given(st.data())
def test_where_losses_are_locked_a_pool_fails_at_the_common_price_and_not_before(venue: str, data: st.DataObject) -> None:
    book, account, marks = data.draw(on_one_cash(venue))
    view = assess(account, marks, book)
    pools = {pool.key: pool for pool in view.pools}
    with exact():
        layout = lay_out(account, book)
        column = column_of(layout, marks.marks)
        for i, spec in enumerate(layout.specs):
            pool = layout.pools[i]
            here = book.rules.assess_pool(pool, column, layout.markets)
            if not spec.apart or headroom(here) <= here.scale * D("1e-9"):
                continue
            felt = {leg.market for leg in (*pool.legs, *pool.beside)}
            base = book.instruments[spec.legs[0].symbol].base
            coin = {at for at in felt if book.instruments[layout.symbols[at]].base == base}
            leg = next(leg for leg in view.legs if leg.pool == spec.key)
            factors = [(felt, pools[spec.key].portfolio_liquidation_move), (coin, leg.underlying_liquidation_price)]
            for moving, found in factors:
                x = found if found is None else found + 1 if moving is felt else found / leg.mark
                if x is None:
                    for far in (D("1e-12"), D("1e12")):
                        assert not fails_at(layout, book, i, column, sorted(moving), far)
                    continue
                assert fails_at(layout, book, i, column, sorted(moving), x)
                assert not fails_at(layout, book, i, column, sorted(moving), x + (1 - x) * D("1e-9"))


@pytest.mark.parametrize("venue", STATING)
@given(st.data())
def test_where_tiers_alone_move_a_lock_the_three_prices_are_one(venue: str, data: st.DataObject) -> None:
    book, account, marks = data.draw(on_one_cash(venue))
    view = assess(account, marks, book)
    pools = {pool.key: pool for pool in view.pools}
    with exact():
        layout = lay_out(account, book)
        column = column_of(layout, marks.marks)
        for spec, pool in zip(layout.specs, layout.pools, strict=True):
            if not spec.apart:
                continue
            held, own = held_brackets(book.rules, pool, column, layout.markets), pool.legs[0].market
            moved = [mark if at == own else mark * data.draw(st.integers(1, 100)) for at, mark in enumerate(column)]
            here, there = (book.rules.assess_pool(pool, marks, held) for marks in (column, moved))
            assert astuple(here)[:4] == astuple(there)[:4]
            leg = next(leg for leg in view.legs if leg.pool == spec.key and leg.mode is MarginMode.CROSS)
            assert leg.underlying_liquidation_price == leg.liquidation_price
            kinds = {layout.markets[leg.market].inverse for leg in (*pool.legs, *pool.beside)}
            move = pools[spec.key].portfolio_liquidation_move
            if headroom(here) > 0 and len(kinds) > 1 and move is not None:
                there = [mark * (1 + move) for mark in column]
                assert headroom(book.rules.assess_pool(pool, there, layout.markets)) <= 0
            elif headroom(here) > 0 and len(kinds) == 1:
                assert move == (None if leg.liquidation_price is None else leg.liquidation_price / leg.mark - 1)
