"""What stands behind a position that loses, and what may be done with profit that is not realised.

Each question plays the same account twice, with the money in question and without it, to the mark at which it fails without.
"""

from decimal import Decimal

from plimsoll.account.commands import Deposit, Withdraw
from plimsoll.model import Instrument, MarginMode
from plimsoll.number import ZERO
from plimsoll.questions.answers import Answer, cannot, only_one
from plimsoll.questions.small_account import (
    OTHER,
    PRICE,
    Ground,
    Scene,
    begin,
    closed,
    do,
    forced,
    held,
    line_of,
    look,
    margin_of,
    marked,
    money,
    opened,
    past,
    shift,
    size_of,
)
from plimsoll.sentences import price

BACKS = ("pools_of", "assess_pool", "is_liquidatable")
OPENS = ("available_balance", "assess_coin", "order_funds", "order_margin")
LEAVES = ("withdrawable", "assess_coin")
"""`assess_coin` speaks where a venue values one pool over several coins, the other rules where each asset has its own."""

ROOM = Decimal("1.1")
"""Cash over the margin of what is opened: room for fees and for a maintenance requirement of a few per cent."""
RISE = Decimal("1.1")
GREAT_RISE = Decimal("1.3")
DOUBLINGS = 8
"""Doublings of an order until it is refused: more than any leverage turns the account's money into."""


def spare_cash(ground: Ground) -> Answer:
    """Does cash that nothing uses keep a losing position alive?"""
    first = ground.pair.first
    extra = margin_of(ground, first)
    bare = opened(begin(ground, extra * ROOM), first)
    return _kept_alive(bare, do(bare, Deposit(first.settle, extra)), f"{money(bare, extra)} of spare cash")


def realised_profit(ground: Ground) -> Answer:
    """Does profit taken in another position keep a losing one alive?"""
    first, second = ground.pair.first, ground.pair.second
    start = begin(ground, _both(ground))
    if second is None:
        return only_one(start)
    gone_up = marked(opened(start, second), second, PRICE * RISE)
    traded = closed(gone_up, second)
    gain = _cash(traded) - _cash(start)
    return _kept_alive(opened(start, first), opened(traded, first), f"{money(start, gain)} of realised profit")


def unrealised_profit(ground: Ground) -> Answer:
    """Does the running profit of another position keep a losing one alive?"""
    first, second = ground.pair.first, ground.pair.second
    start = begin(ground, _both(ground))
    if second is None:
        return only_one(start)
    level = opened(opened(start, second), first)
    up = marked(level, second, PRICE * RISE)
    gain = ZERO if up.stuck else sum((leg.unrealised_pnl for leg in look(up).legs if leg.symbol == second.symbol), ZERO)
    return _kept_alive(level, up, f"{money(start, gain)} of running profit in {second.symbol}")


def _both(ground: Ground) -> Decimal:
    """Money for a position in each contract, with ROOM."""
    return sum((margin_of(ground, i) for i in (ground.pair.first, ground.pair.second) if i is not None), ZERO) * ROOM


def _cash(scene: Scene) -> Decimal:
    return scene.state.account.cash.get(scene.ground.pair.first.settle, ZERO)


def _kept_alive(without: Scene, helped: Scene, what: str) -> Answer:
    """Both accounts taken to the mark that the first does not survive."""
    if without.stuck or helped.stuck:
        return cannot(without if without.stuck else helped, BACKS)
    first = without.ground.pair.first
    line, moved = line_of(without, first), line_of(helped, first)
    if line is None:
        return Answer("", f"no mark of {first.symbol} liquidates it even without {what}", BACKS)
    low = past(line)
    if not forced(without, marked(without, first, low)):
        return Answer("", f"cannot be told: nothing is taken at {price(low)} without {what} either", BACKS)
    taken = forced(helped, marked(helped, first, low))
    end = f"{taken[0].leg.symbol} is liquidated" if taken else "nothing is liquidated"
    return Answer("no" if taken else "yes", f"with {what} {shift(line, moved)}; at {price(low)} {end}", BACKS)


def profit_opens(ground: Ground) -> Answer:
    """May running profit pay for a new position in the same mode?"""
    return _opens(ground, ground.mode)


def profit_opens_in_other_mode(ground: Ground) -> Answer:
    """May running profit of a position in this mode pay for a new one in the other mode?"""
    return _opens(ground, OTHER[ground.mode])


def _opens(ground: Ground, mode: MarginMode) -> Answer:
    first, second = ground.pair.first, ground.pair.second
    start = begin(ground, margin_of(ground, first) * ROOM)
    if second is None and mode is not ground.mode:
        return only_one(start)
    wanted = second or first
    level = opened(start, first)
    up = marked(level, first, PRICE * GREAT_RISE)
    if up.stuck:
        return cannot(up, OPENS)
    profit = money(up, sum((leg.unrealised_pnl for leg in look(up).legs), ZERO))
    size = _beyond(level, wanted, mode)
    if size is None:
        return Answer("", f"cannot be told: all of {wanted.symbol} that was tried may be opened without profit too", OPENS)
    after = opened(up, wanted, size, mode)
    if after.stuck:
        said = after.stuck.removeprefix("the order is refused: ")
        return Answer("no", f"{wanted.symbol} {mode} is refused with {profit} of running profit: {said}", _why(after))
    if held(after, first, ground.mode) is None:
        return Answer("no", f"{first.symbol} would have to become {mode} itself", ("may_switch_mode", "fill_mode"))
    return Answer("yes", f"{profit} of running profit pay for {wanted.symbol} {mode}, refused without them", OPENS)


def _beyond(scene: Scene, instrument: Instrument, mode: MarginMode) -> Decimal | None:
    """A size that is refused as things stand: that of the pair, doubled until it is too much. None: no size tried was."""
    usual = size_of(scene.ground.pair, instrument)
    if opened(scene, instrument, usual, mode).stuck:
        return usual
    sizes = (usual * (1 << doubled) for doubled in range(1, DOUBLINGS))
    return next((size for size in sizes if opened(scene, instrument, size, mode).reject is not None), None)


def _why(refused: Scene) -> tuple[str, ...]:
    """The rules behind a refusal: the funds of an order, or that the venue has no such position here at all."""
    return OPENS if refused.stuck.startswith("the order") else ("may_switch_mode", "fill_mode")


def profit_leaves(ground: Ground) -> Answer:
    """May running profit be withdrawn? Asked for all the cash and half of the profit on top."""
    first = ground.pair.first
    level = opened(begin(ground, margin_of(ground, first) * Decimal("1.5")), first)
    up = marked(level, first, PRICE * GREAT_RISE)
    if up.stuck:
        return cannot(up, LEAVES)
    profit = sum((leg.unrealised_pnl for leg in look(up).legs), ZERO)
    asked = Withdraw(first.settle, _cash(level) + profit / 2)
    without, after = do(level, asked), do(up, asked)
    if not after.stuck:
        return Answer("yes", f"{money(up, asked.amount)} leave, of {money(up, _cash(up))} of cash", LEAVES)
    if without.reject is None or after.reject is None:
        return Answer("no", after.stuck, LEAVES)
    was, now = (scene.reject.limit or ZERO if scene.reject is not None else ZERO for scene in (without, after))
    change = f"goes from {money(up, was)} to {money(up, now)}" if was != now else f"stays {money(up, now)}"
    said = f"with {money(up, profit)} of running profit what may leave {change}, of {money(up, _cash(up))} of cash"
    return Answer("no", said, LEAVES)
