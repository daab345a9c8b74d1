"""Response measures: the open waits of a shard's contacts and its customers' days, with the policy's definitions laid out for compiled code.

Rows come from `engine.contacts` with what became of them; `engine.replies` says which begin and end a wait, `engine.waits` what it counts for, and
time alone is told by the tick. The law: in any order of batches a wait has the same beginning, the same end and counts the same.
"""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.clocks import NEVER, put
from engine.columns import Combinations, grown, stretched
from engine.compiled import compiled
from engine.contacts import Contacts, Lived
from engine.definitions import MEASURES_MAX, Measure
from engine.events import DIMENSIONS, KINDS, kind
from engine.facts import FIELDS, Facts
from engine.hours import Hours
from engine.keys import PUBLIC, Number, key_of, place_of
from engine.policy import Limits
from engine.replies import BEGINNINGS, EACH, WRITTEN_BY, follow
from engine.times import DAY_US, local_midnight_us
from engine.waits import (
    AMOUNTS,
    DIRTY,
    DIRTY_COUNT,
    FREE,
    FREE_COUNT,
    HEAD,
    IDLE,
    LOST_CUSTOMERS,
    LOST_WAITS,
    NOBODY,
    RECORD,
    RECORDS,
    ROW,
    RULE,
    STEP,
    TIES,
    WAIT,
    Index,
    Rulebook,
    State,
    elapse,
)  # fmt: skip
from engine.watermark import NEVER_US

__all__ = ["Responses"]

Bits = NDArray[np.uint64]

_BUFFER = 65_536
_TIES = 4_096
_SMALLEST = 1_024
_F_FIRST = len(FIELDS)


