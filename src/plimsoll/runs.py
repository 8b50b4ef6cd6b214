"""What a comparison returns: plain frozen data that reports print, draw and write. Nothing is computed here.

Money is in `unit` (the account's settle asset) unless a field says otherwise; times are UTC; None means that there is none.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from plimsoll.plan import PlanMode


class Verdict(StrEnum):
    """Whether a leg is liquidated, over all that prices of bars leave open."""

    CERTAINLY = "certainly"
    POSSIBLY = "possibly"
    NOT = "not"


class Happening(msgspec.Struct, frozen=True):
    """One event of a run. `kind`: open, close, fund, funding, borrow, interest (its amount in the unit of the run), repay,
    stop, take_profit, top_up, refuse, cancel, liquidation, convert (a coin sold to repay another), forced_close, take_over,
    deleverage, shortfall, end (the pool holds again). `leg`: printed leg or pool name; `text`: a sentence."""

    time: datetime
    kind: str
    leg: str
    text: str
    price: Decimal | None = None
    size: Decimal | None = None
    amount: Decimal | None = None


class Sample(msgspec.Struct, frozen=True):
    """The account at one instant. `headroom`: pool name -> headroom; `liquidation`: leg name -> price (None: none); `level`:
    pool name -> the venue's own ratio (margin level), where it prints one. `owed`, `interest`: asset -> what is owed of it now,
    interest included, and all interest charged since the run began, in coins."""

    time: datetime
    marks: dict[str, Decimal]
    equity: Decimal
    headroom: dict[str, Decimal]
    liquidation: dict[str, Decimal | None]
    level: dict[str, Decimal] = {}
    owed: dict[str, Decimal] = {}
    interest: dict[str, Decimal] = {}


class LegResult(msgspec.Struct, frozen=True):
    """One planned position. `at_risk`: the most it could lose (its own money if isolated, the pool's if cross);
    `liquidated_at` None: it was not liquidated whole. `hit_at`, `hit_price`: when and where the venue first closed any of it.
    `room_at_start`: headroom of its pool when the run began. `planned`: the leg in the account's own words, the same on
    every venue. `pnl`: price profit realised and running, without fees and funding."""

    name: str
    symbol: str
    mode: str
    at_risk: Decimal
    notional_at_start: Decimal
    liquidation_price_at_start: Decimal | None
    liquidated_at: datetime | None
    liquidated_price: Decimal | None
    open_size: Decimal
    pnl: Decimal
    room_at_start: Decimal | None = None
    hit_at: datetime | None = None
    hit_price: Decimal | None = None
    side: str = ""
    planned: str = ""


class Least(msgspec.Struct, frozen=True):
    """The nearest a pool came to its line: headroom, its share of the balance then, and when."""

    pool: str
    headroom: Decimal
    share: Decimal | None
    time: datetime


class Run(msgspec.Struct, frozen=True):
    """One account played once: a venue, a mode, a bar path, a set of readings. `funding`, `interest` > 0: paid by the trader;
    `requirement_at_start`: what the venue demanded of all pools together when the run began; `capital_efficiency`: value
    held at the start per unit of money at risk."""

    venue: str
    mode: PlanMode
    path: str
    readings: dict[str, str]
    unit: str
    start_equity: Decimal
    final_equity: Decimal
    lowest_equity: Decimal
    lowest_equity_at: datetime
    fees: Decimal
    funding: Decimal
    liquidation_cost: Decimal
    insurance_draw: Decimal
    counterparties_draw: Decimal
    deposits: Decimal
    money_at_risk: Decimal
    requirement_at_start: Decimal
    capital_efficiency: Decimal | None
    legs: tuple[LegResult, ...]
    least: tuple[Least, ...]
    happenings: tuple[Happening, ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    interest: Decimal = Decimal(0)


class LeftOut(msgspec.Struct, frozen=True):
    """A fill of a file, or a part of it, that did not come to pass. `place`: where it stands in the file; `size` in contracts;
    `why`: refused (with the `reason`, and the two numbers compared where there are any) or gone (nothing left to close)."""

    place: str
    time: datetime
    symbol: str
    side: str
    size: Decimal
    price: Decimal
    why: str
    reason: str = ""
    message: str = ""
    wanted: Decimal | None = None
    limit: Decimal | None = None
    code: str = ""


class Survival(msgspec.Struct, frozen=True):
    """What a replay of fills adds to its result. `liquidation`: whether anything was liquidated, over all that bars leave open;
    `first_liquidation`: the first forced close of the headline; `without_rules`: the same fills, all of them, as no margin rule
    had touched the account."""

    fills: int
    left_out: tuple[LeftOut, ...]
    liquidation: Verdict
    first_liquidation: Happening | None
    without_rules: Run


class ModeResult(msgspec.Struct, frozen=True):
    """One venue and mode: the headline run (bars synchronised, default readings), the range the bars leave open, and what
    unpublished steps would change. `readings_that_matter`: reading -> the final equity under it, where it differs.
    `survival`: where fills were replayed."""

    venue: str
    mode: PlanMode
    run: Run
    worst: Run | None
    best: Run | None
    verdicts: dict[str, Verdict]
    readings_that_matter: dict[str, Decimal]
    sentence: str = ""
    survival: Survival | None = None


class Standing(msgspec.Struct, frozen=True):
    """One venue and mode beside the others. `first`: the legs that the venue closed first, in whole or in part, from `at` on
    and at `prices`; `done`: when the last of them was gone, where they went in pieces; `later`: those that followed; `cut`:
    of all these, those that were closed only in part; `kept`: those still open at the end. `start`, `left`: equity.
    `demanded`: the requirement at the start as a share of the value held; `lines`: leg -> liquidation price at the start;
    `planned`: the same legs in the account's own words. `why`: one sentence on what made the difference. `funding`, `interest`:
    the cost of carry, > 0 paid by the trader; `lends`: it is worth telling, since on some of these venues money is borrowed."""

    venue: str
    mode: PlanMode
    first: tuple[str, ...]
    at: datetime | None
    prices: tuple[Decimal, ...]
    done: datetime | None
    later: tuple[str, ...]
    cut: tuple[str, ...]
    kept: tuple[str, ...]
    start: Decimal
    left: Decimal
    unit: str
    demanded: Decimal | None
    lines: dict[str, Decimal | None]
    planned: tuple[str, ...]
    why: str
    funding: Decimal = Decimal(0)
    interest: Decimal = Decimal(0)
    lends: bool = False


class VenueNote(msgspec.Struct, frozen=True):
    """What a reader must know of a venue's part: tables used with age and grade, what is left out and why."""

    venue: str
    title: str
    tables: dict[str, str]
    skipped: dict[str, str]
    notes: tuple[str, ...]
    law: str


class Pace(msgspec.Struct, frozen=True):
    """How the frames of all `playings` were gone through: of `frames` in all the array engine passed `passed`, on which nothing
    could happen, and the exact machine decided the others. `why`: why it went alone ('' where it did not)."""

    playings: int
    frames: int
    passed: int
    why: str


class Comparison(msgspec.Struct, frozen=True):
    """The whole answer. `sentences`: three closing sentences; `standings`: the venues side by side, where there are several;
    `stand_in`: symbol -> what stood in for its price; `pace`: which engine went through the prices (None: fills, exactly)."""

    name: str
    about: str
    prices: str
    first: datetime
    last: datetime
    unit: str
    venues: tuple[VenueNote, ...]
    results: tuple[ModeResult, ...]
    sentences: tuple[str, ...]
    standings: tuple[Standing, ...] = ()
    price_notes: tuple[str, ...] = ()
    stand_in: dict[str, str] = {}
    pace: Pace | None = None


class RegimeMap(msgspec.Struct, frozen=True):
    """Which mode ends richer, over the deepest fall of one coin and where it ends. `isolated[i][j]`, `cross[i][j]`: final
    equity after the fall `falls[i]` (0.3: 30 %) and the final price `finals[j]` as a share of the start (1: unchanged)."""

    symbol: str
    unit: str
    falls: tuple[Decimal, ...]
    finals: tuple[Decimal, ...]
    isolated: tuple[tuple[Decimal | None, ...], ...]
    cross: tuple[tuple[Decimal | None, ...], ...]
    marks_of_regimes: dict[str, tuple[Decimal, Decimal]] = {}
