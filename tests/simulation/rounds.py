"""Seeds one after the other or side by side: the simulation of each, and its round of fuzzing.

Owns the processes. Never prints, and never lets a failure end the series: it is handed out with its seed.
"""

import importlib.util
import itertools
import multiprocessing
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager

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
    running: set[Future[Round]] = set()
    with shared(), ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        try:
            with _deaf():
                running |= {pool.submit(one, seed) for seed in itertools.islice(seeds, 2 * jobs)}
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {pool.submit(one, seed) for seed in itertools.islice(seeds, len(ended))}
                yield from (future.result() for future in ended)
        finally:
            # A seed takes a second: to wait for those that run is safer than to kill them.
            pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that are started inside leave Ctrl-C to their parent."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
