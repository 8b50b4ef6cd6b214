"""How much: leverage, size, margin, stops and top-ups, each read off the settings that were played."""

from collections.abc import Sequence
from decimal import Decimal

from plimsoll.advice_desk import Desk, Entry, by_leverage, by_stop, changed, leg_in, line_in, name_of, plain
from plimsoll.advice_words import chance, days, hit, money, numbers, percent_of, ref, share, times, went
from plimsoll.evidence import Change, Finding, Holding, Played, Prefer, Skill, Topic, Verdict, Verged, Watch, below, verged
from plimsoll.number import ONE
from plimsoll.plan import PlanMode
from plimsoll.sentences import names, price
from plimsoll.studies import Interval, Odds

Rows = Sequence[tuple[Decimal, Played]]


def leverage_findings(desk: Desk, mode: PlanMode) -> list[Finding]:
    """The highest leverage whose chance of a liquidation is surely within the limit, in one mode."""
    rows = by_leverage(desk, mode)
    if not rows:
        return []
    limit = float(desk.profile.limit)
    judged = [verged(played.odds.liquidated, limit) for _, played in rows]
    firm = next((i for i, verdict in enumerate(judged) if verdict is not Verged.WITHIN), len(rows))
    flat = _flat([played.odds.liquidated for _, played in rows])
    if flat and len(rows) > 1 and len(set(judged)) == 1:
        found = _flat_finding(desk, mode, rows, judged[0])
    elif firm == 0:
        found = _none_within(desk, mode, rows, judged)
    else:
        found = _highest(desk, mode, rows, firm, judged)
    return [found]


def _flat(intervals: Sequence[Interval]) -> bool:
    """Whether all intervals share a point: nothing tells any two of them apart."""
    return max(i.low for i in intervals) <= min(i.high for i in intervals)


def _leverage(mode: PlanMode, verdict: Verdict, sentences: Sequence[str], rows: Rows, choice: str = "") -> Finding:
    rests = numbers([played for _, played in rows])
    return Finding(
        topic=Topic.LEVERAGE, of=f"in {mode.value}", verdict=verdict, sentences=tuple(sentences), rests_on=rests, choice=choice
    )


def _flat_finding(desk: Desk, mode: PlanMode, rows: Rows, judged: Verged) -> Finding:
    """The leverage does not matter, as far as the run can tell."""
    (low, first), (high, last) = rows[0], rows[-1]
    text = (
        f"In {mode.value} the leverage does not move the chance of a liquidation as far as the run tells: "
        f"{went(first)} at {times(low)}, {went(last)} at {times(high)}."
    )
    limit = percent_of(desk.profile.limit)
    told = {
        Verged.WITHIN: f"All leverages that were tried keep within your limit of {limit}; choose by the money they tie up.",
        Verged.BEYOND: f"All leverages that were tried are beyond your limit of {limit}: less size, more money or a stop.",
        Verged.UNSURE: f"All intervals contain your limit of {limit}: whether they keep it the run does not tell.",
    }
    verdict = Verdict.UNREACHABLE if judged is Verged.BEYOND else Verdict.EITHER
    return _leverage(mode, verdict, (text, told[judged]), rows)


def _none_within(desk: Desk, mode: PlanMode, rows: Rows, judged: Sequence[Verged]) -> Finding:
    """No leverage from the lowest up is surely within the limit."""
    limit = percent_of(desk.profile.limit)
    lowest, played = rows[0]
    least = min(rows, key=lambda row: row[1].odds.liquidated.value)
    if Verged.BEYOND in judged and all(verdict is Verged.BEYOND for verdict in judged):
        text = (
            f"In {mode.value} no leverage that was tried keeps the chance of a liquidation within your limit of {limit}: the "
            f"lowest chance is {went(least[1])}, at {times(least[0])}."
        )
        left = "Less size, more money, a stop or a higher limit is what is left."
        return _leverage(mode, Verdict.UNREACHABLE, (text, left), rows)
    text = (
        f"In {mode.value} at {times(lowest)}, the lowest that was tried, the chance of a liquidation is "
        f"{went(played)}: the interval does not lie within your limit of {limit}."
    )
    wider = "Whether any leverage keeps it the run does not tell; more paths would narrow the intervals."
    return _leverage(mode, Verdict.EITHER, (text, wider), rows)


