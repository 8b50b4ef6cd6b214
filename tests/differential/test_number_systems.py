"""One text, three number systems: what Decimal decides, Fraction confirms and compiled float64 repeats, except where the
decision is too close to call; and there the closeness shows it."""

import math
from collections.abc import Callable, Iterator
from decimal import Decimal, Inexact, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import astuple, replace

from plimsoll.array.compile import (
    Compiled,
    compile_rule,
    compile_rules,
    float_column,
    float_legs,
    float_markets,
    float_pool,
    rule_functions,
    twin,
)
from plimsoll.law import law_modules
from plimsoll.margin.assess import mark_column
from plimsoll.margin.pools import Layout, lay_out, market_of
from plimsoll.model import Account, Fees, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.number import EXACT, ceil_to, exact, floor_to, half_up_to
from plimsoll.rulebook import Rulebook, all_readings
from plimsoll.rules.columns import WAIT, Market, Pool, PoolMargin, Step
from random_accounts import VENUES, D, accounts, laid_out, marks_at, on_boundaries, options_of, rulebook_of, under_regimes

BAND = 1e-12
"""Closeness, as a share of gross size, within which the engines may decide differently."""

Both = tuple[Rulebook, Layout, tuple[Decimal, ...]]


def fractions(record: Any) -> Any:
    """A record of Decimals, and all inside it, as Fractions."""
    if isinstance(record, Decimal):
        return Fraction(record)
    if isinstance(record, Struct):
        return type(record)(*(fractions(x) for x in astuple(record)))
    if isinstance(record, (tuple, list)):
        return tuple(fractions(x) for x in record)
    return record


def drawn(venue: str, data: st.DataObject) -> Both:
    """Any account, on a boundary or not, under any reading of the unpublished steps and any dated way of reckoning."""
    account, marks = data.draw(st.one_of(accounts(venue), on_boundaries(venue)))
    rulebook = data.draw(st.sampled_from(all_readings(rulebook_of(venue))))
    rulebook = data.draw(st.sampled_from(under_regimes(rulebook)))
    layout = lay_out(account, rulebook)
    return rulebook, layout, mark_column(layout, marks.marks, marks.indexes)


def gross(pool: Pool[Decimal], margin: PoolMargin[Decimal]) -> Decimal:
    """The size of the sums: values, cash, and the profits, which may be larger than both."""
    return margin.scale + abs(margin.balance) + sum((abs(leg.margin) for leg in pool.legs), D(0))


def closeness(margin: PoolMargin[Decimal]) -> float:
    return float(abs(margin.balance - margin.requirement) / margin.scale) if margin.scale else 1.0


@pytest.mark.parametrize("venue", VENUES)
@given(st.data())
def test_decimal_is_exact_where_no_digit_is_lost_and_right_to_30_digits_elsewhere(
    venue: str, data: st.DataObject
) -> None:
    with exact():
        rulebook, layout, column = drawn(venue, data)
    for pool in layout.pools:
        with localcontext(EXACT) as context:
            margin = rulebook.rules.assess_pool(pool, column, layout.markets)
            lossless = not context.flags[Inexact]
        truth = rulebook.rules.assess_pool(fractions(pool), fractions(column), fractions(layout.markets))
        room = Fraction(0) if lossless else Fraction(gross(pool, margin)) / 10**30
        for ours, theirs in zip(astuple(margin), astuple(truth), strict=True):
            assert abs(Fraction(ours) - theirs) <= room


@pytest.mark.parametrize("venue", VENUES)
@given(st.data())
def test_float_repeats_the_margins_and_the_decision_unless_it_is_close(venue: str, data: st.DataObject) -> None:
    with exact():
        rulebook, layout, column = drawn(venue, data)
        compiled, marks, markets = compile_rules(venue), float_column(column), float_markets(layout.markets)
        for pool in layout.pools:
            exactly = rulebook.rules.assess_pool(pool, column, layout.markets)
            floating = compiled.assess_pool(float_pool(pool), marks, markets)
            scale = float(gross(pool, exactly))
            for ours, theirs in zip(astuple(exactly), floating, strict=True):
                assert abs(float(ours) - theirs) <= BAND * scale
            fails = rulebook.rules.is_liquidatable(exactly.balance, exactly.requirement)
            assert compiled.is_liquidatable(floating.balance, floating.requirement) == fails or closeness(exactly) < BAND


