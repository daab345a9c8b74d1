"""Faults of the client of Kafka and of Faust, put into a worker's process where they arise: below what is under test.

Owns each of them by name. A test tells a worker `fault`, and from when on; the worker calls `arrange` before it begins.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import CommitFailedError

__all__ = ["FAULTS", "arrange"]

COMMITS_THAT_FAIL = 3


def arrange(fault: str, after: int) -> None:
    """`after` counts calls that went well."""
    FAULTS[fault](after)


def _hands_on_nothing(after: int) -> None:
    """What was fetched stays with the client, without a word."""
    handed_on = Fetcher.fetched_records

    async def silent(self: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal after
        found = await handed_on(self, *arguments, **options)
        after -= bool(found)
        if after < 0:
            await asyncio.Event().wait()
        return found

    Fetcher.fetched_records = silent


def _fetches_nothing(after: int) -> None:
    """Requests to the broker are never answered, whatever is there."""
    fetch = Fetcher._proc_fetch_request

    async def unanswered(self: Any, *arguments: Any) -> Any:
        nonlocal after
        after -= 1
        if after < 0:
            await asyncio.Event().wait()
        return await fetch(self, *arguments)

    Fetcher._proc_fetch_request = unanswered


def _stands_still(after: int) -> None:
    """The thread that reads, and with it the heartbeat, hangs in a call that does not return."""
    handed_on = Fetcher.fetched_records

    async def hanging(self: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal after
        found = await handed_on(self, *arguments, **options)
        after -= bool(found)
        if after < 0:
            time.sleep(3_600)
        return found

    Fetcher.fetched_records = hanging


def _commits_fail(after: int) -> None:
    """The group was shared out anew in the middle of a commit, says the client, some times."""
    commit, failed = AIOKafkaConsumer.commit, 0

    async def failing(self: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal after, failed
        after -= 1
        if after < 0 and failed < COMMITS_THAT_FAIL:
            failed += 1
            raise CommitFailedError("already rebalanced")
        return await commit(self, *arguments, **options)

    AIOKafkaConsumer.commit = failing


FAULTS = {
    "hands on nothing": _hands_on_nothing,
    "fetches nothing": _fetches_nothing,
    "stands still": _stands_still,
    "commits fail": _commits_fail,
}
