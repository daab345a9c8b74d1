"""Gateway, workers and the engine that merges their steps, against a real broker: what goes in over HTTP is what the report tells."""

import gzip
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboards.cluster import HUBS
from engine.events import decode
from streams.cli import _run
from streams.kafka.gateway_command import gateway as gateway_line
from streams.kafka.senders import partition_of
from streams.kafka.settings import KafkaSettings
from tests.dashboards.scraped import scraped
from tests.kafka.broker import Broker
from tests.kafka.real_worker import steps_that_count
from tests.kafka.records import Records
from tests.kafka.worker import ROOT, until
from tests.streams.test_attacks import certificate

BANK = ROOT / "tests" / "fixtures" / "bank_days.jsonl.gz"
SECRET = "s" * 32
TOKEN = "t" * 20
#: Whoever touches a new engine first has to wait for its machine code.
COMPILED_S_MAX = 150


@pytest.fixture
def settings(settings: KafkaSettings) -> KafkaSettings:
    return replace(settings, partitions=3, session_timeout_s=3.0, commit_interval_s=0.3)


@pytest.fixture(autouse=True)
def topics(settings: KafkaSettings, records: Records) -> None:
    for topic in settings.topics:
        records.create(topic)


def environment(settings: KafkaSettings) -> dict[str, str]:
    return os.environ | {
        "FLOORWATCH_KAFKA_BOOTSTRAP": ",".join(settings.bootstrap), "FLOORWATCH_KAFKA_PREFIX": settings.prefix,
        "FLOORWATCH_KAFKA_PARTITIONS": str(settings.partitions), "FLOORWATCH_KAFKA_SECRET": SECRET,
        "FLOORWATCH_TOKEN": TOKEN,
    }  # fmt: skip


