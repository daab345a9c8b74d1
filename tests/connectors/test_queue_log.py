"""Asterisk's queue_log: fourteen histories give the tables that somebody else computed; loss, repetition and disorder falsify nothing."""

from pathlib import Path

import pytest

from streams.connectors.queue_log import QueueLog
from streams.connectors.record import Record
from tests.connectors.scenarios import SCENARIOS, Expected, Scenario
from tests.connectors.telling import events_of, figures, kinds, told
from tests.streams.replaying import Row, replay

CALL = b"""1366720340|1366720340.1|sales|NONE|ENTERQUEUE||555123|1
1366720345|1366720340.1|sales|SIP/8007|RINGNOANSWER|5000
1366720350|1366720340.1|sales|SIP/8007|CONNECT|10|1366720346.2|3
1366720410|1366720340.1|sales|SIP/8007|COMPLETECALLER|10|60|1
"""


def rows(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def seconds(clock: str) -> int:
    hours, minutes, rest = map(int, clock.split(":"))
    return hours * 3600 + minutes * 60 + rest


def share(above: float, below: float) -> str:
    return f"{100 * above / below:.0f} %" if below else ""


def clock_of(text: str) -> float:
    return seconds(text[11:19]) + (float("0" + text[19:].rstrip("Z")) if "." in text else 0.0)


class Hourly:
    """The report's rows of some hours, as the package's table has them."""

    def __init__(self, found: list[Row], known_s: float, by_arrival: bool) -> None:
        self.rows, self.known_s, self.by_arrival = found, known_s, by_arrival

    def sum(self, column: str) -> float:
        return sum(float(row[column] or 0) for row in self.rows)

    def cell(self, column: str) -> str:
        answered, turned_away = self.sum("answered"), self.sum("unanswered")
        agent_s = self.sum("agent_hours") * 3600
        # Queues' tables count a call where it arrived, agents' where it was answered.
        answers = "answered" if self.by_arrival else "events_answered"
        table = {
            "Received": lambda: f"{self.sum('offered'):.0f}",
            "Answered": lambda: f"{self.sum(answers):.0f}",
            "Closed": lambda: f"{turned_away:.0f}",
            "AWT": lambda: clock(self.sum("wait_answered_sum_s") / answered) if answered else "",
            "Answered rate": lambda: share(answered, self.sum("offered") - turned_away),
            "QoS": lambda: share(self.sum("answered_in_target"), answered),
            "Login": lambda: clock(agent_s),
            "Wrapup": lambda: clock(
                sum(
                    float(row["aht_s"] or 0) * float(row["handled"]) - float(row["handle_sum_s"] or 0)
                    for row in self.rows
                )
            ),
            "Pause": lambda: clock(max(0.0, self.known_s - agent_s)),
        }
        return table[column]()


def clock(second: float) -> str:
    whole = int(second + 0.01)  # The report has six digits of an hour.
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def known_s(scenario: Scenario, hours: list[int]) -> float:
    """How much of the hours that have rows lies behind the first one: before it, nobody knows who pauses."""
    times = [clock_of(line.split("|")[0]) for line in scenario.log.splitlines()]
    return sum(
        max(0.0, 3600 * (hour + 1) - max(min(times), 3600 * hour)) for hour in hours if 3600 * hour <= max(times)
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_history_gives_the_hourly_table_that_an_established_package_gives(scenario: Scenario, tmp_path: Path) -> None:
    (tmp_path / "queue_log").write_text(scenario.log)
    asked = (
        "--source",
        "queue_log",
        "queue_log",
        "--zone",
        "UTC",
        "--window",
        "1h",
        "--disorder",
        "4h",
        "--all-windows",
    )
    whole, by_queue = replay(tmp_path, *asked), replay(tmp_path, *asked, "--by", "queue")
    assert (whole.code, by_queue.code) == (0, 0), whole.complained
    for expected in scenario.expected:
        found = [row for row in by_queue.rows if row["queue"] == expected.queue] if expected.queue else whole.rows
        compare(scenario, expected, found)


def compare(scenario: Scenario, expected: Expected, found: list[Row]) -> None:
    listed = [int(hour) for hour in expected.hours if hour != "Total"] or list(range(24))
    for hour, columns in expected.hours.items():
        hours = listed if hour == "Total" else [int(hour)]
        chosen = [row for row in found if int(row["window_start"][11:13]) in hours]
        table = Hourly(chosen, known_s(scenario, hours), by_arrival=bool(expected.queue))
        assert {column: table.cell(column) for column in columns} == columns, (hour, expected.queue)


def test_a_call_is_queued_answered_and_closed_and_its_ringing_is_left_out_with_a_reason() -> None:
    records = told(QueueLog(), CALL)
    assert [(record.what, record.reason, kinds(record.events)) for record in records] == [
        ("ENTERQUEUE", "", ["contact.queued"]),
        ("RINGNOANSWER", "rings_only", []),
        ("CONNECT", "", ["contact.answered"]),
        ("COMPLETECALLER", "", ["contact.closed"]),
    ]
    queued, answered, _ = (event for record in records for event in record.events)
    assert (queued["queue"], queued["channel"], queued["customer"]) == ("sales", "phone", "555123")
    assert (answered["agent"], answered["time"] - queued["time"]) == ("SIP/8007", 10_000)


@pytest.mark.parametrize(
    ("row", "left"),
    [
        ("ABANDON|1|1|7", None),
        ("EXITWITHTIMEOUT|1|1|7", "timeout"),
        ("EXITEMPTY|1|1|7", "overflow"),
        ("EXITWITHKEY|1|1|1|7", "transfer"),
        ("WITHDRAW|1|1|7|moved", "withdrawn"),
    ],
)
def test_a_timeout_an_empty_queue_a_key_and_a_withdrawal_are_no_abandonments(row: str, left: str | None) -> None:
    events = events_of(QueueLog(), rows("100|c|q|NONE|ENTERQUEUE||5|1", f"107|c|q|NONE|{row}"))
    assert [event.get("reason") for event in events if event["type"] == "contact.left_queue"] == (
        [left] if left else []
    )
    assert figures(events)["abandoned"] == (0 if left else 1)
    assert figures(events)["wait_sum_s"] == 7


def test_an_end_without_its_beginning_tells_the_whole_stay() -> None:
    whole = figures(events_of(QueueLog(), CALL))
    for lost in (0, 2):
        kept = [line for number, line in enumerate(CALL.splitlines()) if number != lost]
        assert figures(events_of(QueueLog(), b"\n".join(kept))) == whole


def test_a_stay_whose_end_was_lost_ends_when_the_call_waits_elsewhere_or_the_exchange_starts_anew() -> None:
    lost = ["100|c|q1|NONE|ENTERQUEUE||5|1", "140|c|q2|NONE|ENTERQUEUE||5|1"]
    events = events_of(QueueLog(), rows(*lost))
    assert kinds(events) == ["contact.queued", "contact.left_queue", "contact.closed", "contact.queued"]
    restarted = events_of(QueueLog(), rows(*lost, "200|NONE|NONE|NONE|QUEUESTART|"))
    assert kinds(restarted)[4:] == ["contact.left_queue", "contact.closed"]


def test_a_log_read_twice_changes_nothing() -> None:
    log = QueueLog()
    once = events_of(log, CALL)
    again = events_of(log, CALL)
    assert {event["id"] for event in again} <= {event["id"] for event in once}
    assert figures([*once, *again]) == figures(once)
    assert events_of(QueueLog(), CALL) == once


def test_rows_in_the_opposite_order_give_the_same_figures() -> None:
    backwards = b"\n".join(reversed(CALL.splitlines()))
    assert figures(events_of(QueueLog(), backwards)) == figures(events_of(QueueLog(), CALL))


def test_what_is_remembered_can_be_kept_and_gone_on_with() -> None:
    lines = CALL.splitlines(keepends=True)
    for cut in range(len(lines)):
        first, second = QueueLog(), QueueLog()
        events = events_of(first, b"".join(lines[:cut]))
        second.restore(first.state())
        assert [*events, *events_of(second, b"".join(lines[cut:]))] == events_of(QueueLog(), CALL)


def test_who_is_logged_off_is_not_made_available_by_the_end_of_a_pause() -> None:
    log = QueueLog()
    records = told(log, rows(
        "100|NONE|NONE|Agent/3|AGENTLOGIN|SIP/1", "110|NONE|NONE|Agent/3|PAUSEALL|team meeting", "120|NONE|NONE|Agent/3|UNPAUSEALL|",
        "130|NONE|NONE|Agent/3|AGENTLOGOFF|SIP/1|30", "131|NONE|NONE|Agent/3|UNPAUSEALL|",
    ))  # fmt: skip
    assert [record.events[0]["state"] if record.events else record.reason for record in records] == [
        "available", "meeting", "available", "offline", "agent_logged_off",
    ]  # fmt: skip


def test_a_member_of_two_queues_leaves_with_the_second_one() -> None:
    records = told(QueueLog(), rows(
        "1|MANAGER|q1|SIP/1|ADDMEMBER|", "2|MANAGER|q2|SIP/1|ADDMEMBER|", "3|MANAGER|q1|SIP/1|REMOVEMEMBER|", "4|MANAGER|q2|SIP/1|REMOVEMEMBER|",
    ))  # fmt: skip
    assert [record.reason or record.events[0]["state"] for record in records] == [
        "available",
        "available",
        "no_change",
        "offline",
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("nonsense", "malformed"),
        ("soon|c|q|NONE|ENTERQUEUE||5|1", "invalid_time"),
        ("100|c|q|NONE|CONNECT|long|x|1", "malformed"),
        ("100|NONE|q|NONE|ENTERQUEUE||5|1", "nobody"),
        ("100|MANAGER|q|NONE|ADDMEMBER|", "nobody"),
        ("100|c|q|NONE|OURS|1", "unknown_kind"),
        ("100|c" + "c" * 300 + "|q|NONE|ENTERQUEUE||5|1", "name_too_long"),
        ("100|c\x07|q|NONE|ENTERQUEUE||5|1", "control_character"),
    ],
)
def test_what_cannot_be_told_is_left_out_by_its_reason(row: str, reason: str) -> None:
    (record,) = told(QueueLog(), row.encode())
    assert record.reason == reason


def test_a_record_is_shown_by_a_word_and_never_by_what_could_break_a_line() -> None:
    (record,) = told(QueueLog(), b"100|c|q|a|EVIL\rName|x")
    assert isinstance(record, Record)
    assert record.what == "?"
