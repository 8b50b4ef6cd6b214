"""The screen never misses what float64 finds, and flags little else. Expected values are float64 sums over all steps."""

import numpy as np
import pytest

from plimsoll.array.curves import Column
from plimsoll.array.randoms import LANES
from plimsoll.array.screen import CLEAR, SKIP, Screen, open_screen, screen_block, screen_lane, set_lane

NOISE = 4e-6
"""Of the sizes summed: how far above zero a flagged bound may truly be. The allowance for 8 symbols is 1.5e-6."""


def headrooms(slack: Column, weight: Column, inverse: Column, block: Column) -> tuple[Column, Column]:
    """[steps, P, LANES] in float64: the linear bound, and the sum of the sizes of its terms."""
    turn = np.where(inverse, -1.0, 1.0)[None, :, None]
    x = np.expm1(turn * block.astype(np.float64))
    terms = weight[None] * x[:, None]
    return slack[None] + terms.sum(2), abs(slack)[None] + abs(terms).sum(2)


def first_where(flags: Column) -> Column:
    """[steps, LANES] of truths -> the first step, or CLEAR."""
    return np.where(flags.any(0), flags.argmax(0), CLEAR)


def screen_of(slack: Column, weight: Column, inverse: Column, low: Column, high: Column) -> Screen:
    """A screen whose lanes differ: slack [P, LANES], weight [P, m, LANES], low and high [m, LANES]."""
    screen = open_screen(slack[:, 0], weight[:, :, 0], inverse, low[:, 0], high[:, 0])
    for lane in range(LANES):
        columns = (slack[:, lane], weight[:, :, lane], low[:, lane], high[:, lane])
        set_lane(screen, lane, *(np.ascontiguousarray(c) for c in columns))
    return screen


def look(screen: Screen, block: Column) -> tuple[Column, Column]:
    first = np.full(LANES, CLEAR, dtype=np.int32)
    least = np.full(screen.slack.shape, np.inf, dtype=np.float32)
    screen_block(screen, block, first, least)
    return first, least


def walks(rng: np.random.Generator, steps: int, m: int, size: float) -> Column:
    return (rng.normal(size=(steps, m, LANES)) * size).cumsum(0).astype(np.float32)


