"""Where a connection stands, on disk: its position, what its connector remembers, and what it holds back.

Owns one small file a connection in the data folder, readable by its owner only. Never knows what stands in it. The law: it is replaced whole,
after what it covers is durable; a process killed in between tells something again, which changes nothing.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from engine.errors import InvalidSetting

__all__ = ["Place", "Standing"]


class Standing(msgspec.Struct):
    """What is kept. `device` and `inode` name the file that `offset` is a position in."""

    device: int = 0
    inode: int = 0
    offset: int = -1
    memory: bytes = b"{}"
    held: list[tuple[int, bytes]] = msgspec.field(default_factory=list)


class Place:
    """The file of one connection."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"connect-{name}.msgpack"

    def read(self) -> Standing | None:
        """What was kept, None where nothing was. Raises InvalidSetting where it is damaged."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return msgspec.msgpack.decode(data, type=Standing)
        except msgspec.DecodeError:
            raise InvalidSetting(f"{self.path} is damaged; take it away to begin anew") from None

    def write(self, standing: Standing) -> None:
        aside = self.path.with_suffix(f".{secrets.token_hex(4)}")
        descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.msgpack.encode(standing))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.path)
