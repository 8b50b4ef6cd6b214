"""The BitMEX rulebook against an independent restatement in whole numbers: margins, balances, prices, in every generation."""

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from bitmex_restated import Held, Restated, restate
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.account.state import State
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.views import LegView
from plimsoll.model import Account, Marks
from plimsoll.number import exact
from plimsoll.rulebook import Rulebook, for_case
from plimsoll.rules.bitmex.procedure import deleveraging_rank
from plimsoll.table_files import load
from plimsoll.verify.cases import RawCase, account_of, instruments_of, marks_of, parse_case, read_cases
from plimsoll.verify.fill_in import with_walls
from plimsoll.verify.stated import printed
from random_accounts import D, accounts, rulebook_of, under_regimes

VENUE = "bitmex"
GOLDEN = Path(__file__).parents[1] / "golden" / f"{VENUE}.json"
RANDOM = Path(__file__).parents[3] / "shared" / "cases" / f"random_{VENUE}.json"


@st.composite
def in_units(draw: st.DrawFn) -> tuple[Rulebook, Account, Marks]:
    """A random account with whole units of money everywhere, margin moved in and lost, a funding rate, in any generation."""
    account, marks = draw(accounts(VENUE))
    rulebook = draw(st.sampled_from(under_regimes(rulebook_of(VENUE))))
    instruments = dict(rulebook.instruments)
    positions = []
    with exact():
        for p in account.positions:
            unit = instruments[p.symbol].unit or D(1)
            rate = D(draw(st.integers(-50, 50))) / 10000
            instruments[p.symbol] = msgspec.structs.replace(instruments[p.symbol], funding_rate=rate)
            added, lost = (unit * draw(st.integers(0, 10**6)) for _ in range(2))
            wall = p.isolated_margin.quantize(unit, ROUND_DOWN)
            positions.append(msgspec.structs.replace(p, isolated_margin=wall, added_margin=added, lost_margin=lost))
        cash = {asset: amount.quantize(D("0.000001"), ROUND_DOWN) for asset, amount in account.cash.items()}
    changed = msgspec.structs.replace(account, positions=tuple(positions), cash=cash)
    return msgspec.structs.replace(rulebook, instruments=instruments), changed, marks


def check(rulebook: Rulebook, account: Account, marks: Marks) -> None:
    view = assess(account, marks, rulebook, Prices.OWN)
    truth = restate(account, marks, rulebook.instruments, rulebook.regimes["engine"] == "shared")
    pools = {pool.key: pool for pool in view.pools}
    for h in truth.held:
        leg = next(leg for leg in view.legs if leg.symbol == h.symbol)
        told = (leg.notional, leg.unrealised_pnl, leg.initial_margin, leg.closing_fee, leg.maintenance_margin)
        assert [Fraction(x) / h.unit for x in told] == [abs(h.value), h.pnl, h.init, h.comm, h.maint]
        assert Fraction(leg.position_margin) / h.unit == h.margin
        pool = pools[leg.pool]
        balance, requirement = truth.balance(h), truth.requirement(h)
        assert (Fraction(pool.margin_balance) / h.unit, Fraction(pool.requirement) / h.unit) == (balance, requirement)
        assert pool.liquidatable == (balance <= requirement and (requirement > 0 or balance < 0))
        bankrupt = printed("displayed_bankruptcy_price", leg.name, State(account, marks), rulebook, {})
        check_prices(leg, h, truth, bankrupt if isinstance(bankrupt, Decimal) else None)
    for asset in view.assets:
        unit = next((h.unit for h in truth.held if h.asset == asset.asset), None)
        if unit is not None:
            assert Fraction(asset.available_balance) / unit == truth.available(asset.asset)


