"""Cases, by the rows of the catalogue: what is due when, who is told, how grave it has become, and who holds it."""

from dataclasses import replace
from typing import Any

import pytest

from engine.alarms import ENDED, Alarm
from engine.facts import FIELD, Facts
from engine.hours import Hours
from engine.pipeline import Engine, Settings
from engine.policy import Grade, Policy, line
from engine.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from engine.windows import Spec
from streams.policy.reading import default_policy
from tests.engine.events import at, clock_us, engine_of
from tests.engine.running import feed
from tests.reference import Arrival

#: The default policy is what is tried, unless a test has its own.
#: Without conditions, which say at once that the only source is silent.
DEFAULT = replace(default_policy(), conditions=())
GRADES = (
    Grade("major", {"kind": frozenset(("outage",))}, HOUR_US),
    Grade("extraordinary", {"kind": frozenset(("outage",)), "tier": frozenset(("ka",))}, 2 * HOUR_US),
)


def _engine(*arrivals: Arrival, until_us: int | None = None, **settings: Any) -> Engine:
    """Seen to their end, or up to an instant of the clock, after which more may come."""
    usual = {"policy": DEFAULT, "linger_us": DAY_US} | settings
    if until_us is None:
        return engine_of(*arrivals, **usual)
    engine = Engine(Settings(windows=(Spec(30 * MINUTE_US, 30 * MINUTE_US),), **usual))
    feed(engine, arrivals)
    engine.advance(until_us)
    return engine


def _alarms(*arrivals: Arrival, until_us: int, **settings: Any) -> list[Alarm]:
    return _engine(*arrivals, until_us=until_us, **settings).take_alarms()


def _broken(alarms: list[Alarm], commitment: str) -> list[int]:
    """The instants at which something was broken, from eight o'clock on."""
    return [alarm.at_us - clock_us("8:00") for alarm in alarms if alarm.commitment == commitment and alarm.is_breach]


