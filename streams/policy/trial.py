"""A policy tried on what was recorded: the same events under two policies, and how their alarms differ.

Owns the comparison. Never decides what is an alarm: two engines do, each under its own policy, fed from one decoder.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import TypeAlias

from engine.alarms import Alarm
from engine.errors import InvalidSetting
from engine.events import Reject
from engine.keys import SECRET_BYTES, Secret
from engine.pipeline import Engine, Settings
from engine.policy import Policy
from streams.reading import Recording
from streams.replay import merged

__all__ = ["CHANGES_MAX", "Change", "Comparison", "Tried", "replay_both"]

#: Alarms of one side only that are remembered.
CHANGES_MAX = 1_000_000

#: A limit or condition, and which step of its alarm is meant.
Tried: TypeAlias = tuple[str, str]


@dataclass(frozen=True)
class Change:
    """An alarm that goes (`new` is None), that comes (`old` is None), or that moves to another instant."""

    old: Alarm | None
    new: Alarm | None

    @property
    def alarm(self) -> Alarm:
        """The new one, where there is one."""
        found = self.new or self.old
        if found is None:
            raise ValueError("a change has an alarm")
        return found

    @property
    def kind(self) -> str:
        return "comes" if self.old is None else "goes" if self.new is None else "moves"


@dataclass
class Comparison:
    """Alarms of both policies, taken bit by bit; those that are equal are only counted."""

    same: Counter[Tried] = field(default_factory=Counter)
    old: set[Alarm] = field(default_factory=set)
    new: set[Alarm] = field(default_factory=set)

    def take(self, old: Iterable[Alarm], new: Iterable[Alarm]) -> None:
        """Raises InvalidSetting when too many differ to be told one by one."""
        for alarms, ours, theirs in ((old, self.old, self.new), (new, self.new, self.old)):
            for alarm in alarms:
                if alarm in theirs:
                    theirs.remove(alarm)
                    self.same[alarm.commitment, alarm.step] += 1
                else:
                    ours.add(alarm)
        if len(self.old) + len(self.new) > CHANGES_MAX:
            raise InvalidSetting(f"more than {CHANGES_MAX:,} alarms differ; try the policy on fewer events")

    def changes(self) -> list[Change]:
        """What differs, by its instants. Alarms of one clock of one contact that began at one instant are one that moves."""
        sides: list[defaultdict[tuple[object, ...], list[Alarm]]] = []
        for alarms in (self.old, self.new):
            side: defaultdict[tuple[object, ...], list[Alarm]] = defaultdict(list)
            for alarm in sorted(alarms):
                side[alarm.commitment, alarm.step, alarm.about, alarm.name, alarm.since_us].append(alarm)
            sides.append(side)
        old, new = sides
        found = [Change(*pair) for key in old.keys() | new.keys() for pair in zip_longest(old[key], new[key])]
        return sorted(found, key=lambda change: change.alarm)


def replay_both(
    old: Policy, new: Policy, recordings: Sequence[Path], settings: Settings,
    taken: Callable[[list[Reject], int], None],
) -> Comparison:  # fmt: skip
    """Replays files under both policies. `taken` is told of every block: what was rejected, and the bytes read so far.

    Raises OSError where a file cannot be read.
    """
    secret = Secret(os.urandom(SECRET_BYTES))
    before, after = engines = [Engine(replace(settings, policy=policy), secret) for policy in (old, new)]
    files = [Recording(path, str(path), secret) for path in dict.fromkeys(recordings)]
    comparison = Comparison()
    for decoded in merged(files, *engines):
        for engine in engines:
            engine.absorb(decoded)
        comparison.take(before.take_alarms(), after.take_alarms())
        taken(decoded.rejects, sum(file.read_bytes for file in files))
    for engine in engines:
        engine.finish()
    comparison.take(before.take_alarms(), after.take_alarms())
    lost = sum(engine.limits_reached["alarms_max"] for engine in engines)
    if lost:
        raise InvalidSetting(f"{lost:,} alarms came at once and were lost; try the policy on fewer events")
    return comparison
