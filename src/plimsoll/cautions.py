"""What should worry a trader about an account as it stands: frozen records, the numbers beside the sentence. Thresholds are
ours, not a venue's; what a venue allows, and at what level it calls for margin, is asked of its rules. A caution is never a
stage of a liquidation.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec

from plimsoll.coin_tables import coin_tables
from plimsoll.margin.views import Assessment, LegView, PoolView
from plimsoll.model import Account, Kind, Order, OrderType
from plimsoll.number import ZERO, exact, show
from plimsoll.owing import Owing
from plimsoll.rulebook import Rulebook
from plimsoll.rules.asks import SizeAsk

NEAR = Decimal("0.05")
"""A liquidation price nearer than this share of the mark is near."""
THIN = Decimal("1.5")
"""A margin balance below this multiple of the requirement is thin."""
HIGH = Decimal("0.8")
"""An effective leverage above this share of the most that the bracket allows is high."""
FULL = Decimal("0.9")
"""A position above this share of the size that its leverage allows is at the edge."""
WITHIN = 3
"""A second liquidation price is worth a word if the mark is at most this many times away from it."""


class Code(StrEnum):
    """What a caution is about, most urgent first."""

    LIQUIDATABLE = "liquidatable"
    MARGIN_CALL = "margin_call"
    NEAR_LIQUIDATION = "near_liquidation"
    THIN_COVER = "thin_cover"
    STOP_BEYOND_LIQUIDATION = "stop_beyond_liquidation"
    LEVERAGE_ABOVE_BRACKET = "leverage_above_bracket"
    OVER_LEVERAGED = "over_leveraged"
    BRACKET_EDGE = "bracket_edge"
    TWO_TRIGGERS = "two_triggers"
    NO_STOP = "no_stop"
    STALE_TABLE = "stale_table"
    OPEN_TABLE = "open_table"
    UNSTATED = "unstated"


class Caution(msgspec.Struct, frozen=True):
    """`of`: a leg, a pool, a symbol or a coin's table. `value` and `limit`: the two numbers compared, where it compares any."""

    code: Code
    of: str
    sentence: str
    value: Decimal | None = None
    limit: Decimal | None = None


def cautions(
    view: Assessment, account: Account, rulebook: Rulebook, owed: Sequence[Owing] = ()
) -> tuple[Caution, ...]:
    """All cautions of an assessed account, most urgent first. `view`: with liquidation prices; `owed`: its debts, where it is
    to be told which of them the venue calls for."""
    with exact():
        pools = {pool.key: pool for pool in view.pools}
        found = [caution for pool in view.pools for caution in _pool(pool, view.legs, rulebook)]
        for leg in view.legs:
            if not pools[leg.pool].liquidatable:
                found += [*_near(leg), *_two_triggers(leg), *_stops(leg, account.orders)]
            found += _limits(leg, rulebook)
        found += _calls([owing for owing in owed if owing.pool in pools and not pools[owing.pool].liquidatable])
        found += [*_tables(view, rulebook), *_coin_tables(view, account, rulebook)]
        found += unstated((leg.symbol for leg in view.legs), rulebook)
    order = list(Code)
    return tuple(sorted(found, key=lambda caution: order.index(caution.code)))


def distance(leg: LegView) -> Decimal | None:
    """How far the mark has to move to the leg's liquidation price, as a signed share of the mark."""
    if leg.liquidation_price is None:
        return None
    with exact():
        return leg.liquidation_price / leg.mark - 1


def percent(share: Decimal) -> str:
    """A share as per cent with one decimal: `9.6 %`."""
    with exact():
        return f"{round(share * 100, 1):,.1f} %"


def brief(value: Decimal) -> str:
    """A number to seven digits, for a sentence: the exact one stands beside it.

    >>> brief(Decimal("50813.00813008")), brief(Decimal("0.3300"))
    ('50813.01', '0.33')
    """
    with exact(7):
        return show(+value)


