"""The verdict over a soak can fail: a planted leak and a planted wrong figure are found, and noise is not."""

from dataclasses import replace

import pytest

from benchmarks.tellings import told
from benchmarks.throughput import feed
from benchmarks.traffic import blocks
from benchmarks.verdict import SAMPLES_MIN, Sample, counts_failed, growth, growth_failed
from engine.pipeline import Engine, Settings

MB = 1_000_000


def looks(count: int = 100, leak_bytes: int = 0) -> list[Sample]:
    """One a second; memory goes up and down by two per cent and leaks so much a second."""
    return [Sample(float(at), 400 * MB + 8 * MB * (at % 2) + leak_bytes * at, 30, 12, 0.01, 0.5) for at in range(count)]


def test_noise_is_no_growth() -> None:
    assert growth_failed(looks(), 0) == []


def test_a_planted_leak_is_found() -> None:
    (said,) = growth_failed(looks(leak_bytes=MB // 2), 0)
    assert "memory grew by" in said


def test_what_fills_and_then_stands_is_no_leak() -> None:
    filling = [replace(one, resident_bytes=one.resident_bytes + MB * min(int(one.at_s), 40)) for one in looks()]
    assert growth([one.at_s for one in filling], [float(one.resident_bytes) for one in filling]) > 0.05 * 420 * MB
    assert growth_failed(filling, 0) == []


def test_what_figures_that_are_kept_take_is_no_leak() -> None:
    assert growth_failed(looks(leak_bytes=MB // 2), 50 * MB) == []


@pytest.mark.parametrize("what", ["files", "threads"])
def test_files_and_threads_that_stay_open_are_found(what: str) -> None:
    samples = [replace(one, **{what: 20 + int(one.at_s) // 5}) for one in looks()]
    (said,) = growth_failed(samples, 0)
    assert f"open {what} grew" in said


def test_too_few_looks_are_no_verdict() -> None:
    (said,) = growth_failed(looks(SAMPLES_MIN - 1), 0)
    assert "run it for longer" in said


def test_growth_is_the_rise_of_the_line_over_the_whole_span() -> None:
    assert growth([10.0, 11.0, 12.0], [5.0, 6.0, 7.0]) == pytest.approx(2)


def test_a_planted_wrong_figure_is_found_by_name() -> None:
    (said,) = counts_failed("the journal", {"total offered": 9}, {"total offered": 10})
    assert said == "the journal: total offered is 9 and must be 10"
    assert counts_failed("the journal", {"total offered": 10}, {"total offered": 10}) == []


def test_a_comparison_with_nothing_is_no_verdict() -> None:
    assert counts_failed("the journal", {}, {})


def test_one_event_that_was_lost_is_found_in_what_two_engines_tell() -> None:
    parts = [line + b"\n" for part in blocks(contacts=90, events=2_000, per_second=20) for line in part.splitlines()]
    whole, without = Engine(Settings()), Engine(Settings())
    feed(whole, [b"".join(parts)])
    feed(without, [b"".join(parts[:700] + parts[701:])])
    assert counts_failed("an engine", told(whole), told(whole)) == []
    assert counts_failed("an engine", told(without), told(whole))
