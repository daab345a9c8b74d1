"""Asterisk's `queue_log`: one row an event, `epoch|call|queue|agent|EVENT|…`.

Owns what each event means and where its parameters stand. The queue's own file has whole seconds, an export of its table fractions or local
times, which are read in the zone of the settings. A timeout, an empty queue, a key and a withdrawal are other ends than an abandonment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from streams.connectors.base import Connector, Headers
from streams.connectors.calls import Calls
from streams.connectors.frames import Lines
from streams.connectors.members import Members, state_named
from streams.connectors.record import Event, LeftOut, instant_us

__all__ = ["QueueLog"]

_SECOND_US = 1_000_000
_DURATION_S_MAX = 10 * 24 * 3_600
_NOBODY = ("", "NONE")
#: Not calls, though they stand where a call's id does.
_NO_CALL = ("REALTIME", "NONE", "MANAGER", "CLI")
_LEFT_OUT = {
    **dict.fromkeys(("RINGNOANSWER", "RINGCANCELED"), "rings_only"), "OUTCALL": "outbound",
    **dict.fromkeys(("PENALTY", "RINGINUSE", "CONFIGRELOAD", "AGENTDUMP", "DID", "INFO"), "no_meaning"),
}  # fmt: skip


class Row(NamedTuple):
    """One row; `parameters` has five texts at least."""

    at_us: int
    call: str
    queue: str
    agent: str
    parameters: list[str]

    def seconds(self, place: int) -> int:
        """A parameter in seconds, as microseconds. Raises LeftOut."""
        text = self.parameters[place]
        if not text:
            return 0
        if not (text.isascii() and text.isdigit()) or int(text[:12]) > _DURATION_S_MAX:
            raise LeftOut("malformed", f"parameter {place + 1} is no duration")
        return int(text) * _SECOND_US


class QueueLog(Connector):
    name = "queue_log"
    system = "Asterisk, FreePBX, Wazo: queue_log"
    gives = "waits, answers, abandonments, transfers, logins, pauses"
    own = ("file", "from")
    framing = Lines

    def read(self, record: bytes, headers: Headers) -> tuple[str, Row]:
        parts = record.decode("utf-8", "replace").split("|")
        if len(parts) < 5:
            raise LeftOut("malformed", "fewer than five fields")
        at, call, queue, agent, what, *parameters = parts
        row = Row(instant_us(at, self.options.zone), call, queue, agent, [*parameters, *[""] * 5])
        return what.strip(), row

    def events(self, what: str, said: Row, headers: Headers, now_us: int) -> list[Event]:
        if what in _LEFT_OUT:
            raise LeftOut(_LEFT_OUT[what])
        if what in _OF_CALLS:
            if said.call in (*_NOBODY, *_NO_CALL) or said.queue in _NOBODY:
                raise LeftOut("nobody")
            return _OF_CALLS[what](self, said)
        if what in _OF_AGENTS:
            if said.agent in _NOBODY:
                raise LeftOut("nobody")
            return _OF_AGENTS[what](self, said)
        if what == "QUEUESTART":
            return self._started_anew(said)
        raise LeftOut("unknown_kind")

    @property
    def calls(self) -> Calls:
        return Calls(self)

    @property
    def members(self) -> Members:
        return Members(self)

    def enter(self, row: Row) -> list[Event]:
        number = row.parameters[1]
        customer = number if number.strip("+").isdigit() else ""
        return self.calls.enter(row.call, row.queue, row.at_us, channel="phone", customer=customer)

    def connect(self, row: Row) -> list[Event]:
        return self.calls.connect(row.call, row.queue, row.at_us, row.seconds(0), _who(row), channel="phone")

    def complete(self, row: Row) -> list[Event]:
        hold, talk = row.seconds(0), row.seconds(1)
        return self.calls.complete(row.call, row.queue, row.at_us, hold, talk, _who(row), channel="phone")

    def transfer(self, row: Row) -> list[Event]:
        hold, talk = row.seconds(2), row.seconds(3)
        return self.calls.transfer(row.call, row.queue, row.at_us, hold, talk, _who(row), channel="phone")

    def leave(self, row: Row, how: str, place: int) -> list[Event]:
        return self.calls.leave(row.call, row.queue, row.at_us, row.seconds(place), how, channel="phone")

    def turn_away(self, row: Row) -> list[Event]:
        return self.calls.turned_away(row.call, row.queue, row.at_us, channel="phone")

    def wrap_up(self, row: Row) -> list[Event]:
        begun = self.members.paused(row.agent, row.at_us, "wrapup")
        return [*begun, *self.members.paused(row.agent, row.at_us + row.seconds(0), "available")]

    def pause(self, row: Row) -> list[Event]:
        state = state_named(row.parameters[0], dict(self.options.states))
        return self.members.paused(row.agent, row.at_us, state)

    def join(self, row: Row) -> list[Event]:
        state = "break" if row.parameters[0] == "PAUSED" else "available"
        return self.members.joined(row.agent, row.queue, row.at_us, state)

    def _started_anew(self, row: Row) -> list[Event]:
        """The exchange has started: calls of before are gone."""
        events = [event for call, stay in self.calls.open_stays() for event in self.calls.end(call, stay, row.at_us)]
        if not events:
            raise LeftOut("no_meaning")
        return events


def _who(row: Row) -> str:
    return "" if row.agent in _NOBODY else row.agent


def _leaving(how: str, place: int) -> Callable[[QueueLog, Row], list[Event]]:
    return lambda log, row: log.leave(row, how, place)


_OF_CALLS: dict[str, Callable[[QueueLog, Row], list[Event]]] = {
    "ENTERQUEUE": QueueLog.enter,
    "CONNECT": QueueLog.connect,
    **dict.fromkeys(("COMPLETEAGENT", "COMPLETECALLER"), QueueLog.complete),
    **dict.fromkeys(("BLINDTRANSFER", "ATTENDEDTRANSFER", "TRANSFER"), QueueLog.transfer),
    "ABANDON": _leaving("abandon", 2),
    "EXITWITHTIMEOUT": _leaving("timeout", 2),
    **dict.fromkeys(("EXITEMPTY", "LEAVEEMPTY"), _leaving("empty", 2)),
    "EXITWITHKEY": _leaving("key", 3),
    "WITHDRAW": _leaving("withdraw", 2),
    "SYSCOMPAT": _leaving("incompatible", 2),
    **dict.fromkeys(("CLOSED", "FULL", "JOINEMPTY", "DIVERT_CA_RATIO", "DIVERT_HOLDTIME"), QueueLog.turn_away),
}
_OF_AGENTS: dict[str, Callable[[QueueLog, Row], list[Event]]] = {
    **dict.fromkeys(
        ("AGENTLOGIN", "AGENTCALLBACKLOGIN"), lambda log, row: log.members.logged(row.agent, row.at_us, True)
    ),
    **dict.fromkeys(
        ("AGENTLOGOFF", "AGENTCALLBACKLOGOFF"), lambda log, row: log.members.logged(row.agent, row.at_us, False)
    ),
    "ADDMEMBER": QueueLog.join,
    "REMOVEMEMBER": lambda log, row: log.members.left(row.agent, row.queue, row.at_us),
    **dict.fromkeys(("PAUSE", "PAUSEALL"), QueueLog.pause),
    **dict.fromkeys(("UNPAUSE", "UNPAUSEALL"), lambda log, row: log.members.resumed(row.agent, row.at_us)),
    "WRAPUPSTART": QueueLog.wrap_up,
}
