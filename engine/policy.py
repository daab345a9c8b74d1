"""What is promised: the policy's lines, and which of them holds for a contact.

A line gives one *limit* (how long a clock may run, how often something may happen) for the contacts that its conditions
describe. Of the lines that describe a contact the most specific holds: the one with more conditions, and of as many the one
whose conditions come first in `CONDITIONS`. Settings only, frozen and checked when made; nothing here is ever measured.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations as pairs_of
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.calendars import Calendars
from engine.columns import Combinations
from engine.definitions import MEASURES_MAX, Measure
from engine.errors import InvalidSetting
from engine.hours import Hours
from engine.matching import Matcher
from engine.times import MINUTE_US, SECOND_US, iso

if TYPE_CHECKING:  # Conditions know fields, and fields know the commitments of here.
    from engine.conditions import Condition

__all__ = [
    "CLOCKS",
    "COMMITMENTS",
    "CONDITIONS",
    "CONTACT_LIMITS",
    "COUNTS",
    "DUE_US",
    "DUTIES",
    "GRADES",
    "LIMITS",
    "NO_LIMIT_US",
    "OF_CASES",
    "WARN_PERMILLE",
    "Grade",
    "Limits",
    "Line",
    "Period",
    "Policy",
    "Tables",
    "line",
]

#: Clocks of a contact, each with a deadline: its limit is how long it may run. `wait`: each wait, until an answer or another
#: end of it (C3, C6). `first_reply`: from the customer's first message to any reply, a bot's or an automatic one included
#: (C1). `first_human_reply`: from when a customer who has written waits for a person or has one, to a person's first
#: reply (C1); who is content with a bot starts none. `next_reply`: each turn of the customer after that, to a person's
#: reply (C2). `announcement`: while waiting, to the next announcement (C4); begins again whenever it has run out.
#: `automatic_reply`: from the customer's first message, where it comes outside of the line's hours, to any reply (C5).
CLOCKS = ("wait", "first_reply", "first_human_reply", "next_reply", "announcement", "automatic_reply")
#: What happens to a contact or an agent too often: the limit is a number, and the event that reaches it breaks it.
#: `transfers` of one contact (C7); its closings `unresolved` (C13); contacts of one customer for one problem, `repeats` (C14);
#: an agent's `failed_checks` in a row (C39); an agent's contacts with a broken limit, `misses` in a day (C46).
COUNTS = ("transfers", "unresolved", "repeats", "failed_checks", "misses")
#: What somebody owes by an instant, beside replies to contacts: to a case (C16 to C28), to whom something was promised
#: (C12), to an agent after an error (C38), to a customer after a bad rating (C40).
DUTIES = ("case_respond", "case_resolve", "case_report", "case_verify", "case_progress", "case_inform", "case_follow_up",
          "case_review", "promise", "coaching", "call_back")  # fmt: skip
COMMITMENTS = (*CLOCKS, *COUNTS, *DUTIES)
#: Limits of contacts: clocks and counts; the waits that are in target for the service level (C10) and that make an abandonment
#: short; replies that are within the industry's benchmark (C8).
CONTACT_LIMITS = (*CLOCKS, *COUNTS, "target", "short", "benchmark")
LIMITS = (*CONTACT_LIMITS, *DUTIES)
#: What a line may be conditional on, most telling first. `kind`, `grade`, `priority` and `department` are of cases.
CONDITIONS = ("tenant", "queue", "tier", "category", "kind", "grade", "priority", "department", "partner", "party", "channel",
              "region", "period")  # fmt: skip
OF_CASES = ("kind", "grade", "priority", "department")
#: A limit that is never reached.
NO_LIMIT_US = 2**62
#: Combinations for which there is room at first.
_SMALLEST = 256
#: The limit of a promise, which says itself when it is due.
DUE_US = 2**61
#: How grave a case is, the least first; who is to be told grows with it (C24).
GRADES = ("ordinary", "major", "extraordinary")
#: The share of its time at which a clock's owner is warned, in thousandths.
WARN_PERMILLE = 800


@dataclass(frozen=True)
class Line:
    """One line of a policy. `when` has the values that each condition accepts; `where` is the line's place in its file.

    `limit_us` above zero, `NO_LIMIT_US` for none; of `COUNTS` it is a number, of `promise` nothing but `DUE_US`. `warn_permille` is the share of the limit at which a warning is due, 0 for
    none. `hours` names the policy's hours in which the clock runs, "" for around the clock; one
    that `pauses` stands still while the contact is pending. Raises InvalidSetting.
    """

    limit: str
    limit_us: int
    when: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    warn_permille: int = WARN_PERMILLE
    hours: str = ""
    pauses: bool = False
    where: str = "default policy"

    def __post_init__(self) -> None:
        if self.limit not in LIMITS:
            raise InvalidSetting(f"{self.where}: {self.limit!r} is no limit; choose from {', '.join(LIMITS)}")
        if self.limit_us <= 0:
            raise InvalidSetting(
                f"{self.where}: the limit of {self.limit} is {self.limit_us} µs; it must be above zero, or say that there is none"
            )
        if not 0 <= self.warn_permille < 1000:
            raise InvalidSetting(
                f"{self.where}: the warning of {self.limit} must come before its limit; give a share below 1"
            )
        if self.limit_us < NO_LIMIT_US and (self.limit == "promise") != (self.limit_us == DUE_US):
            raise InvalidSetting(
                f"{self.where}: a promise is due when it says itself, and nothing else is; write limit: due for promise only"
            )
        _check_conditions(self.where, self.when, CONDITIONS)

    @property
    def rank(self) -> tuple[int, ...]:
        """Grows with how specific the line is."""
        return len(self.when), *(int(name in self.when) for name in CONDITIONS)

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Whether the line describes a contact of these values."""
        return _hold(self.when, facts)

    def why(self) -> str:
        """The conditions in words."""
        told = (f"{name} {' or '.join(sorted(self.when[name]))}" for name in CONDITIONS if name in self.when)
        return ", ".join(told) or "everybody"


