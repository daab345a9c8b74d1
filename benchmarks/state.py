"""What does an open contact take, how long does it take to start, and how long to come back after a kill?

Memory: what a process grows by from about 20,000 contacts that are open at once to about 100,000 and 400,000 (1,000,000), by those that the engine says are open, default policy,
three rollups, everything compiled before, no event held back for disorder, and the events made as they are taken so that the benchmark keeps nothing. Arrays grow by doubling, large
ones by a quarter, so the figure depends on where in a step the number lies: it is the whole process, with that. Start: from the start of the process to `/readyz` of an empty service, machine code compiled before. Recovery: a service, and a
worker on Kafka, are killed with so many contacts open, and started again; from the start of the new process until it answers, or until its first
step shows that it has its state back and counts. Kafka gives a killed worker's partitions away only after its session (10 s), which is waited for first. Each in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benchmarks import rig
from benchmarks.figures import Figure, Goal, of
from benchmarks.peers import ours
from benchmarks.peers.running import WrongAnswer, fill, more
from benchmarks.throughput import answer, feed
from benchmarks.traffic import blocks
from engine.pipeline import Engine, Settings
from streams.kafka.settings import KafkaSettings
from streams.policy.reading import default_policy
from streams.warming import warm
from tests.browser.service import Running

__all__ = ["memory_figures", "recovery_figures", "start_figures"]

_ROOT = Path(__file__).parents[1]
_BASE = 20_000
COVERED_S_MAX = 600.0


def memory_figures(full: bool) -> Iterator[Figure]:
    base = _resident_of(_BASE)
    for contacts in (100_000, 400_000, *((1_000_000,) if full else ())):
        runs = [_resident_of(contacts) for _ in range(2 if full else 1)]
        each = [(one.resident - base.resident) / (one.open_count - base.open_count) for one in runs]
        what = f"memory of an open contact, {contacts:,} open"
        found = of(f"memory_contact_{contacts}", what, "B", each, goal=Goal(at_most=600))
        yield replace(found, answer=runs[0].answer, size=f"{base.open_count:,} to {runs[0].open_count:,} open")


def start_figures(full: bool) -> Iterator[Figure]:
    warm(lambda sentence: None)  # The first start on a machine compiles, and is not meant.
    with tempfile.TemporaryDirectory(prefix="floorwatch-bench-") as folder:
        took = [_start(Path(folder) / str(run)) for run in range(5 if full else 3)]
    yield of("start_empty", "start of an empty service, until it is ready", "s", took)


def recovery_figures(full: bool) -> Iterator[Figure]:
    for contacts in (10_000, 100_000):
        with tempfile.TemporaryDirectory(prefix="floorwatch-bench-") as folder:
            took = _recovered(Path(folder), contacts, 3 if full else 2)
        what = f"a killed service is ready again, {contacts:,} open contacts"
        yield of(f"recovery_service_{contacts}", what, "s", took, goal=Goal(at_most=10), size=f"{contacts:,} open contacts")  # fmt: skip
    with rig.bootstrap() as broker:
        for contacts in (10_000, 100_000):
            took = [_worker_recovered(broker, contacts) for _ in range(3 if full else 1)]
            what = f"a killed worker counts again, {contacts:,} open contacts"
            yield of(f"recovery_worker_{contacts}", what, "s", took, goal=Goal(at_most=10), size=f"{contacts:,} open contacts")  # fmt: skip


class _Resident(NamedTuple):
    """What a process with so many open contacts takes."""

    resident: int
    open_count: int
    answer: str


def _resident_of(contacts: int) -> _Resident:
    """In a process of its own."""
    command = [sys.executable, "-m", "benchmarks.state", "--resident", str(contacts)]
    said = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout.split()
    return _Resident(int(said[0]), int(said[1]), said[2])


def _resident(contacts: int) -> _Resident:
    """Of nine chats in different places of the script, eight are open after two rounds."""
    chats = contacts * 9 // 8
    warm(lambda sentence: None)
    rollups = ((), ("queue",), ("tenant", "channel"))
    engine = Engine(Settings(rollups=rollups, policy=default_policy(), disorder_bound_us=0))
    for part in blocks(chats, 2 * chats):
        feed(engine, [part])
        engine.take_alarms()
    return _Resident(rig.resident_bytes(), engine.contacts.open_count(), answer(engine))


def _start(folder: Path) -> float:
    began = time.monotonic()
    with Running(folder):
        return time.monotonic() - began


def _recovered(folder: Path, contacts: int, kills: int) -> list[float]:
    """Killed so many times. Raises WrongAnswer where what was open is not open again."""
    now_ms = time.time_ns() // 1_000_000
    took = []
    with Running(folder, "--snapshot-every", "5s") as service:
        for first in range(0, contacts, 5_000):
            service.post("\n".join(
                f'{{"type":"contact.queued","time":{now_ms},"contact":"c{number}","queue":"q{number % 12}","channel":"app","tenant":"shop-{number % 40}"}}'
                for number in range(first, min(first + 5_000, contacts))
            ).encode())  # fmt: skip
        service.settle()
        for _ in range(kills):
            time.sleep(6)  # A snapshot.
            service.stop()
            began = time.monotonic()
            service.start()
            took.append(time.monotonic() - began)
            until = time.monotonic() + 60
            while (
                waiting := service.get("/api/v1/now")["groups"]["total"][0]["waiting"]
            ) != contacts and time.monotonic() < until:
                time.sleep(0.2)
            if waiting != contacts:
                raise WrongAnswer(f"{waiting:,} wait after the kill, and {contacts:,} did before")
    return took


def _worker_recovered(broker: str, contacts: int) -> float:
    filled = fill(broker, contacts * 5, open_contacts=contacts)  # By then each of them has begun.
    settings = filled.settings
    with _worker(settings) as first:
        asyncio.run(ours.covered(settings, {0: filled.count}, COVERED_S_MAX, lambda: first.poll() is None))
        time.sleep(8)  # A snapshot.
        first.kill()
    time.sleep(settings.session_timeout_s + 2)
    extra = asyncio.run(more(settings, filled, 1_000))
    began = time.time()
    with _worker(settings) as second:
        done = asyncio.run(ours.covered(settings, {0: extra}, COVERED_S_MAX, lambda: second.poll() is None))
        return done.ended - began


@contextlib.contextmanager
def _worker(settings: KafkaSettings) -> Iterator[subprocess.Popen[str]]:
    worker = subprocess.Popen(
        ours.command(settings, snapshot_s=3), cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield worker
    finally:
        rig.ended(worker)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resident", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.resident:
        print(*_resident(asked.resident))
        return
    for one in (*memory_figures(False), *start_figures(False), *recovery_figures(False)):
        print(f"{one.what}: {one.value:,.2f} {one.unit} ({one.low:,.2f} to {one.high:,.2f})", flush=True)


if __name__ == "__main__":
    main()
