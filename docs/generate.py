"""Write the pages that are made from the code: `uv run --extra cli python docs/generate.py`."""

from pathlib import Path

from plimsoll.rulebook import discover
from plimsoll.rulebook_words import interface_words, of

HERE = Path(__file__).parent


def pages() -> dict[Path, str]:
    """Every generated page and its text."""
    return {HERE / "venues" / f"{name}.md": of(name) for name in discover()} | {HERE / "interface.md": interface_words()}


def main() -> None:
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
