"""What readers get over HTTP: the page, the figures now, the stream of figures, the metrics.

Owns: the routes and the fan-out to viewers. Never computes a figure and never knows the engine: it is given facts, once
a second, and hands the same bytes to everybody.

Law: a viewer never costs more than its connection. There is no buffer per viewer: who is slow misses messages and gets
the newest, who does not read at all is let go, and there are at most `viewers_max` of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

__all__ = ["Feed", "routes", "view"]

ROWS_SHOWN_MAX = 60
SEND_TIMEOUT_S = 20.0
RECONNECT_MS = 2_000
_TYPES = {"page.html": "text/html", "wall.js": "text/javascript", "wall.css": "text/css"}


def view(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as the wall shows them: of each rollup the worst rows, worst first; people, who are named in lists of cases and
    promises too, not by name."""
    groups = {
        rollup: sorted(rows, key=_badness, reverse=True)[:ROWS_SHOWN_MAX]
        for rollup, rows in facts.get("groups", {}).items()
    }
    kept = {name: value for name, value in facts.items() if name not in ("groups", "agents", "cases", "promises")}
    return kept | {
        "groups": groups,
        "hidden": {name: max(0, len(rows) - ROWS_SHOWN_MAX) for name, rows in facts.get("groups", {}).items()},
    }


def _badness(row: Mapping[str, Any]) -> tuple[float, float, float, float]:
    level = row.get("service_level")
    return (
        row.get("longest_wait_s") or 0,
        row.get("waiting") or 0,
        0 if level is None else 1 - level,
        row.get("offered") or 0,
    )


class Feed:
    """One message a second for all viewers. Everything but the constructor runs on the event loop."""

    def __init__(self, viewers_max: int) -> None:
        self.viewers = 0
        self.viewers_max = viewers_max
        self.closed = False
        self.turn = 0
        self._full_turn = 0
        self._full = b""
        self._alive = b""
        self._last: dict[str, Any] = {}
        self._changed = asyncio.Event()

    def put(self, facts: Mapping[str, Any]) -> None:
        """Take the facts of this second. Without news in them viewers get a sign of life only."""
        shown = view(facts)
        moving = {name: shown.pop(name, None) for name in ("service", "as_of_us", "watermark_us")}
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


class _Stream(Response):
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


def routes(
    feed: Feed,
    *,
    now: Callable[[], bytes],
    metrics: Callable[[], bytes],
    metrics_type: str,
    is_alive: Callable[[], bool],
    is_ready: Callable[[], bool],
) -> list[BaseRoute]:
    """The reading side of the service. `now` and `metrics` give ready bytes; `metrics` may take its time."""
    no_store = {"Cache-Control": "no-store"}

    async def get_now(request: Request) -> Response:
        if not is_ready():
            return JSONResponse({"error": "The service is replaying its journal."}, 503, headers=no_store)
        return Response(now(), headers=no_store, media_type="application/json")

    async def get_stream(request: Request) -> Response:
        if feed.viewers >= feed.viewers_max:
            return JSONResponse({"error": "There are too many viewers."}, 503, headers={"Retry-After": "10"})
        return _Stream(feed)

    async def get_metrics(request: Request) -> Response:
        return Response(await run_in_threadpool(metrics), headers=no_store, media_type=metrics_type)

    async def get_health(request: Request) -> Response:
        return JSONResponse({"alive": is_alive()}, 200 if is_alive() else 503, headers=no_store)

    async def get_ready(request: Request) -> Response:
        return JSONResponse({"ready": is_ready()}, 200 if is_ready() else 503, headers=no_store)

    return [
        Route("/", _file("page.html")),
        Route("/wall.js", _file("wall.js")),
        Route("/wall.css", _file("wall.css")),
        Route("/api/v1/now", get_now),
        Route("/api/v1/stream", get_stream),
        Route("/metrics", get_metrics),
        Route("/healthz", get_health),
        Route("/readyz", get_ready),
    ]


def _file(name: str) -> Callable[[Request], Any]:
    body = files("dashboards.wall").joinpath(name).read_bytes()

    async def get_file(request: Request) -> Response:
        return Response(body, headers={"Cache-Control": "no-cache"}, media_type=_TYPES[name])

    return get_file


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
