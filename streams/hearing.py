"""Who is heard, where nobody sends to: on a hub, which knows the sources of a cluster by what the workers' steps tell.

Owns when a source was heard. Never says how clocks differ, for when an event was received only gateways know. Raises no alarms: hubs stand side by side, each with
a clock of its own, and would tell one silence twice; what they tell Prometheus is raised by its rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.times import MINUTE_US
from engine.watermark import NEVER_US
from streams.publishing import now_us
from streams.sources import Sources

__all__ = ["Hearing"]


class Hearing:
    """Looks at a merged engine beside its publishing, and passes on to `sources` who has told something new."""

    def __init__(self, sources: Sources, *, clock: Callable[[], int] = now_us) -> None:
        self._sources, self._clock = sources, clock
        self._newest_us: dict[str, int] = {}

    def look(self, engine: Any) -> None:
        """A source is heard now when its newest event is another than before; while old steps are merged, when that event happened."""
        now = self._clock()
        behind = engine.watermark_us < now - MINUTE_US
        for name, source in engine.order.sources.items():
            newest_us = source.newest_us
            if abs(newest_us) < -NEVER_US and newest_us != self._newest_us.get(name):
                self._newest_us[name] = newest_us
                self._sources.heard(name, min(now, newest_us) if behind else now, newest_us)
        self._sources.look(engine)

    def facts(self) -> dict[str, Any]:
        """Those of the sources."""
        return self._sources.facts()
