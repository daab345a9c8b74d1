"""Calendars from outside: what the holidays library and an iCalendar feed say becomes days of hours, or one clear refusal."""

from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.hours import Hours, Intervals, WorkingClock
from engine.times import HOUR_US, MINUTE_US, parse_times
from streams.calendars.days import Days, UnusableCalendar
from streams.calendars.feed import EVENTS_MAX, FEED_BYTES_MAX, feed_days
from streams.calendars.public import public_holidays

_OFFICE: Intervals = ((540, 720), (780, 1080))  # 9 to 12 and 13 to 18 o'clock.
_SHANGHAI = Hours("Asia/Shanghai", (_OFFICE,) * 5 + ((), ()))
_BERLIN = Hours("Europe/Berlin", (_OFFICE,) * 5 + ((), ()))
_NIGHT = Hours("UTC", (((1320, 1800),),) * 7)  # 22 to 6 o'clock.
_2026 = range(2026, 2027)


def _feed(*events: str) -> bytes:
    """A feed of events, each given as its lines separated by blanks."""
    body = [f"BEGIN:VEVENT\r\n{event.replace(' ', chr(13) + chr(10))}\r\nEND:VEVENT\r\n" for event in events]
    return ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//EN\r\n" + "".join(body) + "END:VCALENDAR\r\n").encode()


def _dates(*texts: str) -> set[date]:
    return {date.fromisoformat(text) for text in texts}


def _closed(*events: str, hours: Hours = _BERLIN, years: range = _2026) -> Days:
    return feed_days(_feed(*events), hours, years)


# China, by the notices of the General Office of the State Council for 2025 and 2026.
@pytest.mark.parametrize(
    ("year", "closed_weekdays", "worked"),
    [
        (
            2025,
            "01-01 01-28 01-29 01-30 01-31 02-03 02-04 04-04 05-01 05-02 05-05 06-02 10-01 10-02 10-03 10-06 10-07 10-08",
            "01-26 02-08 04-27 09-28 10-11",
        ),
        (
            2026,
            "01-01 01-02 02-16 02-17 02-18 02-19 02-20 02-23 04-06 05-01 05-04 05-05 06-19 09-25 10-01 10-02 10-05 10-06 10-07",
            "01-04 02-14 02-28 05-09 09-20 10-10",
        ),
    ],
)
def test_china_closes_its_holidays_and_works_on_its_make_up_days(year: int, closed_weekdays: str, worked: str):
    days = public_holidays(_SHANGHAI, "CN", range(year, year + 1))
    assert {day for day in days.closed if day.weekday() < 5} == _dates(
        *(f"{year}-{d}" for d in closed_weekdays.split())
    )
    assert days.exceptions == dict.fromkeys(_dates(*(f"{year}-{d}" for d in worked.split())), _OFFICE)
    assert days.notes == ()


def test_a_mail_on_the_eve_of_national_day_is_due_after_it_and_on_a_made_up_saturday():
    hours = public_holidays(_SHANGHAI, "CN", _2026).added_to(_SHANGHAI)
    clock = WorkingClock(hours)
    eve, thursday, friday = parse_times(
        ["2026-09-30T17:00:00+08:00", "2026-10-08T10:00:00+08:00", "2026-10-09T17:30:00+08:00"]
    )
    assert int(clock.due_us(eve, 2 * HOUR_US)) == thursday
    assert int(clock.due_us(friday, HOUR_US)) == parse_times(["2026-10-10T09:30:00+08:00"])[0]


def test_a_year_that_is_not_decreed_yet_is_told_and_not_guessed_in_silence():
    days = public_holidays(_SHANGHAI, "CN", range(2026, 2032))
    (note,) = days.notes
    assert "2030, 2031: only the holidays fixed by law are known" in note and "known: 2001 to" in note
    assert not [day for day in days.exceptions if day.year >= 2030]
    assert date(2031, 10, 1) in days.closed


@pytest.mark.parametrize("country", ["TR", "SA", "MY"])
def test_dates_that_wait_for_the_moon_are_told_as_estimated(country: str):
    (note,) = public_holidays(_BERLIN, country, range(2040, 2041)).notes
    assert f"{country}: estimated" in note and "2040-" in note


def test_a_subdivision_has_holidays_of_its_own():
    fronleichnam = date(2026, 6, 4)
    assert fronleichnam in public_holidays(_BERLIN, "DE", _2026, subdivision="BY").closed
    assert fronleichnam not in public_holidays(_BERLIN, "DE", _2026).closed
    assert public_holidays(_BERLIN, "DE", _2026).notes == ()


