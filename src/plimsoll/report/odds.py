"""What a report says of a study, as text and tone: the one place where odds become words, for terminal, page and notebook.

Nothing is computed beyond differences, ratios and quantiles read between two that are there.
"""

from bisect import bisect_left
from decimal import Decimal
from typing import NamedTuple

from plimsoll.number import show
from plimsoll.plan import PlanMode
from plimsoll.report.facts import DOLLARS, MODES, NONE, Cell
from plimsoll.sentences import lead_of
from plimsoll.studies import Interval, LegOdds, Odds, Quantiles, Setting, Stopped, Study

FEW = 4
"""Settings that are told one by one; of more, the extremes."""
BEARABLE = 0.05
"""The chance of liquidation that the highest leverage is told for."""


def cash(value: float, unit: str) -> str:
    """Money of a simulation: cents for dollars, six decimals for coins."""
    text = f"{value:,.{2 if unit in DOLLARS else 6}f}"
    return text if text.strip("-0.,") else text.lstrip("-")


def percent(share: float) -> str:
    """A share as per cent, with more decimals where it is small.

    >>> percent(0.1234), percent(0.00312), percent(0.0), percent(0.9995)
    ('12.3 %', '0.31 %', '0 %', '99.950 %')
    """
    near = min(abs(share), abs(1 - share)) if share < 1 else abs(share)
    digits = 0 if share in (0, 1) else 1 if near >= 0.01 else 2 if near >= 0.001 else 3 if near >= 0.00001 else 5
    return f"{share * 100:.{digits}f} %"


def around(interval: Interval) -> str:
    """The bounds of a probability: `12.0 to 12.7 %`."""
    low, high = percent(max(interval.low, 0.0)), percent(min(interval.high, 1.0))
    return f"{low.removesuffix(' %')} to {high}"


def quantile(found: Quantiles, share: float) -> float:
    """The value that the share of the paths does not exceed, read between its neighbours."""
    at = bisect_left(found.shares, share)
    if at < len(found.shares) and found.shares[at] == share:
        return found.values[at]
    if at in (0, len(found.shares)):
        return found.values[min(at, len(found.values) - 1)]
    (a, b), (x, y) = found.shares[at - 1 : at + 1], found.values[at - 1 : at + 1]
    return x + (y - x) * (share - a) / (b - a)


def title(setting: Setting, study: Study) -> str:
    """A setting's name: its mode, what is varied, and its venue where there are several."""
    parts = [MODES[setting.mode]]
    parts += [] if setting.leverage is None else [f"{show(setting.leverage)}x"]
    parts += [] if setting.stop is None else [f"stop {show(setting.stop * 100)} %"]
    parts += [] if setting.split is None else [f"split {show(setting.split * 100)} %"]
    venues = {odds.setting.venue for odds in study.odds} | {refused.venue for refused, _ in study.refused}
    return " ".join(parts) + (f", {setting.venue}" if len(venues) > 1 else "")


class First(NamedTuple):
    """The position that most often goes first, or those that go together (equally often), and how often."""

    name: str
    chance: Interval


def first_to_go(odds: Odds) -> First | None:
    """None where none ever goes."""
    most = max(odds.legs, key=lambda leg: leg.first.value, default=None)
    if most is None or most.first.value == 0:
        return None
    alike = [leg.name for leg in odds.legs if leg.first == most.first]
    together = len(alike) * most.first.value > odds.liquidated.value
    return First(" and ".join([most.name] if not together else alike), most.first)


def per_risk(odds: Odds) -> float | None:
    """Mean gain per unit of money at risk; None where nothing is at risk."""
    return (odds.final_mean.value - odds.start_equity) / odds.money_at_risk if odds.money_at_risk > 0 else None


