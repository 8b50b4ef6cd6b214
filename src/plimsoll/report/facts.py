"""What a report says of a comparison, as text and tone: the one place where numbers become words, for terminal and page.

Nothing is computed beyond differences and sums of what `runs` holds. Text is plain (no markup); times are UTC.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Literal

import msgspec

from plimsoll.number import exact
from plimsoll.plan import PlanMode
from plimsoll.runs import (
    Comparison,
    Happening,
    LeftOut,
    LegResult,
    ModeResult,
    RegimeMap,
    Run,
    Standing,
    Survival,
    VenueNote,
    Verdict,
)

NONE = "none"
DOLLARS = frozenset({"USD", "USDT", "USDC", "FDUSD", "BUSD", "DAI"})
FORCED = frozenset({"liquidation", "convert", "forced_close", "take_over", "deleverage", "shortfall"})
"""Kinds of events in which the venue acted against the trader."""

WORDS = {
    "open": "opened",
    "close": "closed",
    "reduce": "reduced",
    "fund": "wallet",
    "funding": "funding",
    "borrow": "borrowed",
    "interest": "interest",
    "repay": "repaid",
    "stop": "stop",
    "take_profit": "take-profit",
    "limit": "limit filled",
    "top_up": "top-up",
    "refuse": "refused",
    "left_out": "left out",
    "cancel": "cancelled",
    "liquidation": "liquidated",
    "convert": "coin sold",
    "exchange": "coin exchanged",
    "forced_close": "forced close",
    "take_over": "taken over",
    "deleverage": "auto-deleveraged",
    "shortfall": "shortfall",
    "end": "end",
}
CARRY = frozenset({"funding", "interest"})
"""Kinds of small payments that come by the clock."""
MODES = {PlanMode.CROSS: "cross", PlanMode.ISOLATED: "isolated", PlanMode.AS_GIVEN: "as given"}


class Cell(msgspec.Struct, frozen=True):
    """One quantity of one mode. `tone`: "good", "bad", "warn" or "" (neutral); `detail`: the smaller second part."""

    text: str
    tone: str = ""
    detail: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """One line of an event log; a run of funding payments is one line."""

    time: str
    what: str
    leg: str
    price: str
    text: str
    tone: str = ""


def places(unit: str) -> int:
    """Decimals that money in `unit` is printed with: cents for dollars, six for coins."""
    return 2 if unit in DOLLARS else 6


def money(value: Decimal | None, unit: str) -> str:
    """An amount with thousands separators; more decimals where two would print a small amount as nothing."""
    if value is None:
        return "-"
    digits = places(unit)
    with exact():
        usual, fine = f"{value:,.{digits}f}", f"{value:,.{digits + 4}f}"
    if usual.strip("-0.,"):
        return usual
    return fine if fine.strip("-0.,") else usual.lstrip("-")


def signed(value: Decimal | None, unit: str) -> str:
    """As `money`, with a plus where the amount is a gain."""
    text = money(value, unit)
    return f"+{text}" if value is not None and value > 0 else text


def price(value: Decimal | None) -> str:
    """A price with as many decimals as its size asks for; "-" where there is none."""
    if value is None:
        return "-"
    size = abs(value)
    digits = 2 if size >= 100 else 4 if size >= 1 else 6 if size >= Decimal("0.01") else 8
    with exact():
        return f"{value:,.{digits}f}"


def share(value: Decimal | None) -> str:
    """A ratio as per cent."""
    if value is None:
        return "-"
    with exact():
        return f"{value * 100:,.1f} %"


def when(time: datetime) -> str:
    """A UTC time to the minute, to the second where it has seconds."""
    moment = time.astimezone(UTC) if time.tzinfo else time
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment.second else f"{moment:%Y-%m-%d %H:%M}"


def tone(value: Decimal | None) -> str:
    """Good for a gain, bad for a loss."""
    return "" if not value else "good" if value > 0 else "bad"


def change(run: Run) -> Decimal:
    """Final less starting equity, without what was paid in on the way."""
    with exact():
        return run.final_equity - run.start_equity - run.deposits


def summary(result: ModeResult) -> dict[str, Cell]:
    """Quantity -> what one mode made of it, in reading order. Each mode of a comparison has the same quantities."""
    run, unit = result.run, result.run.unit
    cells = {
        **({} if result.survival is None else _of_fills(result, result.survival)),
        "Final equity": Cell(money(run.final_equity, unit), detail=(f"of {money(run.start_equity, unit)} at the start",)),
        "Change": _change(run),
        "Lowest equity": Cell(money(run.lowest_equity, unit), detail=(when(run.lowest_equity_at),)),
        "Nearest to the line": _nearest(run),
        "Liquidated": _liquidated(result),
        "Fees": Cell(money(run.fees, unit)),
        "Funding paid": Cell(money(run.funding, unit), tone(-run.funding)),
        "Liquidation cost": Cell(money(run.liquidation_cost, unit), "bad" if run.liquidation_cost else ""),
        "Insurance draw": Cell(money(run.insurance_draw, unit), "warn" if run.insurance_draw else ""),
    }
    if result.survival is None:
        cells["Money at risk"] = Cell(money(run.money_at_risk, unit), detail=tuple(_at_risk(leg, unit) for leg in run.legs))
        cells["Capital efficiency"] = _efficiency(run)
    if run.interest:
        cells["Interest paid"] = Cell(money(run.interest, unit), "bad")
    if any(sample.owed for sample in run.samples):
        cells["Owed at the end"] = _still_owed(run)
    if run.counterparties_draw:
        cells["Paid by counterparties"] = Cell(money(run.counterparties_draw, unit), "warn")
    if run.deposits:
        cells["Paid in on the way"] = Cell(money(run.deposits, unit))
    return cells


def table(results: Iterable[ModeResult]) -> dict[str, list[Cell]]:
    """Quantity -> one cell per mode, "-" where a mode has no such quantity."""
    columns = [summary(result) for result in results]
    titles = list(dict.fromkeys(title for column in columns for title in column))
    return {title: [column.get(title, Cell("-")) for column in columns] for title in titles}


STANDING_HEADS: dict[str, Literal["left", "right"]] = {
    "mode": "left",
    "venue": "left",
    "liquidated first": "left",
    "then": "left",
    "demanded": "right",
    "carry": "right",
    "left": "right",
}
"""Columns of the table of venues."""


def standing(line: Standing) -> tuple[Cell, ...]:
    """One venue and mode as cells under `STANDING_HEADS`."""
    first = Cell("nothing", "good")
    if line.at is not None:
        at = ", ".join(price(p) for p in line.prices)
        pieces = () if line.done is None else (f"in pieces until {when(line.done)}",)
        first = Cell(" and ".join(_in_part(line, line.first)), "bad", (f"{when(line.at)} @ {at}", *pieces))
    then = [f"{', '.join(_in_part(line, line.later))} too"] if line.later else []
    kept = [_short(line, name) for name in line.kept]
    then += [f"{', '.join(kept)} {'stays' if len(line.kept) == 1 else 'stay'} open"] if line.kept else []
    carry = tuple(word for paid, word in ((line.interest, "interest"), (line.funding, "funding")) if paid)
    share_asked = "-" if line.demanded is None else f"{line.demanded * 100:.3f} %"
    return (
        Cell(MODES[line.mode]),
        Cell(line.venue),
        first,
        Cell("; ".join(then) or "nothing is left open"),
        Cell(share_asked),
        Cell(money(line.funding + line.interest, line.unit), "", carry),
        Cell(f"{money(line.left, line.unit)} {line.unit}", "", (f"of {money(line.start, line.unit)}",)),
    )


FATES = {Verdict.CERTAINLY: ("no", "bad"), Verdict.POSSIBLY: ("perhaps", "warn"), Verdict.NOT: ("yes", "good")}
"""How an account of fills fared, and in which tone."""


def _of_fills(result: ModeResult, survival: Survival) -> dict[str, Cell]:
    """What a replay of fills adds to a mode's quantities."""
    bare, unit = survival.without_rules, result.run.unit
    word, shade = FATES[survival.liquidation]
    low = f"{money(bare.lowest_equity, unit)} at the lowest, {when(bare.lowest_equity_at)}"
    return {
        "Survived?": Cell(word, shade),
        "First refused": _first_refused(survival),
        "First liquidation": _first_liquidation(survival),
        "Left out": _left_out(survival),
        "Without rules": Cell(money(bare.final_equity, unit), detail=(low,)),
    }


