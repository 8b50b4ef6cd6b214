"""A module imports only from its own layer or from lower ones, and the engines do no I/O, read no clock and draw no lots."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}
LAYERS = {
    "plimsoll.number": 0,
    "plimsoll.model": 0,
    "plimsoll.errors": 0,
    "plimsoll.rules": 1,
    "plimsoll.rulebook": 2,
    "plimsoll.venue_table": 2,
    "plimsoll.law": 2,
    "plimsoll.margin": 3,
    "plimsoll.account": 4,
    "plimsoll.array": 4,
}
"""Prefix -> layer; everything else is the rim, layer 5."""
RIM = 5
COMPILED_ONLY = {"numba", "numpy"}
OUTSIDE_WORLD = {
    "asyncio", "datetime.now", "glob", "http", "io", "logging", "os", "pathlib", "random", "secrets", "shutil", "signal",
    "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "warnings",
}  # fmt: skip
DOORS = {"open", "print", "input", "exec", "eval", "breakpoint"}
CLOCKS = {"now", "utcnow", "today", "read_text", "write_text", "read_bytes", "write_bytes"}


def layer_of(module: str) -> int:
    """0 to 5."""
    known = [prefix for prefix in LAYERS if module == prefix or module.startswith(f"{prefix}.")]
    return LAYERS[known[0]] if known else RIM


def imports_of(source: str) -> set[str]:
    """Every module that is imported anywhere in the text, lazily or not, as `package.module`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{a.name}" if f"{node.module}.{a.name}" in MODULES else node.module for a in node.names}
    return found


def too_high(module: str, source: str) -> list[str]:
    """Imports that go up, or across between the two engines."""
    own = layer_of(module)
    mine = [name for name in imports_of(source) if name.split(".")[0] == "plimsoll" and name != "plimsoll"]
    up = [name for name in mine if layer_of(name) > own]
    engines = {"plimsoll.account", "plimsoll.array"}
    across = [n for n in mine for e in engines if n.startswith(e) and any(module.startswith(o) for o in engines - {e})]
    return sorted(up + across)


def foreign(source: str) -> list[str]:
    """Imports of a core module from outside the standard library, msgspec and ourselves."""
    tops = {name.split(".")[0] for name in imports_of(source)}
    return sorted(tops - set(sys.stdlib_module_names) - {"plimsoll", "msgspec"})


def contacts(source: str) -> list[str]:
    """What touches the outside world: files, clocks, lots, screens, threads."""
    found = [name for name in imports_of(source) if name.split(".")[0] in OUTSIDE_WORLD]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.AsyncFunctionDef, ast.Await)):
            found.append("async")
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in DOORS:
                found.append(node.func.id)
            if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
                found.append(f".{node.func.attr}")
    return sorted(found)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    assert too_high(module, MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", [m for m in MODULES if layer_of(m) < RIM])
def test_the_engines_do_not_touch_the_outside_world(module: str) -> None:
    assert contacts(MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", [m for m in MODULES if (layer_of(m) < RIM and layer_of(m) != 4) or ".account" in m])
def test_the_core_needs_msgspec_and_nothing_else(module: str) -> None:
    assert foreign(MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith("plimsoll.array")])
def test_only_the_array_engine_imports_numba_or_numpy(module: str) -> None:
    tops = {name.split(".")[0] for name in imports_of(MODULES[module].read_text(encoding="utf-8"))}
    assert not tops & COMPILED_ONLY


def test_each_way_of_reaching_up_is_noticed() -> None:
    assert too_high("plimsoll.rules.common", "from plimsoll.margin.assess import assess") == ["plimsoll.margin.assess"]
    assert too_high("plimsoll.margin.pools", "def f():\n    import plimsoll.account.state") == ["plimsoll.account.state"]
    assert too_high("plimsoll.account.decide", "from plimsoll.array.compile import x") == ["plimsoll.array.compile"]
    assert too_high("plimsoll.array.walk", "from plimsoll.account import state") == ["plimsoll.account.state"]
    assert too_high("plimsoll.rulebook", "from plimsoll import cli") == ["plimsoll.cli"]
    assert too_high("plimsoll.cli", "from plimsoll.account.decide import decide") == []


@pytest.mark.parametrize(
    "text", ["import random", "from time import sleep", "open('x')", "print(1)", "datetime.now()", "async def f(): pass"]
)
def test_each_touch_of_the_outside_world_is_noticed(text: str) -> None:
    assert len(contacts(text)) == 1


def test_a_foreign_library_is_noticed() -> None:
    assert foreign("import numpy as np\nimport msgspec\nfrom decimal import Decimal") == ["numpy"]


CORE_ONLY = """
import importlib, importlib.abc, sys

class Wall(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in {"plimsoll", "msgspec"} | set(sys.stdlib_module_names):
            raise ModuleNotFoundError(f"the core imported {name}")

sys.meta_path.insert(0, Wall())
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def import_behind_a_wall(modules: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CORE_ONLY, *modules], capture_output=True, text=True, check=False)


def test_the_core_imports_where_only_msgspec_is_installed() -> None:
    core = [module for module in MODULES if layer_of(module) < RIM and not module.startswith("plimsoll.array")]
    done = import_behind_a_wall(["plimsoll", *core])
    assert done.returncode == 0, done.stderr[-500:]
    assert import_behind_a_wall(["plimsoll.array.compile"]).returncode != 0
