"""A path is a function of seed, number and step alone, and every kind of model gives paths of its own law."""

import math
from typing import Any

import numpy as np
import pytest

from plimsoll.array import paths
from plimsoll.array.curves import Column
from plimsoll.array.models import BOOTSTRAP, BROWNIAN, GARCH, JUMPS, STUDENT, PathModel
from plimsoll.array.paths import LANES, open_paths
from plimsoll.array.randoms import PHILOX, XOSHIRO
from plimsoll.errors import BadInput

ALL_ONES = 0xFFFFFFFF
RNG = np.random.default_rng(17)
SCALE = np.array([[0.003, 0, 0], [0.002, 0.004, 0], [-0.001, 0.0005, 0.002]])
FACTOR = np.linalg.cholesky(np.array([[1, 0.6, 0.3], [0.6, 1, 0.5], [0.3, 0.5, 1]]))
TERMS = np.array([[2e-7, 0.05, 0.1, 0.85, 3e-6], [1e-7, 0.1, 0.0, 0.88, 9e-6], [4e-7, 0.0, 0.2, 0.8, 1e-6]])
ROWS = RNG.standard_t(3, size=(997, 3)) * 0.002


def model(kind: int, m: int, given: dict[str, Any]) -> PathModel:
    """A model with nothing in it but what is given."""
    empty = PathModel(
        kind=kind,
        drift=np.zeros(m),
        scale=np.zeros((m, m)),
        freedom=0.0,
        jump_rate=0.0,
        jump_mean=np.zeros(m),
        jump_scale=np.zeros((m, m)),
        garch=np.zeros((m, 5)),
        rows=np.zeros((0, m)),
        restart=0.0,
        step_seconds=60.0,
    )
    return empty._replace(**given)


DRIFT = np.array([2e-4, 0.0, -3e-4])
BROWN = model(BROWNIAN, 3, {"drift": DRIFT, "scale": SCALE})
FAT = model(STUDENT, 3, {"scale": SCALE, "freedom": 6.0})
JUMPY = model(JUMPS, 3, {"scale": SCALE, "jump_rate": 0.03, "jump_mean": np.array([-0.5, 0.4, 0.6]), "jump_scale": 10 * SCALE})
BURSTS = model(GARCH, 3, {"drift": DRIFT, "scale": FACTOR, "garch": TERMS})
AGAIN = model(BOOTSTRAP, 3, {"rows": ROWS, "restart": 0.05})
MODELS = {"brownian": BROWN, "student": FAT, "jumps": JUMPY, "garch": BURSTS, "bootstrap": AGAIN}
GENERATORS = [PHILOX, XOSHIRO]


def walk(of: PathModel, seed: int, steps: int, block: int, first: int = 0, generator: int = PHILOX) -> tuple[Column, Column]:
    """Log prices [steps, m, LANES] and rows [steps, LANES], asked for `block` steps at a time."""
    state = open_paths(of, seed, first, generator)
    prices, rows = [], []
    for done in range(0, steps, block):
        out = np.empty((min(block, steps - done), len(of.drift), LANES), dtype=np.float32)
        chosen = np.empty((len(out), LANES), dtype=np.int32)
        paths.next_rows(of, state, out, chosen)
        prices.append(out)
        rows.append(chosen)
    return np.concatenate(prices), np.concatenate(rows)


def returns(prices: Column) -> Column:
    """[m, steps * LANES] float64."""
    moves = np.diff(np.concatenate([np.zeros_like(prices[:1]), prices]).astype(np.float64), axis=0)
    return moves.transpose(1, 0, 2).reshape(prices.shape[1], -1)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("name", MODELS)
def test_a_path_does_not_know_the_blocks_it_is_asked_for_in(name: str, generator: int) -> None:
    whole, whole_rows = walk(MODELS[name], 5, 131, 131, 0, generator)
    for block in (1, 3, 4, 7, 16, 64):
        cut, cut_rows = walk(MODELS[name], 5, 131, block, 0, generator)
        assert np.array_equal(whole, cut) and np.array_equal(whole_rows, cut_rows)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("name", MODELS)
def test_a_path_does_not_know_its_neighbours(name: str, generator: int) -> None:
    one, one_rows = walk(MODELS[name], 5, 50, 16, 1000, generator)
    other, other_rows = walk(MODELS[name], 5, 50, 16, 1100, generator)
    assert np.array_equal(one[:, :, 100:], other[:, :, :-100]) and np.array_equal(one_rows[:, 100:], other_rows[:, :-100])


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("name", MODELS)
def test_other_seeds_and_other_numbers_give_other_paths(name: str, generator: int) -> None:
    one = walk(MODELS[name], 5, 20, 20, 0, generator)[0][-1]
    for seed, first in ((6, 0), (5 + 2**32, 0), (5, LANES)):
        other = walk(MODELS[name], seed, 20, 20, first, generator)[0][-1]
        assert (one == other).all(0).mean() < 0.02, "as many as meet by chance among a thousand recorded rows"


