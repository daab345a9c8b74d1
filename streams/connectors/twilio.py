"""Twilio TaskRouter: callbacks as form posts, and the same events as CloudEvents of Event Streams.

Owns what each event means; a task is a contact, a reservation that a worker accepts is its answer. Both ways name an event by its `Sid`, so one
that comes by both is one. The conversation ends with `task.wrapup`, or, where nobody wraps up, with `task.completed`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from streams.connectors.base import Connector, Headers
from streams.connectors.members import state_named
from streams.connectors.record import Event, LeftOut, digest
from streams.connectors.said import Said

__all__ = ["Twilio"]

_CHANNELS = {"voice": "phone", "chat": "web", "default": "", "email": "email", "sms": "sms"}
_STATES = {
    "available": "available",
    "idle": "available",
    "reserved": "busy",
    "busy": "busy",
    "offline": "offline",
    "unavailable": "break",
}
_KNOWN = ("activity.", "reservation.", "task.", "task-channel.", "task-queue.", "worker.", "workflow.", "workspace.")
_FIELDS_MAX = 1_000


class Twilio(Connector):
    name = "twilio"
    system = "Twilio TaskRouter, Flex: callbacks, Event Streams"
    gives = "waits, answers, abandonments, transfers, workers' states"
    scheme = "twilio"
    answer = (204, b"")

    def read(self, record: bytes, headers: Headers) -> tuple[str, Said]:
        """A form, an envelope of CloudEvents, or a form's fields as an object."""
        if record.lstrip()[:1] not in b"{[":
            try:
                fields: Any = dict(parse_qsl(record.decode("utf-8", "replace"), max_num_fields=_FIELDS_MAX))
            except ValueError:
                raise LeftOut("malformed", "no form") from None
            said = Said(fields, folded=True)
        else:
            said = Said.of(record, folded=True)
            if "specversion" in said:
                said = said.part("data").part("payload")
        return said.needed("eventType").lower(), said

    def events(self, what: str, said: Said, headers: Headers, now_us: int) -> list[Event]:
        if what == "worker.activity.update":
            return self._worker(said)
        if what in _MEANINGS or what in ("task.wrapup", "task.completed", "task.canceled"):
            return self._task(what, said)
        raise LeftOut("no_meaning" if what.startswith(_KNOWN) else "unknown_kind")

    def _task(self, what: str, said: Said) -> list[Event]:
        contact, at_us = said.needed("taskSid"), said.instant("timestampMs", "timestamp")
        channel = said.text("taskChannelUniqueName").lower()
        about = {"contact": contact, "queue": said.text("taskQueueName"), "channel": _CHANNELS.get(channel, channel)}
        kind, more = self._meaning(what, said, contact, at_us)
        key = said.text("sid") or digest(what, contact, str(at_us))
        return [self.event(kind, at_us, key, **about, **more)]

    def _meaning(self, what: str, said: Said, contact: str, at_us: int) -> tuple[str, dict[str, Any]]:
        answered = self.remembered("answered")
        if what == "reservation.accepted":
            answered.earliest(contact, at_us)
            return "contact.answered", {"agent": _who(said)}
        if what in ("task.wrapup", "task.completed"):
            if not self.remembered("closed").earliest(contact, at_us):
                raise LeftOut("told_already")
            return "contact.closed", {}
        if what == "task.canceled":
            # A customer who hangs up while the agent wraps up cancels the task too.
            is_answered = contact in answered
            return ("contact.closed" if is_answered else "contact.abandoned"), {}
        return _MEANINGS[what], {}

    def _worker(self, said: Said) -> list[Event]:
        name, at_us = said.needed("workerActivityName"), said.instant("timestampMs", "timestamp")
        state = self.options.states.get(name) or _STATES.get(name.casefold()) or state_named(name)
        key = said.text("sid") or digest("worker", _who(said), str(at_us))
        return [self.event("agent.state", at_us, key, agent=_who(said), state=state)]


_MEANINGS = {
    "task.created": "contact.opened", "task-queue.entered": "contact.queued", "task-queue.moved": "contact.queued",
    "reservation.accepted": "contact.answered", "task.transfer-initiated": "contact.transferred",
}  # fmt: skip


def _who(said: Said) -> str:
    return said.needed("workerName", "workerSid")
