"""Which events came before: the memory of event ids, in two generations.

An id is remembered for at least one `horizon_us` of the watermark's progress. An event older than that is dropped for its
lateness anyway, so forgetting its id changes nothing. Generations change at fixed instants of the watermark as each row
leaves it, so no cutting of the stream into batches changes what is a repetition.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Identities"]


class Identities:
    """Two sets of ids; past `identities_max` in one of them the generation ends early, and is counted."""

    def __init__(self, horizon_us: int, identities_max: int) -> None:
        self.horizon_us = max(horizon_us, 1)
        self.identities_max = identities_max
        self.generation = -(2**62)
        self.young: set[str | None] = set()
        self.old: set[str | None] = set()
        self.early_count = 0

    def repeated(
        self, ids: list[str | None], left_us: NDArray[np.int64], ignored: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """True for each row whose id came before; remembers the others, except those `ignored`, which come out False.

        `left_us` is the watermark that each row left behind, ascending.
        """
        generations = left_us // self.horizon_us
        if generations[0] == generations[-1] and not ignored.any():
            return self._within(ids, int(generations[0]))
        result = np.zeros(len(ids), np.bool_)
        bounds = [0, *(np.flatnonzero(np.diff(generations)) + 1).tolist(), len(ids)]
        for start, end in pairwise(bounds):
            rows = np.flatnonzero(~ignored[start:end]) + start
            if len(rows):
                result[rows] = self._within([ids[row] for row in rows.tolist()], int(generations[start]))
        return result

    def _within(self, ids: list[str | None], generation: int) -> NDArray[np.bool_]:
        if generation != self.generation or len(self.young) >= self.identities_max:
            self.early_count += generation == self.generation
            self.old = self.young if generation <= self.generation + 1 else set()
            self.young = set()
            self.generation = generation
        distinct = set(ids)
        distinct.discard(None)
        result = np.zeros(len(ids), np.bool_)
        if (
            len(distinct) < len(ids)
            or not self.young.isdisjoint(distinct)
            or (self.old and not self.old.isdisjoint(distinct))
        ):
            seen: set[str | None] = set()
            for row, identity in enumerate(ids):
                if identity is not None:
                    result[row] = identity in seen or identity in self.young or identity in self.old
                    seen.add(identity)
        self.young |= distinct
        return result
