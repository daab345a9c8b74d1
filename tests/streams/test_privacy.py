"""What customers are called and wrote is nowhere in what a running service keeps and tells, and the command that looks finds what is there."""

import base64
import gzip
import hashlib
import json
import sqlite3
import time
import urllib.request
import zlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streams.planted import spellings
from streams.privacy_command import privacy
from tests.streams.test_run import Service

PLANTED = (
    "customer-zhang-8842",
    "13912345678",
    "+86 138-0013-8000",
    "我的包裹丢了 please help",
    "wx_openid_oK3fQ==",
    'quote"back\\slash',
)
#: Told at once, to a receiver that is not there, so that messages are kept and tried again.
ALERTS = """
channels: {hook: {url: "webhook+http://127.0.0.1:9/", private: yes}}
people: {li-na: {channels: [hook]}}
schedules: {floor: {rotations: [{people: [li-na], every: 7d, from: 2026-01-05 09:00}]}}
ladders: {floor: {levels: [{to: [floor], wait: 5m}]}}
rules: [{name: all, when: {step: broken}, ladder: floor, by: [commitment]}, {name: rest, ladder: none}]
"""
POLICY = "limits:\n  wait: {limit: 1s}\n  first_human_reply: {limit: 1s}\n  repeats: {limit: 2}\n"


def check(planted: Path, *options: str) -> Result:
    return CliRunner().invoke(privacy, ["check", "--planted", str(planted), *options])


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    path = tmp_path / "planted.txt"
    path.write_text("\n".join(PLANTED) + "\n", "utf-8")
    return path


def events() -> list[bytes]:
    """Everything that may carry a customer, in every form that an entry knows."""
    now_ms = time.time_ns() // 1_000_000
    told: list[bytes] = []
    for number, secret in enumerate(PLANTED):
        about = {
            "time": now_ms - 4_000,
            "contact": f"c{number}",
            "queue": "q",
            "channel": "app",
            "tenant": "shop",
            "category": "refund",
        }
        further: dict[str, Any] = {
            "phone": secret,
            "sender": {"name": secret, "numbers": [secret]},
            "content": secret,
            "url": f"https://x/?u={secret}",
        }
        for kind in ("contact.opened", "message.customer", "contact.queued"):
            told.append(
                json.dumps({"type": kind, **about, "customer": secret, "text": f"{secret} 投诉", **further}).encode()
            )
        told.append(
            json.dumps(
                {"type": "contact.opened", **about, "contact": f"d{number}", "customer": secret}, ensure_ascii=False
            ).encode()
        )
        odd = json.dumps({"type": "message.customer", **about, "T": secret}).replace('"T"', '"t\\u0065xt"').encode()
        told += [
            odd,
            json.dumps({"type": f"x {secret}", "time": 0}).encode(),
            secret.encode(),
            b'{"customer":' + json.dumps(secret).encode(),
        ]
        told.append(json.dumps({"type": "contact.opened", **about, "slots": secret}).encode())
    return told


def test_what_customers_are_called_and_wrote_is_kept_and_told_nowhere(tmp_path: Path, planted: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "alerts.yaml").write_text(ALERTS)
    data = tmp_path / "data"
    service = Service(
        data,
        "--policy",
        str(tmp_path / "policy.yaml"),
        "--alerts",
        "default",
        "--snapshot-every",
        "1s",
        "--agent-series",
    )
    try:
        body = b"\n".join(events())
        for packed in (body, gzip.compress(body.replace(b'"contact": "', b'"contact": "e'))):
            headers = {} if packed is body else {"Content-Encoding": "gzip"}
            asked = urllib.request.Request(service.url + "/v1/events", packed, headers)
            with urllib.request.urlopen(asked, timeout=60) as answer:
                said = answer.read()
            assert not any(secret.encode() in said for secret in PLANTED)
        deadline = time.monotonic() + 120
        while not json.loads(service.get("/api/v1/alerts?all"))["alerts"]:
            service.post([{"type": "source.heartbeat", "time": time.time_ns() // 1_000_000, "source": "s"}])
            assert time.monotonic() < deadline, "no alert came"
            time.sleep(0.2)
        time.sleep(1.2)
        running = check(planted, "--data", str(data), "--url", service.url)
        assert running.exit_code == 0, running.output
        service.post(
            [{"type": "contact.opened", "time": time.time_ns() // 1_000_000, "contact": "named-by-the-sender"}]
        )
        assert service.end() == 0
        (tmp_path / "log").write_text("".join(service.process.communicate()))
    finally:
        service.process.kill()
    ended = check(planted, "--data", str(data), "--log", str(tmp_path / "log"))
    assert ended.exit_code == 0, ended.output
    assert f"0 of {len(PLANTED)} identifiers found" in ended.output
    # The same search finds what is there: a contact's name is the sender's own, and is kept.
    contact = tmp_path / "contact.txt"
    contact.write_text("named-by-the-sender\n")
    found = check(contact, "--data", str(data))
    assert found.exit_code == 1
    assert "journal.sqlite: batches, row " in found.output


def test_each_spelling_is_found_wherever_it_lies_and_never_printed(tmp_path: Path, planted: Path) -> None:
    secret, place = "+86 138-0013-8000", tmp_path / "kept"
    place.mkdir()
    coded = secret.encode()
    forms = {
        "plain": b"x" + coded + b"x", "packed": zlib.compress(coded * 3), "gzip": gzip.compress(b"a" + coded), "utf16": secret.encode("utf-16-be"),
        "hex": coded.hex().encode(), "hash": hashlib.sha256(coded).hexdigest().encode(), "address": b"u=%2B86%20138-0013-8000", "digits": b"8613800138000",
        "grouped": b"138 0013 8000", "json": "".join(f"\\u{ord(sign):04x}" for sign in secret).encode(),
        **{f"base{shift}": base64.b64encode(b"abc"[:shift] + coded + b"tail") for shift in range(3)},
    }  # fmt: skip
    for name, content in forms.items():
        (place / name).write_bytes(content)
    for name, value in (("rows", secret), ("blobs", zlib.compress(b"{" + coded + b"}"))):
        database = sqlite3.connect(place / name)
        database.execute("CREATE TABLE t (v)")
        database.executemany("INSERT INTO t VALUES (?)", [("x" * 5_000,), (value,)])
        database.commit()
        database.close()
    done = check(planted, "--data", str(place))
    assert done.exit_code == 1
    for name in (*forms, "rows", "blobs"):
        assert f"{name}:" in done.output, name
    assert not any(one in done.output for one in PLANTED)
    assert "line 3 of planted.txt" in done.output


def test_every_identifier_has_spellings_and_no_two_are_confused() -> None:
    for one in PLANTED:
        assert {"plain", "as JSON, wholly escaped", "as sha256"} <= spellings(one).keys()
    assert not set(spellings("aaaa1111").values()) & set(spellings("bbbb2222").values())


def test_what_cannot_be_searched_is_a_failure_and_wrong_usage_is_told(tmp_path: Path, planted: Path) -> None:
    assert check(planted).exit_code == 2
    broken = tmp_path / "kept"
    broken.mkdir()
    (broken / "x.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 3_000)
    done = check(planted, "--data", str(broken))
    assert (done.exit_code, "could not be searched" in done.output) == (1, True)
    assert check(planted, "--url", "http://127.0.0.1:9").exit_code == 1
    planted.write_text("abc\n")
    assert "shorter than 4 signs" in check(planted, "--data", str(broken)).output
