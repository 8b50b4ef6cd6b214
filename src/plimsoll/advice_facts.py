"""What advice knows of an account at rest: its positions under the venue's tables, liquidation prices in each mode, walls at
each leverage, what added money moves, how the model binds the positions together. The margins are the exact engine's."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from plimsoll.advice_risk import effective_number
from plimsoll.advice_words import share
from plimsoll.begin import begin
from plimsoll.collateral_prices import at_venue_marks
from plimsoll.comparison import Job
from plimsoll.errors import BadInput
from plimsoll.evidence import Holding, Lift, Line, Pair, Together, Wall
from plimsoll.explain import table_line
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.views import Assessment, LegView
from plimsoll.model import LegSide, MarginMode
from plimsoll.plan import Plan, PlanMode, PlannedLeg, leg_side, mode_of, open_plan, symbols_of
from plimsoll.rulebook import Rulebook
from plimsoll.studies import Setting
from plimsoll.variations import varied

if TYPE_CHECKING:
    from plimsoll.model_choice import Modelled


class Ground(NamedTuple):
    """A plan, the rulebook it is played under, that of its own venue, and the prices it starts at (plan symbols)."""

    plan: Plan
    rulebook: Rulebook
    home: Rulebook
    marks: dict[str, Decimal]


class Standing(NamedTuple):
    """A plan at its first prices in one mode. `symbols`: the plan's -> the venue's; `refused`: what the venue refused."""

    view: Assessment
    symbols: dict[str, str]
    refused: tuple[str, ...]


def stand(ground: Ground, setting: Setting, plan: Plan | None = None) -> Standing:
    """The plan as a setting has it, at the first prices. BadInput: a wallet that cannot pay, a mode the venue cannot keep."""
    opening = open_plan(
        varied(ground.plan if plan is None else plan, setting, ground.marks), ground.rulebook, ground.home, setting.mode
    )
    coins = [coin for coin in ground.marks if coin not in symbols_of(ground.plan)]
    marks = {symbol: ground.marks[symbol] for symbol in (*opening.symbols, *coins)}
    begun = begin(opening, ground.rulebook, at_venue_marks(marks, opening, ground.rulebook, "marks"), own=coins)
    view = assess(begun.state.account, begun.state.marks, ground.rulebook, Prices.OWN)
    return Standing(view, opening.symbols, tuple(f"{r.command}: {r.message}" for r in begun.refusals))


def tried(ground: Ground, setting: Setting, plan: Plan | None = None) -> tuple[Standing | None, str]:
    """The plan at rest, or why it cannot stand so."""
    try:
        found = stand(ground, setting, plan)
    except BadInput as problem:
        return None, f"{problem.field}: {problem.cure}"
    opened = [r for r in found.refused if r.startswith("open-")]
    return (None, opened[0]) if opened else (found, "")


def leg_views(ground: Ground, at: Standing, mode: PlanMode) -> dict[PlannedLeg, LegView]:
    """Each planned position's view, where it is open."""
    found = {}
    for planned in ground.plan.positions:
        key = (at.symbols.get(planned.symbol), mode_of(planned.mode, mode), leg_side(ground.plan, planned.side))
        for leg in at.view.legs:
            if (leg.symbol, leg.mode, leg.side) == key:
                found[(planned.symbol, planned.side, planned.mode)] = leg
    return found


def holdings_of(
    ground: Ground, standings: Mapping[PlanMode, Standing], ladder: Sequence[Decimal], volumes: Mapping[str, Decimal]
) -> tuple[Holding, ...]:
    """The positions as they stand, with their lines in each mode and the walls of each leverage."""
    views = {mode: leg_views(ground, at, mode) for mode, at in standings.items()}
    walls = _walls(ground, ladder)
    out = []
    for planned in ground.plan.positions:
        leg_name = (planned.symbol, planned.side, planned.mode)
        seen = [(mode, legs[leg_name]) for mode, legs in views.items() if leg_name in legs]
        if not seen:
            continue
        leg = seen[0][1]
        instrument = ground.rulebook.instruments[leg.symbol]
        rows, number = instrument.brackets, leg.bracket
        after = rows[number + 1] if number + 1 < len(rows) else None
        out.append(
            Holding(
                symbol=planned.symbol,
                listed=leg.symbol,
                side=planned.side.value,
                mode=planned.mode.value,
                asset=leg.asset,
                leverage=leg.leverage,
                entry=leg.entry_price,
                mark=leg.mark,
                value=leg.notional,
                lines=tuple(Line(mode.value, view.liquidation_price) for mode, view in seen),
                walls=walls.get(leg_name, ()),
                row=number + 1,
                rows=len(rows),
                bracket_unit=instrument.bracket_unit,
                reach=leg.notional if instrument.bracket_unit == "notional" else abs(leg.size),
                cap=rows[number].cap if rows else None,
                rate=rows[number].maintenance_rate if rows else None,
                next_rate=None if after is None else after.maintenance_rate,
                max_leverage=leg.max_leverage,
                hourly_volume=volumes.get(planned.symbol),
            )
        )
    return tuple(out)


