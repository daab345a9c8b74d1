"""Histories of small centres, drawn by hypothesis, and how they are delivered.

Owns what may happen (lives of contacts, legal and illegal, and agents' reports, with ties at one instant on purpose) and how
it may come in (shuffled within the disorder bound, late, twice, from several sources). Never judges a figure. What it draws is
a script for the oracle and the engine alike.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from engine.hours import Hours
from engine.pipeline import Settings
from engine.policy import CLOCKS, COUNTS, DUE_US, NO_LIMIT_US, Grade, Line, Period, Policy
from engine.windows import Spec
from tests.reference import Adopt, Advance, Arrival, End, Rule, Rules

__all__ = [
    "RULES", "SETTINGS", "Happening", "centres", "deliveries", "disordered", "doubled", "in_order", "line", "policy_of", "scripts",
    "several_sources",
]  # fmt: skip

MS = 1_000
S = 1_000_000
#: Limit, seconds or None for none, thousandths at which it is warned of, and for whom.
PROMISES: tuple[tuple[str, int | None, int, dict[str, tuple[str, ...]]], ...] = (
    ("target", 4, 0, {}), ("target", 2, 0, {"channel": ("phone",)}), ("target", 1, 0, {"period": ("sale",)}),
    ("short", 1, 0, {}),
    ("wait", 30, 800, {}), ("wait", 5, 0, {"channel": ("phone",)}), ("wait", None, 0, {"queue": ("returns",)}),
    ("wait", 4, 500, {"tier": ("vip",), "period": ("sale",)}),
    ("first_reply", 5, 400, {}), ("first_reply", 2, 500, {"channel": ("app", "wechat")}),
    ("first_human_reply", 21, 0, {}), ("first_human_reply", 5, 800, {"channel": ("app",)}),
    ("next_reply", 5, 600, {"tenant": ("shop-a", "")}), ("next_reply", 2, 0, {"queue": ("sales",)}),
    ("announcement", 2, 500, {"channel": ("phone",)}),
    ("benchmark", 4, 0, {}), ("benchmark", 2, 0, {"queue": ("sales",)}),
    ("case_respond", 4, 500, {}), ("case_respond", 20, 800, {"kind": ("complaint",)}), ("case_respond", 2, 0, {"priority": ("high",)}),
    ("case_respond", 21, 0, {"period": ("sale",)}), ("case_resolve", 60, 500, {}), ("case_resolve", 21, 0, {"grade": ("major",)}),
    ("case_report", 2, 500, {"kind": ("outage",)}), ("case_verify", 5, 0, {}), ("case_inform", 21, 800, {}),
    ("case_follow_up", 5, 0, {"kind": ("complaint",)}), ("case_review", 60, 0, {"grade": ("major", "extraordinary")}),
    ("case_progress", 20, 500, {"kind": ("joint",)}), ("case_progress", 5, 0, {"kind": ("joint",), "department": ("b",)}),
    ("promise", 1, 800, {}), ("promise", None, 0, {"tier": ("vip",)}), ("coaching", 60, 500, {}),
    ("coaching", 21, 0, {"kind": ("critical",)}), ("call_back", 21, 500, {}), ("call_back", None, 0, {"queue": ("returns",)}),
)  # fmt: skip
#: Clocks of a tier run by these minutes of the UTC day only, some of which lie in the histories.
OFFICE = ((0, 1), (2, 4), (1334, 1335), (1336, 1337), (1338, 1440))
IN_HOURS = (
    ("wait", 20, 500),
    ("first_reply", 15, 0),
    ("first_human_reply", 61, 800),
    ("announcement", 15, 0),
    ("automatic_reply", 5, 500),
    ("case_resolve", 15, 500),
)
#: Grades to which cases rise: for whom, and after how many seconds.
GRADES: tuple[tuple[str, dict[str, tuple[str, ...]], int], ...] = (
    ("major", {"kind": ("outage",)}, 20), ("major", {"queue": ("sales",)}, 5), ("extraordinary", {"priority": ("urgent",)}, 0),
    ("extraordinary", {"kind": ("outage", "joint"), "department": ("b",)}, 60),
)  # fmt: skip
#: How often something may happen to a contact.
NUMBERS: tuple[tuple[str, int, dict[str, tuple[str, ...]]], ...] = (
    ("transfers", 2, {}), ("transfers", 1, {"tier": ("vip",)}), ("unresolved", 1, {}), ("unresolved", 2, {"queue": ("sales",)}),
    ("repeats", 2, {}), ("repeats", 3, {"queue": ("sales",)}), ("failed_checks", 2, {}), ("failed_checks", 1, {"tenant": ("shop-a",)}), ("misses", 2, {}), ("misses", 1, {"tenant": ("shop-a", "")}),
)  # fmt: skip
#: Clocks that stand still while a contact is pending.
PAUSING = ("wait", "first_human_reply", "next_reply")
SALE_US = ((-30 * S, 5 * S), (1_700_000_002 * S, 1_700_000_030 * S))
POLICY = Policy(
    tuple(
        Line(limit, NO_LIMIT_US if limit_s is None else DUE_US if limit == "promise" else limit_s * S,
             {name: frozenset(values) for name, values in when.items()}, permille, pauses=limit in PAUSING)
        for limit, limit_s, permille, when in PROMISES
    ) + tuple(
        Line(limit, limit_s * S, {"tier": frozenset(("ka",))}, permille, "office", limit in PAUSING)
        for limit, limit_s, permille in IN_HOURS
    ) + tuple(
        Line(limit, number, {name: frozenset(values) for name, values in when.items()}, 0) for limit, number, when in NUMBERS
    ),
    tuple(Period("sale", start_us, end_us) for start_us, end_us in SALE_US),
    {"office": Hours(week=(OFFICE,) * 7)},
    grades=tuple(
        Grade(grade, {name: frozenset(values) for name, values in when.items()}, after_s * S) for grade, when, after_s in GRADES
    ),
)  # fmt: skip
SETTINGS = Settings(
    rollups=((), ("queue",), ("tenant", "channel")),
    windows=(Spec(60 * S, 20 * S),),
    policy=POLICY,
    disorder_bound_us=10 * S,
    allowed_lateness_us=30 * S,
    linger_us=60 * S,
)
RULES = Rules(
    pane_us=20 * S,
    bound_us=SETTINGS.disorder_bound_us,
    lateness_us=SETTINGS.allowed_lateness_us,
    linger_us=SETTINGS.linger_us,
    lines=tuple(
        Rule(limit, None if limit_s is None else limit_s * S, when, permille, pauses=limit in PAUSING)
        for limit, limit_s, permille, when in PROMISES
    )
    + tuple(
        Rule(limit, limit_s * S, {"tier": ("ka",)}, permille, OFFICE, limit in PAUSING)
        for limit, limit_s, permille in IN_HOURS
    )
    + tuple(Rule(limit, number, when) for limit, number, when in NUMBERS),
    periods=tuple(("sale", start_us, end_us) for start_us, end_us in SALE_US),
    grades=tuple((grade, when, after_s * S) for grade, when, after_s in GRADES),
)

#: Policies that may come after: limits shorter, longer, given where there was none and taken away; pausing, hours, sales turned
#: about; none at all; and the first one again.
ADOPTED = (
    Adopt(
        tuple(
            Rule(rule.limit, 3 * S if rule.limit_us is None else max(S, rule.limit_us // 3), rule.when, 900 - rule.permille,
                 pauses=rule.limit in CLOCKS and rule.limit not in PAUSING)
            if rule.limit not in COUNTS else Rule(rule.limit, max(1, 3 - (rule.limit_us or 0)), rule.when)
            for rule in RULES.lines if "period" not in rule.when and rule.limit != "automatic_reply"
        ),
        grades=(("major", {"kind": ("joint", "complaint")}, 3 * S), ("extraordinary", {}, 60 * S)),
    ),
    Adopt(
        (
            *(replace(rule, limit_us=rule.limit_us and 2 * rule.limit_us, hours=((0, 3), (5, 1439)) if rule.limit in CLOCKS else ())
              for rule in RULES.lines if rule.limit != "next_reply"),
            Rule("automatic_reply", S, {}, hours=((1, 2),)),
        ),
        (("sale", -60 * S, 20 * S), ("sale", 1_700_000_010 * S, 1_700_000_020 * S)),
    ),
    Adopt(()),
    Adopt(RULES.lines, RULES.periods, RULES.grades),
)  # fmt: skip

#: Where a history begins: on a pane's edge, within a pane, across 1970, and after it.
BEGINNINGS_US = (0, -65 * S, 1_700_000_000 * S, 1_700_000_007 * S + 250 * MS)
#: Between one event and the next: ties, the finest step, limits met and just missed, a pane, the linger time.
GAPS_US = (0, 0, 0, MS, S, 2 * S, 2 * S + MS, 4 * S, 5 * S, 5 * S + 1, 20 * S, 21 * S, 60 * S, 75 * S)
AGENTS = ("ann", "bo")
STATES = ("available", "busy", "wrapup", "break", "offline")
#: What an event may say of the dimensions; mostly nothing new.
SAIDS: tuple[Mapping[str, str], ...] = (
    {}, {}, {}, {"queue": "sales"}, {"queue": "returns"}, {"tenant": "shop-a", "channel": "phone"},
    {"tenant": "shop-b", "channel": "app", "queue": "sales"}, {"tier": "vip", "category": "refund"}, {"tier": "ka", "category": "refund"}, {"channel": "wechat"}, {"queue": ""},
)  # fmt: skip

_TALK = (
    "message.customer",
    "message.agent",
    "message.customer",
    "message.agent",
    "message.bot",
    "automatic",
    "contact.transferred",
    "contact.pending",
    "contact.unpending",
)
#: What commonly follows what; enough of the table of legal steps to draw lives from.
_FOLLOWS: dict[str, tuple[str, ...]] = {
    "unknown": ("contact.opened", "contact.queued", "contact.queued", "message.customer", "contact.answered", "contact.rated"),
    "open": ("contact.queued", "contact.queued", "contact.answered", "contact.abandoned", "contact.closed", "contact.pending", *_TALK),
    "waiting": ("contact.answered", "contact.answered", "contact.answered", "contact.abandoned", "contact.left_queue",
                "contact.queued", "contact.announced", "contact.closed", *_TALK),
    "served": ("contact.closed", "contact.closed", "contact.held", "contact.queued", "message.agent", "contact.invited", *_TALK),
    "held": ("contact.resumed", "contact.queued", "contact.closed", *_TALK),
    "handed": ("contact.queued", "contact.answered", "contact.abandoned", "contact.closed", *_TALK),
    "ended": ("contact.reopened", "contact.rated", "contact.invited", "contact.rated"),
}  # fmt: skip
_LEADS = {
    "contact.opened": "open", "contact.reopened": "open", "contact.answered": "served", "contact.resumed": "served",
    "contact.held": "held", "contact.abandoned": "ended", "contact.closed": "ended",
}  # fmt: skip
_CHOICES = 60
_ANY = tuple(sorted({kind for kinds in _FOLLOWS.values() for kind in kinds} | {"contact.unpending"}))


@dataclass(frozen=True)
class Happening:
    """One event at its true instant."""

    time_us: int
    event: Mapping[str, Any]


def _follow(phase: str, kind: str) -> str:
    if kind == "contact.queued":
        return "waiting"
    if kind == "contact.left_queue":
        return "open"
    if kind == "contact.transferred":
        return {"unknown": "open", "served": "handed", "held": "handed"}.get(phase, phase)
    if phase == "unknown" and kind.startswith(("message.", "automatic")):
        return "open"
    return _LEADS.get(kind, phase)


#: One number a step, since drawing is most of what a test costs: which gap, which event, what it says, which agent.
_step = st.integers(0, len(GAPS_US) * _CHOICES * len(SAIDS) * 3 - 1)
_life = st.lists(_step, min_size=1, max_size=8)
_reports = st.lists(st.integers(0, len(GAPS_US) * len(STATES) * len(SAIDS) * 2 * 4 - 1), max_size=6)
_doubles = st.lists(st.integers(0, 9_999), max_size=5)
_others = st.lists(st.integers(0, len(GAPS_US) * len(SAIDS) * 2 - 1), max_size=2)
#: What happens besides contacts, mostly in order; of the same two of everything, so that it meets.
_WORK = {
    "unknown": ("case.opened",),
    "open": ("case.handed_over", "case.reported", "case.verified", "case.responded", "case.progressed", "case.progressed",
             "case.resolved", "case.resolved"),
    "resolved": ("case.informed", "case.followed_up", "case.reviewed", "case.handed_over"),
    "promised": ("promise.made", "promise.kept", "promise.made", "promise.kept"),
    "checked": ("quality.scored", "quality.scored", "quality.scored", "coaching.held"),
}  # fmt: skip
_ANY_WORK = tuple(sorted({kind for kinds in _WORK.values() for kind in kinds}))
_WORDS = 5 * 4 * 5 * 3
_WORK_SIZE = len(GAPS_US) * 240 * 2 * len(SAIDS) * _WORDS
_work = st.lists(st.integers(0, _WORK_SIZE - 1), max_size=14)
_adoptions = st.lists(st.integers(0, len(ADOPTED) * 100 - 1), max_size=2)


def _split(number: int, *sizes: int) -> list[int]:
    """Digits of a number, lowest first, one below each size."""
    digits = []
    for size in sizes:
        number, digit = divmod(number, size)
        digits.append(digit)
    return digits


@st.composite
def centres(
    draw: st.DrawFn, *, legal: bool = True, contacts_max: int = 5, reports: bool = True, customers: bool = True
) -> list[Happening]:
    """A small centre's day in the order of time; ids are unique, one in eight events has none. Illegal ones mix anything."""
    begin_us = draw(st.sampled_from(BEGINNINGS_US))
    happenings: list[tuple[int, dict[str, Any]]] = []
    for number, steps in enumerate(draw(st.lists(_life, min_size=1, max_size=contacts_max))):
        happenings += _contact(f"c{number}", begin_us, steps, legal, customers)
    if reports:
        happenings += _reported(begin_us, draw(_reports))
        happenings += _worked(begin_us, draw(_work))
    happenings += _besides(begin_us, draw(_others))
    happenings.sort(key=lambda happening: happening[0])
    return [
        Happening(time_us, event if number % 8 == 7 else {"id": f"e{number}", **event})
        for number, (time_us, event) in enumerate(happenings)
    ]


