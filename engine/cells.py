"""Cells: what a shard has found out in one slice of event time, on its way to whoever puts all shards together.

Owns the form, in which nothing depends on a shard's own numbers: combinations, saids and agents are told by name, contacts by the
shard's slots, which stay the same from step to step. Never adds up. The law: bytes are the same for the same cell.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.columns import Rows
from engine.events import Details
from engine.facts import Changes
from engine.packing import packed, unpacked
from engine.repeats import Found

__all__ = ["MIRRORED", "Cell", "Lives", "Step", "digest"]

Index = NDArray[np.int64]

#: What is told of a contact's life: all that anybody reads who only looks.
MIRRORED = np.dtype([
    ("waiting_since_us", np.int64), ("turn_since_us", np.int64), ("combination", np.int32), ("waiting_as", np.int32),
    ("served_as", np.int32), ("agent", np.int32), ("warned", np.uint8), ("paused", np.uint8),
])  # fmt: skip


@dataclass
class Lives:
    """Contacts that are not what they were, by slot: their keys, uint64, 0 for a slot that is free now; states uint8; `lives` of
    `MIRRORED`; `due_us` int64 (n, clocks), `soonest_us`. `names`: by slot those whose slot is another's than before."""

    slots: NDArray[np.int32]
    keys: NDArray[np.uint64]
    states: NDArray[np.uint8]
    lives: NDArray[np.void]
    due_us: Index
    soonest_us: Index
    names: dict[int, str]


@dataclass
class Cell:
    """What came of [low_us, end_us): facts as `engine.facts.Facts` has them, save that amounts may be summed up by field, combination
    and slice; `loads` int64 (6, n): agent, instant, place, late, sequence, step; `rows` of agents, orders and what is owed for, with
    their details by sequence; `spoken` rows of contacts that ratings hear of, with their combinations; what repeats are made of; contacts as they
    are at the end. `heard`: the last place of each source. `stirred_us`: the last instant at which anything happened.

    Codes are places in `combinations`, `saids` and `agents`; agent 0 and said 0 are none.
    """

    low_us: int
    end_us: int
    stirred_us: int
    heard: dict[str, int]
    combinations: list[tuple[str, ...]]
    saids: list[tuple[str | None, ...]]
    agents: list[str]
    amounts: Index
    samples: Index
    longest: Index
    raised: Index
    days: Index
    levels: dict[int, Changes]
    loads: Index
    rows: Rows
    details: dict[int, Details]
    spoken: Rows
    spoken_as: NDArray[np.int32]
    found: Found | None
    lives: Lives


@dataclass
class Step:
    """All cells of a shard up to `until_us`, in order, those without content left out; how its sources stand, as (newest instant,
    whether it has ended); and what was counted since the shard began. `rules` is the `digest` of what the shard holds events to,
    `slice_us` the slices by which amounts are summed up."""

    rules: str
    slice_us: int
    from_us: int
    until_us: int
    reached_us: int
    cells: list[Cell]
    sources: dict[str, tuple[int, bool]]
    counters: dict[str, Any]
    limits_reached: dict[str, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """For the way; see `from_bytes`."""
        return msgspec.msgpack.encode(_plain(self), enc_hook=packed)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Step":
        """Raises ValueError for what is no step."""
        told = unpacked(msgspec.msgpack.decode(data))
        try:
            told["cells"] = [_cell(cell) for cell in told["cells"]]
            told["sources"] = {name: tuple(of) for name, of in told["sources"].items()}
            return cls(**told)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"these bytes are no step of a shard: {error}") from error


def digest(settings: Any) -> str:
    """The same for settings that mean the same, in any process."""
    return hashlib.sha256(repr(_canonical(settings)).encode()).hexdigest()[:16]


def _canonical(value: Any) -> Any:
    if is_dataclass(value):
        return [
            type(value).__name__,
            *((entry.name, _canonical(getattr(value, entry.name))) for entry in fields(value)),
        ]
    if isinstance(value, Mapping):
        return sorted((str(key), _canonical(item)) for key, item in value.items())
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    return str(value)


_NESTED = (Cell, Lives, Rows, Found, Changes, Step)


def _plain(value: Any) -> Any:
    """Without a copy of any array."""
    if isinstance(value, _NESTED):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], _NESTED):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.names:
        return {name: value[name] for name in value.dtype.names}
    return value


def _cell(told: Mapping[str, Any]) -> Cell:
    lives = dict(told["lives"])
    records = np.zeros(len(lives["slots"]), MIRRORED)
    for name, values in lives["lives"].items():
        records[name] = values
    lives["lives"] = records
    return Cell(
        **{
            **told,
            "combinations": [tuple(texts) for texts in told["combinations"]],
            "saids": [tuple(texts) for texts in told["saids"]],
            "levels": {level: Changes(**columns) for level, columns in told["levels"].items()},
            "rows": Rows(**told["rows"]), "spoken": Rows(**told["spoken"]),
            "details": msgspec.convert(told["details"], dict[int, Details]),
            "found": Found(**told["found"]) if told["found"] else None, "lives": Lives(**lives),
        }
    )  # fmt: skip
