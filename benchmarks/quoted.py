"""Figures that another benchmark prints: it is run by its own command, and they are read from its words.

Owns the list of what is read from where. Never measures. The law: the figure of the table is the one that the command shows, and words that
are not found are an error, never a figure left out.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import latency
from benchmarks.figures import Benchmark, Figure, Goal

__all__ = ["QUOTED", "NotSaid", "Quote", "figures", "read"]

_ROOT = Path(__file__).parents[1]
_NUMBER = r"([\d,]+(?:\.\d+)?)"


class NotSaid(Exception):
    """A benchmark did not say what is read from it; the message has what it said instead."""


@dataclass(frozen=True)
class Quote:
    """`words` is a pattern with one number in it, written `#`; of several runs each gives one."""

    name: str
    what: str
    unit: str
    words: str
    goal: Goal | None = None
    histogram: str = ""
    """Of which latency the benchmark also says a histogram."""


@dataclass(frozen=True)
class _Asked:
    name: str
    question: str
    module: str
    short: str
    full: str
    quotes: tuple[Quote, ...]


_ASKED = (
    _Asked("intake", "How much does one process take in over HTTP?", "intake", "--rounds 3 --seconds 3", "", (
        Quote("intake_batches", "HTTP, batches of 1,000, each answered when durable", "events/s", r"best #", Goal(at_least=100_000)),
        Quote("intake_single_p99", "HTTP, single events at 1,000 a second, p99", "ms", r"p99 # ms", Goal(at_most=50), "single events"),
    )),
    _Asked("wall", "HTTP event to the pixel", "wall", "--only pixel", "--only pixel", (
        Quote("wall_p50", "HTTP event to the wall, 10,000 events a second, p50", "ms", r"median # ms", Goal(at_most=150)),
        Quote("wall_p99", "HTTP event to the wall, 10,000 events a second, p99", "ms", r"p99 # ms", Goal(at_most=500), "event to pixel"),
    )),
    _Asked("viewers", "What does it cost to tell 500 viewers?", "viewers", "--seconds 30 --rates 2000", "--rates 2000,10000", (
        Quote("viewers_p50", "an update read by 500 viewers, p50", "s", r"after p50 # s"),
        Quote("viewers_p99", "an update read by 500 viewers, p99", "s", r"after p50 [\d.]+ s, p99 # s", Goal(at_most=1)),
        Quote("viewers_busy", "of a processor, the service for 500 viewers and 2,000 events a second", "%", r"is busy #%"),
    )),
    _Asked("escalation", "Breach to message", "escalation", "15", "60", (
        Quote("escalation_p50", "breach to message, 100 a second, p50", "ms", r"in all: p50 # ms"),
        Quote("escalation_p99", "breach to message, 100 a second, p99", "ms", r"in all: .*p99 # ms", Goal(at_most=1_000), "breach to message"),
        Quote("escalation_lost", "breaches of which nobody was told", "", r"lost #", Goal(at_most=0)),
    )),
    _Asked("latency", "From the broker to the hub?", "cluster", "latency --seconds 20", "latency", (
        Quote("broker_hub_p50", "from Kafka to the figure in the hub, 10,000 events a second, p50", "s", r"acknowledgement.* p50 #,"),
        Quote("broker_hub_p99", "the same, p99", "s", r"acknowledgement.* p99 #,", None, "broker to hub"),
        Quote("gateway_hub_p99", "from HTTP to the figure in the hub of a cluster, p99", "s", r"from sending.* p99 #,", None, "gateway to hub"),
    )),
    _Asked("packed", "And with many events a record?", "kafka", "--records 500000 --idiomatic-records 20000 --runs 1", "", (
        Quote("kafka_packed", "a worker, 500 events a record, by the clock", "events/s", r"500 events a record: #"),
        Quote("kafka_single", "a worker, one event a record, by the clock", "events/s", r"one event a record: #"),
        Quote("kafka_times", "the same ÷ what an empty idiomatic Faust agent reads", "×", r"events a second, # times"),
    )),
    _Asked("scrape", "What does a scrape cost?", "scrape", "", "", (
        Quote("scrape_median", "a scrape of 4,000 people, 500 queues, 300 shops", "ms", r"a scrape: # ms"),
        Quote("scrape_tick", "a tick beside scrapes is late by at most", "ms", r"# ms beside them"),
    )),
    _Asked("deadlines", "A million deadlines", "deadlines", "--contacts 200000", "", (
        Quote("deadlines_late", "10,000 deadlines of one second: the last known after", "ms", r"known # ms", Goal(at_most=1_000)),
        Quote("deadlines_idle", "a tick with nothing due", "ms", r"nothing due: # ms"),
    )),
)  # fmt: skip


def read(said: str, quotes: Iterable[Quote], command: str) -> list[Figure]:
    """Raises NotSaid."""
    found = []
    for quote in quotes:
        values = [float(value.replace(",", "")) for value in re.findall(quote.words.replace("#", _NUMBER), said)]
        if not values:
            raise NotSaid(f"{command} did not say {quote.words!r}, but: {said[-1_000:]}")
        value = values[-1]
        found.append(
            Figure(
                quote.name,
                quote.what,
                value,
                quote.unit,
                min(values),
                max(values),
                len(values),
                quote.goal,
                "",
                "",
                command,
                histogram=latency.read(said, quote.histogram) if quote.histogram else {},
            )
        )
    return found


def figures(asked: _Asked, full: bool) -> list[Figure]:
    """Runs the command. Raises NotSaid, also where it failed."""
    words = f"python -m benchmarks.{asked.module} {asked.full if full else asked.short}".strip()
    ran = subprocess.run(
        [sys.executable, *shlex.split(words)[1:]], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise NotSaid(f"{words} failed: {(ran.stderr or ran.stdout)[-1_000:]}")
    return read(ran.stdout, asked.quotes, words)


QUOTED = tuple(Benchmark(asked.name, asked.question, partial(figures, asked)) for asked in _ASKED)
