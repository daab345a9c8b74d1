"""The state of contacts, and what a batch of their events brings to light.

One row of arrays a contact. A batch is sorted so that each contact's rows stand together in the order of processing; the
table of transitions is applied in rounds; everything else looks back within the contact's rows (`engine.runs`) or, past the
first of them, into the contact's arrays. Illegal rows are counted by reason and change nothing.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import Combinations, Names, Rows, grown, sticky
from engine.events import kind
from engine.facts import Changes, Facts
from engine.keys import Keys, KeyTable
from engine.lifecycle import (
    ILLEGAL,
    LEGAL,
    OUT_OF_ORDER,
    PRECEDENCE,
    REASONS,
    STATE_COUNT,
    TRANSITIONS,
    Outcome,
    Phase,
    forgotten,
    outcomes,
    phases,
)
from engine.policy import Limits
from engine.runs import Segments, run_starts, steps
from engine.watermark import NEVER_US

__all__ = ["ARRAYS", "Contacts", "Loads", "content_order"]

Instants = NDArray[np.int64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]

_QUEUED, _ANSWERED, _ABANDONED = kind("contact.queued"), kind("contact.answered"), kind("contact.abandoned")
_CLOSED, _LEFT, _TRANSFERRED = kind("contact.closed"), kind("contact.left_queue"), kind("contact.transferred")
_REOPENED, _ANNOUNCED = kind("contact.reopened"), kind("contact.announced")
_CUSTOMER, _REPLY = kind("message.customer"), kind("message.agent")
_AUTOMATIC, _BOT = kind("message.automatic"), kind("message.bot")
_INVITED, _RATED = kind("contact.invited"), kind("contact.rated")

_KIND_COUNT = len(PRECEDENCE)
#: Kinds whose row settles for which combination the contact counts by arrival.
_SETTLES = np.zeros(_KIND_COUNT, np.bool_)
_SETTLES[[_QUEUED, _ANSWERED, _ABANDONED, _LEFT, _CLOSED]] = True
_COUNTED = {
    _TRANSFERRED: "transfers", _REOPENED: "reopened", _ANNOUNCED: "announcements", _CUSTOMER: "customer_messages",
    _REPLY: "agent_messages", _AUTOMATIC: "automatic_messages", _BOT: "bot_messages", _INVITED: "invited",
}  # fmt: skip
_OUTCOME_FIELD = {
    Outcome.LEFT: "left_queue", Outcome.ANSWERED: "answered", Outcome.ABANDONED: "abandoned",
    Outcome.UNANSWERED: "unanswered",
}  # fmt: skip

# Marks of a contact, one bit each.
(
    _IS_SETTLED, _WAS_QUEUED, _WAS_ANSWERED, _WAIT_DUE, _TURN_OPEN, _WRITTEN, _REPLIED, _REPLY_ASKED, _REPLY_DUE, _REPLY_STOPPED,
) = (np.uint16(1 << bit) for bit in range(10))  # fmt: skip

#: The slot of a contact for which there is no room.
_REFUSED = -2

#: The arrays of a contact: name, dtype, and the value of a slot that is free.
ARRAYS: tuple[tuple[str, Any, int], ...] = (
    ("keys", np.uint64, 0),
    ("states", np.uint8, 0), ("marks", np.uint16, 0), ("seen_us", np.int64, NEVER_US),
    ("arrival_us", np.int64, 0), ("waiting_since_us", np.int64, 0), ("waited_us", np.int64, 0),
    ("served_since_us", np.int64, 0), ("turn_since_us", np.int64, 0), ("written_us", np.int64, 0),
    ("said", np.int32, 0), ("combination", np.int32, 0), ("cohort", np.int32, 0), ("waiting_as", np.int32, 0),
    ("waits_as", np.int32, 0), ("asked_as", np.int32, 0), ("asked_us", np.int64, 0), ("served_as", np.int32, 0), ("agent", np.int32, 0),
)  # fmt: skip


class Loads:
    """Contacts that agents took on (+1) or gave up (-1), in no particular order."""

    def __init__(self) -> None:
        self.parts: list[tuple[Codes, Rows, int]] = []

    def add(self, agents: Codes, rows: Rows, delta: int) -> None:
        taken = agents > 0
        if taken.any():
            self.parts.append((agents[taken], rows[taken], delta))


class Contacts:
    """All contacts that are open or have ended within the memory of `linger_us`. Slots are reused, lowest first."""

    def __init__(
        self, combinations: Combinations, agents: Names, limits: Limits, linger_us: int, contacts_max: int
    ) -> None:
        self.combinations = combinations
        self.agents = agents
        self.limits = limits
        self.linger_us = linger_us
        self.contacts_max = contacts_max
        self.slots = KeyTable(nothing=-1)
        self.names: list[str | None] = []
        self.free: list[int] = []
        self.illegal_counts = np.zeros(len(REASONS), np.int64)
        self.refused_count = 0
        self.next_due_us = -NEVER_US
        for name, dtype, fill in ARRAYS:
            setattr(self, name, np.full(0, fill, dtype))

    keys: Keys
    states: NDArray[np.uint8]
    marks: NDArray[np.uint16]
    seen_us: Instants
    arrival_us: Instants
    waiting_since_us: Instants
    waited_us: Instants
    served_since_us: Instants
    turn_since_us: Instants
    written_us: Instants
    asked_us: Instants
    said: Codes
    combination: Codes
    cohort: Codes
    waiting_as: Codes  # Where it waits now.
    waits_as: Codes  # Where the wait began; its limit is that of there.
    asked_as: Codes
    served_as: Codes
    agent: Codes

    def slots_of(self, keys: Keys, names_of: Callable[[NDArray[np.int64]], list[str]]) -> Codes:
        """The slots of contacts by key, new ones for new contacts, -1 for key 0; -2 where `contacts_max` are known already.

        `names_of` tells the names of the contacts of rows, and is asked for new contacts only.
        """
        found = self.slots.get(keys)
        new = np.flatnonzero((found < 0) & (keys != 0))
        if len(new):
            room = min(len(new), self.contacts_max - self.slots.count)
            reused = self.free[max(0, len(self.free) - room) :][::-1]
            slots = np.array([*reused, *range(len(self.names), len(self.names) + room - len(reused))], np.int32)
            rows = new[self.slots.add(keys[new], slots)]
            self._name(slots[: len(rows)], keys[rows], names_of(rows))
            found[new] = self.slots.get(keys[new])
            refused = new[found[new] < 0]
            found[refused] = _REFUSED
            self.refused_count += len(refused)
        return found

    def _name(self, slots: Codes, keys: Keys, names: list[str]) -> None:
        """Notes whose the slots are now: free ones first, then new ones at the end."""
        reused = min(len(self.free), len(slots))
        del self.free[len(self.free) - reused :]
        for slot, name in zip(slots[:reused].tolist(), names, strict=False):
            self.names[slot] = name
        self.names += names[reused:]
        if len(self.names) > len(self.states):
            for name, _, fill in ARRAYS:
                setattr(self, name, grown(getattr(self, name), len(self.names), fill))
        self.keys[slots] = keys

    def find_again(self) -> None:
        """Makes the table of slots anew from the contacts' keys."""
        slots = np.flatnonzero(self.keys[: len(self.names)]).astype(np.int32)
        self.slots = KeyTable(nothing=-1)
        self.slots.add(self.keys[slots], slots)

    def apply(self, rows: Rows, facts: Facts, loads: Loads) -> None:
        """Takes a released batch of contacts' rows, all of an instant together; appends to `facts` and `loads`."""
        if not len(rows):
            return
        rows = _sorted(rows, self.combinations, self.agents)
        states, legal = self._transit(rows)
        if not legal.all():
            rows, states = rows[legal], (states[0][legal], states[1][legal])
            if not len(rows):
                return
        strays = states[1] < len(Outcome)  # An invitation or a rating for a contact that is not known any more.
        if strays.any():
            stray = rows[strays]
            combinations = self.combinations.merged(np.zeros(len(stray), np.int32), stray.saids)
            self.limits.refresh()
            _count_events(stray, combinations, facts)
            rows, states = rows[~strays], (states[0][~strays], states[1][~strays])
            if not len(rows):
                return
        _Batch(self, rows, states[0], states[1], facts, loads).apply()

    def _transit(self, rows: Rows) -> tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], Mask]:
        """States before and after each row, and which rows are legal; moves the contacts' states and `seen_us` on."""
        begins = run_starts(rows.contacts)
        starts = np.flatnonzero(begins)
        slots = rows.contacts[starts]
        carried_us = self.seen_us[slots]
        seen_us = np.empty(len(rows) + 1, np.int64)
        seen_us[1:] = rows.times_us
        if rows.lates.any():
            seen_us[1:] = _running_maximum(rows.times_us, starts, carried_us)
        ends = np.append(starts[1:], len(rows)) - 1
        last_seen_us = np.maximum(seen_us[ends + 1], carried_us)
        before_us = seen_us[:-1]
        before_us[starts] = carried_us
        kinds = rows.kinds
        backward = rows.lates & (rows.times_us < before_us)
        forgets = (rows.ranks_us - before_us >= self.linger_us) & (before_us > NEVER_US)
        any_forgets = bool(forgets.any())
        before = np.empty(len(rows), np.uint8)
        after = np.empty(len(rows), np.uint8)
        table = TRANSITIONS.ravel()
        offsets = kinds.astype(np.int64) * STATE_COUNT
        any_backward = bool(backward.any())
        current = None
        for chosen in steps(starts, len(rows)):
            current = self.states[rows.contacts[chosen]] if current is None else current[: len(chosen)]
            if any_forgets:
                current = np.where(forgets[chosen], forgotten(current), current)
            following = table[offsets[chosen] + current]
            if any_backward:
                following = np.where(backward[chosen], current, following)
            before[chosen] = current
            after[chosen] = following
            current = following
        reasons = ILLEGAL.ravel()[offsets + before]
        if any_backward:
            reasons[backward] = OUT_OF_ORDER
        unseen = (reasons != LEGAL) | (after < len(Outcome))
        if unseen.any():
            # So far every row was taken to be part of its contact's life; the contacts of those that are not go again.
            run = np.cumsum(begins) - 1
            again = np.zeros(len(starts), np.bool_)
            again[run[unseen]] = True
            part = np.flatnonzero(again[run])
            before[part], after[part], reasons[part], last_seen_us[again] = self._transit_with_care(rows[part])
        self.states[slots] = after[ends]
        self.seen_us[slots] = last_seen_us
        legal = reasons == LEGAL
        if not legal.all():
            self.illegal_counts += np.bincount(reasons[~legal], minlength=len(REASONS))
        return (before, after), legal

    def _transit_with_care(
        self, rows: Rows
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], Instants]:
        """States before and after each row, its reason, and by contact how far its life has come, for contacts of whose
        rows some change nothing: illegal ones, and invitations and ratings of the unknown."""
        starts = np.flatnonzero(run_starts(rows.contacts))
        before, after, reasons = (np.empty(len(rows), np.uint8) for _ in range(3))
        seen_after_us = np.empty(len(rows), np.int64)
        offsets = rows.kinds.astype(np.int64) * STATE_COUNT
        current = seen_us = None
        for chosen in steps(starts, len(rows)):
            if current is None or seen_us is None:
                slots = rows.contacts[chosen]
                current, seen_us = self.states[slots], self.seen_us[slots]
            current, seen_us = current[: len(chosen)], seen_us[: len(chosen)]
            forgets = (rows.ranks_us[chosen] - seen_us >= self.linger_us) & (seen_us > NEVER_US)
            current = np.where(forgets, forgotten(current), current)
            backward = rows.lates[chosen] & (rows.times_us[chosen] < seen_us)
            at = offsets[chosen] + current
            before[chosen] = current
            current = np.where(backward, current, TRANSITIONS.ravel()[at])
            after[chosen] = current
            reasons[chosen] = np.where(backward, OUT_OF_ORDER, ILLEGAL.ravel()[at])
            counts = (reasons[chosen] == LEGAL) & (current >= len(Outcome))
            seen_us = np.where(counts, np.maximum(seen_us, rows.times_us[chosen]), seen_us)
            seen_after_us[chosen] = seen_us
        ends = np.append(starts[1:], len(rows)) - 1
        return before, after, reasons, seen_after_us[ends]

    def due(self, watermark_us: int, facts: Facts) -> None:
        """Raises what is broken by the watermark and has not been raised: waits and first replies past their limit."""
        if watermark_us <= self.next_due_us:
            return
        marks = self.marks[: len(self.names)]
        self.next_due_us = -NEVER_US
        for mark, since_us, began_as, limit_us in (
            (_WAIT_DUE, self.waiting_since_us, self.waits_as, self.limits.wait_us),
            (_REPLY_DUE, self.asked_us, self.asked_as, self.limits.first_reply_us),
        ):
            slots = np.flatnonzero(marks & mark)
            as_ = began_as[slots]
            due_us = since_us[slots] + limit_us[as_]
            broken = due_us < watermark_us
            facts.count("breaches", as_[broken], due_us[broken])
            marks[slots[broken]] &= ~mark
            if not broken.all():
                self.next_due_us = min(self.next_due_us, int(due_us[~broken].min()))

    def reclaim(self, watermark_us: int, busy: Iterable[Codes]) -> None:
        """Frees the slots of contacts that ended, or never began, `linger_us` ago, except those of rows held back."""
        count = len(self.names)
        phase = phases(self.states[:count])
        idle = self.seen_us[:count] <= watermark_us - self.linger_us
        gone = idle & ((phase == Phase.UNKNOWN) | (phase >= Phase.ABANDONED))
        for contacts in busy:
            gone[contacts[contacts >= 0]] = False
        gone &= self.keys[:count] != 0
        if not gone.any():
            return
        for slot in np.flatnonzero(gone).tolist():
            self.names[slot] = None
            self.free.append(slot)
        for name, _, fill in ARRAYS:
            getattr(self, name)[:count][gone] = fill
        self.find_again()

    def look_again(self) -> None:
        """Has the next tick look at every clock, after the arrays were replaced."""
        self.next_due_us = NEVER_US

    def open_count(self) -> int:
        """Contacts that have begun and not ended."""
        phase = phases(self.states[: len(self.names)])
        return int(((phase != Phase.UNKNOWN) & (phase < Phase.ABANDONED)).sum())

    def waiting(self) -> tuple[Codes, Instants]:
        """Combination and beginning of every wait that goes on."""
        phase = phases(self.states[: len(self.names)])
        slots = np.flatnonzero((phase == Phase.WAITING) | (phase == Phase.REWAITING))
        return self.waiting_as[slots], self.waiting_since_us[slots]


