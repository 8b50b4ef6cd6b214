"""Who pays for a loss beyond the pool: the insurance fund first, then the opposite side, who are deleveraged."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.number import ZERO


class Counterparty(msgspec.Struct, frozen=True):
    """Somebody who can be deleveraged: a profitable opposite position. Higher `rank` goes first."""

    id: str
    symbol: str
    side: str
    size: Decimal
    rank: Decimal


class Share(NamedTuple):
    """How a shortfall (>= 0) is split."""

    from_fund: Decimal
    from_counterparties: Decimal


class Deleverage(NamedTuple):
    """One forced close of a counterparty, in contracts."""

    id: str
    size: Decimal


def split_shortfall(shortfall: Decimal, fund: Decimal | None) -> Share:
    """The fund pays what it has (None: its size is not known and taken to suffice), the counterparties the rest."""
    from_fund = shortfall if fund is None else min(shortfall, max(fund, ZERO))
    return Share(from_fund, shortfall - from_fund)


def deleverage(
    symbol: str, side: str, size: Decimal, counterparties: Sequence[Counterparty]
) -> tuple[tuple[Deleverage, ...], Decimal]:
    """(who is closed for how much, size nobody took): opposite positions of `side`, highest rank first."""
    opposite = "short" if side == "long" else "long"
    queue = sorted((c for c in counterparties if c.symbol == symbol and c.side == opposite), key=lambda c: (-c.rank, c.id))
    left, taken = size, []
    for party in queue:
        if left <= 0:
            break
        part = min(left, party.size)
        taken.append(Deleverage(party.id, part))
        left -= part
    return tuple(taken), left
