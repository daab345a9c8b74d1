"""The gateway: HTTP intake of events.

Owns: `POST /v1/events`, its limits and its answers. Never touches the engine and never keeps a body: it decodes to
judge the lines, removes what must not be kept, hands the rest to the service and waits until it is durable.

Law: 200 means on disk. Every other answer says whether anything was stored, 429 and 503 mean that nothing was, 504 that nobody knows. Who
is held to some shops sends of these only, and by a source of his own, so that his disorder is nobody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from engine.events import Decoded, Reject, Vocabulary, decode
from engine.keys import Secret
from streams.access import ADMINISTRATOR, Access, access_of
from streams.direct import App, Direct
from streams.gathering import Gathering, Group, Small, shared
from streams.intake import BodyError, Pseudonyms, inflate, lines_of, pieces
from streams.journal import Batch, JournalError
from streams.ownership import foreign, owned
from streams.rates import Rates
from streams.settings import ServiceSettings
from streams.vocabularies import Vocabularies

__all__ = ["Busy", "Gateway", "Judged", "Listener", "Service", "judge", "judge_lines", "judged_piece", "named_source"]

PATH = "/v1/events"
SOURCE_LENGTH_MAX = 64
#: Names of sources that a writer of some shops may use, of all that there may be.
SOURCES_OF_WRITER_MAX = 16
INTAKE_THREADS = 2
SMALL_BYTES_MAX = 2_048
"""Bodies that are gathered, and judged where they are read: handing one to a thread and back takes longer than an event or two."""
_BLANK = b" \t\r"


class Busy(Exception):
    """Nothing is wrong with the body: come again. `status` is 429 (backlog, rate) or 503 (not ready), where nothing was stored, or 504,
    where that is not known."""

    def __init__(self, status: int, message: str, reason: str = "", retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.status, self.reason, self.retry_after_s = status, reason, retry_after_s


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


class Listener(Protocol):
    """Who wants to know what came in and what did not; neither waits nor raises."""

    def took(self, source: str, received_us: int, decoded: Sequence[Decoded], refused: int) -> None:
        """Events of a source were handed in, and some of their lines refused."""

    def refuse(self) -> None:
        """A whole body was refused."""


class _NoListener:
    def took(self, source: str, received_us: int, decoded: Sequence[Decoded], refused: int) -> None:
        pass

    def refuse(self) -> None:
        pass


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


def judge(
    body: bytes,
    pseudonyms: Pseudonyms,
    secret: Secret,
    *,
    source: str,
    latest_us: int,
    tenants: frozenset[str] | None = None,
) -> Judged:
    """Sort the events of a body into those to store and those to refuse; with `tenants` only theirs are stored. Raises BodyError for a long array, and
    nothing for any other bytes."""
    vocabulary = Vocabulary(secret)
    return judge_lines(lines_of(body), pseudonyms, vocabulary, source=source, latest_us=latest_us, tenants=tenants)


def judge_lines(
    lines: bytes, pseudonyms: Pseudonyms, vocabulary: Vocabulary, *, source: str, latest_us: int,
    tenants: frozenset[str] | None = None,
) -> Judged:  # fmt: skip
    """As `judge`, of NDJSON."""
    judged = Judged()
    first_line = 1
    for piece in pieces(lines):
        decoded, scrubbed = judged_piece(
            piece, pseudonyms, vocabulary, source=source, first_line=first_line, latest_us=latest_us, tenants=tenants
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
    piece: bytes, pseudonyms: Pseudonyms, vocabulary: Vocabulary, *, source: str, first_line: int, latest_us: int | None,
    tenants: frozenset[str] | None = None,
) -> tuple[Decoded, bytes]:  # fmt: skip
    """The lines decoded, and as they may be stored once those that are rejected are left out; with `tenants`, those of other shops are
    rejected. Raises nothing for any bytes."""
    scrubbed, unread = pseudonyms.scrub(piece)
    read = partial(decode, source=source, first_line=first_line, latest_us=latest_us, vocabulary=vocabulary)
    decoded = read(scrubbed)
    if tenants is not None:
        scrubbed, decoded = owned(scrubbed, decoded, first_line, tenants, read)
    refused = {reject.line - first_line for reject in decoded.rejects}
    # Unreadable for the one and readable for the other: not proven free of identity, so not stored.
    missed = {index: ("invalid_json", "unreadable") for index in unread if index not in refused}
    if tenants is not None:
        missed = foreign(scrubbed, decoded, first_line, tenants) | missed
    if missed:
        scrubbed = _without(scrubbed, set(missed), blank=True)
        decoded = read(scrubbed)
        decoded.rejects += [Reject(source, first_line + index, *missed[index]) for index in sorted(missed)]
    return decoded, scrubbed


def named_source(request: Request, access: Access | None) -> str:
    """What somebody calls his source, None whom nobody knows; who is held to some shops has his own name before it."""
    source = _said_source(request)
    if access is None or access.tenants is None:
        return source
    return f"{access.name}/{source}" if source else access.name


def _said_source(request: Request) -> str:
    return request.headers.get("source") or request.query_params.get("source") or ""


def _without(lines: bytes, indices: set[int], *, blank: bool = False) -> bytes:
    kept = (b"" if index in indices else line for index, line in enumerate(lines.split(b"\n")))
    return b"\n".join(kept if blank else (line for line in kept if line))


class Gateway:
    """The intake endpoint. One per process; `close` ends its threads."""

    def __init__(
        self, service: Service, settings: ServiceSettings, pseudonyms: Pseudonyms, listener: Listener | None = None
    ) -> None:
        self._service = service
        self._settings = settings
        self._pseudonyms = pseudonyms
        self._reading_bytes = 0
        self._sources: dict[str, set[str]] = {}
        self._listener = listener or _NoListener()
        self._rates = Rates(settings.writer_events_a_second_max)
        self._vocabularies = Vocabularies()
        self._gathering = Gathering(self._store_small)
        # Decoding holds the interpreter in short pieces; a second thread lets one body inflate while one decodes.
        self._threads = ThreadPoolExecutor(INTAKE_THREADS, thread_name_prefix="intake")

    def routes(self) -> list[BaseRoute]:
        return [Route(PATH, self.post_events, methods=["POST"])]

    def before(self, app: App) -> App:
        """The same as `app`, which has these routes; what is posted is taken without looking through all of them."""
        return Direct(app, PATH, self.post_events)

    def close(self) -> None:
        self._threads.shutdown()

    async def post_events(self, request: Request) -> Response:
        reserved = 0

        async def taken() -> Response:
            nonlocal reserved
            access = access_of(request.scope)
            if wait_s := self._rates.wait_s(access):
                raise Busy(
                    429, "These shops have sent too much; nothing was stored, send it again later.", "rate", wait_s
                )
            source = self._source_of(request, access)
            reserved = self._reserve(request)
            body = await self._read(request, reserved)
            return await self._take(body, source, request.headers.get("content-encoding", "identity").lower(), access)

        try:
            return await self._told(taken())
        finally:
            self._reading_bytes -= reserved

    async def take(self, lines: bytes, source: str, access: Access = ADMINISTRATOR) -> Response:
        """Events that another route has made for somebody, answered as if they had been posted."""
        return await self._told(self._take(lines, source, "identity", access))

    async def _told(self, taken: Awaitable[Response]) -> Response:
        try:
            return await taken
        except BodyError as error:
            self._listener.refuse()
            return _answer(error.status, error=str(error), reason=error.reason)
        except Busy as busy:
            self._listener.refuse()
            retry_after_s = busy.retry_after_s or self._settings.retry_after_s
            return _answer(busy.status, error=str(busy), reason=busy.reason, retry_after_s=retry_after_s)
        except JournalError as error:
            self._listener.refuse()
            return _answer(503, error=f"{error} Nothing was stored.", retry_after_s=self._settings.retry_after_s)
        except ClientDisconnect:
            return _answer(400, error="The body ended too early; nothing was stored.")

    def _source_of(self, request: Request, access: Access) -> str:
        source = _said_source(request)
        if len(source) > SOURCE_LENGTH_MAX or not source.isprintable():
            raise BodyError(
                400,
                f"The source must be at most {SOURCE_LENGTH_MAX} printable characters; nothing was stored.",
                "bad_source",
            )
        whose = access.token_id if access.tenants is not None else ""
        source = named_source(request, access)
        mine = self._sources.setdefault(whose, set())
        is_full = len(mine) >= SOURCES_OF_WRITER_MAX if whose else False
        is_full |= sum(map(len, self._sources.values())) >= self._settings.sources_max
        if source not in mine and is_full:
            raise BodyError(400, "Too many different sources were named; nothing was stored.", "bad_source")
        mine.add(source)
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
        async for part in request.stream():  # The guard sees to the time that it takes.
            size += len(part)
            if size > bytes_max:
                raise BodyError(413, f"The body has more than {bytes_max} bytes; send smaller batches.")
            parts.append(part)
        return b"".join(parts)

    async def _take(self, body: bytes, source: str, encoding: str, access: Access) -> Response:
        if encoding not in ("identity", "gzip", ""):
            raise BodyError(415, "Content-Encoding must be gzip or absent; nothing was stored.")
        if len(body) <= SMALL_BYTES_MAX and encoding != "gzip":
            return await self._take_small(body, source, access)
        received_us = self._service.begin()
        try:
            given = (body, source, encoding, received_us, access.tenants)
            judged = await asyncio.get_running_loop().run_in_executor(self._threads, self._judge, *given)
            self._rates.spend(access, judged.count + len(judged.rejects))
            if not judged.count and not judged.rejects:
                raise BodyError(400, "The body holds no event.", "no_event")
            durable = self._submit(judged, source, received_us)
        finally:
            self._service.end()
        await asyncio.wrap_future(durable)
        return self._taken(judged.count, judged.rejects)

    async def _take_small(self, body: bytes, source: str, access: Access) -> Response:
        """Goes with others, whose lines and its own are handed in together."""
        self._check(body)
        received_us = self._service.begin()
        try:
            lines = lines_of(body).rstrip(b"\n")
            events = sum(1 for line in lines.split(b"\n") if line.strip(_BLANK))
            self._rates.spend(access, events)
            if not events:
                raise BodyError(400, "The body holds no event.", "no_event")
            small = Small(lines, events, received_us)
        except BaseException:
            self._service.end()
            raise
        await self._gathering.add((source, access.tenants), small)
        return self._taken(events - len(small.rejects), small.rejects)

    def _store_small(self, group: Group, bodies: list[Small]) -> Future[Batch]:
        try:
            received_us = bodies[-1].received_us
            lines = b"\n".join([small.lines for small in bodies])
            judged = self._judge_lines(lines, group[0], received_us, group[1])
            judged.rejects = shared(judged.rejects, bodies)
            return self._submit(judged, group[0], received_us)
        finally:
            for _ in bodies:
                self._service.end()

    def _submit(self, judged: Judged, source: str, received_us: int) -> Future[Batch]:
        lines = b"\n".join(part.strip(b"\n") for part in judged.bodies)
        batch = Batch(lines, judged.count, source, received_us, rejects=judged.rejects, payload=judged.decoded)
        stored = self._service.submit(batch, judged.newest_us)
        self._listener.took(source, received_us, judged.decoded, len(judged.rejects))
        return stored

    def _taken(self, accepted: int, rejects: list[Reject]) -> Response:
        listed = rejects[: self._settings.rejects_listed_max]
        if accepted:
            return _answer(200, accepted, listed, len(rejects))
        said = "Nothing in the body could be taken; `rejected` says of each line why."
        return _answer(400, 0, listed, len(rejects), error=said, reason="no_event")

    def _judge(
        self, body: bytes, source: str, encoding: str, received_us: int, tenants: frozenset[str] | None
    ) -> Judged:
        if encoding == "gzip":
            body = inflate(body, self._settings.inflated_bytes_max)
        self._check(body)
        return self._judge_lines(lines_of(body), source, received_us, tenants)

    def _check(self, body: bytes) -> None:
        if body.count(b"\n") > self._settings.lines_max:
            raise BodyError(
                413, f"The body has more than {self._settings.lines_max} lines; send smaller batches.", "too_many_lines"
            )

    def _judge_lines(self, lines: bytes, source: str, received_us: int, tenants: frozenset[str] | None) -> Judged:
        vocabulary = self._vocabularies.of(self._service.secret)
        latest_us = received_us + self._settings.future_allowance_us
        return judge_lines(lines, self._pseudonyms, vocabulary, source=source, latest_us=latest_us, tenants=tenants)


def _answer(
    status: int,
    accepted: int = 0,
    rejects: list[Reject] | None = None,
    rejected_count: int = 0,
    *,
    error: str | None = None,
    reason: str = "",
    retry_after_s: int | None = None,
) -> Response:
    content: dict[str, object] = {
        "accepted": accepted,
        "rejected": [{"line": r.line, "reason": r.reason, "detail": r.detail} for r in rejects or ()],
        "rejected_count": rejected_count,
    }
    if error is not None:
        content |= {"error": error, "reason": reason}
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": str(retry_after_s)} if retry_after_s else {})
    return Response(msgspec.json.encode(content), status, headers, "application/json")
