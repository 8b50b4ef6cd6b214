"""What a venue whose cross positions fail apart on one cash says of that beside `assess_pool`: the same rules in pieces, so
that each leg is reckoned once for all the pools on the cash. Plain Python; the rules themselves are the venue's."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from plimsoll.rules.columns import Line, Market, Pool, PoolMargin, Standing, Sums


class Apart(NamedTuple):
    """`standing(pool, marks, markets)`: what of a pool apart stays while its mark stays in a range.

    `assess(pool, standing, gain, taken, marks, markets)`: what the pool has and needs with the running profit `gain`, where
    the legs beside it and the orders take `taken` off the cash. `cash(pool, sums)`: the cash that no leg fails with.

    `fee(standing, market)`: where running losses are locked out of the cash: the line, over the cash that stands behind a
    pool, of what closing takes of that cash (nothing where it is below zero). None: what a leg locks moves with its tier
    alone."""

    standing: Callable[[Pool[Decimal], Sequence[Decimal], Sequence[Market[Decimal]]], Standing[Decimal]]
    assess: Callable[
        [Pool[Decimal], Standing[Decimal], Decimal, Decimal, Sequence[Decimal], Sequence[Market[Decimal]]],
        PoolMargin[Decimal],
    ]
    cash: Callable[[Pool[Decimal], Sums[Decimal]], PoolMargin[Decimal]]
    fee: Callable[[Standing[Decimal], Market[Decimal]], Line[Decimal]] | None
