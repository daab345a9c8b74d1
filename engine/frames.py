"""Sliding windows for conditions: of a few fields, by the groups of a few dimensions, always summed up.

A *scope* says whose groups; a *frame* keeps one window of them in slices as long as its step, and the sums over it, so that looking
costs nothing and moving on costs one slice. Divides only as formulas say, and touches no tally: what conditions need neither makes the panes
of the report finer nor lives as long.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import OTHER, Combinations, grown
from engine.compiled import compiled
from engine.events import DIMENSIONS
from engine.facts import FIELD, FIELDS, LEVELS
from engine.formulas import Formula
from engine.keys import Number

__all__ = ["Frame", "Scope", "Sorter"]

Sums = NDArray[np.int64]

_STATE = ("ring", "sums", "now", "known")


class Scope:
    """The groups of some dimensions among the combinations that have certain values. Past `groups_max` all are `OTHER`, counted.

    `place_of` int64 by combination: the group's number, -1 where the combination is not meant.
    """

    def __init__(self, by: Sequence[str], where: Mapping[str, frozenset[str]], groups_max: int) -> None:
        self.by = tuple(by)
        self.where = {DIMENSIONS.index(name): values for name, values in where.items() if name in DIMENSIONS}
        self.columns = [DIMENSIONS.index(name) for name in by]
        self.groups_max = groups_max
        self.groups: dict[tuple[str, ...], int] = {} if by else {(): 0}
        self.overflow_count = 0
        self.place_of = np.empty(0, np.int64)

    def refresh(self, combinations: Combinations) -> None:
        """Gives the combinations that are new since the last call their group."""
        known = len(self.place_of)
        if known < len(combinations):
            texts = [names.texts for names in combinations.names]
            new = combinations.values[known : len(combinations)].tolist()
            places = [self._place([names[code] for names, code in zip(texts, codes, strict=True)]) for codes in new]
            self.place_of = np.concatenate((self.place_of, np.array(places, np.int64)))

    def _place(self, values: list[str]) -> int:
        if any(values[column] not in accepted for column, accepted in self.where.items()):
            return -1
        group = tuple(values[column] for column in self.columns)
        if group not in self.groups and len(self.groups) >= self.groups_max - 1:
            self.overflow_count += 1
            group = (OTHER,) * len(group)
        return self.groups.setdefault(group, len(self.groups))


class Frame:
    """The window of `window_us` that ends at `end_us`, which moves on by whole steps.

    `ring` int64 (groups, slices, columns), `sums` (groups, columns) over all slices; a column is a field, or of a level the net
    change and its *moment*, the sum of change times instant. `now` (groups, levels) is what holds at the end; `known` (groups)
    is True once anything was counted. Moments wrap around in 64 bits; the areas made of them fit, so they come out right.
    """

    def __init__(self, scope: Scope, window_us: int, step_us: int, names: Sequence[str]) -> None:
        self.scope, self.window_us, self.step_us = scope, window_us, step_us
        self.slices = window_us // step_us
        levels = [level for level in LEVELS if f"{level}_net" in names or f"{level}_area_us" in names]
        self.fields = [name for name in names if not name.endswith(("_net", "_area_us"))]
        self.levels = levels
        self.column_of = np.full(len(FIELDS), -1, np.int64)
        self.level_of = np.full(len(FIELDS), -1, np.int64)
        for column, name in enumerate(self.fields):
            self.column_of[FIELD[name]] = column
        for number, level in enumerate(levels):
            self.column_of[FIELD[f"{level}_net"]] = len(self.fields) + 2 * number
            self.level_of[FIELD[f"{level}_net"]] = number
        self.weights = np.zeros((0, 4, len(self.fields) + 2 * len(levels)), np.int64)
        self.extras = np.zeros((0, 4), np.int64)
        self.end_us: int | None = None
        self.ring = np.zeros((0, self.slices, len(self.fields) + 2 * len(levels)), np.int64)
        self.sums = np.zeros((0, self.ring.shape[2]), np.int64)
        self.now = np.zeros((0, len(levels)), np.int64)
        self.known = np.zeros(0, np.bool_)

    def key(self) -> str:
        """What its state fits to."""
        where = sorted((column, sorted(values)) for column, values in self.scope.where.items())
        return repr((self.scope.by, where, self.window_us, self.step_us, self.fields, self.levels))

    def __len__(self) -> int:
        return len(self.scope.groups)

    def make_room(self) -> None:
        """Has a place for every group of the scope."""
        if len(self) > len(self.known):
            for name in _STATE:
                setattr(self, name, grown(getattr(self, name), len(self)))

    def take(self, amounts: Sums, rows: NDArray[np.int32]) -> None:
        """Counts facts, int64 (4, n): field, combination, instant, value; those in `rows`, which are all of its fields. None is of
        `end_us` or later."""
        if self.end_us is None or not len(rows):
            return
        self.make_room()
        _count(
            amounts, rows, self.scope.place_of, self.column_of, self.level_of, self.ring, self.sums, self.now, self.known,
            self.end_us - self.window_us, self.step_us,
        )  # fmt: skip

    def begin_with(self, levels: Mapping[str, tuple[NDArray[Any], Any]]) -> None:
        """Takes over the levels that hold already: of each the combinations, and how much of it each of them has."""
        self.make_room()
        for number, level in enumerate(self.levels):
            combinations, amounts = levels[level]
            places = self.scope.place_of[combinations]
            np.add.at(self.now[:, number], places[places >= 0], np.broadcast_to(amounts, places.shape)[places >= 0])
        self.known |= self.now.any(axis=1)

    def move_to(self, end_us: int) -> None:
        """Moves the window's end on; what falls out is forgotten."""
        gone = self.slices if self.end_us is None else (end_us - self.end_us) // self.step_us
        if gone >= self.slices:
            self.ring[:] = 0
            self.sums[:] = 0
        elif self.end_us is not None:
            first = (self.end_us - self.window_us) // self.step_us
            for number in range(first, first + gone):
                fallen = self.ring[:, number % self.slices]
                self.sums -= fallen
                fallen[:] = 0
        self.end_us = end_us

    def add(self, formula: Formula) -> int:
        """Has the frame work out a formula of its fields at each look; returns its row among the figures."""
        levels = len(self.levels)
        weights = np.zeros((4, len(self.fields) + 2 * levels), np.int64)
        named = (formula.over, formula.under, dict.fromkeys(formula.sample, 1), dict.fromkeys(formula.known, 1))
        for row, given in enumerate(named):
            for name, weight in given.items():
                weights[row, self._value_of(name)] += weight
        self.weights = np.concatenate((self.weights, weights[None]))
        extra = [formula.constant, bool(formula.sample), formula.least, bool(formula.known)]
        self.extras = np.concatenate((self.extras, np.array([extra], np.int64)))
        return len(self.weights) - 1

    def _value_of(self, name: str) -> int:
        """Where a value stands among all: the fields, then the levels' areas, then what holds of the levels at the end."""
        for suffix, first in (("_area_us", len(self.fields)), ("_net", len(self.fields) + len(self.levels))):
            if name.endswith(suffix):
                return first + self.levels.index(name.removesuffix(suffix))
        return self.fields.index(name)

    def figures(self) -> NDArray[np.float64]:
        """Every formula's figure by group, float64 (formulas, groups), NaN for no data."""
        found = np.empty((len(self.weights), len(self)))
        _work_out(
            found, self.weights, self.extras, self.sums, self.now, len(self.fields), self.window_us, self.end_us or 0
        )
        return found

    def saved(self) -> dict[str, Any]:
        """Its memory as plain values and arrays."""
        return {"end_us": self.end_us} | {name: getattr(self, name)[: len(self)] for name in _STATE}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Takes over what a frame of the same `key` gave."""
        self.end_us = saved["end_us"]
        for name in _STATE:
            setattr(self, name, saved[name])


class Sorter:
    """Which facts each frame needs, found in one pass over them, since most facts are for few frames."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        needed = [
            [number for number, frame in enumerate(frames) if frame.column_of[what] >= 0] for what in range(len(FIELDS))
        ]
        self.first = np.cumsum([0, *map(len, needed)])
        self.frames = np.array([number for numbers in needed for number in numbers], np.int64)
        self.rows = np.empty((len(frames), 0), np.int32)

    def sort(self, amounts: Sums) -> list[NDArray[np.int32]]:
        """The rows of facts by frame; they hold until the next call."""
        if amounts.shape[1] > self.rows.shape[1]:
            self.rows = np.empty((len(self.rows), 2 * amounts.shape[1]), np.int32)
        counts = np.zeros(len(self.rows), np.int64)
        _sort(amounts, self.first, self.frames, self.rows, counts)
        return [rows[:count] for rows, count in zip(self.rows, counts.tolist(), strict=True)]