class Responses:
    """The open waits of a shard's contacts, and their customers' days. Does nothing where the policy has no measures.

    `waits_max` waits run at once and `customer_days_max` days are remembered; what comes beyond is left out and counted
    in `lost_waits` and `lost_customer_days`.
    """

    def __init__(
        self, contacts: Contacts, limits: Limits, lateness_us: int, waits_max: int, customer_days_max: int
    ) -> None:
        self.contacts = contacts
        self.combinations: Combinations = contacts.combinations
        self.limits = limits
        self.measures = limits.policy.measures
        self.lateness_us = lateness_us
        self.waits_max = waits_max
        self.customer_days_max = customer_days_max
        self.rules = np.array([_rule(measure, limits, zones(self.measures)) for measure in self.measures], RULE)
        self._book = _masks(self.measures)
        self._applies = self._tenants = np.zeros(0, np.uint64)
        self._days = _Days(zones(self.measures))
        self.heads = np.zeros(0, HEAD)
        self.soonest_us = np.zeros(0, np.int64)
        self.waits = np.zeros(0, WAIT)
        self.records = np.zeros(_SMALLEST, RECORD)
        self.counts = np.zeros(LOST_CUSTOMERS + 1, np.int64)
        self.counts[[FREE, DIRTY]] = -1
        self._index_records()
        self._buffers = np.empty((4, _BUFFER), np.int64), np.empty((3, _TIES), np.int64)
        self._next_us: int = NEVER
        #: The earliest beginning of a wait that calendars may be asked for.
        self.oldest_us: int = NEVER

    @property
    def lost_waits(self) -> int:
        return int(self.counts[LOST_WAITS])

    @property
    def lost_customer_days(self) -> int:
        return int(self.counts[LOST_CUSTOMERS])

    def apply(self, lived: Lived, facts: Facts) -> None:
        """Takes what became of a released batch of rows, all of an instant together; appends to `facts`."""
        rows = lived.rows
        if not self.measures or not len(rows):
            return
        self._make_room()
        first_us = int(rows.times_us.min())
        self.limits.calendars.cover(min(first_us, self.oldest_us), int(rows.ranks_us.max()))
        self._days.cover(first_us, int(rows.times_us.max()))
        self.counts[[ROW, STEP]] = 0
        while self.counts[ROW] < len(rows):
            self._make_room_for_waits()
            state, book = self._state(), self._rulebook()
            follow(
                rows.kinds, rows.times_us, rows.ranks_us, rows.lates, rows.sequences, rows.contacts, rows.customers,
                lived.combinations, lived.before, lived.after, self.contacts.keys, self._tenants, state, book,
            )  # fmt: skip
            self._break_ties()
            self._hand_over(facts)
        self._tell_news(facts)
        self._next_us = NEVER_US

    def due(self, until_us: int, facts: Facts) -> None:
        """Notes what has become too long, and whose day has ended, by an instant that no more events are expected before."""
        if not self.measures or until_us < self._next_us:
            return
        slots = np.flatnonzero(self.soonest_us <= until_us)
        if len(slots):
            self.limits.calendars.cover(min(self.oldest_us, int(self.soonest_us[slots].min())), until_us)
        self.counts[ROW] = 0
        while self.counts[ROW] < len(slots):
            _elapse_all(slots, until_us, self._state(), self._rulebook())
            self._hand_over(facts)
        self._tell_news(facts)
        self._next_us = int(self.soonest_us.min(initial=NEVER))

    def forget(self, watermark_us: int) -> None:
        """Frees the customers' days of which no event can come any more and no wait runs."""
        records = self.records_in_use()
        kept = (records["ends_us"] + self.lateness_us > watermark_us) | (records["open"] > 0)
        if not kept.all():
            place = np.full(len(records), -1, np.int32)
            place[kept] = np.arange(kept.sum())
            known = self.waits["record"] >= 0
            self.waits["record"][known] = place[self.waits["record"][known]]
            self.restore_records(records[kept])

    def records_in_use(self) -> NDArray[np.void]:
        """The customers' days that are remembered."""
        return self.records[: self.counts[RECORDS]]

    def restore_records(self, records: NDArray[np.void]) -> None:
        """Puts these records, which have no news, instead of all."""
        self.counts[RECORDS] = len(records)
        self.records = grown(records, max(_SMALLEST, len(records)))
        self._index_records()

    def look_again(self) -> None:
        """Has the next tick look at every wait, after the arrays were replaced."""
        self._next_us = NEVER_US
        running = self.waits["phase"] != IDLE
        self.oldest_us = int(self.waits["since_us"][running].min(initial=NEVER))

    def adopt(self, limits: Limits) -> None:
        """Other limits hold. Where any measure is not what it was, all begin anew: waits that are open count for nothing more, and what
        begins once in a contact has begun in those that there are."""
        is_same = _meant(limits) == _meant(self.limits)
        self.limits, self.measures = limits, limits.policy.measures
        self.rules = np.array([_rule(measure, limits, zones(self.measures)) for measure in self.measures], RULE)
        if is_same:
            return
        self._book, self._days = _masks(self.measures), _Days(zones(self.measures))
        self._applies = self._tenants = np.zeros(0, np.uint64)
        self.heads["first"], self.heads["started"] = -1, ~np.uint64(0)
        self.heads["replied"] = self.heads["running"] = self.heads["pending"] = 0
        self.soonest_us[:] = NEVER
        self.waits = np.zeros(0, WAIT)
        self.counts[[FREE, FREE_COUNT]] = -1, 0
        self.restore_records(np.zeros(0, RECORD))
        self.look_again()

    # Room.

    def _make_room(self) -> None:
        """For every slot and every combination."""
        slots = len(self.contacts.keys)
        if slots > len(self.heads):
            self.heads = stretched(self.heads, slots, NOBODY[0])
            self.soonest_us = stretched(self.soonest_us, slots, NEVER)
        if len(self._applies) < len(self.combinations):
            texts = [names.texts for names in self.combinations.names]
            new, tenants = [], []
            for codes in self.combinations.values[len(self._applies) : len(self.combinations)].tolist():
                facts = {name: of[code] for name, of, code in zip(DIMENSIONS, texts, codes, strict=True)}
                new.append(sum(1 << number for number, measure in enumerate(self.measures) if measure.holds(facts)))
                tenants.append(key_of(facts["tenant"], PUBLIC))
            self._applies = np.concatenate((self._applies, np.array(new, np.uint64)))
            self._tenants = np.concatenate((self._tenants, np.array(tenants, np.uint64)))

    def _make_room_for_waits(self) -> None:
        """For what one row may begin, as far as the limits go."""
        if self.counts[FREE_COUNT] < MEASURES_MAX and len(self.waits) < self.waits_max:
            known = len(self.waits)
            size = min(self.waits_max, max(_SMALLEST, known + min(known, 1 << 20)))
            self.waits = np.concatenate((self.waits, np.zeros(size - known, WAIT)))
            self.waits["next"][known:-1] = np.arange(known + 1, size)
            self.waits["next"][-1] = self.counts[FREE]
            self.waits["record"][known:] = -1
            self.counts[FREE] = known
            self.counts[FREE_COUNT] += size - known
        if self.counts[RECORDS] + MEASURES_MAX > len(self.records):
            self.records = grown(self.records, len(self.records) + 1)
            self._index_records()

    def _index_records(self) -> None:
        """Makes the table of records anew, at most half full when all are in use."""
        size = 1 << (2 * len(self.records) - 1).bit_length()
        self._keys, self._values = np.zeros(size, np.uint64), np.zeros(size, np.int32)
        _index(self.records_in_use(), self._keys, self._values)

    def _state(self) -> State:
        return State(
            self.heads, self.soonest_us, self.waits, self.records, self._keys, self._values, self.counts, *self._buffers
        )

    def _rulebook(self) -> Rulebook:
        return Rulebook(
            self.rules, *self._book, self._applies, *self._days.tables, self.lateness_us, self.waits_max, self.customer_days_max,
            *self.limits.calendars.tables,
        )  # fmt: skip

    # Out.

    def _hand_over(self, facts: Facts) -> None:
        count = int(self.counts[AMOUNTS])
        if count:
            facts.amounts.append(self._buffers[0][:, :count].copy())
            self.counts[AMOUNTS] = 0

    def _break_ties(self) -> None:
        """Of waits of a customer that began at one instant with different contacts, the first by its values' names counts.

        Rare, so a loop.
        """
        count = int(self.counts[TIES])
        for at, rank_us, combination in self._buffers[1][:, :count].T.tolist():
            record = self.records[at]
            if record["rank_us"] == rank_us and record["sequence"] < 0:
                record["combination"] = min(int(record["combination"]), combination, key=self.combinations.texts_of)
        self.counts[TIES] = 0

    def _tell_news(self, facts: Facts) -> None:
        """What is new of customers' days, for the instants at which they count."""
        if self.counts[DIRTY_COUNT]:
            amounts = np.empty((4, 3 * int(self.counts[DIRTY_COUNT])), np.int64)
            facts.amounts.append(amounts[:, : _news_of(self.records, self.counts, amounts)])


