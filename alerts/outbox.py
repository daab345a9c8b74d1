"""The messages on their way: chosen when they may go, merged when there are many, tried again when they fail.

Owns order, retries, pacing and the health of channels. Never sends, never stores: it says what is to be sent and what has changed. Law: just
before a message goes it is asked whether it is still wanted; none is forgotten, and none goes while it may be on its way already.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from alerts.alert import Decision, Message, Result
from alerts.ladders import is_quiet
from alerts.pacing import Allowance, portions
from alerts.plan import Plan
from alerts.store import CANCELLED, GIVEN_UP, MERGED, PENDING, SENDING, SENT, Sending
from engine.times import SECOND_US

__all__ = ["CLAIM_US", "Outbox", "Parcel", "Report"]

CLAIM_US = 20 * SECOND_US
"""Longer than any sending lasts: what is not reported by then may or may not have gone."""
FLYING_MAX = 8
"""Messages of one channel at a time; what waits for a slow one is merged."""
RETRY_US, RETRY_US_MAX = 5 * SECOND_US, 300 * SECOND_US
FAILING = 3
"""Failures in a row after which a channel is told to be failing."""
UNCERTAIN = "may have gone before"


@dataclass(frozen=True)
class Parcel:
    """What goes out at once by a channel."""

    channel: str
    sendings: tuple[Sending, ...]


@dataclass(frozen=True)
class Report:
    """How a parcel fared: "" or why it failed."""

    parcel: Parcel
    failure: str


@dataclass
class Outbox:
    """`waiting` are the messages that are not done, by name."""

    plan: Plan
    waiting: dict[str, Sending] = field(default_factory=dict)
    changed: dict[str, Sending] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    """In a row, by channel."""
    counts: Counter[str] = field(default_factory=Counter)
    """Messages by how they ended."""
    _flying: dict[str, set[str]] = field(default_factory=dict)
    _allowances: dict[str, Allowance] = field(default_factory=dict)

    def begin(self, sendings: Iterable[Sending], sent: Iterable[tuple[str, int]], now_us: int) -> None:
        """Goes on with what is kept."""
        self.waiting = {one.message.id: one for one in sendings}
        lately = Counter(channel for channel, _ in sent)
        for name, count in lately.items():
            if name in self.plan.channels:
                self._allowances[name] = Allowance(self.plan.channels[name].per_minute, now_us, count)

    def add(self, messages: Iterable[Message]) -> None:
        """Takes new messages."""
        for message in messages:
            self.waiting[message.id] = self.changed[message.id] = Sending(message, next_us=message.not_before_us)

    def follow(self, plan: Plan, now_us: int) -> None:
        """Goes on by another plan. A channel with another `per_minute` begins as if it had just sent all that it may."""
        for name, channel in plan.channels.items():
            known = self.plan.channels.get(name)
            if known is not None and known.per_minute != channel.per_minute and name in self._allowances:
                self._allowances[name] = Allowance(channel.per_minute, now_us, channel.per_minute)
        self.plan = plan

    def next_us(self, now_us: int) -> int:
        """When there may be something to send, 0 for never: what waits for other sendings to end is woken by their reports."""
        found = 0
        for one in self.waiting.values():
            if one.state != PENDING or len(self._flying.get(one.channel, ())) >= FLYING_MAX:
                continue
            at_us = max(one.next_us, 1)
            if at_us <= now_us and one.channel in self._allowances:
                at_us = max(at_us, self._allowances[one.channel].next_us(now_us))
            found = min(found, at_us) if found else at_us
        return found

    def shift(self, by_us: int) -> None:
        """Moves with a clock that was set back."""
        for one in self.waiting.values():
            one.next_us, one.claimed_until_us = max(one.next_us + by_us, 0), max(one.claimed_until_us + by_us, 0)
            self.changed[one.message.id] = one
        for allowance in self._allowances.values():
            allowance.shift(by_us)

    def settle(self, reports: Iterable[Report], now_us: int) -> list[Result]:
        """Takes how sendings fared."""
        results = []
        for report in reports:
            name = report.parcel.channel
            self._flying.get(name, set()).difference_update(one.message.id for one in report.parcel.sendings)
            self.failures[name] = self.failures[name] + 1 if report.failure else 0
            for flown in report.parcel.sendings:
                one = self.waiting.get(flown.message.id)
                if one is not None and one.state == SENDING:
                    results += self._failed(one, report, now_us) if report.failure else self._sent(one, now_us)
        return results

    def choose(self, unwanted: Callable[[Message], str], now_us: int) -> list[Parcel]:
        """What goes now; it is claimed, to be kept before it is sent."""
        by_channel: dict[str, dict[str, list[Sending]]] = {}
        for one in list(self.waiting.values()):
            if one.state == SENDING and one.claimed_until_us < now_us and not self._flies(one):
                self._revive(one, now_us)
            if one.state == PENDING and one.next_us <= now_us and self._may_go(one, unwanted, now_us):
                by_channel.setdefault(one.channel, {}).setdefault(one.message.alert, []).append(one)
        self._merge_older(by_channel)
        parcels = []
        for name, alerts in by_channel.items():
            allowance = self._allowances.get(name)
            if allowance is None:
                allowance = self._allowances[name] = Allowance(self.plan.channels[name].per_minute, now_us)
            flying = self._flying.setdefault(name, set())
            left = min(allowance.left(now_us), max(FLYING_MAX - len(flying), 0))
            groups = [[one for one in group if one.state == PENDING] for group in alerts.values()]
            for portion in portions([group for group in groups if group], left):
                allowance.take(now_us)
                sendings = tuple(one for group in portion for one in group)
                for one in sendings:
                    one.state, one.claimed_until_us = SENDING, now_us + CLAIM_US
                    self.changed[one.message.id] = one
                    flying.add(one.message.id)
                parcels.append(Parcel(name, sendings))
        return parcels

    def taken(self) -> tuple[list[Sending], list[Decision]]:
        """What is to be kept since the last time."""
        changed, decisions = list(self.changed.values()), self.decisions
        self.changed, self.decisions = {}, []
        return changed, decisions

    def _flies(self, one: Sending) -> bool:
        return one.message.id in self._flying.get(one.channel, ())

    def _may_go(self, one: Sending, unwanted: Callable[[Message], str], now_us: int) -> bool:
        person = self.plan.people.get(one.message.person)
        why = unwanted(one.message) or ("" if person and person.channels else "the person has no channel any more")
        if why or person is None:
            self._done(one, CANCELLED, why)
            self.decisions.append(Decision(one.message.alert, now_us, "not sent", f"{one.message.person}: {why}"))
            return False
        if until_us := is_quiet(self.plan, person, one.message.severity, now_us):
            one.next_us = until_us
            self.changed[one.message.id] = one
            return False
        one.place %= len(person.channels)
        one.channel = person.channels[one.place]
        return True

    def _merge_older(self, by_channel: dict[str, dict[str, list[Sending]]]) -> None:
        """Of several messages of one alert to one person only the newest goes; older ones that wait for another try do so no longer."""
        newest: dict[tuple[str, str], Sending] = {}
        for one in (one for alerts in by_channel.values() for group in alerts.values() for one in group):
            newest[one.message.alert, one.message.person] = one
        for one in list(self.waiting.values()):
            newer = newest.get((one.message.alert, one.message.person), one)
            if newer is not one and one.state == PENDING and one.message.made_us <= newer.message.made_us:
                self._done(one, MERGED, "a newer message says it")

    def _revive(self, one: Sending, now_us: int) -> None:
        """Nobody knows whether it went: it goes by another way, and says so."""
        one.state, one.next_us, one.note = PENDING, now_us, UNCERTAIN
        one.place += 1
        self.changed[one.message.id] = one
        told = f"{one.message.person}: nobody knows whether {one.channel} carried it; it goes again"
        self.decisions.append(Decision(one.message.alert, now_us, "uncertain", told))

    def _sent(self, one: Sending, now_us: int) -> list[Result]:
        one.sent_us = now_us
        self._done(one, SENT, one.note)
        return [_result(one, SENT)]

    def _failed(self, one: Sending, report: Report, now_us: int) -> list[Result]:
        one.state, one.next_us, one.note = PENDING, now_us, report.failure
        one.place += 1
        self.changed[one.message.id] = one
        self.counts["failed"] += 1
        told = f"{one.message.person} by {one.channel}: {report.failure}"
        self.decisions.append(Decision(one.message.alert, now_us, "failed", told))
        person = self.plan.people.get(one.message.person)
        if person is None or one.place < len(person.channels):
            return []
        one.place, one.rounds = 0, one.rounds + 1
        one.next_us = now_us + min(RETRY_US << min(one.rounds - 1, 10), RETRY_US_MAX)
        if now_us - one.message.made_us >= self.plan.undelivered_after:
            self._done(one, GIVEN_UP, report.failure)
            self.decisions.append(Decision(one.message.alert, now_us, "given up", told))
        return [_result(one, "failed")] if one.rounds == 1 else []

    def _done(self, one: Sending, state: str, note: str) -> None:
        one.state, one.note = state, note
        self.counts[state] += 1
        self.changed[one.message.id] = one
        self.waiting.pop(one.message.id, None)


def _result(one: Sending, outcome: str) -> Result:
    message = one.message
    return Result(message.id, message.alert, message.person, message.kind, outcome)