def _pool(pool: PoolView, legs: Sequence[LegView], rulebook: Rulebook) -> list[Caution]:
    if pool.requirement <= 0:
        return []
    balance, needed = brief(pool.margin_balance), brief(pool.requirement)
    if pool.liquidatable:
        text = f"{pool.key} is due for liquidation: it has {balance} {pool.asset} and needs {needed}."
        return [Caution(Code.LIQUIDATABLE, pool.key, text, pool.margin_balance, pool.requirement)]
    out = []
    if pool.margin_balance < THIN * pool.requirement:
        cover = pool.margin_balance / pool.requirement
        text = f"{pool.key} covers its requirement only {show(cover, 2)} times."
        out.append(Caution(Code.THIN_COVER, pool.key, text, cover, THIN))
    own = [leg for leg in legs if leg.pool == pool.key]
    caps = [leg.max_leverage for leg in own if leg.max_leverage is not None]
    leverage = sum((_told(leg, rulebook) for leg in own), ZERO) / pool.margin_balance
    if caps and leverage > HIGH * min(caps):
        text = f"{pool.key} carries {show(leverage, 1)} times its balance; the brackets allow {show(min(caps))}x at most."
        out.append(Caution(Code.OVER_LEVERAGED, pool.key, text, leverage, min(caps)))
    return out


def _calls(owed: Sequence[Owing]) -> list[Caution]:
    """Pools whose level the venue calls for more margin at: once each, however many debts they have."""
    out = {}
    for owing in owed:
        if owing.level is not None and owing.call is not None and owing.level <= owing.call:
            text = f"{owing.pool} is under a margin call: its level is {brief(owing.level)}, called at {show(owing.call)}"
            text += "." if owing.line is None else f" and liquidates at {show(owing.line)}."
            out[owing.pool] = Caution(Code.MARGIN_CALL, owing.pool, text, owing.level, owing.call)
    return list(out.values())


def _told(leg: LegView, rulebook: Rulebook) -> Decimal:
    """A leg's value in the asset that its pool is told in: coins themselves may have their margin in the coin."""
    instrument = rulebook.instruments[leg.symbol]
    in_coin = instrument.kind is Kind.SPOT and leg.asset == instrument.base
    return leg.notional / leg.mark if in_coin else leg.notional


def _near(leg: LegView) -> list[Caution]:
    away = distance(leg)
    if away is None or abs(away) >= NEAR:
        return []
    text = f"{leg.name} is liquidated {percent(abs(away))} from its mark."
    return [Caution(Code.NEAR_LIQUIDATION, leg.name, text, abs(away), NEAR)]


def _two_triggers(leg: LegView) -> list[Caution]:
    if leg.liquidation_price is None or leg.other_liquidation_price is None:
        return []
    low, high = sorted((leg.liquidation_price, leg.other_liquidation_price))
    if high > WITHIN * leg.mark or low * WITHIN < leg.mark:
        return []
    text = f"{leg.name} has two liquidation prices: its pool fails below {brief(low)} and above {brief(high)}."
    return [Caution(Code.TWO_TRIGGERS, leg.name, text, leg.other_liquidation_price, leg.liquidation_price)]


def _closes(order: Order, leg: LegView) -> bool:
    same = (order.symbol, order.mode, order.position_side) == (leg.symbol, leg.mode, leg.side)
    return same and order.type is OrderType.STOP_MARKET and (order.side == "sell") == (leg.size > 0)


def _stops(leg: LegView, orders: Sequence[Order]) -> list[Caution]:
    """No stop at all, or a stop that the mark reaches only after the liquidation price."""
    stops = [order for order in orders if _closes(order, leg)]
    if not stops:
        return [Caution(Code.NO_STOP, leg.name, f"{leg.name} has no stop.")]
    line = leg.liquidation_price
    if line is None or (line < leg.mark) is not (leg.size > 0):
        return []
    late = [s for s in stops if s.stop_price is not None and (s.stop_price <= line if leg.size > 0 else s.stop_price >= line)]
    return [
        Caution(
            Code.STOP_BEYOND_LIQUIDATION,
            leg.name,
            f"{order.id} at {show(order.stop_price or ZERO)} lies beyond the liquidation price {brief(line)}: "
            "the position is liquidated first.",
            order.stop_price,
            line,
        )
        for order in late
    ]


