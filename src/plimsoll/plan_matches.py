"""What is said of an instrument that a venue lacks, or that nobody knows. Nothing here knows the plan."""

from collections.abc import Iterable
from difflib import get_close_matches

from plimsoll.model import Instrument
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
