"""Arrays that grow: what they held they hold, and new rows hold what they are filled with."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine import columns
from engine.clocks import LIFE
from engine.columns import grown, stretched


@pytest.mark.parametrize("grow", [grown, stretched])
def test_an_array_keeps_what_it_held_and_new_rows_hold_what_is_said(
    grow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "_LARGE_ROWS", 100)
    array, expected = np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64)
    for size in (1, 64, 65, 130, 131, 400, 1_000):
        before = len(array)
        array = grow(array, size, -1)
        assert len(array) >= size
        assert (array[:before] == expected[:before]).all()
        assert (array[before:] == -1).all()
        array[:] = np.arange(2 * len(array)).reshape(-1, 2)
        expected = array.copy()
        assert grow(array, len(array)) is array


def test_a_large_array_grows_where_it_lies_unless_it_is_part_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_LARGE_ROWS", 100)
    lives = np.zeros(200, LIFE)
    assert stretched(lives, 201) is lives
    part = np.arange(400)[:200]
    assert stretched(part, 201) is not part
    assert stretched(part, 201)[:200].tolist() == list(range(200))
