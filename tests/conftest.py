"""Hypothesis profiles, and the Decimal context of the test programs: wide, so that tests may add and compare, and not the one
that results are computed in.

A failing example prints a blob that replays it. The usual profile looks at the same examples each time and leaves them as they
are found; HYPOTHESIS_PROFILE=long looks for new ones, and makes them small, which takes minutes."""

import decimal
import os

from hypothesis import HealthCheck, Phase, settings

decimal.getcontext().prec = 80
decimal.DefaultContext.prec = 80

ALWAYS = {
    "deadline": None,
    "report_multiple_bugs": False,  # a law that a venue is exempt from fails by an AssertionError, not by a group of them
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
}
AS_FOUND = (Phase.explicit, Phase.generate)
settings.register_profile("ci", max_examples=60, derandomize=True, phases=AS_FOUND, **ALWAYS)
settings.register_profile("long", max_examples=1500, **ALWAYS)
settings.register_profile("quick", max_examples=10, phases=AS_FOUND, **ALWAYS)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
