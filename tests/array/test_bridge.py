"""The bridge against closed forms and quadrature: expectations are first-passage laws of Brownian motion (method of images),
integrated on a grid, without random numbers except where a sampler is tested."""

from concurrent.futures import ThreadPoolExecutor
from math import erf, exp, expm1, log, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
import pytest

from plimsoll.array.bridge import (
    NEVER,
    WATCH,
    bridge_block,
    bridge_crossings,
    bridge_step,
    crossing_fraction,
    deviations,
    deviations_sized,
    local_variance,
    mark_crossed,
    survival_of_step,
    watched,
)

VOLATILITY, YEARS = 0.8, 7 / 365
SIGMA = VOLATILITY * sqrt(YEARS)
DRIFT = -(VOLATILITY**2) * YEARS / 2
BARRIER = log((1 - 1 / 10) / (1 - 0.005))
"""A long of 10x with a maintenance rate of 0.5 %, seven days, volatility 0.8 a year."""
WITHIN = 0.003


def normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


def passage(barrier: float, drift: float, sigma: float) -> float:
    """The chance that Brownian motion from 0 ever reaches `barrier` < 0 within the time of `drift` and `sigma`."""
    image = exp(2 * drift * barrier / sigma**2)
    return normal((barrier - drift) / sigma) + image * normal((barrier + drift) / sigma)


EXACT = passage(BARRIER, DRIFT, SIGMA)


class Grid(NamedTuple):
    """Log-prices above the barrier, weights of the trapezoid rule, and the normal density from each to each in one step."""

    x: Any
    weight: Any
    density: Any


def grid(steps: int, points: int, barrier: float = BARRIER) -> Grid:
    x = np.linspace(barrier, 5 * SIGMA, points)
    weight = np.full(points, x[1] - x[0])
    weight[[0, -1]] /= 2
    return Grid(x, weight, densities(x, x, steps))


def densities(start: Any, end: Any, steps: int) -> Any:
    spread = SIGMA**2 / steps
    apart = end[None, :] - start[:, None] - DRIFT / steps
    return np.exp(-(apart**2) / (2 * spread)) / sqrt(2 * pi * spread)


def stayed(start: Any, headroom: Any, variance: Any) -> Any:
    """`bridge_step` from each of some points to each point: rows of survival."""
    out = np.ones((len(start), len(headroom)))
    for row, (h, v) in zip(out, start, strict=True):
        lanes = np.ones(len(headroom))
        bridge_step(np.full_like(lanes, h), headroom, np.full_like(lanes, v), variance, row)
    return out


def crossed(steps: int, headroom: Any, variance: Any, points: int = 700, barrier: float = BARRIER) -> float:
    """The chance of a crossing that a bridged walk of `steps` converges to, with headroom and variance as functions of x."""
    made = grid(steps, points, barrier)
    h, v = headroom(made.x), variance(made.x)
    zero = np.zeros(1)
    first = densities(zero, made.x, steps) * stayed(np.column_stack([headroom(zero), variance(zero)]), h, v)
    alive = (first[0] * made.weight)[None, :]
    if steps > 1:
        onward = made.density * stayed(np.column_stack([h, v]), h, v) * made.weight
        for _ in range(steps - 1):
            alive = alive @ onward
    return 1 - float(alive.sum())


def missed_looks(looks: int, points: int = 600) -> float:
    """The chance that the price is below the barrier at one of `looks` looks."""
    made = grid(looks, points)
    alive = densities(np.zeros(1), made.x, looks) * made.weight
    onward = made.density * made.weight
    for _ in range(looks - 1):
        alive = alive @ onward
    return 1 - float(alive.sum())


def isolated(steps: int) -> float:
    return crossed(steps, lambda x: x - BARRIER, lambda x: np.full_like(x, SIGMA**2 / steps))


def cross(steps: int) -> float:
    """The same position as a cross account: headroom 0.995 P - 0.9 of a coin bought at 1, its slope by log-price 0.995 P."""
    return crossed(steps, lambda x: 0.995 * np.exp(x) - 0.9, lambda x: (0.995 * np.exp(x)) ** 2 * SIGMA**2 / steps)


def test_the_exact_chance_is_the_one_of_the_example() -> None:
    assert pytest.approx(0.38355, abs=5e-6) == EXACT


@pytest.mark.parametrize("steps", [1, 2, 14])
def test_an_isolated_position_is_exact_at_any_number_of_steps(steps: int) -> None:
    assert isolated(steps) == pytest.approx(EXACT, rel=1e-5)


