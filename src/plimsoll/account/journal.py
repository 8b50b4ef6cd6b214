"""The journal: events as lines of JSON, and back. Pure text; where the lines are kept is somebody else's business.

Replay applies what was recorded and never decides again. A line counts only if it is exactly what `encode` writes: so
nothing that was altered, misspelt or added is read over.
"""

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from plimsoll.account.events import Event
from plimsoll.account.state import State, evolve
from plimsoll.errors import JournalCorrupt
from plimsoll.number import show

_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(events: Iterable[Event]) -> bytes:
    """One line an event, in order, each ended by a newline; Decimals as text, digit for digit. b'' for no events."""
    return b"".join(_ENCODER.encode(event) + b"\n" for event in events)


def decode(journal: bytes) -> tuple[Event, ...]:
    """The events of a journal. JournalCorrupt names the first line that is cut off, unreadable or not as written."""
    lines = journal.split(b"\n")
    last = lines.pop()
    if last:
        raise JournalCorrupt(f"line {len(lines) + 1} is cut off: it has no end")
    return tuple(_event(line, number) for number, line in enumerate(lines, 1))


def _event(line: bytes, number: int) -> Event:
    try:
        event = _DECODER.decode(line)
        _plain(event)
    except (msgspec.DecodeError, ValueError) as problem:
        raise JournalCorrupt(f"line {number} is no event: {problem}") from None
    if _ENCODER.encode(event) != line:
        raise JournalCorrupt(f"line {number} is not as an event is written: something in it was altered or added")
    return event


def replay(state: State, events: Iterable[Event]) -> State:
    """The state after the events. JournalCorrupt: an event that does not balance or moves money that is not there."""
    for number, event in enumerate(events, 1):
        try:
            state = evolve(state, event)
        except AssertionError as problem:
            raise JournalCorrupt(f"event {number}: {problem}") from None
    return state


def digest(state: State) -> str:
    """SHA-256 of a state. Equal states give equal digests however their numbers are written (1 and 1.00) and whatever
    the order of their keys."""
    return sha256(_ENCODER.encode(_plain(state))).hexdigest()


def _plain(value: object) -> Any:
    """Frozen data as dicts, lists and text, numbers in their shortest form. ValueError: a number that is not finite."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not an amount")
        return show(value)
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
