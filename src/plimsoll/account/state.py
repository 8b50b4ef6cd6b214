"""The state of one account and what surrounds it. `evolve` is the only way from one state to the next."""

from decimal import Decimal

import msgspec

from plimsoll.account.events import (
    Event,
    ExpirySettled,
    FundingPaid,
    LeverageSet,
    MarginLocked,
    MarginModeSet,
    MarginMoved,
    MarksSet,
    OptionSet,
    OrderCancelled,
    OrderPlaced,
    OrderTriggered,
    PositionModeSet,
    Reduced,
    Resumed,
    StageReached,
    TakenOver,
    Traded,
)
from plimsoll.margin.ledger import Ledger, Posting, imbalance
from plimsoll.margin.waterfall import Counterparty
from plimsoll.model import Account, LegKey, Marks, Order, Position, Stage, leg_key
from plimsoll.number import ZERO, exact
from plimsoll.rulebook import Rulebook


class Environment(msgspec.Struct, frozen=True):
    """What the world does in a forced sale. `liquidation_fill`: symbol -> price (None: nobody fills; absent: the mark).
    `insurance_fund`: asset -> size at the start (absent: not known, taken to suffice)."""

    liquidation_fill: dict[str, Decimal | None] = {}
    insurance_fund: dict[str, Decimal] = {}
    counterparties: tuple[Counterparty, ...] = ()


class Venue(msgspec.Struct, frozen=True):
    """Under whose rules, and in what world, an account lives."""

    rulebook: Rulebook
    environment: Environment = Environment()


class State(msgspec.Struct, frozen=True):
    """An account among its prices. `world`: (ledger account, asset) as "account|asset" -> its gain since the start."""

    account: Account
    marks: Marks
    world: dict[str, Decimal] = {}
    stages: dict[str, Stage] = {}


def evolve(state: State, event: Event) -> State:
    """The state after one event: facts set, money moved by the postings alone. Asserts that the event balances."""
    with exact():
        assert not imbalance(event.postings), f"{type(event).__name__} does not balance: {imbalance(event.postings)}"
        account = _facts(state.account, event)
        account, world = _book(account, state.world, event.postings)
        account = _drop_closed(account)
    marks, stages = state.marks, state.stages
    if isinstance(event, MarksSet):
        marks = Marks(
            {**marks.marks, **event.marks},
            {**marks.lasts, **event.lasts},
            {**marks.indexes, **event.indexes},
            event.time if event.time is not None else marks.time,
        )
    elif isinstance(event, StageReached):
        stages = {**stages, event.pool: event.stage}
        if event.stage is Stage.HEALTHY:
            stages.pop(event.pool)
    return State(account, marks, world, stages)


def _facts(account: Account, event: Event) -> Account:
    replace = msgspec.structs.replace
    if isinstance(event, OrderPlaced):
        return replace(account, orders=(*account.orders, event.order))
    if isinstance(event, (OrderCancelled, OrderTriggered)):
        return replace(account, orders=_without(account.orders, event.order.id))
    if isinstance(event, (Traded, Reduced, TakenOver, ExpirySettled)):
        account = replace(account, positions=_placed(account.positions, event.position))
        if isinstance(event, Traded) and event.order_id:
            return replace(account, orders=_without(account.orders, event.order_id))
        return account
    if isinstance(event, LeverageSet):
        positions = tuple(replace(p, leverage=event.leverage) if leg_key(p) in event.legs else p for p in account.positions)
        return replace(account, positions=positions, leverages={**account.leverages, event.key: event.leverage})
    if isinstance(event, MarginModeSet):
        return _in_mode(account, event)
    if isinstance(event, MarginMoved) and event.why in ("user", "auto"):
        return replace(account, positions=_counted(account.positions, event.leg, event.amount, ZERO))
    if isinstance(event, MarginLocked):
        locked = event.leg
        positions = tuple(
            replace(p, added_margin=event.added, lost_margin=event.lost) if leg_key(p) == locked else p
            for p in account.positions
        )
        return replace(account, positions=positions)
    if isinstance(event, FundingPaid):
        paid = tuple(
            replace(p, realised_pnl=p.realised_pnl - event.amount) if leg_key(p) == event.leg else p for p in account.positions
        )
        return replace(account, positions=_counted(paid, event.leg, ZERO, moved_out(event)))
    if isinstance(event, Resumed):
        fresh = tuple(replace(p, part_sold=None) if leg_key(p) in event.legs else p for p in account.positions)
        return replace(account, positions=fresh)
    if isinstance(event, PositionModeSet):
        return replace(account, position_mode=event.mode)
    if isinstance(event, OptionSet):
        return replace(account, options={**account.options, event.name: event.value})
    return account


def moved_out(event: FundingPaid) -> Decimal:
    """What the funding took out of the leg's own wall."""
    return -sum((p.amount for p in event.postings if p.account is Ledger.LEG), ZERO)


