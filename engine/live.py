"""The present: what the wall, the API and the exposition show, from one engine at its watermark.

Shares and means are told as they were divided: who shows them to people rounds. Rolling figures are of the last `window_us` up to the watermark, the running pane included; levels are those at the
watermark. None means "no data".
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import Names
from engine.events import AGENT_STATES
from engine.facts import FIELD
from engine.measures import measures
from engine.nearest import nearest
from engine.present import unreplied
from engine.tallies import Rollup
from engine.times import SECOND_US
from engine.watermark import NEVER_US
from engine.windows import collect
from engine.worklist import cases_open, promises_open

__all__ = ["live"]

_ROLLING = (
    "offered", "queued", "answered", "abandoned", "left_queue", "answered_in_target", "abandoned_in_target",
    "service_level", "abandonment_rate", "asa_s",
    "wait_max_s", "wait_answered_p95_s", "queue_depth_max", "queue_depth_mean", "first_response_count",
    "first_response_p95_s", "response_count", "handled", "aht_s", "occupancy", "breaches", "csat_share", "csat_count",
    "nps", "transfers", "events_answered", "events_abandoned",
)  # fmt: skip
#: Clocks that end next, as many as anybody reads.
_LISTED = 100
_STATES = [FIELD[f"{state}_net"] for state in AGENT_STATES]
_RENAMED = {"first_response_mean_s": "first_response_avg_s", "response_mean_s": "response_avg_s"}


def live(engine: Any, window_us: int) -> dict[str, Any]:
    """Figures by rollup and group. Before the first event there are no groups."""
    as_of_us = engine.watermark_us
    result: dict[str, Any] = {
        "as_of_us": as_of_us, "watermark_us": as_of_us, "window_s": window_us // SECOND_US,
        "service_level_formula": engine.settings.policy.service_level, "groups": {},
        "agents": _agents(engine.agents), "due": [],
    }  # fmt: skip
    if abs(as_of_us) == -NEVER_US:
        result["as_of_us"] = result["watermark_us"] = None
        return result
    office = engine.back_office
    result["cases"] = cases_open(office.duties, office.cases.cases.values(), as_of_us)
    result["promises"] = promises_open(office.duties, office.promises.promises.values(), as_of_us)
    for rollup in engine.tallies.rollups:
        result["groups"][rollup.name] = _groups(engine, rollup, as_of_us, window_us)
    result["due"] = nearest(engine, as_of_us, _LISTED)
    return result


def _groups(engine: Any, rollup: Rollup, as_of_us: int, window_us: int) -> list[dict[str, Any]]:
    pane_us = engine.pane_us
    end_us = -(-as_of_us // pane_us) * pane_us
    start_us = end_us - max(pane_us, window_us // pane_us * pane_us)
    longest_s = _longest_waits(engine, rollup, as_of_us)
    asked = np.bincount(rollup.group_of[unreplied(engine.contacts)], minlength=len(rollup.groups))
    names, rows = list(rollup.groups), []
    for figures in collect(rollup, pane_us, np.array([start_us]), np.array([end_us]), until_us=as_of_us):
        groups = figures.groups.tolist()
        spans_us = np.full(len(groups), as_of_us - start_us)
        columns = measures(figures, spans_us, engine.settings.policy.service_level)
        totals = rollup.totals[figures.groups]
        # Column by column, since a sale peak has two thousand groups of forty figures, several times a second.
        shown: dict[str, list[Any]] = {
            "waiting": totals[:, FIELD["waiting_net"]].tolist(),
            "longest_wait_s": [longest_s.get(group) for group in groups],
            "unreplied": asked[figures.groups].tolist(),
            "in_service": totals[:, FIELD["in_service_net"]].tolist(),
            "load": totals[:, FIELD["load_net"]].tolist(),
            "agents": [dict(zip(AGENT_STATES, counts, strict=True)) for counts in totals[:, _STATES].tolist()],
            **{name: _plain(columns[name]) for name in _ROLLING},
            "abandoned_short": figures.field("abandoned_short").tolist(),
            **{ours: _plain(columns[name]) for name, ours in _RENAMED.items()},
            "measures": _measures(columns, [measure.name for measure in engine.settings.policy.measures], len(groups)),
        }
        keys = (*rollup.dimensions, *shown)
        for group, row in zip(groups, zip(*shown.values(), strict=True), strict=True):
            rows.append(dict(zip(keys, (*names[group], *row), strict=True)))
    return rows


def _measures(columns: Any, names: list[str], count: int) -> list[dict[str, dict[str, int | float | None]]]:
    """By group the response measures that have data."""
    parts = {name: {part: _plain(columns[f"{name}_{part}"]) for part in ("rate", "avg_s", "count")} for name in names}
    return [
        {name: {part: values[row] for part, values in of.items()} for name, of in parts.items() if of["count"][row]}
        for row in range(count)
    ]


def _longest_waits(engine: Any, rollup: Rollup, as_of_us: int) -> dict[int, float]:
    combinations, since_us = engine.contacts.waiting()
    oldest_us = np.full(max(1, len(rollup.groups)), np.iinfo(np.int64).max)
    np.minimum.at(oldest_us, rollup.group_of[combinations], since_us)
    waiting = np.flatnonzero(oldest_us < np.iinfo(np.int64).max)
    return {group: (as_of_us - int(oldest_us[group])) / SECOND_US for group in waiting.tolist()}


def _agents(agents: Any) -> dict[str, int]:
    names: Names = agents.names
    count = len(names)
    known = agents.state[:count] >= 0
    present = known & (agents.state[:count] != AGENT_STATES.index("offline"))
    overloaded = (agents.slots[:count] > 0) & (agents.load[:count] > agents.slots[:count])
    return {"present": int(present.sum()), "known": int(known.sum()), "overloaded": int(overloaded.sum())}


def _plain(values: NDArray[Any]) -> list[Any]:
    """Numbers as JSON has them: no data is None."""
    if values.dtype.kind == "f":
        return [None if value != value else value for value in values.tolist()]
    plain: list[Any] = values.tolist()
    return plain
