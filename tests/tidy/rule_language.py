"""The rule language: what may stand in a rule function, so that one text runs on Decimal, Fraction and compiled float64.

`offences` reads a module's syntax tree and names everything that is not on the list below. What is not listed is forbidden.
"""

import ast
from collections.abc import Iterator

BUILTINS = {"abs", "min", "max", "len", "range"}
STEPS = {"N", "zero", "floor_to", "ceil_to", "half_up_to"}
IMPORTS = {"typing", "collections.abc"}
RULE_MODULES = {"columns", "common", "formulas", "procedure"}
STATEMENTS = (
    ast.FunctionDef, ast.Return, ast.Assign, ast.AugAssign, ast.If, ast.For, ast.While, ast.Continue, ast.Break,
)  # fmt: skip
EXPRESSIONS = (
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Constant, ast.Name, ast.Attribute, ast.Subscript,
    ast.Slice, ast.Tuple,
)  # fmt: skip
OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.USub, ast.Not, ast.And, ast.Or, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq,
    ast.NotEq,
)  # fmt: skip


def offences(source: str) -> list[str]:
    """`line N: what` for everything in a rule module that the rule language does not have."""
    tree = ast.parse(source)
    callable_names = BUILTINS | _known(tree)
    return [f"line {line}: {what}" for line, what in _module(tree, callable_names)]


def _known(tree: ast.Module) -> set[str]:
    """Names that may be called: functions and records of this module, and what it imports."""
    own = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    imported = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return own | {alias.asname or alias.name for alias in imported}


def _module(tree: ast.Module, known: set[str]) -> Iterator[tuple[int, str]]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from _import(node)
        elif isinstance(node, ast.ClassDef):
            yield from _record(node)
        elif isinstance(node, ast.FunctionDef):
            yield from _function(node, known)
        elif not _is_text(node) and not _is_export_list(node):
            yield node.lineno, f"{type(node).__name__} outside of functions"


def _import(node: ast.ImportFrom) -> Iterator[tuple[int, str]]:
    module = node.module or ""
    names = {alias.name for alias in node.names}
    if module == "plimsoll.number":
        for name in sorted(names - STEPS):
            yield node.lineno, f"import of number.{name}"
    elif module.startswith("plimsoll.rules."):
        if module.rpartition(".")[2].rpartition("_")[2] not in RULE_MODULES:
            yield node.lineno, f"import from {module}"
    elif module not in IMPORTS:
        yield node.lineno, f"import from {module}"


def _record(node: ast.ClassDef) -> Iterator[tuple[int, str]]:
    if [ast.unparse(base) for base in node.bases][:1] != ["NamedTuple"] or node.decorator_list:
        yield node.lineno, f"class {node.name} is not a NamedTuple"
    for item in node.body:
        if not _is_text(item) and not (isinstance(item, ast.AnnAssign) and item.value is None):
            yield item.lineno, f"{type(item).__name__} in a record"


def _function(node: ast.FunctionDef, known: set[str]) -> Iterator[tuple[int, str]]:
    taken = node.args
    if node.decorator_list:
        yield node.lineno, "decorator"
    if taken.vararg or taken.kwarg or taken.defaults or taken.kwonlyargs:
        yield node.lineno, "argument that is not plain"
    body = node.body[1:] if _is_text(node.body[0]) else node.body
    for statement in body:
        yield from _statement(statement, known)


def _statement(node: ast.stmt, known: set[str]) -> Iterator[tuple[int, str]]:
    if not isinstance(node, STATEMENTS) or isinstance(node, ast.FunctionDef):
        yield node.lineno, type(node).__name__
        return
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _target(target)
    elif isinstance(node, ast.AugAssign):
        yield from _target(node.target)
        if not isinstance(node.op, OPERATORS):
            yield node.lineno, type(node.op).__name__
    elif isinstance(node, ast.For):
        yield from _target(node.target)
        if not (isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name) and node.iter.func.id == "range"):
            yield node.lineno, "loop over something else than range(...)"
    if isinstance(node, (ast.For, ast.While)) and node.orelse:
        yield node.lineno, "else of a loop"
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield from _statement(child, known)
        elif isinstance(child, ast.expr):
            yield from _expression(child, known)


def _target(node: ast.expr) -> Iterator[tuple[int, str]]:
    """Only names are set, alone or several at once: records and columns are never changed."""
    names = node.elts if isinstance(node, ast.Tuple) else [node]
    for name in names:
        if not isinstance(name, ast.Name):
            yield node.lineno, f"assignment to {type(name).__name__}"


def _expression(node: ast.expr, known: set[str]) -> Iterator[tuple[int, str]]:
    if not isinstance(node, EXPRESSIONS):
        yield node.lineno, type(node).__name__
        return
    if isinstance(node, ast.Constant) and type(node.value) not in (int, bool):
        yield node.lineno, f"{type(node.value).__name__} constant"
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in known:
            yield node.lineno, f"call of {ast.unparse(node.func)}"
        if node.keywords:
            yield node.lineno, "keyword argument"
    operators = [getattr(node, "op", None), *getattr(node, "ops", [])]
    for operator in operators:
        if operator is not None and not isinstance(operator, OPERATORS):
            yield node.lineno, type(operator).__name__
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _expression(child, known)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_export_list(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
