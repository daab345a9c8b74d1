"""Which lines of a policy hold for which combinations of dimensions, of many at once.

Owns the search; which of two lines is the more specific says `engine.policy`. The law: what is found is what `Policy.find` finds.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.events import DIMENSIONS

__all__ = ["Conditional", "Matcher"]

Bits = NDArray[np.uint8]

#: Combinations that are looked at in one go, for the memory that takes.
_AT_ONCE = 4_096
_PERIOD = "period"


class Conditional(Protocol):
    """What may hold or not: `when` has the values that each condition accepts."""

    @property
    def when(self) -> Mapping[str, frozenset[str]]: ...


class Matcher:
    """Told of lines in groups, the most specific of each first; finds of each group the first that holds.

    Of each dimension `index` has a row of `accepts` for every text that some line names, row 0 stands for all other texts; a row
    has a bit for every line, set where it accepts. Lines that hold for a combination are the bits left when its rows are
    put over one another.
    """

    def __init__(self, groups: Sequence[Sequence[Conditional]], periods: Sequence[str]) -> None:
        # A group has one place at least, which never holds where there is no line.
        places = [max(1, len(group)) for group in groups]
        self._starts = np.cumsum([0, *places[:-1]])
        lines: list[Conditional | None] = [
            line
            for group, count in zip(groups, places, strict=True)
            for line in (*group, *[None] * (count - len(group)))
        ]
        numbers = np.concatenate([np.arange(count) for count in places])
        #: The first line of a group weighs most.
        self._weights = (max(places) - numbers).astype(np.int32)
        self._most = max(places)
        known = np.array([line is not None for line in lines])
        for name in {name for line in lines if line for name in line.when} - {*DIMENSIONS, _PERIOD}:
            known &= self._accepting(lines, name, "")
        self._dimensions = [self._rows(lines, name) for name in DIMENSIONS]
        self._periods = [np.packbits(known & self._accepting(lines, _PERIOD, period)) for period in periods]

    def find(self, texts: Sequence[Sequence[str]], values: NDArray[np.int32]) -> NDArray[np.int64]:
        """The number in its group of the line that holds, -1 for none, int64 (groups, periods, combinations); `values` are the
        combinations' codes and `texts` what those of each dimension stand for."""
        found = np.empty((len(self._starts), len(self._periods), len(values)), np.int64)
        for first in range(0, len(values), _AT_ONCE):
            part = values[first : first + _AT_ONCE]
            held = np.full((len(part), 1), 0xFF, np.uint8)
            for (index, accepts), names, codes in zip(self._dimensions, texts, part.T.tolist(), strict=True):
                held = held & accepts[[index.get(names[code], 0) for code in codes]]
            for period, accepted in enumerate(self._periods):
                bits = np.unpackbits(held & accepted, axis=1, count=len(self._weights))
                best = np.maximum.reduceat(bits * self._weights, self._starts, axis=1)
                found[:, period, first : first + len(part)] = np.where(best > 0, self._most - best, -1).T
        return found

    def likenesses(self, texts: Sequence[Sequence[str]], values: NDArray[np.int32]) -> list[tuple[int, ...]]:
        """Of each combination what `find` makes of it: those of which it is the same have the same lines."""
        columns = [
            [index.get(names[code], 0) for code in codes]
            for (index, _), names, codes in zip(self._dimensions, texts, values.T.tolist(), strict=True)
        ]
        return [*zip(*columns, strict=True)]

    def _rows(self, lines: Sequence[Conditional | None], name: str) -> tuple[dict[str, int], Bits]:
        named = sorted({value for line in lines if line for value in line.when.get(name, ())})
        # What no line names is accepted by lines without the condition only.
        rows = [self._accepting(lines, name, None), *(self._accepting(lines, name, value) for value in named)]
        return {value: row for row, value in enumerate(named, start=1)}, np.packbits(np.stack(rows), axis=1)

    @staticmethod
    def _accepting(lines: Sequence[Conditional | None], name: str, value: str | None) -> NDArray[np.bool_]:
        return np.array([line is None or name not in line.when or value in line.when[name] for line in lines])