def _first_refused(survival: Survival) -> Cell:
    left = next((one for one in survival.left_out if one.why == "refused"), None)
    if left is None:
        return Cell(NONE, "good")
    return Cell(left.place, "warn", (f"{when(left.time)} {left.symbol}: {left.message}", *_both(left)))


def _both(left: LeftOut) -> tuple[str, ...]:
    """The two numbers that a refusal compares, and the venue's own code."""
    code = f" [{left.code}]" if left.code else ""
    if left.wanted is None or left.limit is None:
        return (code.strip(),) if code else ()
    return (f"wanted {price(left.wanted)}, allowed {price(left.limit)}{code}",)


def _first_liquidation(survival: Survival) -> Cell:
    event = survival.first_liquidation
    if event is None:
        return Cell("only on other paths" if survival.liquidation is Verdict.POSSIBLY else NONE, FATES[survival.liquidation][1])
    return Cell(when(event.time), "bad", (f"{event.leg} @ {price(event.price)}", f"({survival.liquidation})"))


def _left_out(survival: Survival) -> Cell:
    refused = sum(left.why == "refused" for left in survival.left_out)
    gone = len(survival.left_out) - refused
    parts = [f"{refused} refused"] if refused else []
    parts += [f"{gone} with nothing left to close"] if gone else []
    return Cell(f"{', '.join(parts) or NONE}", "warn" if parts else "good", (f"of {survival.fills} fills",))


