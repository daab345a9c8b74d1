"""What is owed by an instant: duties, when each is due and warned of, and the order in which their instants come.

Owns what is raised at an instant, and the heap of all instants to come. Never knows what begins or ends a duty: see
`engine.cases`, `engine.promises`, `engine.quality` and `engine.ratings`. The law: a duty is raised once, at the instant itself,
and what is done later repairs nothing; when what holds changes, it moves to the limit that holds now, as clocks of contacts do.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import count
from typing import ClassVar

import msgspec
import numpy as np

from engine.alarms import BROKEN, ENDED, WARNED, Alarm
from engine.columns import Combinations
from engine.events import DIMENSIONS
from engine.facts import FIELD, Facts
from engine.hours import WorkingClock
from engine.policy import COMMITMENTS, DUE_US, NO_LIMIT_US, OF_CASES, Grade, Line, Policy

__all__ = ["NEVER", "Conditions", "Debtor", "Duties", "Duty"]

NEVER = 2**62
#: Kind, grade, priority and department, as `OF_CASES` has them.
Conditions = tuple[str, str, str, str]
#: Lines found that are remembered; it only saves time.
_FOUND_MAX = 100_000
#: Two things of one instant: first what changes what holds, then what is due.
_LOOK, _DUE = 0, 1


class Duty(msgspec.Struct, gc=False):
    """One thing that is owed. `due_us` stays as it was once the duty is `broken`, and is `NEVER` where nothing limits it;
    `warn_us` is `NEVER` when no warning is to come. `party` is the department that owes it, where several do; `missed` says that it
    was broken before and has begun anew."""

    commitment: str
    since_us: int
    party: str = ""
    due_us: int = NEVER
    warn_us: int = NEVER
    warned: bool = False
    broken: bool = False
    missed: bool = False

    @property
    def is_owed(self) -> bool:
        """Whether an instant is still to come by which it is due."""
        return not self.broken and self.due_us < NEVER


class Debtor(msgspec.Struct, gc=False):
    """What duties hang on. `look_us` is the next instant at which something else happens to it by itself, `NEVER` for none;
    `due_us` the instant that it names itself."""

    about: ClassVar[str] = ""
    name: str
    combination: int = 0
    said: int = 0
    duties: list[Duty] = msgspec.field(default_factory=list)
    look_us: int = NEVER
    due_us: int = NEVER

    def conditions(self, duty: Duty | None = None) -> Conditions:
        """What lines may be conditional on besides dimensions and period."""
        return "", "", "", ""

    def more(self, duty: Duty | None = None) -> tuple[tuple[str, str], ...]:
        """What an alarm says besides."""
        return ()


class Duties:
    """All that is owed. `alarms` and `counts` (field, combination, instant, amount) wait until they are handed over."""

    def __init__(self, combinations: Combinations, policy: Policy) -> None:
        self.combinations = combinations
        self.alarms: list[Alarm] = []
        self.counts: list[tuple[int, int, int, int]] = []
        self._values: dict[int, tuple[str, ...]] = {}
        self._after_said: dict[tuple[int, int], int] = {}
        self._heap: list[tuple[int, int, int, Debtor, Duty | None]] = []
        self._heap_max = 1024
        self._serial = count()
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        """Another policy holds from now on; whoever owes something must be moved."""
        self.policy = policy
        bounds = sorted((period.start_us, period.end_us, period.name) for period in policy.periods)
        self._bounds_us = [instant for start_us, end_us, _ in bounds for instant in (start_us, end_us)]
        self._periods = ["", *(name for _, _, period in bounds for name in (period, ""))]
        self._clocks = {name: WorkingClock(hours) for name, hours in policy.hours.items()}
        self._lines: dict[tuple[str, int, Conditions, str], Line | None] = {}
        self._rises: dict[tuple[int, Conditions, str], tuple[Grade, ...]] = {}

    # What holds.

    def line(self, commitment: str, combination: int, conditions: Conditions, at_us: int) -> Line | None:
        """The policy's line for a clock that begins, or for what happens, at an instant."""
        period = self._periods[bisect_right(self._bounds_us, at_us)]
        key = commitment, combination, conditions, period
        if key not in self._lines:
            if len(self._lines) >= _FOUND_MAX:
                self._lines.clear()
            self._lines[key] = self.policy.find(commitment, self._facts(combination, conditions, period))
        return self._lines[key]

    def rises(self, combination: int, conditions: Conditions, at_us: int) -> tuple[Grade, ...]:
        """The rules by which a case of these values that began at an instant rises."""
        period = self._periods[bisect_right(self._bounds_us, at_us)]
        key = combination, conditions, period
        if key not in self._rises:
            if len(self._rises) >= _FOUND_MAX:
                self._rises.clear()
            facts = self._facts(combination, conditions, period)
            self._rises[key] = tuple(rule for rule in self.policy.grades if rule.holds(facts))
        return self._rises[key]

    def _facts(self, combination: int, conditions: Conditions, period: str) -> Mapping[str, str]:
        values = zip(DIMENSIONS, self.values(combination), strict=True)
        return dict(values) | dict(zip(OF_CASES, conditions, strict=True)) | {"period": period}

    def values(self, combination: int) -> tuple[str, ...]:
        """The texts of a combination, in the order of `DIMENSIONS`."""
        found = self._values.get(combination)
        if found is None:
            codes = self.combinations.values[combination].tolist()
            found = tuple(names.texts[code] for code, names in zip(codes, self.combinations.names, strict=True))
            self._values[combination] = found
        return found

    def said(self, combination: int, said: int) -> int:
        """The combination after a said."""
        key = combination, said
        if key not in self._after_said:
            if len(self._after_said) >= _FOUND_MAX:
                self._after_said.clear()
            self._after_said[key] = self.combinations.learn(combination, said)
        return self._after_said[key]

    # What begins, moves and ends.

    def start(self, debtor: Debtor, commitment: str, since_us: int, party: str = "") -> Duty:
        """Something is owed from now on."""
        duty = Duty(commitment, since_us, party)
        debtor.duties.append(duty)
        self._reckon(debtor, duty)
        self._note(debtor, duty)
        return duty

    def move(self, debtor: Debtor, at_us: int) -> None:
        """Holds what is owed to the limits that hold from `at_us` on: what is over by then is due then, and nobody is warned
        twice."""
        for duty in debtor.duties:
            if not duty.broken:
                before_us = duty.due_us
                self._reckon(debtor, duty)
                if duty.due_us != before_us:
                    duty.due_us = max(duty.due_us, at_us)
                duty.warn_us = max(duty.warn_us, at_us)
                if duty.warned or duty.warn_us >= duty.due_us:
                    duty.warn_us = NEVER
                self._note(debtor, duty)

    def end(self, debtor: Debtor, at_us: int, *commitments: str, party: str | None = None) -> None:
        """Nothing of these is owed any more, of one party only where it is named; what was warned of or broken is over."""
        for duty in self.drop(debtor, *commitments, party=party):
            if duty.warned or duty.broken or duty.missed:
                self.say(ENDED, duty.commitment, debtor, duty.since_us, at_us, duty)

    def drop(self, debtor: Debtor, *commitments: str, party: str | None = None) -> list[Duty]:
        """Forgets duties, as `end` does, and tells nobody; returns them."""
        gone = [duty for duty in debtor.duties if duty.commitment in commitments and party in (None, duty.party)]
        for duty in gone:
            duty.due_us = duty.warn_us = NEVER
        debtor.duties = [duty for duty in debtor.duties if duty not in gone]
        return gone

    def look(self, debtor: Debtor, at_us: int) -> None:
        """Has `step` come back with the debtor at an instant, instead of any other."""
        if debtor.look_us != at_us:
            debtor.look_us = at_us
            if at_us < NEVER:
                self._push(at_us, _LOOK, debtor, None)

    def _reckon(self, debtor: Debtor, duty: Duty) -> None:
        duty.due_us = duty.warn_us = NEVER
        line = self.line(duty.commitment, debtor.combination, debtor.conditions(duty), duty.since_us)
        if line is None or line.limit_us == NO_LIMIT_US:
            return
        limit_us = max(0, debtor.due_us - duty.since_us) if line.limit_us == DUE_US else line.limit_us
        duty.due_us = self._after(line.hours, duty.since_us, limit_us)
        if line.warn_permille:
            duty.warn_us = self._after(line.hours, duty.since_us, limit_us // 1000 * line.warn_permille)
            if duty.warn_us >= duty.due_us:
                duty.warn_us = NEVER

    def _after(self, hours: str, since_us: int, budget_us: int) -> int:
        return int(self._clocks[hours].due_us(since_us, budget_us)) if hours else since_us + budget_us

    def _note(self, debtor: Debtor, duty: Duty) -> None:
        at_us = min(duty.warn_us, duty.due_us)
        if at_us < NEVER:
            self._push(at_us, _DUE, debtor, duty)

    def _push(self, at_us: int, order: int, debtor: Debtor, duty: Duty | None) -> None:
        if len(self._heap) >= self._heap_max:
            # Instants that were moved or ended lie about until they would have come.
            self._heap = [entry for entry in self._heap if _stands(entry[0], entry[3], entry[4])]
            heapify(self._heap)
            self._heap_max = 2 * len(self._heap) + 1024
        heappush(self._heap, (at_us, order, next(self._serial), debtor, duty))

    # What happens by itself.

    @property
    def next_us(self) -> int:
        """No instant comes before this one."""
        return self._heap[0][0] if self._heap else NEVER

    def step(self, until_us: int) -> Iterator[tuple[int, Debtor, Duty | None]]:
        """What happens before an instant, one after another: warnings and breaches are raised, and of breaches, and of what was
        to be looked at (no duty), is told. What is begun meanwhile comes in its turn."""
        while self._heap and self._heap[0][0] < until_us:
            at_us, _, _, debtor, duty = heappop(self._heap)
            if not _stands(at_us, debtor, duty):
                continue
            if duty is None:
                debtor.look_us = NEVER
                yield at_us, debtor, None
            elif at_us == duty.warn_us:
                duty.warned, duty.warn_us = True, NEVER
                self.say(WARNED, duty.commitment, debtor, duty.since_us, at_us, duty)
                self._note(debtor, duty)
            else:
                duty.broken, duty.warn_us = True, NEVER
                self.say(BROKEN, duty.commitment, debtor, duty.since_us, at_us, duty)
                yield at_us, debtor, duty

    def say(
        self, step: str, commitment: str, debtor: Debtor, since_us: int, at_us: int, duty: Duty | None = None
    ) -> None:
        """An alarm about a debtor."""
        values = self.values(debtor.combination)
        self.alarms.append(
            Alarm(at_us, commitment, step, debtor.about, debtor.name, since_us, values, debtor.more(duty))
        )
        if commitment in COMMITMENTS and step != ENDED:
            self.count("warnings" if step == WARNED else "breaches", debtor.combination, at_us)
            if step == BROKEN:
                self.count(f"{commitment}_breaches", debtor.combination, at_us)

    def count(self, name: str, combination: int, at_us: int, amount: int = 1) -> None:
        """An amount of a field."""
        self.counts.append((FIELD[name], combination, at_us, amount))

    def hand_over(self, facts: Facts) -> list[Alarm]:
        """Moves what was counted to the facts and returns what was raised."""
        if self.counts:
            facts.amounts.append(np.array(self.counts, np.int64).T)
        alarms, self.alarms, self.counts = self.alarms, [], []
        return alarms

    def restore(self, debtors: Iterator[Debtor]) -> None:
        """Makes the heap of what was saved."""
        for debtor in debtors:
            if debtor.look_us < NEVER:
                self._push(debtor.look_us, _LOOK, debtor, None)
            for duty in debtor.duties:
                if not duty.broken:
                    self._note(debtor, duty)


def _stands(at_us: int, debtor: Debtor, duty: Duty | None) -> bool:
    """Whether an instant of the heap is still one at which something happens."""
    if duty is None:
        return debtor.look_us == at_us
    return not duty.broken and at_us in (duty.warn_us, duty.due_us)
