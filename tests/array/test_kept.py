"""Machine code is kept under a digest of what it was made of, and under nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plimsoll import law
from plimsoll.array import compile as compiling
from plimsoll.array import lanes, sight, walk
from plimsoll.array.sight import Sight
from plimsoll.kept import kept_folder


def tabulated(folder: Path) -> Any:
    """A kernel made afresh, and called once."""
    compiling.bound.cache_clear()
    compiling._space.cache_clear()
    made = compiling.bound(None, (sight,), "tabulate", str(folder))
    table, nothing = np.zeros((2, 1)), np.zeros((2, 1))
    logs, before = np.full((1, 1, 1), 0.1, np.float32), np.array([[100.0]])
    starts, tellers = np.array([100.0]), np.zeros(0, np.int64)
    made(Sight(starts, tellers, before, before, logs, nothing, nothing, nothing, table, nothing), 0, 0, 1)
    assert table[1, 0] == pytest.approx(100 * np.exp(np.float32(0.1)))
    return made


def test_a_kernel_is_made_once_and_found_again(tmp_path: Path) -> None:
    first, second = tabulated(tmp_path), tabulated(tmp_path)
    assert sum(first.stats.cache_misses.values()) == 1
    assert sum(second.stats.cache_hits.values()) == 1
    assert [folder.name for folder in tmp_path.iterdir()] == [compiling.build_digest(None, (sight,))[:24]]


def test_another_text_is_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiling.build_digest("binance_usdm", (walk,))
    assert before != compiling.build_digest("okx_futures", (walk,)) != compiling.build_digest("okx_futures", (lanes,))
    compiling.build_digest.cache_clear()
    text = law.law_text("binance_usdm").replace("balance <= requirement", "balance < requirement")
    assert text != law.law_text("binance_usdm")
    monkeypatch.setattr(compiling, "law_text", lambda _name: text)
    assert compiling.build_digest("binance_usdm", (walk,)) != before
    compiling.build_digest.cache_clear()


def test_an_empty_word_keeps_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLIMSOLL_CACHE", "")
    assert kept_folder() == ""
    monkeypatch.setenv("PLIMSOLL_CACHE", str(tmp_path / "here"))
    assert kept_folder() == str(tmp_path / "here")
