"""The oracle's back office: cases, promises, quality checks, low ratings and repeated misses, slow and obviously right.

Owns the meaning of what is owed by an instant. Before each event everything that comes of itself before it is looked for among all
there is, the earliest first, and done. Shares nothing with `engine/`.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["ORDER_AT_ONE_INSTANT", "BackOffice"]

ORDER_AT_ONE_INSTANT = (
    "case.opened", "case.handed_over", "case.reported", "case.verified", "case.responded", "case.progressed",
    "case.resolved", "case.informed", "case.followed_up", "case.reviewed", "promise.made", "promise.kept", "quality.scored",
    "coaching.held",
)  # fmt: skip
BEFORE_RESOLUTION = ("case.reported", "case.verified", "case.responded", "case.progressed", "case.resolved")
AFTER_RESOLUTION = ("case.informed", "case.followed_up", "case.reviewed")
GRADES = ("ordinary", "major", "extraordinary")
URGENT = ("high", "urgent")
DAY_US = 86_400_000_000

Dimensions = tuple[str, ...]


@dataclass
class Debt:
    """Something owed since an instant, maybe by one department of several; due and warned of at instants, None for never."""

    what: str
    since_us: int
    party: str = ""
    due_us: int | None = None
    warn_us: int | None = None
    warned: bool = False
    broken: bool = False
    missed: bool = False


@dataclass
class Thing:
    """Whoever owes: a case, a promise, an agent or a contact."""

    about: str
    name: str
    said: Dimensions
    since_us: int
    debts: list[Debt] = field(default_factory=list)
    kind: str = ""
    priority: str = ""
    owner: str = ""
    department: str = ""
    contact: str = ""
    agent: str = ""
    grade: str = "ordinary"
    own_due_us: int = 0
    over_us: int | None = None
    gone_us: int | None = None
    seen_us: int = 0
    taken: set[str] = field(default_factory=set)

    def of(self, debt: Debt | None = None) -> dict[str, str]:
        """What a line may be conditional on besides dimensions."""
        if self.about != "case":
            return {"kind": self.kind}
        department = debt.party if debt and debt.what == "case_progress" else self.department
        return {"kind": self.kind, "grade": self.grade, "priority": self.priority, "department": department}

    def more(self, debt: Debt | None = None) -> tuple[tuple[str, str], ...]:
        """What its alarms say besides."""
        if self.about == "case":
            of = self.of(debt)
            told = {name: of[name] for name in ("kind", "grade", "priority")}
            told |= {"owner": self.owner, "department": of["department"]}
        else:
            told = {"kind": self.kind, "agent": self.agent, "contact": self.contact}
        return tuple((name, value) for name, value in told.items() if value)


class BackOffice:
    """Told of rows in the order of processing by the oracle, whose rules, counts and alarms it uses."""

    def __init__(self, oracle: Any, open_for: Callable[[Any, int, int], int]) -> None:
        self.oracle = oracle
        self.open_for = open_for
        self.rules = oracle.rules
        self.cases: dict[str, Thing] = {}
        self.promises: dict[str, Thing] = {}
        self.coachings: dict[tuple[str, str], Thing] = {}
        self.calls: dict[str, Thing] = {}
        self.failed: dict[str, list[int]] = defaultdict(list)
        self.misses: list[tuple[int, int, str, str, Dimensions]] = []
        self.kept: dict[str, list[tuple[int, str]]] = defaultdict(list)

    def take(self, row: Any) -> None:
        """One event, in its turn."""
        self.reach(row.rank_us)
        if row.kind.startswith("case."):
            self._case(row)
        elif row.kind.startswith("promise."):
            self._promise(row)
        elif row.kind == "quality.scored":
            self._scored(row)
        elif row.kind == "coaching.held":
            self._count("coachings", _said((), row), row.time_us)
            for key in [key for key in self.coachings if key[0] == row.event["agent"]]:
                self._settle(self.coachings.pop(key), row.rank_us, "coaching")

    def rated(self, row: Any, said: Dimensions) -> None:
        """A contact's event that its life allows."""
        self.reach(row.rank_us)
        name = row.event["contact"]
        if row.kind in ("contact.answered", "contact.reopened"):
            self._called(name, row.rank_us)
        elif row.kind == "contact.rated" and (row.event.get("csat") or 5) <= 3 and name not in self.calls:
            call = Thing("contact", name, said, row.time_us, agent=row.event.get("agent") or "")
            self._owe(call, "call_back", row.time_us)
            if call.debts[0].due_us is not None:
                self.calls[name] = call

    def _called(self, contact: str, at_us: int) -> None:
        call = self.calls.pop(contact, None)
        if call:
            self._settle(call, at_us, "call_back")

    def missed(self, place_us: int, at_us: int, contact: str, agent: str, said: Dimensions) -> None:
        """An agent's contact broke a limit. Where none is held to a number of misses, nobody takes note."""
        if any(line.limit == "misses" and line.limit_us is not None for line in self.rules.lines):
            self.misses.append((place_us, at_us, contact, agent, said))

    def adopt(self, at_us: int) -> None:
        """The oracle has other rules; what is owed moves to them."""
        self.rules = self.oracle.rules
        for case in self.cases.values():
            self._rise(case, at_us)
        for thing in [*self.cases.values(), *self.promises.values(), *self.coachings.values(), *self.calls.values()]:
            self._move(thing, at_us)
            self._rest(thing, at_us)

    def end(self, end_us: int) -> None:
        """All that comes before the end; misses then count in the order of their places."""
        self.reach(end_us)
        kept = self.kept
        known, self.misses = sorted(self.misses), []
        for place_us, at_us, contact, agent, said in known:
            if place_us >= end_us:
                self.misses.append((place_us, at_us, contact, agent, said))
                continue
            own = kept[agent] = [miss for miss in kept[agent] if place_us - miss[0] < DAY_US]
            if contact in [name for _, name in own]:
                continue
            own.append((place_us, contact))
            limit = self.rules.find("misses", said, at_us).limit_us
            if limit is not None and len(own) >= limit:
                self.oracle.tell(at_us, "misses", "broken", "agent", agent, own[0][0], said)
                kept[agent] = []

    # What comes of itself.

    def reach(self, until_us: int) -> None:
        """Everything of before that instant, the earliest first."""
        while True:
            things = [*self.cases.values(), *self.promises.values(), *self.coachings.values(), *self.calls.values()]
            coming: list[tuple[int, int, Thing, Debt | None]] = []
            for thing in things:
                rise_us = self._next_rise_us(thing)
                coming += [(at_us, 0, thing, None) for at_us in (rise_us, thing.gone_us) if at_us is not None]
                for debt in thing.debts:
                    instants = [at_us for at_us in (debt.due_us, debt.warn_us) if at_us is not None]
                    if instants and not debt.broken:
                        coming.append((min(instants), 1, thing, debt))
            coming = [entry for entry in coming if entry[0] < until_us]
            if not coming:
                return
            at_us, _, thing, debt = min(coming, key=lambda entry: entry[:2])
            if debt is not None:
                self._fall_due(thing, debt, at_us)
            elif at_us == thing.gone_us:
                del (self.cases if thing.about == "case" else self.promises)[thing.name]
            else:
                self._rise(thing, at_us)
                self._move(thing, at_us)

    def _fall_due(self, thing: Thing, debt: Debt, at_us: int) -> None:
        if debt.warn_us == at_us:
            debt.warned, debt.warn_us = True, None
            self._tell(thing, debt.what, "warned", debt.since_us, at_us, debt)
            return
        debt.broken, debt.warn_us = True, None
        self._tell(thing, debt.what, "broken", debt.since_us, at_us, debt)
        if debt.what == "case_progress":
            thing.debts.remove(debt)
            self._owe(thing, "case_progress", at_us, debt.party)
            thing.debts[-1].missed = True
        elif debt.what == "coaching":
            del self.coachings[thing.name, thing.kind]
        elif debt.what == "call_back":
            del self.calls[thing.name]
        self._rest(thing, at_us)

    def _owe(self, thing: Thing, what: str, since_us: int, party: str = "") -> None:
        debt = Debt(what, since_us, party)
        debt.due_us, debt.warn_us = self._due(thing, debt)
        thing.debts.append(debt)

    def _due(self, thing: Thing, debt: Debt) -> tuple[int | None, int | None]:
        line = self.rules.find(debt.what, thing.said, debt.since_us, thing.of(debt))
        if line.limit_us is None:
            return None, None
        limit_us = max(0, thing.own_due_us - debt.since_us) if debt.what == "promise" else line.limit_us
        due_us = self.open_for(line.hours, debt.since_us, limit_us)
        warn_us = self.open_for(line.hours, debt.since_us, limit_us // 1000 * line.permille)
        return due_us, warn_us if line.permille and warn_us < due_us else None

    def _move(self, thing: Thing, at_us: int) -> None:
        for debt in thing.debts:
            if debt.broken:
                continue
            due_us, warn_us = self._due(thing, debt)
            if due_us is not None and due_us != debt.due_us:
                due_us = max(due_us, at_us)
            if warn_us is not None:
                warn_us = max(warn_us, at_us)
                if debt.warned or warn_us >= due_us:  # type: ignore[operator]
                    warn_us = None
            debt.due_us, debt.warn_us = due_us, warn_us

    # Cases.

    def _case(self, row: Any) -> None:
        name, verb = row.event["case"], row.kind
        case = self.cases.get(name)
        if case and row.late and row.time_us < case.seen_us:
            return self._illegal("out_of_order_case")
        if case is None and verb != "case.opened":
            return self._illegal("unknown_case")
        if case and case.over_us is not None and verb not in (*AFTER_RESOLUTION, "case.handed_over"):
            return self._illegal("case_already_resolved")
        if case and case.over_us is None and verb in AFTER_RESOLUTION:
            return self._illegal("case_not_resolved")
        if case and verb == "case.opened":
            return self._illegal("case_already_open")
        is_new = case is None
        if case is None:
            case = self.cases[name] = Thing("case", name, (), row.time_us, kind=row.event.get("kind") or "")
        before = case.said, case.priority, case.department
        self._say(case, row)
        if is_new or before != (case.said, case.priority, case.department):
            self._rise(case, row.time_us)
            self._move(case, row.rank_us)
        if case.priority in URGENT and (is_new or before[1] not in URGENT):
            self._tell(case, "high_priority", "broken", case.since_us, row.time_us)
        case.seen_us = max(case.seen_us, row.time_us) if not is_new else row.time_us
        self._step(case, verb, row)
        self._rest(case, row.rank_us)
        return None

    def _say(self, case: Thing, row: Any) -> None:
        event = row.event
        case.said = _said(case.said, row)
        case.owner = event.get("owner", case.owner)
        case.contact = event.get("contact") or case.contact
        case.priority = str(event.get("priority", case.priority))
        if row.kind != "case.progressed":
            case.department = event.get("department", case.department)

    def _step(self, case: Thing, verb: str, row: Any) -> None:
        at_us = row.time_us
        if case.over_us is None:
            self._name_party(case, verb, row)
        if verb in AFTER_RESOLUTION:
            self._settle(case, row.rank_us, {"case.informed": "case_inform", "case.followed_up": "case_follow_up",
                                             "case.reviewed": "case_review"}[verb])  # fmt: skip
            if verb in ("case.informed", "case.followed_up"):
                self._called(case.contact, row.rank_us)
        if verb == "case.opened":
            self._count("cases_opened", case.said, at_us)
            if case.kind in ("complaint", "serious_complaint"):
                self._count("complaints_opened", case.said, at_us)
            for what in ("case_respond", "case_resolve", "case_report"):
                self._owe(case, what, at_us)
        if verb in ("case.responded", "case.resolved") and "responded" not in case.taken:
            case.taken.add("responded")
            self._settle(case, row.rank_us, "case_respond")
            self._count("cases_responded", case.said, at_us)
            self._count("case_respond_us", case.said, at_us, at_us - case.since_us)
        if verb == "case.reported" and "reported" not in case.taken:
            case.taken.add("reported")
            self._settle(case, row.rank_us, "case_report")
            self._owe(case, "case_verify", at_us)
        if verb == "case.verified":
            case.taken.add("reported")
            self._settle(case, row.rank_us, "case_report", "case_verify")
        if verb == "case.resolved":
            case.over_us = at_us
            self._count("cases_resolved", case.said, at_us)
            self._count("case_resolve_us", case.said, at_us, at_us - case.since_us)
            self._settle(
                case, row.rank_us, "case_respond", "case_report", "case_verify", "case_progress", "case_resolve"
            )
            for what in ("case_inform", "case_follow_up", "case_review"):
                self._owe(case, what, at_us)

    def _name_party(self, case: Thing, verb: str, row: Any) -> None:
        """Every department that was named owes progress; where none is, the case as such does."""
        reports = verb == "case.progressed"
        party = row.event.get("department", case.department) if reports else case.department
        known = [debt.party for debt in case.debts if debt.what == "case_progress"]
        if party in known and not reports:
            return
        if not party and known and known != [""]:
            return
        if party and known == [""]:
            self._settle(case, row.rank_us, "case_progress", party="")
        self._settle(case, row.rank_us, "case_progress", party=party)
        self._owe(case, "case_progress", row.time_us, party)

    def _settle(self, thing: Thing, at_us: int, *what: str, party: str | None = None) -> None:
        """No longer owed; of what was warned of or broken the end is told."""
        for debt in [debt for debt in thing.debts if debt.what in what and party in (None, debt.party)]:
            thing.debts.remove(debt)
            if debt.warned or debt.broken or debt.missed:
                self._tell(thing, debt.what, "ended", debt.since_us, at_us, debt)

    def _rest(self, thing: Thing, at_us: int) -> None:
        """A resolved case is gone some time after nothing more is owed for it."""
        if thing.about == "case" and thing.over_us is not None:
            owed = any(debt.due_us is not None and not debt.broken for debt in thing.debts)
            thing.gone_us = None if owed else at_us + self.rules.linger_us

    def _rises(self, case: Thing) -> list[tuple[int, str]]:
        known = self.rules.known(case.said, case.since_us) | case.of()
        return [
            (case.since_us + after_us, grade)
            for grade, when, after_us in self.rules.grades
            if all(known[name] in values for name, values in when.items())
        ]

    def _next_rise_us(self, thing: Thing) -> int | None:
        """When a case rises next: not before it was last looked at."""
        if thing.about != "case" or thing.over_us is not None:
            return None
        graver = [at_us for at_us, grade in self._rises(thing) if GRADES.index(grade) > GRADES.index(thing.grade)]
        return min(graver, default=None)

    def _rise(self, case: Thing, at_us: int) -> None:
        if case.over_us is not None:
            return
        reached = [grade for from_us, grade in self._rises(case) if from_us <= at_us]
        gravest = max(reached, key=GRADES.index, default="ordinary")
        if GRADES.index(gravest) > GRADES.index(case.grade):
            case.grade = gravest
            self._tell(case, "grade", "broken", case.since_us, at_us)

    # Promises, quality.

    def _promise(self, row: Any) -> None:
        name = row.event["promise"]
        promise = self.promises.get(name)
        if row.kind == "promise.made":
            if promise:
                return self._illegal("promise_already_made")
            due_us = _instant_us(row.event["due"])
            promise = self.promises[name] = Thing("promise", name, _said((), row), row.time_us, own_due_us=due_us)
            promise.contact, promise.agent = row.event.get("contact") or "", row.event.get("agent") or ""
            promise.gone_us = max(due_us, row.rank_us) + self.rules.linger_us
            self._count("promises_made", promise.said, row.time_us)
            return self._owe(promise, "promise", row.time_us)
        if promise is None:
            return self._illegal("unknown_promise")
        if promise.over_us is not None:
            return self._illegal("promise_already_kept")
        promise.said = _said(promise.said, row)
        promise.over_us, promise.gone_us = row.time_us, row.rank_us + self.rules.linger_us
        self._settle(promise, row.rank_us, "promise")
        self._count("promises_kept", promise.said, row.time_us)
        self._count("promises_kept_in_time", promise.said, row.time_us, int(row.time_us <= promise.own_due_us))
        return None

    def _scored(self, row: Any) -> None:
        event, at_us, agent, said = row.event, row.time_us, row.event["agent"], _said((), row)
        critical, other = event.get("critical_errors") or 0, event.get("other_errors") or 0
        passed = event["passed"] if event.get("passed") is not None else critical == 0
        counts = {
            "quality_checked": 1,
            "quality_passed": int(passed),
            "quality_critical": int(critical > 0),
            "critical_errors": critical,
            "other_errors": other,
        }
        for name, amount in counts.items():
            self._count(name, said, at_us, amount)
        if critical + other > 0:
            self._owe_coaching(agent, "critical" if critical else "other", said, at_us)
        if passed:
            self.failed[agent] = []
            return
        self.failed[agent].append(at_us)
        limit = self.rules.find("failed_checks", said, at_us).limit_us
        if limit is not None and len(self.failed[agent]) >= limit:
            self.oracle.tell(at_us, "failed_checks", "broken", "agent", agent, self.failed[agent][0], said)
            self.failed[agent] = []
            self._owe_coaching(agent, "failed_checks", said, at_us)

    def _owe_coaching(self, agent: str, fault: str, said: Dimensions, at_us: int) -> None:
        if (agent, fault) not in self.coachings:
            thing = Thing("agent", agent, said, at_us, kind=fault)
            self._owe(thing, "coaching", at_us)
            if thing.debts[0].due_us is not None:
                self.coachings[agent, fault] = thing

    # To the oracle.

    def _count(self, name: str, said: Dimensions, at_us: int, amount: int = 1) -> None:
        self.oracle.count(name, said, at_us, amount)

    def _tell(self, thing: Thing, what: str, step: str, since_us: int, at_us: int, debt: Debt | None = None) -> None:
        self.oracle.tell(at_us, what, step, thing.about, thing.name, since_us, thing.said, thing.more(debt))

    def _illegal(self, reason: str) -> None:
        self.oracle.illegal[reason] += 1


def _instant_us(told: str | int) -> int:
    """Milliseconds, or a text with an offset."""
    if isinstance(told, int):
        return told * 1000
    return (datetime.fromisoformat(told) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _said(before: Dimensions, row: Any) -> Dimensions:
    names = ("queue", "channel", "tenant", "region", "tier", "partner", "party", "category")
    return tuple(row.event.get(name, held) for name, held in zip(names, before or ("",) * len(names), strict=True))
