"""Who may read what of a running service: by page, by stream and by API, over real sockets, and what is recorded of refusals."""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from streams.access import ROLES, Access, path_of
from streams.refusals import REASONS
from streams.tokens import Revoked, append, made
from tests.streams.test_run import launch

SERVICE_TOKEN = "the-token-of-the-service"
LAYOUT = "screens:\n  ours: {pages: [queues, shops], tenants: [shop-a], queues: [shop-b only]}\n  theirs: {tenants: [shop-b]}\n"
READING = (
    "/api/v1/now",
    "/api/v1/people",
    "/api/v1/history",
    "/api/v1/screens/ours",
    "/api/v1/policy",
    "/metrics",
    "/api/v1/me",
    "/",
)


class House:
    """A service with two shops in it, and tokens for it by name."""

    def __init__(self, folder: Path) -> None:
        self.data, self.tokens = folder / "data", folder / "tokens.jsonl"
        self.given = {
            name: self.give(name, *scope)
            for name, scope in {
                "shop-a": ("viewer", ("shop-a",), None), "queues": ("viewer", None, ("queues",)), "whole": ("viewer", None, None),
                "supervisor": ("supervisor", None, None), "admin": ("admin", None, None), "leaver": ("viewer", ("shop-a",), None),
            }.items()
        }  # fmt: skip
        self.given["service"] = SERVICE_TOKEN
        for name, text in (("wall.yaml", LAYOUT), ("service.token", SERVICE_TOKEN)):
            (folder / name).write_text(text)
        self.process = launch(
            "--port", "0", "--data", str(self.data), "--tokens", str(self.tokens), "--token-file", str(folder / "service.token"),
            "--wall", str(folder / "wall.yaml"), "--alerts", "default",
        )  # fmt: skip
        assert self.process.stdout
        self.address = re.findall(r"127.0.0.1:\d+", self.process.stdout.readline())[0]

    def give(self, name: str, role: str, tenants: Any, pages: Any) -> str:
        line, given = made(name, role, tenants, pages, None)
        append(self.tokens, line)
        return given

    def ask(self, path: str, who: str | None, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        """Status and text of an answer."""
        if who is not None:
            headers["Authorization"] = f"Bearer {self.given.get(who, who)}"
        asked = urllib.request.Request(f"http://{self.address}{path}", body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stream(self, who: str, query: str = "") -> "Stream":
        return Stream(self.address, self.given[who], query)

    def refused(self) -> dict[str, float]:
        """Counts by reason, of a publishing that begins after now."""
        version = json.loads(self.ask("/api/v1/now", "service")[1])["service"]["version"]
        while json.loads(self.ask("/api/v1/now", "service")[1])["service"]["version"] == version:
            time.sleep(0.05)
        found = re.findall(
            r'floorwatch_refused_requests_total\{reason="(\w+)"\} (\S+)', self.ask("/metrics", "service")[1]
        )
        return {reason: float(count) for reason, count in found}


class Stream:
    """A stream that is read message by message."""

    def __init__(self, address: str, given: str, query: str) -> None:
        self.connection = HTTPConnection(address, timeout=8)
        self.connection.request("GET", f"/api/v1/stream{query}", headers={"Authorization": f"Bearer {given}"})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def message(self) -> str:
        """The next one with figures; "" when it ended."""
        while line := self.answer.readline().decode():
            if line.startswith("data: ") and len(line) > 300:
                return line
        return ""


def _heartbeat() -> bytes:
    return json.dumps({"type": "source.heartbeat", "time": time.time_ns() // 1_000_000, "source": "crm"}).encode()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    now_ms = time.time_ns() // 1_000_000
    events = []
    for shop in ("shop-a", "shop-b"):
        about = {"tenant": shop, "channel": "app", "queue": f"{shop} only", "contact": f"{shop}/c"}
        events += [
            {"type": "agent.state", "time": now_ms - 60_000, "agent": f"{shop}/agent", "tenant": shop, "state": "available"},
            {"type": "contact.queued", "time": now_ms - 40_000, **about},
            {"type": "case.opened", "time": now_ms - 40_000, "case": f"{shop}/case", "kind": "outage", "tenant": shop},
        ]  # fmt: skip
    body = "\n".join(json.dumps(event) for event in events).encode() + b"\n" + _heartbeat()
    assert house.ask("/v1/events", "service", body)[0] == 200
    deadline = time.monotonic() + 60
    while [row["waiting"] for row in json.loads(house.ask("/api/v1/now", "whole")[1])["groups"].get("total", ())] != [
        2
    ]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield house
    house.process.terminate()
    house.process.communicate(timeout=60)


def test_a_viewer_of_one_shop_sees_nothing_of_another(house: House) -> None:
    for path in READING:
        status, text = house.ask(path, "shop-a")
        assert status == 200, path
        assert "shop-b" not in text, path
    for path in ("/api/v1/now", "/api/v1/people", "/metrics"):
        assert "shop-a" in house.ask(path, "shop-a")[1], path
        assert "shop-b" in house.ask(path, "whole")[1], path
    [total] = json.loads(house.ask("/api/v1/now", "shop-a")[1])["groups"]["total"]
    assert (total["waiting"], total["agents"]["available"]) == (1, 1)
    stream = house.stream("shop-a")
    told = stream.message()
    assert "shop-a" in told
    assert "shop-b" not in told


def test_a_viewer_who_asks_for_more_is_refused_and_counted(house: House) -> None:
    before = house.refused()
    for path, status in (
        ("/api/v1/history?rollup=queue", 403), ("/api/v1/stream?tenant=shop-b", 403), ("/api/v1/stream?tenant=shop-a&first=shop-b", 403),
        ("/v1/events", 403), ("//api/v1/now", 403), ("/api/v1/now/", 403), ("/api/v2/now", 403), ("/api/v1/screens/theirs", 404),
        ("/api/v1/screens/../policy", 404),
    ):  # fmt: skip
        got, text = house.ask(path, "shop-a")
        assert (got, "shop-b" in text) == (status, False), path
    after = house.refused()
    assert {name: after[name] - before[name] for name in ("tenant", "role")} == {"tenant": 3, "role": 4}


def test_a_viewer_of_one_page_gets_no_other(house: House) -> None:
    for path, status in (("/api/v1/people", 403), ("/api/v1/history", 403), ("/metrics", 403), ("/api/v1/now", 200)):
        assert house.ask(path, "queues")[0] == status, path
    facts = json.loads(house.ask("/api/v1/now", "queues")[1])
    assert set(facts["groups"]) == {"queue"}
    assert not {"alarms", "cases", "agents"} & set(facts)
    assert json.loads(house.ask("/api/v1/screens/ours", "queues")[1])["pages"] == ["queues"]


@pytest.mark.parametrize("who", ["whole", "supervisor", "admin", "service"])
def test_only_who_governs_may_send_and_change(house: House, who: str) -> None:
    allowed = who in ("admin", "service")
    assert house.ask("/v1/events", who, _heartbeat())[0] == (200 if allowed else 403)
    assert house.ask("/api/v1/policy", who, b"rubbish: [")[0] == (422 if allowed else 403)


@pytest.mark.parametrize("who", ["whole", "shop-a", "supervisor", "admin"])
def test_only_who_may_acknowledge_acts_on_alerts_and_others_are_written_down(house: House, who: str) -> None:
    status, _ = house.ask("/api/v1/alerts/none/acknowledge", who, b"{}")
    assert status == (409 if who in ("supervisor", "admin") else 403)
    if status == 403:
        record = json.loads((house.data / "audit.jsonl").read_text().splitlines()[-1])
        assert {"is": "refusal", "reason": "role", "name": who, "path": "alerts"}.items() <= record.items()
    assert house.ask("/api/v1/alerts", who)[0] == 200


def test_who_has_no_token_or_a_wrong_one_gets_nothing_and_is_counted(house: House) -> None:
    before = house.refused()
    for path in ("/api/v1/now", "/api/v1/stream", "/metrics", "/main.js"):
        assert house.ask(path, None)[0] == house.ask(path, "fw_000000000000_wrong")[0] == 401
    assert house.ask("/api/v1/now", None, Cookie="floorwatch=service.99999999999.00")[0] == 401
    counted = house.refused()
    assert [counted[reason] - before[reason] for reason in ("no_token", "wrong_token", "wrong_session")] == [4, 4, 1]
    assert set(counted) == set(REASONS)


def test_a_revoked_token_ends_its_stream_and_its_cookie(house: House) -> None:
    given = house.given["leaver"]
    connection = HTTPConnection(house.address, timeout=8)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", urllib.parse.urlencode({"token": given}), kind)
    answer = connection.getresponse()
    cookie = str(answer.getheader("Set-Cookie")).split(";")[0]
    assert (answer.status, given in cookie) == (303, False)
    assert house.ask("/api/v1/now", None, Cookie=cookie)[0] == 200
    stream = house.stream("leaver")
    assert stream.message()
    append(house.tokens, Revoked(given.split("_")[1], datetime.now(UTC)))
    started = time.monotonic()
    while stream.message():
        assert time.monotonic() - started < 5
    assert house.ask("/api/v1/now", "leaver")[0] == 401
    assert house.ask("/api/v1/now", None, Cookie=cookie)[0] == 401


def test_what_was_refused_is_written_down_without_any_token_or_path_of_theirs(house: House) -> None:
    house.ask("/api/v1/now?token=" + house.given["whole"], "shop-b?")
    house.ask("/" + house.given["whole"], "shop-a")
    records = [json.loads(line) for line in (house.data / "audit.jsonl").read_text().splitlines()]
    assert {"is": "refusal", "reason": "role", "name": "shop-a", "path": "other"}.items() <= records[-1].items()
    assert {record["is"] for record in records} == {"refusal", "act"}
    everything = (
        b"".join(path.read_bytes() for path in house.data.rglob("*") if path.is_file()) + house.tokens.read_bytes()
    )
    for given in house.given.values():
        assert given.encode() not in everything
        assert given.split("_", 2)[-1].encode() not in everything
    assert not any(given in house.ask("/metrics", "service")[1] for given in house.given.values())


@pytest.mark.parametrize("role", ROLES)
def test_a_path_that_nobody_put_into_the_table_is_for_administrators(role: str) -> None:
    refusal = Access("", "", role).refusal(path_of("GET", "/api/v1/added-later"))
    assert (refusal is None) == (role == "admin")
    assert path_of("HEAD", "/api/v1/now") == path_of("GET", "/api/v1/now")
    assert path_of("DELETE", "/api/v1/now").right == "govern"


def test_a_service_whose_tokens_cannot_be_read_does_not_start(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.jsonl"
    tokens.write_text("\n{broken\n")
    for path in (tokens, tmp_path / "nowhere"):
        process = launch("--port", "0", "--data", str(tmp_path / "data"), "--tokens", str(path))
        _, told = process.communicate(timeout=60)
        assert process.returncode == 2, told
        assert str(path) in told
        assert "Traceback" not in told
