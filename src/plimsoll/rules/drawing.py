"""How the walls are drawn where isolated means one pool per leg and cross means one pool per settle asset. Plain Python;
a venue that draws its walls otherwise writes its own `pools_of`."""

from collections.abc import Callable, Mapping

import msgspec

from plimsoll.model import Account, Instrument, Kind, LegKey, MarginMode, Position, PositionMode, leg_key


class PoolSpec(msgspec.Struct, frozen=True, gc=False):
    """One pool: its key (`asset:X`, `account`, or a printed name), its asset, whether it is an isolated leg, and the legs.
    `assets`: the coins of a valued pool, whose `asset` is the currency it is measured in; empty otherwise. `beside`: legs
    that stand on the same cash without being liquidated with it; `apart`: a part of the cross legs of an asset, whose pool
    `asset:X` comes first; `less_orders`: the margin of the asset's resting orders, which must not depend on marks, is no part
    of the cash; `kept`: the base and the quote of each leg, where legs keep coins of their own beside the cash."""

    key: str
    asset: str
    isolated: bool
    legs: tuple[LegKey, ...]
    assets: tuple[str, ...] = ()
    beside: tuple[LegKey, ...] = ()
    apart: bool = False
    less_orders: bool = False
    kept: tuple[str, ...] = ()

    @property
    def coins(self) -> tuple[str, ...]:
        """The assets that its legs settle in."""
        return self.assets or (self.asset,)


def pools_per_settle_asset(
    account: Account, instruments: Mapping[str, Instrument], leg_name: Callable[[LegKey, PositionMode], str]
) -> tuple[PoolSpec, ...]:
    """One cross pool per asset held or settled in (also when it has no leg: it still has a balance), then the isolated legs."""
    assets = dict.fromkeys(account.cash)
    for position in account.positions:
        assets.setdefault(instruments[position.symbol].settle)
    for order in account.orders:
        assets.setdefault(instruments[order.symbol].settle)
    crossed: dict[str, list[LegKey]] = {asset: [] for asset in assets}
    isolated: list[PoolSpec] = []
    for position in account.positions:
        key, asset = leg_key(position), instruments[position.symbol].settle
        if position.mode is MarginMode.CROSS:
            crossed[asset].append(key)
        else:
            isolated.append(PoolSpec(leg_name(key, account.position_mode), asset, True, (key,)))
    cross = tuple(PoolSpec(f"asset:{asset}", asset, False, tuple(legs)) for asset, legs in crossed.items())
    return cross + tuple(isolated)


def each_apart(specs: tuple[PoolSpec, ...]) -> tuple[PoolSpec, ...]:
    """The same walls where every cross leg is a pool by itself: the pool of the asset keeps the cash and counts all of its
    legs, and each cross leg stands on what the other cross legs leave of it."""
    out: list[PoolSpec] = []
    alone: list[PoolSpec] = []
    for spec in specs:
        if spec.isolated:
            alone.append(spec)
            continue
        walled = tuple(key for other in specs if other.isolated and other.asset == spec.asset for key in other.legs)
        out.append(PoolSpec(spec.key, spec.asset, False, (), beside=(*spec.legs, *walled)))
        for key in spec.legs:
            others = tuple(other for other in spec.legs if other != key)
            alone.append(PoolSpec(key.symbol, spec.asset, False, (key,), beside=others, apart=True))
    return (*out, *alone)


def valued_pool(account: Account, instruments: Mapping[str, Instrument], currency: str) -> tuple[PoolSpec, ...]:
    """One pool for the whole account, measured in `currency`: every coin held, owed or traded in, and every cross leg."""
    assets = dict.fromkeys([*account.cash, *account.borrowed, *account.interest])
    for symbol in [p.symbol for p in account.positions] + [o.symbol for o in account.orders]:
        assets.setdefault(instruments[symbol].settle)
        if instruments[symbol].kind is Kind.SPOT:
            assets.setdefault(instruments[symbol].base)
    legs = tuple(leg_key(p) for p in account.positions if p.mode is MarginMode.CROSS)
    return (PoolSpec("account", currency, False, legs, tuple(assets)),)


def pools_per_margin_asset(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """One cross pool per asset held or traded in: its cash, and the cross spot positions whose margin is in it, which keep
    coins and debts of their own."""
    assets = dict.fromkeys(account.cash)
    for order in account.orders:
        assets.setdefault(instruments[order.symbol].quote)
    crossed: dict[str, list[LegKey]] = {asset: [] for asset in assets}
    for position in account.positions:
        own = instruments[position.symbol]
        asset = position.margin_asset or own.quote
        crossed.setdefault(asset, [])
        if position.mode is MarginMode.CROSS:
            crossed[asset].append(leg_key(position))
    pairs = {symbol: (instruments[symbol].base, instruments[symbol].quote) for symbol in {p.symbol for p in account.positions}}
    return tuple(
        PoolSpec(f"asset:{asset}", asset, False, tuple(legs), kept=tuple(coin for key in legs for coin in pairs[key.symbol]))
        for asset, legs in crossed.items()
    )


def spot_walls(
    account: Account,
    instruments: Mapping[str, Instrument],
    leg_name: Callable[[LegKey, PositionMode], str],
    asset_of: Callable[[Position, Instrument], str],
) -> tuple[PoolSpec, ...]:
    """One pool for each isolated spot position, over the two coins of its pair, measured in the one that `asset_of` names."""
    return tuple(
        PoolSpec(
            leg_name(leg_key(p), account.position_mode),
            asset_of(p, instruments[p.symbol]),
            True,
            (leg_key(p),),
            (instruments[p.symbol].base, instruments[p.symbol].quote),
        )
        for p in account.positions
        if p.mode is MarginMode.ISOLATED and instruments[p.symbol].kind is Kind.SPOT
    )
