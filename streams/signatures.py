"""Signed requests: who sends proves that he has a key, that the body is his, and that it is of now.

Owns the header `Floorwatch-Signature: id=…,t=…,v1=…` and the memory of signatures that were used. `id` is the key's, `t` seconds since 1970 with up to six
decimals, and `v1` the HMAC-SHA-256, in hexadecimal, of the text of `t`, a full stop and the body as it is sent. Never keeps a body: it is hashed as it passes.
Law: the last part of a body is let through only when the signature over all of it fits; one signature opens once, compared in constant time.
What was answered 429 or 503, of which nothing was stored, may be sent again as it is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from streams.tokens import Token, TokenFile

__all__ = ["HEADER", "SIGNATURES_OF_KEY_MAX", "WINDOW_S", "Signature", "Signatures", "signed"]

HEADER = "floorwatch-signature"
#: How far `t` may be from this machine's clock, either way.
WINDOW_S = 300
#: Signatures that are remembered of one key; of one more the request is refused with 429 until older ones are out of the window.
SIGNATURES_OF_KEY_MAX = 200_000
_SLICE_S = 60
_FORM = re.compile(r"id=([0-9a-f]{1,32}),t=((\d{1,12})(?:\.\d{1,6})?),v1=([0-9a-f]{64})")
_MEMORY_BYTES = 16


def signed(key: str, body: bytes, at_s: str) -> str:
    """The header's value that a writer with that key sends with a body."""
    mac = hmac.new(key.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"id={key.split('_')[1]},t={at_s},v1={mac}"


@dataclass
class Signature:
    """One request's: `take` the body's parts, then `refusal` says why it is none, once."""

    token: Token
    at_s: int
    given: str
    _mac: hmac.HMAC
    _memory: Signatures

    def take(self, part: bytes) -> None:
        self._mac.update(part)

    def refusal(self) -> str | None:
        """Why the request is refused, None where the signature fits and was not used; from then on it is."""
        if not hmac.compare_digest(self._mac.hexdigest(), self.given):
            return "wrong_signature"
        return self._memory.use(self)

    def release(self) -> None:
        """Nothing came of the request: it may come again."""
        self._memory.release(self)


class Signatures:
    """Judges headers, and remembers what was used for as long as it could be used again."""

    def __init__(self, tokens: TokenFile, *, now_s: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._now_s = now_s
        self._used: defaultdict[int, set[tuple[str, bytes]]] = defaultdict(set)
        self._counts: Counter[str] = Counter()

    def begin(self, header: str) -> Signature | str:
        """What is to be checked while the body comes, or the reason of a refusal."""
        found = _FORM.fullmatch(header.replace(" ", ""))
        if found is None:
            return "malformed_signature"
        token_id, at, at_s, given = found.groups()
        token, key = self._tokens.key(token_id)
        if token is None:
            return "wrong_signature"
        if abs(self._now_s() - int(at_s)) > WINDOW_S:
            return "expired_signature"
        return Signature(token, int(at_s), given, hmac.new(key, f"{at}.".encode(), hashlib.sha256), self)

    def use(self, signature: Signature) -> str | None:
        """Remember a signature; the reason why it may not be used."""
        self._forget()
        place, entry = self._place(signature)
        if entry in self._used[place]:
            return "replayed_signature"
        if self._counts[signature.token.id] >= SIGNATURES_OF_KEY_MAX:
            return "signatures_full"
        self._used[place].add(entry)
        self._counts[signature.token.id] += 1
        return None

    def release(self, signature: Signature) -> None:
        """Forget a signature that was used for nothing."""
        place, entry = self._place(signature)
        if place in self._used and entry in self._used[place]:
            self._used[place].remove(entry)
            self._counts[signature.token.id] -= 1

    def _place(self, signature: Signature) -> tuple[int, tuple[str, bytes]]:
        return signature.at_s // _SLICE_S, (signature.token.id, bytes.fromhex(signature.given)[:_MEMORY_BYTES])

    def _forget(self) -> None:
        oldest = int(self._now_s() - WINDOW_S) // _SLICE_S - 1
        for place in [place for place in self._used if place < oldest]:
            self._counts -= Counter(token_id for token_id, _ in self._used.pop(place))