def check_prices(leg: LegView, h: Held, truth: Restated, told: Decimal | None) -> None:
    price = truth.liquidation_price(h)
    assert close(leg.liquidation_price, price)
    if price is None or not near_tick(price, h.tick):
        assert close(leg.displayed_liquidation_price, h.printed(price))
    if h.wall is not None or not truth.shared:
        bankrupt = truth.bankruptcy_price(h)
        assert close(leg.bankruptcy_price, bankrupt)
        if bankrupt is None or not near_tick(bankrupt, h.tick):
            assert close(told, h.printed(bankrupt))


def near_tick(price: Fraction, tick: Fraction) -> bool:
    """Whether a price lies so close to a tick, and not on it, that 34 digits round it onto the tick."""
    off = abs(price / tick - round(price / tick))
    return 0 < off <= Fraction(1, 10**20)


def close(ours: Decimal | None, theirs: Fraction | None) -> bool:
    """Equal but for the 34th digit."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    return abs(Fraction(ours) - theirs) <= theirs / 10**32


@given(in_units())
def test_margins_and_prices_are_those_of_the_restatement(drawn: tuple[Rulebook, Account, Marks]) -> None:
    check(*drawn)


@pytest.mark.real
@pytest.mark.skipif(not RANDOM.is_file(), reason=f"no shared cases at {RANDOM}")
@pytest.mark.parametrize("raw", read_cases(RANDOM) if RANDOM.is_file() else [], ids=lambda raw: raw.id)
def test_the_restatement_meets_the_shared_oracle(raw: RawCase) -> None:
    """And so does the program: three ways to the same whole numbers. Orders are left out, which the restatement has not."""
    case = parse_case(raw)
    if case.account.orders:
        pytest.skip("holds orders")
    rulebook = for_case(load(VENUE), instruments_of(case), case.as_of)
    account = with_walls(account_of(case, rulebook.rules), case, marks_of(case), rulebook)
    check(rulebook, account, marks_of(case))
    truth = restate(account, marks_of(case), rulebook.instruments, rulebook.regimes["engine"] == "shared")
    for e in case.expect:
        h = next((h for h in truth.held if h.symbol == e.of), None)
        told = {"maintenance_margin": "maint", "closing_fee": "comm", "initial_margin": "init", "unrealised_pnl": "pnl"}
        if h is not None and e.quantity in told:
            assert getattr(h, told[e.quantity]) * h.unit == Fraction(str(e.value))


def test_the_restatement_finds_the_prices_that_the_venue_printed() -> None:
    found = 0
    for raw in read_cases(GOLDEN):
        case = parse_case(raw)
        if any(i.lot is None for i in case.instruments.values()) or case.account.orders or not case.marks:
            continue
        rulebook = for_case(load(VENUE), instruments_of(case), case.as_of)
        account = with_walls(account_of(case, rulebook.rules), case, marks_of(case), rulebook)
        if any(p.mode != "isolated" for p in account.positions):
            continue
        rates = {s: msgspec.structs.replace(i, brackets=with_rate(i.brackets)) for s, i in rulebook.instruments.items()}
        truth = restate(account, marks_of(case), rates, shared=False)
        for e in case.expect:
            if e.quantity == "displayed_liquidation_price":
                h = next(h for h in truth.held if h.symbol == e.of)
                assert h.printed(truth.liquidation_price(h)) == Fraction(str(e.value))
                found += 1
    assert found >= 10


def with_rate(rows: tuple[object, ...]) -> tuple[object, ...]:
    """Rows of isolated cases, which state no initial rate because the leverage decides."""
    return tuple(msgspec.structs.replace(row, initial_rate=D(1)) for row in rows)  # type: ignore[type-var]


def test_who_is_deleveraged_first_follows_the_published_formula() -> None:
    """PnL% * leverage in profit, PnL% / leverage in loss: at ten times leverage 20 % count 2 and -20 % count -0.02."""
    long, short = (D(1000), D(900)), (D(-1000), D(-1100))
    assert [deleveraging_rank(D("0.2"), *side) for side in (long, short)] == [D(2), D(2)]
    assert [deleveraging_rank(D("-0.2"), *side) for side in (long, short)] == [D("-0.02"), D("-0.02")]
