"""Connections before anything was asked: how many there may be, and how long a request may take to arrive.

Owns uvicorn's protocol with limits of ours, and which requests pass by its parser. Never reads a request's content. Law: every connection that says nothing, too
slowly, or no HTTP is closed within a limit, and counted by its reason; a flood from one address leaves room for others; what a connection says is answered in its order.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from streams.plain import PATH, Cycle, Plain, read
from streams.problems import CONTENT_TYPE, problem
from streams.refusals import REASONS, Refusals
from streams.settings import ServiceSettings

__all__ = ["Doorman", "room_for"]

#: Behind the time that a body has: then the application has answered, and what still comes is not waited for.
GRACE_S = 5
#: Files that a process needs beside its connections.
FILES_BESIDE = 256
#: So long a plain head waits for its body, which many senders send behind it in a packet of its own, before the parser has both.
HELD_S = 0.05
_RESTING = {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}
_DETAILS = {
    "connections": "There are too many connections; close some, or come again.",
    "head_slow": "The head of the request took too long.",
    "bad_http": "What was sent is no HTTP/1.1 request.",
}


def room_for(connections_max: int) -> int:
    """How many connections this process can have, having asked the system for as many files as it gives."""
    try:
        import resource
    except ImportError:  # Windows sets no such limit.
        return connections_max
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + FILES_BESIDE
    if soft < wanted and soft != resource.RLIM_INFINITY:
        given = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (given, hard))
        return max(given - FILES_BESIDE, 16)
    return connections_max


@dataclass
class Doorman:
    """Counts the connections of a service; `protocol` is uvicorn's `http`."""

    settings: ServiceSettings
    refusals: Refusals
    count_max: int = 0
    count: int = 0
    by_address: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.count_max = room_for(self.settings.connections_max)

    @property
    def protocol(self) -> Any:
        """What uvicorn makes a connection with."""
        return partial(_Connection, self)

    def enters(self, address: str) -> bool:
        """Whether one more may come in; it is counted until `leaves`."""
        if self.count >= self.count_max or self.by_address[address] >= self.settings.connections_of_address_max:
            return False
        self.count += 1
        self.by_address[address] += 1
        return True

    def leaves(self, address: str) -> None:
        self.count -= 1
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]


class _Connection(H11Protocol):
    def __init__(self, doorman: Doorman, **given: Any) -> None:
        super().__init__(**given)
        self._doorman = doorman
        self._address: str | None = None
        self._phase = ""
        self._timer: asyncio.TimerHandle | None = None
        self._held = b""  # What came and was given to nobody yet: a plain request in part, or what came behind one.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if self._doorman.enters(address):
            self._address = address
            self._follow()
        else:
            self._refuse("connections")

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._set("", 0)
        if self._address is not None:
            self._doorman.leaves(self._address)
            self._address = None

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if isinstance(self.cycle, Cycle) and not self.cycle.response_complete:
            self._held += data
            self.flow.pause_reading()
            return
        held, self._held = self._held, b""
        data = held + data
        plain = read(data) if self._rests() else None
        if plain is None or (held and len(data) < plain.end):
            super().data_received(data)
            self._follow()
            return
        self._unset_keepalive_if_required()
        if len(data) < plain.end:
            self._held = data
            self._set("held", HELD_S)
        else:
            self._held = data[plain.end :]
            self._set("", 0)
            self._begin(plain, data[plain.start : plain.end])

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._follow()
        if self._held:
            self.loop.call_soon(self._go_on)

    def _rests(self) -> bool:
        """Whether a request may begin with the next byte."""
        return self.conn.states == _RESTING and not self.conn.trailing_data[0]

    def _begin(self, plain: Plain, body: bytes) -> None:
        scope = {
            "type": "http", "asgi": {"version": self.asgi_version, "spec_version": "2.3"}, "http_version": "1.1", "server": self.server,
            "client": self.client, "scheme": self.scheme, "method": "POST", "root_path": "", "path": PATH, "raw_path": PATH.encode(),
            "query_string": plain.query, "headers": plain.headers, "state": self.app_state.copy(),
        }  # fmt: skip
        cycle = Cycle(
            scope, body, self.transport, self.flow, self.server_state.default_headers, self.on_response_complete
        )
        self.cycle = cycle  # type: ignore[assignment]
        task = self.loop.create_task(cycle.run(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _go_on(self) -> None:
        if self._held:
            self.data_received(b"")

    def send_400_response(self, msg: str) -> None:
        self._refuse("bad_http")

    def _follow(self) -> None:
        """Sets the timer of what is awaited: nothing while a request is answered, or between two (uvicorn sees to that)."""
        settings, awaited = self._doorman.settings, self.conn.their_state
        if awaited is h11.SEND_BODY:
            self._set("body", settings.body_read_s + GRACE_S)
        elif awaited is h11.IDLE and self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self._set("head", settings.head_read_s)
        else:
            self._set("", 0)

    def _set(self, phase: str, seconds: float) -> None:
        if phase == self._phase:
            return
        self._phase = phase
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._late) if phase else None

    def _late(self) -> None:
        if self._phase == "head":
            self._refuse("head_slow")
        elif self._phase == "held":
            self._go_on()
        else:  # The application has counted it, and has answered or is told by the end.
            self.transport.abort()

    def _refuse(self, reason: str) -> None:
        self._doorman.refusals.count(reason)
        body = msgspec.json.encode(problem(reason, _DETAILS[reason]))
        status = REASONS[reason][0]
        head = (
            f"HTTP/1.1 {status} {reason}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
            f"{'Retry-After: 10' + chr(13) + chr(10) if status == 503 else ''}Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
