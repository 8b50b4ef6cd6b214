"""What a simulation returns: plain frozen data that reports print, draw and write, and that advice is made of. Nothing is
computed here.

Money is in the study's unit; days count from the start; an `Interval` holds 95 times in 100. None means that there is none.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from plimsoll.plan import PlanMode


class Stopped(StrEnum):
    """Why no more paths were walked: as many as asked for, the interval is as narrow as asked for, or the user broke off."""

    PATHS = "paths"
    INTERVAL = "interval"
    INTERRUPTED = "interrupted"


class Interval(msgspec.Struct, frozen=True):
    """An estimate and the bounds of its 95 % confidence interval."""

    value: float
    low: float
    high: float


class Quantiles(msgspec.Struct, frozen=True):
    """`values[i]` is not exceeded by the share `shares[i]` of the paths."""

    shares: tuple[float, ...]
    values: tuple[float, ...]


class Curve(msgspec.Struct, frozen=True):
    """`chances[i]`: the probability that it has happened by `days[i]`."""

    days: tuple[float, ...]
    chances: tuple[Interval, ...]


class Fan(msgspec.Struct, frozen=True):
    """Equity over time: `equity[i]` on day `days[i]`."""

    days: tuple[float, ...]
    equity: tuple[Quantiles, ...]


class Density(msgspec.Struct, frozen=True):
    """A histogram: `shares[i]` of the paths end between `edges[i]` and `edges[i + 1]`."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


class LegOdds(msgspec.Struct, frozen=True):
    """One position. `liquidated`: the venue force-closes any of it within the horizon; `first`: it is the first that goes;
    `median_day`: of the paths on which it goes."""

    name: str
    symbol: str
    side: str
    mode: str
    notional: float
    liquidation_price: float | None
    liquidated: Interval
    first: Interval
    median_day: float | None


class Setting(msgspec.Struct, frozen=True):
    """What was played: a venue, a division into modes, and what was varied. `leverage` None: as the file has it; `stop`: the
    distance of a stop from the entry, as a share (None: the file's own orders); `split`: share of the wallet given to isolated
    walls (None: as the file or the leverage says)."""

    venue: str
    mode: PlanMode
    leverage: Decimal | None = None
    stop: Decimal | None = None
    split: Decimal | None = None


class Odds(msgspec.Struct, frozen=True, kw_only=True):
    """One setting on all paths. `ruined`: less than a hundredth of the starting equity is left; `value_at_risk`,
    `expected_shortfall`: loss against the start that 5 % of the paths exceed, and their mean loss; `funding` > 0: paid, the
    mean; `forced`: mean fees and penalties of forced closes; `shortfall`: mean loss beyond the account, others'; `added`: the
    mean of what top-ups brought from outside, which all that is told of equity is without;
    `stopped_out`: a stop or take-profit of the account has closed something. `close_calls` paths were too close to call and
    were replayed by the exact engine, on `handed` paths it decided single steps."""

    setting: Setting
    paths: int
    start_equity: float
    money_at_risk: float
    notional: float
    liquidated: Interval
    ruined: Interval
    stopped_out: Interval
    by_day: Curve
    legs: tuple[LegOdds, ...]
    days_to_liquidation: Quantiles | None
    final_mean: Interval
    final_equity: Quantiles
    final_density: Density
    lowest_equity: Quantiles
    value_at_risk: float
    expected_shortfall: float
    fees: float
    funding: float
    forced: float
    shortfall: float
    fan: Fan
    close_calls: int
    handed: int
    added: float = 0.0


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """All settings on the same paths. `model`: sentences on what prices are made of; `refused`: settings that a venue does not
    allow, with the reason; `digest`: of the law and the model."""

    plan: str
    source: str
    unit: str
    model: tuple[str, ...]
    seed: int
    horizon_days: float
    step_seconds: float
    paths_wanted: int
    stopped: Stopped
    odds: tuple[Odds, ...]
    refused: tuple[tuple[Setting, str], ...] = ()
    notes: tuple[str, ...] = ()
    digest: str = ""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """How much to simulate. `width`: stop when the interval of every setting's liquidation probability is narrower than this;
    `threads` 0: as many as there are cores; `points`: days told of a curve; `straight`: prices move straight between steps, and
    nothing between them is seen."""

    horizon_seconds: float
    paths: int = 20_000
    seed: int = 1
    width: float | None = None
    threads: int = 0
    points: int = 40
    straight: bool = False
