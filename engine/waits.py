"""The waits that response measures are made of: each begins, may turn out to be too long, and ends answered or not.

Owns the pool of open waits, a list a contact, and the customers' days. Never knows which event begins or ends a wait: that is
`engine.responses`. The law: a wait counts at the instant at which it began, and all that it counts for is additive, so what is
found out later is added to that instant.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.calendars import due_at, worked
from engine.clocks import NEVER, put
from engine.compiled import compiled
from engine.definitions import AS_ELAPSED, LEFT_OUT
from engine.facts import FIELDS
from engine.keys import Number, blended, place_of
from engine.watermark import NEVER_US

__all__ = [
    "AMOUNTS", "DIRTY", "DIRTY_COUNT", "FREE", "FREE_COUNT", "HEAD", "LOST_CUSTOMERS", "LOST_WAITS", "NOBODY", "RECORD", "RECORDS",
    "ROW", "RULE", "STEP", "TIES", "WAIT", "Index", "Rulebook", "State", "conclude", "drop", "elapse", "soonest",
    "start", "unlink",
]  # fmt: skip

Index = NDArray[np.int64]

#: One definition, for compiled code. `bit` is its bit in masks; `is_plain`, that single waits count, by the clock; `hours` the number of a calendar, `zone` that of its days.
RULE = np.dtype([
    ("bit", np.uint64), ("is_plain", np.bool_), ("once", np.bool_), ("every", np.bool_), ("per_message", np.bool_), ("per_customer", np.bool_), ("judged_by_start", np.bool_),
    ("by_day", np.bool_), ("by_agent", np.bool_), ("hours", np.int64), ("zone", np.int64), ("within_us", np.int64),
    ("cap_us", np.int64), ("unanswered_us", np.int64), ("again_us", np.int64),
], align=True)  # fmt: skip
#: What is remembered of a contact. `first` of its list of waits, -1 for none; masks of the measures whose only wait has begun, that were
#: replied to, of which a wait runs, and for which a message is unanswered that counts once a person is asked for; whether a bot has
#: replied since it was last handed on.
HEAD = np.dtype([
    ("first", np.int32), ("combination", np.int32), ("customer", np.uint64), ("ended_us", np.int64), ("started", np.uint64),
    ("replied", np.uint64), ("running", np.uint64), ("pending", np.uint64), ("by_bot", np.bool_),
], align=True)  # fmt: skip
NOBODY = np.zeros(1, HEAD)
NOBODY["first"], NOBODY["ended_us"] = -1, NEVER_US
#: One wait. `next` of its contact's list, or of the free ones. `late_us`: the first instant at which it is too long, `NEVER` once that was noticed;
#: `ends_us`: the end of its day. Of a contact whose every wait counts: for which instant and combination it
#: counts, and how many of its waits were missed. `record`: the customer's day.
WAIT = np.dtype([
    ("next", np.int32), ("measure", np.int32), ("since_us", np.int64), ("late_us", np.int64), ("ends_us", np.int64),
    ("at_us", np.int64), ("combination", np.int32), ("misses", np.int32), ("record", np.int32), ("phase", np.uint8), ("missed", np.bool_),
], align=True)  # fmt: skip
#: The phases of a wait: of a contact that counts already, between two waits; running; and running, but left out.
IDLE, RUNNING, LEFT = 0, 1, 2
#: A customer's day. It counts where its first wait in the order of processing began: `rank_us` and `sequence` of that, -1 where it was on
#: time. What is new since the facts were last taken: the day itself, units in target, time; `next` in the list of those with news,
#: -1 for its end, -2 for none. `open`: waits that run.
RECORD = np.dtype([
    ("key", np.uint64), ("measure", np.int32), ("next", np.int32), ("at_us", np.int64), ("ends_us", np.int64), ("rank_us", np.int64), ("sequence", np.int64),
    ("combination", np.int32), ("misses", np.int32), ("open", np.int32), ("fresh", np.bool_), ("in_target", np.int64), ("waited_us", np.int64),
], align=True)  # fmt: skip

#: Places in `State.counts`: the row to go on with, and whether its waits have begun already; how full the buffers are; the first of the free
#: waits and how many there are; records in use; the first of those with news and how many; and what limits left out.
ROW, STEP, AMOUNTS, TIES, FREE, FREE_COUNT, RECORDS, DIRTY, DIRTY_COUNT, LOST_WAITS, LOST_CUSTOMERS = range(11)

_F_FIRST = len(FIELDS)


class State(NamedTuple):
    """All that changes. `heads` and `soonest_us` by slot; `keys` and `values` the table of records; `amounts` (4, capacity) as in
    `engine.facts`; `ties` (3, capacity): a record, a rank, and the combination of another wait that began at the same instant."""

    heads: NDArray[np.void]
    soonest_us: Index
    waits: NDArray[np.void]
    records: NDArray[np.void]
    keys: NDArray[np.uint64]
    values: NDArray[np.int32]
    counts: Index
    amounts: Index
    ties: Index


class Rulebook(NamedTuple):
    """What the definitions say. Masks of measures: `starts` by how they begin, `ends` and `asides` by kind of event, `asked`; `applies` by
    combination. `midnights` of each zone, one behind the other from place to place of `days`. The calendars' tables."""

    rules: NDArray[np.void]
    starts: NDArray[np.uint64]
    ends: NDArray[np.uint64]
    asides: NDArray[np.uint64]
    asked: np.uint64
    applies: NDArray[np.uint64]
    midnights: Index
    days: Index
    lateness_us: int
    waits_max: int
    records_max: int
    opens: Index
    closes: Index
    through: Index
    spans: Index


