"""Call records as CSV: durations and instants, any zone, conditions; and mappings whose faults are told by line."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.errors import InvalidSetting
from streams.connectors.mapping import Columns, read_mapping
from streams.connectors.record import Options
from streams.connectors.table import Table
from tests.connectors.telling import events_of, figures, kinds, told

DURATIONS = """contact: call
fields: {queue: skill, channel: kind}
steps:
  contact.queued: {at: began}
  contact.answered: {after: contact.queued, lasting: wait, when: {outcome: ok}, fields: {agent: who}}
  contact.abandoned: {after: contact.queued, lasting: wait, when: {outcome: [hung up, gone]}}
  contact.closed: {after: contact.answered, lasting: talk}
"""
CALLS = """call,skill,kind,began,wait,talk,outcome,who
1,sales,phone,2026-03-01 09:00:00,12,1:30,ok,anna
2,"sales, abroad",phone,2026-03-01 09:01:00,0.5,,hung up,
3,sales,phone,2026-03-01 09:02:00,4,60,ok,"ben
the second"
"""


def table(folder: Path, mapping: str = DURATIONS, zone: str = "Asia/Shanghai", **options: object) -> Table:
    path = folder / "mapping.yaml"
    path.write_text(mapping)
    return Table(Options(zone=ZoneInfo(zone)), {"mapping": read_mapping(path)})


def test_durations_are_added_to_the_step_before_in_the_zone_of_the_settings(tmp_path: Path) -> None:
    records = told(table(tmp_path), CALLS.replace('"ben\nthe second"', "ben").encode())
    assert [record.reason for record in records] == ["heading", "", "", ""]
    assert [(event["type"], event["time"]) for event in records[1].events] == [
        ("contact.queued", 1772326800000), ("contact.answered", 1772326812000), ("contact.closed", 1772326902000),
    ]  # fmt: skip
    assert (records[2].events[0]["queue"], kinds(records[2].events)[-1]) == ("sales, abroad", "contact.abandoned")
    assert figures(events_of(table(tmp_path), CALLS.replace("\nthe second", "").encode()))["wait_sum_s"] == 16.5


def test_a_line_break_within_quotes_belongs_to_its_row_and_not_into_a_name(tmp_path: Path) -> None:
    records = told(table(tmp_path), CALLS.encode())
    assert [(record.number, record.reason) for record in records] == [
        (1, "heading"),
        (2, ""),
        (3, ""),
        (4, "control_character"),
    ]


def test_dates_and_times_in_columns_of_their_own_may_pass_midnight(tmp_path: Path) -> None:
    # As the call records of a bank of 1999 stand in their table: six digits of a date, 0:00:00 for never, the date said once.
    mapping = """contact: [line, number]
columns: [line, number, date, entry, exit, outcome, start, end, server]
time_format: "%y%m%d %H:%M:%S"
nothing: ["0:00:00", NO_SERVER]
past_midnight: yes
steps:
  contact.queued: {at: [date, entry]}
  contact.answered: {at: [date, start], when: {outcome: AGENT}, fields: {agent: server}}
  contact.abandoned: {at: [date, exit], when: {outcome: HANG}}
  contact.closed: {at: [date, end], when: {outcome: AGENT}}
"""
    rows = b"AA01,7,990131,23:59:50,0:00:10,AGENT,0:00:10,0:02:00,DORIT\nAA01,8,990131,12:00:00,12:00:30,HANG,0:00:00,0:00:00,NO_SERVER\n"
    events = events_of(table(tmp_path, mapping, "UTC"), rows)
    assert [(event["type"], event["contact"]) for event in events] == [
        ("contact.queued", "AA01-7"), ("contact.answered", "AA01-7"), ("contact.closed", "AA01-7"), ("contact.queued", "AA01-8"), ("contact.abandoned", "AA01-8"),
    ]  # fmt: skip
    assert [event["time"] - events[0]["time"] for event in events[:3]] == [0, 20_000, 130_000]


def test_a_table_read_twice_and_from_behind_changes_nothing(tmp_path: Path) -> None:
    heading, *rows = CALLS.replace('"ben\nthe second"', "ben").splitlines()
    once = events_of(table(tmp_path), "\n".join((heading, *rows)).encode())
    behind = events_of(table(tmp_path), "\n".join((heading, *reversed(rows), heading, *rows)).encode())
    assert figures([*once, *behind]) == figures(once)


def test_a_contact_without_a_name_is_named_after_its_row(tmp_path: Path) -> None:
    mapping = "steps:\n  contact.queued: {at: began}\n"
    one, other, again = events_of(
        table(tmp_path, mapping), b"began,n\n2026-03-01 09:00:00,1\n2026-03-01 09:00:00,2\n2026-03-01 09:00:00,1\n"
    )
    assert one["contact"] != other["contact"]
    assert again == one


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,sales,phone,yesterday,12,90,ok,anna", "invalid_time"),
        ("1,sales,phone,2026-03-01 09:00:00,long,90,ok,anna", "malformed"),
        ("1,sales,phone", "missing_field"),
        ("1,sales,phone,,12,90,ok,anna", "no_condition"),
        ("1,sales,phone,1800-03-01 09:00:00,1,1,ok,anna", "invalid_time"),
    ],
)
def test_a_row_that_cannot_be_told_is_left_out_by_its_reason(row: str, reason: str, tmp_path: Path) -> None:
    records = told(table(tmp_path), (CALLS.splitlines()[0] + "\n" + row).encode())
    assert [record.reason for record in records] == ["heading", reason]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contact: call\n", ":1: the mapping has no steps"),
        ("steps:\n  contact.queed: {at: a}\n", ":2: 'contact.queed' is no event of a contact"),
        ("steps:\n  contact.queued: {att: a}\n", ":2: 'att' is unknown in the step contact.queued; did you mean at?"),
        ("steps:\n  contact.queued: {at: a, after: b}\n", ":2: contact.queued needs either"),
        ("steps:\n  contact.answered: {after: contact.queued, lasting: a}\n", "put that one first"),
        ("unit: h\nsteps:\n  contact.queued: {at: a}\n", ":1: 'h' is no unit"),
        ("delimiter: ab\nsteps:\n  contact.queued: {at: a}\n", ":1: 'ab' does not divide columns"),
        ("fields: {colour: a}\nsteps:\n  contact.queued: {at: a}\n", "'colour' is unknown in fields"),
        ("steps:\n  agent.state: {at: a}\n", "agent.state needs the column of the state"),
    ],
)
def test_a_mapping_with_a_fault_is_refused_with_its_line_and_what_would_be_right(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(InvalidSetting, match="mapping") as refused:
        read_mapping(path)
    assert said in str(refused.value)


def test_a_mapping_is_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("delimiter: tab\nunit: ms\nsteps:\n  contact.opened: {at: a}\n")
    found = read_mapping(path)
    assert isinstance(found, Columns)
    assert (found.delimiter, found.unit_us) == ("\t", 1_000)
