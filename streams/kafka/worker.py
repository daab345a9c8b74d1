"""The worker: a Faust application that holds one shard for each partition which the group gives it.

Owns: when a partition is begun, given up, stepped and saved, and the one thread on which all its shards are touched; the event loop
goes on meanwhile, so that the group hears of this worker. Never decides what an event means; that is the shard's.

Law: an offset is covered only by a step, a step only after the letters of what it could not read, a snapshot only by steps that
count, and what is committed only by a snapshot. So a worker may die at any moment. What cannot be gone on with ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalStateError
from faust.types import TP

from engine.watermark import NEVER_US
from streams.clock import Clock
from streams.intake import Pseudonyms
from streams.kafka.app import Application, create_app
from streams.kafka.deadletters import DeadLetter, fitting
from streams.kafka.lease import GivenUp, Lease, Overtaken
from streams.kafka.partition import Partition, Shards
from streams.kafka.ranges import Ranges
from streams.kafka.recovery import CannotRecover, recover
from streams.kafka.settings import KafkaSettings
from streams.kafka.snapshots import Snapshot, next_generation
from streams.kafka.stretches import Stretch
from streams.kafka.transport import JoiningConsumer
from streams.kafka.vitals import PartitionVitals, Vitals

__all__ = ["Pace", "Worker"]

FAREWELL_S_MAX = 20.0
SETTLE_S_MAX = 1.0
_REQUEST_BYTES_MAX = 1_048_576
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Pace:
    """When a worker does what."""

    tick_s: float = 0.2
    disorder_bound_us: int = 500_000
    near_us: int = 250_000
    quiet_us: int = 10_000_000
    """When the clock may begin to move event time: see streams.clock."""
    step_events: int = 100_000
    step_s: float = 1.0
    """So often there is a step while a backlog is read; otherwise with every tick that brings anything."""
    snapshot_s: float = 30.0
    snapshot_events: int = 2_000_000
    stall_s_max: float = 120.0
    """So long a partition may stand still with something to read; then the process ends."""
    tell_s: float = 2.0


@dataclass
class _Held:
    """A partition that is this worker's."""

    tp: TP
    lease: Lease
    clock: Clock
    vitals: PartitionVitals
    partition: Partition | None = None
    """None until its recovery has begun to read events."""
    unproven: bool = True
    """Whether nothing has come since reading was placed."""
    gap_offset: int = -1
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    letters: list[asyncio.Future[Any]] = field(default_factory=list)
    generation: int = 0
    covered: int | None = None
    """Below it, events are covered by a snapshot."""
    saved_number: int = 0
    saved_at: float = field(default_factory=time.monotonic)
    events_since: int = 0
    stepped_at: float = field(default_factory=time.monotonic)
    told_at: float = field(default_factory=time.monotonic)
    task: asyncio.Task[None] | None = None
    saving: asyncio.Task[None] | None = None

    def close(self) -> None:
        self.lease.close()
        for task in (self.task, self.saving):
            if task:
                task.cancel()


