"""The public event format: its types, and the decoder from bytes to columns with one named reject a bad line.

A block of lines is decoded at once; only when something in it is wrong are its lines taken one by one, so that one
poisoned line costs one reject and not its neighbours. Customers' words and identities are never kept, not even in a
reject's detail.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, repeat
from operator import attrgetter
from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.times import EARLIEST_US, INVALID, LATEST_US, iso, parse_times

__all__ = ["DIMENSIONS", "KINDS", "LINE_BYTES_MAX", "TYPES", "Decoded", "Reject", "Vocabulary", "decode", "kind"]

#: Longest line that is read; longer ones are rejected as `line_too_long`.
LINE_BYTES_MAX = 1_000_000
#: Longest name (contact, agent, queue, tenant, ...) in characters; longer ones are rejected as `name_too_long`.
NAME_CHARACTERS_MAX = 256
#: Bytes decoded at once. A block whose objects stay in the processor's cache decodes about twice as fast as one of 4 MB.
BLOCK_BYTES = 65_536

DIMENSIONS = ("queue", "channel", "tenant", "region", "tier", "partner", "party", "category")

CONTACT_TYPES = (
    "contact.opened", "contact.queued", "contact.announced", "contact.answered", "contact.abandoned",
    "contact.left_queue", "contact.transferred", "contact.held", "contact.resumed", "contact.closed",
    "contact.reopened", "contact.pending", "contact.unpending", "message.customer", "message.agent", "message.bot",
    "contact.invited", "contact.rated",
)  # fmt: skip
CASE_TYPES = (
    "case.opened", "case.reported", "case.verified", "case.responded", "case.progressed", "case.resolved",
    "case.informed", "case.followed_up", "case.reviewed", "case.handed_over",
)  # fmt: skip
OTHER_TYPES = (
    "promise.made", "promise.kept", "quality.scored", "coaching.held", "business.orders", "staffing.planned",
    "source.heartbeat",
)  # fmt: skip
TYPES = (*CONTACT_TYPES, "agent.state", *CASE_TYPES, *OTHER_TYPES)
#: What the engine tells apart: the types, and a canned reply as a kind of its own.
KINDS = (*TYPES, "message.automatic")
_CODE = {name: code for code, name in enumerate(KINDS)}
AGENT_STATES = ("available", "busy", "wrapup", "break", "meeting", "training", "offline")

#: Fields a type cannot do without, beside `type` and `time`.
_REQUIRED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CONTACT_TYPES, ("contact",)),
    **dict.fromkeys(CASE_TYPES, ("case",)),
    "agent.state": ("agent", "state"), "promise.made": ("promise", "due"), "promise.kept": ("promise",),
    "quality.scored": ("agent",), "coaching.held": ("agent",), "business.orders": ("count",),
    "staffing.planned": ("queue", "interval_start", "interval_end", "agents"), "source.heartbeat": ("source",),
}  # fmt: skip
#: Types with fields beyond those of `Event`; their lines are read a second time, into `Details`.
_DETAILED = frozenset(("contact.rated", "contact.left_queue", *CASE_TYPES, *OTHER_TYPES))


def kind(name: str) -> int:
    """The kind's code, an index into `KINDS`. Raises KeyError when there is no such kind."""
    return _CODE[name]


Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARACTERS_MAX)]


class Event(msgspec.Struct, gc=False):
    """The fields that the hot path reads. Lean on purpose: each further field costs time on every line."""

    type: str
    time: str | int
    id: str | None = None
    contact: Name | None = None
    agent: Name | None = None
    queue: Name | None = None
    channel: Name | None = None
    tenant: Name | None = None
    region: Name | None = None
    tier: Name | None = None
    partner: Name | None = None
    party: Name | None = None
    category: Name | None = None
    automatic: bool | None = None
    state: Literal[AGENT_STATES] | None = None  # type: ignore[valid-type]
    slots: int | None = None
    resolved: bool | None = None


