"""Measures as weights: what of each sum is above the line and below it, so that a frame works out all of its figures in one pass.

Every definition is read off `engine.ratios` and the formulas of the service level, which are linear above and below the line; none is
made here. What needs a look at each contact, agent or source is no formula: see `engine.present`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.conditions import COUNTED, LEVEL_MEANS, fields_of
from engine.facts import LEVELS
from engine.measures import SERVICE_FIELDS, SERVICE_LEVELS
from engine.ratios import RATIOS

__all__ = ["Formula", "formula_of"]


@dataclass(frozen=True)
class Formula:
    """Weights by field: the sum of `over` by the sum of `under` and `constant`. No data where that is zero, where the fields of
    `sample` come to less than `least`, or where none of `known` is above zero."""

    over: Mapping[str, int]
    under: Mapping[str, int]
    constant: int = 0
    sample: tuple[str, ...] = ()
    least: int = 0
    known: tuple[str, ...] = ()


def formula_of(measure: str, service_level: str, window_us: int, needed: tuple[tuple[str, ...], int]) -> Formula | None:
    """The formula of a measure, with what its sample needs; None where it has none. `<level>_net` means what holds at the end."""
    sample, least = needed
    if measure in RATIOS:
        ratio = RATIOS[measure]
        over = dict.fromkeys(ratio.over, ratio.times) | dict.fromkeys(ratio.minus, -ratio.times)
        return Formula(over, dict.fromkeys(ratio.under, ratio.per), 0, sample, least, ratio.known)
    if measure == "service_level":
        parts = [SERVICE_LEVELS[service_level](*one) for one in np.eye(len(SERVICE_FIELDS), dtype=np.int64)[:, :, None]]
        over, under = (
            {name: int(part[side][0]) for name, part in zip(SERVICE_FIELDS, parts, strict=True)} for side in (0, 1)
        )
        return Formula(over, under, 0, sample, least)
    if measure in LEVEL_MEANS:
        return Formula(dict.fromkeys(fields_of(measure), 1), {}, window_us, sample, least)
    if measure in (*COUNTED, *LEVELS, "present"):
        return Formula(dict.fromkeys(fields_of(measure), 1), {}, 1, sample, least)
    return None
