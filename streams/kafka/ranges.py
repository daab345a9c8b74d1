"""Reading what a partition of a topic holds between two offsets, beside the group of the workers.

Owns a plain client, which joins no group and commits nothing. Never decodes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka.settings import KafkaSettings, Topic

__all__ = ["Ranges"]

_WAIT_MS = 500


class Ranges:
    """Use as an async context manager."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._consumer = AIOKafkaConsumer(
            **settings.client, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
            max_partition_fetch_bytes=settings.fetch_bytes_max, fetch_max_wait_ms=_WAIT_MS,
        )  # fmt: skip

    async def __aenter__(self) -> Ranges:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def bounds(self, topic: Topic, partition: int) -> tuple[int, int]:
        """The first offset that is kept, and the one behind the last."""
        tp = TopicPartition(topic.name, partition)
        begins = await self._consumer.beginning_offsets([tp])
        ends = await self._consumer.end_offsets([tp])
        return begins[tp], ends[tp]

    async def read(self, topic: Topic, partition: int, begin: int, end: int) -> AsyncIterator[Any]:
        """The records that there are, in order."""
        if begin >= end:
            return
        tp = TopicPartition(topic.name, partition)
        self._consumer.assign([tp])
        self._consumer.seek(tp, begin)
        while await self._consumer.position(tp) < end:
            for record in (await self._consumer.getmany(tp, timeout_ms=_WAIT_MS)).get(tp, ()):
                if record.offset < end:
                    yield record
