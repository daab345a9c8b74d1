"""Recorded events from files: blocks of whole lines from plain and gzipped NDJSON, with a reject for what is broken.

A gzip that ends too early or is corrupt gives up what could be read of it and one reject; a line longer than the limit is
skipped without being held in memory.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from engine.events import LINE_BYTES_MAX, Decoded, Reject, Vocabulary, decode
from engine.keys import PUBLIC, Secret
from streams.negative import NegativeWords, default_words

__all__ = ["Recording"]

_READ_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


@dataclass
class Recording:
    """One file of events. `read_bytes` of its `size_bytes` have been read; `name` is how rejects call it, `secret` is what the
    keys of its texts are made with, and `words` are those that make a customer's message a negative one."""

    path: Path
    name: str
    secret: Secret = PUBLIC
    words: NegativeWords = field(default_factory=default_words)
    read_bytes: int = 0
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.size_bytes = self.path.stat().st_size
        self._vocabulary = Vocabulary(self.secret)

    def decoded(self) -> Iterator[Decoded]:
        """Blocks of decoded events in the order of the file. Raises OSError when the file cannot be read."""
        line = 1
        skipping = False
        rest = b""
        begun = False
        with self.path.open("rb") as file:
            for piece, fault in self._pieces(file):
                if fault:
                    # What a broken archive left of a line is no line.
                    yield self._rejected(replace(fault, line=line))
                    return
                if not begun:
                    piece, begun = piece.removeprefix(_BOM), True
                if skipping:
                    _, newline, piece = piece.partition(b"\n")
                    if not newline:
                        continue
                    skipping = False
                    line += 1
                data = rest + piece
                end = data.rfind(b"\n") + 1
                rest = data[end:]
                if end:
                    yield self._decode(data[:end], line)
                line += data.count(b"\n", 0, end)
                if len(rest) > LINE_BYTES_MAX:
                    yield self._rejected(self._too_long(line))
                    rest, skipping = b"", True
        if rest and not skipping:
            yield self._decode(rest, line)

    def _decode(self, data: bytes, line: int) -> Decoded:
        if self._vocabulary.full():
            self._vocabulary = Vocabulary(self.secret)
        data = self.words.mark(data)
        return decode(data, source=self.name, first_line=line, vocabulary=self._vocabulary)

    def _too_long(self, line: int) -> Reject:
        return Reject(self.name, line, "line_too_long", f"longer than {LINE_BYTES_MAX} bytes")

    def _rejected(self, reject: Reject) -> Decoded:
        return replace(decode(b"", source=self.name), rejects=[reject])

    def _pieces(self, file: BinaryIO) -> Iterator[tuple[bytes, Reject | None]]:
        """Pieces of the plain text, each with no fault; a last empty piece with the fault that ended the reading."""
        raw = self._read(file)
        if not raw.startswith(_GZIP):
            while raw:
                yield raw, None
                raw = self._read(file)
            return
        inflate = zlib.decompressobj(wbits=31)
        try:
            while raw:
                yield inflate.decompress(raw, _READ_BYTES), None
                raw = inflate.unconsumed_tail
                if inflate.eof:
                    raw = inflate.unused_data.lstrip(b"\0") or self._read(file)
                    inflate = zlib.decompressobj(wbits=31)
                    if not raw:
                        return
                raw = raw or self._read(file)
            while piece := inflate.decompress(b"", _READ_BYTES):
                yield piece, None
        except zlib.error:
            yield b"", Reject(self.name, 0, "corrupt_gzip", "the archive cannot be read past here")
            return
        if not inflate.eof:
            yield b"", Reject(self.name, 0, "truncated_gzip", "the archive ends before its end mark")

    def _read(self, file: BinaryIO) -> bytes:
        raw = file.read(_READ_BYTES)
        self.read_bytes += len(raw)
        return raw
