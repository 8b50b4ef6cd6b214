"""Recorded prices as arrays to fit models to: log returns from close to close, and the funding charged beside them.

Nothing is filled. A history with holes is refused, or, where that is chosen, goes without the returns that span them.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from plimsoll.array.models import Column, Subject
from plimsoll.errors import BadInput


class Gaps(StrEnum):
    """What to do where the history has holes. SKIP: the returns across them are left out; the rows on both sides then follow
    each other as if nothing lay between."""

    REFUSE = "refuse"
    SKIP = "skip"


class Recorded(NamedTuple):
    """`of`: source, symbols and step. `times` [T]: when the step of a row ended, milliseconds. `returns` [T, m]: log returns.
    `funding` [T, m]: rate charged at the start of the row's step (NaN: none was). `skipped`: returns left out at gaps."""

    of: Subject
    times: Column
    returns: Column
    funding: Column
    skipped: int


Number = Decimal | float | None


def recorded(
    of: Subject,
    times: Sequence[int],
    prices: Sequence[Sequence[Number]],
    funding: Sequence[Sequence[Number]],
    gaps: Gaps = Gaps.REFUSE,
) -> Recorded:
    """Arrays of a history: `times` (milliseconds) at which each row of `prices` stood, None where a symbol has no price;
    `funding` charged in the step that ends there, None where none was. BadInput: no symbol, a price that is none, time that
    runs backward, a step that is not the same throughout, holes, a price that never moves."""
    _need_symbols(of)
    if len(times) < 2:
        raise BadInput(of.source, "prices", f"{len(times)} rows", "a return needs two prices; give a longer history")
    levels, when = _floats(prices), np.asarray(times, dtype=np.int64)
    _need_prices(of, when, levels)
    apart, step = np.diff(when), of.step_seconds * 1000
    if (apart <= 0).any():
        at = int(np.argmax(apart <= 0)) + 1
        raise BadInput(of.source, "time", show_time(when[at]), "time must rise from row to row")
    if (apart % step != 0).any():
        at = int(np.argmax(apart % step != 0)) + 1
        cure = f"it is not a whole number of steps of {of.step_seconds:g} seconds after the row before it"
        raise BadInput(of.source, "time", show_time(when[at]), f"{cure}; give prices of one spacing")
    missing = np.isnan(levels)
    broken = (apart != step) | missing[1:].any(axis=1) | missing[:-1].any(axis=1)
    if gaps is Gaps.REFUSE:
        _refuse_gaps(of, when, missing, broken)
    with np.errstate(invalid="ignore"):
        moves = np.diff(np.log(levels), axis=0)
    kept = ~broken
    if not kept.any():
        raise BadInput(of.source, "prices", None, "no two rows follow each other; give a history of one spacing")
    _need_movement(of, moves[kept])
    return Recorded(of, when[1:][kept], moves[kept], _floats(funding)[1:][kept], int(broken.sum()))


def need_rows(history: Recorded, needed: int, what: str) -> None:
    """BadInput where there are fewer returns than a fit needs."""
    there = len(history.returns)
    if there < needed:
        cure = f"give a longer history, or a finer step than {history.of.step_seconds:g} seconds"
        raise BadInput(history.of.source, f"rows for {what}", there, f"{needed} are needed; {cure}")


def _need_symbols(of: Subject) -> None:
    if not of.symbols:
        raise BadInput(of.source, "symbols", "none", "a model needs at least one symbol")
    for symbol in of.symbols:
        if of.symbols.count(symbol) > 1:
            raise BadInput(of.source, "symbol", symbol, "stands here twice; keep one")


def _floats(rows: Sequence[Sequence[Number]]) -> Column:
    """Rows of numbers as float64, NaN where there is none."""
    return np.array([[np.nan if x is None else float(x) for x in row] for row in rows], dtype=np.float64)


def _need_prices(of: Subject, when: Column, levels: Column) -> None:
    if levels.shape != (len(when), len(of.symbols)):
        raise BadInput(of.source, "prices", levels.shape, f"give {len(when)} rows of {len(of.symbols)} prices")
    for column, symbol in enumerate(of.symbols):
        own = levels[:, column]
        if np.isnan(own).all():
            raise BadInput(of.source, "symbol", symbol, "the history has no price of it; give one that has, or leave it out")
        wrong = ~np.isnan(own) & ~((own > 0) & np.isfinite(own))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise BadInput(
                of.source, f"price of {symbol} at {show_time(when[at])}", own[at], "a price is above zero and finite"
            )


def _refuse_gaps(of: Subject, when: Column, missing: Column, broken: Column) -> None:
    if not broken.any():
        return
    at = int(np.argmax(broken))
    row = at if missing[at].any() else at + 1
    cure = f'there are {int(broken.sum())} such places; choose a window without one, or gaps = "skip" to go without them'
    if missing[row].any():
        symbol = of.symbols[int(np.argmax(missing[row]))]
        raise BadInput(of.source, f"price of {symbol} at {show_time(when[row])}", "missing", cure)
    steps = int(when[at + 1] - when[at]) / 1000 / of.step_seconds
    raise BadInput(of.source, f"gap from {show_time(when[at])} to {show_time(when[at + 1])}", f"{steps:g} steps", cure)


def _need_movement(of: Subject, moves: Column) -> None:
    for column, symbol in enumerate(of.symbols):
        if not moves[:, column].any():
            raise BadInput(of.source, f"price of {symbol}", "constant", "it never moves, so no model fits it; leave it out")


def show_time(milliseconds: int) -> str:
    """A moment as people write it, UTC, to the second."""
    return str(np.datetime64(int(milliseconds) // 1000, "s")).replace("T", " ")
