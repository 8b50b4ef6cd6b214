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
    """Where the rulebook knows a single contract and the question needs two."""
    asset = scene.ground.pair.first.settle
    return Answer("", f"cannot be asked: only {scene.ground.pair.first.symbol} is known to settle in {asset}", ("pools_of",))
