"""A plan: people needed by queue and interval, what customers meet with them, and what it costs.

Owns the arithmetic between the models and what a planner reads. Never forecasts, never prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.capacity.queues import outcome
from engine.capacity.staffing import Target, needed, rostered
from engine.errors import InvalidSetting

__all__ = ["Plan", "Scenario", "planned"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """What is supposed. `volume` and `handle` multiply; `present` says how many people there are, to which `added` come, None for as many as are needed. Of
    `part_time` people each is there in the intervals that need most, for `part_time_intervals` of them. Costs are for an hour of a person on the roster."""

    target: Target
    volume: float = 1.0
    handle: float = 1.0
    patience_s: float = float("inf")
    concurrency: int = 1
    slowdown: float = 0.0
    shrinkage: float = 0.0
    present: int | None = None
    added: int = 0
    part_time: int = 0
    part_time_intervals: int = 8
    hourly_cost: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (("volume", 0, 1e4), ("handle", 1e-3, 1e3), ("concurrency", 1, 50), ("slowdown", 0, 10), ("shrinkage", 0, 0.95),
                                ("part_time", 0, 1e5), ("hourly_cost", 0, 1e9), ("added", -1e5, 1e5)):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise InvalidSetting(f"{name} is {getattr(self, name):g}; it must lie between {low:g} and {high:g}")


@dataclass(frozen=True)
class Plan:
    """By queue and interval: arrivals, people needed on contacts, people there, those of them who are part-time, on the roster, and what is met with
    those there. `full_time` by queue: people who stay all day."""

    arrivals: Values
    handle_s: Values
    needed: NDArray[np.int64]
    there: NDArray[np.int64]
    part_time: NDArray[np.int64]
    rostered: NDArray[np.int64]
    service_level: Values
    occupancy: Values
    asa_s: Values
    abandoned: Values
    cost: Values
    full_time: NDArray[np.int64]

    def columns(self) -> Mapping[str, Any]:
        """As the table has them, in its order."""
        names = (
            "arrivals",
            "handle_s",
            "needed",
            "there",
            "part_time",
            "rostered",
            "service_level",
            "occupancy",
            "asa_s",
            "abandoned",
            "cost",
        )
        return {name: getattr(self, name) for name in names}


def planned(arrivals: ArrayLike, handle_s: ArrayLike, interval_s: float, scenario: Scenario) -> Plan:
    """`arrivals` are contacts an interval, (queues, intervals); handle times broadcast to them."""
    came = np.asarray(arrivals, np.float64) * scenario.volume
    handle = np.broadcast_to(np.asarray(handle_s, np.float64) * scenario.handle, came.shape)
    given: dict[str, Any] = {
        "patience_s": scenario.patience_s,
        "concurrency": scenario.concurrency,
        "slowdown": scenario.slowdown,
    }
    fewest, found = needed(came / interval_s, handle, scenario.target, **given)
    part_time, full_time = _part_time(fewest, scenario)
    there = fewest
    if scenario.present is not None:
        there = np.full_like(fewest, scenario.present + scenario.added) + part_time
    elif scenario.part_time:
        there = full_time[:, None] + part_time
    elif scenario.added:
        there = np.maximum(fewest + scenario.added, 0)
    if there is not fewest:
        found = outcome(came / interval_s, handle, there, within_s=scenario.target.within_s, **given)
    paid = rostered(there, scenario.shrinkage)
    return Plan(
        came, handle, fewest, there, part_time, paid, found.in_target, found.occupancy, found.asa_s, found.abandoned,
        paid * scenario.hourly_cost * interval_s / 3600, full_time,
    )  # fmt: skip


def _part_time(fewest: NDArray[np.int64], scenario: Scenario) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part-time people where most are needed: of each queue the fewest who stay all day, so that the part-time hours cover all above them. The pool
    goes one by one to the queue whose full-time people it lowers, the greatest need first."""
    full = fewest.max(axis=1, initial=0)
    extra = np.zeros_like(fewest)
    for _ in range(scenario.part_time):
        # One more part-time person lowers a queue by one where its peak, at this height, is no longer than what they work.
        peak = (fewest - extra >= full[:, None]) & (full[:, None] > 0)
        length = peak.sum(axis=1)
        fits = np.flatnonzero((length > 0) & (length <= scenario.part_time_intervals))
        if not len(fits):
            break
        chosen = fits[np.argmax(full[fits])]
        extra[chosen, peak[chosen]] += 1
        full[chosen] -= 1
    return extra, full
