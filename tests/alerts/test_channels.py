"""Channels over real sockets: what arrives, what is signed, and where nothing may go."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from alerts.addresses import is_public
from alerts.channels import SIGNATURE, Delivery, send
from alerts.plan import Channel

SAID = Delivery("m-1", "c", "排队过久 sales", "since 10:00", events=(
    {"id": "a1", "kind": "opened", "severity": "critical", "title": "t", "facts": {"queue": "sales"}},
))  # fmt: skip


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted; answers what it is told to."""

    answer = 204
    location = ""

    def __init__(self) -> None:
        self.got: list[tuple[Any, bytes]] = []
        receiver = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.got.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.answer)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.end_headers()

            def log_message(self, *said: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Hook)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_webhook_is_signed_over_its_body_and_time(receiver: Receiver) -> None:
    channel = Channel(url=f"webhook+http://{receiver.address}/", private="yes", secret_file="the secret")
    assert send(channel, SAID) == ""
    headers, body = receiver.got[0]
    seconds, signed = (part.partition("=")[2] for part in headers[SIGNATURE].split(","))
    assert signed == hmac.new(b"the secret", seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert json.loads(body)["alerts"][0]["facts"] == {"queue": "sales"}


def test_pagerduty_gets_one_event_an_alert_with_the_alert_as_its_key(receiver: Receiver) -> None:
    channel = Channel(url=f"pagerduty+http://key@{receiver.address}/v2", private="yes")
    assert send(channel, SAID) == ""
    event = json.loads(receiver.got[0][1])
    assert (event["event_action"], event["dedup_key"], event["payload"]["severity"]) == ("trigger", "a1", "critical")


def test_apprise_carries_title_and_body(receiver: Receiver) -> None:
    assert send(Channel(url=f"json://{receiver.address}/", private="yes"), SAID) == ""
    assert json.loads(receiver.got[0][1])["title"] == "排队过久 sales"


@pytest.mark.parametrize("scheme", ["webhook+http", "json"])
def test_nothing_reaches_this_machine_unless_it_is_allowed(scheme: str, receiver: Receiver) -> None:
    failure = send(Channel(url=f"{scheme}://{receiver.address}/"), SAID)
    assert "127.0.0.1 is not public" in failure
    assert receiver.got == []


def test_a_name_that_leads_to_this_machine_is_refused_too(receiver: Receiver) -> None:
    port = receiver.address.rpartition(":")[2]
    assert "is not public" in send(Channel(url=f"webhook+http://localhost:{port}/"), SAID)
    assert receiver.got == []


def test_a_redirection_is_not_followed(receiver: Receiver) -> None:
    receiver.answer, receiver.location = 307, f"http://{receiver.address}/other"
    assert send(Channel(url=f"webhook+http://{receiver.address}/", private="yes"), SAID) == "the receiver answered 307"
    assert len(receiver.got) == 1


def test_a_refusing_receiver_is_a_failure_with_its_answer(receiver: Receiver) -> None:
    receiver.answer = 500
    assert send(Channel(url=f"webhook+http://{receiver.address}/", private="yes"), SAID) == "the receiver answered 500"


def test_nobody_listening_is_a_failure_not_an_error() -> None:
    assert send(Channel(url="mail+smtp://127.0.0.1:1/?from=a@x&to=b@x", private="yes"), SAID)
    assert send(Channel(url="nonsense://x"), SAID) == "the channel's address is none that Apprise knows"


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1%eth0",
    "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "not an address", "",
])  # fmt: skip
def test_addresses_of_machines_nearby_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)
