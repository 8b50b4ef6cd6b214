"""OKX's multi-currency mode against an independent restatement in whole fractions: every number of random accounts, a third of
which stand exactly on a line (a trigger, a slice of a coin, nothing left of a coin)."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random

import msgspec
import pytest
from okx_multi_restated import ZERO, Prices, Restated

from plimsoll.account.commands import PlaceOrder, SetMarks, Withdraw
from plimsoll.account.decide import decide
from plimsoll.account.events import Traded
from plimsoll.account.state import State, Venue
from plimsoll.errors import Reason
from plimsoll.margin.assess import Prices as SolvedPrices
from plimsoll.margin.assess import assess
from plimsoll.margin.views import LegView, PoolView
from plimsoll.model import (
    Account,
    Bracket,
    Coin,
    CollateralTier,
    Fees,
    Instrument,
    Kind,
    LegSide,
    LoanTier,
    MarginMode,
    Marks,
    Order,
    OrderType,
    Position,
    PositionMode,
)
from plimsoll.number import exact
from plimsoll.rulebook import for_case
from plimsoll.table_files import load

D = Decimal
CLOSE = Fraction(1, 10**24)
NEAR = Fraction(1, 10**9)
FAR = Fraction(10**12)
SEEDS = range(240)
CROSS, WALLED = MarginMode.CROSS, MarginMode.ISOLATED


def contract(symbol: str, kind: Kind, base: str, settle: str, multiplier: str, *rows: tuple[str, str]) -> Instrument:
    tops = [D(floor) for floor, _ in rows[1:]]
    table = tuple(Bracket(D(f), c, D(r), D(0), D(100)) for (f, r), c in zip(rows, [*tops, None], strict=True))
    quote = settle if kind is Kind.LINEAR else "USD"
    return Instrument(symbol, kind, base, quote, settle, D(multiplier), table, "contracts", D("0.01"), D("0.1"))


def slices(*rows: tuple[str, str]) -> tuple[CollateralTier, ...]:
    tops = [D(floor) for floor, _ in rows[1:]]
    return tuple(CollateralTier(D(f), c, D(r)) for (f, r), c in zip(rows, [*tops, None], strict=True))


def loans(*rows: tuple[str, str, str]) -> tuple[LoanTier, ...]:
    tops = [D(row[0]) for row in rows[1:]]
    return tuple(LoanTier(D(f), c, D(i), D(m)) for (f, i, m), c in zip(rows, [*tops, None], strict=True))


INSTRUMENTS = {
    i.symbol: i
    for i in (
        contract("BTC-USDT-SWAP", Kind.LINEAR, "BTC", "USDT", "0.01", ("0", "0.004"), ("1000", "0.02"), ("5000", "0.1")),
        contract("ETH-USDT-SWAP", Kind.LINEAR, "ETH", "USDT", "0.1", ("0", "0.005"), ("300", "0.03")),
        contract("ETH-USDC-SWAP", Kind.LINEAR, "ETH", "USDC", "0.1", ("0", "0.006")),
        contract("BTC-USD-SWAP", Kind.INVERSE, "BTC", "BTC", "100", ("0", "0.005"), ("400", "0.04")),
        contract("ETH-USD-SWAP", Kind.INVERSE, "ETH", "ETH", "10", ("0", "0.005"), ("2000", "0.02")),
    )
}
PAIRS = {
    symbol: Instrument(symbol, Kind.SPOT, base, quote, quote, D(1), (Bracket(D(0), None, D("0.02"), D(0), D(10)),))
    for symbol, base, quote in (("BTC-USDT", "BTC", "USDT"), ("ETH-USDC", "ETH", "USDC"), ("ETH-BTC", "ETH", "BTC"))
}
FEE = D("0.001")
IN_USDT, IN_BTC = loans(("0", "0.2", "0.02")), loans(("0", "0.2", "0.02"), ("2", "1", "0.1"))
COINS = {
    "USDT": Coin(slices(("0", "1"), ("40000", "0.975"), ("90000", "0.9")), IN_USDT, by_worth=True, repayment_rate=FEE),
    "USDC": Coin(slices(("0", "0.98")), (), repayment_rate=FEE),
    "BTC": Coin(slices(("0", "0.98"), ("1", "0.95"), ("3", "0.5")), IN_BTC, repayment_rate=FEE),
    "ETH": Coin(slices(("0", "0.95"), ("20000", "0.85"), ("60000", "0")), loans(("0", "0.25", "0.03")), by_worth=True),
}
PRICES = {"BTC": D(50000), "ETH": D(2500)}
BOOK = for_case(load("okx_multi"), INSTRUMENTS | PAIRS, date(2024, 6, 1), COINS)
LEVERAGES = [D(x) for x in ("1", "2", "3", "7", "20", "50")]


def near(lots: Random, price: Decimal, thousandths: int) -> Decimal:
    return (price * (1 + D(lots.randint(-thousandths, thousandths)) / 1000)).quantize(D("0.0001"))


def contracts(lots: Random, symbol: str, price: Decimal) -> Decimal:
    dollars = D(10) ** lots.randint(3, 5) * lots.randint(1, 60) / 10
    i = INSTRUMENTS[symbol]
    each = i.multiplier if i.kind is Kind.INVERSE else i.multiplier * price
    return max(D("0.1"), (dollars / each).quantize(D("0.1")))


def drawn(seed: int) -> tuple[Account, Marks]:
    """A random account: both modes side by side, one-way or hedged, several coins, debts, orders of both modes."""
    lots = Random(seed)
    hedge = lots.random() < 0.4
    sides = (LegSide.LONG, LegSide.SHORT) if hedge else (LegSide.NET,)
    marks = {s: near(lots, PRICES[i.base], 20) for s, i in INSTRUMENTS.items()}
    indexes = {"USDT": D(lots.choice(["1", "0.9994", "1.002"])), "USDC": D("1.0001")}
    indexes |= {a: near(lots, PRICES[a], 10) for a in ("BTC", "ETH")}
    leverages = {f"{s}|{mode}": lots.choice(LEVERAGES) for s in INSTRUMENTS for mode in ("cross", "isolated")}
    leverages |= {f"{s}|isolated|{w}": lots.choice(LEVERAGES) for s in INSTRUMENTS for w in ("long", "short")}
    positions = []
    for symbol in lots.sample(sorted(INSTRUMENTS), lots.randint(1, 4)):
        for mode in lots.choice([(CROSS,), (CROSS,), (WALLED,), (CROSS, WALLED)]):
            for side in lots.sample(sides, lots.randint(1, len(sides))):
                positions.append(position(lots, symbol, mode, side, marks[symbol], leverages))
    wanted = [lots.choice(sorted(INSTRUMENTS)) for _ in range(lots.randint(0, 5))]
    orders = tuple(order(lots, n, symbol, lots.choice(sides), marks) for n, symbol in enumerate(wanted))
    cash = {a: lots_of(lots, indexes[a]) for a in lots.sample(sorted(COINS), lots.randint(1, 4))}
    owing = {a: abs(cash[a]) * lots.randint(1, 15) / 10 for a in cash if lots.random() < 0.15}
    off, shut = (tuple(a for a in cash if a != "USDT" and lots.random() < 0.15) for _ in range(2))
    options = {"auto_borrow": lots.choice(["on", "off"])}
    held = PositionMode.HEDGE if hedge else PositionMode.ONE_WAY
    fees = Fees(D(0), D(lots.choice(["0.0005", "0.0003"])))
    account = Account(held, cash, tuple(positions), orders, leverages, {}, fees, options, owing, off, restricted=shut)
    return account, Marks(marks, {}, indexes)


def lots_of(lots: Random, index: Decimal) -> Decimal:
    dollars = lots.choice([lots.randint(-40000, 150000), lots.randint(0, 20000), 0])
    return (D(dollars) / index).quantize(D("1e-6"))


def position(
    lots: Random, symbol: str, mode: MarginMode, side: LegSide, mark: Decimal, leverages: dict[str, Decimal]
) -> Position:
    apart = f"|{side.value}" if mode is WALLED and side is not LegSide.NET else ""
    leverage, entry, size = leverages[f"{symbol}|{mode.value}{apart}"], near(lots, mark, 120), contracts(lots, symbol, mark)
    money = D(0)
    if mode is WALLED:
        amount = size * INSTRUMENTS[symbol].multiplier
        value = amount / entry if INSTRUMENTS[symbol].kind is Kind.INVERSE else amount * entry
        money = max(D("1e-8"), (value / leverage * lots.randint(500, 2500) / 1000).quantize(D("1e-8")))
    short = side is LegSide.SHORT or (side is LegSide.NET and lots.random() < 0.5)
    return Position(symbol, mode, side, -size if short else size, entry, leverage, money)


def order(lots: Random, n: int, symbol: str, side: LegSide, marks: dict[str, Decimal]) -> Order:
    price, stop = near(lots, marks[symbol], 100), lots.random() < 0.1
    return Order(
        str(n), symbol, lots.choice(["buy", "sell"]), contracts(lots, symbol, marks[symbol]),
        OrderType.STOP_MARKET if stop else OrderType.LIMIT, None if stop else price, price if stop else None,
        reduce_only=lots.random() < 0.15, mode=lots.choice([CROSS, CROSS, WALLED]), position_side=side,
    )  # fmt: skip


def with_spot_orders(account: Account, marks: Marks, lots: Random) -> tuple[Account, Marks]:
    """One to four orders for coins among the others, near the mark or far from it, small or beyond what is there."""
    orders, prices = list(account.orders), dict(marks.marks)
    for n in range(lots.randint(1, 4)):
        symbol = lots.choice(sorted(PAIRS))
        pair = PAIRS[symbol]
        fair = PRICES[pair.base] / PRICES.get(pair.quote, D(1))
        prices.setdefault(symbol, near(lots, fair, 20))
        size = (D(10) ** lots.randint(2, 4) * lots.randint(1, 80) / 10 / PRICES[pair.base]).quantize(D("1e-4"))
        kind = OrderType.STOP_MARKET if lots.random() < 0.1 else OrderType.LIMIT
        price = near(lots, prices[symbol], lots.choice([10, 200]))
        stop, limit = (price, None) if kind is OrderType.STOP_MARKET else (None, price)
        side = lots.choice(["buy", "sell"])
        made = Order(f"s{n}", symbol, side, max(size, D("1e-4")), kind, limit, stop, reduce_only=lots.random() < 0.1)
        orders.insert(lots.randint(0, len(orders)), msgspec.structs.replace(made, mode=CROSS))
    return msgspec.structs.replace(account, orders=tuple(orders)), Marks(prices, {}, marks.indexes)


def restated(account: Account) -> Restated:
    return Restated(account, INSTRUMENTS | PAIRS, COINS, Fraction(account.fees.taker_rate))


def fractions(marks: Marks) -> tuple[Prices, Prices]:
    return {s: Fraction(m) for s, m in marks.marks.items()}, {a: Fraction(i) for a, i in marks.indexes.items()}


def on_a_line(account: Account, marks: Marks, lots: Random) -> Account:
    """The account moved onto its trigger, a slice's bound, a debt's bound, or a coin with nothing left, by its cash."""
    truth, (at, indexes) = restated(account), fractions(marks)
    asset = lots.choice(truth.assets())
    kind = lots.choice(["trigger", "slice", "debt", "nothing"])
    equity = truth.equity(asset, at)
    if kind == "trigger":
        shift = -truth.headroom(at, indexes) / indexes[asset]
    elif kind == "slice":
        floor = Fraction(lots.choice(COINS[asset].collateral_tiers).floor)
        shift = (floor / indexes[asset] if COINS[asset].by_worth else floor) - equity
    elif kind == "debt" and COINS[asset].loan_tiers:
        shift = -Fraction(lots.choice(COINS[asset].loan_tiers).floor) - equity
    else:
        shift = -equity
    with exact():
        moved = account.cash.get(asset, D(0)) + D(shift.numerator) / D(shift.denominator)
    return msgspec.structs.replace(account, cash=account.cash | {asset: moved})


def close(got: Decimal | None, truth: Fraction, scale: Fraction, what: str) -> None:
    assert got is not None, what
    assert abs(Fraction(got) - truth) <= CLOSE * max(scale, abs(truth)), (what, got, float(truth))


def ends(
    prices: tuple[Decimal | None, Decimal | None], mark: Fraction, headroom: Callable[[Fraction], Fraction], size: Fraction
) -> None:
    """Of a pool that holds at its mark: at the prices found it has just nothing left, between them it holds (headroom is
    concave there, and looked at besides), and on a side without a price it holds however far the mark goes."""
    found = sorted(Fraction(p) / mark for p in prices if p is not None)
    below, above = [x for x in found if x < 1], [x for x in found if x > 1]
    assert len(below) <= 1 and len(above) <= 1
    for x in found:
        assert abs(headroom(x)) <= 10 * CLOSE * size * max(x, 1), (prices, float(mark), float(headroom(x)))
    low, high = (below or [1 / FAR])[0], (above or [FAR])[0]
    for n in range(1, 8):
        for end in (low, high):
            assert headroom(1 + (end - 1) * n / 8) > 0, (prices, float(mark))
    if not below:
        assert headroom(1 / FAR) > -NEAR * size, (prices, "below")
    if not above:
        assert headroom(FAR) > -NEAR * size, (prices, "above")


def check_prices(ours: LegView, truth: Restated, at: Prices, indexes: Prices, size: Fraction, inside: PoolView) -> None:
    """This mark alone; and all marks of its coin with the coin's index."""
    symbol, instrument = ours.symbol, INSTRUMENTS[ours.symbol]
    isolated = ours.mode is WALLED
    held = next(p for p in truth.account.positions if (p.symbol, p.mode) == (symbol, ours.mode) and p.size == ours.size)

    def walled(mark: Fraction) -> Fraction:
        leg = truth.leg(held, mark)
        return Fraction(held.isolated_margin) + leg.balance - leg.requirement

    def alone(x: Fraction) -> Fraction:
        mark = at[symbol] * (1 / x if instrument.kind is Kind.INVERSE else x)
        return walled(mark) if isolated else truth.headroom(at | {symbol: mark}, indexes)

    def turned(price: Decimal | None) -> Decimal | None:
        if price is None or instrument.kind is Kind.LINEAR:
            return price
        with exact(60):
            mark = D(at[symbol].numerator) / D(at[symbol].denominator)
            return mark * mark / price

    prices = (turned(ours.liquidation_price), turned(ours.other_liquidation_price))
    ends(prices, at[symbol], alone, size)
    coin = {instrument.base} & set(truth.assets())

    def together(x: Fraction) -> Fraction:
        moved = {s: at[s] * x for s in at if (INSTRUMENTS | PAIRS)[s].base == instrument.base}
        return truth.headroom(at | moved, indexes | {a: indexes[a] * x for a in coin})

    got = ours.underlying_liquidation_price
    if got is not None and not isolated:
        x = Fraction(got) / at[symbol]
        assert abs(together(x)) <= 100 * CLOSE * size * max(x, 1 / x), (symbol, "together", got)
        assert all(together(1 + (x - 1) * n / 8) > 0 for n in range(1, 8))
    elif not isolated:
        assert all(together(x) > -NEAR * size for x in (1 / FAR, Fraction(1, 10), Fraction(10)))
    assert inside.liquidatable is False


