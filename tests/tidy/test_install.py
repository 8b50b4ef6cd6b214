"""What a user of the core gets: msgspec and nothing else, and an import that is not felt."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 0.15
"""Of processor time, so that a busy machine does not count; the whole core, not only its lazy front."""
PROBE = """
import json, sys, time
before = set(sys.modules)
start = time.process_time()
import plimsoll, plimsoll.account.decide, plimsoll.account.journal, plimsoll.margin.assess, plimsoll.rulebook
took = time.process_time() - start
tops = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps([took, sorted(tops - set(sys.stdlib_module_names))]))
"""


def probe(python: str) -> tuple[float, list[str]]:
    done = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, check=True)
    took, foreign = json.loads(done.stdout)
    return took, foreign


def test_importing_the_core_is_not_felt() -> None:
    assert min(probe(sys.executable)[0] for _ in range(7)) < SECONDS


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """The Python of a fresh environment that holds what building a wheel needs, and no extra of ours."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed: no fresh environment can be made")
    made = run(uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv"))
    if made.returncode != 0:
        pytest.skip(f"no fresh environment can be made here: {made.stderr.strip()[-200:]}")
    python = str(tmp_path / "venv" / "bin" / "python")
    needs = run(uv, "pip", "install", "--quiet", "--python", python, "hatchling", "msgspec")
    if needs.returncode != 0:
        pytest.skip(f"packages cannot be had here (offline?): {needs.stderr.strip()[-200:]}")
    done = run(uv, "pip", "install", "--quiet", "--python", python, "--no-build-isolation", "--no-deps", str(ROOT))
    assert done.returncode == 0, done.stderr
    return python


def test_without_extras_the_core_imports_with_msgspec_alone(bare: str) -> None:
    took, foreign = min(probe(bare) for _ in range(7))
    assert foreign == ["msgspec", "plimsoll"]
    assert took < SECONDS


def test_the_tables_and_the_type_marker_are_in_the_package(bare: str) -> None:
    code = "from plimsoll.table_files import load; from plimsoll.rulebook import discover; [load(n) for n in discover()]"
    done = run(bare, "-c", f"{code}; import importlib.resources as r; print((r.files('plimsoll') / 'py.typed').is_file())")
    assert done.returncode == 0 and done.stdout.strip() == "True", done.stderr[-300:]
