"""CloudEvents 1.0, structured, batched and binary, around the public format; and the public format itself."""

import json
from typing import Any

import pytest

from streams.connectors.cloudevents import CloudEvents
from streams.connectors.public import Public
from streams.connectors.record import Options
from tests.connectors.telling import as_lines, events_of, figures, told


def envelope(number: int = 1, kind: str = "com.example.contact.queued", **changed: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": str(number), "source": "/pbx", "type": kind, "time": "2026-01-01T00:00:00Z", "subject": "c-1",
        "datacontenttype": "application/json", "data": {"queue": "sales"},
    } | changed  # fmt: skip


STORY = [
    envelope(1), envelope(2, "contact.answered", time="2026-01-01T00:00:07Z", data={"agent": "anna"}), envelope(3, "contact.closed", time="2026-01-01T00:01:00Z"),
]  # fmt: skip


def test_structured_batched_and_binary_events_mean_the_same() -> None:
    structured = events_of(CloudEvents(), json.dumps(envelope()).encode())
    batched = events_of(CloudEvents(), json.dumps([envelope()]).encode())
    headers = {f"ce-{name}": value for name, value in envelope().items() if name not in ("data", "datacontenttype")}
    binary = events_of(CloudEvents(), b'{"queue": "sales"}', {**headers, "ce-subject": "c%2D1"})
    assert structured == batched == binary
    (event,) = structured
    assert (event["type"], event["contact"], event["queue"]) == ("contact.queued", "c-1", "sales")


def test_repeated_and_disordered_envelopes_change_nothing() -> None:
    once = events_of(CloudEvents(), as_lines(*STORY))
    assert figures(once)["wait_sum_s"] == 7.0
    assert figures([*once, *events_of(CloudEvents(), as_lines(*reversed(STORY)))]) == figures(once)


def test_the_same_id_of_another_source_is_another_event() -> None:
    one, other = events_of(CloudEvents(), as_lines(envelope(), envelope(source="/chat")))
    assert one["id"] != other["id"]


def test_types_of_ones_own_are_named_in_the_settings() -> None:
    (event,) = events_of(
        CloudEvents(own={"types": {"acme.ringing": "contact.queued"}}), as_lines(envelope(kind="acme.ringing"))
    )
    assert event["type"] == "contact.queued"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"specversion": "0.3"}, "malformed"),
        ({"type": "acme.ringing"}, "unknown_kind"),
        ({"type": "com.twilio.taskrouter.task.created"}, "another_connector"),
        ({"id": ""}, "missing_field"),
        ({"subject": None}, "rejected"),
        ({"time": "soon"}, "rejected"),
        ({"data": {"queue": 7}}, "rejected"),
    ],
)
def test_what_is_not_right_is_left_out_by_its_reason(changed: dict[str, Any], reason: str) -> None:
    (record,) = told(CloudEvents(), as_lines(envelope(**changed)))
    assert record.reason == reason


def test_the_public_format_passes_and_gets_what_the_connection_says_of_all() -> None:
    line = {"type": "contact.queued", "time": 0, "id": "1", "contact": "c", "queue": "q"}
    options = Options(prefix="a-", constants={"tenant": "shop-7"})
    assert events_of(Public(options), as_lines(line)) == [line | {"id": "a-1", "contact": "a-c", "tenant": "shop-7"}]
    records = told(Public(), as_lines({"type": "contact.beamed", "time": 0}, {"time": 0}))
    assert [(record.reason, record.detail[:12]) for record in records] == [
        ("rejected", "unknown_type"),
        ("missing_field", "type"),
    ]
