"""A comparison as JSON. Keys, in this order: `schema`, the fields of `runs.Comparison` as declared there (with those of the
structs inside: `venues`, `results` with `run`, `legs`, `least`, `happenings`, `samples` ...), and `regime_map`.

Amounts and prices are strings in fixed-point notation (never an exponent, never a float); times are ISO 8601 in UTC with
a Z; what is absent is null; keyed maps (symbols, pools, readings) are sorted. A reader checks `schema` first: its number
grows when a key changes its meaning or goes away.
"""

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from plimsoll.evidence import Advice
from plimsoll.number import show
from plimsoll.runs import Comparison, RegimeMap
from plimsoll.studies import Study

SCHEMA = "plimsoll.comparison/1"
ADVICE_SCHEMA = "plimsoll.advice/1"
STUDY_SCHEMA = "plimsoll.study/1"


def to_json(comparison: Comparison, regime_map: RegimeMap | None = None) -> bytes:
    """UTF-8 JSON of the whole answer; the same comparison always gives the same bytes."""
    body = plain(comparison)
    assert isinstance(body, dict)
    page = {"schema": SCHEMA, **body, "regime_map": plain(regime_map)}
    return json.dumps(page, ensure_ascii=False, indent=1, allow_nan=False).encode()


def study_json(study: Study) -> bytes:
    """UTF-8 JSON of a study: `schema`, then the fields of `studies.Study` as declared there. What a simulation estimates are
    numbers; what the user set (leverage, stop, split) are strings, as everywhere."""
    body = plain(study)
    assert isinstance(body, dict)
    return json.dumps({"schema": STUDY_SCHEMA, **body}, ensure_ascii=False, indent=1, allow_nan=False).encode()


def advice_json(advice: Advice) -> bytes:
    """UTF-8 JSON of an advice: `schema`, then the fields of `evidence.Advice` as declared there, every played setting with its
    odds."""
    body = plain(advice)
    assert isinstance(body, dict)
    return json.dumps({"schema": ADVICE_SCHEMA, **body}, ensure_ascii=False, indent=1, allow_nan=False).encode()


def plain(value: object) -> object:
    """The value in JSON's own types. Structs keep the names that they are written under in files (`from`, not `since`)."""
    if isinstance(value, Decimal):
        return show(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {written: plain(getattr(value, name)) for written, name in names}
    if isinstance(value, dict):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def time_text(time: datetime) -> str:
    """ISO 8601 in UTC with a Z; a time without a zone is UTC already."""
    moment = time.astimezone(UTC) if time.tzinfo else time
    return f"{moment.replace(tzinfo=None).isoformat()}Z"
