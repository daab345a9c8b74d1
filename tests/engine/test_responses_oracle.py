"""Response measures equal the oracle, and keep the laws, whatever happened and however it came in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.definitions import AS_ELAPSED, Measure
from engine.pipeline import Engine
from tests.engine.running import assert_equal_to_the_oracle, counted, feed, oracle, run, said, sources_of
from tests.histories import (
    OFFICE,
    POLICY,
    RULES,
    SETTINGS,
    Happening,
    centres,
    disordered,
    doubled,
    in_order,
    scripts,
)
from tests.reference import Adopt, Advance, Arrival, End

S = 1_000_000
Script = list[Arrival | Advance | End | Adopt]
ANYBODY = frozenset({"human", "bot", "automatic"})
BOT = frozenset({"bot"})


def measure(name: str, unit: str, start: str, within_s: int = 4, **said: Any) -> Measure:
    return Measure(name, unit, start, within_s * S, zone="UTC", **said)


#: Each parameter at each of its values, and many of them together.
MEASURES = (
    measure("any_first", "contact", "written", by=ANYBODY, again_us=20 * S),
    measure("human_first", "contact", "written", 5, asked=True, unanswered_us=AS_ELAPSED),
    measure("turns", "turn", "unanswered", hours="office", unanswered_us=3 * S),
    measure("rounds", "turn", "unanswered", 2, aside=BOT, hours="office", by_day=True, by_agent=True,
            unanswered_us=7 * S, cap_us=6 * S, unless={"queue": frozenset({"returns"})}),
    measure("worked", "turn", "unanswered", 5, hours="office", judged_by="elapsed", unanswered_us=AS_ELAPSED, by_day=True),
    measure("whole", "contact", "unanswered", asked=True, hours="office", by_day=True, unanswered_us=AS_ELAPSED, again_us=S),
    measure("whole_worked", "contact", "unanswered", 5, hours="office", judged_by="elapsed", aside=BOT, cap_us=5 * S),
    measure("messages", "message", "unanswered", 2, by=ANYBODY, by_day=True, hours="office", unanswered_us=9 * S),
    measure("messages_asked", "message", "further", 5, asked=True),
    measure("users", "customer", "unanswered", 2, asked=True, by_day=True, unanswered_us=AS_ELAPSED),
    measure("users_worked", "customer", "unanswered", 5, hours="office", judged_by="elapsed"),
    measure("handed", "contact", "handed", 5),
    measure("opened", "contact", "opened", 5, stop="answer", unanswered_us=2 * S, again_us=S),
    measure("opened_replied", "contact", "opened", hours="office", unanswered_us=AS_ELAPSED, by_agent=True),
    measure("queued", "contact", "queued", hours="office", stop="answer"),
    measure("answered", "contact", "answered", when={"channel": frozenset({"phone", "app", ""})}),
    measure("further", "turn", "further", 2, asked=True, again_us=5 * S, unanswered_us=AS_ELAPSED),
)  # fmt: skip
MEASURED = replace(SETTINGS, policy=replace(POLICY, measures=MEASURES))
MEASURED_RULES = replace(RULES, measures=MEASURES, hours={"office": OFFICE})
#: Who writes: two contacts of one customer, one of another, and some of whom nothing is known.
CUSTOMERS = ("x", "x", "y", "", "x")

cuts = st.lists(st.integers(0, 99), max_size=8)


def named(script: Sequence[Any]) -> Any:
    """The same with the customers' names, which an event in three leaves out."""
    return [
        replace(part, event={**part.event, **_customer(part.event, number)}) if hasattr(part, "event") else part
        for number, part in enumerate(script)
        if not isinstance(part, Adopt)
    ]


def _customer(event: Any, number: int) -> dict[str, str]:
    name = CUSTOMERS[int(event.get("contact", "c3")[1:])]
    return {"customer": name} if name and number % 3 else {}


@given(centres())
def test_the_measures_of_a_legal_history_are_the_oracles(happenings: list[Happening]):
    script = named(in_order(happenings))
    assert_equal_to_the_oracle(run(script, MEASURED), oracle(script, MEASURED_RULES), 20 * S, 20 * S)


@given(scripts(legal=False))
def test_the_measures_of_illegal_late_and_doubled_events_from_several_sources_are_the_oracles(script: Script):
    script, names = named(script), sources_of(script)
    truth = oracle(script, MEASURED_RULES, named=names)
    assert_equal_to_the_oracle(run(script, MEASURED, named=names), truth, 20 * S, 20 * S)


@given(scripts(legal=False), st.one_of(st.just(range(99)), cuts), st.sampled_from((1, 2, 5)))
def test_no_cutting_of_a_stream_changes_any_measure(script: Script, where: Sequence[int], batch_rows: int):
    script = named(script)
    whole = run(script, MEASURED)
    cut = run(script, replace(MEASURED, batch_rows=batch_rows), cuts=where)
    assert counted(cut) == counted(whole)
    assert said(cut) == said(whole)


@given(st.data(), centres(legal=False))
def test_neither_disorder_within_the_bound_nor_repetition_changes_any_measure(
    data: st.DataObject, happenings: list[Happening]
):
    happenings = named(happenings)
    ordered = run(in_order(happenings), MEASURED)
    shuffled = data.draw(doubled(data.draw(disordered(in_order(happenings)))))
    assert said(run(shuffled, replace(MEASURED, batch_rows=3))) == said(ordered)


@given(scripts(legal=False), st.integers(0, 99), st.sampled_from((1, 3, 16_384)))
def test_measures_go_on_after_a_restart_as_if_never_stopped(script: Script, place: int, batch_rows: int):
    script, settings = named(script), replace(MEASURED, batch_rows=batch_rows)
    place %= len(script) + 1
    stopped = Engine(settings)
    feed(stopped, script[:place])
    restored = Engine.restore(stopped.snapshot(), settings)
    feed(restored, script[place:])
    restored.finish()
    assert said(restored) == said(run(script, settings, cuts=[place]))


@given(scripts(legal=False), cuts)
def test_ticks_and_looks_at_the_present_change_no_measure(script: Script, where: list[int]):
    script = named(script)
    looked = Engine(replace(MEASURED, batch_rows=1))
    for number, part in enumerate(script):
        feed(looked, [part])
        if number in where:
            looked.now()
            looked.responses.forget(looked.watermark_us)
    looked.finish()
    assert said(looked) == said(run(script, MEASURED))