def above_bracket(view: Assessment, rulebook: Rulebook) -> list[str]:
    """What is held at more leverage than the venue offers for its size, a sentence for each leg."""
    found = [caution for leg in view.legs for caution in _limits(leg, rulebook)]
    return [caution.sentence for caution in found if caution.code is Code.LEVERAGE_ABOVE_BRACKET]


def _limits(leg: LegView, rulebook: Rulebook) -> list[Caution]:
    """What the venue would say to a position of this size under this leverage, and to one a little larger."""
    instrument = rulebook.instruments[leg.symbol]
    size = abs(leg.size)
    now = rulebook.rules.may_grow(SizeAsk(instrument, leg.leverage, size, leg.notional, leg.size > 0))
    if now is not None and now.limit is not None and now.limit <= 0:
        text = f"{leg.name}: no size may be held at {show(leg.leverage)}x here."
        return [Caution(Code.LEVERAGE_ABOVE_BRACKET, leg.name, text, now.wanted, now.limit)]
    if now is not None:
        text = f"{leg.name} is larger than {show(leg.leverage)}x allows: {_of(now.wanted, now.limit)}."
        return [Caution(Code.LEVERAGE_ABOVE_BRACKET, leg.name, text, now.wanted, now.limit)]
    soon = rulebook.rules.may_grow(SizeAsk(instrument, leg.leverage, size / FULL, leg.notional / FULL, leg.size > 0))
    if soon is None or soon.wanted is None:
        return []
    held = soon.wanted * FULL
    text = f"{leg.name} nearly fills what {show(leg.leverage)}x allows: {_of(held, soon.limit)}."
    return [Caution(Code.BRACKET_EDGE, leg.name, text, held, soon.limit)]


def _of(value: Decimal | None, limit: Decimal | None) -> str:
    return f"{brief(value or ZERO)} of {brief(limit or ZERO)}"


def _tables(view: Assessment, rulebook: Rulebook) -> list[Caution]:
    """Numbers that stand in for those of the day, and rows the venue has but nobody has recorded."""
    out = []
    for symbol in dict.fromkeys(leg.symbol for leg in view.legs):
        age = rulebook.ages.get(symbol)
        if age is None:
            continue
        if age.days:
            text = f"{symbol}: the nearest bracket table is {age.days} days away ({age.brackets.since})."
            out.append(Caution(Code.STALE_TABLE, symbol, text, Decimal(age.days), ZERO))
        own = [leg for leg in view.legs if leg.symbol == symbol]
        reach, last = max(_reach(leg, rulebook) for leg in own), len(age.brackets.rows) - 1
        if age.open_above is not None and reach > age.open_above:
            text = f"{symbol}: rows above {show(age.open_above)} exist but are not known; the last known one is used."
            out.append(Caution(Code.OPEN_TABLE, symbol, text, reach, age.open_above))
        if not age.brackets.complete and age.open_above is None and any(leg.bracket == last for leg in own):
            text = f"{symbol}: further rows exist but are not known, nor where the last known one ends; that one is used."
            out.append(Caution(Code.OPEN_TABLE, symbol, text, reach))
    return out


def unstated(symbols: Iterable[str], rulebook: Rulebook) -> list[Caution]:
    """Numbers that move by the minute, that the venue's rules ask for and no table states."""
    told = {symbol: rulebook.rules.unstated(rulebook.instruments[symbol]) for symbol in dict.fromkeys(symbols)}
    return [Caution(Code.UNSTATED, symbol, f"{symbol}: {text}.") for symbol, text in told.items() if text]


def _coin_tables(view: Assessment, account: Account, rulebook: Rulebook) -> list[Caution]:
    """Collateral and loan tables that stand in for those of the day."""
    instruments = [rulebook.instruments[symbol] for symbol in dict.fromkeys(leg.symbol for leg in view.legs)]
    out = []
    for table in coin_tables(account, instruments, rulebook):
        if table.age.days:
            text = f"{table.name}: the nearest table is {table.age.days} days away ({table.age.entry.since})."
            out.append(Caution(Code.STALE_TABLE, table.name, text, Decimal(table.age.days), ZERO))
    return out


def _reach(leg: LegView, rulebook: Rulebook) -> Decimal:
    """The leg in the unit its bracket table counts."""
    return leg.notional if rulebook.instruments[leg.symbol].bracket_unit == "notional" else abs(leg.size)
