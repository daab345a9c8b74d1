"""One machine: the real judge, clock, journal, keeper and engine, in virtual time, and the ways in which it dies.

Owns what `streams.embedded` owns beside its thread: the order of judging, journalling, acknowledging, absorbing and ticking.
Whoever drives it says what time it is; a death is the exception `Killed`, after which only `start` may be called.
"""

import random
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from engine.keys import SECRET_BYTES, Secret
from streams.clock import Clock
from streams.gateway import judge
from streams.intake import Pseudonyms
from streams.journal import Batch, Journal
from streams.keeper import Keeper
from streams.policy.files import Bundle
from streams.policy.reading import default_text
from streams.policy.standing import kept_policy
from streams.settings import ServiceSettings
from tests.simulation import disk
from tests.simulation.ledger import Entry, Ledger
from tests.simulation.plan import Plan
from tests.simulation.senders import Request

__all__ = ["Fate", "Killed", "Machine"]

PSEUDONYMS = Pseudonyms(b"simulated".ljust(32))
#: Real seconds after which the journal's writer is taken for dead.
WRITTEN_S_MAX = 30
T = TypeVar("T")


class Killed(Exception):
    """The process ended there; `disk` is what it left behind."""

    def __init__(self, step: str, left: disk.Disk) -> None:
        super().__init__(step)
        self.disk = left


class Fate:
    """Decides at each step whether it is the last one, as planned; counts what happened."""

    def __init__(self, plan: Plan, draw: random.Random, happened: Counter[str]) -> None:
        self.draw = draw
        self.happened = happened
        self._kills = sorted(plan.kills)

    def strikes(self, step: str) -> bool:
        """True when the process is to die at this passing of the step."""
        for place, (name, passings) in enumerate(self._kills):
            if name == step:
                self._kills[place] = (name, passings - 1)
                if passings == 1:
                    del self._kills[place]
                    self.happened[f"killed: {step}"] += 1
                    return True
                return False
        return False

    def spare(self) -> None:
        """Nothing more will happen."""
        self._kills = []


