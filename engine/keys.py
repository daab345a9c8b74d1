"""Texts as 64-bit keys, and tables and sets of keys that are asked for many keys at once in compiled code.

A key is SipHash-1-3 of the text's UTF-8 bytes (Aumasson and Bernstein, 2012; with one round a word and three at the end, as
in Python's own dictionaries) under a secret of 16 bytes. Who does not know the secret cannot choose texts that share
a key. Two texts share one with a chance of 1 in 2**64: among ten million event ids that is one chance in 300,000 that
any two are taken for one. Key 0 stands for no text.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.compiled import compiled

__all__ = [
    "PUBLIC",
    "SECRET_BYTES",
    "KeySet",
    "KeyTable",
    "Keys",
    "Number",
    "Secret",
    "blended",
    "key_at",
    "key_of",
    "pair_key",
    "place_of",
    "word_at",
]

Number = int | np.integer[Any]
Keys = NDArray[np.uint64]
Codes = NDArray[np.int32]

SECRET_BYTES = 16
_SMALLEST = 64


@dataclass(frozen=True, repr=False)
class Secret:
    """What keys are made with; two halves of 64 bits. Never shown. Raises ValueError for another length."""

    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != SECRET_BYTES:
            raise ValueError(f"A secret has {SECRET_BYTES} bytes, not {len(self.value)}.")

    @property
    def halves(self) -> tuple[np.uint64, np.uint64]:
        return np.uint64(int.from_bytes(self.value[:8], "little")), np.uint64(int.from_bytes(self.value[8:], "little"))


#: For input that is all one's own.
PUBLIC = Secret(bytes(SECRET_BYTES))


def key_of(text: str | None, secret: Secret) -> int:
    """The key of a text by its UTF-8 bytes, 0 for None."""
    if text is None:
        return 0
    raw = text.encode()
    return int(key_at(np.frombuffer(raw + bytes(8), np.uint8), 0, len(raw), *secret.halves))


@compiled
def key_at(
    buffer: NDArray[np.uint8], start: int, length: int, first: np.uint64, second: np.uint64
) -> np.uint64:  # pragma: no cover
    """The key of `length` bytes from `start`; seven more bytes must lie behind them, whatever they are. Never 0."""
    v0, v1 = first ^ np.uint64(0x736F6D6570736575), second ^ np.uint64(0x646F72616E646F6D)
    v2, v3 = first ^ np.uint64(0x6C7967656E657261), second ^ np.uint64(0x7465646279746573)
    place, left = start, length
    while left >= 8:
        word = word_at(buffer, place, 8)
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
        place += 8
        left -= 8
    word = np.uint64(length) << np.uint64(56) | word_at(buffer, place, left)
    v3 ^= word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= word
    v2 ^= np.uint64(0xFF)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    key = v0 ^ v1 ^ v2 ^ v3
    return key if key != np.uint64(0) else np.uint64(1)


@compiled
def blended(key: np.uint64, number: int) -> np.uint64:  # pragma: no cover
    """A key and a small number as one key; never 0."""
    key = (key ^ np.uint64(number)) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
    key = key ^ (key >> np.uint64(32))
    return key if key != np.uint64(0) else np.uint64(1)


@compiled
def pair_key(combination: Number, said: Number) -> np.uint64:  # pragma: no cover
    """One key for a combination and a said; distinct for distinct pairs."""
    return blended(np.uint64(combination) << np.uint64(32) | np.uint64(said), 0)


@compiled
def _round(
    v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:  # pragma: no cover
    v0 += v1
    v2 += v3
    v1 = _turned(v1, 13) ^ v0
    v3 = _turned(v3, 16) ^ v2
    v0 = _turned(v0, 32) + v3
    v2 += v1
    v1 = _turned(v1, 17) ^ v2
    v3 = _turned(v3, 21) ^ v0
    return v0, v1, _turned(v2, 32), v3


@compiled
def _turned(word: np.uint64, bits: int) -> np.uint64:  # pragma: no cover
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@compiled
def word_at(buffer: NDArray[np.uint8], place: int, count: int) -> np.uint64:  # pragma: no cover
    """The first `count` of the eight bytes from `place`, at most all, as a number, the first the lowest."""
    if count <= 0:
        return np.uint64(0)
    word = np.uint64(0)
    for byte in range(8):
        word |= np.uint64(buffer[place + byte]) << np.uint64(8 * byte)
    return word if count >= 8 else word & (~np.uint64(0) >> np.uint64(64 - 8 * count))


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

    @property
    def arrays(self) -> tuple[Keys, NDArray[np.int32]]:
        """Keys and values by place, for `place_of` in compiled code; good until the next `add`."""
        return self._keys, self._values

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
def place_of(table: Keys, key: np.uint64) -> np.int64:  # pragma: no cover
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
            place = place_of(table, keys[row])
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
            place = place_of(table, keys[row])
            if table[place] != keys[row]:
                table[place], values[place] = keys[row], new_values[added]
                rows[added] = row
                added += 1
    return added


@compiled
def _has(table: Keys, keys: Keys, known: NDArray[np.bool_]) -> None:  # pragma: no cover
    for row in range(len(keys)):
        known[row] = keys[row] != np.uint64(0) and table[place_of(table, keys[row])] == keys[row]


@compiled
def _note(  # pragma: no cover
    table: Keys, keys: Keys, passed: NDArray[np.bool_], repeated: NDArray[np.bool_]
) -> int:
    added = 0
    for row in range(len(keys)):
        repeated[row] = False
        if keys[row] != np.uint64(0) and not passed[row]:
            place = place_of(table, keys[row])
            if table[place] == keys[row]:
                repeated[row] = True
            else:
                table[place] = keys[row]
                added += 1
    return added
