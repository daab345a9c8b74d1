"""A place for events as the gateway gives one, which can be busy; and connections of tests."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.responses import Response

from engine.events import decode
from streams.connectors.feeder import Counts, Feeder

__all__ = ["Shelf", "following", "until"]


class Shelf:
    """Keeps what it takes by id; for as many attempts as `busy` says it takes nothing."""

    def __init__(self, busy: int = 0) -> None:
        self.busy = busy
        self.events: dict[str, dict[str, Any]] = {}
        self.sources: set[str] = set()
        self.repeated = 0

    async def take(self, lines: bytes, source: str) -> Response:
        if self.busy:
            self.busy -= 1
            return Response(b"{}", 429)
        assert not decode(lines).rejects
        self.sources.add(source)
        for line in lines.splitlines():
            event = json.loads(line)
            self.repeated += event["id"] in self.events
            self.events[event["id"]] = event
        return Response(b"{}", 200)

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events.values()]

    def contacts(self) -> set[str]:
        return {event["contact"] for event in self.events.values() if "contact" in event}

    def feeder(self, name: str = "pbx", use: str = "queue_log") -> Feeder:
        return Feeder(name, Counts(use), self.take)


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0.01)


def following(run: Callable[[], Awaitable[None]], story: Callable[[], Awaitable[None]]) -> None:
    """Runs a follower for as long as a story lasts; what it raises is raised."""

    async def both() -> None:
        follower = asyncio.ensure_future(run())
        told = asyncio.ensure_future(story())
        try:
            await asyncio.wait((follower, told), return_when=asyncio.FIRST_COMPLETED)
            if follower.done():
                follower.result()
            await told
        finally:
            told.cancel()
            follower.cancel()
            await asyncio.gather(follower, told, return_exceptions=True)

    asyncio.run(both())


def log_of(path: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        with path.open("a") as file:
            file.write(text)

    return write
