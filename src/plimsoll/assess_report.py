"""Everything `assess` has to say about an account file, as one frozen record: the account as the venue would show it, how
far each line is, what should worry, what was asked. Printing it is another module's matter."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

import msgspec

from plimsoll.account.state import State
from plimsoll.begin import Refusal, begin
from plimsoll.cautions import Caution, cautions, distance
from plimsoll.coin_tables import table_lines
from plimsoll.explain import Explanation, explain
from plimsoll.margin.assess import assess, mark_column
from plimsoll.margin.pools import lay_out
from plimsoll.margin.views import Assessment, LegView
from plimsoll.model import Account, Bracket, Kind, PositionMode
from plimsoll.number import exact, show
from plimsoll.owing import Owing, levels, owings
from plimsoll.plan import Opening, Plan, Skipped
from plimsoll.prices.history import History
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import PoolMargin
from plimsoll.rules.drawing import PoolSpec
from plimsoll.volatility import in_deviations, volatility
from plimsoll.want import Want, read_want, wanted


class Distance(msgspec.Struct, frozen=True):
    """How far a leg's mark is from its liquidation price: as a signed share of the mark, and in daily standard deviations
    where a history allows it (`why` says what is missing)."""

    leg: str
    share: Decimal | None
    deviations: Decimal | None
    daily: Decimal | None
    why: str


class CoinLine(msgspec.Struct, frozen=True):
    """Where the price of a coin behind an account that owes has its line, everything else frozen; both in US dollars, and how
    far that is as a signed share."""

    asset: str
    index: Decimal
    liquidation_price: Decimal
    share: Decimal


class Row(msgspec.Struct, frozen=True):
    """The bracket row a leg stands in, counted from 1, in `unit`. `complete` False: the venue has further rows, which are not
    known; `bracket.cap` None: where the row ends is not known; `level`: the level of its pool at which the
    venue liquidates, where it goes by one and not by the row's rate."""

    leg: str
    number: int
    rows: int
    unit: str
    bracket: Bracket
    complete: bool = True
    level: Decimal | None = None


class AssessReport(msgspec.Struct, frozen=True, kw_only=True):
    """`ratio`: `usage` (the venue's ratio rises to 1 at liquidation) or `cover` (it falls to 1). `tables`: which tables of
    brackets and of coins were used, a line each. `coins`: those that no position is in and no contract is quoted in."""

    name: str
    about: str
    source: str
    rulebook: str
    title: str
    as_of: date | None
    marks: dict[str, Decimal]
    indexes: dict[str, Decimal]
    assessment: Assessment
    ratio: str
    distances: tuple[Distance, ...]
    coins: tuple[CoinLine, ...]
    rows: tuple[Row, ...]
    tables: tuple[str, ...]
    cautions: tuple[Caution, ...]
    refusals: tuple[Refusal, ...]
    explanations: tuple[Explanation, ...]
    wants: tuple[Want, ...]
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    owed: tuple[Owing, ...] = ()


class Question(msgspec.Struct, frozen=True):
    """What is asked beyond the account itself: `explain` a quantity, `want` a liquidation price; and `indexes`, the prices of
    the coins in US dollars (one left out: a stand-in)."""

    explain: str | None = None
    want: str | None = None
    indexes: dict[str, Decimal] | None = None