@compiled
def _sort(amounts: Sums, first: Sums, frames: Sums, rows: Any, counts: Any) -> None:  # pragma: no cover
    for row in range(amounts.shape[1]):
        what = amounts[0, row]
        if what < len(first) - 1:  # Beyond are fields that a policy defines.
            for place in range(first[what], first[what + 1]):
                frame = frames[place]
                rows[frame, counts[frame]] = row
                counts[frame] += 1


@compiled
def _count(
    amounts: Sums, rows: Any, place_of: Sums, column_of: Sums, level_of: Sums, ring: Any, sums: Sums, now: Sums, known: Any,
    start_us: Number, step_us: Number,
) -> None:  # fmt: skip  # pragma: no cover
    """Adds each fact to its group's slice; one from before the window's start moves what holds now, nothing else."""
    for row in rows:
        what, value = amounts[0, row], amounts[3, row]
        column = column_of[what]
        if value == 0:
            continue
        place = place_of[amounts[1, row]]
        if place < 0:
            continue
        known[place] = True
        level, time_us = level_of[what], amounts[2, row]
        if level >= 0:
            now[place, level] += value
        if time_us >= start_us:
            number = time_us // step_us % ring.shape[1]
            ring[place, number, column] += value
            sums[place, column] += value
            if level >= 0:
                ring[place, number, column + 1] += value * time_us
                sums[place, column + 1] += value * time_us


@compiled
def _work_out(
    found: Any, weights: Any, extras: Sums, sums: Sums, now: Sums, fields: Number, window_us: Number, end_us: Number
) -> None:  # pragma: no cover
    levels = now.shape[1]
    values = np.zeros(fields + 2 * levels, np.int64)
    totals = np.zeros(4, np.int64)
    for place in range(found.shape[1]):
        values[:fields] = sums[place, :fields]
        for level in range(levels):
            net, moment = sums[place, fields + 2 * level], sums[place, fields + 2 * level + 1]
            # Changes before the window lasted all of it, one inside from its instant to the end.
            values[fields + level] = (now[place, level] - net) * window_us + net * end_us - moment
            values[fields + levels + level] = now[place, level]
        for row in range(len(weights)):
            totals[:] = 0
            for part in range(4):
                for column in range(len(values)):
                    totals[part] += weights[row, part, column] * values[column]
            below = totals[1] + extras[row, 0]
            too_few = extras[row, 1] == 1 and totals[2] < extras[row, 2]
            unknown = extras[row, 3] == 1 and totals[3] <= 0
            found[row, place] = np.nan if below == 0 or too_few or unknown else totals[0] / below
