"""A plan: people needed by queue and interval, what customers meet with them, and what it costs.

Owns the arithmetic between the models and what a planner reads. Never forecasts, never prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.capacity.queues import Outcome, outcome
from engine.capacity.staffing import Target, needed, rostered
from engine.errors import InvalidSetting

__all__ = ["Plan", "Scenario", "planned"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """What is supposed. `volume` and `handle` multiply; `present` says how many people there are, to which `added` come, None for as many as are needed. Of
    `part_time` people each is there in the intervals that need most, for `part_time_intervals` of them. Costs are for an hour of a person on the roster, and
    for a contact that is not answered within the target."""

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
    breach_cost: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (("volume", 0, 1e4), ("handle", 1e-3, 1e3), ("concurrency", 1, 50), ("slowdown", 0, 10), ("shrinkage", 0, 0.95),
                                ("part_time", 0, 1e5), ("hourly_cost", 0, 1e9), ("breach_cost", 0, 1e9), ("added", -1e5, 1e5)):  # fmt: skip
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
    breach_cost: Values | None = None
    """Of the contacts that are expected to miss the target; None where no cost of one was given."""
    gap_cost: Values | None = None
    """Of those there beyond those needed, below zero where some are missing; None where no cost of an hour was given, or as many are there as are needed."""

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
        given = (name for name in ("breach_cost", "gap_cost") if getattr(self, name) is not None)
        return {name: getattr(self, name) for name in (*names, *given)}


def planned(
    arrivals: ArrayLike, handle_s: ArrayLike, interval_s: float, scenario: Scenario, within_s: ArrayLike | None = None
) -> Plan:
    """`arrivals` are contacts an interval, (queues, intervals); handle times broadcast to them, and so does `within_s`, which stands for that
    of the target."""
    came = np.asarray(arrivals, np.float64) * scenario.volume
    handle = np.broadcast_to(np.asarray(handle_s, np.float64) * scenario.handle, came.shape)
    given: dict[str, Any] = {
        "patience_s": scenario.patience_s,
        "concurrency": scenario.concurrency,
        "slowdown": scenario.slowdown,
    }
    within = scenario.target.within_s if within_s is None else np.broadcast_to(within_s, came.shape)
    fewest, found = _needed(came / interval_s, handle, scenario.target, within, given)
    part_time, full_time = _part_time(fewest, scenario)
    there = fewest
    if scenario.present is not None:
        there = np.full_like(fewest, scenario.present + scenario.added) + part_time
    elif scenario.part_time:
        there = full_time[:, None] + part_time
    elif scenario.added:
        there = np.maximum(fewest + scenario.added, 0)
    if found is None or there is not fewest:
        found = outcome(came / interval_s, handle, there, within_s=within, **given)
    paid, each_cost = rostered(there, scenario.shrinkage), scenario.hourly_cost * interval_s / 3600
    return Plan(
        came, handle, fewest, there, part_time, paid, found.in_target, found.occupancy, found.asa_s, found.abandoned,
        paid.astype(np.float64) * each_cost, full_time,
        came * (1 - np.nan_to_num(found.in_target, nan=1.0)) * scenario.breach_cost if scenario.breach_cost else None,
        (paid - rostered(fewest, scenario.shrinkage)).astype(np.float64) * each_cost if each_cost and there is not fewest else None,
    )  # fmt: skip


def _needed(
    came: Values, handle_s: Values, target: Target, within_s: ArrayLike, given: Mapping[str, Any]
) -> tuple[NDArray[np.int64], Outcome | None]:
    """The fewest people, each target by itself; where there is one only, with what is met with them."""
    values = np.unique(within_s).tolist()
    if len(values) == 1:
        return needed(came, handle_s, replace(target, within_s=values[0]), **given)
    fewest = np.zeros(came.shape, np.int64)
    for value in values:
        cells = np.asarray(within_s) == value
        fewest[cells], _ = needed(came[cells], handle_s[cells], replace(target, within_s=value), **given)
    return fewest, None


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
