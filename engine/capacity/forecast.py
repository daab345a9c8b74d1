"""How many come, by interval of a day, from the days before: a day's level by weekday, its shape by interval, and events by their factor.

Owns the method and its bounds. Never reads a calendar: what kind of a day it is, is told by a label. Law: only days before the one that is forecast count, a
part of a day that nobody knows is NaN and counts for nothing, and where nothing is known the forecast is NaN.

A day's total is the mean of the same weekday's, newer weeks counting more, moved by half of what the last days were above or below theirs. Its shape is that of
the weekday, leaning on weekdays that are about as busy, for a single weekday has few observations. Days with a label teach only the factor of their label,
and none of the rest. Bounds hold 95 %: the spread of counts beyond chance, and that of whole days, are estimated from the days known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Forecast", "forecast", "naive"]

Values = NDArray[np.float64]
_Z = 1.959964
_WEEKS = 4.0
#: A weekday's own shape weighs as many weeks as there are; those of like days as this many.
_LEANING = 1.5
_LIKE = 0.3
#: An event that was never seen may be this much more or less, as a standard deviation of its logarithm.
_UNSEEN = 0.35


@dataclass(frozen=True)
class Forecast:
    """By interval of a day: what is expected, and the bounds between which 95 of 100 lie. `known_days` says from how many days."""

    mean: Values
    low: Values
    high: Values
    known_days: int


@dataclass(frozen=True)
class _Days:
    counts: Values
    weekdays: NDArray[np.int64]
    weights: Values
    totals: Values


def forecast(
    counts: ArrayLike, weekdays: Sequence[int], weekday: int, *, events: Sequence[str] | None = None, event: str = "",
    factors: Mapping[str, float] | None = None,
) -> Forecast:  # fmt: skip
    """The day behind the last of `counts` (days, intervals), which is a `weekday`, 0 for Monday, with an `event` or none. `factors` are what is
    expected of events; without one it is learned from days that had the same."""
    told = np.asarray(counts, np.float64)
    labels = list(events) if events is not None else [""] * len(told)
    expected = factors or {}
    plain = np.array([label == "" for label in labels], np.bool_)
    whole = np.isfinite(told).mean(axis=1) > 0.5 if told.size else np.zeros(len(told), np.bool_)
    days = _days(told, np.asarray(weekdays, np.int64), plain & whole)
    slots = told.shape[1]
    if not len(days.totals):
        nothing = np.full(slots, np.nan)
        return Forecast(nothing, nothing, nothing, 0)
    fitted = np.stack([_level(days, int(one)) * _shape(days, int(one)) for one in days.weekdays])
    recent = days.weights >= np.sort(days.weights)[-min(7, len(days.weights))]
    ratio = days.totals[recent].sum() / max(fitted[recent].sum(), 1e-9) if recent.any() else 1.0
    mean = _level(days, weekday) * _shape(days, weekday) * np.sqrt(ratio)
    spread, wobble = _spreads(days.counts, fitted)
    if event:
        factor, doubt = _factor(event, labels, told, np.asarray(weekdays, np.int64), days, expected)
        mean, wobble = mean * factor, float(np.hypot(wobble, doubt))
    deviation = np.sqrt(spread * mean + (wobble * mean) ** 2)
    # On the scale of roots counts are about as wide above as below.
    root, wide = np.sqrt(mean + 0.375), deviation / (2 * np.sqrt(mean + 0.375))
    low = np.maximum(np.maximum(root - _Z * wide, 0) ** 2 - 0.375, 0)
    # Where none ever came in n intervals, up to 3 / n may be the mean.
    high = np.maximum((root + _Z * wide) ** 2 - 0.375, 3 / len(days.totals))
    return Forecast(mean, low, high, len(days.totals))


def naive(counts: ArrayLike) -> Values:
    """The same as a week before: what a forecast must beat. NaN where nobody knows of then."""
    told = np.asarray(counts, np.float64)
    return told[-7].copy() if len(told) >= 7 else np.full(told.shape[1], np.nan)


def _days(counts: Values, weekdays: NDArray[np.int64], chosen: NDArray[np.bool_]) -> _Days:
    """The days chosen, with the intervals that nobody knows filled by the mean of the others."""
    rows = np.flatnonzero(chosen)
    kept = counts[rows]
    if len(rows):
        known = np.isfinite(kept)
        means = np.where(known, kept, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        kept = np.where(known, kept, means)
    age_weeks = (len(counts) - rows) / 7
    return _Days(kept, weekdays[rows], 0.5 ** (age_weeks / _WEEKS), kept.sum(axis=1))


def _level(days: _Days, weekday: int) -> float:
    same = days.weekdays == weekday
    chosen = same if same.any() else np.ones(len(same), np.bool_)
    return float(np.average(days.totals[chosen], weights=days.weights[chosen]))


def _shape(days: _Days, weekday: int) -> Values:
    """Shares of the day's total by interval."""
    level = _level(days, weekday)
    like = np.array([abs(_level(days, int(one)) - level) <= _LIKE * level for one in days.weekdays])
    own = days.weekdays == weekday
    pooled = _shares(days, like if like.any() else np.ones(len(own), np.bool_))
    weeks = float(own.sum())
    return pooled if not weeks else (_shares(days, own) * weeks + pooled * _LEANING) / (weeks + _LEANING)


def _shares(days: _Days, chosen: NDArray[np.bool_]) -> Values:
    sums: Values = (days.counts[chosen] * days.weights[chosen, None]).sum(axis=0)
    return sums / sums.sum() if sums.sum() > 0 else np.full(len(sums), 1 / len(sums))


def _spreads(counts: Values, fitted: Values) -> tuple[float, float]:
    """By how much counts vary more than by chance, 1 at least; and the relative spread of days' totals beyond that."""
    if len(counts) < 3:
        return 1.5, 0.25
    totals, wanted = counts.sum(axis=1), np.maximum(fitted.sum(axis=1), 1e-9)
    # The shape's own error is in the residuals; that of the day's total is taken out.
    scaled = fitted * (totals / wanted)[:, None]
    spread = ((counts - scaled) ** 2).sum() / max(scaled.sum(), 1e-9) * len(counts) / (len(counts) - 1)
    wobble = ((totals / wanted - 1) ** 2).mean() - (1 / wanted).mean() * spread
    return float(max(1.0, spread)), float(np.sqrt(max(0.0, wobble)) * len(counts) / (len(counts) - 2))


def _factor(
    event: str, labels: Sequence[str], counts: Values, weekdays: NDArray[np.int64], days: _Days, expected: Mapping[str, float]
) -> tuple[float, float]:  # fmt: skip
    """By how much an event multiplies, and the doubt of it."""
    if event in expected:
        return float(expected[event]), 0.15
    seen = [
        np.log(max(total, 0.5) / max(_level(days, int(weekdays[row])), 0.5))
        for row, label in enumerate(labels)
        if label == event and np.isfinite(total := float(np.nansum(counts[row])))
    ]
    if not seen:
        return 1.0, _UNSEEN
    return float(np.exp(np.mean(seen))), float(_UNSEEN / np.sqrt(len(seen) + 1))
