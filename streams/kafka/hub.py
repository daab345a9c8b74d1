"""The hub's engine: the merged steps of all partitions, and what everybody reads of them.

Owns: the one thread that touches the merged engine. To those who serve it looks like the engine of one machine
(`streams.embedded`): it publishes, answers questions, tells alarms and is ready once it has caught up. Never takes events in, never
writes to Kafka; any number of hubs may run side by side, each with a folder of its own.

Law: what was told of an alarm before the file is written is kept elsewhere; after a crash it is told again, with the same id.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from kafka.errors import KafkaError

from engine.errors import BrokenInvariant, InvalidSetting
from engine.pipeline import Settings
from engine.policy import Policy
from streams.journal import KeptPolicy
from streams.kafka.merging import Merging
from streams.kafka.settings import KafkaSettings
from streams.publishing import AlarmSink, Beside, Published, Station, now_us, pause_s
from streams.settings import ServiceSettings

__all__ = ["Hub"]

HEARTBEAT_S_MAX = 15.0
"""The engine's thread is taken for dead after so long without a turn."""
TOLD_EVERY_S = 1.0
FLUSH_S_MAX = 2.0
_POLL_S = 0.05
_LAG_EVERY_S = 5.0


class Hub(Station):
    """Construct, `start`, and `stop`. Safe to call from any thread; `failure` is set when the engine's thread died."""

    def __init__(
        self,
        kafka: KafkaSettings,
        settings: ServiceSettings,
        engine_settings: Settings,
        policy: KeptPolicy,
        *,
        alarms: AlarmSink | None = None,
        beside: tuple[Beside, ...] = (),
        on_publish: Callable[[Published], None] = lambda published: None,
        on_failure: Callable[[], None] = lambda: None,
        tell: Callable[[str], None] = lambda sentence: print(sentence, file=sys.stderr, flush=True),
    ) -> None:
        super().__init__(settings, alarms, beside, on_publish, on_failure, tell)
        self.lag: dict[int, int] = {}
        self._merged_us: dict[int, int] = {}
        self.vitals.commit_buckets = []  # A hub has no journal.
        self._policy = policy
        self._kafka = kafka
        self._engine_settings = engine_settings
        self._closing = False
        self._beat = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def policy(self) -> KeptPolicy:
        """What is known of the policy in force."""
        return self._policy

    @property
    def policy_held(self) -> Policy:
        """The policy in force."""
        return self._engine_settings.policy

    def start(self) -> None:
        """Restore, catch up and then serve, on the engine's thread; `ready` is set when all is merged that lay in the log."""
        self._thread.start()

    def stop(self) -> None:
        """Writes the state a last time. Raises nothing for a dead engine."""
        self._closing = True
        self._thread.join()

    def is_alive(self) -> bool:
        """False when the engine's thread died or has not turned for long."""
        return self.failure is None and time.monotonic() - self._beat < HEARTBEAT_S_MAX

    def backlog(self) -> tuple[int, None]:
        """Records that are in the log and not merged; how large they are nobody knows."""
        return sum(self.lag.values()), None

    def by_partition(self) -> Mapping[str, Mapping[str, float]]:
        """What is not merged yet, and which partition holds the others back."""
        return {
            "floorwatch_hub_unmerged_records": {str(number): count for number, count in self.lag.items()},
            "floorwatch_hub_merged_timestamp_seconds": {
                str(number): at / 1e6 for number, at in self._merged_us.items()
            },
        }

    def adopt(self, kept: KeptPolicy, policy: Policy) -> Future[None]:
        """Raises InvalidSetting: workers and hubs hold to one policy from their start on."""
        raise InvalidSetting(
            "a cluster's policy is changed by starting its workers and hubs anew with the new file; nothing has changed"
        )

    # The engine's thread.

    def _run(self) -> None:
        try:
            merging = Merging(self._kafka, self._engine_settings, self._settings.data, self._tell)
            try:
                self._catch_up(merging)
                self._serve(merging)
                self._save(merging)
            finally:
                merging.close()
        except BaseException as error:  # A bug must be loud: the process ends, and the log has everything.
            self.failure = error
            if isinstance(error, (KafkaError, InvalidSetting, BrokenInvariant)):
                self._tell(f"The hub ends: {str(error) or type(error).__name__}")
            else:
                traceback.print_exc()
            self._on_failure()

    def _catch_up(self, merging: Merging) -> None:
        whole, told_at = merging.unread, time.monotonic()
        while (left := merging.unread) and not self._closing:
            merging.poll(_POLL_S)
            merging.merged.settle()
            self._hear(merging.merged)
            self._beat = time.monotonic()
            if self._beat - told_at >= TOLD_EVERY_S:
                self._tell(f"Merging the log of steps: {whole - left:,} of {whole:,} records.")
                told_at = self._beat
                self.lag = merging.lag()
        self._publish(merging)
        self.ready.set()

    def _serve(self, merging: Merging) -> None:
        publish_at = save_at = time.monotonic()
        lag_at, least_s, told_us = 0.0, self._settings.publish_us / 1e6, merging.merged.watermark_us
        while not self._closing:
            turn = self._beat = time.monotonic()
            is_new = merging.merged.watermark_us > told_us
            if merging.poll(min(_POLL_S, max(0.0, publish_at + (0.0 if is_new else least_s) - turn))):
                merging.merged.settle()
                self._hear(merging.merged)
            self.questions.answer(merging.merged)
            turn = time.monotonic()
            # All partitions' steps end at the same instants, so there is something new a few times a second, and then at once.
            if turn >= publish_at + (0.0 if merging.merged.watermark_us > told_us else least_s):
                told_us = merging.merged.watermark_us
                self._publish(merging)
                # Sooner than they come, or it would trail them by more each time.
                publish_at = turn + pause_s(time.monotonic() - turn, least_s / 2)
            if turn >= lag_at:
                self.lag, self._merged_us, lag_at = merging.lag(), merging.told_until_us(), turn + _LAG_EVERY_S
            if turn - save_at >= self._settings.snapshot_interval_us / 1e6:
                self._save(merging)
                save_at = time.monotonic()

    def _publish(self, merging: Merging) -> None:
        self.vitals.batches = merging.steps
        policy = {"name": self.policy.name, "by": self.policy.by, "since_us": self.policy.since_us}
        published = self._publisher.publish(
            merging.merged,
            policy=policy | {"refused": list(self.refused), "reloads": dict(self.vitals.policy_reloads)},
            refused={},
            service={
                "clock_running": merging.merged.watermark_us >= now_us() - self._settings.quiet_us,
                "backlog_batches": self.backlog()[0],
                "sequence": merging.steps,
            },
        )
        self._on_publish(published)

    def _save(self, merging: Merging) -> None:
        self._alarms.flush(FLUSH_S_MAX)  # What the file no longer holds must be kept elsewhere.
        began = time.perf_counter_ns()
        if size := merging.save():
            self.vitals.snapshots += 1
            self.vitals.snapshot_bytes, self.vitals.snapshot_us = size, (time.perf_counter_ns() - began) // 1_000
