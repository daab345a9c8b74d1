"""The tokens of people, walls and writers: a file to which lines are only ever added, and how a token that was given is judged.

Owns: the file's form, and what a token looks like. Never keeps a token: of its secret, 256 random bits, the file has the SHA-256, from which
nobody finds it again; keys to sign with are made of one master, which lies beside the file for its owner only. Law: a token counts for what its line says, from the second after it was written until it expires, a later
line revokes it, or its line is gone; a file that cannot be read lets nobody in.

A line is `{"is":"token",…}` or `{"is":"revoked",…}`. Several tokens may have one name, so that one takes the other's place while both hold.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from engine.columns import OTHER
from streams.access import ROLES
from streams.screens import PAGES
from streams.sessions import kept_key
from streams.settings import SettingsError

__all__ = [
    "LINES_MAX",
    "Revoked",
    "Token",
    "TokenFile",
    "append",
    "kept_master",
    "made",
    "master_path",
    "read_tokens",
    "signing_key",
]

#: Lines of a file, revoked tokens included.
LINES_MAX = 10_000
TENANTS_MAX = 200
NAME_LENGTH_MAX = 64
RATE_MAX = 10_000_000
LOOK_S = 1.0
_PREFIX = "fw"
_LINE_BYTES_MAX = 64 << 10
_NOBODY = "0" * 64


class Token(msgspec.Struct, frozen=True, tag_field="is", tag="token", forbid_unknown_fields=True, omit_defaults=True):
    """A line that gives. `tenants` and `pages` None is all of them; instants are RFC 3339. Raises ValueError."""

    id: str
    name: str
    role: str
    sha256: str
    created: datetime
    expires: datetime | None = None
    tenants: tuple[str, ...] | None = None
    pages: tuple[str, ...] | None = None
    signs: bool = False
    """Whether it is a key to sign with, see streams.signatures, and then no bearer."""
    rate: int | None = None
    """Events a second that it may send, None for what the service's settings say."""

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= NAME_LENGTH_MAX or not self.name.isprintable():
            raise ValueError(f"a name has 1 to {NAME_LENGTH_MAX} printable signs")
        if self.role not in ROLES:
            raise ValueError(f"{self.role!r} is no role; choose from {', '.join(ROLES)}")
        if self.role == "admin" and (self.tenants is not None or self.pages is not None):
            raise ValueError("an admin sees everything; leave tenants and pages out, or choose another role")
        if self.role == "writer" and self.pages is not None:
            raise ValueError("a writer sees no page; leave pages out, or choose another role")
        if self.signs and self.role != "writer":
            raise ValueError("only a writer signs what it sends; choose the role writer")
        if self.rate is not None and not 0 < self.rate <= RATE_MAX:
            raise ValueError(f"a rate is 1 to {RATE_MAX:,} events a second")
        if self.tenants is not None and not 0 < len(self.tenants) <= TENANTS_MAX:
            raise ValueError(f"a token is for 1 to {TENANTS_MAX} tenants, or for all")
        if {"", OTHER} & set(self.tenants or ()):
            raise ValueError(f"no tenant is called '' or '{OTHER}': what is counted there is everybody's")
        for page in self.pages or ():
            if page not in PAGES:
                raise ValueError(f"{page!r} is no page; choose from {', '.join(PAGES)}")
        if self.pages is not None and not self.pages:
            raise ValueError("a token is for some page, or for all")
        if self.expires is not None and self.expires.tzinfo is None:
            raise ValueError("expires needs an offset; write it like 2027-01-31T00:00:00Z")

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires is not None and now >= self.expires


class Revoked(msgspec.Struct, frozen=True, tag_field="is", tag="revoked", forbid_unknown_fields=True):
    """A line that takes back."""

    id: str
    at: datetime


_decoder = msgspec.json.Decoder(Token | Revoked)


def made(
    name: str, role: str, tenants: tuple[str, ...] | None, pages: tuple[str, ...] | None, expires: datetime | None,
    *, rate: int | None = None, master: bytes | None = None,
) -> tuple[Token, str]:  # fmt: skip
    """A new token's line and the token itself, which is nowhere else; with a `master` a key to sign with. Raises ValueError."""
    token_id = secrets.token_hex(6)
    given = signing_key(master, token_id) if master else f"{_PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"
    created = datetime.now(UTC).replace(microsecond=0)
    line = Token(token_id, name, role, _digest(given), created, expires, tenants, pages, master is not None, rate)
    return line, given


def signing_key(master: bytes, token_id: str) -> str:
    """The key of an id. Only who has the master's bytes can tell it, so it need not be kept."""
    return f"{_PREFIX}k_{token_id}_{hmac.new(master, token_id.encode(), hashlib.sha256).hexdigest()}"


