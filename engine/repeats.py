"""Repeat contacts: the same customer with the same problem again within a day, and whether it took one contact or two.

A *problem* is a customer, tenant and category; a contact is judged once, when all three are first known of it. It is a
repeat when another contact with the same problem was judged within `WITHIN_US` before, and counts how many came so one after
the other (catalogue C14). Closings are counted apart for first contacts and for repeats, so that first-contact and
second-contact resolution can be told (C34). Customers are keys here, never names.

`Customers` finds the rows that matter, contact by contact; `Repeats` judges them, problem by problem, in the order of processing.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import Combinations, grown
from engine.compiled import compiled
from engine.contacts import Lived
from engine.events import DIMENSIONS, kind
from engine.facts import STEPS, Facts
from engine.keys import PUBLIC, Keys, blended, key_of, place_of
from engine.lifecycle import Phase
from engine.policy import COMMITMENTS, CONTACT_LIMITS, Limits
from engine.times import DAY_US

__all__ = ["OF_SLOTS", "WITHIN_US", "Customers", "Found", "Repeats"]

WITHIN_US = DAY_US

Index = NDArray[np.int64]

_CLOSED = kind("contact.closed")
_TENANT, _CATEGORY = DIMENSIONS.index("tenant"), DIMENSIONS.index("category")
_UNKNOWN = int(Phase.UNKNOWN)
_LIMIT, _BREACH = CONTACT_LIMITS.index("repeats"), len(STEPS) * COMMITMENTS.index("repeats") + STEPS.index("broken")
_SMALLEST = 1 << 10
#: Of each contact by slot: the customer's key, 0 for none; the problem's, 0 until it is judged; when the contact arrived.
OF_SLOTS = {"customers": np.uint64, "problems": np.uint64, "arrivals_us": np.int64}


@dataclass
class Found:
    """Rows that judge a contact or close it. `combinations` int32; `times_us`, `ranks_us`, `sequences`, `arrivals_us` int64; `lates`,
    `is_judged`, `is_resolved` bool; `contacts` int32 slots; `keys` uint64, the problem's, 0 for none."""

    combinations: NDArray[np.int32]
    times_us: Index
    ranks_us: Index
    lates: NDArray[np.bool_]
    sequences: Index
    contacts: NDArray[np.int32]
    keys: Keys
    is_judged: NDArray[np.bool_]
    is_resolved: NDArray[np.bool_]
    arrivals_us: Index

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, chosen: Any) -> "Found":
        """By index array or mask."""
        return Found(*(getattr(self, entry.name)[chosen] for entry in fields(self)))

    @classmethod
    def concatenated(cls, parts: list["Found"]) -> "Found":
        return cls(*(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(cls)))


class Customers:
    """Who the contacts' customers are, and which problem each contact is about, by slot."""

    customers: Keys
    problems: Keys
    arrivals_us: Index

    def __init__(self, combinations: Combinations) -> None:
        self.combinations = combinations
        for name, dtype in OF_SLOTS.items():
            setattr(self, name, np.zeros(0, dtype))
        # By combination: what it says of a problem, 0 where no category is known.
        self._whats = np.zeros(0, np.uint64)

    def find(self, lived: Lived, slot_count: int) -> Found:
        """The rows of a batch of contacts' rows that matter here, by contact and then in the order of processing."""
        rows = lived.rows
        for name in OF_SLOTS:
            setattr(self, name, grown(getattr(self, name), slot_count))
        self._refresh()
        # A row may both judge a contact and close it.
        found, arrivals_us = np.empty(2 * len(rows), np.int64), np.empty(2 * len(rows), np.int64)
        keys, is_judged = np.zeros(2 * len(rows), np.uint64), np.zeros(2 * len(rows), np.bool_)
        count = _find(
            rows.kinds, rows.contacts, rows.customers, rows.numbers, rows.times_us, lived.combinations, lived.before, lived.after,
            self._whats, self.customers, self.problems, self.arrivals_us, found, keys, is_judged, arrivals_us,
        )  # fmt: skip
        at = found[:count]
        return Found(
            lived.combinations[at], rows.times_us[at], rows.ranks_us[at], rows.lates[at], rows.sequences[at], rows.contacts[at],
            keys[:count], is_judged[:count], rows.numbers[at] == 1, arrivals_us[:count],
        )  # fmt: skip

    def _refresh(self) -> None:
        known = len(self._whats)
        if known == len(self.combinations):
            return
        new = [
            key_of(f"{said[_TENANT]}\0{said[_CATEGORY]}", PUBLIC) if said[_CATEGORY] else 0
            for said in map(self.combinations.texts_of, range(known, len(self.combinations)))
        ]
        self._whats = np.concatenate((self._whats, np.array(new, np.uint64)))


