"""The policy of a service as a process: reloaded by its file, a signal and HTTP, and the same again after a kill."""

import json
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.streams.replaying import FLOORWATCH
from tests.streams.test_run import Floor, Service, figures, running, settled


def in_force(service: Service) -> dict[str, Any]:
    return json.loads(service.get("/api/v1/policy"))  # type: ignore[no-any-return]


def until_it_says(service: Service, text: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (found := in_force(service))["text"] == text or text in "".join(found["refused"]):
            return found
        time.sleep(0.1)
    raise AssertionError(in_force(service))


def send(service: Service, text: str) -> dict[str, Any]:
    with urllib.request.urlopen(service.url + "/api/v1/policy", text.encode(), timeout=60) as answer:
        return json.loads(answer.read())  # type: ignore[no-any-return]


def test_a_file_a_signal_and_a_request_change_the_policy_of_a_running_service(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("limits: {wait: 60s}")
    with running(tmp_path / "data", "--policy", str(file)) as service:
        assert in_force(service)["text"] == "limits: {wait: 60s}"
        file.write_text("limits: {wait: 50s}")
        assert until_it_says(service, "limits: {wait: 50s}")["by"] == "file"
        file.write_text("limits: {wait: 40s}")
        service.process.send_signal(signal.SIGHUP)
        assert until_it_says(service, "limits: {wait: 40s}")["by"] in ("signal", "file")
        assert send(service, "limits: {wait: 30s}")["adopted"] is True
        assert in_force(service)["by"] == "api"
        file.write_text("limits: {wait: never}")
        found = until_it_says(service, "'never' is not a duration")
        assert (found["text"], found["by"]) == ("limits: {wait: 30s}", "api")
        assert b'floorwatch_policy_reloads_total{outcome="adopted"} 3.0' in _later(service, b'outcome="refused"')
        assert b"floorwatch_policy_loaded_timestamp_seconds" in service.get("/metrics")
        assert service.end() == 0
        assert f"{file}:1: 'never' is not a duration" in service.process.communicate()[1]


def _later(service: Service, text: bytes) -> bytes:
    deadline = time.monotonic() + 60
    while text not in (found := service.get("/metrics")):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_killed_around_reloads_it_goes_on_with_the_very_same_figures_and_alarms(tmp_path: Path) -> None:
    floor = Floor(5)
    policies = [f"limits: {{wait: {{limit: {limit}}}}}" for limit in ("1s", "none", "500ms", "2s")]
    options = ("--snapshot-every", "700ms")
    with running(tmp_path / "whole", *options) as whole:
        victim = Service(tmp_path / "killed", *options)
        try:
            told = 0
            for turn, policy in enumerate(policies):
                for _ in range(2):
                    events = floor.events()
                    told += len(events)
                    for service in (whole, victim):
                        service.post(events)
                    time.sleep(0.1)
                for service in (whole, victim):
                    assert send(service, policy)["adopted"] is True
                if turn % 2:
                    time.sleep(0.8)
                victim.process.kill()
                victim.process.communicate()
                victim = Service(tmp_path / "killed", *options)
                found = in_force(victim)
                assert (found["text"], found["by"]) == (policy, "api")
            now_ms = time.time_ns() // 1_000_000
            told += max(service.catch_up(now_ms) for service in (whole, victim))
            expected, found = settled(whole, told), settled(victim, told)
            assert found["counters"] == expected["counters"]
            assert {row["offered"] for row in found["groups"]["total"]} == {floor.count}
            for total in (found["groups"]["total"][0], expected["groups"]["total"][0]):
                assert total["breaches"] > 0
                # Both were told of each policy, but not at one instant.
                total["breaches"] = 0
            assert figures(found)["total"] == figures(expected)["total"]
        finally:
            victim.process.kill()
            victim.process.communicate()


def test_a_file_that_was_broken_meanwhile_does_not_keep_a_service_down_that_has_a_policy(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("limits: {wait: soon}")
    command = [FLOORWATCH, "run", "--port", "0", "--data", str(tmp_path / "data"), "--policy", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [f"Error: {file}:1: 'soon' is not a duration; write it like 30s, 15m, 1h30m or 250ms"],
    )
    assert not (tmp_path / "data").exists()
    file.write_text("limits: {wait: 60s}")
    with running(tmp_path / "data", "--policy", str(file)) as service:
        service.end()
    file.write_text("limits: {wait: soon}")
    with running(tmp_path / "data", "--policy", str(file)) as service:
        found = until_it_says(service, "'soon' is not a duration")
        assert (found["text"], found["by"]) == ("limits: {wait: 60s}", "start")
        assert service.end() == 0
        assert "The policy is refused, the one of before stays in force" in service.process.communicate()[1]
