"""What stands behind the gateway on a cluster: events go to Kafka, and are acknowledged once the brokers have them.

Owns: which line goes to which partition, the packing of the lines of one body into one record a partition, and the bytes that are on
their way. Never judges a line, never keeps one. Law: 200 means that all of a body is in Kafka; what is not known is said to be so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from time import time_ns
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer
from kafka.partitioner.default import murmur2

from engine.events import Decoded
from engine.keys import Secret
from streams.gateway import Busy
from streams.journal import Batch
from streams.kafka.lines import FINISHED, SCRUBBED, SOURCE
from streams.kafka.settings import KafkaSettings
from streams.kafka.steps import PART_BYTES

__all__ = ["Partitioner", "Sender", "packed", "partition_of"]

REQUEST_BYTES_MAX = 1_048_576
NAMES_REMEMBERED_MAX = 200_000
_BATCH_BYTES = 256 * 1024


@dataclass(slots=True)
class Sent:
    """Since the start of the process."""

    events: int = 0
    records: int = 0
    bytes: int = 0
    rejected: int = 0
    refused_busy: int = 0
    unknown: int = 0


def partition_of(name: str, partitions: int) -> int:
    """The partition of what is called so: the one that Kafka's own clients choose for this key."""
    return int((murmur2(name.encode("utf-8", "surrogatepass")) & 0x7FFFFFFF) % partitions)


class Partitioner:
    """Says where each row belongs: by its contact, else its agent, else its case or promise, else its id; a row with none of them goes
    with its source."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._known: dict[str, int] = {}

    def places(self, decoded: Decoded) -> list[int]:
        """By row."""
        agents = decoded.vocabulary.told_agents
        names = decoded.contact_names(np.arange(decoded.count))
        found = []
        for row, (name, agent, id_) in enumerate(
            zip(names, decoded.agents.tolist(), decoded.ids.tolist(), strict=True)
        ):
            told = name or agents[agent]
            if not told and (details := decoded.details.get(row)):
                told = details.case or details.promise
            found.append(self._place(told) if told else id_ % self._partitions if id_ else self._place(decoded.source))
        return found

    def _place(self, name: str) -> int:
        place = self._known.get(name)
        if place is None:
            if len(self._known) >= NAMES_REMEMBERED_MAX:  # They only save time.
                self._known.clear()
            place = self._known[name] = partition_of(name, self._partitions)
        return place


class Sender:
    """See streams.gateway.Service. Belongs to the event loop that `start` is called in."""

    def __init__(self, settings: KafkaSettings, secret: Secret, *, bytes_max: int, answer_s: float) -> None:
        self.secret = secret
        self.sent = Sent()
        self.ready = False
        self.closing = False
        self.underway_bytes = 0
        self._settings = settings
        self._bytes_max = bytes_max
        self._answer_s = answer_s
        self._partitioner = Partitioner(settings.partitions)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._producer: Any = None

    async def start(self) -> None:
        """Raises KafkaError where no broker answers, and ValueError where the topic has another number of partitions."""
        self._producer = AIOKafkaProducer(
            **self._settings.client, enable_idempotence=True, acks="all", max_request_size=REQUEST_BYTES_MAX,
            max_batch_size=_BATCH_BYTES,
        )  # fmt: skip
        await self._producer.start()
        found = len(await self._producer.partitions_for(self._settings.events.name))
        if found != self._settings.partitions:
            raise ValueError(
                f"The topic {self._settings.events.name} has {found} partitions and not {self._settings.partitions}, so contacts would be "
                f"torn apart; see floorwatch topics check, or set FLOORWATCH_KAFKA_PARTITIONS={found}."
            )
        self.ready = True

    async def stop(self) -> None:
        """Refuses what is new and waits for what is on its way."""
        self.closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._answer_s)
        if self._producer:
            await asyncio.wait({asyncio.ensure_future(self._producer.stop())}, timeout=self._answer_s)

    def begin(self) -> int:
        if self.closing or not self.ready:
            raise Busy(503, "The gateway is starting or stopping; nothing was stored, send it again later.")
        if self.underway_bytes >= self._bytes_max:
            self.sent.refused_busy += 1
            raise Busy(429, "The brokers are behind; nothing was stored, send it again.")
        return time_ns() // 1_000

    def end(self) -> None:
        pass

    def submit(self, batch: Batch, newest_us: int) -> Future[Batch]:
        self.sent.rejected += len(batch.rejects)
        done: Future[Batch] = Future()
        task = asyncio.get_running_loop().create_task(self._submit(batch, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return done

    async def _submit(self, batch: Batch, done: Future[Batch]) -> None:
        try:
            size = len(batch.body)
            self.underway_bytes += size
            task = asyncio.ensure_future(self._send(batch))
            task.add_done_callback(lambda _: self._arrived(size))
            async with asyncio.timeout(self._answer_s):
                await asyncio.shield(task)
            self.sent.events += batch.lines
            done.set_result(batch)
        except Exception:
            # It may be there, or come yet: an idempotent producer tries on.
            self.sent.unknown += 1
            done.set_exception(
                Busy(
                    504,
                    "Kafka has not confirmed it in time; some of it may be stored. Send it again, with the same ids.",
                )
            )

    def _arrived(self, size: int) -> None:
        self.underway_bytes -= size

    async def _send(self, batch: Batch) -> None:
        decoded = batch.payload if isinstance(batch.payload, list) else []
        headers = [(SOURCE, batch.source.encode()), (SCRUBBED, b"1")]
        records = [*packed(batch.body, [place for one in decoded for place in self._partitioner.places(one)])]
        sent = []
        for partition, value in records:
            sent.append(
                await self._producer.send(self._settings.events.name, value, partition=partition, headers=headers)
            )
            self.sent.records += 1
            self.sent.bytes += len(value)
        await asyncio.gather(*sent)

    async def finish(self, source: str) -> None:
        """Tells every partition that no more events come from that source."""
        headers = [(SOURCE, source.encode()), (FINISHED, b"1")]
        for partition in range(self._settings.partitions):
            await self._producer.send_and_wait(self._settings.events.name, b"", partition=partition, headers=headers)


def packed(body: bytes, places: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The lines of a body as records, with their partitions; those of one partition stay in their order."""
    lines = [line for line in body.split(b"\n") if line.strip(b" \t\r")]
    groups: dict[int, list[bytes]] = {}
    sizes: dict[int, int] = {}
    for place, line in zip(places, lines, strict=True):
        if sizes.get(place, 0) + len(line) > PART_BYTES and groups.get(place):
            yield place, b"\n".join(groups[place])
            groups[place], sizes[place] = [], 0
        groups.setdefault(place, []).append(line)
        sizes[place] = sizes.get(place, 0) + len(line) + 1
    for place, some in groups.items():
        yield place, b"\n".join(some)
