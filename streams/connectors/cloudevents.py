"""CloudEvents 1.0 around the public format: structured, batched, or binary with `ce-` headers.

Owns the envelope: its `type` names ours, alone or behind a prefix (`com.example.contact.opened`), or by the setting `types`; `data` has the
fields. `source` and `id` together make the event's id, `time` and `subject` stand in where `data` names no time and no contact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from engine.events import TYPES
from streams.connectors.base import Connector, Headers
from streams.connectors.frames import Frame, Whole
from streams.connectors.public import public_event
from streams.connectors.record import Event, LeftOut, digest
from streams.connectors.said import Said, json_of

__all__ = ["CloudEvents"]

_ELSEWHERE = ("com.twilio.", "aws.connect", "com.zendesk.")


class CloudEvents(Connector):
    name = "cloudevents"
    system = "CloudEvents 1.0"
    gives = "whatever the data says"
    own = ("types",)
    scheme = "generic"

    def bodies(self, body: bytes, headers: Headers) -> Iterator[Frame]:
        """In binary mode the body is the data, whatever it looks like."""
        if "ce-type" in headers:
            frames = Whole()
            yield from frames.feed(body)
            yield from frames.finish()
        else:
            yield from super().bodies(body, headers)

    def read(self, record: bytes, headers: Headers) -> tuple[str, Said]:
        if "ce-type" in headers:
            envelope: dict[str, Any] = {
                name[3:]: unquote(value, errors="replace") for name, value in headers.items() if name.startswith("ce-")
            }
            said = Said(envelope | {"data": json_of(record)})
        else:
            said = Said.of(record)
        if said.text("specversion") != "1.0":
            raise LeftOut("malformed", "specversion is not 1.0")
        return said.needed("type"), said

    def events(self, what: str, said: Said, headers: Headers, now_us: int) -> list[Event]:
        if what.startswith(_ELSEWHERE):
            raise LeftOut("another_connector")
        kind = self.own_values.get("types", {}).get(what) or next(
            (known for known in TYPES if what == known or what.endswith("." + known)), None
        )
        if kind is None:
            raise LeftOut("unknown_kind")
        data = dict(said.part("data").values)
        for field, stands_in in (("time", "time"), ("contact", "subject")):
            if data.get(field) in (None, "") and stands_in in said:
                data[field] = said.get(stands_in)
        key = digest(said.needed("source"), said.needed("id"))
        return [public_event(self.options, data | {"type": kind, "id": key})]
