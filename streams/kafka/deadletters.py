"""Dead letters: what came in and could not be read, kept with where it came from and why.

Owns: the form of a dead letter in Kafka, which is the original bytes as the value and everything else as headers; finding them and
sending them again. Never repairs a letter, and never puts its content into a message or a log: only `show` prints it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import UnknownTopicOrPartitionError
from kafka.structs import OffsetAndMetadata

from streams.kafka.settings import KafkaSettings
from streams.kafka.stretches import Stretch
from streams.kafka.topics import patience

if TYPE_CHECKING:  # With the engine's compiled loops, a command would take a second longer to start.
    from engine.events import Reject

__all__ = ["DeadLetter", "dead_letters", "first_unsent", "fitting", "read", "resend"]

_READ_S_MAX = 10
#: What of a letter is kept at most: a record may have been larger once its sender's compression is undone.
VALUE_BYTES_MAX = 900_000
KEY_BYTES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One line, or one record without any, that could not be read. `number` is its offset among the dead letters, `at_ms` when it
    was put there; both are None before. `line` counts from 1 within its record; 0 is a record that holds nothing."""

    reason: str
    topic: str
    partition: int
    offset: int
    line: int
    key: bytes | None
    value: bytes | None
    number: int | None = None
    at_ms: int | None = None

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        told = {"reason": self.reason, "topic": self.topic, "partition": self.partition, "offset": self.offset,
                "line": self.line}  # fmt: skip
        return [(name, str(value).encode()) for name, value in told.items()]


def dead_letters(stretch: Stretch, rejects: Sequence[Reject]) -> list[DeadLetter]:
    """The letters of a stretch, of whose body those lines were rejected. Records that hold nothing are letters too."""
    rejects = sorted(rejects, key=lambda reject: reject.line)
    found = stretch.find([reject.line for reject in rejects])
    letters = [
        DeadLetter(reject.reason, stretch.topic, stretch.partition, record.offset, line, record.key, value)
        for reject, (record, line, value) in zip(rejects, found, strict=True)
    ]
    letters += [
        DeadLetter("null_value" if record.value is None else "empty_value", stretch.topic, stretch.partition,
                   record.offset, 0, record.key, record.value)
        for record in stretch.empty
    ]  # fmt: skip
    return sorted(letters, key=lambda letter: (letter.offset, letter.line))


def fitting(letter: DeadLetter) -> DeadLetter:
    """The letter as Kafka takes it: one that is too long is cut, and its reason says so."""
    value, key = (letter.value or b"")[:VALUE_BYTES_MAX], (letter.key or b"")[:KEY_BYTES_MAX]
    if value == (letter.value or b"") and key == (letter.key or b""):
        return letter
    return replace(letter, value=value, key=key or None, reason=f"{letter.reason}_cut")


def read(settings: KafkaSettings, first: int = 0) -> Iterator[DeadLetter]:
    """Every dead letter that is kept, from number `first` on, oldest first. What others put into the topic is passed over."""
    consumer = KafkaConsumer(**patience(settings), group_id=None, enable_auto_commit=False)
    try:
        tp = TopicPartition(settings.deadletters.name, 0)
        if not consumer.partitions_for_topic(tp.topic):
            raise UnknownTopicOrPartitionError(tp.topic)
        consumer.assign([tp])
        (begin,), (end,) = consumer.beginning_offsets([tp]).values(), consumer.end_offsets([tp]).values()
        consumer.seek(tp, max(first, begin))
        while consumer.position(tp) < end:
            for record in consumer.poll(_READ_S_MAX * 1_000).get(tp, []):
                if record.offset < end and (letter := _letter(record)):
                    yield letter
    finally:
        consumer.close()


def _letter(record: Any) -> DeadLetter | None:
    told = dict(record.headers)
    try:
        partition, offset, line = (int(told[name]) for name in ("partition", "offset", "line"))
        reason, topic = told["reason"].decode(), told["topic"].decode()
    except (KeyError, ValueError):
        return None
    return DeadLetter(reason, topic, partition, offset, line, record.key, record.value, record.offset, record.timestamp)


def resend(settings: KafkaSettings, letters: Iterable[DeadLetter]) -> int:
    """Sends the letters again to the topic and partition that they came from; returns how many, once the brokers have them all."""
    producer = KafkaProducer(**patience(settings), acks="all", enable_idempotence=True)
    try:
        # No key: the partition is given, and a key beside no value would delete what is kept under it.
        sent = [producer.send(one.topic, value=one.value, partition=one.partition) for one in letters if one.value]
        producer.flush()
        for future in sent:
            future.get(settings.request_timeout_s)
        return len(sent)
    finally:
        producer.close()


def first_unsent(settings: KafkaSettings, *, done: int | None = None) -> int:
    """The number behind the last letter that was sent again with all the others; `done` sets it."""
    tp = TopicPartition(settings.deadletters.name, 0)
    consumer = KafkaConsumer(**patience(settings), group_id=f"{settings.prefix}.deadletters", enable_auto_commit=False)
    try:
        consumer.assign([tp])
        if done is not None:
            consumer.commit({tp: OffsetAndMetadata(done, "", -1)})
            return done
        return int(consumer.committed(tp) or 0)
    finally:
        consumer.close()
