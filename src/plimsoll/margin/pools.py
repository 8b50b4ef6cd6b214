"""An account laid out as the columns that rules read: markets, pools and resting orders. Built once per account state;
marks may then change as often as they like. Exact numbers only; no prices enter here."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from plimsoll.errors import BadInput
from plimsoll.model import (
    Account,
    Fees,
    Instrument,
    LegKey,
    LegSide,
    MarginMode,
    Order,
    OrderType,
    Outside,
    Position,
    PositionMode,
    leg_key,
)
from plimsoll.number import ONE, ZERO
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Leg, Market, Pool, Resting
from plimsoll.rules.drawing import PoolSpec, each_apart

NO_FEES = Fees(ZERO, ZERO)


class RestingSpec(NamedTuple):
    """Resting opening orders as one row: printed name, settle asset, whether they are for an isolated position."""

    name: str
    asset: str
    isolated: bool
    row: Resting[Decimal]


class Layout(NamedTuple):
    """`symbols[i]` names `markets[i]`; `specs[i]` describes `pools[i]`; `held`: the positions by their keys."""

    symbols: tuple[str, ...]
    markets: tuple[Market[Decimal], ...]
    specs: tuple[PoolSpec, ...]
    pools: tuple[Pool[Decimal], ...]
    resting: tuple[RestingSpec, ...]
    held: Mapping[LegKey, Position]


def market_of(instrument: Instrument, taker_rate: Decimal) -> Market[Decimal]:
    """The columns of one instrument; the instrument's own taker rate wins over the account's."""
    rows = instrument.brackets
    return Market(
        inverse=instrument.kind == "inverse",
        multiplier=instrument.multiplier,
        lot=(instrument.lot or ZERO) * instrument.multiplier,
        tick=instrument.tick or ZERO,
        taker_rate=taker_rate if instrument.taker_rate is None else instrument.taker_rate,
        liquidation_fee_rate=instrument.liquidation_fee_rate or ZERO,
        rows=len(rows),
        floors=tuple([row.floor for row in rows]),
        rates=tuple([row.maintenance_rate for row in rows]),
        deductions=tuple([row.deduction for row in rows]),
        leverages=tuple([row.max_leverage or ZERO for row in rows]),
        initials=tuple([row.initial_rate or ZERO for row in rows]),
        unit=instrument.unit or ZERO,
        funding_rate=instrument.funding_rate or ZERO,
    )


def lay_out(account: Account, rulebook: Rulebook, outside: Mapping[str, Outside] | None = None) -> Layout:
    """The account as columns. `outside`: asset -> totals of cross legs that are not listed. BadInput: unknown symbol."""
    symbols = tuple(dict.fromkeys([p.symbol for p in account.positions] + [o.symbol for o in account.orders]))
    for symbol in symbols:
        if symbol not in rulebook.instruments:
            raise BadInput(rulebook.name, "symbol", symbol, rulebook.gaps.get(symbol, "the rulebook has no such instrument"))
    index = {symbol: i for i, symbol in enumerate(symbols)}
    markets = tuple(market_of(rulebook.instruments[symbol], account.fees.taker_rate) for symbol in symbols)
    held = {leg_key(position): position for position in account.positions}
    specs = rulebook.rules.pools_of(account, rulebook.instruments)
    extra = outside or {}
    known = {spec.asset for spec in specs}
    specs += tuple(PoolSpec(f"asset:{asset}", asset, False, ()) for asset in extra if asset not in known)
    if rulebook.rules.cross_apart(rulebook.regime):
        specs = each_apart(specs)
    resting = tuple(_resting(account, rulebook, index, held))
    pools = tuple(_pool(spec, account, rulebook, index, held, extra.get(spec.asset), resting) for spec in specs)
    return Layout(symbols, markets, specs, pools, resting, held)


def leg_of(position: Position, account: Account, rulebook: Rulebook, index: Mapping[str, int]) -> Leg[Decimal]:
    """One position as a row; `index`: the place of each symbol's market."""
    rules, instrument = rulebook.rules, rulebook.instruments[position.symbol]
    return Leg(
        market=index[position.symbol],
        amount=position.size * instrument.multiplier,
        entry=rules.entry_in_rules(position.entry_price),
        leverage=position.leverage,
        initial_rate=rules.initial_rate(position.leverage),
        margin=position.isolated_margin,
        isolated=position.mode is MarginMode.ISOLATED,
        tier=rules.tier_of(position, account, rulebook.instruments),
        added=position.added_margin,
        lost=position.lost_margin,
        cost=ZERO if position.cost is None else position.cost,
        remarked=ZERO if position.remarked is None else position.remarked,
    )


def sized(position: Position, mark: Decimal, rulebook: Rulebook, fees: Fees = NO_FEES) -> Decimal:
    """What the venue puts into the wall of an isolated position when it sizes it anew. Call inside `exact()`."""
    alone = Account(PositionMode.ONE_WAY, {}, (position,), fees=fees)
    leg = leg_of(position, alone, rulebook, {position.symbol: 0})
    market = market_of(rulebook.instruments[position.symbol], alone.fees.taker_rate)
    return rulebook.rules.sized_margin(leg, mark, market)


