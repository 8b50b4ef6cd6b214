"""Write the pages that are made from the code: `uv run --extra cli python docs/generate.py`."""

from datetime import date
from pathlib import Path

from plimsoll.questions.asking import ask_all
from plimsoll.questions.page import compared_words
from plimsoll.rulebook import discover
from plimsoll.rulebook_words import interface_words, of
from plimsoll.table_files import load

HERE = Path(__file__).parent


def pages() -> dict[Path, str]:
    """Every generated page and its text."""
    venues = {HERE / "venues" / f"{name}.md": of(name) for name in discover()}
    compared = compared_words(ask_all(discover(), newest_day()))
    return venues | {HERE / "interface.md": interface_words(), HERE / "rules_compared.md": compared}


def newest_day() -> date:
    """The first day of the newest bracket table of any rulebook: a page must not change with the calendar."""
    return max(entry.since for name in discover() for entry in load(name).brackets)


def main() -> None:
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
