"""Numbers of a simulation as words: chances with their intervals, money, days, what was played. [n]: of which setting."""

import re
from collections.abc import Sequence
from decimal import Decimal

from plimsoll.evidence import Change, Played, Trial
from plimsoll.number import show
from plimsoll.sentences import amount
from plimsoll.studies import Interval, Setting


def share(value: float) -> str:
    """A share as per cent: one place above 1 %, two digits that matter below.

    >>> share(0.1234), share(0.0034), share(0.0), share(1.0), share(0.9995)
    ('12.3 %', '0.34 %', '0 %', '100 %', '99.95 %')
    """
    hundred = value * 100
    if hundred in (0, 100):
        return f"{hundred:.0f} %"
    if hundred < 1:
        return f"{hundred:.2g} %"
    return f"{hundred:.2f} %" if hundred > 99.9 else f"{hundred:.1f} %"


def ref(played: Played | None) -> str:
    """Which setting a number is from, behind it."""
    return "" if played is None else f" [{played.number}]"


def bare(sentence: str) -> str:
    """A sentence without its references.

    >>> bare("It is 7.4 % [12], within 8 %.")
    'It is 7.4 %, within 8 %.'
    """
    return re.sub(r" \[\d+\]", "", sentence)


def went(played: Played) -> str:
    """The chance that the venue liquidates something."""
    return chance(played.odds.liquidated, played)


def lost(played: Played) -> str:
    """The chance that nearly everything is lost."""
    return chance(played.odds.ruined, played)


def hit(played: Played) -> str:
    """The chance that a stop is reached."""
    return chance(played.odds.stopped_out, played)


def chance(interval: Interval, played: Played | None = None) -> str:
    """An estimate with its interval, and which setting it is from.

    >>> chance(Interval(0.074, 0.069, 0.079))
    '7.4 % (6.9 % to 7.9 %)'
    """
    return f"{share(interval.value)} ({share(interval.low)} to {share(interval.high)}){ref(played)}"


def money(value: float | Decimal, unit: str) -> str:
    """Money for a sentence."""
    return amount(Decimal(repr(value)) if isinstance(value, float) else value, unit)


def days(value: float) -> str:
    """A span of days.

    >>> days(30.0), days(1.0), days(0.25), days(1 / 24)
    ('30 days', '1 day', '6 hours', '1 hour')
    """
    if value < 1:
        return _counted(value * 24, "hour")
    return _counted(value, "day")


def _counted(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}" + ("" if f"{value:.3g}" == "1" else "s")


def times(leverage: Decimal) -> str:
    """A leverage."""
    return f"{show(leverage)}x"


def percent_of(value: Decimal) -> str:
    """A distance or a limit, as it was asked for."""
    return f"{show(value * 100, 4)} %"


def label(trial: Trial, setting: Setting, unit: str) -> str:
    """What was played, in a few words."""
    words = [setting.mode.value.replace("as-given", "as given")]
    if trial.change is Change.ALONE:
        words = [f"{trial.of} isolated, the rest cross"]
    if trial.change is Change.TOP_UP and trial.amount is not None:
        words.append(f"{money(trial.amount, unit)} more{f' for {trial.of}' if trial.of else ''}")
    if trial.change is Change.SIZE and trial.amount is not None:
        words.append(f"{percent_of(trial.amount)} of the size")
    if setting.leverage is not None:
        words.append(times(setting.leverage))
    if setting.stop is not None:
        words.append(f"stop {percent_of(setting.stop)} away")
    if setting.split is not None:
        words.append(f"{percent_of(setting.split)} of the wallet walled off")
    return ", ".join(words)


def numbers(played: Sequence[Played | None]) -> tuple[int, ...]:
    """What a finding rests on, in order, each once."""
    return tuple(dict.fromkeys(p.number for p in played if p is not None))