@pytest.mark.parametrize("name", MODELS)
def test_blocks_are_the_same_with_and_without_the_rows(name: str) -> None:
    state = open_paths(MODELS[name], 5, 0)
    out = np.empty((21, 3, LANES), dtype=np.float32)
    paths.next_block(MODELS[name], state, out)
    priced, rows = walk(MODELS[name], 5, 21, 21)
    assert np.array_equal(out, priced)
    assert (rows >= 0).all() if name == "bootstrap" else (rows == -1).all() if name != "jumps" else (rows >= -1).all()


def words_of_ints(path: int, quad: int, call: int, seed: int) -> list[int]:
    """Philox4x32-10 in whole numbers: four words of a path's symbol in a quad of steps."""
    a, b, c, d, k, q = path, quad, call, 0, seed & ALL_ONES, seed >> 32
    for _ in range(10):
        p, r = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (r >> 32) ^ b ^ k, r & ALL_ONES, (p >> 32) ^ d ^ q, p & ALL_ONES
        k, q = (k + 0x9E3779B9) & ALL_ONES, (q + 0xBB67AE85) & ALL_ONES
    return [a, b, c, d]


def pair_of_ints(first: int, second: int) -> list[float]:
    """Box and Muller in float64: 31 bits and a sign turn half a circle, bit 6 says which half."""
    radius = math.sqrt(-2 * math.log((first + 0.5) / 2**32))
    angle = (second - (2**32 if second >= 2**31 else 0)) / 2**31 * math.pi / 2
    return [radius * math.cos(angle) * (-1 if second >> 6 & 1 else 1), radius * math.sin(angle)]


