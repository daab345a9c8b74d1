"""The contacts of a shard: whose slot is whose, what is remembered of each, and the deadlines that run.

Rows are brought into the order of processing and walked through their contacts' lives (`engine.lives`); deadlines that
pass without an event are raised by the tick. Slots of contacts that ended long ago are used again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.clocks import LIFE, NEVER, move_all, raise_all
from engine.columns import Combinations, Names, Rows, stretched
from engine.facts import LEVELS, Changes, Facts
from engine.keys import Keys, KeyTable
from engine.lifecycle import ILLEGAL, PRECEDENCE, REASONS, TRANSITIONS, Phase, phases
from engine.lives import CURSOR, EVENT_FIELD, walk
from engine.policy import CLOCKS, Limits
from engine.watermark import NEVER_US

__all__ = ["Contacts", "Lived", "Loads", "content_order"]

Instants = NDArray[np.int64]
Codes = NDArray[np.int32]

#: The slot of a contact for which there is no room.
_REFUSED = -2
#: Facts of each sort that are gathered before the walk hands them over.
_BUFFER = 65_536
_NOBODY = np.zeros(1, LIFE)
_NOBODY["seen_us"] = NEVER_US


class Loads:
    """Contacts that agents took on (+1) or gave up (-1), in no particular order: agents, rows and steps, in parts."""

    def __init__(self) -> None:
        self.parts: list[tuple[Codes, Rows, NDArray[np.int64]]] = []


@dataclass(frozen=True)
class Lived:
    """What became of a batch of contacts' rows: the rows by contact and then in the order of processing, of each the combination
    that holds after it (int32, -1 where the row was illegal), and its contact's phases before and after (uint8, see
    `engine.lifecycle.Phase`)."""

    rows: Rows
    combinations: Codes
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]


class Contacts:
    """All contacts that are open or have ended within the memory of `linger_us`. Slots are reused, lowest first.

    By slot: `keys` uint64, 0 where free; `states` uint8; `lives` of dtype `LIFE`; the clocks' arrays of `engine.clocks`.
    """

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
        self.keys = np.zeros(0, np.uint64)
        self.states = np.zeros(0, np.uint8)
        self.lives = np.zeros(0, LIFE)
        self.due_us = np.zeros((0, len(CLOCKS)), np.int64)
        self.warn_us = np.zeros((0, len(CLOCKS)), np.int64)
        self.soonest_us = np.zeros(0, np.int64)
        self.illegal_counts = np.zeros(len(REASONS), np.int64)
        self.refused_count = 0
        self._next_us = NEVER
        self._buffers = [np.empty((7, _BUFFER), np.int64) for _ in range(6)]

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
        self._make_room(len(self.names))
        self.keys[slots] = keys

    def _make_room(self, size: int) -> None:
        if size > len(self.keys):
            self.keys = stretched(self.keys, size)
            self.states = stretched(self.states, size)
            self.lives = stretched(self.lives, size, _NOBODY[0])
            self.due_us = stretched(self.due_us, size, NEVER)
            self.warn_us = stretched(self.warn_us, size, NEVER)
            self.soonest_us = stretched(self.soonest_us, size, NEVER)

    def find_again(self) -> None:
        """Makes the table of slots anew from the contacts' keys."""
        slots = np.flatnonzero(self.keys[: len(self.names)]).astype(np.int32)
        self.slots = KeyTable(nothing=-1)
        self.slots.add(self.keys[slots], slots)

    def apply(self, rows: Rows, facts: Facts, loads: Loads) -> Lived:
        """Takes a released batch of contacts' rows, all of an instant together; appends to `facts` and `loads`."""
        after_as = np.full(len(rows), -1, np.int32)
        before, after = np.zeros(len(rows), np.uint8), np.zeros(len(rows), np.uint8)
        if not len(rows):
            return Lived(rows, after_as, before, after)
        rows = _sorted(rows, self.combinations, self.agents)
        cursor = np.zeros(len(CURSOR), np.int64)
        amounts, samples, longest, changes, taken, raised = self._buffers
        while cursor[0] < len(rows):
            self.limits.refresh()
            walk(
                cursor, rows.kinds, rows.times_us, rows.ranks_us, rows.lates, rows.contacts, rows.agents, rows.saids,
                rows.numbers, rows.csats, rows.npss, self.lives, self.states, self.due_us, self.warn_us,
                self.soonest_us, self.limits.tables, TRANSITIONS, ILLEGAL, EVENT_FIELD, self.illegal_counts,
                *self.combinations.pairs.arrays, self.linger_us, amounts, samples, longest, changes, taken, raised, after_as, before, after,
            )  # fmt: skip
            combination, said, from_us, until_us = cursor[7:].tolist()
            if combination >= 0:
                self.combinations.learn(combination, said)
            elif from_us <= until_us:
                self.limits.calendars.cover(from_us, until_us)
            else:
                self._hand_over(cursor, facts, loads, rows)
        self._next_us = NEVER_US
        return Lived(rows, after_as, before, after)

    def _hand_over(self, cursor: NDArray[np.int64], facts: Facts, loads: Loads, rows: Rows) -> None:
        """Moves what is in the buffers to the facts."""
        amounts, samples, longest, changes, taken, raised = (
            buffer[:, :count].copy() for buffer, count in zip(self._buffers, cursor[1:7].tolist(), strict=True)
        )
        cursor[1:7] = 0
        for part, column in ((amounts, facts.amounts), (samples, facts.samples), (longest, facts.longest)):
            if part.size:
                column.append(part[:4])
        for level in np.unique(changes[0]).tolist():
            _, as_, of, deltas, *_ = changes[:, changes[0] == level]
            facts.change(
                LEVELS[level],
                Changes(
                    as_.astype(np.int32), rows.times_us[of], rows.ranks_us[of], rows.lates[of], rows.sequences[of], deltas
                ),
            )  # fmt: skip
        if taken.size:
            loads.parts.append((taken[1].astype(np.int32), rows[taken[2]], taken[3]))
        if raised.size:
            facts.raised.append(raised)

    @property
    def next_us(self) -> int:
        """No deadline is due before this instant; `NEVER_US` where that is not known."""
        return self._next_us

    def due(self, watermark_us: int, facts: Facts) -> None:
        """Raises what is due before the watermark and has not been raised: warnings and deadlines that passed without an event."""
        if watermark_us <= self._next_us:
            return
        soonest_us = self.soonest_us[: len(self.names)]
        slots = np.flatnonzero(soonest_us < watermark_us)
        if len(slots):
            # Announcements begin anew at the instants at which they are raised.
            self.limits.calendars.cover(int(soonest_us[slots].min()), watermark_us)
        cursor = np.zeros(len(CURSOR), np.int64)
        while cursor[0] < len(slots):
            raise_all(
                cursor, slots, watermark_us, self.lives, self.due_us, self.warn_us, self.soonest_us, self.limits.tables,
                self._buffers[0], self._buffers[5],
            )  # fmt: skip
            self._hand_over(cursor, facts, Loads(), Rows.empty())
        self._next_us = int(soonest_us.min(initial=NEVER))

    def adopt(self, limits: Limits, at_us: int) -> None:
        """Holds all to other limits from `at_us` on, before which nothing is due any more. What was raised or warned of stays so."""
        self.limits = limits
        limits.refresh()
        slots = np.flatnonzero((self.due_us[: len(self.names)] != NEVER).any(axis=1))
        if len(slots):
            limits.calendars.cover(int(self.lives["arrival_us"][slots].min()), at_us)
            move_all(slots, at_us, self.lives, self.due_us, self.warn_us, self.soonest_us, limits.tables)
        self.look_again()

    def reclaim(self, watermark_us: int, busy: Iterable[Codes]) -> None:
        """Frees the slots of contacts that ended, or never began, `linger_us` ago, except those of rows held back."""
        count = len(self.names)
        phase = phases(self.states[:count])
        idle = self.lives["seen_us"][:count] <= watermark_us - self.linger_us
        gone = idle & ((phase == Phase.UNKNOWN) | (phase >= Phase.ABANDONED)) & (self.keys[:count] != 0)
        for contacts in busy:
            gone[contacts[contacts >= 0]] = False
        slots = np.flatnonzero(gone)
        if len(slots):
            for slot in slots.tolist():
                self.names[slot] = None
                self.free.append(slot)
            self.keys[slots], self.states[slots], self.lives[slots] = 0, 0, _NOBODY[0]
            self.due_us[slots], self.warn_us[slots], self.soonest_us[slots] = NEVER, NEVER, NEVER
            self.find_again()

    def look_again(self) -> None:
        """Has the next tick look at every clock, after the arrays were replaced."""
        self._next_us = NEVER_US

    def open_count(self) -> int:
        """Contacts that have begun and not ended."""
        phase = phases(self.states[: len(self.names)])
        return int(((phase != Phase.UNKNOWN) & (phase < Phase.ABANDONED)).sum())

    def waiting(self) -> tuple[Codes, Instants]:
        """Combination and beginning of every wait that goes on."""
        phase = phases(self.states[: len(self.names)])
        slots = np.flatnonzero((phase == Phase.WAITING) | (phase == Phase.REWAITING))
        return self.lives["waiting_as"][slots], self.lives["waiting_since_us"][slots]


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
        int(rows.customers[row]),
    )
