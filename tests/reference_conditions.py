"""The oracle's watch: every condition at every instant of its grid, from the oracle's own facts, one group at a time.

Owns the meaning of a condition in plain loops. Looks at each instant whether anything happened or not, takes each figure from all
facts noted so far, and shares nothing with `engine/` but the settings that a policy is made of.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from math import isnan, nan, sqrt
from statistics import median
from typing import Any

from engine.conditions import Bound, Condition
from tests.reference import (
    DIMENSIONS,
    IN_QUEUE,
    STATES,
    WITH_PERSON,
    Dimensions,
    Oracle,
    Raised,
    Row,
    Rules,
)

__all__ = ["WatchingOracle"]

HOUR_US = 3_600_000_000
SECOND_US = 1_000_000
Group = tuple[str, ...]

#: Fields above and below the line, factors of both, and fields of which some must be there.
SHARES: dict[str, tuple[tuple[str, ...], tuple[str, ...], int, int]] = {
    "abandonment_rate": (("abandoned",), ("offered",), 1, 1),
    "asa_s": (("wait_answered_us",), ("answered",), 1, SECOND_US),
    "response_mean_s": (("response_us",), ("response_count",), 1, SECOND_US),
    "csat_share": (("csat_good",), ("csat_count",), 1, 1),
    "negative_share": (("negative_messages",), ("judged_messages",), 1, 1),
    "service_level": (("answered_in_target",), ("answered", "abandoned"), 1, 1),
}
MEANS = {"queue_depth_mean": "waiting", "in_service_mean": "in_service", "load_mean": "load"}
#: What must have been counted for a group before it is judged.
KNOWN_BY = {"longest_wait_s": ("waiting",), "unreplied": ("customer_messages",), "present": STATES[:-1]}


@dataclass
class Memory:
    """What one condition remembers of one group."""

    since_us: int | None = None
    blank_us: int | None = None
    is_raised: bool = False
    history: dict[int, list[float]] = field(default_factory=dict)


class WatchingOracle(Oracle):
    """The oracle with conditions. `sources` are all that will ever speak or are named."""

    def __init__(self, rules: Rules, conditions: Iterable[Condition], sources: Iterable[str] = ()) -> None:
        super().__init__(rules, sources)
        self.conditions = tuple(conditions)
        self.memory: dict[tuple[str, Group], Memory] = {}
        self.usual: dict[tuple[str, int, Group], dict[int, list[float]]] = {}
        self.judged_us: dict[str, int] = {}
        self.heard: list[int] = []

    def _live(self, row: Row) -> None:
        self._look(row.rank_us)
        self.heard.append(row.rank_us)
        super()._live(row)

    def _raise_what_is_overdue(self, end_us: int) -> None:
        self._look(end_us)
        super()._raise_what_is_overdue(end_us)

    def _look(self, until_us: int) -> None:
        """Judges at every instant of every grid up to `until_us`, one after the other."""
        if not self.heard:
            return
        steps = {condition.step_us for condition in self.conditions} | {HOUR_US}
        begun_us = self.judged_us.get("all", self.heard[0])
        instants = sorted({at for step in steps for at in range((begun_us // step + 1) * step, until_us + 1, step)})
        for at_us in instants:
            for name, contact in self.contacts.items():
                self._raise_before(contact, name, at_us)
            self.back_office.end(at_us)
            for condition in self.conditions:
                if at_us % condition.step_us == 0:
                    self._judge_condition(condition, at_us)
            if at_us % HOUR_US == 0 and self.heard[-1] >= at_us - HOUR_US:
                self._note_usual(at_us)
        self.judged_us["all"] = max(begun_us, until_us)

    # Figures.

    def _groups(self, condition: Condition, needed: Iterable[str]) -> list[Group]:
        """Groups for which any of these was ever counted."""
        named = set(needed)
        seen = [as_ for name, as_, _, amount in self.amounts if name in named and amount]
        seen += [change.as_ for change in self.changes if change.level in named]
        return list(dict.fromkeys(_group(condition, as_) for as_ in dict.fromkeys(seen) if _meant(condition, as_)))

    def _sum(self, condition: Condition, group: Group, name: str, start_us: int, end_us: int) -> int:
        return sum(
            amount
            for field_, as_, time_us, amount in self.amounts
            if field_ == name
            and start_us <= time_us < end_us
            and _meant(condition, as_)
            and _group(condition, as_) == group
        )

    def _holding(self, condition: Condition, group: Group, name: str) -> int:
        mine = (change for change in self.changes if change.level == name and _meant(condition, change.as_))
        return sum(change.delta for change in mine if _group(condition, change.as_) == group)

    def _area_us(self, condition: Condition, group: Group, name: str, start_us: int, end_us: int) -> int:
        mine = (change for change in self.changes if change.level == name and _meant(condition, change.as_))
        mine = (change for change in mine if _group(condition, change.as_) == group)
        return sum(change.delta * (end_us - max(change.time_us, start_us)) for change in mine)

    def _figure(self, condition: Condition, bound: Bound, group: Group, start_us: int, end_us: int) -> float:
        names, least = condition.needs(bound)
        if names and sum(self._sum(condition, group, name, start_us, end_us) for name in names) < least:
            return nan
        measure = bound.measure
        if measure in SHARES:
            over, under, times, per = SHARES[measure]
            above = times * sum(self._sum(condition, group, name, start_us, end_us) for name in over)
            below = per * sum(self._sum(condition, group, name, start_us, end_us) for name in under)
            return above / below if below else nan
        if measure == "occupancy":
            occupied, idle, busy, wrapup = (
                self._area_us(condition, group, level, start_us, end_us)
                for level in ("occupied", "idle", "busy", "wrapup")
            )
            return occupied / (occupied + idle) if idle + busy + wrapup > 0 and occupied + idle else nan
        if measure in MEANS:
            return self._area_us(condition, group, MEANS[measure], start_us, end_us) / (end_us - start_us)
        if measure == "present":
            return float(sum(self._holding(condition, group, state) for state in STATES[:-1]))
        if measure == "longest_wait_s":
            since_us = [
                contact.waiting_since_us
                for contact in self.contacts.values()
                if contact.phase in IN_QUEUE
                and _meant(condition, contact.waiting_as)
                and _group(condition, contact.waiting_as) == group
            ]
            return (end_us - min(since_us)) / SECOND_US if since_us else 0.0
        if measure == "unreplied":
            asking = (
                contact.said
                for contact in self.contacts.values()
                if contact.phase in (*IN_QUEUE, *WITH_PERSON) and contact.turn_since_us is not None
            )
            return float(sum(_meant(condition, as_) and _group(condition, as_) == group for as_ in asking))
        if measure in ("waiting", "in_service", "load", "occupied", "idle", *STATES):
            return float(self._holding(condition, group, measure))
        return float(self._sum(condition, group, measure, start_us, end_us))

    def _needed(self, condition: Condition) -> list[str]:
        """What a condition's window keeps, with all conditions of the same window."""
        named: list[str] = []
        for other in self.conditions:
            if _window(other) == _window(condition):
                named += [name for bound in other.any_of for name in _made_of(other, bound)]
        return named

    def _seen(self, condition: Condition, number: int, group: Group, memory: Memory, at_us: int) -> float:
        bound = condition.any_of[number]
        start_us = at_us - condition.window_us
        found = self._figure(condition, bound, group, start_us, at_us)
        if bound.form == "figure":
            return found
        if bound.form == "times_usual":
            if self.heard[-1] < start_us:
                return nan
            usual = self._usual(condition, number, group, start_us, at_us)
            if bound.measure not in SHARES:
                usual = usual * condition.window_us / HOUR_US
            usual = usual if isnan(usual) else max(usual, bound.usual_least)
            return found / usual if usual > 0 else nan
        before = memory.history.setdefault(number, [])
        before.append(found)
        return _chart(bound.form, before[-bound.intervals - 1 :], bound.intervals)

    # Usual.

    def _note_usual(self, end_us: int) -> None:
        for condition in self.conditions:
            for number, bound in enumerate(condition.any_of):
                if bound.form == "times_usual":
                    for group in self._groups(condition, [name for other in self.conditions if _scope(other) == _scope(condition)
                                                          for one in other.any_of if one.form == "times_usual" for name in _made_of(other, one)]):  # fmt: skip
                        hours = self.usual.setdefault((condition.name, number, group), {})
                        figure = self._figure(condition, bound, group, end_us - HOUR_US, end_us)
                        hours.setdefault((end_us // HOUR_US - 1) % 168, []).append(figure)

    def _usual(self, condition: Condition, number: int, group: Group, start_us: int, end_us: int) -> float:
        hours = self.usual.get((condition.name, number, group), {})
        hour = (end_us - 1) // HOUR_US
        earlier, later = _of_hour(hours, hour - 1), _of_hour(hours, hour)
        if start_us // HOUR_US == hour or isnan(earlier):
            return later
        later_us = end_us - hour * HOUR_US
        return (earlier * (end_us - start_us - later_us) + later * later_us) / (end_us - start_us)

    # Judging.

    def _judge_condition(self, condition: Condition, at_us: int) -> None:
        periods = [name for name, start_us, end_us in self.rules.periods if start_us < at_us <= end_us]
        in_force = "period" not in condition.where or (periods[0] if periods else "") in condition.where["period"]
        for group in self._groups(condition, self._needed(condition)):
            memory = self.memory.setdefault((condition.name, group), Memory())
            figures = [self._seen(condition, number, group, memory, at_us) for number in range(len(condition.any_of))]
            fails = [_fails(bound, figure) for bound, figure in zip(condition.any_of, figures, strict=True)]
            shown = fails.index(True) if True in fails else 0
            if not in_force:
                self._step(condition, group, memory, at_us, "well", shown, figures)
            elif any(fails):
                self._step(condition, group, memory, at_us, "fails", shown, figures)
            elif any(isnan(figure) for figure in figures):
                self._step(condition, group, memory, at_us, "blank", shown, figures)
            elif all(_clears(bound, figure) for bound, figure in zip(condition.any_of, figures, strict=True)):
                self._step(condition, group, memory, at_us, "well", shown, figures)
            else:
                self._step(condition, group, memory, at_us, "between", shown, figures)

    def _step(
        self,
        condition: Condition,
        group: Group,
        memory: Memory,
        at_us: int,
        verdict: str,
        shown: int,
        figures: list[float],
    ) -> None:
        if verdict != "blank":
            memory.blank_us = None
        elif memory.blank_us is None:
            memory.blank_us = at_us
        is_over = memory.blank_us is not None and at_us - memory.blank_us >= condition.window_us
        if verdict == "fails":
            memory.since_us = at_us if memory.since_us is None else memory.since_us
            if not memory.is_raised and at_us - memory.since_us >= condition.for_us:
                memory.is_raised = True
                self._tell(condition, group, "broken", memory.since_us, at_us, shown, figures)
        elif memory.is_raised and (verdict == "well" or is_over):
            self._tell(condition, group, "ended", memory.since_us or 0, at_us, shown, figures)
            memory.is_raised, memory.since_us = False, None
        elif not memory.is_raised and (verdict != "blank" or is_over):
            memory.since_us = None

    def _tell(
        self, condition: Condition, group: Group, step: str, since_us: int, at_us: int, shown: int, figures: list[float]
    ) -> None:
        bound = condition.any_of[shown]
        named = dict(zip(condition.by, group, strict=True))
        name = ",".join(f"{dimension}={value}" for dimension, value in named.items()) or "total"
        more = (
            ("measure", bound.measure),
            ("figure", _text(figures[shown])),
            ("limit", _text(bound.limit)),
            ("severity", condition.severity),
        )
        values = tuple(named.get(dimension, "") for dimension in DIMENSIONS)
        self.raised.append(Raised(at_us, condition.name, step, "group", name, since_us, values, more))


def _meant(condition: Condition, as_: Dimensions) -> bool:
    known = dict(zip(DIMENSIONS, as_, strict=True))
    return all(known[name] in values for name, values in condition.where.items() if name != "period")


def _group(condition: Condition, as_: Dimensions) -> Group:
    known = dict(zip(DIMENSIONS, as_, strict=True))
    return tuple(known[name] for name in condition.by)


def _scope(condition: Condition) -> Any:
    return condition.by, {name: values for name, values in condition.where.items() if name != "period"}


def _window(condition: Condition) -> Any:
    return _scope(condition), condition.window_us, condition.step_us


def _made_of(condition: Condition, bound: Bound) -> list[str]:
    """The fields and levels of a measure and of its sample."""
    names = list(condition.needs(bound)[0])
    if bound.measure == "service_level":
        return [*names, "answered", "answered_in_target", "abandoned", "abandoned_in_target", "abandoned_short"]
    if bound.measure in SHARES:
        return [*names, *SHARES[bound.measure][0], *SHARES[bound.measure][1]]
    if bound.measure == "occupancy":
        return [*names, "occupied", "idle", "busy", "wrapup"]
    if bound.measure in MEANS:
        return [*names, MEANS[bound.measure]]
    return [*names, *KNOWN_BY.get(bound.measure, (bound.measure,))]


def _fails(bound: Bound, figure: float) -> bool:
    return figure > bound.limit if bound.is_above else figure < bound.limit


def _clears(bound: Bound, figure: float) -> bool:
    return figure <= bound.clear_at if bound.is_above else figure >= bound.clear_at


def _text(figure: float) -> str:
    return "" if isnan(figure) else f"{round(figure, 4):.10g}"


def _of_hour(hours: dict[int, list[float]], hour: int) -> float:
    """The median of the last four weeks' figures of that hour of the week, or of all days' at that time of day."""
    weekly = [figure for figure in hours.get(hour % 168, [])[-4:] if not isnan(figure)]
    daily = [figure for day in range(7) for figure in hours.get((hour + 24 * day) % 168, [])[-4:] if not isnan(figure)]
    return median(weekly) if len(weekly) >= 2 else median(daily) if len(daily) >= 3 else nan


def _chart(form: str, figures: list[float], intervals: int) -> float:
    """What a control chart says of the last figure, by those before it."""
    if isnan(figures[-1]):
        return nan
    if form == "variation":
        known = [figure for figure in figures[-intervals:] if not isnan(figure)]
        if len(known) < max(2, intervals // 2) or not sum(known) > 0:
            return nan
        mean = sum(known) / len(known)
        return sqrt(sum((figure - mean) ** 2 for figure in known) / (len(known) - 1)) / mean
    before = figures[:-1]
    known = [figure for figure in before if not isnan(figure)]
    if len(known) < intervals // 2:
        return nan
    mean = sum(known) / len(known)
    if form == "run":
        sides = [(figure > mean) - (figure < mean) if not isnan(figure) else None for figure in figures]
        length = 0
        while length < len(sides) and sides[-1 - length] == sides[-1] != 0:
            length += 1
        return float(length)
    ranges = [abs(later - earlier) for earlier, later in pairwise(before) if not isnan(earlier + later)]
    limit = 2.66 * (sum(ranges) / len(ranges)) if ranges else 0.0
    return abs(figures[-1] - mean) / limit if limit > 0 else nan
