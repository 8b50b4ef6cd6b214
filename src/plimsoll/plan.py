"""What a trader has and intends, venue by venue: a `Plan` as an account file states it, opened under one rulebook in one
division into margin modes. Plans count coins (linear) or quote face (inverse); accounts count contracts. No prices, no I/O."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import msgspec

from plimsoll.account.commands import AddMargin, Command, Deposit, PlaceOrder
from plimsoll.dollars import in_dollars_of
from plimsoll.errors import BadInput, Reason
from plimsoll.model import (
    Account,
    Fees,
    Instrument,
    Kind,
    LegSide,
    MarginMode,
    Order,
    OrderType,
    Position,
    PositionMode,
    Trigger,
)
from plimsoll.number import ZERO, exact, show
from plimsoll.plan_matches import absence, near_to
from plimsoll.plan_walls import (
    cash_beside,
    coins_behind,
    contracts_of,
    funding_notes,
    isolated_money,
    lending_notes,
    tallied,
    too_small,
)
from plimsoll.rulebook import Rulebook, match, why_not_lent


class PlanMode(StrEnum):
    """How the plan's positions are divided: all cross, all isolated, or as the file says."""

    CROSS = "cross"
    ISOLATED = "isolated"
    AS_GIVEN = "as-given"


class Side(StrEnum):
    """Which way a position profits."""

    LONG = "long"
    SHORT = "short"


class Payer(StrEnum):
    """Where a top-up comes from: the account's own cash, or fresh money."""

    CASH = "cash"
    OUTSIDE = "outside"


class PlannedPosition(msgspec.Struct, frozen=True):
    """`size` > 0 in coins or quote face. `entry_price` None: opened at the first price by a market order that pays its
    fee. `margin`: isolated money where it is not value / leverage."""

    symbol: str
    side: Side
    size: Decimal
    leverage: Decimal
    mode: MarginMode
    entry_price: Decimal | None = None
    margin: Decimal | None = None


class PlannedOrder(msgspec.Struct, frozen=True):
    """`size` None: the whole position of the leg. `mode`, `leverage` None: those of the position in that symbol."""

    id: str
    symbol: str
    side: str
    type: OrderType
    size: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trigger: Trigger = Trigger.MARK
    reduce_only: bool = False
    position_side: LegSide = LegSide.NET
    mode: MarginMode | None = None
    leverage: Decimal | None = None


class PlannedTopUp(msgspec.Struct, frozen=True):
    """Money added when the mark of `symbol` gets to `at_price`, or at the time `at` (exactly one of the two is given)."""

    symbol: str
    amount: Decimal
    payer: Payer
    position_side: LegSide
    at_price: Decimal | None
    at: datetime | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """An account file. `wallet`: asset -> everything put in, isolated money included. Where coins are valued: `borrowed`,
    asset -> what is owed, `interest`, what that costs a year; `not_collateral`, coins switched off; `restricted`, coins that
    give no room; `auto_borrow`, whether orders may lean on all of them. `fees` None: the venue's list rates. `leverages`: for
    fills. `scripts`, `model`: as in the file, for `prices.script.read_script` and `model_choice`. `options`: settings of the
    account besides its modes, in the words of the plan's own venue."""

    source: str
    name: str
    about: str
    venue: str
    position_mode: PositionMode
    wallet: dict[str, Decimal]
    positions: tuple[PlannedPosition, ...]
    orders: tuple[PlannedOrder, ...] = ()
    top_ups: tuple[PlannedTopUp, ...] = ()
    fees: Fees | None = None
    readings: dict[str, str] = {}
    rules_as_of: date | None = None
    borrowed: dict[str, Decimal] = {}
    not_collateral: tuple[str, ...] = ()
    interest: dict[str, Decimal] = {}
    restricted: tuple[str, ...] = ()
    auto_borrow: bool = True
    leverages: dict[str, Decimal] = {}
    scripts: dict[str, object] = {}
    model: dict[str, object] = {}
    options: dict[str, str] = {}


PlannedLeg = tuple[str, Side, MarginMode]
"""What names a planned position: a symbol may be held in both modes where the venue allows it."""
Sizes = dict[PlannedLeg, Decimal]


def leg_of(planned: PlannedPosition) -> PlannedLeg:
    """The name of a planned position."""
    return planned.symbol, planned.side, planned.mode


