"""Chatwoot's webhooks: real samples and each trap of the format; twice and in any order they say the same."""

from itertools import permutations
from typing import Any

import pytest

from streams.connectors.chatwoot import Chatwoot
from tests.connectors.telling import as_lines, events_of, figures, kinds, told

T = 1_747_336_000


def conversation(**changed: Any) -> dict[str, Any]:
    return {
        "id": 10, "inbox_id": 1, "channel": "Channel::WebWidget", "status": "open", "created_at": T, "timestamp": T, "updated_at": T + 0.25,
        "meta": {"sender": {"id": 14, "name": "little-haze", "email": "jane@acme.example"}, "assignee": {"id": 1, "name": "John"}},
        "messages": [{"id": 120, "message_type": 3, "created_at": T, "content": "Get notified by email"}],
    } | changed  # fmt: skip


def happened(event: str, **changed: Any) -> dict[str, Any]:
    return conversation(event=event, **changed)


def message(number: int, second: int, kind: str = "incoming", **changed: Any) -> dict[str, Any]:
    at = f"2025-05-15T19:{6 + (40 + second) // 60:02}:{(40 + second) % 60:02}.000Z"
    sender = {"id": 5, "name": "John", "type": "user"} if kind == "outgoing" else {"id": 14, "type": "contact"}
    return {
        "event": "message_created", "id": number, "content": "hello", "created_at": at, "message_type": kind, "private": False,
        "content_type": "text", "sender": sender, "inbox": {"id": 1, "name": "Acme"}, "account": {"id": 1}, "conversation": conversation(),
    } | changed  # fmt: skip


def status(value: str, before: str, second: int) -> dict[str, Any]:
    changes = [{"status": {"previous_value": before, "current_value": value}}]
    return happened("conversation_status_changed", status=value, updated_at=T + second, changed_attributes=changes)


STORY = [
    happened("conversation_created"), message(1, 5), message(2, 25, "outgoing"), message(3, 40), message(4, 50, "outgoing"),
    status("resolved", "open", 60), status("open", "resolved", 90), message(5, 95, "outgoing"), status("resolved", "open", 120),
]  # fmt: skip


def test_the_documented_samples_give_the_events_that_they_mean() -> None:
    # Events, instants and traps of the samples in chatwoot/docs, webhook-events.md: resolved carries status open.
    samples = [
        happened("conversation_resolved", status="open", timestamp=1627063520, updated_at=None),
        happened("conversation_opened", status="pending", timestamp=1627063459, updated_at=None),
        happened("conversation_status_changed", timestamp=1627063369, updated_at=None),
        message(118, 0, created_at="2021-07-23T18:02:48.000Z", content="hi"),
        message(118, 0, event="message_updated", created_at="2021-07-23T18:02:48.000Z"),
    ]
    told_ = [(kinds(record.events), record.reason) for record in told(Chatwoot(), as_lines(*samples))]
    assert told_ == [
        (["contact.closed"], ""), (["contact.queued"], ""), (["contact.queued"], ""), (["message.customer"], ""), ([], "no_change"),
    ]  # fmt: skip
    customer = events_of(Chatwoot(), as_lines(samples[3]))[0]
    assert customer == {
        "type": "message.customer", "time": 1627063368000, "id": "1-10/message.customer/118", "contact": "1-10", "queue": "inbox-1",
        "channel": "web", "customer": "chatwoot-14", "text": "hi",
    }  # fmt: skip


def test_a_conversation_waits_until_the_first_reply_of_a_person() -> None:
    found = figures(events_of(Chatwoot(), as_lines(*STORY)))
    assert (found["offered"], found["answered"], found["wait_sum_s"]) == (1, 1, 25.0)
    assert (found["first_response_count"], found["first_response_sum_s"], found["reopened"]) == (1, 20.0, 1)
    assert found["handled"] == 2


def test_webhooks_in_any_order_say_the_same() -> None:
    # A later reply that comes first is told as an answer; the earlier one then counts, and the later is told apart as illegal.
    expected = figures(events_of(Chatwoot(), as_lines(*STORY[:6]))) | {"illegal": {}}
    for order in list(permutations(range(6)))[::37]:
        found = figures(events_of(Chatwoot(), as_lines(*(STORY[place] for place in order))))
        assert found | {"illegal": {}} == expected, order
        assert set(found["illegal"]) <= {"already_answered"}


