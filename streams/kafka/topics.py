"""The topics in Kafka: made as the settings say, compared with them, and how far behind the workers are.

Owns: what is asked of Kafka by `floorwatch topics`, through kafka-python, which is never on the hot path. Never changes a topic
that is there, because that can lose events or move contacts to other shards: it says what differs and how to mend it.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, OffsetSpec
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    RetriableError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from streams.kafka.settings import KafkaSettings, Topic

__all__ = ["Difference", "KafkaFailure", "Lag", "administration", "check", "create", "failures", "lag", "patience"]

#: How long a command waits for the first answer.
ANSWER_S_MAX = 5.0
_UNREAD_S_MAX = 10.0


class KafkaFailure(Exception):
    """Kafka did not do what was asked; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a topic is not as the settings say, and what to do about it."""

    topic: str
    what: str
    wanted: str
    found: str
    mend: str


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind the workers are in one partition. `committed` None: nothing was ever committed, all of it is unread.
    `oldest_unread_age_s` None: nothing is unread."""

    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int
    oldest_unread_age_s: float | None


class _Heard(logging.Handler):
    """What the client reports while it tries, because in the end it raises no more than that it took too long."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text: deque[str] = deque(maxlen=100)

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(record.getMessage())


@contextmanager
def failures(settings: KafkaSettings) -> Iterator[None]:
    """Turns what the client raises into a KafkaFailure that says why."""
    logger, heard = logging.getLogger("kafka.net"), _Heard()
    logger.addHandler(heard)
    try:
        yield
    except UnknownTopicOrPartitionError:
        raise KafkaFailure("A topic is missing; run floorwatch topics create.") from None
    except (KafkaError, OSError) as error:
        reason = _reason(error, " ".join(heard.text), login=settings.mechanism is not None)
        raise KafkaFailure(f"Kafka at {','.join(settings.bootstrap)} {reason}") from None
    finally:
        logger.removeHandler(heard)


def _reason(error: Exception, heard: str, *, login: bool) -> str:
    if isinstance(error, AuthorizationError):
        return f"does not allow this ({error}); grant it to the user."
    if "SaslAuthenticationFailed" in heard:
        return "refuses the login; check the user, the password and the mechanism."
    if login and "broker_version=(" in heard and "socket disconnected" in heard:
        # The client drops an answer that it reads together with the end of the connection, and a refusal always ends one.
        return (
            "hangs up during the login, as it does when it refuses one; check the user, the password and the mechanism."
        )
    if failed := re.search(r"Handshake failed: (\[.*?\] )?(.*?) \(_ssl", heard):
        return f"cannot be spoken to over TLS ({failed[2]}); check FLOORWATCH_KAFKA_TLS and FLOORWATCH_KAFKA_TLS_CA."
    return f"does not answer ({error}); check that it runs, and FLOORWATCH_KAFKA_BOOTSTRAP and FLOORWATCH_KAFKA_TLS."


def patience(settings: KafkaSettings) -> dict[str, Any]:
    """What a client of kafka-python is to be constructed with, so that a person need not wait long for a broker that is away."""
    return settings.client | {"bootstrap_timeout_ms": int(ANSWER_S_MAX * 1_000)}


@contextmanager
def administration(settings: KafkaSettings) -> Iterator[KafkaAdminClient]:
    """A client for the functions below, closed at the end. Raises KafkaFailure for whatever fails inside."""
    with failures(settings):
        client = KafkaAdminClient(**patience(settings))
        try:
            yield client
        finally:
            client.close()


def create(client: KafkaAdminClient, settings: KafkaSettings) -> list[str]:
    """Makes the topics that are not there, and leaves the others as they are; returns the names of those it made."""
    wanted = {
        topic.name: {"num_partitions": topic.partitions, "replication_factor": settings.replication,
                     "configs": topic.configuration}
        for topic in settings.topics
    }  # fmt: skip
    answers = client.create_topics(wanted, raise_errors=False)["topics"]
    for answer in answers:
        error = for_code(answer["error_code"])
        if answer["error_code"] and error is not TopicAlreadyExistsError:
            raise KafkaFailure(f"The topic {answer['name']} was not made: {answer['error_message'] or error.__name__}")
    made = [answer["name"] for answer in answers if not answer["error_code"]]
    if made:
        client.wait_for_topics(made)
    return made


def check(client: KafkaAdminClient, settings: KafkaSettings) -> list[Difference]:
    """Everything in which the topics are not as the settings say."""
    names = [topic.name for topic in settings.topics]
    described = {one["name"]: one["partitions"] for one in client.describe_topics(names) if not one["error_code"]}
    resources = [ConfigResource("topic", name) for name in described]
    configured = client.describe_configs(resources, config_filter="all")["topic"] if resources else {}
    found: list[Difference] = []
    for topic in settings.topics:
        if topic.name not in described:
            found.append(Difference(topic.name, "topic", "there", "missing", "floorwatch topics create"))
            continue
        partitions = described[topic.name]
        found += _compare_partitions(topic, len(partitions))
        copies = min(len(partition["replica_nodes"]) for partition in partitions)
        if settings.replication not in (-1, copies):
            mend = "kafka-reassign-partitions.sh, or set FLOORWATCH_KAFKA_REPLICATION"
            found.append(Difference(topic.name, "replication", str(settings.replication), str(copies), mend))
        for name, wanted in topic.configuration.items():
            value = configured[topic.name][name]["value"]
            if value != wanted:
                mend = f"kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} --add-config {name}={wanted}"
                found.append(Difference(topic.name, name, wanted, value, mend))
    return found


def _compare_partitions(topic: Topic, count: int) -> list[Difference]:
    if count == topic.partitions:
        return []
    keep = f"set FLOORWATCH_KAFKA_PARTITIONS={count}"
    more = f"with all workers stopped and all events read, kafka-topics.sh --alter --topic {topic.name} --partitions {topic.partitions}"
    fewer = f"delete {topic.name} and create it anew, which loses what it holds"
    mend = f"{keep}, or {more if count < topic.partitions else fewer}"
    return [Difference(topic.name, "partitions", str(topic.partitions), str(count), mend)]


def lag(client: KafkaAdminClient, settings: KafkaSettings, group: str | None = None) -> list[Lag]:
    """How far the group (the workers, unless another is named) is behind in every partition of the events."""
    (described,) = client.describe_topics([settings.events.name])
    if described["error_code"]:
        raise for_code(described["error_code"])(settings.events.name)
    tps = sorted(TopicPartition(settings.events.name, one["partition_index"]) for one in described["partitions"])
    kept = _committed(client, group or settings.group)
    committed = {tp: kept[tp].offset for tp in tps if tp in kept and kept[tp].offset >= 0}
    ends = client.list_partition_offsets(dict.fromkeys(tps, OffsetSpec.LATEST))
    begins = client.list_partition_offsets(dict.fromkeys(tps, OffsetSpec.EARLIEST))
    # What retention has taken can no longer be read.
    unread = {tp: max(committed.get(tp, 0), begins[tp].offset) for tp in tps}
    times_ms = _times_ms(settings, {tp: offset for tp, offset in unread.items() if offset < ends[tp].offset})
    now_ms = time.time() * 1_000
    return [
        Lag(tp.topic, tp.partition, committed.get(tp), ends[tp].offset, max(ends[tp].offset - unread[tp], 0),
            round(max(now_ms - times_ms[tp], 0) / 1_000, 3) if tp in times_ms else None)
        for tp in tps
    ]  # fmt: skip


def _committed(client: KafkaAdminClient, group: str) -> dict[TopicPartition, Any]:
    """A broker that is new, or has just started, needs a moment before it knows its groups."""
    deadline = time.monotonic() + ANSWER_S_MAX
    while True:
        try:
            offsets: dict[TopicPartition, Any] = client.list_group_offsets(group)[group]
            return offsets
        except RetriableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _times_ms(settings: KafkaSettings, offsets: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
    """The stamp of the first record at or behind each offset."""
    found: dict[TopicPartition, int] = {}
    if not offsets:
        return found
    consumer = KafkaConsumer(**patience(settings), group_id=None, enable_auto_commit=False)
    try:
        consumer.assign(list(offsets))
        for tp, offset in offsets.items():
            consumer.seek(tp, offset)
        deadline = time.monotonic() + _UNREAD_S_MAX
        while len(found) < len(offsets) and time.monotonic() < deadline:
            for tp, records in consumer.poll(500).items():
                if records and tp not in found:
                    found[tp] = records[0].timestamp
                    consumer.pause(tp)
    finally:
        consumer.close()
    return found
