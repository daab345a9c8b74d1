"""Service level by its named formulas, driven by events: the same calls give each published figure."""

import pytest

from engine.facts import FIELD
from engine.measures import SERVICE_LEVELS, service_level
from engine.pipeline import Engine
from tests.engine.events import S, at, clock_us, engine_of, window
from tests.engine.running import figures_of
from tests.reference import Arrival


def _calls(first: int, count: int, wait_s: int, end: str) -> list[Arrival]:
    """So many calls a tenth of a second apart, each waiting that long."""
    begins = [clock_us("8:00") + number * S // 10 for number in range(first, first + count)]
    return sorted(
        (
            arrival
            for number, begin_us in enumerate(begins, first)
            for arrival in (at(begin_us, "contact.queued", f"c{number}"), at(begin_us + wait_s * S, end, f"c{number}"))
        ),
        key=lambda arrival: arrival.time_us,
    )


def _engine(*groups: tuple[int, int, str]) -> Engine:
    arrivals: list[Arrival] = []
    first = 0
    for count, wait_s, end in groups:
        arrivals += _calls(first, count, wait_s, end)
        first += count
    return engine_of(*sorted(arrivals, key=lambda arrival: arrival.time_us))


def _per_cent(engine: Engine, formula: str) -> float:
    figures = figures_of(engine, engine.tallies.rollups[0], clock_us("8:00"), clock_us("8:30"))
    return round(100 * service_level(formula, figures.field)[0].item(), 1)


#: 1,000 answered, 860 in 20 s; 60 abandoned, 20 within 20 s, 10 of those within 5 s.
TRADE_CASE = (
    (860, 20, "contact.answered"), (140, 21, "contact.answered"), (10, 5, "contact.abandoned"),
    (10, 20, "contact.abandoned"), (40, 21, "contact.abandoned"),
)  # fmt: skip
#: 66 in time, 14 late; 20 abandoned: 6 within 5 s, 5 between 5 and 20 s, 9 later.
SMALL_CASE = (
    (66, 12, "contact.answered"), (14, 35, "contact.answered"), (6, 4, "contact.abandoned"),
    (5, 11, "contact.abandoned"), (9, 60, "contact.abandoned"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "per_cent"),
    [
        ("answered_or_abandoned_in_target_of_ended", 83.0), ("answered_of_answered", 86.0), ("answered_of_ended", 81.1),
        ("answered_of_ended_less_abandoned_in_target", 82.7), ("answered_or_short_of_ended", 82.1),
    ],
)  # fmt: skip
def test_the_trades_published_case_gives_its_five_figures(formula: str, per_cent: float):
    assert _per_cent(_engine(*TRADE_CASE), formula) == per_cent


@pytest.mark.parametrize(
    ("formula", "per_cent"),
    [
        ("answered_of_ended", 66.0), ("answered_of_ended_less_short", 70.2),
        ("answered_or_abandoned_in_target_of_ended", 77.0), ("answered_of_answered", 82.5),
    ],
)  # fmt: skip
def test_a_hundred_calls_give_four_figures(formula: str, per_cent: float):
    assert _per_cent(_engine(*SMALL_CASE), formula) == per_cent


def test_nobody_at_all_is_no_data_in_every_formula():
    engine = engine_of(at("8:10", "contact.opened", "c"))
    figures = figures_of(engine, engine.tallies.rollups[0], clock_us("8:00"), clock_us("8:30"))
    for formula in SERVICE_LEVELS:
        assert str(service_level(formula, figures.field)[0]) == "nan"


def test_an_offer_at_7_28_answered_at_7_32_counts_where_it_arrived_and_where_it_happened():
    #  [7:00        7:28 | queued) [7:30   7:32 | answered   8:00)
    engine = engine_of(at("7:28", "contact.queued", "c"), at("7:32", "contact.answered", "c"))
    before, after = window(engine, "7:00", "7:30"), window(engine, "7:30", "8:00")
    by_arrival = ("offered", "queued", "answered", "wait_sum_s", "wait_answered_sum_s")
    assert [before[name] for name in by_arrival] == [1, 1, 1, 240.0, 240.0]
    assert [after[name] for name in by_arrival] == [0, 0, 0, 0.0, 0.0]
    assert (before["events_answered"], after["events_answered"]) == (0, 1)
    assert (before["open"], after["open"]) == (0, 0)
    assert (before["queue_depth_max"], after["queue_depth_max"]) == (1, 1)
    assert before["queue_depth_mean"] == pytest.approx(2 / 30)
    assert after["queue_depth_mean"] == pytest.approx(2 / 30)


def test_a_wait_exactly_as_long_as_the_target_is_in_target():
    engine = engine_of(
        at("8:00", "contact.queued", "a"), at("8:00:20", "contact.answered", "a"),
        at("8:01", "contact.queued", "b"), at("8:01:20.001", "contact.answered", "b"),
    )  # fmt: skip
    assert engine.tallies.rollups[0].totals[0, FIELD["answered_in_target"]] == 1
