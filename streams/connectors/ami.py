"""Asterisk's manager interface (AMI): what each of its events means.

Owns the meaning of leaving: `QueueCallerAbandon` comes for a hang-up, a timeout, an empty queue and a withdrawal alike, `QueueCallerLeave` for
those, for a key and for an answer. So an end is told once it is known: an answer follows, or the channel hangs up; a caller who is still there
`GRACE_US` later did not hang up. AMI repeats nothing: after lost time the answers to QueueStatus and CoreShowChannels say what goes on, and
what does not has ended. Events have the instant of `timestampevents=yes`, else that of their arrival. Never opens a connection: see ami_client.
"""

from __future__ import annotations

from collections.abc import Callable

from streams.connectors.base import Connector, Headers
from streams.connectors.calls import Calls
from streams.connectors.frames import Blocks
from streams.connectors.members import Members, state_named
from streams.connectors.record import Event, LeftOut, instant_us

__all__ = ["GRACE_US", "Ami"]

_SECOND_US = 1_000_000
GRACE_US = 3 * _SECOND_US
_DURATION_S_MAX = 10 * 24 * 3_600
#: The status of a device, as queues have it; a ringing one is free still.
_STATES = {"1": "available", "6": "available", "2": "busy", "3": "busy", "7": "busy", "8": "busy"}
_MEMBERS = ("QueueMember", "QueueMemberStatus", "QueueMemberAdded", "QueueMemberPause", "QueueMemberPaused")
_RINGS = ("AgentCalled", "AgentRingNoAnswer")

Block = dict[str, str]


