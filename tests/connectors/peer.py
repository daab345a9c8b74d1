"""A manager interface of Asterisk over a real socket: it checks the login, answers the questions, and says what a script has it say."""

import asyncio
import hashlib

__all__ = ["SECRET", "Peer"]

SECRET = "a-secret-of-theirs"


class Peer:
    """`snapshot` is what QueueStatus answers, `channels` what CoreShowChannels does; `say` writes to whoever is connected."""

    def __init__(self) -> None:
        self.snapshot: list[bytes] = []
        self.channels: list[str] | None = []
        self.actions: list[str] = []
        self.heard = b""
        self.logins = 0
        self.deaf = False
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Hangs up on everybody, and listens no more."""
        for writer in self._writers:
            writer.close()
        self._writers = []
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def say(self, data: bytes, pieces: int = 1) -> None:
        """Says it in so many pieces, each on its way before the next."""
        size = max(1, len(data) // pieces)
        for start in range(0, len(data), size):
            for writer in self._writers:
                writer.write(data[start : start + size])
                await writer.drain()
            await asyncio.sleep(0.002)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/5.0.2\r\n")
        is_in = False
        try:
            while block := await reader.readuntil(b"\r\n\r\n"):
                self.heard += block
                asked = dict(line.split(": ", 1) for line in block.decode().strip().split("\r\n"))
                action, number = asked["Action"], asked["ActionID"]
                self.actions.append(action)
                if self.deaf:
                    continue
                if action == "Challenge":
                    _respond(writer, "Success", number, "Challenge: 12345")
                elif action == "Login":
                    expected = hashlib.md5(b"12345" + SECRET.encode()).hexdigest()
                    is_in = asked["Username"] == "floor" and asked["Key"] == expected
                    # What happens on the exchange comes in between.
                    writer.write(b"Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n")
                    _respond(writer, "Success" if is_in else "Error", number, "Message: Authentication")
                    if is_in:
                        self.logins += 1
                        self._writers.append(writer)
                elif is_in:
                    self._asked(writer, action, number)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _asked(self, writer: asyncio.StreamWriter, action: str, number: str) -> None:
        if action == "QueueStatus":
            _respond(writer, "Success", number, "EventList: start", "Message: Queue status will follow")
            writer.write(b"".join(self.snapshot))
            writer.write(f"Event: QueueStatusComplete\r\nActionID: {number}\r\nEventList: Complete\r\n\r\n".encode())
        elif action == "CoreShowChannels" and self.channels is None:
            _respond(writer, "Error", number, "Message: Permission denied")
        elif action == "CoreShowChannels":
            _respond(writer, "Success", number, "EventList: start", "Message: Channels will follow")
            for channel in self.channels or ():
                writer.write(f"Event: CoreShowChannel\r\nUniqueid: {channel}\r\n\r\n".encode())
            writer.write(b"Event: CoreShowChannelsComplete\r\n\r\n")
        elif action == "Ping":
            _respond(writer, "Success", number, "Ping: Pong")


def _respond(writer: asyncio.StreamWriter, response: str, number: str, *lines: str) -> None:
    writer.write("\r\n".join((f"Response: {response}", f"ActionID: {number}", *lines)).encode() + b"\r\n\r\n")
