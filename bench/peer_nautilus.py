"""nautilus_trader's liquidation engine against ours: in which of many ticks is one long liquidated? Run by `bench.peers`.

Not the same work: nautilus drives an engine of orders, accounts and a strategy through every tick, ours asks only for the tick.
Both get one wallet, one market order at the first tick, no fees, and the first bracket's rate. The Rust engine behind
`nautilus_pyo3` is the one that liquidates."""

from decimal import Decimal
from importlib.metadata import version
from time import perf_counter

import numpy as np
from nautilus_trader.core import nautilus_pyo3 as nautilus

from bench.side_by_side import Side, by_turns, line
from plimsoll.api import liquidation_prices, load_rulebook
from plimsoll.array.passage import Bars, Trade, barriers, times
from plimsoll.model import Account, LegSide, MarginMode, Position, PositionMode
from plimsoll.rulebook import Rulebook

TICKS, START, LEVERAGE = 300_000, Decimal(60000), Decimal(10)
STRATEGY = "nautilus_trader.examples.strategies.market_buy_on_start:MarketBuyOnStart"


def prices() -> np.ndarray:
    """A random walk in whole tens of cents that falls by a sixth: the long fails on the way."""
    draw = np.random.default_rng(3)
    steps = draw.normal(-0.18 / TICKS, 0.00006, TICKS)
    path = np.round(float(START) * np.exp(np.cumsum(steps)), 1)
    path[0] = float(START)
    return path


def their_engine(path: np.ndarray, rate: Decimal) -> nautilus.backtest.BacktestEngine:
    """An engine with its venue, contract, ticks and strategy, not run yet."""
    model, backtest = nautilus.model, nautilus.backtest
    silent = nautilus.common.LoggerConfig(stdout_level=nautilus.common.LogLevel.OFF, bypass_logging=True)
    engine = backtest.BacktestEngine(backtest.BacktestEngineConfig(logging=silent))
    usdt, btc = model.Currency.from_str("USDT"), model.Currency.from_str("BTC")
    wallet = START / LEVERAGE
    engine.add_venue(
        model.Venue("SIM"), model.OmsType.NETTING, model.AccountType.MARGIN, [model.Money(float(wallet), usdt)],
        base_currency=usdt, default_leverage=LEVERAGE, margin_model=model.StandardMarginModel(), liquidation_enabled=True,
    )  # fmt: skip
    name = model.InstrumentId.from_str("BTCUSDT-PERP.SIM")
    engine.add_instrument(
        model.CryptoPerpetual(
            name, model.Symbol("BTCUSDT-PERP"), btc, usdt, usdt, False, 1, 0, model.Price(0.1, 1), model.Quantity(1, 0), 0, 0,
            margin_init=Decimal("0.05"), margin_maint=rate, maker_fee=Decimal(0), taker_fee=Decimal(0),
        )
    )  # fmt: skip
    size = model.Quantity(1000, 0)
    ticks = []
    for at, price in enumerate(path.tolist()):
        quote = model.Price(price, 1)
        ticks.append(model.QuoteTick(name, quote, quote, size, size, at, at))
    engine.add_data(ticks)
    config = {"instrument_id": str(name), "trade_size": 1}
    engine.add_strategy_from_config(nautilus.trading.ImportableStrategyConfig(STRATEGY, f"{STRATEGY}Config", config))
    return engine


def their_tick(engine: nautilus.backtest.BacktestEngine) -> str:
    """In which tick the engine sold, in words."""
    fills = engine.generate_fills_report()
    sold = fills[fills["order_side"] == "SELL"]
    return "never liquidated" if sold.empty else f"liquidated in tick {int(sold['ts_event'].iloc[0].value):,}"


def exact_tick(path: np.ndarray, price: Decimal) -> int:
    """The first tick at or below the exact liquidation price, tick by tick in Decimal."""
    return next(at for at, tick in enumerate(path.tolist()) if at and Decimal(repr(tick)) <= price)


def main() -> None:
    path, rulebook = prices(), load_rulebook("binance_usdm", "2026-07-02")
    bars, trade = Bars(path, path, path), Trade("BTCUSDT", "long", "size", Decimal(1))
    rate = rulebook.instruments["BTCUSDT"].brackets[0].maintenance_rate
    held = Position("BTCUSDT", MarginMode.ISOLATED, LegSide.NET, Decimal(1), START, LEVERAGE, START / LEVERAGE)
    account = Account(PositionMode.ONE_WAY, {}, (held,))
    price = liquidation_prices(account, {"BTCUSDT": START}, rulebook)["BTCUSDT"]
    assert price is not None
    truth = exact_tick(path, price)
    print(f"nautilus_trader {version('nautilus_trader')}: one long of 10x through {TICKS:,} ticks; exact: tick {truth:,}")
    horizon = TICKS - 1
    asked = barriers(rulebook, trade, [LEVERAGE], bars, horizon)
    engine = their_engine(path, rate)

    def again() -> None:
        engine.reset()
        engine.run()

    engine.run()
    found = int(times(bars, asked, horizon).steps[0, 0])
    ours = Side("plimsoll, that tick alone", lambda: times(bars, asked, horizon), TICKS, f"liquidated in tick {found:,}")
    theirs = Side("nautilus BacktestEngine.run, all of its engine", again, TICKS, their_tick(engine))
    print(line(by_turns("a tick of history, one position", ours, theirs)))
    print(f"    so many entries at once: {entries(bars, rulebook)}")


def entries(bars: Bars, rulebook: Rulebook) -> str:
    """What the same pass costs where a position is opened at every tick: the question that it is made for."""
    horizon = TICKS // 2
    asked = barriers(rulebook, Trade("BTCUSDT", "long", "value", START), [LEVERAGE], bars, horizon)
    began = perf_counter()
    found = times(bars, asked, horizon)
    taken = (perf_counter() - began) / found.passage.entries * 1e9
    return f"{found.passage.entries:,} positions, {taken:,.0f} ns each, {found.passage.hits[0]:,} liquidated in time"


if __name__ == "__main__":
    main()
