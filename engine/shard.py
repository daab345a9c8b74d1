"""One shard of a centre that is spread over several machines: everything that needs one contact at a time.

Owns the first half of the path: order, contacts, their clocks, their response measures. Never counts: what it finds out goes in
`Step`s to whoever merges all shards (`engine.merged`), because agents, customers, highest levels and conditions need them all in one
order. The law: the same events give the same steps, for the same ends of steps, however the events came in.
"""

from collections.abc import Iterator
from dataclasses import fields
from itertools import islice
from math import gcd
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.cells import MIRRORED, Cell, Lives, Step, digest
from engine.columns import Rows, grown
from engine.contacts import Lived, Loads
from engine.customers import PartialResponses
from engine.events import KINDS, kind
from engine.facts import Changes, Facts
from engine.keys import PUBLIC, Secret
from engine.packing import packed, unpacked
from engine.pipeline import TOLD, Engine, Settings
from engine.ratings import CSAT_LOW_MAX
from engine.repeats import Found
from engine.times import MINUTE_US
from engine.watch import FAR_US
from engine.watermark import NEVER_US

__all__ = ["Shard", "cell_us_of", "rules_of"]

Index = NDArray[np.int64]

_PASSED_ON = np.array([not name.startswith(("contact.", "message.")) for name in KINDS])
_RATED = kind("contact.rated")
_SPOKEN = np.array([name in ("contact.answered", "contact.reopened") for name in KINDS])

#: From so many amounts on it pays to sum them up.
_FEW = 256
_NOBODY = Lived(Rows.empty(), np.empty(0, np.int32), np.empty(0, np.uint8), np.empty(0, np.uint8))


def cell_us_of(settings: Settings) -> int:
    """The grid of event time on which all shards cut what they find out: no condition is judged between."""
    return gcd(*(condition.step_us for condition in settings.policy.conditions)) or MINUTE_US


def rules_of(settings: Settings) -> str:
    """Tells whether shards and what merges them hold events to the same."""
    return digest((settings.policy, settings.disorder_bound_us, settings.allowed_lateness_us, settings.linger_us))


