"""Bybit's unified account against an independent restatement in whole fractions: every number of random accounts, half of
which stand exactly on a line (a trigger, a tier, a slice of a coin, nothing left of a coin)."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random

import msgspec
import pytest
from bybit_uta_restated import (
    ZERO,
    Restated,
    Side,
    Walled,
    available,
    cross,
    fractions,
    kinks,
    restated,
    roots,
)

from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.views import Assessment, LegView
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
LOW, HIGH = Fraction(1, 10**20), Fraction(10**20)
SEEDS = range(300)


def tiers(*rows: tuple[str, str]) -> tuple[Bracket, ...]:
    """(floor, rate) with the deductions that keep maintenance continuous."""
    out: list[Bracket] = []
    for n, (floor, rate) in enumerate(rows):
        deduction = out[-1].deduction + D(floor) * (D(rate) - out[-1].maintenance_rate) if out else D(0)
        cap = D(rows[n + 1][0]) if n + 1 < len(rows) else None
        out.append(Bracket(D(floor), cap, D(rate), deduction))
    return tuple(out)


def contract(symbol: str, kind: Kind, base: str, settle: str, rows: tuple[Bracket, ...], rate: str | None = None) -> Instrument:
    quote = settle if kind is Kind.LINEAR else "USD"
    taker = None if rate is None else D(rate)
    return Instrument(symbol, kind, base, quote, settle, D(1), rows, "notional", D("0.01"), D("0.001"), taker_rate=taker)


STEEP = tiers(("0", "0.005"), ("50000", "0.01"), ("120000", "0.025"), ("400000", "0.1"), ("1000000", "0.3"))
LINEAR, INVERSE = Kind.LINEAR, Kind.INVERSE
INSTRUMENTS = {
    i.symbol: i
    for i in (
        contract("BTCUSDT", LINEAR, "BTC", "USDT", STEEP),
        contract("ETHUSDT", LINEAR, "ETH", "USDT", tiers(("0", "0.004"), ("20000", "0.02"), ("60000", "0.05")), "0.000649"),
        contract("ADAUSDT", LINEAR, "ADA", "USDT", tiers(("0", "0.0075"), ("2000", "0.01"), ("5000", "0.4"))),
        contract("BTCPERP", LINEAR, "BTC", "USDC", tiers(("0", "0.004"))),
        contract("BTCUSD", INVERSE, "BTC", "BTC", tiers(("0", "0.005"), ("1.5", "0.01"), ("4", "0.05"))),
        contract("ETHUSD", INVERSE, "ETH", "ETH", tiers(("0", "0.005"), ("20", "0.02"))),
    )
}


def slices(*rows: tuple[str, str]) -> tuple[CollateralTier, ...]:
    tops = [D(floor) for floor, _ in rows[1:]]
    return tuple(CollateralTier(D(f), c, D(r)) for (f, r), c in zip(rows, [*tops, None], strict=True))


def loans(*rows: tuple[str, str, str]) -> tuple[LoanTier, ...]:
    tops = [D(row[0]) for row in rows[1:]]
    return tuple(LoanTier(D(f), c, D(i), D(m)) for (f, i, m), c in zip(rows, [*tops, None], strict=True))


COINS = {
    "USDT": Coin(slices(("0", "1")), loans(("0", "0.2", "0.04"), ("20000", "0.25", "0.05"))),
    "USDC": Coin(slices(("0", "1"), ("10000", "0.9")), loans(("0", "0.2", "0.04"))),
    "BTC": Coin(slices(("0", "0.98"), ("1", "0.95"), ("3", "0.8"), ("6", "0")), loans(("0", "0.2", "0.04"), ("2", "1", "0.1"))),
    "ETH": Coin(slices(("0", "0.95"), ("10", "0.9")), loans(("0", "0.33333333", "0.05"))),
}
PRICES = {
    "BTC": ("40000", "50000", "62500", "64000", "51200.5"),
    "ETH": ("2000", "2500", "3125", "3199.99"),
    "ADA": ("0.5", "0.64"),
}
BOOK = for_case(load("bybit_uta"), INSTRUMENTS, date(2026, 8, 5), COINS)
TIERS = {asset: (coin.collateral_tiers, coin.loan_tiers) for asset, coin in COINS.items()}


def drawn(seed: int) -> tuple[Account, Marks]:
    """A random account: cross with several coins (odd seeds isolated every third time), or isolated, one-way or hedged."""
    lots = Random(seed)
    walled, hedge = seed % 3 == 2, lots.random() < 0.4
    hedge = hedge and walled
    symbols = lots.sample(sorted(INSTRUMENTS), lots.randint(1, 4))
    marks = {s: price_near(lots, D(lots.choice(PRICES[INSTRUMENTS[s].base])), 30) for s in sorted(INSTRUMENTS)}
    indexes = {"USDT": D(lots.choice(["1", "0.9994", "1.002"])), "USDC": D(lots.choice(["1", "1.0001"]))}
    indexes |= {a: price_near(lots, D(lots.choice(PRICES[a])), 10) for a in ("BTC", "ETH")}
    mode = MarginMode.ISOLATED if walled else MarginMode.CROSS
    leverages = {s: D(lots.choice(["1", "2", "3", "5", "7.5", "12", "13", "25", "50"])) for s in INSTRUMENTS}
    positions = []
    for symbol in symbols:
        sides = lots.choice([(LegSide.LONG,), (LegSide.SHORT,), (LegSide.LONG, LegSide.SHORT)])
        for side in sides if hedge else sides[:1]:
            positions.append(position(lots, symbol, marks[symbol], leverages[symbol], mode, side, hedge))
    wanted = [lots.choice([*symbols, *sorted(INSTRUMENTS)]) for _ in range(lots.randint(0, 4))]
    orders = tuple(order(lots, n, symbol, marks, mode, hedge) for n, symbol in enumerate(wanted))
    assets = {INSTRUMENTS[x.symbol].settle for x in (*positions, *orders)}
    gross = sum((value_of(p, marks) * indexes[INSTRUMENTS[p.symbol].settle] for p in positions), D(0))
    cash = {}
    for asset in sorted(assets | set(lots.sample(sorted(COINS), lots.randint(0, 3)))):
        share = D(lots.choice([lots.randint(-150, 400), lots.randint(0, 60), 0])) / 1000
        cash[asset] = (gross * (abs(share) if walled else share) / indexes[asset]).quantize(D("1e-6"))
    owing = [a for a in cash if not walled and lots.random() < 0.2]
    borrowed = {a: (abs(cash[a]) * lots.randint(1, 30) / 10).quantize(D("1e-4")) for a in owing}
    off = tuple(a for a in cash if a not in ("USDT", "USDC") and lots.random() < 0.2)
    options = {"margin_mode": mode.value} | ({"margin_basis": "entry"} if lots.random() < 0.2 else {})
    both = {f"{s}:{w}": L for s, L in leverages.items() for w in ("long", "short")}
    fees = Fees(D(0), D(lots.choice(["0.00055", "0.001"])))
    held = PositionMode.HEDGE if hedge else PositionMode.ONE_WAY
    modes = dict.fromkeys(INSTRUMENTS, mode) if walled else {}
    account = Account(held, cash, tuple(positions), orders, leverages | both, modes, fees, options, borrowed, off)
    return account, Marks(marks, {}, indexes)


def price_near(lots: Random, price: Decimal, thousandths: int) -> Decimal:
    if lots.random() < 0.4:
        return price
    return (price * (1 + D(lots.randint(-thousandths, thousandths)) / 1000)).quantize(D("0.0001"))


def value_of(p: Position, marks: dict[str, Decimal]) -> Decimal:
    inverse = INSTRUMENTS[p.symbol].kind is INVERSE
    return abs(p.size) / marks[p.symbol] if inverse else abs(p.size) * marks[p.symbol]


def size_of(lots: Random, symbol: str, price: Decimal) -> Decimal:
    dollars = D(10) ** lots.randint(2, 5) * lots.randint(1, 99) / 10
    if INSTRUMENTS[symbol].kind is INVERSE:
        return dollars.quantize(D(1)) or D(1)
    return max(D("0.001"), (dollars / price).quantize(D("0.001")))


def position(
    lots: Random, symbol: str, mark: Decimal, leverage: Decimal, mode: MarginMode, side: LegSide, hedge: bool
) -> Position:
    entry, size = price_near(lots, mark, 200), size_of(lots, symbol, mark)
    money = D(0)
    if mode is MarginMode.ISOLATED:
        inverse = INSTRUMENTS[symbol].kind is INVERSE
        value = size / entry if inverse else size * entry
        share = D(lots.choice([1000, lots.randint(300, 1100), lots.randint(1000, 3000), lots.randint(0, 100000)])) / 1000
        money = max(D("1e-8"), (value / leverage * share).quantize(D("1e-8")))
    signed = size if side is LegSide.LONG else -size
    return Position(symbol, mode, side if hedge else LegSide.NET, signed, entry, leverage, money)


def order(lots: Random, n: int, symbol: str, marks: dict[str, Decimal], mode: MarginMode, hedge: bool) -> Order:
    price, size = price_near(lots, marks[symbol], 150), size_of(lots, symbol, marks[symbol])
    side = lots.choice([LegSide.LONG, LegSide.SHORT]) if hedge else LegSide.NET
    reduce_only = lots.random() < 0.15
    stop = lots.random() < 0.1
    return Order(
        str(n), symbol, lots.choice(["buy", "sell"]), size, OrderType.STOP_MARKET if stop else OrderType.LIMIT,
        None if stop else price, price if stop else None, reduce_only=reduce_only, mode=mode, position_side=side,
    )  # fmt: skip


# half of the accounts are put onto a line


def decimal_of(value: Fraction) -> Decimal:
    with exact():
        return D(value.numerator) / D(value.denominator)


def on_a_line(account: Account, marks: Marks, lots: Random) -> tuple[Account, Marks]:
    """The account moved onto a trigger, a tier's bound, a slice's bound or a coin with nothing left."""
    truth = restated(account, INSTRUMENTS, TIERS, account.options.get("margin_basis") != "entry")
    at, indexes = fractions(marks)
    kind = lots.choice(["trigger", "price", "tier", "slice", "nothing", "borrow"])
    chosen = lots.choice(account.positions)
    if kind == "tier":
        floor = Fraction(lots.choice(INSTRUMENTS[chosen.symbol].brackets).floor)
        ordered = truth.dearer(chosen.symbol, chosen.side)[0] if truth.crossed else ZERO
        at_price = at[chosen.symbol] if truth.on_mark else Fraction(chosen.entry_price)
        inverse = INSTRUMENTS[chosen.symbol].kind is INVERSE
        wanted = (floor - ordered) * at_price if inverse else (floor - ordered) / at_price
        if wanted > 0:
            size = decimal_of(wanted) if chosen.size > 0 else -decimal_of(wanted)
            new = msgspec.structs.replace(chosen, size=size)
            account = replaced(account, chosen, new)
        return account, marks
    if kind == "price":
        found = next(v for v in assess(account, marks, BOOK, Prices.OWN).legs if v.symbol == chosen.symbol)
        if found.liquidation_price is None:
            return account, marks
        return account, msgspec.structs.replace(marks, marks=marks.marks | {chosen.symbol: found.liquidation_price})
    if not truth.crossed:
        if kind == "trigger":
            money = Fraction(chosen.isolated_margin) - Walled(truth, chosen).headroom(at)
            if money > 0:
                account = replaced(account, chosen, msgspec.structs.replace(chosen, isolated_margin=decimal_of(money)))
        return account, marks
    asset = lots.choice(truth.coins())
    if kind == "trigger":
        shift = -cross(truth, at, indexes).headroom / indexes[asset]
    elif kind == "slice":
        shift = Fraction(lots.choice(COINS[asset].collateral_tiers).floor) - truth.equity(asset, at)
    elif kind == "borrow":
        shift = -Fraction(lots.choice(COINS[asset].loan_tiers).floor) - truth.wallet(asset) - truth.profit(asset, at)
    else:
        shift = -truth.equity(asset, at)
    cash = account.cash | {asset: decimal_of(truth.wallet(asset) + shift)}
    return msgspec.structs.replace(account, cash=cash), marks


def replaced(account: Account, old: Position, new: Position) -> Account:
    return msgspec.structs.replace(account, positions=tuple(new if p is old else p for p in account.positions))


# the comparison

Room = Callable[[Fraction], Fraction]
"""How far a price may be off: what rounding of the sums it comes from does to it."""



def close(got: Decimal, truth: Fraction, scale: Fraction, what: str) -> None:
    assert abs(Fraction(got) - truth) <= CLOSE * max(scale, abs(truth)), (what, got, float(truth))


def check_prices(
    own: tuple[Decimal | None, Decimal | None], mark: Fraction, found: list[Fraction], holds: bool, room: Room, what: str
) -> None:
    """The nearest and the other price among the restated ones. From a pool that fails, the price at which it would hold."""
    below = max((p for p in found if p < mark), default=None)
    above = min((p for p in found if p > mark), default=None)
    truth = [p for p in (below, above) if p is not None]
    if holds:
        truth.sort(key=lambda p: max(p / mark, mark / p))
    got = [Fraction(p) for p in own if p is not None]
    if holds:
        assert len(got) == len(truth), (what, own, [float(p) for p in truth])
        for ours, theirs in zip(got, truth, strict=True):
            assert abs(ours - theirs) <= room(theirs), (what, own, [float(p) for p in truth])
    else:
        assert len(got) <= 1, what
        assert bool(got) == bool(truth), (what, own, [float(p) for p in truth])
        assert all(any(abs(p - t) <= room(t) for t in truth) for p in got), (what, own)


def room_of(leg: Side, scale: Fraction) -> Room:
    def room(price: Fraction) -> Fraction:
        return 10 * CLOSE * (price + scale / leg.q * (price * price if leg.inverse else 1))

    return room


def line_of(headroom: Callable[[Fraction], Fraction], bends: list[Fraction], inverse: bool) -> list[Fraction]:
    """The factors on prices at which the pool changes between holding and failing."""
    found = roots(headroom, bends, LOW, HIGH)
    return sorted(1 / x for x in found) if inverse else found


def compare_cross(account: Account, marks: Marks, seen: Counter[str]) -> None:
    truth = restated(account, INSTRUMENTS, TIERS, account.options.get("margin_basis") != "entry")
    at, indexes = fractions(marks)
    view, total = assess(account, marks, BOOK), cross(truth, at, indexes)
    pool, whole = next(p for p in view.pools if p.key == "account"), view.account
    assert whole is not None
    scale = Fraction(pool.scale) + total.initial
    close(pool.margin_balance, total.balance, scale, "balance")
    close(pool.initial_margin, total.initial, scale, "initial")
    close(pool.maintenance_margin, total.maintenance, scale, "maintenance")
    close(pool.requirement, total.maintenance - total.order_loss, scale, "requirement")
    close(whole.available_balance, total.balance - total.initial, scale, "available")
    close(whole.equity, sum((truth.equity(a, at) * indexes[a] for a in truth.coins()), ZERO), scale, "equity")
    decided = abs(total.headroom) > CLOSE * scale
    seen["on the trigger"] += not decided
    if decided:
        needs = total.maintenance - total.order_loss > 0
        assert pool.liquidatable == (needs and total.headroom <= 0)
    check_rates(view, total.maintenance, total.initial, total.balance + total.order_loss)
    for coin in view.assets:
        a = coin.asset
        close(coin.equity, truth.equity(a, at), scale / indexes[a], f"equity {a}")
        assert coin.collateral_value is not None
        close(coin.collateral_value, truth.counted(a, at) * indexes[a], scale, f"collateral {a}")
        close(coin.borrowed, truth.owed(a, at), scale / indexes[a], f"borrowed {a}")
    for ours, p in zip(view.legs, account.positions, strict=True):
        check_leg(ours, truth, p, at)
        estimate(ours, truth, p, at, total.balance - total.maintenance, scale)
        if decided:
            check_lines(ours, truth, at, indexes, scale, total.headroom > 0)
    seen["cross"] += 1


def check_rates(view: Assessment, maintenance: Fraction, initial: Fraction, backing: Fraction) -> None:
    """Cut to four decimals; where the true rate is a hair from a step either side will do."""
    pool, whole = view.pools[0], view.account
    assert whole is not None
    for got, need in ((pool.venue_ratio, maintenance), (whole.venue_initial_ratio, initial)):
        if got is None:
            assert backing <= CLOSE * Fraction(pool.scale) or view.pools[0].requirement == 0
        else:
            true = need / backing
            cut = Fraction(got) <= true * (1 + CLOSE) and true * (1 - CLOSE) < Fraction(got) + Fraction(1, 10**4)
            assert cut or true > 10**18


def check_leg(ours: LegView, truth: Restated, p: Position, at: dict[str, Fraction]) -> None:
    leg, mark = truth.leg(p), at[p.symbol]
    mine = leg.value(mark) + leg.value(leg.e)
    close(ours.notional, leg.value(mark), mine, "notional")
    close(ours.unrealised_pnl, leg.pnl(mark), mine, "profit")
    close(ours.initial_margin, truth.initial(p, at), mine, "initial of a leg")
    held = leg.value(mark if truth.on_mark else leg.e) + (truth.dearer(p.symbol, p.side)[0] if truth.crossed else 0)
    if not any(abs(held - floor) <= CLOSE * held for floor, _, _ in truth.rows(p.symbol)):
        close(ours.maintenance_margin, truth.maintenance(p, at), mine, "maintenance of a leg")
    close(ours.closing_fee, leg.fee_reserve(1 / leg.lev), mine, "closing fee")


def estimate(ours: LegView, truth: Restated, p: Position, at: dict[str, Fraction], left: Fraction, scale: Fraction) -> None:
    """The displayed estimate: P - s*(balance - maintenance)/(q*k)."""
    leg = truth.leg(p)
    if leg.inverse:
        assert ours.displayed_liquidation_price is None
        return
    k = Fraction(1)
    if truth.equity(leg.settle, at) < 0:
        debt, rows = truth.owed(leg.settle, at), truth.tiers[leg.settle][1]
        k += Fraction([row for n, row in enumerate(rows) if n == 0 or debt > row.floor][-1].maintenance_rate)
    if abs(truth.equity(leg.settle, at)) <= CLOSE * scale:
        return
    found = at[p.symbol] - leg.s * left / (leg.q * k)
    if found > CLOSE * scale / leg.q:
        assert ours.displayed_liquidation_price is not None
        close(ours.displayed_liquidation_price, found, scale / leg.q, "estimate")
    elif found < -CLOSE * scale / leg.q:
        assert ours.displayed_liquidation_price is None


def check_lines(
    ours: LegView, truth: Restated, at: dict[str, Fraction], indexes: dict[str, Fraction], scale: Fraction, holds: bool
) -> None:
    """The price of this market alone with all indexes frozen, and that of all markets of its coin with the coin's index."""
    symbol, instrument = ours.symbol, INSTRUMENTS[ours.symbol]
    inverse = instrument.kind is INVERSE
    leg = next(truth.leg(p) for p in truth.account.positions if p.symbol == symbol)
    room = room_of(leg, scale / indexes[leg.settle])

    def alone(x: Fraction) -> Fraction:
        k = 1 / x if inverse else x
        return cross(truth, at | {symbol: at[symbol] * k}, indexes).headroom

    found = [at[symbol] * k for k in line_of(alone, kinks(truth, at, {symbol}, inverse), inverse)]
    check_prices((ours.liquidation_price, ours.other_liquidation_price), at[symbol], found, holds, room, f"{symbol} alone")
    touched = {o.symbol for o, _ in truth.resting()} | {p.symbol for p in truth.account.positions}
    moving = {s for s in touched if INSTRUMENTS[s].base == instrument.base}
    coin = {instrument.base} & set(truth.coins())

    def together(x: Fraction) -> Fraction:
        moved = at | {s: at[s] * x for s in moving}
        return cross(truth, moved, indexes | {a: indexes[a] * x for a in coin}).headroom

    bends = kinks(truth, at, moving, False)
    found = [at[symbol] * k for k in line_of(together, bends, False)]
    below = max((p for p in found if p < at[symbol]), default=None)
    above = min((p for p in found if p > at[symbol]), default=None)
    nearest = sorted((p for p in (below, above) if p is not None), key=lambda p: max(p / at[symbol], at[symbol] / p))
    got = ours.underlying_liquidation_price
    if holds:
        assert (got is None) == (not nearest), (symbol, "together", got, [float(p) for p in nearest])
    if got is not None:
        allowed = nearest[:1] if holds else nearest
        wide = 10 * CLOSE * scale
        assert any(abs(Fraction(got) - p) <= room(p) + wide * p for p in allowed), (symbol, "together", got)


