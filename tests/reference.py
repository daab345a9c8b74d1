"""The oracle: the whole engine once more, slow and obviously right.

Owns the meaning of every figure in dictionaries and loops: judge each event as it arrives, put all that count into one
order, walk each contact and agent through its life, and read any span of time off the facts that were noted down. Never
fast, never clever, and it shares nothing with `engine/` but the names of events and fields.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests import reference_cases
from tests.reference_responses import Step, response_amounts

__all__ = ["Adopt", "Advance", "Arrival", "End", "Oracle", "Rules", "Span", "peak_of_levels"]

DIMENSIONS = ("queue", "channel", "tenant", "region", "tier", "partner", "party", "category")
STATES = ("available", "busy", "wrapup", "break", "meeting", "training", "offline")
LEVELS = ("waiting", "in_service", "load", "occupied", "idle", *STATES)
PEAKS = ("waiting", "in_service", "load")

#: The order of a contact's events at one instant.
ORDER_AT_ONE_INSTANT = (
    "contact.opened", "contact.reopened", "contact.transferred", "contact.left_queue", "message.customer",
    "message.bot", "message.automatic", "contact.queued", "contact.announced", "contact.answered", "message.agent",
    "contact.resumed", "contact.held", "contact.unpending", "contact.pending", "contact.abandoned", "contact.closed",
    "contact.invited", "contact.rated", *reference_cases.ORDER_AT_ONE_INSTANT,
)  # fmt: skip

UNKNOWN, OPEN, WAITING, SERVED, HELD, HANDED, REWAITING, ABANDONED, CLOSED = (
    "unknown", "open", "waiting", "served", "held", "handed", "rewaiting", "abandoned", "closed",
)  # fmt: skip
LIVE = (OPEN, WAITING, SERVED, HELD, HANDED, REWAITING)
WITH_PERSON = (SERVED, HELD, HANDED, REWAITING)
ENDED = (ABANDONED, CLOSED)
IN_QUEUE = (WAITING, REWAITING)
MESSAGES = ("message.customer", "message.agent", "message.automatic", "message.bot")
#: Events by which it is settled for which dimensions a contact counts by its arrival.
SETTLING = ("contact.queued", "contact.answered", "contact.abandoned", "contact.left_queue", "contact.closed")
COUNTED = {
    "contact.transferred": "transfers", "contact.reopened": "reopened", "contact.announced": "announcements",
    "contact.invited": "invited", "message.customer": "customer_messages", "message.agent": "agent_messages",
    "message.automatic": "automatic_messages", "message.bot": "bot_messages",
}  # fmt: skip
#: Conditions of a policy's line, most telling first.
TELLING = ("tenant", "queue", "tier", "category", "kind", "grade", "priority", "department", "partner", "party", "channel",
           "region", "period")  # fmt: skip
OUTCOME_FIELD = {"left": "left_queue", "answered": "answered", "abandoned": "abandoned", "unanswered": "unanswered"}

#: What the events of cases and the like say besides.
TOLD = (
    "contact",
    "agent",
    "case",
    "kind",
    "owner",
    "department",
    "priority",
    "promise",
    "due",
    "passed",
    "critical_errors",
    "other_errors",
)
NEVER_US = -(2**62)
MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US

Dimensions = tuple[str, ...]
NOTHING_KNOWN: Dimensions = ("",) * len(DIMENSIONS)


@dataclass(frozen=True)
class Arrival:
    """One event as it came in: which source sent it, when it happened, and its fields without the time."""

    source: str
    time_us: int
    event: Mapping[str, Any]


@dataclass(frozen=True)
class Advance:
    """The clock says that no more on-time events come from before that instant."""

    now_us: int


@dataclass(frozen=True)
class End:
    """That source will send no more."""

    source: str


@dataclass(frozen=True)
class Rule:
    """One line of a policy: a limit, None for none, for contacts of these values; warned of after so many thousandths; running
    in these minutes of the UTC day only, at all times where there are none."""

    limit: str
    limit_us: int | None
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    permille: int = 0
    hours: tuple[tuple[int, int], ...] = ()
    pauses: bool = False


@dataclass(frozen=True)
class Rules:
    """The settings that decide figures. `periods` are (name, start, end), `grades` (grade, for whom, after how long)."""

    pane_us: int
    bound_us: int
    lateness_us: int
    linger_us: int
    lines: tuple[Rule, ...] = ()
    periods: tuple[tuple[str, int, int], ...] = ()
    grades: tuple[tuple[str, Mapping[str, tuple[str, ...]], int], ...] = ()
    measures: tuple[Any, ...] = ()
    hours: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def known(self, as_: Dimensions, at_us: int) -> dict[str, str]:
        """What lines may be conditional on."""
        known = dict(zip(DIMENSIONS, as_, strict=True))
        return known | {
            "period": next((name for name, start_us, end_us in self.periods if start_us <= at_us < end_us), "")
        }

    def find(self, limit: str, as_: Dimensions, at_us: int, of: Mapping[str, str] = {}) -> Rule:
        """The line for a contact, or a case `of` a kind: of those that fit, the one with most conditions, then the most telling."""
        known = self.known(as_, at_us) | dict(of)
        fitting = [
            line
            for line in self.lines
            if line.limit == limit and all(known.get(name, "") in values for name, values in line.when.items())
        ]
        if not fitting:
            return Rule(limit, None)
        return max(fitting, key=lambda line: (len(line.when), [name in line.when for name in TELLING]))


@dataclass(frozen=True)
class Adopt:
    """From that place of the script on, these lines, periods and grades hold."""

    lines: tuple[Rule, ...]
    periods: tuple[tuple[str, int, int], ...] = ()
    grades: tuple[tuple[str, Mapping[str, tuple[str, ...]], int], ...] = ()


@dataclass
class Clock:
    """One that runs: since when, when it is due and warned of (None: never), and whether it has been warned of."""

    since_us: int
    due_us: int | None = None
    warn_us: int | None = None
    warned: bool = False
    is_paused: bool = False
    paused_us: int = 0


@dataclass(frozen=True)
class Raised:
    """One step of an alarm, as `engine.alarms.Alarm` has it."""

    at_us: int
    commitment: str
    step: str
    about: str
    name: str
    since_us: int
    values: Dimensions = ()
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """An event that counts, and where it stands: `rank_us` is its time, or for a late one the watermark that it met."""

    time_us: int
    rank_us: int
    late: bool
    arrival: int
    kind: str
    event: Mapping[str, Any]

    def place(self) -> tuple[Any, ...]:
        """Late rows first at their place, as they came; the others by the table, and equal kinds by what they say."""
        if self.late:
            return self.rank_us, 0, self.arrival
        known = ORDER_AT_ONE_INSTANT.index(self.kind) if self.kind in ORDER_AT_ONE_INSTANT else 99
        return self.rank_us, 1, known, self.content()

    def content(self) -> tuple[Any, ...]:
        event = self.event
        state = STATES.index(event["state"]) if self.kind == "agent.state" else -1
        said = [(name in event, event.get(name, "")) for name in DIMENSIONS]
        rest = [
            event.get("agent") or "",
            *(_number(event, name) for name in ("csat", "nps", "resolved", "slots", "negative")),
        ]
        if self.kind in reference_cases.ORDER_AT_ONE_INSTANT:
            told = [(event.get(name) is not None, str(event.get(name))) for name in TOLD]
            return state, told, said, rest
        return state, said, rest


@dataclass(frozen=True)
class Matter:
    """What one row says of a problem: that a contact has it, or that a contact with it, or with none known, is closed."""

    row: Row
    problem: tuple[str, ...] | None
    as_: Dimensions
    arrival_us: int
    is_judged: bool
    limit: int | None = None

    def place(self) -> tuple[Any, ...]:
        row = self.row
        return row.rank_us, not row.late, row.arrival if row.late else 0, row.event["contact"]


def _number(event: Mapping[str, Any], name: str) -> int:
    value = event.get(name)
    return -1 if value is None else int(value)


@dataclass(frozen=True)
class Change:
    """A level went up or down for these dimensions; the changes of one `step` happened together."""

    level: str
    as_: Dimensions
    time_us: int
    step: tuple[Any, ...]
    delta: int


@dataclass
class Span:
    """What is said of one group in one span of time."""

    sums: Counter[str] = field(default_factory=Counter)
    peaks: dict[str, int] = field(default_factory=dict)
    longest_us: int = -1
    durations_us: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


@dataclass
class Contact:
    """One contact's life so far."""

    arrival_us: int
    said: Dimensions
    phase: str = UNKNOWN
    outcome: str = "none"
    seen_us: int = NEVER_US
    rank_us: int = NEVER_US
    counts_as: Dimensions | None = None
    was_queued: bool = False
    was_answered: bool = False
    waited_us: int = 0
    waiting_since_us: int = 0
    waiting_as: Dimensions = NOTHING_KNOWN
    served_since_us: int = 0
    served_as: Dimensions = NOTHING_KNOWN
    agent: str = ""
    turn_since_us: int | None = None
    written_us: int | None = None
    replied: bool = False
    has_any_reply: bool = False
    has_asked: bool = False
    reply_clock_stopped: bool = False
    clocks: dict[str, Clock] = field(default_factory=dict)
    raised: dict[str, int] = field(default_factory=dict)
    pending_since_us: int | None = None
    happened: Counter[str] = field(default_factory=Counter)
    customer: str = ""
    problem: tuple[str, ...] | None = None


