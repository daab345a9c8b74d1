"""Zammad's webhooks: the ticket as it is, and the article that had the trigger fire.

Owns how changes are found, for the payload names none: the ticket's state, owner and group are compared with what was known of it. Have the
webhook sent by a trigger without conditions beyond «is created» and «is updated». The instants are the ticket's and the article's own.
"""

from __future__ import annotations

from typing import Any

from streams.connectors.base import Connector, Headers
from streams.connectors.record import Event, LeftOut
from streams.connectors.said import Said

__all__ = ["Zammad"]

_ENDED = ("closed", "merged", "removed")
_TYPES = {"phone": "phone", "email": "email", "sms": "sms", "chat": "web", "web": "ticket", "note": "ticket"}
_NOBODY = ("", "-")


class Zammad(Connector):
    name = "zammad"
    system = "Zammad: trigger webhooks"
    gives = "tickets, replies, first human reply, pending times"
    scheme = "zammad"

    def read(self, record: bytes, headers: Headers) -> tuple[str, Said]:
        said = Said.of(record)
        if not said.part("ticket").values:
            raise LeftOut("missing_field", "ticket")
        return "ticket", said

    def events(self, what: str, said: Said, headers: Headers, now_us: int) -> list[Event]:
        ticket, article = said.part("ticket"), said.part("article")
        about = self._about(ticket)
        events = [
            *self._arrived(ticket, about), *self._article(ticket, article, about), *self._taken(ticket, about),
            *self._state(ticket, about),
        ]  # fmt: skip
        if not events:
            raise LeftOut("private_note" if article.flag("internal") else "no_change")
        return events

    def _arrived(self, ticket: Said, about: dict[str, Any]) -> list[Event]:
        at_us, tickets = ticket.instant("created_at"), self.remembered("arrived")
        if about["contact"] in tickets:
            return []
        tickets.note(about["contact"], at_us)
        return [self._of(kind, at_us, "", about) for kind in ("contact.opened", "contact.queued")]

    def _article(self, ticket: Said, article: Said, about: dict[str, Any]) -> list[Event]:
        number = article.text("id")
        if not number or article.flag("internal"):
            return []
        at_us, sender = article.instant("created_at"), _name(article, "sender")
        if not self.remembered("articles").earliest(f"{about['contact']}/{number}", at_us):
            return []
        if sender == "Customer":
            return [self._of("message.customer", at_us, number, about, text=article.text("body"))]
        if sender == "System":
            return [self._of("message.agent", at_us, number, about, automatic=True)]
        if sender != "Agent":
            return []
        agent = _name(article, "created_by")
        reply = self._of("message.agent", at_us, number, about, agent=agent)
        if not self.remembered("answered").earliest(about["contact"], at_us):
            return [reply]
        return [self._of("contact.answered", at_us, "", about, agent=agent), reply]

    def _taken(self, ticket: Said, about: dict[str, Any]) -> list[Event]:
        owner, at_us = _name(ticket, "owner"), ticket.instant("updated_at", "created_at")
        known = self.remembered("owners").get(about["contact"], ["", 0])
        if owner in _NOBODY or owner == known[0] or at_us < known[1]:
            return []
        self.remembered("owners").note(about["contact"], [owner, at_us])
        answered = self.remembered("answered")
        if about["contact"] not in answered:
            answered.note(about["contact"], at_us)
            return [self._of("contact.answered", at_us, "", about, agent=owner)]
        return [self._of("contact.transferred", at_us, "", about, agent=owner)] if known[0] else []

    def _state(self, ticket: Said, about: dict[str, Any]) -> list[Event]:
        state, at_us = _name(ticket, "state"), ticket.instant("updated_at", "created_at")
        known = self.remembered("states").get(about["contact"], ["", 0])
        if state == known[0] or at_us < known[1]:
            return []
        self.remembered("states").note(about["contact"], [state, at_us])
        before, after = _sort(known[0]), _sort(state)
        if before == after:
            return []
        events = []
        if before == "ended":
            self.remembered("answered").pop(about["contact"], None)
            events = [self._of("contact.reopened", at_us, "", about), self._of("contact.queued", at_us, "", about)]
        elif before == "pending" and after == "open":
            return [self._of("contact.unpending", at_us, "", about)]
        if after == "ended":
            ended_us = ticket.instant("close_at") if ticket.has_time("close_at") else at_us
            return [self._of("contact.closed", max(ended_us, ticket.instant("created_at")), "", about)]
        return [*events, self._of("contact.pending", at_us, "", about)] if after == "pending" else events

    def _about(self, ticket: Said) -> dict[str, Any]:
        customer = ticket.part("customer").text("id") or ticket.text("customer_id")
        kind = _name(ticket, "create_article_type")
        return {
            "contact": f"ticket-{ticket.needed('id')}", "queue": _name(ticket, "group"), "channel": _TYPES.get(kind, "ticket"),
            "customer": customer and f"zammad-{customer}",
        }  # fmt: skip

    def _of(self, kind: str, at_us: int, number: str, about: dict[str, Any], **more: Any) -> Event:
        return self.event(kind, at_us, f"{about['contact']}/{kind}/{number or at_us}", **about, **more)


def _name(said: Said, field: str) -> str:
    """What a field names, which is a text or an object with one."""
    return said.part(field).text("name", "login", "email", "id") or said.text(field)


def _sort(state: str) -> str:
    told = state.casefold()
    if told in _ENDED:
        return "ended"
    return "pending" if told.startswith("pending") else "open"
