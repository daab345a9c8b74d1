"""What a queue is like, from sums that the tallies keep: rates, means and shares, each with the bounds that its sample allows.

Owns the estimators. Never sums anything up itself. Law: bounds are of 95 %, and come closer together by the sample alone; an empty sample is no data,
NaN, and tells nothing, not zero. Patience is read from both kinds of waits: one that ended with an answer says that the customer's
patience was longer. With an exponential patience, all that was waited by the number of those who left is the likeliest one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.times import SECOND_US

__all__ = ["AWAY", "Estimate", "Queueing", "kaplan_meier", "mean", "patience", "queueing", "rate", "share"]

Values = NDArray[np.float64]
_Z = 1.959964
#: States in which people are paid and not there for contacts.
AWAY = ("break", "meeting", "training")


@dataclass(frozen=True)
class Estimate:
    """A value between two bounds, from so many observations; arrays of one shape."""

    value: Values
    low: Values
    high: Values
    sample: Values


@dataclass(frozen=True)
class Queueing:
    """What a model needs of a queue. Rates per second, times in seconds."""

    arrivals: Estimate
    handle_s: Estimate
    patience_s: Estimate
    concurrency: Values
    shrinkage: Estimate


def rate(count: ArrayLike, exposure: ArrayLike) -> Estimate:
    """Of events that come at random, by what they were counted over. Bounds of a Poisson count, by Wilson and Hilferty."""
    n, over = (np.asarray(one, np.float64) for one in np.broadcast_arrays(count, exposure))
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = np.where(n > 0, n * (1 - 1 / (9 * n) - _Z / (3 * np.sqrt(n))) ** 3, 0.0)
        upper = (n + 1) * (1 - 1 / (9 * (n + 1)) + _Z / (3 * np.sqrt(n + 1))) ** 3
        known = over > 0
        value, low, high = (np.where(known, one / over, np.nan) for one in (n, np.maximum(lower, 0.0), upper))
        return Estimate(value, low, high, n)


def patience(left: ArrayLike, waited_s: ArrayLike) -> Estimate:
    """Mean patience, from how many left and all that was waited by those who left and those who were answered. Where nobody left it is
    infinite, and only its lower bound tells something."""
    leaving = rate(left, waited_s)
    with np.errstate(divide="ignore"):
        return Estimate(1 / leaving.value, 1 / leaving.high, 1 / leaving.low, leaving.sample)


def mean(total: ArrayLike, count: ArrayLike, variation: float = 1.0) -> Estimate:
    """Of times whose standard deviation is `variation` of their mean; 1 for exponential ones, which those of contacts are about."""
    whole, n = (np.asarray(one, np.float64) for one in np.broadcast_arrays(total, count))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(n > 0, whole / n, np.nan)
        wide = np.exp(_Z * variation / np.sqrt(n))
        return Estimate(value, value / wide, value * wide, n)


def share(part: ArrayLike, whole: ArrayLike) -> Estimate:
    """Of independent ones. Bounds by Wilson."""
    k, n = (np.asarray(one, np.float64) for one in np.broadcast_arrays(part, whole))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(n > 0, k / n, np.nan)
        middle = (p + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
        around = _Z / (1 + _Z * _Z / n) * np.sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n))
        return Estimate(p, np.maximum(middle - around, 0), np.minimum(middle + around, 1), n)


def queueing(field: Callable[[str], ArrayLike], spans_us: ArrayLike) -> Queueing:
    """From the sums of intervals of these spans: `field` gives one by its name, as `engine.facts.FIELDS` has them."""

    def of(name: str) -> Values:
        return np.asarray(field(name), np.float64)

    def seconds(name: str) -> Values:
        found: Values = of(name) / SECOND_US
        return found

    paid: Any = sum((seconds(f"{name}_area_us") for name in ("available", "busy", "wrapup", *AWAY)), start=np.zeros(()))
    away: Any = sum((seconds(f"{name}_area_us") for name in AWAY), start=np.zeros(()))
    occupied = seconds("occupied_area_us")
    with np.errstate(divide="ignore", invalid="ignore"):
        held: Values = np.where(occupied > 0, seconds("load_area_us") / occupied, np.nan)
        # Hours of people are not independent of each other: a quarter of an hour of one person counts as one observation.
        away_share = share(away / 900, paid / 900)
    return Queueing(
        rate(of("offered"), np.asarray(spans_us) / SECOND_US),
        mean(seconds("handle_us") + seconds("wrapup_area_us"), of("handled")),
        patience(of("abandoned"), seconds("wait_us")),
        held,
        away_share,
    )


def kaplan_meier(waits_s: ArrayLike, left: ArrayLike) -> tuple[Values, Values]:
    """Waits at which somebody left, ascending, and the share whose patience is longer than each, without supposing anything of its form."""
    waits, gone = np.asarray(waits_s, np.float64), np.asarray(left, np.bool_)
    times, counts = np.unique(waits[gone], return_counts=True)
    at_risk = len(waits) - np.searchsorted(np.sort(waits), times)
    stays = np.cumprod(1 - counts / at_risk).astype(np.float64)
    return times, stays
