"""Other projects' answers beside ours: `python -m bench.peers [NAME ...]`, all of them without a name.

For each peer an environment of its own is built under a cache directory (`--at`, by default `plimsoll-peers` among the
temporary files) with `uv`: the peer at the version below and this checkout with its `array` extra. There the script
`bench/peer_NAME.py` runs the peer's call and ours by turns, and prints the ratio and how far each side is from the exact
answer. No peer is a dependency of this project, and nothing of theirs is copied here. An environment that is there already is
used again.

What each can do of our work: freqtrade states liquidation prices; nautilus_trader and lrvx liquidate while prices go by, so
that they say when. jesse liquidates on candles inside a whole backtest of one position, at one rate for everything, and never
in cross; Vibe-Trading's evaluator is no installable package: neither answers these two questions by a call of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Peer(NamedTuple):
    """What to install, and the Python that it runs on."""

    package: str
    python: str


PEERS = {
    "freqtrade": Peer("freqtrade==2026.9", "3.11"),
    "nautilus": Peer("nautilus_trader==1.231.0", "3.13"),
    "lrvx": Peer("lrvx==0.11.0", "3.12"),
}


def environment(name: str, at: Path) -> Path:
    """The Python of a peer's environment, built where there is none."""
    home = at / name
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    if (home / "built").is_file():
        return python
    peer = PEERS[name]
    subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", peer.python, home], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, peer.package, "--editable", f"{ROOT}[array]"], check=True)
    (home / "built").touch()
    return python


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--at", type=Path, default=Path(tempfile.gettempdir()) / "plimsoll-peers", help="where to build")
    asked = parser.parse_args()
    for name in asked.names:
        if name not in PEERS:
            parser.error(f"{name} is no peer here; choose of {', '.join(PEERS)}")
    failed = []
    for name in asked.names or PEERS:
        try:
            command = [environment(name, asked.at), "-m", f"bench.peer_{name}"]
            subprocess.run(command, cwd=ROOT, check=True)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"{name}: not compared ({error})", file=sys.stderr)
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
