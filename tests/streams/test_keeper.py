"""What the keeper keeps: a replay from an older snapshot judges as the life did."""

from pathlib import Path

from engine.keys import PUBLIC
from engine.pipeline import Settings
from streams.clock import Clock
from streams.gateway import judge
from streams.intake import Pseudonyms
from streams.journal import Batch, Journal
from streams.keeper import Keeper
from streams.settings import ServiceSettings

S = 1_000_000
MORNING_US = 1_762_826_400 * S


class Life:
    """One life of a process in virtual time, from opening the folder to its end."""

    def __init__(self, folder: Path, now_s: int) -> None:
        settings = ServiceSettings(data=folder, disorder_bound_us=S, near_us=S // 2, quiet_us=10 * S)
        self.journal = Journal(folder / "journal.sqlite")
        self.journal.start()
        engine_settings = Settings(disorder_bound_us=S, allowed_lateness_us=60 * S)
        self.keeper = Keeper(self.journal, settings, engine_settings, PUBLIC, lambda sentence: None)
        self.clock = Clock(near_us=settings.near_us, quiet_us=settings.quiet_us)
        self.keeper.open(0)
        if self.journal.sequence:
            self.clock.restored(MORNING_US + now_s * S, self.keeper.reached_us)
        self.replayed = sum(1 for _ in self.keeper.replay())

    def tell(self, now_s: int, happened_s: int) -> None:
        now_us = MORNING_US + now_s * S
        event = b'{"type":"contact.queued","contact":"c%d","time":%d}' % (
            happened_s,
            MORNING_US // 1_000 + happened_s * 1_000,
        )
        judged = judge(event, Pseudonyms(b"k" * 32), PUBLIC, source="", latest_us=now_us + S)
        batch = Batch(event, 1, "", now_us, clock_us=self.clock.stamp(now_us, judged.newest_us))
        self.journal.append(batch).result()
        self.keeper.take(batch, judged.decoded)

    def tick(self, now_s: int) -> None:
        self.keeper.tick(self.clock.tick(MORNING_US + now_s * S))

    def save(self) -> None:
        assert self.keeper.save_snapshot(0, 0)

    def late(self) -> int:
        return self.keeper.engine.counters.late


def test_who_was_late_by_a_tick_that_only_a_snapshot_knew_is_late_again_without_that_snapshot(tmp_path: Path) -> None:
    """
    life 1   batches at 0 s and 1 s, a snapshot behind each; the second one knows the tick of 20 s, the journal does not
    life 2   from the second snapshot: an event of 10 s comes at 25 s and is late by that tick
    life 3   the second snapshot is damaged, so the first one and the journal must serve
    """
    first = Life(tmp_path, 0)
    first.tell(0, 0)
    first.save()
    first.tell(1, 1)
    first.tick(20)
    first.save()
    first.journal.close()
    second = Life(tmp_path, 25)
    second.tell(25, 10)
    assert second.late() == 1
    second.journal._database.execute("UPDATE snapshots SET engine = x'00' WHERE sequence = 2")
    second.journal._database.commit()
    second.journal.close()
    third = Life(tmp_path, 30)
    assert (third.replayed, third.late()) == (2, 1)
    third.journal.close()


def test_a_damaged_snapshot_is_not_counted_among_the_two_that_are_kept(tmp_path: Path) -> None:
    #  life 1: snapshots 1 and 2, then 2 is damaged | life 2: snapshot 3, then 3 is damaged | life 3: 1 must serve
    first = Life(tmp_path, 0)
    for second_of_day in (0, 1):
        first.tell(second_of_day, second_of_day)
        first.save()
    first.journal._database.execute("UPDATE snapshots SET engine = x'00' WHERE sequence = 2")
    first.journal._database.commit()
    first.journal.close()
    second = Life(tmp_path, 2)
    second.tell(2, 2)
    second.save()
    assert [snapshot.sequence for snapshot in second.journal.snapshots()] == [3, 1]
    second.journal._database.execute("UPDATE snapshots SET engine = x'00' WHERE sequence = 3")
    second.journal._database.commit()
    second.journal.close()
    third = Life(tmp_path, 3)
    assert (third.replayed, third.keeper.covered, third.keeper.engine.counters.events) == (2, 3, 3)
    third.journal.close()
