"""First passage over recorded bars: had an isolated position been opened at every bar's close, at each of several leverages,
would it have been liquidated within a number of bars, and in which?

No bar is walked. One sliding minimum over the bars answers for all leverages whether; a pyramid of minima, in which an entry
takes up where the one before it left off, answers when. Both say what a walk over every bar of every entry would say, entry by
entry. No rule stands here: the price at which each position fails comes from `lines`, the rulebook's own text.

An entry is one fill at a close. The bars after it are read at their worst corner, lows for a long and highs for a short, so
that the bar of a passage is certain and the instant within it is not. Nothing happens to a position on the way: no funding is
paid and no margin added, so its price stays where it began.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from plimsoll.array.compile import LEG_RECORD, Column, float_markets, kernel, lent, rule_part
from plimsoll.array.lines import in_chunks, isolated_prices, need_lines
from plimsoll.errors import BadInput
from plimsoll.margin.pools import leg_of, market_of
from plimsoll.model import Account, Fees, Kind, LegSide, MarginMode, Position, PositionMode
from plimsoll.number import ONE, ZERO, exact, show
from plimsoll.rulebook import Rulebook, regime_of, why_not_lent
from plimsoll.rules.columns import Leg

SHIFT = 6
FAN = 1 << SHIFT
"""Bars, or blocks of bars, under one block of the pyramid."""
SAME = 1e-12
"""Barriers at the lowest and the highest entry price that differ by no more of themselves are one barrier for all entries."""


class Bars(NamedTuple):
    """float64 [n] each, one row a bar, in the order of time."""

    high: Column
    low: Column
    close: Column


class Trade(NamedTuple):
    """What is opened at every entry: `amount` in the contract's `unit`, `value` (money of the settle asset at the entry) or
    `size` (contracts); `long` or `short`; the rate of the taker fee, which some venues take out of the position's own money."""

    symbol: str
    side: str
    unit: str
    amount: Decimal
    taker_rate: Decimal = ZERO


class Barriers(NamedTuple):
    """Liquidation price over entry price. `ratios` float64 [leverages, entries], or [leverages, 1] where it is the same at
    every entry; 0 (long) or infinity (short) where no price does it. `sign`: +1 long, -1 short."""

    leverages: tuple[Decimal, ...]
    ratios: Column
    sign: int


class Passage(NamedTuple):
    """`hits` int64 [leverages]: entries that were liquidated within `horizon` bars, of `entries` that have so many bars behind
    them; `shares`: the same as a share of them."""

    barriers: Barriers
    horizon: int
    entries: int
    hits: Column
    shares: Column


class Times(NamedTuple):
    """`steps` int32 [entries, leverages]: in which bar after the entry (1: the next one) the price was reached, 0 where it was
    not within `horizon` bars."""

    passage: Passage
    steps: Column


def shares(bars: Bars, barriers: Barriers, horizon: int, threads: int = 1) -> Passage:
    """Whether: one sliding minimum for all leverages. BadInput: see `_worst`."""
    worst, entry = _worst(bars, barriers, horizon)
    levels = np.ascontiguousarray(barriers.ratios)
    parts: list[Column] = []

    def work(first: int, last: int) -> None:
        counts = np.zeros(len(levels), np.int64)
        _count(worst, entry, levels, horizon, first, last, np.empty(horizon), np.empty(0), counts)
        parts.append(counts)

    in_chunks(work, len(entry), threads)
    return _passage(barriers, horizon, len(entry), np.sum(parts, axis=0))


def times(bars: Bars, barriers: Barriers, horizon: int, threads: int = 1) -> Times:
    """When: the pyramid, after the sliding minimum has said where to look. BadInput: see `_worst`."""
    worst, entry = _worst(bars, barriers, horizon)
    order = _nearest_first(barriers)
    levels = np.ascontiguousarray(barriers.ratios[order])
    tree, starts = pyramid(worst)
    least, steps = np.empty(len(entry)), np.zeros((len(entry), len(levels)), np.int32)

    def work(first: int, last: int) -> None:
        room = np.empty(horizon)
        _count(worst, entry, levels[:0], horizon, first, last, room, least, np.zeros(0, np.int64))
        _search(tree, starts, entry, levels, least, first, last, order, steps)

    in_chunks(work, len(entry), threads)
    return Times(_passage(barriers, horizon, len(entry), np.count_nonzero(steps, axis=0)), steps)


def _passage(barriers: Barriers, horizon: int, entries: int, hits: Column) -> Passage:
    return Passage(barriers, horizon, entries, hits, hits / entries)