class TopUp(msgspec.Struct, frozen=True):
    """A planned top-up in the venue's words: when it is due and what it asks of the account (nothing where the cash already
    stands behind the position)."""

    symbol: str
    at_price: Decimal | None
    at: datetime | None
    commands: tuple[Command, ...]


class Skipped(msgspec.Struct, frozen=True):
    """A symbol of the plan that this venue cannot run, and why, in one sentence."""

    symbol: str
    reason: str


class Opening(msgspec.Struct, frozen=True):
    """The account at the start, what is asked of it once the first marks are set, and later. `symbols`: the plan's symbol ->
    the venue's. `notes`: what was rounded or replaced, a sentence each."""

    account: Account
    commands: tuple[Command, ...]
    top_ups: tuple[TopUp, ...]
    symbols: dict[str, str]
    notes: tuple[str, ...]
    skipped: tuple[Skipped, ...]


class Matched(NamedTuple):
    """The plan's symbols found at the venue, and those that are not."""

    found: dict[str, Instrument]
    skipped: tuple[Skipped, ...]


def symbols_of(plan: Plan) -> tuple[str, ...]:
    """Every symbol the plan holds or trades, in its order."""
    return tuple(dict.fromkeys([p.symbol for p in plan.positions] + [o.symbol for o in plan.orders]))


def match_symbols(plan: Plan, rulebook: Rulebook, home: Rulebook) -> Matched:
    """The venue's instrument for each symbol of the plan. `home`: the rulebook of the plan's own venue, which the symbols
    are words of. BadInput: a symbol that even the home venue has never heard of."""
    found: dict[str, Instrument] = {}
    skipped: list[Skipped] = []
    without_hedge = _no_hedge(plan, rulebook)
    for symbol in symbols_of(plan):
        known = home.instruments.get(symbol)
        if known is None and symbol not in home.gaps:
            raise _unknown(plan, "symbol", symbol, home)
        if known is None:
            skipped.append(Skipped(symbol, f"{home.name}: {home.gaps[symbol]}"))
            continue
        own = rulebook.name == home.name and symbol in rulebook.instruments
        there = known if own else match(rulebook, known.base, known.quote, known.kind)
        if there is None or without_hedge:
            skipped.append(Skipped(symbol, without_hedge or absence(rulebook, known)))
        else:
            found[symbol] = there
    return Matched(found, tuple(skipped))


def _unknown(plan: Plan, field: str, symbol: str, home: Rulebook) -> BadInput:
    near = near_to(symbol, [*home.instruments, *home.gaps])
    return BadInput(plan.source, field, symbol, f"{home.name} has no such instrument{near}")


def open_plan(plan: Plan, rulebook: Rulebook, home: Rulebook, mode: PlanMode) -> Opening:
    """The plan under `rulebook`, divided as `mode` says. `home`: the rulebook of the plan's own venue.

    Held positions stand in the account; the others, and all orders, are commands to give after the first marks. What
    the venue lacks is skipped. BadInput: a wallet that cannot pay, a symbol nobody knows, settings the venue cannot keep."""
    with exact():
        matched = match_symbols(plan, rulebook, home)
        notes: list[str] = []
        if rulebook.name != home.name and not rulebook.coins:
            wallet, notes = in_dollars_of(plan.wallet, matched.found.values())
            plan = msgspec.structs.replace(plan, wallet=wallet)
        small: list[Skipped] = []
        sizes: Sizes = {}
        _check_legs(plan, mode)
        refusal = mode_refusal(plan, rulebook, home, mode)
        if refusal is not None:
            raise refusal
        for planned in plan.positions:
            if planned.symbol in matched.found:
                size = contracts_of(planned.size, matched.found[planned.symbol], notes)
                if size > 0:
                    sizes[leg_of(planned)] = size
                else:
                    small.append(Skipped(planned.symbol, too_small(planned.size, matched.found[planned.symbol])))
        kept = [p for p in plan.positions if leg_of(p) in sizes]
        fees = _fees(plan, rulebook, home, notes)
        positions = tuple(
            _position(plan, p, sizes[leg_of(p)], matched.found[p.symbol], fees, rulebook, mode)
            for p in kept
            if p.entry_price is not None
        )
        options = _options(plan, matched.found, rulebook, home, mode)
        account = coins_behind(_account(plan, positions, matched.found, rulebook, mode, fees, options), rulebook)
        notes += lending_notes(plan.venue, home.instruments, matched.found)
        notes += funding_notes(rulebook, matched.found.values())
        if plan.options and rulebook.name != home.name:
            theirs = f"are those of {home.name}: {rulebook.name} has its own"
            notes.append(f"The file's settings ({', '.join(plan.options)}) {theirs}.")
        opened = [_market_open(p, sizes[leg_of(p)], matched.found, plan, mode) for p in kept if p.entry_price is None]
        orders = [_placed(order, sizes, matched.found, plan, mode, notes) for order in plan.orders]
        return Opening(
            account=account,
            commands=(*opened, *(order for order in orders if order is not None)),
            top_ups=tuple(_top_up(t, matched.found, plan, mode) for t in plan.top_ups if _has(t, sizes)),
            symbols={symbol: instrument.symbol for symbol, instrument in matched.found.items()},
            notes=tuple(dict.fromkeys(notes)),
            skipped=(*matched.skipped, *small),
        )