def straightened(steps: int) -> float:
    """As `cross`, its headroom in standard deviations."""

    def headroom(x: Any) -> Any:
        out = np.empty(len(x))
        deviations(0.995 * np.exp(x) - 0.9, (0.995 * np.exp(x))[None, :], np.full((1, 1), SIGMA / sqrt(steps)), out)
        return out

    return crossed(steps, headroom, np.ones_like)


def test_a_cross_account_of_one_symbol_is_an_isolated_position_once_its_headroom_is_straight() -> None:
    assert straightened(1) == pytest.approx(EXACT, rel=1e-4)
    assert straightened(14) == pytest.approx(EXACT, rel=1e-4)


def test_the_mean_variance_of_both_ends_comes_nearer_with_more_steps() -> None:
    """And is by far outside the tolerance at one: there the local variance is not the step's."""
    errors = [cross(steps) / EXACT - 1 for steps in (1, 14, 56)]
    assert errors[0] > 10 * WITHIN and errors[1] < 2 * WITHIN and 0 < errors[2] < WITHIN


@pytest.mark.parametrize(
    ("values", "spreads", "collateral"),
    [((1.0, 1.0), (1.0, 1.4), -1.8), ((1.0, -0.4), (1.0, 1.3), -0.5), ((0.2, 1.0, -0.5), (1.0, 0.8, 1.5), -0.6)],
)
def test_symbols_that_one_shock_moves_by_different_amounts_are_within_the_tolerance(
    values: tuple[float, ...], spreads: tuple[float, ...], collateral: float
) -> None:
    """Headroom is then a curve over one Brownian motion, and its zero a barrier with a closed form."""
    worth, load = np.array(values)[:, None], np.array(spreads)[:, None]

    def slopes(x: Any) -> Any:
        return worth * np.exp(load * x)

    def straight(steps: int) -> Any:
        def headroom(x: Any) -> Any:
            scale = np.zeros((len(values), len(values)))
            scale[:, 0] = load[:, 0] * SIGMA / sqrt(steps)
            out = np.empty(len(x))
            deviations(collateral + slopes(x).sum(axis=0), np.ascontiguousarray(slopes(x)), scale, out)
            return out

        return headroom

    low, high = -0.6, 0.0
    assert collateral + slopes(np.array([low])).sum() < 0 < collateral + slopes(np.array([high])).sum()
    while high - low > 1e-14:
        middle = (low + high) / 2
        low, high = (low, middle) if collateral + slopes(np.array([middle])).sum() > 0 else (middle, high)
    truth = passage(low, DRIFT, SIGMA)
    for steps, within in ((4, WITHIN), (14, WITHIN / 4)):
        assert crossed(steps, straight(steps), np.ones_like, barrier=low) == pytest.approx(truth, rel=within), steps


@pytest.mark.parametrize("side", [1, -1])
def test_straight_headroom_is_the_log_distance_to_the_barrier(side: int) -> None:
    price, sigma = np.linspace(0.97, 1.05, 9), 0.03
    barrier = 0.92 if side > 0 else 1.1
    out = np.empty(9)
    deviations(side * (price - barrier), (side * price)[None, :], np.full((1, 1), sigma), out)
    assert out == pytest.approx(side * np.log(price / barrier) / sigma, rel=1e-4)


def test_two_symbols_that_are_one_have_the_headroom_of_one() -> None:
    price, out = np.linspace(0.95, 1.05, 9), np.empty(9)
    together = np.vstack([0.3 * price, 0.7 * price])
    deviations(price - 0.9, together, np.array([[0.03, 0.0], [0.03, 0.0]]), out)
    assert out == pytest.approx(np.log(price / 0.9) / 0.03, rel=1e-4)


def test_a_hedge_without_variance_is_never_crossed_and_a_failed_one_always() -> None:
    out = np.empty(3)
    slopes = np.array([[1.0] * 3, [-1.0] * 3])
    deviations(np.array([0.1, -0.1, float("nan")]), slopes, np.array([[0.02, 0.0], [0.02, 0.0]]), out)
    survival = np.ones(3)
    bridge_step(out, out, np.ones(3), np.ones(3), survival)
    assert survival.tolist() == [1.0, 0.0, 0.0]


def test_a_hundred_times_the_steps_without_a_bridge_are_further_off() -> None:
    assert abs(missed_looks(14 * 100) / EXACT - 1) > 5 * WITHIN


@pytest.mark.parametrize("looks", [14 * 20, 14 * 60])
def test_a_barrier_looked_at_now_and_then_lies_further_out(looks: int) -> None:
    spread = np.full(1, SIGMA**2 / 14)
    out = np.empty(1)
    watched(np.zeros(1), spread, 14 / looks, out)
    assert out[0] == pytest.approx(0.5826 * SIGMA / sqrt(looks), rel=1e-12)
    moved = BARRIER - out[0]
    bridged = crossed(14, lambda x: x - moved, lambda x: np.full_like(x, spread[0]), barrier=moved)
    truth = missed_looks(looks)
    assert bridged == pytest.approx(truth, rel=WITHIN) and truth < EXACT * (1 - 5 * WITHIN)


