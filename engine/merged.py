"""An engine that is fed with the steps of shards: the second half of the path, where all of a centre comes together.

Owns the order in which cells of different shards are taken: all of one slice of event time together, and none before every shard has
told of it. Never sees an event. The law: shards and this together give every figure, and raise every alarm, that one engine gives
alone; for events that come out of order by no more than the bound.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Self

import msgspec
import numpy as np

from engine.backoffice import OWED
from engine.cells import Cell, Step
from engine.columns import Rows
from engine.contacts import Lived, Loads
from engine.customers import CustomerDays
from engine.errors import BrokenInvariant, InvalidSetting
from engine.events import Decoded, kind
from engine.facts import Facts
from engine.keys import PUBLIC, Secret
from engine.mirror import Mirror, Translated
from engine.packing import packed, unpacked
from engine.parts import Part, Sources
from engine.pipeline import ORDERS, TOLD, Counters, Engine, Settings
from engine.policy import Policy
from engine.repeats import Found
from engine.shard import cell_us_of, rules_of
from engine.watch import FAR_US
from engine.watermark import NEVER_US

__all__ = ["Merged"]

_AGENT_STATE = kind("agent.state")
_ADDED = ("events", "duplicates", "late", "dropped")


class Merged(Engine):
    """All shards of a centre as one engine. `take` takes in; everything else is as of `Engine`.

    `shards` is their number, which must not change as long as there is state.
    """

    def __init__(self, settings: Settings, shards: int, secret: Secret = PUBLIC) -> None:
        super().__init__(settings, secret)
        self.shards = shards
        self.cell_us, self.rules = cell_us_of(settings), rules_of(settings)
        self.contacts: Mirror = Mirror(
            self.combinations, self.agents.names, self.limits, settings.linger_us, settings.contacts_max
        )
        self.back_office.contacts = self.responses.contacts = self.contacts
        self.order = self.sources = Sources(settings.disorder_bound_us, settings.allowed_lateness_us)
        self.customer_days = CustomerDays(self.combinations, settings.allowed_lateness_us, settings.customer_days_max)
        self.parts = [Part() for _ in range(shards)]

    # In.

    def take(self, shard: int, step: bytes) -> None:
        """Takes the next step of a shard. Raises ValueError for bytes that are none, InvalidSetting for one of a shard that holds
        events to something else, BrokenInvariant for one that does not follow."""
        told, part = Step.from_bytes(step), self.parts[shard]
        if told.rules != self.rules or self.pane_us % told.slice_us:
            raise InvalidSetting(
                "the workers hold events to another policy, other windows or bounds than this hub; "
                "start all of them with the same settings"
            )
        if told.from_us != part.until_us:
            raise BrokenInvariant(
                f"a step of shard {shard} begins at {told.from_us}, and the last one ended at {part.until_us}; "
                "stop, keep the topics, report it"
            )
        part.until_us, part.reached_us = told.until_us, told.reached_us
        part.counters, part.limits_reached, part.sources = told.counters, told.limits_reached, told.sources
        part.cells += told.cells
        part.ends_us.append(told.until_us)

    def absorb(self, decoded: Decoded) -> None:
        """Events belong to shards. Raises BrokenInvariant."""
        raise BrokenInvariant("events were given to what merges shards; give them to a shard; report it")

    @property
    def watermark_us(self) -> int:
        """The instant up to which all shards have been merged."""
        return self.sources.merged_us

    @property
    def counters(self) -> Counters:
        """What became of all events so far, as the shards say, and what was illegal here."""
        told = [part.counters for part in self.parts if part.counters]
        total = Counters(**{name: sum(of[name] for of in told) for name in _ADDED})
        for of in told:
            total.rejected.update(of["rejected"])
        illegal = Counter(self.back_office.illegal)
        for of in told:
            illegal.update(of["illegal"])
        if self.agents.illegal_count:
            illegal["out_of_order_agent"] = self.agents.illegal_count
        total.illegal = {reason: illegal[reason] for reason in sorted(illegal)}
        total.first_us = min((of["first_us"] for of in told if of["first_us"] is not None), default=None)
        total.last_us = max((of["last_us"] for of in told if of["last_us"] is not None), default=None)
        return total

    @property
    def limits_reached(self) -> dict[str, int]:
        """How often each limit was met, here and in the shards."""
        found = Counter(super().limits_reached)
        found["customer_days_max"] += self.customer_days.lost_count
        for part in self.parts:
            found.update(part.limits_reached)
        return dict(found)

    def finish(self) -> None:
        """The shards have been told that their sources have ended; what they said is taken."""
        self.settle()

    def adopt(self, policy: Policy) -> None:
        """Raises InvalidSetting: the shards would have to follow at the same place of the stream."""
        raise InvalidSetting(
            "the policy of a cluster is changed by starting its workers and hubs with the new one; the one of before stays in force"
        )

    # The path.

    def _process(self) -> None:
        """Takes all cells up to the latest instant that no cell of any shard reaches across."""
        until_us = self._common_us()
        self.sources.tell(self.parts)
        if until_us <= self.sources.merged_us:
            return
        cells = [(shard, cell) for shard, part in enumerate(self.parts) for cell in part.taken(until_us)]
        # On each line of the grid first what became free there.
        cells.sort(key=lambda told: (told[1].low_us, told[1].end_us > told[1].low_us))
        self.sources.merged_us = until_us
        if self.watch.judges:
            self._take_in_turn(cells)
        else:
            for chosen in _between_freed(cells):
                self._take_cells(chosen)
        if self.misses.is_full:
            self._due(self._reached_us())
        self._hand_over()
        if cells:
            self._house_keeping()

    def _common_us(self) -> int:
        slowest_us = min(part.until_us for part in self.parts)
        grid_us = slowest_us // self.cell_us * self.cell_us if abs(slowest_us) < -NEVER_US else slowest_us
        ends_us = {end_us for part in self.parts for end_us in part.ends_us if grid_us < end_us <= slowest_us}
        for until_us in sorted(ends_us, reverse=True):
            if not any(part.crosses(until_us) for part in self.parts):
                return until_us
        return grid_us

    def _take_in_turn(self, cells: list[tuple[int, Cell]]) -> None:
        """Slice by slice, with conditions judged at each instant when all of before it is taken."""
        first, until_us = 0, self._reached_us()
        instant_us: int | None = NEVER_US
        while instant_us is not None:
            row_us = cells[first][1].low_us if first < len(cells) else FAR_US
            instant_us = self.watch.next_us(row_us, self.back_office.next_us, until_us)
            end = first
            while end < len(cells) and (instant_us is None or cells[end][1].low_us < instant_us):
                end += 1
            for chosen in _between_freed(cells[first:end]):
                self.watch.reach(max(cell.stirred_us for _, cell in chosen))
                self.sources.hear(self.watch, (cell.heard for _, cell in chosen))
                self._take_cells(chosen)
            first = end
            if instant_us is not None:
                self._due(instant_us)
                self.alarms.add(self.watch.judge(instant_us, self.contacts, self.agents, self.order))

    def _take_cells(self, cells: list[tuple[int, Cell]]) -> None:
        """Takes cells of one slice, or of several where nobody looks between, through what needs all shards."""
        facts, loads = Facts(), Loads()
        here = [Translated(self, shard, cell) for shard, cell in cells]
        for one in here:
            self.contacts.tell(one)
            one.add_to(facts, loads)
        self.customer_days.take([(one.shard, one.cell.days) for one in here], facts)
        rows = Rows.concatenated([one.rows for one in here])
        spoken = Rows.concatenated([one.spoken for one in here])
        for one in here:
            self.details |= one.details
        self.limits.refresh()
        found = [one.found for one in here if one.found is not None]
        if found:
            self.repeats.take(Found.concatenated(found), self.contacts.names, facts)
        self.agents.apply(rows[rows.kinds == _AGENT_STATE], loads, facts)
        self._orders(rows[rows.kinds == ORDERS], facts)
        nothing = np.empty(0, np.uint8)
        lived = Lived(spoken, np.concatenate([one.spoken_as for one in here]), nothing, nothing)
        self.alarms.add(self.back_office.apply(rows[OWED[rows.kinds]], lived, self.details, facts))
        self.limits.refresh()
        self._count_facts(facts)
        for sequence in rows.sequences[TOLD[rows.kinds]].tolist():
            self.details.pop(sequence, None)

    def _reached_us(self) -> int:
        if self.sources.merged_us < -NEVER_US:
            return self.sources.merged_us
        return max(part.reached_us for part in self.parts)

    def _due(self, until_us: int) -> None:
        """What is due beside what the shards raise."""
        facts = Facts()
        self.alarms.add(self.back_office.due(until_us, facts))
        if facts.amounts:
            self.watch.reach(max(int(amounts[2].max()) for amounts in facts.amounts))
        self._count_facts(facts)
        late = Facts()
        self.alarms.add(self.misses.count(until_us, late))
        self._count_facts(late)

    def _house_keeping(self) -> None:
        if abs(self.watermark_us) == -NEVER_US:
            return
        self.customer_days.forget(self.watermark_us)
        if self.settings.retention_us is not None:
            self.tallies.forget((self.watermark_us - self.settings.retention_us) // self.pane_us)

    # State.

    def snapshot(self) -> bytes:
        """The whole state, cells that wait for other shards included. Raises BrokenInvariant as `Engine.snapshot` does."""
        parts = [part.saved() for part in self.parts]
        whole = {
            "engine": super().snapshot(),
            "shards": self.shards,
            "merged_us": self.sources.merged_us,
            "parts": parts,
            "customer_days": self.customer_days.saved(),
        }
        return msgspec.msgpack.encode(whole, enc_hook=packed)

    @classmethod
    def restore(cls, data: bytes, settings: Settings, shards: int = 1) -> Self:
        """Continues where the snapshot was made. Raises InvalidSetting for other settings or another number of shards."""
        whole = unpacked(msgspec.msgpack.decode(data))
        if whole["shards"] != shards:
            raise InvalidSetting(
                f"the snapshot was made with {whole['shards']} partitions, and there are {shards}; "
                "start with an empty data folder, or restore the number of partitions"
            )
        merged = cls(settings, shards)
        merged.fill(whole["engine"])
        merged.sources.merged_us = whole["merged_us"]
        merged.customer_days.restore(whole["customer_days"])
        for part, saved in zip(merged.parts, whole["parts"], strict=True):
            part.restore(saved)
        return merged


def _between_freed(cells: list[tuple[int, Cell]]) -> Iterator[list[tuple[int, Cell]]]:
    """The cells in runs, so that nobody gets a slot in the run in which another's is told of. Slots become free on lines of the grid, which
    no cell crosses, so that all of a run happens before all of the next."""
    first = 0
    for place, (_, cell) in enumerate(cells):
        if place > first and cell.end_us == cell.low_us and cells[place - 1][1].low_us < cell.low_us:
            yield cells[first:place]
            first = place
    if cells[first:]:
        yield cells[first:]