class Details(msgspec.Struct, gc=False):
    """What single types add. Numbers out of their range are rejected as `out_of_range`."""

    contact: str | None = None
    agent: str | None = None
    queue: str | None = None
    reason: Literal["overflow", "timeout", "callback", "transfer", "withdrawn"] | None = None
    csat: int | None = None
    nps: int | None = None
    case: str | None = None
    kind: str | None = None
    owner: str | None = None
    department: str | None = None
    priority: str | int | None = None
    promise: str | None = None
    due: str | int | None = None
    passed: bool | None = None
    critical_errors: int | None = None
    other_errors: int | None = None
    count: int | None = None
    amount: float | None = None
    interval_start: str | int | None = None
    interval_end: str | int | None = None
    agents: float | None = None
    source: str | None = None


@dataclass(frozen=True)
class Reject:
    """One line that was not taken: where, why, and a short fact that holds no customer's words."""

    source: str
    line: int
    reason: str
    detail: str


class Vocabulary:
    """Agents and sets of dimensions as small integers, in the order they were met; code 0 of the agents is nobody.

    Belongs to one `decode` call after another, so that what is known is not told again. A set of dimensions is a tuple over
    `DIMENSIONS`, None where an event said nothing.
    """

    #: Entries past which a vocabulary is begun anew: it only saves time, so it must not grow for ever.
    ENTRIES_MAX = 200_000

    def __init__(self) -> None:
        self.agents: dict[str | None, int] = {None: 0}
        self.dimensions: dict[tuple[str | None, ...], int] = {}

    def full(self) -> bool:
        """Time to begin a new one."""
        return len(self.agents) + len(self.dimensions) > self.ENTRIES_MAX