def _contact(
    name: str, now_us: int, steps: Sequence[int], legal: bool, customers: bool
) -> list[tuple[int, dict[str, Any]]]:
    events = []
    phase = "unknown"
    for step in steps:
        gap, choice, said, who = _split(step, len(GAPS_US), _CHOICES, len(SAIDS), 3)
        kinds = _FOLLOWS[phase] if legal or choice % 3 else _ANY
        kind = kinds[choice % len(kinds)]
        phase = _follow(phase, kind)
        event: dict[str, Any] = {"type": kind, "contact": name, **SAIDS[said]}
        if customers and choice % 2:
            event["customer"] = "one" if name in ("c0", "c2", "c3") else name
        if kind == "automatic":
            event.update(type="message.agent", automatic=True)
        if who and kind in ("contact.answered", "message.agent", "contact.transferred"):
            event["agent"] = AGENTS[who - 1]
        if kind == "contact.closed" and choice % 4:
            event["resolved"] = choice % 4 == 1
        if kind == "message.customer" and choice % 4 == 1:
            event["negative"] = choice % 8 == 1
        if kind == "contact.rated":
            event.update(
                {} if choice % 5 == 0 else {"csat": 1 + choice % 5}, **({"nps": choice % 11} if choice % 2 else {})
            )
        now_us += GAPS_US[gap]
        events.append((now_us, event))
    return events