SURVIVAL_HEADS: dict[str, Literal["left", "right"]] = {
    "venue, mode": "left",
    "survived?": "left",
    "first refused": "left",
    "first liquidation": "left",
    "left, without rules": "right",
    "lowest": "right",
    "fees, funding": "right",
}
"""Columns of the table of replays. Below each equity stands what it is without margin rules."""


def survival_line(result: ModeResult) -> tuple[Cell, ...]:
    """One venue and mode as cells under `SURVIVAL_HEADS`."""
    assert result.survival is not None
    run, unit, bare = result.run, result.run.unit, result.survival.without_rules
    cells = _of_fills(result, result.survival)
    left = next((one for one in result.survival.left_out if one.why == "refused"), None)
    refused = cells["First refused"]
    if left is not None:
        refused = Cell(left.place, "warn", (when(left.time), left.reason.replace("_", " "), *_both(left)))
    return (
        Cell(result.venue, detail=(MODES[result.mode],)),
        cells["Survived?"],
        refused,
        cells["First liquidation"],
        Cell(money(run.final_equity, unit), tone(change(run)), (money(bare.final_equity, unit),)),
        Cell(money(run.lowest_equity, unit), detail=(money(bare.lowest_equity, unit),)),
        Cell(money(run.fees, unit), detail=(money(run.funding, unit),)),
    )


def _in_part(line: Standing, legs: Iterable[str]) -> list[str]:
    """Names of legs that were closed, with a word where something of them was left."""
    return [f"{_short(line, name)} (in part)" if name in line.cut else _short(line, name) for name in legs]


def _short(line: Standing, name: str) -> str:
    """A leg's name without the mode that its line of the table tells already."""
    return name if line.mode is PlanMode.AS_GIVEN else name.split("@")[0]


def _change(run: Run) -> Cell:
    moved = change(run)
    with exact():
        paid = run.start_equity + run.deposits
        part = moved / paid if paid else None
    sign = "+" if moved > 0 else ""
    return Cell(signed(moved, run.unit), tone(moved), (f"{sign}{share(part)}",) if part is not None else ())


