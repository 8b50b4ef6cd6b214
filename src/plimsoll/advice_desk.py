"""Finding one's way in the evidence: every played setting under a number, and the odds of a setting or of a position in it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from plimsoll.advice_words import label
from plimsoll.evidence import Change, Evidence, Holding, Played, Profile, Trial
from plimsoll.plan import PlanMode
from plimsoll.studies import LegOdds, Setting


class Entry(NamedTuple):
    """A played setting and the trial it is of."""

    played: Played
    trial: Trial
    setting: Setting


class Desk(NamedTuple):
    """The evidence, laid out. `unit`: of all money; `entries` in the order of their numbers."""

    evidence: Evidence
    profile: Profile
    unit: str
    horizon_days: float
    entries: tuple[Entry, ...]


def lay(evidence: Evidence, profile: Profile) -> Desk:
    """All odds numbered from 1, the plan's own first."""
    entries: list[Entry] = []
    for trial in evidence.trials:
        for odds in trial.study.odds:
            played = Played(len(entries) + 1, label(trial, odds.setting, trial.study.unit), odds)
            entries.append(Entry(played, trial, odds.setting))
    first = evidence.trials[0].study
    return Desk(evidence, profile, first.unit, first.horizon_days, tuple(entries))


def plain(desk: Desk, mode: PlanMode) -> Played | None:
    """The plan in a mode, with nothing varied."""
    own = [e.played for e in desk.entries if e.trial.change is Change.NONE and e.setting.mode is mode and _bare(e.setting)]
    return own[0] if own else None


def changed(desk: Desk, change: Change, mode: PlanMode | None = None) -> tuple[Entry, ...]:
    """The trials of a kind, with nothing else varied; in one mode, or in any."""
    kept = [e for e in desk.entries if e.trial.change is change and _bare(e.setting)]
    return tuple(e for e in kept if mode is None or e.setting.mode is mode)


def by_leverage(desk: Desk, mode: PlanMode) -> tuple[tuple[Decimal, Played], ...]:
    """The plan at other leverages, lowest first."""
    own = [e for e in desk.entries if e.trial.change is Change.NONE and e.setting.mode is mode]
    rows = [(e.setting.leverage, e.played) for e in own if e.setting.stop is None and e.setting.split is None]
    return _rising(rows)


def by_stop(desk: Desk, mode: PlanMode) -> tuple[tuple[Decimal, Played], ...]:
    """The plan with stops at distances, nearest first."""
    own = [e for e in desk.entries if e.trial.change is Change.NONE and e.setting.mode is mode]
    rows = [(e.setting.stop, e.played) for e in own if e.setting.leverage is None and e.setting.split is None]
    return _rising(rows)


def _rising(rows: Sequence[tuple[Decimal | None, Played]]) -> tuple[tuple[Decimal, Played], ...]:
    return tuple(sorted(((value, played) for value, played in rows if value is not None), key=lambda row: row[0]))


def _bare(setting: Setting) -> bool:
    return setting.leverage is None and setting.stop is None and setting.split is None


def leg_in(played: Played | None, holding: Holding) -> LegOdds | None:
    """A position's odds in a setting; None where it was not played."""
    legs = [leg for leg in (() if played is None else played.odds.legs) if leg.symbol in (holding.symbol, holding.listed)]
    sided = [leg for leg in legs if leg.side == holding.side]
    return next(iter(sided if len(legs) > 1 else legs), None)


def name_of(holding: Holding, holdings: Sequence[Holding]) -> str:
    """The symbol, with its side where it is held on both."""
    twins = [h for h in holdings if h.symbol == holding.symbol]
    return f"{holding.symbol} {holding.side}" if len(twins) > 1 else holding.symbol


def line_in(holding: Holding, mode: PlanMode) -> Decimal | None:
    """The liquidation price in a mode, where there is one."""
    return next((line.price for line in holding.lines if line.mode == mode.value), None)
