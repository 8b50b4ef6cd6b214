"""An account laid out as the columns that rules read: markets, pools and resting orders. Built once per account state;
marks may then change as often as they like. Exact numbers only; no prices enter here."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from plimsoll.errors import BadInput
from plimsoll.model import (
    Account,
    Coin,
    Fees,
    Instrument,
    Kind,
    LegKey,
    LegSide,
    MarginMode,
    Order,
    Outside,
    Position,
    PositionMode,
    closing_of,
    leg_key,
)
from plimsoll.number import ONE, ZERO
from plimsoll.rulebook import Rulebook, regime_of
from plimsoll.rules.columns import PART, Leg, Market, Pool, Rest, Resting, Standing, Wallet
from plimsoll.rules.drawing import PoolSpec, each_apart
from plimsoll.rules.resting import new_value, opens

NO_FEES = Fees(ZERO, ZERO)
NOTHING = Outside()
BARE = Coin(())
"""A coin that is nowhere counted by itself."""


class RestingSpec(msgspec.Struct, frozen=True, gc=False):
    """Resting opening orders as one row: printed name, settle asset, whether they are for an isolated position; the orders
    themselves, and the leg they trade in."""

    name: str
    asset: str
    isolated: bool
    row: Resting[Decimal]
    orders: tuple[Order, ...]
    leg: LegKey


class Cash(msgspec.Struct, frozen=True, gc=False):
    """A cash that pools apart stand on, as places in the layout. `whole`: whether the legs beside `shared`, the pool of the
    cash itself, are those of the pools apart, one leg each, and no others."""

    shared: int
    apart: tuple[int, ...]
    whole: bool


class Layout(msgspec.Struct, frozen=True, gc=False):
    """`symbols[i]` names `markets[i]`; `assets`: the coins of valued pools, whose prices follow the marks in the marks column;
    `specs[i]` describes `pools[i]`; `held`: the positions by their keys; `cashes`: of pools apart. `standings`: how these
    stood when a mark last left its range, by their place; filled as marks are looked at, and never wrong within the range."""

    symbols: tuple[str, ...]
    assets: tuple[str, ...]
    markets: tuple[Market[Decimal], ...]
    specs: tuple[PoolSpec, ...]
    pools: tuple[Pool[Decimal], ...]
    resting: tuple[RestingSpec, ...]
    held: Mapping[LegKey, Position]
    cashes: tuple[Cash, ...]
    standings: dict[int, Standing[Decimal]]


def market_of(instrument: Instrument, fees: Fees, regime: int = 0) -> Market[Decimal]:
    """The columns of one instrument. `fees`: the account's; `regime`: that of
    `regime_of`; what enters a wall at a fill does not depend on it."""
    floors, rates, deductions, leverages, initials, quote_floors = instrument.columns
    return Market(  # in the order of its fields: names would cost as much again, for every position and every account
        instrument.kind == "inverse",
        instrument.multiplier,
        (instrument.lot or ZERO) * instrument.multiplier,
        instrument.tick or ZERO,
        closing_of(fees, instrument),
        instrument.liquidation_fee_rate or ZERO,
        len(floors),
        floors,
        rates,
        deductions,
        leverages,
        initials,
        instrument.unit or ZERO,
        instrument.funding_rate or ZERO,
        regime,
        instrument.kind == "spot",
        instrument.terms,
        quote_floors,
    )


def lay_out(account: Account, rulebook: Rulebook, outside: Mapping[str, Outside] | None = None) -> Layout:
    """The account as columns. `outside`: asset -> totals of cross legs that are not listed. BadInput: unknown symbol."""
    symbols = tuple(dict.fromkeys([p.symbol for p in account.positions] + [o.symbol for o in account.orders]))
    for symbol in symbols:
        if symbol not in rulebook.instruments:
            raise BadInput(rulebook.name, "symbol", symbol, rulebook.gaps.get(symbol, "the rulebook has no such instrument"))
    index = {symbol: i for i, symbol in enumerate(symbols)}
    regime = regime_of(rulebook, account)
    markets = tuple(market_of(rulebook.instruments[symbol], account.fees, regime) for symbol in symbols)
    held = {leg_key(position): position for position in account.positions}
    specs = rulebook.rules.pools_of(account, rulebook.instruments)
    extra = outside or {}
    known = {asset for spec in specs for asset in (spec.asset, *spec.assets)}
    specs += tuple(PoolSpec(f"asset:{asset}", asset, False, ()) for asset in extra if asset not in known)
    if rulebook.rules.cross_apart(regime):
        specs = each_apart(specs)
    assets = tuple(dict.fromkeys(asset for spec in specs for asset in (*spec.assets, *spec.kept)))
    resting = tuple(_resting(account, rulebook, index, held))
    places = {asset: len(symbols) + i for i, asset in enumerate(assets)}
    at = _At(account, rulebook, index, places, held, resting, {}, markets, extra)
    pools = tuple([_pool(spec, at, extra.get(spec.asset)) for spec in specs])
    return Layout(symbols, assets, markets, specs, pools, resting, held, _cashes(specs), {})


def _cashes(specs: Sequence[PoolSpec]) -> tuple[Cash, ...]:
    """The cashes that pools apart stand on."""
    apart: dict[str, list[int]] = {}
    for i, spec in enumerate(specs):
        if spec.apart:
            apart.setdefault(spec.asset, []).append(i)
    cashes = []
    for i, spec in enumerate(specs):
        if not spec.apart and not spec.isolated and spec.asset in apart:
            mine = apart[spec.asset]
            single = all(len(specs[at].legs) == 1 for at in mine)
            cashes.append(Cash(i, tuple(mine), single and len(spec.beside) == len(mine)))
    return tuple(cashes)


class _At(msgspec.Struct, frozen=True, gc=False):
    """An account being laid out. `markets`: symbol -> its place in `columns`; `places`: coin -> its place in the marks
    column; `legs`: those laid out so far, since a leg may stand beside many pools; `outside`: asset -> totals that a source
    states."""

    account: Account
    rulebook: Rulebook
    markets: Mapping[str, int]
    places: Mapping[str, int]
    held: Mapping[LegKey, Position]
    resting: tuple[RestingSpec, ...]
    legs: dict[LegKey, Leg[Decimal]]
    columns: tuple[Market[Decimal], ...]
    outside: Mapping[str, Outside]


def _set_aside(spec: PoolSpec, at: _At) -> Decimal:
    """Margin of the asset's resting orders, where the venue takes it off the cash; it does not depend on marks there."""
    rows = [r.row for r in at.resting if r.asset == spec.asset] if spec.less_orders else []
    return sum([at.rulebook.rules.order_margin(row, ZERO, at.columns[row.market]) for row in rows], ZERO)


