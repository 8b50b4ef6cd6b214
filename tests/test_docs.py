"""The generated pages are those that the rules and tables give today."""

import io
import runpy
from pathlib import Path

import pytest
from rich.console import Console

from plimsoll.errors import BadInput, Reason, Reject
from plimsoll.rulebook import discover, for_case
from plimsoll.rulebook_words import MODES, of, print_rules
from plimsoll.rules.interface import Rules
from plimsoll.table_files import load

DOCS = Path(__file__).parent.parent / "docs"
COMMAND = "uv run --extra cli python docs/generate.py"


def pages() -> dict[Path, str]:
    generate = runpy.run_path(str(DOCS / "generate.py"))
    found: dict[Path, str] = generate["pages"]()
    return found


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_a_generated_page_is_up_to_date(path: Path) -> None:
    assert path.exists(), f"{path} is missing: run `{COMMAND}`"
    assert path.read_text(encoding="utf-8") == pages()[path], f"{path} is out of date: run `{COMMAND}`"


def test_no_page_of_a_rulebook_that_is_gone_stays_behind() -> None:
    assert {path.stem for path in (DOCS / "venues").glob("*.md")} == set(discover())


@pytest.mark.parametrize("name", discover())
def test_a_page_says_every_rule_reading_table_and_code(name: str) -> None:
    text, table = of(name), load(name)
    rules = for_case(table, {}).rules
    functions = [word for word in vars(Rules) if not word.startswith("_") and callable(getattr(rules, word))]
    assert [word for word in functions if word != "Reading" and f"### {word}\n" not in text] == []
    assert [option for row in table.readings for option in row.options if f"`{option}`" not in text] == []
    assert [entry for entry in table.brackets if f"| {entry.since} |" not in text] == []
    codes = {rules.venue_code(Reject(reason, "")) for reason in Reason} - {""}
    assert codes and [code for code in codes if f"`{code}`" not in text] == []
    assert [key for key in rules.SOURCES if f"**{key}**" not in text] == []


@pytest.mark.parametrize("name", discover())
def test_every_rule_stands_on_the_page_once(name: str) -> None:
    headings = [line for line in of(name).splitlines() if line.startswith("### ")]
    assert len(headings) == len(set(headings))
    assert headings[: len(MODES)] == [f"### {word}" for word in MODES]


def test_the_command_lists_all_rulebooks_and_prints_one() -> None:
    console = Console(file=io.StringIO(), width=200)
    print_rules(None, console)
    print_rules("okx_futures", console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert all(name in shown for name in discover())
    assert "largest_maintenance" in shown


def test_the_command_refuses_an_unknown_rulebook() -> None:
    with pytest.raises(BadInput, match="okx_futures"):
        print_rules("atlantis", Console(file=io.StringIO()))
