"""Quality checks and the coaching that they make due (C36 to C39).

Owns how many checks each agent has failed in a row, and the coaching that is owed to each. The law: of one kind of fault an
agent is owed one coaching at a time, the earliest, and a coaching that is held settles all.
"""

from typing import ClassVar

from engine.alarms import BROKEN
from engine.cases import Step
from engine.columns import OTHER
from engine.duties import Conditions, Debtor, Duties, Duty

__all__ = ["FAULTS", "Coaching", "Quality"]

#: What makes coaching due, as lines of `coaching` name it by `kind`: a check with a critical error, one with other errors only,
#: and too many failed in a row.
FAULTS = ("critical", "other", "failed_checks")


class Coaching(Debtor):
    """What an agent is owed for one kind of fault."""

    about: ClassVar[str] = "agent"
    kind: str = ""

    def conditions(self, duty: Duty | None = None) -> Conditions:
        """The kind of fault."""
        return self.kind, "", "", ""

    def more(self, duty: Duty | None = None) -> tuple[tuple[str, str], ...]:
        """The kind of fault."""
        return (("kind", self.kind),) if self.kind else ()


class Quality:
    """By agent: `runs`, how many checks were failed since the last one passed, and since when; `coachings` by agent and kind of
    fault. Both are bounded by the agents there are; those beyond `agents_max` cannot be told apart and are only counted."""

    def __init__(self, duties: Duties) -> None:
        self.duties = duties
        self.runs: dict[str, tuple[int, int]] = {}
        self.coachings: dict[tuple[str, str], Coaching] = {}

    def scored(self, step: Step) -> None:
        """A check. One that does not say whether it was passed was, unless it found a critical error."""
        as_, at_us, told = self.duties.said(0, step.said), step.time_us, step.told
        critical, other = told.critical_errors or 0, told.other_errors or 0
        passed = not critical if told.passed is None else told.passed
        for name, amount in (("quality_checked", 1), ("quality_passed", int(passed)), ("quality_critical", int(critical > 0)),
                             ("critical_errors", critical), ("other_errors", other)):  # fmt: skip
            if amount:
                self.duties.count(name, as_, at_us, amount)
        if step.agent != OTHER:
            if critical or other:
                self._owe("critical" if critical else "other", step, as_)
            self._row(step, passed, as_)

    def _row(self, step: Step, passed: bool, as_: int) -> None:
        """Counts failed checks in a row; the one that reaches the limit is raised, and the count begins anew."""
        failed, since_us = self.runs.pop(step.agent, (0, step.time_us))
        if passed:
            return
        line = self.duties.line("failed_checks", as_, ("", "", "", ""), step.time_us)
        if line and failed + 1 >= line.limit_us:
            self.duties.say(BROKEN, "failed_checks", Coaching(step.agent, as_), since_us, step.time_us)
            self._owe("failed_checks", step, as_)
        else:
            self.runs[step.agent] = failed + 1, since_us

    def _owe(self, kind: str, step: Step, as_: int) -> None:
        if (step.agent, kind) not in self.coachings:
            coaching = Coaching(step.agent, as_, step.said, kind=kind)
            if self.duties.start(coaching, "coaching", step.time_us).is_owed:
                self.coachings[step.agent, kind] = coaching

    def held(self, step: Step) -> None:
        """A coaching was held."""
        self.duties.count("coachings", self.duties.said(0, step.said), step.time_us)
        for kind in FAULTS:
            coaching = self.coachings.pop((step.agent, kind), None)
            if coaching:
                self.duties.end(coaching, step.rank_us, "coaching")

    def came(self, at_us: int, coaching: Coaching, duty: Duty | None) -> None:
        """A coaching was not held in time; the next fault makes one due again."""
        del self.coachings[coaching.name, coaching.kind]

    def adopt(self, at_us: int) -> None:
        """Another policy holds."""
        for coaching in self.coachings.values():
            self.duties.move(coaching, at_us)