@dataclass
class Person:
    """One agent: what was reported last, and how many contacts are held."""

    state: str = ""
    since_us: int = NEVER_US
    load: int = 0
    said: Dimensions = NOTHING_KNOWN

    def levels(self) -> Counter[str]:
        counts: Counter[str] = Counter({"load": self.load})
        if self.state:
            counts[self.state] = 1
        counts["occupied"] = int(self.state in ("busy", "wrapup") or self.load > 0)
        counts["idle"] = int(self.state == "available" and self.load <= 0)
        return counts


class Oracle:
    """Give it everything that came in, in the order in which it came; then ask for `span`s and counters."""

    def __init__(self, rules: Rules, sources: Iterable[str] = ()) -> None:
        self.rules = rules
        self.events = self.duplicates = self.late = self.dropped = 0
        self.illegal: Counter[str] = Counter()
        self.first_us: int | None = None
        self.last_us: int | None = None
        self.contacts: dict[str, Contact] = {}
        self.people: dict[str, Person] = {}
        self.amounts: list[tuple[str, Dimensions, int, int]] = []
        self.samples: list[tuple[str, Dimensions, int, int]] = []
        self.longest: list[tuple[Dimensions, int, int]] = []
        self.changes: list[Change] = []
        self.raised: list[Raised] = []
        self.matters: list[Matter] = []
        self.steps: list[Step] = []
        self._newest_us: dict[str, int] = dict.fromkeys(sources, NEVER_US)
        self._heard_from_us: dict[str, int] = dict.fromkeys(sources, NEVER_US)
        self._ended: set[str] = set()
        self._floor_us = NEVER_US
        self._ids: set[str] = set()
        self._rows: list[Row] = []
        self.back_office = reference_cases.BackOffice(self, _open_for)
        self.adopted: list[tuple[int, Adopt]] = []
        self._adopted: list[tuple[tuple[int, int, int], int, Adopt]] = []

    def take(self, script: Iterable[Arrival | Advance | End | Adopt]) -> "Oracle":
        """The whole input, to its end."""
        for number, happening in enumerate(script):
            if isinstance(happening, Arrival):
                self._judge(number, happening)
            elif isinstance(happening, Advance):
                self._floor_us = max(self._floor_us, happening.now_us)
            elif isinstance(happening, Adopt):
                # As a late row stands: behind all that came before it and that the watermark has passed.
                place = self.watermark_us(), 0, number
                self.adopted.append((place[0], happening))
                self._adopted.append((place, self._reached_us(), happening))
            else:
                self._newest_us.setdefault(happening.source, NEVER_US)
                self._heard_from_us.setdefault(happening.source, NEVER_US)
                self._ended.add(happening.source)
        for row in sorted(self._rows, key=Row.place):
            while self._adopted and self._adopted[0][0] < row.place():
                self._adopt(*self._adopted.pop(0)[1:])
            self._live(row)
        for _, at_us, policy in self._adopted:
            self._adopt(at_us, policy)
        self._raise_what_is_overdue(self._end_us())
        self._repeats()
        self.amounts += response_amounts(self.steps, self.rules, self._end_us())
        return self

    def _reached_us(self) -> int:
        """How far time has come: the watermark, or when all sources have ended the last event or the clock."""
        watermark_us = self.watermark_us()
        return watermark_us if watermark_us < -NEVER_US or self.last_us is None else max(self.last_us, self._floor_us)

    def _adopt(self, at_us: int, policy: Adopt) -> None:
        """What was due is raised by the old limits; then running clocks move to the new ones."""
        self._raise_what_is_overdue(at_us)
        self.rules = replace(self.rules, lines=policy.lines, periods=policy.periods, grades=policy.grades)
        for contact in self.contacts.values():
            for clock, running in contact.clocks.items():
                self._move(clock, running, contact.said, at_us)
        self.back_office.adopt(at_us)

    # What counts, and where it stands.

    def watermark_us(self) -> int:
        """The slowest source's that still runs, or the clock's where that is later."""
        running = [name for name in self._newest_us if name not in self._ended]
        none = -NEVER_US if self._newest_us else NEVER_US
        slowest = min((self._source_watermark_us(name) for name in running), default=none)
        return max(slowest, self._floor_us)

    def _source_watermark_us(self, name: str) -> int:
        newest_us = self._newest_us[name]
        heard = newest_us - self.rules.bound_us if newest_us > NEVER_US else NEVER_US
        return max(heard, self._heard_from_us[name])

    def _judge(self, number: int, arrival: Arrival) -> None:
        time_us, source, event = arrival.time_us, arrival.source, arrival.event
        self.events += 1
        self.first_us = time_us if self.first_us is None else min(self.first_us, time_us)
        self.last_us = time_us if self.last_us is None else max(self.last_us, time_us)
        if source not in self._newest_us:
            # Time never goes back, so whoever speaks up later is held against the watermark that is reached already.
            self._heard_from_us[source] = self.watermark_us()
            self._newest_us[source] = NEVER_US
        met_us = max(self._source_watermark_us(source), self._floor_us)
        self._newest_us[source] = max(self._newest_us[source], time_us)
        if time_us < met_us - self.rules.lateness_us:
            self.dropped += 1
            return
        identity = event.get("id")
        if identity is not None:
            if identity in self._ids:
                self.duplicates += 1
                return
            self._ids.add(identity)
        late = time_us < met_us
        self.late += late
        automatic = event["type"] == "message.agent" and event.get("automatic")
        kind = "message.automatic" if automatic else event["type"]
        self._rows.append(Row(time_us, met_us if late else time_us, late, number, kind, event))

    # One event after another.

    def _live(self, row: Row) -> None:
        if row.kind.startswith(("contact.", "message.")):
            self._contact_event(row)
        elif row.kind == "agent.state":
            self._report(row)
        elif row.kind in reference_cases.ORDER_AT_ONE_INSTANT:
            self.back_office.take(row)
        elif row.kind == "business.orders":
            self._count("orders", _after(NOTHING_KNOWN, row.event), row.time_us, row.event["count"])
            cents = round(100 * row.event.get("amount", 0))
            self._count("order_amount_cents", _after(NOTHING_KNOWN, row.event), row.time_us, cents)

    def count(self, name: str, as_: Dimensions, time_us: int, amount: int = 1) -> None:
        """So much of a field, at an instant."""
        self.amounts.append((name, as_, time_us, amount))

    _count = count

    def _change(self, level: str, as_: Dimensions, row: Row, delta: int) -> None:
        step = (row.rank_us, row.late, row.arrival if row.late else 0)
        self.changes.append(Change(level, as_, row.time_us, step, delta))

    def _contact_event(self, row: Row) -> None:
        name = row.event["contact"]
        contact = self.contacts.get(name)
        if contact and contact.phase in ENDED and row.rank_us - contact.seen_us >= self.rules.linger_us:
            contact = None
        if contact and row.late and row.time_us < contact.seen_us:
            self.illegal["out_of_order"] += 1
            return
        phase = contact.phase if contact else UNKNOWN
        after = _next_phase(row.kind, phase)
        if after is None:
            self.illegal[_why_illegal(row.kind, phase)] += 1
            return
        if after == UNKNOWN:  # An invitation or a rating for somebody who is not known.
            self._count_event(row, _after(NOTHING_KNOWN, row.event))
            self.back_office.rated(row, _after(NOTHING_KNOWN, row.event))
            return
        if contact is None:
            contact = self.contacts[name] = Contact(row.time_us, _after(NOTHING_KNOWN, row.event))
            self._count("offered", contact.said, row.time_us)
        else:
            self._raise_before(contact, name, row.rank_us)
            self._say(contact, row)
        if contact.counts_as is None and row.kind in SETTLING:
            contact.counts_as = contact.said
        contact.seen_us, contact.rank_us = max(contact.seen_us, row.time_us), row.rank_us
        contact.phase = after
        agent = contact.agent
        self._queue(contact, row, phase)
        self._outcome(contact, row, phase)
        self._service(contact, row, phase)
        self._turns(contact, row)
        self._first_reply_clocks(contact, row)
        self._too_often(contact, row, agent)
        self._matters(contact, row)
        self._pause(contact, row)
        self._count_event(row, contact.said)
        self.back_office.rated(row, contact.said)
        self.steps.append(Step(contact, row, phase, contact.phase, contact.said))

    def _say(self, contact: Contact, row: Row) -> None:
        said = _after(contact.said, row.event)
        if said != contact.said and contact.counts_as is None:
            self._count("offered", contact.said, contact.arrival_us, -1)
            self._count("offered", said, contact.arrival_us)
        if said != contact.said:
            contact.said = said
            for clock, running in contact.clocks.items():
                self._move(clock, running, said, row.rank_us)

    def _queue(self, contact: Contact, row: Row, before: str) -> None:
        was, is_ = before in IN_QUEUE, contact.phase in IN_QUEUE
        queued_again = was and is_ and row.kind == "contact.queued"
        if was and (queued_again or not is_):
            self._change("waiting", contact.waiting_as, row, -1)
            how = {"contact.answered": "left_answered", "contact.abandoned": "left_abandoned"}
            self._count(how.get(row.kind, "left_other"), contact.waiting_as, row.time_us)
        if was and not is_:
            wait_us = row.time_us - contact.waiting_since_us
            self._stop(contact, row, "wait", "announcement")
            if before == WAITING and not contact.was_answered:
                contact.waited_us += wait_us
                self._count("wait_us", _cohort(contact), contact.arrival_us, wait_us)
                self.longest.append((_cohort(contact), contact.arrival_us, contact.waited_us))
        if is_ and (queued_again or not was):
            self._change("waiting", contact.said, row, 1)
            self._count("entered", contact.said, row.time_us)
            contact.waiting_as = contact.said
            if not was:
                contact.waiting_since_us = row.time_us
                self._start("wait", contact, row.time_us)
                self._start("announcement", contact, row.time_us)
        if row.kind == "contact.announced":
            self._stop(contact, row, "announcement")
            self._start("announcement", contact, row.time_us)
        if row.kind == "contact.queued" and not contact.was_queued:
            contact.was_queued = True
            self._count("queued", _cohort(contact), contact.arrival_us)

    def _outcome(self, contact: Contact, row: Row, before: str) -> None:
        was, is_ = contact.outcome, _next_outcome(row.kind, before, contact.outcome)
        if row.kind == "contact.answered":
            contact.was_answered = True
        if was == is_:
            return
        contact.outcome = is_
        as_, arrival_us, waited_us = _cohort(contact), contact.arrival_us, contact.waited_us
        if was in OUTCOME_FIELD:
            self._count(OUTCOME_FIELD[was], as_, arrival_us, -1)
        if is_ in OUTCOME_FIELD:
            self._count(OUTCOME_FIELD[is_], as_, arrival_us)
        if is_ == "answered":
            self._count("wait_answered_us", as_, arrival_us, waited_us)
            self.samples.append(("wait_answered", as_, arrival_us, waited_us))
            if self._is_within("target", waited_us, as_, arrival_us):
                self._count("answered_in_target", as_, arrival_us)
        if is_ == "abandoned":
            if self._is_within("target", waited_us, as_, arrival_us):
                self._count("abandoned_in_target", as_, arrival_us)
            if self._is_within("short", waited_us, as_, arrival_us):
                self._count("abandoned_short", as_, arrival_us)

    def _service(self, contact: Contact, row: Row, before: str) -> None:
        answered = row.kind == "contact.answered"
        ends = before in WITH_PERSON and contact.phase in ENDED
        if ends or (answered and before in WITH_PERSON):
            self._change("in_service", contact.served_as, row, -1)
        if ends and row.kind == "contact.closed":
            self._count("handled", contact.served_as, row.time_us)
            self._count("handle_us", contact.served_as, row.time_us, row.time_us - contact.served_since_us)
        if before in (SERVED, HELD) and contact.phase not in (SERVED, HELD):
            self._hold(contact.agent, row, -1)
            contact.agent = ""
        if answered:
            self._change("in_service", contact.said, row, 1)
            self._count("events_answered", contact.said, row.time_us)
            if before not in WITH_PERSON:
                contact.served_since_us = row.time_us
            contact.served_as, contact.agent = contact.said, row.event.get("agent") or ""
            self._hold(contact.agent, row, 1)
        if row.kind == "contact.abandoned":
            self._count("events_abandoned", contact.said, row.time_us)

    def _turns(self, contact: Contact, row: Row) -> None:
        time_us = row.time_us
        if row.kind == "message.customer" and contact.turn_since_us is None:
            contact.turn_since_us = time_us
            if contact.replied:
                self._start("next_reply", contact, time_us)
        if row.kind == "message.customer" and contact.written_us is None:
            contact.written_us = time_us
            self._start("first_reply", contact, time_us)
            self._start("automatic_reply", contact, time_us)
        if row.kind == "message.agent" and contact.turn_since_us is not None:
            taken_us = time_us - contact.turn_since_us
            self._reply("response", contact.said, time_us, taken_us)
            benchmark_us = self.rules.find("benchmark", contact.said, time_us).limit_us
            if benchmark_us is not None:
                self._count("response_benchmark_us", contact.said, time_us, benchmark_us)
                self._count("responses_in_benchmark", contact.said, time_us, int(taken_us <= benchmark_us))
        if row.kind == "message.agent" and contact.written_us is not None and not contact.replied:
            contact.replied = True
            self._reply("first_response", contact.said, time_us, time_us - contact.written_us)
        if row.kind == "message.agent" or contact.phase in ENDED:
            contact.turn_since_us = None
            self._stop(contact, row, "next_reply")

    def _reply(self, measure: str, as_: Dimensions, time_us: int, taken_us: int) -> None:
        self._count(f"{measure}_count", as_, time_us)
        self._count(f"{measure}_us", as_, time_us, taken_us)
        self.samples.append((measure, as_, time_us, taken_us))

    def _first_reply_clocks(self, contact: Contact, row: Row) -> None:
        """Each starts once: with the first message, to any reply; and when a customer who has written waits for a person or
        has one, to a person's. The end stops both."""
        ended = contact.phase in ENDED
        any_reply = row.kind in ("message.agent", "message.automatic", "message.bot")
        if contact.written_us is not None and not contact.has_any_reply and (any_reply or ended):
            contact.has_any_reply = True
            self._stop(contact, row, "first_reply", "automatic_reply")
        asks = contact.written_us is not None and (contact.phase in IN_QUEUE or contact.phase in WITH_PERSON)
        if asks and not contact.has_asked:
            contact.has_asked = True
            if not contact.reply_clock_stopped:
                self._start("first_human_reply", contact, row.time_us)
        if (contact.replied or ended) and not contact.reply_clock_stopped:
            contact.reply_clock_stopped = True
            self._stop(contact, row, "first_human_reply")

    def _too_often(self, contact: Contact, row: Row, agent: str) -> None:
        """The event that reaches a number is the one that breaks it."""
        kinds = {"contact.transferred": "transfers", "contact.closed": "unresolved"}
        if row.kind not in kinds or (row.kind == "contact.closed" and row.event.get("resolved") is not False):
            return
        name = kinds[row.kind]
        contact.happened[name] += 1
        if contact.happened[name] == self.rules.find(name, contact.said, row.time_us).limit_us:
            self._raise(name, "broken", contact, row.event["contact"], contact.arrival_us, row.time_us, agent)

    def _matters(self, contact: Contact, row: Row) -> None:
        contact.customer = row.event.get("customer") or contact.customer
        known = dict(zip(DIMENSIONS, contact.said, strict=True))
        if contact.problem is None and contact.customer and known["category"]:
            contact.problem = contact.customer, known["tenant"], known["category"]
            limit = self.rules.find("repeats", contact.said, row.time_us).limit_us
            self.matters.append(Matter(row, contact.problem, contact.said, contact.arrival_us, True, limit))
        if row.kind == "contact.closed" and row.event.get("resolved") is not None:
            self.matters.append(Matter(row, contact.problem, contact.said, contact.arrival_us, False))

    def _repeats(self) -> None:
        """Contacts with a problem that another contact had within a day before."""
        last: dict[tuple[str, ...], tuple[int, int]] = {}
        number_of: dict[tuple[str, tuple[str, ...]], int] = {}
        for matter in sorted(self.matters, key=Matter.place):
            row, name, as_ = matter.row, matter.row.event["contact"], matter.as_
            if matter.is_judged and matter.problem:
                before_us, number = last.get(matter.problem, (NEVER_US, 0))
                number = number + 1 if row.rank_us - before_us <= DAY_US else 1
                last[matter.problem] = row.rank_us, number
                number_of[name, matter.problem] = number
                if number > 1:
                    self._count("repeat_contacts", as_, row.time_us)
                if number > 1 and matter.limit is not None and number >= matter.limit:
                    self.raised.append(
                        Raised(row.time_us, "repeats", "broken", "contact", name, matter.arrival_us, as_)
                    )
                    self._count("breaches", as_, row.time_us)
                    self._count("repeats_breaches", as_, row.time_us)
            else:
                again = matter.problem is not None and number_of[name, matter.problem] > 1
                self._count("repeat_known" if again else "first_known", as_, row.time_us)
                self._count(
                    "repeat_resolved" if again else "first_resolved", as_, row.time_us, int(row.event["resolved"])
                )

    def _raise(
        self, commitment: str, step: str, contact: Contact, name: str, since_us: int, at_us: int, agent: str
    ) -> None:
        more = (("agent", agent),) if agent else ()
        self.tell(at_us, commitment, step, "contact", name, since_us, contact.said, more)
        if step == "broken" and agent:
            self.back_office.missed(max(at_us, contact.rank_us), at_us, name, agent, contact.said)

    def tell(
        self, at_us: int, commitment: str, step: str, about: str, name: str, since_us: int, as_: Dimensions,
        more: tuple[tuple[str, str], ...] = (),
    ) -> None:  # fmt: skip
        """An alarm; what the policy has a limit for is counted too."""
        self.raised.append(Raised(at_us, commitment, step, about, name, since_us, as_, more))
        if commitment in ("grade", "high_priority") or step == "ended":
            return
        if step == "warned":
            self._count("warnings", as_, at_us)
        else:
            self._count("breaches", as_, at_us)
            self._count(f"{commitment}_breaches", as_, at_us)

    # Clocks.

    def _stop(self, contact: Contact, row: Row, *clocks: str) -> None:
        """They run no more, and what was raised of them is over."""
        for clock in clocks:
            contact.clocks.pop(clock, None)
            if clock in contact.raised:
                since_us, name = contact.raised.pop(clock), row.event["contact"]
                self._raise(clock, "ended", contact, name, since_us, row.rank_us, contact.agent)

    def _start(self, clock: str, contact: Contact, since_us: int) -> None:
        contact.clocks[clock] = running = Clock(since_us)
        running.due_us, running.warn_us = self._due(clock, contact.said, running)

    def _due(self, clock: str, as_: Dimensions, running: Clock) -> tuple[int | None, int | None]:
        line = self.rules.find(clock, as_, running.since_us)
        if line.limit_us is None:
            return None, None
        if clock == "automatic_reply":  # Only where it begins outside of the hours, and then around the clock.
            if _open_between(line.hours, running.since_us, running.since_us + 1):
                return None, None
            line = replace(line, hours=())
        share_us = line.limit_us // 1000 * line.permille + running.paused_us
        warn_us = _open_for(line.hours, running.since_us, share_us) if line.permille else None
        return _open_for(line.hours, running.since_us, line.limit_us + running.paused_us), warn_us

    def _pause(self, contact: Contact, row: Row) -> None:
        """Clocks that may stand still while the contact is pending; what passes meanwhile is given to them on top."""
        if row.kind == "contact.pending" and contact.pending_since_us is None:
            contact.pending_since_us = row.time_us
            for clock, running in contact.clocks.items():
                running.is_paused = self.rules.find(clock, contact.said, running.since_us).pauses
        if row.kind == "contact.unpending":
            for clock, running in contact.clocks.items():
                if running.is_paused and contact.pending_since_us is not None:
                    hours = self.rules.find(clock, contact.said, running.since_us).hours
                    running.paused_us += _open_between(hours, contact.pending_since_us, row.time_us)
                    running.is_paused = False
                    due_us, warn_us = self._due(clock, contact.said, running)
                    running.due_us = None if due_us is None else max(due_us, row.time_us)
                    running.warn_us = None if running.warned else warn_us
            contact.pending_since_us = None

    def _move(self, clock: str, running: Clock, as_: Dimensions, at_us: int) -> None:
        """Other limits hold from `at_us` on; what they put into the past is due now. What was warned of is not again."""
        due_us, warn_us = self._due(clock, as_, running)
        if due_us is not None and due_us != running.due_us:
            due_us = max(due_us, at_us)
        if warn_us is not None:
            warn_us = max(warn_us, at_us)
        if running.warned or (warn_us is not None and due_us is not None and warn_us >= due_us):
            warn_us = None
        running.due_us, running.warn_us = due_us, warn_us

    def _raise_before(self, contact: Contact, name: str, until_us: int) -> None:
        """Warnings and breaches of before `until_us`. A clock that is broken runs no more, but announcements are due again."""
        for clock, running in list(contact.clocks.items()):
            while not running.is_paused:
                due_us, warn_us = running.due_us, running.warn_us
                if warn_us is not None and warn_us < until_us:
                    self._raise(clock, "warned", contact, name, running.since_us, warn_us, contact.agent)
                    contact.raised[clock] = running.since_us
                    running.warned, running.warn_us = True, None
                elif due_us is not None and due_us < until_us:
                    self._raise(clock, "broken", contact, name, running.since_us, due_us, contact.agent)
                    contact.raised[clock] = due_us if clock == "announcement" else running.since_us
                    if clock != "announcement":
                        del contact.clocks[clock]
                        break
                    self._start(clock, contact, due_us)
                    running = contact.clocks[clock]
                else:
                    break

    def _end_us(self) -> int:
        return max(self._floor_us, NEVER_US if self.last_us is None else self.last_us)

    def _raise_what_is_overdue(self, end_us: int) -> None:
        for name, contact in self.contacts.items():
            self._raise_before(contact, name, end_us)
        self.back_office.end(end_us)

    def _is_within(self, limit: str, taken_us: int, as_: Dimensions, at_us: int) -> bool:
        limit_us = self.rules.find(limit, as_, at_us).limit_us
        return limit_us is None or taken_us <= limit_us

    def _count_event(self, row: Row, as_: Dimensions) -> None:
        event, time_us = row.event, row.time_us
        if row.kind in COUNTED:
            self._count(COUNTED[row.kind], as_, time_us)
        if row.kind == "message.customer" and event.get("negative") is not None:
            self._count("judged_messages", as_, time_us)
            self._count("negative_messages", as_, time_us, int(event["negative"]))
        if row.kind == "contact.closed":
            self._count("closed", as_, time_us)
            if event.get("resolved") is False:
                self._count("unresolved", as_, time_us)
        if row.kind == "contact.rated" and event.get("csat") is not None:
            self._count("csat_count", as_, time_us)
            self._count("csat_sum", as_, time_us, event["csat"])
            self._count("csat_good", as_, time_us, int(event["csat"] >= 4))
            self._count("rated_low", as_, time_us, int(event["csat"] <= 3))
        if row.kind == "contact.rated" and event.get("nps") is not None:
            self._count("nps_count", as_, time_us)
            self._count("nps_promoters", as_, time_us, int(event["nps"] >= 9))
            self._count("nps_detractors", as_, time_us, int(event["nps"] <= 6))

    # Agents.

    def _hold(self, agent: str, row: Row, delta: int) -> None:
        if agent:
            person = self.people.setdefault(agent, Person())
            before, said = person.levels(), person.said
            person.load += delta
            self._moved(person, before, said, row)

    def _report(self, row: Row) -> None:
        person = self.people.setdefault(row.event["agent"], Person())
        if row.late and row.time_us < person.since_us:
            self.illegal["out_of_order_agent"] += 1
            return
        before, said = person.levels(), person.said
        person.state, person.since_us = row.event["state"], row.time_us
        person.said = _after(said, row.event)
        self._moved(person, before, said, row)

    def _moved(self, person: Person, before: Counter[str], said: Dimensions, row: Row) -> None:
        after = person.levels()
        for level in LEVELS:
            if person.said != said or before[level] != after[level]:
                self._level(level, said, row, -before[level], person.said, after[level])

    def _level(self, level: str, was_as: Dimensions, row: Row, less: int, is_as: Dimensions, more: int) -> None:
        if was_as == is_as:
            self._change(level, is_as, row, more + less)
        else:
            for as_, delta in ((was_as, less), (is_as, more)):
                if delta:
                    self._change(level, as_, row, delta)

    # What is said of a span of time.

    def span(self, dimensions: tuple[str, ...], start_us: int, end_us: int) -> dict[tuple[str, ...], Span]:
        """Figures of [start, end), which is made of whole panes, for every group of which anything is known."""
        columns = [DIMENSIONS.index(name) for name in dimensions]

        def group(as_: Dimensions) -> tuple[str, ...]:
            return tuple(as_[column] for column in columns)

        spans: dict[tuple[str, ...], Span] = defaultdict(Span)
        for name, as_, time_us, amount in self.amounts:
            if start_us <= time_us < end_us:
                spans[group(as_)].sums[name] += amount
        for measure, as_, time_us, value_us in self.samples:
            if start_us <= time_us < end_us:
                spans[group(as_)].durations_us[measure].append(value_us)
        for as_, time_us, wait_us in self.longest:
            if start_us <= time_us < end_us:
                span = spans[group(as_)]
                span.longest_us = max(span.longest_us, wait_us)
        by_level: dict[tuple[tuple[str, ...], str], list[Change]] = defaultdict(list)
        for change in self.changes:
            if change.time_us < end_us:
                by_level[group(change.as_), change.level].append(change)
        for (values, level), changes in by_level.items():
            span = spans[values]
            inside = [change for change in changes if change.time_us >= start_us]
            if inside:
                span.sums[f"{level}_net"] = sum(change.delta for change in inside)
            span.sums[f"{level}_area_us"] = sum(
                change.delta * (end_us - max(change.time_us, start_us)) for change in changes
            )
        for (values, level), changes in by_level.items():
            if level in PEAKS:
                spans[values].peaks[level] = self._peak(changes, start_us, end_us)
        return dict(spans)

    def _peak(self, changes: list[Change], start_us: int, end_us: int) -> int:
        pane_us = self.rules.pane_us
        height = sum(change.delta for change in changes if change.time_us < start_us)
        peaks = []
        for pane_start_us in range(start_us, end_us, pane_us):
            inside = [change for change in changes if pane_start_us <= change.time_us < pane_start_us + pane_us]
            peaks.append(height + _peak_in_pane(inside, pane_start_us))
            height += sum(change.delta for change in inside)
        return max(peaks)


