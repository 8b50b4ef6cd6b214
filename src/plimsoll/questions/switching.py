"""May the mode be switched, and may both modes stand side by side? Asked with the commands that a trader would send."""

from decimal import Decimal

from plimsoll.model import Instrument, MarginMode
from plimsoll.questions.answers import Answer, cannot, only_one
from plimsoll.questions.small_account import (
    OTHER,
    PRICE,
    Ground,
    Scene,
    begin,
    free,
    held,
    leg_of,
    look,
    margin_of,
    money,
    opened,
    order,
    prepare,
    shift,
    size_of,
    switch,
)

SWITCH = ("may_switch_mode",)
BESIDE = ("fill_mode", "pools_of")


def switch_flat(ground: Ground) -> Answer:
    """Nothing held, nothing ordered: may the contract's mode become the other one?"""
    return _switched(prepare(_start(ground), ground.pair.first, ground.mode))


def switch_with_order(ground: Ground) -> Answer:
    """The same with a limit order resting in the contract."""
    first = ground.pair.first
    ready = prepare(_start(ground), first, ground.mode)
    limit = PRICE * Decimal("0.9")
    return _switched(order(ready, first, "buy", size_of(ground.pair, first), ground.mode, limit))


def switch_with_position(ground: Ground) -> Answer:
    """The same with a position in the contract."""
    return _switched(opened(_start(ground), ground.pair.first))


def _start(ground: Ground) -> Scene:
    """Money for more positions than are opened here."""
    return begin(ground, margin_of(ground, ground.pair.first) * 4)


def _switched(before: Scene) -> Answer:
    if before.stuck:
        return cannot(before, SWITCH)
    first, other = before.ground.pair.first, OTHER[before.ground.mode]
    after = switch(before, first, other)
    if after.stuck:
        return Answer("no", after.stuck.removeprefix("switching the mode is refused: "), SWITCH)
    position = held(after, first)
    changes = _position_changed(before, after, first) if position is not None else _order_changed(before, after, first)
    return Answer("yes", f"{changes}; {_reach(before, after)}", SWITCH if position is None else (*SWITCH, "pools_of"))


def _falls_under(scene: Scene, instrument: Instrument) -> MarginMode:
    """The mode of the next order that names none."""
    return scene.ground.rulebook.rules.fill_mode(scene.state.account, instrument.symbol, None)


def _order_changed(before: Scene, after: Scene, first: Instrument) -> str:
    """What a switch without a position did: to the order that rests, and to the next one."""
    said = f"the next order in {first.symbol} is {_falls_under(after, first)}"
    was = [o.mode for o in before.state.account.orders]
    now = [o.mode for o in after.state.account.orders]
    if not was:
        return said
    rests = "is gone" if not now else f"becomes {now[0]}" if now != was else f"stays {now[0]}"
    return f"the resting order {rests}, {said}"


def _position_changed(before: Scene, after: Scene, first: Instrument) -> str:
    """What a switch of a held position did: its mode, its own money, its line, the free balance."""
    was, now = held(before, first), held(after, first)
    assert was is not None and now is not None
    if now.mode is was.mode:
        return f"the position stays {now.mode}, the next order is {_falls_under(after, first)}"
    old, new = leg_of(before, first, was.mode), leg_of(after, first, now.mode)
    lines = [None if leg is None else leg.liquidation_price for leg in (old, new)]
    own = _became(money(before, was.isolated_margin), money(after, now.isolated_margin))
    left = _became(money(before, free(before)), money(after, free(after)))
    return f"the position becomes {now.mode}: its own margin {own}, {shift(*lines)}, the free balance {left}"


def _became(was: str, now: str) -> str:
    return f"stays {now}" if was == now else f"goes from {was} to {now}"


def _reach(before: Scene, after: Scene) -> str:
    """Whether the switch reached another contract too."""
    beside = before.ground.pair.beside
    if beside is None:
        return "nothing else changes"
    was, now = _falls_under(before, beside), _falls_under(after, beside)
    return f"{beside.symbol} stays {now}" if was is now else f"{beside.symbol} becomes {now} with it"


def beside_in_two(ground: Ground) -> Answer:
    """A position in this mode in one contract and one in the other mode in another."""
    first, beside = ground.pair.first, ground.pair.beside
    alone = _start(ground)
    return only_one(alone) if beside is None else _beside(opened(alone, first), beside)


def beside_in_one(ground: Ground) -> Answer:
    """Two positions in one contract, one in each mode."""
    return _beside(opened(_start(ground), ground.pair.first), ground.pair.first)


def _beside(before: Scene, instrument: Instrument) -> Answer:
    if before.stuck:
        return cannot(before, BESIDE)
    first, mode, other = before.ground.pair.first, before.ground.mode, OTHER[before.ground.mode]
    after = opened(before, instrument, mode=other)
    if after.stuck:
        return Answer("no", after.stuck, (*BESIDE, *SWITCH))
    if held(after, first, mode) is None:
        return Answer("no", f"the second trade changes the mode of {first.symbol}", (*BESIDE, *SWITCH))
    pools = len([pool for pool in look(after).pools if pool.legs])
    both = f"{first.symbol} {mode} and {instrument.symbol} {other}"
    return Answer("yes", f"{both} are held at once, {'in one pool' if pools == 1 else f'in {pools} pools'}", BESIDE)
