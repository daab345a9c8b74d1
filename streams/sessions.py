"""The wall's cookie: proof that a token was given once, without the token in it.

Owns: the key that seals cookies, kept in the data folder for its owner only, so that a wall need not log in again after a restart.
Never knows what a token may do. Law: a cookie holds as long as its token does, and thirty days at most; neither the file of tokens nor a
cookie is enough to make another one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

from streams.settings import SettingsError

__all__ = ["LIFETIME_S", "Sessions", "kept_key"]

LIFETIME_S = 30 * 86_400
KEY_BYTES = 32


class Sessions:
    """`seal` a token's id, and `open` what was sealed. Raises SettingsError where the key cannot be kept."""

    def __init__(self, path: Path) -> None:
        self._key = kept_key(path, "remove it, and every wall logs in once more")

    def seal(self, token_id: str, digest: str) -> str:
        """A cookie for a token with that digest."""
        until = str(int(time.time()) + LIFETIME_S)
        return f"{token_id}.{until}.{self._mac(token_id, until, digest)}"

    def token_id(self, cookie: str) -> str:
        """The id that a cookie claims; see `opens`."""
        return cookie.partition(".")[0]

    def opens(self, cookie: str, digest: str) -> bool:
        """Whether we sealed the cookie for a token with that digest, not too long ago."""
        token_id, until, mac = (*cookie.split("."), "", "")[:3]
        right = hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(token_id, until, digest).encode())
        return right and until.isascii() and until.isdigit() and time.time() < int(until)

    def _mac(self, *parts: str) -> str:
        return hmac.new(self._key, "\0".join(parts).encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def kept_key(path: Path, remedy: str) -> bytes:
    """The key in a file, drawn and written for its owner only where there is none. Raises SettingsError, with a remedy for a damaged one."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            key = secrets.token_bytes(KEY_BYTES)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
    except OSError as error:
        raise SettingsError(f"The key {path} cannot be kept: {error.strerror}; make its folder writable.") from None
    if len(key) != KEY_BYTES:
        raise SettingsError(f"The key {path} is damaged; {remedy}.")
    return key
