"""The addresses that systems send to: `POST /v1/connect/NAME`, and what came of it at `GET /api/v1/connect`.

Owns the reading of a request, the check of its signature and the answer. Never stores anything: events go the way of all others, through the
gateway. The law: with a secret only what is signed is taken, whoever else may send; what could not be stored is kept for the sender's next
attempt, so that a body which was translated once is never lost to a busy moment.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from streams.connectors.base import URL, Connector
from streams.connectors.connections import Connection
from streams.connectors.feeder import Counts, Take
from streams.connectors.record import Record
from streams.connectors.signatures import SCHEMES
from streams.intake import BodyError, inflate

__all__ = ["BODY_BYTES_MAX", "READING_BYTES_MAX", "Refuse", "Room", "Webhook"]

BODY_BYTES_MAX = 1 << 20
READ_S = 30
#: Bodies being read at one moment, of all connections; beyond it the answer is 429.
READING_BYTES_MAX = 32 << 20
#: What was translated and not stored yet, waiting for its senders to come again; the oldest of more is given up and counted.
OWED_BYTES_MAX = 8 << 20
_BUSY = (429, 503)
#: Attempts before the sender hears that we are busy, and the wait between them.
ATTEMPTS, ATTEMPT_S = 8, 0.25

_REASONS = {400: "bad_request", 408: "body_slow", 413: "body_too_large", 429: "busy"}

Refuse = Callable[[str, Request], None]


class Room:
    """Set aside for bodies before a byte of them is read."""

    def __init__(self, bytes_max: int = READING_BYTES_MAX) -> None:
        self.bytes_left = bytes_max

    @contextmanager
    def reserved(self, request: Request) -> Iterator[int]:
        """So many bytes may be read. Raises BodyError."""
        declared = request.headers.get("content-length", "")
        size = int(declared) if declared.isdecimal() and len(declared) < 19 else BODY_BYTES_MAX
        if size > BODY_BYTES_MAX:
            raise BodyError(413, f"The body has more than {BODY_BYTES_MAX} bytes; nothing was stored.")
        if size > self.bytes_left:
            raise BodyError(429, "Too many bodies are being read; nothing was stored, send it again.")
        self.bytes_left -= size
        try:
            yield size
        finally:
            self.bytes_left += size


class Webhook:
    """One connection that is sent to; `room` is shared with the others."""

    def __init__(
        self, connection: Connection, connector: Connector, counts: Counts, take: Take, refuse: Refuse, room: Room
    ) -> None:
        self.connection, self.connector, self.counts = connection, connector, counts
        self._take, self._refuse, self._room = take, refuse, room
        self._owed: OrderedDict[bytes, tuple[bytes, dict[str, int]]] = OrderedDict()

    @property
    def is_signed(self) -> bool:
        return bool(self.connection.secrets)

    async def post(self, request: Request) -> Response:
        try:
            with self._room.reserved(request) as size:
                body = await _read(request, size)
        except BodyError as error:
            return _said(error.status, f"{error}", _REASONS[error.status])
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.scope["query_string"].decode("latin-1")
        headers[URL] = (
            self.connection.url or f"{request.scope['scheme']}://{headers.get('host', '')}{request.scope['path']}"
        ) + (f"?{query}" if query else "")
        if reason := self._unsigned(headers, body):
            self._refuse(reason, request)
            return _said(401, "The signature is missing, wrong or old; nothing was stored.", reason)
        if headers.get("content-encoding", "identity") not in ("identity", "gzip", ""):
            return _said(415, "Content-Encoding must be gzip or absent; nothing was stored.", "bad_encoding")
        try:
            if headers.get("content-encoding") == "gzip":
                body = inflate(body, 8 * BODY_BYTES_MAX)
        except BodyError as error:
            return _said(error.status, str(error), "bad_gzip" if error.status == 400 else "inflated_too_large")
        return await self._told(body, headers)

    def _unsigned(self, headers: dict[str, str], body: bytes) -> str | None:
        """Why the request is not what somebody with one of the secrets sent, None where it is or none is asked for."""
        verify, now_us = SCHEMES[self.connector.scheme], time.time_ns() // 1_000
        reasons = [verify(headers, body, secret, now_us) for secret in self.connection.secrets]
        return None if None in reasons or not reasons else reasons[0]

    async def _told(self, body: bytes, headers: dict[str, str]) -> Response:
        key = hashlib.sha256(headers[URL].encode("utf-8", "surrogateescape") + b"\0" + body).digest()
        lines, left_out = self._owed.pop(key) if key in self._owed else self._translated(body, headers)
        if not lines:
            wrong = self.counts.wrong.keys() & left_out.keys()
            answer = {"accepted": 0, "rejected": [], "rejected_count": 0, "left_out": left_out}
            if wrong and set(left_out) <= wrong:
                return JSONResponse(
                    {**answer, "error": "Nothing in the body could be taken; left_out says why.", "reason": "no_event"},
                    400,
                )
            return self._well(JSONResponse(answer))
        for attempt in range(ATTEMPTS):
            response = await self._take(lines, self.connection.name)
            if response.status_code not in _BUSY:
                return self._well(response) if response.status_code == 200 else response
            self.counts.waits += 1
            if attempt + 1 < ATTEMPTS:
                await asyncio.sleep(ATTEMPT_S)
        self._owed[key] = lines, left_out
        while sum(len(owed) for owed, _ in self._owed.values()) > OWED_BYTES_MAX:
            self._owed.popitem(last=False)
            self.counts.wrong["given_up"] += 1
        return response

    def _translated(self, body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, int]]:
        now_us = time.time_ns() // 1_000
        records = [self.connector.translate(frame, headers, now_us) for frame in self.connector.bodies(body, headers)]
        self._count(records)
        left_out = Counter(record.reason for record in records if record.reason)
        return b"".join(record.lines() for record in records), dict(left_out)

    def _count(self, records: Iterable[Record]) -> None:
        self.counts.state = "sent to"
        self.counts.newest_us = time.time_ns() // 1_000
        for record in records:
            self.counts.take(record)

    def _well(self, response: Response) -> Response:
        answer = self.connector.answer
        return Response(answer[1], answer[0]) if answer else response


async def _read(request: Request, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_S):
            async for part in request.stream():
                size += len(part)
                if size > bytes_max:
                    raise BodyError(413, f"The body has more than {BODY_BYTES_MAX} bytes; nothing was stored.")
                parts.append(part)
    except TimeoutError:
        raise BodyError(408, "The body took too long; nothing was stored.") from None
    except ClientDisconnect:
        raise BodyError(400, "The body ended too early; nothing was stored.") from None
    return b"".join(parts)


def _said(status: int, error: str, reason: str) -> Response:
    body = msgspec.json.encode({"error": error, "reason": reason})
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "1"} if status in _BUSY else {})
    return Response(body, status, headers, "application/json")
