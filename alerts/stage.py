"""The alert stage of a hub: takes alarms, has the desk decide, keeps what it made, and sends.

Owns the thread that does so, and the order: what came is kept, then decided upon, then what is to be sent is claimed, all in one
transaction, and only then sent. Never decides itself. Law: whenever the process dies, another hub or the next start goes on with what is kept.
"""

import queue
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from alerts.alert import LIVE, Act, Decision
from alerts.channels import Delivery, send
from alerts.desk import Desk
from alerts.links import Link, sealed
from alerts.measures import Measures
from alerts.outbox import FAILING, Outbox, Parcel, Report
from alerts.plan import Channel, Plan
from alerts.store import LEASE_US, Lost, Store, StoreError
from alerts.watching import CHANNEL_FAILING, ON_CALL_GAP, channel_alarm, gap_alarms, gone_alarms
from alerts.wording import digest, headline, text_of
from engine.alarms import BROKEN, ENDED, Alarm
from engine.times import HOUR_US, SECOND_US

__all__ = ["ALARMS_WAITING_MAX", "LOOK_S", "Stage", "now_us"]

ALARMS_WAITING_MAX = 200_000
"""Alarms that the store has not kept yet; beyond it the oldest are lost, which is counted."""
LOOK_S = 0.2
"""How often it looks for what other hubs and people put into the store."""
SENDERS = 16

Carry = Callable[[Channel, Delivery], str]


def now_us() -> int:
    """The wall clock in microseconds since 1970."""
    return time.time_ns() // 1_000