def _still_owed(run: Run) -> Cell:
    owed = [f"{money(debt, coin)} {coin}" for coin, debt in sorted(run.samples[-1].owed.items())]
    return Cell(owed[0], "", tuple(owed[1:])) if owed else Cell(NONE, "good")


def _efficiency(run: Run) -> Cell:
    if run.capital_efficiency is None:
        return Cell("-")
    return Cell(f"{run.capital_efficiency:,.2f}x", detail=("notional / at risk",))


def pool_name(pool: str) -> str:
    """A pool as a reader knows it: the money that cross positions share, or an isolated position's own wall."""
    return f"shared {pool.removeprefix('asset:')}" if pool.startswith("asset:") else pool


def _nearest(run: Run) -> Cell:
    if not run.least:
        return Cell("-")
    near = min(run.least, key=lambda least: least.headroom if least.share is None else least.share)
    where = f"{pool_name(near.pool)}, {when(near.time)}"
    if near.headroom < Decimal(1).scaleb(-places(run.unit)):
        return Cell("reached it", "bad", (where,))
    danger = near.share is not None and near.share < Decimal("0.1")
    part = () if near.share is None else (f"{share(near.share)} of its balance then",)
    return Cell(money(near.headroom, run.unit), "warn" if danger else "", (*part, where))


def _liquidated(result: ModeResult) -> Cell:
    lines = tuple(filter(None, (_fate(leg, result.verdicts.get(leg.name)) for leg in result.run.legs)))
    hit = sum(leg.liquidated_at is not None for leg in result.run.legs)
    if not lines:
        return Cell(NONE, "good")
    return Cell(f"{hit} of {len(result.run.legs)}", "bad" if hit else "warn", lines)


def _fate(leg: LegResult, verdict: Verdict | None) -> str:
    """How one leg ended, "" where it was safe on every path of the bars."""
    if leg.liquidated_at is not None:
        sure = "" if verdict is None else f" ({verdict})"
        gone = f"{when(leg.liquidated_at)} @ {price(leg.liquidated_price)}{sure}"
        if leg.hit_at in (None, leg.liquidated_at):
            return f"{leg.name}: {gone}"
        assert leg.hit_at is not None
        return f"{leg.name}: in pieces from {when(leg.hit_at)} @ {price(leg.hit_price)} to {gone}"
    if leg.hit_at is not None:
        return f"{leg.name}: closed in part from {when(leg.hit_at)} @ {price(leg.hit_price)}"
    if verdict is Verdict.POSSIBLY:
        return f"{leg.name}: possibly, on another path inside the bars"
    return ""


def _at_risk(leg: LegResult, unit: str) -> str:
    return f"{leg.name}: {money(leg.at_risk, unit)}"


def log(run: Run) -> list[Line]:
    """The events of a run in order; payments of funding, or of interest, that follow each other are one line with their sum."""
    lines: list[Line] = []
    for kind, group in groupby(run.happenings, key=lambda event: event.kind if event.kind in CARRY else ""):
        events = list(group)
        if kind and len(events) > 1:
            lines.append(_carry_line(events, run.unit))
        else:
            lines.extend(_line(event) for event in events)
    return lines


def matters(line: Line) -> bool:
    """Whether a line belongs in a short log: anything but what was paid by the clock as usual."""
    return line.what not in {WORDS[kind] for kind in CARRY}


def _line(event: Happening) -> Line:
    loud = "bad" if event.kind in FORCED else "warn" if event.kind in {"stop", "take_profit", "refuse"} else ""
    level = price(event.price) if event.price is not None else ""
    leg = pool_name(event.leg)
    text = event.text.removeprefix(f"{event.leg}: ").removeprefix(f"{event.leg} ") if event.leg else event.text
    return Line(when(event.time), WORDS.get(event.kind, event.kind), leg, level, text, loud)


