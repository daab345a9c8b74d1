"""Handing a contact on: to another queue, where it waits again, or straight to a colleague who is free.

Owns transfers. Never ends a contact.
Law: the slot of the one who hands on is free before the contact is offered to anybody else.
"""

from streams.simulate.centre import Centre
from streams.simulate.contacts import ENDED, Contact
from streams.simulate.dice import Dice
from streams.simulate.routing import Routing
from streams.simulate.timeline import Timeline

__all__ = ["Handover"]

STRAIGHT_SHARE = 0.3


class Handover:
    """Transfers within a team."""

    def __init__(self, centre: Centre, time: Timeline, dice: Dice, routing: Routing) -> None:
        self.time, self.dice, self.routing = time, dice, routing
        self.others = {
            queue.name: tuple(other.name for other in centre.queues if other.team == queue.team and other is not queue)
            or (queue.name,)
            for queue in centre.queues
        }

    def transfer(self, now_ms: int, contact: Contact, wrap_ms: int = 0) -> None:
        """The agent hands the contact on."""
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self.transfer, contact)
        giver = contact.agent
        if giver is None:
            raise RuntimeError(f"{contact.id} is handed on by nobody.")
        target = self.dice.pick(self.others[contact.queue])
        taker = self.routing.find(target, but=giver) if self.dice.random() < STRAIGHT_SHARE else None
        contact.queue = target
        holding, contact.holding = contact.holding, False
        if taker is None:
            self.time.say(now_ms, contact, "contact.transferred", f',"queue":"{target}"')
            contact.stage, contact.agent = ENDED, None
            self.time.push(now_ms + self.dice.steady(150), self.routing.offer, contact)
        else:
            self.time.say(now_ms, contact, "contact.transferred", f',"agent":"{taker.id}","queue":"{target}"')
            contact.waiting_since_ms = now_ms
            self.routing.hand_to(now_ms, taker, contact)
        if holding:
            self.routing.release(now_ms, giver, wrap_ms)
        return None
