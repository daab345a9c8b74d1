"""Who is planned to be there: `staffing.planned` as it was sent, by queue and interval.

Owns the plan that is in force and the file in which it outlives the process. Never counts who is there. Law: of an interval the last plan that was sent holds; what is over
is forgotten, and of more than `PLANNED_MAX` intervals those that lie farthest ahead, which is counted.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.capacity.outlook import AHEAD
from engine.events import Decoded, kind
from engine.times import HOUR_US, MINUTE_US, parse_times

__all__ = ["PLANNED_MAX", "Planned"]

PLANNED_MAX = 200_000
_LENGTH_US_MAX = 24 * HOUR_US
_KIND = kind("staffing.planned")


class _Interval(msgspec.Struct, array_like=True):
    queue: str
    start_us: int
    end_us: int
    agents: float


class Planned:
    """`take` what comes in, in any order and any number of times; ask for `people` and `ahead`."""

    def __init__(self) -> None:
        self.forgotten = 0
        self._of: dict[str, dict[int, _Interval]] = {}
        self._count = 0

    def take(self, decoded: Decoded) -> None:
        """The plans among some events."""
        rows = np.flatnonzero(decoded.kinds == _KIND).tolist()
        for row in rows:
            told = decoded.details.get(row)
            if told is None or not told.queue or None in (told.agents, told.interval_start, told.interval_end):
                continue
            start_us, end_us = (int(at) for at in parse_times([told.interval_start or 0, told.interval_end or 0]))
            if 0 < end_us - start_us <= _LENGTH_US_MAX:
                self._put(_Interval(told.queue, start_us, end_us, told.agents or 0.0))
        if rows and self._count > PLANNED_MAX:
            self._cut()

    def people(self, queue: str, at_us: int) -> float | None:
        """Those planned at an instant; None where nobody said."""
        for one in self._near(queue, at_us):
            if one.start_us <= at_us < one.end_us:
                return one.agents
        return None

    def ahead(self, queues: list[str], at_us: int) -> NDArray[np.float64]:
        """(queues, `AHEAD`) people planned in the minutes behind an instant, by those planned at it; NaN where nobody said."""
        found = np.full((len(queues), AHEAD), np.nan)
        for row, queue in enumerate(queues):
            now = self.people(queue, at_us) if queue in self._of else None
            if now:
                for minute in range(AHEAD):
                    then = self.people(queue, at_us + minute * MINUTE_US)
                    if then is not None:
                        found[row, minute] = then / now
        return found

    def forget(self, at_us: int) -> None:
        """What ended an hour before an instant, or longer."""
        for queue, intervals in list(self._of.items()):
            for start_us in [start for start, one in intervals.items() if one.end_us < at_us - HOUR_US]:
                del intervals[start_us]
                self._count -= 1
            if not intervals:
                del self._of[queue]

    def save(self, path: Path) -> None:
        """Into a file, as a whole; one that cannot be written is only missing after the next start."""
        rows = [one for intervals in self._of.values() for one in intervals.values()]
        beside = path.with_suffix(".new")
        with contextlib.suppress(OSError):
            beside.write_bytes(msgspec.msgpack.encode(rows))
            beside.replace(path)

    def load(self, path: Path) -> None:
        """What a file has, if it is whole; who plans sends it again."""
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            for one in msgspec.msgpack.decode(path.read_bytes(), type=list[_Interval]):
                self._put(one)

    def _put(self, one: _Interval) -> None:
        intervals = self._of.setdefault(one.queue, {})
        self._count += one.start_us not in intervals
        intervals[one.start_us] = one

    def _near(self, queue: str, at_us: int) -> list[_Interval]:
        intervals = self._of.get(queue, {})
        # Plans lie on quarters of an hour nearly always: those are looked up, the rest is searched.
        first = at_us // (15 * MINUTE_US) * 15 * MINUTE_US
        for back in range(4):
            one = intervals.get(first - back * 15 * MINUTE_US)
            if one is not None and one.end_us > at_us:
                return [one]
        return list(intervals.values())

    def _cut(self) -> None:
        rows = sorted(
            (one for intervals in self._of.values() for one in intervals.values()), key=lambda one: one.start_us
        )
        self.forgotten += len(rows) - PLANNED_MAX
        self._of, self._count = {}, 0
        for one in rows[:PLANNED_MAX]:
            self._put(one)
