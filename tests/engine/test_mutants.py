"""Laws of which a planted fault (tests/mutations.py) showed that no other test was sure to hold them."""

from typing import Any

import pytest

from engine.events import decode
from engine.facts import FIELD
from engine.pipeline import Engine, Settings
from engine.times import HOUR_US, MINUTE_US
from tests.engine.events import at, clock_us, engine_of, window
from tests.engine.running import feed


def _breaches(engine: Engine) -> int:
    return int(engine.tallies.rollups[0].totals[0, FIELD["breaches"]])


def test_levels_of_forgotten_panes_outlive_a_restart() -> None:
    #  6:00 two queued, neither ever answered | until 16:00 others, who do not wait; panes are kept for three hours
    settings = Settings(retention_us=3 * HOUR_US, batch_rows=1)
    stopped = Engine(settings)
    feed(stopped, [at("6:00", "contact.queued", name) for name in ("a", "b")])
    feed(stopped, [at(f"{hour}:00", "contact.opened", f"at {hour}") for hour in range(7, 17)])
    stopped.advance(clock_us("16:30"))
    restored = Engine.restore(stopped.snapshot(), settings)
    for engine in (stopped, restored):
        assert engine.tallies.oldest_pane * engine.pane_us > clock_us("7:00")
        found = window(engine, "16:00", "16:30")
        assert (found["queue_depth_max"], found["queue_depth_mean"]) == (2, pytest.approx(2))


def test_what_happens_at_the_watermark_itself_waits_until_the_instant_is_over() -> None:
    #  a |-------|
    #  b         |----   8:05 is the watermark when b is heard, and a's answer of 8:05 is still to come
    engine = Engine(Settings(disorder_bound_us=0, batch_rows=1))
    for event in (
        at("8:00", "contact.queued", "a"), at("8:05", "contact.queued", "b"), at("8:05", "contact.answered", "a"),
        at("8:06", "contact.opened", "c"),
    ):  # fmt: skip
        feed(engine, [event])
        engine.settle()
    assert engine.counters.late == 0
    assert window(engine, "8:00", "8:30")["queue_depth_max"] == 1


def test_an_event_repeated_in_the_next_generation_of_ids_is_recognised() -> None:
    #  generations change every 20 minutes: 8:15 e1 | 8:25 | 8:16, within the allowed lateness, e1 again
    first = at("8:15", "message.customer", "a", id="e1")
    settings: dict[str, Any] = {"disorder_bound_us": 5 * MINUTE_US, "allowed_lateness_us": 15 * MINUTE_US}
    engine = engine_of(first, at("8:26", "contact.opened", "b", id="e2"), first, **settings)
    assert len(engine.identities.generations) == 2
    assert (engine.counters.duplicates, window(engine, "8:00", "8:30")["customer_messages"]) == (1, 1)


def test_a_wait_that_goes_on_is_not_broken_while_its_limit_is_only_just_reached() -> None:
    # Another's limit has passed already, so the clock does look.
    engine = Engine(Settings())
    feed(engine, [at("7:59", "contact.queued", "z"), at("8:00", "contact.queued", "a")])
    found = []
    for clock_instant_us in (clock_us("8:05"), clock_us("8:05") + 1):
        engine.advance(clock_instant_us)
        found.append(_breaches(engine))
    assert found == [1, 2]


def test_a_wait_that_the_clock_found_broken_is_not_broken_again_by_its_end() -> None:
    engine = Engine(Settings())
    feed(engine, [at("8:00", "contact.queued", "a"), at("8:00", "contact.queued", "b")])
    for clock in ("8:06", "8:07"):
        engine.advance(clock_us(clock))
    feed(engine, [at("8:08", "contact.answered", "a"), at("8:08", "contact.queued", "c")])
    engine.advance(clock_us("8:20"))
    assert _breaches(engine) == 3


def test_a_contact_that_ended_is_remembered_for_the_whole_linger_time() -> None:
    #  8:00 closed ......... 8:59 answered, illegal | 9:01 an hour has passed: a new life
    settings = Settings(linger_us=HOUR_US, disorder_bound_us=0, batch_rows=1)
    engine = Engine(settings)
    for clock, kind, contact in (
        ("8:00", "contact.opened", "a"), ("8:00", "contact.closed", "a"), ("8:30", "contact.opened", "b"),
        ("8:58", "contact.opened", "c"), ("8:59", "contact.answered", "a"), ("9:01", "contact.answered", "a"),
    ):  # fmt: skip
        feed(engine, [at(clock, kind, contact)])
        engine.settle()
    engine.finish()
    assert engine.counters.illegal == {"already_closed": 1}
    assert window(engine, "9:00", "9:30")["offered"] == 1


@pytest.mark.parametrize(
    ("written", "in_utc"), [("08:45+05:45", "03:00Z"), ("02:00-01:00", "03:00Z"), ("03:00-00:00", "03:00Z")]
)
def test_an_offset_east_of_greenwich_is_taken_off_and_one_west_added(written: str, in_utc: str) -> None:
    times_us = []
    for clock in (written, in_utc):
        hour_minute, offset = clock[:5], clock[5:]
        line = f'{{"type":"contact.opened","time":"2026-11-11T{hour_minute}:00{offset}","contact":"c"}}'
        decoded = decode(line.encode())
        assert not decoded.told, "the line is plain, so the compiled reading is what is tried"
        times_us += decoded.times_us.tolist()
    assert times_us[0] == times_us[1] == clock_us("3:00")
