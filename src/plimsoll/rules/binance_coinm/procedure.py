"""Binance COIN-M: the liquidation ladder, in the rule language. There is no multi-assets mode: it is the one of a pool of
one asset. F-LIQ, F-LIQ20, F-INS."""

from collections.abc import Sequence

from plimsoll.number import N
from plimsoll.rules.binance_usdm.formulas import SingleReading
from plimsoll.rules.binance_usdm.single_procedure import single_step
from plimsoll.rules.columns import Market, Pool, PoolMargin, Step


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: SingleReading,
) -> Step[N]:
    """The venue's next act on this pool. `stage`: the Stage reached so far; `fills`: the price at which the market takes
    forced orders, per market (0: nobody does). Once a takeover has begun it goes on until no leg is left. F-LIQ."""
    return single_step(stage, pool, margin, marks, fills, markets, reading)
