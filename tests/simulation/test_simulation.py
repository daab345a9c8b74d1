"""Three hundred seeds, and that nothing but the seed decides; `make fuzz` goes on from there."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter

import pytest

from tests.simulation.plan import KILLS
from tests.simulation.world import run

SEEDS = 300
CHUNK = 10
PATIENCE_S = 90
#: What has to happen somewhere in these seeds, or they prove less than they seem to.
KINDS = (
    *(f"killed: {step}" for step in KILLS), "torn checkpoint", "snapshot saved", "snapshot damaged", "started again",
    "late", "dropped", "duplicates", "illegal", "rejected", "warnings", "breaches", "calm", "several machines", "clock steps back",
    "batch in several pieces", "event repeated", "event far behind", "event held by a silent sender", "request lost",
    "policy adopted", "calm under several policies",
    "request sent again", "request delivered twice", "request to a dead machine", "answer lost",
)  # fmt: skip
HAPPENED: dict[int, Counter[str]] = {}


def happened(seed: int) -> Counter[str]:
    """What happened in a seed; each is run once."""
    if seed not in HAPPENED:
        HAPPENED[seed] = run(seed).happened
    return HAPPENED[seed]


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_what_the_service_says_is_what_happened(first: int) -> None:
    failures = []
    for seed in range(first, first + CHUNK):
        try:
            happened(seed)
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, "\n".join(failures)


def test_every_kind_of_fault_happens_in_these_seeds() -> None:
    total = sum(map(happened, range(SEEDS)), Counter[str]())
    assert [kind for kind in KINDS if not total[kind]] == []


@pytest.mark.parametrize("seed", [3, 14])
def test_a_seed_is_the_same_run_in_every_process(seed: int) -> None:
    program = f"from tests.simulation.world import run; print(run({seed}).trace)"
    traces = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert traces == {run(seed).trace + "\n"}


def test_the_endless_run_tells_its_progress_and_is_stopped_without_a_failure() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--from", "7", "--jobs", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout and running.stderr
        patience = threading.Timer(PATIENCE_S, running.kill)
        patience.start()
        progress = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        farewell = running.stdout.read()
        patience.cancel()
        assert (running.wait(), running.stderr.read()) == (0, "")
    assert " seeds, " in progress and " 0 failed: " in progress
    assert farewell.startswith("Stopped.")


def test_a_number_of_seeds_ends_by_itself() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", "2", "--jobs", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1].startswith("2 seeds, ")
