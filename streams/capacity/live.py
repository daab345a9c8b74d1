"""What is needed now against who is present, by queue, beside what the wall shows.

Owns when it is looked at and what is told. Looks at the engine on its own thread, every `LOOK_S`, and changes nothing in it. Law: the figures are the engine's, of the
last half hour and hour; a queue of which too little is known has none, rather than zeros; no more than `QUEUES_MAX` queues are told of, those that miss most people first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.capacity.estimates import queueing
from engine.capacity.outlook import BIN_S, BINS, outlook
from engine.capacity.staffing import Target
from engine.facts import FIELD
from engine.policy import CONTACT_LIMITS, NO_LIMIT_US
from engine.times import HOUR_US, SECOND_US
from engine.watermark import NEVER_US
from engine.windows import collect

__all__ = ["LOOK_S", "QUEUES_MAX", "SHARE", "Staffing"]

LOOK_S = 10.0
QUEUES_MAX = 500
#: The share of contacts that is to be answered within the policy's target, as the condition `service_level_low` has it.
SHARE = 0.8
_PRESENT = [FIELD[f"{state}_net"] for state in ("available", "busy", "wrapup")]
_LONGEST_S = 86_400.0


class Staffing:
    """`look` behind a tick; `facts` has what was found last."""

    def __init__(self, turn: Callable[[], float] = time.monotonic) -> None:
        self._turn = turn
        self._next = 0.0
        self._told: dict[str, Any] = {}

    def facts(self) -> dict[str, Any]:
        """Under `capacity`: as of when, and the queues."""
        return self._told

    def look(self, engine: Any) -> None:
        """Works it out anew, at most once in `LOOK_S`."""
        turn = self._turn()
        rollup = next((one for one in engine.tallies.rollups if one.dimensions == ("queue",)), None)
        if turn < self._next or rollup is None or not rollup.groups or abs(engine.watermark_us) == -NEVER_US:
            return
        self._next = turn + LOOK_S
        self._told = {"capacity": {"as_of_us": engine.watermark_us, "queues": _queues(engine, rollup)}}


def _queues(engine: Any, rollup: Any) -> list[dict[str, Any]]:
    pane_us, count = engine.pane_us, len(rollup.groups)
    end_us = engine.watermark_us // pane_us * pane_us
    starts = end_us - np.arange(BINS, 0, -1) * BIN_S * SECOND_US
    offered = np.zeros((count, BINS))
    for part in collect(rollup, pane_us, starts, starts + BIN_S * SECOND_US):
        offered[part.groups, part.windows] = part.field("offered")
    (hour,) = collect(rollup, pane_us, np.array([end_us - HOUR_US]), np.array([end_us]), every=True)
    known = queueing(hour.field, np.int64(HOUR_US))
    totals = rollup.totals[:count]
    present = totals[:, _PRESENT].sum(axis=1)
    waiting = np.maximum(totals[:, FIELD["waiting_net"]], 0)
    seats = np.maximum(np.nan_to_num(np.round(known.concurrency), nan=1.0), 1)
    within_s = _targets_s(engine, rollup, count)
    rows = []
    names = list(rollup.groups)
    for target_s in np.unique(within_s[np.isfinite(within_s)]).tolist():
        at = np.flatnonzero(within_s == target_s)
        found = outlook(
            offered[at], waiting[at], present[at], known.handle_s.value[at], known.patience_s.value[at], Target(SHARE, target_s),
            concurrency=seats[at],
        )  # fmt: skip
        for place, group in enumerate(at.tolist()):
            if not np.isfinite(found.arrivals[place]):
                continue
            # Where nobody says that they are there, nobody knows whether somebody is missing.
            staffed = bool(present[group])
            rows.append({
                "queue": names[group][0], "needed": int(found.needed[place]), "present": int(present[group]) if staffed else None,
                "missing": int(found.missing[place]) if staffed else None,
                "service_level": round(float(found.service_level[place]), 4) if staffed else None,
                "breaking": bool(found.breaking[place]) if staffed else None, "target_s": target_s,
            })  # fmt: skip
    return sorted(rows, key=lambda row: (-(row["missing"] or 0), row["queue"]))[:QUEUES_MAX]


def _targets_s(engine: Any, rollup: Any, count: int) -> Any:
    """By queue the shortest target of the policy for any contact of it, NaN for none."""
    limits = engine.limits
    period = limits.period_of[np.searchsorted(limits.bounds_us, engine.watermark_us, "right")]
    table_us = limits.table_us[CONTACT_LIMITS.index("target"), period]
    groups = rollup.group_of[: len(table_us)]
    shortest = np.full(count, NO_LIMIT_US)
    np.minimum.at(shortest, groups, table_us[: len(groups)])
    return np.where(shortest >= _LONGEST_S * SECOND_US, np.nan, shortest / SECOND_US)
