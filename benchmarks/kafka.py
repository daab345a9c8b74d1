"""How many events a second does a worker count, and how many records an empty Faust agent read, in one run?

`python -m benchmarks.kafka` fills a topic, has it read by the idiomatic agent (one record a message, `async for`), by an empty one
behind our transport, and by the worker itself: from the first event to the step that covers the last, with one event a record and
with records of many. Each is a process of its own and a new group. The broker is the one that KAFKA_BOOTSTRAP names, or one that
is started for it as the tests do.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from engine.keys import PUBLIC
from streams.figures import live_settings
from streams.intake import Pseudonyms
from streams.kafka.app import create_app
from streams.kafka.lines import SCRUBBED
from streams.kafka.ranges import Ranges
from streams.kafka.settings import KafkaSettings
from streams.kafka.steps import Reader
from streams.kafka.stretches import Stretch
from streams.kafka.topics import administration, create
from streams.kafka.worker import Pace, Worker
from streams.kafka.worker_command import EngineShards
from streams.policy.reading import default_policy

_ROOT = Path(__file__).parents[1]
_EVENT = (
    b'{"id":"m-%d","type":"message.customer","contact":"c-%d","time":%d,"queue":"aftersales","channel":"wechat",'
    b'"tenant":"shop-7","region":"east"}'
)
_BEGIN_MS = 1_762_862_400_000
#: Events of a record that a gateway packs.
PACKED = 500


def fill(settings: KafkaSettings, count: int, packed: int = 1) -> None:
    """So many events, `packed` a record, in one partition; those of many as a gateway writes them, who has removed identities."""
    with administration(settings) as client:
        create(client, settings)
    asyncio.run(_send(settings, count, packed))


async def _send(settings: KafkaSettings, count: int, packed: int) -> None:
    async with AIOKafkaProducer(**settings.client, max_batch_size=500_000) as producer:
        sent: list[Any] = []
        headers = [(SCRUBBED, b"1")] if packed > 1 else []
        batch = producer.create_batch()
        for first in range(0, count, packed):
            value = b"\n".join(
                _EVENT % (n, n % 1_000, _BEGIN_MS + n // 10) for n in range(first, min(first + packed, count))
            )
            if batch.append(key=None, value=value, timestamp=None, headers=headers) is None:
                sent.append(await producer.send_batch(batch, settings.events.name, partition=0))
                batch = producer.create_batch()
                batch.append(key=None, value=value, timestamp=None, headers=headers)
        sent.append(await producer.send_batch(batch, settings.events.name, partition=0))
        await asyncio.gather(*sent)


def measure(settings: KafkaSettings, count: int, *, joined: bool) -> float:
    """Records a second from the first that the agent is given to the last of `count`, all of which it must be given."""
    told = {"bootstrap": settings.bootstrap, "prefix": settings.prefix, "count": count, "joined": joined}
    read = subprocess.run(
        [sys.executable, "-m", "benchmarks.kafka", "--read", json.dumps(told)],
        cwd=_ROOT,
        capture_output=True,
        check=True,
    )
    return float(read.stdout.split()[-1])


def count_events(settings: KafkaSettings, count: int) -> float:
    """Events a second that one worker counts: from its first step to the one that covers the last of `count`, by the broker's clock, and
    only of what lies between; what it does before is to start. The first worker of a new engine compiles it, which counts."""
    told = {"bootstrap": settings.bootstrap, "prefix": settings.prefix}
    command = [sys.executable, "-m", "benchmarks.kafka", "--count", json.dumps(told)]
    # Faust plays with the cursor.
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            return asyncio.run(_watched(settings, count))
        finally:
            worker.kill()


async def _watched(settings: KafkaSettings, count: int) -> float:
    end, reader = await _bounds(settings), Reader()
    seen: list[tuple[float, int]] = []
    async with AIOKafkaConsumer(settings.steps.name, **settings.client, auto_offset_reset="earliest") as consumer:
        async for record in consumer:
            if step := reader.accept(record):
                seen.append((record.timestamp / 1_000, step.to_offset))
                if step.to_offset >= end:
                    break
    (begun, first), (done, last) = seen[0], seen[-1]
    return count * (last - first) / end / (done - begun)


async def _bounds(settings: KafkaSettings) -> int:
    async with Ranges(settings) as ranges:
        return (await ranges.bounds(settings.events, 0))[1]


def _count(told: dict[str, Any]) -> None:
    settings = KafkaSettings(bootstrap=tuple(told["bootstrap"]), prefix=told["prefix"], partitions=1)
    shards = EngineShards(live_settings(default_policy(), 500_000), PUBLIC)
    worker = Worker(settings, shards, Pseudonyms(bytes(32)), lambda sentence: None, Pace(quiet_us=3_600_000_000))
    faust.Worker(worker.app, loglevel="ERROR", redirect_stdouts=False, quiet=True).execute_from_commandline()


class _Anew(KafkaSettings):
    """A group that has never read."""

    @property
    def group(self) -> str:
        return f"{self.prefix}.{uuid.uuid4().hex}"


def _read(told: dict[str, Any]) -> None:
    settings = _Anew(bootstrap=tuple(told["bootstrap"]), prefix=told["prefix"])
    begun, first, seen = 0.0, 0, 0

    def given(count: int) -> None:
        nonlocal begun, first, seen
        if not seen:
            begun, first = time.perf_counter(), count
        seen += count
        if seen >= told["count"]:
            print(f"\n{(seen - first) / (time.perf_counter() - begun)}", flush=True)  # Faust plays with the cursor.
            os._exit(0)  # How the agent ends is not measured.

    app = _ours(settings, given) if told["joined"] else _idiomatic(settings, given)
    faust.Worker(app, loglevel="ERROR", redirect_stdouts=False, quiet=True).execute_from_commandline()


def _ours(settings: KafkaSettings, given: Any) -> faust.App:
    async def handle(stretch: Stretch) -> None:
        given(len(stretch.records))
        assert stretch.body

    return create_app(settings, handle)


def _idiomatic(settings: KafkaSettings, given: Any) -> faust.App:
    app = faust.App(
        settings.group,
        broker=[f"kafka://{server}" for server in settings.bootstrap],
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
    )

    @app.agent(app.topic(settings.events.name, value_type=bytes, value_serializer="raw"))
    async def agent(stream: Any) -> None:
        async for _ in stream:
            given(1)

    return app


@contextlib.contextmanager
def bootstrap() -> Iterator[tuple[str, ...]]:
    if named := os.environ.get("KAFKA_BOOTSTRAP"):
        yield tuple(named.split(","))
        return
    from tests.kafka.broker import Broker

    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder))
        try:
            broker.start()
            yield (broker.bootstrap,)
        finally:
            broker.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--idiomatic-records", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    parser.add_argument("--count", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.count:
        _count(json.loads(options.count))
        return
    if options.read:
        _read(json.loads(options.read))
        return
    with bootstrap() as servers:
        settings = KafkaSettings(bootstrap=servers, prefix=f"bench-{uuid.uuid4().hex[:8]}", partitions=1)
        fill(settings, options.records)
        print(f"{options.records:,} records of {len(_EVENT)} bytes in one partition, best of {options.runs}")
        idiomatic = max(measure(settings, options.idiomatic_records, joined=False) for _ in range(options.runs))
        print(f"idiomatic agent: {idiomatic:,.0f} records a second")
        ours = max(measure(settings, options.records, joined=True) for _ in range(options.runs))
        print(f"with stretches:  {ours:,.0f} records a second, {ours / idiomatic:.0f} times as many")
        counted = count_events(settings, options.records)
        print(f"worker, one event a record: {counted:,.0f} events a second, {counted / idiomatic:.0f} times as many")
        packed = replace(settings, prefix=f"{settings.prefix}-packed")
        fill(packed, options.records, PACKED)
        print(f"worker, {PACKED} events a record: {count_events(packed, options.records):,.0f} events a second")


if __name__ == "__main__":
    main()
