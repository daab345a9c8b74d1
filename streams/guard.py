"""The guard in front of everything the service answers: who may call, and the headers of every answer.

Owns: the bearer token and the login cookie, the check of host and origin, the security headers. Never reads an event and
never knows what a path does, except which paths are open to all. The token is compared in constant time and never
written anywhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from streams.settings import ServiceSettings, is_loopback

__all__ = ["Guard"]

COOKIE = "floorwatch"
COOKIE_LIFETIME_S = 30 * 86_400
OPEN_PATHS = frozenset(("/healthz", "/readyz", "/login", "/wall.css"))
LINKS = "/a/"
"""Paths that are tokens themselves: links by which alerts are acknowledged, see alerts.links."""
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
)

_LOGIN_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Floorwatch</title>
<link rel="stylesheet" href="/wall.css"></head><body class="login"><form method="post" action="/login">
<h1>Floorwatch</h1><label>Access token · 访问令牌 <input type="password" name="token"
autocomplete="current-password" autofocus required></label>
<button>Open the wall · 打开看板</button></form></body></html>"""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """ASGI middleware around the whole service.

    With a token every path but the health checks wants it, as a bearer or as the cookie that the login page sets (a
    keyed hash, never the token). Without one the service listens on this machine only, and the guard refuses names
    that are not this machine's (a page elsewhere could have its own name point here).
    """

    def __init__(self, app: App, settings: ServiceSettings) -> None:
        self._app = app
        self._token = settings.token.encode() if settings.token else None
        self._cookie = hmac.new(self._token or b"", b"floorwatch wall", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # No WebSocket here; uvicorn refuses it when nothing is sent.
        request = Request(scope, receive)

        async def send_guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        refusal = await self._refusal(request)
        await (refusal or self._app)(scope, receive, send_guarded)

    async def _refusal(self, request: Request) -> Response | None:
        origin = request.headers.get("origin")
        host = request.headers.get("host", "")
        if origin is not None and request.method == "POST" and _place(origin) != host:
            return _refuse(403, "A page of another site may not send here.")
        if self._token is None:
            name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
            return None if is_loopback(name.strip("[]")) else _refuse(421, "This name is not served here.")
        path = request.scope["path"]  # Not `request.url`, which a hostile Host makes raise.
        if path == "/login" and request.method == "POST":
            return await self._log_in(request)
        if path in OPEN_PATHS or path.startswith(LINKS) or self._knows(request):
            return None
        if path == "/" and request.method == "GET":
            return Response(_LOGIN_PAGE, 401, media_type="text/html", headers={"Cache-Control": "no-store"})
        refusal = _refuse(401, "A valid bearer token is needed; nothing was stored.")
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal

    def _knows(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._is_token(given.strip())
        return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self._cookie.encode())

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token or b"")

    async def _log_in(self, request: Request) -> Response:
        if int(request.headers.get("content-length", "") or 4_097) > 4_096:
            return _refuse(413, "The form is too large.")
        form = await request.body()
        given = dict(part.partition("=")[::2] for part in form.decode("ascii", "replace").split("&")).get("token", "")
        if not self._is_token(unquote_plus(given)):
            await asyncio.sleep(1)  # Guessing must not be cheap.
            return Response(_LOGIN_PAGE, 401, media_type="text/html", headers={"Cache-Control": "no-store"})
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            self._cookie,
            COOKIE_LIFETIME_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer


def _place(origin: str) -> str | None:
    """Host and port of an origin, None for what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _refuse(status: int, error: str) -> Response:
    return JSONResponse({"error": error}, status, headers={"Cache-Control": "no-store"})
