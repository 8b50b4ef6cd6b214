"""The lines of a valued pool say the same as the sums that decide, in whole fractions: each line as far as it claims to reach,
and all of them together. And the prices found along them where the curve is not made of straight lines."""

from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import astuple, replace
from test_bybit_uta_restated import BOOK, CLOSE, INSTRUMENTS, drawn, on_a_line

from plimsoll.array.compile import compile_rule, float_markets, float_pool
from plimsoll.margin.assess import Prices, assess, mark_column
from plimsoll.margin.pools import lay_out
from plimsoll.model import (
    Account,
    Bracket,
    Coin,
    CollateralTier,
    Fees,
    LegSide,
    MarginMode,
    Marks,
    Position,
    PositionMode,
)
from plimsoll.number import exact
from plimsoll.rulebook import for_case
from plimsoll.rules import common
from plimsoll.rules.bybit_uta import formulas
from plimsoll.rules.columns import Line, Pool
from plimsoll.table_files import load

D = Decimal
SHARES = (Fraction(0), Fraction(1, 7), Fraction(1, 2), Fraction(1))


def fractions(record: Any) -> Any:
    """A record of Decimals, and all inside it, as Fractions."""
    if isinstance(record, Decimal):
        return Fraction(record)
    if isinstance(record, Struct):
        return type(record)(*(fractions(x) for x in astuple(record)))
    if isinstance(record, tuple):
        return tuple(fractions(x) for x in record)
    return record


def valued_pools(seeds: range) -> Any:
    """(pool, marks column, markets) of random cross accounts as Fractions, half of them on a boundary."""
    for seed in seeds:
        account, marks = drawn(seed)
        if seed % 2:
            account, marks = on_a_line(account, marks, Random(-seed))
        with exact():
            layout = lay_out(account, BOOK)
            column = mark_column(layout, marks.marks, marks.indexes)
        for pool in layout.pools:
            if pool.wallets:
                yield fractions(pool), fractions(column), fractions(layout.markets)


def test_all_lines_together_are_the_headroom() -> None:
    seen = 0
    for pool, column, markets in valued_pools(range(240)):
        bare = formulas.assess_pool(replace(pool, legs=(), wallets=(), rests=()), column, markets)
        total = bare.balance - bare.requirement
        for w, wallet in enumerate(pool.wallets):
            pnl = common.coin_pnl(pool, w, column, markets)
            line = common.coin_line(wallet, D(1), pnl)
            total += (line.base + line.slope * pnl - pnl) * column[wallet.place]
        pieces = [(leg, formulas.headroom_line(leg, column[leg.market], markets[leg.market])) for leg in pool.legs]
        orders = [formulas.order_line(pool, i, column[r.market], markets) for i, r in enumerate(pool.rests)]
        for piece, line in [*pieces, *zip(pool.rests, orders, strict=True)]:
            x = 1 / column[piece.market] if markets[piece.market].inverse else column[piece.market]
            total += (line.base + line.slope * x) * column[pool.wallets[piece.wallet].place]
        margin = formulas.assess_pool(pool, column, markets)
        assert total == margin.balance - margin.requirement
        seen += len(pool.rests)
    assert seen > 100


def counts_less_needs(wallet: Any, pnl: Fraction) -> Fraction:
    equity = wallet.balance - wallet.borrowed + pnl
    need = common.sliced(common.owed(wallet, pnl), wallet.loan_rows, wallet.loan_floors, wallet.loan_maintenance)
    return common.counted(wallet, equity) - need


def test_a_coins_line_reaches_from_one_bend_to_the_next() -> None:
    """Inside its bounds it is what the coin counts less its needs; beyond them it lies above, the sum being concave, where a
    coin counts no more in its next slice and a debt needs no less."""
    stretches = set()
    for pool, column, markets in valued_pools(range(160)):
        for w, wallet in enumerate(pool.wallets):
            here = common.coin_pnl(pool, w, column, markets)
            bends = (-wallet.balance, wallet.borrowed - wallet.balance)
            for pnl in (here, *bends, here - 1, here + 5, here - 30000, here + 30000):
                line = common.coin_line(wallet, D(1), pnl)
                low = line.least if line.floored else pnl - 10**6
                high = line.most if line.capped else pnl + 10**6
                assert low <= pnl <= high
                for share in SHARES:
                    at = low + (high - low) * share
                    assert line.base + line.slope * at == counts_less_needs(wallet, at)
                for at in (low - 1, high + 1, low - 10**5, high + 10**5):
                    assert line.base + line.slope * at >= counts_less_needs(wallet, at)
                stretches.add((line.floored, line.capped, line.slope > 1))
    assert len(stretches) >= 4