def _leg_at(key: LegKey, spec: PoolSpec, at: _At) -> Leg[Decimal]:
    """The leg under a key, laid out once; anew in a pool with wallets, among which its own are counted."""
    if spec.assets or spec.kept:
        return _leg(at.held[key], spec, at)
    if key not in at.legs:
        at.legs[key] = _leg(at.held[key], spec, at)
    return at.legs[key]


def _leg(position: Position, spec: PoolSpec, at: _At) -> Leg[Decimal]:
    rules, instrument = at.rulebook.rules, at.rulebook.instruments[position.symbol]
    alone = position.mode is MarginMode.ISOLATED
    return Leg(  # in the order of its fields, as in `market_of`
        at.markets[position.symbol],
        position.size * instrument.multiplier,
        rules.entry_in_rules(position.entry_price),
        position.leverage,
        rules.initial_rate(position.leverage),
        position.isolated_margin,
        alone,
        rules.tier_of(position, at.account, at.rulebook.instruments),
        position.added_margin,
        position.lost_margin,
        _paid(position, at),
        _wallet_of(position, instrument, spec),
        at.account.cash.get(instrument.settle, ZERO) if alone and position.auto_add_margin else ZERO,
        ZERO if position.remarked is None else position.remarked,
        -ONE if position.part_sold is None else ZERO,
    )


def _wallet_of(position: Position, instrument: Instrument, spec: PoolSpec) -> int:
    """The place among the pool's wallets of the coin that a leg settles in; of a leg with coins of its own that one of its two
    in which the pool is told."""
    if spec.assets:
        return spec.assets.index(spec.asset if spec.isolated else instrument.settle)
    if not spec.kept:
        return 0
    return 2 * spec.legs.index(leg_key(position)) + (0 if spec.asset == instrument.base else 1)


