"""The rules as machine code: the text that the exact engine runs on Decimal, compiled for float64. No rule stands here.

The only module that imports numba. Nothing is cached on disk: numba's cache does not notice that an imported rule file
changed and would go on serving the old rules. `fastmath` is off, so that sums keep their order and products are not
fused. Division follows Python: a zero divisor raises as it does on Decimal. Rules guard their divisors, so this never
happens in a correct rule; an infinity that quietly wins a comparison would be worse than the branch it saves.

Legs and markets become arrays of records, so that one compilation serves any number of either.
"""

import importlib
import inspect
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache, wraps
from itertools import chain
from types import FunctionType
from typing import Any, Final, NamedTuple, cast

import numba
import numpy as np
from numba.extending import overload, register_jitable

from plimsoll import number
from plimsoll.law import law_modules
from plimsoll.rulebook import rules_of
from plimsoll.rules import common
from plimsoll.rules.columns import Leg, Market, Pool, PoolMargin, Step

ERROR_MODEL: Final = "python"
STEPS_OF_NUMBER = (number.zero, number.floor_of, number.ceil_of, number.half_up_of)
ANY_TYPE = {
    number.floor_to: number.floor_of,
    number.ceil_to: number.ceil_of,
    number.half_up_to: number.half_up_of,
}
"""The rounding steps that have a way of their own for Decimal -> their text for every number type, which is compiled."""
ROWS = 64
"""Bracket rows that a market record has room for; `rows` says how many count."""

Column = np.ndarray[Any, Any]

LEG_RECORD = np.dtype(
    [
        ("market", np.int64),
        ("amount", np.float64),
        ("entry", np.float64),
        ("leverage", np.float64),
        ("initial_rate", np.float64),
        ("margin", np.float64),
        ("isolated", np.bool_),
        ("tier", np.float64),
        ("added", np.float64),
        ("lost", np.float64),
        ("cost", np.float64),
        ("wallet", np.int64),
        ("spare", np.float64),
        ("remarked", np.float64),
    ],
    align=True,
)
MARKET_RECORD = np.dtype(
    [
        ("inverse", np.bool_),
        ("multiplier", np.float64),
        ("lot", np.float64),
        ("tick", np.float64),
        ("taker_rate", np.float64),
        ("liquidation_fee_rate", np.float64),
        ("rows", np.int64),
        ("floors", np.float64, (ROWS,)),
        ("rates", np.float64, (ROWS,)),
        ("deductions", np.float64, (ROWS,)),
        ("leverages", np.float64, (ROWS,)),
        ("initials", np.float64, (ROWS,)),
        ("unit", np.float64),
        ("funding_rate", np.float64),
        ("regime", np.int64),
    ],
    align=True,
)
WALLET_RECORD = np.dtype(
    [
        ("place", np.int64),
        ("balance", np.float64),
        ("borrowed", np.float64),
        ("collateral", np.bool_),
        ("rows", np.int64),
        ("floors", np.float64, (ROWS,)),
        ("ratios", np.float64, (ROWS,)),
        ("loan_rows", np.int64),
        ("loan_floors", np.float64, (ROWS,)),
        ("loan_initial", np.float64, (ROWS,)),
        ("loan_maintenance", np.float64, (ROWS,)),
    ],
    align=True,
)
REST_RECORD = np.dtype(
    [
        ("market", np.int64),
        ("wallet", np.int64),
        ("leg", np.int64),
        ("amount", np.float64),
        ("price", np.float64),
        ("leads", np.bool_),
        ("held", np.float64),
        ("buys", np.float64),
        ("sells", np.float64),
        ("initial_rate", np.float64),
        ("leverage", np.float64),
        ("new_buys", np.float64),
        ("new_sells", np.float64),
    ],
    align=True,
)
RESTING_RECORD = np.dtype(
    [
        ("market", np.int64),
        ("amount", np.float64),
        ("buys", np.float64),
        ("sells", np.float64),
        ("initial_rate", np.float64),
        ("leverage", np.float64),
        ("new_buys", np.float64),
        ("new_sells", np.float64),
        ("gross", np.float64),
        ("tier", np.float64),
        ("isolated", np.bool_),
    ],
    align=True,
)


