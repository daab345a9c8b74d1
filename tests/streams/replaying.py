"""`floorwatch replay` as tests use it, and what it wrote: shared by the tests of replaying, of reading and of the READMEs.

`replay_command` is the installed command as a process. `replay` calls what that command calls, in this process, which is
the same from the arguments to the exit code and saves half a second of starting.
"""

import contextlib
import csv
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.cli import main

__all__ = ["FLOORWATCH", "Outcome", "Row", "replay", "replay_command"]

FLOORWATCH = str(Path(sys.executable).with_name("floorwatch"))

Row = dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a replay ended: its exit code, what it said, its report and its summary (empty where it wrote none)."""

    code: int
    said: str
    complained: str
    rows: list[Row]
    summary: dict[str, Any]


def replay(folder: Path, *arguments: str | Path) -> Outcome:
    """Replays in `folder`, with a report and a summary beside whatever else is asked for."""
    said, complained = io.StringIO(), io.StringIO()
    words = _words(folder, arguments)
    with contextlib.chdir(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        try:
            main(words)
        except SystemExit as stop:
            code = int(stop.code or 0)
    return _outcome(folder, code, said.getvalue(), complained.getvalue())


def replay_command(folder: Path, *arguments: str | Path) -> Outcome:
    """The same in a process of its own."""
    command = [FLOORWATCH, *_words(folder, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return _outcome(folder, done.returncode, done.stdout, done.stderr)


def _words(folder: Path, arguments: tuple[str | Path, ...]) -> list[str]:
    report, summary = folder / "report.csv", folder / "summary.json"
    report.unlink(missing_ok=True)
    summary.unlink(missing_ok=True)
    return ["replay", "--report", str(report), "--summary", str(summary), *map(str, arguments)]


def _outcome(folder: Path, code: int, said: str, complained: str) -> Outcome:
    report, summary = folder / "report.csv", folder / "summary.json"
    rows: list[Row] = []
    if report.exists():
        with report.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    return Outcome(code, said, complained, rows, json.loads(summary.read_text("utf-8")) if summary.exists() else {})
