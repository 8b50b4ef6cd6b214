"""What an assessment says: frozen records of numbers, one source for reports, answers and dashboards. Nothing is computed here.

Money in the asset that the record names; None: there is none."""

from decimal import Decimal

import msgspec

from plimsoll.model import LegSide, MarginMode
from plimsoll.number import ZERO


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
    position_margin: Decimal
    liquidation_fee: Decimal
    isolated_margin: Decimal
    bracket: int
    max_leverage: Decimal | None
    bankruptcy_price: Decimal | None
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
    """One settle asset over all its pools, or one coin of a valued pool. `wallet_balance` as the venue words it; `cash`:
    outside every isolated wall. `collateral_value`: what a coin counts in its valued pool, in that pool's currency (None: in
    no such pool); `borrowed`: what is owed of it there, running loss included; `liquidation_price`: the index price of it at
    which that pool, where it owes anything, fails when this price alone moves. `for_orders`: what new cross orders may draw on,
    where that is not the available balance."""

    asset: str
    wallet_balance: Decimal
    cash: Decimal
    equity: Decimal
    available_balance: Decimal
    withdrawable: Decimal
    account_initial_margin: Decimal
    account_maintenance_margin: Decimal
    collateral_value: Decimal | None = None
    borrowed: Decimal = ZERO
    liquidation_price: Decimal | None = None
    for_orders: Decimal | None = None

    @property
    def orderable(self) -> Decimal:
        """What new cross orders may draw on."""
        return self.available_balance if self.for_orders is None else self.for_orders


class AccountView(msgspec.Struct, frozen=True, gc=False):
    """The account as its valued pool sees it, in the pool's currency: coins after their ratios, but `equity` in full;
    `available_balance` is negative when the pool is short."""

    pool: str
    asset: str
    wallet_balance: Decimal
    unrealised_pnl: Decimal
    equity: Decimal
    available_balance: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    venue_initial_ratio: Decimal | None


class OrdersView(msgspec.Struct, frozen=True, gc=False):
    """Resting orders of one leg name: the initial margin they ask for on top of the position's own."""

    name: str
    asset: str
    isolated: bool
    order_initial_margin: Decimal


class Assessment(msgspec.Struct, frozen=True, gc=False):
    """Everything at one instant. `assess` makes it; nothing else computes these numbers. `account`: where a pool is valued."""

    rulebook: str
    legs: tuple[LegView, ...]
    pools: tuple[PoolView, ...]
    assets: tuple[AssetView, ...]
    orders: tuple[OrdersView, ...]
    account: AccountView | None = None
