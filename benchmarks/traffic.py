"""Synthetic traffic with a given number of contacts open at once: legal chats of ten events, evenly staggered."""

from collections.abc import Iterator

__all__ = ["blocks"]

_SCRIPT = (
    ("contact.opened", False), ("message.customer", False), ("contact.queued", False), ("contact.answered", True),
    ("message.agent", True), ("message.customer", False), ("message.agent", True), ("message.customer", False),
    ("message.agent", True), ("contact.closed", True),
)  # fmt: skip
_BLOCK_BYTES = 1 << 20
#: 11 November 2026, 20:00 in Shanghai.
_START_MS = 1_794_398_400_000


def blocks(contacts: int, events: int, per_second: int = 4_000, skip: int = 0, queues: int = 12) -> Iterator[bytes]:
    """NDJSON in blocks of about 1 MiB: `events` of them after the first `skip`, with `contacts` chats going on at once.

    Each round gives every chat one event; chats stand at different places of the script, so that every kind of event
    comes at every moment. Chats belong to 40 tenants, 4 channels and so many queues, and
    customers come back.
    """
    size = len(_SCRIPT)
    lines: list[str] = []
    length = 0
    for number in range(skip, skip + events):
        turn, seat = divmod(number, contacts)
        generation, place = divmod(turn + seat % (size - 1), size)
        if not turn:
            place = 0  # A chat that would begin in the middle of the script begins all the same.
        kind, by_agent = _SCRIPT[place]
        milliseconds = _START_MS + number * 1000 // per_second
        seconds, fraction = divmod(milliseconds, 1000)
        minutes, second = divmod(seconds % 86_400, 60)
        more = f',"agent":"a{seat % 4000:04d}"' if by_agent else ""
        if kind == "contact.opened":
            more = f',"customer":"k{(seat * 7 + generation) % (contacts // 2 + 1):08d}"'
        elif kind == "contact.closed":
            more += f',"category":"{("refund", "parcel", "invoice")[seat % 3]}","resolved":true'
        line = (
            f'{{"id":"b-{number:09d}","type":"{kind}","time":"2026-11-{11 + seconds // 86_400 - 20_768:02d}T'
            f'{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{fraction:03d}Z","contact":"c{generation:03d}-{seat:08d}",'
            f'"queue":"q{seat % queues:02d}","channel":"{("app", "wechat", "web", "phone")[seat % 4]}",'
            f'"tenant":"shop-{seat % 40:03d}"{more}}}\n'
        )
        lines.append(line)
        length += len(line)
        if length >= _BLOCK_BYTES:
            yield "".join(lines).encode()
            lines, length = [], 0
    if lines:
        yield "".join(lines).encode()
