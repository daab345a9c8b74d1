"""How long each source is usually silent at an hour of the week, learned from its own past.

Owns the longest silence within each hour by source, of the last weeks, and the file in which they outlive the process. Silences are counted from the
beginning of the hour: that a night is quiet must not excuse the first hour of the day. Never asks the time. Law: an hour that was not heard whole teaches
nothing; of no more than `sources_max` sources, those heard last, anything is kept.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from engine.times import HOUR_US, SECOND_US
from engine.usual import WEEK_HOURS, WEEKS, Usual

__all__ = ["FACTOR", "FORGOTTEN_US", "UNNAMED", "Expected", "Refused", "Silences", "silence_s"]

#: How a source is told of that gave itself no name.
UNNAMED = "(unnamed)"
#: A silence is expected up to so many times the usual longest of that hour.
FACTOR = 3.0
#: A source that has said nothing for so long is none any more.
FORGOTTEN_US = WEEKS * WEEK_HOURS * HOUR_US


@dataclass(frozen=True, slots=True)
class Expected:
    """A silence of `longest_s` is expected, counted from `since_us` where it is older."""

    longest_s: float
    since_us: int

    @property
    def is_quiet(self) -> bool:
        """Whether nothing at all need come in such an hour."""
        return self.longest_s >= HOUR_US / SECOND_US

    def is_exceeded(self, heard_us: int, now_us: int) -> bool:
        return silence_s(max(heard_us, self.since_us), now_us) > self.longest_s


class Refused(msgspec.Struct):
    """What somebody sends as a source is refused since then, nothing of it having been taken; `is_told` once that was raised."""

    since_us: int
    last_us: int
    reason: str
    count: int = 1
    is_told: bool = False


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    heard_us: dict[str, int]
    hours: bytes
    overdue: dict[str, int]
    blind: bool
    refused: dict[str, Refused] = {}


class Silences:
    """`heard_us`: when each source was heard last, in the order of the table's rows; `overdue`, with when these had been heard, and
    `blind` are what was raised and not ended, which the owner keeps here, and so are those who are `refused`."""

    def __init__(self, *, least_s: float, unknown_s: float, sources_max: int) -> None:
        self.heard_us: dict[str, int] = {}
        self.overdue: dict[str, int] = {}
        self.blind = False
        self.refused: dict[str, Refused] = {}
        self._least_s, self._unknown_s, self._sources_max = least_s, unknown_s, sources_max
        self._usual = Usual()

    def know(self, source: str, at_us: int) -> bool:
        """Takes note that it was heard; False where there are too many sources already."""
        if source not in self.heard_us and len(self.heard_us) >= self._sources_max:
            return False
        self.heard_us[source] = at_us
        return True

    def note(self, end_us: int, longest_s: Mapping[str, float]) -> None:
        """The longest silences of the hour that ends there; of those not named nothing is learned."""
        if self.heard_us:
            self._usual.note(end_us, np.array([longest_s.get(name, math.nan) for name in self.heard_us]))

    def expected(self, now_us: int) -> dict[str, Expected]:
        """By source, what nobody should wonder at in that hour."""
        names = list(self.heard_us)
        start_us = now_us // HOUR_US * HOUR_US
        usual = self._usual.over(start_us, start_us + 1, len(names)).tolist() if names else []
        return {name: self._expected(usual_s, start_us) for name, usual_s in zip(names, usual, strict=True)}

    def _expected(self, usual_s: float, hour_us: int) -> Expected:
        if math.isnan(usual_s):
            return Expected(self._unknown_s, 0)
        return Expected(max(self._least_s, FACTOR * usual_s), hour_us)

    def forget(self, now_us: int) -> list[str]:
        """Drops the sources that are none any more, and says which."""
        gone = [name for name, heard_us in self.heard_us.items() if now_us - heard_us > FORGOTTEN_US]
        if gone:
            self._keep(name for name in self.heard_us if name not in gone)
        return gone

    def _keep(self, names: Iterable[str]) -> None:
        places = {name: place for place, name in enumerate(self.heard_us)}
        kept = list(names)
        hours = self._usual.hours
        self._usual.hours = np.array([hours[places[name]] for name in kept if places[name] < len(hours)]).reshape(-1, WEEK_HOURS, WEEKS)  # fmt: skip
        self.heard_us = {name: self.heard_us[name] for name in kept}

    def save(self, path: Path) -> None:
        """Raises OSError."""
        count = len(self.heard_us)
        hours = np.full((count, WEEK_HOURS, WEEKS), np.nan, "<f4")
        hours[: min(count, len(self._usual.hours))] = self._usual.hours[:count]
        aside = path.with_suffix(".new")
        descriptor = os.open(aside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(
                msgspec.msgpack.encode(_Kept(self.heard_us, hours.tobytes(), self.overdue, self.blind, self.refused))
            )
        aside.replace(path)

    def load(self, path: Path) -> None:
        """Goes on with what was kept; without a file there is nothing. Raises ValueError for a damaged one, and OSError."""
        if not path.exists():
            return
        try:
            kept = msgspec.msgpack.decode(path.read_bytes(), type=_Kept)
            hours = np.frombuffer(kept.hours, "<f4").reshape(len(kept.heard_us), WEEK_HOURS, WEEKS)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from None
        self.heard_us, self.overdue, self.blind, self.refused = kept.heard_us, kept.overdue, kept.blind, kept.refused
        self._usual.hours = hours.astype(np.float64)
        if len(self.heard_us) > self._sources_max:
            self._keep(sorted(self.heard_us, key=lambda name: -self.heard_us[name])[: self._sources_max])


def silence_s(since_us: int, until_us: int) -> float:
    """Never below zero, whatever the clock did."""
    return max(0, until_us - since_us) / SECOND_US
