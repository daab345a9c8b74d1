"""The one-machine service, put together: engine, journal, intake, wall and metrics around one event loop.

Owns: the order in which the parts start and end, the process's signals, and the figures about the process itself. Never
holds a figure of the floor, never decides about an event, never reads an option.

Law: it listens before it replays (so that health can be asked), says where the wall is once it is ready, and on SIGTERM
or SIGINT refuses what is new, absorbs what is journalled, writes a last snapshot and ends with 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute

from alerts.actors import Actor
from alerts.alertmanager import Address, Alertmanager
from dashboards.exposition import Exposition, Health, render
from dashboards.wall.feed import Feeds
from dashboards.wall.scopes import WHOLE, Scope, scoped
from dashboards.wall.server import routes
from streams.access import ROLES, Access, access_of
from streams.capacity.expected import Expected
from streams.capacity.live import Costs, Staffing, unknown
from streams.capacity.surges import Surges
from streams.connections import Doorman
from streams.connectors.connections import Connection
from streams.connectors.live import Live
from streams.gateway import Gateway, Service
from streams.guard import Guard
from streams.hearing import Hearing
from streams.history.lately import remembered
from streams.history.recorder import Recorder
from streams.history.store import Store
from streams.intake import Pseudonyms
from streams.mailing import carry
from streams.openapi import openapi_routes
from streams.outages import outage_routes
from streams.policy.files import Bundle
from streams.policy.watching import PolicyFile
from streams.policy_routes import policy_routes
from streams.publishing import COMMIT_BUCKETS_S, Published, Station
from streams.questions import History, People, Question
from streams.refusals import Refusals
from streams.reloading import Reloading
from streams.reports.letters import Letter
from streams.reports.mailer import Mailer
from streams.settings import ServiceSettings
from streams.silences import Silences
from streams.sources import Sources
from streams.turned_away import telling

if TYPE_CHECKING:
    from alerts.reloading import Reloading as AlertsReloading
    from alerts.stage import Stage

__all__ = ["serve", "server_config", "sources_of"]

FAREWELL_S = 3
ANSWER_S = 10
NOTED_EVERY_S = 3_600

#: Layouts of walls by name: see streams.screens.
Screens = Mapping[str, Mapping[str, Any]]


async def serve(
    settings: ServiceSettings,
    listener: socket.socket,
    station: Callable[..., Station],
    pseudonyms: Pseudonyms | None,
    companion: Callable[[str], AbstractContextManager[None]],
    policy_file: PolicyFile,
    bundle: Bundle | None,
    screens: Screens,
    stage: Stage | None = None,
    kept: Store | None = None,
    connections: Sequence[Connection] = (),
    alerts_path: Path | None = None,
    letters: Sequence[Letter] = (),
) -> int:
    """Serve on `listener` until a signal or a failure; returns the exit code. `station` makes the engine when it is told who hears of it;
    `pseudonyms` are for events that come in, None where none do. `companion` is entered with the address; `bundle`
    is what `policy_file` said when the settings' policy was read, None where it was refused and the journal's is gone on with;
    `alerts_path` is the file that the stage's plan was read from, None where that is ours; `letters`
    are the reports that go out by e-mail, made of what is `kept`."""
    loop = asyncio.get_running_loop()
    feeds = Feeds(settings.viewers_max)
    alertmanager = Alertmanager(Address(settings.alertmanager)) if settings.alertmanager else None
    ended = asyncio.Event()

    def publish(published: Published) -> None:
        loop.call_soon_threadsafe(feeds.put, published.facts, published.alarms)
        if alertmanager:
            alertmanager.offer(published.facts)

    def fail() -> None:
        loop.call_soon_threadsafe(ended.set)

    recorder = Recorder(kept, _tell) if kept else None
    sources = sources_of(settings)
    zone = ZoneInfo(settings.zone)
    expected = Expected(kept, zone, lambda: embedded.policy_held, settings.events, _tell) if kept else None
    usual = expected.usual if expected else unknown
    surges = Surges(usual)
    embedded = station(
        on_publish=publish,
        on_failure=fail,
        alarms=stage,
        beside=(
            staffing := Staffing(usual=usual, costs=Costs(settings.hourly_cost, settings.breach_cost)),
            surges,
            *((recorder,) if recorder else ()),
            sources if pseudonyms else Hearing(sources),
        ),
    )
    staffing.follow(embedded.planned, embedded.raise_alarms)
    surges.tell = embedded.raise_alarms
    embedded.leave_to(surges.replaces)
    if pseudonyms:
        sources.raise_alarms = embedded.raise_alarms
    refusals = Refusals(settings.data / "audit.jsonl")
    if pseudonyms:
        refusals.on_refusal = telling(sources.turn_away)
    reloading = Reloading(embedded, policy_file, _tell, refusals.audit.act)
    gateway = Gateway(cast(Service, embedded), settings, pseudonyms, sources) if pseudonyms else None
    live = Live(connections, settings.data, gateway.take, refusals.refuse) if gateway else None
    mailer = (
        Mailer(letters, kept, carry, lambda: embedded.policy_held.service_level, _tell) if letters and kept else None
    )
    metrics = _Metrics(embedded, feeds, settings, alertmanager, refusals, stage, live, mailer)
    parts = [*policy_routes(embedded, reloading, settings), *openapi_routes()]
    if gateway and live:
        parts += [*gateway.routes(), *outage_routes(gateway), *live.routes()]
    alerts_file: AlertsReloading | None = None
    if stage:
        # What carries messages and keeps alerts takes as long to import as all the rest: not for who tells nobody.
        from alerts.reloading import Reloading as AlertsReloading
        from alerts.routes import alert_routes

        parts += alert_routes(stage, _actor)
        alerts_file = AlertsReloading(stage, alerts_path, _tell) if alerts_path else None
    reading = _reading(embedded, feeds, screens, metrics, refusals, kept, escalates=stage is not None)
    routed = Starlette(routes=[*parts, *reading])
    guard = Guard(
        gateway.before(routed) if gateway else routed,
        settings,
        refusals,
        signed=live.signed_paths if live else frozenset(),
    )
    server = uvicorn.Server(server_config(guard, settings, refusals))
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, ended.set)
    asked = asyncio.Event()
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, asked.set)
    if stage:
        stage.start(fail)
    if recorder:
        recorder.start()
    embedded.start()
    if alertmanager:
        alertmanager.start()
    # `_serve` is uvicorn's serving without its signal handlers: the signals are ours.
    serving = asyncio.ensure_future(server._serve([listener]))
    failed = False
    with contextlib.ExitStack() as leaving:
        await _until_ready(embedded, ended, server, serving)
        if embedded.ready.is_set() and not ended.is_set():
            _be_prompt()
            if bundle is None:
                await asyncio.to_thread(reloading.reload)
            # What is there now stays for good: nobody's message waits while the collector goes over it again and again.
            gc.collect()
            gc.freeze()
            address = _address(listener, "https" if settings.tls_cert else "http")
            refusals.audit.act("service started", policy=embedded.policy.name if embedded.policy else "")
            print(f"The wall is at {address}/", flush=True)
            leaving.enter_context(companion(address))
            if expected:
                expected.start()
            if mailer:
                mailer.start()
            ending = asyncio.ensure_future(ended.wait())
            noting = asyncio.ensure_future(metrics.follow())
            looking = asyncio.ensure_future(_look(reloading, alerts_file, asked, settings.policy_look_us / 1e6))
            connected = asyncio.ensure_future(live.run() if live else ended.wait())
            await asyncio.wait((ending, serving, looking, connected), return_when=asyncio.FIRST_COMPLETED)
            failed = any(task.done() and _told_of(task.exception()) for task in (looking, connected))
            ending.cancel()
            looking.cancel()
            noting.cancel()
            connected.cancel()
            await asyncio.wait((connected,))
    feeds.close()
    server.should_exit = True
    await serving
    if live:
        await asyncio.to_thread(live.close)
    await asyncio.to_thread(embedded.stop)
    await asyncio.to_thread(sources.save)
    if mailer:
        await asyncio.to_thread(mailer.stop)
    if expected:
        await asyncio.to_thread(expected.stop)
    if recorder:
        await asyncio.to_thread(recorder.stop)
    if alertmanager:
        await asyncio.to_thread(alertmanager.stop)
    if stage:
        await asyncio.to_thread(stage.stop)
        failed = failed or stage.failure is not None
    if gateway:
        gateway.close()
    return 1 if failed or embedded.failure is not None else 0


def sources_of(settings: ServiceSettings) -> Sources:
    """Who watches the sources, with what is kept of them in the data folder."""
    silences = Silences(
        least_s=settings.silence_least_s, unknown_s=settings.silence_unknown_s, sources_max=settings.sources_max
    )
    return Sources(silences, settings.data / "sources.state", _tell)


def _be_prompt() -> None:
    """Lets no request wait while rubbish is looked for in all that was loaded."""
    gc.collect()
    gc.freeze()


async def _look(
    reloading: Reloading, alerts_file: AlertsReloading | None, asked: asyncio.Event, every_s: float
) -> None:
    """Looks after the policy's file and the alerts file, and reads them when a signal asks."""
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), every_s)
        is_asked = asked.is_set()
        asked.clear()
        for file in (reloading, alerts_file):
            if file is not None:
                await asyncio.to_thread(file.reload if is_asked else file.look)


