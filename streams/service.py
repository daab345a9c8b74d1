"""The one-machine service, put together: engine, journal, intake, wall and metrics around one event loop.

Owns: the order in which the parts start and end, the process's signals, and the figures about the process itself. Never
holds a figure of the floor, never decides about an event, never reads an option.

Law: it listens before it replays (so that health can be asked), says where the wall is once it is ready, and on SIGTERM
or SIGINT refuses what is new, absorbs what is journalled, writes a last snapshot and ends with 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import accumulate
from typing import Any

import uvicorn
from starlette.applications import Starlette

from alerts.routes import alert_routes
from alerts.stage import Stage
from dashboards.exposition import CONTENT_TYPE, Health, render
from dashboards.wall.feed import Feeds
from dashboards.wall.server import routes
from engine.pipeline import Settings
from streams.embedded import COMMIT_BUCKETS_S, Embedded, Published
from streams.gateway import Gateway
from streams.guard import Guard
from streams.intake import Pseudonyms
from streams.journal import Journal
from streams.policy.files import Bundle
from streams.policy.watching import PolicyFile
from streams.policy_routes import policy_routes
from streams.questions import History, People, Question
from streams.reloading import Reloading
from streams.settings import ServiceSettings

__all__ = ["serve"]

CONNECTIONS_MAX = 4_096
FAREWELL_S = 3
ANSWER_S = 10

#: Layouts of walls by name: see streams.screens.
Screens = Mapping[str, Mapping[str, Any]]


async def serve(
    settings: ServiceSettings,
    engine_settings: Settings,
    listener: socket.socket,
    pseudonyms: Pseudonyms,
    journal: Journal,
    companion: Callable[[str], AbstractContextManager[None]],
    policy_file: PolicyFile,
    bundle: Bundle | None,
    screens: Screens,
    stage: Stage | None = None,
) -> int:
    """Serve on `listener` until a signal or a failure; returns the exit code. `companion` is entered with the address; `bundle`
    is what `policy_file` said when the settings' policy was read, None where it was refused and the journal's is gone on with."""
    loop = asyncio.get_running_loop()
    feeds = Feeds(settings.viewers_max)
    ended = asyncio.Event()

    def publish(published: Published) -> None:
        loop.call_soon_threadsafe(feeds.put, published.facts)

    def fail() -> None:
        loop.call_soon_threadsafe(ended.set)

    embedded = Embedded(
        journal,
        settings,
        engine_settings,
        on_publish=publish,
        on_failure=fail,
        bundle=bundle,
        alarms=stage,
    )
    reloading = Reloading(embedded, policy_file, _tell)
    gateway = Gateway(embedded, settings, pseudonyms)
    server = uvicorn.Server(_server_config(_application(embedded, gateway, feeds, settings, reloading, screens, stage)))
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, ended.set)
    asked = asyncio.Event()
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, asked.set)
    if stage:
        stage.start(fail)
    embedded.start()
    # `_serve` is uvicorn's serving without its signal handlers: the signals are ours.
    serving = asyncio.ensure_future(server._serve([listener]))
    failed = False
    with contextlib.ExitStack() as leaving:
        await _until_ready(embedded, ended, server, serving)
        if embedded.ready.is_set() and not ended.is_set():
            if bundle is None:
                await asyncio.to_thread(reloading.reload)
            address = _address(listener)
            print(f"The wall is at {address}/", flush=True)
            leaving.enter_context(companion(address))
            ending = asyncio.ensure_future(ended.wait())
            looking = asyncio.ensure_future(_look(reloading, asked, settings.policy_look_us / 1e6))
            await asyncio.wait((ending, serving, looking), return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
            looking.cancel()
            if looking.done() and (error := looking.exception()):
                traceback.print_exception(error)
                failed = True
    feeds.close()
    server.should_exit = True
    await serving
    await asyncio.to_thread(embedded.stop)
    if stage:
        await asyncio.to_thread(stage.stop)
        failed = failed or stage.failure is not None
    gateway.close()
    return 1 if failed or embedded.failure is not None else 0


async def _look(reloading: Reloading, asked: asyncio.Event, every_s: float) -> None:
    """Looks after the policy's file, and reads it when a signal asks."""
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), every_s)
        look = reloading.reload if asked.is_set() else reloading.look
        asked.clear()
        await asyncio.to_thread(look)


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _server_config(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="h11",  # The other parser sets no limit to headers.
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=FAREWELL_S,
    )