class Worker:
    """`app` is what `faust.Worker` runs. `tell` writes a sentence for the operator."""

    def __init__(
        self,
        settings: KafkaSettings,
        shards: Shards,
        pseudonyms: Pseudonyms,
        tell: Callable[[str], None],
        pace: Pace | None = None,
    ) -> None:
        self.vitals = Vitals()
        self._settings = settings
        self._shards = shards
        self._pseudonyms = pseudonyms
        self._tell = tell
        self._pace = pace or Pace()
        self._held: dict[int, _Held] = {}
        self._engine = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._producer: Any = None
        self._ticking: asyncio.Task[None] | None = None
        self._beat = time.monotonic()
        self._ended = False
        self.app = create_app(settings, self._handle, self._application())

    def is_alive(self) -> bool:
        """False when the event loop, or what has to be read, has stood still for too long."""
        beat_s = time.monotonic() - self._beat
        return max(beat_s, self.vitals.stalled_s()) < self._pace.stall_s_max

    def _application(self) -> type[Application]:
        worker = self

        class Ours(Application):
            def committable(self, tp: TP, processed: int) -> int | None:
                held = worker._held.get(tp.partition)
                return min(processed, held.covered) if held and held.covered else None

            async def placed(self, consumer: JoiningConsumer) -> None:
                await worker._place(consumer)

            async def on_start(self) -> None:
                await super().on_start()
                await worker._begin()

            async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
                await super()._on_partitions_revoked(revoked)
                # A courtesy, so no reason to keep others waiting: whoever comes next makes up what was not said.
                await asyncio.wait({asyncio.create_task(worker._guarded(worker._settle()))}, timeout=SETTLE_S_MAX)

            async def _stop_consumer(self) -> None:
                await super()._stop_consumer()
                await worker._end()

        return Ours

    # The process.

    async def _begin(self) -> None:
        self._producer = AIOKafkaProducer(
            **self._settings.client, enable_idempotence=True, acks="all", max_request_size=_REQUEST_BYTES_MAX
        )
        await self._producer.start()
        self._ticking = asyncio.create_task(self._guarded(self._tick_on()))
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    async def _end(self) -> None:
        """Nothing is read any more: the last steps and snapshots, so that nobody has to make anything again."""
        if self._ended:
            return
        self._ended = True
        try:
            async with asyncio.timeout(FAREWELL_S_MAX):
                if self._ticking:
                    await self._ticking
                await self._settle()
                for held in self._held.values():
                    if held.saving:
                        await held.saving
                    await self._save(held)
                if self.app.consumer:
                    await self.app.consumer.commit()
        except Exception as error:  # Whoever takes over makes it again.
            self._tell(f"The last snapshots were not kept ({type(error).__name__}: {error}); others make it up.")
        for held in self._held.values():
            held.close()
        if self._producer:
            await self._producer.stop()

    def _watch(self) -> None:
        while not self._ended:
            time.sleep(min(1.0, self._pace.stall_s_max / 4))
            if not self.is_alive() and not self._ended:
                self._tell(
                    f"Nothing has moved for {self._pace.stall_s_max:g} s although there is something to read; this worker ends, so that "
                    "others take over. If it comes again, see floorwatch topics lag and the log above."
                )
                os._exit(1)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """What fails in the background ends the process as well."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            is_told = isinstance(error, (CannotRecover, Overtaken))
            self._tell(str(error) if is_told else f"A fault of Floorwatch itself: {type(error).__name__}: {error}")
            await self.app.crash(error)

    async def _run(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._engine, work, *arguments)

    # Partitions come and go.

    async def _place(self, consumer: JoiningConsumer) -> None:
        """The group has shared out partitions anew. Those kept go on where they are, those that came are recovered meanwhile."""
        self.vitals.rebalances += 1
        tps = {tp.partition: tp for tp in consumer.assignment() if tp.topic == self._settings.events.name}
        for number in set(self._held) - set(tps):
            self._give_up(number)
        await self._give_up_what_was_claimed()
        for number, tp in tps.items():
            held = self._held.get(number)
            if held and held.partition:
                held.unproven = True
                held.vitals.moved_at_s = time.monotonic()
                await consumer.seek(tp, held.partition.next_offset)
                continue
            consumer.pause_partitions({tp})
            if held is None:
                self._held[number] = held = self._new(number, tp)
                held.task = asyncio.create_task(self._guarded(self._recover(held, consumer)))

    def _new(self, number: int, tp: TP) -> _Held:
        clock = Clock(near_us=self._pace.near_us, quiet_us=self._pace.quiet_us)
        self.vitals.partitions[number] = vitals = PartitionVitals()
        return _Held(tp, Lease(self._settings, self._producer, number), clock, vitals)

    def _give_up(self, number: int) -> None:
        self._held.pop(number).close()
        self.vitals.drop(number)

    async def _give_up_what_was_claimed(self) -> None:
        """Whoever was out of the group for a while may hold what others went on with."""
        settled = {number: held for number, held in self._held.items() if held.partition}
        if not settled:
            return
        async with Ranges(self._settings) as ranges:
            for number, held in settled.items():
                _, end = await ranges.bounds(self._settings.steps, number)
                if held.lease.failure or end != held.lease.next_offset:
                    self._give_up(number)

    async def _recover(self, held: _Held, consumer: JoiningConsumer) -> None:
        number, began = held.tp.partition, time.monotonic()
        partition, snapshot = await recover(
            self._settings, number, held.lease, self._shards, self._pseudonyms, self._engine, self._tell
        )
        held.generation = next_generation(snapshot)
        held.saved_number = snapshot.number if snapshot else 0
        held.covered = snapshot.next_offset if snapshot else None
        held.vitals.position, held.vitals.to_again = partition.next_offset, partition.known_offset
        held.vitals.moved_at_s = time.monotonic()
        held.partition = partition
        if partition.number:
            held.clock.restored(now_us(), max(0, partition.floor_us + self._pace.disorder_bound_us))
        with contextlib.suppress(IllegalStateError):  # Not ours at this moment: the next sharing out places it.
            await consumer.seek(held.tp, partition.next_offset)
            consumer.resume_partitions({held.tp})
        self._tell(
            f"Partition {number}: taken over in {time.monotonic() - began:.1f} s behind step {partition.number:,}; "
            f"{held.vitals.to_again - partition.next_offset:,} events again."
        )
        held.vitals.ready = not partition.is_recovering

    # Events.

    async def _handle(self, stretch: Stretch) -> None:
        held = self._held.get(stretch.partition)
        if held is None or held.partition is None:
            return  # It is read again once its recovery has come so far.
        # Faust may cancel its agent at any moment; what the shard has taken must be told all the same.
        await asyncio.shield(asyncio.create_task(self._take(held, held.partition, stretch)))

    async def _take(self, held: _Held, partition: Partition, stretch: Stretch) -> None:
        async with held.lock:
            if held.unproven and not await self._follows(held, partition, stretch):
                return
            was_recovering = partition.is_recovering
            with self.vitals.batch_seconds.time():
                taken = await self._run(partition.take, stretch)
            for letter in taken.letters:
                held.letters.append(await self._post(letter))
            held.events_since += taken.events
            vitals = held.vitals
            vitals.events += taken.events
            vitals.letters += len(taken.letters)
            vitals.again += taken.again
            vitals.position, vitals.moved_at_s = partition.next_offset, time.monotonic()
            if taken.events:
                held.clock.stamp(now_us(), taken.newest_us)
            if was_recovering:
                self._tell_recovery(held, partition)
            if partition.unsaid_events >= self._pace.step_events or self._step_is_due(held):
                await self._step(held, partition)

    async def _follows(self, held: _Held, partition: Partition, stretch: Stretch) -> bool:
        """What was read before reading was placed may still come; behind a gap that comes twice, there is nothing."""
        if stretch.first_offset > partition.next_offset and stretch.first_offset != held.gap_offset:
            held.gap_offset = stretch.first_offset
            await self.app.consumer.seek(held.tp, partition.next_offset)
            return False
        held.unproven = False
        return True

    def _tell_recovery(self, held: _Held, partition: Partition) -> None:
        vitals, number, now = held.vitals, held.tp.partition, time.monotonic()
        if not partition.is_recovering:
            vitals.ready = True
            held.clock.restored(now_us(), max(0, partition.floor_us + self._pace.disorder_bound_us))
            self._tell(f"Partition {number}: recovered, {vitals.again:,} events again.")
        elif now - held.told_at >= self._pace.tell_s:
            held.told_at = now
            left = max(vitals.to_again - partition.next_offset, 0)
            self._tell(f"Partition {number}: {vitals.again:,} of {vitals.again + left:,} events again.")

    async def _post(self, letter: DeadLetter) -> asyncio.Future[Any]:
        letter = fitting(letter)
        topic = self._settings.deadletters.name
        value = (
            b"" if letter.key is None is letter.value else letter.value
        )  # The client takes no record of nothing at all.
        sent: asyncio.Future[Any] = await self._producer.send(topic, value, letter.key, headers=letter.headers)
        return sent

    # Steps and snapshots.

    async def _tick_on(self) -> None:
        while not self._ended:
            self._beat = began = time.monotonic()
            for held in [*self._held.values()]:
                await self._tick(held)
            await asyncio.sleep(max(0.0, self._pace.tick_s - (time.monotonic() - began)))

    async def _tick(self, held: _Held) -> None:
        consumer: Any = self.app.consumer
        if not self._holds(held):
            return
        if held.lease.failure:
            raise held.lease.failure
        held.vitals.end = consumer.end(held.tp)
        async with held.lock:
            partition = held.partition
            if partition is None or not self._holds(held):
                held.vitals.moved_at_s = time.monotonic()
                return
            end_us = min(consumer.at_end_ms(held.tp) * 1_000, now_us())
            if end_us:  # Long ago where the client has gone silent.
                held.vitals.moved_at_s = time.monotonic() - (now_us() - end_us) / 1e6
            if partition.is_recovering:
                return
            if end_us or self._step_is_due(held):
                # What came to the broker behind that instant is not late because it is read late.
                clock_us = min(held.clock.tick(end_us), end_us) if end_us else 0
                await self._step(held, partition, clock_us - self._pace.disorder_bound_us if clock_us else NEVER_US)
            if self._snapshot_is_due(held, partition):
                snapshot = await self._snapshot(held, partition)
                held.saving = asyncio.create_task(self._guarded(self._keep(held, snapshot)))

    def _holds(self, held: _Held) -> bool:
        return self._held.get(held.tp.partition) is held

    def _step_is_due(self, held: _Held) -> bool:
        return time.monotonic() - held.stepped_at >= self._pace.step_s

    async def _step(self, held: _Held, partition: Partition, floor_us: int = NEVER_US) -> None:
        """Under the partition's lock."""
        if partition.is_recovering:
            return
        if held.letters:
            letters, held.letters = held.letters, []
            await asyncio.gather(*letters)
        held.stepped_at = time.monotonic()
        step = await self._run(partition.step, held.lease.claimant, floor_us)
        if step:
            await held.lease.write(step)
            held.vitals.steps += 1
            if 0 < step.until_us < -NEVER_US:
                held.vitals.watermark_us = step.until_us

    async def _settle(self) -> None:
        """A step of all that was absorbed, and all steps with the broker."""
        all_ = [*self._held.values()]
        for held in all_:
            async with held.lock:
                if held.partition and self._holds(held):
                    await self._step(held, held.partition)
        for held in all_:
            if held.partition and not held.partition.is_recovering:
                with contextlib.suppress(GivenUp):
                    await held.lease.until_confirmed(held.lease.written)

    def _snapshot_is_due(self, held: _Held, partition: Partition) -> bool:
        if partition.number == held.saved_number or partition.unsaid or (held.saving and not held.saving.done()):
            return False
        is_time = time.monotonic() - held.saved_at >= self._pace.snapshot_s
        return is_time or held.events_since >= self._pace.snapshot_events

    async def _snapshot(self, held: _Held, partition: Partition) -> Snapshot:
        """Under the partition's lock, with nothing absorbed behind the last step."""
        held.saved_at, held.events_since, held.saved_number = time.monotonic(), 0, partition.number
        # The log is known up to here, and what is written behind is this claimant's, or the step will not be confirmed.
        steps_offset = held.lease.next_offset
        shard = await self._run(partition.shard.snapshot)
        return Snapshot(
            partition.number, partition.next_offset, partition.floor_us, partition.until_us, held.lease.claimant, steps_offset,
            shard, held.generation,
        )  # fmt: skip

    async def _keep(self, held: _Held, snapshot: Snapshot) -> None:
        await held.lease.until_confirmed(snapshot.number)
        held.vitals.snapshot_bytes = await held.lease.save(snapshot)
        held.vitals.snapshot_at_s = time.time()
        held.generation = next_generation(snapshot)
        held.covered = snapshot.next_offset

    async def _save(self, held: _Held) -> None:
        """The last snapshot, with nothing read any more."""
        partition = held.partition
        if partition and not partition.is_recovering and partition.number != held.saved_number:
            await self._keep(held, await self._snapshot(held, partition))


def now_us() -> int:
    """The wall clock in microseconds since 1970."""
    return time.time_ns() // 1_000
