"""What a report tells, gathered from the interval history: by interval and group, by group, in all, and of the period before.

Owns the choice of windows. Never divides by itself: every share and mean is `engine.measures` of summed sums, so that a report says what the wall said. A figure
without data is NaN.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidSetting
from engine.measures import measures
from engine.policy import COMMITMENTS
from engine.times import DAY_US, HOUR_US, offset_us
from engine.windows import Figures, Spec, bounds_between
from streams.history.reading import summed
from streams.history.store import BASE_US, Store

__all__ = ["Asked", "Gathered", "Row", "gathered", "intervals"]


@dataclass(frozen=True)
class Asked:
    """From `from_us` until `until_us`, in steps from local midnight, by the dimensions of a rollup that is kept. `further` are the sums of the
    policy's response measures."""

    from_us: int
    until_us: int
    step_us: int
    dimensions: tuple[str, ...]
    zone: ZoneInfo
    formula: str = "answered_of_ended"
    further: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.from_us >= self.until_us:
            raise InvalidSetting("the report's range is empty; let it end after its beginning")
        if self.step_us % BASE_US or self.step_us > DAY_US:
            raise InvalidSetting(
                "the step of a report is made of whole quarters of an hour, a day at most; for example 1h or 1d"
            )

    @property
    def rollup(self) -> str:
        """As the store calls it."""
        return ",".join(self.dimensions) or "total"

    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Starts and ends of the intervals, cut to the range."""
        starts, ends = bounds_between(Spec(self.step_us, self.step_us), self.zone, self.from_us, self.until_us - 1)
        return np.maximum(starts, self.from_us), np.minimum(ends, self.until_us)

    def before(self) -> "Asked":
        """The period before, as long."""
        span_us = self.until_us - self.from_us
        return Asked(self.from_us - span_us, self.from_us, self.step_us, self.dimensions, self.zone, self.formula)


@dataclass(frozen=True)
class Row:
    """Figures of one group over one span."""

    names: tuple[str, ...]
    figures: Mapping[str, float]


@dataclass
class Gathered:
    """`total` and `groups` over the whole range; of them and of `trend`, which is by interval, there is the period before too. `heat` has offered contacts and
    service level by weekday and hour, (7, 24). `broken`: commitments, how often
    they were broken, and in the period before. `promises`: made, kept, and kept in time."""

    asked: Asked
    total: Row
    before: Row
    groups: list[Row]
    groups_before: dict[tuple[str, ...], Row]
    starts_us: list[int]
    trend: dict[str, NDArray[np.float64]]
    trend_before: dict[str, NDArray[np.float64]]
    heat: dict[str, NDArray[np.float64]]
    broken: list[tuple[str, int, int]]
    kept: float
    corrections: int
    promises: tuple[int, int, int] = (0, 0, 0)


def intervals(store: Store, asked: Asked) -> Iterator[tuple[Any, Any, Any, dict[str, Any], Any, Any]]:
    """Pieces of the table: starts, ends, names of groups by number, columns with `window` and `group`, and by window the share that is kept and the corrections."""
    starts, ends = asked.bounds()
    names = store.names(asked.rollup)
    for found in summed(store, asked.rollup, starts, ends, further=asked.further):
        figures = found.figures
        columns: dict[str, Any] = dict(measures(figures, (ends - starts)[figures.windows], asked.formula))
        windows = figures.windows
        parts = (ends - starts)[found.first : found.first + len(found.parts)] // BASE_US
        yield (
            starts, ends, names, columns | {"window": windows, "group": figures.groups},
            found.parts[windows - found.first] / parts[windows - found.first], found.corrections[windows - found.first],
        )  # fmt: skip


def gathered(store: Store, asked: Asked) -> Gathered:
    """Everything for the page. Raises InvalidSetting where nothing is kept by these dimensions."""
    if asked.rollup not in store.rollups():
        kept = "; ".join(store.rollups()) or "nothing"
        raise InvalidSetting(f"the history keeps nothing by {asked.rollup}; it keeps {kept}")
    before = asked.before()
    total, broken, promises = _over_all(store, asked, "total")
    total_before, broken_before, _ = _over_all(store, before, "total")
    groups = total if asked.rollup == "total" else _over_all(store, asked, asked.rollup)[0]
    groups_before = total_before if asked.rollup == "total" else _over_all(store, before, asked.rollup)[0]
    starts, ends = asked.bounds()
    trend, parts, corrections = _trend(store, asked)
    return Gathered(
        asked, total[0] if total else Row((), {}), total_before[0] if total_before else Row((), {}),
        groups, {row.names: row for row in groups_before}, starts.tolist(), trend, _trend(store, before)[0],
        _heat(store, asked), [(name, broken[name], broken_before.get(name, 0)) for name in sorted(broken, key=lambda name: -broken[name])],
        parts / max(1, int((ends - starts).sum() // BASE_US)), corrections, promises,
    )  # fmt: skip


def _over_all(store: Store, asked: Asked, rollup: str) -> tuple[list[Row], dict[str, int], tuple[int, int, int]]:
    span = np.array([asked.from_us]), np.array([asked.until_us])
    (found,) = summed(store, rollup, *span)
    figures, names = found.figures, store.names(rollup)
    columns = _columns(figures, int((span[1] - span[0])[0]), asked.formula)
    rows = [
        Row(names[group], {name: float(column[row]) for name, column in columns.items()})
        for row, group in enumerate(figures.groups.tolist())
    ]
    broken = {name: count for name in COMMITMENTS if (count := int(figures.field(f"{name}_breaches").sum()))}
    made, kept, in_time = (
        int(figures.field(name).sum()) for name in ("promises_made", "promises_kept", "promises_kept_in_time")
    )
    return rows, broken, (made, kept, in_time)


def _columns(figures: Figures, span_us: int, formula: str) -> dict[str, Any]:
    return dict(measures(figures, np.full(len(figures.groups), span_us), formula))


_TRENDS = ("offered", "service_level", "asa_s", "abandonment_rate", "first_response_mean_s", "breaches")


def _trend(store: Store, asked: Asked) -> tuple[dict[str, NDArray[np.float64]], int, int]:
    starts, ends = asked.bounds()
    trend = {name: np.full(len(starts), np.nan) for name in _TRENDS}
    kept = corrections = 0
    for found in summed(store, "total", starts, ends, distributions=False):
        columns = measures(found.figures, (ends - starts)[found.figures.windows], asked.formula)
        for name in _TRENDS:
            trend[name][found.figures.windows] = columns[name]
        kept += int(found.parts.sum())
        corrections += int(found.corrections.sum())
    return trend, kept, corrections


def _heat(store: Store, asked: Asked) -> dict[str, NDArray[np.float64]]:
    """By weekday and hour of the zone: mean offered contacts an hour, and the service level of all of them together."""
    starts, ends = bounds_between(Spec(HOUR_US, HOUR_US), asked.zone, asked.from_us, asked.until_us - 1)
    inside = (starts >= asked.from_us) & (ends <= asked.until_us)
    starts, ends = starts[inside], ends[inside]
    empty = {name: np.full((7, 24), np.nan) for name in ("offered", "service_level")}
    if not len(starts):
        return empty
    # 1970 began on a Thursday.
    local = np.array([start + offset_us(start, asked.zone) for start in starts.tolist()])
    cells = (local // DAY_US + 3) % 7 * 24 + local // HOUR_US % 24
    counts = np.bincount(cells, minlength=168)
    parts = list(summed(store, "total", starts, ends, distributions=False))
    sums = np.zeros((168, parts[0].figures.sums.shape[1]), np.int64)
    for part in parts:
        np.add.at(sums, cells[part.figures.windows], part.figures.sums)
    whole = Figures(
        np.arange(168), np.zeros(168, np.int64), sums, np.zeros((168, 3), np.int64), np.full(168, -1),
        np.zeros((3, 168, 1), np.int32), parts[0].figures.fields,
    )  # fmt: skip
    found = measures(whole, np.full(168, HOUR_US), asked.formula)
    offered = np.where(counts > 0, whole.field("offered") / np.maximum(counts, 1), np.nan)
    return {
        "offered": offered.reshape(7, 24),
        "service_level": found["service_level"].reshape(7, 24).astype(np.float64),
    }
