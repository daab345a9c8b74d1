"""Repeat contacts: the same customer with the same problem again within a day, and whether it took one contact or two.

A *problem* is a customer, tenant and category; a contact is judged once, when all three are first known of it. It is a
repeat when another contact with the same problem was judged within `WITHIN_US` before, and counts how many came so one after
the other (catalogue C14). Closings are counted apart for first contacts and for repeats, so that first-contact and
second-contact resolution can be told (C34). Customers are keys here, never names.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import Combinations, grown
from engine.compiled import compiled
from engine.contacts import Lived
from engine.events import DIMENSIONS, kind
from engine.facts import STEPS, Facts
from engine.keys import Keys, blended, place_of
from engine.lifecycle import Phase
from engine.policy import COMMITMENTS, CONTACT_LIMITS, Limits
from engine.times import DAY_US

__all__ = ["WITHIN_US", "Repeats"]

WITHIN_US = DAY_US

Index = NDArray[np.int64]

_CLOSED = kind("contact.closed")
_TENANT, _CATEGORY = DIMENSIONS.index("tenant"), DIMENSIONS.index("category")
_UNKNOWN = int(Phase.UNKNOWN)
_LIMIT, _BREACH = CONTACT_LIMITS.index("repeats"), len(STEPS) * COMMITMENTS.index("repeats") + STEPS.index("broken")
_SMALLEST = 1 << 10
#: Of each contact by slot: the customer's key, 0 for none; the problem's, 0 until it is judged; when the contact arrived; and
#: how many contacts with that problem there were, itself included.
_OF_SLOTS = {"customers": np.uint64, "problems": np.uint64, "arrivals_us": np.int64, "numbers": np.int32}


class Repeats:
    """What is known of contacts' customers, and the problems judged within the last day.

    Past `problems_max` problems the older ones are forgotten, which is counted.
    """

    customers: Keys
    problems: Keys
    arrivals_us: Index
    numbers: NDArray[np.int32]

    def __init__(self, combinations: Combinations, limits: Limits, problems_max: int) -> None:
        self.combinations = combinations
        self.limits = limits
        self.problems_max = problems_max
        self.forgotten_count = 0
        for name, dtype in _OF_SLOTS.items():
            setattr(self, name, np.zeros(0, dtype))
        # By place in a table of keys at most half full: when the problem was judged last, and how many times in a row.
        self.known = np.zeros(_SMALLEST, np.uint64)
        self.last_us = np.zeros(_SMALLEST, np.int64)
        self.counts = np.zeros(_SMALLEST, np.int32)
        self.count = 0

    def apply(self, lived: Lived, names: list[str | None], facts: Facts) -> None:
        """Takes a batch of contacts' rows; `names` are the contacts' by slot. Appends to `facts`."""
        rows = lived.rows
        for name in _OF_SLOTS:
            setattr(self, name, grown(getattr(self, name), len(names)))
        # A row may both judge a contact and close it.
        found, arrivals_us = np.empty(2 * len(rows), np.int64), np.empty(2 * len(rows), np.int64)
        keys, is_judged = np.zeros(2 * len(rows), np.uint64), np.zeros(2 * len(rows), np.bool_)
        count = _find(
            rows.kinds, rows.contacts, rows.customers, rows.numbers, rows.times_us, lived.combinations, lived.before, lived.after,
            self.combinations.values, self.customers, self.problems, self.arrivals_us, found, keys, is_judged, arrivals_us,
        )  # fmt: skip
        if not count:
            return
        order = _order(lived, found[:count], keys[:count], names)
        found, keys, is_judged, arrivals_us = found[order], keys[order], is_judged[order], arrivals_us[order]
        self._make_room(int(is_judged.sum()), int(rows.ranks_us[found[0]]))
        numbers = np.empty(count, np.int32)
        self.count += _judge(
            rows.contacts[found], rows.ranks_us[found], keys, is_judged, self.known, self.last_us, self.counts, self.numbers, numbers
        )  # fmt: skip
        self._count(lived, found, is_judged, numbers, arrivals_us, facts)

    def _count(
        self, lived: Lived, found: Index, is_judged: NDArray[np.bool_], numbers: NDArray[np.int32], arrivals_us: Index, facts: Facts
    ) -> None:  # fmt: skip
        as_, times_us = lived.combinations[found], lived.rows.times_us[found]
        again = numbers > 1
        facts.count("repeat_contacts", as_[is_judged & again], times_us[is_judged & again])
        is_resolved = lived.rows.numbers[found] == 1
        for name, chosen in (("first", ~is_judged & ~again), ("repeat", ~is_judged & again)):
            facts.count(f"{name}_known", as_[chosen], times_us[chosen])
            facts.count(f"{name}_resolved", as_[chosen & is_resolved], times_us[chosen & is_resolved])
        self.limits.refresh()
        periods = self.limits.period_of[np.searchsorted(self.limits.bounds_us, times_us, side="right")]
        broken = np.flatnonzero(is_judged & again & (numbers >= self.limits.table_us[_LIMIT, periods, as_]))
        if len(broken):
            as_, times_us, slots = as_[broken], times_us[broken], lived.rows.contacts[found[broken]]
            ranks_us = lived.rows.ranks_us[found[broken]]
            facts.count("breaches", as_, times_us)
            facts.count("repeats_breaches", as_, times_us)
            what, nobody = np.full(len(broken), _BREACH), np.zeros(len(broken), np.int64)
            facts.raised.append(np.stack((what, as_, times_us, slots, arrivals_us[broken], nobody, ranks_us)))

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
            "slots": {name: getattr(self, name) for name in _OF_SLOTS}, "forgotten_count": self.forgotten_count,
            "known": self.known[at], "last_us": self.last_us[at], "counts": self.counts[at],
        }  # fmt: skip

    def restore(self, saved: dict[str, Any]) -> None:
        """The state of a snapshot, into a new object."""
        for name, values in saved["slots"].items():
            setattr(self, name, values)
        self.forgotten_count = saved["forgotten_count"]
        self._make_room(len(saved["known"]) + _SMALLEST, 0)
        self.count = len(saved["known"])
        _fill(saved["known"], saved["last_us"], saved["counts"], self.known, self.last_us, self.counts)


def _order(lived: Lived, found: Index, keys: Keys, names: list[str | None]) -> Index:
    """The order of processing of rows found; of contacts with one problem at one instant, by their names."""
    rows = lived.rows[found]
    late = np.where(rows.lates, rows.sequences, 0)
    order = np.lexsort((np.arange(len(found)), keys, late, ~rows.lates, rows.ranks_us))
    same = (np.diff(rows.ranks_us[order]) == 0) & (np.diff(late[order]) == 0) & (keys[order][1:] == keys[order][:-1])
    same &= rows.contacts[order][1:] != rows.contacts[order][:-1]
    if not (same & (keys[order][1:] != 0)).any():
        return order
    told = [names[slot] or "" for slot in rows.contacts.tolist()]
    places = list(zip(rows.ranks_us.tolist(), (~rows.lates).tolist(), late.tolist(), keys.tolist(), told, strict=True))
    return np.array(sorted(order.tolist(), key=lambda row: (places[row], row)), np.int64)


@compiled
def _find(  # pragma: no cover
    kinds: NDArray[np.int8], contacts: NDArray[np.int32], said: Keys, resolved: NDArray[np.int32], times_us: Index,
    combinations: NDArray[np.int32], before: NDArray[np.uint8], after: NDArray[np.uint8], values: NDArray[np.int32],
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
        if problems[slot] == np.uint64(0) and customers[slot] != np.uint64(0) and values[as_, _CATEGORY] != 0:
            what = np.uint64(values[as_, _TENANT]) << np.uint64(32) | np.uint64(values[as_, _CATEGORY])
            problems[slot] = max(blended(customers[slot], 0) ^ blended(what, 1), np.uint64(1))
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
