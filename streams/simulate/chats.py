"""Conversations by app, WeChat and web: the bot first, then turns between the customer and a person.

Owns what is said in a chat and how long each side takes. Never chooses the person.
Law: one step of a chat is on the agenda at a time, and every chat that a person answered ends closed or
handed on.
"""

from streams.simulate.aftermath import Aftermath
from streams.simulate.centre import Centre
from streams.simulate.contacts import ENDED, SERVED, Contact
from streams.simulate.demand import LOAD_DELAY
from streams.simulate.dice import Dice, weighted
from streams.simulate.handover import Handover
from streams.simulate.routing import Routing
from streams.simulate.timeline import Timeline
from streams.simulate.words import CHAT_TEXTS

__all__ = ["Chats"]

THINK_MS, REPLY_MS, GAP_MS = 26_000.0, 15_000.0, 4_500.0
TURNS = weighted(range(2, 13), (6, 10, 13, 14, 13, 11, 9, 7, 5, 4, 3), 256)
CUSTOMER_MESSAGES = weighted((1, 2, 3), (0.55, 0.3, 0.15), 100)
AGENT_MESSAGES = weighted((1, 2, 3), (0.62, 0.28, 0.1), 100)
BOT_TURNS = weighted((1, 2, 3, 4), (0.35, 0.35, 0.2, 0.1), 100)
GREETING_SHARE, SILENT_SHARE, TRANSFER_SHARE, INVITED_SHARE = 0.6, 0.05, 0.07, 0.84
RESOLVED_SHARE, RESOLVED_BY_BOT_SHARE, WRAPUP_SHARE = 0.91, 0.95, 0.35
SILENT_CLOSE_MS = 110_000


class Chats:
    """The script of a chat."""

    def __init__(
        self,
        centre: Centre,
        time: Timeline,
        dice: Dice,
        routing: Routing,
        handover: Handover,
        aftermath: Aftermath,
    ) -> None:
        self.time, self.dice, self.routing = time, dice, routing
        self.handover, self.aftermath = handover, aftermath
        self.bot_share = centre.bot_share
        self.think_ms, self.reply_ms = THINK_MS / centre.pace, REPLY_MS / centre.pace
        self.gap_ms = GAP_MS / centre.pace

    def begin(self, now_ms: int, contact: Contact) -> None:
        """The customer is about to write his first words; KA and VIP do not meet the bot."""
        contact.bot_turns = 0 if contact.rank < 2 else self.dice.pick(BOT_TURNS)
        contact.contained = contact.bot_turns > 0 and self.dice.random() < self.bot_share / 0.89
        self.time.push(now_ms + self.dice.human(1_500), self._ask, contact)

    def served(self, now_ms: int, contact: Contact) -> None:
        """A person has answered: a canned greeting, then his own words."""
        dice = self.dice
        contact.turns = dice.pick(TURNS)
        contact.transfer_turn = int(dice.random() * contact.turns) if dice.random() < TRANSFER_SHARE else -1
        contact.burst = dice.pick(AGENT_MESSAGES)
        if dice.random() < GREETING_SHARE:
            self.time.push(now_ms + 120, self._greet, contact)
        self.time.push(now_ms + 400 + self._reply_delay(contact), self._reply, contact)
        self.aftermath.during(now_ms, contact)

    def _ask(self, now_ms: int, contact: Contact) -> None:
        self.time.say(now_ms, contact, "message.customer", self.dice.pick(CHAT_TEXTS))
        if contact.bot_turns:
            self.time.push(now_ms + self.dice.steady(500), self._bot, contact)
        else:
            self.time.push(now_ms + self.dice.steady(400), self.routing.offer, contact)

    def _bot(self, now_ms: int, contact: Contact) -> None:
        self.time.say(now_ms, contact, "message.bot")
        contact.bot_turns -= 1
        if contact.bot_turns:
            self.time.push(now_ms + self.dice.human(9_000), self._ask, contact)
        elif contact.contained:
            self.time.push(now_ms + self.dice.human(12_000), self._close_by_bot, contact)
        else:
            self.time.push(now_ms + self.dice.human(2_500), self.routing.offer, contact)

    def _close_by_bot(self, now_ms: int, contact: Contact) -> None:
        contact.stage = ENDED
        resolved = "true" if self.dice.random() < RESOLVED_BY_BOT_SHARE else "false"
        self.time.say(now_ms, contact, "contact.closed", f',"resolved":{resolved}')

    def _greet(self, now_ms: int, contact: Contact) -> None:
        agent = contact.agent
        if contact.stage == SERVED and agent is not None and now_ms > contact.last_ms:
            self.time.say(now_ms, contact, "message.agent", f',"agent":"{agent.id}","automatic":true')

    def _reply(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._reply, contact)
        agent = contact.agent
        self.time.say(now_ms, contact, "message.agent", f',"agent":"{agent.id}"')  # type: ignore[union-attr]
        contact.burst -= 1
        dice = self.dice
        if contact.burst:
            return self.time.push(now_ms + dice.human(self.gap_ms), self._reply, contact)
        contact.turns -= 1
        if contact.turns == contact.transfer_turn:
            return self.time.push(now_ms + dice.human(3_000), self.handover.transfer, contact)
        if contact.turns <= 0:
            return self.time.push(now_ms + dice.human(4_000), self._finish, contact)
        if dice.random() < SILENT_SHARE:
            return self.time.push(now_ms + dice.steady(SILENT_CLOSE_MS), self._finish, contact)
        contact.burst = dice.pick(CUSTOMER_MESSAGES)
        return self.time.push(now_ms + dice.human(self.think_ms), self._write, contact)

    def _write(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._write, contact)
        self.time.say(now_ms, contact, "message.customer", self.dice.pick(CHAT_TEXTS))
        contact.burst -= 1
        if contact.burst:
            return self.time.push(now_ms + self.dice.human(self.gap_ms), self._write, contact)
        contact.burst = self.dice.pick(AGENT_MESSAGES)
        return self.time.push(now_ms + self._reply_delay(contact), self._reply, contact)

    def _reply_delay(self, contact: Contact) -> int:
        agent = contact.agent
        # Each further customer of the agent lengthens all his replies.
        load = agent.load if agent is not None else 1
        return self.dice.human(self.reply_ms * (1 + LOAD_DELAY * (load - 1)))

    def _finish(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._finish, contact)
        if not contact.invited and self.dice.random() < INVITED_SHARE:
            contact.invited = True
            self.time.say(now_ms, contact, "contact.invited")
            return self.time.push(now_ms + self.dice.human(2_500), self._close, contact)
        return self._close(now_ms, contact)

    def _close(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._close, contact)
        chance = self.dice.random()
        if contact.turns > 0 and chance < 0.6:
            outcome = ""  # the customer went silent: nobody knows
        else:
            outcome = ',"resolved":true' if chance < RESOLVED_SHARE else ',"resolved":false'
        self.time.say(now_ms, contact, "contact.closed", outcome)
        contact.stage = ENDED
        agent, contact.holding = contact.agent, False
        if agent is not None:
            last = agent.load == 1 and self.dice.random() < WRAPUP_SHARE
            self.routing.release(now_ms, agent, self.dice.human(14_000) if last else 0)
        return self.aftermath.closed(now_ms, contact, outcome != ',"resolved":false')
