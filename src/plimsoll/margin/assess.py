"""The account at one instant, as numbers: per leg, per pool, per asset. One source for reports, answers and dashboards.

`headroom` alone is cheap and is what a tick asks for; prices are computed when asked (`Prices.ALL`). Exact numbers only.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum

import msgspec

from plimsoll.errors import BadInput
from plimsoll.margin.apart import Alone, margins_of, stand_of
from plimsoll.margin.apart_prices import Ground, ground_of, solver_apart
from plimsoll.margin.common_move import moving_coins, portfolio_move
from plimsoll.margin.liquidation_price import (
    Solved,
    Solver,
    Triggers,
    at_factor,
    held_brackets,
    in_wide_digits,
    nearest,
    prices_at,
    solver_of,
)
from plimsoll.margin.pools import Layout, RestingSpec, lay_out, locked_beside
from plimsoll.margin.views import AccountView, Assessment, AssetView, LegView, OrdersView, PoolView
from plimsoll.model import Account, LegKey, MarginMode, Marks, Outside
from plimsoll.number import ONE, ZERO, exact
from plimsoll.rulebook import Rulebook, regime_of
from plimsoll.rules.asks import PriceAsk
from plimsoll.rules.columns import CoinMargin, Found, Leg, Market, Pool, PoolMargin, Rest
from plimsoll.rules.drawing import PoolSpec


class Prices(Enum):
    """How much `assess` solves: no liquidation prices, one per leg, or all three kinds."""

    NONE = 0
    OWN = 1
    ALL = 2


def mark_column(
    layout: Layout, marks: Mapping[str, Decimal], indexes: Mapping[str, Decimal] | None = None
) -> tuple[Decimal, ...]:
    """The marks in the layout's order, then the indexes of the coins of its valued pools. BadInput: a symbol that is held or
    ordered has no mark, a coin that is held or owed has no index, or not a positive one."""
    column = []
    for symbol in layout.symbols:
        mark = marks.get(symbol)
        if mark is None:
            raise BadInput("marks", symbol, None, "no mark price given; every symbol held or ordered needs one")
        if not mark > 0:
            raise BadInput("marks", symbol, mark, "a mark price is greater than zero")
        column.append(mark)
    for asset in layout.assets:
        index = (indexes or {}).get(asset)
        if index is None:
            cure = "no index price given; every coin that is held, owed or settled in needs one"
            raise BadInput("indexes", asset, None, cure)
        if not index > 0:
            raise BadInput("indexes", asset, index, "an index price is greater than zero")
        column.append(index)
    return tuple(column)


def headrooms(layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> list[Decimal]:
    """Headroom of every pool, in the layout's order: what one tick needs. Call inside `exact()`."""
    return [margin.balance - margin.requirement for margin in margins_of(layout, rulebook, marks)]


NOWHERE = Found(False, ZERO)
"""No price does it."""

Factors = Callable[[tuple[int, ...]], Triggers]
"""The factors by which markets fail together, once for each set of them."""


class Instant(msgspec.Struct, frozen=True, gc=False):
    """An account among its marks: what every line of an assessment is read from."""

    account: Account
    rulebook: Rulebook
    layout: Layout
    column: tuple[Decimal, ...]
    bases: tuple[str, ...]
    prices: Prices


class Felt(msgspec.Struct, frozen=True, gc=False):
    """Whose marks a pool feels: `markets`; of each base coin where the marks column holds the prices of it that the pool feels
    (its markets, and in a valued pool that has the coin its index); whether contracts of both kinds are among those on its
    collateral."""

    markets: tuple[int, ...]
    coins: Mapping[str, tuple[int, ...]]
    mixed: bool


class Home(msgspec.Struct, frozen=True, gc=False):
    """A pool with what describes it, what it has and needs, the markets that its prices are sought in, and their solver;
    `alone`: how it stands among others on its cash, where it is apart; `counted`: what its coins count, where it is valued."""

    spec: PoolSpec
    pool: Pool[Decimal]
    margin: PoolMargin[Decimal]
    markets: Sequence[Market[Decimal]]
    solved: Solver
    together: Factors
    felt: Felt
    alone: Alone | None
    counted: Sequence[CoinMargin[Decimal]]