def line(limit: str, seconds: float | None, *, warn: float = WARN_PERMILLE / 1000, **when: str | Sequence[str]) -> Line:
    """A line in seconds, None for no limit: `line("wait", 30, channel="phone")`."""
    conditions = {name: frozenset([values] if isinstance(values, str) else values) for name, values in when.items()}
    limit_us = NO_LIMIT_US if seconds is None else round(seconds * SECOND_US)
    return Line(limit, limit_us, MappingProxyType(conditions), round(warn * 1000))


@dataclass(frozen=True)
class Period:
    """A sale or the like: from `start_us` up to `end_us`, lines with that period among their conditions hold."""

    name: str
    start_us: int
    end_us: int
    where: str = "default policy"

    def __post_init__(self) -> None:
        if self.end_us <= self.start_us:
            raise InvalidSetting(
                f"{self.where}: the period {self.name!r} ends before it begins; change one of its dates"
            )


@dataclass(frozen=True)
class Grade:
    """An open case of these values rises to a grade once it has been open for `after_us`. Raises InvalidSetting."""

    grade: str
    when: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    after_us: int = 0
    where: str = "default policy"

    def __post_init__(self) -> None:
        if self.grade not in GRADES[1:]:
            raise InvalidSetting(f"{self.where}: no case rises to {self.grade!r}; choose from {', '.join(GRADES[1:])}")
        if not 0 <= self.after_us < NO_LIMIT_US:
            raise InvalidSetting(f"{self.where}: a case cannot rise before it is opened; leave after out")
        _check_conditions(self.where, self.when, [name for name in CONDITIONS if name != "grade"])

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Whether a case of these values rises."""
        return _hold(self.when, facts)


def _check_conditions(where: str, when: Mapping[str, frozenset[str]], known: Sequence[str]) -> None:
    for name, values in when.items():
        if name not in known:
            raise InvalidSetting(f"{where}: {name!r} is no condition; choose from {', '.join(known)}")
        if not values:
            raise InvalidSetting(f"{where}: {name} accepts nothing; name a value, or leave the condition out")


def _hold(when: Mapping[str, frozenset[str]], facts: Mapping[str, str]) -> bool:
    return all(facts.get(name, "") in values for name, values in when.items())


#: Targets of the catalogue of commitments.
_DEFAULT = (
    line("target", 20, warn=0), line("short", 5, warn=0),
    line("wait", 5 * MINUTE_US / SECOND_US), line("wait", 30, channel="phone"),
    line("first_human_reply", 60, channel=("app", "wechat", "web")),
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """All lines, periods, working hours by name, rules by which cases rise to grades, the name of the service-level formula, the response
    measures and the measured conditions; `notes` say what the hours' calendars do not know.

    Raises InvalidSetting for what contradicts itself.
    """

    lines: tuple[Line, ...] = _DEFAULT
    periods: tuple[Period, ...] = ()
    hours: Mapping[str, Hours] = field(default_factory=lambda: MappingProxyType({}))
    service_level: str = "answered_of_ended"
    measures: tuple[Measure, ...] = ()
    notes: tuple[str, ...] = ()
    grades: tuple[Grade, ...] = ()
    conditions: "tuple[Condition, ...]" = ()

    def __post_init__(self) -> None:
        self._check_measures()
        names = {period.name for period in self.periods}
        conditional: tuple[Line | Grade, ...] = (*self.lines, *self.grades)
        for told in conditional:
            for name in sorted(told.when.get("period", frozenset()) - names):
                raise InvalidSetting(f"{told.where}: there is no period {name!r}; add it, or correct the name")
        self._check_conditions(names)
        for entry in self.lines:
            if entry.hours and entry.hours not in self.hours:
                raise InvalidSetting(
                    f"{entry.where}: there are no hours {entry.hours!r}; add them, or correct the name"
                )
            if entry.hours and (entry.limit not in (*CLOCKS, *DUTIES) or entry.limit == "promise"):
                why = "is due when it says itself" if entry.limit == "promise" else "is no clock"
                raise InvalidSetting(f"{entry.where}: {entry.limit} {why}, so it has no hours; leave them out")
            if not entry.hours and entry.limit == "automatic_reply" and entry.limit_us < NO_LIMIT_US:
                raise InvalidSetting(
                    f"{entry.where}: automatic_reply is due outside of hours; say hours: office, or of whatever name"
                )
        for earlier, later in pairwise(sorted(self.periods, key=lambda period: period.start_us)):
            if later.start_us < earlier.end_us:
                raise InvalidSetting(
                    f"{later.where}: the period {later.name!r} begins at {iso(later.start_us)}, before {earlier.name!r} has ended; "
                    "periods must not overlap"
                )
        alike: dict[tuple[str, frozenset[str]], list[Line]] = {}
        for entry in self.lines:
            alike.setdefault((entry.limit, frozenset(entry.when)), []).append(entry)
        for one, other in (pair for entries in alike.values() for pair in pairs_of(entries, 2)):
            if all(one.when[name] & other.when[name] for name in one.when):
                raise InvalidSetting(
                    f"{other.where}: {other.limit} for {other.why()} is said already at {one.where}; keep one of the two"
                )

    def _check_measures(self) -> None:
        if len(self.measures) > MEASURES_MAX:
            raise InvalidSetting(
                f"{self.measures[MEASURES_MAX].where}: there are {len(self.measures)} measures; a policy may have {MEASURES_MAX}"
            )
        known: dict[str, Measure] = {}
        for measure in self.measures:
            if measure.name in known:
                raise InvalidSetting(
                    f"{measure.where}: the measure {measure.name!r} is said already at {known[measure.name].where}; keep one of the two, or give it a name"
                )
            known[measure.name] = measure
            if measure.hours and measure.hours not in self.hours:
                raise InvalidSetting(
                    f"{measure.where}: there are no hours {measure.hours!r}; add them, or correct the name"
                )

    def _check_conditions(self, periods: set[str]) -> None:
        places: dict[str, str] = {}
        for condition in self.conditions:
            if condition.name in COMMITMENTS:
                raise InvalidSetting(
                    f"{condition.place}: {condition.name!r} is the name of a limit; call the condition otherwise"
                )
            if condition.name in places:
                raise InvalidSetting(
                    f"{condition.place}: the condition {condition.name!r} is said already at {places[condition.name]}; keep one of the two"
                )
            places[condition.name] = condition.place
            for name in sorted(condition.where.get("period", frozenset()) - periods - {""}):
                raise InvalidSetting(f"{condition.place}: there is no period {name!r}; add it, or correct the name")

    def find(self, limit: str, facts: Mapping[str, str]) -> Line | None:
        """The line that holds for a contact, None where there is none. `facts`: dimensions, and the period's name or ""."""
        return next((entry for entry in self.ranked.get(limit, ()) if entry.holds(facts)), None)

    @cached_property
    def ranked(self) -> Mapping[str, Sequence[Line]]:
        """The lines of each limit, the most specific first."""
        ranked: dict[str, list[Line]] = {}
        for entry in sorted(self.lines, key=lambda entry: entry.rank, reverse=True):
            ranked.setdefault(entry.limit, []).append(entry)
        return ranked


