"""How long is the way from the broker to the wall, and how long do others stand still when a worker comes, goes or is killed?

`python -m benchmarks.cluster latency` has a gateway, workers and a hub, each a process of its own, take chats of the present at an even
pace, and prints after how long a body's figures stood in what the hub published, since it was sent and since the gateway acknowledged it,
which it does once the broker has it, and where on the way that time went. `python -m benchmarks.cluster handover` prints the longest pause between two steps of a
partition, and after how long all partitions had gone on, for a worker that joins, one that is asked to stop and one that is killed. The
broker is the one that KAFKA_BOOTSTRAP names, or one that is started for it; all share the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.hops import HOPS, Hops
from benchmarks.kafka import bootstrap
from benchmarks.latency import histogram
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import administration, create
from tests.kafka.steplog import StepLog

_ROOT = Path(__file__).parents[1]
_SCRIPT = ("contact.opened", "message.customer", "contact.queued", "contact.answered", "message.agent", "message.customer",
           "message.agent", "message.customer", "message.agent", "contact.closed")  # fmt: skip
_BY_AGENT = frozenset((3, 4, 6, 8, 9))
_SHARES = (0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
_READY_S_MAX = 180
_LOOK_S = 0.02
ACKNOWLEDGED = "from the broker's acknowledgement to the figure in the hub"
SENT = "from sending to the figure in the hub"


def body(first: int, events: int, now_ms: int) -> bytes:
    """Chats one after the other, that happen now, of 40 tenants, 12 queues and 4 channels."""
    lines = []
    for number in range(first, first + events):
        chat, place = divmod(number, len(_SCRIPT))
        more = f',"agent":"a{chat % 4000:04d}"' if place in _BY_AGENT else ""
        lines.append(
            f'{{"id":"b-{number:09d}","type":"{_SCRIPT[place]}","time":{now_ms},"contact":"c-{chat:09d}","queue":"q{chat % 12:02d}",'
            f'"channel":"{("app", "wechat", "web", "phone")[chat % 4]}","tenant":"shop-{chat % 40:03d}"{more}}}'
        )
    return "\n".join(lines).encode()


@dataclass
class Cluster:
    """The commands of a cluster as processes, each with its last words in a file of `folder`."""

    settings: KafkaSettings
    folder: Path
    ending: contextlib.ExitStack
    workers: list[subprocess.Popen[str]] = field(default_factory=list)
    processes: list[tuple[str, int]] = field(default_factory=list)
    """What each is, and its number."""
    words: tuple[str, ...] = (sys.executable, "-m", "streams")
    """What stands before a subcommand."""
    _environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._environment = os.environ | {
            "FLOORWATCH_KAFKA_BOOTSTRAP": ",".join(self.settings.bootstrap), "FLOORWATCH_KAFKA_PREFIX": self.settings.prefix,
            "FLOORWATCH_KAFKA_PARTITIONS": str(self.settings.partitions), "FLOORWATCH_KAFKA_SECRET": secrets.token_hex(16),
        }  # fmt: skip
        with administration(self.settings) as client:
            create(client, self.settings)

    def begin(self, *command: str) -> subprocess.Popen[str]:
        log = self.ending.enter_context(
            (self.folder / f"{len(list(self.folder.iterdir()))}-{command[0]}.log").open("w")
        )
        process = subprocess.Popen(
            [*self.words, *command], cwd=_ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=log,
            text=True,
        )  # fmt: skip
        self.processes.append((command[0], process.pid))
        self.ending.callback(process.wait)
        self.ending.callback(process.kill)
        return process

    def address(self, *command: str) -> str:
        """Begins what says on its first line where it listens; returns host:port."""
        process = self.begin(*command)
        assert process.stdout is not None
        said = process.stdout.readline()
        if "http://" not in said:
            raise SystemExit(f"{command[0]} did not start: see the log in {self.folder}")
        return said.split("http://")[1].split("/")[0]

    def processor_s(self) -> dict[str, float]:
        """Seconds of the processor that each role has had so far."""
        found: dict[str, float] = {}
        for name, number in self.processes:
            told = Path(f"/proc/{number}/stat").read_text("ascii").rpartition(")")[2].split()
            found[name] = found.get(name, 0.0) + (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
        return found

    def worker(self, *options: str) -> subprocess.Popen[str]:
        self.workers.append(self.begin("worker", "--vitals", "127.0.0.1:0", *options))
        return self.workers[-1]


@dataclass
class Bodies:
    """What was sent: how many answered contacts the figures must tell from then on, when it was sent and when acknowledged."""

    answered: list[int] = field(default_factory=list)
    sent_s: list[float] = field(default_factory=list)
    acknowledged_s: list[float] = field(default_factory=list)


def send(
    address: str, rate: int, seconds: float, bodies: Bodies, ended: threading.Event, first: int = 0, size: int = 200
) -> None:
    """So many events a second from number `first` on, in bodies of `size`, one after the other on one connection."""
    connection = http.client.HTTPConnection(address, timeout=60)
    begun, last = time.time(), first + rate * seconds
    while first < last and not ended.is_set():
        time.sleep(max(0.0, begun + (first - last) / rate + seconds - time.time()))
        sent_s = time.time()
        connection.request("POST", "/v1/events", body(first, size, int(sent_s * 1_000)), {"Source": "benchmark"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise SystemExit(f"The gateway answered {answer.status}.")
        first += size
        bodies.answered.append(first // len(_SCRIPT))
        bodies.sent_s.append(sent_s)
        bodies.acknowledged_s.append(time.time())
    connection.close()


def _looked(address: str) -> tuple[int, float]:
    """How many answered contacts the hub tells, and when it published that."""
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", "/api/v1/now")
    facts = json.loads(connection.getresponse().read())
    connection.close()
    total = facts["groups"].get("total") or [{}]
    return total[0].get("events_answered") or 0, facts["service"]["sent_us"] / 1e6


def latency(cluster: Cluster, rate: int, seconds: float, workers: int) -> dict[str, list[float]]:
    """Seconds from acknowledgement and from sending to the figure, and of each hop on the way, by body; those of the first five seconds are
    not told, since then everything starts."""
    gateway = cluster.address("gateway", "--listen", "127.0.0.1:0", "--data", str(cluster.folder / "gateway"))
    for _ in range(workers):
        cluster.worker()
    hub = cluster.address("hub", "--port", "0", "--data", str(cluster.folder / "hub"))
    warm = Bodies()
    send(gateway, 1_000, 1.0, warm, threading.Event())  # Until these are told, processes start.
    deadline = time.monotonic() + _READY_S_MAX
    while (told := _looked(hub)[0]) < warm.answered[-1]:
        if time.monotonic() > deadline:
            raise SystemExit(f"The hub tells {told} of {warm.answered[-1]}: see the logs in {cluster.folder}")
        time.sleep(0.2)
    bodies, ended = Bodies(), threading.Event()
    before_s, begun = cluster.processor_s(), time.monotonic()
    first = warm.answered[-1] * len(_SCRIPT)
    sending = threading.Thread(target=send, args=(gateway, rate, seconds, bodies, ended, first), daemon=True)
    seen: list[tuple[int, float]] = []
    with Hops(cluster.settings) as hops:
        sending.start()
        try:
            while sending.is_alive() or seen[-1][0] < bodies.answered[-1]:
                seen.append(_looked(hub))
                if time.monotonic() > deadline + seconds:
                    raise SystemExit(f"The hub tells {seen[-1][0]} in the end: see the logs in {cluster.folder}")
                time.sleep(_LOOK_S)
        finally:
            ended.set()
    for name, spent_s in cluster.processor_s().items():
        print(f"{name}: {(spent_s - before_s[name]) / seconds:.2f} processor seconds for a second of this load")
    print(f"all was told {time.monotonic() - begun:.1f} s after the first was sent")
    found: dict[str, list[float]] = {name: [] for name in (ACKNOWLEDGED, SENT, *HOPS)}
    place = 0
    for answered, sent_s, acknowledged_s in zip(bodies.answered, bodies.sent_s, bodies.acknowledged_s, strict=True):
        while seen[place][0] < answered:
            place += 1
        if sent_s < bodies.sent_s[0] + min(5.0, seconds / 2):
            continue
        told_s = seen[place][1]
        ways = (told_s - acknowledged_s, told_s - sent_s, *hops.of(int(sent_s * 1_000) * 1_000, acknowledged_s, told_s))
        for name, way_s in zip(found, ways, strict=True):
            found[name].append(way_s)
    return found


def handover(cluster: Cluster, rate: int) -> Iterator[str]:
    """What a worker that joins, one that is asked to stop and one that is killed cost the partitions that stay where they are, and those
    that move."""
    gateway = cluster.address("gateway", "--listen", "127.0.0.1:0", "--data", str(cluster.folder / "gateway"))
    ended = threading.Event()
    with StepLog(cluster.settings) as log:
        cluster.worker(), cluster.worker()
        sending = threading.Thread(target=send, args=(gateway, rate, 3_600.0, Bodies(), ended), daemon=True)
        sending.start()
        try:
            _until_all_go_on(log)
            _settled(log)
            for what, act in (
                ("a worker joins", cluster.worker),
                ("a worker is asked to stop", lambda: cluster.workers.pop(0).terminate()),
                ("a worker is killed", lambda: cluster.workers.pop(0).kill()),
            ):
                begun_s = time.time()
                claims = [len(some) for some in log.claims_s]
                act()
                _until_claimed(log, claims)
                gone_on_s = _until_all_go_on(log)
                _settled(log)
                pauses_s = [log.longest_pause_s(begun_s, time.time(), number) for number in range(len(claims))]
                moved = [len(some) > before for some, before in zip(log.claims_s, claims, strict=True)]
                longest = {is_moved: max((pause for pause, one in zip(pauses_s, moved, strict=True) if one is is_moved), default=0.0)
                           for is_moved in (False, True)}  # fmt: skip
                yield (
                    f"{what}: longest pause {longest[False]:.1f} s where nothing moved, {longest[True]:.1f} s for {sum(moved)} partitions "
                    f"that moved; all had gone on after {gone_on_s - begun_s:.1f} s"
                )
        finally:
            ended.set()


def _until_claimed(log: StepLog, claims: list[int]) -> None:
    """Waits until some partition is another's."""
    deadline = time.monotonic() + _READY_S_MAX
    while [len(some) for some in log.claims_s] == claims:
        if time.monotonic() > deadline:
            raise SystemExit("Nobody took over.")
        log.poll()


