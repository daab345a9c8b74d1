"""What holds at an instant of contacts, agents and sources, by group, for conditions: what no sum of facts tells.

Looks only; changes nothing. What needs a look at every contact or agent is looked up once an instant.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.agents import Agents, is_idle, is_occupied
from engine.contacts import Contacts
from engine.events import AGENT_STATES
from engine.frames import Frame
from engine.lifecycle import Phase, phases
from engine.times import SECOND_US
from engine.watermark import NEVER_US, Order

__all__ = ["Present", "levels_of", "unreplied"]

Figures = NDArray[np.float64]
Index = NDArray[np.int64]


def unreplied(contacts: Contacts) -> NDArray[np.int32]:
    """The combinations of conversations that wait for a person or have one, and in which a customer's message has no person's reply."""
    count = len(contacts.names)
    phase = phases(contacts.states[:count])
    asked = contacts.lives["turn_since_us"][:count] != NEVER_US
    return contacts.lives["combination"][:count][asked & (phase >= Phase.WAITING) & (phase < Phase.ABANDONED)]  # type: ignore[no-any-return]


def levels_of(contacts: Contacts, agents: Agents) -> dict[str, tuple[Any, Any]]:
    """What holds of every level now, by combination: of each the combinations, and how much each of them has."""
    count, people = len(contacts.names), slice(1, len(agents.names))
    phase = phases(contacts.states[:count])
    served = (phase >= Phase.SERVED) & (phase < Phase.ABANDONED)
    state, load, as_ = agents.state[people], agents.load[people].astype(np.int64), agents.combination[people]
    found: dict[str, tuple[Any, Any]] = {
        "waiting": (contacts.waiting()[0], 1),
        "in_service": (contacts.lives["served_as"][:count][served], 1),
        "load": (as_, load),
        "occupied": (as_[is_occupied(state, load)], 1),
        "idle": (as_[is_idle(state, load)], 1),
    }
    return found | {name: (as_[state == code], 1) for code, name in enumerate(AGENT_STATES)}


class Present:
    """The engine's state when all of before `at_us` has been processed. `heard_us` is by source when it was last heard, `NEVER_US`
    for never."""

    def __init__(self, at_us: int, contacts: Contacts, agents: Agents, order: Order, heard_us: Index) -> None:
        self.at_us = at_us
        self.contacts, self.agents, self.order = contacts, agents, order
        self.heard_us = heard_us

    def figures(self, measure: str, frame: Frame) -> Figures:
        """What a measure without a formula comes to, by group; `silent_s` by source."""
        if measure == "silent_s":
            return self._silences_s
        return self._longest_waits_s(frame) if measure == "longest_wait_s" else self._counted(measure, frame)

    @cached_property
    def _silences_s(self) -> Figures:
        """By source. One that has said that it ends is silent for a reason."""
        silent = (self.at_us - self.heard_us) / SECOND_US
        for name, number in self.order.numbers.items():
            source = self.order.sources[name]
            if number < len(silent) and source.finished and source.newest_us < self.at_us:
                silent[number] = 0.0
        return np.where(self.heard_us == NEVER_US, 0.0, silent)

    @cached_property
    def _waits(self) -> tuple[Any, Index]:
        return self.contacts.waiting()

    def _longest_waits_s(self, frame: Frame) -> Figures:
        combinations, since_us = self._waits
        places = frame.scope.place_of[combinations]
        oldest_us = np.full(len(frame), self.at_us)
        np.minimum.at(oldest_us, places[places >= 0], since_us[places >= 0])
        longest: Figures = (self.at_us - oldest_us) / SECOND_US
        return longest

    @cached_property
    def _overloaded(self) -> Any:
        count, agents = len(self.agents.names), self.agents
        return agents.combination[:count][(agents.slots[:count] > 0) & (agents.load[:count] > agents.slots[:count])]

    @cached_property
    def _unreplied(self) -> Any:
        return unreplied(self.contacts)

    def _counted(self, measure: str, frame: Frame) -> Figures:
        places = frame.scope.place_of[getattr(self, f"_{measure}")]
        return np.bincount(places[places >= 0], minlength=len(frame)).astype(np.float64)
