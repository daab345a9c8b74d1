"""The public event format itself: for checking files, and for senders who sign instead of bearing a token.

Owns nothing of the format: the engine's decoder judges every line.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.events import decode
from streams.connectors.base import Connector, Headers
from streams.connectors.record import Event, LeftOut, Options
from streams.connectors.said import Said

__all__ = ["Public", "public_event"]


def public_event(options: Options, said: dict[str, Any]) -> Event:
    """The event with what the connection says of all. Raises LeftOut with the decoder's reason."""
    made = dict(said)
    for name in ("id", "contact"):
        if options.prefix and isinstance(made.get(name), str) and made[name]:
            made[name] = options.prefix + made[name]
    made |= options.constants
    try:
        line = msgspec.json.encode(made)
    except (UnicodeEncodeError, RecursionError):
        raise LeftOut("malformed", "no text") from None
    for reject in decode(line).rejects:
        raise LeftOut("rejected", f"{reject.reason}: {reject.detail}")
    return made


class Public(Connector):
    name = "events"
    system = "Floorwatch's own event format"
    gives = "everything"
    scheme = "generic"

    def read(self, record: bytes, headers: Headers) -> tuple[str, Said]:
        said = Said.of(record)
        return said.needed("type"), said

    def events(self, what: str, said: Said, headers: Headers, now_us: int) -> list[Event]:
        return [public_event(self.options, dict(said.values))]
