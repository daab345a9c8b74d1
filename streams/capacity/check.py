"""`floorwatch capacity check`: what the models would have said, against what happened, out of the interval history.

Owns the comparison and how it is told. Law: a forecast of a day is made from the days before it only; errors are told whole, the bad intervals with the good ones.

Where nobody reports agents' states, the people of an interval are taken as the most contacts that were in service at once in it: while somebody waits
everybody is busy, so this is exact where it matters, and too few where nobody waited.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.capacity.estimates import Queueing, queueing
from engine.capacity.forecast import forecast, naive
from engine.capacity.queues import outcome
from engine.facts import PEAK_LEVELS
from engine.measures import measures
from engine.times import DAY_US, SECOND_US, iso
from streams.capacity.counts import STEP_US, weekday_of
from streams.capacity.people import people_between
from streams.history.reading import summed
from streams.history.store import Store

__all__ = ["BackTest", "Compared", "back_test", "compared", "whole"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """By interval with enough contacts: when it began, how many came, people, service level and mean wait as said and as they were."""

    starts_us: NDArray[np.int64]
    offered: Values
    people: Values
    said: Values
    was: Values
    said_wait_s: Values
    was_wait_s: Values

    def write(self, path: Path, zone: ZoneInfo) -> None:
        """Every interval as CSV."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(
                [
                    "interval_start",
                    "offered",
                    "agents",
                    "service_level_model",
                    "service_level",
                    "wait_model_s",
                    "wait_s",
                ]
            )
            for row in zip(
                self.starts_us.tolist(),
                self.offered,
                self.people,
                self.said,
                self.was,
                self.said_wait_s,
                self.was_wait_s,
                strict=True,
            ):
                writer.writerow([iso(row[0], zone), int(row[1]), int(row[2]), *(f"{value:.4f}" for value in row[3:])])


@dataclass(frozen=True)
class BackTest:
    """Over the days that were forecast: the mean absolute error by what came, of the forecast and of the same a week before; the share of intervals
    within the bounds."""

    days: int
    ours: float
    naive: float
    within: float


def whole(store: Store, rollup: str = "total") -> tuple[Queueing, list[int]]:
    """Estimates over all that is kept, and the numbers of the groups that they are of."""
    span = store.span(rollup)
    if span is None:
        raise ValueError("nothing is kept")
    (found,) = summed(store, rollup, np.array([span[0]]), np.array([span[1]]), distributions=False)
    return queueing(found.figures.field, np.int64(span[1] - span[0])), found.figures.groups.tolist()


def compared(
    store: Store, *, within_s: float, patience_s: float, at_least: int, formula: str, events: tuple[Path, ...] = (),
) -> Compared:  # fmt: skip
    """Half hours of all queues together. Handle times are those of the day; with `events`, people are those who were there by them."""
    span = store.span("total")
    if span is None:
        raise ValueError("nothing is kept")
    starts = np.arange(span[0] // STEP_US, span[1] // STEP_US) * STEP_US
    rows: list[tuple[Any, ...]] = []
    for found in summed(store, "total", starts, starts + STEP_US, distributions=False):
        figures = found.figures
        columns: Mapping[str, Any] = measures(figures, np.full(len(figures.groups), STEP_US), formula)
        present_us = sum(figures.field(f"{name}_area_us") for name in ("available", "busy", "wrapup"))
        people = np.where(
            present_us > 0, np.round(present_us / STEP_US), figures.peaks[:, PEAK_LEVELS.index("in_service")]
        )
        ended = np.maximum(figures.field("answered") + figures.field("abandoned"), 1)
        rows += zip(
            starts[figures.windows].tolist(), columns["offered"].tolist(), people.tolist(), columns["service_level"].tolist(),
            (figures.field("wait_us") / ended / SECOND_US).tolist(), figures.field("handle_us").tolist(), figures.field("handled").tolist(),
            strict=True,
        )  # fmt: skip
    if events:
        there = people_between(events, starts, STEP_US)[np.searchsorted(starts, [row[0] for row in rows])]
        rows = [(*row[:2], max(1.0, round(people)), *row[3:]) for row, people in zip(rows, there.tolist(), strict=True)]
    told = np.array(
        [row for row in rows if row[1] >= at_least and row[2] > 0 and np.isfinite(row[3])], np.float64
    ).reshape(-1, 7)
    day = told[:, 0] // DAY_US
    days, at = np.unique(day, return_inverse=True)
    handle_s = (
        np.bincount(at, told[:, 5], len(days)) / np.maximum(np.bincount(at, told[:, 6], len(days)), 1) / SECOND_US
    )[at]
    found_ = outcome(told[:, 1] / (STEP_US / SECOND_US), handle_s, told[:, 2], within_s=within_s, patience_s=patience_s)
    return Compared(
        told[:, 0].astype(np.int64), told[:, 1], told[:, 2], found_.in_target, told[:, 3], found_.wait_s, told[:, 4]
    )


def back_test(midnights: list[int], counts: Values, zone: ZoneInfo, events: list[str] | None = None) -> BackTest:
    """Every day from the eighth on, forecast from the days before it."""
    labels = events or [""] * len(midnights)
    totals = np.nansum(counts, axis=1)
    # A day on which next to nobody came is one of which nobody knows, as for the usual of conditions.
    counts = np.where((totals >= 0.01 * np.median(totals))[:, None], counts, np.nan)
    weekdays = [weekday_of(one, zone) for one in midnights]
    ours = theirs = came = within = cells = 0.0
    days = 0
    for day in range(7, len(midnights)):
        known = np.isfinite(counts[day]) & np.isfinite(naive(counts[:day]))
        if known.mean() < 0.9:
            continue
        made = forecast(counts[:day], weekdays[:day], weekdays[day], events=labels[:day], event=labels[day])
        if not made.known_days:
            continue
        was = counts[day][known]
        days += 1
        ours += float(np.abs(made.mean[known] - was).sum())
        theirs += float(np.abs(naive(counts[:day])[known] - was).sum())
        came += float(was.sum())
        within += float(((np.floor(made.low[known]) <= was) & (was <= np.ceil(made.high[known]))).sum())
        cells += float(known.sum())
    return BackTest(days, ours / max(came, 1), theirs / max(came, 1), within / max(cells, 1))
