"""When the wall clock may move event time.

Owns: the decision whether a tick may push the watermark to the present. Never touches the engine, never asks
the time: `now_us` is an argument.

While a past hour is being filled in, event time belongs to the events: a tick to the present would make all of
them late. So the clock is *held* from every start until one of two things is true: the newest event admitted is
within `near_us` of the present (the source has caught up), or nothing was admitted for `quiet_us` although
something is known (the centre is quiet, and its deadlines must run). From then on it *runs* until the process
ends. A service that has never seen an event has nothing to age, and stays held. `near_us` is smaller than the
disorder bound, so that what a source that just caught up sends next is not late.

Law: every batch carries the instant to which the clock stood when it was admitted: while held, the one that an
earlier run had reached, 0 for none. Who advances the engine to that instant before absorbing the batch, live and in
replay alike, gets the same figures in both.
"""

from __future__ import annotations

__all__ = ["Clock"]


class Clock:
    """Held, then running; instants in microseconds and never going back, whatever the machine's clock does."""

    def __init__(self, *, near_us: int, quiet_us: int) -> None:
        self.running = False
        self._near_us = near_us
        self._quiet_us = quiet_us
        self._latest_us = 0
        self._quiet_since_us = 0
        self._reached_us = 0

    def restored(self, now_us: int, reached_us: int = 0) -> None:
        """Tell that events of an earlier run are known: silence counts from now on.

        `reached_us` is how far the ticks of that run had pushed the engine. A snapshot keeps it and the journal does not,
        so the batches that are judged by it carry it: a replay from an older snapshot must judge them alike.
        """
        self._reached_us = reached_us
        self._quiet_since_us = self._forward(now_us)

    def stamp(self, now_us: int, newest_us: int) -> int:
        """Admit a batch whose newest event is of `newest_us`; returns the instant that goes with it."""
        now_us = self._forward(now_us)
        stamp_us = max(now_us if self.running else 0, self._reached_us)
        self._quiet_since_us = now_us
        if newest_us >= now_us - self._near_us:
            self.running = True
        return stamp_us

    def stand(self, now_us: int) -> int:
        """The instant that goes with what brings no event, a change of policy."""
        return max(self._forward(now_us) if self.running else 0, self._reached_us)

    def tick(self, now_us: int) -> int:
        """The instant to which the engine may be advanced with nothing admitted, 0 while held."""
        now_us = self._forward(now_us)
        if not self.running and self._quiet_since_us and now_us - self._quiet_since_us >= self._quiet_us:
            self.running = True
        return now_us if self.running else 0

    def _forward(self, now_us: int) -> int:
        self._latest_us = max(self._latest_us, now_us)
        return self._latest_us