def _account(
    plan: Plan, positions: tuple[Position, ...], found: Mapping[str, Instrument], rulebook: Rulebook, mode: PlanMode,
    fees: Fees, options: dict[str, str],
) -> Account:  # fmt: skip
    """The account with the positions that are held already."""
    bare = Account(plan.position_mode, plan.wallet, options=options)
    return Account(
        position_mode=plan.position_mode,
        cash=cash_beside(bare, positions, found, rulebook, plan.source),
        positions=positions,
        leverages=_leverages(plan, found, rulebook, mode),
        margin_modes=_margin_modes(plan, found, mode),
        fees=fees,
        options=options,
        borrowed=dict(plan.borrowed),
        not_collateral=plan.not_collateral,
        interest_rates=dict(plan.interest),
        restricted=plan.restricted,
    )


def _check_legs(plan: Plan, mode: PlanMode) -> None:
    """BadInput where two planned positions would be one: a symbol held in both modes cannot be forced into one of them."""
    seen: set[tuple[str, MarginMode, LegSide]] = set()
    for planned in plan.positions:
        leg = (planned.symbol, mode_of(planned.mode, mode), leg_side(plan, planned.side))
        if leg in seen:
            cure = f"held in both modes, it cannot be played all {mode.value}; use --modes as-given"
            raise BadInput(plan.source, "positions", planned.symbol, cure)
        seen.add(leg)


def _no_hedge(plan: Plan, rulebook: Rulebook) -> str:
    """Why a venue cannot hold both legs of a symbol, where the plan does; else nothing."""
    if plan.position_mode is not PositionMode.HEDGE:
        return ""
    refused = rulebook.rules.may_switch_position_mode(Account(PositionMode.ONE_WAY, {}), PositionMode.HEDGE)
    return "" if refused is None else refused.message


def holds_both_modes(plan: Plan) -> bool:
    """Whether some symbol is held cross and isolated side by side."""
    return len({(p.symbol, p.mode) for p in plan.positions}) > len({p.symbol for p in plan.positions})


def mode_of(planned: MarginMode | None, mode: PlanMode) -> MarginMode:
    """The margin mode a position or order gets; cross where nothing says otherwise."""
    if mode is PlanMode.AS_GIVEN:
        return MarginMode.CROSS if planned is None else planned
    return MarginMode(mode.value)


def leg_side(plan: Plan, side: Side) -> LegSide:
    """The leg a position is kept under."""
    return LegSide(side.value) if plan.position_mode is PositionMode.HEDGE else LegSide.NET


def _position(
    plan: Plan,
    planned: PlannedPosition,
    size: Decimal,
    instrument: Instrument,
    fees: Fees,
    rulebook: Rulebook,
    mode: PlanMode,
) -> Position:
    assert planned.entry_price is not None
    margin_mode = mode_of(planned.mode, mode)
    signed = size if planned.side is Side.LONG else -size
    margin = ZERO
    if margin_mode is MarginMode.ISOLATED:
        margin = planned.margin if planned.margin is not None else isolated_money(
            rulebook, instrument, signed, planned.entry_price, planned.leverage, fees
        )
    position = Position(
        instrument.symbol, margin_mode, leg_side(plan, planned.side), signed, planned.entry_price, planned.leverage, margin
    )
    return tallied(position, fees, rulebook) if planned.margin is not None else position


