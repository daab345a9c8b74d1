"""How long after the instant of a breach its first message reaches a channel, through the whole service, over real HTTP and real SMTP.

Contacts wait by 100 a second until a limit of two seconds is broken; each breach is an alert of its own, told to one of two people, by a
webhook and by e-mail. Run as `python -m benchmarks.escalation`. Prints shares of the times from the breach's instant to the receiver's, and
of the parts that they are made of. With `--cold`, the engine is compiled first, as on a machine that never ran it: that must cost no message.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from benchmarks.latency import histogram
from benchmarks.noting import Note, read

__all__ = ["Measured", "main", "measured"]

LIMIT_S = 2.0
RATE = 100
QUIET_S = 10.0
"""When nothing has come for so long, nothing comes any more; a sending that fails is tried again within that."""
STOP_S_MAX = 180.0
ALERTS = """
channels:
  hook: {{url: "webhook+http://127.0.0.1:{http}/", private: yes, per_minute: 6000}}
  mail: {{url: "mail+smtp://127.0.0.1:{smtp}/?from=floor@example.com&to=lead@example.com", private: yes, per_minute: 6000}}
people:
  hook: {{channels: [hook], language: en}}
  mail: {{channels: [mail], language: en}}
ladders:
  hook: {{levels: [{{to: [hook], wait: 1h}}]}}
  mail: {{levels: [{{to: [mail], wait: 1h}}]}}
rules:
  - {{name: hook, when: {{commitment: wait, step: broken, queue: hook}}, ladder: hook, by: [name]}}
  - {{name: mail, when: {{commitment: wait, step: broken, queue: mail}}, ladder: mail, by: [name]}}
  - {{name: rest, ladder: none}}
"""
POLICY = "limits:\n  wait: 2s\n  announcement: none\n"
#: A message's way, each part in seconds; the first is as long as `--disorder` at least, for so long may an answer still come in.
PARTS = ("known", "kept", "taken by a sender", "handed over", "in all")


@dataclass
class Measured:
    """`parts` by their names, one figure a breach and all in ascending order; `ready_s` from the start of the service to its being ready.
    `worst` are those of the message that took longest, in the order of `PARTS`."""

    ready_s: float
    parts: dict[str, list[float]] = field(default_factory=dict)
    worst: list[float] = field(default_factory=list)
    lost: int = 0
    twice: int = 0
    failures: int = 0

    @property
    def delays(self) -> list[float]:
        """From breach to receiver."""
        return self.parts["in all"]


class Received:
    """When each delivery came in first, by its name, and when the last one did."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.twice = 0
        self.last = 0.0
        self._lock = threading.Lock()

    def take(self, delivery: str) -> None:
        now = time.time()
        with self._lock:
            self.twice += delivery in self.at
            self.at.setdefault(delivery, now)
            self.last = max(self.last, now)


def measured(seconds: int, rate: int = RATE, options: tuple[str, ...] = (), *, cold: bool = False) -> Measured:
    """What so many breaches a second were told, for so long. `options` are those of `floorwatch run`."""
    received = Received()
    with contextlib.ExitStack() as leaving:
        http, smtp = leaving.enter_context(_http(received)), leaving.enter_context(_smtp(received))
        folder = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="floorwatch-bench-")))
        (folder / "alerts.yaml").write_text(ALERTS.format(http=http, smtp=smtp))
        (folder / "policy.yaml").write_text(POLICY)
        began = time.time()
        with _service(folder, options, cold=cold) as address:
            found = Measured(time.time() - began)
            due = _breaches(address, seconds, rate)
            received.last = time.time() + LIMIT_S
            while time.time() < received.last + QUIET_S:
                time.sleep(0.1)
        notes = read(folder / "notes")
    _reckon(found, due, notes, received)
    return found