@pytest.mark.parametrize("seed", range(12))
def test_random_pools_are_never_missed_and_flagged_at_the_very_step(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pools, m, steps = int(rng.integers(1, 4)), int(rng.integers(1, 9)), int(rng.integers(1, 70))
    block = walks(rng, steps, m, float(10.0 ** rng.uniform(-4, -1.3)))
    inverse = rng.random(m) < 0.4
    weight = rng.normal(size=(pools, m, LANES)) * 10.0 ** rng.uniform(-3, 9, size=(pools, 1, LANES))
    slack = abs(weight).sum(1) * 10.0 ** rng.uniform(-4, 0, size=(pools, LANES))
    low, high = np.full((m, LANES), -1.5), np.full((m, LANES), 1.5)
    first, least = look(screen_of(slack, weight, inverse, low, high), block)
    bound, size = headrooms(slack, weight, inverse, block)
    out = (abs(block) >= 1.5).any(1)
    must = first_where((bound <= 0).any(1) | out)
    may = first_where((bound <= NOISE * size).any(1) | out)
    assert ((must == CLEAR) | ((first != CLEAR) & (first <= must))).all(), "missed"
    assert ((first == CLEAR) | (first >= may)).all(), "flagged without need"
    assert ((first == CLEAR) == (must == CLEAR)).mean() > 0.99
    seen = np.arange(steps)[:, None] <= np.where(first == CLEAR, steps, first)
    truly = np.where(seen[:, None], bound, np.inf).min(0)
    assert (least <= truly + 1e-9 * abs(truly)).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_pool_that_fails_by_a_hair_is_not_missed(seed: int) -> None:
    """Slack chosen so that float64 finds exactly nothing left, or a unit in the last place less, at the worst step."""
    rng = np.random.default_rng(100 + seed)
    m = 1 + seed
    block = walks(rng, 16, m, 0.05)
    inverse = np.arange(m) % 2 == 1
    weight = rng.normal(size=(1, m, LANES)) * 1e6
    worst = headrooms(np.zeros((1, LANES)), weight, inverse, block)[0].min(0)
    slack = np.nextafter(-worst, -np.inf)
    wide = np.full((m, LANES), np.inf)
    fails = slack[0] > 0
    first, _ = look(screen_of(slack, weight, inverse, -wide, wide), block)
    bound, _ = headrooms(slack, weight, inverse, block)
    assert fails.sum() > LANES // 3 and (bound.min(0)[0] <= 0).all()
    assert (first >= 0).all()
    assert (first <= first_where(bound[:, 0] <= 0)).all()


def test_a_pool_that_holds_by_more_than_rounding_is_not_flagged() -> None:
    rng = np.random.default_rng(9)
    block = walks(rng, 48, 3, 0.01)
    inverse = np.array([False, True, False])
    weight = rng.normal(size=(2, 3, LANES)) * 1e5
    zero = np.zeros((2, LANES))
    bound, size = headrooms(zero, weight, inverse, block)
    slack = -bound.min(0) * (1 + NOISE) + NOISE * size.max(0)
    wide = np.full((3, LANES), np.inf)
    first, least = look(screen_of(slack, weight, inverse, -wide, wide), block)
    holds = slack.min(0) > 0
    assert holds.sum() > LANES // 3 and (first[holds] == CLEAR).all()
    assert (least[:, holds] >= 0).all()


@pytest.mark.parametrize("step", [0, 1, 4, 15, 16, 17, 33, 40])
def test_a_level_is_passed_in_the_very_step(step: int) -> None:
    block = np.zeros((41, 2, LANES), dtype=np.float32)
    block[step, 1, 7] = 0.25
    block[step:, 0, 8] = -0.5
    low, high = np.array([-0.5, -9.0]), np.array([0.1, 0.25])
    far = open_screen(np.array([1e9]), np.ones((1, 2)), np.array([False, False]), low, high)
    first, _ = look(far, block)
    assert first[7] == first[8] == step and (np.delete(first, [7, 8]) == CLEAR).all()


def test_levels_are_rounded_towards_the_start() -> None:
    """Moves of float32 against levels of float64 that lie between two of them: what truly passed is always flagged."""
    rng = np.random.default_rng(3)
    move = rng.uniform(0.001, 1.0, LANES).astype(np.float32)
    block = np.stack([move, -move])[None].astype(np.float32)
    levels = move.astype(np.float64) * (1 - 1e-9)
    wide = np.full((2, LANES), np.inf)
    above = screen_of(np.ones((1, LANES)), np.zeros((1, 2, LANES)), np.zeros(2, bool), -wide, np.stack([levels, levels]))
    below = screen_of(np.ones((1, LANES)), np.zeros((1, 2, LANES)), np.zeros(2, bool), np.stack([-levels, -levels]), wide)
    assert (look(above, block)[0] == 0).all() and (look(below, block)[0] == 0).all()


def test_lanes_that_are_done_are_passed_over() -> None:
    rng = np.random.default_rng(5)
    block = walks(rng, 20, 1, 0.1)
    tight = open_screen(np.array([0.01]), np.array([[1.0]]), np.array([False]), np.array([-1.0]), np.array([1.0]))
    first = np.where(np.arange(LANES) % 2 == 0, SKIP, 5).astype(np.int32)
    least = np.full((1, LANES), 7.0, dtype=np.float32)
    screen_block(tight, block, first, least)
    assert (first[::2] == SKIP).all() and (least[0, ::2] == 7.0).all()
    assert np.array_equal(first[1::2], look(tight, block)[0][1::2])


def test_a_lane_is_taken_up_again_after_its_account_has_changed() -> None:
    """The lane fails at 3; with less at risk it holds at 3 and fails at 9, and only there."""
    block = np.zeros((12, 1, LANES), dtype=np.float32)
    block[3, 0, 40], block[9, 0, 40] = -0.2, -0.6
    none, wide = np.array([False]), np.array([np.inf])
    screen = open_screen(np.array([10.0]), np.array([[100.0]]), none, -wide, wide)
    first, least = look(screen, block)
    assert first[40] == 3 and least[0, 40] == pytest.approx(10 + 100 * np.expm1(-0.2), rel=1e-5)
    set_lane(screen, 40, np.array([10.0]), np.array([[25.0]]), -wide, wide)
    assert screen_lane(screen, block, 40, 4, 12, least) == 9
    assert screen_lane(screen, block, 40, 4, 9, least) == CLEAR
    assert (look(screen, block)[0] >= 0).sum() == 1


def test_a_bound_that_is_no_number_is_flagged() -> None:
    block = np.zeros((3, 1, LANES), dtype=np.float32)
    wide = np.array([np.inf])
    for slack, weight in ((np.nan, 1.0), (1.0, np.nan), (1.0, np.inf)):
        screen = open_screen(np.array([slack]), np.array([[weight]]), np.array([False]), -wide, wide)
        assert (look(screen, block)[0] == 0).all()


def test_a_move_beyond_what_float32_can_tell_is_flagged() -> None:
    block = np.zeros((3, 1, LANES), dtype=np.float32)
    block[1, 0, :2] = (-90.0, 90.0)
    wide = np.array([np.inf])
    first, _ = look(open_screen(np.array([1.0]), np.array([[0.0]]), np.array([True]), -wide, wide), block)
    assert first[0] == first[1] == 1 and (first[2:] == CLEAR).all()