def _peak_in_pane(changes: list[Change], start_us: int) -> int:
    """The highest level that held, as it became known: on-time changes of one instant together, late ones one by one."""
    level, peak = 0, None if changes and changes[0].time_us == start_us else 0
    for number, change in enumerate(changes):
        level += change.delta
        settled = number + 1 == len(changes) or changes[number + 1].step != change.step
        if settled:
            peak = level if peak is None else max(peak, level)
    return 0 if peak is None else peak


def peak_of_levels(changes: Iterable[Change], start_us: int, end_us: int) -> int:
    """The highest level that held for some time in [start, end), in hindsight: what it is where nothing came late."""
    steps: Counter[int] = Counter()
    for change in changes:
        if change.time_us < end_us:
            steps[max(change.time_us, start_us)] += change.delta
    steps[start_us] += 0
    level, peak = 0, NEVER_US
    for instant_us in sorted(steps):
        level += steps[instant_us]
        peak = max(peak, level)
    return peak


def _after(said: Dimensions, event: Mapping[str, Any]) -> Dimensions:
    """What holds of the dimensions once this event has spoken."""
    return tuple(event.get(name, before) for name, before in zip(DIMENSIONS, said, strict=True))


def _open_for(hours: tuple[tuple[int, int], ...], since_us: int, budget_us: int) -> int:
    """When these minutes of each day have been open for so long."""
    if not hours:
        return since_us + budget_us
    day_us = since_us // DAY_US * DAY_US - DAY_US
    while True:
        for start, end in hours:
            opens_us, closes_us = max(since_us, day_us + start * MINUTE_US), day_us + end * MINUTE_US
            if closes_us > opens_us:
                if budget_us <= closes_us - opens_us:
                    return opens_us + budget_us
                budget_us -= closes_us - opens_us
        day_us += DAY_US


