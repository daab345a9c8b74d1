"""Looks for planted identifiers in all that an installation has written: files, databases and what is packed in them.

Owns the spellings in which an identifier could have been kept, and the ways into a file. Never prints or returns an identifier: a find says which one by its line.
Law: what is searched is counted, so that nothing found is not nothing looked at.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import json
import shutil
import sqlite3
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

__all__ = ["PLANTED_MAX", "Find", "Search", "spellings"]

#: Identifiers that are looked for at once; each has about twenty spellings.
PLANTED_MAX = 500
#: Shorter ones would be found by chance.
LENGTH_MIN = 4
INFLATED_BYTES_MAX = 256 << 20
COPIES_MAX = 5
_SQLITE = b"SQLite format 3\0"
_PHONE_GROUPS = (3, 4, 4)


@dataclass(frozen=True, order=True)
class Find:
    """Where one was found: the place, the planted line, and how it is spelled there."""

    place: str
    line: int
    spelling: str


def spellings(identifier: str) -> dict[str, bytes]:
    """The ways in which an identifier may have been written down, by name; hashes without a key count, for who knows the numbers can try them all."""
    raw = identifier.encode()
    escaped = json.dumps(identifier)[1:-1]
    found: dict[str, bytes] = {
        "plain": raw, "as JSON": escaped.encode(), "as JSON, wholly escaped": "".join(f"\\u{ord(sign):04x}" for sign in identifier).encode(),
        "as address": quote(identifier, safe="").encode(), "as form": quote_plus(identifier).encode(), "as HTML": html.escape(identifier).encode(),
        "as hexadecimal": raw.hex().encode(), "as capital hexadecimal": raw.hex().upper().encode(), "as UTF-16": identifier.encode("utf-16-le"),
        "as UTF-16, big end": identifier.encode("utf-16-be"),
        **{f"as {name}": hashlib.new(name, raw, usedforsecurity=False).hexdigest().encode() for name in ("md5", "sha1", "sha256")},
    }  # fmt: skip
    for shift in range(3):
        # What base64 makes of it in the midst of something: without the signs that depend on what stands around.
        coded = base64.b64encode(b"\0" * shift + raw)
        part = coded[(0, 2, 3)[shift] : len(coded) - (0 if (shift + len(raw)) % 3 == 0 else 4)]
        if len(part) > LENGTH_MIN:
            found |= {
                f"as base64, shifted by {shift}": part,
                f"as base64 of addresses, shifted by {shift}": part.translate(bytes.maketrans(b"+/", b"-_")),
            }
    digits = "".join(sign for sign in identifier if sign.isascii() and sign.isdigit())
    if len(digits) >= 7:
        found["its digits"] = digits.encode()
        last = digits[-sum(_PHONE_GROUPS) :]
        groups = [last[:3], last[3:7], last[7:]]
        found |= {
            "its digits with blanks": " ".join(groups).encode(),
            "its digits with hyphens": "-".join(groups).encode(),
        }
    return {name: needle for name, needle in found.items() if len(needle) >= LENGTH_MIN}


@dataclass
class Search:
    """`data` and `folder` are searched for `planted` identifiers, which are called by their lines."""

    planted: dict[int, str]
    finds: set[Find] = field(default_factory=set)
    places: int = 0
    bytes_searched: int = 0
    unread: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._needles = {
            needle: (line, name)
            for line, text in self.planted.items()
            for name, needle in reversed(spellings(text).items())
        }

    def data(self, place: str, content: bytes) -> None:
        """Bytes, and what they hold when they are packed."""
        for part in _unpacked(content):
            self.bytes_searched += len(part)
            for needle, (line, name) in self._needles.items():
                if needle in part:
                    self.finds.add(Find(place, line, name))
        self.places += 1

    def folder(self, folder: Path) -> None:
        """Every file below."""
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                self.file(path, str(path.relative_to(folder)))

    def file(self, path: Path, place: str = "") -> None:
        """A file as it lies there, and the rows of a database."""
        place = place or str(path)
        try:
            content = path.read_bytes()
            self.data(place, content)
            if content.startswith(_SQLITE):
                for where, value in _values(path):
                    self.data(f"{place}: {where}", value)
        except (OSError, sqlite3.Error) as error:
            if path.exists():  # What has gone meanwhile needs no search.
                self.unread.append(f"{place}: {error}")


def _unpacked(content: bytes) -> Iterator[bytes]:
    """The bytes, and what they are when they were packed by zlib or gzip."""
    yield content
    if content[:1] == b"\x78" or content[:2] == b"\x1f\x8b":
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(content, INFLATED_BYTES_MAX)


def _values(path: Path) -> list[tuple[str, bytes]]:
    """Every text and blob of a database, from a copy, since a service may have it open; a copy that was made while it wrote is made again."""
    for tries_left in reversed(range(COPIES_MAX)):
        try:
            return list(_copied_values(path))
        except sqlite3.DatabaseError:
            if not tries_left:
                raise
            time.sleep(0.3)
    return []


def _copied_values(path: Path) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory(prefix="floorwatch-privacy-") as folder:
        copy = Path(folder, path.name)
        for ending in ("", "-wal"):
            if (there := path.with_name(path.name + ending)).exists():
                shutil.copyfile(there, copy.with_name(copy.name + ending))
        with contextlib.closing(sqlite3.connect(copy)) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            for table in tables:
                quoted = table.replace('"', '""')
                rows = database.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - names of its own schema.
                for number, row in enumerate(rows, 1):
                    for value in row:
                        if isinstance(value, str | bytes):
                            said = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
                            yield f"{table}, row {number}", said
