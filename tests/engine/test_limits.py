"""Everything that can grow has a limit, and what happens at the limit is counted."""

import pytest

from engine.columns import OTHER
from engine.facts import FIELD
from engine.pipeline import Engine, Settings
from engine.times import HOUR_US, MINUTE_US
from engine.watermark import SOURCES_MAX, Order, Source
from tests.engine.events import at, clock_us, engine_of
from tests.engine.running import feed, figures_of, said
from tests.reference import Arrival


def _arrivals(count: int, **fields: str) -> list[Arrival]:
    return [at(f"8:{number:02}", "contact.opened", f"c{number}", **fields) for number in range(count)]


def _total(engine: Engine, name: str, rollup: int = 0) -> dict[tuple[str, ...], int]:
    rolled = engine.tallies.rollups[rollup]
    return {values: int(rolled.totals[group, FIELD[name]]) for values, group in rolled.groups.items()}


def test_contacts_beyond_the_limit_are_rejected_and_those_known_go_on():
    extra = [at("8:30", "contact.queued", "c0"), at("8:31", "contact.queued", "c4")]
    engine = engine_of(*_arrivals(5), *extra, contacts_max=2)
    assert engine.counters.rejected == {"too_many_contacts": 4}
    assert (_total(engine, "offered"), _total(engine, "entered")) == ({(): 2}, {(): 1})


def test_the_room_of_contacts_that_ended_long_ago_is_used_again():
    settings = {"contacts_max": 2, "linger_us": HOUR_US, "disorder_bound_us": 0}
    ended = [at("8:00", "contact.opened", "a"), at("8:00", "contact.closed", "a"), at("8:10", "contact.opened", "b")]
    later = [at("9:30", "message.customer", "b"), at("9:31", "contact.opened", "c"), at("9:32", "contact.opened", "d")]
    engine = engine_of(*ended, *later, cuts=(3, 4, 5), batch_rows=1, **settings)
    assert engine.counters.rejected == {"too_many_contacts": 1}
    assert _total(engine, "offered") == {(): 3}


def test_groups_beyond_the_limit_are_counted_together_under_other():
    queues = [at(f"8:{number:02}", "contact.opened", f"c{number}", queue=f"q{number}") for number in range(6)]
    engine = engine_of(*queues, groups_max=4)
    assert _total(engine, "offered", rollup=1) == {("",): 0, ("q0",): 1, ("q1",): 1, (OTHER,): 4}
    assert engine.tallies.rollups[1].overflow_count == 4


def test_names_beyond_the_limit_are_counted_together_under_other():
    queues = [at(f"8:{number:02}", "contact.opened", f"c{number}", queue=f"q{number}") for number in range(6)]
    engine = engine_of(*queues, names_max=3)
    assert _total(engine, "offered", rollup=1) == {("",): 0, ("q0",): 1, ("q1",): 1, (OTHER,): 4}
    assert engine.combinations.names[0].overflow_count == 4


def test_sets_of_dimensions_beyond_the_limit_are_counted_together_and_take_no_room():
    events = [
        at(f"8:{number:02}", "contact.opened", f"c{number}", queue=f"q{number}", tenant=f"t{number % 7}")
        for number in range(60)
    ]
    engine = engine_of(*events, combinations_max=5)
    by_queue = _total(engine, "offered", rollup=1)
    assert by_queue == {("",): 0, ("q0",): 1, ("q1",): 1, ("q2",): 1, ("q3",): 1, (OTHER,): 56}
    assert len(engine.combinations) <= 7 and len(engine.combinations.said_codes) <= 7
    assert engine.limits_reached["combinations_max"] == 57  # A set of the saids, 55 times; a combination, twice.


def test_a_source_that_is_silent_holds_back_no_more_events_than_the_limit():
    #  silent: 8:00 . . . . . . . . . . . . . . . . . . . . . . . . . 8:01, which is too late now
    #  busy:     8:00:00 8:00:10 8:00:20 ...                  8:16:30
    busy = [at(f"8:{number // 6:02}:{number % 6}0", "contact.opened", f"c{number}") for number in range(100)]
    events = [at("8:00", "contact.opened", "z", source="silent"), *busy]
    engine = engine_of(*events, at("8:01", "contact.opened", "y", source="silent"), cuts=tuple(range(102)), held_max=20,
                       allowed_lateness_us=MINUTE_US)  # fmt: skip
    assert (engine.counters.dropped, engine.limits_reached["held_max"]) == (1, 8)
    free = engine_of(*events, cuts=tuple(range(101)))
    assert said(engine) == said(free)
    still_held = Engine(Settings(held_max=20))
    for event in events:
        feed(still_held, [event])
        assert still_held.order.held_count <= 20


