"""The contacts of all shards, as a hub sees them: to be looked at, never to be changed by events.

Owns the way from a shard's numbers to those of the whole. A shard's slot is ours after multiplying by the number of shards and adding the
shard's; sequences likewise. The law: a slot is nobody else's than was told.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.cells import Cell
from engine.columns import Rows
from engine.contacts import Contacts, Loads
from engine.errors import BrokenInvariant
from engine.facts import LEVELS, Facts

__all__ = ["Mirror", "Translated"]


class Translated:
    """A cell in the numbers of the whole: of each of its combinations, saids and agents the code here."""

    def __init__(self, merged: Any, shard: int, cell: Cell) -> None:
        combinations = merged.combinations
        self.cell, self.shard = cell, shard
        self.shards: int = merged.shards
        said = combinations.saids([*cell.combinations])
        self.as_ = combinations.merged(np.zeros(len(said), np.int32), said)
        self.saids = combinations.saids(cell.saids)
        self.agents = merged.agents.codes([name or None for name in cell.agents])
        self.rows, self.spoken = self._rows(cell.rows), self._rows(cell.spoken)
        self.spoken_as = self.as_[cell.spoken_as]
        self.details = {sequence * self.shards + shard: details for sequence, details in cell.details.items()}
        self.found = cell.found
        if self.found is not None:
            self.found.combinations = self.as_[self.found.combinations]
            self.found.contacts = self.slots_of(self.found.contacts)
            self.found.sequences = self.sequences_of(self.found.sequences)

    def slots_of(self, slots: NDArray[np.int32]) -> NDArray[np.int32]:
        return np.where(slots >= 0, slots * np.int32(self.shards) + np.int32(self.shard), slots).astype(np.int32)

    def sequences_of(self, sequences: NDArray[np.int64]) -> NDArray[np.int64]:
        return sequences * self.shards + self.shard

    def _rows(self, rows: Rows) -> Rows:
        rows.agents, rows.saids = self.agents[rows.agents], self.saids[rows.saids]
        rows.contacts, rows.sequences = self.slots_of(rows.contacts), self.sequences_of(rows.sequences)
        return rows

    def add_to(self, facts: Facts, loads: Loads) -> None:
        """Adds the cell's facts and loads to others."""
        cell = self.cell
        for part, column in (
            (cell.amounts, facts.amounts),
            (cell.samples, facts.samples),
            (cell.longest, facts.longest),
        ):
            if part.size:
                part[1] = self.as_[part[1]]
                column.append(part)
        if cell.days.size:
            # Only late waits have a sequence.
            cell.days[5] = np.where(cell.days[5] < 0, -1, self.sequences_of(cell.days[5]))
            cell.days[6] = self.as_[cell.days[6]]
        if cell.raised.size:
            cell.raised[1], cell.raised[5] = self.as_[cell.raised[1]], self.agents[cell.raised[5]]
            cell.raised[3] = self.slots_of(cell.raised[3].astype(np.int32))
            facts.raised.append(cell.raised)
        for level, changes in cell.levels.items():
            changes.combinations, changes.sequences = (
                self.as_[changes.combinations],
                self.sequences_of(changes.sequences),
            )
            facts.change(LEVELS[level], changes)
        if cell.loads.size:
            agents, times_us, ranks_us, lates, sequences, deltas = cell.loads
            rows = Rows.blank(len(agents))
            rows.times_us, rows.ranks_us, rows.lates = times_us, ranks_us, lates.astype(np.bool_)
            rows.sequences = self.sequences_of(sequences)
            loads.parts.append((self.agents[agents], rows, deltas))


class Mirror(Contacts):
    """The contacts of all shards as they were told."""

    def tell(self, told: Translated) -> None:
        """Takes over contacts that are not what they were. Raises BrokenInvariant where a slot is another's than was told."""
        lives, slots = told.cell.lives, told.slots_of(told.cell.lives.slots)
        if not len(slots):
            return
        size = int(slots.max()) + 1
        if size > len(self.names):
            self.names += [None] * (size - len(self.names))
            self._make_room(size)
        new = {
            int(slot): name
            for slot, name in zip(told.slots_of(np.array([*lives.names], np.int32)), lives.names.values(), strict=True)
        }
        for slot, name in new.items():
            self.names[slot] = name
        known = (self.keys[slots] == lives.keys) | (lives.keys == 0) | np.isin(slots, [*new])
        if not known.all():
            raise BrokenInvariant("a shard told of a contact in another's place; stop, keep the topics, report it")
        for slot in slots[lives.keys == 0].tolist():
            self.names[slot] = None
        self.keys[slots], self.states[slots] = lives.keys, lives.states
        self.due_us[slots], self.soonest_us[slots] = lives.due_us, lives.soonest_us
        for name in ("waiting_since_us", "turn_since_us", "warned", "paused"):
            self.lives[name][slots] = lives.lives[name]
        for name in ("combination", "waiting_as", "served_as"):
            self.lives[name][slots] = told.as_[lives.lives[name]]
        self.lives["agent"][slots] = told.agents[lives.lives["agent"]]

    def find_again(self) -> None:
        """Nobody asks for a slot by its key."""
