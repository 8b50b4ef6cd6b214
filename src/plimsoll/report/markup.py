"""Text that is not ours on its way to Rich, which reads words in square brackets as markup: an account's names, a message that
quotes a table's section."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar, cast

import msgspec
from rich.markup import escape

T = TypeVar("T")


def escaped(value: T) -> T:
    """The same record with every text in it escaped, so that Rich prints it as it stands; keys of mappings stay as they are.

    >>> escaped(("add [[loans]] in [dim]", 3))
    ('add [\\\\[loans]] in \\\\[dim]', 3)
    """
    if isinstance(value, str) and not isinstance(value, Enum):
        return cast(T, escape(value))
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return cast(T, tuple([escaped(item) for item in value]))
    if isinstance(value, Mapping):
        return cast(T, {key: escaped(item) for key, item in value.items()})
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return cast(T, msgspec.structs.replace(value, **{name: escaped(getattr(value, name)) for name in names}))
    return value
