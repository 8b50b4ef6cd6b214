"""Double entry: every event moves money between named accounts, and per asset the movements sum to exactly zero."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

import msgspec

from plimsoll.errors import BadInput
from plimsoll.model import LegKey
from plimsoll.number import ZERO, half_up_to

MONEY_UNIT = Decimal("1e-18")
LIMIT = Decimal("1e15")
"""Beyond this an amount with 18 decimals no longer fits 34 digits with room for its sums."""


class Ledger(StrEnum):
    """Whose money. CASH and LEG are the trader's (outside and inside an isolated wall), DEBT and INTEREST what the trader owes
    (below zero: the lender's claim), outside a wall or, where the posting names a leg, inside it. The rest is the world's."""

    CASH = "cash"
    LEG = "leg"
    DEBT = "debt"
    INTEREST = "interest"
    FEES = "fees"
    FUNDING = "funding"
    MARKET = "market"
    INSURANCE_FUND = "insurance_fund"
    COUNTERPARTIES = "counterparties"
    LENDER = "lender"
    OUTSIDE = "outside"


class Posting(msgspec.Struct, frozen=True):
    """`amount` > 0 enters the account. `leg` names the wall for LEG postings, and for debts inside one."""

    account: Ledger
    asset: str
    amount: Decimal
    leg: LegKey | None = None


def money(amount: Decimal, unit: Decimal | None = None) -> Decimal:
    """An amount fit for a posting: half-even to 18 decimals, so that sums stay exact in 34 digits. Far below the unit of any
    venue (8 to 16 decimals); half-even because no side may gain by it. Where the venue counts whole units of money
    (`unit`), half up to one of these. BadInput from 1e15 on."""
    if abs(amount) >= LIMIT:
        raise BadInput("amount", "money", amount, f"no account moves {LIMIT} or more; give smaller sizes or prices")
    if unit is not None:
        return half_up_to(amount, unit)
    return amount.quantize(MONEY_UNIT, ROUND_HALF_EVEN).normalize() + ZERO


def transfer(asset: str, amount: Decimal, source: Posting, target: Posting) -> tuple[Posting, ...]:
    """`amount` from one account to the other (the two arguments give the accounts; their amounts are ignored)."""
    if amount == 0:
        return ()
    return (
        msgspec.structs.replace(source, asset=asset, amount=-amount),
        msgspec.structs.replace(target, asset=asset, amount=amount),
    )


def imbalance(postings: Iterable[Posting]) -> dict[str, Decimal]:
    """asset -> what does not cancel; empty when the event balances."""
    totals: dict[str, Decimal] = {}
    for posting in postings:
        totals[posting.asset] = totals.get(posting.asset, ZERO) + posting.amount
    return {asset: total for asset, total in totals.items() if total != 0}


def moved(postings: Iterable[Posting], account: Ledger, asset: str, leg: LegKey | None = None) -> Decimal:
    """Net amount that entered `account` (of `leg`, where one is named) in `asset`."""
    return sum(
        (p.amount for p in postings if p.account is account and p.asset == asset and (leg is None or p.leg == leg)),
        ZERO,
    )
