"""A connection to Asterisk's manager interface: login, keep-alive, reconnecting, and asking anew what goes on after time was lost.

Owns the socket and the questions. Never knows what an event means: its blocks go to the connector. The law: whenever it is connected anew it
asks for all queues and channels before it goes on, so that what happened meanwhile is told as far as anybody can tell it.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from streams.connectors.ami import Ami
from streams.connectors.feeder import Feeder
from streams.connectors.frames import Blocks, Frame
from streams.connectors.place import Place, Standing
from streams.connectors.record import Record

__all__ = ["AmiClient"]

PORT, TLS_PORT = 5038, 5039
CONNECT_S = 10.0
#: Silence after which the other side is asked whether it lives, and after which it is given up.
PING_S, SILENCE_S = 15.0, 45.0
TICK_S = 1.0
WAIT_S, WAIT_S_MAX = 1.0, 30.0
_READ_BYTES = 1 << 16
_BLOCKS_BEFORE_LOGIN_MAX = 1_000


class Refused(Exception):
    """The other side does not let us in; the message says why."""


class AmiClient:
    """One connection, for as long as `run` runs. `pace` is how many of the times above go into one second; tests are in a hurry."""

    def __init__(
        self, settings: Mapping[str, Any], secret: str, connector: Ami, feeder: Feeder, place: Place, tell: Callable[[str], None],
        pace: float = 1.0,
    ) -> None:  # fmt: skip
        self._settings, self._secret, self._connector, self._feeder, self._place = (
            settings,
            secret,
            connector,
            feeder,
            place,
        )
        self._tell, self._pace = tell, pace
        self._frames = Blocks()
        self._blocks: list[Frame] = []
        self._lost_at: float | None = None
        self._number = 0

    async def run(self) -> None:
        """Until it is cancelled; connects again and again. Raises ValueError for a damaged file of what was remembered."""
        kept = await asyncio.to_thread(self._place.read)
        if kept is not None:
            self._connector.restore(kept.memory)
        wait_s = WAIT_S
        while True:
            try:
                await self._session()
            except (OSError, TimeoutError, asyncio.IncompleteReadError, Refused) as error:
                if self._feeder.counts.state == "connected":
                    self._lost_at, wait_s = time.monotonic(), WAIT_S
                said = str(error) if isinstance(error, Refused) else type(error).__name__
                if self._feeder.counts.state != "reconnects":
                    self._tell(
                        f"The connection {self._feeder.name} to {self._settings['host']} is down ({said}); it is tried again."
                    )
                self._feeder.counts.state = "reconnects"
            await asyncio.sleep(wait_s / self._pace)
            wait_s = min(2 * wait_s, WAIT_S_MAX)

    async def _session(self) -> None:
        reader, writer = await asyncio.wait_for(self._connect(), CONNECT_S / self._pace)
        try:
            self._frames, self._blocks = Blocks(), []
            await asyncio.wait_for(self._log_in(reader, writer), CONNECT_S / self._pace)
            self._feeder.counts.state = "connected"
            if self._lost_at is not None:
                lost_s = time.monotonic() - self._lost_at
                self._tell(
                    f"The connection {self._feeder.name} is up again after {lost_s:.0f} s; what goes on is asked anew."
                )
                self._lost_at = None
            self._ask(writer, "QueueStatus")
            self._ask(writer, "CoreShowChannels")
            await self._follow(reader, writer)
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        is_tls = self._settings.get("tls") == "yes"
        port = self._settings.get("port", TLS_PORT if is_tls else PORT)
        context = ssl.create_default_context() if is_tls else None
        return await asyncio.open_connection(self._settings["host"], port, ssl=context)

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """By challenge: the password itself never goes over the line."""
        challenge = await self._answer(reader, self._ask(writer, "Challenge", AuthType="MD5"))
        if "challenge" not in challenge:
            raise Refused("it makes no challenge")
        # MD5 is what the interface has; with tls: yes nobody else sees it.
        key = hashlib.md5((challenge["challenge"] + self._secret).encode(), usedforsecurity=False).hexdigest()
        login = self._ask(
            writer, "Login", AuthType="MD5", Username=self._settings["user"], Key=key, Events="call,agent"
        )
        if (await self._answer(reader, login)).get("response", "").lower() != "success":
            raise Refused("it refuses the user or the secret")

    def _ask(self, writer: asyncio.StreamWriter, action: str, **fields: str) -> str:
        self._number += 1
        name = f"floorwatch-{self._number}"
        lines = [f"Action: {action}", f"ActionID: {name}", *(f"{field}: {value}" for field, value in fields.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        return name

    async def _answer(self, reader: asyncio.StreamReader, name: str) -> dict[str, str]:
        """The response to a question; events that come meanwhile are kept."""
        while True:
            data = await reader.read(_READ_BYTES)
            if not data:
                raise ConnectionResetError
            found: dict[str, str] | None = None
            for frame in self._frames.feed(data):
                block = _pairs(frame)
                if found is None and "response" in block and block.get("actionid") == name:
                    found = block
                else:
                    self._blocks.append(frame)
            if len(self._blocks) > _BLOCKS_BEFORE_LOGIN_MAX:
                raise Refused("it talks before the login")
            if found is not None:
                return found

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = asked = time.monotonic()
        reading = asyncio.ensure_future(reader.read(_READ_BYTES))
        try:
            while True:
                await asyncio.wait((reading,), timeout=TICK_S / self._pace)
                now = time.monotonic()
                if reading.done():
                    data = reading.result()
                    if not data:
                        raise ConnectionResetError
                    heard = now
                    self._blocks += self._frames.feed(data)
                await self._deliver()
                if reading.done():
                    reading = asyncio.ensure_future(reader.read(_READ_BYTES))
                silent_s = (now - heard) * self._pace
                if silent_s > SILENCE_S:
                    raise TimeoutError
                if silent_s > PING_S and (now - asked) * self._pace > PING_S:
                    self._ask(writer, "Ping")
                    asked = now
        finally:
            reading.cancel()

    async def _deliver(self) -> None:
        now_us = time.time_ns() // 1_000
        blocks, self._blocks = self._blocks, []
        records = [self._connector.translate(frame, {}, now_us) for frame in blocks]
        if settled := self._connector.settle(now_us):
            records.append(Record(0, "clock", tuple(settled)))
        if not records and not self._feeder.held:
            return
        await self._feeder.deliver(records)
        if any(record.events for record in records):
            await asyncio.to_thread(
                self._place.write, Standing(memory=self._connector.state(), held=list(self._feeder.held))
            )


def _pairs(frame: Frame) -> dict[str, str]:
    text = (frame.record or b"").decode("utf-8", "replace")
    pairs = (line.partition(":") for line in text.split("\n"))
    return {name.strip().lower(): value.strip() for name, sign, value in pairs if sign}
