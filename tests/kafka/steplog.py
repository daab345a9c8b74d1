"""The log of steps, followed while workers write it: how far each partition has come, and when.

Owns a plain client of its own, beside the code under test. Instants are those that a step was written with, so that it does not matter
how often somebody looks. A broker that is away is waited for.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import TracebackType

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams.kafka.settings import KafkaSettings
from streams.kafka.steps import Reader, claimed

__all__ = ["StepLog"]


class StepLog:
    """`offsets` are by partition the ends of the steps that count, `instants_s` when each was written, `claims_s` when somebody claimed
    it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.offsets: list[list[int]] = [[] for _ in range(settings.partitions)]
        self.instants_s: list[list[float]] = [[] for _ in range(settings.partitions)]
        self.claims_s: list[list[float]] = [[] for _ in range(settings.partitions)]
        self._events = settings.events.name
        self._readers = [Reader() for _ in range(settings.partitions)]
        self._consumer = KafkaConsumer(**settings.client, group_id=None, enable_auto_commit=False)
        tps = [TopicPartition(settings.steps.name, number) for number in range(settings.partitions)]
        self._consumer.assign(tps)
        for tp in (
            tps
        ):  # From its first record on, which is never deleted in a test, also where the broker forgets who reads.
            self._consumer.seek(tp, 0)

    def __enter__(self) -> StepLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def poll(self) -> None:
        """Takes what has come."""
        try:
            found = self._consumer.poll(200)
        except KafkaError:
            time.sleep(0.2)
            return
        for tp, records in found.items():
            for record in records:
                if claimed(record.value):
                    self.claims_s[tp.partition].append(record.timestamp / 1_000)
                if step := self._readers[tp.partition].accept(record):
                    self.offsets[tp.partition].append(step.to_offset)
                    self.instants_s[tp.partition].append(record.timestamp / 1_000)

    def until_covered(
        self, ends: Mapping[int, int], seconds: float = 180, meanwhile: Callable[[], None] = lambda: None
    ) -> float:
        """Waits until steps cover all events below these ends; returns the instant at which the last of them did."""
        deadline = time.monotonic() + seconds
        while any((self.offsets[partition] or [0])[-1] < end for partition, end in ends.items()):
            told = {partition: (some or [0])[-1] for partition, some in enumerate(self.offsets)}
            assert time.monotonic() < deadline, f"events up to {dict(ends)}, and steps up to {told}"
            meanwhile()
            self.poll()
        covering = {partition: bisect_left(self.offsets[partition], end) for partition, end in ends.items() if end}
        return max((self.instants_s[partition][index] for partition, index in covering.items()), default=time.time())

    def ends(self) -> dict[int, int]:
        """Of the events, by partition."""
        tps = [TopicPartition(self._events, number) for number in range(len(self.offsets))]
        while True:
            try:
                return {tp.partition: end for tp, end in self._consumer.end_offsets(tps).items()}
            except KafkaError:  # It tries for its own time-out, so this ends with the test's patience.
                time.sleep(0.2)

    def longest_pause_s(self, since_s: float, until_s: float, partition: int) -> float:
        """Between two steps of a partition that were written within a stretch of time."""
        instants = [since_s, *(one for one in self.instants_s[partition] if since_s < one < until_s), until_s]
        return max(after - before for before, after in pairwise(instants))
