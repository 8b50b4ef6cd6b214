"""The ladder: a failing pool taken step by step until it holds or is gone, and the waterfall behind it.

Which step comes next is the venue's rule (`next_step`, the same text that the array engine compiles); what a step does to
money and positions stands here once for every venue.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from plimsoll.account.convert import convert, cover, finish, square
from plimsoll.account.events import (
    Deleveraged,
    Event,
    MarginMoved,
    OrderCancelled,
    Reduced,
    Resumed,
    ShortfallCovered,
    StageReached,
    TakenOver,
)
from plimsoll.account.settings import asset_view
from plimsoll.account.state import fund_size
from plimsoll.account.trade import realised_pnl, smaller, wall
from plimsoll.account.turn import Turn
from plimsoll.margin.apart import margins_of
from plimsoll.margin.ledger import Ledger, Posting, money, transfer
from plimsoll.margin.pools import Layout, orders_in_scope
from plimsoll.margin.waterfall import deleverage, split_shortfall
from plimsoll.model import LegKey, MarginMode, Position, Stage, leg_key
from plimsoll.number import ZERO, ceil_to
from plimsoll.rules.columns import (
    CANCEL,
    CONVERT,
    HOLD,
    PART,
    REDUCE,
    RESUME,
    TOP_UP,
    WAIT,
    Market,
    Pool,
    PoolMargin,
    Step,
)
from plimsoll.rules.drawing import PoolSpec

_MARKET = Posting(Ledger.MARKET, "", ZERO)
_FEES = Posting(Ledger.FEES, "", ZERO)
_FUND = Posting(Ledger.INSURANCE_FUND, "", ZERO)
_OTHERS = Posting(Ledger.COUNTERPARTIES, "", ZERO)
_CASH = Posting(Ledger.CASH, "", ZERO)
_STEPS = 10_000
"""More steps than any ladder takes: reaching it means that a rule does not end, which is our fault."""
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""When a part was sold in a run that tells no times: none passes there."""
_TICK = timedelta(microseconds=1)
_BEGUN = (Stage.CANCELLING, Stage.REDUCING)


def liquidate(turn: Turn) -> None:
    """Take every failing pool through its venue's ladder. A pool that holds costs one assessment; one with resting orders
    is put to the venue's procedure as well, which may want the orders gone before the pool itself fails; and so is one of which
    a part was sold, for which a pause may be over, and one that owes more of a coin than the venue lets it."""
    layout = turn.layout()
    column = turn.column(layout)
    rules = turn.rulebook.rules
    failing = []
    margins = margins_of(layout, turn.rulebook, column)
    for spec, pool, margin in zip(layout.specs, layout.pools, margins, strict=True):
        due = pool.orders > 0 or rules.is_liquidatable(margin.balance, margin.requirement)
        due = due or _remembers(pool) or _owes_too_much(pool)
        if due and (pool.legs or pool.wallets):
            failing.append(spec)
    for spec in failing:
        _ladder(turn, spec)


def _owes_too_much(pool: Pool[Decimal]) -> bool:
    """Whether the venue exchanges coins by itself although the pool holds."""
    return any(w.exchanged_below and w.borrowed - w.balance > w.exchanged_below for w in pool.wallets)


