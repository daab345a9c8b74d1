"""Texts as 64-bit keys, and tables and sets of keys that are asked for many keys at once in compiled code.

Two texts that nobody chose for it have the same key with a chance of 1 in 2**64: among ten million event ids that is one
chance in 300,000 that any two are taken for one. The seed is public, so who may send events can choose texts that share a
key, and the second is then taken for the first: keys keep apart what honest senders name, not what hostile ones do.
Key 0 stands for no text.
"""

import numpy as np
from numpy.typing import NDArray

from engine.compiled import compiled

__all__ = ["KeySet", "KeyTable", "Keys", "close_key", "fold", "key_of"]

Keys = NDArray[np.uint64]
Codes = NDArray[np.int32]

SEED = 0x243F6A8885A308D3
_SMALLEST = 64


@compiled
def fold(key: np.uint64, word: np.uint64) -> np.uint64:  # pragma: no cover
    """Takes eight more bytes of a text into its key."""
    key = (key ^ word) * np.uint64(0x9E3779B97F4A7C15)
    return key ^ (key >> np.uint64(32))


@compiled
def close_key(key: np.uint64, length: int) -> np.uint64:  # pragma: no cover
    """The key when all of a text is folded in; never 0."""
    key = (key ^ np.uint64(length)) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
    key = key ^ (key >> np.uint64(32))
    return key if key != np.uint64(0) else np.uint64(1)


def key_of(text: str | None) -> int:
    """The key of a text by its UTF-8 bytes, 0 for None."""
    if text is None:
        return 0
    raw = text.encode()
    return int(_key(np.frombuffer(raw or b"\0", np.uint8), len(raw)))


@compiled
def _key(buffer: NDArray[np.uint8], length: int) -> np.uint64:  # pragma: no cover
    key, word, filled = np.uint64(SEED), np.uint64(0), np.uint64(0)
    for place in range(length):
        word |= np.uint64(buffer[place]) << filled
        filled += np.uint64(8)
        if filled == np.uint64(64):
            key, word, filled = fold(key, word), np.uint64(0), np.uint64(0)
    if filled:
        key = fold(key, word)
    return close_key(key, length)


class KeyTable:
    """Keys to int32 values by open addressing, at most half full; key 0 has the value `nothing`."""

    def __init__(self, nothing: int) -> None:
        self.nothing = nothing
        self.count = 0
        self._keys = np.zeros(_SMALLEST, np.uint64)
        self._values = np.zeros(_SMALLEST, np.int32)

    def get(self, keys: Keys) -> NDArray[np.int32]:
        """The value of each key, -1 for those not in the table."""
        values = np.empty(len(keys), np.int32)
        _get(self._keys, self._values, keys, values, self.nothing)
        return values

    def add(self, keys: Keys, values: NDArray[np.int32]) -> NDArray[np.int64]:
        """Gives the keys that are new, in the order they come, the values in theirs; those for which no value is left stay out.

        Returns the row of each key that was added, at its first occurrence.
        """
        self._make_room(len(values))
        rows = np.empty(min(len(values), len(keys)), np.int64)
        added = _add(self._keys, self._values, keys, values, rows)
        self.count += added
        return rows[:added]

    def _make_room(self, more: int) -> None:
        size = len(self._keys)
        while 2 * (self.count + more) > size:
            size *= 2
        if size > len(self._keys):
            known = self._keys != 0
            keys, values = self._keys[known], self._values[known]
            self._keys, self._values = np.zeros(size, np.uint64), np.zeros(size, np.int32)
            _add(self._keys, self._values, keys, values, np.empty(len(keys), np.int64))


class KeySet:
    """Keys seen before, by open addressing, at most half full; 0 is never in it."""

    def __init__(self) -> None:
        self.count = 0
        self._keys = np.zeros(_SMALLEST, np.uint64)

    def __len__(self) -> int:
        return self.count

    def has(self, keys: Keys) -> NDArray[np.bool_]:
        """True for each key in the set."""
        known = np.empty(len(keys), np.bool_)
        _has(self._keys, keys, known)
        return known

    def note(self, keys: Keys, passed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Puts keys in, those that are `passed` over excepted; True for each that was in already, or came earlier in `keys`."""
        size = len(self._keys)
        while 2 * (self.count + len(keys)) > size:
            size *= 2
        if size > len(self._keys):
            known = self.keys()
            self._keys = np.zeros(size, np.uint64)
            _note(self._keys, known, np.zeros(len(known), np.bool_), np.empty(len(known), np.bool_))
        repeated = np.empty(len(keys), np.bool_)
        self.count += _note(self._keys, keys, passed, repeated)
        return repeated

    def keys(self) -> Keys:
        """All keys, in no order that means anything."""
        keys: Keys = self._keys[self._keys != 0]
        return keys


@compiled
def _find(table: Keys, key: np.uint64) -> np.int64:  # pragma: no cover
    """Where the key is, or the vacant place where it would go."""
    mask = np.uint64(len(table) - 1)
    place = key & mask
    while table[place] != np.uint64(0) and table[place] != key:
        place = (place + np.uint64(1)) & mask
    return np.int64(place)


@compiled
def _get(table: Keys, values: Codes, keys: Keys, out: Codes, nothing: int) -> None:  # pragma: no cover
    for row in range(len(keys)):
        if keys[row] == np.uint64(0):
            out[row] = nothing
        else:
            place = _find(table, keys[row])
            out[row] = values[place] if table[place] == keys[row] else -1


@compiled
def _add(  # pragma: no cover
    table: Keys, values: Codes, keys: Keys, new_values: Codes, rows: NDArray[np.int64]
) -> int:
    added = 0
    for row in range(len(keys)):
        if added == len(new_values):
            break
        if keys[row] != np.uint64(0):
            place = _find(table, keys[row])
            if table[place] != keys[row]:
                table[place], values[place] = keys[row], new_values[added]
                rows[added] = row
                added += 1
    return added


@compiled
def _has(table: Keys, keys: Keys, known: NDArray[np.bool_]) -> None:  # pragma: no cover
    for row in range(len(keys)):
        known[row] = keys[row] != np.uint64(0) and table[_find(table, keys[row])] == keys[row]


@compiled
def _note(  # pragma: no cover
    table: Keys, keys: Keys, passed: NDArray[np.bool_], repeated: NDArray[np.bool_]
) -> int:
    added = 0
    for row in range(len(keys)):
        repeated[row] = False
        if keys[row] != np.uint64(0) and not passed[row]:
            place = _find(table, keys[row])
            if table[place] == keys[row]:
                repeated[row] = True
            else:
                table[place] = keys[row]
                added += 1
    return added
