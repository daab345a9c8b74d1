"""Agents of Asterisk's queues: who is there, who pauses, as one state a person however many queues tell of it.

Owns the state that follows from being logged in, being a member of queues and pausing. Never reads a record.
"""

from __future__ import annotations

from streams.connectors.base import Connector
from streams.connectors.record import Event, LeftOut

__all__ = ["Members", "state_named"]

#: Words in the reasons that people give, and the states that they mean; any other pause is a break.
_WORDS = (
    ("meeting", ("meeting", "会议", "开会")), ("training", ("training", "coaching", "培训")),
    ("wrapup", ("wrap", "after call", "acw", "话后", "整理")), ("offline", ("offline", "logged off", "下线", "离线")),
)  # fmt: skip


def state_named(name: str, states: dict[str, str] | None = None, otherwise: str = "break") -> str:
    """The format's state for a system's own name, by the settings or by its words."""
    if states and name in states:
        return states[name]
    told = name.casefold()
    return next((state for state, words in _WORDS if any(word in told for word in words)), otherwise)


class Members:
    """What is remembered of agents: whether they are there (None where nobody said), the queues that they joined, their state."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    def logged(self, agent: str, at_us: int, there: bool) -> list[Event]:
        self._remember(agent, there, [])
        return self._told(agent, at_us, "available" if there else "offline")

    def joined(self, agent: str, queue: str, at_us: int, state: str) -> list[Event]:
        _, queues = self._known(agent)
        self._remember(agent, True, sorted({*queues, queue}))
        return self._told(agent, at_us, state)

    def left(self, agent: str, queue: str, at_us: int) -> list[Event]:
        _, queues = self._known(agent)
        rest = [name for name in queues if name != queue]
        self._remember(agent, bool(rest), rest)
        if rest:
            raise LeftOut("no_change", "a member of other queues still")
        return self._told(agent, at_us, "offline")

    def paused(self, agent: str, at_us: int, state: str) -> list[Event]:
        return self._told(agent, at_us, state)

    def resumed(self, agent: str, at_us: int) -> list[Event]:
        there, _ = self._known(agent)
        if there is False:
            raise LeftOut("agent_logged_off")
        return self._told(agent, at_us, "available")

    def _told(self, agent: str, at_us: int, state: str) -> list[Event]:
        return [self._connector.event("agent.state", at_us, f"{agent}/{state}/{at_us}", agent=agent, state=state)]

    def _known(self, agent: str) -> tuple[bool | None, list[str]]:
        there, queues = self._connector.remembered("members").get(agent, (None, []))
        return there, queues

    def _remember(self, agent: str, there: bool, queues: list[str]) -> None:
        self._connector.remembered("members").note(agent, [there, queues])
