"""Whose an event is: what a writer of some shops sends is of these shops, line by line.

Owns the rule. Never stores or counts anything. Law: it judges what the decoder read, the same that the engine is given, and not the text, so that no spelling brings a
foreign shop through. A line that names no shop is of the writer's only one, which is written into it; where he has several, it is refused.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from engine.events import DIMENSIONS, Decoded

__all__ = ["foreign", "owned"]

_TENANT = DIMENSIONS.index("tenant")
Fault = tuple[str, str]


def owned(
    lines: bytes, decoded: Decoded, first_line: int, tenants: frozenset[str], read: Callable[[bytes], Decoded]
) -> tuple[bytes, Decoded]:
    """The lines with the writer's only shop where they name none, and what they say then."""
    if len(tenants) == 1 and (nameless := [place for place, told in _tenants(lines, decoded, first_line) if not told]):
        named = b'{"tenant":' + msgspec.json.encode(next(iter(tenants))) + b","
        parts = lines.split(b"\n")
        for place in nameless:
            parts[place] = named + parts[place].lstrip()[1:]
        lines = b"\n".join(parts)
        decoded = read(lines)
    return lines, decoded


def foreign(lines: bytes, decoded: Decoded, first_line: int, tenants: frozenset[str]) -> dict[int, Fault]:
    """The lines that this writer may not send, by their places, and why."""
    return {
        place: ("foreign_tenant", "the token is not for this tenant")
        if told
        else ("missing_tenant", "the token is for several")
        for place, told in _tenants(lines, decoded, first_line)
        if told not in tenants
    }


def _tenants(lines: bytes, decoded: Decoded, first_line: int) -> list[tuple[int, str]]:
    """The places of accepted lines, and the tenant that each names, "" for none."""
    told = decoded.vocabulary.told_dimensions
    rows = [told[code][_TENANT] or "" for code in decoded.dimensions.tolist()]
    refused = {reject.line - first_line for reject in decoded.rejects}
    places = [place for place, line in enumerate(lines.split(b"\n")) if place not in refused and line.strip(b" \t\r")]
    return list(zip(places, rows, strict=True))
