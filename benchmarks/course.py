"""The course of a soak: what is sent, what is looked at meanwhile, and how it is judged at its end.

Owns what the soak of one machine and that of a cluster have in common. Never starts a service. The law: both are sent the same lines, which
can be written down again, and whatever holds the figures at the end is compared with three tellings of those lines.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.rig import resident_bytes
from benchmarks.tellings import ORACLE_FIELDS, oracled, plain, straight, told, totals
from benchmarks.throughput import answer
from benchmarks.verdict import Sample, counts_failed, growth_failed
from engine.pipeline import Engine

__all__ = ["DISORDER_US", "FILLED_SHARE", "LOOK_S", "Course", "judged", "linger_s", "looked", "simulation"]

ROOT = Path(__file__).parents[1]
DISORDER_US = 5_000_000
LOOK_S = 1.0
FILLED_SHARE = 1 / 3
"""Of the time: behind it everything has filled that fills, and all kills lie before it."""


@dataclass
class Course:
    """How it went: the samples by process, what failed in sentences, and what is told besides."""

    samples: dict[str, list[Sample]]
    failed: list[str]
    events: int = 0
    answer: str = ""
    kept_bytes: float = 0.0
    late: int = 0
    oracle_sums: int = 0
    kills: int = 0
    seconds: int = 0

    def filled(self, who: str) -> list[Sample]:
        """The looks at a process behind the filling, which begins anew with a process that comes later."""
        return [one for one in self.samples[who] if one.at_s >= self.samples[who][0].at_s + FILLED_SHARE * self.seconds]


def linger_s(seconds: int) -> int:
    """How long ended contacts are remembered in a soak of so many seconds: they come and go several times."""
    return max(30, seconds // 6)


def simulation(start: datetime, seconds: int, preset: str, agents: int | None) -> list[str]:
    """The same bytes for everybody who asks, sent or written."""
    command = [sys.executable, "-m", "streams", "simulate", "--preset", preset, "--start", start.isoformat(), "--duration", f"{seconds}s",
               "--duplicates", "0.01", "--disorder", "1s", "--bad-lines", "0.001", "--skew", "web=-1s",
               "--silence", f"wechat@{seconds // 2}s+{max(2, seconds // 20)}s:lost"]  # fmt: skip
    return command + (["--agents", str(agents)] if agents else [])


def written(command: list[str], path: Path) -> Path:
    """The lines of a simulation in a file."""
    subprocess.run([*command, "-o", str(path)], cwd=ROOT, check=True, capture_output=True)
    return path


def looked(pid: int, at_s: float, answer_s: float, facts: Mapping[str, Mapping[str, float]]) -> Sample:
    """At a process now. Raises OSError where there is none. `facts` are the newest of /api/v1/now, which took so long."""
    process, now_us = Path(f"/proc/{pid}"), time.time_ns() // 1_000
    return Sample(
        at_s, resident_bytes(pid), sum(1 for _ in (process / "fd").iterdir()), sum(1 for _ in (process / "task").iterdir()), answer_s,
        max(0.0, (now_us - facts["service"]["sent_us"]) / 1e6), int(facts["service"].get("backlog_batches", 0)),
    )  # fmt: skip


def judged(course: Course, engine: Engine, sent: Path, different: int, kept: Mapping[str, float]) -> Course:
    """`engine` is what holds the figures at the end, `different` how many different events it says it had; `kept` by process what it may grow by."""
    course.events, course.answer = engine.counters.events, answer(engine)
    course.late = engine.counters.late + engine.counters.dropped
    if course.late:
        behind_s = max(samples[-1].at_s for samples in course.samples.values()) - course.seconds
        course.failed.append(
            f"{course.late} events were late by more than {DISORDER_US // 1_000_000} s, so the figures cannot be compared with those of the lines sent; the sender "
            f"ended {behind_s:.0f} s behind its time: give it a machine that does nothing else, or fewer --agents"
        )
    else:
        course.failed += counts_failed("the lines, plainly counted", {"events": different}, {"events": plain(sent)})
        without = straight(sent, DISORDER_US, engine.secret, engine.watermark_us)
        course.failed += counts_failed("the lines as sent", told(engine), told(without))
        if slow := oracled(sent, DISORDER_US, engine.watermark_us):
            course.oracle_sums = len(slow)
            course.failed += counts_failed("the oracle", _asked(totals(engine)), slow)
    for who in course.samples:
        course.failed += growth_failed(course.filled(who), kept.get(who, 0.0), who)
    return course


def _asked(sums: Mapping[str, object]) -> dict[str, object]:
    """Those that the oracle tells too."""
    return {
        name: value
        for name, value in sums.items()
        if name.split(" ")[0] in ("total", "queue") and name.rpartition(" ")[2] in ORACLE_FIELDS
    }
