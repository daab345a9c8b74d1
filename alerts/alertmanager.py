"""The second path of alerts: what is raised now, told to Alertmanager over its API, version 2.

Owns what an alert is called and labelled there, which of them are active, and the sending: again while active, once more when over.
Never judges anything: it tells what the published facts say. Contacts, people and customers are in no label and no annotation.

Law: `offer` never waits. What could not be told is told at the next turn, since each turn tells everything that is active.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from engine.levels import LEVELS, alert_name

__all__ = ["ACTIVE_MAX", "Active", "Address", "Alertmanager", "active_in"]

#: Alerts that are active at once; further ones are counted and not told.
ACTIVE_MAX = 1_000
#: Alertmanager takes an alert for over when it has not heard of it for five minutes.
RESEND_S = 60.0
#: A breach is an instant; it is told as active for so long.
BREACH_S = 300.0
TIMEOUT_S = 10.0
BACKOFF_S, BACKOFF_S_MAX = 1.0, 30.0
PATH = "/api/v2/alerts"
_GROUP = ("queue", "tenant", "channel", "region", "category", "tier", "partner", "party")

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Address:
    """Where an Alertmanager listens. Raises ValueError for what is no address."""

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValueError(f"{self.url!r} is no address of an Alertmanager; give one like http://127.0.0.1:9093")
        _ = parts.port  # Raises ValueError for a port that is none.

    def post(self, body: bytes) -> int:
        """The status of the answer. Raises OSError and http.client.HTTPException."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", parts.path.rstrip("/") + PATH, body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()


@dataclass
class Active:
    """One alert: since when, in which words, and until when it is told where nobody ends it."""

    since_s: float
    summary: str
    until_s: float = float("inf")


def active_in(facts: Mapping[str, Any]) -> Iterator[tuple[Labels, Active]]:
    """What is raised: conditions for as long as they last, and breaches, those of one commitment and group together."""
    for one in facts.get("conditions") or ():
        of = _known(one["of"], (*_GROUP, "source"))
        summary = f"{one['name']}: {one['measure']} {one['figure']}, limit {one['limit']}"
        labels = {"alertname": alert_name(one["name"]), "severity": one["severity"], **of}
        yield _labels(labels), Active(one["since_us"] / 1e6, summary)
    for alarm in facts.get("alarms") or ():
        # Of a group or a source is what a condition raises, which is told above.
        if alarm.get("worst", alarm["step"]) == "broken" and "group" not in alarm and "source" not in alarm:
            at_s = alarm["at_us"] / 1e6
            severity = "critical" if alarm.get("tier") in ("ka", "vip") else "warning"
            labels = {"alertname": "CommitmentBroken", "commitment": alarm["commitment"], "severity": severity}
            yield (
                _labels(labels | _known(alarm, _GROUP)),
                Active(at_s, f"{alarm['commitment']} is broken", at_s + BREACH_S),
            )


def _labels(labels: Mapping[str, str]) -> Labels:
    more = {"origin": "floorwatch", "path": "direct", "level": LEVELS[labels["severity"]]}
    return tuple(sorted({**labels, **more}.items()))


def _known(of: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: str(of[name]) for name in names if of.get(name)}


@dataclass
class Alertmanager:
    """`start`, then `offer` facts from any thread, then `stop`. `outcomes` and `overflow_count` tell how it goes."""

    address: Address
    generator: str = ""
    clock: Callable[[], float] = time.time
    outcomes: Counter[str] = field(default_factory=Counter)
    overflow_count: int = 0

    def __post_init__(self) -> None:
        self._wake = threading.Condition()
        self._facts: Mapping[str, Any] | None = None
        self._stopping = False
        self._told: dict[Labels, Active] = {}
        self._thread = threading.Thread(target=self._run, name="alertmanager", daemon=True)

    @property
    def active_count(self) -> int:
        return len(self._told)

    def start(self) -> None:
        self._thread.start()

    def offer(self, facts: Mapping[str, Any]) -> None:
        """The newest facts; those of before are forgotten when they were not looked at yet."""
        with self._wake:
            self._facts = facts
            self._wake.notify()

    def stop(self) -> None:
        """Tells nothing more: what is active stays so until Alertmanager has waited for us."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(TIMEOUT_S + 1)

    def _run(self) -> None:
        told_at, pause_s = float("-inf"), 0.0
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopping or self._facts is not None)
                if self._stopping:
                    return
                facts, self._facts = self._facts or {}, None
            active, over = self._changes(facts)
            is_new = active.keys() != self._told.keys()
            if is_new or (active and time.monotonic() - told_at >= RESEND_S):
                if self._send(active, over):
                    self._told, told_at, pause_s = active, time.monotonic(), 0.0
                else:
                    pause_s = min(max(BACKOFF_S, pause_s * 2), BACKOFF_S_MAX)
            with self._wake:
                self._wake.wait_for(lambda: self._stopping, timeout=pause_s)

    def _changes(self, facts: Mapping[str, Any]) -> tuple[dict[Labels, Active], dict[Labels, Active]]:
        """What is active now, and what is no longer. Breaches stay for their time though the facts have forgotten them."""
        now_s = (facts.get("as_of_us") or 0) / 1e6
        active = {labels: one for labels, one in self._told.items() if now_s < one.until_s < float("inf")}
        for labels, one in active_in(facts):
            was = active.get(labels)
            if was is not None:
                active[labels] = Active(min(was.since_s, one.since_s), one.summary, max(was.until_s, one.until_s))
            elif one.until_s <= now_s:
                continue
            elif len(active) >= ACTIVE_MAX:
                self.overflow_count += 1
            else:
                active[labels] = one
        return active, {labels: was for labels, was in self._told.items() if labels not in active}

    def _send(self, active: Mapping[Labels, Active], over: Mapping[Labels, Active]) -> bool:
        now_s = self.clock()
        body = [self._alert(labels, one, now_s + 4 * RESEND_S) for labels, one in active.items()]
        body += [self._alert(labels, one, now_s) for labels, one in over.items()]
        try:
            status = self.address.post(json.dumps(body).encode())
        except (OSError, http.client.HTTPException):
            self.outcomes["unreached"] += 1
            return False
        self.outcomes["delivered" if status == 200 else "refused"] += 1
        return status == 200

    def _alert(self, labels: Labels, one: Active, ends_s: float) -> dict[str, Any]:
        alert: dict[str, Any] = {
            "labels": dict(labels),
            "annotations": {"summary": one.summary},
            "startsAt": _instant(one.since_s),
            "endsAt": _instant(ends_s),
        }
        return alert | ({"generatorURL": self.generator} if self.generator else {})


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
