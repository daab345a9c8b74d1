"""The laws that make figures trustworthy, held against histories and deliveries that hypothesis draws.

Each property compares the engine with itself; that it also says the truth is `test_oracle`'s matter.
"""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.facts import FIELD, FIELDS
from engine.pipeline import Engine
from engine.watermark import NEVER_US
from tests.engine.running import cells_of, counted, feed, figures_of, run, said, sources_of, windows_of
from tests.histories import (
    RULES,
    SETTINGS,
    Happening,
    centres,
    deliveries,
    disordered,
    doubled,
    in_order,
    scripts,
    several_sources,
)
from tests.reference import Adopt, Advance, Arrival, End, Oracle, peak_of_levels

S = 1_000_000
Script = list[Arrival | Advance | End | Adopt]

#: Counted where the contact arrived, so they change for as long as it lives.
BY_ARRIVAL = FIELDS[: FIELDS.index("entered")]
#: What an agent is, is known only where all of the agent's contacts are.
OF_WHOLE_AGENTS = tuple(name for name in FIELDS if name.startswith(("occupied", "idle")))

cuts = st.lists(st.integers(0, 99), max_size=8)


@given(scripts(legal=False), st.one_of(st.just(range(99)), cuts), st.sampled_from((1, 2, 5)))
def test_no_cutting_of_a_stream_changes_any_figure(script: Script, where: Sequence[int], batch_rows: int):
    whole = run(script)
    cut = run(script, replace(SETTINGS, batch_rows=batch_rows), cuts=where)
    assert counted(cut) == counted(whole)
    assert said(cut) == said(whole)


@given(st.data(), centres(legal=False))
def test_neither_disorder_within_the_bound_nor_the_choice_of_sources_changes_any_figure(
    data: st.DataObject, happenings: list[Happening]
):
    ordered = run(in_order(happenings))
    script = data.draw(several_sources(data.draw(disordered(in_order(happenings)))))
    shuffled = run(script, replace(SETTINGS, batch_rows=4), named=sources_of(script))
    assert counted(shuffled) == counted(ordered)
    assert said(shuffled) == said(ordered)


@given(st.data(), deliveries(legal=False))
def test_repeated_events_change_nothing_but_their_count(data: st.DataObject, once: list[Arrival]):
    twice = data.draw(doubled(once))
    names = sources_of(once)
    first, second = run(once, named=names), run(twice, replace(SETTINGS, batch_rows=2), named=names)
    assert said(second) == said(first)
    before, after = counted(first), counted(second)
    # A repetition from beyond the allowed lateness is dropped like any event from there.
    repeated = len(twice) - len(once)
    assert after.pop("events") == before.pop("events") + repeated
    assert after.pop("duplicates") + after.pop("dropped") == before.pop("duplicates") + before.pop("dropped") + repeated
    assert after == before


@given(scripts(legal=False))
def test_nobody_who_came_or_waited_is_lost(script: Script):
    engine = run(script, named=sources_of(script))
    engine.verify()
    truth = Oracle(RULES, sources_of(script)).take(script)
    still_open = sum(contact.outcome == "none" for contact in truth.contacts.values())
    for rollup in engine.tallies.rollups:
        waiting = dict.fromkeys(range(len(rollup.groups)), 0)
        for start_us, end_us in windows_of(engine, 20 * S, 20 * S):
            figures = figures_of(engine, rollup, start_us, end_us)
            for group in waiting:
                came = int(figures.field("entered")[group])
                left = sum(int(figures.field(f"left_{how}")[group]) for how in ("answered", "abandoned", "other"))
                after = waiting[group] + int(figures.field("waiting_net")[group])
                assert waiting[group] + came == left + after
                waiting[group] = after
        assert sum(waiting.values()) == len(engine.contacts.waiting()[0])
        total = dict(zip(FIELDS, rollup.totals.sum(axis=0).tolist(), strict=True))
        ended = total["answered"] + total["abandoned"] + total["left_queue"] + total["unanswered"]
        assert total["offered"] == ended + still_open


@given(scripts(legal=False))
def test_hopping_windows_are_the_sums_of_their_panes(script: Script):
    #  [--------- window ---------)
    #  [- pane -)[- pane -)[- pane -)
    engine = run(script)
    for rollup in engine.tallies.rollups[:2]:
        for start_us, end_us in windows_of(engine, 60 * S, 20 * S)[::4]:
            window = figures_of(engine, rollup, start_us, end_us)
            panes = [figures_of(engine, rollup, pane, pane + 20 * S) for pane in range(start_us, end_us, 20 * S)]
            assert window.sums.tolist() == sum(pane.sums for pane in panes).tolist()  # type: ignore[union-attr]
            assert window.histograms.tolist() == sum(pane.histograms for pane in panes).tolist()  # type: ignore[union-attr]
            for name in ("peaks", "longest_us"):
                highest = [
                    max(values)
                    for values in zip(*(getattr(pane, name).ravel().tolist() for pane in panes), strict=True)
                ]
                assert getattr(window, name).ravel().tolist() == highest


