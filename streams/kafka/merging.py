"""The steps of all partitions, merged: what a hub knows, and how it is kept.

Owns: reading the log of steps from where the last file ends, and that file. Never starts a thread, never asks the time: whoever
holds it calls it from one thread. Law: the file has the state and, of each partition, the record behind which it stands, so what was
merged is never merged again; and a hub without its file reads the log from the beginning and comes to the same figures.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import UnknownTopicOrPartitionError

from engine.errors import InvalidSetting
from engine.merged import Merged
from engine.pipeline import Settings
from engine.watermark import NEVER_US
from streams.kafka.settings import KafkaSettings
from streams.kafka.steps import Reader
from streams.kafka.topics import patience

__all__ = ["FILE", "Merging"]

FILE = "hub.state"


class _Place(msgspec.Struct):
    """Where the reading of a partition goes on: the record, and whom the reader believes."""

    offset: int
    claimant: bytes | None
    number: int | None


class _Kept(msgspec.Struct):
    """What the file holds."""

    topic: str
    places: list[_Place]
    merged: bytes


class Merging:
    """`merged` is the engine, `steps` how many were taken, `folder` where state is kept, None for nowhere.

    Raises kafka.errors.KafkaError where Kafka fails, BrokenInvariant and InvalidSetting for steps that do not fit.
    """

    def __init__(
        self, kafka: KafkaSettings, settings: Settings, folder: Path | None, tell: Callable[[str], None]
    ) -> None:
        self._kafka, self._settings, self._tell = kafka, settings, tell
        self._file = None if folder is None else folder / FILE
        self._consumer = KafkaConsumer(
            **patience(kafka), group_id=None, enable_auto_commit=False, fetch_max_bytes=64 << 20, max_poll_records=2_000
        )
        self.steps = 0
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        topic = self._kafka.steps.name
        numbers = self._consumer.partitions_for_topic(topic)
        if not numbers:
            raise UnknownTopicOrPartitionError(topic)
        self._partitions = [TopicPartition(topic, number) for number in range(len(numbers))]
        self._consumer.assign(self._partitions)
        first = self._consumer.beginning_offsets(self._partitions)
        self.merged = Merged(self._settings, len(numbers))
        self._places = [_Place(0, None, 0) for _ in self._partitions]
        self._restore(topic)
        for tp, place in zip(self._partitions, self._places, strict=True):
            if place.offset < first[tp]:
                raise InvalidSetting(
                    f"the log of steps of partition {tp.partition} begins at record {first[tp]:,} and this hub has merged up to "
                    f"{place.offset:,}; what lies between was deleted: copy the state of a hub that goes on, or begin with empty topics"
                )
            self._consumer.seek(tp, place.offset)
        self._readers = [Reader(place.claimant, place.number) for place in self._places]
        self._targets = self._consumer.end_offsets(self._partitions)

    # Reading.

    @property
    def unread(self) -> int:
        """Records that lay in the log when reading began and are not merged yet."""
        pairs = zip(self._partitions, self._places, strict=True)
        return sum(max(0, self._targets[tp] - place.offset) for tp, place in pairs)

    @property
    def is_ended(self) -> bool:
        """Whether every source has ended, and everything is merged."""
        return self.merged.watermark_us >= -NEVER_US

    def poll(self, wait_s: float) -> int:
        """Takes what has come in, after waiting at most so long for something; returns how many steps that was."""
        taken = 0
        for tp, records in self._consumer.poll(int(wait_s * 1_000)).items():
            reader, place = self._readers[tp.partition], self._places[tp.partition]
            for record in records:
                if (step := reader.accept(record)) is not None:
                    self.merged.take(tp.partition, step.payload)
                    taken += 1
                if not reader.is_within:  # Of a step in several records, all are read again.
                    place.offset = record.offset + 1
                    place.claimant, place.number = reader.claimant, reader.number
        self.steps += taken
        return taken

    def lag(self) -> dict[int, int]:
        """By partition the records of the log that are not merged yet."""
        ends = self._consumer.end_offsets(self._partitions)
        pairs = zip(self._partitions, self._places, strict=True)
        return {tp.partition: max(0, ends[tp] - place.offset) for tp, place in pairs}

    def told_until_us(self) -> dict[int, int]:
        """By partition up to which instant its steps have told all; those that have told nothing, or have ended, are left out."""
        told = enumerate(part.until_us for part in self.merged.parts)
        return {number: until_us for number, until_us in told if abs(until_us) < -NEVER_US}

    def close(self) -> None:
        self._consumer.close()

    # The file.

    def save(self) -> int:
        """Writes the file anew, whole or not at all; returns its size in bytes, 0 where there is none."""
        if self._file is None:
            return 0
        data = msgspec.msgpack.encode(_Kept(self._kafka.steps.name, self._places, self.merged.snapshot()))
        part = self._file.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._file)
        return len(data)

    def _restore(self, topic: str) -> None:
        if self._file is None or not self._file.exists():
            return
        try:
            kept = msgspec.msgpack.decode(self._file.read_bytes(), type=_Kept)
        except msgspec.DecodeError:
            self._tell(f"The file {self._file} is damaged; the log of steps is merged from its beginning.")
            return
        if kept.topic != topic:
            raise InvalidSetting(
                f"{self._file} was made from the topic {kept.topic}, and this hub reads {topic}; name another data folder"
            )
        try:
            self.merged = Merged.restore(kept.merged, self._settings, len(self._partitions))
        except InvalidSetting as fault:
            self._tell(
                f"The state in {self._file} is not gone on with: {fault}. The log of steps is merged from its beginning."
            )
            return
        self._places = kept.places
