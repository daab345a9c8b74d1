"""Several machines that share a centre: who gets what, and what their figures add up to.

Owns the dealing of events by what they are about, and the addition of what the machines say. Of agents whose contacts
lie on several machines, `load`, `occupied` and `idle` do not add, so these and no others are left out; a highest level
of the whole lies between the highest of one part and the sum of all.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.pipeline import Engine
from tests.engine.running import _expected, figures_of, span_of, windows_of
from tests.reference import Oracle, Span

__all__ = ["APART", "assert_parts_add_up", "number_of", "shard_of"]

APART = ("load", "occupied", "idle")
_NOT_ADDED = {f"{level}_{what}" for level in APART for what in ("net", "area_us")}


def number_of(event: Mapping[str, Any], count: int, salt: str) -> int:
    """One of `count` for what an event is about: its case, contact or agent, else itself."""
    about = event.get("case") or event.get("contact") or event.get("agent") or event.get("id") or ""
    return zlib.crc32(f"{salt} {about}".encode()) % count


def shard_of(event: Mapping[str, Any], shards: int) -> int:
    """The machine for an event."""
    return number_of(event, shards, "shard")


def assert_parts_add_up(parts: Sequence[Engine], whole: Oracle, size_us: int, step_us: int) -> None:
    """Every window and group of all machines together is what the oracle says of the whole."""
    windows = sorted({window for part in parts for window in windows_of(part, size_us, step_us)})
    for number, rollup in enumerate(parts[0].tallies.rollups):
        for start_us, end_us in windows:
            expected = whole.span(rollup.dimensions, start_us, end_us)
            found: dict[tuple[str, ...], list[Span]] = {}
            for part in parts:
                of_part = part.tallies.rollups[number]
                figures = figures_of(part, of_part, start_us, end_us)
                for row, values in enumerate(of_part.groups):
                    found.setdefault(values, []).append(span_of(figures, row))
            where = f"{rollup.name} [{start_us}, {end_us}) of {len(parts)} machines"
            assert not set(expected) - set(found), where
            for values, spans in found.items():
                _assert_equal(spans, _expected(expected.get(values, Span())), f"{where} {values}")


def _assert_equal(spans: list[Span], wanted: Span, where: str) -> None:
    sums = _added(span.sums for span in spans)
    assert _added_up(sums) == _added_up(wanted.sums), f"{where}: {sums} is not {wanted.sums}"
    longest_us = max(span.longest_us for span in spans)
    assert longest_us == wanted.longest_us, f"{where}: longest_us is {longest_us}, not {wanted.longest_us}"
    for measure, counts in wanted.durations_us.items():
        found = _added(Counter(span.durations_us[measure]) for span in spans)
        assert found == Counter(counts), f"{where}: {measure} is {found}, not {counts}"
    for level in ("waiting", "in_service"):
        peaks = [span.peaks[level] for span in spans]
        assert max(peaks) <= wanted.peaks[level] <= sum(peaks), f"{where}: {level} {peaks} around {wanted.peaks[level]}"


def _added(counters: Iterable[Counter[Any]]) -> Counter[Any]:
    total: Counter[Any] = Counter()
    for counter in counters:
        for name, value in counter.items():
            total[name] += value
    return total


def _added_up(sums: Counter[str]) -> dict[str, int]:
    return {name: value for name, value in sums.items() if value and name not in _NOT_ADDED}
