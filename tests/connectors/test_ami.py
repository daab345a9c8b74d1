"""AMI's events: what leaving means, and what a snapshot says of time in which nobody listened."""

import json

import pytest

from streams.connectors.ami import GRACE_US, Ami
from tests.connectors.samples import AMI, AT, block
from tests.connectors.telling import events_of, figures, kinds, told

JOIN = block("QueueCallerJoin", 1, Queue="sales", Uniqueid="1.1", CallerIDNum="555", Position=1, Count=1)
ABANDON = block("QueueCallerAbandon", 21, Queue="sales", Uniqueid="1.1", Position=1, OriginalPosition=1, HoldTime=20)
LEAVE = block("QueueCallerLeave", 21, Queue="sales", Uniqueid="1.1", Count=0, Position=1)


def later(second: float) -> bytes:
    """An event of somebody else, by which time goes on."""
    return block("QueueSummary", second, Queue="other")


def test_a_call_is_queued_answered_and_closed() -> None:
    found = figures(events_of(Ami(), AMI))
    assert (found["offered"], found["answered"], found["abandoned"], found["handled"]) == (1, 1, 0, 1)
    assert (found["wait_sum_s"], found["handle_sum_s"]) == (7.1, 60.0)


@pytest.mark.parametrize(
    ("rest", "ended"),
    [
        ([ABANDON, LEAVE, block("Hangup", 21.5, Uniqueid="1.1", Cause=16)], ("abandoned", None)),
        ([ABANDON, LEAVE, later(25)], ("left_queue", "timeout")),
        ([LEAVE, later(25)], ("left_queue", "transfer")),
        ([LEAVE, block("AgentConnect", 21.1, Queue="sales", Uniqueid="1.1", MemberName="anna", HoldTime=20)], ("answered", None)),
    ],
)  # fmt: skip
def test_only_who_hangs_up_has_abandoned(rest: list[bytes], ended: tuple[str, str | None]) -> None:
    events = events_of(Ami(), b"".join((JOIN, *rest)))
    found = figures(events)
    assert [name for name in ("answered", "abandoned", "left_queue") if found[name]] == [ended[0]]
    assert [event["reason"] for event in events if "reason" in event] == [reason for reason in ended[1:] if reason]
    assert found["wait_sum_s"] == pytest.approx(20, abs=0.2)


def test_what_has_not_shown_yet_is_told_by_the_clock() -> None:
    ami = Ami()
    records = told(ami, JOIN + ABANDON + LEAVE)
    assert [record.reason for record in records] == ["", "awaits_more", "awaits_more"]
    left_us = (AT + 21) * 1_000_000
    assert ami.settle(left_us + GRACE_US - 1) == []
    assert kinds(ami.settle(left_us + GRACE_US)) == ["contact.left_queue", "contact.closed"]
    assert ami.settle(None) == []


def test_a_capture_read_twice_and_neighbours_that_change_places_change_nothing() -> None:
    ami = Ami()
    once = events_of(ami, AMI)
    assert figures([*once, *events_of(ami, AMI)]) == figures(once)
    blocks = AMI.split(b"\r\n\r\n")[:-1]
    # A connection keeps its order; only what several queues tell at one instant may come either way.
    swapped = [*blocks[:4], blocks[5], blocks[4], *blocks[6:]]
    assert figures(events_of(Ami(), b"\r\n\r\n".join(swapped)))["wait_sum_s"] == figures(once)["wait_sum_s"]


def test_after_lost_time_the_snapshot_says_who_waits_and_the_others_have_left() -> None:
    ami = Ami()
    events_of(ami, JOIN + block("QueueCallerJoin", 2, Queue="sales", Uniqueid="1.2", Position=2, Count=2))
    snapshot = b"".join((
        b"Response: Success\r\nMessage: Queue status will follow\r\nTimestamp: %d\r\n\r\n" % (AT + 100),
        block("QueueEntry", 100, Queue="sales", Uniqueid="1.2", Position=1, Wait=98), block("QueueEntry", 100, Queue="sales", Uniqueid="1.3", Position=2, Wait=30),
        block("QueueStatusComplete", 100),
    ))  # fmt: skip
    events = [event for record in told(ami, snapshot) for event in record.events]
    assert [(event["type"], event["contact"], event["time"] // 1_000 - AT) for event in events] == [
        ("contact.queued", "1.3", 70), ("contact.left_queue", "1.1", 100), ("contact.closed", "1.1", 100),
    ]  # fmt: skip
    assert told(ami, snapshot)[-1].reason == "no_change"


def test_a_talk_whose_channel_is_gone_has_ended() -> None:
    ami = Ami()
    events_of(ami, AMI[: AMI.index(b"Event: AgentComplete")])
    channels = b"".join((
        b"Response: Success\r\nMessage: Channels will follow\r\nTimestamp: %d\r\n\r\n" % (AT + 200),
        block("CoreShowChannel", 200, Uniqueid="9.9"), block("CoreShowChannelsComplete", 200),
    ))  # fmt: skip
    assert kinds(event for record in told(ami, channels) for event in record.events) == ["contact.closed"]


def member(second: float, **fields: object) -> bytes:
    return block(
        "QueueMemberStatus", second, **{"Queue": "sales", "MemberName": "anna", "Status": 1, "Paused": 0} | fields
    )


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "available"), ({"Status": 6}, "available"), ({"Status": 2}, "busy"), ({"Status": 8}, "busy"), ({"Status": 5}, "offline"),
        ({"Paused": 1}, "break"), ({"Paused": 1, "PausedReason": "team meeting"}, "meeting"), ({"Paused": 1, "Status": 5}, "offline"),
    ],
)  # fmt: skip
def test_a_members_device_and_pause_are_a_state(fields: dict[str, object], state: str) -> None:
    assert events_of(Ami(), member(1, **fields))[0]["state"] == state


def test_a_member_of_two_queues_pauses_in_both_and_leaves_with_the_second() -> None:
    ami = Ami()
    story = (
        member(1), member(2, Queue="refunds"), member(3, Paused=1), member(4, Queue="refunds", Paused=1),
        block("QueueMemberRemoved", 5, Queue="sales", MemberName="anna"), block("QueueMemberRemoved", 6, Queue="refunds", MemberName="anna"),
    )  # fmt: skip
    records = told(ami, b"".join(story))
    assert [record.reason or record.events[0]["state"] for record in records] == [
        "available", "no_change", "no_change", "break", "no_change", "offline",
    ]  # fmt: skip


def test_without_an_instant_and_without_arrival_nothing_can_be_told() -> None:
    (record,) = told(Ami(), b"Event: Hangup\r\nUniqueid: 1\r\n\r\n")
    assert (record.reason, record.detail) == ("missing_field", "Timestamp")
    assert json.loads(Ami().state()) == {}