def check_walls(view_legs: tuple[LegView, ...], pools: dict[str, PoolView], truth: Restated, at: Prices) -> None:
    for ours, p in zip(view_legs, [*truth.cross(), *(p for p in truth.account.positions if p.mode is WALLED)], strict=True):
        leg, mine = truth.leg(p, at[p.symbol]), truth.value(p.symbol, truth.q(p.size, p.symbol), at[p.symbol])
        size = 3 * mine + abs(leg.balance)
        close(ours.notional, mine, size, "notional")
        close(ours.unrealised_pnl, leg.balance, size, "profit")
        close(ours.initial_margin, leg.initial, size, "initial of a leg")
        close(ours.maintenance_margin, leg.maintenance, size, "maintenance of a leg")
        if p.mode is WALLED:
            pool = pools[ours.pool]
            close(pool.margin_balance, Fraction(p.isolated_margin) + leg.balance, size, "wall")
            close(pool.requirement, leg.requirement, size, "requirement of a wall")


def check_coins(account: Account, marks: Marks, truth: Restated, at: Prices, indexes: Prices, size: Fraction) -> None:
    view = assess(account, marks, BOOK)
    room = truth.room(at, indexes)
    for coin in view.assets:
        a, index = coin.asset, indexes[coin.asset]
        each = size / index
        walls = [p for p in account.positions if p.mode is WALLED and INSTRUMENTS[p.symbol].settle == a]
        inside = sum((Fraction(p.isolated_margin) + truth.leg(p, at[p.symbol]).balance for p in walls), ZERO)
        equity, frozen = truth.equity(a, at), truth.frozen(a, at)
        close(coin.equity, equity + inside, each, f"equity {a}")
        close(coin.borrowed, max(ZERO, -equity), each, f"borrowed {a}")
        close(coin.collateral_value, truth.worth(a, equity, index), size, f"collateral {a}")
        close(coin.available_balance, max(ZERO, equity - frozen), each, f"available {a}")
        own = room / index
        if account.options["auto_borrow"] == "off":
            own = min(own, equity - frozen)
        close(coin.for_orders, max(ZERO, own), each, f"for orders {a}")
        leaving = Fraction(coin.withdrawable)
        assert 0 <= leaving <= max(ZERO, truth.settled(a) + min(ZERO, truth.profit(a, at)) - frozen) + CLOSE * each
        after = restated(account)._replace(
            account=msgspec.structs.replace(account, cash=account.cash | {a: account.cash.get(a, D(0)) - coin.withdrawable})
        )
        assert leaving == 0 or after.room(at, indexes) >= -10 * CLOSE * size, ("what may leave", a)


