"""Where machine code is kept between runs: the user's cache folder, or what PLIMSOLL_CACHE says ('' keeps nothing). What lies
there is found by a digest of all that it was made of, so it never needs clearing and may be deleted at any time."""

import os
from pathlib import Path


def kept_folder() -> str:
    """A folder that can be written to, '' where there is none."""
    stated = os.environ.get("PLIMSOLL_CACHE")
    if stated == "":
        return ""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(stated) if stated else home / "plimsoll"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""