class _Days:
    """Local midnights of some zones, as far as instants ask for them. `tables`: all of them, int64, and where each zone's begin."""

    def __init__(self, names: list[str]) -> None:
        self._zones = [ZoneInfo(name) for name in names]
        self._from_us, self._until_us = NEVER, NEVER_US
        self.tables: tuple[Index, Index] = np.empty(0, np.int64), np.zeros(len(names) + 1, np.int64)

    def cover(self, from_us: int, until_us: int) -> None:
        """Lets days begin and end at these instants, the last one included."""
        if not self._zones or (self._from_us <= from_us and until_us < self._until_us):
            return
        self._from_us = min(self._from_us, from_us - 31 * DAY_US)
        self._until_us = max(self._until_us, until_us + 31 * DAY_US)
        parts = [
            np.unique([
                local_midnight_us(noon_us, zone)
                for noon_us in range(self._from_us - 2 * DAY_US, self._until_us + 3 * DAY_US, DAY_US // 2)
            ])
            for zone in self._zones
        ]  # fmt: skip
        self.tables = np.concatenate(parts), np.cumsum([0, *map(len, parts)])


def zones(measures: tuple[Measure, ...]) -> list[str]:
    """The zones whose days are asked for."""
    return sorted({measure.zone for measure in measures if measure.by_day or measure.unit == "customer"})


def _meant(limits: Limits) -> list[tuple[Measure, Hours | None]]:
    """What a policy's measures mean, wherever they are written."""
    policy = limits.policy
    return [(replace(measure, where=""), policy.hours.get(measure.hours)) for measure in policy.measures]


def _rule(measure: Measure, limits: Limits, zone_names: list[str]) -> tuple[Any, ...]:
    is_plain = measure.judged_by == "start" and not measure.every
    zone = zone_names.index(measure.zone) if measure.zone in zone_names else 0
    return (
        1 << limits.policy.measures.index(measure), is_plain, measure.once, measure.every, measure.unit == "message", measure.unit == "customer",
        measure.judged_by == "start", measure.by_day, measure.by_agent, limits.calendars.names.index(measure.hours), zone,
        measure.within_us, measure.cap_us, measure.unanswered_us, measure.again_us,
    )  # fmt: skip


def _masks(measures: tuple[Measure, ...]) -> tuple[Bits, Bits, Bits, np.uint64]:
    """The masks of `Rulebook`: starts, ends, asides, asked."""
    starts, ends, asides = (np.zeros(size, np.uint64) for size in (EACH + 1, len(KINDS), len(KINDS)))
    asked = 0
    for number, measure in enumerate(measures):
        bit = np.uint64(1 << number)
        beginning = BEGINNINGS[measure.start]
        if measure.unit == "message":
            starts[EACH] |= bit
            starts[beginning] |= bit if measure.start == "further" else np.uint64(0)
        else:
            starts[beginning] |= bit
        enders = ["contact.answered"] if measure.stop == "answer" else [WRITTEN_BY[name] for name in measure.by]
        ends[[kind(name) for name in enders]] |= bit
        asides[[kind(WRITTEN_BY[name]) for name in measure.aside]] |= bit
        asked |= measure.asked << number
    return starts, ends, asides, np.uint64(asked)


@compiled
def _elapse_all(slots: Index, until_us: int, state: State, book: Rulebook) -> None:  # pragma: no cover
    """Notes what has passed of these contacts' waits, from `counts[ROW]` on; stops for want of room."""
    while state.counts[ROW] < len(slots):
        if not elapse(slots[state.counts[ROW]], NEVER_US, until_us, state, book):
            break
        state.counts[ROW] += 1


@compiled
def _index(records: NDArray[np.void], keys: Bits, places: NDArray[np.int32]) -> None:  # pragma: no cover
    for number in range(len(records)):
        at = place_of(keys, records[number].key)
        keys[at], places[at] = records[number].key, number


@compiled
def _news_of(records: NDArray[np.void], counts: Index, amounts: Index) -> Number:  # pragma: no cover
    """Writes what is new of records as amounts, and returns how many."""
    count: Number = 0
    while counts[DIRTY] >= 0:
        record = records[counts[DIRTY]]
        field = _F_FIRST + 3 * record.measure
        if record.fresh:
            count = put(amounts, count, field, record.combination, record.at_us, 1)
        in_target = record.in_target + (1 if record.fresh else 0)
        if in_target != 0:
            count = put(amounts, count, field + 1, record.combination, record.at_us, in_target)
        if record.waited_us != 0:
            count = put(amounts, count, field + 2, record.combination, record.at_us, record.waited_us)
        record.fresh, record.in_target, record.waited_us = False, 0, 0
        counts[DIRTY] = record.next
        record.next = -2
    counts[DIRTY_COUNT] = 0
    return count
