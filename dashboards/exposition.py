"""The Prometheus exposition of the published facts.

Owns how figures become samples. Never computes a figure: levels and figures of the window are what the wall and the API
print, from the same published facts; counters are the engine's sums. Names of contacts and customers never become
labels, and those of people only when asked for.

Law: a figure without data has no sample (never 0). Every figure of the floor carries the label `rollup`, which says by
which dimensions it is kept; add up within one rollup only, or contacts count twice. Groups beyond `groups_max` of a rollup are
added up as `(other)`, and counted.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from dashboards.catalogue import METRICS
from dashboards.floor import Floor
from dashboards.health import REASONED
from dashboards.metric import Metric
from dashboards.samples import SAMPLES_MAX, Page, label_text
from dashboards.sums import Sums
from engine.exported import Exported

__all__ = ["CONTENT_TYPE", "OPENMETRICS_TYPE", "Exposition", "Health", "render"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
GROUPS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Health:
    """The process beside the figures: numbers by the names of the catalogue, those with a label by its value."""

    values: Mapping[str, float] = field(default_factory=dict)
    labelled: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    commit_buckets: Sequence[tuple[str, int]] = ()
    """Cumulative counts by upper limit in seconds as text, the last one `+Inf`."""
    commit_seconds_sum: float = 0.0


class Exposition:
    """Renders one service's scrapes; remembers what its distributions began with. Safe to call from any thread."""

    def __init__(self, groups_max: int = GROUPS_MAX, samples_max: int = SAMPLES_MAX) -> None:
        self._groups_max = groups_max
        self._samples_max = samples_max
        self._sums = Sums(groups_max)
        self._lock = threading.Lock()

    def follow(self, exported: Exported | None) -> None:
        """Take note of the distributions without a scrape, so that none is forgotten before it is told."""
        with self._lock:
            if exported is not None:
                self._sums.follow(exported)

    def render(
        self,
        facts: Mapping[str, Any],
        health: Health,
        exported: Exported | None = None,
        *,
        openmetrics: bool = False,
        before: bytes = b"",
    ) -> bytes:
        """Everything as text. `facts` is what `/api/v1/now` answers; `before` is what others tell, which goes in front and is counted too."""
        page = Page(openmetrics=openmetrics, samples_max=self._samples_max)
        floor = Floor(facts, self._groups_max, exported)
        floor.write(page)
        overflow = floor.overflow
        if exported is not None:
            with self._lock:
                self._sums.write(page, exported)
            _people(page, exported)
        labelled = {**health.labelled, "floorwatch_overflow_groups": overflow}
        if exported is not None:
            newest = {name: newest_us / 1e6 for name, newest_us in exported.sources.items()}
            labelled["floorwatch_source_event_timestamp_seconds"] = newest
        rest = [*_counters(facts), *_times(facts), *_standing(facts), *_sources(facts), *_process(health, labelled)]
        if exported is not None:
            others = sum(not line.startswith(b"#") for line in before.splitlines())
            count = page.count + sum(len(family.samples) for family in rest) + others + 2
            rest.append(_family("floorwatch_exported_series", {(): count}))
            rest.append(_family("floorwatch_left_out_series", {(): page.left_out}))
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(rest))
        return before + page.body((generate_openmetrics if openmetrics else generate_latest)(registry))


def render(facts: Mapping[str, Any], health: Health, *, openmetrics: bool = False) -> bytes:
    """Facts alone, without the engine's sums."""
    return Exposition().render(facts, health, openmetrics=openmetrics)


class _Collector(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def _people(page: Page, exported: Exported) -> None:
    people = [(label_text((("agent", person.name),)), person) for person in exported.people]
    told = (
        ("floorwatch_agent_load_contacts", [f"floorwatch_agent_load_contacts{{{who}}} {one.load}.0\n" for who, one in people]),
        ("floorwatch_agent_slots",
         [f"floorwatch_agent_slots{{{who}}} {one.slots}.0\n" for who, one in people if one.slots >= 0]),
        ("floorwatch_agent_state",
         [f'floorwatch_agent_state{{{who},state="{one.state}"}} 1.0\n' for who, one in people if one.state]),
    )  # fmt: skip
    for name, lines in told:
        page.family(METRICS[name], lines)


def _family(name: str, values: Mapping[Any, float | None]) -> Family:
    metric: Metric = METRICS[name]
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.family, metric.english, labels=metric.labels)
    for labels, value in values.items():
        if value is not None:
            family.add_metric(labels, value)
    return family


