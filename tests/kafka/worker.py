"""A worker for tests, in a process of its own: it writes down what it was handed, record by record, and commits as the real one does.

Owns: `Worker`, which starts, watches and ends that process. Run by it as `python -m tests.kafka.worker <what it is told, as JSON>`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import faust
from faust.types import TP

from streams.kafka.app import Application, create_app
from streams.kafka.settings import KafkaSettings, Password
from streams.kafka.stretches import Stretch
from tests.kafka.faults import arrange

__all__ = ["Handed", "Worker", "settings_of", "until"]

ROOT = Path(__file__).parents[2]
WAIT_S_MAX = 120.0


@dataclass(frozen=True)
class Handed:
    """A record as the worker was handed it."""

    partition: int
    offset: int
    value: bytes | None


def until(condition: Callable[[], Any], what: str, seconds: float = WAIT_S_MAX) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Worker:
    """`told`: `slow_on` and `raises_on` are bytes at which it sleeps `slow_s` or fails, `covers` is what it lets be committed at most,
    `fault` one of tests.kafka.faults, from when on says `after`."""

    module = "tests.kafka.worker"

    def __init__(self, settings: KafkaSettings, folder: Path, name: str = "worker", **told: Any) -> None:
        self._written, self._log = folder / f"{name}.txt", folder / f"{name}.log"
        self._written.touch()
        kept = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
        word = json.dumps({"settings": kept, "written": self._written, **told}, default=str)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", self.module, word], cwd=ROOT, stdout=log, stderr=log)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")

    def handed(self) -> list[Handed]:
        """All that it wrote down, in that order; what a kill cut off in the middle was not."""
        found = []
        for line in self._written.read_text("ascii").split("\n")[:-1]:
            partition, offset, value = line.split(" ")
            found.append(Handed(int(partition), int(offset), None if value == "null" else bytes.fromhex(value)))
        return found

    def until_handed(self, count: int) -> list[Handed]:
        until(lambda: self._written.read_bytes().count(b"\n") >= count, f"not {count} records\n{self.log[-3_000:]}")
        return self.handed()

    def stop(self) -> float:
        """Asks it to end; returns how many seconds that took."""
        asked = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(WAIT_S_MAX) == 0, self.log[-3_000:]
        return time.monotonic() - asked

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def settings_of(named: dict[str, Any]) -> KafkaSettings:
    """Settings that went through JSON."""
    named["bootstrap"] = tuple(named["bootstrap"])
    for secret in ("password", "secret"):
        named[secret] = named[secret] and Password(named[secret])
    named["tls_ca"] = named["tls_ca"] and Path(named["tls_ca"])
    return KafkaSettings(**named)


def _main(told: dict[str, Any]) -> None:
    written = os.open(told["written"], os.O_WRONLY | os.O_APPEND)

    async def handle(stretch: Stretch) -> None:
        if "raises_on" in told and told["raises_on"].encode() in stretch.body:
            raise ValueError("a fault of ours")
        if "slow_on" in told and told["slow_on"].encode() in stretch.body:
            await asyncio.sleep(told.get("slow_s", 3))
        values = (b"null" if record.value is None else record.value.hex().encode() for record in stretch.records)
        lines = (
            b"%d %d %s\n" % (stretch.partition, record.offset, value)
            for record, value in zip(stretch.records, values, strict=True)
        )
        os.write(written, b"".join(lines))

    class Covering(Application):
        def committable(self, tp: TP, processed: int) -> int | None:
            return min(processed, told["covers"]) if "covers" in told else processed

    if "fault" in told:
        arrange(told["fault"], told["after"])
    app = create_app(settings_of(told["settings"]), handle, Covering)
    faust.Worker(
        app, loglevel=told.get("loglevel", "INFO"), redirect_stdouts=False, quiet=True
    ).execute_from_commandline()


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
