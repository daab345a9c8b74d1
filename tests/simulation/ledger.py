"""What the harness knows must hold on one machine: what became durable, and which watermark the clock had pushed by then.

Owns the truth that the oracle is given. It is told what was done to the machine, never what the machine made of it.
"""

from collections import Counter
from dataclasses import dataclass, field

from tests.reference import NEVER_US, Adopt, Advance, Arrival, End
from tests.simulation.plan import Plan
from tests.simulation.senders import Line, Request, arrival

__all__ = ["Entry", "Ledger"]


@dataclass
class Entry:
    """One request as it must be judged: the floor it meets, the lines taken, and line numbers and reasons of the others; or a
    policy that came, and the floor it meets."""

    source: str
    floor_us: int
    taken: list[Line]
    refused: list[tuple[int, str]]
    adopt: Adopt | None = None


@dataclass
class Ledger:
    """One machine's truth. Floors are instants that no event on time may precede, however silent its source is."""

    plan: Plan
    future_us: int
    entries: list[Entry] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    saved: dict[int, int] = field(default_factory=dict)
    floor_us: int = NEVER_US
    _restored_us: int = NEVER_US
    _running: bool = False
    _now_us: int = 0
    _quiet_since_us: int = 0

    def started(self, wall_us: int, saved_sequence: int) -> None:
        """A new life from that snapshot, 0 for none."""
        self._running = False
        self._now_us = self._quiet_since_us = wall_us if any(entry.taken for entry in self.entries) else 0
        behind = self.entries[saved_sequence:]
        self.floor_us = max([self.saved.get(saved_sequence, NEVER_US), *(entry.floor_us for entry in behind)])
        self._restored_us = self.floor_us

    def judged(self, wall_us: int, request: Request) -> Entry:
        """A request that came in and was admitted."""
        latest_us = wall_us + self.future_us
        taken = [line for line in request.lines if not line.reason and line.time_us < latest_us]
        refused = [
            (number, line.reason or "time_in_future")
            for number, line in enumerate(request.lines, 1)
            if line.reason or line.time_us >= latest_us
        ]
        floor_us = self._restored_us
        if taken:
            self._now_us = self._quiet_since_us = max(self._now_us, wall_us)
            if self._running:
                floor_us = max(floor_us, self._now_us - self.plan.rules.bound_us)
            self._running |= max(line.time_us for line in taken) >= self._now_us - self.plan.times.near_us
        return Entry(request.source, floor_us, taken, refused)

    def offered(self, wall_us: int, adopt: Adopt) -> Entry:
        """A policy that came in."""
        floor_us = self._restored_us
        if self._running:
            self._now_us = max(self._now_us, wall_us)
            floor_us = max(floor_us, self._now_us - self.plan.rules.bound_us)
        return Entry("", floor_us, [], [], adopt)

    @property
    def adopted(self) -> int:
        """How many policies have come."""
        return sum(entry.adopt is not None for entry in self.entries)

    def durable(self, entry: Entry) -> None:
        """It was written to disk whole."""
        self.refused.update(reason for _, reason in entry.refused)
        if entry.taken or entry.adopt:
            self.entries.append(entry)

    def ticked(self, wall_us: int) -> None:
        """The clock had its turn, with nothing on its way."""
        self._now_us = max(self._now_us, wall_us)
        if self._quiet_since_us and self._now_us - self._quiet_since_us >= self.plan.times.quiet_us:
            self._running = True
        if self._running:
            self.floor_us = max(self.floor_us, self._now_us - self.plan.rules.bound_us)

    def script(self) -> list[Arrival | Advance | End | Adopt]:
        """All of it for the oracle, in the order of the journal."""
        script: list[Arrival | Advance | End | Adopt] = []
        for entry in self.entries:
            script.append(Advance(entry.floor_us))
            if entry.adopt:
                script.append(entry.adopt)
            script.extend(arrival(entry.source, line) for line in entry.taken)
        return [*script, Advance(self.floor_us)]
