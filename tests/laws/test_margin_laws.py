"""What holds for the margin of every venue, whatever its formulas."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, localcontext
from itertools import pairwise

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lawbook import law

from plimsoll.account.commands import Fill
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.errors import Reason, RulebookGap
from plimsoll.margin.assess import Prices, assess, mark_column
from plimsoll.margin.liquidation_price import held_brackets
from plimsoll.margin.pools import Layout, lay_out
from plimsoll.margin.views import PoolView
from plimsoll.model import (
    Account,
    Bracket,
    Fees,
    Instrument,
    Kind,
    LegSide,
    MarginMode,
    Marks,
    Position,
    PositionMode,
    leg_key,
)
from plimsoll.number import exact
from plimsoll.rulebook import Policy, in_force
from plimsoll.rules.columns import Leg, Market, Pool
from plimsoll.table_files import load
from random_accounts import (
    D,
    accounts,
    laid_out,
    leverages_of,
    marks_at,
    moved,
    on_boundaries,
    options_of,
    prices,
    rulebook_of,
    shares,
    sizes,
    symbols_of,
    under_regimes,
)

LAST_DIGIT = D("1e-29")
"""Room, as a share of gross size, for sums of 34 digits taken in another order."""


def same(a: Decimal, b: Decimal, scale: Decimal) -> bool:
    return abs(a - b) <= LAST_DIGIT * scale


def pools(venue: str, account: Account, marks: Marks) -> dict[str, PoolView]:
    return {p.key: p for p in assess(account, marks, rulebook_of(venue), Prices.NONE).pools}


def with_position(account: Account, i: int, **changes: object) -> Account:
    changed = tuple(msgspec.structs.replace(p, **changes) if n == i else p for n, p in enumerate(account.positions))
    return msgspec.structs.replace(account, positions=changed)


def at_entry(venue: str, account: Account, i: int, entry: Decimal) -> Account:
    """The account as if a position had been entered at another price; in coins themselves that is money spent or not."""
    held = account.positions[i]
    instrument = rulebook_of(venue).instruments[held.symbol]
    if instrument.kind is not Kind.SPOT:
        return with_position(account, i, entry_price=entry)
    with exact():
        spent = (entry - held.entry_price) * held.size * instrument.multiplier
        if held.coins is not None:
            inside = {**held.coins, instrument.quote: held.coins.get(instrument.quote, D(0)) - spent}
            return with_position(account, i, entry_price=entry, coins=inside)
        cash = {**account.cash, instrument.quote: account.cash.get(instrument.quote, D(0)) - spent}
    return msgspec.structs.replace(with_position(account, i, entry_price=entry), cash=cash)


def lone_leg(
    venue: str, symbol: str, size: Decimal, entry: Decimal, leverage: Decimal, mode: MarginMode
) -> tuple[Leg[Decimal], Market[Decimal]]:
    """A position of `size` signed contracts as rules read it. Call inside `exact()`."""
    position = Position(symbol, mode, LegSide.NET, size, entry, leverage, D(1))
    account = Account(
        PositionMode.ONE_WAY, {}, (position,), fees=Fees(D(0), D("0.0005")), options=options_of(venue, mode)
    )
    layout, _ = laid_out(venue, account, marks_at(venue, {symbol: entry}))
    return next(pool.legs[0] for pool in layout.pools if pool.legs), layout.markets[0]


def top_leverage(instrument: Instrument, row: int) -> Decimal:
    return instrument.brackets[row].max_leverage or D(1)


def jump(venue: str, rows: tuple[Bracket, ...]) -> Decimal:
    """The largest step of marginal maintenance at a floor: zero but for the digits that a venue prints."""
    steps = [D(0)]
    if not load(venue).marginal:
        return D(0)
    for low, high in pairwise(rows):
        below = high.floor * low.maintenance_rate - low.deduction
        steps.append(abs(high.floor * high.maintenance_rate - high.deduction - below))
    return max(steps)


def with_price(venue: str, layout: Layout, column: Sequence[Decimal], at: int, price: Decimal) -> list[Decimal]:
    """The marks column with one market at a price, and the coin itself where that is what is traded there."""
    moved = list(column)
    moved[at] = price
    instrument = rulebook_of(venue).instruments[layout.symbols[at]]
    if instrument.kind is Kind.SPOT and instrument.base in layout.assets:
        first = len(layout.symbols)
        moved[first + layout.assets.index(instrument.base)] = price * column[first + layout.assets.index(instrument.quote)]
    return moved


@law
@given(st.data())
def test_the_order_of_positions_does_not_matter(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    mixed = msgspec.structs.replace(account, positions=tuple(data.draw(st.permutations(account.positions))))
    one, other = assess(account, marks, rulebook_of(venue)), assess(mixed, marks, rulebook_of(venue))
    shuffled = {p.key: p for p in other.pools}
    for pool in one.pools:
        twin = shuffled[pool.key]
        assert same(pool.headroom, twin.headroom, pool.scale)
        assert same(pool.initial_margin, twin.initial_margin, pool.scale)
        assert pool.liquidatable == twin.liquidatable or same(pool.headroom, D(0), pool.scale)
    prices_of = {leg.name: leg.liquidation_price for leg in other.legs}
    for leg in one.legs:
        mine, theirs = leg.liquidation_price, prices_of[leg.name]
        assert (mine is None) is (theirs is None)
        assert mine is None or theirs is None or abs(mine - theirs) <= D("1e-20") * mine


@law
@given(st.data())
def test_more_cash_never_worsens_a_pool(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    asset, more = data.draw(st.sampled_from(sorted(account.cash))), data.draw(prices())
    richer = msgspec.structs.replace(account, cash={**account.cash, asset: account.cash[asset] + more})
    after = pools(venue, richer, marks)
    for key, pool in pools(venue, account, marks).items():
        assert after[key].headroom >= pool.headroom - LAST_DIGIT * pool.scale
        assert not after[key].liquidatable or pool.liquidatable
        if key == "account":  # what is owed needs margin too, and more cash owes less
            assert after[key].requirement <= pool.requirement
        else:
            assert after[key].requirement == pool.requirement


@law
@given(st.data())
def test_margin_never_falls_as_size_grows(venue: str, data: st.DataObject) -> None:
    rules = rulebook_of(venue).rules
    instrument = rulebook_of(venue).instruments[data.draw(st.sampled_from(symbols_of(venue)))]
    mark, mode = data.draw(prices()), data.draw(st.sampled_from(list(MarginMode)))
    small = data.draw(sizes(instrument, mark))
    big = small + data.draw(sizes(instrument, mark))
    leverage = data.draw(leverages_of(instrument))
    with exact():
        found = []
        for size in (small, big):
            leg, market = lone_leg(venue, instrument.symbol, size, mark, leverage, mode)
            found.append((rules.maintenance_margin(leg, mark, market), rules.initial_margin(leg, mark, market)))
    room = jump(venue, instrument.brackets)
    assert found[0][0] <= found[1][0] + room
    assert found[0][1] <= found[1][1]


def _both_margins(venue: str, data: st.DataObject, moved: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """(maintenance, initial, room) of a leg at a leverage that its row allows, the mark `moved` away from its entry."""
    rules = rulebook_of(venue).rules
    instrument = rulebook_of(venue).instruments[data.draw(st.sampled_from(symbols_of(venue)))]
    mark, mode = data.draw(prices()), data.draw(st.sampled_from(list(MarginMode)))
    side = data.draw(st.sampled_from([1, -1]))
    with exact():
        size = side * data.draw(sizes(instrument, mark))
        leg, market = lone_leg(venue, instrument.symbol, size, mark * moved, D(1), mode)
        row = rules.bracket(rules.notional(leg.amount, mark, market.inverse), leg.tier, market)
        leverage = max(D(1), min(top_leverage(instrument, row), data.draw(leverages_of(instrument))))
        leg, market = lone_leg(venue, instrument.symbol, size, mark * moved, leverage, mode)
        room = jump(venue, instrument.brackets)
        return rules.maintenance_margin(leg, mark, market), rules.initial_margin(leg, mark, market), room


@law
@given(st.data())
def test_maintenance_is_at_most_initial(venue: str, data: st.DataObject) -> None:
    moved = data.draw(st.sampled_from([D("0.25"), D("0.8"), D(1), D("1.25"), D(4)]))
    maintenance, initial, room = _both_margins(venue, data, moved)
    assert maintenance <= initial + room


@law
@given(st.data())
def test_maintenance_is_at_most_initial_at_the_entry_price(venue: str, data: st.DataObject) -> None:
    maintenance, initial, room = _both_margins(venue, data, D(1))
    assert maintenance <= initial + room


@law
@given(st.data())
def test_maintenance_is_continuous_at_floors_where_brackets_are_marginal(venue: str, data: st.DataObject) -> None:
    if not load(venue).marginal:
        pytest.skip(f"{venue}: the whole size pays the rate of its row")
    rules = rulebook_of(venue).rules
    several = [i for s in symbols_of(venue) if len((i := rulebook_of(venue).instruments[s]).brackets) > 1]
    if not several:
        pytest.skip(f"{venue}: debts are tiered, not positions")
    instrument = data.draw(st.sampled_from(several))
    floor = data.draw(st.sampled_from([row.floor for row in instrument.brackets[1:]]))
    at = []
    with exact():
        for e in (-D("1e-12"), D(0), D("1e-12")):
            value = floor * (1 + e) / instrument.multiplier
            price = 1 / value if instrument.kind is Kind.INVERSE else value
            leg, market = lone_leg(venue, instrument.symbol, D(1), price, D(1), MarginMode.CROSS)
            at.append(rules.maintenance_margin(leg, price, market))
    assert abs(at[1] - at[0]) <= floor * D("1e-12") + floor * D("1e-6")
    assert abs(at[2] - at[1]) <= floor * D("1e-12") + floor * D("1e-6")


@law
@given(st.data())
def test_long_and_short_mirror_each_other(venue: str, data: st.DataObject) -> None:
    rules = rulebook_of(venue).rules
    symbol = data.draw(st.sampled_from(symbols_of(venue)))
    inverse = rulebook_of(venue).instruments[symbol].kind is Kind.INVERSE
    mark, entry = data.draw(prices()), data.draw(prices())
    mode = data.draw(st.sampled_from(list(MarginMode)))
    with exact():
        size = data.draw(sizes(rulebook_of(venue).instruments[symbol], mark))
        long, market = lone_leg(venue, symbol, size, entry, D(10), mode)
        short, _ = lone_leg(venue, symbol, -size, entry, D(10), mode)
        for margin in (rules.maintenance_margin, rules.initial_margin, rules.closing_fee, rules.liquidation_fee):
            assert margin(long, mark, market) == margin(short, mark, market)
        profit = rules.unrealised_pnl(long.amount, long.entry, mark, inverse)
        assert rules.unrealised_pnl(short.amount, short.entry, mark, inverse) == -profit
        assert rules.funding_payment(long.amount, mark, D("0.0001"), inverse) == -rules.funding_payment(
            short.amount, mark, D("0.0001"), inverse
        )


@law
@given(st.data())
def test_profit_and_funding_of_long_and_short_mirror(venue: str, data: st.DataObject) -> None:
    """Whatever a venue's margins do, and in inverse contracts as well."""
    rules = rulebook_of(venue).rules
    instrument = rulebook_of(venue).instruments[data.draw(st.sampled_from(symbols_of(venue)))]
    mark, entry, rate = data.draw(prices()), data.draw(prices()), D(data.draw(st.integers(-100, 100))) / 10000
    with exact():
        amount = data.draw(sizes(instrument, mark)) * instrument.multiplier
        inverse = instrument.kind is Kind.INVERSE
        profit = rules.unrealised_pnl(amount, entry, mark, inverse)
        assert rules.unrealised_pnl(-amount, entry, mark, inverse) == -profit
        paid = rules.funding_payment(amount, mark, rate, inverse)
        assert rules.funding_payment(-amount, mark, rate, inverse) == -paid


