"""The rules as machine code: the text that the exact engine runs on Decimal, compiled for float64. No rule stands here.

Code is kept on disk under a build digest only (`keep`): numba's own cache does not notice that an imported rule file
changed and would go on serving the old rules. `fastmath` is off, so that sums keep their order and products are not
fused. Division follows Python: a zero divisor raises as it does on Decimal. Rules guard their divisors, so this never
happens in a correct rule; an infinity that quietly wins a comparison would be worse than the branch it saves.

Legs and markets become arrays of records, so that one compilation serves any number of either; the records that rules
themselves make and return become named tuples of the same fields, which numba knows how to build.
"""

import importlib
import inspect
import platform
from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cache, wraps
from hashlib import sha256
from itertools import chain
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple, TypeVar, cast

import llvmlite
import msgspec
import numba
import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.extending import intrinsic, overload, register_jitable, typeof_impl

from plimsoll import number
from plimsoll.array import parts
from plimsoll.law import law_modules, law_text
from plimsoll.rulebook import rules_of
from plimsoll.rules import common
from plimsoll.rules.columns import Leg, Market, Pool, PoolMargin, Step

parts.begin()

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
F = TypeVar("F", bound=Callable[..., Any])

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
        ("since", np.float64),
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
        ("spot", np.bool_),
        ("terms", np.float64, (ROWS,)),
        ("quote_floors", np.float64, (ROWS,)),
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
        ("loans_by_value", np.bool_),
        ("by_worth", np.bool_),
        ("repayment_rate", np.float64),
        ("lends", np.bool_),
        ("restricted", np.bool_),
        ("outside_initial", np.float64),
        ("outside_maintenance", np.float64),
        ("outside_fee", np.float64),
        ("dearer", np.float64),
        ("sold", np.float64),
        ("bought", np.float64),
        ("exchanged_below", np.float64),
        ("is_base", np.bool_),
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
        ("isolated", np.bool_),
        ("tier", np.float64),
        ("base", np.int64),
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


LAYOUTS: Final = ("plimsoll.array.desk", "plimsoll.array.models", "plimsoll.rules.columns")
"""Modules whose records and constants machine code has taken in as places and numbers."""


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
    return cast("Callable[..., Any]", numba.njit(error_model=ERROR_MODEL)(_text(name, rule)))


@cache
def rule_part(name: str, rule: str) -> Callable[..., Any]:
    """As `compile_rule`, for kernels to take as an argument: it becomes a part of the kernel, which then makes only what it
    uses of the answer and hands over no columns. Half the time of a small rule."""
    return cast("Callable[..., Any]", numba.njit(error_model=ERROR_MODEL, forceinline=True)(_text(name, rule)))


def _text(name: str, rule: str) -> Callable[..., Any]:
    """A function of a rulebook as it is written, once compiled code may call all that it calls."""
    rules = rules_of(name)
    written = (rule_functions(module) for module in (common.__name__, *law_modules(rules)))
    for function in (*STEPS_OF_NUMBER, *chain.from_iterable(written)):
        _register(function)
    _replace_steps()
    return cast("Callable[..., Any]", getattr(rules, rule))


def rule_functions(module: str) -> tuple[FunctionType, ...]:
    """The rule functions written in a module."""
    found = importlib.import_module(module)
    return tuple(f for _, f in inspect.getmembers(found, inspect.isfunction) if f.__module__ == module)


def kernel(function: F) -> F:
    """A function of the array engine as machine code that lets go of the interpreter lock. It may call compiled rules that it
    is given as arguments."""
    return cast("F", numba.njit(error_model=ERROR_MODEL, nogil=True)(function))


def part(function: F) -> F:
    """A function that becomes a part of each kernel that calls it."""
    return cast("F", numba.njit(error_model=ERROR_MODEL, nogil=True, forceinline=True)(function))


def _lent(_typing: Any, array: Any) -> Any:
    def same_place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        view.meminfo = view.meminfo.type(None)
        view.parent = view.parent.type(None)
        return view._getvalue()

    return array(array), same_place


lent = cast("Callable[[Any], Any]", intrinsic(_lent))
"""In compiled code: the same array without a share in owning it. Rules take their columns by value, and each taking would
count an owner up and down, which no other core may do at that time: 130 ns of an `assess_pool` of one leg are 20 without. For
columns that a kernel was given and that its caller holds on to; never for one that the kernel made and returns."""


