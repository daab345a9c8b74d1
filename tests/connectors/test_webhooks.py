"""Webhooks over HTTP: signatures instead of tokens, tokens where there are none, busy moments, limits, and what is counted."""

import base64
import gzip
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engine.errors import InvalidSetting
from streams.connectors.connections import Connection
from streams.connectors.live import Live
from streams.connectors.place import Place
from streams.connectors.record import Options
from streams.connectors.webhooks import BODY_BYTES_MAX
from streams.gateway import Gateway
from streams.guard import Guard
from streams.intake import Pseudonyms
from streams.journal import Journal
from streams.refusals import Refusals
from streams.settings import ServiceSettings
from tests.connectors.samples import task
from tests.connectors.test_chatwoot import conversation, message
from tests.streams.test_gateway import Shelf

SECRET = "a-secret-of-theirs"
TOKEN = "a-token-of-good-length"


class Site:
    """A guarded gateway with connections, called over HTTP."""

    def __init__(self, folder: Path, *connections: Connection, token: str | None = TOKEN) -> None:
        self.shelf = Shelf(Journal(folder / "journal"))
        self.shelf.journal.start()
        settings = replace(ServiceSettings(data=folder), token=token, host="127.0.0.1")
        self.refusals = Refusals(folder / "access.jsonl")
        gateway = Gateway(self.shelf, settings, Pseudonyms(b"k" * 32))
        self.live = Live(connections, folder, gateway.take, self.refusals.refuse)
        routes = [*gateway.routes(), *self.live.routes()]
        guard = Guard(Starlette(routes=routes), settings, self.refusals, signed=self.live.signed_paths)
        self.http = TestClient(guard, base_url="http://127.0.0.1:8080")

    def send(self, name: str, body: bytes, **headers: str) -> Any:
        return self.http.post(
            f"/v1/connect/{name}",
            content=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def kept(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.shelf.lines() if line]


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Any]:
    made: list[Site] = []

    def make(*connections: Connection, **options: Any) -> Site:
        made.append(Site(tmp_path, *connections, **options))
        return made[-1]

    yield make
    for site in made:
        site.shelf.journal.close()


CHAT = Connection("chat", "chatwoot", Options(constants={"tenant": "shop-7"}), (SECRET,))


def hello(**changed: Any) -> bytes:
    return json.dumps(message(1, 5, content="this is a scam", **changed)).encode()


def signed(body: bytes, secret: str = SECRET, at: int | None = None) -> dict[str, str]:
    stamp = str(int(time.time()) if at is None else at)
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x_chatwoot_signature": f"sha256={digest}", "x_chatwoot_timestamp": stamp}


def test_a_signed_webhook_needs_no_token_and_leaves_neither_words_nor_identity(sites: Any) -> None:
    site = sites(CHAT)
    answer = site.send("chat", hello(), **signed(hello()))
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    (event,) = site.kept()
    assert (event["contact"], event["tenant"], event["negative"]) == ("1-10", "shop-7", True)
    assert not {"scam", "chatwoot-14", "jane", "little-haze"} & set(json.dumps(event).split('"'))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "malformed_signature"),
        (signed(hello(), "another-secret"), "wrong_signature"),
        (signed(b"another body"), "wrong_signature"),
        (signed(hello(), at=int(time.time()) - 3_600), "expired_signature"),
        ({"authorization": f"Bearer {TOKEN}"}, "malformed_signature"),
    ],
)
def test_what_is_not_signed_as_it_should_is_refused_and_counted_whoever_sends_it(
    headers: dict[str, str], reason: str, sites: Any
) -> None:
    site = sites(CHAT)
    answer = site.send("chat", hello(), **headers)
    assert (answer.status_code, answer.json()["reason"], site.kept()) == (401, reason, [])
    assert site.refusals.counts[reason] == 1
    assert SECRET not in answer.text


def test_two_secrets_hold_while_one_takes_the_others_place(sites: Any) -> None:
    site = sites(replace(CHAT, secrets=("the-new-secret", SECRET)))
    for secret in ("the-new-secret", SECRET):
        assert site.send("chat", hello(), **signed(hello(), secret)).status_code == 200


def test_without_a_secret_a_token_that_may_send_is_needed(sites: Any) -> None:
    site = sites(replace(CHAT, secrets=()))
    assert site.send("chat", hello()).status_code == 401
    assert site.send("chat", hello(), authorization=f"Bearer {TOKEN}").status_code == 200


def test_only_its_own_path_is_open_to_a_signature(sites: Any) -> None:
    site = sites(CHAT, replace(CHAT, name="other", secrets=()))
    for path in (
        "/v1/events",
        "/v1/connect/other",
        "/v1/connect/chat/",
        "/v1/connect//chat",
        "/api/v1/connect",
        "/v1/connect/nobody",
    ):
        assert site.http.post(
            path, content=hello(), headers={name.replace("_", "-"): v for name, v in signed(hello()).items()}
        ).status_code in (401, 404)
    assert site.kept() == []


def test_the_same_webhook_again_is_the_same_event(sites: Any) -> None:
    site = sites(CHAT)
    for _ in range(2):
        assert site.send("chat", hello(), **signed(hello())).status_code == 200
    one, other = site.kept()
    assert one == other