NO_PRICE = Triggers(None, None)
"""Where none does it, or none is asked for."""
UNFELT = Felt((), {}, False)
"""Where no price of several marks is asked for."""


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
        now = Instant(account, rulebook, layout, mark_column(layout, marks.marks, marks.indexes), bases, prices)
        stand = stand_of(layout, rulebook, now.column)
        grounds = _grounds(now, stand.alone)
        legs: list[LegView] = []
        pools: list[PoolView] = []
        homes: list[Home] = []
        for i, margin in enumerate(stand.margins):
            home = _home(now, i, margin, stand.alone.get(i), grounds.get(i))
            spec, pool = home.spec, home.pool
            views = [_leg_view(now, home, key, leg) for key, leg in zip(spec.legs, pool.legs, strict=True)]
            legs.extend(views)
            pools.append(_pool_view(now, home, views))
            homes.append(home)
        asks = tuple(OrdersView(r.name, r.asset, r.isolated, _order_margin(now, r)) for r in layout.resting)
        assets: list[AssetView] = []
        valued = None
        for home in homes:
            if home.spec.key == "account":
                assets += [_coin_view(now, home, i, legs, outside) for i in range(len(home.counted))]
                valued = _account_view(now, home, home.counted)
            elif not home.spec.isolated and not home.spec.apart:
                assets.append(_asset_view(now, home, legs, asks, outside))
    return Assessment(rulebook.name, tuple(legs), tuple(pools), tuple(assets), asks, valued)


def _grounds(now: Instant, alone: Mapping[int, Alone]) -> dict[int, tuple[Ground, Felt]]:
    """The cash that each pool apart stands on, by its place, and what it feels: where losses are locked, all marks of those on
    the cash."""
    grounds: dict[int, tuple[Ground, Felt]] = {}
    rules, layout, column = now.rulebook.rules, now.layout, now.column
    for cash in layout.cashes:
        markets = held_brackets(rules, layout.pools[cash.shared], column, layout.markets)
        ground = ground_of(layout, now.rulebook, cash, alone, column, markets)
        felt = UNFELT
        if now.prices is Prices.ALL:
            felt = _felt(now, [leg for i in cash.apart for leg in layout.pools[i].legs], ())
        for i in cash.apart:
            at = layout.pools[i].legs[0].market
            grounds[i] = ground, felt if ground.crowd else Felt((at,), {now.bases[at]: (at,)}, felt.mixed)
    return grounds


def _home(now: Instant, i: int, margin: PoolMargin[Decimal], alone: Alone | None, ground: tuple[Ground, Felt] | None) -> Home:
    spec, pool, rules = now.layout.specs[i], now.layout.pools[i], now.rulebook.rules
    if ground is not None:
        on, felt = ground
        solved = _unsolved if now.prices is Prices.NONE else solver_apart(on, i, margin)
        return Home(spec, pool, margin, on.markets, solved, _factors(solved), felt, alone, ())
    markets, solved, felt = now.layout.markets, _unsolved, UNFELT
    if pool.legs or pool.wallets:
        markets = held_brackets(rules, pool, now.column, markets)
        solved = solver_of(rules, pool, margin, now.column, markets)
        if now.prices is Prices.ALL:
            felt = _felt(now, pool.legs, pool.rests)
    counted = _counted(now, pool, margin) if pool.wallets else ()
    return Home(spec, pool, margin, markets, solved, _factors(solved), felt, alone, counted)


def _unsolved(moving: tuple[int, ...]) -> Solved:
    raise AssertionError(f"a price of markets {moving} is asked of a pool without legs, or where none is wanted")


def _order_margin(now: Instant, resting: RestingSpec) -> Decimal:
    at = resting.row.market
    return now.rulebook.rules.order_margin(resting.row, now.column[at], now.layout.markets[at])


def _triggers(now: Instant, at: Home, leg: Leg[Decimal]) -> tuple[Triggers, Triggers]:
    """(this mark alone moves, every mark of the coin moves together), as prices of the leg's symbol."""
    mark, base, rules = now.column[leg.market], now.bases[leg.market], now.rulebook.rules
    if now.layout.markets[leg.market].spot:
        own = prices_at(at.solved(_with_coin(now, leg.market)), mark)
    elif rules.PRICES_STATED:
        found = in_wide_digits(rules.stated_liquidation_price, leg, at.pool, at.margin, now.column, at.markets)
        price = +found.price if found.found else None
        own = Triggers(price, None) if price is not None and price < mark else Triggers(None, price)
    else:
        own = prices_at(at.solved((leg.market,)), mark)
    if now.prices is Prices.OWN:
        return own, NO_PRICE
    coin = at.felt.coins[base]
    return own, own if len(coin) == 1 else at_factor(at.together(coin), mark)