@law
@given(st.data())
def test_long_and_short_mirror_without_the_closing_fee(venue: str, data: st.DataObject) -> None:
    """What is reserved for closing may depend on which side of the entry the bankruptcy price lies; nothing else may."""
    rules = rulebook_of(venue).rules
    symbol = data.draw(st.sampled_from(symbols_of(venue)))
    mark, entry = data.draw(prices()), data.draw(prices())
    mode = data.draw(st.sampled_from(list(MarginMode)))
    with exact():
        size = data.draw(sizes(rulebook_of(venue).instruments[symbol], mark))
        found = []
        for signed in (size, -size):
            leg, market = lone_leg(venue, symbol, signed, entry, D(10), mode)
            fee = rules.closing_fee(leg, mark, market)
            found.append((rules.maintenance_margin(leg, mark, market) - fee, rules.initial_margin(leg, mark, market) - fee))
    for one, other in zip(*found, strict=True):
        assert same(one, other, market.multiplier * size * (max(mark, entry) + 1 / min(mark, entry)))


@law
@given(st.data())
def test_at_the_liquidation_price_the_pool_fails_and_one_tick_safer_it_does_not(
    venue: str, data: st.DataObject
) -> None:
    account, marks = data.draw(accounts(venue))
    rulebook = rulebook_of(venue)
    view = assess(account, marks, rulebook, Prices.OWN)
    healthy = {p.key: p.scale for p in view.pools if p.headroom > 0}
    for leg in view.legs:
        price, mark = leg.liquidation_price, leg.mark
        if price is None or leg.pool not in healthy:
            continue
        at = pools(venue, account, moved(venue, marks, {leg.symbol: price}))[leg.pool]
        assert at.liquidatable and at.headroom <= 0
        assert same(at.headroom, D(0), max(at.scale, healthy[leg.pool]))  # what is solved is rounded where it starts
        with exact():
            tick = min(rulebook.instruments[leg.symbol].tick or mark / 1000, abs(mark - price) / 2)
            if tick < price * D("1e-20"):
                continue
            safer = price + tick if mark > price else price - tick
        assert not pools(venue, account, moved(venue, marks, {leg.symbol: safer}))[leg.pool].liquidatable


