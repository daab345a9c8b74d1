"""What the shards of a centre have told and what waits: how far each has come, and how the sources of all stand together.

Owns the cells that wait for other shards. Never looks into one. The law: a cell leaves whole, once, and in the order of its shard.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np

from engine.cells import Cell, Step
from engine.columns import Rows
from engine.watermark import NEVER_US, Order

__all__ = ["Part", "Sources"]


class Part:
    """What one shard has told: how far it has come, and the cells that wait."""

    def __init__(self) -> None:
        self.until_us = self.reached_us = NEVER_US
        self.cells: deque[Cell] = deque()
        self.ends_us: deque[int] = deque()
        self.counters: dict[str, Any] = {}
        self.limits_reached: dict[str, int] = {}
        self.sources: dict[str, tuple[int, bool]] = {}

    def crosses(self, instant_us: int) -> bool:
        """Whether a cell begins before an instant and ends behind it."""
        return any(cell.low_us < instant_us < cell.end_us for cell in self.cells)

    def taken(self, until_us: int) -> list[Cell]:
        """The cells up to an instant, which wait no longer."""
        found = []
        while self.cells and self.cells[0].end_us <= until_us:
            found.append(self.cells.popleft())
        while self.ends_us and self.ends_us[0] <= until_us:
            self.ends_us.popleft()
        return found

    def saved(self) -> dict[str, Any]:
        """For a snapshot: one step that tells all that waits."""
        step = Step(
            "",
            1,
            self.until_us,
            self.until_us,
            self.reached_us,
            [*self.cells],
            self.sources,
            self.counters,
            self.limits_reached,
        )
        return {"step": step.to_bytes(), "ends_us": list(self.ends_us)}

    def restore(self, saved: dict[str, Any]) -> None:
        step = Step.from_bytes(saved["step"])
        self.until_us, self.reached_us = step.until_us, step.reached_us
        self.cells, self.ends_us = deque(step.cells), deque(saved["ends_us"])
        self.counters, self.limits_reached, self.sources = step.counters, step.limits_reached, step.sources


class Sources(Order):
    """How the sources of all shards stand together, and up to which instant all shards are merged."""

    merged_us = NEVER_US

    @property
    def watermark_us(self) -> int:
        return self.merged_us

    def tell(self, parts: Iterable[Part]) -> None:
        """A source is as new as in the shard where it is newest; it has ended when it has ended wherever it was heard."""
        told: dict[str, list[tuple[int, bool]]] = {}
        for part in parts:
            for name, of in part.sources.items():
                told.setdefault(name, []).append(of)
        for name, of_shards in told.items():
            source = self.source(name)
            source.newest_us = max(newest_us for newest_us, _ in of_shards)
            source.finished = all(finished for _, finished in of_shards)

    def hear(self, watch: Any, heard: Iterable[dict[str, int]]) -> None:
        """Tells a watch when sources were heard last."""
        rows = Rows.empty()
        told = [(self.numbers[self.name(name)], rank_us) for of in heard for name, rank_us in of.items()]
        if told:
            rows.sources = np.array([number for number, _ in told], np.int16)
            rows.ranks_us = np.array([rank_us for _, rank_us in told], np.int64)
            watch.hear(rows)