def test_an_orders_line_reaches_from_one_bend_to_the_next() -> None:
    seen = {True: 0, False: 0}
    for pool, column, markets in valued_pools(range(240)):
        for i, rest in enumerate(pool.rests):
            market = markets[rest.market]
            line = formulas.order_line(pool, i, column[rest.market], markets)
            low = line.least + Fraction(1, 10**12)
            high = line.most if line.most else max(low, abs(rest.amount)) * 10**9
            for share in SHARES:
                value = low + (high - low) * share
                price = abs(rest.amount) / value if market.inverse else value / abs(rest.amount)
                moved = [price if at == rest.market else mark for at, mark in enumerate(column)]
                order = formulas.assess_order(pool, i, moved, markets)
                x = 1 / price if market.inverse else price
                assert line.base + line.slope * x == -order.requirement
            seen[rest.leads] += 1
    assert min(seen.values()) > 20


def test_float_repeats_the_lines() -> None:
    coin_line, order_line = (compile_rule("bybit_uta", name) for name in ("coin_line", "order_line"))
    for seed in range(0, 60, 3):
        account, marks = drawn(seed)
        with exact():
            layout = lay_out(account, BOOK)
            column = mark_column(layout, marks.marks, marks.indexes)
            pool = layout.pools[0]
            known, markets = float_pool(pool), float_markets(layout.markets)
            lines = [
                (BOOK.rules.coin_line(wallet, D(1), D(pnl)), coin_line(known.wallets[w], 1.0, float(pnl)))
                for w, wallet in enumerate(pool.wallets)
                for pnl in (-12345, 0, 12345)
            ]
            lines += [
                (BOOK.rules.order_line(pool, i, mark, layout.markets), order_line(known, i, float(mark), markets))
                for i, mark in enumerate([column[rest.market] for rest in pool.rests])
            ]
        for ours, theirs in lines:
            assert [float(x) for x in astuple(ours)] == pytest.approx([float(x) for x in theirs], rel=1e-9, abs=1e-9)


def test_a_pool_without_coins_or_orders_has_lines_that_say_nothing() -> None:
    empty = Pool(D(0), (), D(0), 0, D(0), D(0), D(0), D(0), D(0))
    assert common.order_line(empty, 0, D(7), ()) == Line(D(0), D(0), D(0), D(0))


def one_coin(quote: str) -> tuple[Account, Marks, Any]:
    """1 BTC behind a long of 60,000 dollars in inverse contracts from 60,000, 1 % maintenance; `quote`: what some other
    contract of the venue is quoted in."""
    inverse = msgspec.structs.replace(INSTRUMENTS["BTCUSD"], brackets=(Bracket(D(0), None, D("0.01"), D(0)),), taker_rate=D(0))
    other = msgspec.structs.replace(INSTRUMENTS["ETHUSDT"], symbol="ETHBTC", quote=quote)
    book = for_case(
        load("bybit_uta"), {"BTCUSD": inverse, "ETHBTC": other}, coins={"BTC": Coin((CollateralTier(D(0), None, D(1)),))}
    )
    held = Position("BTCUSD", MarginMode.CROSS, LegSide.NET, D(60000), D(60000), D(10))
    account = Account(
        PositionMode.ONE_WAY, {"BTC": D(1)}, (held,), fees=Fees(D(0), D(0)), options={"margin_mode": "cross"}
    )
    return account, Marks({"BTCUSD": D(60000)}, {}, {"BTC": D(60000)}), book


