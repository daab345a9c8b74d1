"""How long after the instant of a breach its first message reaches a channel, through the whole service, over real HTTP and real SMTP.

Contacts wait by 100 a second until a limit of two seconds is broken; each breach is an alert of its own, told to one of two people, by a
webhook and by e-mail. Run as `python -m benchmarks.escalation`. Prints shares of the times from the breach's instant to the receiver's.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

__all__ = ["main", "measured"]

LIMIT_S = 2.0
RATE = 100
WARM_UP = 1_000_001
START_S_MAX = 180.0
"""On a busy machine that compiles the engine first."""
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
_NAME = re.compile(r"\bb-(\d+)-(?:hook|mail)\b")


class Received:
    """When each contact's message came in first, by its number."""

    def __init__(self) -> None:
        self.at: dict[int, float] = {}
        self.twice = 0
        self._lock = threading.Lock()

    def take(self, text: str) -> None:
        now = time.time()
        with self._lock:
            for number in map(int, set(_NAME.findall(text))):
                self.twice += number in self.at
                self.at.setdefault(number, now)


def measured(seconds: int, rate: int = RATE) -> tuple[list[float], int, int]:
    """Delays in seconds, in ascending order; how many breaches were told nobody; how many twice."""
    received = Received()
    with contextlib.ExitStack() as leaving:
        http, smtp = leaving.enter_context(_http(received)), leaving.enter_context(_smtp(received))
        folder = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="floorwatch-bench-")))
        (folder / "alerts.yaml").write_text(ALERTS.format(http=http, smtp=smtp))
        (folder / "policy.yaml").write_text(POLICY)
        address = leaving.enter_context(_service(folder))
        _warm_up(address, received)
        due: dict[int, float] = {}
        began = time.time()
        for number in range(0, seconds * rate, rate // 10):
            time.sleep(max(began + number / rate - time.time(), 0))
            numbers = range(number, number + rate // 10)
            now = time.time()
            due |= {one: int(now * 1000) / 1000 + LIMIT_S for one in numbers}
            _send(address, [_event(one, now) for one in numbers])
        waited = time.time() + LIMIT_S + 10
        while len(received.at) < len(due) and time.time() < waited:
            time.sleep(0.1)
        delays = sorted(received.at[number] - due[number] for number in due if number in received.at)
        return delays, len(due) - len(delays), received.twice


def main() -> None:
    """Prints the shares."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    delays, lost, twice = measured(seconds)
    shares = ", ".join(f"p{share} {_share(delays, share) * 1000:.0f} ms" for share in (50, 90, 99))
    print(
        f"{len(delays):,} breaches at {RATE} a second: {shares}, worst {delays[-1] * 1000:.0f} ms; lost {lost}, twice {twice}"
    )


def _warm_up(address: str, received: Received) -> None:
    """The first breach of all, which may wait until the engine is compiled."""
    _send(address, [_event(WARM_UP, time.time())])
    until = time.time() + START_S_MAX
    while WARM_UP not in received.at and time.time() < until:
        time.sleep(0.1)


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
            received.take(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.request_queue_size = 256
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def _smtp(received: Received) -> Iterator[int]:
    class Mail:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            message = message_from_bytes(envelope.content)
            said = message.get_payload(decode=True)
            received.take(
                f"{make_header(decode_header(message['Subject']))} {said.decode() if isinstance(said, bytes) else ''}"
            )
            return "250 taken"

    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    controller = Controller(Mail(), hostname="127.0.0.1", port=port)
    controller.start()
    yield port
    controller.stop()


@contextlib.contextmanager
def _service(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "streams", "run", "--port", "0", "--data", str(folder / "data")]
    command += ["--policy", str(folder / "policy.yaml"), "--alerts", str(folder / "alerts.yaml")]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = service.stdout.readline() if service.stdout else ""
        yield line.split()[-1].rstrip("/")
    finally:
        service.terminate()
        service.wait(START_S_MAX)


if __name__ == "__main__":
    main()
