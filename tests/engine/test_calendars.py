"""Calendars for compiled code say what the working clocks say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.calendars import UNLIMITED, Calendars, due_at, is_covered
from engine.hours import NEVER_US, Hours, WorkingClock
from engine.times import DAY_US, MINUTE_US

OFFICE = Hours("Asia/Shanghai", (((9 * 60, 12 * 60), (13 * 60, 18 * 60)),) * 5 + ((), ()))
NIGHT = Hours("America/New_York", (((22 * 60, 30 * 60),),) * 7)
HOURS = {"office": OFFICE, "night": NIGHT}
LONGEST_US = {"office": 80 * 60 * MINUTE_US, "night": DAY_US}


@given(
    st.integers(0, 2 * 10**9),
    st.integers(1, 80 * 60 * 60),
    st.booleans(),
    st.lists(st.integers(0, 2 * 10**9), max_size=3),
)
def test_a_deadline_is_when_the_working_clock_says(start_s: int, budget_s: int, office: bool, others_s: list[int]):
    calendars = Calendars(HOURS, LONGEST_US)
    for covered_s in (*others_s, start_s):
        calendars.cover(covered_s * 1_000_000, covered_s * 1_000_000)
    name = "office" if office else "night"
    start_us, budget_us = start_s * 1_000_000 + 1, min(budget_s * 1_000_000, LONGEST_US[name])
    assert is_covered(calendars.tables[3], start_us, start_us)
    found = due_at(calendars.names.index(name), start_us, budget_us, *calendars.tables)
    assert found == WorkingClock(HOURS[name]).due_us(start_us, budget_us)


def test_around_the_clock_nothing_needs_to_be_covered():
    calendars = Calendars({}, {})
    assert is_covered(calendars.tables[3], -(10**15), 10**15)
    assert due_at(0, 5, 7, *calendars.tables) == 12


def test_what_will_never_have_been_open_for_so_long_is_never_due():
    once = Hours("UTC", ((),) * 7, exceptions={np.datetime64(DAY_US, "us").astype(object).date(): ((0, 60),)})
    calendars = Calendars({"once": once}, {"once": 3 * 60 * MINUTE_US})
    calendars.cover(0, 0)
    assert due_at(1, 0, 60 * MINUTE_US, *calendars.tables) == DAY_US + 60 * MINUTE_US
    assert due_at(1, 0, 60 * MINUTE_US + 1, *calendars.tables) == UNLIMITED
    assert WorkingClock(once).due_us(0, 60 * MINUTE_US + 1) == NEVER_US
