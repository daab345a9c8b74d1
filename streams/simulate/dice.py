"""Seeded chance: the shapes of human delays as tables, so that one draw costs one look-up.

Owns the random generator of a run. Never reads a clock.
Law: draws depend on the seed and on the order of asking, on nothing else.
"""

import math
from collections.abc import Sequence
from random import Random
from statistics import NormalDist
from typing import TypeVar

__all__ = ["Dice", "weighted"]

T = TypeVar("T")
STEPS = 2048


def lognormal(sigma: float) -> tuple[float, ...]:
    """Multipliers of a median at equally likely steps; the tail stops at the 1 - 1/4096 quantile."""
    normal = NormalDist()
    return tuple(math.exp(sigma * normal.inv_cdf((step + 0.5) / STEPS)) for step in range(STEPS))


STEADY = lognormal(0.35)
HUMAN = lognormal(0.60)
LOOSE = lognormal(1.00)


def weighted(items: Sequence[T], weights: Sequence[float], size: int = 4096) -> tuple[T, ...]:
    """A table in which each item stands as often as its weight says, and at least once."""
    total = sum(weights)
    table: list[T] = []
    for item, weight in zip(items, weights, strict=True):
        table.extend([item] * max(round(size * weight / total), 1))
    return tuple(table)


class Dice:
    """One run's generator. Delays are whole milliseconds and at least one."""

    __slots__ = ("random", "rng")

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.random = self.rng.random

    def steady(self, median_ms: float) -> int:
        """A delay of a machine or a trained hand: narrow around its median."""
        return int(median_ms * STEADY[int(self.random() * STEPS)]) + 1

    def human(self, median_ms: float) -> int:
        """A delay of a person: log-normal with sigma 0.6."""
        return int(median_ms * HUMAN[int(self.random() * STEPS)]) + 1

    def loose(self, median_ms: float) -> int:
        """A delay with a long tail: log-normal with sigma 1."""
        return int(median_ms * LOOSE[int(self.random() * STEPS)]) + 1

    def gap_ms(self, rate_per_s: float) -> float:
        """Time to the next arrival of a Poisson process."""
        return -math.log(1.0 - self.random()) * 1000.0 / rate_per_s

    def pick(self, table: Sequence[T]) -> T:
        """One of the table's entries, all equally likely."""
        return table[int(self.random() * len(table))]

    def count(self, mean: float) -> int:
        """A Poisson count; from a mean of 50 on by its normal approximation."""
        if mean <= 0:
            return 0
        if mean >= 50:
            return max(0, round(self.rng.gauss(mean, math.sqrt(mean))))
        limit, product, drawn = math.exp(-mean), self.random(), 0
        while product > limit:
            product *= self.random()
            drawn += 1
        return drawn
