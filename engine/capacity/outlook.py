"""What a queue is heading for: people needed for the next quarter of an hour, and what customers meet if nothing changes.

Owns the reading of the last half hour. Never looks at a queue itself: it is given counts. Law: only what was known at the look counts. Arrivals go on as in the
last half hour, its newer part counting more, and along a quarter of their slope; who waits now comes on top of them; people stay as they are.

A queue is said to be breaking when even the better end of what is likely misses the target, or when the middle misses it by far: a warning that is wrong as often as
right is soon read by nobody.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.capacity.queues import outcome
from engine.capacity.staffing import Target, needed

__all__ = ["BINS", "BIN_S", "Outlook", "outlook"]

Values = NDArray[np.float64]
#: The last half hour as six bins, the oldest first.
BINS, BIN_S = 6, 300
AHEAD_S = 900.0
_DECAY = 0.8
_SLOPE = 0.25
#: Who waits now is worked off in so long beside those who come.
_BACKLOG_S = 900.0
#: So many standard deviations of the arrivals seen away from what is expected of them.
_EITHER_WAY = 0.5
_FAR = 0.1
_LEAST = 5.0


@dataclass(frozen=True)
class Outlook:
    """By queue: arrivals a second; people needed, and those missing (below zero: to spare); service level ahead, at the middle and at the better end of what is
    likely; whether it is breaking. NaN, and never breaking, where fewer than a handful came."""

    arrivals: Values
    needed: NDArray[np.int64]
    missing: NDArray[np.int64]
    service_level: Values
    better: Values
    breaking: NDArray[np.bool_]


def outlook(
    offered: ArrayLike, waiting: ArrayLike, present: ArrayLike, handle_s: ArrayLike, patience_s: ArrayLike, target: Target, *,
    concurrency: ArrayLike = 1, usual: ArrayLike | None = None, usual_ahead: ArrayLike | None = None, coming: ArrayLike | None = None,
) -> Outlook:  # fmt: skip
    """`offered` (queues, `BINS`): arrivals by bin; the rest by queue. A handle time that nobody knows is NaN.
    Where it is known: `usual` and `usual_ahead`, what comes at this time in each bin and in one of those ahead; `coming`, people ahead by the plan, by those
    of now."""
    bins = np.asarray(offered, np.float64).reshape(-1, BINS)
    wait, people, handle, patience, seats = (
        np.broadcast_to(np.asarray(one, np.float64), len(bins))
        for one in (waiting, present, handle_s, patience_s, concurrency)
    )
    weights = _DECAY ** np.arange(BINS)[::-1]
    level = bins @ weights / weights.sum()
    place = np.arange(BINS) - (BINS - 1) / 2
    slope = bins @ place / (place @ place)
    # From the weighted middle of the bins to the middle of the time ahead.
    steps = (AHEAD_S / 2 + 2 * BIN_S) / BIN_S
    spread = np.sqrt(np.maximum(level, 1) / (weights.sum() ** 2 / (weights @ weights)))
    # A slope that chance alone makes as often as not is none.
    chance = np.sqrt(np.maximum(bins.mean(axis=1), 1) / (place @ place))
    if usual is not None and usual_ahead is not None:
        # The curve of the day is known, so what remains is how far today is from it, and whether that grows.
        common, later = np.asarray(usual, np.float64).reshape(-1, BINS), np.asarray(usual_ahead, np.float64)
        follows = (common.sum(axis=1) > 0) & np.isfinite(later)
        usually = np.maximum(common @ weights / weights.sum(), 1e-9)
        level = np.where(follows, level * later / usually, level)
        slope = np.where(
            follows,
            (bins - common * (bins.sum(axis=1) / np.maximum(common.sum(axis=1), 1e-9))[:, None])
            @ place
            / (place @ place),
            slope,
        )
    ahead = np.maximum(level + np.where(np.abs(slope) > chance, _SLOPE * slope * steps, 0), 0)
    there = people if coming is None else np.floor(people * np.asarray(coming, np.float64) + 0.5)
    known = (bins.sum(axis=1) >= _LEAST) & np.isfinite(handle) & (handle > 0)
    holds = np.where(known, handle, 1.0)
    stays = np.where(np.isfinite(patience), patience, np.inf)
    rate = np.where(known, ahead / BIN_S + wait / _BACKLOG_S, 0.0)
    lower = np.where(known, np.maximum(ahead - _EITHER_WAY * spread, 0) / BIN_S + wait / _BACKLOG_S, 0.0)
    fewest, _ = needed(rate, holds, target, patience_s=stays, concurrency=seats)
    middle, better = (
        outcome(one, holds, there, within_s=target.within_s, patience_s=stays, concurrency=seats).in_target
        for one in (rate, lower)
    )
    breaking = known & ((better < target.share) | (middle < target.share - _FAR))
    nothing = np.full(len(bins), np.nan)
    return Outlook(
        np.where(known, rate, nothing), fewest, np.where(known, fewest - there, 0).astype(np.int64), np.where(known, middle, nothing),
        np.where(known, better, nothing), breaking,
    )  # fmt: skip