@compiled
def unlink(
    slot: Number, before: Number, place: Number, heads: NDArray[np.void], waits: NDArray[np.void], counts: Index
) -> None:  # pragma: no cover
    """Takes a wait out of its contact's list, where it comes behind `before`, -1 for the first, and gives it back to the pool."""
    if before < 0:
        heads[slot].first = waits[place].next
    else:
        waits[before].next = waits[place].next
    waits[place].next = counts[FREE]
    counts[FREE] = place
    counts[FREE_COUNT] += 1


@compiled
def soonest(
    slot: Number, heads: NDArray[np.void], waits: NDArray[np.void], soonest_us: Index
) -> None:  # pragma: no cover
    """Notes the next instant at which time alone changes something of a contact's waits."""
    least: Number = NEVER
    place = heads[slot].first
    while place >= 0:
        wait = waits[place]
        if wait.phase != IDLE:
            least = min(least, wait.late_us, wait.ends_us)
        place = wait.next
    soonest_us[slot] = least


@compiled
def start(
    measure: Number, slot: Number, time_us: Number, rank_us: Number, sequence: Number, customer: np.uint64, tenant: np.uint64, state: State, book: Rulebook
) -> None:  # fmt: skip  # pragma: no cover
    """Begins a wait; `sequence` is that of a late row, -1 otherwise. Room for two amounts and a tie must be there."""
    head, rule = state.heads[slot], book.rules[measure]
    counts = state.counts
    if rule.once:
        head.started |= rule.bit
    left = rule.judged_by_start and rule.hours > 0 and not worked(
        rule.hours, time_us, time_us + 1, book.opens, book.closes, book.through, book.spans
    )  # fmt: skip
    if rule.per_message and left:
        return
    if not rule.per_message:
        head.running |= rule.bit
    place = np.int64(-1)
    if rule.every and not rule.per_customer:
        place = np.int64(head.first)
        while place >= 0 and state.waits[place].measure != measure:
            place = np.int64(state.waits[place].next)
    if place < 0:
        place = counts[FREE]
        if place < 0:
            counts[LOST_WAITS] += 1
            return
        counts[FREE] = state.waits[place].next
        counts[FREE_COUNT] -= 1
        new = state.waits[place]
        new.next, new.measure, new.at_us, new.combination, new.misses, new.record = (
            head.first,
            measure,
            NEVER_US,
            0,
            0,
            -1,
        )
        head.first = place
    wait = state.waits[place]
    wait.since_us, wait.late_us, wait.ends_us, wait.missed = time_us, NEVER, NEVER, False
    wait.phase = LEFT if left else RUNNING
    day_us = NEVER_US
    if rule.by_day or rule.per_customer:
        first, end = book.days[rule.zone], book.days[rule.zone + 1]
        day = first + np.searchsorted(book.midnights[first:end], time_us, side="right")
        day_us = book.midnights[day - 1]
        if rule.by_day:
            wait.ends_us = book.midnights[day]
    if rule.every and not left:
        calendar = 0 if rule.judged_by_start else rule.hours
        wait.late_us = due_at(calendar, time_us, rule.within_us + 1, book.opens, book.closes, book.through, book.spans)
        if rule.per_customer:
            ends_us = book.midnights[day]
            wait.record = _record(
                measure, customer, tenant, day_us, ends_us, time_us, rank_us, sequence, head.combination, state, book
            )
            if wait.record < 0:
                wait.phase, wait.late_us = LEFT, NEVER
        elif wait.at_us == NEVER_US:
            wait.at_us, wait.combination = time_us, head.combination
            for part in range(2):
                counts[AMOUNTS] = put(
                    state.amounts, counts[AMOUNTS], _F_FIRST + 3 * measure + part, wait.combination, time_us, 1
                )
    state.soonest_us[slot] = min(state.soonest_us[slot], wait.late_us, wait.ends_us)