def compare(seed: int, seen: Counter[str], spot: bool = False) -> None:
    account, marks = drawn(seed)
    if spot:
        account, marks = with_spot_orders(account, marks, Random(seed + 10**6))
    if seed % 3 == 0:
        account = on_a_line(account, marks, Random(-seed))
    truth, (at, indexes) = restated(account), fractions(marks)
    view, total = assess(account, marks, BOOK), truth.total(at, indexes)
    pools = {pool.key: pool for pool in view.pools}
    pool, whole = pools["account"], view.account
    assert whole is not None
    size = Fraction(pool.scale) + total.initial
    close(pool.margin_balance, total.balance, size, "balance")
    close(pool.initial_margin, total.initial, size, "initial")
    close(pool.maintenance_margin, total.maintenance, size, "maintenance")
    close(pool.requirement, total.requirement, size, "requirement")
    shut = truth.restricted_worth(at, indexes)
    close(whole.available_balance, total.balance - total.initial - shut, size, "available")
    headroom = total.balance - total.requirement
    decided = abs(headroom) > CLOSE * size
    seen["on the trigger"] += not decided
    if decided:
        assert pool.liquidatable == (total.requirement > 0 and headroom <= 0)
    check_walls(view.legs, pools, truth, at)
    check_coins(account, marks, truth, at, indexes, size)
    for ours in view.legs:
        wall = pools[ours.pool]
        if wall.headroom > 0 and (wall.key != "account" or decided):
            check_prices(ours, truth, at, indexes, (size + Fraction(wall.scale)) * 1000, wall)
            seen[f"prices {ours.mode.value}"] += 1
    seen["potential borrow"] += any(truth.promised(a) > max(ZERO, truth.equity(a, at)) for a in truth.assets())
    seen["loss of an order"] += truth.filling_losses(at, indexes) > 0
    for name in ("restricted", "orders", "borrowed", "not_collateral"):
        seen[name] += bool(getattr(account, name))


