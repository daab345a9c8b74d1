"""The engine behind its journal: what is replayed is what was lived, and what cannot go on says so."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.pipeline import Settings
from streams.embedded import Embedded, pause_s
from streams.gateway import Busy, judge
from streams.intake import Pseudonyms
from streams.journal import Batch, Journal, JournalError, Snapshot
from streams.settings import ServiceSettings

PSEUDONYMS = Pseudonyms(b"k" * 32)
ENGINE = Settings(disorder_bound_us=2_000_000)


class Told:
    """What the service says to its operator, and whether it reported its own death."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.failed = False

    def fail(self) -> None:
        self.failed = True


def service(folder: Path, told: Told | None = None, **changed: Any) -> Embedded:
    told = told or Told()
    # A wide bound, so that a slow machine makes nothing late that should be on time.
    settings = replace(ServiceSettings(data=folder, disorder_bound_us=2_000_000, near_us=1_000_000), **changed)
    journal = Journal(folder / "journal.sqlite")
    return Embedded(journal, settings, ENGINE, tell=told.sentences.append, on_failure=told.fail)


@contextmanager
def started(folder: Path, told: Told | None = None, **changed: Any) -> Iterator[Embedded]:
    embedded = service(folder, told, **changed)
    embedded.start()
    try:
        assert embedded.ready.wait(60)
        yield embedded
    finally:
        embedded.stop()


def tell(embedded: Embedded, *events: dict[str, Any]) -> int:
    """Hand in events as the gateway does; returns the sequence once durable."""
    received_us = embedded.begin()
    body = json.dumps(list(events)).encode()
    judged = judge(body, PSEUDONYMS, embedded.secret, source="", latest_us=received_us + 10_000_000)
    batch = Batch(b"\n".join(judged.bodies), judged.count, "", received_us, payload=judged.decoded)
    future = embedded.submit(batch, judged.newest_us)
    embedded.end()
    return future.result().sequence


def queued(contact: str, seconds_ago: float = 0.0) -> dict[str, Any]:
    stamp = int((time.time() - seconds_ago) * 1000)
    return {"type": "contact.queued", "time": stamp, "contact": contact, "id": contact, "channel": "app"}


