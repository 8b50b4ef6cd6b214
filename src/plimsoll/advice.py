"""What simulated numbers mean for choosing: from studies to findings in sentences. Pure: frozen data in, frozen data out.

A choice is made only where 95 % intervals lie apart; where they overlap the finding says so and chooses nothing. All settings
were played on the same paths, so that differences are surer than the intervals show: what is called apart here is apart.
"""

from typing import NamedTuple

from plimsoll.advice_desk import Desk, changed, lay, leg_in, name_of, plain
from plimsoll.advice_margin import leverage_findings, margin_findings, stop_findings, top_up_findings
from plimsoll.advice_risk import horizon_findings, size_findings, together_findings, you_findings
from plimsoll.advice_words import chance, days, lost, money, numbers, percent_of, ref, went
from plimsoll.evidence import (
    Advice,
    Change,
    Conviction,
    Evidence,
    Finding,
    Holding,
    Played,
    Prefer,
    Profile,
    Skill,
    Topic,
    Verdict,
    Verged,
    Watch,
    below,
    verged,
)
from plimsoll.plan import PlanMode
from plimsoll.studies import Interval

HEADS = {
    Topic.MODE: "Margin mode",
    Topic.POSITION: "With the rest in cross,",
    Topic.LEVERAGE: "Leverage",
    Topic.MARGIN: "Size and margin",
    Topic.STOP: "Stop",
    Topic.TOP_UP: "More money",
}
"""What a line of the headline is about; other topics are told and have none."""


class HarmWords(NamedTuple):
    """What the mode that does less harm does, and what the other one costs."""

    gain: str
    price: str


class Harm(NamedTuple):
    """Which mode does less harm beyond doubt (None: not told apart), and in which words."""

    less: Verdict | None
    words: HarmWords


LOST = HarmWords("loses everything less often", "more lost accounts")
WORST = HarmWords("loses less at worst", "larger losses at worst")


def advice_of(evidence: Evidence, profile: Profile) -> Advice:
    """The advice that the evidence allows. Asserts that the plan itself was played."""
    assert evidence.trials and evidence.trials[0].change is Change.NONE, "the plan itself comes first"
    desk = lay(evidence, profile)
    mode = _mode(desk)
    modes = _followed(desk, mode)
    findings = [
        *([] if mode is None else [mode]),
        *_positions(desk),
        *(finding for each in modes for finding in leverage_findings(desk, each)),
        *(finding for each in modes for finding in margin_findings(desk, each)),
        *(finding for each in modes for finding in stop_findings(desk, each)),
        *(finding for each in modes for finding in top_up_findings(desk, each)),
        *together_findings(desk, modes),
        *size_findings(desk),
        *horizon_findings(desk, modes),
        *you_findings(desk),
    ]
    order = list(Topic)
    if profile.watch is Watch.UNWATCHED:  # a stop is what is left when nobody looks
        order.insert(1, order.pop(order.index(Topic.STOP)))
    findings.sort(key=lambda finding: order.index(finding.topic))
    study = evidence.trials[0].study
    return Advice(
        name=study.plan,
        source=study.source,
        unit=desk.unit,
        horizon_days=desk.horizon_days,
        profile=profile,
        headline=tuple(_head(finding) for finding in findings if finding.topic in HEADS),
        findings=tuple(findings),
        played=tuple(entry.played for entry in desk.entries),
        assumptions=evidence.assumptions,
        left_out=evidence.left_out,
    )


def modes_to_follow(evidence: Evidence, profile: Profile) -> tuple[PlanMode, ...]:
    """The modes in which leverages, stops and the rest are worth trying: that which the first studies speak for, or all."""
    desk = lay(evidence, profile)
    return _followed(desk, _mode(desk))


def _head(finding: Finding) -> str:
    what = HEADS[finding.topic] + (f" {finding.of}" if finding.of else "")
    if finding.choice:
        return f"{what}: {finding.choice}."
    words = {
        Verdict.EITHER: "the run does not separate the choices",
        Verdict.CONFLICT: "one choice is better in one way, the other in another; say what you prefer",
        Verdict.UNREACHABLE: "nothing that was tried keeps within your limit",
    }
    return f"{what}: {words.get(finding.verdict, 'told below')}."


