"""How many people are needed for a target, and what their time costs.

Owns the search and the step from people on contacts to people on the roster. Never estimates what it is given. Law: one person fewer would miss the
target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.capacity.queues import Outcome, outcome
from engine.errors import InvalidSetting

__all__ = ["AGENTS_MAX", "Target", "needed", "rostered"]

#: The most people of one queue that are looked for; a queue that needs more is said to need so many.
AGENTS_MAX = 100_000
_SAMPLED_FROM = 4_096

Counts: TypeAlias = NDArray[np.int64]
Values: TypeAlias = NDArray[np.float64]
#: Whether so many people meet the target, by row.
Meets: TypeAlias = Callable[[Counts, Counts], NDArray[np.bool_]]


@dataclass(frozen=True)
class Target:
    """`share` of all who come are answered within `within_s`; people are occupied at most so much, and at most so many customers leave."""

    share: float = 0.8
    within_s: float = 20.0
    occupancy_max: float = 1.0
    abandoned_max: float = 1.0

    def __post_init__(self) -> None:
        for name in ("share", "occupancy_max", "abandoned_max"):
            if not 0 < getattr(self, name) <= 1:
                raise InvalidSetting(f"{name} is {getattr(self, name):g}; it must lie above 0 and be 1 at most")
        if not self.within_s >= 0:
            raise InvalidSetting(f"within_s is {self.within_s:g}; it must not be negative")


def needed(
    arrivals: ArrayLike, handle_s: ArrayLike, target: Target, *, patience_s: ArrayLike = np.inf,
    concurrency: ArrayLike = 1, slowdown: ArrayLike = 0.0,
) -> tuple[NDArray[np.int64], Outcome]:  # fmt: skip
    """The fewest people for the target, none where nobody comes, and what customers meet with them."""
    given = np.broadcast_arrays(arrivals, handle_s, patience_s, concurrency, slowdown)
    shape = given[0].shape
    lam, handle, patience, seats, slow = (np.asarray(one, np.float64).ravel() for one in given)

    def meets(rows: NDArray[np.int64], agents: NDArray[np.int64]) -> NDArray[np.bool_]:
        found = outcome(
            lam[rows], handle[rows], agents, within_s=target.within_s, patience_s=patience[rows],
            concurrency=seats[rows], slowdown=slow[rows],
        )  # fmt: skip
        within = (found.in_target >= target.share) & (found.occupancy <= target.occupancy_max)
        return within & (found.abandoned <= target.abandoned_max)

    # Where somebody comes: from a guess outward by growing steps, then in halves between one that misses and one that meets.
    rows = np.flatnonzero(lam > 0)
    loads = lam * handle * (1 + slow * (seats - 1)) / seats
    rows = rows[np.argsort(loads[rows])]  # What is worked on together then takes about as many steps.
    load = loads[rows]
    spare = np.full(len(rows), 0.6)
    if len(rows) > _SAMPLED_FROM:
        spare = _spare_of_a_sample(meets, rows, load)
    fits = _fewest(meets, rows, load, spare)
    agents = np.zeros(len(lam), np.int64)
    agents[rows] = fits
    found = outcome(
        *(one.reshape(shape) for one in (lam, handle, agents)), within_s=target.within_s,
        patience_s=patience.reshape(shape), concurrency=seats.reshape(shape), slowdown=slow.reshape(shape),
    )  # fmt: skip
    return agents.reshape(shape), found


def _spare_of_a_sample(meets: Meets, rows: Counts, load: Values) -> Values:
    """By row a guess of the people beyond the load, in roots of it, from a few rows spread over all loads: most guesses are then right, and each
    look at all rows that is saved is half of a second where there are hundreds of queues."""
    order = np.argsort(load, kind="stable")[:: max(1, len(rows) // _SAMPLED_FROM * 8)]
    found = (_fewest(meets, rows[order], load[order], np.full(len(order), 0.6)) - load[order]) / np.sqrt(load[order])
    bins = np.array_split(np.arange(len(order)), 16)
    middles = [float(np.median(load[order[one]])) for one in bins]
    spare: Values = np.interp(
        load, middles, [float(np.median(found[one])) - 0.5 / m**0.5 for one, m in zip(bins, middles, strict=True)]
    )
    return spare


def _fewest(meets: Meets, rows: Counts, load: Values, spare: Values) -> Counts:
    guess = np.clip(np.ceil(load + spare * np.sqrt(load)), 1, AGENTS_MAX).astype(np.int64)
    misses, fits = _bracket(meets, rows, guess)
    while (open_ := np.flatnonzero(fits - misses > 1)).size:
        middle = (fits[open_] + misses[open_]) // 2
        good = meets(rows[open_], middle)
        fits[open_[good]], misses[open_[~good]] = middle[good], middle[~good]
    return fits


def _bracket(meets: Meets, rows: Counts, guess: Counts) -> tuple[Counts, Counts]:
    """By row a number that misses, 0 at least, and a greater one that meets or is the most."""
    good = meets(rows, guess)
    fits, misses = np.where(good, guess, AGENTS_MAX), np.where(good, 0, guess)
    open_ = np.flatnonzero(np.where(good, guess > 1, guess < AGENTS_MAX))
    step = 1
    while open_.size:
        down = good[open_]
        probe = np.where(down, np.maximum(guess[open_] - step, 1), np.minimum(guess[open_] + step, AGENTS_MAX))
        met = meets(rows[open_], probe)
        fits[open_[met]] = probe[met]
        misses[open_[~met]] = probe[~met]
        goes_on = (met == down) & np.where(down, probe > 1, probe < AGENTS_MAX)
        open_ = open_[goes_on]
        step *= 2
    return misses, fits


def rostered(agents: ArrayLike, shrinkage: ArrayLike) -> NDArray[np.int64]:
    """People to be paid so that so many are there for contacts, of whose time the share `shrinkage` is otherwise taken."""
    # A little less, so that 14 / 0.7 is 20 and not 21 by a rounding.
    found: NDArray[np.int64] = np.ceil(np.asarray(agents) / (1 - np.asarray(shrinkage)) - 1e-9).astype(np.int64)
    return found
