"""The watch over all measured conditions of a policy: when to look, at what, and the alarms that follow.

At an instant everything of before it counts and nothing else: the conductor takes the rows that stand before it, raises the
deadlines before it, and then has it judged, so that no cutting of the stream into calls changes an alarm. Where nothing happens
and nothing can change any more, no instant is judged until something happens again.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.agents import Agents
from engine.alarms import ENDED, Alarm
from engine.columns import Combinations, Rows, grown
from engine.conditions import SEVERITIES, Bound, Condition, fields_of
from engine.contacts import Contacts
from engine.events import DIMENSIONS
from engine.facts import FIELD, LEVELS, Changes, Facts
from engine.formulas import formula_of
from engine.frames import Frame, Scope, Sorter
from engine.judges import Judge
from engine.policy import Policy
from engine.present import Present, levels_of
from engine.times import HOUR_US
from engine.usual import Usual
from engine.watermark import NEVER_US, Order

__all__ = ["FAR_US", "SHOWN_MAX", "Watch"]

#: After every instant.
FAR_US = 2**62
#: Raised conditions that readers get, the most severe and then the oldest first.
SHOWN_MAX = 200
#: A frame: dimensions, chosen values, window, step.
_Key = tuple[Any, ...]


class Watch:
    """`stirred_us` is when something last happened; `heard_us` int64 by source when it last was heard, in the order of processing."""

    def __init__(self, policy: Policy, combinations: Combinations, groups_max: int) -> None:
        self.combinations, self.formula = combinations, policy.service_level
        self.periods = policy.periods
        self.bounds_us = sorted({instant for period in policy.periods for instant in (period.start_us, period.end_us)})
        self.stirred_us = NEVER_US
        self.heard_us = np.full(0, NEVER_US, np.int64)
        needed: dict[_Key, dict[str, None]] = {}
        for condition in policy.conditions:
            for key, bound in _frames_of(condition):
                names = (*fields_of(bound.measure), *condition.needs(bound)[0])
                needed.setdefault(key, {}).update(dict.fromkeys(names))
        self.scopes: dict[_Key, Scope] = {}
        self.frames: dict[_Key, Frame] = {}
        for key, fields in needed.items():
            by, where, window_us, step_us = key
            scope = self.scopes.setdefault((by, where), Scope(by, dict(where), groups_max))
            self.frames[key] = Frame(scope, window_us, step_us, tuple(fields))
        self.sorter = Sorter([*self.frames.values()])
        self.usuals: dict[str, tuple[Usual, Frame, int]] = {}
        self.judges = [self._judge(condition) for condition in policy.conditions]
        self.horizons_us = {
            key: max((judge.horizon_us for judge in self.judges if judge.frame is frame), default=2 * HOUR_US)
            for key, frame in self.frames.items()
        }

    def _judge(self, condition: Condition) -> Judge:
        frame = self.frames[_frame_key(condition, condition.window_us, condition.step_us)]
        rows, usuals = [], {}
        for number, bound in enumerate(condition.any_of):
            rows.append(self._worked_out(frame, condition, bound))
            if bound.form == "times_usual":
                hourly = self.frames[_frame_key(condition, HOUR_US, HOUR_US)]
                named = repr((hourly.key(), bound.measure, condition.needs(bound)))
                row = self._worked_out(hourly, condition, bound) or 0
                usuals[number] = self.usuals.setdefault(named, (Usual(), hourly, row))[0]
        return Judge(condition, frame, rows, usuals)

    def _worked_out(self, frame: Frame, condition: Condition, bound: Bound) -> int | None:
        """The row of a bound's measure among the figures of a frame, None where it has no formula."""
        formula = formula_of(bound.measure, self.formula, frame.window_us, condition.needs(bound))
        return None if formula is None else frame.add(formula)

    @property
    def overflow_count(self) -> int:
        """How many combinations found their group without room."""
        return sum(scope.overflow_count for scope in self.scopes.values())

    # In.

    def reach(self, instant_us: int) -> None:
        """Something happens at an instant, the last one of which is told before the next look."""
        self.stirred_us = max(self.stirred_us, instant_us)
        for frame in self.frames.values():
            if frame.end_us is None or frame.end_us <= instant_us:
                frame.move_to(_behind(instant_us, frame.step_us))

    def hear(self, rows: Rows) -> None:
        """Takes rows that are processed, for when their sources were heard."""
        self.heard_us = grown(self.heard_us, int(rows.sources.max()) + 1, NEVER_US)
        np.maximum.at(self.heard_us, rows.sources, rows.ranks_us)

    def take(self, facts: Facts) -> None:
        """Counts a batch's facts."""
        parts = [*facts.amounts, *(_nets(level, changes) for level, parts in facts.levels.items() for changes in parts)]
        if not parts or not self.frames:
            return
        amounts = np.concatenate(parts, axis=1)
        self._refresh()
        for frame, rows in zip(self.frames.values(), self.sorter.sort(amounts), strict=True):
            frame.take(amounts, rows)

    def _refresh(self) -> None:
        """Knows the group of every combination: some hold for contacts and agents before any fact names them."""
        for scope in self.scopes.values():
            scope.refresh(self.combinations)

    # When to look.

    def next_us(self, row_us: int, due_us: int, until_us: int) -> int | None:
        """The next instant at which to judge, up to `until_us`, None for none. The next row stands at `row_us`, and no deadline is due
        before `due_us`."""
        found = None
        for key, frame in self.frames.items():
            if frame.end_us is None and row_us == FAR_US:
                continue
            end_us = _behind(row_us, frame.step_us) if frame.end_us is None else frame.end_us
            if end_us > self.stirred_us + self.horizons_us[key]:
                passed = bisect_left(self.bounds_us, end_us - frame.step_us)
                soonest_us = min(row_us, due_us, *self.bounds_us[passed : passed + 1])
                end_us = max(end_us, _behind(soonest_us, frame.step_us))
            if end_us <= until_us and (found is None or end_us < found):
                found = end_us
        return found

    def judge(self, at_us: int, contacts: Contacts, agents: Agents, order: Order) -> list[Alarm]:
        """Judges what is due at an instant, when all of before it has been processed."""
        passed = bisect_left(self.bounds_us, at_us)
        if passed and self.bounds_us[passed - 1] > self.stirred_us:
            self.reach(self.bounds_us[passed - 1])
        looked = [
            frame
            for frame in self.frames.values()
            if frame.end_us is not None and frame.end_us <= at_us and at_us % frame.step_us == 0
        ]
        self._refresh()
        for frame in looked:
            frame.move_to(at_us)
            frame.make_room()
        present = Present(at_us, contacts, agents, order, self.heard_us)
        figures = {id(frame): frame.figures() for frame in looked}
        found = []
        for judge in self.judges:
            if id(judge.frame) in figures:
                found += self._alarms(judge, present, figures[id(judge.frame)])
        for usual, frame, row in self.usuals.values():
            if id(frame) in figures and self.heard_us.max(initial=NEVER_US) >= at_us - HOUR_US:
                usual.note(at_us, np.where(frame.known[: len(frame)], figures[id(frame)][row], np.nan))
        for frame in looked:
            frame.move_to(at_us + frame.step_us)
        return found

    def given_up(self, successor: "Watch", at_us: int, order: Order) -> list[Alarm]:
        """The ends of what is raised and what a watch under another policy does not go on with."""
        kept = {judge.condition.key() for judge in successor.judges}
        found = []
        for judge in self.judges:
            if judge.condition.key() not in kept:
                names = _names(judge, order)
                found += [
                    self._alarm(judge, place, names[place], ENDED, at_us, int(judge.since_us[place]))
                    for place in np.flatnonzero(judge.is_raised).tolist()
                ]
        return found

    def _alarms(self, judge: Judge, present: Present, worked_out: NDArray[np.float64]) -> list[Alarm]:
        condition, frame = judge.condition, judge.frame
        accepted = condition.where.get("period")
        in_force = accepted is None or self._period_at(present.at_us) in accepted
        known = self.heard_us > NEVER_US if judge.of_sources else frame.known[: len(frame)]
        steps = judge.judge(present, worked_out, known, in_force)
        if not steps:
            return []
        names = _names(judge, present.order)
        return [
            self._alarm(judge, place, names[place], step, present.at_us, since_us) for place, step, since_us in steps
        ]

    def _alarm(self, judge: Judge, place: int, name: Any, step: str, at_us: int, since_us: int) -> Alarm:
        condition = judge.condition
        more = (*_told(judge, place).items(), ("severity", condition.severity))
        if isinstance(name, str):
            return Alarm(at_us, condition.name, step, "source", name, since_us, (), more)
        values = dict(zip(condition.by, name, strict=True))
        return Alarm(at_us, condition.name, step, "group", _named(values), since_us,
                     tuple(values.get(dimension, "") for dimension in DIMENSIONS), more)  # fmt: skip

    def _period_at(self, at_us: int) -> str:
        """The period in which windows lie that end at an instant."""
        return next((period.name for period in self.periods if period.start_us < at_us <= period.end_us), "")

    # Out.

    def raised(self, at_us: int, contacts: Contacts, agents: Agents, order: Order) -> list[dict[str, Any]]:
        """Conditions that are raised, ready for JSON: the most severe first, of those the oldest, `SHOWN_MAX` at most. What grows while
        nothing happens is as of `at_us`, the other figures are of the last look."""
        self._refresh()
        present = Present(at_us, contacts, agents, order, self.heard_us)
        found: list[dict[str, Any]] = []
        for judge in self.judges:
            condition, places = judge.condition, np.flatnonzero(judge.is_raised).tolist()
            if not places:
                continue
            names = _names(judge, order)
            judge.look_again(present)
            for place in places:
                of = (
                    {"source": names[place]} if judge.of_sources else dict(zip(condition.by, names[place], strict=True))
                )
                found.append({"name": condition.name, "severity": condition.severity, "of": of,
                              "since_us": int(judge.since_us[place]), **_told(judge, place)})  # fmt: skip
        found.sort(
            key=lambda one: (
                -SEVERITIES.index(one["severity"]), one["since_us"], one["name"], *map(str, one["of"].values()),
            )
        )  # fmt: skip
        return found[:SHOWN_MAX]

    def saved(self) -> dict[str, Any]:
        """The whole memory as plain values and arrays, each part under a name that says what it fits to."""
        return {
            "stirred_us": self.stirred_us, "heard_us": self.heard_us,
            "frames": {frame.key(): frame.saved() for frame in self.frames.values()},
            "usuals": {name: usual.hours[: len(frame)] for name, (usual, frame, _) in self.usuals.items()},
            "judges": {judge.condition.key(): judge.saved() for judge in self.judges},
        }  # fmt: skip

    def restore(self, saved: Mapping[str, Any], contacts: Contacts, agents: Agents) -> None:
        """Takes over what fits from a memory, also from one under another policy; what is new begins with the levels that hold."""
        levels = levels_of(contacts, agents)
        self.stirred_us, self.heard_us = saved["stirred_us"], saved["heard_us"]
        for scope in self.scopes.values():
            scope.refresh(self.combinations)
        for frame in self.frames.values():
            if frame.key() in saved["frames"]:
                frame.restore(saved["frames"][frame.key()])
            elif self.stirred_us > NEVER_US:
                frame.begin_with(levels)
                frame.move_to(_behind(self.stirred_us, frame.step_us))
        for name, (usual, *_) in self.usuals.items():
            usual.hours = saved["usuals"].get(name, usual.hours)
        for judge in self.judges:
            if judge.condition.key() in saved["judges"] and judge.frame.key() in saved["frames"]:
                judge.restore(saved["judges"][judge.condition.key()])


