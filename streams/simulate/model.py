"""The conductor: builds a centre's parts, lets them run, and hands out the lines.

Owns the wiring and the opening of contacts. Never formats a line itself and never waits for a clock.
Law: `events(centre, seed)` is a pure function of its arguments.
"""

from collections.abc import Iterator
from hashlib import blake2b

from streams.simulate.aftermath import Aftermath
from streams.simulate.background import Background
from streams.simulate.calls import Calls
from streams.simulate.cases import Cases
from streams.simulate.centre import CHANNELS, Centre
from streams.simulate.chats import Chats
from streams.simulate.contacts import Contact, Crowd, Customer, Script
from streams.simulate.demand import Demand
from streams.simulate.dice import Dice
from streams.simulate.handover import Handover
from streams.simulate.letters import Letters
from streams.simulate.people import roster
from streams.simulate.routing import Routing
from streams.simulate.shifts import Shifts
from streams.simulate.timeline import Timeline
from streams.simulate.troubles import Troubles

__all__ = ["Model", "events", "records"]

TEAM_OF = {channel: team for team, rows in CHANNELS.items() for channel, _ in rows}


def events(centre: Centre, seed: int) -> Iterator[bytes]:
    """The centre's lines in time order, each one event ended by a newline."""
    return (line for _, line in records(centre, seed))


def records(centre: Centre, seed: int) -> Iterator[tuple[int, bytes]]:
    """The same with the instant of each, in milliseconds since 1970 UTC."""
    for batch in Model(centre, seed).time.batches():
        yield from batch


class Model:
    """One centre, wired and ready to run."""

    def __init__(self, centre: Centre, seed: int) -> None:
        # Identifiers of two runs must differ, or a service would take the second run for a repetition of the
        # first.
        named = f"{centre.name} {centre.agents} {centre.start_ms} {centre.zone} {seed}".encode()
        self.time = time = Timeline(
            centre.start_ms, centre.end_ms, centre.zone, blake2b(named, digest_size=4).hexdigest()
        )
        self.dice = dice = Dice(seed)
        self.crowd = Crowd(centre, dice)
        self.opened = 0
        self.routing = routing = Routing(centre, time, dice)
        handover = Handover(centre, time, dice, routing)
        cases = Cases(time, dice)
        aftermath = Aftermath(time, dice, routing, cases)
        self.calls = Calls(time, dice, routing, handover, aftermath)
        self.scripts: dict[str, Script] = {
            "chat": Chats(centre, time, dice, routing, handover, aftermath),
            "phone": self.calls,
            "written": Letters(time, dice, routing, handover, aftermath),
        }
        routing.again = self._again
        routing.call_back = self._call_back
        troubles = Troubles(centre, time, seed)
        self.shifts = Shifts(time, dice, routing, roster(centre, dice), troubles)
        for part in (
            self.shifts,
            Background(centre, time, dice),
            cases,
            Demand(centre, time, dice, self._arrive, troubles.factor),
        ):
            part.start()

    def _arrive(self, now_ms: int, team: str) -> None:
        self._open(now_ms, self.dice.pick(self.crowd.channels[team]), self.crowd.customer(team))

    def _again(self, now_ms: int, who: tuple[str, Customer]) -> None:
        self._open(now_ms, *who)

    def _open(self, now_ms: int, channel: str, customer: Customer) -> None:
        contact = self._contact(channel, customer)
        self.time.say(now_ms, contact, "contact.opened", contact.dimensions())
        contact.script.begin(now_ms, contact)

    def _call_back(self, now_ms: int, left: Contact) -> None:
        contact = self._contact("phone", left.customer)
        contact.queue = left.queue
        self.calls.call_back(now_ms, contact)

    def _contact(self, channel: str, customer: Customer) -> Contact:
        self.opened += 1
        team = TEAM_OF[channel]
        name = f"c{self.time.tag}-{self.opened:x}"
        return Contact(name, channel, customer, self.crowd.queue(team, customer), self.scripts[team])
