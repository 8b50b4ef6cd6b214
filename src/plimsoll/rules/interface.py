"""The interface of a rulebook: what every folder under `rules` exports, at Decimal. Rule functions are generic over the
number type; the array engine compiles the same names for float. Arguments go by position."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from plimsoll.errors import Reject
from plimsoll.model import Account, Coin, Instrument, LegKey, LegSide, MarginMode, Order, Position, PositionMode
from plimsoll.rules.apart import Apart
from plimsoll.rules.asks import LegAsk, LeverageAsk, PoolAsk, PriceAsk, SizeAsk
from plimsoll.rules.columns import CoinLine, CoinMargin, Found, Leg, Line, Market, Pool, PoolMargin, Resting, Step, Wallet
from plimsoll.rules.drawing import PoolSpec


class Rules(Protocol):
    """A module of rules. Money in the settle asset; amounts are base units (linear) or quote face (inverse), signed."""

    __name__: str
    TITLE: str
    BALANCE_PAYS_POSITIONS: bool
    CHARGES_FUNDING_AHEAD: bool
    CHARGES_SURPLUS: bool
    DEFAULT_LEVERAGE: Decimal
    DEBTS: str
    FIRST_HOUR_AT_ONCE: bool
    FUND_TAKES_POSITIONS: bool
    LENDS_IN: tuple[MarginMode, ...]
    LEVERAGE_SETS_MODE: bool
    MARGIN_FOLLOWS: bool
    MODE_SCOPE: str
    ORDERS_RESERVE: bool
    PRICES_STATED: bool
    SETTLES_EXPIRIES_DAILY: bool
    STATES_LINES: bool
    WAITS: Decimal
    WALLET_HOLDS_ISOLATED: bool

    @property
    def SOURCES(self) -> Mapping[str, str]:  # noqa: N802
        """Source key -> where the words stand."""

    @property
    def REGIMES(self) -> Mapping[str, tuple[str, ...]]:  # noqa: N802
        """At most one dated regime: its name -> its options, in the order in which `Market.regime` counts them."""

    @property
    def LENDING_GAPS(self) -> Mapping[MarginMode, str]:  # noqa: N802
        """The margin modes in which the venue lends for coins and these rules do not say how -> what to do instead."""

    @property
    def TERMS(self) -> tuple[str, ...]:  # noqa: N802
        """Further numbers of a contract that tables date and `Market.terms` carries, in that order."""

    @property
    def APART(self) -> Apart | None:  # noqa: N802
        """How cross positions that fail apart stand on their cash; None: none does."""

    @property
    def Reading(self) -> Any:  # noqa: N802
        """The NamedTuple of the unpublished choices, each an index into the options that the table names."""

    def notional(self, amount: Decimal, price: Decimal, inverse: bool, /) -> Decimal:
        """Unsigned value of a position."""

    def unrealised_pnl(self, amount: Decimal, entry: Decimal, price: Decimal, inverse: bool, /) -> Decimal:
        """Profit of a signed amount from `entry` to `price`."""

    def value(self, amount: Decimal, price: Decimal, market: Market[Decimal], /) -> Decimal:
        """Unsigned value of a position as the venue counts it, rounded where it rounds."""

    def profit(self, leg: Leg[Decimal], price: Decimal, market: Market[Decimal], /) -> Decimal:
        """Running profit of a leg at a price, rounded where the venue rounds."""

    def bracket(self, value: Decimal, tier: Decimal, market: Market[Decimal], /) -> int:
        """Row of the table, by notional or by contracts as the venue counts."""

    def headroom_line(self, leg: Leg[Decimal], price: Decimal, market: Market[Decimal], /) -> Line[Decimal]:
        """The straight line of a leg's headroom near `price`, over the price (inverse: over one over the price)."""

    def coin_line(self, wallet: Wallet[Decimal], index: Decimal, pnl: Decimal, /) -> CoinLine[Decimal]:
        """The straight line of what a coin of a valued pool, at its price `index`, counts less what its debt needs, near a
        running profit in it."""

    def order_line(
        self, pool: Pool[Decimal], i: int, price: Decimal, markets: Sequence[Market[Decimal]], /
    ) -> Line[Decimal]:
        """The straight line of a resting order's share of the headroom of a valued pool near `price`, as `headroom_line`."""

    def initial_margin(self, leg: Leg[Decimal], mark: Decimal, market: Market[Decimal], /) -> Decimal:
        """Initial margin of a position."""

    def maintenance_margin(self, leg: Leg[Decimal], mark: Decimal, market: Market[Decimal], /) -> Decimal:
        """Maintenance margin of a position."""

    def position_margin(self, leg: Leg[Decimal], mark: Decimal, market: Market[Decimal], /) -> Decimal:
        """Money that a position locks."""

    def closing_fee(self, leg: Leg[Decimal], mark: Decimal, market: Market[Decimal], /) -> Decimal:
        """What the venue adds to maintenance before it compares, or holds inside its margins, for closing."""

    def sized_margin(self, leg: Leg[Decimal], mark: Decimal, market: Market[Decimal], /) -> Decimal:
        """What the venue puts into an isolated wall when it sizes it anew (MARGIN_FOLLOWS)."""

    def topped_up(self, leg: Leg[Decimal], mark: Decimal, market: Market[Decimal], /) -> Decimal:
        """Margin that a position is to hold at this mark besides its initial margin."""

    def movable(self, free: Decimal, market: Market[Decimal], /) -> Decimal:
        """What of the free margin can be moved into a position."""

    def order_margin(self, resting: Resting[Decimal], mark: Decimal, market: Market[Decimal], /) -> Decimal:
        """Initial margin of resting orders on top of the position's own."""

    def open_loss(self, amount: Decimal, price: Decimal, mark: Decimal, inverse: bool, /) -> Decimal:
        """Loss that an order carries at once when it fills at its price."""

    def order_cost(
        self, amount: Decimal, price: Decimal, mark: Decimal, rate: Decimal, market: Market[Decimal], /
    ) -> Decimal:
        """What one order alone asks for."""

    def assess_pool(
        self, pool: Pool[Decimal], marks: Sequence[Decimal], markets: Sequence[Market[Decimal]], /
    ) -> PoolMargin[Decimal]:
        """What a pool has and needs."""

    def assess_coin(
        self,
        pool: Pool[Decimal],
        margin: PoolMargin[Decimal],
        at: int,
        marks: Sequence[Decimal],
        markets: Sequence[Market[Decimal]],
        /,
    ) -> CoinMargin[Decimal]:
        """One coin of a valued pool."""

    def is_liquidatable(self, balance: Decimal, requirement: Decimal, /) -> bool:
        """Whether the venue liquidates."""

    def available_balance(
        self, pool: Pool[Decimal], margin: PoolMargin[Decimal], cross_orders: Decimal, isolated_orders: Decimal, /
    ) -> Decimal:
        """What new orders may use."""

    def withdrawable(
        self, pool: Pool[Decimal], margin: PoolMargin[Decimal], cross_orders: Decimal, isolated_orders: Decimal, /
    ) -> Decimal:
        """What may leave the account."""

    def bankruptcy_price(self, leg: Leg[Decimal], cash: Decimal, market: Market[Decimal], /) -> Found[Decimal]:
        """Price at which the leg's money is gone."""

    def stated_liquidation_price(
        self,
        leg: Leg[Decimal],
        pool: Pool[Decimal],
        margin: PoolMargin[Decimal],
        marks: Sequence[Decimal],
        markets: Sequence[Market[Decimal]],
        /,
    ) -> Found[Decimal]:
        """The liquidation price in the venue's own form (PRICES_STATED)."""

    def liquidation_fee(self, leg: Leg[Decimal], price: Decimal, market: Market[Decimal], /) -> Decimal:
        """Fee or penalty of a forced close of the whole leg."""

    def margin_bounds(
        self,
        leg: Leg[Decimal],
        mark: Decimal,
        market: Market[Decimal],
        pool: Pool[Decimal],
        margin: PoolMargin[Decimal],
        cross_orders: Decimal,
        isolated_orders: Decimal,
        /,
    ) -> tuple[Decimal, Decimal]:
        """Most that can be added to and removed from an isolated leg; `pool` is its asset's cross pool."""

    def interest(self, borrowed: Decimal, accrued: Decimal, rate: Decimal, hours: Decimal, /) -> Decimal:
        """What a debt costs over some hours at a rate a year; `accrued`: interest owed on it already."""

    def borrowable(
        self,
        pool: Pool[Decimal],
        margin: PoolMargin[Decimal],
        at: int,
        marks: Sequence[Decimal],
        markets: Sequence[Market[Decimal]],
        /,
    ) -> Decimal:
        """Units of its coin `at` that a valued pool could be lent now."""

    def wall_bounds(
        self,
        inside: Pool[Decimal],
        margin: PoolMargin[Decimal],
        free: Decimal,
        at: int,
        marks: Sequence[Decimal],
        markets: Sequence[Market[Decimal]],
        /,
    ) -> tuple[Decimal, Decimal]:
        """Most of the coin `at` that can be added to and removed from the wall of an isolated spot position; `free`: of that
        coin outside."""

    def margin_at_fill(
        self, amount: Decimal, price: Decimal, leverage: Decimal, rate: Decimal, market: Market[Decimal], /
    ) -> Decimal:
        """Money that enters an isolated wall when `amount` is opened."""

    def margin_on_leverage(
        self, leg: Leg[Decimal], leverage: Decimal, market: Market[Decimal], reading: Any, /
    ) -> Decimal:
        """Money that enters (+) or leaves (-) an isolated leg when its leverage changes."""

    def funding_payment(self, amount: Decimal, mark: Decimal, rate: Decimal, inverse: bool, /) -> Decimal:
        """Funding paid (+) or received (-)."""

    def funding_split(self, payment: Decimal, leg: Leg[Decimal], free: Decimal, /) -> tuple[Decimal, Decimal]:
        """Funding (from the cash, from the leg's own money); `free`: the available balance."""

    def opening_fee_split(self, fee: Decimal, isolated: bool, /) -> tuple[Decimal, Decimal]:
        """Opening fee (from the cash, from the leg's own money)."""

    def next_step(
        self,
        stage: int,
        pool: Pool[Decimal],
        margin: PoolMargin[Decimal],
        marks: Sequence[Decimal],
        fills: Sequence[Decimal],
        markets: Sequence[Market[Decimal]],
        reading: Any,
        /,
    ) -> Step[Decimal]:
        """The venue's next act on a pool."""

    def pools_of(self, account: Account, instruments: Mapping[str, Instrument], /) -> tuple[PoolSpec, ...]:
        """How the account is divided."""

    def cross_apart(self, regime: int, /) -> bool:
        """Whether each cross position is liquidated by itself, on what the others leave free."""

    def pays_profit_out(self, regime: int, before: datetime | None, now: datetime | None, /) -> bool:
        """Whether running profit of cross positions becomes cash between two instants."""

    def mode_on_leverage(
        self, account: Account, symbol: str, leverage: Decimal, asked: MarginMode | None, /
    ) -> MarginMode | None:
        """The margin mode that choosing a leverage sets, open positions included; None: none."""

    def tier_of(self, position: Position, account: Account, instruments: Mapping[str, Instrument], /) -> Decimal:
        """Contracts that choose a position's bracket; 0 where brackets count notional."""

    def entry_in_rules(self, entry: Decimal, /) -> Decimal:
        """Entry price as the formulas use it."""

    def initial_rate(self, leverage: Decimal, /) -> Decimal:
        """Initial margin rate of a leverage, rounded as the venue does."""

    def order_reserve(self, order: Order, instrument: Instrument, taker_rate: Decimal, /) -> Decimal:
        """What a resting order takes off its pool's balance."""

    def cancels(self, order: Order, spec: PoolSpec, /) -> bool:
        """Whether a liquidation of the pool cancels an order that settles in its asset."""

    def order_funds(self, mode: MarginMode, available: Decimal, withdrawable: Decimal, /) -> Decimal:
        """What a new order or a lower leverage may draw on."""

    def fill_mode(self, account: Account, symbol: str, asked: MarginMode | None, /) -> MarginMode:
        """The margin mode that a trade falls under."""

    def leverage_key(self, symbol: str, mode: MarginMode, side: LegSide, /) -> str:
        """What a leverage setting is kept for."""

    def leg_name(self, key: LegKey, position_mode: PositionMode, /) -> str:
        """A position's printed name."""

    def may_leave(self, regime: int, available: Decimal, withdrawable: Decimal, /) -> Decimal:
        """What may leave the account under a dated regime, given what the rules of today say."""

    def displayed_liquidation_price(self, ask: PriceAsk, /) -> Decimal | None:
        """The liquidation price as the venue prints it."""

    def printed(self, quantity: str, ask: LegAsk, /) -> Decimal | None:
        """A number that this venue alone prints of a position, by the name that cases give it; None: it prints no such one."""

    def coin_in_rules(
        self,
        coin: Coin,
        asset: str,
        spec: PoolSpec,
        account: Account,
        instruments: Mapping[str, Instrument],
        reading: Any,
        /,
    ) -> Coin:
        """What a coin counts and its debt needs in a pool of an account, where that depends on more than the coin."""

    def margin_asset(self, account: Account, instrument: Instrument, mode: MarginMode, buys: bool, /) -> str:
        """The coin of the pair that a new spot position has its own money in."""

    def printed_of_pool(self, quantity: str, ask: PoolAsk, /) -> Decimal | None:
        """A number that this venue alone prints of an account, a coin or a pair, by the name that cases give it; None: it
        prints no such one."""

    def venue_ratio(self, margin: PoolMargin[Decimal], spec: PoolSpec, account: Account, /) -> Decimal | None:
        """The venue's own ratio, in its own direction."""

    def venue_initial_ratio(self, margin: PoolMargin[Decimal], /) -> Decimal | None:
        """The venue's own ratio of initial margin; None where it prints none."""

    def break_even_price(self, position: Position, taker_rate: Decimal, /) -> Decimal:
        """Price at which closing pays the fees."""

    def may_switch_mode(self, account: Account, symbol: str, mode: MarginMode, /) -> Reject | None:
        """Whether a symbol's margin mode may change."""

    def may_switch_position_mode(self, account: Account, mode: PositionMode, /) -> Reject | None:
        """Whether the account may change between one-way and hedge."""

    @property
    def OPTIONS(self) -> Mapping[str, tuple[str, ...]]:  # noqa: N802
        """Settings of the whole account besides its modes: name -> its values, the default first."""

    def may_set_option(self, account: Account, name: str, value: str, /) -> Reject | None:
        """Whether one of the OPTIONS may be set to one of its values."""

    def may_set_leverage(self, ask: LeverageAsk, /) -> Reject | None:
        """Whether a leverage may be set."""

    def limit_counts(self, order: Order, own: Instrument, other: Instrument, /) -> bool:
        """Whether contracts of another leg or instrument count towards an order's size limit."""

    def may_open(self, account: Account, order: Order, instruments: Mapping[str, Instrument], /) -> Reject | None:
        """Whether an order may open a position beside those that the account holds."""

    def unstated(self, instrument: Instrument, /) -> str:
        """Which of the numbers in TERMS that move by the minute is not stated for a contract, what is taken for it, and how to
        state it, as the end of a sentence; '' where nothing is missing."""

    def may_grow(self, ask: SizeAsk, /) -> Reject | None:
        """Whether a position may reach a size."""

    def venue_code(self, reject: Reject, /) -> str:
        """The venue's code of a refusal, '' where it has none."""
