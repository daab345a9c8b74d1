"""Posts of events in the plainest form, read and answered without uvicorn's parser, which costs a single event more than its judgement.

Owns what that form is, and one such request and its answer. Never decides where a connection stands: see streams.connections. Law: what is not of this form to
the last byte is left to the parser, and what is of it the parser would have read as the same request.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES

from streams.exchange import Message, Receive, Scope, Send

__all__ = ["BODY_BYTES_MAX", "HEAD_BYTES_MAX", "PATH", "Cycle", "Plain", "read"]

PATH = "/v1/events"
#: Longer heads and bodies are the parser's.
HEAD_BYTES_MAX = 4_096
BODY_BYTES_MAX = 65_536
_BEGIN = b"POST /v1/events"
# No part of it can be read in two ways, and nothing that was read is read again: a hostile head costs what a good one does.
_LINE = rb"([-!#$%&'*+.^_`|~0-9A-Za-z]++):[ \t]*+((?:[!-~]++(?:[ \t]++(?=[!-~]))?+)*+)[ \t]*+\r\n"
_HEAD = re.compile(_BEGIN + rb"(?:\?([!-~]*+))? HTTP/1\.1\r\n((?:" + _LINE.replace(b"(", b"(?:", 2) + rb")++)\r\n")
_FIELDS = re.compile(_LINE)
#: Fields that say something of the connection or of how the body comes.
_PARSED = frozenset(
    (b"expect", b"http2-settings", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)  # fmt: skip
_log = logging.getLogger("uvicorn.error")


@dataclass(frozen=True, slots=True)
class Plain:
    """A request whose body is the bytes from `start` to `end`, as far as they have come."""

    query: bytes
    headers: list[tuple[bytes, bytes]]
    start: int
    end: int


def read(data: bytes) -> Plain | None:
    """The request with which the bytes begin, None where it is not of the plain form."""
    if not data.startswith(_BEGIN) or (found := _HEAD.match(data, 0, HEAD_BYTES_MAX)) is None:
        return None
    headers = [(name.lower(), value) for name, value in _FIELDS.findall(found[2])]
    names = [name for name, _ in headers]
    told = dict(headers)
    length = told.get(b"content-length", b"")
    is_plain = names.count(b"host") == names.count(b"content-length") == 1 and _PARSED.isdisjoint(names)
    is_kept = b"connection" not in told or (names.count(b"connection") == 1 and told[b"connection"] == b"keep-alive")
    if not (is_plain and is_kept and length.isdigit() and len(length) <= 5 and int(length) <= BODY_BYTES_MAX):
        return None
    return Plain(found[1] or b"", headers, found.end(), found.end() + int(length))


class Cycle:
    """One request and its answer, as uvicorn's own cycles are to a connection; `headers` are of every answer, which is written at once when it is whole."""

    def __init__(
        self, scope: Scope, body: bytes, transport: asyncio.Transport, flow: FlowControl, headers: list[tuple[bytes, bytes]],
        on_response: Callable[[], None],
    ) -> None:  # fmt: skip
        self.disconnected = self.response_complete = False
        self.keep_alive = True
        self.message_event = asyncio.Event()
        self._scope = scope
        self._body: bytes | None = body
        self._transport, self._flow, self._headers, self._on_response = transport, flow, headers, on_response
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def run(self, app: Callable[[Scope, Receive, Send], Any]) -> None:
        """Has it answered. Raises nothing: a fault is told to the log, and answered 500."""
        try:
            await app(self._scope, self.receive, self.send)
            if not self.response_complete and not self.disconnected:
                raise RuntimeError("The application ended without an answer.")
        except BaseException as error:
            _log.error("Exception in ASGI application\n", exc_info=error)
            if not self.response_complete:
                self._start, self._parts = {"status": 500, "headers": [(b"connection", b"close")]}, []
                self._answer()

    async def receive(self) -> Message:
        if self._body is None:
            await self.message_event.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            self._answer()

    def _answer(self) -> None:
        if self.disconnected:
            return
        if self._start is None or self.response_complete:
            raise RuntimeError("An answer begins once, and ends once.")
        status, body = self._start["status"], b"".join(self._parts)
        said = [(name, value) for name, value in self._start["headers"] if name != b"content-length"]
        fields = [*self._headers, *said, (b"content-length", b"%d" % len(body))]
        lines = [b"%s: %s\r\n" % field for field in fields]
        head = b"HTTP/1.1 %d %s\r\n%s\r\n" % (status, STATUS_PHRASES[status], b"".join(lines))
        if not head.count(b"\r") == head.count(b"\n") == len(fields) + 2:
            raise RuntimeError("A header of the answer holds a line break.")
        self.response_complete = True
        self.message_event.set()
        self._transport.write(head + body)
        if not self.keep_alive or (b"connection", b"close") in fields:
            self._transport.close()
        self._on_response()
