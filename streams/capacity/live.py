"""What is needed now against who is present, by queue, and which queues are about to break: beside what the wall shows.

Owns when it is looked at and what is told. Looks at the engine on its own thread and changes nothing in it: people every `LOOK_S`, and what lies ahead at each
whole minute of event time. Law: a queue of which too little is known has no figures, rather than zeros; no more than `QUEUES_MAX` queues are told of, those that
are about to break and those that miss most people first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.alarms import Alarm
from engine.capacity.estimates import queueing
from engine.capacity.outlook import AHEAD, MINUTES, QUARTER, Outlook, outlook
from engine.capacity.staffing import Target
from engine.facts import FIELD
from engine.policy import CONTACT_LIMITS, NO_LIMIT_US
from engine.times import HOUR_US, MINUTE_US, SECOND_US
from engine.watermark import NEVER_US
from streams.capacity.naming import Naming
from streams.capacity.planned import Planned
from streams.capacity.seeing import hour_of, minute_of, queues_of, seen
from streams.capacity.targets import share_of

__all__ = ["LOOK_S", "QUEUES_MAX", "Ahead", "Costs", "Staffing", "Usual", "looked_at", "unknown"]

LOOK_S = 10.0
QUEUES_MAX = 500
_PRESENT = [FIELD[f"{state}_net"] for state in ("available", "busy", "wrapup")]
_LONGEST_S = 86_400.0
_SEATS_MAX = 20
_QUARTER_US = QUARTER * MINUTE_US
#: Looks that lie further apart do not follow each other.
_APART_US = 3 * MINUTE_US

#: How many contacts are usual (queues, minutes) in so many minutes from an instant on; NaN and None where nobody knows.
Usual = Callable[[list[str], int, int], NDArray[np.float64] | None]


def unknown(queues: list[str], from_us: int, minutes: int) -> NDArray[np.float64] | None:
    """Of no queue."""
    return None


@dataclass(frozen=True)
class Costs:
    """Of an hour of a person, and of a contact that misses its target, in any currency; 0 for what nobody said."""

    hour: float = 0.0
    breach: float = 0.0

    def of(self, row: dict[str, Any]) -> dict[str, float | None]:
        """What the next quarter of an hour of a queue costs: people beyond those needed, and contacts that are expected to miss the target if nothing changes."""
        told: dict[str, float | None] = {}
        if self.hour:
            told["surplus_cost_next"] = (
                None if row["missing"] is None else round(max(-row["missing"], 0) * self.hour * QUARTER / 60, 2)
            )
        if self.breach:
            level = row["service_level"]
            told["breach_cost_next"] = (
                None if level is None else round(row["arrivals_next"] * (1 - level) * self.breach, 2)
            )
        return told


@dataclass(frozen=True)
class Ahead:
    """One look at all queues: as of which minute, with their names, targets in seconds (NaN for none), whether anybody says to be there, and the outlook. `named` (queues, 2)
    are the quarters that the look before had as breaking too: what is so for one minute only is wrong more often than not."""

    as_of_us: int
    names: list[str]
    within_s: NDArray[np.float64]
    staffed: NDArray[np.bool_]
    outlook: Outlook
    named: NDArray[np.bool_]

    def suspected(self) -> set[tuple[str, int]]:
        """Queues and beginnings of quarters that this look has as breaking."""
        begins_us = self.as_of_us // _QUARTER_US * _QUARTER_US
        found = zip(*np.nonzero(self.outlook.breaking & self.staffed[:, None]), strict=True)
        return {(self.names[row], begins_us + int(quarter) * _QUARTER_US) for row, quarter in found}


class Staffing:
    """`look` behind a tick; `facts` has what was found last."""

    def __init__(
        self, turn: Callable[[], float] = time.monotonic, *, planned: Planned | None = None, usual: Usual = unknown,
        costs: Costs | None = None,
    ) -> None:  # fmt: skip
        self._turn = turn
        self._costs = costs or Costs()
        self._planned, self._usual = planned or Planned(), usual
        self._next = 0.0
        self._ahead: Ahead | None = None
        self._told: dict[str, Any] = {}
        self._naming = Naming()
        self._tell: Callable[[list[Alarm]], None] = lambda alarms: None

    def follow(self, planned: Planned, tell: Callable[[list[Alarm]], None]) -> None:
        """Takes the plan from elsewhere, and tells of queues that are about to break."""
        self._planned, self._tell = planned, tell

    def facts(self) -> dict[str, Any]:
        """Under `capacity`: as of when, and the queues; under `conditions` those that are about to break."""
        return self._told

    def look(self, engine: Any) -> None:
        """Works it out anew, at most once in `LOOK_S`."""
        turn = self._turn()
        rollup = queues_of(engine)
        if turn < self._next or rollup is None or abs(engine.watermark_us) == -NEVER_US:
            return
        self._next = turn + LOOK_S
        before = self._ahead
        if before is None or before.as_of_us != minute_of(engine) or len(before.names) != len(rollup.groups):
            self._ahead = looked_at(engine, rollup, self._planned, self._usual, before)
            self._planned.forget(engine.watermark_us)
        if self._ahead is not None:
            rows, share = _rows(engine, rollup, self._ahead, self._planned), share_of(engine.settings.policy)
            if self._ahead is not before:
                self._naming.look(rows, self._ahead.as_of_us, share)
                if alarms := self._naming.take():
                    self._tell(alarms)
            for row in rows:
                row.update(self._costs.of(row))
            self._told = {
                "capacity": {"as_of_us": engine.watermark_us, "share": share, "queues": rows},
                "conditions": self._naming.raised,
            }


def looked_at(engine: Any, rollup: Any, planned: Planned, usual: Usual = unknown, before: Ahead | None = None) -> Ahead:
    """What lies ahead of every queue, as of the last whole minute."""
    end_us, count = minute_of(engine), len(rollup.groups)
    names = [name for (name,) in rollup.groups]
    hour = hour_of(engine, rollup)
    known = queueing(hour.field, np.int64(HOUR_US))
    # The plan is for intervals; it is asked at the minute that the look is of, so that a replay says the same.
    what = seen(
        engine, rollup, hour, usual(names, end_us - MINUTES * MINUTE_US, MINUTES + AHEAD), planned.ahead(names, end_us)
    )
    present = rollup.totals[:count][:, _PRESENT].sum(axis=1)
    staffed = present > 0
    # What people can hold at once, by the places that they tell; what they held, where nobody is there.
    held = np.nan_to_num(np.round(known.concurrency), nan=1.0)
    seats = np.clip(np.where(staffed, np.round(what.slots / np.maximum(present, 1)), held), 1, _SEATS_MAX)
    within_s = _targets_s(engine, rollup, count)
    share = share_of(engine.settings.policy)
    found = Outlook(
        np.full(count, np.nan),
        np.zeros(count, np.int64),
        np.full((count, 2), np.nan),
        np.full((count, 2), np.nan),
        np.zeros((count, 2), np.bool_),
    )
    for target_s in np.unique(within_s[np.isfinite(within_s)]).tolist():
        at = np.flatnonzero(within_s == target_s)
        part = outlook(what.only(at), Target(share, target_s), handle_s=known.handle_s.value[at], concurrency=seats[at])
        for name in ("arrivals", "needed", "service_level", "breaks", "breaking"):
            getattr(found, name)[at] = getattr(part, name)
    ahead = Ahead(end_us, names, within_s, staffed, found, np.zeros((count, 2), np.bool_))
    if before is not None and 0 < end_us - before.as_of_us <= _APART_US:
        for queue, begins_us in ahead.suspected() & before.suspected():
            ahead.named[names.index(queue), (begins_us - end_us // _QUARTER_US * _QUARTER_US) // _QUARTER_US] = True
    return ahead


def _rows(engine: Any, rollup: Any, ahead: Ahead, planned: Planned) -> list[dict[str, Any]]:
    present = rollup.totals[: len(ahead.names)][:, _PRESENT].sum(axis=1)
    begins_us = ahead.as_of_us // _QUARTER_US * _QUARTER_US
    found, rows = ahead.outlook, []
    for group in np.flatnonzero(np.isfinite(found.arrivals)).tolist():
        queue, needed = ahead.names[group], int(found.needed[group])
        # Where nobody says that they are there, nobody knows whether somebody is missing.
        staffed = bool(ahead.staffed[group])
        levels, breaks = (
            [_told(one) if staffed else None for one in of[group].tolist()]
            for of in (found.service_level, found.breaks)
        )
        named = [bool(one) for one in ahead.named[group]]
        first = named.index(True) if any(named) else None
        there = planned.people(queue, begins_us + _QUARTER_US)
        rows.append({
            "queue": queue, "needed": needed, "present": int(present[group]) if staffed else None,
            "missing": needed - int(present[group]) if staffed else None,
            "planned_next": there, "missing_next": needed - there if there is not None else None,
            "arrivals_next": round(float(found.arrivals[group]) * QUARTER * 60, 1),
            "service_level": levels[1], "service_level_now": levels[0], "breaks_likely": breaks[1], "breaks_likely_now": breaks[0],
            "breaking": any(named) if staffed else None,
            "breaks_at_us": None if first is None else begins_us + (first + 1) * _QUARTER_US,
            "target_s": float(ahead.within_s[group]),
        })  # fmt: skip
    return sorted(rows, key=_order)[:QUEUES_MAX]


def _order(row: dict[str, Any]) -> tuple[bool, int, str]:
    return not row["breaking"], -(row["missing"] or 0), row["queue"]


def _told(value: float) -> float | None:
    return round(value, 4) if value == value else None


def _targets_s(engine: Any, rollup: Any, count: int) -> Any:
    """By queue the shortest target of the policy for any contact of it, NaN for none."""
    limits = engine.limits
    period = limits.period_of[np.searchsorted(limits.bounds_us, engine.watermark_us, "right")]
    table_us = limits.table_us[CONTACT_LIMITS.index("target"), period]
    groups = rollup.group_of[: len(table_us)]
    shortest = np.full(count, NO_LIMIT_US)
    np.minimum.at(shortest, groups, table_us[: len(groups)])
    return np.where(shortest >= _LONGEST_S * SECOND_US, np.nan, shortest / SECOND_US)
