"""Small bodies that come close together, judged and stored as one: single events of many senders cost little more than one batch.

Owns which bodies go together and what each of them is told. Never judges or stores by itself: it is told how. Law: together go bodies of one
source and of writers with the same shops, in the order in which they came; each is answered for its own lines, by its own numbers; a body that
comes when nothing is being stored, nor was for `GATHER_S`, does not wait for others. So whoever is slow at storing is given less to do for each body.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from typing import Any

from engine.events import Reject

__all__ = ["GATHER_S", "Gathering", "Group", "Small", "shared"]

#: From one storing to the next while bodies go on coming; one that takes longer is waited for.
GATHER_S = 0.01
#: Bodies and bytes that are stored without waiting for more.
BODIES_MAX = 256
BYTES_MAX = 65_536

Group = tuple[str, frozenset[str] | None]
"""Source, and the shops of who sends, None for all."""


@dataclass(slots=True)
class Small:
    """A body as NDJSON without a newline at its end, of `events` lines that are not blank; `rejects` are those of them that were refused, by
    its own numbers."""

    lines: bytes
    events: int
    received_us: int
    rejects: list[Reject] = field(default_factory=list)


def shared(rejects: Sequence[Reject], bodies: Sequence[Small]) -> list[Reject]:
    """Gives each body the refused lines that are its own, of all bodies' lines one after the other; returns them all, by the bodies' numbers."""
    ends = [*accumulate(small.lines.count(b"\n") + 1 for small in bodies)]
    found = []
    for reject in rejects:
        place = bisect_left(ends, reject.line)
        found.append(replace(reject, line=reject.line - (ends[place - 1] if place else 0)))
        bodies[place].rejects.append(found[-1])
    return found


class Gathering:
    """`store` judges the bodies of a group and hands in what of them is taken: its future is done once that is stored, and what it raises is told
    to all of the group. Belongs to one event loop."""

    def __init__(self, store: Callable[[Group, list[Small]], Future[Any]]) -> None:
        self._hand_in = store
        self._waiting: dict[Group, list[tuple[Small, asyncio.Future[None]]]] = {}
        self._count = self._bytes = self._storing = 0
        self._stored_at = 0.0
        self._timer: asyncio.Handle | None = None

    async def add(self, group: Group, small: Small) -> None:
        """Waits until the body is stored, and then it knows its rejects. Raises what `store` raises, and what its future does."""
        loop = asyncio.get_running_loop()
        told: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(group, []).append((small, told))
        self._count += 1
        self._bytes += len(small.lines)
        if self._count >= BODIES_MAX or self._bytes >= BYTES_MAX:
            self._store()
        elif self._timer is None and not self._storing:
            self._wait(loop)
        await told

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        wait_s = self._stored_at + GATHER_S - loop.time()
        self._timer = loop.call_later(wait_s, self._store) if wait_s > 0 else loop.call_soon(self._store)

    def _store(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        self._count = self._bytes = 0
        self._stored_at = asyncio.get_running_loop().time()
        for group, bodies in waiting.items():
            told = [future for _, future in bodies]
            try:
                stored = self._hand_in(group, [small for small, _ in bodies])
            except Exception as error:  # Each of them is told, as if it had come alone.
                _tell(told, error)
                continue
            self._storing += 1
            asyncio.wrap_future(stored).add_done_callback(partial(self._stored, told))

    def _stored(self, told: list[asyncio.Future[None]], stored: asyncio.Future[Any]) -> None:
        self._storing -= 1
        if self._waiting and self._timer is None and not self._storing:
            self._wait(stored.get_loop())
        _tell(told, asyncio.CancelledError() if stored.cancelled() else stored.exception())


def _tell(told: list[asyncio.Future[None]], error: BaseException | None) -> None:
    for future in told:
        if future.done():  # Who waited has gone.
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
