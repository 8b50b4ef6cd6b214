"""What a walk works on: an account as plain columns of float64, laid out once from the exact columns.

`Desk` never changes while paths are walked; `Held` is one path's own copy of all that does. Every number is rounded once,
from Decimal. Refuses to hold a rule: what an amount means stands in `rules/`, what happens to it in `walk`.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from plimsoll.array.compile import (
    LEG_RECORD,
    REST_RECORD,
    RESTING_RECORD,
    WALLET_RECORD,
    Column,
    float_legs,
    float_markets,
    records_of,
)
from plimsoll.array.debts import GROWTH_RECORD, growth_of
from plimsoll.margin.pools import Layout, lay_out, orders_in_scope, sells_in_parts
from plimsoll.model import Account, LegKey, Order, OrderType, Trigger, closing_of, leg_key
from plimsoll.number import ONE, ZERO, exact
from plimsoll.rulebook import Rulebook, regime_of
from plimsoll.rules import common
from plimsoll.rules.columns import HOLD
from plimsoll.rules.drawing import PoolSpec
from plimsoll.rules.resting import closes, falling_watch

POOL_RECORD: Final = np.dtype(
    [
        ("cash", np.float64),
        ("reserved", np.float64),
        ("orders", np.int64),
        ("outside_pnl", np.float64),
        ("outside_initial", np.float64),
        ("outside_maintenance", np.float64),
        ("outside_fee", np.float64),
        ("apart", np.bool_),
        ("isolated", np.bool_),
        ("home", np.int64),
        ("teller", np.int64),
        ("bends", np.bool_),
        ("leg_from", np.int64),
        ("leg_to", np.int64),
        ("wallet_from", np.int64),
        ("wallet_to", np.int64),
        ("rest_from", np.int64),
        ("rest_to", np.int64),
        ("beside_from", np.int64),
        ("beside_to", np.int64),
        ("ask_from", np.int64),
        ("ask_to", np.int64),
        ("least", np.float64),
    ],
    align=True,
)
"""A pool; its legs, wallets and the rest are runs of the columns beside it. `home`: the pool whose cash takes what an isolated
wall gives up. `teller`: the market whose mark tells what a unit of its asset is worth (-1: one, -2: nothing, it is left out).
`bends`: headroom along a straight segment is not concave (inverse legs of several markets). `least`: its least headroom so
far."""

ORDER_RECORD: Final = np.dtype(
    [
        ("market", np.int64),
        ("leg", np.int64),
        ("home", np.int64),
        ("level", np.float64),
        ("amount", np.float64),
        ("reserve", np.float64),
        ("falling", np.bool_),
        ("on_mark", np.bool_),
        ("limit", np.bool_),
        ("buy", np.bool_),
        ("live", np.bool_),
    ],
    align=True,
)
"""A resting order that only closes. `leg`: which (as in `Held.names`); `level`: the price it waits for."""

WATCH_RECORD: Final = np.dtype(
    [
        ("market", np.int64),
        ("level", np.float64),
        ("step", np.int64),
        ("home", np.int64),
        ("amount", np.float64),
        ("fresh", np.bool_),
        ("leg", np.int64),
        ("live", np.bool_),
    ],
    align=True,
)
"""A top-up at `level` of a market's mark, or (`step` not -1) at the end of that step of the path. `fresh`: the amount comes
from outside to the cash of pool `home`; `leg` (as in `Held.names`): it goes on into that isolated leg (-1: it does not)."""

EVENT_RECORD: Final = np.dtype(
    [
        ("kind", np.int64),
        ("leg", np.int64),
        ("pool", np.int64),
        ("step", np.int64),
        ("part", np.float64),
        ("price", np.float64),
        ("amount", np.float64),
    ],
    align=True,
)
"""Something that happened, on the way to the prices of `step`, after the share `part` of that way. `leg` -1: the pool."""

TALLY_RECORD: Final = np.dtype(
    [
        ("base", np.int64),
        ("step", np.int64),
        ("part", np.float64),
        ("since", np.float64),
        ("span", np.float64),
        ("ways", np.int64),
        ("events", np.int64),
        ("filled", np.int64),
        ("reduced", np.int64),
        ("equity", np.float64),
        ("lowest", np.float64),
        ("lowest_step", np.int64),
        ("closest", np.float64),
        ("fees", np.float64),
        ("forced", np.float64),
        ("funding", np.float64),
        ("shortfall", np.float64),
        ("added", np.float64),
        ("behind", np.float64),
        ("given", np.int64),
    ],
    align=True,
)
"""What a walk adds up. `step`, `part`: how far it is, in rows of the table at hand, whose first row is row `base` of the path;
`since`, `span`: the stretch of the step that is being played; `ways`, `behind`: see `wander.remember`; `given`: points that the
step has been given so far; `filled`: how many orders have closed something; `reduced`: how many forced sales there were;
`closest`: the least distance of a decision from going the other way, over the gross scale; `forced`: fees and penalties of
forced closes; `added`: what came from outside, which `equity` and `lowest` are without."""


class Desk(NamedTuple):
    """The part that stays. `scope` [orders, pools]: whether a liquidation cancels the order; `tiers` [legs, legs]: of whose
    amounts the contracts that choose a leg's bracket are the sum; `unit`: the market whose mark is the price of the unit (-1:
    one); `early`: resting orders may be cancelled before a pool fails; `plain`: the ladder runs on these columns (else the
    exact machine decides); `pays`: so does funding."""

    markets: Column
    reading: Any
    scope: Column
    tiers: Column
    taker_rate: float
    maker_rate: float
    releases: bool
    unit: int
    early: bool
    plain: bool
    pays: bool


class Held(NamedTuple):
    """One path's account. `names[i]`: which leg of the account `legs[i]` is; legs that are gone are behind `leg_to` of their
    pool. `beside_names`: the same for the copies that stand beside other pools. `hits`: when each leg was first closed by force
    (inf: never), in rows of the path and parts of one. `spare`: room for trying a step. `watches`: top-ups, live
    until done. `growth`: what debts in the wallets cost a step."""

    pools: Column
    legs: Column
    names: Column
    orders: Column
    wallets: Column
    rests: Column
    beside: Column
    beside_names: Column
    asks: Column
    hits: Column
    spare: Column
    watches: Column
    growth: Column


class Watch(NamedTuple):
    """Money that is added when the mark of `symbol` gets to `level`, or (None) at the end of step `step`: `amount` of `asset`,
    `fresh` from outside, and from the cash into the isolated leg `leg` (None: no further)."""

    symbol: str
    level: Decimal | None
    step: int
    asset: str
    amount: Decimal
    fresh: bool
    leg: LegKey | None


class Laid(NamedTuple):
    """An account on a desk. `symbols`, `keys`, `pool_keys`: what the markets, legs and pools are; `coins`: what follows the
    marks in a marks column; `steady`: nothing changes at a mark by itself, so that it can be walked at all."""

    account: Account
    symbols: tuple[str, ...]
    coins: tuple[str, ...]
    keys: tuple[LegKey, ...]
    pool_keys: tuple[str, ...]
    pool_assets: tuple[str, ...]
    desk: Desk
    held: Held
    steady: bool


class Told(NamedTuple):
    """What money is told in. `tellers`: asset -> the symbol whose mark tells its price ('': it counts as one); `unit`: the
    asset that equity counts in; `mixed` False: other assets than the unit are left out."""

    tellers: Mapping[str, str]
    unit: str
    mixed: bool


def lay_desk(
    account: Account,
    rulebook: Rulebook,
    symbols: Sequence[str],
    told: Told,
    watches: Sequence[Watch] = (),
    waiting: Sequence[int] | None = None,
    hours: Decimal = ZERO,
) -> Laid:
    """The account as float columns, markets in the order of `symbols`, which hold all of its own. `watches`: its top-ups;
    `waiting`: which of them still are to come (None: all); `hours`: of a step, for interest. BadInput: as `lay_out`, and a debt
    without a rate."""
    with exact():
        layout = _in_order(lay_out(account, rulebook), symbols, account, rulebook)
        keys = tuple(key for spec in layout.specs for key in spec.legs)
        held = _held(layout, keys, account, rulebook, told)
        held = held._replace(watches=_watches(layout, keys, watches, range(len(watches)) if waiting is None else waiting))
        held = held._replace(growth=growth_of(layout, account, rulebook, hours))
        plain = _is_plain(layout, account, rulebook)
        tiers = _tiers(keys, account, rulebook)
        desk = Desk(
            markets=float_markets(layout.markets),
            reading=rulebook.reading,
            scope=_scope(layout, account, rulebook),
            tiers=np.zeros((len(keys), len(keys))) if tiers is None else tiers,
            taker_rate=float(account.fees.taker_rate),
            maker_rate=float(account.fees.maker_rate),
            releases=rulebook.readings.get("partial_close") == "pro_rata_release",
            unit=layout.symbols.index(told.tellers[told.unit]) if told.tellers.get(told.unit) else -1,
            early=_is_early(layout, rulebook),
            plain=plain and tiers is not None,
            pays=_pays(layout, rulebook),
        )
        steady = is_steady(account, rulebook)
    names, assets = tuple(spec.key for spec in layout.specs), tuple(spec.asset for spec in layout.specs)
    return Laid(account, layout.symbols, layout.assets, keys, names, assets, desk, held, steady)


def new_tally() -> Column:
    """Nothing added up yet."""
    tally = np.zeros(1, TALLY_RECORD)
    tally["lowest"] = tally["closest"] = np.inf
    tally["span"] = 1.0
    return tally


def copied(held: Held) -> Held:
    """A path's own copy."""
    return Held(*(column.copy() for column in held))


