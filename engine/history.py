"""Main figures by interval, of the hours that the tallies still hold: the same sums and the same divisions as the report's.

Only reads. An interval from before the first event, or before what is kept, is None in every figure, for nobody knows it;
one that is running counts up to the watermark.
"""

from math import isnan
from typing import Any

import numpy as np

from engine.measures import measures
from engine.watermark import NEVER_US
from engine.windows import collect

__all__ = ["CELLS_MAX", "FIGURES", "history"]

FIGURES = (
    "offered", "answered", "abandoned", "service_level", "abandonment_rate", "asa_s", "wait_max_s", "queue_depth_max",
    "first_response_mean_s", "response_mean_s", "occupancy", "breaches", "csat_share",
)  # fmt: skip
#: Intervals times groups that one answer may have.
CELLS_MAX = 20_000


def history(engine: Any, rollup: str, step_us: int, count: int, ago_us: int = 0) -> dict[str, Any] | None:
    """The last `count` intervals of `step_us`, the running one included, as they were `ago_us` ago.

    None when there is no such rollup, when there were no events yet, or when it would be more than `CELLS_MAX` figures.
    """
    chosen = next((one for one in engine.tallies.rollups if one.name == rollup), None)
    first_us = engine.own_counters.first_us
    if chosen is None or first_us is None or count * max(1, len(chosen.groups)) > CELLS_MAX or step_us % engine.pane_us:
        return None
    now_us = engine.watermark_us if engine.watermark_us < -NEVER_US else engine.own_counters.last_us
    as_of_us = now_us - ago_us
    starts_us = (as_of_us // step_us - np.arange(count)[::-1]) * step_us
    kept_us = engine.settings.retention_us
    known = (starts_us + step_us > first_us) & (kept_us is None or starts_us >= now_us - kept_us)
    return {
        "rollup": rollup, "step_us": step_us, "as_of_us": as_of_us, "starts_us": starts_us.tolist(),
        "groups": _groups(engine, chosen, starts_us, step_us, known, as_of_us),
    }  # fmt: skip


def _groups(engine: Any, rollup: Any, starts_us: Any, step_us: int, known: Any, as_of_us: int) -> list[dict[str, Any]]:
    rows = [
        dict(zip(rollup.dimensions, values, strict=True)) | {name: [None] * len(starts_us) for name in FIGURES}
        for values in rollup.groups
    ]
    places = np.flatnonzero(known)
    if not len(places):
        return rows
    for figures in collect(
        rollup, engine.pane_us, starts_us[places], starts_us[places] + step_us, every=True, until_us=as_of_us
    ):
        columns = measures(figures, np.full(len(figures.groups), step_us), engine.settings.policy.service_level)
        for name in FIGURES:
            for row, (window, group) in enumerate(zip(figures.windows.tolist(), figures.groups.tolist(), strict=True)):
                rows[group][name][places[window]] = _plain(columns[name][row])
    return rows


def _plain(value: Any) -> int | float | None:
    plain: int | float = value.item()
    if isinstance(plain, float):
        return None if isnan(plain) else round(plain, 4)
    return plain
