"""Distributions: any percentile of any list within 2 % or 0.5 s, and two that are added are the one of both lists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.histograms import BUCKET_COUNT, Histograms, bucket, percentiles
from engine.times import DAY_US

S = 1_000_000
_DURATIONS = st.lists(
    st.one_of(st.integers(0, 20 * S), st.integers(0, 2 * 3600 * S), st.integers(0, 60 * DAY_US)),
    min_size=1,
    max_size=40,
)


def _counts(durations_us: list[int]) -> np.ndarray:
    return np.bincount(bucket(np.array(durations_us, np.int64)), minlength=BUCKET_COUNT).astype(np.int32)


def _exact(durations_us: list[int], percent: int) -> int:
    """The nearest-rank percentile: the smallest value that at least so many per cent do not exceed."""
    return sorted(durations_us)[max(-(-len(durations_us) * percent // 100), 1) - 1]


@given(_DURATIONS)
def test_every_percentile_is_within_two_per_cent_or_half_a_second(durations_us: list[int]):
    (found,) = percentiles(_counts(durations_us)[None, :], (0.5, 0.9, 0.95)).tolist()
    for value_us, percent in zip(found, (50, 90, 95), strict=True):
        exact_us = _exact(durations_us, percent)
        assert abs(value_us - exact_us) <= max(0.02 * exact_us, S / 2)


@given(_DURATIONS, _DURATIONS)
def test_distributions_that_are_added_are_that_of_both_lists(some_us: list[int], others_us: list[int]):
    assert (_counts(some_us) + _counts(others_us)).tolist() == _counts(some_us + others_us).tolist()


@given(st.lists(st.lists(st.integers(-5, 30), max_size=8), max_size=6), st.integers(-5, 30))
def test_keys_are_counted_in_whatever_portions_they_come(portions: list[list[int]], cut: int):
    together, apart = Histograms(), Histograms()
    together.add(np.array([key for portion in portions for key in portion], np.int64))
    for portion in portions:
        apart.add(np.array(portion, np.int64))
        apart.settle()
    for histograms in (together, apart):
        histograms.forget(cut)
    assert dict(zip(together.keys.tolist(), together.counts.tolist(), strict=True)) == dict(
        zip(apart.keys.tolist(), apart.counts.tolist(), strict=True)
    )
    assert all(key >= cut for key in apart.keys.tolist())


def test_nothing_counted_is_no_data_and_zero_is_zero():
    assert np.isnan(percentiles(np.zeros((1, BUCKET_COUNT), np.int32), (0.5,)))[0, 0]
    assert percentiles(_counts([0, 0])[None, :], (0.95,))[0, 0] == 0
