"""Windows: where they lie, and what the tallies add up to in each.

Panes lie on a fixed grid of UTC, fine enough for the offset of every zone; a window is a run of panes. Windows of a
zone begin at local midnight and every step from there, so a day of daylight-saving change has more or fewer of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import gcd
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidSetting
from engine.facts import FIELD, LEVELS, MEASURES, PEAK_LEVELS
from engine.histograms import BUCKET_COUNT
from engine.tallies import _GROUP_BITS, NO_PEAK, Rollup
from engine.times import DAY_US, MINUTE_US, iso, local_midnight_us

__all__ = ["PANE_US_MIN", "Figures", "Spec", "bounds_between", "collect", "pane_us_of"]

#: The finest pane; finer ones would not fit the cells' keys.
PANE_US_MIN = 100_000
_ZONE_GRID_US = 15 * MINUTE_US
#: Pairs of window and group that are looked at together, which bounds the memory of a report.
_CHUNK = 1 << 13

Instants = NDArray[np.int64]


@dataclass(frozen=True)
class Spec:
    """Size and step of hopping windows in microseconds; tumbling ones have step = size."""

    size_us: int
    step_us: int

    def __post_init__(self) -> None:
        if self.size_us <= 0 or self.step_us <= 0:
            raise InvalidSetting("a window's size and step must be above zero, for example 30m and 30m")
        if DAY_US % self.step_us:
            raise InvalidSetting(
                "a window's step must divide a day, so that windows begin at local midnight; for example 30m"
            )
        if self.step_us > self.size_us:
            raise InvalidSetting("a window's step is longer than its size: events between windows would be lost")
        if gcd(self.size_us, self.step_us, _ZONE_GRID_US) < PANE_US_MIN:
            raise InvalidSetting("size and step have no common slice of at least 100 ms; choose rounder ones")


def pane_us_of(specs: list[Spec]) -> int:
    """The widest pane of which all windows of all zones are made."""
    return gcd(_ZONE_GRID_US, *(width for spec in specs for width in (spec.size_us, spec.step_us)))


def bounds_between(spec: Spec, zone: ZoneInfo, first_us: int, last_us: int) -> tuple[Instants, Instants]:
    """Starts and ends of all windows that hold any instant from `first_us` to `last_us` inclusive, ascending.

    A day begins a new series at its local midnight. A tumbling window ends where the next begins, so on a day of
    daylight-saving change the last one may be shorter.
    """
    parts = []
    midnight = local_midnight_us(first_us - spec.size_us, zone)
    while midnight <= last_us + spec.size_us:
        following = local_midnight_us(midnight, zone, days=1)
        parts.append(np.arange(midnight, following, spec.step_us, dtype=np.int64))
        midnight = following
    starts = np.concatenate(parts)
    ends = starts + spec.size_us
    if spec.size_us == spec.step_us:
        ends = np.minimum(ends, np.append(starts[1:], midnight))
    chosen = (starts <= last_us) & (ends > first_us)
    return starts[chosen], ends[chosen]


@dataclass
class Figures:
    """Sums by window and group: row i is window `windows[i]` (an index into the starts given) and group `groups[i]`.

    `sums` (rows, fields) int64, where the area of a level covers the whole window; `peaks` (rows, levels) int64; `longest_us`
    int64, -1 where nobody waited; `histograms` (measures, rows, buckets) int32. `fields` are the columns of the sums by name.
    """

    windows: Instants
    groups: Instants
    sums: NDArray[np.int64]
    peaks: NDArray[np.int64]
    longest_us: Instants
    histograms: NDArray[np.int32]
    fields: Mapping[str, int] = field(default_factory=lambda: FIELD)

    def field(self, name: str) -> Instants:
        """One field of the sums, a value a row."""
        column: Instants = self.sums[:, self.fields[name]]
        return column

    def only(self, chosen: NDArray[np.bool_]) -> "Figures":
        """The rows chosen."""
        return Figures(
            self.windows[chosen], self.groups[chosen], self.sums[chosen], self.peaks[chosen], self.longest_us[chosen],
            self.histograms[:, chosen], self.fields,
        )  # fmt: skip


def collect(
    rollup: Rollup, pane_us: int, starts_us: Instants, ends_us: Instants, *, every: bool = False,
    until_us: int | None = None,
) -> Iterator[Figures]:  # fmt: skip
    """The figures of windows [start, end), both ascending and on the panes' grid, some windows at a time.

    Pairs of window and group in which nothing happened and no level stood above zero are left out unless `every`. Levels
    are counted up to `until_us` where a window reaches beyond it. Raises InvalidSetting when a boundary is not on the grid.
    """
    off_grid = np.flatnonzero((starts_us % pane_us) | (ends_us % pane_us))
    if len(off_grid):
        start = iso(int(starts_us[off_grid[0]]))
        raise InvalidSetting(
            f"the window at {start} is not made of whole panes of {pane_us // 1000} ms; choose a zone with a rounder offset"
        )
    rollup.histograms.settle()
    levels = _Levels(rollup)
    per_chunk = max(1, _CHUNK // max(1, len(rollup.groups)))
    for first in range(0, len(starts_us), per_chunk):
        chunk = slice(first, first + per_chunk)
        yield _collect(rollup, levels, pane_us, first, starts_us[chunk], ends_us[chunk], every, until_us)


class _Levels:
    """Levels at the start of each cell, and at any pane's start, from the net changes of the cells before."""

    def __init__(self, rollup: Rollup) -> None:
        nets = [FIELD[f"{level}_net"] for level in LEVELS]
        mask = (1 << _GROUP_BITS) - 1
        self.panes = rollup.keys >> _GROUP_BITS
        self.groups = rollup.keys & mask
        # By group, then pane: a cumulative sum is then the level, group by group.
        self.order = np.lexsort((self.panes, self.groups))
        self.sorted_groups = sorted_groups = self.groups[self.order]
        net = rollup.sums[rollup.places[self.order]][:, nets]
        self.first = np.searchsorted(sorted_groups, np.arange(len(rollup.groups) + 1))
        summed = np.concatenate((np.zeros((1, len(LEVELS)), np.int64), np.cumsum(net, axis=0)))
        base = rollup.base[sorted_groups] - summed[self.first[sorted_groups]] if len(net) else net
        self.after_sorted = summed[1:] + base
        self.at_start = np.empty_like(net)
        self.at_start[self.order] = self.after_sorted - net
        self.sorted_panes = self.panes[self.order]
        self.base = rollup.base

    def at(self, group: int, panes: Instants) -> NDArray[np.int64]:
        """Levels (panes, levels) of a group at the start of each pane, whatever changes at that instant left out."""
        low, high = self.first[group], self.first[group + 1]
        found = np.searchsorted(self.sorted_panes[low:high], panes) - 1
        known = found >= 0
        result = np.broadcast_to(self.base[group], (len(panes), len(LEVELS))).copy()
        result[known] = self.after_sorted[low + found[known]]
        return result

    def of_all(self, pane: int) -> NDArray[np.int64]:
        """Levels (groups, levels) of all groups at the start of a pane, as `at` gives them one by one."""
        counts = np.bincount(self.sorted_groups[self.sorted_panes < pane], minlength=len(self.first) - 1)
        known = np.flatnonzero(counts)
        result = self.base[: len(counts)].copy()
        result[known] = self.after_sorted[self.first[known] + counts[known] - 1]
        return result


