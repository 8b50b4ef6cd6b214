"""Which text is the law of a rulebook, and its digest: by which journals and studies know their rules."""

import ast
import importlib
import inspect
import pkgutil
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any

import msgspec

import plimsoll.rules
from plimsoll.number import ceil_of, ceil_to, floor_of, floor_to, half_up_of, half_up_to, show, zero
from plimsoll.rulebook import Rulebook, rules_of
from plimsoll.rules import columns, common, usual
from plimsoll.rules.interface import Rules


def law_digest(rulebook: Rulebook) -> str:
    """SHA-256 over what decides: the rules' text without comments and docstrings, the instruments, the readings.

    Equal numbers written differently (1 and 1.0) give the same digest; needs the rules' source files."""
    facts = [_plain(rulebook.instruments[symbol]) for symbol in sorted(rulebook.instruments)]
    chosen = [f"{name}={rulebook.readings[name]}" for name in sorted(rulebook.readings)]
    chosen += [f"{asset}={_plain(rulebook.coins[asset])}" for asset in sorted(rulebook.coins)]
    chosen += [f"{name}={rulebook.regimes[name]}" for name in sorted(rulebook.regimes)]
    return sha256("\n".join([law_text(rulebook.name), *facts, *chosen]).encode()).hexdigest()


STEPS = (zero, floor_to, ceil_to, half_up_to, floor_of, ceil_of, half_up_of)
SHARED_LAW: tuple[Any, ...] = (common, columns, *STEPS)


@cache
def law_text(name: str) -> str:
    """The bare rule text of a rulebook: its modules of rules, what venues share, the rounding steps."""
    own = [importlib.import_module(module) for module in law_modules(rules_of(name))]
    return "\n".join(_bare(inspect.getsource(item)) for item in (*own, *SHARED_LAW))


def law_modules(rules: Rules) -> tuple[str, ...]:
    """The modules that a rulebook's rules are written in, sorted: its own, those of a sister product whose text it takes by
    name, and what these take in turn. Not the ones for people, not `common`."""
    package = importlib.import_module(rules.__name__)
    waiting = [f"{rules.__name__}.{part.name}" for part in pkgutil.iter_modules(package.__path__)]
    waiting += [item.__module__ for item in vars(rules).values() if inspect.isfunction(item)]
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in (*found, common.__name__, usual.__name__) or module.endswith(".people"):
            continue
        found.add(module)
        taken = (item for item in vars(importlib.import_module(module)).values() if inspect.isfunction(item))
        waiting += [item.__module__ for item in taken if item.__module__.startswith(f"{plimsoll.rules.__name__}.")]
    return tuple(sorted(found - {rules.__name__}))


def _bare(source: str) -> str:
    """Source without comments, layout and docstrings. Unparsed, because a dump differs between Python versions."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
            node.body = [item for item in node.body if not _is_text(item)]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _plain(value: object) -> str:
    """One line of text for frozen data, numbers in their shortest form."""
    if isinstance(value, msgspec.Struct):
        return f"({' '.join(_plain(field) for field in msgspec.structs.astuple(value))})"
    if isinstance(value, tuple):
        return f"[{' '.join(_plain(item) for item in value)}]"
    return show(value) if isinstance(value, Decimal) else repr(value)
