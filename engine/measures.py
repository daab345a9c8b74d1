"""From sums to what people read: ratios, averages and percentiles, each with one definition.

Here and in the table of `engine.ratios` is divided, nowhere else. An empty denominator gives NaN, which every reader shows as "no data".
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.facts import MEASURES, PEAK_LEVELS
from engine.histograms import percentiles
from engine.ratios import RATIOS, Counts, Field, Ratios, ratio
from engine.times import SECOND_US
from engine.windows import Figures

__all__ = ["SERVICE_FIELDS", "SERVICE_LEVELS", "measures", "ratio", "responses", "service_level"]

#: Named formulas of the service level: answered, answered in target, abandoned, abandoned in target, abandoned short ->
#: numerator and denominator. Trade usage has all of them; the name stands on the tile.
SERVICE_LEVELS: dict[str, Callable[[Counts, Counts, Counts, Counts, Counts], tuple[Counts, Counts]]] = {
    "answered_of_ended": lambda n, t, a, at, s: (t, n + a),
    "answered_of_answered": lambda n, t, a, at, s: (t, n),
    "answered_of_ended_less_abandoned_in_target": lambda n, t, a, at, s: (t, n + a - at),
    "answered_of_ended_less_short": lambda n, t, a, at, s: (t, n + a - s),
    "answered_or_abandoned_in_target_of_ended": lambda n, t, a, at, s: (t + at, n + a),
    "answered_or_short_of_ended": lambda n, t, a, at, s: (t + s, n + a),
}


#: What the formulas take.
SERVICE_FIELDS = ("answered", "answered_in_target", "abandoned", "abandoned_in_target", "abandoned_short")


def service_level(formula: str, field: Field) -> Ratios:
    """The share in target by one of `SERVICE_LEVELS`. Raises KeyError for another name."""
    return ratio(*SERVICE_LEVELS[formula](*(field(name) for name in SERVICE_FIELDS)))


def measures(figures: Figures, sizes_us: Counts, formula: str) -> dict[str, NDArray[np.generic]]:
    """Columns by name, one value a row of `figures`: counts as int64, everything in seconds or a share as float64.

    `sizes_us` is each row's span, over which levels are averaged.
    """
    field = figures.field
    columns: dict[str, NDArray[np.generic]] = {
        name: field(name) for name in ("offered", "queued", "answered", "abandoned", "left_queue")
    }
    columns["open"] = field("offered") - sum(
        field(name) for name in ("answered", "abandoned", "left_queue", "unanswered")
    )
    columns["wait_sum_s"] = _seconds(field("wait_us"))
    columns["wait_answered_sum_s"] = _seconds(field("wait_answered_us"))
    columns["wait_max_s"] = np.where(figures.longest_us < 0, np.nan, figures.longest_us / SECOND_US)
    columns.update(_percentiles(figures, "wait_answered"))
    columns["answered_in_target"] = field("answered_in_target")
    columns["abandoned_in_target"] = field("abandoned_in_target")
    columns["service_level"] = service_level(formula, field)
    for level, name in (("waiting", "queue_depth"), ("in_service", "in_service")):
        columns[f"{name}_max"] = figures.peaks[:, PEAK_LEVELS.index(level)]
        columns[f"{name}_mean"] = ratio(field(f"{level}_area_us"), sizes_us)
    columns["events_answered"] = field("events_answered")
    columns["events_abandoned"] = field("events_abandoned")
    for measure in ("first_response", "response"):
        columns[f"{measure}_count"] = field(f"{measure}_count")
        columns[f"{measure}_sum_s"] = _seconds(field(f"{measure}_us"))
        columns.update(_percentiles(figures, measure))
    columns["handled"] = field("handled")
    columns["handle_sum_s"] = _seconds(field("handle_us"))
    columns["breaches"] = field("breaches")
    columns.update(_further(figures))
    columns.update(responses(figures))
    return columns


def responses(figures: Figures) -> dict[str, NDArray[np.generic]]:
    """The columns of the policy's response measures: each one's rate in target, average and count."""
    columns: dict[str, NDArray[np.generic]] = {}
    for name in (
        field.split(".")[1] for field in figures.fields if field.startswith("responses.") and field.endswith(".count")
    ):
        count = figures.field(f"responses.{name}.count")
        columns[f"{name}_rate"] = ratio(figures.field(f"responses.{name}.in_target"), count)
        columns[f"{name}_avg_s"] = ratio(figures.field(f"responses.{name}.us"), count) / SECOND_US
        columns[f"{name}_count"] = count
    return columns


def _further(figures: Figures) -> dict[str, NDArray[np.generic]]:
    """Columns beyond the contract's."""
    field = figures.field
    columns: dict[str, NDArray[np.generic]] = {
        name: field(name)
        for name in (
            "unanswered", "transfers", "reopened", "closed", "unresolved", "customer_messages", "agent_messages",
            "automatic_messages", "bot_messages", "invited", "csat_count", "cases_opened", "cases_resolved", "orders",
            "negative_messages", "rated_low", "complaints_opened", "quality_checked", "coachings",
        )
    }  # fmt: skip
    columns["order_amount"] = field("order_amount_cents") / 100
    columns.update((name, defined.of(field)) for name, defined in RATIOS.items())
    columns["agent_hours"] = (field("available_area_us") + field("busy_area_us") + field("wrapup_area_us")) / (
        3600 * SECOND_US
    )
    return columns


def _seconds(values_us: Counts) -> Ratios:
    result: Ratios = values_us / SECOND_US
    return result


def _percentiles(figures: Figures, measure: str) -> dict[str, NDArray[np.generic]]:
    found = percentiles(figures.histograms[MEASURES.index(measure)], (0.5, 0.9, 0.95)) / SECOND_US
    return {f"{measure}_{name}_s": found[:, column] for column, name in enumerate(("p50", "p90", "p95"))}
