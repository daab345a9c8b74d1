"""When a line may go: by its own time, by a rate, by the wall clock, or at once.

Owns the only clocks of the simulator. Never looks into a line.
Law: a pace only delays; it never drops or reorders, and it wakes at once when told to stop.
"""

import threading
import time
from dataclasses import dataclass

__all__ = ["Pace", "Stop", "rest"]

WAIT_S_MAX = 0.5


class Stop(threading.Event):
    """Set by a signal: whoever waits or loops ends cleanly."""


@dataclass(slots=True)
class Pace:
    """At most one is set of `rate` (events a second), `speed` (event seconds a second), `live` (the wall clock)."""

    rate: float | None = None
    speed: float | None = None
    live: bool = False
    begun_s: float | None = None
    first_ms: int = 0

    def __post_init__(self) -> None:
        if sum((self.rate is not None, self.speed is not None, self.live)) > 1:
            raise ValueError("Choose one of a rate, a speed and live.")
        if (self.rate is not None and self.rate <= 0) or (self.speed is not None and self.speed <= 0):
            raise ValueError("A rate and a speed are greater than 0.")

    @property
    def hurried(self) -> bool:
        """Whether nothing ever waits."""
        return self.rate is None and self.speed is None and not self.live

    def early_s(self, at_ms: int, sent: int) -> float:
        """How long the line of instant `at_ms`, after `sent` others, must still wait; 0 or less means now."""
        if self.live:
            return at_ms / 1000 - time.time()
        now_s = time.monotonic()
        if self.begun_s is None:
            self.begun_s, self.first_ms = now_s, at_ms
        if self.rate is not None:
            return self.begun_s + sent / self.rate - now_s
        if self.speed is not None:
            return self.begun_s + (at_ms - self.first_ms) / 1000 / self.speed - now_s
        return 0.0


def rest(stop: Stop, seconds: float) -> None:
    """Sleep until the time is over or the stop is set."""
    deadline = time.monotonic() + seconds
    while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
        stop.wait(min(left, WAIT_S_MAX))
