"""Who asks and what that one may do: roles, the rights that each path wants, and the shops and pages that a reader is held to.

Owns: the table of roles and the table of paths. Never sees a token, never cuts an answer: who answers a path that is marked as
scoped cuts it. Law: what is in no table is for administrators only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

__all__ = ["ADMINISTRATOR", "ROLES", "Access", "Path", "access_of", "path_of"]

#: What each role may do.
ROLES: dict[str, frozenset[str]] = {
    "viewer": frozenset(("read",)),
    "supervisor": frozenset(("read", "acknowledge")),
    "writer": frozenset(("send",)),
    "admin": frozenset(("read", "acknowledge", "send", "govern")),
}
#: Where the guard leaves who asks, in the request's scope.
KEY = "floorwatch.access"


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks. `tenants` and `pages` are all that this one may see, None for everything; `holds` says whether that is still so."""

    token_id: str
    name: str
    role: str
    tenants: frozenset[str] | None = None
    pages: frozenset[str] | None = None
    expires: str | None = None
    rate: int | None = None
    """Events a second that this one may send, None for what the settings say."""
    holds: Callable[[], bool] = field(default=lambda: True, compare=False)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is kept from this one."""
        return self.tenants is None and self.pages is None

    def refusal(self, path: Path) -> str | None:
        """Why this one may not go there, None who may."""
        if path.right not in ROLES[self.role]:
            return "role"
        if not path.is_scoped and not self.is_whole:
            return "scope"
        if path.page and self.pages is not None and path.page not in self.pages:
            return "page"
        return None


ADMINISTRATOR = Access("", "this machine", "admin")


@dataclass(frozen=True, slots=True)
class Path:
    """What answers under a pattern: the right that it wants, the page that it is for, and whether it cuts its answer for readers
    of some shops or pages only. `name` is what records say."""

    name: str
    right: str
    page: str = ""
    is_scoped: bool = False
    """Whether it cuts what it tells, or takes, to the shops of who asks."""


_PATHS: tuple[tuple[str, re.Pattern[str], Path], ...] = tuple(
    (method, re.compile(pattern), path)
    for method, pattern, path in (
        ("GET", r"/([a-z]+\.(js|css)|vendor/[\w.-]+)?", Path("page", "read", is_scoped=True)),
        ("GET", "/api/v1/me", Path("me", "read", is_scoped=True)),
        ("GET", "/api/v1/now", Path("now", "read", is_scoped=True)),
        ("GET", "/api/v1/stream", Path("stream", "read", is_scoped=True)),
        ("GET", "/api/v1/people", Path("people", "read", page="agents", is_scoped=True)),
        ("GET", "/api/v1/history", Path("history", "read", page="trends", is_scoped=True)),
        ("GET", "/api/v1/screens/.+", Path("screens", "read", is_scoped=True)),
        ("GET", "/api/v1/policy", Path("policy", "read", is_scoped=True)),
        ("GET", "/metrics", Path("metrics", "read", is_scoped=True)),
        ("POST", "/api/v1/policy", Path("policy", "govern")),
        ("POST", "/v1/connect/[a-z0-9_-]+", Path("connect", "send")),
        ("GET", "/api/v1/connect", Path("connect", "read")),
        ("GET", "/api/v1/openapi.json", Path("openapi", "read", is_scoped=True)),
        ("POST", "/v1/events", Path("events", "send", is_scoped=True)),
        ("GET", r"/api/v1/alerts(/[^/]+)?", Path("alerts", "read", page="alerts", is_scoped=True)),
        ("POST", r"/api/v1/alerts/[^/]+/[^/]+", Path("alerts", "acknowledge", page="alerts", is_scoped=True)),
        ("GET", r"/api/v1/oncall(/[^/]+\.ics)?", Path("oncall", "read")),
        ("GET", r"/alerts/[^/]+", Path("story", "read", page="alerts", is_scoped=True)),
        ("POST", r"/a/[^/]+", Path("link", "acknowledge")),
        ("POST", "/api/v1/alertmanager", Path("alertmanager", "send")),
    )
)
_OTHER = Path("other", "govern")


@lru_cache(1_024)
def path_of(method: str, path: str) -> Path:
    """What a request wants."""
    asked = "GET" if method == "HEAD" else method
    return next((found for one, pattern, found in _PATHS if one == asked and pattern.fullmatch(path)), _OTHER)


def access_of(scope: Mapping[str, Any]) -> Access:
    """Who asks, as the guard found. Raises KeyError where no guard stands in front."""
    access: Access = scope[KEY]
    return access
