"""Why requests are refused: every reason with its status and title, and how often it came to that.

Owns the table of reasons, the counts, and what the audit trail is told of who was refused or let in. Never writes a token, a query or a path as it
was sent: the table of paths has names for them. Law: every refusal is counted once, under one of these reasons and no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from starlette.requests import Request

from streams.access import Access, path_of
from streams.audit import Audit

__all__ = ["REASONS", "Refusals", "reason_of"]

#: Status and title by reason. What is above the line is about who asks, and the audit trail has it too.
_OF_WHO: dict[str, tuple[int, str]] = {
    "no_token": (401, "A token is needed"),
    "wrong_token": (401, "The token is not known"),
    "expired_token": (401, "The token's time is over"),
    "wrong_session": (401, "The login is not known"),
    "malformed_signature": (401, "The signature cannot be read"),
    "wrong_signature": (401, "The signature does not fit"),
    "expired_signature": (401, "The signature is not of now"),
    "replayed_signature": (401, "The signature was used before"),
    "role": (403, "The token's role may not do this"),
    "scope": (403, "The token is for some shops or pages only"),
    "page": (403, "The token is not for this page"),
    "tenant": (403, "The token is not for this shop"),
    "foreign_origin": (403, "A page of another site may not send here"),
    "foreign_host": (421, "This name is not served here"),
}
REASONS: dict[str, tuple[int, str]] = {
    **_OF_WHO,
    "bad_request": (400, "The request cannot be taken"),
    "no_event": (400, "Nothing in the body can be taken"),
    "bad_http": (400, "This is no HTTP"),
    "bad_source": (400, "The source cannot be taken"),
    "bad_gzip": (400, "The body is no sound gzip"),
    "forbidden": (403, "This is not allowed"),
    "not_found": (404, "There is nothing here"),
    "bad_method": (405, "The path does not know this method"),
    "head_slow": (408, "The request's head took too long"),
    "body_slow": (408, "The body took too long"),
    "conflict": (409, "It is over already"),
    "body_too_large": (413, "The body is too large"),
    "inflated_too_large": (413, "The body inflates too far"),
    "too_many_lines": (413, "The body has too many lines"),
    "target_too_long": (414, "The address is too long"),
    "bad_encoding": (415, "The encoding is not known"),
    "bad_policy": (422, "The policy has faults"),
    "rate": (429, "Too many events of these shops"),
    "signatures_full": (429, "Too many signatures of this key"),
    "busy": (429, "Too much is waiting"),
    "headers_too_large": (431, "The headers are too many or too large"),
    "fault": (500, "A fault of Floorwatch"),
    "not_ready": (503, "Not now"),
    "connections": (503, "Too many connections"),
}
#: What an answer counts as that names no reason.
_OF_STATUS = {
    400: "bad_request", 403: "forbidden", 404: "not_found", 405: "bad_method", 408: "body_slow", 409: "conflict", 413: "body_too_large",
    415: "bad_encoding", 422: "bad_policy", 429: "busy", 503: "not_ready",
}  # fmt: skip
_COUNTED = "floorwatch.refused"


def reason_of(status: int, named: object = None) -> str:
    """The reason of an answer, by its own word where it has one."""
    return (
        named
        if isinstance(named, str) and named in REASONS
        else _OF_STATUS.get(status, "fault" if status >= 500 else "bad_request")
    )


class Refusals:
    """`counts` is by reason, since the start of the process."""

    def __init__(self, path: Path) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        self.audit = Audit(path)
        self.on_refusal: Callable[[str, Request, Access | None], None] = lambda reason, request, access: None
        """Told of every refusal that is about who asks; neither waits nor raises."""

    def refuse(self, reason: str, request: Request, access: Access | None = None) -> None:
        """Count a refusal of who asks, and write it down."""
        self.count(reason, request.scope)
        self.audit.refusal(reason, **_who(request, access))
        self.on_refusal(reason, request, access)

    def count(self, reason: str, scope: MutableMapping[str, Any] | None = None) -> None:
        """Count a refusal, once for the request of that scope."""
        if scope is not None and scope.get(_COUNTED):
            return
        self.counts[reason] += 1
        if scope is not None:
            scope[_COUNTED] = True

    def admit(self, what: str, request: Request, access: Access | None, **told: str) -> None:
        """Write down that somebody logged in, or did something that governs, and what came of it."""
        self.audit.act(what, **_who(request, access), **told)


def _who(request: Request, access: Access | None) -> dict[str, str]:
    path = request.scope["path"]
    return {
        "method": request.method[:8], "path": "login" if path == "/login" else path_of(request.method, path).name,
        "from": request.client.host if request.client else "", "token": access.token_id if access else "",
        "name": access.name if access else "",
    }  # fmt: skip
