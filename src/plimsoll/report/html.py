"""A comparison or a study as one HTML file: everything inside, nothing loaded, written whole or not at all."""

import os
import tempfile
from pathlib import Path

from plimsoll.errors import BadInput
from plimsoll.report.page import page
from plimsoll.report.study_page import study_page
from plimsoll.runs import Comparison, RegimeMap
from plimsoll.studies import Study


def write_html(comparison: Comparison, path: str | Path, regime_map: RegimeMap | None = None) -> None:
    """Write the page to `path`, replacing what is there only when all of it is on disk. BadInput: no Plotly, no folder."""
    write_whole(Path(path), page(comparison, regime_map, _plotly_js()).encode())


def write_study_html(study: Study, path: str | Path) -> None:
    """As `write_html`, of a study."""
    write_whole(Path(path), study_page(study, _plotly_js()).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target, then rename: a reader, or an interrupt, never meets half a file."""
    if path.exists() and not path.is_file():
        raise BadInput(str(path), "file", None, "is not an ordinary file; name another")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BadInput(str(path), "folder", path.parent, f"cannot write there ({error.strerror}); choose another") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        raise BadInput(str(path), "file", None, f"cannot be written ({error.strerror}); choose another name") from None
    finally:
        Path(name).unlink(missing_ok=True)


def _plotly_js() -> str:
    """The text of plotly.js that the Plotly package carries."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        cure = "an HTML report needs Plotly: pip install 'plimsoll[report]'"
        raise BadInput("plimsoll", "extra report", "not installed", cure) from None
    return str(get_plotlyjs())