def compare_isolated(account: Account, marks: Marks, seen: Counter[str]) -> None:
    truth = restated(account, INSTRUMENTS, TIERS, account.options.get("margin_basis") != "entry")
    at, _ = fractions(marks)
    view = assess(account, marks, BOOK)
    pools = {pool.key: pool for pool in view.pools}
    for ours, p in zip(view.legs, account.positions, strict=True):
        wall, pool, leg = Walled(truth, p), pools[ours.pool], truth.leg(p)
        scale = leg.value(at[p.symbol]) + leg.value(leg.e) + wall.money
        check_leg(ours, truth, p, at)
        close(ours.position_margin, wall.money, scale, "position margin")
        close(pool.margin_balance, wall.balance(at), scale, "balance")
        close(pool.requirement, wall.requirement(at), scale, "requirement")
        headroom = wall.headroom(at)
        seen["on the trigger"] += abs(headroom) <= CLOSE * scale
        found = wall.bankruptcy()
        assert (found is None) == (ours.bankruptcy_price is None)
        if found is not None and ours.bankruptcy_price is not None:
            each = found * found * scale / leg.q if leg.inverse else scale / leg.q
            close(ours.bankruptcy_price, found, each, "bankruptcy")
        held = leg.value(at[p.symbol] if truth.on_mark else leg.e)
        bounded = any(abs(held - floor) <= CLOSE * held for floor, _, _ in truth.rows(p.symbol))
        shown = wall.closed_form(at[p.symbol])
        if shown is not None and not bounded and ours.displayed_liquidation_price is not None:
            up = Fraction(ours.displayed_liquidation_price) - shown
            tick = Fraction(1, 100)
            assert -CLOSE * shown <= (up if leg.s > 0 else -up) < tick, ("displayed", ours.name, float(shown))
        if abs(headroom) <= CLOSE * scale:
            continue
        assert pool.liquidatable == (headroom <= 0)

        def alone(x: Fraction, wall: Walled = wall, leg_inverse: bool = leg.inverse, symbol: str = p.symbol) -> Fraction:
            return wall.headroom(at | {symbol: at[symbol] * (1 / x if leg_inverse else x)})

        prices = [at[p.symbol] * k for k in line_of(alone, kinks(truth, at, {p.symbol}, leg.inverse), leg.inverse)]
        own = (ours.liquidation_price, ours.other_liquidation_price)
        check_prices(own, at[p.symbol], prices, headroom > 0, room_of(leg, scale), f"{ours.name} in its wall")
        assert ours.underlying_liquidation_price == ours.liquidation_price
    for asset in view.assets:
        close(asset.available_balance, available(truth, asset.asset), abs(truth.wallet(asset.asset)) + 1, "available")
    seen["isolated"] += 1


def compare(seed: int, seen: Counter[str]) -> None:
    account, marks = drawn(seed)
    if seed % 2:
        account, marks = on_a_line(account, marks, Random(-seed))
    (compare_isolated if account.options["margin_mode"] == "isolated" else compare_cross)(account, marks, seen)


@pytest.mark.parametrize("start", range(0, len(SEEDS), 50))
def test_random_accounts_are_those_of_the_restatement(start: int) -> None:
    seen: Counter[str] = Counter()
    for seed in SEEDS[start : start + 50]:
        compare(seed, seen)
    assert seen["cross"] > 20 and seen["isolated"] > 10
