"""What happened, in sentences a trader reads; every number in them comes from the runs."""

from collections.abc import Sequence
from decimal import Decimal

from plimsoll.number import show
from plimsoll.plan import PlanMode
from plimsoll.runs import LegResult, ModeResult, Run, Verdict

STABLE = ("USDT", "USDC", "USD", "BUSD", "FDUSD")


def amount(value: Decimal, unit: str) -> str:
    """Money for a sentence: 2 places for stable coins, 6 for others, thousands apart."""
    places = 2 if unit in STABLE else 6
    head, _, tail = show(abs(value), places).partition(".")
    text = f"{int(head):,}.{tail.ljust(places, '0')}"
    return f"{'-' if value < 0 and text.strip('0.,') else ''}{text} {unit}"


def price(value: Decimal) -> str:
    """A price for a sentence: five significant places at least."""
    places = 2 if value >= 100 else 4 if value >= 1 else 6
    head, _, tail = show(value, places).partition(".")
    return f"{int(head):,}" + (f".{tail}" if tail else "")


def percent(share: Decimal) -> str:
    """A share as per cent, one place."""
    return f"{show(share * 100, 1)} %"


def names(words: Sequence[str]) -> str:
    """Words in a row, `and` before the last."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def pool_words(key: str) -> str:
    """A pool's name in a sentence."""
    if key == "account":
        return "the account"
    return f"the cross pool in {key.removeprefix('asset:')}" if key.startswith("asset:") else key


def mode_sentence(result: ModeResult) -> str:
    """One mode of one venue: what went, what stayed, what was left."""
    run = result.run
    if not run.legs:
        refused = next((h for h in run.happenings if h.kind == "refuse"), None)
        why = "" if refused is None else f": {refused.leg} {refused.text}"
        return f"{lead_of(result.mode)}: no position was ever opened{why}."
    lead, kept = lead_of(result.mode), [leg for leg in run.legs if leg.open_size != 0]
    lost = _lost(run)
    if not lost:
        low = amount(run.lowest_equity, run.unit)
        return f"{lead}: nothing was liquidated; equity fell to {low} at the lowest and {_end(run)}{_doubt(result)}."
    after = f"; {names([_rest_of(leg) for leg in kept])} stayed open" if kept else ""
    return f"{lead}: {lost}{after}; {_end(run)}{_doubt(result)}."


def _lost(run: Run) -> str:
    """What the venue closed and sold, and at which prices; '' where it did nothing."""
    gone = [leg for leg in run.legs if leg.liquidated_at is not None]
    cut = [leg for leg in run.legs if leg.liquidated_at is None and leg.hit_at is not None]
    if any(leg.hit_at != leg.liquidated_at for leg in gone):
        parts = [f"{leg.name} was liquidated {_levels(leg)}" for leg in gone]
    else:
        at = names([price(leg.liquidated_price) for leg in gone if leg.liquidated_price is not None])
        went = "was liquidated at" if len(gone) == 1 else "were liquidated at"
        parts = [f"{names([leg.name for leg in gone])} {went} {at}"] if gone else []
    parts += [f"{leg.name} was closed in part, first at {price(leg.hit_price)}" for leg in cut if leg.hit_price is not None]
    if any(event.kind == "convert" for event in run.happenings):
        parts.append("coins went to repay what was owed")
    return ", ".join(parts)


def _levels(leg: LegResult) -> str:
    """At which price a leg went, or from where to where."""
    assert leg.liquidated_price is not None
    end = price(leg.liquidated_price)
    if leg.hit_price is None or leg.hit_at == leg.liquidated_at:
        return f"at {end}"
    return f"in pieces from {price(leg.hit_price)} to {end}"


def _rest_of(leg: LegResult) -> str:
    return leg.name if leg.hit_at is None else f"what is left of {leg.name}"


def lead_of(mode: PlanMode) -> str:
    """A mode at the start of a sentence."""
    return {PlanMode.CROSS: "Cross", PlanMode.ISOLATED: "Isolated", PlanMode.AS_GIVEN: "As given"}[mode]


