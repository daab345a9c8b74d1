"""Does the service stay up, small and exact through a sale's peak with everything that goes wrong?

`python -m benchmarks.soak --minutes 30` (`make soak`) runs the whole one-machine service with alerts and history, sends it a simulated sale's peak in real time with
repeated, shuffled and broken lines, a source that falls silent and one whose clock is wrong, kills it twice, and looks at its memory,
files, threads and answers. At its end two tellings must be one, sum by sum and minute by minute: what the service holds, by its newest
snapshot and its journal; and the lines as they were sent, counted without service, journal, kill or clock. Plain counts of the different lines, without any
engine, stand beside them. Exit code 1 when anything grew or differs. A chart is in build/soak.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.figures import Figure, Goal, load, of, save, stamped
from benchmarks.rig import resident_bytes
from benchmarks.throughput import answer
from benchmarks.verdict import Sample, counts_failed, growth, growth_failed
from engine.events import Event
from engine.keys import PUBLIC
from engine.pipeline import Engine
from streams.figures import live_settings
from streams.journal import Journal
from streams.keeper import Keeper
from streams.policy.reading import default_policy
from streams.reading import Recording
from streams.reports.charts import lines as line_chart
from streams.settings import ServiceSettings
from tests.browser.service import Running

__all__ = ["Course", "main", "soaked"]

_ROOT = Path(__file__).parents[1]
BUILT = _ROOT / "build" / "soak"
DISORDER_US = 5_000_000
LOOK_S = 1.0
WARM_SHARE = 0.4
"""Of the time; both kills lie in it."""
KILLS = (0.12, 0.24)
SETTLE_S_MAX = 600.0


@dataclass
class Course:
    """How it went: the samples, what failed in sentences, and what is told besides."""

    samples: list[Sample]
    failed: list[str]
    events: int
    answer: str
    kept_bytes: float
    late: int


def _simulation(start: datetime, seconds: int, preset: str, agents: int | None) -> list[str]:
    """The same bytes for everybody who asks, sent or written."""
    command = [sys.executable, "-m", "streams", "simulate", "--preset", preset, "--start", start.isoformat(), "--duration", f"{seconds}s",
               "--duplicates", "0.01", "--disorder", "1s", "--bad-lines", "0.001", "--skew", "web=-1s",
               "--silence", f"wechat@{seconds // 2}s+{max(2, seconds // 20)}s:lost"]  # fmt: skip
    return command + (["--agents", str(agents)] if agents else [])


def soaked(folder: Path, seconds: int, preset: str = "sale-peak", agents: int | None = None) -> Course:
    """Runs it in that folder. Raises RuntimeError where the service or the sender ends by itself."""
    data, sent = folder / "data", folder / "sent.jsonl"
    options = ("--disorder", f"{DISORDER_US // 1_000_000}s", "--alerts", "default", "--history", "default")
    with Running(data, *options) as service:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
        simulation = _simulation(start, seconds, preset, agents)
        time.sleep(max(0.0, start.timestamp() - time.time()))
        sender = subprocess.Popen(
            [*simulation, "--speed", "1", "--to", service.address], cwd=_ROOT, stdout=subprocess.DEVNULL
        )
        try:
            samples = list(_looks(service, sender, seconds))
        finally:
            sender.terminate()
        if sender.wait(60):
            raise RuntimeError(f"The sender ended with {sender.returncode}.")
        _settled(service, int(1e6 * (start.timestamp() + seconds)))
    subprocess.run([*simulation, "-o", str(sent)], cwd=_ROOT, check=True, capture_output=True)
    return _judged(data, sent, samples, seconds)


def _looks(service: Running, sender: subprocess.Popen[bytes], seconds: int) -> Iterator[Sample]:
    """One a second until the sender has ended, with the kills in between."""
    began, kills = time.monotonic(), [share * seconds for share in KILLS]
    while sender.poll() is None:
        at_s = time.monotonic() - began
        if kills and at_s >= kills[0]:
            kills.pop(0)
            service.stop()
            service.start()
        asked = time.monotonic()
        facts = service.get("/api/v1/now")
        answered = time.monotonic()
        process = Path(f"/proc/{service.pid}")
        yield Sample(at_s, resident_bytes(service.pid), sum(1 for _ in (process / "fd").iterdir()), sum(1 for _ in (process / "task").iterdir()),
                     answered - asked, max(0.0, time.time() - facts["service"]["sent_us"] / 1e6))  # fmt: skip
        time.sleep(max(0.0, LOOK_S - (time.monotonic() - asked)))


def _settled(service: Running, until_us: int) -> None:
    """Waits until all that was answered is counted, and time has come past the last event."""
    until = time.monotonic() + SETTLE_S_MAX
    while time.monotonic() < until:
        facts = service.get("/api/v1/now")
        if not facts["service"]["backlog_batches"] and facts["watermark_us"] > until_us:
            return
        time.sleep(0.2)
    raise RuntimeError(
        f"What was sent was not counted after {SETTLE_S_MAX:.0f} s: {facts['service']['backlog_batches']} batches wait, and time stands "
        f"{(until_us - facts['watermark_us']) / 1e6:.1f} s before the last event."
    )


# The verdict.


def _judged(data: Path, sent: Path, samples: list[Sample], seconds: int) -> Course:
    with contextlib.closing(Journal(data / "journal.sqlite")) as journal:
        engine = _held(journal, data)
    straight = _straight(sent, engine)
    failed = counts_failed(
        "the lines, plainly counted",
        {"events": _different(engine)},
        {"events": _plain(sent)},
    )
    late = engine.counters.late + engine.counters.dropped
    if late:
        failed.append(
            f"{late} events were late by more than {DISORDER_US // 1_000_000} s; the figures cannot be compared with those of the lines sent"
        )
    else:
        failed += counts_failed("the lines as sent", told(engine), told(straight))
    warm = [one for one in samples if one.at_s >= WARM_SHARE * seconds]
    kept_bytes = _kept_bytes(engine) * (1 - WARM_SHARE)
    failed += growth_failed(warm, kept_bytes)
    return Course(samples, failed, engine.counters.events, answer(engine), kept_bytes, late)


def _held(journal: Journal, data: Path) -> Engine:
    """What the service holds: its newest snapshot, and what lies behind it in the journal."""
    keeper = Keeper(
        journal,
        ServiceSettings(data=data, disorder_bound_us=DISORDER_US),
        live_settings(default_policy(), DISORDER_US),
        PUBLIC,
        lambda sentence: None,
    )
    keeper.open(0)
    for _ in keeper.replay():
        keeper.engine.take_alarms()
    engine = keeper.engine
    # The last ticks before a kill are in no journal, and the last events may wait for time to pass them.
    engine.advance(max(engine.watermark_us, engine.counters.last_us or 0) + 1_000_000)
    engine.settle()
    return engine


def _straight(sent: Path, like: Engine) -> Engine:
    """The lines without service, journal, kill or clock."""
    engine = Engine(live_settings(default_policy(), DISORDER_US), like.secret)
    for decoded in Recording(sent, "", like.secret).decoded():
        engine.absorb(decoded)
        engine.take_alarms()
    engine.advance(like.watermark_us)
    engine.settle()
    return engine


def told(engine: Engine) -> dict[str, object]:
    """Every sum that was ever counted, by rollup, group and field, and a hash over those of every minute."""
    found: dict[str, object] = {"events": _different(engine), "minutes": answer(engine)}
    for rollup in engine.tallies.rollups:
        for group, row in zip(rollup.groups, rollup.totals, strict=False):
            found |= {
                f"{rollup.name} {'/'.join(group)} {name}": int(row[place])
                for name, place in rollup.fields.items()
                if row[place]
            }
    return found


def _different(engine: Engine) -> int:
    """Events that came at least once: a sender that was not answered, because of a kill, sends again what is on disk already."""
    return engine.counters.events - engine.counters.duplicates


def _plain(sent: Path) -> int:
    """How many different events the lines have: by their ids, without any engine. Ids of rubbish begin with "bad-"."""
    decoder, seen = msgspec.json.Decoder(Event), set[str]()
    for line in sent.open("rb"):
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            seen.add(str(decoder.decode(line).id))
    return sum(not name.startswith("bad-") for name in seen)


def _kept_bytes(engine: Engine) -> int:
    """What figures take that are kept by the minute, and end with their retention."""
    return sum(
        array.nbytes
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
    )


# Told.


def _figures(course: Course, seconds: int) -> list[Figure]:
    warm = [one for one in course.samples if one.at_s >= WARM_SHARE * seconds]
    at_s, answers = [one.at_s for one in warm], sorted(one.answer_s * 1e3 for one in warm)
    size = f"{seconds // 60} min, {course.events:,} events, {len(KILLS)} kills"
    grown = growth(at_s, [one.resident_bytes / (1 << 20) for one in warm])
    return [
        replace(of("soak_failed", "soak: what grew or differs", "findings", [len(course.failed)], goal=Goal(at_most=0)), answer=course.answer, size=size),
        of("soak_growth", "soak: memory more at its end than behind the warm-up, figures kept by the minute included", "MiB", [grown], size=size),
        replace(of("soak_answer", "soak: /api/v1/now answered within, p99", "ms", [answers[int(0.99 * (len(answers) - 1))]]), low=answers[0], high=answers[-1], size=size),
    ]  # fmt: skip


def _chart(course: Course) -> str:
    """Memory and age of the figures by time, one above the other."""
    labels = [f"{one.at_s / 60:.0f} min" for one in course.samples]
    nothing = np.full(len(labels), np.nan)
    memory = np.array([one.resident_bytes / (1 << 20) for one in course.samples])
    age = np.array([one.age_s for one in course.samples])
    style = "<style>svg{width:900px;font:11px sans-serif;display:block;margin:1em}.grid{stroke:#ddd}.now{fill:none;stroke:#0b6e4f;stroke-width:1.5}.end{text-anchor:end}.middle{text-anchor:middle}</style>"
    return (
        f"<!doctype html><meta charset=utf-8><title>Soak</title>{style}<h1>Memory, MiB</h1>"
        + line_chart(memory, nothing, labels, lambda value: f"{value:.0f}", title="Memory in MiB")
        + "<h1>Age of the figures, s</h1>"
        + line_chart(age, nothing, labels, lambda value: f"{value:.1f}", title="Age of the figures in seconds")
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--preset", default="sale-peak")
    parser.add_argument("--agents", type=int, help="people online, instead of the preset's")
    asked = parser.parse_args()
    seconds = int(60 * asked.minutes)
    with tempfile.TemporaryDirectory(prefix="floorwatch-soak-") as folder:
        course = soaked(Path(folder), seconds, asked.preset, asked.agents)
    BUILT.mkdir(parents=True, exist_ok=True)
    (BUILT / "soak.html").write_text(_chart(course), "utf-8")
    (BUILT / "soak.json").write_text(json.dumps([vars(one) for one in course.samples]), "utf-8")
    figures = list(stamped(_figures(course, seconds), f"make soak MINUTES={asked.minutes:g}"))
    kept = _ROOT / "build" / "benchmarks" / "figures.json"
    save((load(kept) | {one.name: one for one in figures}).values(), kept)
    for one in figures:
        print(f"{one.what}: {one.value:,.1f} {one.unit} ({one.size})")
    print(
        f"figures kept by the minute take {course.kept_bytes / 1e6:.1f} MB of what was added; {course.late} events late"
    )
    for sentence in course.failed:
        print(f"FAILED {sentence}")
    print(
        "not well"
        if course.failed
        else f"well: nothing grew, and every figure is exact; the chart is {BUILT / 'soak.html'}"
    )
    return int(bool(course.failed))


if __name__ == "__main__":
    sys.exit(main())
