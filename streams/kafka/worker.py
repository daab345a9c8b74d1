"""The worker: a Faust application that holds one shard for each partition which the group gives it.

Owns: when a partition is begun and given up, the beat at which all are looked after, and the one thread on which all its shards are
touched; the event loop goes on meanwhile, so that the group hears of this worker. What is done with a partition is `streams.kafka.held`.

Law: what is committed is covered by a snapshot, so a worker may die at any moment. What cannot be gone on with ends the process; so
does standing still with something to read, which Faust's consumers are known for, without a word of theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalStateError
from faust.types import TP

from streams.intake import Pseudonyms
from streams.kafka.app import Application, create_app
from streams.kafka.held import Around, Held
from streams.kafka.lease import Overtaken
from streams.kafka.pace import Pace
from streams.kafka.partition import Shards
from streams.kafka.ranges import Ranges
from streams.kafka.recovery import CannotRecover, recover
from streams.kafka.settings import KafkaSettings
from streams.kafka.stretches import Stretch
from streams.kafka.transport import JoiningConsumer
from streams.kafka.vitals import Vitals

__all__ = ["Pace", "Worker"]

FAREWELL_S_MAX = 20.0
SETTLE_S_MAX = 1.0
_REQUEST_BYTES_MAX = 1_048_576
_Result = TypeVar("_Result")


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
        self.vitals = Vitals(settings.partitions)
        self._settings = settings
        self._shards = shards
        self._pseudonyms = pseudonyms
        self._tell = tell
        self._pace = pace or Pace()
        self._held: dict[int, Held] = {}
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

    @property
    def _consumer(self) -> JoiningConsumer:
        return cast(JoiningConsumer, self.app.consumer)

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
                    await held.save()
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
                held.placed()
                await consumer.seek(tp, held.partition.next_offset)
                continue
            consumer.pause_partitions({tp})
            if held is None:
                self._held[number] = held = Held(tp, self._around())
                held.task = asyncio.create_task(self._guarded(self._recover(held, consumer)))

    def _around(self) -> Around:
        return Around(self._settings, self._pace, self._producer, self.vitals, self._run, self._guarded, self._tell)

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

    async def _recover(self, held: Held, consumer: JoiningConsumer) -> None:
        number, began = held.tp.partition, time.monotonic()
        partition, snapshot = await recover(
            self._settings, number, held.lease, self._shards, self._pseudonyms, self._engine, self._tell, held.moved
        )
        held.begin(partition, snapshot)
        with contextlib.suppress(IllegalStateError):  # Not ours at this moment: the next sharing out places it.
            await consumer.seek(held.tp, partition.next_offset)
            consumer.resume_partitions({held.tp})
        self._tell(
            f"Partition {number}: taken over in {time.monotonic() - began:.1f} s behind step {partition.number:,}; "
            f"{held.vitals.to_again - partition.next_offset:,} events again."
        )

    # Events.

    async def _handle(self, stretch: Stretch) -> None:
        held = self._held.get(stretch.partition)
        if held is None or held.partition is None:
            return  # It is read again once its recovery has come so far.
        # Faust may cancel its agent at any moment; what the shard has taken must be told all the same.
        await asyncio.shield(asyncio.create_task(held.take(stretch, self._consumer)))

    async def _tick_on(self) -> None:
        while not self._ended:
            self._beat = began = time.monotonic()
            for held in [*self._held.values()]:
                if self._held.get(held.tp.partition) is held:
                    await held.tick(self._consumer)
            self.vitals.heed(self.app.monitor)
            await asyncio.sleep(max(0.0, self._pace.tick_s - (time.monotonic() - began)))

    async def _settle(self) -> None:
        """A step of all that was absorbed, and all steps with the broker."""
        all_ = [*self._held.values()]
        for held in all_:
            await held.settle()
        for held in all_:
            await held.until_confirmed()
