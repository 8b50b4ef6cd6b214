"""Text files as users hand them over, and the TOML and JSON in them: what cannot be read is BadInput, in one line."""

import json
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from plimsoll.errors import BadInput

BEYOND = "a number in it is too long, or it is nested too deep; correct it"


def read_text(path: Path, field: str, cure: str) -> str:
    """The text of a UTF-8 file. BadInput at `field`, with the reason and the `cure`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except ValueError:
        reason = "its name holds a null byte"
    raise BadInput(str(path), field, None, f"cannot be read ({reason}); {cure}")


def read_toml(text: str, source: str) -> dict[str, Any]:
    """TOML with exact numbers. BadInput where the syntax, a number or the nesting is beyond use."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
        repr(document)  # what cannot be printed could not be named in a message either
    except tomllib.TOMLDecodeError as error:
        raise BadInput(source, "TOML", None, f"{error}; correct the syntax") from None
    except (ArithmeticError, ValueError, RecursionError):
        raise BadInput(source, "TOML", None, BEYOND) from None
    return document


def read_json(text: str, source: str, build: Callable[[list[tuple[str, Any]]], Any] = dict) -> Any:
    """JSON with exact numbers; `build` makes an object of its pairs. BadInput as for TOML."""
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal, object_pairs_hook=build)
    except json.JSONDecodeError as error:
        raise BadInput(source, "JSON", None, f"{error}; correct the syntax") from None
    except (ArithmeticError, ValueError, RecursionError):
        raise BadInput(source, "JSON", None, BEYOND) from None
