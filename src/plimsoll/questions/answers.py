"""What a question answers on one ground: a word, the numbers behind it, and the rules on which it turned."""

from typing import NamedTuple

from plimsoll.questions.small_account import Scene


class Answer(NamedTuple):
    """`word`: yes, no or none of them (''); `text`: the rest of the sentence; `rules`: names of the rulebook's functions that
    decide it."""

    word: str
    text: str
    rules: tuple[str, ...]


def cannot(scene: Scene, rules: tuple[str, ...]) -> Answer:
    """The answer of a scene that got stuck on its way to the question."""
    return Answer("", f"not offered: {scene.stuck}", rules)


def only_one(scene: Scene) -> Answer:
    """Where a single contract can be played and the question needs two."""
    first = scene.ground.pair.first
    why = f"of the contracts that settle in {first.settle} only {first.symbol} has a table"
    return Answer("", f"cannot be asked: {why}", ("pools_of",))
