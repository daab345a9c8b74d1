"""Which events came before: the memory of event ids, by generations.

An id belongs to the generation, one `horizon_us` long, of the watermark that its source had reached with it, and is
forgotten when the slowest source has passed the generation after that. An event older than that is dropped for its lateness
anyway, whichever source repeats it, so forgetting its id changes nothing. Generations change at fixed instants of the
watermark as each row leaves it, so no cutting of the stream into batches changes what is a repetition.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.keys import Keys, KeySet

__all__ = ["Identities"]


class Identities:
    """Sets of ids by generation. Past `identities_max` in one, or twice as many in all, the oldest are forgotten early, which
    is counted."""

    def __init__(self, horizon_us: int, identities_max: int) -> None:
        self.horizon_us = max(horizon_us, 1)
        self.identities_max = identities_max
        self.generations: dict[int, KeySet] = {}
        self.early_count = 0

    def repeated(
        self,
        ids: Keys,
        left_us: NDArray[np.int64],
        slowest_us: NDArray[np.int64],
        ignored: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """True for each row whose id came before; remembers the others, except those `ignored`, which come out False.

        `left_us` is the watermark that the rows' source left behind each, `slowest_us` that of all sources; both ascending.
        """
        generations, slowest = left_us // self.horizon_us, slowest_us // self.horizon_us
        if generations[0] == generations[-1] and slowest[0] == slowest[-1] and not ignored.any():
            return self._within(ids, int(generations[0]), int(slowest[0]))
        result = np.zeros(len(ids), np.bool_)
        bounds = [0, *(np.flatnonzero(np.diff(generations) | np.diff(slowest)) + 1).tolist(), len(ids)]
        for start, end in pairwise(bounds):
            rows = np.flatnonzero(~ignored[start:end]) + start
            if len(rows):
                result[rows] = self._within(ids[rows], int(generations[start]), int(slowest[start]))
        return result

    def _within(self, ids: Keys, generation: int, slowest: int) -> NDArray[np.bool_]:
        for past in [past for past in self.generations if past < slowest - 1]:
            del self.generations[past]
        self._make_room(generation)
        known = np.zeros(len(ids), np.bool_)
        for past, keys in self.generations.items():
            if past != generation:
                known |= keys.has(ids)
        return known | self.generations.setdefault(generation, KeySet()).note(ids, known)

    def _make_room(self, generation: int) -> None:
        young = self.generations.get(generation)
        if young is not None and len(young) >= self.identities_max:
            self.early_count += 1
            self.generations = {generation - 1: young}
        elif sum(map(len, self.generations.values())) >= 2 * self.identities_max:
            self.early_count += 1
            del self.generations[min(self.generations)]