def summary(odds: Odds, unit: str) -> dict[str, Cell]:
    """One setting: quantity -> cell, in the order of a report."""

    def three(found: Quantiles) -> Cell:
        low, high = cash(quantile(found, 0.05), unit), cash(quantile(found, 0.95), unit)
        return Cell(cash(quantile(found, 0.5), unit), "", (f"5 %: {low}", f"95 %: {high}"))

    first, days, gain = first_to_go(odds), odds.days_to_liquidation, per_risk(odds)
    gained = () if gain is None else (f"mean gain per unit of it {gain:+.3f}",)
    later = (f"put in on the way {cash(odds.added, unit)}, the mean",) if odds.added else ()
    mean, bounds = odds.final_mean, (odds.final_mean.low, odds.final_mean.high)
    return {
        "Liquidated": Cell(percent(odds.liquidated.value), "bad" if odds.liquidated.value else "", (around(odds.liquidated),)),
        "Goes first": Cell(NONE) if first is None else Cell(first.name, "", (f"on {percent(first.chance.value)}",)),
        "Median day of it": Cell("-") if days is None else Cell(f"{quantile(days, 0.5):.1f}", "", _span(days)),
        "Nearly all lost": Cell(percent(odds.ruined.value), "bad" if odds.ruined.value else "", (around(odds.ruined),)),
        "Final equity, median": three(odds.final_equity),
        "Final equity, mean": Cell(cash(mean.value, unit), "", (f"{cash(bounds[0], unit)} to {cash(bounds[1], unit)}",)),
        "Lowest equity, median": three(odds.lowest_equity),
        "Value at risk, 5 %": Cell(cash(odds.value_at_risk, unit)),
        "Expected shortfall, 5 %": Cell(cash(odds.expected_shortfall, unit)),
        "Stopped out": Cell(percent(odds.stopped_out.value), "", (around(odds.stopped_out),)),
        "Fees, mean": Cell(cash(odds.fees, unit)),
        "Funding and interest, mean": Cell(cash(odds.funding, unit)),
        "Forced closes cost, mean": Cell(cash(odds.forced, unit)),
        "Lost beyond the account, mean": Cell(cash(odds.shortfall, unit)),
        "Start": Cell(cash(odds.start_equity, unit), "", (f"value held {cash(odds.notional, unit)}", *later)),
        "Money at risk": Cell(cash(odds.money_at_risk, unit), "", gained),
        "Paths": Cell(f"{odds.paths:,}", "", (f"{odds.close_calls:,} replayed exactly", f"{odds.handed:,} with exact steps")),
    }


def _span(days: Quantiles) -> tuple[str, ...]:
    return (f"5 %: {quantile(days, 0.05):.1f}, 95 %: {quantile(days, 0.95):.1f}",)


TABLE: dict[str, str] = {
    "setting": "left",
    "chance": "right",
    "first": "left",
    "half by day": "right",
    "final 5 %": "right",
    "median": "right",
    "95 %": "right",
    "worst 5 % lose": "right",
    "all lost": "right",
    "gain / risk": "right",
}
"""Heads of the table of many settings, and the side that its columns are set to."""
TABLE_NOTE = (
    "chance: that something is liquidated; first: what most often goes first; half by day: of the liquidations; worst 5 % "
    "lose: the expected shortfall; gain / risk: mean gain per unit of money at risk"
)


def row(odds: Odds, study: Study) -> tuple[str, ...]:
    """One setting on one line, under TABLE."""
    first, days, gain = first_to_go(odds), odds.days_to_liquidation, per_risk(odds)
    final = [cash(quantile(odds.final_equity, share), study.unit) for share in (0.05, 0.5, 0.95)]
    return (
        title(odds.setting, study),
        percent(odds.liquidated.value),
        "-" if first is None else first.name,
        "-" if days is None else f"{quantile(days, 0.5):.1f}",
        *final,
        cash(odds.expected_shortfall, study.unit),
        percent(odds.ruined.value),
        "-" if gain is None else f"{gain:+.3f}",
    )


LEGS: dict[str, str] = {
    "position": "left",
    "side, mode": "left",
    "value": "right",
    "liquidation price": "right",
    "liquidated": "right",
    "first": "right",
    "median day": "right",
}


def leg_row(leg: LegOdds, unit: str) -> tuple[str, ...]:
    """One position on one line, under LEGS."""
    return (
        leg.name,
        f"{leg.side}, {leg.mode}",
        cash(leg.notional, unit),
        NONE if leg.liquidation_price is None else f"{leg.liquidation_price:,.8g}",
        f"{percent(leg.liquidated.value)} ({around(leg.liquidated)})",
        f"{percent(leg.first.value)} ({around(leg.first)})",
        "-" if leg.median_day is None else f"{leg.median_day:.1f}",
    )


def head(study: Study) -> list[str]:
    """What was simulated: horizon, paths and steps, and what prices are made of."""
    done = max((odds.paths for odds in study.odds), default=0)
    why = {
        Stopped.PATHS: "",
        Stopped.INTERVAL: f" (of {study.paths_wanted:,}: the intervals are as narrow as asked for)",
        Stopped.INTERRUPTED: f" (of {study.paths_wanted:,}: broken off)",
    }[study.stopped]
    step = f"{study.step_seconds / 3600:g} h" if study.step_seconds >= 3600 else f"{study.step_seconds:g} s"
    return [f"{study.horizon_days:g} days, {done:,} paths{why}, steps of {step}, seed {study.seed}", *study.model]


def unknowns(study: Study) -> list[str]:
    """What a reader must know besides: refused settings, notes, and whose law it was."""
    refused = [f"{title(setting, study)}: refused: {reason}" for setting, reason in study.refused]
    return [*refused, *study.notes, *([f"law and model: {study.digest}"] if study.digest else [])]


# ---- sentences ----------------------------------------------------------------------------------------------------------