def _with_coin(now: Instant, market: int) -> tuple[int, ...]:
    """A market in coins themselves, and where the marks column holds the price of its coin, which is what moves."""
    first = len(now.layout.symbols)
    return market, first + now.layout.assets.index(now.bases[market])


def _factors(solved: Solver) -> Factors:
    """The factors by which markets fail together; each set is rounded and checked once, for all its legs."""
    known: dict[tuple[int, ...], Triggers] = {}

    def factors(moving: tuple[int, ...]) -> Triggers:
        if moving not in known:
            known[moving] = prices_at(solved(moving), ONE)
        return known[moving]

    return factors


def _felt(now: Instant, legs: Sequence[Leg[Decimal]], rests: Sequence[Rest[Decimal]]) -> Felt:
    """What is felt of the marks of some legs and of the orders in a valued pool."""
    layout, bases = now.layout, now.bases
    markets = tuple(sorted({leg.market for leg in legs} | {rest.market for rest in rests}))
    coins: dict[str, tuple[int, ...]] = {}
    for at in markets:
        coins[bases[at]] = (*coins.get(bases[at], ()), at)
    if layout.assets:
        first = len(layout.symbols)
        places = {asset: first + i for i, asset in enumerate(layout.assets)}
        coins = {base: (*found, places[base]) if base in places else found for base, found in coins.items()}
    kinds = {layout.markets[leg.market].inverse for leg in legs}
    return Felt(markets, coins, len(kinds) > 1 and not layout.assets)


def money_behind(
    layout: Layout,
    rulebook: Rulebook,
    column: Sequence[Decimal],
    spec: PoolSpec,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    leg: Leg[Decimal],
) -> Decimal | None:
    """The money that stands behind a leg alone: inside its wall, or the cash that the legs beside it leave; None where it
    shares a pool."""
    if spec.isolated:
        return leg.margin
    if not spec.apart or len(pool.legs) > 1:
        return None
    if rulebook.rules.MARGIN_FOLLOWS:
        return margin.balance - rulebook.rules.profit(leg, column[leg.market], layout.markets[leg.market])
    return pool.cash - pool.reserved - locked_beside(pool, layout, rulebook, column)


def _behind(now: Instant, home: Home, leg: Leg[Decimal]) -> Decimal | None:
    """As `money_behind`, with what the others lock summed before."""
    if home.alone is None or len(home.pool.legs) > 1:
        return leg.margin if home.spec.isolated and not home.spec.assets else None
    if now.rulebook.rules.MARGIN_FOLLOWS:
        return home.margin.balance - home.alone.gain
    return home.pool.cash - home.pool.reserved - home.alone.taken


def _bankruptcy(now: Instant, home: Home, leg: Leg[Decimal], behind: Decimal) -> Found[Decimal]:
    """At more digits than the answer has: at 1x two nearly equal numbers are subtracted."""
    found = in_wide_digits(now.rulebook.rules.bankruptcy_price, leg, behind, home.markets[leg.market])
    return Found(found.found, +found.price)


def _leg_view(now: Instant, home: Home, key: LegKey, leg: Leg[Decimal]) -> LegView:
    own, together = (NO_PRICE, NO_PRICE) if now.prices is Prices.NONE else _triggers(now, home, leg)
    spec = home.spec
    behind = _behind(now, home, leg)
    position = now.layout.held[key]
    rules, market, mark = now.rulebook.rules, now.layout.markets[leg.market], now.column[leg.market]
    instrument = now.rulebook.instruments[position.symbol]
    value = rules.value(leg.amount, mark, market)
    row = rules.bracket(value, leg.tier, market)
    price = nearest(own, mark)
    other = own.above if price == own.below else own.below
    bankrupt = NOWHERE if behind is None else _bankruptcy(now, home, leg, behind)
    at = leg, mark, market
    if market.spot:
        profit, locked, initial, maintenance, fee = _of_coins(now, home, leg)
    elif home.alone is not None and len(home.pool.legs) == 1:  # how that one leg stands is known
        stand, profit, locked = home.alone.standing, home.alone.gain, home.alone.lock
        initial, maintenance, fee = stand.initial, stand.maintenance, stand.closing_fee
    else:
        profit, locked = rules.profit(*at), rules.position_margin(*at)
        initial, maintenance, fee = rules.initial_margin(*at), rules.maintenance_margin(*at), rules.closing_fee(*at)
    found = NOWHERE if price is None else Found(True, price)
    coin = home.counted[leg.wallet] if home.counted else None
    columns = (home.pool, home.margin, coin, now.column, now.layout.markets)
    asked = PriceAsk(found, leg, *columns, position.size, position.mode, instrument.tick)
    return LegView(  # in the order of its fields: 26 names would cost as much as all that is asked of the rules
        rules.leg_name(key, now.account.position_mode),
        position.symbol,
        position.mode,
        position.side,
        spec.asset if market.spot and (spec.isolated or spec.kept) else instrument.settle,
        spec.key,
        position.size,
        position.entry_price,
        position.leverage,
        mark,
        value,
        profit,
        initial,
        maintenance,
        fee,
        locked,
        rules.liquidation_fee(*at),
        position.isolated_margin,
        row,
        instrument.brackets[row].max_leverage,
        bankrupt.price if bankrupt.found else None,
        rules.break_even_price(position, market.taker_rate),
        price,
        other if price is not None else None,
        rules.displayed_liquidation_price(asked),
        nearest(together, mark),
    )