class _Batch:
    """One batch of legal rows with the states around them: works out the facts and writes the contacts' arrays."""

    def __init__(
        self, contacts: Contacts, rows: Rows, before: NDArray[np.uint8], after: NDArray[np.uint8],
        facts: Facts, loads: Loads,
    ) -> None:  # fmt: skip
        self.contacts, self.rows, self.facts, self.loads = contacts, rows, facts, loads
        self.limits = contacts.limits
        self.kinds, self.times_us = rows.kinds, rows.times_us
        self.phase_before, self.phase_after = phases(before), phases(after)
        self.outcome_before, self.outcome_after = outcomes(before), outcomes(after)
        self.arrives = self.phase_before == Phase.UNKNOWN
        begins = run_starts(rows.contacts)
        self.segments = Segments(begins | self.arrives, self.arrives)
        self.ends = np.append(np.flatnonzero(begins)[1:], len(rows)) - 1
        self.marks = np.where(self.segments.carries, contacts.marks[rows.contacts], np.uint16(0))
        self.written: dict[str, NDArray[Any]] = {}
        self.marks_set = np.zeros(len(rows), np.uint16)

    def apply(self) -> None:
        self._combine()
        self._cohort()
        self._waits()
        self._service()
        self._turns()
        _count_events(self.rows, self.combination, self.facts)
        self._write()

    # Looking back.

    def _carried(self, name: str, chosen: Any) -> NDArray[Any]:
        """The contact's array of before the batch, for the rows chosen; meaningless where the segment is fresh."""
        values: NDArray[Any] = getattr(self.contacts, name)[self.rows.contacts[chosen]]
        return values

    def _recall(self, name: str, latest: NDArray[np.int64], values: NDArray[Any], chosen: Any) -> NDArray[Any]:
        """For the rows chosen: the value at the last marked row, else what the contact carried in."""
        at = latest[chosen]
        return np.where(at >= 0, values[at], self._carried(name, chosen))

    def _first_ever(self, marked: Mask, bit: np.uint16) -> Mask:
        """The rows that are the first marked one in the contact's life, `bit` being the contact's mark of it."""
        earlier = self.segments.before(self.segments.last(marked))
        first: Mask = marked & (earlier < 0) & (self.marks & bit == 0)
        return first

    def _mark(self, bit: np.uint16, rows: Mask) -> None:
        self.marks_set |= np.where(rows, bit, np.uint16(0))

    def _changes(self, combinations: Codes, chosen: Any, delta: int) -> Changes:
        rows = self.rows
        times_us = rows.times_us[chosen]
        return Changes(
            combinations, times_us, rows.ranks_us[chosen], rows.lates[chosen], rows.sequences[chosen],
            np.full(len(times_us), delta, np.int64),
        )  # fmt: skip

    # The parts of a contact's life.

    def _combine(self) -> None:
        """What holds of the dimensions at each row."""
        contacts, slots = self.contacts, self.rows.contacts
        held = sticky(
            contacts.combinations,
            self.segments,
            self.rows.saids,
            contacts.said[slots],
            contacts.combination[slots],
        )
        self.combination_before, self.combination = held.before, held.after
        self.limits.refresh()
        self.written["said"] = held.saids
        self.written["combination"] = held.after

    def _cohort(self) -> None:
        """Arrivals, the combination a contact counts for by arrival, and outcomes."""
        facts, segments = self.facts, self.segments
        carried = self._carried("arrival_us", slice(None))
        self.arrival_us = np.where(segments.carries, carried, self.times_us[segments.first])
        settles = self._first_ever(_SETTLES[self.kinds], _IS_SETTLED)
        settled_at = segments.last(settles)
        is_settled = (self.marks & _IS_SETTLED) != 0
        self.cohort: Codes = np.where(
            is_settled, self._carried("cohort", slice(None)),
            np.where(settled_at >= 0, self.combination[settled_at], self.combination),
        ).astype(np.int32, copy=False)  # fmt: skip
        facts.count("offered", self.combination[self.arrives], self.times_us[self.arrives])
        # Until it is settled, a contact that turns out to belong elsewhere is counted there instead.
        moves = (self.combination != self.combination_before) & ~self.arrives & ~is_settled
        moves &= segments.before(settled_at) < 0
        if moves.any():
            facts.count("offered", self.combination_before[moves], self.arrival_us[moves], -1)
            facts.count("offered", self.combination[moves], self.arrival_us[moves])
        queued = self._first_ever(self.kinds == _QUEUED, _WAS_QUEUED)
        facts.count("queued", self.cohort[queued], self.arrival_us[queued])
        self._mark(_IS_SETTLED, is_settled | (settled_at >= 0))
        self._mark(_WAS_QUEUED, (self.marks & _WAS_QUEUED != 0) | (segments.last(queued) >= 0))
        turned = self.outcome_before != self.outcome_after
        for outcome, name in _OUTCOME_FIELD.items():
            gone = turned & (self.outcome_before == outcome) & ~self.arrives
            came = turned & (self.outcome_after == outcome)
            facts.count(name, self.cohort[gone], self.arrival_us[gone], -1)
            facts.count(name, self.cohort[came], self.arrival_us[came])
        self.written["arrival_us"] = self.arrival_us
        self.written["cohort"] = self.cohort

    def _waits(self) -> None:
        """Waits that begin and end, the queue's depth, and waits past their limit."""
        facts, segments, times_us = self.facts, self.segments, self.times_us
        was = (self.phase_before == Phase.WAITING) | (self.phase_before == Phase.REWAITING)
        is_ = (self.phase_after == Phase.WAITING) | (self.phase_after == Phase.REWAITING)
        begins, ends = is_ & ~was, was & ~is_
        begun_at = segments.last(begins)
        enters = begins | (is_ & (self.kinds == _QUEUED))
        entered_at = segments.last(enters)
        entered_before = segments.before(entered_at)
        moves = np.flatnonzero(enters & was)
        entries = np.flatnonzero(enters)
        exits = np.flatnonzero(ends)
        leaves = np.concatenate((exits, moves))
        left_as = self._recall("waiting_as", entered_before, self.combination, leaves).astype(np.int32, copy=False)
        facts.count("entered", self.combination[entries], times_us[entries])
        facts.change("waiting", self._changes(self.combination[entries], entries, 1))
        facts.change("waiting", self._changes(left_as, leaves, -1))
        exit_kinds = self.kinds[leaves]
        for name, how in (
            ("left_answered", exit_kinds == _ANSWERED),
            ("left_abandoned", exit_kinds == _ABANDONED),
            ("left_other", (exit_kinds != _ANSWERED) & (exit_kinds != _ABANDONED)),
        ):
            facts.count(name, left_as[how], times_us[leaves[how]])
        begun_before = segments.before(begun_at)
        since_us = self._recall("waiting_since_us", begun_before, times_us, exits)
        began_as = self._recall("waits_as", begun_before, self.combination, exits).astype(np.int32, copy=False)
        waits_us = times_us[exits] - since_us
        is_due = (begun_before[exits] >= 0) | (self.marks[exits] & _WAIT_DUE != 0)
        self._broken(exits[is_due], began_as[is_due], since_us[is_due] + self.limits.wait_us[began_as[is_due]])
        answered_at = segments.last(self.kinds == _ANSWERED)
        was_answered = (segments.before(answered_at) >= 0) | (self.marks & _WAS_ANSWERED != 0)
        self._mark(_WAS_ANSWERED, (answered_at >= 0) | was_answered)
        first_waits = ~was_answered[exits]
        self._waited(exits[first_waits], waits_us[first_waits])
        self._keep("waiting_since_us", begun_at, times_us)
        self._keep("waits_as", begun_at, self.combination)
        self._keep("waiting_as", entered_at, self.combination)
        self._mark(_WAIT_DUE, is_ & ((begun_at >= 0) | (self.marks & _WAIT_DUE != 0)))
        self._next_due(times_us[begins] + self.limits.wait_us[self.combination[begins]])

    def _broken(self, rows: NDArray[np.int64], as_: Codes, due_us: Instants) -> None:
        """A clock that stops at these rows was broken if its limit lay before where the row stands in processing."""
        broken = due_us < self.rows.ranks_us[rows]
        self.facts.count("breaches", as_[broken], due_us[broken])

    def _next_due(self, due_us: Instants) -> None:
        if len(due_us):
            self.contacts.next_due_us = min(self.contacts.next_due_us, int(due_us.min()))

    def _keep(self, name: str, latest: NDArray[np.int64], values: NDArray[Any]) -> None:
        """The contact's array is to hold the value at the last marked row, or what it held before."""
        self.written[name] = np.where(latest >= 0, values[latest], self._carried(name, slice(None)))

    def _waited(self, exits: NDArray[np.int64], waits_us: Instants) -> None:
        """The by-arrival sums of waits: a contact's wait is all its waiting before its first answer."""
        facts, segments, cohort, arrival_us = self.facts, self.segments, self.cohort, self.arrival_us
        facts.add("wait_us", cohort[exits], arrival_us[exits], waits_us)
        by_row = np.zeros(len(self.rows) + 1, np.int64)
        by_row[exits + 1] = waits_us
        summed = np.cumsum(by_row)
        carried = np.where(segments.carries, self._carried("waited_us", slice(None)), 0)
        waited_us = summed[1:] - summed[segments.first] + carried
        facts.wait(cohort[exits], arrival_us[exits], waited_us[exits])
        turned = self.outcome_before != self.outcome_after
        answered = np.flatnonzero(turned & (self.outcome_after == Outcome.ANSWERED))
        as_, arrived_us, waits_us = cohort[answered], arrival_us[answered], waited_us[answered]
        facts.add("wait_answered_us", as_, arrived_us, waits_us)
        facts.sample("wait_answered", as_, arrived_us, waits_us)
        timely = waits_us <= self.limits.target_us[as_]
        facts.count("answered_in_target", as_[timely], arrived_us[timely])
        gone = np.flatnonzero(turned & (self.outcome_after == Outcome.ABANDONED))
        as_, arrived_us, waits_us = cohort[gone], arrival_us[gone], waited_us[gone]
        timely = waits_us <= self.limits.target_us[as_]
        facts.count("abandoned_in_target", as_[timely], arrived_us[timely])
        short = waits_us <= self.limits.short_us[as_]
        facts.count("abandoned_short", as_[short], arrived_us[short])
        self.written["waited_us"] = waited_us

    def _service(self) -> None:
        """Contacts that persons have taken on: how many, for how long, and whose they are."""
        facts, segments, times_us, rows = self.facts, self.segments, self.times_us, self.rows
        answers = self.kinds == _ANSWERED
        again = (self.phase_before == Phase.HANDED) | (self.phase_before == Phase.REWAITING)
        starts = np.flatnonzero(answers & ~again)
        with_person = (self.phase_before >= Phase.SERVED) & (self.phase_before <= Phase.REWAITING)
        ended = self.phase_after >= Phase.ABANDONED
        stops = np.flatnonzero(with_person & ended)
        moves = np.flatnonzero(answers & again)
        answered_at = segments.last(answers)
        answered_before = segments.before(answered_at)
        leaves = np.concatenate((stops, moves))
        left_as = self._recall("served_as", answered_before, self.combination, leaves).astype(np.int32, copy=False)
        taken = np.flatnonzero(answers)
        facts.change("in_service", self._changes(self.combination[taken], taken, 1))
        facts.change("in_service", self._changes(left_as, leaves, -1))
        facts.count("events_answered", self.combination[taken], times_us[taken])
        gone = self.kinds == _ABANDONED
        facts.count("events_abandoned", self.combination[gone], times_us[gone])
        marked = np.zeros(len(rows), np.bool_)
        marked[starts] = True
        started_at = segments.last(marked)
        handled = self.kinds[stops] == _CLOSED
        closed, as_ = stops[handled], left_as[: len(stops)][handled]
        since_us = self._recall("served_since_us", segments.before(started_at), times_us, closed)
        facts.count("handled", as_, times_us[closed])
        facts.add("handle_us", as_, times_us[closed], times_us[closed] - since_us)
        agents = np.where(answered_at >= 0, rows.agents[answered_at], self._carried("agent", slice(None)))
        held = (self.phase_before == Phase.SERVED) | (self.phase_before == Phase.HELD)
        holds = (self.phase_after == Phase.SERVED) | (self.phase_after == Phase.HELD)
        released = np.flatnonzero(held & ~holds)
        self.loads.add(rows.agents[taken], rows[taken], 1)
        self.loads.add(agents[released].astype(np.int32, copy=False), rows[released], -1)
        self.written["agent"] = agents
        self._keep("served_as", answered_at, self.combination)
        self._keep("served_since_us", started_at, times_us)

    def _turns(self) -> None:
        """Customers' turns and the persons' replies to them. A turn begins with its first unanswered message."""
        facts, segments, times_us = self.facts, self.segments, self.times_us
        speaks, replies = self.kinds == _CUSTOMER, self.kinds == _REPLY
        breaks = replies | (self.phase_after >= Phase.ABANDONED)
        spoke = segments.before(segments.last(speaks))
        broke = segments.before(segments.last(breaks))
        pending = (spoke > broke) | ((spoke < 0) & (broke < 0) & (self.marks & _TURN_OPEN != 0))
        turns_at = segments.last(speaks & ~pending)
        answers = np.flatnonzero(replies & pending)
        since_us = self._recall("turn_since_us", segments.before(turns_at), times_us, answers)
        taken_us = times_us[answers] - since_us
        facts.count("response_count", self.combination[answers], times_us[answers])
        facts.add("response_us", self.combination[answers], times_us[answers], taken_us)
        facts.sample("response", self.combination[answers], times_us[answers], taken_us)
        self._mark(_TURN_OPEN, (pending | speaks) & ~breaks)
        self._keep("turn_since_us", turns_at, times_us)
        self._first_replies(speaks, replies)

    def _first_replies(self, speaks: Mask, replies: Mask) -> None:
        facts, segments, times_us = self.facts, self.segments, self.times_us
        written = self._first_ever(speaks, _WRITTEN)
        written_at = segments.last(written)
        has_written = (segments.before(written_at) >= 0) | (self.marks & _WRITTEN != 0)
        first = self._first_ever(replies & has_written, _REPLIED)
        chosen = np.flatnonzero(first)
        written_us = self._recall("written_us", segments.before(written_at), times_us, chosen)
        taken_us = times_us[chosen] - written_us
        as_ = self.combination[chosen]
        facts.count("first_response_count", as_, times_us[chosen])
        facts.add("first_response_us", as_, times_us[chosen], taken_us)
        facts.sample("first_response", as_, times_us[chosen], taken_us)
        self._keep("written_us", written_at, times_us)
        is_written = (written_at >= 0) | (self.marks & _WRITTEN != 0)
        self._mark(_WRITTEN, is_written)
        self._mark(_REPLIED, (segments.last(first) >= 0) | (self.marks & _REPLIED != 0))
        self._reply_due(is_written, first)

    def _reply_due(self, is_written: Mask, first: Mask) -> None:
        """The clock of the first reply (C1): it starts when a customer who has written waits for a person or has one, and
        stops at the person's reply or when the contact ends. Who is content with a bot starts no clock."""
        segments, times_us = self.segments, self.times_us
        asks = is_written & (self.phase_after >= Phase.WAITING) & (self.phase_after <= Phase.REWAITING)
        asked = self._first_ever(asks, _REPLY_ASKED)
        asked_at = segments.last(asked)
        asked_before = segments.before(asked_at)
        stops = first | (self.phase_after >= Phase.ABANDONED)
        stopping = self._first_ever(stops, _REPLY_STOPPED)
        chosen = np.flatnonzero(stopping & ((asked_before >= 0) | (self.marks & _REPLY_DUE != 0)))
        as_ = self._recall("asked_as", asked_before, self.combination, chosen).astype(np.int32, copy=False)
        since_us = self._recall("asked_us", asked_before, times_us, chosen)
        self._broken(chosen, as_, since_us + self.limits.first_reply_us[as_])
        stopped = (segments.last(stops) >= 0) | (self.marks & _REPLY_STOPPED != 0)
        self._keep("asked_us", asked_at, times_us)
        self._keep("asked_as", asked_at, self.combination)
        self._mark(_REPLY_ASKED, (asked_at >= 0) | (self.marks & _REPLY_ASKED != 0))
        self._mark(_REPLY_STOPPED, stopped)
        self._mark(_REPLY_DUE, ~stopped & ((asked_at >= 0) | (self.marks & _REPLY_DUE != 0)))
        self._next_due(times_us[asked] + self.limits.first_reply_us[self.combination[asked]])

    def _write(self) -> None:
        """The last row of each contact says what it is from now on."""
        contacts, ends = self.contacts, self.ends
        slots = self.rows.contacts[ends]
        for name, values in self.written.items():
            getattr(contacts, name)[slots] = values[ends]
        contacts.marks[slots] = self.marks_set[ends]


