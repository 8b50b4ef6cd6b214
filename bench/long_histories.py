"""A long history played with the array engine ahead beside the exact engine alone: `python -m bench.long_histories`.

An answer is one frame of bars of two coins, a long walled off and a short in cross, funding every eight hours. Both sides give
the same outcome to the last digit, which is asserted here. The columns of the prices are made once for all playings of a venue
and are not in the time. A year of hours carries a sample on every sixth frame and funding on every eighth, all of which the
exact machine decides in either case; three months of minutes carry both on one in seventy.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import process_time
from typing import Any

import msgspec

from bench import accounts, side_by_side
from bench.side_by_side import Ratio, Side, by_turns
from plimsoll.account.events import MarksSet
from plimsoll.account.state import Venue
from plimsoll.model import Account, LegSide, MarginMode, Position, PositionMode
from plimsoll.play import Scout, play
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.paths import BarPath
from plimsoll.rulebook import in_force
from plimsoll.scout import Ahead, Charted
from plimsoll.table_files import load
from plimsoll.tape import Played, Unit

START = datetime(2026, 7, 2, tzinfo=UTC)
ENTRIES = {"BTCUSDT": 60000.0, "ETHUSDT": 3000.0}
YEAR, QUARTER = 365 * 24, 90 * 24 * 60
FEW = 3
"""Rounds of the longer one: the exact side takes half a minute."""


def history(frames: int, seconds: int, move: float) -> History:
    """Bars of two coins; `move`: a third of a bar, standard deviation of its log."""
    lots, now, made = random.Random(11), dict(ENTRIES), []
    every = 8 * 3600 // seconds
    for n in range(frames):
        bars = {}
        for symbol in now:
            points = [now[symbol]]
            for _ in range(3):
                points.append(points[-1] * (1 + lots.gauss(0, move)))
            now[symbol] = points[-1]
            told = [Decimal(f"{x:.2f}") for x in points]
            bars[symbol] = Bar(told[0], max(told), min(told), told[3])
        paid = dict.fromkeys(now, Decimal("0.0001")) if n and n % every == 0 else {}
        made.append(Frame(START + timedelta(seconds=n * seconds), seconds, bars, paid))
    return History("bench", tuple(now), tuple(made))


def sides(prices: History) -> tuple[Side, Side]:
    """Both ways of playing it; asserts that they agree."""
    legs = (
        Position("BTCUSDT", MarginMode.ISOLATED, LegSide.NET, Decimal("0.2"), Decimal(60000), Decimal(3), Decimal(4000)),
        Position("ETHUSDT", MarginMode.CROSS, LegSide.NET, Decimal(-3), Decimal(3000), Decimal(3)),
    )
    account = Account(PositionMode.ONE_WAY, {"USDT": Decimal(20_000)}, legs)
    venue = Venue(in_force(load(accounts.textbook().venue.rulebook.name), START.date()))
    unit = Unit("USDT", False)

    def played(scout: Scout | None) -> Played:
        return play(account, (), (), prices, venue, BarPath.WORST, unit, scout)

    began = process_time()
    charted = Charted(prices)
    once = process_time() - began

    def ours() -> Played:
        return played(Ahead(charted, venue, BarPath.WORST, unit))

    one, other = ours(), played(None)
    assert _plain(one) == _plain(other)
    frames = len(prices.frames)
    said = f"identical; {one.passed:,} of {frames:,} frames passed; columns made once a venue, {once:.2f} s"
    return Side("array engine ahead", ours, frames, said), Side("exact engine", lambda: played(None), frames, "exact")


def _plain(played: Played) -> Any:
    """Without the prices set on the way."""
    told = tuple(t for t in played.told if not isinstance(t.event, MarksSet))
    return msgspec.structs.replace(played, told=told, passed=0)


def rows() -> Iterator[Ratio]:
    """The shorter one, which `python -m bench` prints."""
    yield by_turns("a year of hourly bars, two coins, one path", *sides(history(YEAR, 3600, 0.003)))


def main() -> None:
    for ratio in rows():
        print(side_by_side.line(ratio), flush=True)
    minutes = sides(history(QUARTER, 60, 0.0004))
    print(side_by_side.line(by_turns("three months of minute bars, two coins, one path", *minutes, rounds=FEW)))


if __name__ == "__main__":
    main()