def _told_of(error: BaseException | None) -> bool:
    """Tells of what ended a part; whether anything did. What is wrong outside of us is said in a sentence."""
    for each in error.exceptions if isinstance(error, BaseExceptionGroup) else (error,) if error else ():
        if isinstance(each, OSError | ValueError):
            _tell(f"Error: {each}")
        else:
            traceback.print_exception(each)
    return error is not None


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def server_config(application: Any, settings: ServiceSettings, refusals: Refusals) -> uvicorn.Config:
    """How everything that listens is served: with limits on connections and requests, with TLS where files for it are named, and without
    a word in any log."""
    return uvicorn.Config(
        application,
        http=Doorman(settings, refusals).protocol,
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=FAREWELL_S,
    )


def _reading(
    embedded: Station,
    feeds: Feeds,
    screens: Screens,
    metrics: _Metrics,
    refusals: Refusals,
    kept: Store | None,
    *,
    escalates: bool,
) -> list[BaseRoute]:
    bodies = _Once(lambda published, scope: published.body)

    def refuse(request: Request, reason: str) -> None:
        refusals.refuse(reason, request, access_of(request.scope))

    return routes(
        feeds,
        now=lambda: bodies(embedded.published, WHOLE),
        facts=lambda: (embedded.published.facts, embedded.published.alarms),
        metrics=metrics,
        is_alive=embedded.is_alive,
        is_ready=embedded.ready.is_set,
        people=lambda: _asked(embedded, People()),
        history=lambda *asked: _history(embedded, kept, *asked),
        screens=screens,
        scope_of=lambda request: _scope(access_of(request.scope)),
        who=lambda request: _told(access_of(request.scope), escalates),
        holds=lambda request: access_of(request.scope).holds,
        refuse=refuse,
    )


