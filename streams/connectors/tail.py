"""A growing log followed on disk, through rotation and restarts: what `queue_log` is read with.

Owns the position in the file. Never reads a record: its lines go to the connector. The law: the position is kept behind what is durable, so
that a killed process repeats lines and loses none; a file that was rotated away is read to its end before the new one is begun.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from streams.connectors.base import Connector
from streams.connectors.feeder import Feeder
from streams.connectors.frames import Lines
from streams.connectors.place import Place, Standing

__all__ = ["Tail"]

_READ_BYTES = 1 << 18
POLL_S = 0.5
#: What rotation adds to a name: a number or a date; what was packed cannot be gone on with.
_ROTATED = r"([.-]\d[\d.-]*)?"
#: Rotated files beside the log that are looked at for the one in which the reading stopped.
ROTATED_MAX = 100


class Tail:
    """Follows one file for as long as it runs; `from_start` is where to begin when nothing is known of it."""

    def __init__(
        self, path: Path, connector: Connector, feeder: Feeder, place: Place, tell: Callable[[str], None], *, from_start: bool = False,
        poll_s: float = POLL_S,
    ) -> None:  # fmt: skip
        self._path, self._connector, self._feeder, self._place, self._tell = path, connector, feeder, place, tell
        self._from_start, self._poll_s = from_start, poll_s
        self._file: BinaryIO | None = None
        self._frames = Lines()
        self._waiting: deque[Path] = deque()
        self._missing_told = False

    async def run(self) -> None:
        """Until it is cancelled. Raises OSError where a file cannot be read, ValueError for a damaged position."""
        try:
            await asyncio.to_thread(self._restore)
            while True:
                read = await asyncio.to_thread(self._read)
                if read is None:
                    if self._feeder.held:
                        await self._feeder.deliver(())
                    await asyncio.sleep(self._poll_s)
                    continue
                await self._feeder.deliver([self._connector.translate(frame) for frame in self._frames.feed(read)])
                if self._file:
                    await asyncio.to_thread(self._place.write, self._standing(self._file))
        finally:
            if self._file:
                self._file.close()

    def _standing(self, file: BinaryIO) -> Standing:
        stat = os.fstat(file.fileno())
        offset = file.tell() - self._frames.unread
        return Standing(stat.st_dev, stat.st_ino, offset, self._connector.state(), list(self._feeder.held))

    def _restore(self) -> None:
        """Where the last process stopped, or the beginning that was asked for."""
        kept = self._place.read()
        if kept is None:
            self._open(self._path)
            if self._file and not self._from_start:
                _to_the_end(self._file)
            if self._file:
                self._place.write(self._standing(self._file))
            return
        self._connector.restore(kept.memory)
        self._feeder.held[:] = kept.held
        files = self._rotated()
        places = [number for number, path in enumerate(files) if _is(path, kept)]
        if not places:
            self._feeder.counts.wrong["rotated_away"] += 1
            self._tell(f"{self._path}: the file in which the reading stopped is gone; what it had behind that is lost")
            self._open(self._path)
            return
        self._waiting.extend(files[places[0] + 1 :])
        if self._open(files[places[0]]) and self._file:
            # A file that is shorter than it was has been emptied in place.
            size = os.fstat(self._file.fileno()).st_size
            self._file.seek(kept.offset if kept.offset <= size else 0)

    def _rotated(self) -> list[Path]:
        """The log and the files that it was before, the oldest first."""
        ours = re.compile(re.escape(self._path.name) + _ROTATED)
        found = [path for path in self._path.parent.iterdir() if ours.fullmatch(path.name) and path.is_file()]
        found.sort(key=lambda path: (path == self._path, path.stat().st_mtime_ns))
        return found[-ROTATED_MAX:]

    def _open(self, path: Path) -> bool:
        try:
            self._file = path.open("rb")
        except OSError as error:
            self._file = None
            if not self._missing_told:
                is_missing = isinstance(error, FileNotFoundError)
                said = "there is no such file yet" if is_missing else f"it cannot be read: {error.strerror}"
                self._tell(f"{path}: {said}; it is waited for")
                self._missing_told = True
            self._feeder.counts.state = "waits for the file"
            return False
        self._frames = Lines()
        self._feeder.counts.state = "reads"
        return True

    def _read(self) -> bytes | None:
        """The next bytes, None where there are none yet."""
        if self._file is None:
            self._open(self._path)  # Nothing of a file that appears now was there before.
        file = self._file
        if file is None:
            return None
        data = file.read(_READ_BYTES)
        if data:
            return data
        if self._waiting:
            return self._next(file, self._waiting.popleft())
        try:
            current = self._path.stat()
        except FileNotFoundError:
            return None  # Between two names; what is open is read on.
        ours = os.fstat(file.fileno())
        if (current.st_dev, current.st_ino) != (ours.st_dev, ours.st_ino):
            return self._next(file, self._path)
        if current.st_size < file.tell():
            file.seek(0)
            self._frames = Lines()
        return None

    def _next(self, file: BinaryIO, path: Path) -> bytes | None:
        """Goes on to another file once the last bytes of this one are read; a last line without an end is one."""
        data = file.read(_READ_BYTES)
        if data:
            self._waiting.appendleft(path)
            return data
        file.close()
        frames = self._frames
        self._open(path)
        if frames.unread:
            self._frames = frames  # The line's end that is given ends what was left; the new file begins behind it.
            return b"\n"
        return self._file.read(_READ_BYTES) or None if self._file else None


def _to_the_end(file: BinaryIO) -> None:
    """Behind the last whole line; one that is being written will be read whole."""
    size = file.seek(0, os.SEEK_END)
    while size:
        start = max(0, size - 4_096)
        file.seek(start)
        end = file.read(size - start).rfind(b"\n")
        if end >= 0:
            file.seek(start + end + 1)
            return
        size = start
    file.seek(0)


def _is(path: Path, kept: Standing) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return (stat.st_dev, stat.st_ino) == (kept.device, kept.inode)
