"""Looking back within a group of rows without a loop: what was the last row, at or before each, of which something held?

Rows are sorted so that each run (a contact's or an agent's rows) is contiguous. A *segment* is a run, or a part of it that
begins a new life; what held before the first row of a batch is *carried* in from the slot's state, but only into a
segment that continues the slot's life.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Segments", "run_starts", "steps"]

Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


def run_starts(slots: NDArray[Any]) -> Mask:
    """True at the first row of each run of equal slots."""
    first = np.empty(len(slots), np.bool_)
    first[:1] = True
    np.not_equal(slots[1:], slots[:-1], out=first[1:])
    return first


def steps(starts: Index, count: int) -> list[Index]:
    """The rows of round 0, 1, 2 ...: round r holds the r-th row of every run that has one, longest run first.

    Within a round each run occurs once, so a table of transitions can be applied to all its rows together; the runs that
    take part in a round are always a prefix of those of the round before.
    """
    lengths = np.diff(starts, append=count)
    by_length = np.argsort(-lengths, kind="stable")
    first, sorted_lengths = starts[by_length], lengths[by_length]
    taking_part = len(starts) - np.searchsorted(sorted_lengths[::-1], np.arange(sorted_lengths[0]), side="right")
    return [first[:active] + step for step, active in enumerate(taking_part.tolist())]


class Segments:
    """Segments of `n` sorted rows: `begins` marks their first rows, `fresh` those that do not continue the slot's life."""

    def __init__(self, begins: Mask, fresh: Mask) -> None:
        self.rows = np.arange(len(begins))
        self.first = np.maximum.accumulate(np.where(begins, self.rows, 0))
        #: By row: the slot's state of before the batch still speaks for this segment.
        self.carries = ~fresh[self.first]

    def last(self, marked: Mask) -> Index:
        """By row: the last marked row of the segment at or before it, -1 when there is none."""
        latest = np.maximum.accumulate(np.where(marked, self.rows, -1))
        return np.where(latest >= self.first, latest, -1)

    def before(self, latest: Index) -> Index:
        """`last` of the row before, within the segment: the last marked row strictly before each."""
        previous = np.empty_like(latest)
        previous[:1] = -1
        previous[1:] = latest[:-1]
        return np.where(previous >= self.first, previous, -1)
