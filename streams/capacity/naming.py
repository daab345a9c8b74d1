"""Queues that are about to break, as a condition: raised when one is named, ended when it has not been named for a while.

Owns when it begins and ends. Never tells anybody: its alarms go the way of all alarms. Law: the same looks give the same alarms; a process that was started anew ends at its
first look what one before it may have left raised.
"""

from __future__ import annotations

from typing import Any

from engine.alarms import ENDED, WARNED, Alarm
from engine.events import DIMENSIONS
from engine.times import MINUTE_US

__all__ = ["BREAKING", "ENDS_US", "Naming"]

#: The condition's name, as conditions of the policy have theirs.
BREAKING = "queue_breaking"
SEVERITY = "warning"
#: So long a queue must not have been named.
ENDS_US = 3 * MINUTE_US


class Naming:
    """`look` at what each look found, `take` the alarms, and ask what is `raised`."""

    def __init__(self) -> None:
        self.raised: list[dict[str, Any]] = []
        self._since: dict[str, int] = {}
        self._named: dict[str, int] = {}
        self._known: set[str] | None = None
        self._alarms: list[Alarm] = []

    def look(self, rows: list[dict[str, Any]], as_of_us: int, share: float) -> None:
        """`rows` as `/api/v1/now` has them, of one look."""
        self.raised = []
        by_queue = {row["queue"]: row for row in rows}
        if self._known is None:
            self._alarms += [
                self._alarm(name, ENDED, as_of_us, as_of_us) for name, row in by_queue.items() if not row["breaking"]
            ]
        self._known = set(by_queue)
        for name, row in by_queue.items():
            if row["breaking"]:
                self._named[name] = as_of_us
                if name not in self._since:
                    self._since[name] = as_of_us
                    self._alarms.append(self._alarm(name, WARNED, as_of_us, as_of_us, _more(row, share)))
        for name, since_us in list(self._since.items()):
            if as_of_us - self._named[name] >= ENDS_US:
                self._alarms.append(self._alarm(name, ENDED, as_of_us, since_us))
                del self._since[name], self._named[name]
        self.raised = [
            {"name": BREAKING, "severity": SEVERITY, "of": {"queue": name}, "since_us": since_us, **dict(_more(by_queue.get(name, {}), share))}
            for name, since_us in self._since.items()
        ]  # fmt: skip

    def take(self) -> list[Alarm]:
        """Alarms that nobody has taken yet."""
        taken, self._alarms = self._alarms, []
        return taken

    @staticmethod
    def _alarm(queue: str, step: str, at_us: int, since_us: int, more: tuple[tuple[str, str], ...] = ()) -> Alarm:
        values = tuple(queue if name == "queue" else "" for name in DIMENSIONS)
        return Alarm(at_us, BREAKING, step, "group", queue, since_us, values, (*more, ("severity", SEVERITY)))


def _more(row: dict[str, Any], share: float) -> tuple[tuple[str, str], ...]:
    """The service level expected of the quarter that is named first, and who is missing; empty where nobody knows."""
    levels = [level for level in (row.get("service_level_now"), row.get("service_level")) if level is not None]
    missing = row.get("missing")
    return (
        ("measure", "service_level"), ("figure", f"{min(levels):g}" if levels else ""), ("limit", f"{share:g}"),
        ("missing", str(missing) if missing is not None and missing > 0 else ""),
    )  # fmt: skip
