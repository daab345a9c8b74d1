"""Cases: complaints, outages, work orders; which step is legal when, what each begins and ends, and how grave a case has become.

Owns the life of a case as tables, and what is remembered of each that is open or resolved. Never knows when something is
due: see `engine.duties`. The law: an illegal step is counted by its reason and changes nothing; a case is forgotten only when it is
resolved and nothing is owed for it any more.
"""

from collections import Counter
from typing import ClassVar, NamedTuple

import msgspec

from engine.alarms import BROKEN
from engine.duties import NEVER, Conditions, Debtor, Duties, Duty
from engine.events import Details
from engine.policy import GRADES

__all__ = ["HIGH_PRIORITIES", "STEPS", "Case", "Cases", "Step"]

#: Priorities of which the owner is told at once (C30).
HIGH_PRIORITIES = ("high", "urgent")
_COMPLAINTS = ("complaint", "serious_complaint")
_PROGRESS = "case_progress"


#: Where a case is.
UNKNOWN, OPEN, RESOLVED = range(3)

#: Event -> phase before -> phase after. What is not here is illegal, counted, and changes nothing. A step taken again is legal
#: and begins and ends nothing more. In the order in which the steps of one instant are taken.
STEPS: dict[str, dict[int, int]] = {
    "case.opened": {UNKNOWN: OPEN},
    "case.handed_over": {OPEN: OPEN, RESOLVED: RESOLVED},
    "case.reported": {OPEN: OPEN},
    "case.verified": {OPEN: OPEN},
    "case.responded": {OPEN: OPEN},
    "case.progressed": {OPEN: OPEN},
    "case.resolved": {OPEN: RESOLVED},
    "case.informed": {RESOLVED: RESOLVED},
    "case.followed_up": {RESOLVED: RESOLVED},
    "case.reviewed": {RESOLVED: RESOLVED},
}
#: What a step begins and what it ends, of what is owed.
_BEGINS = {
    "case.opened": ("case_respond", "case_resolve", "case_report"), "case.reported": ("case_verify",),
    "case.resolved": ("case_inform", "case_follow_up", "case_review"),
}  # fmt: skip
_ENDS = {
    "case.reported": ("case_report",), "case.verified": ("case_report", "case_verify"),
    "case.responded": ("case_respond",),
    "case.resolved": ("case_respond", "case_resolve", "case_report", "case_verify", _PROGRESS),
    "case.informed": ("case_inform",), "case.followed_up": ("case_follow_up",), "case.reviewed": ("case_review",),
}  # fmt: skip
#: Who took the one step need not take the other.
_IMPLIES = {"case.verified": "case.reported", "case.resolved": "case.responded"}


def _why_illegal(kind: str, phase: int) -> str:
    if phase == UNKNOWN:
        return "unknown_case"
    if phase == RESOLVED:
        return "case_already_resolved"
    return "case_already_open" if kind == "case.opened" else "case_not_resolved"


class Step(NamedTuple):
    """One event in its place: what happened when, `rank_us` where it stands in the order of processing."""

    kind: str
    time_us: int
    rank_us: int
    late: bool
    said: int
    agent: str
    told: Details