def _collect(
    rollup: Rollup, levels: _Levels, pane_us: int, offset: int, starts_us: Instants, ends_us: Instants,
    every: bool, until_us: int | None,
) -> Figures:  # fmt: skip
    group_count = max(1, len(rollup.groups))
    first_panes, end_panes = starts_us // pane_us, ends_us // pane_us
    # The cells of each window: a contiguous run of keys, repeated for every window that holds it.
    low = np.searchsorted(rollup.keys, first_panes << _GROUP_BITS)
    high = np.searchsorted(rollup.keys, end_panes << _GROUP_BITS)
    lengths = high - low
    windows = np.repeat(np.arange(len(starts_us)), lengths)
    cells = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(low, lengths)
    pairs = windows * group_count + levels.groups[cells]
    carried = np.zeros((len(starts_us) * group_count, len(LEVELS)), np.int64)
    if len(starts_us) < len(rollup.groups):
        for window, pane in enumerate(first_panes.tolist()):
            carried[window * group_count : (window + 1) * group_count] = levels.of_all(pane)
    else:
        for group in range(len(rollup.groups)):
            carried[group::group_count] = levels.at(group, first_panes)
    present = np.full(len(carried), every)
    present[carried.any(axis=1)] = True
    present[pairs] = True
    chosen = np.flatnonzero(present)
    row_of = np.full(len(present), -1, np.int64)
    row_of[chosen] = np.arange(len(chosen))
    rows = row_of[pairs]
    places = rollup.places[cells]
    sums = np.zeros((len(chosen), len(rollup.fields)), np.int64)
    np.add.at(sums, rows, rollup.sums[places])
    window_of, group_of = chosen // group_count, chosen % group_count
    ends = ends_us if until_us is None else np.clip(ends_us, starts_us, np.maximum(starts_us, until_us))
    _areas(
        sums,
        rows,
        rollup.sums[places],
        levels,
        cells,
        pane_us,
        ends[windows],
        carried[chosen],
        (ends - starts_us)[window_of],
    )
    peaks = np.full((len(chosen), len(PEAK_LEVELS)), NO_PEAK, np.int64)
    relative = rollup.peaks[places]
    height = levels.at_start[cells][:, : len(PEAK_LEVELS)]
    np.maximum.at(peaks, rows, np.where(relative == NO_PEAK, height, height + relative))
    # A window whose first pane has no cell begins at the level it was handed.
    opened = np.zeros(len(chosen), np.bool_)
    opened[rows[levels.panes[cells] == first_panes[windows]]] = True
    peaks = np.where(opened[:, None], peaks, np.maximum(peaks, carried[chosen][:, : len(PEAK_LEVELS)]))
    longest_us = np.full(len(chosen), -1, np.int64)
    np.maximum.at(longest_us, rows, rollup.longest_us[places])
    return Figures(
        window_of + offset, group_of, sums, peaks, longest_us,
        _histograms(rollup, first_panes, end_panes, row_of, group_count, len(chosen)), rollup.fields,
    )  # fmt: skip


