"""Where does the time go from a broker's acknowledgement to the figure in the hub?

Owns: a reader beside the cluster that follows the topics of events and of steps while a load runs, and the cutting of every body's way
at four instants that can be seen from outside. Never touches a process of the cluster, so that what is measured is what runs. The hops of
a body add up to its whole way; a body's figure needs all partitions, so each hop ends when the last of them is there.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import inf

import msgspec
from kafka import KafkaConsumer, TopicPartition

from streams.kafka.partition import STEP_US
from streams.kafka.settings import KafkaSettings
from streams.kafka.steps import Reader

__all__ = ["HOPS", "Hops"]

HOPS = (
    "until newer events in every partition have passed the bound of disorder",
    "until every partition's worker has made the step that says so",
    "until a reader of the log of steps has them",
    "until the hub has published the figure",
)


class _Event(msgspec.Struct):
    time: int


@dataclass
class _Seen:
    """Of one partition: how far event time had come (rising), and when; of steps when they were written and when read."""

    newest_us: list[int] = field(default_factory=list)
    appended_s: list[float] = field(default_factory=list)
    until_us: list[int] = field(default_factory=list)
    written_s: list[float] = field(default_factory=list)
    read_s: list[float] = field(default_factory=list)


class Hops:
    """Follows while it is entered; then `of` tells a body's hops."""

    def __init__(self, settings: KafkaSettings, disorder_us: int = 500_000) -> None:
        self._disorder_us = disorder_us
        self._seen = [_Seen() for _ in range(settings.partitions)]
        self._readers = [Reader() for _ in range(settings.partitions)]
        self._event = msgspec.json.Decoder(_Event)
        self._steps, self._ended = settings.steps.name, threading.Event()
        self._consumer = KafkaConsumer(**settings.client, group_id=None, enable_auto_commit=False, check_crcs=False)
        numbers = range(settings.partitions)
        tps = [TopicPartition(topic, number) for topic in (settings.events.name, self._steps) for number in numbers]
        self._consumer.assign(tps)
        for tp in tps:
            self._consumer.seek(tp, 0)
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Hops:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._consumer.close()
        for seen in self._seen:
            seen.newest_us = [*accumulate(seen.newest_us, max)]

    def of(self, time_us: int, acknowledged_s: float, published_s: float) -> list[float]:
        """Seconds of each hop of a body whose events are of one instant; below zero where a hop was over before it began."""
        until_us = (time_us // STEP_US + 1) * STEP_US
        passed = [_when(seen.newest_us, until_us + self._disorder_us, seen.appended_s) for seen in self._seen]
        written = [_when(seen.until_us, until_us, seen.written_s) for seen in self._seen]
        read = [_when(seen.until_us, until_us, seen.read_s) for seen in self._seen]
        # Where nothing newer came, the clock has moved time, and the worker alone knows when.
        passed_s = min(max(passed), max(written))
        instants = [acknowledged_s, passed_s, max(written), max(read), published_s]
        return [after - before for before, after in pairwise(instants)]

    def _follow(self) -> None:
        while not self._ended.is_set():
            for tp, records in self._consumer.poll(100).items():
                seen, now_s = self._seen[tp.partition], time.time()
                for record in records:
                    if tp.topic != self._steps:
                        if record.value:
                            event = self._event.decode(record.value.rpartition(b"\n")[2])
                            seen.newest_us.append(event.time * 1_000)
                            seen.appended_s.append(record.timestamp / 1_000)
                    elif step := self._readers[tp.partition].accept(record):
                        seen.until_us.append(step.until_us)
                        seen.written_s.append(record.timestamp / 1_000)
                        seen.read_s.append(now_s)


def _when(rising: list[int], wanted: int, instants_s: list[float]) -> float:
    """When it was first as much as that; endless where it never was."""
    place = bisect_left(rising, wanted)
    return instants_s[place] if place < len(instants_s) else inf
