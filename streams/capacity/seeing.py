"""What the outlook is given of an engine: counts by minute and what stands now, by queue.

Owns the reading. Changes nothing in the engine and never judges. Law: nothing behind the last whole minute counts, save what stands at this moment.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.capacity.outlook import MINUTES, QUARTER, Seen
from engine.events import AGENT_STATES
from engine.facts import FIELD
from engine.times import HOUR_US, MINUTE_US, SECOND_US
from engine.windows import Figures, collect

__all__ = ["hour_of", "minute_of", "queues_of", "seen"]

Values = NDArray[np.float64]
_AVAILABLE = AGENT_STATES.index("available")
_THERE = [AGENT_STATES.index(name) for name in ("available", "busy", "wrapup")]


def queues_of(engine: Any) -> Any:
    """The rollup by queue, None without one or without a minute as its pane."""
    found = next((one for one in engine.tallies.rollups if one.dimensions == ("queue",)), None)
    return found if found is not None and found.groups and MINUTE_US % engine.pane_us == 0 else None


def minute_of(engine: Any) -> int:
    """The last whole minute."""
    end_us: int = engine.watermark_us // MINUTE_US * MINUTE_US
    return end_us


def hour_of(engine: Any, rollup: Any) -> Figures:
    """The hour before the last whole minute, of every queue."""
    end_us = minute_of(engine)
    (hour,) = collect(rollup, engine.pane_us, np.array([end_us - HOUR_US]), np.array([end_us]), every=True)
    return hour


def seen(engine: Any, rollup: Any, hour: Figures, usual: Values | None = None, planned: Values | None = None) -> Seen:
    """As of the last whole minute; `hour` is that of `hour_of`."""
    end_us, count = minute_of(engine), len(rollup.groups)
    starts = end_us - np.arange(MINUTES, 0, -1) * MINUTE_US
    offered, in_target = np.zeros((count, MINUTES)), np.zeros((count, MINUTES))
    for part in collect(rollup, engine.pane_us, starts, starts + MINUTE_US):
        cells = part.groups, part.windows
        offered[cells], in_target[cells] = part.field("offered"), part.field("answered_in_target")
    totals = rollup.totals[:count]
    standing = {
        name: np.maximum(totals[:, FIELD[f"{name}_net"]], 0).astype(np.float64)
        for name in ("waiting", "in_service", "wrapup")
    }
    free, slots, load = _places(engine.agents, rollup, count)
    wrapup = standing["wrapup"]

    def seconds(*names: str) -> Values:
        whole = np.zeros(count)
        for name in names:
            whole += hour.field(f"{name}_area_us") / SECOND_US
        return whole

    return Seen(
        behind=int(end_us // MINUTE_US % QUARTER), offered=offered, in_target=in_target, waiting=standing["waiting"],
        serving=standing["in_service"] + wrapup, free=free, slots=slots, load=load + wrapup,
        handled=hour.field("handled").astype(np.float64), held_s=seconds("in_service", "wrapup"), waited_s=seconds("waiting"),
        left=(hour.field("left_abandoned") + hour.field("left_other")).astype(np.float64), usual=usual, planned=planned,
    )  # fmt: skip


def _places(agents: Any, rollup: Any, count: int) -> tuple[Values, Values, Values]:
    """By queue, of people who are there: places free of those who take more, all places, and contacts held. Who tells no number of places has one."""
    people = len(agents.names)
    state, load = agents.state[:people], agents.load[:people].astype(np.float64)
    slots = np.maximum(agents.slots[:people], 1).astype(np.float64)
    group = rollup.group_of[agents.combination[:people]]

    def summed(of: Values, chosen: NDArray[np.bool_]) -> Values:
        here = chosen & (group >= 0)
        return np.bincount(group[here], of[here], minlength=count)[:count].astype(np.float64)

    there = np.isin(state, _THERE)
    return summed(np.maximum(slots - load, 0), state == _AVAILABLE), summed(slots, there), summed(load, there)
