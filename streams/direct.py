"""The intake's way past routes and their middleware, which cost a single event more than its judgement.

Owns which requests take it, and what an error on it is answered with: the same as beside it. Never judges a request; the guard stands before it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from streams.exchange import Receive, Scope, Send

__all__ = ["App", "Direct"]

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Direct:
    """`app`, but what is posted to `path` is answered by `post`."""

    def __init__(self, app: App, path: str, post: Callable[[Request], Awaitable[Response]]) -> None:
        self._app, self._path, self._post = app, path, post

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._post(Request(scope, receive, send))
        except HTTPException as error:
            answer = PlainTextResponse(error.detail, error.status_code, error.headers)
        except Exception:
            await PlainTextResponse("Internal Server Error", 500)(scope, receive, send)
            raise
        await answer(scope, receive, send)
