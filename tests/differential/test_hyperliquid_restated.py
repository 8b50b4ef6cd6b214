"""The Hyperliquid rulebook against an independent restatement in whole fractions: margins, what may leave, prices, and what
becomes of a position from one price to the next, second by second."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hyperliquid_restated import Alone, Restated, Said, leg_of, pools_of
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.account.commands import SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.margin.assess import Prices, assess
from plimsoll.model import Account, Fees, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.rulebook import Rulebook, with_readings
from plimsoll.verify.cases import account_of, instruments_of, parse_case, read_cases
from random_accounts import D, accounts, on_boundaries, rulebook_of

VENUE = "hyperliquid"
GOLDEN = Path(__file__).parents[1] / "golden" / "hyperliquid.json"
CLOSE = Fraction(1, 10**22)
"""Tables write a thirtieth and a sixth with 24 digits."""
START = datetime(2026, 7, 2, tzinfo=UTC)


def near(got: Decimal, truth: Fraction, scale: Fraction) -> bool:
    return abs(Fraction(got) - truth) <= CLOSE * scale


def scale_of(pool: Restated) -> Fraction:
    return abs(pool.money) + sum((leg.q * (leg.mark + leg.entry) for leg in pool.legs), Fraction(1, 10**6))


@given(st.data())
def test_margins_the_trigger_and_what_may_leave_are_those_of_the_restatement(data: st.DataObject) -> None:
    account, marks = data.draw(st.one_of(accounts(VENUE), on_boundaries(VENUE)))
    view = assess(account, marks, rulebook_of(VENUE), Prices.NONE)
    truths = pools_of(account, marks, rulebook_of(VENUE).instruments)
    assert len(view.pools) == len(truths)
    for pool, truth in zip(view.pools, truths, strict=True):
        scale = scale_of(truth)
        assert near(pool.margin_balance, truth.value(), scale)
        assert near(pool.requirement, truth.maintenance(), scale)
        assert near(pool.initial_margin, truth.initial(), scale)
        assert pool.liquidatable == truth.fails() or abs(truth.value() - truth.maintenance()) <= CLOSE * scale
    (asset,) = view.assets
    assert near(asset.withdrawable, truths[0].may_leave(), scale_of(truths[0]))


@given(st.data())
def test_liquidation_prices_are_those_of_the_sheets_formula(data: st.DataObject) -> None:
    account, marks = data.draw(st.one_of(accounts(VENUE), on_boundaries(VENUE)))
    view = assess(account, marks, rulebook_of(VENUE), Prices.OWN)
    truths = pools_of(account, marks, rulebook_of(VENUE).instruments)
    for pool, truth in zip(view.pools, truths, strict=True):
        headroom, scale = truth.value() - truth.maintenance(), scale_of(truth)
        if abs(headroom) <= CLOSE * scale:
            continue
        for leg in (leg for leg in view.legs if leg.pool == pool.key):
            own = next(x for x in truth.legs if x.symbol == leg.symbol)
            ours = sorted({Fraction(p) for p in (leg.liquidation_price, leg.other_liquidation_price) if p is not None})
            theirs = truth.liquidation_prices(leg.symbol)
            if headroom > 0:
                theirs = [p for p in theirs if p < own.mark][-1:] + [p for p in theirs if p > own.mark][:1]
                assert len(ours) == len(theirs), leg.name
                assert all(alike(a, b, scale / own.q) for a, b in zip(ours, theirs, strict=True))
            else:
                assert all(any(alike(a, b, scale / own.q) for b in theirs) for a in ours)


def alike(a: Fraction, b: Fraction, each: Fraction) -> bool:
    """Equal but for the last digits of sums that move the price of a unit by `each`."""
    return abs(a - b) <= CLOSE * max(b, each)


@pytest.mark.parametrize("id", ["ft-05-eth-long-2x", "cross-btc-202510", "ft-08-eth-short-2x"])
def test_the_restatement_finds_the_prices_that_the_venue_printed(id: str) -> None:
    case = parse_case(next(raw for raw in read_cases(GOLDEN) if raw.id == f"{VENUE}-{id}"))
    account = account_of(case, rulebook_of(VENUE).rules)
    (pool,) = [pool for pool in pools_of(account, Marks(case.marks), instruments_of(case)) if pool.legs]
    ((printed, room),) = [(e.value, e.tolerance) for e in case.expect if e.quantity == "liquidation_price"]
    (found,) = pool.liquidation_prices(pool.legs[0].symbol)
    assert abs(found - Fraction(str(printed))) <= Fraction(room)


@given(st.data())
def test_from_price_to_price_a_position_becomes_what_the_restatement_makes_of_it(data: st.DataObject) -> None:
    """Small and large positions, seconds and minutes apart, under every reading of the pause, the vault and the fee."""
    size, share, side = data.draw(st.integers(1, 6000)), data.draw(st.integers(5, 60)), data.draw(st.sampled_from([1, -1]))
    mode, taker = data.draw(st.sampled_from(list(MarginMode))), D("0.00045")
    money = (D(size) * 100 * share / 1000).quantize(D("0.01"))
    entry = Position("LTC", mode, LegSide.NET, D(size) * side, D(100), D(10), money if mode is MarginMode.ISOLATED else D(0))
    cash = {"USDC": D(0) if mode is MarginMode.ISOLATED else money}
    book, said = read(data)
    state = State(Account(PositionMode.ONE_WAY, cash, (entry,), fees=Fees(D(0), taker)), Marks({"LTC": D(100)}, time=START))
    ltc = book.instruments["LTC"]
    assert ltc.lot is not None
    alone = Alone(Fraction(money), leg_of(entry, state.marks, ltc)._replace(money=None), None)
    price, now = D(100), 0
    for _ in range(data.draw(st.integers(1, 12))):
        price += D(data.draw(st.integers(-300, 150))) / 100 * side
        now += data.draw(st.sampled_from([1, 5, 29, 30, 31, 120]))
        state = decide(state, SetMarks({"LTC": price}, {}, {}, START + timedelta(seconds=now)), Venue(book)).state
        alone = alone.at(Fraction(price), Fraction(now), Fraction(ltc.lot), said)
        held = state.account.positions
        assert (abs(Fraction(held[0].size)) if held else 0) == alone.leg.q
        assert near(state.account.cash["USDC"] + sum((p.isolated_margin for p in held), D(0)), alone.money, Fraction(10**9))
        assert [p.part_sold is not None for p in held] == ([alone.sold is not None] if held else [])


def read(data: st.DataObject) -> tuple[Rulebook, Said]:
    """The rulebook under some reading, and the same for the restatement."""
    pause = data.draw(st.sampled_from(["wait_then_whole", "whole_within"]))
    backstop = data.draw(st.sampled_from(["at_once", "book_first"]))
    fee = data.draw(st.sampled_from(["taker_rate", "none"]))
    book = with_readings(rulebook_of(VENUE), {"pause": pause, "backstop": backstop, "forced_fee": fee})
    taker = Fraction("0.00045") if fee == "taker_rate" else Fraction(0)
    return book, Said(pause == "wait_then_whole", backstop == "at_once", taker)
