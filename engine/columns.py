"""Rows as columns: the arrays that travel through the engine, and the tables that turn names into small integers.

A *said* is what one event says of the dimensions; a *combination* is what holds for a contact after all that was said.
Combination 0 is "nothing known". Names are only ever added, up to a limit, past which they become `OTHER`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import repeat
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine.events import DIMENSIONS
from engine.keys import KeyTable, pair_key
from engine.runs import Segments, run_starts, steps

__all__ = ["OTHER", "Combinations", "Names", "Rows", "Sticky", "grown", "sticky", "stretched"]

OTHER = "(other)"


@dataclass
class Rows:
    """Events on their way through the engine; every field is an array of one length.

    `kinds` int8; `times_us` int64 when it happened; `ranks_us` int64 where it stands in the order of processing: its own
    time, or for a late row the watermark it met; `lates` bool; `sequences` int64 arrival numbers; `contacts`, `agents`
    int32 slots (contact -1 and agent 0 for none); `saids` int32; `states` of agents, `csats`, `npss` -1 for none; `numbers`
    int32 what else a kind says: the slots of an agent's state, 1 or 0 of a closing that was resolved or not and of a customer's
    words that were negative or not, orders of a business report; -1 for none. `customers` uint64 keys, 0 for none; `sources`
    int16 by the order's sources.
    """

    kinds: NDArray[np.int8]
    times_us: NDArray[np.int64]
    ranks_us: NDArray[np.int64]
    lates: NDArray[np.bool_]
    sequences: NDArray[np.int64]
    contacts: NDArray[np.int32]
    agents: NDArray[np.int32]
    saids: NDArray[np.int32]
    states: NDArray[np.int8]
    numbers: NDArray[np.int32]
    csats: NDArray[np.int8]
    npss: NDArray[np.int8]
    customers: NDArray[np.uint64]
    sources: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, chosen: Any) -> "Rows":
        """New rows by index array, mask or slice."""
        return Rows(*(getattr(self, name)[chosen] for name in _ROW_FIELDS))

    @classmethod
    def concatenated(cls, parts: list["Rows"]) -> "Rows":
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _ROW_FIELDS))

    @classmethod
    def blank(cls, count: int) -> "Rows":
        """Rows that are zero in every field."""
        return cls(*(cast(Any, np.zeros(count, dtype)) for dtype in _ROW_TYPES))

    @classmethod
    def empty(cls) -> "Rows":
        return cls.blank(0)


_ROW_FIELDS = tuple(field.name for field in fields(Rows))
_ROW_TYPES = (np.int8, np.int64, np.int64, np.bool_, np.int64, np.int32, np.int32, np.int32, np.int8, np.int32,
              np.int8, np.int8, np.uint64, np.int16)  # fmt: skip


#: From so many rows on, doubling would waste more memory than copying less often is worth.
_LARGE_ROWS = 1 << 18


def grown(array: NDArray[Any], size: int, fill: Any = 0) -> NDArray[Any]:
    """The array with room for at least `size` rows, doubled when it must grow, a large one by a quarter; new rows hold `fill`."""
    if size <= len(array):
        return array
    more = len(array) if len(array) < _LARGE_ROWS else len(array) // 4
    larger = np.empty((max(size, len(array) + more, 64), *array.shape[1:]), array.dtype)
    larger[: len(array)], larger[len(array) :] = array, fill
    return larger


def stretched(array: NDArray[Any], size: int, fill: Any = 0) -> NDArray[Any]:
    """As `grown`, but a large array grows where it lies, for which nothing is copied. Nobody may hold a part of it."""
    count = len(array)
    if size <= count or count < _LARGE_ROWS or not array.flags.owndata:
        return grown(array, size, fill)
    array.resize((max(size, count + count // 4), *array.shape[1:]), refcheck=False)
    array[count:] = fill
    return array


class Names:
    """Texts to integers and back, in the order they came; past `limit` every new text is `OTHER`, and counted."""

    def __init__(self, first: Iterable[str], limit: int) -> None:
        self.texts = list(first)
        self.codes = {text: code for code, text in enumerate(self.texts)}
        self.limit = limit
        self.overflow_count = 0

    def __len__(self) -> int:
        return len(self.texts)

    def code(self, text: str) -> int:
        code = self.codes.get(text)
        if code is None:
            if len(self.texts) >= self.limit:
                self.overflow_count += 1
                return self.code(OTHER) if OTHER in self.codes else self._added(OTHER)
            code = self._added(text)
        return code

    def _added(self, text: str) -> int:
        self.codes[text] = len(self.texts)
        self.texts.append(text)
        return len(self.texts) - 1


class Combinations:
    """The dimensions' values: one table of names a dimension, the saids, the combinations, and how a said changes one.

    Past `combinations_max` saids, what a new one says is `OTHER`; past as many combinations, a new one is `OTHER` in every
    dimension. Both are counted.
    """

    def __init__(self, names_max: int, combinations_max: int) -> None:
        self.combinations_max = combinations_max
        self.overflow_count = 0
        self.names = [Names([""], names_max) for _ in DIMENSIONS]
        self.said_codes: dict[tuple[str | None, ...], int] = {(None,) * len(DIMENSIONS): 0}
        self.said_values = np.full((64, len(DIMENSIONS)), -1, np.int32)
        self.codes: dict[tuple[int, ...], int] = {(0,) * len(DIMENSIONS): 0}
        self.values = np.zeros((64, len(DIMENSIONS)), np.int32)
        self.pairs = KeyTable(nothing=-1)

    def __len__(self) -> int:
        return len(self.codes)

    def saids(self, values: list[tuple[str | None, ...]]) -> NDArray[np.int32]:
        """Codes of tuples over `DIMENSIONS`, None where an event said nothing; unknown ones are added."""
        found = np.array([*map(self.said_codes.get, values, repeat(-1))], np.int32)
        for row in np.flatnonzero(found < 0).tolist():
            found[row] = self._said(values[row])
        return found

    def _said(self, said: tuple[str | None, ...]) -> int:
        code = self.said_codes.get(said)
        if code is None and len(self.said_codes) >= self.combinations_max:
            self.overflow_count += 1
            said = tuple(None if text is None else OTHER for text in said)
            code = self.said_codes.get(said)
        if code is None:
            code = self.said_codes[said] = len(self.said_codes)
            self.said_values = grown(self.said_values, code + 1, -1)
            self.said_values[code] = [
                -1 if text is None else names.code(text) for text, names in zip(said, self.names, strict=True)
            ]
        return code

    def merged(self, combinations: NDArray[np.int32], saids: NDArray[np.int32]) -> NDArray[np.int32]:
        """Combination after a said, elementwise. Few distinct pairs occur, so each is worked out once and remembered."""
        keys = combinations.astype(np.int64) << 32 | saids
        distinct, inverse = np.unique(keys, return_inverse=True)
        codes = [self.learn(key >> 32, key & 0xFFFFFFFF) for key in distinct.tolist()]
        return np.array(codes, np.int32)[inverse]

    def texts_of(self, combination: int) -> tuple[str, ...]:
        """A combination's values by name."""
        codes = self.values[combination].tolist()
        return tuple(names.texts[code] for names, code in zip(self.names, codes, strict=True))

    def learn(self, before: int, said: int) -> int:
        """The combination after a said, remembered in `pairs` under `pair_key`."""
        key = np.array([pair_key(before, said)], np.uint64)
        code = int(self.pairs.get(key)[0])
        if code < 0:
            if self.pairs.count >= 4 * self.combinations_max:  # It only saves time.
                self.pairs = KeyTable(nothing=-1)
            code = self._merge(before, said)
            self.pairs.add(key, np.array([code], np.int32))
        return code

    def _merge(self, before: int, said: int) -> int:
        values = np.where(self.said_values[said] < 0, self.values[before], self.said_values[said])
        combination = tuple(values.tolist())
        if combination not in self.codes and len(self.codes) >= self.combinations_max:
            self.overflow_count += 1
            values = np.array([names.code(OTHER) for names in self.names], np.int32)
            combination = tuple(values.tolist())
        code = self.codes.setdefault(combination, len(self.codes))
        self.values = grown(self.values, code + 1)
        self.values[code] = values
        return code