def _walls(ground: Ground, ladder: Sequence[Decimal]) -> dict[PlannedLeg, tuple[Wall, ...]]:
    """What each leverage walls off behind each position, and the price that makes; only what the wallet can pay for."""
    found: dict[PlannedLeg, tuple[Wall, ...]] = {}
    for leverage in ladder:
        at, _ = tried(ground, Setting(ground.rulebook.name, PlanMode.ISOLATED, leverage))
        if at is not None:
            for name, leg in leg_views(ground, at, PlanMode.ISOLATED).items():
                wall = Wall(leverage, leg.isolated_margin, leg.liquidation_price)
                found[name] = (*found.get(name, ()), wall)
    return found


def lift_of(ground: Ground, mode: PlanMode, symbol: str, amount: Decimal, changed: Plan) -> Lift | None:
    """How far money moves a position's liquidation price; None where either cannot stand."""
    setting = Setting(ground.rulebook.name, mode)
    before, _ = tried(ground, setting)
    after, _ = tried(ground, setting, changed)
    if before is None or after is None:
        return None
    here = [leg for name, leg in leg_views(ground, before, mode).items() if name[0] == symbol]
    there = [leg for name, leg in leg_views(ground, after, mode).items() if name[0] == symbol]
    if not here or not there:
        return None
    return Lift(symbol, mode.value, amount, here[0].liquidation_price, there[0].liquidation_price)


def known_walls(ground: Ground, at: Standing | None) -> dict[PlannedLeg, Decimal]:
    """The isolated money of each held position (one that is yet to be opened gets what the venue takes at the fill)."""
    if at is None:
        return {}
    held = {(p.symbol, p.side, p.mode) for p in ground.plan.positions if p.entry_price is not None}
    views = leg_views(ground, at, PlanMode.ISOLATED)
    return {name: leg.isolated_margin for name, leg in views.items() if name in held and leg.mode is MarginMode.ISOLATED}


def together_of(holdings: Sequence[Holding], modelled: "Modelled", source: str) -> Together | None:
    """Correlations of the positions' results and their effective number, from the model's own matrix."""
    if len(holdings) < 2:
        return None
    from plimsoll.array.covariance import step_covariance

    matrix = step_covariance(modelled.path)
    at = [modelled.symbols.index(h.symbol) for h in holdings]
    sign = [1.0 if h.side == "long" else -1.0 for h in holdings]
    worth = [s * float(h.value) for s, h in zip(sign, holdings, strict=True)]
    size = [float(matrix[i, i]) ** 0.5 for i in at]
    pairs = tuple(
        Pair(_named(holdings, a), _named(holdings, b), sign[a] * sign[b] * float(matrix[at[a], at[b]]) / (size[a] * size[b]))
        for a, b in combinations(range(len(holdings)), 2)
    )
    count = range(len(holdings))
    covariance = tuple(tuple(worth[a] * worth[b] * float(matrix[at[a], at[b]]) for b in count) for a in count)
    return Together(pairs, effective_number(covariance), source)


def _named(holdings: Sequence[Holding], index: int) -> str:
    twins = [h for h in holdings if h.symbol == holdings[index].symbol]
    return f"{holdings[index].symbol} {holdings[index].side}" if len(twins) > 1 else holdings[index].symbol


def model_told(modelled: "Modelled") -> str:
    """What prices are made of, in one sentence: the kind, and the volatility of a year that one step's variance makes."""
    from plimsoll.array.covariance import step_covariance
    from plimsoll.array.models import YEAR_SECONDS

    path, matrix = modelled.path, step_covariance(modelled.path)
    kinds = ("Brownian motion", "Student-t steps", "Brownian motion with jumps", "GARCH steps", "blocks of recorded rows")
    kind = kinds[path.kind] + (f" with {path.freedom:.3g} degrees of freedom" if path.freedom else "")
    yearly = [(float(matrix[i, i]) * YEAR_SECONDS / path.step_seconds) ** 0.5 for i in range(len(modelled.symbols))]
    told = ", ".join(f"{symbol} {share(size)}" for symbol, size in zip(modelled.symbols, yearly, strict=True))
    return f"Prices are {kind}; volatility of a year: {told}."


def rules_told(ground: Ground, job: Job) -> tuple[str, ...]:
    """The venue, the day of its rules, the tables and the readings, a sentence each."""
    book = ground.rulebook
    day = f", rules of {book.as_of}" if book.as_of else ""
    symbols = tuple(dict.fromkeys(p.symbol for p in ground.plan.positions))
    listed = [s for s in symbols if s in job.rulebook.ages]
    readings = ", ".join(f"{name} = {value}" for name, value in book.readings.items())
    told = [f"{book.rules.TITLE}{day}.", *(f"{table_line(symbol, book)}." for symbol in listed)]
    return (*told, *([f"Readings of what the venue does not publish: {readings}."] if readings else []))


def sided(plan: Plan) -> bool:
    """Whether some symbol is held on both sides: money cannot be named to one of them by its symbol."""
    return len({(p.symbol, p.side) for p in plan.positions}) > len({p.symbol for p in plan.positions}) or any(
        leg_side(plan, p.side) is not LegSide.NET for p in plan.positions
    )
