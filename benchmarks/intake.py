"""How much does one process take in over HTTP, journal, engine and wall included, and how long does a single event wait for its answer?

`python -m benchmarks.intake` starts the service and sends it chats of the present: batches of 1,000 events by some senders at once, of which it prints the
best of some rounds, with the processor time that the service spent; then single events at an even pace, of which it prints how long the answers took and what one
cost the service's processor: in the plainest form (streams.plain), and in one that uvicorn's parser reads, by turns. An answer means that the events are on disk. The senders share the machine with the service.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.request import urlopen

from benchmarks.latency import histogram

__all__ = ["Measured", "measure"]

_SCRIPT = ("contact.opened", "message.customer", "contact.queued", "contact.answered", "message.agent", "message.customer", "message.agent",
           "message.customer", "message.agent", "contact.closed")  # fmt: skip


STEP_MS = 100
#: Numbers that no batch has.
SINGLES_FROM = 500_000_000
#: So often single events are sent in the one form and in the other.
TURNS = 2
#: Not the plain form: its capitals leave the request to the parser.
_PARSED = "Connection: Keep-Alive\r\n"


@dataclass(frozen=True)
class Measured:
    """Events a second of each round, and of a second of the service's processor; seconds that single answers took, and what one cost the processor, plain
    and through the parser."""

    rates: list[float]
    rates_of_processor: list[float]
    answers_s: list[float]
    rejected: int
    processor_of_single_s: float
    processor_of_parsed_s: float

    def share_s(self, share: float) -> float:
        """So long took the answers of that share of single events, or less."""
        return sorted(self.answers_s)[min(int(len(self.answers_s) * share), len(self.answers_s) - 1)]


def _events(first: int, events: int) -> bytes:
    """Chats one after the other, that end now, their events `STEP_MS` apart, each with an id and one in ten with a customer."""
    now_ms = time.time_ns() // 1_000_000
    lines = []
    for number in range(first, first + events):
        chat, place = divmod(number, len(_SCRIPT))
        more = (
            f',"agent":"a{chat % 4000:04d}"'
            if place in (3, 4, 6, 8, 9)
            else f',"customer":"k{chat:08d}"'
            if place == 0
            else ""
        )
        lines.append(
            f'{{"id":"b-{number:09d}","type":"{_SCRIPT[place]}","time":{now_ms - (len(_SCRIPT) - 1 - place) * STEP_MS},"contact":"c-{chat:09d}","queue":"q{chat % 12:02d}",'
            f'"channel":"{("app", "wechat", "web", "phone")[chat % 4]}","tenant":"shop-{chat % 40:03d}"{more}}}\n'
        )
    return "".join(lines).encode()


class _Sender:
    """One kept connection."""

    def __init__(self, port: int, fields: str = "") -> None:
        self._fields = fields
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def send(self, body: bytes) -> int:
        """Posts, waits for the answer, and returns how many lines were refused; tries again where it is told to."""
        head = f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nSource: benchmark\r\n{self._fields}Content-Length: {len(body)}\r\n\r\n"
        while True:
            self._socket.sendall(head.encode() + body)
            answer = b""
            while not (found := re.search(rb"\r\n\r\n", answer)) or len(answer) < found.end() + _length(answer):
                part = self._socket.recv(65_536)
                if not part:
                    raise ConnectionError("The service closed the connection.")
                answer += part
            status = int(answer.split()[1])
            if status == 200:
                return int(json.loads(answer[found.end() :])["rejected_count"])
            if status != 429:
                raise RuntimeError(f"answered {status}: {answer[found.end() :][:200]!r}")
            time.sleep(0.05)


def _length(answer: bytes) -> int:
    found = re.search(rb"(?i)content-length: (\d+)", answer)
    return int(found[1]) if found else 0


def _processor_s(pid: int) -> float:
    """Processor time that a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    *, rounds: int, batches: int, senders: int, singles_s: float, per_second: int, batch: int = 1_000
) -> Measured:
    """Runs a service of its own in a folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="floorwatch-") as folder:
        command = [sys.executable, "-m", "streams", "run", "--port", "0", "--data", folder, "--disorder", "5s"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
            try:
                assert service.stdout is not None
                port = int(re.findall(r":(\d+)/", service.stdout.readline())[0])
                return _measured(service.pid, port, rounds, batches, senders, singles_s, per_second, batch)
            finally:
                service.terminate()


def _measured(
    pid: int, port: int, rounds: int, batches: int, senders: int, singles_s: float, per_second: int, batch: int
) -> Measured:
    numbers, rates, of_processor, rejected = count(), [], [], 0
    with ThreadPoolExecutor(max(senders, 16)) as threads:
        for _ in range(rounds):
            bodies = [_events(next(numbers) * batch, batch) for _ in range(batches)]
            waiting, lock = iter(bodies), threading.Lock()

            def run(sender: _Sender, waiting: "object" = waiting, lock: threading.Lock = lock) -> int:
                refused = 0
                while True:
                    with lock:
                        body = next(waiting, b"")  # type: ignore[call-overload]
                    if not body:
                        return refused
                    refused += sender.send(body)

            connections = [_Sender(port) for _ in range(senders)]  # Anew: an idle one is closed.
            began, spent = time.perf_counter(), _processor_s(pid)
            rejected += sum(threads.map(run, connections))
            rates.append(batch * batches / (time.perf_counter() - began))
            for connection in connections:
                connection.close()
            _settle(port)
            of_processor.append(batch * batches / max(_processor_s(pid) - spent, 0.01))
        answers_s: list[float] = []
        cost_s = {"": 0.0, _PARSED: 0.0}
        for turn, fields in enumerate(list(cost_s) * TURNS):
            connections = [_Sender(port, fields) for _ in range(16)]
            spent = _processor_s(pid)
            events = int(singles_s * per_second / TURNS)
            took = _singles(connections, threads, SINGLES_FROM + turn * events, events, per_second)
            cost_s[fields] += (_processor_s(pid) - spent) / max(len(took), 1) / TURNS
            answers_s += took if not fields else []
            for connection in connections:
                connection.close()
    return Measured(rates, of_processor, answers_s, rejected, cost_s[""], cost_s[_PARSED])


def _settle(port: int) -> None:
    """Waits until what was answered is counted too."""
    while json.loads(urlopen(f"http://127.0.0.1:{port}/api/v1/now").read())["service"]["backlog_batches"]:
        time.sleep(0.05)


def _singles(
    connections: list[_Sender], threads: ThreadPoolExecutor, first: int, events: int, per_second: int
) -> list[float]:
    """How long each answer took, from the instant at which its event should have been sent: who is late in sending waits too."""
    begin = time.perf_counter() + 0.1
    numbers, lock = iter(range(events)), threading.Lock()

    def run(sender: _Sender) -> list[float]:
        took: list[float] = []
        while True:
            with lock:
                number = next(numbers, -1)
            if number < 0:
                return took
            due = begin + number / per_second
            time.sleep(max(due - time.perf_counter(), 0))
            sender.send(_events(first + number, 1))
            took.append(time.perf_counter() - due)

    return [took for part in threads.map(run, connections) for took in part]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=200, help="of 1,000 events, each round")
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5, help="of single events")
    parser.add_argument("--per-second", type=int, default=1_000)
    asked = parser.parse_args()
    found = measure(
        rounds=asked.rounds,
        batches=asked.batches,
        senders=asked.senders,
        singles_s=asked.seconds,
        per_second=asked.per_second,
    )
    best, middle = max(found.rates), statistics.median(found.rates)
    print(
        f"batches of 1,000   best {best:,.0f}, median {middle:,.0f} events a second; of the service's processor {max(found.rates_of_processor):,.0f}"
    )
    print(histogram("single events", found.answers_s))
    shares = ", ".join(f"p{share * 100:g} {found.share_s(share) * 1e3:.1f} ms" for share in (0.5, 0.99, 0.999))
    print(
        f"single events, {asked.per_second:,} a second   {shares}; {len(found.answers_s):,} answers, {found.rejected} lines refused, {found.processor_of_single_s * 1e3:.2f} ms of the processor each, "
        f"{found.processor_of_parsed_s * 1e3:.2f} ms through the parser"
    )


if __name__ == "__main__":
    main()
