"""The rule of the log of steps, the wholeness of snapshots, and a partition that is recovered: without a broker, on their own terms."""

from dataclasses import dataclass, replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.watermark import NEVER_US
from streams.intake import Pseudonyms
from streams.kafka.lines import Lines
from streams.kafka.partition import STEP_US, STRIDE_US, Partition
from streams.kafka.snapshots import Snapshot, Snapshots, records
from streams.kafka.steps import PART_BYTES, Claim, Reader, Step, encode
from streams.kafka.stretches import Stretch
from tests.kafka.standin import TellingShards, Told
from tests.kafka.test_stretches import Kept

OLD, NEW = b"a" * 16, b"b" * 16


@dataclass
class Said:
    value: bytes | None


def log(*said: Claim | Step) -> list[Said]:
    return [Said(value) for one in said for value in encode(one)]


def step(claimant: bytes, number: int, payload: bytes = b"x") -> Step:
    return Step.of(claimant, number, 10 * number, NEVER_US, number, payload)


def accepted(said: list[Said], reader: Reader | None = None) -> list[tuple[bytes, int]]:
    reader = reader or Reader()
    found = [reader.accept(one) for one in said]
    return [(one.claimant, one.number) for one in found if one]


def test_only_the_last_claimants_steps_count_each_number_once_and_in_order() -> None:
    said = log(
        step(OLD, 1), Claim(OLD), step(OLD, 1), step(OLD, 2), step(OLD, 2), step(OLD, 4), Claim(NEW), step(OLD, 3), step(NEW, 3),
        step(OLD, 4), step(NEW, 4),
    )  # fmt: skip
    assert accepted(said) == [(OLD, 1), (OLD, 2), (NEW, 3), (NEW, 4)]


def test_reading_may_begin_where_a_snapshot_says_or_where_the_log_was_cut() -> None:
    said = log(step(OLD, 6), step(OLD, 7), Claim(NEW), step(OLD, 8), step(NEW, 8))
    assert accepted(said, Reader(OLD, 6)) == [(OLD, 7), (NEW, 8)]
    assert accepted(said, Reader(number=None)) == [(OLD, 6), (OLD, 7), (NEW, 8)]


def test_a_long_step_counts_whole_or_not_at_all() -> None:
    noise = bytes(n * n * 2_654_435_761 >> 13 & 255 for n in range(2 * PART_BYTES))
    long = step(OLD, 1, noise)
    values = [Said(value) for value in encode(long)]
    assert len(values) > 1
    assert all(len(one.value or b"") < 1_000_000 for one in values)
    (claim,) = log(Claim(OLD))
    reader = Reader()
    assert [reader.accept(one) for one in (claim, *values)][-1] == long
    assert long.payload == noise
    interrupted = [claim, values[0], *log(Claim(NEW)), *values[1:], *log(step(NEW, 1))]
    assert accepted(interrupted) == [(NEW, 1)]


@given(st.none() | st.binary(max_size=60) | st.binary(max_size=60).map(lambda some: b"FWS\x01" + some))
def test_no_bytes_make_the_reader_raise(value: bytes | None) -> None:
    assert Reader().accept(Said(value)) is None
    Snapshots().take(Said(value and value.replace(b"FWS", b"FWN")))


def test_half_a_snapshot_is_not_taken_and_the_one_before_still_is() -> None:
    noise = bytes(n * n * 2_654_435_761 >> 13 & 255 for n in range(2 * PART_BYTES))
    older = Snapshot(5, 50, NEVER_US, 5, OLD, 7, noise, 0)
    newer = replace(older, number=6, generation=1)
    again = replace(older, number=7)
    taken = Snapshots()
    for one in records(older, 0):
        taken.take(Said(one[1]))
    halves = [*records(newer, 0)]
    for one in halves[:-1]:
        taken.take(Said(one[1]))
    assert taken.newest() == [older]
    taken.take(Said(halves[-1][1]))
    assert taken.newest() == [newer, older]
    taken.take(Said(next(records(again, 0))[1]))  # Over the older one, and interrupted.
    assert taken.newest() == [newer]
    assert {key for key, _ in records(older, 3)} == {f"3/0/{index}".encode() for index in range(len(halves))}


# A partition.