def _fees(plan: Plan, rulebook: Rulebook, home: Rulebook, notes: list[str]) -> Fees:
    if plan.fees is None:
        return rulebook.fees
    if rulebook.name == home.name:
        return plan.fees
    notes.append(f"Fees are the list rates of {rulebook.name}: the file's own are those of {home.name}.")
    return rulebook.fees


def _leverages(plan: Plan, found: Mapping[str, Instrument], rulebook: Rulebook, mode: PlanMode) -> dict[str, Decimal]:
    """The venue's leverage settings. BadInput: two positions that share a setting ask for different ones."""
    settings: dict[str, Decimal] = {}
    asked = [(p.symbol, mode_of(p.mode, mode), leg_side(plan, p.side), p.leverage) for p in plan.positions]
    asked += [
        (o.symbol, mode_of(o.mode, mode), o.position_side, o.leverage) for o in plan.orders if o.leverage is not None
    ]
    there = dict(found)
    if plan.borrowed and not asked and rulebook.name == plan.venue:  # coins alone: nothing else says what the account is set to
        asked = [(symbol, MarginMode.CROSS, LegSide.NET, leverage) for symbol, leverage in plan.leverages.items()]
        there = {symbol: rulebook.instruments[symbol] for symbol in plan.leverages if symbol in rulebook.instruments}
        unknown = [symbol for symbol in plan.leverages if symbol not in there]
        if unknown:
            raise _unknown(plan, "leverages", unknown[0], rulebook)
    for symbol, margin_mode, side, leverage in asked:
        if symbol not in there:
            continue
        key = rulebook.rules.leverage_key(there[symbol].symbol, margin_mode, side)
        if settings.setdefault(key, leverage) != leverage:
            cure = f"{rulebook.name} keeps one leverage for {key}, and {show(settings[key])} is asked for as well"
            raise BadInput(plan.source, f"leverage of {symbol}", show(leverage), cure)
    return settings


def _options(
    plan: Plan, found: Mapping[str, Instrument], rulebook: Rulebook, home: Rulebook, mode: PlanMode
) -> dict[str, str]:
    """The account's own settings: those of the file, at its own venue; borrowing where it is off; its margin mode, where the
    venue has one for all of it."""
    options = dict(plan.options) if rulebook.name == home.name else {}
    options |= {} if plan.auto_borrow else {"auto_borrow": "off"}
    asked = _asked(plan, found, mode) if rulebook.rules.MODE_SCOPE == "account" else []
    return options | ({"margin_mode": asked[0][1].value} if asked else {})


def _asked(plan: Plan, found: Mapping[str, Instrument], mode: PlanMode) -> list[tuple[str, MarginMode]]:
    """Each symbol that the venue has, with the mode that a position or order in it asks for; positions first."""
    asked = [(p.symbol, mode_of(p.mode, mode)) for p in plan.positions]
    asked += [(o.symbol, mode_of(order_mode(plan, o), mode)) for o in plan.orders]
    return [(symbol, m) for symbol, m in asked if symbol in found]


def _margin_modes(plan: Plan, found: Mapping[str, Instrument], mode: PlanMode) -> dict[str, MarginMode]:
    """Symbols away from the default, cross: only venues that keep the mode per symbol read this."""
    return {found[s].symbol: m for s, m in _asked(plan, found, mode) if m is MarginMode.ISOLATED}


