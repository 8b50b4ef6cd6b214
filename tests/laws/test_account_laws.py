"""What holds for the life of every account, whatever is asked of it and whatever the world does to it."""

from collections import Counter
from decimal import Decimal

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st
from lawbook import law

from plimsoll.account.commands import SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.events import Reduced, ShortfallCovered, TakenOver
from plimsoll.account.state import State, Venue
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.pools import lay_out
from plimsoll.model import Account, Kind, LegKey, LegSide, MarginMode
from random_accounts import D, accounts, on_boundaries, rulebook_of
from random_commands import abandoned, live, worlds


def across(leg: LegKey) -> LegKey:
    """The other leg of a symbol in hedge mode."""
    return leg._replace(side=LegSide.SHORT if leg.side is LegSide.LONG else LegSide.LONG)


def money_everywhere(state: State, venue: str) -> dict[str, Decimal]:
    """Asset -> all there is: cash and the walls, less what is owed outside and inside them, and what the rest of the world has
    gained."""
    total: Counter[str] = Counter()
    account, instruments = state.account, rulebook_of(venue).instruments
    walls = [{instruments[p.symbol].settle: p.isolated_margin} for p in account.positions if p.coins is None]
    walls += [p.coins for p in account.positions if p.coins is not None]
    for there in (account.cash, *walls):
        total.update(there)
    for owed in (account.borrowed, account.interest, *(side for p in account.positions for side in (p.borrowed, p.interest))):
        total.subtract(owed)
    for key, amount in state.world.items():
        total[key.rpartition("|")[2]] += amount
    return {asset: amount for asset, amount in total.items() if amount != 0}


@law
@given(st.data())
def test_no_money_appears_or_vanishes(venue: str, data: st.DataObject) -> None:
    life = live(data, venue)
    opening = money_everywhere(life.states[0], venue)
    for state in life.states:
        assert money_everywhere(state, venue) == opening


@law
@given(st.data())
def test_no_balance_falls_below_zero_where_debts_stand_apart(venue: str, data: st.DataObject) -> None:
    """What is not there is lent: beside it, and not by letting it go below zero, which only the loss of a contract does.
    Nothing that is owed is negative anywhere."""
    book = rulebook_of(venue)
    apart = book.rules.DEBTS == "apart" and all(i.kind is Kind.SPOT for i in book.instruments.values())
    for state in live(data, venue).states[1:]:
        walls = [p for p in state.account.positions if p.coins is not None]
        for inside in (state.account, *walls):
            assert all(amount >= 0 for side in (inside.borrowed, inside.interest) for amount in side.values())
        assert all(amount >= 0 for p in walls for amount in (p.coins or {}).values())
        assert not apart or all(amount >= 0 for amount in state.account.cash.values())


@law
@given(st.data())
def test_every_events_postings_sum_to_zero_per_asset(venue: str, data: st.DataObject) -> None:
    for event in live(data, venue).journal:
        total: Counter[str] = Counter()
        for posting in event.postings:
            total[posting.asset] += posting.amount
        assert all(amount == 0 for amount in total.values()), event


@law
@given(st.data())
def test_funding_of_a_cross_leg_is_the_cashs_whatever_is_free(venue: str, data: st.DataObject) -> None:
    """It has no money of its own."""
    account, _ = data.draw(accounts(venue))
    paid, free = data.draw(st.decimals(-1000, 1000, places=8)), data.draw(st.decimals(0, 1000, places=8))
    for pool in lay_out(account, rulebook_of(venue)).pools:
        for leg in pool.legs:
            if not leg.isolated:
                assert rulebook_of(venue).rules.funding_split(paid, leg, free) == (paid, 0)


@law
@given(st.data())
def test_after_a_command_no_pool_is_left_under_water(venue: str, data: st.DataObject) -> None:
    life = live(data, venue)
    for state, refused in zip(life.states[1:], life.rejects, strict=True):
        if refused is None:
            view = assess(state.account, state.marks, rulebook_of(venue), Prices.NONE)
            assert not any(pool.liquidatable for pool in view.pools)


@law
@given(st.data())
def test_after_a_command_a_pool_under_water_is_one_that_the_venue_waits_with(venue: str, data: st.DataObject) -> None:
    life = live(data, venue)
    for state, refused in zip(life.states[1:], life.rejects, strict=True):
        assert refused is not None or not abandoned(state, life.world)


@law
@given(st.data())
def test_the_same_question_has_the_same_answer(venue: str, data: st.DataObject) -> None:
    life = live(data, venue, 8)
    for before, command, after in zip(life.states, life.commands, life.states[1:], strict=False):
        kept = msgspec.json.encode(before)
        assert decide(before, command, life.world).state == after
        assert msgspec.json.encode(before) == kept


