"""Bytes cut into records, however they come in pieces: lines, blocks between blank lines, rows of CSV, JSON documents.

Owns where a record begins and ends and the line at which it began. Never reads one. The laws: any split of the same bytes gives the
same records; a record longer than `RECORD_BYTES_MAX` costs one notice and no memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from streams.intake import OBJECTS_BYTES_MAX, BodyError, lines_of

__all__ = ["RECORD_BYTES_MAX", "Blocks", "Frame", "Frames", "Json", "Lines", "Rows", "Whole"]

RECORD_BYTES_MAX = 1_000_000
_BOM = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """A record and the line at which it begins; None instead of one that was too long."""

    number: int
    record: bytes | None


class Frames(Protocol):
    """`feed` pieces in their order, then `finish`."""

    def feed(self, data: bytes) -> Iterator[Frame]: ...

    def finish(self) -> Iterator[Frame]: ...


class Lines:
    """One record a line, blank ones left out."""

    def __init__(self, first_line: int = 1) -> None:
        self._rest = b""
        self._line = first_line
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from self._ended(line)
        if len(self._rest) > RECORD_BYTES_MAX:
            self._rest, self._skipping = b"", True

    def finish(self) -> Iterator[Frame]:
        if self._rest or self._skipping:
            yield from self._ended(self._rest)
        self._rest = b""

    @property
    def unread(self) -> int:
        """Bytes that were fed and are not part of a record yet."""
        return len(self._rest)

    def _ended(self, line: bytes) -> Iterator[Frame]:
        number = self._line
        self._line += 1
        line = line.removeprefix(_BOM) if number == 1 else line
        if self._skipping or len(line) > RECORD_BYTES_MAX:
            self._skipping = False
            yield Frame(number, None)
        elif line.strip():
            yield Frame(number, line.rstrip(b"\r"))


class _Gathered(ABC):
    """Records of several lines."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._parts: list[bytes] = []
        self._size = 0
        self._began = 1

    @abstractmethod
    def feed(self, data: bytes) -> Iterator[Frame]:
        """The records that end in these bytes, which follow on what was fed before."""

    def _add(self, line: bytes, number: int) -> None:
        if not self._parts:
            self._began = number
        self._size += len(line) + 1
        if self._size <= RECORD_BYTES_MAX:
            self._parts.append(line)

    def _taken(self) -> Iterator[Frame]:
        if self._parts:
            too_long = self._size > RECORD_BYTES_MAX
            yield Frame(self._began, None if too_long else b"\n".join(self._parts))
        self._parts, self._size = [], 0


class Blocks(_Gathered):
    """Records between blank lines, as managers' interfaces write them."""

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""
        self._line = 1

    def feed(self, data: bytes) -> Iterator[Frame]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield from self._line_of(line)
        if len(self._rest) > RECORD_BYTES_MAX:
            self._size, self._rest = self._size + len(self._rest), b""
            self._parts = self._parts or [b""]

    def finish(self) -> Iterator[Frame]:
        if self._rest:
            yield from self._line_of(self._rest)
        self._rest = b""
        yield from self._taken()

    def _line_of(self, line: bytes) -> Iterator[Frame]:
        line = line.rstrip(b"\r")
        if line.strip():
            self._add(line, self._line)
        else:
            yield from self._taken()
        self._line += 1


class Rows(_Gathered):
    """Rows of CSV: a line break within quotes belongs to its row, which is so where the quotes so far are odd."""

    def __init__(self) -> None:
        super().__init__()
        self._odd = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        for frame in self._lines.feed(data):
            yield from self._row(frame)

    def finish(self) -> Iterator[Frame]:
        for frame in self._lines.finish():
            yield from self._row(frame)
        yield from self._taken()

    def _row(self, frame: Frame) -> Iterator[Frame]:
        if frame.record is None:
            self._parts, self._size, self._odd = [], 0, False
            yield frame
            return
        self._add(frame.record, frame.number)
        self._odd ^= frame.record.count(b'"') % 2 == 1
        if self._size > RECORD_BYTES_MAX:
            self._odd = False
        if not self._odd:
            yield from self._taken()


class Json:
    """JSON objects: one a line, or, where all of it is short, an array or objects printed over several lines."""

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._lines = Lines()

    def feed(self, data: bytes) -> Iterator[Frame]:
        if self._head is not None:
            self._head += data
            if len(self._head) <= OBJECTS_BYTES_MAX:
                return
            data, self._head = self._head, None
        yield from self._lines.feed(data)

    def finish(self) -> Iterator[Frame]:
        if self._head:
            try:
                head = lines_of(self._head)
            except BodyError:
                head = self._head
            yield from self._lines.feed(head)
        self._head = None
        yield from self._lines.finish()


class Whole:
    """All of it is one record, as the body of a request."""

    def __init__(self) -> None:
        self._data = b""
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._too_long |= len(self._data) + len(data) > RECORD_BYTES_MAX
        self._data = b"" if self._too_long else self._data + data
        yield from ()

    def finish(self) -> Iterator[Frame]:
        if self._too_long or self._data.strip():
            yield Frame(1, None if self._too_long else self._data)
        self._data, self._too_long = b"", False
