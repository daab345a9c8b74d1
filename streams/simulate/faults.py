"""What goes wrong between a source and us: doubles, disorder, silence, rubbish, wrong clocks.

Owns the faults and their own seed. Never changes what happened in the centre, and never spoils a good line:
rubbish is put in between.
Law: without faults the lines pass unchanged; each fault does what its name says and nothing else.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

from streams.simulate.centre import SOURCES

__all__ = ["BAD_LINES", "Faults", "Silence", "Skew", "apply_faults", "source_of"]

DISORDER_MS_MAX = 3_600_000
REPEATED_WITHIN_MS = 2_000  # when no disorder bound says how late a repetition may come
CATCH_UP_PER_MS = 20
ID_MARK = b'"id":"'


@dataclass(frozen=True, slots=True)
class Silence:
    """A source that says nothing for a while, counted from the run's start; what it had to say comes late or
    never.

    Its heartbeats of that time are lost in either case: a heartbeat tells of the present only.
    """

    source: str
    offset_ms: int
    length_ms: int
    lost: bool = False

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ValueError(f"The source {self.source!r} is unknown; there are {', '.join(SOURCES)}.")
        if self.offset_ms < 0 or self.length_ms <= 0:
            raise ValueError("A silence begins at or after the start and lasts longer than nothing.")


@dataclass(frozen=True, slots=True)
class Skew:
    """A source whose clock is wrong: positive is fast."""

    source: str
    skew_ms: int

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ValueError(f"The source {self.source!r} is unknown; there are {', '.join(SOURCES)}.")


@dataclass(frozen=True, slots=True)
class Faults:
    """`duplicates` and `bad_lines` are shares of the lines; `disorder_ms` bounds how late a line may come."""

    duplicates: float = 0.0
    disorder_ms: int = 0
    bad_lines: float = 0.0
    silences: tuple[Silence, ...] = ()
    skew: Skew | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.duplicates <= 1 or not 0 <= self.bad_lines <= 1:
            raise ValueError("Shares of duplicates and bad lines lie between 0 and 1.")
        if not 0 <= self.disorder_ms <= DISORDER_MS_MAX:
            raise ValueError("The disorder bound lies between 0 and 1 h.")


# Rubbish by kind: `%t` stands for a plausible time, `%n` for a number of its own, `%i` for a good beginning.
BAD_LINES: dict[str, bytes] = {
    "cut off": b'%i,"contact":"bad-%n","tena',
    "not json": b"ERROR 500: upstream connect error",
    "not an object": b'["contact.opened",%t]',
    "no type": b'{"time":%t,"id":"bad-%n","contact":"bad-%n"}',
    "no time": b'{"id":"bad-%n","type":"contact.opened","contact":"bad-%n"}',
    "number for a string": b'%i,"contact":12345}',
    "list for a string": b'%i,"contact":"bad-%n","queue":["phone"]}',
    "unknown type": b'{"time":%t,"id":"bad-%n","type":"contact.teleported","contact":"bad-%n"}',
    "year 1": b'{"time":"0001-01-01T00:00:00Z","id":"bad-%n","type":"contact.opened","contact":"bad-%n"}',
    "year 9999": b'{"time":"9999-12-31T23:59:59Z","id":"bad-%n","type":"contact.opened","contact":"bad-%n"}',
    "not a time": b'{"time":"yesterday","id":"bad-%n","type":"contact.opened","contact":"bad-%n"}',
    "raw control characters": b'%i,"contact":"bad-\x07\x00%n"}',
    "escaped control characters": b'%i,"contact":"bad-%n","queue":"ph\\u001b[2J"}',
    "not utf-8": b'%i,"contact":"bad-%n","tenant":"\xff\xfe"}',
}
BEGINNING = b'{"time":%t,"id":"bad-%n","type":"contact.opened"'


def source_of(line: bytes) -> str:
    """The source that wrote the line, from its event id; empty when it has none."""
    at = line.find(ID_MARK)
    if at < 0:
        return ""
    return line[at + len(ID_MARK) : line.index(b"-", at)].decode()


def apply_faults(
    records: Iterable[tuple[int, bytes]], faults: Faults, seed: int, start_ms: int
) -> Iterator[tuple[int, bytes]]:
    """(instant, line) in time order become (instant of delivery, line) in order of delivery.

    Event times stay true but for the skewed source. `start_ms` is the instant from which silences count.
    """
    if faults == Faults():
        return iter(records)
    return _Unreliable(faults, seed, start_ms).deliver(records)


class _Unreliable:
    def __init__(self, faults: Faults, seed: int, start_ms: int) -> None:
        self.faults, self.start_ms = faults, start_ms
        self.random = Random(f"faults {seed}").random
        self.kinds = tuple(BAD_LINES.values())
        self.under_way: list[tuple[int, int, bytes]] = []
        self.sent = self.spoiled = 0

    def deliver(self, records: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
        under_way = self.under_way
        for at_ms, line in records:
            while under_way and under_way[0][0] < at_ms:
                yield from self._hand_out()
            self._send(at_ms, line)
        while under_way:
            yield from self._hand_out()

    def _hand_out(self) -> Iterator[tuple[int, bytes]]:
        due_ms, _, line = heappop(self.under_way)
        yield due_ms, line
        if self.random() < self.faults.bad_lines:
            yield due_ms, self._rubbish(due_ms)

    def _send(self, at_ms: int, line: bytes) -> None:
        faults = self.faults
        source = source_of(line) if faults.silences or faults.skew else ""
        due_ms = at_ms + int(self.random() * faults.disorder_ms)
        for silence in faults.silences:
            since_ms = at_ms - self.start_ms - silence.offset_ms
            if source == silence.source and 0 <= since_ms < silence.length_ms:
                if silence.lost or b'"type":"source.heartbeat"' in line:
                    return
                # The outbox empties quickly once the source is back, oldest first.
                due_ms = at_ms + (silence.length_ms - since_ms) + since_ms // CATCH_UP_PER_MS
        if faults.skew and source == faults.skew.source:
            line = shifted(line, faults.skew.skew_ms)
        self._push(due_ms, line)
        if self.random() < faults.duplicates:
            bound_ms = faults.disorder_ms or REPEATED_WITHIN_MS
            latest_ms = max(at_ms + bound_ms, due_ms + 1)
            self._push(due_ms + int(self.random() * (latest_ms - due_ms)), line)

    def _push(self, due_ms: int, line: bytes) -> None:
        self.sent += 1
        heappush(self.under_way, (due_ms, self.sent, line))

    def _rubbish(self, due_ms: int) -> bytes:
        line = self.kinds[int(self.random() * len(self.kinds))].replace(b"%i", BEGINNING) + b"\n"
        self.spoiled += 1
        return line.replace(b"%t", b"%d" % due_ms).replace(b"%n", b"%d-%x" % (self.start_ms, self.spoiled))


TIME = re.compile(rb'"time":(?:"([^"]+)"|(-?\d+))')


def shifted(line: bytes, skew_ms: int) -> bytes:
    """The line with its own time moved; other instants in it, such as a promise's due time, stay."""

    def move(found: re.Match[bytes]) -> bytes:
        if found[2]:
            return b'"time":%d' % (int(found[2]) + skew_ms)
        moved = datetime.fromisoformat(found[1].decode()) + timedelta(milliseconds=skew_ms)
        return b'"time":"%s"' % moved.isoformat(timespec="milliseconds").encode()

    return TIME.sub(move, line, count=1)
