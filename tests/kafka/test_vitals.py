"""What workers and gateways tell is what the catalogue says, no more and no less; and how old the oldest unread event is."""

from __future__ import annotations

import time
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from dashboards.catalogue import METRICS
from dashboards.cluster import CLUSTER, HUBS
from engine.keys import PUBLIC
from streams.kafka.gateway_command import Figures
from streams.kafka.senders import Sender
from streams.kafka.settings import KafkaSettings
from streams.kafka.vitals import Vitals
from tests.streams.test_sources import Monitor


def test_workers_and_gateways_tell_exactly_what_the_catalogue_has(tmp_path: Path) -> None:
    vitals = Vitals(8)
    vitals.begin(3).read_at_s = 1.0
    vitals.batch_seconds.observe(0.1)
    gateway = CollectorRegistry()
    monitor = Monitor(tmp_path)
    monitor.hear("pbx", late_s=3)
    monitor.at_us += 2_000_000
    gateway.register(Figures(Sender(KafkaSettings(), PUBLIC, bytes_max=1, answer_s=1.0), monitor.sources))
    told = [
        family
        for registry in (vitals.registry, gateway)
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        if not family.name.endswith("_created")
    ]
    skew = METRICS["floorwatch_source_skew_seconds"]
    wanted = {metric.family: metric for metric in (*CLUSTER, skew) if metric not in HUBS}
    assert {family.name for family in told} == set(wanted)
    assert next(family for family in told if family.name == skew.name).samples[0].value == 3
    for family in told:
        metric = wanted[family.name]
        assert (family.type, family.documentation) == (metric.kind, metric.english)
        assert family.samples
        assert all(set(sample.labels) - {"le"} == set(metric.labels) for sample in family.samples)


def test_the_oldest_unread_event_is_as_old_as_the_last_one_that_was_read_or_as_the_end_was_reached() -> None:
    one = Vitals(8).begin(0)
    assert one.oldest_unread_s == 0
    one.end = 10
    assert one.oldest_unread_s is None, "nothing is known of it yet"
    one.read_at_s = time.time() - 90
    assert 90 <= one.oldest_unread_s < 150  # type: ignore[unreachable]
    one.position = 10
    assert one.oldest_unread_s == 0
