"""What readers get over HTTP: the page and its parts, the figures now, their stream and history, the metrics.

Owns: the routes. Never computes a figure and never knows the engine: it is given facts once a second, and asks for the
rest through functions that it is given.
"""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dashboards.exposition import CONTENT_TYPE, OPENMETRICS_TYPE
from dashboards.wall.changes import plain
from dashboards.wall.feed import Feeds, Stream
from dashboards.wall.scopes import Scope, scoped, scoped_history, scoped_people, scoped_screen
from dashboards.wall.views import NAMES_MAX, View

__all__ = ["HISTORY_HOURS_MAX", "STEPS_S", "files_served", "routes"]

#: Steps of a history, in seconds.
STEPS_S = (60, 300, 900, 1800, 3600)
HISTORY_HOURS_MAX = 24
#: A day or a week before: what the present is compared with.
AGO_S = (0, 86_400, 604_800)
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_NO_STORE = {"Cache-Control": "no-store"}

Asked = Callable[..., Awaitable[bytes | None]]
#: What a reader asks for and may not have, told to whoever counts refusals.
Refuse = Callable[[Request, str], None]


def files_served() -> dict[str, tuple[bytes, str]]:
    """Every file of the page and of its vendors: its path, its bytes, its type."""
    found = {}
    for folder, path in (("page", "/"), ("vendor", "/vendor/")):
        for file in files("dashboards.wall").joinpath(folder).iterdir():
            kind = _TYPES.get(file.name[file.name.rfind(".") :])
            if kind:
                found["/" if file.name == "page.html" else path + file.name] = file.read_bytes(), kind
    return found


