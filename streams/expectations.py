"""What the policy expects of sources, at an instant: who may be silent for how long now.

Owns the clocks of the hours in which sources speak. Never knows when one was heard; belongs to the engine's thread. Law: silence is counted in the time of a
source's hours only, so that neither a night nor a holiday is one, and the first minute of a day is not its end.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from engine.hours import WorkingClock
from engine.policy import Policy
from engine.times import SECOND_US
from streams.policy.sources import SourcedPolicy
from streams.silences import UNNAMED

__all__ = ["Expectations", "Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """As `streams.silences.Expected`, of a source that the policy names."""

    clock: WorkingClock
    every_us: int
    is_quiet: bool

    @property
    def longest_s(self) -> float:
        return self.every_us / SECOND_US

    def is_exceeded(self, heard_us: int, now_us: int) -> bool:
        """Whether so much of its hours has passed since it was heard."""
        return not self.is_quiet and int(self.clock.elapsed_us(heard_us, now_us)) > self.every_us


class Expectations:
    """`follow` the policy in force, and ask what is told `at` an instant."""

    def __init__(self) -> None:
        self._policy: Policy | None = None
        self._told: dict[str, tuple[WorkingClock, int]] = {}

    @property
    def names(self) -> Set[str]:
        """Who is named."""
        return self._told.keys()

    def follow(self, policy: Policy) -> None:
        """From now on what this policy says holds."""
        if policy is self._policy:
            return
        self._policy = policy
        self._told = {}
        if isinstance(policy, SourcedPolicy):
            for heard in policy.sources:
                name = "" if heard.name == UNNAMED else heard.name
                self._told[name] = WorkingClock(policy.hours_of(heard)), heard.every_us

    def at(self, now_us: int) -> dict[str, Told]:
        """By source, of those that the policy names."""
        return {
            name: Told(clock, every_us, not bool(clock.is_open(now_us)))
            for name, (clock, every_us) in self._told.items()
        }