def _highest(desk: Desk, mode: PlanMode, rows: Rows, firm: int, judged: Sequence[Verged]) -> Finding:
    """The first `firm` rows are within the limit: the last of them, or for the careful the lowest that the run does not tell
    from it."""
    limit, profile = percent_of(desk.profile.limit), desk.profile
    most, cap = rows[firm - 1]
    sentences = [
        f"In {mode.value} {times(most)} is the highest leverage that was tried whose chance of a liquidation within "
        f"{days(desk.horizon_days)} is surely within your limit of {limit}: {went(cap)}."
    ]
    unsure = [row for row, verdict in zip(rows[firm:], judged[firm:], strict=True) if verdict is Verged.UNSURE]
    beyond = next((row for row, verdict in zip(rows, judged, strict=True) if verdict is Verged.BEYOND), None)
    if unsure:
        told = names([f"{times(leverage)} with {went(played)}" for leverage, played in unsure])
        sentences.append(f"Not told apart from the limit: {told}.")
    if beyond is not None:
        sentences.append(f"{times(beyond[0])} is beyond it with {went(beyond[1])}.")
    if Verged.WITHIN in judged[firm:]:
        sentences.append("Above it the chances do not rise steadily: a higher leverage that seems to keep it is not used.")
    chosen, at = most, cap
    if profile.skill is Skill.BEGINNER or profile.prefer is Prefer.PRESERVATION:
        chosen, at = next(row for row in rows[:firm] if not below(row[1].odds.liquidated, cap.odds.liquidated))
        if chosen != most:
            who = "as a beginner" if profile.skill is Skill.BEGINNER else "with preservation first"
            sentences.append(f"The run does not tell {times(chosen)} from it ({went(at)}); {who} take that.")
    sentences += _tied(desk, mode, chosen, at)
    return _leverage(mode, Verdict.CHOSEN, sentences, rows, f"at most {times(chosen)}")


def _tied(desk: Desk, mode: PlanMode, leverage: Decimal, played: Played) -> list[str]:
    """What a leverage walls off, position by position."""
    if mode is not PlanMode.ISOLATED:
        return []
    told = []
    for holding in desk.evidence.holdings:
        for wall in holding.walls:
            if wall.leverage == leverage:
                line = "no liquidation price" if wall.price is None else f"a liquidation price of {price(wall.price)}"
                name = name_of(holding, desk.evidence.holdings)
                told.append(f"{money(wall.money, holding.asset)} behind {name}, which makes {line}")
    start = money(played.odds.start_equity, desk.unit)
    return [f"It puts {names(told)}, of {start} in all."] if told else []


def margin_findings(desk: Desk, mode: PlanMode) -> list[Finding]:
    """How much smaller the positions, or how much more money, keeps the limit, where the plan as it is does not surely."""
    base = plain(desk, mode)
    limit = float(desk.profile.limit)
    if base is None:
        return []
    of, words = f"in {mode.value}", percent_of(desk.profile.limit)
    now = verged(base.odds.liquidated, limit)
    if now is Verged.WITHIN:
        text = f"As planned in {mode.value}, the chance of a liquidation is {went(base)}: within {words}."
        return [_margin(of, Verdict.CHOSEN, (text,), (base,), "as planned")]
    sizes = sorted(changed(desk, Change.SIZE, mode), key=lambda entry: entry.trial.amount or ONE, reverse=True)
    sums = sorted(
        (e for e in changed(desk, Change.TOP_UP, mode) if not e.trial.of), key=lambda entry: entry.trial.amount or ONE
    )
    if not sizes and not sums:
        return []
    doubt = "beyond" if now is Verged.BEYOND else "not told apart from"
    lead = f"As planned in {mode.value}, the chance of a liquidation is {went(base)}: {doubt} {words}."
    sentences, choice = [lead], []
    size = next((e for e in sizes if verged(e.played.odds.liquidated, limit) is Verged.WITHIN), None)
    if size is not None and size.trial.amount is not None:
        part = percent_of(size.trial.amount)
        sentences.append(f"At {part} of the size it is {went(size.played)}, the largest tried that keeps it.")
        choice.append(f"{part} of the size")
    elif sizes:
        sentences.append(_smallest(sizes[-1]))
    more = next((e for e in sums if verged(e.played.odds.liquidated, limit) is Verged.WITHIN), None)
    if more is not None and more.trial.amount is not None:
        added = money(more.trial.amount, desk.unit)
        sentences.append(f"With {added} more it is {went(more.played)}, the least tried that keeps it.")
        choice.append(f"{added} more")
    elif sums and sums[-1].trial.amount is not None:
        added = money(sums[-1].trial.amount, desk.unit)
        sentences.append(f"With {added} more, the most tried, it is {went(sums[-1].played)}.")
    played = (base, *(e.played for e in sizes), *(e.played for e in sums))
    verdict = Verdict.CHOSEN if choice else Verdict.UNREACHABLE
    unsure = [p for p in played if verged(p.odds.liquidated, limit) is Verged.UNSURE]
    if unsure and not choice:
        verdict = Verdict.EITHER
        told = names([f"{p.label}: {went(p)}" for p in unsure])
        sentences.append(f"Not told apart from your limit, which more paths might do: {told}.")
    return [_margin(of, verdict, sentences, played, " or ".join(choice))]


