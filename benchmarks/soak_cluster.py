"""The soak of a cluster: a gateway, two workers and a hub over a real Kafka, through the same peak with the same faults, and one worker is killed.

Owns the processes until it ends. Never judges: see `benchmarks.course`. What holds the figures at the end are the workers' steps in Kafka, merged once more as a
hub that is started anew would do. Nobody takes the killed worker's place: the other one must carry all of it; only then comes another.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import brief
from benchmarks.cluster import Cluster
from benchmarks.course import (
    DISORDER_US,
    FILLED_SHARE,
    LOOK_S,
    ROOT,
    Course,
    judged,
    linger_s,
    looked,
    simulation,
    written,
)
from benchmarks.kafka import bootstrap
from benchmarks.peers.ours import caught_up
from benchmarks.tellings import kept_bytes
from benchmarks.verdict import Sample
from streams.figures import live_settings
from streams.kafka.settings import KafkaSettings
from streams.policy.reading import default_policy

__all__ = ["soaked"]

PARTITIONS = 4
KILL_SHARE, COME_SHARE = 0.1, 0.2
READY_S_MAX = 300.0
SETTLE_S_MAX = 600.0
_DISORDER = ("--disorder", f"{DISORDER_US // 1_000_000}s")


def soaked(folder: Path, seconds: int, preset: str = "sale-peak", agents: int | None = None) -> Course:
    """Runs it in that folder. Raises RuntimeError where a process or the sender ends by itself, or what was sent is not counted."""
    logs = folder / "logs"
    logs.mkdir()
    brief.remember(linger_s(seconds))
    with bootstrap() as servers, contextlib.ExitStack() as ending:
        kafka = KafkaSettings(bootstrap=servers, prefix=f"soak-{uuid.uuid4().hex[:8]}", partitions=PARTITIONS)
        cluster = Cluster(kafka, logs, ending, words=tuple(brief.command(linger_s(seconds))))
        gateway = cluster.address("gateway", "--listen", "127.0.0.1:0", "--data", str(folder / "gateway"))
        for _ in range(2):
            cluster.worker(*_DISORDER)
        hub = cluster.address(
            "hub", "--port", "0", "--data", str(folder / "hub"), "--alerts", "default", "--history", "default", *_DISORDER,
        )  # fmt: skip
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
        command = simulation(start, seconds, preset, agents)
        time.sleep(max(0.0, start.timestamp() - time.time()))
        sender = subprocess.Popen(
            [*command, "--speed", "1", "--to", f"http://{gateway}"], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        course = Course({}, [], kills=1, seconds=seconds)
        try:
            for who, sample in _looks(cluster, hub, sender, seconds, logs):
                course.samples.setdefault(who, []).append(sample)
        finally:
            sender.terminate()
        if sender.wait(60):
            raise RuntimeError(f"The sender ended with {sender.returncode}.")
        _settled(hub, int(1e6 * (start.timestamp() + seconds)), logs)
        for one in cluster.workers:
            one.terminate()
        for one in cluster.workers:
            one.wait(60)
        engine = caught_up(kafka, live_settings(default_policy(), DISORDER_US))
        sent = written(command, folder / "sent.jsonl")
        course.samples = {who: samples for who, samples in course.samples.items() if course.filled(who)}
        # Workers hold a share each, and the hub all of it.
        course.kept_bytes = kept_bytes(engine) * (1 - FILLED_SHARE)
        kept = dict.fromkeys(course.samples, course.kept_bytes) | {"gateway": 0.0}
        different = engine.counters.events - engine.counters.duplicates
        return judged(course, engine, sent, different, kept)


def _looks(
    cluster: Cluster, hub: str, sender: subprocess.Popen[bytes], seconds: int, logs: Path
) -> Iterator[tuple[str, Sample]]:
    """One a second at every process until the sender has ended; one worker is killed meanwhile, and later another comes."""
    began = time.monotonic()
    acts: list[tuple[float, Callable[[], object]]] = [(KILL_SHARE * seconds, lambda: cluster.workers.pop(0).kill()), (COME_SHARE * seconds, lambda: cluster.worker(*_DISORDER))]  # fmt: skip
    killed: set[int] = set()
    while sender.poll() is None:
        at_s = time.monotonic() - began
        if acts and at_s >= acts[0][0]:
            before = {one.pid for one in cluster.workers}
            acts.pop(0)[1]()
            killed |= before - {one.pid for one in cluster.workers}
        asked = time.monotonic()
        facts = _facts(hub)
        answer_s = time.monotonic() - asked
        for number, (role, pid) in enumerate(cluster.processes):
            if pid not in killed:
                try:
                    yield (f"{role} {number}" if role == "worker" else role), looked(pid, at_s, answer_s, facts)
                except OSError:
                    raise RuntimeError(f"The {role} ended by itself: see {logs}") from None
        time.sleep(max(0.0, LOOK_S - (time.monotonic() - asked)))


def _facts(hub: str) -> Any:
    connection = http.client.HTTPConnection(hub, timeout=60)
    try:
        connection.request("GET", "/api/v1/now")
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _settled(hub: str, until_us: int, logs: Path) -> None:
    """Waits until the hub's time has come past the last event, by a second: then all before it is counted."""
    until = time.monotonic() + SETTLE_S_MAX
    while (watermark_us := _facts(hub)["watermark_us"]) <= until_us + 1_000_000:
        if time.monotonic() > until:
            raise RuntimeError(
                f"What was sent was not counted after {SETTLE_S_MAX:.0f} s: time stands {(until_us - watermark_us) / 1e6:.1f} s before the last event; see {logs}"
            )
        time.sleep(0.2)