class Shard(Engine):
    """An engine that says what it finds out and counts nothing. `absorb`, `advance` and `finish_source` take in; `step` takes out."""

    _responses_of = PartialResponses

    def __init__(self, settings: Settings, secret: Secret = PUBLIC) -> None:
        super().__init__(settings, secret)
        self.cell_us = cell_us_of(settings)
        self.slice_us = gcd(self.cell_us, self.pane_us)
        self.rules = rules_of(settings)
        self.until_us = NEVER_US
        self._said_texts: list[tuple[str | None, ...]] = []
        # By slot the key that the last step told of it.
        self.told = np.zeros(0, np.uint64)

    def _make_room(self) -> None:
        """Only `step` takes anything, or what is told would depend on how events came in."""

    def advance(self, now_us: int) -> None:
        """The clock: no more events are expected before `now_us`."""
        self.order.advance(now_us)

    def step(self, until_us: int) -> bytes:
        """Everything of before an instant that the watermark has reached, as bytes of a `Step`; after all sources have ended, that is
        `-NEVER_US`. Instants never go back."""
        if until_us < self.until_us or until_us > self.watermark_us:
            raise ValueError(f"a step from {self.until_us} to {until_us}, with the watermark at {self.watermark_us}")
        from_us, cells = self.until_us, []
        line_us = until_us // self.cell_us * self.cell_us
        if from_us < line_us and until_us < -NEVER_US:
            # Slots become free on the grid only, where whoever merges can stop without parting what happened at once.
            cells = [*self._cells(self.order.release(line_us), line_us), *self._freed(line_us)]
            self.until_us = line_us
        released = self.order.release(until_us)
        self.waiting_rows = 0
        reached_us = until_us
        if until_us >= -NEVER_US:  # As far as time has come for those who know of no event, too.
            reached_us = max(
                self.order.floor_us, NEVER_US if self.own_counters.last_us is None else self.own_counters.last_us
            )
        cells += self._cells(released, reached_us)
        step = Step(self.rules, self.slice_us, from_us, until_us, reached_us, cells, {}, {})
        step.sources = {name: (source.newest_us, source.finished) for name, source in self.order.sources.items()}
        step.counters = vars(self.counters) | {"rejected": dict(self.own_counters.rejected)}
        step.limits_reached = {name: count for name, count in self.limits_reached.items() if count}
        self.until_us = until_us
        return step.to_bytes()

    def snapshot(self) -> bytes:
        """The whole state behind the last step."""
        whole = {"engine": super().snapshot(), "until_us": self.until_us, "told": self.told}
        return msgspec.msgpack.encode(whole, enc_hook=packed)

    @classmethod
    def restore(cls, data: bytes, settings: Settings) -> Self:
        """A shard that continues where the snapshot was made. Raises InvalidSetting for other settings."""
        whole = unpacked(msgspec.msgpack.decode(data))
        shard = super().restore(whole["engine"], settings)
        shard.until_us, shard.told = whole["until_us"], whole["told"]
        return shard

    def verify(self) -> None:
        """There is nothing here that could contradict itself."""

    # The path.

    def _cells(self, released: Rows, reached_us: int) -> Iterator[Cell]:
        """What comes of released rows and of time, cell by cell of the grid."""
        order = np.argsort(released.ranks_us, kind="stable")
        ranks_us, first = released.ranks_us[order], 0
        self.contacts.due(self.until_us, Facts())  # Nothing is, but now it is known when something will be.
        while True:
            row_us = int(ranks_us[first]) if first < len(ranks_us) else FAR_US
            next_us = min(row_us, self.contacts.next_us)
            if row_us == FAR_US and next_us >= reached_us:
                break
            grid_us = next_us // self.cell_us * self.cell_us
            end = int(np.searchsorted(ranks_us, grid_us + self.cell_us))
            rows = released if end - first == len(released) else released[order[first:end]]
            yield self._cell(rows, max(grid_us, self.until_us), min(grid_us + self.cell_us, reached_us))
            first = end
        facts = Facts()
        self.responses.due(reached_us, facts)
        if facts.amounts or facts.days:
            yield self._told(facts, reached_us - 1, reached_us)

    def _cell(self, rows: Rows, low_us: int, due_us: int) -> Cell:
        facts, loads = Facts(), Loads()
        passed_on = _PASSED_ON[rows.kinds]
        lived = self.contacts.apply(rows[~passed_on] if passed_on.any() else rows, facts, loads)
        found = self.customers.find(lived, len(self.contacts.names))
        self.responses.apply(lived, facts)
        self.contacts.due(due_us, facts)
        self.responses.due(due_us, facts)
        self.limits.refresh()
        cell = self._told(facts, low_us, due_us, loads, rows[passed_on], lived, found)
        names = list(self.order.numbers)
        for number in np.unique(rows.sources).tolist():
            cell.heard[names[number]] = int(rows.ranks_us[rows.sources == number].max())
        for sequence in rows.sequences[TOLD[rows.kinds]].tolist():
            if sequence in self.details:
                cell.details[sequence] = self.details.pop(sequence)
        return cell

    def _told(
        self, facts: Facts, low_us: int, end_us: int, loads: Loads | None = None, passed_on: Rows | None = None,
        lived: Lived = _NOBODY, found: Found | None = None,
    ) -> Cell:  # fmt: skip
        """A cell, with what it tells of."""
        passed_on = Rows.empty() if passed_on is None else passed_on
        amounts, samples, longest = (_joined(parts, 4) for parts in (facts.amounts, facts.samples, facts.longest))
        raised, days = _joined(facts.raised, 7), _joined(facts.days, 10)
        levels = {level: _chained(parts) for level, parts in facts.levels.items()}
        loaded = _loads(loads)
        heard_of = (lived.combinations >= 0) & _heard_of(lived.rows)
        spoken, spoken_as = lived.rows[heard_of], lived.combinations[heard_of]
        lives = self._lives(np.unique(np.concatenate((lived.rows.contacts, raised[3].astype(np.int32)))))
        instants = [passed_on.ranks_us, lived.rows.ranks_us, raised[2], amounts[2][amounts[2] < end_us]]
        stirred_us = max(int(part.max(initial=NEVER_US)) for part in instants)
        amounts = _summed(amounts, self.slice_us, len(self.combinations))
        as_ = _Codes(amounts[1], samples[1], longest[1], raised[1], days[6], *(of.combinations for of in levels.values()), spoken_as,
                     *(lives.lives[name] for name in ("combination", "waiting_as", "served_as")),
                     *(() if found is None else (found.combinations,)))  # fmt: skip
        saids = _Codes(passed_on.saids, spoken.saids)
        agents = _Codes(raised[5], loaded[0], passed_on.agents, spoken.agents, lives.lives["agent"])
        for part in (amounts, samples, longest, raised):
            part[1] = as_.places(part[1])
        for of in levels.values():
            of.combinations = as_.places(of.combinations)
        for name in ("combination", "waiting_as", "served_as"):
            lives.lives[name] = as_.places(lives.lives[name])
        if found is not None:
            found.combinations = as_.places(found.combinations)
        days[6] = as_.places(days[6])
        raised[5], loaded[0] = agents.places(raised[5]), agents.places(loaded[0])
        lives.lives["agent"] = agents.places(lives.lives["agent"])
        for rows in (passed_on, spoken):
            rows.saids, rows.agents = saids.places(rows.saids), agents.places(rows.agents)
        self._said_texts += islice(self.combinations.said_codes, len(self._said_texts), None)
        return Cell(
            low_us, end_us, stirred_us, {}, [self.combinations.texts_of(code) for code in as_.used.tolist()],
            [self._said_texts[code] for code in saids.used.tolist()], [self.agents.names.texts[code] for code in agents.used.tolist()],
            amounts, samples, longest, raised, days, levels, loaded, passed_on, {}, spoken, as_.places(spoken_as), found, lives,
        )  # fmt: skip

    def _lives(self, slots: NDArray[np.int32]) -> Lives:
        """These contacts as they are now; of those whose slot is told of for the first time, the names."""
        contacts = self.contacts
        self.told = grown(self.told, len(contacts.names))
        keys = contacts.keys[slots]
        new = slots[(keys != self.told[slots]) & (keys != 0)]
        self.told[slots] = keys
        lives = np.zeros(len(slots), MIRRORED)
        for name in MIRRORED.names or ():
            lives[name] = contacts.lives[name][slots]
        return Lives(
            slots, keys, contacts.states[slots], lives, contacts.due_us[slots], contacts.soonest_us[slots],
            {slot: contacts.names[slot] or "" for slot in new.tolist()},
        )  # fmt: skip

    def _freed(self, at_us: int) -> Iterator[Cell]:
        """A cell of no length that tells which slots are free again, if any are."""
        self._house_keeping()
        slots = np.flatnonzero(self.told).astype(np.int32)
        slots = slots[self.contacts.keys[slots] == 0]
        if len(slots):
            cell = self._told(Facts(), at_us, at_us)
            cell.lives = self._lives(slots)
            yield cell


