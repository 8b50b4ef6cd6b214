"""How long the array engine takes to begin: `python -m bench.starts [RULEBOOK ...]`.

A small simulation in a process of its own, with nothing kept (the rulebook and the generators are compiled) and again with
what the first left. Processor seconds of the process, imports included; budgets: 30 to compile a rulebook, 1.5 to begin again.
Python's own compiled files are kept, as in any installation: where the surroundings forbid it (PYTHONDONTWRITEBYTECODE), each
start would compile a thousand modules anew, which takes a second and is not ours.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

RULEBOOKS = ("binance_usdm", "okx_futures", "bybit_uta", "bybit_classic", "bitmex")
COLD, WARM = 30.0, 1.5


def seconds(rulebook: str, kept: Path) -> float:
    """Processor seconds of one small simulation. CalledProcessError: it failed."""
    words = ["simulate", "--venue", rulebook, "--horizon", "1h", "--paths", "64", "--threads", "1", "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PLIMSOLL_CACHE": str(kept), "PYTHONPYCACHEPREFIX": str(kept / "python")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-m", "plimsoll", *words], env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(rulebooks: list[str]) -> None:
    print("seconds of one processor      nothing kept        again")
    for rulebook in rulebooks or RULEBOOKS:
        with TemporaryDirectory() as folder:
            cold = seconds(rulebook, Path(folder))
            warm = sorted(seconds(rulebook, Path(folder)) for _ in range(3))[1]
        said = ["ok" if took <= most else "MISSED" for took, most in ((cold, COLD), (warm, WARM))]
        print(f"{rulebook:28}{cold:7.1f} {said[0]:10}{warm:7.2f} {said[1]}")


if __name__ == "__main__":
    main(sys.argv[1:])
