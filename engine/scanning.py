"""Reading plain lines at the speed of compiled code: one pass over the bytes, no object for any event.

A *plain* line is a JSON object of texts without escapes, non-negative integers, true, false and null, in any order of fields,
of a type that says nothing beyond the common fields. Every other line, and every line with anything wrong in it, is left
to the strict decoder, which alone decides what is accepted and why not; here nothing is ever rejected.
"""

import numpy as np
from numpy.typing import NDArray

from engine.compiled import compiled
from engine.errors import BrokenInvariant
from engine.keys import Keys, Secret, blended, key_at, word_at

__all__ = ["BLANK", "FIELDS", "IRREGULAR", "PLAIN", "Lexicon", "Scan", "scan"]

Bytes = NDArray[np.uint8]
Small = NDArray[np.int8]
Index = NDArray[np.int64]

#: The fields that are read, `type` and `time` first, the dimensions last. Others are checked for their form and passed over.
FIELDS = (
    "type", "time", "id", "contact", "agent", "customer", "automatic", "state", "slots", "resolved", "negative",
    "queue", "channel", "tenant", "region", "tier", "partner", "party", "category",
)  # fmt: skip
_TYPE, _TIME, _ID, _CONTACT, _AGENT, _CUSTOMER, _AUTOMATIC, _STATE, _SLOTS, _RESOLVED, _NEGATIVE = range(11)

#: Why a line is not plain needs no telling: the strict decoder reads it again.
PLAIN, IRREGULAR, BLANK = 0, 1, 2
_TEXT, _INTEGER, _TRUE, _FALSE, _NULL = range(5)
_TABLE_BITS = 10
_TABLE = 1 << _TABLE_BITS
_LISTED_BYTES_MAX = 24
_NAME_BYTES_MAX = 256


class Scan:
    """The lines of one block, each with its place in the bytes; arrays by line, and of plain lines the values.

    `status` int8: plain, irregular, blank. `types` int8: an index into the type names given; `times_us` int64. `ids`,
    `contacts`, `agents`, `customers` uint64: the key of the text, 0 where there is none or an empty one; `names` (lines, 2) int32: where the
    contact's text starts and ends; `saids` uint64: a key of the dimensions' texts together, 0 for none. `automatic`, `resolved`, `negative` int8 1, 0
    or -1; `states` int8 an index into the state names or -1; `slots` int32 or -1.
    """

    def __init__(self, lines: int) -> None:
        self.starts = np.empty(lines, np.int64)
        self.ends = np.empty(lines, np.int64)
        self.status = np.empty(lines, np.int8)
        self.types = np.empty(lines, np.int8)
        self.times_us = np.empty(lines, np.int64)
        self.ids = np.empty(lines, np.uint64)
        self.contacts = np.empty(lines, np.uint64)
        self.names = np.empty((lines, 2), np.int32)
        self.saids = np.empty(lines, np.uint64)
        self.agents = np.empty(lines, np.uint64)
        self.customers = np.empty(lines, np.uint64)
        self.automatic = np.empty(lines, np.int8)
        self.resolved = np.empty(lines, np.int8)
        self.negative = np.empty(lines, np.int8)
        self.states = np.empty(lines, np.int8)
        self.slots = np.empty(lines, np.int32)


def scan(data: bytes, types: "Lexicon", states: "Lexicon", earliest_us: int, latest_us: int, secret: Secret) -> Scan:
    """Scans newline-separated valid UTF-8. A time outside `earliest_us` to `latest_us` makes its line irregular.

    The keys of ids, contacts, agents and dimensions are made with the `secret`.
    """
    padded = np.frombuffer(data + b"\n" + bytes(16), np.uint8)
    size = len(data)
    found = Scan(data.count(b"\n") + (data[-1:] not in (b"", b"\n")))
    _scan(
        padded, size, _CLASSES, _FIELD_LEXICON.words, _FIELD_LEXICON.values, types.words, types.values, states.words,
        states.values, earliest_us, latest_us, *secret.halves, found.starts, found.ends, found.status, found.types, found.times_us,
        found.ids, found.contacts, found.names, found.saids, found.agents, found.customers, found.automatic, found.resolved,
        found.negative, found.states, found.slots,
    )  # fmt: skip
    return found


