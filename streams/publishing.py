"""What readers of a service get, twice a second: the present of an engine, and what the service around it adds.

Owns: the form of what is published, the list of matters that were warned of or broken, and what every station has in common. Never touches a socket. Law: one
`Published` is made for all readers and never changed.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import msgspec

from engine.alarms import Alarm
from engine.exported import Exported, exported
from engine.pipeline import Engine
from engine.policy import Policy
from streams.capacity.planned import Planned
from streams.journal import KeptPolicy
from streams.questions import Questions
from streams.recent import Recent
from streams.settings import ServiceSettings

__all__ = [
    "COMMIT_BUCKETS_S",
    "AlarmSink",
    "Beside",
    "Nobody",
    "Published",
    "Publisher",
    "Station",
    "Vitals",
    "now_us",
    "pause_s",
]

COMMIT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
ALARMS_SHOWN = 100
"""Matters that were warned of or broken, of which readers are told; see `streams.recent`."""
ALARMS_KEPT = 5_000
"""Those of which readers of some shops only get theirs."""


@dataclass(frozen=True, slots=True)
class Published:
    """What all readers get: `facts` (not to be changed), and more alarms than these list. `version` grows by one each time; `exported`
    is for the metrics, None before the first facts."""

    version: int
    facts: dict[str, Any]
    alarms: tuple[dict[str, Any], ...] = ()
    exported: Exported | None = None

    @property
    def body(self) -> bytes:
        """The facts as JSON, made when somebody asks: a wall is not fed from it."""
        return msgspec.json.encode(self.facts, enc_hook=_plain)


@dataclass(slots=True)
class Vitals:
    """The process's own health, for the metrics. Counters since the start of the process."""

    batches: int = 0
    commits: int = 0
    commit_us: int = 0
    commit_buckets: list[int] = field(default_factory=lambda: [0] * (len(COMMIT_BUCKETS_S) + 1))
    refused_busy: int = 0
    policy_reloads: Counter[str] = field(default_factory=Counter)
    snapshots: int = 0
    snapshot_bytes: int = 0
    snapshot_us: int = 0


class AlarmSink(Protocol):
    """Who is told of alarms; neither waits for long nor raises."""

    def tell(self, alarms: list[Alarm]) -> None:
        """Takes alarms, which come again after a crash with the same ids."""

    def flush(self, wait_s: float) -> None:
        """Waits until those are kept that were told, but no longer than so."""


class Nobody:
    """Nobody is told."""

    def tell(self, alarms: list[Alarm]) -> None:
        pass

    def flush(self, wait_s: float) -> None:
        pass


class Beside(Protocol):
    """Who looks at the engine beside the publishing, on its thread; neither waits nor raises, and changes nothing in it."""

    def look(self, engine: Engine) -> None:
        """Called behind each tick."""

    def facts(self) -> dict[str, Any]:
        """What is published beside the rest; `conditions` are added to the engine's."""


class Publisher:
    """Makes one `Published` after the other on the engine's thread; `published` is the last, for any thread."""

    def __init__(self, settings: ServiceSettings, beside: tuple[Beside, ...] = ()) -> None:
        self.published = Published(0, {})
        self.judged_beside: Callable[[str, str], bool] = lambda condition, queue: False
        self._settings = settings
        self._beside = beside
        self._recent = Recent(ALARMS_KEPT)
        self._started_us = now_us()

    def hear(self, alarms: list[Alarm]) -> None:
        """Takes alarms, which the next publishing tells."""
        self._recent.take(alarms)

    def publish(
        self, engine: Engine, *, policy: Mapping[str, Any], refused: Mapping[str, int], service: Mapping[str, Any]
    ) -> Published:
        """The present of an engine. `refused` are events that were refused before it saw them, by reason; `policy` and `service`
        are told as they are."""
        facts = engine.now()
        version = self.published.version + 1
        facts["alarms"] = self._recent.rows(ALARMS_SHOWN)
        facts["counters"] = _counters(engine, refused)
        facts["policy"] = dict(policy)
        facts["conditions"] = [
            row
            for row in facts.get("conditions", ())
            if not self.judged_beside(row["name"], row["of"].get("queue", ""))
        ]
        for one in self._beside:
            told, raised = one.facts(), facts.get("conditions", [])
            facts |= told
            facts["conditions"] = [*raised, *told.get("conditions", [])]
        facts["service"] = {
            "sent_us": now_us(), "started_us": self._started_us, "zone": self._settings.zone, "ready": True, "version": version,
            **service,
        }  # fmt: skip
        people_max = self._settings.agent_series_max if self._settings.agent_series else 0
        sums = exported(engine, people_max)
        self.published = Published(version, facts, tuple(self._recent.rows(ALARMS_KEPT)), sums)
        return self.published


