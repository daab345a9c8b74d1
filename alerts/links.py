"""Links by which one tap acknowledges: signed, for one message, for a time, good once.

Owns the signature. Never keeps who used which: the store does. Law: nobody makes a link without the key, and nothing in it can be changed.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

__all__ = ["LINK_CHARACTERS_MAX", "BadLink", "Link", "opened", "sealed"]

SIGNATURE_BYTES = 16
LINK_CHARACTERS_MAX = 600


class BadLink(ValueError):
    """It is forged, damaged or too old; the message says which."""


@dataclass(frozen=True)
class Link:
    """What a link stands for: the message's name is what may be used once."""

    message: str
    alert: str
    person: str
    until_us: int


def sealed(link: Link, key: bytes) -> str:
    """The link as text that fits into an address."""
    said = "\n".join((link.message, link.alert, link.person, str(link.until_us))).encode()
    return base64.urlsafe_b64encode(_signature(said, key) + said).rstrip(b"=").decode()


def opened(text: str, key: bytes, now_us: int) -> Link:
    """What a text stands for. Raises BadLink."""
    if len(text) > LINK_CHARACTERS_MAX:
        raise BadLink("forged")
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        signature, said = data[:SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(said, key)) or sealed(_read(said), key) != text:
            raise BadLink("forged")
        link = _read(said)
    except (UnicodeError, binascii.Error, ValueError):
        raise BadLink("forged") from None
    if link.until_us <= now_us:
        raise BadLink("expired")
    return link


def _read(said: bytes) -> Link:
    message, alert, person, until_us = said.decode().split("\n")
    return Link(message, alert, person, int(until_us))


def _signature(said: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"floorwatch acknowledgement\n" + said, hashlib.sha256).digest()[:SIGNATURE_BYTES]