OFFSETS = 60
EVENTS = st.lists(st.integers(0, 3_000), min_size=OFFSETS, max_size=OFFSETS)
#: At each place: how many records come next, whether a step is made then, and how far the clock is pushed with it.
CUTS = st.lists(
    st.tuples(st.integers(1, 20), st.booleans(), st.none() | st.integers(0, 4_000)), min_size=1, max_size=20
)


def partition(
    shard: Told | None = None, snapshot: Snapshot | None = None, again: list[Step] | None = None
) -> Partition:
    shard = shard or TellingShards().begin()
    return Partition(shard, Lines(Pseudonyms(bytes(32)), shard.secret), snapshot, again or ())


def stretches(times_ms: list[int], sizes: list[int]) -> list[Stretch]:
    kept = [
        Kept(
            n, b'{"type":"contact.opened","time":%d,"contact":"c%d"}' % (1_700_000_000_000 + time, n), 1_700_000_100_000
        )
        for n, time in enumerate(times_ms)
    ]
    found = []
    for size in [*sizes, OFFSETS]:
        if kept:
            found.append(Stretch("events", 0, kept[:size]))
            kept = kept[size:]
    return found


@settings(max_examples=60, deadline=None)
@given(EVENTS, CUTS, st.lists(st.integers(1, 20), max_size=10), st.integers(0, 30))
def test_a_partition_that_is_recovered_is_the_one_that_was_lost_however_events_are_cut(
    times_ms: list[int], cuts: list[tuple[int, bool, int | None]], other_sizes: list[int], saved_at: int
) -> None:
    lost = partition()
    made: list[Step] = []
    snapshot: Snapshot | None = None
    pending = list(zip(stretches(times_ms, [size for size, _, _ in cuts]), cuts, strict=False))
    for stretch, (_, is_step, clock_ms) in pending:
        lost.take(stretch)
        if is_step or clock_ms is not None:
            floor_us = NEVER_US if clock_ms is None else (1_700_000_000_000 + clock_ms) * 1_000
            before = len(made)
            made += lost.steps(OLD, floor_us)
            if before < saved_at <= len(made):
                state = lost.shard.snapshot()
                snapshot = Snapshot(lost.number, lost.next_offset, lost.floor_us, lost.until_us, OLD, 0, state)
    restored = TellingShards().restore(snapshot.shard) if snapshot else None
    found = partition(restored, snapshot, [one for one in made if not snapshot or one.number > snapshot.number])
    whole = stretches(times_ms[: lost.next_offset], other_sizes) if lost.next_offset else []
    for stretch in whole:
        found.take(stretch)
    assert not found.is_recovering
    assert (found.number, found.next_offset, found.until_us) == (lost.number, lost.next_offset, lost.until_us)
    assert found.shard.snapshot() == lost.shard.snapshot()
    last = [one.step(NEW, (1_700_000_010_000) * 1_000) for one in (found, lost)]
    assert last[0] == last[1] is not None
    assert last[0].until_us % STEP_US == 0
    assert msgspec.msgpack.decode(last[0].payload) is not None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, STRIDE_US // 1_000), min_size=1, max_size=15))
def test_steps_of_a_partition_that_keeps_up_leave_out_no_instant_at_which_those_of_others_may_end(
    strides_ms: list[int],
) -> None:
    reading = partition()
    reading.step(OLD, 1_700_000_000_000_000)
    now_us, ends_us = 1_700_000_000_000_000, [reading.until_us]
    for stride_ms in strides_ms:
        now_us += stride_ms * 1_000
        ends_us += [step.until_us for step in reading.steps(OLD, now_us)]
    assert ends_us == list(range(ends_us[0], now_us // STEP_US * STEP_US + 1, STEP_US))


@given(st.integers(STRIDE_US // 1_000 + 400, 3_600_000))
def test_a_partition_that_is_behind_takes_strides_that_end_where_those_of_others_do(behind_ms: int) -> None:
    reading, begin_us = partition(), 1_700_000_000_400_000
    reading.step(OLD, begin_us)
    now_us = begin_us // STRIDE_US * STRIDE_US + STEP_US * 2 + behind_ms * 1_000
    (stride,) = reading.steps(OLD, now_us)
    assert stride.until_us == now_us // STRIDE_US * STRIDE_US
    assert [step.until_us for step in reading.steps(OLD, now_us)] == list(
        range(stride.until_us + STEP_US, now_us // STEP_US * STEP_US + 1, STEP_US)
    )
