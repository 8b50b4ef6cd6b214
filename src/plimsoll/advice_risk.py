"""How the positions hang together, how large they are, when things happen, and what the trader said of himself."""

from plimsoll.advice_desk import Desk, leg_in, name_of, plain
from plimsoll.advice_words import chance, days, money, numbers, percent_of, ref, share, went
from plimsoll.evidence import Conviction, Finding, Holding, Pair, Played, Prefer, Skill, Topic, Verdict, Watch, below
from plimsoll.plan import PlanMode
from plimsoll.sentences import names, price
from plimsoll.studies import Interval, LegOdds

QUARTERS = (0.25, 0.5, 1.0)
"""Parts of the horizon at which the chance is told."""


def effective_number(covariance: tuple[tuple[float, ...], ...]) -> float:
    """How many independent positions of equal risk a covariance matrix amounts to: trace^2 / sum of squares of all entries,
    which is (sum of eigenvalues)^2 / sum of their squares.

    >>> effective_number(((1.0, 0.0), (0.0, 1.0))), effective_number(((1.0, -1.0), (-1.0, 1.0)))
    (2.0, 1.0)
    """
    trace = sum(row[i] for i, row in enumerate(covariance))
    return float(trace * trace / sum(value * value for row in covariance for value in row))


def together_findings(desk: Desk, modes: tuple[PlanMode, ...]) -> list[Finding]:
    """How much the positions are one position, and how often they go together."""
    told = desk.evidence.together
    if len(desk.evidence.holdings) < 2:
        return []
    sentences = []
    if told is not None:
        count = len(desk.evidence.holdings)
        sentences += [_pair(pair) for pair in told.pairs]
        sentences.append(
            f"Together the {count} positions amount to {told.effective:.2f} independent ones of equal risk ({told.source})."
        )
    rests: list[Played | None] = []
    for mode in modes:
        played = plain(desk, mode)
        if played is not None and len(played.odds.legs) > 1 and played.odds.liquidated.value > 0:
            sentences.append(_joint(mode, played))
            rests.append(played)
    if not sentences:
        return []
    return [Finding(topic=Topic.TOGETHER, verdict=Verdict.TOLD, sentences=tuple(sentences), rests_on=numbers(rests))]


def _pair(pair: Pair) -> str:
    rho = pair.correlation
    word = "gain and lose together" if rho > 0 else "hedge each other" if rho < 0 else "do not follow each other"
    return f"The results of {pair.first} and {pair.second} have a correlation of {rho:.2f}: to that extent they {word}."


def joint(legs: tuple[LegOdds, ...], any_of_them: Interval) -> tuple[Interval, bool]:
    """The chance that at least two of the legs are liquidated, and whether it is exact: with two legs it is P(A) + P(B) -
    P(A or B), counted on the same paths; with more, the same sum is an upper bound, and divided by their number less one a
    lower bound. Its interval holds whatever the three intervals hold."""
    total = sum(leg.liquidated.value for leg in legs)
    low = sum(leg.liquidated.low for leg in legs) - any_of_them.high
    high = sum(leg.liquidated.high for leg in legs) - any_of_them.low
    spare = len(legs) - 1
    second = sorted(leg.liquidated.high for leg in legs)[-2]
    value = max(total - any_of_them.value, 0.0)
    return Interval(value, max(low, 0.0) / spare, min(max(high, value), second)), spare == 1


def _joint(mode: PlanMode, played: Played) -> str:
    odds = played.odds
    both, exact = joint(odds.legs, odds.liquidated)
    if not exact:
        return (
            f"In {mode.value} at least two of the {len(odds.legs)} positions are liquidated with a chance between "
            f"{share(both.low)} and {share(both.high)}{ref(played)}; any of them with {went(played)}."
        )
    from plimsoll.odds import share_of  # NumPy is not needed to read advice

    first, second = odds.legs
    both = share_of(round(both.value * odds.paths), odds.paths)
    lead = f"In {mode.value} {first.name} and {second.name} are both liquidated with a chance of {chance(both, played)}"
    if mode is PlanMode.CROSS:
        return f"{lead}, and any of them with {went(played)}: they stand and fall with one pool."
    apart = share(first.liquidated.value * second.liquidated.value)
    more = both.low > first.liquidated.high * second.liquidated.high
    told = "it is more, beyond the intervals: they go together" if more else "the run does not tell the two apart"
    return f"{lead}; were they independent it would be {apart}: {told}."


def size_findings(desk: Desk) -> list[Finding]:
    """Each position against the steps of its bracket table, and against what is traded."""
    out = []
    for holding in desk.evidence.holdings:
        sentences = [_bracket(desk, holding)]
        if holding.hourly_volume is not None and holding.hourly_volume > 0:
            part = float(holding.value / holding.hourly_volume)
            traded = money(holding.hourly_volume, holding.asset)
            sentences.append(
                f"It is {share(part)} of the {traded} that change hands in a median hour of the history; closing it moves the "
                "price by an amount that is not modelled."
            )
        name = name_of(holding, desk.evidence.holdings)
        out.append(Finding(topic=Topic.SIZE, of=name, verdict=Verdict.TOLD, sentences=tuple(sentences), rests_on=()))
    return out


