"""From a stretch of records to what the engine absorbs.

Owns: which records are decoded together, what their headers mean, and privacy on entry for events that came past the gateway. Never
connects, never keeps a record.

Law: how records are cut into stretches changes nothing. Decoded together are runs of records of one source, one minute and one
treatment; whether an event is in the future is judged by the minute in which the broker got its record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from engine.events import Decoded, Vocabulary, decode
from engine.keys import Secret
from engine.times import MINUTE_US
from engine.watermark import NEVER_US
from streams.gateway import SOURCE_LENGTH_MAX, judged_piece
from streams.intake import Pseudonyms, pieces
from streams.kafka.deadletters import DeadLetter, dead_letters
from streams.kafka.stretches import Record, Stretch

__all__ = ["FINISHED", "SCRUBBED", "SOURCE", "Finished", "Lines", "Read"]

#: Headers of a record: the name of its lines' source; that this source ends, its last event's instant in microseconds, and the record holds nothing; that customers are
#: pseudonyms already, which the gateway says.
SOURCE, FINISHED, SCRUBBED = "source", "finished", "scrubbed"
FUTURE_ALLOWANCE_US = 10_000_000
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Finished:
    """No more events will come from that source, whose last one, in whatever partition, was at `at_us`; `NEVER_US` where that was
    not said."""

    source: str
    at_us: int = NEVER_US


@dataclass(frozen=True, slots=True)
class Read:
    """What the engine is to be told, in this order, and the letters for what it could not be."""

    told: list[Decoded | Finished]
    letters: list[DeadLetter]


class Lines:
    """Reads one partition's stretches; one for each shard, because what it remembers of names goes with the shard's."""

    def __init__(self, pseudonyms: Pseudonyms, secret: Secret) -> None:
        self._pseudonyms = pseudonyms
        self._vocabulary = Vocabulary(secret)

    def read(self, stretch: Stretch) -> Read:
        """Raises nothing for any bytes."""
        read = Read([], [])
        for run in _runs(stretch):
            first = run.records[0]
            headers = dict(first.headers)
            source = _named(headers.get(SOURCE))
            if FINISHED in headers:
                read.told.append(Finished(source, _instant(headers[FINISHED])))
                continue
            decoded = list(self._decoded(run.body, source, _latest_us(first), SCRUBBED in headers))
            read.told.extend(decoded)
            rejects = [reject for one in decoded for reject in one.rejects]
            if rejects or not all(record.value for record in run.records):
                read.letters.extend(dead_letters(run, rejects))
        return read

    def _decoded(self, body: bytes, source: str, latest_us: int | None, is_scrubbed: bool) -> Iterator[Decoded]:
        first_line = 1
        for piece in pieces(body):
            if self._vocabulary.full():
                self._vocabulary = Vocabulary(self._vocabulary.secret)
            if is_scrubbed:
                yield decode(
                    piece, source=source, first_line=first_line, latest_us=latest_us, vocabulary=self._vocabulary
                )
            else:
                yield judged_piece(
                    piece, self._pseudonyms, self._vocabulary, source=source, first_line=first_line, latest_us=latest_us
                )[0]
            first_line += piece.count(b"\n")


def _runs(stretch: Stretch) -> Iterator[Stretch]:
    """Cut where the source, the minute or the treatment changes."""
    records = stretch.records
    if len({_run_of(record) for record in records}) == 1:
        yield stretch
        return
    for _, run in groupby(records, _run_of):
        yield Stretch(stretch.topic, stretch.partition, list(run))


def _run_of(record: Record) -> tuple[int, Sequence[tuple[str, bytes]]]:
    return record.timestamp // _MINUTE_MS, record.headers


def _latest_us(record: Record) -> int | None:
    """None where the record is so old a kind that nobody stamped it."""
    if record.timestamp < 0:
        return None
    return (record.timestamp // _MINUTE_MS + 1) * MINUTE_US + FUTURE_ALLOWANCE_US


def _instant(told: bytes) -> int:
    """Microseconds in decimal digits, as a hint: without it, deadlines up to the source's last event in other partitions stay open."""
    return int(told) if told.isdigit() and len(told) < 19 else NEVER_US


def _named(source: bytes | None) -> str:
    name = (source or b"")[: 4 * SOURCE_LENGTH_MAX].decode("utf-8", "replace")[:SOURCE_LENGTH_MAX]
    return name if name.isprintable() else ""