def master_path(tokens: Path) -> Path:
    """Where the master of the keys of a file of tokens is kept."""
    return tokens.with_suffix(".key")


def kept_master(tokens: Path) -> bytes:
    """The master, drawn at the first time, for its owner only. Raises SettingsError."""
    return kept_key(master_path(tokens), "put a backup in its place, or remove it and make the keys to sign with anew")


def append(path: Path, line: Token | Revoked) -> None:
    """Adds a line; a file that is not there is made, for its owner only. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        torn = size > 0 and file.read(1) != b"\n"
        file.write((b"\n" if torn else b"") + msgspec.json.encode(line) + b"\n")


def read_tokens(path: Path) -> tuple[dict[str, Token], dict[str, Revoked]]:
    """All tokens by id, and those of them that were revoked. Raises SettingsError, which tells file, line and remedy."""
    tokens: dict[str, Token] = {}
    revoked: dict[str, Revoked] = {}
    try:
        with path.open("rb") as file:
            lines = file.read(LINES_MAX * _LINE_BYTES_MAX // 64).split(b"\n")
    except OSError as error:
        raise SettingsError(
            f"The token file {path} cannot be read: {error.strerror}; make one with floorwatch token create."
        ) from None
    if len(lines) > LINES_MAX:
        raise SettingsError(f"The token file {path} has more than {LINES_MAX:,} lines; begin a new one.")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            said = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{path}:{number}: the line is none that floorwatch token writes: {error}; correct it or take it out."
            ) from None
        if isinstance(said, Revoked):
            revoked[said.id] = said
        elif said.id in tokens:
            raise SettingsError(f"{path}:{number}: the id {said.id} was given before; take one of the lines out.")
        else:
            tokens[said.id] = said
    return tokens, revoked


class TokenFile:
    """The tokens that hold now; looks after its file at most once a second. Safe to call from any thread."""

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tell: Callable[[str], None] = lambda sentence: print(sentence, file=sys.stderr, flush=True),
    ) -> None:
        self.path = path
        self._now = now
        self._tell = tell
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._stamp = _stamp(path)
        self._secrets: dict[str, bytes] = {}
        self.on_change: Callable[[dict[str, Token], dict[str, Revoked]], None] = lambda tokens, revoked: None
        """Called with all tokens and those that were revoked, when the file has changed."""
        self._tokens: dict[str, Token] = {}
        self.take()

    def take(self) -> None:
        """Read the file, whether it has changed or not. Raises SettingsError."""
        tokens, revoked = read_tokens(self.path)
        self._tokens = {token_id: token for token_id, token in tokens.items() if token_id not in revoked}
        self.on_change(tokens, revoked)

    def judge(self, given: str) -> tuple[Token | None, Literal["", "wrong_token", "expired_token"]]:
        """The token that was given, and why it does not hold; None where it is none. Takes the same time for every wrong one."""
        parts = given.split("_", 2)
        token = self._current().get(parts[1] if len(parts) == 3 else "")
        is_right = hmac.compare_digest(_digest(given), token.sha256 if token else _NOBODY)
        if not is_right or token is None or token.signs:
            return None, "wrong_token"
        return token, "expired_token" if token.is_expired(self._now()) else ""

    def key(self, token_id: str) -> tuple[Token | None, bytes]:
        """The holder of a key to sign with, and the key; None where there is none that holds."""
        token = self.holding(token_id)
        if token is None or not token.signs:
            return None, b""
        secret = self._secrets.get(token_id)
        if secret is None:
            try:
                secret = signing_key(master_path(self.path).read_bytes(), token_id).encode()
            except OSError:
                return None, b""
            if not hmac.compare_digest(_digest(secret.decode()), token.sha256):
                return None, b""  # Another master than the one that it was made of.
            self._secrets[token_id] = secret
        return token, secret

    def holding(self, token_id: str) -> Token | None:
        """The token of an id, where it holds."""
        token = self._current().get(token_id)
        return None if token is None or token.is_expired(self._now()) else token

    def _current(self) -> dict[str, Token]:
        if time.monotonic() - self._looked >= LOOK_S:
            with self._lock:
                self._look()
        return self._tokens

    def _look(self) -> None:
        stamp = _stamp(self.path)
        if stamp != self._stamp:
            self._secrets = {}
            try:
                self.take()
            except SettingsError as fault:
                self._tokens = {}
                self._tell(f"{fault} Nobody is let in by its tokens until then.")
            self._stamp = stamp
        self._looked = time.monotonic()


def _digest(given: str) -> str:
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        state = path.stat()
    except OSError:
        return (0, 0, 0)
    return state.st_mtime_ns, state.st_size, state.st_ino
