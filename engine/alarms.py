"""What was raised: warnings and breaches of single contacts, each with the instant at which it became true.

Kept until somebody takes them, and with the snapshot; in the order of their instants within what is taken at once. The same
events raise the same alarms, whatever the batches, and again after a replay: `id` tells that they are the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.columns import Combinations
from engine.events import DIMENSIONS
from engine.keys import PUBLIC, key_of
from engine.policy import CLOCKS

__all__ = ["Alarm", "Alarms"]


@dataclass(frozen=True, order=True)
class Alarm:
    """`at_us`: the instant at which the clock's limit (`is_breach`), or the share of it that warns, was reached. `values` are
    the contact's dimensions then, in the order of `DIMENSIONS`; `since_us` is when the clock began."""

    at_us: int
    clock: str
    is_breach: bool
    contact: str
    since_us: int
    values: tuple[str, ...]

    @property
    def id(self) -> str:
        """The same for the same alarm after a replay; says nothing of the contact's name."""
        told = "\0".join((self.clock, str(self.is_breach), self.contact, str(self.since_us), str(self.at_us)))
        return f"{key_of(told, PUBLIC):016x}"

    def value(self, dimension: str) -> str:
        """What held for the contact."""
        return self.values[DIMENSIONS.index(dimension)]


class Alarms:
    """Alarms nobody has taken yet. Past `alarms_max` the oldest are lost, which is counted."""

    def __init__(self, combinations: Combinations, alarms_max: int) -> None:
        self.combinations = combinations
        self.alarms_max = alarms_max
        self.waiting: list[Alarm] = []
        self.lost_count = 0

    def add(self, raised: NDArray[np.int64], names: list[str | None]) -> None:
        """Takes what `engine.clocks` raised, int64 (5, n); `names` are the contacts' by slot."""
        texts = [column.texts for column in self.combinations.names]
        for what, as_, at_us, slot, since_us in raised.T.tolist():
            values = self.combinations.values[as_].tolist()
            said = tuple(column[code] for column, code in zip(texts, values, strict=True))
            self.waiting.append(Alarm(at_us, CLOCKS[what // 2], bool(what % 2), names[slot] or "", since_us, said))
        if len(self.waiting) > self.alarms_max:
            self.lost_count += len(self.waiting) - self.alarms_max
            del self.waiting[: -self.alarms_max]

    def take(self) -> list[Alarm]:
        """All that wait, by their instants; they wait no longer."""
        taken, self.waiting = sorted(self.waiting), []
        return taken
