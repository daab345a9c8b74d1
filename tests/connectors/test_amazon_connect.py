"""Amazon Connect: the documented samples, events that are missing, late or repeated, and agents' states."""

from itertools import permutations
from typing import Any

import pytest

from streams.connectors.amazon_connect import AmazonConnect
from tests.connectors.telling import as_lines, events_of, figures, kinds, told

ARN = "arn:aws::connect:us-west-2:123456789012:instance/12345678"


def contact(kind: str, number: str = "c-1", **changed: Any) -> dict[str, Any]:
    detail = {
        "eventType": kind, "contactId": number, "channel": "VOICE", "initiationMethod": "INBOUND", "initiationTimestamp": "2021-08-04T17:17:53.000Z",
    }  # fmt: skip
    if kind not in ("INITIATED", "CONNECTED_TO_SYSTEM"):
        detail["queueInfo"] = {"queueArn": f"{ARN}/queue/sales", "enqueueTimestamp": "2021-08-04T17:29:04.000Z"}
    if kind in ("CONNECTED_TO_AGENT", "DISCONNECTED"):
        detail["agentInfo"] = {"agentArn": f"{ARN}/agent/anna", "connectedToAgentTimestamp": "2021-08-04T17:29:09.000Z"}
    if kind == "DISCONNECTED":
        detail["disconnectTimestamp"] = "2021-08-04T17:35:00.000Z"
    return {"detail-type": "Amazon Connect Contact Event", "id": f"{number}-{kind}", "detail": detail | changed}


STORY = [contact(kind) for kind in ("INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED")]


def test_the_documented_samples_give_the_events_that_they_mean() -> None:
    # The samples of the administrator guide: one without an envelope; one of a call that the centre made, in mixed case.
    bare = contact("CONNECTED_TO_AGENT")["detail"]
    outgoing = contact(
        "DISCONNECTED", channel="Voice", initiationMethod="OUTBOUND", disconnectTimestamp="2021-08-04T17:18:37.000Z"
    )
    outgoing["detail"]["AgentInfo"] = outgoing["detail"].pop("agentInfo")
    first, second = told(AmazonConnect(), as_lines(bare, outgoing))
    assert [(event["type"], event["time"]) for event in first.events] == [
        ("contact.opened", 1628097473000), ("contact.queued", 1628098144000), ("contact.answered", 1628098149000),
    ]  # fmt: skip
    assert [event.get("queue", event.get("agent")) for event in first.events[1:]] == ["sales", "anna"]
    assert {event["channel"] for event in first.events} == {"phone"}
    assert second.reason == "outbound"


def test_whatever_case_the_names_are_written_in_they_mean_the_same() -> None:
    detail = {name[0].upper() + name[1:]: value for name, value in contact("DISCONNECTED")["detail"].items()}
    assert events_of(AmazonConnect(), as_lines({"Detail": detail})) == events_of(
        AmazonConnect(), as_lines(contact("DISCONNECTED"))
    )


def test_what_lies_behind_the_disconnection_is_not_believed() -> None:
    early = contact("DISCONNECTED", disconnectTimestamp="2021-08-04T17:18:37.000Z")
    assert kinds(events_of(AmazonConnect(), as_lines(early))) == ["contact.opened", "contact.closed"]


def test_events_in_any_order_and_events_that_never_came_change_nothing() -> None:
    expected = figures(events_of(AmazonConnect(), as_lines(*STORY)))
    assert (expected["wait_sum_s"], expected["answered"], expected["handle_sum_s"]) == (5.0, 1, 351.0)
    for order in permutations(STORY):
        assert figures(events_of(AmazonConnect(), as_lines(*order))) == expected
    assert figures(events_of(AmazonConnect(), as_lines(STORY[-1]))) == expected


def test_events_delivered_twice_change_nothing() -> None:
    connect = AmazonConnect()
    once = events_of(connect, as_lines(*STORY))
    assert figures([*once, *events_of(connect, as_lines(*STORY))]) == figures(once)


def test_who_hangs_up_while_waiting_has_abandoned() -> None:
    gone = contact("DISCONNECTED", agentInfo=None)
    assert kinds(events_of(AmazonConnect(), as_lines(gone)))[-1] == "contact.abandoned"


def test_a_contact_that_comes_by_transfer_is_a_transfer_of_the_one_before() -> None:
    events = events_of(
        AmazonConnect(), as_lines(contact("INITIATED", "c-2", initiationMethod="TRANSFER", previousContactId="c-1"))
    )
    assert [(event["type"], event["contact"]) for event in events] == [
        ("contact.transferred", "c-1"),
        ("contact.opened", "c-2"),
    ]


def agent(kind: str = "STATE_CHANGE", status: Any = None, contacts: Any = ()) -> dict[str, Any]:
    return {
        "EventType": kind, "EventId": "e-1", "EventTimestamp": "2021-08-04T17:17:53.000Z", "AgentARN": f"{ARN}/agent/anna",
        "CurrentAgentSnapshot": {
            "AgentStatus": status or {"Name": "Available", "Type": "ROUTABLE"},
            "Configuration": {"RoutingProfile": {"Concurrency": [{"Channel": "CHAT", "MaximumSlots": 3}, {"Channel": "VOICE", "MaximumSlots": 1}]}},
            "Contacts": [{"ContactId": "c", "State": state} for state in contacts],
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told_", "state"),
    [
        (agent(), "available"),
        (agent(contacts=["CONNECTED"]), "busy"),
        (agent(contacts=["ENDED"]), "wrapup"),
        (agent(status={"Name": "Lunch", "Type": "CUSTOM"}), "break"),
        (agent(status={"Name": "Team meeting", "Type": "CUSTOM"}), "meeting"),
        (agent(status={"Name": "Offline", "Type": "OFFLINE"}), "offline"),
        (agent("LOGOUT"), "offline"),
        (agent("HEART_BEAT"), "available"),
    ],
)
def test_an_agents_state_is_told_with_the_slots(told_: Any, state: str) -> None:
    (event,) = events_of(AmazonConnect(), as_lines(told_))
    assert (event["agent"], event["state"], event["slots"], event["id"]) == ("anna", state, 3, "e-1")


def test_kinds_that_are_new_are_left_out_and_nothing_breaks() -> None:
    records = told(AmazonConnect(), as_lines(contact("AMD_DISABLED"), contact("TELEPORTED"), {"detail": 5}))
    assert [record.reason for record in records] == ["no_meaning", "unknown_kind", "missing_field"]
