"""Records put into topics and read out of them by plain clients, as a sender and an operator would.

Owns: the topics of one test. Never reads with the code under test.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import RetriableError

from streams.kafka.deadletters import DeadLetter
from streams.kafka.settings import KafkaSettings, Topic

__all__ = ["Records"]


class Records:
    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self.admin = KafkaAdminClient(**settings.client)

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self.admin.close()

    def create(self, topic: Topic, configuration: dict[str, str] | None = None) -> None:
        made = {"num_partitions": topic.partitions, "replication_factor": 1, "configs": configuration or {}}
        self.admin.create_topics({topic.name: made}, wait_for_metadata=True)

    def delete(self, topic: Topic) -> None:
        """With all that is in it; returns once it is gone."""
        self.admin.delete_topics([topic.name])
        while topic.name in self.admin.list_topics():
            time.sleep(0.2)

    def send(
        self,
        topic: Topic,
        values: Iterable[bytes | None],
        partition: int = 0,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """One record a value, in order, acknowledged by the broker before it returns."""
        asyncio.run(self._send(topic.name, list(values), partition, headers))

    async def _send(
        self, topic: str, values: Sequence[bytes | None], partition: int, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        async with AIOKafkaProducer(**self.settings.client, max_batch_size=500_000) as producer:
            sent: list[Any] = []
            batch = producer.create_batch()
            for value in values:
                if batch.append(key=None, value=value, timestamp=None, headers=list(headers)) is None:
                    sent.append(await producer.send_batch(batch, topic, partition=partition))
                    batch = producer.create_batch()
                    batch.append(key=None, value=value, timestamp=None, headers=list(headers))
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            await asyncio.gather(*sent)

    def send_letters(self, topic: Topic, letters: Sequence[DeadLetter]) -> None:
        """Dead letters, as a worker puts them there."""

        async def send() -> None:
            async with AIOKafkaProducer(**self.settings.client) as producer:
                for one in letters:
                    await producer.send_and_wait(topic.name, one.value, one.key, headers=one.headers)

        asyncio.run(send())

    def committed(self, topic: Topic) -> dict[int, int]:
        """What the group of the workers has committed, by partition."""
        try:
            found = self.admin.list_group_offsets(self.settings.group)[self.settings.group]
        except RetriableError:  # A broker that is new, or away, or just back.
            return {}
        return {tp.partition: kept.offset for tp, kept in found.items() if tp.topic == topic.name and kept.offset >= 0}

    def ends(self, topic: Topic) -> dict[int, int]:
        """The offset behind the last record, by partition."""
        tps = [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
        found = self.admin.list_partition_offsets(dict.fromkeys(tps, OffsetSpec.LATEST))
        return {tp.partition: kept.offset for tp, kept in found.items()}

    def read(self, topic: Topic) -> list[Any]:
        """Every record of the topic, by partition and offset."""
        consumer = KafkaConsumer(**self.settings.client, enable_auto_commit=False)
        try:
            tps = [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
            ends = consumer.end_offsets(tps)
            consumer.assign(tps)
            consumer.seek_to_beginning(*tps)
            found: list[Any] = []
            while any(consumer.position(tp) < end for tp, end in ends.items()):
                found += [record for records in consumer.poll(1_000).values() for record in records]
            return sorted(found, key=lambda record: (record.partition, record.offset))
        finally:
            consumer.close()