def _smallest(entry: Entry) -> str:
    part = percent_of(entry.trial.amount or ONE)
    return f"Even at {part} of the size, the smallest tried, it is {went(entry.played)}."


def _margin(of: str, verdict: Verdict, sentences: Sequence[str], played: Sequence[Played], choice: str) -> Finding:
    rests = numbers(played)
    return Finding(topic=Topic.MARGIN, of=of, verdict=verdict, sentences=tuple(sentences), rests_on=rests, choice=choice)


def missed(odds: Odds) -> Interval:
    """Of the paths that reach a stop or a liquidation, the share on which the venue liquidates something all the same. A path
    may see both, so that those paths are at least as many as the more frequent of the two (which makes `value` and `high` upper
    bounds) and at most the sum (`low`). All of it zero where neither was ever reached."""
    stop, gone = odds.stopped_out, odds.liquidated
    worst = max(stop.low, gone.low)
    middle = max(stop.value, gone.value)
    high = 1.0 if worst == 0 < gone.high else 0.0 if worst == 0 else min(gone.high / worst, 1.0)
    most = min(stop.high + gone.high, 1.0)
    return Interval(gone.value / middle if middle else 0.0, gone.low / most if most else 0.0, high)


def stop_findings(desk: Desk, mode: PlanMode) -> list[Finding]:
    """The widest stop that comes before the liquidation with the probability asked for: wider ones are hit less often."""
    rows = by_stop(desk, mode)
    if not rows:
        return []
    wanted = desk.profile.stop_first
    odds_of = [(distance, played, missed(played.odds)) for distance, played in rows]
    good = [row for row in odds_of if verged(row[2], float(1 - wanted)) is Verged.WITHIN]
    of, rests = f"in {mode.value}", numbers([plain(desk, mode), *(played for _, played in rows)])
    if not any(played.odds.stopped_out.value or played.odds.liquidated.value for _, played in rows):
        text = f"In {mode.value} no path reached any of the stops that were tried, nor a liquidation."
        return [Finding(topic=Topic.STOP, of=of, verdict=Verdict.EITHER, sentences=(text,), rests_on=rests)]
    if not good:
        near, at, fails = min(odds_of, key=lambda row: row[2].value)
        text = (
            f"In {mode.value} no stop that was tried surely comes before the liquidation {percent_of(wanted)} of the time: the "
            f"best, {percent_of(near)} from the entry, fails on up to {share(fails.value)} of the paths that reach "
            f"either{ref(at)}."
        )
        unsure = any(verged(row[2], float(1 - wanted)) is Verged.UNSURE for row in odds_of)
        verdict = Verdict.EITHER if unsure else Verdict.UNREACHABLE
        cure = "Lower leverage or more margin moves the liquidation away."
        told = "Whether one does, the run does not tell." if unsure else cure
        return [Finding(topic=Topic.STOP, of=of, verdict=verdict, sentences=(text, told), rests_on=rests)]
    distance, played, fails = good[-1]
    sentences = [
        f"In {mode.value} a stop {percent_of(distance)} from the entry is the widest tried that surely comes before the "
        f"liquidation {percent_of(wanted)} of the time: of the paths that reach either, at most {share(fails.high)} are "
        f"liquidated{ref(played)}.",
        *(_stop_line(desk, holding, distance, mode) for holding in desk.evidence.holdings),
        *_stop_price(desk, mode, played, good[0]),
    ]
    verdict, choice = Verdict.CHOSEN, f"at most {percent_of(distance)} from the entry"
    base = plain(desk, mode)
    if base is not None and _idle(desk, base, played):
        verdict, choice = Verdict.EITHER, "not needed for your limit"
        sentences.append("The limit is kept without a stop, and the run does not tell that a stop lowers the chance any more.")
    return [Finding(topic=Topic.STOP, of=of, verdict=verdict, sentences=tuple(sentences), rests_on=rests, choice=choice)]


def _idle(desk: Desk, base: Played, stopped: Played) -> bool:
    """Whether the limit is surely kept without a stop, and a stop is not seen to help."""
    within = verged(base.odds.liquidated, float(desk.profile.limit)) is Verged.WITHIN
    return within and not below(stopped.odds.liquidated, base.odds.liquidated)


