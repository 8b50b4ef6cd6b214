"""The generated pages are those that the rules and tables give today."""

import re
import runpy
from functools import cache
from pathlib import Path

import pytest

from plimsoll.errors import Reason, Reject
from plimsoll.rulebook import discover, for_case
from plimsoll.rulebook_words import MODES, of
from plimsoll.rules.interface import Rules
from plimsoll.table_files import load

DOCS = Path(__file__).parent.parent / "docs"
COMMAND = "uv run --extra cli python docs/generate.py"


@cache
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
    assert [code for code in codes if f"`{code}`" not in text] == []
    assert codes or "answers in words" in text
    assert [key for key in rules.SOURCES if f"**{key}**" not in text] == []


@pytest.mark.parametrize("name", discover())
def test_every_rule_stands_on_the_page_once(name: str) -> None:
    headings = [line for line in of(name).splitlines() if line.startswith("### ")]
    assert len(headings) == len(set(headings))
    assert headings[: len(MODES)] == [f"### {word}" for word in MODES]


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_what_a_page_names_exists(page: str) -> None:
    root = DOCS.parent
    text = (root / page).read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+(?:\.py|/))`", text)
    places = (root, root / "src" / "plimsoll", root / "src" / "plimsoll" / "rules" / "binance_usdm")
    assert named and [name for name in named if not any((place / name).exists() for place in places)] == []
    assert [link for link in re.findall(r"\]\(([\w/.]+)\)", text) if not (root / link).exists()] == []


def test_the_architecture_names_every_module_of_the_core() -> None:
    text = (DOCS.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    package = DOCS.parent / "src" / "plimsoll"
    core = [*package.glob("rules/*.py"), *package.glob("margin/*.py")]
    names = ["number.py", "model.py", "errors.py", "rulebook.py"]
    names += [str(path.relative_to(package)) for path in core if path.name != "__init__.py"]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_readme_lists_every_rulebook_once_and_counts_them() -> None:
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    table = text.split("| rulebook | what it covers |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(discover())
    words = ["eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"]
    assert f"\n{words[len(discover()) - 8].capitalize()} rulebooks, " in text
