"""How long the array engine takes to begin: `python -m bench.starts [RULEBOOK ...]`.

A small simulation in a process of its own: with nothing kept (generators, a rulebook and Python's own files are compiled), with
all kept but the rulebook, and again with what that left. Processor seconds of the process, imports included; budgets: 30 to
compile a rulebook, 1.5 to begin again. Python's own compiled files are kept, as in any installation: where the surroundings
forbid it (PYTHONDONTWRITEBYTECODE), each start would compile a thousand modules anew, which takes a second and is not ours.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

FIRST = "hyperliquid"
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
    with TemporaryDirectory() as folder:
        print("seconds of one processor          compiled        again")
        print(f"{'nothing kept, ' + FIRST:32}{seconds(FIRST, Path(folder)):10.1f}", flush=True)
        for rulebook in rulebooks or RULEBOOKS:
            cold = seconds(rulebook, Path(folder))
            warm = sorted(seconds(rulebook, Path(folder)) for _ in range(3))[1]
            said = ["ok" if took <= most else "MISSED" for took, most in ((cold, COLD), (warm, WARM))]
            print(f"{rulebook:32}{cold:10.1f} {said[0]:7}{warm:7.2f} {said[1]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
