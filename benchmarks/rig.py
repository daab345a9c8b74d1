"""What several benchmarks need around the thing they measure: a broker, a core for each side, and the processor time that was spent.

Owns: the processes it starts, until it is left. Never measures by itself. What is measured has the last core to itself and the broker
the first one, so that every engine gets exactly one core, whatever number of threads it starts; on a machine of one core they share it.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["MEASURED_CORE", "Spent", "bootstrap", "on_core", "processor_s", "resident_bytes"]

BROKER_CORE = 0
MEASURED_CORE = (os.cpu_count() or 1) - 1
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def bootstrap() -> Iterator[str]:
    """The broker that KAFKA_BOOTSTRAP names, or one that is started as the tests do, on a core of its own."""
    if named := os.environ.get("KAFKA_BOOTSTRAP"):
        yield named
        return
    from tests.kafka.broker import Broker

    with tempfile.TemporaryDirectory(prefix="floorwatch-bench-") as folder:
        broker = Broker(Path(folder))
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {BROKER_CORE})
        try:
            broker.start()
        finally:
            os.sched_setaffinity(0, cores)
        try:
            yield broker.bootstrap
        finally:
            broker.stop()


def on_core(command: list[str], core: int = MEASURED_CORE) -> list[str]:
    """The command, held to one core with all that it starts."""
    return ["taskset", "--cpu-list", str(core), *command]


class Spent:
    """Processor time of a process and of all that it started, looked at ten times a second: what was spent between two instants."""

    def __init__(self, pid: int) -> None:
        self._pid, self._ended = pid, threading.Event()
        self._at: list[float] = []
        self._spent_s: list[float] = []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(OSError):
                spent_s = sum(map(processor_s, [self._pid, *_descendants(self._pid)]))
                self._at.append(time.time())
                self._spent_s.append(spent_s)
            self._ended.wait(0.1)

    def between(self, begun: float, ended: float) -> float:
        """Seconds, to about a tenth of one; instants as of `time.time`."""
        return self._until(ended) - self._until(begun)

    def _until(self, at: float) -> float:
        place = bisect.bisect(self._at, at)
        if place == 0 or place == len(self._at):
            return self._spent_s[min(place, len(self._at) - 1)]
        (a, b), (x, y) = self._at[place - 1 : place + 1], self._spent_s[place - 1 : place + 1]
        return x + (y - x) * (at - a) / (b - a)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            with contextlib.suppress(OSError):
                found += [child, *_descendants(child)]
    return found


def processor_s(pid: int) -> float:
    """Processor time of one process. Raises OSError where there is none."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def resident_bytes(pid: int | str = "self") -> int:
    """Memory that is in use. Raises OSError where there is no such process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ended(process: subprocess.Popen[str], wait_s: float = 60) -> None:
    """Asks it to end, and makes it end where it does not."""
    process.terminate()
    try:
        process.wait(wait_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
