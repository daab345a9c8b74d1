"""From the body of a request to lines that may be stored.

Owns: inflating within a bound, telling one event from an array from NDJSON (pretty-printed or not), and privacy on
entry: of `text` only stays whether it held a negative word, `customer` is replaced by a keyed hash, and fields that are none of the format's are dropped, since
nobody knows what is in them. Never judges an event (engine.events does), never
stores one, never sends one anywhere.

Law: what leaves here holds no message text, no customer's own identifier and no field that the format does not have; lines keep
their numbers; a line that is no JSON object passes unchanged, for the decoder to refuse it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.events import LINE_BYTES_MAX, Details, Event
from engine.screening import NAMED, Screener
from streams.negative import NegativeWords, default_words

__all__ = ["BodyError", "Pseudonyms", "inflate", "lines_of", "pieces"]

KEY_BYTES = 32
PSEUDONYM_DIGITS = 16
PIECE_BYTES = 1 << 20
#: Members of one gzip body; what is left of the body is copied for each.
MEMBERS_MAX = 100
#: Bytes of an array, or of events printed over several lines: each value becomes an object before any can be judged.
OBJECTS_BYTES_MAX = 2 << 20
_GZIP = 16 + zlib.MAX_WBITS
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANKS = re.compile(r"[ \t\r\n]*")

_array = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder(msgspec.Raw)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)
_FIELDS = frozenset(Event.__struct_fields__) | frozenset(Details.__struct_fields__)
#: Reads an object that has no other fields, and makes nothing of their values.
_known = msgspec.json.Decoder(
    msgspec.defstruct(
        "Known", [(name, msgspec.Raw, msgspec.Raw()) for name in sorted(_FIELDS)], forbid_unknown_fields=True, gc=False
    )
)
_encode = msgspec.json.Encoder().encode
_screener = Screener(tuple(sorted(_FIELDS)))
#: What a key is mixed with before and behind what is hashed (RFC 2104).
_INNER, _OUTER = bytes(byte ^ 0x36 for byte in range(256)), bytes(byte ^ 0x5C for byte in range(256))
_BAD_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class BodyError(Exception):
    """A body that cannot be taken at all; `status` is the HTTP answer, the message one sentence, `reason` of streams.refusals."""

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


def inflate(body: bytes, bytes_max: int) -> bytes:
    """Undo gzip (several members too). Stops at `bytes_max` and raises BodyError, so a bomb costs no more than that."""
    parts: list[bytes] = []
    room = bytes_max
    while body:
        if len(parts) == MEMBERS_MAX:
            raise BodyError(
                413, f"The body has more than {MEMBERS_MAX} gzip members; send smaller batches.", "inflated_too_large"
            )
        member = zlib.decompressobj(_GZIP)
        try:
            part = member.decompress(body, room + 1)
        except zlib.error:
            raise BodyError(400, "The body is not valid gzip; nothing of it was stored.", "bad_gzip") from None
        room -= len(part)
        if room < 0:
            raise BodyError(
                413, f"The body inflates to more than {bytes_max} bytes; send smaller batches.", "inflated_too_large"
            )
        parts.append(part)
        if not member.eof:
            raise BodyError(400, "The gzip body ends too early; nothing of it was stored.", "bad_gzip")
        body = member.unused_data.lstrip(b"\0")
    return b"".join(parts)


def lines_of(body: bytes) -> bytes:
    """The body as NDJSON: one event a line, in the order and (for NDJSON) under the line numbers of the sender.

    Raises BodyError for a long array.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    start = body.lstrip()[:1]
    is_short = len(body) <= OBJECTS_BYTES_MAX
    if start == b"[":
        if not is_short:
            raise BodyError(413, f"An array may have {OBJECTS_BYTES_MAX} bytes; send one event a line instead.")
        try:
            return b"\n".join(_one_line(bytes(item)) for item in _array.decode(body))
        except _BAD_JSON:
            return body
    if start == b"{" and is_short and not _is_value(body.lstrip().split(b"\n", 1)[0]):
        return b"\n".join(_printed_over_lines(body)) or body
    return body


def pieces(lines: bytes) -> Iterator[bytes]:
    """Cut NDJSON at line ends into pieces of about a mebibyte, so that no one call holds the interpreter for long."""
    start = 0
    while start < len(lines):
        end = lines.find(b"\n", start + PIECE_BYTES)
        end = len(lines) if end < 0 else end + 1
        yield lines[start:end]
        start = end


