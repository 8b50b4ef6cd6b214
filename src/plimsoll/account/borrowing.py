"""Borrowed money: who owes what where, and what it costs. The purse is the account's own cash (`leg` None) or the coins inside
an isolated wall; a debt is what was lent (`borrowed`) and what that has grown by (`interest`), which is repaid first."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from plimsoll.account.events import Borrowed, InterestCharged, Repaid
from plimsoll.account.turn import Turn
from plimsoll.errors import BadInput, Reason, Reject
from plimsoll.margin.ledger import Ledger, Posting, money, transfer
from plimsoll.margin.pools import lay_out
from plimsoll.model import Account, Kind, LegKey, leg_key
from plimsoll.number import ONE, ZERO
from plimsoll.rulebook import Rulebook

NO_RATE = "is owed, and nobody says what that costs; give the rate a year under [interest]"
"""What to do about a debt of unknown cost."""

_LENDER = Posting(Ledger.LENDER, "", ZERO)


def purse(leg: LegKey | None) -> Posting:
    """The ledger account of the coins: the cash, or those inside a wall."""
    return Posting(Ledger.CASH if leg is None else Ledger.LEG, "", ZERO, leg)


def debt(leg: LegKey | None) -> Posting:
    """The ledger account of what was lent."""
    return Posting(Ledger.DEBT, "", ZERO, leg)


def accrued(leg: LegKey | None) -> Posting:
    """The ledger account of what debts have grown by."""
    return Posting(Ledger.INTEREST, "", ZERO, leg)


def held(account: Account, leg: LegKey | None, asset: str) -> Decimal:
    """What there is of an asset."""
    return _side(account, leg, "coins").get(asset, ZERO)


def lent(account: Account, leg: LegKey | None, asset: str) -> Decimal:
    """What was lent of an asset and not paid back, without interest."""
    return _side(account, leg, "borrowed").get(asset, ZERO)


def grown(account: Account, leg: LegKey | None, asset: str) -> Decimal:
    """The interest that is owed."""
    return _side(account, leg, "interest").get(asset, ZERO)


def owed(account: Account, leg: LegKey | None, asset: str) -> Decimal:
    """All that is owed of an asset, beside its balance."""
    return lent(account, leg, asset) + grown(account, leg, asset)


def _side(account: Account, leg: LegKey | None, side: str) -> dict[str, Decimal]:
    if leg is None:
        return {"coins": account.cash, "borrowed": account.borrowed, "interest": account.interest}[side]
    position = next((p for p in account.positions if leg_key(p) == leg), None)
    if position is None or position.coins is None:
        return {}
    return {"coins": position.coins, "borrowed": position.borrowed, "interest": position.interest}[side]


def borrow(turn: Turn, leg: LegKey | None, asset: str, amount: Decimal) -> None:
    """Lend the account that much; where the venue charges the first hour at once, its interest too."""
    turn.emit(Borrowed(asset, amount, leg, transfer(asset, amount, debt(leg), purse(leg))))
    if turn.rulebook.rules.FIRST_HOUR_AT_ONCE and asset in turn.account.interest_rates:
        _charge(turn, leg, asset, cost_of(turn, amount, ZERO, asset, ONE))


def repay(turn: Turn, leg: LegKey | None, asset: str, amount: Decimal) -> Decimal:
    """Pay back up to `amount`, no more than is owed; returns what was paid."""
    paid = min(amount, owed(turn.account, leg, asset))
    if paid > 0:
        interest = min(paid, grown(turn.account, leg, asset))
        turn.emit(Repaid(asset, paid, interest, leg, repayment(leg, asset, paid, interest)))
    return max(paid, ZERO)


def repayment(leg: LegKey | None, asset: str, paid: Decimal, interest: Decimal) -> tuple[Posting, ...]:
    """The postings of paying `paid`, of which `interest` is interest."""
    own = purse(leg)
    return transfer(asset, interest, own, accrued(leg)) + transfer(asset, paid - interest, own, debt(leg))


def cost_of(turn: Turn, borrowed: Decimal, interest: Decimal, asset: str, hours: Decimal) -> Decimal:
    """Interest on a debt over some hours, by the venue's rule. BadInput: the account states no rate for the asset."""
    rate = turn.account.interest_rates.get(asset)
    if rate is None:
        raise BadInput("interest", asset, None, NO_RATE)
    return money(turn.rulebook.rules.interest(borrowed, interest, rate, hours))


def owes(account: Account, rulebook: Rulebook) -> bool:
    """Whether the account has a debt that costs interest: one with a rate, or one that a position in coins stands on."""
    spot = any(rulebook.instruments[p.symbol].kind is Kind.SPOT for p in account.positions)
    if not (spot or account.interest_rates):
        return False
    sides = [account.borrowed, account.interest]
    sides += [side for p in account.positions for side in (p.borrowed, p.interest)]
    overdrawn = rulebook.rules.DEBTS == "overdrawn" and any(amount < 0 for amount in account.cash.values())
    return overdrawn or any(amount > 0 for side in sides for amount in side.values())


