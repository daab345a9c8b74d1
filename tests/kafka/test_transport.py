"""The transport and the application against a real broker: nothing lost, committed exactly, whatever dies and whatever comes in.

Workers run as processes, and what they were handed is compared with what was sent; offsets are read from the broker by another client.
"""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from streams.kafka.settings import KafkaSettings
from tests.kafka.broker import Broker
from tests.kafka.records import Records
from tests.kafka.worker import Handed, Worker, until


@pytest.fixture
def settings(settings: KafkaSettings) -> KafkaSettings:
    """Two partitions; small stretches, so that each test has many; and a worker that is gone is missed after three seconds."""
    return replace(settings, partitions=2, session_timeout_s=3.0, stretch_records_max=500, commit_interval_s=0.3)


def values(count: int, first: int = 0) -> list[bytes]:
    return [b'{"n":%d}' % n for n in range(first, first + count)]


def of(handed: list[Handed], partition: int) -> list[bytes | None]:
    return [one.value for one in handed if one.partition == partition]


def test_offsets_are_committed_exactly_after_200_000_records_and_after_a_few_more(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    records.create(settings.events)
    sent = {0: values(150_000), 1: values(50_000, 150_000)}
    for partition, some in sent.items():
        records.send(settings.events, some, partition)
    with Worker(settings, tmp_path) as worker:
        handed = worker.until_handed(200_000)
        assert {partition: of(handed, partition) for partition in sent} == sent
        until(lambda: records.committed(settings.events) == {0: 150_000, 1: 50_000}, "the ends were not committed")
        records.send(settings.events, values(3), 1)
        worker.until_handed(200_003)
        until(lambda: records.committed(settings.events) == {0: 150_000, 1: 50_003}, "the new end was not committed")


def test_no_bytes_stop_the_worker_or_change_what_stands_beside_them(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    records.create(settings.events)
    poison = [b"\xff\xfe\x00", b"", None, b"\n\n", b"{", b"\x00" * 1_000, "词".encode("gb18030"), b"a\nb\n"]
    sent: list[bytes | None] = []
    for n, value in enumerate(values(4_000)):
        sent += [value, poison[n % len(poison)]] if n % 10 == 0 else [value]
    records.send(settings.events, sent)
    with Worker(settings, tmp_path) as worker:
        assert of(worker.until_handed(len(sent)), 0) == sent
        records.send(settings.events, [None])  # The last of all, and alone.
        worker.until_handed(len(sent) + 1)
        until(lambda: records.committed(settings.events) == {0: len(sent) + 1}, "the end was not committed")


def test_a_stretch_in_flight_is_not_committed_past(settings: KafkaSettings, records: Records, tmp_path: Path) -> None:
    records.create(settings.events)
    with Worker(settings, tmp_path, slow_on="slow") as worker:
        records.send(settings.events, [b"quick"])
        until(lambda: records.committed(settings.events) == {0: 1}, "the first was not committed")
        records.send(settings.events, [b"slow", b"with the slow"])
        time.sleep(2)
        assert records.committed(settings.events) == {0: 1}
        worker.until_handed(3)
        until(lambda: records.committed(settings.events) == {0: 3}, "the slow one was not committed")


def test_nothing_is_committed_past_what_the_application_allows(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    records.create(settings.events)
    records.send(settings.events, values(1_000))
    with Worker(settings, tmp_path, covers=600) as worker:
        worker.until_handed(1_000)
        until(lambda: records.committed(settings.events) == {0: 600}, "what is covered was not committed")
        worker.stop()
    assert records.committed(settings.events) == {0: 600}


def test_a_commit_that_failed_is_made_again_although_nothing_more_comes(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    records.create(settings.events)
    with Worker(settings, tmp_path, fault="commits fail", after=1) as worker:
        records.send(settings.events, values(10))
        until(lambda: records.committed(settings.events) == {0: 10}, "the first was not committed")
        records.send(settings.events, values(10, 10))
        worker.until_handed(20)
        until(lambda: records.committed(settings.events) == {0: 20}, "what failed was taken for done")


def test_a_fault_of_ours_ends_the_process_and_what_it_did_not_do_is_read_again(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    records.create(settings.events)
    with Worker(settings, tmp_path, raises_on="bug") as worker:
        records.send(settings.events, values(10))
        worker.until_handed(10)
        records.send(settings.events, [b"bug", *values(5)])
        assert worker.process.wait(60) != 0
        assert "a fault of ours" in worker.log
    assert records.committed(settings.events).get(0, 0) <= 10
    with Worker(settings, tmp_path, "mended") as worker:
        assert set(values(5)) | {b"bug"} <= set(of(worker.until_handed(6), 0))


def test_a_second_worker_takes_its_share_in_mid_stream_and_nothing_is_lost(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    records.create(settings.events)
    # The first is slow from number 1,000 on, so that stretches which it was given and has not begun are taken from it again.
    with Worker(settings, tmp_path, "first", slow_on='{"n":1', slow_s=0.5) as first:
        for partition in (0, 1):
            records.send(settings.events, values(5_000), partition)
        first.until_handed(100)
        with Worker(settings, tmp_path, "second") as second:
            for round_ in range(1, 60):
                for partition in (0, 1):
                    records.send(settings.events, values(100, 5_000 + 100 * round_), partition)
                if second.handed():
                    break
                time.sleep(0.2)
            told = records.ends(settings.events)
            until(lambda: records.committed(settings.events) == told, "the ends were not committed")
            both = first.handed() + second.handed()
            assert {one.partition for one in second.handed()} < {one.partition for one in both} == {0, 1}
    assert {(one.partition, one.offset) for one in both} == {(p, n) for p, end in told.items() for n in range(end)}


def test_a_worker_that_is_asked_to_stop_hands_over_at_once_and_nothing_is_read_twice(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    settings = replace(settings, session_timeout_s=15.0)
    records.create(settings.events)
    with Worker(settings, tmp_path, "first") as first, Worker(settings, tmp_path, "second") as second:
        until(lambda: "worker ready" in first.log.lower() and "worker ready" in second.log.lower(), "not both ready")
        for partition in (0, 1):
            records.send(settings.events, values(2_000), partition)
        until(lambda: len(first.handed()) + len(second.handed()) >= 4_000, "not all was handed")
        began = time.monotonic()
        first.stop()
        for partition in (0, 1):
            records.send(settings.events, values(10, 2_000), partition)
        until(lambda: len(first.handed()) + len(second.handed()) >= 4_020, "not handed over")
        assert time.monotonic() - began < 8, "the others waited for the session to time out"
        counted = Counter((one.partition, one.offset) for one in first.handed() + second.handed())
    assert counted == {(partition, offset): 1 for partition in (0, 1) for offset in range(2_010)}


def test_a_worker_that_is_killed_loses_nothing_and_reading_goes_on_from_what_was_committed(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    records.create(settings.events)
    for partition in (0, 1):
        records.send(settings.events, values(20_000), partition)
    with Worker(settings, tmp_path, "killed", slow_on='{"n":15000}') as killed:
        until(lambda: sum(records.committed(settings.events).values()) > 5_000, "nothing was committed")
        killed.kill()
        committed = records.committed(settings.events)
    assert sum(committed.values()) < 40_000, "it was killed before the end"
    with Worker(settings, tmp_path, "next") as taking_over:
        until(lambda: records.committed(settings.events) == {0: 20_000, 1: 20_000}, "it was not taken over")
        after = taking_over.handed()
    for partition in (0, 1):
        assert min(one.offset for one in after if one.partition == partition) == committed.get(partition, 0)
    offsets = {(one.partition, one.offset) for one in killed.handed() + after}
    assert offsets == {(partition, offset) for partition in (0, 1) for offset in range(20_000)}


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(
    broker: Broker, settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    records.create(settings.events)
    with Worker(settings, tmp_path) as worker:
        records.send(settings.events, values(2_000))
        worker.until_handed(2_000)
        broker.kill()
        time.sleep(1)
        broker.start()
        records.send(settings.events, values(2_000, 2_000))
        until(
            lambda: records.committed(settings.events) == {0: 4_000}, f"the end was not committed {worker.log[-2_000:]}"
        )
    assert {one.value for one in worker.handed()} == set(values(4_000))