def test_a_jump_between_two_halves_is_bridged_on_both_sides_of_it() -> None:
    """Expectation: density of the surviving first half by the method of images, then the closed form after the jump."""
    half, jump = SIGMA / sqrt(2), -0.05
    x = np.linspace(BARRIER, 6 * SIGMA, 4001)
    weight = np.full(x.shape, x[1] - x[0])
    weight[[0, -1]] /= 2
    drift = DRIFT / 2
    image = np.exp(2 * drift * BARRIER / half**2 - (x - 2 * BARRIER - drift) ** 2 / (2 * half**2))
    density = (np.exp(-((x - drift) ** 2) / (2 * half**2)) - image) / (half * sqrt(2 * pi))
    after = np.array([passage(BARRIER - y, drift, half) if y > BARRIER else 1.0 for y in x + jump])
    truth = 1 - float((density * weight * (1 - after)).sum())

    one = np.full(x.shape, half**2)
    plain = densities(np.zeros(1), x, 2)[0]
    start = np.column_stack([x + jump - BARRIER, one])
    second = (densities(x + jump, x, 2) * stayed(start, x - BARRIER, one) * weight).sum(axis=1)
    before = stayed(np.array([[-BARRIER, half**2]]), x - BARRIER, one)[0]
    assert 1 - float((plain * before * weight * second).sum()) == pytest.approx(truth, rel=1e-4)
    mistaken = stayed(np.array([[-BARRIER, half**2]]), x + jump - BARRIER, one)[0]
    assert abs((1 - float((plain * mistaken * weight * second).sum())) / truth - 1) > WITHIN


def walk(seed: int, steps: int, lanes: int, kind: Any = np.float64) -> tuple[Any, Any]:
    print(f"seed {seed}")
    draw = np.random.default_rng(seed)
    headroom = 1 + np.vstack([np.zeros(lanes), draw.standard_normal((steps, lanes)) * 0.15]).cumsum(axis=0)
    return headroom.astype(kind), (0.02 + 0.01 * draw.random((steps + 1, lanes))).astype(kind)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_a_block_is_the_product_of_its_steps(kind: Any) -> None:
    headroom, variance = walk(1, 30, 100, kind)
    survival = np.ones(100)
    bridge_block(headroom, variance, survival)
    for lane in range(100):
        product = 1.0
        for a, b, v, w in zip(headroom[:, lane], headroom[1:, lane], variance[:, lane], variance[1:, lane], strict=False):
            a, b, spread = float(a), float(b), (float(v) + float(w)) / 2
            product *= -expm1(-2 * a * b / spread) if a > 0 and b > 0 else 0.0
        assert survival[lane] == pytest.approx(product, abs=1e-9)
    assert 20 < (survival == 0).sum() < 80, "some paths end below zero, some never do"


@pytest.mark.parametrize(
    ("start", "end", "variance", "expected"),
    [
        (1.0, 1.0, 2.0, 1 - exp(-1)),
        (1.0, 0.0, 1.0, 0.0),
        (0.0, 1.0, 1.0, 0.0),
        (-1.0, -1.0, 1.0, 0.0),
        (1.0, 2.0, 0.0, 1.0),
        (1.0, -1.0, 0.0, 0.0),
        (float("nan"), 1.0, 1.0, 0.0),
        (1.0, float("nan"), 1.0, 0.0),
        (1e9, 1e9, 1e-9, 1.0),
    ],
)
def test_one_step_at_its_edges(start: float, end: float, variance: float, expected: float) -> None:
    assert survival_of_step(start, end, variance) == pytest.approx(expected, abs=1e-15)
    survival = np.ones(1)
    bridge_step(*(np.array([value]) for value in (start, end, variance, variance)), survival)
    assert survival[0] == pytest.approx(expected, abs=1e-10)


def test_the_result_of_a_lane_does_not_depend_on_its_neighbours_or_threads() -> None:
    headroom, variance = walk(2, 20, 1024)
    whole = np.ones(1024)
    bridge_block(headroom, variance, whole)
    parts = [slice(0, 512), slice(512, 515), slice(515, 1024)]

    def chunk(part: slice) -> Any:
        survival = np.ones(part.stop - part.start)
        bridge_block(np.ascontiguousarray(headroom[:, part]), np.ascontiguousarray(variance[:, part]), survival)
        return survival

    with ThreadPoolExecutor(3) as pool:
        assert np.concatenate(list(pool.map(chunk, parts))).tobytes() == whole.tobytes()