def debts(account: Account, rulebook: Rulebook) -> Iterator[tuple[LegKey | None, str, Decimal, Decimal]]:
    """(wall or None, asset, what was lent, interest so far) of everything that costs interest. Where a venue lends by letting
    the cash go below zero, that is a debt without interest of its own."""
    for asset in sorted({*account.cash, *account.borrowed, *account.interest}):
        overdrawn = max(ZERO, -account.cash.get(asset, ZERO)) if rulebook.rules.DEBTS == "overdrawn" else ZERO
        due = lent(account, None, asset) + overdrawn
        if due > 0 or grown(account, None, asset) > 0:
            yield None, asset, due, grown(account, None, asset)
    for position in account.positions:
        key = leg_key(position)
        for asset in sorted({*position.borrowed, *position.interest}):
            if owed(account, key, asset) > 0:
                yield key, asset, lent(account, key, asset), grown(account, key, asset)


def need_rates(account: Account, rulebook: Rulebook) -> None:
    """BadInput: a coin is owed at a cost which nobody states."""
    for _, asset, _, _ in debts(account, rulebook):
        if asset not in account.interest_rates:
            raise BadInput("account", f"interest.{asset}", None, f"{asset} {NO_RATE}")


def accrue(turn: Turn, hours: Decimal) -> Reject | None:
    """Interest on every debt for so many hours."""
    if not (hours.is_finite() and hours > 0):
        return Reject(Reason.BAD_AMOUNT, "the time must be greater than zero", hours, ZERO)
    for leg, asset, borrowed, interest in tuple(debts(turn.account, turn.rulebook)):
        _charge(turn, leg, asset, cost_of(turn, borrowed, interest, asset, hours))
    return None


def charge(turn: Turn, leg: LegKey | None, asset: str, amount: Decimal) -> Reject | None:
    """Interest as somebody states it."""
    if not (amount.is_finite() and amount > 0):
        return Reject(Reason.BAD_AMOUNT, "the amount must be greater than zero", amount, ZERO)
    if leg is not None and owed(turn.account, leg, asset) == 0:
        return Reject(Reason.NOT_OFFERED, f"nothing is owed in {asset} there")
    _charge(turn, leg, asset, money(amount))
    return None


def _charge(turn: Turn, leg: LegKey | None, asset: str, amount: Decimal) -> None:
    """Owed beside the debt where debts stand apart from the balance, else paid from the cash."""
    if amount == 0:
        return
    apart = leg is not None or turn.rulebook.rules.DEBTS == "apart"
    turn.emit(InterestCharged(asset, amount, transfer(asset, amount, accrued(leg) if apart else purse(leg), _LENDER), leg))


def ask_to_borrow(turn: Turn, leg: LegKey | None, asset: str, amount: Decimal) -> Reject | None:
    """Borrow as the user wishes, up to what the venue lends."""
    if not (amount.is_finite() and amount > 0):
        return Reject(Reason.BAD_AMOUNT, "the amount must be greater than zero", amount, ZERO)
    if turn.rulebook.rules.DEBTS != "apart" and leg is None:
        return Reject(Reason.NOT_OFFERED, "this venue lends by itself where a balance goes below zero, or not at all")
    limit = borrowable(turn, leg, asset)
    if limit is None:
        return Reject(Reason.NOT_OFFERED, f"there is nothing that {asset} could be lent against")
    if amount > limit:
        return Reject(Reason.BORROW_TOO_MUCH, f"not that much {asset} is lent", amount, limit)
    borrow(turn, leg, asset, money(amount))
    return None


def borrowable(turn: Turn, leg: LegKey | None, asset: str) -> Decimal | None:
    """What the venue would lend of an asset now, to the account (whether it has the coin already or not) or into a wall; None
    where the wall has no such coin."""
    layout = turn.layout()
    if leg is None and asset not in turn.account.cash:
        layout = lay_out(replace(turn.account, cash={**turn.account.cash, asset: ZERO}), turn.rulebook)
    column = turn.column(layout)
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        mine = spec.legs == (leg,) if leg is not None else not spec.isolated
        if mine and asset in spec.assets:
            margin = turn.rulebook.rules.assess_pool(pool, column, layout.markets)
            return turn.rulebook.rules.borrowable(pool, margin, spec.assets.index(asset), column, layout.markets)
    return None


def ask_to_repay(turn: Turn, leg: LegKey | None, asset: str, amount: Decimal) -> Reject | None:
    """Repay as the user wishes, from what there is."""
    if not (amount.is_finite() and amount > 0):
        return Reject(Reason.BAD_AMOUNT, "the amount must be greater than zero", amount, ZERO)
    there, due = held(turn.account, leg, asset), owed(turn.account, leg, asset)
    if amount > min(there, due):
        return Reject(Reason.REPAY_TOO_MUCH, f"not that much {asset} is there or owed", amount, min(there, due))
    repay(turn, leg, asset, money(amount))
    return None
