"""Alarms as others read them: one mapping with the same names on the wall, in the API and in a file.

Never decides what is an alarm. The law: of what is not known there is no entry.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from engine.alarms import Alarm
from engine.events import DIMENSIONS
from engine.times import iso

__all__ = ["told", "write_alarms"]


def told(alarm: Alarm) -> dict[str, Any]:
    """An alarm as readers get it; of the dimensions those that are known."""
    return {
        "id": alarm.id,
        "at_us": alarm.at_us,
        "commitment": alarm.commitment,
        "step": alarm.step,
        alarm.about: alarm.name,
        "since_us": alarm.since_us,
        **{name: value for name, value in zip(DIMENSIONS, alarm.values, strict=False) if value},
        **dict(alarm.more),
    }


def write_alarms(alarms: Iterable[Alarm], path: Path, zone: ZoneInfo) -> int:
    """One line an alarm, by their instants, which are also told as `at` in the zone; returns how many. Raises OSError."""
    count = 0
    with path.open("wb") as file:
        for alarm in sorted(alarms):
            file.write(msgspec.json.encode({"at": iso(alarm.at_us, zone), **told(alarm)}) + b"\n")
            count += 1
    return count