@dataclass(frozen=True)
class Sticky:
    """What holds of the dimensions at each row of sorted runs: what was said last, and the combination before and after."""

    saids: NDArray[np.int32]
    before: NDArray[np.int32]
    after: NDArray[np.int32]


def sticky(
    combinations: Combinations,
    segments: Segments,
    saids: NDArray[np.int32],
    carried_saids: NDArray[np.int32],
    carried: NDArray[np.int32],
) -> Sticky:
    """Applies what each row says to what held before it; `carried` is by row, and counts where its segment continues.

    Most rows repeat what the row before said, so only news is merged, in rounds of one piece of news a run.
    """
    zero = np.int32(0)
    known_at = segments.last(saids > 0)
    before_at = segments.before(known_at)
    base_said = np.where(segments.carries, carried_saids, zero)
    base = np.where(segments.carries, carried, zero)
    news = np.flatnonzero((saids > 0) & (saids != np.where(before_at >= 0, saids[before_at], base_said)))
    last_said = np.where(known_at >= 0, saids[known_at], base_said)
    if not len(news):
        return Sticky(last_said, base, base)
    changed = np.zeros(len(saids), np.int32)
    for step, chosen in enumerate(steps(np.flatnonzero(run_starts(segments.first[news])), len(news))):
        held = changed[news[chosen - 1]] if step else base[news[chosen]]
        changed[news[chosen]] = combinations.merged(held, saids[news[chosen]])
    marked = np.zeros(len(saids), np.bool_)
    marked[news] = True
    at = segments.last(marked)
    at_before = segments.before(at)
    return Sticky(
        last_said,
        np.where(at_before >= 0, changed[at_before], base),
        np.where(at >= 0, changed[at], base),
    )
