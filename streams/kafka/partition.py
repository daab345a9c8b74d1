"""One partition in this process: its shard, how far it has read, and the steps that are to be made again before new ones.

Owns: the order in which events, the clock and steps reach the shard. Never connects, starts no thread, asks no clock: whoever
holds it calls it from one thread at a time.

Law: the clock reaches the shard only right before a step, and the step says how far. So who absorbs the same events up to each
step's offset, pushes time to its floor and makes the step, comes to the same shard and the same bytes, however the events were cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from engine.events import Decoded
from engine.keys import Secret
from engine.watermark import NEVER_US
from streams.kafka.deadletters import DeadLetter
from streams.kafka.lines import Finished, Lines, Read
from streams.kafka.snapshots import Snapshot
from streams.kafka.steps import Step
from streams.kafka.stretches import Stretch

__all__ = ["STEP_US", "Partition", "Shard", "Shards", "Taken"]

#: Steps end at multiples of it, and none is left out while a partition keeps up: what a step tells is merged whole, so a hub can merge up
#: to instants only at which steps of all partitions end.
STEP_US = 200_000
#: Behind, a step goes as far as it can, to a multiple of this.
STRIDE_US = 1_000_000


class Shard(Protocol):
    """The engine's part of a partition."""

    secret: Secret

    def absorb(self, decoded: Decoded) -> None: ...
    def advance(self, now_us: int) -> None: ...
    def finish_source(self, name: str) -> None: ...
    @property
    def watermark_us(self) -> int: ...
    def step(self, until_us: int) -> bytes: ...
    def snapshot(self) -> bytes: ...


class Shards(Protocol):
    """Makes shards of one configuration."""

    def begin(self) -> Shard: ...
    def restore(self, data: bytes) -> Shard:
        """Raises InvalidSetting where it was made under other settings."""


@dataclass
class Taken:
    """What became of a stretch: rows absorbed for the first time and again, the newest of their instants, letters to be written."""

    events: int = 0
    again: int = 0
    newest_us: int = NEVER_US
    letters: list[DeadLetter] = field(default_factory=list)


class Partition:
    """`next_offset` is that of the first event not absorbed, `number` that of the last step made."""

    def __init__(
        self, shard: Shard, lines: Lines, snapshot: Snapshot | None = None, again: Iterable[Step] = ()
    ) -> None:
        self.shard = shard
        self.next_offset = snapshot.next_offset if snapshot else 0
        self.number = snapshot.number if snapshot else 0
        self.floor_us = snapshot.floor_us if snapshot else NEVER_US
        self.until_us = snapshot.until_us if snapshot else NEVER_US
        self.unsaid = False
        """Whether anything was absorbed since the last step."""
        self.unsaid_events = 0
        self._lines = lines
        self._again = deque(again)
        self._make_steps_again(None)

    @property
    def is_recovering(self) -> bool:
        """Whether steps that others made are still to be made again."""
        return bool(self._again)

    @property
    def has_come_further(self) -> bool:
        """Whether a step could tell of later instants than the last one did."""
        return _rounded(self.shard.watermark_us) > self.until_us

    @property
    def known_offset(self) -> int:
        """Where the steps end that are to be made again."""
        return self._again[-1].to_offset if self._again else self.next_offset

    def take(self, stretch: Stretch) -> Taken:
        """Absorbs what of it was not absorbed yet. Letters of what an earlier step covers were written before it."""
        taken = Taken()
        left = stretch.since(self.next_offset)
        while left is not None:
            now = left.until(self._again[0].to_offset) if self._again else left
            if now is not None:
                read = self._lines.read(now)
                self._absorb(read, taken)
                self.next_offset = now.next_offset
                left = left.since(self.next_offset)
            self._make_steps_again(left)
        return taken

    def steps(self, claimant: bytes, floor_us: int = NEVER_US) -> list[Step]:
        """The next steps, with the clock at `floor_us`: all there are to be said, or one stride."""
        found, before_us = [], self.until_us
        while step := self.step(claimant, floor_us):
            found.append(step)
            if step.until_us - before_us > STEP_US:
                break
            before_us = step.until_us
        return found

    def step(self, claimant: bytes, floor_us: int = NEVER_US) -> Step | None:
        """The next step, with the clock at `floor_us`; None where there is nothing to say."""
        floor_us = max(floor_us // STEP_US * STEP_US, self.floor_us)
        if floor_us > self.floor_us:
            self.shard.advance(floor_us)
        until_us = max(self.until_us, self._end_us())
        if not self.unsaid and floor_us == self.floor_us and until_us == self.until_us:
            return None
        self.floor_us, self.until_us = floor_us, until_us
        payload = self.shard.step(until_us)
        self.number += 1
        self.unsaid, self.unsaid_events = False, 0
        return Step.of(claimant, self.number, self.next_offset, floor_us, until_us, payload)

    def _end_us(self) -> int:
        """Where the next step ends."""
        reached_us = _rounded(self.shard.watermark_us)
        if abs(reached_us) == -NEVER_US:
            return reached_us
        if reached_us - self.until_us > STRIDE_US:
            return reached_us // STRIDE_US * STRIDE_US
        return min(reached_us, self.until_us + STEP_US)

    def _absorb(self, read: Read, taken: Taken) -> None:
        rows = 0
        for told in read.told:
            if isinstance(told, Finished):
                self.shard.finish_source(told.source)
                if told.at_us > NEVER_US:
                    self.shard.advance(told.at_us)
                continue
            self.shard.absorb(told)
            rows += told.count
            if told.count:
                taken.newest_us = max(taken.newest_us, int(np.max(told.times_us)))
        if self._again:
            taken.again += rows
            return
        taken.events += rows
        taken.letters += read.letters
        self.unsaid = True
        self.unsaid_events += rows

    def _make_steps_again(self, left: Stretch | None) -> None:
        """Those that need no more events than there are: what retention has taken, or never was an event, is not waited for."""
        reached = self.next_offset if left is None else left.first_offset
        while self._again and self._again[0].to_offset <= reached:
            step = self._again.popleft()
            if step.floor_us > self.floor_us:
                self.shard.advance(step.floor_us)
            self.shard.step(step.until_us)
            self.number, self.floor_us, self.until_us = step.number, step.floor_us, step.until_us
            self.next_offset = max(self.next_offset, step.to_offset)


def _rounded(watermark_us: int) -> int:
    """Down to a multiple of STEP_US; before the first event, and when all sources have ended, it stays as it is."""
    return watermark_us if abs(watermark_us) == -NEVER_US else watermark_us // STEP_US * STEP_US