def test_webhooks_delivered_twice_say_the_same() -> None:
    chatwoot = Chatwoot()
    once = events_of(chatwoot, as_lines(*STORY))
    assert figures([*once, *events_of(chatwoot, as_lines(*STORY))]) == figures(once)
    assert events_of(Chatwoot(), as_lines(*STORY)) == once


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"content_attributes": {"automation_rule_id": 3}}, "automatic"),
        ({"additional_attributes": {"campaign_id": 3}}, "automatic"),
        ({"sender": {"id": 2, "type": "agent_bot"}}, "message.bot"),
        ({"sender": None}, "message.bot"),
        ({"private": True}, "private_note"),
        ({"message_type": "activity"}, "activity"),
        ({"message_type": 2}, "activity"),
        ({"message_type": "template"}, "automatic"),
        ({"message_type": "template", "content_type": "input_csat"}, "contact.invited"),
    ],
)
def test_only_a_person_answers(changed: dict[str, Any], kind: str) -> None:
    (record,) = told(Chatwoot(), as_lines(message(1, 5, "outgoing", **changed)))
    assert kind in (
        record.reason,
        *kinds(record.events),
        *("automatic" for event in record.events if event.get("automatic")),
    )
    assert "contact.answered" not in kinds(record.events)


def test_a_bot_hands_over_by_opening_and_sleep_stops_the_clocks() -> None:
    story = [
        happened("conversation_created", status="pending"), status("open", "pending", 10), status("snoozed", "open", 20), status("open", "snoozed", 30),
    ]  # fmt: skip
    assert kinds(events_of(Chatwoot(), as_lines(*story))) == [
        "contact.opened", "contact.queued", "contact.pending", "contact.unpending",
    ]  # fmt: skip


def test_another_assignee_after_the_answer_is_a_transfer_and_the_status_may_come_with_an_update() -> None:
    chatwoot = Chatwoot()
    events_of(chatwoot, as_lines(message(2, 25, "outgoing")))
    moved = happened(
        "conversation_updated",
        updated_at=T + 30,
        changed_attributes=[{"assignee_id": {"previous_value": 5, "current_value": 6}}],
    )
    assert kinds(events_of(chatwoot, as_lines(moved))) == ["contact.transferred"]
    opened = happened(
        "conversation_updated",
        updated_at=T + 31,
        changed_attributes=[{"status": {"previous_value": "pending", "current_value": "open"}}],
    )
    assert kinds(events_of(chatwoot, as_lines(opened))) == ["contact.queued"]


def test_assignment_answers_where_the_settings_say_so() -> None:
    assigned = happened(
        "conversation_updated", changed_attributes=[{"assignee_id": {"previous_value": None, "current_value": 1}}]
    )
    assert told(Chatwoot(), as_lines(assigned))[0].reason == "no_meaning"
    events = events_of(Chatwoot(own={"answered": "assignment"}), as_lines(assigned))
    assert [(event["type"], event["agent"]) for event in events] == [("contact.answered", "John")]


def test_a_rating_is_taken_and_one_that_is_none_is_wrong() -> None:
    def rated(value: Any) -> dict[str, Any]:
        answers = {"submitted_values": {"csat_survey_response": {"rating": value, "feedback_message": "fine"}}}
        return message(9, 70, event="message_updated", content_type="input_csat", content_attributes=answers)

    (event,) = events_of(Chatwoot(), as_lines(rated(4)))
    assert (event["type"], event["csat"]) == ("contact.rated", 4)
    assert told(Chatwoot(), as_lines(rated(9)))[0].reason == "malformed"


def test_what_has_no_meaning_and_what_nobody_knows_are_told_apart() -> None:
    records = told(
        Chatwoot(), as_lines({"event": "webwidget_triggered"}, {"event": "conversation_exploded"}, {"no": 1}, [1])
    )
    assert [record.reason for record in records] == ["no_meaning", "unknown_kind", "missing_field", "malformed"]


def test_names_of_inboxes_and_teams_are_queues() -> None:
    named = Chatwoot(own={"inboxes": {"1": "web shop"}})
    assert events_of(named, as_lines(message(1, 5)))[0]["queue"] == "web shop"
    team = conversation(meta={"sender": {"id": 14}, "team": {"id": 3, "name": "refunds"}})
    assert events_of(named, as_lines(message(1, 5, conversation=team)))[0]["queue"] == "refunds"
