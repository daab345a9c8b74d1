"""Connectors as tests use them: records in, what became of them out, and what the engine makes of that."""

import json
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from engine.events import decode
from engine.pipeline import Engine, Settings
from engine.windows import Spec
from streams.connectors.base import Connector, Headers
from streams.connectors.record import Event, Record
from streams.negative import default_words
from streams.report import summary

__all__ = ["as_lines", "events_of", "figures", "kinds", "told"]

HOUR_US = 3_600_000_000
#: What the summary says of the reading, not of the floor.
_OF_THE_RUN = ("events", "duplicates", "rejected", "events_per_second", "wall_clock_seconds")


def as_lines(*payloads: Any) -> bytes:
    return b"".join(json.dumps(payload).encode() + b"\n" for payload in payloads)


def told(connector: Connector, body: bytes, headers: Headers | None = None, now_us: int = 0) -> list[Record]:
    """What became of each record; every event of it is one that the format takes."""
    records = [connector.translate(frame, headers, now_us) for frame in connector.bodies(body, headers or {})]
    for record in records:
        assert bool(record.events) != bool(record.reason)
        assert not decode(record.lines()).rejects, record
    return records


def events_of(connector: Connector, body: bytes, headers: Headers | None = None, now_us: int = 0) -> list[Event]:
    return [event for record in told(connector, body, headers, now_us) for event in record.events]


def kinds(events: Iterable[Event]) -> list[str]:
    return [event["type"] for event in events]


def figures(events: Iterable[Event]) -> dict[str, Any]:
    """What the engine knows after these, in whatever order they come: figures and sums that a wall would show."""
    engine = Engine(Settings(windows=(Spec(HOUR_US, HOUR_US),), disorder_bound_us=10**15, rollups=((), ("queue",))))
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    engine.absorb(decode(default_words().mark(lines), source="test"))
    engine.finish()
    result = summary(engine, Spec(HOUR_US, HOUR_US), ZoneInfo("UTC"), 1.0)
    return {name: value for name, value in result.items() if name not in _OF_THE_RUN}
