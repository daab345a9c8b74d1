"""What a running Floorwatch keeps of the floor: the same on one machine and on a cluster, or figures would not be comparable.

Owns the engine's settings of the live roles. Never reads a file or an option.
"""

from engine.pipeline import Settings
from engine.policy import Policy
from engine.times import HOUR_US, MINUTE_US
from engine.windows import Spec

__all__ = ["ROLLUPS", "live_settings"]

WINDOW_US = 15 * MINUTE_US
WINDOW_STEP_US = MINUTE_US
RETENTION_US = 25 * HOUR_US
LINGER_US = 24 * HOUR_US
LATENESS_US = 15 * MINUTE_US
BATCH_ROWS = 1 << 18
"""The tick processes what is due; cutting by rows as well would go over the rows held for disorder again and again."""
ROLLUPS = ((), ("queue",), ("tenant", "channel"), ("tenant",), ("category", "region"))
"""By tenant is what a reader of one shop is given as the whole; by category and region is for the map of trends."""


def live_settings(policy: Policy, disorder_bound_us: int) -> Settings:
    return Settings(
        rollups=ROLLUPS,
        policy=policy,
        windows=(Spec(WINDOW_US, WINDOW_STEP_US),),
        disorder_bound_us=disorder_bound_us,
        retention_us=RETENTION_US,
        linger_us=LINGER_US,
        allowed_lateness_us=LATENESS_US,
        batch_rows=BATCH_ROWS,
    )
