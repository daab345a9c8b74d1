"""What was raised: warnings, breaches and ends of what a policy watches, each with the instant at which it became true.

Kept until somebody takes them, and with the snapshot; in the order of their instants within what is taken at once. The same
events raise the same alarms, whatever the batches, and again after a replay: `id` tells that they are the same.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.columns import Combinations, Names
from engine.events import DIMENSIONS
from engine.facts import STEPS
from engine.keys import PUBLIC, key_of
from engine.policy import COMMITMENTS

__all__ = ["ABOUT", "BROKEN", "ENDED", "WARNED", "Alarm", "Alarms"]

WARNED, BROKEN, ENDED = STEPS
#: What an alarm may be about; of a group the name is its dimensions' values.
ABOUT = ("contact", "case", "promise", "agent", "customer", "group", "source")


@dataclass(frozen=True, order=True)
class Alarm:
    """One step of one matter.

    `at_us`: the instant at which it was reached; `since_us`: when the clock, or the condition, began. An end is the end of all that was
    raised for that commitment of the same thing. `about` what, `name`
    which one; of a customer that is the key, never the name. `values` are the dimensions that held then, in the order of
    `DIMENSIONS`, empty for none; `more` says what else is known, as pairs: agent, owner, department, grade, figure.
    """

    at_us: int
    commitment: str
    step: str
    about: str
    name: str
    since_us: int
    values: tuple[str, ...] = ()
    more: tuple[tuple[str, str], ...] = field(default=())

    @property
    def id(self) -> str:
        """The same for the same alarm after a replay; says nothing of the name."""
        told = (self.commitment, self.step, self.about, self.name, str(self.since_us), str(self.at_us))
        return f"{key_of(chr(0).join(told), PUBLIC):016x}"

    @property
    def is_breach(self) -> bool:
        """Whether the limit itself was reached."""
        return self.step == BROKEN

    def value(self, dimension: str) -> str:
        """What held of a dimension, "" where nothing is known."""
        return self.values[DIMENSIONS.index(dimension)] if self.values else ""


class Alarms:
    """Alarms nobody has taken yet. Past `alarms_max` the oldest are lost, which is counted.

    What clocks raise stays in arrays until somebody asks: in an hour when everything breaks, nothing must take longer.
    """

    def __init__(self, combinations: Combinations, agents: Names, alarms_max: int) -> None:
        self.combinations = combinations
        self.agents = agents
        self.alarms_max = alarms_max
        self.count = 0
        self.lost_count = 0
        self._told: list[Alarm] = []
        self._raised: deque[tuple[NDArray[np.int64], list[str]]] = deque()

    @property
    def waiting(self) -> list[Alarm]:
        """All that wait, in no particular order."""
        values: dict[int, tuple[str, ...]] = {}
        for raised, names in self._raised:
            for (what, as_, at_us, _, since_us, agent, _), name in zip(raised.T.tolist(), names, strict=True):
                if as_ not in values:
                    values[as_] = self.values(as_)
                more = (("agent", self.agents.texts[agent]),) if agent > 0 else ()
                commitment, step = COMMITMENTS[what // len(STEPS)], STEPS[what % len(STEPS)]
                self._told.append(Alarm(at_us, commitment, step, "contact", name, since_us, values[as_], more))
        self._raised.clear()
        return self._told

    def add(self, alarms: Iterable[Alarm]) -> None:
        """Takes alarms in any order."""
        before = len(self._told)
        self._told += alarms
        self._counted(len(self._told) - before)

    def add_raised(self, raised: NDArray[np.int64], names: list[str | None]) -> None:
        """Takes what `engine.clocks` raised, int64 (7, n); `names` are the contacts' by slot."""
        self._raised.append((raised, [names[slot] or "" for slot in raised[3].tolist()]))
        self._counted(raised.shape[1])

    def values(self, combination: int) -> tuple[str, ...]:
        """The texts of a combination, in the order of `DIMENSIONS`."""
        codes = self.combinations.values[combination].tolist()
        return tuple(names.texts[code] for code, names in zip(codes, self.combinations.names, strict=True))

    def take(self) -> list[Alarm]:
        """All that wait, by their instants; they wait no longer."""
        taken = sorted(self.waiting)
        self._told, self.count = [], 0
        return taken

    def _counted(self, more: int) -> None:
        self.count += more
        while self.count > self.alarms_max:
            over = self.count - self.alarms_max
            if self._raised:
                raised, names = self._raised.popleft()
                lost = min(over, len(names))
                if lost < len(names):
                    self._raised.appendleft((raised[:, lost:], names[lost:]))
            else:
                lost = over
                del self._told[:lost]
            self.lost_count += lost
            self.count -= lost
