"""How a worker comes to a partition that was another's: claim, newest snapshot, and the steps that were made since.

Owns the order of these. Never writes anything but the claim, and reads no events: these come as they always do, and the partition
makes the steps again where they were made. Law: the claim comes first, so that no step can be added behind what is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

from engine.errors import InvalidSetting
from streams.intake import Pseudonyms
from streams.kafka.lease import Lease
from streams.kafka.lines import Lines
from streams.kafka.partition import Partition, Shards
from streams.kafka.ranges import Ranges
from streams.kafka.settings import KafkaSettings
from streams.kafka.snapshots import Snapshot, Snapshots
from streams.kafka.steps import Reader, Step, without_payload

__all__ = ["CannotRecover", "recover"]


class CannotRecover(Exception):
    """What is kept of a partition cannot be gone on with; the message is for the operator."""


async def recover(
    settings: KafkaSettings,
    number: int,
    lease: Lease,
    shards: Shards,
    pseudonyms: Pseudonyms,
    engine: Executor,
    tell: Callable[[str], None],
    moved: Callable[[], None],
) -> tuple[Partition, Snapshot | None]:
    """The partition as it stands where the snapshot does, with the steps to be made again; and the newest snapshot. `moved` is called as
    long as it gets on."""
    claim_offset = await lease.claim()
    async with Ranges(settings) as ranges:
        found = Snapshots()
        async for record in ranges.read(settings.snapshots, number, *await ranges.bounds(settings.snapshots, number)):
            found.take(record)
            moved()
        whole = await asyncio.to_thread(found.newest)
        snapshot, make = await _restored(whole, shards, pseudonyms, engine, number, tell)
        begin, _ = await ranges.bounds(settings.steps, number)
        again = await _since(ranges, settings, number, snapshot, begin, claim_offset, moved)
        _, events_end = await ranges.bounds(settings.events, number)
    lease.written = lease.confirmed = again[-1].number if again else snapshot.number if snapshot else 0
    if again and again[-1].to_offset > events_end:
        raise CannotRecover(
            f"Partition {number}: its steps tell of events up to offset {again[-1].to_offset:,}, but only {events_end:,} are there. "
            "The brokers have lost events that they had acknowledged; restore the topic, or delete all of ours and begin anew."
        )
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(engine, make, again), snapshot


async def _restored(
    whole: list[Snapshot],
    shards: Shards,
    pseudonyms: Pseudonyms,
    engine: Executor,
    number: int,
    tell: Callable[[str], None],
) -> tuple[Snapshot | None, Callable[[list[Step]], Partition]]:
    """The newest snapshot that can be used, and what makes the partition of it."""
    loop = asyncio.get_running_loop()
    for snapshot in whole:
        try:
            shard = await loop.run_in_executor(engine, shards.restore, snapshot.shard)
        except InvalidSetting as error:
            raise CannotRecover(
                f"Partition {number} was kept under other settings ({error}); start with those of before, or delete the topics "
                "and begin anew."
            ) from None
        except Exception as error:  # Whatever a damaged one raises: the older one may be whole.
            tell(f"Partition {number}: the snapshot behind step {snapshot.number:,} cannot be used ({error}).")
            continue
        return snapshot, partial(Partition, shard, Lines(pseudonyms, shard.secret), snapshot)
    shard = await loop.run_in_executor(engine, shards.begin)
    return None, partial(Partition, shard, Lines(pseudonyms, shard.secret), None)


async def _since(
    ranges: Ranges,
    settings: KafkaSettings,
    number: int,
    snapshot: Snapshot | None,
    begin: int,
    end: int,
    moved: Callable[[], None],
) -> list[Step]:
    """The steps that count behind the snapshot, without what they brought."""
    first = snapshot.steps_offset if snapshot else 0
    if begin > first:
        raise CannotRecover(
            f"Partition {number}: steps behind {'its newest snapshot' if snapshot else 'its beginning'} were deleted, so what came of "
            "its events cannot be made again. Keep events and steps longer (FLOORWATCH_KAFKA_EVENTS_RETENTION); now delete all "
            "topics but the events and begin anew."
        )
    reader = Reader(snapshot.claimant, snapshot.number) if snapshot else Reader()
    again: list[Step] = []
    async for record in ranges.read(settings.steps, number, first, end):
        moved()
        if step := reader.accept(record):
            again.append(without_payload(step))
    return again
