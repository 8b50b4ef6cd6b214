"""OKX margin trading against an independent restatement in whole fractions: every number of random accounts of all forms, a
third of which stand exactly on their line, and what a liquidation leaves."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from okx_margin_restated import ZERO, Held, cross_line, whole_sale

from plimsoll.account.commands import SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.margin.assess import assess
from plimsoll.model import Account, Fees, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.rulebook import in_force
from plimsoll.table_files import load

D = Decimal
BOOK = in_force(load("okx_margin"), date(2026, 3, 6))
SYMBOLS = ("BTC-USDT", "ETH-USDT", "API3-USDT")
SEEDS = range(150)
CLOSE = Fraction(1, 10**24)
LEDGER = Fraction(1, 10**12)


def near(ours: Decimal | None, theirs: Fraction | None, scale: Fraction, what: str) -> None:
    if ours is None or theirs is None:
        assert ours is None and theirs is None, what
        return
    assert abs(Fraction(ours) - theirs) <= CLOSE * (scale + abs(theirs)), f"{what}: {ours} against {float(theirs)}"


def number(lots: Random, low: int, high: int) -> Decimal:
    return D(lots.randint(low, high)) / 1000


def drawn(lots: Random, symbol: str, mode: MarginMode, mark: Decimal, in_base: bool) -> tuple[Position, Held]:
    """A position and the same in fractions: assets worth about its debt, margin of a third to nothing of it."""
    instrument = BOOK.instruments[symbol]
    long = lots.random() < 0.5
    rows = instrument.brackets
    floors = [(row.quote_floor if long else row.floor) or D(0) for row in rows]
    on_floor = lots.choice(floors[1:]) + lots.choice([D(0), D("0.001")])
    debt = on_floor if lots.random() < 0.3 else floors[1] * number(lots, 1, 6000)
    value = debt if long else debt * mark
    assets = ((value / mark if long else value) * number(lots, 700, 1400)).quantize(D("1e-8")) + D("1e-8")
    margin = ((value / mark if in_base else value) * number(lots, 0, 300)).quantize(D("1e-8"))
    if mode is MarginMode.CROSS:
        margin = D(0)
    interest = (debt * number(lots, 0, 5)).quantize(D("1e-8")) if lots.random() < 0.5 else D(0)
    entry, leverage = (mark * number(lots, 700, 1300)).quantize(D("1e-8")), D(lots.choice([1, 2, 3, 5, 10]))
    (mine, other) = (instrument.base, instrument.quote) if long else (instrument.quote, instrument.base)
    told = instrument.base if in_base else instrument.quote
    coins = {mine: assets}
    coins[told] = coins.get(told, D(0)) + margin
    position = Position(
        symbol, mode, LegSide.NET, assets if long else -debt, entry, leverage, margin,
        coins=coins, borrowed={other: debt}, interest={other: interest}, margin_asset=told if in_base else "",
    )  # fmt: skip
    whole = Fraction(debt) + Fraction(interest)
    taker = Fraction(BOOK.fees.taker_rate)
    exact = (Fraction(margin), in_base, Fraction(leverage), Fraction(entry))
    return position, Held(long, Fraction(assets), whole, *exact, rows, taker)


def marks_of(lots: Random) -> dict[str, Decimal]:
    ranges = ((2 * 10**7, 10**8), (10**6, 5 * 10**6), (100, 2000))
    return {symbol: number(lots, *ends) for symbol, ends in zip(SYMBOLS, ranges, strict=True)}


def instant(marks: dict[str, Decimal]) -> Marks:
    return Marks(marks, {}, {"USDT": D(1)} | {BOOK.instruments[s].base: mark for s, mark in marks.items()})


def account_of(cash: dict[str, Decimal], positions: list[Position]) -> Account:
    return Account(PositionMode.ONE_WAY, cash, tuple(positions), fees=Fees(D("0.0008"), BOOK.fees.taker_rate))


@pytest.mark.parametrize("seed", SEEDS)
def test_isolated_positions_of_all_forms_are_as_restated(seed: int) -> None:
    lots = Random(seed)
    marks = marks_of(lots)
    found = [drawn(lots, s, MarginMode.ISOLATED, marks[s], lots.random() < 0.5) for s in SYMBOLS]
    if lots.random() < 1 / 3:
        held = found[0][1]
        line = held.line()
        if line is not None:
            marks["BTC-USDT"] = D(line.numerator) / D(line.denominator)
    view = assess(account_of({"USDT": D(100)}, [p for p, _ in found]), instant(marks), BOOK)
    legs = {leg.symbol: leg for leg in view.legs}
    pools = {pool.key: pool for pool in view.pools}
    for position, held in found:
        leg, mark = legs[position.symbol], Fraction(marks[position.symbol])
        pool = pools[leg.name]
        scale = held.over(held.owed(mark) + held.assets * (mark if held.long else 1), mark) + held.margin
        near(pool.margin_balance, held.net(mark), scale, "net")
        near(pool.maintenance_margin, held.maintenance(mark), scale, "mmr")
        near(pool.requirement, held.requirement(mark), scale, "requirement")
        near(leg.unrealised_pnl, held.net(mark) - held.margin, scale, "upl")
        near(leg.initial_margin, held.over(held.owed(held.entry) / held.leverage, held.entry), scale, "initial")
        near(pool.venue_ratio, held.net(mark) / held.requirement(mark), scale, "ratio")
        near(leg.liquidation_price, held.line(), ZERO, "line")
        near(leg.displayed_liquidation_price, held.line(), ZERO, "liqPx")
        assert leg.max_leverage == held.row().max_leverage
        if abs(held.net(mark) - held.requirement(mark)) > CLOSE * scale:
            assert pool.liquidatable is (held.net(mark) <= held.requirement(mark))


@pytest.mark.parametrize("seed", SEEDS)
def test_cross_positions_stand_on_the_cash_of_their_margin_currency(seed: int) -> None:
    lots = Random(1000 + seed)
    marks = marks_of(lots)
    found = [drawn(lots, s, MarginMode.CROSS, marks[s], False) for s in SYMBOLS[: lots.randint(1, 3)]]
    cash = D(lots.randint(0, 3 * 10**6))
    view = assess(account_of({"USDT": cash, "BTC": D(5)}, [p for p, _ in found]), instant(marks), BOOK)
    (pool,) = [p for p in view.pools if p.key == "asset:USDT"]
    at = {p.symbol: Fraction(marks[p.symbol]) for p, _ in found}
    scale = Fraction(cash) + sum((h.owed(at[p.symbol]) + h.assets * (at[p.symbol] if h.long else 1) for p, h in found), ZERO)
    balance = Fraction(cash) + sum((h.net(at[p.symbol]) for p, h in found), ZERO)
    needed = sum((h.requirement(at[p.symbol]) for p, h in found), ZERO)
    near(pool.margin_balance, balance, scale, "balance")
    near(pool.requirement, needed, scale, "requirement")
    near(pool.initial_margin, sum((h.owed(at[p.symbol]) / h.leverage for p, h in found), ZERO), scale, "initial")
    for p, held in found:
        leg = next(leg for leg in view.legs if leg.symbol == p.symbol)
        own = held.net(at[p.symbol]) - held.requirement(at[p.symbol])
        line = cross_line(held, balance - needed - own)
        assert (leg.liquidation_price is None) is (line is None)
        if line is not None and leg.liquidation_price is not None:
            assert abs(Fraction(leg.liquidation_price) - line) <= Fraction(1, 10**20) * (line + scale / held.assets)
        near(leg.unrealised_pnl, held.net(at[p.symbol]), scale, "upl")
        near(leg.maintenance_margin, held.maintenance(at[p.symbol]), scale, "mmr")


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_liquidation_of_the_first_tiers_leaves_is_as_restated(seed: int) -> None:
    """A small isolated position of any form at a mark at which it fails: what comes back to the cash, in both coins by value,
    is its net less fee and penalty; nothing where its net is negative, and the fund pays that."""
    lots = Random(2000 + seed)
    marks = marks_of(lots)
    while True:
        position, held = drawn(lots, "ETH-USDT", MarginMode.ISOLATED, marks["ETH-USDT"], lots.random() < 0.5)
        if BOOK.instruments["ETH-USDT"].brackets.index(held.row()) < 2:  # from the third tier on only a part is sold
            break
    line = held.line()
    if line is None:
        return
    beyond = Fraction(lots.randint(0, 150), 1000)
    there = line * (1 - beyond if held.long else 1 + beyond)
    mark = (D(there.numerator) / D(there.denominator)).quantize(D("1e-10"), "ROUND_DOWN" if held.long else "ROUND_UP")
    state = State(account_of({"USDT": D(0), "ETH": D(0)}, [position]), instant({"ETH-USDT": mark}))
    after = decide(state, SetMarks({"ETH-USDT": mark}, indexes={"ETH": mark}), Venue(BOOK)).state
    price = Fraction(mark)
    _, left = whole_sale(held, price)
    worth = Fraction(after.account.cash["USDT"]) + Fraction(after.account.cash["ETH"]) * price
    unit = Fraction(1) if held.long else price
    assert after.account.positions == ()
    assert abs(worth - max(left, ZERO) * unit) <= LEDGER * (held.owed(price) + price)
    gained = {coin: Fraction(after.world.get(f"insurance_fund|{coin}", D(0))) for coin in ("USDT", "ETH")}
    fund = gained["USDT"] + gained["ETH"] * price
    assert (fund < 0) is (left < -LEDGER * held.debt) or abs(left) <= LEDGER * held.debt


@pytest.mark.parametrize("seed", SEEDS)
def test_from_the_third_tier_on_a_position_comes_down_two_tiers_at_a_time(seed: int) -> None:
    """A hair beyond its line, where the first tier's requirement is met by far: the debt comes down to the cap of the tier two
    below its own, or on by twos, and the position lives; sold is what repays that much after fee and penalty at the rate it
    stood in."""
    lots = Random(3000 + seed)
    while True:
        position, held = drawn(lots, "BTC-USDT", MarginMode.ISOLATED, D(40000), False)
        rows = held.rows
        row, line = rows.index(held.row()), held.line()
        if row >= 2 and line is not None:
            break
    there = line * (1 - Fraction(1, 10**9) if held.long else 1 + Fraction(1, 10**9))
    mark = D(there.numerator) / D(there.denominator)
    state = State(account_of({"USDT": D(0)}, [position]), instant({"BTC-USDT": mark}))
    after = decide(state, SetMarks({"BTC-USDT": mark}, indexes={"BTC": mark}), Venue(BOOK)).state.account
    (left,) = after.positions
    coin = "USDT" if held.long else "BTC"
    owed = Fraction(left.borrowed[coin]) + Fraction(left.interest.get(coin, D(0)))
    floors = [Fraction((r.quote_floor if held.long else r.floor) or 0) for r in rows]
    assert any(abs(owed - floors[n]) <= LEDGER * held.debt for n in range(row - 1, 0, -2))
    if abs(owed - floors[row - 1]) <= LEDGER * held.debt:
        sold = held.assets - Fraction((left.coins or {})["BTC" if held.long else "USDT"]) + (0 if held.long else held.margin)
        unit = Fraction(mark) if held.long else 1 / Fraction(mark)
        repaid = (held.debt - floors[row - 1]) / (1 - held.taker - held.rate())
        assert abs(sold * unit - repaid) <= LEDGER * (held.debt + unit)
