"""Would it have survived: the answer in sentences. Every number in them comes from the runs."""

from collections.abc import Sequence
from decimal import Decimal

from plimsoll.number import exact, show
from plimsoll.runs import LeftOut, ModeResult, Survival, Verdict
from plimsoll.sentences import amount, lead_of, price


def survival_of(result: ModeResult) -> Survival:
    """What the replay of fills says of a result that has one."""
    assert result.survival is not None
    return result.survival


def both_numbers(left: LeftOut) -> str:
    """Why a fill was refused, with the two numbers compared."""
    if left.wanted is None or left.limit is None:
        return left.message
    return f"{left.message}: wanted {_n(left.wanted)}, allowed {_n(left.limit)}"


def _n(value: Decimal) -> str:
    places = 2 if abs(value) >= 100 else 4 if abs(value) >= 1 else 8
    return show(value, places)


def left_out_words(left: LeftOut) -> str:
    """One fill that did not come to pass, and why."""
    what = f"{left.place}, {left.side} {_n(left.size)} at {price(left.price)}"
    if left.why != "refused":
        return f"{what}, found nothing left to close"
    return f"{what}: {both_numbers(left)}{f' [{left.code}]' if left.code else ''}"


def mode_words(result: ModeResult) -> str:
    """One venue and mode in one sentence: refused, liquidated, and what is left beside what the fills alone would have left."""
    survival, run = survival_of(result), result.run
    refused = sum(left.why == "refused" for left in survival.left_out)
    gone = len(survival.left_out) - refused
    parts = [_fate(result)]
    first = next((left for left in survival.left_out if left.why == "refused"), None)
    if first is not None:
        parts.append(f"{refused} of {survival.fills} fills were refused, first {first.place} ({both_numbers(first)})")
    if gone:
        parts.append(f"{gone} found nothing left to close")
    left, bare = amount(run.final_equity, run.unit), amount(survival.without_rules.final_equity, run.unit)
    parts.append(f"{left} at the end" if left == bare else f"{left} at the end, {bare} without margin rules")
    return f"{lead_of(result.mode)} on {result.venue}: {'; '.join(parts)}."


def _fate(result: ModeResult) -> str:
    survival = survival_of(result)
    event = survival.first_liquidation
    if survival.liquidation is Verdict.NOT:
        return "nothing was liquidated"
    if event is None:
        return "nothing was liquidated on the headline path, but another order of prices inside the bars would have done it"
    at = "" if event.price is None else f" at {price(event.price)}"
    sure = "" if survival.liquidation is Verdict.CERTAINLY else ", possibly: the order of prices inside the bars decides"
    return f"{event.leg or 'a coin'} was first liquidated {event.time:%Y-%m-%d %H:%M}{at}{sure}"


def survival_sentences(results: Sequence[ModeResult]) -> tuple[str, ...]:
    """The answer first, then each mode of the first venue, then what the fills alone would have made."""
    alive = [r for r in results if survival_of(r).liquidation is Verdict.NOT and not survival_of(r).left_out]
    count = len(results)
    if len(alive) == count:
        told = f"It would have survived: every fill was taken and nothing was liquidated, in {_ways(count)}."
    elif alive:
        names = ", ".join(f"{r.venue} {r.mode.value}" for r in alive)
        told = f"It would have survived untouched in {len(alive)} of {count} ways: {names}."
    else:
        told = f"As it stands in the file it would not have come to pass, in {_ways(count)}."
    first = [r for r in results if r.venue == results[0].venue]
    bare = survival_of(first[0]).without_rules
    with exact():
        moved = bare.final_equity - bare.start_equity
    low = amount(bare.lowest_equity, bare.unit)
    without = (
        f"Without margin rules the fills make {amount(moved, bare.unit)} of {amount(bare.start_equity, bare.unit)}, "
        f"with {low} at the lowest ({bare.lowest_equity_at:%Y-%m-%d %H:%M})."
    )
    return (told, *(r.sentence for r in first), without)


def _ways(count: int) -> str:
    return "the one way it was replayed" if count == 1 else f"all {count} ways it was replayed"
