"""Negative words: does what a customer wrote hold one? (catalogue C42)

Owns the list of words and how they are looked for. Never keeps a text: what goes on is only whether it was negative, so that
the words of customers stay out of everything that is stored.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

from engine.errors import InvalidSetting

__all__ = ["NegativeWords", "default_words", "read_words"]

WORDS_MAX = 5_000
_WORD = re.compile(r"[a-z0-9'’-]+")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


class NegativeWords:
    """A list of words: single Latin ones count as whole words, all others anywhere in a text; case does not matter."""

    def __init__(self, words: Iterable[str]) -> None:
        told = {word.strip().casefold() for word in words} - {""}
        self._whole = frozenset(word for word in told if _WORD.fullmatch(word) and not word.isdigit())
        self._parts = tuple(sorted(told - self._whole))

    def found(self, text: str) -> bool:
        """Whether a text holds one of the words."""
        text = text.casefold()
        return any(part in text for part in self._parts) or not self._whole.isdisjoint(_WORD.findall(text))

    def judged(self, event: dict[str, msgspec.Raw]) -> None:
        """Takes the text out of an event and leaves whether a customer's was negative; what is no text says nothing."""
        written = event.pop("text", None)
        if written is not None and bytes(event.get("type", b"")) == b'"message.customer"':
            try:
                event["negative"] = msgspec.Raw(b"true" if self.found(_text.decode(bytes(written))) else b"false")
            except msgspec.DecodeError:
                event.pop("negative", None)

    def mark(self, lines: bytes) -> bytes:
        """NDJSON of which the texts are judged and taken out; lines that cannot be read stay as they are."""
        if b'"text"' not in lines:
            return lines
        return b"\n".join(self._marked(line) if b'"text"' in line else line for line in lines.split(b"\n"))

    def _marked(self, line: bytes) -> bytes:
        try:
            event = _object.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return line
        self.judged(event)
        return _encode(event)


@cache
def default_words() -> NegativeWords:
    """The list that ships with Floorwatch, in Chinese and English."""
    return _parsed((files("streams") / "negative_words.txt").read_text("utf-8"))


def read_words(path: Path) -> NegativeWords:
    """The words of a file, one a line, `#` before remarks. Raises InvalidSetting for a file that is no such list."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InvalidSetting(f"{path}: {error.strerror}; name a file of words, one a line") from None
    except UnicodeDecodeError:
        raise InvalidSetting(f"{path}: the bytes are no UTF-8; save the file as UTF-8") from None
    words = _parsed(text)
    if not words._whole and not words._parts:
        raise InvalidSetting(f"{path}: there is no word in it; write one a line")
    return words


def _parsed(text: str) -> NegativeWords:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    if len(lines) > WORDS_MAX:
        raise InvalidSetting(f"there are {len(lines):,} words; a list may have {WORDS_MAX:,}")
    return NegativeWords(lines)
