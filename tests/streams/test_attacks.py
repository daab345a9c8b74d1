"""Attacks on the running service over real sockets: each is refused with the right status, counted by its reason, and stores nothing."""

import gzip
import json
import re
import resource
import socket
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from alerts.addresses import Refused, guarded
from streams.run import run
from streams.settings import SettingsError, check_tls
from streams.signatures import WINDOW_S, signed
from streams.tokens import append, kept_master, made
from tests.streams.test_run import launch

SERVICE_TOKEN = "the-token-of-the-service"
HEAD_S = 2
LIMITS = (
    f"head_read_s={HEAD_S}",
    "body_read_s=1",
    "writer_events_a_second_max=100",
    "exported_groups_max=50",
    "inflated_bytes_max=1000000",
)
CONNECTIONS_TRIED = 10_000


@dataclass
class Answer:
    status: int
    head: str
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        return json.loads(self.body)  # type: ignore[no-any-return]


class Target:
    """The service under attack, the tokens that attackers have, and what it counts."""

    def __init__(self, folder: Path) -> None:
        self.data, self.tokens = folder / "data", folder / "tokens.jsonl"
        past, master = datetime.now(UTC) - timedelta(days=1), kept_master(self.tokens)
        self.given: dict[str, str] = {"service": SERVICE_TOKEN}
        for name, role, tenants, expires, key in (
            ("writer-a", "writer", ("shop-a",), None, None), ("writer-b", "writer", ("shop-b",), None, None),
            ("flooding", "writer", ("shop-f",), None, None), ("viewer-a", "viewer", ("shop-a",), None, None),
            ("expired", "writer", ("shop-a",), past, None), ("signer-a", "writer", ("shop-a",), None, master),
            ("signer-old", "writer", ("shop-a",), past, master), ("signer-all", "writer", None, None, master),
        ):  # fmt: skip
            line, self.given[name] = made(name, role, tenants, None, expires, master=key)
            append(self.tokens, line)
        (folder / "service.token").write_text(SERVICE_TOKEN)
        self.process = launch(
            "--port", "0", "--data", str(self.data), "--tokens", str(self.tokens), "--token-file", str(folder / "service.token"),
            *(word for limit in LIMITS for word in ("--limit", limit)),
        )  # fmt: skip
        assert self.process.stdout
        self.port = int(re.findall(r"127.0.0.1:(\d+)", self.process.stdout.readline())[0])

    def connect(self, source: str = "127.0.0.3") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10, source_address=(source, 0))

    def raw(self, sent: bytes) -> Answer:
        """What comes back for these bytes; the connection is this request's only."""
        with self.connect() as connection:
            with suppress(ConnectionError):  # Refused before all of it was sent.
                connection.sendall(sent)
            return received(connection)

    def ask(self, path: str, who: str = "", body: bytes | None = None, *, method: str = "", **headers: str) -> Answer:
        told = {"Host": f"127.0.0.1:{self.port}", "Connection": "close", **headers}
        if who:
            told["Authorization"] = f"Bearer {self.given.get(who, who)}"
        if body is not None:
            told["Content-Length"] = str(len(body))
        head = f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1\r\n"
        head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items()) + "\r\n"
        return self.raw(head.encode("latin-1") + (body or b""))

    def sign(self, who: str, body: bytes, at_s: float | None = None, sent: bytes | None = None) -> Answer:
        header = signed(self.given[who], body, f"{time.time() if at_s is None else at_s:.3f}")
        return self.ask("/v1/events", "", body if sent is None else sent, Floorwatch_Signature=header)

    def told(self) -> str:
        """The metrics, of a publishing that begins after now."""

        def version() -> int:
            return int(self.ask("/api/v1/now", "service").said["service"]["version"])

        before = version()
        while version() == before:
            time.sleep(0.05)
        return self.ask("/metrics", "service").body.decode()

    def counts(self) -> Counter[str]:
        """Requests refused and lines rejected, by reason."""
        found = re.findall(
            r'floorwatch_(?:refused_requests|rejected_events)_total\{reason="(\w+)"\} (\S+)', self.told()
        )
        return Counter({reason: int(float(count)) for reason, count in found})

    def stored(self) -> int:
        counters = self.ask("/api/v1/now", "service").said["counters"]
        return int(counters["events"])


def received(connection: socket.socket) -> Answer:
    got = b""
    with suppress(ConnectionError, TimeoutError):
        while part := connection.recv(1 << 16):
            got += part
            head, found, body = got.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if found and length and len(body) >= int(length[1]):
                break
    head, _, body = got.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]) if head else 0, head.decode("latin-1"), body)


