"""What a batch brought to light, before it is counted: amounts, samples, maxima and changes of level.

A fact names the combination and the instant it counts for; panes and groups come later. Appending is all that happens
here.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.policy import COMMITMENTS

__all__ = ["FIELD", "FIELDS", "LEVELS", "MEASURES", "STEPS", "Changes", "Facts"]

#: Steps of an alarm: the share that warns was reached; the limit was; what was warned of or broken is over.
STEPS = ("warned", "broken", "ended")

#: Things of which there are so many at each instant. Of each the tallies keep the net change and the area under it.
LEVELS = ("waiting", "in_service", "load", "occupied", "idle", "available", "busy", "wrapup", "break", "meeting", "training",
          "offline")  # fmt: skip
#: Levels whose highest value is kept too; the first ones of `LEVELS`.
PEAK_LEVELS = LEVELS[:3]

#: Additive integers of a pane and group. `_us` are microseconds, the rest are counts.
FIELDS = (
    # By arrival: counted in the pane in which the contact arrived.
    "offered", "queued", "answered", "abandoned", "left_queue", "unanswered", "wait_us", "wait_answered_us",
    "answered_in_target", "abandoned_in_target", "abandoned_short",
    # By event: counted in the pane in which it happened.
    "entered", "left_answered", "left_abandoned", "left_other", "events_answered", "events_abandoned", "transfers",
    "reopened", "announcements", "handled", "handle_us", "closed", "unresolved", "first_response_count",
    "first_response_us", "response_count", "response_us", "customer_messages", "agent_messages",
    "automatic_messages", "bot_messages", "invited", "csat_count", "csat_sum", "csat_good", "nps_count",
    "nps_promoters", "nps_detractors", "breaches", *(f"{name}_breaches" for name in COMMITMENTS), "warnings",
    # Of contacts and replies besides.
    "responses_in_benchmark", "response_benchmark_us", "judged_messages", "negative_messages", "repeat_contacts",
    "first_known", "first_resolved", "repeat_known", "repeat_resolved", "rated_low",
    # Of cases, promises, quality checks and business.
    "cases_opened", "complaints_opened", "cases_responded", "case_respond_us", "cases_resolved", "case_resolve_us",
    "promises_made", "promises_kept", "promises_kept_in_time", "quality_checked", "quality_passed", "quality_critical",
    "critical_errors", "other_errors", "coachings", "orders", "order_amount_cents",
    *(f"{level}_net" for level in LEVELS),
    *(f"{level}_area_us" for level in LEVELS),
)  # fmt: skip
FIELD = {name: index for index, name in enumerate(FIELDS)}

#: Durations of which the distribution is kept.
MEASURES = ("wait_answered", "first_response", "response")

Codes = NDArray[np.int32]
Instants = NDArray[np.int64]


@dataclass
class Changes:
    """Steps of one level: combination, instant, place in the order of processing, and +1 or -1."""

    combinations: Codes
    times_us: Instants
    ranks_us: Instants
    lates: NDArray[np.bool_]
    sequences: Instants
    deltas: NDArray[np.int64]


@dataclass
class Facts:
    """The facts of one batch, in parts of int64 (4, n): field or measure (0 for `longest`), combination, instant, value;
    what was raised (7, n), see `engine.clocks`; news of customers' days that are not counted yet (10, n), see `engine.customers`."""

    amounts: list[NDArray[np.int64]] = field(default_factory=list)
    samples: list[NDArray[np.int64]] = field(default_factory=list)
    longest: list[NDArray[np.int64]] = field(default_factory=list)
    raised: list[NDArray[np.int64]] = field(default_factory=list)
    levels: dict[int, list[Changes]] = field(default_factory=dict)
    days: list[NDArray[np.int64]] = field(default_factory=list)

    def count(self, name: str, combinations: Codes, times_us: Instants, amount: int = 1) -> None:
        """`amount` once for each row."""
        self.add(name, combinations, times_us, np.full(len(times_us), amount, np.int64))

    def add(self, name: str, combinations: Codes, times_us: Instants, values: NDArray[np.int64]) -> None:
        """`values` by row."""
        if len(times_us):
            self.amounts.append(np.stack((np.full(len(times_us), FIELD[name]), combinations, times_us, values)))

    def change(self, level: str, changes: Changes) -> None:
        """Steps of a level."""
        if len(changes.times_us):
            self.levels.setdefault(LEVELS.index(level), []).append(changes)

    def add_all(self, facts: "Facts") -> None:
        """Takes over other facts, save what was raised."""
        self.amounts += facts.amounts
        self.samples += facts.samples
        self.longest += facts.longest
        for level, changes in facts.levels.items():
            self.levels.setdefault(level, []).extend(changes)
