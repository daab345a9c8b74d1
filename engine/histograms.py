"""Distributions that add: counts of durations in buckets narrow enough that any percentile is within 2 % or 0.5 s.

Buckets: exactly zero; then 0.5 s wide up to 12.5 s; then each 4 % wider than the last. Whatever falls between two edges
is reported as the value in the middle (geometric where edges grow), so the error is at most half a bucket.
"""

import numpy as np
from numpy.typing import NDArray

from engine.times import DAY_US, SECOND_US

__all__ = ["BUCKET_COUNT", "Histograms", "bucket", "percentiles"]

_STEP_US = SECOND_US // 2
_LINEAR = 25
_GROWTH = 1.04
_LONGEST_US = 60 * DAY_US


def _edges() -> NDArray[np.int64]:
    edges = [0, 1, *range(_STEP_US, _LINEAR * _STEP_US + 1, _STEP_US)]
    while edges[-1] < _LONGEST_US:
        edges.append(int(edges[-1] * _GROWTH))
    return np.array(edges, np.int64)


#: Bucket b holds durations from `_EDGES_US[b]` up to the next edge; the last one holds everything longer.
_EDGES_US = _edges()
BUCKET_COUNT = len(_EDGES_US)
_HIGH_US = np.append(_EDGES_US[1:], _EDGES_US[-1])
_MIDDLES_US = np.where(
    _EDGES_US < _LINEAR * _STEP_US, (_EDGES_US + _HIGH_US) // 2, np.sqrt(_EDGES_US.astype(float) * _HIGH_US)
).astype(np.int64)
_MIDDLES_US[0] = 0


def bucket(durations_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bucket of each duration; negative ones count as zero."""
    return np.maximum(np.searchsorted(_EDGES_US, durations_us, side="right") - 1, 0)


def percentiles(counts: NDArray[np.int32], shares: tuple[float, ...]) -> NDArray[np.float64]:
    """Nearest-rank percentiles in microseconds, shape (rows, shares), of counts with shape (rows, `BUCKET_COUNT`); NaN
    where a row counts nothing."""
    upto = np.cumsum(counts, axis=1)
    total = upto[:, -1]
    result = np.full((len(counts), len(shares)), np.nan)
    for column, share in enumerate(shares):
        rank = np.maximum(np.ceil(total * share), 1)
        found = (upto >= rank[:, None]).argmax(axis=1)
        result[:, column] = np.where(total > 0, _MIDDLES_US[found], np.nan)
    return result


class Histograms:
    """Counts by an integer key, kept sorted; new keys wait in a pile that is merged in when it has grown large.

    A key is a cell's key times the number of measures and buckets, so keys of one pane lie together.
    """

    def __init__(self) -> None:
        self.keys = np.empty(0, np.int64)
        self.counts = np.empty(0, np.int64)
        self._pile: list[NDArray[np.int64]] = []
        self._piled = 0

    def add(self, keys: NDArray[np.int64]) -> None:
        """Counts each key once more."""
        self._pile.append(keys)
        self._piled += len(keys)
        if self._piled > max(200_000, len(self.keys) // 2):
            self.settle()

    def settle(self) -> None:
        """Merges the pile, so that `keys` (ascending, distinct) and `counts` tell everything."""
        if not self._pile:
            return
        keys, counts = np.unique(np.concatenate(self._pile), return_counts=True)
        self._pile, self._piled = [], 0
        merged, inverse = np.unique(np.concatenate((self.keys, keys)), return_inverse=True)
        total = np.zeros(len(merged), np.int64)
        np.add.at(total, inverse, np.concatenate((self.counts, counts)))
        self.keys, self.counts = merged, total

    def forget(self, below: int) -> None:
        """Drops keys below that one."""
        self.settle()
        start = int(np.searchsorted(self.keys, below))
        self.keys, self.counts = self.keys[start:], self.counts[start:]
