"""One day of hourly bars for the player: a fall of 6 % and half of it back, written down here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from bench.accounts import Case
from plimsoll.play import play
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.paths import BarPath
from plimsoll.tape import Played, Unit

START = datetime(2026, 7, 2, tzinfo=UTC)
STEPS = [Decimal(n) for n in (0, -4, -9, -6, -14, -20, -26, -31, -38, -45, -52, -60)]
"""Closes of the first twelve hours, in thousandths of the start; the second twelve take half of it back."""


def day(case: Case) -> Callable[[], Played]:
    """Playing the account of `case` through the day, bars synchronised."""
    closes = [1 + step / 1000 for step in STEPS] + [Decimal("0.94") + Decimal(n) * 5 / 2000 for n in range(1, 13)]
    opens = [Decimal(1), *closes[:-1]]
    frames = tuple(
        Frame(START + timedelta(hours=hour), 3600, {symbol: _bar(mark, a, b) for symbol, mark in case.marks.marks.items()})
        for hour, (a, b) in enumerate(zip(opens, closes, strict=True))
    )
    history = History("bench", tuple(case.marks.marks), frames)
    account = msgspec.structs.replace(case.account)
    return lambda: play(account, (), (), history, case.venue, BarPath.SYNCHRONISED, Unit("USDT", False))


def _bar(mark: Decimal, start: Decimal, end: Decimal) -> Bar:
    high, low = max(start, end) * Decimal("1.003"), min(start, end) * Decimal("0.997")
    return Bar(mark * start, mark * high, mark * low, mark * end)
