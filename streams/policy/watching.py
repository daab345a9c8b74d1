"""The file that a running service has its policy from, and whether it has changed since.

Owns the reading of it and of what it names, and the look at their sizes and times. Never adopts a policy and never waits: whoever
holds it asks again. A file that is being written is left alone until two looks in a row find it the same.
"""

from datetime import date
from pathlib import Path

from engine.policy import Policy
from streams.policy.files import Beside, Bundle
from streams.policy.reading import default_bundle, default_policy, read_bundle

__all__ = ["PolicyFile"]

Signature = tuple[tuple[int, int, int] | None, ...]


class PolicyFile:
    """`path` None stands for the default policy, which changes with the year only."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._files: tuple[Path, ...] = (path,) if path else ()
        self._read: tuple[Signature, int] | None = None
        self._seen: tuple[Signature, int] | None = None

    def read(self) -> tuple[Bundle, Policy]:
        """What it says now. Raises InvalidFile, and OSError where it cannot be read."""
        if self.path is None:
            self._read = self._seen = self._look()
            return default_bundle(), default_policy()
        files = Beside(str(self.path))
        before = self._look()
        try:
            return read_bundle(self.path, files)
        finally:
            known, self._files = self._files, (self.path, *(Path(files.folder / name) for name in files.asked))
            # Looked at before it was read, so that what changes meanwhile is a change; other files than before are read again.
            self._read, self._seen = before if known == self._files else None, None

    def has_changed(self) -> bool:
        """Whether there is something new to read, and it was the same at the look before."""
        look = self._look()
        is_steady, self._seen = look == self._seen, look
        return is_steady and look != self._read

    def read_again(self) -> None:
        """What was read could not be used yet: it has changed all the same."""
        self._read = None

    def _look(self) -> tuple[Signature, int]:
        return tuple(_signature(path) for path in self._files), date.today().year


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