def _reported(now_us: int, reports: Sequence[int]) -> list[tuple[int, dict[str, Any]]]:
    events = []
    for report in reports:
        gap, state, said, who, slots = _split(report, len(GAPS_US), len(STATES), len(SAIDS), 2, 4)
        slotted = {"slots": slots} if slots else {}
        now_us += GAPS_US[gap]
        event = {"type": "agent.state", "agent": AGENTS[who], "state": STATES[state], **slotted, **SAIDS[said]}
        events.append((now_us, event))
    return events


def _worked(now_us: int, steps: Sequence[int]) -> list[tuple[int, dict[str, Any]]]:
    events = []
    phases = ["unknown", "unknown"]
    for step in steps:
        # Spread out: small numbers, which are drawn most, would always say the same.
        gap, what, which, said, kind, department, priority, rest = _split(
            step * 2_654_435_761 % _WORK_SIZE, len(GAPS_US), 240, 2, len(SAIDS), 5, 4, 5, 3
        )
        now_us += GAPS_US[gap]
        about = ("promised", "checked", phases[which], phases[which], phases[which])[what % 5]
        kinds = _WORK[about] if what // 5 % 6 else _ANY_WORK
        event: dict[str, Any] = {"type": kinds[what // 5 % len(kinds)], **SAIDS[said]}
        if phases[which] == "open" or event["type"] == "case.opened":
            phases[which] = "resolved" if event["type"] == "case.resolved" else "open"
        if event["type"].startswith("case."):
            told = {
                "kind": (None, "complaint", "outage", "joint", "media")[kind], "department": (None, "a", "b", "")[department],
                "priority": (None, None, "high", "urgent", 3)[priority], "owner": (None, "o1", None)[rest],
                "contact": (None, None, "c0")[rest],
            }  # fmt: skip
            event["case"] = f"k{which}"
        elif event["type"].startswith("promise."):
            due_us = now_us + (0, 2 * S, 20 * S, 61 * S, -S)[kind]
            told = {
                "due": due_us // MS,
                "agent": (None, *AGENTS)[rest],
                "contact": (None, "c0", None, None)[department],
            }
            event["promise"] = f"p{which}"
        else:
            told = {"passed": (None, True, False, False, False)[kind], "critical_errors": (None, 0, 1, 2)[department]}
            told["other_errors"] = (None, 0, 1)[rest]
            event["agent"] = AGENTS[which]
        events.append((now_us, event | {name: value for name, value in told.items() if value is not None}))
    return events


def _besides(now_us: int, others: Sequence[int]) -> list[tuple[int, dict[str, Any]]]:
    kinds: tuple[dict[str, Any], ...] = (
        {"type": "source.heartbeat", "source": "x"}, {"type": "business.orders", "count": 3, "amount": 99.95},
    )  # fmt: skip
    events = []
    for other in others:
        gap, kind, said = _split(other, len(GAPS_US), len(kinds), len(SAIDS))
        now_us += GAPS_US[gap]
        events.append((now_us, {**kinds[kind], **SAIDS[said]}))
    return events


# How it comes in.


def in_order(happenings: Sequence[Happening], source: str = "s") -> list[Arrival]:
    """As it happened, from one source."""
    return [Arrival(source, happening.time_us, happening.event) for happening in happenings]


@st.composite
def disordered(draw: st.DrawFn, arrivals: Sequence[Arrival], *delays_us: int) -> list[Arrival]:
    """Each event comes in with one of these delays; with none given, with any up to the disorder bound."""
    delays_us = delays_us or (0, 0, MS, 3 * S, 10 * S - 1, 10 * S)
    number = draw(st.integers(0, len(delays_us) ** 7 - 1))
    chosen_us = [delays_us[digit] for digit in _split(number, *[len(delays_us)] * 7)]
    order = sorted(
        range(len(arrivals)), key=lambda number: arrivals[number].time_us + chosen_us[number % len(chosen_us)]
    )
    return [arrivals[number] for number in order]


@st.composite
def doubled(draw: st.DrawFn, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Some events with an id come in again, anywhere after the first time."""
    result = list(arrivals)
    numbers = [number for number, arrival in enumerate(arrivals) if "id" in arrival.event]
    if numbers:
        for double in draw(_doubles):
            which, after = _split(double, 100, 100)
            first = result.index(arrivals[numbers[which % len(numbers)]])
            result.insert(first + 1 + after % (len(result) - first), result[first])
    return result


@st.composite
def several_sources(draw: st.DrawFn, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """The same from up to three sources, a few events at a time, whomever they are about."""
    names = ["stu"[digit] for digit in _split(draw(st.integers(0, 3**7 - 1)), *[3] * 7)]
    return [replace(arrival, source=names[number // 5 % len(names)]) for number, arrival in enumerate(arrivals)]


#: Delays of which some make an event late, and some too late.
LATE_US = (0, 0, 0, 2 * S, 10 * S, 12 * S, 25 * S, 40 * S, 41 * S, 90 * S)


@st.composite
def deliveries(draw: st.DrawFn, *, legal: bool = True) -> list[Arrival]:
    """Any centre delivered in any way: late, doubled, from several sources."""
    arrivals = in_order(draw(centres(legal=legal)))
    arrivals = draw(disordered(arrivals, *LATE_US))
    arrivals = draw(doubled(arrivals))
    return draw(several_sources(arrivals))


def policy_of(
    lines: Sequence[Rule], periods: Sequence[tuple[str, int, int]] = (),
    grades: Sequence[tuple[str, Mapping[str, tuple[str, ...]], int]] = (),
) -> Policy:  # fmt: skip
    """The engine's policy of the oracle's lines, periods and grades."""
    hours = {repr(line.hours): Hours(week=(line.hours,) * 7) for line in lines if line.hours}
    return Policy(
        tuple(
            Line(line.limit, NO_LIMIT_US if line.limit_us is None else DUE_US if line.limit == "promise" else line.limit_us,
                 {name: frozenset(values) for name, values in line.when.items()}, line.permille,
                 repr(line.hours) if line.hours else "", line.pauses)
            for line in lines
        ),
        tuple(Period(*period) for period in periods),
        hours,
        grades=tuple(
            Grade(grade, {name: frozenset(values) for name, values in when.items()}, after_us)
            for grade, when, after_us in grades
        ),
    )  # fmt: skip


@st.composite
def scripts(draw: st.DrawFn, *, legal: bool = True) -> list[Arrival | Advance | End | Adopt]:
    """Deliveries with the clock pushing and policies coming in between, and sources that end."""
    arrivals = draw(deliveries(legal=legal))
    script: list[Arrival | Advance | End | Adopt] = list(arrivals)
    latest_us = max(arrival.time_us for arrival in arrivals)
    first_us = min(arrival.time_us for arrival in arrivals)
    for place, share in draw(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 12)), max_size=3)):
        now_us = first_us + (latest_us - first_us) * share // 10 - 8 * S
        script.insert(place % (len(script) + 1), Advance(now_us))
    for chosen in draw(_adoptions):
        which, place = _split(chosen, len(ADOPTED), 100)
        script.insert(place % (len(script) + 1), ADOPTED[which])
    if draw(st.booleans()):
        source = arrivals[0].source
        last = max(number for number, part in enumerate(script) if isinstance(part, Arrival) and part.source == source)
        script.insert(last + 1, End(source))
    return script


def line(arrival: Arrival) -> bytes:
    """The event as a line of the public format: whole milliseconds as a number, anything finer as a text with an offset."""
    time_us = arrival.time_us
    return json.dumps({"time": time_us // MS if time_us % MS == 0 else _text(time_us), **arrival.event}).encode()


def _text(time_us: int) -> str:
    zone = timezone(timedelta(hours=8, minutes=30))
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)).astimezone(zone).isoformat()
