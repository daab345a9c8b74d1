"""PromQL of the figures that are made from counters: shares, means and percentiles over a range, one definition each.

Owns the expressions that rules and panels share. The service level is written by the very table of formulas that the engine divides by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.measures import SERVICE_LEVELS

__all__ = ["KEPT", "RATIOS", "grown", "percentile", "service_level", "share"]

#: Labels that a sum over parts leaves out.
KEPT = ("by", "le", "answer", "contact", "result", "kind", "are", "writer", "commitment", "measure", "state")

#: What the formulas of the service level take, as series.
_TERMS = (
    'floorwatch_answered_contacts_total{by="arrival"}',
    'floorwatch_answered_wait_target_ratio_bucket{le="1.0"}',
    'floorwatch_abandoned_contacts_total{by="arrival"}',
    "floorwatch_abandoned_in_target_contacts_total",
    "floorwatch_abandoned_short_contacts_total",
)


@dataclass(frozen=True)
class _Term:
    """PromQL that can be added, so that a formula of numbers is one of expressions too."""

    text: str

    def __add__(self, other: _Term) -> _Term:
        return _Term(f"{self.text} + {other.text}")

    def __sub__(self, other: _Term) -> _Term:
        return _Term(f"{self.text} - {other.text}")


def grown(series: str, span: str) -> str:
    """How much a counter grew in a span; since ever where there is none. By whatever is told of it by itself."""
    amount = f"increase({series}[{span}])" if span else series
    return f"sum without ({', '.join(KEPT)}) ({amount})"


def share(over: str, under: str, span: str, times: str = "") -> str:
    """One counter by another; no data where the other did not grow."""
    return f"{times}{grown(over, span)} / ({grown(under, span)} > 0)"


def service_level(formula: str, span: str = "") -> str:
    """The service level of those whose attempt ended in the span, by one of the engine's formulas."""
    terms: tuple[_Term, ...] = tuple(_Term(grown(series, span)) for series in _TERMS)
    above, below = SERVICE_LEVELS[formula](*terms)  # type: ignore[arg-type]
    return f"({above.text}) / (({below.text}) > 0)"  # type: ignore[attr-defined]


def percentile(histogram: str, rank: float, span: str) -> str:
    """A percentile from buckets, as Prometheus estimates it."""
    return f"histogram_quantile({rank:g}, sum without (instance, job) (increase({histogram}_bucket[{span}])))"


#: Shares and means by the name that rules give them: what over what, and what that is multiplied by.
RATIOS: Mapping[str, tuple[str, str, str]] = {
    "abandonment": ('floorwatch_abandoned_contacts_total{by="arrival"}', "floorwatch_offered_contacts_total", ""),
    "handle_seconds": ("floorwatch_handle_seconds_total", "floorwatch_handled_contacts_total", ""),
    "csat": ("floorwatch_good_ratings_total", "floorwatch_ratings_total", ""),
    "rated": ("floorwatch_ratings_total", "floorwatch_invitations_total", ""),
    "invited": ("floorwatch_invitations_total", "floorwatch_closed_contacts_total", ""),
    "first_contact_resolution": (
        'floorwatch_resolutions_total{contact="first"}', 'floorwatch_known_resolutions_total{contact="first"}', ""),
    "second_contact_resolution": (
        'floorwatch_resolutions_total{contact="repeat"}', 'floorwatch_known_resolutions_total{contact="repeat"}', ""),
    "critical_errors": (
        'floorwatch_quality_checks_total{result="critical"}', 'floorwatch_quality_checks_total{result="all"}', ""),
    "quality_passed": (
        'floorwatch_quality_checks_total{result="passed"}', 'floorwatch_quality_checks_total{result="all"}', ""),
    "negative_messages": ("floorwatch_negative_messages_total", "floorwatch_judged_messages_total", ""),
    "complaints_per_1000_orders": ('floorwatch_cases_opened_total{kind="complaint"}', "floorwatch_orders_total", "1000 * "),
    "benchmark": ("floorwatch_benchmarked_responses_total", "floorwatch_response_seconds_count", ""),
    "promises_in_time": ('floorwatch_promises_total{are="in_time"}', 'floorwatch_promises_total{are="made"}', ""),
}  # fmt: skip