def _stop_line(desk: Desk, holding: Holding, distance: Decimal, mode: PlanMode) -> str:
    """Where the stop of a position stands, and where its liquidation price."""
    at = holding.entry * (ONE - distance if holding.side == "long" else ONE + distance)
    line, name = line_in(holding, mode), name_of(holding, desk.evidence.holdings)
    if line is None:
        return f"For {name} that is {price(at)}; no price of its own liquidates it."
    if (line < holding.mark) is not (holding.side == "long"):
        return f"For {name} that is {price(at)}; the price that liquidates its pool, {price(line)}, lies on the other side."
    before = at > line if holding.side == "long" else at < line
    word = "before" if before else "beyond"
    return f"For {name} that is {price(at)}, {word} the liquidation price {price(line)} of the start."


def _stop_price(desk: Desk, mode: PlanMode, chosen: Played, nearest: tuple[Decimal, Played, Interval]) -> list[str]:
    """What a stop changes and what it costs."""
    base, out = plain(desk, mode), []
    if base is not None:
        better = below(chosen.odds.liquidated, base.odds.liquidated)
        apart = "" if better else ", which the run does not tell apart"
        out.append(
            f"The chance of a liquidation goes from {went(base)} to {went(chosen)}{apart}"
            f"{_kept(desk, chosen)}; in exchange the stop is hit with a chance of {hit(chosen)}."
        )
    if nearest[1] is not chosen:
        often = hit(nearest[1])
        out.append(f"The nearest stop that was tried, {percent_of(nearest[0])}, is hit with a chance of {often}.")
    return out


def _kept(desk: Desk, played: Played) -> str:
    """Whether a stop keeps the limit, where that is sure either way."""
    limit = percent_of(desk.profile.limit)
    words = {Verged.WITHIN: f", within your limit of {limit}", Verged.BEYOND: f", beyond your limit of {limit}"}
    return words.get(verged(played.odds.liquidated, float(desk.profile.limit)), "")


def top_up_findings(desk: Desk, mode: PlanMode) -> list[Finding]:
    """What money added to one position buys: how far its line moves, and what that does to its chance."""
    out = []
    for holding in desk.evidence.holdings:
        entries = [e for e in changed(desk, Change.TOP_UP, mode) if e.trial.of == holding.symbol]
        base = plain(desk, mode)
        before = leg_in(base, holding)
        sentences: list[str] = []
        apart: list[str] = []
        for entry in sorted(entries, key=lambda e: e.trial.amount or ONE):
            after = leg_in(entry.played, holding)
            if before is None or after is None or entry.trial.amount is None:
                continue
            moved = _moved(desk, holding, mode, entry.trial.amount)
            better = below(after.liquidated, before.liquidated)
            told = "" if better else "; the run does not tell the two apart"
            name, added = name_of(holding, desk.evidence.holdings), money(entry.trial.amount, desk.unit)
            if better:
                apart.append(f"{added} lowers its chance to {chance(after.liquidated)}")
            sentences.append(
                f"{added} more for {name} in {mode.value}{moved}; "
                f"its chance of a liquidation goes from {chance(before.liquidated, base)} to "
                f"{chance(after.liquidated, entry.played)}{told}."
            )
        if not sentences:
            continue
        if desk.profile.watch is Watch.UNWATCHED:
            sentences.append("This is money put in at once: while nobody watches, none that is to follow may be relied on.")
        verdict = Verdict.TOLD if apart else Verdict.EITHER
        choice = apart[0] if apart else ""
        rests = numbers((base, *(e.played for e in entries)))
        of, said = f"for {name_of(holding, desk.evidence.holdings)} in {mode.value}", tuple(sentences)
        out.append(Finding(topic=Topic.TOP_UP, of=of, verdict=verdict, sentences=said, rests_on=rests, choice=choice))
    return out


def _moved(desk: Desk, holding: Holding, mode: PlanMode, amount: Decimal) -> str:
    asked = (holding.symbol, mode.value, amount)
    lifts = [lift for lift in desk.evidence.lifts if (lift.symbol, lift.mode, lift.amount) == asked]
    if not lifts:
        return ""
    lift = lifts[0]
    if lift.before is None:
        return " moves no liquidation price, there being none"
    if lift.after is None:
        return f" takes its liquidation price of {price(lift.before)} away"
    away = abs(lift.after / lift.before - ONE)
    return f" moves its liquidation price from {price(lift.before)} to {price(lift.after)}, by {share(float(away))}"
