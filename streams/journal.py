"""The journal: what was accepted is on disk before anyone is told so.

Owns: one SQLite file with the accepted batches, the policies and their places among these, the last two snapshots of the
engine, the newest rejected lines and the totals of rejects by reason. Never decodes an event, reads a policy or knows the
engine: bodies, bundles and snapshots are bytes.

Law: a batch is answered for only after the transaction that holds it is on disk (WAL, synchronous=FULL); batches are
numbered without a gap in the order in which they were handed in; a batch is deleted only when the older of two
snapshots covers it, it is older than is to be kept, and so are all before it. Many batches that wait at one moment share one transaction (group commit).
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Batch", "Journal", "JournalError", "KeptPolicy", "RejectedLine", "Snapshot"]

APPLICATION_ID = 0x464C5257
SCHEMA_VERSION = 2
SNAPSHOTS_KEPT = 2
GROUP_BATCHES_MAX = 256
GROUP_BYTES_MAX = 32 << 20
WAL_BYTES_KEPT = 64 << 20

_POLICIES = """
CREATE TABLE policies (sequence INTEGER PRIMARY KEY, since_us INTEGER NOT NULL, name TEXT NOT NULL, by TEXT NOT NULL,
    file_digest TEXT NOT NULL, checksum INTEGER NOT NULL, bundle BLOB NOT NULL);
