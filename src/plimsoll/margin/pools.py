"""An account laid out as the columns that rules read: markets, pools and resting orders. Built once per account state;
marks may then change as often as they like. Exact numbers only; no prices enter here."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from plimsoll.errors import BadInput
from plimsoll.model import (
    Account,
    Instrument,
    LegKey,
    LegSide,
    MarginMode,
    Order,
    OrderType,
    Outside,
    Position,
    leg_key,
)
from plimsoll.number import ZERO
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Leg, Market, Pool, Resting
from plimsoll.rules.common import notional
from plimsoll.rules.drawing import PoolSpec


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
    resting = tuple(_resting(account, rulebook, index, held))
    pools = tuple(
        _pool(spec, account, rulebook, index, held, extra.get(spec.asset), _set_aside(spec, resting, rulebook, markets))
        for spec in specs
    )
    return Layout(symbols, markets, specs, pools, resting, held)


def _set_aside(
    spec: PoolSpec, resting: Iterable[RestingSpec], rulebook: Rulebook, markets: tuple[Market[Decimal], ...]
) -> Decimal:
    """Margin of the asset's resting orders, where the venue takes it off the cash; it does not depend on marks there."""
    if not spec.less_orders:
        return ZERO
    rows = [r.row for r in resting if r.asset == spec.asset]
    return sum((rulebook.rules.order_margin(row, ZERO, markets[row.market]) for row in rows), ZERO)


def _leg(position: Position, account: Account, rulebook: Rulebook, index: Mapping[str, int]) -> Leg[Decimal]:
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
    )


def _pool(
    spec: PoolSpec,
    account: Account,
    rulebook: Rulebook,
    index: Mapping[str, int],
    held: Mapping[LegKey, Position],
    outside: Outside | None,
    set_aside: Decimal,
) -> Pool[Decimal]:
    legs = tuple(_leg(held[key], account, rulebook, index) for key in spec.legs)
    cash = legs[0].margin if spec.isolated else account.cash.get(spec.asset, ZERO)
    other = Outside() if outside is None or spec.isolated else outside
    reserved = ZERO if spec.isolated else _reserved(spec.asset, account, rulebook) + set_aside + other.reserved
    if spec.apart:
        other = Outside()
    return Pool(
        cash,
        legs,
        reserved,
        len(orders_in_scope(spec, account, rulebook)),
        other.unrealised_pnl,
        other.initial_margin,
        other.maintenance_margin,
        other.closing_fee,
        tuple([_leg(held[key], account, rulebook, index) for key in spec.beside]),
        spec.apart,
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


def order_value(order: Order, instrument: Instrument) -> Decimal:
    """Value of a limit order at its own price, in the settle asset."""
    assert order.price is not None
    return notional(order.size * instrument.multiplier, order.price, instrument.kind == "inverse")


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
        row = Resting(
            market=index[key.symbol],
            amount=position.size * instrument.multiplier if netted and position is not None else ZERO,
            buys=sum((order_value(o, instrument) for o in orders if o.side == "buy" and opens(o)), ZERO),
            sells=sum((order_value(o, instrument) for o in orders if o.side == "sell" and opens(o)), ZERO),
            initial_rate=rulebook.rules.initial_rate(leverage),
            new_buys=_new(orders, "buy", -position.size if netted and position is not None else ZERO, instrument),
            new_sells=_new(orders, "sell", position.size if netted and position is not None else ZERO, instrument),
        )
        name = rulebook.rules.leg_name(key, account.position_mode)
        yield RestingSpec(name, instrument.settle, key.mode is MarginMode.ISOLATED, row)


def _new(orders: Iterable[Order], side: str, closable: Decimal, instrument: Instrument) -> Decimal:
    """Value of the orders of one side beyond the `closable` contracts that they would only close, spread evenly over them."""
    opening = [o for o in orders if o.side == side and opens(o)]
    size = sum((o.size for o in opening), ZERO)
    value = sum((order_value(o, instrument) for o in opening), ZERO)
    if closable <= 0 or size == 0:
        return value
    return value * max(ZERO, size - closable) / size


def locked_beside(pool: Pool[Decimal], layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> Decimal:
    """What the legs beside a pool lock of the cash that it stands on."""
    legs = [(leg, marks[leg.market], layout.markets[leg.market]) for leg in pool.beside]
    return sum((rulebook.rules.position_margin(*leg) for leg in legs), ZERO)


def legs_by_key(layout: Layout) -> dict[LegKey, Leg[Decimal]]:
    """Every leg of every pool under the key of its position."""
    pairs = zip(layout.specs, layout.pools, strict=True)
    return {key: leg for spec, pool in pairs for key, leg in zip(spec.legs, pool.legs, strict=True)}
