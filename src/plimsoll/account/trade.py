"""A trade: what it does to a position and where its money goes. Margin checks stand in `orders`, forced closes in
`liquidate`."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.account.events import Traded
from plimsoll.account.state import fund_size
from plimsoll.account.turn import Turn
from plimsoll.margin.ledger import Ledger, Posting, money, transfer
from plimsoll.margin.pools import leg_of, leverage_of, signed_cost, sized
from plimsoll.margin.waterfall import split_shortfall
from plimsoll.model import LegKey, MarginMode, Position
from plimsoll.number import ZERO
from plimsoll.rules.common import average_entry

_WORLD = Posting(Ledger.MARKET, "", ZERO)
_CASH = Posting(Ledger.CASH, "", ZERO)
_FEES = Posting(Ledger.FEES, "", ZERO)


class Parts(NamedTuple):
    """A traded size split into what closes the position held and what opens a new one (contracts, both >= 0)."""

    closing: Decimal
    opening: Decimal


def split_size(position: Position | None, side: str, size: Decimal) -> Parts:
    """Against an opposite position the first part closes, the rest opens; with it, all of it opens."""
    if position is None or (position.size > 0) == (side == "buy"):
        return Parts(ZERO, size)
    closing = min(abs(position.size), size)
    return Parts(closing, size - closing)


def wall(key: LegKey) -> Posting:
    """The ledger account that a position's money lives in: its own wall, or the cash."""
    return Posting(Ledger.LEG, "", ZERO, key) if key.mode is MarginMode.ISOLATED else _CASH


def trade(turn: Turn, key: LegKey, side: str, size: Decimal, price: Decimal, fee_rate: Decimal, order_id: str = "") -> None:
    """Emit the trade of `size` > 0 contracts at `price`. One-way positions flip; entry averages on adding, stays on closing."""
    position = turn.held(key)
    parts = split_size(position, side, size)
    closed = _close(turn, key, position, parts.closing, price, fee_rate)
    opened = _open(turn, key, position, parts, side, price, fee_rate)
    followed = _followed(turn, key, position, parts, opened.position, closed.realised)
    flipped = position is None or (parts.closing > 0 and parts.opening > 0)
    before = ZERO if flipped or position is None else position.realised_pnl + closed.realised - closed.fee
    turn.emit(
        Traded(
            leg=key,
            side=side,
            size=size,
            price=price,
            fee=closed.fee + opened.fee,
            realised_pnl=closed.realised,
            position=msgspec.structs.replace(opened.position, realised_pnl=before - opened.fee),
            order_id=order_id,
            postings=closed.postings + opened.postings + followed,
        )
    )


class Closed(NamedTuple):
    realised: Decimal
    fee: Decimal
    postings: tuple[Posting, ...]


class Opened(NamedTuple):
    fee: Decimal
    position: Position
    postings: tuple[Posting, ...]


def _close(turn: Turn, key: LegKey, position: Position | None, size: Decimal, price: Decimal, fee_rate: Decimal) -> Closed:
    """Profit to the cash; an isolated leg releases its money in proportion (reading `partial_close`) and can lose no more
    than its own: the insurance fund covers what a closing beyond bankruptcy would leave."""
    if position is None or size == 0:
        return Closed(ZERO, ZERO, ())
    asset = turn.instrument(key.symbol).settle
    realised = realised_pnl(turn, position, size, price)
    fee = _fee(turn, key.symbol, size, price, fee_rate)
    if key.mode is MarginMode.CROSS:
        return Closed(realised, fee, transfer(asset, realised, _WORLD, _CASH) + transfer(asset, fee, _CASH, _FEES))
    own = wall(key)
    postings = transfer(asset, realised, _WORLD, own)
    whole = size == abs(position.size)
    if not whole and turn.rulebook.rules.MARGIN_FOLLOWS:
        postings += transfer(asset, fee, _CASH, _FEES)
    elif whole or _releases(turn):
        share = position.isolated_margin if whole else money(position.isolated_margin * size / abs(position.size))
        released = share + realised
        if released < 0 and whole:
            paid = split_shortfall(-released, fund_size(turn.state, turn.venue, asset))
            postings += transfer(asset, paid.from_fund, Posting(Ledger.INSURANCE_FUND, "", ZERO), own)
            postings += transfer(asset, paid.from_counterparties, Posting(Ledger.COUNTERPARTIES, "", ZERO), own)
        postings += transfer(asset, max(released, ZERO), own, _CASH) + transfer(asset, fee, _CASH, _FEES)
    else:
        postings += transfer(asset, fee, own, _FEES)
    return Closed(realised, fee, postings)


