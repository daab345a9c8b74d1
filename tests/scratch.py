"""Where tests that write very much put their folders: in memory where that is possible."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["folder", "shared"]

_VARIABLE = "FLOORWATCH_TEST_SCRATCH"
_MEMORY = Path("/dev/shm")


def folder() -> Path | None:
    """The folder for folders, None for the system's own; for `tempfile`'s `dir`."""
    given = os.environ.get(_VARIABLE)
    return Path(given) if given else _MEMORY if _MEMORY.is_dir() else None


@contextmanager
def shared() -> Iterator[None]:
    """All that this process and its children put there is removed at the end, however the children ended."""
    with tempfile.TemporaryDirectory(prefix="floorwatch-", dir=folder(), ignore_cleanup_errors=True) as whole:
        os.environ[_VARIABLE] = whole
        try:
            yield
        finally:
            del os.environ[_VARIABLE]
