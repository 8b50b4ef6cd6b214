"""Bybit's classic rulebook against an independent restatement in whole fractions: margins, triggers, prices, free money."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
from bybit_classic_restated import Leg, Restated, restated
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.views import Assessment, LegView
from plimsoll.model import Account, Fees, LegSide, MarginMode, Marks, Order, OrderType, Position, PositionMode
from plimsoll.verify.cases import account_of, instruments_of, parse_case, read_cases
from random_accounts import D, accounts, on_boundaries, rulebook_of

VENUE = "bybit_classic"
GOLDEN = Path(__file__).parents[1] / "golden" / f"{VENUE}.json"
CLOSE = Fraction(1, 10**24)


@st.composite
def with_orders(draw: st.DrawFn) -> tuple[Account, Marks]:
    """An account with up to three resting limit orders in what it holds, on either side."""
    account, marks = draw(accounts(VENUE))
    orders = []
    for n in range(draw(st.integers(0, 3))):
        held = draw(st.sampled_from(account.positions))
        side = draw(st.sampled_from(["buy", "sell"]))
        price = max(D("0.01"), (marks.marks[held.symbol] * draw(st.integers(700, 1300)) / 1000).quantize(D("0.01")))
        lot = rulebook_of(VENUE).instruments[held.symbol].lot or D(1)
        size = max(lot, (abs(held.size) * draw(st.integers(1, 3000)) / 1000 / lot).to_integral_value() * lot)
        leg = held.side if account.position_mode is PositionMode.HEDGE else LegSide.NET
        orders.append(
            Order(str(n), held.symbol, side, size, OrderType.LIMIT, price, mode=held.mode, position_side=leg)
        )
    return msgspec.structs.replace(account, orders=tuple(orders)), marks


def near(got: Decimal, truth: Fraction, scale: Fraction) -> bool:
    return abs(Fraction(got) - truth) <= CLOSE * scale


def scale_of(truth: Restated) -> Fraction:
    money = sum((abs(x) for x in truth.free.values()), Fraction(1, 10**6))
    return money + sum((leg.value + abs(leg.money) + abs(leg.pnl(truth.mark(leg))) for leg in truth.legs), Fraction(0))


def pairs(view: Assessment, truth: Restated) -> list[tuple[LegView, Leg]]:
    """Our legs beside theirs."""
    by_key = {(x.position.symbol, x.position.mode, x.position.side): x for x in truth.legs}
    return [(v, by_key[v.symbol, v.mode, v.side]) for v in view.legs]


def both(drawn: tuple[Account, Marks], prices: Prices) -> tuple[Assessment, Restated]:
    account, marks = drawn
    book = rulebook_of(VENUE)
    return assess(account, marks, book, prices), restated(account, marks, book.instruments)


@given(with_orders())
def test_margins_are_those_of_the_restatement(drawn: tuple[Account, Marks]) -> None:
    view, truth = both(drawn, Prices.NONE)
    scale = scale_of(truth)
    for ours, theirs in pairs(view, truth):
        assert near(ours.initial_margin, theirs.initial, scale)
        assert near(ours.closing_fee, theirs.fee_reserve, scale)
        assert near(ours.maintenance_margin, theirs.base + theirs.fee_reserve, scale)
        walled = ours.mode == "isolated"
        assert near(ours.position_margin, theirs.money if walled else theirs.locked(truth.mark(theirs)), scale)


@given(with_orders())
def test_available_balances_are_those_of_the_restatement(drawn: tuple[Account, Marks]) -> None:
    view, truth = both(drawn, Prices.NONE)
    for asset in view.assets:
        assert near(asset.available_balance, truth.available(asset.asset), scale_of(truth))


@given(with_orders())
def test_headroom_and_the_trigger_are_those_of_the_restatement(drawn: tuple[Account, Marks]) -> None:
    view, truth = both(drawn, Prices.NONE)
    pools, scale = {pool.key: pool for pool in view.pools}, scale_of(truth)
    for ours, theirs in pairs(view, truth):
        if truth.hedged(theirs):
            continue
        headroom, pool = truth.headroom(theirs), pools[ours.pool]
        assert near(pool.headroom, headroom, scale)
        assert pool.liquidatable == (headroom <= 0) or abs(headroom) <= CLOSE * scale


def check_prices(drawn: tuple[Account, Marks]) -> None:
    """Liquidation and bankruptcy price of every position that is not hedged, by the sheet's closed forms."""
    view, truth = both(drawn, Prices.OWN)
    scale = scale_of(truth)
    for ours, theirs in pairs(view, truth):
        if truth.hedged(theirs):
            continue
        behind = truth.behind(theirs)
        for got, wanted in (
            (ours.liquidation_price, theirs.liquidation(behind)),
            (ours.bankruptcy_price, theirs.bankruptcy(behind)),
        ):
            each = scale / theirs.q if not theirs.inverse else (wanted or Fraction(0)) ** 2 * scale / theirs.q
            if got is None or wanted is None:
                assert got is None, ours.name
                assert wanted is None or not Fraction(1, 10**20) < wanted / truth.mark(theirs) < 10**20, ours.name
            else:
                assert abs(Fraction(got) - wanted) <= CLOSE * max(wanted, each), (ours.name, got, float(wanted))