def _followed(desk: Desk, mode: Finding | None) -> tuple[PlanMode, ...]:
    """The modes that the rest of the advice is about: the one that was chosen, else all that were played."""
    if mode is not None and mode.verdict in (Verdict.CROSS, Verdict.ISOLATED):
        return (PlanMode(mode.verdict.value),)
    played = tuple(each for each in (PlanMode.CROSS, PlanMode.ISOLATED) if plain(desk, each) is not None)
    return played or (PlanMode.AS_GIVEN,)


def _mode(desk: Desk) -> Finding | None:
    """Cross or isolated for the whole account; None where only one of them was played."""
    cross, isolated = plain(desk, PlanMode.CROSS), plain(desk, PlanMode.ISOLATED)
    if cross is None or isolated is None:
        return None
    a, b = cross.odds, isolated.odds
    go, harm = _better(a.liquidated, b.liquidated), Harm(_better(a.ruined, b.ruined), LOST)
    bound: tuple[str, ...] = ()
    if harm.less is None and desk.evidence.walls_bound and b.money_at_risk < a.value_at_risk:
        harm = Harm(Verdict.ISOLATED, WORST)
        held, gone = money(b.money_at_risk, desk.unit), money(a.value_at_risk, desk.unit)
        bound = (
            f"In isolated the walls hold {held}{ref(isolated)}, and but for fees and funding paid from the rest that is all;"
            f" in cross one path in twenty loses {gone}{ref(cross)} or more.",
        )
    verdict, why = _decided(desk, go, harm, _limited(desk, a.liquidated, b.liquidated))
    span = days(desk.horizon_days)
    sentences = (
        f"Within {span} the venue liquidates something with a chance of {went(cross)} in cross and of "
        f"{went(isolated)} in isolated{_apart(go)}.",
        f"Nearly everything is lost (less than a hundredth of the equity is left) with a chance of {lost(cross)} in cross "
        f"and of {lost(isolated)} in isolated{_apart(_better(a.ruined, b.ruined))}.",
        f"The worst 5 % of the paths lose {money(a.expected_shortfall, desk.unit)}{ref(cross)} on average in cross and "
        f"{money(b.expected_shortfall, desk.unit)}{ref(isolated)} in isolated; at risk are {money(a.money_at_risk, desk.unit)} "
        f"and {money(b.money_at_risk, desk.unit)} of {money(a.start_equity, desk.unit)}.",
        *bound,
        *_as_given(desk),
        why,
    )
    choice = verdict.value if verdict in (Verdict.CROSS, Verdict.ISOLATED) else ""
    rests = numbers((cross, isolated))
    return Finding(topic=Topic.MODE, verdict=verdict, sentences=sentences, rests_on=rests, choice=choice)


def _as_given(desk: Desk) -> list[str]:
    """The division of the file itself, where it is another."""
    given = plain(desk, PlanMode.AS_GIVEN)
    return [] if given is None else [f"As the file divides them: {went(given)} and {lost(given)}."]


def _better(cross: Interval, isolated: Interval) -> Verdict | None:
    """Where a chance is lower beyond doubt; None: the intervals overlap."""
    if below(cross, isolated):
        return Verdict.CROSS
    return Verdict.ISOLATED if below(isolated, cross) else None


def _apart(better: Verdict | None) -> str:
    return "; the intervals overlap" if better is None else f", lower in {better.value} beyond the intervals"


def _limited(desk: Desk, cross: Interval, isolated: Interval) -> Verdict | None:
    """The mode that alone keeps within the limit, the other being surely beyond."""
    limit = float(desk.profile.limit)
    here, there = verged(cross, limit), verged(isolated, limit)
    if (here, there) == (Verged.WITHIN, Verged.BEYOND):
        return Verdict.CROSS
    return Verdict.ISOLATED if (here, there) == (Verged.BEYOND, Verged.WITHIN) else None