def assess_report(
    plan: Plan,
    opening: Opening,
    rulebook: Rulebook,
    home: Rulebook,
    marks: Mapping[str, Decimal],
    history: History | None = None,
    question: Question | None = None,
) -> AssessReport:
    """The report of a plan that has been opened under `rulebook`. `home`: the rulebook of the plan's own venue; `marks` and
    `history` in venue symbols. BadInput: a missing mark, a question that cannot be read."""
    asked = question or Question()
    begun = begin(opening, rulebook, marks, asked.indexes)
    account = begun.state.account
    view = assess(account, begun.state.marks, rulebook)
    instruments = [rulebook.instruments[symbol] for symbol in dict.fromkeys(leg.symbol for leg in view.legs)]
    owed = owings(begun.state, rulebook)
    return AssessReport(
        name=plan.name,
        about=plan.about,
        source=plan.source,
        rulebook=rulebook.name,
        title=rulebook.rules.TITLE,
        as_of=rulebook.as_of,
        marks=dict(marks),
        indexes=dict(begun.state.marks.indexes),
        assessment=view,
        ratio=ratio_word(rulebook),
        distances=tuple(_distance(leg, history) for leg in view.legs),
        coins=_coins(view, begun.state, rulebook),
        rows=_rows(view.legs, begun.state, rulebook),
        tables=table_lines(account, instruments, rulebook),
        cautions=cautions(view, account, rulebook, owed),
        refusals=begun.refusals,
        explanations=explain(asked.explain, account, begun.state.marks, rulebook) if asked.explain is not None else (),
        wants=wanted(read_want(asked.want), plan, rulebook, home, marks, asked.indexes) if asked.want is not None else (),
        notes=(*opening.notes, *begun.notes),
        skipped=opening.skipped,
        owed=owed,
    )


def ratio_word(rulebook: Rulebook) -> str:
    """The direction of a venue's ratio, asked of its own rule with a balance of twice the requirement."""
    two, one = Decimal(2), Decimal(1)
    nobody, shared = Account(PositionMode.ONE_WAY, {}), PoolSpec("account", "", False, ())
    ratio = rulebook.rules.venue_ratio(PoolMargin(two, one, one, one, 2 * two), shared, nobody)
    return "usage" if ratio is not None and ratio < 1 else "cover"


def _distance(leg: LegView, history: History | None) -> Distance:
    share = distance(leg)
    if leg.liquidation_price is None:
        return Distance(leg.name, None, None, None, "no price liquidates it")
    if history is None:
        return Distance(leg.name, share, None, None, "no price history was given")
    usual = volatility(history, leg.symbol)
    if usual.daily is None:
        return Distance(leg.name, share, None, None, usual.why)
    return Distance(leg.name, share, in_deviations(leg.liquidation_price, leg.mark, usual.daily), usual.daily, "")


def _coins(view: Assessment, state: State, rulebook: Rulebook) -> tuple[CoinLine, ...]:
    known, indexes = rulebook.instruments, state.marks.indexes
    told = {instrument.quote for instrument in known.values()}
    told |= {known[leg.symbol].base for leg in view.legs if known[leg.symbol].kind is Kind.SPOT}
    lines = [(a.asset, a.liquidation_price) for a in view.assets if a.asset in indexes and a.asset not in told]
    with exact():
        return tuple(CoinLine(a, indexes[a], line, line / indexes[a] - 1) for a, line in lines if line is not None)


def _rows(legs: Sequence[LegView], state: State, rulebook: Rulebook) -> tuple[Row, ...]:
    layout = lay_out(state.account, rulebook)
    with exact():
        found = levels(layout, mark_column(layout, state.marks.marks, state.marks.indexes), state.account, rulebook)
    return tuple(_row(leg, found[leg.pool].line, rulebook) for leg in legs)


def _row(leg: LegView, level: Decimal | None, rulebook: Rulebook) -> Row:
    instrument = rulebook.instruments[leg.symbol]
    brackets, age = instrument.brackets, rulebook.ages.get(leg.symbol)
    complete = age is None or age.brackets.complete
    unit, row = instrument.bracket_unit, brackets[leg.bracket]
    return Row(leg.name, leg.bracket + 1, len(brackets), unit, row, complete, level)


def to_json(report: AssessReport) -> dict[str, object]:
    """The report as plain data: amounts as fixed-point text at full precision, dates as ISO text."""
    plain = _plain(report)
    assert isinstance(plain, dict)
    return plain


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return {field.name: _plain(getattr(value, field.name)) for field in msgspec.structs.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return show(value)
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date | datetime) else value