def _counted(positions: tuple[Position, ...], key: LegKey, added: Decimal, lost: Decimal) -> tuple[Position, ...]:
    """The positions with the leg's tally of money put in by hand and of money that funding took."""
    if added == 0 and lost == 0:
        return positions
    return tuple(
        msgspec.structs.replace(
            p,
            added_margin=p.added_margin + added,
            lost_margin=p.lost_margin + lost,
            isolated_margin=p.isolated_margin + (ZERO if p.coins is None else added),
        )
        if leg_key(p) == key
        else p
        for p in positions
    )


def _in_mode(account: Account, event: MarginModeSet) -> Account:
    """The setting, the positions that follow it, and the resting orders in its scope."""
    replace = msgspec.structs.replace
    positions = tuple(
        replace(p, mode=event.mode, added_margin=ZERO, lost_margin=ZERO) if leg_key(p) in event.legs else p
        for p in account.positions
    )
    orders = tuple(replace(o, mode=event.mode) if event.symbol in ("", o.symbol) else o for o in account.orders)
    if event.symbol == "":
        return replace(account, positions=positions, orders=orders, options={**account.options, "margin_mode": event.mode})
    modes = {**account.margin_modes, event.symbol: event.mode}
    return replace(account, positions=positions, orders=orders, margin_modes=modes)


def _without(orders: tuple[Order, ...], order_id: str) -> tuple[Order, ...]:
    return tuple(order for order in orders if order.id != order_id)


def _placed(positions: tuple[Position, ...], after: Position) -> tuple[Position, ...]:
    """The positions with `after` in the place of its leg; the leg's money stays what it is, postings move it."""
    key = leg_key(after)
    if not any(leg_key(p) == key for p in positions):
        return (*positions, _with_wall(after, None))
    return tuple(_with_wall(after, p) if leg_key(p) == key else p for p in positions)


def _with_wall(after: Position, before: Position | None) -> Position:
    """The position with the money that was inside its wall before."""
    if after.coins is None:
        return msgspec.structs.replace(after, isolated_margin=ZERO if before is None else before.isolated_margin)
    if before is None:
        return msgspec.structs.replace(after, coins={}, borrowed={}, interest={})
    return msgspec.structs.replace(after, coins=before.coins, borrowed=before.borrowed, interest=before.interest)


def _book(account: Account, world: dict[str, Decimal], postings: tuple[Posting, ...]) -> tuple[Account, dict[str, Decimal]]:
    if not postings:
        return account, world
    cash, borrowed, interest, world = dict(account.cash), dict(account.borrowed), dict(account.interest), dict(world)
    walls: dict[LegKey, list[Posting]] = {}
    for posting in postings:
        if posting.leg is not None:
            walls.setdefault(posting.leg, []).append(posting)
        elif posting.account is Ledger.CASH:
            _add(cash, posting.asset, posting.amount)
        elif posting.account is Ledger.DEBT:
            _add(borrowed, posting.asset, -posting.amount)
        elif posting.account is Ledger.INTEREST:
            _add(interest, posting.asset, -posting.amount)
        else:
            _add(world, f"{posting.account}|{posting.asset}", posting.amount)
    held = {leg_key(p) for p in account.positions}
    assert walls.keys() <= held, f"money for a leg that does not exist: {walls.keys() - held}"
    positions = tuple(_booked(p, walls[leg_key(p)]) if leg_key(p) in walls else p for p in account.positions)
    return msgspec.structs.replace(account, cash=cash, borrowed=borrowed, interest=interest, positions=positions), world


def _add(totals: dict[str, Decimal], key: str, amount: Decimal) -> None:
    totals[key] = totals.get(key, ZERO) + amount


def _booked(position: Position, postings: list[Posting]) -> Position:
    """The position after what went into and out of its wall: one asset, or coins with debts in them."""
    if position.coins is None:
        assert all(p.account is Ledger.LEG for p in postings), "a debt inside a wall of one asset"
        inside = position.isolated_margin + sum((p.amount for p in postings), ZERO)
        return msgspec.structs.replace(position, isolated_margin=inside)
    coins, borrowed, interest = dict(position.coins), dict(position.borrowed), dict(position.interest)
    for posting in postings:
        if posting.account is Ledger.LEG:
            _add(coins, posting.asset, posting.amount)
        else:
            _add(borrowed if posting.account is Ledger.DEBT else interest, posting.asset, -posting.amount)
    return msgspec.structs.replace(position, coins=coins, borrowed=borrowed, interest=interest)


def _drop_closed(account: Account) -> Account:
    """Without the legs that hold neither size nor money. A closed leg with money left waits for the event that empties it."""
    if all(p.size != 0 for p in account.positions):
        return account
    kept = tuple(p for p in account.positions if p.size != 0 or _has_money(p))
    return msgspec.structs.replace(account, positions=kept)


def _has_money(position: Position) -> bool:
    if position.coins is None:
        return position.isolated_margin != 0
    return any(amount != 0 for side in (position.coins, position.borrowed, position.interest) for amount in side.values())


def fund_size(state: State, venue: Venue, asset: str) -> Decimal | None:
    """What the insurance fund has now; None: not known."""
    start = venue.environment.insurance_fund.get(asset)
    return None if start is None else start + state.world.get(f"{Ledger.INSURANCE_FUND}|{asset}", ZERO)
