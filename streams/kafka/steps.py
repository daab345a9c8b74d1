"""The log of steps: what came of a partition's events, said by whoever claimed the partition last.

Owns: the form of a claim and of a step in Kafka, and the one rule by which everybody reads them. Never connects, never looks into
what a step brings.

Law: believed is who claimed last, and of him each number once, in order. A step of anybody else, or out of order, is as if it had
never been written; so a worker that does not know yet that it was replaced does no harm, and a record written twice neither.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

__all__ = ["PART_BYTES", "Claim", "Reader", "Step", "claimed", "decode", "encode", "new_claimant"]

#: What one record holds of a longer step or snapshot, with room for the rest of it below Kafka's mebibyte.
PART_BYTES = 900_000
CLAIMANT_BYTES = 16
_MARK = b"FWS\x01"
_LEVEL = 1


class Claim(msgspec.Struct, array_like=True, tag=0, frozen=True):
    """From here on only the steps of `claimant` count."""

    claimant: bytes


class Part(msgspec.Struct, array_like=True, tag=1, frozen=True):
    """A step, or one of the records that a long one is cut into."""

    claimant: bytes
    number: int
    to_offset: int
    floor_us: int
    until_us: int
    part: int
    parts: int
    packed: bytes


class Record(Protocol):
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Step:
    """All events below `to_offset` are absorbed, the clock has pushed time to `floor_us`, and everything before `until_us` is settled:
    `payload` is what came of it since the step before. `number` counts the steps of a partition from 1, whoever makes them."""

    claimant: bytes
    number: int
    to_offset: int
    floor_us: int
    until_us: int
    packed: bytes

    @classmethod
    def of(cls, claimant: bytes, number: int, to_offset: int, floor_us: int, until_us: int, payload: bytes) -> Step:
        return cls(claimant, number, to_offset, floor_us, until_us, zlib.compress(payload, _LEVEL))

    @property
    def payload(self) -> bytes:
        return zlib.decompress(self.packed)


_decoder: msgspec.msgpack.Decoder[Claim | Part] = msgspec.msgpack.Decoder(Claim | Part)
_encode = msgspec.msgpack.Encoder().encode


def new_claimant() -> bytes:
    return os.urandom(CLAIMANT_BYTES)


def encode(said: Claim | Step) -> Iterator[bytes]:
    """The values of the records that say it, to be written in this order."""
    if isinstance(said, Claim):
        yield _MARK + _encode(said)
        return
    pieces = [said.packed[at : at + PART_BYTES] for at in range(0, len(said.packed), PART_BYTES)]
    for index, piece in enumerate(pieces):
        part = Part(said.claimant, said.number, said.to_offset, said.floor_us, said.until_us, index, len(pieces), piece)
        yield _MARK + _encode(part)


def decode(value: bytes | None) -> Claim | Part | None:
    """What a record says; None for what is not ours. Raises nothing for any bytes."""
    if value is None or not value.startswith(_MARK):
        return None
    try:
        return _decoder.decode(value[len(_MARK) :])
    except msgspec.DecodeError:
        return None


def claimed(value: bytes | None) -> bytes | None:
    """Who claims with this record; None where it is no claim."""
    said = decode(value)
    return said.claimant if isinstance(said, Claim) else None


class Reader:
    """Tells the steps that count from the others, record by record of one partition, in order.

    `claimant` and `number` are who was believed and which step was the last where reading begins: nobody and 0 at the beginning of
    the log. A log of which the beginning was deleted is read with number None: its first step is taken for what it says.
    """

    def __init__(self, claimant: bytes | None = None, number: int | None = 0) -> None:
        self.claimant = claimant
        self.number = number
        self.ignored = 0
        self._parts: list[bytes] = []

    @property
    def is_within(self) -> bool:
        """Whether a step has begun and not come to its end."""
        return bool(self._parts)

    def accept(self, record: Record) -> Step | None:
        """The step that this record brings to its end, None for everything else. Raises nothing for any bytes."""
        said = decode(record.value)
        if isinstance(said, Claim):
            self.claimant, self._parts = said.claimant, []
            return None
        if said is None or not self._counts(said):
            self.ignored += 1
            return None
        self._parts.append(said.packed)
        if len(self._parts) < said.parts:
            return None
        packed, self._parts = b"".join(self._parts), []
        self.claimant, self.number = said.claimant, said.number
        return Step(said.claimant, said.number, said.to_offset, said.floor_us, said.until_us, packed)

    def _counts(self, part: Part) -> bool:
        if self.number is None:  # Where a log begins that was cut, it may begin in the middle of a step.
            return self.claimant in (None, part.claimant) and part.part == len(self._parts)
        expected = part.number == self.number + 1 and part.part == len(self._parts)
        return expected and part.claimant == self.claimant


def without_payload(step: Step) -> Step:
    """What is needed to repeat a step."""
    return replace(step, packed=b"")