class Pseudonyms:
    """The key under which customers are known in this installation, and the removal of what must not be kept."""

    def __init__(self, key: bytes, words: NegativeWords | None = None) -> None:
        self._words = words or default_words()
        if len(key) != KEY_BYTES:
            raise ValueError(f"The pseudonym key must have {KEY_BYTES} bytes, not {len(key)}.")
        # The hmac module's own costs half as much again, for each customer.
        padded = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner, self._outer = hashlib.sha256(padded.translate(_INNER)), hashlib.sha256(padded.translate(_OUTER))

    @classmethod
    def kept_in(cls, path: Path, words: NegativeWords | None = None) -> Pseudonyms:
        """Read the key, or create it once, readable by its owner only. Raises ValueError when it is damaged."""
        if not path.exists():
            # Written aside and moved into place: a process killed here leaves the whole key or none.
            aside = path.with_suffix(f".{secrets.token_hex(4)}")
            descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        return cls(path.read_bytes(), words)

    def of(self, customer: str) -> str:
        """The pseudonym of a customer: the same for the same key, not to be turned back without it."""
        return self._of(customer.encode("utf-8", "surrogatepass"))

    def _of(self, customer: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(customer)
        outer.update(inner.digest())
        return outer.hexdigest()[:PSEUDONYM_DIGITS]

    def scrub(self, lines: bytes) -> tuple[bytes, list[int]]:
        """NDJSON without texts and foreign fields and with pseudonyms, and the indices of lines that cannot be read.

        Lines that hold none of these stay as they are. Those that cannot be read do too, so that the decoder can say what
        is wrong with them; the caller must not store one of them, whatever the decoder says.
        """
        found = _screener.screen(lines)
        unread: list[int] = []
        parts: list[bytes] = []
        known: dict[bytes, bytes] = {}
        done = 0
        rows = (found.kinds, found.lines, found.starts, found.ends, found.firsts, found.lasts)
        for kind, index, start, end, first, last in zip(*(column.tolist() for column in rows), strict=True):
            written = lines[first:last]
            if kind == NAMED and end - start <= LINE_BYTES_MAX and _is_text(written):
                name = known.get(written) or known.setdefault(written, self._of(written).encode())
                parts += lines[done:first], name
                done = last
                continue
            line = lines[start:end]
            try:
                scrubbed = self._scrubbed(line)
            except _BAD_JSON:
                unread.append(index)
                continue
            if scrubbed is not line:
                parts += lines[done:start], scrubbed
                done = end
        return b"".join((*parts, lines[done:])) if done else lines, unread

    def _scrubbed(self, line: bytes) -> bytes:
        """One line, read as JSON. Raises what bad JSON raises."""
        if not _may_hold_identity(line) and _is_known(line):
            return line
        if len(line) > LINE_BYTES_MAX:  # Too long as it was sent, however short it would become.
            raise msgspec.DecodeError("too long")
        return self._scrub_line(line)

    def _scrub_line(self, line: bytes) -> bytes:
        event = _object.decode(line)
        if "customer" not in event and event.keys() <= _FIELDS:
            return line
        self._words.judged(event)
        for name in event.keys() - _FIELDS:
            del event[name]
        customer = event.pop("customer", None)
        if customer is not None and (written := bytes(customer)) != b"null":
            event["customer"] = msgspec.Raw(b'"' + self.of(_name(written)).encode() + b'"')
        return _encode(event)


def _name(written: bytes) -> str:
    """The customer as text; what is written as a number or in any other form counts as its JSON text."""
    try:
        return _text.decode(written)
    except _BAD_JSON:
        return written.decode("utf-8", "replace")


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_known(line: bytes) -> bool:
    """Whether a line is an object with fields of the format only."""
    try:
        _known.decode_lines(line)
    except _BAD_JSON:
        return False
    return True


def _may_hold_identity(line: bytes) -> bool:
    """Cheap and never wrong in the direction that matters: an escaped key needs a backslash-u."""
    return b'"customer"' in line or b'"text"' in line or b"\\u" in line


def _is_value(line: bytes) -> bool:
    try:
        _value.decode(line)
    except _BAD_JSON:
        return False
    return True


def _one_line(value: bytes) -> bytes:
    return msgspec.json.format(value, indent=-1) if b"\n" in value else value


def _printed_over_lines(body: bytes) -> list[bytes]:
    """JSON values of which some are printed over several lines, one after the other; none when the body is not made of such."""
    values: list[bytes] = []
    is_printed = False
    scan = json.JSONDecoder().raw_decode
    try:
        text = body.decode("utf-8")
        position = len(text) - len(text.lstrip())
        while position < len(text):
            _, end = scan(text, position)
            value = text[position:end].encode()
            is_printed |= b"\n" in value
            values.append(_one_line(value))
            space = _BLANKS.match(text, end)
            position = space.end() if space else end
    except (ValueError, RecursionError, msgspec.DecodeError):
        return []
    return values if is_printed else []  # One a line: then the sender's own lines and numbers hold.
