"""Where do the microseconds of an event go, from bytes to all tallies?

`python -m benchmarks.profile` runs Python's own profiler (cProfile) over the engine on the chats of `benchmarks.throughput` and adds up the time of each file's functions.
Compiled loops count for the function that calls them. A profiler costs something at each call; the engine calls little, a few hundred times a batch.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections import Counter
from pathlib import Path

from benchmarks.figures import context, written
from benchmarks.throughput import feed
from benchmarks.traffic import blocks
from engine.pipeline import Engine, Settings
from streams.policy.reading import default_policy

__all__ = ["profiled"]

_CONTACTS = 20_000 * 9 // 8


def profiled(events: int) -> list[tuple[str, float]]:
    """(file and function, microseconds an event), the dearest first."""
    engine = Engine(Settings(rollups=((), ("queue",), ("tenant", "channel")), policy=default_policy()))
    feed(engine, blocks(_CONTACTS, 2 * _CONTACTS))
    parts = list(blocks(_CONTACTS, events, skip=2 * _CONTACTS))
    profiler = cProfile.Profile(time.process_time)  # What else the machine does is not counted.
    profiler.runcall(feed, engine, parts)
    spent: Counter[str] = Counter()
    stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    for (file, _, function), (_, _, own_s, _, _) in stats.items():
        of = Path(file)
        name = f"{of.parent.name}/{of.name} {function}" if of.parent.name in ("engine", "benchmarks") else f"{function}"
        spent[name] += own_s
    return [(name, 1e6 * own_s / events) for name, own_s in spent.most_common()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--keep", action="store_true", help="write it into benchmarks/README.md")
    asked = parser.parse_args()
    found = profiled(asked.events)
    total, rest = sum(cost for _, cost in found), sum(cost for _, cost in found[16:])
    rows = [*found[:16], ("all else", rest), ("together", total)]
    table = "\n".join(f"| {name} | {cost:.2f} | {cost / total:.0%} |" for name, cost in rows)
    here = context()
    said = f"| where | µs an event | share |\n|---|---|---|\n{table}\n\n{here['date']}, {here['machine']}, load {here['load']}, commit {here['commit']}"
    print(said)
    if asked.keep:
        readme = Path(__file__).with_name("README.md")
        readme.write_text(written(readme.read_text("utf-8"), "profile", said), "utf-8")


if __name__ == "__main__":
    main()
