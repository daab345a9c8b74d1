"""The simulated histories against an independent state machine written from the event contract alone.

Owns the machine. Never imports the model's inner parts. Law: every contact's history is legal line by line.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from streams.simulate import events, preset

Event = dict[str, Any]

# type → states in which it may come, and the state after it (empty: as before)
TABLE: dict[str, tuple[set[str], str]] = {
    "contact.opened": ({"none"}, "open"),
    "contact.queued": ({"open", "left", "handed"}, "waiting"),
    "contact.announced": ({"waiting"}, ""),
    "contact.answered": ({"open", "waiting", "handed"}, "served"),
    "contact.abandoned": ({"waiting"}, "gone"),
    "contact.left_queue": ({"waiting"}, "left"),
    "contact.transferred": ({"served"}, "handed"),
    "contact.held": ({"served"}, "held"),
    "contact.resumed": ({"held"}, "served"),
    "contact.pending": ({"served"}, "pending"),
    "contact.unpending": ({"pending"}, "served"),
    "contact.closed": ({"open", "served", "left"}, "closed"),
    "contact.reopened": ({"closed"}, "open"),
    "contact.invited": ({"served"}, ""),
    "contact.rated": ({"closed"}, ""),
    "message.customer": ({"open", "waiting", "served"}, ""),
    "message.bot": ({"open"}, ""),
    "message.agent": ({"open", "waiting", "served"}, ""),
}
SIDE = {"case.opened", "promise.made", "promise.kept", "quality.scored"}
OTHER = {"agent.state", "business.orders", "staffing.planned", "source.heartbeat", "coaching.held"}
CASE_STEPS = {"reported", "verified", "responded", "progressed", "resolved", "informed", "followed_up"}


def instant_ms(event: Event) -> int:
    """The event's time as milliseconds, from either of its two forms."""
    time = event["time"]
    if isinstance(time, int):
        return time
    moment = datetime.fromisoformat(time)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def history(name: str, agents: int, start: str, minutes: float, seed: int) -> list[Event]:
    """The run's events, parsed."""
    centre = preset(name, datetime.fromisoformat(start), agents=agents, duration_s=minutes * 60)
    return [json.loads(line) for line in events(centre, seed)]


@pytest.fixture(
    scope="module",
    params=[
        ("centre", 100, "2025-11-11T10:15:00+08:00", 30, 11),
        ("sale-peak", 50, "2025-11-11T20:00:00+08:00", 30, 12),
        ("small", 10, "2025-11-11T06:00:00+08:00", 720, 13),
    ],
    ids=["centre", "sale-peak", "small"],
)
def run(request: pytest.FixtureRequest) -> list[Event]:
    return history(*request.param)


def by_contact(run: list[Event]) -> Iterator[tuple[str, list[Event]]]:
    """Each contact with its events, in the order in which they came."""
    contacts: dict[str, list[Event]] = defaultdict(list)
    for event in run:
        if "contact" in event:
            contacts[event["contact"]].append(event)
    yield from contacts.items()


def test_every_contact_follows_the_transition_table(run: list[Event]) -> None:
    for contact, told in by_contact(run):
        state, invited = "none", False
        for event in told:
            kind = event["type"]
            if kind in SIDE:
                assert state != "none", (contact, kind)
                continue
            allowed, after = TABLE[kind]
            assert state in allowed, (contact, kind, state, [row["type"] for row in told])
            state = after or state
            invited |= kind == "contact.invited"
            assert invited or kind != "contact.rated", contact


def test_a_contact_speaks_at_most_once_a_millisecond_and_never_back_in_time(run: list[Event]) -> None:
    for contact, told in by_contact(run):
        instants = [instant_ms(event) for event in told]
        assert all(before < after for before, after in pairwise(instants)), contact


def test_lines_come_in_time_order_with_ids_of_their_own(run: list[Event]) -> None:
    instants = [instant_ms(event) for event in run]
    assert instants == sorted(instants)
    assert len({event["id"] for event in run}) == len(run)


