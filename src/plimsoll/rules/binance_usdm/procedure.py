"""Binance USDⓈ-M: the liquidation ladder as steps, in the rule language: `single_procedure` of a pool of one asset,
`multi_procedure` in multi-assets mode. F-LIQ, F-LIQ20, F-INS, F-MULTIMARGIN, F-MULTIINFO."""

from collections.abc import Sequence

from plimsoll.number import N
from plimsoll.rules.binance_usdm.formulas import Reading
from plimsoll.rules.binance_usdm.multi_procedure import multi_step
from plimsoll.rules.binance_usdm.single_procedure import single_step
from plimsoll.rules.columns import Market, Pool, PoolMargin, Step


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The venue's next act on this pool. `stage`: the Stage reached so far; `fills`: the price at which the market takes
    forced orders, per market (0: nobody does). Once a takeover has begun it goes on until no leg is left."""
    if len(pool.wallets) > 0:
        return multi_step(stage, pool, margin, marks, fills, markets, reading)
    return single_step(stage, pool, margin, marks, fills, markets, reading)
