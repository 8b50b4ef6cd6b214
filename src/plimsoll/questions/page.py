"""The answers to all questions as one Markdown page; equal rules and tables give equal text."""

from collections.abc import Iterable, Iterator, Sequence

from plimsoll.questions.asking import Answers, Cell, doubts, lines_of


def compared_words(answers: Answers) -> str:
    """The whole page."""
    return "\n\n".join([*_head(answers), *_questions(answers), *_doubts(answers), ""])


def _head(answers: Answers) -> Iterator[str]:
    yield "# The questions traders ask"
    yield (
        "Answered by playing a small account through the account machine under each rulebook, in each margin mode; made by "
        "`python docs/generate.py`, as `plimsoll rules --compare` prints it for today. The grade is that of the weakest rule "
        "or reading on which an answer rests; where readings change an answer, all of them stand there."
    )
    yield f"Tables nearest to {answers.as_of}:"
    yield "\n".join(f"- `{v.venue}`, {v.title}: {v.account}{' (*stale* tables)' if v.stale else ''}" for v in answers.venues)


def _questions(answers: Answers) -> Iterator[str]:
    for asked in answers.questions:
        yield f"## {asked.words}"
        yield _table(("rulebook", "mode", "answer", "grade"), (_row(cell) for cell in asked.cells))


def _row(cell: Cell) -> Sequence[str]:
    said = "<br>".join(_escaped(line) for line in lines_of(cell))
    grade = cell.grade if cell.grade == "doc" else f"{cell.grade} (`{cell.rests_on[0].name}`)"
    return (f"`{cell.venue}`", cell.mode, said, grade)


def _doubts(answers: Answers) -> Iterator[str]:
    found = doubts(answers)
    if found:
        yield "## Why a grade is weak"
        rows = [(f"`{venue}`", f"`{name}`", rest.grade, _escaped(rest.why)) for (venue, name), rest in found.items()]
        yield _table(("rulebook", "rule or reading", "grade", "its words"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(text: str) -> str:
    """One line, with the signs that Markdown would read as layout escaped."""
    for sign in ("\\", "|", "*", "<", "[", "]", "_"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
