"""How fast messages may go out by a channel, and what becomes one message when there are more.

Owns the allowance and the merging. Never sends, never drops. Law: in any 60 seconds a channel carries at most `per_minute` deliveries, and
no message waits longer than two minutes' share of one for its turn: half of the allowance is there at once, half comes evenly.
"""

from collections.abc import Sequence
from typing import TypeVar

from engine.times import MINUTE_US

__all__ = ["Allowance", "portions"]

Item = TypeVar("Item")
#: Messages of one delivery; the rest waits for the next one.
MERGED_MAX = 200


class Allowance:
    """Deliveries that a channel may still carry. At first and in all: half of `per_minute`, at least one."""

    def __init__(self, per_minute: int, now_us: int, sent: int = 0) -> None:
        self.most = max(per_minute // 2, 1)
        self.every_us = MINUTE_US // max(per_minute - self.most, 1) + 1
        if per_minute == 1:
            self.every_us = MINUTE_US + 1
        self._full_us = now_us + sent * self.every_us
        """When all of it would be there again: each delivery puts it off."""

    def left(self, now_us: int) -> int:
        """How many may go now."""
        missing = -(-max(self._full_us - now_us, 0) // self.every_us)
        return max(self.most - missing, 0)

    def take(self, now_us: int) -> None:
        """One has gone."""
        self._full_us = max(self._full_us, now_us) + self.every_us

    def next_us(self, now_us: int) -> int:
        """When one may go."""
        return now_us if self.left(now_us) else self._full_us - (self.most - 1) * self.every_us

    def shift(self, by_us: int) -> None:
        """Moves with a clock that was set back."""
        self._full_us += by_us


def portions(waiting: Sequence[Item], left: int) -> list[list[Item]]:
    """What goes now, each list as one delivery: one by one while there is plenty, all together when there is not."""
    if not waiting or not left:
        return []
    if len(waiting) <= max(left // 2, 1):
        return [[item] for item in waiting]
    return [list(waiting[:MERGED_MAX])]
