"""One round of fuzzing, from one seed: hostile bytes to the decoder and, over HTTP, to the service; every law held.

`python -m tests.fuzzing.rounds FIRST [COUNT]` runs rounds one after the other and names the seed of the first that fails;
`--bytes SEED` prints a hash of what that seed sends.
"""

import hashlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from functools import cache
from pathlib import Path

from tests import scratch
from tests.fuzzing.decoding import attack_decoder
from tests.fuzzing.hostile import request
from tests.fuzzing.intake import attack_intake

__all__ = ["ROUND_S_MAX", "fuzz"]

#: Many times what the slowest round takes.
ROUND_S_MAX = 60.0
#: In memory where the system has such a folder: what a disk does is not tried here, and its waiting would be most of a round.


def fuzz(seed: int) -> Counter[str]:
    """What happened how often. Raises AssertionError with what went wrong and the seed."""
    _compile()
    began = time.monotonic()
    happened: Counter[str] = Counter(rounds=1)
    try:
        attack_decoder(random.Random(f"decoder {seed}"), happened)
        with tempfile.TemporaryDirectory(prefix="floorwatch-fuzz-", dir=scratch.folder()) as folder:
            attack_intake(random.Random(f"intake {seed}"), Path(folder), happened)
        taken_s = time.monotonic() - began
        assert taken_s < ROUND_S_MAX, f"the round took {taken_s:.1f} s"
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    except Exception as error:
        raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    return happened


@cache
def _compile() -> None:
    """Where nothing is compiled yet, the first use of the engine takes longer than any round may."""
    attack_decoder(random.Random(0), Counter())


def main(first: int, count: int) -> None:
    """Rounds `first` to `first + count`; the line that is printed last names the seed at work, or what happened."""
    happened: Counter[str] = Counter()
    for seed in range(first, first + count):
        print("seed", seed, flush=True)
        happened += fuzz(seed)
    print(json.dumps(happened, sort_keys=True))


if __name__ == "__main__":
    if sys.argv[1] == "--bytes":
        dice = random.Random(int(sys.argv[2]))
        print(hashlib.sha256(repr([request(dice, "s") for _ in range(50)]).encode()).hexdigest())
    else:
        main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
