"""Several venues and one account: who was liquidated first where, what was left, and what made the difference.

Everything here is read off runs that were played; a sentence states causes only that the runs hold (what was demanded and
what stood behind the positions when they began)."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from plimsoll.number import ZERO, exact, show
from plimsoll.runs import LegResult, ModeResult, Run, Standing
from plimsoll.sentences import amount, names, price


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
    gone = [leg for leg in run.legs if leg.liquidated_at is not None]
    times = [leg.liquidated_at for leg in gone if leg.liquidated_at is not None]
    at = min(times, default=None)
    return Standing(
        venue=result.venue,
        mode=result.mode,
        first=tuple(leg.name for leg in gone if leg.liquidated_at == at),
        at=at,
        prices=tuple(leg.liquidated_price for leg in gone if leg.liquidated_at == at and leg.liquidated_price is not None),
        later=tuple(leg.name for leg in gone if leg.liquidated_at != at),
        kept=tuple(leg.name for leg in run.legs if leg.open_size != 0),
        left=run.final_equity,
        unit=run.unit,
        demanded=demanded(run),
        lines={leg.name: leg.liquidation_price_at_start for leg in run.legs},
        why=_own(result) if result is lead else _difference(result, lead),
    )


def demanded(run: Run) -> Decimal | None:
    """What the venue required at the start, as a share of the value then held; None where nothing was held yet."""
    value = sum((leg.notional_at_start for leg in run.legs), ZERO)
    return run.requirement_at_start / value if value > 0 and run.requirement_at_start > 0 else None


def _rate(share: Decimal) -> str:
    return f"{show(share * 100, 3)} %"


def _fallen(run: Run) -> int | None:
    """Which leg went first, by its place in the plan; of several at one moment the one that had lost most."""
    gone = [(leg.liquidated_at, leg.pnl, n) for n, leg in enumerate(run.legs) if leg.liquidated_at is not None]
    return min(gone)[2] if gone else None


def _own(result: ModeResult) -> str:
    """What the leading venue asks for, in one sentence."""
    run = result.run
    rate = demanded(run)
    asks = "held nothing when it began" if rate is None else f"demanded {_rate(rate)} of the positions' value when they began"
    return f"{result.venue} {asks}, with {amount(run.money_at_risk, run.unit)} behind them{_line(run)}."


def _line(run: Run) -> str:
    leg = _leg(run, _fallen(run))
    if leg is None or leg.liquidation_price_at_start is None:
        return ""
    return f", which put the line of {leg.name} at {price(leg.liquidation_price_at_start)}"


def _leg(run: Run, at: int | None) -> LegResult | None:
    return run.legs[at] if at is not None and at < len(run.legs) else None


def _difference(result: ModeResult, lead: ModeResult) -> str:
    """One sentence: what this venue asked for beside the leading one, what that did to the line, and how it ended."""
    causes = _causes(result, lead)
    moved = _moved(result.run, lead.run)
    return f"{result.venue} {causes}{moved}; {_ended(result.run, lead.run)}."


def _causes(result: ModeResult, lead: ModeResult) -> str:
    here, there = demanded(result.run), demanded(lead.run)
    parts = []
    if here is not None and there is not None:
        beside = " as well" if _rate(here) == _rate(there) else f" where {lead.venue} demanded {_rate(there)}"
        parts.append(f"demanded {_rate(here)} of the positions' value{beside}")
    mine, other = result.run.money_at_risk, lead.run.money_at_risk
    if result.run.unit == lead.run.unit and mine != other:
        parts.append(f"had {amount(mine, result.run.unit)} behind them, not {amount(other, lead.run.unit)}")
    return names(parts) if parts else "began with the same money behind the positions"


def _moved(run: Run, lead: Run) -> str:
    """How the line of the leg that went first lies beside that of the leading venue."""
    at = _fallen(run) if _fallen(run) is not None else _fallen(lead)
    mine, other = _leg(run, at), _leg(lead, at)
    if mine is None or other is None:
        return ""
    here, there = mine.liquidation_price_at_start, other.liquidation_price_at_start
    if here is None or there is None:
        return "" if here == there else f", and {(mine if here is None else other).name} had no line"
    if here == there:
        return f", with the line of {mine.name} at {price(here)} too"
    return f", which put the line of {mine.name} at {price(here)} instead of {price(there)}"


def _ended(run: Run, lead: Run) -> str:
    """Outcome beside the leading venue's: the other legs, the hour, the money."""
    fates, theirs = _fates(run), _fates(lead)
    if fates != theirs:
        gone = [leg.name for leg in run.legs if leg.liquidated_at is not None]
        parts = [f"here {names(gone)} went" if gone else "here nothing was liquidated"]
    else:
        parts = [_sooner(run, lead)] if any(fates) else ["nothing was liquidated on either"]
    gap = run.final_equity - lead.final_equity
    if run.unit != lead.unit:
        parts.append(f"{amount(run.final_equity, run.unit)} were left")
    elif amount(abs(gap), run.unit) == amount(ZERO, run.unit):
        parts.append("as much was left")
    else:
        parts.append(f"{amount(abs(gap), run.unit)} {'more' if gap > 0 else 'less'} was left")
    return names(parts)


def _fates(run: Run) -> list[bool]:
    return [leg.liquidated_at is not None for leg in run.legs]


def _sooner(run: Run, lead: Run) -> str:
    mine = min(leg.liquidated_at for leg in run.legs if leg.liquidated_at is not None)
    other = min(leg.liquidated_at for leg in lead.legs if leg.liquidated_at is not None)
    if mine == other:
        return "it went at the same moment"
    gap = mine - other
    return f"it went {_span(abs(gap))} {'later' if gap > timedelta() else 'sooner'}"


def _span(gap: timedelta) -> str:
    seconds = int(gap.total_seconds())
    if seconds < 60:
        return "less than a minute"
    hours, minutes = divmod(seconds // 60, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
