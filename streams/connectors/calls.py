"""Calls in queues of Asterisk, whichever way it tells of them: each stay of a call in a queue is a contact.

Owns what belongs together: entry, answer, end. What a later record tells of the time before it (how long the caller waited, how long the
talk was) makes good for records that were lost: an end without its beginning tells both. Never reads a record: see queue_log and ami.

Law: a stay is named after its call, its second one `CALL-2`; told again it has the same events with the same ids. A record that lies
before the beginning of its stay (a clock was set back) counts from that beginning, by the duration that it tells itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.connectors.base import Connector, Remembered
from streams.connectors.record import Event, LeftOut

__all__ = ["LEAVES", "Calls", "Stay"]

#: Instants are whole seconds in these logs, so one and the same is told up to so much earlier or later.
_ROUNDING_US = 2_000_000
#: How a stay ended without an answer: None for the caller who hung up, else the format's reason.
LEAVES: dict[str, str | None] = {
    "abandon": None, "timeout": "timeout", "empty": "overflow", "key": "transfer", "withdraw": "withdrawn",
    "incompatible": "overflow",
}  # fmt: skip


@dataclass(slots=True)
class Stay:
    """One stay of a call in a queue; 0 for what has not happened. `assumed` where a later record told the beginning or the answer."""

    contact: str
    queue: str
    entry_us: int
    answered_us: int = 0
    ended_us: int = 0
    assumed: bool = False


class Calls:
    """The stays that are remembered, by call."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    @property
    def _known(self) -> Remembered:
        return self._connector.remembered("calls")

    def stays(self, call: str) -> list[Stay]:
        return [Stay(*values) for values in self._known.get(call, ())]

    def open_stays(self) -> list[tuple[str, Stay]]:
        """Calls and their stays that have not ended."""
        return [(call, stay) for call in self._known for stay in self.stays(call) if not stay.ended_us]

    def forget(self, call: str) -> None:
        """No more will be told of the call."""
        self._known.pop(call, None)

    def enter(self, call: str, queue: str, at_us: int, **said: Any) -> list[Event]:
        stays = self.stays(call)
        for stay in stays:
            if stay.queue == queue and stay.assumed and _during(stay, at_us):
                raise LeftOut("told_already")
        again = next((stay for stay in stays if (stay.queue, stay.entry_us) == (queue, at_us)), None)
        return self._queued(again, said) if again else self._begun(call, queue, at_us, stays, said)[1]

    def connect(self, call: str, queue: str, at_us: int, hold_us: int, agent: str, **said: Any) -> list[Event]:
        stay, events = self._stay(call, queue, at_us, at_us - hold_us, said)
        stay.answered_us = _behind(at_us, stay.entry_us, hold_us)
        self._keep(call, stay)
        return [*events, self._event("contact.answered", stay, stay.answered_us, agent=agent)]

    def complete(
        self, call: str, queue: str, at_us: int, hold_us: int, talk_us: int, agent: str, **said: Any
    ) -> list[Event]:
        """The talk is over."""
        events, stay, ended_us = self._talked(call, queue, at_us, hold_us, talk_us, agent, said)
        return [*events, self._event("contact.closed", stay, ended_us)]

    def transfer(
        self, call: str, queue: str, at_us: int, hold_us: int, talk_us: int, agent: str, **said: Any
    ) -> list[Event]:
        """The agent handed the caller on, out of the queue."""
        events, stay, ended_us = self._talked(call, queue, at_us, hold_us, talk_us, agent, said)
        return [
            *events,
            self._event("contact.transferred", stay, ended_us),
            self._event("contact.closed", stay, ended_us),
        ]

    def leave(self, call: str, queue: str, at_us: int, wait_us: int, how: str, **said: Any) -> list[Event]:
        """The wait ended without an answer."""
        stay, events = self._stay(call, queue, at_us, at_us - wait_us, said)
        stay.ended_us = _behind(at_us, stay.entry_us, wait_us)
        self._keep(call, stay)
        return [*events, *self._left(stay, stay.ended_us, how)]

    def turned_away(self, call: str, queue: str, at_us: int, **said: Any) -> list[Event]:
        """The queue did not take the call."""
        stay = Stay(self._name(call, self.stays(call)), queue, at_us, 0, at_us, True)
        if any(known.entry_us == at_us and known.queue == queue for known in self.stays(call)):
            raise LeftOut("told_already")
        self._keep(call, stay)
        return [
            self._event("contact.opened", stay, at_us, queue=queue, **said),
            self._event("contact.closed", stay, at_us),
        ]

    def end(self, call: str, stay: Stay, at_us: int) -> list[Event]:
        """A stay of which nobody will tell the end any more."""
        stay.ended_us = max(at_us, stay.entry_us, stay.answered_us)
        self._keep(call, stay)
        if stay.answered_us:
            return [self._event("contact.closed", stay, stay.ended_us)]
        return self._left(stay, stay.ended_us, "withdraw")

    def _talked(
        self, call: str, queue: str, at_us: int, hold_us: int, talk_us: int, agent: str, said: dict[str, Any]
    ) -> tuple[list[Event], Stay, int]:
        answered_us = at_us - talk_us
        stay, events = self._stay(call, queue, at_us, answered_us - hold_us, said)
        if not stay.answered_us:
            stay.assumed = True
            stay.answered_us = _behind(answered_us, stay.entry_us, hold_us)
            events.append(self._event("contact.answered", stay, stay.answered_us, agent=agent))
        stay.ended_us = _behind(at_us, stay.answered_us, talk_us)
        self._keep(call, stay)
        return events, stay, stay.ended_us

    def _stay(self, call: str, queue: str, at_us: int, entry_us: int, said: dict[str, Any]) -> tuple[Stay, list[Event]]:
        """The stay that a record is of, and the events of one that it is the first to tell of."""
        stays = [stay for stay in self.stays(call) if stay.queue == queue]
        for stay in stays:
            if stay.assumed and stay.ended_us != at_us and stay.ended_us and _during(stay, at_us):
                raise LeftOut("told_already")
        begun = [stay for stay in stays if stay.entry_us <= at_us]
        fresh = [stay for stay in stays if not stay.ended_us]
        found = max(begun, key=lambda stay: stay.entry_us, default=None) or (fresh[-1] if fresh else None)
        if found is None or (found.ended_us and found.ended_us < entry_us - _ROUNDING_US):
            return self._begun(call, queue, entry_us, self.stays(call), said, assumed=True)
        if found.assumed and found.ended_us == at_us:  # Told again, so that all of it is.
            events = self._queued(found, said)
            found.answered_us = 0
            return found, events
        return found, []

    def _begun(
        self, call: str, queue: str, at_us: int, stays: list[Stay], said: dict[str, Any], assumed: bool = False
    ) -> tuple[Stay, list[Event]]:
        """A new stay. One before it whose end was lost ends where this one begins."""
        lost = [stay for stay in stays if not stay.ended_us and stay.entry_us <= at_us]
        events = [event for stay in lost for event in self.end(call, stay, at_us)]
        stay = Stay(self._name(call, stays), queue, at_us, assumed=assumed)
        self._keep(call, stay)
        return stay, [*events, *self._queued(stay, said)]

    def _queued(self, stay: Stay, said: dict[str, Any]) -> list[Event]:
        return [self._event("contact.queued", stay, stay.entry_us, queue=stay.queue, **said)]

    def _left(self, stay: Stay, at_us: int, how: str) -> list[Event]:
        reason = LEAVES[how]
        if reason is None:
            return [self._event("contact.abandoned", stay, at_us)]
        return [
            self._event("contact.left_queue", stay, at_us, reason=reason),
            self._event("contact.closed", stay, at_us),
        ]

    def _event(self, kind: str, stay: Stay, at_us: int, **said: Any) -> Event:
        return self._connector.event(kind, at_us, f"{stay.contact}/{kind}/{at_us}", contact=stay.contact, **said)

    def _name(self, call: str, stays: list[Stay]) -> str:
        return f"{call}-{len(stays) + 1}" if stays else call

    def _keep(self, call: str, stay: Stay) -> None:
        kept = [[*values] for values in self._known.get(call, ())]
        values = [stay.contact, stay.queue, stay.entry_us, stay.answered_us, stay.ended_us, stay.assumed]
        places = [place for place, other in enumerate(kept) if other[0] == stay.contact]
        if places:
            kept[places[0]] = values
        else:
            kept.append(values)
        self._known.note(call, kept)


def _during(stay: Stay, at_us: int) -> bool:
    return stay.entry_us - _ROUNDING_US <= at_us <= (stay.ended_us or stay.answered_us)


def _behind(at_us: int, from_us: int, lasting_us: int) -> int:
    """When something ended that began at `from_us`: as told, or by its duration where the clock went back in between."""
    return at_us if at_us >= from_us else from_us + lasting_us
