"""The judge of one condition: group by group, since when it has failed, whether it is raised, and when it is over.

Owns that memory. Never decides when to judge, and sees figures only as `engine.present` gives them. Without data nothing begins and
nothing ends, until a whole window has passed without any.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.alarms import BROKEN, ENDED
from engine.columns import grown
from engine.compiled import compiled
from engine.conditions import CHARTS, COUNTED, Condition
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
    the newest `figure`, of the `bound` that fails or of the first. `rows` says which
    of its frame's figures each bound is on, None for what has no formula; `usuals` are by bound."""

    since_us: NDArray[np.int64]
    blank_us: NDArray[np.int64]
    is_raised: Mask
    figure: Figures
    bound: NDArray[np.int64]

    def __init__(
        self, condition: Condition, frame: Frame, rows: Sequence[int | None], usuals: Mapping[int, Usual]
    ) -> None:
        self.condition, self.frame, self.rows, self.usuals = condition, frame, rows, usuals
        charted = [number for number, bound in enumerate(condition.any_of) if bound.form in CHARTS]
        self.histories = {number: History(condition.any_of[number].intervals) for number in charted}
        self._looks_closer = None in rows or bool(usuals) or bool(self.histories)
        self._rows = np.array([row or 0 for row in rows], np.int64)
        self._bounds = (
            np.array([bound.limit for bound in condition.any_of], np.float64),
            np.array([bound.clear_at for bound in condition.any_of], np.float64),
            np.array([bound.is_above for bound in condition.any_of]),
        )
        for name, dtype, fill in _STATE:
            setattr(self, name, np.full(0, fill, dtype))

    @property
    def of_sources(self) -> bool:
        """Whether it judges sources, one by one, and not groups."""
        return self.condition.any_of[0].measure == "silent_s"

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

    def judge(self, present: Present, worked_out: Figures, known: Mask, in_force: bool) -> list[tuple[int, str, int]]:
        """Judges all groups at an instant, by what its frame has worked out; returns what is raised and what ends as group, step, and
        since when. Of groups that are not `known` there is no data; out of force all is well."""
        count = len(known)
        if count > len(self.since_us):
            for name, _, fill in _STATE:
                setattr(self, name, grown(getattr(self, name), count, fill))
        figures, rows = worked_out, self._rows
        if self._looks_closer:
            figures, rows = self._seen(present, worked_out, known), np.arange(len(rows))
        steps = np.empty((2, count), np.int64)
        changed = _settle(
            present.at_us, figures, rows, known, *self._bounds, in_force, self.condition.for_us, self.condition.window_us,
            self.since_us, self.blank_us, self.is_raised, self.figure, self.bound, steps,
        )  # fmt: skip
        if not changed:
            return []
        return [
            (place, BROKEN if self.is_raised[place] else ENDED, since_us)
            for place, since_us in steps[:, :changed].T.tolist()
        ]

    def _seen(self, present: Present, worked_out: Figures, known: Mask) -> Figures:
        """The figures of all bounds in the form that each is of, where that is more than what the frame has worked out."""
        figures = np.empty((len(self.rows), len(known)))
        for number, (row, bound) in enumerate(zip(self.rows, self.condition.any_of, strict=True)):
            found = present.figures(bound.measure, self.frame) if row is None else worked_out[row]
            if number in self.usuals:
                found = self._by_usual(number, found, present)
            elif number in self.histories:
                self.histories[number].note(np.where(known, found, np.nan))
                found = self.histories[number].chart(bound.form, len(found))
            figures[number] = found
        return figures

    def _by_usual(self, number: int, found: Figures, present: Present) -> Figures:
        condition, bound = self.condition, self.condition.any_of[number]
        start_us = present.at_us - condition.window_us
        if present.heard_us.max(initial=NEVER_US) < start_us:
            return found * np.nan  # Where no event came at all, nobody knows.
        usual = self.usuals[number].over(start_us, present.at_us, len(found))
        if bound.measure in COUNTED:
            usual = usual * condition.window_us / HOUR_US
        usual = np.maximum(usual, bound.usual_least)
        return np.divide(found, usual, out=found * np.nan, where=usual > 0)

    def look_again(self, present: Present) -> None:
        """Brings the figures that grow while nothing happens up to the present."""
        for number, (row, bound) in enumerate(zip(self.rows, self.condition.any_of, strict=True)):
            if row is None:
                found = present.figures(bound.measure, self.frame)[: len(self.figure)]
                shown = (self.bound[: len(found)] == number) & self.is_raised[: len(found)]
                self.figure[: len(found)][shown] = found[shown]

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


@compiled
def _settle(
    at_us: int, figures: Figures, rows: Any, known: Mask, limits: Figures, clears: Figures, above: Mask, in_force: bool, for_us: int, window_us: int,
    since_us: Any, blank_us: Any, is_raised: Any, figure: Any, bound: Any, steps: Any,
) -> int:  # fmt: skip  # pragma: no cover
    """Goes through the groups' figures, float64 (figures, groups), of which each bound has its row, and through their memories. Writes
    the groups that are raised or end, and since when, into `steps`, and returns how many they are."""
    count = 0
    for place in range(len(known)):
        failing, blank, well = -1, not known[place], True
        for number in range(len(rows)):
            found = figures[rows[number], place] if known[place] else np.nan
            if number == 0:
                bound[place], figure[place] = 0, found
            sign = 1.0 if above[number] else -1.0
            if failing < 0 and sign * found > sign * limits[number]:
                failing = number
                bound[place], figure[place] = number, found
            blank = blank or np.isnan(found)
            well = well and sign * found <= sign * clears[number]
        if not in_force:
            failing, blank, well = -1, False, True
        if failing >= 0 or not blank:
            blank_us[place] = NEVER_US
        elif blank_us[place] == NEVER_US:
            blank_us[place] = at_us
        over = blank_us[place] != NEVER_US and at_us - blank_us[place] >= window_us
        if failing >= 0:
            if since_us[place] == NEVER_US:
                since_us[place] = at_us
            if not is_raised[place] and at_us - since_us[place] >= for_us:
                is_raised[place] = True
                steps[0, count], steps[1, count] = place, since_us[place]
                count += 1
        elif is_raised[place]:
            if over or (well and not blank):
                steps[0, count], steps[1, count] = place, since_us[place]
                count += 1
                is_raised[place], since_us[place] = False, NEVER_US
        elif over or not blank:
            # Whoever is not raised must fail at every look; only looks without data do not count.
            since_us[place] = NEVER_US
    return count
