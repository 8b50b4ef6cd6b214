"""Which engine goes through a history: the exact machine alone, or, on a long one, with the array engine ahead of it.

The numbers are the same either way; only what is on the way of finding them is not. The array engine is not even imported for a
short history: its rules are machine code, which costs seconds to make the first time.
"""

from collections.abc import Sequence
from enum import StrEnum
from importlib.util import find_spec

from plimsoll.account.state import Venue
from plimsoll.play import Scout
from plimsoll.prices.history import History
from plimsoll.prices.paths import BarPath
from plimsoll.runs import Pace
from plimsoll.tape import Played, Unit

LONG = 5_000
"""Frames from which the array engine goes ahead. Fourteen playings of two coins then take 24 seconds exactly and 8 with it, and
6 to 12 more where a venue's machine code has to be made first. Below, more of the frames carry a sample, which leaves less to
pass: at 1,500 all of them do."""


class Engine(StrEnum):
    """AUTO: the array engine goes ahead on long histories, where it is installed. EXACT: every frame is decided."""

    AUTO = "auto"
    EXACT = "exact"


class Counter:
    """What became of the frames of all playings."""

    def __init__(self, engine: Engine, history: History) -> None:
        self.why = _why(engine, history)
        self.playings = self.frames = self.passed = 0

    def pace(self) -> Pace:
        """What there is to tell."""
        return Pace(self.playings, self.frames, self.passed, self.why)


def _why(engine: Engine, history: History) -> str:
    """Why the exact machine goes alone; '' where it does not."""
    if engine is Engine.EXACT:
        return "as asked for"
    if len(history.frames) < LONG:
        return f"below {LONG:,} frames that is fastest"
    return "" if find_spec("numba") is not None else "the array extra, which passes quiet frames, is not installed"


class Lead:
    """Who goes ahead on one history, for any venue that plays it."""

    def __init__(self, counter: Counter, history: History) -> None:
        self.counter = counter
        self.history = history
        self._charted: Sequence[object] = ()

    def scout(self, venue: Venue, path: BarPath, unit: Unit) -> Scout | None:
        """The scout of one playing; None: the exact machine goes alone."""
        if self.counter.why:
            return None
        from plimsoll.scout import Ahead, Charted

        if not self._charted:
            self._charted = (Charted(self.history),)
        charted = self._charted[0]
        assert isinstance(charted, Charted)
        return Ahead(charted, venue, path, unit)

    def count(self, played: Played) -> Played:
        """The same; its frames are counted."""
        self.counter.playings += 1
        self.counter.frames += len(self.history.frames)
        self.counter.passed += played.passed
        return played
