"""A simulated hour through gateway, Kafka and workers, whoever is killed or added meanwhile: always the report of one machine.

The hour has duplicates and disorder. `FLOORWATCH_KILLS=20` is the long form: so many workers, under load, with the time after which
others miss one that is gone as an operator has it, and one worker alone too.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.events import decode
from streams.cli import _run
from streams.kafka.merging import Merging
from streams.kafka.settings import KafkaSettings
from streams.report import write_report
from tests.kafka.broker import Broker
from tests.kafka.real_worker import REPORTED, RealWorker
from tests.kafka.records import Records
from tests.kafka.steplog import StepLog
from tests.kafka.test_cluster import gateway, post
from tests.kafka.worker import ROOT, until

KILLS = int(os.environ.get("FLOORWATCH_KILLS", "2"))
IS_LONG = KILLS > 2
BROKER_KILLS = 2 if IS_LONG else 1
TAKEOVER_S_MAX = 15.0
WORKERS = 3
LOST_S_MAX = 300


@pytest.fixture
def settings(settings: KafkaSettings) -> KafkaSettings:
    missed_s = KafkaSettings().session_timeout_s if IS_LONG else 3.0
    return replace(settings, partitions=4, session_timeout_s=missed_s, commit_interval_s=0.3)


@pytest.fixture(autouse=True)
def topics(settings: KafkaSettings, records: Records) -> None:
    for topic in settings.topics:
        records.create(topic)


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of a sale peak; beside it, what `floorwatch replay` reports of it."""
    path = tmp_path_factory.mktemp("hour") / "hour.jsonl"
    told = f"simulate --preset sale-peak --agents 10 --duration 1h --seed 5 --duplicates 0.02 --disorder 2s -o {path}"
    assert _run(told.split()) == 0
    said = f"replay {path} --disorder 10s --report {path.with_suffix('.csv')} --by queue --zone UTC"
    subprocess.run([sys.executable, "-m", "streams", *said.split()], cwd=ROOT, check=True)
    return path


class Sender(threading.Thread):
    """Sends lines in order, each body until it is acknowledged: a little at a time under load, and the rest at once when told to
    `hurry`."""

    def __init__(self, address: str, lines: list[bytes], bodies: int) -> None:
        super().__init__(daemon=True)
        self.hurry = threading.Event()
        self.sent = 0
        self._address, self._lines, self._rows = address, lines, max(1, len(lines) // bodies)

    def run(self) -> None:
        while self.sent < len(self._lines):
            rows = 2_000 if self.hurry.is_set() else self._rows
            body = self._lines[self.sent : self.sent + rows]
            while post(self._address, body) != 200:
                time.sleep(0.2)
            self.sent += len(body)
            if not self.hurry.is_set():
                time.sleep(0.1)


@pytest.fixture
def sender(settings: KafkaSettings, hour: Path, tmp_path: Path) -> Iterator[Sender]:
    lines = hour.read_bytes().splitlines()
    with gateway(settings, tmp_path) as address:
        yield Sender(address, lines, 100 * (KILLS + BROKER_KILLS))


def assert_reported(settings: KafkaSettings, records: Records, sender: Sender, hour: Path) -> None:
    """Sends the rest, ends the source, and compares the report and what was counted."""
    sender.hurry.set()
    sender.join()
    lines = hour.read_bytes().splitlines()
    told = [("source", b"bank"), ("finished", str(int(decode(b"\n".join(lines)).times_us.max())).encode())]
    for partition in range(settings.partitions):
        records.send(settings.events, [b""], partition, told)
    merging = Merging(settings, REPORTED, None, print)
    try:
        until(lambda: (merging.poll(0.1), merging.merged.settle(), merging.is_ended)[2], "not ended", LOST_S_MAX)
    finally:
        merging.close()
    merging.merged.finish()
    ours = hour.with_suffix(".ours")
    write_report(merging.merged, ours, REPORTED.windows[0], ZoneInfo("UTC"), ("queue",), every=False)
    assert ours.read_bytes() == hour.with_suffix(".csv").read_bytes()
    counters = merging.merged.counters
    distinct = len(set(lines))
    assert (counters.events - counters.duplicates, counters.late, counters.dropped) == (distinct, 0, 0)


@pytest.mark.parametrize("workers", (1, 3) if IS_LONG else (3,))
def test_an_hour_through_workers_gives_the_report_of_replay(
    settings: KafkaSettings, records: Records, sender: Sender, hour: Path, tmp_path: Path, workers: int
) -> None:
    with ExitStack() as ending:
        for number in range(workers):
            ending.enter_context(RealWorker(settings, tmp_path, f"worker{number}", counts=True))
        sender.hurry.set()
        sender.start()
        assert_reported(settings, records, sender, hour)


def test_an_hour_while_one_worker_becomes_three_gives_the_report_of_replay(
    settings: KafkaSettings, records: Records, sender: Sender, hour: Path, tmp_path: Path
) -> None:
    with ExitStack() as ending, StepLog(settings) as log:
        workers = [ending.enter_context(RealWorker(settings, tmp_path, "first", counts=True))]
        sender.start()
        until(lambda: sender.sent, "nothing was acknowledged")
        for name in ("second", "third"):
            log.until_covered(log.ends())
            workers.append(ending.enter_context(RealWorker(settings, tmp_path, name, counts=True)))
            until(lambda: "taken over in" in workers[-1].log, "the partitions were not shared", LOST_S_MAX)
        assert sender.is_alive(), "all was sent before there were three"
        assert_reported(settings, records, sender, hour)


def test_workers_and_the_broker_are_killed_under_load_and_the_report_stays_that_of_replay(
    broker: Broker, settings: KafkaSettings, records: Records, sender: Sender, hour: Path, tmp_path: Path
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    killed = ["worker"] * KILLS + ["broker"] * BROKER_KILLS
    dice.shuffle(killed)
    takeovers_s: list[float] = []
    with ExitStack() as ending, StepLog(settings) as log:
        names = (f"worker{number}" for number in count())

        def begin() -> RealWorker:
            return ending.enter_context(RealWorker(settings, tmp_path, next(names), counts=True, snapshot_s=1.5))

        def stand() -> None:
            """One that ended by itself, as one does that starts while the broker is away, is started again, as by any supervisor."""
            workers[:] = [one if one.process.poll() is None else begin() for one in workers]

        workers = [begin() for _ in range(WORKERS)]
        until(lambda: all("taken over" in one.log for one in workers), "the partitions were not shared", LOST_S_MAX)
        sender.start()
        for which in killed:
            time.sleep(dice.uniform(0.0, 3.0))
            assert sender.is_alive(), "there is no load any more"
            if which == "broker":
                broker.kill()
                time.sleep(dice.uniform(0.0, 2.0))
                broker.start()
                log.until_covered(log.ends(), meanwhile=stand)
                continue
            stand()
            until(lambda: any("taken over" in one.log for one in workers), "nobody holds anything", LOST_S_MAX)
            victim = dice.choice([one for one in workers if "taken over" in one.log])
            workers.remove(victim)
            victim.kill()
            killed_at_s, ends = time.time(), log.ends()
            # Each partition has gone on once it tells of what came to it since.
            further = {number: end + 1 for number, end in ends.items()}
            takeovers_s.append(log.until_covered(further, meanwhile=stand) - killed_at_s)
            workers.append(begin())
        stand()
        assert_reported(settings, records, sender, hour)
    print("takeovers, s:", ", ".join(f"{one:.1f}" for one in sorted(takeovers_s)))
    if IS_LONG:  # On a machine that others keep busy, this measures them.
        assert max(takeovers_s) < TAKEOVER_S_MAX
