"""Families of many samples as text, written by hand: one line a sample, nothing in between.

Owns the form of lines in both formats that Prometheus reads. Never knows what is told. prometheus-client makes an object of every sample,
which took 116 ms for 15,000 of them, and all the while nobody else had the interpreter; this takes a tenth of that.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache

from dashboards.metric import Metric

__all__ = ["SAMPLES_MAX", "Page", "escaped", "label_text"]

#: Behind so many lines the interpreter is let go, so that the engine's tick, which asks for it again and again, need not wait until it is
#: taken away, which is five milliseconds each time.
_LONG = 500
_REST_S = 0.000_05
SAMPLES_MAX = 500_000
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def escaped(value: str) -> str:
    """A label's value as the formats want it."""
    return value.translate(_ESCAPES)


@lru_cache(maxsize=32_768)
def label_text(labels: tuple[tuple[str, str], ...]) -> str:
    """Labels without their braces, by name. Remembered, since groups stay the same from scrape to scrape."""
    return ",".join(f'{name}="{escaped(value)}"' for name, value in sorted(labels))


class Page:
    """The text of one scrape, family by family. `count` says how many samples it has; a family that would make them more than
    `samples_max` is left out whole, for a part of it would be a wrong sum, and `left_out` says how many samples that were."""

    def __init__(self, *, openmetrics: bool, samples_max: int = SAMPLES_MAX) -> None:
        self.count = self.left_out = 0
        self._samples_max = samples_max
        self._openmetrics = openmetrics
        self._parts: list[str] = []

    def family(self, metric: Metric, lines: Sequence[str]) -> None:
        """`lines` are samples, each with its line end; a family without any is not told of at all."""
        if not lines:
            return
        if self.count + len(lines) > self._samples_max:
            self.left_out += len(lines)
            return
        name = metric.family if self._openmetrics else metric.name
        text = metric.english.translate(_ESCAPES) if self._openmetrics else metric.english.replace("\\", r"\\")
        self._parts.append(f"# HELP {name} {text}\n# TYPE {name} {metric.kind}\n")
        self._parts.append("".join(lines))
        self.count += len(lines)
        if len(lines) > _LONG:
            time.sleep(_REST_S)

    def body(self, rest: bytes = b"") -> bytes:
        """Everything, and then what others have written."""
        return "".join(self._parts).encode() + rest
