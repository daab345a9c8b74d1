"""From a vocabulary's codes to the engine's, learned as rows come.

Owns the table from one to the other. Law: what the engine learns, and in which order, is decided by the rows that it is given and by nothing
else that the vocabulary may hold: a vocabulary shared by many decoders holds names of events that were never absorbed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import grown

__all__ = ["Translation"]

Codes = NDArray[np.int32]


class Translation:
    """Of one vocabulary. `learn` gives the engine's codes of things told, in the order of these."""

    def __init__(self, learn: Callable[[list[Any]], Codes]) -> None:
        self._learn = learn
        self._codes = np.full(64, -1, np.int32)

    def of(self, codes: Codes, told: Sequence[Any]) -> Codes:
        """The engine's codes of a column of the vocabulary's; `told` is what these stand for and may grow meanwhile."""
        self._codes = grown(self._codes, len(told), -1)
        found = self._codes[codes]
        unknown = codes[found < 0]
        if len(unknown):
            new, first = np.unique(unknown, return_index=True)
            met = new[np.argsort(first)]
            self._codes[met] = self._learn([told[code] for code in met.tolist()])
            found = self._codes[codes]
        return found
