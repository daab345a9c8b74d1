"""The Prometheus exposition of the published facts.

Owns: the names, units and help texts under which figures are exported, and the process's own health. Never computes a
figure: it prints what the wall and the API print, from the same published facts. Names of contacts, agents and
customers never become labels.

Law: a figure without data has no sample (never 0). Seconds are `_seconds`, counters `_total`, shares `_ratio` from 0
to 1. Every figure of the floor carries the label `rollup`, which says by which dimensions it is kept; add up within one
rollup only, or contacts count twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE", "Health", "render"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Key of a row, exported name, help. `window` figures are over the sliding window that `floorwatch_window_seconds` tells.
GAUGES = (
    ("waiting", "floorwatch_waiting_contacts", "Contacts waiting for a person now."),
    ("longest_wait_s", "floorwatch_longest_wait_seconds", "Age of the oldest contact that waits now."),
    ("in_service", "floorwatch_in_service_contacts", "Contacts answered and not yet closed."),
    ("offered", "floorwatch_window_offered_contacts", "Contacts that arrived in the window."),
    ("queued", "floorwatch_window_queued_contacts", "Contacts that began to wait in the window."),
    ("answered", "floorwatch_window_answered_contacts", "Contacts answered in the window."),
    ("abandoned", "floorwatch_window_abandoned_contacts", "Contacts abandoned in the window."),
    (
        "left_queue",
        "floorwatch_window_left_queue_contacts",
        "Contacts that left the queue otherwise in the window.",
    ),
    ("breaches", "floorwatch_window_breaches", "Commitments broken in the window."),
    ("asa_s", "floorwatch_speed_of_answer_seconds", "Average wait of the contacts answered in the window."),
    (
        "service_level",
        "floorwatch_service_level_ratio",
        "Service level in the window, by the policy's formula.",
    ),
    ("abandonment_rate", "floorwatch_abandonment_ratio", "Abandoned over offered in the window."),
    (
        "first_response_avg_s",
        "floorwatch_first_response_seconds",
        "Average time to the first human reply in the window.",
    ),
    (
        "response_avg_s",
        "floorwatch_response_seconds",
        "Average time of a human reply to a customer's turn in the window.",
    ),
    ("aht_s", "floorwatch_handle_seconds", "Average handle time of the contacts handled in the window."),
    (
        "occupancy",
        "floorwatch_occupancy_ratio",
        "Handling time over handling and available time in the window.",
    ),
)
AGENTS = ("floorwatch_agents", "People by state now.")
#: Attribute of the counters, exported name, help.
COUNTERS = (
    ("events", "floorwatch_events", "Events absorbed, since the journal was created."),
    ("duplicates", "floorwatch_duplicate_events", "Events delivered again and ignored."),
    (
        "late",
        "floorwatch_late_events",
        "Events after the watermark, still applied where their window was open.",
    ),
    ("dropped", "floorwatch_dropped_events", "Events beyond the allowed lateness, not applied."),
)
#: Attribute of the counters, exported name, help, label.
REASONED = (
    ("rejected", "floorwatch_rejected_events", "Lines refused, by reason.", "reason"),
    (
        "illegal",
        "floorwatch_illegal_events",
        "Events out of a legal sequence, counted and without effect, by reason.",
        "reason",
    ),
    (
        "policy_reloads",
        "floorwatch_policy_reloads",
        "Policies offered since the start of the process, by what came of it.",
        "outcome",
    ),
    ("limits", "floorwatch_limit_reached", "Times that a limit was met, by the setting that sets it.", "limit"),
)


@dataclass(frozen=True, slots=True)
class Health:
    """The process beside the figures: plain numbers, counters since its start."""

    gauges: Sequence[tuple[str, str, float]] = ()
    counters: Sequence[tuple[str, str, float]] = ()
    commit_buckets: Sequence[tuple[str, int]] = ()
    """Cumulative counts by upper limit in seconds as text, the last one `+Inf`."""
    commit_seconds_sum: float = 0.0


class _Collector(Collector):
    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families()


def render(facts: Mapping[str, Any], health: Health) -> bytes:
    """Everything as Prometheus text. `facts` is what `/api/v1/now` answers."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(lambda: _families(facts, health)))
    return generate_latest(registry)


def _families(facts: Mapping[str, Any], health: Health) -> Iterable[Metric]:
    groups: Mapping[str, Sequence[Mapping[str, Any]]] = facts.get("groups", {})
    dimensions = sorted({name for rollup in groups for name in _dimensions(rollup)})
    for key, name, text in GAUGES:
        yield _gauge(key, name, text, groups, dimensions)
    yield _agents(groups, dimensions)
    yield from _counters(facts.get("counters", {}) | {"policy_reloads": facts.get("policy", {}).get("reloads")})
    yield from _times(facts)
    for name, text, value in health.gauges:
        yield GaugeMetricFamily(name, text, value=value)
    for name, text, value in health.counters:
        yield CounterMetricFamily(name, text, value=value)
    if health.commit_buckets:
        yield HistogramMetricFamily(
            "floorwatch_journal_commit_seconds",
            "Duration of a journal transaction, disk included.",
            buckets=list(health.commit_buckets),
            sum_value=health.commit_seconds_sum,
        )


def _gauge(
    key: str, name: str, text: str, groups: Mapping[str, Sequence[Mapping[str, Any]]], dimensions: list[str]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["rollup", *dimensions])
    for rollup, rows in groups.items():
        for row in rows:
            value = row.get(key)
            if value is not None and value == value:
                family.add_metric(_labels(rollup, row, dimensions), value)
    return family


def _agents(groups: Mapping[str, Sequence[Mapping[str, Any]]], dimensions: list[str]) -> Metric:
    family = GaugeMetricFamily(*AGENTS, labels=["rollup", *dimensions, "state"])
    for rollup, rows in groups.items():
        for row in rows:
            # Most groups of a fine rollup have no people of their own: without any there is nothing to tell.
            states = row.get("agents") or {}
            if rollup != "total" and not any(states.values()):
                continue
            for state, count in states.items():
                if count is not None:
                    family.add_metric([*_labels(rollup, row, dimensions), state], count)
    return family


def _counters(counters: Mapping[str, Any]) -> Iterable[Metric]:
    for key, name, text in COUNTERS:
        if (value := counters.get(key)) is not None:
            yield CounterMetricFamily(name, text, value=value)
    for key, name, text, label in REASONED:
        family = CounterMetricFamily(name, text, labels=[label])
        for reason, count in sorted((counters.get(key) or {}).items()):
            family.add_metric([str(reason)], count)
        yield family


def _times(facts: Mapping[str, Any]) -> Iterable[Metric]:
    sent_us, watermark_us = facts.get("service", {}).get("sent_us"), facts.get("watermark_us")
    if facts.get("window_s") is not None:
        yield GaugeMetricFamily("floorwatch_window_seconds", "Length of the sliding window.", value=facts["window_s"])
    if sent_us and watermark_us and watermark_us > 0:
        lag_s = (sent_us - watermark_us) / 1e6
        yield GaugeMetricFamily("floorwatch_watermark_lag_seconds", "Present less watermark.", value=lag_s)


def _dimensions(rollup: str) -> list[str]:
    return [] if rollup == "total" else rollup.split(",")


def _labels(rollup: str, row: Mapping[str, Any], dimensions: list[str]) -> list[str]:
    own = _dimensions(rollup)
    return [rollup, *(str(row.get(name) or "") if name in own else "" for name in dimensions)]