"""
_SCHEMA = f"""{_POLICIES}
CREATE TABLE batches (sequence INTEGER PRIMARY KEY, received_us INTEGER NOT NULL, clock_us INTEGER NOT NULL,
    source TEXT NOT NULL, lines INTEGER NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE snapshots (sequence INTEGER PRIMARY KEY, created_us INTEGER NOT NULL, checksum INTEGER NOT NULL,
    engine BLOB NOT NULL);
CREATE TABLE rejects (id INTEGER PRIMARY KEY AUTOINCREMENT, received_us INTEGER NOT NULL, source TEXT NOT NULL,
    line INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE reject_totals (reason TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""
_INSERT_POLICY = "INSERT INTO policies VALUES (?, ?, ?, ?, ?, ?, ?)"


class JournalError(Exception):
    """The journal cannot be opened, read or written; the message is for the operator."""


class RejectedLine(Protocol):
    """A refused line, as engine.events.Reject describes it."""

    @property
    def source(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def detail(self) -> str: ...


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A policy that holds for what lies behind `sequence`, its own place among the batches, 0 for the one to begin with.

    `name` is how its file is called, `by` what had it adopted, `since_us` when by the wall clock; `file_digest` is of what the
    service's policy file said at that time, which is another policy where this one was sent. `bundle` is the caller's own.
    """

    since_us: int
    name: str
    by: str
    file_digest: str
    bundle: bytes
    sequence: int = 0


@dataclass(slots=True)
class Batch:
    """Accepted lines of one request (`body`, NDJSON), and what was refused beside them; or a policy, and then no lines.

    `clock_us` is the instant to which the engine must be advanced before it absorbs the batch, 0 for none.
    `sequence` is given by the journal; it stays 0 when no line was accepted. `payload` is the caller's own.
    """

    body: bytes
    lines: int
    source: str = ""
    received_us: int = 0
    clock_us: int = 0
    rejects: Sequence[RejectedLine] = ()
    payload: object = None
    sequence: int = 0
    policy: KeptPolicy | None = None

    @property
    def is_kept(self) -> bool:
        """Whether it has a place in the journal."""
        return self.lines > 0 or self.policy is not None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The engine's own bytes after absorbing every batch up to and including `sequence`."""

    sequence: int
    created_us: int
    engine: bytes


class Journal:
    """Opens or creates the file; `start` begins writing. One process at a time: the file stays locked while open."""

    def __init__(self, path: Path, *, rejects_kept_max: int = 10_000, kept_us: int = 0) -> None:
        self.path = path
        self._kept_us = kept_us
        self._rejects_kept_max = rejects_kept_max
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[Batch, Future[Batch]] | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._on_durable: Callable[[Batch], None] = lambda batch: None
        self._on_commit: Callable[[int, int], None] = lambda batches, elapsed_us: None
        try:
            self._database = self._open()
            self.sequence = self._last_sequence()
        except sqlite3.Error as error:
            raise self._refusal(error) from None

    def start(
        self,
        on_durable: Callable[[Batch], None] = lambda batch: None,
        on_commit: Callable[[int, int], None] = lambda batches, elapsed_us: None,
    ) -> None:
        """Start the writer. `on_durable` is called on its thread once a batch with lines, or a policy, is on disk, in sequence
        order; `on_commit` with the number of batches and the duration in microseconds of each transaction."""
        self._on_durable = on_durable
        self._on_commit = on_commit
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    def append(self, batch: Batch) -> Future[Batch]:
        """Hand in a batch; the future holds it once it is durable, or JournalError if it was not stored at all."""
        future: Future[Batch] = Future()
        future.set_running_or_notify_cancel()  # A client that goes away must not withdraw what is being written.
        self._waiting.put((batch, future))
        return future

    def stop(self) -> None:
        """Write what waits, then end the writer. The file stays open for reading and for a last snapshot."""
        if self._writer is not None:
            self._waiting.put(None)
            self._writer.join()
            self._writer = None

    def close(self) -> None:
        """Stop and release the file."""
        self.stop()
        with self._lock:
            self._database.close()

    def batches_behind(self, sequence: int) -> Iterator[Batch]:
        """Every batch after `sequence`, in order. Raises JournalError on a gap or on a body that is not intact."""
        expected = sequence
        while expected < self.sequence:
            row = self._read(
                "SELECT sequence, received_us, clock_us, source, lines, checksum, body FROM batches "
                "WHERE sequence > ? ORDER BY sequence LIMIT 1",
                (expected,),
            )
            expected += 1
            if not row or row[0][0] != expected:
                raise self._damage(f"batch {expected} is missing")
            _, received_us, clock_us, source, lines, checksum, packed = row[0]
            body = _inflate(packed, checksum)
            if body is None:
                raise self._damage(f"batch {expected} is not intact")
            policy = None if lines else self.policy_at(expected)
            if not lines and (policy is None or policy.sequence != expected):
                raise self._damage(f"the policy behind batch {expected} is missing")
            yield Batch(body, lines, source, received_us, clock_us, sequence=expected, policy=policy)

    def policy_at(self, sequence: int) -> KeptPolicy | None:
        """The policy in force behind `sequence`; None in a journal that was begun without."""
        rows = self._read(
            "SELECT since_us, name, by, file_digest, checksum, bundle, sequence FROM policies "
            "WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1",
            (sequence,),
        )
        for since_us, name, by, file_digest, checksum, packed, place in rows:
            bundle = _inflate(packed, checksum)
            if bundle is None:
                raise self._damage(f"the policy behind batch {place} is not intact")
            return KeptPolicy(since_us, name, by, file_digest, bundle, place)
        return None

    def begin_with(self, policy: KeptPolicy) -> None:
        """Keep the policy that holds from the beginning, unless there is one."""
        with self._lock:
            try:
                with self._database as transaction:
                    if not transaction.execute("SELECT count(*) FROM policies").fetchone()[0]:
                        transaction.execute(_INSERT_POLICY, _policy_row(policy, 0))
            except sqlite3.Error as error:
                raise self._refusal(error) from None

    def lines_behind(self, sequence: int) -> int:
        """How many accepted lines lie behind `sequence`."""
        return int(self._read("SELECT coalesce(sum(lines), 0) FROM batches WHERE sequence > ?", (sequence,))[0][0])

    def replayable_from_start(self) -> bool:
        """True when nothing was pruned, so that the journal alone can rebuild the engine."""
        first = self._read("SELECT min(sequence) FROM batches", ())[0][0]
        return self.sequence == 0 or first == 1

    def snapshots(self) -> Iterator[Snapshot]:
        """The intact snapshots, newest first."""
        for (sequence,) in self._read("SELECT sequence FROM snapshots ORDER BY sequence DESC", ()):
            rows = self._read("SELECT created_us, checksum, engine FROM snapshots WHERE sequence = ?", (sequence,))
            for created_us, checksum, engine in rows:
                if zlib.crc32(engine) == checksum:
                    yield Snapshot(sequence, created_us, engine)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Write a snapshot, keep the last two, and drop the batches that the older of them covers and nobody wants kept."""
        row = (snapshot.sequence, snapshot.created_us, zlib.crc32(snapshot.engine), snapshot.engine)
        with self._lock:
            try:
                with self._database as transaction:
                    transaction.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", row)
                    kept = [
                        kept_sequence
                        for (kept_sequence,) in transaction.execute(
                            "SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT ?", (SNAPSHOTS_KEPT,)
                        )
                    ]
                    transaction.execute("DELETE FROM snapshots WHERE sequence < ?", (kept[-1],))
                    if len(kept) == SNAPSHOTS_KEPT:
                        last = self._last_unwanted(kept[-1], snapshot.created_us)
                        transaction.execute("DELETE FROM batches WHERE sequence <= ?", (last,))
                        transaction.execute(
                            "DELETE FROM policies WHERE sequence <"
                            " (SELECT max(sequence) FROM policies WHERE sequence <= ?)",
                            (last,),
                        )
                self._database.execute("PRAGMA incremental_vacuum").fetchall()
            except sqlite3.Error as error:
                raise JournalError(f"The snapshot could not be written to {self.path}: {error}.") from None

    def _last_unwanted(self, covered: int, now_us: int) -> int:
        """The last batch up to `covered` that is older than is to be kept, as are all before it."""
        young = self._database.execute(
            "SELECT sequence FROM batches WHERE received_us >= ? ORDER BY sequence LIMIT 1", (now_us - self._kept_us,)
        ).fetchone()
        return min(covered, young[0] - 1) if young and self._kept_us else covered

    def drop_snapshots_behind(self, sequence: int) -> None:
        """Removes newer snapshots, which were found useless, so that they are not counted among the two that are kept."""
        with self._lock:
            try:
                with self._database as transaction:
                    transaction.execute("DELETE FROM snapshots WHERE sequence > ?", (sequence,))
            except sqlite3.Error as error:
                raise self._refusal(error) from None

    def rejects(self, limit: int = 100) -> list[tuple[int, str, int, str, str]]:
        """The newest rejected lines: received_us, source, line, reason, detail."""
        return self._read(
            "SELECT received_us, source, line, reason, detail FROM rejects ORDER BY id DESC LIMIT ?", (limit,)
        )

    def reject_totals(self) -> dict[str, int]:
        """Rejects by reason since the journal was created."""
        return dict(self._read("SELECT reason, count FROM reject_totals", ()))

    def _open(self) -> sqlite3.Connection:
        created = not self.path.exists() or self.path.stat().st_size == 0
        if created:
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        database = sqlite3.connect(self.path, check_same_thread=False, timeout=0.5)
        try:
            # One process, one connection: the exclusive lock refuses a second service and goes with the process.
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            if created:
                database.execute("PRAGMA auto_vacuum=INCREMENTAL")
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute(f"PRAGMA journal_size_limit={WAL_BYTES_KEPT}")
            if not created and not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                created = True  # A process that died while creating it leaves an empty database.
            if created:
                database.executescript(
                    f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id={APPLICATION_ID};"
                    f" PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
                )
            self._inspect(database)
        except BaseException:
            database.close()
            raise
        return database

    def _inspect(self, database: sqlite3.Connection) -> None:
        if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise JournalError(f"The file {self.path} is not a Floorwatch journal; name another data folder.")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version == 1:  # Before policies had their places.
            database.executescript(f"BEGIN IMMEDIATE; {_POLICIES} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
            version = SCHEMA_VERSION
        if version != SCHEMA_VERSION:
            raise JournalError(
                f"The journal {self.path} has format {version}, this program reads {SCHEMA_VERSION}; "
                "run the version that wrote it."
            )
        verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise self._damage(str(verdict).splitlines()[0])

    def _last_sequence(self) -> int:
        return int(
            self._database.execute(
                "SELECT max((SELECT coalesce(max(sequence), 0) FROM batches),"
                " (SELECT coalesce(max(sequence), 0) FROM snapshots))"
            ).fetchone()[0]
        )

    def _read(self, query: str, arguments: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._database.execute(query, arguments).fetchall()
            except sqlite3.Error as error:
                raise self._refusal(error) from None

    def _refusal(self, error: sqlite3.Error) -> JournalError:
        if "locked" in str(error):
            return JournalError(
                f"The journal {self.path} is in use by another process; stop that one or name another data folder."
            )
        if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error):
            return JournalError(f"The journal {self.path} cannot be opened; check that the folder may be written.")
        return self._damage(str(error))

    def _damage(self, what: str) -> JournalError:
        return JournalError(
            f"The journal {self.path} is damaged ({what}); nothing was changed. "
            "Put a backup in its place, or move it away to begin anew."
        )

    def _write(self) -> None:
        going_on = True
        while going_on:
            group, going_on = self._next_group()
            if group:
                self._commit(group)

    def _next_group(self) -> tuple[list[tuple[Batch, Future[Batch]]], bool]:
        """Wait for one batch, then take along whatever waits behind it, up to the limits of one transaction."""
        group: list[tuple[Batch, Future[Batch]]] = []
        size = 0
        item = self._waiting.get()
        while item is not None:
            group.append(item)
            size += len(item[0].body)
            if len(group) >= GROUP_BATCHES_MAX or size >= GROUP_BYTES_MAX:
                return group, True
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _commit(self, group: list[tuple[Batch, Future[Batch]]]) -> None:
        started = time.perf_counter_ns()
        packed = [zlib.compress(batch.body, 1) if batch.is_kept else b"" for batch, _ in group]
        sequence = self.sequence
        rows, policies = [], []
        for (batch, _), body in zip(group, packed, strict=True):
            if batch.is_kept:
                sequence += 1
                batch.sequence = sequence
                checksum = zlib.crc32(body)
                rows.append((sequence, batch.received_us, batch.clock_us, batch.source, batch.lines, checksum, body))
                if batch.policy:
                    batch.policy = replace(batch.policy, sequence=sequence)
                    policies.append(_policy_row(batch.policy, sequence))
        try:
            with self._lock, self._database as transaction:
                transaction.executemany("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
                transaction.executemany(_INSERT_POLICY, policies)
                self._insert_rejects(transaction, [batch for batch, _ in group])
        except sqlite3.Error as error:
            for batch, future in group:
                batch.sequence = 0
                future.set_exception(JournalError(f"The journal {self.path} could not be written: {error}."))
            return
        self.sequence = sequence
        self._on_commit(len(group), (time.perf_counter_ns() - started) // 1_000)
        for batch, future in group:
            if batch.is_kept:
                self._on_durable(batch)
            future.set_result(batch)

    def _insert_rejects(self, transaction: sqlite3.Connection, batches: list[Batch]) -> None:
        totals: Counter[str] = Counter()
        for batch in batches:
            totals.update(reject.reason for reject in batch.rejects)
            transaction.executemany(
                "INSERT INTO rejects (received_us, source, line, reason, detail) VALUES (?, ?, ?, ?, ?)",
                [
                    (batch.received_us, reject.source, reject.line, reject.reason, reject.detail)
                    for reject in batch.rejects[-self._rejects_kept_max :]
                ],
            )
        if totals:
            transaction.executemany(
                "INSERT INTO reject_totals VALUES (?, ?) ON CONFLICT (reason) DO UPDATE SET count = count + excluded.count",
                list(totals.items()),
            )
            transaction.execute(
                "DELETE FROM rejects WHERE id <= (SELECT max(id) FROM rejects) - ?", (self._rejects_kept_max,)
            )


def _policy_row(policy: KeptPolicy, sequence: int) -> tuple[object, ...]:
    packed = zlib.compress(policy.bundle, 1)
    return sequence, policy.since_us, policy.name, policy.by, policy.file_digest, zlib.crc32(packed), packed


def _inflate(packed: bytes, checksum: int) -> bytes | None:
    if zlib.crc32(packed) != checksum:
        return None
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return None