class Machine:
    """Construct and `start`; then `receive`, `absorb`, `tick`, `stop` until `Killed`."""

    def __init__(self, plan: Plan, folder: Path, fate: Fate) -> None:
        self.plan = plan
        self.folder = folder
        self.fate = fate
        self.settings = ServiceSettings(
            data=folder,
            disorder_bound_us=plan.rules.bound_us,
            near_us=plan.times.near_us,
            quiet_us=plan.times.quiet_us,
            snapshot_interval_us=plan.times.snapshot_us,
            snapshot_lines=plan.snapshot_lines,
        )
        self.ledger = Ledger(plan, self.settings.future_allowance_us)
        self.is_up = False
        self.life = 0
        self._disk: disk.Disk = {}
        self._spoiled: set[int] = set()
        self._backlog: deque[tuple[Batch, Entry]] = deque()
        self.journal: Journal
        self.keeper: Keeper

    def start(self, now_us: int, wall_us: int) -> None:
        """Open what the last life left, restore, replay."""
        disk.laid(self.folder, self._disk)
        saved_sequence = self._spoil()
        self.journal = Journal(self.folder / disk.JOURNAL)
        self.journal.start()
        self._backlog.clear()
        self.clock = Clock(near_us=self.settings.near_us, quiet_us=self.settings.quiet_us)
        secret = Secret(self.fate.draw.randbytes(SECRET_BYTES))
        self.keeper = Keeper(self.journal, self.settings, self.plan.settings, secret, lambda sentence: None)
        self.keeper.open(now_us)
        if self.keeper.knows_events:
            self.clock.restored(wall_us, self.keeper.reached_us)
        for _ in self.keeper.replay():
            self._may_die("replaying")
        self.ledger.started(wall_us, saved_sequence)
        known = sum(len(entry.taken) for entry in self.ledger.entries)
        assert self.keeper.engine.counters.events == known, (
            f"after the restart it knows {self.keeper.engine.counters.events} events, not {known}"
        )
        self.is_up = True
        self.life += 1
        self.fate.happened["started again"] += self.life > 1

    def receive(self, request: Request, wall_us: int) -> bool:
        """What the gateway does with a request; True when something waits to be absorbed."""
        latest_us = wall_us + self.settings.future_allowance_us
        judged = judge(request.body, PSEUDONYMS, self.keeper.engine.secret, source=request.source, latest_us=latest_us)
        entry = self.ledger.judged(wall_us, request)
        refused = sorted((reject.line, reject.reason) for reject in judged.rejects)
        assert refused == entry.refused, f"request {request.number}: refused {refused}, not {entry.refused}"
        assert judged.count == len(entry.taken), (
            f"request {request.number}: {judged.count}, not {len(entry.taken)} taken"
        )
        self._may_die("received")
        lines = b"\n".join(part.strip(b"\n") for part in judged.bodies)
        batch = Batch(lines, judged.count, request.source, wall_us, rejects=judged.rejects, payload=judged.decoded)
        if batch.lines:
            batch.clock_us = self.clock.stamp(wall_us, judged.newest_us)
        self._write(batch, entry)
        return bool(batch.lines)

    def adopt(self, number: int, wall_us: int) -> None:
        """What the service does with another policy; it waits to be absorbed."""
        offered = self.plan.policies[number]
        entry = self.ledger.offered(wall_us, offered.adopt)
        bundle = Bundle(f"policy-{number}", offered.text, default_text().encode(), 2025)
        batch = Batch(b"", 0, "", wall_us, policy=kept_policy(bundle, by="file", since_us=wall_us))
        batch.clock_us = self.clock.stand(wall_us)
        self._write(batch, entry)
        self.fate.happened["policy adopted"] += 1

    def _write(self, batch: Batch, entry: Entry) -> None:
        before = disk.frozen(self.folder) if self.fate.strikes("torn commit") else None
        self.journal.append(batch).result(WRITTEN_S_MAX)
        if before is not None:
            self._die("torn commit", disk.torn(before, disk.frozen(self.folder), self.fate.draw))
        self.ledger.durable(entry)
        if batch.is_kept:
            self._backlog.append((batch, entry))
        self._may_die("committed")

    def acknowledged(self) -> None:
        """The answer is on its way."""
        self._may_die("acknowledged")

    def waits(self) -> int:
        """Batches acknowledged and not yet absorbed."""
        return len(self._backlog)

    def absorb(self) -> None:
        """The oldest batch of the backlog into the engine."""
        if not self._backlog:
            return
        batch, entry = self._backlog.popleft()
        decoded = batch.payload if isinstance(batch.payload, list) else []
        batch.payload = None
        self.fate.happened["batch in several pieces"] += len(decoded) > 1
        self.keeper.take(batch, self._one_by_one(decoded))
        self.ledger.floor_us = max(self.ledger.floor_us, entry.floor_us)

    def tick(self, now_us: int, wall_us: int, *, published: bool = False) -> None:
        """One turn of the clock, what readers are told, and a snapshot when one is due."""
        if self._backlog:
            self.keeper.tick(0)
        else:
            self.keeper.tick(self.clock.tick(wall_us))
            self.ledger.ticked(wall_us)
        if published:
            self.keeper.engine.now()
        self._may_die("ticked")
        if self.keeper.snapshot_is_due(now_us):
            self._save(now_us, wall_us)

    def stop(self, now_us: int, wall_us: int) -> None:
        """A stop in good order: nothing is left to absorb, and the snapshot covers all."""
        while self._backlog:
            self.absorb()
        self._save(now_us, wall_us)
        before = disk.frozen(self.folder)
        self.journal.close()
        after = disk.frozen(self.folder)
        self._disk = after
        if self.fate.draw.random() < 0.5:
            self.fate.happened["torn checkpoint"] += 1
            self._disk = disk.torn_checkpoint(before, after, self.fate.draw)
        self.is_up = False

    def _save(self, now_us: int, wall_us: int) -> None:
        sequence = self.keeper.covered
        before = disk.frozen(self.folder) if self.fate.strikes("torn snapshot") else None
        if self.keeper.save_snapshot(now_us, wall_us):
            left = disk.torn(before, disk.frozen(self.folder), self.fate.draw) if before is not None else None
            # The write may be torn behind the snapshot's own commit. And one of that sequence may lie there from an
            # earlier life, damaged, and stay what it was.
            if left is None or (sequence, wall_us) in disk.newest_snapshots(left, self.folder.parent):
                self.fate.happened["snapshot saved"] += 1
                self.ledger.saved[sequence] = self.ledger.floor_us
                self._spoiled.discard(sequence)
            if left is not None:
                self._die("torn snapshot", left)
            self._may_die("snapshotted")

    def _one_by_one(self, parts: list[T]) -> Iterator[T]:
        for part in parts:
            yield part
            self._may_die("absorbing")

    def _may_die(self, step: str) -> None:
        if self.fate.strikes(step):
            self._die(step, disk.frozen(self.folder))

    def _die(self, step: str, left: disk.Disk) -> None:
        self._disk = left
        self.is_up = False
        self.journal.close()
        raise Killed(step, left)

    def _spoil(self) -> int:
        """Sometimes damages the newest snapshot where an older one stands behind it; returns the one that must serve."""
        saved = disk.newest_snapshots(self._disk, self.folder.parent)
        whole = [sequence for sequence, _ in saved if sequence not in self._spoiled]
        if len(whole) > 1 and self.fate.draw.random() < self.plan.damaged:
            disk.spoiled(self.folder, whole[0], self.fate.draw)
            self._spoiled.add(whole.pop(0))
            self.fate.happened["snapshot damaged"] += 1
        return whole[0] if whole else 0