class Ami(Connector):
    name = "ami"
    system = "Asterisk: manager interface (AMI)"
    gives = "waits, answers, abandonments, transfers, members' states, live"
    own = ("host", "port", "user", "tls")
    framing = Blocks

    def read(self, record: bytes, headers: Headers) -> tuple[str, Block]:
        pairs = (line.partition(":") for line in record.decode("utf-8", "replace").split("\n"))
        block = {name.strip().lower(): value.strip() for name, sign, value in pairs if sign}
        what = block.get("event") or ("Response" if "response" in block else "")
        if not what:
            raise LeftOut("malformed", "neither an event nor a response")
        return what, block

    def events(self, what: str, said: Block, headers: Headers, now_us: int) -> list[Event]:
        if not said.get("timestamp") and not now_us:
            raise LeftOut("missing_field", "Timestamp")
        at_us = instant_us(said["timestamp"]) if said.get("timestamp") else now_us
        settled = self.settle(at_us)
        try:
            return [*settled, *self._told(what, said, at_us)]
        except LeftOut:
            if settled:
                return settled
            raise

    def settle(self, at_us: int | None) -> list[Event]:
        """Callers who left, and by now did not hang up."""
        leaving, events = self.remembered("leaving"), []
        for call, (queue, left_us, wait_us, how) in list(leaving.items()):
            if at_us is None or left_us + GRACE_US <= at_us:
                events += self._left(call, queue, left_us, wait_us, "timeout" if how == "abandon" else how)
        return events

    def _told(self, what: str, said: Block, at_us: int) -> list[Event]:
        if what in _MEANINGS:
            return _MEANINGS[what](self, said, at_us)
        if what in _MEMBERS:
            return self._member(said, at_us)
        raise LeftOut("rings_only" if what in _RINGS else "no_meaning")

    @property
    def calls(self) -> Calls:
        return Calls(self)

    def joined(self, said: Block, at_us: int) -> list[Event]:
        customer = said.get("calleridnum", "")
        number = customer if customer.strip("+").isdigit() else ""
        return self.calls.enter(*_call(said), at_us, channel="phone", customer=number)

    def gave_up(self, said: Block, at_us: int) -> list[Event]:
        call, queue = _call(said)
        self.remembered("leaving").note(call, [queue, at_us, _seconds(said, "holdtime"), "abandon"])
        raise LeftOut("awaits_more", "a hang-up, or none")

    def went(self, said: Block, at_us: int) -> list[Event]:
        call, queue = _call(said)
        waiting = [
            stay
            for stay in self.calls.stays(call)
            if stay.queue == queue and not stay.answered_us and not stay.ended_us
        ]
        if call not in self.remembered("leaving") and waiting:
            self.remembered("leaving").note(call, [queue, at_us, max(0, at_us - waiting[-1].entry_us), "key"])
        raise LeftOut("awaits_more", "an answer, or none")

    def connected(self, said: Block, at_us: int) -> list[Event]:
        call, queue = _call(said)
        self.remembered("leaving").pop(call, None)
        return self.calls.connect(call, queue, at_us, _seconds(said, "holdtime"), _member(said), channel="phone")

    def completed(self, said: Block, at_us: int) -> list[Event]:
        call, queue = _call(said)
        self.remembered("leaving").pop(call, None)
        told = self.calls.transfer if said.get("reason", "").lower() == "transfer" else self.calls.complete
        hold_us, talk_us = _seconds(said, "holdtime"), _seconds(said, "talktime")
        return told(call, queue, at_us, hold_us, talk_us, _member(said), channel="phone")

    def hung_up(self, said: Block, at_us: int) -> list[Event]:
        call = said.get("uniqueid", "")
        leaving = self.remembered("leaving").get(call)
        events = self._left(call, *leaving) if leaving else []
        if all(stay.ended_us for stay in self.calls.stays(call)):
            self.calls.forget(call)
        if not events:
            raise LeftOut("no_meaning")
        return events

    def responded(self, said: Block, at_us: int) -> list[Event]:
        """An answer to one of our questions begins."""
        message = said.get("message", "").lower()
        if "queue status will follow" in message:
            self.remembered("present").clear()
        elif "channels will follow" in message:
            self.remembered("channels").clear()
        raise LeftOut("no_meaning")

    def waits(self, said: Block, at_us: int) -> list[Event]:
        """Somebody who waits now, whether or not we saw the beginning."""
        call, queue = _call(said)
        self.remembered("present").note(call, at_us)
        if any(stay.queue == queue and not stay.ended_us for stay in self.calls.stays(call)):
            raise LeftOut("no_change")
        return self.calls.enter(call, queue, at_us - _seconds(said, "wait"), channel="phone")

    def all_waiting_told(self, said: Block, at_us: int) -> list[Event]:
        present, leaving = self.remembered("present"), self.remembered("leaving")
        return self._ended(lambda call, answered: not answered and call not in present and call not in leaving, at_us)

    def channel(self, said: Block, at_us: int) -> list[Event]:
        self.remembered("channels").note(said.get("uniqueid", ""), at_us)
        raise LeftOut("no_change")

    def all_channels_told(self, said: Block, at_us: int) -> list[Event]:
        channels = self.remembered("channels")
        return self._ended(lambda call, answered: answered and call not in channels, at_us)

    def removed(self, said: Block, at_us: int) -> list[Event]:
        agent = _member(said)
        queues = dict(self.remembered("paused").get(agent, {}))
        queues.pop(said.get("queue", ""), None)
        self.remembered("paused").note(agent, queues)
        if queues:
            raise LeftOut("no_change", "a member of other queues still")
        return self._state(agent, "offline", at_us)

    def _member(self, said: Block, at_us: int) -> list[Event]:
        agent = _member(said)
        queues = dict(self.remembered("paused").get(agent, {}))
        queues[said.get("queue", "")] = said.get("paused") == "1"
        self.remembered("paused").note(agent, queues)
        state = _STATES.get(said.get("status", ""), "offline")
        if all(queues.values()) and state != "offline":
            reason = said.get("pausedreason", "")
            state = state_named(reason, dict(self.options.states))
        return self._state(agent, state, at_us)

    def _state(self, agent: str, state: str, at_us: int) -> list[Event]:
        known = self.remembered("states").get(agent)
        if known is not None and known[0] == state and known[1] <= at_us:
            raise LeftOut("no_change")
        self.remembered("states").note(agent, [state, at_us])
        return Members(self).paused(agent, at_us, state)

    def _left(self, call: str, queue: str, at_us: int, wait_us: int, how: str) -> list[Event]:
        self.remembered("leaving").pop(call, None)
        try:
            return self.calls.leave(call, queue, at_us, wait_us, how, channel="phone")
        except LeftOut:
            return []

    def _ended(self, is_over: Callable[[str, bool], bool], at_us: int) -> list[Event]:
        """Stays that ended while nobody listened; how, nobody will tell."""
        calls = self.calls
        over = [
            (call, stay)
            for call, stay in calls.open_stays()
            if is_over(call, bool(stay.answered_us)) and stay.entry_us < at_us
        ]
        events = [event for call, stay in over for event in calls.end(call, stay, at_us)]
        if not events:
            raise LeftOut("no_change")
        return events


_MEANINGS: dict[str, Callable[[Ami, Block, int], list[Event]]] = {
    "QueueCallerJoin": Ami.joined, "QueueCallerAbandon": Ami.gave_up, "QueueCallerLeave": Ami.went, "AgentConnect": Ami.connected,
    "AgentComplete": Ami.completed, "Hangup": Ami.hung_up, "Response": Ami.responded, "QueueEntry": Ami.waits,
    "QueueStatusComplete": Ami.all_waiting_told, "CoreShowChannel": Ami.channel, "CoreShowChannelsComplete": Ami.all_channels_told,
    "QueueMemberRemoved": Ami.removed,
}  # fmt: skip


def _call(said: Block) -> tuple[str, str]:
    if not said.get("uniqueid") or not said.get("queue"):
        raise LeftOut("missing_field", "Uniqueid or Queue")
    return said["uniqueid"], said["queue"]


def _member(said: Block) -> str:
    name = said.get("membername") or said.get("name") or said.get("interface") or ""
    if not name:
        raise LeftOut("missing_field", "MemberName")
    return name


def _seconds(said: Block, name: str) -> int:
    """A duration as microseconds; the documentation calls one of them an instant, the program sends durations."""
    text = said.get(name, "")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or int(text[:12]) > _DURATION_S_MAX:
        raise LeftOut("malformed", f"{name} is no duration")
    return int(text) * _SECOND_US
