"""Times from text: always aware, always UTC. A clock time without a zone is refused, not guessed; a plain date is
midnight UTC."""

import re
from datetime import UTC, date, datetime, timedelta

from plimsoll.errors import BadInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EARLIEST_MS = 100_000_000_000
"""Below this (1973 in milliseconds) an epoch number is surely in seconds."""
_LATEST_MS = 10_000_000_000_000
"""From this on (2286 in milliseconds) an epoch number is surely in micro- or nanoseconds."""


def parse_time(text: object, field: str, source: str = "input") -> datetime:
    """UTC time from an ISO 8601 date or datetime with a zone (text, or TOML's own); else BadInput naming `field`.

    >>> parse_time("2025-10-10", "--from").isoformat(), parse_time("2025-10-10T23:20+02:00", "--from").isoformat()
    ('2025-10-10T00:00:00+00:00', '2025-10-10T21:20:00+00:00')
    """
    when = _read(text.strip() if isinstance(text, str) else text)
    if when is None:
        raise BadInput(source, field, text, "write a date or time such as 2025-10-10 or 2025-10-10T21:00:00Z")
    if isinstance(when, datetime) and when.tzinfo is None:
        raise BadInput(source, field, text, "say the zone: add Z for UTC, as in 2025-10-10T21:00:00Z")
    if not isinstance(when, datetime):
        return datetime(when.year, when.month, when.day, tzinfo=UTC)
    try:
        return when.astimezone(UTC)
    except OverflowError:
        raise BadInput(source, field, text, "give a year between 1 and 9999") from None


def parse_end(text: object, field: str, source: str = "input") -> datetime:
    """As `parse_time`, but a plain date means through the end of that day: midnight of the next.

    >>> parse_end("2025-10-12", "--to").isoformat(), parse_end("2025-10-12T06:00Z", "--to").isoformat()
    ('2025-10-13T00:00:00+00:00', '2025-10-12T06:00:00+00:00')
    """
    when = parse_time(text, field, source)
    whole_day = _is_date(_read(text.strip() if isinstance(text, str) else text))
    if whole_day and when.date() == date.max:
        raise BadInput(source, field, text, "no day comes after that one; name an earlier day")
    return when + timedelta(days=1) if whole_day else when


def parse_milliseconds(text: str, field: str, source: str) -> int:
    """Milliseconds since 1970 from such a number itself, or from an ISO 8601 time."""
    if re.fullmatch(r"\d{9,}", text):
        value = int(text)
        if not _EARLIEST_MS <= value < _LATEST_MS:
            raise BadInput(source, field, text, "epoch times count milliseconds, 13 digits")
        return value
    return milliseconds(parse_time(text, field, source))


def parse_step(text: object, field: str, source: str) -> int:
    """Seconds of a step such as 30m, 1h, 4h or 1d."""
    found = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text) if isinstance(text, str) else None
    if found is None:
        raise BadInput(source, field, text, "write a whole number and s, m, h or d, such as 30m, 1h, 4h, 1d")
    return int(found[1]) * _SECONDS[found[2]]


def milliseconds(time: datetime) -> int:
    """Milliseconds from 1970 to an aware time, rounded down."""
    return (time - EPOCH) // timedelta(milliseconds=1)


def moment(count: int) -> datetime:
    """The UTC time `count` milliseconds after 1970."""
    return EPOCH + timedelta(milliseconds=count)


def show_moment(count: int) -> str:
    """`moment` as a person writes it: 2025-10-10 21:00, seconds only where there are any."""
    time = moment(count)
    return f"{time:%Y-%m-%d %H:%M}" if count % 60_000 == 0 else f"{time:%Y-%m-%d %H:%M:%S}"


def show_span(first: int, last: int) -> str:
    """From one moment to another, or at it where they are the same."""
    return f"at {show_moment(first)}" if first == last else f"from {show_moment(first)} to {show_moment(last)}"


def _read(value: object) -> date | None:
    """A date or datetime as it stands, or None."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value) if _is_date_text(value) else datetime.fromisoformat(value)
    except ValueError:
        return None


def _is_date_text(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)