def _ladder(turn: Turn, failing: PoolSpec) -> None:
    key, asset = failing.key, failing.asset
    stage = Stage.HEALTHY
    for _ in range(_STEPS):
        layout = turn.layout()
        at = next((i for i, spec in enumerate(layout.specs) if spec.key == key), None)
        if at is None or not (layout.specs[at].legs or layout.specs[at].assets):
            break
        spec = layout.specs[at]
        pool = _with_clock(turn, spec, _with_free_cash(turn, spec, layout.pools[at]))
        column = turn.column(layout)
        margin = turn.rulebook.rules.assess_pool(pool, column, layout.markets)
        step = turn.rulebook.rules.next_step(
            int(stage), pool, margin, column, _fills(turn, layout, column), layout.markets, turn.rulebook.reading
        )
        if step.kind == HOLD:
            failing_still = turn.rulebook.rules.is_liquidatable(margin.balance, margin.requirement)
            if _nothing_left(pool, layout.markets) and (stage >= Stage.TAKEN_OVER or failing_still):
                break
            begun = stage is not Stage.HEALTHY or turn.state.stages.get(key) in _BEGUN
            if begun and not failing_still:
                turn.emit(StageReached(key, asset, Stage.HEALTHY, margin.balance, margin.requirement))
            finish(turn, spec)
            return
        if step.kind == WAIT:
            return
        if step.kind == CANCEL:
            stage = _reach(turn, spec, stage, Stage.CANCELLING, margin)
            for order in orders_in_scope(spec, turn.account, turn.rulebook):
                turn.emit(OrderCancelled(order, "liquidation"))
        elif step.kind == CONVERT:
            if turn.rulebook.rules.is_liquidatable(margin.balance, margin.requirement):
                stage = _reach(turn, spec, stage, max(stage, Stage.CANCELLING), margin)
            convert(turn, spec, step)
        elif step.kind == TOP_UP:
            _top_up(turn, spec, step)
        elif step.kind == RESUME:
            turn.emit(Resumed(key, tuple(k for k in spec.legs if layout.held[k].part_sold is not None)))
        elif step.kind in (REDUCE, PART):
            stage = _reach(turn, spec, stage, Stage.REDUCING, margin)
            for leg in (step.leg, step.other):
                if leg >= 0:
                    multiplier = layout.markets[pool.legs[leg].market].multiplier
                    _reduce(turn, key, spec.legs[leg], step.amount / multiplier, step.price, step)
        else:
            stage = _reach(turn, spec, stage, Stage.TAKEN_OVER, margin)
            _take_over(turn, spec, step, step.amount / layout.markets[pool.legs[step.leg].market].multiplier)
    else:
        raise AssertionError(f"the ladder of {key} does not end")
    _close_pool(turn, failing)


def _nothing_left(pool: Pool[Decimal], markets: Sequence[Market[Decimal]]) -> bool:
    """Whether nothing can be sold: no leg, or in a pool of coins none of which is there, none that holds anything by itself
    (a position in coins holds those; its margin is a record)."""
    if not pool.legs:
        return True
    holds = any(leg.margin for leg in pool.legs if not markets[leg.market].spot)
    return bool(pool.wallets) and all(w.balance <= 0 for w in pool.wallets) and not holds


def _with_free_cash(turn: Turn, spec: PoolSpec, pool: Pool[Decimal]) -> Pool[Decimal]:
    """A pool whose leg may draw on free cash by itself: with what is free indeed, nothing promised to orders."""
    if not spec.isolated or pool.legs[0].spare == 0:
        return pool
    view = asset_view(turn, spec.asset)
    free = ZERO if view is None else money(max(ZERO, view.available_balance))
    return replace(pool, legs=(replace(pool.legs[0], spare=free),))


def _remembers(pool: Pool[Decimal]) -> bool:
    """Whether a part of the pool was sold and the venue has not gone on since."""
    return any(leg.since >= 0 for leg in pool.legs)


