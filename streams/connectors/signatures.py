"""Signatures of requests, as each system makes them: whether a body is what somebody who knows the secret sent, and just now.

Owns the schemes: what is signed, how it is written, how old it may be. Never holds a secret and never tells one; what is compared is
compared in constant time. Where a scheme signs no instant, sending a request again is no attack on the figures: ids are stable.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import parse_qs, parse_qsl, urlsplit

from streams.connectors.base import URL, Headers
from streams.connectors.record import LeftOut, instant_us

__all__ = ["REASONS", "SCHEMES", "WINDOW_US", "Verify"]

#: Why a request is not what its sender signed, None where it is: `verify(headers, body, secret, now_us)`.
Verify = Callable[[Headers, bytes, str, int], str | None]

#: How far the instant that was signed may be from ours, either way.
WINDOW_US = 300_000_000
REASONS = ("malformed_signature", "wrong_signature", "expired_signature")
#: Fields of a form that are signed; no system sends so many.
FIELDS_MAX = 1_000


def generic(headers: Headers, body: bytes, secret: str, now_us: int) -> str | None:
    """`X-Floorwatch-Signature: sha256=HEX` over `TIMESTAMP.BODY`, with `X-Floorwatch-Timestamp` in seconds since 1970."""
    return _stamped(headers, body, secret, now_us, "x-floorwatch-signature", "x-floorwatch-timestamp")


def chatwoot(headers: Headers, body: bytes, secret: str, now_us: int) -> str | None:
    """`X-Chatwoot-Signature: sha256=HEX` over `TIMESTAMP.BODY`, with `X-Chatwoot-Timestamp`."""
    return _stamped(headers, body, secret, now_us, "x-chatwoot-signature", "x-chatwoot-timestamp")


def zendesk(headers: Headers, body: bytes, secret: str, now_us: int) -> str | None:
    """`X-Zendesk-Webhook-Signature`, Base64 over `TIMESTAMP BODY` without anything between."""
    given, at = headers.get("x-zendesk-webhook-signature"), headers.get("x-zendesk-webhook-signature-timestamp")
    if not given or not at:
        return "malformed_signature"
    made = base64.b64encode(_hmac(secret, _bytes(at) + body, "sha256"))
    return _verdict(given, made.decode()) or _age(at, now_us)


def zammad(headers: Headers, body: bytes, secret: str, now_us: int) -> str | None:
    """`X-Hub-Signature: sha1=HEX` over the body."""
    given = headers.get("x-hub-signature")
    return _verdict(given, "sha1=" + _hmac(secret, body, "sha1").hex()) if given else "malformed_signature"


def twilio(headers: Headers, body: bytes, secret: str, now_us: int) -> str | None:
    """`X-Twilio-Signature`, Base64 of SHA-1 over the address and the form's fields by name; with JSON, over the address, in whose query
    `bodySHA256` is of the body."""
    given, url = headers.get("x-twilio-signature"), headers.get(URL, "")
    if not given:
        return "malformed_signature"
    try:
        digest = parse_qs(urlsplit(url).query, max_num_fields=FIELDS_MAX).get("bodySHA256")
        fields = [] if digest else parse_qsl(_text(body), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        return "wrong_signature"
    if digest and not _same(digest[0].lower(), hashlib.sha256(body).hexdigest()):
        return "wrong_signature"
    signed = url + "".join(name + value for name, value in sorted(fields))
    return _verdict(given, base64.b64encode(_hmac(secret, _bytes(signed), "sha1")).decode())


def qiyu(headers: Headers, body: bytes, secret: str, now_us: int) -> str | None:
    """`checksum` in the query: SHA-1 of the secret, the MD5 of the body and `time`, in hexadecimal digits."""
    try:
        query = parse_qs(urlsplit(headers.get(URL, "")).query, max_num_fields=FIELDS_MAX)
    except ValueError:
        return "wrong_signature"
    given, at = query.get("checksum", [""])[0], query.get("time", [""])[0]
    if not given or not at:
        return "malformed_signature"
    inner = hashlib.md5(body).hexdigest()  # noqa: S324 - the vendor's scheme.
    made = hashlib.sha1(_bytes(secret + inner + at)).hexdigest()  # noqa: S324 - likewise.
    return _verdict(given.lower(), made) or _age(at, now_us)


def _stamped(headers: Headers, body: bytes, secret: str, now_us: int, signature: str, timestamp: str) -> str | None:
    given, at = headers.get(signature), headers.get(timestamp)
    if not given or not at:
        return "malformed_signature"
    made = "sha256=" + _hmac(secret, _bytes(at) + b"." + body, "sha256").hex()
    return _verdict(given, made) or _age(at, now_us)


def _verdict(given: str, made: str) -> str | None:
    return None if _same(given, made) else "wrong_signature"


def _age(at: str, now_us: int) -> str | None:
    """Asked last: whoever has no right signature learns nothing of our clock."""
    try:
        return None if abs(now_us - instant_us(at)) <= WINDOW_US else "expired_signature"
    except LeftOut:
        return "expired_signature"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _hmac(secret: str, signed: bytes, algorithm: str) -> bytes:
    return hmac.digest(_bytes(secret), signed, algorithm)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


SCHEMES: dict[str, Verify] = {
    "generic": generic, "chatwoot": chatwoot, "zendesk": zendesk, "zammad": zammad, "twilio": twilio, "qiyu": qiyu,
}  # fmt: skip
