"""Sliding windows for conditions: of a few fields, by the groups of a few dimensions, always summed up.

A *scope* says whose groups; a *frame* keeps one window of them in slices as long as its step, and the sums over it, so that looking
costs nothing and moving on costs one slice. Never divides, and touches no tally: what conditions need neither makes the panes
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
from engine.keys import Number

__all__ = ["Frame", "Scope"]

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
        #: The column of each field, and of each level's area that of its net change.
        self.columns = {name: column for column, name in enumerate(self.fields)}
        self.columns |= {f"{level}_area_us": len(self.fields) + 2 * number for number, level in enumerate(levels)}
        self.column_of = np.full(len(FIELDS), -1, np.int64)
        self.level_of = np.full(len(FIELDS), -1, np.int64)
        for name in self.fields:
            self.column_of[FIELD[name]] = self.columns[name]
        for number, level in enumerate(levels):
            self.column_of[FIELD[f"{level}_net"]] = self.columns[f"{level}_area_us"]
            self.level_of[FIELD[f"{level}_net"]] = number
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

    def take(self, amounts: Sums) -> None:
        """Counts facts, int64 (4, n): field, combination, instant, value. None is of `end_us` or later."""
        if self.end_us is None or not self.ring.shape[2]:
            return
        self.make_room()
        _count(
            amounts, self.scope.place_of, self.column_of, self.level_of, self.ring, self.sums, self.now, self.known,
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

    def field(self, name: str) -> Sums:
        """The sum of a field over the window, a value a group; of a level's area, what lies in the window."""
        count, column = len(self), self.columns[name]
        if not name.endswith("_area_us"):
            found: Sums = self.sums[:count, column]
            return found
        net, moment = self.sums[:count, column], self.sums[:count, column + 1]
        # Changes before the window lasted all of it, one inside from its instant to the end.
        held = self.now[:count, (column - len(self.fields)) // 2] - net
        area: Sums = held * self.window_us + net * (self.end_us or 0) - moment
        return area

    def level(self, name: str) -> Sums:
        """What holds of a level at the window's end, a value a group."""
        found: Sums = self.now[: len(self), self.levels.index(name)]
        return found

    def saved(self) -> dict[str, Any]:
        """Its memory as plain values and arrays."""
        return {"end_us": self.end_us} | {name: getattr(self, name)[: len(self)] for name in _STATE}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Takes over what a frame of the same `key` gave."""
        self.end_us = saved["end_us"]
        for name in _STATE:
            setattr(self, name, saved[name])


@compiled
def _count(
    amounts: Sums, place_of: Sums, column_of: Sums, level_of: Sums, ring: Any, sums: Sums, now: Sums, known: Any,
    start_us: Number, step_us: Number,
) -> None:  # fmt: skip  # pragma: no cover
    """Adds each fact to its group's slice; one from before the window's start moves what holds now, nothing else."""
    for row in range(amounts.shape[1]):
        what, value = amounts[0, row], amounts[3, row]
        column = column_of[what] if what < len(column_of) else -1
        if column < 0 or value == 0:
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
