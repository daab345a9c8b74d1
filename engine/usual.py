"""What is usual at an hour of the week: the figures of the hours before, and the middle one of them.

Hours are those of UTC: where clocks are changed, what is usual comes an hour off until the weeks before are forgotten. The middle of
the last weeks and not their mean, so that one sale does not become the usual. An hour in which no event came at all is no
data, since then nobody knows; an hour with events but none of a group is zero for it.
"""

import numpy as np
from numpy.typing import NDArray

from engine.columns import grown
from engine.times import HOUR_US

__all__ = ["DAYS_LEAST", "WEEKS", "WEEKS_LEAST", "Usual"]

WEEK_HOURS = 7 * 24
#: So many weeks are remembered; of so many the hour must be known, or else so many days at that time of day.
WEEKS, WEEKS_LEAST, DAYS_LEAST = 4, 2, 3

Figures = NDArray[np.float64]


class Usual:
    """`hours` float64 (groups, hours of the week, weeks), the newest week first, NaN for no data."""

    def __init__(self) -> None:
        self.hours = np.full((0, WEEK_HOURS, WEEKS), np.nan)

    def note(self, end_us: int, figures: Figures) -> None:
        """Takes the figures of the hour that ends at an instant, one a group."""
        if len(figures):
            self._make_room(len(figures))
            hour = (end_us // HOUR_US - 1) % WEEK_HOURS
            self.hours[: len(figures), hour, 1:] = self.hours[: len(figures), hour, :-1]
            self.hours[: len(figures), hour, 0] = figures

    def over(self, start_us: int, end_us: int, count: int) -> Figures:
        """The usual of an hour, over at most two of which [start, end) lies, for so many groups. Where nothing is known of the
        earlier one, the later one speaks for both."""
        self._make_room(count)
        hour = (end_us - 1) // HOUR_US
        later = self._of(hour, count)
        if start_us // HOUR_US == hour:
            return later
        earlier, later_us = self._of(hour - 1, count), end_us - hour * HOUR_US
        mixed = (earlier * (end_us - start_us - later_us) + later * later_us) / (end_us - start_us)
        return np.where(np.isnan(earlier), later, mixed)

    def _of(self, hour: int, count: int) -> Figures:
        """The middle of what is known of that hour of the week; with too few weeks, of that hour on all days."""
        weekly = self.hours[:count, hour % WEEK_HOURS]
        daily = self.hours[:count, hour % 24 :: 24].reshape(count, -1)
        found: Figures = np.where(
            _known(weekly) >= WEEKS_LEAST,
            _middle(weekly),
            np.where(_known(daily) >= DAYS_LEAST, _middle(daily), np.nan),
        )
        return found

    def _make_room(self, count: int) -> None:
        self.hours = grown(self.hours, count, np.nan)


def _known(values: Figures) -> NDArray[np.int64]:
    known: NDArray[np.int64] = np.isfinite(values).sum(axis=1)
    return known


def _middle(values: Figures) -> Figures:
    """The median of each row's known values, NaN where there are none. NaN sorts last."""
    ordered, known = np.sort(values, axis=1), _known(values)
    rows = np.arange(len(values))
    low, high = ordered[rows, np.maximum(known - 1, 0) // 2], ordered[rows, np.minimum(known // 2, values.shape[1] - 1)]
    middle: Figures = np.where(known > 0, (low + high) / 2, np.nan)
    return middle