def need_bars(bars: Bars, horizon: int) -> Bars:
    """The bars as columns of float64. BadInput: columns of several lengths, a price that is none, a close that does not lie
    between low and high, a horizon that no entry has behind it."""
    try:
        high, low, close = (np.ascontiguousarray(column, dtype=np.float64) for column in bars)
    except (TypeError, ValueError) as error:
        raise BadInput("bars", "high, low, close", None, f"{error}; give columns of numbers") from None
    if not len(high) == len(low) == len(close):
        raise BadInput("bars", "high, low, close", [len(high), len(low), len(close)], "give columns of one length")
    if not isinstance(horizon, int) or not 1 <= horizon < len(close):
        raise BadInput("bars", "horizon", horizon, f"give a whole number of bars, less than there are: {len(close)}")
    good = (low > 0) & (low <= close) & (close <= high) & (high < np.inf)
    if not good.all():
        at = int(np.argmin(good))
        row = f"high {high[at]:g}, low {low[at]:g}, close {close[at]:g}"
        raise BadInput("bars", f"row {at}", row, "prices are finite, above zero, and the close lies between low and high")
    return Bars(high, low, close)


def _worst(bars: Bars, barriers: Barriers, horizon: int) -> tuple[Column, Column]:
    """(worst corner of every bar, entry prices), turned over for shorts so that falling is what hurts. BadInput: see
    `need_bars`; barriers of another number of entries."""
    high, low, close = need_bars(bars, horizon)
    entry = close[: len(close) - horizon]
    if barriers.ratios.shape[1] not in (1, len(entry)):
        raise BadInput("barriers", "ratios", barriers.ratios.shape, "give one column, or one for every entry")
    return (low, entry) if barriers.sign > 0 else (-high, -entry)


def _nearest_first(barriers: Barriers) -> Column:
    """The leverages in the order in which a move against them reaches their prices."""
    order = np.argsort(-barriers.sign * barriers.ratios[:, 0], kind="stable")
    nested = np.diff(barriers.sign * barriers.ratios[order], axis=0) <= 0
    assert nested.all(), "a higher leverage never stands a larger move than a lower one"
    return order


def pyramid(worst: Column) -> tuple[Column, Column]:
    """(minima, where each level begins): the bars themselves, then the minimum of every FAN of the level below, until one block
    is left. Levels are filled up with infinity to whole blocks."""
    levels = [worst]
    while len(levels[-1]) > FAN:
        levels.append(_filled(levels[-1]).reshape(-1, FAN).min(axis=1))
    full = [_filled(level) for level in levels]
    return np.concatenate(full), np.cumsum([0, *map(len, full)])[:-1]


def _filled(level: Column) -> Column:
    return np.concatenate([level, np.full(-len(level) % FAN, np.inf)])


@kernel
def _count(
    worst: Any, entry: Any, levels: Any, horizon: Any, first: Any, last: Any, room: Any, least: Any, counts: Any
) -> None:
    """Entries first .. last - 1, a horizon of them at a time (van Herk): the minimum over the bars after an entry is that of
    the rest of its own stretch and of the begun part of the next. Adds to `counts` [levels] the entries that reach each
    level; writes the minima to `least` where it has room."""
    worst, entry, levels, room = lent(worst), lent(entry), lent(levels), lent(room)
    for start in range(first, last, horizon):
        here = min(horizon, last - start)
        behind = start + horizon
        smallest = worst[behind]
        for k in range(horizon - 1, -1, -1):
            x = worst[start + 1 + k]
            if x < smallest:
                smallest = x
            room[k] = smallest
        smallest = np.inf
        for k in range(1, here):
            x = worst[behind + k]
            if x < smallest:
                smallest = x
            if smallest < room[k]:
                room[k] = smallest
        if len(least) > 0:
            least[start : start + here] = room[:here]
        for row in range(len(levels)):
            if levels.shape[1] == 1:
                counts[row] += _reached(room[:here], entry[start : start + here], levels[row, 0])
            else:
                counts[row] += _reached_each(room[:here], entry[start : start + here], levels[row, start : start + here])


@kernel
def _reached(smallest: Any, entry: Any, level: Any) -> Any:
    count = 0
    for k in range(len(smallest)):
        count += smallest[k] <= level * entry[k]
    return count


@kernel
def _reached_each(smallest: Any, entry: Any, level: Any) -> Any:
    count = 0
    for k in range(len(smallest)):
        count += smallest[k] <= level[k] * entry[k]
    return count


