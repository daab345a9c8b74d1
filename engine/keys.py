"""A table from 64-bit keys to small integers, looked up for many keys at once in compiled code."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["KeyTable"]


class KeyTable:
    """Open addressing, at most half full. Key 0 has the value `nothing`; unknown keys have -1."""

    def __init__(self, nothing: int) -> None:
        self.nothing = nothing
        self.count = 0
        self._keys = np.zeros(64, np.uint64)
        self._values = np.full(64, -1, np.int32)

    def get(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The value of each key, int32."""
        values = np.empty(len(keys), np.int32)
        _get(self._keys, self._values, keys, values, self.nothing)
        return values

    def put(self, key: int, value: int) -> None:
        """Gives a key that is not in the table its value."""
        self.count += 1
        if 2 * self.count > len(self._keys):
            known = self._keys != 0
            keys, values = self._keys[known], self._values[known]
            self._keys = np.zeros(4 * len(self._keys), np.uint64)
            self._values = np.full(len(self._keys), -1, np.int32)
            for old_key, old_value in zip(keys.tolist(), values.tolist(), strict=True):
                self._place(old_key, old_value)
        self._place(key, value)

    def _place(self, key: int, value: int) -> None:
        mask = len(self._keys) - 1
        place = key & mask
        while self._keys[place]:
            place = (place + 1) & mask
        self._keys[place], self._values[place] = key, value


@njit(cache=True)
def _get(table, table_values, keys, values, nothing):  # type: ignore[no-untyped-def]  # pragma: no cover
    mask = np.uint64(len(table) - 1)
    for row in range(len(keys)):
        key = keys[row]
        value = nothing
        if key != np.uint64(0):
            value = -1
            place = key & mask
            while table[place] != np.uint64(0):
                if table[place] == key:
                    value = table_values[place]
                    break
                place = (place + np.uint64(1)) & mask
        values[row] = value