@compiled
def _record(
    measure: Number, customer: np.uint64, tenant: np.uint64, day_us: Number, ends_us: Number, time_us: Number, rank_us: Number,
    sequence: Number, combination: Number, state: State, book: Rulebook,
) -> Any:  # fmt: skip  # pragma: no cover
    """The record of a customer's day, a new one for a new day, -1 where there is no room; one more of its waits is open."""
    counts = state.counts
    key = blended(blended(customer, int(day_us)) ^ blended(tenant, 1), int(measure))
    at = place_of(state.keys, key)
    if state.keys[at] != key:
        if counts[RECORDS] >= book.records_max:
            counts[LOST_CUSTOMERS] += 1
            return -1
        state.keys[at], state.values[at] = key, counts[RECORDS]
        counts[RECORDS] += 1
        new = state.records[state.values[at]]
        new.key, new.measure, new.next, new.ends_us, new.open = key, measure, -2, ends_us, 0
        new.misses, new.in_target, new.waited_us, new.fresh = 0, 0, 0, True
        new.at_us, new.rank_us, new.sequence, new.combination = time_us, rank_us, sequence, combination
        _news(state.values[at], state)
    record = state.records[state.values[at]]
    record.open += 1
    if record.fresh:
        # Contacts are walked one after the other, so an earlier wait of the day may come later; late rows come first.
        earlier = rank_us < record.rank_us or (
            rank_us == record.rank_us and sequence >= 0 and (record.sequence < 0 or sequence < record.sequence)
        )
        if earlier:
            record.at_us, record.rank_us, record.sequence, record.combination = time_us, rank_us, sequence, combination
        elif rank_us == record.rank_us and sequence == record.sequence and combination != record.combination:
            state.ties[0, counts[TIES]], state.ties[1, counts[TIES]] = state.values[at], rank_us
            state.ties[2, counts[TIES]] = combination
            counts[TIES] += 1
    return state.values[at]


@compiled
def _news(at: Number, state: State) -> None:  # pragma: no cover
    record = state.records[at]
    if record.next == -2:
        record.next = state.counts[DIRTY]
        state.counts[DIRTY] = at
        state.counts[DIRTY_COUNT] += 1


