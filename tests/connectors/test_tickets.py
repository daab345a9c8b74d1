"""Zammad, Zendesk and Twilio TaskRouter: stories told once, twice and in another order, and what each leaves out."""

from itertools import permutations
from typing import Any

import pytest

from streams.connectors.base import Connector
from streams.connectors.twilio import Twilio
from streams.connectors.zammad import Zammad
from streams.connectors.zendesk import Zendesk
from tests.connectors.samples import TASKS, TWILIO, ZAMMAD, ZENDESK, article, clock, comment, task, ticket, zen
from tests.connectors.telling import as_lines, events_of, figures, kinds, told

STORIES: dict[type[Connector], bytes] = {Zammad: as_lines(*ZAMMAD), Zendesk: as_lines(*ZENDESK), Twilio: TWILIO}


@pytest.mark.parametrize("kind", STORIES, ids=lambda kind: kind.name)
def test_a_story_told_twice_is_told_once(kind: type[Connector]) -> None:
    connector = kind()
    once = events_of(connector, STORIES[kind])
    again = events_of(connector, STORIES[kind])
    assert {event["id"] for event in again} <= {event["id"] for event in once}
    assert figures([*once, *again]) == figures(once)
    assert events_of(kind(), STORIES[kind]) == once


@pytest.mark.parametrize("kind", STORIES, ids=lambda kind: kind.name)
def test_neighbours_that_change_places_change_no_figure(kind: type[Connector]) -> None:
    lines = STORIES[kind].splitlines()
    expected = figures(events_of(kind(), b"\n".join(lines)))
    for place in range(len(lines) - 1):
        swapped = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
        found = figures(events_of(kind(), b"\n".join(swapped)))
        # What is told too late to count is counted as illegal, in the open.
        assert found | {"illegal": {}} == expected | {"illegal": {}}, lines[place]


def test_a_ticket_of_zammad_waits_is_answered_stands_still_and_ends() -> None:
    events = events_of(Zammad(), as_lines(*ZAMMAD))
    assert kinds(events) == [
        "contact.opened", "contact.queued", "message.customer", "contact.answered", "message.agent", "contact.pending", "message.customer",
        "contact.unpending", "message.agent", "contact.closed",
    ]  # fmt: skip
    found = figures(events)
    assert (found["wait_sum_s"], found["first_response_sum_s"], found["handle_sum_s"]) == (30.0, 30.0, 60.0)
    assert {event["queue"] for event in events} == {"Service Desk"}


def test_zammad_leaves_out_notes_and_what_has_not_changed() -> None:
    zammad = Zammad()
    events_of(zammad, as_lines(ZAMMAD[0]))
    records = told(
        zammad, as_lines(ticket("new", 5, article(9, 5, "Agent", internal=True)), ticket("new", 6), {"ticket": {}})
    )
    assert [record.reason for record in records] == ["private_note", "no_change", "missing_field"]


def test_a_ticket_of_zammad_that_is_reopened_waits_again_and_another_owner_is_a_transfer() -> None:
    zammad = Zammad()
    events_of(zammad, as_lines(*ZAMMAD))
    assert kinds(events_of(zammad, as_lines(ticket("open", 120)))) == ["contact.reopened", "contact.queued"]
    assert kinds(events_of(zammad, as_lines(ticket("open", 130, owner={"login": "ben"})))) == ["contact.answered"]
    assert kinds(events_of(zammad, as_lines(ticket("open", 140, owner={"login": "cleo"})))) == ["contact.transferred"]


def test_what_zammad_sends_by_itself_is_no_reply_of_a_person() -> None:
    events = events_of(Zammad(), as_lines(ticket("new", 0, article(1, 1, "System"))))
    assert events[-1]["automatic"] is True


def test_a_ticket_of_zendesk_is_answered_by_the_first_public_comment_of_staff() -> None:
    found = figures(events_of(Zendesk(own={"groups": {"9": "refunds"}}), as_lines(*ZENDESK)))
    assert (found["offered"], found["answered"], found["first_response_sum_s"], found["handled"]) == (1, 1, 30.0, 1)
    private = zen("ticket.comment_added", 5, comment("note", True) | {"comment": {"is_public": False}})
    assert told(Zendesk(), as_lines(private))[0].reason == "private_note"


