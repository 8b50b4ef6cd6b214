"""What a liquidation takes: which position first, what survives, how much can be lost, what is charged and who gets it; and
what funding does to the line. All of it read from the events and postings of a liquidation that was played."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.account.commands import SettleFunding
from plimsoll.account.events import Event, FundingPaid, Reduced, ShortfallCovered, TakenOver
from plimsoll.margin.ledger import Ledger, moved
from plimsoll.margin.views import LegView
from plimsoll.model import Instrument, Kind, Marks
from plimsoll.number import ONE, ZERO, show
from plimsoll.questions.answers import Answer, cannot, only_one
from plimsoll.questions.small_account import (
    PRICE,
    Ground,
    Scene,
    begin,
    bracket_measure,
    do,
    forced,
    held,
    leg_of,
    leverage_for,
    line_of,
    look,
    margin_of,
    marked,
    money,
    opened,
    past,
    shift,
    since,
    size_of,
    whole_lots,
    worth,
)
from plimsoll.sentences import price

TAKES = ("pools_of", "next_step")
FUNDING = ("funding_payment", "funding_split", "assess_pool")
CHARGES = ("liquidation_fee", "next_step")
FUNDING_RATE = Decimal("0.001")
DIP = Decimal("0.99")
CRASH = Decimal("0.6")
TWICE = Decimal(2)


class Failure(NamedTuple):
    """Two positions in one account, one of them driven past its line. `fallen` may be stuck."""

    before: Scene
    fallen: Scene
    mark: Decimal | None


def _failure(ground: Ground, second: Instrument) -> Failure:
    """The first contract long, the second long at twice its value; the second dips, the first falls just past its line: so
    the first has the larger loss, the second the larger value and requirement."""
    first = ground.pair.first
    cash = (margin_of(ground, first) + margin_of(ground, second, TWICE)) * Decimal("1.05")
    both = opened(opened(begin(ground, cash), second, size_of(ground.pair, second, TWICE)), first)
    before = marked(both, second, PRICE * DIP)
    line = None if before.stuck else line_of(before, first)
    return Failure(before, before if line is None else marked(before, first, past(line)), line and past(line))


def which_first(ground: Ground) -> Answer:
    """Of two positions, which goes first?"""
    first, second = ground.pair.first, ground.pair.second
    if second is None:
        return only_one(begin(ground, margin_of(ground, first)))
    played = _failure(ground, second)
    if played.fallen.stuck:
        return cannot(played.fallen, TAKES)
    taken = forced(played.before, played.fallen)
    if played.mark is None or not taken:
        return Answer("", f"no mark of {first.symbol} liquidates it", TAKES)
    gone = taken[0]
    legs = _seen(played.before, first, played.mark)
    mine = next(leg for leg in legs if leg.symbol == gone.leg.symbol and leg.mode is gone.leg.mode)
    rivals = [leg for leg in legs if leg.pool == mine.pool]
    why = "alone in its pool" if len(rivals) == 1 else f"the one with {_largest(mine, rivals)}"
    was = held(played.before, _instrument(ground, mine.symbol))
    assert was is not None
    part = "" if gone.size == abs(was.size) else f", {show(gone.size / abs(was.size) * 100, 1)} % of it at a time"
    return Answer("", f"{mine.symbol}, {why}{part}", TAKES)


def _instrument(ground: Ground, symbol: str) -> Instrument:
    return next(i for i in (ground.pair.first, ground.pair.second) if i is not None and i.symbol == symbol)


def _seen(before: Scene, first: Instrument, mark: Decimal) -> tuple[LegView, ...]:
    """The positions as they stood at the failing mark, before anything was taken."""
    return look(_with_mark(before, first, mark)).legs


def _with_mark(scene: Scene, instrument: Instrument, mark: Decimal) -> Scene:
    """The account at another mark with nothing done about it."""
    marks = scene.state.marks
    there = Marks({**marks.marks, instrument.symbol: mark}, marks.lasts, marks.indexes, marks.time)
    return msgspec.structs.replace(scene, state=msgspec.structs.replace(scene.state, marks=there))


def _largest(mine: LegView, rivals: Sequence[LegView]) -> str:
    """In which respects a position is the largest of its pool."""
    found = []
    if -mine.unrealised_pnl == max(-leg.unrealised_pnl for leg in rivals):
        found.append("loss")
    if mine.notional == max(leg.notional for leg in rivals):
        found.append("value")
    if mine.maintenance_margin == max(leg.maintenance_margin for leg in rivals):
        found.append("maintenance")
    return f"the larger {' and '.join(found)}" if found else "neither the larger loss, value nor maintenance"


def others_survive(ground: Ground) -> Answer:
    """When one position fails, do the others stay?"""
    first, second = ground.pair.first, ground.pair.second
    if second is None:
        return only_one(begin(ground, margin_of(ground, first)))
    played = _failure(ground, second)
    if played.fallen.stuck:
        return cannot(played.fallen, TAKES)
    if played.mark is None or not forced(played.before, played.fallen):
        return Answer("", f"no mark of {first.symbol} liquidates it", TAKES)
    was, now = held(played.before, second), held(played.fallen, second)
    assert was is not None
    own, after = held(played.before, first), held(played.fallen, first)
    assert own is not None
    gone = "is gone" if after is None else f"keeps {_share(after.size, own.size)}"
    said = f"at {price(played.mark)} {first.symbol} {gone}"
    if now is None:
        return Answer("no", f"{said}, and {second.symbol} is gone with it", TAKES)
    if now.size != was.size:
        return Answer("no", f"{said}, and {second.symbol} keeps {_share(now.size, was.size)}", TAKES)
    return Answer("yes", f"{said}, {second.symbol} is held in full", TAKES)


def _share(now: Decimal, was: Decimal) -> str:
    return f"{show(now / was * 100, 1)} %"


def lose_more(ground: Ground) -> Answer:
    """Can a crash that jumps over the line cost more than was assigned to the position?"""
    first = ground.pair.first
    before = opened(begin(ground, margin_of(ground, first) * Decimal("2.5")), first)
    leg, position = (None, None) if before.stuck else (leg_of(before, first), held(before, first))
    fallen = marked(before, first, PRICE * CRASH)
    if fallen.stuck or leg is None or position is None:
        return cannot(fallen, TAKES)
    own = position.isolated_margin if position.isolated_margin > 0 else leg.initial_margin
    assigned = f"{money(before, own)} {'inside its wall' if position.isolated_margin > 0 else 'of initial margin'}"
    lost, left = worth(before) - worth(fallen), worth(fallen)
    others = _paid_by_others(since(before, fallen))
    paid = f"; others pay {money(before, others)}" if others > 0 else ""
    said = f"a fall to {price(PRICE * CRASH)} costs {money(before, lost)} with {assigned}"
    said += f"; {money(before, left)} of {money(before, worth(before))} are left{paid}"
    return Answer("yes" if lost > own else "no", said, TAKES)


def _paid_by_others(events: Sequence[Event]) -> Decimal:
    """What the insurance fund and the opposite side lost by these events."""
    covered = (e.from_fund + e.from_counterparties for e in events if isinstance(e, ShortfallCovered))
    carried = (max(-e.fund_result, ZERO) for e in events if isinstance(e, TakenOver))
    return sum(covered, ZERO) + sum(carried, ZERO)


def funding_moves_line(ground: Ground) -> Answer:
    """What does a funding charge do to the liquidation price, while there is spare cash?"""
    first = ground.pair.first
    before = opened(begin(ground, margin_of(ground, first) * Decimal("1.5")), first)
    after = do(before, SettleFunding(first.symbol, FUNDING_RATE))
    if after.stuck:
        return cannot(after, FUNDING)
    paid = [e for e in since(before, after) if isinstance(e, FundingPaid)]
    if not paid:
        return Answer("", f"{first.symbol} pays no funding", FUNDING)
    settle = first.settle
    own = -sum((moved(e.postings, Ledger.LEG, settle) for e in paid), ZERO)
    cash = -sum((moved(e.postings, Ledger.CASH, settle) for e in paid), ZERO)
    parts = [f"{money(after, part)} {where}" for part, where in ((own, "from its own margin"), (cash, "from the cash")) if part]
    moves = shift(line_of(before, first), line_of(after, first))
    return Answer("", f"a long pays {' and '.join(parts)}: {moves}", FUNDING)


def small_charged(ground: Ground) -> Answer:
    """A position of the first bracket just past its line: what is charged, who gets it, what is left?"""
    return _charged(ground, ONE)


def large_charged(ground: Ground) -> Answer:
    """The same for a position in the middle of the bracket table, where a venue may close a part only."""
    first = ground.pair.first
    row = first.brackets[len(first.brackets) // 2]
    if row.floor == 0:
        return Answer("", f"cannot be asked: one bracket of {first.symbol} is known", CHARGES)
    high = row.floor * 2 if row.cap is None else row.cap
    return _charged(ground, (row.floor + high) / 2 / bracket_measure(first, size_of(ground.pair, first)), row.max_leverage)


def _charged(ground: Ground, shares: Decimal, most: Decimal | None = None) -> Answer:
    first = ground.pair.first
    leverage = leverage_for(first) if most is None else min(leverage_for(first), most)
    small = size_of(ground.pair, first)
    size = whole_lots(first, small * shares)
    margin = margin_of(ground, first) * size / small * leverage_for(first) / leverage
    before = opened(begin(ground, margin * Decimal("1.1")), first, leverage=leverage, size=size)
    if before.stuck:
        return cannot(before, CHARGES)
    line, was = line_of(before, first), held(before, first)
    if line is None or was is None:
        return Answer("", f"no mark of {first.symbol} liquidates it", CHARGES)
    mark = past(line)
    fallen = marked(before, first, mark)
    events = since(before, fallen)
    taken = forced(before, fallen)
    if not taken:
        return Answer("", f"nothing is taken at {price(mark)}", CHARGES)
    value = sum((_value(ground, first, event) for event in taken), ZERO)
    got = [(_gained(events, who, first.settle), to) for who, to in PAID]
    charged = [f"{money(before, amount)} {to} ({show(amount / value * 100, 3)} % of the value)" for amount, to in got if amount]
    after = held(fallen, first)
    kept = "" if after is None else f", with {_share(after.size, was.size)} of the position"
    at_mark = "" if all(event.price == mark for event in taken) else f" with the mark at {price(mark)}"
    said = f"{_closings(taken)}{at_mark}: {' and '.join(charged) or 'nothing is charged'}"
    return Answer("", f"{said}; {money(before, worth(fallen))} of {money(before, worth(before))} are left{kept}", CHARGES)


PAID = (
    (Ledger.FEES, "to the venue as fees"),
    (Ledger.INSURANCE_FUND, "to the insurance fund"),
    (Ledger.COUNTERPARTIES, "to the opposite side"),
)


def _value(ground: Ground, instrument: Instrument, event: Reduced | TakenOver) -> Decimal:
    contracts = event.size * instrument.multiplier
    return ground.rulebook.rules.notional(contracts, event.price, instrument.kind is Kind.INVERSE)


def _gained(events: Sequence[Event], who: Ledger, asset: str) -> Decimal:
    return sum((moved(event.postings, who, asset) for event in events), ZERO)


def _closings(taken: Sequence[Reduced | TakenOver]) -> str:
    """How the forced closes of each kind went: how often, at which price."""
    said = []
    for words, kind in (("closed in the market", Reduced), ("taken over", TakenOver)):
        mine = [event for event in taken if isinstance(event, kind)]
        if mine:
            steps = f" in {len(mine)} steps" if len(mine) > 1 else ""
            said.append(f"{words}{steps} at {price(mine[0].price)}")
    return " and ".join(said)
