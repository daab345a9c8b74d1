"""Measured conditions equal the oracle's, bit for bit, however events come in, are cut, or the engine is stopped between them."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.conditions import Bound, Condition
from engine.pipeline import Engine, Settings
from tests.engine.running import alarms_of, alarms_told, counted, feed, run, sources_of
from tests.histories import (
    RULES,
    Happening,
    centres,
    deliveries,
    disordered,
    doubled,
    in_order,
    scripts,
    several_sources,
)
from tests.reference import Adopt, Advance, Arrival, End
from tests.reference_conditions import WatchingOracle
from tests.watching import CONDITIONS, WATCHED

Script = Sequence[Arrival | Advance | End | Adopt]

S = 1_000_000
HOUR_US = 3_600 * S
UNUSUAL = (
    Condition("surge", (Bound("offered", 1.4, True, 1.2, "times_usual", 0.5),), window_us=HOUR_US // 2, step_us=HOUR_US // 2),
    Condition("grumbling", (Bound("negative_share", 1.4, True, form="times_usual"),), (), window_us=HOUR_US, step_us=HOUR_US,
              sample=(("customer_messages",), 1)),
)  # fmt: skip

cuts = st.lists(st.integers(0, 99), max_size=8)


def standing(script: Script) -> Script:
    """The same under one policy from beginning to end."""
    return [part for part in script if not isinstance(part, Adopt)]


def watched(script: Script, settings: Settings = WATCHED, **how: object) -> Engine:
    return run(script, settings, **how)  # type: ignore[arg-type]


@given(scripts(legal=False).map(standing))
def test_conditions_are_raised_and_end_when_the_oracle_says(script: Script):
    names = sources_of(script)
    truth = WatchingOracle(RULES, CONDITIONS, names).take(script)
    assert alarms_of(watched(script, named=names)) == alarms_told(truth)


@given(centres(legal=False), st.integers(0, 20), st.sampled_from((400 * S, 701 * S, 1_500 * S + 1)))
def test_gaps_in_which_nothing_is_judged_hide_nothing(happenings: list[Happening], place: int, gap_us: int):
    later = [replace(one, time_us=one.time_us + gap_us) for one in happenings[place:]]
    script = in_order(happenings[:place] + later)
    assert alarms_of(watched(script)) == alarms_told(WatchingOracle(RULES, CONDITIONS).take(script))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=18, max_size=30), st.integers(0, 99))
def test_what_is_unusual_at_an_hour_is_what_the_oracle_finds_unusual(hours: list[tuple[int, int]], place: int):
    # Some mornings in a row, each of an hour or more, from whatever happened to be told of them.
    script = [
        Arrival(
            "s",
            (day * 24 + 9) * HOUR_US + number // 4 * HOUR_US // 2 + 7 * S,
            {"type": "message.customer", "contact": f"c{day}-{number}", "negative": number % 3 == skew % 3},
        )
        for day, (skew, count) in enumerate(hours)
        for number in range(count)
    ]
    settings = replace(WATCHED, policy=replace(WATCHED.policy, conditions=UNUSUAL))
    truth = WatchingOracle(RULES, UNUSUAL).take(script)
    assert alarms_of(run(script, settings, cuts=[place])) == alarms_told(truth)


@given(scripts(legal=False).map(standing), st.one_of(st.just(range(99)), cuts), st.sampled_from((1, 2, 5)))
def test_no_cutting_of_a_stream_changes_a_condition(script: Script, where: Sequence[int], batch_rows: int):
    whole, cut = watched(script), watched(script, replace(WATCHED, batch_rows=batch_rows), cuts=where)
    assert alarms_of(cut) == alarms_of(whole)


@given(st.data(), centres(legal=False))
def test_neither_disorder_within_the_bound_nor_the_choice_of_sources_changes_a_condition(
    data: st.DataObject, happenings: list[Happening]
):
    ordered = watched(in_order(happenings))
    script = data.draw(several_sources(data.draw(disordered(in_order(happenings)))))
    assert alarms_of(watched(script, replace(WATCHED, batch_rows=4), named=sources_of(script))) == alarms_of(ordered)


@given(st.data(), deliveries(legal=False))
def test_repeated_events_change_no_condition(data: st.DataObject, once: list[Arrival]):
    twice = data.draw(doubled(once))
    names = sources_of(once)
    assert alarms_of(watched(twice, named=names)) == alarms_of(watched(once, named=names))


@given(scripts(legal=False).map(standing), st.integers(0, 99), st.sampled_from((1, 3, 16_384)))
def test_conditions_go_on_after_a_restart_as_if_there_had_been_none(script: Script, place: int, batch_rows: int):
    settings = replace(WATCHED, batch_rows=batch_rows)
    place %= len(script) + 1
    stopped = Engine(settings)
    feed(stopped, script[:place])
    restored = Engine.restore(stopped.snapshot(), settings)
    feed(restored, script[place:])
    restored.finish()
    whole = run(script, settings, cuts=[place])
    assert alarms_of(restored) == alarms_of(whole)
    assert restored.now()["conditions"] == whole.now()["conditions"]


@given(scripts(legal=False).map(standing))
def test_watching_changes_nothing_else(script: Script):
    watching = watched(script)
    blind = watched(script, replace(WATCHED, policy=replace(WATCHED.policy, conditions=())))
    assert counted(watching) == counted(blind)
    assert [alarm for alarm in alarms_of(watching) if alarm.about not in ("group", "source")] == alarms_of(blind)
