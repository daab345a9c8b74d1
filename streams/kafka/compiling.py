"""Machine code for what workers, gateways and hubs do and one machine does not, made once, so that the first worker need not.

Owns the way through all of it with some recorded events. Never connects, keeps nothing. Run as
`python -m streams.kafka.compiling EVENTS.jsonl`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from engine.keys import Secret
from engine.merged import Merged
from engine.watermark import NEVER_US
from streams.figures import live_settings
from streams.gateway import judge
from streams.intake import Pseudonyms
from streams.kafka.worker_command import EngineShards
from streams.negative import default_words
from streams.policy.reading import default_policy

__all__ = ["go_through"]

_BOUND_US = 500_000


def go_through(lines: bytes) -> int:
    """From lines to the hub's figures; returns how many events were counted."""
    secret, settings = Secret(bytes(16)), live_settings(default_policy(), _BOUND_US)
    shards, merged = EngineShards(settings, secret), Merged(settings, 1)
    shard = shards.begin()
    for decoded in judge(lines, Pseudonyms(bytes(32), default_words()), secret, source="", latest_us=2**62).decoded:
        shard.absorb(decoded)
    merged.take(0, shard.step(shard.watermark_us))
    shard = shards.restore(shard.snapshot())
    shard.finish_source("")
    merged.take(0, shard.step(-NEVER_US))
    merged.now()
    merged.take_alarms()
    Merged.restore(merged.snapshot(), settings, 1)
    return merged.counters.events


if __name__ == "__main__":
    began = time.monotonic()
    count = go_through(Path(sys.argv[1]).read_bytes())
    print(f"{count:,} events in {time.monotonic() - began:.1f} s", file=sys.stderr)
