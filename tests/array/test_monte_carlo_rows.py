"""What the Monte Carlo timings compare gives the same answers: C, threads, and the closed form. No time is judged here."""

import math
import sys
from importlib import import_module
from pathlib import Path

import pytest

from plimsoll.array.randoms import LANES, PHILOX, XOSHIRO

sys.path.insert(0, str(Path(__file__).parents[2]))  # pytest puts `tests` on the path, not the repository
monte_carlo = import_module("bench.monte_carlo")

PATHS = 32 * LANES


@pytest.mark.parametrize("generator", [PHILOX, XOSHIRO])
@pytest.mark.parametrize("m", [2, 5])
def test_the_same_work_in_c_finds_the_same_failures(m: int, generator: int, tmp_path: Path) -> None:
    first_hits = monte_carlo.build_c(str(tmp_path))
    if first_hits is None:
        pytest.skip("no C compiler that takes the flags")
    task = monte_carlo.task_of(m)
    theirs = int((monte_carlo.in_c(first_hits, task, generator, PATHS) >= 0).sum())
    assert abs(monte_carlo.ours(task, generator, PATHS) * PATHS - theirs) <= 2, "but for a path that float32 cannot tell"
    assert theirs > 200


def test_threads_do_not_change_the_answer() -> None:
    task = monte_carlo.task_of(2)
    assert monte_carlo.ours(task, PHILOX, PATHS, 2) == monte_carlo.ours(task, PHILOX, PATHS)


@pytest.mark.parametrize("generator", [PHILOX, XOSHIRO])
def test_the_chance_of_meeting_a_level_is_the_closed_form(generator: int) -> None:
    exact = monte_carlo.exact_chance()
    found = monte_carlo.ours(monte_carlo.task_of(1), generator, 8 * PATHS)
    assert abs(found - exact) < 3.5 * math.sqrt(exact * (1 - exact) / (8 * PATHS))