def leg_of(position: Position, account: Account, rulebook: Rulebook) -> Leg[Decimal]:
    """One position as a row of its own, its market the first."""
    instrument = rulebook.instruments[position.symbol]
    columns = (market_of(instrument, NO_FEES),)
    spec = PoolSpec("", instrument.settle, False, ())
    return _leg(position, spec, _At(account, rulebook, {position.symbol: 0}, {}, {}, (), {}, columns, {}))


def sized(position: Position, mark: Decimal, rulebook: Rulebook, fees: Fees = NO_FEES) -> Decimal:
    """What the venue puts into the wall of an isolated position when it sizes it anew. Call inside `exact()`."""
    alone = Account(PositionMode.ONE_WAY, {}, (position,), fees=fees)
    market = market_of(rulebook.instruments[position.symbol], fees)
    return rulebook.rules.sized_margin(leg_of(position, alone, rulebook), mark, market)


def _paid(position: Position, at: _At) -> Decimal:
    """The cost column: what was paid, where the venue counts in whole units; 0 where it follows from the entry price."""
    if position.cost is not None:
        return position.cost
    market = at.columns[at.markets[position.symbol]]
    return ZERO if market.unit == 0 else _cost_of(position, at.rulebook, market)


def signed_cost(position: Position, rulebook: Rulebook) -> Decimal:
    """The value paid, as the venue counts it: negative for a long inverse and a short other position. Call inside `exact()`."""
    if position.cost is not None:
        return position.cost
    return _cost_of(position, rulebook, market_of(rulebook.instruments[position.symbol], NO_FEES))


def _cost_of(position: Position, rulebook: Rulebook, market: Market[Decimal]) -> Decimal:
    paid = rulebook.rules.value(position.size * market.multiplier, position.entry_price, market)
    return paid if (position.size > 0) != market.inverse else -paid


def _pool(spec: PoolSpec, at: _At, outside: Outside | None) -> Pool[Decimal]:
    account, resting = at.account, at.resting
    legs = tuple([_leg_at(key, spec, at) for key in spec.legs])
    other = NOTHING if outside is None or spec.isolated else outside
    cash = legs[0].margin if spec.isolated else account.cash.get(spec.asset, ZERO)
    reserved, orders = other.reserved, 0
    if account.orders:
        orders = len(orders_in_scope(spec, account, at.rulebook))
        if not spec.isolated:
            reserved = _reserved(spec, account, at.rulebook) + _set_aside(spec, at) + other.reserved
    counted = NOTHING if spec.apart else other
    return Pool(  # in the order of its fields, as in `market_of`
        counted.wallet_balance if spec.assets else cash + counted.wallet_balance,
        legs,
        reserved,
        orders,
        counted.unrealised_pnl,
        counted.initial_margin,
        counted.maintenance_margin,
        counted.closing_fee,
        ZERO,
        tuple([_wallet(asset, spec, at) for asset in spec.assets]) if spec.assets else _kept(spec, at),
        tuple([rest for found in resting for rest in _rests(found, spec, at)]) if spec.assets and resting else (),
        tuple([at.legs.get(key) or _leg_at(key, spec, at) for key in spec.beside]) if spec.beside else (),
        spec.apart,
        tuple([r.row for r in resting if r.asset == spec.asset]) if spec.apart and not spec.less_orders else (),
        bool(spec.kept) or (spec.isolated and bool(spec.assets)),
    )


def _wallet(asset: str, spec: PoolSpec, at: _At) -> Wallet[Decimal]:
    """A coin with what it counts, of the account or inside the wall of an isolated spot position. Profit of legs that a source
    does not list stands in its balance. BadInput: the rulebook does not know the coin."""
    inside = at.held[spec.legs[0]] if spec.isolated else at.account
    coin = at.rulebook.coins.get(asset)
    if coin is None:
        cure = "what this coin counts as collateral is not known here; add [[collateral]] in a table file of your own"
        raise BadInput(at.rulebook.name, "coin", asset, cure)
    coin = at.rulebook.rules.coin_in_rules(coin, asset, spec, at.account, at.rulebook.instruments, at.rulebook.reading)
    other = NOTHING if spec.isolated else at.outside.get(asset, NOTHING)
    return _counted(coin, asset, inside, at, spec.isolated or asset not in at.account.not_collateral, other)