def test_brownian_paths_are_those_of_a_restatement_in_whole_numbers_and_float64() -> None:
    seed, steps, first = 2**40 + 9, 22, 70_000
    prices, _ = walk(BROWN, seed, steps, 5, first)
    for lane in (0, 3, 511):
        place = np.zeros(3)
        for step in range(steps):
            z = []
            for symbol in range(3):
                a, b, c, d = words_of_ints(first + lane, step // 4, symbol, seed)
                z.append([*pair_of_ints(a, b), *pair_of_ints(c, d)][step % 4])
            place = place + DRIFT + SCALE @ np.array(z)
            assert np.abs(prices[step, :, lane] - place).max() < 1e-7


@pytest.mark.parametrize("generator", GENERATORS)
def test_brownian_returns_have_the_drift_and_covariance_asked_for(generator: int) -> None:
    x = returns(walk(BROWN, 2, 800, 32, 0, generator)[0])
    n = x.shape[1]
    covariance = SCALE @ SCALE.T
    sd = np.sqrt(np.diag(covariance))
    assert (abs(x.mean(1) - DRIFT) < 4 * sd / math.sqrt(n)).all()
    spread = np.sqrt((covariance**2 + np.outer(sd**2, sd**2)) / n)
    assert (abs(np.cov(x) - covariance) < 4 * spread).all()


def test_the_end_of_a_long_path_is_as_exact_as_its_beginning() -> None:
    """Within two roundings of float32 of the float64 sum of the same returns, each quad taken by itself from zero."""
    steps = 40_000
    single = model(BROWNIAN, 1, {"drift": np.array([1e-4]), "scale": np.array([[1e-3]])})
    state = open_paths(single, 4, 0)
    fresh = open_paths(single, 4, 0)
    block, alone = np.empty((1000, 1, LANES), dtype=np.float32), np.empty((1000, 1, LANES), dtype=np.float32)
    total = np.zeros(LANES)
    for _ in range(steps // 1000):
        paths.next_block(single, state, block)
        fresh.base[:] = 0
        for quad in range(250):
            paths.next_block(single, fresh, alone[:4])
            total += alone[3, 0]
            fresh.base[:] = 0
            assert quad < 249 or np.abs(block[-1, 0] - total).max() < 2.0**-23 * np.abs(total).max() + 1e-8
    assert total.min() > 2, "far from zero, where float32 is coarse"


@pytest.mark.parametrize("generator", GENERATORS)
def test_student_returns_share_one_chi_square_and_have_unit_variance(generator: int) -> None:
    """Covariance as stated; the joint square of three coordinates over its degrees is F(3, n), of which the mean and a tail are
    known; squares of different symbols move together by 2 / (n - 4) of the product."""
    x = returns(walk(FAT, 3, 1600, 32, 0, generator)[0])
    z = np.linalg.solve(SCALE, x)
    assert abs(np.cov(z) - np.eye(3)).max() < 0.012
    for one, other in ((0, 1), (0, 2), (1, 2)):
        together = (z[one] ** 2 * z[other] ** 2).mean()
        assert abs(together - (6 - 2) / (6 - 4)) < 0.25, "independent chi-squares would give 1"
    radius = (z[:2] ** 2).sum(0) / 4
    for r in (0.1, 1.0, 5.0, 20.0):
        share = (1 + r) ** -3.0
        assert abs((radius > r).mean() - share) < 4 * math.sqrt(share / x.shape[1])


def test_jumps_come_together_at_their_rate_and_size() -> None:
    still = JUMPY._replace(scale=np.zeros((3, 3)))
    prices, _ = walk(still, 3, 2000, 16)
    x = returns(prices)
    jumped = abs(x) > 0.01
    assert np.array_equal(jumped[0], jumped[1]) and np.array_equal(jumped[0], jumped[2])
    n = jumped.shape[1]
    assert abs(jumped[0].mean() - 0.03) < 4 * math.sqrt(0.03 * 0.97 / n)
    sizes = x[:, jumped[0]]
    sd = np.sqrt(np.diag(100 * SCALE @ SCALE.T))
    assert (abs(sizes.mean(1) - JUMPY.jump_mean) < 4 * sd / math.sqrt(sizes.shape[1])).all()
    assert (abs(np.cov(sizes) - 100 * SCALE @ SCALE.T) < 0.05 * np.outer(sd, sd)).all()
    lanes = jumped[0].reshape(2000, LANES)
    after = lanes[1:][lanes[:-1]].mean()
    assert abs(after - 0.03) < 5 * math.sqrt(0.03 / lanes.sum()), "a jump does not call another"


def test_jumps_leave_the_diffusion_as_it_was() -> None:
    calm, _ = walk(model(BROWNIAN, 3, {"scale": SCALE}), 3, 60, 16)
    assert np.array_equal(walk(JUMPY._replace(jump_rate=0.0), 3, 60, 16)[0], calm)
    jumpy, _ = walk(JUMPY, 3, 60, 16)
    same = abs(returns(jumpy) - returns(calm)).max(0) < 1e-6
    assert abs(same.mean() - 0.97) < 0.005


def test_a_jump_in_every_step_is_possible() -> None:
    always = model(JUMPS, 1, {"jump_rate": 1.0, "jump_mean": np.array([0.25])})
    prices, _ = walk(always, 1, 9, 4)
    assert np.array_equal(prices[:, 0, 7], 0.25 * np.arange(1, 10, dtype=np.float32))


def test_garch_returns_replay_its_recursion_on_the_normals_of_the_same_seed() -> None:
    normals = returns(walk(model(BROWNIAN, 3, {"scale": FACTOR}), 6, 300, 16)[0]).reshape(3, 300, LANES)
    bursts = returns(walk(BURSTS, 6, 300, 16)[0]).reshape(3, 300, LANES)
    for symbol in range(3):
        omega, alpha, gamma, beta, start = TERMS[symbol]
        h = np.full(LANES, start)
        for step in range(300):
            surprise = np.sqrt(h) * normals[symbol, step]
            assert np.abs(DRIFT[symbol] + surprise - bursts[symbol, step]).max() < 3e-7 + 1e-4 * np.abs(surprise).max()
            h = omega + (alpha + gamma * (surprise < 0)) * surprise**2 + beta * h
        assert abs(h.mean() / (omega / (1 - alpha - gamma / 2 - beta)) - 1) < 0.5


def test_bootstrap_steps_are_recorded_rows_of_all_symbols_at_once() -> None:
    prices, rows = walk(AGAIN, 8, 400, 16)
    x = returns(prices)
    assert np.abs(x - ROWS[rows.ravel()].T).max() < 3e-7


def test_bootstrap_goes_on_row_by_row_and_starts_afresh_at_its_rate() -> None:
    _, rows = walk(AGAIN, 8, 2000, 16)
    onward = rows[1:] == (rows[:-1] + 1) % len(ROWS)
    n = onward.size
    share = 0.05 * (1 - 1 / len(ROWS))
    assert abs((~onward).mean() - share) < 4 * math.sqrt(share / n)
    fresh = np.concatenate([rows[0], rows[1:][~onward]])
    counts = np.bincount(fresh, minlength=len(ROWS))
    expected = len(fresh) / len(ROWS)
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - len(ROWS)) < 4.5 * math.sqrt(2 * len(ROWS)), "fresh rows are uniform"
    assert (rows == len(ROWS) - 1).any() and (rows[1:][rows[:-1] == len(ROWS) - 1] == 0).mean() > 0.9, (
        "the last is followed by the first"
    )


@pytest.mark.parametrize(("restart", "follows"), [(0.0, 1.0), (1.0, 1 / len(ROWS))])
def test_bootstrap_may_never_or_always_start_afresh(restart: float, follows: float) -> None:
    _, rows = walk(AGAIN._replace(restart=restart), 8, 1200, 16)
    onward = (rows[1:] == (rows[:-1] + 1) % len(ROWS)).mean()
    assert abs(onward - follows) < 4 * math.sqrt(follows * (1 - follows) / rows.size) + 1e-12


def test_a_model_that_has_no_variance_or_no_rows_is_refused() -> None:
    with pytest.raises(BadInput, match="freedom = 2"):
        open_paths(FAT._replace(freedom=2.0), 1, 0)
    with pytest.raises(BadInput, match="at least one recorded row"):
        open_paths(AGAIN._replace(rows=np.zeros((0, 3))), 1, 0)