def event(tenant: str = "shop-a", **more: Any) -> bytes:
    told = {
        "type": "contact.opened",
        "time": time.time_ns() // 1_000_000,
        "contact": f"c{time.perf_counter_ns()}",
        "tenant": tenant,
    }
    return json.dumps(told | more).encode()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    target = Target(tmp_path_factory.mktemp("target"))
    assert target.ask("/v1/events", "writer-a", event()).status == 200
    yield target
    target.process.terminate()
    _, said = target.process.communicate(timeout=60)
    assert "Traceback" not in said
    assert "FORGED" not in said


def replayed(target: Target) -> Answer:
    body, at_s = event(), time.time()
    assert target.sign("signer-a", body, at_s).status == 200
    return target.sign("signer-a", body, at_s)


def trickle(target: Target, head: bytes, drop: bytes) -> Answer:
    """Sends a byte now and then, for as long as it is let."""
    with target.connect() as connection:
        connection.sendall(head)
        connection.settimeout(0.2)
        for _ in range(60):
            try:
                connection.sendall(drop)
                if connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        connection.settimeout(5)
        return received(connection)


def posting(*lines: str, body: bytes = b"") -> bytes:
    head = ["POST /v1/events HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {SERVICE_TOKEN}", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body


Attack = Callable[[Target], Answer]
#: What is tried, the status, and the reason under which it is counted.
ATTACKS: dict[str, tuple[Attack, int, str]] = {
    "no token": (lambda t: t.ask("/v1/events", "", event()), 401, "no_token"),
    "a wrong token": (lambda t: t.ask("/v1/events", "fw_000000000000_x", event()), 401, "wrong_token"),
    "a token one sign short": (lambda t: t.ask("/v1/events", t.given["writer-a"][:-1], event()), 401, "wrong_token"),
    "an expired token": (lambda t: t.ask("/v1/events", "expired", event()), 401, "expired_token"),
    "a forged cookie": (lambda t: t.ask("/api/v1/now", Cookie="floorwatch=service.99999999999." + "0" * 64), 401, "wrong_session"),
    "a key to sign with as a bearer": (lambda t: t.ask("/v1/events", "signer-a", event()), 401, "wrong_token"),
    "a signature of no form": (lambda t: t.ask("/v1/events", "", event(), Floorwatch_Signature="v1=1"), 401, "malformed_signature"),
    "a signature of another body": (lambda t: t.sign("signer-a", event(), sent=event()), 401, "wrong_signature"),
    "a signature beside a good token": (
        lambda t: t.ask("/v1/events", "writer-a", event(), Floorwatch_Signature=signed("fwk_00_x", b"", "1")), 401, "wrong_signature"),
    "a signature of an expired key": (lambda t: t.sign("signer-old", event()), 401, "wrong_signature"),
    "a signature of long ago": (lambda t: t.sign("signer-a", event(), time.time() - WINDOW_S - 5), 401, "expired_signature"),
    "a signature of the future": (lambda t: t.sign("signer-a", event(), time.time() + WINDOW_S + 5), 401, "expired_signature"),
    "a signature used again": (replayed, 401, "replayed_signature"),
    "a signature of nothing for a reading": (
        lambda t: t.ask("/api/v1/now", Floorwatch_Signature=signed(t.given["signer-all"], b"", str(int(time.time())))), 401, "malformed_signature"),
    "a signed policy": (
        lambda t: t.ask("/api/v1/policy", "", b"", Floorwatch_Signature=signed(t.given["signer-all"], b"", str(int(time.time())))), 403, "role"),
    "a viewer who sends": (lambda t: t.ask("/v1/events", "viewer-a", event()), 403, "role"),
    "a writer who reads": (lambda t: t.ask("/api/v1/now", "writer-a"), 403, "role"),
    "a writer who governs": (lambda t: t.ask("/api/v1/policy", "writer-a", b""), 403, "role"),
    "a writer of a shop as Alertmanager": (lambda t: t.ask("/api/v1/alertmanager", "writer-a", b"{}"), 403, "scope"),
    "another site's page": (lambda t: t.ask("/v1/events", "service", event(), Origin="http://evil.example"), 403, "foreign_origin"),
    "a path upwards": (lambda t: t.ask("/vendor/../../../../etc/passwd", "service"), 404, "not_found"),
    "a path upwards, coded": (lambda t: t.ask("/vendor/%2e%2e/%2e%2e/pyproject.toml", "service"), 404, "not_found"),
    "a path upwards, coded whole": (lambda t: t.ask("/api/v1/screens/..%2f..%2fpolicy", "service"), 404, "not_found"),
    "a path with a zero": (lambda t: t.ask("/api/v1/now%00", "service"), 404, "not_found"),
    "two slashes": (lambda t: t.ask("//v1/events", "writer-a", event()), 403, "role"),
    "capitals": (lambda t: t.ask("/V1/EVENTS", "writer-a", event()), 403, "role"),
    "a path behind an open one": (lambda t: t.ask("/healthz/../api/v1/now"), 401, "no_token"),
    "another method": (lambda t: t.ask("/v1/events", "service", b"", method="PUT"), 405, "bad_method"),
    "a long address": (lambda t: t.ask("/api/v1/now?" + "x" * 9_000, "service"), 414, "target_too_long"),
    "many headers": (lambda t: t.ask("/api/v1/now", "service", **{f"X-{n}": "" for n in range(101)}), 431, "headers_too_large"),
    "a long head": (lambda t: t.ask("/api/v1/now", "service", X="x" * 40_000), 431, "headers_too_large"),
    "a head without end": (lambda t: trickle(t, b"GET / HTTP/1.1\r\nX: ", b"x" * 9_000), 400, "bad_http"),
    "a header with a zero": (lambda t: t.raw(posting("Source: a\0b")), 400, "bad_http"),
    "a header within a header": (lambda t: t.raw(posting("Source: a\rSet-Cookie: b")), 400, "bad_http"),
    "two lengths": (lambda t: t.raw(posting("Content-Length: 1", "Content-Length: 2", body=b"xx")), 400, "bad_http"),
    "a length and chunks": (
        lambda t: t.raw(posting("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\nGET")), 400, "bad_http"),
    "a length below zero": (lambda t: t.raw(posting("Content-Length: -1")), 400, "bad_http"),
    "no HTTP at all": (lambda t: t.raw(b"\x16\x03\x01\x02\x00\x01\x00" + bytes(99)), 400, "bad_http"),
    "a header out of an address": (
        lambda t: t.ask("/v1/events?source=a%0d%0aSet-Cookie:%20b", "service", event()), 400, "bad_source"),
    "a forged line as a source": (lambda t: t.ask("/v1/events?source=a%0aFORGED", "service", event()), 400, "bad_source"),
    "a body that is too large": (lambda t: t.raw(posting("Content-Length: 9000000")), 413, "body_too_large"),
    "a gzip bomb": (
        lambda t: t.ask("/v1/events", "service", gzip.compress(bytes(100_000_000)), Content_Encoding="gzip"), 413, "inflated_too_large"),
    "gzip members without end": (
        lambda t: t.ask("/v1/events", "service", gzip.compress(b"") * 200, Content_Encoding="gzip"), 413, "inflated_too_large"),
    "no gzip": (lambda t: t.ask("/v1/events", "service", b"x", Content_Encoding="gzip"), 400, "bad_gzip"),
    "another encoding": (lambda t: t.ask("/v1/events", "service", b"x", Content_Encoding="br"), 415, "bad_encoding"),
    "lines without end": (lambda t: t.ask("/v1/events", "service", b"1\n" * 200_001), 413, "too_many_lines"),
    "nothing": (lambda t: t.ask("/v1/events", "service", b""), 400, "no_event"),
    "a head by drops": (lambda t: trickle(t, b"GET / HTTP/1.1\r\nX: ", b"x"), 408, "head_slow"),
    "a connection that says nothing": (lambda t: trickle(t, b"", b""), 408, "head_slow"),
    "a body by drops": (lambda t: trickle(t, posting("Content-Length: 1000"), b" "), 408, "body_slow"),
    "a chunked body by drops": (lambda t: trickle(t, posting("Transfer-Encoding: chunked"), b"1\r\n \r\n"), 408, "body_slow"),
    "a policy by drops": (
        lambda t: trickle(t, posting("Content-Length: 1000").replace(b"/v1/events", b"/api/v1/policy"), b" "), 408, "body_slow"),
    "a foreign tenant": (lambda t: t.ask("/v1/events", "writer-b", event("shop-a")), 400, "foreign_tenant"),
    "a foreign tenant, signed": (lambda t: t.sign("signer-a", event("shop-b")), 400, "foreign_tenant"),
    "a foreign tenant, spelled": (
        lambda t: t.ask("/v1/events", "writer-b", event("shop-b").replace(b'"tenant"', b'"tenant":"x","t\\u0065nant"').replace(b"shop-b", b"shop-a")),
        400, "foreign_tenant"),
    "a forged line as a contact": (lambda t: t.ask("/v1/events", "service", event(contact="a\nFORGED")), 400, "control_character"),
    "a forged line as a queue": (lambda t: t.ask("/v1/events", "service", event(queue="a\u2028FORGED")), 400, "control_character"),
    "an endless name": (lambda t: t.ask("/v1/events", "service", event(queue="q" * 257)), 400, "name_too_long"),
    "an endless line": (lambda t: t.ask("/v1/events", "service", event(x="x" * 1_000_001)), 400, "line_too_long"),
}  # fmt: skip
REJECTS = ("foreign_tenant", "control_character", "name_too_long", "line_too_long")


@dataclass
class Outcome:
    """What came of all attacks, made side by side: answers by name, and how much each reason and what is stored grew."""

    answers: dict[str, Answer]
    counted: Counter[str]
    stored: int


@pytest.fixture(scope="module")
def outcome(target: Target) -> Outcome:
    before, stored = target.counts(), target.stored()
    with ThreadPoolExecutor(8) as threads:
        made = {name: threads.submit(attack, target) for name, (attack, _, _) in ATTACKS.items()}
    answers = {name: future.result() for name, future in made.items()}
    return Outcome(answers, target.counts() - before, target.stored() - stored)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused(outcome: Outcome, name: str) -> None:
    answer, (_, status, reason) = outcome.answers[name], ATTACKS[name]
    assert answer.status == status, answer
    assert "content-type: application/problem+json" in answer.head.lower()
    assert (answer.said["status"], answer.said["reason"]) == (status, "no_event" if reason in REJECTS else reason)
    assert {"type", "title", "detail"} <= answer.said.keys()
    assert "set-cookie" not in answer.head.lower()
    assert b"root:" not in answer.body


def test_every_attack_is_counted_once_by_its_reason_and_stores_nothing(outcome: Outcome) -> None:
    expected = Counter(reason for _, _, reason in ATTACKS.values())
    expected["no_event"] += sum(expected[reason] for reason in REJECTS)
    assert outcome.counted == expected
    assert outcome.stored == 1, "what was sent the first time of what was sent again"


def test_no_attacker_finds_a_secret_or_a_line_of_his_own_in_what_is_written(target: Target) -> None:
    target.ask("/v1/events", "writer-a\u00e9", event(), User_Agent="FORGED")
    trail = (target.data / "audit.jsonl").read_bytes()
    assert b"FORGED" not in trail
    for line in trail.splitlines():
        assert json.loads(line)["is"] in ("act", "refusal")
    assert target.sign("signer-a", event(), sent=event()).status == 401
    last = json.loads((target.data / "audit.jsonl").read_bytes().splitlines()[-1])
    assert (last["is"], last["reason"], last["name"]) == ("refusal", "wrong_signature", "signer-a")
    written = (
        b"".join(path.read_bytes() for path in target.data.rglob("*") if path.is_file()) + target.tokens.read_bytes()
    )
    for given in target.given.values():
        assert given.encode() not in written
    acts = [json.loads(line) for line in trail.splitlines() if b'"is":"act"' in line]
    assert {act["name"] for act in acts if act["what"] == "token created"} >= {"writer-a", "signer-a"}


def test_who_floods_is_slowed_alone_and_told_for_how_long(target: Target) -> None:
    flood = b"\n".join(event("shop-f") for _ in range(1_500))
    assert target.ask("/v1/events", "flooding", flood).status == 200
    counted = target.counts()["rate"]
    answer = target.ask("/v1/events", "flooding", event("shop-f"))
    wait_s = re.search(r"(?i)retry-after: (\d+)", answer.head)
    assert (answer.status, answer.said["reason"]) == (429, "rate")
    assert wait_s
    assert 5 <= int(wait_s[1]) <= 15
    assert target.counts()["rate"] == counted + 1
    assert target.ask("/v1/events", "writer-a", event()).status == 200


def test_a_source_whose_sender_is_refused_is_told_of_until_it_is_taken(target: Target) -> None:
    def refused() -> Any:
        target.told()
        rows = target.ask("/api/v1/now", "service").said["sources"]
        return next((row["refused"] for row in rows if row["source"] == "switch"), None)

    def until(wanted: str | None) -> None:
        deadline = time.monotonic() + 60
        while (told := refused()) is not None if wanted is None else (told := refused()) is None:
            assert time.monotonic() < deadline, told
        assert (told and told["reason"]) == wanted

    assert target.ask("/v1/events", "service", event(), Source="switch").status == 200
    assert target.ask("/v1/events", "fw_000000000000_x", event(), Source="switch").status == 401
    until("wrong_token")
    assert 'floorwatch_source_refused{source="switch"} 1.0' in target.told()
    assert target.ask("/v1/events", "service", event(), Source="switch").status == 200
    until(None)


def test_a_script_in_a_name_stays_a_name(target: Target) -> None:
    script = "<script>alert(1)</script>\"'\\"
    assert target.ask("/v1/events", "service", event(queue=script)).status == 200
    time.sleep(1)
    for path in ("/api/v1/now", "/metrics", "/api/v1/people"):
        answer = target.ask(path, "service")
        assert "text/html" not in answer.head
        assert "nosniff" in answer.head
        assert "script-src 'self'" in answer.head
    page = target.ask("/?screen=<script>", "service")
    assert page.status == 200
    assert b"<script>alert" not in page.body


def test_a_flood_of_label_values_is_told_as_other(target: Target) -> None:
    before = len(target.told().splitlines())
    body = b"\n".join(event(queue=f"q{number}", tenant=f"t{number}") for number in range(1_000))
    assert target.ask("/v1/events", "service", body).said["accepted"] == 1_000
    time.sleep(1)
    told = target.told()
    assert 'queue="(other)"' in told
    assert re.search(r'floorwatch_overflow_groups\{rollup="queue"\} [1-9]', told)
    assert len(told.splitlines()) < before + 40 * 1_000, "bounded by exported_groups_max"


def test_ten_thousand_connections_leave_room_for_others(target: Target, record_property: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tried = min(CONNECTIONS_TRIED, hard - 500)
    before = target.counts()
    with ExitStack() as opened:
        for _ in range(tried):
            opened.enter_context(target.connect("127.0.0.1"))
        with target.connect("127.0.0.2") as other:
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert received(other).status == 200
        deadline = time.monotonic() + 60  # All are ended by us: at the door, or because they say nothing.
        while sum((grown := target.counts() - before)[reason] for reason in ("connections", "head_slow")) < tried:
            assert time.monotonic() < deadline, grown
            time.sleep(0.2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    record_property("connections", tried)
    print(f"{tried:,} connections tried, {grown['connections']:,} refused at once")
    assert grown["connections"] > 0
    assert target.ask("/v1/events", "writer-a", event()).status == 200


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "fe80::1",
     "fd00::1", "64:ff9b::7f00:1", "224.0.0.1", "2002:7f00:1::"],
)  # fmt: skip
def test_no_message_is_sent_to_a_private_address(address: str) -> None:
    with (
        guarded(private=False) as refused,
        pytest.raises(Refused),
        socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as asked,
    ):
        asked.settimeout(1)
        asked.connect((address, 9))
    assert refused == [address]


def certificate(folder: Path, name: str = "tls") -> tuple[Path, Path]:
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def test_with_a_certificate_the_service_speaks_tls_only(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    process = launch("--port", "0", "--data", str(tmp_path / "data"), "--tls-cert", str(cert), "--tls-key", str(key))
    try:
        assert process.stdout
        line = process.stdout.readline()
        port = int(re.findall(r"https://127.0.0.1:(\d+)/", line)[0])
        context = ssl.create_default_context(cafile=str(cert))
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as spoken,
        ):
            assert spoken.version() in ("TLSv1.2", "TLSv1.3")
            spoken.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = received(spoken)  # type: ignore[arg-type]
            assert (answer.status, answer.said) == (200, {"ready": True})
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            plain.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert received(plain).status == 0
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_tls_that_cannot_be_spoken_is_refused_at_start_with_a_remedy(tmp_path: Path) -> None:
    (cert, key), (_, other) = certificate(tmp_path), certificate(tmp_path, "other")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-in", str(key), "-aes128", "-passout", "pass:x", "-out", str(locked)],
        check=True,
        capture_output=True,
    )
    for files, says in (
        ((cert, None), "both files"), ((cert, tmp_path / "nowhere"), "cannot be read"), ((cert, other), "does not belong"),
        ((key, cert), "PEM"), ((cert, locked), "without a password"),
    ):  # fmt: skip
        with pytest.raises(SettingsError, match=says):
            check_tls(*files)
    check_tls(cert, key)
    done = CliRunner().invoke(run, ["--data", str(tmp_path / "data"), "--tls-cert", str(cert)])
    assert (done.exit_code, "give --tls-cert and --tls-key" in done.output) == (2, True)