def _in_order(layout: Layout, symbols: Sequence[str], account: Account, rulebook: Rulebook) -> Layout:
    """The layout over all `symbols`, in that order: a marks column then is a row of the price table as it stands."""
    if tuple(symbols) == layout.symbols:
        return layout
    dummies = tuple(_waiting(symbol) for symbol in symbols)
    wider = lay_out(msgspec.structs.replace(account, positions=(), orders=dummies), rulebook)
    place = {symbol: i for i, symbol in enumerate(symbols)}
    new = [place[symbol] for symbol in layout.symbols]
    shift = len(symbols) - len(layout.symbols)

    def moved(rows: Any) -> Any:
        return tuple(msgspec.structs.replace(row, market=new[row.market]) for row in rows)

    pools = tuple(
        msgspec.structs.replace(
            pool,
            legs=moved(pool.legs),
            beside=moved(pool.beside),
            rests=moved(pool.rests),
            asks=moved(pool.asks),
            wallets=tuple(msgspec.structs.replace(w, place=w.place + shift) for w in pool.wallets),
        )
        for pool in layout.pools
    )
    return msgspec.structs.replace(layout, symbols=tuple(symbols), markets=wider.markets, pools=pools)


def _waiting(symbol: str) -> Order:
    return Order(symbol, symbol, "buy", ONE, OrderType.STOP_MARKET, stop_price=ONE, reduce_only=True)


