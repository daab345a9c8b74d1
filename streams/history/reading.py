"""Kept windows added up to greater ones: any range, any step of whole quarters of an hour, in the days of any zone.

Owns the adding. Never divides: what comes out are the `Figures` of which the wall, the report of a replay and this one are divided by the same table.
Law: sums add, of peaks and longest waits the greatest counts; an interval of which a part is not kept says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.facts import FIELDS, MEASURES, PEAK_LEVELS
from engine.histograms import BUCKET_COUNT
from engine.windows import Figures
from streams.history.store import BASE_US, Store

__all__ = ["Summed", "summed"]

#: Pairs of window and group that are added up together.
_CHUNK = 1 << 14


@dataclass(frozen=True)
class Summed:
    """Figures of some windows: `figures.windows` are places in the bounds given, `figures.groups` numbers of the store's groups. By
    window: how many of its parts are kept, and how often they were corrected."""

    figures: Figures
    first: int
    parts: NDArray[np.int64]
    corrections: NDArray[np.int64]


def summed(
    store: Store, rollup: str, starts_us: NDArray[np.int64], ends_us: NDArray[np.int64], *, size_us: int = BASE_US,
    distributions: bool = True, further: tuple[str, ...] = (),
) -> Iterator[Summed]:  # fmt: skip
    """Windows [start, end), ascending and not overlapping, some at a time. `further` names sums beyond the engine's own."""
    numbers = np.array(sorted(store.names(rollup)), np.int64)
    fields = {name: place for place, name in enumerate((*FIELDS, *further))}
    per_chunk = max(1, _CHUNK // max(1, len(numbers)))
    for first in range(0, len(starts_us), per_chunk):
        chunk = slice(first, first + per_chunk)
        yield _summed(store, rollup, starts_us[chunk], ends_us[chunk], first, size_us, numbers, fields, distributions)


def _summed(
    store: Store, rollup: str, starts_us: Any, ends_us: Any, first: int, size_us: int, numbers: Any, fields: dict[str, int],
    distributions: bool,
) -> Summed:  # fmt: skip
    count = len(starts_us)
    rows = count * len(numbers)
    sums = np.zeros((len(fields), rows), np.int64)
    peaks = np.zeros((len(PEAK_LEVELS), rows), np.int64)
    longest_us = np.full(rows, -1, np.int64)
    histograms = np.zeros((len(MEASURES), rows, BUCKET_COUNT), np.int32) if distributions else None
    parts, corrections = np.zeros(count, np.int64), np.zeros(count, np.int64)
    present = np.zeros(rows, np.bool_)
    for kept in store.read(rollup, size_us, int(starts_us[0]), int(ends_us[-1])):
        window = int(np.searchsorted(starts_us, kept.start_us, side="right")) - 1
        if window < 0 or kept.start_us >= ends_us[window]:
            continue
        parts[window] += 1
        corrections[window] += kept.revision - 1
        places = window * len(numbers) + np.searchsorted(numbers, kept.packed.numbers())
        present[places] = True
        kept.packed.add_to(places, sums, fields, peaks, longest_us, histograms)
    chosen = np.flatnonzero(present)
    if histograms is None:
        histograms = np.zeros((len(MEASURES), rows, 1), np.int32)
    figures = Figures(
        first + chosen // max(1, len(numbers)), numbers[chosen % max(1, len(numbers))], sums[:, chosen].T, peaks[:, chosen].T,
        longest_us[chosen], histograms[:, chosen], fields,
    )  # fmt: skip
    return Summed(figures, first, parts, corrections)