def _ended(alarms: list[Alarm]) -> list[tuple[str, int]]:
    """What is over, and when, in minutes from eight o'clock on."""
    return [(one.commitment, (one.at_us - clock_us("8:00")) // MINUTE_US) for one in alarms if one.step == ENDED]


def test_what_was_warned_of_or_broken_is_over_once_it_is_done_and_what_was_not_is_not_told_of() -> None:
    policy = Policy((line("case_respond", 600), line("case_resolve", 3_600), line("case_report", 3_600)))
    alarms = _alarms(
        _opened("complaint"), at("8:09", "case.responded", case="k"), at("8:30", "case.reported", case="k"),
        at("9:30", "case.resolved", case="k"), until_us=clock_us("12:00"), policy=policy,
    )  # fmt: skip
    assert _ended(alarms) == [("case_respond", 9), ("case_resolve", 90)]


def test_a_department_that_missed_its_report_ends_that_with_the_next_one() -> None:
    policy = Policy((line("case_progress", 7_200, warn=0),))
    alarms = _alarms(
        _opened("joint", department="a"), at("12:30", "case.progressed", case="k", department="a"),
        at("13:00", "case.progressed", case="k", department="a"), until_us=clock_us("13:30"), policy=policy,
    )  # fmt: skip
    assert _broken(alarms, "case_progress") == [2 * HOUR_US, 4 * HOUR_US]
    assert _ended(alarms) == [("case_progress", 270)]


def _opened(kind: str, clock: str = "8:00", **more: Any) -> Arrival:
    return at(clock, "case.opened", case="k", kind=kind, **more)


def _total(engine: Engine, name: str) -> int:
    return int(engine.tallies.rollups[0].totals[:, FIELD[name]].sum())


@pytest.mark.parametrize(
    ("kind", "respond_us", "resolve_us"),
    [
        ("complaint", 24 * HOUR_US, 48 * HOUR_US),  # C16
        ("serious_complaint", 12 * HOUR_US, 24 * HOUR_US),  # C17
        ("outage", 30 * MINUTE_US, 2 * HOUR_US),  # C18
        ("media", HOUR_US, 24 * HOUR_US),  # C19
        ("logistics", HOUR_US, None),  # C26
        ("product_defect", 24 * HOUR_US, None),  # C27
        ("ticket", None, None),
    ],
)
def test_each_kind_is_answered_and_resolved_within_its_own_time(
    kind: str, respond_us: int | None, resolve_us: int | None
) -> None:
    alarms = _alarms(_opened(kind), until_us=clock_us("8:00") + 4 * DAY_US)
    assert _broken(alarms, "case_respond") == ([] if respond_us is None else [respond_us])
    assert _broken(alarms, "case_resolve") == ([] if resolve_us is None else [resolve_us])
    warned = [
        alarm.at_us - clock_us("8:00")
        for alarm in alarms
        if alarm.step == "warned" and alarm.commitment == "case_resolve"
    ]
    assert warned == ([] if resolve_us is None else [resolve_us // 10 * 8])


def test_a_cluster_of_complaints_is_answered_within_four_hours() -> None:  # C19
    alarms = _alarms(_opened("media", category="cluster"), until_us=clock_us("20:00"))
    assert _broken(alarms, "case_respond") == [4 * HOUR_US]


def test_an_answer_in_time_keeps_the_first_clock_and_a_resolution_both() -> None:  # C16, C18
    alarms = _alarms(
        _opened("outage"), at("8:30", "case.responded", case="k"), at("10:00", "case.resolved", case="k"),
        until_us=clock_us("23:00"),
    )  # fmt: skip
    assert _broken(alarms, "case_respond") == _broken(alarms, "case_resolve") == []
    only_resolved = _engine(_opened("outage"), at("8:20", "case.resolved", case="k"), until_us=clock_us("23:00"))
    assert _broken(only_resolved.take_alarms(), "case_respond") == []
    assert (_total(only_resolved, "cases_responded"), _total(only_resolved, "case_respond_us")) == (1, 20 * MINUTE_US)


def test_an_answer_after_its_time_repairs_nothing() -> None:  # C18
    engine = _engine(_opened("outage"), at("8:40", "case.responded", case="k"), until_us=clock_us("9:00"))
    assert _broken(engine.take_alarms(), "case_respond") == [30 * MINUTE_US]
    assert (_total(engine, "case_respond_breaches"), _total(engine, "case_respond_us")) == (1, 40 * MINUTE_US)


def test_an_exception_is_reported_within_ten_minutes_and_a_complex_one_within_five() -> None:  # C20
    until_us = clock_us("8:20")
    assert _broken(_alarms(_opened("outage"), until_us=until_us), "case_report") == [10 * MINUTE_US]
    assert _broken(_alarms(_opened("outage", priority="complex"), until_us=until_us), "case_report") == [5 * MINUTE_US]
    reported = _alarms(_opened("outage"), at("8:10", "case.reported", case="k"), until_us=until_us)
    assert _broken(reported, "case_report") == []


def test_what_was_reported_is_verified_within_half_an_hour() -> None:  # C21
    reported = at("8:05", "case.reported", case="k")
    assert _broken(_alarms(_opened("outage"), reported, until_us=clock_us("9:00")), "case_verify") == [35 * MINUTE_US]
    verified = at("8:35", "case.verified", case="k")
    again = at("8:36", "case.reported", case="k")
    assert (
        _broken(_alarms(_opened("outage"), reported, verified, again, until_us=clock_us("12:00")), "case_verify") == []
    )


def test_the_customer_is_told_and_called_within_a_day_of_the_resolution() -> None:  # C22
    resolved = (_opened("complaint"), at("9:00", "case.resolved", case="k"))
    until_us = clock_us("8:00") + 3 * DAY_US
    silent = _alarms(*resolved, until_us=until_us)
    assert _broken(silent, "case_inform") == _broken(silent, "case_follow_up") == [25 * HOUR_US]
    told = _alarms(*resolved, at("10:00", "case.informed", case="k"), until_us=until_us)
    assert (_broken(told, "case_inform"), _broken(told, "case_follow_up")) == ([], [25 * HOUR_US])
    returned = _alarms(
        _opened("logistics", category="returns"), at("8:10", "case.resolved", case="k"), at("8:20", "case.informed", case="k"),
        until_us=until_us,
    )  # fmt: skip
    assert _broken(returned, "case_follow_up") == [24 * HOUR_US + 10 * MINUTE_US]


def test_a_review_is_held_within_a_week_and_of_an_emergency_within_two_days() -> None:  # C23
    until_us = clock_us("8:00") + 10 * DAY_US
    for kind, days in (("outage", 7), ("media", 2)):
        alarms = _alarms(_opened(kind), at("8:10", "case.resolved", case="k"), until_us=until_us)
        assert _broken(alarms, "case_review") == [days * DAY_US + 10 * MINUTE_US]
    reviewed = (_opened("outage"), at("8:10", "case.resolved", case="k"), at("20:00", "case.reviewed", case="k"))
    assert _broken(_alarms(*reviewed, until_us=until_us), "case_review") == []


def test_an_outage_becomes_major_at_one_hour_with_no_event_at_all() -> None:  # C24
    opened = _opened("outage", owner="li", department="technical")
    assert _broken(_alarms(opened, until_us=clock_us("9:00")), "grade") == []
    (raised,) = (alarm for alarm in _alarms(opened, until_us=clock_us("9:00") + 1) if alarm.commitment == "grade")
    assert (raised.at_us, raised.about, raised.name, raised.is_breach) == (clock_us("9:00"), "case", "k", True)
    assert raised.more == (("kind", "outage"), ("grade", "major"), ("owner", "li"), ("department", "technical"))
    resolved = (at("8:59", "case.resolved", case="k"), at("9:30", "case.handed_over", case="k", department="PR"))
    assert _broken(_alarms(opened, *resolved, until_us=clock_us("12:00")), "grade") == []


def test_a_grade_rises_at_once_where_its_rule_says_so_and_never_falls() -> None:  # C24
    told = [
        (alarm.at_us, dict(alarm.more)["grade"])
        for alarm in _alarms(_opened("media"), until_us=clock_us("20:00"))
        if alarm.commitment == "grade"
    ]
    assert told == [(clock_us("8:00"), "extraordinary")]
    both = _alarms(_opened("outage", tier="ka"), at("9:30", "case.progressed", case="k", tier="vip"),
                   at("10:30", "case.progressed", case="k", tier="ka"), until_us=clock_us("20:00"), policy=Policy((), grades=GRADES))  # fmt: skip
    assert [(alarm.at_us, dict(alarm.more)["grade"]) for alarm in both] == [
        (clock_us("9:00"), "major"), (clock_us("10:30"), "extraordinary"),
    ]  # fmt: skip


def test_limits_that_depend_on_the_grade_move_when_it_rises() -> None:  # C24
    #  8:00 opened, 6 h to go | 9:00 major, 90 min from the beginning: due 9:30
    lines = (line("case_resolve", 6 * 3600, warn=0), line("case_resolve", 90 * 60, grade="major", warn=0))
    alarms = _alarms(_opened("outage"), until_us=clock_us("20:00"), policy=Policy(lines, grades=GRADES))
    assert _broken(alarms, "case_resolve") == [90 * MINUTE_US]
    # And one that would have been over already is due at the instant itself.
    short = (lines[0], line("case_resolve", 60, grade="major", warn=0))
    alarms = _alarms(_opened("outage"), until_us=clock_us("20:00"), policy=Policy(short, grades=GRADES))
    assert _broken(alarms, "case_resolve") == [HOUR_US]


def test_every_case_and_every_alarm_of_it_names_the_department_responsible() -> None:  # C25
    engine = _engine(_opened("logistics", department="logistics", tenant="shop-7"), until_us=clock_us("9:01"))
    (row,) = engine.now()["cases"]["rows"]
    assert (row["department"], row["tenant"]) == ("logistics", "shop-7")
    for alarm in engine.take_alarms():
        assert dict(alarm.more)["department"] == "logistics"
        assert alarm.value("tenant") == "shop-7"
    assert engine.now()["cases"]["by_department"] == [
        {"department": "logistics", "open": 0, "in_progress": 0, "near_limit": 0, "overdue": 1}
    ]


def test_each_party_of_a_joint_order_reports_every_two_hours_on_a_clock_of_its_own() -> None:  # C28
    #  technical: 8:00 named ---- 10:00 missed ---- 12:00 missed ----| 13:00 resolved
    #  logistics:      9:00 named -- 10:30 reports ---- 12:30 missed |
    alarms = _alarms(
        _opened("joint", department="technical"), at("9:00", "case.handed_over", case="k", department="logistics"),
        at("10:30", "case.progressed", case="k"), at("13:00", "case.resolved", case="k"),
        until_us=clock_us("20:00"),
    )  # fmt: skip
    missed = [
        (alarm.at_us, dict(alarm.more)["department"])
        for alarm in alarms
        if alarm.commitment == "case_progress" and alarm.is_breach
    ]
    assert missed == [
        (clock_us("10:00"), "technical"), (clock_us("12:00"), "technical"), (clock_us("12:30"), "logistics"),
    ]  # fmt: skip


def test_a_joint_order_on_which_nobody_is_named_is_owed_by_the_case_until_somebody_is() -> None:  # C28
    named = at("9:00", "case.progressed", case="k", department="technical")
    assert _broken(_alarms(_opened("joint"), until_us=clock_us("10:30")), "case_progress") == [2 * HOUR_US]
    assert _broken(_alarms(_opened("joint"), named, until_us=clock_us("11:30")), "case_progress") == [3 * HOUR_US]


def test_orders_are_shown_by_where_they_stand_and_warned_of_before_they_are_over() -> None:  # C29
    opened = [at("8:00", "case.opened", case=f"k{number}", kind="logistics", department="wh") for number in range(4)]
    engine = _engine(
        *opened, at("8:10", "case.responded", case="k1"), at("8:30", "case.opened", case="k4", kind="outage"),
        at("8:30", "case.resolved", case="k2"), at("8:31", "case.informed", case="k2"), until_us=clock_us("8:50"),
    )  # fmt: skip
    shown = engine.now()["cases"]
    assert {state: shown[state] for state in ("count", "open", "in_progress", "near_limit", "overdue")} == {
        "count": 4, "open": 0, "in_progress": 1, "near_limit": 2, "overdue": 1,
    }  # fmt: skip
    assert shown["by_kind"] == [
        {"kind": "logistics", "open": 0, "in_progress": 1, "near_limit": 2, "overdue": 0},
        {"kind": "outage", "open": 0, "in_progress": 0, "near_limit": 0, "overdue": 1},
    ]
    warned = {
        alarm.name for alarm in engine.take_alarms() if alarm.step == "warned" and alarm.commitment == "case_respond"
    }
    assert warned == {"k0", "k3"}


def test_the_list_has_what_comes_first_first_and_then_what_is_due_first() -> None:  # C29, C30, C49
    engine = _engine(
        at("8:00", "case.opened", case="soon", kind="outage"), at("8:00", "case.opened", case="later", kind="logistics"),
        at("8:00", "case.opened", case="never", kind="ticket"), at("8:00", "case.opened", case="ka", kind="complaint", tier="ka"),
        at("8:00", "case.opened", case="high", kind="media", priority="high"), until_us=clock_us("8:20"),
    )  # fmt: skip
    rows = engine.now()["cases"]["rows"]
    assert [row["case"] for row in rows] == ["high", "ka", "soon", "later", "never"]
    assert [(row["next"], row["left_s"]) for row in rows[2:]] == [
        ("case_report", -600.0), ("case_respond", 2400.0), (None, None),
    ]  # fmt: skip


def test_high_priority_is_told_at_once_with_its_owner_and_only_once() -> None:  # C30
    opened = _opened("complaint", owner="li", priority="high", tier="vip")
    (told,) = _alarms(opened, at("8:05", "case.progressed", case="k", priority="urgent"), until_us=clock_us("8:10"))
    assert (told.commitment, told.at_us, told.is_breach) == ("high_priority", clock_us("8:00"), True)
    assert dict(told.more) == {"kind": "complaint", "grade": "ordinary", "priority": "high", "owner": "li"}
    became = _alarms(
        _opened("complaint", priority="normal"), at("8:07", "case.handed_over", case="k", owner="wang", priority="urgent"),
        until_us=clock_us("8:10"),
    )  # fmt: skip
    assert [(alarm.commitment, alarm.at_us, dict(alarm.more)["owner"]) for alarm in became] == [
        ("high_priority", clock_us("8:07"), "wang")
    ]


def test_a_case_is_traced_through_its_departments_with_the_time_each_one_held_it() -> None:  # C31
    engine = _engine(
        _opened("complaint", department="service", owner="li"),
        at("8:30", "case.handed_over", case="k", department="technical", owner="wang"),
        at("8:45", "case.progressed", case="k", department="logistics"),
        at("10:00", "case.handed_over", case="k", department="service"),
        at("10:30", "case.resolved", case="k"), until_us=clock_us("12:00"),
    )  # fmt: skip
    (row,) = engine.now()["cases"]["rows"]
    assert row["owner"] == "wang"
    assert [(stay["department"], stay["held_s"]) for stay in row["path"]] == [
        ("service", 1800.0), ("technical", 5400.0), ("service", 1800.0),
    ]  # fmt: skip


def test_a_case_counts_for_what_holds_when_it_happens() -> None:
    engine = _engine(
        _opened("complaint", tenant="a", channel="app"), at("9:00", "case.resolved", case="k", tenant="b"),
        at("9:00", "case.opened", case="other", kind="ticket"),
    )  # fmt: skip
    rollup = engine.tallies.rollups[2]
    told = {
        name: {values: int(rollup.totals[group, FIELD[name]]) for values, group in rollup.groups.items() if rollup.totals[group, FIELD[name]]}
        for name in ("cases_opened", "complaints_opened", "cases_resolved", "case_resolve_us")
    }  # fmt: skip
    assert told == {
        "cases_opened": {("a", "app"): 1, ("", ""): 1}, "complaints_opened": {("a", "app"): 1},
        "cases_resolved": {("b", "app"): 1}, "case_resolve_us": {("b", "app"): HOUR_US},
    }  # fmt: skip


def test_what_cannot_be_is_counted_by_its_reason_and_changes_nothing_else() -> None:
    engine = _engine(
        at("7:00", "case.responded", case="k"), _opened("outage"), _opened("outage", "8:01"),
        at("8:02", "case.informed", case="k"), at("8:03", "case.resolved", case="k"), at("8:04", "case.resolved", case="k"),
        at("8:05", "case.responded", case="k"),
    )  # fmt: skip
    assert engine.counters.illegal == {
        "unknown_case": 1, "case_already_open": 1, "case_not_resolved": 1, "case_already_resolved": 2,
    }  # fmt: skip
    assert [_total(engine, name) for name in ("cases_opened", "cases_resolved", "cases_responded")] == [1, 1, 1]


def test_a_late_step_from_before_what_its_case_has_been_through_is_out_of_order() -> None:
    engine = _engine(
        _opened("outage"), at("8:20", "case.progressed", case="k"), at("8:25", "contact.opened", "c"),
        at("8:15", "case.responded", case="k"),
    )  # fmt: skip
    assert engine.counters.illegal == {"out_of_order_case": 1}


def test_at_one_instant_the_steps_of_a_case_are_taken_in_the_order_of_a_life() -> None:
    together = [_opened("complaint"), at("8:00", "case.resolved", case="k"), at("8:00", "case.informed", case="k")]
    engine = _engine(*reversed(together))
    assert engine.counters.illegal == {}
    assert [_total(engine, name) for name in ("cases_opened", "cases_resolved")] == [1, 1]


def test_equal_steps_of_one_instant_are_taken_by_what_they_say_whatever_came_first() -> None:
    moves = [at("9:00", "case.handed_over", case="k", department=name) for name in ("b", "a", "c")]
    for order in (moves, moves[::-1]):
        engine = _engine(_opened("complaint", department="x"), *order, until_us=clock_us("9:01"))
        (row,) = engine.now()["cases"]["rows"]
        assert [stay["department"] for stay in row["path"]] == ["x", "a", "b", "c"]


def test_a_clock_of_working_hours_stands_still_for_cases_too() -> None:
    office = Hours("UTC", (((9 * 60, 18 * 60),),) * 7)
    policy = Policy((replace(line("case_resolve", 2 * 3600, warn=0.5), hours="office"),), hours={"office": office})
    alarms = _alarms(_opened("complaint", "17:00"), until_us=clock_us("0:00") + 2 * DAY_US, policy=policy)
    assert [alarm.at_us - clock_us("0:00") for alarm in alarms] == [18 * HOUR_US, 34 * HOUR_US]


def test_a_case_is_forgotten_some_time_after_nothing_is_owed_for_it_any_more() -> None:
    closed = (_opened("ticket"), at("9:00", "case.resolved", case="k"))
    engine = _engine(*closed, linger_us=HOUR_US, until_us=clock_us("10:00"))
    assert len(engine.back_office.cases.cases) == 1
    engine.advance(clock_us("10:00") + 1)
    assert not engine.back_office.cases.cases
    owing = _engine(
        _opened("logistics"), at("9:00", "case.resolved", case="k"), linger_us=HOUR_US, until_us=clock_us("20:00")
    )
    assert len(owing.back_office.cases.cases) == 1
    owing.advance(clock_us("0:00") + 2 * DAY_US)
    assert not owing.back_office.cases.cases
    still_open = _engine(_opened("ticket"), linger_us=HOUR_US, until_us=clock_us("0:00") + 9 * DAY_US)
    assert len(still_open.back_office.cases.cases) == 1


def test_cases_beyond_the_limit_are_refused_and_that_is_counted() -> None:
    opened = [at("8:00", "case.opened", case=f"k{number}", kind="complaint") for number in range(5)]
    engine = _engine(*opened, at("9:00", "case.resolved", case="k4"), cases_max=2)
    assert engine.limits_reached["cases_max"] == 3
    assert (_total(engine, "cases_opened"), engine.counters.illegal) == (2, {"unknown_case": 1})


def test_departments_beyond_the_limit_leave_the_path_and_owe_no_progress() -> None:
    moves = [at(f"8:{number:02}", "case.handed_over", case="k", department=f"d{number}") for number in range(1, 6)]
    engine = _engine(_opened("joint", department="d0"), *moves, path_max=3, until_us=clock_us("10:30"))
    (row,) = engine.now()["cases"]["rows"]
    assert [stay["department"] for stay in row["path"]] == ["d3", "d4", "d5"]
    assert len(_broken(engine.take_alarms(), "case_progress")) == 3
    assert engine.limits_reached["path_max"] == 6


def test_cases_go_on_after_a_restart_as_if_never_stopped() -> None:
    first = (
        _opened("outage", department="technical", owner="li"),
        at("8:10", "case.handed_over", case="k", department="PR"),
    )
    later = (at("8:40", "case.resolved", case="k"), at("8:50", "case.informed", case="k"))
    stopped = _engine(*first, until_us=clock_us("8:25"))
    restored = Engine.restore(stopped.snapshot(), stopped.settings)
    for engine in (stopped, restored):
        feed(engine, later)
        engine.advance(clock_us("0:00") + 9 * DAY_US)
    assert restored.now()["cases"] == stopped.now()["cases"]
    assert restored.take_alarms() == stopped.take_alarms() != []


def test_what_is_owed_moves_to_another_policy_and_what_was_raised_is_not_raised_again() -> None:
    #  8:00 opened | 8:10 report missed | 8:20 other policy: respond in 10 min (over: due now), resolve in 1 h
    engine = _engine(_opened("outage"), until_us=clock_us("8:20"))
    assert _broken(engine.take_alarms(), "case_report") == [10 * MINUTE_US]
    stricter = Policy((line("case_respond", 600), line("case_resolve", 3600, warn=0), line("case_report", 60)))
    engine.alarms.add(engine.back_office.adopt(stricter, clock_us("8:20"), Facts()))
    engine.advance(clock_us("12:00"))
    raised = [(alarm.commitment, alarm.step, alarm.at_us - clock_us("8:00")) for alarm in engine.take_alarms()]
    assert raised == [("case_respond", "broken", 20 * MINUTE_US), ("case_resolve", "broken", HOUR_US)]


def test_the_heap_does_not_keep_what_was_moved_or_ended() -> None:
    settings = Settings(policy=DEFAULT, disorder_bound_us=0, linger_us=DAY_US)
    engine = Engine(settings)
    feed(engine, [_opened("joint", department="a")])
    feed(engine, [at(clock_us("8:00") + number * SECOND_US, "case.progressed", case="k") for number in range(1, 4_000)])
    engine.settle()
    assert len(engine.back_office.duties._heap) < 1_100