class Compiled(NamedTuple):
    """One rulebook in float64. Arguments as in the interface: a pool of `float_pool`, columns of `float_column`, markets
    of `float_markets`, the rulebook's own Reading."""

    name: str
    assess_pool: Callable[[Pool[float], Column, Column], PoolMargin[float]]
    is_liquidatable: Callable[[float, float], bool]
    next_step: Callable[[int, Pool[float], PoolMargin[float], Column, Column, Column, Any], Step[float]]


@cache
def compile_rules(name: str) -> Compiled:
    """The rules of one venue product as compiled functions; machine code is made at the first call of each, once per
    process. BadInput: no rulebook of that name."""
    return Compiled(
        name, compile_rule(name, "assess_pool"), compile_rule(name, "is_liquidatable"), compile_rule(name, "next_step")
    )


@cache
def compile_rule(name: str, rule: str) -> Callable[..., Any]:
    """One function of a rulebook, compiled. BadInput: no rulebook of that name; AttributeError: no such rule."""
    rules = rules_of(name)
    written = (rule_functions(module) for module in (common.__name__, *law_modules(rules)))
    for function in (*STEPS_OF_NUMBER, *chain.from_iterable(written)):
        _register(function)
    _replace_steps()
    return cast("Callable[..., Any]", numba.njit(error_model=ERROR_MODEL)(getattr(rules, rule)))


def rule_functions(module: str) -> tuple[FunctionType, ...]:
    """The rule functions written in a module."""
    found = importlib.import_module(module)
    return tuple(f for _, f in inspect.getmembers(found, inspect.isfunction) if f.__module__ == module)


@cache
def _register(function: FunctionType) -> None:
    """Tell numba that compiled code may call this function: once, for a second time would compile it twice."""
    register_jitable(error_model=ERROR_MODEL)(function)


@cache
def _replace_steps() -> None:
    """Tell numba what to compile where a rule calls a rounding step."""
    for step, text in ANY_TYPE.items():
        overload(step, jit_options={"error_model": ERROR_MODEL})(_always(text))


def _always(text: Callable[..., float]) -> Callable[..., Any]:
    """What numba asks which text to compile for which types: this one for all."""

    @wraps(text)
    def chosen(*_: object) -> Callable[..., float]:
        return text

    return chosen


def float_column(numbers: Sequence[Decimal]) -> Column:
    """Marks or fills as float64, each rounded once, to the nearest."""
    return np.array([float(x) for x in numbers], dtype=np.float64)


def float_legs(legs: Sequence[Leg[Decimal]]) -> Column:
    """Legs as records, in the order given."""
    return _records(legs, LEG_RECORD)


def float_markets(markets: Sequence[Market[Decimal]]) -> Column:
    """Markets as records; bracket columns are padded with zeros. Asserts that the rows fit."""
    return _records(markets, MARKET_RECORD)


def _records(rows: Sequence[tuple[Any, ...]], kind: np.dtype[Any]) -> Column:
    return np.array([tuple(_plain(x) for x in row) for row in rows], dtype=kind)


def float_pool(pool: Pool[Decimal]) -> Pool[float]:
    """A pool for compiled rules: numbers as float64; legs, wallets and resting orders as records."""
    records = {
        "legs": float_legs(pool.legs),
        "beside": float_legs(pool.beside),
        "wallets": _records(pool.wallets, WALLET_RECORD),
        "rests": _records(pool.rests, REST_RECORD),
        "asks": _records(pool.asks, RESTING_RECORD),
    }
    fields = {name: _plain(value) for name, value in pool._asdict().items() if name not in records}
    return Pool(**fields, **cast("dict[str, Any]", records))


def _plain(value: Decimal | float | bool | Sequence[Decimal]) -> Any:
    """A field of a record: truths and counts as they are, amounts as float, bracket columns padded."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (tuple, list)):
        assert len(value) <= ROWS, f"{len(value)} bracket rows, room for {ROWS}"
        return [float(x) for x in value] + [0.0] * (ROWS - len(value))
    return value
