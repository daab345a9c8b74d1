"""Delivery to files and to a real HTTP server that is sometimes busy, the command's exit codes, and live runs.

Owns a small honest server. Law: what the simulator says it delivered is what the server has.
"""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.simulate import events, preset
from streams.simulate.command import simulate
from streams.simulate.http_sink import GaveUpError, HttpSink
from streams.simulate.pace import Stop
from tests.streams.test_simulate_legal import instant_ms

START = "2025-11-11T10:00:00+08:00"
QUICK = ("--start", START, "--duration", "10m", "--agents", "40")
LAUNCH = (sys.executable, "-c", "from streams.simulate.command import simulate; simulate()")


@dataclass
class Service:
    """What the server received; `answer(n)` decides the n-th request: status, headers."""

    answer: Callable[[int], tuple[int, dict[str, str]]]
    limit_bytes: int = 1 << 30
    requests: int = 0
    lines: list[bytes] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    address: str = ""


@contextmanager
def service(answer: Callable[[int], tuple[int, dict[str, str]]], limit_bytes: int = 1 << 30) -> Iterator[Service]:
    state = Service(answer, limit_bytes)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/events"
            state.requests += 1
            state.tokens.add(self.headers.get("Authorization", ""))
            status, headers = state.answer(state.requests)
            if status == 0:
                self.close_connection = True
                return  # hang up without a word
            if len(body) > state.limit_bytes:
                status = 413
            rejected = 0
            if status == 200:
                received = body.splitlines(keepends=True)
                good = [line for line in received if line.startswith(b'{"time":') and b"bad-" not in line]
                rejected = len(received) - len(good)
                state.lines.extend(good)
            text = json.dumps({"accepted": 0, "rejected": [], "rejected_count": rejected}).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fine(number: int) -> tuple[int, dict[str, str]]:
    return 200, {}


def moody(number: int) -> tuple[int, dict[str, str]]:
    """Every second request is refused: busy, broken, or hung up on."""
    return {1: (429, {"Retry-After": "0"}), 3: (503, {}), 5: (0, {})}.get(number % 6, (200, {}))


def run(*words: str) -> Result:
    return CliRunner().invoke(simulate, words)


def test_a_file_and_its_gzip_hold_the_bytes_of_the_library(tmp_path: Path) -> None:
    plain, packed, again = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz", tmp_path / "c.jsonl.gz"
    for path in (plain, packed, again):
        result = run(*QUICK, "--seed", "7", "-o", str(path))
        assert result.exit_code == 0, result.output
    centre = preset("centre", 1_762_826_400_000, agents=40, duration_s=600)
    assert plain.read_bytes() == b"".join(events(centre, 7))
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert packed.read_bytes() == again.read_bytes()


def test_standard_output_is_the_default_and_carries_nothing_else() -> None:
    result = run(*QUICK)
    assert result.exit_code == 0
    assert result.stdout_bytes == b"".join(events(preset("centre", 1_762_826_400_000, agents=40, duration_s=600), 1))
    assert "lines written" in result.stderr


def test_http_delivers_every_line_once_to_a_server_that_is_often_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOORWATCH_TOKEN", "s3cret")
    with service(moody) as server:
        result = run("--start", START, "--duration", "20m", "--agents", "100", "--to", server.address)
        assert result.exit_code == 0, result.output
        sent = list(events(preset("centre", 1_762_826_400_000, agents=100, duration_s=1200), 1))
        assert server.lines == sent
        assert server.tokens == {"Bearer s3cret"}
        assert server.requests > 6
    assert f"{len(sent):,} events delivered, 0 rejected, 0 given up" in result.stderr
    assert ", 0 requests retried" not in result.stderr
    assert "s3cret" not in result.output


def test_http_counts_what_the_service_rejects() -> None:
    with service(fine) as server:
        result = run(*QUICK, "--bad-lines", "0.01", "--to", server.address)
        assert result.exit_code == 0
        good = len(server.lines)
    assert f"{good:,} events delivered" in result.stderr
    assert "delivered, 0 rejected" not in result.stderr


def test_a_batch_too_large_for_the_service_is_halved_until_it_fits() -> None:
    lines = [b'{"time":%d}\n' % number for number in range(1000)]
    with service(fine, limit_bytes=2_000) as server:
        sink = HttpSink(server.address)
        sink.send(lines, Stop())
        sink.close()
        assert server.lines == lines
    assert sink.tally.delivered == 1000


