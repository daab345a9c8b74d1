"""The public event format: its types, and the decoder from bytes to columns with one named reject a bad line.

A block of lines is decoded at once; only when something in it is wrong are its lines taken one by one, so that one
poisoned line costs one reject and not its neighbours. Customers' words and identities are never kept, not even in a
reject's detail.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.times import EARLIEST_US, INVALID, LATEST_US, iso, parse_times

__all__ = ["DIMENSIONS", "KINDS", "LINE_BYTES_MAX", "TYPES", "Decoded", "Reject", "decode", "kind"]

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


class Event(msgspec.Struct, gc=False):
    """The fields that the hot path reads. Lean on purpose: each further field costs time on every line."""

    type: Literal[TYPES]  # type: ignore[valid-type]
    time: str | int
    id: str | None = None
    contact: str | None = None
    agent: str | None = None
    queue: str | None = None
    channel: str | None = None
    tenant: str | None = None
    region: str | None = None
    tier: str | None = None
    partner: str | None = None
    party: str | None = None
    category: str | None = None
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


@dataclass
class Decoded:
    """Columns of accepted rows, in the order of their lines, and the rejects between them.

    `kinds` int8 indices into `KINDS`; `times_us` int64; `ids` and `contacts` texts or None; `agents` and `dimensions`
    int32 indices into `agent_names` and `dimension_values` (each a tuple over `DIMENSIONS`, None where not said);
    `states` int8 indices into `AGENT_STATES`, -1 where there is none; `slots` int32, -1 likewise; `resolved` int8 1, 0, or
    -1; `details` by row.
    """

    source: str
    rejects: list[Reject]
    kinds: NDArray[np.int8]
    times_us: NDArray[np.int64]
    ids: list[str | None]
    contacts: list[str | None]
    agents: NDArray[np.int32]
    agent_names: list[str | None]
    dimensions: NDArray[np.int32]
    dimension_values: list[tuple[str | None, ...]]
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
_dimensions = attrgetter(*DIMENSIONS)
#: Characters that could break a terminal, a label or a line: C0 and C1 controls, and the two Unicode line breaks.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Byte sequences without which no decoded name can hold such a character.
_CONTROL_MARKS = (b"\\", b"\x7f", b"\xc2", b"\xe2\x80")
_AUTOMATIC = _CODE["message.automatic"]
_STATE_CODE = {name: code for code, name in enumerate(AGENT_STATES)} | {None: -1}
_CONTACT_NEEDED = np.array([name in CONTACT_TYPES or name == "message.automatic" for name in KINDS])
_DETAILED_CODE = np.array([name in _DETAILED for name in KINDS])
_AGENT_STATE = _CODE["agent.state"]
_RANGES = {"csat": (1, 5), "nps": (0, 10), "critical_errors": (0, 10**6), "other_errors": (0, 10**6),
           "count": (0, 10**9), "amount": (0, 10**15), "agents": (0, 10**6)}  # fmt: skip


def decode(data: bytes, *, source: str = "", first_line: int = 1, latest_us: int | None = None) -> Decoded:
    """Columns and rejects of newline-separated events; blank lines count as lines and are otherwise ignored.

    `first_line` is the number of the first line for rejects. An event later than `latest_us` is rejected as
    `time_in_future`. Raises nothing for any bytes.
    """
    if len(data) <= BLOCK_BYTES:
        return _decode_block(data, source, first_line, latest_us)
    parts = []
    for block in _blocks(data):
        parts.append(_decode_block(block, source, first_line, latest_us))
        first_line += block.count(b"\n")
    return _joined(parts)


def _blocks(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + BLOCK_BYTES) + 1 or data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end


def _joined(parts: list[Decoded]) -> Decoded:
    whole = parts[0]
    rows = whole.count
    agents = {name: code for code, name in enumerate(whole.agent_names)}
    dimensions = {values: code for code, values in enumerate(whole.dimension_values)}
    agent_codes, dimension_codes = [whole.agents], [whole.dimensions]
    for part in parts[1:]:
        agent_map = np.array([agents.setdefault(name, len(agents)) for name in part.agent_names], np.int32)
        dimension_map = np.array([dimensions.setdefault(v, len(dimensions)) for v in part.dimension_values], np.int32)
        agent_codes.append(agent_map[part.agents])
        dimension_codes.append(dimension_map[part.dimensions])
        whole.rejects += part.rejects
        whole.ids += part.ids
        whole.contacts += part.contacts
        whole.details.update((row + rows, details) for row, details in part.details.items())
        rows += part.count
    whole.agent_names, whole.dimension_values = list(agents), list(dimensions)
    whole.agents, whole.dimensions = np.concatenate(agent_codes), np.concatenate(dimension_codes)
    for name in ("kinds", "times_us", "states", "slots", "resolved"):
        setattr(whole, name, np.concatenate([getattr(part, name) for part in parts]))
    return whole


def _decode_block(data: bytes, source: str, first_line: int, latest_us: int | None) -> Decoded:
    rejects: list[Reject] = []
    raw: list[bytes] | None = None
    try:
        if len(data) > LINE_BYTES_MAX or not (data.isascii() or data.decode()):
            raise msgspec.DecodeError
        events = _decode_lines(data)
        numbers: Any = range(first_line, first_line + len(events))
        if data.count(b"\n") + (not data.endswith(b"\n")) != len(events):
            raise msgspec.DecodeError  # Blank lines: take them one by one for true line numbers.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        events, numbers, raw = _one_by_one(data, source, first_line, rejects)
    decoded = _columns(events, source, rejects)
    faults = _faults(events, decoded, data, raw, latest_us)
    if faults:
        rejects += [Reject(source, numbers[row], *faults[row]) for row in sorted(faults)]
        rejects.sort(key=lambda reject: reject.line)
        _remove(decoded, faults)
    return decoded


def _one_by_one(
    data: bytes, source: str, first_line: int, rejects: list[Reject]
) -> tuple[list[Event], list[int], list[bytes]]:
    events, numbers, raw = [], [], []
    for number, line in enumerate(data.split(b"\n"), first_line):
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
            rejects.append(Reject(source, number, *_reason(error)))
    return events, numbers, raw


def _reason(error: Exception) -> tuple[str, str]:
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
    if text.startswith("Invalid enum value"):
        where = text.rpartition(" - at `$.")[2].rstrip("`")
        reason = {"type": "unknown_type", "state": "unknown_state"}.get(where, "unknown_value")
        return reason, _CONTROL.sub("?", text[:120])
    return "wrong_type", text[:120]


def _columns(events: list[Event], source: str, rejects: list[Reject]) -> Decoded:
    count = len(events)
    kinds = np.fromiter(map(_CODE.__getitem__, [event.type for event in events]), np.int8, count)
    agents: dict[str | None, int] = {None: 0}
    dimensions: dict[tuple[str | None, ...], int] = {}
    decoded = Decoded(
        source=source,
        rejects=rejects,
        kinds=kinds,
        times_us=parse_times([event.time for event in events]),
        ids=[event.id for event in events],
        contacts=[event.contact for event in events],
        agents=np.array([agents.setdefault(event.agent, len(agents)) for event in events], np.int32),
        agent_names=list(agents),
        dimensions=np.array([dimensions.setdefault(v, len(dimensions)) for v in map(_dimensions, events)], np.int32),
        dimension_values=list(dimensions),
        states=np.full(count, -1, np.int8),
        slots=np.full(count, -1, np.int32),
        resolved=np.full(count, -1, np.int8),
    )
    # A canned reply is told from a person's only where a person's is common: in rows of that one type.
    replies = np.flatnonzero(kinds == _CODE["message.agent"])
    if len(replies):
        kinds[replies[[events[row].automatic is True for row in replies.tolist()]]] = _AUTOMATIC
    for row in np.flatnonzero(kinds == _AGENT_STATE).tolist():
        decoded.states[row] = _STATE_CODE[events[row].state]
        slots = events[row].slots
        decoded.slots[row] = -1 if slots is None else max(-2, min(slots, 100_000))
    for row in np.flatnonzero(kinds == _CODE["contact.closed"]).tolist():
        resolved = events[row].resolved
        if resolved is not None:
            decoded.resolved[row] = resolved
    return decoded


def _faults(
    events: list[Event], decoded: Decoded, data: bytes, raw: list[bytes] | None, latest_us: int | None
) -> dict[int, tuple[str, str]]:
    """Reason and detail of each row that decodes but breaks the format."""
    faults: dict[int, tuple[str, str]] = {}
    times = decoded.times_us
    latest = LATEST_US if latest_us is None else min(latest_us, LATEST_US)
    if len(times) and not (times.min() >= EARLIEST_US and times.max() < latest):
        _time_faults(times, latest, faults)
    contacts = decoded.contacts
    if None in contacts or "" in contacts:
        for row in np.flatnonzero(_CONTACT_NEEDED[decoded.kinds]).tolist():
            if not contacts[row]:
                faults[row] = "missing_field", "contact"
    for row in np.flatnonzero(decoded.kinds == _AGENT_STATE).tolist():
        if not events[row].agent or events[row].state is None:
            faults[row] = "missing_field", "agent" if not events[row].agent else "state"
        elif decoded.slots[row] < -1:
            faults[row] = "out_of_range", "slots"
    detailed = np.flatnonzero(_DETAILED_CODE[decoded.kinds]).tolist()
    if detailed:
        raw = raw or data.split(b"\n")
        for row in detailed:
            fault = _read_details(raw[row], events[row], decoded.details, row)
            if fault:
                faults[row] = fault
    _name_faults(decoded, data, faults)
    return faults


def _time_faults(times: NDArray[np.int64], latest: int, faults: dict[int, tuple[str, str]]) -> None:
    for row in np.flatnonzero((times < EARLIEST_US) | (times >= latest)).tolist():
        if times[row] == INVALID:
            faults[row] = "invalid_time", "not RFC 3339 with offset, nor integer milliseconds"
        elif times[row] < EARLIEST_US:
            faults[row] = "time_too_early", f"before {iso(EARLIEST_US)}"
        elif times[row] >= LATEST_US:
            faults[row] = "time_too_late", f"not before {iso(LATEST_US)}"
        else:
            faults[row] = "time_in_future", f"not before {iso(latest)}"


def _read_details(line: bytes, event: Event, details: dict[int, Details], row: int) -> tuple[str, str] | None:
    try:
        read = _decode_details(line)
    except (msgspec.DecodeError, RecursionError) as error:
        return _reason(error)
    for name in _REQUIRED[event.type]:
        if getattr(read, name) in (None, ""):
            return "missing_field", name
    for name, (low, high) in _RANGES.items():
        value = getattr(read, name)
        if value is not None and not low <= value <= high:
            return "out_of_range", name
    for name in ("due", "interval_start", "interval_end"):
        value = getattr(read, name)
        if value is not None and not EARLIEST_US <= parse_times([value])[0] < LATEST_US:
            return "invalid_time", name
    details[row] = read
    return None


def _name_faults(decoded: Decoded, data: bytes, faults: dict[int, tuple[str, str]]) -> None:
    contacts, agents, dimensions = decoded.contacts, decoded.agent_names, decoded.dimension_values
    checks: list[tuple[str, str, Callable[[str], object]]] = []
    if max(map(len, filter(None, contacts)), default=0) > NAME_CHARACTERS_MAX or any(
        name and len(name) > NAME_CHARACTERS_MAX for values in (agents, *dimensions) for name in values
    ):
        checks.append(("name_too_long", f"longer than {NAME_CHARACTERS_MAX} characters", lambda name: len(name) > NAME_CHARACTERS_MAX))  # fmt: skip
    if any(mark in data for mark in _CONTROL_MARKS):
        checks.append(("control_character", "in a name", _CONTROL.search))
    for reason, detail, is_bad in checks:
        for row in range(decoded.count):
            names = (contacts[row], agents[decoded.agents[row]], *dimensions[decoded.dimensions[row]])
            if any(name and is_bad(name) for name in names):
                faults.setdefault(row, (reason, detail))


def _remove(decoded: Decoded, faults: dict[int, tuple[str, str]]) -> None:
    """Takes the faulty rows out of the columns, in place."""
    kept = [row for row in range(decoded.count) if row not in faults]
    place = {row: new for new, row in enumerate(kept)}
    decoded.details = {place[row]: details for row, details in decoded.details.items() if row in place}
    decoded.ids = [decoded.ids[row] for row in kept]
    decoded.contacts = [decoded.contacts[row] for row in kept]
    for name in ("kinds", "times_us", "agents", "dimensions", "states", "slots", "resolved"):
        setattr(decoded, name, getattr(decoded, name)[kept])
