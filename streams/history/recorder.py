"""The running service's way into the history: closed windows, and later their corrections.

Owns: which windows are looked at when, and the thread that writes. `look` is called on the engine's thread after its tick and takes one rollup a
time, a few windows of it, so that no tick is long; everything that packs, compares and writes is elsewhere. Law: a window is kept once it is closed,
and looked at again and again while the engine holds it, for a contact may end hours after it came. What the store does not take is offered again; nobody
waits for it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np

from engine.watermark import NEVER_US
from engine.windows import Figures, collect
from streams.history.store import BASE_US, FINE_ROLLUPS, FINE_US, Store, StoreError

__all__ = ["Recorder"]

LOOK_S = 2.0
#: Pairs of window and group that one look collects.
_PAIRS = 4_096
_WAITING_MAX = 32
_TIDY_S = 3_600.0
_Job = tuple[str, int, list[int], Figures, list[tuple[str, ...]]]


class Recorder:
    """Construct, `start`, let `look` be called, `stop`. `failed` counts what the store did not take, `written` windows that it did."""

    def __init__(self, store: Store, tell: Callable[[str], None], turn: Callable[[], float] = time.monotonic) -> None:
        self.failed = self.written = 0
        self._store = store
        self._tell = tell
        self._turn = turn
        self._next = 0.0
        self._jobs: queue.Queue[_Job | None] = queue.Queue(_WAITING_MAX)
        self._seen: dict[tuple[str, int], int] = {}
        self._sweep: dict[tuple[str, int], int] = {}
        self._turns: Any = None
        self._again: set[tuple[str, int]] = set()
        self._thread = threading.Thread(target=self._write, name="history", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def stop(self) -> None:
        """Writes what waits, and ends."""
        self._jobs.put(None)
        self._thread.join()
        self._store.close()

    def look(self, engine: Any, *, now: bool = False) -> None:
        """Hands over what is closed and new, or what may have changed; at most once in `LOOK_S` unless `now`."""
        turn = self._turn()
        if (turn < self._next and not now) or self._jobs.full() or engine.own_counters.first_us is None:
            return
        self._next = turn + LOOK_S
        if self._turns is None:
            sizes = [(rollup, BASE_US) for rollup in engine.tallies.rollups]
            sizes += [(rollup, FINE_US) for rollup in engine.tallies.rollups if rollup.name in FINE_ROLLUPS]
            self._turns = cycle([one for one in sizes if one[1] % engine.pane_us == 0])
        rollup, size_us = next(self._turns)
        if starts_us := self._due(engine, rollup, size_us):
            starts = np.array(starts_us)
            # So few pairs come in one piece.
            (found,) = collect(rollup, engine.pane_us, starts, starts + size_us)
            self._jobs.put((rollup.name, size_us, starts_us, found, list(rollup.groups)))

    def facts(self) -> dict[str, Any]:
        """How the writing fares."""
        return {"history": {"written": self.written, "failed": self.failed}}

    def _due(self, engine: Any, rollup: Any, size_us: int) -> list[int]:
        """Closed windows that were never handed over, the oldest first; and with the room that is left, older ones in turn."""
        reached_us = engine.watermark_us
        if abs(reached_us) == -NEVER_US:
            return []
        oldest_us = max(engine.own_counters.first_us, engine.tallies.oldest_pane * engine.pane_us)
        # One that began before what is kept would lack its beginning; the very first one of all has nothing before it.
        round_ = 0 if oldest_us == engine.own_counters.first_us else size_us - 1
        first_us, end_us = (oldest_us + round_) // size_us * size_us, reached_us // size_us * size_us
        if first_us >= end_us:
            return []
        room = max(1, _PAIRS // max(1, len(rollup.groups)))
        of = rollup.name, size_us
        if of in self._again:
            self._again.discard(of)
            self._seen.pop(of, None)
        fresh_us = max(self._seen.get(of, first_us), first_us)
        due = list(range(fresh_us, min(end_us, fresh_us + room * size_us), size_us))
        self._seen[of] = fresh_us + len(due) * size_us
        old_us = self._sweep.get(of, first_us)
        for _ in range(min(room - len(due), (fresh_us - first_us) // size_us)):
            old_us = first_us if not first_us <= old_us < fresh_us else old_us
            due.append(old_us)
            old_us += size_us
        self._sweep[of] = old_us
        return sorted(due)

    def _write(self) -> None:
        tidied = self._turn() - _TIDY_S
        while (job := self._jobs.get()) is not None:
            rollup, size_us, starts_us, figures, names = job
            try:
                self.written += self._store.put(rollup, size_us, starts_us, figures, names)
                if self._turn() - tidied >= _TIDY_S:
                    tidied = self._turn()
                    self._store.tidy(starts_us[-1])
            except StoreError as error:
                if not self.failed:
                    why = getattr(error, "orig", None) or error
                    self._tell(f"The interval history cannot be written: {type(why).__name__}; it is tried again.")
                self.failed += 1
                self._again.add((rollup, size_us))