@given(centres())
def test_without_lateness_the_peak_is_the_highest_level_that_held(happenings: list[Happening]):
    script = in_order(happenings)
    engine = run(script)
    truth = Oracle(RULES).take(script)
    for start_us, end_us in windows_of(engine, 60 * S, 20 * S):
        figures = figures_of(engine, engine.tallies.rollups[0], start_us, end_us)
        for number, level in enumerate(("waiting", "in_service", "load")):
            changes = [change for change in truth.changes if change.level == level]
            assert figures.peaks[0, number] == peak_of_levels(changes, start_us, end_us)


@given(scripts(legal=False))
def test_the_watermark_never_goes_back(script: Script):
    engine = Engine(SETTINGS)
    reached_us = NEVER_US
    for part in script:
        feed(engine, [part])
        assert engine.watermark_us >= reached_us
        reached_us = engine.watermark_us


@given(scripts(legal=False))
def test_a_pane_beyond_the_allowed_lateness_never_changes_again(script: Script):
    engine = Engine(SETTINGS)
    for name in sources_of(script):
        engine.order.source(name)
    closed: dict[object, object] = {}
    for part in script:
        feed(engine, [part])
        engine.settle()
        until_us = engine.watermark_us - SETTINGS.allowed_lateness_us
        sums = {
            (group, pane): {name: value for name, value in cell[0].items() if name not in BY_ARRIVAL}
            for (group, pane), cell in cells_of(engine.tallies.rollups[1]).items()
            if (pane + 1) * engine.pane_us <= until_us
        }
        assert {key: sums[key] for key in closed} == closed
        closed = {key: cell for key, cell in sums.items() if cell}


@given(scripts(legal=False), st.integers(0, 99), st.sampled_from((1, 3, 16_384)))
def test_who_stopped_and_was_restored_goes_on_as_if_never_stopped(script: Script, place: int, batch_rows: int):
    settings = replace(SETTINGS, batch_rows=batch_rows)
    place %= len(script) + 1
    stopped = Engine(settings)
    feed(stopped, script[:place])
    restored = Engine.restore(stopped.snapshot(), stopped.settings)
    feed(restored, script[place:])
    restored.finish()
    whole = run(script, settings, cuts=[place])
    assert counted(restored) == counted(whole)
    assert said(restored) == said(whole)


@given(st.data(), centres(legal=False, reports=False, customers=False), st.lists(st.booleans(), min_size=1, max_size=6))
def test_two_shards_with_their_own_contacts_add_to_the_whole(
    data: st.DataObject, happenings: list[Happening], mine: list[bool]
):
    script = data.draw(disordered(in_order(happenings)))
    last = Advance(max(arrival.time_us for arrival in script))
    # Of an agent's misses one shard knows only those of its own contacts.
    lines = tuple(entry for entry in SETTINGS.policy.lines if entry.limit != "misses")
    settings = replace(SETTINGS, policy=replace(SETTINGS.policy, lines=lines))
    is_first = [mine[_shard_key(arrival) % len(mine)] for arrival in script]
    shards = [
        run([*(arrival for arrival, chosen in zip(script, is_first, strict=True) if chosen is which), last], settings)
        for which in (True, False)
    ]
    whole = run([*script, last], settings)
    adding = [name for name in FIELDS if name not in OF_WHOLE_AGENTS]
    for number, rollup in enumerate(whole.tallies.rollups):
        summed: dict[tuple[str, ...], list[int]] = {}
        for shard in shards:
            part = shard.tallies.rollups[number]
            for values, group in part.groups.items():
                before = summed.get(values, [0] * len(adding))
                totals = [int(part.totals[group, FIELD[name]]) for name in adding]
                summed[values] = [a + b for a, b in zip(before, totals, strict=True)]
        for values, group in rollup.groups.items():
            totals = [int(rollup.totals[group, FIELD[name]]) for name in adding]
            assert dict(zip(adding, summed.get(values, [0] * len(adding)), strict=True)) == dict(
                zip(adding, totals, strict=True)
            )


def _shard_key(arrival: Arrival) -> int:
    """All of a contact is in one shard."""
    return int(arrival.event.get("contact", "c0")[1:])


@given(st.data(), centres(legal=False))
def test_ticks_that_make_nobody_late_change_neither_breaches_nor_anything_else(
    data: st.DataObject, happenings: list[Happening]
):
    arrivals = data.draw(disordered(in_order(happenings)))
    ticked: Script = list(arrivals)
    for place in sorted(data.draw(st.lists(st.integers(0, len(arrivals) - 1), max_size=4)), reverse=True):
        to_come_us = min(arrival.time_us for arrival in arrivals[place:])
        ticked.insert(place, Advance(to_come_us - data.draw(st.sampled_from((0, 1, 7 * S)))))
    calm, busy = run(arrivals), run(ticked)
    assert counted(busy) == counted(calm)
    assert said(busy) == said(calm)


@given(scripts(legal=False), cuts)
def test_looking_at_the_present_changes_no_figure(script: Script, where: list[int]):
    looked = Engine(SETTINGS)
    for number, part in enumerate(script):
        feed(looked, [part])
        if number in where:
            looked.now()
    looked.finish()
    looked.now()
    whole = run(script)
    assert counted(looked) == counted(whole)
    assert said(looked) == said(whole)
