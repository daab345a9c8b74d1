"""A worker's claim to one partition, and what it writes under it.

Owns: the writing of claims, steps and snapshots, in order, and the knowledge how far all of it counts. Never decides what a step is.

Law: nothing is told as counting that somebody else's claim may have overtaken. Whoever alone writes to a log gets offsets without a
gap; where there is one, what lies in it is read, and a claim in it is the end of this one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.kafka import steps
from streams.kafka.ranges import Ranges
from streams.kafka.settings import KafkaSettings
from streams.kafka.snapshots import Snapshot, records
from streams.kafka.steps import Claim, Step, new_claimant

__all__ = ["GivenUp", "Lease", "Overtaken"]

#: Steps that are on their way to the broker; a further one waits.
UNCONFIRMED_MAX = 32


class Overtaken(Exception):
    """Another worker has claimed the partition since."""


class GivenUp(Exception):
    """This worker itself has given the partition up."""


class Lease:
    """`claim` first; then `write` steps. `failure` is set once no further step can count."""

    def __init__(self, settings: KafkaSettings, producer: AIOKafkaProducer, partition: int) -> None:
        self.claimant = new_claimant()
        self.confirmed = 0
        """The last step that is kept and counts."""
        self.next_offset = 0
        """Behind the last record of the log of which all before it is known."""
        self.written = 0
        """The last step that counts, or will once it is confirmed."""
        self.failure: BaseException | None = None
        self._settings = settings
        self._producer = producer
        self._partition = partition
        self._sent: deque[tuple[int, list[asyncio.Future[Any]]]] = deque()
        self._changed = asyncio.Condition()
        self._confirming: asyncio.Task[None] | None = None

    async def claim(self) -> int:
        """Returns the offset of the claim: what lies before it may count, what others write behind it does not."""
        (value,) = steps.encode(Claim(self.claimant))
        kept = await self._producer.send_and_wait(self._settings.steps.name, value, partition=self._partition)
        self.next_offset = kept.offset + 1
        self._confirming = asyncio.create_task(self._confirm())
        return int(kept.offset)

    async def write(self, step: Step) -> None:
        """Hands the step to the producer; it counts once `confirmed` has come to its number."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._sent) < UNCONFIRMED_MAX or self.failure)
            self._check()
            if step.number != self.written + 1:
                raise RuntimeError(
                    f"Partition {self._partition}: step {step.number} follows step {self.written}; nobody would believe it. Report this."
                )
            self.written = step.number
            topic = self._settings.steps.name
            sent = [await self._producer.send(topic, part, partition=self._partition) for part in steps.encode(step)]
            self._sent.append((step.number, sent))
            self._changed.notify_all()

    async def until_confirmed(self, number: int) -> None:
        """Waits until that step counts."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.confirmed >= number or self.failure)
            self._check()

    async def save(self, snapshot: Snapshot) -> int:
        """Writes a snapshot; returns its bytes once all of it is kept."""
        size, sent = 0, []
        for key, value in await asyncio.to_thread(lambda: list(records(snapshot, self._partition))):
            topic = self._settings.snapshots.name
            sent.append(await self._producer.send(topic, value, key, partition=self._partition))
            size += len(value)
        await asyncio.gather(*sent)
        return size

    def close(self) -> None:
        """Whoever waits for a step gets GivenUp."""
        if self._confirming:
            self._confirming.cancel()

    def _check(self) -> None:
        if self.failure:
            raise self.failure

    async def _confirm(self) -> None:
        try:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: self._sent)
                    number, sent = self._sent[0]
                for one in sent:
                    await self._reach((await one).offset)
                async with self._changed:
                    self._sent.popleft()
                    self.confirmed = number
                    self._changed.notify_all()
        except (Exception, asyncio.CancelledError) as error:
            async with self._changed:
                self.failure = GivenUp() if isinstance(error, asyncio.CancelledError) else error
                self._changed.notify_all()

    async def _reach(self, offset: int) -> None:
        """A record of ours lies there. An offset before what is known is one that the broker has forgotten to tell."""
        if offset != self.next_offset:
            begin = min(self.next_offset, offset) if offset >= 0 else self.next_offset
            async with Ranges(self._settings) as ranges:
                end = offset if offset >= 0 else (await ranges.bounds(self._settings.steps, self._partition))[1]
                async for record in ranges.read(self._settings.steps, self._partition, begin, end):
                    if steps.claimed(record.value) not in (None, self.claimant):
                        raise Overtaken(
                            f"Partition {self._partition} was claimed by another worker; what this one made since does not count."
                        )
                    offset = max(offset, record.offset)
        self.next_offset = offset + 1
