"""The order of processing: which row is on time, which is late or dropped, and when a row may be processed.

Each row is judged against the running maximum of the rows of its source before it, so that no cutting of the stream into
batches changes a judgement. A row that is on time stands at its own instant; a late row stands at the watermark it met,
before everything that happens there. Rows are released in that order once the watermark has passed them, all rows of
one instant together. The watermark never goes back: a source that is first heard later than others is held against the
watermark that is reached by then.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.columns import OTHER, Rows

__all__ = ["NEVER_US", "SOURCES_MAX", "Order", "Source"]

#: Sources whose order is judged each by itself.
SOURCES_MAX = 10_000
#: Before every instant that the format allows.
NEVER_US = -(2**62)


@dataclass
class Source:
    """How far one source has come: the newest instant it told, how far its events may arrive out of order, and the
    watermark that was reached before it was known."""

    bound_us: int
    begins_us: int = NEVER_US
    newest_us: int = NEVER_US
    finished: bool = False

    @property
    def watermark_us(self) -> int:
        if self.finished:
            return -NEVER_US
        return max(self.newest_us - self.bound_us, self.begins_us) if self.newest_us > NEVER_US else self.begins_us


class Order:
    """The reordering buffer. State: sources by name, and the `numbers` of the names, a floor that the clock may push, and the rows held back.

    When more than `held_max` rows wait for a source that is silent, the earlier half waits no longer: `forced_count` tells how
    often, and what that source sends later from before is late or dropped, and counted as such.
    """

    def __init__(self, bound_us: int, lateness_us: int, held_max: int = 2**62) -> None:
        self.held_max = held_max
        self.forced_count = 0
        self.bound_us = bound_us
        self.lateness_us = lateness_us
        self.sources: dict[str, Source] = {}
        self.floor_us = NEVER_US
        self.numbers: dict[str, int] = {}
        self.held: list[Rows] = []

    @property
    def watermark_us(self) -> int:
        """No row that is on time is expected before this instant: the slowest source's, or the clock's where that is later."""
        slowest = min((source.watermark_us for source in self.sources.values()), default=NEVER_US)
        return max(slowest, self.floor_us)

    @property
    def held_count(self) -> int:
        return sum(map(len, self.held))

    def source(self, name: str) -> Source:
        """The source of that name, new ones with the default bound. A source once named holds time back until it is heard.

        Past `SOURCES_MAX` all further names are one source, so their order among each other is judged together.
        """
        name = self.name(name)
        if name not in self.sources:
            self.sources[name] = Source(self.bound_us, self.watermark_us)
            self.numbers[name] = len(self.numbers)
        return self.sources[name]

    def name(self, name: str) -> str:
        """What a source is called here."""
        return name if name in self.sources or len(self.sources) < SOURCES_MAX else OTHER

    def watermarks(self, times_us: NDArray[np.int64], name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The watermark each row meets, and the one it leaves behind, as int64; moves the source on."""
        source = self.source(name)
        newest = np.maximum.accumulate(np.concatenate(([source.newest_us], times_us)))
        source.newest_us = int(newest[-1])
        reached = np.maximum(newest - source.bound_us, max(self.floor_us, source.begins_us))
        return reached[:-1], reached[1:]

    def slowest(self, left_us: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        """The watermark of all sources together behind each row of one that left these behind; ascending likewise."""
        mine = self.source(name)
        others = [source.watermark_us for source in self.sources.values() if source is not mine]
        return np.maximum(np.minimum(left_us, min(others)), self.floor_us) if others else left_us

    def judge(
        self, times_us: NDArray[np.int64], met_us: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Late and dropped, by row: earlier than the watermark met, and earlier by more than the allowed lateness."""
        late = times_us < met_us
        dropped = late & (times_us < met_us - self.lateness_us)
        return late & ~dropped, dropped

    def hold(self, rows: Rows) -> None:
        self.held.append(rows)

    def release(self, until_us: int | None = None) -> Rows:
        """The rows that the watermark has passed, in the order of arrival; a late row goes first at its instant. With `until_us`, an
        instant that it has passed, only those of before it."""
        if not self.held:
            return Rows.empty()
        rows = Rows.concatenated(self.held)
        if until_us is None:
            watermark_us = self.watermark_us
            ready = (rows.ranks_us < watermark_us) | (rows.lates & (rows.ranks_us == watermark_us))
        else:
            ready = rows.ranks_us < until_us
        if ready.all():
            self.held = []
            return rows
        self.held = [rows[~ready]]
        return rows[ready]

    def force(self) -> bool:
        """Lets time go on without the slowest source if too many rows wait for it; True if it did."""
        if self.held_count <= self.held_max:
            return False
        ranks_us = np.concatenate([rows.ranks_us for rows in self.held])
        self.forced_count += 1
        self.advance(int(np.partition(ranks_us, len(ranks_us) // 2)[len(ranks_us) // 2]) + 1)
        return True

    def advance(self, instant_us: int) -> None:
        """Lets the clock push the watermark, when sources are silent. Earlier instants change nothing."""
        self.floor_us = max(self.floor_us, instant_us)