@given(with_orders())
def test_liquidation_prices_are_those_of_the_closed_forms(drawn: tuple[Account, Marks]) -> None:
    check_prices(drawn)


@given(on_boundaries(VENUE))
def test_liquidation_prices_are_those_of_the_closed_forms_on_boundaries(drawn: tuple[Account, Marks]) -> None:
    check_prices(drawn)


def test_the_restatement_finds_the_prices_that_the_venue_printed() -> None:
    """Every printed price of a single position, to its tick."""
    checked = 0
    for raw in read_cases(GOLDEN):
        case = parse_case(raw)
        if case.known.position_margin is not None or not case.account.positions:
            continue
        instruments = instruments_of(case)
        account = account_of(case, rulebook_of(VENUE).rules)
        truth = restated(account, Marks(case.marks), instruments)
        for expected in case.expect:
            names = {f"{x.position.symbol}:{x.position.side}".removesuffix(":net"): x for x in truth.legs}
            leg = names.get(expected.of)
            if leg is None or not expected.quantity.endswith("_price"):
                continue
            price = leg.bankruptcy if "bankruptcy" in expected.quantity else leg.liquidation
            found = price(truth.behind(leg))
            tick = instruments[leg.position.symbol].tick or D("0.01")
            assert found is not None and abs(found - Fraction(expected.value)) < Fraction(tick)
            checked += 1
    assert checked >= 20


def two_coin_contracts(leverage: str, wallet: str) -> tuple[Account, Marks]:
    """A perpetual and a quarterly contract of one coin, both long in cross: two pools on one cash."""
    held = tuple(
        Position(symbol, MarginMode.CROSS, LegSide.NET, D(10000), D(40000), D(leverage)) for symbol in ("BTCUSD", "BTCUSDM21")
    )
    fees = Fees(D(0), D("0.00075"))
    return Account(PositionMode.ONE_WAY, {"BTC": D(wallet)}, held, fees=fees), Marks({p.symbol: D(40000) for p in held})


def test_when_all_marks_of_a_coin_move_the_losses_of_both_contracts_count() -> None:
    """What stands behind one falls with the loss of the other; at the price found the restated headroom is gone."""
    account, marks = two_coin_contracts("10", "0.2")
    book = rulebook_of(VENUE)
    view = assess(account, marks, book)
    for leg in view.legs:
        assert leg.liquidation_price is not None and leg.underlying_liquidation_price is not None
        assert leg.underlying_liquidation_price > leg.liquidation_price
        for step, fails in ((D(0), True), (D("0.01"), False)):
            price = leg.underlying_liquidation_price + step
            moved = restated(account, Marks(dict.fromkeys(marks.marks, price)), book.instruments)
            twin = next(x for x in moved.legs if x.position.symbol == leg.symbol)
            assert (moved.headroom(twin) <= 0) is fails
        pool = next(p for p in view.pools if p.key == leg.pool)
        assert pool.portfolio_liquidation_move is not None
        expected = leg.underlying_liquidation_price / D(40000) - 1
        assert abs(pool.portfolio_liquidation_move - expected) < D("1e-20")


def test_profit_of_one_contract_does_not_move_the_line_of_another() -> None:
    account, marks = two_coin_contracts("10", "0.2")
    lines: list[Decimal] = []
    for mark in ("40000", "60000"):
        moved = Marks({**marks.marks, "BTCUSDM21": D(mark)})
        view = assess(account, moved, rulebook_of(VENUE), Prices.OWN)
        lines += [leg.liquidation_price for leg in view.legs if leg.symbol == "BTCUSD" and leg.liquidation_price is not None]
    assert len(lines) == 2 and abs(lines[0] - lines[1]) < D("1e-25") < D(1) < lines[0]
