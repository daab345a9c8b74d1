"""What a connection has told, on its way to the journal: handed in until it is durable, and counted.

Owns the counts of a connection, the waiting while the service is busy, and events that lie ahead, which are held until their time. Never
translates and never reads from anywhere. The law: what is delivered is on disk, or refused and counted.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.responses import Response

from streams.connectors.record import Record, instant_us

__all__ = ["Counts", "Feeder", "Take"]

#: `Gateway.take`: events as lines, and their source.
Take = Callable[[bytes, str], Awaitable[Response]]

_PIECE_BYTES = 1 << 20
_BUSY = (429, 503)
_WAIT_S, _WAIT_S_MAX = 0.2, 5.0
#: Events may be so far ahead of our clock; the gateway allows more.
_AHEAD_US = 2_000_000
#: Events held until their time; the earliest of more is delivered at once, and refused as lying ahead.
HELD_MAX = 10_000


@dataclass
class Counts:
    """Of one connection, since the start of the process."""

    use: str
    state: str = "waits"
    records: int = 0
    events: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    waits: int = 0
    newest_us: int = 0

    def take(self, record: Record) -> None:
        self.records += 1
        self.events += len(record.events)
        if record.reason:
            (self.wrong if record.is_fault else self.left_out)[record.reason] += 1

    def values(self) -> dict[str, Any]:
        return {
            "use": self.use, "state": self.state, "records": self.records, "events": self.events, "left_out": dict(self.left_out),
            "wrong": dict(self.wrong), "waits": self.waits, "newest_us": self.newest_us,
        }  # fmt: skip


class Feeder:
    """Delivers one connection's events."""

    def __init__(self, name: str, counts: Counts, take: Take) -> None:
        self.name, self.counts = name, counts
        self.held: list[tuple[int, bytes]] = []
        self._take = take

    async def deliver(self, records: Iterable[Record]) -> None:
        """Returns once all of it is durable or refused; waits as long as the service is busy."""
        lines: list[bytes] = []
        now_us = time.time_ns() // 1_000
        for record in records:
            self.counts.take(record)
            for event in record.events:
                at_us, line = instant_us(event["time"]), msgspec.json.encode(event)
                if at_us > now_us + _AHEAD_US:
                    heapq.heappush(self.held, (at_us, line))
                else:
                    lines.append(line)
                    self.counts.newest_us = max(self.counts.newest_us, at_us)
        while self.held and (self.held[0][0] <= now_us or len(self.held) > HELD_MAX):
            lines.append(heapq.heappop(self.held)[1])
        await self._deliver_lines(lines)

    async def _deliver_lines(self, lines: list[bytes]) -> None:
        piece: list[bytes] = []
        size = 0
        for line in lines:
            if piece and size + len(line) > _PIECE_BYTES:
                await self._until_durable(b"\n".join(piece))
                piece, size = [], 0
            piece.append(line)
            size += len(line)
        if piece:
            await self._until_durable(b"\n".join(piece))

    async def _until_durable(self, body: bytes) -> None:
        wait_s = _WAIT_S
        while (await self._take(body, self.name)).status_code in _BUSY:
            self.counts.waits += 1
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _WAIT_S_MAX)
