"""The account at one instant, as numbers: per leg, per pool, per asset. One source for reports, answers and dashboards.

`headroom` alone is cheap and is what a tick asks for; prices are computed when asked (`Prices.ALL`). Exact numbers only.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import NamedTuple

import msgspec

from plimsoll.errors import BadInput
from plimsoll.margin.liquidation_price import (
    WORKING,
    Solver,
    Triggers,
    at_factor,
    first_failure,
    held_brackets,
    nearest,
    prices_at,
    solver_of,
)
from plimsoll.margin.pools import Layout, RestingSpec, lay_out
from plimsoll.model import Account, LegKey, LegSide, MarginMode, Marks, Outside
from plimsoll.number import ONE, ZERO, exact
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Found, Leg, Market, Pool, PoolMargin
from plimsoll.rules.drawing import PoolSpec


class Prices(Enum):
    """How much `assess` solves: no liquidation prices, one per leg, or all three kinds."""

    NONE = 0
    OWN = 1
    ALL = 2


class LegView(msgspec.Struct, frozen=True, gc=False):
    """One leg. Money in `asset`; `bracket`: index of the table row in use; prices None where none exists."""

    name: str
    symbol: str
    mode: MarginMode
    side: LegSide
    asset: str
    pool: str
    size: Decimal
    entry_price: Decimal
    leverage: Decimal
    mark: Decimal
    notional: Decimal
    unrealised_pnl: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    closing_fee: Decimal
    liquidation_fee: Decimal
    isolated_margin: Decimal
    position_margin: Decimal
    entry_value: Decimal
    risk_value: Decimal
    bracket: int
    max_leverage: Decimal | None
    bankruptcy_price: Decimal | None
    displayed_bankruptcy_price: Decimal | None
    break_even_price: Decimal
    liquidation_price: Decimal | None
    other_liquidation_price: Decimal | None
    displayed_liquidation_price: Decimal | None
    underlying_liquidation_price: Decimal | None


class PoolView(msgspec.Struct, frozen=True, gc=False):
    """One pool. `portfolio_liquidation_move`: the common relative move of all marks at which it fails (-0.2: all fall 20 %)."""

    key: str
    asset: str
    isolated: bool
    legs: tuple[str, ...]
    margin_balance: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    requirement: Decimal
    headroom: Decimal
    scale: Decimal
    venue_ratio: Decimal | None
    liquidatable: bool
    portfolio_liquidation_move: Decimal | None


class AssetView(msgspec.Struct, frozen=True, gc=False):
    """One settle asset over all its pools. `wallet_balance` as the venue words it; `cash`: outside every isolated wall."""

    asset: str
    wallet_balance: Decimal
    cash: Decimal
    equity: Decimal
    available_balance: Decimal
    withdrawable: Decimal
    account_initial_margin: Decimal
    account_maintenance_margin: Decimal


class OrdersView(msgspec.Struct, frozen=True, gc=False):
    """Resting orders of one leg name: the initial margin they ask for on top of the position's own."""

    name: str
    asset: str
    isolated: bool
    order_initial_margin: Decimal


class Assessment(msgspec.Struct, frozen=True, gc=False):
    """Everything at one instant. `assess` makes it; nothing else computes these numbers."""

    rulebook: str
    legs: tuple[LegView, ...]
    pools: tuple[PoolView, ...]
    assets: tuple[AssetView, ...]
    orders: tuple[OrdersView, ...]


def mark_column(layout: Layout, marks: Mapping[str, Decimal]) -> tuple[Decimal, ...]:
    """The marks in the layout's order. BadInput: a symbol that is held or ordered has no mark, or not a positive one."""
    column = []
    for symbol in layout.symbols:
        mark = marks.get(symbol)
        if mark is None:
            raise BadInput("marks", symbol, None, "no mark price given; every symbol held or ordered needs one")
        if not mark > 0:
            raise BadInput("marks", symbol, mark, "a mark price is greater than zero")
        column.append(mark)
    return tuple(column)


