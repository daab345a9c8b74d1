"""The policy over HTTP: `GET /api/v1/policy` tells which one holds, `POST` has another one adopted.

Owns the requests' limits and the answers. Never reads a policy. Law: 200 means that it holds and is in the journal; every other answer
says what is wrong, and then the one of before stays in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from engine.source import FILE_BYTES_MAX
from streams.access import access_of
from streams.gateway import Busy
from streams.journal import JournalError
from streams.policy.files import Bundle
from streams.policy.reading import is_default
from streams.publishing import Station
from streams.reloading import Refused, Reloading
from streams.settings import ServiceSettings

__all__ = ["policy_routes"]


def policy_routes(embedded: Station, reloading: Reloading, settings: ServiceSettings) -> list[BaseRoute]:
    """Both routes, of one path."""

    async def get_policy(request: Request) -> Response:
        kept = embedded.policy
        if kept is None:
            return _answer(503, {"error": "The service is replaying its journal."})
        if not access_of(request.scope).is_whole:  # What is promised to other shops is not theirs to read.
            return _answer(200, {"name": kept.name, "since_us": kept.since_us, "by": kept.by})
        bundle = Bundle.unpacked(kept.bundle)
        text = bundle.ground if is_default(bundle) else bundle.text
        return _answer(200, {
            "name": kept.name, "since_us": kept.since_us, "by": kept.by, "refused": embedded.refused, "text": _text(text),
            "files": {name: _text(data) for name, data in bundle.files.items()},
        })  # fmt: skip

    async def post_policy(request: Request) -> Response:
        try:
            taken = await asyncio.to_thread(reloading.send, await _body(request))
        except _TooLarge:
            return _answer(413, {"error": f"A policy may have {FILE_BYTES_MAX:,} bytes; nothing has changed."})
        except ClientDisconnect:
            return _answer(400, {"error": "The body ended too early; nothing has changed."})
        except Refused as refused:
            return _answer(422, {"error": "The policy is refused; nothing has changed.", "faults": refused.faults})
        except (Busy, JournalError) as error:
            status = error.status if isinstance(error, Busy) else 503
            return _answer(status, {"error": str(error)}, {"Retry-After": str(settings.retry_after_s)})
        kept = embedded.policy
        return _answer(200, {
            "adopted": taken.is_new, "since_us": kept.since_us if kept else None,
            "changes": [asdict(difference) for difference in taken.differences],
        })  # fmt: skip

    return [Route("/api/v1/policy", get_policy), Route("/api/v1/policy", post_policy, methods=["POST"])]


class _TooLarge(Exception):
    """The body has more bytes than any policy."""


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FILE_BYTES_MAX:
            raise _TooLarge
    return body


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig", "replace")


def _answer(status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(content), status, kept, "application/json")
