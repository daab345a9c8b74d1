"""Scripts through the real engine, and everything it says as plain values that can be compared.

Owns how a script is cut into calls; never changes what is in it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from engine.alarms import Alarm
from engine.events import decode
from engine.facts import PEAK_LEVELS
from engine.histograms import bucket
from engine.pipeline import Engine, Settings
from engine.tallies import NO_PEAK, Rollup
from engine.windows import MEASURES, Figures, collect
from tests.histories import RULES, SETTINGS, line, policy_of
from tests.reference import Adopt, Advance, Arrival, End, Oracle, Rules, Span

__all__ = [
    "assert_equal_to_the_oracle",
    "counted",
    "feed",
    "figures_of",
    "oracle",
    "run",
    "said",
    "sources_of",
    "span_of",
]

Script = Sequence[Arrival | Advance | End | Adopt]


def sources_of(script: Script) -> list[str]:
    """All who speak in it, in the order of their first words."""
    return list(dict.fromkeys(part.source for part in script if isinstance(part, (Arrival, End))))


def run(
    script: Script, settings: Settings = SETTINGS, *, cuts: Iterable[int] = (), named: Iterable[str] = ()
) -> Engine:
    """The script from beginning to end, in one call for each run of arrivals of one source, cut where `cuts` say."""
    engine = Engine(settings)
    for name in named:
        engine.order.source(name)
    feed(engine, script, cuts)
    engine.finish()
    return engine


def feed(engine: Engine, script: Script, cuts: Iterable[int] = ()) -> None:
    """Part of a script, without its end."""
    marks = {cut % (len(script) + 1) for cut in cuts}
    block = 0
    blocks = []
    for number, part in enumerate(script):
        block += number in marks or not isinstance(part, Arrival)
        blocks.append((block, part.source if isinstance(part, Arrival) else ""))
    for _, group in groupby(range(len(script)), key=blocks.__getitem__):
        parts = [script[number] for number in group]
        arrivals = [part for part in parts if isinstance(part, Arrival)]
        if isinstance(parts[0], Advance):
            engine.advance(parts[0].now_us)
        elif isinstance(parts[0], End):
            engine.finish_source(parts[0].source)
        elif isinstance(parts[0], Adopt):
            engine.adopt(policy_of(parts[0].lines, parts[0].periods, parts[0].grades))
        if arrivals:
            decoded = decode(b"\n".join(map(line, arrivals)), source=arrivals[0].source)
            assert not decoded.rejects, decoded.rejects
            engine.absorb(decoded)


def oracle(script: Script, rules: Rules = RULES, *, named: Iterable[str] = ()) -> Oracle:
    """The same through the oracle."""
    return Oracle(rules, named).take(script)


def counted(engine: Engine | Oracle) -> dict[str, Any]:
    """What became of the events."""
    counters = engine.counters if isinstance(engine, Engine) else engine
    return {
        **{
            name: getattr(counters, name) for name in ("events", "duplicates", "late", "dropped", "first_us", "last_us")
        },
        "illegal": {reason: count for reason, count in counters.illegal.items() if count},
    }


def said(engine: Engine) -> dict[str, Any]:
    """Every figure, cell by cell and group by group, zeros left out; equal engines say equal things."""
    return {rollup.name: _rollup(rollup) for rollup in engine.tallies.rollups} | {"alarms": alarms_of(engine)}


def alarms_of(engine: Engine) -> list[Alarm]:
    """What waits to be taken, in an order that no batch can change."""
    return sorted(engine.alarms.waiting)


def cells_of(rollup: Rollup) -> dict[Any, Any]:
    """Sums, peaks and the longest wait of each group and pane."""
    names = list(rollup.groups)
    sums, peaks, longest_us = rollup.sums[rollup.places], rollup.peaks[rollup.places], rollup.longest_us[rollup.places]
    return {
        (names[key & 0xFFFF], key >> 16): (_named(rollup.fields, sums), _named(PEAK_LEVELS, peaks), longest_us)
        for key, sums, peaks, longest_us in zip(
            rollup.keys.tolist(), sums.tolist(), peaks.tolist(), longest_us.tolist(), strict=True
        )
    }


def _named(names: Iterable[str], values: list[int]) -> dict[str, int]:
    return {name: value for name, value in zip(names, values, strict=True) if value and value != NO_PEAK}


def _rollup(rollup: Rollup) -> dict[Any, Any]:
    names = list(rollup.groups)
    result: dict[Any, Any] = {key: cell for key, cell in cells_of(rollup).items() if cell[0] or cell[1] or cell[2] >= 0}
    rollup.histograms.settle()
    per_cell = len(MEASURES) * len(bucket_edges())
    result["histograms"] = {
        (names[(key // per_cell) & 0xFFFF], (key // per_cell) >> 16, key % per_cell): count
        for key, count in zip(rollup.histograms.keys.tolist(), rollup.histograms.counts.tolist(), strict=True)
    }
    result["totals"] = {
        values: _named(rollup.fields, rollup.totals[group].tolist()) for values, group in rollup.groups.items()
    }
    return result


def bucket_edges() -> Any:
    """The lower edge of every bucket."""
    from engine.histograms import _EDGES_US

    return _EDGES_US


def figures_of(engine: Engine, rollup: Rollup, start_us: int, end_us: int) -> Figures:
    """One window's figures, for every group."""
    (figures,) = collect(rollup, engine.pane_us, np.array([start_us]), np.array([end_us]), every=True)
    return figures