@pytest.mark.parametrize("start", range(0, len(SEEDS), 40))
def test_random_accounts_are_those_of_the_restatement(start: int) -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS[start : start + 40]:
        compare(seed, seen)
    assert seen["prices cross"] > 10 and seen["prices isolated"] > 5 and seen["restricted"] and seen["borrowed"]


@pytest.mark.parametrize("start", range(0, len(SEEDS), 40))
def test_with_spot_orders_at_rest_they_are_those_of_the_restatement(start: int) -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS[start : start + 40]:
        compare(seed, seen, True)
    assert seen["potential borrow"] > 10 and seen["loss of an order"] > 10 and seen["prices cross"] > 10


def test_a_coins_own_price_is_where_its_index_alone_ends_the_account() -> None:
    """1 BTC at 0.98 up to one coin behind a debt of 30,000 USDT: 0.98*x = 30000*(1 + 0.02*1.001 + 0.001) - 1000 USDC * 0.98."""
    cash = {"BTC": D(1), "USDT": D(-30000), "USDC": D(1000)}
    account = Account(PositionMode.ONE_WAY, cash, fees=Fees(D(0), D("0.0005")))
    view = assess(account, Marks({}, {}, {"BTC": D(50000), "USDT": D(1), "USDC": D(1)}), BOOK)
    price = next(a.liquidation_price for a in view.assets if a.asset == "BTC")
    wanted = (30000 * (1 + Fraction(2, 100) * Fraction(1001, 1000) + Fraction(1, 1000)) - 980) / Fraction(98, 100)
    assert price is not None and abs(Fraction(price) - wanted) < Fraction(1, 10**25)


