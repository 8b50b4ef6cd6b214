"""`plimsoll verify`: which cases are run, what is printed, and the exit code."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from plimsoll.errors import BadInput
from plimsoll.rulebook import discover, rules_of
from plimsoll.table_files import load
from plimsoll.verify.cases import RawCase, read_cases
from plimsoll.verify.evaluate import Row, evaluate

PASSED, FAILED, UNREADABLE, UNSUPPORTED = 0, 1, 2, 3


class Outcome(msgspec.Struct, frozen=True):
    """All rows; per rulebook that we do not have (or not in that asset mode) how many cases were left out; and one line
    for each case that cannot be read."""

    rows: tuple[Row, ...]
    unsupported: dict[str, int]
    unreadable: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """2: a case could not be read; 1: something fails; 0: all pass; 3: nothing fails, but some rulebooks are not
        supported."""
        if self.unreadable:
            return UNREADABLE
        if any(row.verdict == "fail" for row in self.rows):
            return FAILED
        return UNSUPPORTED if self.unsupported else PASSED


def verify(files: Sequence[Path]) -> Outcome:
    """Every expectation of every case in `files`. A case that cannot be read is told apart, the others still count.
    BadInput: a file that cannot be read."""
    rows: list[Row] = []
    unreadable: list[str] = []
    unsupported: Counter[str] = Counter()
    known = discover()
    for path in files:
        for raw in read_cases(path):
            if raw.rulebook not in known or not _has_mode(raw):
                unsupported[_name(raw)] += 1
            else:
                try:
                    rows += evaluate(raw, load(raw.rulebook))
                except BadInput as bad:
                    unreadable.append(str(bad))
                except ArithmeticError:
                    unreadable.append(f"{path}: case {raw.id}: its numbers are too large or too small to compute with")
    return Outcome(tuple(rows), dict(unsupported), tuple(unreadable))


def _has_mode(raw: RawCase) -> bool:
    """Whether the rulebook knows the case's asset mode; one that has no such setting has the single one."""
    return raw.asset_mode in ("", "single", *rules_of(raw.rulebook).OPTIONS.get("asset_mode", ()))


def _name(raw: RawCase) -> str:
    return f"{raw.rulebook} (asset mode {raw.asset_mode})" if raw.rulebook in discover() else raw.rulebook


def print_outcome(outcome: Outcome, out: TextIO) -> None:
    """Plain aligned text: a line per expectation, then the totals per rulebook."""
    lines = [("case", "quantity", "expected", "got", "difference", "verdict"), *map(_cells, outcome.rows)]
    widths = [min(max(len(line[i]) for line in lines), limit) for i, limit in enumerate((44, 46, 36, 36, 14, 7))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        out.write("  ".join(cells).rstrip() + "\n")
    out.write("\n")
    out.writelines(f"{total}\n" for total in totals(outcome))


def _cells(row: Row) -> tuple[str, ...]:
    case = row.case if row.step == 0 else f"{row.case} #{row.step}"
    return case, f"{row.quantity} {row.of}", row.expected, row.got, row.difference or "", row.verdict


def totals(outcome: Outcome) -> list[str]:
    """One line a rulebook, then one for what was left out."""
    lines = []
    for name in dict.fromkeys(row.rulebook for row in outcome.rows):
        mine = [row for row in outcome.rows if row.rulebook == name]
        good = sum(1 for row in mine if row.verdict == "pass")
        cases = len({(row.file, row.case) for row in mine})
        lines.append(f"{name}: {good} passed, {len(mine) - good} failed, in {cases} cases")
    for name, count in outcome.unsupported.items():
        lines.append(f"{name}: not supported, {count} cases left out")
    return lines or ["no cases"]


def as_json(outcome: Outcome) -> str:
    """The rows and totals as JSON."""
    body = {
        "rows": msgspec.to_builtins(outcome.rows),
        "unsupported": outcome.unsupported,
        "unreadable": outcome.unreadable,
        "exit_code": outcome.exit_code,
    }
    return json.dumps(body, indent=1)


def run_verify(files: Sequence[str], json_out: str | None) -> int:
    """The whole command; `json_out` not None: JSON to standard output."""
    if not files:
        raise BadInput("command line", "FILE", None, "name at least one case file")
    outcome = verify([Path(name) for name in files])
    if json_out is not None:
        sys.stdout.write(as_json(outcome) + "\n")
    else:
        if outcome.rows or outcome.unsupported:
            print_outcome(outcome, sys.stdout)
    for line in outcome.unreadable:
        sys.stderr.write(f"plimsoll: {line}\n")
    return outcome.exit_code