def _end(run: Run) -> str:
    """What is there at the end, against what there was."""
    now, before = amount(run.final_equity, run.unit), amount(run.start_equity, run.unit)
    if run.final_equity > run.start_equity + run.deposits:
        return f"the account ends with {now}, up from {before}"
    return f"{now} of {before} are left"


def _doubt(result: ModeResult) -> str:
    unsure = [name for name, verdict in result.verdicts.items() if verdict is Verdict.POSSIBLY]
    if not unsure:
        return ""
    return f" (inside its bars the path is not known: {names(unsure)} possibly liquidated)"


def closing_sentences(results: Sequence[ModeResult]) -> tuple[str, ...]:
    """Three sentences on the first venue: each of the two modes that differ most, and why they differ. With one mode only,
    what happened, how near it came, and what it cost."""
    first = [r for r in results if r.venue == results[0].venue]
    cross = next((r for r in first if r.mode is PlanMode.CROSS), None)
    isolated = next((r for r in first if r.mode is PlanMode.ISOLATED), None)
    if cross is not None and isolated is not None:
        return isolated.sentence, cross.sentence, _why(isolated.run, cross.run)
    only = first[0]
    return only.sentence, _nearest(only.run), _cost(only.run)


def _why(isolated: Run, cross: Run) -> str:
    """The reason the modes differ, in money: what stood behind the positions and where that put the line."""
    if not isolated.legs or not cross.legs:
        return "What could not be opened cannot be compared."
    gap = cross.final_equity - isolated.final_equity
    richer = "cross" if gap > 0 else "isolated"
    alone = isolated.money_at_risk
    together = cross.money_at_risk
    stakes = (
        f"isolated stood {amount(alone, isolated.unit)} behind the positions, each its own, "
        f"and cross {amount(together, cross.unit)} behind all of them"
    )
    line = _line(isolated, cross)
    if amount(gap, cross.unit) == amount(Decimal(0), cross.unit):
        return f"Both modes ended alike: {stakes}{line}, and the prices never reached the difference."
    return f"They differ because {stakes}{line}: {richer} ended {amount(abs(gap), cross.unit)} richer."


def _line(isolated: Run, cross: Run) -> str:
    """Where the first leg to go had its line in each mode."""
    fallen = [leg for leg in (*isolated.legs, *cross.legs) if leg.hit_at is not None]
    gone = min(fallen, key=lambda leg: str(leg.hit_at), default=next(iter(isolated.legs), None))
    if gone is None:
        return ""
    here, there = _start_line(isolated.legs, gone.symbol), _start_line(cross.legs, gone.symbol)
    if here is None or there is None:
        return f", which left {gone.symbol} without a line in one of them" if here != there else ""
    return f", which put the line of {gone.symbol} at {price(here)} and at {price(there)} when they began"


def _start_line(legs: Sequence[LegResult], symbol: str) -> Decimal | None:
    return next((leg.liquidation_price_at_start for leg in legs if leg.symbol == symbol), None)


def _nearest(run: Run) -> str:
    if not run.least:
        return "No position was open long enough to come near a line."
    near = min(run.least, key=lambda least: least.share if least.share is not None else Decimal(-1))
    share = "" if near.share is None else f", {percent(near.share)} of its balance"
    when = f"{near.time:%Y-%m-%d %H:%M}"
    if near.headroom <= 0:
        pool = pool_words(near.pool)
        return f"{pool[0].upper()}{pool[1:]} reached its line on {when} UTC."
    left = f"{pool_words(near.pool)} had {amount(near.headroom, run.unit)} left{share}"
    return f"It came nearest to its line on {when} UTC, when {left}."


def _cost(run: Run) -> str:
    lent = f"{amount(run.interest, run.unit)} in interest, " if run.interest else ""
    return (
        f"It cost {amount(run.fees, run.unit)} in fees, {lent}{amount(run.funding, run.unit)} in funding and "
        f"{amount(run.liquidation_cost, run.unit)} in liquidation, with {amount(run.money_at_risk, run.unit)} at risk."
    )
