"""Refusals as machines read them: `application/problem+json` of RFC 9457, whoever answered.

Owns the form. Never decides about a request. Law: what an answer said stays in it; `type`, `title`, `status`, `detail` and `reason` are added, and the
reason is one of streams.refusals. Pages that people see stay pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from streams.refusals import REASONS, reason_of

__all__ = ["CONTENT_TYPE", "is_told", "problem", "problem_of"]

CONTENT_TYPE = "application/problem+json"
_TYPE = "urn:floorwatch:problem:"
_TOLD = ("application/json", "text/plain", "")


def problem(reason: str, detail: str, **more: Any) -> dict[str, Any]:
    """The members of a problem; `error` says the same as `detail`, for those who read it before there were problems."""
    status, title = REASONS[reason]
    return {
        "type": _TYPE + reason,
        "title": title,
        "status": status,
        "detail": detail,
        "reason": reason,
        "error": detail,
        **more,
    }


def is_told(headers: Mapping[bytes, bytes]) -> bool:
    """Whether an answer with these headers is for machines."""
    return headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip() in _TOLD


def problem_of(status: int, body: bytes, reason: str | None = None) -> tuple[str, bytes]:
    """The reason of an answer that refuses, and its body as a problem; `reason` where it is known already."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = {"error": body.decode("utf-8", "replace").rstrip(".") + "."} if body else {}
    told: dict[str, Any] = said if isinstance(said, dict) else {}
    reason = reason or reason_of(status, told.get("reason"))
    detail = str(told.get("error") or REASONS[reason][1] + ".")
    return reason, msgspec.json.encode({**told, **problem(reason, detail), "status": status})
