"""Hostile connections to a running `floorwatch run`: it answers others meanwhile, and lives on as if nothing had been."""

import random
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.fuzzing.hostile import body
from tests.streams.test_run import Service, running

HEAD = b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
#: What an answer may take on a machine that is busy with other tests.
ANSWER_S_MAX = 20.0

BROKEN = (
    b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
    b"\0" * 1_000, b"POST /v1/events\r\n\r\n", HEAD + b"Content-Length: -1\r\n\r\n", HEAD + b"Content-Length: 1e3\r\n\r\n{}",
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HEAD + b"Transfer-Encoding: gzip\r\n\r\nabc",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nx", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"e" * 100_000 + b"\r\nx\r\n0\r\n\r\n", HEAD + b"No colon here\r\n\r\n",
    HEAD + b" folded: line\r\n\r\n", HEAD + b"X: a\0b\r\n\r\n", HEAD + b"\xff\xfe: x\r\n\r\n", HEAD + b"Upgrade: websocket\r\n\r\n",
    HEAD + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n", b"GET /%00%ff%2e%2e/%2e%2e/etc HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    HEAD + b"x: y\r\n" * 5_000 + b"\r\n", HEAD + b"x: " + b"y" * 500_000 + b"\r\n\r\n", b"GET /" + b"a" * 500_000 + b" HTTP/1.1\r\n\r\n",
)  # fmt: skip


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running(tmp_path / "data") as service:
        yield service


def _connected(service: Service) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=ANSWER_S_MAX)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _event(number: int) -> dict[str, Any]:
    stamp = time.time_ns() // 1_000_000
    return {"type": "contact.queued", "time": stamp, "id": f"e{number}", "contact": f"c{number}"}


def _answers_others(service: Service, number: int) -> None:
    began = time.monotonic()
    assert service.post([_event(number)])["accepted"] == 1
    assert service.get("/healthz")
    assert time.monotonic() - began < ANSWER_S_MAX


def _lives_on(service: Service, accepted: int) -> None:
    """Exactly what was acknowledged is counted, and the end is clean."""
    deadline = time.monotonic() + 60
    while (counted := service.now()["counters"]["events"]) != accepted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert counted == accepted
    assert service.end() == 0
    assert "Traceback" not in service.process.communicate()[1]


def test_senders_that_trickle_or_stop_in_the_middle_keep_nobody_waiting(service: Service) -> None:
    with ExitStack() as open_connections:
        slow = [open_connections.enter_context(_connected(service)) for _ in range(60)]
        begins = (
            HEAD[:8],
            HEAD,
            HEAD + b"Content-Length: 9000\r\n\r\n",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
        )
        for number, connection in enumerate(slow):
            connection.sendall(begins[number % len(begins)])
        for number in range(10):
            for connection in slow[::2]:
                with suppress(OSError):
                    connection.sendall(b"a")
            _answers_others(service, number)
    _lives_on(service, accepted=10)


def test_senders_that_hang_up_in_the_middle_leave_nothing_behind(service: Service) -> None:
    dice = random.Random(7)
    whole = b'{"type":"contact.opened","time":1700000000000,"contact":"half"}'
    request = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(whole), whole)
    for number in range(60):
        with _connected(service) as connection:
            connection.sendall(request[: dice.randrange(1, len(request))])
            if number % 2:  # Not a farewell but a reset.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 10 == 0:
            _answers_others(service, number)
    _lives_on(service, accepted=6)


def test_what_is_no_http_is_answered_with_a_refusal_or_with_nothing(service: Service) -> None:
    for number, sent in enumerate(BROKEN):
        with _connected(service) as connection:
            answer = _exchanged(connection, sent)
            assert not re.match(rb"HTTP/1\.1 (2|5)", answer), f"{sent[:80]!r} is answered {answer[:80]!r}"
        if number % 5 == 0:
            _answers_others(service, number)
    _lives_on(service, accepted=-(-len(BROKEN) // 5))


def test_noise_on_the_line_breaks_nothing(service: Service) -> None:
    for seed in range(60):
        dice = random.Random(seed)
        sent = body(dice)[:50_000]
        announced = HEAD + dice.choice(
            (b"Content-Length: %d\r\n\r\n" % max(0, len(sent) - 3), b"Content-Encoding: gzip\r\n", b"\r\n")
        )
        with _connected(service) as connection:
            answer = _exchanged(connection, dice.choice((sent, announced + sent)))
            assert not re.match(rb"HTTP/1\.1 5", answer), f"seed {seed} is answered {answer[:80]!r}"
    _lives_on(service, accepted=service.now()["counters"]["events"])


def test_requests_sent_ahead_are_all_answered_and_in_order(service: Service) -> None:
    lines = [b'{"type":"contact.opened","time":1700000000000,"contact":"c%d"}' % number for number in range(100)]
    bodies = [line if number % 3 else b"no" for number, line in enumerate(lines)]
    with _connected(service) as connection:
        connection.sendall(b"".join(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies))
        answers = _until(connection, lambda said: said.count(b"HTTP/1.1 ") == len(bodies) and said.endswith(b"}"))
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", answers)]
    assert statuses == [200 if number % 3 else 400 for number in range(100)]
    _lives_on(service, accepted=66)


def _exchanged(connection: socket.socket, sent: bytes) -> bytes:
    """What comes back within a moment, cut off or not."""
    connection.settimeout(0.15)
    try:
        connection.sendall(sent)
        return _until(connection, lambda said: b"\r\n\r\n" in said)
    except OSError:
        return b""


def _until(connection: socket.socket, is_all: Callable[[bytes], bool]) -> bytes:
    said = b""
    try:
        while not is_all(said) and (part := connection.recv(65_536)):
            said += part
    except TimeoutError:
        pass
    return said
