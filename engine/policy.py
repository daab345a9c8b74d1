"""What counts as in time: the targets that the engine holds each contact against, by channel.

Settings only, frozen and checked when made; the defaults are those of the catalogue of commitments.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from engine.columns import Combinations
from engine.errors import InvalidSetting
from engine.events import DIMENSIONS
from engine.times import MINUTE_US, SECOND_US

__all__ = ["LIMITS", "NO_LIMIT_US", "Limits", "Policy"]

#: The limits, in the order of their table: first those that are deadlines.
LIMITS = ("wait_us", "first_reply_us", "target_us", "short_us")
#: A limit that is never reached.
NO_LIMIT_US = 2**62
_CHANNEL = DIMENSIONS.index("channel")


@dataclass(frozen=True)
class Policy:
    """Limits in microseconds, by channel where a mapping; a channel that is not listed has the limit under `""`, or none.

    `target_us`: a wait up to this is in target, for the service level (C10). `short_us`: an abandonment up to this is
    short. `wait_us`: a longer wait is a breach (C3 for the phone, C6 elsewhere). `first_reply_us`: a customer who has
    written, waits for a person or has one, and gets no person's reply for longer is a breach (C1).
    """

    target_us: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({"": 20 * SECOND_US}))
    short_us: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({"": 5 * SECOND_US}))
    wait_us: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType({"phone": 30 * SECOND_US, "": 5 * MINUTE_US})
    )
    first_reply_us: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType(dict.fromkeys(("app", "wechat", "web"), 60 * SECOND_US))
    )
    service_level: str = "answered_of_ended"

    def __post_init__(self) -> None:
        for name in LIMITS:
            for channel, limit_us in getattr(self, name).items():
                if limit_us <= 0:
                    raise InvalidSetting(
                        f"{name} of channel {channel!r} is {limit_us}: a limit must be above zero; leave the channel out for none"
                    )


class Limits:
    """The policy's limits by combination, int64 microseconds, `NO_LIMIT_US` where there is none; grows with the table.

    `table_us` (limits, combinations): a row for each of `LIMITS`.
    """

    def __init__(self, policy: Policy, combinations: Combinations) -> None:
        self.policy = policy
        self.combinations = combinations
        self.table_us = np.empty((len(LIMITS), 0), np.int64)

    def refresh(self) -> None:
        """Covers the combinations that are new since the last call."""
        known = self.table_us.shape[1]
        codes = self.combinations.values[known : len(self.combinations), _CHANNEL].tolist()
        if codes:
            channels = [self.combinations.names[_CHANNEL].texts[code] for code in codes]
            new = np.stack([_by_channel(getattr(self.policy, name), channels) for name in LIMITS])
            self.table_us = np.concatenate((self.table_us, new), axis=1)


def _by_channel(limits: Mapping[str, int], channels: list[str]) -> NDArray[np.int64]:
    default = limits.get("", NO_LIMIT_US)
    return np.array([limits.get(channel, default) for channel in channels], np.int64)