def _bracket(desk: Desk, holding: Holding) -> str:
    name, value = name_of(holding, desk.evidence.holdings), money(holding.value, holding.asset)
    where = f"{name} is worth {value} and stands in row {holding.row} of {holding.rows} of its bracket table"
    if holding.cap is None:
        return f"{where}, the last, whose end is not known."
    room = share(float(holding.reach / holding.cap))
    unit = "" if holding.bracket_unit == "notional" else f" {holding.bracket_unit}"
    rise = ""
    if holding.rate is not None and holding.next_rate is not None:
        rise = f"; beyond it the maintenance rate rises from {percent_of(holding.rate)} to {percent_of(holding.next_rate)}"
    return f"{where}: {room} of the {price(holding.cap)}{unit} where that ends{rise}."


def horizon_findings(desk: Desk, modes: tuple[PlanMode, ...]) -> list[Finding]:
    """When: how the chance grows over the horizon, and which day is the middle one for each position."""
    out = []
    for mode in modes:
        played = plain(desk, mode)
        if played is None or not played.odds.by_day.days:
            continue
        if played.odds.liquidated.value == 0:
            sentences = [f"In {mode.value} nothing is liquidated on any path: {went(played)}."]
        else:
            sentences = [f"In {mode.value} something is liquidated {_grown(desk, played)}."]
        for holding in desk.evidence.holdings:
            leg = leg_in(played, holding)
            if leg is not None and leg.median_day is not None:
                name = name_of(holding, desk.evidence.holdings)
                sentences.append(f"Where {name} goes, half of the times it is gone after {days(leg.median_day)}{ref(played)}.")
        if len(desk.evidence.holdings) > 1:
            first = max(played.odds.legs, key=lambda leg: leg.first.value, default=None)
            if first is not None and all(below(leg.first, first.first) for leg in played.odds.legs if leg is not first):
                sentences.append(f"{first.name} is the first to go most often, with a chance of {chance(first.first, played)}.")
        of, rests = f"in {mode.value}", numbers((played,))
        out.append(Finding(topic=Topic.HORIZON, of=of, verdict=Verdict.TOLD, sentences=tuple(sentences), rests_on=rests))
    return out


def _grown(desk: Desk, played: Played) -> str:
    """The curve at parts of the horizon, at the days that it has."""
    curve = played.odds.by_day
    told = []
    for part in QUARTERS:
        at = min(range(len(curve.days)), key=lambda i: abs(curve.days[i] - part * desk.horizon_days))
        told.append(f"by {days(curve.days[at])} with a chance of {chance(curve.chances[at], played)}")
    return names(list(dict.fromkeys(told)))


def you_findings(desk: Desk) -> list[Finding]:
    """What the trader said of himself, and what was made of it."""
    profile, sentences = desk.profile, []
    planned = desk.evidence.top_ups_planned
    if profile.watch is Watch.UNWATCHED:
        sentences.append("Nobody watches: no top-up and no close by hand is counted on; a stop that rests at the venue is.")
        if planned:
            sentences.append(f"{planned} planned top-up{'s are' if planned > 1 else ' is'} left out of all settings.")
    else:
        unsaid = "Whether somebody watches was not said (--watched, --unwatched)"
        said = "Somebody watches" if profile.watch is Watch.WATCHED else unsaid
        counted = f"but the {planned} top-up{'s' if planned > 1 else ''} of the file " if planned else ""
        sentences.append(f"{said}: of what can be done by hand nothing {counted}is in the numbers.")
    told = {
        Prefer.PRESERVATION: "Preservation first: lost accounts weigh more than lost positions.",
        Prefer.EFFICIENCY: "Efficiency first: lost positions weigh more than lost accounts, and higher leverage ties up less.",
        Prefer.BALANCED: "Balanced: a choice between positions and the account is left to you unless your limit decides it.",
    }
    sentences.append(told[profile.prefer])
    for symbol, conviction in profile.conviction.items():
        means = "that it stays open" if conviction is Conviction.HIGH else "that its loss is walled off"
        sentences.append(f"{conviction.value.capitalize()} conviction in {symbol}: what counts is {means}.")
    if profile.skill is Skill.BEGINNER:
        sentences += [
            "A liquidation is the venue closing a position by force, with a fee, once the money behind it no longer meets its "
            "requirement; in cross all positions share that money, in isolated each has its own.",
            "The bounds behind a chance hold the true one of this model 95 times in 100; whether the model is right "
            "they do not say.",
        ]
    return [Finding(topic=Topic.YOU, verdict=Verdict.TOLD, sentences=tuple(sentences), rests_on=())]
