"""One request and its answer as they pass the guard: the body's time and signature, and the answer's form.

Owns what is wrapped around ASGI's `receive` and `send`. Never decides who may do what. Law: a signed body's last part is let through only when its
signature fits; a body that takes longer than its time ends the request; an answer that refuses is a problem of RFC 9457 and is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from streams.access import KEY
from streams.problems import CONTENT_TYPE, is_told, problem_of
from streams.refusals import REASONS, Refusals
from streams.signatures import Signature

__all__ = ["Exchange", "Receive", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]
#: After so long, at the earliest, somebody whose signatures are too many may come again.
RETRY_S = 60


class Exchange:
    """`receive` and `send` are what the application is given; `status` is its answer's. `signature` is set where one is to be checked."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, refusals: Refusals, headers: Headers, body_read_s: float
    ) -> None:
        self.signature: Signature | None = None
        self.status = 0
        self._scope = scope
        self._receive = receive
        self._send = send
        self._refusals = refusals
        self._headers = headers
        self._until = asyncio.get_running_loop().time() + body_read_s
        self._is_read = False
        self._held: Message | None = None
        self._body = b""

    async def receive(self) -> Message:
        """The next part of the body. Raises HTTPException where it is too slow, or not of who signed it."""
        if self._is_read:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The body took too long; nothing was stored.") from None
        self._is_read = not message.get("more_body", False)
        if self.signature is not None and message["type"] == "http.request":
            self.signature.take(message.get("body", b""))
            if self._is_read and (reason := self.signature.refusal()):
                self._refuse(reason)
        return message

    def _refuse(self, reason: str) -> None:
        self.signature = None
        self._scope["floorwatch.reason"] = reason
        self._refusals.refuse(reason, Request(self._scope), self._scope.get(KEY))
        status, title = REASONS[reason]
        retry = {"Retry-After": str(RETRY_S)} if status == 429 else None
        raise HTTPException(status, f"{title}; nothing was stored.", headers=retry)

    async def send(self, message: Message) -> None:
        """The next part of the answer; what refuses is held back until it is whole."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
            if self.status in (429, 503) and self.signature is not None:
                self.signature.release()
            if self.status >= 400 and is_told(dict(message["headers"])):
                self._held = message
                return
            if self.status >= 400:
                self._refusals.count(problem_of(self.status, b"")[0], self._scope)
        elif self._held is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_problem(self._held)
            return
        await self._send(message)

    async def _send_problem(self, start: Message) -> None:
        reason, body = problem_of(self.status, self._body, self._scope.get("floorwatch.reason"))
        self._refusals.count(reason, self._scope)
        kept = [(name, value) for name, value in start["headers"] if name not in (b"content-type", b"content-length")]
        start["headers"] = [
            *kept,
            (b"content-type", CONTENT_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})
