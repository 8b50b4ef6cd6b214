"""The records that rules read and return: NamedTuples of numbers, generic over the number type.

Amounts, not contracts: `amount` is what stands behind the contracts (base units of a linear, quote face of an inverse
contract), signed. Conversion happens once, when a pool is built, so that no formula carries the multiplier.
"""

from collections.abc import Sequence
from typing import Generic, NamedTuple

from plimsoll.number import N


class Market(NamedTuple, Generic[N]):
    """One instrument. `floors` .. `leverages` are the bracket columns, one entry a row, lowest floor first; `rows` counts
    them. `lot` and `tick` are steps of an amount and of a price (zero: unknown). `initials`: the row's own initial rate where
    the venue states one (else 0). `unit`: the amount of money that the venue counts in (0: it does not round).
    `funding_rate`: the one that the next funding will charge (0: none is known)."""

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


class Leg(NamedTuple, Generic[N]):
    """One position of a pool. `market`: index into the markets and marks columns. `entry` and `initial_rate` are
    already rounded as the venue rounds them. `margin`: its isolated money (0 in cross). `tier`: the contracts that choose
    its bracket where the venue counts contracts (else 0). `added`, `lost`: of the isolated money, what was put in by hand and
    what funding took. `cost`: the signed value paid (0: it follows from the entry). `remarked`: the signed value that running
    profit counts from, where the venue has paid earlier profit out (0: the cost)."""

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
    remarked: N


class Resting(NamedTuple, Generic[N]):
    """The resting opening orders of one symbol and mode (in hedge mode: of one leg). `amount`: the signed position they
    net against (0 in hedge mode); `buys`, `sells`: their values at their own prices, in the settle asset; `bought`, `sold`:
    their amounts. `tier` as in `Leg`; `isolated`: the mode; `regime` as in `Pool`."""

    market: int
    amount: N
    buys: N
    sells: N
    initial_rate: N
    bought: N
    sold: N
    tier: N
    isolated: bool
    regime: int


class Pool(NamedTuple, Generic[N]):
    """Some collateral and the legs it stands behind. `cash`: settled money (the wallet share of a cross pool, the assigned
    money of an isolated leg). `reserved`: what the venue takes off the balance for resting orders. `orders`: how many
    rest in the pool's scope. `outside_*`: totals of legs that a source states without listing them. `regime`: which of the
    rulebook's dated ways of reckoning is in force. `beside`, `asks`: the legs of other pools and the resting orders that draw
    on the same cash (only where a cross position is a pool of its own)."""

    cash: N
    legs: Sequence[Leg[N]]
    reserved: N
    orders: int
    outside_pnl: N
    outside_initial: N
    outside_maintenance: N
    outside_fee: N
    regime: int = 0
    beside: Sequence[Leg[N]] = ()
    asks: Sequence[Resting[N]] = ()


class PoolMargin(NamedTuple, Generic[N]):
    """What a pool has and needs. `requirement` is compared with `balance`; `scale` is the gross size of the sums, so that
    |balance - requirement| / scale tells how close the decision was."""

    balance: N
    initial: N
    maintenance: N
    requirement: N
    scale: N


class Found(NamedTuple, Generic[N]):
    """A price that may not exist: `found` False means that no positive price does it."""

    found: bool
    price: N


class Line(NamedTuple, Generic[N]):
    """A straight line, base + slope * x. `least`, `most`: the values of the leg (floor exclusive, cap inclusive) between
    which its headroom follows this line; `most` 0: without an upper bound."""

    base: N
    slope: N
    least: N
    most: N


class Step(NamedTuple, Generic[N]):
    """One act of a liquidation. `kind`: HOLD, CANCEL, REDUCE, TAKE_OVER; `leg`: index in the pool (-1: none); `other`: a
    second leg reduced by the same amount at its own fill (-1: none); `amount` > 0; `price` of the fill; `fee` to the venue
    and `penalty` to the insurance fund, of each leg, in cash of the pool."""

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
