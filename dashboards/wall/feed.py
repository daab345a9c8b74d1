"""The stream of figures to viewers, a message a second, encoded once for all who see the same.

Owns: the messages, the fan-out, and how many views and viewers there may be. Never computes a figure.

Law: a viewer never costs more than its connection. There is no buffer per viewer: who is slow misses messages and gets
the newest, who does not read at all is let go, and there are at most `viewers_max` of them, in `VIEWS_MAX` views.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dashboards.wall.views import EVERYTHING, View, view

__all__ = ["VIEWS_MAX", "Feed", "Feeds", "Stream"]

#: Different choices of queues and tenants that are fed at once; each costs an encoding a second.
VIEWS_MAX = 32
SEND_TIMEOUT_S = 20.0
RECONNECT_MS = 1_000
_MOVING = ("service", "as_of_us", "watermark_us")


class Feed:
    """One message a second for all viewers of a view. Everything but the constructor runs on the event loop."""

    def __init__(self, chosen: View = EVERYTHING) -> None:
        self.view = chosen
        self.viewers = 0
        self.closed = False
        self.turn = 0
        self._full_turn = 0
        self._full = b""
        self._alive = b""
        self._last: dict[str, Any] = {}
        self._changed = asyncio.Event()

    def put(self, facts: Mapping[str, Any]) -> None:
        """Take the facts of this second. Without news in them viewers get a sign of life only."""
        shown = view(facts, self.view)
        moving = {name: shown.pop(name, None) for name in _MOVING}
        self.turn += 1
        if shown != self._last or not self._full:
            self._last = shown
            self._full_turn = self.turn
        self._full = b"data: " + msgspec.json.encode(shown | moving, enc_hook=_plain) + b"\n\n"
        self._alive = b"event: alive\ndata: " + msgspec.json.encode(moving, enc_hook=_plain) + b"\n\n"
        self._wake()

    def close(self) -> None:
        """End every stream; viewers come back by themselves."""
        self.closed = True
        self._wake()

    async def after(self, turn: int) -> tuple[int, bytes]:
        """The message for a viewer that has seen `turn`, as soon as there is one; empty when the feed was closed."""
        while self.turn <= turn and not self.closed:
            await self._changed.wait()
        if self.closed:
            return turn, b""
        return self.turn, self._full if turn < self._full_turn else self._alive

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Feeds:
    """The feeds by view. One without viewers is forgotten; that of everything stays."""

    def __init__(self, viewers_max: int) -> None:
        self.viewers_max = viewers_max
        self.refused_count = 0
        self._feeds = {EVERYTHING: Feed()}
        self._facts: Mapping[str, Any] | None = None

    @property
    def viewers(self) -> int:
        """Viewers of all views."""
        return sum(feed.viewers for feed in self._feeds.values())

    def put(self, facts: Mapping[str, Any]) -> None:
        """Take the facts of this second."""
        self._facts = facts
        self._feeds = {key: feed for key, feed in self._feeds.items() if feed.viewers or key == EVERYTHING}
        for feed in self._feeds.values():
            feed.put(facts)

    def of(self, chosen: View) -> Feed | None:
        """The feed of a view; None, and counted, when there are too many viewers or views."""
        feed = self._feeds.get(chosen)
        if self.viewers >= self.viewers_max or (feed is None and len(self._feeds) >= VIEWS_MAX):
            self.refused_count += 1
            return None
        if feed is None:
            feed = self._feeds[chosen] = Feed(chosen)
            if self._facts is not None:
                feed.put(self._facts)
        return feed

    def close(self) -> None:
        """End every stream."""
        for feed in self._feeds.values():
            feed.close()


class Stream(Response):
    """Server-sent events until the viewer leaves, stops reading, or the feed closes."""

    media_type = "text/event-stream"

    def __init__(self, feed: Feed) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._feed.viewers += 1
        gone = asyncio.ensure_future(_disconnected(receive))
        sending = asyncio.ensure_future(self._send(send))
        try:
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._feed.viewers -= 1
            for task in (gone, sending):
                task.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        turn, message = 0, b"retry: %d\n\n" % RECONNECT_MS
        while message:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send({"type": "http.response.body", "body": message, "more_body": True})
            turn, message = await self._feed.after(turn)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
