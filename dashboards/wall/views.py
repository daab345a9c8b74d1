"""What one wall sees of the facts: the worst rows of the queues and tenants that it is for.

Owns: the choice of rows and columns, and the order of the worst first. Never computes a figure, never changes the facts.
A view is made of names only, so that walls that ask for the same share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.nearest import FIRST_TIERS

__all__ = ["EVERYTHING", "NAMES_MAX", "ROWS_SHOWN_MAX", "View", "badness", "view"]

ROWS_SHOWN_MAX = 60
#: Names that one view may choose, all together.
NAMES_MAX = 200
#: Of a group's row what the pages show; of the centre as a whole they get every figure.
_FIGURES = (
    "waiting", "longest_wait_s", "in_service", "agents", "offered", "answered", "abandoned", "service_level", "abandonment_rate", "asa_s",
    "first_response_avg_s", "first_response_count", "response_avg_s", "response_count", "csat_share", "csat_count", "breaches",
)  # fmt: skip
#: Means over time move with every tick though nothing happens: of the one, pages show three digits, the other they do not show.
_OVER_TIME, _NEVER_SHOWN = "occupancy", "queue_depth_mean"
#: Rollups that no page gets by the stream: shops are shown by channel, of one shop the whole is the total, the map is asked for.
_NOT_DRAWN = ("tenant", "category,region")
_LISTS = ("due", "alarms")
_WORKED_OFF = ("cases", "promises")


@dataclass(frozen=True, slots=True)
class View:
    """Queues and tenants to be shown, all when none is named; the rows of the tenants `first` come before worse ones, as do
    those of key accounts (C49)."""

    queues: frozenset[str] = field(default_factory=frozenset)
    tenants: frozenset[str] = field(default_factory=frozenset)
    first: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, queues: Iterable[str], tenants: Iterable[str], first: Iterable[str]) -> View | None:
        """A view, or None when it names more than `NAMES_MAX`."""
        made = cls(frozenset(queues), frozenset(tenants), frozenset(first))
        return made if len(made.queues) + len(made.tenants) + len(made.first) <= NAMES_MAX else None

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a row, an alarm or a clock is for this wall. What names no queue, or no tenant, is for everybody."""
        return (not self.queues or row.get("queue", "") in self.queues or "queue" not in row) and (
            not self.tenants or row.get("tenant", "") in self.tenants or "tenant" not in row
        )


EVERYTHING = View()


def view(facts: Mapping[str, Any], chosen: View = EVERYTHING) -> dict[str, Any]:
    """The facts as a wall shows them. `hidden` says of each rollup how many rows were left out of those chosen."""
    shown = dict(facts)
    shown.pop("sources", None)  # Asked for, never drawn.
    for name in _LISTS:
        if name in facts:
            shown[name] = [row for row in facts[name] if chosen.holds(row)]
    for name in _WORKED_OFF:
        if name in facts:
            shown[name] = facts[name] | {"rows": [row for row in facts[name]["rows"] if chosen.holds(row)]}
    if "capacity" in facts:
        queues = [row for row in facts["capacity"]["queues"] if chosen.holds(row)]
        shown["capacity"] = facts["capacity"] | {"queues": queues[:ROWS_SHOWN_MAX]}
    if "conditions" in facts:
        shown["conditions"] = [row for row in facts["conditions"] if chosen.holds(row.get("of", {}))]
    first = chosen.first | {
        row["tenant"]
        for name in _LISTS
        for row in facts.get(name, ())
        if row.get("tier") in FIRST_TIERS and "tenant" in row
    }
    shown["groups"], shown["hidden"] = {}, {}
    for rollup, rows in facts.get("groups", {}).items():
        if rollup in _NOT_DRAWN:
            continue
        kept = [row for row in rows if chosen.holds(row)]
        kept.sort(key=lambda row: (row.get("tenant") in first, badness(row)), reverse=True)
        shown["hidden"][rollup] = max(0, len(kept) - ROWS_SHOWN_MAX)
        shown["groups"][rollup] = [_row(rollup, row) for row in kept[:ROWS_SHOWN_MAX]]
    return shown


def badness(row: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """What makes a row worse than another: the longest wait, then how many wait, then the service level."""
    level = row.get("service_level")
    return (
        row.get("longest_wait_s") or 0,
        row.get("waiting") or 0,
        0 if level is None else 1 - level,
        row.get("offered") or 0,
    )


def _row(rollup: str, row: Mapping[str, Any]) -> Mapping[str, Any]:
    names = row if rollup == "total" else (*rollup.split(","), *_FIGURES)
    return {
        name: _short(row[name], 4 if name == _OVER_TIME else 10)
        for name in names
        if name in row and name != _NEVER_SHOWN
    }


def _short(value: Any, digits: int) -> Any:
    """A share or mean by many more digits than a page shows: the rest would be half of the message."""
    if isinstance(value, dict):
        return {name: _short(one, digits) for name, one in value.items()}
    return round(value, digits) if isinstance(value, float) else value
