"""Rounds of fuzzing in a process of their own, so that one that hangs is ended and named by its seed."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from streams.intake import BodyError, inflate
from tests.fuzzing.decoding import REASONS
from tests.fuzzing.intake import BY_GUARD

ROOT = Path(__file__).parents[2]
ROUNDS = 200
#: Many times what the rounds take; past it one of them hangs.
ROUNDS_S_MAX = 240


def _run(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "tests.fuzzing.rounds", *arguments]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=ROUNDS_S_MAX
        )
    except subprocess.TimeoutExpired as hung:
        said = (hung.stdout or b"").decode().splitlines()
        raise AssertionError(f"a round hangs: {said[-1] if said else 'the first'}") from None
    assert done.returncode == 0, f"{done.stdout[-200:]}\n{done.stderr[-4_000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def happened() -> Counter[str]:
    return Counter(json.loads(_run("0", str(ROUNDS)).splitlines()[-1]))


def test_no_round_of_hostile_bytes_breaks_a_law(happened: Counter[str]) -> None:
    assert happened["rounds"] == ROUNDS


def test_the_rounds_tried_what_they_are_for(happened: Counter[str]) -> None:
    answered = {f"answered {status}" for status in (200, 400, 413, 415, *BY_GUARD)}
    refused = {f"rejected as {reason}" for reason in REASONS - {"time_in_future"}}
    assert (answered | refused | {"restores", "bombs"}) - happened.keys() == set()
    assert happened["accepted"] > 1_000
    assert happened["stored"] > 1_000


def test_a_seed_makes_the_same_bytes_in_every_process() -> None:
    drawn = {_run("--bytes", "17", PYTHONHASHSEED=hash_seed) for hash_seed in ("1", "2")}
    assert len(drawn) == 1


def test_a_body_of_very_many_members_costs_no_more_than_its_bytes() -> None:
    empty = b"\x1f\x8b\x08" + bytes(6) + b"\xff\x03" + bytes(9)
    began = time.process_time()
    try:
        assert inflate(empty * 50_000, 1_000) == b""
    except BodyError as error:
        assert error.status in (400, 413)
    assert time.process_time() - began < 0.5