@dataclass
class Decoded:
    """Columns of accepted rows, in the order of their lines, and the rejects between them.

    `kinds` int8 indices into `KINDS`; `times_us` int64; `ids` and `contacts` texts or None; `agents` and `dimensions`
    int32 codes of the `vocabulary`; `states` int8 indices into `AGENT_STATES`, -1 where there is none; `slots` int32, -1
    likewise; `resolved` int8 1, 0, or -1; `details` by row.
    """

    source: str
    rejects: list[Reject]
    vocabulary: Vocabulary
    kinds: NDArray[np.int8]
    times_us: NDArray[np.int64]
    ids: list[str | None]
    contacts: list[str | None]
    agents: NDArray[np.int32]
    dimensions: NDArray[np.int32]
    states: NDArray[np.int8]
    slots: NDArray[np.int32]
    resolved: NDArray[np.int8]
    details: dict[int, Details] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Rows accepted."""
        return len(self.kinds)


_decode_lines = msgspec.json.Decoder(Event).decode_lines
_decode_line = msgspec.json.Decoder(Event).decode
_decode_details = msgspec.json.Decoder(Details).decode
_type: Callable[[Event], str] = attrgetter("type")
_agent: Callable[[Event], str | None] = attrgetter("agent")
_dimensions: Callable[[Event], tuple[str | None, ...]] = attrgetter(*DIMENSIONS)
#: Characters that could break a terminal, a label or a line: C0 and C1 controls, and the two Unicode line breaks.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Bytes without which no name decoded from ASCII can hold such a character.
_CONTROL_MARKS = (b"\\", b"\x7f")
_STATE_CODE = {name: code for code, name in enumerate(AGENT_STATES)} | {None: -1}
_CONTACT_NEEDED = np.array([name in CONTACT_TYPES or name == "message.automatic" for name in KINDS])
_REPLY, _AUTOMATIC, _AGENT_STATE, _CLOSED = (
    _CODE[name] for name in ("message.agent", "message.automatic", "agent.state", "contact.closed")
)
#: Kinds whose rows say more than the common columns hold.
_SPECIAL = np.array([name in _DETAILED for name in KINDS])
_SPECIAL[[_REPLY, _AGENT_STATE, _CLOSED]] = True
_TYPE_CODE = {name: _CODE[name] for name in TYPES}
#: The code of a type that is not in the format; a negative index, the last place of `_SPECIAL`.
_UNKNOWN = -1
_SPECIAL = np.append(_SPECIAL, True)
_RANGES = {"csat": (1, 5), "nps": (0, 10), "critical_errors": (0, 10**6), "other_errors": (0, 10**6),
           "count": (0, 10**9), "amount": (0, 10**15), "agents": (0, 10**6)}  # fmt: skip
_SLOTS_MAX = 100_000

Fault = tuple[str, str]
Key = TypeVar("Key")


def decode(
    data: bytes,
    *,
    source: str = "",
    first_line: int = 1,
    latest_us: int | None = None,
    vocabulary: Vocabulary | None = None,
) -> Decoded:
    """Columns and rejects of newline-separated events; blank lines count as lines and are otherwise ignored.

    `first_line` is the number of the first line for rejects. An event later than `latest_us` is rejected as
    `time_in_future`. Raises nothing for any bytes. Quickest on about 1 MiB at once, and with one `vocabulary` for many calls,
    which it adds to.
    """
    latest = LATEST_US if latest_us is None else min(latest_us, LATEST_US)
    return _Decoding(data, source, first_line, latest, vocabulary or Vocabulary()).decoded()


@dataclass
class _Slice:
    """A stretch of the data decoded at once: its place, its first row, and its lines where they were taken one by one."""

    start: int
    end: int
    first_row: int
    numbers: list[int] | None = None


class _Decoding:
    """One call of `decode`: lists that grow slice by slice while its objects are in the cache, then arrays over all."""

    def __init__(self, data: bytes, source: str, first_line: int, latest_us: int, vocabulary: Vocabulary) -> None:
        self.data, self.source, self.first_line, self.latest_us = data, source, first_line, latest_us
        self.vocabulary = vocabulary
        self.is_ascii = True
        self.rejects: list[Reject] = []
        self.faults: dict[int, Fault] = {}
        self.slices: list[_Slice] = []
        self.kinds: list[NDArray[np.int8]] = []
        self.times: list[str | int] = []
        self.ids: list[str | None] = []
        self.contacts: list[str | None] = []
        self.agents: list[int] = []
        self.dimensions: list[int] = []
        self.states: dict[int, tuple[int, int]] = {}
        self.resolved: dict[int, bool] = {}
        self.details: dict[int, Details] = {}

    def decoded(self) -> Decoded:
        start = 0
        while start < len(self.data):
            end = self.data.rfind(b"\n", start, start + BLOCK_BYTES) + 1
            end = end or self.data.find(b"\n", start) + 1 or len(self.data)
            self._slice(start, end)
            start = end
        count = len(self.times)
        result = Decoded(
            source=self.source,
            rejects=self.rejects,
            vocabulary=self.vocabulary,
            kinds=np.concatenate(self.kinds) if self.kinds else np.empty(0, np.int8),
            times_us=parse_times(self.times),
            ids=self.ids,
            contacts=self.contacts,
            agents=np.array(self.agents, np.int32),
            dimensions=np.array(self.dimensions, np.int32),
            states=np.full(count, -1, np.int8),
            slots=np.full(count, -1, np.int32),
            resolved=np.full(count, -1, np.int8),
            details=self.details,
        )
        for row, (state, slots) in self.states.items():
            result.states[row], result.slots[row] = state, slots
        for row, resolved in self.resolved.items():
            result.resolved[row] = resolved
        self._check(result)
        if self.faults:
            self.rejects += [Reject(self.source, self._line(row), *fault) for row, fault in sorted(self.faults.items())]
            _remove(result, self.faults)
        self.rejects.sort(key=lambda reject: reject.line)
        return result

    def _slice(self, start: int, end: int) -> None:
        data = self.data[start:end]
        taken = _Slice(start, end, len(self.times))
        self.slices.append(taken)
        raw: list[bytes] | None = None
        try:
            if end - start > LINE_BYTES_MAX:
                raise msgspec.DecodeError
            if not data.isascii():
                self.is_ascii = False
                data.decode()
            events = _decode_lines(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            events, taken.numbers, raw = self._one_by_one(start, data)
        kinds = np.array([*map(_TYPE_CODE.get, map(_type, events), repeat(_UNKNOWN))], np.int8)
        self.kinds.append(kinds)
        self.times += [event.time for event in events]
        self.ids += [event.id for event in events]
        self.contacts += [event.contact for event in events]
        self.agents += _coded(self.vocabulary.agents, _agent, events)
        self.dimensions += _coded(self.vocabulary.dimensions, _dimensions, events)
        for row in np.flatnonzero(_SPECIAL[kinds]).tolist():
            event = events[row]
            if event.type == "message.agent":
                if event.automatic:
                    kinds[row] = _AUTOMATIC
            elif event.type == "agent.state":
                self._agent_state(taken.first_row + row, event)
            elif event.type == "contact.closed":
                if event.resolved is not None:
                    self.resolved[taken.first_row + row] = event.resolved
            elif kinds[row] == _UNKNOWN:
                self.faults[taken.first_row + row] = "unknown_type", _unknown_type(event.type)
                kinds[row] = 0
            else:
                raw = raw or [line for line in data.split(b"\n") if line.strip()]
                self._details(taken.first_row + row, event, raw[row])

    def _one_by_one(self, start: int, data: bytes) -> tuple[list[Event], list[int], list[bytes]]:
        events, numbers, raw = [], [], []
        first = self.first_line + self.data.count(b"\n", 0, start)
        for number, line in enumerate(data.split(b"\n"), first):
            if not line.strip():
                continue
            try:
                if len(line) > LINE_BYTES_MAX:
                    raise msgspec.DecodeError("too long")
                line.decode()
                events.append(_decode_line(line))
                numbers.append(number)
                raw.append(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self.rejects.append(Reject(self.source, number, *_fault(error)))
        return events, numbers, raw

    def _line(self, row: int) -> int:
        """The number of the line that a row came from."""
        taken = self.slices[bisect_right(self.slices, row, key=lambda taken: taken.first_row) - 1]
        if taken.numbers is None:
            first = self.first_line + self.data.count(b"\n", 0, taken.start)
            lines = self.data[taken.start : taken.end].split(b"\n")
            taken.numbers = [number for number, line in enumerate(lines, first) if line.strip()]
        return taken.numbers[row - taken.first_row]

    def _agent_state(self, row: int, event: Event) -> None:
        slots = -1 if event.slots is None else event.slots
        if not event.agent or event.state is None:
            self.faults[row] = "missing_field", "state" if event.agent else "agent"
        elif not -1 <= slots <= _SLOTS_MAX:
            self.faults[row] = "out_of_range", "slots"
        else:
            self.states[row] = _STATE_CODE[event.state], slots

    def _details(self, row: int, event: Event, line: bytes) -> None:
        try:
            details = _decode_details(line)
        except (msgspec.DecodeError, RecursionError) as error:
            self.faults[row] = _fault(error)
            return
        fault = _details_fault(details, _REQUIRED[event.type])
        if fault:
            self.faults[row] = fault
        else:
            self.details[row] = details

    def _check(self, result: Decoded) -> None:
        """Finds the rows that decode but break the format."""
        times, contacts, faults = result.times_us, self.contacts, self.faults
        if len(times) and not (times.min() >= EARLIEST_US and times.max() < self.latest_us):
            for row in np.flatnonzero((times < EARLIEST_US) | (times >= self.latest_us)).tolist():
                faults[row] = _time_fault(int(times[row]), self.latest_us)
        if not all(contacts):
            for row in np.flatnonzero(_CONTACT_NEEDED[result.kinds]).tolist():
                if not contacts[row]:
                    faults.setdefault(row, ("missing_field", "contact"))
        if not self.is_ascii or any(mark in self.data for mark in _CONTROL_MARKS):
            names = "".join(filter(None, chain(contacts, self.vocabulary.agents, *self.vocabulary.dimensions)))
            if not names.isprintable() and _CONTROL.search(names):
                self._control_faults(result)

    def _control_faults(self, result: Decoded) -> None:
        bad_agents = {code for name, code in self.vocabulary.agents.items() if name and _CONTROL.search(name)}
        bad_dimensions = {
            code for values, code in self.vocabulary.dimensions.items() if any(v and _CONTROL.search(v) for v in values)
        }
        for row, contact in enumerate(self.contacts):
            if (
                (contact and _CONTROL.search(contact))
                or self.agents[row] in bad_agents
                or self.dimensions[row] in bad_dimensions
            ):
                self.faults.setdefault(row, ("control_character", "in a name"))


def _unknown_type(text: str) -> str:
    """The type's name where it looks like one; anything else could be a customer's words."""
    if re.fullmatch(r"[a-z]{1,30}[._][a-z_]{1,30}", text):
        return f"{text} is none of the format's types"
    return "none of the format's types"


def _coded(codes: dict[Key, int], key: Callable[[Event], Key], events: list[Event]) -> list[int]:
    """The code of each event's key; new ones are added. They are rare, so they are looked for only when one is met."""
    try:
        return [*map(codes.__getitem__, map(key, events))]
    except KeyError:
        return [codes.setdefault(value, len(codes)) for value in map(key, events)]