def _areas(
    sums: NDArray[np.int64], rows: Instants, cell_sums: NDArray[np.int64], levels: _Levels, cells: Instants, pane_us: int,
    cell_ends_us: Instants, carried: NDArray[np.int64], sizes_us: Instants,
) -> None:  # fmt: skip
    """Completes the areas in `sums`: the level handed in, over the whole window, and each cell's net change from the end of
    its pane to the end of the window."""
    after_us = cell_ends_us - (levels.panes[cells] + 1) * pane_us
    for index, level in enumerate(LEVELS):
        area, net = FIELD[f"{level}_area_us"], FIELD[f"{level}_net"]
        np.add.at(sums[:, area], rows, cell_sums[:, net] * after_us)
        sums[:, area] += carried[:, index] * sizes_us


def _histograms(
    rollup: Rollup, first_panes: Instants, end_panes: Instants, row_of: Instants, group_count: int, count: int
) -> NDArray[np.int32]:
    result = np.zeros((len(MEASURES), count, BUCKET_COUNT), np.int32)
    per_cell = len(MEASURES) * BUCKET_COUNT
    keys, counts = rollup.histograms.keys, rollup.histograms.counts
    low = np.searchsorted(keys, (first_panes << _GROUP_BITS) * per_cell)
    high = np.searchsorted(keys, (end_panes << _GROUP_BITS) * per_cell)
    for window in np.flatnonzero(high > low).tolist():
        chosen = keys[low[window] : high[window]]
        groups = (chosen // per_cell) & ((1 << _GROUP_BITS) - 1)
        inside = chosen % per_cell
        np.add.at(
            result,
            (inside // BUCKET_COUNT, row_of[window * group_count + groups], inside % BUCKET_COUNT),
            counts[low[window] : high[window]],
        )
    return result
