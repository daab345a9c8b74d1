"""Snapshots of shards in Kafka: state and place together, so that neither can be without the other.

Owns: the form in which a snapshot is cut into records, and the finding of whole ones. Never connects, never looks into a shard's bytes.

Law: a snapshot is taken whole or not at all. Two generations alternate in their keys, so that one which was interrupted, or that a
worker wrote that had been replaced, leaves another one whole. A snapshot is only of a step that counts, so it holds whoever made it.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from streams.kafka.steps import PART_BYTES

__all__ = ["Snapshot", "Snapshots", "next_generation", "records"]

GENERATIONS = 2
_MARK = b"FWN\x01"
_LEVEL = 1
_ID_BYTES = 8


class _Chunk(msgspec.Struct, array_like=True, frozen=True):
    snapshot: bytes
    generation: int
    index: int
    count: int
    number: int
    next_offset: int
    floor_us: int
    until_us: int
    claimant: bytes
    steps_offset: int
    packed: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A shard behind step `number`; reading of the events goes on at `next_offset`, and of the steps at `steps_offset`, where `claimant`
    is believed and nothing lies behind `number` yet. `shard` are its own bytes."""

    number: int
    next_offset: int
    floor_us: int
    until_us: int
    claimant: bytes
    steps_offset: int
    shard: bytes
    generation: int = 0


class Record(Protocol):
    value: bytes | None


_decoder = msgspec.msgpack.Decoder(_Chunk)
_encode = msgspec.msgpack.Encoder().encode


def records(snapshot: Snapshot, partition: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the records that hold it."""
    packed = zlib.compress(snapshot.shard, _LEVEL)
    pieces = [packed[at : at + PART_BYTES] for at in range(0, len(packed), PART_BYTES)]
    id_ = os.urandom(_ID_BYTES)
    for index, piece in enumerate(pieces):
        chunk = _Chunk(
            id_, snapshot.generation, index, len(pieces), snapshot.number, snapshot.next_offset, snapshot.floor_us,
            snapshot.until_us, snapshot.claimant, snapshot.steps_offset, piece,
        )  # fmt: skip
        yield f"{partition}/{snapshot.generation}/{index}".encode(), _MARK + _encode(chunk)


class Snapshots:
    """Takes the records of one partition, in order, and keeps those of each generation's last snapshot."""

    def __init__(self) -> None:
        self._chunks: list[dict[int, _Chunk]] = [{} for _ in range(GENERATIONS)]

    def take(self, record: Record) -> None:
        """Raises nothing for any bytes."""
        chunk = _read(record.value)
        if chunk is None:
            return
        chunks = self._chunks[chunk.generation]
        if chunks and next(iter(chunks.values())).snapshot != chunk.snapshot:
            chunks.clear()
        chunks[chunk.index] = chunk

    def newest(self) -> list[Snapshot]:
        """The whole ones, of the highest step first."""
        found = (_joined(chunks) for chunks in self._chunks)
        return sorted((one for one in found if one), key=lambda one: one.number, reverse=True)


def next_generation(newest: Snapshot | None) -> int:
    """Which one the next snapshot is of: never that of the newest one."""
    return 0 if newest is None else (newest.generation + 1) % GENERATIONS


def _read(value: bytes | None) -> _Chunk | None:
    if value is None or not value.startswith(_MARK):
        return None
    try:
        chunk = _decoder.decode(value[len(_MARK) :])
    except msgspec.DecodeError:
        return None
    return chunk if 0 <= chunk.generation < GENERATIONS and 0 <= chunk.index < chunk.count else None


def _joined(chunks: dict[int, _Chunk]) -> Snapshot | None:
    if not chunks or len(chunks) < next(iter(chunks.values())).count:
        return None
    try:
        shard = zlib.decompress(b"".join(chunks[index].packed for index in range(len(chunks))))
    except (KeyError, zlib.error):
        return None
    one = chunks[0]
    return Snapshot(
        one.number, one.next_offset, one.floor_us, one.until_us, one.claimant, one.steps_offset, shard, one.generation
    )
