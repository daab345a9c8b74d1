"""The engine inside one process: journal, tick, snapshots, and what everybody reads.

Owns: the one thread that touches the engine, and what comes to it. That thread is not the event loop's: absorbing a large batch or
writing a snapshot takes longer than a health check or a viewer may wait. Never parses a request, never formats a page:
it hands out one immutable `Published` after the other, computed once for all readers.

Law: batches reach the keeper in the journal's order, each with the instant to which the clock stood when it was
admitted, and the tick stands still while any batch is on its way; so a process killed at any moment goes on with the
same figures.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from engine.errors import InvalidSetting
from engine.keys import SECRET_BYTES, Secret
from engine.pipeline import Settings, followed
from engine.policy import Policy
from streams.clock import Clock
from streams.gateway import Busy
from streams.journal import Batch, Journal, JournalError, KeptPolicy
from streams.keeper import Keeper
from streams.policy.files import Bundle
from streams.policy.reading import unbundled
from streams.policy.standing import kept_policy, successor
from streams.publishing import COMMIT_BUCKETS_S, AlarmSink, Beside, Published, Station, now_us, pause_s
from streams.settings import ServiceSettings
from streams.warming import warm

__all__ = ["Embedded"]

HEARTBEAT_S_MAX = 15.0
"""The engine's thread is taken for dead after so long without a turn."""
REPLAY_TOLD_EVERY_S = 1.0
FLUSH_S_MAX = 2.0
_STOP = Batch(b"", 0)


