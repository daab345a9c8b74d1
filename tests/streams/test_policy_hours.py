"""Working hours in a policy's file: what can be said of them, and what is refused with its line."""

from datetime import date
from pathlib import Path

import pytest

from engine.hours import WorkingClock
from engine.source import InvalidFile
from engine.times import HOUR_US
from streams.options import zone_of
from streams.policy.reading import default_policy, parse_policy, read_policy
from streams.policy.words import instant_us

SHANGHAI = zone_of("Asia/Shanghai")


def at(text: str) -> int:
    return instant_us(text, SHANGHAI)


def test_e_mail_of_a_friday_evening_before_the_national_holiday_is_due_on_the_first_working_day_after_it() -> None:
    line = default_policy().find("first_human_reply", {"channel": "email"})
    assert line is not None and (line.limit_us, line.hours) == (2 * HOUR_US, "office")
    clock = WorkingClock(default_policy().hours["office"])
    # 1 to 8 October 2025 are holidays; Sunday 28 September is worked for them, and so is Saturday 11 October.
    assert clock.due_us(at("2025-09-26 17:00"), 2 * HOUR_US) == at("2025-09-28 10:00")
    assert clock.due_us(at("2025-09-30 17:00"), 2 * HOUR_US) == at("2025-10-09 10:00")
    assert clock.is_open(at("2025-10-11 12:00")) and not clock.is_open(at("2025-10-12 12:00"))


def test_everything_that_can_be_said_of_hours_is_understood() -> None:
    said = """
zone: Europe/Berlin
hours:
  desk:
    week: {mon-thu: [09:00-12:00, 13:00-18:00], fri: 09:00-14:00, sat: 22:00-06:00}
    holidays: DE-BY
    closed: [2026-12-24, 2026-12-31]
    open: {2026-12-27: 10:00-16:00}
  elsewhere: {zone: America/New_York, week: {mon-sun: 00:00-24:00}}
limits:
  next_reply: {limit: 1h, hours: desk, pauses: yes}
"""
    policy = parse_policy(said.encode(), "mine.yaml")
    desk = policy.hours["desk"]
    assert desk.zone == "Europe/Berlin" and policy.hours["elsewhere"].zone == "America/New_York"
    assert desk.week[0] == ((540, 720), (780, 1080)) and desk.week[5] == ((1320, 1800),) and desk.week[6] == ()
    assert {date(2026, 12, 24), date(2026, 1, 6)} <= desk.closed
    assert desk.exceptions[date(2026, 12, 27)] == ((600, 960),)
    (line,) = [line for line in policy.lines if line.limit == "next_reply"]
    assert (line.hours, line.pauses) == ("desk", True)
    assert "office" in policy.hours  # Lines of the default that name it still hold.


def test_what_a_calendar_of_holidays_does_not_know_yet_is_said() -> None:
    policy = parse_policy(b"hours:\n  office: {week: {mon-fri: 09:00-18:00}, holidays: CN}\n", "mine.yaml")
    assert all(note.startswith("mine.yaml:2: CN") for note in policy.notes)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("hours: [office]", "hours consist of names"),
        ("hours: {o: {holidays: CN}}", "do not say their week"),
        ("hours: {o: {week: {mon-fri: nine}}}", "'nine' is no interval; write it like 09:00-18:00"),
        ("hours: {o: {week: {mon-fri: 25:00-26:00}}}", "a time that does not exist"),
        ("hours: {o: {week: {mon-fry: 09:00-18:00}}}", "'mon-fry' is no day of the week"),
        ("hours: {o: {week: {fri-mon: 09:00-18:00}}}", "'fri-mon' is no day of the week"),
        ("hours: {o: {week: {mon-fri: 09:00-18:00, wed: 10:00-11:00}}}", "wed is said twice"),
        ("hours: {o: {week: {mon: [09:00-12:00, 11:00-13:00]}}}", "overlaps"),
        ("hours: {o: {week: {}}}", "never open"),
        ("hours: {o: {week: {mon: 09:00-10:00}, holidays: Atlantis}}", "'Atlantis' is no country"),
        ("hours: {o: {week: {mon: 09:00-10:00}, holidays: XX}}", "no holidays of 'XX' are known"),
        ("hours: {o: {week: {mon: 09:00-10:00}, closed: [tomorrow]}}", "'tomorrow' is no date"),
        ("hours: {o: {week: {mon: 09:00-10:00}, zone: Mars/Olympus}}", "no IANA time zone"),
        ("hours: {o: {weak: {mon: 09:00-10:00}}}", "did you mean week?"),
        ("limits: {wait: {limit: 5m, hours: nights}}", "there are no hours 'nights'"),
        ("limits: {wait: {limit: 5m, pauses: maybe}}", "'maybe' is neither yes nor no"),
        ("limits: {target: {limit: 5m, hours: office}}", "target is no clock; leave hours out"),
    ],
)  # fmt: skip
def test_hours_that_cannot_be_are_refused_with_their_line(said: str, why: str) -> None:
    with pytest.raises(InvalidFile, match=why) as refused:
        parse_policy(said.encode(), "mine.yaml")
    assert all(fault.startswith("mine.yaml:1: ") for fault in refused.value.faults)


def test_the_events_of_a_calendar_beside_the_file_are_closed(tmp_path: Path) -> None:
    events = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:1", "DTSTART;VALUE=DATE:20260907",
              "DTEND;VALUE=DATE:20260909", "SUMMARY:stocktaking", "END:VEVENT", "END:VCALENDAR", ""]  # fmt: skip
    (tmp_path / "own.ics").write_bytes("\r\n".join(events).encode())
    file = tmp_path / "policy.yaml"
    file.write_text("hours:\n  office: {week: {mon-fri: 09:00-18:00}, calendar: own.ics}\n")
    clock = WorkingClock(read_policy(file).hours["office"])
    assert [bool(clock.is_open(at(f"2026-09-{day} 12:00"))) for day in ("04", "07", "08", "09")] == [
        True,
        False,
        False,
        True,
    ]
    file.write_text("hours:\n  office: {week: {mon-fri: 09:00-18:00}, calendar: none.ics}\n")
    with pytest.raises(InvalidFile, match=r"policy\.yaml:2: 'none\.ics' cannot be read: No such file"):
        read_policy(file)