def _until_all_go_on(log: StepLog) -> float:
    """Waits until steps tell of what came to every partition since; returns when the last of them did."""
    return log.until_covered({number: end + 1 for number, end in log.ends().items()})


def _settled(log: StepLog, seconds: float = 8.0) -> None:
    """Goes on reading for a while in which nothing is claimed."""
    since, claims = time.monotonic(), 0
    while time.monotonic() - since < seconds:
        log.poll()
        if (found := sum(map(len, log.claims_s))) != claims:
            since, claims = time.monotonic(), found


def _percentiles(name: str, found: list[float]) -> str:
    ordered = sorted(found)
    told = (f"p{100 * share:g} {ordered[min(int(len(ordered) * share), len(ordered) - 1)]:.2f}" for share in _SHARES)
    return f"{name}: mean {statistics.mean(ordered):.2f}, {', '.join(told)} s"


@contextlib.contextmanager
def begun(partitions: int) -> Iterator[Cluster]:
    with bootstrap() as servers, tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ending:
        settings = KafkaSettings(bootstrap=servers, prefix=f"bench-{uuid.uuid4().hex[:8]}", partitions=partitions)
        yield Cluster(settings, Path(folder), ending)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("latency", "handover"))
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=8)
    options = parser.parse_args()
    with begun(options.partitions) as cluster:
        if options.part == "latency":
            found = latency(cluster, options.rate, options.seconds, options.workers)
            print(
                f"{options.rate:,} events a second for {options.seconds:g} s, {options.workers} workers, {options.partitions} partitions"
            )
            for name, ways_s in found.items():
                print(_percentiles(name, ways_s))
            print(histogram("broker to hub", found["from the broker's acknowledgement to the figure in the hub"]))
            print(histogram("gateway to hub", found["from sending to the figure in the hub"]))
        else:
            print(f"{options.rate:,} events a second, 2 workers, {options.partitions} partitions")
            for told in handover(cluster, options.rate):
                print(told, flush=True)


if __name__ == "__main__":
    main()
