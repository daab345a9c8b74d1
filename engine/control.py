"""Control charts: is a process still what it was, judged by its own windows before?

Individuals and moving range (Shewhart; Wheeler, Understanding Variation): the limits lie 2.66 mean moving ranges from the mean. Eight
in a row on one side of the mean are a signal too (Western Electric). The fluctuation is the standard deviation by the mean:
the seed documents name a fluctuation coefficient without its formula, so this one is ours. It is of intervals; of agents
there are no figures by agent to take it from.
"""

import numpy as np
from numpy.typing import NDArray

from engine.columns import grown

__all__ = ["LIMIT_RANGES", "History"]

#: The distance of the limits in mean moving ranges: 3 standard deviations, of which each is a mean range by 1.128.
LIMIT_RANGES = 2.66

Figures = NDArray[np.float64]


class History:
    """`figures` float64 (groups, intervals + 1), the oldest first and the newest last; NaN for no data."""

    def __init__(self, intervals: int) -> None:
        self.intervals = intervals
        self.figures = np.full((0, intervals + 1), np.nan)

    def note(self, newest: Figures) -> None:
        """Takes the figures of one more interval, one a group."""
        self.figures = grown(self.figures, len(newest), np.nan)
        self.figures[:, :-1] = self.figures[:, 1:]
        self.figures[:, -1] = np.nan
        self.figures[: len(newest), -1] = newest

    def chart(self, form: str, count: int) -> Figures:
        """What one of `engine.conditions.CHARTS` says of the newest figures of so many groups, NaN where too little is known."""
        figures = self.figures[:count]
        before = figures[:, :-1]
        if form == "variation":
            return _variation(figures[:, 1:], self.intervals // 2)
        known, total = _summed(before)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(known >= self.intervals // 2, total / known, np.nan)
            if form == "run":
                return _run(figures, mean)
            ranges, range_sum = _summed(np.abs(before[:, 1:] - before[:, :-1]))
            limit = LIMIT_RANGES * (range_sum / ranges)
            # A process that never moved has no limits.
            return np.where(limit > 0, np.abs(figures[:, -1] - mean) / limit, np.nan)


def _summed(figures: Figures) -> tuple[Figures, Figures]:
    """How many are known and their sum, by row. Column by column: the order of adding is then the same everywhere."""
    known, total = np.zeros(len(figures)), np.zeros(len(figures))
    for column in figures.T:
        is_known = np.isfinite(column)
        known += is_known
        total += np.where(is_known, column, 0.0)
    return known, total


def _run(figures: Figures, mean: Figures) -> Figures:
    """How many of the newest lie on one side of the mean, NaN where there is no newest or no mean."""
    with np.errstate(invalid="ignore"):
        side = np.sign(figures - mean[:, None])
    length, goes_on = np.zeros(len(figures)), np.isfinite(side[:, -1])
    result = np.where(goes_on, 0.0, np.nan)
    for column in side.T[::-1]:
        goes_on = goes_on & (column == side[:, -1]) & (column != 0)
        length += goes_on
    return result + length


def _variation(figures: Figures, least: int) -> Figures:
    known, total = _summed(figures)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / known
        _, squares = _summed((figures - mean[:, None]) ** 2)
        found: Figures = np.sqrt(squares / (known - 1)) / mean
        return np.where((known >= max(2, least)) & np.isfinite(figures[:, -1]) & (mean > 0), found, np.nan)