@compiled
def _judge(place: Number, missed: bool, state: State) -> None:  # pragma: no cover
    """Of a unit whose every wait counts: one of them is missed, or is not after all."""
    wait = state.waits[place]
    if wait.missed == missed:
        return
    wait.missed = missed
    step = 1 if missed else -1
    if wait.record >= 0:
        record = state.records[wait.record]
        record.misses += step
        if record.misses == max(step, 0):
            record.in_target -= step
            _news(wait.record, state)
    else:
        wait.misses += step
        if wait.misses == max(step, 0):
            field = _F_FIRST + 3 * wait.measure + 1
            state.counts[AMOUNTS] = put(
                state.amounts, state.counts[AMOUNTS], field, wait.combination, wait.at_us, -step
            )


@compiled
def drop(place: Number, state: State) -> None:  # pragma: no cover
    """A wait ends without counting; it stays in its contact's list, idle. Room for an amount must be there."""
    if state.waits[place].phase == RUNNING:
        # Only a late event finds a wait too long that it takes out.
        _judge(place, False, state)
    _rest(place, state)


@compiled
def _rest(place: Number, state: State) -> None:  # pragma: no cover
    wait = state.waits[place]
    if wait.record >= 0:
        state.records[wait.record].open -= 1
        if state.records[wait.record].open == 0:
            _news(wait.record, state)
        wait.record = -1
    wait.phase, wait.late_us, wait.ends_us = IDLE, NEVER, NEVER


@compiled
def conclude(
    place: Number, is_answered: bool, time_us: Number, combination: Number, state: State, book: Rulebook
) -> None:  # pragma: no cover
    """A wait that runs ends; it stays in its contact's list, idle. Room for three amounts must be there."""
    wait, counts = state.waits[place], state.counts
    rule = book.rules[wait.measure]
    if wait.phase == RUNNING:
        calendar = 0 if rule.judged_by_start else rule.hours
        taken_us = worked(calendar, wait.since_us, time_us, book.opens, book.closes, book.through, book.spans)
        missed = taken_us > rule.within_us or not (is_answered or rule.unanswered_us == LEFT_OUT)
        waited_us = taken_us if is_answered or rule.unanswered_us <= AS_ELAPSED else rule.unanswered_us
        waited_us = min(waited_us, rule.cap_us)
        field = _F_FIRST + 3 * wait.measure
        if rule.every:
            _judge(place, missed, state)
            if wait.record >= 0:
                state.records[wait.record].waited_us += waited_us
                _news(wait.record, state)
            else:
                counts[AMOUNTS] = put(
                    state.amounts, counts[AMOUNTS], field + 2, wait.combination, wait.at_us, waited_us
                )
        elif is_answered or rule.unanswered_us != LEFT_OUT:
            for part, value in ((0, 1), (1, 0 if missed else 1), (2, waited_us)):
                if value:
                    counts[AMOUNTS] = put(
                        state.amounts, counts[AMOUNTS], field + part, combination, wait.since_us, value
                    )
    _rest(place, state)


@compiled
def elapse(slot: Number, time_us: Number, rank_us: Number, state: State, book: Rulebook) -> bool:  # pragma: no cover
    """Notes what time alone has changed: waits that are too long by now, and those whose day is over. False when there was no
    room for all of it.

    A day is over for a contact once something later happens to it, and for all once no late event of that day can come.
    """
    head = state.heads[slot]
    place, before = np.int64(head.first), np.int64(-1)
    while place >= 0:
        if state.counts[AMOUNTS] + 4 > state.amounts.shape[1]:
            return False
        wait = state.waits[place]
        following = np.int64(wait.next)
        rule = book.rules[wait.measure]
        if wait.phase == RUNNING and wait.late_us <= rank_us:
            _judge(place, True, state)
            wait.late_us = NEVER
        if wait.phase != IDLE and (wait.ends_us <= time_us or wait.ends_us + book.lateness_us <= rank_us):
            conclude(place, False, wait.ends_us, head.combination, state, book)
            head.running &= ~rule.bit
        if wait.phase == IDLE and (rule.per_customer or not rule.every):
            unlink(slot, before, place, state.heads, state.waits, state.counts)
        else:
            before = place
        place = following
    soonest(slot, state.heads, state.waits, state.soonest_us)
    return True
