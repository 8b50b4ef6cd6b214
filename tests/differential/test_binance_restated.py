"""The Binance rulebook against an independent restatement in whole fractions: margins, the trigger, liquidation prices."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from binance_restated import Restated, liquidation_prices, pools_of
from hypothesis import given

from plimsoll.margin.assess import Prices, assess
from plimsoll.model import Account, Marks
from plimsoll.verify.cases import account_of, instruments_of, parse_case, read_cases
from random_accounts import accounts, on_boundaries, rulebook_of

VENUE = "binance_usdm"
GOLDEN = Path(__file__).parents[1] / "golden" / f"{VENUE}.json"
CLOSE = Fraction(1, 10**24)


def near(got: Decimal, truth: Fraction, scale: Fraction) -> bool:
    return abs(Fraction(got) - truth) <= CLOSE * scale


def scale_of(pool: Restated) -> Fraction:
    return abs(pool.money) + sum((leg.q * (pool.marks[leg.symbol] + leg.ep) for leg in pool.legs), Fraction(1, 10**6))


@given(accounts(VENUE))
def test_margins_and_the_trigger_are_those_of_the_restatement(drawn: tuple[Account, Marks]) -> None:
    account, marks = drawn
    rulebook = rulebook_of(VENUE)
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


def check_prices(account: Account, marks: Marks) -> None:
    """Our prices are those that the closed formula finds, the nearest on each side of the mark; of a pool under water,
    one of them."""
    rulebook = rulebook_of(VENUE)
    view = assess(account, marks, rulebook, Prices.OWN)
    truths = pools_of(account, marks, rulebook.instruments)
    for pool, truth in zip(view.pools, truths, strict=True):
        headroom, scale = truth.balance() - truth.maintenance(), scale_of(truth)
        if abs(headroom) <= CLOSE * scale:
            continue
        for leg in (leg for leg in view.legs if leg.pool == pool.key):
            each = scale / Fraction(abs(leg.size))
            ours = sorted({Fraction(p) for p in (leg.liquidation_price, leg.other_liquidation_price) if p is not None})
            theirs = sorted(liquidation_prices(truth, leg.symbol))
            if headroom > 0:
                mark = Fraction(leg.mark)
                theirs = [p for p in theirs if p < mark][-1:] + [p for p in theirs if p > mark][:1]
                assert len(ours) == len(theirs), leg.name
                assert all(close(a, b, each) for a, b in zip(ours, theirs, strict=True))
            else:
                assert all(any(close(a, b, each) for b in theirs) for a in ours)


def close(a: Fraction, b: Fraction, each: Fraction) -> bool:
    """Equal but for the last digits of sums as large as `each` per unit held."""
    return abs(a - b) <= CLOSE * max(b, each)


@given(accounts(VENUE))
def test_liquidation_prices_are_those_of_the_closed_formula(drawn: tuple[Account, Marks]) -> None:
    check_prices(*drawn)


@given(on_boundaries(VENUE))
def test_liquidation_prices_are_those_of_the_closed_formula_on_boundaries(drawn: tuple[Account, Marks]) -> None:
    check_prices(*drawn)


def test_the_restatement_finds_the_prices_that_the_venue_printed() -> None:
    raw = next(raw for raw in read_cases(GOLDEN) if raw.id == "usdm-cross-two-longs-faq")
    case = parse_case(raw)
    account = account_of(case, rulebook_of(VENUE).rules)
    (pool,) = pools_of(account, Marks(case.marks), instruments_of(case))
    printed = {e.of: e.value for e in case.expect if e.quantity == "displayed_liquidation_price"}
    assert len(printed) == 2
    for symbol, price in printed.items():
        assert any(abs(found - Fraction(price)) <= Fraction(1, 100) for found in liquidation_prices(pool, symbol))
