"""The dYdX rulebook against an independent restatement in whole numbers: margins, prices, and liquidations to their end."""

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from dydx_restated import (
    Config,
    Subaccount,
    Tier,
    bankruptcy_quote,
    fillable_price,
    last_failing_value,
    liquidate,
    position_risk,
    quote,
    risk,
)
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.account.commands import SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.state import Environment, State, Venue
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.ledger import Ledger
from plimsoll.margin.pools import signed_cost
from plimsoll.model import Account, Instrument, MarginMode, Marks, Position
from plimsoll.number import exact
from plimsoll.rulebook import Rulebook, for_case
from plimsoll.table_files import load
from plimsoll.verify.cases import RawCase, account_of, instruments_of, marks_of, parse_case, read_cases
from plimsoll.verify.fill_in import terms_of, with_payments
from plimsoll.verify.stated import printed
from random_accounts import D, accounts, rulebook_of

VENUE = "dydx"
GOLDEN = Path(__file__).parents[1] / "golden" / f"{VENUE}.json"
QUANTUM = D("0.000001")


@st.composite
def in_quantums(draw: st.DrawFn) -> tuple[Rulebook, Account, Marks]:
    """A random account with whole quantums of money, prices and entries with more digits than a value keeps, and some open
    interest in every market."""
    account, marks = draw(accounts(VENUE))
    rulebook = rulebook_of(VENUE)
    with exact():
        finer = {symbol: mark + D(draw(st.integers(0, 10**7))).scaleb(-9) for symbol, mark in marks.marks.items()}
        marks = msgspec.structs.replace(marks, marks=finer)
        instruments = {}
        for symbol, i in rulebook.instruments.items():
            caps = i.terms[1:3]
            share = D(draw(st.integers(0, 30))) / 10 if symbol in marks.marks else D(0)
            held = (share * caps[1] / marks.marks.get(symbol, D(1))).quantize(D("0.0001"))
            instruments[symbol] = msgspec.structs.replace(i, terms=(held, *caps, *i.terms[3:]))
        positions = tuple(
            msgspec.structs.replace(
                p,
                isolated_margin=p.isolated_margin.quantize(QUANTUM, ROUND_DOWN),
                entry_price=p.entry_price + D(draw(st.integers(0, 10**7))).scaleb(-9),
            )
            for p in account.positions
        )
        cash = {asset: amount.quantize(QUANTUM, ROUND_DOWN) for asset, amount in account.cash.items()}
    changed = msgspec.structs.replace(account, positions=positions, cash=cash)
    return msgspec.structs.replace(rulebook, instruments=instruments), changed, marks


def tier_of(i: Instrument) -> Tier:
    """The market as the table or the case states it."""
    row, terms = i.brackets[0], [Fraction(x) for x in i.terms]
    initial = Fraction(row.initial_rate or 0)
    part = Fraction(row.maintenance_rate) / initial
    return Tier(initial, part, terms[0], terms[1], terms[2], Fraction(i.lot or 0))


def config_of(i: Instrument) -> Config:
    terms = [Fraction(x) for x in i.terms]
    return Config(terms[3], terms[4], Fraction(i.liquidation_fee_rate or 0), terms[5], terms[6], terms[7])


def quantums(amount: Decimal) -> int:
    found = Fraction(amount) * 10**6
    assert found.denominator == 1
    return found.numerator


def paid(p: Position) -> int:
    """What the position was paid for, by the restatement's own multiplication where the account does not say."""
    return quote(Fraction(p.size), Fraction(p.entry_price)) if p.cost is None else quantums(p.cost)


def subaccounts(account: Account, marks: Marks, rulebook: Rulebook) -> dict[str, Subaccount]:
    """Pool key -> its subaccount."""
    prices = {symbol: Fraction(mark) for symbol, mark in marks.marks.items()}
    tiers = {symbol: tier_of(rulebook.instruments[symbol]) for symbol in prices}
    main = Subaccount(quantums(account.cash.get("USDC", D(0))), {}, prices, tiers)
    found = {"asset:USDC": main}
    for p in account.positions:
        chosen = 1 / Fraction(p.leverage) if p.leverage else Fraction(0)
        if p.mode is MarginMode.CROSS:
            main.usdc -= paid(p)
            main.sizes[p.symbol], main.chosen[p.symbol] = Fraction(p.size), chosen
        else:
            own = quantums(p.isolated_margin) - paid(p)
            found[f"{p.symbol}@isolated"] = Subaccount(own, {p.symbol: Fraction(p.size)}, prices, tiers, {p.symbol: chosen})
    return found


