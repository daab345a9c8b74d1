"""Working hours: the compiled clock against a walk minute by minute, and each decision about hours in one example."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidSetting
from engine.hours import ALL_WEEK, INTERVALS_A_DAY_MAX, LAST_US, NEVER_US, Hours, Intervals, WorkingClock
from engine.times import DAY_US, EARLIEST_US, HOUR_US, LATEST_US, MINUTE_US, SECOND_US, parse_times

#: A walk is slow, so fewer are drawn than elsewhere unless more are asked for.
_EXAMPLES = min(60, settings().max_examples) if settings().derandomize else settings().max_examples
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFICE: Intervals = ((540, 720), (780, 1080))  # 9 to 12 and 13 to 18 o'clock.
_WEEK = (_OFFICE,) * 5 + ((), ())
_SHANGHAI = Hours("Asia/Shanghai", _WEEK)

#: Zones and an instant each near which local time does something odd.
_ODD = (
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),  # An hour is skipped.
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),  # An hour comes twice.
    ("America/New_York", "1969-04-27T07:00:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),  # Midnight is skipped.
    ("America/Havana", "2026-11-01T05:00:00Z"),  # Midnight comes twice.
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),  # A whole day is skipped.
    ("Pacific/Kwajalein", "1969-09-30T13:00:00Z"),  # A day comes twice.
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),  # Half an hour comes twice.
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Asia/Kathmandu", "1985-12-31T18:30:00Z"),  # A quarter is skipped at New Year.
    ("Asia/Shanghai", "2024-02-29T00:00:00Z"),  # A leap day.
    ("Europe/London", "1970-01-01T00:00:00Z"),
    ("America/New_York", "2199-11-03T06:00:00Z"),
)


def _us(text: str) -> int:
    return int(parse_times([text])[0])


@dataclass
class _Walk:
    """The slow reference: looks at each minute's wall clock, from `first_us`, a whole minute, on. Offsets must be whole minutes."""

    hours: Hours
    first_us: int
    minutes: int = 3 * 1440

    def __post_init__(self) -> None:
        zone = ZoneInfo(self.hours.zone)
        start = _EPOCH + timedelta(microseconds=self.first_us)
        self.open = [self._shows((start + timedelta(minutes=m)).astimezone(zone)) for m in range(self.minutes)]

    def _shows(self, wall: datetime) -> bool:
        minute, today = wall.hour * 60 + wall.minute, wall.date()
        tonight = [(begin - 1440, end - 1440) for begin, end in self._begun(today - timedelta(days=1))]
        return any(begin <= minute < end for begin, end in (*tonight, *self._begun(today)))

    def _begun(self, day: date) -> Intervals:
        if day in self.hours.closed:
            return ()
        return self.hours.exceptions[day] if day in self.hours.exceptions else self.hours.week[day.weekday()]

    def elapsed_us(self, start_us: int, end_us: int) -> int:
        if start_us > end_us:
            return -self.elapsed_us(end_us, start_us)
        total = 0
        for index in range((start_us - self.first_us) // MINUTE_US, (end_us - self.first_us) // MINUTE_US + 1):
            begin = self.first_us + index * MINUTE_US
            if index < self.minutes and self.open[index]:
                total += max(0, min(begin + MINUTE_US, end_us) - max(begin, start_us))
        return total

    def due_us(self, start_us: int, budget_us: int) -> int | None:
        """None where it lies behind what is walked."""
        if budget_us <= 0:
            return start_us
        for index in range((start_us - self.first_us) // MINUTE_US, self.minutes):
            begin = max(start_us, self.first_us + index * MINUTE_US)
            here_us = self.first_us + (index + 1) * MINUTE_US - begin if self.open[index] else 0
            if here_us >= budget_us:
                return begin + budget_us
            budget_us -= here_us
        return None


@st.composite
def _day(draw: st.DrawFn) -> Intervals:
    """Intervals of one day on a grid of quarters, the last of which may end at 24:00 or pass midnight."""
    marks = sorted(draw(st.sets(st.integers(0, 95), max_size=6)))
    pairs = [(begin * 15, end * 15) for begin, end in zip(marks[::2], marks[1::2], strict=False)]
    if pairs and draw(st.booleans()):
        begin = pairs[-1][0]
        pairs[-1] = (begin, min(begin + 1440, draw(st.sampled_from((1440, 1440 + 90, 1440 + 240)))))
    return tuple(pairs)


def _apart(days: list[Intervals]) -> tuple[Intervals, ...]:
    """The week with each day's beginning cut away where the night before reaches into it."""
    reach = [days[day - 1][-1][1] - 1440 if days[day - 1] else 0 for day in range(7)]
    cut = [tuple(pair for pair in day if pair[0] >= late) for day, late in zip(days, reach, strict=True)]
    return tuple(cut)


@st.composite
def _odd_hours(draw: st.DrawFn) -> tuple[Hours, int]:
    """Hours with closed dates and exceptions near an odd instant, and the instant a day and a half before it."""
    zone, text = draw(st.sampled_from(_ODD))
    around = date.fromisoformat(text[:10])
    days = st.integers(-3, 3).map(lambda offset: around + timedelta(days=offset))
    week = _apart(draw(st.lists(_day(), min_size=7, max_size=7)))
    exceptions = dict.fromkeys(draw(st.sets(days, max_size=2)), ((300, 1440),))
    closed = frozenset(draw(st.sets(days, max_size=2)) - exceptions.keys())
    if not any(week):
        week = _WEEK
    return Hours(zone, week, closed, exceptions), _us(text) - 36 * HOUR_US


_INSIDE_US = st.one_of(
    st.integers(0, 3 * DAY_US - 1), st.integers(0, 3 * 24 * 4 - 1).map(lambda quarter: quarter * 15 * MINUTE_US)
)


@settings(max_examples=_EXAMPLES)
@given(_odd_hours(), st.lists(st.tuples(_INSIDE_US, _INSIDE_US), min_size=1, max_size=8))
def test_elapsed_equals_the_walk_minute_by_minute(odd: tuple[Hours, int], pairs: list[tuple[int, int]]):
    walk, first_us = _Walk(*odd), odd[1]
    starts, ends = (np.array(pairs, np.int64) + first_us).T
    expected = [walk.elapsed_us(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
    assert WorkingClock(walk.hours).elapsed_us(starts, ends).tolist() == expected


@settings(max_examples=_EXAMPLES)
@given(
    _odd_hours(),
    st.lists(st.tuples(_INSIDE_US, st.integers(0, 200).map(lambda tenth: tenth * 6 * MINUTE_US)), min_size=1),
)
def test_due_equals_the_walk_minute_by_minute(odd: tuple[Hours, int], pairs: list[tuple[int, int]]):
    walk, first_us = _Walk(*odd), odd[1]
    rows = np.array(pairs, np.int64)
    due = WorkingClock(walk.hours).due_us(rows[:, 0] + first_us, rows[:, 1]).tolist()
    end_us = first_us + walk.minutes * MINUTE_US
    for (start_us, budget_us), found in zip(pairs, due, strict=True):
        expected = walk.due_us(start_us + first_us, budget_us)
        assert found == expected if expected is not None else found > end_us


@settings(max_examples=_EXAMPLES)
@given(_odd_hours(), st.lists(_INSIDE_US, min_size=1))
def test_open_and_next_opening_equal_the_walk(odd: tuple[Hours, int], offsets: list[int]):
    walk, first_us = _Walk(*odd), odd[1]
    instants = np.array(offsets, np.int64) + first_us
    clock = WorkingClock(walk.hours)
    assert clock.is_open(instants).tolist() == [walk.open[offset // MINUTE_US] for offset in offsets]
    for instant, opening in zip(instants.tolist(), clock.next_opening_us(instants).tolist(), strict=True):
        expected = walk.due_us(instant, 1)
        assert opening == expected - 1 if expected is not None else opening >= first_us + walk.minutes * MINUTE_US


@given(
    _odd_hours(),
    st.lists(st.tuples(st.integers(EARLIEST_US, LATEST_US), st.integers(1, 400 * HOUR_US)), min_size=1, max_size=5),
)
@settings(max_examples=_EXAMPLES)
def test_what_due_adds_elapsed_finds_again_in_any_year(odd: tuple[Hours, int], rows: list[tuple[int, int]]):
    starts, budgets = np.array(rows, np.int64).T
    clock = WorkingClock(odd[0])
    due = clock.due_us(starts, budgets)
    assert clock.elapsed_us(starts, due).tolist() == budgets.tolist()
    assert clock.elapsed_us(starts, due - 1).tolist() == (budgets - 1).tolist()


@given(st.permutations(range(12)), st.lists(st.integers(1, 11), max_size=3))
@settings(max_examples=30)
def test_the_order_and_company_of_questions_never_changes_an_answer(order: list[int], cuts: list[int]):
    starts = np.array([EARLIEST_US + year * 9_131 * DAY_US for year in range(12)])
    budgets = np.arange(12) * 90 * HOUR_US
    together = WorkingClock(_SHANGHAI).due_us(starts, budgets)
    clock = WorkingClock(_SHANGHAI)
    for part in np.split(np.array(order), sorted(cuts)):
        assert clock.due_us(starts[part], budgets[part]).tolist() == together[part].tolist()
    assert clock.elapsed_us(starts, together).tolist() == budgets.tolist()


@pytest.mark.parametrize(
    ("start", "budget_us", "due"),
    [
        (
            "2026-11-21T22:00:00+08:00",
            2 * HOUR_US,
            "2026-11-23T11:00:00+08:00",
        ),  # Saturday night: Monday, two hours in.
        ("2026-11-20T17:00:00+08:00", HOUR_US, "2026-11-20T18:00:00+08:00"),  # Ends exactly at closing: due at closing.
        ("2026-11-20T17:00:00+08:00", HOUR_US + 1, "2026-11-23T09:00:00.000001+08:00"),
        ("2026-11-20T11:30:00+08:00", HOUR_US, "2026-11-20T13:30:00+08:00"),  # Over the midday break.
        ("2026-11-21T22:00:00+08:00", 0, "2026-11-21T22:00:00+08:00"),  # No time at all is due at once, open or closed.
        ("2026-11-20T17:00:00+08:00", -HOUR_US, "2026-11-20T17:00:00+08:00"),
    ],
)
def test_when_a_budget_of_working_time_is_due(start: str, budget_us: int, due: str):
    assert int(WorkingClock(_SHANGHAI).due_us(_us(start), budget_us)) == parse_times([due])[0]


def test_a_holiday_has_no_working_time_and_a_make_up_day_has_its_own():
    #  Thu 1 Oct closed | Fri 2 Oct open | Sat 3 Oct worked until noon | Sun closed
    hours = Hours("Asia/Shanghai", _WEEK, frozenset({date(2026, 10, 1)}), {date(2026, 10, 3): ((540, 720),)})
    midnights = _us("2026-10-01T00:00:00+08:00") + np.arange(5) * DAY_US
    worked = WorkingClock(hours).elapsed_us(midnights[:-1], midnights[1:])
    assert (worked // HOUR_US).tolist() == [0, 8, 3, 0]


def test_a_night_shift_that_began_before_a_holiday_ends_as_usual_and_none_begins_on_it():
    hours = Hours("UTC", (((1320, 1800),),) * 7, frozenset({date(2026, 5, 1)}))
    clock = WorkingClock(hours)
    assert clock.is_open([_us("2026-05-01T05:59:59Z"), _us("2026-05-01T06:00:00Z")]).tolist() == [True, False]
    assert clock.is_open([_us("2026-05-01T23:00:00Z"), _us("2026-05-02T01:00:00Z")]).tolist() == [False, False]


@pytest.mark.parametrize(
    ("day", "worked_h"),
    [(date(2026, 3, 29), 3), (date(2026, 10, 25), 5), (date(2026, 11, 1), 4)],
)
def test_the_hour_that_is_skipped_counts_nothing_and_the_one_that_repeats_counts_twice(day: date, worked_h: int):
    clock = WorkingClock(Hours("Europe/Berlin", (((60, 300),),) * 7))  # 1 to 5 o'clock.
    noon_us = _us(f"{day}T12:00:00Z")
    assert int(clock.elapsed_us(noon_us - 12 * HOUR_US - 2 * HOUR_US, noon_us)) == worked_h * HOUR_US


def test_a_day_that_a_zone_skipped_has_no_working_time():
    clock = WorkingClock(Hours("Pacific/Apia", (((0, 1440),),) * 6 + ((),)))
    #  Thu 29 Dec 2011 24:00 is Sat 31 Dec 00:00; the Friday never was.
    thursday_us = _us("2011-12-29T00:00:00-10:00")
    assert int(clock.elapsed_us(thursday_us, _us("2012-01-01T00:00:00+14:00"))) == 48 * HOUR_US


def test_offsets_of_seconds_are_kept_to_the_second():
    clock = WorkingClock(Hours("Europe/Amsterdam", (((540, 600),),) * 7))
    wall = datetime(1930, 1, 15, 9, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))
    opening_us = (wall - _EPOCH) // timedelta(microseconds=1)
    assert wall.utcoffset() and opening_us % HOUR_US
    assert int(clock.next_opening_us(opening_us - HOUR_US)) == opening_us


def test_a_day_may_end_at_midnight_and_the_next_begin_there_without_a_seam():
    clock = WorkingClock(Hours("Asia/Tokyo", ((((0, 720), (720, 1440))),) * 7))
    assert int(clock.due_us(_us("2026-01-01T00:00:00Z"), 30 * DAY_US)) == _us("2026-01-31T00:00:00Z")


def test_round_the_clock_is_plain_subtraction_and_needs_no_intervals():
    clock = WorkingClock(Hours())
    starts = np.array([EARLIEST_US, -1, 0, LATEST_US])
    assert clock.elapsed_us(starts, 0).tolist() == (-starts).tolist()
    assert clock.due_us(starts, HOUR_US).tolist() == (starts + HOUR_US).tolist()
    assert clock.is_open(starts).all() and clock.next_opening_us(starts).tolist() == starts.tolist()
    assert Hours().always and Hours(week=ALL_WEEK, closed=frozenset({date(2026, 1, 1)})).always is False


def test_time_left_counts_down_goes_below_zero_and_never_ends_for_what_is_never_due():
    clock = WorkingClock(_SHANGHAI)
    due = _us("2026-11-20T11:00:00+08:00")
    nows = [due - 90 * MINUTE_US, due, _us("2026-11-20T14:00:00+08:00")]
    assert clock.left_us(nows, due).tolist() == [90 * MINUTE_US, 0, -2 * HOUR_US]
    assert clock.left_us(nows, NEVER_US).tolist() == [NEVER_US] * 3


@pytest.mark.parametrize(
    "hours", [Hours(), _SHANGHAI, Hours(week=((),) * 7, exceptions={date(2026, 1, 1): ((0, 60),)})]
)
def test_a_budget_that_is_never_used_up_is_never_due(hours: Hours):
    due = WorkingClock(hours).due_us(_us("2026-01-01T00:00:00Z"), [NEVER_US, LAST_US, 300 * 366 * DAY_US])
    assert due.tolist() == [NEVER_US] * 3


def test_hours_of_exceptions_alone_open_on_them_and_never_again():
    clock = WorkingClock(Hours("UTC", ((),) * 7, exceptions={date(2026, 1, 1): ((0, 60),)}))
    openings = clock.next_opening_us([EARLIEST_US, _us("2026-01-01T00:59:00Z"), _us("2026-01-01T01:00:00Z"), LATEST_US])
    assert openings.tolist() == [_us("2026-01-01T00:00:00Z"), _us("2026-01-01T00:59:00Z"), NEVER_US, NEVER_US]
    assert clock.due_us(0, [HOUR_US, HOUR_US + 1]).tolist() == [_us("2026-01-01T01:00:00Z"), NEVER_US]


def test_instants_centuries_apart_build_only_the_years_they_lie_in():
    clock = WorkingClock(_SHANGHAI)
    clock.due_us([EARLIEST_US, 0, _us("2026-01-01T00:00:00Z"), LATEST_US], HOUR_US)
    assert len(clock._chunks) == 4


@pytest.mark.parametrize("hours", [_SHANGHAI, Hours("Europe/Berlin", (((1320, 1800),),) * 7)])
def test_the_time_between_two_instants_is_the_sum_of_its_parts_however_long(hours: Hours):
    #  Parts end at multiples of 2**46 too, where what is built at a time ends.
    marks = np.sort(np.concatenate((np.arange(-31, 103) << 46, np.arange(EARLIEST_US, LATEST_US, 7_777 * DAY_US))))
    parts = WorkingClock(hours).elapsed_us(marks[:-1], marks[1:])
    assert int(WorkingClock(hours).elapsed_us(marks[0], marks[-1])) == parts.sum() > 0
    assert int(WorkingClock(hours).elapsed_us(marks[-1], marks[0])) == -parts.sum()
    assert WorkingClock(hours).due_us(marks[:-1], parts + 1).tolist() == [
        int(WorkingClock(hours).due_us(mark, 1)) for mark in marks[1:]
    ]


def test_answers_have_the_shape_of_the_questions():
    clock = WorkingClock(_SHANGHAI)
    assert clock.elapsed_us(0, HOUR_US).shape == ()
    assert clock.elapsed_us([], []).shape == clock.due_us([], 5).shape == (0,)
    assert clock.due_us(np.zeros((2, 1), np.int64), np.ones(3, np.int64)).shape == (2, 3)


@pytest.mark.parametrize("instant", [EARLIEST_US - 1, LAST_US + 1, np.iinfo(np.int64).min, np.iinfo(np.int64).max])
@pytest.mark.parametrize("hours", [Hours(), _SHANGHAI])
def test_an_instant_outside_the_legal_years_is_refused(hours: Hours, instant: int):
    with pytest.raises(ValueError, match="outside the years 1900 to 2299"):
        WorkingClock(hours).elapsed_us(instant, 0)
    with pytest.raises(ValueError, match="outside the years 1900 to 2299"):
        WorkingClock(hours).due_us(instant, 0)


def test_a_float_is_no_instant():
    with pytest.raises(TypeError, match="integer microseconds"):
        WorkingClock(_SHANGHAI).due_us(0, 1.5 * SECOND_US)


_MONDAY = ((), (), (), (), (), ())


@pytest.mark.parametrize(
    ("settings_", "sentence"),
    [
        ({"week": ((),) * 7}, "never open: no weekday and no exception has an interval; add at least one"),
        ({"week": ((),) * 7, "exceptions": {date(2026, 1, 1): ()}}, "never open"),
        ({"zone": "Pacific/Apia", "week": ((),) * 7, "exceptions": {date(2011, 12, 30): ((0, 60),)}}, "never open"),
        ({"week": ((),) * 7, "exceptions": {date(1, 1, 1): ((0, 60),), date(9999, 12, 31): ((0, 60),)}}, "never open"),
        ({"week": _WEEK[:5]}, "the week has 5 days; list the intervals of Monday to Sunday"),
        ({"week": (((540, 540),), *_MONDAY)}, "Monday 09:00 to 09:00 is empty or longer than a day; end it after"),
        ({"week": (((540, 500),), *_MONDAY)}, "Monday 09:00 to 08:20 is empty"),
        ({"week": (((540, 1981),), *_MONDAY)}, "longer than a day"),
        ({"week": (((1440, 1500),), *_MONDAY)}, "Monday 24:00 to 25:00 begins outside its day"),
        ({"week": (((-60, 60),), *_MONDAY)}, "begins outside its day"),
        ({"week": (((540, 720), (700, 800)), *_MONDAY)}, "Monday 11:40 to 13:20 overlaps the interval before it"),
        ({"week": (((780, 900), (540, 720)), *_MONDAY)}, "or is out of order; list them apart, earliest first"),
        ({"week": ((), (), (), (), (), (), ((1320, 1800),))[::-1]}, None),
        ({"week": (((300, 400),), (), (), (), (), (), ((1320, 1800),))}, "Sunday overlaps the day after: it ends at 06:00"),
        ({"week": (tuple((2 * m, 2 * m + 1) for m in range(INTERVALS_A_DAY_MAX + 1)), *_MONDAY)}, "at most 24 are kept"),
        ({"closed": frozenset({date(2026, 1, 1)}), "exceptions": {date(2026, 1, 1): ((0, 60),)}}, "keep one of the two"),
        ({"week": _WEEK, "exceptions": {date(2026, 1, 1): ((1320, 2000),)}}, "2026-01-01 overlaps the day after"),
        ({"week": (((1320, 1800),),) * 7, "exceptions": {date(2026, 1, 2): ((0, 60),)}}, "2026-01-01 overlaps the day"),
        ({"exceptions": {date(2026, 1, 2): ((60, 0),)}}, "2026-01-02 01:00 to 00:00 is empty"),
        *[({"zone": zone}, "is no IANA time zone; write it like Asia/Shanghai") for zone in ("", "Mars/Base", "../../etc", "\0")],
    ],
)  # fmt: skip
def test_hours_that_contradict_themselves_or_never_open_are_refused(settings_: dict, sentence: str | None):
    if sentence is None:
        Hours(**settings_)
        return
    with pytest.raises(InvalidSetting, match=re.escape(sentence)):
        Hours(**settings_)


def test_equal_hours_are_equal_and_may_be_keys():
    first, second = (Hours("UTC", _WEEK, exceptions={date(2026, 1, 3): _OFFICE}) for _ in range(2))
    assert {first: 1}[second] == 1
    assert first != Hours("UTC", _WEEK)
