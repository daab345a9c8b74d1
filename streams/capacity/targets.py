"""What a policy wants of queues: the share of contacts, and within what, by queue and instant.

Owns how the policy's lines become targets of a plan. Never plans. Law: a sale's own target holds from its first to its last instant, as in the engine.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidSetting
from engine.policy import NO_LIMIT_US, Policy
from engine.times import SECOND_US

__all__ = ["SHARE", "share_of", "within_of"]

#: The share of contacts that is to be answered within the policy's target, where its condition `service_level_low` does not say.
SHARE = 0.8


def share_of(policy: Policy) -> float:
    """The share that the policy wants to be answered in time."""
    for condition in policy.conditions:
        for bound in condition.any_of:
            if (
                bound.measure == "service_level"
                and not bound.is_above
                and bound.form == "figure"
                and 0 < bound.limit < 1
            ):
                return float(bound.limit)
    return SHARE


def within_of(policy: Policy, queues: Sequence[str], starts_us: Sequence[int]) -> NDArray[np.float64]:
    """Seconds (queues, intervals) within which a contact of a queue is to be answered that is known by nothing else, "" for all queues. Raises
    InvalidSetting where the policy does not say."""
    names = [""] * len(starts_us)
    for period in policy.periods:
        for at, start_us in enumerate(starts_us):
            if period.start_us <= start_us < period.end_us:
                names[at] = period.name
    found = np.empty((len(queues), len(starts_us)))
    for row, queue in enumerate(queues):
        by_period = {name: _within_s(policy, queue, name) for name in set(names)}
        found[row] = [by_period[name] for name in names]
    return found


def _within_s(policy: Policy, queue: str, period: str) -> float:
    held = policy.find("target", {"queue": queue, "period": period})
    if held is None or held.limit_us >= NO_LIMIT_US:
        raise InvalidSetting(
            f"the policy has no target for {f'the queue {queue}' if queue else 'everybody'}; give --target"
        )
    return held.limit_us / SECOND_US