def _application(
    embedded: Embedded,
    gateway: Gateway,
    feeds: Feeds,
    settings: ServiceSettings,
    reloading: Reloading,
    screens: Screens,
    stage: Stage | None,
) -> Guard:
    reading = routes(
        feeds,
        now=lambda: embedded.published.body,
        metrics=_Metrics(embedded, feeds, stage),
        metrics_type=CONTENT_TYPE,
        is_alive=embedded.is_alive,
        is_ready=embedded.ready.is_set,
        people=lambda: _asked(embedded, People()),
        history=lambda *asked: _asked(embedded, History(*asked)),
        screens=screens,
    )
    alerting = alert_routes(stage) if stage else []
    return Guard(
        Starlette(routes=[*gateway.routes(), *policy_routes(embedded, reloading, settings), *alerting, *reading]),
        settings,
    )


async def _asked(embedded: Embedded, question: Question) -> bytes | None:
    """The engine's answer. Raises TimeoutError when it does not come in time, or too many questions wait."""
    future = embedded.questions.ask(question)
    if future is None:
        raise TimeoutError
    async with asyncio.timeout(ANSWER_S):
        return await asyncio.wrap_future(future)


class _Metrics:
    """The exposition, rendered once for each published second however many scrape it."""

    def __init__(self, embedded: Embedded, feeds: Feeds, stage: Stage | None) -> None:
        self._stage = stage
        self._embedded = embedded
        self._feeds = feeds
        self._lock = threading.Lock()
        self._rendered = (-1, b"")

    def __call__(self) -> bytes:
        with self._lock:
            published = self._embedded.published
            if self._rendered[0] != published.version:
                self._rendered = (published.version, render(published.facts, _health(self._embedded, self._feeds)))
            return self._rendered[1] + (self._stage.measures.text() if self._stage else b"")


def _health(embedded: Embedded, feeds: Feeds) -> Health:
    vitals = embedded.vitals
    batches, size = embedded.backlog()
    limits = [*(str(limit) for limit in COMMIT_BUCKETS_S), "+Inf"]
    return Health(
        gauges=(
            ("floorwatch_ready", "1 once the journal is replayed.", float(embedded.ready.is_set())),
            ("floorwatch_backlog_batches", "Batches accepted and not yet absorbed.", batches),
            ("floorwatch_backlog_bytes", "Their size.", size),
            ("floorwatch_viewers", "Walls that are being fed.", feeds.viewers),
            *_policy_gauge(embedded),
            ("floorwatch_snapshot_bytes", "Size of the newest snapshot.", vitals.snapshot_bytes),
            ("floorwatch_snapshot_seconds", "Time that the newest snapshot took.", vitals.snapshot_us / 1e6),
        ),
        counters=(
            ("floorwatch_batches", "Batches absorbed.", vitals.batches),
            (
                "floorwatch_busy_answers",
                "Requests answered 429 because the backlog was full.",
                vitals.refused_busy,
            ),
            ("floorwatch_snapshots", "Snapshots written.", vitals.snapshots),
        ),
        commit_buckets=list(zip(limits, accumulate(vitals.commit_buckets), strict=True)),
        commit_seconds_sum=vitals.commit_us / 1e6,
    )


def _policy_gauge(embedded: Embedded) -> Iterator[tuple[str, str, float]]:
    if embedded.policy:
        told = "When the policy in force was taken, by this machine's clock."
        yield "floorwatch_policy_loaded_timestamp_seconds", told, embedded.policy.since_us / 1e6


async def _until_ready(
    embedded: Embedded, ended: asyncio.Event, server: uvicorn.Server, serving: asyncio.Future[None]
) -> None:
    while not (embedded.ready.is_set() and server.started) and not ended.is_set() and not serving.done():
        await asyncio.sleep(0.02)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - recognised, not chosen.
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