def step_of(
    both: Both, pool: Pool[Decimal], column: tuple[Decimal, ...], fills: tuple[Decimal, ...], stage: int
) -> Step[Decimal]:
    rulebook, layout, _ = both
    margin = rulebook.rules.assess_pool(pool, column, layout.markets)
    return rulebook.rules.next_step(stage, pool, margin, column, fills, layout.markets, rulebook.reading)


def float_step(
    compiled: Compiled, both: Both, pool: Pool[Decimal], fills: tuple[Decimal, ...], stage: int
) -> Step[float]:
    rulebook, layout, column = both
    marks, markets, records = float_column(column), float_markets(layout.markets), float_pool(pool)
    margin = compiled.assess_pool(records, marks, markets)
    return compiled.next_step(stage, records, margin, marks, float_column(fills), markets, rulebook.reading)


def alike(a: Step[Any], b: Step[Any]) -> bool:
    """Same act on the same legs for the same amount (a price or an amount may differ in its last digits; seconds that are
    waited, a difference of two times, in those of a second)."""
    same = (a.kind, a.leg, a.other) == (b.kind, b.leg, b.other)
    room = 1.0 if a.kind == WAIT else abs(float(a.amount))
    return same and abs(float(a.amount) - float(b.amount)) <= 1e-9 * room


def nudged(both: Both, pool: Pool[Decimal], fills: tuple[Decimal, ...]) -> Iterator[tuple[Any, ...]]:
    """The same question a hair's breadth away, in each number that decides: cash, marks, fills, entries, amounts."""
    column = both[2]
    hair = D("1e-11")
    size = abs(pool.cash) + sum((abs(leg.amount * column[leg.market]) for leg in pool.legs), D(0))
    for sign in (-1, 1):
        yield replace(pool, cash=pool.cash + sign * hair * size), column, fills
        for i in range(len(column)):
            for marks_too in (True, False):
                moved = tuple(m * (1 + sign * hair) if n == i and marks_too else m for n, m in enumerate(column))
                filled = tuple(f * (1 + sign * hair) if n == i else f for n, f in enumerate(fills))
                yield pool, moved, filled
        for i, leg in enumerate(pool.legs):
            for other in (
                replace(leg, entry=leg.entry * (1 + sign * hair)),
                replace(leg, amount=leg.amount * (1 + sign * hair)),
            ):
                yield replace(pool, legs=(*pool.legs[:i], other, *pool.legs[i + 1 :])), column, fills


@pytest.mark.parametrize("venue", VENUES)
@given(st.data())
def test_float_takes_the_same_step_unless_a_hairs_breadth_decides(venue: str, data: st.DataObject) -> None:
    with exact():
        both = drawn(venue, data)
        worse = data.draw(st.sampled_from([D(1), D(1), D("0.999"), D("1.001"), D("0.9"), D(0)]))
        fills = tuple(mark * worse for mark in both[2])
        stage = data.draw(st.sampled_from([0, 1, 1, 1, 2, 3]))
        poorer = D(data.draw(st.integers(0, 120))) / 1000
        for pool in both[1].pools:
            size = sum((leg.initial_rate * abs(leg.amount) for leg in pool.legs), D(0))
            since = data.draw(st.sampled_from([D(0), D("29.999999"), D(30), D(45)]))
            legs = tuple(leg if leg.since < 0 else replace(leg, since=since) for leg in pool.legs)
            pool = replace(pool, cash=pool.cash - poorer * size, legs=legs)
            exactly = step_of(both, pool, both[2], fills, stage)
            floating = float_step(compile_rules(venue), both, pool, fills, stage)
            if alike(exactly, floating):
                assert abs(float(exactly.price) - floating.price) <= 1e-6 * abs(float(exactly.price)) or exactly.kind == 3
            else:
                others = [step_of(both, *question, stage) for question in nudged(both, pool, fills)]
                assert any(not alike(exactly, other) for other in others), (exactly, floating)


