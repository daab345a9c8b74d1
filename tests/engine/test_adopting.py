"""Another policy from a place of the stream on: what was due by then is raised by the old one, what runs moves to the new one."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from engine.errors import InvalidSetting
from engine.events import decode
from engine.hours import Hours
from engine.pipeline import Engine, Settings
from engine.policy import Line, Period, Policy, line
from tests.engine.events import DAY_US, S, at, clock_us, window
from tests.engine.running import feed
from tests.reference import Advance, Arrival

Told = tuple[str, str, str]
WAITING = at("8:00", "contact.queued", "a", channel="phone")


def _engine(*lines: Line, **policy: Any) -> Engine:
    return Engine(Settings(policy=Policy(lines, **policy), disorder_bound_us=0))


def _lived(engine: Engine, *script: Arrival | str | Policy) -> list[Told]:
    """Events, instants to which the clock pushes, and policies; then what was raised: clock, step and time of day."""
    for part in script:
        if isinstance(part, Policy):
            engine.adopt(part)
        else:
            feed(engine, [Advance(clock_us(part)) if isinstance(part, str) else part])
    told = []
    for alarm in engine.take_alarms():
        seconds = (alarm.at_us - clock_us("0:00")) // S
        told.append((alarm.commitment, alarm.step, f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"))
    return told


def _waits(seconds: float | None, warn: float = 0.8) -> Policy:
    return Policy((line("wait", seconds, warn=warn),))


def test_a_longer_limit_puts_off_what_was_near_and_the_warning_is_not_repeated() -> None:
    #  queued 8:00:00 | warned 8:00:24 | adopted 8:00:25: 60 s | not broken at 8:00:30 | broken 8:01:00
    raised = _lived(_engine(line("wait", 30)), WAITING, "8:00:25", _waits(60), "9:00")
    assert raised == [("wait", "warned", "8:00:24"), ("wait", "broken", "8:01:00")]


def test_a_shorter_limit_that_has_passed_already_is_broken_when_it_is_adopted() -> None:
    #  queued 8:00:00 | adopted 8:00:25: 10 s, over since 8:00:10 | broken 8:00:25
    assert _lived(_engine(line("wait", 60)), WAITING, "8:00:25", _waits(10), "9:00") == [("wait", "broken", "8:00:25")]


def test_what_was_due_by_then_is_raised_by_the_old_limits_though_nobody_looked() -> None:
    engine = _engine(line("wait", 30, warn=0))
    feed(engine, [WAITING])
    engine.order.advance(clock_us("8:00:31"))
    assert _lived(engine, _waits(None), "9:00") == [("wait", "broken", "8:00:30")]


def test_what_is_broken_is_not_broken_again_however_the_limit_changes() -> None:
    raised = _lived(_engine(line("wait", 30, warn=0)), WAITING, "8:00:40", _waits(60, 0.5), "8:02", _waits(20), "9:00")
    assert raised == [("wait", "broken", "8:00:30")]


def test_a_clock_that_had_no_limit_gets_one_and_one_that_had_one_loses_it() -> None:
    engine = _engine(line("wait", None))
    assert _lived(engine, WAITING, "8:10", _waits(900, 0), "8:14", _waits(None), "8:20", _waits(1500, 0), "9:00") == [
        ("wait", "broken", "8:25:00")
    ]


def test_a_clock_that_is_paused_stays_so_and_what_stood_still_is_given_on_top() -> None:
    #  waits 8:00, pending 8:00:10 to 8:10:10 | adopted meanwhile: 60 s | 10 s + 50 s behind the pause
    pausing = Line("wait", 30 * S, warn_permille=0, pauses=True)
    events = (WAITING, at("8:00:10", "contact.pending", "a"))
    later = Policy((replace(pausing, limit_us=60 * S, pauses=False),))
    raised = _lived(_engine(pausing), *events, "8:05", later, "8:10", at("8:10:10", "contact.unpending", "a"), "9:00")
    assert raised == [("wait", "broken", "8:11:00")]


def test_other_hours_and_periods_hold_for_clocks_that_run_already() -> None:
    hours = {"desk": Hours(week=(((9 * 60, 10 * 60),),) * 7)}
    in_hours = Policy((Line("wait", 60 * S, warn_permille=0, hours="desk"),), hours=hours)
    assert _lived(_engine(line("wait", 30)), WAITING, "8:00:05", in_hours, "10:00") == [("wait", "broken", "9:01:00")]
    closed = replace(in_hours, hours={"desk": replace(hours["desk"], closed=frozenset((date(2026, 11, 11),)))})
    engine = _engine(line("wait", 30))
    _lived(engine, WAITING, "8:00:05", closed, "12:00")
    engine.advance(clock_us("12:00") + DAY_US)
    assert [alarm.at_us for alarm in engine.take_alarms()] == [clock_us("9:01") + DAY_US]
    sale = Policy(
        (line("wait", 300), line("wait", 20, period="sale", warn=0)),
        (Period("sale", clock_us("7:00"), clock_us("8:30")),),
    )
    assert _lived(_engine(line("wait", 300)), WAITING, "8:00:05", sale, "9:00") == [("wait", "broken", "8:00:20")]


def test_events_held_back_for_disorder_are_judged_by_the_policy_that_holds_when_they_are_processed() -> None:
    settings = Settings(policy=_waits(60, 0), disorder_bound_us=10 * S)
    engine = Engine(settings)
    raised = _lived(engine, WAITING, at("8:00:05", "contact.opened", "b"), _waits(20, 0), "9:00")
    assert raised == [("wait", "broken", "8:00:20")]


def test_answers_are_in_target_by_the_policy_that_holds_when_they_come() -> None:
    engine = _engine(line("target", 20, warn=0))
    feed(
        engine,
        [
            WAITING,
            at("8:00", "contact.queued", "b"),
            at("8:00:30", "contact.answered", "a"),
            Advance(clock_us("8:00:31")),
        ],
    )
    engine.adopt(Policy((line("target", 60, warn=0),), service_level="answered_of_answered"))
    feed(engine, [at("8:00:40", "contact.answered", "b")])
    engine.finish()
    assert window(engine, "8:00", "8:30")["answered_in_target"] == 1
    assert engine.now()["service_level_formula"] == "answered_of_answered"


def test_a_policy_that_cannot_hold_is_refused_and_the_old_one_stays() -> None:
    engine = _engine(line("wait", 30, warn=0))
    feed(engine, [WAITING])
    with pytest.raises(InvalidSetting, match="'best' is no service-level formula"):
        engine.adopt(Policy((line("wait", 5),), service_level="best"))
    assert _lived(engine, "9:00") == [("wait", "broken", "8:00:30")]


def test_the_first_policy_may_be_replaced_before_anything_has_happened() -> None:
    engine = _engine(line("wait", 30, warn=0))
    engine.adopt(_waits(50, 0))
    assert _lived(engine, WAITING, "9:00") == [("wait", "broken", "8:00:50")]


def test_whoever_is_met_for_the_first_time_afterwards_is_under_the_new_policy() -> None:
    engine = _engine(line("wait", 30, warn=0))
    engine.absorb(decode(b'{"type":"contact.opened","contact":"z","time":"2026-11-11T07:00:00Z","queue":"q"}'))
    engine.adopt(Policy((line("wait", 30, warn=0), line("wait", 7, queue="other", warn=0))))
    assert _lived(engine, at("8:00", "contact.queued", "n", queue="other"), "9:00") == [("wait", "broken", "8:00:07")]