def test_agents_beyond_the_limit_are_one_agent():
    reports = [at(f"8:{number:02}", "agent.state", agent=f"a{number}", state="busy") for number in range(5)]
    engine = engine_of(*reports, agents_max=3)
    assert _total(engine, "busy_net") == {(): 3}
    assert engine.agents.names.overflow_count == 3


def test_ids_beyond_the_limit_are_forgotten_early_and_that_is_counted():
    events = [at(f"8:00:{number:02}", "contact.opened", f"c{number}", id=f"e{number}") for number in range(30)]
    engine = engine_of(*events, events[-1], cuts=tuple(range(31)), identities_max=10)
    assert engine.counters.duplicates == 1
    assert engine.identities.early_count == 3
    assert sum(len(ids) for ids in engine.identities.generations.values()) <= 20


def test_ids_are_forgotten_when_an_event_as_old_would_be_dropped():
    events = [
        at(f"{8 + number // 60}:{number % 60:02}", "contact.opened", f"c{number}", id=f"e{number}")
        for number in range(180)
    ]
    engine = engine_of(*events, cuts=tuple(range(180)))
    assert sum(len(ids) for ids in engine.identities.generations.values()) < 40
    assert engine.identities.early_count == 0


def test_sources_beyond_the_limit_are_judged_as_one():
    order = Order(0, 0)
    order.sources |= {f"s{number}": Source(0) for number in range(SOURCES_MAX)}
    assert order.source("one more") is order.source("and another") is order.sources[OTHER]
    assert len(order.sources) == SOURCES_MAX + 1


def test_panes_past_their_retention_are_forgotten_and_the_others_stay_as_they_are():
    events = [
        event
        for number in range(12)
        for event in (
            at(f"{6 + number}:00", "contact.queued", f"c{number}", queue="sales"),
            at(f"{6 + number}:10", "agent.state", agent=f"a{number}", state="busy", queue="sales"),
            at(f"{6 + number}:20", "contact.answered", f"c{number}", agent=f"a{number}"),
        )
    ]
    whole = engine_of(*events, cuts=tuple(range(36)))
    short = engine_of(*events, cuts=tuple(range(36)), batch_rows=1, retention_us=3 * HOUR_US)
    oldest = short.tallies.oldest_pane
    assert oldest * 15 * MINUTE_US > clock_us("13:00")
    for rollup in short.tallies.rollups:
        name, cells = rollup.name, said(short)[rollup.name]
        kept = {key: cell for key, cell in said(whole)[name].items() if isinstance(key, tuple) and key[1] >= oldest}
        assert {key: cell for key, cell in cells.items() if isinstance(key, tuple)} == kept
    # Levels that rose in panes long forgotten stand as high as ever.
    for mine, all_of_it in zip(short.tallies.rollups, whole.tallies.rollups, strict=True):
        for hour in (15, 16):
            bounds_us = clock_us(f"{hour}:00"), clock_us(f"{hour}:30")
            kept, full = figures_of(short, mine, *bounds_us), figures_of(whole, all_of_it, *bounds_us)
            assert kept.sums.tolist() == full.sums.tolist()
            assert kept.peaks.tolist() == full.peaks.tolist()


@pytest.mark.parametrize("bound_us", [0, 10_000_000])
def test_a_source_heard_late_does_not_turn_time_back(bound_us: int):
    #  s: 8:00 ............ 9:00
    #  t:                          8:50, which lies beyond the allowed lateness of a minute
    engine = engine_of(
        at("8:00", "contact.opened", "a"), at("9:00", "contact.opened", "b"),
        at("8:50", "contact.opened", "c", source="t"), disorder_bound_us=bound_us, allowed_lateness_us=MINUTE_US,
    )  # fmt: skip
    assert engine.counters.dropped == 1


def test_an_event_repeated_by_a_slower_source_is_recognised():
    #  fast: 8:00 e1 | 8:40    slow: 7:59 | 8:00 e1 again
    engine = engine_of(
        at("7:59", "contact.opened", "z", source="slow"), at("8:00", "contact.opened", "a", source="fast", id="e1"),
        at("8:40", "contact.opened", "b", source="fast", id="e2"),
        at("8:00", "contact.opened", "a", source="slow", id="e1"),
    )  # fmt: skip
    assert (engine.counters.duplicates, engine.counters.illegal) == (1, {})
