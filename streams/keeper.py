"""The engine and the journal behind it: one shard's state, and how it outlives the process.

Owns: the engine, how far the journal is absorbed, the taking of snapshots and the way back from them. Never starts a
thread, takes a lock, asks the time or publishes: whoever holds it calls it from one thread and says what time it is.

Law: what the journal holds is what the engine is. Batches are absorbed in the journal's order, each after advancing
the engine to the instant that the journal keeps with it, and each under the policy that held at its place; so
replaying the journal repeats the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from engine.events import Decoded, Vocabulary, decode
from engine.keys import Secret
from engine.pipeline import Engine, Settings
from engine.policy import Policy
from streams.capacity.planned import Planned
from streams.intake import pieces
from streams.journal import Batch, Journal, JournalError, KeptPolicy, Snapshot
from streams.policy.files import Bundle
from streams.policy.reading import unbundled
from streams.settings import ServiceSettings

__all__ = ["Keeper"]


class Keeper:
    """Construct, `open`, exhaust `replay`, and then `take` batches and `tick`.

    `secret` is for an engine that begins anew; one from a snapshot goes on with its own, so ask `engine.secret`.

    `covered` is the sequence of the last batch absorbed, `policy` what the journal knows of the policy in force; where it
    knows none, that of the engine's settings holds. Instants called `now_us` may be of any clock that never goes
    back: only their differences count.
    """

    def __init__(
        self,
        journal: Journal,
        settings: ServiceSettings,
        engine_settings: Settings,
        secret: Secret,
        tell: Callable[[str], None],
        planned: Planned | None = None,
    ) -> None:
        self.planned = planned or Planned()
        self.journal = journal
        self.engine = Engine(engine_settings, secret)
        self.covered = 0
        self.policy: KeptPolicy | None = None
        self._settings = settings
        self._engine_settings = engine_settings
        self._tell = tell
        self._opened_at: int | None = None
        self._saved_sequence = 0
        self._saved_us = 0
        self._lines_since_saved = 0

    @property
    def _plan_path(self) -> Path:
        return self._settings.data / "planned.msgpack"

    @property
    def reached_us(self) -> int:
        """The instant to which the clock has pushed event time so far, 0 for none."""
        return max(0, self.engine.order.floor_us + self._settings.disorder_bound_us)

    @property
    def knows_events(self) -> bool:
        """Whether there is any event, absorbed or still to be replayed."""
        return self.engine.counters.events > 0 or self.journal.lines_behind(self.covered) > 0

    def open(self, now_us: int) -> None:
        """Take the newest snapshot that can be used, or begin anew. Raises JournalError when neither is possible."""
        self.engine, self.covered = self._newest()
        self.planned.load(self._plan_path)
        self._opened_at = self.covered
        self._saved_sequence = self.covered
        self._saved_us = now_us

    def replay(self) -> Iterator[int]:
        """Absorb what the journal holds behind that; after each batch yields the lines done so far."""
        done = 0
        vocabulary = Vocabulary(self.engine.secret)
        for batch in self.journal.batches_behind(self.covered):
            if vocabulary.full():
                vocabulary = Vocabulary(self.engine.secret)
            self.take(
                batch, (decode(piece, source=batch.source, vocabulary=vocabulary) for piece in pieces(batch.body))
            )
            done += batch.lines
            yield done

    def take(self, batch: Batch, decoded: Iterable[Decoded]) -> None:
        """Absorb a durable batch: the next one of the journal."""
        if batch.policy:
            self.adopt(batch, _read(batch.policy))
            return
        self._advance(batch)
        for piece in decoded:
            self.planned.take(piece)
            self.engine.absorb(piece)
        self._took(batch)

    def adopt(self, batch: Batch, policy: Policy) -> None:
        """Hold the engine to the policy that is the next of the journal, read already."""
        self._advance(batch)
        self.engine.adopt(policy)
        self.policy = batch.policy
        self._took(batch)

    def _advance(self, batch: Batch) -> None:
        if batch.clock_us:
            # The floor decides who is late; settling changes no figure and is left to the tick, once for many batches.
            self.engine.order.advance(batch.clock_us - self._settings.disorder_bound_us)

    def _took(self, batch: Batch) -> None:
        self.covered = batch.sequence
        self._lines_since_saved += batch.lines

    def tick(self, clock_us: int) -> None:
        """Let the clock push event time to `clock_us`, 0 for not at all, and bring the figures up to the present."""
        if clock_us:
            self.engine.advance(clock_us - self._settings.disorder_bound_us)
        else:
            self.engine.settle()

    def snapshot_is_due(self, now_us: int) -> bool:
        """True when there is something new to save, and enough of it or for long enough."""
        return self.covered != self._saved_sequence and (
            now_us - self._saved_us >= self._settings.snapshot_interval_us
            or self._lines_since_saved >= self._settings.snapshot_lines
        )

    def save_snapshot(self, now_us: int, created_us: int) -> int:
        """Write a snapshot if there is something new to save; returns its bytes, 0 for none. `created_us` is wall time."""
        if self.covered == self._saved_sequence:
            return 0
        self._saved_us = now_us
        data = self.engine.snapshot()
        self.planned.save(self._plan_path)
        try:
            if self._opened_at is not None:  # Newer ones could not be used: none of them is one of the two to keep.
                self.journal.drop_snapshots_behind(self._opened_at)
                self._opened_at = None
            self.journal.save_snapshot(Snapshot(self.covered, created_us, data))
        except JournalError as error:  # The journal keeps the batches, so only the next restart takes longer.
            self._tell(str(error))
            return 0
        self._saved_sequence = self.covered
        self._lines_since_saved = 0
        return len(data)

    def _newest(self) -> tuple[Engine, int]:
        why = ""
        for snapshot in self.journal.snapshots():
            settings = self._under_policy_at(snapshot.sequence)
            try:
                return Engine.restore(snapshot.engine, settings), snapshot.sequence
            except Exception as error:  # Whatever a damaged snapshot raises: the older one may be whole.
                why = f" ({error})"
                self._tell(f"The snapshot behind batch {snapshot.sequence} cannot be used{why}.")
        if not self.journal.replayable_from_start():
            raise JournalError(
                f"No snapshot in {self.journal.path} can be used{why} and the batches before them were pruned; nothing "
                "was changed. Start with the settings of before, put a backup in its place, or name a new folder."
            )
        return Engine(self._under_policy_at(0), self.engine.secret), 0

    def _under_policy_at(self, sequence: int) -> Settings:
        """The engine's settings with the policy that was in force there, which is noted."""
        self.policy = self.journal.policy_at(sequence)
        return replace(self._engine_settings, policy=_read(self.policy)) if self.policy else self._engine_settings


def _read(policy: KeptPolicy) -> Policy:
    try:
        return unbundled(Bundle.unpacked(policy.bundle))
    except ValueError as error:
        raise JournalError(
            f"The policy {policy.name} in the journal, in force behind batch {policy.sequence}, cannot be read: {error}. "
            "Run the version that wrote it."
        ) from None
