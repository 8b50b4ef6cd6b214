"""The account walk beside other ways to walk the same account: `python -m bench.walks`.

An answer is one position at one step. The bare walk is three cross positions far from their line (every step assessed by the
compiled rule, equity and headroom kept) beside the same sums in NumPy, all steps at once, and in C (`walks.c`, where there is
a compiler). The full walk has funding every
eighth step, a stop and a take-profit to look out for, beside the exact engine on a shorter stretch of the same prices.
"""

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bench import accounts, side_by_side
from bench.side_by_side import Ratio, Side, by_turns
from plimsoll.account.state import Venue
from plimsoll.array import ladder
from plimsoll.array.between import no_road
from plimsoll.array.desk import EVENT_RECORD, Told, copied, lay_desk, new_tally
from plimsoll.array.study import walker_of
from plimsoll.model import Account, LegSide, MarginMode, Order, OrderType, Position, PositionMode
from plimsoll.play import play
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.paths import BarPath
from plimsoll.rulebook import in_force
from plimsoll.table_files import load
from plimsoll.tape import Unit

STEPS = 20_000
EXACT_STEPS = 200
SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")
ENTRIES = (60000.0, 3000.0, 0.5)
SIZES = ("5", "40", "100000")
START = datetime(2026, 7, 2, tzinfo=UTC)


class Ground(NamedTuple):
    """An account, its prices and funding, and how the compiled walk takes them."""

    account: Account
    venue: Venue
    marks: Any
    funding: Any


def ground(orders: tuple[Order, ...], funding_every: int) -> Ground:
    """Three cross longs with money enough for every price that comes."""
    rng = np.random.default_rng(7)
    logs = np.vstack([np.zeros(3), np.cumsum(rng.normal(0, 0.0005, (STEPS - 1, 3)), axis=0)])
    positions = tuple(
        Position(s, MarginMode.CROSS, LegSide.NET, Decimal(size), Decimal(str(entry)), Decimal(10))
        for s, size, entry in zip(SYMBOLS, SIZES, ENTRIES, strict=True)
    )
    funding = np.zeros((STEPS, 3))
    if funding_every:
        funding[funding_every::funding_every] = 0.0001
    account = Account(PositionMode.ONE_WAY, {"USDT": Decimal(2_000_000)}, positions, orders)
    rulebook = in_force(load(accounts.textbook().venue.rulebook.name), START.date())
    return Ground(account, Venue(rulebook), np.array(ENTRIES) * np.exp(logs), funding)


def compiled(of: Ground) -> Side:
    """The walk over all steps."""
    laid = lay_desk(of.account, of.venue.rulebook, SYMBOLS, Told({"USDT": ""}, "USDT", False))
    kernel = walker_of(of.venue.rulebook.name)
    due = np.any(of.funding != 0, axis=1)

    def work() -> Any:
        held, tally, log = copied(laid.held), new_tally(), np.zeros(8, EVENT_RECORD)
        code = kernel(laid.desk, held, no_road(3), of.marks, of.marks, of.funding, due, 0, tally, log)
        assert code == ladder.DONE
        return tally

    lowest = float(work()["lowest"][0])
    return Side("compiled walk", work, STEPS * 3, f"lowest equity {lowest:,.6f}")


def in_numpy(of: Ground) -> Side:
    """Equity and headroom of every step by whole columns."""
    sizes = np.array([float(s) for s in SIZES])
    tables = [of.venue.rulebook.instruments[s].brackets for s in SYMBOLS]
    floors = [np.array([float(row.floor) for row in rows]) for rows in tables]
    rates = [np.array([float(row.maintenance_rate) for row in rows]) for rows in tables]
    deductions = [np.array([float(row.deduction) for row in rows]) for rows in tables]

    def work() -> tuple[float, float]:
        equity = 2_000_000 + ((of.marks - ENTRIES) * sizes).sum(axis=1)
        needed = np.zeros(len(of.marks))
        for k in range(3):
            value = of.marks[:, k] * sizes[k]
            row = np.searchsorted(floors[k], value) - 1
            needed += value * rates[k][row] - deductions[k][row]
        return float(equity.min()), float((equity - needed).min())

    return Side("NumPy, whole columns", work, STEPS * 3, f"lowest equity {work()[0]:,.6f}")


