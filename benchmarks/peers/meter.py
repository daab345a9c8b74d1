"""What each peer does besides its work: note when the warm-up was over and when the last event had been seen, and tell what came of it.

Runs in the environment of the peers and imports nothing but Python. The first tenth of the events is for warming up.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


class Told:
    """What a peer is told on its command line."""

    def __init__(self) -> None:
        told = json.loads(sys.argv[1])
        self.bootstrap: str = told["bootstrap"]
        self.topic: str = told["topic"]
        self.count: int = told["count"]
        self.name: str = told["name"]
        self.folder: str = told["folder"]


class Meter:
    def __init__(self, count: int) -> None:
        self._count, self._warm, self._seen = count, count // 10, 0
        self._warmed, self._begun, self._ended = 0, 0.0, 0.0

    def see(self, events: int = 1) -> bool:
        """Notes events; True with the last one."""
        before, self._seen = self._seen, self._seen + events
        if before < self._warm <= self._seen:
            self._begun, self._warmed = time.time(), self._seen
        if before < self._count <= self._seen:
            self._ended = time.time()
        return self._seen >= self._count

    def tell(self, answer: dict[tuple[int, str], Any] | None = None) -> None:
        """Prints one line, and ends the process: how an engine ends is not measured."""
        rows = [[*place, *told] for place, told in (answer or {}).items()]
        told = {"events": self._seen - self._warmed, "begun": self._begun, "ended": self._ended, "answer": rows}
        print("\nRESULT " + json.dumps(told), flush=True)
        os._exit(0)
