"""The wall's intervals of a week ago: what the engine has forgotten, out of the history.

Owns the filling. Law: the figures, their names and their digits are those of `engine.history`; only intervals that the engine knows nothing of are
filled, and only where every part of one is kept.
"""

from math import isnan
from typing import Any

import msgspec
import numpy as np

from engine.history import FIGURES
from engine.measures import measures
from streams.history.reading import summed
from streams.history.store import BASE_US, FINE_ROLLUPS, FINE_US, Store, StoreError

__all__ = ["remembered"]


def remembered(store: Store, body: bytes, formula: str) -> bytes:
    """`engine.history`'s answer as JSON, with what the store knows where the engine knew nothing of an interval at all."""
    told: dict[str, Any] = msgspec.json.decode(body)
    starts, step_us = np.array(told["starts_us"], np.int64), int(told["step_us"])
    rows: list[dict[str, Any]] = told["groups"]
    known = np.zeros(len(starts), np.bool_)
    for row in rows:
        known |= [value is not None for value in row["offered"]]
    fits = FINE_US if told["rollup"] in FINE_ROLLUPS and step_us % FINE_US == 0 else BASE_US
    missing = np.flatnonzero(~known & (starts + step_us <= told["as_of_us"]))
    if not len(missing) or step_us % fits or not len(starts):
        return body
    try:
        _fill(store, told["rollup"], rows, starts, missing, step_us, fits, formula)
    except StoreError:
        return body  # The recorder tells of it.
    return msgspec.json.encode(told)


def _fill(
    store: Store, rollup: str, rows: list[dict[str, Any]], starts: Any, missing: Any, step_us: int, size_us: int, formula: str
) -> None:  # fmt: skip
    dimensions = () if rollup == "total" else tuple(rollup.split(","))
    names = store.names(rollup)
    by_name = {tuple(row[dimension] for dimension in dimensions): row for row in rows}
    for found in summed(
        store, rollup, starts[missing], starts[missing] + step_us, size_us=size_us, distributions=False
    ):
        figures = found.figures
        whole = found.parts == step_us // size_us
        columns = measures(figures, np.full(len(figures.groups), step_us), formula)
        for place, (window, group) in enumerate(zip(figures.windows.tolist(), figures.groups.tolist(), strict=True)):
            if not whole[window - found.first]:
                continue
            name = names[group]
            if name not in by_name:
                row = dict(zip(dimensions, name, strict=True)) | {figure: [None] * len(starts) for figure in FIGURES}
                rows.append(row)
                by_name[name] = row
            for figure in FIGURES:
                by_name[name][figure][missing[window]] = _plain(columns[figure][place])


def _plain(value: Any) -> int | float | None:
    plain: int | float = value.item()
    if isinstance(plain, float):
        return None if isnan(plain) else round(plain, 4)
    return plain
