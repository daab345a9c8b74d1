"""The transport that makes Faust fast: what one fetch brought of one partition becomes one message.

Faust spends some 100 µs on each message, whatever is in it; a message that is a stretch of a thousand records shares that. Owns:
the joining, and which offset may be committed. Never decodes, so no bytes can make it raise.

Law: an offset is committed only when all before it was processed, in the order in which it was delivered. Faust's own
bookkeeping does not keep this: a message in flight may be committed past, and a commit that failed is taken for done.
Written for the minor version of Faust that `pyproject.toml` pins, because it overrides what Faust does not promise.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any, cast

from aiokafka import TopicPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP, ConsumerMessage, Message
from mode.utils.futures import notify

from streams.kafka.stretches import Stretch

__all__ = ["JoiningConsumer", "JoiningTransport"]

#: How long the broker gathers what comes before it answers a fetch; so often it is known that nothing is unread, for which Faust would
#: wait 1.5 s. Whoever takes every record at once spends most of its time on being handed them.
FETCH_WAIT_MS = 50


class _Thread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._fetch_min_bytes = consumer._max_partition_fetch_bytes  # So much is there while there is a backlog.
        return consumer


class JoiningConsumer(Consumer):
    """Faust's consumer, with the records of `app.joined` topics joined to stretches. Other topics are left as they are."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        #: Last offsets of the stretches that were read and are not processed yet, oldest first.
        self._delivered: defaultdict[TP, deque[int]] = defaultdict(deque)
        self._processed: dict[TP, int] = {}
        #: Where reading stood when it last handed on what it had found.
        self._read_to: dict[TP, int] = {}

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def _wait_next_records(self, timeout: float) -> tuple[Any, set[TP] | None]:
        found, active = await super()._wait_next_records(timeout)
        if (
            not self.flow_active
        ):  # Partitions are being shared out anew: what was read is read again from where they are placed then.
            return None, active
        # Nobody reads at this moment, so that all before these positions is in `found` or was handed on before.
        for tp in active or ():
            if (state := self._state(tp)) and state.has_valid_position:
                self._read_to[tp] = state.position
        return {tp: self._joined(tp, records) for tp, records in (found or {}).items()}, active

    def _joined(self, tp: TP, records: Any) -> Any:
        if not self._joins(tp) or not records:
            return records
        stretch = Stretch(tp.topic, tp.partition, records)
        if stretch.next_offset > (
            self._read_offset[tp] or 0
        ):  # Faust passes over what lies before a place that was sought.
            self._delivered[tp].append(stretch.next_offset - 1)
        return [stretch]

    def _joins(self, tp: TP) -> bool:
        return tp.topic in self.app.joined  # type: ignore[attr-defined]

    def at_end_ms(self, tp: TP) -> int:
        """When the broker told last that nothing lies behind what is processed; 0 while something may."""
        state = self._state(tp)
        if state is None or state.highwater is None or tp not in self._active_partitions:
            return 0
        return 0 if self.underway(tp) or self._read_to.get(tp, -1) < state.highwater else int(state.timestamp)

    def underway(self, tp: TP) -> int:
        """Stretches that were fetched and are not processed yet."""
        processed = self._acked_index[tp]
        return sum(last not in processed for last in self._delivered[tp])

    def end(self, tp: TP) -> int:
        """Behind the last event that the broker has told of, 0 for none yet."""
        state = self._state(tp)
        return int(state.highwater or 0) if state else 0

    def _state(self, tp: TP) -> Any:
        consumer = self._thread._consumer
        subscription = consumer and consumer._subscription.subscription
        if not subscription or subscription.assignment is None:
            return None
        place = TopicPartition(tp.topic, tp.partition)
        return subscription.assignment.state_value(place) if place in subscription.assignment.tps else None

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Stretch):
            return super()._to_message(tp, record)
        last = record.next_offset - 1
        timestamp_s = record.records[-1].timestamp / 1_000
        # No key, no headers: they are each record's own. The value is the stretch, and the schema of the topic leaves it so.
        return ConsumerMessage(
            record.topic, record.partition, last, timestamp_s, 0, None, None, cast(bytes, record), None, None, None, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    def on_buffer_full(self, tp: TP) -> None:
        # Faust would leave this partition out and wait a whole second for the others to bring something. Without it, delivery
        # itself waits until the buffer has room, and goes on at once.
        if not self._joins(tp):
            super().on_buffer_full(tp)

    # What may be committed.

    def ack(self, message: Message) -> bool:
        if self._joins(message.tp) and message.generation_id != self.app.consumer_generation_id:
            # Delivered before a rebalance: its partition may be another's by now, or was begun anew.
            message.acked = True
            self._unacked_messages.discard(message)
            notify(self._waiting_for_ack)
            return False
        return super().ack(message)

    def _new_offset(self, tp: TP) -> int | None:
        if not self._joins(tp):
            return super()._new_offset(tp)
        processed, delivered = self._acked_index[tp], self._delivered[tp]
        while delivered and delivered[0] in processed:
            last = delivered.popleft()
            processed.discard(last)
            self._processed[tp] = last + 1
        self._acked[tp].clear()
        done = self._processed.get(tp)
        return None if done is None else self.app.committable(tp, done)  # type: ignore[attr-defined]

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if not self._joins(tp):  # Where messages are processed in order, gaps between offsets mean nothing.
            await super()._add_gap(tp, offset_from, offset_to)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        before = {tp: self._committed_offset[tp] for tp in offsets}
        committed = await super()._commit_offsets(offsets, start_new_transaction)
        if not committed:
            self._committed_offset.update(before)
        return committed

    # When the position is set anew, what was delivered before no longer counts.

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await super().on_partitions_revoked(revoked)
        self._forget(revoked)

    async def perform_seek(self) -> None:
        self._forget(list(self._delivered))
        await super().perform_seek()
        await self.app.placed(self)  # type: ignore[attr-defined]

    async def seek(self, partition: TP, offset: int) -> None:
        self._forget([partition])
        await super().seek(partition, offset)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        self._forget(partitions)
        await super().seek_wait(partitions)

    def _forget(self, tps: Iterable[TP]) -> None:
        for tp in tps:
            self._delivered.pop(tp, None)
            self._processed.pop(tp, None)
            self._acked_index.pop(tp, None)
            self._acked.pop(tp, None)
            self._read_to.pop(tp, None)


class JoiningTransport(Transport):
    Consumer = JoiningConsumer
