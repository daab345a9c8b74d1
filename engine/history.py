"""Main figures by interval, of the hours that the tallies still hold: the same sums and the same divisions as the report's.

Only reads. An interval from before the first event, or before what is kept, is None in every figure, for nobody knows it;
one that is running counts up to the watermark.
"""

from collections.abc import Collection
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.measures import measures
from engine.watermark import NEVER_US
from engine.windows import collect

__all__ = ["CELLS_MAX", "FIGURES", "READ_MAX", "history"]

FIGURES = (
    "offered", "answered", "abandoned", "service_level", "abandonment_rate", "asa_s", "wait_max_s", "queue_depth_max",
    "first_response_mean_s", "response_mean_s", "occupancy", "breaches", "csat_share",
)  # fmt: skip
#: Intervals times groups that one answer may have, and that may be read for an answer of some shops' groups.
CELLS_MAX = 20_000
READ_MAX = 200_000


def history(
    engine: Any, rollup: str, step_us: int, count: int, ago_us: int = 0, tenants: Collection[str] | None = None
) -> dict[str, Any] | None:
    """The last `count` intervals of `step_us`, the running one included, as they were `ago_us` ago; of some shops' groups only where
    `tenants` names them.

    None when there is no such rollup, when there were no events yet, or when it would be more than `CELLS_MAX` figures.
    """
    chosen = next((one for one in engine.tallies.rollups if one.name == rollup), None)
    first_us = engine.own_counters.first_us
    if chosen is None or first_us is None or step_us % engine.pane_us or count * len(chosen.groups) > READ_MAX:
        return None
    wanted = _wanted(chosen, tenants)
    if count * max(1, int(wanted.sum())) > CELLS_MAX:
        return None
    now_us = engine.watermark_us if engine.watermark_us < -NEVER_US else engine.own_counters.last_us
    as_of_us = now_us - ago_us
    starts_us = (as_of_us // step_us - np.arange(count)[::-1]) * step_us
    kept_us = engine.settings.retention_us
    known = (starts_us + step_us > first_us) & (kept_us is None or starts_us >= now_us - kept_us)
    return {
        "rollup": rollup, "step_us": step_us, "as_of_us": as_of_us, "starts_us": starts_us.tolist(),
        "groups": _groups(engine, chosen, wanted, starts_us, step_us, known, as_of_us),
    }  # fmt: skip


def _wanted(rollup: Any, tenants: Collection[str] | None) -> NDArray[np.bool_]:
    """By group, whether it is asked for; of a rollup without shops all are, for whoever may see them."""
    if tenants is None or "tenant" not in rollup.dimensions:
        return np.ones(len(rollup.groups), np.bool_)
    at = rollup.dimensions.index("tenant")
    return np.array([values[at] in tenants for values in rollup.groups], np.bool_)


def _groups(
    engine: Any, rollup: Any, wanted: NDArray[np.bool_], starts_us: Any, step_us: int, known: Any, as_of_us: int
) -> list[dict[str, Any]]:
    rows = {
        group: dict(zip(rollup.dimensions, values, strict=True)) | {name: [None] * len(starts_us) for name in FIGURES}
        for group, values in enumerate(rollup.groups)
        if wanted[group]
    }
    places = np.flatnonzero(known)
    if not len(places) or not rows:
        return list(rows.values())
    for every in collect(
        rollup, engine.pane_us, starts_us[places], starts_us[places] + step_us, every=True, until_us=as_of_us
    ):
        figures = every.only(wanted[every.groups])
        columns = measures(figures, np.full(len(figures.groups), step_us), engine.settings.policy.service_level)
        for name in FIGURES:
            for row, (window, group) in enumerate(zip(figures.windows.tolist(), figures.groups.tolist(), strict=True)):
                rows[group][name][places[window]] = _plain(columns[name][row])
    return list(rows.values())


def _plain(value: Any) -> int | float | None:
    plain: int | float = value.item()
    if isinstance(plain, float):
        return None if isnan(plain) else round(plain, 4)
    return plain
