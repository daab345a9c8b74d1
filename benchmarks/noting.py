"""`floorwatch` with a notebook: when each breach was known, when its message was kept, taken by a sender, and handed to its channel.

Run as `python -m benchmarks.noting FILE run …`; the file is written at the end, a line of JSON for each delivery. Owns no clock but the
machine's, and changes nothing of what is done.
"""

from __future__ import annotations

import atexit
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from alerts import stage
from alerts.channels import Delivery, send
from alerts.outbox import Parcel
from alerts.plan import Channel
from engine.alarms import BROKEN, Alarm
from streams.cli import main

__all__ = ["Note", "read"]


class Note(NamedTuple):
    """Of one delivery: the names of the contacts that it is about; when the alarm of each was told; when the delivery was kept in the
    store, when a sender began with it, and when the channel had it; why not, where it failed."""

    id: str
    names: list[str]
    told: list[float]
    kept: float
    called: float
    handed: float
    failure: str


class _Noted(stage.Stage):
    """The stage, with a look at what passes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"carry": self._noted} | options)
        self.notes: list[Note] = []
        self._told: dict[str, float] = {}
        self._kept: dict[str, float] = {}

    def tell(self, alarms: Any) -> None:
        alarms, now = list(alarms), time.time()
        self._told |= {alarm.name: now for alarm in alarms if isinstance(alarm, Alarm) and alarm.step == BROKEN}
        super().tell(alarms)

    def _post(self, delivery: Delivery, parcel: Parcel) -> None:
        self._kept[delivery.id] = time.time()
        super()._post(delivery, parcel)

    def _noted(self, channel: Channel, delivery: Delivery) -> str:
        called = time.time()
        failure = send(channel, delivery)
        names = [event["facts"].get("name", "") for event in delivery.events]
        told = [self._told.get(name, 0.0) for name in names]
        self.notes.append(Note(delivery.id, names, told, self._kept[delivery.id], called, time.time(), failure))
        return failure


def read(path: Path) -> list[Note]:
    """What was noted."""
    return [msgspec.json.decode(line, type=Note) for line in path.read_bytes().splitlines()]


def _begin(path: Path) -> None:
    made: list[_Noted] = []

    class Noted(_Noted):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    stage.Stage = Noted  # type: ignore[misc]
    atexit.register(
        lambda: path.write_bytes(b"\n".join(msgspec.json.encode(note) for one in made for note in one.notes))
    )


if __name__ == "__main__":
    _begin(Path(sys.argv.pop(1)))
    main()
