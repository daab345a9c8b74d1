"""As which source somebody would have sent who was refused for who he is: the self-watch says of whom it sees nothing, and why.

Owns that name, and which refusals count. Never sees a token. A token that has expired still tells whose it is; whoever has none is believed what he calls himself, but
only a source that is known is told of, and what it sends ends it.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from streams.access import Access, path_of
from streams.gateway import named_source
from streams.outages import SOURCE as OUTAGES

__all__ = ["COUNTED", "telling"]

COUNTED = frozenset(
    ("no_token", "wrong_token", "expired_token", "malformed_signature", "wrong_signature", "expired_signature", "replayed_signature", "role", "scope")
)  # fmt: skip


def telling(turn_away: Callable[[str, str], None]) -> Callable[[str, Request, Access | None], None]:
    """What is told of every refusal; it tells `turn_away` the source and the reason."""

    def tell(reason: str, request: Request, access: Access | None) -> None:
        path = request.scope["path"]
        wanted = path_of(request.method, path)
        if reason in COUNTED and request.method == "POST" and wanted.right == "send":
            named = {"connect": path.rpartition("/")[2], "alertmanager": OUTAGES}.get(wanted.name)
            turn_away(named_source(request, access) if named is None else named, reason)

    return tell
