"""How late are deadlines raised, and what do a tick and another policy cost, with a million of them open?

`python -m benchmarks.deadlines` opens contacts that wait, lets ten thousand deadlines fall into one second and none into the
next, ticks every 200 ms as the service does, and prints what the ticks cost and how late the last alarm was known; then all
deadlines that are left move to another limit.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np

from engine.events import decode
from engine.pipeline import Engine, Settings
from engine.policy import Policy, line
from engine.times import SECOND_US

START_US = 1_794_355_200 * SECOND_US
LIMIT_S = 3_600
TICK_US = SECOND_US // 5


@dataclass(frozen=True)
class Measured:
    """`ticks_s` of a second in which deadlines fall due and `idle_s` of one without; `raised` alarms, the last of which was
    known `lateness_s` after its instant (half a tick on average, and what the tick costs); `adopt_s` of a policy that puts off
    what is left."""

    raised: int
    lateness_s: float
    ticks_s: list[float]
    idle_s: list[float]
    adopt_s: float


def measure(contacts: int, due: int) -> Measured:
    """Contacts that wait, of which the deadlines of `due` fall into one second and all others long after it."""
    engine = Engine(Settings(policy=Policy((line("wait", LIMIT_S, warn=0),)), disorder_bound_us=0, linger_us=10**12))
    begun_us = np.concatenate(
        (START_US + np.arange(due) * SECOND_US // due, START_US + 60 * SECOND_US + np.arange(contacts - due))
    )
    for first in range(0, contacts, 10_000):
        body = b"\n".join(
            b'{"type":"contact.queued","time":"%s","contact":"c%d","queue":"q%d"}'
            % (_iso(at_us), first + row, row % 50)
            for row, at_us in enumerate(begun_us[first : first + 10_000].tolist())
        )
        engine.absorb(decode(body))
    engine.advance(START_US + LIMIT_S * SECOND_US)
    assert not engine.take_alarms()
    ticks_s, alarms, lateness_s = [], 0, 0.0
    for tick in range(1, 6):
        now_us = START_US + LIMIT_S * SECOND_US + tick * TICK_US
        ticks_s.append(_timed(engine, now_us))
        taken = engine.take_alarms()
        alarms += len(taken)
        lateness_s = max(lateness_s, (now_us - taken[0].at_us) / SECOND_US + ticks_s[-1])
    idle_s = [_timed(engine, START_US + (LIMIT_S + 2) * SECOND_US + tick * TICK_US) for tick in range(10)]
    later = Policy((line("wait", 2 * LIMIT_S, warn=0),))
    started = time.perf_counter()
    engine.adopt(later)
    return Measured(alarms, lateness_s, ticks_s, idle_s, time.perf_counter() - started)


def _iso(at_us: int) -> bytes:
    return np.datetime_as_string(np.datetime64(at_us, "us"), unit="us").encode() + b"Z"


def _timed(engine: Engine, now_us: int) -> float:
    started = time.perf_counter()
    engine.advance(now_us)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=10_000)
    options = parser.parse_args()
    measured = measure(options.contacts, options.due)
    print(f"{options.contacts:,} open deadlines, {measured.raised:,} raised in one second")
    print(
        f"latest known {measured.lateness_s * 1000:.0f} ms after its instant, ticks every {TICK_US // 1000} ms included"
    )
    print(f"a tick that raises: {max(measured.ticks_s) * 1000:.1f} ms at most")
    print(f"a tick with nothing due: {max(measured.idle_s) * 1000:.3f} ms at most")
    print(f"another policy for all that are open: {measured.adopt_s * 1000:.0f} ms")


if __name__ == "__main__":
    main()
