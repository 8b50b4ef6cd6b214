"""Random fills on random bars: without margin rules they make what plain sums of cash and positions make, and under rules the
same where nothing was refused, cut or liquidated."""

import random
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest

from plimsoll.api import survive
from plimsoll.runs import Verdict

BEGIN = datetime(2025, 6, 1, tzinfo=UTC)
HOURS = 12
FEE = 1


class Candle(NamedTuple):
    open: str
    high: str
    low: str
    close: str
    rate: str


class Trade(NamedTuple):
    minute: int
    symbol: str
    side: str
    size: str
    price: str


def candles(dice: random.Random, price: float) -> list[Candle]:
    found = []
    for _ in range(HOURS):
        end = price * (1 + dice.gauss(0, 0.02))
        high = max(price, end) * (1 + abs(dice.gauss(0, 0.01)))
        low = min(price, end) * (1 - abs(dice.gauss(0, 0.01)))
        found.append(Candle(*(f"{x:.1f}" for x in (price, high, low, end)), dice.choice(["", "", "0.0003", "-0.0005"])))
        price = float(found[-1].close)
    return found


def trade(dice: random.Random, market: dict[str, list[Candle]]) -> Trade:
    symbol, hour, minute = dice.choice([*market]), dice.randrange(HOURS), dice.choice([0, dice.randint(1, 59)])
    bar = market[symbol][hour]
    inside = f"{float(bar.low) + dice.random() * (float(bar.high) - float(bar.low)):.1f}"
    size = dice.choice(["0.1", "0.05", "0.013"] if symbol == "BTCUSDT" else ["1", "2.5", "0.37"])
    return Trade(hour * 60 + minute, symbol, dice.choice(["buy", "sell"]), size, bar.open if minute == 0 else inside)


def plain_sum(wallet: int, market: dict[str, list[Candle]], trades: list[Trade]) -> Fraction:
    """Cash and positions, nothing else. Funding of an hour comes before the fills at its opening."""
    cash, held = Fraction(wallet), dict.fromkeys(market, Fraction(0))
    signed = [(t, Fraction(t.size) * (1 if t.side == "buy" else -1)) for t in trades]
    open_after = any(sum(size for t, size in signed if t.symbol == symbol) for symbol in market)
    last = HOURS - 1 if open_after else trades[-1].minute // 60
    for hour in range(trades[0].minute // 60, last + 1):
        for symbol, bars in market.items():
            cash -= held[symbol] * Fraction(bars[hour].open) * Fraction(bars[hour].rate or 0)
        for t, size in signed:
            if t.minute // 60 == hour:
                cash -= size * Fraction(t.price) + FEE
                held[t.symbol] += size
    return cash + sum(size * Fraction(market[symbol][last].close) for symbol, size in held.items())


@pytest.mark.parametrize("seed", range(6))
def test_the_fills_alone_make_what_cash_and_positions_make(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    market = {"BTCUSDT": candles(dice, 100000), "ETHUSDT": candles(dice, 4000)}
    trades = sorted(trade(dice, market) for _ in range(dice.randint(2, 10)))
    wallet = dice.choice([1000, 5000, 30000])
    rows = [
        ",".join([(BEGIN + timedelta(hours=hour)).isoformat(), symbol, *bar])
        for symbol, bars in market.items()
        for hour, bar in enumerate(bars)
    ]
    told = [f"{(BEGIN + timedelta(minutes=t.minute)).isoformat()},{','.join(t[1:])},{FEE}" for t in trades]
    (tmp_path / "p.csv").write_text("\n".join(["ts,symbol,open,high,low,close,funding_rate", *rows, ""]))
    (tmp_path / "f.csv").write_text("\n".join(["time,symbol,side,size,price,fee", *told, ""]))
    answer = survive(tmp_path / "f.csv", tmp_path / "p.csv", venue="binance_usdm", wallet=wallet, leverage=10)
    wanted = plain_sum(wallet, market, trades)
    for result in answer.results:
        bare = result.survival.without_rules
        assert abs(Fraction(bare.final_equity) - wanted) < Fraction(1, 10**6), "realised profit is in units of 1e-8"
        whole = not result.survival.left_out and not any("were cut" in note for note in result.run.notes)
        if whole and result.survival.liquidation is Verdict.NOT:
            assert result.run.final_equity == bare.final_equity
        assert result.run.final_equity >= 0
