"""What is read off the counts is what the paths themselves say."""

import numpy as np
import pytest

from plimsoll.array.study import Chunk
from plimsoll.array.sums import SHARES, Sums, density, quantiles, tail, time_at
from plimsoll.odds import share_of

LANES = 4000


def chunk_of(final: np.ndarray, hits: np.ndarray) -> Chunk:
    flat = np.zeros(len(final))
    return Chunk(hits, np.stack([final, final]), final - 1, flat + 2, flat, flat, flat, flat + 7, flat, 1, 2)


@pytest.fixture
def drawn() -> tuple[Sums, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    final = np.where(rng.random(LANES) < 0.3, 100.0, 500 * np.exp(rng.normal(0, 0.4, LANES)))
    hits = np.where(rng.random((LANES, 2)) < [0.4, 0.1], rng.uniform(0, 10, (LANES, 2)), np.inf)
    sums = Sums(500.0, 2, (5, 10))
    for part in range(0, LANES, 1000):
        sums.add(chunk_of(final[part : part + 1000], hits[part : part + 1000]), 1000)
    return sums, final, hits


def test_quantiles_are_those_of_the_paths_within_a_bin(drawn: tuple[Sums, np.ndarray, np.ndarray]) -> None:
    sums, final, _ = drawn
    assert quantiles(sums.equity[-1]) == pytest.approx(np.quantile(final, SHARES, method="inverted_cdf"), abs=1.0)


def test_where_very_many_end_at_one_amount_it_is_that_amount(drawn: tuple[Sums, np.ndarray, np.ndarray]) -> None:
    assert quantiles(drawn[0].equity[-1])[1] == pytest.approx(100, rel=1e-12)


def test_the_tail_is_the_mean_of_the_worst_twentieth(drawn: tuple[Sums, np.ndarray, np.ndarray]) -> None:
    sums, final, _ = drawn
    worst = np.sort(final)[: LANES // 20]
    assert tail(sums) == pytest.approx((500 - worst[-1], 500 - worst.mean()), abs=1.0)


def test_hits_are_counted_by_leg_by_time_and_by_who_was_first(drawn: tuple[Sums, np.ndarray, np.ndarray]) -> None:
    sums, _, hits = drawn
    first = hits.min(axis=1)
    assert sums.liquidated == np.isfinite(first).sum()
    assert sums.by_grid.tolist() == [(first <= 5).sum(), (first <= 10).sum()]
    assert sums.legs.tolist() == np.isfinite(hits).sum(axis=0).tolist()
    assert sums.first.tolist() == [(hits[:, 0] < hits[:, 1]).sum(), (hits[:, 1] < hits[:, 0]).sum()]
    assert time_at(sums.times[0], 0.5, 10.0) == pytest.approx(np.median(first[np.isfinite(first)]), abs=0.1)


def test_bars_hold_every_path_once(drawn: tuple[Sums, np.ndarray, np.ndarray]) -> None:
    edges, shares = density(drawn[0].equity[-1])
    assert len(edges) == len(shares) + 1 and sum(shares) == pytest.approx(1)


def test_only_the_paths_asked_for_count() -> None:
    sums = Sums(500.0, 1, (1, 2))
    sums.add(chunk_of(np.full(10, 400.0), np.full((10, 1), np.inf)), 7)
    assert (sums.paths, sums.money["final"], sums.money["added"]) == (7, 2800, 49)


def test_an_interval_after_wilson() -> None:
    """8 of 10: 0.490 to 0.943 (Brown, Cai, DasGupta 2001 state the formula; worked by hand)."""
    found = share_of(8, 10)
    assert (found.value, round(found.low, 3), round(found.high, 3)) == (0.8, 0.49, 0.943)
    assert share_of(0, 10).low == 0 and share_of(10, 10).high == 1