def _open(
    turn: Turn, key: LegKey, position: Position | None, parts: Parts, side: str, price: Decimal, fee_rate: Decimal
) -> Opened:
    """The position after the trade, and for its opening part the margin into an isolated wall and the opening fee."""
    instrument = turn.instrument(key.symbol)
    sign = 1 if side == "buy" else -1
    before = position.size if position is not None else ZERO
    after = before + sign * (parts.closing + parts.opening)
    if parts.opening == 0:
        assert position is not None
        return Opened(ZERO, _shrunk(turn, position, after), ())
    fresh = position is None or parts.closing > 0
    leverage = leverage_of(turn.account, turn.rulebook, *key) if position is None else position.leverage
    entry = price
    if not fresh and position is not None:
        entry = average_entry(abs(before), position.entry_price, parts.opening, price, instrument.kind == "inverse")
    fee = _fee(turn, key.symbol, parts.opening, price, fee_rate)
    isolated = key.mode is MarginMode.ISOLATED
    from_cash, from_leg = turn.rulebook.rules.opening_fee_split(fee, isolated)
    postings = transfer(instrument.settle, from_cash, _CASH, _FEES)
    if isolated and not turn.rulebook.rules.MARGIN_FOLLOWS:
        rate = turn.rulebook.rules.initial_rate(leverage)
        amount = sign * parts.opening * instrument.multiplier
        margin = money(turn.rulebook.rules.margin_at_fill(amount, price, leverage, rate, turn.market(key.symbol)))
        postings += transfer(instrument.settle, margin, _CASH, wall(key)) + transfer(
            instrument.settle, from_leg, wall(key), _FEES
        )
    if fresh or position is None:
        return Opened(fee, Position(key.symbol, key.mode, key.side, after, entry, leverage), postings)
    grown = msgspec.structs.replace(position, size=after, entry_price=entry)
    if turn.rulebook.rules.MARGIN_FOLLOWS or turn.rulebook.rules.BALANCE_PAYS_POSITIONS:
        grown = _with_cost(turn, position, grown, sign * parts.opening, price)
    return Opened(fee, grown, postings)


def _releases(turn: Turn) -> bool:
    """Whether a partial close lets its share of the isolated money out of the wall."""
    return turn.rulebook.rules.MARGIN_FOLLOWS or turn.rulebook.readings.get("partial_close") == "pro_rata_release"


def _shrunk(turn: Turn, position: Position, after: Decimal) -> Position:
    """The position at its smaller size; where money is released in proportion, so are the tallies of it."""
    left = smaller(turn, position, after)
    if not _releases(turn):
        return left
    share, unit = after / position.size, turn.instrument(position.symbol).unit
    return msgspec.structs.replace(
        left,
        added_margin=money(position.added_margin * share, unit),
        lost_margin=money(position.lost_margin * share, unit),
    )


def smaller(turn: Turn, position: Position, after: Decimal) -> Position:
    """The position at its smaller size, less the cost of what is gone."""
    position = _costed(turn, position)
    gone = _part(turn, position, position.size - after)
    return msgspec.structs.replace(
        position,
        size=after,
        cost=None if position.cost is None or gone.cost is None else position.cost - gone.cost,
        remarked=None if position.remarked is None or gone.remarked is None else position.remarked - gone.remarked,
    )


def _costed(turn: Turn, position: Position) -> Position:
    """The position with what was paid for it, where the venue's balance pays for positions: the rounded values of its parts
    need not sum to its own."""
    if position.cost is not None or not turn.rulebook.rules.BALANCE_PAYS_POSITIONS:
        return position
    return msgspec.structs.replace(position, cost=signed_cost(position, turn.rulebook))


def _part(turn: Turn, position: Position, size: Decimal) -> Position:
    """`size` signed contracts of a position, with their share of its cost."""
    position = _costed(turn, position)
    share, unit = size / position.size, turn.instrument(position.symbol).unit
    return msgspec.structs.replace(
        position,
        size=size,
        cost=None if position.cost is None else money(position.cost * share, unit),
        remarked=None if position.remarked is None else money(position.remarked * share, unit),
    )


def _with_cost(turn: Turn, before: Position, grown: Position, opening: Decimal, price: Decimal) -> Position:
    """The grown position with its cost as paid, trade by trade: averages of rounded values are not rounded values."""
    paid = signed_cost(Position(grown.symbol, grown.mode, grown.side, opening, price, grown.leverage), turn.rulebook)
    remarked = None if before.remarked is None else before.remarked + paid
    return msgspec.structs.replace(grown, cost=signed_cost(before, turn.rulebook) + paid, remarked=remarked)


def _followed(
    turn: Turn, key: LegKey, before: Position | None, parts: Parts, after: Position, realised: Decimal
) -> tuple[Posting, ...]:
    """Where the venue sizes isolated walls itself: the cash takes what the wall holds too much of after the trade, and
    brings what an opening part needs. A loss on closing is not made up from the cash."""
    if key.mode is MarginMode.CROSS or not turn.rulebook.rules.MARGIN_FOLLOWS or after.size == 0:
        return ()
    asset = turn.instrument(key.symbol).settle
    flipped = parts.closing > 0 and parts.opening > 0
    inside = ZERO if before is None or flipped else before.isolated_margin + realised
    needed = sized(after, turn.mark(key.symbol), turn.rulebook, turn.account.fees) - inside
    return transfer(asset, needed if parts.opening > 0 else min(needed, ZERO), _CASH, wall(key))


def realised_pnl(turn: Turn, position: Position, size: Decimal, price: Decimal) -> Decimal:
    """Price profit of closing `size` > 0 contracts at `price`, on the entry as the rules use it."""
    part = _part(turn, position, size if position.size > 0 else -size)
    leg = leg_of(part, turn.account, turn.rulebook)
    market = turn.market(position.symbol)
    return money(turn.rulebook.rules.profit(leg, price, market), turn.instrument(position.symbol).unit)


def _fee(turn: Turn, symbol: str, size: Decimal, price: Decimal, rate: Decimal) -> Decimal:
    market = turn.market(symbol)
    return money(turn.rulebook.rules.value(size * market.multiplier, price, market) * rate, turn.instrument(symbol).unit)
