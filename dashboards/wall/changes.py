"""What has changed between two messages to the same viewers, so that only that is sent.

Owns: the form of changes, which `feed.js` reads. Never chooses rows. Law: the message of before with the changes in it is the message of
now. A mapping says the keys that changed; a list of rows is `{"~": [...]}`, where a number is the place of an unchanged row in the list of
before. What grows by the second of itself is told by when it began, so that it does not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

__all__ = ["changes", "packed", "plain"]

ROWS = "~"
#: Of rows, what grows or shrinks by the second and is told by another field, and what no page shows.
_NOT_SENT = ("left_s", "path")


def plain(value: Any) -> Any:
    """Numbers and arrays of numpy as JSON knows them."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


_encode = msgspec.json.Encoder(enc_hook=plain).encode


def packed(shown: Mapping[str, Any], as_of_us: int | None) -> dict[str, Any]:
    """A message whose rows are JSON already, each by itself."""
    return {name: _packed(value, as_of_us or 0) for name, value in shown.items()}


def changes(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any] | None:
    """What to send to who has the old one, nothing but empty where they are equal; None where something is there no more."""
    if not old.keys() <= new.keys():
        return None
    found: dict[str, Any] = {}
    for name, value in new.items():
        before = old.get(name)
        if value == before and name in old:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            inner = changes(value, before)
            if inner is None:
                return None
            found[name] = inner
        elif _is_rows(value) and _is_rows(before):
            places = {bytes(row): place for place, row in enumerate(before)}
            found[name] = {ROWS: [places.get(bytes(row), row) for row in value]}
        else:
            found[name] = value
    return found


def _packed(value: Any, as_of_us: int) -> Any:
    if isinstance(value, Mapping):
        return {name: _packed(one, as_of_us) for name, one in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [msgspec.Raw(_encode(_steady(row, as_of_us))) for row in value]
    return value


def _steady(row: Mapping[str, Any], as_of_us: int) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if name not in _NOT_SENT}
    if (longest_s := told.pop("longest_wait_s", None)) is not None:
        told["oldest_us"] = as_of_us - round(longest_s * 1e6)
    return told


def _is_rows(value: Any) -> TypeGuard[list[msgspec.Raw]]:
    return isinstance(value, list) and (not value or isinstance(value[0], msgspec.Raw))