def _names(judge: Judge, order: Order) -> list[Any]:
    """What a judge's places are called: sources by name, groups by their values."""
    return list(order.numbers) if judge.of_sources else list(judge.frame.scope.groups)


def _nets(level: int, changes: Changes) -> NDArray[np.int64]:
    """A level's changes as facts of its net."""
    what = np.full(len(changes.deltas), FIELD[f"{LEVELS[level]}_net"])
    return np.stack((what, changes.combinations, changes.times_us, changes.deltas))


def _behind(instant_us: int, step_us: int) -> int:
    """The first instant of the grid behind another."""
    return (instant_us // step_us + 1) * step_us


def _frame_key(condition: Condition, window_us: int, step_us: int) -> _Key:
    where = tuple(sorted((name, values) for name, values in condition.where.items() if name in DIMENSIONS))
    return condition.by, where, window_us, step_us


def _frames_of(condition: Condition) -> list[tuple[_Key, Bound]]:
    """The frames that a condition needs, each with the bound that needs it."""
    own = _frame_key(condition, condition.window_us, condition.step_us)
    hourly = _frame_key(condition, HOUR_US, HOUR_US)
    return [(own, bound) for bound in condition.any_of] + [
        (hourly, bound) for bound in condition.any_of if bound.form == "times_usual"
    ]


def _told(judge: Judge, place: int) -> dict[str, str]:
    """The newest figure of a group and the limit that it is held against."""
    bound = judge.condition.any_of[int(judge.bound[place])]
    return {"measure": bound.measure, "figure": _number(float(judge.figure[place])), "limit": _number(bound.limit)}


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{round(value, 4):.10g}"


def _named(values: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items()) or "total"