@kernel
def _first(tree: Any, starts: Any, at: Any, price: Any, bound: Any) -> Any:
    """(the first bar from `at` on that is not above `price`, the minimum of `bound` and all bars passed by). There must be
    such a bar: up the pyramid while whole blocks stay above, and down into the one that does not."""
    level = 0
    while True:
        base, stop = starts[level], (at | (FAN - 1)) + 1
        while at < stop:
            x = tree[base + at]
            if x <= price:
                break
            bound = min(bound, x)
            at += 1
        if at < stop:
            break
        at >>= SHIFT
        level += 1
    while level > 0:
        level -= 1
        at <<= SHIFT
        base = starts[level]
        while True:
            x = tree[base + at]
            if x <= price:
                break
            bound = min(bound, x)
            at += 1
    return at, bound


@kernel
def _search(tree: Any, starts: Any, entry: Any, levels: Any, least: Any, first: Any, last: Any, order: Any, steps: Any) -> None:
    """The bars in which entries first .. last - 1 reach each level; levels fall from row to row. Of each row it keeps where
    the last entry ended and how low the bars before that reach: the next entry begins there unless its price lies higher."""
    tree, starts, entry, levels = lent(tree), lent(starts), lent(entry), lent(levels)
    least, order, steps = lent(least), lent(order), lent(steps)
    rows, each = len(levels), levels.shape[1] > 1
    reached, passed = np.zeros(rows, np.int64), np.zeros(rows)
    for i in range(first, last):
        at, bound = i + 1, np.inf
        for row in range(rows):
            price = (levels[row, i] if each else levels[row, 0]) * entry[i]
            if least[i] > price:
                break
            if reached[row] > at and passed[row] > price:
                at, bound = reached[row], passed[row]
            at, bound = _first(tree, starts, at, price, bound)
            reached[row], passed[row] = at, bound
            steps[i, order[row]] = at - i


def barriers(
    rulebook: Rulebook, trade: Trade, leverages: Sequence[Decimal], bars: Bars, horizon: int, threads: int = 1
) -> Barriers:
    """The liquidation price over the entry price of an isolated position, for each leverage and entry: what a fill puts into
    its wall, less what the opening fee takes out of it, and the price at which that fails. One ratio serves all entries where
    the lowest and the highest entry price have the same: margin asks never less of a larger position, so that between them it
    cannot differ. Contracts are not rounded to lots.

    BadInput: an unknown symbol, side or unit, an amount or a leverage that is none, a leverage that the bracket does not
    allow, a rulebook whose prices are stated in whole units."""
    need_lines(rulebook.name)
    _need_trade(rulebook, trade, leverages)
    entry = np.ascontiguousarray(bars.close[: len(bars.close) - horizon], dtype=np.float64)
    ends = np.array([entry.min(), entry.max()])
    sign = 1 if trade.side == "long" else -1
    few = np.stack([_ratios(rulebook, trade, leverage, ends, 1) for leverage in leverages])
    with np.errstate(invalid="ignore"):
        varies = (few[:, 0] != few[:, 1]) & ~(abs(few[:, 0] - few[:, 1]) <= SAME * few[:, 0])
    if not varies.any():
        return Barriers(tuple(leverages), few[:, :1].copy(), sign)
    every = np.stack([_ratios(rulebook, trade, leverage, entry, threads) for leverage in leverages])
    return Barriers(tuple(leverages), every, sign)


def _need_trade(rulebook: Rulebook, trade: Trade, leverages: Sequence[Decimal]) -> None:
    if trade.symbol not in rulebook.instruments:
        cure = rulebook.gaps.get(trade.symbol, "the rulebook has no such instrument")
        raise BadInput(rulebook.name, "symbol", trade.symbol, cure)
    unlent = why_not_lent(rulebook, MarginMode.ISOLATED) if rulebook.instruments[trade.symbol].kind is Kind.SPOT else None
    if unlent is not None:
        raise BadInput("passage", "symbol", trade.symbol, unlent)
    if trade.side not in ("long", "short"):
        raise BadInput("passage", "side", trade.side, "choose long or short")
    if trade.unit not in ("value", "size"):
        raise BadInput("passage", "unit", trade.unit, "choose value or size")
    if not trade.amount > 0:
        raise BadInput("passage", trade.unit, trade.amount, "give an amount greater than zero; the side is given apart")
    if not leverages:
        raise BadInput("passage", "leverages", "none", "give at least one")
    for leverage in leverages:
        if leverage < ONE:
            raise BadInput("passage", "leverages", leverage, "give leverages of 1 or more")