def check(rulebook: Rulebook, account: Account, marks: Marks) -> None:
    view = assess(account, marks, rulebook, Prices.OWN)
    state = State(account, marks)
    for key, sub in subaccounts(account, marks, rulebook).items():
        pool, truth = next(p for p in view.pools if p.key == key), risk(sub)
        assert (quantums(pool.margin_balance), quantums(pool.requirement)) == (truth.nc, truth.mmr)
        assert quantums(pool.initial_margin) == truth.imr and pool.liquidatable == truth.liquidatable
        for name in pool.legs:
            leg = next(v for v in view.legs if v.name == name)
            own = position_risk(sub, leg.symbol, sub.sizes[leg.symbol])
            told = (quantums(leg.notional), quantums(leg.initial_margin), quantums(leg.maintenance_margin))
            assert told == (abs(own.nc), own.imr, own.mmr)
            check_forced(sub, leg.symbol, name, state, rulebook)
            worth = last_failing_value(sub, leg.symbol)
            if leg.liquidation_price is None:
                assert worth in (None, 0, 1)
            elif worth is not None:
                assert abs(Fraction(leg.liquidation_price) * abs(sub.sizes[leg.symbol]) * 10**6 - worth) < 1


def check_forced(sub: Subaccount, symbol: str, name: str, state: State, rulebook: Rulebook) -> None:
    """The prices of a forced close, as the venue would print them."""
    if risk(sub).mmr == 0:
        return
    told = printed("bankruptcy_quote", name, state, rulebook, {})
    assert isinstance(told, Decimal) and quantums(told) == bankruptcy_quote(sub, symbol, abs(sub.sizes[symbol]))
    price = printed("fillable_price", name, state, rulebook, {})
    truth = fillable_price(sub, symbol, config_of(rulebook.instruments[symbol]))
    assert isinstance(price, Decimal) and abs(Fraction(price) - truth) <= abs(truth) / 10**28


@given(in_quantums())
def test_margins_and_prices_are_those_of_the_restatement(drawn: tuple[Rulebook, Account, Marks]) -> None:
    check(*drawn)


@given(in_quantums(), st.data())
def test_a_liquidation_ends_where_the_restatement_ends_it(drawn: tuple[Rulebook, Account, Marks], data: st.DataObject) -> None:
    """Every block in both, at the oracle price, a little worse, or with nobody who fills; the insurance fund suffices."""
    rulebook, account, marks = drawn
    fills: dict[str, Decimal | None] = {}
    for symbol, mark in marks.marks.items():
        worse = data.draw(st.sampled_from([None, D("0.98"), D("0.999"), D(1), D(1), D("1.001"), D("1.02")]))
        fills[symbol] = None if worse is None else mark * worse
    world = Venue(rulebook, Environment(fills))
    done = decide(State(account, marks), SetMarks(marks.marks), world).state
    taken = {symbol: Fraction(fill or 0) for symbol, fill in fills.items()}
    fund, home = 0, 0
    held = {(p.symbol, p.mode): p for p in done.account.positions}
    for key, sub in subaccounts(account, marks, rulebook).items():
        symbol = next(iter(sub.sizes), "BTC-USD")
        after, gained = liquidate(sub, taken, config_of(rulebook.instruments[symbol]))
        fund += gained
        mode = MarginMode.CROSS if key == "asset:USDC" else MarginMode.ISOLATED
        for name in sub.sizes:
            assert Fraction(held[name, mode].size if (name, mode) in held else 0) == after.sizes.get(name, 0)
        with exact():
            mine = [held[name, mode] for name in after.sizes]
            cost = sum((signed_cost(p, rulebook) for p in mine), D(0))
        if mode is MarginMode.ISOLATED and mine:
            assert quantums(mine[0].isolated_margin - cost) == after.usdc
        else:
            home += after.usdc + quantums(cost)
    assert quantums(done.account.cash.get("USDC", D(0))) == home
    assert quantums(done.world.get(f"{Ledger.INSURANCE_FUND}|USDC", D(0))) == fund


@pytest.mark.parametrize("raw", read_cases(GOLDEN), ids=lambda raw: raw.id)
def test_the_restatement_meets_the_protocols_own_tests(raw: RawCase) -> None:
    """And so does the program: three ways to the same whole numbers."""
    case = parse_case(raw)
    rulebook = for_case(load(VENUE), instruments_of(case), case.as_of, {}, terms_of(case))
    account, marks = with_payments(account_of(case, rulebook.rules), rulebook), marks_of(case)
    if not account.orders:
        check(rulebook, account, marks)
    sub = subaccounts(account, marks, rulebook)["asset:USDC"]
    for e in case.expect:
        if e.quantity == "liquidatable":
            assert risk(sub).liquidatable is e.value
            continue
        wanted, closing = Fraction(str(e.value)), sum((Fraction(o.size) for o in account.orders), Fraction(0))
        told = {
            "initial_margin": lambda s: Fraction(position_risk(sub, s, sub.sizes[s]).imr, 10**6),
            "bankruptcy_quote": lambda s, n=closing: Fraction(bankruptcy_quote(sub, s, n), 10**6),
            "fillable_price": lambda s: fillable_price(sub, s, config_of(rulebook.instruments[s])),
        }
        assert told[e.quantity](e.of) == wanted
