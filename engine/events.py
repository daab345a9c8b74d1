"""The public event format: its types, and the decoder from bytes to columns with one named reject a bad line.

A block of lines is decoded at once; only when something in it is wrong are its lines taken one by one, so that one
poisoned line costs one reject and not its neighbours. Customers' words and identities are never kept, not even in a
reject's detail.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.keys import PUBLIC, Keys, KeyTable, Secret, key_of
from engine.scanning import BLANK, PLAIN, Lexicon, Scan, scan
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


Said = TypeVar("Said")
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
    customer: Any = None
    negative: Any = None


class Details(msgspec.Struct, gc=False):
    """What single types add. Numbers out of their range are rejected as `out_of_range`."""

    contact: str | None = None
    agent: str | None = None
    queue: str | None = None
    reason: Literal["overflow", "timeout", "callback", "transfer", "withdrawn"] | None = None
    csat: int | None = None
    nps: int | None = None
    case: Name | None = None
    kind: Name | None = None
    owner: Name | None = None
    department: Name | None = None
    priority: Name | int | None = None
    promise: Name | None = None
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
    """Agents and sets of dimensions as small integers, in the order they were met; code 0 of each is nothing said.

    Belongs to one `decode` call after another, so that what is known is not told again. A set of dimensions is a tuple over
    `DIMENSIONS`, None where an event said nothing. `secret` is what keys are made with: the engine's own, see `engine.keys`.
    """

    #: Entries past which a vocabulary is begun anew: it only saves time, so it must not grow for ever.
    ENTRIES_MAX = 200_000

    def __init__(self, secret: Secret = PUBLIC) -> None:
        self.secret = secret
        self.agents: dict[str | None, int] = {None: 0}
        self.dimensions: dict[tuple[str | None, ...], int] = {(None,) * len(DIMENSIONS): 0}
        #: The same by code, for another thread than the decoder's: they only grow, and before any row has the code.
        self.told_agents: list[str | None] = [*self.agents]
        self.told_dimensions: list[tuple[str | None, ...]] = [*self.dimensions]
        self.agent_keys = KeyTable(nothing=0)
        self.dimension_keys = KeyTable(nothing=0)

    def agent(self, name: str | None) -> int:
        """The code of an agent, a new one where it is met for the first time."""
        return _coded(name, self.agents, self.told_agents)

    def said(self, dimensions: tuple[str | None, ...]) -> int:
        """The code of a set of dimensions, likewise."""
        return _coded(dimensions, self.dimensions, self.told_dimensions)

    def full(self) -> bool:
        """Time to begin a new one."""
        return len(self.agents) + len(self.dimensions) > self.ENTRIES_MAX


def _coded(thing: Said, codes: dict[Said, int], told: list[Said]) -> int:
    code = codes.get(thing)
    if code is None:
        code = len(told)
        told.append(thing)
        codes[thing] = code
    return code


@dataclass
class Decoded:
    """Columns of accepted rows, in the order of their lines, and the rejects between them.

    `kinds` int8 indices into `KINDS`; `times_us` int64; `ids`, `contacts` and `customers` uint64 keys of the texts, 0
    where there is none; `agents` and `dimensions` int32 codes of the `vocabulary`; `states` int8 indices into `AGENT_STATES`, -1 where there is none; `slots` int32, -1
    likewise; `resolved` and `negative` (a customer's words were) int8 1, 0, or -1; `details` by row. A contact's name is between the two `names` (rows, 2) of
    `data`, or `told` by row.
    """

    source: str
    rejects: list[Reject]
    vocabulary: Vocabulary
    kinds: NDArray[np.int8]
    times_us: NDArray[np.int64]
    ids: Keys
    contacts: Keys
    customers: Keys
    agents: NDArray[np.int32]
    dimensions: NDArray[np.int32]
    states: NDArray[np.int8]
    slots: NDArray[np.int32]
    resolved: NDArray[np.int8]
    negative: NDArray[np.int8]
    names: NDArray[np.int32]
    data: bytes
    details: dict[int, Details] = field(default_factory=dict)
    told: dict[int, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Rows accepted."""
        return len(self.kinds)

    def contact_names(self, rows: NDArray[np.int64]) -> list[str]:
        """The contacts of rows as their events named them, empty where one named none."""
        data = self.data
        names = [data[start:end].decode() for start, end in self.names[rows].tolist()]
        if self.told:
            for place, row in enumerate(rows.tolist()):
                names[place] = self.told.get(row, names[place])
        return names


_decode_line = msgspec.json.Decoder(Event).decode
_decode_details = msgspec.json.Decoder(Details).decode
_agent: Callable[[Event], str | None] = attrgetter("agent")
_dimensions: Callable[[Event], tuple[str | None, ...]] = attrgetter(*DIMENSIONS)
#: Characters that could break a terminal, a label or a line: C0 and C1 controls, and the two Unicode line breaks.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_STATE_CODE = {name: code for code, name in enumerate(AGENT_STATES)} | {None: -1}
_REPLY, _AUTOMATIC, _AGENT_STATE = (_CODE[name] for name in ("message.agent", "message.automatic", "agent.state"))
_CONTACT_NEEDED = np.array([name in CONTACT_TYPES or name == "message.automatic" for name in KINDS])
_DETAILED_CODE = np.array([name in _DETAILED for name in KINDS])
_RANGES = {"csat": (1, 5), "nps": (0, 10), "critical_errors": (0, 10**6), "other_errors": (0, 10**6),
           "count": (0, 10**9), "amount": (0, 10**15), "agents": (0, 10**6)}  # fmt: skip
#: Names that only single types have.
_SHOWN = ("case", "kind", "owner", "department", "priority", "promise")
_SLOTS_MAX = 100_000
_PRIORITY_MAX = 10**6
_TYPE_LEXICON, _STATE_LEXICON = Lexicon(TYPES), Lexicon(AGENT_STATES)
#: Columns that plain and strict reading both fill, by row.
_COLUMNS = (
    "kinds", "times_us", "ids", "contacts", "customers", "agents", "dimensions", "states", "slots", "resolved", "negative", "names",
)  # fmt: skip

Fault = tuple[str, str]


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
    vocabulary = vocabulary or Vocabulary()
    if not _is_text(data):
        whole = _Strict(source, first_line, latest, vocabulary)
        for number, line in enumerate(data.split(b"\n")):
            if line.strip(b" \t\r"):
                whole.take(number, line)
        return whole.decoded()[0]
    plain, places, others = _plain(data, latest, source, vocabulary)
    if not others:
        return plain
    strict = _Strict(source, first_line, latest, vocabulary)
    for number, line in others:
        strict.take(number, line)
    return _woven(plain, places, *strict.decoded())


def _is_text(data: bytes) -> bool:
    """Whether all of it is UTF-8."""
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def _plain(
    data: bytes, latest_us: int, source: str, vocabulary: Vocabulary
) -> tuple[Decoded, NDArray[np.int64], list[tuple[int, bytes]]]:
    """The plain lines decoded, the places of their lines, and the other lines with their places."""
    found = scan(data, _TYPE_LEXICON, _STATE_LEXICON, EARLIEST_US, latest_us, vocabulary.secret)
    kinds = found.types
    plain = found.status == PLAIN
    plain &= ~_DETAILED_CODE[kinds] & ((found.contacts != 0) | ~_CONTACT_NEEDED[kinds])
    plain &= found.ends - found.starts <= LINE_BYTES_MAX
    plain &= (kinds != _AGENT_STATE) | ((found.agents != 0) & (found.states >= 0))
    kinds[(kinds == _REPLY) & (found.automatic == 1)] = _AUTOMATIC
    agents, saids = vocabulary.agent_keys.get(found.agents), vocabulary.dimension_keys.get(found.saids)
    new = plain & ((agents < 0) | (saids < 0))
    if new.any():
        _learn(data, found, np.flatnonzero(new), vocabulary)
        agents, saids = vocabulary.agent_keys.get(found.agents), vocabulary.dimension_keys.get(found.saids)
    others = np.flatnonzero(~plain & (found.status != BLANK)).tolist()
    lines = [(place, data[found.starts[place] : found.ends[place]]) for place in others]
    places = np.flatnonzero(plain)
    whole = len(places) == len(plain)

    def chosen(column: NDArray[Any]) -> NDArray[Any]:
        return column if whole else column[places]

    decoded = Decoded(
        source, [], vocabulary, chosen(kinds), chosen(found.times_us), chosen(found.ids), chosen(found.contacts),
        chosen(found.customers), chosen(agents), chosen(saids), chosen(found.states), chosen(found.slots),
        chosen(found.resolved), chosen(found.negative), chosen(found.names), data,
    )  # fmt: skip
    # Fields that a type does not have mean nothing, as in strict reading.
    decoded.states[decoded.kinds != _AGENT_STATE] = -1
    decoded.slots[decoded.kinds != _AGENT_STATE] = -1
    decoded.resolved[decoded.kinds != _CODE["contact.closed"]] = -1
    decoded.negative[decoded.kinds != _CODE["message.customer"]] = -1
    return decoded, places, lines


def _learn(data: bytes, found: Scan, rows: NDArray[np.int64], vocabulary: Vocabulary) -> None:
    """Adds the agents and dimensions of lines that have new ones; the strict decoder tells their names."""
    _learn_one(data, found, rows, found.agents, vocabulary.agent_keys, vocabulary.agent, _agent)
    _learn_one(data, found, rows, found.saids, vocabulary.dimension_keys, vocabulary.said, _dimensions)


def _learn_one(
    data: bytes, found: Scan, rows: NDArray[np.int64], keys: Keys, table: KeyTable, code: Callable[[Said], int],
    name: Callable[[Event], Said],
) -> None:  # fmt: skip
    new, first = np.unique(keys[rows], return_index=True)
    # In the order they were met, so that a limit on names keeps the first ones.
    met = np.argsort(first)
    new, first = new[met], first[met]
    unknown = table.get(new) < 0
    events = [_decode_line(data[found.starts[row] : found.ends[row]]) for row in rows[first[unknown]].tolist()]
    values = [code(name(event)) for event in events]
    table.add(new[unknown], np.array(values, np.int32))


def _woven(plain: Decoded, places: NDArray[np.int64], strict: Decoded, numbers: list[int]) -> Decoded:
    """Both parts' rows in the order of their lines."""
    order = np.argsort(np.concatenate((places, np.array(numbers, np.int64))), kind="stable")
    for name in _COLUMNS:
        setattr(plain, name, np.concatenate((getattr(plain, name), getattr(strict, name)))[order])
    place_of = {row: place for place, row in enumerate(order.tolist())}
    first = len(places)
    plain.told = {place_of[first + row]: name for row, name in strict.told.items()}
    plain.details = {place_of[first + row]: details for row, details in strict.details.items()}
    plain.rejects = strict.rejects
    return plain


class _Strict:
    """Lines taken one by one, with a reason for each that is not accepted."""

    def __init__(self, source: str, first_line: int, latest_us: int, vocabulary: Vocabulary) -> None:
        self.source, self.first_line, self.latest_us, self.vocabulary = source, first_line, latest_us, vocabulary
        self.faults: list[tuple[int, Fault]] = []
        self.events: list[tuple[int, Event, Details | None]] = []

    def take(self, number: int, line: bytes) -> None:
        """One line that is not blank; `number` counts from 0."""
        try:
            if len(line) > LINE_BYTES_MAX:
                raise msgspec.DecodeError("too long")
            line.decode()
            event = _decode_line(line)
            details = _decode_details(line) if event.type in _DETAILED else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.faults.append((number, _fault(error)))
            return
        fault = _event_fault(event, details)
        if fault:
            self.faults.append((number, fault))
        else:
            self.events.append((number, event, details))

    def decoded(self) -> tuple[Decoded, list[int]]:
        """The accepted rows with their lines' numbers, counted from 0, and the rejects."""
        times_us = parse_times([event.time for _, event, _ in self.events])
        good = (times_us >= EARLIEST_US) & (times_us < self.latest_us)
        for row in np.flatnonzero(~good).tolist():
            self.faults.append((self.events[row][0], _time_fault(int(times_us[row]), self.latest_us)))
        kept = [event for event, is_good in zip(self.events, good.tolist(), strict=True) if is_good]
        events = [event for _, event, _ in kept]
        vocabulary, secret = self.vocabulary, self.vocabulary.secret
        decoded = Decoded(
            source=self.source,
            rejects=[Reject(self.source, self.first_line + number, *fault) for number, fault in sorted(self.faults)],
            vocabulary=self.vocabulary,
            kinds=np.array([_AUTOMATIC if _is_automatic(event) else _CODE[event.type] for event in events], np.int8),
            times_us=times_us[good],
            ids=np.array([key_of(event.id or None, secret) for event in events], np.uint64),
            contacts=np.array([key_of(event.contact or None, secret) for event in events], np.uint64),
            customers=np.array([_customer(event, secret) for event in events], np.uint64),
            agents=np.array([vocabulary.agent(event.agent) for event in events], np.int32),
            dimensions=np.array([vocabulary.said(_dimensions(event)) for event in events], np.int32),
            states=np.array([_STATE_CODE[e.state] if e.type == "agent.state" else -1 for e in events], np.int8),
            slots=np.array([_slots(event) for event in events], np.int32),
            resolved=np.array([_resolved(event) for event in events], np.int8),
            negative=np.array([_negative(event) for event in events], np.int8),
            names=np.zeros((len(events), 2), np.int32),
            data=b"",
            details={row: details for row, (_, _, details) in enumerate(kept) if details},
            told={row: event.contact or "" for row, event in enumerate(events)},
        )
        return decoded, [number for number, _, _ in kept]


def _is_automatic(event: Event) -> bool:
    return event.type == "message.agent" and event.automatic is True


def _slots(event: Event) -> int:
    return event.slots if event.type == "agent.state" and event.slots is not None else -1


def _resolved(event: Event) -> int:
    return event.resolved if event.type == "contact.closed" and event.resolved is not None else -1


def _negative(event: Event) -> int:
    return event.negative if event.type == "message.customer" and isinstance(event.negative, bool) else -1


def _customer(event: Event, secret: Secret) -> int:
    """The key of the customer; one that is no text counts as its JSON."""
    told = event.customer or None
    return key_of(told if isinstance(told, str | None) else msgspec.json.encode(told).decode(), secret)


def _event_fault(event: Event, details: Details | None) -> Fault | None:
    """What is wrong with an event that decodes, its time apart."""
    if event.type not in _CODE or event.type == "message.automatic":
        return "unknown_type", _unknown_type(event.type)
    if event.type in CONTACT_TYPES and not event.contact:
        return "missing_field", "contact"
    if event.type == "agent.state":
        if not event.agent or event.state is None:
            return "missing_field", "state" if event.agent else "agent"
        if event.slots is not None and not 0 <= event.slots <= _SLOTS_MAX:
            return "out_of_range", "slots"
    if any(name and _CONTROL.search(name) for name in (event.contact, event.agent, *_dimensions(event))):
        return "control_character", "in a name"
    return _details_fault(details, _REQUIRED[event.type]) if details else None


def _unknown_type(text: str) -> str:
    """The type's name where it looks like one; anything else could be a customer's words."""
    if re.fullmatch(r"[a-z]{1,30}[._][a-z_]{1,30}", text):
        return f"{text} is none of the format's types"
    return "none of the format's types"


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
    for name in _SHOWN:
        value = getattr(details, name)
        if isinstance(value, str) and _CONTROL.search(value):
            return "control_character", "in a name"
    if isinstance(details.priority, int) and not abs(details.priority) <= _PRIORITY_MAX:
        return "out_of_range", "priority"
    for name, (low, high) in _RANGES.items():
        value = getattr(details, name)
        if value is not None and not low <= value <= high:
            return "out_of_range", name
    for name in ("due", "interval_start", "interval_end"):
        value = getattr(details, name)
        if value is not None and not EARLIEST_US <= parse_times([value])[0] < LATEST_US:
            return "invalid_time", name
    return None
