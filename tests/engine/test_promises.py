"""Promises to customers (C12): due when they say so, kept or broken, and never mended afterwards."""

from typing import Any

from engine.alarms import Alarm
from engine.facts import FIELD
from engine.pipeline import Engine, Settings
from engine.policy import DUE_US, NO_LIMIT_US, Line, Policy
from engine.times import DAY_US, HOUR_US, SECOND_US
from tests.engine.events import at, clock_us
from tests.engine.running import feed
from tests.reference import Arrival

POLICY = Policy((Line("promise", DUE_US), Line("promise", NO_LIMIT_US, {"tier": frozenset(("test",))})))


def _engine(*arrivals: Arrival, until: str, **settings: Any) -> Engine:
    engine = Engine(Settings(**{"policy": POLICY, "linger_us": DAY_US} | settings))
    feed(engine, arrivals)
    engine.advance(clock_us(until))
    return engine


def _made(due: str, clock: str = "8:00", promise: str = "p", **more: Any) -> Arrival:
    return at(clock, "promise.made", promise=promise, due=clock_us(due) // 1000, **more)


def _told(alarms: list[Alarm]) -> list[tuple[str, int]]:
    return [(alarm.step, alarm.at_us) for alarm in alarms]


def _totals(engine: Engine) -> list[int]:
    names = ("promises_made", "promises_kept", "promises_kept_in_time", "promise_breaches")
    return [int(engine.tallies.rollups[0].totals[0, FIELD[name]]) for name in names]


def test_a_promise_is_warned_of_at_its_share_and_broken_at_its_own_instant() -> None:
    #  8:00 made ------ 8:48 warned --- 9:00 due
    engine = _engine(_made("9:00", agent="ann", contact="c", tenant="shop"), until="12:00")
    alarms = engine.take_alarms()
    assert _told(alarms) == [("warned", clock_us("8:48")), ("broken", clock_us("9:00"))]
    for alarm in alarms:
        assert (alarm.commitment, alarm.about, alarm.name, alarm.since_us) == (
            "promise",
            "promise",
            "p",
            clock_us("8:00"),
        )
        assert (alarm.more, alarm.value("tenant")) == ((("agent", "ann"), ("contact", "c")), "shop")
    assert _totals(engine) == [1, 0, 0, 1]


def test_a_promise_kept_at_its_instant_is_kept_in_time() -> None:
    engine = _engine(_made("9:00"), at("9:00", "promise.kept", promise="p"), until="12:00")
    assert _told(engine.take_alarms()) == [("warned", clock_us("8:48")), ("ended", clock_us("9:00"))]
    assert _totals(engine) == [1, 1, 1, 0]


def test_a_promise_kept_late_stays_broken() -> None:
    engine = _engine(_made("9:00"), at("9:00:00.001", "promise.kept", promise="p"), until="12:00")
    late_us = clock_us("9:00:00.001")
    assert _told(engine.take_alarms())[1:] == [("broken", clock_us("9:00")), ("ended", late_us)]
    assert _totals(engine) == [1, 1, 0, 1]


def test_a_promise_that_is_over_when_it_is_made_is_broken_then() -> None:
    engine = _engine(_made("7:00"), until="8:00:01")
    assert _told(engine.take_alarms()) == [("broken", clock_us("8:00"))]


def test_nobody_is_alarmed_where_the_policy_watches_no_promise_and_it_counts_all_the_same() -> None:
    engine = _engine(_made("9:00", tier="test"), at("9:30", "promise.kept", promise="p"), until="12:00")
    assert (engine.take_alarms(), _totals(engine)) == ([], [1, 1, 0, 0])


def test_promises_made_twice_kept_twice_or_never_made_are_counted_by_their_reasons() -> None:
    kept = at("8:10", "promise.kept", promise="p")
    engine = _engine(
        at("7:00", "promise.kept", promise="p"), _made("9:00"), _made("10:00", "8:05"), kept, kept, until="12:00"
    )
    assert engine.counters.illegal == {"unknown_promise": 1, "promise_already_made": 1, "promise_already_kept": 1}
    assert (engine.take_alarms(), _totals(engine)) == ([], [1, 1, 1, 0])


def test_open_promises_are_listed_by_the_time_left_and_kept_ones_are_not() -> None:
    engine = _engine(
        _made("11:00", promise="later"), _made("9:00", promise="over"), _made("10:00", promise="soon", contact="c"),
        _made("12:00", promise="vip", tier="vip"), _made("10:00", promise="done"), at("8:30", "promise.kept", promise="done"),
        until="9:50",
    )  # fmt: skip
    shown = engine.now()["promises"]
    rows = [(row["promise"], row["left_s"] / 60, row["state"]) for row in shown["rows"]]
    assert rows == [("vip", 130, "open"), ("over", -50, "overdue"), ("soon", 10, "near_limit"), ("later", 70, "open")]
    assert {name: shown[name] for name in ("count", "open", "near_limit", "overdue")} == {
        "count": 4, "open": 2, "near_limit": 1, "overdue": 1,
    }  # fmt: skip


def test_the_list_is_bounded_and_its_count_is_not() -> None:
    engine = _engine(*(_made("9:00", promise=f"p{number}") for number in range(150)), until="8:01")
    shown = engine.now()["promises"]
    assert (len(shown["rows"]), shown["count"]) == (100, 150)


def test_a_promise_is_forgotten_some_time_after_it_was_kept_or_due() -> None:
    engine = _engine(
        _made("9:00"),
        _made("9:00", promise="q"),
        at("8:10", "promise.kept", promise="q"),
        until="9:10",
        linger_us=HOUR_US,
    )
    assert list(engine.back_office.promises.promises) == ["p", "q"]
    for until_us, known in ((clock_us("9:10") + 1, ["p"]), (clock_us("10:00") + 1, [])):
        engine.advance(until_us)
        assert list(engine.back_office.promises.promises) == known


def test_promises_beyond_the_limit_are_refused_and_that_is_counted() -> None:
    engine = _engine(*(_made("9:00", promise=f"p{number}") for number in range(5)), until="12:00", promises_max=2)
    assert (engine.limits_reached["promises_max"], _totals(engine)) == (3, [2, 0, 0, 2])


def test_a_promise_goes_on_after_a_restart() -> None:
    stopped = _engine(_made("9:00", tenant="shop"), until="8:50")
    restored = Engine.restore(stopped.snapshot(), stopped.settings)
    for engine in (stopped, restored):
        feed(engine, [at("9:30", "promise.kept", promise="p")])
        engine.advance(clock_us("9:30") + SECOND_US)
    assert restored.take_alarms() == stopped.take_alarms() != []
    assert _totals(restored) == _totals(stopped) == [1, 1, 0, 1]