class Embedded(Station):
    """Construct, `start`, and `stop`. Safe to call from any thread; `failure` is set when the engine's thread died.

    `bundle` is what the service's policy file says, from which the policy of `engine_settings` was read: it begins a new journal,
    and is adopted behind the replay of one that was under another file. `refused` has the faults of what was offered last
    and not taken.
    """

    def __init__(
        self,
        journal: Journal,
        settings: ServiceSettings,
        engine_settings: Settings,
        *,
        bundle: Bundle | None = None,
        alarms: AlarmSink | None = None,
        beside: tuple[Beside, ...] = (),
        on_publish: Callable[[Published], None] = lambda published: None,
        on_failure: Callable[[], None] = lambda: None,
        tell: Callable[[str], None] = lambda sentence: print(sentence, file=sys.stderr, flush=True),
    ) -> None:
        super().__init__(settings, alarms, beside, on_publish, on_failure, tell)
        self.journal = journal
        self._bundle = bundle
        self._clock = Clock(near_us=settings.near_us, quiet_us=settings.quiet_us)
        self._guard = threading.Lock()  # Around the clock and the counts of what is on its way.
        self._begun = 0
        self._adopting: set[Future[None]] = set()
        self._backlog_batches = 0
        self._backlog_bytes = 0
        self._closing = False
        self._absorb: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._beat = time.monotonic()
        self._keeper = Keeper(  # Touched by the engine's thread only.
            journal, settings, engine_settings, Secret(os.urandom(SECRET_BYTES)), tell, self.planned
        )

    def start(self) -> None:
        """Compile, restore, replay and then serve, on the engine's thread; `ready` is set when the replay is done."""
        self.journal.start(self._durable, self._committed)
        self._thread.start()

    def stop(self) -> None:
        """Refuse what is new, absorb what is journalled, write a last snapshot. Raises nothing for a dead engine."""
        with self._guard:
            self._closing = True
        self.journal.stop()
        self._absorb.put(_STOP)
        self._thread.join()
        self.journal.close()

    def is_alive(self) -> bool:
        """False when the engine's thread died or has not turned for long."""
        return self.failure is None and (not self.ready.is_set() or time.monotonic() - self._beat < HEARTBEAT_S_MAX)

    @property
    def secret(self) -> Secret:
        """What keys are made with, final once `ready` is set."""
        return self._keeper.engine.secret

    def begin(self) -> int:
        """See streams.gateway.Service: from here to `end` the tick stands still for this body."""
        with self._guard:
            self._admit()
            self._begun += 1
            return now_us()

    def end(self) -> None:
        with self._guard:
            self._begun -= 1

    def submit(self, batch: Batch, newest_us: int) -> Future[Batch]:
        """Journal a batch and then absorb it; only rejects to keep make a batch without lines."""
        with self._guard:
            self._admit()
            if batch.lines:
                batch.clock_us = self._clock.stamp(batch.received_us, newest_us)
                self._backlog_batches += 1
                self._backlog_bytes += len(batch.body)
            future = self.journal.append(batch)  # Under the lock: the journal's order is the clock's order.
        if batch.lines:
            future.add_done_callback(lambda done: self._forget(batch) if done.exception() else None)
        return future

    @property
    def policy(self) -> KeptPolicy | None:
        """What the journal knows of the policy in force."""
        return self._keeper.policy

    @property
    def policy_held(self) -> Policy:
        """The policy in force."""
        return self._keeper.engine.settings.policy

    def adopt(self, kept: KeptPolicy, policy: Policy) -> Future[None]:
        """Journal a policy, and hold the engine to it from that place on; the future is done once it does.

        Raises Busy, and InvalidSetting where the engine cannot go on with it; then nothing has changed.
        """
        followed(self._keeper.engine.settings, policy)
        with self._guard:
            self._admit()
            done, written = self._hand_in(kept, policy)
        written.add_done_callback(lambda written: self._given_up(written.exception(), done))
        return done

    def _hand_in(self, kept: KeptPolicy, policy: Policy) -> tuple[Future[None], Future[Batch]]:
        """Into the journal; the futures are done once it holds and once it is written."""
        done: Future[None] = Future()
        batch = Batch(b"", 0, received_us=kept.since_us, policy=kept, payload=(policy, done))
        batch.clock_us = self._clock.stand(now_us())
        self._adopting.add(done)
        self._backlog_batches += 1  # The tick stands still, as for any batch.
        return done, self.journal.append(batch)

    def _given_up(self, error: BaseException | None, done: Future[None]) -> None:
        if error is not None:
            with self._guard:
                self._backlog_batches -= 1
            done.set_exception(error)

    def backlog(self) -> tuple[int, int]:
        """Batches and bytes submitted and not yet absorbed."""
        with self._guard:
            return self._backlog_batches, self._backlog_bytes

    def _admit(self) -> None:
        if self._closing or self.failure is not None:
            raise Busy(503, "The service is stopping; nothing was stored, send it again later.")
        if not self.ready.is_set():
            raise Busy(503, "The service is replaying its journal; nothing was stored, send it again later.")
        if (
            self._backlog_batches >= self._settings.backlog_batches_max
            or self._backlog_bytes >= self._settings.backlog_bytes_max
        ):
            self.vitals.refused_busy += 1
            raise Busy(429, "The backlog is full; nothing was stored, send it again.")

    def _forget(self, batch: Batch) -> None:
        with self._guard:
            self._backlog_batches -= 1
            self._backlog_bytes -= len(batch.body)

    def _durable(self, batch: Batch) -> None:
        self._absorb.put(batch)

    def _committed(self, batches: int, elapsed_us: int) -> None:
        vitals = self.vitals
        vitals.commits += 1
        vitals.commit_us += elapsed_us
        bucket = next((i for i, limit in enumerate(COMMIT_BUCKETS_S) if elapsed_us <= limit * 1e6), -1)
        vitals.commit_buckets[bucket] += 1

    def _run(self) -> None:
        try:
            warm(self._tell)
            self._restore()
            self._publish()
            self.ready.set()
            self._serve()
            self._take_snapshot()
            self._publish()
        except BaseException as error:  # A bug must be loud: the process ends, and the journal keeps what it has.
            self.failure = error
            for done in self._adopting:
                done.cancel()
            if isinstance(error, (JournalError, InvalidSetting)):
                self._tell(str(error))
            else:
                traceback.print_exc()
            self._on_failure()

    def _serve(self) -> None:
        settings = self._settings
        tick_at = publish_at = time.monotonic()
        while True:
            self._beat = time.monotonic()
            batch = self._next_batch(max(0.0, tick_at - self._beat))
            if batch is _STOP:
                return
            if batch is not None:
                self._take(batch)
            turn = time.monotonic()
            if turn >= tick_at:
                self._tick()
                self.questions.answer(self._keeper.engine)
                tick_at = turn + settings.tick_us / 1e6
                # Right behind a tick, so that nothing waits for both.
                if turn > publish_at - settings.tick_us / 2e6:
                    began = time.monotonic()
                    self._publish()
                    published = time.monotonic()
                    publish_at = turn + pause_s(published - began, settings.publish_us / 1e6)
            if self._keeper.snapshot_is_due(_turn_us()):
                self._take_snapshot()

    def _take(self, batch: Batch) -> None:
        if isinstance(batch.payload, tuple):
            policy, done = batch.payload
            self._keeper.adopt(batch, policy)
            self._adopting.discard(done)
            done.set_result(None)
        else:
            self._keeper.take(batch, batch.payload if isinstance(batch.payload, list) else [])
        batch.payload = None
        self.vitals.batches += 1
        self._forget(batch)

    def _next_batch(self, wait_s: float) -> Batch | None:
        try:
            return self._absorb.get(timeout=wait_s) if wait_s else self._absorb.get_nowait()
        except queue.Empty:
            return None

    def _tick(self) -> None:
        with self._guard:
            clock_us = 0 if self._begun or self._backlog_batches else self._clock.tick(now_us())
        self._keeper.tick(clock_us)
        self._hear(self._keeper.engine)

    def _publish(self) -> None:
        # The journal keeps the rejects: they are refused before the engine sees them, and outlive the process.
        with self._guard:
            service = {"clock_running": self._clock.running, "backlog_batches": self._backlog_batches}
        published = self._publisher.publish(
            self._keeper.engine,
            policy=self._policy(),
            refused=self.journal.reject_totals(),
            service=service | {"sequence": self._keeper.covered},
        )
        self._on_publish(published)

    def _policy(self) -> dict[str, Any]:
        kept = self.policy
        of_it = {"name": kept.name, "by": kept.by, "since_us": kept.since_us} if kept else {}
        return of_it | {"refused": list(self.refused), "reloads": dict(self.vitals.policy_reloads)}

    def _take_snapshot(self) -> None:
        self._alarms.flush(FLUSH_S_MAX)  # What the snapshot no longer holds must be kept elsewhere.
        started = time.perf_counter_ns()
        if size := self._keeper.save_snapshot(_turn_us(), now_us()):
            self.vitals.snapshots += 1
            self.vitals.snapshot_bytes = size
            self.vitals.snapshot_us = (time.perf_counter_ns() - started) // 1_000

    def _restore(self) -> None:
        if self._bundle:
            self.journal.begin_with(kept_policy(self._bundle, by="start", since_us=now_us()))
        self._keeper.open(_turn_us())
        if self._keeper.knows_events:
            self._clock.restored(now_us(), self._keeper.reached_us)
        whole = self.journal.lines_behind(self._keeper.covered)
        done = 0
        told_at = time.monotonic()
        for done in self._keeper.replay():
            self.vitals.batches += 1
            if time.monotonic() - told_at >= REPLAY_TOLD_EVERY_S:
                self._tell(f"Replaying the journal: {done:,} of {whole:,} events.")
                told_at = time.monotonic()
            if self._closing:
                return
        if whole:
            self._tell(f"Replayed {done:,} events from the journal.")
        self._follow_the_file()

    def _follow_the_file(self) -> None:
        """Adopts what the service's file says, where it said something else before or stands on something else."""
        kept, file = self.policy, self._bundle
        if kept is None or file is None or (wanted := successor(kept, file)) is None:
            return
        policy = unbundled(wanted)
        try:
            followed(self._keeper.engine.settings, policy)
        except InvalidSetting as fault:
            self.refuse(str(fault))
            return
        renewed = kept_policy(wanted, by="start", since_us=now_us(), file_digest=file.digest)
        _, written = self._hand_in(renewed, policy)  # Nobody else is admitted yet.
        written.result()
        self._take(self._absorb.get())


def _turn_us() -> int:
    """A clock for durations: it never goes back."""
    return time.monotonic_ns() // 1_000
