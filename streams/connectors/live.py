"""All connections of a running service: which are sent to, which go and ask, and what came of each.

Owns their beginning and end. Never translates, and never stores but where each stands. The law: a fault of ours in one of them ends the
service loudly; what is wrong outside is counted, said once, and tried again.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from streams.connectors.ami import Ami
from streams.connectors.ami_client import AmiClient
from streams.connectors.connections import PATH, Connection
from streams.connectors.feeder import Counts, Feeder, Take
from streams.connectors.place import Place, Standing
from streams.connectors.registry import connector_named
from streams.connectors.tail import Tail
from streams.connectors.webhooks import Refuse, Room, Webhook

__all__ = ["Live"]

#: How often what webhooks remember is written down.
SAVED_EVERY_S = 10.0


class Live:
    """Construct, add `routes`, let `run` run, and `close`. `take` stores events, `refuse` counts refusals. Raises InvalidSetting where what
    was kept is damaged."""

    def __init__(self, connections: Sequence[Connection], folder: Path, take: Take, refuse: Refuse) -> None:
        self.counts: dict[str, Counts] = {}
        self._folder = folder
        self._webhooks: dict[str, Webhook] = {}
        self._followers: list[Tail | AmiClient] = []
        self._kept: dict[str, bytes] = {}
        room = Room()
        for connection in connections:
            counts = self.counts[connection.name] = Counts(connection.use)
            connector = connector_named(connection.use, connection.options, connection.own)
            if connection.is_webhook:
                kept = Place(folder, connection.name).read()
                if kept is not None:
                    connector.restore(kept.memory)
                    self._kept[connection.name] = kept.memory
                self._webhooks[connection.name] = Webhook(connection, connector, counts, take, refuse, room)
                continue
            feeder, place = Feeder(connection.name, counts, take), Place(folder, connection.name)
            if isinstance(connector, Ami):
                self._followers.append(
                    AmiClient(connection.own, connection.secrets[0], connector, feeder, place, _tell)
                )
            else:
                is_whole = connection.own.get("from", "end") == "start"
                self._followers.append(
                    Tail(Path(connection.own["file"]), connector, feeder, place, _tell, from_start=is_whole)
                )

    @property
    def signed_paths(self) -> frozenset[str]:
        """Paths of which the signature says who sends, so that no token need."""
        return frozenset(PATH + name for name, webhook in self._webhooks.items() if webhook.is_signed)

    def routes(self) -> list[BaseRoute]:
        return [
            Route(PATH + "{name}", self._post, methods=["POST"]),
            Route("/api/v1/connect", self._state, methods=["GET"]),
        ]

    def totals(self) -> tuple[dict[str, float], dict[str, float]]:
        """Records by connection, and those left out by reason."""
        left_out: Counter[str] = Counter()
        for counts in self.counts.values():
            left_out.update(counts.left_out)
            left_out.update(counts.wrong)
        return {name: float(counts.records) for name, counts in self.counts.items()}, {
            name: float(n) for name, n in left_out.items()
        }

    async def run(self) -> None:
        """Follow and save until it is cancelled. Raises what ends one of them."""
        async with asyncio.TaskGroup() as tasks:
            for follower in self._followers:
                tasks.create_task(follower.run())
            tasks.create_task(self._save())

    def close(self) -> None:
        """Write down what webhooks remember."""
        for name, webhook in self._webhooks.items():
            self._keep(name, webhook.connector.state())

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(SAVED_EVERY_S)
            for name, webhook in self._webhooks.items():
                await asyncio.to_thread(self._keep, name, webhook.connector.state())

    def _keep(self, name: str, memory: bytes) -> None:
        if memory != self._kept.get(name, b"{}"):
            Place(self._folder, name).write(Standing(memory=memory))
            self._kept[name] = memory

    async def _post(self, request: Request) -> Response:
        webhook = self._webhooks.get(request.path_params["name"])
        if webhook is None:
            return JSONResponse({"error": "There is no such connection here.", "reason": "not_found"}, 404)
        return await webhook.post(request)

    async def _state(self, request: Request) -> Response:
        return JSONResponse(
            {name: counts.values() for name, counts in self.counts.items()}, headers={"Cache-Control": "no-store"}
        )


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
