"""`python -m tests.simulation`: seed after seed on all cores, until stopped or for a number of seeds.

Owns what a person sees of it. Prints a failing seed at once and what happened every few seconds; ends with 1 when a seed
failed, else with 0, also when stopped by Ctrl-C.
"""

import argparse
import itertools
import os
import signal
import sys
import time
from collections import Counter

from tests.simulation.rounds import rounds

TOLD_EVERY_S = 5.0


def told(done: int, failed: list[int], since: float, happened: Counter[str]) -> None:
    """One line of progress."""
    kills = sum(count for name, count in happened.items() if name.startswith("killed"))
    faults = ", ".join(f"{count:,} {name}" for name, count in happened.most_common(6))
    rate = done / (time.monotonic() - since)
    print(f"{done:,} seeds, {rate:.1f} a second, {len(failed)} failed: {kills:,} kills, {faults} …", flush=True)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Simulate and fuzz, seed by seed.")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED", help="the first seed")
    parser.add_argument("--seeds", type=int, default=None, help="how many; without end when left out")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    seeds = iter(range(options.first, options.first + options.seeds)) if options.seeds is not None else itertools.count(options.first)  # fmt: skip
    jobs = min(options.jobs, options.seeds) if options.seeds else options.jobs
    happened: Counter[str] = Counter()
    failed: list[int] = []
    since = told_at = time.monotonic()
    done = 0
    # A shell starts deaf to it what it puts into the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for seed, of_seed, failure in rounds(seeds, max(1, jobs)):
            done += 1
            happened += of_seed
            if failure:
                failed.append(seed)
                print(failure, flush=True)
            if time.monotonic() - told_at >= TOLD_EVERY_S:
                told_at = time.monotonic()
                told(done, failed, since, happened)
    except KeyboardInterrupt:
        print("Stopped.")
    told(done, failed, since, happened)
    if failed:
        print(f"Failed: {', '.join(map(str, sorted(failed)))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
