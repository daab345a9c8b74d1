"""The judge of one condition: group by group, since when it has failed, whether it is raised, and when it is over.

Owns that memory. Never decides when to judge, and sees figures only as `engine.present` gives them. Without data nothing begins and
nothing ends, until a whole window has passed without any.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.alarms import BROKEN, ENDED
from engine.columns import grown
from engine.conditions import CHARTS, COUNTED, Bound, Condition
from engine.control import History
from engine.frames import Frame
from engine.present import Present
from engine.times import HOUR_US, SECOND_US
from engine.usual import Usual
from engine.watermark import NEVER_US

__all__ = ["Judge"]

_STATE: tuple[tuple[str, Any, Any], ...] = (
    ("since_us", np.int64, NEVER_US), ("blank_us", np.int64, NEVER_US), ("is_raised", np.bool_, False),
    ("figure", np.float64, np.nan), ("bound", np.int64, 0),
)  # fmt: skip

Figures = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Judge:
    """By group: `since_us` when it began to fail, `blank_us` since when there is no data (both `NEVER_US` for not), `is_raised`, and
    the newest `figure`, of the `bound` that fails or of the first. `usuals` are by bound."""

    since_us: NDArray[np.int64]
    blank_us: NDArray[np.int64]
    is_raised: Mask
    figure: Figures
    bound: NDArray[np.int64]

    def __init__(self, condition: Condition, frame: Frame, usuals: Mapping[int, Usual]) -> None:
        self.condition, self.frame, self.usuals = condition, frame, usuals
        charted = [number for number, bound in enumerate(condition.any_of) if bound.form in CHARTS]
        self.histories = {number: History(condition.any_of[number].intervals) for number in charted}
        for name, dtype, fill in _STATE:
            setattr(self, name, np.full(0, fill, dtype))

    @property
    def horizon_us(self) -> int:
        """How long after the last thing that happened it can still change: until its window is empty, has been so for a window, and
        what fails by then has failed for long enough."""
        condition = self.condition
        charted = max((history.intervals + 2 for history in self.histories.values()), default=0)
        growing = [bound.limit for bound in condition.any_of if bound.measure in ("longest_wait_s", "silent_s")]
        window_us = max(condition.window_us, HOUR_US if self.usuals else 0)
        own_us = (2 + charted) * window_us + condition.for_us + 2 * condition.step_us
        return own_us + int(max(growing, default=0) * SECOND_US)

    def judge(self, present: Present, known: Mask, in_force: bool) -> list[tuple[int, str, int]]:
        """Judges all groups at an instant; returns what is raised and what ends as group, step, and since when. Of groups that are
        not `known` there is no data; out of force all is well."""
        count = len(known)
        for name, _, fill in _STATE:
            setattr(self, name, grown(getattr(self, name), count, fill))
        failing, well, blank = np.zeros(count, np.bool_), np.ones(count, np.bool_), np.zeros(count, np.bool_)
        for number, bound in enumerate(self.condition.any_of):
            found = self._seen(number, bound, present, known)
            fails = (found > bound.limit) if bound.is_above else (found < bound.limit)
            well &= (found <= bound.clear_at) if bound.is_above else (found >= bound.clear_at)
            blank |= np.isnan(found)
            told = (fails & ~failing) if number else np.ones(count, np.bool_)
            self.figure[:count][told], self.bound[:count][told] = found[told], number
            failing |= fails
        if not in_force:
            return self._settle(present.at_us, failing & False, well | True, blank & False)
        blank &= ~failing
        return self._settle(present.at_us, failing, well & ~blank, blank)

    def _seen(self, number: int, bound: Bound, present: Present, known: Mask) -> Figures:
        """The figures in the form that the bound is of."""
        condition, frame = self.condition, self.frame
        found = np.where(known, present.figures(bound.measure, condition.needs(bound), frame), np.nan)
        if number in self.usuals:
            start_us = present.at_us - condition.window_us
            if present.heard_us.max(initial=NEVER_US) < start_us:
                return found * np.nan  # Where no event came at all, nobody knows.
            usual = self.usuals[number].over(start_us, present.at_us, len(found))
            if bound.measure in COUNTED:
                usual = usual * condition.window_us / HOUR_US
            usual = np.maximum(usual, bound.usual_least)
            return np.divide(found, usual, out=found * np.nan, where=usual > 0)
        if number in self.histories:
            self.histories[number].note(found)
            return self.histories[number].chart(bound.form, len(found))
        return found

    def _settle(self, at_us: int, failing: Mask, well: Mask, blank: Mask) -> list[tuple[int, str, int]]:
        count = len(failing)
        since_us, blank_us, is_raised = self.since_us[:count], self.blank_us[:count], self.is_raised[:count]
        blank_us[~blank] = NEVER_US
        blank_us[blank & (blank_us == NEVER_US)] = at_us
        since_us[failing & (since_us == NEVER_US)] = at_us
        over = blank & (at_us - blank_us >= self.condition.window_us)
        begins = failing & ~is_raised & (at_us - since_us >= self.condition.for_us)
        ends = is_raised & (well | over)
        steps = [(place, BROKEN, int(since_us[place])) for place in np.flatnonzero(begins).tolist()]
        steps += [(place, ENDED, int(since_us[place])) for place in np.flatnonzero(ends).tolist()]
        is_raised[begins], is_raised[ends] = True, False
        # Whoever is not raised must fail at every look; only looks without data do not count.
        since_us[~is_raised & ~failing & (~blank | over)] = NEVER_US
        return steps

    def saved(self) -> dict[str, Any]:
        """Its memory as plain values and arrays."""
        histories = {str(number): history.figures for number, history in self.histories.items()}
        return {name: getattr(self, name) for name, _, _ in _STATE} | {"histories": histories}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Takes over what `saved` gave."""
        for name, _, _ in _STATE:
            setattr(self, name, saved[name])
        for number, history in self.histories.items():
            history.figures = saved["histories"][str(number)]