def _of_coins(now: Instant, home: Home, leg: Leg[Decimal]) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
    """(profit, margin locked, initial, maintenance, closing fee) of a position in coins themselves. An isolated one is its
    pool: its profit is what that is worth beyond the margin put in, interest and fees taken off. One in cross that keeps its
    coins is a part of its pool; else the requirement is that of the debts of the whole account and no position's own."""
    margin = home.margin
    if not (home.spec.isolated or home.spec.kept):
        market = now.layout.markets[leg.market]
        return now.rulebook.rules.profit(leg, now.column[leg.market], market), ZERO, ZERO, ZERO, ZERO
    if not home.spec.isolated:
        margin = now.rulebook.rules.assess_pool(_alone(home.pool, leg), now.column, now.layout.markets)
        return margin.balance, ZERO, margin.initial, margin.maintenance, margin.requirement - margin.maintenance
    return margin.balance - leg.margin, leg.margin, margin.initial, margin.maintenance, margin.requirement - margin.maintenance


def _alone(pool: Pool[Decimal], leg: Leg[Decimal]) -> Pool[Decimal]:
    """What of a pool a leg with coins of its own is by itself."""
    at = 2 * pool.legs.index(leg)
    own = msgspec.structs.replace(leg, wallet=leg.wallet - at)
    return Pool(ZERO, (own,), ZERO, 0, ZERO, ZERO, ZERO, ZERO, ZERO, pool.wallets[at : at + 2])


def _pool_view(now: Instant, home: Home, views: Sequence[LegView]) -> PoolView:
    spec, pool, margin = home.spec, home.pool, home.margin
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
        venue_ratio=now.rulebook.rules.venue_ratio(margin, spec, now.account),
        liquidatable=(bool(pool.legs or pool.wallets) or margin.requirement > 0)
        and now.rulebook.rules.is_liquidatable(margin.balance, margin.requirement),
        portfolio_liquidation_move=_common_move(now, home, views) if now.prices is Prices.ALL else None,
    )


def _common_move(now: Instant, home: Home, views: Sequence[LegView]) -> Decimal | None:
    """As `portfolio_move` with every beta 1, solved exactly where all of the pool's contracts are of one kind. Where prices
    are stated and a pool apart feels no other mark, it is that of the price. Of a pool that only owes, the coins move."""
    pool, margin, solved = home.pool, home.margin, home.solved
    if not pool.legs and not _owes(pool):
        return None
    if margin.balance <= margin.requirement:
        return ZERO
    if home.felt.mixed:
        return portfolio_move(pool, now.column, now.layout, now.rulebook, {})
    moving = home.felt.markets
    if now.rulebook.rules.PRICES_STATED and pool.apart and len(moving) == 1:
        price = views[0].liquidation_price
        return None if price is None else price / views[0].mark - 1
    moving += moving_coins(now.layout, now.rulebook, pool)
    ends = (solved(moving).below, solved(moving).above) if moving else ()
    return min([factor - 1 for factor in ends if factor is not None], key=abs, default=None)


