"""Several venues and one account: who was liquidated first where, what was left, and what made the difference.

Everything here is read off runs that were played; a sentence states causes only that the runs hold (what was demanded and
what stood behind the positions when they began)."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from plimsoll.number import ZERO, exact, show
from plimsoll.runs import LegResult, ModeResult, Run, Standing
from plimsoll.sentences import amount, names, price

NOTICED = Decimal("0.005")
"""Share by which value and money on two venues may differ without a word: steps of size and opening fees differ."""
MUCH = Decimal("0.1")
"""The same of what holding costs: one payment more or less is none."""


def standings(results: Sequence[ModeResult]) -> tuple[Standing, ...]:
    """One line per venue and mode, modes together, the first venue leading; empty where there is one venue only."""
    if len({result.venue for result in results}) < 2:
        return ()
    modes = dict.fromkeys(result.mode for result in results)
    with exact():
        return tuple(
            _standing(result, next(r for r in results if r.mode is mode))
            for mode in modes
            for result in results
            if result.mode is mode
        )


def _standing(result: ModeResult, lead: ModeResult) -> Standing:
    run = result.run
    hit = sorted((leg for leg in run.legs if leg.hit_at is not None), key=_moment)
    first = [leg for leg in hit if leg.hit_at == hit[0].hit_at]
    gone = [leg.liquidated_at for leg in first if leg.liquidated_at is not None]
    last = max(gone) if gone else None
    return Standing(
        venue=result.venue,
        mode=result.mode,
        first=tuple(leg.name for leg in first),
        at=first[0].hit_at if first else None,
        prices=tuple(leg.hit_price for leg in first if leg.hit_price is not None),
        done=last if first and last != first[0].hit_at else None,
        later=tuple(leg.name for leg in hit if leg not in first),
        cut=tuple(leg.name for leg in hit if leg.liquidated_at is None),
        kept=tuple(leg.name for leg in run.legs if leg.open_size != 0),
        start=run.start_equity,
        left=run.final_equity,
        unit=run.unit,
        demanded=demanded(run),
        lines={leg.name: leg.liquidation_price_at_start for leg in run.legs},
        planned=tuple(leg.planned for leg in run.legs),
        why=_own(result) if result is lead else _difference(result, lead),
        funding=run.funding,
        interest=run.interest,
        fees=run.fees,
    )


def _moment(leg: LegResult) -> str:
    """When the venue first closed some of a leg, as text that sorts; those that it left alone come last."""
    return "~" if leg.hit_at is None else leg.hit_at.isoformat()


def _value(run: Run) -> Decimal:
    """What the positions were worth when they began."""
    return sum((leg.notional_at_start for leg in run.legs), ZERO)


def demanded(run: Run) -> Decimal | None:
    """What the venue required at the start, as a share of the value then held; None where nothing was held yet."""
    value = _value(run)
    return run.requirement_at_start / value if value > 0 and run.requirement_at_start > 0 else None


def _rate(share: Decimal) -> str:
    return f"{show(share * 100, 3)} %"


def _first_hit(run: Run) -> LegResult | None:
    """The leg that the venue closed first; of several at one moment the one that had lost most."""
    hit = [leg for leg in run.legs if leg.hit_at is not None]
    return min(hit, key=lambda leg: (_moment(leg), leg.pnl), default=None)


def _same(run: Run, leg: LegResult | None) -> LegResult | None:
    """The leg of another run that is the same in the account."""
    return None if leg is None else next((other for other in run.legs if other.planned == leg.planned), None)


def _own(result: ModeResult) -> str:
    """What the leading venue asks for, in one sentence."""
    run = result.run
    rate = demanded(run)
    asks = "held nothing when it began" if rate is None else f"demanded {_rate(rate)} of the positions' value when they began"
    leg = _first_hit(run)
    known = leg is not None and leg.liquidation_price_at_start is not None and leg.room_at_start is not None
    line = f"; {_room(leg, run)}" if leg is not None and known else ""
    return f"{result.venue} {asks}, with {amount(run.money_at_risk, run.unit)} behind them{line}."


def _room(leg: LegResult, run: Run) -> str:
    """How far a leg was from its line when the run began, in money and in price."""
    assert leg.liquidation_price_at_start is not None
    assert leg.room_at_start is not None
    room, line = amount(leg.room_at_start, run.unit), price(leg.liquidation_price_at_start)
    return f"{leg.name} could lose {room} before its line at {line}{_alone(leg, run)}"


def _alone(leg: LegResult, run: Run) -> str:
    """A line in a shared pool supposes that the other prices stand still."""
    shared = {other.symbol for other in run.legs if other.mode == leg.mode == "cross"}
    return ", other prices unmoved" if len(shared) > 1 else ""


def _difference(result: ModeResult, lead: ModeResult) -> str:
    """One sentence: what this venue asked for beside the leading one, where that left the line, and how it ended."""
    return f"{result.venue} {_causes(result, lead)}{_moved(result.run, lead.run)}; {_ended(result.run, lead.run)}."


def _causes(result: ModeResult, lead: ModeResult) -> str:
    run, other = result.run, lead.run
    here, there = demanded(run), demanded(other)
    parts = []
    absent = [leg.planned for leg in other.legs if _same(run, leg) is None]
    if absent:
        parts.append(f"played without {names(absent)}")
    if here is not None and there is not None:
        beside = " as well" if _rate(here) == _rate(there) else f" where {lead.venue} demanded {_rate(there)}"
        parts.append(f"demanded {_rate(here)} of the positions' value{beside}")
    if run.unit == other.unit and amount(run.start_equity, run.unit) != amount(other.start_equity, run.unit):
        parts.append(f"counted {amount(run.start_equity, run.unit)} of the account, not {amount(other.start_equity, run.unit)}")
    value, other_value = _value(run), _value(other)
    if not absent and run.unit == other.unit and abs(value - other_value) > NOTICED * other_value:
        parts.append(f"held {amount(value, run.unit)} of positions, not {amount(other_value, run.unit)}")
    mine, theirs = run.money_at_risk, other.money_at_risk
    told = (mine, theirs) == (run.start_equity, other.start_equity)
    if run.unit == other.unit and not told and abs(mine - theirs) > NOTICED * theirs:
        parts.append(f"had {amount(mine, run.unit)} behind them, not {amount(theirs, run.unit)}")
    if any(abs(a - b) > MUCH * max(abs(a), abs(b)) for a, b in ((run.interest, other.interest), (run.funding, other.funding))):
        parts.append(f"{_carry(run)}, where {lead.venue} {_carry(other)}")
    return names(parts) if parts else "began with the same money behind the positions"


def _carry(run: Run) -> str:
    """What holding it cost by the clock."""
    kinds = ((run.interest, "interest"), (run.funding, "funding"))
    parts = [f"{amount(abs(paid), run.unit)} of {word}" for paid, word in kinds if paid]
    if not parts:
        return "cost nothing to hold"
    return f"cost {names(parts)}" if run.interest + run.funding > 0 else f"brought {names(parts)}"


def _moved(run: Run, lead: Run) -> str:
    """How far the leg that went first was from its line, beside the same leg of the leading venue."""
    mine = _first_hit(run) or _same(run, _first_hit(lead))
    other = _same(lead, mine)
    if mine is None or other is None:
        return ""
    here, there = mine.liquidation_price_at_start, other.liquidation_price_at_start
    if here is None or there is None:
        return "" if here == there else f"; {(mine if here is None else other).name} had no line"
    if price(here) == price(there):
        return f"; the line of {mine.name} lay at {price(here)} on both"
    if mine.room_at_start is None or other.room_at_start is None:
        return f"; the line of {mine.name} lay at {price(here)}, not {price(there)}"
    room = amount(other.room_at_start, lead.unit)
    if amount(mine.room_at_start, run.unit) == room:
        return f"; the line of {mine.name} lay at {price(here)}{_alone(mine, run)}, not at {price(there)}"
    return f"; {_room(mine, run)}, not {room} before {price(there)}"


def _ended(run: Run, lead: Run) -> str:
    """Outcome beside the leading venue's: the other legs, the hour, the money."""
    fates = _fates(run)
    if fates != _fates(lead):
        parts = [f"here {_lost(run)}"]
    else:
        parts = [_sooner(run, lead)] if any(fates.values()) else ["nothing was liquidated on either"]
    gap = run.final_equity - lead.final_equity
    start, left = amount(run.start_equity, run.unit), amount(run.final_equity, run.unit)
    if start != amount(lead.start_equity, lead.unit) or set(fates) != set(_fates(lead)):
        parts.append(f"{left} of {start} were left")
    elif left == amount(lead.final_equity, lead.unit):
        parts.append("as much was left")
    else:
        parts.append(f"{amount(abs(gap), run.unit)} {'more' if gap > 0 else 'less'} was left")
    return names(parts)