@contextmanager
def gateway(settings: KafkaSettings, folder: Path, *more: str) -> Iterator[str]:
    """The real command; gives the address that it says."""
    command = [
        sys.executable,
        "-m",
        "streams",
        "gateway",
        "--listen",
        "127.0.0.1:0",
        "--data",
        str(folder / "gateway"),
        *more,
    ]
    with subprocess.Popen(command, cwd=ROOT, env=environment(settings), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert "Events are taken at" in said
            yield said.split()[-1]
        finally:
            process.terminate()
        assert process.wait(60) == 0


def post(address: str, lines: list[bytes], token: str = TOKEN, source: str = "bank") -> int:
    headers = {"Authorization": f"Bearer {token}", "source": source}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, b"\n".join(lines), headers), timeout=40) as answer:
            assert json.loads(answer.read())["accepted"] == len(lines)
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_gateway_with_a_certificate_takes_events_over_tls_only(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    line = b'{"type":"contact.queued","time":1700000000000,"contact":"c-1","queue":"sales","channel":"app"}'
    with gateway(settings, tmp_path, "--tls-cert", str(cert), "--tls-key", str(key)) as address:
        assert address.startswith("https://127.0.0.1:")
        request = urllib.request.Request(address, line, {"Authorization": f"Bearer {TOKEN}", "source": "bank"})
        with urllib.request.urlopen(request, timeout=60, context=ssl.create_default_context(cafile=cert)) as answer:
            assert json.loads(answer.read())["accepted"] == 1
        with pytest.raises(OSError):
            urllib.request.urlopen(address.replace("https", "http", 1), timeout=60)
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(request, timeout=60)
    (kept,) = records.read(settings.events)
    assert b'"c-1"' in (kept.value or b"")


def test_a_gateway_without_the_key_of_its_certificate_does_not_start(
    settings: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORWATCH_KAFKA_SECRET", SECRET)
    cert, _ = certificate(tmp_path)
    asked = ["--bootstrap", settings.bootstrap[0], "--data", str(tmp_path / "data"), "--tls-cert", str(cert)]
    done = CliRunner().invoke(gateway_line, asked)
    assert (done.exit_code, "give --tls-cert and --tls-key" in done.output) == (2, True)


def test_lines_of_one_contact_go_to_one_partition_and_customers_are_not_named(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    told = [("contact", "c%d"), ("agent", "a%d"), ("case", "k%d")]
    types = {"contact": "contact.opened", "agent": "agent.state", "case": "case.progressed"}
    lines = [
        json.dumps({"type": types[name], "time": 1_700_000_000_000 + n, name: form % n, "state": "available",
                    "id": f"{name}{n}", "customer": "Zhang San"} ).encode()
        for n in range(100) for name, form in told
    ]  # fmt: skip
    with gateway(settings, tmp_path) as address:
        assert post(address, lines) == post(address, lines) == 200
        assert post(address, lines, token="w" * 20) == 401
        with urllib.request.urlopen(address.replace("/v1/events", "/healthz")) as answer:
            assert answer.status == 200
    found: Counter[tuple[int, bytes]] = Counter()
    kept = records.read(settings.events)
    for record in kept:
        assert dict(record.headers) == {"source": b"bank", "scrubbed": b"1"}
        found.update((record.partition, line) for line in record.value.split(b"\n"))
    assert len(kept) == 2 * settings.partitions, "packed: one record for each body and partition"
    assert set(found.values()) == {2}
    for (partition, line), _ in found.items():
        event = json.loads(line)
        name = event.get("contact") or event.get("agent") or event.get("case")
        assert partition == partition_of(name, settings.partitions)
        assert re.fullmatch(r"[0-9a-f]{16}", event["customer"])


def test_the_gateway_acknowledges_only_what_the_broker_has(
    broker: Broker, settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    acknowledged: set[int] = set()
    stop = threading.Event()

    def send(address: str, sender: int) -> None:
        for n in range(sender, 1_000_000, 4):
            if stop.is_set():
                return
            line = b'{"type":"contact.opened","time":1700000000000,"contact":"c%d","id":"i%d"}' % (n, n)
            status = post(address, [line])
            assert status in (200, 429, 503, 504)
            if status == 200:
                acknowledged.add(n)

    with gateway(settings, tmp_path) as address:
        senders = [threading.Thread(target=send, args=(address, n)) for n in range(4)]
        for one in senders:
            one.start()
        until(lambda: len(acknowledged) > 50, "nothing was acknowledged")
        broker.kill()
        before = len(acknowledged)
        time.sleep(1)
        assert len(acknowledged) <= before + len(senders), "acknowledged without a broker"
        broker.start()
        until(lambda: len(acknowledged) > before + 100, "it did not come back")
        stop.set()
        for one in senders:
            one.join()
    kept = {
        int(json.loads(line)["id"][1:])
        for record in records.read(settings.events)
        for line in record.value.split(b"\n")
    }
    assert acknowledged <= kept


def test_a_gateway_or_worker_without_a_secret_is_refused_and_none_is_shown(settings: KafkaSettings) -> None:
    for role, secret, said in (("gateway", "", "No secret is set"), ("worker", "short", "must have 16 to 512 bytes")):
        told = environment(settings) | {"FLOORWATCH_KAFKA_SECRET": secret}
        command = [sys.executable, "-m", "streams", role]
        done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert said in done.stderr
        assert "short" not in done.stderr


def test_the_worker_command_counts_says_how_it_fares_and_stops(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    lines = [b'{"type":"contact.opened","time":1700000000000,"contact":"c%d"}' % n for n in range(500)]
    policy = tmp_path / "policy.yaml"
    policy.write_text("measures: [first_human_reply]\n")
    command = [sys.executable, "-m", "streams", "worker", "--vitals", "127.0.0.1:0", "--policy", str(policy)]
    with subprocess.Popen(command, cwd=ROOT, env=environment(settings), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = process.stderr.readline().split()[-1]
            records.send(settings.events, lines)

            def told() -> str:
                with urllib.request.urlopen(address) as answer:
                    return str(answer.read().decode())

            until(lambda: "floorwatch_worker_events_total 500.0" in told(), "not counted")
            assert 'floorwatch_worker_lag_events{partition="0"} 0.0' in told()
            assert "floorwatch_worker_events_total" in scraped(address)
            assert urllib.request.urlopen(address.replace("metrics", "readyz")).status == 200
        finally:
            process.terminate()
            rest = process.stderr.read()
        assert process.wait(60) == 0, rest
    assert SECRET not in rest
    assert "taken over in" in rest
    assert sum(records.committed(settings.events).values()) == 500


def test_the_bank_calls_give_the_report_of_replay_while_workers_come_and_are_killed_and_the_hub_shows_them(
    settings: KafkaSettings, records: Records, tmp_path: Path
) -> None:
    lines = gzip.decompress(BANK.read_bytes()).splitlines()
    last_us = int(decode(b"\n".join(lines)).times_us.max())

    def command(*arguments: str) -> subprocess.Popen[str]:
        told = [sys.executable, "-m", "streams", *arguments, "--disorder", "10s"]
        return subprocess.Popen(
            told, cwd=ROOT, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def work(ending: ExitStack, name: str) -> subprocess.Popen[str]:
        worker = ending.enter_context(command("worker", "--vitals", "127.0.0.1:0", "--snapshot-every", name))
        ending.callback(worker.kill)
        return worker

    with ExitStack() as ending, gateway(settings, tmp_path) as address:
        first, third = work(ending, "1s"), len(lines) // 3 + 1
        for part in range(3):
            for begin in range(part * third, min((part + 1) * third, len(lines)), 1_000):
                assert post(address, lines[begin : min(begin + 1_000, (part + 1) * third)]) == 200
            until(lambda: steps_that_count(records), "no steps")
            if part < 2:
                work(ending, f"{part + 2}s")
        first.kill()
        told = [("source", b"bank"), ("finished", str(last_us).encode())]
        for partition in range(settings.partitions):
            records.send(settings.events, [b""], partition, told)
        ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
        said = ["--by", "queue", "--zone", "Asia/Shanghai", "--summary", str(tmp_path / "ours.json")]
        assert "floorwatch_gateway_events_total" in scraped(address.replace("/v1/events", "/metrics"), TOKEN)
        with command("hub", "--report", str(ours), *said) as reporting:
            assert reporting.wait(90) == 0, reporting.stderr and reporting.stderr.read()
        assert _run(["replay", str(BANK), "--report", str(theirs), "--by", "queue"]) == 0
        assert ours.read_bytes() == theirs.read_bytes()
        with command("hub", "--port", "0", "--data", str(tmp_path / "hub"), "--alerts", "default") as hub:
            assert hub.stdout is not None
            wall = hub.stdout.readline().split()[-1]
            asked = urllib.request.Request(f"{wall}api/v1/now", headers={"Authorization": f"Bearer {TOKEN}"})
            with urllib.request.urlopen(asked, timeout=60) as answer:
                now = json.loads(answer.read())
            assert now["counters"]["events"] == len(lines)
            told = scraped(f"{wall}metrics", TOKEN)
            assert {metric.name for metric in HUBS} <= told
            assert {"floorwatch_blind", "floorwatch_source_overdue", "floorwatch_alerts_leading"} <= told
            assert not {"floorwatch_backlog_bytes", "floorwatch_journal_commit_seconds"} & told, "a hub has neither"
            assert json.loads((tmp_path / "ours.json").read_text())["events"] == len(lines)
            hub.terminate()
            assert hub.wait(60) == 0
