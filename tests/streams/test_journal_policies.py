"""Policies have their places among the batches, and are kept for as long as a restart may need them."""

import sqlite3
from pathlib import Path

import pytest

from streams.journal import Batch, Journal, JournalError, KeptPolicy, Snapshot


def policy(name: str, since_us: int = 5) -> KeptPolicy:
    return KeptPolicy(since_us, name, "file", f"digest of {name}", f"bundle of {name}".encode())


def filled(path: Path, *parts: str) -> Journal:
    """A journal begun with the policy `first`; of the parts those in capitals are policies."""
    journal = Journal(path)
    journal.begin_with(policy("first"))
    journal.start()
    for part in parts:
        if part.isupper():
            journal.append(Batch(b"", 0, clock_us=9, policy=policy(part))).result()
        else:
            journal.append(Batch(part.encode(), 1)).result()
    return journal


def in_force(journal: Journal, sequence: int) -> str:
    kept = journal.policy_at(sequence)
    assert kept is not None
    return kept.name


def test_a_policy_holds_from_its_place_to_the_next_ones(tmp_path: Path) -> None:
    filled(tmp_path / "j", "a", "B", "c", "D", "e").close()
    journal = Journal(tmp_path / "j")
    assert [in_force(journal, sequence) for sequence in range(6)] == ["first", "first", "B", "B", "D", "D"]
    assert journal.policy_at(3) == KeptPolicy(5, "B", "file", "digest of B", b"bundle of B", 2)
    behind = [(batch.sequence, batch.body, batch.policy and batch.policy.name) for batch in journal.batches_behind(1)]
    assert behind == [(2, b"", "B"), (3, b"c", None), (4, b"", "D"), (5, b"e", None)]
    assert (journal.lines_behind(0), journal.replayable_from_start()) == (3, True)
    journal.close()


def test_the_policy_to_begin_with_is_said_once(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", "a")
    journal.begin_with(policy("another"))
    assert in_force(journal, 1) == "first"
    journal.close()


def test_who_waits_for_a_policy_gets_its_place(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", "a")
    told: list[int] = []
    journal.stop()
    journal.start(on_durable=lambda batch: told.append(batch.sequence))
    batch = journal.append(Batch(b"", 0, policy=policy("B"))).result()
    assert (batch.sequence, batch.policy and batch.policy.sequence, told) == (2, 2, [2])
    journal.close()


def test_policies_that_no_kept_snapshot_can_need_are_dropped(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", "A", "b", "C", "d", "E")
    for sequence in (2, 4):
        journal.save_snapshot(Snapshot(sequence, 0, b""))
    assert [in_force(journal, sequence) for sequence in (2, 4, 5)] == ["A", "C", "E"]
    assert journal._database.execute("SELECT sequence FROM policies ORDER BY 1").fetchall() == [(1,), (3,), (5,)]
    journal.close()


def test_a_policy_that_is_not_intact_or_gone_is_refused(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j", "A", "b")
    journal._database.execute("UPDATE policies SET bundle = substr(bundle, 1, 4) WHERE sequence = 1")
    with pytest.raises(JournalError, match="the policy behind batch 1 is not intact"):
        journal.policy_at(2)
    journal._database.execute("DELETE FROM policies WHERE sequence = 1")
    with pytest.raises(JournalError, match="the policy behind batch 1 is missing"):
        list(journal.batches_behind(0))
    journal.close()


def test_a_journal_from_before_policies_had_places_goes_on(tmp_path: Path) -> None:
    filled(tmp_path / "j", "a").close()
    older = sqlite3.connect(tmp_path / "j")
    older.executescript("DROP TABLE policies; PRAGMA user_version = 1;")
    older.close()
    journal = Journal(tmp_path / "j")
    assert journal.policy_at(1) is None
    journal.begin_with(policy("now"))
    assert (in_force(journal, 1), [batch.body for batch in journal.batches_behind(0)]) == ("now", [b"a"])
    journal.close()
