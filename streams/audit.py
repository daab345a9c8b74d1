"""The audit trail: who did what that governs, and who was refused, in one file to which lines are only ever added.

Owns the file `audit.jsonl` in the data folder, one object a line, and its limits. Never writes a token, a path or query as it was sent, a body, or
anything of a customer: callers hand over names out of tables. Law: an act is always written; refusals are written at most
`REFUSALS_A_SECOND` times a second and only while the file is smaller than `REFUSALS_BYTES_MAX`, so that a flood of them neither fills
the disk nor hides an act; all of them are counted, see streams.refusals. The file is opened anew for each line, so it may be moved away at any time.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.times import iso

__all__ = ["REFUSALS_A_SECOND", "REFUSALS_BYTES_MAX", "Audit", "tokens_told"]

REFUSALS_A_SECOND = 20
REFUSALS_BYTES_MAX = 64 << 20


class Audit:
    """Safe to call from any thread. Raises nothing: where the file cannot be written, `tell` is told once and `lost` counts."""

    def __init__(
        self,
        path: Path,
        *,
        tell: Callable[[str], None] = lambda sentence: print(sentence, file=sys.stderr, flush=True),
    ) -> None:
        self.path = path
        self.lost = 0
        self._tell = tell
        self._lock = threading.Lock()
        self._second = self._refusals = 0

    def act(self, what: str, **told: str) -> None:
        """Write that something was done: a token came or went, a policy was adopted, an alert acknowledged."""
        self._write({"is": "act", "what": what, **told})

    def refusal(self, reason: str, **told: str) -> None:
        """Write that something was refused, unless too much was."""
        second = time.time_ns() // 1_000_000_000
        with self._lock:
            self._refusals = self._refusals + 1 if second == self._second else 1
            self._second = second
            if self._refusals > REFUSALS_A_SECOND:
                return
        try:
            is_full = self.path.stat().st_size >= REFUSALS_BYTES_MAX
        except OSError:
            is_full = False
        if not is_full:
            self._write({"is": "refusal", "reason": reason, **told})

    def _write(self, told: dict[str, str]) -> None:
        now_us = time.time_ns() // 1_000_000 * 1_000
        # JSON escapes every control character: nothing that was sent begins a line of its own.
        line = msgspec.json.encode({"at": iso(now_us), **{name: value for name, value in told.items() if value}})
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, line + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self.lost:
                self._tell(
                    f"The audit trail {self.path} cannot be written: {error.strerror}; make room or mend its rights."
                )
            self.lost += 1


def tokens_told(path: Path) -> dict[str, set[str]]:
    """Ids of tokens by what the trail has of them already, `token created` and `token revoked` and so on."""
    found: dict[str, set[str]] = {}
    try:
        with path.open("rb") as file:
            for line in file:
                if b'"what":"token ' in line:
                    told = msgspec.json.decode(line)
                    found.setdefault(str(told.get("what")), set()).add(str(told.get("of")))
    except (OSError, msgspec.DecodeError, AttributeError):
        return found
    return found