def sentences(study: Study) -> list[str]:
    """What it means, for somebody who reads nothing else."""
    if not study.odds:
        return ["Nothing was simulated: " + ("every setting is refused." if study.refused else "no path was finished.")]
    told = [_one(odds, study) for odds in study.odds] if len(study.odds) <= FEW else _extremes(study)
    if 1 < len(study.odds) <= FEW:
        told.append(_apart(study))
    told += [_bearable(mode, study) for mode in PlanMode if len(_leverages(mode, study)) > 2]
    if study.stopped is Stopped.INTERRUPTED:
        told.append("It was broken off: the intervals are wider than was asked for.")
    return told


def _one(odds: Odds, study: Study) -> str:
    lead, span = _lead(odds.setting, study), f"within {study.horizon_days:g} days"
    loss = (
        f"in the worst twentieth of the paths it loses {cash(odds.expected_shortfall, study.unit)} of "
        f"{cash(odds.start_equity, study.unit)} {study.unit} on average"
    )
    first, days = first_to_go(odds), odds.days_to_liquidation
    if first is None:
        most = f"on any of {odds.paths:,} paths, so at most on about {percent(odds.liquidated.high)}"
        return f"{lead}: nothing is liquidated {span} {most}; {loss}."
    when = "" if days is None else f", half of those by day {quantile(days, 0.5):.1f}"
    return (
        f"{lead}: something is liquidated {span} on {percent(odds.liquidated.value)} of the paths "
        f"({around(odds.liquidated)}){when}, first {first.name} on {percent(first.chance.value)}; {loss}."
    )


def _lead(setting: Setting, study: Study) -> str:
    return title(setting, study).replace(MODES[setting.mode], lead_of(setting.mode), 1)


def _apart(study: Study) -> str:
    """The safest and the riskiest, and whether the one that goes more often also loses more."""
    often, seldom = (pick(study.odds, key=lambda o: o.liquidated.value) for pick in (max, min))
    if seldom.liquidated.high >= often.liquidated.low:
        return "Whether one is liquidated more often than another cannot be told from so many paths: their intervals overlap."
    one, other = title(often.setting, study), title(seldom.setting, study)
    lead = f"{_lead(often.setting, study)} is liquidated more often than {other}"
    if often.expected_shortfall < seldom.expected_shortfall:
        return f"{lead}, yet loses less when it goes badly: {one} gives up a part, {other} stands with all it has."
    return f"{lead}, and loses more when it goes badly."


def _extremes(study: Study) -> list[str]:
    often, seldom = (pick(study.odds, key=lambda o: o.liquidated.value) for pick in (max, min))
    told = (
        f"Of {len(study.odds)} settings {title(seldom.setting, study)} is liquidated least often within "
        f"{study.horizon_days:g} days, on {percent(seldom.liquidated.value)} of the paths "
        f"({around(seldom.liquidated)}), and {title(often.setting, study)} most often, on "
        f"{percent(often.liquidated.value)} ({around(often.liquidated)})."
    )
    mild = min(study.odds, key=lambda o: o.expected_shortfall)
    worst = (
        f"The worst twentieth of the paths costs least with {title(mild.setting, study)}: "
        f"{cash(mild.expected_shortfall, study.unit)} of {cash(mild.start_equity, study.unit)} {study.unit} on average."
    )
    return [told, worst]


def _leverages(mode: PlanMode, study: Study) -> list[Decimal]:
    """The leverages that were played in a mode, where they are what differs."""
    found = {o.setting.leverage for o in study.odds if o.setting.mode is mode}
    return sorted(x for x in found if x is not None)


def _bearable(mode: PlanMode, study: Study) -> str:
    """The highest leverage at which liquidation stays seldom, over all else that was varied."""
    of: dict[Decimal, list[Odds]] = {}
    for odds in study.odds:
        if odds.setting.mode is mode and odds.setting.leverage is not None:
            of.setdefault(odds.setting.leverage, []).append(odds)
    if all([o.liquidated for o in found] == [o.liquidated for o in of[max(of)]] for found in of.values()):
        why = "it says what may be opened, and the same money stands behind it"
        return f"{lead_of(mode)}: leverage makes no difference; {why}."
    good = [x for x in sorted(of) if max(o.liquidated.high for o in of[x]) < BEARABLE]
    lead, limit = lead_of(mode), percent(BEARABLE)
    also = " whatever else was varied" if max(len(found) for found in of.values()) > 1 else ""
    if not good:
        return f"{lead}: no leverage that was tried keeps liquidation below {limit}{also}."
    if len(good) == len(of):
        return f"{lead}: every leverage that was tried keeps liquidation below {limit}{also}."
    return f"{lead}: of the leverages tried, {show(max(good))}x is the highest that keeps it below {limit}{also}."

