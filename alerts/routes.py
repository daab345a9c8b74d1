"""Alerts over HTTP: list, story, acts, on call, and the links by which a telephone acknowledges.

Owns the requests' limits and answers. Never decides: acts are handed to the stage, which answers. Law: looking changes nothing; what changes
something is done in the name of whoever asks, see `alerts.actors`, and is refused and recorded otherwise. A link is good once, and only with its
signature.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from alerts.actors import ANYBODY, Actor
from alerts.alert import Act, Alert
from alerts.calendars import calendar_of
from alerts.links import BadLink, Link, opened
from alerts.listing import LISTED_MAX, Listing, row_of
from alerts.pages import STYLE, asking_page, said_page, story_page
from alerts.schedule import on_call, spans
from alerts.stage import Stage
from alerts.store import StoreError
from engine.times import DAY_US, duration_us

__all__ = ["LINK_PATH", "alert_routes"]

LINK_PATH = "/a/"
BODY_BYTES_MAX = 4_096
ANSWER_S = 3.0
_NO_STORE = {"Cache-Control": "no-store"}
_UNKNOWN = "There is no such alert, or it is no longer kept."
_WHATS = ("acknowledge", "snooze", "hand_over", "resolve")


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an act."""

    by: str = ""
    """In whose name; left out, whoever asks."""
    until: str = ""
    """Of a snooze: for how long, such as `30m`."""
    to: str = ""


def alert_routes(stage: Stage, who: Callable[[Request], Actor] = lambda request: ANYBODY) -> list[BaseRoute]:
    """All paths of alerts; `who` says who asks. Those under `LINK_PATH` want no token: the link is one."""
    store = stage.store
    listing = Listing(store)

    async def listed(request: Request) -> Response:
        asked, actor = request.query_params, who(request)
        limit = asked.get("limit", "200")
        if not limit.isdecimal() or not 1 <= int(limit) <= LISTED_MAX:
            return _refused(400, f"limit must be a number from 1 to {LISTED_MAX}.")
        found = await listing.alerts(live_only=asked.get("all") is None, limit=int(limit))
        plan, told = stage.plan, {"leading": stage.is_leading, "now_us": stage.clock(), "acting_as": ""}
        rows = [row_of(alert, plan) for alert in found if actor.sees(plan, alert)]
        if actor.acts:
            people = [{"id": key, "name": person.name or key} for key, person in plan.people.items()]
            told |= {"acting_as": actor.person(plan), "people": people}
        if actor.tenants is None:
            told["plan"] = stage.plan_state
        return JSONResponse({**told, "alerts": rows}, headers=_NO_STORE)

    async def story_of(request: Request) -> tuple[dict[str, Any], Alert] | None:
        """The story, where there is one for whoever asks."""
        story = await asyncio.to_thread(store.story, request.path_params["alert"])
        if story is None:
            return None
        alert = msgspec.convert(story["alert"], Alert)
        return (story, alert) if who(request).sees(stage.plan, alert) else None

    async def shown(request: Request) -> Response:
        found = await story_of(request)
        if found is None:
            return _refused(404, _UNKNOWN)
        headers = dict(_NO_STORE)
        if "export" in request.query_params:
            headers["Content-Disposition"] = f'attachment; filename="alert-{found[1].id}.json"'
        return JSONResponse(found[0], headers=headers)

    async def page(request: Request) -> Response:
        found = await story_of(request)
        if found is None:
            return _page(404, "没有这个告警", "There is no such alert.")
        return HTMLResponse(story_page(*found, stage.plan.zone_of()), headers=_PAGE_HEADERS)

    async def acted(request: Request) -> Response:
        alert, what, actor = request.path_params["alert"], request.path_params["what"], who(request)
        if what not in _WHATS:
            return _refused(404, f"An alert can be told to {', '.join(_WHATS)}.")
        try:
            asked = msgspec.json.decode(await _body(request), type=_Asked)
            until_us = stage.clock() + duration_us(asked.until) if what == "snooze" else 0
        except (msgspec.DecodeError, ValueError) as error:
            return _refused(400, f"The body is not what it should be: {error}.")
        by = actor.acting_as(stage.plan, asked.by)
        if not actor.acts or not by:
            why = "nobody of that name" if actor.for_others else "in another's name"
            await asyncio.to_thread(stage.refuse, f"{actor.name}: {what} {alert}", why if actor.acts else "role")
            return _refused(403, "You may not do this in that name; leave `by` out to act in your own.")
        if actor.tenants is not None and await story_of(request) is None:
            await asyncio.to_thread(stage.refuse, f"{actor.name}: {what} {alert}", "scope")
            return _refused(404, _UNKNOWN)
        request.state.told = {"alert": alert[:32], "by": by, "did": what}
        act = Act(id=secrets.token_hex(8), alert=alert, what=what, by=by, until_us=until_us, to=asked.to, via="api")
        answer = await _done(stage, act)
        listing.forget()
        status = {"done": 200, "": 202}.get(answer, 409)
        return JSONResponse({"answer": answer or "it is waited for"}, status, headers=_NO_STORE)

    async def duty(request: Request) -> Response:
        name, plan, now_us = request.path_params.get("schedule"), stage.plan, stage.clock()
        if name is None:
            covers = {schedule: on_call(plan, schedule, now_us) for schedule in plan.schedules}
            return JSONResponse(
                {key: {"person": one.person, "why": one.why} for key, one in covers.items()}, headers=_NO_STORE
            )
        if name not in plan.schedules:
            return _refused(404, "There is no such schedule.")
        turns = [
            (start, end, cover.person)
            for start, end, cover in spans(plan, name, now_us, now_us + 28 * DAY_US)
            if cover.person
        ]
        return Response(calendar_of(name, turns), media_type="text/calendar", headers=_NO_STORE)

    async def link(request: Request) -> Response:
        token = request.path_params["token"]
        try:
            found = opened(token, stage.key, stage.clock())
        except BadLink as error:
            await asyncio.to_thread(stage.refuse, "link", str(error))
            chinese = "链接已过期" if str(error) == "expired" else "链接无效"
            return _page(403, chinese, f"This link is {error}.")
        story, plan = await asyncio.to_thread(store.story, found.alert), stage.plan
        if story is None or found.person not in plan.people:
            return _page(404, "没有这个告警", "There is no such alert.")
        alert = msgspec.convert(story["alert"], Alert)
        if request.method == "GET":
            return HTMLResponse(
                asking_page(alert, plan.people[found.person].name or found.person), headers=_PAGE_HEADERS
            )
        answer = await _tapped(request, stage, found)
        listing.forget()
        return answer

    async def style(request: Request) -> Response:
        return Response(STYLE, media_type="text/css")

    return [
        Route("/api/v1/alerts", listed),
        Route("/api/v1/alerts/{alert}", shown),
        Route("/api/v1/alerts/{alert}/{what}", acted, methods=["POST"]),
        Route("/api/v1/oncall", duty),
        Route("/api/v1/oncall/{schedule}.ics", duty),
        Route("/alerts/{alert}", page),
        Route(LINK_PATH + "style.css", style),
        Route(LINK_PATH + "{token}", link, methods=["GET", "POST"]),
    ]


