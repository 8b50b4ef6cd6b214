"""The style that a reader of any module may rely on."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from plimsoll.law import law_modules
from random_accounts import VENUES, rulebook_of

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "src").rglob("*.py"))
NAMES = [str(path.relative_to(ROOT / "src")) for path in FILES]
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in zip(NAMES, FILES, strict=True)}
OURS = {node.name for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
VAGUE = {"util", "utils", "helper", "helpers", "misc", "tools", "stuff", "lib"}
GRADES = {"doc", "recorded", "derived", "rewrite", "memory"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LINES_OF_A_MODULE = 500
LINES_OF_A_FUNCTION = 60


def long_functions(tree: ast.Module) -> list[str]:
    found = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    return [node.name for node in found if (node.end_lineno or 0) - node.lineno + 1 > LINES_OF_A_FUNCTION]


def inherited(tree: ast.Module, ours: set[str]) -> list[str]:
    """Classes of ours that inherit from another class of ours."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return [c.name for c in classes if any(ast.unparse(base).split(".")[-1].split("[")[0] in ours for base in c.bases)]


def loose_arguments(tree: ast.Module) -> list[str]:
    return [node.name for node in ast.walk(tree) if isinstance(node, FUNCTIONS) and node.args.kwarg]


def undocumented(tree: ast.Module) -> list[str]:
    """Public functions and classes without a word about them; the module itself as ''."""
    public = [n for n in tree.body if isinstance(n, (*FUNCTIONS, ast.ClassDef)) and not n.name.startswith("_")]
    bare = [n.name for n in public if ast.get_docstring(n) is None and isinstance(n, FUNCTIONS)]
    return bare if ast.get_docstring(tree) is not None or not tree.body else ["", *bare]


def sourced(text: str, keys: set[str]) -> bool:
    """Whether a docstring names a source key (`S7`, `F-LIQ`, a numbered case) or a grade."""
    words = set(re.findall(r"[A-Za-z0-9-]+", text))
    numbered = {re.sub(r"\d+$", "NNN", word) for word in words}
    return bool(words & keys or numbered & keys or {word.lower() for word in words} & GRADES)


@pytest.mark.parametrize("name", NAMES)
def test_a_module_has_one_subject_and_at_most_500_lines(name: str) -> None:
    assert len((ROOT / "src" / name).read_text(encoding="utf-8").splitlines()) <= LINES_OF_A_MODULE
    assert not VAGUE & set(Path(name).with_suffix("").parts)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_has_at_most_60_lines(name: str) -> None:
    assert long_functions(TREES[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_our_classes_do_not_inherit_from_each_other(name: str) -> None:
    assert inherited(TREES[name], OURS) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_function_takes_whatever_it_is_given(name: str) -> None:
    assert loose_arguments(TREES[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_module_and_public_function_says_what_it_is_for(name: str) -> None:
    assert undocumented(TREES[name]) == []


def rules_of_venue(venue: str) -> list[ast.FunctionDef]:
    """The functions of the interface that are written in formulas and procedure, the venue's own or a sister product's."""
    exported = set(getattr(rulebook_of(venue).rules, "__all__", ()))
    files = [f"{module.replace('.', '/')}.py" for module in law_modules(rulebook_of(venue).rules)]
    nodes = [node for file in files for node in TREES[file].body if isinstance(node, ast.FunctionDef)]
    return [node for node in nodes if node.name in exported]


@pytest.mark.parametrize("venue", VENUES)
def test_every_rule_names_its_source_or_its_grade(venue: str) -> None:
    rules = rules_of_venue(venue)
    keys = set(rulebook_of(venue).rules.SOURCES)
    written = rulebook_of(venue).rules.next_step.__module__.replace(".", "/")
    procedure = ast.get_docstring(TREES[f"{written}.py"]) or ""
    assert len(rules) > 15 and sourced(procedure, keys)
    assert [r.name for r in rules if r.name != "next_step" and not sourced(ast.get_docstring(r) or "", keys)] == []


def test_each_fault_of_style_is_noticed() -> None:
    assert long_functions(ast.parse("def f():\n" + "    x = 1\n" * 60)) == ["f"]
    assert long_functions(ast.parse("def f():\n" + "    x = 1\n" * 59)) == []
    assert inherited(ast.parse("class B(base.A[int]): pass"), {"A", "B"}) == ["B"]
    assert inherited(ast.parse("class B(Struct): pass"), {"A", "B"}) == []
    assert loose_arguments(ast.parse("def f(**kw): pass")) == ["f"]
    assert undocumented(ast.parse('"""M."""\ndef f(): pass\ndef _g(): pass')) == ["f"]
    assert undocumented(ast.parse("x = 1")) == [""]
    assert sourced("As recorded.", set()) and sourced("S7, page 2", {"S7"}) and sourced("(okx-024)", {"okx-NNN"})
    assert not sourced("S77: by the rules", {"S7"})


def tracked_text() -> dict[str, str]:
    """Every text file of the repository, new ones included, ignored ones not."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"not a git checkout: {done.stderr.strip()}")
    texts = {}
    for name in filter(None, done.stdout.split("\0")):
        try:
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return texts


PLACES = r"(?<![\w.])/(?:work|home|root|Users|mnt|tmp)/\w"
REGISTRIES = r"py" + r"pi\.org|python" + r"hosted\.org|npm" + r"js\.(?:org|com)|anaconda\." + r"org|/sim" + r"ple/?[\"'\s]"


@pytest.mark.parametrize("pattern", [PLACES, REGISTRIES], ids=["a path of one machine", "the host of a package registry"])
def test_the_repository_does_not_name(pattern: str) -> None:
    found = {name: re.findall(pattern, text) for name, text in tracked_text().items()}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_a_place_of_one_machine_is_noticed() -> None:
    assert re.search(PLACES, "see /ho" + "me/me/notes") and re.search(PLACES, "'/wo" + "rk/main'")
    assert not re.search(PLACES, "the path src/work/x and /v5/work") and re.search(REGISTRIES, "https://py" + "pi.org/x")


def test_no_lock_file_is_committed() -> None:
    assert [name for name in tracked_text() if name.endswith((".lock", "requirements.txt"))] == []