def _counters(facts: Mapping[str, Any]) -> Iterable[Family]:
    counters = {**facts.get("counters", {}), "policy_reloads": facts.get("policy", {}).get("reloads")}
    for metric in METRICS.values():
        if metric.floor or not metric.of:
            continue
        found = counters.get(metric.of[0][0])
        if metric in REASONED:
            yield _family(metric.name, {(str(reason),): count for reason, count in sorted((found or {}).items())})
        elif found is not None:
            yield _family(metric.name, {(): found})


def _times(facts: Mapping[str, Any]) -> Iterable[Family]:
    sent_us, watermark_us = facts.get("service", {}).get("sent_us"), facts.get("watermark_us")
    if facts.get("window_s") is not None:
        yield _family("floorwatch_window_seconds", {(): facts["window_s"]})
    if formula := facts.get("service_level_formula"):
        yield _family("floorwatch_service_level_formula_info", {(formula,): 1})
    if sent_us and watermark_us and watermark_us > 0:
        yield _family("floorwatch_watermark_lag_seconds", {(): (sent_us - watermark_us) / 1e6})


def _standing(facts: Mapping[str, Any]) -> Iterable[Family]:
    """What stands now beside the floor: people, cases, promises, raised conditions."""
    if people := facts.get("agents"):
        counts = ((state, people.get(state)) for state in ("present", "known", "overloaded"))
        yield _family("floorwatch_people", {(state,): count for state, count in counts})
    states = ("open", "in_progress", "near_limit", "overdue")
    for key, name in (("cases", "floorwatch_open_cases"), ("promises", "floorwatch_open_promises")):
        if found := facts.get(key):
            yield _family(name, {(state,): found[state] for state in states})
    for by in ("kind", "department"):
        rows = (facts.get("cases") or {}).get(f"by_{by}", ())
        values = {(row[by] or "", state): row[state] for row in rows for state in states}
        yield _family(f"floorwatch_open_cases_by_{by}", values)
    yield from _capacity((facts.get("capacity") or {}).get("queues") or ())
    raised = METRICS["floorwatch_condition_raised"]
    yield _family(raised.name, {
        (one["name"], one["severity"], *(str(one["of"].get(label) or "") for label in raised.labels[2:])): 1
        for one in facts.get("conditions") or ()
    })  # fmt: skip


def _capacity(rows: Sequence[Mapping[str, Any]]) -> Iterable[Family]:
    people = ("needed", "present", "missing", "planned_next", "missing_next")
    yield _family("floorwatch_capacity_agents", {(row["queue"], are): row.get(are) for row in rows for are in people})
    for name, key in (("service_level", "service_level"), ("break", "breaks_likely")):
        values = {
            (row["queue"], quarter): row.get(f"{key}{end}")
            for row in rows
            for quarter, end in (("now", "_now"), ("next", ""))
        }
        yield _family(f"floorwatch_capacity_{name}_ratio", values)
    costs = {(row["queue"], of): row.get(f"{of}_cost_next") for row in rows for of in ("surplus", "breach")}
    yield _family("floorwatch_capacity_cost", costs)
    yield _family("floorwatch_capacity_arrivals_contacts", {(row["queue"],): row.get("arrivals_next") for row in rows})


def _sources(facts: Mapping[str, Any]) -> Iterable[Family]:
    """Who is heard, and whether anybody is."""
    if "blind" in facts:
        yield _family("floorwatch_blind", {(): int(facts["blind"] is not None)})
    rows = facts.get("sources") or ()
    for name, key in (("source_skew_seconds", "skew_s"), ("source_overdue", "overdue")):
        yield _family(f"floorwatch_{name}", {(row["source"],): row[key] for row in rows})
    yield _family("floorwatch_source_refused", {(row["source"],): int(row["refused"] is not None) for row in rows})


def _process(health: Health, labelled: Mapping[str, Mapping[str, float]]) -> Iterable[Family]:
    for name, value in health.values.items():
        yield _family(name, {(): value})
    for name, values in labelled.items():
        yield _family(name, {(value,): count for value, count in values.items()})
    if health.commit_buckets:
        metric = METRICS["floorwatch_journal_commit_seconds"]
        yield HistogramMetricFamily(
            metric.name, metric.english, buckets=list(health.commit_buckets), sum_value=health.commit_seconds_sum
        )
