"""What every connector is: bytes of another system in, records told out.

Owns the shape, and what a connector may remember, which is bounded. Never reads a file, a clock or a network: bytes, headers and `now_us`
are arguments. The law: the same records in the same order give the same events with the same ids, so that what is delivered twice changes
nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from streams.connectors.frames import Frame, Frames, Json
from streams.connectors.record import Event, LeftOut, Options, Record, event, shown

__all__ = ["URL", "Connector", "Headers", "Remembered"]

#: Names in lower case; `URL` is the address that was asked for, with its query.
Headers = Mapping[str, str]
URL = ":url"

#: Contacts, agents or sessions that a connector remembers; the one that was not spoken of for longest is forgotten.
REMEMBERED_MAX = 20_000


class Remembered(OrderedDict[str, Any]):
    """By name, at most `REMEMBERED_MAX`; `forgotten` counts those that went."""

    forgotten = 0

    def note(self, name: str, value: Any) -> None:
        self[name] = value
        self.move_to_end(name)
        if len(self) > REMEMBERED_MAX:
            self.popitem(last=False)
            self.forgotten += 1

    def earliest(self, name: str, at_us: int) -> bool:
        """Whether nothing is known that was earlier; the same again is the same. Systems tell of an answer at every reply, and their
        records come in any order: the earliest one counts."""
        known = self.get(name)
        if known is not None and known < at_us:
            return False
        self.note(name, at_us)
        return True


class Connector(ABC):
    """A system's translator. `name` is how it is called in settings and addresses; `memory` is all that it remembers, plain values."""

    name: ClassVar[str]
    system: ClassVar[str]
    gives: ClassVar[str]
    #: Settings of its own beside those that all have.
    own: ClassVar[tuple[str, ...]] = ()
    #: How its requests are signed, a name of `streams.connectors.signatures.SCHEMES`; "" where they are not.
    scheme: ClassVar[str] = ""
    #: What the sender wants to hear when all is well; None for the intake's answer.
    answer: ClassVar[tuple[int, bytes] | None] = None
    #: Whether files of one system, each a part of the whole, are read by one connector.
    shares_files: ClassVar[bool] = True
    framing: ClassVar[Callable[[], Frames]] = Json

    def __init__(self, options: Options | None = None, own: Mapping[str, Any] | None = None) -> None:
        self.options = options or Options()
        self.own_values = own or {}
        self.memory: dict[str, Remembered] = {}

    @abstractmethod
    def read(self, record: bytes, headers: Headers) -> tuple[str, Any]:
        """The system's word for a record, and what it says. Raises LeftOut."""

    @abstractmethod
    def events(self, what: str, said: Any, headers: Headers, now_us: int) -> list[Event]:
        """What becomes of it. Raises LeftOut."""

    def bodies(self, body: bytes, headers: Headers) -> Iterator[Frame]:
        """The records of a request."""
        frames = type(self).framing()
        yield from frames.feed(body)
        yield from frames.finish()

    def translate(self, frame: Frame, headers: Headers | None = None, now_us: int = 0) -> Record:
        """One record told. `now_us` is when it came, for systems that say no time."""
        what = "?"
        try:
            if frame.record is None:
                raise LeftOut("record_too_long")
            what, said = self.read(frame.record, headers or {})
            events = self.events(what, said, headers or {}, now_us)
            if not events:
                raise LeftOut("no_meaning")
            return Record(frame.number, shown(what), tuple(events))
        except LeftOut as left:
            return Record(frame.number, shown(what), reason=left.reason, detail=left.detail)

    def settle(self, at_us: int | None) -> list[Event]:
        """What is due by `at_us` though no record told it; all that is owed where None is the instant."""
        return []

    def remembered(self, name: str) -> Remembered:
        """What is remembered under a name."""
        return self.memory.setdefault(name, Remembered())

    def state(self) -> bytes:
        """All that is remembered."""
        return msgspec.json.encode({name: dict(values) for name, values in self.memory.items()})

    def restore(self, state: bytes) -> None:
        """Go on from what `state` gave. Raises ValueError for other bytes."""
        kept = msgspec.json.decode(state, type=dict[str, dict[str, Any]])
        self.memory = {}
        for name, values in kept.items():
            self.remembered(name).update(values)

    def event(self, kind: str, at_us: int, key: str, **said: Any) -> Event:
        return event(self.options, kind, at_us, key, **said)
