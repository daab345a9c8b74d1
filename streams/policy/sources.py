"""The sources of a policy's file: how often each must be heard at least, and in which hours.

Owns their grammar, and the policy that has them beside the engine's: when something came is no matter of the engine, which knows only when it happened. Never
watches a source: see streams.sources. Law: what is said of a source takes the place of what was learned of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import InvalidSetting
from engine.hours import Hours
from engine.policy import Policy
from engine.source import Entries, Faults, InvalidFile, Node
from engine.times import DAY_US, SECOND_US, duration_us
from streams.policy.parts import entries_of, word_of

__all__ = ["SOURCES_MAX", "Heard", "SourcedPolicy", "sources_of"]

#: Sources that a policy may name, as many as a service knows unless a limit says otherwise.
SOURCES_MAX = 256
EVERY_US_MIN, EVERY_US_MAX = 10 * SECOND_US, 7 * DAY_US
_KEYS = ("every", "hours")
_NAME_LENGTH_MAX = 64 + 1 + 64  # A writer's name and what it calls its source.


@dataclass(frozen=True)
class Heard:
    """A source is heard at least once in `every_us` of the time of `hours`, "" for around the clock."""

    name: str
    every_us: int
    hours: str = ""
    where: str = "default policy"


@dataclass(frozen=True)
class SourcedPolicy(Policy):
    """The engine's policy, and of which sources something is expected. Raises InvalidSetting."""

    sources: tuple[Heard, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for heard in self.sources:
            if heard.hours and heard.hours not in self.hours:
                raise InvalidSetting(
                    f"{heard.where}: there are no hours {heard.hours!r}; add them, or correct the name"
                )

    def hours_of(self, heard: Heard) -> Hours:
        """The hours in which that source speaks."""
        return self.hours[heard.hours] if heard.hours else Hours()


def sources_of(node: Node, faults: Faults) -> tuple[Heard, ...]:
    """What a section says. What is wrong goes to `faults`."""
    if not isinstance(node, Entries):
        raise InvalidFile(f"{node.where}: sources consist of names; write pbx: {{every: 2m, hours: desk}}")
    if len(node.entries) > SOURCES_MAX:
        raise InvalidFile(f"{node.where}: there are {len(node.entries):,} sources; a policy may have {SOURCES_MAX}")
    found = []
    for name, said in node.entries.items():
        with faults.gathered():
            found.append(_heard(name, node.places[name], said, faults))
    return tuple(found)


def _heard(name: str, where: str, node: Node, faults: Faults) -> Heard:
    if not name or len(name) > _NAME_LENGTH_MAX or not name.isprintable():
        raise InvalidFile(
            f"{where}: the name of a source has 1 to {_NAME_LENGTH_MAX} printable signs; write it as /api/v1/now does"
        )
    known: Mapping[str, Node] = entries_of(node, _KEYS, f"the source {name}", faults)
    if "every" not in known:
        raise InvalidFile(f"{where}: {name} does not say how often it must be heard; write every: 2m")
    hours = word_of(known["hours"], str) if "hours" in known else ""
    return Heard(name, word_of(known["every"], _every_us), hours, where)


def _every_us(text: str) -> int:
    every_us = duration_us(text)
    if not EVERY_US_MIN <= every_us <= EVERY_US_MAX:
        raise ValueError(f"a source is heard every 10s at the most often and every 7d at least, not {text}; correct it")
    return every_us