def _decided(desk: Desk, go: Verdict | None, harm: Harm, limited: Verdict | None) -> tuple[Verdict, str]:
    """Which mode, and why in one sentence. `go`: liquidated less often; `limited`: the only one within the limit."""
    profile, less, words = desk.profile, harm.less, harm.words
    if go is None and less is None:
        return Verdict.EITHER, "The run does not separate the two: nothing here speaks for one of them."
    if go is None or less is None or go is less:
        chosen = go or less
        assert chosen is not None
        other = "and nothing speaks against it" if go is None or less is None else "in both ways"
        return chosen, f"{chosen.value.capitalize()} is better where the run tells them apart, {other}."
    if profile.prefer is Prefer.PRESERVATION:
        return less, f"You put preservation first: {less.value} {words.gain}, at more liquidations."
    if profile.prefer is Prefer.EFFICIENCY:
        return go, f"You put efficiency first: {go.value} keeps more positions open with the same money, at {words.price}."
    if limited is not None:
        return limited, f"Only {limited.value} keeps within your limit of {percent_of(profile.limit)}."
    if profile.skill is Skill.BEGINNER or profile.watch is Watch.UNWATCHED:
        who = "Nobody watches" if profile.watch is Watch.UNWATCHED else "You begin"
        return less, f"{who}: what can be lost at worst weighs more than a position, and {less.value} {words.gain}."
    return Verdict.CONFLICT, (
        f"{go.value.capitalize()} is liquidated less often, {less.value} {words.gain}: which counts is yours to say "
        "(--prefer preservation or efficiency)."
    )


def _positions(desk: Desk) -> list[Finding]:
    """Each position: isolated while the rest is cross, against all cross."""
    cross = plain(desk, PlanMode.CROSS)
    if cross is None:
        return []
    out = []
    for entry in changed(desk, Change.ALONE):
        for holding in desk.evidence.holdings:
            if holding.symbol == entry.trial.of:
                found = _position(desk, holding, cross, entry.played)
                out += [] if found is None else [found]
    return out


def _position(desk: Desk, holding: Holding, cross: Played, alone: Played) -> Finding | None:
    name = name_of(holding, desk.evidence.holdings)
    here, there = leg_in(cross, holding), leg_in(alone, holding)
    if here is None or there is None:
        return None
    own = _better(here.liquidated, there.liquidated)
    ruin = _better(cross.odds.ruined, alone.odds.ruined)
    sentences = [
        f"{name} is liquidated with a chance of {chance(here.liquidated, cross)} when all is cross, and of "
        f"{chance(there.liquidated, alone)} when it is isolated and the rest cross{_apart(own)}.",
        f"The account loses nearly everything with a chance of {lost(cross)} and of "
        f"{lost(alone)}{_apart(ruin)}.",
        *_others(desk, holding, cross, alone),
    ]
    conviction = desk.profile.conviction.get(holding.symbol)
    if conviction is None:
        verdict, why = _decided(desk, own, Harm(ruin, LOST), None)
    else:
        verdict, why = _convinced(name, conviction, own, ruin)
    choice = verdict.value if verdict in (Verdict.CROSS, Verdict.ISOLATED) else ""
    return Finding(
        topic=Topic.POSITION,
        of=name,
        verdict=verdict,
        choice=choice,
        sentences=(*sentences, why),
        rests_on=numbers((cross, alone)),
    )


def _others(desk: Desk, holding: Holding, cross: Played, alone: Played) -> list[str]:
    """What a wall around one position does to the others, where the run tells."""
    out = []
    for other in desk.evidence.holdings:
        before, after = leg_in(cross, other), leg_in(alone, other)
        if other is holding or before is None or after is None:
            continue
        better = _better(before.liquidated, after.liquidated)
        if better is not None:
            word = "falls" if better is Verdict.ISOLATED else "rises"
            name = name_of(other, desk.evidence.holdings)
            here, there = chance(before.liquidated, cross), chance(after.liquidated, alone)
            out.append(f"The wall is felt by {name}: its chance {word} from {here} to {there}.")
    return out


def _convinced(name: str, conviction: Conviction, own: Verdict | None, ruin: Verdict | None) -> tuple[Verdict, str]:
    """What a stated conviction makes of the two comparisons."""
    if conviction is Conviction.HIGH:
        if own is None:
            return Verdict.EITHER, f"You want {name} to stay open: the run does not separate the two in that."
        return own, f"You want {name} to stay open: in {own.value} it is liquidated less often."
    if ruin is None:
        return Verdict.EITHER, f"You want the loss of {name} walled off: the run does not separate the two in lost accounts."
    return ruin, f"You want the loss of {name} walled off: with {ruin.value} fewer accounts are lost."

