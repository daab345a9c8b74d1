"""What was raised: warnings, breaches and ends of what a policy watches, each with the instant at which it became true.

Kept until somebody takes them, and with the snapshot; in the order of their instants within what is taken at once. The same
events raise the same alarms, whatever the batches, and again after a replay: `id` tells that they are the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.columns import Combinations
from engine.events import DIMENSIONS
from engine.keys import PUBLIC, key_of
from engine.policy import COMMITMENTS

__all__ = ["ABOUT", "BROKEN", "ENDED", "WARNED", "Alarm", "Alarms"]

#: Steps of an alarm: the share that warns was reached; the limit was; what was broken holds again.
WARNED, BROKEN, ENDED = "warned", "broken", "ended"
#: What an alarm may be about; of a group the name is its dimensions' values.
ABOUT = ("contact", "case", "promise", "agent", "customer", "group", "source")


@dataclass(frozen=True, order=True)
class Alarm:
    """One step of one matter.

    `at_us`: the instant at which it was reached; `since_us`: when the clock, or the condition, began. `about` what, `name`
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
    """Alarms nobody has taken yet. Past `alarms_max` the oldest are lost, which is counted."""

    def __init__(self, combinations: Combinations, alarms_max: int) -> None:
        self.combinations = combinations
        self.alarms_max = alarms_max
        self.waiting: list[Alarm] = []
        self.lost_count = 0

    def add(self, alarms: Iterable[Alarm]) -> None:
        """Takes alarms in any order."""
        self.waiting += alarms
        if len(self.waiting) > self.alarms_max:
            self.lost_count += len(self.waiting) - self.alarms_max
            del self.waiting[: -self.alarms_max]

    def add_raised(self, raised: NDArray[np.int64], names: list[str | None], agents: list[str]) -> list[Alarm]:
        """Takes what `engine.clocks` raised, int64 (7, n), and returns it; `names` are the contacts' by slot."""
        found = []
        for what, as_, at_us, slot, since_us, agent, _ in raised.T.tolist():
            more = (("agent", agents[agent]),) if agent > 0 else ()
            step = BROKEN if what % 2 else WARNED
            found.append(
                Alarm(at_us, COMMITMENTS[what // 2], step, "contact", names[slot] or "", since_us, self.values(as_), more)
            )  # fmt: skip
        self.add(found)
        return found

    def values(self, combination: int) -> tuple[str, ...]:
        """The texts of a combination, in the order of `DIMENSIONS`."""
        codes = self.combinations.values[combination].tolist()
        return tuple(names.texts[code] for code, names in zip(codes, self.combinations.names, strict=True))

    def take(self) -> list[Alarm]:
        """All that wait, by their instants; they wait no longer."""
        taken, self.waiting = sorted(self.waiting), []
        return taken