def until(embedded: Embedded, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if embedded.published.facts and is_so(embedded.published.facts):
            return embedded.published.facts
        time.sleep(0.05)
    raise AssertionError(f"never so: {embedded.published.facts}")


def waiting(facts: dict[str, Any]) -> int:
    return sum(row["waiting"] for row in facts["groups"].get("total", []))


def as_killed(folder: Path, copy: Path) -> Path:
    """The folder as a killed process leaves it: copied while everything is open."""
    copy.mkdir()
    for path in folder.iterdir():
        shutil.copy(path, copy)
    return copy


def test_what_was_late_for_the_clock_is_late_again_in_the_replay(tmp_path: Path) -> None:
    (tmp_path / "lived").mkdir()
    with started(tmp_path / "lived") as lived:
        tell(lived, queued("near"))
        tell(lived, queued("in time", 1.0))
        tell(lived, queued("late", 5.0))
        tell(lived, queued("lost", 3_000.0))
        seen = until(lived, lambda facts: facts["counters"]["events"] == 4)["counters"]
        assert (seen["late"], seen["dropped"]) == (1, 1)
        folder = as_killed(tmp_path / "lived", tmp_path / "copy")
    with started(folder) as replayed:
        assert until(replayed, lambda facts: facts["counters"]["events"] == 4)["counters"] == seen


def test_a_snapshot_and_what_lies_behind_it_make_the_same_as_the_whole_journal(tmp_path: Path) -> None:
    (tmp_path / "lived").mkdir()
    with started(tmp_path / "lived", snapshot_lines=3) as lived:
        for number in range(8):
            tell(lived, queued(f"c{number}"))
        until(lived, lambda facts: lived.vitals.snapshots >= 2 and facts["counters"]["events"] == 8)
        folder = as_killed(tmp_path / "lived", tmp_path / "copy")
        whole = until(lived, lambda facts: waiting(facts) == 8)
    told = Told()
    with started(folder, told, quiet_us=1_000_000) as replayed:
        again = until(replayed, lambda facts: waiting(facts) == 8)
        assert again["counters"] == whole["counters"]
    assert "Replayed" in "".join(told.sentences) or lived.vitals.snapshots == 8


def test_snapshots_that_cannot_be_read_cost_time_but_no_event(tmp_path: Path) -> None:
    with started(tmp_path, snapshot_interval_us=3_600_000_000) as embedded:
        for number in range(3):
            tell(embedded, queued(f"c{number}"))
    journal = Journal(tmp_path / "journal.sqlite")
    journal._database.execute("DELETE FROM snapshots")
    journal._database.execute("INSERT INTO snapshots VALUES (2, 0, 0, x'00')")
    journal._database.commit()
    journal.close()
    with started(tmp_path) as embedded:
        assert embedded.published.facts["counters"]["events"] == 3


def test_without_a_readable_snapshot_or_its_batches_it_refuses_to_start(tmp_path: Path) -> None:
    with started(tmp_path) as embedded:
        for number in range(3):
            tell(embedded, queued(f"c{number}"))
    journal = Journal(tmp_path / "journal.sqlite")
    for sequence in (2, 3):
        journal.save_snapshot(Snapshot(sequence, 0, b"junk"))
    journal.close()
    told = Told()
    embedded = service(tmp_path, told)
    embedded.start()
    embedded.stop()
    assert isinstance(embedded.failure, JournalError)
    assert told.failed
    assert "nothing was changed" in told.sentences[-1]
    assert not embedded.ready.is_set()
    assert not embedded.is_alive()


def test_a_full_backlog_is_busy_and_frees_itself(tmp_path: Path) -> None:
    with started(tmp_path, backlog_batches_max=2) as embedded:
        batches = [Batch(json.dumps(queued(f"c{n}")).encode(), 1, received_us=embedded.begin()) for n in range(3)]
        futures = [embedded.submit(batch, 0) for batch in batches[:2]]
        with pytest.raises(Busy) as busy:
            embedded.submit(batches[2], 0)
        assert busy.value.status == 429
        for future in futures:
            future.result(60)
        deadline = time.monotonic() + 60
        while embedded.backlog() != (0, 0) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert embedded.submit(batches[2], 0).result(60).sequence == 3


def test_before_it_is_ready_and_after_it_was_stopped_nothing_is_admitted(tmp_path: Path) -> None:
    early = service(tmp_path)
    with pytest.raises(Busy) as busy:
        early.begin()
    assert busy.value.status == 503
    early.start()
    assert early.ready.wait(60)
    early.stop()
    with pytest.raises(Busy) as busy:
        early.begin()
    assert busy.value.status == 503


def test_what_was_acknowledged_before_the_stop_is_absorbed_by_it(tmp_path: Path) -> None:
    with started(tmp_path) as embedded:
        for number in range(50):
            tell(embedded, queued(f"c{number}"))
    assert embedded.published.facts["counters"]["events"] == 50
    assert embedded.vitals.snapshots >= 1


def test_the_tick_stands_still_while_a_body_is_on_its_way(tmp_path: Path) -> None:
    with started(tmp_path) as embedded:
        tell(embedded, queued("near"))
        until(embedded, lambda facts: facts["service"]["clock_running"])
        embedded.begin()
        time.sleep(0.5)
        stood_us = embedded._keeper.engine.watermark_us
        time.sleep(0.5)
        assert embedded._keeper.engine.watermark_us == stood_us
        embedded.end()
        until(embedded, lambda facts: facts["watermark_us"] > stood_us)


def test_facts_are_published_several_times_a_second_computed_once_for_everybody(tmp_path: Path) -> None:
    with started(tmp_path) as embedded:
        first = embedded.published
        time.sleep(2.2)
        assert 3 <= embedded.published.version - first.version <= 12
        assert json.loads(embedded.published.body)["service"]["ready"] is True


def test_publishing_takes_a_quarter_of_the_time_or_is_done_twice_a_second_and_never_takes_more_than_half() -> None:
    assert [pause_s(cost, 0.2) for cost in (0.0, 0.05, 0.1, 0.2, 0.3, 2.0)] == [0.2, 0.2, 0.4, 0.5, 0.6, 4.0]


def test_a_broken_promise_is_published_with_who_and_where_and_since_when(tmp_path: Path) -> None:
    with started(tmp_path) as embedded:
        # The one of now has the clock run at once.
        tell(embedded, queued("a", 400), queued("b", 100), queued("c"))
        facts = until(embedded, lambda facts: any(alarm["step"] == "broken" for alarm in facts["alarms"]))
        (breach,) = [alarm for alarm in facts["alarms"] if alarm["step"] == "broken"]
        assert (breach["commitment"], breach["contact"], breach["channel"]) == ("wait", "a", "app")
        assert breach["at_us"] - breach["since_us"] == 300_000_000
        assert json.loads(embedded.published.body)["alarms"] == facts["alarms"]
