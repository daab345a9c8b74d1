"""The alerts file of a running service: read anew when it changes, or a file that it names does, and when a signal asks.

Owns the looks at their sizes and times. Never follows what a plan means: the stage goes on by it. Law: whole or not at all; what cannot be taken
leaves the plan in force as it was, and says why with file and line. A file that is being written is left alone until two looks in a row find it
the same.
"""

from collections.abc import Callable
from pathlib import Path

from alerts.plan import Plan
from alerts.reading import files_named, read_plan
from alerts.stage import Stage
from engine.errors import InvalidSetting

__all__ = ["Reloading"]

Signature = tuple[tuple[int, int, int] | None, ...]


class Reloading:
    """`path` is the file that the stage's plan was read from. Not to be called from several threads at once."""

    def __init__(self, stage: Stage, path: Path, tell: Callable[[str], None]) -> None:
        self._stage = stage
        self._path = path
        self._tell = tell
        self._files = (path, *files_named(path))
        self._plan: Plan = stage.plan
        self._read = self._seen = self._signature()

    def look(self) -> None:
        """Takes the file's plan if it has changed. To be called every second or so."""
        found = self._signature()
        is_steady, self._seen = found == self._seen, found
        if is_steady and found != self._read:
            self._reload(is_asked=False)

    def reload(self) -> None:
        """Reads the file and all that it names, changed or not, because a signal asks."""
        self._reload(is_asked=True)

    def _reload(self, is_asked: bool) -> None:
        before = self._signature()
        try:
            plan, files = read_plan(self._path), (self._path, *files_named(self._path))
        except (OSError, InvalidSetting) as fault:
            self._read = before
            told = f"{fault.filename}: {fault.strerror}; put it back" if isinstance(fault, OSError) else str(fault)
            self._stage.keep_plan(*told.splitlines())
            self._tell(f"The alerts file is refused, the one of before stays in force:\n{told}")
            return
        # Looked at before it was read, so that what changes meanwhile is a change.
        self._read, self._files = before if files == self._files else (), files
        if plan == self._plan:
            if is_asked or self._stage.plan_state["refused"]:
                self._stage.keep_plan()
                self._tell("The alerts file says nothing new; the one in force stays.")
            return
        self._plan = plan
        self._stage.adopt(plan)
        self._tell(f"The alerts file {self._path} holds from now on.")

    def _signature(self) -> Signature:
        return tuple(_signature(path) for path in self._files)


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