def one_leg(venue: str, size: Decimal, margin: Decimal) -> tuple[Account, Marks]:
    """A long in the contract with the most brackets, a linear one where there is one, at its entry."""
    instrument = max(rulebook_of(venue).instruments.values(), key=lambda i: (i.kind == "linear", len(i.brackets)))
    symbol = instrument.symbol
    held = Position(symbol, MarginMode.ISOLATED, LegSide.NET, size, D(100), D(10), margin)
    if instrument.kind == "spot":
        held = replace(held, coins={instrument.base: size}, borrowed={instrument.quote: size * 100 - margin})
    options = options_of(venue, MarginMode.ISOLATED)
    return Account(PositionMode.ONE_WAY, {}, (held,), options=options), marks_at(venue, {symbol: D(100)})


@pytest.mark.parametrize("venue", VENUES)
@given(st.integers(1, 10**6))
def test_exactly_on_the_trigger_decimal_keeps_the_venues_word_and_float_knows_that_it_is_close(
    venue: str, lots: int
) -> None:
    """Money equal to the requirement to the last digit: the exact engine decides as the venue does of equals, whatever their
    size, and whatever float says, it is close."""
    with exact():
        account, marks = one_leg(venue, D(lots), D(1))
        layout, column = laid_out(venue, account, marks)
        rules = rulebook_of(venue).rules
        (pool,) = [pool for pool in layout.pools if pool.legs]
        now = rules.assess_pool(pool, column, layout.markets)
        pool = replace(pool, cash=pool.cash + now.requirement - now.balance)
        margin = rules.assess_pool(pool, column, layout.markets)
        assert rules.is_liquidatable(margin.balance, margin.requirement) == rules.is_liquidatable(D(1), D(1))
        floating = compile_rules(venue).assess_pool(float_pool(pool), float_column(column), float_markets(layout.markets))
        assert abs(floating.balance - floating.requirement) / floating.scale < BAND


@pytest.mark.parametrize("venue", [v for v in VENUES if any(len(i.brackets) > 1 for i in rulebook_of(v).instruments.values())])
@given(st.data())
def test_at_a_bracket_floor_all_three_number_systems_stand_in_the_same_row(venue: str, data: st.DataObject) -> None:
    """Floors as sums, products and tenths of themselves: where float is exact the row must be the same; else it is close."""
    rules = rulebook_of(venue).rules
    symbols = [i for i in rulebook_of(venue).instruments.values() if len(i.brackets) > 1]
    if not symbols:
        pytest.skip(f"{venue}: debts are tiered, not positions")
    instrument = data.draw(st.sampled_from(sorted(symbols, key=lambda i: i.symbol)))
    floor = data.draw(st.sampled_from([row.floor for row in instrument.brackets[1:]]))
    with exact():
        held = Position(instrument.symbol, MarginMode.CROSS, LegSide.NET, D(1), D(1), D(1))
        layout, _ = laid_out(venue, Account(PositionMode.ONE_WAY, {}, (held,)), marks_at(venue, {instrument.symbol: D(1)}))
        market, row = layout.markets[0], compile_rule(venue, "bracket")
        record = float_markets(layout.markets)[0]
        for share in (D(1), 1 - D("1e-9"), 1 + D("1e-9")):
            value = floor * share
            exactly = rules.bracket(value, value, market)
            assert rules.bracket(Fraction(value), Fraction(value), fractions(market)) == exactly
            assert row(float(value), float(value), record) == exactly


