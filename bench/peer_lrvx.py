"""lrvx's liquidation engine against ours: when are positions opened at every minute's close liquidated? Run by `bench.peers`.

The same answer by other means: lrvx holds every open position and looks at all of them on each mark, which is the worst corner
of the bar. Its engine gets the first bracket's rate as its only tier, since its own profiles are of other tables; the value of
a position stays inside that bracket."""

from decimal import Decimal
from importlib.metadata import version

import lrvx
import numpy as np

from bench.side_by_side import Side, by_turns, line
from plimsoll.api import liquidation_prices, load_rulebook
from plimsoll.array.passage import Bars, Trade, barriers, times
from plimsoll.model import Account, LegSide, MarginMode, Position, PositionMode
from plimsoll.rulebook import Rulebook

MINUTES, DAY, VALUE, LEVERAGE = 6_000, 1_440, Decimal(10_000), Decimal(20)
SAMPLE = 37
"""Every so many entries are answered exactly."""


def recorded() -> Bars:
    """Bars with prices of two decimals, whose closes walk by 0.2 % a minute."""
    draw = np.random.default_rng(5)
    close = np.round(30_000 * np.exp(np.cumsum(draw.normal(0, 0.002, MINUTES))), 2)
    high, low = (np.round(close + sign * abs(draw.normal(0, 20, MINUTES)), 2) for sign in (1, -1))
    return Bars(high, low, close)


def theirs(bars: Bars, rate: float) -> np.ndarray:
    """As `Times.steps` of one leverage."""
    engine = lrvx.LiquidationEngine()
    engine.add_tier(0.0, rate)
    engine.set_liquidation_slippage_bps(0)
    entries, value, own = MINUTES - DAY, float(VALUE), float(VALUE / LEVERAGE)
    steps = np.zeros(entries, np.int32)
    for j, (low, close) in enumerate(zip(bars.low.tolist(), bars.close.tolist(), strict=True)):
        for i in engine.on_mark(0, low)["liquidated"]:
            steps[i] = j - i
        if j >= DAY and not steps[j - DAY]:
            engine.close_position(j - DAY, 0)
        if j < entries:
            engine.open_position(j, 0, value / close, close, own)
    return steps


def exactly(bars: Bars, rulebook: Rulebook, entry: int) -> int:
    """The bar in which one entry is liquidated, in Decimal: the exact engine's price against every low."""
    close = Decimal(repr(float(bars.close[entry])))
    held = Position("BTCUSDT", MarginMode.ISOLATED, LegSide.NET, VALUE / close, close, LEVERAGE, VALUE / LEVERAGE)
    price = liquidation_prices(Account(PositionMode.ONE_WAY, {}, (held,)), {"BTCUSDT": close}, rulebook)["BTCUSDT"]
    assert price is not None
    after = (step for step in range(1, DAY + 1) if Decimal(repr(float(bars.low[entry + step]))) <= price)
    return next(after, 0)


def wrong(steps: np.ndarray, truth: dict[int, int]) -> str:
    off = sum(int(steps[entry] != step) for entry, step in truth.items())
    return f"{off} of {len(truth)} entries in another bar than the exact one"


def main() -> None:
    bars, rulebook = recorded(), load_rulebook("binance_usdm", "2026-07-02")
    rate = float(rulebook.instruments["BTCUSDT"].brackets[0].maintenance_rate)
    asked = barriers(rulebook, Trade("BTCUSDT", "long", "value", VALUE), [LEVERAGE], bars, DAY)
    entries = MINUTES - DAY
    truth = {entry: exactly(bars, rulebook, entry) for entry in range(0, entries, SAMPLE)}
    found = times(bars, asked, DAY)
    print(f"lrvx {version('lrvx')}: {entries:,} longs of 20x, each watched for {DAY:,} minutes; {found.passage.hits[0]:,} fail")
    ours = Side("plimsoll, one thread", lambda: times(bars, asked, DAY), entries, wrong(found.steps[:, 0], truth))
    other = Side("lrvx LiquidationEngine.on_mark", lambda: theirs(bars, rate), entries, wrong(theirs(bars, rate), truth))
    print(line(by_turns("a position's first passage", ours, other)))


if __name__ == "__main__":
    main()
