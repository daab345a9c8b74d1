"""The table of what was measured says nothing that was not measured, and hides no miss."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import KEPT, README
from benchmarks.chart import chart
from benchmarks.figures import Figure, Goal, Unexplained, load, markdown, of, reasons, save, text, written
from benchmarks.latency import histogram
from benchmarks.latency import read as latencies
from benchmarks.model import Missing, centre
from benchmarks.questions import QUESTIONS
from benchmarks.quoted import NotSaid, Quote, read

SLOW = of("slow", "a slow thing", "ms", [900.0, 1_200.0, 1_100.0], goal=Goal(at_most=1_000), answer="abc")
FAST = of("fast", "a fast thing", "events/s of one core", [5_000.0], goal=Goal(at_least=4_000))


def test_a_figure_is_the_middle_of_its_runs_and_a_rate_may_be_the_best() -> None:
    assert (SLOW.value, SLOW.low, SLOW.high, SLOW.runs) == (1_100, 900, 1_200, 3)
    assert of("rate", "a rate", "events/s", [1.0, 3.0, 2.0], best=True).value == 3


def test_a_goal_is_missed_on_the_far_side_only() -> None:
    assert SLOW.misses
    assert not FAST.misses
    assert not replace(SLOW, value=1_000).misses
    assert not replace(SLOW, goal=None).misses


def test_a_miss_is_marked_in_the_terminal() -> None:
    _, slow, fast = text([SLOW, FAST]).splitlines()
    assert slow.startswith("!")
    assert "≤ 1,000 ms" in slow
    assert fast.startswith(" ")


def test_a_miss_without_a_reason_is_not_written() -> None:
    with pytest.raises(Unexplained, match="slow"):
        markdown([SLOW], {})
    assert "because" in markdown([SLOW], {"slow": "because"})


def test_what_is_kept_comes_back_whole(tmp_path: Path) -> None:
    save([SLOW, FAST], tmp_path / "figures.json")
    assert list(load(tmp_path / "figures.json").values()) == [SLOW, FAST]
    assert load(tmp_path / "nothing.json") == {}


def test_the_readme_has_the_table_of_what_was_kept_and_each_miss_its_reason() -> None:
    kept = load(KEPT)
    readme = README.read_text("utf-8")
    assert kept
    assert all(one.measured and one.command for one in kept.values())
    assert written(readme, "figures", markdown(kept.values(), reasons())) == readme


def test_every_question_has_a_name_of_its_own_and_a_command() -> None:
    assert len({one.name for one in QUESTIONS}) == len(QUESTIONS)
    assert all(one.name in one.command for one in QUESTIONS)


def test_a_chart_escapes_what_it_is_given_and_draws_a_bar_for_each_rate() -> None:
    drawn = chart([SLOW, replace(FAST, what="<b>fast</b>")])
    assert "<b>" not in drawn
    assert drawn.count('fill="#8a94a6"') == 1


# What other benchmarks print.


def test_a_figure_is_read_from_the_words_of_a_benchmark() -> None:
    (found,) = read(
        "best 71,000, median 33,000 events a second", [Quote("a", "batches", "events/s", "best #")], "command"
    )
    assert (found.value, found.command) == (71_000, "command")


def test_words_that_are_not_said_are_an_error() -> None:
    with pytest.raises(NotSaid, match="nothing of the kind"):
        read("nothing of the kind", [Quote("a", "batches", "events/s", "best #")], "command")


# The model.


def _measured(value: float) -> Figure:
    return of("any", "any", "", [value])


def test_the_model_refuses_what_was_not_measured() -> None:
    with pytest.raises(Missing, match="kafka_ours"):
        centre(4_000, {})


def test_a_centre_twice_as_large_needs_no_fewer_processes_and_twice_the_memory() -> None:
    figures = {name: _measured(100) for name in ("kafka_ours", "memory_contact_100000", "kafka_hub_us")}
    small, large = centre(4_000, figures), centre(8_000, figures)
    assert large.workers >= small.workers
    assert large.contact_memory_mib == 2 * small.contact_memory_mib


def test_a_histogram_is_read_again_as_it_was_said() -> None:
    said = f"words\n{histogram('a way', [0.0004, 0.001, 0.0011, 0.3, 7_000.0])}\n{histogram('another', [1.0])}\n"
    assert latencies(said, "a way") == {"1": 2, "2": 1, "500": 1, "100000": 1}
    assert latencies(said, "a third") == {}


def test_a_figure_with_a_histogram_shows_it_under_the_table() -> None:
    assert "- a fast thing: ≤ 5: 3" in markdown([replace(FAST, histogram={"5": 3})], {})
