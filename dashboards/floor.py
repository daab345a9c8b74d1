"""Levels and figures of the window as samples: the rows of `/api/v1/now`, one sample a figure and group.

Owns how rows become lines. What adds up is added up for groups beyond the limit; what does not has no sample for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.catalogue import METRICS
from dashboards.present import PRESENT
from dashboards.samples import Page, escaped, label_text
from engine.columns import OTHER
from engine.exported import Exported

__all__ = ["Floor", "dimensions_of"]

_PLAIN = tuple(metric for metric in PRESENT if metric.floor and not metric.labels)
_ADDED = tuple(
    metric.of[0][0] for metric in _PLAIN if metric.unit in ("contacts", "breaches") and metric.of[0][0] != "nps"
)
_MEASURES = ("floorwatch_measure_ratio", "floorwatch_measure_average_seconds")


def dimensions_of(rollup: str) -> tuple[str, ...]:
    """The dimensions by which a rollup is kept."""
    return () if rollup == "total" else tuple(rollup.split(","))


class Floor:
    """The rows of every rollup, at most `groups_max` each; `overflow` says how many groups were put together."""

    def __init__(self, facts: Mapping[str, Any], groups_max: int, exported: Exported | None) -> None:
        groups: Mapping[str, Sequence[Mapping[str, Any]]] = facts.get("groups", {})
        self.overflow: dict[str, float] = {}
        every = sorted({name for rollup in groups for name in dimensions_of(rollup)})
        firsts = {one.name: set(one.groups[: groups_max - 1]) for one in exported.rollups} if exported else {}
        self._rows: list[Mapping[str, Any]] = []
        self._labels: list[str] = []
        self._is_total: list[bool] = []
        for rollup, rows in groups.items():
            kept = self._limited(rollup, rows, groups_max, firsts.get(rollup))
            of = dimensions_of(rollup)
            self._rows += kept
            self._is_total += [not of] * len(kept)
            self._labels += [
                label_text(
                    (*((name, str(row.get(name) or "") if name in of else "") for name in every), ("rollup", rollup))
                )
                for row in kept
            ]

    def _limited(
        self, rollup: str, rows: Sequence[Mapping[str, Any]], groups_max: int, first: set[tuple[str, ...]] | None
    ) -> list[Mapping[str, Any]]:
        dimensions = dimensions_of(rollup)
        if not dimensions or (len(rows) < groups_max and first is None):
            return list(rows)
        if first is None:
            kept, beyond = list(rows[: groups_max - 1]), list(rows[groups_max - 1 :])
        else:
            kept, beyond = [], []
            for row in rows:
                (kept if tuple(row[name] for name in dimensions) in first else beyond).append(row)
        if beyond:
            self.overflow[rollup] = len(beyond)
            kept.append(_together(beyond, dimensions))
        return kept

    def write(self, page: Page) -> None:
        """Every family that has a sample."""
        rows, labels = self._rows, self._labels
        for metric in _PLAIN:
            key, name = metric.of[0][0], metric.name
            page.family(metric, [
                f"{name}{{{label}}} {float(value)!r}\n"
                for label, row in zip(labels, rows, strict=True)
                if (value := row.get(key)) is not None and value == value
            ])  # fmt: skip
        self._write_states(page)
        for name in _MEASURES:
            part = METRICS[name].of[0][0]
            page.family(METRICS[name], [
                f'{name}{{{label},measure="{escaped(measure)}"}} {float(value)!r}\n'
                for label, row in zip(labels, rows, strict=True)
                for measure, told in (row.get("measures") or {}).items()
                if (value := told[part]) is not None
            ])  # fmt: skip

    def _write_states(self, page: Page) -> None:
        # Most groups of a fine rollup have no people of their own: without any there is nothing to tell.
        page.family(METRICS["floorwatch_agents"], [
            f'floorwatch_agents{{{label},state="{state}"}} {count}.0\n'
            for label, row, is_total in zip(self._labels, self._rows, self._is_total, strict=True)
            if is_total or any((row.get("agents") or {}).values())
            for state, count in (row.get("agents") or {}).items()
            if count is not None
        ])  # fmt: skip


def _together(rows: Sequence[Mapping[str, Any]], dimensions: tuple[str, ...]) -> dict[str, Any]:
    """What adds up of groups beyond the limit, and the longest of their waits."""
    states: Counter[str] = Counter()
    for row in rows:
        states.update(row.get("agents") or {})
    waits = [row["longest_wait_s"] for row in rows if row.get("longest_wait_s") is not None]
    added = {key: sum(row.get(key) or 0 for row in rows) for key in _ADDED}
    return (
        dict.fromkeys(dimensions, OTHER) | added | {"agents": dict(states), "longest_wait_s": max(waits, default=None)}
    )
