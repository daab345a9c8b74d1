"""Signatures: each scheme as its vendor makes it; missing, wrong, old and replayed ones are told apart, and no secret is told."""

import base64
import hashlib
import hmac
import inspect

import pytest

from streams.connectors import signatures
from streams.connectors.base import URL
from streams.connectors.registry import CONNECTORS
from streams.connectors.signatures import SCHEMES, WINDOW_US

NOW_S = 1_767_225_600
NOW_US = NOW_S * 1_000_000
SECRET = "a-secret-of-theirs"
BODY = b'{"event": "message_created"}'
FORM = b"b=2&a=1&empty=&c=%20x"


def sign(name: str, text: bytes) -> bytes:
    return hmac.new(SECRET.encode(), text, name).digest()


def signed(scheme: str, at: int = NOW_S, body: bytes = BODY) -> tuple[dict[str, str], bytes]:
    """Headers as the vendor's documentation tells to make them, written out here a second time."""
    if scheme in ("chatwoot", "generic"):
        whose = "chatwoot" if scheme == "chatwoot" else "floorwatch"
        digest = sign("sha256", f"{at}.".encode() + body).hex()
        return {f"x-{whose}-signature": f"sha256={digest}", f"x-{whose}-timestamp": str(at)}, body
    if scheme == "zammad":
        return {"x-hub-signature": "sha1=" + sign("sha1", body).hex()}, body
    if scheme == "zendesk":
        stamp = f"2026-01-01T00:{(at - NOW_S) // 60 % 60:02}:00Z"
        digest64 = base64.b64encode(sign("sha256", stamp.encode() + body)).decode()
        return {"x-zendesk-webhook-signature": digest64, "x-zendesk-webhook-signature-timestamp": stamp}, body
    if scheme == "twilio":
        url = "https://floor.example/v1/connect/flex"
        text = url + "a1" + "b2" + "c x" + "empty"
        return {URL: url, "x-twilio-signature": base64.b64encode(sign("sha1", text.encode())).decode()}, FORM
    inner = hashlib.md5(body).hexdigest()
    checksum = hashlib.sha1((SECRET + inner + str(at)).encode()).hexdigest()
    return {URL: f"https://floor.example/v1/connect/shop?eventType=MSG&time={at}&checksum={checksum}"}, body


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_the_sender_signed_is_taken(scheme: str) -> None:
    headers, body = signed(scheme)
    assert SCHEMES[scheme](headers, body, SECRET, NOW_US) is None


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_a_signature_nothing_is_taken(scheme: str) -> None:
    assert SCHEMES[scheme]({}, BODY, SECRET, NOW_US) == "malformed_signature"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_body_and_another_secret_are_refused(scheme: str) -> None:
    headers, body = signed(scheme)
    assert SCHEMES[scheme](headers, body + b"0", SECRET, NOW_US) == "wrong_signature"
    assert SCHEMES[scheme](headers, body, SECRET + "0", NOW_US) == "wrong_signature"


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - {"zammad", "twilio"}))
@pytest.mark.parametrize("later", [WINDOW_US // 1_000_000 + 60, -WINDOW_US // 1_000_000 - 60])
def test_a_request_replayed_later_or_signed_ahead_is_refused(scheme: str, later: int) -> None:
    headers, body = signed(scheme)
    assert SCHEMES[scheme](headers, body, SECRET, NOW_US + later * 1_000_000) == "expired_signature"
    assert SCHEMES[scheme](headers, body, SECRET, NOW_US + WINDOW_US) is None


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - {"zammad", "twilio"}))
def test_a_time_stamp_that_was_exchanged_does_not_fit_the_signature(scheme: str) -> None:
    old, body = signed(scheme)
    new, _ = signed(scheme, NOW_S + 1_200)
    exchanged = {name: new[name] if "timestamp" in name else value for name, value in old.items()}
    if URL in exchanged:
        exchanged[URL] = old[URL].replace(f"time={NOW_S}", f"time={NOW_S + 1_200}")
    assert SCHEMES[scheme](exchanged, body, SECRET, NOW_US + 1_200_000_000) == "wrong_signature"


def test_json_of_twilio_is_signed_by_its_address_and_its_digest() -> None:
    url = f"https://floor.example/v1/connect/flex?bodySHA256={hashlib.sha256(BODY).hexdigest()}"
    headers = {URL: url, "x-twilio-signature": base64.b64encode(sign("sha1", url.encode())).decode()}
    assert SCHEMES["twilio"](headers, BODY, SECRET, NOW_US) is None
    assert SCHEMES["twilio"](headers, BODY + b" ", SECRET, NOW_US) == "wrong_signature"


def test_every_connector_that_is_signed_has_its_scheme_and_every_scheme_a_connector() -> None:
    assert {kind.scheme for kind in CONNECTORS.values()} - {""} == set(SCHEMES)


def test_signatures_are_compared_in_constant_time() -> None:
    source = inspect.getsource(signatures)
    assert "hmac.compare_digest" in source
    assert not [line for line in source.splitlines() if "given ==" in line or "== made" in line or "given !=" in line]