def test_metric_events_of_zendesk_tell_the_clocks() -> None:
    def metric(number: int, name: str, kind: str, second: int, instance: int = 1) -> dict[str, Any]:
        return {
            "id": number,
            "ticket_id": 81,
            "metric": name,
            "instance_id": instance,
            "type": kind,
            "time": clock(second),
        }

    page = {
        "ticket_metric_events": [
            metric(1, "resolution_time", "activate", 0), metric(2, "reply_time", "activate", 0), metric(3, "reply_time", "fulfill", 45),
            metric(4, "requester_wait_time", "pause", 50), metric(5, "requester_wait_time", "activate", 60, 2), metric(6, "resolution_time", "fulfill", 90),
            metric(7, "reply_time", "apply_sla", 0), metric(8, "unheard_of", "activate", 0),
        ],
        "count": 8,
    }  # fmt: skip
    records = told(Zendesk(), as_lines(page))
    assert [record.reason for record in records] == [""] * 6 + ["no_meaning", "unknown_kind"]
    assert figures([event for record in records for event in record.events])["first_response_sum_s"] == 45.0


def test_a_task_of_twilio_is_a_contact_and_ends_once_whether_or_not_somebody_wraps_up() -> None:
    records = told(Twilio(), TWILIO)
    assert [record.reason or kinds(record.events)[0] for record in records] == [
        "contact.opened", "contact.queued", "no_meaning", "contact.answered", "contact.closed", "told_already", "agent.state",
    ]  # fmt: skip
    found = figures([event for record in records for event in record.events])
    assert (found["wait_sum_s"], found["handle_sum_s"]) == (8.0, 51.0)
    unwrapped = [fields for fields in TASKS if fields["EventType"] != "task.wrapup"]
    assert figures(events_of(Twilio(), as_lines(*unwrapped)))["handle_sum_s"] == 66.0


def test_a_task_that_is_canceled_was_given_up_unless_it_had_been_answered() -> None:
    gone = [*TASKS[:3], task("task.canceled", 7, TaskCanceledReason="hangup")]
    assert kinds(events_of(Twilio(), as_lines(*gone)))[-1] == "contact.abandoned"
    wrapping = [*TASKS[:4], task("task.canceled", 70, TaskCanceledReason="hangup")]
    assert kinds(events_of(Twilio(), as_lines(*wrapping)))[-1] == "contact.closed"


def test_callbacks_and_event_streams_name_an_event_alike() -> None:
    stream = [
        {"specversion": "1.0", "type": f"com.twilio.taskrouter.{fields['EventType']}", "id": "x", "data": {"payload": {
            "sid": fields["Sid"], "eventtype": fields["EventType"], "timestamp": "2026-01-01T00:00:09.000Z", "task_sid": "WT1",
            "task_queue_name": "sales", "task_channel_unique_name": "voice", "worker_name": "anna",
        }}} for fields in TASKS[3:4]
    ]  # fmt: skip
    assert events_of(Twilio(), as_lines(stream)) == events_of(Twilio(), as_lines(TASKS[3]))


@pytest.mark.parametrize(
    ("activity", "state"),
    [
        ("Available", "available"),
        ("Offline", "offline"),
        ("Lunch", "break"),
        ("Training room", "training"),
        ("Unavailable", "break"),
    ],
)
def test_a_workers_activity_is_a_state(activity: str, state: str) -> None:
    update = task("worker.activity.update", 5, WorkerName="anna", WorkerActivityName=activity)
    assert events_of(Twilio(), as_lines(update))[0]["state"] == state


def test_permuted_webhooks_of_zendesk_end_in_the_same_figures() -> None:
    expected = figures(events_of(Zendesk(), as_lines(*ZENDESK)))
    for order in list(permutations(ZENDESK))[::97]:
        assert figures(events_of(Zendesk(), as_lines(*order))) | {"illegal": {}} == expected | {"illegal": {}}