def mode_refusal(plan: Plan, rulebook: Rulebook, home: Rulebook, mode: PlanMode) -> BadInput | None:
    """Why this venue cannot hold the plan in this division: it keeps one margin mode where two are asked for, the account's
    settings have no isolated margin, or debts of the account as a whole are not known there; None: it can."""
    if plan.borrowed and rulebook.rules.DEBTS not in ("apart", "overdrawn"):
        cure = f"an account of {rulebook.name} owes nothing beside its positions; remove it, or ask a venue that lends"
        return BadInput(plan.source, "borrowed", ", ".join(plan.borrowed), cure)
    found = match_symbols(plan, rulebook, home).found
    scope = rulebook.rules.MODE_SCOPE
    seen: dict[str, MarginMode] = {}
    bare = Account(plan.position_mode, {}, options=dict(plan.options) if rulebook.name == home.name else {})
    for symbol, asked in _asked(plan, found, mode):
        unlent = why_not_lent(rulebook, asked) if found[symbol].kind is Kind.SPOT else None
        if unlent is not None:
            return BadInput(plan.source, f"mode of {symbol}", asked, unlent)
        kept_in = scope == "account" and asked is MarginMode.ISOLATED
        unlent = why_not_lent(rulebook, asked) if plan.borrowed and kept_in else None
        if unlent is not None:
            return BadInput(plan.source, "borrowed", ", ".join(plan.borrowed), f"{unlent}; this one is isolated as a whole")
        refused = rulebook.rules.may_switch_mode(bare, found[symbol].symbol, asked)
        if refused is not None and refused.reason is Reason.MARGIN_MODE_CROSS_ONLY:
            return BadInput(plan.source, f"mode of {symbol}", asked, f"{rulebook.name}: {refused.message}")
        kept = seen.setdefault("" if scope == "account" else symbol, asked)
        if scope != "order" and kept is not asked:
            keeps = "for the whole account" if scope == "account" else "per symbol"
            cure = f"{rulebook.name} keeps one margin mode {keeps}, and {kept} is asked for as well"
            return BadInput(plan.source, f"mode of {symbol}", asked, cure)
    return None


def order_mode(plan: Plan, order: PlannedOrder) -> MarginMode | None:
    """The order's own mode, else that of the position it belongs to, else None."""
    return order.mode or next((p.mode for p in plan.positions if _serves(order, p)), None)


def _serves(order: PlannedOrder | PlannedTopUp, position: PlannedPosition) -> bool:
    side = order.position_side
    return order.symbol == position.symbol and (side is LegSide.NET or side.value == position.side.value)


def _market_open(
    planned: PlannedPosition, size: Decimal, found: Mapping[str, Instrument], plan: Plan, mode: PlanMode
) -> PlaceOrder:
    symbol, margin_mode, side = found[planned.symbol].symbol, mode_of(planned.mode, mode), leg_side(plan, planned.side)
    order = Order(
        id=f"open-{symbol}-{margin_mode}" if side is LegSide.NET else f"open-{symbol}:{side}-{margin_mode}",
        symbol=symbol,
        side="buy" if planned.side is Side.LONG else "sell",
        size=size,
        type=OrderType.MARKET,
        mode=margin_mode,
        position_side=side,
    )
    return PlaceOrder(order, margin_mode)


def _placed(
    planned: PlannedOrder, sizes: Sizes, found: Mapping[str, Instrument], plan: Plan, mode: PlanMode, notes: list[str]
) -> PlaceOrder | None:
    """The order at the venue; None where its symbol, its position or its last lot is not there."""
    if planned.symbol not in found:
        return None
    instrument = found[planned.symbol]
    if planned.size is not None:
        size = contracts_of(planned.size, instrument, notes)
    else:
        legs = [p for p in plan.positions if _serves(planned, p) and leg_of(p) in sizes]
        size = sizes[leg_of(legs[0])] if legs else ZERO
    if size <= 0:
        return None
    margin_mode = mode_of(order_mode(plan, planned), mode)
    order = Order(
        id=planned.id.replace(planned.symbol, instrument.symbol),
        symbol=instrument.symbol,
        side=planned.side,
        size=size,
        type=planned.type,
        price=planned.price,
        stop_price=planned.stop_price,
        trigger=planned.trigger,
        reduce_only=planned.reduce_only,
        mode=margin_mode,
        position_side=planned.position_side,
    )
    return PlaceOrder(order, margin_mode)


def _has(top_up: PlannedTopUp, sizes: Sizes) -> bool:
    side = top_up.position_side
    return any(s == top_up.symbol and (side is LegSide.NET or side.value == at.value) for s, at, _ in sizes)


def _top_up(planned: PlannedTopUp, found: Mapping[str, Instrument], plan: Plan, mode: PlanMode) -> TopUp:
    """Fresh money is deposited; an isolated leg then takes it in. In cross the cash stands behind the position as it is."""
    instrument = found[planned.symbol]
    leg = next(p for p in plan.positions if _serves(planned, p))
    commands: tuple[Command, ...] = ()
    if planned.payer is Payer.OUTSIDE:
        commands += (Deposit(instrument.settle, planned.amount),)
    if mode_of(leg.mode, mode) is MarginMode.ISOLATED:
        commands += (AddMargin(instrument.symbol, planned.amount, planned.position_side),)
    return TopUp(instrument.symbol, planned.at_price, planned.at, commands)
