"""The worker itself, in a process of its own, with shards that tell what they absorbed.

Owns: `RealWorker`, which starts, watches and ends that process, and what its log of steps says once it is read by the rule. Run by it
as `python -m tests.kafka.real_worker <what it is told, as JSON>`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import fields, replace
from typing import Any

import faust

from engine.keys import PUBLIC
from engine.pipeline import Settings
from engine.times import HOUR_US
from engine.windows import Spec
from streams.intake import Pseudonyms
from streams.kafka.partition import Shards
from streams.kafka.steps import Reader, Step
from streams.kafka.worker import Pace, Worker
from streams.kafka.worker_command import EngineShards
from streams.policy.reading import default_policy
from tests.kafka import worker
from tests.kafka.faults import arrange
from tests.kafka.records import Records
from tests.kafka.standin import TellingShards, rows_of

__all__ = ["REPORTED", "RealWorker", "steps_that_count", "told_rows"]


#: What is counted for a report by queue, as `floorwatch replay` does.
REPORTED = Settings(
    rollups=((), ("queue",)), policy=default_policy(), windows=(Spec(HOUR_US // 2, HOUR_US // 2),), disorder_bound_us=10_000_000
)  # fmt: skip


class RealWorker(worker.Worker):
    """`told`: what of the pace is another, `of` what settings the shards are, and whether they are the engine's and `counts`."""

    module = "tests.kafka.real_worker"


def steps_that_count(records: Records) -> dict[int, list[Step]]:
    """By partition, in order."""
    readers: dict[int, Reader] = {}
    found: dict[int, list[Step]] = {}
    for record in records.read(records.settings.steps):
        if step := readers.setdefault(record.partition, Reader()).accept(record):
            found.setdefault(record.partition, []).append(step)
    return found


def told_rows(records: Records) -> dict[int, list[Any]]:
    """By partition the rows that the steps tell which count, in order."""
    return {
        partition: rows_of(step.payload for step in steps) for partition, steps in steps_that_count(records).items()
    }


def _main(told: dict[str, Any]) -> None:
    settings = worker.settings_of(told["settings"])
    if "fault" in told:
        arrange(told["fault"], told["after"])
    # What happened long ago may stop for a while on a busy machine without the present coming in between.
    pace = replace(
        Pace(quiet_us=600_000_000), **{entry.name: told[entry.name] for entry in fields(Pace) if entry.name in told}
    )
    shards: Shards = (
        EngineShards(REPORTED, PUBLIC) if told.get("counts") else TellingShards(settings=told.get("of", ""))
    )
    ours = Worker(settings, shards, Pseudonyms(bytes(32)), _tell, pace)
    faust.Worker(ours.app, loglevel="INFO", redirect_stdouts=False, quiet=True).execute_from_commandline()


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
