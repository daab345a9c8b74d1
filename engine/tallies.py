"""The tallies: additive integers, maxima and histogram buckets of each pane and group, for each configured rollup.

A *pane* is the smallest slice of time that windows share; a *rollup* a list of dimensions; a *group* one set of their
values. A batch's facts are summed once by pane and combination, and only these sums go to the rollups. Sums travel,
ratios do not: dividing is the reader's business.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.columns import OTHER, Combinations, grown
from engine.errors import InvalidSetting
from engine.events import DIMENSIONS
from engine.facts import FIELD, FIELDS, LEVELS, MEASURES, PEAK_LEVELS, Changes, Facts
from engine.histograms import BUCKET_COUNT, Histograms, bucket
from engine.runs import run_starts

__all__ = ["NO_PEAK", "Rollup", "Tallies"]

Index = NDArray[np.int64]

#: Bits of a cell's key that hold the group; the pane is above them.
_GROUP_BITS = 16
_GROUPS_MAX = 1 << _GROUP_BITS
#: The peak of a cell in which the level never changed.
NO_PEAK = -(2**62)
_SCRATCH = 1 << 21


class Rollup:
    """The cells of one list of dimensions.

    `keys` int64, ascending: pane shifted left 16 bits, plus group. `places` gives each key its row in `sums` (rows, fields)
    int64, `peaks` (rows, levels) int64 relative to the level at the pane's start, and `longest_us` int64. `totals`
    (groups, fields) sums everything ever counted. `fields` are the columns by name: `FIELDS` and then further ones.
    """

    def __init__(self, dimensions: Sequence[str], groups_max: int, further: Sequence[str] = ()) -> None:
        unknown = [name for name in dimensions if name not in DIMENSIONS]
        if unknown:
            raise InvalidSetting(f"{unknown[0]!r} is not a dimension; choose from {', '.join(DIMENSIONS)}")
        self.dimensions = tuple(dimensions)
        self.columns = [DIMENSIONS.index(name) for name in dimensions]
        self.fields: Mapping[str, int] = FIELD | {name: len(FIELDS) + place for place, name in enumerate(further)}
        self.groups_max = min(groups_max, _GROUPS_MAX)
        self.groups: dict[tuple[str, ...], int] = {} if dimensions else {(): 0}
        self.overflow_count = 0
        self.group_of = np.empty(0, np.int64)
        self.keys = np.empty(0, np.int64)
        self.places = np.empty(0, np.int64)
        self.sums = np.zeros((64, len(self.fields)), np.int64)
        self.peaks = np.full((64, len(PEAK_LEVELS)), NO_PEAK, np.int64)
        self.longest_us = np.full(64, -1, np.int64)
        self.totals = np.zeros((64, len(self.fields)), np.int64)
        self.base = np.zeros((64, len(LEVELS)), np.int64)
        self.histograms = Histograms()

    @property
    def name(self) -> str:
        """How outputs call it: `total`, or its dimensions joined by commas."""
        return ",".join(self.dimensions) or "total"

    def adopt(self, further: Sequence[str]) -> None:
        """Has other columns beyond `FIELDS`; those that keep their names keep what they hold."""
        fields = FIELD | {name: len(FIELDS) + place for place, name in enumerate(further)}
        for name in ("sums", "totals"):
            before = getattr(self, name)
            after = np.zeros((len(before), len(fields)), np.int64)
            kept = [field for field in fields if field in self.fields]
            after[:, [fields[field] for field in kept]] = before[:, [self.fields[field] for field in kept]]
            setattr(self, name, after)
        self.fields = fields

    def refresh(self, combinations: Combinations) -> None:
        """Gives the combinations that are new since the last call their group."""
        known = len(self.group_of)
        if known == len(combinations):
            return
        texts = [combinations.names[column].texts for column in self.columns]
        groups = [
            self._group(tuple(names[code] for names, code in zip(texts, codes, strict=True)))
            for codes in combinations.values[known : len(combinations), self.columns].tolist()
        ]
        self.group_of = np.concatenate((self.group_of, np.array(groups, np.int64)))
        self.totals = grown(self.totals, len(self.groups))
        self.base = grown(self.base, len(self.groups))

    def _group(self, values: tuple[str, ...]) -> int:
        group = self.groups.get(values)
        if group is None:
            if len(self.groups) >= self.groups_max - 1:
                self.overflow_count += 1
                values = (OTHER,) * len(values)
            group = self.groups.setdefault(values, len(self.groups))
        return group

    def rows(self, keys: Index) -> Index:
        """Rows of the cells with these keys (ascending, distinct), new rows for new keys."""
        at = np.searchsorted(self.keys, keys)
        known = at < len(self.keys)
        known[known] = self.keys[at[known]] == keys[known]
        if not known.all():
            new = keys[~known]
            first = len(self.keys)
            self.keys = np.insert(self.keys, at[~known], new)
            self.places = np.insert(self.places, at[~known], np.arange(first, first + len(new)))
            self.sums = grown(self.sums, first + len(new))
            self.peaks = grown(self.peaks, first + len(new), NO_PEAK)
            self.longest_us = grown(self.longest_us, first + len(new), -1)
            at = np.searchsorted(self.keys, keys)
        return self.places[at]

    def forget(self, before_pane: int) -> int:
        """Drops the cells of panes before that one, keeping the levels they led to; returns how many."""
        cut = int(np.searchsorted(self.keys, before_pane << _GROUP_BITS))
        if not cut:
            return 0
        gone = self.places[:cut]
        nets = [FIELD[f"{level}_net"] for level in LEVELS]
        np.add.at(self.base, self.keys[:cut] & (_GROUPS_MAX - 1), self.sums[gone][:, nets])
        kept = self.places[cut:]
        self.keys, self.places = self.keys[cut:].copy(), np.arange(len(kept))
        self.sums, self.peaks, self.longest_us = self.sums[kept], self.peaks[kept], self.longest_us[kept]
        self.histograms.forget((before_pane << _GROUP_BITS) * len(MEASURES) * BUCKET_COUNT)
        return cut


class Tallies:
    """All rollups, fed with facts. `further` are columns beyond `FIELDS`. `oldest_pane` is the first pane still kept; facts for older ones are counted only."""

    def __init__(
        self, rollups: Sequence[Sequence[str]], pane_us: int, combinations: Combinations, groups_max: int,
        further: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.further = tuple(further)
        self.pane_us = pane_us
        self.combinations = combinations
        self.rollups = [Rollup(dimensions, groups_max, further) for dimensions in rollups]
        self.oldest_pane = -(2**40)
        self.expired_count = 0
        self._scratch = np.zeros(0, np.int64)

    def adopt(self, further: Sequence[str]) -> None:
        """Has other columns beyond `FIELDS`."""
        if tuple(further) != self.further:
            self.further = tuple(further)
            for rollup in self.rollups:
                rollup.adopt(further)

    def absorb(self, facts: Facts) -> None:
        """Adds the facts of one batch to every rollup."""
        for rollup in self.rollups:
            rollup.refresh(self.combinations)
        for level, parts in facts.levels.items():
            self._level(level, parts, facts)
        if facts.amounts:
            self._amounts(facts)
        if facts.samples:
            self._samples(facts)
        if facts.longest:
            self._longest(facts)

    def forget(self, before_pane: int) -> None:
        """Drops panes before that one from every rollup."""
        if before_pane > self.oldest_pane:
            self.oldest_pane = before_pane
            for rollup in self.rollups:
                rollup.forget(before_pane)

    def _compact(self, panes: Index, codes: Index, code_count: int) -> tuple[Index, Index, Index]:
        """Distinct (pane, code) pairs as panes and codes, and for each row the index of its pair.

        Marks the pairs in a table when their range is small, which costs no sorting.
        """
        low = int(panes.min())
        keys = (panes - low) * code_count + codes
        size = (int(panes.max()) - low + 1) * code_count
        if size <= _SCRATCH:
            self._scratch = grown(self._scratch, size)
            table = self._scratch[:size]
            table[keys] = 1
            distinct = np.flatnonzero(table)
            table[distinct] = np.arange(len(distinct))
            inverse = table[keys]
            table[distinct] = 0
        else:
            distinct, inverse = np.unique(keys, return_inverse=True)
        return distinct // code_count + low, distinct % code_count, inverse

    def _kept(self, panes: Index) -> NDArray[np.bool_] | None:
        """Which rows are for panes still kept, None when all are; counts the others."""
        if int(panes.min()) >= self.oldest_pane:
            return None
        kept = panes >= self.oldest_pane
        self.expired_count += int((~kept).sum())
        return kept

    def _amounts(self, facts: Facts) -> None:
        fields, codes, times_us, values = np.concatenate(facts.amounts, axis=1)
        panes = times_us // self.pane_us
        kept = self._kept(panes)
        if kept is not None:
            if not kept.any():
                return
            fields, codes, panes, values = fields[kept], codes[kept], panes[kept], values[kept]
        cell_panes, cell_codes, cells = self._compact(panes, codes, len(self.combinations))
        field_count = len(FIELDS) + len(self.further)
        sums = np.zeros((len(cell_panes), field_count), np.int64)
        np.add.at(sums.ravel(), cells * field_count + fields, values)
        for rollup in self.rollups:
            group_panes, groups, inverse = self._compact(cell_panes, rollup.group_of[cell_codes], len(rollup.groups))
            rolled = np.zeros((len(group_panes), field_count), np.int64)
            np.add.at(rolled, inverse, sums)
            rows = rollup.rows((group_panes << _GROUP_BITS) | groups)
            rollup.sums[rows] += rolled
            np.add.at(rollup.totals, groups, rolled)

    def _samples(self, facts: Facts) -> None:
        measures, codes, times_us, values_us = np.concatenate(facts.samples, axis=1)
        panes = times_us // self.pane_us
        buckets = measures * BUCKET_COUNT + bucket(values_us)
        kept = panes >= self.oldest_pane
        for rollup in self.rollups:
            keys = ((panes << _GROUP_BITS) | rollup.group_of[codes]) * (len(MEASURES) * BUCKET_COUNT) + buckets
            rollup.histograms.add(keys if kept.all() else keys[kept])

    def _longest(self, facts: Facts) -> None:
        _, codes, times_us, waits_us = np.concatenate(facts.longest, axis=1)
        panes = times_us // self.pane_us
        kept = panes >= self.oldest_pane
        codes, panes, waits_us = codes[kept], panes[kept], waits_us[kept]
        if len(panes):
            for rollup in self.rollups:
                cell_panes, groups, inverse = self._compact(panes, rollup.group_of[codes], len(rollup.groups))
                rows = rollup.rows((cell_panes << _GROUP_BITS) | groups)
                np.maximum.at(rollup.longest_us, rows[inverse], waits_us)

    def _level(self, level: int, parts: list[Changes], facts: Facts) -> None:
        """Net change and area as amounts; and the peak, where the level has one."""
        codes = np.concatenate([part.combinations for part in parts])
        times_us = np.concatenate([part.times_us for part in parts])
        deltas = np.concatenate([part.deltas for part in parts])
        panes = times_us // self.pane_us
        if level < len(PEAK_LEVELS):
            ranks_us = np.concatenate([part.ranks_us for part in parts])
            lates = np.concatenate([part.lates for part in parts])
            sequences = np.concatenate([part.sequences for part in parts])
            # In the order of processing, a late row first at its place and late ones in the order they came.
            order = np.lexsort((np.where(lates, sequences, 0), ~lates, ranks_us))
            for rollup in self.rollups:
                self._peak(
                    rollup, level, rollup.group_of[codes[order]], panes[order], times_us[order], ranks_us[order],
                    lates[order], sequences[order], deltas[order],
                )  # fmt: skip
        facts.add(f"{LEVELS[level]}_net", codes, times_us, deltas)
        facts.add(f"{LEVELS[level]}_area_us", codes, times_us, deltas * ((panes + 1) * self.pane_us - times_us))

    def _peak(
        self, rollup: Rollup, level: int, groups: Index, panes: Index, times_us: Index, ranks_us: Index,
        lates: NDArray[np.bool_], sequences: Index, deltas: Index,
    ) -> None:  # fmt: skip
        """Raises the peaks of cells to the highest level that held for some time since the pane began, relative to then.

        All changes of one instant count together, so that departures come before arrivals; a late change counts by
        itself, on top of what was known when it came.
        """
        kept = self._kept(panes)
        if kept is not None:
            if not kept.any():
                return
            groups, panes, times_us, ranks_us = groups[kept], panes[kept], times_us[kept], ranks_us[kept]
            lates, sequences, deltas = lates[kept], sequences[kept], deltas[kept]
        cell_panes, cell_groups, cells = self._compact(panes, groups, len(rollup.groups))
        rows = rollup.rows((cell_panes << _GROUP_BITS) | cell_groups)
        bits = len(cells).bit_length()
        order = np.sort(cells << bits | np.arange(len(cells))) & ((1 << bits) - 1)
        cells, times_us, ranks_us, lates = cells[order], times_us[order], ranks_us[order], lates[order]
        sequences, deltas = sequences[order], deltas[order]
        begins = run_starts(cells)
        starts = np.flatnonzero(begins)
        # The net of this batch is added to the sums only afterwards, with the other amounts.
        carried = rollup.sums[rows, FIELD[f"{LEVELS[level]}_net"]]
        summed = np.cumsum(deltas)
        before = summed[starts] - deltas[starts]
        running = summed + np.repeat(carried - before, np.diff(starts, append=len(cells)))
        settled = np.ones(len(cells), np.bool_)
        settled[:-1] = (cells[1:] != cells[:-1]) | (ranks_us[1:] != ranks_us[:-1]) | (lates[1:] != lates[:-1])
        settled[:-1] |= lates[:-1] & (sequences[1:] != sequences[:-1])
        peaks = rollup.peaks[rows, level]
        # Before a cell's first change the level is what it was, unless that change is at the pane's very start.
        held = times_us[starts] > cell_panes[cells[starts]] * self.pane_us
        peaks = np.where((peaks == NO_PEAK) & held, 0, peaks)
        np.maximum.at(peaks, cells[settled], running[settled])
        rollup.peaks[rows, level] = peaks
