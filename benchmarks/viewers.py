"""How old are the figures that viewers read, when there are many of them and the centre is at work?

Run as `python -m benchmarks.viewers`: a real service with a sale peak in it takes events at a steady rate, 500 viewers listen over sockets from
another process, and one more asks and then reads nothing. Prints for each rate how old messages are when they are read whole, over all
viewers and for the worst of them, and the service's memory: with the same events and one viewer first, since events alone fill it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.browser.peak import peak
from tests.browser.service import Running

__all__ = ["Heard", "listen", "resident_mib", "send"]

BATCH = 500
STEP_S = 5.0


@dataclass
class Heard:
    """`ages` in seconds of the messages each viewer read; those who got none have none. `size` in bytes, of all."""

    ages: list[list[float]]
    size: int = 0
    memory: list[float] = field(default_factory=list)
    busy: float = 0.0
    """Of a processor, by the service."""

    @property
    def all_ages(self) -> list[float]:
        """Of all viewers, ascending."""
        return sorted(age for ages in self.ages for age in ages)

    @property
    def none_count(self) -> int:
        """Viewers that got no message."""
        return sum(not ages for ages in self.ages)


def listen(port: int, viewers: int, seconds: float, sleepers: int = 0) -> Heard:
    """Has so many viewers read for so long. `sleepers` more ask and then read nothing."""
    return asyncio.run(_listen(port, viewers, seconds, sleepers))


async def _listen(port: int, viewers: int, seconds: float, sleepers: int) -> Heard:
    heard = Heard([[] for _ in range(viewers)])

    async def ask() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        return reader, writer

    async def view(ages: list[float]) -> None:
        reader, writer = await ask()
        try:
            while True:
                line = await reader.readline()
                heard.size += len(line)
                if (at := line.rfind(b'"sent_us":')) >= 0:
                    ages.append(time.time() - int(line[at + 10 : at + 26]) / 1e6)
        finally:
            writer.close()

    asleep = [await ask() for _ in range(sleepers)]
    for _, writer in asleep:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
    views = [asyncio.ensure_future(view(ages)) for ages in heard.ages]
    await asyncio.sleep(seconds)
    for one in views:
        one.cancel()
    await asyncio.gather(*views, return_exceptions=True)
    for _, writer in asleep:
        writer.close()
    return heard


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


def resident_mib(service: Running) -> float:
    """Memory of the service's process."""
    pages = Path(f"/proc/{service.pid}/statm").read_text().split()[1]
    return int(pages) * 4096 / (1 << 20)


def _processor_s(service: Running) -> float:
    spent = Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _sending(service: Running, rate: int) -> Iterator[list[float]]:
    ended, late = threading.Event(), [0.0]
    sender = threading.Thread(target=send, args=(service, rate, ended, late))
    if rate:
        sender.start()
    try:
        yield late
    finally:
        ended.set()
        if rate:
            sender.join()


def _watched(service: Running, viewers: int, seconds: float, sleepers: int) -> Heard:
    """Those of another process, and the service's memory meanwhile."""
    with multiprocessing.get_context("spawn").Pool(1) as readers:
        found = readers.apply_async(listen, (service.port, viewers, seconds, sleepers))
        memory = []
        began, before_s = time.monotonic(), _processor_s(service)
        while not found.ready():
            found.wait(STEP_S)
            memory.append(resident_mib(service))
        heard = found.get()
        heard.busy = (_processor_s(service) - before_s) / (time.monotonic() - began)
    # The first step is that of the connections being made, the last of their end.
    heard.memory = memory[1:-1] or memory
    return heard


def measure(folder: Path, viewers: int, seconds: float, rate: int) -> None:
    with Running(folder) as service:
        for body in peak(time.time_ns() // 1_000_000):
            service.post(body)
        service.settle()
        with _sending(service, rate) as late:
            alone = _watched(service, 1, seconds / 3, 0)
            heard = _watched(service, viewers, seconds, 1)
    ages, minutes = heard.all_ages, seconds / 60
    worst = max((sorted(own) for own in heard.ages if own), key=lambda own: _share(own, 99))
    print(
        f"{viewers} viewers and one that reads nothing, {rate:,} events a second, {seconds:.0f} s: {len(ages) / viewers / seconds:.1f} messages of "
        f"{heard.size / max(len(ages), 1) / 1000:.0f} kB a second each, read after p50 {_share(ages, 50):.2f} s, p99 {_share(ages, 99):.2f} s, "
        f"most {ages[-1]:.2f} s; p99 of the worst viewer {_share(worst, 99):.2f} s, of the only one before {_share(alone.all_ages, 99):.2f} s; "
        f"{heard.none_count} got none; memory {heard.memory[0]:.0f} to {heard.memory[-1]:.0f} MiB, "
        f"{(heard.memory[-1] - heard.memory[0]) / minutes:+.1f} a minute, with one viewer "
        f"{(alone.memory[-1] - alone.memory[0]) / minutes * 3:+.1f}; the service is busy {heard.busy:.0%} of a processor, {alone.busy:.0%} before; sender at most {max(late):.1f} s behind",
        flush=True,
    )


def _share(ages: list[float], share: int) -> float:
    return ages[min(len(ages) * share // 100, len(ages) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--rates", default="0,2000,10000", help="events a second, with commas")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="floorwatch-viewers-") as name:
        for rate in options.rates.split(","):
            measure(Path(name, rate), options.viewers, options.seconds, int(rate))


if __name__ == "__main__":
    main()
