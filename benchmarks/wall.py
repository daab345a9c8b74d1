"""How fast is the wall, and does a page stay as small as it was?

`python -m benchmarks.wall` starts the real service, and in turn: sends 10,000 events a second, and measures from the acknowledgement of a marked one
to the mutation in a page of a real Chromium; and gives a page the updates of a day, one after the other, and measures its memory after forced
collections. `--only` names one of `pixel`, `day`. For how many may look at it, see `benchmarks.viewers`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.latency import histogram, share
from benchmarks.viewers import send
from tests.browser.chromium import Chromium, Page
from tests.browser.peak import peak
from tests.browser.service import Running

__all__ = ["Size", "growth", "marked"]

RATE = 10_000
DAY_UPDATES = 86_400
LOOKS, LOOK_S = 4, 0.3
#: In the page: remembers when the marked queue's number of waiting contacts was first seen.
WATCH = """(() => {
  window.seen = {};
  const look = () => {
    for (const row of document.querySelectorAll("tbody tr")) {
      if (row.querySelector("td.name")?.textContent.trim() !== "marked") continue;
      const waiting = row.querySelector("td.figure .value")?.textContent.replace(/\\D/g, "");
      if (waiting && !(waiting in window.seen)) window.seen[waiting] = Date.now() / 1000;
    }
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
})()"""


def marked(service: Running, page: Page, count: int, every_s: float) -> list[float]:
    """Seconds from the acknowledgement of one more contact in the queue `marked` to the page's showing it, one for each."""
    page.tell(WATCH)
    acknowledged = []
    for number in range(count):
        event = {
            "type": "contact.queued",
            "time": time.time_ns() // 1_000_000,
            "contact": f"marked-{number}",
            "queue": "marked",
        }
        service.post(json.dumps(event).encode())
        acknowledged.append(time.time())
        # Not in step with the publishing.
        time.sleep(every_s * (0.75 + (number * 0.382) % 0.5))
    page.wait(f"Object.keys(window.seen).includes('{count}')", 60)
    seen = page.tell("window.seen")
    shown = sorted((int(waiting), at) for waiting, at in seen.items())
    # Two that came between two publishings are seen at once.
    return [next(at for waiting, at in shown if waiting >= number + 1) - at_ for number, at_ in enumerate(acknowledged)]


def pixel(folder: Path, disorder: str, count: int, rate: int) -> None:
    ended, late = threading.Event(), [0.0]
    with Running(folder / "pixel", "--disorder", disorder) as service, Chromium() as browser, browser.page() as page:
        sending = threading.Thread(target=send, args=(service, rate, ended, late))
        sending.start()
        page.open(f"{service.address}/?language=en#queues")
        page.wait("document.querySelectorAll('tbody tr').length > 5", 60)
        time.sleep(3)
        told = sorted(marked(service, page, count, 0.4))
        ended.set()
        sending.join()
        behind = service.get("/api/v1/now")["counters"]
    print(
        f"event to pixel at {rate:,} events a second, --disorder {disorder}: median {statistics.median(told) * 1000:.0f} ms, "
        f"p95 {share(told, 95) * 1000:.0f} ms, p99 {share(told, 99) * 1000:.0f} ms, most {told[-1] * 1000:.0f} ms of {len(told)}; sender at most "
        f"{max(late):.2f} s behind, {behind['late']} late",
        flush=True,
    )
    print(histogram("event to pixel", told), flush=True)


#: In the page: gives it so many messages of a day, made from the newest one, through the very handler of its stream.
UPDATES = """(async (from, count) => {
  const { hear } = await import("/feed.js");
  const { wall } = await import("/state.js");
  const base = window.base ??= structuredClone(wall.facts);
  for (let n = from; n < from + count; n += 1) {
    const facts = structuredClone(base);
    facts.as_of_us = facts.watermark_us = base.as_of_us + n * 1e6;
    facts.service.sent_us = base.service.sent_us + n * 1e6;
    facts.service.version = base.service.version + 1e6 + n;
    for (const rows of Object.values(facts.groups)) rows.forEach((row, i) => { row.waiting = (n * 7 + i * 13) % 60; row.oldest_us = facts.as_of_us - ((n + i * 31) % 400) * 1e6; row.service_level = ((n + i) % 100) / 100; row.answered = n % 5000 + i; });
    facts.alarms = (facts.alarms ?? []).map((alarm, i) => ({ ...alarm, id: `${n}-${i}` }));
    facts.due = (facts.due ?? []).map((clock, i) => ({ ...clock, contact: `c-${n}-${i}`, due_us: facts.as_of_us + i * 1e6 }));
    hear(facts, true);
    await null;
    if (n % 50 === 0) await new Promise(done => setTimeout(done));
  }
  return document.body.dataset.version;
})"""


class Size(NamedTuple):
    """What a page holds after forced collections."""

    mib: float
    nodes: int
    listeners: int


def growth(page: Page, updates: int, first: int, marks: int = 4) -> list[Size]:
    """The page's size behind the first so many updates, and at even steps up to `updates`."""

    def collected() -> Size:
        for _ in range(3):
            page.ask("HeapProfiler.collectGarbage")
        told, counted = page.ask("Runtime.getHeapUsage"), page.ask("Memory.getDOMCounters")
        used = (told["usedSize"] + told.get("embedderHeapUsedSize", 0)) / (1 << 20)
        return Size(used, counted["nodes"], counted["jsEventListeners"])

    def measured() -> Size:
        """The least of several looks: what is drawn at the moment of one is held on to, half as much again."""
        looks = []
        for _ in range(LOOKS):
            time.sleep(LOOK_S)
            looks.append(collected())
        return Size(*map(min, zip(*looks, strict=True)))

    def feed(start: int, end: int) -> None:
        for at in range(start, end, 200):
            page.tell(f"{UPDATES}({at}, {min(200, end - at)})")

    feed(0, first)
    found = [measured()]
    step = (updates - first) // marks
    for mark in range(marks):
        feed(first + mark * step, first + (mark + 1) * step)
        found.append(measured())
    return found


def day(folder: Path, updates: int, pages: list[str]) -> None:
    with Running(folder / "day") as service, Chromium() as browser, browser.page() as page:
        for body in peak(time.time_ns() // 1_000_000):
            service.post(body)
        service.settle()
        for name in pages:
            page.open(f"{service.address}/?language=en#{name}")
            page.wait("document.querySelectorAll('tbody tr').length > 5", 60)
            began = time.monotonic()
            found = growth(page, updates, updates // 24)
            first, *later = found
            print(
                f"page {name}, {updates:,} updates in {time.monotonic() - began:.0f} s: {first.mib:.1f} MiB after the first hour, then "
                f"{', '.join(f'{size.mib:.1f}' for size in later)}: {100 * (max(later).mib / first.mib - 1):+.0f} % at most; "
                f"nodes {first.nodes:,} to {later[-1].nodes:,}, listeners {first.listeners:,} to {later[-1].listeners:,}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("pixel", "day"))
    parser.add_argument("--updates", type=int, default=DAY_UPDATES)
    parser.add_argument("--pages", default="overview,queues", help="what --only day shows, with commas")
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--marks", type=int, default=80, help="how often --only pixel looks")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="floorwatch-wall-") as name:
        folder = Path(name)
        if options.only in (None, "pixel"):
            for disorder in ("200ms", "500ms"):
                pixel(folder / disorder, disorder, options.marks, options.rate)
        if options.only in (None, "day"):
            day(folder, options.updates, options.pages.split(","))


if __name__ == "__main__":
    main()