def routes(
    feeds: Feeds,
    *,
    now: Callable[[], bytes],
    facts: Callable[[], tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]],
    metrics: Callable[[Scope, bool], bytes],
    is_alive: Callable[[], bool],
    is_ready: Callable[[], bool],
    people: Asked,
    history: Asked,
    screens: Mapping[str, Mapping[str, Any]],
    scope_of: Callable[[Request], Scope],
    who: Callable[[Request], Mapping[str, Any]],
    holds: Callable[[Request], Callable[[], bool]],
    refuse: Refuse,
) -> list[BaseRoute]:
    """The reading side of the service. `now` and `metrics` give ready bytes, and may take their time; `metrics` is told whether
    OpenMetrics is wanted; `facts` gives what is the present, and more alarms than it lists.

    `people` and `history` give JSON, None for what does not exist, or raise TimeoutError; `screens` are the layouts by name. `scope_of`
    says what a reader may see, `who` tells it, `holds` says whether it is still so.
    """

    def present(scope: Scope) -> bytes:
        return now() if scope.is_whole else _json(scoped(facts()[0], scope, facts()[1]))

    async def get_now(request: Request) -> Response:
        if not is_ready():
            return _not_ready()
        return _given(await run_in_threadpool(present, scope_of(request)))

    async def get_me(request: Request) -> Response:
        return JSONResponse(who(request), headers=_NO_STORE)

    async def get_stream(request: Request) -> Response:
        asked, scope = request.query_params, scope_of(request)
        if scope.tenants is not None and not scope.tenants.issuperset(asked.getlist("tenant") + asked.getlist("first")):
            refuse(request, "tenant")
            return _refused(403, "Your token is not for every shop that is named.")
        chosen = View.of(asked.getlist("queue"), asked.getlist("tenant"), asked.getlist("first"))
        if chosen is None:
            return _refused(400, f"More than {NAMES_MAX} queues and tenants are named; name fewer.")
        feed = feeds.of(chosen, scope)
        if feed is None:
            return JSONResponse(
                {"error": "There are too many viewers, or too many different views."},
                503,
                headers={"Retry-After": "10"},
            )
        return Stream(feed, holds(request))

    async def get_people(request: Request) -> Response:
        scope = scope_of(request)
        return await _asked(people(), lambda told: scoped_people(told, scope), scope) if is_ready() else _not_ready()

    async def get_history(request: Request) -> Response:
        asked = request.query_params
        step_s, hours, ago_s = (_number(asked.get(name)) for name in ("step", "hours", "ago"))
        step_s, hours, ago_s = step_s or 300, hours or 4, ago_s or 0
        if step_s not in STEPS_S or not 1 <= hours <= HISTORY_HOURS_MAX or ago_s not in AGO_S:
            steps, agos = (", ".join(map(str, values)) for values in (STEPS_S, AGO_S))
            return _refused(
                400, f"A history has a step of {steps} s, hours from 1 to {HISTORY_HOURS_MAX} and an ago of {agos} s."
            )
        rollup, scope = asked.get("rollup", "total"), scope_of(request)
        is_total = rollup == "total"
        if scope.tenants is not None:
            if not is_total and "tenant" not in rollup.split(","):
                refuse(request, "tenant")
                return _refused(403, "Your token is for some shops only, and these figures are of all.")
            rollup = "tenant" if is_total else rollup
        cut = partial(scoped_history, scope=scope, facts=facts()[0], is_total=is_total)

        async def found() -> bytes | None:
            # One answer for all readers, who are given their part; where there are too many shops for that, each asks for theirs.
            asked = (rollup, step_s, hours, ago_s)
            whole = await history(*asked)
            return whole if whole is not None or scope.tenants is None else await history(*asked, scope.tenants)

        return await _asked(found(), cut, scope) if is_ready() else _not_ready()

    async def get_screen(request: Request) -> Response:
        screen = screens.get(request.path_params["name"])
        cut = None if screen is None else scoped_screen(screen, scope_of(request))
        if cut is None:
            return _refused(404, "The layout file has no screen of this name; see --wall.")
        return JSONResponse(cut, headers=_NO_STORE)

    async def get_metrics(request: Request) -> Response:
        scope = scope_of(request)
        if scope.pages is not None:
            refuse(request, "page")
            return _refused(403, "Your token is for some pages only, and these figures are of all.")
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        body = await run_in_threadpool(metrics, scope, openmetrics)
        headers = _NO_STORE | {"Vary": "Accept, Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            # The least effort: a scrape is text that says the same names again and again.
            body = await run_in_threadpool(gzip.compress, body, 1)
            headers |= {"Content-Encoding": "gzip"}
        return Response(body, headers=headers, media_type=OPENMETRICS_TYPE if openmetrics else CONTENT_TYPE)

    async def get_health(request: Request) -> Response:
        return JSONResponse({"alive": is_alive()}, 200 if is_alive() else 503, headers=_NO_STORE)

    async def get_ready(request: Request) -> Response:
        return JSONResponse({"ready": is_ready()}, 200 if is_ready() else 503, headers=_NO_STORE)

    return [
        *(Route(path, _file(body, kind)) for path, (body, kind) in files_served().items()),
        Route("/api/v1/me", get_me),
        Route("/api/v1/now", get_now),
        Route("/api/v1/stream", get_stream),
        Route("/api/v1/people", get_people),
        Route("/api/v1/history", get_history),
        Route("/api/v1/screens/{name}", get_screen),
        Route("/metrics", get_metrics),
        Route("/healthz", get_health),
        Route("/readyz", get_ready),
    ]


def _file(body: bytes, kind: str) -> Callable[[Request], Any]:
    async def get_file(request: Request) -> Response:
        return Response(body, headers={"Cache-Control": "no-cache"}, media_type=kind)

    return get_file


def _number(text: str | None) -> int | None:
    """A whole number of a query, 0 for none given, -1 for what is none."""
    if text is None:
        return 0
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


async def _asked(
    answer: Awaitable[bytes | None], cut: Callable[[Mapping[str, Any]], Mapping[str, Any]], scope: Scope
) -> Response:
    try:
        body = await answer
    except TimeoutError:
        return JSONResponse({"error": "The engine is busy; ask again."}, 503, headers={"Retry-After": "5"} | _NO_STORE)
    if body is None:
        return _refused(404, "The service keeps no such figures; rollups are in /api/v1/now under groups.")
    if scope.tenants is None:
        return _given(body)
    return _given(await run_in_threadpool(lambda: _json(cut(msgspec.json.decode(body)))))


def _json(told: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(told, enc_hook=plain)


def _given(body: bytes) -> Response:
    return Response(body, headers=_NO_STORE, media_type="application/json")


def _refused(status: int, error: str) -> Response:
    return JSONResponse({"error": error}, status, headers=_NO_STORE)


def _not_ready() -> Response:
    return _refused(503, "The service is replaying its journal.")
