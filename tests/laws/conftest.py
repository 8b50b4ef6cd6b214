"""A law that a venue is known to break is looked for, and not made small: nobody reads the example, and it takes minutes."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, is_hypothesis_test, settings


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_call(item: Any) -> Iterator[None]:
    if item.get_closest_marker("xfail") is None or not is_hypothesis_test(item.obj):
        yield
        return
    whole = item.obj._hypothesis_internal_use_settings
    item.obj._hypothesis_internal_use_settings = settings(whole, phases=(Phase.explicit, Phase.reuse, Phase.generate))
    yield
    item.obj._hypothesis_internal_use_settings = whole