def span_of(figures: Figures, row: int) -> Span:
    """One group's figures in the oracle's form, durations as counts of buckets."""
    sums = {name: value for name, value in zip(figures.fields, figures.sums[row].tolist(), strict=True) if value}
    peaks = dict(zip(PEAK_LEVELS, figures.peaks[row].tolist(), strict=True))
    counts: Any = {}
    for measure, of_row in zip(MEASURES, figures.histograms[:, row], strict=True):
        buckets = np.flatnonzero(of_row)
        counts[measure] = dict(zip(buckets.tolist(), of_row[buckets].tolist(), strict=True))
    return Span(Counter(sums), peaks, int(figures.longest_us[row]), counts)


def _expected(span: Span) -> Span:
    counts: Any = {
        measure: dict(Counter(bucket(np.array(durations_us, np.int64)).tolist())) if durations_us else {}
        for measure in MEASURES
        for durations_us in (span.durations_us.get(measure, ()),)
    }
    sums = Counter({name: value for name, value in span.sums.items() if value})
    return Span(sums, {level: span.peaks.get(level, 0) for level in PEAK_LEVELS}, span.longest_us, counts)


def windows_of(engine: Engine, size_us: int, step_us: int) -> list[tuple[int, int]]:
    """Windows over everything that was counted, empty panes between far apart cells left out."""
    pane_us = engine.pane_us
    panes: set[int] = set()
    for rollup in engine.tallies.rollups:
        panes |= {key >> 16 for key in rollup.keys.tolist()}
    starts = {
        (pane * pane_us - back) // step_us * step_us for pane in panes for back in range(0, size_us + step_us, step_us)
    }
    return [(start, start + size_us) for start in sorted(starts)]


def alarms_told(truth: Oracle) -> list[Alarm]:
    """What the oracle raised, in the same order."""
    return sorted(Alarm(**vars(raised)) for raised in truth.raised)


def assert_equal_to_the_oracle(engine: Engine, truth: Oracle, size_us: int, step_us: int) -> None:
    """Every window, every group, every figure, bit for bit; and what became of the events."""
    assert counted(engine) == counted(truth)
    assert alarms_of(engine) == alarms_told(truth)
    for start_us, end_us in windows_of(engine, size_us, step_us):
        for rollup in engine.tallies.rollups:
            assert_span_equal(engine, truth, rollup, start_us, end_us)


def assert_span_equal(engine: Engine, truth: Oracle, rollup: Rollup, start_us: int, end_us: int) -> None:
    """One window of one rollup."""
    expected = truth.span(rollup.dimensions, start_us, end_us)
    figures = figures_of(engine, rollup, start_us, end_us)
    found = {values: span_of(figures, row) for row, values in enumerate(rollup.groups)}
    where = f"{rollup.name} [{start_us}, {end_us})"
    assert not set(expected) - set(found), where
    for values, span in found.items():
        wanted = _expected(expected.get(values, Span()))
        assert span == wanted, f"{where} {values}: {_difference(span, wanted)}"


def _difference(found: Span, wanted: Span) -> str:
    parts = []
    for name in sorted({*found.sums, *wanted.sums}):
        if found.sums[name] != wanted.sums[name]:
            parts.append(f"{name} is {found.sums[name]}, not {wanted.sums[name]}")
    for name in ("peaks", "longest_us", "durations_us"):
        if getattr(found, name) != getattr(wanted, name):
            parts.append(f"{name} is {getattr(found, name)}, not {getattr(wanted, name)}")
    return "; ".join(parts)