@pytest.mark.parametrize(
    ("country", "subdivision", "years", "sentence"),
    [
        ("XX", None, _2026, "no holidays of 'XX' are known; write a country's code"),
        ("__class__", None, _2026, "no holidays of"),
        ("HolidayBase", None, _2026, "no holidays of"),
        ("DE", "XX", _2026, "DE has no subdivision 'XX'; choose from BB, BE"),
        ("DE", None, range(1980, 2000), "holidays of DE are known from 1991 to"),
        ("DE", None, range(2026, 2026), "the years 2026 to 2025 cannot be used"),
        ("DE", None, range(1, 3000), "cannot be used; ask for 1 to 100 from 1900"),
    ],
)
def test_what_the_library_does_not_know_is_refused(country: str, subdivision: str | None, years: range, sentence: str):
    with pytest.raises(UnusableCalendar, match=sentence):
        public_holidays(_BERLIN, country, years, subdivision=subdivision)


def test_days_added_later_win_over_what_was_said_of_the_same_dates():
    first, second, third = (date(2026, 10, day) for day in (1, 2, 3))
    hours = Days(closed=frozenset({first}), exceptions={second: _OFFICE}).added_to(_SHANGHAI)
    hours = Days(closed=frozenset({second}), exceptions={first: ((0, 60),), third: ((0, 90),)}).added_to(hours)
    assert (hours.closed, dict(hours.exceptions)) == ({second}, {first: ((0, 60),), third: ((0, 90),)})


def test_an_all_day_event_closes_its_dates_and_its_end_is_not_one_of_them():
    assert _closed("DTSTART;VALUE=DATE:20260101").closed == _dates("2026-01-01")
    three = _closed("DTSTART;VALUE=DATE:20260810 DTEND;VALUE=DATE:20260813")
    assert three.closed == _dates("2026-08-10", "2026-08-11", "2026-08-12") and not three.exceptions


def test_a_timed_event_takes_its_time_out_of_the_hours_in_their_zone():
    #  09------12   13----------18        Berlin, Monday 5 January
    #         11:30-----15:00             closed, 10:30 to 14:00 UTC
    days = _closed("DTSTART:20260105T103000Z DTEND:20260105T140000Z")
    assert days.exceptions == {date(2026, 1, 5): ((540, 690), (900, 1080))} and not days.closed


def test_a_floating_time_is_of_the_zone_of_the_hours_and_seconds_are_rounded_outwards():
    days = _closed("DTSTART:20260105T100030 DURATION:PT29M10S")
    assert days.exceptions == {date(2026, 1, 5): ((540, 600), (630, 720), (780, 1080))}


def test_a_timed_event_over_several_days_leaves_what_lies_before_and_after_it():
    days = _closed("DTSTART;TZID=Europe/Berlin:20261223T120000 DTEND;TZID=Europe/Berlin:20261228T090000")
    assert days.exceptions == {date(2026, 12, 23): ((540, 720),)}
    assert days.closed == _dates("2026-12-24", "2026-12-25")


def test_an_event_after_midnight_cuts_the_shift_that_began_the_evening_before():
    days = _closed("DTSTART:20260106T010000Z DTEND:20260106T020000Z", hours=_NIGHT)
    assert days.exceptions == {date(2026, 1, 5): ((1320, 1500),), date(2026, 1, 6): ((120, 360), (1320, 1800))}
    clock = WorkingClock(days.added_to(_NIGHT))
    begin, end = parse_times(["2026-01-05T12:00:00Z", "2026-01-06T12:00:00Z"])
    assert int(clock.elapsed_us(begin, end)) == 7 * HOUR_US


def test_an_open_feed_opens_dates_and_times_of_their_own():
    feed = _feed(
        "DTSTART;VALUE=DATE:20260103",
        "DTSTART:20260104T100000 DTEND:20260104T120000",
        "DTSTART:20260106T220000 DTEND:20260107T020000",
    )
    days = feed_days(feed, _BERLIN, _2026, meaning="open")
    assert days.exceptions == {
        date(2026, 1, 3): _OFFICE, date(2026, 1, 4): ((600, 720),), date(2026, 1, 6): ((1320, 1560),),
    }  # fmt: skip


