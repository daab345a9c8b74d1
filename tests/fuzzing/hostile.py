"""Hostile bytes from dice: lines, bodies and requests as a broken or an ill-meaning sender would send them.

Owns how bytes are bent, and what is known of a request because it was built so. Never calls what it attacks, and draws from
nothing but the dice it is given, so one seed makes the same bytes everywhere.
"""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.events import AGENT_STATES, DIMENSIONS, LINE_BYTES_MAX, TYPES

__all__ = ["BODY_BYTES_MAX", "CANARY", "INFLATED_BYTES_MAX", "Request", "body", "lines", "request"]

#: What customers say and who they are, in every line that holds either. Nothing else ever draws it.
CANARY = "QCANARY51"
BODY_BYTES_MAX = 1 << 20
INFLATED_BYTES_MAX = 2 << 20

_CLOCK_MS = 1_700_000_000_000
_FORMS = ("time", "id", "contact", "agent", "automatic", "state", "slots", "resolved", "csat", "nps", "case", "kind", "promise",
          "due", "passed", "critical_errors", "count", "amount", "interval_start", "interval_end", "agents", "source", "reason",
          "priority", "x", "", *DIMENSIONS)  # fmt: skip
_TEXTS = (
    "", "c", "ä", "😀", "a\u2028b", "a\u0085b", "a\x7fb", "é" * 128, "a" * 256, "a" * 257, "\ufeff", "\u202e", "(other)", "null",
    "<script>", "{{7*7}}", "../../etc", "'; DROP", "\0", "\x1b[2J",
)  # fmt: skip
_NUMBERS = (
    "0", "-0", "-1", "01", "1", "5", "11", "1.0", "1.5", "1e3", "1e400", "-1e400", "1e-400", "100000", "100001", "2147483648",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "9" * 400, "9" * 5_000,
    "0." + "3" * 400, "NaN", "Infinity", "0x10", "1_000", "+1", ".5", "5.",
)  # fmt: skip
_TIMES = (
    "0", "-1", "-2208988800000", "-2208988800001", "7258118399999", "7258118400000", "9007199254740993", "1700000000000.5",
    '"1900-01-01T00:00:00Z"', '"1899-12-31T23:59:59.999999Z"', '"2199-12-31T23:59:59.999999Z"', '"2200-01-01T00:00:00Z"',
    '"1970-01-01T00:00:00Z"', '"2024-02-29T12:00:00+14:00"', '"2026-02-29T12:00:00Z"', '"2016-12-31T23:59:60Z"',
    '"2023-11-14T24:00:00Z"', '"2023-11-14T22:13:20"', '"2023-11-14t22:13:20z"', '"2023-11-14T22:13:20+24:00"',
    '"2023-11-14T22:13:20.' + "1" * 30 + '-00:00"', '"0000-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"', '"1700000000000"',
    '"２０２３-11-14T22:13:20Z"', '"' + "2" * 3_000 + '"', '""', "true", "[]",
)  # fmt: skip
_PIECES = (
    b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\t", b"\x0b",
    b"\x0c", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1b[2J", b'"', b'""', b"\\", b"\\u", b"\\u0000", b"\\ud800", b"\\udc00\\ud800",
    b"\\x", b"{", b"}", b"[", b"]", b",", b":", b"//", b"1e400", b"null", b" ", b'"time":1,', b'"contact":"d",', b'{"a":' * 40,
)  # fmt: skip
_ENDS = (b"\n",) * 12 + (b"\r\n", b"\n\n", b"\n \t\r\n", b"\r", b"\n\r", b"\xe2\x80\xa8", b"\x0b", b"")

#: What may stand in a JSON text only when escaped.
_MUST = frozenset('"\\' + "".join(map(chr, range(32))))

Dice = random.Random


def _key(dice: Dice, name: str) -> str:
    """A field's name as JSON, now and then with an escape, which means the same."""
    if not name or dice.random() < 0.9:
        return f'"{name}"'
    place = dice.randrange(len(name))
    return f'"{name[:place]}\\u{ord(name[place]):04{dice.choice("xX")}}{name[place + 1 :]}"'


def _text(dice: Dice, text: str) -> str:
    if dice.random() < 0.9:
        return json.dumps(text, ensure_ascii=False)
    signs = [
        f"\\u{ord(sign):04x}" if sign in _MUST or (sign < "\uffff" and dice.random() < 0.5) else sign for sign in text
    ]
    return f'"{"".join(signs)}"'


def _value(dice: Dice, name: str) -> str:
    draw = dice.random()
    if draw < 0.015:
        return dice.choice(_NUMBERS)
    if draw < 0.025:
        return dice.choice(
            ("null", "true", "false", "[]", "{}", '"\\ud800"', '"\\udc00\\ud800"', "[" * 300 + "]" * 300)
        )
    if draw < 0.04:
        return _text(dice, dice.choice(_TEXTS))
    if name in ("time", "due", "interval_start", "interval_end"):
        return dice.choice(_TIMES) if draw < 0.15 else str(_CLOCK_MS + dice.randrange(7_200_000))
    if name == "state":
        return f'"{dice.choice(AGENT_STATES)}"'
    if name in ("automatic", "resolved", "passed"):
        return dice.choice(("true", "false"))
    if name in ("slots", "csat", "nps", "count", "critical_errors", "amount", "agents"):
        return str(dice.randrange(6))
    return _text(dice, f"{name}{dice.randrange(7)}")


def event(dice: Dice) -> str:
    """One event as JSON: mostly acceptable, with customers' words in many."""
    kind = (
        dice.choice(TYPES)
        if dice.random() < 0.96
        else dice.choice(("message.automatic", "", "contact.unheard", CANARY))
    )
    names = {"time", "contact", "agent", "state", *dice.choices(_FORMS, k=dice.randrange(9))}
    if kind.startswith(("case", "promise", "business", "staffing", "source")):
        names |= {"case", "promise", "due", "count", "queue", "interval_start", "interval_end", "agents", "source"}
    members = [
        (_key(dice, "type"), _text(dice, kind)),
        *((_key(dice, name), _value(dice, name)) for name in sorted(names)),
    ]
    for name in ("text", "customer"):
        if dice.random() < 0.3:
            members.append((_key(dice, name), _text(dice, f"{CANARY} 13912345678")))
    dice.shuffle(members)
    if dice.random() < 0.03:
        members.append(dice.choice(members))
    space = dice.choice(("", "", "", " ", "\t"))
    return "{" + f",{space}".join(f"{key}:{space}{value}" for key, value in members) + "}"


def _bent(dice: Dice, data: bytes, other: bytes) -> bytes:
    """The bytes with one to three things wrong with them."""
    changed = bytearray(data or b"{}")
    for _ in range(dice.randint(1, 3)):
        place = dice.randrange(len(changed) + 1)
        far = min(len(changed), place + dice.randrange(1, 40))
        how = dice.randrange(7)
        if how == 0 and place < len(changed):
            changed[place] ^= 1 << dice.randrange(8)
        elif how == 1:
            del changed[place:]
        elif how == 2:
            del changed[place:far]
        elif how == 3:
            changed[place:place] = dice.choice(_PIECES)
        elif how == 4:
            changed[place:far] = dice.choice(_PIECES)
        elif how == 5:
            changed[place:] = other[dice.randrange(len(other) + 1) :]
        else:
            changed[place:place] = changed[place:far] * dice.randint(1, 4)
    return bytes(changed)


def _line(dice: Dice) -> bytes:
    draw = dice.random()
    good = event(dice).encode("utf-8", "surrogatepass")
    if draw < 0.62:
        return good
    if draw < 0.9:
        return _bent(dice, good, event(dice).encode("utf-8", "surrogatepass"))
    if draw < 0.94:
        return dice.randbytes(dice.randrange(40))
    if draw < 0.96:
        return b"".join(dice.choices(_PIECES, k=dice.randrange(12)))
    return dice.choice(
        (b"", b" ", b"\r", good + good, b"[" + good + b"]", good[1:], b"null", b"1", b'""', b"[" * 3_000)
    )


def lines(dice: Dice) -> bytes:
    """Newline-separated events, good and bad, with every kind of line end."""
    return b"".join(part for _ in range(dice.randrange(1, 30)) for part in (_line(dice), dice.choice(_ENDS)))


def _long(dice: Dice) -> bytes:
    """A line at the limit of a line's length, the customer's words being what makes it long."""
    begins = b'{"type":"message.customer","time":1700000000000,"contact":"c","text":"%s' % CANARY.encode()
    length = LINE_BYTES_MAX + dice.choice((-1, 0, 1, 1))
    long = begins + b"y" * (length - len(begins) - 2) + b'"}'
    return b"\n".join((_line(dice), long if dice.random() < 0.8 else long[:-1], _line(dice)))


def _printed(dice: Dice) -> bytes:
    """Objects over several lines each."""
    texts = [event(dice).replace(",", ",\n  ").replace("{", "{\n", 1) for _ in range(dice.randrange(1, 5))]
    return "\n".join(texts).encode("utf-8", "surrogatepass")


def _array(dice: Dice) -> bytes:
    items = [event(dice) if dice.random() < 0.9 else dice.choice(_NUMBERS[:6]) for _ in range(dice.randrange(12))]
    return ("[" + dice.choice((",", ",\n", " , ")).join(items) + "]").encode("utf-8", "surrogatepass")


_BODIES: tuple[tuple[int, Callable[[Dice], bytes]], ...] = (
    (45, lines),
    (9, lambda dice: dice.randbytes(dice.randrange(2_000))),
    (9, lambda dice: b"".join(dice.choices(_PIECES, k=dice.randrange(200)))),
    (9, lambda dice: _bent(dice, lines(dice), lines(dice))),
    (8, _array),
    (4, lambda dice: _bent(dice, _array(dice), _array(dice))),
    (8, _printed),
    (2, lambda dice: _bent(dice, _printed(dice), _array(dice))),
    (2, lambda dice: b"\xef\xbb\xbf" + lines(dice)),
    (2, _long),
    (1, lambda dice: dice.choice((b"1\n", b"{}\n", b"\n", b"\0", b"\r\n", b"[]\n", b'"')) * dice.randrange(2_000)),
    (1, lambda dice: dice.choice((b"[", b'{"a":', b'[{"a":')) * 50_000),
    (1, lambda dice: b""),
)


def body(dice: Dice) -> bytes:
    """Anything that may be handed to the decoder or the intake, from pure noise to what is good."""
    ((_, make),) = dice.choices(_BODIES, [weight for weight, _ in _BODIES])
    return make(dice)


@dataclass
class Request:
    """A request to the intake as it reaches the application. `truth` is the body as meant, None where there is none to know."""

    chunks: list[bytes]
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    query: bytes = b""
    truth: bytes | None = None
    is_honest: bool = False
    is_bomb: bool = False
    hangs_up: bool = False


def request(dice: Dice, source: str) -> Request:
    """A body, packed and announced truly in most requests; in the others something about it is a lie."""
    truth = body(dice)
    draw = dice.random()
    sent = [(b"source", source.encode())]
    if draw < 0.5:
        return _announced(dice, Request([truth], sent, truth=truth, is_honest=True))
    if draw < 0.7:
        return _announced(dice, Request([_packed(dice, truth)], [*sent, _GZIP], truth=truth, is_honest=True))
    if draw < 0.73:
        bomb = _gzip(bytes(INFLATED_BYTES_MAX + 1) * dice.choice((1, 1, 20)))
        bomb = bomb if dice.random() < 0.5 else _gzip(truth[:1_000]) + bomb
        return _announced(dice, Request([bomb], [*sent, _GZIP], is_bomb=True))
    if draw < 0.85:
        return _announced(dice, Request([_torn(dice, truth)], [*sent, dice.choice(_ENCODINGS)]))
    if draw < 0.9:
        told = dice.choice(
            (b"", b"0", b"-1", b"1e3", b"abc", b"9" * 30, b"%d" % (BODY_BYTES_MAX + 1), b"5", b"\xb2", b"1 1")
        )
        return Request(_chunks(dice, truth), [*sent, (b"content-length", told)])
    if draw < 0.92:
        return Request(_chunks(dice, truth), sent, hangs_up=True)
    strange = [(name, dice.choice(_STRANGE)) for name in dice.choices(_HEADERS, k=dice.randint(1, 4))]
    query = dice.choice((b"", b"source=%ff%00", b"source=" + b"a" * 70, b"&&=;%", b"source=\xff"))
    return Request(_chunks(dice, truth), dice.choice(([], sent)) + strange, query)


_GZIP = (b"content-encoding", b"gzip")
_ENCODINGS = (
    _GZIP, _GZIP, _GZIP, (b"content-encoding", b"deflate"), (b"content-encoding", b"br"), (b"content-encoding", b"gzip, gzip"),
    (b"content-encoding", b""), (b"content-encoding", b"\xff"), (b"content-encoding", b"x-gzip"), (b"content-type", b"image/png"),
)  # fmt: skip
_HEADERS = (
    b"host",
    b"host",
    b"origin",
    b"origin",
    b"source",
    b"authorization",
    b"cookie",
    b"content-type",
    b"transfer-encoding",
    b"expect",
    b"x",
)
_STRANGE = (
    b"", b"\xff\xfe", b"[", b"[", b"http://[", b"http://[", b"null", b"http://127.0.0.1:1", b"://", b"a" * 9_000, b"Bearer", b"Bearer \xe9", b"=;=;",
    b"floorwatch=\xff", b'floorwatch="', b"%00%0a", b"[::1", b"127.0.0.1:x", b"user@127.0.0.1", b"chunked, chunked", b"a\x0bb",
)  # fmt: skip


def _gzip(data: bytes, level: int = 9) -> bytes:
    """As `gzip.compress`, which writes the present time unless told another."""
    return gzip.compress(data, level, mtime=0)


def _packed(dice: Dice, truth: bytes) -> bytes:
    """Gzip of one member or several, with the zeros that tapes are filled with."""
    cut = dice.randrange(len(truth) + 1)
    members = [truth] if dice.random() < 0.6 else [truth[:cut], b"", truth[cut:]]
    return b"".join(_gzip(member, dice.choice((0, 1, 9))) for member in members) + bytes(dice.choice((0, 0, 5)))


def _torn(dice: Dice, truth: bytes) -> bytes:
    whole = _gzip(truth)
    return dice.choice(
        (
            whole[: dice.randrange(len(whole))], _bent(dice, whole, whole), whole + b"tail", whole + whole[:9], truth,
            zlib.compress(truth), zlib.compress(truth)[2:-4], whole[:10] + b"\xff" * 20,
            _gzip(b"") * dice.choice((2, 2_000)), _gzip(whole),
        )
    )  # fmt: skip


def _announced(dice: Dice, request: Request) -> Request:
    """In one piece with its length, or in several without."""
    (whole,) = request.chunks
    if dice.random() < 0.5:
        request.headers.append((b"content-length", b"%d" % len(whole)))
    request.chunks = _chunks(dice, whole)
    return request


def _chunks(dice: Dice, whole: bytes) -> list[bytes]:
    cuts = sorted(dice.randrange(len(whole) + 1) for _ in range(dice.choice((0, 0, 1, 5))))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
