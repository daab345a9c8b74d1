"""NetEase Qiyu: sessions by visitor, hand-overs that go on, and what belongs to nobody."""

from streams.connectors.base import URL
from streams.connectors.qiyu import Qiyu
from tests.connectors.samples import AT, QIYU, push
from tests.connectors.telling import as_lines, events_of, figures, kinds, told


def test_a_session_is_opened_answered_and_closed() -> None:
    events = events_of(Qiyu(), as_lines(*QIYU))
    assert kinds(events) == ["contact.opened", "contact.answered", "message.agent", "contact.invited", "contact.closed"]
    assert {event["contact"] for event in events} == {"7"}
    assert figures(events)["invited"] == 1


def test_what_a_push_is_stands_in_its_query() -> None:
    body = {name: value for name, value in QIYU[0].items() if name not in ("eventType", "time")}
    url = f"https://floor.example/v1/connect/shop?eventType=SESSION_START&time={AT}&checksum=x"
    assert events_of(Qiyu(), as_lines(body), {URL: url}) == events_of(Qiyu(), as_lines(QIYU[0]))


def test_pushes_resent_and_pushes_in_another_order_change_nothing() -> None:
    qiyu = Qiyu()
    once = events_of(qiyu, as_lines(*QIYU))
    assert figures([*once, *events_of(qiyu, as_lines(*QIYU))]) == figures(once)
    start, message, invited, end = QIYU
    assert figures(events_of(Qiyu(), as_lines(start, end, invited, message))) == figures(once)


def test_a_bot_that_hands_over_and_a_transfer_go_on_as_the_same_contact() -> None:
    story = [
        push("SESSION_START", 0, sessionId=7, staffType=0), push("SESSION_END", 20, sessionId=7, staffType=0, closeReason=3),
        push("SESSION_START", 21, sessionId=8, staffName="anna", staffType=1), push("SESSION_END", 40, sessionId=8, staffType=1, closeReason=5),
        push("SESSION_START", 41, sessionId=9, staffName="ben", staffType=1), push("SESSION_END", 60, sessionId=9, staffType=1, closeReason=0),
    ]  # fmt: skip
    records = told(Qiyu(), as_lines(*story))
    assert [record.reason or "+".join(kinds(record.events)) for record in records] == [
        "contact.opened", "awaits_more", "contact.answered", "contact.transferred", "contact.answered", "contact.closed",
    ]  # fmt: skip
    found = figures([event for record in records for event in record.events])
    assert (found["offered"], found["transfers"], found["handled"]) == (1, 1, 1)


def test_a_message_of_no_session_that_is_known_is_left_out() -> None:
    records = told(Qiyu(), as_lines(QIYU[1], push("UNHEARD_OF", 1), {"eventType": "MSG", "time": AT}))
    assert [record.reason for record in records] == ["no_session", "unknown_kind", "missing_field"]
