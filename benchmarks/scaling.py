"""What does an event cost as batches, open contacts, groups and rollups grow, with and without a policy; and does the cost stay the same with more workers?

Cost: microseconds of the processor an event through the engine, bytes to all tallies, over the same chats, each shape warmed up first; the middle one of some runs.
Workers: 1, 2 and 4 processes share the four partitions of one topic; what is told is the processor time of all of them together an event, because two
cores cannot show four workers' rate. A cost that stays the same is a rate that grows with the cores.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks import rig
from benchmarks.figures import Figure, Goal, of
from benchmarks.peers import ours
from benchmarks.peers.running import Filled, fill
from benchmarks.throughput import answer, feed
from benchmarks.traffic import blocks
from engine.pipeline import Engine, Settings
from engine.policy import Policy
from streams.policy.reading import default_policy

__all__ = ["cost_figures", "worker_figures"]

_ROOT = Path(__file__).parents[1]
_ROLLUPS = ((), ("queue",), ("tenant", "channel"))
_USUAL = Settings(rollups=_ROLLUPS, policy=default_policy())


def cost_figures(full: bool) -> Iterator[Figure]:
    events = 1_000_000 if full else 200_000
    for rows in (64, 1_024, 16_384):
        yield _cost(
            f"cost_batch_{rows}", f"an event, in batches of {rows:,} rows", replace(_USUAL, batch_rows=rows), events
        )
    for contacts in (1_000, 10_000, 100_000, *((1_000_000,) if full else ())):
        yield _cost(f"cost_contacts_{contacts}", f"an event, {contacts:,} open contacts", _USUAL, events, contacts)
    for queues in (10, 100, 1_000, 10_000):
        settings = Settings(rollups=((), ("queue",)), policy=default_policy())
        yield _cost(f"cost_groups_{queues}", f"an event, {queues:,} groups", settings, events, 20_000, queues)
    for name, rollups in (("1", ((),)), ("3", _ROLLUPS), ("5", (*_ROLLUPS, ("tenant",), ("region", "channel")))):
        yield _cost(
            f"cost_rollups_{name}",
            f"an event, {name} rollups",
            Settings(rollups=rollups, policy=default_policy()),
            events,
        )
    yield _cost("cost_no_policy", "an event, without any policy", Settings(rollups=_ROLLUPS, policy=Policy()), events)


def _cost(name: str, what: str, settings: Settings, events: int, contacts: int = 20_000, queues: int = 12) -> Figure:
    chats = contacts * 9 // 8
    parts = list(blocks(chats, events, skip=2 * chats, queues=queues))
    costs, told = [], ""
    for _ in range(3):
        engine = Engine(settings)
        for part in blocks(chats, 2 * chats, queues=queues):
            feed(engine, [part])
        engine.take_alarms()
        began = time.process_time()
        feed(engine, parts)
        costs.append(1e6 * (time.process_time() - began) / events)
        told = answer(engine)
    return of(name, what, "µs", costs, answer=told, size=f"{events:,} events")


def worker_figures(full: bool) -> Iterator[Figure]:
    count = 1_600_000 if full else 400_000
    costs: dict[int, float] = {}
    with rig.bootstrap() as broker:
        for workers in (1, 2, 4):
            filled = fill(broker, count, partitions=4)
            costs[workers] = _of_workers(filled, workers)
            yield replace(of(f"workers_{workers}", f"an event, {workers} worker{'s' if workers > 1 else ''} of 4 partitions", "µs",
                             [costs[workers]]), size=f"{count:,} events")  # fmt: skip
    yield of(
        "workers_4_to_1",
        "what an event costs four workers ÷ what it costs one",
        "×",
        [costs[4] / costs[1]],
        goal=Goal(at_most=1.25),
    )


def _of_workers(filled: Filled, workers: int) -> float:
    """Microseconds of the processor an event, of all workers together. Raises WrongAnswer, TimeoutError."""
    command = ours.command(filled.settings)
    started = [
        subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        for _ in range(workers)
    ]
    spent = [rig.Spent(one.pid) for one in started]
    try:
        done = asyncio.run(
            ours.covered(filled.settings, filled.ends, 600, lambda: all(one.poll() is None for one in started))
        )
        spent_s = sum(one.between(done.begun, done.ended) for one in spent)
    finally:
        for looked in spent:
            looked.close()
        for one in started:
            rig.ended(one)
    return 1e6 * spent_s / done.events


if __name__ == "__main__":
    for figure in (*cost_figures("--full" in sys.argv), *worker_figures("--full" in sys.argv)):
        print(f"{figure.what}: {figure.value:.2f} {figure.unit} ({figure.low:.2f} to {figure.high:.2f})", flush=True)