def rich_in_btc(auto_borrow: str, shut: tuple[str, ...] = ()) -> State:
    account = Account(
        PositionMode.ONE_WAY, {"BTC": D("0.5"), "USDT": D(1000)}, leverages={"ETH-USDT-SWAP|cross": D(10)},
        fees=Fees(D("0.0002"), D("0.0005")), options={"auto_borrow": auto_borrow}, restricted=shut,
    )  # fmt: skip
    marks = {"ETH-USDT-SWAP": D(2500)}
    return State(account, Marks(marks, dict(marks), {"BTC": D(50000), "USDT": D(1)}))


def bought(state: State, size: str, mode: MarginMode = CROSS) -> Reason | None:
    order = Order("1", "ETH-USDT-SWAP", "buy", D(size), OrderType.MARKET, mode=mode)
    reject = decide(state, PlaceOrder(order, mode), Venue(BOOK)).reject
    return None if reject is None else reject.reason


def test_with_auto_borrow_orders_lean_on_all_coins_and_without_on_their_own() -> None:
    """0.5 BTC count 24,500: with 1,000 USDT an order at 10x of 80 contracts (2,000 of margin) is carried by both, not by the
    dollars alone; the coins of a restricted currency carry none."""
    assert bought(rich_in_btc("on"), "80") is None
    assert bought(rich_in_btc("off"), "80") is Reason.NOT_ENOUGH_MARGIN
    assert bought(rich_in_btc("off"), "39") is None
    assert bought(rich_in_btc("on", ("BTC",)), "80") is Reason.NOT_ENOUGH_MARGIN
    assert bought(rich_in_btc("on"), "80", WALLED) is Reason.NOT_ENOUGH_MARGIN, "a wall needs the coin's own money"


