"""Engines that have read the bank's days, and stores that were filled from them: shared by the tests of history, reports and capacity."""

import gzip
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engine.events import Decoded, Vocabulary, decode
from engine.keys import SECRET_BYTES, Secret
from engine.pipeline import Engine, Settings
from engine.times import HOUR_US, MINUTE_US
from engine.windows import Spec
from streams.history.importing import ROLLUPS
from streams.history.store import BASE_US
from streams.policy.reading import default_policy

__all__ = ["BANK_DAYS", "engine_of_service", "pieces"]

BANK_DAYS = Path(__file__).parents[1] / "fixtures" / "bank_days.jsonl.gz"


def engine_of_service(retention_us: int | None = 25 * HOUR_US) -> Engine:
    """As `floorwatch run` has it."""
    settings = replace(
        Settings(), rollups=ROLLUPS, windows=(Spec(BASE_US, MINUTE_US),), policy=replace(default_policy(), conditions=()),
        retention_us=retention_us,
    )  # fmt: skip
    return Engine(settings, Secret(os.urandom(SECRET_BYTES)))


def pieces(engine: Engine, days: str = "", lines: int = 200) -> Iterator[Decoded]:
    """The events of days that begin so, some lines a time, decoded for the engine."""

    vocabulary = Vocabulary(engine.secret)
    lines_of = gzip.decompress(BANK_DAYS.read_bytes()).splitlines(keepends=True)
    whole = [line for line in lines_of if f'"time":"{days}'.encode() in line]
    for first in range(0, len(whole), lines):
        yield decode(b"".join(whole[first : first + lines]), source="bank", vocabulary=vocabulary)
