"""The description of every path in OpenAPI 3.1: made from the tables below, from the reasons of refusals and from the limits that are set.

Owns the words; the file `openapi.json` beside it is what comes of them, and is what the service answers. Never reads a request. Law: what is no path of
streams.access is not in it, and what an administrator may call is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from engine.events import AGENT_STATES, LINE_BYTES_MAX, NAME_CHARACTERS_MAX, TYPES
from engine.source import FILE_BYTES_MAX
from streams.connectors.webhooks import BODY_BYTES_MAX as CONNECTED_BYTES_MAX
from streams.outages import ALERTS_MAX
from streams.outages import BODY_BYTES_MAX as NOTIFICATION_BYTES_MAX
from streams.problems import CONTENT_TYPE
from streams.refusals import REASONS
from streams.settings import ServiceSettings
from streams.signatures import WINDOW_S

__all__ = ["document", "openapi_routes", "text"]

PATH = "/api/v1/openapi.json"
JSON = "application/json"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"
HTML = "text/html"
ICS = "text/calendar"
_LIMITS = ServiceSettings(data=Path())
#: What may be answered everywhere: about who asks, about the request's head, and that it is not the time.
_ALWAYS = (400, 401, 403, 414, 421, 431, 503)
_BODY = (408, 413)


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _text(description: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _whole(description: str = "", **more: Any) -> dict[str, Any]:
    return {"type": "integer", **({"description": description} if description else {}), **more}


def _object(required: str = "", /, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": required.split()} if required else {})}


def _list(items: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_NAME = _text(maxLength=NAME_CHARACTERS_MAX)
_INSTANT = {"anyOf": [_text("RFC 3339 with offset", format="date-time"), _whole("milliseconds since 1970, UTC")]}
_MANY = {"type": "object", "additionalProperties": True}
_SCHEMAS: dict[str, Any] = {
    "Event": {
        **_object(
            "type time", type={"enum": list(TYPES)}, time=_INSTANT, id=_text("The same again is the same event, and changes nothing."),
            **dict.fromkeys(("contact", "agent", "queue", "channel", "tenant", "region", "tier", "partner", "party", "category"), _NAME),
            customer=_text("Replaced by a keyed hash on entry."), text=_text("Read for its words on entry, and never stored."),
            automatic={"type": "boolean"}, state={"enum": list(AGENT_STATES)}, slots=_whole(minimum=0, maximum=100_000),
        ),
        "description": f"One event of the public format. A line may have {LINE_BYTES_MAX:,} bytes. Further fields are of single types; unknown ones are ignored.",
    },
    "Taken": _object(
        "accepted rejected rejected_count", accepted=_whole("Events on disk.", minimum=0), rejected=_list(_ref("Rejected")),
        rejected_count=_whole("All that were refused; the first of them are listed.", minimum=0),
    ),
    "Rejected": _object("line reason detail", line=_whole(minimum=1), reason=_text(), detail=_text()),
    "Problem": {
        **_object(
            "type title status detail reason error", type=_text("urn:floorwatch:problem: and the reason"), title=_text(), status=_whole(),
            detail=_text(), reason={"enum": list(REASONS)}, error=_text("The same as detail."),
        ),
        "description": "A refusal by RFC 9457. Every one is counted in floorwatch_refused_requests_total by its reason. 429 and 503 mean that nothing was stored.",
    },
    "Facts": {**_MANY, "description": "All figures of this second: groups by rollup, alarms, conditions, cases, promises, counters. No data is null, never 0."},
    "Me": _object(
        "name role rights expires tenants pages", name=_text(), role=_text(), rights=_list(_text()), expires=_text(type=["string", "null"]),
        tenants={"type": ["array", "null"], "items": _text()}, pages={"type": ["array", "null"], "items": _text()},
    ),
    "Many": _MANY,
    "Policy": _object("name since_us by", name=_text(), since_us=_whole(), by=_text(), refused=_list(_text()), text=_text(), files=_MANY),
    "Adopted": _object("adopted since_us changes", adopted={"type": "boolean"}, since_us=_whole(type=["integer", "null"]), changes=_list(_MANY)),
    "Alerts": _object("leading alerts", leading={"type": "boolean"}, alerts=_list(_MANY)),
    "Act": {
        **_object(
            "by", by=_text("One of the plan's people."), until=_text("Of a snooze: for how long, such as 30m."), to=_text("Of handing over: to whom.")
        ),
        "additionalProperties": False,
    },
    "Answered": _object("answer", answer=_text()),
    "Notification": _object("alerts", alerts=_list(_MANY, maxItems=ALERTS_MAX)),
}  # fmt: skip
_EVENT: dict[str, object] = {
    "type": "contact.queued",
    "time": "2026-11-11T20:00:00+08:00",
    "contact": "c-1",
    "queue": "aftersales",
    "channel": "app",
    "tenant": "shop-7",
}
_NOTICE = {
    "status": "firing",
    "labels": {"alertname": "ShopDown", "severity": "critical"},
    "startsAt": "2026-11-11T12:00:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
}


def _query(name: str, schema: Mapping[str, Any], description: str = "") -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, **({"description": description} if description else {})}


def _path(name: str, example: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _text(minLength=1), "example": example}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": _text(maxLength=64), "description": description}


def _given(description: str, *kinds: tuple[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": schema} for kind, schema in kinds}}


def _body(description: str, **kinds: Any) -> dict[str, Any]:
    return {"required": True, "description": description, "content": dict(kinds)}


def _operation(
    name: str, summary: str, good: Mapping[int, Any], errors: Iterable[int] = (), *, parameters: list[Any] | None = None,
    body: Mapping[str, Any] | None = None, more: str = "", is_open: bool = False,
) -> dict[str, Any]:  # fmt: skip
    statuses = sorted({*_ALWAYS, *(_BODY if body else ()), *errors})
    refused = {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}
    return {
        "operationId": name, "summary": summary, **({"description": more} if more else {}), **({"security": []} if is_open else {}),
        **({"parameters": parameters} if parameters else {}), **({"requestBody": body} if body else {}),
        "responses": {**{str(status): told for status, told in good.items()}, **{s: r for s, r in refused.items() if int(s) not in good}},
    }  # fmt: skip


_ALERT, _SCHEDULE = _path("alert", "3f0c9a7be211"), _path("schedule", "supervisor")
_ANSWER = {
    200: _given("Done.", (JSON, _ref("Answered"))),
    202: _given("Taken; it will hold in a moment.", (JSON, _ref("Answered"))),
}
_OVER = {409: _given("The alert is over.", (CONTENT_TYPE, _ref("Problem")))}
_PAGE = {200: _given("A page.", (HTML, _text()))}
_PAGES = {
    status: _given(said, (HTML, _text()))
    for status, said in ((403, "The link is forged, expired or used."), (404, "There is no such alert."))
}
_NAMES = _list(_text(), maxItems=200)
_SENT = (
    f"One object, a JSON array (of 2 MiB at most) or one object a line; gzip with Content-Encoding. At most {_LIMITS.body_bytes_max:,} bytes, "
    f"{_LIMITS.inflated_bytes_max:,} inflated, {_LIMITS.lines_max:,} lines, read within {_LIMITS.body_read_s} s."
)
_PATHS: dict[str, dict[str, Any]] = {
    "/v1/events": {"post": _operation(
        "send_events", "Take events in · 接收事件",
        {200: _given("On disk: the events that could be taken; the others are listed.", (JSON, _ref("Taken"))),
         400: _given("Nothing could be taken, and why.", (CONTENT_TYPE, _ref("Problem")))},
        (415, 429),
        parameters=[_header("Source", "The sender's name: its order is judged by itself."), _query("source", _text(maxLength=64), "The same.")],
        body=_body(_SENT, **{NDJSON: {"schema": _text(), "example": json.dumps(_EVENT)}, JSON: {
            "schema": {"oneOf": [_ref("Event"), _list(_ref("Event"))]}, "example": _EVENT}}),
        more="With a token for some tenants only their events are taken; a line without tenant is of the only one. Such a writer sends "
             f"{_LIMITS.writer_events_a_second_max:,} events a second on average, then the answer is 429 with Retry-After.",
    )},
    "/api/v1/alertmanager": {"post": _operation(
        "alertmanager_in", "Alertmanager's notifications become cases · 接收 Alertmanager 通知", {200: _given("On disk.", (JSON, _ref("Taken")))}, (429,),
        body=_body(f"At most {NOTIFICATION_BYTES_MAX:,} bytes and {ALERTS_MAX:,} alerts.", **{
            JSON: {"schema": _ref("Notification"), "example": {"alerts": [_NOTICE]}}}),
    )},
    "/v1/connect/{name}": {"post": _operation(
        "connected", "What a connected system tells, in its own format · 接收已接入系统的数据",
        {200: _given("On disk, or left out and counted.", (JSON, _MANY))}, (404, 429), parameters=[_path("name", "shop-chat")],
        body=_body(f"At most {CONNECTED_BYTES_MAX:,} bytes, as the system sends them.", **{JSON: {"schema": _MANY}}),
        more="Of a connection with a secret only what the system has signed is taken, and no token is wanted.",
    )},
    "/api/v1/connect": {"get": _operation(
        "connections", "What came of each connected system's records · 各接入的记录数", {200: _given("By connection.", (JSON, _MANY))})},
    "/api/v1/now": {"get": _operation("now", "All figures of this second · 当前全部数字", {200: _given("Figures.", (JSON, _ref("Facts")))})},
    "/api/v1/stream": {"get": _operation(
        "stream", "The figures as they change, as server-sent events · 数字推送", {200: _given("A whole message, then changes.", (SSE, _text()))},
        parameters=[_query(name, _NAMES, said) for name, said in (("queue", "These only."), ("tenant", "These only."), ("first", "Always first."))],
        more=f"At most {_LIMITS.viewers_max:,} viewers and 200 names; one more is answered 503.",
    )},
    "/api/v1/people": {"get": _operation("people", "Everybody one by one, the overloaded first · 客服逐人状态", {200: _given("At most 4,096.", (JSON, _ref("Many")))})},
    "/api/v1/history": {"get": _operation(
        "history", "Main figures of the last hours by interval · 近几小时走势", {200: _given("Intervals.", (JSON, _ref("Many")))}, (404,),
        parameters=[
            _query("rollup", _text(examples=["total", "queue", "tenant,channel"]), "As in /api/v1/now under groups."),
            _query("step", {"type": "integer", "enum": [60, 300, 900, 1800, 3600]}, "Seconds of an interval."),
            _query("hours", _whole(minimum=1, maximum=24)), _query("ago", {"type": "integer", "enum": [0, 86_400, 604_800]}, "Seconds ago that it ends."),
        ],
    )},
    "/api/v1/screens/{name}": {"get": _operation(
        "screen", "A named screen of the layout file · 看板布局", {200: _given("The layout.", (JSON, _ref("Many")))}, (404,), parameters=[_path("name", "floor-1")]
    )},
    "/api/v1/policy": {
        "get": _operation("policy", "The policy in force · 当前策略", {200: _given("The policy.", (JSON, _ref("Policy")))}),
        "post": _operation(
            "adopt_policy", "Have another policy adopted · 采用新策略", {200: _given("It holds, and what it changes.", (JSON, _ref("Adopted")))}, (422, 429),
            body=_body(f"YAML of {FILE_BYTES_MAX:,} bytes at most. Taken whole or not at all; faults are told with their lines.", **{
                "text/yaml": {"schema": _text(), "example": "limits: {wait: {limit: 20s, channel: phone}}"}}),
        ),
    },
    "/api/v1/me": {"get": _operation("me", "Whose token it is, and what it may see · 令牌持有人", {200: _given("Who asks.", (JSON, _ref("Me")))})},
    "/api/v1/alerts": {"get": _operation(
        "alerts", "Alerts, the newest first · 告警列表", {200: _given("Alerts.", (JSON, _ref("Alerts")))}, (404,),
        parameters=[_query("limit", _whole(minimum=1, maximum=1_000)), _query("all", _text(), "Ended ones too.")],
    )},
    "/api/v1/alerts/{alert}": {"get": _operation(
        "story", "An alert's story: cause, decisions, messages, acts · 告警经过", {200: _given("The story.", (JSON, _ref("Many")))}, (404,),
        parameters=[_ALERT, _query("export", _text(), "As a file.")],
    )},
    "/api/v1/alerts/{alert}/{act}": {"post": _operation(
        "act", "Acknowledge, snooze, hand over or resolve · 确认、推迟、转交、解决", {**_ANSWER, **_OVER}, (404,),
        parameters=[_ALERT, {**_path("act", "acknowledge"), "schema": {"enum": ["acknowledge", "snooze", "hand_over", "resolve"]}}],
        body=_body("At most 4,096 bytes.", **{JSON: {"schema": _ref("Act"), "example": {"by": "li-na"}}}),
    )},
    "/api/v1/oncall": {"get": _operation("oncall", "Who is on call now · 当前值班", {200: _given("By schedule.", (JSON, _ref("Many")))}, (404,))},
    "/api/v1/oncall/{schedule}.ics": {"get": _operation(
        "oncall_calendar", "The next four weeks of a schedule as iCalendar · 值班日历", {200: _given("iCalendar.", (ICS, _text()))}, (404,), parameters=[_SCHEDULE]
    )},
    "/alerts/{alert}": {"get": _operation("story_page", "An alert's story as a page · 告警经过页", {**_PAGE, 404: _given("There is no such alert.", (HTML, _text()), (CONTENT_TYPE, _ref("Problem")))},
                                          parameters=[_ALERT])},
    "/a/{token}": {
        method: _operation(name, summary, {**_PAGE, **more, **_PAGES, 404: _given("There is no such alert.", (HTML, _text()), (CONTENT_TYPE, _ref("Problem")))},
                           parameters=[_path("token", "AbC")], is_open=True)
        for method, name, summary, more in (
            ("get", "link", "What a message's link shows: a page with one button · 链接页", {}),
            ("post", "link_tapped", "The button · 一键确认", {status: _given("A page.", (HTML, _text())) for status in (202, 409, 503)}),
        )
    },
    "/metrics": {"get": _operation(
        "metrics", "The same figures for Prometheus · Prometheus 指标",
        {200: _given("The exposition.", ("text/plain", _text()), ("application/openmetrics-text", _text()))},
    )},
    "/healthz": {"get": _operation("alive", "Is the process alive · 存活检查", {
        200: _given("It is.", (JSON, _object("alive", alive={"type": "boolean"})))}, is_open=True)},
    "/readyz": {"get": _operation("ready", "Has it replayed its journal · 就绪检查", {
        200: _given("It has.", (JSON, _object("ready", ready={"type": "boolean"})))}, is_open=True)},
    "/login": {"post": _operation(
        "login", "What the login page sends · 登录", {303: {"description": "To the wall, with a cookie."}, 401: _given("The page again.", (HTML, _text()))},
        body=_body("At most 4,096 bytes.", **{"application/x-www-form-urlencoded": {"schema": _object("token", token=_text())}}), is_open=True,
    )},
    "/": {"get": _operation("wall", "The wall · 看板", {**_PAGE, 401: _given("The login page.", (HTML, _text()))})},
    PATH: {"get": _operation("openapi", "This description · 本说明", {200: _given("OpenAPI 3.1.", (JSON, _ref("Many")))}, is_open=True)},
}  # fmt: skip
_SIGNED = (
    "`id=…,t=…,v1=…`: the key's id, seconds since 1970 with up to six decimals, and the HMAC-SHA-256 in hexadecimal, by the key, of t, a full stop and the body "
    f"as it is sent. t may be {WINDOW_S} s from the service's clock, and each signature opens once; after 429 or 503 it may be sent again as it was."
)


def document() -> dict[str, Any]:
    """The whole description."""
    by_status: dict[int, list[str]] = {}
    for reason, (status, title) in REASONS.items():
        by_status.setdefault(status, []).append(f"`{reason}`: {title}.")
    responses = {
        str(status): {
            **_given(" ".join(said), (CONTENT_TYPE, _ref("Problem"))),
            **(
                {"headers": {"Retry-After": {"schema": _whole("Seconds."), "description": "When to come again."}}}
                if status in (429, 503)
                else {}
            ),
        }
        for status, said in sorted(by_status.items())
    }
    for path in ("/healthz", "/readyz"):
        _PATHS[path]["get"]["responses"]["503"] = _given("It is not.", (CONTENT_TYPE, _ref("Problem")))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Floorwatch", "version": "1", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "The live monitor for customer-service centres. 客服中心实时监控。 Limits told here are those of the default settings.",
        },
        "security": [{"bearer": []}, {"cookie": []}, {"signature": []}],
        "paths": _PATHS,
        "webhooks": {"alertmanager": {"post": {
            "summary": "What --alertmanager is told at /api/v2/alerts: raised conditions, within a second · 发往 Alertmanager",
            "requestBody": {"content": {JSON: {"schema": _list(_MANY)}}}, "responses": {"200": {"description": "Taken."}},
        }}},
        "components": {
            "schemas": _SCHEMAS, "responses": responses,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token of floorwatch token create, or the service's own."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "floorwatch", "description": "Of a wall that logged in."},
                "signature": {"type": "apiKey", "in": "header", "name": "Floorwatch-Signature", "description": _SIGNED},
            },
        },
    }  # fmt: skip


def text() -> str:
    """What the file has."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


def openapi_routes() -> list[BaseRoute]:
    """The one route."""
    body = files("streams").joinpath("openapi.json").read_bytes()

    async def get_document(request: Request) -> Response:
        return Response(body, media_type=JSON)

    return [Route(PATH, get_document)]
