"""What is open: cases and promises as people work them off, and how many stand where (C25, C29, C30, C31).

Only reads. The first are those of high priority and of the tiers that come first, each group by the time left. Lists are
bounded; the counts are of everything. Nothing here is a figure of a window: it is what stands at one instant.
"""

from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from typing import Any

from engine.cases import HIGH_PRIORITIES, Case
from engine.duties import NEVER, Debtor, Duties, Duty
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
    states: Counter[str] = Counter()
    found = []
    for case in cases:
        if case.is_open or any(duty.due_us < NEVER for duty in case.duties):
            state = _state(case)
            states[state] += 1
            by_kind.setdefault(case.kind, Counter())[state] += 1
            parties = {duty.party for duty in case.duties if duty.party and duty.due_us < NEVER}
            for department in {case.department} | parties:
                by_department.setdefault(department, Counter())[state] += 1
            found.append(case)
    return {
        "count": len(found), **_counts(states),
        "by_kind": _largest("kind", by_kind, count), "by_department": _largest("department", by_department, count),
        "rows": [_case_row(duties, case, as_of_us) for case in _first(duties, found, count)],
    }  # fmt: skip


def promises_open(duties: Duties, promises: Iterable[Promise], as_of_us: int, count: int = ROWS_MAX) -> dict[str, Any]:
    """Promises not kept yet: the first `count`, and how many there are."""
    found = [promise for promise in promises if promise.kept_us == NEVER]
    states = Counter(_state(promise) for promise in found)
    rows = [
        {
            "promise": promise.name, "contact": promise.contact, "agent": promise.agent, **_said(duties, promise),
            "since_us": promise.since_us, "due_us": promise.due_us,
            "left_s": (promise.due_us - as_of_us) / SECOND_US, "state": _state(promise),
        }
        for promise in _first(duties, found, count)
    ]  # fmt: skip
    return {"count": len(found), **_counts(states), "rows": rows}


def _case_row(duties: Duties, case: Case, as_of_us: int) -> dict[str, Any]:
    soonest = _soonest(case)
    return {
        "case": case.name, "kind": case.kind, "grade": GRADES[case.grade], "priority": case.priority,
        "owner": case.owner, "department": case.department, "contact": case.contact, **_said(duties, case),
        "since_us": case.since_us, "state": _state(case),
        "next": soonest.commitment if soonest else None, "due_us": soonest.due_us if soonest else None,
        "left_s": (soonest.due_us - as_of_us) / SECOND_US if soonest else None, "path": _path(case, as_of_us),
    }  # fmt: skip


def _path(case: Case, as_of_us: int) -> list[dict[str, Any]]:
    """Each department that has held the case, until the next one got it or the case was resolved, and for how long."""
    ends_us = [since_us for _, since_us in case.path[1:]]
    ends_us.append(as_of_us if case.is_open else max(case.resolved_us, case.path[-1][1]))
    return [
        {"department": department, "since_us": since_us, "held_s": max(0, end_us - since_us) / SECOND_US}
        for (department, since_us), end_us in zip(case.path, ends_us, strict=True)
    ]


def _state(debtor: Debtor) -> str:
    if any(duty.broken or duty.missed for duty in debtor.duties):
        return "overdue"
    if any(duty.warned for duty in debtor.duties):
        return "near_limit"
    begun = isinstance(debtor, Case) and debtor.is_begun
    return "in_progress" if begun else "open"


def _soonest(debtor: Debtor) -> Duty | None:
    """What is due first, what is overdue included."""
    limited = [duty for duty in debtor.duties if duty.due_us < NEVER]
    return min(limited, key=lambda duty: duty.due_us, default=None)


def _first(duties: Duties, debtors: list[Any], count: int) -> list[Any]:
    """High priority and the first tiers before others, then by the time left, then by name."""
    tiers: dict[int, bool] = {}

    def place(debtor: Any) -> tuple[bool, int, str]:
        if debtor.combination not in tiers:
            tiers[debtor.combination] = duties.values(debtor.combination)[_TIER] in FIRST_TIERS
        comes_first = tiers[debtor.combination] or getattr(debtor, "priority", "") in HIGH_PRIORITIES
        soonest = _soonest(debtor)
        return not comes_first, soonest.due_us if soonest else NEVER, debtor.name

    return nsmallest(count, debtors, key=place)


def _said(duties: Duties, debtor: Debtor) -> dict[str, str]:
    """The dimensions of which something is known."""
    return {name: value for name, value in zip(DIMENSIONS, duties.values(debtor.combination), strict=True) if value}


def _counts(states: Counter[str]) -> dict[str, int]:
    return {state: states[state] for state in STATES}


def _largest(name: str, groups: dict[str, Counter[str]], count: int) -> list[dict[str, Any]]:
    chosen = nsmallest(count, groups.items(), key=lambda group: (-group[1].total(), group[0]))
    return [{name: value, **_counts(states)} for value, states in chosen]
