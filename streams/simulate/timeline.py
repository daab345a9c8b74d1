"""Simulated time: what is to happen next, and the lines said so far.

Owns the agenda (buckets of 128 ms, each a small heap), the local time of the centre and the writing of lines.
Never knows what a contact is beyond its name, its source and the instant it last spoke.
Law: lines come out in time order, and a contact speaks at most once a millisecond; a breach of it raises.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from typing import Any, Protocol
from zoneinfo import ZoneInfo

__all__ = ["DAY_MS", "HOUR_MS", "Speaker", "Timeline"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BUCKET_BITS = 7
OFFSET_STEP_MS = 900_000  # No zone changes its offset between quarter hours.

Act = Callable[[int, Any], None]


class Speaker(Protocol):
    """What a line needs to know of the contact it is about."""

    id: str
    source: str
    last_ms: int


class Timeline:
    """The agenda and the output of one run. `tag` keeps the identifiers of two runs apart."""

    __slots__ = (
        *("buckets", "current", "end_ms", "key", "offset_key", "offset_now_ms", "out", "scheduled"),
        *("second", "second_text", "spoken", "start_ms", "tag", "zone", "zone_text"),
    )

    def __init__(self, start_ms: int, end_ms: int | None, zone: str, tag: str) -> None:
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.zone = ZoneInfo(zone)
        self.tag = tag
        self.buckets: dict[int, list[tuple[int, int, Act, Any]]] = {}
        self.current: list[tuple[int, int, Act, Any]] = []
        self.key = start_ms >> BUCKET_BITS
        self.scheduled = 0
        self.spoken = 0
        self.out: list[tuple[int, bytes]] = []
        self.second = -1
        self.second_text = self.zone_text = ""
        self.offset_key, self.offset_now_ms = -1, 0

    def push(self, at_ms: int, act: Act, subject: object) -> None:
        """Do `act(at_ms, subject)` when the time comes; at one instant, in the order of pushing."""
        self.scheduled += 1
        entry = (at_ms, self.scheduled, act, subject)
        key = at_ms >> BUCKET_BITS
        if key <= self.key:
            heappush(self.current, entry)
            return
        bucket = self.buckets.get(key)
        if bucket is None:
            self.buckets[key] = [entry]
        else:
            bucket.append(entry)

    def batches(self) -> Iterator[list[tuple[int, bytes]]]:
        """Run to the end; lists of (instant, line), in time order within and between lists."""
        end_ms = self.end_ms
        while self.current or self.buckets:
            current = self.current
            while current:
                at_ms, _, act, subject = heappop(current)
                if end_ms is not None and at_ms >= end_ms:
                    if self.out:
                        yield self.out
                    return
                act(at_ms, subject)
            if self.out:
                yield self.out
                self.out = []
            self.key += 1
            self.current = self.buckets.pop(self.key, [])
            heapify(self.current)

    def say(self, now_ms: int, contact: Speaker, kind: str, more: str = "") -> None:
        """Write a line about the contact. `more` is further JSON fields, each led by a comma."""
        if now_ms <= contact.last_ms:
            raise RuntimeError(f"{contact.id} would speak twice at {now_ms} ({kind}).")
        contact.last_ms = now_ms
        self.spoken += 1
        source = contact.source
        # The telephone system writes RFC 3339, all others milliseconds, so that both forms are always in use.
        stamp = self.rfc3339(now_ms) if source == "phone" else now_ms
        name = f"{source}-{self.tag}-{self.spoken:x}"
        line = f'{{"time":{stamp},"id":"{name}","type":"{kind}","contact":"{contact.id}"{more}}}\n'
        self.out.append((now_ms, line.encode()))

    def note(self, now_ms: int, source: str, kind: str, more: str) -> None:
        """Write a line that belongs to no contact."""
        self.spoken += 1
        line = f'{{"time":{now_ms},"id":"{source}-{self.tag}-{self.spoken:x}","type":"{kind}"{more}}}\n'
        self.out.append((now_ms, line.encode()))

    def note_of(self, now_ms: int, contact: Speaker, source: str, kind: str, more: str) -> None:
        """Write a line of another source that names the contact."""
        if now_ms <= contact.last_ms:
            raise RuntimeError(f"{contact.id} would speak twice at {now_ms} ({kind}).")
        contact.last_ms = now_ms
        self.note(now_ms, source, kind, f',"contact":"{contact.id}"{more}')

    def rfc3339(self, at_ms: int) -> str:
        """The instant as a quoted JSON string in the centre's zone, to the millisecond."""
        second, milliseconds = divmod(at_ms, 1000)
        if second != self.second:
            local = datetime.fromtimestamp(second, self.zone)
            text = local.isoformat()
            self.second, self.second_text, self.zone_text = second, text[:19], text[19:]
        return f'"{self.second_text}.{milliseconds:03d}{self.zone_text}"'

    def offset_ms(self, at_ms: int) -> int:
        """The zone's offset from UTC at the instant."""
        key = at_ms // OFFSET_STEP_MS
        if key != self.offset_key:
            offset = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(self.zone).utcoffset()
            self.offset_key = key
            self.offset_now_ms = int(offset.total_seconds() * 1000) if offset else 0
        return self.offset_now_ms

    def hour(self, at_ms: int) -> float:
        """The local hour of the day, in [0, 24)."""
        return (at_ms + self.offset_ms(at_ms)) % DAY_MS / HOUR_MS

    def next_at(self, now_ms: int, day_ms: int) -> int:
        """The next instant, not before now, whose local time of day is `day_ms`.

        Exact but in a night of clock change.
        """
        return now_ms + (day_ms - now_ms - self.offset_ms(now_ms)) % DAY_MS
