"""Does it stay up, small and exact through a sale's peak with everything that goes wrong?

`python -m benchmarks.soak --minutes 30` (`make soak`) runs the whole one-machine service with alerts and history, sends it a simulated sale's peak in real time with
repeated, shuffled and broken lines, a source that falls silent and one whose clock is wrong, kills it twice, and looks at its memory,
files, threads and answers; then, for as long, the cluster: see `benchmarks.soak_cluster`. At its end the tellings must be one, sum by sum and minute by minute: what
the service holds, by its newest snapshot and its journal, or the workers' steps; the lines as they were sent, counted without service, journal, kill or clock; where
they are not too many, the main sums of the slow reference; and a plain count of the different lines. What fills in a day fills here in the first part: see
`benchmarks.brief`; behind it memory may not grow. Exit code 1 when anything grew or differs. A chart is in build/soak.
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
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks import brief
from benchmarks.course import DISORDER_US, FILLED_SHARE, LOOK_S, Course, judged, linger_s, looked, simulation, written
from benchmarks.figures import Figure, Goal, load, of, save, stamped
from benchmarks.tellings import kept_bytes
from benchmarks.verdict import Sample, growth
from engine.keys import PUBLIC
from engine.pipeline import Engine
from streams.figures import live_settings
from streams.journal import Journal
from streams.keeper import Keeper
from streams.policy.reading import default_policy
from streams.reports.charts import lines as line_chart
from streams.settings import ServiceSettings
from tests.browser.service import Running

__all__ = ["main", "soaked"]

_ROOT = Path(__file__).parents[1]
BUILT = _ROOT / "build" / "soak"
KILLS = (0.12, 0.24)
SETTLE_S_MAX = 600.0


class _Brief(Running):
    """A service with a short memory."""

    def __init__(self, folder: Path, remembered_s: int, *options: str) -> None:
        super().__init__(folder, *options)
        self._command[:3] = brief.command(remembered_s)


def soaked(folder: Path, seconds: int, preset: str = "sale-peak", agents: int | None = None) -> Course:
    """Runs it in that folder. Raises RuntimeError where the service or the sender ends by itself."""
    data = folder / "data"
    options = ("--disorder", f"{DISORDER_US // 1_000_000}s", "--alerts", "default", "--history", "default")
    brief.remember(linger_s(seconds))
    with _Brief(data, linger_s(seconds), *options) as service:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
        command = simulation(start, seconds, preset, agents)
        time.sleep(max(0.0, start.timestamp() - time.time()))
        sender = subprocess.Popen(
            [*command, "--speed", "1", "--to", service.address], cwd=_ROOT, stdout=subprocess.DEVNULL
        )
        try:
            samples = list(_looks(service, sender, seconds))
        finally:
            sender.terminate()
        if sender.wait(60):
            raise RuntimeError(f"The sender ended with {sender.returncode}.")
        _settled(service, int(1e6 * (start.timestamp() + seconds)))
    sent = written(command, folder / "sent.jsonl")
    with contextlib.closing(Journal(data / "journal.sqlite")) as journal:
        engine = _held(journal, data)
    course = Course({"service": samples}, [], kills=len(KILLS), seconds=seconds)
    course.kept_bytes = kept_bytes(engine) * (1 - FILLED_SHARE)
    different = engine.counters.events - engine.counters.duplicates  # What was not answered is sent again.
    return judged(course, engine, sent, different, {"service": course.kept_bytes})


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
        yield looked(service.pid, at_s, time.monotonic() - asked, facts)
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
        f"What was sent was not counted after {SETTLE_S_MAX:.0f} s: {facts['service']['backlog_batches']} batches wait, the clock "
        f"{'runs' if facts['service']['clock_running'] else 'is held'}, and time stands {(until_us - facts['watermark_us']) / 1e6:.1f} s before the last event."
    )


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


# Told.


def _figures(course: Course, part: str) -> list[Figure]:
    first = next(iter(course.samples))
    answers = sorted(one.answer_s * 1e3 for one in course.filled(first)) or [float("nan")]
    ages = sorted(one.age_s for one in course.filled(first)) or [float("nan")]
    size = f"{course.seconds / 60:g} min, {course.events:,} events, {course.kills} kills"
    name = f"soak{'_cluster' if part == 'cluster' else ''}"
    what = f"soak of {'the cluster' if part == 'cluster' else 'one machine'}"
    grown = [_grown_mib(course.filled(who)) for who in course.samples]
    return [
        replace(of(f"{name}_failed", f"{what}: what grew or differs", "findings", [len(course.failed)], goal=Goal(at_most=0)), answer=course.answer, size=size),
        replace(of(f"{name}_growth", f"{what}: memory at its end more than when it had filled, the process that grew most", "MiB", [max(grown)]), low=min(grown), size=size),
        replace(of(f"{name}_answer", f"{what}: /api/v1/now answered within, p99", "ms", [_share(answers, 0.99)]), low=answers[0], high=answers[-1], size=size),
        replace(of(f"{name}_age", f"{what}: age of the figures, p99", "s", [_share(ages, 0.99)]), low=ages[0], high=ages[-1], size=size),
    ]  # fmt: skip


def _share(ordered: list[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))]


def _grown_mib(samples: list[Sample]) -> float:
    if len(samples) < 2:
        return float("nan")
    return growth([one.at_s for one in samples], [one.resident_bytes / (1 << 20) for one in samples])


def _chart(course: Course) -> str:
    """Memory of each process and age of the figures by time, one above the other."""
    style = "<style>svg{width:900px;font:11px sans-serif;display:block;margin:1em}.grid{stroke:#ddd}.now{fill:none;stroke:#0b6e4f;stroke-width:1.5}.end{text-anchor:end}.middle{text-anchor:middle}</style>"
    parts = [f"<!doctype html><meta charset=utf-8><title>Soak</title>{style}"]
    for who, samples in course.samples.items():
        labels = [f"{one.at_s / 60:.0f} min" for one in samples]
        nothing = np.full(len(labels), np.nan)
        memory = np.array([one.resident_bytes / (1 << 20) for one in samples])
        parts.append(
            f"<h1>{who}: memory, MiB</h1>"
            + line_chart(memory, nothing, labels, lambda value: f"{value:.0f}", title="Memory in MiB")
        )
    age = np.array([one.age_s for one in samples])
    title = "Age of the figures in seconds"
    return "".join(parts) + f"<h1>{title}</h1>" + line_chart(age, nothing, labels, lambda value: f"{value:.1f}", title=title)  # fmt: skip


def _told(course: Course, part: str, minutes: float) -> None:
    BUILT.mkdir(parents=True, exist_ok=True)
    (BUILT / f"{part}.html").write_text(_chart(course), "utf-8")
    kept_samples = {who: [vars(one) for one in samples] for who, samples in course.samples.items()}
    (BUILT / f"{part}.json").write_text(json.dumps(kept_samples), "utf-8")
    figures = list(stamped(_figures(course, part), f"make soak MINUTES={minutes:g}"))
    kept = _ROOT / "build" / "benchmarks" / "figures.json"
    save((load(kept) | {one.name: one for one in figures}).values(), kept)
    for one in figures:
        print(f"{one.what}: {one.value:,.1f} {one.unit} ({one.size})")
    compared = f"{course.oracle_sums:,} sums of the oracle compared" if course.oracle_sums else "too many events for the oracle"  # fmt: skip
    print(f"what is kept for an hour takes {course.kept_bytes / 1e6:.1f} MB of what was added; {course.late} events late; {compared}")  # fmt: skip
    for sentence in course.failed:
        print(f"FAILED {sentence}")
    well = f"well: nothing grew, and every figure is exact; the chart is {BUILT / f'{part}.html'}"
    print(f"{part}: {'not well' if course.failed else well}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30, help="of each part")
    parser.add_argument("--preset", default="sale-peak")
    parser.add_argument("--agents", type=int, help="people online, instead of the preset's")
    parser.add_argument("--only", choices=("service", "cluster"))
    asked = parser.parse_args()
    seconds, failed = int(60 * asked.minutes), False
    from benchmarks.soak_cluster import soaked as cluster_soaked

    for part, soak in (("service", soaked), ("cluster", cluster_soaked)):
        if asked.only in (None, part):
            with tempfile.TemporaryDirectory(prefix="floorwatch-soak-") as folder:
                course = soak(Path(folder), seconds, asked.preset, asked.agents)
            _told(course, part, asked.minutes)
            failed |= bool(course.failed)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
