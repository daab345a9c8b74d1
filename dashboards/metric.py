"""The form of an exported metric: what dashboards.catalogue has of each.

Owns nothing but the form. Never computes a figure and never prints one.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Metric", "of_process"]


@dataclass(frozen=True)
class Metric:
    """One family of samples.

    `kind`: `gauge`, `counter` or `histogram`. `of`: what it is read from, each with the values of `labels`: a key of the rows of
    `/api/v1/now`, or a field of the sums. `per` divides what is read: seconds out of microseconds. A metric of the
    `floor` is told for every group of every rollup, with `rollup` and the dimensions as further labels; one for rollups of more
    than `dimensions_max` dimensions is left out, since it would be too many series. `rows` are of CATALOGUE.md.
    """

    name: str
    kind: str
    unit: str
    english: str
    chinese: str
    formula: str
    rows: tuple[str, ...] = ()
    of: tuple[tuple[str, tuple[str, ...]], ...] = ()
    labels: tuple[str, ...] = ()
    per: int = 1
    floor: bool = True
    dimensions_max: int = 8

    @property
    def family(self) -> str:
        """What HELP and TYPE of OpenMetrics name: of a counter that is without `_total`."""
        return self.name.removesuffix("_total") if self.kind == "counter" else self.name

    @property
    def all_labels(self) -> tuple[str, ...]:
        """Every label of its samples; dimensions as the rollups of the service have them."""
        floor = ("rollup", *(("queue", "tenant", *_FINE)[: _COARSE.get(self.dimensions_max)])) if self.floor else ()
        return (*floor, *self.labels, *(("le",) if self.kind == "histogram" else ()))


#: Dimensions that are kept with another only; how many of all a metric has that is for rollups of so few.
_FINE = ("channel", "category", "region")
_COARSE = {0: 0, 1: 2}


def of_process(
    name: str, unit: str, english: str, chinese: str, *labels: str, kind: str = "", formula: str = "as counted",
    rows: tuple[str, ...] = ("C55",), key: str = "",
) -> Metric:  # fmt: skip
    """What a process tells about itself; `key` is what it is called among the counters of `/api/v1/now`."""
    kind = kind or ("counter" if name.endswith("_total") else "gauge")
    of = ((key, ()),) if key else ()
    return Metric(f"floorwatch_{name}", kind, unit, english, chinese, formula, rows, of, labels, floor=False)