def _sorted(rows: Rows, combinations: Combinations, agents: Names) -> Rows:
    """By contact, then place in the order of processing, then precedence; independent of the order of arrival.

    A late row goes first at its place, and late rows among themselves in the order they came.
    """
    precedence = np.where(rows.lates, 0, PRECEDENCE[rows.kinds])
    span_us = rows.ranks_us - rows.ranks_us.min()
    in_time = np.argsort(span_us * 32 + precedence, kind="stable")
    # Contact above place in time: both fit one integer, which sorts faster than two keys.
    bits = max(1, len(rows).bit_length())
    keys = np.sort(rows.contacts[in_time].astype(np.int64) << bits | np.arange(len(rows)))
    rows = rows[in_time[keys & ((1 << bits) - 1)]]
    same = (
        (rows.contacts[1:] == rows.contacts[:-1]) & (rows.ranks_us[1:] == rows.ranks_us[:-1])
        & (rows.kinds[1:] == rows.kinds[:-1]) & ~rows.lates[1:] & ~rows.lates[:-1]
    )  # fmt: skip
    return rows[content_order(rows, np.flatnonzero(same), combinations, agents)] if same.any() else rows


def content_order(
    rows: Rows, repeats: NDArray[np.int64], combinations: Combinations, agents: Names
) -> NDArray[np.int64]:
    """The order of rows of which each of `repeats` and the row behind it are of one contact or agent, kind and instant.

    What they say decides, since neither came first. Rare, so a loop.
    """
    order = np.arange(len(rows))
    start = 0
    while start < len(repeats):
        end = start
        while end + 1 < len(repeats) and repeats[end + 1] == repeats[end] + 1:
            end += 1
        tied = order[repeats[start] : repeats[end] + 2]
        tied[:] = sorted(tied.tolist(), key=lambda row: _content(rows, row, combinations, agents))
        start = end + 1
    return order