def test_rules_repeat_by_the_wall_clock_with_exclusions_additions_and_moved_occurrences():
    days = _closed(
        "UID:a DTSTART;TZID=Europe/Berlin:20260323T090000 DTEND;TZID=Europe/Berlin:20260323T100000"
        " RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4 EXDATE;TZID=Europe/Berlin:20260406T090000 RDATE:20260408T110000Z",
        "UID:a RECURRENCE-ID:20260413T070000Z DTSTART:20260414T070000Z DTEND:20260414T080000Z",
    )
    later = ((600, 720), (780, 1080))
    assert days.exceptions == {
        date(2026, 3, 23): later, date(2026, 3, 30): later, date(2026, 4, 8): ((540, 720), (840, 1080)), date(2026, 4, 14): later,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "dates"),
    [
        ("DTSTART;VALUE=DATE:16041225 RRULE:FREQ=YEARLY", "2026-12-25"),
        ("DTSTART;VALUE=DATE:20200229 RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "2026-02-28"),
        ("DTSTART;VALUE=DATE:20201126 RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2026-11-26"),
        (
            "DTSTART;VALUE=DATE:20260130 RRULE:FREQ=MONTHLY;BYMONTHDAY=30;UNTIL=20260430",
            "2026-01-30 2026-03-30 2026-04-30",
        ),
        ("DTSTART;VALUE=DATE:20260130 RRULE:FREQ=DAILY;UNTIL=20260201T000000Z", "2026-01-30 2026-01-31 2026-02-01"),
        ("DTSTART;VALUE=DATE:20251230 RRULE:FREQ=DAILY;COUNT=4 EXDATE;VALUE=DATE:20260101", "2026-01-02"),
        (
            "DTSTART;VALUE=DATE:20261230 RRULE:FREQ=YEARLY;INTERVAL=2;UNTIL=99991231 EXDATE;VALUE=DATE:20281230",
            "2026-12-30",
        ),
        ("DTSTART;VALUE=DATE:20270101 RRULE:FREQ=DAILY", ""),
        ("STATUS:CANCELLED DTSTART;VALUE=DATE:20260101", ""),
        ("DTSTART:20260105T100000Z", ""),
    ],
)
def test_what_a_rule_closes_in_a_year(rule: str, dates: str):
    assert _closed(rule, hours=Hours(), years=_2026).closed == _dates(*dates.split())


def test_a_cancelled_occurrence_of_a_rule_is_open_again():
    days = _closed(
        "UID:a DTSTART;VALUE=DATE:20260105 RRULE:FREQ=DAILY;COUNT=3",
        "UID:a RECURRENCE-ID;VALUE=DATE:20260106 DTSTART;VALUE=DATE:20260106 STATUS:CANCELLED",
    )
    assert days.closed == _dates("2026-01-05", "2026-01-07")


def test_text_alarms_and_zones_of_the_feed_are_never_looked_at():
    zone = "BEGIN:VTIMEZONE TZID:Asia/Shanghai BEGIN:STANDARD DTSTART:19700101T000000 RRULE:FREQ=SECONDLY END:STANDARD END:VTIMEZONE"
    alarm = "BEGIN:VALARM DTSTART:nonsense REPEAT:999999999 END:VALARM"
    event = f"SUMMARY:{'x' * 9_000} DTSTART;TZID=Asia/Shanghai:20260105T160000 {alarm} DURATION:PT1H"
    feed = _feed(event).replace(b"BEGIN:VEVENT", zone.replace(" ", "\r\n").encode() + b"\r\nBEGIN:VEVENT", 1)
    assert feed_days(feed, _BERLIN, _2026).exceptions == {date(2026, 1, 5): ((600, 720), (780, 1080))}


