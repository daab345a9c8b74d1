"""Alertmanager's webhook: alerts of other systems come in as cases of kind `outage`, and end as they end.

Owns `POST /api/v1/alertmanager` and what an alert becomes. Never stores anything itself: the events go the way of all others, through
the gateway, with ids that stay the same however often Alertmanager tells of them.

Law: our own alerts make no case, or a late answer would make a case that makes an alert.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from streams.gateway import Gateway

__all__ = ["ALERTS_MAX", "PATH", "events_of", "outage_routes"]

PATH = "/api/v1/alertmanager"
SOURCE = "alertmanager"
BODY_BYTES_MAX = 1 << 20
ALERTS_MAX = 1_000
_DIMENSIONS = ("tenant", "queue", "channel", "region", "category", "tier", "partner")
_DIGITS = 16
OLDEST_MS = 600_000


class BadAlerts(ValueError):
    """The body is no notification of Alertmanager; the message says why."""


def events_of(body: bytes, now_ms: int) -> list[dict[str, Any]]:
    """The events of a notification, those of our own alerts left out. Raises BadAlerts.

    An alert that began long ago counts as begun `OLDEST_MS` ago: what is older is too late for any figure.
    """
    try:
        told = msgspec.json.decode(body)
        alerts = told["alerts"]
        if not isinstance(alerts, list):
            raise TypeError
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, KeyError):
        raise BadAlerts("The body is no notification of Alertmanager: it must have a list of alerts.") from None
    if len(alerts) > ALERTS_MAX:
        raise BadAlerts(f"There are {len(alerts)} alerts; set max_alerts to {ALERTS_MAX} at most.")
    return [event for alert in alerts for event in _events(alert, now_ms - OLDEST_MS)]


def _events(alert: Any, oldest_ms: int) -> Iterator[dict[str, Any]]:
    try:
        labels, starts = alert["labels"], alert["startsAt"]
        if labels.get("origin") == "floorwatch":
            return
        told = "\0".join((*(f"{name}\1{labels[name]}" for name in sorted(labels)), starts))
        key = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:_DIGITS]
        case = {
            "case": f"outage-{key}", "kind": "outage", "priority": "high" if labels.get("severity") == "critical" else "",
            "department": str(labels.get("department") or labels.get("team") or "technical"),
            **{name: str(labels[name]) for name in _DIMENSIONS if labels.get(name)},
        }  # fmt: skip
        case = {name: value for name, value in case.items() if value}
        yield {"type": "case.opened", "id": f"{key}-opened", "time": max(_milliseconds(starts), oldest_ms), **case}
        if alert.get("status") == "resolved":
            yield {
                "type": "case.resolved",
                "id": f"{key}-resolved",
                "time": max(_milliseconds(alert["endsAt"]), oldest_ms + 1),
                "case": case["case"],
            }
    except (TypeError, KeyError, AttributeError, ValueError):
        raise BadAlerts("An alert lacks its labels, or startsAt and endsAt as RFC 3339.") from None


def _milliseconds(instant: str) -> int:
    moment = datetime.fromisoformat(instant)
    if moment.tzinfo is None:
        raise ValueError(instant)
    return int(moment.timestamp() * 1000)


def outage_routes(gateway: Gateway) -> list[BaseRoute]:
    """The one route; it answers as the intake does, 200 when the events are on disk."""

    async def post_alerts(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                return _refused(413, f"A notification may have {BODY_BYTES_MAX} bytes; nothing was stored.")
        try:
            events = events_of(body, time.time_ns() // 1_000_000)
        except BadAlerts as error:
            return _refused(400, f"{error} Nothing was stored.")
        if not events:
            return JSONResponse({"accepted": 0, "rejected": [], "rejected_count": 0})
        return await gateway.take(b"\n".join(map(msgspec.json.encode, events)), SOURCE)

    return [Route(PATH, post_alerts, methods=["POST"])]


def _refused(status: int, error: str) -> Response:
    return JSONResponse({"error": error}, status, headers={"Cache-Control": "no-store"})