async def _tapped(request: Request, stage: Stage, found: Link) -> Response:
    """The button behind a link."""
    try:
        is_new = await asyncio.to_thread(stage.store.use_link, found.message, stage.clock())
    except StoreError:
        return _page(503, "暂时无法保存，请再点一次", "This cannot be kept just now; tap again.")
    if not is_new:
        await asyncio.to_thread(stage.refuse, "link", "used")
        return _page(403, "链接已使用过", "This link has been used.")
    request.state.told = {"alert": found.alert[:32], "by": found.person, "did": "acknowledge"}
    act = Act(id=f"link-{found.message}", alert=found.alert, what="acknowledge", by=found.person, via="link")
    answer = await _done(stage, act)
    if answer == "done":
        return _page(200, "已确认", "Acknowledged.")
    if not answer:
        return _page(202, "已收到，稍后生效", "Taken; it will hold in a moment.")
    return _page(409, "告警已结束", "The alert is over.")


async def _done(stage: Stage, act: Act) -> str:
    """What became of an act, "" when it takes longer than people wait."""
    await asyncio.to_thread(stage.act, act)
    for _ in range(int(ANSWER_S / 0.05)):
        if answer := await asyncio.to_thread(stage.store.answer, act.id):
            return answer
        await asyncio.sleep(0.05)
    return ""


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                raise ValueError(f"it is larger than {BODY_BYTES_MAX:,} bytes")
    except ClientDisconnect:
        raise ValueError("it ended too early") from None
    return body


_PAGE_HEADERS = {**_NO_STORE, "Referrer-Policy": "no-referrer"}


def _page(status: int, chinese: str, english: str) -> Response:
    return HTMLResponse(said_page(chinese, english), status, headers=_PAGE_HEADERS)


def _refused(status: int, error: str, headers: Mapping[str, str] = _NO_STORE) -> Response:
    return JSONResponse({"error": error}, status, headers=dict(headers))