_NEVER = "DTSTART;VALUE=DATE:16000101 RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ("SUMMARY:x", "event 1 of the feed has no single DTSTART; correct or remove it there"),
        ("DTSTART:nonsense", "has no valid DTSTART"),
        ("DTSTART:20260101T000000Z DTSTART:20260102T000000Z", "has no single DTSTART"),
        ("DTSTART;TZID=Mars/Base:20260101T000000", "unknown zone 'Mars/Base'"),
        ("DTSTART;TZID=../../etc/passwd:20260101T000000", "unknown zone"),
        ("DTSTART;VALUE=DATE:20260102 DTEND;VALUE=DATE:20260101", "ends before it begins"),
        ("DTSTART;VALUE=DATE:20260102 DTEND:20260103T000000Z", "begins on a date and ends at a time"),
        ("DTSTART;VALUE=DATE:00010101", "has a date in the year 1"),
        ("DTSTART;VALUE=DATE:99991231", "has a date in the year 9999"),
        ("DTSTART;VALUE=DATE:20260101 DTEND;VALUE=DATE:80000101", "lasts longer than 100 years"),
        ("DTSTART;VALUE=DATE:20260101 DURATION:P99999999999D", "has no valid DURATION"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=SECONDLY", "repeats by the hour or in a way"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=YEARLY;BYHOUR=1,2,3", "repeats by the hour or in a way"),
        ("DTSTART:20260101T000000Z RRULE:COUNT=3", "event 1 of the feed"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=DAILY;INTERVAL=0", "repeats at no interval"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=DAILY;COUNT=-1", "repeats at no interval or no number of times"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=YEARLY;BYMONTHDAY=77;BYSETPOS=0", "event 1 of the feed"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=DAILY RRULE:FREQ=WEEKLY", "has several recurrence rules"),
        ("DTSTART:15000101T000000Z RRULE:FREQ=DAILY", "repeats from before the year 1600"),
        ("DTSTART:20260101T000000Z RDATE;VALUE=PERIOD:20260101T000000Z/PT1H", "has a period or an unknown zone in RDATE"),
        ("UID:a DTSTART:20260101T000000Z RECURRENCE-ID;RANGE=THISANDFUTURE:20260101T000000Z", "and all that follow"),
        ("DTSTART:20260101T000000Z RRULE:FREQ=DAILY;BYYEARDAY=" + ",".join(map(str, range(1, 366))), "has a RRULE longer than"),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_used_is_refused_by_its_number(event: str, sentence: str):
    with pytest.raises(UnusableCalendar, match=sentence):
        _closed(event)


@pytest.mark.parametrize(
    ("feed", "sentence"),
    [
        (b"", "no whole iCalendar, from BEGIN:VCALENDAR to END:VCALENDAR; check its address"),
        (b"<html>404</html>", "no whole iCalendar"),
        (_feed("DTSTART;VALUE=DATE:20260101")[:-20], "no whole iCalendar"),
        (b"BEGIN:VCALENDAR\r\n" * 60_000, "no whole iCalendar"),
        (b"x" * (FEED_BYTES_MAX + 1), "larger than 1048576 bytes"),
        (_feed(*["UID:x"] * (EVENTS_MAX + 1)), "has 5001 events, more than 5000"),
        (_feed(*[_NEVER] * 100), "repeat too often: more than 100000 dates or 3 s"),
        (_feed(*["DTSTART;VALUE=DATE:20260101 DTEND;VALUE=DATE:20261231"] * 400), "repeat too often"),
    ],
)
def test_a_feed_that_is_broken_or_too_much_is_refused(feed: bytes, sentence: str):
    with pytest.raises(UnusableCalendar, match=sentence):
        feed_days(feed, _BERLIN, _2026)


_LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ("BEGIN:VEVENT", "END:VEVENT", "BEGIN:VCALENDAR", "END:VCALENDAR", "DTSTART;VALUE=DATE:20260101", "DTSTART:20260101T",
             "DTEND;TZID=X:20260101T000000", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY;BYDAY=9MO", "RRULE:;;=", "EXDATE:", "RDATE:,",
             "DURATION:-PT1H", "RECURRENCE-ID:20260101", "UID:\x00", "DTSTART;VALUE=PERIOD:20260101T000000Z/PT1H", "STATUS;X=\"")
        ),
        st.text(max_size=30),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(_LINES, st.booleans())
@example(["DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY;BYMONTH=2L"], True)
def test_whatever_a_feed_holds_it_is_days_or_one_refusal(lines: list[str], wrapped: bool):
    text = "\r\n".join(lines)
    data = f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{text}\r\nEND:VEVENT\r\nEND:VCALENDAR" if wrapped else text
    try:
        assert isinstance(feed_days(data.encode(), _BERLIN, _2026), Days)
    except UnusableCalendar as refusal:
        assert "; " in str(refusal) and len(str(refusal)) < 300


def test_a_feed_is_read_up_to_the_limit():
    with pytest.raises(UnusableCalendar, match="use one that holds only the days off"):
        feed_days(b"x" * (FEED_BYTES_MAX + 1), _BERLIN, _2026)


def test_a_holiday_and_a_feed_together_make_hours_that_count_right():
    hours = public_holidays(_BERLIN, "DE", _2026).added_to(_BERLIN)
    hours = _closed("DTSTART:20260105T100000 DURATION:PT30M", hours=hours).added_to(hours)
    begin, end = parse_times(["2026-01-01T00:00:00Z", "2026-01-06T00:00:00Z"])
    assert int(WorkingClock(hours).elapsed_us(begin, end)) == (8 + 8) * HOUR_US - 30 * MINUTE_US
