"""Events written by hand, a line each, on one day in UTC; and what one window says of them."""

from datetime import UTC, datetime
from typing import Any

from engine.measures import measures
from engine.pipeline import Engine, Settings
from engine.policy import Policy
from engine.windows import Spec
from tests.engine.running import figures_of, run
from tests.reference import Arrival

__all__ = ["DAY_US", "HOUR_US", "MINUTE_US", "S", "at", "clock_us", "engine_of", "window"]

S = 1_000_000
MINUTE_US = 60 * S
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
_MIDNIGHT_US = int(datetime(2026, 11, 11, tzinfo=UTC).timestamp()) * S


def clock_us(clock: str) -> int:
    """The instant of `7:28`, `7:28:05` or `7:28:05.250` on the day of these tests."""
    parts = [float(part) for part in clock.split(":")]
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    return _MIDNIGHT_US + round(seconds * S)


def at(clock: str | int, kind: str, contact: str | None = None, /, *, source: str = "s", **fields: Any) -> Arrival:
    """One event; `clock` is a time of day, or microseconds since 1970."""
    time_us = clock if isinstance(clock, int) else clock_us(clock)
    named = {} if contact is None else {"contact": contact}
    return Arrival(source, time_us, {"type": kind, **named, **fields})


def engine_of(*arrivals: Arrival, cuts: tuple[int, ...] = (), **settings: Any) -> Engine:
    """An engine that has seen these to their end, with half-hour windows and the usual limits unless said otherwise."""
    usual = {"windows": (Spec(30 * MINUTE_US, 30 * MINUTE_US),), "policy": Policy()}
    return run(arrivals, Settings(**usual | settings), cuts=cuts)


def window(engine: Engine, start: str, end: str, group: tuple[str, ...] = (), rollup: int = 0) -> dict[str, Any]:
    """Every column of the report for one window and group."""
    start_us, end_us = clock_us(start), clock_us(end)
    rolled = engine.tallies.rollups[rollup]
    figures = figures_of(engine, rolled, start_us, end_us)
    columns = measures(figures, figures.windows * 0 + end_us - start_us, engine.settings.policy.service_level)
    return {name: values[rolled.groups[group]].item() for name, values in columns.items()}