class Repeats:
    """The problems judged within the last day. Past `problems_max` of them the older ones are forgotten, which is counted."""

    def __init__(self, limits: Limits, problems_max: int) -> None:
        self.limits = limits
        self.problems_max = problems_max
        self.forgotten_count = 0
        # By slot: how many contacts with a contact's problem there were, itself included.
        self.numbers = np.zeros(0, np.int32)
        # By place in a table of keys at most half full: when the problem was judged last, and how many times in a row.
        self.known = np.zeros(_SMALLEST, np.uint64)
        self.last_us = np.zeros(_SMALLEST, np.int64)
        self.counts = np.zeros(_SMALLEST, np.int32)
        self.count = 0

    def take(self, found: Found, names: list[str | None], facts: Facts) -> None:
        """Takes what was found in a batch of contacts' rows; `names` are the contacts' by slot. Appends to `facts`."""
        if not len(found):
            return
        self.numbers = grown(self.numbers, len(names))
        found = found[_order(found, names)]
        self._make_room(int(found.is_judged.sum()), int(found.ranks_us[0]))
        numbers = np.empty(len(found), np.int32)
        self.count += _judge(
            found.contacts, found.ranks_us, found.keys, found.is_judged, self.known, self.last_us, self.counts, self.numbers, numbers
        )  # fmt: skip
        self._count(found, numbers, facts)

    def _count(self, found: Found, numbers: NDArray[np.int32], facts: Facts) -> None:
        as_, times_us, is_judged = found.combinations, found.times_us, found.is_judged
        again = numbers > 1
        facts.count("repeat_contacts", as_[is_judged & again], times_us[is_judged & again])
        for name, chosen in (("first", ~is_judged & ~again), ("repeat", ~is_judged & again)):
            facts.count(f"{name}_known", as_[chosen], times_us[chosen])
            facts.count(f"{name}_resolved", as_[chosen & found.is_resolved], times_us[chosen & found.is_resolved])
        self.limits.refresh()
        periods = self.limits.period_of[np.searchsorted(self.limits.bounds_us, times_us, side="right")]
        broken = np.flatnonzero(is_judged & again & (numbers >= self.limits.table_us[_LIMIT, periods, as_]))
        if len(broken):
            as_, times_us, slots = as_[broken], times_us[broken], found.contacts[broken]
            facts.count("breaches", as_, times_us)
            facts.count("repeats_breaches", as_, times_us)
            what, nobody = np.full(len(broken), _BREACH), np.zeros(len(broken), np.int64)
            told = (what, as_, times_us, slots, found.arrivals_us[broken], nobody, found.ranks_us[broken])
            facts.raised.append(np.stack(told))

    def _make_room(self, more: int, from_us: int) -> None:
        """Has the table hold so many more; what is too old to matter from `from_us` on goes first."""
        if 2 * (self.count + more) <= len(self.known):
            return
        kept = np.flatnonzero((self.known != 0) & (self.last_us >= from_us - WITHIN_US))
        if len(kept) + more > self.problems_max and len(kept):
            kept = kept[np.argsort(self.last_us[kept], kind="stable")][len(kept) // 2 :]
            self.forgotten_count += 1
        size = _SMALLEST
        while size < 4 * (len(kept) + more):
            size *= 2
        keys, last_us, counts = self.known[kept], self.last_us[kept], self.counts[kept]
        self.known, self.last_us, self.counts = (np.zeros(size, part.dtype) for part in (keys, last_us, counts))
        self.count = len(kept)
        _fill(keys, last_us, counts, self.known, self.last_us, self.counts)

    def state(self) -> dict[str, Any]:
        """For a snapshot."""
        at = np.flatnonzero(self.known)
        return {
            "numbers": self.numbers, "forgotten_count": self.forgotten_count,
            "known": self.known[at], "last_us": self.last_us[at], "counts": self.counts[at],
        }  # fmt: skip

    def restore(self, saved: dict[str, Any]) -> None:
        """The state of a snapshot, into a new object."""
        self.numbers, self.forgotten_count = saved["numbers"], saved["forgotten_count"]
        self._make_room(len(saved["known"]) + _SMALLEST, 0)
        self.count = len(saved["known"])
        _fill(saved["known"], saved["last_us"], saved["counts"], self.known, self.last_us, self.counts)


def _order(found: Found, names: list[str | None]) -> Index:
    """The order of processing of rows found; of contacts with one problem at one instant, by their names."""
    late = np.where(found.lates, found.sequences, 0)
    order = np.lexsort((np.arange(len(found)), found.keys, late, ~found.lates, found.ranks_us))
    ranks_us, keys, contacts = found.ranks_us[order], found.keys[order], found.contacts[order]
    same = (np.diff(ranks_us) == 0) & (np.diff(late[order]) == 0) & (keys[1:] == keys[:-1])
    same &= contacts[1:] != contacts[:-1]
    if not (same & (keys[1:] != 0)).any():
        return order
    told = [names[slot] or "" for slot in found.contacts.tolist()]
    columns = (found.ranks_us.tolist(), (~found.lates).tolist(), late.tolist(), found.keys.tolist(), told)
    places = list(zip(*columns, strict=True))
    return np.array(sorted(order.tolist(), key=lambda row: (places[row], row)), np.int64)


@compiled
def _find(  # pragma: no cover
    kinds: NDArray[np.int8], contacts: NDArray[np.int32], said: Keys, resolved: NDArray[np.int32], times_us: Index,
    combinations: NDArray[np.int32], before: NDArray[np.uint8], after: NDArray[np.uint8], whats: Keys,
    customers: Keys, problems: Keys, arrivals_us: Index, found: Index, keys: Keys, is_judged: NDArray[np.bool_],
    arrived_us: Index,
) -> int:  # fmt: skip
    """Notes who the contacts' customers are; the rows that judge a contact or close it, and its problem then."""
    count = 0
    for row in range(len(kinds)):
        as_ = combinations[row]
        if as_ < 0 or after[row] == _UNKNOWN:
            continue
        slot = contacts[row]
        if before[row] == _UNKNOWN:
            customers[slot] = problems[slot] = np.uint64(0)
            arrivals_us[slot] = times_us[row]
        if said[row] != np.uint64(0):
            customers[slot] = said[row]
        if problems[slot] == np.uint64(0) and customers[slot] != np.uint64(0) and whats[as_] != np.uint64(0):
            problems[slot] = max(blended(customers[slot], 0) ^ blended(whats[as_], 1), np.uint64(1))
            found[count], keys[count], is_judged[count], arrived_us[count] = (
                row,
                problems[slot],
                True,
                arrivals_us[slot],
            )
            count += 1
        if kinds[row] == _CLOSED and resolved[row] >= 0:
            found[count], keys[count], is_judged[count], arrived_us[count] = (
                row,
                problems[slot],
                False,
                arrivals_us[slot],
            )
            count += 1
    return count


@compiled
def _judge(  # pragma: no cover
    slots: NDArray[np.int32], ranks_us: Index, keys: Keys, is_judged: NDArray[np.bool_], known: Keys, last_us: Index,
    counts: NDArray[np.int32], numbers: NDArray[np.int32], found: NDArray[np.int32],
) -> int:  # fmt: skip
    """How many contacts with its problem each row's contact is the last of; returns how many problems are new."""
    added = 0
    for row in range(len(slots)):
        key, slot = keys[row], slots[row]
        if is_judged[row]:
            place = place_of(known, key)
            if known[place] != key:
                known[place], counts[place], last_us[place] = key, 0, ranks_us[row]
                added += 1
            counts[place] = counts[place] + 1 if ranks_us[row] - last_us[place] <= WITHIN_US else 1
            last_us[place] = ranks_us[row]
            numbers[slot] = counts[place]
        found[row] = numbers[slot] if key != np.uint64(0) else 1
    return added


@compiled
def _fill(  # pragma: no cover
    keys: Keys, from_us: Index, numbers: NDArray[np.int32], known: Keys, last_us: Index, counts: NDArray[np.int32]
) -> None:
    for row in range(len(keys)):
        place = place_of(known, keys[row])
        known[place], last_us[place], counts[place] = keys[row], from_us[row], numbers[row]
