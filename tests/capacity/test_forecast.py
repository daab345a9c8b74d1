"""Forecasts and estimates: against drawn truth, against the same a week before, and where next to nothing is known."""

import numpy as np
import pytest

from engine.capacity.estimates import kaplan_meier, mean, patience, rate, share
from engine.capacity.forecast import forecast, naive
from engine.facts import FIELD, FIELDS

HOURS = np.arange(48) / 2
DAY = 60 * np.exp(-(((HOURS - 11) / 3.5) ** 2)) + 40 * np.exp(-(((HOURS - 20) / 2.5) ** 2)) + 1
WEEK = np.array([1.2, 1.0, 1.0, 0.95, 1.1, 0.7, 0.55])


def drawn(days: int, seed: int, events: dict[int, float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Counts and their true means by day and half hour, with a level that wanders."""
    dice = np.random.default_rng(seed)
    level = np.exp(np.cumsum(dice.normal(0, 0.02, days)))
    truth = level[:, None] * WEEK[np.arange(days) % 7, None] * DAY
    for day, factor in (events or {}).items():
        truth[day] *= factor
    return dice.poisson(truth).astype(float), truth


def test_the_forecast_is_nearer_to_what_came_than_the_same_a_week_before() -> None:
    print("\nweeks known   forecast   a week before   within the bounds")
    for weeks in (1, 2, 4, 8):
        ours, theirs, within, came = 0.0, 0.0, [], 0.0
        for seed in range(12):
            counts, _ = drawn(weeks * 7 + 1, seed)
            known, then = counts[:-1], counts[-1]
            made = forecast(known, [day % 7 for day in range(len(known))], len(known) % 7)
            ours += float(np.abs(made.mean - then).sum())
            theirs += float(np.abs(naive(known) - then).sum())
            came += float(then.sum())
            within.append((np.floor(made.low) <= then) & (then <= np.ceil(made.high)))
        print(f"{weeks:11d}   {ours / came:8.1%}   {theirs / came:13.1%}   {np.mean(within):.1%}")
        assert ours < 0.95 * theirs
        assert 0.9 <= np.mean(within) <= 1


def test_a_sale_is_forecast_by_the_sales_before_and_teaches_nothing_of_plain_days() -> None:
    counts, truth = drawn(36, 3, {20: 5.0, 35: 5.0})
    events = ["sale" if day in (20, 35) else "" for day in range(36)]
    weekdays = [day % 7 for day in range(36)]
    sale = forecast(counts[:35], weekdays[:35], 0, events=events[:35], event="sale")
    assert sale.mean.sum() == pytest.approx(truth[35].sum(), rel=0.25)
    plain = forecast(counts[:35], weekdays[:35], 0, events=events[:35])
    assert plain.mean.sum() == pytest.approx(truth[35].sum() / 5, rel=0.1)
    told = forecast(counts[:35], weekdays[:35], 0, events=events[:35], event="moon", factors={"moon": 3.0})
    assert told.mean.sum() == pytest.approx(3 * plain.mean.sum())
    unseen = forecast(counts[:35], weekdays[:35], 0, events=events[:35], event="moon")
    assert unseen.mean.sum() == pytest.approx(plain.mean.sum())
    assert (unseen.high >= plain.high).all()


def test_a_cold_start_knows_little_and_says_so() -> None:
    counts, truth = drawn(3, 5)
    nothing = forecast(counts[:0], [], 0)
    assert np.isnan(nothing.mean).all()
    assert nothing.known_days == 0
    one = forecast(counts[:1], [0], 1)
    assert one.mean.sum() == pytest.approx(truth[1].sum(), rel=0.4)
    later = forecast(np.tile(counts[:1], (28, 1)), [0, 1, 2, 3, 4, 5, 6] * 4, 0)
    assert (one.high - one.low > later.high - later.low).mean() > 0.9
    assert (one.high > 0).all()


def test_what_nobody_knows_is_no_zero() -> None:
    counts, _ = drawn(15, 9)
    holed = counts.copy()
    holed[3] = np.nan
    holed[5, 20:24] = np.nan
    whole, parts = (forecast(one[:14], [day % 7 for day in range(14)], 0) for one in (counts, holed))
    assert parts.mean.sum() == pytest.approx(whole.mean.sum(), rel=0.1)
    assert parts.known_days == 13


def test_patience_is_found_from_those_who_left_and_those_who_were_answered() -> None:
    dice = np.random.default_rng(2)
    patient, ahead = dice.exponential(180, 20_000), dice.exponential(60, 20_000)
    waits, left = np.minimum(patient, ahead), patient < ahead
    found = patience(left.sum(), waits.sum())
    assert float(found.low) < 180 < float(found.high)
    assert float(found.value) == pytest.approx(180, rel=0.03)
    # Only of those who left it would be far too short, for the patient were answered first.
    assert waits[left].mean() < 60
    times, stays = kaplan_meier(waits, left)
    at = np.searchsorted(times, 120)
    assert stays[at] == pytest.approx(np.exp(-120 / 180), abs=0.02)
    assert np.isinf(patience(0, 1_000.0).value)
    assert float(patience(0, 1_000.0).low) > 200


def test_bounds_hold_the_truth_about_as_often_as_they_say() -> None:
    dice = np.random.default_rng(4)
    counts = dice.poisson(12.0, 4_000)
    rates = rate(counts, 3.0)
    assert 0.93 < np.mean((rates.low <= 4.0) & (rates.high >= 4.0)) < 0.985
    parts = dice.binomial(50, 0.1, 4_000)
    shares = share(parts, 50)
    assert 0.92 < np.mean((shares.low <= 0.1) & (shares.high >= 0.1)) < 0.99
    times = mean(dice.exponential(200, (4_000, 40)).sum(axis=1), 40)
    assert 0.92 < np.mean((times.low <= 200) & (times.high >= 200)) < 0.98
    assert np.isnan(mean(0, 0).value)
    assert np.isnan(share(0, 0).value)
    assert np.isnan(rate(0, 0).value)


def test_all_sums_that_the_estimates_take_are_kept() -> None:
    for name in (
        "offered",
        "handle_us",
        "handled",
        "abandoned",
        "wait_us",
        "load_area_us",
        "occupied_area_us",
        "break_area_us",
    ):
        assert FIELDS[FIELD[name]] == name
