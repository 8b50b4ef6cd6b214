"""Prices as frozen data: bars, frames that hold all symbols of one time, and the history a run is played on.

Prices are in the instrument's quote asset, times are UTC. Nothing here reads a file or fills a gap: a symbol without a
bar is absent from its frame.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec


class Meaning(StrEnum):
    """What a file's plain `open, high, low, close` columns are."""

    TRADE = "trade"
    MARK = "mark"
    SPOT = "spot"


class Bar(msgspec.Struct, frozen=True, gc=False):
    """One symbol over one span of time. `open` .. `close`: trade prices; `mark_*`: None where the source has none."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    mark_open: Decimal | None = None
    mark_high: Decimal | None = None
    mark_low: Decimal | None = None
    mark_close: Decimal | None = None


class Frame(msgspec.Struct, frozen=True):
    """All bars that open at `time` (UTC) and last `seconds` (0: an instant). `funding`: symbol -> rate charged at
    `time`; a positive rate is paid by longs to shorts."""

    time: datetime
    seconds: int
    bars: dict[str, Bar]
    funding: dict[str, Decimal] = {}


class History(msgspec.Struct, frozen=True):
    """Frames in rising time. `notes`: gaps and oddities, a sentence each. `stand_in`: symbol -> what its prices really
    are, where they are not its own. `still`: coins whose price stands still, as given."""

    source: str
    symbols: tuple[str, ...]
    frames: tuple[Frame, ...]
    notes: tuple[str, ...] = ()
    stand_in: dict[str, str] = {}
    still: tuple[str, ...] = ()
