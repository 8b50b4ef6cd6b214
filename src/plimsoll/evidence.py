"""What advice is made of and what it is: frozen data. Nothing is computed here.

Chances are shares of one; money is in the study's unit; prices are in the instrument's quote.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from plimsoll.studies import Interval, Odds, Study


class Prefer(StrEnum):
    """What weighs more where two choices each have something for them."""

    PRESERVATION = "preservation"
    EFFICIENCY = "efficiency"
    BALANCED = "balanced"


class Watch(StrEnum):
    """Whether somebody looks at the account often enough to act by hand."""

    WATCHED = "watched"
    UNWATCHED = "unwatched"
    UNSAID = "unsaid"


class Skill(StrEnum):
    """A beginner gets terms explained, and the lower of two leverages that the evidence does not separate."""

    BEGINNER = "beginner"
    EXPERIENCED = "experienced"


class Conviction(StrEnum):
    """How sure the trader is of one position. HIGH: what counts is that it stays open. LOW: that its loss is walled off."""

    HIGH = "high"
    LOW = "low"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `limit`: the acceptable chance of a liquidation within the horizon; `stop_first`: with which probability a stop
    is to come before the liquidation; `conviction`: by symbol, where one was stated."""

    limit: Decimal = Decimal("0.05")
    stop_first: Decimal = Decimal("0.95")
    prefer: Prefer = Prefer.BALANCED
    watch: Watch = Watch.UNSAID
    skill: Skill = Skill.EXPERIENCED
    conviction: dict[str, Conviction] = {}


class Change(StrEnum):
    """What was done to the plan before a study. ALONE: one position isolated and all others cross; TOP_UP: money added to one
    position at the start; SIZE: all positions at a share of their size."""

    NONE = "none"
    ALONE = "alone"
    TOP_UP = "top_up"
    SIZE = "size"


class Trial(msgspec.Struct, frozen=True):
    """One study. `of`: the symbol that was changed ('': all); `amount`: money added, or the share of the size."""

    change: Change
    study: Study
    of: str = ""
    amount: Decimal | None = None


class Line(msgspec.Struct, frozen=True):
    """Where a position is liquidated in one mode, the others standing still (None: nowhere)."""

    mode: str
    price: Decimal | None


class Wall(msgspec.Struct, frozen=True):
    """What isolated margin at a leverage puts behind a position, and the liquidation price that this makes."""

    leverage: Decimal
    money: Decimal
    price: Decimal | None


class Lift(msgspec.Struct, frozen=True):
    """What money added does to a position's liquidation price in one mode (None: there is none)."""

    symbol: str
    mode: str
    amount: Decimal
    before: Decimal | None
    after: Decimal | None


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A position at the start. `listed`: its symbol at the venue, where that is another; `value`: at the mark, in `asset`;
    `row`, `rows`: its bracket, counted from 1; `cap`: where that row ends, in `bracket_unit` (None: no bound known);
    `reach`: the position in that unit; `rate`, `next_rate`: maintenance rates of this row and the next; `hourly_volume`: money
    traded in a median hour (None: no history with volume)."""

    symbol: str
    listed: str = ""
    side: str
    mode: str
    asset: str
    leverage: Decimal
    entry: Decimal
    mark: Decimal
    value: Decimal
    lines: tuple[Line, ...]
    walls: tuple[Wall, ...] = ()
    row: int = 1
    rows: int = 1
    bracket_unit: str = "notional"
    reach: Decimal = Decimal(0)
    cap: Decimal | None = None
    rate: Decimal | None = None
    next_rate: Decimal | None = None
    max_leverage: Decimal | None = None
    hourly_volume: Decimal | None = None


class Pair(msgspec.Struct, frozen=True):
    """The correlation of two positions' results: that of the prices, turned where one side is short."""

    first: str
    second: str
    correlation: float


class Together(msgspec.Struct, frozen=True):
    """How much the positions are one. `effective`: (sum of variances)^2 / sum of squared covariances of the positions' results:
    1 when all move as one, their number when they are independent and equally risky. `source`: where it is from."""

    pairs: tuple[Pair, ...]
    effective: float
    source: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that advice may use. The first trial is the plan itself. `assumptions`: sentences that stand beside the advice;
    `left_out`: what could not be tried, and why; `walls_bound`: nothing in the plan adds to what stands behind
    isolated positions."""

    trials: tuple[Trial, ...]
    holdings: tuple[Holding, ...]
    lifts: tuple[Lift, ...] = ()
    together: Together | None = None
    assumptions: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    top_ups_planned: int = 0
    walls_bound: bool = True


class Topic(StrEnum):
    """What a finding is about, in the order in which it is told."""

    MODE = "mode"
    POSITION = "position"
    LEVERAGE = "leverage"
    MARGIN = "margin"
    STOP = "stop"
    TOP_UP = "top_up"
    TOGETHER = "together"
    SIZE = "size"
    HORIZON = "horizon"
    YOU = "you"


class Verdict(StrEnum):
    """What a finding comes to. EITHER: the evidence does not separate the choices; CONFLICT: it does, in opposite ways, and the
    profile does not say which counts; UNREACHABLE: nothing that was tried keeps within the limit."""

    CROSS = "cross"
    ISOLATED = "isolated"
    CHOSEN = "chosen"
    EITHER = "either"
    CONFLICT = "conflict"
    UNREACHABLE = "unreachable"
    TOLD = "told"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of advice. `of`: a symbol, or '' for the account; `choice`: what is recommended, in the smallest form ('' where
    nothing is); `sentences`: every number in them is in the evidence, [n] behind it names the setting it is of; `rests_on`: all
    that were looked at."""

    topic: Topic
    verdict: Verdict
    sentences: tuple[str, ...]
    rests_on: tuple[int, ...]
    of: str = ""
    choice: str = ""


class Played(msgspec.Struct, frozen=True):
    """A setting that was simulated, under the number that findings name it by."""

    number: int
    label: str
    odds: Odds


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. `headline`: the recommendation in one sentence each, with its number in `findings`."""

    name: str
    source: str
    unit: str
    horizon_days: float
    profile: Profile
    headline: tuple[str, ...]
    findings: tuple[Finding, ...]
    played: tuple[Played, ...]
    assumptions: tuple[str, ...]
    left_out: tuple[str, ...]


class Verged(StrEnum):
    """An interval against a limit: wholly at or below it, wholly above it, or on both sides."""

    WITHIN = "within"
    BEYOND = "beyond"
    UNSURE = "unsure"


def verged(interval: Interval, limit: float) -> Verged:
    """Where an interval lies.

    >>> verged(Interval(0.04, 0.03, 0.05), 0.05), verged(Interval(0.06, 0.04, 0.08), 0.05)
    (<Verged.WITHIN: 'within'>, <Verged.UNSURE: 'unsure'>)
    """
    if interval.high <= limit:
        return Verged.WITHIN
    return Verged.BEYOND if interval.low > limit else Verged.UNSURE


def below(one: Interval, other: Interval) -> bool:
    """Whether one estimate is lower than another beyond doubt: the intervals do not overlap."""
    return one.high < other.low
