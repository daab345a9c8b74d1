"""The second path: what is raised is told while it lasts and once more when it is over, again when Alertmanager was away, and names nobody."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from alerts import alertmanager
from alerts.alertmanager import ACTIVE_MAX, BREACH_S, Address, Alertmanager, active_in

NOW_S = 1_790_000_000


class Receiver:
    """An Alertmanager that keeps what it is told, and answers what it is told to."""

    def __init__(self) -> None:
        self.told: list[list[dict[str, Any]]] = []
        self.status = 200
        self.url = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    held = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            assert self.path == "/am/api/v2/alerts"
            held.told.append(body)
            self.send_response(held.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_port}/am/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield held
    server.shutdown()
    server.server_close()


def condition(**of: str) -> dict[str, Any]:
    return {
        "name": "queue_long",
        "severity": "critical",
        "of": of,
        "since_us": NOW_S * 10**6,
        "measure": "waiting",
        "figure": "60",
        "limit": "50",
    }


def breach(at_s: float, **more: str) -> dict[str, Any]:
    return {
        "id": "1",
        "at_us": int(at_s * 1e6),
        "commitment": "wait",
        "step": "broken",
        "contact": "SECRET",
        "agent": "Li Na",
        "since_us": 0,
        **more,
    }


def facts(conditions: Any = (), alarms: Any = (), at_s: float = NOW_S) -> dict[str, Any]:
    return {"as_of_us": int(at_s * 1e6), "conditions": list(conditions), "alarms": list(alarms)}


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def sender(receiver: Receiver) -> Iterator[Alertmanager]:
    held = Alertmanager(Address(receiver.url), clock=lambda: NOW_S)
    held.start()
    yield held
    held.stop()


def test_what_is_raised_is_told_once_and_its_end_too(receiver: Receiver, sender: Alertmanager) -> None:
    for _ in range(3):
        sender.offer(facts([condition(queue="q", tenant="")]))
        until(lambda: sender.active_count == 1)
    assert len(receiver.told) == 1, "it has not changed"
    (alert,) = receiver.told[0]
    assert alert["labels"] == {
        "alertname": "QueueLong", "severity": "critical", "level": "manager", "queue": "q", "origin": "floorwatch", "path": "direct",
    }  # fmt: skip
    assert alert["startsAt"] == "2026-09-21T14:13:20.000+00:00"
    assert alert["endsAt"] > alert["startsAt"]
    sender.offer(facts())
    until(lambda: sender.active_count == 0)
    assert receiver.told[1][0]["labels"] == alert["labels"]
    assert receiver.told[1][0]["endsAt"] == "2026-09-21T14:13:20.000+00:00"
    assert sender.active_count == 0


def test_what_is_active_is_told_again_before_alertmanager_forgets_it(
    receiver: Receiver, sender: Alertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alertmanager, "RESEND_S", 0.05)
    sender.offer(facts([condition(queue="q")]))
    until(lambda: sender.active_count == 1)
    time.sleep(0.1)
    sender.offer(facts([condition(queue="q")]))
    until(lambda: len(receiver.told) == 2)


def test_an_alertmanager_that_was_away_gets_everything_when_it_is_back(
    receiver: Receiver, sender: Alertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alertmanager, "BACKOFF_S", 0.01)
    receiver.status = 503
    sender.offer(facts([condition(queue="q")]))
    until(lambda: sender.outcomes["refused"] == 1)
    assert sender.active_count == 0
    receiver.status = 200
    sender.offer(facts([condition(queue="q")]))
    until(lambda: sender.active_count == 1)
    assert sender.outcomes == {"refused": 1, "delivered": 1}


def test_where_nobody_listens_it_is_counted_and_nobody_waits() -> None:
    sender = Alertmanager(Address("http://127.0.0.1:9"))
    sender.start()
    began = time.monotonic()
    sender.offer(facts([condition(queue="q")]))
    assert time.monotonic() - began < 0.1
    until(lambda: sender.outcomes["unreached"] == 1)
    sender.stop()


def test_breaches_of_one_commitment_and_group_are_one_alert_for_their_time(
    receiver: Receiver, sender: Alertmanager
) -> None:
    of = {"queue": "q", "tenant": "shop", "tier": "ka"}
    sender.offer(
        facts(alarms=[breach(NOW_S - 2, **of), breach(NOW_S - 1, **of), breach(NOW_S - 2 * BREACH_S, queue="old")])
    )
    until(lambda: len(receiver.told) == 1)
    (alert,) = receiver.told[0]
    assert alert["labels"]["commitment"] == "wait"
    assert alert["labels"]["severity"] == "critical", "key accounts come first"
    assert alert["startsAt"].endswith("13:18.000+00:00")
    until(lambda: sender.active_count == 1)
    sender.offer(facts(at_s=NOW_S + BREACH_S / 2))
    time.sleep(0.1)
    assert sender.active_count == 1, "the facts forgot it, the alert did not"
    sender.offer(facts(at_s=NOW_S + BREACH_S + 1))
    until(lambda: sender.active_count == 0)
    assert len(receiver.told) == 2


def test_contacts_and_people_are_nowhere_in_it() -> None:
    told = str(list(active_in(facts([condition(queue="q")], [breach(NOW_S, queue="q")]))))
    assert "SECRET" not in told and "Li Na" not in told


def test_warnings_and_what_a_condition_raised_besides_are_no_breaches() -> None:
    alarms = [breach(NOW_S) | {"step": "warned"}, breach(NOW_S) | {"group": "queue=q", "commitment": "queue_long"}]
    assert list(active_in(facts(alarms=alarms))) == []


def test_too_many_at_once_are_counted_and_not_told(receiver: Receiver, sender: Alertmanager) -> None:
    sender.offer(facts(condition(queue=f"q{number}") for number in range(ACTIVE_MAX + 5)))
    until(lambda: sender.active_count == ACTIVE_MAX)
    assert sender.overflow_count == 5


@pytest.mark.parametrize("url", ["", "am:9093", "ftp://am", "http://", "http://me:secret@am", "http://am:port"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Address(url)