def _asset_view(
    now: Instant,
    home: Home,
    legs: Sequence[LegView],
    asks: Sequence[OrdersView],
    outside: Mapping[str, Outside] | None,
) -> AssetView:
    rules, spec, pool, margin = now.rulebook.rules, home.spec, home.pool, home.margin
    cross_orders = sum((a.order_initial_margin for a in asks if a.asset == spec.asset and not a.isolated), ZERO)
    isolated_orders = sum((a.order_initial_margin for a in asks if a.asset == spec.asset and a.isolated), ZERO)
    mine = [leg for leg in legs if leg.asset == spec.asset]
    inner = [leg for leg in mine if leg.mode is MarginMode.ISOLATED]
    assigned = sum((leg.isolated_margin for leg in inner), ZERO)
    walled = [leg for leg in inner if LegKey(leg.symbol, leg.mode, leg.side) not in spec.beside]
    other = (outside or {}).get(spec.asset, Outside())
    running = sum((leg.unrealised_pnl for leg in mine), pool.outside_pnl)
    return AssetView(
        asset=spec.asset,
        wallet_balance=pool.cash + (assigned if rules.WALLET_HOLDS_ISOLATED else ZERO),
        cash=pool.cash,
        equity=pool.cash + running + assigned + other.isolated_equity,
        available_balance=rules.available_balance(pool, margin, cross_orders, isolated_orders),
        withdrawable=rules.may_leave(
            regime_of(now.rulebook, now.account),
            rules.available_balance(pool, margin, cross_orders, isolated_orders),
            rules.withdrawable(pool, margin, cross_orders, isolated_orders),
        ),
        account_initial_margin=margin.initial
        + sum((leg.initial_margin for leg in walled), ZERO)
        + cross_orders
        + isolated_orders,
        account_maintenance_margin=margin.maintenance + sum((leg.maintenance_margin for leg in walled), ZERO),
    )


def _counted(now: Instant, pool: Pool[Decimal], margin: PoolMargin[Decimal]) -> list[CoinMargin[Decimal]]:
    """The coins of a valued pool, one after the other; of any other pool none is asked for."""
    if not pool.wallets:
        return []
    coin, markets = now.rulebook.rules.assess_coin, now.layout.markets
    return [coin(pool, margin, i, now.column, markets) for i in range(len(pool.wallets))]


def _coin_view(
    now: Instant, home: Home, at: int, legs: Sequence[LegView], outside: Mapping[str, Outside] | None
) -> AssetView:
    """One coin of a valued pool; its margins are those of the legs that settle in it."""
    rules, asset, cash = now.rulebook.rules, home.spec.assets[at], home.pool.wallets[at].balance
    coin, other = home.counted[at], (outside or {}).get(home.spec.assets[at], Outside())
    mine = [leg for leg in legs if leg.asset == asset]
    walled = [leg for leg in mine if leg.mode is MarginMode.ISOLATED]
    assigned = sum((leg.isolated_margin for leg in walled), ZERO)
    return AssetView(
        asset=asset,
        wallet_balance=cash + (assigned if rules.WALLET_HOLDS_ISOLATED else ZERO),
        cash=cash,
        equity=coin.equity + assigned + sum((leg.unrealised_pnl for leg in walled), ZERO) + other.isolated_equity,
        available_balance=coin.available,
        withdrawable=coin.withdrawable,
        account_initial_margin=sum((leg.initial_margin for leg in mine), ZERO),
        account_maintenance_margin=sum((leg.maintenance_margin for leg in mine), ZERO),
        collateral_value=coin.collateral_value,
        borrowed=coin.borrowed,
        liquidation_price=_coin_price(now, home, at),
        for_orders=coin.for_orders,
    )


def _coin_price(now: Instant, home: Home, at: int) -> Decimal | None:
    """The index price of a coin at which a pool with debts fails, when that price alone moves; the nearer one."""
    pool = home.pool
    if now.prices is Prices.NONE or not _owes(pool):
        return None
    place = pool.wallets[at].place
    return nearest(prices_at(home.solved((place,)), now.column[place]), now.column[place])


def _owes(pool: Pool[Decimal]) -> bool:
    return any(wallet.borrowed > 0 or wallet.balance < 0 for wallet in pool.wallets)


def _account_view(now: Instant, home: Home, coins: Sequence[CoinMargin[Decimal]]) -> AccountView:
    spec, pool, margin = home.spec, home.pool, home.margin
    settled = pool.cash + sum((coin.settled_value for coin in coins), ZERO)
    idle = sum((coin.idle for coin in coins), ZERO)
    whole = sum((coin.equity * now.column[w.place] for coin, w in zip(coins, pool.wallets, strict=True)), ZERO)
    return AccountView(
        pool=spec.key,
        asset=spec.asset,
        wallet_balance=settled,
        unrealised_pnl=pool.outside_pnl + sum((coin.collateral_value - coin.settled_value for coin in coins), ZERO),
        equity=pool.cash + pool.outside_pnl + whole,
        available_balance=now.rulebook.rules.available_balance(pool, margin, ZERO, ZERO) - idle,
        initial_margin=margin.initial,
        maintenance_margin=margin.maintenance,
        venue_initial_ratio=now.rulebook.rules.venue_initial_ratio(margin),
    )