def test_a_body_that_met_a_busy_service_is_taken_at_the_next_attempt(
    sites: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.connectors.webhooks.ATTEMPT_S", 0.001)
    site = sites(CHAT)
    resolved = json.dumps(conversation(event="conversation_status_changed", status="resolved")).encode()
    site.shelf.full = True
    assert site.send("chat", resolved, **signed(resolved)).status_code == 429
    site.shelf.full = False
    assert site.send("chat", resolved, **signed(resolved)).json()["accepted"] == 1
    assert [event["type"] for event in site.kept()] == ["contact.closed"]
    assert site.live.counts["chat"].waits > 0


def test_twilio_is_answered_as_it_wants_and_its_address_is_what_it_calls(sites: Any) -> None:
    url = "https://floor.example/v1/connect/flex"
    site = sites(Connection("flex", "twilio", secrets=(SECRET,), url=url))
    body = urlencode(task("task.created", 0, Timestamp=int(time.time())))
    fields = dict(pair.split("=") for pair in body.split("&"))
    text = url + "".join(name + value for name, value in sorted(fields.items()))
    given = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), "sha1").digest()).decode()
    answer = site.send("flex", body.encode(), x_twilio_signature=given)
    assert (answer.status_code, answer.content) == (204, b"")
    assert site.kept()[0]["contact"] == "WT1"
    assert site.send("flex", body.encode() + b"&a=b", x_twilio_signature=given).status_code == 401


def test_qiyu_is_answered_with_nothing(sites: Any) -> None:
    site = sites(Connection("shop", "qiyu", secrets=(SECRET,), url="https://floor.example/v1/connect/shop"))
    body, at = json.dumps({"uid": "u", "sessionId": 7, "staffType": 1, "staffName": "anna"}).encode(), int(time.time())
    checksum = hashlib.sha1((SECRET + hashlib.md5(body).hexdigest() + str(at)).encode()).hexdigest()
    answer = site.http.post(f"/v1/connect/shop?eventType=SESSION_START&time={at}&checksum={checksum}", content=body)
    assert (answer.status_code, answer.content) == (200, b"")
    assert [event["type"] for event in site.kept()] == ["contact.opened", "contact.answered"]


def test_what_has_no_meaning_is_taken_and_counted_and_what_is_wrong_is_refused(sites: Any) -> None:
    site = sites(CHAT)
    typing = b'{"event": "conversation_typing_on"}'
    answer = site.send("chat", typing, **signed(typing))
    assert (answer.status_code, answer.json()["left_out"]) == (200, {"no_meaning": 1})
    assert site.send("chat", b"{", **signed(b"{")).status_code == 400
    state = site.http.get("/api/v1/connect", headers={"authorization": f"Bearer {TOKEN}"}).json()["chat"]
    assert (state["records"], state["left_out"], state["wrong"]) == (2, {"no_meaning": 1}, {"malformed": 1})
    assert site.live.totals() == ({"chat": 2.0}, {"no_meaning": 1.0, "malformed": 1.0})


def test_bodies_have_a_limit_also_when_they_are_inflated(sites: Any) -> None:
    site = sites(CHAT)
    large = b" " * (BODY_BYTES_MAX + 1)
    assert site.send("chat", large, **signed(large)).status_code == 413
    bomb = gzip.compress(b" " * (9 * BODY_BYTES_MAX))
    assert site.send("chat", bomb, content_encoding="gzip", **signed(bomb)).status_code == 413
    packed = gzip.compress(hello())
    assert site.send("chat", packed, content_encoding="gzip", **signed(packed)).json()["accepted"] == 1
    assert site.send("chat", hello(), content_encoding="br", **signed(hello())).status_code == 415


def test_bodies_that_are_being_read_share_one_room(sites: Any) -> None:
    site = sites(CHAT)
    site.live._webhooks["chat"]._room.bytes_left = len(hello()) - 1
    answer = site.send("chat", hello(), **signed(hello()))
    assert (answer.status_code, answer.json()["reason"], "retry-after" in answer.headers) == (429, "busy", True)
    site.live._webhooks["chat"]._room.bytes_left = len(hello())
    for _ in range(3):
        assert site.send("chat", hello(), **signed(hello())).status_code == 200


def test_an_event_far_ahead_is_rejected_as_any_other(sites: Any) -> None:
    site = sites(CHAT)
    ahead = hello(created_at="2190-01-01T00:00:00Z")
    answer = site.send("chat", ahead, **signed(ahead))
    assert (answer.status_code, answer.json()["rejected"][0]["reason"]) == (400, "time_in_future")


def test_what_webhooks_remember_is_kept_for_the_next_process(sites: Any, tmp_path: Path) -> None:
    site = sites(CHAT)
    reply = json.dumps(message(2, 9, "outgoing")).encode()
    site.send("chat", reply, **signed(reply))
    site.live.close()
    again = Live((CHAT,), tmp_path, site.live._webhooks["chat"]._take, site.refusals.refuse)
    assert again._webhooks["chat"].connector.state() == site.live._webhooks["chat"].connector.state()
    assert b"1-10" in again._webhooks["chat"].connector.state()
    Place(tmp_path, "chat").path.write_bytes(b"nonsense")
    with pytest.raises(InvalidSetting, match="is damaged"):
        Live((CHAT,), tmp_path, site.live._webhooks["chat"]._take, site.refusals.refuse)
