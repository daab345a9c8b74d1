"""Chatwoot's webhooks: conversations and their messages, of old and new versions, signed or not.

Owns what each webhook means. Subscribe to `conversation_created`, `conversation_status_changed`, `conversation_updated`, `message_created`
and `message_updated`. A conversation is answered by the first reply of a person; with `answered: assignment`, when it is assigned.

Law: webhooks come twice and in any order, so instants are the payload's own and ids are of the message or of the change.
"""

from __future__ import annotations

from typing import Any

from streams.connectors.base import Connector, Headers
from streams.connectors.record import Event, LeftOut
from streams.connectors.said import Said

__all__ = ["Chatwoot"]

_CHANNELS = {
    "Channel::WebWidget": "web", "Channel::Email": "email", "Channel::Api": "app", "Channel::TwilioSms": "sms", "Channel::Sms": "sms",
    "Channel::FacebookPage": "facebook",
}  # fmt: skip
_OPENED, _RESOLVED, _PENDING, _SNOOZED = "open", "resolved", "pending", "snoozed"
#: Old versions say by the event's name what new ones say by the status.
_NAMED = {"conversation_resolved": _RESOLVED, "conversation_opened": _OPENED}
_OF_STATUS = ("conversation_status_changed", *_NAMED)


class Chatwoot(Connector):
    name = "chatwoot"
    system = "Chatwoot: webhooks"
    gives = "conversations, replies, first human reply, ratings"
    own = ("answered", "inboxes")
    scheme = "chatwoot"

    def read(self, record: bytes, headers: Headers) -> tuple[str, Said]:
        said = Said.of(record)
        return said.needed("event"), said

    def events(self, what: str, said: Said, headers: Headers, now_us: int) -> list[Event]:
        if what == "message_created":
            return self._message(said)
        if what == "message_updated":
            return self._rating(said)
        if what == "conversation_created":
            return self._created(said)
        if what in _OF_STATUS:
            return self._status(said, _NAMED.get(what) or said.needed("status"))
        if what == "conversation_updated":
            return self._updated(said)
        known = ("contact_", "inbox_", "webwidget_", "conversation_typing_")
        raise LeftOut("no_meaning" if what.startswith(known) else "unknown_kind")

    def _message(self, said: Said) -> list[Event]:
        if said.flag("private"):
            raise LeftOut("private_note")
        # Text at the top level, a number where the message is nested.
        kind = {"0": "incoming", "1": "outgoing", "2": "activity", "3": "template"}.get(
            said.text("message_type"), said.text("message_type")
        )
        at_us, number = said.instant("created_at"), said.needed("id")
        about = self._about(said.part("conversation"), said)
        if kind == "incoming":
            return [self._of("message.customer", at_us, number, about, text=said.text("content"))]
        if kind == "template":
            is_survey = said.text("content_type") == "input_csat"
            invited = [self._of("contact.invited", at_us, number, about)] if is_survey else []
            return invited or [self._of("message.agent", at_us, number, about, automatic=True)]
        if kind == "outgoing":
            return self._outgoing(said, at_us, number, about)
        raise LeftOut("activity" if kind == "activity" else "malformed")

    def _outgoing(self, said: Said, at_us: int, number: str, about: dict[str, Any]) -> list[Event]:
        by_rule = "automation_rule_id" in said.part("content_attributes")
        if by_rule or "campaign_id" in said.part("additional_attributes"):
            return [self._of("message.agent", at_us, number, about, automatic=True)]
        sender = said.part("sender")
        if sender.text("type") not in ("user", "User", ""):
            return [self._of("message.bot", at_us, number, about)]
        if not sender.values:
            return [self._of("message.bot", at_us, number, about)]
        agent = _person(sender)
        reply = self._of("message.agent", at_us, number, about, agent=agent)
        if not self.remembered("answered").earliest(about["contact"], at_us):
            return [reply]
        return [self._of("contact.answered", at_us, number, about, agent=agent), reply]

    def _rating(self, said: Said) -> list[Event]:
        rating = said.part("content_attributes").part("submitted_values").part("csat_survey_response").get("rating")
        if said.text("content_type") != "input_csat" or rating is None:
            raise LeftOut("no_change")
        if type(rating) is not int or not 1 <= rating <= 5:
            raise LeftOut("malformed", "a rating beyond 1 to 5")
        conversation = said.part("conversation")
        at_us = (
            said.instant("updated_at")
            if said.has_time("updated_at")
            else conversation.instant("last_activity_at", "timestamp")
        )
        return [self._of("contact.rated", at_us, said.needed("id"), self._about(conversation, said), csat=rating)]

    def _created(self, said: Said) -> list[Event]:
        at_us, about = said.instant("created_at", "timestamp"), self._about(said, said)
        opened = [self._of("contact.opened", at_us, "", about)]
        if said.text("status") != _OPENED:
            return opened
        return [*opened, self._of("contact.queued", at_us, "", about)]

    def _status(self, said: Said, status: str) -> list[Event]:
        about = self._about(said, said)
        at_us = said.instant("updated_at", "timestamp", "last_activity_at")
        changed = _changes(said).get("status")
        known = self.remembered("status").get(about["contact"])
        if known and known[0] == status and known[1] <= at_us:
            raise LeftOut("no_change")
        before = changed.text("previous_value") if changed else known[0] if known and known[1] < at_us else ""
        if not known or known[1] < at_us:
            self.remembered("status").note(about["contact"], [status, at_us])
        if status == _RESOLVED:
            self.remembered("answered").pop(about["contact"], None)
            return [self._of("contact.closed", at_us, "", about, resolved=True)]
        if status == _SNOOZED:
            return [self._of("contact.pending", at_us, "", about)]
        if status == _PENDING and before != _RESOLVED:
            raise LeftOut("no_meaning", "with a bot")
        if status not in (_OPENED, _PENDING):
            raise LeftOut("unknown_kind", "a status")
        reopened = [self._of("contact.reopened", at_us, "", about)] if before == _RESOLVED else []
        if status == _PENDING:
            return reopened
        if before == _SNOOZED:
            return [self._of("contact.unpending", at_us, "", about)]
        return [*reopened, self._of("contact.queued", at_us, "", about)]

    def _updated(self, said: Said) -> list[Event]:
        changes = _changes(said)
        if "status" in changes:
            return self._status(said, changes["status"].needed("current_value"))
        if "assignee_id" not in changes or "current_value" not in changes["assignee_id"]:
            raise LeftOut("no_meaning")
        about, at_us = self._about(said, said), said.instant("updated_at", "timestamp")
        agent, answered = _person(said.part("meta").part("assignee")), self.remembered("answered")
        if about["contact"] in answered and "previous_value" in changes["assignee_id"]:
            answered.pop(about["contact"])
            return [self._of("contact.transferred", at_us, "", about, agent=agent)]
        if self.own_values.get("answered") == "assignment" and answered.earliest(about["contact"], at_us):
            return [self._of("contact.answered", at_us, "", about, agent=agent)]
        raise LeftOut("no_meaning", "assigned, not answered yet")

    def _about(self, conversation: Said, outer: Said) -> dict[str, Any]:
        """Contact and dimensions. A conversation's number is its account's, so the inbox, which is the installation's, goes before it."""
        inbox = conversation.text("inbox_id") or outer.part("inbox").needed("id")
        queue = self.own_values.get("inboxes", {}).get(inbox, f"inbox-{inbox}")
        meta, channel = conversation.part("meta"), conversation.text("channel")
        customer = meta.part("sender").text("id")
        return {
            "contact": f"{inbox}-{conversation.needed('id')}",
            "queue": meta.part("team").text("name") or queue,
            "channel": _CHANNELS.get(channel, channel.rpartition("::")[2].lower()),
            "customer": customer and f"chatwoot-{customer}",
        }

    def _of(self, kind: str, at_us: int, number: str, about: dict[str, Any], **more: Any) -> Event:
        return self.event(kind, at_us, f"{about['contact']}/{kind}/{number or at_us}", **about, **more)


def _person(said: Said) -> str:
    return said.text("name", "available_name", "id")


def _changes(said: Said) -> dict[str, Said]:
    """What changed, by attribute."""
    return {
        name: each.part(name)
        for each in said.parts("changed_attributes")
        for name in each.values
        if isinstance(name, str)
    }
