"""Latencies as one line of a histogram: how many fell between which steps of 1, 2 and 5.

Owns the steps and the words. Never measures. What is written here is read again by `read`, so a command and the table say the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

__all__ = ["histogram", "read", "share"]

#: Upper ends in milliseconds, to 100 s.
_STEPS_MS = (*(step * 10**power for power in range(5) for step in (1, 2, 5)), 100_000)
_BEGIN = "histogram of {}, ms: "


def share(values: list[float], percent: float) -> float:
    """Of a list that is in order, the value that so many percent do not pass."""
    return values[min(int(len(values) * percent / 100), len(values) - 1)]


def histogram(name: str, seconds: Iterable[float]) -> str:
    """One line; `name` is what was measured."""
    counts = Counter(min(bisect_left(_STEPS_MS, 1_000 * value), len(_STEPS_MS) - 1) for value in seconds)
    return _BEGIN.format(name) + ", ".join(f"≤{_STEPS_MS[place]} {counts[place]}" for place in sorted(counts))


def read(said: str, name: str) -> dict[str, int]:
    """The last one of that name in what a command said, by upper end; nothing where there is none."""
    lines = re.findall(f"^{re.escape(_BEGIN.format(name))}(.*)$", said, re.MULTILINE)
    return {end: int(count) for end, count in re.findall(r"≤(\d+) (\d+)", lines[-1])} if lines else {}
