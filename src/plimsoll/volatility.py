"""How much a price usually moves in a day: the standard deviation of daily log returns, from a history. A yardstick for
distances, not a forecast. Too short a history gives no number but a reason."""

from decimal import Decimal
from itertools import pairwise

import msgspec

from plimsoll.number import ZERO, exact
from plimsoll.prices.history import History

LEAST_RETURNS = 10


class Volatility(msgspec.Struct, frozen=True):
    """`daily`: standard deviation of a day's log return (0.03: about 3 %); None: not enough days, `why` says so."""

    daily: Decimal | None
    returns: int
    why: str = ""


def volatility(history: History, symbol: str) -> Volatility:
    """From the last mark (else last price) of each UTC day; only days that follow each other make a return."""
    closes = {}
    for frame in history.frames:
        bar = frame.bars.get(symbol)
        if bar is not None:
            closes[frame.time.date()] = bar.mark_close if bar.mark_close is not None else bar.close
    days = list(closes)
    with exact():
        pairs = [(a, b) for a, b in pairwise(days) if (b - a).days == 1]
        returns = [(closes[b] / closes[a]).ln() for a, b in pairs]
        if len(returns) < LEAST_RETURNS:
            return Volatility(None, len(returns), f"{symbol} has {len(returns)} of the {LEAST_RETURNS} daily returns needed")
        mean = sum(returns, ZERO) / len(returns)
        spread = sum(((r - mean) ** 2 for r in returns), ZERO) / (len(returns) - 1)
        if spread == 0:
            return Volatility(None, len(returns), f"the price of {symbol} never moved")
        return Volatility(spread.sqrt(), len(returns))


def in_deviations(price: Decimal, mark: Decimal, daily: Decimal) -> Decimal:
    """The log distance from `mark` to `price` in daily standard deviations, unsigned."""
    with exact():
        return abs((price / mark).ln()) / daily
