"""Quality checks, coaching, call backs and repeated misses (C36 to C40, C46): counted, owed, and raised at their instants."""

from dataclasses import replace
from typing import Any

import pytest

from engine.alarms import Alarm
from engine.facts import FIELD
from engine.pipeline import Engine, Settings
from engine.policy import Policy, line
from engine.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from streams.policy.reading import default_policy
from tests.engine.events import at, clock_us, engine_of
from tests.engine.running import feed, said
from tests.reference import Arrival

#: Without conditions, which say at once that the only source is silent.
DEFAULT = replace(default_policy(), conditions=())
WEEK_US = 7 * DAY_US


def _engine(*arrivals: Arrival, until_us: int, **settings: Any) -> Engine:
    engine = Engine(Settings(**{"policy": DEFAULT, "linger_us": DAY_US} | settings))
    feed(engine, arrivals)
    engine.advance(until_us)
    return engine


def _alarms(
    *arrivals: Arrival, until_us: int = clock_us("8:00") + WEEK_US, commitment: str, **settings: Any
) -> list[Alarm]:
    alarms = _engine(*arrivals, until_us=until_us, **settings).take_alarms()
    return [alarm for alarm in alarms if alarm.commitment == commitment]


def _broken(alarms: list[Alarm]) -> list[int]:
    return [alarm.at_us - clock_us("8:00") for alarm in alarms if alarm.is_breach]


def _checked(clock: str = "8:00", agent: str = "ann", **more: Any) -> Arrival:
    return at(clock, "quality.scored", agent=agent, **more)


def _total(engine: Engine, name: str) -> int:
    return int(engine.tallies.rollups[0].totals[0, FIELD[name]])


def test_checks_are_counted_by_what_they_found() -> None:  # C36, C37
    engine = _engine(
        _checked(passed=True), _checked(passed=False, critical_errors=2, other_errors=1), _checked(passed=True, other_errors=3),
        _checked(), _checked(critical_errors=1), until_us=clock_us("9:00"),
    )  # fmt: skip
    names = ("quality_checked", "quality_passed", "quality_critical", "critical_errors", "other_errors")
    assert [_total(engine, name) for name in names] == [5, 3, 2, 3, 4]


