"""What a venue whose cross positions fail apart on one cash says of that beside `assess_pool`: the same rules in pieces, so
that each leg is reckoned once for all the pools on the cash. Plain Python; the rules themselves are the venue's."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from plimsoll.rules.columns import Market, Pool, PoolMargin, Standing, Sums


class Apart(msgspec.Struct, frozen=True, gc=False):
    """`standing(pool, marks, markets)`: what of a pool apart stays while its mark stays in a range.

    `assess(pool, standing, gain, taken, marks, markets)`: what the pool has and needs with the running profit `gain`, where
    the legs beside it and the orders take `taken` off the cash. `cash(pool, sums)`: the cash that no leg fails with.

    `locks_losses`: a leg locks the loss that it runs besides `Standing.locked`, which then no mark moves. Otherwise nothing
    that a leg locks moves with its mark but by its tier."""

    standing: Callable[[Pool[Decimal], Sequence[Decimal], Sequence[Market[Decimal]]], Standing[Decimal]]
    assess: Callable[
        [Pool[Decimal], Standing[Decimal], Decimal, Decimal, Sequence[Decimal], Sequence[Market[Decimal]]],
        PoolMargin[Decimal],
    ]
    cash: Callable[[Pool[Decimal], Sums[Decimal]], PoolMargin[Decimal]]
    locks_losses: bool
