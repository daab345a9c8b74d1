"""The early warning, held against what happened: events go through the engine as they would have come in, and after each minute it says which quarters it names.

Owns the comparison. Law: a look knows only events of before it, said with the delay that the running service has; whatever was named and did not break counts as false, however
briefly it was named.

A quarter of an hour of a queue *breaks* when it closes with fewer in time than the policy wants of `LEAST` contacts or more. It is *lost* at the instant
from which that can no longer be turned, when more were missed than the target allows of all who came in it; nobody knows that instant before it has closed.
A quarter is named in time when it was named ten minutes before: before its close, before it was lost, or before it began, each told by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.capacity.outlook import LEAST, QUARTER
from engine.events import Vocabulary, decode
from engine.keys import PUBLIC
from engine.pipeline import Engine, Settings
from engine.times import MINUTE_US, SECOND_US
from engine.windows import Spec, collect
from streams.capacity.live import Ahead, Usual, looked_at, unknown
from streams.capacity.planned import Planned
from streams.capacity.seeing import minute_of, queues_of
from streams.capacity.targets import share_of
from streams.policy.reading import default_policy

__all__ = ["EARLY_US", "Judged", "Quarter", "Watched", "judged"]

EARLY_US = 10 * MINUTE_US
#: How late a minute is said: the disorder bound, and the pause between two looks of the running service.
_LATE_US = 20 * SECOND_US
_QUARTER_US = QUARTER * MINUTE_US
#: What no hour was seen of is not judged, nor what may not have ended yet.
_HOUR_US = 60 * MINUTE_US


@dataclass(frozen=True)
class Quarter:
    """One that had enough contacts: whether it broke, when it was lost (0 for never), whether the one before broke too, and when it was first named (0 for never)."""

    queue: str
    start_us: int
    offered: int
    service_level: float
    broke: bool
    lost_us: int
    goes_on: bool
    named_us: int


@dataclass(frozen=True)
class Judged:
    """Of quarters that broke: how many were named ten minutes before their close, before they were lost, before they began; how many were the first after one that did
    not break, and how many of those were named before their close. Of those that did not break how many were named at all."""

    quarters: int
    broke: int
    before_close: int
    before_lost: int
    before_begin: int
    first: int
    first_before_close: int
    false: int

    def __add__(self, other: Judged) -> Judged:
        return Judged(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


class Watched:
    """`take` events in the order of their time; then `quarters`."""

    def __init__(self, usual: Usual = unknown) -> None:
        settings = replace(
            Settings(), rollups=((), ("queue",)), windows=(Spec(_QUARTER_US, MINUTE_US),), policy=replace(default_policy(), conditions=()),
        )  # fmt: skip
        self.engine = Engine(settings, PUBLIC)
        self._vocabulary = Vocabulary(PUBLIC)
        self._planned, self._usual = Planned(), usual
        self._named: dict[tuple[str, int], int] = {}
        self._ahead: Ahead | None = None

    def take(self, records: Iterable[tuple[int, bytes]]) -> None:
        """Events with their instants in milliseconds."""
        lines: list[bytes] = []
        until_us = 0
        for at_ms, line in records:
            if at_ms * 1_000 >= until_us:
                if lines:
                    self._absorb(b"".join(lines), until_us)
                lines, until_us = [], ((at_ms * 1_000 - _LATE_US) // MINUTE_US + 1) * MINUTE_US + _LATE_US
            lines.append(line)
        self._absorb(b"".join(lines), until_us)

    def quarters(self) -> list[Quarter]:
        """All that were judged."""
        self.engine.finish()
        rollup = queues_of(self.engine)
        first_us, last_us = self.engine.counters.first_us, self.engine.counters.last_us
        if rollup is None or first_us is None or last_us is None:
            return []
        return list(
            _quarters(
                self.engine,
                rollup,
                first_us + _HOUR_US,
                last_us - _HOUR_US // 2,
                share_of(self.engine.settings.policy),
                self._named,
            )
        )

    def _absorb(self, data: bytes, now_us: int) -> None:
        decoded = decode(data, source="check", vocabulary=self._vocabulary)
        self._planned.take(decoded)
        self.engine.absorb(decoded)
        self.engine.settle()
        rollup = queues_of(self.engine)
        if (
            rollup is None
            or self.engine.watermark_us < _HOUR_US
            or (self._ahead is not None and minute_of(self.engine) == self._ahead.as_of_us)
        ):
            return
        self._ahead = ahead = looked_at(self.engine, rollup, self._planned, self._usual, self._ahead)
        begins_us = ahead.as_of_us // _QUARTER_US * _QUARTER_US
        for row, quarter in zip(*np.nonzero(ahead.named), strict=True):
            self._named.setdefault((ahead.names[row], begins_us + int(quarter) * _QUARTER_US), now_us)


def _quarters(
    engine: Engine, rollup: Any, first_us: int, last_us: int, share: float, named: dict[tuple[str, int], int]
) -> Iterable[Quarter]:
    starts = np.arange(-(-first_us // _QUARTER_US), last_us // _QUARTER_US) * _QUARTER_US
    minutes = (starts[:, None] + np.arange(QUARTER) * MINUTE_US).ravel()
    offered, good = (
        np.zeros((len(rollup.groups), len(minutes)), np.int64),
        np.zeros((len(rollup.groups), len(minutes)), np.int64),
    )
    for part in collect(rollup, engine.pane_us, minutes, minutes + MINUTE_US):
        cells = part.groups, part.windows
        offered[cells], good[cells] = part.field("offered"), part.field("answered_in_target")
    for group, (queue,) in enumerate(rollup.groups):
        if not queue:  # Of who never asked for a person.
            continue
        before = False
        for at, start_us in enumerate(starts.tolist()):
            inside = slice(at * QUARTER, (at + 1) * QUARTER)
            came, answered = offered[group, inside], good[group, inside]
            whole = int(came.sum())
            if whole < LEAST:
                before = False
                continue
            level = float(answered.sum() / whole)
            broke = level < share
            lost_us = 0
            if broke:
                # The minute in which the missed became too many; when in it nobody counts, so its beginning.
                lost_us = start_us + int(np.argmax(np.cumsum(came - answered) > (1 - share) * whole)) * MINUTE_US
            yield Quarter(queue, start_us, whole, level, broke, lost_us, before, named.get((queue, start_us), 0))
            before = broke


def judged(quarters: Iterable[Quarter]) -> Judged:
    """The counts of them."""
    all_ = list(quarters)
    broke = [one for one in all_ if one.broke]

    def early(of: list[Quarter], before: Any) -> int:
        return sum(1 for one in of if one.named_us and one.named_us <= before(one) - EARLY_US)

    def close(one: Quarter) -> int:
        return one.start_us + _QUARTER_US

    first = [one for one in broke if not one.goes_on]
    return Judged(
        len(all_), len(broke), early(broke, close), early(broke, lambda one: one.lost_us), early(broke, lambda one: one.start_us),
        len(first), early(first, close), sum(1 for one in all_ if not one.broke and one.named_us),
    )  # fmt: skip