@law
@given(st.data())
def test_a_pool_under_water_is_whole_beyond_its_liquidation_price(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    view = assess(account, marks, rulebook_of(venue), Prices.OWN)
    wet = {p.key for p in view.pools if p.headroom < 0}
    for leg in view.legs:
        price = leg.liquidation_price
        if price is not None and leg.pool in wet and abs(price - leg.mark) > price * D("1e-15"):
            at = pools(venue, account, moved(venue, marks, {leg.symbol: price}))[leg.pool]
            assert same(at.headroom, D(0), at.scale)


@law
@given(st.data())
def test_headroom_is_concave_in_the_price_or_its_inverse(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    symbol = data.draw(st.sampled_from([p.symbol for p in account.positions]))
    instrument = rulebook_of(venue).instruments[symbol]
    inverse = instrument.kind is Kind.INVERSE
    x1, x3, share = data.draw(prices()), data.draw(prices()), data.draw(shares()) / 2
    with exact():
        x2 = x1 + (x3 - x1) * share
        layout, column = laid_out(venue, account, marks)
        at = layout.symbols.index(symbol)
        legs = sum(leg.market == at for pool in layout.pools for leg in pool.legs)
        for pool in layout.pools:
            found = []
            for x in (x1, x2, x3):
                there = with_price(venue, layout, column, at, 1 / x if inverse else x)
                margin = rulebook_of(venue).rules.assess_pool(pool, there, layout.markets)
                found.append((margin.balance - margin.requirement, margin.scale))
            chord = found[0][0] + (found[2][0] - found[0][0]) * share
            room = legs * jump(venue, instrument.brackets)
            assert found[1][0] >= chord - room - LAST_DIGIT * max(f[1] for f in found)


def in_whole_units(leg: Leg[Decimal], market: Market[Decimal]) -> Decimal:
    """How far rounding by lots may take a leg's headroom from the straight line: half a unit a lot and three roundings."""
    lots = abs(leg.amount) / market.lot if market.lot else D(1)
    return market.unit * (lots / 2 + 3)


def sought_in(venue: str, layout: Layout, i: int, column: Sequence[Decimal]) -> Sequence[Market[Decimal]]:
    """The markets in which a venue seeks the prices of pool i: with the brackets of this instant where it holds them."""
    return held_brackets(rulebook_of(venue).rules, layout.pools[i], column, layout.markets)


@law
@given(st.data())
def test_headroom_is_concave_within_its_tiers_but_for_whole_units(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    symbol = data.draw(st.sampled_from([p.symbol for p in account.positions]))
    instrument = rulebook_of(venue).instruments[symbol]
    inverse = instrument.kind is Kind.INVERSE
    x1, x3, share = data.draw(prices()), data.draw(prices()), data.draw(shares()) / 2
    with exact():
        layout, column = laid_out(venue, account, marks)
        at = layout.symbols.index(symbol)
        for i, pool in enumerate(layout.pools):
            markets, found = sought_in(venue, layout, i, column), []
            for x in (x1, x1 + (x3 - x1) * share, x3):
                there = with_price(venue, layout, column, at, 1 / x if inverse else x)
                margin = rulebook_of(venue).rules.assess_pool(pool, there, markets)
                found.append((margin.balance - margin.requirement, margin.scale))
            chord = found[0][0] + (found[2][0] - found[0][0]) * share
            room = sum((jump(venue, instrument.brackets) for leg in pool.legs if leg.market == at), D(0))
            room += sum((2 * in_whole_units(leg, markets[at]) for leg in pool.legs if leg.market == at), D(0))
            assert found[1][0] >= chord - room - LAST_DIGIT * max(f[1] for f in found)


@law
@given(st.data())
def test_a_legs_stated_line_is_its_share_of_the_headroom_but_for_whole_units(venue: str, data: st.DataObject) -> None:
    if not rulebook_of(venue).rules.STATES_LINES:
        pytest.skip(f"{venue}: no lines are stated")
    account, marks = data.draw(accounts(venue))
    rules = rulebook_of(venue).rules
    with exact(60):
        layout, column = laid_out(venue, account, marks)
        for pool in layout.pools:
            for leg in pool.legs:
                market, price = layout.markets[leg.market], column[leg.market]
                line = rules.headroom_line(leg, price, market)
                alone = Pool(D(0), (leg,), D(0), 0, D(0), D(0), D(0), D(0), D(0))
                margin = rules.assess_pool(alone, column, layout.markets)
                stated = line.base + line.slope * (1 / price if market.inverse else price)
                room = in_whole_units(leg, market) + LAST_DIGIT * (margin.scale + abs(line.base))
                assert abs(stated - (margin.balance - margin.requirement)) <= room


@law
@given(st.data())
def test_a_stated_liquidation_price_is_where_the_pool_loses_its_last_whole_unit_a_lot(
    venue: str, data: st.DataObject
) -> None:
    """Where a venue rounds value by lots, headroom is a staircase: half a unit a lot worse than at the price the pool fails,
    half a unit a lot better it holds; under every way of reckoning that the table dates, tiers held."""
    if not rulebook_of(venue).rules.PRICES_STATED:
        pytest.skip(f"{venue}: prices follow from the headroom itself")
    account, marks = data.draw(accounts(venue))
    rulebook = data.draw(st.sampled_from(under_regimes(rulebook_of(venue))))
    view = assess(account, marks, rulebook, Prices.OWN)
    with exact():
        layout = lay_out(account, rulebook)
        column = mark_column(layout, marks.marks, marks.indexes)
        for spec, pool in zip(layout.specs, layout.pools, strict=True):
            for key, leg in zip(spec.legs, pool.legs, strict=True):
                price = next(v.liquidation_price for v in view.legs if (v.symbol, v.mode, v.side) == key)
                if price is None:
                    continue
                markets = held_brackets(rulebook.rules, pool, column, layout.markets)
                market = markets[leg.market]
                lot, half = market.lot or abs(leg.amount), market.unit * D("0.5000001")
                worth = lot / price if market.inverse else lot * price
                gains = (leg.amount > 0) != market.inverse
                for better in (False, True):
                    each = worth + (half if better == gains else -half)
                    if each <= 0:
                        continue
                    moved = list(column)
                    moved[leg.market] = lot / each if market.inverse else each / lot
                    margin = rulebook.rules.assess_pool(pool, moved, markets)
                    assert rulebook.rules.is_liquidatable(margin.balance, margin.requirement) is not better


@law
@given(st.data())
def test_a_legs_stated_line_is_its_share_of_the_headroom(venue: str, data: st.DataObject) -> None:
    """The line that the solver rides on says the same as the sums that decide: at every price, on every row."""
    if not rulebook_of(venue).rules.STATES_LINES:
        pytest.skip(f"{venue}: no lines are stated")
    account, marks = data.draw(accounts(venue))
    rules = rulebook_of(venue).rules
    with exact(60):
        layout, column = laid_out(venue, account, marks)
        for pool in layout.pools:
            for leg in pool.legs:
                market, price = layout.markets[leg.market], column[leg.market]
                line = rules.headroom_line(leg, price, market)
                alone = Pool(D(0), (leg,), D(0), 0, D(0), D(0), D(0), D(0), D(0))
                margin = rules.assess_pool(alone, column, layout.markets)
                stated = line.base + line.slope * (1 / price if market.inverse else price)
                assert same(stated, margin.balance - margin.requirement, margin.scale + abs(line.base))


@law
@given(st.data())
def test_a_reduction_never_raises_the_requirement(venue: str, data: st.DataObject) -> None:
    check_reduction(venue, data, *data.draw(accounts(venue)))


@law
@given(st.data())
def test_a_reduction_in_one_way_mode_never_raises_the_requirement(venue: str, data: st.DataObject) -> None:
    check_reduction(venue, data, *data.draw(accounts(venue).filter(lambda drawn: not is_hedged(drawn[0]))))


def is_hedged(account: Account) -> bool:
    return account.position_mode is PositionMode.HEDGE


def check_reduction(venue: str, data: st.DataObject, account: Account, marks: Marks) -> None:
    i = data.draw(st.integers(0, len(account.positions) - 1))
    held = account.positions[i]
    instrument = rulebook_of(venue).instruments[held.symbol]
    with exact():
        lots = int(abs(held.size) / (instrument.lot or D(1)))
        left = data.draw(st.integers(1, lots)) * (instrument.lot or D(1))
        if instrument.kind is Kind.SPOT:
            check_sale(venue, account, marks, i, abs(held.size) - left)
            return
        kept = left if held.size > 0 else -left
        closed = (held.size - kept) * instrument.multiplier
        pnl = rulebook_of(venue).rules.unrealised_pnl
        realised = pnl(closed, held.entry_price, marks.marks[held.symbol], instrument.kind is Kind.INVERSE)
        booked = realised if held.mode is MarginMode.CROSS else D(0)
        cash = {**account.cash, instrument.settle: account.cash[instrument.settle] + booked}
    smaller = msgspec.structs.replace(with_position(account, i, size=kept), cash=cash)
    before = pools(venue, account, marks)
    for key, pool in pools(venue, smaller, marks).items():
        room = jump(venue, instrument.brackets) + (LAST_DIGIT * pool.scale if key == "account" else D(0))
        assert pool.requirement <= before[key].requirement + room
        assert pool.initial_margin <= before[key].initial_margin + room


def check_sale(venue: str, account: Account, marks: Marks, i: int, closed: Decimal) -> None:
    """Coins sold or bought back at their mark, which is their worth, repay debts: nothing needs more margin for it, nothing is
    worth less."""
    held = account.positions[i]
    no_rates = dict.fromkeys(account.interest_rates, D(0))  # or what is bought back on credit costs its first hour
    free = msgspec.structs.replace(account, fees=Fees(D(0), D(0)), interest_rates=no_rates)
    side, price = "sell" if held.size > 0 else "buy", marks.marks[held.symbol]
    at_worth = moved(venue, marks, {held.symbol: price})
    before = pools(venue, free, at_worth)
    inside, base = (account if held.coins is None else held), rulebook_of(venue).instruments[held.symbol].base
    backed = held.size > 0 or inside.borrowed.get(base, D(0)) >= closed
    if closed == 0 or not backed or any(pool.liquidatable for pool in before.values()):
        return
    fill = Fill(held.symbol, side, closed, price, "taker", held.mode, held.side)
    after = decide(State(free, at_worth), fill, Venue(rulebook_of(venue)))
    if after.reject is not None:  # what is bought back is paid with money that is lent at unknown terms
        assert after.reject.reason is Reason.NOT_OFFERED
        return
    for key, pool in pools(venue, after.state.account, at_worth).items():
        assert pool.requirement <= before[key].requirement + LAST_DIGIT * pool.scale + D("1e-15")
        assert pool.margin_balance >= before[key].margin_balance - LAST_DIGIT * pool.scale - D("1e-12")


@law
@given(st.data())
def test_isolated_pools_do_not_feel_each_other(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    i = data.draw(st.integers(0, len(account.positions) - 1))
    other = at_entry(venue, account, i, data.draw(prices()))
    after = pools(venue, other, marks)
    held = leg_key(account.positions[i])
    views = assess(other, marks, rulebook_of(venue), Prices.NONE).legs
    own = next(leg.pool for leg in views if (leg.symbol, leg.mode, leg.side) == held)
    for key, pool in pools(venue, account, marks).items():
        if key != own:
            assert after[key] == pool


@law
@given(st.data())
def test_an_isolated_pool_feels_no_other_position(venue: str, data: st.DataObject) -> None:
    """Nor does any pool feel what happens inside another's wall."""
    account, marks = data.draw(accounts(venue))
    i = data.draw(st.integers(0, len(account.positions) - 1))
    other = at_entry(venue, account, i, data.draw(prices()))
    held = leg_key(account.positions[i])
    view = assess(other, marks, rulebook_of(venue), Prices.NONE)
    own = next(leg.pool for leg in view.legs if (leg.symbol, leg.mode, leg.side) == held)
    moved = {pool.key: pool for pool in view.pools}
    for key, pool in pools(venue, account, marks).items():
        if key != own and (pool.isolated or held.mode is MarginMode.ISOLATED):
            assert moved[key] == pool


@law
@given(st.data())
def test_a_cross_position_pulls_the_others_of_its_pool_down_with_it(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue, modes=(MarginMode.CROSS,)))
    account = msgspec.structs.replace(account, fees=Fees(D(0), D(0)))  # a fee kept for closing may shrink with the entry
    i = data.draw(st.integers(0, len(account.positions) - 1))
    held = account.positions[i]
    instrument = rulebook_of(venue).instruments[held.symbol]
    lot, price = (instrument.lot or D(1)) * instrument.multiplier, held.entry_price * 2
    assume((lot / price if instrument.kind is Kind.INVERSE else lot * held.entry_price / 2) > 2 * (instrument.unit or 0))
    worse = at_entry(venue, account, i, held.entry_price * (2 if held.size > 0 else D("0.5")))
    views = assess(account, marks, rulebook_of(venue), Prices.NONE).legs
    shared = next(leg.pool for leg in views if leg.symbol == held.symbol)
    before, after = (pools(venue, a, marks)[shared].headroom for a in (account, worse))
    if shared == "account":  # beyond its last slice a coin counts nothing, so that losing some of it costs nothing
        assert after <= before
    else:
        assert after < before


@law
@given(st.data())
def test_a_cross_position_that_loses_more_leaves_less_of_its_cash(venue: str, data: st.DataObject) -> None:
    """Even where a running profit is nobody's to use, a loss is everybody's."""
    account, marks = data.draw(accounts(venue, modes=(MarginMode.CROSS,)))
    account = msgspec.structs.replace(account, fees=Fees(D(0), D(0)))
    i = data.draw(st.integers(0, len(account.positions) - 1))
    held, mark = account.positions[i], marks.marks[account.positions[i].symbol]
    losing, worse = (
        at_entry(venue, account, i, mark * times if held.size > 0 else mark / times) for times in (D(2), D(4))
    )
    more, less = pools(venue, losing, marks), pools(venue, worse, marks)
    if "account" in more:  # beyond its last slice a coin counts nothing, so that losing some of it costs nothing
        assert less["account"].headroom <= more["account"].headroom
    else:
        asset = f"asset:{rulebook_of(venue).instruments[held.symbol].settle}"
        assert less[asset].headroom < more[asset].headroom


@law
@given(st.data())
def test_asking_twice_changes_nothing(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(on_boundaries(venue))
    before = msgspec.json.encode((account, marks))
    assert assess(account, marks, rulebook_of(venue)) == assess(account, marks, rulebook_of(venue))
    assert msgspec.json.encode((account, marks)) == before


@law
@given(st.data())
def test_the_decimal_context_of_the_host_program_does_not_matter(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    wide = assess(account, marks, rulebook_of(venue))
    with localcontext() as context:
        context.prec = 5
        assert assess(account, marks, rulebook_of(venue)) == wide
        assert context.prec == 5


@law
def test_a_date_without_a_table_raises(venue: str) -> None:
    symbol = symbols_of(venue)[0]
    with pytest.raises(RulebookGap, match="1999-01-01"):
        in_force(load(venue), date(1999, 1, 1), Policy.IN_FORCE, [symbol])
    assert symbol in in_force(load(venue), date(1999, 1, 1), Policy.NEAREST, [symbol]).instruments
