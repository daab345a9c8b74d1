"""How fast is the wall, how many may look at it, and does a page stay as small as it was?

`python -m benchmarks.wall` starts the real service, and in turn: sends 10,000 events a second, and measures from the acknowledgement of a marked one
to the mutation in a page of a real Chromium; lets 500 viewers listen over real sockets while one more reads nothing; and gives a page
the updates of a day, one after the other, and measures its memory after forced collections. `--only` names one of `pixel`, `viewers`, `day`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path

from tests.browser.chromium import Chromium, Page
from tests.browser.peak import peak
from tests.browser.service import Running

__all__ = ["heap_growth", "listen", "marked"]

RATE = 10_000
BATCH = 500
DAY_UPDATES = 86_400
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
    page.wait(f"Object.keys(window.seen).includes('{count}')", 15)
    seen = page.tell("window.seen")
    shown = sorted((int(waiting), at) for waiting, at in seen.items())
    # Two that came between two publishings are seen at once.
    return [next(at for waiting, at in shown if waiting >= number + 1) - at_ for number, at_ in enumerate(acknowledged)]


def send(service: Running, rate: int, ended: threading.Event, late: list[float]) -> None:
    """So many events a second, of contacts that come, are served and go, until the end; notes how late it is."""
    began, number = time.monotonic(), 0
    while not ended.is_set():
        now_ms = time.time_ns() // 1_000_000
        lines = []
        for seat in range(number, number + BATCH):
            contact, step = divmod(seat, 5)
            kind = ("contact.opened", "contact.queued", "message.customer", "contact.answered", "contact.closed")[step]
            agent = f',"agent":"a{contact % 400}"' if step >= 3 else ""
            lines.append(
                f'{{"type":"{kind}","time":{now_ms},"contact":"c{contact}","queue":"q{contact % 30}","channel":"app",'
                f'"tenant":"shop-{contact % 40}"{agent}}}'
            )
        service.post("\n".join(lines).encode())
        number += BATCH
        behind = began + number / rate - time.monotonic()
        late.append(-behind)
        if behind > 0:
            time.sleep(behind)


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
        f"p95 {told[int(len(told) * 0.95)] * 1000:.0f} ms, most {told[-1] * 1000:.0f} ms of {len(told)}; sender at most "
        f"{max(late):.2f} s behind, {behind['late']} late",
        flush=True,
    )


async def listen(port: int, viewers: int, seconds: float, sleepers: int = 0) -> tuple[list[float], int, int]:
    """Ages of messages in seconds when they are read whole, by so many viewers; how many viewers got none; bytes. `sleepers` more
    ask and then read nothing."""
    ages: list[float] = []
    got = [0] * viewers
    size = 0

    async def ask() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        return reader, writer

    async def view(number: int) -> None:
        nonlocal size
        reader, writer = await ask()
        try:
            while True:
                line = await reader.readline()
                size += len(line)
                if (at := line.rfind(b'"sent_us":')) >= 0:
                    sent_us = int(line[at + 10 : at + 26])
                    ages.append(time.time() - sent_us / 1e6)
                    got[number] += 1
        finally:
            writer.close()

    asleep = [await ask() for _ in range(sleepers)]
    for _, writer in asleep:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
    views = [asyncio.ensure_future(view(number)) for number in range(viewers)]
    await asyncio.sleep(seconds)
    for one in views:
        one.cancel()
    await asyncio.gather(*views, return_exceptions=True)
    for _, writer in asleep:
        writer.close()
    return ages, sum(count == 0 for count in got), size


def resident_mib(service: Running) -> float:
    """Memory of the service's process."""
    pages = Path(f"/proc/{service.pid}/statm").read_text().split()[1]
    return int(pages) * 4096 / (1 << 20)


def viewers(folder: Path, count: int, seconds: float) -> None:
    with Running(folder / "viewers") as service:
        for body in peak(time.time_ns() // 1_000_000):
            service.post(body)
        service.settle()
        asyncio.run(listen(service.port, count, 3))
        before = resident_mib(service)
        ages, none, size = asyncio.run(listen(service.port, count, seconds, sleepers=1))
        after = resident_mib(service)
    ages.sort()
    print(
        f"{count} viewers and one that reads nothing, a sale peak of 4,000 people: {len(ages) / count / seconds:.1f} messages a second each, read "
        f"after p50 {ages[len(ages) // 2]:.2f} s, p99 {ages[int(len(ages) * 0.99)]:.2f} s, most {ages[-1]:.2f} s; {none} got none; "
        f"{size / len(ages) / 1000:.0f} kB each; memory {before:.0f} to {after:.0f} MiB",
        flush=True,
    )


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


def heap_growth(page: Page, updates: int, first: int, marks: int = 4) -> list[float]:
    """MiB of the page's memory after forced collections: behind the first so many updates, and at even steps up to `updates`."""

    def measured() -> float:
        for _ in range(3):
            page.ask("HeapProfiler.collectGarbage")
        told = page.ask("Runtime.getHeapUsage")
        used: float = (told["usedSize"] + told.get("embedderHeapUsedSize", 0)) / (1 << 20)
        return used

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
            found = heap_growth(page, updates, updates // 24)
            print(
                f"page {name}, {updates:,} updates in {time.monotonic() - began:.0f} s: {found[0]:.1f} MiB after the first hour, then "
                f"{', '.join(f'{value:.1f}' for value in found[1:])}: {100 * (max(found[1:]) / found[0] - 1):+.0f} %",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("pixel", "viewers", "day"))
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--updates", type=int, default=DAY_UPDATES)
    parser.add_argument("--pages", default="overview,queues", help="what --only day shows, with commas")
    parser.add_argument("--rate", type=int, default=RATE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="floorwatch-wall-") as name:
        folder = Path(name)
        if options.only in (None, "pixel"):
            for disorder in ("200ms", "500ms"):
                pixel(folder / disorder, disorder, 80, options.rate)
        if options.only in (None, "viewers"):
            viewers(folder, options.viewers, options.seconds)
        if options.only in (None, "day"):
            day(folder, options.updates, options.pages.split(","))


if __name__ == "__main__":
    main()