def headrooms(layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> list[Decimal]:
    """Headroom of every pool, in the layout's order: what one tick needs. Call inside `exact()`."""
    out = []
    for pool in layout.pools:
        margin = rulebook.rules.assess_pool(pool, marks, layout.markets)
        out.append(margin.balance - margin.requirement)
    return out


Factors = Callable[[tuple[int, ...]], Triggers]
"""The factors by which markets fail together, once for each set of them."""


class Standing(NamedTuple):
    """One pool at this instant: what it has and needs, the markets as its prices are sought in, and how they are solved."""

    spec: PoolSpec
    pool: Pool[Decimal]
    margin: PoolMargin[Decimal]
    markets: Sequence[Market[Decimal]]
    solved: Solver
    together: Factors
    coins: Mapping[str, tuple[int, ...]]


class Instant(NamedTuple):
    """An account among its marks: what every line of an assessment is read from."""

    account: Account
    rulebook: Rulebook
    layout: Layout
    column: tuple[Decimal, ...]
    bases: tuple[str, ...]
    prices: Prices


def assess(
    account: Account,
    marks: Marks,
    rulebook: Rulebook,
    prices: Prices = Prices.ALL,
    outside: Mapping[str, Outside] | None = None,
) -> Assessment:
    """The account under `rulebook` at `marks`. Shapes: one LegView a position, one PoolView a pool (the cross pool of each
    asset first), one AssetView an asset. BadInput: unknown symbol, missing or non-positive mark."""
    with exact():
        layout = lay_out(account, rulebook, outside)
        bases = tuple(rulebook.instruments[symbol].base for symbol in layout.symbols)
        now = Instant(account, rulebook, layout, mark_column(layout, marks.marks), bases, prices)
        margins = [rulebook.rules.assess_pool(pool, now.column, layout.markets) for pool in layout.pools]
        legs: list[LegView] = []
        pools: list[PoolView] = []
        for spec, pool, margin in zip(layout.specs, layout.pools, margins, strict=True):
            markets = _markets(now, pool)
            solved = solver_of(rulebook.rules, pool, margin, now.column, markets)
            at = Standing(spec, pool, margin, markets, solved, _factors(solved), _coins(now, pool))
            views = [_leg_view(now, at, key, leg) for key, leg in zip(spec.legs, pool.legs, strict=True)]
            legs.extend(views)
            pools.append(_pool_view(now, spec, views, pool, margin, solved))
        asks = tuple(OrdersView(r.name, r.asset, r.isolated, _order_margin(now, r)) for r in layout.resting)
        assets = tuple(
            _asset_view(now, i, legs, margins, asks, outside)
            for i, spec in enumerate(layout.specs)
            if not spec.isolated and not spec.apart
        )
    return Assessment(rulebook.name, tuple(legs), tuple(pools), assets, asks)


def _order_margin(now: Instant, resting: RestingSpec) -> Decimal:
    at = resting.row.market
    return now.rulebook.rules.order_margin(resting.row, now.column[at], now.layout.markets[at])


def _markets(now: Instant, pool: Pool[Decimal]) -> Sequence[Market[Decimal]]:
    """The markets in which the pool's prices are sought: with the brackets of this instant where the venue holds them."""
    if now.rulebook.rules.PRICES_STATED and pool.legs:
        return held_brackets(now.rulebook.rules, pool, now.column, now.layout.markets)
    return now.layout.markets


def _triggers(now: Instant, at: Standing, leg: Leg[Decimal]) -> tuple[Triggers, Triggers]:
    """(this mark alone moves, every mark of the coin moves together), as prices of the leg's symbol."""
    none = Triggers(None, None)
    if now.prices is Prices.NONE:
        return none, none
    mark, base, rules = now.column[leg.market], now.bases[leg.market], now.rulebook.rules
    if rules.PRICES_STATED:
        with exact(WORKING):
            found = rules.stated_liquidation_price(leg, at.pool, at.margin, now.column, at.markets)
        price = +found.price if found.found else None
        own = Triggers(price, None) if price is not None and price < mark else Triggers(None, price)
    else:
        own = prices_at(at.solved((leg.market,)), mark)
    if now.prices is Prices.OWN:
        return own, none
    return own, own if len(at.coins[base]) == 1 else at_factor(at.together(at.coins[base]), mark)


def _factors(solved: Solver) -> Factors:
    """The factors by which markets fail together; each set is rounded and checked once, for all its legs."""
    return cache(lambda moving: prices_at(solved(moving), ONE))


def _coins(now: Instant, pool: Pool[Decimal]) -> dict[str, tuple[int, ...]]:
    """Base coin -> the markets of the pool's legs in it."""
    coins: dict[str, tuple[int, ...]] = {}
    for at in sorted({leg.market for leg in pool.legs}):
        coins[now.bases[at]] = (*coins.get(now.bases[at], ()), at)
    return coins


def _bankruptcy(now: Instant, at: Standing, leg: Leg[Decimal]) -> Found[Decimal]:
    """Of a leg that stands by itself, on its own money or on what is left to it. At more digits than the answer has: at 1x
    two nearly equal numbers are subtracted."""
    if not leg.isolated and not at.spec.apart:
        return Found(False, ZERO)
    rules, market = now.rulebook.rules, at.markets[leg.market]
    with exact(WORKING):
        money = at.margin.balance - rules.profit(leg, now.column[leg.market], market) if at.spec.apart else leg.margin
        found = rules.bankruptcy_price(leg, money, market)
    return Found(found.found, +found.price)


def _leg_view(now: Instant, at: Standing, key: LegKey, leg: Leg[Decimal]) -> LegView:
    own, together = _triggers(now, at, leg)
    spec = at.spec
    position = now.layout.held[key]
    rules, market, mark = now.rulebook.rules, now.layout.markets[leg.market], now.column[leg.market]
    instrument = now.rulebook.instruments[position.symbol]
    value = rules.value(leg.amount, mark, market)
    row = rules.bracket(value, leg.tier, market)
    price = nearest(own, mark)
    other = own.above if price == own.below else own.below
    bankrupt = _bankruptcy(now, at, leg)
    return LegView(
        name=rules.leg_name(key, now.account.position_mode),
        symbol=position.symbol,
        mode=position.mode,
        side=position.side,
        asset=spec.asset,
        pool=spec.key,
        size=position.size,
        entry_price=position.entry_price,
        leverage=position.leverage,
        mark=mark,
        notional=value,
        unrealised_pnl=rules.profit(leg, mark, market),
        initial_margin=rules.initial_margin(leg, mark, market),
        maintenance_margin=rules.maintenance_margin(leg, mark, market),
        closing_fee=rules.closing_fee(leg, mark, market),
        liquidation_fee=rules.liquidation_fee(leg, mark, market),
        isolated_margin=position.isolated_margin,
        position_margin=rules.position_margin(leg, mark, market),
        entry_value=rules.value(leg.amount, leg.entry, market) if leg.cost == 0 else abs(leg.cost),
        risk_value=value + (leg.tier if instrument.bracket_unit == "notional" else ZERO),
        bracket=row,
        max_leverage=instrument.brackets[row].max_leverage,
        bankruptcy_price=bankrupt.price if bankrupt.found else None,
        displayed_bankruptcy_price=rules.displayed_bankruptcy_price(
            bankrupt, position.size, position.mode, instrument.tick
        ),
        break_even_price=rules.break_even_price(position.entry_price, 1 if position.size > 0 else -1, market.taker_rate),
        liquidation_price=price,
        other_liquidation_price=other if price is not None else None,
        displayed_liquidation_price=rules.displayed_liquidation_price(
            Found(price is not None, price or ZERO), position.size, position.mode, instrument.tick
        ),
        underlying_liquidation_price=nearest(together, mark),
    )


def _pool_view(
    now: Instant,
    spec: PoolSpec,
    views: Sequence[LegView],
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    solved: Solver,
) -> PoolView:
    return PoolView(
        key=spec.key,
        asset=spec.asset,
        isolated=spec.isolated,
        legs=tuple(view.name for view in views),
        margin_balance=margin.balance,
        initial_margin=margin.initial,
        maintenance_margin=margin.maintenance,
        requirement=margin.requirement,
        headroom=margin.balance - margin.requirement,
        scale=margin.scale,
        venue_ratio=now.rulebook.rules.venue_ratio(margin),
        liquidatable=(bool(pool.legs) or margin.requirement > 0)
        and now.rulebook.rules.is_liquidatable(margin.balance, margin.requirement),
        portfolio_liquidation_move=_common_move(now, pool, margin, solved) if now.prices is Prices.ALL else None,
    )


def _common_move(now: Instant, pool: Pool[Decimal], margin: PoolMargin[Decimal], solved: Solver) -> Decimal | None:
    """As `portfolio_move` with every beta 1, solved exactly where all of the pool's contracts are of one kind."""
    if not pool.legs:
        return None
    if margin.balance <= margin.requirement:
        return ZERO
    if len({now.layout.markets[leg.market].inverse for leg in pool.legs}) > 1:
        return portfolio_move(pool, now.column, now.layout, now.rulebook, {})
    factors = solved(tuple(sorted({leg.market for leg in pool.legs})))[:2]
    return min([factor - 1 for factor in factors if factor is not None], key=abs, default=None)


def portfolio_move(
    pool: Pool[Decimal], column: Sequence[Decimal], layout: Layout, rulebook: Rulebook, betas: Mapping[str, Decimal]
) -> Decimal | None:
    """The smallest common move y (each mark becomes mark * (1 + beta*y), beta 1 unless given) at which the pool fails;
    0 where it already does; None if neither a fall to nothing nor a thousandfold rise does it."""
    if not pool.legs:
        return None
    factors = [betas.get(symbol, ONE) for symbol in layout.symbols]

    def headroom(y: Decimal) -> Decimal:
        moved = [mark * (1 + beta * y) for mark, beta in zip(column, factors, strict=True)]
        at = rulebook.rules.assess_pool(pool, moved, layout.markets)
        return at.balance - at.requirement

    if headroom(ZERO) <= 0:
        return ZERO
    steepest = max(abs(beta) for beta in factors) or ONE
    down = -(1 - Decimal("1e-12")) / steepest
    ends = [end for end in (down, Decimal(1000) / steepest) if headroom(end) <= 0]
    moves = [first_failure(headroom, ZERO, end) for end in ends]
    return min(moves, key=abs) if moves else None


def _asset_view(
    now: Instant,
    i: int,
    legs: Sequence[LegView],
    margins: Sequence[PoolMargin[Decimal]],
    asks: Sequence[OrdersView],
    outside: Mapping[str, Outside] | None,
) -> AssetView:
    rules, spec, pool, margin = now.rulebook.rules, now.layout.specs[i], now.layout.pools[i], margins[i]
    cross_orders = sum((a.order_initial_margin for a in asks if a.asset == spec.asset and not a.isolated), ZERO)
    isolated_orders = sum((a.order_initial_margin for a in asks if a.asset == spec.asset and a.isolated), ZERO)
    inner = [leg for leg in legs if leg.asset == spec.asset and leg.mode is MarginMode.ISOLATED]
    assigned = sum((leg.isolated_margin for leg in inner), ZERO)
    walled = [leg for leg in inner if LegKey(leg.symbol, leg.mode, leg.side) not in spec.beside]
    other = (outside or {}).get(spec.asset, Outside())
    inside = sum((leg.isolated_margin + leg.unrealised_pnl for leg in walled), ZERO) + other.isolated_equity
    return AssetView(
        asset=spec.asset,
        wallet_balance=pool.cash + (assigned if rules.WALLET_HOLDS_ISOLATED else ZERO),
        cash=pool.cash,
        equity=margin.balance + pool.reserved + inside,
        available_balance=rules.available_balance(pool, margin, cross_orders, isolated_orders),
        withdrawable=rules.withdrawable(pool, margin, cross_orders, isolated_orders),
        account_initial_margin=margin.initial
        + sum((leg.initial_margin for leg in walled), ZERO)
        + cross_orders
        + isolated_orders,
        account_maintenance_margin=margin.maintenance + sum((leg.maintenance_margin for leg in walled), ZERO),
    )
