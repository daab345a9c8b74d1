"""Shards and what merges them are one engine: dealt by contact, cut anywhere, stopped and gone on with, every figure is the same."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BrokenInvariant, InvalidSetting
from engine.events import decode
from engine.merged import Merged
from engine.pipeline import Engine, Settings
from engine.shard import Shard
from engine.watermark import NEVER_US
from tests.engine.running import counted, run, said, sources_of
from tests.engine.test_responses_oracle import MEASURED, named
from tests.histories import SETTINGS, Happening, centres, disordered, doubled, in_order, line, several_sources
from tests.reference import Arrival
from tests.simulation.shards import shard_of
from tests.watching import WATCHED

S = 1_000_000
FRAMES = st.lists(st.integers(0, 60), max_size=6)


def figures(engine: Engine) -> dict[str, Any]:
    """What an engine says, save of groups of which it knows no figure: no shard tells of those."""
    told = said(engine)
    for name, of in told.items():
        if name != "alarms":
            of["totals"] = {values: sums for values, sums in of["totals"].items() if sums}
    return told


class Centre:
    """Shards and one that merges them. `stop_at`: numbers of steps behind which everything is stopped and restored."""

    def __init__(self, settings: Settings, count: int, stop_at: Iterable[int] = (), named: Iterable[str] = ()) -> None:
        self.settings, self.count = settings, count
        self.shards = [Shard(settings) for _ in range(count)]
        for shard, name in product(self.shards, named):
            shard.order.source(name)
        self.merged = Merged(settings, count)
        self.stop_at, self.steps = set(stop_at), 0

    def absorb(self, arrival: Arrival) -> None:
        shard = self.shards[shard_of(arrival.event, self.count)]
        shard.absorb(decode(line(arrival), source=arrival.source))

    def advance(self, now_us: int) -> None:
        for shard in self.shards:
            shard.advance(now_us)
        self.step()

    def play(self, script: Sequence[Arrival], cuts: Iterable[int]) -> Merged:
        marks = {cut % (len(script) + 1) for cut in cuts}
        for number, arrival in enumerate(script):
            self.absorb(arrival)
            if number in marks:
                self.step()
        return self.end(sources_of(script))

    def end(self, sources: Iterable[str]) -> Merged:
        last_us = max(shard.counters.last_us for shard in self.shards if shard.counters.last_us is not None)
        for shard in self.shards:
            for source in sources:
                shard.finish_source(source)
            shard.advance(last_us)
        self.step()
        self.merged.finish()
        return self.merged

    def step(self) -> None:
        """Every shard goes on as far as it can, on whole seconds; what merges them takes it."""
        for number, shard in enumerate(self.shards):
            until_us = shard.watermark_us if abs(shard.watermark_us) == -NEVER_US else shard.watermark_us // S * S
            self.merged.take(number, shard.step(max(until_us, shard.until_us)))
        self.merged.settle()
        self.steps += 1
        if self.steps in self.stop_at:
            self.merged = Merged.restore(self.merged.snapshot(), self.settings, self.count)
            self.shards = [Shard.restore(shard.snapshot(), self.settings) for shard in self.shards]


@given(centres(legal=False), st.integers(1, 4), FRAMES)
def test_shards_together_give_every_figure_of_one_engine(
    happenings: list[Happening], count: int, cuts: list[int]
) -> None:
    script = in_order(happenings)
    whole, merged = run(script), Centre(SETTINGS, count).play(script, cuts)
    assert figures(merged) == figures(whole)
    assert counted(merged) == counted(whole)
    merged.verify()


def test_what_becomes_free_in_one_shard_parts_nothing_that_happens_in_others() -> None:
    def happens(time_s: float, event: str, **of: str) -> Happening:
        return Happening(round(time_s * S), {"type": event, **of})

    script = in_order([
        happens(3, "contact.closed", contact="c1"),
        happens(60, "case.opened", case="k1", kind="joint", department="a", contact="c0"),
        happens(120, "case.resolved", case="k1", contact="c0"), happens(125.000001, "case.opened", case="k0"),
    ])  # fmt: skip
    whole, merged = run(script), Centre(SETTINGS, 4).play(script, [len(script) - 1])
    assert figures(merged) == figures(whole), (
        "a case that is solved at its limit is solved in time, whatever another shard tells"
    )


@given(st.data(), st.integers(2, 3), FRAMES, st.lists(st.integers(1, 6), max_size=3))
def test_disorder_doubles_and_stops_change_nothing(
    data: st.DataObject, count: int, cuts: list[int], stops: list[int]
) -> None:
    script = data.draw(disordered(in_order(data.draw(centres(legal=False)))))
    script = data.draw(several_sources(data.draw(doubled(script))))
    names = sources_of(script)
    whole = run(script, named=names)
    if whole.counters.late or whole.counters.dropped:
        return  # Told by another source first, so that nobody can say when.
    merged = Centre(SETTINGS, count, stops, names).play(script, cuts)
    assert figures(merged) == figures(whole)
    assert counted(merged) == counted(whole)


@given(centres(legal=False), st.integers(1, 3), FRAMES, st.lists(st.integers(1, 6), max_size=3))
def test_conditions_are_raised_and_end_at_the_same_instants(
    happenings: list[Happening], count: int, cuts: list[int], stops: list[int]
) -> None:
    script = in_order(happenings)
    whole, merged = run(script, WATCHED), Centre(WATCHED, count, stops).play(script, cuts)
    assert figures(merged) == figures(whole)


@given(centres(legal=False), st.integers(2, 3), FRAMES, st.lists(st.integers(1, 6), max_size=3))
def test_response_measures_are_the_same_by_customer_too(
    happenings: list[Happening], count: int, cuts: list[int], stops: list[int]
) -> None:
    script = named(in_order(happenings))
    whole, merged = run(script, MEASURED), Centre(MEASURED, count, stops).play(script, cuts)
    assert figures(merged) == figures(whole)


@given(centres(legal=False), FRAMES, st.lists(st.integers(0, 60), max_size=3), st.integers(0, 200))
def test_the_clock_raises_what_is_due_while_nobody_speaks(
    happenings: list[Happening], cuts: list[int], quiet: list[int], seconds: int
) -> None:
    script = in_order(happenings)
    marks = {place % len(script) for place in quiet}
    whole, centre = Engine(WATCHED), Centre(WATCHED, 3)
    for number, arrival in enumerate(script):
        whole.absorb(decode(line(arrival), source=arrival.source))
        centre.absorb(arrival)
        if number in marks:
            # As far as the clock can have come when the next event comes in time.
            clock_us = min(arrival.time_us + seconds * S, *(after.time_us for after in script[number:]))
            whole.advance(clock_us)
            centre.advance(clock_us)
    whole.finish()
    assert figures(centre.end(sources_of(script))) == figures(whole)


def test_the_present_is_told_as_by_one_engine() -> None:
    script = [
        Arrival("s", number * S, {"type": kind, "contact": f"c{number % 5}", "queue": f"q{number % 5}", **more})
        for number, (kind, more) in enumerate(
            [("contact.queued", {})] * 5
            + [("message.customer", {"customer": "k"})] * 5
            + [
                ("contact.answered", {"agent": "ann"}),
                ("contact.abandoned", {}),
                ("contact.answered", {"agent": "bob"}),
            ]
        )
    ]
    whole, centre = Engine(SETTINGS), Centre(SETTINGS, 3)
    for arrival in script:
        whole.absorb(decode(line(arrival), source=arrival.source))
        centre.absorb(arrival)
    whole.advance(14 * S)
    centre.advance(14 * S)
    expected, found = whole.now(), centre.merged.now()
    for told in (expected, found):
        told["groups"] = {name: sorted(rows, key=str) for name, rows in told["groups"].items()}
    assert len(expected["groups"]["queue"]) > 5 and expected["due"]
    assert found == expected


def test_a_step_that_does_not_follow_stops_the_merging() -> None:
    shard, merged = Shard(SETTINGS), Merged(SETTINGS, 1)
    shard.advance(10 * S)
    first = shard.step(10 * S)
    merged.take(0, first)
    with pytest.raises(BrokenInvariant, match="and the last one ended at"):
        merged.take(0, first)
    with pytest.raises(ValueError, match="no step"):
        merged.take(0, b"\x81\xa5cells\x90")


def test_what_merges_refuses_steps_of_shards_under_another_policy() -> None:
    shard = Shard(SETTINGS)
    shard.advance(10 * S)
    with pytest.raises(InvalidSetting, match="start all of them with the same settings"):
        Merged(WATCHED, 1).take(0, shard.step(10 * S))
