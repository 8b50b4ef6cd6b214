"""What new marks do to positions besides liquidating them, where a venue has it: running profit is paid out on the clock, and
cross positions lock a loss out of the free cash. Nothing here happens to a venue whose rules do not ask for it."""

from datetime import datetime
from decimal import Decimal

import msgspec

from plimsoll.account.events import ExpirySettled, MarginLocked
from plimsoll.account.liquidate import liquidate
from plimsoll.account.settings import asset_view
from plimsoll.account.turn import Turn
from plimsoll.margin.ledger import Ledger, Posting, transfer
from plimsoll.margin.pools import leg_of, signed_cost
from plimsoll.model import MarginMode, Position, leg_key
from plimsoll.number import ZERO
from plimsoll.rulebook import regime_of
from plimsoll.rules.columns import Leg

_CASH = Posting(Ledger.CASH, "", ZERO)
_MARKET = Posting(Ledger.MARKET, "", ZERO)


def pay_profit_out(turn: Turn, before: datetime | None) -> None:
    """Running profit of cross positions becomes cash at the mark, if the clock has passed a moment at which the venue does so.
    The entry shown stays; profit counts from the mark on."""
    rulebook = turn.rulebook
    if not rulebook.rules.pays_profit_out(regime_of(rulebook, turn.account), before, turn.state.marks.time):
        return
    for position in [p for p in turn.account.positions if p.mode is MarginMode.CROSS]:
        mark = turn.mark(position.symbol)
        gain = rulebook.rules.profit(_leg(turn, position), mark, turn.market(position.symbol))
        if gain > 0:
            basis = signed_cost(position, rulebook) if position.remarked is None else position.remarked
            after = msgspec.structs.replace(position, remarked=basis + gain)
            postings = transfer(turn.instrument(position.symbol).settle, gain, _MARKET, _CASH)
            turn.emit(ExpirySettled(leg_key(position), mark, gain, after, postings))


def stand(turn: Turn) -> None:
    """Bring the account to rest at its marks: top-ups and the ladder, in turn, until neither has anything to do."""
    if not _alone(turn):
        liquidate(turn)
        return
    while True:
        before = len(turn.events)
        _top_up(turn)
        liquidate(turn)
        if len(turn.events) == before:
            return


def _top_up(turn: Turn) -> None:
    """Each cross position locks what its rules ask for at this mark, as far as free cash reaches, in the order held; what is no
    longer asked for is free again."""
    rules = turn.rulebook.rules
    for position in [p for p in turn.account.positions if p.mode is MarginMode.CROSS]:
        market = turn.market(position.symbol)
        due = rules.topped_up(_leg(turn, position), turn.mark(position.symbol), market)
        if due > position.added_margin:
            view = asset_view(turn, turn.instrument(position.symbol).settle)
            free = ZERO if view is None else view.available_balance
            due = min(due, position.added_margin + rules.movable(free, market))
        if due != position.added_margin:
            turn.emit(MarginLocked(leg_key(position), due, position.lost_margin))


def lock_funding(turn: Turn, position: Position, paid: Decimal) -> None:
    """Funding that a cross position has paid counts as lost by it, and as made up for from the cash."""
    if paid > 0 and position.mode is MarginMode.CROSS and _alone(turn):
        turn.emit(MarginLocked(leg_key(position), position.added_margin + paid, position.lost_margin + paid))


def _alone(turn: Turn) -> bool:
    """Whether cross positions are liquidated each by itself, and so lock their losses one by one."""
    return turn.rulebook.rules.cross_apart(regime_of(turn.rulebook, turn.account))


def _leg(turn: Turn, position: Position) -> Leg[Decimal]:
    return leg_of(position, turn.account, turn.rulebook)
