"""The interval report and the summary, as the contract has them: the engine's figures written as CSV and JSON."""

import csv
import json
from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import numpy as np

from engine.errors import InvalidSetting
from engine.measures import measures
from engine.pipeline import Engine
from engine.tallies import Rollup
from engine.times import iso
from engine.windows import Figures, Spec, bounds_between, collect

__all__ = ["COLUMNS", "summary", "write_report"]

#: The contract's columns after the window and the dimensions, in its order; further ones follow.
COLUMNS = (
    "offered", "queued", "answered", "abandoned", "left_queue", "open", "wait_sum_s", "wait_answered_sum_s",
    "wait_max_s", "wait_answered_p50_s", "wait_answered_p90_s", "wait_answered_p95_s", "answered_in_target",
    "abandoned_in_target", "service_level", "queue_depth_max", "queue_depth_mean", "in_service_max",
    "in_service_mean", "events_answered", "events_abandoned", "first_response_count", "first_response_sum_s",
    "first_response_p50_s", "first_response_p90_s", "first_response_p95_s", "response_count", "response_sum_s",
    "response_p50_s", "response_p90_s", "response_p95_s", "handled", "handle_sum_s", "breaches",
)  # fmt: skip

#: A window with none of these had no contact in it.
_CONTACT_FIELDS = (
    "offered", "entered", "left_answered", "left_abandoned", "left_other", "events_answered", "events_abandoned",
    "transfers", "reopened", "handled", "closed", "customer_messages", "agent_messages", "automatic_messages",
    "bot_messages", "breaches", "waiting_area_us", "in_service_area_us", "queued", "answered", "abandoned",
)  # fmt: skip


def write_report(engine: Engine, path: Path, spec: Spec, zone: ZoneInfo, dimensions: Sequence[str], every: bool) -> int:
    """Writes the report of a finished engine and returns its rows. Raises InvalidSetting where no rollup has these
    dimensions, OSError where the file cannot be written."""
    rollup = _rollup(engine, dimensions)
    with path.open("w", encoding="utf-8", newline="") as file:
        return _write(engine, file, rollup, spec, zone, every)


def _write(engine: Engine, file: TextIO, rollup: Rollup, spec: Spec, zone: ZoneInfo, every: bool) -> int:
    writer = csv.writer(file, lineterminator="\n")
    count = 0
    header: list[str] | None = None
    for starts, ends, figures in _windows(engine, rollup, spec, zone, every):
        columns = measures(figures, (ends - starts)[figures.windows], engine.settings.policy.service_level)
        if header is None:
            header = [*COLUMNS, *(name for name in columns if name not in COLUMNS)]
            writer.writerow(["window_start", "window_end", *rollup.dimensions, *header])
        groups = list(rollup.groups)
        cells = list(zip(*(_texts(columns[name]) for name in header), strict=True))
        # By name: the order in which groups were met depends on the order of the files.
        for window, values, row in sorted(
            (window, groups[group], row)
            for row, (window, group) in enumerate(zip(figures.windows.tolist(), figures.groups.tolist(), strict=True))
        ):
            writer.writerow([iso(starts[window], zone), iso(ends[window], zone), *map(_safe, values), *cells[row]])
            count += 1
    return count


def _windows(
    engine: Engine, rollup: Rollup, spec: Spec, zone: ZoneInfo, every: bool
) -> Iterator[tuple[Any, Any, Figures]]:
    counters = engine.counters
    if counters.first_us is None or counters.last_us is None:
        # Nothing happened: any window does, all rows of it are left out, and the header is written.
        starts, ends, every = np.array([0]), np.array([engine.pane_us]), False
    else:
        starts, ends = bounds_between(spec, zone, counters.first_us, counters.last_us)
    for figures in collect(rollup, engine.pane_us, starts, ends, every=every):
        if not every:
            figures = figures.only(np.any([figures.field(name) != 0 for name in _CONTACT_FIELDS], axis=0))
        yield starts, ends, figures


def summary(engine: Engine, spec: Spec, zone: ZoneInfo, seconds: float) -> dict[str, Any]:
    """The contract's columns over the whole input, and what became of its events. Levels are averaged over all windows.
    Of an input without events every column is None."""
    counters = engine.counters
    result: dict[str, Any] = dict.fromkeys(COLUMNS)
    if counters.first_us is not None and counters.last_us is not None:
        starts, ends = bounds_between(spec, zone, counters.first_us, counters.last_us)
        # Hopping windows reach past the input on both sides: average over the steps that hold it.
        first = starts[:1] if spec.size_us == spec.step_us else starts[starts <= counters.first_us][-1:]
        for figures in collect(_rollup(engine, ()), engine.pane_us, first, ends[-1:], every=True):
            columns = measures(figures, ends[-1:] - first, engine.settings.policy.service_level)
            result.update((name, _value(columns[name][0])) for name in (*COLUMNS, *columns))
    return result | {
        "events": counters.events,
        "rejected": dict(sorted(counters.rejected.items())),
        "illegal": counters.illegal,
        "duplicates": counters.duplicates,
        "late": counters.late,
        "dropped": counters.dropped,
        "first_event": None if counters.first_us is None else iso(counters.first_us, zone),
        "last_event": None if counters.last_us is None else iso(counters.last_us, zone),
        "wall_clock_seconds": round(seconds, 3),
        "events_per_second": round(counters.events / seconds) if seconds > 0 else None,
    }


def write_summary(result: dict[str, Any], path: Path) -> None:
    """Writes the summary as JSON. Raises OSError where the file cannot be written."""
    path.write_text(json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _rollup(engine: Engine, dimensions: Sequence[str]) -> Rollup:
    for rollup in engine.tallies.rollups:
        if rollup.dimensions == tuple(dimensions):
            return rollup
    raise InvalidSetting(f"no rollup by {','.join(dimensions) or 'total'} is configured; add it to the rollups")


def _texts(column: Any) -> list[str]:
    if column.dtype.kind == "i":
        return [str(value) for value in column.tolist()]
    return ["" if isnan(value) else repr(round(value, 6)) for value in column.tolist()]


def _value(value: Any) -> int | float | None:
    plain: int | float = value.item()
    return (
        None if isinstance(plain, float) and isnan(plain) else (round(plain, 6) if isinstance(plain, float) else plain)
    )


def _safe(name: str) -> str:
    """The name, with an apostrophe before what a spreadsheet would run as a formula."""
    return "'" + name if name[:1] in ("=", "+", "@") or (name[:1] == "-" and not name[1:2].isdigit()) else name
