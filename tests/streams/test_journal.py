"""The journal keeps what it acknowledged, in order, and refuses to go on from a file that is not whole."""

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from engine.events import Reject
from streams.journal import Batch, Journal, JournalError, Snapshot
from streams.settings import ServiceSettings, SettingsError, limits_of


def filled(path: Path, bodies: list[bytes]) -> Journal:
    journal = Journal(path)
    journal.start()
    for body in bodies:
        journal.append(Batch(body, lines=1, source="shop", received_us=7, clock_us=3)).result()
    return journal


def test_batches_come_back_as_they_went_in_and_in_order(tmp_path: Path) -> None:
    filled(tmp_path / "j", [b"one", "二".encode(), b"three" * 100_000]).close()
    with_gap_before = Journal(tmp_path / "j")
    batches = list(with_gap_before.batches_behind(1))
    assert [(b.sequence, b.body) for b in batches] == [(2, "二".encode()), (3, b"three" * 100_000)]
    assert (batches[0].source, batches[0].received_us, batches[0].clock_us, batches[0].lines) == ("shop", 7, 3, 1)
    with_gap_before.close()


def test_an_acknowledged_batch_is_there_for_another_connection_after_the_process_is_gone(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", [b"kept"])
    # The files as a killed process would leave them: copied while the journal is open, never closed.
    for suffix in ("", "-wal"):
        (tmp_path / f"copy{suffix}").write_bytes((tmp_path / f"j{suffix}").read_bytes())
    left = Journal(tmp_path / "copy")
    assert [batch.body for batch in left.batches_behind(0)] == [b"kept"]
    left.close()
    journal.close()


def test_batches_that_wait_together_share_a_transaction(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    commits: list[int] = []
    futures = [journal.append(Batch(b"x", lines=1)) for _ in range(100)]
    journal.start(on_commit=lambda batches, elapsed_us: commits.append(batches))
    assert [future.result().sequence for future in futures] == list(range(1, 101))
    journal.close()
    assert sum(commits) == 100
    assert len(commits) <= 2


def test_many_threads_hand_in_and_the_durable_ones_are_told_in_sequence(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    told: list[int] = []
    journal.start(on_durable=lambda batch: told.append(batch.sequence))
    threads = [
        threading.Thread(target=lambda: [journal.append(Batch(b"x", lines=1)).result() for _ in range(20)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert told == list(range(1, 161))


def test_a_batch_that_could_not_be_stored_says_so_and_leaves_no_gap(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", [b"first"])
    pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
    journal._database.execute(f"PRAGMA max_page_count={pages}")
    incompressible = os.urandom(200_000)
    with pytest.raises(JournalError, match="could not be written"):
        journal.append(Batch(incompressible, lines=1)).result()
    journal._database.execute("PRAGMA max_page_count=1000000")
    assert journal.append(Batch(b"second", lines=1)).result().sequence == 2
    assert [batch.body for batch in journal.batches_behind(0)] == [b"first", b"second"]
    journal.close()


def test_only_the_newest_rejects_are_kept_but_all_are_counted(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", rejects_kept_max=10)
    journal.start()
    for start in (0, 100):
        rejects = [Reject("shop", start + n, "invalid_json", "bad") for n in range(30)]
        assert journal.append(Batch(b"", lines=0, rejects=rejects)).result().sequence == 0
    assert [line for _, _, line, _, _ in journal.rejects(1_000)] == list(range(129, 119, -1))
    assert journal.reject_totals() == {"invalid_json": 60}
    assert list(journal.batches_behind(0)) == []
    journal.close()


def test_two_snapshots_are_kept_and_the_batches_behind_the_older_one(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", [b"1", b"2", b"3", b"4"])
    for sequence in (1, 2):
        journal.save_snapshot(Snapshot(sequence, 0, b"engine %d" % sequence))
    assert journal.replayable_from_start() is False
    journal.save_snapshot(Snapshot(3, 0, b"engine 3"))
    assert [(s.sequence, s.engine) for s in journal.snapshots()] == [(3, b"engine 3"), (2, b"engine 2")]
    assert [batch.body for batch in journal.batches_behind(2)] == [b"3", b"4"]
    with pytest.raises(JournalError, match="batch 2 is missing"):
        list(journal.batches_behind(1))
    journal.close()


def test_the_sequence_goes_on_after_everything_was_pruned(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", [b"1", b"2"])
    for sequence in (1, 2):
        journal.save_snapshot(Snapshot(sequence, 0, b""))
    journal.close()
    again = Journal(tmp_path / "j")
    again.start()
    assert again.append(Batch(b"3", lines=1)).result().sequence == 3
    again.close()


def test_a_snapshot_that_is_not_intact_is_passed_over(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", [b"1", b"2"])
    journal.save_snapshot(Snapshot(1, 0, b"older"))
    journal.save_snapshot(Snapshot(2, 0, b"newer"))
    journal._database.execute("UPDATE snapshots SET engine = x'00' WHERE sequence = 2")
    assert [snapshot.engine for snapshot in journal.snapshots()] == [b"older"]
    journal.close()


def test_a_batch_that_is_not_intact_is_refused(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", [b"1", b"2"])
    journal._database.execute("UPDATE batches SET body = substr(body, 1, 4) WHERE sequence = 2")
    with pytest.raises(JournalError, match=r"batch 2 is not intact.*nothing was changed"):
        list(journal.batches_behind(0))
    journal.close()


@pytest.mark.parametrize("keep", [10, 100, 5_000])
def test_a_torn_file_is_refused_with_a_clear_sentence(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "j"
    filled(path, [os.urandom(50_000)]).close()
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(JournalError, match="is damaged"):
        Journal(path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "j")
    other.execute("CREATE TABLE customers (name)")
    other.close()
    with pytest.raises(JournalError, match="not a Floorwatch journal"):
        Journal(tmp_path / "j")


def test_a_journal_of_a_later_format_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "j", []).close()
    later = sqlite3.connect(tmp_path / "j")
    later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(JournalError, match="format 99"):
        Journal(tmp_path / "j")


def test_one_journal_belongs_to_one_process(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", [b"1"])
    with pytest.raises(JournalError, match="in use by another process"):
        Journal(tmp_path / "j")
    journal.close()


def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    filled(tmp_path / "j", [b"1"]).close()
    assert (tmp_path / "j").stat().st_mode & 0o077 == 0


def test_batches_are_kept_for_as_long_as_is_wanted_and_never_dropped_before_two_snapshots_have_them(
    tmp_path: Path,
) -> None:
    minute_us = 60_000_000
    journal = Journal(tmp_path / "journal", kept_us=10 * minute_us)
    journal.start()

    def left_behind(sequence: int, minute: int) -> list[int]:
        journal.save_snapshot(Snapshot(sequence, minute * minute_us, b"x"))
        return [row[0] for row in journal._read("SELECT sequence FROM batches ORDER BY sequence", ())]

    try:
        for minute in (0, 1, 30, 2, 3):  # The clock leapt once, and back.
            journal.append(Batch(b"{}", 1, received_us=minute * minute_us)).result(timeout=60)
        assert left_behind(1, 60) == [1, 2, 3, 4, 5], "there is no second snapshot"
        assert left_behind(2, 60) == [2, 3, 4, 5], "the older snapshot has the first only"
        assert left_behind(5, 11) == [2, 3, 4, 5], "the second is ten minutes old"
        assert left_behind(6, 12) == [3, 4, 5]
        assert left_behind(7, 39) == [3, 4, 5], "no gap: those behind a young one stay"
        assert left_behind(8, 41) == []
    finally:
        journal.close()


@pytest.mark.parametrize("seconds", ["0", "-1", "1e9", "99999999999", ""])
def test_nonsense_about_how_long_events_are_kept_is_refused_with_a_remedy(tmp_path: Path, seconds: str) -> None:
    with pytest.raises(SettingsError, match=r"events_kept_s|Events may be kept"):
        ServiceSettings(data=tmp_path, **limits_of([f"events_kept_s={seconds}"]))
