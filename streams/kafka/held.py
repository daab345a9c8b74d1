"""A partition that is this worker's: from a stretch of records to letters, steps and snapshots, in the order that makes them count.

Owns: the partition's lock, its clock, and when it is stepped and saved. Never decides which partitions are held, never reads from
Kafka. Law: an offset is covered only by a step, a step only after the letters of what it could not read, a snapshot only by steps
that count.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from faust.types import TP

from engine.watermark import NEVER_US
from streams.clock import Clock
from streams.kafka.deadletters import DeadLetter, fitting
from streams.kafka.lease import GivenUp, Lease
from streams.kafka.pace import Pace
from streams.kafka.partition import Partition
from streams.kafka.settings import KafkaSettings
from streams.kafka.snapshots import Snapshot, next_generation
from streams.kafka.stretches import Stretch
from streams.kafka.vitals import Vitals

__all__ = ["Around", "Held", "now_us"]


class Reading(Protocol):
    """What is asked of the consumer."""

    def at_end_ms(self, tp: TP) -> int: ...
    def end(self, tp: TP) -> int: ...
    def underway(self, tp: TP) -> int: ...
    async def seek(self, partition: TP, offset: int) -> None: ...


@dataclass(frozen=True)
class Around:
    """What all partitions of a worker share. `run` calls something on the engine's thread; `guarded` has a failure in the background end
    the process."""

    settings: KafkaSettings
    pace: Pace
    producer: AIOKafkaProducer
    vitals: Vitals
    run: Callable[..., Awaitable[Any]]
    guarded: Callable[[Any], Any]
    tell: Callable[[str], None]


class Held:
    """`partition` is None until its recovery has begun to read events; `covered` is the offset below which a snapshot covers events;
    `task` is the recovery, `saving` the snapshot that is being kept."""

    def __init__(self, tp: TP, around: Around) -> None:
        now_s = time.monotonic()
        self.tp = tp
        self.lease = Lease(around.settings, around.producer, tp.partition)
        self.partition: Partition | None = None
        self.covered: int | None = None
        self.task: asyncio.Task[None] | None = None
        self.saving: asyncio.Task[None] | None = None
        self.vitals = around.vitals.begin(tp.partition)
        self._around, self._pace = around, around.pace
        self._clock = self._held_clock()
        self._heard_us = 0
        self._lock = asyncio.Lock()
        self._letters: list[asyncio.Future[Any]] = []
        # Whether nothing has come since reading was placed; and the last gap behind which something came.
        self._unproven, self._gap_offset = True, -1
        self._generation = self._saved_number = self._events_since = 0
        self._saved_at = self._stepped_at = self._told_at = now_s
        self._given_up = False

    def begin(self, partition: Partition, snapshot: Snapshot | None) -> None:
        """Recovery has come so far that events are to be read."""
        vitals = self.vitals
        self._generation = next_generation(snapshot)
        self._saved_number = snapshot.number if snapshot else 0
        self.covered = snapshot.next_offset if snapshot else None
        vitals.position, vitals.to_again = partition.next_offset, partition.known_offset
        self.partition, self._heard_us = partition, now_us()
        self.placed()
        if partition.number:
            self._clock = self._held_clock(now_us())
        vitals.ready = not partition.is_recovering

    def placed(self) -> None:
        """Reading begins anew where the partition stands."""
        self._unproven = True
        self.moved()

    def moved(self) -> None:
        """Tells the watchdog that this gets on."""
        self.vitals.moved_at_s = time.monotonic()

    def close(self) -> None:
        """Another's now; what is underway does not count."""
        self._given_up = True
        self.lease.close()
        for task in (self.task, self.saving):
            if task:
                task.cancel()

    # Events.

    async def take(self, stretch: Stretch, consumer: Reading) -> None:
        """Takes what of it was not taken yet, and makes a step where one is due."""
        async with self._lock:
            partition = self.partition
            if partition is None or (self._unproven and not await self._follows(partition, stretch, consumer)):
                return
            was_recovering, vitals = partition.is_recovering, self.vitals
            with self._around.vitals.batch_seconds.time():
                taken = await self._around.run(partition.take, stretch)
            for letter in taken.letters:
                self._letters.append(await self._post(letter))
            self._events_since += taken.events
            vitals.events += taken.events
            vitals.letters += len(taken.letters)
            vitals.again += taken.again
            vitals.position, vitals.moved_at_s = partition.next_offset, time.monotonic()
            vitals.read_at_s = max(vitals.read_at_s, stretch.records[-1].timestamp / 1_000)
            self._hear(now_us())
            if taken.events:
                self._clock.stamp(now_us(), taken.newest_us)
            if was_recovering:
                self._tell_recovery(partition)
            is_all = stretch.next_offset >= consumer.end(self.tp) and partition.has_come_further
            if is_all or partition.unsaid_events >= self._pace.step_events or self._step_is_due():
                await self._step(partition)

    async def _follows(self, partition: Partition, stretch: Stretch, consumer: Reading) -> bool:
        """What was read before reading was placed may still come; behind a gap that comes twice, there is nothing."""
        if stretch.first_offset > partition.next_offset and stretch.first_offset != self._gap_offset:
            self._gap_offset = stretch.first_offset
            await consumer.seek(self.tp, partition.next_offset)
            return False
        self._unproven = False
        return True

    def _tell_recovery(self, partition: Partition) -> None:
        vitals, number, now_s = self.vitals, self.tp.partition, time.monotonic()
        if not partition.is_recovering:
            vitals.ready = True
            self._clock = self._held_clock(now_us())
            self._around.tell(f"Partition {number}: recovered, {vitals.again:,} events again.")
        elif now_s - self._told_at >= self._pace.tell_s:
            self._told_at = now_s
            left = max(vitals.to_again - partition.next_offset, 0)
            self._around.tell(f"Partition {number}: {vitals.again:,} of {vitals.again + left:,} events again.")

    async def _post(self, letter: DeadLetter) -> asyncio.Future[Any]:
        letter = fitting(letter)
        topic = self._around.settings.deadletters.name
        # The client takes no record of nothing at all.
        value = b"" if letter.key is None is letter.value else letter.value
        sent: asyncio.Future[Any] = await self._around.producer.send(topic, value, letter.key, headers=letter.headers)
        return sent

    # The clock.

    def _held_clock(self, now_us: int = 0) -> Clock:
        """One that is held as at a start, at the instant to which the partition was pushed."""
        clock = Clock(near_us=self._pace.near_us, quiet_us=self._pace.quiet_us)
        if now_us:
            floor_us = self.partition.floor_us if self.partition else NEVER_US
            clock.restored(now_us, max(0, floor_us + self._pace.disorder_bound_us))
        return clock

    def _hear(self, heard_us: int) -> None:
        """The broker has answered. Behind a silence, what could not be sent meanwhile comes first, as it does at a start."""
        if self._heard_us and heard_us - self._heard_us > self._pace.silence_us:
            self._clock = self._held_clock(heard_us)
        self._heard_us = max(self._heard_us, heard_us)

    # Steps and snapshots.

    async def tick(self, consumer: Reading) -> None:
        """What is due by the clock. Raises what ended the lease."""
        if self.lease.failure:
            raise self.lease.failure
        vitals = self.vitals
        vitals.end, vitals.underway = consumer.end(self.tp), consumer.underway(self.tp)
        vitals.unconfirmed = self.lease.written - self.lease.confirmed
        async with self._lock:
            partition = self.partition
            if partition is None or self._given_up:
                return
            end_us = min(consumer.at_end_ms(self.tp) * 1_000, now_us())
            if end_us:  # Long ago where the client has gone silent.
                vitals.moved_at_s = time.monotonic() - (now_us() - end_us) / 1e6
                vitals.read_at_s = max(vitals.read_at_s, end_us / 1e6)
                self._hear(end_us)
            if partition.is_recovering:
                return
            if end_us or self._step_is_due():
                # What came to the broker behind that instant is not late because it is read late.
                clock_us = min(self._clock.tick(end_us), end_us) if end_us else 0
                await self._step(partition, clock_us - self._pace.disorder_bound_us if clock_us else NEVER_US)
            if self._snapshot_is_due(partition):
                snapshot = await self._snapshot(partition)
                self.saving = asyncio.create_task(self._around.guarded(self._keep(snapshot)))

    def _step_is_due(self) -> bool:
        return time.monotonic() - self._stepped_at >= self._pace.step_s

    async def _step(self, partition: Partition, floor_us: int = NEVER_US) -> None:
        """Under the partition's lock."""
        if partition.is_recovering:
            return
        if self._letters:
            letters, self._letters = self._letters, []
            await asyncio.gather(*letters)
        self._stepped_at = time.monotonic()
        for step in await self._around.run(partition.steps, self.lease.claimant, floor_us):
            await self.lease.write(step)
            self.vitals.steps += 1
            if 0 < step.until_us < -NEVER_US:
                self.vitals.watermark_us = step.until_us

    async def settle(self) -> None:
        """A step of all that was absorbed."""
        async with self._lock:
            if self.partition and not self._given_up:
                await self._step(self.partition)

    async def until_confirmed(self) -> None:
        """Waits until all steps are with the broker, or the partition is another's."""
        if self.partition and not self.partition.is_recovering:
            with contextlib.suppress(GivenUp):
                await self.lease.until_confirmed(self.lease.written)

    def _snapshot_is_due(self, partition: Partition) -> bool:
        if partition.number == self._saved_number or partition.unsaid or (self.saving and not self.saving.done()):
            return False
        is_time = time.monotonic() - self._saved_at >= self._pace.snapshot_s
        return is_time or self._events_since >= self._pace.snapshot_events

    async def _snapshot(self, partition: Partition) -> Snapshot:
        """Under the partition's lock, with nothing absorbed behind the last step."""
        self._saved_at, self._events_since, self._saved_number = time.monotonic(), 0, partition.number
        # The log is known up to here, and what is written behind is this claimant's, or the step will not be confirmed.
        steps_offset = self.lease.next_offset
        shard = await self._around.run(partition.shard.snapshot)
        return Snapshot(
            partition.number, partition.next_offset, partition.floor_us, partition.until_us, self.lease.claimant, steps_offset,
            shard, self._generation,
        )  # fmt: skip

    async def _keep(self, snapshot: Snapshot) -> None:
        await self.lease.until_confirmed(snapshot.number)
        self.vitals.snapshot_bytes = await self.lease.save(snapshot)
        self.vitals.snapshot_at_s = time.time()
        self._generation = next_generation(snapshot)
        self.covered = snapshot.next_offset

    async def save(self) -> None:
        """The last snapshot, with nothing read any more."""
        if self.saving:
            await self.saving
        partition = self.partition
        if partition and not partition.is_recovering and partition.number != self._saved_number:
            await self._keep(await self._snapshot(partition))


def now_us() -> int:
    """The wall clock in microseconds since 1970."""
    return time.time_ns() // 1_000