def decimals_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same arguments for compiled code."""
    out: dict[str, Any] = {}
    for name, value in arguments.items():
        if name == "leg":
            out[name] = float_legs([value])[0]
        elif name == "market":
            out[name] = float_markets([value])[0]
        elif name in ("pool", "margin", "resting"):
            out[name] = float_pool(value) if name == "pool" else twin(type(value))(*map(_number, astuple(value)))
        else:
            out[name] = _number(value)
    return out


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize("venue", VENUES)
def test_every_rule_of_the_interface_compiles_and_agrees_with_decimal(venue: str) -> None:
    """Each exported rule, called once on both: nothing may stand in a rule that only one of the two can read. Whole units of
    money may be rounded the other way, once or twice."""
    with exact():
        account, marks = one_leg(venue, D(7), D(70))
        layout, column = laid_out(venue, account, marks)
        rulebook = rulebook_of(venue)
        (pool,) = [pool for pool in layout.pools if pool.legs]
        margin = rulebook.rules.assess_pool(pool, column, layout.markets)
        given_ = {
            "leg": pool.legs[0], "market": layout.markets[0], "mark": column[0], "price": D("99.5"), "pool": pool,
            "margin": margin, "cash": D(70), "reading": rulebook.reading, "leverage": D(5), "rate": D("0.0001"),
            "amount": D("3.5"), "entry": D(101), "inverse": False, "value": D(700), "tier": D(7), "payment": D(2),
            "free": D(11), "fee": D("0.3"), "isolated": True, "balance": D(5), "requirement": D(6), "cross_orders": D(1),
            "isolated_orders": D(2),
        }  # fmt: skip
        checked = 0
        written = [function for module in law_modules(rulebook.rules) for function in rule_functions(module)]
        for function in written:
            if getattr(rulebook.rules, function.__name__, None) is not function:
                continue
            names = function.__code__.co_varnames[: function.__code__.co_argcount]
            if not set(names) <= set(given_):
                continue
            arguments = {name: given_[name] for name in names}
            compiled: Callable[..., Any] = compile_rule(venue, function.__name__)
            ours = function(*arguments.values())
            theirs = compiled(*decimals_of(arguments).values())
            flat = ours if isinstance(ours, tuple) else astuple(ours) if isinstance(ours, Struct) else (ours,)
            flat_too = theirs if isinstance(theirs, tuple) or hasattr(theirs, "__len__") else (theirs,)
            for a, b in zip(flat, flat_too, strict=False):
                room = 2 * float(layout.markets[0].unit)
                assert float(a) == pytest.approx(float(b), rel=1e-12, abs=max(room, 1e-12)), function.__name__
            checked += 1
        assert checked >= 12


@given(st.integers(-(10**40), 10**40), st.integers(-30, 0), st.sampled_from(["1e-8", "0.5", "0.0025", "25", "1"]))
def test_rounding_steps_are_those_of_fractions_in_every_number_system(digits: int, exponent: int, step: str) -> None:
    """Decimal has a way of its own; where the quotient itself would be rounded it is nearer to the truth than the text."""
    with exact():
        x, by = +D(digits).scaleb(exponent), D(step)
        whole = Fraction(x) / Fraction(by)
        truth = (math.floor(whole), math.ceil(whole), math.floor(whole + Fraction(1, 2)))
        found = (floor_to(x, by), ceil_to(x, by), half_up_to(x, by))
        room = 0 if abs(whole) < 10**30 else abs(Fraction(x)) / 10**32
        for ours, n in zip(found, truth, strict=True):
            assert abs(Fraction(ours) - n * Fraction(by)) <= room
        fraction = Fraction(x)
        assert floor_to(fraction, Fraction(by)) == truth[0] * Fraction(by)


def test_the_text_of_a_rounding_step_is_what_is_compiled() -> None:
    compiled = compile_rule("bitmex", "value")
    (market,) = float_markets([coarse_market()])
    assert [compiled(amount, 0.5, market) for amount in (1.0, 3.0, -5.0)] == [1.0, 3.0, 5.0]


def coarse_market() -> Market[Decimal]:
    """Money in whole units, one unit a lot: half a unit a lot is rounded up."""
    book = rulebook_of("bitmex")
    linear = next(i for i in book.instruments.values() if i.kind == "linear")
    return replace(market_of(linear, Fees(D(0), D(0))), unit=D(1), lot=D(1))


def test_a_zero_divisor_raises_in_compiled_rules_as_it_does_on_decimal() -> None:
    notional = compile_rule(VENUES[0], "notional")
    assert notional(3.0, 2.0, True) == 1.5
    with pytest.raises(ZeroDivisionError):
        notional(1.0, 0.0, True)
