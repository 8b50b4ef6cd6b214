"""The Brownian bridge: what a step costs, and (run alone, `python -m bench.bridge [paths]`) how far it is from the truth.

The truth is the closed form for an isolated position, and for cross accounts the same paths walked in steps many times finer,
so that only the difference is left to chance.
"""

import sys
from collections.abc import Callable, Iterator
from math import erf, exp, log, sqrt
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from plimsoll.array.bridge import WATCH, bridge_block, bridge_step, deviations, local_variance
from plimsoll.array.models import Subject, brownian

LANES = 512
CHUNK = 8192
DAYS = 7.0
VOLATILITY = 0.8
MAINTENANCE = 0.005
PATHS = 200_000


class Book(NamedTuple):
    """Signed values of a cross account's positions at the start, and its leverage."""

    name: str
    values: tuple[float, ...]
    leverage: float


BOOKS = (
    Book("long, long 5x", (1.0, 1.0), 5.0),
    Book("long, long 10x", (1.0, 1.0), 10.0),
    Book("short, short 5x", (-1.0, -1.0), 5.0),
    Book("long, long, short 8x", (1.0, 1.0, -0.5), 8.0),
)


def calls() -> Iterator[tuple[str, Callable[[], object]]]:
    """Things to time: (name, work)."""
    draw = np.random.default_rng(1)
    headroom, variance = draw.random((65, LANES)) + 0.1, np.full((65, LANES), 0.1)
    survival, out = np.ones(LANES), np.empty(LANES)
    slopes, scale = draw.random((2, LANES)) + 0.5, np.array([[0.01, 0.0], [0.006, 0.008]])
    yield "bridge, 64 steps of 512 paths", lambda: bridge_block(headroom, variance, survival)
    yield "straight headroom, 2 symbols, 512 paths", lambda: deviations(headroom[0], slopes, scale, out)
    yield "local variance, 2 symbols, 512 paths", lambda: local_variance(slopes, scale, out)


class Walk(NamedTuple):
    """One kind of estimate of a chunk of paths: the chance of each path."""

    naive: Any
    mean_ends: Any
    straight: Any
    fine: Any


def isolated(steps: int, paths: int, seed: int) -> tuple[float, float, float, float]:
    """Chances of the 10x long: looked at the steps alone, bridged (and its standard error), with the barrier moved."""
    draw = np.random.default_rng(seed)
    barrier, sigma, drift = isolated_numbers(steps)
    found = []
    for first in range(0, paths, CHUNK):
        lanes = min(CHUNK, paths - first)
        x, survival = np.zeros(lanes), np.ones(lanes)
        low, variance = np.zeros(lanes), np.full(lanes, sigma**2)
        for _ in range(steps):
            end = x + drift + sigma * draw.standard_normal(lanes)
            bridge_step(x - barrier, end - barrier, variance, variance, survival)
            x, low = end, np.minimum(low, end)
        found.append(np.vstack([low < barrier, 1 - survival, low < barrier + WATCH * sigma]))
    naive, bridged, moved = np.concatenate(found, axis=1)
    return naive.mean(), bridged.mean(), bridged.std() / sqrt(paths), moved.mean()


def isolated_numbers(steps: int) -> tuple[float, float, float]:
    """Log barrier of a 10x long, standard deviation and drift of a step."""
    time = DAYS / 365 / steps
    return log((1 - 1 / 10) / (1 - MAINTENANCE)), VOLATILITY * sqrt(time), -(VOLATILITY**2) * time / 2


def exact() -> float:
    """First passage of Brownian motion with drift, in closed form."""
    barrier, sigma, drift = isolated_numbers(1)

    def normal(x: float) -> float:
        return (1 + erf(x / sqrt(2))) / 2

    image = exp(2 * drift * barrier / sigma**2)
    return normal((barrier - drift) / sigma) + image * normal((barrier + drift) / sigma)


class Standing(NamedTuple):
    """A chunk of accounts at one instant: headroom, its local variance and its straight form, each of the coarse step."""

    headroom: Any
    variance: Any
    straight: Any


def stand(book: Book, x: Any, scale: Any) -> Standing:
    """The account where log-prices are `x` [m, lanes]."""
    values = np.array(book.values)[:, None]
    slopes = (values - MAINTENANCE * np.abs(values)) * np.exp(x)
    headroom = np.abs(values).sum() / book.leverage - values.sum() + slopes.sum(axis=0)
    variance, straight = np.empty(x.shape[1]), np.empty(x.shape[1])
    local_variance(slopes, scale, variance)
    deviations(headroom, slopes, scale, straight)
    return Standing(headroom, variance, straight)


