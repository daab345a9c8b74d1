"""What a soak compares: the same events told by what took them, by an engine that took the lines only, by the slow oracle, and by a plain count.

Owns these tellings as names and numbers. Never runs a service, and never judges. The law: no telling knows of another's.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.throughput import answer
from engine.events import Event
from engine.keys import Secret
from engine.pipeline import Engine
from engine.times import MINUTE_US
from streams.figures import live_settings
from streams.policy.reading import default_policy
from streams.reading import Recording
from tests.reference import Advance, Arrival, Oracle, Rules

__all__ = ["ORACLE_EVENTS_MAX", "ORACLE_FIELDS", "kept_bytes", "oracled", "plain", "straight", "told", "totals"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ORACLE_EVENTS_MAX = 1_500_000
"""So many fit into its memory, of about a kilobyte each, and into minutes."""
ORACLE_FIELDS = ("offered", "queued", "answered", "abandoned", "left_queue", "handled", "handle_us", "events_answered", "events_abandoned",
                 "transfers", "customer_messages", "agent_messages", "orders")  # fmt: skip
"""What no line of the policy decides."""


def straight(sent: Path, disorder_us: int, secret: Secret, until_us: int) -> Engine:
    """The lines without service, journal, kill or clock."""
    engine = Engine(live_settings(default_policy(), disorder_us), secret)
    for decoded in Recording(sent, "", secret).decoded():
        engine.absorb(decoded)
        engine.take_alarms()
    engine.advance(until_us)
    engine.settle()
    return engine


def told(engine: Engine) -> dict[str, object]:
    """Every sum that was ever counted, by rollup, group and field, and a hash over those of every minute."""
    return totals(engine) | {"minutes": answer(engine)}


def totals(engine: Engine) -> dict[str, object]:
    """The same without the minutes."""
    found: dict[str, object] = {}
    for rollup in engine.tallies.rollups:
        for group, row in zip(rollup.groups, rollup.totals, strict=False):
            found |= {
                f"{rollup.name} {'/'.join(group)} {name}": int(row[place])
                for name, place in rollup.fields.items()
                if row[place]
            }
    return found


def plain(sent: Path) -> int:
    """How many different events the lines have: by their ids, without any engine."""
    return len({event["id"] for event in _events(sent)})


def oracled(sent: Path, disorder_us: int, until_us: int) -> dict[str, object]:
    """Sums of ORACLE_FIELDS in total and by queue, by the slow reference; nothing where the lines are more than ORACLE_EVENTS_MAX."""
    usual = live_settings(default_policy(), disorder_us)
    oracle = Oracle(Rules(MINUTE_US, disorder_us, usual.allowed_lateness_us, usual.linger_us))
    events = list(islice(_events(sent), ORACLE_EVENTS_MAX + 1))
    if len(events) > ORACLE_EVENTS_MAX:
        return {}
    arrivals: list[Arrival | Advance] = [Arrival("", _time_us(event["time"]), event) for event in events]
    oracle.take([*arrivals, Advance(until_us)])
    found: Counter[str] = Counter()
    for name, values, _, amount in oracle.amounts:
        if name in ORACLE_FIELDS:
            found[f"total  {name}"] += amount
            found[f"queue {values[0]} {name}"] += amount
    return {name: amount for name, amount in found.items() if amount}


def _events(sent: Path) -> Iterator[dict[str, Any]]:
    """Those that can be read, repeated ones too. Ids of rubbish begin with "bad-"."""
    decoder = msgspec.json.Decoder(Event)
    for line in sent.open("rb"):
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            if not str(decoder.decode(line).id).startswith("bad-"):
                yield json.loads(line)


def _time_us(time: int | str) -> int:
    return (
        time * 1_000 if isinstance(time, int) else (datetime.fromisoformat(time) - EPOCH) // timedelta(microseconds=1)
    )


def kept_bytes(engine: Engine) -> int:
    """What takes more memory for an hour or a day by its nature: figures by the minute, and the problems of customers."""
    arrays = [
        array
        for rollup in engine.tallies.rollups
        for array in (
            rollup.keys,
            rollup.places,
            rollup.sums,
            rollup.peaks,
            rollup.longest_us,
            rollup.histograms.keys,
            rollup.histograms.counts,
        )
    ]
    of_problems = [array for array in vars(engine.repeats).values() if isinstance(array, np.ndarray)]
    return sum(array.nbytes for array in (*arrays, *of_problems))