def test_a_crossing_is_drawn_where_survival_sinks_to_the_draw() -> None:
    lanes = 20_000
    one, spread = walk(3, 12, 1)
    headroom = np.repeat(np.abs(one) + 0.05, lanes, axis=1)  # the same path in all lanes, which never ends a step below zero
    variance = np.repeat(spread * 10, lanes, axis=1)
    draws = (np.arange(lanes) + 0.5) / lanes
    survival, fallen = np.ones(lanes), np.full(lanes, NEVER, dtype=np.int64)
    bridge_crossings(headroom, variance, draws, survival, fallen, 100)
    chain = np.cumprod([1 - exp(-4 * a * b / (v + w)) for a, b, v, w in _pairs(headroom[:, 0], variance[:, 0])])
    assert 0.05 < chain[-1] < 0.9
    for step in range(12):
        share = ((fallen != NEVER) & (fallen <= 100 + step)).mean()
        assert share == pytest.approx(1 - chain[step], abs=1 / lanes)
    assert set(fallen) <= {NEVER, *range(100, 112)}


def _pairs(headroom: Any, variance: Any) -> Any:
    return zip(headroom[:-1], headroom[1:], variance[:-1], variance[1:], strict=True)


def test_the_first_crossing_stays() -> None:
    fallen = np.array([NEVER, 3, NEVER])
    mark_crossed(np.array([0.0, 0.0, 0.6]), np.array([0.0, 0.9, 0.5]), 7, fallen)
    assert fallen.tolist() == [7, 3, NEVER]


def not_yet(t: float, start: float, end: float, variance: float) -> float:
    """The chance that a bridge has not reached zero by `t` although it does within the step, by quadrature over where it is."""
    spread = variance * t * (1 - t)
    x = np.linspace(0, start + abs(end) + 9 * sqrt(spread), 20_001)
    density = np.exp(-((x - start - (end - start) * t) ** 2) / (2 * spread)) / sqrt(2 * pi * spread)
    early = -np.expm1(-2 * start * x / (variance * t))
    late = np.exp(-2 * x * end / (variance * (1 - t))) if end > 0 else 1.0
    return float((density * early * late).sum() * (x[1] - x[0]))


@pytest.mark.parametrize(("start", "end"), [(0.8, 0.5), (0.3, 1.2), (0.8, -0.4), (0.2, -1.0), (0.7, 0.0)])
def test_the_place_of_a_crossing_has_the_law_of_the_bridge(start: float, end: float) -> None:
    variance, count = 0.6, 20_000
    print("seed 4")
    draw = np.random.default_rng(4)
    found = np.array([crossing_fraction(start, end, variance, draw.standard_normal(), draw.random()) for _ in range(count)])
    assert ((found > 0) & (found < 1)).all()
    reached = exp(-2 * start * end / variance) if end > 0 else 1.0
    for t in (0.1, 0.25, 0.5, 0.75, 0.9):
        expected = 1 - not_yet(t, start, end, variance) / reached
        assert (found <= t).mean() == pytest.approx(expected, abs=4 * sqrt(0.25 / count))


def test_the_local_variance_is_that_of_the_weighted_sum() -> None:
    draw = np.random.default_rng(6)
    scale = np.tril(draw.standard_normal((4, 4)))
    slopes = draw.standard_normal((4, 70))
    out = np.full(70, 9.0)
    local_variance(slopes, scale, out)
    assert out == pytest.approx(np.einsum("il,ij,jl->l", slopes, scale @ scale.T, slopes))


def test_paths_with_volatilities_of_their_own_are_straightened_with_them() -> None:
    draw = np.random.default_rng(12)
    scale, sizes = np.linalg.cholesky([[1, 0.5], [0.5, 1]]), draw.random((2, 30)) * 0.05 + 0.01
    slopes, headroom = draw.standard_normal((2, 30)), draw.random(30)
    out, alone = np.empty(30), np.empty(1)
    deviations_sized(headroom, slopes, sizes, scale, out)
    for lane in range(30):
        deviations(headroom[lane : lane + 1], slopes[:, lane : lane + 1].copy(), sizes[:, lane, None] * scale, alone)
        assert out[lane] == pytest.approx(alone[0], rel=1e-12)


def test_the_shift_of_a_watched_barrier_is_the_zeta_function_s() -> None:
    terms = [sum((-1) ** (k + 1) / sqrt(k) for k in range(1, n)) for n in (200_001, 200_002)]
    zeta = sum(terms) / 2 / (1 - sqrt(2))  # zeta(1/2) by the alternating series
    assert pytest.approx(-zeta / sqrt(2 * pi), abs=5e-5) == WATCH