def _open_between(hours: tuple[tuple[int, int], ...], start_us: int, end_us: int) -> int:
    """How long these minutes of each day were open between two instants."""
    if not hours:
        return end_us - start_us
    days_us = range(start_us // DAY_US * DAY_US, end_us + 1, DAY_US)
    spans = [(day_us + opens * MINUTE_US, day_us + closes * MINUTE_US) for day_us in days_us for opens, closes in hours]
    return sum(max(0, min(end_us, closes_us) - max(start_us, opens_us)) for opens_us, closes_us in spans)


def _cohort(contact: Contact) -> Dimensions:
    return contact.said if contact.counts_as is None else contact.counts_as


def _next_phase(kind: str, phase: str) -> str | None:
    """Where a contact goes, or None where the event is illegal."""
    if kind in ("contact.invited", "contact.rated"):
        return phase
    if kind in ("contact.pending", "contact.unpending"):
        return phase if phase in LIVE else None
    if kind in MESSAGES:
        return OPEN if phase == UNKNOWN else phase if phase in LIVE else None
    if kind == "contact.opened":
        return OPEN if phase == UNKNOWN else None
    if kind == "contact.reopened":
        return OPEN if phase in (UNKNOWN, *ENDED) else None
    if kind == "contact.queued":
        if phase in ENDED:
            return None
        return REWAITING if phase in WITH_PERSON else WAITING
    if kind == "contact.announced":
        return phase if phase in IN_QUEUE else None
    if kind == "contact.answered":
        return None if phase in (SERVED, HELD, *ENDED) else SERVED
    if kind == "contact.abandoned":
        return None if phase in (SERVED, HELD, *ENDED) else ABANDONED
    if kind == "contact.left_queue":
        return {WAITING: OPEN, REWAITING: HANDED}.get(phase)
    if kind == "contact.transferred":
        if phase in ENDED:
            return None
        return OPEN if phase == UNKNOWN else HANDED if phase in (SERVED, HELD) else phase
    if kind == "contact.held":
        return HELD if phase == SERVED else None
    if kind == "contact.resumed":
        return SERVED if phase == HELD else None
    if kind == "contact.closed":
        return CLOSED if phase in (*LIVE, ABANDONED) else None
    raise ValueError(kind)


def _why_illegal(kind: str, phase: str) -> str:
    by_phase = {UNKNOWN: "unknown_contact", ABANDONED: "already_abandoned", CLOSED: "already_closed"}
    by_kind = {
        "contact.opened": "already_open", "contact.answered": "already_answered",
        "contact.abandoned": "already_answered", "contact.left_queue": "not_waiting",
        "contact.announced": "not_waiting", "contact.held": "not_in_service", "contact.resumed": "not_held",
        "contact.reopened": "not_closed",
    }  # fmt: skip
    return by_phase.get(phase) or by_kind[kind]


def _next_outcome(kind: str, before: str, outcome: str) -> str:
    """How the attempt to reach a person ended: an answer or an abandonment is final, leaving a queue is not."""
    if outcome in ("answered", "abandoned"):
        return outcome
    if kind == "contact.answered":
        return "answered"
    if kind == "contact.abandoned":
        return "abandoned"
    if before == WAITING and kind in ("contact.left_queue", "contact.closed"):
        return "left"
    if kind == "contact.closed" and outcome == "none":
        return "unanswered"
    if kind == "contact.reopened" and outcome == "unanswered":
        return "none"
    return outcome
