"""Which lines may go on as they were sent: one pass over the bytes, no object for any event.

Owns the judgement of a line by its form: *clean* where it is blank or a plain object (see `engine.scanning`) with no fields but those
allowed and no customer, *named* where besides there is one customer, a text without escapes, and *strange* otherwise. Never changes a byte and
never says that a line is wrong: of what is strange, a reader of whole JSON decides.

Law: what is called clean holds no field that is not allowed and no customer, however its names are spelled: an escape makes a line strange.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.compiled import compiled
from engine.keys import word_at
from engine.scanning import _CLASSES, Lexicon, _end, _look

__all__ = ["NAMED", "STRANGE", "Screened", "Screener"]

Index = NDArray[np.int64]
Small = NDArray[np.int8]

CLEAN, NAMED, STRANGE = 0, 1, 2


@dataclass(frozen=True)
class Screened:
    """The lines that are not clean, in their order: `kinds` named or strange; `lines` their numbers from 0; from `starts` to `ends` each lies in
    the bytes, and from `firsts` to `lasts` the text that names the customer, without its quotes, 0 in a strange one."""

    kinds: Small
    lines: Index
    starts: Index
    ends: Index
    firsts: Index
    lasts: Index


class Screener:
    """Knows the fields that are allowed. Raises BrokenInvariant for a name that is empty or longer than 24 bytes."""

    def __init__(self, fields: tuple[str, ...], customer: str = "customer") -> None:
        self._lexicon = Lexicon(fields)
        self._customer = fields.index(customer)

    def screen(self, data: bytes) -> Screened:
        """Raises nothing for any bytes."""
        padded = np.frombuffer(data + b"\n" + bytes(16), np.uint8)
        count = data.count(b"\n") + 1
        kinds = np.empty(count, np.int8)
        places = np.empty((5, count), np.int64)
        lexicon = self._lexicon
        noted = _screen(padded, len(data), _CLASSES, lexicon.words, lexicon.values, self._customer, kinds, places)
        return Screened(kinds[:noted], *places[:, :noted])


@compiled
def _screen(  # pragma: no cover
    buffer: NDArray[np.uint8], size: int, classes: Small, words: NDArray[np.uint64], values: Small, customer: int, kinds: Small, places: Index
) -> int:  # fmt: skip
    """Notes the lines that are not clean and returns how many; the buffer ends as that of `engine.scanning`."""
    place, line, noted = 0, 0, 0
    while place < size:
        begin, first, last, is_named = place, 0, 0, False
        kind = STRANGE
        while buffer[place] == 32 or buffer[place] == 13 or buffer[place] == 9:
            place += 1
        if buffer[place] == 10:
            kind = CLEAN
        follows = buffer[place] == 123
        while follows:
            follows = False
            place += 1
            while buffer[place] == 32:
                place += 1
            if buffer[place] != 34:
                break
            place += 1
            start = place
            while classes[buffer[place]] == 0:
                place += 1
            if buffer[place] != 34:
                break
            field = _look(
                words,
                values,
                word_at(buffer, start, place - start),
                word_at(buffer, start + 8, place - start - 8),
                word_at(buffer, start + 16, place - start - 16),
                place - start,
            )
            if field < 0 or (field == customer and is_named):
                break
            place += 1
            while buffer[place] == 32:
                place += 1
            if buffer[place] != 58:
                break
            place += 1
            while buffer[place] == 32:
                place += 1
            byte = buffer[place]
            if byte == 34:
                place += 1
                start = place
                while classes[buffer[place]] != 1:
                    place += 1
                if buffer[place] != 34:
                    break
                if field == customer:
                    first, last, is_named = start, place, True
                place += 1
            elif field == customer:
                break
            elif byte >= 48 and byte <= 57:
                start = place
                while buffer[place] >= 48 and buffer[place] <= 57:
                    place += 1
                if byte == 48 and place > start + 1:
                    break
            elif (byte == 116 and buffer[place + 1] == 114 and buffer[place + 2] == 117 and buffer[place + 3] == 101) or (
                byte == 110 and buffer[place + 1] == 117 and buffer[place + 2] == 108 and buffer[place + 3] == 108
            ):  # fmt: skip
                place += 4
            elif (
                byte == 102 and buffer[place + 1] == 97 and buffer[place + 2] == 108
                and buffer[place + 3] == 115 and buffer[place + 4] == 101
            ):  # fmt: skip
                place += 5
            else:
                break
            while buffer[place] == 32:
                place += 1
            if buffer[place] == 44:
                follows = True
            elif buffer[place] == 125:
                place += 1
                while buffer[place] == 32 or buffer[place] == 13:
                    place += 1
                if buffer[place] == 10:
                    kind = NAMED if is_named else CLEAN
        end = _end(buffer, place)
        if kind != CLEAN:
            kinds[noted] = kind
            places[0, noted], places[1, noted], places[2, noted] = line, begin, end
            places[3, noted], places[4, noted] = first, last
            noted += 1
        place = end + 1
        line += 1
    return noted
