"""The oracle of response measures: every wait of every contact by itself, found by reading its life from beginning to end.

Owns the meaning of a definition in lists and loops. It is told the definitions as settings and shares nothing else with `engine/`.
The days of its measures are those of UTC.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Step", "response_amounts"]

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
NEVER_US = -(2**62)
LEFT_OUT, AS_ELAPSED = -2, -1
DIMENSIONS = ("queue", "channel", "tenant", "region", "tier", "partner", "party", "category")
ENDED = ("abandoned", "closed")
ASKED = ("waiting", "served", "held", "handed", "rewaiting")
WRITER = {"message.agent": "human", "message.bot": "bot", "message.automatic": "automatic"}

Dimensions = tuple[str, ...]
Amount = tuple[str, Dimensions, int, int]


@dataclass(frozen=True)
class Step:
    """A legal event of a known contact: the contact's phases before and after, and its dimensions after."""

    contact: Any
    row: Any
    was: str
    is_: str
    said: Dimensions


@dataclass
class Wait:
    """One wait: the step that began it, and when and how it ended; `end_us` None while it runs."""

    step: Step
    customer: str
    left: bool
    end_us: int | None = None
    answered: bool = False
    said_at_end: Dimensions = ()
    dropped: bool = False

    @property
    def since_us(self) -> int:
        time_us: int = self.step.row.time_us
        return time_us


@dataclass
class Session:
    """What counts as one contact: its waits, oldest first."""

    waits: list[Wait] = field(default_factory=list)


def response_amounts(steps: Iterable[Step], rules: Any, end_us: int) -> list[Amount]:
    """What all measures count, as (field, dimensions, instant, amount)."""
    lives: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        lives[id(step.contact)].append(step)
    amounts: list[Amount] = []
    for measure in rules.measures:
        sessions = [session for life in lives.values() for session in _sessions(measure, life, rules, end_us)]
        for name, *rest in _counted(measure, sessions, rules, end_us):
            amounts.append((f"responses.{measure.name}.{name}", *rest))
    return amounts


def _sessions(measure: Any, life: list[Step], rules: Any, end_us: int) -> list[Session]:
    """The waits of one contact. A contact reopened after a long pause counts anew."""
    session = Session()
    sessions = [session]
    has_begun = was_replied = is_owed = has_bot = False
    customer, said_before, ended_us = "", life[0].said, NEVER_US
    for step in life:
        row, kind, time_us = step.row, step.row.kind, step.row.time_us
        is_first = step is life[0]
        for wait in _running(session):
            _end_by_day(measure, wait, time_us, row.rank_us, said_before, rules)
        customer = row.event.get("customer") or customer
        said_before = step.said
        if step.was in ENDED and step.is_ not in ENDED and time_us - ended_us >= measure.again_us:
            for wait in _running(session):
                wait.dropped = True
            session = Session()
            sessions.append(session)
            has_begun = was_replied = False
            is_first = True
        replier = WRITER.get(kind)
        counts = kind == "contact.answered" if measure.stop == "answer" else replier in measure.by
        holds = _holds(measure, step.said)
        asked = step.is_ in ASKED

        # Does a wait begin?
        begins = False
        if is_first and holds and measure.start in ("opened", "handed"):
            begins = not (replier and counts)
            has_begun = True
        if kind == "message.customer" and holds:
            wanted = {
                "written": not has_begun,
                "unanswered": measure.unit == "message" or not _running(session),
                "further": was_replied and (measure.unit == "message" or not _running(session)),
            }.get(measure.start, False)
            if wanted and measure.asked and not asked:
                is_owed = True
            else:
                begins = begins or wanted
        elif asked and is_owed:
            begins, is_owed = True, False
        if holds and not has_begun and kind == f"contact.{measure.start}" and measure.start in ("queued", "answered"):
            begins = True
        if kind == "message.bot":
            has_bot = True
        if step.was == "open" and asked and has_bot:
            has_bot = False
            if measure.start == "handed" and _running(session):
                for wait in _running(session):
                    wait.dropped = True
                begins = True
        if begins:
            has_begun = True
            minutes = rules.hours.get(measure.hours, ())
            left = measure.judged_by == "start" and not _open(minutes, time_us, time_us + 1)
            if not (left and measure.unit == "message"):
                session.waits.append(Wait(step, customer or f"contact {row.event['contact']}", left))

        # Does one end?
        for wait in _running(session):
            if counts:
                _end(wait, time_us, True, step.said)
            elif (step.is_ in ENDED and step.was not in ENDED) or (
                measure.by_agent and kind == "contact.transferred" and step.was in ("served", "held")
            ):
                _end(wait, time_us, False, step.said)
            elif replier in measure.aside and step.was in ("unknown", "open"):
                wait.dropped = True
        if counts:
            is_owed = False
            was_replied = was_replied or measure.stop == "reply"
        if step.is_ in ENDED and step.was not in ENDED:
            is_owed, ended_us = False, time_us
    for wait in _running(session):
        _end_by_day(measure, wait, NEVER_US, end_us, said_before, rules)
    return sessions


