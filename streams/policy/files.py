"""The files that a policy is made of: which of them may be read, and all of them kept as one.

Owns what a policy may name: files beside it and below, by relative paths, as many and as large as the limits here. Never knows
what stands in them. The law: what was read is what is kept, so a bundle is the same policy at any time and without its folder.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath

import msgspec

from engine.source import InvalidFile, Text

__all__ = ["BUNDLE_BYTES_MAX", "FILES_MAX", "Beside", "Bundle", "Files", "Kept", "Nothing"]

FILES_MAX = 1_000
#: All that a policy names, together.
BUNDLE_BYTES_MAX = 8 << 20


@dataclass(frozen=True)
class Bundle:
    """A policy as it was written: how its file is called, what that says, and every file that it names, by path from its folder.

    `ground` is the text of the default policy that it stands on, and `year` the one in which it was read: holidays are
    known up to the next.
    """

    name: str
    text: bytes
    ground: bytes
    year: int
    files: Mapping[str, bytes] = field(default_factory=dict)

    def packed(self) -> bytes:
        """What `unpacked` makes the same bundle of."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def unpacked(cls, data: bytes) -> "Bundle":
        """Raises ValueError for other bytes."""
        return msgspec.msgpack.decode(data, type=cls)

    @cached_property
    def digest(self) -> str:
        """Of what was written, whatever it stands on."""
        written = msgspec.msgpack.encode([self.text, sorted(self.files.items())])
        return hashlib.sha256(written).hexdigest()


class Files(ABC):
    """What one reading of a policy takes from its folder: `taken` by path from there, `asked` also what could not be read."""

    def __init__(self, name: str) -> None:
        self.folder = PurePath(name).parent
        self.taken: dict[str, bytes] = {}
        self.asked: list[str] = []
        self._bytes = 0

    def read(self, named: Text, bytes_max: int) -> tuple[str, bytes]:
        """A file by its path from the file that names it: what it is called in messages, and at most one byte more than the limit.

        Raises InvalidFile.
        """
        path = PurePath(named.text)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise self._outside(named)
        name = (PurePath(named.where.rpartition(":")[0]).parent.relative_to(self.folder) / path).as_posix()
        if name not in self.taken:
            self.asked.append(name)
            if len(self.asked) > FILES_MAX:
                raise InvalidFile(f"{named.where}: more than {FILES_MAX:,} files are named; join some of them")
            data = self._data(name, named, bytes_max)
            self._bytes += len(data)
            if self._bytes > BUNDLE_BYTES_MAX:
                told = f"the files named up to here have more than {BUNDLE_BYTES_MAX:,} bytes together"
                raise InvalidFile(f"{named.where}: {told}; name fewer or smaller ones")
            self.taken[name] = data
        return str(self.folder / name), self.taken[name]

    @abstractmethod
    def _data(self, name: str, named: Text, bytes_max: int) -> bytes:
        """A file's bytes, at most one more than the limit. Raises InvalidFile."""

    @staticmethod
    def _outside(named: Text) -> InvalidFile:
        return InvalidFile(
            f"{named.where}: {named.text!r} lies outside of the policy's folder; name a file beside the policy or below"
        )


class Beside(Files):
    """Files on disk. A link may lead to another place of the folder, not out of it."""

    def _data(self, name: str, named: Text, bytes_max: int) -> bytes:
        folder, path = Path(self.folder), Path(self.folder / name)
        try:
            if not path.resolve().is_relative_to(folder.resolve()):
                raise self._outside(named)
            if path.exists() and not path.is_file():
                raise InvalidFile(f"{named.where}: {named.text!r} is no file; name one")
            with path.open("rb") as file:
                return file.read(bytes_max + 1)
        except (OSError, ValueError) as error:
            if isinstance(error, InvalidFile):
                raise
            why = error.strerror if isinstance(error, OSError) else error
            raise InvalidFile(f"{named.where}: {named.text!r} cannot be read: {why}; name a file") from None


class Kept(Files):
    """The files of a bundle."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle.name)
        self._kept = bundle.files

    def _data(self, name: str, named: Text, bytes_max: int) -> bytes:
        if name not in self._kept:
            raise InvalidFile(f"{named.where}: {named.text!r} was not kept with the policy; name a file")
        return self._kept[name]


class Nothing(Files):
    """For a policy that came over the network: it names no files of this machine."""

    def _data(self, name: str, named: Text, bytes_max: int) -> bytes:
        told = "a policy that is sent names no files"
        raise InvalidFile(
            f"{named.where}: {told}; write out what {named.text!r} says, or change the service's own file"
        )
