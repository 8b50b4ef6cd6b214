"""What is inside the wall of an isolated position of a plan, as the venue sizes it, and what is not known about it."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from plimsoll.margin.ledger import money
from plimsoll.margin.pools import market_of, sized
from plimsoll.model import Fees, Instrument, MarginMode, Position
from plimsoll.number import ZERO
from plimsoll.rulebook import Rulebook


def tallied(position: Position, fees: Fees, rulebook: Rulebook) -> Position:
    """Where the venue sizes isolated walls itself: what a planned margin has too much of counts as added, what it lacks as
    lost."""
    if position.mode is MarginMode.CROSS or not rulebook.rules.MARGIN_FOLLOWS:
        return position
    market = market_of(rulebook.instruments[position.symbol], fees.taker_rate)
    beyond = position.isolated_margin - sized(position, position.entry_price, rulebook, fees)
    added = rulebook.rules.movable(beyond, market)
    return msgspec.structs.replace(position, added_margin=added, lost_margin=max(-beyond, ZERO))


def isolated_money(
    rulebook: Rulebook, instrument: Instrument, size: Decimal, entry: Decimal, leverage: Decimal, fees: Fees
) -> Decimal:
    """What the venue walls off for `size` contracts opened at `entry`: its `margin_at_fill`, to the unit of the ledger."""
    rate = rulebook.rules.initial_rate(leverage)
    market = market_of(instrument, fees.taker_rate)
    return money(rulebook.rules.margin_at_fill(size * instrument.multiplier, entry, leverage, rate, market))


def funding_notes(rulebook: Rulebook, instruments: Iterable[Instrument]) -> list[str]:
    """One sentence for each contract whose next funding rate would be part of its requirement and is not known."""
    if not rulebook.rules.CHARGES_FUNDING_AHEAD:
        return []
    unknown = [i.symbol for i in instruments if i.funding_hours and i.funding_rate is None]
    return [f"The next funding rate of {s} is not known: nothing of it is charged in advance." for s in unknown]
