"""Surges of arrivals against the forecast (C52): where a queue has one, it takes the place of the usual of this hour in conditions of `offered` as `times_usual`.

Owns which queues are judged here, and since when they are raised. Never changes the engine, whose own judgement of these queues is not told: a sale that is in the
calendar is no surprise to a forecast, but is to the middle of the last weeks. Law: limits, windows and steps are those of the policy's condition; nothing is told twice, and
a process that was started anew ends at its first look what one before it may have left raised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.alarms import BROKEN, ENDED, Alarm
from engine.conditions import Condition
from engine.events import DIMENSIONS
from engine.times import MINUTE_US
from engine.watermark import NEVER_US
from engine.windows import collect
from streams.capacity.live import Usual
from streams.capacity.seeing import queues_of

__all__ = ["Surges"]

#: A condition and a queue.
_Of = tuple[str, str]


class Surges:
    """`look` behind a tick; `facts` has what is raised; `replaces` says what the engine's own judgement is not to be told of."""

    def __init__(self, usual: Usual, tell: Callable[[list[Alarm]], None] = lambda alarms: None) -> None:
        self._usual, self.tell = usual, tell
        self._looked_us: dict[str, int] = {}
        self._judged: set[_Of] = set()
        self._failing: dict[_Of, int] = {}
        self._raised: dict[_Of, tuple[int, Condition, float]] = {}

    def replaces(self, condition: str, queue: str) -> bool:
        """Whether this condition of a queue is judged here."""
        return (condition, queue) in self._judged

    def facts(self) -> dict[str, Any]:
        """Under `conditions` what is raised, as the engine has its own."""
        return {
            "conditions": [
                {"name": name, "severity": condition.severity, "of": {"queue": queue}, "since_us": since_us, **dict(_told(condition, figure))}
                for (name, queue), (since_us, condition, figure) in self._raised.items()
            ]
        }  # fmt: skip

    def look(self, engine: Any) -> None:
        """Judges at each whole step of each condition."""
        rollup = queues_of(engine)
        if rollup is None or abs(engine.watermark_us) == -NEVER_US:
            return
        alarms: list[Alarm] = []
        conditions = {one.name: one for one in engine.settings.policy.conditions if _fits(one, engine.pane_us)}
        for name, condition in conditions.items():
            at_us = engine.watermark_us // condition.step_us * condition.step_us
            if at_us > self._looked_us.get(name, NEVER_US):
                self._looked_us[name] = at_us
                alarms += self._judge(engine, rollup, condition, at_us)
        for of in [of for of in self._judged if of[0] not in conditions]:
            alarms += self._leave(of, engine.watermark_us)
        if alarms:
            self.tell(alarms)

    def _judge(self, engine: Any, rollup: Any, condition: Condition, at_us: int) -> list[Alarm]:
        (bound,) = condition.any_of
        names, alarms = [queue for (queue,) in rollup.groups], list[Alarm]()
        start_us = at_us - condition.window_us
        forecast = self._usual(names, start_us, condition.window_us // MINUTE_US)
        expected = np.full(len(names), np.nan) if forecast is None else forecast.sum(axis=1)
        (window,) = collect(rollup, engine.pane_us, np.array([start_us]), np.array([at_us]), every=True)
        usual = np.maximum(expected, bound.usual_least)
        came = window.field("offered")
        figures: NDArray[np.float64] = np.divide(came, usual, out=np.full(len(names), np.nan), where=usual > 0)
        fields, least = condition.needs(bound)
        enough = sum((window.field(one) for one in fields), np.zeros(len(names))) >= least if fields else came >= 0
        for row in np.flatnonzero(np.isfinite(figures)).tolist():
            of, figure, is_new = (condition.name, names[row]), float(figures[row]), False
            if of not in self._judged:
                self._judged.add(of)
                is_new = True
            if figure > bound.limit and enough[row]:
                since_us = self._failing.setdefault(of, at_us)
                if of not in self._raised and at_us - since_us >= condition.for_us:
                    alarms.append(
                        _alarm(
                            of, BROKEN, at_us, since_us, (*_told(condition, figure), ("severity", condition.severity))
                        )
                    )
                    self._raised[of] = since_us, condition, figure
            elif of not in self._raised or figure <= bound.clear_at:
                self._failing.pop(of, None)
                if is_new or of in self._raised:
                    alarms.append(_alarm(of, ENDED, at_us, self._raised.pop(of, (at_us,))[0]))
            if of in self._raised:
                self._raised[of] = self._raised[of][0], condition, figure
        for row in np.flatnonzero(~np.isfinite(figures)).tolist():
            if (condition.name, names[row]) in self._judged:
                alarms += self._leave((condition.name, names[row]), at_us)
        return alarms

    def _leave(self, of: _Of, at_us: int) -> list[Alarm]:
        """Of a queue without a forecast, or a condition that is no more, the engine's own judgement is told again."""
        self._judged.discard(of)
        self._failing.pop(of, None)
        raised = self._raised.pop(of, None)
        return [_alarm(of, ENDED, at_us, raised[0])] if raised else []


def _fits(condition: Condition, pane_us: int) -> bool:
    return (
        len(condition.any_of) == 1
        and (condition.any_of[0].measure, condition.any_of[0].form, condition.any_of[0].is_above) == ("offered", "times_usual", True)
        and condition.by == ("queue",)
        and not condition.where
        and not condition.window_us % MINUTE_US
        and not condition.step_us % pane_us
    )  # fmt: skip


def _told(condition: Condition, figure: float) -> tuple[tuple[str, str], ...]:
    (bound,) = condition.any_of
    return (
        ("measure", bound.measure),
        ("figure", f"{round(figure, 4):.10g}"),
        ("limit", f"{round(bound.limit, 4):.10g}"),
    )


def _alarm(of: _Of, step: str, at_us: int, since_us: int, more: tuple[tuple[str, str], ...] = ()) -> Alarm:
    name, queue = of
    values = tuple(queue if dimension == "queue" else "" for dimension in DIMENSIONS)
    return Alarm(at_us, name, step, "group", f"queue={queue}", since_us, values, more)