def test_only_the_one_who_answered_speaks_as_a_person(run: list[Event]) -> None:
    for contact, told in by_contact(run):
        agent = None
        for event in told:
            kind = event["type"]
            if kind == "contact.answered":
                agent = event["agent"]
            elif kind in ("contact.transferred", "contact.closed"):
                agent = None
            elif kind == "message.agent" and not event.get("automatic"):
                assert event["agent"] == agent, contact


def test_no_agent_holds_more_contacts_than_slots_and_none_answers_off_duty(run: list[Event]) -> None:
    slots: dict[str, int] = {}
    state: dict[str, str] = {}
    held: dict[str, set[str]] = defaultdict(set)
    by: dict[str, str] = {}
    for event in run:
        kind, contact = event["type"], event.get("contact", "")
        if kind == "agent.state":
            slots[event["agent"]], state[event["agent"]] = event["slots"], event["state"]
            assert event["queue"] == event["queues"][0]
        elif kind == "contact.answered":
            agent = by[contact] = event["agent"]
            held[agent].add(contact)
            assert len(held[agent]) <= slots[agent], agent
            assert state[agent] in ("available", "busy"), (agent, state[agent])
        elif kind in ("contact.closed", "contact.transferred", "contact.pending") and contact in by:
            held[by.pop(contact)].discard(contact)


def test_an_agent_says_each_state_once_and_only_known_ones(run: list[Event]) -> None:
    said: dict[str, tuple[str, int]] = {}
    for event in run:
        if event["type"] == "agent.state":
            before, last_ms = said.get(event["agent"], ("offline", 0))
            assert event["state"] != before
            assert instant_ms(event) > last_ms
            assert event["state"] in {
                *("available", "busy", "wrapup", "break", "meeting", "training", "offline"),
            }
            said[event["agent"]] = (event["state"], instant_ms(event))


def test_waiting_callers_hear_an_announcement_every_fifteen_seconds_but_for_few(run: list[Event]) -> None:
    due = kept = 0
    for _, told in by_contact(run):
        heard_ms = 0
        for event in told:
            if event["type"] == "contact.queued" and event["channel"] == "phone":
                heard_ms = instant_ms(event)
            elif event["type"] == "contact.announced":
                due += 1
                kept += instant_ms(event) - heard_ms <= 15_000
                heard_ms = instant_ms(event)
    assert kept >= 0.9 * due


def test_cases_open_before_they_move_and_promises_are_made_before_they_are_kept(run: list[Event]) -> None:
    cases: set[str] = set()
    promises: dict[str, str] = {}
    for event in run:
        kind = event["type"]
        if kind == "case.opened":
            assert event["case"] not in cases
            assert {"kind", "owner", "department", "priority"} <= event.keys()
            cases.add(event["case"])
        elif kind.startswith("case."):
            assert event["case"] in cases
            assert kind[5:] in CASE_STEPS | {"reviewed", "handed_over"}
        elif kind == "promise.made":
            assert datetime.fromisoformat(event["due"]).timestamp() * 1000 > instant_ms(event)
            promises[event["promise"]] = event["contact"]
        elif kind == "promise.kept":
            assert promises[event["promise"]] == event["contact"]


def test_every_type_is_one_of_the_contract_and_the_numbers_lie_in_their_ranges(run: list[Event]) -> None:
    for event in run:
        kind = event["type"]
        assert kind in TABLE or kind in SIDE or kind in OTHER or kind.startswith("case."), kind
        if kind == "contact.rated":
            assert 1 <= event["csat"] <= 5
            assert 0 <= event.get("nps", 0) <= 10
        elif kind == "contact.left_queue":
            assert event["reason"] in {"overflow", "timeout", "callback", "withdrawn"}
        elif kind == "quality.scored":
            assert event["critical_errors"] >= 0
            assert event["other_errors"] >= 0
            assert isinstance(event["passed"], bool)


def test_a_busy_centre_shows_every_type_of_the_contract() -> None:
    centre = preset("centre", datetime.fromisoformat("2025-11-11T08:00:00+08:00"), agents=10, duration_s=60 * 3600)
    seen = {line.split(b'"type":"', 1)[1].split(b'"', 1)[0].decode() for line in events(centre, 3)}
    cases = {f"case.{step}" for step in CASE_STEPS | {"reviewed", "handed_over"}}
    assert seen == set(TABLE) | SIDE | OTHER | cases
