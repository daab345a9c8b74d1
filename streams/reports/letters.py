"""Which reports go to whom by e-mail, and when: the file of `--report-mail`.

Owns: what an entry is called and what belongs into it. Never sends. The law: a file is taken whole or not at all, and all its faults are said at
once, each with its line and what would be right; an address with its secret is never told.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from engine.errors import InvalidSetting
from engine.source import FILE_BYTES_MAX, Entries, Faults, InvalidFile, Node, compose
from streams.figures import ROLLUPS
from streams.options import zone_of
from streams.policy.parts import entries_of, texts_of, word_of

__all__ = ["LETTERS_MAX", "Letter", "read_letters"]

LETTERS_MAX = 100
RECIPIENTS_MAX = 50
#: Addresses of channels are longer than names.
TEXT_CHARACTERS_MAX = 4_096
EVERY = ("day", "week", "month")
LANGUAGES = ("en", "zh")
SCHEMES = ("mail+smtps", "mail+starttls", "mail+smtp", "mailtos", "mailto")
_BY = tuple(",".join(dimensions) or "total" for dimensions in ROLLUPS)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_AT = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_RECIPIENT = re.compile(r"[^\s@,;<>\"]{1,64}@[^\s@,;<>\"]{1,255}")
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


@dataclass(frozen=True)
class Letter:
    """One report: of the day, the week from Monday, or the month that is over; sent on the day after at `at_minutes` past midnight of `zone`."""

    name: str
    every: str
    at_minutes: int
    zone: ZoneInfo
    language: str
    by: tuple[str, ...]
    to: tuple[str, ...]
    url: str = field(repr=False)
    private: bool = False


def read_letters(path: Path) -> tuple[Letter, ...]:
    """The reports of a file. Raises InvalidSetting with all its faults, OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    faults, letters = Faults(), []
    with faults.gathered():
        said = entries_of(compose(data, str(path), faults, TEXT_CHARACTERS_MAX), ("reports",), "the file", faults)
        node = said.get("reports")
        if not isinstance(node, Entries):
            raise InvalidFile(
                f"{path}:1: the file names no reports; write reports:, and under it a name with every, at, to and url"
            )
        if len(node.entries) > LETTERS_MAX:
            raise InvalidFile(f"{node.where}: there are {len(node.entries)} reports; a file may have {LETTERS_MAX}")
        for name, entry in node.entries.items():
            with faults.gathered():
                if not _NAME.fullmatch(name):
                    raise InvalidFile(
                        f"{node.places[name]}: {name!r} cannot name a file; take letters, digits, - and _"
                    )
                letters.append(_letter(name, entry, node.places[name], path.parent, faults))
    if faults.told:
        raise InvalidSetting("\n".join(faults.told))
    return tuple(letters)


def _letter(name: str, node: Node, where: str, folder: Path, faults: Faults) -> Letter:
    said = entries_of(node, (*_READERS, "to", "url", "url_file"), "a report", faults)
    read: dict[str, Any] = {"language": "en", "by": (), "zone": zone_of("Asia/Shanghai"), "private": False}
    for key, reader in _READERS.items():
        if key in said:
            with faults.gathered():
                read[key] = word_of(said[key], reader)
        elif key not in read:
            faults.told.append(f"{where}: the report does not say {key}; {_WANTED[key]}")
    read["to"] = _recipients(said["to"]) if "to" in said else ()
    if not read["to"]:
        raise InvalidFile(f"{where}: the report goes to nobody; write to: [name@example.com]")
    url, private = _url(said, where, folder), read["private"]
    return Letter(
        name,
        read.get("every", ""),
        read.get("at", 0),
        read["zone"],
        read["language"],
        read["by"],
        read["to"],
        url,
        private,
    )


def _recipients(node: Node) -> tuple[str, ...]:
    found = texts_of(node)
    if len(found) > RECIPIENTS_MAX:
        raise InvalidFile(f"{node.where}: a report goes to {RECIPIENTS_MAX} addresses at most; take a mailing list")
    for text in found:
        if not _RECIPIENT.fullmatch(text):
            raise InvalidFile(f"{node.where}: {text!r} is no address of one person; write it like name@example.com")
    return tuple(dict.fromkeys(found))


def _url(said: Any, where: str, folder: Path) -> str:
    """The way out, with what a variable or a file says instead. Nothing of it stands in a refusal."""
    if ("url" in said) == ("url_file" in said):
        raise InvalidFile(f"{where}: write either url or url_file, the mail server with its secret")
    node = said.get("url") or said["url_file"]
    text = word_of(node, str)
    if "url_file" in said:
        try:
            text = (folder / text).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise InvalidFile(
                f"{node.where}: the file {folder / text} cannot be read: {reason}; correct its name or rights"
            ) from None
    elif found := _VARIABLE.fullmatch(text):
        text = os.environ.get(found[1], "")
        if not text:
            raise InvalidFile(f"{node.where}: the variable {found[1]} is not set; set it, or write url_file")
    try:
        parts = urlsplit(text)
        sound = parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        sound = sound and (not parts.scheme.startswith("mail+") or "from" in parse_qs(parts.query))
    except ValueError:
        sound = False
    if not sound:
        raise InvalidFile(
            f"{node.where}: this is no way to send e-mail; write it like mail+smtps://USER:PASSWORD@HOST/?from=A, or mailtos://… as Apprise has it"
        )
    return text


def _one_of(known: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"{text!r} is none of these; choose from {', '.join(known)}")
        return text

    return read


def _at(text: str) -> int:
    if not _AT.fullmatch(text):
        raise ValueError(f'{text!r} is no time of day; write it like "07:30", in quotes')
    return int(text[:2]) * 60 + int(text[3:])


def _by(text: str) -> tuple[str, ...]:
    if text.replace(" ", "") not in _BY:
        raise ValueError(f"nothing is kept by {text!r}; choose from {'; '.join(_BY)}")
    return () if text == "total" else tuple(text.replace(" ", "").split(","))


def _yes(text: str) -> bool:
    return _one_of(("yes", "no"))(text) == "yes"


#: What a report may say in one word, and how it is read.
_READERS: dict[str, Callable[[str], Any]] = {
    "every": _one_of(EVERY), "at": _at, "zone": zone_of, "language": _one_of(LANGUAGES), "by": _by, "private": _yes,
}  # fmt: skip
_WANTED = {"every": "write every: day, week or month", "at": 'write the time of day, at: "07:30"'}
