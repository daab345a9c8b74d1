"""Each fault does what its name says, and nothing else.

Owns no state. Law: the good lines of a faulty delivery are the centre's own lines, byte for byte, unless a fault takes or moves them.
"""

import json
import re
from collections import Counter
from datetime import datetime
from functools import cache

import pytest

from streams.simulate import Faults, Silence, Skew, apply_faults, preset, records
from streams.simulate.faults import BAD_LINES, source_of
from tests.streams.test_simulate_legal import instant_ms

CENTRE = preset("centre", datetime.fromisoformat("2025-11-11T10:00:00+08:00"), agents=40, duration_s=900)


@cache
def clean() -> tuple[tuple[int, bytes], ...]:
    return tuple(records(CENTRE, 1))


def delivered(faults: Faults, seed: int = 9) -> list[tuple[int, bytes]]:
    return list(apply_faults(iter(clean()), faults, seed, CENTRE.start_ms))


def lines(records: list[tuple[int, bytes]] | tuple[tuple[int, bytes], ...]) -> list[bytes]:
    return [line for _, line in records]


def test_no_faults_change_nothing() -> None:
    assert delivered(Faults()) == list(clean())


def test_the_same_fault_seed_gives_the_same_delivery_and_another_seed_another() -> None:
    faults = Faults(duplicates=0.02, disorder_ms=2_000, bad_lines=0.01)
    assert delivered(faults) == delivered(faults)
    assert delivered(faults) != delivered(faults, seed=10)


def test_delivery_never_goes_back_in_its_own_time() -> None:
    faults = Faults(0.05, 3_000, 0.01, (Silence("app", 60_000, 120_000),), Skew("phone", 3_000))
    instants = [at_ms for at_ms, _ in delivered(faults)]
    assert instants == sorted(instants)


def test_duplicates_are_the_same_lines_again_in_about_the_wanted_share() -> None:
    said = Counter(lines(delivered(Faults(duplicates=0.05))))
    assert said.keys() == set(lines(clean()))
    assert set(said.values()) == {1, 2}
    assert 0.03 < sum(count - 1 for count in said.values()) / len(clean()) < 0.07


def test_disorder_moves_lines_but_never_further_than_the_bound() -> None:
    said = lines(delivered(Faults(disorder_ms=2_000, duplicates=0.02)))
    times = [instant_ms(json.loads(line)) for line in said]
    newest, behind_ms = 0, []
    for time in times:
        newest = max(newest, time)
        behind_ms.append(newest - time)
    assert set(said) == set(lines(clean()))
    assert 1_000 < max(behind_ms) <= 2_000
    assert sum(gap > 0 for gap in behind_ms) > len(said) / 10


def test_a_lost_silence_takes_exactly_the_lines_of_its_source_and_time() -> None:
    begin_ms = CENTRE.start_ms + 300_000
    said = lines(delivered(Faults(silences=(Silence("app", 300_000, 180_000, lost=True),))))
    wanted = [
        line for at_ms, line in clean() if not (source_of(line) == "app" and begin_ms <= at_ms < begin_ms + 180_000)
    ]
    assert said == wanted
    assert len(said) < len(clean())


def test_a_late_silence_delivers_all_but_the_heartbeats_after_its_end_and_in_order() -> None:
    begin_ms, end_ms = CENTRE.start_ms + 300_000, CENTRE.start_ms + 480_000
    told = delivered(Faults(silences=(Silence("wechat", 300_000, 180_000),)))
    late = [
        (at_ms, line)
        for at_ms, line in told
        if source_of(line) == "wechat" and begin_ms <= instant_ms(json.loads(line)) < end_ms
    ]
    assert len(late) > 50
    assert all(end_ms <= at_ms < end_ms + 60_000 for at_ms, _ in late)
    assert [instant_ms(json.loads(line)) for _, line in late] == sorted(
        instant_ms(json.loads(line)) for _, line in late
    )
    missing = set(lines(clean())) - set(lines(told))
    assert len(missing) == 18
    assert all(b'"source.heartbeat"' in line for line in missing)


def test_bad_lines_come_in_between_and_every_kind_of_them_comes() -> None:
    said = lines(delivered(Faults(bad_lines=0.05)))
    good = set(lines(clean()))
    assert [line for line in said if line in good] == lines(clean())
    rubbish = [line for line in said if line not in good]
    assert 0.03 < len(rubbish) / len(good) < 0.07
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in rubbish)
    for kind, text in BAD_LINES.items():
        longest = max(re.split(rb"%[int]", text), key=len)
        assert any(longest in line for line in rubbish), kind


@pytest.mark.parametrize(("source", "skew_ms"), [("phone", 3_000), ("app", -2_500)])
def test_a_skewed_clock_moves_the_times_of_one_source_and_of_no_other(source: str, skew_ms: int) -> None:
    told = lines(delivered(Faults(skew=Skew(source, skew_ms))))
    for before, after in zip(lines(clean()), told, strict=True):
        first, second = json.loads(before), json.loads(after)
        moved_ms = skew_ms if source_of(before) == source else 0
        assert instant_ms(second) - instant_ms(first) == moved_ms
        assert {**first, "time": 0} == {**second, "time": 0}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Faults(duplicates=1.5),
        lambda: Faults(bad_lines=-0.1),
        lambda: Faults(disorder_ms=-1),
        lambda: Silence("nowhere", 0, 1_000),
        lambda: Silence("app", 0, 0),
        lambda: Skew("nowhere", 1_000),
    ],
)
def test_faults_that_cannot_be_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        wrong()  # type: ignore[operator]
