"""Reading is fast: many times what the idiomatic Faust agent reads, measured on the same broker in the same test."""

from dataclasses import replace

from benchmarks.kafka import fill, measure
from streams.kafka.settings import KafkaSettings


def test_stretches_are_read_many_times_faster_than_records_one_by_one(settings: KafkaSettings) -> None:
    settings = replace(settings, partitions=1)
    fill(settings, 150_000)
    idiomatic = measure(settings, 10_000, joined=False)
    assert measure(settings, 150_000, joined=True) > 10 * idiomatic
