"""Shares, means and rates: what is divided by what, one definition each, for the report, the wall and conditions alike.

Owns the table. Never sums anything up: a definition is given a function that tells the sum of a field, by group. An empty
denominator is NaN, "no data".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.times import SECOND_US

__all__ = ["RATIOS", "Ratio", "ratio"]

Counts: TypeAlias = NDArray[np.int64]
Ratios: TypeAlias = NDArray[np.float64]
Field: TypeAlias = Callable[[str], Counts]


def ratio(numerator: Counts, denominator: Counts) -> Ratios:
    """Elementwise quotient, NaN where the denominator is zero."""
    result = np.full(np.shape(denominator), np.nan)
    np.divide(numerator, denominator, out=result, where=np.asarray(denominator) != 0)
    return result


@dataclass(frozen=True)
class Ratio:
    """`times` the sum of the fields `over`, less those of `minus`, by `per` times the sum of the fields `under`.

    No data where `known` names fields and none of them is above zero.
    """

    over: tuple[str, ...]
    under: tuple[str, ...]
    minus: tuple[str, ...] = ()
    times: int = 1
    per: int = 1
    known: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """All that it is made of."""
        return tuple(dict.fromkeys((*self.over, *self.minus, *self.under, *self.known)))

    @property
    def sample(self) -> tuple[str, ...]:
        """The fields whose sum says of how many it is a share or a mean; none where it is of time."""
        return () if any(name.endswith("_us") for name in self.under) else self.under

    def of(self, field: Field) -> Ratios:
        """Its value, one for each value that the fields have."""
        numerator = self.times * (_sum(field, self.over) - _sum(field, self.minus))
        found = ratio(numerator, self.per * _sum(field, self.under))
        return np.where(_sum(field, self.known) > 0, found, np.nan) if self.known else found


def _sum(field: Field, names: tuple[str, ...]) -> Any:
    return sum((field(name) for name in names), start=np.int64(0))


RATIOS: dict[str, Ratio] = {
    # Of contacts.
    "abandonment_rate": Ratio(("abandoned",), ("offered",)),
    "asa_s": Ratio(("wait_answered_us",), ("answered",), per=SECOND_US),
    "first_response_mean_s": Ratio(("first_response_us",), ("first_response_count",), per=SECOND_US),
    "response_mean_s": Ratio(("response_us",), ("response_count",), per=SECOND_US),
    "aht_s": Ratio(("handle_us", "wrapup_area_us"), ("handled",), per=SECOND_US),
    # C8: a reply for which the policy has no benchmark is within none.
    "benchmark_share": Ratio(("responses_in_benchmark",), ("response_count",), known=("response_benchmark_us",)),
    "benchmark_gap_s": Ratio(("response_us",), ("response_count",), minus=("response_benchmark_us",), per=SECOND_US,
                             known=("response_benchmark_us",)),
    "negative_share": Ratio(("negative_messages",), ("judged_messages",)),
    # C34: of contacts of which it is known, by whether they were a customer's first for a problem.
    "first_contact_resolution": Ratio(("first_resolved",), ("first_known",)),
    "second_contact_resolution": Ratio(("repeat_resolved",), ("repeat_known",)),
    # Of customers' judgement.
    "csat_share": Ratio(("csat_good",), ("csat_count",)),
    "nps": Ratio(("nps_promoters",), ("nps_count",), minus=("nps_detractors",), times=100),
    "invited_share": Ratio(("invited",), ("closed",)),
    "rated_share": Ratio(("csat_count",), ("invited",)),
    # Of quality checks and cases.
    "quality_share": Ratio(("quality_checked",), ("handled",)),
    "pass_rate": Ratio(("quality_passed",), ("quality_checked",)),
    "critical_error_rate": Ratio(("quality_critical",), ("quality_checked",)),
    "complaints_per_1000_orders": Ratio(("complaints_opened",), ("orders",), times=1000),
    # Of the business.
    "orders_per_contact": Ratio(("orders",), ("offered",)),
    "order_amount_mean": Ratio(("order_amount_cents",), ("orders",), per=100),
    # Of agents: only where somebody said to be available, busy or wrapping up.
    "occupancy": Ratio(("occupied_area_us",), ("occupied_area_us", "idle_area_us"),
                       known=("idle_area_us", "busy_area_us", "wrapup_area_us")),
}  # fmt: skip
