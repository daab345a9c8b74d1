"""Requests of the plain form are what the parser would have read, and a connection answers the same however what it says is cut."""

import asyncio
import itertools
import random
import re
from pathlib import Path
from typing import Any

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from streams.plain import BODY_BYTES_MAX, read
from streams.refusals import Refusals
from streams.service import server_config
from streams.settings import ServiceSettings

FIELDS = (
    b"Host: a", b"Host: b", b"Content-Length: 4", b"content-length:0", b"Content-Length: 4, 4", b"Content-Length: +4", b"Content-Length: 99999999", b"Source: a  b\tc",
    b"X:", b"X : y", b" folded", b"X: \0", b"X: \xff", b"X: a\rb", b"Connection: close", b"Connection: keep-alive", b"Connection: Keep-Alive", b"Transfer-Encoding: chunked",
    b"Upgrade: h2c", b"Expect: 100-continue", b"Content-Encoding: gzip", b"", b"no colon",
)  # fmt: skip
LINES = (
    b"POST /v1/events HTTP/1.1", b"POST /v1/events?source=a%20b HTTP/1.1", b"POST /v1/events? HTTP/1.0", b"POST /v1/eventsx HTTP/1.1", b"POST /v1/events#x HTTP/1.1",
    b"POST  /v1/events HTTP/1.1", b"post /v1/events HTTP/1.1", b"POST /v1/events?\x80 HTTP/1.1",
)  # fmt: skip
ENDS = (b"\r\n", b"\n", b"\r\n ", b"\r")
PLAIN = b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"


def parsed(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes, bytes]:
    """Headers, target and body as the parser reads them, for bytes that are one whole request. Raises RemoteProtocolError."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.http_version) == (b"POST", b"1.1")
    assert not connection.they_are_waiting_for_100_continue
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert connection.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.SEND_RESPONSE}, "and it stays open"
    assert not connection.trailing_data[0]
    return list(request.headers), request.target, body


def same(data: bytes) -> bool:
    """Whether it is plain; then the parser reads the same."""
    plain = read(data)
    if plain is None:
        return False
    whole = data[: plain.end].ljust(plain.end, b"x")
    query = b"?" + plain.query if b"?" in data[: data.index(b" HTTP")] else b""
    assert parsed(whole) == (plain.headers, b"/v1/events" + query, whole[plain.start :])
    return True


@given(
    st.sampled_from(LINES), st.lists(st.sampled_from(FIELDS), max_size=6), st.lists(st.sampled_from(ENDS), min_size=8, max_size=8), st.binary(max_size=9)
)  # fmt: skip
@example(LINES[1], [b"Host: a", b"Content-Length: 4", b"Connection: keep-alive"], [b"\r\n"] * 8, b"abcd")
def test_what_is_plain_is_read_as_the_parser_reads_it(
    line: bytes, fields: list[bytes], ends: list[bytes], body: bytes
) -> None:
    lines = [line, *fields, b""]
    same(b"".join(said + end for said, end in zip(lines, ends, strict=False)) + body)


@given(st.data())
def test_a_byte_changed_is_no_way_past_the_parser(data: st.DataObject) -> None:
    told = bytearray(PLAIN.replace(b"\r\nH", b"\r\nSource: a b\r\nH") % (4, b"abcd"))
    for place in data.draw(st.lists(st.integers(0, len(told) - 1), max_size=2)):
        told[place] = data.draw(st.integers(0, 255))
    same(bytes(told))


@pytest.mark.parametrize(
    "field",
    [
        b"Transfer-Encoding: chunked",
        b"Upgrade: h2c",
        b"Expect: 100-continue",
        b"Connection: close",
        b"Host: b",
        b"TE: trailers",
    ],
)
def test_what_says_something_of_the_connection_is_left_to_the_parser(field: bytes) -> None:
    told = PLAIN % (4, b"abcd")
    assert same(told)
    assert read(told.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n")) is None


def test_what_is_long_is_left_to_the_parser() -> None:
    assert read(PLAIN % (BODY_BYTES_MAX, b"")) is not None
    assert read(PLAIN % (BODY_BYTES_MAX + 1, b"")) is None
    assert read((PLAIN % (4, b"abcd")).replace(b"Host", b"X: " + b"x" * 5_000 + b"\r\nHost")) is None


class Transport(asyncio.Transport):
    """What a connection writes, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was sent, a little later than at once."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
        await asyncio.sleep(0)
    head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    await send(head)
    await send({"type": "http.response.body", "body": body})


async def said(pieces: list[bytes], answers: int, folder: Path, app: Any = echo) -> tuple[list[bytes], bytes]:
    """The bodies of so many answers, and all that was written."""
    settings = ServiceSettings(data=folder)
    config = server_config(app, settings, Refusals(folder / "audit.jsonl"))
    config.load()
    transport = Transport()
    connection: Any = config.http_protocol_class(config=config, server_state=ServerState(), app_state={})  # type: ignore[operator]
    connection.connection_made(transport)
    for piece in pieces:
        connection.data_received(piece)
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        while len(found := re.findall(rb"\r\n\r\n<([^>]*)>", transport.written)) < answers and not transport.closed:
            await asyncio.sleep(0.001)
    connection.connection_lost(None)
    return found, transport.written


REQUESTS = (
    PLAIN % (5, b"<one>"), PLAIN % (5, b"<two>"), PLAIN.replace(b"Host", b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHost") % (7, b"<three>"),
    b"POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<four>\r\n0\r\n\r\n", PLAIN % (6, b"<five>"), PLAIN % (5, b"<six>"),
)  # fmt: skip
NAMES = [b"one", b"two", b"three", b"four", b"five", b"six"]


def test_however_a_connection_is_cut_it_is_answered_in_its_order(tmp_path: Path) -> None:
    whole = b"".join(REQUESTS)
    cuts = [
        [],
        [len(REQUESTS[0]) - 2],
        *([random.Random(seed).randrange(len(whole)) for _ in range(seed)] for seed in range(1, 40)),
    ]

    async def each() -> None:
        for places in cuts:
            edges = [0, *sorted(places), len(whole)]
            pieces = [whole[start:end] for start, end in itertools.pairwise(edges) if end > start]
            bodies, written = await said(pieces, len(NAMES), tmp_path)
            assert bodies == NAMES, (places, written)

    asyncio.run(each())


def test_a_head_whose_body_does_not_come_reaches_the_parser_and_waits_there(tmp_path: Path) -> None:
    seen: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 408, "headers": [(b"content-length", b"6")]})
        await send({"type": "http.response.body", "body": b"<late>"})

    assert asyncio.run(said([PLAIN % (9, b"part")], 1, tmp_path, app))[0] == [b"late"]
    assert seen == [b"part"]


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb"])
def test_an_answer_never_has_a_line_that_somebody_else_wrote(tmp_path: Path, value: bytes) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x", value)]})
        await send({"type": "http.response.body", "body": b"<never>"})

    _, written = asyncio.run(said([PLAIN % (5, b"<one>")], 1, tmp_path, app))
    assert written.startswith(b"HTTP/1.1 500 ")
    assert b"never" not in written