def _kept(spec: PoolSpec, at: _At) -> tuple[Wallet[Decimal], ...]:
    """The coins that cross legs of a pool of one asset keep by themselves: base and quote of each, one leg after the other."""
    owners = [at.held[spec.legs[i // 2]] for i in range(len(spec.kept))]
    return tuple([_counted(BARE, asset, p, at, True) for p, asset in zip(owners, spec.kept, strict=True)])


def _counted(
    coin: Coin, asset: str, inside: Account | Position, at: _At, collateral: bool, other: Outside = NOTHING
) -> Wallet[Decimal]:
    """What there is of a coin and owed of it in one place, as a column."""
    columns = coin.columns
    there = inside.cash if isinstance(inside, Account) else inside.coins or {}
    return Wallet(
        place=at.places[asset],
        balance=there.get(asset, ZERO) + other.wallet_balance + other.unrealised_pnl - other.reserved,
        borrowed=inside.borrowed.get(asset, ZERO) + inside.interest.get(asset, ZERO),
        collateral=collateral,
        rows=len(columns.floors),
        floors=columns.floors,
        ratios=columns.ratios,
        loan_rows=len(columns.loan_floors),
        loan_floors=columns.loan_floors,
        loan_initial=columns.loan_initial,
        loan_maintenance=columns.loan_maintenance,
        loans_by_value=coin.loans_by_value,
        by_worth=coin.by_worth,
        repayment_rate=coin.repayment_rate,
        lends=at.account.options.get("auto_borrow") != "off",
        restricted=asset in at.account.restricted,
        outside_initial=other.initial_margin,
        outside_maintenance=other.maintenance_margin,
        outside_fee=other.closing_fee,
        dearer=ONE + coin.ask_buffer,
        sold=ONE - coin.sell_buffer,
        bought=ONE + coin.buy_buffer,
        exchanged_below=coin.exchange_below or ZERO,
        is_base=coin.is_base,
    )


def _rests(found: RestingSpec, spec: PoolSpec, at: _At) -> Iterable[Rest[Decimal]]:
    """The opening orders of one leg of a valued pool, in the order in which they were placed. An isolated leg is not of the
    account's pool, but until its orders are filled their money is; inside a wall there are none but its own."""
    if spec.isolated and found.leg not in spec.legs:
        return
    row, leads, instrument = found.row, True, at.rulebook.instruments[found.leg.symbol]
    for order in filter(opens, found.orders):
        assert order.price is not None
        amount = order.size * instrument.multiplier
        yield Rest(
            market=row.market,
            wallet=spec.assets.index(found.asset),
            leg=spec.legs.index(found.leg) if found.leg in spec.legs else -1,
            amount=amount if order.side == "buy" else -amount,
            price=order.price,
            leads=leads,
            held=row.amount,
            buys=row.buys,
            sells=row.sells,
            initial_rate=row.initial_rate,
            leverage=row.leverage,
            new_buys=row.new_buys,
            new_sells=row.new_sells,
            isolated=found.isolated,
            tier=row.tier,
            base=spec.assets.index(instrument.base) if instrument.kind is Kind.SPOT else -1,
        )
        leads = False


def _reserved(spec: PoolSpec, account: Account, rulebook: Rulebook) -> Decimal:
    """What all resting orders that settle in the pool's asset take off its balance. A valued pool counts them by coin, as its
    rules do: nothing here."""
    total = ZERO
    for order in account.orders:
        instrument = rulebook.instruments[order.symbol]
        if instrument.settle == spec.asset and not spec.assets:
            taker = closing_of(account.fees, instrument)
            total += rulebook.rules.order_reserve(order, instrument, taker)
    return total


def orders_in_scope(spec: PoolSpec, account: Account, rulebook: Rulebook) -> tuple[Order, ...]:
    """Orders that a liquidation of this pool cancels: of those that settle in its assets, the ones the venue names."""
    return tuple(
        order
        for order in account.orders
        if rulebook.instruments[order.symbol].settle in spec.coins and rulebook.rules.cancels(order, spec)
    )


def order_value(order: Order, rulebook: Rulebook) -> Decimal:
    """Value of a limit order at its own price, in the settle asset."""
    assert order.price is not None
    market = market_of(rulebook.instruments[order.symbol], NO_FEES)
    return rulebook.rules.value(order.size * market.multiplier, order.price, market)


def leverage_of(account: Account, rulebook: Rulebook, symbol: str, mode: MarginMode, side: LegSide) -> Decimal:
    """The leverage in force for a new trade: the user's setting, else the venue's default."""
    keys = (rulebook.rules.leverage_key(symbol, mode, at) for at in (side, LegSide.NET))
    return next((account.leverages[key] for key in keys if key in account.leverages), rulebook.rules.DEFAULT_LEVERAGE)


def _resting(
    account: Account, rulebook: Rulebook, index: Mapping[str, int], held: Mapping[LegKey, Position]
) -> Iterable[RestingSpec]:
    groups: dict[LegKey, list[Order]] = {}
    for order in account.orders:
        groups.setdefault(LegKey(order.symbol, order.mode, order.position_side), []).append(order)

    def worth(order: Order) -> Decimal:
        return order_value(order, rulebook)

    for key, orders in groups.items():
        instrument = rulebook.instruments[key.symbol]
        position = held.get(key)
        netted = key.side is LegSide.NET and position is not None
        leverage = position.leverage if position is not None else leverage_of(account, rulebook, *key)
        buys = [o for o in orders if o.side == "buy" and opens(o)]
        sells = [o for o in orders if o.side == "sell" and opens(o)]
        closable = position.size if netted and position is not None else ZERO
        standing = position or Position(key.symbol, key.mode, key.side, ZERO, ONE, leverage)
        row = Resting(
            market=index[key.symbol],
            amount=position.size * instrument.multiplier if netted and position is not None else ZERO,
            buys=sum(map(worth, buys), ZERO),
            sells=sum(map(worth, sells), ZERO),
            initial_rate=rulebook.rules.initial_rate(leverage),
            leverage=leverage,
            new_buys=new_value(buys, "buy", -closable, worth),
            new_sells=new_value(sells, "sell", closable, worth),
            gross=sum((o.size * instrument.multiplier for o in (*buys, *sells)), ZERO),
            tier=rulebook.rules.tier_of(standing, account, rulebook.instruments),
            isolated=key.mode is MarginMode.ISOLATED,
        )
        name = rulebook.rules.leg_name(key, account.position_mode)
        yield RestingSpec(name, instrument.settle, key.mode is MarginMode.ISOLATED, row, tuple(orders), key)


def locked_beside(pool: Pool[Decimal], layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> Decimal:
    """What the legs beside a pool lock of the cash that it stands on."""
    legs = [(leg, marks[leg.market], layout.markets[leg.market]) for leg in pool.beside]
    return sum((rulebook.rules.position_margin(*leg) for leg in legs), ZERO)


def legs_by_key(layout: Layout) -> dict[LegKey, Leg[Decimal]]:
    """Every leg of every pool under the key of its position."""
    pairs = zip(layout.specs, layout.pools, strict=True)
    return {key: leg for spec, pool in pairs for key, leg in zip(spec.legs, pool.legs, strict=True)}


def sells_in_parts(leg: Leg[Decimal], layout: Layout, rulebook: Rulebook) -> bool:
    """Whether a forced sale of a leg would be of a part, with a pause behind it (asked at its entry, a hair below its
    requirement), or such a pause is still heeded. Call inside `exact()`."""
    rules = rulebook.rules
    if rules.WAITS == 0 or leg.since >= 0:
        return rules.WAITS != 0
    marks = [ONE] * (len(layout.symbols) + len(layout.assets))
    marks[leg.market] = leg.entry
    pool = Pool(ZERO, (leg,), ZERO, 0, ZERO, ZERO, ZERO, ZERO, ZERO)
    margin = rules.assess_pool(pool, marks, layout.markets)
    failing = msgspec.structs.replace(margin, balance=margin.requirement * (1 - ONE / 10**9))
    return rules.next_step(2, pool, failing, marks, marks, layout.markets, rulebook.reading).kind == PART