@law
@given(st.data())
def test_the_same_prices_again_change_nothing(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(on_boundaries(venue))
    world = Venue(rulebook_of(venue), data.draw(worlds(venue)))
    first = decide(State(account, marks), SetMarks(marks.marks), world)
    assert first.reject is None
    again = decide(first.state, SetMarks(marks.marks), world)
    assert again.state == first.state and len(again.events) == 1


def owes(account: Account) -> bool:
    """Whether there is a debt, which the coins behind it may have to pay whatever becomes of isolated positions."""
    return bool(account.borrowed) or any(amount < 0 for amount in account.cash.values())


@law
@given(st.data())
def test_an_isolated_pool_never_loses_more_than_was_assigned_to_it(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue, modes=(MarginMode.ISOLATED,)))
    assume(not owes(account))
    share = D(data.draw(st.integers(1, 4000))) / 1000
    crash = {symbol: max(D("0.01"), mark * share) for symbol, mark in marks.marks.items()}
    after = decide(State(account, marks), SetMarks(crash), Venue(rulebook_of(venue), data.draw(worlds(venue)))).state
    for asset, cash in account.cash.items():
        assert after.account.cash[asset] >= cash


@law
@given(st.data())
def test_a_liquidated_trader_owes_nothing(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    share = D(data.draw(st.integers(1, 4000))) / 1000
    crash = {symbol: max(D("0.01"), mark * share) for symbol, mark in marks.marks.items()}
    after = decide(State(account, marks), SetMarks(crash), Venue(rulebook_of(venue), data.draw(worlds(venue)))).state
    held = {rulebook_of(venue).instruments[p.symbol].settle for p in after.account.positions if p.mode is MarginMode.CROSS}
    for asset, cash in after.account.cash.items():
        assert cash >= 0 or asset in held


@law
@given(st.data())
def test_a_liquidated_trader_owes_nothing_in_a_pool_of_one_asset(venue: str, data: st.DataObject) -> None:
    """Whatever may be owed where other coins stand behind it."""
    account, marks = data.draw(accounts(venue))
    specs = rulebook_of(venue).rules.pools_of(account, rulebook_of(venue).instruments)
    share = D(data.draw(st.integers(1, 4000))) / 1000
    crash = {symbol: max(D("0.01"), mark * share) for symbol, mark in marks.marks.items()}
    after = decide(State(account, marks), SetMarks(crash), Venue(rulebook_of(venue), data.draw(worlds(venue)))).state
    held = {rulebook_of(venue).instruments[p.symbol].settle for p in after.account.positions if p.mode is MarginMode.CROSS}
    once = {rulebook_of(venue).instruments[p.symbol].settle for p in account.positions}
    for spec in specs:
        if not spec.assets and spec.asset in once - held and account.cash[spec.asset] >= 0:
            assert after.account.cash[spec.asset] >= 0


@law
@given(st.data())
def test_each_step_of_a_ladder_leaves_less_and_the_ladder_ends(venue: str, data: st.DataObject) -> None:
    state, _ = taken_down(venue, data)
    assert not assess_fails(state, venue)


@law
@given(st.data())
def test_each_step_of_a_ladder_leaves_less(venue: str, data: st.DataObject) -> None:
    taken_down(venue, data)


@law
@given(st.data())
def test_each_step_of_a_ladder_leaves_less_until_the_venue_waits(venue: str, data: st.DataObject) -> None:
    assert not abandoned(*taken_down(venue, data))


def taken_down(venue: str, data: st.DataObject) -> tuple[State, Venue]:
    """An account after the ladders of its pools. Reductions only shrink a leg; a leg that was taken over is gone, but for what
    the opposite leg of its symbol balances; every shortfall is covered to the last unit."""
    account, marks = data.draw(on_boundaries(venue))
    world = Venue(rulebook_of(venue), data.draw(worlds(venue)))
    decision = decide(State(account, marks), SetMarks(marks.marks), world)
    sizes = {LegKey(p.symbol, p.mode, p.side): abs(p.size) for p in account.positions}
    for event in decision.events:
        if isinstance(event, (Reduced, TakenOver)):
            left = abs(event.position.size)
            assert left == sizes[event.leg] - event.size < sizes[event.leg]
            opposite = D(0) if event.leg.side is LegSide.NET else sizes.get(across(event.leg), D(0))
            assert isinstance(event, Reduced) or left in (D(0), opposite)
            sizes[event.leg] = left
        if isinstance(event, ShortfallCovered):
            assert event.from_fund >= 0 and event.from_counterparties >= 0
    return decision.state, world


@law
@given(st.data())
def test_what_is_left_under_water_has_money_and_nobody_takes_it(venue: str, data: st.DataObject) -> None:
    """Where the market fills at the mark nothing is left; where it does not, what is left can still pay for itself."""
    account, marks = data.draw(on_boundaries(venue))
    world = Venue(rulebook_of(venue), data.draw(worlds(venue)))
    after = decide(State(account, marks), SetMarks(marks.marks), world).state
    view = assess(after.account, after.marks, rulebook_of(venue), Prices.NONE)
    legs = {leg.name: leg for leg in view.legs}
    for pool in view.pools:
        for leg in [legs[name] for name in pool.legs if pool.liquidatable]:
            fill = world.environment.liquidation_fill.get(leg.symbol, leg.mark)
            assert fill is None or (fill - leg.mark) * leg.size < 0
            assert pool.margin_balance >= 0


def assess_fails(state: State, venue: str) -> bool:
    view = assess(state.account, state.marks, rulebook_of(venue), Prices.NONE)
    return any(pool.liquidatable for pool in view.pools)
