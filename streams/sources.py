"""The monitor's watch over itself (catalogue C55): who is heard, whose clock is wrong, who is silent for longer than expected, and whether we are blind.

Owns what is told of sources, and what is raised about them. Looks at arrivals and this machine's clock, never at what events say beside their instants. Law:
blind is who has known sources that are all silent for too long, or who refuses everything that comes; both are said within a second and raised once, also by a
process that goes on after another.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.alarms import BROKEN, ENDED, WARNED, Alarm
from engine.events import Decoded
from engine.times import HOUR_US, MINUTE_US, SECOND_US
from streams.expectations import Expectations, Told
from streams.publishing import now_us
from streams.silences import UNNAMED, Expected, Refused, Silences, silence_s

__all__ = ["BLIND", "OVERDUE", "REFUSED_LEAST", "REFUSING", "REFUSING_S", "SILENT", "TURNED_AWAY", "Sources"]

OVERDUE, BLIND, TURNED_AWAY = "source_overdue", "blind", "source_refused"
LOOK_US = SECOND_US
#: Everything is refused when nothing was taken for so long, and so many bodies and lines were refused since.
REFUSING_S = 60.0
REFUSED_LEAST = 5
#: Who was refused and has not come again for so long has given up, and is silent.
GIVEN_UP_US = HOUR_US
#: Bodies of which the difference of clocks is remembered, of the last minute.
SKEWS_MAX = 64
FEW = 64
REFUSING, SILENT = "refusing", "silent"


@dataclass(slots=True)
class _Heard:
    """One source since this process began: when it was heard, its longest silence of this hour, how its clock differs by body."""

    first_us: int
    last_us: int
    longest_s: float = 0.0
    newest_us: int = 0
    skews: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=SKEWS_MAX))

    def skew_s(self, now_us: int) -> float | None:
        recent = [skew for at_us, skew in self.skews if now_us - at_us <= MINUTE_US]
        return median(recent) if recent else None


class Sources:
    """`took` and `refuse` from any thread; `look`, `facts` and `save` on the engine's. What is raised is given to `raise_alarms`."""

    def __init__(
        self, silences: Silences, path: Path, tell: Callable[[str], None], *, clock: Callable[[], int] = now_us
    ) -> None:
        self.raise_alarms: Callable[[list[Alarm]], None] = lambda alarms: None
        self._silences = silences
        self._path = path
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._expectations = Expectations()
        self._heard: dict[str, _Heard] = {}
        self._started_us = self._looked_us = self._taken_us = clock()
        self._refused = 0
        self._facts: dict[str, Any] = {"blind": None, "sources": []}
        self._blind_since_us: int | None = None
        self._heard_again: set[str] = set()
        try:
            silences.load(path)
        except (ValueError, OSError):
            tell(f"What is usual of sources, in {path}, cannot be read; it is learned anew.")

    def took(self, source: str, received_us: int, decoded: Sequence[Decoded], refused: int) -> None:
        """Events of a source were taken in, and some of their lines refused."""
        times_us = [piece.times_us for piece in decoded if piece.count]
        with self._lock:
            self._refused += refused
            if not times_us:
                return
            self._taken_us, self._refused = max(self._taken_us, received_us), 0
            self._heard_again.update({source} & self._silences.refused.keys())
            all_us = times_us[0] if len(times_us) == 1 else np.concatenate(times_us)
            if heard := self._hear(source, received_us, int(all_us.max())):
                heard.skews.append((received_us, (received_us - _middle_us(all_us)) / SECOND_US))

    def heard(self, source: str, at_us: int, newest_us: int) -> None:
        """A source was heard, by somebody who does not know when its events were received."""
        with self._lock:
            self._hear(source, at_us, newest_us)

    def _hear(self, source: str, at_us: int, newest_us: int) -> _Heard | None:
        """None where there are too many sources already."""
        heard = self._heard.get(source)
        if heard is None:
            if not self._silences.know(source, at_us):
                return None
            heard = self._heard[source] = _Heard(at_us, at_us)
        since_us = max(heard.last_us, at_us // HOUR_US * HOUR_US)
        heard.longest_s = max(heard.longest_s, silence_s(since_us, at_us))
        heard.last_us = max(heard.last_us, at_us)
        heard.newest_us = max(heard.newest_us, newest_us)
        self._silences.heard_us[source] = heard.last_us
        return heard

    def refuse(self) -> None:
        """A whole body was refused."""
        with self._lock:
            self._refused += 1

    def turn_away(self, source: str, reason: str) -> None:
        """Somebody was refused for who he is, or what he may not do, who sends as that source. Of a source that nobody knows anything, nothing is told."""
        now = self._clock()
        with self._lock:
            if source not in self._silences.heard_us and source not in self._expectations.names:
                return
            self._refused += 1
            known = self._silences.refused.get(source)
            if known is None or source in self._heard_again:
                is_told = known is not None and known.is_told
                self._silences.refused[source] = Refused(now, now, reason, is_told=is_told)
                self._heard_again.discard(source)
            else:
                known.last_us, known.reason, known.count = now, reason, known.count + 1

    def facts(self) -> dict[str, Any]:
        """`blind`: None, or why and since when; `sources`: what is known of each."""
        return self._facts

    def look(self, engine: Any) -> None:
        """Works it out anew once a second."""
        now = self._clock()
        if abs(now - self._looked_us) < LOOK_US:
            return
        with self._lock:
            if engine is not None:
                self._expectations.follow(engine.settings.policy)
            changed = self._turn_hour(now)
            alarms = self._turned_away(now)
            rows = self._rows(now)
            alarms += [*self._overdue(rows, now), *self._blindness(rows, now)]
            changed |= bool(alarms)
            self._looked_us = now
        if alarms:
            self.raise_alarms(alarms)
        if changed:
            self.save()

    def save(self) -> None:
        """Keeps what is known for the next process."""
        try:
            with self._lock:
                self._silences.save(self._path)
        except OSError as error:
            self._tell(f"What is usual of sources cannot be kept in {self._path}: {error.strerror}.")

    def _turn_hour(self, now: int) -> bool:
        hour_us, hour_s = now // HOUR_US * HOUR_US, HOUR_US / SECOND_US
        if hour_us <= self._looked_us // HOUR_US * HOUR_US:
            return False
        began_us = hour_us - HOUR_US
        whole = self._started_us <= began_us and self._looked_us >= began_us
        known = {}
        for name in self._silences.heard_us:
            heard = self._heard.get(name)
            if whole and (heard is None or heard.first_us <= began_us):
                last_us = heard.last_us if heard else self._started_us
                known[name] = max(heard.longest_s if heard else 0.0, min(silence_s(last_us, hour_us), hour_s))
            if heard:
                heard.longest_s = 0.0
        self._silences.note(hour_us, known)
        for name in self._silences.forget(now):
            self._heard.pop(name, None)
        return True

    def _rows(self, now: int) -> list[dict[str, Any]]:
        expected: dict[str, Expected | Told] = {**self._silences.expected(now), **self._expectations.at(now)}
        return [self._row(name, each, now) for name, each in expected.items()]

    def _row(self, name: str, expected: Expected | Told, now: int) -> dict[str, Any]:
        heard = self._heard.get(name)
        last_us = heard.last_us if heard else self._started_us
        skew_s = heard.skew_s(now) if heard else None
        # Who is missed is missed until heard, or until an hour in which nobody would miss him.
        heard_us = self._silences.heard_us.get(name)
        missed = (
            name in self._silences.overdue and self._silences.overdue[name] == (heard_us or 0) and not expected.is_quiet
        )
        refused = self._silences.refused.get(name)
        return {
            "source": name, "heard_us": heard_us, "newest_us": heard.newest_us if heard else None,
            "skew_s": None if skew_s is None else round(skew_s, 3), "silent_s": round(silence_s(last_us, now), 1),
            "expected_s": round(expected.longest_s, 1), "overdue": missed or expected.is_exceeded(last_us, now),
            "refused": {"since_us": refused.since_us, "count": refused.count, "reason": refused.reason} if refused else None,
        }  # fmt: skip

    def _turned_away(self, now: int) -> list[Alarm]:
        alarms = []
        for name, refused in list(self._silences.refused.items()):
            if name in self._heard_again or now - refused.last_us > GIVEN_UP_US:
                del self._silences.refused[name]
                if refused.is_told:
                    alarms.append(Alarm(now, TURNED_AWAY, ENDED, "source", name or UNNAMED, now))
            elif not refused.is_told and silence_s(refused.since_us, now) >= REFUSING_S:
                refused.is_told = True
                more = (("figure", refused.reason),)
                alarms.append(Alarm(now, TURNED_AWAY, WARNED, "source", name or UNNAMED, refused.since_us, (), more))
        self._heard_again.clear()
        return sorted(alarms)

    def _overdue(self, rows: list[dict[str, Any]], now: int) -> list[Alarm]:
        overdue, before = {row["source"]: row for row in rows if row["overdue"]}, self._silences.overdue
        alarms = [Alarm(now, OVERDUE, ENDED, "source", name or UNNAMED, now) for name in before - overdue.keys()]
        for name in overdue.keys() - before:
            silent_s, expected_s = overdue[name]["silent_s"], overdue[name]["expected_s"]
            more = (("figure", f"{silent_s:.0f} s > {expected_s:.0f} s"),)
            since_us = now - int(silent_s * SECOND_US)
            alarms.append(Alarm(now, OVERDUE, WARNED, "source", name or UNNAMED, since_us, (), more))
        self._silences.overdue = {name: row["heard_us"] or 0 for name, row in overdue.items()}
        return sorted(alarms)

    def _blindness(self, rows: list[dict[str, Any]], now: int) -> list[Alarm]:
        why = None
        if self._refused >= REFUSED_LEAST and silence_s(self._taken_us, now) >= REFUSING_S:
            why = REFUSING
        elif rows and all(row["overdue"] for row in rows):
            why = SILENT
        self._blind_since_us = (self._blind_since_us or now) if why else None
        self._facts = {"blind": {"why": why, "since_us": self._blind_since_us} if why else None, "sources": rows}
        before, self._silences.blind = self._silences.blind, why is not None
        if why and not before:
            return [Alarm(now, BLIND, BROKEN, "source", why, now)]
        if before and not why:  # Why it was raised may be another reason than the last one.
            return [Alarm(now, BLIND, ENDED, "source", each, now) for each in (REFUSING, SILENT)]
        return []


def _middle_us(times_us: NDArray[np.int64]) -> float:
    """The median, without what numpy's own costs a few events that came together."""
    return median(times_us.tolist()) if len(times_us) <= FEW else float(np.median(times_us))
