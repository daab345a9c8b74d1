"""One measured figure, its goal, and the table of all of them: as text, as JSON, as Markdown.

Owns: what a benchmark hands over, and whether a goal is met. Never measures. The law: a figure is kept with its spread, the hash of its
answer, the machine, the day and the command that measures it again, and one that misses its goal is written only with its reason.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

__all__ = [
    "Benchmark",
    "Figure",
    "Goal",
    "Unexplained",
    "context",
    "load",
    "markdown",
    "of",
    "reasons",
    "save",
    "stamped",
    "text",
    "written",
]

_HERE = Path(__file__).parent
_VERSIONS = ("numpy", "numba", "msgspec", "starlette", "uvicorn", "faust-streaming", "aiokafka")


@dataclass(frozen=True)
class Goal:
    """`at_least` or `at_most` so much."""

    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True)
class Figure:
    """`name` is for ever and says which figure it is; `what` says it to a reader. `low` and `high` are the spread over `runs` runs, `answer`
    the hash of what was computed, "" where a time is all there is. `measured` is the context: see `context`."""

    name: str
    what: str
    value: float
    unit: str
    low: float
    high: float
    runs: int = 1
    goal: Goal | None = None
    answer: str = ""
    size: str = ""
    command: str = ""
    measured: dict[str, str] | None = None
    histogram: dict[str, int] = field(default_factory=dict)
    """Of a latency: how many by upper end in milliseconds, those below the one before left out."""

    @property
    def misses(self) -> bool:
        return self.goal is not None and not self.goal.is_met(self.value)


@dataclass(frozen=True)
class Benchmark:
    """A question: `run` answers it with figures, at length if it is told True. `command` asks it alone."""

    name: str
    question: str
    run: Callable[[bool], Iterable[Figure]]

    @property
    def command(self) -> str:
        return f"python -m benchmarks --only {self.name}"


class Unexplained(Exception):
    """A figure misses its goal and nobody says why; the message names it and the file."""


def of(name: str, what: str, unit: str, values: Sequence[float], *, goal: Goal | None = None, best: bool = False,
       answer: str = "", size: str = "") -> Figure:  # fmt: skip
    """The figure of some runs: the middle one, or the best one, which for a rate is the highest."""
    value = max(values) if best else median(values)
    return Figure(name, what, value, unit, min(values), max(values), len(values), goal, answer, size)


def context() -> dict[str, str]:
    """Day, machine, load, versions and commit, as of now."""
    versions = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=_HERE, capture_output=True, text=True, check=False
    )
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} × {_processor()}, {_memory_gib():.0f} GiB, {platform.system()} {platform.release().split('-')[0]}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "versions": f"Python {platform.python_version()}, {versions}",
        "commit": commit.stdout.strip(),
    }  # fmt: skip


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


# Kept.


def load(path: Path) -> dict[str, Figure]:
    """By name, in the order in which they were written. Nothing where there is no file."""
    if not path.exists():
        return {}
    found = (
        Figure(**told | {"goal": Goal(**told["goal"]) if told["goal"] else None}) for told in json.loads(path.read_text("utf-8"))
    )  # fmt: skip
    return {one.name: one for one in found}


def save(figures: Iterable[Figure], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in figures], ensure_ascii=False, indent=1) + "\n", "utf-8")


def reasons() -> dict[str, str]:
    """By name of a figure: why it misses, and what was tried."""
    return tomllib.loads((_HERE / "reasons.toml").read_text("utf-8"))


# Shown.


def text(figures: Iterable[Figure]) -> str:
    """The table for a terminal; a miss begins with an exclamation mark."""
    rows = [
        ("!" if one.misses else " ", one.what, _value(one), _goal(one), _spread(one), one.answer) for one in figures
    ]
    rows.insert(0, (" ", "figure", "measured", "goal", "spread", "answer"))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) if 2 <= place <= 4 else cell.ljust(width)
                  for place, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in rows
    )  # fmt: skip


def markdown(figures: Iterable[Figure], why: dict[str, str]) -> str:
    """The same with day, machine and command, and below it each miss with its reason. Raises Unexplained."""
    figures = list(figures)
    lines = [
        "| figure | measured | goal | spread (runs) | size | answer | measured on, by |",
        "|---|---|---|---|---|---|---|",
    ]
    places: dict[str, str] = {}
    for one in figures:
        told = one.measured or {}
        mark = places.setdefault(_place(told), chr(ord("A") + len(places))) if told else ""
        met = "" if one.goal is None else " **missed**" if one.misses else " met"
        lines.append(
            f"| {one.what} | {_value(one)} | {_goal(one)}{met} | {_spread(one)} ({one.runs}) | {one.size} | {_code(one.answer)} | "
            f"{told.get('date', '')} {mark}, load {told.get('load', '')}, {_code(one.command)} |"
        )  # fmt: skip
    lines += ["", *(f"{mark}: {place}" for place, mark in places.items())]
    missed = [one for one in figures if one.misses]
    if unexplained := [one.name for one in missed if one.name not in why]:
        raise Unexplained(
            f"{', '.join(unexplained)} missed the goal and benchmarks/reasons.toml does not say why; find the cause, or write down what was tried"
        )
    if drawn := [one for one in figures if one.histogram]:
        lines += ["", "Latencies, how many up to so many milliseconds:", ""]
        lines += [
            f"- {one.what}: " + ", ".join(f"≤ {end}: {count}" for end, count in one.histogram.items()) for one in drawn
        ]
    if missed:
        lines += ["", "What misses its goal, why, and what was tried:", ""]
        lines += [f"- **{one.what}** ({_value(one)}, goal {_goal(one)}): {why[one.name].strip()}" for one in missed]
    return "\n".join(lines)


def _place(told: dict[str, str]) -> str:
    return f"{told['machine']}; {told['versions']}; commit {told['commit']}"


def _goal(one: Figure) -> str:
    if one.goal is None:
        return ""
    if one.goal.at_least is not None:
        return f"≥ {_number(one.goal.at_least)} {one.unit}".strip()
    return f"≤ {_number(one.goal.at_most or 0.0)} {one.unit}".strip()


def _value(one: Figure) -> str:
    return f"{_number(one.value)} {one.unit}".strip()


def _spread(one: Figure) -> str:
    return f"{_number(one.low)} – {_number(one.high)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _code(words: str) -> str:
    return f"`{words}`" if words else ""


def written(readme: str, section: str, body: str) -> str:
    """A README with another text between the marks of a section."""
    begin, end = f"<!-- {section} -->\n", f"<!-- end of {section} -->\n"
    before, rest = readme.split(begin)
    return f"{before}{begin}\n{body}\n\n{end}{rest.split(end)[1]}"


def stamped(figures: Iterable[Figure], command: str) -> Iterator[Figure]:
    """The same with where and when they were measured."""
    here = context()
    for one in figures:
        yield replace(one, command=one.command or command, measured=here)
