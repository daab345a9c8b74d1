"""How much each writer may send: a bucket of events for each set of shops, so that one that floods is slowed alone.

Owns the buckets. Never reads a body: it is told how many lines one had. Law: all tokens for the same shops share a bucket; who may send for all shops has
one only where his token says so. A request is let in while the bucket is not empty and takes what it has, so no single body is too large for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from streams.access import Access

__all__ = ["BURST_S", "Rates"]

#: A bucket that was not used for so long is full: so many seconds' worth of events.
BURST_S = 5


@dataclass(slots=True)
class _Bucket:
    events: float
    at_s: float


class Rates:
    """`wait_s` before a body is read, `spend` when its lines are known. At most as many buckets as there are tokens."""

    def __init__(self, events_a_second: int, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._usual = events_a_second
        self._now_s = now_s
        self._buckets: dict[Hashable, _Bucket] = {}

    def wait_s(self, access: Access) -> int:
        """For how many whole seconds this one should wait, 0 for not at all."""
        rate = self._rate(access)
        if rate is None:
            return 0
        bucket = self._filled(access, rate)
        return 0 if bucket.events > 0 else math.ceil(-bucket.events / rate) + 1

    def spend(self, access: Access, lines: int) -> None:
        """Take what a body had."""
        rate = self._rate(access)
        if rate is not None:
            self._filled(access, rate).events -= max(lines, 1)

    def _rate(self, access: Access) -> int | None:
        return access.rate or (self._usual if access.tenants is not None else None)

    def _filled(self, access: Access, rate: int) -> _Bucket:
        whose: Hashable = access.tenants if access.tenants is not None else access.token_id
        now_s = self._now_s()
        bucket = self._buckets.setdefault(whose, _Bucket(rate * BURST_S, now_s))
        bucket.events = min(bucket.events + (now_s - bucket.at_s) * rate, rate * BURST_S)
        bucket.at_s = now_s
        return bucket
