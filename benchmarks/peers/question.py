"""How fast are we from Kafka to all tallies, beside those who do the same work and beside the limit?

Owns the sizes, the order and the ratios. All engines run one after the other, round after round, so that what else the machine does meets all of
them; ratios are of processor time, which somebody else's load disturbs least, and of one round.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.figures import Figure, Goal, of
from benchmarks.peers.running import ENGINES, Filled, Result, fill, run
from benchmarks.rig import bootstrap

__all__ = ["figures"]

#: Events that an engine is given: so many that it is at work for some seconds.
SIZES = {"fetch": 300_000, "decode": 300_000, "aiokafka": 300_000, "ours": 300_000, "bytewax": 100_000, "quix": 30_000,
         "faust": 10_000, "flink": 300_000}  # fmt: skip
SIZES_FULL = SIZES | {"ours": 2_000_000, "flink": 2_000_000, "decode": 2_000_000, "fetch": 2_000_000}
_NAMES = {"fetch": "raw fetch, confluent-kafka", "decode": "raw fetch and decode into columns", "aiokafka": "raw fetch, aiokafka",
          "ours": "Floorwatch worker, all measures of the default policy", "bytewax": "Bytewax", "quix": "Quix Streams",
          "faust": "Faust, tables and windows", "flink": "Flink SQL"}  # fmt: skip
_GOALS = {"decode": Goal(at_least=0.35), "bytewax": Goal(at_least=2), "quix": Goal(at_least=5), "faust": Goal(at_least=20),
          "flink": Goal(at_least=1)}  # fmt: skip


def figures(full: bool) -> Iterator[Figure]:
    sizes = SIZES_FULL if full else SIZES
    results: dict[str, list[Result]] = {engine: [] for engine in ENGINES}
    with bootstrap() as broker:
        filled: dict[int, Filled] = {count: fill(broker, count) for count in set(sizes.values())}
        run("ours", filled[sizes["ours"]])  # The first one of a new engine compiles it.
        for _ in range(3 if full else 2):
            for engine in ENGINES:
                results[engine].append(run(engine, filled[sizes[engine]]))
                print(
                    f"  {engine}: {results[engine][-1].rate_of_processor:,.0f} events a second of the processor",
                    file=sys.stderr,
                )
    for engine, runs in results.items():
        rates = [one.rate_of_processor for one in runs]
        size = f"{sizes[engine]:,} events"
        yield of(f"kafka_{engine}", f"from Kafka, one event a record: {_NAMES[engine]}", "events/s of one core", rates,
                 answer=runs[0].answer, size=size)  # fmt: skip
    ours = results["ours"]
    for engine, goal in _GOALS.items():
        ratios = [
            mine.rate_of_processor / theirs.rate_of_processor
            for mine, theirs in zip(ours, results[engine], strict=True)
        ]
        yield of(f"kafka_ours_to_{engine}", f"Floorwatch ÷ {_NAMES[engine]}", "×", ratios, goal=goal)
    yield of("kafka_hub_us", "what a hub spends to merge it, an event", "µs", [one.hub_us for one in ours])
