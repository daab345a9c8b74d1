"""E-mail, SMS and tickets: written once, answered after a while, often with something still to come.

Owns the working hours and the automatic reply outside them. Never chooses the person.
Law: a pending contact takes no slot; when its agent has gone home in the meantime it is handed on and waits
again.
"""

from streams.simulate.aftermath import Aftermath
from streams.simulate.contacts import ENDED, Contact
from streams.simulate.dice import Dice
from streams.simulate.handover import Handover
from streams.simulate.routing import Routing
from streams.simulate.timeline import Timeline
from streams.simulate.words import LETTER_TEXTS

__all__ = ["Letters"]

WORKING_HOURS = (9, 21)
COMPOSE_MS = {"email": 420_000, "sms": 110_000, "ticket": 600_000}
OUT_OF_HOURS_MISSED, IN_HOURS_NOTICE_SHARE = 0.01, 0.25
PENDING_SHARE, PENDING_MS, SECOND_REPLY_MS = 0.38, 1_500_000, 360_000
INVITED_SHARE, RESOLVED_SHARE = 0.5, 0.90


class Letters:
    """The script of a written contact."""

    def __init__(self, time: Timeline, dice: Dice, routing: Routing, handover: Handover, aftermath: Aftermath) -> None:
        self.time, self.dice, self.routing = time, dice, routing
        self.handover, self.aftermath = handover, aftermath

    def begin(self, now_ms: int, contact: Contact) -> None:
        """The letter has arrived."""
        self.time.push(now_ms + 1 + int(self.dice.random() * 20), self._read, contact)

    def served(self, now_ms: int, contact: Contact) -> None:
        """Somebody has taken it up and writes."""
        self.time.push(now_ms + self.dice.human(COMPOSE_MS[contact.channel]), self._reply, contact)
        self.aftermath.during(now_ms, contact)

    def _read(self, now_ms: int, contact: Contact) -> None:
        self.time.say(now_ms, contact, "message.customer", self.dice.pick(LETTER_TEXTS))
        working = WORKING_HOURS[0] <= self.time.hour(now_ms) < WORKING_HOURS[1]
        share = IN_HOURS_NOTICE_SHARE if working else 1 - OUT_OF_HOURS_MISSED
        if self.dice.random() < share:
            self.time.push(now_ms + self.dice.steady(600), self._notice, contact)
        else:
            self.time.push(now_ms + self.dice.steady(900), self.routing.offer, contact)

    def _notice(self, now_ms: int, contact: Contact) -> None:
        self.time.say(now_ms, contact, "message.agent", ',"automatic":true')
        self.time.push(now_ms + self.dice.steady(300), self.routing.offer, contact)

    def _reply(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._reply, contact)
        agent = contact.agent
        if agent is None or not agent.duty:
            return self.handover.transfer(now_ms, contact)
        self.time.say(now_ms, contact, "message.agent", f',"agent":"{agent.id}"')
        if contact.holding and self.dice.random() < PENDING_SHARE:
            return self.time.push(now_ms + self.dice.steady(2_000), self._suspend, contact)
        return self.time.push(now_ms + self.dice.human(6_000), self._finish, contact)

    def _suspend(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._suspend, contact)
        self.time.say(now_ms, contact, "contact.pending")
        self._let_go(now_ms, contact)
        return self.time.push(now_ms + self.dice.human(PENDING_MS), self._wake, contact)

    def _wake(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._wake, contact)
        self.time.say(now_ms, contact, "contact.unpending")
        return self.time.push(now_ms + 3, self._write_again, contact)

    def _write_again(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._write_again, contact)
        self.time.say(now_ms, contact, "message.customer", self.dice.pick(LETTER_TEXTS))
        return self.time.push(now_ms + self.dice.human(SECOND_REPLY_MS), self._reply, contact)

    def _finish(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._finish, contact)
        if not contact.invited and self.dice.random() < INVITED_SHARE:
            contact.invited = True
            self.time.say(now_ms, contact, "contact.invited")
            return self.time.push(now_ms + self.dice.steady(1_000), self._close, contact)
        return self._close(now_ms, contact)

    def _close(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._close, contact)
        resolved = self.dice.random() < RESOLVED_SHARE
        self.time.say(now_ms, contact, "contact.closed", ',"resolved":true' if resolved else ',"resolved":false')
        contact.stage = ENDED
        self._let_go(now_ms, contact)
        return self.aftermath.closed(now_ms, contact, resolved)

    def _let_go(self, now_ms: int, contact: Contact) -> None:
        if contact.holding and contact.agent is not None:
            contact.holding = False
            self.routing.release(now_ms, contact.agent)
