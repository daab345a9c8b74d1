"""The gateway: HTTP intake of events.

Owns: `POST /v1/events`, its limits and its answers. Never touches the engine and never keeps a body: it decodes to
judge the lines, removes what must not be kept, hands the rest to the service and waits until it is durable.

Law: 200 means on disk. Every other answer says whether anything was stored, 429 and 503 mean that nothing was, 504 that nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from engine.events import Decoded, Reject, Vocabulary, decode
from engine.keys import Secret
from streams.intake import BodyError, Pseudonyms, inflate, lines_of, pieces
from streams.journal import Batch, JournalError
from streams.settings import ServiceSettings

__all__ = ["Busy", "Gateway", "Judged", "Service", "judge", "judged_piece"]

SOURCE_LENGTH_MAX = 64
INTAKE_THREADS = 2


class Busy(Exception):
    """Nothing is wrong with the body: come again. `status` is 429 (backlog) or 503 (not ready), where nothing was stored, or 504, where
    that is not known."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Service(Protocol):
    """What the gateway needs from the service behind it."""

    @property
    def secret(self) -> Secret:
        """What the engine's keys are made with; final once `begin` has admitted a body."""

    def begin(self) -> int:
        """Admit a body that was read; returns its instant in microseconds. Raises Busy. Ends with `end`."""

    def end(self) -> None:
        """The body that was begun is submitted or given up."""

    def submit(self, batch: Batch, newest_us: int) -> Future[Batch]:
        """Hand in a batch whose newest event is of `newest_us`; the future holds it once durable. Raises Busy."""


@dataclass
class Judged:
    """A body after judgement: what may be stored, decoded and as lines, and what was refused."""

    decoded: list[Decoded] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(piece.count for piece in self.decoded)

    @property
    def newest_us(self) -> int:
        return max((int(piece.times_us.max()) for piece in self.decoded if piece.count), default=0)


def judge(body: bytes, pseudonyms: Pseudonyms, secret: Secret, *, source: str, latest_us: int) -> Judged:
    """Sort the events of a body into those to store and those to refuse. Raises nothing for any bytes."""
    judged = Judged()
    vocabulary = Vocabulary(secret)
    first_line = 1
    for piece in pieces(lines_of(body)):
        decoded, scrubbed = judged_piece(
            piece, pseudonyms, vocabulary, source=source, first_line=first_line, latest_us=latest_us
        )
        refused = {reject.line - first_line for reject in decoded.rejects}
        judged.rejects += decoded.rejects
        decoded.rejects = []  # The journal counts them, durably; the engine must not count them once more.
        if decoded.count:
            judged.decoded.append(decoded)
            judged.bodies.append(_without(scrubbed, refused) if refused else scrubbed)
        first_line += piece.count(b"\n")
    return judged


def judged_piece(
    piece: bytes, pseudonyms: Pseudonyms, vocabulary: Vocabulary, *, source: str, first_line: int, latest_us: int | None
) -> tuple[Decoded, bytes]:
    """The lines decoded, and as they may be stored once those that are rejected are left out. Raises nothing for any bytes."""
    scrubbed, unread = pseudonyms.scrub(piece)
    decoded = decode(scrubbed, source=source, first_line=first_line, latest_us=latest_us, vocabulary=vocabulary)
    refused = {reject.line - first_line for reject in decoded.rejects}
    if missed := [index for index in unread if index not in refused]:
        # Unreadable for the one and readable for the other: not proven free of identity, so not stored.
        scrubbed = _without(scrubbed, missed, blank=True)
        decoded = decode(scrubbed, source=source, first_line=first_line, latest_us=latest_us, vocabulary=vocabulary)
        decoded.rejects += [Reject(source, first_line + index, "invalid_json", "unreadable") for index in missed]
    return decoded, scrubbed


def _without(lines: bytes, indices: set[int] | list[int], *, blank: bool = False) -> bytes:
    out = set(indices)
    kept = (b"" if index in out else line for index, line in enumerate(lines.split(b"\n")))
    return b"\n".join(kept if blank else (line for line in kept if line))