def _fault(error: Exception) -> Fault:
    """Reason and detail of a line that does not decode. The decoder's own words name fields, never their values."""
    text = str(error)
    if isinstance(error, UnicodeDecodeError):
        return "invalid_utf8", f"byte {error.start} is not UTF-8"
    if isinstance(error, RecursionError):
        return "invalid_json", "nested too deeply"
    if text == "too long":
        return "line_too_long", f"longer than {LINE_BYTES_MAX} bytes"
    if not isinstance(error, msgspec.ValidationError):
        return "invalid_json", text[:120]
    if text.startswith("Object missing required field"):
        return "missing_field", text[:120]
    if "of length <=" in text:
        return "name_too_long", text[:120]
    if text.startswith("Invalid enum value"):
        where = text.rpartition(" - at `$.")[2].rstrip("`")
        reason = "unknown_state" if where == "state" else "unknown_value"
        return reason, f"{where} is none of the format's values"
    return "wrong_type", text[:120]


def _time_fault(instant_us: int, latest_us: int) -> Fault:
    if instant_us == INVALID:
        return "invalid_time", "not RFC 3339 with offset, nor integer milliseconds"
    if instant_us < EARLIEST_US:
        return "time_too_early", f"before {iso(EARLIEST_US)}"
    if instant_us >= LATEST_US:
        return "time_too_late", f"not before {iso(LATEST_US)}"
    return "time_in_future", f"not before {iso(latest_us)}"


def _details_fault(details: Details, required: tuple[str, ...]) -> Fault | None:
    for name in required:
        if getattr(details, name) in (None, ""):
            return "missing_field", name
    for name, (low, high) in _RANGES.items():
        value = getattr(details, name)
        if value is not None and not low <= value <= high:
            return "out_of_range", name
    for name in ("due", "interval_start", "interval_end"):
        value = getattr(details, name)
        if value is not None and not EARLIEST_US <= parse_times([value])[0] < LATEST_US:
            return "invalid_time", name
    return None


def _remove(decoded: Decoded, faults: dict[int, Fault]) -> None:
    """Takes the faulty rows out of the columns, in place."""
    kept = [row for row in range(decoded.count) if row not in faults]
    place = {row: new for new, row in enumerate(kept)}
    decoded.details = {place[row]: details for row, details in decoded.details.items() if row in place}
    decoded.ids = [decoded.ids[row] for row in kept]
    decoded.contacts = [decoded.contacts[row] for row in kept]
    for name in ("kinds", "times_us", "agents", "dimensions", "states", "slots", "resolved"):
        setattr(decoded, name, getattr(decoded, name)[kept])
