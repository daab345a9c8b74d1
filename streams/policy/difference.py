"""What another policy changes, in words: of each limit the lines that go and that come, of everything else the names.

Never judges a change. The place of a line in its file is no part of what it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from engine.policy import LIMITS, NO_LIMIT_US, Line, Policy
from streams.policy.words import limit_text, share_text

__all__ = ["Difference", "differences", "line_text"]

_NOT_COMPARED = ("lines", "notes")


@dataclass(frozen=True)
class Difference:
    """Of a limit or another part of a policy: what goes and what comes, in words."""

    of: str
    goes: tuple[str, ...]
    comes: tuple[str, ...]


def differences(old: Policy, new: Policy) -> list[Difference]:
    """One for each limit and each other part that differs."""
    said = [(limit, _lines(old, limit), _lines(new, limit)) for limit in LIMITS]
    said += [
        (part.name, _told(getattr(old, part.name, ())), _told(getattr(new, part.name, ())))
        for part in fields(new)
        if part.name not in _NOT_COMPARED
    ]
    return [
        Difference(name, tuple(text for text in before if text not in after or before[text] != after[text]),
                   tuple(text for text in after if text not in before or before[text] != after[text]))
        for name, before, after in said
        if before != after
    ]  # fmt: skip


def line_text(line: Line) -> str:
    """A line's value and what it says beside."""
    told = [limit_text(line.limit_us, line.limit)]
    if line.limit_us != NO_LIMIT_US:
        told += [f"in hours {line.hours}"] * bool(line.hours) + ["pauses"] * line.pauses
        told += [f"warned at {share_text(line.warn_permille)}"] * bool(line.warn_permille)
    return ", ".join(told)


def _lines(policy: Policy, limit: str) -> dict[str, Any]:
    return {f"{line.why()}: {line_text(line)}": None for line in policy.lines if line.limit == limit}


def _told(value: Any) -> dict[str, Any]:
    """Names and what they stand for; a value alone is its own name."""
    if isinstance(value, Mapping):
        return {str(name): _placeless(item) for name, item in value.items()}
    if isinstance(value, tuple):
        # Of one name there may be several, as of a sale that comes every year.
        items: dict[str, list[Any]] = {}
        for item in map(_placeless, value):
            items.setdefault(str(getattr(item, "name", item)), []).append(item)
        return items
    return {str(value): None}


def _placeless(item: Any) -> Any:
    """The same from nowhere: its place in the file is no part of it."""
    if not is_dataclass(item) or isinstance(item, type):
        return item
    places = {name: "" for name in ("where", "place") if isinstance(getattr(item, name, None), str)}
    return replace(item, **places)