def _held(
    layout: Layout, keys: tuple[LegKey, ...], account: Account, rulebook: Rulebook, told: Told
) -> Held:
    pools = np.zeros(len(layout.specs), POOL_RECORD)
    flat: dict[str, list[Any]] = {"legs": [], "wallets": [], "rests": [], "beside": [], "asks": []}
    singles = {"legs": "leg", "wallets": "wallet", "rests": "rest", "beside": "beside", "asks": "ask"}
    for p, (spec, pool) in enumerate(zip(layout.specs, layout.pools, strict=True)):
        row = pools[p]
        for field in ("cash", "reserved", "outside_pnl", "outside_initial", "outside_maintenance", "outside_fee"):
            row[field] = float(getattr(pool, field))
        row["orders"], row["apart"], row["isolated"] = pool.orders, pool.apart, spec.isolated
        row["home"] = _home(spec, layout)
        row["teller"] = _teller(spec, layout, told)
        row["bends"] = _bends(pool, layout)
        row["least"] = np.inf
        for name, rows in flat.items():
            row[f"{singles[name]}_from"] = len(rows)
            rows.extend(getattr(pool, name))
            row[f"{singles[name]}_to"] = len(rows)
    index = {key: i for i, key in enumerate(keys)}
    beside = [index[key] for spec in layout.specs for key in spec.beside]
    return Held(
        pools=pools,
        legs=float_legs(flat["legs"]) if flat["legs"] else np.zeros(0, LEG_RECORD),
        names=np.arange(len(keys), dtype=np.int64),
        orders=_orders(layout, index, account, rulebook),
        wallets=records_of(flat["wallets"], WALLET_RECORD),
        rests=records_of(flat["rests"], REST_RECORD),
        beside=records_of(flat["beside"], LEG_RECORD),
        beside_names=np.array(beside, dtype=np.int64),
        asks=records_of(flat["asks"], RESTING_RECORD),
        hits=np.full(len(keys), np.inf),
        spare=np.zeros(len(keys) + 1, LEG_RECORD),
        watches=np.zeros(0, WATCH_RECORD),
        growth=np.zeros(0, GROWTH_RECORD),
    )


