"""Laws that every rulebook must keep, and how a venue declares that it breaks one.

A rulebook may export `EXEMPT: dict[str, tuple[str, str]]`: law -> (key of SOURCES that shows it, the law that holds
instead). A random search need not meet the failure each time, so that an exemption is needed is shown apart, by one fixed
example; the replacing law must be one of those tested here for that venue.
"""

from collections.abc import Callable
from typing import Any

import pytest

from random_accounts import VENUES, rulebook_of

LAWS: set[str] = set()


def exempt_of(venue: str) -> dict[str, tuple[str, str]]:
    declared: dict[str, tuple[str, str]] = getattr(rulebook_of(venue).rules, "EXEMPT", {})
    return declared


def law(test: Callable[..., Any]) -> Callable[..., Any]:
    """Run a test for every rulebook, as the argument `venue`; the law's name is the test's, without `test_`."""
    name = test.__name__.removeprefix("test_")
    LAWS.add(name)
    return pytest.mark.parametrize("venue", [_param(venue, name) for venue in VENUES])(test)


def _param(venue: str, name: str) -> Any:
    if name not in exempt_of(venue):
        return venue
    source, instead = exempt_of(venue)[name]
    reason = f"{venue} is exempt by {source}; instead: {instead}"
    return pytest.param(venue, marks=pytest.mark.xfail(reason=reason, strict=False, raises=AssertionError))