def _content(rows: Rows, row: int, combinations: Combinations, agents: Names) -> tuple[Any, ...]:
    said = combinations.said_values[rows.saids[row]].tolist()
    # To say "" is not to say nothing, which leaves what held before.
    names = [
        (code >= 0, names.texts[code] if code >= 0 else "")
        for code, names in zip(said, combinations.names, strict=True)
    ]
    return (
        *names,
        agents.texts[rows.agents[row]],
        int(rows.csats[row]),
        int(rows.npss[row]),
        int(rows.numbers[row]),
    )


def _running_maximum(times_us: Instants, starts: NDArray[np.int64], carried_us: Instants) -> Instants:
    """The largest time of a run up to each row, what the contact carried in included.

    Lifts every run above the one before it, so that one accumulation over all rows never looks past a run's start.
    """
    times_us = times_us.copy()
    times_us[starts] = np.maximum(times_us[starts], carried_us)
    low = times_us.min()
    span = int(times_us.max() - low) + 1
    run = np.zeros(len(times_us), np.int64)
    run[starts[1:]] = 1
    run = np.cumsum(run)
    if span * (int(run[-1]) + 1) < 2**62:
        lift = run * span - low
        running: Instants = np.maximum.accumulate(times_us + lift) - lift
        return running
    return np.concatenate([np.maximum.accumulate(part) for part in np.split(times_us, starts[1:])])