def _watches(layout: Layout, keys: tuple[LegKey, ...], watches: Sequence[Watch], waiting: Sequence[int]) -> Column:
    out = np.zeros(len(watches), WATCH_RECORD)
    for i, (row, watch) in enumerate(zip(out, watches, strict=True)):
        shared = [p for p, spec in enumerate(layout.specs) if not spec.isolated and not spec.apart]
        row["market"] = layout.symbols.index(watch.symbol)
        row["level"], row["step"] = (0.0, watch.step) if watch.level is None else (float(watch.level), -1)
        row["home"] = next((p for p in shared if watch.asset in layout.specs[p].coins), -1)
        row["amount"], row["fresh"] = float(watch.amount), watch.fresh
        row["leg"] = keys.index(watch.leg) if watch.leg in keys else -1
        row["live"] = i in waiting
    return out


def _home(spec: PoolSpec, layout: Layout) -> int:
    """The pool that holds the free cash of a pool's asset."""
    for i, other in enumerate(layout.specs):
        if not other.isolated and not other.apart and spec.asset in (other.asset, *other.assets):
            return i
    return next(i for i, other in enumerate(layout.specs) if not other.isolated and not other.apart)


def _teller(spec: PoolSpec, layout: Layout, told: Told) -> int:
    if spec.assets or spec.asset == told.unit:
        return -1
    symbol = told.tellers.get(spec.asset, "")
    return -2 if not told.mixed else layout.symbols.index(symbol) if symbol else -1


def _bends(pool: Any, layout: Layout) -> bool:
    """As the player asks: inverse legs of several markets in one pool of one asset."""
    markets = {leg.market for leg in (*pool.legs, *pool.beside)}
    return len(markets) > 1 and any(layout.markets[i].inverse for i in markets) and not pool.wallets


def _orders(layout: Layout, index: Mapping[LegKey, int], account: Account, rulebook: Rulebook) -> Column:
    out = np.zeros(len(account.orders), ORDER_RECORD)
    for row, order in zip(out, account.orders, strict=True):
        instrument = rulebook.instruments[order.symbol]
        key = LegKey(order.symbol, order.mode, order.position_side)
        taker = closing_of(account.fees, instrument)
        limit = order.type is OrderType.LIMIT
        level = order.price if limit else order.stop_price
        row["market"] = layout.symbols.index(order.symbol)
        row["leg"] = index.get(key, -1)
        row["home"] = next(i for i, s in enumerate(layout.specs) if not s.isolated and instrument.settle in s.coins)
        row["level"] = float(level or ZERO)
        row["amount"] = float(order.size * instrument.multiplier)
        row["reserve"] = float(rulebook.rules.order_reserve(order, instrument, taker))
        row["limit"], row["buy"], row["live"] = limit, order.side == "buy", True
        row["on_mark"] = not limit and order.trigger is Trigger.MARK
        row["falling"] = order.side == "buy" if limit else falling_watch(order)
    return out


def _scope(layout: Layout, account: Account, rulebook: Rulebook) -> Column:
    out = np.zeros((len(account.orders), len(layout.specs)), np.bool_)
    for p, spec in enumerate(layout.specs):
        for order in orders_in_scope(spec, account, rulebook):
            out[account.orders.index(order), p] = True
    return out