def _ratios(rulebook: Rulebook, trade: Trade, leverage: Decimal, entry: Column, threads: int) -> Column:
    """Liquidation price over entry price at one leverage, for each entry price."""
    instrument, long = rulebook.instruments[trade.symbol], trade.side == "long"
    amount = float(trade.amount) * np.ones(len(entry))
    if trade.unit == "size":
        amount *= float(instrument.multiplier)
    elif instrument.kind == "inverse":
        amount *= entry
    else:
        amount /= entry
    with exact():
        at = [Decimal.from_float(float(x)) for x in (entry.min(), np.median(entry[:1001]), entry.max())]
        samples = [_sample(rulebook, trade, leverage, price) for price in at]
        for price, leg in zip(at, samples, strict=True):
            _need_leverage(rulebook, trade, leg, price)
        account = Account(PositionMode.ONE_WAY, {}, fees=Fees(trade.taker_rate, trade.taker_rate))
        market = float_markets([market_of(instrument, account.fees, regime_of(rulebook, account))])
    legs = np.zeros(len(entry), LEG_RECORD)
    legs["amount"], legs["entry"] = amount if long else -amount, entry
    legs["leverage"], legs["initial_rate"] = float(leverage), float(samples[0].initial_rate)
    legs["isolated"] = True
    legs["tier"] = _tiers(samples, at, entry)
    value, filled, fee = (rule_part(rulebook.name, x) for x in ("value", "margin_at_fill", "opening_fee_split"))
    _fund(value, filled, fee, legs, market)
    prices = isolated_prices(rulebook.name, legs, entry, market, threads)
    return np.nan_to_num(prices / entry, nan=0.0 if long else np.inf, posinf=np.inf)


def _sample(rulebook: Rulebook, trade: Trade, leverage: Decimal, price: Decimal) -> Leg[Decimal]:
    """The position of one entry as the exact engine lays it out."""
    instrument, size = rulebook.instruments[trade.symbol], trade.amount
    if trade.unit == "value":
        units = size * price if instrument.kind == "inverse" else size / price
        size = units / instrument.multiplier
    signed = size if trade.side == "long" else -size
    held = Position(trade.symbol, MarginMode.ISOLATED, LegSide.NET, signed, price, leverage)
    return leg_of(held, Account(PositionMode.ONE_WAY, {}, (held,)), rulebook)


def _need_leverage(rulebook: Rulebook, trade: Trade, leg: Leg[Decimal], price: Decimal) -> None:
    """BadInput: the bracket of the position does not allow its leverage."""
    market = market_of(rulebook.instruments[trade.symbol], Fees(ZERO, ZERO))
    row = rulebook.rules.bracket(rulebook.rules.value(leg.amount, price, market), leg.tier, market)
    if ZERO < market.leverages[row] < leg.leverage:
        cure = f"a position of this size at {show(price, 8)} may have at most {show(market.leverages[row])}"
        raise BadInput("passage", "leverages", show(leg.leverage), cure)


def _tiers(samples: Sequence[Leg[Decimal]], at: Sequence[Decimal], entry: Column) -> Column:
    """What chooses the bracket beside the value, at every entry: it counts contracts or money, so that it is a straight line
    over the entry price or over one over it, through its values at the outer samples. The middle one tells which."""
    low, middle, high = (float(leg.tier) for leg in samples)
    first, between, last = (float(price) for price in at)
    if low == high:
        return np.full(len(entry), low)
    for x, x1, x2, x3 in ((entry, first, between, last), (1 / entry, 1 / first, 1 / between, 1 / last)):
        if abs(low + (high - low) * (x2 - x1) / (x3 - x1) - middle) <= SAME * abs(middle):
            return low + (high - low) * (x - x1) / (x3 - x1)
    raise AssertionError("what chooses a bracket is neither contracts nor money")


@kernel
def _fund(value: Any, margin_at_fill: Any, opening_fee_split: Any, legs: Any, markets: Any) -> None:
    """Put into each wall what the fill puts there, less its part of the opening fee."""
    legs, markets = lent(legs), lent(markets)
    for i in range(len(legs)):
        leg, market = legs[i], markets[0]
        fee = value(leg.amount, leg.entry, market) * market.taker_rate
        margin = margin_at_fill(leg.amount, leg.entry, leg.leverage, leg.initial_rate, market)
        legs[i].margin = margin - opening_fee_split(fee, True)[1]