def test_a_wait_that_the_service_asks_for_is_kept() -> None:
    with service(lambda number: (429, {"Retry-After": "1"}) if number == 1 else (200, {})) as server:
        begun_s = time.monotonic()
        sink = HttpSink(server.address)
        sink.send([b'{"time":1}\n'], Stop())
        assert 0.95 <= time.monotonic() - begun_s < 5
        assert (sink.tally.delivered, sink.tally.retries) == (1, 1)


def test_giving_up_is_said_and_counted_and_is_a_failure() -> None:
    with service(lambda number: (503, {})) as server:
        result = run(*QUICK, "--to", server.address, "--give-up-after", "300ms")
    assert result.exit_code == 1
    assert "answered 503" in result.stderr
    assert " 0 events delivered" in f" {result.stderr}"
    assert ", 0 given up" not in result.stderr


def test_a_refused_token_fails_at_once_with_the_remedy() -> None:
    with service(lambda number: (401, {})) as server:
        sink = HttpSink(server.address)
        with pytest.raises(GaveUpError, match="FLOORWATCH_TOKEN"):
            sink.send([b'{"time":1}\n'], Stop())
    assert sink.tally.given_up == 1


@pytest.mark.parametrize(
    "words",
    [
        *(("--duration", "soon"), ("--duration", "0s"), ("--start", "2025-11-11T10:00:00"), ("--zone", "Mars/Olympus")),
        *(("--silence", "app"), ("--silence", "moon@1m+1m"), ("--skew", "moon=3s"), ("--duplicates", "2")),
        *(("--prefill", "1h"), ("--live", "--start", START), ("--live", "--rate", "5"), ("--rate", "0")),
        *(("--agents", "0"), ("-o", "x.csv"), ("--to", "ftp://127.0.0.1"), ("--to", "http://a:b@127.0.0.1")),
        *(("--to", "http://127.0.0.1", "-o", "-"), ("--speed", "fast"), ("--preset", "moon")),
    ],
)
def test_wrong_usage_ends_with_two_and_one_sentence(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert "Error: " in result.stderr
    assert "Traceback" not in result.output


def test_a_file_that_cannot_be_written_is_a_failure_in_one_sentence(tmp_path: Path) -> None:
    result = run(*QUICK, "-o", str(tmp_path / "nowhere" / "x.jsonl"))
    assert result.exit_code == 1
    assert "Cannot write" in result.stderr


def test_a_rate_and_a_speed_are_kept(tmp_path: Path) -> None:
    for words, wanted_s in (
        (("--duration", "30s", "--speed", "30x"), 1.0),
        (("--duration", "5s", "--rate", "100"), 0.8),
    ):
        begun_s = time.monotonic()
        result = run("--preset", "small", "--start", START, *words, "-o", str(tmp_path / "x.jsonl"))
        assert result.exit_code == 0
        assert 0.2 * wanted_s <= time.monotonic() - begun_s <= 4 * wanted_s


def test_a_live_run_with_prefill_is_one_centre_across_the_seam() -> None:
    with service(fine) as server:
        before_ms = int(time.time() * 1000)
        result = run("--live", "--prefill", "20m", "--duration", "3s", "--agents", "100", "--to", server.address)
        after_ms = int(time.time() * 1000)
    assert result.exit_code == 0, result.output
    told = [json.loads(line) for line in server.lines]
    first, last = instant_ms(told[0]), instant_ms(told[-1])
    assert abs(first - (before_ms - 1_200_000)) < 2_000
    assert before_ms < last <= after_ms
    opened: dict[str, int] = {}
    across = 0
    for event in told:
        if event["type"] == "contact.opened":
            opened[event["contact"]] = instant_ms(event)
        elif "contact" in event:
            assert event["contact"] in opened
            across += opened[event["contact"]] < before_ms < instant_ms(event)
    assert across > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_live_run_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "live.jsonl"
    process = subprocess.Popen(
        [*LAUNCH, "--live", "--prefill", "5m", "-o", str(path)], stderr=subprocess.PIPE, env=os.environ
    )
    deadline = time.monotonic() + 60
    while (not path.exists() or not path.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert b"lines written" in said
    written = path.read_bytes()
    assert written.endswith(b"\n")
    assert f"{written.count(10):,} lines".encode() in said


def test_a_reader_that_has_enough_ends_the_run_without_a_complaint() -> None:
    process = subprocess.Popen(
        [*LAUNCH, "--start", START, "--duration", "10d"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()
