"""Seeds one after the other or side by side: the simulation of each, and its round of fuzzing.

Owns the processes. Never prints, and never lets a failure end the series: it is handed out with its seed.
"""

import importlib.util
import multiprocessing
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from tests.scratch import shared
from tests.simulation.world import run

__all__ = ["Round", "rounds"]

Round = tuple[int, Counter[str], str]


def fuzzing() -> Callable[[int], Counter[str]] | None:
    """The fuzzing rounds, where they are part of this tree."""
    if importlib.util.find_spec("tests.fuzzing.rounds") is None:
        return None
    from tests.fuzzing.rounds import fuzz

    return fuzz


def one(seed: int) -> Round:
    """A seed's simulation and its fuzzing round: what happened, and what failed."""
    happened: Counter[str] = Counter()
    failures = []
    fuzz = fuzzing()
    try:
        happened += run(seed).happened
    except AssertionError as error:
        failures.append(f"FAILED simulation, {error}")
    except Exception:
        failures.append(
            f"FAILED simulation, seed {seed}: {traceback.format_exc()}\nSee it again: make fuzz FROM={seed} N=1"
        )
    try:
        happened += fuzz(seed) if fuzz else Counter()
    except Exception as error:
        failures.append(f"FAILED fuzzing, seed {seed}: {error!r}\nSee it again: make fuzz FROM={seed} N=1")
    return seed, happened, "\n".join(failures)


def rounds(seeds: Iterator[int], jobs: int) -> Iterator[Round]:
    """Seeds in order, rounds as they come."""
    if jobs == 1:
        yield from map(one, seeds)
        return
    with shared(), ExitStack() as open_until_here:
        lines = [open_until_here.enter_context(_process()) for _ in range(jobs)]
        busy: list[Any] = [line for line in lines if _asked(line, seeds)]
        while busy:
            for line in wait(busy):
                assert isinstance(line, Connection)
                yield line.recv()
                if not _asked(line, seeds):
                    busy.remove(line)


def _asked(line: Connection, seeds: Iterator[int]) -> bool:
    """Sends the next seed, if there is one."""
    for seed in seeds:
        line.send(seed)
        return True
    return False


@contextmanager
def _process() -> Iterator[Connection]:
    """The end of a line to a process that answers seeds with rounds. It shares no lock with others, so that it can be killed at any time, and
    it leaves Ctrl-C to its parent."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs,), daemon=True)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    theirs.close()
    try:
        yield ours
    finally:
        process.kill()
        process.join()


def _answer(line: Connection) -> None:
    with suppress(EOFError):
        while True:
            line.send(one(line.recv()))
