"""The service without its sockets: the real application in front of a real journal and engine, in a folder of its own.

Owns how a request reaches the application and what came back. Never judges an answer, and puts no part of its own in the way:
guard, gateway, journal and engine's thread are those of `floorwatch run`.
"""

import asyncio
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette

from engine.alarms import Alarm
from engine.pipeline import Settings
from streams.embedded import Embedded
from streams.gateway import Gateway
from streams.guard import Guard
from streams.intake import Pseudonyms
from streams.journal import Journal
from streams.settings import ServiceSettings
from tests.fuzzing.hostile import BODY_BYTES_MAX, INFLATED_BYTES_MAX, Request

__all__ = ["ANSWER_S_MAX", "ENGINE", "Answer", "Site", "open_site"]

ENGINE = Settings()
#: Longer than any answer to a request of the fuzzer may take, on a machine that is busy with other things too.
ANSWER_S_MAX = 60.0


@dataclass(frozen=True)
class Answer:
    """Status and body as sent; `said` is the body's JSON object."""

    status: int
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        said = msgspec.json.decode(self.body)
        assert isinstance(said, dict), f"the answer is no JSON object: {self.body[:200]!r}"
        return said


class Alarms:
    """Whoever is told keeps all of it."""

    def __init__(self) -> None:
        self.told: set[Alarm] = set()

    def tell(self, alarms: list[Alarm]) -> None:
        self.told |= set(alarms)

    def flush(self, wait_s: float) -> None:
        pass


class Site:
    """Asked by `post`; `journal` is there to be looked into between requests."""

    def __init__(self, folder: Path, token: str | None) -> None:
        self.settings = ServiceSettings(
            data=folder, token=token, body_bytes_max=BODY_BYTES_MAX, inflated_bytes_max=INFLATED_BYTES_MAX,
            rejects_listed_max=1_000_000,
        )  # fmt: skip
        self.told: list[str] = []
        self.alarms = Alarms()
        self.journal = Journal(folder / "journal.sqlite")
        self.embedded = Embedded(self.journal, self.settings, ENGINE, alarms=self.alarms, tell=self.told.append)
        self._gateway = Gateway(self.embedded, self.settings, Pseudonyms(b"k" * 32))
        self._guard = Guard(Starlette(routes=self._gateway.routes()), self.settings)
        self._loop = asyncio.Runner()

    def start(self) -> None:
        self.embedded.start()
        assert self.embedded.ready.wait(60), "the service did not get ready"

    def stop(self) -> None:
        """Raises nothing for a dead engine; see `embedded.failure`."""
        self.embedded.stop()
        self._gateway.close()
        self._loop.close()

    def post(self, request: Request) -> Answer:
        """The application's answer. Raises whatever the application lets through, TimeoutError when it does not answer."""
        return self._loop.run(asyncio.wait_for(self._post(request), ANSWER_S_MAX))

    async def _post(self, request: Request) -> Answer:
        said: list[MutableMapping[str, Any]] = []
        left = list(request.chunks)

        async def receive() -> MutableMapping[str, Any]:
            if left:
                part = left.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(left) or request.hangs_up}
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            said.append(message)

        usual = {b"host": b"127.0.0.1:8080"}
        if self.settings.token:
            usual[b"authorization"] = b"Bearer " + self.settings.token.encode()
        for name, _ in request.headers:
            usual.pop(name, None)
        headers = [*usual.items(), *request.headers]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/v1/events", "raw_path": b"/v1/events", "root_path": "", "query_string": request.query, "headers": headers,
            "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8080),
        }  # fmt: skip
        await self._guard(scope, receive, send)
        assert [part["type"] for part in said] == ["http.response.start", "http.response.body"], (
            "no answer, or a torn one"
        )
        return Answer(said[0]["status"], said[1].get("body", b""))


@contextmanager
def open_site(folder: Path, token: str | None = None) -> Iterator[Site]:
    """A running site; stopped at the end, whatever happened."""
    site = Site(folder, token)
    site.start()
    try:
        yield site
    finally:
        site.stop()
