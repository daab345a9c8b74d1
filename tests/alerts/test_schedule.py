"""Who is on call: turns by the wall clock, people away, gaps, and calendars in and out."""

from datetime import datetime
from itertools import pairwise

import pytest

from alerts.calendars import calendar_of, events_of
from alerts.plan import Plan
from alerts.reading import plan_of
from alerts.schedule import Cover, on_call, spans
from alerts.watching import gap_alarms
from engine.errors import InvalidSetting
from engine.times import DAY_US, HOUR_US, SECOND_US

PEOPLE = """
zone: Europe/Berlin
ladders: {}
rules: []
channels: {}
people: {ann: {name: Ann B., channels: []}, bob: {channels: []}, cid: {channels: []}}
"""


def plan(text: str) -> Plan:
    return plan_of((PEOPLE + text).encode(), "plan.yaml")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND_US


WEEKS = (
    "schedules: {duty: {rotations: [{people: [ann, bob, cid], every: 7d, from: 2026-03-02 09:00}], fallback: cid}}\n"
)


def test_turns_follow_each_other_by_the_week() -> None:
    found = plan(WEEKS)
    days = ("02T09:00", "09T08:59", "09T09:00", "16T09:00", "23T09:00")
    assert [on_call(found, "duty", at(f"2026-03-{day}+01:00")).person for day in days] == [
        "ann",
        "ann",
        "bob",
        "cid",
        "ann",
    ]


def test_a_turn_changes_at_the_wall_clocks_time_after_the_clocks_were_changed() -> None:
    found = plan(WEEKS)  # The clocks went ahead on the 29th: nine o'clock is two hours before noon of UTC, not one.
    assert on_call(found, "duty", at("2026-03-30T08:59:00+02:00")).person == "ann"
    assert on_call(found, "duty", at("2026-03-30T09:00:00+02:00")).person == "bob"


def test_before_the_first_turn_the_fallback_has_the_duty() -> None:
    assert on_call(plan(WEEKS), "duty", at("2026-03-01T00:00:00+01:00")) == Cover("cid", "fallback")


def test_who_is_away_is_stood_in_for_by_the_deputy_or_the_next() -> None:
    away = "absences: [{person: ann, from: 2026-03-03, until: 2026-03-05%s}]\n"
    assert on_call(plan(WEEKS + away % ""), "duty", at("2026-03-04T12:00+01:00")) == Cover("bob", "stands in")
    assert on_call(plan(WEEKS + away % ", deputy: cid"), "duty", at("2026-03-04T12:00+01:00")) == Cover(
        "cid", "stands in"
    )


def test_an_override_comes_before_the_turn() -> None:
    text = WEEKS.replace("fallback", "overrides: [{person: bob, from: 2026-03-03, until: 2026-03-04}], fallback")
    assert on_call(plan(text), "duty", at("2026-03-03T12:00+01:00")) == Cover("bob", "override")


def test_holidays_have_a_rotation_of_their_own() -> None:
    text = """
schedules:
  duty:
    rotations:
      - {people: [cid], from: 2026-01-01, holidays: DE, on: holidays}
      - {people: [ann], from: 2026-01-01, hours: {mon-fri: 09:00-18:00}}
"""
    found = plan(text)
    assert on_call(found, "duty", at("2026-05-01T10:00+02:00")).person == "cid"
    assert on_call(found, "duty", at("2026-05-04T10:00+02:00")).person == "ann"
    assert on_call(found, "duty", at("2026-05-04T20:00+02:00")) == Cover("", "gap")


def test_spans_lie_end_to_end_and_say_who_has_them() -> None:
    found = plan("schedules: {duty: {rotations: [{people: [ann], from: 2026-01-01, hours: 22:00-06:00}]}}\n")
    begin = at("2026-03-28T12:00+01:00")
    turns = list(spans(found, "duty", begin, begin + 2 * DAY_US))
    assert [cover.person for _, _, cover in turns] == ["", "ann", "", "ann", ""]
    assert turns[1][1] - turns[1][0] == 7 * HOUR_US  # The night in which an hour is left out.
    assert all(before[1] == after[0] for before, after in pairwise(turns))


def test_a_gap_to_come_is_raised_once_and_ends_when_it_is_filled() -> None:
    gappy = plan("schedules: {duty: {rotations: [{people: [ann], from: 2026-01-01, hours: 09:00-18:00}]}}\n")
    now = at("2026-03-02T10:00+01:00")
    assert [(alarm.step, alarm.name) for alarm in gap_alarms(gappy, lambda name: False, now)] == [("warned", "duty")]
    assert gap_alarms(gappy, lambda name: True, now) == []
    assert [alarm.step for alarm in gap_alarms(plan(WEEKS), lambda name: True, now)] == ["ended"]


def test_turns_written_as_a_calendar_are_read_as_the_same_turns() -> None:
    turns = [
        (at("2026-03-02T09:00+01:00"), at("2026-03-09T09:00+01:00"), "ann"),
        (at("2026-03-09T09:00+01:00"), at("2026-03-16T09:00+01:00"), "bob"),
    ]
    assert events_of(calendar_of("duty", turns).decode(), "UTC") == tuple(turns)


def test_a_repeated_event_keeps_its_wall_clock_over_the_change() -> None:
    text = (
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:ann\r\nDTSTART;TZID=Europe/Berlin:20260328T090000\r\n"
        "DTEND;TZID=Europe/Berlin:20260328T170000\r\nRRULE:FREQ=DAILY;COUNT=2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    starts = [start for start, _, _ in events_of(text, "UTC")]
    assert starts == [at("2026-03-28T09:00+01:00"), at("2026-03-29T09:00+02:00")]


@pytest.mark.parametrize(
    "text", ["", "nonsense", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:x\r\nEND:VEVENT\r\nEND:VCALENDAR"]
)
def test_what_is_no_calendar_is_refused_or_empty(text: str) -> None:
    try:
        assert events_of(text, "UTC") == ()
    except InvalidSetting as error:
        assert "cannot be read" in str(error)
