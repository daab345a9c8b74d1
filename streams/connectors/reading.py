"""Files of other systems, told as recorded events: what `floorwatch replay --source` and `connect check` read.

Never holds more than a block of a file. What is wrong becomes a reject with its line; what has no meaning is counted in `left_out`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from engine.events import Decoded, Reject
from streams.connectors.base import Connector
from streams.connectors.public import Public
from streams.connectors.record import Record
from streams.reading import Recording

__all__ = ["Connected"]

_LINES_BYTES = 1 << 19


@dataclass
class Connected(Recording):
    """One file of another system's records."""

    connector: Connector = field(default_factory=Public)
    left_out: Counter[str] = field(default_factory=Counter)

    def records(self) -> Iterator[Record | Reject]:
        """What became of every record, in the order of the file; a last reject where an archive is broken. Raises OSError."""
        frames = type(self.connector).framing()
        with self.path.open("rb") as file:
            for piece, fault in self._pieces(file):
                for frame in frames.feed(piece):
                    yield self.connector.translate(frame)
                if fault:
                    yield fault
            for frame in frames.finish():
                yield self.connector.translate(frame)
        if rest := self.connector.settle(None):
            yield Record(0, "end", tuple(rest))

    def decoded(self) -> Iterator[Decoded]:
        lines: list[bytes] = []
        rejects: list[Reject] = []
        size = 0
        for record in self.records():
            if isinstance(record, Reject):
                rejects.append(record)
            elif record.is_fault:
                rejects.append(Reject(self.name, record.number, record.reason, record.detail))
            elif record.reason:
                self.left_out[record.reason] += 1
            else:
                lines.append(record.lines())
                size += len(lines[-1])
            if size > _LINES_BYTES or len(rejects) > 10_000:
                yield self._block(lines, rejects)
                lines, rejects, size = [], [], 0
        if lines or rejects:
            yield self._block(lines, rejects)

    def _block(self, lines: list[bytes], rejects: list[Reject]) -> Decoded:
        decoded = self._decode(b"".join(lines), 1)
        return replace(decoded, rejects=[*rejects, *decoded.rejects])