def signed_cost(position: Position, rulebook: Rulebook) -> Decimal:
    """The value paid, as the venue counts it: negative for a long inverse and a short other position. Call inside `exact()`."""
    if position.cost is not None:
        return position.cost
    market = market_of(rulebook.instruments[position.symbol], ZERO)
    paid = rulebook.rules.value(position.size * market.multiplier, position.entry_price, market)
    return paid if (position.size > 0) != market.inverse else -paid


def _pool(
    spec: PoolSpec,
    account: Account,
    rulebook: Rulebook,
    index: Mapping[str, int],
    held: Mapping[LegKey, Position],
    outside: Outside | None,
    resting: tuple[RestingSpec, ...],
) -> Pool[Decimal]:
    legs = tuple(leg_of(held[key], account, rulebook, index) for key in spec.legs)
    cash = legs[0].margin if spec.isolated else account.cash.get(spec.asset, ZERO)
    reserved = ZERO if spec.isolated else _reserved(spec.asset, account, rulebook)
    other = Outside() if outside is None or spec.isolated or spec.apart else outside
    return Pool(
        cash,
        legs,
        reserved,
        len(orders_in_scope(spec, account, rulebook)),
        other.unrealised_pnl,
        other.initial_margin,
        other.maintenance_margin,
        other.closing_fee,
        rulebook.regime,
        tuple(leg_of(held[key], account, rulebook, index) for key in spec.beside),
        tuple(asked.row for asked in resting if spec.apart and asked.asset == spec.asset),
    )


def _reserved(asset: str, account: Account, rulebook: Rulebook) -> Decimal:
    """What all resting orders that settle in the asset take off its cross pool's balance."""
    total = ZERO
    for order in account.orders:
        instrument = rulebook.instruments[order.symbol]
        if instrument.settle == asset:
            taker = account.fees.taker_rate if instrument.taker_rate is None else instrument.taker_rate
            total += rulebook.rules.order_reserve(order, instrument, taker)
    return total


def orders_in_scope(spec: PoolSpec, account: Account, rulebook: Rulebook) -> tuple[Order, ...]:
    """Orders that a liquidation of this pool cancels: of those that settle in its asset, the ones the venue names."""
    return tuple(
        order
        for order in account.orders
        if rulebook.instruments[order.symbol].settle == spec.asset and rulebook.rules.cancels(order, spec)
    )


def opens(order: Order) -> bool:
    """Whether a resting order can open exposure and so needs margin: priced, not reduce-only, not a hedge leg's closer.

    Stops and take-profits need none until they trigger (grade memory)."""
    if order.reduce_only or order.price is None or order.type is not OrderType.LIMIT:
        return False
    closing = (order.position_side, order.side) in ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))
    return not closing


def order_value(order: Order, rulebook: Rulebook) -> Decimal:
    """Value of a limit order at its own price, in the settle asset."""
    assert order.price is not None
    market = market_of(rulebook.instruments[order.symbol], ZERO)
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
    for key, orders in groups.items():
        instrument = rulebook.instruments[key.symbol]
        position = held.get(key)
        netted = key.side is LegSide.NET and position is not None
        leverage = position.leverage if position is not None else leverage_of(account, rulebook, *key)
        buys = [o for o in orders if o.side == "buy" and opens(o)]
        sells = [o for o in orders if o.side == "sell" and opens(o)]
        standing = position or Position(key.symbol, key.mode, key.side, ZERO, ONE, leverage)
        row = Resting(
            market=index[key.symbol],
            amount=position.size * instrument.multiplier if netted and position is not None else ZERO,
            buys=sum((order_value(o, rulebook) for o in buys), ZERO),
            sells=sum((order_value(o, rulebook) for o in sells), ZERO),
            initial_rate=rulebook.rules.initial_rate(leverage),
            bought=sum((o.size * instrument.multiplier for o in buys), ZERO),
            sold=sum((o.size * instrument.multiplier for o in sells), ZERO),
            tier=rulebook.rules.tier_of(standing, account, rulebook.instruments),
            isolated=key.mode is MarginMode.ISOLATED,
            regime=rulebook.regime,
        )
        name = rulebook.rules.leg_name(key, account.position_mode)
        yield RestingSpec(name, instrument.settle, key.mode is MarginMode.ISOLATED, row)


def legs_by_key(layout: Layout) -> dict[LegKey, Leg[Decimal]]:
    """Every leg of every pool under the key of its position."""
    pairs = zip(layout.specs, layout.pools, strict=True)
    return {key: leg for spec, pool in pairs for key, leg in zip(spec.legs, pool.legs, strict=True)}


def counted_once(specs: Sequence[PoolSpec]) -> tuple[bool, ...]:
    """Per pool whether its balance is to be added up in a sum over the account: no other pool counts its legs already."""
    elsewhere = {key for spec in specs if not spec.apart for key in spec.beside}
    return tuple(not spec.legs or not elsewhere.issuperset(spec.legs) for spec in specs)