def cross(book: Book, steps: int, finer: int, paths: int, seed: int) -> Walk:
    """Four estimates on the same paths: at the coarse steps alone, bridged both ways, and at `finer` times as many steps."""
    count = len(book.values)
    correlation = np.full((count, count), 0.6) + 0.4 * np.eye(count)
    seconds = DAYS * 86400 / steps / finer
    of = Subject("bench", tuple(f"S{i}" for i in range(count)), seconds)
    model = brownian(of, list(VOLATILITY * np.linspace(1, 1.4, count)), correlation)
    draw = np.random.default_rng(seed)
    walks = [_chunk(book, model, steps, finer, min(CHUNK, paths - at), draw) for at in range(0, paths, CHUNK)]
    return Walk(*(np.concatenate(column) for column in zip(*walks, strict=True)))


def _chunk(book: Book, model: Any, steps: int, finer: int, lanes: int, draw: np.random.Generator) -> Walk:
    x, ones = np.zeros((len(book.values), lanes)), np.ones(lanes)
    fine, mean_ends, straight, low = np.ones(lanes), np.ones(lanes), np.ones(lanes), np.full(lanes, np.inf)
    coarse = model.scale * sqrt(finer)
    last = before = stand(book, x, coarse)
    unit = np.full(lanes, 1.0 / finer)
    for step in range(steps * finer):
        x = x + model.drift[:, None] + model.scale @ draw.standard_normal(x.shape)
        now = stand(book, x, coarse)
        bridge_step(before.straight, now.straight, unit, unit, fine)
        before = now
        if (step + 1) % finer == 0:
            bridge_step(last.headroom, now.headroom, last.variance, now.variance, mean_ends)
            bridge_step(last.straight, now.straight, ones, ones, straight)
            low, last = np.minimum(low, now.headroom), now
    return Walk((low <= 0).astype(np.float64), 1 - mean_ends, 1 - straight, 1 - fine)


def show_cross(book: Book, steps: int, finer: int, paths: int) -> str:
    """One line: the chance by the fine walk, and the relative errors of the others with their standard errors."""
    walk = cross(book, steps, finer, paths, steps)
    chance = walk.fine.mean()
    errors = [(one - walk.fine) / chance for one in walk[:3]]
    cells = "".join(f"{100 * e.mean():>+10.2f} {100 * e.std() / sqrt(paths):>5.2f}" for e in errors)
    return f"{book.name:<22}{steps:>6}{steps * finer:>8}{chance:>9.4f}{cells}"


def main() -> None:
    paths = int(sys.argv[1]) if len(sys.argv) > 1 else PATHS
    began = process_time()
    truth = exact()
    print(f"Isolated long 10x, volatility {VOLATILITY}, {DAYS:g} days: {truth:.5f} in closed form; errors in %, {paths} paths")
    print(f"{'steps':>6}{'at steps alone':>16}{'bridge':>10}{'+-':>7}{'barrier moved':>15}")
    for steps in (1, 4, 14, 168):
        naive, bridged, error, moved = (100 * value / truth for value in isolated(steps, paths, steps))
        print(f"{steps:>6}{naive - 100:>+16.2f}{bridged - 100:>+10.2f}{error:>7.2f}{moved - 100:>+15.2f}")
    needed = 168 * (isolated(168, paths, 168)[0] / truth - 1) ** 2 / 0.003**2
    print(f"Steps that the walk alone needs for 0.3 % (its error falls with their square root): {needed:,.0f}")
    print(f"\nCross accounts, {DAYS:g} days, correlation 0.6, same paths in fine steps as the truth; errors in %")
    heads = "".join(f"{name:>10}{'+-':>6}" for name in ("at steps", "mean ends", "straight"))
    print(f"{'account':<22}{'steps':>6}{'fine':>8}{'chance':>9}{heads}")
    for book in BOOKS:
        for steps, finer in ((1, 112), (4, 28), (14, 16)):
            print(show_cross(book, steps, finer, paths), flush=True)
    print(f"{process_time() - began:.0f} seconds of processor time")


if __name__ == "__main__":
    main()
