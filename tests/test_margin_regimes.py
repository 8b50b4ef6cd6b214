"""Spot margin by date: what open orders of Cross Margin Pro would lose, and the clearance fee of liquidations."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from plimsoll.account.commands import SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.views import PoolView
from plimsoll.model import Account, LegSide, MarginMode, Marks, Order, OrderType, Position, PositionMode
from plimsoll.rulebook import Rulebook, in_force, with_readings
from plimsoll.table_files import load

D = Decimal
PRO = {"margin_account": "cross_pro"}
MARK, QUOTE = D(50000), D("0.999")
DAYS = [(date(2024, 8, 11), 0), (date(2024, 8, 12), 1), (date(2025, 1, 20), 1), (date(2025, 1, 21), 2)]


def on(day: date) -> Rulebook:
    return in_force(load("binance_margin"), day)


def order(side: str, size: str, price: str, mode: MarginMode = MarginMode.CROSS) -> Order:
    return Order(f"{side}{price}{mode}", "BTCUSDT", side, D(size), OrderType.LIMIT, price=D(price), mode=mode)


def cross_of(orders: tuple[Order, ...], options: dict[str, str], book: Rulebook) -> PoolView:
    """200,000 of money and a debt of 2 BTC at a price of 49,950 (the mark at the quote's index)."""
    account = Account(PositionMode.ONE_WAY, {"USDT": D(200000)}, (), orders, options=options, borrowed={"BTC": D(2)})
    marks = Marks({"BTCUSDT": MARK}, {}, {"BTC": MARK * QUOTE, "USDT": QUOTE})
    return next(pool for pool in assess(account, marks, book, Prices.OWN).pools if not pool.isolated)


ORDERS = (
    order("buy", "0.5", "50400"),
    order("buy", "0.3", "49000"),
    order("sell", "0.2", "49500"),
    order("sell", "0.4", "51000"),
    order("buy", "1", "60000", MarginMode.ISOLATED),
)


@pytest.mark.parametrize(("day", "era"), DAYS)
def test_since_its_day_pro_takes_off_what_open_orders_would_lose(day: date, era: int) -> None:
    """A buy above the mark and a sell below it would lose: 0.5 * 400 and 0.2 * 500 of the quote; the others, and the order of
    a pair's own account, nothing. The debt is worth 99,900: 50,000 * 5 % + 49,900 * 7 % of maintenance."""
    pool = cross_of(ORDERS, PRO, on(day))
    quote = Fraction(QUOTE)
    lost = (Fraction(1, 2) * 400 + Fraction(1, 5) * 500) * quote if era == 2 else Fraction(0)
    net = 200000 * quote - 2 * 50000 * quote - lost
    needed = 50000 * Fraction(5, 100) + (100000 * quote - 50000) * Fraction(7, 100)
    assert Fraction(pool.margin_balance) == net
    assert Fraction(pool.requirement) == needed
    assert pool.venue_ratio is not None and abs(Fraction(pool.venue_ratio) - net / needed) < Fraction(1, 10**25)


def test_a_classic_account_counts_no_order() -> None:
    book, classic = on(date(2026, 7, 2)), {"margin_account": "cross_classic"}
    assert cross_of(ORDERS, classic, book) == cross_of((), classic, book)


def test_an_order_that_would_lose_can_take_a_pro_account_below_its_line() -> None:
    """Net equity of 6,004, of which an order to buy 4 loses 4 with each unit above the mark; 6,000 is the maintenance."""
    book = on(date(2025, 1, 21))
    held = Position("BTCUSDT", MarginMode.CROSS, LegSide.NET, D(-2), D(50000), D(10), D(0))
    marks = Marks({"BTCUSDT": D(50000)}, {}, {"BTC": D(50000), "USDT": D(1)})
    standing = []
    for price in ("50000", "50001", "50002"):
        orders = (order("buy", "4", price),)
        account = Account(
            PositionMode.ONE_WAY, {"USDT": D(106004)}, (held,), orders, options=PRO, borrowed={"BTC": D(2)}
        )
        (pool,) = assess(account, marks, book, Prices.OWN).pools
        assert pool.requirement == 50000 * D("0.05") + 50000 * D("0.07")
        standing.append((pool.margin_balance, pool.liquidatable))
    assert standing == [(6004, False), (6000, True), (5996, True)]


@pytest.mark.parametrize(
    ("day", "reading", "share"),
    [
        (date(2024, 8, 11), "as_later", Fraction(2, 100)),
        (date(2024, 8, 11), "none", Fraction(0)),
        (date(2024, 8, 12), "none", Fraction(2, 100)),
        (date(2025, 1, 21), "none", Fraction(2, 100)),
    ],
)
def test_the_clearance_fee_is_two_hundredths_since_its_day_and_before_it_as_read(
    day: date, reading: str, share: Fraction
) -> None:
    """One coin falls from 100 to 55 against 50 owed: the level is 1.1, it is sold, and 55 * (1 - share) - 50 is left."""
    book = with_readings(on(day), {"early_fee": reading})
    held = Position("ETHUSDT", MarginMode.CROSS, LegSide.NET, D(1), D(100), D(3), D(0))
    account = Account(PositionMode.ONE_WAY, {"ETH": D(1), "USDT": D(0)}, (held,), borrowed={"USDT": D(50)})
    state = State(account, Marks({"ETHUSDT": D(100)}, {}, {"ETH": D(100), "USDT": D(1)}))
    after = decide(state, SetMarks({"ETHUSDT": D(55)}, {}, {"ETH": D(55), "USDT": D(1)}), Venue(book)).state.account
    assert after.positions == () and not any(after.borrowed.values())
    assert Fraction(after.cash["USDT"]) == 55 * (1 - share) - 50
    assert after.cash.get("ETH", D(0)) == 0


def test_an_order_to_buy_makes_a_second_line_below_a_short() -> None:
    """200,000 against 2 BTC owed and an order to buy 5 at 50,000. Above, 200,000 - 2m = 6,000 + 8 % of (2m - 100,000); below,
    where the order loses 5 * (50,000 - m), 3m - 50,000 = 5 % of 2m; without the order there is no line below."""
    held = Position("BTCUSDT", MarginMode.CROSS, LegSide.NET, D(-2), D(50000), D(10), D(0))
    marks = Marks({"BTCUSDT": D(50000)}, {}, {"BTC": D(50000), "USDT": D(1)})
    above, below = Fraction(202000) / Fraction(216, 100), Fraction(50000) / Fraction(29, 10)
    for day, orders, expected in (
        (date(2025, 1, 21), (order("buy", "5", "50000"),), (above, below)),
        (date(2025, 1, 20), (order("buy", "5", "50000"),), (above, None)),
        (date(2025, 1, 21), (), (above, None)),
    ):
        account = Account(PositionMode.ONE_WAY, {"USDT": D(200000)}, (held,), orders, options=PRO, borrowed={"BTC": D(2)})
        (leg,) = assess(account, marks, on(day)).legs
        for found, truth in zip((leg.liquidation_price, leg.other_liquidation_price), expected, strict=True):
            assert (found is None) == (truth is None)
            assert found is None or truth is None or abs(Fraction(found) / truth - 1) < Fraction(1, 10**20)