def _carry_line(events: list[Happening], unit: str) -> Line:
    with exact():
        total = sum((event.amount for event in events if event.amount is not None), Decimal(0))
    legs = ", ".join(dict.fromkeys(event.leg for event in events if event.leg))
    word = "paid" if total >= 0 else "received"
    until = "" if events[0].time == events[-1].time else f" until {when(events[-1].time)}"
    text = f"{len(events)} payments{until}: {money(abs(total), unit)} {unit} {word} in all"
    return Line(when(events[0].time), WORDS[events[0].kind], legs, "", text)


def decided(result: ModeResult) -> Iterator[str]:
    """What could have made this mode end otherwise: readings of unpublished steps, and the order of prices inside bars."""
    mode, unit = MODES[result.mode], result.run.unit
    final = money(result.run.final_equity, unit)
    hardly = [reading for reading, other in result.readings_that_matter.items() if money(other, unit) == final]
    if hardly:
        yield f"{mode}: with the unpublished step read as {' or '.join(hardly)}, final equity stays at {final} {unit}."
    for reading, other in result.readings_that_matter.items():
        if reading in hardly:
            continue
        yield f"{mode}: with the unpublished step read as {reading}, final equity is {money(other, unit)}, not {final} {unit}."
    open_legs = [name for name, verdict in result.verdicts.items() if verdict is Verdict.POSSIBLY]
    if open_legs:
        yield f"{mode}: the path inside the bars decides whether {', '.join(open_legs)} is liquidated; finer prices would tell."
    if result.worst is None or result.best is None:
        return
    low, high = (money(run.final_equity, unit) for run in (result.worst, result.best))
    if low != high and result.worst.final_equity > result.best.final_equity:
        yield f"{mode}: the path inside the bars leaves final equity between {high} and {low} {unit}."
    elif low != high:
        yield f"{mode}: the path inside the bars leaves final equity between {low} (worst) and {high} {unit} (best)."


def known(results: Iterable[ModeResult]) -> list[str]:
    """`decided` of all modes, or the one sentence that says that nothing was left open."""
    lines = [line for result in results for line in decided(result)]
    return lines or ["No unpublished step and no path inside the bars changes who is liquidated or what is left."]


def remarks(note: VenueNote, results: Iterable[ModeResult]) -> list[str]:
    """Everything else a reader must know of a venue's part, each sentence once."""
    notes = [*note.notes, *(text for result in results for text in result.run.notes)]
    return list(dict.fromkeys(notes))


def sources(comparison: Comparison) -> list[str]:
    """What the prices are, and which prices stand in for others."""
    stood = [f"Stand-in prices: {symbol} uses {other}." for symbol, other in comparison.stand_in.items()]
    return [*stood, *comparison.price_notes]


def prices(comparison: Comparison) -> str:
    """Where the prices come from: a file without its folder, or a script."""
    return comparison.prices.replace("\\", "/").rsplit("/", 1)[-1]


def span(comparison: Comparison) -> str:
    """First and last time of the prices, UTC."""
    return f"{when(comparison.first)} to {when(comparison.last)} UTC"


def pace(comparison: Comparison) -> str:
    """Which engine went through the prices, and how far; '' where there was no choice."""
    told = comparison.pace
    if told is None:
        return ""
    if told.passed == 0:
        alone = f": {told.why}" if told.why else "; the array engine went ahead and found none to pass"
        return f"exact, every frame decided{alone}"
    decided = told.frames - told.passed
    return (
        f"{told.frames:,} frames in {told.playings} playings: the array engine passed {told.passed:,} on which nothing could "
        f"happen, the exact engine decided {decided:,}; --engine exact gives the same numbers"
    )


def of_venue(comparison: Comparison, venue: str) -> tuple[ModeResult, ...]:
    """The results of one venue, in the order they were played."""
    return tuple(result for result in comparison.results if result.venue == venue)


def richer(regime: RegimeMap, row: int, column: int) -> Decimal | None:
    """Isolated less cross final equity of one cell; None where the end would lie below the deepest fall."""
    isolated, cross = regime.isolated[row][column], regime.cross[row][column]
    if isolated is None or cross is None:
        return None
    with exact():
        return isolated - cross