def in_c(of: Ground, folder: str) -> Side | None:
    """Equity and headroom of every step by a loop in C; None: there is no compiler."""
    source, built = Path(__file__).with_name("walks.c"), Path(folder) / "walks.so"
    if shutil.which("cc") is None:
        return None
    flags = ("-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC")
    if subprocess.run(["cc", *flags, str(source), "-o", str(built), "-lm"], capture_output=True, check=False).returncode:
        return None
    tables = [of.venue.rulebook.instruments[s].brackets for s in SYMBOLS]
    width = max(len(rows) for rows in tables)
    floors, rates, deductions = np.full((3, width), np.inf), np.zeros((3, width)), np.zeros((3, width))
    for k, brackets in enumerate(tables):
        floors[k, : len(brackets)] = [float(row.floor) for row in brackets]
        rates[k, : len(brackets)] = [float(row.maintenance_rate) for row in brackets]
        deductions[k, : len(brackets)] = [float(row.deduction) for row in brackets]
    sizes, entries, lowest = np.array([float(s) for s in SIZES]), np.array(ENTRIES), np.zeros(2)
    walk = ctypes.CDLL(str(built)).bare_walk

    def at(column: Any) -> ctypes.c_void_p:
        return ctypes.c_void_p(column.ctypes.data)

    def work() -> Any:
        counts = (ctypes.c_int64(len(of.marks)), ctypes.c_int64(3), ctypes.c_double(2_000_000))
        tables = (ctypes.c_int64(width), at(floors), at(rates), at(deductions))
        walk(*counts, at(of.marks), at(sizes), at(entries), *tables, at(lowest))
        return lowest

    return Side("C", work, STEPS * 3, f"lowest equity {float(work()[0]):,.6f}")


def exact_engine(of: Ground) -> Side:
    """`play` over the first steps."""
    frames = []
    for k in range(EXACT_STEPS):
        prices = dict(zip(SYMBOLS, (Decimal.from_float(float(x)) for x in of.marks[k]), strict=True))
        paid = {s: Decimal("0.0001") for s in SYMBOLS if of.funding[k, 0]}
        bars = {s: Bar(x, x, x, x, x, x, x, x) for s, x in prices.items()}
        frames.append(Frame(START + timedelta(hours=k), 0, bars, paid))
    history = History("bench", SYMBOLS, tuple(frames))

    def work() -> Any:
        return play(of.account, (), (), history, of.venue, BarPath.SYNCHRONISED, Unit("USDT", False))

    return Side("exact engine", work, EXACT_STEPS * 3, "exact")


def rows() -> Iterator[Ratio]:
    """The bare walk against NumPy, the full walk against the exact engine."""
    bare = ground((), 0)
    yield by_turns("bare margin walk, three cross positions", compiled(bare), in_numpy(bare), 15)
    with TemporaryDirectory() as folder:
        loop = in_c(bare, folder)
        if loop is not None:
            yield by_turns("the same beside C", compiled(bare), loop, 0.5)
    stop = Order("s", "BTCUSDT", "sell", Decimal(5), OrderType.STOP_MARKET, stop_price=Decimal(40000), reduce_only=True)
    take = msgspec.structs.replace(stop, id="t", type=OrderType.TAKE_PROFIT_MARKET, stop_price=Decimal(90000))
    full = ground((stop, take), 8)
    yield by_turns("full walk: funding, stop, take-profit", compiled(full), exact_engine(full), 200)


def main() -> None:
    began = perf_counter()
    compiled(ground((), 0)).work()
    print(f"first walk, compiling the rulebook: {perf_counter() - began:.1f} s")
    for ratio in rows():
        print(side_by_side.line(ratio))
        ours = ratio.timings[0].nanoseconds
        print(f"  {1000 / ours:,.0f} million position-steps a second and thread; {ratio.ours.error}, {ratio.theirs.error}")


if __name__ == "__main__":
    main()