def test_a_critical_error_makes_coaching_due_in_a_day_and_another_in_three() -> None:  # C38
    critical = _alarms(_checked(critical_errors=1, other_errors=2, tenant="shop"), commitment="coaching")
    assert [(alarm.step, alarm.at_us - clock_us("8:00")) for alarm in critical] == [
        ("warned", 24 * HOUR_US // 10 * 8), ("broken", 24 * HOUR_US),
    ]  # fmt: skip
    assert {(alarm.about, alarm.name, alarm.more, alarm.value("tenant")) for alarm in critical} == {
        ("agent", "ann", (("kind", "critical"),), "shop")
    }
    assert _broken(_alarms(_checked(other_errors=1), commitment="coaching")) == [72 * HOUR_US]
    assert _alarms(_checked(passed=True), commitment="coaching") == []


def test_a_coaching_that_is_held_settles_all_that_is_due_to_its_agent_and_to_nobody_else() -> None:  # C38
    faults = (_checked(critical_errors=1), _checked("8:10", other_errors=1), _checked(agent="bo", critical_errors=1))
    held = at("10:00", "coaching.held", agent="ann")
    engine = _engine(*faults, held, until_us=clock_us("8:00") + WEEK_US)
    alarms = [alarm for alarm in engine.take_alarms() if alarm.commitment == "coaching"]
    assert {alarm.name for alarm in alarms} == {"bo"}
    assert _total(engine, "coachings") == 1


def test_a_coaching_held_too_late_repairs_nothing_and_the_next_error_makes_one_due_again() -> None:  # C38
    again = at(clock_us("8:00") + 3 * DAY_US, "quality.scored", agent="ann", critical_errors=1)
    late = at(clock_us("8:00") + 2 * DAY_US, "coaching.held", agent="ann")
    alarms = _alarms(
        _checked(critical_errors=1),
        _checked("9:00", critical_errors=1),
        late,
        again,
        until_us=clock_us("8:00") + 5 * DAY_US,
        commitment="coaching",
    )
    assert _broken(alarms) == [DAY_US, 4 * DAY_US]


def test_the_third_check_failed_in_a_row_is_raised_and_makes_coaching_due() -> None:  # C39
    failed = [_checked(f"{hour}:00", passed=False, tenant="shop") for hour in (8, 9, 10)]
    (raised,) = _alarms(*failed, commitment="failed_checks")
    assert (raised.at_us, raised.since_us) == (clock_us("10:00"), clock_us("8:00"))
    assert (raised.about, raised.name, raised.value("tenant")) == ("agent", "ann", "shop")
    coaching = [alarm for alarm in _alarms(*failed, commitment="coaching") if alarm.is_breach]
    assert [(alarm.at_us, alarm.more) for alarm in coaching] == [
        (clock_us("10:00") + 72 * HOUR_US, (("kind", "failed_checks"),))
    ]


def test_a_check_that_was_passed_begins_the_count_of_failed_ones_anew_and_so_does_the_alarm() -> None:  # C39
    def raised(passed: str) -> list[int]:
        checks = [_checked(f"8:{number:02}", passed=one == "+") for number, one in enumerate(passed)]
        return [at_us // MINUTE_US for at_us in _broken(_alarms(*checks, commitment="failed_checks"))]

    assert raised("--+--") == []
    assert raised("--+---") == [5]
    assert raised("------") == [2, 5]


def test_agents_fail_by_themselves() -> None:  # C39
    checks = [
        _checked(f"8:{number:02}", agent=name, passed=False) for number, name in enumerate(("ann", "bo", "cy") * 2)
    ]
    assert _alarms(*checks, commitment="failed_checks") == []


@pytest.mark.parametrize(("csat", "is_due"), [(1, True), (3, True), (4, False), (5, False), (None, False)])
def test_who_rated_low_is_called_back_within_a_day(csat: int | None, is_due: bool) -> None:  # C40
    events = (
        at("7:00", "contact.answered", "c", agent="ann", queue="sales", tier="vip"), at("7:30", "contact.closed", "c"),
        at("8:00", "contact.rated", "c", agent="ann", **({} if csat is None else {"csat": csat})),
    )  # fmt: skip
    alarms = _alarms(*events, commitment="call_back")
    assert _broken(alarms) == ([DAY_US] if is_due else [])
    for alarm in alarms:
        assert (alarm.about, alarm.name, alarm.value("queue"), alarm.value("tier")) == ("contact", "c", "sales", "vip")
        assert alarm.more == (("agent", "ann"),)


_CASE = at("7:00", "case.opened", case="k", kind="complaint", contact="c")


@pytest.mark.parametrize(
    "settling",
    [
        (at("9:00", "contact.reopened", "c"),),
        (at("9:00", "contact.reopened", "c"), at("9:05", "contact.answered", "c", agent="bo")),
        (_CASE, at("7:30", "case.resolved", case="k"), at("9:00", "case.informed", case="k")),
        (_CASE, at("7:30", "case.resolved", case="k"), at("9:00", "case.followed_up", case="k")),
    ],
    ids=["reopened", "answered again", "its case informed", "its case followed up"],
)
def test_a_word_to_the_customer_settles_the_call_back(settling: tuple[Arrival, ...]) -> None:  # C40
    ended = (at("7:00", "contact.opened", "c"), at("7:10", "contact.closed", "c"))
    events = sorted((*ended, *settling, at("8:00", "contact.rated", "c", csat=1)), key=lambda arrival: arrival.time_us)
    assert _alarms(*events, commitment="call_back") == []


def test_what_settles_a_call_back_may_come_in_any_later_batch_and_of_another_contact_settles_nothing() -> None:  # C40
    first = [
        event
        for name in ("a", "b")
        for event in (at("7:00", "contact.opened", name), at("7:10", "contact.closed", name), at("8:00", "contact.rated", name, csat=2))
    ]  # fmt: skip
    engine = _engine(*first, until_us=clock_us("8:30"))
    feed(engine, [at("9:00", "contact.reopened", "a"), at("9:00", "contact.opened", "z")])
    engine.advance(clock_us("8:00") + 2 * DAY_US)
    breaches = [alarm.name for alarm in engine.take_alarms() if alarm.commitment == "call_back" and alarm.is_breach]
    assert breaches == ["b"]


def test_an_illegal_answer_settles_nothing() -> None:  # C40
    events = (
        at("7:00", "contact.opened", "c"),
        at("7:10", "contact.closed", "c"),
        at("8:00", "contact.rated", "c", csat=2),
    )
    alarms = _alarms(*events, at("9:00", "contact.answered", "c", agent="bo"), commitment="call_back")
    assert _broken(alarms) == [DAY_US]


def test_call_backs_beyond_the_limit_are_not_remembered_and_that_is_counted() -> None:
    rated = [at("8:00", "contact.rated", f"c{number}", csat=1) for number in range(5)]
    engine = _engine(*rated, until_us=clock_us("8:00") + 2 * DAY_US, call_backs_max=2)
    assert (engine.limits_reached["call_backs_max"], _total(engine, "call_back_breaches")) == (3, 2)


# Repeated misses.

MISSES = Policy((line("next_reply", 60, warn=0), line("misses", 3e-6, warn=0)))


def _missed(clock: str | int, contact: str, agent: str = "ann") -> list[Arrival]:
    """A contact whose next reply is a minute late, a minute and a second after `clock`."""
    us = clock if isinstance(clock, int) else clock_us(clock)
    return [
        at(us, "contact.answered", contact, agent=agent, tenant="shop"), at(us, "message.customer", contact),
        at(us + 1_000, "message.agent", contact, agent=agent), at(us + SECOND_US, "message.customer", contact),
        at(us + 90 * SECOND_US, "message.agent", contact, agent=agent), at(us + 90 * SECOND_US, "contact.closed", contact),
    ]  # fmt: skip


def test_the_third_contact_of_an_agent_with_a_broken_limit_in_a_day_is_raised() -> None:  # C46
    events = [*_missed("8:00", "a"), *_missed("9:00", "b"), *_missed("9:00", "x", "bo"), *_missed("10:00", "c")]
    (raised,) = _alarms(*events, commitment="misses", policy=MISSES)
    assert (raised.at_us, raised.since_us) == (clock_us("10:01:01"), clock_us("8:01:01"))
    assert (raised.about, raised.name, raised.value("tenant")) == ("agent", "ann", "shop")


def test_a_contact_counts_once_and_a_miss_of_a_day_ago_no_more() -> None:  # C46
    twice = [
        *_missed("8:00", "a")[:-1],
        at("8:02", "message.customer", "a"),
        at("8:04", "message.agent", "a", agent="ann"),
    ]
    assert _alarms(*twice, *_missed("9:00", "b"), commitment="misses", policy=MISSES) == []
    day_later = clock_us("8:00") + DAY_US
    assert (
        _alarms(
            *_missed("8:00", "a"), *_missed("9:00", "b"), *_missed(day_later, "c"), commitment="misses", policy=MISSES
        )
        == []
    )
    just = [*_missed("8:00", "a"), *_missed("9:00", "b"), *_missed(day_later - 1_000, "c")]
    assert len(_alarms(*just, commitment="misses", policy=MISSES)) == 1


def test_misses_count_in_the_order_of_their_instants_however_the_stream_is_cut() -> None:  # C46
    # Known in the other order than they miss.
    events = [at("7:50", "contact.opened", f"c{number}") for number in reversed(range(9))]
    events += sorted(
        (event for number in range(9) for event in _missed(clock_us("8:00") + number * 7 * SECOND_US, f"c{number}")),
        key=lambda arrival: arrival.time_us,
    )
    whole = engine_of(*events, policy=MISSES)
    for cuts in (tuple(range(60)), (7, 20, 31)):
        assert said(engine_of(*events, policy=MISSES, cuts=cuts, batch_rows=1)) == said(whole)
    raised = [alarm.at_us for alarm in whole.take_alarms() if alarm.commitment == "misses"]
    assert raised == [clock_us("8:01:01") + number * 7 * SECOND_US for number in (2, 5, 8)]


def test_misses_that_wait_are_counted_before_they_are_too_many() -> None:
    engine = Engine(Settings(policy=MISSES, batch_rows=1, disorder_bound_us=0))
    engine.misses.waiting_max = 4
    for number in range(30):
        feed(engine, _missed(clock_us("8:00") + number * MINUTE_US * 3, f"c{number}"))
        assert len(engine.misses.waiting) <= 6
    engine.finish()
    assert len([alarm for alarm in engine.take_alarms() if alarm.commitment == "misses"]) == 10


def test_misses_beyond_the_limit_are_not_remembered_and_that_is_counted() -> None:
    events = [event for name in ("ann", "bo", "cy") for event in _missed("8:00", f"of {name}", name)]
    engine = _engine(*events, until_us=clock_us("9:00"), policy=MISSES, misses_max=2)
    assert engine.limits_reached["misses_max"] == 1


def test_what_is_owed_to_agents_and_customers_outlives_a_restart() -> None:
    events = [
        _checked(passed=False, critical_errors=1), _checked("8:01", passed=False), *_missed("8:10", "a"), *_missed("8:20", "b"),
        at("8:30", "contact.rated", "a", csat=1),
    ]  # fmt: skip
    lines = (
        *MISSES.lines,
        *(entry for entry in DEFAULT.lines if entry.limit in ("failed_checks", "coaching", "call_back")),
    )
    stopped = _engine(*events, until_us=clock_us("9:00"), policy=Policy(lines))
    restored = Engine.restore(stopped.snapshot(), stopped.settings)
    for engine in (stopped, restored):
        feed(engine, [_checked("10:00", passed=False), *_missed("10:00", "c")])
        engine.advance(clock_us("0:00") + WEEK_US)
    raised = stopped.take_alarms()
    assert restored.take_alarms() == raised
    assert {"failed_checks", "coaching", "call_back", "misses"} <= {alarm.commitment for alarm in raised}
