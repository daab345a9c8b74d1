"""How fast is the engine, from bytes to all tallies, beside bare decoding of the same bytes into columns?

`python -m benchmarks.throughput` prints one table: bare decoding and the engine at 1,000, 20,000 and, with `--full`, 1,000,000
open contacts, under the default policy, each the best of some runs in one process, with the hash of the engine's answer.
"""

import argparse
import hashlib
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec

from benchmarks.figures import Figure, Goal, of
from benchmarks.traffic import blocks
from engine.events import BLOCK_BYTES, Decoded, Event, Vocabulary, decode
from engine.pipeline import Engine, Settings
from streams.policy.reading import default_policy

_ROLLUPS = ((), ("queue",), ("tenant", "channel"))


def bare(parts: list[bytes]) -> int:
    """Decodes to structs and takes every field the engine reads into a list: what any engine in Python must do first."""
    decoder = msgspec.json.Decoder(Event)
    count = 0
    for part in _slices(parts):
        events = decoder.decode_lines(part)
        columns = (
            [e.type for e in events], [e.time for e in events], [e.id for e in events], [e.contact for e in events],
            [e.agent for e in events], [e.queue for e in events], [e.channel for e in events],
            [e.tenant for e in events], [e.region for e in events], [e.tier for e in events],
            [e.partner for e in events], [e.party for e in events], [e.category for e in events],
            [e.customer for e in events], [e.resolved for e in events],
        )  # fmt: skip
        count += len(columns[0])
    return count


def _slices(parts: list[bytes]) -> Iterator[bytes]:
    """Small slices, as the engine takes them: bare decoding is given the same advantage of the cache."""
    for part in parts:
        start = 0
        while start < len(part):
            end = part.rfind(b"\n", start, start + BLOCK_BYTES) + 1
            yield part[start:end]
            start = end


def feed(engine: Engine, parts: Iterable[bytes]) -> None:
    """All parts through the engine, as far as its watermark allows."""
    vocabulary = Vocabulary()
    for part in parts:
        engine.absorb(decode(part, vocabulary=vocabulary))
    engine.settle()


def answer(engine: Engine) -> str:
    """A hash over every sum of every pane and group, in the order of their names: equal answers, equal work."""
    digest = hashlib.sha256()
    for rollup in engine.tallies.rollups:
        groups = list(rollup.groups)
        cells = sorted(
            (groups[key & 0xFFFF], key >> 16, place) for key, place in zip(rollup.keys, rollup.places, strict=True)
        )
        for group, pane, place in cells:
            digest.update(repr((group, int(pane))).encode() + rollup.sums[place].tobytes())
    return digest.hexdigest()[:12]


def timed(work: Callable[[], object]) -> float:
    """Seconds of the processor: what else the machine does is not counted."""
    started = time.process_time()
    work()
    return time.process_time() - started


def measure(contacts: int, events: int, runs: int) -> tuple[float, float, str, int]:
    """Events a second bare and through the engine, the answer's hash, and contacts open at the end."""
    warm = 2 * contacts
    parts = list(blocks(contacts, events, skip=warm))
    bare_s, engine_s = [], []
    for _ in range(runs):
        engine = Engine(Settings(rollups=_ROLLUPS, policy=default_policy()))
        feed(engine, blocks(contacts, warm))
        bare_s.append(timed(partial(bare, parts)))
        engine_s.append(timed(partial(feed, engine, parts)))
    if engine.counters.illegal or engine.counters.rejected:
        raise SystemExit(f"the traffic is not legal: {engine.counters}")
    return events / min(bare_s), events / min(engine_s), answer(engine), engine.contacts.open_count()


def figures(full: bool) -> Iterator[Figure]:
    """Ratios of rates in one run, and the rates themselves; see `benchmarks.figures`."""
    for told, goal in ((20_000, Goal(at_least=0.35)), (1_000, None), *(((1_000_000, None),) if full else ())):
        runs = [measure(told * 9 // 8, 1_000_000 if full else 400_000, 1) for _ in range(3)]
        size, hashed = f"{runs[0][3]:,} open contacts", runs[0][2]
        yield of(f"engine_ratio_{told}", f"engine, bytes to all tallies ÷ bare decoding into columns, {size}", "×",
                 [engine / bare_rate for bare_rate, engine, _, _ in runs], goal=goal, answer=hashed, size=size)  # fmt: skip
        yield of(f"engine_rate_{told}", f"the same as a rate, {size}", "events/s", [engine for _, engine, _, _ in runs],
                 answer=hashed, size=size)  # fmt: skip
    yield from _decoding(1_000_000 if full else 400_000)


def _decoding(events: int) -> Iterator[Figure]:
    """Bytes to columns: bare, and as the engine does it, which also checks, interns and keys what it reads."""
    parts = list(_slices(list(blocks(22_500, events))))
    digest = hashlib.sha256()
    for decoded in _columns(parts):  # And compiled.
        digest.update(decoded.kinds.tobytes() + decoded.times_us.tobytes() + decoded.contacts.tobytes())
    size, ours, alone = f"{events:,} events", list[float](), list[float]()
    for _ in range(3):
        alone.append(events / timed(partial(bare, parts)))
        ours.append(events / timed(partial(_columns, parts)))
    yield of("decode_bare", "bare decoding into columns, msgspec", "events/s", alone, size=size)
    yield of("decode_ours", "the engine's decoding into checked and keyed columns", "events/s", ours,
             answer=digest.hexdigest()[:12], size=size)  # fmt: skip


def _columns(parts: list[bytes]) -> list[Decoded]:
    vocabulary = Vocabulary()
    return [decode(part, vocabulary=vocabulary) for part in parts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="measure 1,000,000 open contacts too")
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(
        f"{'open contacts':>14} {'bare events/s':>14} {'engine events/s':>16} {'ratio':>6} {'answer':>13} {'peak MiB':>9}"
    )
    for open_contacts in (1_000, 20_000, *((1_000_000,) if options.full else ())):
        # Of nine chats in different places of the script, eight are open.
        bare_rate, engine_rate, hashed, open_count = measure(open_contacts * 9 // 8, options.events, options.runs)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"{open_count:>14,} {bare_rate:>14,.0f} {engine_rate:>16,.0f} {engine_rate / bare_rate:>6.2f} {hashed:>13} {peak:>9,}"
        )


if __name__ == "__main__":
    main()
