"""Who was let in and who was not: counted by reason, and written down in the data folder.

Owns: the file `access.jsonl`, one object a line, and its limits. Never writes a token, a query or a path as it was sent: the table of paths
has names for them. Law: a flood of refusals is counted to the last one, but written at most `RECORDS_A_SECOND` times a second into
two files of `FILE_BYTES_MAX`.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from logging.handlers import RotatingFileHandler
from pathlib import Path

import msgspec
from starlette.requests import Request

from engine.times import iso
from streams.access import Access, path_of

__all__ = ["FILE_BYTES_MAX", "REASONS", "RECORDS_A_SECOND", "Refusals"]

RECORDS_A_SECOND = 20
FILE_BYTES_MAX = 4 << 20
REASONS = (
    "no_token", "wrong_token", "expired_token", "wrong_session", "role", "scope", "page", "tenant", "foreign_origin", "foreign_host",
    "malformed_signature", "wrong_signature", "expired_signature",
)  # fmt: skip


class Refusals:
    """`counts` is by reason, since the start of the process."""

    def __init__(self, path: Path) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        self._file: RotatingFileHandler | None = None
        self._path = path
        self._second = 0
        self._records = 0

    def refuse(self, reason: str, request: Request, access: Access | None = None) -> None:
        """Count a refusal, and write it down."""
        self.counts[reason] += 1
        self._write("refused", request, access, reason)

    def admit(self, request: Request, access: Access) -> None:
        """Write down that somebody logged in or changed something."""
        self._write("admitted", request, access, "")

    def _write(self, outcome: str, request: Request, access: Access | None, reason: str) -> None:
        now_us = time.time_ns() // 1_000
        self._records = self._records + 1 if now_us // 1_000_000 == self._second else 1
        self._second = now_us // 1_000_000
        if self._records > RECORDS_A_SECOND:
            return
        told = {
            "at": iso(now_us // 1_000 * 1_000), "outcome": outcome, "reason": reason, "method": request.method[:8],
            "path": path_of(request.method, request.scope["path"]).name, "from": request.client.host if request.client else "",
            "token": access.token_id if access else "", "name": access.name if access else "",
        }  # fmt: skip
        if request.scope["path"] == "/login":
            told["path"] = "login"
        if self._file is None:
            # The library's file of records that begins anew when it is full; nothing else of logging is used.
            self._file = RotatingFileHandler(
                self._path, maxBytes=FILE_BYTES_MAX, backupCount=1, encoding="utf-8", delay=True
            )
        line = msgspec.json.encode({name: value for name, value in told.items() if value}).decode()
        self._file.handle(logging.LogRecord("access", logging.INFO, "", 0, line, None, None))
