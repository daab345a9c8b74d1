"""The state of agents: what each reports to be doing, how many contacts each holds, and the levels that follow.

An agent is *occupied* while busy, wrapping up, or holding a contact; *idle* while available and holding none. Occupancy
is occupied time over occupied and idle time. An agent who never reported a state counts in no state. Of an agent's reports
at one instant the last in the order of `AGENT_STATES` holds.
"""

from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import Combinations, Names, Rows, grown, sticky
from engine.contacts import Loads, content_order
from engine.events import AGENT_STATES
from engine.facts import Changes, Facts
from engine.runs import Segments, run_starts
from engine.watermark import NEVER_US

__all__ = ["ARRAYS", "Agents", "is_idle", "is_occupied"]

_UNKNOWN = np.int8(-1)
_AVAILABLE, _BUSY, _WRAPUP = (AGENT_STATES.index(name) for name in ("available", "busy", "wrapup"))
ARRAYS: tuple[tuple[str, Any, int], ...] = (
    ("state", np.int8, -1), ("since_us", np.int64, NEVER_US), ("slots", np.int32, -1), ("load", np.int32, 0),
    ("said", np.int32, 0), ("combination", np.int32, 0),
)  # fmt: skip

Codes = NDArray[np.int32]


class Agents:
    """Arrays by agent; agent 0 is nobody. `state` int8 index into `AGENT_STATES` or -1; `since_us` the last state's instant."""

    state: NDArray[np.int8]
    since_us: NDArray[np.int64]
    slots: Codes
    load: Codes
    said: Codes
    combination: Codes

    def __init__(self, combinations: Combinations, agents_max: int) -> None:
        self.combinations = combinations
        self.names = Names([""], agents_max)
        self.illegal_count = 0
        for name, dtype, fill in ARRAYS:
            setattr(self, name, np.full(1, fill, dtype))

    def codes(self, names: list[str | None]) -> Codes:
        """Slots of agents by name, 0 for None."""
        get: Callable[[str | None, int], int] = self.names.codes.get  # type: ignore[assignment]
        found = np.array([*map(get, names, repeat(-1))], np.int32)
        for row in np.flatnonzero(found < 0).tolist():
            name = names[row]
            found[row] = 0 if name is None else self.names.code(name)
        for name, _, fill in ARRAYS:
            setattr(self, name, grown(getattr(self, name), len(self.names), fill))
        return found

    def apply(self, reports: Rows, loads: Loads, facts: Facts) -> None:
        """Takes released `agent.state` rows and the contacts taken on or given up; appends changes of level to `facts`."""
        parts = [(reports.agents, reports, np.zeros(len(reports), np.int64)), *loads.parts]
        if not sum(len(rows) for _, rows, _ in parts):
            return
        agents = np.concatenate([agents for agents, _, _ in parts])
        rows = Rows.concatenated([rows for _, rows, _ in parts])
        deltas = np.concatenate([deltas for _, _, deltas in parts])
        reporting = np.arange(len(agents)) < len(reports)
        ties = np.where(rows.lates, rows.sequences, np.where(reporting, rows.states, -1))
        order = np.lexsort((ties, ~rows.lates, rows.ranks_us, agents))
        agents, rows, deltas, reporting = agents[order], rows[order], deltas[order], reporting[order]
        same = (
            reporting[1:] & reporting[:-1] & (agents[1:] == agents[:-1]) & (rows.ranks_us[1:] == rows.ranks_us[:-1])
            & (rows.states[1:] == rows.states[:-1]) & ~rows.lates[1:] & ~rows.lates[:-1]
        )  # fmt: skip
        if same.any():  # Equal in all but what they say, so the order of the other columns does not change.
            rows = rows[content_order(rows, np.flatnonzero(same), self.combinations, self.names)]
        self._apply(agents, rows, deltas, reporting, facts)

    def _apply(
        self, agents: Codes, rows: Rows, deltas: NDArray[np.int64], reporting: NDArray[np.bool_], facts: Facts
    ) -> None:
        begins = run_starts(agents)
        segments = Segments(begins, np.zeros(len(agents), np.bool_))
        ends = np.append(np.flatnonzero(begins)[1:], len(agents)) - 1
        reporting = self._in_order(agents, rows, reporting, segments)
        at = segments.last(reporting)
        at_before = segments.before(at)
        state_after = np.where(at >= 0, rows.states[at], self.state[agents])
        state_before = np.where(at_before >= 0, rows.states[at_before], self.state[agents])
        summed = np.concatenate(([0], np.cumsum(deltas)))
        load_after = summed[1:] - summed[segments.first] + self.load[agents].astype(np.int64)
        load_before = load_after - deltas
        saids = np.where(reporting, rows.saids, np.int32(0))
        held = sticky(self.combinations, segments, saids, self.said[agents], self.combination[agents])
        moved = held.before != held.after
        for level, was, is_ in (
            *((name, state_before == code, state_after == code) for code, name in enumerate(AGENT_STATES)),
            ("occupied", is_occupied(state_before, load_before), is_occupied(state_after, load_after)),
            ("idle", is_idle(state_before, load_before), is_idle(state_after, load_after)),
        ):
            differs = moved | (was != is_)
            _step(facts, level, rows, held.before, differs & was, -1)
            _step(facts, level, rows, held.after, differs & is_, 1)
        self._load_steps(facts, rows, held.before, held.after, moved, load_before, load_after)
        slots_at = segments.last(reporting & (rows.numbers >= 0))
        last = agents[ends]
        self.state[last] = state_after[ends]
        self.since_us[last] = np.where(at >= 0, rows.times_us[at], self.since_us[agents])[ends]
        self.slots[last] = np.where(slots_at >= 0, rows.numbers[slots_at], self.slots[agents])[ends]
        self.load[last] = load_after[ends]
        self.said[last] = held.saids[ends]
        self.combination[last] = held.after[ends]

    def _in_order(
        self, agents: Codes, rows: Rows, reporting: NDArray[np.bool_], segments: Segments
    ) -> NDArray[np.bool_]:
        """The reports that count: a late one from before the agent's last report is illegal and changes nothing."""
        late = np.flatnonzero(reporting & rows.lates)
        if not len(late):
            return reporting
        reporting = reporting.copy()
        for row in late.tolist():
            earlier = np.flatnonzero(reporting[segments.first[row] : row]) + segments.first[row]
            newest_us = max(rows.times_us[earlier].max(initial=NEVER_US), self.since_us[agents[row]])
            if rows.times_us[row] < newest_us:
                reporting[row] = False
                self.illegal_count += 1
        return reporting

    @staticmethod
    def _load_steps(
        facts: Facts, rows: Rows, before: Codes, after: Codes, moved: NDArray[np.bool_],
        load_before: NDArray[np.int64], load_after: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """A contact more or less; all of an agent's contacts move when the agent does."""
        changed = (load_before != load_after) | (moved & (load_after != 0))
        gone = changed & (moved | (load_after < load_before))
        came = changed & (moved | (load_after > load_before))
        out = np.where(moved, load_before, load_before - load_after)
        into = np.where(moved, load_after, load_after - load_before)
        for combinations, chosen, amounts in ((before, gone, -out), (after, came, into)):
            if chosen.any():
                facts.change("load", _changes(rows, combinations, chosen, amounts[chosen]))


def is_occupied(state: NDArray[np.int8], load: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether agents are busy, wrapping up or hold a contact."""
    occupied: NDArray[np.bool_] = (state == _BUSY) | (state == _WRAPUP) | (load > 0)
    return occupied


def is_idle(state: NDArray[np.int8], load: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether agents are available and hold no contact."""
    idle: NDArray[np.bool_] = (state == _AVAILABLE) & (load <= 0)
    return idle


def _step(facts: Facts, level: str, rows: Rows, combinations: Codes, chosen: NDArray[np.bool_], delta: int) -> None:
    if chosen.any():
        facts.change(level, _changes(rows, combinations, chosen, np.full(int(chosen.sum()), delta, np.int64)))


def _changes(rows: Rows, combinations: Codes, chosen: NDArray[np.bool_], deltas: NDArray[np.int64]) -> Changes:
    return Changes(
        combinations[chosen], rows.times_us[chosen], rows.ranks_us[chosen], rows.lates[chosen],
        rows.sequences[chosen], deltas,
    )  # fmt: skip
