"""Very many random positions as columns, from a seed: isolated legs, and accounts of three cross legs, long and short, with
the values, leverages and bracket rows that a book of accounts has. Exact twins of any of them, to compare with."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from plimsoll.array.compile import LEG_RECORD, Column, float_markets
from plimsoll.array.lines import KINDS, POOL_RECORD, Pools
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.pools import market_of
from plimsoll.model import Account, Fees, Instrument, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.rulebook import Rulebook, regime_of

FEES = Fees(Decimal("0.0005"), Decimal("0.0005"))
MEDIAN_VALUE, SPREAD = 3000.0, 1.6
LEVERAGES = np.array([2.0, 3.0, 5.0, 10.0, 20.0])
NEAR = 0.05
"""Standard deviation of a mark from the entry."""


class Book(NamedTuple):
    """`legs`: LEG_RECORD [n]; `marks`: the mark of each; `symbols`, `markets`: what their `market` counts; `cash`: of each
    account of `per_account` legs (none: isolated legs)."""

    rulebook: Rulebook
    symbols: tuple[str, ...]
    legs: Column
    marks: Column
    prices: Column
    markets: Column
    per_account: int
    cash: Column


def book_of(rulebook: Rulebook, listed: Sequence[Instrument], count: int, per_account: int, seed: int) -> Book:
    """`count` positions; `per_account` 1: isolated, else accounts of so many cross legs in different symbols."""
    draw = np.random.default_rng(seed)
    listed = [i for i in listed if i.kind != "inverse"]
    prices = np.round(10 ** draw.uniform(-1, 4.5, len(listed)), 6)
    first = draw.integers(0, len(listed), count // per_account)
    market = (first[:, None] + np.arange(per_account)) % len(listed)
    legs = np.zeros(market.size, LEG_RECORD)
    legs["market"] = at = market.ravel()
    value = np.exp(draw.normal(np.log(MEDIAN_VALUE), SPREAD, len(legs)))
    legs["leverage"] = draw.choice(LEVERAGES, len(legs))
    near = NEAR if per_account > 1 else NEAR / legs["leverage"]
    legs["entry"] = np.round(prices[at] * np.exp(draw.normal(0, 1, len(legs)) * near), 6)
    sides = np.where(draw.random(len(legs)) < 0.55, 1, -1)
    legs["amount"] = sides * value / legs["entry"]
    legs["initial_rate"] = 1 / legs["leverage"]
    legs["isolated"] = per_account == 1
    legs["margin"] = value / legs["leverage"] if per_account == 1 else 0
    cash = (value / legs["leverage"]).reshape(-1, per_account).sum(axis=1) * draw.uniform(0.5, 3, len(first))
    regime = regime_of(rulebook, Account(PositionMode.ONE_WAY, {}))
    markets = float_markets([market_of(i, FEES, regime) for i in listed])
    return Book(rulebook, tuple(i.symbol for i in listed), legs, prices[at], prices, markets, per_account, cash)


def pools_of(book: Book) -> Pools:
    """The cross accounts of a book as pools."""
    count = len(book.cash)
    rows = np.zeros(count, POOL_RECORD)
    rows["cash"] = book.cash
    rows["leg"] = np.arange(count) * book.per_account
    rows["leg_end"] = rows["leg"] + book.per_account
    beside, wallets, rests, asks = (np.empty(0, kind) for _, kind in KINDS[1:])
    return Pools(rows, book.legs, beside, wallets, rests, asks, book.prices, book.markets)


def exact_prices(book: Book, accounts: Sequence[int]) -> list[float]:
    """What the exact engine says of some accounts' legs, one after the other; nan: no price does it."""
    found = []
    for number in accounts:
        mine = slice(number * book.per_account, (number + 1) * book.per_account)
        positions = tuple(_position(book, leg) for leg in book.legs[mine])
        settle = book.rulebook.instruments[positions[0].symbol].settle
        cash = _exactly(book.cash[number]) if book.per_account > 1 else Decimal(0)
        account = Account(PositionMode.ONE_WAY, {settle: cash}, positions, fees=FEES)
        marks = {p.symbol: _exactly(book.prices[leg["market"]]) for p, leg in zip(positions, book.legs[mine], strict=True)}
        view = assess(account, Marks(marks), book.rulebook, Prices.OWN)
        found += [float("nan") if leg.liquidation_price is None else float(leg.liquidation_price) for leg in view.legs]
    return found


def _position(book: Book, leg: Column) -> Position:
    symbol = book.symbols[leg["market"]]
    mode = MarginMode.ISOLATED if book.per_account == 1 else MarginMode.CROSS
    numbers = [_exactly(leg[name]) for name in ("amount", "entry", "leverage", "margin")]
    return Position(symbol, mode, LegSide.NET, *numbers)


def _exactly(number: float) -> Decimal:
    """The shortest decimal that is this float: entry prices have the digits that a venue prints."""
    return Decimal(repr(float(number)))


def errors(found: Sequence[float], exactly: Sequence[float]) -> str:
    """How far prices are from the exact ones, in words: half of them, and the worst; none where there is one counts apart."""
    ours, truth = np.asarray(found, dtype=np.float64), np.asarray(exactly, dtype=np.float64)
    there = np.isfinite(truth) & np.isfinite(ours) & (ours > 0)
    off = abs(ours[there] / truth[there] - 1)
    wrong = int((np.isfinite(truth) != (np.isfinite(ours) & (ours > 0))).sum())
    missing = f", {wrong} of {len(truth)} with a price where there is none or none where there is one" if wrong else ""
    share = float((off > 1e-6).mean())
    return f"off by {np.median(off):.1e} (median), {off.max():.1e} (most), {share:.1%} by more than 1e-6{missing}"
