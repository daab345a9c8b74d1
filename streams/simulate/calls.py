"""Telephone calls: the menu, the wait, the talk with its holds, and the work after it.

Owns how long people talk. Never chooses the person.
Law: an agent talks to one caller at a time and is in wrap-up after every call.
"""

from streams.simulate.aftermath import Aftermath
from streams.simulate.contacts import ENDED, Contact
from streams.simulate.dice import Dice
from streams.simulate.handover import Handover
from streams.simulate.routing import Routing
from streams.simulate.timeline import Timeline

__all__ = ["Calls"]

MENU_MS, TALK_MS, HOLD_MS, WRAPUP_MS = 9_000, 165_000, 38_000, 32_000
HELD_SHARE, TRANSFER_SHARE, INVITED_SHARE, RESOLVED_SHARE = 0.22, 0.06, 0.88, 0.89
CALL_BACK_RETRY_MS, CALL_BACK_TRIES = 60_000, 10


class Calls:
    """The script of a call.

    `turns` counts the pieces of talk that are left; `burst` is their length in ms.
    """

    def __init__(self, time: Timeline, dice: Dice, routing: Routing, handover: Handover, aftermath: Aftermath) -> None:
        self.time, self.dice, self.routing = time, dice, routing
        self.handover, self.aftermath = handover, aftermath

    def begin(self, now_ms: int, contact: Contact) -> None:
        """The caller is in the menu."""
        self.time.push(now_ms + self.dice.steady(MENU_MS), self.routing.offer, contact)

    def served(self, now_ms: int, contact: Contact) -> None:
        """Somebody took the call."""
        dice = self.dice
        held = dice.random() < HELD_SHARE
        contact.turns = 2 if held else 1
        contact.burst = dice.human(TALK_MS) // contact.turns + 2_000
        contact.transfer_turn = contact.turns if dice.random() < TRANSFER_SHARE else -1
        self.time.push(now_ms + contact.burst, self._pause, contact)
        self.aftermath.during(now_ms, contact)

    def call_back(self, now_ms: int, contact: Contact) -> None:
        """A promised call to somebody who left the queue.

        Opened and answered in one, or tried again a minute later.
        """
        agent = self.routing.find(contact.queue)
        if agent is not None:
            self.time.say(now_ms, contact, "contact.opened", contact.dimensions())
            contact.waiting_since_ms = now_ms
            self.routing.hand_to(now_ms, agent, contact)
        elif contact.turns < CALL_BACK_TRIES:
            contact.turns += 1
            self.time.push(now_ms + CALL_BACK_RETRY_MS, self.call_back, contact)

    def _pause(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._pause, contact)
        if contact.transfer_turn == contact.turns:
            return self.handover.transfer(now_ms, contact, self.dice.human(WRAPUP_MS // 2))
        contact.turns -= 1
        if contact.turns == 0:
            return self._finish(now_ms, contact)
        self.time.say(now_ms, contact, "contact.held")
        return self.time.push(now_ms + self.dice.human(HOLD_MS), self._resume, contact)

    def _resume(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._resume, contact)
        self.time.say(now_ms, contact, "contact.resumed")
        return self.time.push(now_ms + contact.burst, self._pause, contact)

    def _finish(self, now_ms: int, contact: Contact) -> None:
        if not contact.invited and self.dice.random() < INVITED_SHARE:
            contact.invited = True
            self.time.say(now_ms, contact, "contact.invited")
            self.time.push(now_ms + self.dice.human(2_000), self._close, contact)
        else:
            self._close(now_ms, contact)

    def _close(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._close, contact)
        resolved = self.dice.random() < RESOLVED_SHARE
        self.time.say(now_ms, contact, "contact.closed", ',"resolved":true' if resolved else ',"resolved":false')
        contact.stage = ENDED
        agent, contact.holding = contact.agent, False
        if agent is not None:
            self.routing.release(now_ms, agent, self.dice.human(WRAPUP_MS))
        return self.aftermath.closed(now_ms, contact, resolved)
