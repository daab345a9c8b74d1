"""A replay judges each batch under the policy that held when it was taken, from whichever snapshot it starts."""

from pathlib import Path

import pytest

from engine.alarms import Alarm
from engine.keys import PUBLIC
from engine.pipeline import Settings
from streams.clock import Clock
from streams.gateway import judge
from streams.intake import Pseudonyms
from streams.journal import Batch, Journal, JournalError
from streams.keeper import Keeper
from streams.policy.files import Nothing
from streams.policy.reading import bundled
from streams.policy.standing import kept_policy
from streams.settings import ServiceSettings

S = 1_000_000
MORNING_US = 1_762_826_400 * S


class Life:
    """One life of a process in virtual time; its first policy waits five minutes for everybody."""

    def __init__(self, folder: Path, now_s: int = 0) -> None:
        self.settings = ServiceSettings(data=folder, disorder_bound_us=S, near_us=S // 2, quiet_us=10 * S)
        self.journal = Journal(folder / "journal.sqlite")
        bundle, policy = bundled(b"limits: {wait: 5m}", "first", Nothing("first"))
        self.journal.begin_with(kept_policy(bundle, by="start", since_us=0))
        self.journal.start()
        engine_settings = Settings(policy=policy, disorder_bound_us=S, allowed_lateness_us=60 * S)
        self.keeper = Keeper(self.journal, self.settings, engine_settings, PUBLIC, lambda sentence: None)
        self.clock = Clock(near_us=self.settings.near_us, quiet_us=self.settings.quiet_us)
        self.keeper.open(0)
        if self.keeper.knows_events:
            self.clock.restored(MORNING_US + now_s * S, self.keeper.reached_us)
        for _ in self.keeper.replay():
            pass

    def tell(self, now_s: int, contact: str) -> None:
        now_us = MORNING_US + now_s * S
        event = b'{"type":"contact.queued","contact":"%s","time":%d}' % (contact.encode(), now_us // 1_000)
        judged = judge(event, Pseudonyms(b"k" * 32), PUBLIC, source="", latest_us=now_us + S)
        batch = Batch(event, 1, "", now_us, clock_us=self.clock.stamp(now_us, judged.newest_us))
        self.journal.append(batch).result()
        self.keeper.take(batch, judged.decoded)

    def adopt(self, now_s: int, text: bytes) -> None:
        bundle, _ = bundled(text, "later", Nothing("later"))
        now_us = MORNING_US + now_s * S
        kept = kept_policy(bundle, by="file", since_us=now_us)
        batch = Batch(b"", 0, received_us=now_us, clock_us=self.clock.stand(now_us), policy=kept)
        self.keeper.take(self.journal.append(batch).result(), [])

    def tick(self, now_s: int) -> None:
        self.keeper.tick(self.clock.tick(MORNING_US + now_s * S))

    def save(self) -> None:
        assert self.keeper.save_snapshot(0, 0)

    def alarms(self) -> list[tuple[str, str, float]]:
        def told(alarm: Alarm) -> tuple[str, str, float]:
            return alarm.name, alarm.step, (alarm.at_us - MORNING_US) / S

        return sorted(told(alarm) for alarm in self.keeper.engine.alarms.waiting)

    def state(self) -> bytes:
        return self.keeper.engine.snapshot()


def lived(folder: Path, *, saves: tuple[int, ...] = ()) -> Life:
    """a waits from 0 s, b from 30 s; the policy of 40 s gives 20 s, under which d waits from 50 s, the one
    of 90 s none; c waits from 100 s."""
    life = Life(folder)
    steps = (
        lambda: life.tell(0, "a"), lambda: life.tell(30, "b"), lambda: life.adopt(40, b"limits: {wait: {limit: 20s, warn_at: none}}"),
        lambda: life.tell(50, "d"), lambda: life.tick(60), lambda: life.adopt(90, b"limits: {wait: none}"), lambda: life.tell(100, "c"), lambda: life.tick(200),
    )  # fmt: skip
    for number, step in enumerate(steps):
        step()
        if number in saves:
            life.save()
    return life


#: By 40 s, a second of which the figures trail, a is over its new limit; b is at 50 s, d at 70 s.
RAISED = [("a", "broken", 39.0), ("b", "broken", 50.0), ("d", "broken", 70.0)]


@pytest.mark.parametrize("saves", [(), (0,), (1, 2), (2, 5), (3, 6), (5, 6)])
def test_a_replay_from_any_snapshot_has_each_batch_under_its_own_policy(tmp_path: Path, saves: tuple[int, ...]) -> None:
    first = lived(tmp_path, saves=saves)
    assert first.alarms() == RAISED
    state = first.state()
    first.journal.close()
    again = Life(tmp_path, 200)
    again.tick(200)
    again.tick(211)
    assert again.alarms() == RAISED
    assert again.keeper.policy == first.keeper.policy
    assert again.keeper.policy is not None and again.keeper.policy.sequence == 5
    first.keeper.tick(first.clock.tick(MORNING_US + 211 * S))
    assert first.state() != state
    assert again.state() == first.state()
    again.journal.close()


def test_a_damaged_snapshot_behind_a_change_is_replaced_by_the_older_one_and_its_policy(tmp_path: Path) -> None:
    first = lived(tmp_path, saves=(1, 5))
    first.journal._database.execute("UPDATE snapshots SET engine = x'00' WHERE sequence = 5")
    first.journal._database.commit()
    first.journal.close()
    again = Life(tmp_path, 200)
    again.tick(211)
    assert again.alarms() == RAISED
    again.journal.close()


def test_a_policy_that_this_version_cannot_read_is_said_and_nothing_is_judged_by_another(tmp_path: Path) -> None:
    life = Life(tmp_path)
    bundle, _ = bundled(b"limits: {wait: 5s}", "later", Nothing("later"))
    strange = kept_policy(bundle, by="file", since_us=0)
    text = bundle.packed().replace(b"wait: 5s", b"weit: 5s")
    life.journal.append(Batch(b"", 0, policy=type(strange)(0, "later", "file", "", text))).result()
    life.journal.close()
    with pytest.raises(
        JournalError, match=r"(?s)later.*behind batch 1.*did you mean wait.*Run the version that wrote it"
    ):
        Life(tmp_path)


def test_a_journal_of_nothing_but_policies_lets_no_silence_push_the_clock(tmp_path: Path) -> None:
    first = Life(tmp_path)
    first.adopt(5, b"limits: {wait: 9s}")
    first.journal.close()
    second = Life(tmp_path, 10)
    second.tick(100)
    assert not second.clock.running
    second.journal.close()
