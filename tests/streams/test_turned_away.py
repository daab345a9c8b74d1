"""Who is refused is seen to be refused, and by whom nobody is fooled: known sources only, until something of them is taken (C55)."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engine.times import HOUR_US, SECOND_US
from streams.gateway import Gateway
from streams.guard import Guard
from streams.journal import Journal
from streams.refusals import Refusals
from streams.settings import ServiceSettings
from streams.sources import REFUSING_S, TURNED_AWAY
from streams.tokens import append, made
from streams.turned_away import telling
from tests.streams.test_gateway import PSEUDONYMS, Shelf
from tests.streams.test_sources import Monitor

MINUTE_S = 60


def test_a_source_is_told_to_be_refused_after_a_minute_and_until_something_of_it_is_taken(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    monitor.hear()
    since_us = monitor.at_us
    monitor.sources.turn_away("pbx", "expired_token")
    assert monitor.of("pbx")["refused"] == {"since_us": since_us, "count": 1, "reason": "expired_token"}
    monitor.until(since_us + int((REFUSING_S - 1) * SECOND_US), 10)
    assert monitor.raised() == []
    monitor.sources.turn_away("pbx", "expired_token")
    monitor.until(monitor.at_us + 2 * SECOND_US, 1)
    assert monitor.raised() == [(TURNED_AWAY, "warned", "pbx")]
    assert monitor.of("pbx")["refused"]["count"] == 2
    monitor.hear()
    assert monitor.of("pbx")["refused"] is None
    assert monitor.raised() == [(TURNED_AWAY, "ended", "pbx")]


def test_who_uses_the_name_of_a_source_that_is_heard_raises_nothing(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    for _ in range(20):
        monitor.hear()
        monitor.sources.turn_away("pbx", "wrong_token")
        monitor.until(monitor.at_us + 30 * SECOND_US, 5)
    assert monitor.raised() == []


def test_of_sources_that_nobody_knows_nothing_is_told_or_kept(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    for number in range(1_000):
        monitor.sources.turn_away(f"invented-{number}", "no_token")
    monitor.until(monitor.at_us + 120 * SECOND_US, 10)
    assert monitor.facts() == {"blind": None, "sources": []}
    assert monitor.raised() == []


def test_who_has_given_up_is_silent_and_no_longer_refused(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    monitor.hear()
    monitor.sources.turn_away("pbx", "expired_token")
    monitor.until(monitor.at_us + HOUR_US + 60 * SECOND_US, 10)
    assert (TURNED_AWAY, "ended", "pbx") in monitor.raised()
    assert (monitor.of("pbx")["refused"], monitor.of("pbx")["overdue"]) == (None, True)


def test_that_a_source_is_refused_outlives_the_process_and_is_told_once(tmp_path: Path) -> None:
    before = Monitor(tmp_path)
    before.hear()
    since_us = before.at_us
    before.sources.turn_away("pbx", "expired_token")
    before.until(before.at_us + 90 * SECOND_US, 10)
    assert before.raised() == [(TURNED_AWAY, "warned", "pbx")]
    after = Monitor(tmp_path, before.at_us)
    assert after.of("pbx")["refused"]["since_us"] == since_us
    assert after.raised() == []
    after.hear()
    after.facts()
    assert after.raised() == [(TURNED_AWAY, "ended", "pbx")]


@pytest.mark.parametrize(
    ("who", "path", "source", "told"),
    [
        ("", "/v1/events", "pbx", ("pbx", "no_token")),
        ("wrong", "/v1/events", "pbx", ("pbx", "wrong_token")),
        ("expired", "/v1/events", "pbx", ("old-writer/pbx", "expired_token")),
        ("expired", "/v1/events", "", ("old-writer", "expired_token")),
        ("viewer", "/v1/events", "pbx", ("viewer/pbx", "role")),
        ("", "/v1/connect/chat", "pbx", ("chat", "no_token")),
        ("", "/api/v1/alertmanager", "", ("alertmanager", "no_token")),
        ("", "/api/v1/policy", "pbx", None),
        ("writer", "/v1/events", "pbx", None),
    ],
)  # fmt: skip
def test_a_refusal_is_told_of_the_source_that_would_have_been_written_to(
    tmp_path: Path, who: str, path: str, source: str, told: tuple[str, str] | None
) -> None:
    tokens, given = tmp_path / "tokens.jsonl", {"": "", "wrong": "fw_0_x"}
    past = datetime.now(UTC) - timedelta(days=1)
    for key, name, role, expires in (
        ("expired", "old-writer", "writer", past), ("viewer", "viewer", "viewer", None), ("writer", "new-writer", "writer", None),
    ):  # fmt: skip
        line, given[key] = made(name, role, ("shop-a",), None, expires)
        append(tokens, line)
    said: list[tuple[str, str]] = []
    refusals = Refusals(tmp_path / "audit.jsonl")
    refusals.on_refusal = telling(lambda name, reason: said.append((name, reason)))
    shelf = Shelf(Journal(tmp_path / "journal"))
    shelf.journal.start()
    settings = ServiceSettings(data=tmp_path, tokens=tokens)
    app = Guard(Starlette(routes=Gateway(shelf, settings, PSEUDONYMS).routes()), settings, refusals)
    http: Any = TestClient(app, base_url="http://127.0.0.1:8080")
    event = {"type": "contact.opened", "time": time.time_ns() // 1_000_000, "contact": "c", "tenant": "shop-a"}
    headers = ({"Authorization": f"Bearer {given[who]}"} if who else {}) | ({"Source": source} if source else {})
    answer = http.post(path, content=json.dumps(event), headers=headers)
    shelf.journal.stop()
    shelf.journal.close()
    assert said == ([told] if told else []), answer.text
    assert (answer.status_code == 200) == (who == "writer")
    trail = (tmp_path / "audit.jsonl").read_text()
    last = json.loads(trail.splitlines()[-1])
    whose = {"expired": "old-writer", "viewer": "viewer"}.get(who) if told else None
    assert last.get("name") == whose or last["is"] == "act", "whose token it was is written down, and never the token"
    assert given[who] == "" or given[who] not in trail
