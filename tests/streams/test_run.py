"""`floorwatch run` as a process: it starts, refuses, ends and dies the way its operator is told."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-c", "from streams.run import run; run(prog_name='floorwatch run')"]
ROOT = Path(__file__).parents[2]
COUNTED = ("waiting", "in_service", "offered", "queued", "answered", "abandoned", "left_queue", "breaches", "agents")


class Service:
    """A running process, asked over HTTP."""

    def __init__(self, data: Path, *options: str) -> None:
        self.process = launch("--port", "0", "--data", str(data), *options)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"no address in {line!r}; {self.process.communicate()[1]}"
        self.url = found[0].rstrip("/")

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read()  # type: ignore[no-any-return]

    def post(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        body = "\n".join(json.dumps(event) for event in events).encode()
        with urllib.request.urlopen(self.url + "/v1/events", body, timeout=60) as answer:
            return json.loads(answer.read())  # type: ignore[no-any-return]

    def catch_up(self, at_ms: int = 0) -> int:
        """Tells of the present, so that a clock that stood still for what came late runs at once; returns how many events that were."""
        beat = {"type": "source.heartbeat", "time": at_ms or time.time_ns() // 1_000_000, "source": "crm"}
        return int(self.post([beat])["accepted"])

    def now(self) -> dict[str, Any]:
        return json.loads(self.get("/api/v1/now"))  # type: ignore[no-any-return]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def launch(*options: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if name != "FLOORWATCH_TOKEN"}
    return subprocess.Popen(
        [*COMMAND, *options], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@contextmanager
def running(data: Path, *options: str) -> Iterator[Service]:
    service = Service(data, *options)
    try:
        yield service
    finally:
        service.process.kill()
        service.process.communicate()


def refused(*options: str) -> tuple[int, str]:
    process = launch(*options)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    return process.returncode, said


class Floor:
    """Contacts that live in the present: each call tells what happened since the last one."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0
        self.waiting: list[str] = []
        self.serving: list[str] = []

    def events(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        for _ in range(20):
            self.count += 1
            self._tell(
                told, "contact.queued", f"c{self.count}", queue=f"q{self.count % 3}", tenant="shop", channel="app"
            )
            self.waiting.append(f"c{self.count}")
        for _ in range(12):
            contact = self.waiting.pop(self.random.randrange(len(self.waiting)))
            if self.random.random() < 0.2:
                self._tell(told, "contact.abandoned", contact)
            else:
                self._tell(told, "contact.answered", contact, agent=f"a{self.count % 7}")
                self.serving.append(contact)
        for _ in range(min(6, len(self.serving))):
            self._tell(told, "contact.closed", self.serving.pop(0))
        return told

    def _tell(self, told: list[dict[str, Any]], kind: str, contact: str, **more: str) -> None:
        stamp = time.time_ns() // 1_000_000
        told.append({"type": kind, "time": stamp, "id": f"{kind}-{contact}", "contact": contact, **more})


def figures(facts: dict[str, Any]) -> dict[str, Any]:
    """Everything that is counted, by rollup and group."""
    return {
        rollup: sorted(
            ({name: value for name, value in row.items() if name in (*COUNTED, *rollup.split(","))} for row in rows),
            key=json.dumps,
        )
        for rollup, rows in facts["groups"].items()
    }


def settled(service: Service, events: int) -> dict[str, Any]:
    """The facts once the watermark has passed everything that was told before the call."""
    told_us = time.time_ns() // 1_000
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        facts = service.now()
        unique = facts["counters"]["events"] - facts["counters"]["duplicates"]
        if (facts["watermark_us"] or 0) > told_us and unique >= events:
            return facts
        time.sleep(0.2)
    raise AssertionError(f"not settled: {facts}")


def test_it_says_where_the_wall_is_serves_it_and_ends_cleanly(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with running(tmp_path / "data") as service:
            assert b"main.js" in service.get("/")
            assert json.loads(service.get("/readyz")) == {"ready": True}
            assert json.loads(service.get("/healthz")) == {"alive": True}
            assert b"floorwatch_ready 1.0" in service.get("/metrics")
            assert service.end(number) == 0
            assert service.process.communicate()[1] == ""
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_figures_reach_the_wall_the_api_and_prometheus_alike(tmp_path: Path) -> None:
    floor = Floor(1)
    with running(tmp_path, "--disorder", "500ms") as service:
        told = [floor.events() for _ in range(3)]
        for events in told:
            assert service.post(events)["accepted"] == len(events)
        facts = settled(service, sum(map(len, told)))
        total = facts["groups"]["total"][0]
        assert total["offered"] == total["queued"] == 60
        assert total["waiting"] == len(floor.waiting) == 60 - total["answered"] - total["abandoned"]
        assert total["in_service"] == len(floor.serving)
        nothing = 'category="",channel="",queue="",region="",rollup="total",tenant=""'
        assert f"floorwatch_waiting_contacts{{{nothing}}} {total['waiting']}.0" in service.get("/metrics").decode()
        with urllib.request.urlopen(service.url + "/api/v1/stream", timeout=60) as stream:
            while not (line := stream.readline()).startswith(b"data: "):
                pass
        assert json.loads(line[6:])["groups"]["total"][0]["waiting"] == total["waiting"]


def test_a_process_killed_between_batches_goes_on_with_the_very_same_figures(tmp_path: Path) -> None:
    floor = Floor(2)
    options = ("--snapshot-every", "700ms")
    with running(tmp_path / "whole", *options) as whole:
        victim = Service(tmp_path / "killed", *options)
        try:
            told = 0
            for turn in range(12):
                events = floor.events()
                told += len(events)
                for service in (whole, victim):
                    service.post(events)
                if turn in (3, 8):
                    victim.process.kill()
                    victim.process.communicate()
                    victim = Service(tmp_path / "killed", *options)
                    for service in (whole, victim):
                        service.post(events)
                time.sleep(0.15)
            expected, found = settled(whole, told), settled(victim, told)
            assert found["counters"] == expected["counters"]
            assert found["counters"]["duplicates"] > 0
            assert found["counters"]["late"] == found["counters"]["dropped"] == 0
            assert figures(found) == figures(expected)
            assert found["groups"]["total"][0]["offered"] == floor.count
        finally:
            victim.process.kill()
            victim.process.communicate()


def test_a_process_killed_while_it_takes_a_batch_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    floor = Floor(3)
    told = 0
    for delay_s in (0.002, 0.01, 0.03):
        with running(tmp_path, "--snapshot-every", "1s") as service:
            unacknowledged: list[list[dict[str, Any]]] = [floor.events() for _ in range(30)]
            told += sum(map(len, unacknowledged))

            def send(service: Service = service, left: list[list[dict[str, Any]]] = unacknowledged) -> None:
                while left:
                    try:
                        service.post(left[0])
                    except (OSError, urllib.error.URLError, ValueError):
                        return
                    left.pop(0)

            sender = threading.Thread(target=send)
            sender.start()
            time.sleep(delay_s)
            service.process.kill()
            sender.join()
        with running(tmp_path) as service:
            for events in unacknowledged:
                service.post(events)
            told += service.catch_up()
            facts = settled(service, told)
            assert facts["counters"]["events"] - facts["counters"]["duplicates"] == told
            assert facts["groups"]["total"][0]["offered"] == floor.count
            assert facts["groups"]["total"][0]["waiting"] == len(floor.waiting)


def test_a_clean_end_and_a_new_start_change_no_figure(tmp_path: Path) -> None:
    floor = Floor(4)
    with running(tmp_path) as service:
        events = floor.events()
        service.post(events)
        service.post([{"type": "contact.unheard", "time": 0}, *events])
        expected = settled(service, len(events))
        assert service.end() == 0
    with running(tmp_path) as service:
        found = service.now()
        assert found["counters"] == expected["counters"]
        assert found["counters"]["rejected"] == {"unknown_type": 1}
        assert figures(found) == figures(expected)


def test_filling_in_the_last_hour_makes_nothing_late(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        begin_ms = time.time_ns() // 1_000_000 - 3_600_000
        number = 0
        for batch in range(6):
            end_ms = time.time_ns() // 1_000_000 if batch == 5 else begin_ms + 600_000
            events = []
            for stamp in range(begin_ms, end_ms, 20_000):
                number += 1
                events.append({"type": "contact.queued", "time": stamp, "id": f"i{number}", "contact": f"c{number}"})
            service.post(events)
            time.sleep(0.5)
            begin_ms = end_ms
        last = time.time_ns() // 1_000_000
        service.post([{"type": "contact.queued", "time": last, "id": "last", "contact": "last"}])
        facts = settled(service, number + 1)
        assert facts["service"]["clock_running"] is True
        assert facts["counters"]["late"] == facts["counters"]["dropped"] == 0
        assert facts["groups"]["total"][0]["waiting"] == number + 1


def test_a_port_in_use_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = refused("--port", str(taken.getsockname()[1]), "--data", str(tmp_path))
    assert code == 1
    assert "is in use" in said
    assert len(said.splitlines()) == 1


def test_another_address_without_a_token_is_wrong_usage(tmp_path: Path) -> None:
    code, said = refused("--host", "0.0.0.0", "--data", str(tmp_path))
    assert code == 2
    assert "without a token" in said


@pytest.mark.parametrize(
    "options",
    [("--zone", "Mars/Base"), ("--port", "99999"), ("--disorder", "soon"), ("--token-file", "/nowhere/token")],
)
def test_a_wrong_setting_is_wrong_usage(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert refused("--data", str(tmp_path), *options)[0] == 2


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    with running(tmp_path):
        code, said = refused("--port", "0", "--data", str(tmp_path))
    assert code == 1
    assert "in use by another process" in said


def test_a_torn_journal_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.post(Floor(5).events())
        service.end()
    path = tmp_path / "journal.sqlite"
    path.write_bytes(path.read_bytes()[:5_000])
    code, said = refused("--port", "0", "--data", str(tmp_path))
    assert code == 1
    assert "is damaged" in said
    assert path.stat().st_size == 5_000


def test_the_token_opens_a_service_and_is_never_printed(tmp_path: Path) -> None:
    token = "correct-horse-battery"
    (tmp_path / "token").write_text(token + "\n")
    with running(tmp_path / "data", "--token-file", str(tmp_path / "token")) as service:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            service.get("/api/v1/now")
        request = urllib.request.Request(service.url + "/api/v1/now", headers={"Authorization": f"Bearer {token}"})
        assert urllib.request.urlopen(request, timeout=60).status == 200
        assert service.end() == 0
        assert token not in "".join(service.process.communicate())