def test_where_a_coin_stands_still_while_inverse_contracts_in_it_move_the_curve_is_followed_to_its_root() -> None:
    """Something quoted in BTC makes BTC a measure, so that its index stands still: 1 + 1 - 1/k = 0.01/k, k = 1.01/2. With no
    such thing its index falls with the mark: the same in BTC, hence the same root, on a straight line."""
    for quote in ("BTC", "USDT"):
        account, marks, book = one_coin(quote)
        move = assess(account, marks, book).pools[0].portfolio_liquidation_move
        assert move is not None and abs(Fraction(move) + 1 - Fraction("0.505")) < Fraction(1, 10**30), quote


def test_a_pool_on_a_bend_by_less_than_a_hair_fails_on_both_sides_of_it() -> None:
    """1,000 USDT, of which no more than that counts, 999 USDC less 1e-25 owed, and a long of 1 at 100 that needs 1 %: 1e-25 is
    left. Down by d it loses d and needs 0.01 d less, up by u it wins nothing and needs 0.01 u more."""
    row = Bracket(D(0), None, D("0.01"), D(0))
    linear = msgspec.structs.replace(INSTRUMENTS["BTCUSDT"], brackets=(row,), taker_rate=D(0))
    capped = Coin((CollateralTier(D(0), D(1000), D(1)), CollateralTier(D(1000), None, D(0))))
    coins = {"USDT": capped, "USDC": Coin((CollateralTier(D(0), None, D(1)),))}
    left = D("1e-25")
    with exact():
        owed = 999 - left
    account = Account(
        PositionMode.ONE_WAY,
        {"USDT": D(1000), "USDC": D(0)},
        (Position("BTCUSDT", MarginMode.CROSS, LegSide.NET, D(1), D(100), D(10)),),
        fees=Fees(D(0), D(0)),
        options={"margin_mode": "cross"},
        borrowed={"USDC": owed},
    )
    marks = Marks({"BTCUSDT": D(100)}, {}, {"USDT": D(1), "USDC": D(1)})
    (leg,) = assess(account, marks, for_case(load("bybit_uta"), {"BTCUSDT": linear}, coins=coins)).legs
    assert leg.liquidation_price is not None and leg.other_liquidation_price is not None
    gap = Fraction(left)
    assert abs(100 - Fraction(leg.liquidation_price) - gap / Fraction("0.99")) < gap / 100
    assert abs(Fraction(leg.other_liquidation_price) - 100 - gap * 100) < gap


def test_no_nearer_common_move_than_the_one_stated_fails_the_pool_and_one_just_beyond_it_does() -> None:
    """All marks and the coins' indexes move, but for the coins that contracts are quoted in; on both sides of the marks."""
    failing = 0
    for seed in range(0, 400, 2):
        account, marks = drawn(seed)
        pool = assess(account, marks, BOOK).pools[0]
        if pool.key != "account" or pool.headroom <= CLOSE * Fraction(pool.scale):
            continue
        move = None if pool.portfolio_liquidation_move is None else Fraction(pool.portfolio_liquidation_move)
        reach = Fraction(10**6) if move is None else abs(move)
        for share in (Fraction(1, 3), Fraction(9, 10), 1 - Fraction(1, 10**9)):
            assert all(left_at(account, marks, k) > -CLOSE for k in (1 - reach * share, 1 + reach * share) if k > 0)
        if move is not None:
            assert left_at(account, marks, 1 + move * (1 + Fraction(1, 10**20))) <= CLOSE
            failing += 1
    assert failing > 40


def left_at(account: Account, marks: Marks, k: Fraction) -> Fraction:
    """Headroom, as a share of gross size, where the common factor is k."""
    quotes = {i.quote for i in INSTRUMENTS.values()}
    with exact():
        factor = D(k.numerator) / D(k.denominator)
        indexes = {a: m if a in quotes else m * factor for a, m in marks.indexes.items()}
        there = Marks({s: m * factor for s, m in marks.marks.items()}, {}, indexes)
    view = assess(account, there, BOOK, Prices.NONE).pools[0]
    return Fraction(view.headroom) / Fraction(view.scale)
