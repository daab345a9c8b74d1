"""The guard in front of everything the service answers: who may call, and the headers of every answer.

Owns: the bearer token, the login cookie and whose a signature is, the check of host and origin, the security headers. Never reads an event,
and knows of a path only what streams.access has in its table. Law: tokens are compared in constant time and never written anywhere; every
refusal is counted by its reason; what governs is written down with what came of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import unquote_plus, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from streams.access import ADMINISTRATOR, KEY, Access, path_of
from streams.audit import tokens_told
from streams.exchange import Exchange, Receive, Scope, Send
from streams.problems import problem
from streams.refusals import REASONS, Refusals
from streams.sessions import LIFETIME_S, Sessions
from streams.settings import ServiceSettings, is_loopback
from streams.signatures import HEADER, Signature, Signatures
from streams.tokens import Revoked, Token, TokenFile

__all__ = ["Guard"]

COOKIE = "floorwatch"
SERVICE = "service"
OPEN_PATHS = frozenset(("/healthz", "/readyz", "/login", "/wall.css", "/api/v1/openapi.json"))
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

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """ASGI middleware around the whole service; leaves in the request's scope who asks, see `streams.access.access_of`.

    With a token or a file of tokens every path but the health checks wants one, as a bearer or as the cookie that the login
    page sets. Without either the service listens on this machine only, everybody there is an administrator, and the guard refuses
    names that are not this machine's (a page elsewhere could have its own name point here). What answers on `signed` paths checks
    by a signature who sends. Raises SettingsError.
    """

    def __init__(
        self, app: App, settings: ServiceSettings, refusals: Refusals | None = None, *, signed: frozenset[str] = frozenset()
    ) -> None:  # fmt: skip
        self.refusals = refusals or Refusals(settings.data / "audit.jsonl")
        self._app = app
        self._settings = settings
        self._signed_paths = signed
        self._service = hashlib.sha256(settings.token.encode()).hexdigest() if settings.token else None
        self._tokens = TokenFile(settings.tokens) if settings.tokens else None
        self._sessions = Sessions(settings.data / "session.key") if self._service or self._tokens else None
        self._signatures = Signatures(self._tokens) if self._tokens else None
        if self._tokens:
            self._tokens.on_change = self._tell_tokens
            self._tokens.take()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # No WebSocket here; uvicorn refuses it when nothing is sent.
        exchange = Exchange(scope, receive, send, self.refusals, HEADERS, self._settings.body_read_s)
        request = Request(scope, exchange.receive)
        refusal = await self._refusal(request, exchange)
        await (refusal or self._app)(scope, exchange.receive, exchange.send)
        self._tell(request, exchange.status)

    def _tell(self, request: Request, status: int) -> None:
        """Write down what was done that governs; who was refused has been written down already."""
        wanted = path_of(request.method, request.scope["path"])
        if status in (401, 403, 404, 405) or request.method != "POST" or wanted.right not in ("govern", "acknowledge"):
            return
        told: dict[str, str] = request.scope.get("state", {}).get("told", {})
        what = "policy sent" if wanted.name == "policy" else "alert acted on"
        self.refusals.admit(what, request, request.scope.get(KEY), status=str(status), **told)

    def _tell_tokens(self, tokens: dict[str, Token], revoked: dict[str, Revoked]) -> None:
        """Write down which tokens came and went, those of which the trail has not heard."""
        audit = self.refusals.audit
        heard = tokens_told(audit.path)
        for token in tokens.values():
            if token.id not in heard.get("token created", ()):
                audit.act("token created", of=token.id, name=token.name, role=token.role, by="token file")
        for token_id in revoked:
            if token_id not in heard.get("token revoked", ()):
                audit.act("token revoked", of=token_id, by="token file")
        for token_id in heard.get("token created", set()) - tokens.keys() - heard.get("token removed", set()):
            audit.act("token removed", of=token_id, by="token file")

    async def _refusal(self, request: Request, exchange: Exchange) -> Response | None:
        if reason := self._too_much(request.scope):
            refusal = _answer(reason)
            refusal.headers["Connection"] = "close"
            return refusal
        origin = request.headers.get("origin")
        host = request.headers.get("host", "")
        if origin is not None and request.method == "POST" and _place(origin) != host:
            return self._refuse("foreign_origin", request)
        if self._sessions is None:
            name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
            request.scope[KEY] = ADMINISTRATOR
            if is_loopback(name.strip("[]")):
                return None
            return self._refuse("foreign_host", request)
        path = request.scope["path"]  # Not `request.url`, which a hostile Host makes raise.
        if path == "/login" and request.method == "POST":
            return await self._log_in(request)
        if path in OPEN_PATHS or path.startswith(LINKS) or path in self._signed_paths:
            return None
        access, reason = self._signed(request, exchange) if HEADER in request.headers else self._who(request)
        if access is not None and not reason:
            request.scope[KEY] = access
            if lacking := access.refusal(path_of(request.method, path)):
                return self._refuse(lacking, request, access)
            return None
        self.refusals.refuse(reason, request, access)
        if path == "/" and request.method == "GET":
            return _login_page()
        refusal = _answer(reason)
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal

    def _too_much(self, scope: Scope) -> str | None:
        """Why a request is refused before it is looked at, and its connection closed."""
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > self._settings.target_bytes_max:
            return "target_too_long"
        names = {name for name, _ in scope["headers"]}
        # Somebody before us may have read the other one.
        if {b"content-length", b"transfer-encoding"} <= names:
            return "bad_http"
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        is_large = size > self._settings.head_bytes_max or len(scope["headers"]) > self._settings.headers_max
        return "headers_too_large" if is_large else None

    def _signed(self, request: Request, exchange: Exchange) -> tuple[Access | None, str]:
        """Who signed, as far as is known before the body; the exchange sees to the rest."""
        if self._signatures is None:
            return None, "wrong_signature"
        begun = self._signatures.begin(request.headers[HEADER])
        if not isinstance(begun, Signature):
            return None, begun
        if request.method != "POST":  # Only what has a body that is read proves anything.
            return None, "malformed_signature"
        exchange.signature = begun
        return self._access(begun.token), ""

    def _who(self, request: Request) -> tuple[Access | None, str]:
        """Who asks, None for nobody, and why that one may not."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._judge(given.strip())
        cookie = request.cookies.get(COOKIE, "")
        if not cookie or self._sessions is None:
            return None, "no_token"
        access, digest = self._holding(self._sessions.token_id(cookie))
        return (access, "") if self._sessions.opens(cookie, digest) and access else (None, "wrong_session")

    def _judge(self, given: str) -> tuple[Access | None, str]:
        digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).hexdigest()
        if hmac.compare_digest(digest, self._service or ""):
            return self._holding(SERVICE)[0], ""
        if self._tokens is None:
            return None, "wrong_token"
        token, reason = self._tokens.judge(given)
        return self._access(token) if token else None, reason

    def _holding(self, token_id: str) -> tuple[Access | None, str]:
        """Who has the token of an id, and the digest of that; None and "" where none holds."""
        if token_id == SERVICE and self._service:
            return replace(ADMINISTRATOR, token_id=SERVICE, name=SERVICE), self._service
        token = self._tokens.holding(token_id) if self._tokens else None
        return (self._access(token), token.sha256) if token else (None, "")

    def _access(self, token: Token) -> Access:
        tenants, pages = (None if names is None else frozenset(names) for names in (token.tenants, token.pages))
        expires = token.expires.isoformat() if token.expires else None
        return Access(
            token.id, token.name, token.role, tenants, pages, expires,
            token.rate, lambda: self._tokens is not None and self._tokens.holding(token.id) == token,
        )  # fmt: skip

    async def _log_in(self, request: Request) -> Response:
        if int(request.headers.get("content-length", "") or 4_097) > 4_096:
            return _answer("body_too_large")
        form = await request.body()
        given = dict(part.partition("=")[::2] for part in form.decode("ascii", "replace").split("&")).get("token", "")
        access, reason = self._judge(unquote_plus(given).strip())
        if access is None or reason or self._sessions is None:
            self.refusals.refuse(reason, request, access)
            await asyncio.sleep(1)  # Guessing must not be cheap.
            return _login_page()
        self.refusals.admit("login", request, access)
        answer = RedirectResponse(_wall_asked(request), 303)
        answer.set_cookie(
            COOKIE,
            self._sessions.seal(access.token_id, self._holding(access.token_id)[1]),
            LIFETIME_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    def _refuse(self, reason: str, request: Request, access: Access | None = None) -> Response:
        self.refusals.refuse(reason, request, access)
        return _answer(reason)


def _wall_asked(request: Request) -> str:
    """The wall at whose address the login page stood, so that a screen stays the one that it was."""
    try:
        came = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/"
    ours = came.netloc == request.headers.get("host") and came.path == "/" and came.query
    return f"/?{came.query}" if ours else "/"


def _place(origin: str) -> str | None:
    """Host and port of an origin, None for what is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _login_page() -> Response:
    return Response(_LOGIN_PAGE, 401, media_type="text/html", headers={"Cache-Control": "no-store"})


def _answer(reason: str) -> Response:
    status, title = REASONS[reason]
    return JSONResponse(problem(reason, f"{title}; nothing was stored."), status, headers={"Cache-Control": "no-store"})
