"""Repeated misses of an agent: contacts with a broken limit, too many in a day (C46).

Owns who has missed what within the last day. Never raises what a contact's clocks raise: it is told of that. The law: misses
count in the order of their places, whatever the order in which they are found, so they wait until everything before is known.
"""

from bisect import bisect_left
from collections import deque
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.alarms import BROKEN, Alarm
from engine.columns import OTHER, Combinations
from engine.events import DIMENSIONS
from engine.facts import FIELD, STEPS, Facts
from engine.policy import NO_LIMIT_US, Policy
from engine.times import DAY_US

__all__ = ["Misses"]

_WAITING_MAX = 65_536
_BROKEN = STEPS.index("broken")

Miss = tuple[int, int, str, str, int]


class Misses:
    """`waiting`: misses whose turn has not come, as (place, instant, contact, agent, combination). `kept`: by agent those of the
    last day, as (place, contact). `old`: the same in order of their places, as (place, agent), with some that are gone already. A
    miss is placed at its instant, or where the late event stands that brought it to light. Past `misses_max` none is remembered
    any more, which is counted."""

    def __init__(self, combinations: Combinations, policy: Policy, misses_max: int) -> None:
        self.combinations = combinations
        self.misses_max = misses_max
        self.waiting_max = _WAITING_MAX
        self.waiting: list[Miss] = []
        self.kept: dict[str, list[tuple[int, str]]] = {}
        self.old: deque[tuple[int, str]] = deque()
        self.kept_count = 0
        self.refused_count = 0
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        """Another policy holds from now on."""
        self.policy = policy
        self.is_watched = any(line.limit == "misses" and line.limit_us < NO_LIMIT_US for line in policy.lines)

    @property
    def is_full(self) -> bool:
        """So many wait that those whose turn has come must be counted."""
        return len(self.waiting) > self.waiting_max

    def note(self, raised: NDArray[np.int64], contacts: list[str | None], agents: list[str]) -> None:
        """Takes what clocks of contacts raised, see `engine.clocks`; names of contacts by slot and of agents by code."""
        if self.is_watched:
            chosen = raised[:, (raised[0] % len(STEPS) == _BROKEN) & (raised[5] > 0)]
            for _, as_, at_us, slot, _, agent, place_us in chosen.T.tolist():
                if agents[agent] != OTHER:
                    self.waiting.append((place_us, at_us, contacts[slot] or "", agents[agent], as_))

    def count(self, until_us: int, facts: Facts) -> list[Alarm]:
        """Counts the misses placed before an instant, before which everything is known; returns what they raise."""
        if not self.waiting:
            return []
        self.waiting.sort()
        cut = bisect_left(self.waiting, until_us, key=lambda miss: miss[0])
        chosen, self.waiting = self.waiting[:cut], self.waiting[cut:]
        return [alarm for miss in chosen for alarm in self._count(miss, facts)]

    def _count(self, miss: Miss, facts: Facts) -> list[Alarm]:
        place_us, at_us, contact, agent, as_ = miss
        self._forget(place_us - DAY_US)
        own = self.kept.setdefault(agent, [])
        if contact in (known for _, known in own):
            return []
        codes = self.combinations.values[as_].tolist()
        values = tuple(names.texts[code] for code, names in zip(codes, self.combinations.names, strict=True))
        line = self.policy.find("misses", dict(zip(DIMENSIONS, values, strict=True)) | {"period": self._period(at_us)})
        if line and len(own) + 1 >= line.limit_us:
            del self.kept[agent]
            self.kept_count -= len(own)
            first_us = own[0][0] if own else place_us
            for field in ("breaches", "misses_breaches"):
                facts.amounts.append(np.array([[FIELD[field]], [as_], [at_us], [1]]))
            return [Alarm(at_us, "misses", BROKEN, "agent", agent, first_us, values)]
        if self.kept_count >= self.misses_max:
            self.refused_count += 1
        else:
            own.append((place_us, contact))
            self.old.append((place_us, agent))
            self.kept_count += 1
        return []

    def _period(self, at_us: int) -> str:
        found = (period.name for period in self.policy.periods if period.start_us <= at_us < period.end_us)
        return next(found, "")

    def _forget(self, until_us: int) -> None:
        """Drops what was placed up to an instant."""
        while self.old and self.old[0][0] <= until_us:
            _, agent = self.old.popleft()
            own = self.kept.get(agent, [])
            left = [entry for entry in own if entry[0] > until_us]
            self.kept_count -= len(own) - len(left)
            if left:
                self.kept[agent] = left
            else:
                self.kept.pop(agent, None)

    def state(self) -> dict[str, Any]:
        """Everything, for a snapshot."""
        return {"waiting": self.waiting, "kept": self.kept, "old": list(self.old), "refused_count": self.refused_count}

    def restore(self, saved: dict[str, Any]) -> None:
        """What `state` returned."""
        self.waiting = msgspec.convert(saved["waiting"], list[Miss])
        self.kept = msgspec.convert(saved["kept"], dict[str, list[tuple[int, str]]])
        self.kept_count = sum(map(len, self.kept.values()))
        self.old = deque((place_us, agent) for place_us, agent in saved["old"])
        self.refused_count = saved["refused_count"]