@cache
def twin(kind: type[msgspec.Struct]) -> type[Any]:
    """What compiled code knows a record of `rules.columns` by: a named tuple of the same fields."""
    return namedtuple(kind.__name__, kind.__struct_fields__, defaults=kind.__struct_defaults__, module=kind.__module__)


@typeof_impl.register(type(msgspec.Struct))
def _type_of_record(kind: type[msgspec.Struct], _context: object) -> Any:
    """What numba takes the name of a record in a rule or a kernel for: its twin, which it can build."""
    return numba.types.NamedTupleClass(twin(kind))


_NO_WAY_IN: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_ENTERED: Any = cast("Any", numba).njit(error_model="numpy", nogil=True, _nrt=True, no_cfunc_wrapper=True)
_OWNING: Any = cast("Any", numba).njit(error_model="numpy", nogil=True, _nrt=True, **_NO_WAY_IN)
_UNOWNED: Any = cast("Any", numba).njit(error_model="numpy", nogil=True, _nrt=False, **_NO_WAY_IN)
"""Without counting owners a rule's call costs its arithmetic: a step of three legs takes 15 ns, and 29 with. What only kernels
call needs no way in from Python, which takes long to make for tuples of columns: `bound` makes one for what it is asked for."""

_WRITTEN_IN: Any = cast("Any", numba).njit(error_model="numpy", nogil=True, _nrt=False, forceinline=True, **_NO_WAY_IN)
WRITTEN_IN: Final = {"assess_bare": "assess_pool"}
"""Another name for a rule in a kernel: there it is no call but part of the loop, and what the loop knows (no wallets) spares
the rest of it. Three legs of a rulebook with accounts of many assets take 13 ns instead of 28."""


def owning(function: F) -> F:
    """A kernel text that Python calls, that makes columns, or that hands over some that have owners. All others are compiled
    without counting owners: they may only be given columns that are `lent`, or that their caller holds on to, and return none
    of their own."""
    function.owns = True  # type: ignore[attr-defined]
    return function


def folded(function: F) -> F:
    """A kernel text that is written into its caller: for what is called once a lane with all the columns there are, which to
    hand over takes longer than the work."""
    function.folds = True  # type: ignore[attr-defined]
    return function


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


@cache
def fast_rule(name: str, rule: str) -> Callable[..., Any]:
    """A rule for inner loops, where a division that could raise is a wall to the optimiser: here a zero divisor gives an
    infinity, as in C, and the caller must look whether a result is finite. The same text, all that it calls with it. What
    `WRITTEN_IN` names is the rule written into the loop that calls it."""
    function = getattr(rules_of(name), WRITTEN_IN.get(rule, rule))
    return cast("Callable[..., Any]", _WRITTEN_IN(_anew(function)) if rule in WRITTEN_IN else _fast(function))


@cache
def _fast(function: FunctionType) -> Any:
    """A rule function and all that it calls, each compiled once, whoever calls it."""
    return _UNOWNED(_anew(function))


def _anew(function: FunctionType) -> FunctionType:
    """The text of a rule function, over names in which the rule functions that it calls are those of `_fast`."""
    space, text = dict(function.__globals__), ANY_TYPE.get(function, function).__code__
    for name in text.co_names:
        other = space.get(name)
        if inspect.isfunction(other) and other is not function:
            space[name] = _fast(other)
    return FunctionType(text, space, function.__name__, function.__defaults__)


@cache
def bound(name: str | None, modules: tuple[ModuleType, ...], entry: str, folder: str = "") -> Callable[..., Any]:
    """The function `entry` of kernel modules, compiled together with the rules of one venue product: every function of these
    modules is compiled anew over names of its own, in which the rules' names mean this venue's (`name` None: it asks for none).
    Runs without the GIL. `folder`: as in `keep`."""
    space = _space(name, modules)
    text = next(f for module in modules for f in rule_functions(module.__name__) if f.__name__ == entry)
    found = _ENTERED(FunctionType(text.__code__, space, text.__name__, text.__defaults__))
    keep(found, build_digest(name, modules), folder)
    return cast("Callable[..., Any]", found)