class _Codes:
    """The codes that occur in some arrays, and their places among those."""

    def __init__(self, *arrays: NDArray[np.integer[Any]]) -> None:
        self.used = np.unique(np.concatenate(((0,), *arrays)).astype(np.int64))

    def places(self, codes: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        return np.searchsorted(self.used, codes).astype(np.int32)


def _heard_of(rows: Rows) -> NDArray[np.bool_]:
    """The rows of contacts that make a call back due, or may settle one."""
    low = (rows.kinds == _RATED) & (rows.csats >= 1) & (rows.csats <= CSAT_LOW_MAX)
    heard_of: NDArray[np.bool_] = low | _SPOKEN[rows.kinds]
    return heard_of


def _joined(parts: list[Index], columns: int) -> Index:
    return np.concatenate(parts, axis=1) if parts else np.zeros((columns, 0), np.int64)


def _chained(parts: list[Changes]) -> Changes:
    return Changes(*(np.concatenate([getattr(part, entry.name) for part in parts]) for entry in fields(Changes)))


def _loads(loads: Loads | None) -> Index:
    parts = loads.parts if loads else []
    return _joined(
        [np.stack((agents, rows.times_us, rows.ranks_us, rows.lates, rows.sequences, deltas)) for agents, rows, deltas in parts], 6
    )  # fmt: skip


def _summed(amounts: Index, slice_us: int, combination_count: int) -> Index:
    """Amounts of one field, combination and slice as one, at the slice's beginning."""
    if amounts.shape[1] < _FEW:
        return amounts.copy()
    fields_, as_, times_us, values = amounts
    slices = times_us // slice_us
    first = int(slices.min())
    keys = ((slices - first) * (int(fields_.max()) + 1) + fields_) * combination_count + as_
    distinct, inverse = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, inverse, values)
    rest, codes = np.divmod(distinct, combination_count)
    rest, which = np.divmod(rest, int(fields_.max()) + 1)
    return np.stack((which, codes, (rest + first) * slice_us, sums))
