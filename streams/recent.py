"""What was raised lately, one entry for each matter: the alarm that was told of it last, and the worst step that it reached.

Never decides what is an alarm. The law: an end never makes a breach forgotten, and when room is short what is over goes first,
then what was only warned of, and of these the oldest.
"""

from collections.abc import Iterable
from typing import Any

from engine.alarms import BROKEN, ENDED, WARNED, Alarm
from streams.telling import told

__all__ = ["Recent"]

_RANKS = (ENDED, WARNED, BROKEN)
_Matter = tuple[str, str, str]


class Recent:
    """At most `count` matters; those that found no room any more are in `left_out`."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.left_out = 0
        # By the last step, each by matter in the order in which the steps came.
        self._by_step: dict[str, dict[_Matter, dict[str, Any]]] = {step: {} for step in _RANKS}

    def take(self, alarms: Iterable[Alarm]) -> None:
        """Takes alarms by their instants. An end of what is not known any more is left alone."""
        for alarm in alarms:
            matter = alarm.commitment, alarm.about, alarm.name
            step = next((step for step, matters in self._by_step.items() if matter in matters), ENDED)
            if alarm.step == ENDED == step:
                continue
            before = self._by_step[step].pop(matter, None)
            # Another turn of a clock that had ended is another matter.
            goes_on = before is not None and step != ENDED and alarm.step != BROKEN
            worst = before["worst"] if before is not None and goes_on else alarm.step
            self._by_step[alarm.step][matter] = told(alarm) | {"worst": worst}
            self._make_room()

    def rows(self) -> list[dict[str, Any]]:
        """All of them, the newest first."""
        rows = [row for matters in self._by_step.values() for row in matters.values()]
        return sorted(rows, key=lambda row: (row["at_us"], row["id"]), reverse=True)

    def _make_room(self) -> None:
        if sum(map(len, self._by_step.values())) > self.count:
            oldest = next(matters for matters in self._by_step.values() if matters)
            del oldest[next(iter(oldest))]
            self.left_out += 1
