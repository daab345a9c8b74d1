"""Which running clocks of contacts end next: what somebody can still save, and what was not saved in time to warn.

Never changes anything. The tiers that come first (catalogue C49) come first here, then the least time left.
"""

from typing import Any

import numpy as np

from engine.clocks import NEVER, UNLIMITED
from engine.events import DIMENSIONS
from engine.policy import CLOCKS
from engine.times import MINUTE_US, SECOND_US

__all__ = ["FIRST_TIERS", "WITHIN_US", "nearest", "tier_rank"]

#: Tiers that come first on every list, the first of them first.
FIRST_TIERS = ("ka", "vip")
#: Clocks that end later than this are not urgent to anybody.
WITHIN_US = 10 * MINUTE_US
_TIER = DIMENSIONS.index("tier")


def tier_rank(tier: str) -> int:
    """0 for the tier that comes first, and so on; the same number for all that come last."""
    return FIRST_TIERS.index(tier) if tier in FIRST_TIERS else len(FIRST_TIERS)


def nearest(engine: Any, as_of_us: int, count: int) -> list[dict[str, Any]]:
    """At most so many contacts, each with the clock that ends next, within `WITHIN_US` from `as_of_us`."""
    contacts, combinations = engine.contacts, engine.combinations
    slots = np.flatnonzero(contacts.soonest_us[: len(contacts.names)] < as_of_us + WITHIN_US)
    if not len(slots):
        return []
    due_us = np.where(contacts.due_us[slots] < UNLIMITED, contacts.due_us[slots], NEVER)
    is_paused = (contacts.lives["paused"][slots][:, None] >> np.arange(len(CLOCKS)) & 1).astype(np.bool_)
    due_us[is_paused] = NEVER
    clocks = due_us.argmin(axis=1)
    ends_us = due_us[np.arange(len(slots)), clocks]
    tiers = np.array([tier_rank(text) for text in combinations.names[_TIER].texts])
    as_ = contacts.lives["combination"][slots]
    ranks = tiers[combinations.values[as_, _TIER]]
    order = np.lexsort((ends_us, ranks))
    found = []
    for row in order[ends_us[order] < as_of_us + WITHIN_US][:count].tolist():
        slot = int(slots[row])
        said = dict(zip(DIMENSIONS, engine.alarms.values(int(as_[row])), strict=True))
        agent = engine.agents.names.texts[int(contacts.lives["agent"][slot])]
        found.append(
            {"contact": contacts.names[slot], "commitment": CLOCKS[int(clocks[row])], "due_us": int(ends_us[row]),
             "left_s": (int(ends_us[row]) - as_of_us) / SECOND_US,
             "warned": bool(contacts.lives["warned"][slot] >> int(clocks[row]) & 1)}
            | {name: text for name, text in (*said.items(), ("agent", agent)) if text}
        )  # fmt: skip
    return found