def _scope(access: Access) -> Scope:
    return Scope(access.tenants, access.pages)


def _actor(request: Request) -> Actor:
    """Who asks, as alerts know it."""
    access = access_of(request.scope)
    rights = ROLES[access.role]
    return Actor(access.name, "acknowledge" in rights, "govern" in rights, access.tenants)


def _told(access: Access, escalates: bool) -> dict[str, Any]:
    """Who somebody is, as the wall says it, and whether anybody is told of alerts."""
    names = {
        name: None if of is None else sorted(of) for name, of in (("tenants", access.tenants), ("pages", access.pages))
    }
    return {
        "name": access.name,
        "role": access.role,
        "rights": sorted(ROLES[access.role]),
        "expires": access.expires,
        "escalates": escalates,
        **names,
    }


async def _asked(embedded: Station, question: Question) -> bytes | None:
    """The engine's answer. Raises TimeoutError when it does not come in time, or too many questions wait."""
    future = embedded.questions.ask(question)
    if future is None:
        raise TimeoutError
    async with asyncio.timeout(ANSWER_S):
        return await asyncio.wrap_future(future)


async def _history(embedded: Station, kept: Store | None, *asked: Any) -> bytes | None:
    """The engine's intervals; of what it has forgotten those that are kept."""
    told = await _asked(embedded, History(*asked))
    if kept is None or told is None:
        return told
    return await asyncio.to_thread(remembered, kept, told, embedded.policy_held.service_level)