def _with_clock(turn: Turn, spec: PoolSpec, pool: Pool[Decimal]) -> Pool[Decimal]:
    """A pool of which a part was sold: with how many seconds ago that is, by the time of the marks."""
    if not _remembers(pool):
        return pool
    now = turn.state.marks.time or _NEVER
    legs = []
    for key, leg in zip(spec.legs, pool.legs, strict=True):
        position = turn.held(key)
        sold = None if position is None else position.part_sold
        legs.append(leg if sold is None else replace(leg, since=max(Decimal((now - sold) // _TICK) / 10**6, ZERO)))
    return replace(pool, legs=tuple(legs))


def _top_up(turn: Turn, spec: PoolSpec, step: Step[Decimal]) -> None:
    key, amount = spec.legs[0], money(step.amount)
    turn.emit(MarginMoved(key, amount, transfer(spec.asset, amount, _CASH, wall(key)), "auto"))


def _reach(turn: Turn, spec: PoolSpec, now: Stage, stage: Stage, margin: PoolMargin[Decimal]) -> Stage:
    if stage is not now:
        turn.emit(StageReached(spec.key, spec.asset, stage, margin.balance, margin.requirement))
    return stage


def _fills(turn: Turn, layout: Layout, column: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """The price at which the market takes forced orders, per market: as the environment says, else the mark; 0: nobody."""
    stated = turn.venue.environment.liquidation_fill
    return tuple(
        (stated[symbol] or ZERO) if symbol in stated else column[i] for i, symbol in enumerate(layout.symbols)
    )


def _reduce(turn: Turn, pool: str, key: LegKey, size: Decimal, price: Decimal, step: Step[Decimal]) -> None:
    """A forced close at `price`. Fee and penalty are charged only as far as the pool still has anything, unless the venue takes
    them out of what the close itself brings."""
    position = turn.held(key)
    assert position is not None
    asset = turn.instrument(key.symbol).settle
    realised = realised_pnl(turn, position, size, price)
    slip = realised - realised_pnl(turn, position, size, turn.mark(key.symbol))
    room = money(max(ZERO, _balance(turn, pool, asset) + slip))
    if turn.rulebook.rules.CHARGES_SURPLUS:
        room = step.fee + step.penalty
    fee = min(money(step.fee), room)
    penalty = min(money(step.penalty), room - fee)
    own = wall(key)
    postings = transfer(asset, realised, _MARKET, own) + transfer(asset, fee, own, _FEES) + transfer(asset, penalty, own, _FUND)
    after = _smaller(turn, position, size)
    if step.kind == PART:
        after = replace(after, part_sold=turn.state.marks.time or _NEVER)
    turn.emit(Reduced(pool, key, _side(position), size, price, fee, penalty, realised, after, postings))
    if after.size == 0 and key.mode is MarginMode.ISOLATED:
        _empty_wall(turn, pool, asset, key)


def _balance(turn: Turn, key: str, asset: str) -> Decimal:
    """The margin balance of a pool, in units of an asset that its legs settle in."""
    layout = turn.layout()
    at = next(i for i, spec in enumerate(layout.specs) if spec.key == key)
    column = turn.column(layout)
    balance = turn.rulebook.rules.assess_pool(layout.pools[at], column, layout.markets).balance
    return balance / column[len(layout.symbols) + layout.assets.index(asset)] if layout.specs[at].assets else balance


def _side(position: Position) -> str:
    return "long" if position.size > 0 else "short"


def _smaller(turn: Turn, position: Position, size: Decimal) -> Position:
    return smaller(turn, position, position.size - size if position.size > 0 else position.size + size)


def _empty_wall(turn: Turn, pool: str, asset: str, key: LegKey) -> None:
    """What is left in the wall of a leg that is gone goes back to the cash; what is missing is covered."""
    left = next((p.isolated_margin for p in turn.account.positions if leg_key(p) == key), ZERO)
    if left > 0:
        turn.emit(MarginMoved(key, -left, transfer(asset, left, wall(key), _CASH), "closed"))
    elif left < 0:
        _cover(turn, pool, asset, key, -left)


def _cover(turn: Turn, pool: str, asset: str, key: LegKey | None, shortfall: Decimal) -> None:
    paid = split_shortfall(shortfall, fund_size(turn.state, turn.venue, asset))
    own = _CASH if key is None else wall(key)
    postings = transfer(asset, paid.from_fund, _FUND, own) + transfer(asset, paid.from_counterparties, _OTHERS, own)
    turn.emit(ShortfallCovered(pool, asset, key, paid.from_fund, paid.from_counterparties, postings))


def _close_pool(turn: Turn, failed: PoolSpec) -> None:
    """After the last leg of a pool is gone: a cross balance below zero that no other leg stands on is covered (in a valued
    pool from its other coins first), orders that could only reduce it go."""
    key, asset = failed.key, failed.asset
    spec = next((spec for spec in turn.layout().specs if spec.key == key), failed)
    crossed = [p for p in turn.account.positions if p.mode is MarginMode.CROSS]
    if spec.assets:
        for coin, short in square(turn, spec):
            if not cover(turn, spec, coin, short):
                _cover(turn, key, coin, None, short)
        finish(turn, spec)
    elif not spec.isolated and not any(turn.instrument(p.symbol).settle == asset for p in crossed):
        cash = turn.account.cash.get(asset, ZERO)
        if cash < 0:
            _cover(turn, key, asset, None, -cash)
    if any(_at_others_cost(event, key) for event in turn.events):
        turn.emit(StageReached(key, asset, Stage.BANKRUPT, ZERO, ZERO))
    for order in turn.account.orders:
        if order.reduce_only and turn.held(LegKey(order.symbol, order.mode, order.position_side)) is None:
            turn.emit(OrderCancelled(order, "nothing_to_reduce"))


def _at_others_cost(event: Event, key: str) -> bool:
    """Whether this step of the pool's end was paid by somebody else: then it ended bankrupt, not merely gone."""
    if isinstance(event, ShortfallCovered):
        return event.pool == key
    return isinstance(event, TakenOver) and event.pool == key and event.fund_result < 0


def _take_over(turn: Turn, spec: PoolSpec, step: Step[Decimal], size: Decimal) -> None:
    """The fund takes `size` of a leg at the price that leaves the pool with nothing, and closes it where the market fills;
    what it cannot carry goes to the opposite side. The last leg takes the pool to exactly zero, unless the cash is shared
    with others: then no more goes than there is."""
    key = spec.legs[step.leg]
    position = turn.held(key)
    assert position is not None
    instrument = turn.instrument(key.symbol)
    asset, follows = instrument.settle, turn.rulebook.rules.MARGIN_FOLLOWS
    alone = len(spec.legs) == 1 and not spec.assets and (follows or not spec.apart)
    inside = _inside(turn, spec, position, asset)
    fee = money(min(step.fee, max(inside, ZERO)) if alone else step.fee)
    realised = fee - inside if alone and size == abs(position.size) else realised_pnl(turn, position, size, step.price)
    if spec.apart and not follows:
        realised = max(realised, fee - max(inside, ZERO))
    stated = turn.venue.environment.liquidation_fill
    fill = stated.get(key.symbol, turn.mark(key.symbol))
    result = ZERO if fill is None else realised_pnl(turn, position, size, fill) - realised
    handed = _too_much(turn, position, size, step.price, asset, result, fill, instrument.lot)
    parties, nobody = deleverage(key.symbol, _side(position), handed, turn.venue.environment.counterparties)
    result = money(result * (size - handed + nobody) / size)
    beyond = split_shortfall(max(-result, ZERO), fund_size(turn.state, turn.venue, asset)).from_counterparties
    result += beyond
    postings = transfer(asset, realised, _MARKET, wall(key)) + transfer(asset, result, _MARKET, _FUND)
    postings += transfer(asset, beyond, _OTHERS, _MARKET) + transfer(asset, fee, wall(key), _FEES)
    after = _smaller(turn, position, size)
    turn.emit(
        TakenOver(spec.key, key, _side(position), size, step.price, fill, result, realised, after, postings, fee)
    )
    for party in parties:
        turn.emit(Deleveraged(party.id, key, party.size, step.price))


def _inside(turn: Turn, spec: PoolSpec, position: Position, asset: str) -> Decimal:
    """The money that goes with the last leg of a pool: the wall's, the cash, or that part of the cash which a cross position
    by itself stands on."""
    if position.mode is MarginMode.ISOLATED:
        return position.isolated_margin
    cash = turn.account.cash.get(asset, ZERO)
    if not spec.apart or not turn.rulebook.rules.MARGIN_FOLLOWS:
        return cash
    running = realised_pnl(turn, position, abs(position.size), turn.mark(position.symbol))
    return min(cash, _balance(turn, spec.key, asset) - running)


def _too_much(
    turn: Turn,
    position: Position,
    size: Decimal,
    price: Decimal,
    asset: str,
    result: Decimal,
    fill: Decimal | None,
    lot: Decimal | None,
) -> Decimal:
    """Contracts that the fund cannot carry: where the market fills, those whose loss exceeds it; where nobody fills, all of
    them if their value exceeds the fund (its position cap, F-ADL), or if it takes no positions."""
    fund = fund_size(turn.state, turn.venue, asset)
    if fill is None and not turn.rulebook.rules.FUND_TAKES_POSITIONS:
        return size
    if fund is None:
        return ZERO
    instrument = turn.instrument(position.symbol)
    if fill is None:
        value = turn.rulebook.rules.value(size * instrument.multiplier, price, turn.market(position.symbol))
        return size if value > max(fund, ZERO) else ZERO
    if -result <= max(fund, ZERO):
        return ZERO
    share = size * (1 - max(fund, ZERO) / -result)
    return min(size, ceil_to(share, lot) if lot else share)