class Gateway:
    """The intake endpoint. One per process; `close` ends its threads."""

    def __init__(self, service: Service, settings: ServiceSettings, pseudonyms: Pseudonyms) -> None:
        self._service = service
        self._settings = settings
        self._pseudonyms = pseudonyms
        self._reading_bytes = 0
        self._sources: set[str] = set()
        # Decoding holds the interpreter in short pieces; a second thread lets one body inflate while one decodes.
        self._threads = ThreadPoolExecutor(INTAKE_THREADS, thread_name_prefix="intake")

    def routes(self) -> list[BaseRoute]:
        return [Route("/v1/events", self.post_events, methods=["POST"])]

    def close(self) -> None:
        self._threads.shutdown()

    async def post_events(self, request: Request) -> Response:
        reserved = 0

        async def taken() -> Response:
            nonlocal reserved
            source = self._source_of(request)
            reserved = self._reserve(request)
            body = await self._read(request, reserved)
            return await self._take(body, source, request.headers.get("content-encoding", "identity").lower())

        try:
            return await self._told(taken())
        finally:
            self._reading_bytes -= reserved

    async def take(self, lines: bytes, source: str) -> Response:
        """Events that another route has made, answered as if they had been posted."""
        return await self._told(self._take(lines, source, "identity"))

    async def _told(self, taken: Awaitable[Response]) -> Response:
        try:
            return await taken
        except BodyError as error:
            return _answer(error.status, error=str(error))
        except Busy as busy:
            return _answer(busy.status, error=str(busy), retry_after_s=self._settings.retry_after_s)
        except JournalError as error:
            return _answer(503, error=f"{error} Nothing was stored.", retry_after_s=self._settings.retry_after_s)
        except ClientDisconnect:
            return _answer(400, error="The body ended too early; nothing was stored.")

    def _source_of(self, request: Request) -> str:
        source = request.headers.get("source") or request.query_params.get("source") or ""
        if len(source) > SOURCE_LENGTH_MAX or not source.isprintable():
            raise BodyError(
                400,
                f"The source must be at most {SOURCE_LENGTH_MAX} printable characters; nothing was stored.",
            )
        if source not in self._sources and len(self._sources) >= self._settings.sources_max:
            raise BodyError(400, "Too many different sources were named; nothing was stored.")
        self._sources.add(source)
        return source

    def _reserve(self, request: Request) -> int:
        """Set room aside for the body before a byte of it is read."""
        body_max = self._settings.body_bytes_max
        declared = request.headers.get("content-length", "")
        size = int(declared) if declared.isdecimal() and len(declared) < 19 else body_max
        if size > body_max:
            raise BodyError(413, f"The body has more than {body_max} bytes; send smaller batches.")
        if self._reading_bytes + size > self._settings.intake_bytes_max:
            raise Busy(429, "Too many bodies are being read; nothing was stored, send it again.")
        self._reading_bytes += size
        return size

    async def _read(self, request: Request, bytes_max: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.body_read_s):
                async for part in request.stream():
                    size += len(part)
                    if size > bytes_max:
                        raise BodyError(413, f"The body has more than {bytes_max} bytes; send smaller batches.")
                    parts.append(part)
        except TimeoutError:
            raise BodyError(408, "The body took too long; nothing was stored.") from None
        return b"".join(parts)

    async def _take(self, body: bytes, source: str, encoding: str) -> Response:
        if encoding not in ("identity", "gzip", ""):
            raise BodyError(415, "Content-Encoding must be gzip or absent; nothing was stored.")
        received_us = self._service.begin()
        try:
            loop = asyncio.get_running_loop()
            judged = await loop.run_in_executor(self._threads, self._judge, body, source, encoding, received_us)
            if not judged.count and not judged.rejects:
                raise BodyError(400, "The body holds no event.")
            lines = b"\n".join(part.strip(b"\n") for part in judged.bodies)
            batch = Batch(lines, judged.count, source, received_us, rejects=judged.rejects, payload=judged.decoded)
            durable = self._service.submit(batch, judged.newest_us)
        finally:
            self._service.end()
        await asyncio.wrap_future(durable)
        listed = judged.rejects[: self._settings.rejects_listed_max]
        return _answer(200 if judged.count else 400, judged.count, listed, len(judged.rejects))

    def _judge(self, body: bytes, source: str, encoding: str, received_us: int) -> Judged:
        if encoding == "gzip":
            body = inflate(body, self._settings.inflated_bytes_max)
        if body.count(b"\n") > self._settings.lines_max:
            raise BodyError(413, f"The body has more than {self._settings.lines_max} lines; send smaller batches.")
        latest_us = received_us + self._settings.future_allowance_us
        return judge(body, self._pseudonyms, self._service.secret, source=source, latest_us=latest_us)


def _answer(
    status: int,
    accepted: int = 0,
    rejects: list[Reject] | None = None,
    rejected_count: int = 0,
    *,
    error: str | None = None,
    retry_after_s: int | None = None,
) -> Response:
    content: dict[str, object] = {
        "accepted": accepted,
        "rejected": [{"line": r.line, "reason": r.reason, "detail": r.detail} for r in rejects or ()],
        "rejected_count": rejected_count,
    }
    if error is not None:
        content["error"] = error
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": str(retry_after_s)} if retry_after_s else {})
    return Response(msgspec.json.encode(content), status, headers, "application/json")
