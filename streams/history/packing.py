"""One window of one rollup as bytes and back: its sums by group, without the zeros.

Owns the form. Never divides and never adds. Law: what comes out is what went in, to the last digit, and the same figures are the same bytes;
a sum that a later version no longer knows is left out, one that is new is zero in what was written before.
"""

from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.histograms import BUCKET_COUNT
from engine.windows import Figures

__all__ = ["Packed", "pack"]

_KINDS: dict[str, type[np.signedinteger]] = {"b": np.int8, "h": np.int16, "i": np.int32, "q": np.int64}
#: The kind of a column and its bytes, little-endian as every machine is that this runs on.
Column: TypeAlias = tuple[str, bytes]


class Packed(msgspec.Struct, array_like=True, frozen=True):
    """`groups` are numbers of the store's groups, ascending. Of the distributions each bucket that counts anything: its place in
    (measure, group, bucket), and how many."""

    groups: Column
    fields: tuple[str, ...]
    sums: tuple[Column, ...]
    peaks: tuple[Column, ...]
    longest_us: Column
    buckets: Column
    counts: Column

    def body(self) -> bytes:
        """To be kept."""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def of(body: bytes) -> "Packed":
        """What was kept."""
        return _decoder.decode(body)

    def numbers(self) -> NDArray[np.int64]:
        """The groups."""
        return _values(self.groups).astype(np.int64)

    def sums_of(self, name: str) -> NDArray[np.int64]:
        """One sum by group."""
        zeros = np.zeros(len(self.numbers()), np.int64)
        return zeros + _values(self.sums[self.fields.index(name)]) if name in self.fields else zeros

    def add_to(
        self, places: NDArray[np.int64], sums: NDArray[np.int64], fields: dict[str, int], peaks: NDArray[np.int64],
        longest_us: NDArray[np.int64], histograms: NDArray[np.int32] | None,
    ) -> None:  # fmt: skip
        """Adds each group to its place, of the peaks and the longest waits the greater one; all arrays given are changed, and their last axis, of
        the distributions the one before, is that of places. Places are distinct and ascending."""
        if not len(places):
            return
        # Most windows have every group: a stretch of places is added several times as fast as single ones.
        whole = places[-1] - places[0] == len(places) - 1
        at_: slice | NDArray[np.int64] = slice(int(places[0]), int(places[-1]) + 1) if whole else places
        for name, column in zip(self.fields, self.sums, strict=True):
            if (at := fields.get(name)) is not None:
                sums[at, at_] += _values(column)
        for at, column in enumerate(self.peaks):
            peaks[at, at_] = np.maximum(peaks[at, at_], _values(column))
        longest_us[at_] = np.maximum(longest_us[at_], _values(self.longest_us))
        if histograms is not None and (buckets := _values(self.buckets)).size:
            measure, rest = np.divmod(buckets.astype(np.int64), len(places) * BUCKET_COUNT)
            row, bucket = np.divmod(rest, BUCKET_COUNT)
            flat = (measure * histograms.shape[1] + places[row]) * BUCKET_COUNT + bucket
            histograms.reshape(-1)[flat] += _values(self.counts)


_decoder = msgspec.msgpack.Decoder(Packed)


def pack(figures: Figures, rows: slice, numbers: NDArray[np.int64]) -> Packed:
    """The figures of one window, in these rows, whose groups have these numbers."""
    order = np.argsort(numbers, kind="stable")
    sums = figures.sums[rows][order]
    names = list(figures.fields)
    used = [names[at] for at in np.flatnonzero(sums.any(axis=0)).tolist()]
    histograms = np.ascontiguousarray(figures.histograms[:, rows][:, order]).ravel()
    buckets = np.flatnonzero(histograms)
    return Packed(
        _column(numbers[order]),
        tuple(used),
        tuple(_column(sums[:, figures.fields[name]]) for name in used),
        tuple(_column(column) for column in figures.peaks[rows][order].T),
        _column(figures.longest_us[rows][order]),
        _column(buckets),
        _column(histograms[buckets]),
    )


def _column(values: NDArray[np.signedinteger]) -> Column:
    """In as few bytes as hold the greatest of them."""
    most = max(int(values.max()), -int(values.min()) - 1) if len(values) else 0
    kind = next(kind for kind, dtype in _KINDS.items() if most <= np.iinfo(dtype).max)
    return kind, values.astype(f"<{kind}").tobytes()


def _values(column: Column) -> NDArray[np.signedinteger]:
    return np.frombuffer(column[1], f"<{column[0]}")