def _tiers(keys: tuple[LegKey, ...], account: Account, rulebook: Rulebook) -> Column | None:
    """Of whose contracts each leg's tier is the sum, read off the venue's own answer; None where it is no such sum."""
    held = {leg_key(p): p for p in account.positions}
    out = np.zeros((len(keys), len(keys)))
    instruments = rulebook.instruments
    for i, key in enumerate(keys):
        total = ZERO
        for j, other in enumerate(keys):
            alone = tuple(held[k] for k in dict.fromkeys((key, other)))
            shrunk = tuple(msgspec.structs.replace(p, size=p.size / 2) if leg_key(p) == other else p for p in alone)
            whole, half = (_tier(key, msgspec.structs.replace(account, positions=legs), rulebook) for legs in (alone, shrunk))
            weight = (whole - half) * 2 / abs(held[other].size)
            if weight not in (ZERO, ONE):
                return None
            multiplier = instruments[other.symbol].multiplier
            out[i, j] = float(weight / multiplier)
            total += weight * abs(held[other].size)
        if _tier(key, account, rulebook) != total:
            return None
    return out


def _tier(key: LegKey, account: Account, rulebook: Rulebook) -> Decimal:
    return rulebook.rules.tier_of(next(p for p in account.positions if leg_key(p) == key), account, rulebook.instruments)


def _is_plain(layout: Layout, account: Account, rulebook: Rulebook) -> bool:
    """Whether the ladder and the closing orders can run on these columns: one asset a pool, each pool by itself, money not
    counted in whole units, walls that keep what was put in, no order that opens a position, and no clock in the ladder."""
    pools = all(not (p.wallets or p.apart or p.beside or p.asks) for p in layout.pools)
    units = all(market.unit == 0 for market in layout.markets) and not rulebook.rules.MARGIN_FOLLOWS
    held = [leg for pool in layout.pools for leg in pool.legs]
    legs = all(leg.spare == 0 and leg.cost == 0 and not sells_in_parts(leg, layout, rulebook) for leg in held)
    return pools and units and legs and all(order.reduce_only or closes(order) for order in account.orders)


def _is_early(layout: Layout, rulebook: Rulebook) -> bool:
    """Whether the venue cancels resting orders of a pool that still holds: asked at a hair's breadth above its requirement, all
    marks at the entries. A pool that is left alone there is left alone with more."""
    rules, marks = rulebook.rules, [ONE] * (len(layout.symbols) + len(layout.assets))
    for pool in layout.pools:
        if pool.orders and pool.legs and not pool.wallets:
            for leg in (*pool.legs, *pool.beside):
                marks[leg.market] = leg.entry
            margin = rules.assess_pool(pool, marks, layout.markets)
            near = msgspec.structs.replace(margin, balance=margin.requirement + margin.scale / 10**9)
            if rules.next_step(0, pool, near, marks, marks, layout.markets, rulebook.reading).kind != HOLD:
                return True
    return any(pool.orders and pool.wallets for pool in layout.pools)


def _pays(layout: Layout, rulebook: Rulebook) -> bool:
    """Whether funding depends on nothing but the leg: not on what is free, nor on locked losses; rules say where it goes."""
    if all(layout.markets[leg.market].spot for pool in layout.pools for leg in pool.legs):
        return True
    for pool in layout.pools:
        for leg in pool.legs:
            poor, rich = (rulebook.rules.funding_split(ONE, leg, free) for free in (ZERO, Decimal(10**12)))
            if poor != rich or pool.apart:
                return False
    walled = any(leg.isolated for pool in layout.pools for leg in pool.legs)
    refilled = rulebook.readings.get("funding_received") == "refills_position"
    return not walled or not (refilled or any(pool.wallets for pool in layout.pools))


def is_steady(account: Account, rulebook: Rulebook) -> bool:
    """Whether a mark that nothing fails at leaves the account as it is."""
    rules = rulebook.rules
    return not rules.cross_apart(regime_of(rulebook, account)) or rules.topped_up is common.topped_up
