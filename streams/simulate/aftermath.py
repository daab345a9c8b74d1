"""What a conversation leaves behind: promises, ratings, quality checks, coaching, reopenings.

Owns side events of a contact. Never ends one, and never speaks for it in the millisecond in which it spoke
itself.
Law: a rating follows an invitation, a kept promise a made one, a reopening a close.
"""

from streams.simulate.cases import Cases
from streams.simulate.contacts import ENDED, NEW, SERVED, Contact
from streams.simulate.dice import Dice, weighted
from streams.simulate.people import Agent
from streams.simulate.routing import Routing
from streams.simulate.timeline import HOUR_MS, Timeline

__all__ = ["Aftermath"]

PROMISE_SHARE, PROMISE_TERMS_MS = 0.03, (HOUR_MS // 2, HOUR_MS, 2 * HOUR_MS)
PROMISE_KEPT, PROMISE_LATE = 0.88, 0.07
RATED_SHARE, CHECKED_SHARE, REOPENED_SHARE = 0.38, 0.10, 0.015
CRITICAL_SHARE, ERROR_SHARE = 0.018, 0.09
MISSES_TO_COACH = 3
HAPPY = weighted((5, 4, 3, 2, 1), (0.72, 0.20, 0.05, 0.015, 0.015), 200)
SLOW = weighted((5, 4, 3, 2, 1), (0.45, 0.30, 0.15, 0.06, 0.04), 200)
UNHAPPY = weighted((5, 4, 3, 2, 1), (0.08, 0.15, 0.30, 0.22, 0.25), 200)
NPS_OF = {5: (10, 10, 9, 9, 8), 4: (9, 8, 8, 7), 3: (7, 6, 5), 2: (5, 4, 2), 1: (3, 1, 0, 0)}
LONG_WAIT_MS = 60_000


class Aftermath:
    """Everything that hangs on a contact besides the contact itself."""

    def __init__(self, time: Timeline, dice: Dice, routing: Routing, cases: Cases) -> None:
        self.time, self.dice, self.routing, self.cases = time, dice, routing, cases
        self.promises = 0
        self.misses: dict[Agent, int] = {}

    def during(self, now_ms: int, contact: Contact) -> None:
        """A person has begun to serve: he may promise something."""
        if self.dice.random() < PROMISE_SHARE:
            self.time.push(now_ms + self.dice.human(70_000), self._promise, contact)

    def closed(self, now_ms: int, contact: Contact, resolved: bool) -> None:
        """A person has closed the contact."""
        dice, time = self.dice, self.time
        if contact.invited and not contact.reopened and dice.random() < RATED_SHARE:
            time.push(now_ms + dice.loose(35_000), self._rate, (contact, resolved))
        agent = contact.agent
        if agent is not None and dice.random() < CHECKED_SHARE:
            time.push(now_ms + dice.human(1_200_000), self._check, (contact, agent))
        if not contact.reopened and dice.random() < REOPENED_SHARE:
            time.push(now_ms + dice.loose(900_000), self._reopen, contact)
        self.cases.after(now_ms, contact, resolved)

    def _promise(self, now_ms: int, contact: Contact) -> None:
        agent = contact.agent
        if contact.stage != SERVED or agent is None or now_ms <= contact.last_ms:
            return
        self.promises += 1
        name = f"p{self.time.tag}-{self.promises:x}"
        term_ms = self.dice.pick(PROMISE_TERMS_MS)
        due = self.time.rfc3339(now_ms + term_ms)
        more = f',"agent":"{agent.id}","promise":"{name}","due":{due},"queue":"{contact.queue}"'
        self.time.note_of(now_ms, contact, "crm", "promise.made", more)
        chance = self.dice.random()
        if chance < PROMISE_KEPT:
            self.time.push(now_ms + int(term_ms * (0.2 + 0.75 * self.dice.random())), self._keep, (contact, name))
        elif chance < PROMISE_KEPT + PROMISE_LATE:
            self.time.push(now_ms + int(term_ms * (1.02 + self.dice.random())), self._keep, (contact, name))

    def _keep(self, now_ms: int, made: tuple[Contact, str]) -> None:
        contact, name = made
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._keep, made)
        return self.time.note_of(now_ms, contact, "crm", "promise.kept", f',"promise":"{name}"')

    def _rate(self, now_ms: int, ended: tuple[Contact, bool]) -> None:
        contact, resolved = ended
        if contact.stage != ENDED:
            return
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._rate, ended)
        table = UNHAPPY if not resolved else SLOW if contact.wait_ms > LONG_WAIT_MS else HAPPY
        csat = self.dice.pick(table)
        nps = f',"nps":{self.dice.pick(NPS_OF[csat])}' if self.dice.random() < 0.5 else ""
        says = f',"resolved":{"true" if resolved else "false"}' if self.dice.random() < 0.8 else ""
        return self.time.say(now_ms, contact, "contact.rated", f',"csat":{csat}{nps}{says}')

    def _check(self, now_ms: int, sample: tuple[Contact, Agent]) -> None:
        contact, agent = sample
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._check, sample)
        critical = int(self.dice.random() < CRITICAL_SHARE / agent.care)
        others = self.dice.count(ERROR_SHARE / agent.care)
        passed = not critical and others < 2
        more = (
            f',"agent":"{agent.id}","queue":"{contact.queue}","passed":{"true" if passed else "false"}'
            f',"critical_errors":{critical},"other_errors":{others}'
        )
        self.time.note_of(now_ms, contact, "quality", "quality.scored", more)
        self.misses[agent] = 0 if passed else self.misses.get(agent, 0) + 1
        if critical:
            self.time.push(now_ms + self.dice.loose(6 * HOUR_MS), self._coach, agent)
        elif self.misses[agent] >= MISSES_TO_COACH:
            self.misses[agent] = 0
            self.time.push(now_ms + self.dice.loose(20 * HOUR_MS), self._coach, agent)
        return None

    def _coach(self, now_ms: int, agent: Agent) -> None:
        self.time.note(now_ms, "quality", "coaching.held", f',"agent":"{agent.id}"')

    def _reopen(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._reopen, contact)
        contact.reopened, contact.stage, contact.agent = True, NEW, None
        contact.overflowed = False
        self.time.say(now_ms, contact, "contact.reopened")
        if contact.channel == "phone":
            return self.time.push(now_ms + self.dice.steady(300), self.routing.offer, contact)
        return self.time.push(now_ms + self.dice.human(1_500), self._say_again, contact)

    def _say_again(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._say_again, contact)
        self.time.say(now_ms, contact, "message.customer")
        return self.time.push(now_ms + self.dice.steady(500), self.routing.offer, contact)
