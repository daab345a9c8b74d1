"""What the columns of a table mean, from a file: which steps a row tells, where their instants and names stand.

Owns what an entry is called and what belongs into it. Never reads a row: see table. The law: a file is taken whole or not at all, and all its
faults are said at once, each with its line and what would be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import InvalidSetting
from engine.events import CONTACT_TYPES, DIMENSIONS
from engine.source import FILE_BYTES_MAX, Entries, Faults, InvalidFile, Node, compose
from streams.policy.parts import entries_of, texts_of, word_of

__all__ = ["Columns", "Step", "read_mapping"]

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000}
_FIELDS = ("agent", "customer", *DIMENSIONS)
_KINDS = (*CONTACT_TYPES, "agent.state")


@dataclass(frozen=True)
class Step:
    """An event of every row that has it: `at` columns of its instant, or `lasting` columns after the step `after`."""

    kind: str
    at: tuple[str, ...] = ()
    after: str = ""
    lasting: str = ""
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """What the columns mean. `nothing` are texts that stand for no value."""

    steps: tuple[Step, ...]
    contact: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ","
    time_format: str = ""
    unit_us: int = 1_000_000
    nothing: frozenset[str] = frozenset(("",))
    past_midnight: bool = False


_KEYS = ("contact", "columns", "fields", "steps", "delimiter", "time_format", "unit", "nothing", "past_midnight")
_STEP_KEYS = ("at", "after", "lasting", "when", "unless", "fields")


def read_mapping(path: Path) -> Columns:
    """The mapping of a file. Raises InvalidSetting with all its faults, OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    faults = Faults()
    found: Columns | None = None
    with faults.gathered():
        node = compose(data, str(path), faults)
        said = entries_of(node, _KEYS, "a mapping", faults)
        if "steps" not in said:
            raise InvalidFile(
                f"{node.where}: the mapping has no steps; write steps:, and under it contact.queued: {{at: a column}}"
            )
        found = _mapping(said, faults)
    if faults.told or found is None:
        raise InvalidSetting("\n".join(faults.told))
    return found


def _mapping(said: Mapping[str, Node], faults: Faults) -> Columns:
    steps = said["steps"]
    if not isinstance(steps, Entries) or not steps.entries:
        raise InvalidFile(
            f"{steps.where}: steps are events, each with where its instant stands; write contact.queued: {{at: a column}}"
        )
    found: list[Step] = []
    for kind, node in steps.entries.items():
        with faults.gathered():
            if kind not in _KINDS:
                raise InvalidFile(
                    f"{steps.places[kind]}: {kind!r} is no event of a contact; choose from {', '.join(_KINDS)}"
                )
            found.append(_step(kind, node, [step.kind for step in found], faults))
    fields = _fields(said["fields"], _FIELDS, faults) if "fields" in said else {}
    delimiter = word_of(said["delimiter"], _delimiter) if "delimiter" in said else ","
    return Columns(
        tuple(found),
        tuple(texts_of(said["contact"])) if "contact" in said else (),
        tuple(texts_of(said["columns"])) if "columns" in said else (),
        fields,
        delimiter,
        word_of(said["time_format"], str) if "time_format" in said else "",
        word_of(said["unit"], _unit) if "unit" in said else _UNITS["s"],
        frozenset(("", *texts_of(said["nothing"]))) if "nothing" in said else frozenset(("",)),
        "past_midnight" in said and word_of(said["past_midnight"], _yes),
    )


def _step(kind: str, node: Node, before: list[str], faults: Faults) -> Step:
    said = entries_of(node, _STEP_KEYS, f"the step {kind}", faults)
    after = word_of(said["after"], str) if "after" in said else ""
    if ("at" in said) == bool(after) or bool(after) != ("lasting" in said):
        raise InvalidFile(f"{node.where}: {kind} needs either at: a column, or after: a step with lasting: a column")
    if after and after not in before:
        raise InvalidFile(f"{node.where}: {kind} comes after {after}, which no step before it is; put that one first")
    names = (*_FIELDS, "csat", "nps", "resolved", "automatic", "reason", "state")
    fields = _fields(said["fields"], names, faults) if "fields" in said else {}
    if kind == "agent.state" and "state" not in fields:
        raise InvalidFile(f"{node.where}: agent.state needs the column of the state; write fields: {{state: a column}}")
    return Step(
        kind, tuple(texts_of(said["at"])) if "at" in said else (), after, word_of(said["lasting"], str) if after else "",
        _cases(said.get("when")), _cases(said.get("unless")), fields,
    )  # fmt: skip


def _fields(node: Node, names: tuple[str, ...], faults: Faults) -> dict[str, str]:
    return {name: word_of(value, str) for name, value in entries_of(node, names, "fields", faults).items()}


def _cases(node: Node | None) -> dict[str, tuple[str, ...]]:
    if node is None:
        return {}
    if not isinstance(node, Entries):
        raise InvalidFile(
            f"{node.where}: conditions are columns with the texts that they must have; write outcome: [ANSWER]"
        )
    return {column: tuple(texts_of(texts)) for column, texts in node.entries.items()}


def _delimiter(text: str) -> str:
    if text in ("tab", "\\t"):
        return "\t"
    if len(text) != 1 or text in '"\n\r':
        raise ValueError(f"{text!r} does not divide columns; write one sign, or tab")
    return text


def _unit(text: str) -> int:
    if text not in _UNITS:
        raise ValueError(f"{text!r} is no unit of durations; choose from {', '.join(_UNITS)}")
    return _UNITS[text]


def _yes(text: str) -> bool:
    if text not in ("yes", "no", "true", "false"):
        raise ValueError(f"{text!r} is neither yes nor no; write one of them")
    return text in ("yes", "true")
