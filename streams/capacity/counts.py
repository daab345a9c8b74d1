"""Arrivals by day and interval out of the interval history: what every forecast is made from.

Owns the cutting into local days. Never forecasts. Law: the history is read once for all groups; what is not kept is NaN, and zero only where it is known that nobody came.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.times import DAY_US, HOUR_US, MINUTE_US, local_midnight_us, offset_us
from engine.windows import Spec, bounds_between
from streams.history.reading import summed
from streams.history.store import BASE_US, Store

__all__ = ["STEP_US", "Counts", "counts_by_day", "weekday_of"]

#: Half hours, as planners have them.
STEP_US = 30 * MINUTE_US


@dataclass(frozen=True)
class Counts:
    """`midnights_us` of the days; by group what came, (days, intervals). On days of another length the last interval is cut or missing."""

    midnights_us: list[int]
    of: dict[tuple[str, ...], NDArray[np.float64]]
    total: NDArray[np.float64]

    def until(self, midnight_us: int) -> Counts:
        """The days that began before a midnight, and so are over at it."""
        days = sum(1 for at_us in self.midnights_us if at_us < midnight_us)
        return Counts(self.midnights_us[:days], {name: one[:days] for name, one in self.of.items()}, self.total[:days])


def counts_by_day(
    store: Store, rollup: str, zone: ZoneInfo, step_us: int = STEP_US, since_us: int | None = None
) -> Counts:
    """All that is kept of a rollup, or what is of after an instant."""
    span = store.span(rollup)
    slots = DAY_US // step_us
    if span is None or (since_us is not None and since_us >= span[1]):
        return Counts([], {}, np.empty((0, slots)))
    first_us = span[0] if since_us is None else max(span[0], since_us)
    starts, ends = bounds_between(Spec(step_us, step_us), zone, first_us, span[1] - 1)
    names = store.names(rollup)
    place = {number: at for at, number in enumerate(sorted(names))}
    whole, known = np.zeros((len(place), len(starts))), np.zeros(len(starts), np.bool_)
    for found in summed(store, rollup, starts, ends, distributions=False):
        chunk = slice(found.first, found.first + len(found.parts))
        known[chunk] = found.parts * BASE_US >= (ends - starts)[chunk]
        figures = found.figures
        rows = np.array([place[number] for number in figures.groups.tolist()], np.int64)
        whole[rows, figures.windows] = figures.field("offered")
    midnights = [local_midnight_us(int(starts[0]), zone)]
    while midnights[-1] < starts[-1]:
        midnights.append(local_midnight_us(midnights[-1] + 12 * HOUR_US, zone, days=1))
    day = np.searchsorted(midnights, starts, side="right") - 1
    slot = (starts - np.array(midnights)[day]) // step_us
    fits = (slot < slots) & known
    by_day = np.full((len(place) + 1, len(midnights), slots), np.nan)
    by_day[:-1, day[fits], slot[fits]] = whole[:, fits]
    by_day[-1, day[fits], slot[fits]] = whole[:, fits].sum(axis=0)
    if not np.isfinite(by_day[-1, -1]).any():
        midnights, by_day = midnights[:-1], by_day[:, :-1]
    return Counts(midnights, {names[number]: by_day[at] for number, at in place.items()}, by_day[-1])


def weekday_of(midnight_us: int, zone: ZoneInfo) -> int:
    """0 for Monday; 1970 began on a Thursday."""
    return int((midnight_us + offset_us(midnight_us, zone)) // DAY_US + 3) % 7
