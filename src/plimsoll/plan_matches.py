"""What is said of a plan's instruments at a venue: which one comes nearest to a name, why a venue lacks one, and how many
contracts an amount is. Nothing here knows the plan."""

from collections.abc import Iterable
from decimal import Decimal
from difflib import get_close_matches

from plimsoll.model import Instrument
from plimsoll.number import ZERO, floor_to, show
from plimsoll.rulebook import Rulebook


def near_to(word: str, known: Iterable[str]) -> str:
    """The known word that comes nearest, as the end of a sentence; nothing where none does."""
    near = get_close_matches(word, list(known), 1, 0.6)
    return f"; did you mean {near[0]}?" if near else ""


def absence(rulebook: Rulebook, known: Instrument) -> str:
    """Why a venue cannot run an instrument: what it says of the symbols that look alike, or that there is none."""
    alike = [s for s in rulebook.gaps if s.replace("-", "").startswith(f"{known.base}{known.quote}")]
    if alike:
        return f"{rulebook.name}: {alike[0]}: {rulebook.gaps[alike[0]]}"
    return f"{rulebook.name} has no {known.kind} contract of {known.base} in {known.quote}"


def contracts(amount: Decimal, instrument: Instrument, notes: list[str]) -> Decimal:
    """Coins or face as contracts, down to the lot."""
    size = amount / instrument.multiplier
    if instrument.lot is None:
        return size
    whole = floor_to(size, instrument.lot)
    if whole != size:
        unit = instrument.base if instrument.kind == "linear" else instrument.quote
        kept = show(whole * instrument.multiplier)
        notes.append(
            f"{instrument.symbol} trades in steps of {show(instrument.lot * instrument.multiplier)} {unit}: "
            f"{show(amount)} became {kept}."
        )
    return whole


def too_small(size: Decimal, instrument: Instrument) -> str:
    """Why a position is left out that rounds to nothing."""
    step = show((instrument.lot or ZERO) * instrument.multiplier)
    return f"{show(size)} is less than one step of {instrument.symbol}, {step}"
