"""What is on the disk at an instant, and what a crash may leave of it.

Owns the files of one machine's folder as bytes. Never knows what they mean, but for the row of a snapshot that it
spoils, and reads that with plain SQL.
"""

import contextlib
import random
import sqlite3
import tempfile
from pathlib import Path

import numpy as np

__all__ = ["Disk", "frozen", "laid", "newest_snapshots", "spoiled", "torn", "torn_checkpoint"]

JOURNAL = "journal.sqlite"
WAL = "journal.sqlite-wal"

Disk = dict[str, bytes]


def frozen(folder: Path) -> Disk:
    """What a process killed now leaves behind."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def laid(folder: Path, disk: Disk) -> None:
    """Makes the folder hold just that."""
    for path in folder.iterdir():
        path.unlink()
    for name, data in disk.items():
        (folder / name).write_bytes(data)


def torn(before: Disk, after: Disk, draw: random.Random) -> Disk:
    """A commit of which only a beginning was written, sometimes with garbage where the rest should be."""
    old, new = before.get(WAL, b""), after[WAL]
    there = np.frombuffer(old[: len(new)].ljust(len(new), b"\0"), np.uint8)
    changed = np.flatnonzero(there != np.frombuffer(new, np.uint8))
    first, last = int(changed[0]), int(changed[-1])
    cut = first + int(draw.random() * (last + 1 - first))
    rest = old[cut:]
    if draw.random() < 0.4:
        garbage = draw.randbytes(min(draw.randint(1, 6_000), last + 1 - cut))
        rest = garbage + rest[len(garbage) :]
    return {**before, WAL: new[:cut] + rest}


def torn_checkpoint(before: Disk, after: Disk, draw: random.Random) -> Disk:
    """A checkpoint of which only a beginning was written; the WAL that it was made from is still there."""
    cut = int(draw.random() * len(after[JOURNAL]))
    return {**before, JOURNAL: after[JOURNAL][:cut] + before[JOURNAL][cut:]}


def newest_snapshots(disk: Disk, folder: Path) -> list[tuple[int, int]]:
    """Sequence and instant of the snapshots on a disk, newest first, read from a copy made under `folder`."""
    if not disk:
        return []
    with tempfile.TemporaryDirectory(dir=folder) as copy:
        laid(Path(copy), disk)
        with contextlib.closing(sqlite3.connect(Path(copy) / JOURNAL)) as database:
            return list(database.execute("SELECT sequence, created_us FROM snapshots ORDER BY sequence DESC"))


def spoiled(folder: Path, sequence: int, draw: random.Random) -> None:
    """Flips one bit in the row of a snapshot."""
    with contextlib.closing(sqlite3.connect(folder / JOURNAL)) as database, database:
        engine = bytearray(
            database.execute("SELECT engine FROM snapshots WHERE sequence = ?", (sequence,)).fetchone()[0]
        )
        engine[draw.randrange(len(engine))] ^= 1 << draw.randrange(8)
        database.execute("UPDATE snapshots SET engine = ? WHERE sequence = ?", (bytes(engine), sequence))
