"""How many examples hypothesis draws: the same ones every time in the normal run, more and others on request."""

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = os.environ.get("FLOORWATCH_EXAMPLES")

settings.register_profile(
    "engine",
    max_examples=int(_EXAMPLES or 20),
    derandomize=_EXAMPLES is None,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("engine")