class Station(ABC):
    """An engine in a thread of its own, with what surrounds it: what those who serve readers need of it. Safe to call from any thread.

    `planned` is who is planned to be there; `refused` has the faults of what was offered last as a policy and not taken; `failure` is set when the engine's thread died.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        alarms: AlarmSink | None,
        beside: tuple[Beside, ...],
        on_publish: Callable[[Published], None],
        on_failure: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        self.vitals = Vitals()
        self.questions = Questions()
        self.planned = Planned()
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self.refused: tuple[str, ...] = ()
        self._settings = settings
        self._alarms = alarms or Nobody()
        self._beside = beside
        self._on_publish = on_publish
        self._on_failure = on_failure
        self._tell = tell
        self._publisher = Publisher(settings, beside)

    @property
    def published(self) -> Published:
        """What readers get."""
        return self._publisher.published

    def refuse(self, *faults: str) -> None:
        """Tell of a policy that was offered and not taken."""
        self.refused = faults
        self.vitals.policy_reloads["refused"] += 1
        self._tell("\n".join(("The policy is refused, the one of before stays in force:", *faults)))

    def _hear(self, engine: Engine) -> None:
        """Passes on what an engine raised since the last time, and has those look who look beside. On the engine's thread."""
        beside = self._publisher.judged_beside
        if alarms := [one for one in engine.take_alarms() if not beside(one.commitment, one.value("queue"))]:
            self.raise_alarms(alarms)
        for one in self._beside:
            one.look(engine)

    def leave_to(self, others: Callable[[str, str], bool]) -> None:
        """Of conditions that others judge for a queue, the engine's own judgement is not told."""
        self._publisher.judged_beside = others

    def raise_alarms(self, alarms: list[Alarm]) -> None:
        """Passes on what is raised beside the engine. On the engine's thread."""
        self._publisher.hear(alarms)
        self._alarms.tell(alarms)

    @property
    @abstractmethod
    def policy(self) -> KeptPolicy | None:
        """What is known of the policy in force."""

    @property
    @abstractmethod
    def policy_held(self) -> Policy:
        """The policy in force."""

    @abstractmethod
    def start(self) -> None:
        """Restore, and then serve, on the engine's thread; `ready` is set when all is known that there was."""

    @abstractmethod
    def stop(self) -> None:
        """Keep what there is, and end. Raises nothing for a dead engine."""

    @abstractmethod
    def is_alive(self) -> bool:
        """False when the engine's thread died or has not turned for long."""

    @abstractmethod
    def backlog(self) -> tuple[int, int | None]:
        """Batches and bytes that wait for the engine; None for bytes where nobody knows."""

    def by_partition(self) -> Mapping[str, Mapping[str, float]]:
        """Figures of the process that there are for each partition, by the names of the catalogue; one machine has none."""
        return {}

    @abstractmethod
    def adopt(self, kept: KeptPolicy, policy: Policy) -> Future[None]:
        """Hold the engine to a policy; the future is done once it does. Raises Busy, and InvalidSetting where it cannot."""


def _counters(engine: Engine, refused: Mapping[str, int]) -> dict[str, Any]:
    counters = engine.counters
    counted = {entry.name: getattr(counters, entry.name) for entry in fields(counters)}
    rejected = Counter(counted.get("rejected") or {}) + Counter(refused)
    return counted | {"rejected": dict(rejected), "limits": engine.limits_reached}


def pause_s(cost_s: float, least_s: float) -> float:
    """From one publishing to the next: a quarter of the time goes into it, or twice a second; never more than half of the time, or
    what comes in is left lying while figures are told."""
    return max(least_s, min(4 * cost_s, 0.5), 2 * cost_s)


def now_us() -> int:
    """The wall clock in microseconds since 1970."""
    return time.time_ns() // 1_000


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy as JSON knows them."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
