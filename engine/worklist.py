"""What is open: cases and promises as people work them off, and how many stand where (C25, C29, C30, C31).

Only reads. The first are those of high priority and of the tiers that come first, each group by the time left. Lists are
bounded; the counts are of everything. Nothing here is a figure of a window: it is what stands at one instant.
"""

from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from typing import Any, NamedTuple

from engine.cases import HIGH_PRIORITIES, Case
from engine.duties import NEVER, Debtor, Duties
from engine.events import DIMENSIONS
from engine.policy import GRADES
from engine.promises import Promise
from engine.times import SECOND_US

__all__ = ["FIRST_TIERS", "ROWS_MAX", "STATES", "cases_open", "promises_open"]

ROWS_MAX = 100
#: Tiers that come first on every list (C49).
FIRST_TIERS = ("ka", "vip")
#: Where a case stands, the worst last.
STATES = ("open", "in_progress", "near_limit", "overdue")
_TIER = DIMENSIONS.index("tier")


def cases_open(duties: Duties, cases: Iterable[Case], as_of_us: int, count: int = ROWS_MAX) -> dict[str, Any]:
    """Cases that are not resolved, and resolved ones for which something is owed: the first `count`, and how many stand where,
    by kind and by department. A joint order counts for each department that owes progress."""
    by_kind: dict[str, Counter[str]] = {}
    by_department: dict[str, Counter[str]] = {}
    standings = [standing for case in cases if (standing := _standing(duties, case)).next or case.is_open]
    for standing in standings:
        by_kind.setdefault(standing.debtor.kind, Counter())[standing.state] += 1
        for department in {standing.debtor.department, *standing.parties}:
            by_department.setdefault(department, Counter())[standing.state] += 1
    return {
        **_counts(standings),
        "by_kind": _largest("kind", by_kind, count), "by_department": _largest("department", by_department, count),
        "rows": [_case_row(duties, standing, as_of_us) for standing in nsmallest(count, standings)],
    }  # fmt: skip


def promises_open(duties: Duties, promises: Iterable[Promise], as_of_us: int, count: int = ROWS_MAX) -> dict[str, Any]:
    """Promises not kept yet: the first `count`, and how many there are."""
    standings = [_standing(duties, promise) for promise in promises if promise.kept_us == NEVER]
    rows = [_promise_row(duties, standing, as_of_us) for standing in nsmallest(count, standings)]
    return {**_counts(standings), "rows": rows}


class _Standing(NamedTuple):
    """Where one stands; sorts as lists do: high priority and the first tiers before others, then by what is due first, what is
    overdue included, then by name."""

    comes_later: bool
    due_us: int
    name: str
    debtor: Any
    state: str
    next: str
    parties: set[str]


def _standing(duties: Duties, debtor: Case | Promise) -> _Standing:
    due_us, next_, is_overdue, is_warned, parties = NEVER, "", False, False, set()
    for duty in debtor.duties:
        if duty.due_us < NEVER:
            if duty.due_us < due_us:
                due_us, next_ = duty.due_us, duty.commitment
            is_overdue |= duty.broken or duty.missed
            is_warned |= duty.warned
            if duty.party:
                parties.add(duty.party)
    comes_first = duties.values(debtor.combination)[_TIER] in FIRST_TIERS
    is_begun = False
    if isinstance(debtor, Case):
        comes_first |= debtor.priority in HIGH_PRIORITIES
        is_begun = debtor.is_begun
    state = "overdue" if is_overdue else "near_limit" if is_warned else "in_progress" if is_begun else "open"
    return _Standing(not comes_first, due_us, debtor.name, debtor, state, next_, parties)


def _case_row(duties: Duties, standing: _Standing, as_of_us: int) -> dict[str, Any]:
    case = standing.debtor
    limited = standing.due_us < NEVER
    return {
        "case": case.name, "kind": case.kind, "grade": GRADES[case.grade], "priority": case.priority,
        "owner": case.owner, "department": case.department, "contact": case.contact, **_said(duties, case),
        "since_us": case.since_us, "state": standing.state, "next": standing.next or None,
        "due_us": standing.due_us if limited else None,
        "left_s": (standing.due_us - as_of_us) / SECOND_US if limited else None, "path": _path(case, as_of_us),
    }  # fmt: skip


def _promise_row(duties: Duties, standing: _Standing, as_of_us: int) -> dict[str, Any]:
    promise = standing.debtor
    return {
        "promise": promise.name, "contact": promise.contact, "agent": promise.agent, **_said(duties, promise),
        "since_us": promise.since_us, "state": standing.state, "due_us": promise.due_us,
        "left_s": (promise.due_us - as_of_us) / SECOND_US,
    }  # fmt: skip


def _path(case: Case, as_of_us: int) -> list[dict[str, Any]]:
    """Each department that has held the case, until the next one got it or the case was resolved, and for how long."""
    ends_us = [since_us for _, since_us in case.path[1:]]
    ends_us.append(as_of_us if case.is_open else max(case.resolved_us, case.path[-1][1]))
    return [
        {"department": department, "since_us": since_us, "held_s": max(0, end_us - since_us) / SECOND_US}
        for (department, since_us), end_us in zip(case.path, ends_us, strict=True)
    ]


def _said(duties: Duties, debtor: Debtor) -> dict[str, str]:
    """The dimensions of which something is known."""
    return {name: value for name, value in zip(DIMENSIONS, duties.values(debtor.combination), strict=True) if value}


def _counts(standings: list[_Standing]) -> dict[str, int]:
    states = Counter(standing.state for standing in standings)
    return {"count": len(standings)} | {state: states[state] for state in STATES}


def _largest(name: str, groups: dict[str, Counter[str]], count: int) -> list[dict[str, Any]]:
    chosen = nsmallest(count, groups.items(), key=lambda group: (-group[1].total(), group[0]))
    return [{name: value, **{state: states[state] for state in STATES}} for value, states in chosen]
