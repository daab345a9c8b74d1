"""Where the lines go: a file, standard output, a running service; in batches, at a pace.

Owns the sinks' common form and the loop that feeds them. Never makes or changes a line.
Law: what was taken from the stream is either delivered or counted as not delivered; nothing vanishes.
"""

import gzip
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from streams.simulate.pace import Pace, Stop, rest

__all__ = ["BATCH_LINES", "Delivery", "FileSink", "Sink", "StreamSink", "deliver"]

BATCH_LINES = 5_000
FLUSH_S = 0.1
GZIP_LEVEL = 4


class Sink(Protocol):
    """A receiver of batches. `send` returns when the batch is delivered or counted otherwise."""

    def send(self, lines: list[bytes], stop: Stop) -> None:
        """Deliver the lines in order."""

    def close(self) -> None:
        """Finish; raises OSError when what was sent cannot be kept."""


@dataclass(slots=True)
class Delivery:
    """What became of the lines.

    `lines` were taken from the stream, `last_ms` is the newest instant among them.
    """

    lines: int = 0
    last_ms: int = 0


class StreamSink:
    """An open binary stream, such as standard output. It is flushed after each batch and not closed."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self.stream = sys.stdout.buffer if stream is None else stream

    def send(self, lines: list[bytes], stop: Stop) -> None:
        """Write and flush."""
        self.stream.write(b"".join(lines))
        self.stream.flush()

    def close(self) -> None:
        """Leave the stream to its owner."""
        self.stream.flush()


class FileSink:
    """A new file, gzipped when its name ends in .gz.

    The same lines give the same bytes: the gzip header has no time.
    """

    def __init__(self, path: Path) -> None:
        self.raw = path.open("wb")
        self.stream = (
            cast(BinaryIO, gzip.GzipFile("", "wb", GZIP_LEVEL, self.raw, mtime=0)) if path.suffix == ".gz" else self.raw
        )

    def send(self, lines: list[bytes], stop: Stop) -> None:
        """Write; the file is complete after `close`."""
        self.stream.write(b"".join(lines))

    def close(self) -> None:
        """Write what is left."""
        self.stream.close()
        self.raw.close()


def deliver(records: Iterator[tuple[int, bytes]], sink: Sink, pace: Pace, stop: Stop, done: Delivery) -> None:
    """Send every line to the sink at the pace, until the end or the stop, and keep `done` up to date.

    A paced batch holds what became due in a tenth of a second: a slow centre shall not cost a request a line.
    """
    batch: list[bytes] = []
    hurried = pace.hurried
    for at_ms, line in records:
        if stop.is_set():
            break
        if not hurried and pace.early_s(at_ms, done.lines) > 0:
            _flush(batch, sink, stop)
            rest(stop, max(pace.early_s(at_ms, done.lines), FLUSH_S))
            if stop.is_set():
                break
        batch.append(line)
        done.lines += 1
        done.last_ms = at_ms
        if len(batch) >= BATCH_LINES:
            _flush(batch, sink, stop)
    _flush(batch, sink, stop)


def _flush(batch: list[bytes], sink: Sink, stop: Stop) -> None:
    if batch:
        sink.send(batch.copy(), stop)
        batch.clear()
