"""What the Prometheus exposition needs of the engine beside its figures: sums that never shrink, and distributions that only grow.

`exported` is called on the engine's thread and copies little; `Buckets` adds up on the reader's. Only reads. The law: what is
told grows for as long as the process lives, though the tallies forget old panes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.events import AGENT_STATES
from engine.facts import MEASURES
from engine.histograms import _EDGES_US, BUCKET_COUNT
from engine.tallies import _GROUP_BITS
from engine.times import HOUR_US, SECOND_US
from engine.watermark import NEVER_US

__all__ = ["LES", "Buckets", "Counted", "Exported", "Person", "exported"]

Counts = NDArray[np.int64]

#: About where the edges of exported buckets lie, in seconds.
_WANTED_S = (1, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1800, 3600)
#: The engine's edges nearest to them. Its buckets hold what is shorter than their edge, and times are of whole milliseconds, so
#: that the last millisecond below an edge is an upper limit which the bucket keeps exactly.
_EDGE_INDEX = np.array([int(np.abs(_EDGES_US - wanted * SECOND_US).argmin()) for wanted in _WANTED_S])
LES = tuple(int((_EDGES_US[index] - 1) // 1000) / 1000 for index in _EDGE_INDEX)
#: The exported bucket of each of the engine's; the last one is beyond every edge.
_BUCKET_OF = np.searchsorted(_EDGE_INDEX, np.arange(BUCKET_COUNT), side="right")
_PER_CELL = len(MEASURES) * BUCKET_COUNT


@dataclass(frozen=True)
class Counted:
    """The sums of one rollup: `totals` (groups, fields) int64, everything ever counted. `keys` and `counts` are the distributions
    of the panes that are kept, see `engine.histograms`; nobody changes them."""

    name: str
    dimensions: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    totals: Counts
    fields: Mapping[str, int]
    keys: Counts
    counts: Counts


@dataclass(frozen=True)
class Person:
    """One person: the state is "" where none was reported, `slots` -1 where no limit is known."""

    name: str
    state: str
    load: int
    slots: int


@dataclass(frozen=True)
class Exported:
    """One instant. `settled_pane`: distributions of panes before it change no more below the last edge. `sources`: newest event by name."""

    rollups: tuple[Counted, ...]
    settled_pane: int | None
    measures: tuple[str, ...]
    sources: Mapping[str, int]
    people: tuple[Person, ...]


def exported(engine: Any, people_max: int = 0) -> Exported:
    """What holds at the watermark, of people at most so many."""
    rollups = []
    for rollup in engine.tallies.rollups:
        rollup.histograms.settle()
        count, histograms = len(rollup.groups), rollup.histograms
        rollups.append(
            Counted(rollup.name, rollup.dimensions, tuple(rollup.groups), rollup.totals[:count].copy(), rollup.fields,
                    histograms.keys, histograms.counts)
        )  # fmt: skip
    settings, order = engine.settings, engine.order
    known = abs(engine.watermark_us) != -NEVER_US
    margin_us = HOUR_US + settings.allowed_lateness_us + settings.disorder_bound_us + engine.pane_us
    return Exported(
        tuple(rollups), (engine.watermark_us - margin_us) // engine.pane_us if known else None,
        tuple(measure.name for measure in settings.policy.measures),
        {name: source.newest_us for name, source in order.sources.items() if abs(source.newest_us) != -NEVER_US},
        _people(engine.agents, people_max),
    )  # fmt: skip


def _people(agents: Any, count: int) -> tuple[Person, ...]:
    known = len(agents.names)
    state, load, slots = agents.state[:known], agents.load[:known], agents.slots[:known]
    # Agent 0 is nobody.
    chosen = np.flatnonzero((np.arange(known) > 0) & ((state >= 0) | (load > 0)))[:count]
    states = (*AGENT_STATES, "")
    return tuple(
        Person(agents.names.texts[agent], states[code], holds, limit)
        for agent, code, holds, limit in zip(
            chosen.tolist(), state[chosen].tolist(), load[chosen].tolist(), slots[chosen].tolist(), strict=True
        )
    )


class Buckets:
    """The distributions of one rollup since the first call of `take`.

    Panes that change no more are added to a sum once, before they are forgotten; it must be asked at least once in the time that panes
    are kept. What comes to a pane later than `Exported.settled_pane` says has waited longer than the last edge.
    """

    def __init__(self) -> None:
        self._frozen: Counts = np.zeros((0, len(MEASURES), len(LES)), np.int64)
        self._frozen_until: int | None = None
        self._base: Counts | None = None
        self._base_totals: Counts = np.zeros((0, 0), np.int64)

    def take(self, counted: Counted, settled_pane: int | None, fields: tuple[str, ...]) -> tuple[Counts, Counts]:
        """Cumulative counts (groups, measures, edges) of `LES`, and the growth of some fields (groups, fields) since then."""
        until = max((pane for pane in (self._frozen_until, settled_pane) if pane is not None), default=None)
        first, middle = _place(counted, self._frozen_until), _place(counted, until)
        count = len(counted.groups)
        self._frozen = _longer(self._frozen, count) + _binned(counted, first, middle)
        self._frozen_until = until
        found = self._frozen + _binned(counted, middle, len(counted.keys))
        totals = counted.totals[:, [counted.fields[name] for name in fields]]
        if self._base is None:
            self._base, self._base_totals = found, totals
        grown = found - _longer(self._base, count)
        return np.cumsum(grown, axis=2), totals - _longer(self._base_totals, count)


def _place(counted: Counted, pane: int | None) -> int:
    """Where the distributions of a pane begin."""
    return 0 if pane is None else int(np.searchsorted(counted.keys, (pane << _GROUP_BITS) * _PER_CELL))


def _binned(counted: Counted, first: int, end: int) -> Counts:
    keys, counts = counted.keys[first:end], counted.counts[first:end]
    result = np.zeros((len(counted.groups), len(MEASURES), len(LES) + 1), np.int64)
    inside = keys % _PER_CELL
    groups = (keys // _PER_CELL) & ((1 << _GROUP_BITS) - 1)
    np.add.at(result, (groups, inside // BUCKET_COUNT, _BUCKET_OF[inside % BUCKET_COUNT]), counts)
    return result[:, :, :-1]


def _longer(array: Counts, count: int) -> Counts:
    """The same with zeros for groups that are new."""
    if len(array) == count:
        return array
    result = np.zeros((count, *array.shape[1:]), np.int64)
    result[: len(array)] = array
    return result
