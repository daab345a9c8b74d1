"""What is compiled before a service is ready is all that it needs, whatever comes later."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_behind_it_no_event_tick_snapshot_or_reader_needs_a_compiler() -> None:
    command = (sys.executable, "-m", "tests.streams.compiling")
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert not done.returncode, done.stderr
    before, _, later = done.stdout.splitlines()[-1].partition(" ")
    assert int(before) > 15
    assert later == "[]"
