"""Counters and distributions as samples, from the engine's sums.

Owns how sums become lines. Groups beyond the limit are added up as `(other)`, exactly: sums add. What is zero is told too, so that
growth is seen from the first and a share of nothing is 0; only of broken commitments a group is told those that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.catalogue import METRICS
from dashboards.counted import COUNTED, HISTOGRAMS
from dashboards.metric import Metric
from dashboards.samples import Page, escaped, label_text
from engine.columns import OTHER
from engine.exported import LES, Buckets, Counted, Exported

__all__ = ["Sums"]

Counts = NDArray[np.int64]

_TARGET = METRICS["floorwatch_answered_wait_target_ratio"]
_COUNTERS = tuple(metric for metric in COUNTED if metric.kind == "counter" and metric.of)
_MEASURED = METRICS["floorwatch_measured_waits_total"]
_FIELDS = tuple(name for _, _, *fields in HISTOGRAMS for name in fields)
_LES = tuple(f'le="{le!r}"' for le in LES)


class Sums:
    """Remembers with what the distributions of each rollup began."""

    def __init__(self, groups_max: int) -> None:
        self._groups_max = groups_max
        self._buckets: dict[str, Buckets] = {}

    def follow(self, exported: Exported) -> None:
        """Take note of the distributions; see `engine.exported.Buckets`."""
        for counted in exported.rollups:
            self._taken(counted, exported.settled_pane)

    def write(self, page: Page, exported: Exported) -> None:
        """Every family that has a sample."""
        every = sorted({name for counted in exported.rollups for name in counted.dimensions})
        parts = [_Part(counted, self._groups_max, every) for counted in exported.rollups]
        coarse = [part for part in parts if len(part.counted.dimensions) < 2]
        for metric in _COUNTERS:
            told = [part for part in parts if len(part.counted.dimensions) <= metric.dimensions_max]
            page.family(metric, [line for part in told for line in part.counter(metric)])
        page.family(_MEASURED, [line for part in coarse for line in part.measured(exported.measures)])
        page.family(_TARGET, [line for part in parts for line in part.targets()])
        taken = [(part, *self._taken(part.counted, exported.settled_pane)) for part in coarse]
        for number, (name, place, *_) in enumerate(HISTOGRAMS):
            lines = [
                line
                for part, buckets, totals in taken
                for line in part.histogram(name, buckets[:, place], totals[:, 2 * number : 2 * number + 2])
            ]
            page.family(METRICS[name], lines)

    def _taken(self, counted: Counted, settled_pane: int | None) -> tuple[Counts, Counts]:
        if len(counted.dimensions) > 1:
            return np.zeros((0, 0, 0), np.int64), np.zeros((0, 0), np.int64)
        return self._buckets.setdefault(counted.name, Buckets()).take(counted, settled_pane, _FIELDS)


class _Part:
    """One rollup, with a text of labels for each group that is told by itself, the rest being the last one. A group of which nothing
    was ever counted is not told of."""

    def __init__(self, counted: Counted, groups_max: int, every: Sequence[str]) -> None:
        self.counted = counted
        names = list(counted.groups)
        self._cut = groups_max - 1 if len(names) >= groups_max and counted.dimensions else len(names)
        if self._cut < len(names):
            names[self._cut :] = [(OTHER,) * len(counted.dimensions)]
        self._told = (
            np.arange(1) if not counted.dimensions else np.flatnonzero(self._limited(counted.totals).any(axis=1))
        )
        self.labels = [self._label(names[place], every) for place in self._told.tolist()]

    def _label(self, values: tuple[str, ...], every: Sequence[str]) -> str:
        named = dict(zip(self.counted.dimensions, values, strict=True))
        return label_text((*((name, named.get(name, "")) for name in every), ("rollup", self.counted.name)))

    def _limited(self, values: Counts) -> Counts:
        if self._cut >= len(values):
            return values
        return np.concatenate((values[: self._cut], values[self._cut :].sum(axis=0, keepdims=True)))

    def _rows(self, values: Counts) -> Counts:
        chosen: Counts = self._limited(values)[self._told]
        return chosen

    def _field(self, name: str) -> Counts:
        return self._rows(self.counted.totals[:, self.counted.fields[name]])

    def counter(self, metric: Metric) -> list[str]:
        lines: list[str] = []
        for field, values in metric.of:
            amounts = self._field(field)
            told: Sequence[Any] = (amounts / metric.per if metric.per > 1 else amounts.astype(np.float64)).tolist()
            own = "".join(f',{name}="{value}"' for name, value in zip(metric.labels, values, strict=True))
            sparse = bool("commitment" in metric.labels and self.counted.dimensions)
            lines += [
                f"{metric.name}{{{label}{own}}} {value!r}\n"
                for label, value in zip(self.labels, told, strict=True)
                if value or not sparse
            ]
        return lines

    def measured(self, measures: Sequence[str]) -> list[str]:
        lines = []
        for measure in measures:
            for part, are in (("count", "counted"), ("in_target", "in_target")):
                if (field := f"responses.{measure}.{part}") in self.counted.fields:
                    own = f'measure="{escaped(measure)}",are="{are}"'
                    lines += [
                        f"{_MEASURED.name}{{{label},{own}}} {value}.0\n"
                        for label, value in zip(self.labels, self._field(field).tolist(), strict=True)
                        if value or not self.counted.dimensions
                    ]
        return lines

    def targets(self) -> list[str]:
        in_target, answered = (self._field(field).tolist() for field, _ in _TARGET.of)
        name = f"{_TARGET.name}_bucket"
        return [
            line
            for label, hits, count in zip(self.labels, in_target, answered, strict=True)
            for line in (f'{name}{{{label},le="1.0"}} {hits}.0\n', f'{name}{{{label},le="+Inf"}} {count}.0\n')
        ]

    def histogram(self, name: str, buckets: Counts, totals: Counts) -> list[str]:
        lines = []
        for label, row, (count, sum_us) in zip(
            self.labels, self._rows(buckets).tolist(), self._rows(totals).tolist(), strict=True
        ):
            lines += [f"{name}_bucket{{{label},{le}}} {value}.0\n" for le, value in zip(_LES, row, strict=True)]
            lines.append(f'{name}_bucket{{{label},le="+Inf"}} {count}.0\n')
            lines.append(f"{name}_sum{{{label}}} {sum_us / 1e6!r}\n")
            lines.append(f"{name}_count{{{label}}} {count}.0\n")
        return lines