@cache
def _space(name: str | None, modules: tuple[ModuleType, ...]) -> dict[str, Any]:
    """The names of kernel modules with one venue's rules among them: one for all entries, so that none is compiled twice."""
    space: dict[str, Any] = {}
    for module in modules:
        own = vars(module)
        other = [name for name in own if not name.startswith("__") and space.get(name, own[name]) is not own[name]]
        assert not other, f"{module.__name__} means something else by {', '.join(other)}"
        space |= own
    if name is not None:
        wanted = {r for module in modules for r in module.__annotations__ if hasattr(rules_of(name), WRITTEN_IN.get(r, r))}
        space |= {rule: fast_rule(name, rule) for rule in wanted}
    space |= {step.__name__: _UNOWNED(step) for step in STEPS_OF_NUMBER if space.get(step.__name__) is step}
    for function in (f for module in modules for f in rule_functions(module.__name__)):
        fresh = FunctionType(function.__code__, space, function.__name__, function.__defaults__)
        made = _OWNING if hasattr(function, "owns") else _WRITTEN_IN if hasattr(function, "folds") else _UNOWNED
        space[function.__name__] = made(fresh)
    return space


def keep(kernel: Any, digest: str, folder: str) -> None:
    """Let a kernel's machine code be kept on disk, in a place of its own for each build digest, so that code of another text is
    never taken for this one's (numba itself looks at one file only). `folder` '': nothing is kept. Before its first call."""
    if not folder or kernel.signatures:
        return
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = f"{folder}/{digest[:24]}"
    try:
        kernel.enable_caching()
    finally:
        settings.CACHE_DIR = before


@cache
def build_digest(name: str | None, modules: tuple[ModuleType, ...]) -> str:
    """SHA-256 over all that machine code is made of: the rules' text, the kernels', numba and Python."""
    made_of = [numba.__version__, llvmlite.__version__, platform.python_version()]
    made_of += [] if name is None else [name, law_text(name)]
    laid = [importlib.import_module(module) for module in (__name__, parts.__name__, *LAYOUTS)]
    made_of += [inspect.getsource(module) for module in (*_sources(modules), *laid)]
    return sha256("\n".join(made_of).encode()).hexdigest()


def _sources(modules: Iterable[ModuleType]) -> tuple[ModuleType, ...]:
    """Modules and all whose kernels they call, in the order found."""
    found = list(modules)
    for module in found:
        for value in vars(module).values():
            python = inspect.getmodule(value.py_func) if isinstance(value, Dispatcher) else None
            if python is not None and python not in found:
                found.append(python)
    return tuple(found)


def float_column(numbers: Sequence[Decimal]) -> Column:
    """Marks or fills as float64, each rounded once, to the nearest."""
    return np.array([float(x) for x in numbers], dtype=np.float64)


def float_legs(legs: Sequence[Leg[Decimal]]) -> Column:
    """Legs as records, in the order given."""
    return records_of(legs, LEG_RECORD)


def float_markets(markets: Sequence[Market[Decimal]]) -> Column:
    """Markets as records; bracket columns are padded with zeros. Asserts that the rows fit."""
    return records_of(markets, MARKET_RECORD)


def records_of(rows: Sequence[msgspec.Struct], kind: np.dtype[Any]) -> Column:
    """Rows as records of that kind, in the order given; none gives an empty column."""
    return np.array([tuple(_plain(x) for x in msgspec.structs.astuple(row)) for row in rows], dtype=kind)


def float_pool(pool: Pool[Decimal]) -> Pool[float]:
    """A pool for compiled rules: numbers as float64; legs, wallets and resting orders as records."""
    records = {
        "legs": float_legs(pool.legs),
        "beside": float_legs(pool.beside),
        "wallets": records_of(pool.wallets, WALLET_RECORD),
        "rests": records_of(pool.rests, REST_RECORD),
        "asks": records_of(pool.asks, RESTING_RECORD),
    }
    fields = {name: _plain(getattr(pool, name)) for name in pool.__struct_fields__ if name not in records}
    return cast("Pool[float]", twin(Pool)(**fields, **records))


def _plain(value: Decimal | float | bool | Sequence[Decimal]) -> Any:
    """A field of a record: truths and counts as they are, amounts as float, bracket columns padded."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (tuple, list)):
        assert len(value) <= ROWS, f"{len(value)} bracket rows, room for {ROWS}"
        return [float(x) for x in value] + [0.0] * (ROWS - len(value))
    return value