def test_a_coin_leaves_as_far_as_the_rest_still_carries_the_margins() -> None:
    """Short 100 contracts at 10x: 2,500 of margin. 1,000 USDT and 0.5 BTC at 0.98: BTC may leave until 0.98 * 50000 * left is
    1,500 and the position is carried; nothing of the dollars, which are all frozen."""
    state = rich_in_btc("on")
    held = Position("ETH-USDT-SWAP", CROSS, LegSide.NET, D(-100), D(2500), D(10))
    state = msgspec.structs.replace(state, account=msgspec.structs.replace(state.account, positions=(held,)))
    assert decide(state, Withdraw("USDT", D(1)), Venue(BOOK)).reject is not None
    left = D(1500) / D(49000)
    most = D("0.5") - left.quantize(D("1e-12"), "ROUND_CEILING")
    assert decide(state, Withdraw("BTC", most), Venue(BOOK)).reject is None
    assert decide(state, Withdraw("BTC", most + D("1e-11")), Venue(BOOK)).reject is not None


def test_slices_in_dollars_and_in_coins_are_told_apart() -> None:
    """ETH counts by its worth: 20,000 at 0.95 and 5,000 at 0.85; BTC by coins: 1 at 0.98 and 0.5 at 0.95."""
    account = Account(PositionMode.ONE_WAY, {"ETH": D(10), "BTC": D("1.5")})
    view = assess(account, Marks({}, {}, {"ETH": D(2500), "BTC": D(50000)}), BOOK)
    assert {a.asset: a.collateral_value for a in view.assets} == {"ETH": D(23250), "BTC": D(72750)}
    assert all(a <= b for a, b in pairwise(sorted(a.withdrawable for a in view.assets)))