class Case(Debtor):
    """One case. `path`: each department that has held it, and since when; `done` the steps taken; `grade` an index into
    `GRADES`; `resolved_us` is `NEVER` while it is open."""

    about: ClassVar[str] = "case"
    kind: str = ""
    since_us: int = 0
    seen_us: int = 0
    resolved_us: int = NEVER
    grade: int = 0
    priority: str = ""
    owner: str = ""
    department: str = ""
    contact: str = ""
    path: list[tuple[str, int]] = msgspec.field(default_factory=list)
    done: list[str] = msgspec.field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Not resolved yet."""
        return self.resolved_us == NEVER

    @property
    def is_begun(self) -> bool:
        """Somebody has done something about it."""
        return any(kind not in ("case.opened", "case.handed_over") for kind in self.done)

    def conditions(self, duty: Duty | None = None) -> Conditions:
        """Of what one department owes, it is that department which counts."""
        department = duty.party if duty and duty.commitment == _PROGRESS else self.department
        return self.kind, GRADES[self.grade], self.priority, department

    def more(self, duty: Duty | None = None) -> tuple[tuple[str, str], ...]:
        """Who is to be told, and how urgently."""
        kind, grade, priority, department = self.conditions(duty)
        told = (
            ("kind", kind),
            ("grade", grade),
            ("priority", priority),
            ("owner", self.owner),
            ("department", department),
        )
        return tuple(pair for pair in told if pair[1])


class Cases:
    """Cases by name. Past `cases_max` a new one is refused; past `path_max` departments of a case the earliest is left out of its
    path, and a further one owes no progress. Both are counted."""

    def __init__(self, duties: Duties, linger_us: int, cases_max: int, path_max: int) -> None:
        self.duties = duties
        self.linger_us = linger_us
        self.cases_max = cases_max
        self.path_max = path_max
        self.cases: dict[str, Case] = {}
        self.illegal: Counter[str] = Counter()
        self.refused_count = 0
        self.cut_count = 0

    def take(self, step: Step) -> Case | None:
        """Takes one event; returns its case, None where it was illegal or refused."""
        name = step.told.case or ""
        case = self.cases.get(name)
        if case and step.late and step.time_us < case.seen_us:
            self.illegal["out_of_order_case"] += 1
            return None
        phase = UNKNOWN if case is None else OPEN if case.is_open else RESOLVED
        after = STEPS[step.kind].get(phase)
        if after is None:
            self.illegal[_why_illegal(step.kind, phase)] += 1
            return None
        if case is None:
            if len(self.cases) >= self.cases_max:
                self.refused_count += 1
                return None
            case = self.cases[name] = Case(name, kind=step.told.kind or "", since_us=step.time_us, seen_us=step.time_us)
        was_high = case.priority in HIGH_PRIORITIES
        department = case.department if case.path else None
        if self._say(case, step) or phase == UNKNOWN:
            self._rise(case, step.time_us)
            self.duties.move(case, step.rank_us)
        if case.priority in HIGH_PRIORITIES and not was_high:
            self.duties.say(BROKEN, "high_priority", case, case.since_us, step.time_us)
        if phase == UNKNOWN:
            self._count_opened(case, step.time_us)
        case.seen_us = max(case.seen_us, step.time_us)
        if case.is_open and step.kind == "case.progressed":
            self._party(case, case.department if step.told.department is None else step.told.department, step)
        elif case.is_open and case.department != department:
            self._party(case, case.department, step)
        if step.kind not in case.done:
            self._do(case, step)
        self._rest(case, step.rank_us)
        return case

    def _count_opened(self, case: Case, at_us: int) -> None:
        self.duties.count("cases_opened", case.combination, at_us)
        if case.kind in _COMPLAINTS:
            self.duties.count("complaints_opened", case.combination, at_us)

    def _say(self, case: Case, step: Step) -> bool:
        """What the event says of its case holds from now on; whether limits may be others by that."""
        before = case.combination, case.priority, case.department
        if step.said and step.said != case.said:
            case.said = step.said
            case.combination = self.duties.said(case.combination, step.said)
        told = step.told
        case.owner = case.owner if told.owner is None else told.owner
        case.contact = told.contact or case.contact
        case.priority = case.priority if told.priority is None else str(told.priority)
        # Who reports progress is named, and gets nothing handed over.
        if told.department is not None and step.kind != "case.progressed":
            case.department = told.department
        if not case.path or case.path[-1][0] != case.department:
            case.path.append((case.department, step.time_us))
            if len(case.path) > self.path_max:
                del case.path[0]
                self.cut_count += 1
        return before != (case.combination, case.priority, case.department)

    def _do(self, case: Case, step: Step) -> None:
        """Ends and begins what is owed, each once."""
        kind = step.kind
        responds = kind in ("case.responded", "case.resolved") and "case.responded" not in case.done
        case.done += [kind, _IMPLIES.get(kind, kind)]
        if kind in _ENDS:
            self.duties.end(case, step.rank_us, *_ENDS[kind])
        if responds:
            self.duties.count("cases_responded", case.combination, step.time_us)
            self.duties.count("case_respond_us", case.combination, step.time_us, step.time_us - case.since_us)
        if kind == "case.resolved":
            case.resolved_us = step.time_us
            self.duties.count("cases_resolved", case.combination, step.time_us)
            self.duties.count("case_resolve_us", case.combination, step.time_us, step.time_us - case.since_us)
        if not (kind == "case.reported" and "case.verified" in case.done):
            for commitment in _BEGINS.get(kind, ()):
                self.duties.start(case, commitment, step.time_us)

    def _party(self, case: Case, department: str, step: Step) -> None:
        """A department that is named for the first time owes progress from then on; one that reports it, anew. While none is
        named the case as such owes it."""
        parties = {duty.party for duty in case.duties if duty.commitment == _PROGRESS}
        if department in parties:
            if step.kind != "case.progressed":
                return
        elif parties and not department:
            return
        elif len(parties) >= self.path_max:
            self.cut_count += 1
            return
        self.duties.end(case, step.rank_us, _PROGRESS, party=department)
        if parties == {""}:
            self.duties.end(case, step.rank_us, _PROGRESS)
        self.duties.start(case, _PROGRESS, step.time_us, department)

    def _rise(self, case: Case, at_us: int) -> None:
        """Raises an open case to the gravest grade that it has come to by an instant, and looks again at the next one."""
        if not case.is_open:
            return
        found = [
            (case.since_us + rule.after_us, GRADES.index(rule.grade))
            for rule in self.duties.rises(case.combination, case.conditions(), case.since_us)
        ]
        grade = max((grade for from_us, grade in found if from_us <= at_us), default=0)
        if grade > case.grade:
            case.grade = grade
            self.duties.say(BROKEN, "grade", case, case.since_us, at_us)
        self.duties.look(case, min((us for us, grade in found if us > at_us and grade > case.grade), default=NEVER))

    def came(self, at_us: int, case: Case, duty: Duty | None) -> None:
        """An instant came: a duty was broken, or the case is to be looked at."""
        if duty is None and not case.is_open:
            del self.cases[case.name]
            return
        if duty is None:
            self._rise(case, at_us)
            self.duties.move(case, at_us)
        elif duty.commitment == _PROGRESS:
            self.duties.drop(case, _PROGRESS, party=duty.party)
            self.duties.start(case, _PROGRESS, at_us, duty.party).missed = True
        self._rest(case, at_us)

    def _rest(self, case: Case, at_us: int) -> None:
        """A resolved case for which nothing is owed is forgotten later; one for which something is, is kept."""
        if not case.is_open:
            owed = any(duty.is_owed for duty in case.duties)
            self.duties.look(case, NEVER if owed else at_us + self.linger_us)

    def adopt(self, at_us: int) -> None:
        """Another policy holds."""
        for case in self.cases.values():
            self._rise(case, at_us)
            self.duties.move(case, at_us)
            self._rest(case, at_us)
