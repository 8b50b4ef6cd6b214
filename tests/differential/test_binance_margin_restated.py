"""Spot margin against an independent restatement in whole fractions: levels, liquidation, what may be borrowed and taken out,
prices; thousands of random accounts, many of which stand exactly on a level."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from binance_margin_restated import PAIRS, STOPS, Classic, Held, Pro, pair_price

from plimsoll.account.borrowing import borrowable
from plimsoll.account.state import State, Venue
from plimsoll.account.turn import Turn
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.views import Assessment
from plimsoll.model import (
    Account,
    Bracket,
    Coin,
    CollateralTier,
    Instrument,
    Kind,
    LegSide,
    LoanTier,
    MarginMode,
    Marks,
    Position,
    PositionMode,
    leg_key,
)
from plimsoll.number import exact
from plimsoll.rulebook import for_case
from plimsoll.table_files import load

D = Decimal
CLOSE = Fraction(1, 10**22)
RATIOS = {"BTC": "0.95", "ETH": "0.9", "ADA": "0.85", "USDT": "1"}
PRICES = {"BTC": 40000, "ETH": 2500, "ADA": 1, "USDT": 1}
TIERS = {
    "BTC": (("0", "0.1112", "0.05"), ("50000", "0.1429", "0.07"), ("100000", "0.2", "0.08")),
    "ETH": (("0", "0.1112", "0.05"), ("30000", "0.1429", "0.07")),
    "USDT": (("0", "0.1", "0.03"), ("25000", "0.125", "0.04"), ("60000", "0.5", "0.3")),
    "ADA": (("0", "0.25", "0.1"),),
}


def loans(asset: str) -> tuple[LoanTier, ...]:
    rows = TIERS[asset]
    caps = [D(row[0]) for row in rows[1:]]
    return tuple(LoanTier(D(f), c, D(i), D(m)) for (f, i, m), c in zip(rows, [*caps, None], strict=True))


COINS = {asset: Coin((CollateralTier(D(0), None, D(ratio)),), loans(asset)) for asset, ratio in RATIOS.items()}
PAIR = Instrument("ETHUSDT", Kind.SPOT, "ETH", "USDT", "USDT", D(1), (Bracket(D(0), None, D("0.05"), D(0)),))
BOOK = for_case(load("binance_margin"), {"ETHUSDT": PAIR}, date(2025, 6, 1), COINS)


def near(lots: Random, asset: str) -> Decimal:
    if asset == "USDT":
        return D(lots.choice(["1", "1", "0.9991", "1.003"]))
    return (D(PRICES[asset]) * lots.randint(500, 1500) / 1000).quantize(D("0.0001"))


def drawn(seed: int) -> tuple[dict[str, tuple[Decimal, Decimal, Decimal]], dict[str, Decimal]]:
    """(coin -> held, lent, interest; coin -> index): debts around what the coins held would carry, some exactly there."""
    lots = Random(seed)
    chosen = lots.sample(sorted(RATIOS), lots.randint(1, 4))
    indexes = {asset: near(lots, asset) for asset in chosen}
    held = {asset: (D(lots.randint(0, 60000)) / PRICES[asset] * lots.randint(0, 1)).quantize(D("1e-6")) for asset in chosen}
    worth = sum(held[asset] * indexes[asset] for asset in chosen)
    owing = lots.sample(chosen, lots.randint(0, len(chosen)))
    lent = {a: (worth * lots.randint(1, 130) / 100 / len(owing) / indexes[a]).quantize(D("1e-6")) for a in owing}
    grown = {a: (amount * lots.randint(0, 40) / 1000).quantize(D("1e-9")) for a, amount in lent.items()}
    return {a: (held[a], lent.get(a, D(0)), grown.get(a, D(0))) for a in chosen}, indexes


def on_a_level(seed: int) -> tuple[dict[str, tuple[Decimal, Decimal, Decimal]], dict[str, Decimal]]:
    """A level, a collateral level or a bar met to the last digit: one coin against another."""
    lots = Random(seed)
    debt = D(lots.randint(1, 10**6)) / 100
    level = D(lots.choice(["1.1", "1.5", "1.25", "2", "1.18", "1.15", "1.05", "1.111"]))
    share = D(lots.choice(["0", "0.25"]))
    coins = {"USDT": (D(0), debt * (1 - share), debt * share), "ETH": (debt * level / 8, D(0), D(0))}
    return coins, {"USDT": D(1), "ETH": D(8)}


def restated(coins: dict[str, tuple[Decimal, Decimal, Decimal]], indexes: dict[str, Decimal]) -> dict[str, Held]:
    rows = {a: tuple(tuple(Fraction(x) for x in row) for row in TIERS[a]) for a in coins}
    return {
        a: Held(Fraction(h), Fraction(b) + Fraction(i), Fraction(indexes[a]), Fraction(RATIOS[a]), rows[a])  # type: ignore[arg-type]
        for a, (h, b, i) in coins.items()
    }


def account_of(coins: dict[str, tuple[Decimal, Decimal, Decimal]], leverage: int) -> Account:
    return Account(
        PositionMode.ONE_WAY,
        {a: h for a, (h, _, _) in coins.items()},
        borrowed={a: b for a, (_, b, _) in coins.items() if b},
        interest={a: i for a, (_, _, i) in coins.items() if i},
        leverages={"ETHUSDT@cross": D(leverage)},
    )


def close(ours: Decimal | None, truth: Fraction | None, scale: Fraction = Fraction(0)) -> bool:
    if ours is None or truth is None:
        return ours is None and truth is None
    return abs(Fraction(ours) - truth) <= CLOSE * max(abs(truth), scale)


def lendable(account: Account, marks: Marks, asset: str) -> Decimal | None:
    with exact():
        return borrowable(Turn(State(account, marks), Venue(BOOK)), None, asset)


def whole(view: Assessment) -> tuple[Decimal | None, bool]:
    pool = next(pool for pool in view.pools if not pool.isolated)
    return pool.venue_ratio, pool.liquidatable


@pytest.mark.parametrize("leverage", [3, 5])
@pytest.mark.parametrize("chunk", range(5))
def test_classic_accounts(leverage: int, chunk: int) -> None:
    for seed in range(chunk * 200, chunk * 200 + 200):
        coins, indexes = on_a_level(seed) if seed % 4 == 0 else drawn(seed)
        truth = Classic(restated(coins, indexes), Fraction(11, 10), STOPS[leverage])
        account, marks = account_of(coins, leverage), Marks({}, {}, indexes)
        view = assess(account, marks, BOOK, Prices.OWN)
        ratio, liquidatable = whole(view)
        assert close(ratio, truth.printed) and liquidatable == truth.liquidatable, seed
        for asset in view.assets:
            scale = truth.assets + truth.debts
            each = scale / Fraction(indexes[asset.asset])
            assert close(lendable(account, marks, asset.asset), truth.borrowable(asset.asset), each * 20), (seed, asset.asset)
            assert close(asset.withdrawable, truth.withdrawable(asset.asset), each * 2), (seed, asset.asset)
            assert close(asset.borrowed, truth.coins[asset.asset].l)
            if truth.debts and not liquidatable:
                assert close(asset.liquidation_price, truth.price(asset.asset)), (seed, asset.asset)


@pytest.mark.parametrize("chunk", range(5))
def test_pro_accounts(chunk: int) -> None:
    for seed in range(chunk * 200, chunk * 200 + 200):
        coins, indexes = drawn(seed)
        truth = Pro(restated(coins, indexes))
        account, marks = account_of(coins, 10), Marks({}, {}, indexes)
        view = assess(account, marks, BOOK, Prices.OWN)
        ratio, liquidatable = whole(view)
        maintenance = truth.margins(2)
        assert close(ratio, truth.net / maintenance if maintenance else Fraction(999), Fraction(1)), seed
        assert liquidatable == truth.liquidatable, seed
        assert view.account is not None
        scale = sum(((c.a + c.l) * c.x for c in truth.coins.values()), Fraction(1))
        assert close(view.account.initial_margin, truth.margins(1), scale)
        assert close(view.account.available_balance, max(Fraction(0), truth.net - truth.margins(1)), scale)
        for asset in view.assets:
            each = scale / Fraction(indexes[asset.asset])
            assert close(lendable(account, marks, asset.asset), truth.borrowable(asset.asset), each * 20), (seed, asset.asset)
            if maintenance and not liquidatable:
                assert close(asset.liquidation_price, truth.price(asset.asset)), (seed, asset.asset)


def pair(seed: int) -> tuple[Position, Marks, Fraction]:
    """An isolated pair, long, short or both at once, and its index of the quote."""
    lots = Random(seed)
    price, quote = near(lots, "ETH"), near(lots, "USDT")
    size = D(lots.randint(1, 10**6)) / 10**4
    value = size * price
    leverage = D(lots.choice([2, 3, 4, 5, 8, 10]))
    some = (value * lots.randint(0, 300) / 1000).quantize(D("1e-8"))
    if lots.random() < 0.5:
        coins, owed = {"ETH": size, "USDT": some}, {"USDT": (value * lots.randint(0, 1100) / 1000).quantize(D("1e-8"))}
    else:
        coins, owed = {"USDT": value + some, "ETH": D(0)}, {"ETH": (size * lots.randint(1, 1100) / 1000).quantize(D("1e-8"))}
        size = -size
    if seed % 5 == 0:  # on the level itself: 1.15 and 1.05 of a debt that both divide
        debt = D(lots.randint(1, 10**6)) / 100
        coins, owed = {"ETH": debt * D(lots.choice(["1.15", "1.05", "1.18"])) / 8, "USDT": D(0)}, {"USDT": debt}
        size, price, quote = coins["ETH"], D(8), D(1)
    grown = {a: (amount * lots.randint(0, 20) / 1000).quantize(D("1e-10")) for a, amount in owed.items() if seed % 5}
    held = Position(
        "ETHUSDT", MarginMode.ISOLATED, LegSide.NET, size, price, leverage, D(1), coins=coins, borrowed=owed, interest=grown
    )
    indexes = {"ETH": price * quote, "USDT": quote}
    return held, Marks({"ETHUSDT": price}, {}, indexes), Fraction(quote)


@pytest.mark.parametrize("chunk", range(5))
def test_pairs(chunk: int) -> None:
    for seed in range(chunk * 300, chunk * 300 + 300):
        held, marks, quote = pair(seed)
        most = held.leverage if held.size > 0 else held.leverage + 1  # all coins of a short are borrowed
        stop, level = PAIRS[min((top for top in PAIRS if top >= most), default=10)]
        mine = {
            a: Held(
                Fraction((held.coins or {}).get(a, D(0))),
                Fraction(held.borrowed.get(a, D(0))) + Fraction(held.interest.get(a, D(0))),
                Fraction(marks.indexes[a]),
            )
            for a in ("ETH", "USDT")
        }
        truth = Classic(mine, level, stop)
        account = Account(PositionMode.ONE_WAY, {"USDT": D(100)}, (held,))
        view = assess(account, marks, BOOK, Prices.OWN)
        own = next(pool for pool in view.pools if pool.isolated)
        other = next(pool for pool in view.pools if not pool.isolated)
        assert close(own.venue_ratio, truth.printed), seed
        assert own.liquidatable == truth.liquidatable and not other.liquidatable, seed
        (leg,) = view.legs
        printed = max(Fraction(0), pair_price(level, mine["ETH"], mine["USDT"]))
        assert leg.displayed_liquidation_price is not None
        assert abs(Fraction(leg.displayed_liquidation_price) - printed) <= Fraction(1, 2 * 10**8), seed
        if truth.debts and not truth.liquidatable:
            price = truth.price("ETH")
            assert close(leg.liquidation_price, None if price is None else price / quote), seed
        with exact():
            turn = Turn(State(account, marks), Venue(BOOK))
            for asset in ("ETH", "USDT"):
                lent = borrowable(turn, leg_key(held), asset)
                each = 20 * (truth.assets + truth.debts) / mine[asset].x
                assert close(lent, truth.borrowable(asset), each), (seed, asset)


def test_the_draw_meets_what_it_is_for() -> None:
    """Levels hit exactly, accounts above and below, long and short pairs, prices on both sides."""
    level = Fraction(11, 10)
    exactly = [Classic(restated(*on_a_level(seed)), level, STOPS[3]) for seed in range(0, 1000, 4)]
    assert sum(account.printed == level for account in exactly) >= 20
    sides = [Classic(restated(*drawn(seed)), level, STOPS[3]) for seed in range(400)]
    assert sum(t.liquidatable for t in sides) > 40 and sum(bool(t.debts) and not t.liquidatable for t in sides) > 100
    assert {pair(seed)[0].size > 0 for seed in range(20)} == {True, False}
