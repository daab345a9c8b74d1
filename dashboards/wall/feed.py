"""The stream of figures to viewers, a message for each publishing, encoded once for all who see the same.

Owns: the messages, the fan-out, and how many views and viewers there may be. Never computes a figure.

Law: a viewer never costs more than its connection. There is no buffer per viewer: who is slow misses messages and gets
the newest, who does not read at all is let go, and there are at most `viewers_max` of them, in `VIEWS_MAX` views. Readers of some
shops or pages only have views and places of their own, so that none of them takes those of the floor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette import types
from starlette.responses import Response

from dashboards.wall.changes import changes, packed, plain
from dashboards.wall.scopes import WHOLE, Scope, scoped
from dashboards.wall.views import EVERYTHING, View, view

__all__ = ["SCOPED_VIEWERS_MAX", "SCOPED_VIEWS_MAX", "SCOPES_MAX", "VIEWS_MAX", "Feed", "Feeds", "Stream"]

#: Different choices of queues and tenants that are fed at once; each costs an encoding a message.
VIEWS_MAX = 32
#: Different sets of shops and pages that readers are held to, and what each set may have.
SCOPES_MAX = 500
SCOPED_VIEWS_MAX = 4
SCOPED_VIEWERS_MAX = 50
SEND_TIMEOUT_S = 20.0
RECONNECT_MS = 1_000
_encode = msgspec.json.Encoder(enc_hook=plain).encode
_MOVING = ("service", "as_of_us", "watermark_us")


class Feed:
    """The messages for all viewers of a view. Everything but the constructor runs on the event loop."""

    def __init__(self, chosen: View = EVERYTHING, scope: Scope = WHOLE) -> None:
        self.view = chosen
        self.scope = scope
        self.viewers = 0
        self.closed = False
        self.turn = 0
        self._full_turn = 0
        self._full = b""
        self._changes = b""
        self._alive = b""
        self._last: dict[str, Any] = {}
        self._changed = asyncio.Event()

    def put(self, facts: Mapping[str, Any], alarms: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Take the facts of now. Who has the message of before gets what changed, and without news a sign of life only."""
        shown = view(scoped(facts, self.scope, alarms), self.view)
        moving = {name: shown.pop(name, None) for name in _MOVING}
        message = packed(shown, moving["as_of_us"])
        news = changes(message, self._last) if self._full else None
        self.turn += 1
        self._full = b"data: " + _encode(message | moving) + b"\n\n"
        self._alive = b"event: alive\ndata: " + _encode(moving) + b"\n\n"
        if news != {}:
            self._last = message
            self._full_turn = self.turn
            self._changes = self._full if news is None else b"event: changes\ndata: " + _encode(news | moving) + b"\n\n"
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
        if turn >= self._full_turn:
            return self.turn, self._alive
        return self.turn, self._changes if turn and turn == self.turn - 1 else self._full

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Feeds:
    """The feeds by scope and view. One without viewers is forgotten; that of everything stays."""

    def __init__(self, viewers_max: int) -> None:
        self.viewers_max = viewers_max
        self.refused_count = 0
        self._feeds = {(WHOLE, EVERYTHING): Feed()}
        self._facts: tuple[Mapping[str, Any], Sequence[Mapping[str, Any]] | None] | None = None

    @property
    def viewers(self) -> int:
        """Viewers of all views."""
        return sum(feed.viewers for feed in self._feeds.values())

    def put(self, facts: Mapping[str, Any], alarms: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Take the facts of now; `alarms` are more than they list."""
        self._facts = facts, alarms
        self._feeds = {key: feed for key, feed in self._feeds.items() if feed.viewers or key == (WHOLE, EVERYTHING)}
        for feed in self._feeds.values():
            feed.put(facts, alarms)

    def of(self, chosen: View, scope: Scope = WHOLE) -> Feed | None:
        """The feed of a view; None, and counted, when there are too many viewers or views."""
        feed = self._feeds.get((scope, chosen))
        if not self._has_room(feed, scope):
            self.refused_count += 1
            return None
        if feed is None:
            feed = self._feeds[scope, chosen] = Feed(chosen, scope)
            if self._facts is not None:
                feed.put(*self._facts)
        return feed

    def _has_room(self, feed: Feed | None, scope: Scope) -> bool:
        own = [one for one in self._feeds.values() if one.scope == scope]
        views_max = VIEWS_MAX if scope.is_whole else SCOPED_VIEWS_MAX
        if self.viewers >= self.viewers_max or (feed is None and len(own) >= views_max):
            return False
        if scope.is_whole:
            return True
        scopes = {one.scope for one in self._feeds.values()}
        return sum(one.viewers for one in own) < SCOPED_VIEWERS_MAX and (scope in scopes or len(scopes) <= SCOPES_MAX)

    def close(self) -> None:
        """End every stream."""
        for feed in self._feeds.values():
            feed.close()


class Stream(Response):
    """Server-sent events until the viewer leaves, stops reading or may not see them any more, or the feed closes."""

    media_type = "text/event-stream"

    def __init__(self, feed: Feed, holds: Callable[[], bool] = lambda: True) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed
        self._holds = holds

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
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

    async def _send(self, send: types.Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        turn, message = 0, b"retry: %d\n\n" % RECONNECT_MS
        while message and self._holds():
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send({"type": "http.response.body", "body": message, "more_body": True})
            turn, message = await self._feed.after(turn)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: types.Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
