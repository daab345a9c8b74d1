"""Windows lie where people expect them: from local midnight, half-open, whole on every day of the calendar."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidSetting
from engine.times import DAY_US, HOUR_US, MINUTE_US, iso, parse_times
from engine.windows import Spec, _Levels, bounds_between, collect, pane_us_of
from tests.engine.events import S, at, clock_us, engine_of

_ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
)


def _us(text: str) -> int:
    return int(parse_times([text])[0])


def _bounds(size_us: int, step_us: int, zone: str, first: str, last: str) -> list[tuple[str, str]]:
    where = ZoneInfo(zone)
    starts, ends = bounds_between(Spec(size_us, step_us), where, _us(first), _us(last))
    return [(iso(start, where), iso(end, where)) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("zone", "midnight"), [("Asia/Shanghai", "2026-11-10T16:00:00Z"), ("Asia/Kolkata", "2026-11-10T18:30:00Z")]
)
def test_windows_begin_at_local_midnight(zone: str, midnight: str):
    #  local  23:30 [ 00:00  00:30 ) [ 00:30  01:00 )
    inside_us = _us(midnight) + 10 * MINUTE_US
    starts, ends = bounds_between(Spec(30 * MINUTE_US, 30 * MINUTE_US), ZoneInfo(zone), inside_us, inside_us)
    assert (starts.tolist(), ends.tolist()) == ([_us(midnight)], [_us(midnight) + 30 * MINUTE_US])
    days, _ = bounds_between(Spec(DAY_US, DAY_US), ZoneInfo(zone), inside_us, inside_us)
    assert days.tolist() == [_us(midnight)]


def test_the_day_of_the_missing_hour_has_23_windows_and_none_at_two():
    #  01:00+01:00 [ ) 03:00+02:00
    found = _bounds(HOUR_US, HOUR_US, "Europe/Berlin", "2026-03-29T00:00:00+01:00", "2026-03-29T23:59:59+02:00")
    assert len(found) == 23
    assert found[1] == ("2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00")


def test_the_day_of_the_hour_that_comes_twice_has_25_windows_and_two_at_two():
    found = _bounds(HOUR_US, HOUR_US, "Europe/Berlin", "2026-10-25T00:00:00+02:00", "2026-10-25T23:59:59+01:00")
    assert len(found) == 25
    assert [start for start, _ in found if "T02" in start] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


def test_the_last_window_before_midnight_is_shorter_where_the_day_is():
    #  23 hours: [0 6) [6 12) [12 18) [18 23); the clock of the wall shows one more from 3 o'clock on.
    found = _bounds(6 * HOUR_US, 6 * HOUR_US, "Europe/Berlin", "2026-03-29T00:00:00+01:00", "2026-03-29T23:59:59+02:00")
    assert [start[11:13] for start, _ in found] == ["00", "07", "13", "19"]
    assert found[-1][1] == "2026-03-30T00:00:00+02:00"


@pytest.mark.parametrize(
    ("first", "days"),
    [
        ("2026-02-28", ["2026-02-28", "2026-03-01"]), ("2028-02-28", ["2028-02-28", "2028-02-29", "2028-03-01"]),
        ("2026-12-31", ["2026-12-31", "2027-01-01"]), ("2026-04-30", ["2026-04-30", "2026-05-01"]),
        ("1969-12-31", ["1969-12-31", "1970-01-01"]), ("1904-02-29", ["1904-02-29", "1904-03-01"]),
    ],
)  # fmt: skip
def test_days_follow_each_other_over_month_ends_leap_days_and_1970(first: str, days: list[str]):
    found = _bounds(DAY_US, DAY_US, "UTC", f"{first}T12:00:00Z", f"{days[-1]}T00:00:00Z")
    assert [start[:10] for start, _ in found] == days
    assert [end for _, end in found][:-1] == [start for start, _ in found][1:]


def test_steps_below_a_second_lie_on_the_second():
    found = _bounds(
        1_500_000, 500_000, "Asia/Shanghai", "2026-11-11T00:00:00.250+08:00", "2026-11-11T00:00:00.250+08:00"
    )
    assert [start[11:-6] for start, _ in found] == ["23:59:59", "23:59:59.500", "00:00:00"]


@given(
    st.sampled_from(_ZONES), st.sampled_from((HOUR_US, 30 * MINUTE_US, 15 * MINUTE_US, 500_000, DAY_US)),
    st.integers(0, 2**51), st.integers(0, 3 * HOUR_US),
)  # fmt: skip
def test_every_instant_lies_in_exactly_one_tumbling_window(zone: str, size_us: int, first_us: int, length_us: int):
    last_us = first_us + min(length_us, 100 * size_us)
    starts, ends = bounds_between(Spec(size_us, size_us), ZoneInfo(zone), first_us, last_us)
    assert starts[0] <= first_us and ends[-1] > last_us
    assert starts[1:].tolist() == ends[:-1].tolist()
    assert (ends > starts).all() and (ends - starts <= size_us).all()


@given(st.integers(-(2**50), 2**51), st.sampled_from(((60 * S, 20 * S), (50 * S, 20 * S), (HOUR_US, 15 * MINUTE_US))))
def test_an_instant_lies_in_all_hopping_windows_that_hold_it_and_in_no_other(
    instant_us: int, size_and_step: tuple[int, int]
):
    size_us, step_us = size_and_step
    starts, ends = bounds_between(Spec(size_us, step_us), ZoneInfo("UTC"), instant_us, instant_us)
    latest = instant_us // step_us * step_us
    earliest = latest - size_us // step_us * step_us
    holding = [start for start in range(earliest, latest + 1, step_us) if start + size_us > instant_us]
    assert starts.tolist() == holding
    assert (ends - starts == size_us).all()


def test_the_pane_is_the_widest_that_all_windows_and_zones_share():
    assert pane_us_of([Spec(30 * MINUTE_US, 30 * MINUTE_US)]) == 15 * MINUTE_US
    assert pane_us_of([Spec(60 * S, 20 * S), Spec(90 * S, 30 * S)]) == 10 * S
    assert pane_us_of([Spec(1_500_000, 500_000)]) == 500_000


@pytest.mark.parametrize(
    ("size_us", "step_us", "why"),
    [
        (0, 0, "above zero"), (S, -S, "above zero"), (7 * S, 7 * S, "divide a day"), (S, 2 * S, "would be lost"),
        (50_000, 50_000, "at least 100 ms"), (1_000_001, 1_000_000, "at least 100 ms"),
    ],
)  # fmt: skip
def test_windows_that_cannot_be_are_refused_when_they_are_described(size_us: int, step_us: int, why: str):
    with pytest.raises(InvalidSetting, match=why):
        Spec(size_us, step_us)


def test_a_zone_whose_offset_does_not_fit_the_panes_is_refused_by_name_of_the_window():
    # Until 1901 Shanghai's clocks were 8:05:43 ahead.
    engine = engine_of(at("8:00", "contact.opened", "c"))
    starts, ends = bounds_between(
        Spec(HOUR_US, HOUR_US), ZoneInfo("Asia/Shanghai"), _us("1900-06-01T00:00:00Z"), _us("1900-06-01T00:00:00Z")
    )
    with pytest.raises(InvalidSetting, match="rounder offset"):
        list(collect(engine.tallies.rollups[0], engine.pane_us, starts, ends))


def test_levels_are_carried_into_windows_in_which_nothing_happened():
    #  queued 8:10 ........................................ answered 10:20
    #  [8:00 8:30) [8:30 9:00) [9:00 9:30) ... [10:00 10:30)
    engine = engine_of(at("8:10", "contact.queued", "c"), at("10:20", "contact.answered", "c"))
    where = ZoneInfo("UTC")
    starts, ends = bounds_between(
        engine.settings.windows[0], where, *(engine.counters.first_us, engine.counters.last_us)
    )
    (figures,) = collect(engine.tallies.rollups[0], engine.pane_us, starts, ends)
    assert (figures.field("waiting_area_us") // MINUTE_US).tolist() == [20, 30, 30, 30, 20]
    assert figures.peaks[:, 0].tolist() == [1] * 5
    assert figures.field("entered").tolist() == [1, 0, 0, 0, 0]


def test_a_window_that_is_not_over_is_counted_up_to_the_present():
    engine = engine_of(at("8:10", "contact.queued", "c"))
    bounds = [np.array([at(clock, "x").time_us]) for clock in ("8:00", "8:30")]
    (figures,) = collect(engine.tallies.rollups[0], engine.pane_us, *bounds, until_us=at("8:14", "x").time_us)
    assert figures.field("waiting_area_us").tolist() == [4 * MINUTE_US]


def test_levels_of_all_groups_are_those_of_each() -> None:
    arrivals = [
        at(clock_us("8:00") + number * MINUTE_US, "contact.queued", f"c{number}", queue=f"q{number % 7}")
        for number in range(60)
    ]
    engine = engine_of(*arrivals, rollups=(("queue",),))
    (rollup,) = engine.tallies.rollups
    levels = _Levels(rollup)
    panes = np.arange(clock_us("7:58"), clock_us("9:30"), MINUTE_US) // engine.pane_us
    one_by_one = np.stack([levels.at(group, panes) for group in range(len(rollup.groups))])
    assert one_by_one.any()
    for place, pane in enumerate(panes.tolist()):
        assert (levels.of_all(pane) == one_by_one[:, place]).all()