def test_coins_bought_on_credit_fail_where_the_debt_no_longer_is_carried() -> None:
    """0.2 BTC bought at 100,000 with 5,000 USDT and a fee of 10: a debt of 15,010. 0.98 * 0.2 * x is then 15,010 and its
    needs, 2 % of it and 0.1 % of 1.02 times it; its initial margin is 15,010 / 5 at a leverage of 5."""
    pair = Instrument("BTC-USDT", Kind.SPOT, "BTC", "USDT", "USDT", D(1), (Bracket(D(0), None, D("0.02"), D(0), D(10)),))
    book = for_case(load("okx_multi"), INSTRUMENTS | {"BTC-USDT": pair}, date(2025, 2, 19), COINS)
    account = Account(
        PositionMode.ONE_WAY, {"USDT": D(5000)}, leverages={"BTC-USDT|cross": D(5)},
        fees=Fees(D(0), D("0.0005")), interest_rates={"USDT": D("0.1")},
    )  # fmt: skip
    marks = {"BTC-USDT": D(100000)}
    state = State(account, Marks(marks, dict(marks), {"BTC": D(100000), "USDT": D(1)}))
    order = Order("1", "BTC-USDT", "buy", D("0.2"), OrderType.MARKET, mode=CROSS)
    after = decide(state, PlaceOrder(order, CROSS), Venue(book)).state
    view = assess(after.account, after.marks, book)
    owed, worth = Fraction(15010), Fraction(98, 100) * 20000
    assert view.account is not None and view.account.initial_margin == 3002
    assert view.pools[0].margin_balance == worth - owed
    price = view.legs[0].liquidation_price
    wanted = owed * (1 + Fraction(2, 100) + Fraction(102, 100) / 1000) / Fraction(196, 1000)
    assert price is not None and abs(Fraction(price) - wanted) < Fraction(1, 10**25)
    assert decide(after, PlaceOrder(order, WALLED), Venue(book)).reject is not None


@pytest.mark.parametrize("seed", range(12))
def test_without_borrowing_orders_for_coins_never_leave_a_debt(seed: int) -> None:
    """Random limits and prices, some of which jump: what is accepted can be paid for, whatever fills, and what was there is
    what is there with what was traded."""
    lots = Random(seed)
    fees = Fees(D("0.001"), D("0.0015"))
    cash = {"USDT": D(5000), "USDC": D(1000), "BTC": D("0.05"), "ETH": D(1)}
    account = Account(PositionMode.ONE_WAY, cash, fees=fees, options={"auto_borrow": "off"})
    fair = {s: PRICES[i.base] / PRICES.get(i.quote, D(1)) for s, i in PAIRS.items()}
    indexes = {"USDT": D(1), "USDC": D(1), "BTC": D(50000), "ETH": D(2500)}
    state, filled, refused = State(account, Marks(fair, fair, indexes)), 0, 0
    for n in range(60):
        symbol = lots.choice(sorted(PAIRS))
        size = (D(lots.randint(50, 3000)) / PRICES[PAIRS[symbol].base]).quantize(D("1e-6"))
        side = lots.choice(["buy", "sell"])
        order = Order(str(n), symbol, side, size, OrderType.LIMIT, near(lots, fair[symbol], 60), mode=CROSS)
        placed = decide(state, PlaceOrder(order, CROSS), Venue(BOOK))
        refused += placed.reject is not None
        state = placed.state
        marks = {s: near(lots, p, 60) for s, p in fair.items()}
        moved = decide(state, SetMarks(marks, marks, indexes), Venue(BOOK))
        filled += sum(isinstance(e, Traded) for e in moved.events)
        state = moved.state
        assert all(there >= 0 for there in state.account.cash.values()), (n, state.account.cash)
        view = assess(state.account, state.marks, BOOK, SolvedPrices.NONE)
        assert view.account is not None and view.account.initial_margin == 0
    assert filled > 10 and refused > 5