class Lexicon:
    """A few fixed names of at most 24 bytes for the compiled code: open addressing in 1,024 places, each name as three words and
    its length."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.words = np.zeros((_TABLE, 4), np.uint64)
        self.values = np.full(_TABLE, -1, np.int8)
        for code, name in enumerate(names):
            raw = name.encode()
            if not 0 < len(raw) <= _LISTED_BYTES_MAX:
                raise BrokenInvariant(f"the name {name!r} is empty or longer than {_LISTED_BYTES_MAX} bytes")
            words = np.append(np.frombuffer(raw.ljust(_LISTED_BYTES_MAX, b"\0"), "<u8"), np.uint64(len(raw)))
            place = int(_first_place(*words))
            while self.words[place, 3]:
                place = (place + 1) % _TABLE
            self.words[place], self.values[place] = words, code


@compiled
def _first_place(one: np.uint64, two: np.uint64, three: np.uint64, length: np.uint64) -> np.uint64:  # pragma: no cover
    mixed = (one ^ (two << np.uint64(1)) ^ (three << np.uint64(2)) ^ length) * np.uint64(0x9E3779B97F4A7C15)
    return mixed >> np.uint64(64 - _TABLE_BITS)


@compiled
def _look(
    words: NDArray[np.uint64], values: NDArray[np.int8], one: np.uint64, two: np.uint64, three: np.uint64, length: int
) -> int:  # pragma: no cover
    """The code of a name by its words, or -1. An array that a function hands on would cost more than all of this."""
    size = np.uint64(length)
    place = _first_place(one, two, three, size)
    while words[place, 3] != np.uint64(0):
        if words[place, 0] == one and words[place, 1] == two and words[place, 2] == three and words[place, 3] == size:
            return int(values[place])
        place = (place + np.uint64(1)) & np.uint64(_TABLE - 1)
    return -1


@compiled
def _digits(buffer: NDArray[np.uint8], start: int, count: int) -> int:  # pragma: no cover
    """The number that `count` digits make, or -1."""
    number = 0
    for place in range(start, start + count):
        digit = buffer[place] - 48
        if digit < 0 or digit > 9:
            return -1
        number = number * 10 + digit
    return number


@compiled
def _instant(buffer: NDArray[np.uint8], start: int, length: int) -> int:  # pragma: no cover
    """Microseconds of `YYYY-MM-DDTHH:MM:SS`, an optional fraction, and `Z` or an offset; the least int64 for anything else."""
    wrong = -(2**63)
    if length < 20 or length > 40:
        return wrong
    year, month, day = _digits(buffer, start, 4), _digits(buffer, start + 5, 2), _digits(buffer, start + 8, 2)
    hour, minute, second = (
        _digits(buffer, start + 11, 2),
        _digits(buffer, start + 14, 2),
        _digits(buffer, start + 17, 2),
    )
    if buffer[start + 4] != 45 or buffer[start + 7] != 45 or buffer[start + 13] != 58 or buffer[start + 16] != 58:
        return wrong
    if buffer[start + 10] != 84 or year < 0 or month < 1 or month > 12 or day < 1 or day > 28:
        if buffer[start + 10] != 84 or year < 0 or month < 1 or month > 12 or day < 1 or day > 31:
            return wrong
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        if month == 2 and day > (29 if leap else 28):
            return wrong
        if day == 31 and (month == 4 or month == 6 or month == 9 or month == 11):
            return wrong
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return wrong
    place, end, fraction = start + 19, start + length, 0
    if buffer[place] == 46:
        place += 1
        scale = 100_000
        first = place
        while place < end and buffer[place] >= 48 and buffer[place] <= 57:
            fraction += (buffer[place] - 48) * scale
            scale //= 10
            place += 1
        if place == first:
            return wrong
    shift = 0
    if place == end - 1 and buffer[place] == 90:
        shift = 0
    elif place == end - 6 and (buffer[place] == 43 or buffer[place] == 45) and buffer[place + 3] == 58:
        hours, minutes = _digits(buffer, place + 1, 2), _digits(buffer, place + 4, 2)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return wrong
        shift = (hours * 60 + minutes) * (1 if buffer[place] == 43 else -1)
    else:
        return wrong
    # Days since 1970 by counting years from March (Howard Hinnant, days_from_civil).
    shifted = year - (1 if month <= 2 else 0)
    era_year = shifted % 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = shifted // 400 * 146_097 + era_year * 365 + era_year // 4 - era_year // 100 + day_of_year - 719_468
    return (((days * 24 + hour) * 60 + minute - shift) * 60 + second) * 1_000_000 + fraction


@compiled
def _end(buffer: NDArray[np.uint8], place: int) -> int:  # pragma: no cover
    while buffer[place] != 10:
        place += 1
    return place


@compiled
def _scan(  # pragma: no cover
    buffer: Bytes, size: int, classes: Small, field_words: Keys, field_values: Small, type_words: Keys, type_values: Small,
    state_words: Keys, state_values: Small, earliest_us: int, latest_us: int, first: np.uint64, second: np.uint64, starts: Index, ends: Index, status: Small,
    types: Small, times_us: Index, ids: Keys, contacts: Keys, names: NDArray[np.int32], saids: Keys, agents: Keys,
    customers: Keys, automatic: Small, resolved: Small, negative: Small, states: Small, slots: NDArray[np.int32],
) -> None:  # fmt: skip
    """Line after line. Arrays are written as values are met; they count only where the line turns out plain.

    The buffer ends with a newline and padding, and a newline is in no class of bytes that a name may hold, so no loop
    over a name needs to look for the end of the line.
    """
    place, line = 0, 0
    while place < size:
        starts[line], times_us[line], types[line], slots[line] = place, 0, -1, -1
        ids[line], contacts[line], agents[line] = np.uint64(0), np.uint64(0), np.uint64(0)
        names[line, 0], names[line, 1], customers[line] = 0, 0, np.uint64(0)
        automatic[line], resolved[line], negative[line], states[line] = -1, -1, -1, -1
        result = IRREGULAR
        while buffer[place] == 32 or buffer[place] == 13 or buffer[place] == 9:
            place += 1
        if buffer[place] == 10:
            result = BLANK
        seen = 0
        said = np.uint64(0)
        follows = buffer[place] == 123
        while follows:
            follows = False
            place += 1
            while buffer[place] == 32:
                place += 1
            # A field's name.
            if buffer[place] != 34:
                break
            place += 1
            start = place
            while classes[buffer[place]] == 0:
                place += 1
            if buffer[place] != 34:
                break
            field = _look(
                field_words,
                field_values,
                word_at(buffer, start, place - start),
                word_at(buffer, start + 8, place - start - 8),
                word_at(buffer, start + 16, place - start - 16),
                place - start,
            )
            place += 1
            if buffer[place] != 58:
                break
            place += 1
            while buffer[place] == 32:
                place += 1
            # Its value.
            start, length, number, form, code, key = place, 0, 0, -1, -1, np.uint64(0)
            byte = buffer[place]
            if byte == 34:
                place += 1
                start = place
                while True:
                    kind = classes[buffer[place]]
                    if kind:
                        if kind == 1 or (kind == 2 and buffer[place + 1] < 0xA0):
                            break
                        if kind == 3 and buffer[place + 1] == 0x80 and (buffer[place + 2] & 0xFE) == 0xA8:
                            break
                    place += 1
                if buffer[place] != 34:
                    break
                form = _TEXT
                length = place - start
                place += 1
                if field == _TYPE:
                    code = _look(
                        type_words,
                        type_values,
                        word_at(buffer, start, length),
                        word_at(buffer, start + 8, length - 8),
                        word_at(buffer, start + 16, length - 16),
                        length,
                    )
                elif (field >= _ID and field <= _CUSTOMER) or field > _NEGATIVE:
                    key = key_at(buffer, start, length, first, second)
            elif byte >= 48 and byte <= 57:
                while buffer[place] >= 48 and buffer[place] <= 57:
                    number = number * 10 + (buffer[place] - 48)
                    place += 1
                length = place - start
                if length > 15 or (length > 1 and byte == 48):
                    break
                form = _INTEGER
            elif byte == 116 and buffer[place + 1] == 114 and buffer[place + 2] == 117 and buffer[place + 3] == 101:
                form = _TRUE
                place += 4
            elif byte == 110 and buffer[place + 1] == 117 and buffer[place + 2] == 108 and buffer[place + 3] == 108:
                form = _NULL
                place += 4
            elif (
                byte == 102 and buffer[place + 1] == 97 and buffer[place + 2] == 108
                and buffer[place + 3] == 115 and buffer[place + 4] == 101
            ):  # fmt: skip
                form = _FALSE
                place += 5
            else:
                break
            # What it means.
            if field >= 0:
                if seen & (1 << field):
                    break
                seen |= 1 << field
                if form == _NULL:
                    if field == _TYPE or field == _TIME:
                        break
                elif field == _TIME:
                    if form == _TEXT:
                        instant = _instant(buffer, start, length)
                    elif form == _INTEGER:
                        instant = number * 1000
                    else:
                        break
                    if instant < earliest_us or instant >= latest_us:
                        break
                    times_us[line] = instant
                elif field == _AUTOMATIC or field == _RESOLVED or field == _NEGATIVE:
                    if form != _TRUE and form != _FALSE:
                        break
                    if field == _AUTOMATIC:
                        automatic[line] = form == _TRUE
                    elif field == _RESOLVED:
                        resolved[line] = form == _TRUE
                    else:
                        negative[line] = form == _TRUE
                elif field == _SLOTS:
                    if form != _INTEGER or number > 100_000:
                        break
                    slots[line] = number
                elif form != _TEXT:
                    break
                elif field == _TYPE:
                    types[line] = code
                    if types[line] < 0:
                        break
                elif field == _STATE:
                    states[line] = _look(
                        state_words,
                        state_values,
                        word_at(buffer, start, length),
                        word_at(buffer, start + 8, length - 8),
                        word_at(buffer, start + 16, length - 16),
                        length,
                    )
                    if states[line] < 0:
                        break
                elif field == _ID:
                    if length:
                        ids[line] = key
                elif length > _NAME_BYTES_MAX:
                    break
                elif field == _CUSTOMER:
                    if length:
                        customers[line] = key
                elif field == _CONTACT:
                    if length:
                        contacts[line] = key
                        names[line, 0], names[line, 1] = start, start + length
                elif field == _AGENT:
                    if not length:  # Nobody; some types need somebody, and the strict decoder knows which.
                        break
                    agents[line] = key
                else:
                    said += blended(key, field)
            # What follows.
            while buffer[place] == 32:
                place += 1
            if buffer[place] == 44:
                follows = True
            elif buffer[place] == 125:
                place += 1
                while buffer[place] == 32 or buffer[place] == 13:
                    place += 1
                if buffer[place] == 10 and seen & 3 == 3:
                    result = PLAIN
        end = _end(buffer, place)
        status[line], ends[line], saids[line] = result, end, said
        place = end + 1
        line += 1


def _byte_classes() -> NDArray[np.int8]:
    """0 for bytes of names; 1 for those that end a name or are not plain; 2 and 3 begin characters that may not be."""
    classes = np.zeros(256, np.int8)
    classes[:32] = 1
    classes[[34, 92, 127]] = 1
    classes[0xC2], classes[0xE2] = 2, 3
    return classes


_CLASSES = _byte_classes()
_FIELD_LEXICON = Lexicon(FIELDS)
