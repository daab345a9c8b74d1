"""Customers' days when a customer's contacts lie in several shards: each shard tells what is new of its part, and here a day is one.

Owns the days of which parts were told, and what they count. Never sees a wait. The law: a day counts once, where its first wait in
the order of processing began; it is in target while no shard has missed a wait of it; all time that anybody waited adds up.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import Combinations
from engine.compiled import compiled
from engine.facts import FIELDS, Facts
from engine.responses import Responses
from engine.waits import DIRTY, DIRTY_COUNT, Index

__all__ = ["CustomerDays", "PartialResponses"]

_F_FIRST = len(FIELDS)


class PartialResponses(Responses):
    """The response measures of a shard: what is new of a customer's day is told in `Facts.days` and counted elsewhere."""

    def _tell_news(self, facts: Facts) -> None:
        if count := int(self.counts[DIRTY_COUNT]):
            days = np.empty((10, count), np.int64)
            _days_of(self.records, self.counts, days)
            facts.days.append(days)


@compiled
def _days_of(records: NDArray[np.void], counts: Index, days: Index) -> None:  # pragma: no cover
    """Writes of each record with news: key, measure, end of the day; instant, place, sequence and combination of its first wait here; waits
    that are missed; time that is new; waits that run."""
    at = 0
    while counts[DIRTY] >= 0:
        record = records[counts[DIRTY]]
        days[0, at], days[1, at], days[2, at] = np.int64(record.key), record.measure, record.ends_us
        days[3, at], days[4, at], days[5, at] = record.at_us, record.rank_us, record.sequence
        days[6, at], days[7, at] = record.combination, record.misses
        days[8, at], days[9, at] = record.waited_us, record.open
        record.fresh, record.in_target, record.waited_us = False, 0, 0
        counts[DIRTY] = record.next
        record.next = -2
        at += 1
    counts[DIRTY_COUNT] = 0


@dataclass
class _Day:
    """One customer's day of one measure. `place` orders first waits; `misses` and `open` by shard."""

    measure: int
    ends_us: int
    at_us: int
    combination: int
    is_in_target: bool = True
    misses: dict[int, int] = field(default_factory=dict)
    open: dict[int, int] = field(default_factory=dict)


class CustomerDays:
    """Past `days_max` days at once, further ones are left out and counted in `lost_count`."""

    def __init__(self, combinations: Combinations, lateness_us: int, days_max: int) -> None:
        self.combinations = combinations
        self.lateness_us = lateness_us
        self.days_max = days_max
        self.lost_count = 0
        self.days: dict[int, _Day] = {}

    def take(self, told: Iterable[tuple[int, Index]], facts: Facts) -> None:
        """Takes what shards told of one slice of time, by shard; appends to `facts`. Combinations are those of here."""
        rows = [(shard, *row) for shard, days in told for row in days.T.tolist()]
        if not rows:
            return
        new, touched = self._begin(rows), {}
        amounts: list[tuple[int, int, int, int]] = []
        for shard, key, measure, _, _, _, _, _, misses, waited_us, open_ in rows:
            if (day := self.days.get(key)) is None:
                continue
            day.misses[shard], day.open[shard] = misses, open_
            if waited_us:
                amounts.append((_F_FIRST + 3 * measure + 2, day.combination, day.at_us, waited_us))
            touched[key] = day
        for key, day in touched.items():
            field_, is_in_target = _F_FIRST + 3 * day.measure, not any(day.misses.values())
            if key in new:
                amounts.append((field_, day.combination, day.at_us, 1))
            step = int(is_in_target) - int(day.is_in_target and key not in new)
            if step:
                amounts.append((field_ + 1, day.combination, day.at_us, step))
            day.is_in_target = is_in_target
        if amounts:
            facts.amounts.append(np.array(amounts, np.int64).T)

    def _begin(self, rows: list[tuple[int, ...]]) -> set[int]:
        """Notes the days that were not known, each with the first of its waits; returns their keys."""
        firsts: dict[int, tuple[int, ...]] = {}
        for row in rows:
            if row[1] not in self.days and (row[1] not in firsts or self._place(row) < self._place(firsts[row[1]])):
                firsts[row[1]] = row
        new = set()
        for key, (_, _, measure, ends_us, at_us, _, _, combination, *_) in firsts.items():
            if len(self.days) >= self.days_max:
                self.lost_count += 1
            else:
                self.days[key] = _Day(measure, ends_us, at_us, combination)
                new.add(key)
        return new

    def _place(self, row: tuple[int, ...]) -> tuple[Any, ...]:
        """A late wait goes before others of its place, and late ones as they came; otherwise what the contact's values are called decides."""
        rank_us, sequence, combination = row[5:8]
        return rank_us, sequence < 0, sequence, self.combinations.texts_of(combination)

    def forget(self, watermark_us: int) -> None:
        """Frees the days of which no wait can begin any more and none runs."""
        gone = [
            key for key, day in self.days.items()
            if day.ends_us + self.lateness_us <= watermark_us and not any(day.open.values())
        ]  # fmt: skip
        for key in gone:
            del self.days[key]

    def saved(self) -> dict[str, Any]:
        """For a snapshot."""
        return {"lost_count": self.lost_count, "days": [(key, *astuple(day)) for key, day in self.days.items()]}

    def restore(self, saved: dict[str, Any]) -> None:
        """What `saved` returned."""
        self.lost_count = saved["lost_count"]
        self.days = {key: _Day(*told) for key, *told in saved["days"]}
