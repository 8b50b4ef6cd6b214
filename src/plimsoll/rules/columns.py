"""The records that rules read and return: frozen structs of numbers, generic over the number type. Compiled code knows them by
named tuples of the same fields (`array.compile.twin`); rules see no difference, and so take none apart but by its fields.

Amounts, not contracts: `amount` is what stands behind the contracts (base units of a linear, quote face of an inverse
contract), signed. Conversion happens once, when a pool is built, so that no formula carries the multiplier.
"""

from collections.abc import Sequence
from typing import Generic

import msgspec

from plimsoll.number import N


class Market(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """One instrument. `floors` .. `leverages` are the bracket columns, one entry a row, lowest floor first; `rows` counts
    them. `lot` and `tick` are steps of an amount and of a price (zero: unknown). `regime`: which of the rules' REGIMES is in
    force, by date or by the account's own statement (0 where a venue has none). `initials`: the row's own initial rate where
    the venue states one (else 0). `unit`: the amount of money that the venue counts in (0: it does not round).
    `funding_rate`: the one that the next funding will charge (0: none is known). `spot`: coins change hands, so that a leg in
    it has no profit of its own: the coins have it. `terms`: the venue's further numbers, in the order of its TERMS.
    `quote_floors`: the floors of what is borrowed in the quote asset, where `floors` count what is borrowed in the base (else
    0)."""

    inverse: bool
    multiplier: N
    lot: N
    tick: N
    taker_rate: N
    liquidation_fee_rate: N
    rows: int
    floors: Sequence[N]
    rates: Sequence[N]
    deductions: Sequence[N]
    leverages: Sequence[N]
    initials: Sequence[N]
    unit: N
    funding_rate: N
    regime: int
    spot: bool
    terms: Sequence[N] = ()
    quote_floors: Sequence[N] = ()


class Leg(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """One position of a pool. `market`: index into the markets and marks columns. `entry` and `initial_rate` are
    already rounded as the venue rounds them. `margin`: its isolated money (0 in cross). `tier`: the contracts that choose
    its bracket where the venue counts contracts, or the value of resting orders where those count beside the position's own
    (else 0). `added`, `lost`: of the isolated money, what was put in by hand and what funding took. `cost`: the signed value
    paid (0: it follows from the entry). `wallet`: the coin it settles in, as an index into the wallets of a valued pool (where
    legs keep coins of their own: that of the leg's two in which the pool is told).
    `spare`: free cash that the venue may add to it by itself (0: it may not). `remarked`: the signed value that running
    profit counts from, where the venue has paid earlier profit out (0: the cost). `since`: seconds since a part of it was sold
    by force, where the venue then waits and has not gone on (-1: no such wait)."""

    market: int
    amount: N
    entry: N
    leverage: N
    initial_rate: N
    margin: N
    isolated: bool
    tier: N
    added: N
    lost: N
    cost: N
    wallet: int
    spare: N
    remarked: N
    since: N


class Wallet(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """One coin of a valued pool. `place`: where its price in the pool's currency stands in the marks column, behind the
    marks. `balance`: settled units (negative: owed), `borrowed`: units owed apart from it, with interest.
    `collateral` False: switched off. `floors`, `ratios`: what counts of a holding, slice by slice (`rows` of them);
    `loan_floors`, `loan_initial`, `loan_maintenance`: what a debt needs, slice by slice (`loan_rows`), of units or
    (`loans_by_value`) of its value.

    `by_worth`: the floors count what the holding is worth in the pool's currency. `repayment_rate`: fee rate of buying what
    is owed. `lends`: orders that settle in it may lean on other coins. `restricted`: it gives no room for new positions.
    `outside_*`: totals of legs that settle in it and that a source states without listing them. `dearer`: what a unit that is
    owed, or asked as margin, counts (1, or more where the venue values it above the index). `sold`, `bought`: the share of the
    index at which the venue sells the coin, and the multiple at which it buys it, when it exchanges coins by itself;
    `exchanged_below`: units owed beyond which it does so while the pool holds (0: it does not). `is_base`: the venue trades it
    for another coin, so that what is owed of it was sold short."""

    place: int
    balance: N
    borrowed: N
    collateral: bool
    rows: int
    floors: Sequence[N]
    ratios: Sequence[N]
    loan_rows: int
    loan_floors: Sequence[N]
    loan_initial: Sequence[N]
    loan_maintenance: Sequence[N]
    loans_by_value: bool
    by_worth: bool
    repayment_rate: N
    lends: bool
    restricted: bool
    outside_initial: N
    outside_maintenance: N
    outside_fee: N
    dearer: N
    sold: N
    bought: N
    exchanged_below: N
    is_base: bool = False


class Rest(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """One resting opening order of a valued pool: its signed `amount` and `price`, and with it the orders of its leg together
    (`held` .. `new_sells`, as in Resting). `leads`: the first of them, which stands for their sum; the others follow it.
    `leg`: that leg's index in the pool (-1: there is none yet, or it is isolated). `isolated`: an order of that mode, which
    the pool's coins are to pay for. `tier` as in `Resting`. `base`: of an order for coins themselves, their wallet, `wallet`
    being that of the coin they are paid with (-1: an order for contracts)."""

    market: int
    wallet: int
    leg: int
    amount: N
    price: N
    leads: bool
    held: N
    buys: N
    sells: N
    initial_rate: N
    leverage: N
    new_buys: N
    new_sells: N
    isolated: bool
    tier: N
    base: int


class Resting(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """The resting opening orders of one symbol and mode (in hedge mode: of one leg). `amount`: the signed position they
    net against (0 in hedge mode); `buys`, `sells`: their values at their own prices, in the settle asset; `new_*`: the
    part of these values that is left when as many contracts as the position holds only close it; `gross`: their amounts
    together. `tier` as in `Leg`; `isolated`: the mode."""

    market: int
    amount: N
    buys: N
    sells: N
    initial_rate: N
    leverage: N
    new_buys: N
    new_sells: N
    gross: N
    tier: N
    isolated: bool


class Pool(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """Some collateral and the legs it stands behind. `cash`: settled money (the wallet share of a cross pool, the assigned
    money of an isolated leg). `reserved`: what the venue takes off the balance for resting orders. `orders`: how many
    rest in the pool's scope. `outside_*`: totals of legs that a source states without listing them. `apart`: cross legs
    that fail apart from those `beside` them, which stand on the same cash and lock their share of it; `asks`: the resting
    orders that lock theirs, where that depends on marks. `locked`: what legs lock that were summed before (then not `beside`).

    A valued pool holds several coins and is measured in one currency: `wallets` are its coins, `rests` its opening orders,
    `cash` only what a source states without listing coins. In a pool of one asset both are empty, unless its legs keep coins of
    their own (`kept`): then `wallets` are the base and the quote coin of each leg, one leg after the other, and count beside
    the cash."""

    cash: N
    legs: Sequence[Leg[N]]
    reserved: N
    orders: int
    outside_pnl: N
    outside_initial: N
    outside_maintenance: N
    outside_fee: N
    locked: N
    wallets: Sequence[Wallet[N]] = ()
    rests: Sequence[Rest[N]] = ()
    beside: Sequence[Leg[N]] = ()
    apart: bool = False
    asks: Sequence[Resting[N]] = ()
    kept: bool = False


class PoolMargin(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """What a pool has and needs. `requirement` is compared with `balance`; `scale` is the gross size of the sums, so that
    |balance - requirement| / scale tells how close the decision was."""

    balance: N
    initial: N
    maintenance: N
    requirement: N
    scale: N


class Standing(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """What of a pool apart stays as it is while its mark moves between `low` and `high` (exclusive; high 0: without bound).
    `locked`: what its legs lock of the cash, running losses aside; `initial`, `maintenance`: their margins, the second the
    pool's requirement; `closing_fee` as of one leg; `kept`: what counts besides cash and profit; `cost`: what profit counts
    from, signed so that profit is the worth less the cost; `cut_base`, `cut_slope`: the line, over the cash behind the pool,
    of what closing takes of that cash (nothing where it is below zero); `size`: the gross size of it all."""

    low: N
    high: N
    locked: N
    initial: N
    maintenance: N
    closing_fee: N
    kept: N
    cost: N
    cut_base: N
    cut_slope: N
    size: N


class Sums(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """What the legs on one cash come to: running profits and losses together (`gain`), the losses alone (`loss`, unsigned),
    what is locked besides losses, maintenance margins, gross size."""

    gain: N
    loss: N
    locked: N
    maintenance: N
    scale: N


class Found(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """A price that may not exist: `found` False means that no positive price does it."""

    found: bool
    price: N


class Line(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """A straight line, base + slope * x. `least`, `most`: the values of the leg or order (floor exclusive, cap inclusive)
    between which its headroom follows this line; `most` 0: without an upper bound."""

    base: N
    slope: N
    least: N
    most: N


class CoinLine(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """A straight line, base + slope * profit, over the running profit in a coin of a valued pool. It holds from `least` to
    `most`, both included; `floored`, `capped` False: without a bound on that side. `fixed`: what is added in the pool's
    currency, whatever the coin's price is."""

    base: N
    slope: N
    floored: bool
    least: N
    capped: bool
    most: N
    fixed: N


class CoinMargin(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """One coin of a valued pool as people ask for it. In the coin: `equity`, `borrowed` (all that is owed, running loss
    included), `available` as the venue prints it, `withdrawable`, `for_orders`: what new cross orders that settle in it may
    draw on. `collateral_value`: what it counts, in the pool's currency; `settled_value`: that without running profit; `idle`:
    what of it gives no room for new positions."""

    equity: N
    borrowed: N
    available: N
    withdrawable: N
    collateral_value: N
    settled_value: N
    for_orders: N
    idle: N


class Step(msgspec.Struct, Generic[N], frozen=True, gc=False):
    """One act of a liquidation. `kind`: one of those named below; `leg`: index in the pool (-1: none);
    `other`: a second leg reduced by the same amount at its own fill (-1: none); `amount` > 0; `price` of the fill; `fee` to
    the venue and `penalty` to the insurance fund, of each leg, in its settle asset.

    CONVERT sells `amount` of the wallet `leg` for units of the wallet `other`, `price` each, to repay what is owed in that
    coin; its fee is in units of `other`. Without a `leg` (-1) it sells that share of every coin that is held, each at
    `common.exchange_price`. TOP_UP moves `amount` of free cash into an isolated leg.

    PART reduces, and the leg remembers when (`Leg.since`). WAIT leaves a pool that fails alone, for `amount` seconds by the
    venue's word. RESUME forgets what was remembered: the next liquidation of the pool begins anew."""

    kind: int
    leg: int
    other: int
    amount: N
    price: N
    fee: N
    penalty: N


HOLD = 0
CANCEL = 1
REDUCE = 2
TAKE_OVER = 3
CONVERT = 4
TOP_UP = 5
PART = 6
WAIT = 7
RESUME = 8