def _running(session: Session) -> list[Wait]:
    return [wait for wait in session.waits if wait.end_us is None and not wait.dropped]


def _end(wait: Wait, time_us: int, answered: bool, said: Dimensions) -> None:
    wait.end_us, wait.answered, wait.said_at_end = time_us, answered, said


def _end_by_day(measure: Any, wait: Wait, time_us: int, rank_us: int, said: Dimensions, rules: Any) -> None:
    day_end_us = wait.since_us // DAY_US * DAY_US + DAY_US
    if measure.by_day and (time_us >= day_end_us or rank_us >= day_end_us + rules.lateness_us):
        _end(wait, day_end_us, False, said)


def _counted(measure: Any, sessions: list[Session], rules: Any, end_us: int) -> list[Amount]:
    """The units of a measure, and what each counts for."""
    if measure.unit == "customer":
        days: Mapping[Any, list[Wait]] = defaultdict(list)
        for session in sessions:
            for wait in _valid(session):
                tenant = wait.step.said[DIMENSIONS.index("tenant")]
                days[wait.customer, tenant, wait.since_us // DAY_US].append(wait)
        return [
            amount for waits in days.values() for amount in _unit(measure, sorted(waits, key=_place), rules, end_us)
        ]
    if measure.unit == "contact" and measure.start == "unanswered":
        return [amount for session in sessions for amount in _unit(measure, _valid(session), rules, end_us)]
    amounts: list[Amount] = []
    for wait in (wait for session in sessions for wait in _valid(session)):
        if not wait.dropped and wait.end_us is not None and (wait.answered or measure.unanswered_us != LEFT_OUT):
            amounts.append(("count", wait.said_at_end, wait.since_us, 1))
            in_target = int(not _is_missed(measure, wait, rules, end_us))
            amounts.append(("in_target", wait.said_at_end, wait.since_us, in_target))
            amounts.append(("us", wait.said_at_end, wait.since_us, _waited_us(measure, wait, rules)))
    return amounts


def _valid(session: Session) -> list[Wait]:
    return [wait for wait in session.waits if not wait.left]


def _place(wait: Wait) -> tuple[Any, ...]:
    """In the order of processing; of several contacts at one instant the first by its values."""
    row = wait.step.row
    return (row.rank_us, 0, row.arrival) if row.late else (row.rank_us, 1, wait.step.said)


def _unit(measure: Any, waits: list[Wait], rules: Any, end_us: int) -> list[Amount]:
    """One unit that is in target while every wait is; it counts where its first one began."""
    if not waits:
        return []
    where = waits[0].step.said, waits[0].since_us
    missed = any(_is_missed(measure, wait, rules, end_us) for wait in waits if not wait.dropped)
    waited_us = sum(_waited_us(measure, wait, rules) for wait in waits if wait.end_us is not None)
    return [("count", *where, 1), ("in_target", *where, int(not missed)), ("us", *where, waited_us)]


def _is_missed(measure: Any, wait: Wait, rules: Any, end_us: int) -> bool:
    taken_us = _taken_us(measure, wait.since_us, end_us if wait.end_us is None else wait.end_us, rules)
    is_left = wait.end_us is not None and not wait.answered and measure.unanswered_us != LEFT_OUT
    return is_left or taken_us > measure.within_us


def _waited_us(measure: Any, wait: Wait, rules: Any) -> int:
    assert wait.end_us is not None
    taken_us = _taken_us(measure, wait.since_us, wait.end_us, rules)
    if not wait.answered and measure.unanswered_us > 0:
        taken_us = measure.unanswered_us
    return int(min(taken_us, measure.cap_us))


def _taken_us(measure: Any, start_us: int, end_us: int, rules: Any) -> int:
    if measure.judged_by == "elapsed":
        return _open(rules.hours[measure.hours], start_us, end_us)
    return end_us - start_us


def _open(minutes: tuple[tuple[int, int], ...], start_us: int, end_us: int) -> int:
    """How long these minutes of each day were open between two instants; no minutes are all."""
    if not minutes:
        return end_us - start_us
    total_us = 0
    for day_us in range(start_us // DAY_US * DAY_US, end_us + 1, DAY_US):
        for first, last in minutes:
            total_us += max(0, min(end_us, day_us + last * MINUTE_US) - max(start_us, day_us + first * MINUTE_US))
    return total_us


def _holds(measure: Any, said: Dimensions) -> bool:
    known = dict(zip(DIMENSIONS, said, strict=True))
    return all(known[name] in values for name, values in measure.when.items()) and not any(
        known[name] in values for name, values in measure.unless.items()
    )
