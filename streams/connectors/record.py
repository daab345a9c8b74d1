"""One record of another system and what became of it: events of the public format, or nothing and why.

Owns the reasons for which something is left out, and how an event is made: its instant, its stable id, names that the format takes.
Never reads a file, a clock or a network. The law: a record became events or was left out with a reason, and never both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from engine.events import NAME_CHARACTERS_MAX
from engine.times import EARLIEST_US, LATEST_US, iso

__all__ = [
    "FAULTS", "REASONS", "Event", "LeftOut", "Options", "Record", "digest", "event", "instant_of", "instant_us", "shown", "stamp",
]  # fmt: skip

Event = dict[str, Any]

#: Why a record became nothing, in a sentence for people. Those in `FAULTS` are wrong; the others have no meaning for the floor.
REASONS: Mapping[str, str] = MappingProxyType({
    "malformed": "is not in the system's format",
    "missing_field": "lacks what it cannot be understood without",
    "invalid_time": "has no instant that can be read, or one outside of 1900 to 2200",
    "name_too_long": f"has a name longer than {NAME_CHARACTERS_MAX} characters",
    "control_character": "has a control character in a name",
    "record_too_long": "is longer than a record may be",
    "rejected": "is in the public format and not right",
    "unknown_kind": "is of a kind that this connector does not know",
    "no_meaning": "means nothing for the floor",
    "rings_only": "rings at an agent and nobody answered",
    "outbound": "is a contact that the centre began itself",
    "private_note": "is a note that the customer does not see",
    "activity": "is the system's own remark",
    "no_change": "tells nothing that was not known",
    "told_already": "was told by another record already",
    "nobody": "names no agent and no contact",
    "agent_logged_off": "is of an agent who is not logged in",
    "no_session": "belongs to no session that is known",
    "no_condition": "meets no condition of the mapping",
    "heading": "names the columns",
    "another_connector": "belongs to another connector",
    "awaits_more": "is told once it is known how it went on",
})  # fmt: skip
FAULTS = frozenset(
    ("malformed", "missing_field", "invalid_time", "name_too_long", "control_character", "record_too_long", "rejected")
)

#: Characters of a customer's message that are judged; the rest cannot change whether most of it was friendly.
TEXT_CHARACTERS_MAX = 20_000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SHOWN = re.compile(r"[\w.:/+-]{1,80}")
_UTC = ZoneInfo("UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUMBER = re.compile(r"-?\d{1,17}(\.\d{1,9})?", re.ASCII)


class LeftOut(Exception):
    """Nothing becomes of the record; `reason` is one of `REASONS`, `detail` a short fact without anybody's words."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Options:
    """What is said of a connection beside its records: `prefix` keeps the names of two systems apart, `constants` are dimensions of
    all its events, `zone` is of times without one, `states` are the system's own names of agents' states."""

    prefix: str = ""
    constants: dict[str, str] = field(default_factory=dict)
    zone: ZoneInfo = _UTC
    states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """`number` is the line at which it begins, `what` the system's own word for it."""

    number: int
    what: str
    events: tuple[Event, ...] = ()
    reason: str = ""
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        return self.reason in FAULTS

    def lines(self) -> bytes:
        """The events, one a line."""
        return b"".join(msgspec.json.encode(event) + b"\n" for event in self.events)


def event(options: Options, kind: str, at_us: int, key: str, *, contact: str = "", **said: Any) -> Event:
    """An event of the format; what says nothing is left away. Raises LeftOut for names that the format would refuse."""
    made: Event = {"type": kind, "time": stamp(at_us), "id": options.prefix + key}
    if contact:
        made["contact"] = _named(options.prefix + contact)
    for name, value in said.items():
        if name == "text":
            made[name] = _text(value)
        elif isinstance(value, str):
            if value:
                made[name] = value if name == "customer" else _named(value)
        elif value is not None:
            made[name] = value
    return made | options.constants


def _named(name: str) -> str:
    if len(name) > NAME_CHARACTERS_MAX:
        raise LeftOut("name_too_long")
    if _CONTROL.search(name):
        raise LeftOut("control_character")
    return name


def _text(value: Any) -> str:
    return value[:TEXT_CHARACTERS_MAX].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def stamp(at_us: int) -> int | str:
    """The instant as the format has it: milliseconds, or finer where it is. Raises LeftOut for what no centre has lived."""
    if not EARLIEST_US <= at_us < LATEST_US:
        raise LeftOut("invalid_time")
    return at_us // 1_000 if at_us % 1_000 == 0 else iso(at_us)


def instant_us(value: Any, zone: ZoneInfo | None = None) -> int:
    """The instant of a text (RFC 3339, or local in `zone`) or of a number since 1970, whose unit its size tells. Raises LeftOut."""
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text):
            whole, _, fraction = text.partition(".")
            if fraction:  # By digits: a float has too few of them.
                sign = -1 if whole.startswith("-") else 1
                return _within(int(whole) * 1_000_000 + sign * int(fraction[:6].ljust(6, "0")))
            return _scaled(int(whole))
        try:
            return instant_of(datetime.fromisoformat(text), zone)
        except (ValueError, OverflowError):
            raise LeftOut("invalid_time") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > 1e18:
        raise LeftOut("invalid_time")
    return _scaled(value)


def instant_of(moment: datetime, zone: ZoneInfo | None = None) -> int:
    """Microseconds since 1970 of a moment, which is local in `zone` where it says no offset. Raises LeftOut."""
    try:
        if moment.tzinfo is None:
            if zone is None:
                raise LeftOut("invalid_time", "without an offset")
            moment = moment.replace(tzinfo=zone)
        return _within((moment - _EPOCH) // _MICROSECOND)
    except (ValueError, OverflowError):
        raise LeftOut("invalid_time") from None


def _scaled(number: float) -> int:
    """Seconds up to the year 5138, milliseconds up to then, else microseconds."""
    size = abs(number)
    return _within(round(number * (1_000_000 if size < 1e11 else 1_000 if size < 1e14 else 1)))


def _within(at_us: int) -> int:
    if not EARLIEST_US <= at_us < LATEST_US:
        raise LeftOut("invalid_time")
    return at_us


def digest(*parts: str | bytes) -> str:
    """A short stable name of what was said, for ids of systems that have none."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
        whole.update(b"\0")
    return whole.hexdigest()[:20]


def shown(text: Any) -> str:
    """A foreign word as it may be printed: itself where it looks like one, else a question mark."""
    return text if isinstance(text, str) and _SHOWN.fullmatch(text) else "?"