class _Once:
    """Bytes made once for each publishing and question, however many ask; for other publishings they are forgotten."""

    def __init__(self, make: Callable[..., bytes]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._version = -1
        self._made: dict[tuple[Any, ...], bytes] = {}

    def __call__(self, published: Published, *asked: Any) -> bytes:
        with self._lock:
            if self._version != published.version:
                self._version, self._made = published.version, {}
            if asked not in self._made:
                self._made[asked] = self._make(published, *asked)
            return self._made[asked]


class _Metrics:
    """The exposition, rendered once for each published second, scope and format however many scrape it."""

    def __init__(
        self,
        embedded: Station,
        feeds: Feeds,
        settings: ServiceSettings,
        alertmanager: Alertmanager | None,
        refusals: Refusals,
        stage: Stage | None,
        live: Live | None,
        mailer: Mailer | None,
    ) -> None:
        self._alertmanager = alertmanager
        self._mailer = mailer
        self._live = live
        self._stage = stage
        self._embedded = embedded
        self._feeds = feeds
        self._refusals = refusals
        self._exposition = Exposition(settings.exported_groups_max, settings.exported_series_max)
        self._rendered = _Once(self._render)

    def __call__(self, scope: Scope, openmetrics: bool) -> bytes:
        return self._rendered(self._embedded.published, scope, openmetrics)

    def _render(self, published: Published, scope: Scope, openmetrics: bool) -> bytes:
        if not scope.is_whole:  # How the process fares tells how much others send.
            return render(scoped(published.facts, scope), Health(), openmetrics=openmetrics)
        health = _health(self._embedded, self._feeds, self._refusals, self._alertmanager, self._live, self._mailer)
        before = self._stage.measures.text(openmetrics=openmetrics) if self._stage else b""
        return self._exposition.render(
            published.facts, health, published.exported, openmetrics=openmetrics, before=before
        )

    async def follow(self) -> None:
        """Has the distributions noted while nobody scrapes, beginning now."""
        while True:
            await asyncio.to_thread(self._exposition.follow, self._embedded.published.exported)
            await asyncio.sleep(NOTED_EVERY_S)


def _health(
    embedded: Station,
    feeds: Feeds,
    refusals: Refusals,
    alertmanager: Alertmanager | None,
    live: Live | None,
    mailer: Mailer | None,
) -> Health:
    vitals = embedded.vitals
    batches, size = embedded.backlog()
    limits = [*(str(limit) for limit in COMMIT_BUCKETS_S), "+Inf"]
    values: dict[str, float] = {
        "floorwatch_ready": embedded.ready.is_set(),
        "floorwatch_backlog_batches": batches,
        "floorwatch_viewers": feeds.viewers,
        "floorwatch_snapshot_bytes": vitals.snapshot_bytes,
        "floorwatch_snapshot_seconds": vitals.snapshot_us / 1e6,
        "floorwatch_batches_total": vitals.batches,
        "floorwatch_busy_answers_total": vitals.refused_busy,
        "floorwatch_snapshots_total": vitals.snapshots,
    }
    if size is not None:
        values["floorwatch_backlog_bytes"] = size
    if embedded.policy:
        values["floorwatch_policy_loaded_timestamp_seconds"] = embedded.policy.since_us / 1e6
    records, left_out = live.totals() if live else ({}, {})
    labelled: dict[str, Mapping[str, float]] = {
        "floorwatch_refused_requests_total": dict(refusals.counts),
        "floorwatch_connector_records_total": records,
        "floorwatch_left_out_records_total": left_out,
        **embedded.by_partition(),
    }
    if mailer:
        labelled["floorwatch_mailed_reports_total"] = dict(mailer.counts)
    if alertmanager:
        values["floorwatch_alertmanager_alerts"] = alertmanager.active_count
        values["floorwatch_alertmanager_overflow_total"] = alertmanager.overflow_count
        labelled["floorwatch_alertmanager_requests_total"] = dict(alertmanager.outcomes)
    return Health(
        values,
        labelled,
        # Who has no journal has no buckets either.
        commit_buckets=list(zip(limits, accumulate(vitals.commit_buckets), strict=False)),
        commit_seconds_sum=vitals.commit_us / 1e6,
    )


async def _until_ready(
    embedded: Station, ended: asyncio.Event, server: uvicorn.Server, serving: asyncio.Future[None]
) -> None:
    while not (embedded.ready.is_set() and server.started) and not ended.is_set() and not serving.done():
        await asyncio.sleep(0.02)


def _address(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - recognised, not chosen.
        host = socket.gethostname()
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