def _fates(run: Run) -> dict[str, str]:
    """Leg in the account's words -> what the venue did with it; '' where it left it alone."""
    return {leg.planned: "" if leg.hit_at is None else "went" if leg.liquidated_at is not None else "cut" for leg in run.legs}


def _lost(run: Run) -> str:
    gone = [leg.name for leg in run.legs if leg.liquidated_at is not None]
    cut = [leg.name for leg in run.legs if leg.liquidated_at is None and leg.hit_at is not None]
    parts = [f"{names(gone)} went"] if gone else []
    parts += [f"{names(cut)} {'was' if len(cut) == 1 else 'were'} closed in part"] if cut else []
    return ", ".join(parts) or "nothing was liquidated"


def _sooner(run: Run, lead: Run) -> str:
    mine = min(leg.hit_at for leg in run.legs if leg.hit_at is not None)
    other = min(leg.hit_at for leg in lead.legs if leg.hit_at is not None)
    if mine == other:
        return "the first liquidation came at the same moment"
    gap = mine - other
    return f"the first liquidation came {_span(abs(gap))} {'later' if gap > timedelta() else 'sooner'}"


def _span(gap: timedelta) -> str:
    seconds = int(gap.total_seconds())
    if seconds < 60:
        return "less than a minute"
    hours, minutes = divmod(seconds // 60, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
