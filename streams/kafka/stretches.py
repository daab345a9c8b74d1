"""Stretches: consecutive records of one partition, handed on in one piece.

Owns: the joining of records to one body of lines, and the way back from a line of it to the record that it came in. Never
changes a byte of a record: a line end is put between two records, so an event never runs on into the next, and a record may hold
no line, one or many. Law: every record of a stretch, empty or null too, can be found again by its position.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Protocol

__all__ = ["Record", "Stretch"]


class Record(Protocol):
    """What is needed of a record, as aiokafka reads it: `value` is None in a tombstone, `timestamp` has milliseconds."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Stretch:
    """Records of one partition in the order of their offsets, of which there is at least one. Offsets may have gaps."""

    topic: str
    partition: int
    records: Sequence[Record]

    @property
    def first_offset(self) -> int:
        return self.records[0].offset

    @property
    def next_offset(self) -> int:
        """Where reading goes on once all of this is done."""
        return self.records[-1].offset + 1

    @cached_property
    def body(self) -> bytes:
        """All values as lines."""
        return b"\n".join([record.value or b"" for record in self.records])

    @property
    def empty(self) -> list[Record]:
        """The records that hold nothing at all: tombstones, and values of no bytes. No line of the body tells of them."""
        return [record for record in self.records if not record.value]

    def find(self, lines: Sequence[int]) -> list[tuple[Record, int, bytes]]:
        """For each line of the body, counted from 1 and rising: its record, which line of that record it is, and its bytes."""
        found: list[tuple[Record, int, bytes]] = []
        index, parts = -1, [b""]
        for line in lines:
            if (at := bisect_right(self._first_lines, line) - 1) != index:
                index, parts = at, (self.records[at].value or b"").split(b"\n")
            within = line - self._first_lines[index]
            found.append((self.records[index], within + 1, parts[within]))
        return found

    @cached_property
    def _first_lines(self) -> list[int]:
        counts = ((record.value or b"").count(b"\n") + 1 for record in self.records[:-1])
        return list(accumulate(counts, initial=1))

    def since(self, offset: int) -> Stretch | None:
        """What of it lies at `offset` or behind it; None where nothing does."""
        if offset <= self.first_offset:
            return self
        return self._with(self.records[self._place(offset) :])

    def until(self, offset: int) -> Stretch | None:
        """What of it lies before `offset`; None where nothing does."""
        if offset >= self.next_offset:
            return self
        return self._with(self.records[: self._place(offset)])

    def _place(self, offset: int) -> int:
        return bisect_right(self.records, offset - 1, key=lambda record: record.offset)

    def _with(self, records: Sequence[Record]) -> Stretch | None:
        return Stretch(self.topic, self.partition, records) if records else None
