"""The work in Floorwatch: a worker as it is started on a cluster, and what a hub makes of its steps.

What is measured: everything that a worker always does under the default policy, not the peers' two figures only: 5 rollups, all clocks,
measures and waits, identities removed, steps and snapshots in Kafka. From the first step behind the warm-up to the one that covers the last event, by
the broker's clock; what the hub then does to merge all of it is told by itself. Run by `running` as a process of its own.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import faust
from aiokafka import AIOKafkaConsumer

from benchmarks.peers.work import Answer
from engine.keys import PUBLIC
from engine.merged import Merged
from engine.pipeline import Engine, Settings
from engine.times import MINUTE_US
from engine.windows import Spec
from streams.figures import live_settings
from streams.intake import Pseudonyms
from streams.kafka.merging import Merging
from streams.kafka.settings import KafkaSettings
from streams.kafka.steps import Reader
from streams.kafka.worker import Pace, Worker
from streams.kafka.worker_command import EngineShards
from streams.policy.reading import default_policy
from streams.report import write_report

__all__ = ["Covered", "answer_of_report", "caught_up", "command", "covered", "merged", "settings_of"]

DISORDER_US = 500_000


@dataclass(frozen=True)
class Covered:
    """Events that the steps between two instants covered."""

    events: int
    begun: float
    ended: float


def command(settings: KafkaSettings, snapshot_s: float = 30) -> list[str]:
    """The worker as a process; the first word is the interpreter."""
    told = {
        "bootstrap": settings.bootstrap, "prefix": settings.prefix, "partitions": settings.partitions, "snapshot_s": snapshot_s,
    }  # fmt: skip
    return [sys.executable, "-m", "benchmarks.peers.ours", json.dumps(told)]


def settings_of() -> Settings:
    return live_settings(default_policy(), DISORDER_US)


def _main() -> None:
    told = json.loads(sys.argv[1])
    kafka = KafkaSettings(tuple(told["bootstrap"]), told["prefix"], told["partitions"])
    pace = Pace(
        quiet_us=3_600_000_000, snapshot_s=float(told.get("snapshot_s", 30))
    )  # What happened long ago is not pushed on by today's clock.
    worker = Worker(kafka, EngineShards(settings_of(), PUBLIC), Pseudonyms(bytes(32)), lambda sentence: None, pace)
    sys.argv = sys.argv[:1]
    faust.Worker(worker.app, loglevel="ERROR", redirect_stdouts=False, quiet=True).execute_from_commandline()


async def covered(
    settings: KafkaSettings, ends: dict[int, int], wait_s: float, goes_on: Callable[[], bool] = lambda: True
) -> Covered:
    """Waits for the steps that cover the ends of all partitions. Raises TimeoutError, also where `goes_on` no longer holds."""
    readers = {partition: Reader() for partition in ends}
    reached = dict.fromkeys(ends, 0)
    total, begun, warmed, until = sum(ends.values()), 0.0, 0, time.monotonic() + wait_s
    async with AIOKafkaConsumer(settings.steps.name, **settings.client, auto_offset_reset="earliest") as steps:
        while time.monotonic() < until and goes_on():
            fetched = await steps.getmany(timeout_ms=500)
            for record in (record for records in fetched.values() for record in records):
                if (step := readers[record.partition].accept(record)) is None:
                    continue
                reached[record.partition] = step.to_offset
                seen, at = sum(reached.values()), record.timestamp / 1_000
                if not begun and seen * 10 >= total:
                    begun, warmed = at, seen
                if all(reached[partition] >= end for partition, end in ends.items()):
                    return Covered(seen - warmed, begun, at)
    raise TimeoutError


def merged(settings: KafkaSettings) -> tuple[Answer, float]:
    """What the steps say of first replies, and the seconds of processor time that it took to merge them."""
    began = time.process_time()
    engine = caught_up(settings, replace(settings_of(), retention_us=None))
    spent_s = time.process_time() - began
    return answer_of_report(engine), spent_s


def caught_up(kafka: KafkaSettings, settings: Settings) -> Merged:
    """All steps that are in the log, merged; raises what `Merging` raises."""
    merging = Merging(kafka, settings, None, lambda sentence: None)
    try:
        while merging.unread:
            merging.poll(0.2)
            merging.merged.settle()
            merging.merged.take_alarms()
    finally:
        merging.close()
    return merging.merged


def answer_of_report(engine: Engine) -> Answer:
    """First replies by minute and queue as the interval report has them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.csv"
        write_report(engine, path, Spec(MINUTE_US, MINUTE_US), ZoneInfo("UTC"), ("queue",), False)
        with path.open() as file:
            return {
                (round(datetime.fromisoformat(row["window_start"]).timestamp() * 1000), row["queue"]): (
                    int(row["first_response_count"]),
                    round(float(row["first_response_sum_s"]) * 1000),
                )
                for row in csv.DictReader(file)
                if row["first_response_count"] not in ("", "0")
            }


if __name__ == "__main__":
    _main()