class Stage:
    """`start` and `stop` it; or call `turn` oneself, then parcels are sent within it. `tell` and `act` from any thread."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        *,
        carry: Carry = send,
        clock: Callable[[], int] = now_us,
        senders: int = SENDERS,
    ) -> None:
        self.plan = plan
        self.store = store
        self.measures = Measures()
        self.failure: BaseException | None = None
        self.plan_state: dict[str, Any] = {"since_us": clock(), "refused": []}
        """Since when the plan holds, and why another one was refused."""
        self.key = store.secret("links")
        self._carry = carry
        self._on_failure: Callable[[], None] = lambda: None
        self.clock = clock
        self._offered: Plan | None = None
        self._desk: Desk | None = None
        self._outbox = Outbox(plan)
        self._alarms: deque[Alarm] = deque()
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._settling: list[Report] = []
        self._wake = threading.Event()
        self._ending = False
        self._ask_us = self._tidy_us = self._gaps_us = self._stood_us = 0
        self._pool = ThreadPoolExecutor(senders, "alert-sender") if senders else None
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    @property
    def is_leading(self) -> bool:
        """Whether this hub decides and sends."""
        return self._desk is not None

    @property
    def is_settled(self) -> bool:
        """Whether everything that was handed over or reported has been taken."""
        return not self._alarms and self._reports.empty()

    def start(self, on_failure: Callable[[], None] = lambda: None) -> None:
        """Begins to take turns, on a thread of its own; `on_failure` is called when a fault of ours ends it."""
        self._on_failure = on_failure
        self._thread.start()

    def stop(self) -> None:
        """Ends after the turn that runs; what is being sent is waited for and kept."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._pool:
            self._pool.shutdown()
        if self.failure is None:
            self._attempt(self.clock())
        self.store.close()

    def tell(self, alarms: Iterable[Alarm]) -> None:
        """Hands over alarms."""
        before = len(self._alarms)
        self._alarms.extend(alarms)
        if len(self._alarms) > before:
            self._wake.set()

    def flush(self, wait_s: float) -> None:
        """Waits until the store has what was handed over, but no longer than so."""
        until = time.monotonic() + wait_s
        while self._alarms and self._thread.is_alive() and time.monotonic() < until:
            self._wake.set()
            time.sleep(0.005)

    def act(self, act: Act) -> None:
        """Hands over what somebody did. Raises StoreError."""
        self.store.put_act(act, self.clock())
        self._wake.set()

    def adopt(self, plan: Plan) -> None:
        """Goes on by another plan from the next turn on: alerts stay, what is due stays due, and nothing is told twice."""
        self._offered = plan
        self.plan_state = {"since_us": self.clock(), "refused": []}
        self.measures.plans.labels("adopted").inc()
        self._wake.set()

    def keep_plan(self, *faults: str) -> None:
        """Tells why another plan was refused; without faults, that there was nothing new in it."""
        self.plan_state = {**self.plan_state, "refused": list(faults)}
        self.measures.plans.labels("refused" if faults else "unchanged").inc()

    def refuse(self, what: str, why: str) -> None:
        """Records a refusal."""
        self.measures.refusals.labels(why).inc()
        self.store.refuse(what, why, self.clock())

    def turn(self, now_us: int) -> None:
        """Everything that is to be done at an instant. Raises StoreError; then nothing of it was done and it is done at the next one."""
        self._follow(now_us)
        self._keep_alarms()
        if self._desk is None and not self._lead(now_us):
            return
        try:
            parcels = self._decide(now_us)
        except Lost:
            self._desk = None
            return
        except BaseException:
            self._desk = None  # What it decided was not kept: it begins again with what is.
            raise
        for delivery, parcel in parcels:
            self._post(delivery, parcel)

    def due_us(self, now_us: int) -> int:
        """When the next turn is due by the clock, 0 for never."""
        desk_us = self._desk.due_us if self._desk else 0
        return min((at for at in (desk_us, self._outbox.next_us(now_us)) if at), default=0)

    # One turn.

    def _follow(self, now_us: int) -> None:
        """Takes the plan that was offered last, if there is one."""
        plan, self._offered = self._offered, None
        if plan is None:
            return
        before, self.plan, self._gaps_us = self.plan, plan, 0
        self._outbox.follow(plan, now_us)
        if self._desk is not None:
            self._desk.plan = plan
            self._alarms.extend(gone_alarms(before, plan, self._desk.knows, now_us))

    def _keep_alarms(self) -> None:
        count = len(self._alarms)
        while count > ALARMS_WAITING_MAX:
            self._alarms.popleft()
            self.measures.lost.inc()
            count -= 1
        if count:
            self.store.put([self._alarms[place] for place in range(count)])
            for _ in range(count):
                self._alarms.popleft()
            self.measures.alarms.inc(count)

    def _lead(self, now_us: int) -> bool:
        if now_us < self._ask_us <= now_us + LEASE_US:
            return False
        self._ask_us, self._gaps_us = now_us + LEASE_US // 10, 0
        standing = self.store.lead(now_us)
        self.measures.leading.set(standing is not None)
        if standing is None:
            return False
        self._desk = Desk(self.plan, standing.alerts, standing.last_us)
        flying = self._outbox
        self._outbox = Outbox(self.plan, failures=flying.failures, counts=flying.counts)
        self._outbox.begin(standing.sendings, standing.sent_lately, now_us)
        if now_us < standing.last_us:
            self._outbox.shift(now_us - standing.last_us)
        return True

    def _decide(self, now_us: int) -> list[tuple[Delivery, Parcel]]:
        desk, outbox = self._desk, self._outbox
        if desk is None:
            raise Lost
        if now_us < desk.last_us:
            outbox.shift(now_us - desk.last_us)
        while not self._reports.empty():
            self._settling.append(self._reports.get_nowait())
        with self.store.leading(now_us) as connection:
            results = outbox.settle(self._settling, now_us)
            self.store.put([*self._channel_alarms(now_us), *self._gap_alarms(now_us)], connection)
            alarms, acts = self.store.waiting(connection)
            outcome = desk.step(now_us, alarms, acts, results)
            outbox.add(outcome.messages)
            parcels = [] if self._ending else outbox.choose(desk.unwanted, now_us)
            self.store.keep(connection, outcome, alarms)
            changed, decisions = outbox.taken()
            self.store.save(connection, changed)
            self.store.say(connection, decisions)
            if now_us >= self._tidy_us:
                self.store.tidy(connection, now_us)
                self._tidy_us = now_us + HOUR_US
        self._measure(desk, self._settling, [*outcome.decisions, *decisions], now_us)
        self._settling = []
        return [(self._delivery(desk, parcel, now_us), parcel) for parcel in parcels]

    def _channel_alarms(self, now_us: int) -> list[Alarm]:
        """Channels that fail, and those that work again."""
        desk = self._desk
        tried = {report.parcel.channel: report.failure for report in self._settling}
        alarms = []
        for name, failure in tried.items():
            alarm = channel_alarm(name, BROKEN if failure else ENDED, now_us)
            if self._outbox.failures[name] == FAILING or (not failure and desk and desk.knows(CHANNEL_FAILING, name)):
                alarms.append(alarm)
        return alarms

    def _gap_alarms(self, now_us: int) -> list[Alarm]:
        """Times to come for which nobody is on call, looked for every hour."""
        desk = self._desk
        if desk is None or self._gaps_us - HOUR_US <= now_us < self._gaps_us:
            return []
        self._gaps_us = now_us + HOUR_US
        return gap_alarms(self.plan, lambda name: desk.knows(ON_CALL_GAP, name), now_us)

    def _delivery(self, desk: Desk, parcel: Parcel, now_us: int) -> Delivery:
        parts, events = [], []
        plan = self.plan
        severities = []
        for one in parcel.sendings:
            message = one.message
            alert, person = desk.alerts[message.alert], plan.people[message.person]
            link = ""
            if plan.link and alert.is_live:
                token = sealed(Link(message.id, alert.id, message.person, now_us + plan.link_for), self.key)
                link = f"{plan.link.rstrip('/')}/a/{token}"
            title, body = text_of(alert, message, person, plan.zone_of(person.zone), link, "before" in one.note)
            parts.append((title, body))
            severities.append(message.severity)
            events.append({
                "id": alert.id, "message": message.id, "kind": message.kind, "status": alert.status,
                "severity": alert.severity, "count": alert.count, "opened_us": alert.opened_us, "person": message.person,
                "title": headline(alert, message.kind, person.language), "facts": alert.facts, "link": link,
            })  # fmt: skip
        first = parcel.sendings[0]
        title, body = parts[0]
        if len(parts) > 1:
            title, body = digest(parts, plan.people[first.message.person].language)
        return Delivery(
            first.message.id, parcel.channel, title, body, max(severities, key=_WEIGHT.__getitem__),
            first.message.kind if len(parts) == 1 else "digest", tuple(one.message.id for one in parcel.sendings),
            tuple(events),
        )  # fmt: skip

    def _post(self, delivery: Delivery, parcel: Parcel) -> None:
        channel = self.plan.channels[parcel.channel]
        if self._pool is None:
            self._reports.put(Report(parcel, self._carry(channel, delivery)))
            return
        sent = self._pool.submit(self._carry, channel, delivery)
        sent.add_done_callback(lambda done: self._reported(parcel, done.exception(), done))

    def _reported(self, parcel: Parcel, error: BaseException | None, done: "object") -> None:
        failure = type(error).__name__ if error else str(getattr(done, "result")())  # noqa: B009 - a future of any kind.
        self._reports.put(Report(parcel, failure))
        self._wake.set()

    def _measure(self, desk: Desk, reports: list[Report], decisions: list[Decision], now_us: int) -> None:
        measures = self.measures
        for decision in decisions:
            measures.decisions.labels(decision.what).inc()
            alert = desk.alerts.get(decision.alert)
            if alert is not None and decision.what == "acknowledged" and alert.acknowledged_us == now_us:
                measures.acknowledge.labels(alert.severity).observe((now_us - alert.raised_us) / 1e6)
            if alert is not None and decision.what == "resolved":
                measures.resolve.labels(alert.severity).observe((now_us - alert.raised_us) / 1e6)
        for result, count in self._outbox.counts.items():
            measures.messages.labels(result).inc(count)
        self._outbox.counts.clear()
        for report in reports:
            if not report.failure:
                for one in report.parcel.sendings:
                    due_us = max(one.message.made_us, one.message.not_before_us)
                    measures.delay.observe(max(now_us - due_us, 0) / 1e6)
        if self._stood_us <= now_us < self._stood_us + SECOND_US:
            return
        self._stood_us = now_us
        standing = Counter((one.status, one.severity) for one in desk.alerts.values() if one.status in LIVE)
        measures.stand(standing)

    # The thread.

    def _run(self) -> None:
        told = False
        while not self._ending:
            self._wake.clear()
            told = self._attempt(self.clock(), told)
            if self.failure is not None:
                return
            if self.is_settled:
                self._wake.wait(self._rest_s())

    def _attempt(self, now_us: int, told: bool = False) -> bool:
        """One turn; returns whether the store failed. A fault of ours ends the stage loudly."""
        try:
            self.turn(now_us)
            return False
        except StoreError as error:
            self.measures.failures.inc()
            if not told:
                traceback.print_exception(error, limit=0)
            time.sleep(0 if self._ending else LOOK_S)
            return True
        except BaseException as error:
            self.failure = error
            traceback.print_exception(error)
            self._on_failure()
            return False

    def _rest_s(self) -> float:
        now_us = self.clock()
        due_us = self.due_us(now_us)
        return min(max((due_us - now_us) / 1e6, 0.005), LOOK_S) if due_us and self.is_leading else LOOK_S


_WEIGHT = {"info": 0, "warning": 1, "critical": 2}
