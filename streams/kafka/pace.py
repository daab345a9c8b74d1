"""When a worker does what.

Owns the figures and their reasons. Never reads an option.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pace"]


@dataclass(frozen=True, slots=True)
class Pace:
    """Durations with their unit in the name."""

    tick_s: float = 0.1
    disorder_bound_us: int = 500_000
    near_us: int = 250_000
    quiet_us: int = 10_000_000
    """When the clock may begin to move event time: see streams.clock."""
    silence_us: int = 2_000_000
    """Behind so long a silence of the broker the clock is held as at a start: who could not send meanwhile is not late."""
    step_events: int = 100_000
    step_s: float = 1.0
    """So often there is a step while a backlog is read; otherwise whenever time has come further."""
    snapshot_s: float = 30.0
    snapshot_events: int = 2_000_000
    stall_s_max: float = 120.0
    """So long a partition may stand still with something to read; then the process ends."""
    tell_s: float = 2.0
