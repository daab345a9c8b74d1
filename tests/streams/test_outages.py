"""Alertmanager's webhook: an alert becomes a case of kind outage, once, ends as it ends, and our own make none."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.events import decode
from streams.outages import ALERTS_MAX, OLDEST_MS, PATH, BadAlerts, events_of
from tests.streams.test_run import Service, running

NOW_MS = 1_790_000_000_000


def instant(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat().replace("+00:00", "Z")


def alert(status: str = "firing", starts_ms: int = NOW_MS - 5_000, **labels: str) -> dict[str, Any]:
    named = {"alertname": "PbxDown", "severity": "critical", "tenant": "shop-7", **labels}
    ends = instant(starts_ms + 4_000) if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "status": status,
        "labels": named,
        "annotations": {},
        "startsAt": instant(starts_ms),
        "endsAt": ends,
        "fingerprint": "f",
    }


def body(*alerts: dict[str, Any]) -> bytes:
    return json.dumps({"version": "4", "receiver": "cases", "alerts": alerts}).encode()


def test_an_alert_is_a_case_of_kind_outage_that_the_format_knows() -> None:
    (event,) = events_of(body(alert()), NOW_MS)
    assert event["type"] == "case.opened"
    assert (event["kind"], event["priority"], event["department"], event["tenant"]) == (
        "outage",
        "high",
        "technical",
        "shop-7",
    )
    assert event["time"] == NOW_MS - 5_000
    assert not decode(json.dumps(event).encode()).rejects


def test_the_same_alert_told_again_has_the_same_ids_and_another_firing_has_others() -> None:
    one, again, later = (
        events_of(body(alert(starts_ms=at)), NOW_MS)[0] for at in (NOW_MS - 5_000, NOW_MS - 5_000, NOW_MS - 1_000)
    )
    assert one == again
    assert one["case"] != later["case"]
    opened, resolved = events_of(body(alert("resolved")), NOW_MS)
    assert opened == one
    assert (resolved["type"], resolved["case"]) == ("case.resolved", one["case"])


def test_our_own_alerts_make_no_case() -> None:
    assert events_of(body(alert(origin="floorwatch")), NOW_MS) == []


def test_what_began_long_ago_still_counts() -> None:
    opened, resolved = events_of(body(alert("resolved", NOW_MS - 86_400_000)), NOW_MS)
    assert opened["time"] == NOW_MS - OLDEST_MS < resolved["time"]


@pytest.mark.parametrize("told", [
    b"", b"[]", b"{", b'{"alerts": 1}', b'{"alerts": [1]}', b'{"alerts": [{}]}', b'{"alerts": [{"labels": [], "startsAt": "x"}]}',
    body({**alert(), "startsAt": "2026-01-01T00:00:00"}), body({**alert(), "startsAt": 5}), body(*[alert()] * (ALERTS_MAX + 1)),
    b"[" * 100_000, b"\xff",
])  # fmt: skip
def test_what_is_no_notification_is_refused_whole(told: bytes) -> None:
    with pytest.raises(BadAlerts):
        events_of(told, NOW_MS)


def test_through_the_service_a_case_is_opened_once_and_resolved(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    with running(tmp_path) as service:
        for _ in range(2):
            assert posted(service, body(alert(starts_ms=now_ms - 5_000)))[0] == 200
        service.catch_up()
        opened = cases(service, 1)
        assert [row["kind"] for row in opened["rows"]] == ["outage"]
        assert posted(service, body(alert("resolved", now_ms - 5_000)))[0] == 200
        status, answer = posted(service, b"nonsense")
        assert status == 400 and "Nothing was stored" in answer["error"]
        counters = service.now()["counters"]
        assert counters["duplicates"] >= 1


def posted(service: Service, told: bytes) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(service.url + PATH, told, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def cases(service: Service, count: int) -> Any:
    deadline = time.monotonic() + 60
    while not (found := service.now().get("cases")) or found["count"] != count:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found