def _count_events(rows: Rows, combination: Codes, facts: Facts) -> None:
    """Events that count by themselves, and what ratings say (C32, C33, C40)."""
    times_us = rows.times_us
    present = np.bincount(rows.kinds, minlength=_KIND_COUNT)
    for code, name in _COUNTED.items():
        if present[code]:
            chosen = rows.kinds == code
            facts.count(name, combination[chosen], times_us[chosen])
    if present[_CLOSED]:
        chosen = rows.kinds == _CLOSED
        facts.count("closed", combination[chosen], times_us[chosen])
        chosen &= rows.numbers == 0
        facts.count("unresolved", combination[chosen], times_us[chosen])
    if present[_RATED]:
        rated = rows.kinds == _RATED
        for name, chosen in (
            ("csat_count", rated & (rows.csats > 0)), ("csat_good", rated & (rows.csats >= 4)),
            ("nps_count", rated & (rows.npss >= 0)), ("nps_promoters", rated & (rows.npss >= 9)),
            ("nps_detractors", rated & (rows.npss >= 0) & (rows.npss <= 6)),
        ):  # fmt: skip
            facts.count(name, combination[chosen], times_us[chosen])
        chosen = rated & (rows.csats > 0)
        facts.add("csat_sum", combination[chosen], times_us[chosen], rows.csats[chosen].astype(np.int64))
