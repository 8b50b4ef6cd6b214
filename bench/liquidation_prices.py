"""Batches of liquidation prices against the exact engine, one by one. Alone: `python -m bench.liquidation_prices`."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from bench.positions import Book, book_of, errors, exact_prices, pools_of
from bench.side_by_side import Ratio, Side, by_turns, line
from plimsoll.array.compile import Column
from plimsoll.array.lines import isolated_prices, liquidation_prices
from plimsoll.margin.pools import lay_out
from plimsoll.model import Account, LegSide, MarginMode, Position, PositionMode
from plimsoll.rulebook import Rulebook, discover, in_force
from plimsoll.table_files import load

COUNT, SAMPLE = 100_000, 120
DAY = date(2026, 7, 2)


def prices_of(book: Book, threads: int) -> Column:
    """What the array engine says of every leg of a book."""
    if book.per_account == 1:
        return isolated_prices(book.rulebook.name, book.legs, book.marks, book.markets, threads)
    return liquidation_prices(book.rulebook.name, pools_of(book), threads).nearest


def rows() -> Iterator[Ratio]:
    """Isolated legs, and accounts of three cross legs where they share a pool of one asset, on every rulebook with linear
    contracts that does not state its prices in whole units."""
    for name in discover():
        rulebook = in_force(load(name), DAY)
        linear = [i for i in rulebook.instruments.values() if i.kind == "linear" and i.multiplier == 1]
        linear = [i for i in linear if i.settle == "USDT" and i.bracket_unit == "notional"][:200]
        if rulebook.rules.PRICES_STATED or not linear:
            continue
        shared = _in_one_pool(rulebook, linear[0].symbol)
        for per_account in (1, 3) if shared and len(linear) > 3 else (1,):
            book = book_of(rulebook, linear, COUNT, per_account, seed=1)
            yield _row(name, book)


def _in_one_pool(rulebook: Rulebook, symbol: str) -> bool:
    """Whether cross positions share one pool of their settle asset, and no coins besides."""
    held = Position(symbol, MarginMode.CROSS, LegSide.NET, Decimal(1), Decimal(1), Decimal(1))
    (*others, pool) = lay_out(Account(PositionMode.ONE_WAY, {}, (held,)), rulebook).pools
    return not others and not pool.wallets


def _row(name: str, book: Book) -> Ratio:
    accounts = range(SAMPLE // book.per_account)
    truth = exact_prices(book, accounts)
    ours = Side(
        "plimsoll.array, one thread", lambda: prices_of(book, 1), COUNT, errors(prices_of(book, 1)[: len(truth)], truth)
    )
    theirs = Side("the exact engine, one account after the other", lambda: exact_prices(book, accounts), len(truth), "exact")
    kind = "isolated legs" if book.per_account == 1 else f"{book.per_account} cross legs"
    return by_turns(f"liquidation prices, {kind}, {name}", ours, theirs)


if __name__ == "__main__":
    for row in rows():
        print(line(row), flush=True)
