"""The world of one seed: an agenda in virtual time on which senders, the network and machines take turns.

Owns the order of things and the network between senders and machines. Never judges: `verdict` does.
"""

import hashlib
import heapq
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streams.intake
from tests import scratch
from tests.simulation.machine import Fate, Killed, Machine
from tests.simulation.plan import MS, Plan, S, dice, plan_of
from tests.simulation.senders import Request, parsed, requests_of, true_history
from tests.simulation.verdict import assert_true

__all__ = ["Outcome", "run"]

#: Files in memory where the system has it: a crash is made by hand here, so nothing need survive a real one.
TRIES_MAX = 200
REST_US = 3_600 * S


@dataclass(frozen=True)
class Outcome:
    """What happened and how often, and a hash of everything that was done and came of it."""

    happened: Counter[str]
    trace: str


def run(seed: int) -> Outcome:
    """Live through a seed. Raises AssertionError with the seed and how to see it again."""
    pieces_bytes = streams.intake.PIECE_BYTES
    plan = plan_of(seed)
    streams.intake.PIECE_BYTES = plan.piece_bytes
    try:
        with tempfile.TemporaryDirectory(prefix="simulation-", dir=scratch.folder()) as folder:
            return World(plan, Path(folder)).live()
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error}\nSee it again: make fuzz FROM={seed} N=1") from error
    finally:
        streams.intake.PIECE_BYTES = pieces_bytes


class World:
    """One run."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.happened: Counter[str] = Counter()
        self.draw = dice(plan.seed, "network")
        self.now_us = self.start_us = plan.centre.start_ms * MS
        self.hash = hashlib.blake2b(digest_size=16)
        fate = Fate(plan, dice(plan.seed, "fate"), self.happened)
        self.fate = fate
        self.machines = []
        for number in range(plan.shards):
            (folder / str(number)).mkdir()
            self.machines.append(Machine(plan, folder / str(number), fate))
        self.agenda: list[tuple[int, int, Callable[[], None]]] = []
        self.planned = 0
        self.open_requests = 0

    def live(self) -> Outcome:
        """From the first start to the verdict."""
        history = true_history(self.plan)
        requests = requests_of(self.plan, history, self.happened)
        self.open_requests = len(requests)
        for machine in self.machines:
            self._start(machine)
            self._at(self.plan.times.tick_us, lambda machine=machine: self._tick(machine))  # type: ignore[misc]
            for number, offered in enumerate(self.plan.policies):
                self._at(offered.after_us, lambda machine=machine, number=number: self._offer(machine, number))  # type: ignore[misc]
        for request in requests:
            self._at(request.ready_us - self.now_us, lambda request=request: self._send(request))  # type: ignore[misc]
        try:
            while self.open_requests:
                self.now_us, _, act = heapq.heappop(self.agenda)
                act()
            self._rest()
            assert_true(self.plan, self.machines, [parsed(line.rstrip(b"\n")) for _, line in history], self.happened)
            for machine in self.machines:
                self._note("state", machine.keeper.engine.snapshot())
        finally:
            for machine in self.machines:
                if machine.is_up:
                    machine.journal.close()
        self.happened["several machines"] += len(self.machines) > 1
        self.happened["clock steps back"] += any(by_us < 0 for _, by_us in self.plan.clock_steps)
        return Outcome(self.happened, self.hash.hexdigest())

    def _at(self, later_us: int, act: Callable[[], None]) -> None:
        self.planned += 1
        heapq.heappush(self.agenda, (self.now_us + max(0, later_us), self.planned, act))

    def _note(self, *what: object) -> None:
        self.hash.update(repr((self.now_us, *what)).encode())

    def _wall_us(self) -> int:
        wrong_us = 0
        for since_us, by_us in self.plan.clock_steps:
            if self.now_us - self.start_us >= since_us:
                wrong_us = by_us
        return self.now_us + wrong_us

    # The network.

    def _send(self, request: Request, tries: int = 1) -> None:
        if request.acknowledged:
            return
        assert tries < TRIES_MAX, f"request {request.number} is never acknowledged"
        times, draw = self.plan.times, self.draw
        self.happened["request sent again"] += tries > 1
        self._at(times.timeout_us * min(tries, 4), lambda: self._send(request, tries + 1))
        if draw.random() < self.plan.lost:
            self.happened["request lost"] += 1
            return
        self._at(draw.randint(0, times.network_us), lambda: self._deliver(request))
        if draw.random() < self.plan.twice:
            self.happened["request delivered twice"] += 1
            self._at(draw.randint(0, 2 * times.network_us), lambda: self._deliver(request))

    def _deliver(self, request: Request) -> None:
        machine = self.machines[request.shard]
        if not machine.is_up:
            self.happened["request to a dead machine"] += 1
            return
        try:
            waits = machine.receive(request, self._wall_us())
        except Killed as killed:
            return self._died(machine, killed)
        self._note("received", request.number)
        if waits:
            life = machine.life
            self._at(self.draw.randint(0, self.plan.times.work_us), lambda: self._absorb(machine, life))
        if self.draw.random() < self.plan.unheard:
            self.happened["answer lost"] += 1
            return
        if not request.acknowledged:
            request.acknowledged = True
            self.open_requests -= 1
        try:
            machine.acknowledged()
        except Killed as killed:
            self._died(machine, killed)

    # The machines.

    def _start(self, machine: Machine) -> None:
        try:
            machine.start(self.now_us, self._wall_us())
        except Killed as killed:
            self._died(machine, killed)

    def _died(self, machine: Machine, killed: Killed) -> None:
        self._note("died", killed.args)
        self._at(self.draw.randint(0, self.plan.times.downtime_us), lambda: self._start(machine))

    def _absorb(self, machine: Machine, life: int) -> None:
        if machine.is_up and machine.life == life:
            try:
                machine.absorb()
            except Killed as killed:
                self._died(machine, killed)

    def _offer(self, machine: Machine, number: int) -> None:
        """A policy's file has changed; a machine that is down, or dies of it, reads it when it is up again."""
        if machine.is_up and machine.ledger.adopted == number:
            try:
                machine.adopt(number, self._wall_us())
                life = machine.life
                self._at(self.draw.randint(0, self.plan.times.work_us), lambda: self._absorb(machine, life))
            except Killed as killed:
                self._died(machine, killed)
        if machine.ledger.adopted <= number:
            self._at(S, lambda: self._offer(machine, number))

    def _tick(self, machine: Machine) -> None:
        self._at(self.plan.times.tick_us, lambda: self._tick(machine))
        if not machine.is_up:
            return
        try:
            machine.tick(self.now_us, self._wall_us(), published=self.draw.random() < 0.2)
            self._note("ticked", machine.keeper.covered, machine.keeper.engine.watermark_us)
            if self.fate.strikes("stopped"):
                machine.stop(self.now_us, self._wall_us())
                self._at(self.plan.times.downtime_us, lambda: self._start(machine))
        except Killed as killed:
            self._died(machine, killed)

    def _rest(self) -> None:
        """Everything was acknowledged: no more faults but perhaps one stop, and an hour of silence."""
        self.fate.spare()
        for machine in self.machines:
            if machine.is_up and self.draw.random() < 0.5:
                machine.stop(self.now_us, self._wall_us())
            if not machine.is_up:
                machine.start(self.now_us, self._wall_us())
            while machine.waits():
                machine.absorb()
        self.now_us += REST_US
        for machine in self.machines:
            machine.tick(self.now_us, self._wall_us())
