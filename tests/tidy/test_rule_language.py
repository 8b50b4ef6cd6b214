"""Rules are written in the rule language and in nothing else; and the reader that says so notices each forbidden thing."""

from pathlib import Path

import pytest
from rule_language import offences

RULES = Path(__file__).parents[2] / "src" / "plimsoll" / "rules"
RULE_FILES = [RULES / "common.py", *sorted(RULES.glob("*/*formulas.py")), *sorted(RULES.glob("*/*procedure.py"))]

GOOD = '''
"""A module."""
from collections.abc import Sequence
from typing import NamedTuple
from plimsoll.number import N, zero
from plimsoll.rules.columns import Leg
__all__ = ["f"]
class Reading(NamedTuple):
    """A record."""
    order: int
def g(x: N) -> tuple[N, N]:
    """Two."""
    return x, -x
def f(legs: Sequence[Leg[N]], x: N) -> N:
    """A rule."""
    total = zero(x)
    for i in range(1, len(legs)):
        if legs[i].amount <= 0 or not legs[i].isolated:
            continue
        total += max(legs[i].amount, x / 2) * 3
    while total > x:
        total -= 1
        if total == x:
            break
    a, b = g(total)
    return min(abs(a), b)
'''
BODIES = {
    "float constant": "return x * 0.5",
    "str constant": 'return "text"',
    "NoneType constant": "return None",
    "FloorDiv": "return x // 2",
    "Mod": "return x % 2",
    "Pow": "return x ** 2",
    "call of round": "return round(x)",
    "call of float": "return float(x)",
    "call of Decimal": "return Decimal(x)",
    "call of sum": "return sum(x)",
    "call of print": "y = print(x)",
    "call of open": "y = open(x)",
    "call of x.sqrt": "return x.sqrt()",
    "call of math.floor": "return math.floor(x)",
    "call of time.time": "return time.time()",
    "keyword argument": "return max(x, key=x)",
    "Dict": "return {1: x}",
    "Set": "return {x}",
    "List": "return [x]",
    "ListComp": "return [y for y in x]",
    "GeneratorExp": "return max(y for y in x)",
    "DictComp": "return {y: y for y in x}",
    "JoinedStr": 'return f"{x}"',
    "Lambda": "return lambda: x",
    "IfExp": "return x if x > 0 else -x",
    "NamedExpr": "return (y := x)",
    "Starred": "return max(*x)",
    "Is": "return x is x",
    "In": "return x in x",
    "BitAnd": "return x & x",
    "Invert": "return ~x",
    "Try": "try:\n        return x\n    except ValueError:\n        return x",
    "Raise": "raise x",
    "Assert": "assert x",
    "With": "with x:\n        return x",
    "Global": "global y",
    "Nonlocal": "nonlocal y",
    "Import": "import math",
    "ImportFrom": "from math import floor",
    "FunctionDef": "def g(): return x",
    "ClassDef": "class A: pass",
    "Delete": "del x",
    "Match": "match x:\n        case 1: return x",
    "Pass": "pass",
    "Expr": "x",
    "AnnAssign": "y: int = 1",
    "Await": "return await x",
    "Yield": "y = yield x",
    "loop over something else than range(...)": "for y in x:\n        return y",
    "else of a loop": "for i in range(3):\n        return x\n    else:\n        return x",
    "assignment to Attribute": "x.y = 1",
    "assignment to Subscript": "x[0] = 1",
}
MODULES = {
    "import from math": "from math import floor",
    "import from decimal": "from decimal import Decimal",
    "import from plimsoll.margin.assess": "from plimsoll.margin.assess import assess",
    "import from plimsoll.rules.binance_usdm.people": "from plimsoll.rules.binance_usdm.people import UNIT",
    "import of number.parse": "from plimsoll.number import parse",
    "import of number.ZERO": "from plimsoll.number import ZERO",
    "Import outside of functions": "import math",
    "Assign outside of functions": "RATE = 5",
    "If outside of functions": "if 1:\n    pass",
    "AsyncFunctionDef outside of functions": "async def f(x): return x",
    "decorator": "@cache\ndef f(x):\n    return x",
    "argument that is not plain": "def f(x=1):\n    return x",
    "class A is not a NamedTuple": "class A:\n    x: int",
    "FunctionDef in a record": "class A(NamedTuple):\n    def f(self): return 1",
    "AnnAssign in a record": "class A(NamedTuple):\n    x: int = 1",
}


@pytest.mark.parametrize("path", RULE_FILES, ids=[str(path.relative_to(RULES)) for path in RULE_FILES])
def test_rules_are_written_in_the_rule_language(path: Path) -> None:
    assert offences(path.read_text(encoding="utf-8")) == []


def test_the_rule_language_is_large_enough_to_say_something() -> None:
    assert offences(GOOD) == []


@pytest.mark.parametrize("what", BODIES)
def test_what_the_rule_language_lacks_is_noticed_in_a_function(what: str) -> None:
    assert [offence.partition(": ")[2] for offence in offences(f"def f(x):\n    {BODIES[what]}\n")][:1] == [what]


@pytest.mark.parametrize("what", MODULES)
def test_what_the_rule_language_lacks_is_noticed_in_a_module(what: str) -> None:
    assert [offence.partition(": ")[2] for offence in offences(MODULES[what] + "\n")][:1] == [what]


def test_an_offence_deep_inside_is_found_with_its_line() -> None:
    deep = GOOD.replace("total -= 1", "total -= max(1, legs[0].amount * 0.1)")
    assert offences(deep) == ["line 22: float constant"]