def _breaches(address: str, seconds: int, rate: int) -> dict[str, float]:
    """Has them happen, ten times a second; the instant of each by its contact."""
    due: dict[str, float] = {}
    began = time.time()
    for number in range(0, seconds * rate, rate // 10):
        time.sleep(max(began + number / rate - time.time(), 0))
        now = time.time()
        events = [_event(one, now) for one in range(number, number + rate // 10)]
        due |= {event["contact"]: event["time"] / 1000 + LIMIT_S for event in events}
        _send(address, events)
    return due


def _reckon(found: Measured, due: dict[str, float], notes: list[Note], received: Received) -> None:
    ways: dict[str, list[float]] = {}
    for note in notes:
        found.failures += bool(note.failure)
        if note.id not in received.at:
            continue
        for name, told in zip(note.names, note.told, strict=True):
            if name in ways:
                found.twice += 1
            elif name in due:
                instants = (due[name], told, note.kept, note.called, received.at[note.id])
                ways[name] = [later - before for before, later in pairwise(instants)]
                ways[name].append(instants[-1] - instants[0])
    found.twice += received.twice
    found.lost = len(due) - len(ways)
    found.worst = max(ways.values(), key=lambda way: way[-1])
    found.parts = {part: sorted(way[place] for way in ways.values()) for place, part in enumerate(PARTS)}


def main() -> None:
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("seconds", type=int, nargs="?", default=30)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--disorder", default="500ms")
    parser.add_argument("--cold", action="store_true", help="have the engine compiled first")
    asked = parser.parse_args()
    found = measured(asked.seconds, asked.rate, ("--disorder", asked.disorder), cold=asked.cold)
    print(
        f"{len(found.delays):,} breaches at {asked.rate} a second, --disorder {asked.disorder}; ready after {found.ready_s:.1f} s"
        f"{', compiled first' if asked.cold else ''}; lost {found.lost}, twice {found.twice}, failed deliveries {found.failures}"
    )
    for part, worst in zip(PARTS, found.worst, strict=True):
        told = ", ".join(f"p{share} {_share(found.parts[part], share) * 1000:.0f} ms" for share in (50, 90, 99))
        print(f"{part:>18}: {told}, most {found.parts[part][-1] * 1000:.0f} ms; of the slowest {worst * 1000:.0f} ms")
    print(histogram("breach to message", found.delays))


def _share(delays: list[float], share: int) -> float:
    return delays[min(len(delays) * share // 100, len(delays) - 1)]


def _event(number: int, now: float) -> dict[str, Any]:
    queue = "hook" if number % 2 else "mail"
    return {
        "type": "contact.queued",
        "time": int(now * 1000),
        "contact": f"b-{number}-{queue}",
        "queue": queue,
        "channel": "app",
    }


def _send(address: str, events: list[dict[str, Any]]) -> None:
    body = "\n".join(map(json.dumps, events)).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{address}/v1/events", body)) as answer:
        answer.read()


@contextlib.contextmanager
def _http(received: Received) -> Iterator[int]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received.take(self.headers["X-Floorwatch-Delivery"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *said: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def _smtp(received: Received) -> Iterator[int]:
    class Mail:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            received.take(message_from_bytes(envelope.content)["Message-ID"].strip("<>").removesuffix("@floorwatch"))
            return "250 taken"

    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    controller = Controller(Mail(), hostname="127.0.0.1", port=port)
    controller.start()
    yield port
    controller.stop()


@contextlib.contextmanager
def _service(folder: Path, options: tuple[str, ...], *, cold: bool) -> Iterator[str]:
    """Its address, once it is ready."""
    command = [sys.executable, "-m", "benchmarks.noting", str(folder / "notes"), "run", "--port", "0"]
    command += ["--data", str(folder / "data"), "--policy", str(folder / "policy.yaml")]
    command += ["--alerts", str(folder / "alerts.yaml"), *options]
    environment = os.environ | ({"NUMBA_CACHE_DIR": str(folder / "compiled")} if cold else {})
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        line = service.stdout.readline() if service.stdout else ""
        yield line.split()[-1].rstrip("/")
    finally:
        service.terminate()
        service.wait(STOP_S_MAX)


if __name__ == "__main__":
    main()
