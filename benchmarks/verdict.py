"""Whether a soak was well: nothing grew that must not, and every figure is the one that it must be.

Owns the judgement, and nothing that runs. The law: what cannot be judged is not well. Growth is the slope of a least-squares line through the samples behind
the filling, times their span; memory may grow by what is kept for hours takes, which ends with its retention, and by GROWTH_SHARE_MAX of itself. Whoever runs a soak sees to it that all else
that fills has filled by then; what rose and then stands was still filling, for a leak goes on: its second half rises as fast as the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["GROWTH_SHARE_MAX", "SAMPLES_MIN", "Sample", "counts_failed", "growth", "growth_failed"]

GROWTH_SHARE_MAX = 0.05
FILES_MORE_MAX = 4
THREADS_MORE_MAX = 4
SAMPLES_MIN = 10


@dataclass(frozen=True)
class Sample:
    """One look: `at_s` since the beginning; `answer_s` is how long the service took to answer, `age_s` how old its figures were."""

    at_s: float
    resident_bytes: int
    files: int
    threads: int
    answer_s: float
    age_s: float
    backlog: int = 0
    """Batches that were durable and not yet counted."""


def growth(at_s: Sequence[float], values: Sequence[float]) -> float:
    """By how much the line through them rises from the first to the last."""
    slope = float(np.polyfit(np.asarray(at_s) - at_s[0], np.asarray(values, np.float64), 1)[0])
    return slope * (at_s[-1] - at_s[0])


def growth_failed(samples: Sequence[Sample], kept_bytes: float, who: str = "service") -> list[str]:
    """What grew, in sentences; nothing where all is well. `samples` are those behind the filling, in which the figures that are kept came to
    take so many bytes more."""
    if len(samples) < SAMPLES_MIN:
        return [
            f"{who}: only {len(samples)} looks behind the filling, and {SAMPLES_MIN} are needed to judge; run it for longer"
        ]
    at_s = [one.at_s for one in samples]
    resident = [float(one.resident_bytes) for one in samples]
    grown, may = growth(at_s, resident), kept_bytes + GROWTH_SHARE_MAX * float(np.median(resident))
    failed = []
    half = len(samples) // 2
    if grown > may and growth(at_s[half:], resident[half:]) > may / 2:
        failed.append(
            f"{who}: memory grew by {grown / 1e6:.1f} MB in {at_s[-1] - at_s[0]:.0f} s, and may grow by {may / 1e6:.1f} MB"
        )
    for name, values, more in (
        ("files", [one.files for one in samples], FILES_MORE_MAX),
        ("threads", [one.threads for one in samples], THREADS_MORE_MAX),
    ):
        quarter = max(1, len(values) // 4)
        before, after = float(np.median(values[:quarter])), float(np.median(values[-quarter:]))
        if after > before + more:
            failed.append(f"{who}: open {name} grew from {before:.0f} to {after:.0f}")
    return failed


def counts_failed(who: str, found: Mapping[str, object], wanted: Mapping[str, object]) -> list[str]:
    """Where two tellings of the same differ, in sentences; at most ten of them."""
    different = [name for name in sorted(found.keys() | wanted.keys()) if found.get(name) != wanted.get(name)]
    if not wanted:
        return [f"{who}: there is nothing to compare with"]
    return [f"{who}: {name} is {found.get(name)} and must be {wanted.get(name)}" for name in different[:10]]
