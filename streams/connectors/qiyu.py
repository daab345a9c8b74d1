"""NetEase Qiyu 七鱼: the message interface's pushes.

Owns what each push means. A message names the visitor and not the session, so sessions are remembered by visitor; what belongs to none that is
known is left out. A bot's session that hands over, and one that is transferred, goes on as the same contact in the visitor's next session. There are no pushes
of a queue: waits are not known. Messages of customers go through the shop's own program, which sends them to us itself.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from streams.connectors.base import URL, Connector, Headers
from streams.connectors.record import Event, LeftOut
from streams.connectors.said import Said

__all__ = ["Qiyu"]

_HANDED_OVER, _TRANSFERRED = "3", "5"


class Qiyu(Connector):
    name = "qiyu"
    system = "NetEase Qiyu 七鱼: message interface"
    gives = "sessions, agents' messages, transfers, invitations"
    scheme = "qiyu"
    answer = (200, b"")

    def read(self, record: bytes, headers: Headers) -> tuple[str, Said]:
        """The query says what it is and when; in a file, `eventType` and `time` beside the fields do."""
        said = Said.of(record)
        try:
            query = parse_qs(urlsplit(headers.get(URL, "")).query, max_num_fields=100)
        except ValueError:
            raise LeftOut("malformed", "the query") from None
        asked = {name: query[name][0] for name in ("eventType", "time") if name in query}
        said = Said({**said.values, **asked})
        return said.needed("eventType"), said

    def events(self, what: str, said: Said, headers: Headers, now_us: int) -> list[Event]:
        uid = said.needed("uid")
        if what == "MSG":
            return self._message(said, uid)
        if what == "SESSION_START":
            return self._started(said, uid)
        if what == "SESSION_END":
            return self._ended(said, uid)
        if what == "EVA_INVITATION":
            at_us = said.instant("time")
            contact = self._contact(uid, said.needed("sessionId"))
            return [self._of("contact.invited", at_us, contact, uid)]
        raise LeftOut("unknown_kind")

    def _message(self, said: Said, uid: str) -> list[Event]:
        known = self.remembered("sessions").get(uid)
        if known is None:
            raise LeftOut("no_session")
        at_us = said.instant("timeStamp", "time")
        if said.text("staffType") == "0":
            return [self._of("message.bot", at_us, known[1], uid, said.text("msgId"))]
        who = said.text("staffName", "staffId")
        return [self._of("message.agent", at_us, known[1], uid, said.text("msgId"), agent=who)]

    def _started(self, said: Said, uid: str) -> list[Event]:
        session, at_us = said.needed("sessionId"), said.instant("time")
        contact = self._contact(uid, session)
        self.remembered("sessions").note(uid, [session, contact, "open"])
        opened = [] if contact != session else [self._of("contact.opened", at_us, contact, uid)]
        if said.text("staffType") == "0":
            if not opened:
                raise LeftOut("no_change")
            return opened
        who = said.text("staffName", "staffId")
        return [*opened, self._of("contact.answered", at_us, contact, uid, agent=who)]

    def _ended(self, said: Said, uid: str) -> list[Event]:
        session, at_us, reason = said.needed("sessionId"), said.instant("time"), said.text("closeReason")
        contact = self._contact(uid, session)
        if reason in (_HANDED_OVER, _TRANSFERRED):
            known = self.remembered("sessions").get(uid)
            if known is None or known[0] == session:
                self.remembered("sessions").note(uid, [session, contact, "goes_on"])
            if reason == _HANDED_OVER:
                raise LeftOut("awaits_more", "a bot hands over")
            return [self._of("contact.transferred", at_us, contact, uid)]
        return [self._of("contact.closed", at_us, contact, uid)]

    def _contact(self, uid: str, session: str) -> str:
        """The contact that a session is of: its own, or that of the visitor's session before it, which goes on."""
        known = self.remembered("sessions").get(uid)
        if known and (known[0] == session or known[2] == "goes_on"):
            return str(known[1])
        return session

    def _of(self, kind: str, at_us: int, contact: str, uid: str, number: str = "", **more: Any) -> Event:
        key = f"{contact}/{kind}/{number or at_us}"
        return self.event(kind, at_us, key, contact=contact, channel="web", customer=f"qiyu-{uid}", **more)
