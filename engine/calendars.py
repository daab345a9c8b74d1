"""The working hours of a policy's limits, laid out for compiled code: when a clock is due that runs in open hours only.

Calendar 0 is around the clock. Of the others the open intervals are laid out as far as instants ask for; before a clock is
started, its instant must be `cover`ed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.compiled import compiled
from engine.hours import LAST_US, Hours, WorkingClock
from engine.keys import Number
from engine.times import DAY_US, EARLIEST_US

__all__ = ["UNLIMITED", "Calendars", "due_at", "is_covered", "worked"]

#: When a clock is due that runs without a limit, or will never have been open for so long.
UNLIMITED = 2**62 - 1

Index = NDArray[np.int64]


class Calendars:
    """`names` in the order of their numbers, "" for around the clock.

    `tables`, all int64: `opens` and `closes` of the calendars' intervals, one calendar behind the other, the working time
    `through` the end of each since its calendar's first, and `spans` (calendars, 4): the first and the last place (exclusive),
    and from and until when a clock may start.
    """

    def __init__(self, hours: Mapping[str, Hours], longest_us: Mapping[str, int]) -> None:
        """`longest_us`: the longest limit that runs by each of the hours."""
        self.names = ("", *sorted(hours))
        self._clocks = [WorkingClock(hours[name]) for name in self.names[1:]]
        self._longest_us = [longest_us.get(name, 1) for name in self.names[1:]]
        self._from_us, self._until_us = LAST_US, EARLIEST_US
        nothing = np.empty(0, np.int64)
        spans = np.zeros((len(self.names), 4), np.int64)
        spans[1:, 2] = LAST_US  # Nothing is covered yet, but around the clock there is nothing to cover.
        spans[0, 2:] = -(2**62), 2**62
        self.tables: tuple[Index, Index, Index, Index] = nothing, nothing, nothing, spans

    def cover(self, from_us: int, until_us: int) -> None:
        """Lets clocks start at these instants, the last one included."""
        if not self._clocks or (self._from_us <= from_us and until_us < self._until_us):
            return
        self._from_us = max(EARLIEST_US, min(self._from_us, from_us - 31 * DAY_US))
        self._until_us = min(LAST_US, max(self._until_us, until_us + 31 * DAY_US))
        parts, spans, first = [], self.tables[3].copy(), 0
        for number, (clock, longest_us) in enumerate(zip(self._clocks, self._longest_us, strict=True), start=1):
            due_us = int(clock.due_us(self._until_us, longest_us))
            opens, closes = clock.intervals_us(self._from_us, min(due_us, LAST_US - 1) + 1)
            parts.append((opens, closes, np.cumsum(closes - opens)))
            spans[number] = first, first + len(opens), self._from_us, self._until_us
            first += len(opens)
        opens, closes, through = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        self.tables = opens, closes, through, spans


@compiled
def is_covered(spans: Index, from_us: Number, until_us: Number) -> bool:  # pragma: no cover
    """Whether clocks by every calendar may start from one instant to the other, both included."""
    for calendar in range(1, len(spans)):
        if from_us < spans[calendar, 2] or until_us >= spans[calendar, 3]:
            return False
    return True


@compiled
def due_at(
    calendar: Number, start_us: Number, budget_us: Number, opens: Index, closes: Index, through: Index, spans: Index
) -> Any:  # pragma: no cover
    """The instant at which so much of the calendar's time has passed since a covered start. As `WorkingClock.due_us`."""
    if calendar == 0:
        return start_us + budget_us
    first, end = spans[calendar, 0], spans[calendar, 1]
    target_us = _worked(first, end, start_us, opens, closes, through) + budget_us
    ended = first + np.searchsorted(through[first:end], target_us)
    if ended == end:
        return UNLIMITED
    return closes[ended] - (through[ended] - target_us)


@compiled
def worked(
    calendar: Number, start_us: Number, end_us: Number, opens: Index, closes: Index, through: Index, spans: Index
) -> Any:  # pragma: no cover
    """The calendar's time between two covered instants. As `WorkingClock.elapsed_us`."""
    if calendar == 0:
        return end_us - start_us
    first, end = spans[calendar, 0], spans[calendar, 1]
    return _worked(first, end, end_us, opens, closes, through) - _worked(first, end, start_us, opens, closes, through)


@compiled
def _worked(
    first: Number, end: Number, instant_us: Number, opens: Index, closes: Index, through: Index
) -> Any:  # pragma: no cover
    begun = first + np.searchsorted(opens[first:end], instant_us)
    if begun == first:
        return np.int64(0)
    return through[begun - 1] - max(0, closes[begun - 1] - instant_us)
