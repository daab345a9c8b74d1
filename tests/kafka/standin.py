"""A small honest stand-in for the engine's shard: it keeps what it absorbs and tells it again, in order, once time has passed it.

Owns `Told` and the two functions that read what it tells. The law is the shard's: what it tells until an instant depends on the
events and how far the clock had come before each, never on how they were cut. It tells rows, so that a test can name what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from engine.errors import InvalidSetting
from engine.events import Decoded
from engine.keys import PUBLIC, Secret
from engine.watermark import NEVER_US

__all__ = ["TellingShards", "Told", "rows_of"]

BOUND_US = 500_000


class _State(msgspec.Struct):
    secret: bytes
    settings: str
    newest_us: dict[str, int] = {}
    finished: list[str] = []
    floor_us: int = NEVER_US
    rejected: int = 0
    held: list[tuple[int, int, int]] = []
    until_us: int = NEVER_US


class Told:
    """One row is (its rank, its instant, the key of its contact); late ones stand at the watermark that they met."""

    def __init__(self, state: _State) -> None:
        self.state = state
        self.secret = Secret(state.secret)

    def absorb(self, decoded: Decoded) -> None:
        state, name = self.state, decoded.source
        state.rejected += len(decoded.rejects)
        for time_us, contact in zip(decoded.times_us.tolist(), decoded.contacts.tolist(), strict=True):
            newest_us = state.newest_us.setdefault(name, NEVER_US)
            met_us = max(newest_us - BOUND_US, state.floor_us)
            state.held.append((max(time_us, met_us), time_us, contact))
            state.newest_us[name] = max(newest_us, time_us)

    def advance(self, now_us: int) -> None:
        self.state.floor_us = max(self.state.floor_us, now_us)

    def finish_source(self, name: str) -> None:
        self.state.newest_us.setdefault(name, NEVER_US)
        self.state.finished.append(name)

    @property
    def watermark_us(self) -> int:
        state = self.state
        told = [
            -NEVER_US if name in state.finished else newest_us - BOUND_US for name, newest_us in state.newest_us.items()
        ]
        return max(min(told, default=NEVER_US), state.floor_us, NEVER_US)

    def step(self, until_us: int) -> bytes:
        state = self.state
        if until_us < state.until_us or until_us > self.watermark_us:
            raise ValueError(f"a step from {state.until_us} to {until_us}, with the watermark at {self.watermark_us}")
        passed = sorted(row for row in state.held if row[0] < until_us)
        state.held = [row for row in state.held if row[0] >= until_us]
        state.until_us = until_us
        return msgspec.msgpack.encode({"rows": passed, "rejected": state.rejected})

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode(self.state)


class TellingShards:
    def __init__(self, secret: Secret = PUBLIC, settings: str = "") -> None:
        self.secret = secret
        self.settings = settings

    def begin(self) -> Told:
        return Told(_State(self.secret.value, self.settings))

    def restore(self, data: bytes) -> Told:
        state = msgspec.msgpack.decode(data, type=_State)
        if state.settings != self.settings:
            raise InvalidSetting("made under other settings")
        return Told(state)


def rows_of(payloads: Iterable[bytes]) -> list[Any]:
    """All rows that these tell, one after the other."""
    return [tuple(row) for payload in payloads for row in msgspec.msgpack.decode(payload)["rows"]]
