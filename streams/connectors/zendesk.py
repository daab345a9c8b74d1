"""Zendesk: ticket events by webhook, and ticket metric events of the incremental export.

Owns what each means. Webhooks name the change; metric events have the clocks only: `reply_time` begins with a customer's comment and ends with an
agent's public one, `requester_wait_time` stands still while the ticket is pending, `resolution_time` is the ticket's life.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.connectors.base import Connector, Headers
from streams.connectors.frames import Frame, Json
from streams.connectors.record import Event, LeftOut
from streams.connectors.said import Said, json_of

__all__ = ["Zendesk"]

_TYPE = "zen:event-type:"
_CHANNELS = {
    "voice": "phone",
    "web": "ticket",
    "web_service": "ticket",
    "api": "ticket",
    "native_messaging": "web",
    "chat": "web",
    "mail": "email",
}
_ENDED = ("SOLVED", "CLOSED")
#: Of a metric, what its clock's start and end mean; the second and later starts may mean another thing.
_METRICS = {
    ("reply_time", "activate"): "message.customer", ("reply_time", "fulfill"): "message.agent",
    ("requester_wait_time", "pause"): "contact.pending", ("resolution_time", "activate"): "contact.opened",
    ("resolution_time", "fulfill"): "contact.closed",
}  # fmt: skip
_CLOCKS = ("agent_work_time", "pausable_update_time", "periodic_update_time", "reply_time", "requester_wait_time", "resolution_time",
           "group_ownership_time")  # fmt: skip


class _Pages(Json):
    """A page of the export is one object with a list of events."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        for frame in super().feed(data):
            yield from _events(frame)

    def finish(self) -> Iterator[Frame]:
        for frame in super().finish():
            yield from _events(frame)


def _events(frame: Frame) -> list[Frame]:
    if frame.record is None or b'"ticket_metric_events"' not in frame.record:
        return [frame]
    try:
        found = Said.of(frame.record).parts("ticket_metric_events")
    except LeftOut:
        return [frame]
    return [Frame(frame.number, msgspec.json.encode(each.values)) for each in found] or [frame]


class Zendesk(Connector):
    name = "zendesk"
    system = "Zendesk: ticket webhooks, ticket metric events"
    gives = "tickets, replies, first human reply, pending times"
    own = ("groups",)
    scheme = "zendesk"
    framing = _Pages

    def read(self, record: bytes, headers: Headers) -> tuple[str, Said]:
        said = Said(json_of(record))
        if "ticket_id" in said and "metric" in said:
            return f"{said.needed('metric')}.{said.needed('type')}", said
        what = said.needed("type")
        if not what.startswith(_TYPE):
            raise LeftOut("unknown_kind")
        return what.removeprefix(_TYPE), said

    def events(self, what: str, said: Said, headers: Headers, now_us: int) -> list[Event]:
        if "metric" in said:
            return self._metric(what, said)
        if not what.startswith("ticket."):
            raise LeftOut("no_meaning")
        detail, about = said.part("detail"), self._about(said.part("detail"))
        at_us, number = said.instant("time"), said.needed("id")
        if what == "ticket.created":
            return [self._of(kind, at_us, number, about) for kind in ("contact.opened", "contact.queued")]
        if what == "ticket.comment_added":
            return self._comment(said.part("event").part("comment"), at_us, number, about)
        if what == "ticket.status_changed":
            return self._status(said.part("event"), at_us, number, about)
        if what == "ticket.agent_assignment_changed":
            return self._assigned(said.part("event"), detail, at_us, number, about)
        raise LeftOut("no_meaning")

    def _comment(self, comment: Said, at_us: int, number: str, about: dict[str, Any]) -> list[Event]:
        if comment.get("is_public") is False:
            raise LeftOut("private_note")
        author = comment.part("author")
        if not author.flag("is_staff"):
            return [self._of("message.customer", at_us, number, about, text=comment.text("body"))]
        agent = author.text("id") or author.text("name")
        if agent == "-1":  # What triggers and automations write.
            return [self._of("message.agent", at_us, number, about, automatic=True)]
        reply = self._of("message.agent", at_us, number, about, agent=agent)
        if not self.remembered("answered").earliest(about["contact"], at_us):
            return [reply]
        return [self._of("contact.answered", at_us, number, about, agent=agent), reply]

    def _status(self, event: Said, at_us: int, number: str, about: dict[str, Any]) -> list[Event]:
        before, after = event.text("previous").upper(), event.needed("current").upper()
        if after in _ENDED:
            if before in _ENDED:
                raise LeftOut("no_change")
            self.remembered("answered").pop(about["contact"], None)
            return [self._of("contact.closed", at_us, number, about, resolved=True)]
        waits = "PENDING", "HOLD"
        if before in _ENDED:
            again = [self._of(kind, at_us, number, about) for kind in ("contact.reopened", "contact.queued")]
            return [*again, self._of("contact.pending", at_us, number, about)] if after in waits else again
        if (before in waits) == (after in waits):
            raise LeftOut("no_change")
        return [self._of("contact.pending" if after in waits else "contact.unpending", at_us, number, about)]

    def _assigned(self, event: Said, detail: Said, at_us: int, number: str, about: dict[str, Any]) -> list[Event]:
        agent, answered = event.text("current"), self.remembered("answered")
        if not agent or not event.text("previous") or about["contact"] not in answered:
            raise LeftOut("no_meaning", "assigned, not answered yet")
        answered.pop(about["contact"])
        return [self._of("contact.transferred", at_us, number, about, agent=agent)]

    def _metric(self, what: str, said: Said) -> list[Event]:
        metric, kind = said.needed("metric"), said.needed("type")
        if metric not in _CLOCKS:
            raise LeftOut("unknown_kind")
        again = said.get("instance_id") not in (None, 0, 1)
        meaning = _METRICS.get((metric, kind))
        if (metric, kind) == ("resolution_time", "activate") and again:
            meaning = "contact.reopened"
        if (metric, kind) == ("requester_wait_time", "activate") and again:
            meaning = "contact.unpending"
        if meaning is None:
            raise LeftOut("no_meaning")
        about = {"contact": f"ticket-{said.needed('ticket_id')}", "channel": "ticket"}
        return [self._of(meaning, said.instant("time"), said.needed("id"), about)]

    def _about(self, detail: Said) -> dict[str, Any]:
        channel, group, customer = (
            detail.part("via").text("channel"),
            detail.text("group_id"),
            detail.text("requester_id"),
        )
        queue = self.own_values.get("groups", {}).get(group, group and f"group-{group}")
        return {
            "contact": f"ticket-{detail.needed('id')}", "queue": queue, "channel": _CHANNELS.get(channel, channel) or "ticket",
            "customer": customer and f"zendesk-{customer}",
        }  # fmt: skip

    def _of(self, kind: str, at_us: int, number: str, about: dict[str, Any], **more: Any) -> Event:
        return self.event(kind, at_us, f"{about['contact']}/{kind}/{number}", **about, **more)
