"""The worker against a real broker: what its steps tell is what was sent, whoever dies, comes or goes in between."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.events import decode
from streams.kafka.deadletters import read
from streams.kafka.settings import KafkaSettings
from tests.kafka.broker import Broker
from tests.kafka.real_worker import RealWorker, told_rows
from tests.kafka.records import Records
from tests.kafka.worker import until

S = 1_000_000
BEGIN_MS = 1_700_000_000_000


@pytest.fixture
def settings(settings: KafkaSettings) -> KafkaSettings:
    return replace(settings, partitions=2, session_timeout_s=3.0, stretch_records_max=2_000, commit_interval_s=0.3)


@pytest.fixture(autouse=True)
def topics(settings: KafkaSettings, records: Records) -> Iterator[None]:
    for topic in settings.topics:
        records.create(topic)
    yield


def event(n: int) -> bytes:
    return b'{"type":"contact.opened","time":%d,"contact":"c%d"}' % (BEGIN_MS + 10 * n, n)


def events(count: int, first: int = 0) -> list[bytes]:
    return [event(n) for n in range(first, first + count)]


def rows(sent: list[bytes]) -> list[Any]:
    """The rows that these make, all on time."""
    decoded = decode(b"\n".join(sent))
    times = decoded.times_us.tolist()
    return sorted(zip(times, times, decoded.contacts.tolist(), strict=True))


def end(records: Records, partitions: int = 2) -> None:
    """Says of each partition that its source is finished, so that everything is told."""
    for partition in range(partitions):
        records.send(records.settings.events, [None], partition, headers=[("source", b""), ("finished", b"1")])


def until_told(records: Records, sent: dict[int, list[bytes]], seconds: float = 120) -> None:
    wanted = {partition: rows(some) for partition, some in sent.items()}
    deadline = time.monotonic() + seconds
    while (found := told_rows(records)) != wanted:
        counts = {p: (len(some), len(found.get(p, []))) for p, some in wanted.items()}
        assert time.monotonic() < deadline, f"wanted and found: {counts}"
        assert all(len(found.get(p, [])) <= len(some) for p, some in wanted.items()), f"counted twice: {counts}"
        time.sleep(0.2)


def test_everything_is_told_once_and_in_order(settings: KafkaSettings, records: Records, tmp_path: Path) -> None:
    sent = {0: events(30_000), 1: events(20_000, 30_000)}
    with RealWorker(settings, tmp_path) as worker:
        for partition, some in sent.items():
            records.send(settings.events, some, partition)
        end(records)
        until_told(records, sent)
        took = worker.stop()
    assert took < 40
    ends = records.ends(settings.events)
    assert records.committed(settings.events) == ends, "the last snapshots cover everything"


def _counted(records: Records) -> Any:
    return {partition: len(some) for partition, some in told_rows(records).items()}.items()


def test_a_worker_that_is_asked_to_stop_hands_over_within_seconds(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    settings = replace(settings, session_timeout_s=60.0, request_timeout_s=90.0)
    with RealWorker(settings, tmp_path, "first") as first, RealWorker(settings, tmp_path, "second") as second:
        until(lambda: all("taken over" in worker.log for worker in (first, second)), "not shared")
        sent = {0: events(3_000), 1: events(3_000)}
        for partition, some in sent.items():
            records.send(settings.events, some, partition)
        began = time.monotonic()
        first.stop()
        end(records)
        until_told(records, sent)
        assert time.monotonic() - began < 50, "the others waited for the session to time out"
    assert "0 events again" in second.log.rsplit("taken over in", 1)[1], "the last snapshot covers everything"


def test_a_worker_that_was_frozen_and_replaced_does_no_harm_and_ends_or_begins_anew(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    sent = {0: events(4_000), 1: events(4_000)}
    with RealWorker(settings, tmp_path, "frozen") as frozen:
        for partition, some in sent.items():
            records.send(settings.events, some[:2_000], partition)
        until(lambda: sum(dict(_counted(records)).values()) > 3_000, "nothing was told")
        frozen.process.send_signal(signal.SIGSTOP)
        for partition, some in sent.items():
            records.send(settings.events, some[2_000:3_000], partition)
        with RealWorker(settings, tmp_path, "second") as second:
            until(lambda: sum(dict(_counted(records)).values()) > 5_000, f"not taken over {second.log[-3_000:]}")
            frozen.process.send_signal(signal.SIGCONT)
            for partition, some in sent.items():
                records.send(settings.events, some[3_000:], partition)
            end(records)
            until_told(records, sent)


def test_every_poison_record_is_a_dead_letter_with_its_place_and_all_others_are_counted(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    poison: list[bytes | None] = [b"{", b"", None, "词".encode("gb18030"), b'{"type":"no.such","time":1,"contact":"c"}']
    poison += [b'{"type":"contact.opened","time":"?","customer":"Zhang San"}', b"\x00" * 1_000_000]
    good = events(14_000)
    sent: list[bytes | None] = []
    places = []
    for n in range(0, 14_000, 1_000):
        sent += good[n : n + 1_000]
        places.append(len(sent))
        sent.append(poison[n // 1_000 % len(poison)])
    records.send(settings.events, sent)
    with RealWorker(settings, tmp_path) as worker:
        end(records, 1)
        until_told(records, {0: good})
        letters = [*read(settings)]
        assert [(one.partition, one.offset) for one in letters] == [(0, place) for place in places]
        for one, place in zip(letters, places, strict=True):
            was = sent[place] or b""
            assert (one.value or b"") == was[:900_000]
        assert "Zhang" not in worker.log


def test_what_the_broker_loses_while_it_is_killed_is_written_again(
    broker: Broker, settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    sent = {0: events(4_000), 1: events(4_000)}
    with RealWorker(settings, tmp_path) as worker:
        until(lambda: worker.log.count("taken over") == 2, "not begun")
        for partition, some in sent.items():
            records.send(settings.events, some[:2_000], partition)
        broker.kill()
        time.sleep(0.5)
        broker.start()
        for partition, some in sent.items():
            records.send(settings.events, some[2_000:], partition)
        end(records)
        until_told(records, sent)


def test_what_was_kept_under_other_settings_is_refused_and_counted_anew_once_it_is_deleted(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    records.send(settings.events, events(100))
    with RealWorker(settings, tmp_path, "before", snapshot_s=0.3) as before:
        until(lambda: records.committed(settings.events).get(0) == 100, "no snapshot")
        before.stop()
    with RealWorker(settings, tmp_path, "after", of="other") as after:
        assert after.process.wait(40) == 1
    assert "Partition 0 was kept under other settings" in after.log
    for topic in (settings.steps, settings.snapshots):
        records.delete(topic)
        records.create(topic)
    with RealWorker(settings, tmp_path, "anew", of="other"):
        end(records)
        until_told(records, {0: events(100), 1: []})


def test_workers_whose_consumers_silently_stop_end_themselves_and_others_go_on(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    sent: dict[int, list[bytes]] = {0: [], 1: []}
    with ExitStack() as ending:
        silent = [
            ending.enter_context(RealWorker(settings, tmp_path, fault, fault=fault, after=4, stall_s_max=5.0))
            for fault in ("hands on nothing", "fetches nothing", "stands still")
        ]
        deadline = time.monotonic() + 240
        while any(one.process.poll() is None for one in silent):
            assert time.monotonic() < deadline, [one.log[-1_000:] for one in silent if one.process.poll() is None]
            for partition, some in sent.items():
                more = events(200, len(some))
                records.send(settings.events, more, partition)
                some += more
            time.sleep(0.3)
        for one in silent:
            assert one.process.returncode == 1
            assert "Nothing has moved for 5 s although there is something to read" in one.log, one.log[-3_000:]
    with RealWorker(settings, tmp_path, "next"):
        end(records)
        until_told(records, sent)


def test_what_could_not_be_sent_while_the_broker_was_away_is_not_late(
    broker: Broker, settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    quiet_s = 8
    sent: dict[int, list[bytes]] = {0: [], 1: []}

    def happened(at_s: float) -> None:
        for partition, some in sent.items():
            more = [
                b'{"type":"contact.opened","time":%d,"contact":"c%d"}' % (at_s * 1_000 + n, len(some) + n)
                for n in range(9)
            ]
            records.send(settings.events, more, partition)
            some += more

    with RealWorker(settings, tmp_path, quiet_us=quiet_s * S) as worker:
        until(lambda: worker.log.count("taken over") == 2, "not begun")
        happened(time.time())
        until(lambda: sum(len(some) for some in told_rows(records).values()) == 18, "the clock does not run")
        broker.kill()
        away_s = time.time()
        time.sleep(quiet_s + 1)
        broker.start()
        time.sleep(1.5)  # Meanwhile the broker says that nothing lies there, at which a running clock would run on.
        happened(away_s + 1)
        happened(time.time())
        until_told(records, sent)
