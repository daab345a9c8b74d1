"""A report as CSV, Parquet and JSON: every interval and group, with the columns of a replay's report, how much of it is kept, and how often it was corrected."""

import csv
import json
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InvalidSetting
from engine.times import iso
from streams.history.store import Store
from streams.report import COLUMNS
from streams.reports.gathering import Asked, intervals

__all__ = ["write_csv", "write_json", "write_parquet"]


def write_csv(store: Store, asked: Asked, path: Path) -> int:
    """Writes the table; returns its rows."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        header: list[str] | None = None
        for starts, ends, names, columns, kept, corrections in intervals(store, asked):
            if header is None:
                header = _header(columns)
                writer.writerow(["window_start", "window_end", *asked.dimensions, *header, "kept_ratio", "corrections"])
            cells = list(zip(*(_texts(columns[name]) for name in header), strict=True))
            for window, group, row in _order(columns, names):
                of = (_safe(name) for name in names[group])
                writer.writerow([
                    iso(starts[window], asked.zone), iso(ends[window], asked.zone), *of, *cells[row], repr(round(float(kept[row]), 6)),
                    str(int(corrections[row])),
                ])  # fmt: skip
                count += 1
    return count


def write_json(store: Store, asked: Asked, path: Path) -> int:
    """The same as a list of objects; no data is null."""
    rows = []
    for starts, ends, names, columns, kept, corrections in intervals(store, asked):
        header = _header(columns)
        values = {name: columns[name].tolist() for name in header}
        for window, group, row in _order(columns, names):
            rows.append(
                {"window_start": iso(starts[window], asked.zone), "window_end": iso(ends[window], asked.zone)}
                | dict(zip(asked.dimensions, names[group], strict=True))
                | {name: _plain(values[name][row]) for name in header}
                | {"kept_ratio": round(float(kept[row]), 6), "corrections": int(corrections[row])}
            )
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return len(rows)


def write_parquet(store: Store, asked: Asked, path: Path) -> int:
    """The same as columns: instants in UTC to the microsecond, names as dictionaries, counts as integers, no data as null. Raises InvalidSetting
    where pyarrow is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InvalidSetting(
            "pyarrow, which writes Parquet, is not installed; run pip install 'floorwatch[parquet]', or write .csv"
        ) from None
    tables = []
    instant, name_type = pyarrow.timestamp("us", tz="UTC"), pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    for starts, ends, names, columns, kept, corrections in intervals(store, asked):
        places = _order(columns, names)
        windows, rows = (np.array([place[part] for place in places], np.int64) for part in (0, 2))
        told = {
            "window_start": pyarrow.array(starts[windows]).cast(instant),
            "window_end": pyarrow.array(ends[windows]).cast(instant),
        }
        for place, dimension in enumerate(asked.dimensions):
            told[dimension] = pyarrow.array([names[group][place] for _, group, _ in places], name_type)
        for column in _header(columns):
            values = columns[column][rows]
            told[column] = pyarrow.array(values if values.dtype.kind == "i" else values.round(6), from_pandas=True)
        told["kept_ratio"], told["corrections"] = pyarrow.array(kept[rows].round(6)), pyarrow.array(corrections[rows])
        tables.append(pyarrow.table(told))
    if tables:
        parquet.write_table(pyarrow.concat_tables(tables), path)
    return sum(table.num_rows for table in tables)


def _header(columns: dict[str, Any]) -> list[str]:
    return [*COLUMNS, *(name for name in columns if name not in (*COLUMNS, "window", "group"))]


def _order(columns: dict[str, Any], names: dict[int, tuple[str, ...]]) -> list[tuple[int, int, int]]:
    pairs = zip(columns["window"].tolist(), columns["group"].tolist(), strict=True)
    told = ((window, group, row) for row, (window, group) in enumerate(pairs))
    return sorted(told, key=lambda one: (one[0], names[one[1]]))


def _texts(column: Any) -> list[str]:
    if column.dtype.kind == "i":
        return [str(value) for value in column.tolist()]
    return ["" if isnan(value) else repr(round(value, 6)) for value in column.tolist()]


def _plain(value: Any) -> Any:
    return (None if isnan(value) else round(value, 6)) if isinstance(value, float) else value


def _safe(name: str) -> str:
    """The name, with an apostrophe before what a spreadsheet would run as a formula."""
    return "'" + name if name[:1] in ("=", "+", "@") or (name[:1] == "-" and not name[1:2].isdigit()) else name
