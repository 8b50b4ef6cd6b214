"""The stories in `stories.txt` happen as told; a story that tells something else is noticed."""

from pathlib import Path

import pytest
from play import Play

STORIES = {
    title.strip(): body.strip().splitlines()
    for title, _, body in (
        part.partition("\n") for part in (Path(__file__).parent / "stories.txt").read_text(encoding="utf-8").split("== ")[1:]
    )
}


def tell(lines: list[str]) -> None:
    play = Play()
    for line in lines:
        if line.split("#")[0].strip():
            play.line(line)


@pytest.mark.parametrize("title", STORIES)
def test_the_story_happens(title: str) -> None:
    tell(STORIES[title])


@pytest.mark.parametrize("title", STORIES)
def test_each_expectation_of_a_story_can_fail(title: str) -> None:
    """Every number one off, every `gone` there, every event another: each must be noticed at its own line."""
    lines = STORIES[title]
    for n, line in enumerate(lines):
        words = line.split("#")[0].split()
        if words[0] != "expect" or words[1] == "stage":
            continue
        if words[1] == "events":
            wrong = "expect events Reduced NOTHING"
        elif words[-1] == "gone":
            wrong = f"expect position {words[2]} 1"
        else:
            wrong = " ".join([*words[:-1], str(float(words[-1]) + 1)])
        with pytest.raises(AssertionError):
            tell([*lines[:n], wrong])


def test_an_act_that_is_refused_without_saying_so_is_noticed() -> None:
    with pytest.raises(AssertionError):
        tell(["cash USDT 1", "marks ETHUSDT 4000", "withdraw USDT 2"])
    with pytest.raises(AssertionError, match="was accepted"):
        tell(["cash USDT 1", "marks ETHUSDT 4000", "refused any withdraw USDT 1"])
