"""Levels: who waits, who is served and what agents do, at one instant and over time."""

import pytest

from engine.facts import FIELD
from tests.engine.events import MINUTE_US, S, at, clock_us, engine_of, window
from tests.engine.running import figures_of


def _total(engine, name: str) -> int:
    return int(engine.tallies.rollups[0].totals[:, FIELD[name]].sum())


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 3, 2), (3, 2, 1, 0)])
def test_at_one_instant_departures_come_before_arrivals(order: tuple[int, ...]):
    #  a |-------|
    #  b         |-------|
    events = [
        at("8:00", "contact.queued", "a"), at("8:05", "contact.answered", "a"),
        at("8:05", "contact.queued", "b"), at("8:10", "contact.abandoned", "b"),
    ]  # fmt: skip
    engine = engine_of(*(events[number] for number in order), disorder_bound_us=10 * MINUTE_US)
    found = window(engine, "8:00", "8:30")
    assert found["queue_depth_max"] == 1
    assert found["queue_depth_mean"] == pytest.approx(10 / 30)


def test_a_wait_of_no_length_is_a_wait_but_never_stood_in_the_queue():
    engine = engine_of(at("8:05", "contact.queued", "a"), at("8:05", "contact.answered", "a"))
    found = window(engine, "8:00", "8:30")
    assert (found["queued"], found["answered"], found["wait_max_s"], found["queue_depth_max"]) == (1, 1, 0.0, 0)


def test_who_changes_the_queue_waits_on_but_in_another():
    #  sales |----|
    #  returns    |-------| one wait of 15 minutes
    engine = engine_of(
        at("8:00", "contact.queued", "a", queue="sales"), at("8:05", "contact.queued", "a", queue="returns"),
        at("8:15", "contact.answered", "a"),
    )  # fmt: skip
    sales, returns = (window(engine, "8:00", "8:30", (name,), rollup=1) for name in ("sales", "returns"))
    assert (sales["queue_depth_mean"], returns["queue_depth_mean"]) == (pytest.approx(5 / 30), pytest.approx(10 / 30))
    assert (sales["wait_max_s"], returns["events_answered"]) == (900.0, 1)
    assert window(engine, "8:00", "8:30")["queue_depth_max"] == 1


def test_a_contact_counts_by_arrival_for_where_it_first_waited():
    engine = engine_of(
        at("8:00", "contact.opened", "a"), at("8:01", "contact.queued", "a", queue="sales"),
        at("8:02", "contact.answered", "a", queue="returns"),
    )  # fmt: skip
    assert window(engine, "8:00", "8:30", ("sales",), rollup=1)["offered"] == 1
    assert window(engine, "8:00", "8:30", ("sales",), rollup=1)["answered"] == 1
    assert window(engine, "8:00", "8:30", ("returns",), rollup=1)["events_answered"] == 1
    assert window(engine, "8:00", "8:30", ("",), rollup=1)["offered"] == 0


def test_an_agent_is_occupied_while_busy_wrapping_up_or_holding_a_contact_and_idle_only_when_available():
    #  ann  8:00 available | 8:10 holds a | 8:20 a closed, wrapup | 8:25 break
    engine = engine_of(
        at("8:00", "agent.state", agent="ann", state="available"), at("8:10", "contact.answered", "a", agent="ann"),
        at("8:20", "contact.closed", "a"), at("8:20", "agent.state", agent="ann", state="wrapup"),
        at("8:25", "agent.state", agent="ann", state="break"),
    )  # fmt: skip
    figures = figures_of(engine, engine.tallies.rollups[0], clock_us("8:00"), clock_us("8:30"))
    minutes = {
        name: int(figures.field(f"{name}_area_us")[0]) // MINUTE_US
        for name in ("idle", "occupied", "wrapup", "break", "load")
    }
    assert minutes == {"idle": 10, "occupied": 15, "wrapup": 5, "break": 5, "load": 10}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_reports_at_one_instant_the_same_holds_in_whatever_order_they_came(order: tuple[int, ...]):
    reports = [
        at("8:00", "agent.state", agent="ann", state="available", queue="sales"),
        at("8:00", "agent.state", agent="ann", state="available", queue="returns"),
    ]
    engine = engine_of(*(reports[number] for number in order))
    assert window(engine, "8:00", "8:30", ("sales",), rollup=1)["agent_hours"] == pytest.approx(0.5)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_to_say_an_empty_queue_at_one_instant_is_not_to_say_nothing(order: tuple[int, ...]):
    messages = [at("8:01", "message.customer", "a"), at("8:01", "message.customer", "a", queue="")]
    engine = engine_of(
        at("8:00", "contact.opened", "a", queue="sales"), *(messages[number] for number in order)
    )  # fmt: skip
    assert window(engine, "8:00", "8:30", ("sales",), rollup=1)["customer_messages"] == 1
    assert window(engine, "8:00", "8:30", ("",), rollup=1)["customer_messages"] == 1


def test_a_wait_after_an_answer_in_another_life_of_the_contact_is_no_part_of_its_wait():
    #  queued 8:00 answered 8:01 closed 8:02 | reopened 8:03 queued 8:04 answered 8:14
    engine = engine_of(
        at("8:00", "contact.queued", "a"), at("8:01", "contact.answered", "a"), at("8:02", "contact.closed", "a"),
        at("8:03", "contact.reopened", "a"), at("8:04", "contact.queued", "a"), at("8:14", "contact.answered", "a"),
    )  # fmt: skip
    found = window(engine, "8:00", "8:30")
    assert (found["wait_sum_s"], found["wait_answered_sum_s"], found["wait_max_s"]) == (60.0, 60.0, 60.0)
    assert (found["handled"], found["events_answered"], found["reopened"]) == (1, 2, 1)


@pytest.mark.parametrize("shift_us", [0, clock_us("8:00")])
def test_a_wait_that_goes_on_is_broken_once_when_its_limit_has_passed(shift_us: int):
    # Around 1970 too, where the last event is at instant zero.
    events = [at(shift_us - 400 * S, "contact.queued", "a"), at(shift_us, "contact.opened", "b")]
    engine = engine_of(*events)
    assert _total(engine, "breaches") == 1
    engine.settle()
    engine.now()
    assert _total(engine, "breaches") == 1


def test_a_limit_that_is_met_to_the_microsecond_is_kept():
    kept = engine_of(at("8:00", "contact.queued", "a"), at("8:05", "contact.answered", "a"))
    broken = engine_of(at("8:00", "contact.queued", "a"), at(clock_us("8:05") + 1000, "contact.answered", "a"))
    assert (_total(kept, "breaches"), _total(broken, "breaches")) == (0, 1)


def test_to_look_at_the_present_after_the_end_raises_nothing_that_has_not_happened():
    engine = engine_of(at("8:00", "contact.queued", "a"), at("8:01", "contact.opened", "b"))
    engine.now()
    assert _total(engine, "breaches") == 0
