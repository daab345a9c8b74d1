"""What does a scrape of a large centre cost, how many series has it, and how much later does the engine's tick come for it?

`python -m benchmarks.scrape` makes a centre of 4,000 people, 500 queues and 300 shops in four channels, with contacts of 15 categories from 8 regions,
kept as the service keeps it, renders its metrics again and again with the series of single people, and lets another thread tick all the while; then
the same without the scrapes.
"""

import argparse
import gzip
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboards.exposition import Exposition, Health
from engine.events import decode
from engine.exported import Exported, exported
from engine.pipeline import Engine
from streams.figures import live_settings
from streams.policy.reading import default_policy

START_MS = 1_794_398_400_000
TICK_S = 0.05
CATEGORIES, REGIONS = 15, 8


@dataclass(frozen=True)
class Measured:
    """`render_s` of each scrape, and `busy_s` of the processor, whatever else went on; how late ticks came, `alone_s` and `beside_s` scrapes, the worst of each; what `exported` and publishing
    cost on the engine's thread."""

    samples: int
    text_bytes: int
    packed_bytes: int
    render_s: list[float]
    busy_s: list[float]
    by_region: int
    gzip_s: float
    alone_s: float
    beside_s: float
    exported_s: float
    publish_s: float


def centre(people: int, queues: int, shops: int, contacts: int) -> Engine:
    """Contacts of every kind of end, in every queue and shop."""
    engine = Engine(live_settings(default_policy(), disorder_bound_us=0))
    told = [
        f'{{"type":"agent.state","time":{START_MS},"agent":"a{number}","state":"available","slots":3,"queue":"q{number % queues}","tenant":"shop-{number % shops}"}}'
        for number in range(people)
    ]
    for number in range(contacts):
        begin = START_MS + number * 600_000 // contacts
        of = f'"contact":"c{number}","queue":"q{number % queues}","tenant":"shop-{number % shops}","channel":"{("app", "wechat", "web", "phone")[number // shops % 4]}","category":"k{number % CATEGORIES}","region":"r{number % REGIONS}"'
        told.append(f'{{"type":"contact.queued","time":{begin},{of}}}')
        told.append(f'{{"type":"message.customer","time":{begin},{of}}}')
        if number % 10:
            told.append(
                f'{{"type":"contact.answered","time":{begin + number % 60_000},{of},"agent":"a{number % people}"}}'
            )
            told.append(
                f'{{"type":"message.agent","time":{begin + number % 60_000 + 500},{of},"agent":"a{number % people}"}}'
            )
        elif number % 20:
            told.append(f'{{"type":"contact.abandoned","time":{begin + number % 60_000},{of}}}')
    told.sort(key=_instant)
    for first in range(0, len(told), 10_000):
        engine.absorb(decode("\n".join(told[first : first + 10_000]).encode()))
    engine.advance((START_MS + 720_000) * 1_000)
    return engine


def _instant(line: str) -> str:
    return line.split('"time":')[1][:13]


def measure(
    people: int = 4_000, queues: int = 500, shops: int = 300, contacts: int = 40_000, runs: int = 15
) -> Measured:
    """One centre, rendered `runs` times."""
    engine = centre(people, queues, shops, contacts)
    began = time.perf_counter()
    facts = engine.now()
    publish_s = time.perf_counter() - began
    facts["service"] = {"sent_us": engine.watermark_us}
    facts["counters"] = {"events": engine.counters.events}
    began = time.perf_counter()
    sums = exported(engine, 5_000)
    exported_s = time.perf_counter() - began
    exposition = Exposition()
    body = exposition.render(facts, Health(), sums)
    alone_s = _worst_tick(engine, lambda: time.sleep(1.5))
    render_s: list[float] = []
    busy_s: list[float] = []
    beside_s = _worst_tick(engine, lambda: _rendered(exposition, facts, sums, runs, render_s, busy_s))
    began = time.perf_counter()
    packed = gzip.compress(body, 1)
    gzip_s = time.perf_counter() - began
    count = sum(1 for line in body.splitlines() if not line.startswith(b"#"))
    by_region = body.count(b'rollup="category,region"')
    return Measured(
        count, len(body), len(packed), render_s, busy_s, by_region, gzip_s, alone_s, beside_s, exported_s, publish_s
    )


def _rendered(
    exposition: Exposition, facts: dict[str, Any], sums: Exported, runs: int, render_s: list[float], busy_s: list[float]
) -> None:
    for _ in range(runs):
        began, busy = time.perf_counter(), time.thread_time()
        exposition.render(facts, Health(), sums)
        render_s.append(time.perf_counter() - began)
        busy_s.append(time.thread_time() - busy)
        time.sleep(0.02)


def _worst_tick(engine: Engine, work: Callable[[], None]) -> float:
    """How late a tick was done at worst while something else went on, from the instant at which it should have begun."""
    late_s: list[float] = []
    ended = threading.Event()

    def tick() -> None:
        at = time.perf_counter()
        while not ended.is_set():
            at += TICK_S
            time.sleep(max(0.0, at - time.perf_counter()))
            engine.advance(engine.watermark_us + 1_000)
            late_s.append(time.perf_counter() - at)

    thread = threading.Thread(target=tick)
    thread.start()
    work()
    ended.set()
    thread.join()
    return max(late_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=4_000)
    parser.add_argument("--queues", type=int, default=500)
    parser.add_argument("--shops", type=int, default=300)
    given = parser.parse_args()
    found = measure(given.people, given.queues, given.shops)
    middle, worst = statistics.median(found.render_s), max(found.render_s)
    print(
        f"{found.samples:,} samples, {found.by_region:,} of them by region and category, {found.text_bytes / 1e6:.1f} MB, packed {found.packed_bytes / 1e6:.2f} MB in {1e3 * found.gzip_s:.0f} ms"
    )
    print(
        f"a scrape: {1e3 * middle:.0f} ms in the middle, {1e3 * worst:.0f} ms at worst, {1e3 * statistics.median(found.busy_s):.0f} ms of the processor, while ticks go on"
    )
    print(
        f"a tick is done {1e3 * found.alone_s:.0f} ms late at worst without scrapes, {1e3 * found.beside_s:.0f} ms beside them"
    )
    print(
        f"on the engine's thread: {1e3 * found.exported_s:.1f} ms for the sums, beside {1e3 * found.publish_s:.0f} ms for the facts"
    )


if __name__ == "__main__":
    main()
