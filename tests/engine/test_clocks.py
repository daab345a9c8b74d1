"""Clocks are raised at the instant itself, once, by the clock or by the next event, and move when what holds changes."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from engine.alarms import ENDED, Alarm
from engine.hours import Hours
from engine.pipeline import Engine, Settings
from engine.policy import Period, Policy, line
from tests.engine.events import DAY_US, MINUTE_US, S, at, clock_us, engine_of
from tests.engine.running import feed
from tests.reference import Arrival

Told = tuple[str, str, str]


def _told(alarms: list[Alarm]) -> list[Told]:
    """Clock, warning or breach, and the time of day; ends are told of elsewhere."""
    told = []
    for alarm in sorted(alarm for alarm in alarms if alarm.step != ENDED):
        seconds = (alarm.at_us - clock_us("0:00")) // S
        told.append((alarm.commitment, "breach" if alarm.is_breach else "warning",
                     f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"))  # fmt: skip
    return told


def _raised(*arrivals: Arrival, lines: Any = (), periods: Any = (), until: str | None = None) -> list[Told]:
    engine = engine_of(*arrivals, policy=Policy(tuple(lines), tuple(periods)))
    if until:
        engine.advance(clock_us(until))
    return _told(engine.take_alarms())


def _breaches(*arrivals: Arrival, **options: Any) -> list[Told]:
    return [told for told in _raised(*arrivals, **options) if told[1] == "breach"]


WAIT = line("wait", 30, channel="phone")


def test_a_wait_is_warned_of_at_its_share_and_broken_at_its_limit_with_no_event_at_all():
    #  8:00:00 queued --- 8:00:24 warning --- 8:00:30 breach --- the clock alone
    queued = at("8:00", "contact.queued", "a", channel="phone")
    assert _raised(queued, lines=[WAIT], until="8:00:24") == []
    assert _raised(queued, lines=[WAIT], until="8:00:25") == [("wait", "warning", "8:00:24")]
    both = [("wait", "warning", "8:00:24"), ("wait", "breach", "8:00:30")]
    assert _raised(queued, lines=[WAIT], until="8:00:31") == both
    assert _raised(queued, lines=[WAIT], until="9:00") == both


def test_an_answer_at_the_limit_itself_is_in_time_and_one_after_it_repairs_nothing():
    queued = at("8:00", "contact.queued", "a", channel="phone")
    in_time = _raised(queued, at("8:00:30", "contact.answered", "a"), lines=[WAIT], until="9:00")
    assert in_time == [("wait", "warning", "8:00:24")]
    late = _raised(queued, at("8:00:30.001", "contact.answered", "a"), lines=[WAIT], until="9:00")
    assert late[-1] == ("wait", "breach", "8:00:30")


def test_the_first_reply_of_any_kind_and_that_of_a_person_have_clocks_of_their_own():
    lines = [line("first_reply", 60, warn=0), line("first_human_reply", 60, warn=0)]
    events = [
        at("8:00", "message.customer", "a"), at("8:00:10", "message.bot", "a"), at("8:05", "contact.queued", "a"),
        at("8:07", "message.agent", "a", agent="ann"),
    ]  # fmt: skip
    assert _raised(*events, lines=lines) == [("first_human_reply", "breach", "8:06:00")]
    assert _raised(events[0], at("8:02", "contact.queued", "a"), lines=lines, until="8:02:30") == [
        ("first_reply", "breach", "8:01:00")
    ]


def test_every_turn_after_the_first_reply_has_its_own_clock():
    events = [
        at("8:00", "contact.answered", "a", agent="ann"), at("8:00:01", "message.customer", "a"),
        at("8:05", "message.agent", "a", agent="ann"),
        at("8:06", "message.customer", "a"), at("8:06:30", "message.customer", "a"),
        at("8:07:30", "message.agent", "a", agent="ann"),
        at("8:10", "message.customer", "a"), at("8:10:30", "message.agent", "a", agent="ann"),
    ]  # fmt: skip
    assert _breaches(*events, lines=[line("next_reply", 60)]) == [("next_reply", "breach", "8:07:00")]


def test_each_announcement_that_a_waiting_caller_misses_is_a_breach():
    #  queued 8:00:00 | announced :10 | missed :25, :40 | announced :50 | answered 8:01:00
    events = [
        at("8:00", "contact.queued", "a", channel="phone"), at("8:00:10", "contact.announced", "a"),
        at("8:00:50", "contact.announced", "a"), at("8:01", "contact.answered", "a", agent="ann"),
    ]  # fmt: skip
    lines = [line("announcement", 15, channel="phone", warn=0)]
    missed = [("announcement", "breach", "8:00:25"), ("announcement", "breach", "8:00:40")]
    assert _raised(*events, lines=lines, until="9:00") == missed


def test_missed_announcements_of_a_day_find_room_whatever_their_number():
    queued = [at("0:00", "contact.queued", f"c{number}", channel="phone") for number in range(40)]
    lines = [line("announcement", 1, channel="phone", warn=0)]
    told = _raised(*queued, lines=lines, until="1:00:00.5")
    assert len(told) == 40 * 3600
    assert told[-1] == ("announcement", "breach", "1:00:00")


def test_a_running_clock_moves_to_the_limit_that_holds_now():
    lines = [line("wait", 300, warn=0), line("wait", 60, tier="vip", warn=0)]
    queued = at("8:00", "contact.queued", "a")
    raised = at("8:00:20", "message.customer", "a", tier="vip")
    assert _raised(queued, raised, lines=lines, until="9:00") == [("wait", "breach", "8:01:00")]


def test_nobody_is_warned_twice_of_one_clock_because_it_moved():
    lines = [line("wait", 100, warn=0.5), line("wait", 200, tier="vip", warn=0.5)]
    events = [at("8:00", "contact.queued", "a"), at("8:01", "message.customer", "a", tier="vip")]
    assert _raised(*events, lines=lines, until="9:00") == [
        ("wait", "warning", "8:00:50"),
        ("wait", "breach", "8:03:20"),
    ]


def test_a_clock_whose_new_limit_is_over_already_is_due_when_it_moves():
    lines = [line("wait", 300), line("wait", 60, tier="vip")]
    events = [at("8:00", "contact.queued", "a"), at("8:02", "message.customer", "a", tier="vip")]
    assert _raised(*events, lines=lines, until="9:00") == [("wait", "breach", "8:02:00")]


def test_a_longer_limit_later_does_not_take_a_breach_back():
    lines = [line("wait", 60, warn=0), line("wait", 300, tier="vip", warn=0)]
    events = [at("8:00", "contact.queued", "a"), at("8:02", "message.customer", "a", tier="vip")]
    assert _raised(*events, lines=lines, until="9:00") == [("wait", "breach", "8:01:00")]


def test_a_contact_that_moves_to_where_a_limit_is_gets_its_clock_from_the_beginning():
    lines = [line("wait", 60, queue="sales", warn=0)]
    events = [at("8:00", "contact.queued", "a", queue="other"), at("8:00:30", "contact.queued", "a", queue="sales")]
    assert _raised(*events, lines=lines, until="9:00") == [("wait", "breach", "8:01:00")]


def test_what_begins_in_a_sale_is_held_to_the_limits_of_the_sale():
    lines = [line("wait", 60, warn=0), line("wait", 300, period="sale", warn=0)]
    sale = Period("sale", clock_us("8:00"), clock_us("9:00"))
    events = [
        at("7:59:59", "contact.queued", "a"),
        at("8:00", "contact.queued", "b"),
        at("9:00", "contact.queued", "c"),
    ]
    assert _raised(*events, lines=lines, periods=[sale], until="10:00") == [
        ("wait", "breach", "8:00:59"), ("wait", "breach", "8:05:00"), ("wait", "breach", "9:01:00")
    ]  # fmt: skip


OFFICE = Hours("Asia/Shanghai", (((9 * 60, 18 * 60),),) * 5 + ((), ()), closed=frozenset({date(2026, 11, 12)}))


def test_a_clock_of_working_hours_stands_still_while_they_are_closed():
    #  Wednesday 11 November: 17:00 in Shanghai, an hour before closing; Thursday is closed; Friday 9:00 to 10:00
    lines = [replace(line("first_reply", 2 * 3600, warn=0.5), hours="office")]
    engine = engine_of(
        at("9:00", "message.customer", "a", channel="email"), at("10:30", "message.customer", "b", channel="email"),
        policy=Policy(tuple(lines), hours={"office": OFFICE}), linger_us=7 * DAY_US,
    )  # fmt: skip
    engine.advance(clock_us("0:00") + 10 * DAY_US)
    hour_us = 60 * MINUTE_US
    friday_us = clock_us("1:00") + 2 * DAY_US
    assert [(alarm.name, alarm.is_breach, alarm.at_us) for alarm in engine.take_alarms()] == [
        ("a", False, clock_us("10:00")), ("a", True, friday_us + hour_us),
        ("b", False, friday_us + hour_us), ("b", True, friday_us + 2 * hour_us),
    ]  # fmt: skip


def test_a_clock_of_working_hours_goes_on_after_a_restart():
    policy = Policy((replace(line("wait", 3600, warn=0), hours="office"), line("wait", 60, tier="vip", warn=0)),
                    hours={"office": OFFICE})  # fmt: skip
    engine = engine_of(at("9:30", "contact.queued", "a", tier="vip"), policy=policy)
    restored = Engine.restore(engine.snapshot(), engine.settings)
    feed(restored, [at("9:30:30", "message.customer", "a", tier="standard")])
    restored.advance(clock_us("0:00") + 5 * DAY_US)
    (breach,) = restored.take_alarms()
    assert breach.at_us == clock_us("1:30") + 2 * DAY_US


def test_a_clock_that_may_pause_stands_still_while_its_contact_is_pending():
    #  8:00:00 queued | :10 pending | 8:05:00 unpending | due 20 s after that, warned of 14 s after it
    lines = [replace(WAIT, pauses=True), line("first_reply", 60, warn=0)]
    events = [
        at("8:00", "contact.queued", "a", channel="phone"), at("8:00", "message.customer", "a"),
        at("8:00:10", "contact.pending", "a"), at("8:03", "contact.pending", "a"), at("8:05", "contact.unpending", "a"),
    ]  # fmt: skip
    told = [("wait", "warning", "8:05:14"), ("wait", "breach", "8:05:20")]
    assert _raised(*events, lines=lines, until="9:00") == [("first_reply", "breach", "8:01:00"), *told]
    assert _raised(*events[:3], lines=lines[:1], until="9:00") == []


def test_a_pause_in_closed_hours_gives_no_time_back():
    #  Wednesday 17:00 in Shanghai; pending from 17:30 to 20:00, of which half an hour is working time; Thursday is closed
    lines = [replace(line("first_reply", 2 * 3600, warn=0), hours="office", pauses=True)]
    engine = engine_of(
        at("9:00", "message.customer", "a"), at("9:30", "contact.pending", "a"), at("12:00", "contact.unpending", "a"),
        policy=Policy(tuple(lines), hours={"office": OFFICE}), linger_us=7 * DAY_US,
    )  # fmt: skip
    engine.advance(clock_us("0:00") + 10 * DAY_US)
    (breach,) = engine.take_alarms()
    assert breach.at_us == clock_us("2:30") + 2 * DAY_US


def test_a_paused_clock_moves_with_its_contact_and_keeps_its_pause():
    lines = [
        replace(line("wait", 100, warn=0), pauses=True),
        replace(line("wait", 200, tier="vip", warn=0), pauses=True),
    ]
    events = [
        at("8:00", "contact.queued", "a"), at("8:01", "contact.pending", "a"), at("8:11", "contact.unpending", "a"),
        at("8:11:10", "message.customer", "a", tier="vip"),
    ]  # fmt: skip
    assert _raised(*events, lines=lines, until="9:00") == [("wait", "breach", "8:13:20")]


def test_an_alarm_tells_who_waited_where_and_since_when_and_is_the_same_after_a_replay():
    queued = at("8:00", "contact.queued", "a", channel="phone", queue="sales")
    ids = set()
    for _ in range(2):
        engine = engine_of(queued, policy=Policy((WAIT,)))
        engine.advance(clock_us("8:01"))
        _, breach = engine.take_alarms()
        assert (breach.name, breach.since_us, breach.value("queue")) == ("a", clock_us("8:00"), "sales")
        assert engine.take_alarms() == []
        ids.add(breach.id)
    assert len(ids) == 1


def test_alarms_that_nobody_took_outlive_a_restart():
    engine = engine_of(at("8:00", "contact.queued", "a", channel="phone"), policy=Policy((WAIT,)))
    engine.advance(clock_us("8:01"))
    restored = Engine.restore(engine.snapshot(), engine.settings)
    assert restored.take_alarms() == engine.take_alarms() != []


def _steps(*arrivals: Arrival, lines: Any) -> list[tuple[str, str, int, int]]:
    """Everything that is told of clocks: which, its step, when, and when it began; in seconds from eight o'clock on."""
    alarms = engine_of(*arrivals, policy=Policy(tuple(lines))).take_alarms()
    begin_us = clock_us("8:00")
    return [(one.commitment, one.step, (one.at_us - begin_us) // S, (one.since_us - begin_us) // S) for one in alarms]


def test_what_was_warned_of_or_broken_ends_with_what_stops_its_clock_and_nothing_else_does():
    lines = [line("first_human_reply", 60), line("next_reply", 60), line("first_reply", 1_000)]
    told = _steps(
        at("8:00", "message.customer", "a"), at("8:00", "contact.queued", "a"), at("8:00:10", "contact.answered", "a"),
        at("8:00:50", "message.agent", "a"), at("8:01", "message.customer", "a"), at("8:03", "message.agent", "a"),
        at("8:04", "message.customer", "a"), at("8:04:10", "message.agent", "a"), at("8:05", "message.customer", "a"),
        at("8:05:50", "contact.closed", "a"), at("9:00", "contact.queued", "b"), lines=lines,
    )  # fmt: skip
    assert told == [
        ("first_human_reply", "warned", 48, 0), ("first_human_reply", "ended", 50, 0), ("next_reply", "warned", 108, 60),
        ("next_reply", "broken", 120, 60), ("next_reply", "ended", 180, 60), ("next_reply", "warned", 348, 300),
        ("next_reply", "ended", 350, 300),
    ]  # fmt: skip


def test_missed_announcements_end_with_one_that_is_made_or_with_the_wait():
    lines = [line("announcement", 60, warn=0, channel="phone"), line("wait", 60, warn=0, channel="phone")]
    told = _steps(
        at("8:00", "contact.queued", "a", channel="phone"), at("8:02:30", "contact.announced", "a"),
        at("8:04", "contact.abandoned", "a"), at("9:00", "contact.queued", "b"), lines=lines,
    )  # fmt: skip
    assert told == [
        ("announcement", "broken", 60, 0), ("wait", "broken", 60, 0), ("announcement", "broken", 120, 60),
        ("announcement", "ended", 150, 120), ("announcement", "broken", 210, 150), ("announcement", "ended", 240, 210),
        ("wait", "ended", 240, 0),
    ]  # fmt: skip


def test_a_late_answer_ends_a_breach_where_it_stands_and_not_before():
    #  queued 8:00 | broken 8:00:30 | the answer of 8:00:20 comes when 8:01 is reached
    engine = Engine(Settings(policy=Policy((WAIT,)), disorder_bound_us=0, allowed_lateness_us=MINUTE_US))
    feed(engine, [at("8:00", "contact.queued", "a", channel="phone"), at("8:01", "contact.queued", "b", channel="web")])
    feed(engine, [at("8:00:20", "contact.answered", "a")])
    engine.finish()
    ends = [(alarm.name, alarm.at_us) for alarm in engine.take_alarms() if alarm.step == ENDED]
    assert ends == [("a", clock_us("8:01"))]


def test_alarms_beyond_the_limit_lose_the_oldest_and_that_is_counted():
    queued = [at(f"8:0{number}", "contact.queued", f"c{number}", channel="phone") for number in range(5)]
    engine = engine_of(*queued, policy=Policy((line("wait", 30, warn=0),)), alarms_max=2)
    engine.advance(clock_us("9:00"))
    assert [alarm.name for alarm in engine.take_alarms()] == ["c3", "c4"]
    assert engine.limits_reached["alarms_max"] == 3


@pytest.mark.parametrize("ahead_us", [0, 500_000])
def test_ten_thousand_deadlines_of_one_second_are_raised_by_the_tick_that_passes_them(ahead_us: int):
    engine = Engine(Settings(policy=Policy((line("wait", 60, warn=0),)), disorder_bound_us=0))
    start_us = clock_us("8:00")
    feed(engine, [at(start_us + number * 100, "contact.queued", f"c{number}") for number in range(10_000)])
    engine.advance(start_us + MINUTE_US)
    assert engine.take_alarms() == []
    engine.advance(start_us + MINUTE_US + S + ahead_us)
    raised_us = np.array([alarm.at_us for alarm in engine.take_alarms()])
    assert raised_us.tolist() == [start_us + MINUTE_US + number * 100 for number in range(10_000)]


def test_who_writes_outside_of_the_hours_is_owed_an_automatic_reply_at_once():
    #  Shanghai closes at 18:00, which is 10:00 here.
    lines = [replace(line("automatic_reply", 10, warn=0), hours="office")]
    events = [
        at("9:59", "message.customer", "in time", channel="email"), at("10:00", "message.customer", "late", channel="email"),
        at("10:30", "message.customer", "answered", channel="email"),
        at("10:30:05", "message.agent", "answered", automatic=True),
    ]  # fmt: skip
    engine = engine_of(*events, policy=Policy(tuple(lines), hours={"office": OFFICE}), linger_us=7 * DAY_US)
    assert [(alarm.commitment, alarm.name, alarm.at_us) for alarm in engine.take_alarms()] == [
        ("automatic_reply", "late", clock_us("10:00:10")),
    ]  # fmt: skip
