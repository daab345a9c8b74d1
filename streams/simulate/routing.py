"""Who serves whom: free people by queue, waiting contacts by rank, and the ways out of a wait.

Owns waits and the load of agents. Never decides what is said while a contact is served.
Law: an agent never holds more contacts than slots, and KA and VIP are taken first, then the longest wait.
"""

from collections.abc import Callable
from heapq import heappop, heappush

from streams.simulate.centre import Centre, Queue
from streams.simulate.contacts import ENDED, RINGING, SERVED, WAITING, Contact, Customer
from streams.simulate.dice import Dice
from streams.simulate.people import Agent
from streams.simulate.timeline import Timeline

__all__ = ["Routing"]

SLOTS_MAX = 8
ANNOUNCE_MS = 14_800
ANNOUNCEMENT_MISSED = 0.01
PATIENCE_MS = {"phone": 130_000, "app": 260_000, "wechat": 330_000, "web": 220_000}
CHAT_TIMEOUT_MS = 900_000
CALLBACK_AFTER_MS = 60_000
CALLBACK_SHARE, WITHDRAWN_SHARE = 0.12, 0.04
RETRY_SHARE, RETRY_MS = 0.25, 150_000
WAIT_NOTICE_SHARE = 0.7


class Routing:
    """The waiting rooms and the pools. `again` opens a new contact of a customer who tries once more."""

    def __init__(self, centre: Centre, time: Timeline, dice: Dice) -> None:
        self.time, self.dice = time, dice
        self.queues: dict[str, Queue] = {queue.name: queue for queue in centre.queues}
        # By queue and by load: the least loaded is asked first, of those the one idle longest.
        self.pools: dict[str, list[dict[Agent, None]]] = {name: [{} for _ in range(SLOTS_MAX)] for name in self.queues}
        self.waiting: dict[str, list[tuple[int, int, int, Contact]]] = {name: [] for name in self.queues}
        self.entered = 0
        self.again: Callable[[int, tuple[str, Customer]], None] = _nobody
        self.call_back: Callable[[int, Contact], None] = _nobody
        self.idle: Callable[[int, Agent], None] = _nobody

    def offer(self, now_ms: int, contact: Contact) -> None:
        """The contact asks for a person in its queue."""
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self.offer, contact)
        self.time.say(now_ms, contact, "contact.queued", contact.place())
        contact.waiting_since_ms = now_ms
        agent = self.find(contact.queue)
        if agent is not None:
            return self._seize(now_ms, agent, contact)
        contact.stage = WAITING
        self.entered += 1
        heappush(self.waiting[contact.queue], (contact.rank, now_ms, self.entered, contact))
        self._limit_wait(now_ms, contact)
        if contact.channel == "phone":
            self._announce_later(now_ms, contact)
        elif contact.channel in PATIENCE_MS and self.dice.random() < WAIT_NOTICE_SHARE:
            self.time.push(now_ms + self.dice.steady(1200), self._notice, contact)
        return None

    def find(self, queue: str, but: Agent | None = None) -> Agent | None:
        """A free agent of the queue, the least loaded first; None when all slots are taken."""
        for pool in self.pools[queue]:
            for agent in pool:
                if agent is not but:
                    return agent
        return None

    def hand_to(self, now_ms: int, agent: Agent, contact: Contact) -> None:
        """Give the contact to this agent without a wait."""
        self._seize(now_ms, agent, contact)

    def release(self, now_ms: int, agent: Agent, wrap_ms: int = 0) -> None:
        """The agent is done with one contact; `wrap_ms` of work follow before the next."""
        agent.load -= 1
        if wrap_ms and not agent.wrapping:
            agent.wrapping = True
            self.time.push(now_ms + wrap_ms, self._wrapped_up, agent)
        self.feed(now_ms, agent)

    def feed(self, now_ms: int, agent: Agent) -> None:
        """Bring the agent's pools, his waiting customers and his state in line with what he can do now."""
        if agent.load == 0 and not agent.wrapping and (agent.leaving or agent.away):
            self.idle(now_ms, agent)
        self._place(agent)
        while agent.level >= 0:
            contact = self._next_waiting(agent)
            if contact is None:
                break
            self._seize(now_ms, agent, contact)
        self.settle(now_ms, agent)

    def settle(self, now_ms: int, agent: Agent) -> None:
        """Say the agent's state if it is no longer the one said last."""
        state = agent.state()
        if state == agent.said:
            return
        if now_ms <= agent.last_ms:
            self.time.push(agent.last_ms + 1, self.settle, agent)
            return
        agent.said, agent.last_ms = state, now_ms
        self.time.note(now_ms, "agents", "agent.state", f',"agent":"{agent.id}","state":"{state}"{agent.skills}')

    def _seize(self, now_ms: int, agent: Agent, contact: Contact) -> None:
        contact.stage, contact.agent, contact.holding = RINGING, agent, True
        agent.load += 1
        self._place(agent)
        self.settle(now_ms, agent)
        self.time.push(now_ms + self.dice.steady(700), self._answer, contact)

    def _answer(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._answer, contact)
        agent = contact.agent
        if agent is None:
            raise RuntimeError(f"{contact.id} is answered by nobody.")
        contact.stage = SERVED
        contact.wait_ms = max(contact.wait_ms, now_ms - contact.waiting_since_ms)
        self.time.say(now_ms, contact, "contact.answered", f',"agent":"{agent.id}","queue":"{contact.queue}"')
        return contact.script.served(now_ms, contact)

    def _place(self, agent: Agent) -> None:
        level = agent.load if agent.takes_more() else -1
        if level == agent.level:
            return
        for queue in agent.queues:
            pools = self.pools[queue]
            if agent.level >= 0:
                del pools[agent.level][agent]
            if level >= 0:
                pools[level][agent] = None
        agent.level = level

    def _next_waiting(self, agent: Agent) -> Contact | None:
        best: str | None = None
        for queue in agent.queues:
            room = self.waiting[queue]
            while room and (room[0][3].stage != WAITING or room[0][3].waiting_since_ms != room[0][1]):
                heappop(room)  # it left in another way
            if room and (best is None or room[0] < self.waiting[best][0]):
                best = queue
        return None if best is None else heappop(self.waiting[best])[3]

    def _wrapped_up(self, now_ms: int, agent: Agent) -> None:
        agent.wrapping = False
        self.feed(now_ms, agent)

    def _limit_wait(self, now_ms: int, contact: Contact) -> None:
        if contact.channel not in PATIENCE_MS:
            return
        chance = self.dice.random()
        fate, limit_ms = "abandoned", self.dice.loose(PATIENCE_MS[contact.channel])
        queue = self.queues[contact.queue]
        if chance < WITHDRAWN_SHARE:
            fate = "withdrawn"
        elif contact.channel == "phone" and chance > 1 - CALLBACK_SHARE:
            fate, limit_ms = "callback", CALLBACK_AFTER_MS + self.dice.steady(15_000)
        if queue.overflow and not contact.overflowed and limit_ms > queue.overflow_after_s * 1000:
            fate, limit_ms = "overflow", queue.overflow_after_s * 1000
        elif contact.channel != "phone" and limit_ms > CHAT_TIMEOUT_MS:
            fate, limit_ms = "timeout", CHAT_TIMEOUT_MS
        contact.fate, contact.fate_ms = fate, now_ms + limit_ms
        self.time.push(contact.fate_ms, self._fate, contact)

    def _fate(self, now_ms: int, contact: Contact) -> None:
        if contact.stage != WAITING or contact.fate_ms != now_ms:
            return
        if now_ms <= contact.last_ms:
            contact.fate_ms = contact.last_ms + 1
            self.time.push(contact.fate_ms, self._fate, contact)
            return
        contact.stage = ENDED
        if contact.fate == "abandoned":
            self.time.say(now_ms, contact, "contact.abandoned")
            if self.dice.random() < RETRY_SHARE:
                self.time.push(now_ms + self.dice.human(RETRY_MS), self.again, (contact.channel, contact.customer))
            return
        self.time.say(now_ms, contact, "contact.left_queue", f',"reason":"{contact.fate}","queue":"{contact.queue}"')
        if contact.fate == "overflow":
            contact.overflowed = True
            contact.queue = self.queues[contact.queue].overflow
            self.time.push(now_ms + 2, self.offer, contact)
            return
        self.time.push(now_ms + 40, self._lay_down, contact)
        if contact.fate == "callback":
            self.time.push(now_ms + self.dice.human(480_000), self.call_back, contact)

    def _lay_down(self, now_ms: int, contact: Contact) -> None:
        self.time.say(now_ms, contact, "contact.closed", "" if contact.fate == "callback" else ',"resolved":false')

    def _notice(self, now_ms: int, contact: Contact) -> None:
        if contact.stage == WAITING and now_ms > contact.last_ms:
            self.time.say(now_ms, contact, "message.agent", ',"automatic":true')

    def _announce_later(self, now_ms: int, contact: Contact) -> None:
        periods = 2 if self.dice.random() < ANNOUNCEMENT_MISSED else 1
        contact.announce_ms = now_ms + periods * ANNOUNCE_MS
        self.time.push(contact.announce_ms, self._announce, contact)

    def _announce(self, now_ms: int, contact: Contact) -> None:
        if contact.stage != WAITING or contact.announce_ms != now_ms:
            return
        if now_ms > contact.last_ms:
            self.time.say(now_ms, contact, "contact.announced")
        self._announce_later(now_ms, contact)


def _nobody(now_ms: int, subject: object) -> None:
    raise RuntimeError("The routing was started before it was wired.")
