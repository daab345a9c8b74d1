"""`floorwatch` with a short memory, for a soak: what fills for a day before it is full, fills in the first minutes.

`python -m benchmarks.brief SECONDS run …` is the command itself; contacts that have ended are forgotten after so many seconds instead of a day,
ids and lateness after half of that, and figures by the minute after an hour more than they must be kept for. What still grows then, behind the filling,
is a leak. Owns these three durations, and nothing of the product.
"""

from __future__ import annotations

import sys

from engine.times import HOUR_US, SECOND_US
from streams import figures

__all__ = ["command", "remember"]


def remember(seconds: int) -> None:
    """In this process, from now on."""
    figures.LINGER_US = seconds * SECOND_US
    figures.LATENESS_US = figures.LINGER_US // 2
    figures.RETENTION_US = HOUR_US + 10 * 60 * SECOND_US + figures.LATENESS_US


def command(seconds: int) -> list[str]:
    """What stands before the subcommand."""
    return [sys.executable, "-m", "benchmarks.brief", str(seconds)]


if __name__ == "__main__":
    from streams.cli import main

    remember(int(sys.argv.pop(1)))
    main()