class Tables(NamedTuple):
    """The arrays of `Limits` and `Calendars`, as compiled code takes them."""

    limits_us: NDArray[np.int64]
    permille: NDArray[np.int64]
    hours_of: NDArray[np.int64]
    pausable: NDArray[np.int64]
    bounds_us: NDArray[np.int64]
    period_of: NDArray[np.int64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    through: NDArray[np.int64]
    spans: NDArray[np.int64]


class Limits:
    """The policy's limits as tables, which grow with the combinations.

    `table_us`, `warn_permille`, `hours_of` and `pausable` int64 (limits, periods, combinations and room for more): the limit, `NO_LIMIT_US` for
    none, the share at which to warn, the number of the calendar by which it runs, and 1 where it pauses. The period at an instant is `period_of[searchsorted(bounds_us, instant, "right")]`, 0 for none.
    """

    def __init__(self, policy: Policy, combinations: Combinations) -> None:
        self.policy = policy
        self.combinations = combinations
        self.periods = ("", *sorted({period.name for period in policy.periods}))
        bounds = [(period.start_us, period.end_us, self.periods.index(period.name)) for period in sorted(
            policy.periods, key=lambda period: period.start_us)]  # fmt: skip
        self.bounds_us = np.array([instant for start, end, _ in bounds for instant in (start, end)], np.int64)
        self.period_of = np.array([0, *(code for _, _, number in bounds for code in (number, 0))], np.int64)
        self._known = 0
        #: The first combination of those of which lines think alike.
        self._alike: dict[tuple[int, ...], int] = {}
        self.table_us = np.empty((len(CONTACT_LIMITS), len(self.periods), 0), np.int64)
        self.warn_permille = np.empty_like(self.table_us)
        self.hours_of = np.empty_like(self.table_us)
        self.pausable = np.empty_like(self.table_us)
        longest_us: dict[str, int] = {}
        for entry in policy.lines:
            if entry.limit_us < NO_LIMIT_US:
                longest_us[entry.hours] = max(longest_us.get(entry.hours, 0), entry.limit_us)
        for measure in policy.measures:
            longest_us[measure.hours] = max(longest_us.get(measure.hours, 0), measure.within_us + 1)
        self.calendars = Calendars(policy.hours, longest_us)
        ranked = [policy.ranked.get(limit, ()) for limit in CONTACT_LIMITS]
        self._matcher = Matcher(ranked, self.periods)
        self._values = (
            _values(ranked, lambda entry: entry.limit_us, NO_LIMIT_US),
            _values(ranked, lambda entry: entry.warn_permille, 0),
            _values(ranked, lambda entry: self.calendars.names.index(entry.hours), 0),
            _values(ranked, lambda entry: entry.pauses, 0),
        )

    @property
    def tables(self) -> "Tables":
        """What compiled code needs."""
        calendars = self.calendars.tables
        return Tables(
            self.table_us, self.warn_permille, self.hours_of, self.pausable, self.bounds_us, self.period_of, *calendars
        )

    def refresh(self) -> None:
        """Covers the combinations that are new since the last call."""
        known, count = self._known, len(self.combinations)
        if known == count:
            return
        texts = [names.texts for names in self.combinations.names]
        # Most combinations differ in what no line asks for, and have the limits of another.
        keys = self._matcher.likenesses(texts, self.combinations.values[known:count])
        new: dict[tuple[int, ...], int] = {}
        for place, key in enumerate(keys, known):
            if key not in self._alike:
                new.setdefault(key, place)
        self._alike |= new
        first, alike = [*new.values()], [self._alike[key] for key in keys]
        found = self._matcher.find(texts, self.combinations.values[first]) if first else None
        for name, values in zip(("table_us", "warn_permille", "hours_of", "pausable"), self._values, strict=True):
            table = getattr(self, name)
            if count > table.shape[2]:  # Combinations come one by one, so there is room for more than asked for.
                larger = np.empty((*table.shape[:2], max(count, 2 * table.shape[2], _SMALLEST)), np.int64)
                larger[:, :, :known] = table[:, :, :known]
                setattr(self, name, table := larger)
            if found is not None:
                table[:, :, first] = _told(values, found)
            table[:, :, known:count] = table[:, :, alike]
        self._known = count


def _values(ranked: Sequence[Sequence[Line]], told: Callable[[Line], int], default: int) -> list[NDArray[np.int64]]:
    """What the lines of each limit say; behind them what holds where none does."""
    return [np.array([*map(told, lines), default], np.int64) for lines in ranked]


def _told(values: list[NDArray[np.int64]], found: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the lines found say, by limit, period and combination."""
    return np.stack([of_limit[numbers] for of_limit, numbers in zip(values, found, strict=True)])
