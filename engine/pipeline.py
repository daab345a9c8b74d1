"""The conductor: decoded events in, tallies out, along one path.

events -> columns -> order -> contacts and agents -> facts -> tallies. Nothing flows back. Rows are collected to batches of
a size that suits arrays; how a stream is cut into calls or batches changes no figure. One engine belongs to one thread.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Self
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from engine.agents import Agents
from engine.alarms import Alarm, Alarms
from engine.backoffice import OWED, BackOffice
from engine.columns import Combinations, Rows
from engine.contacts import Contacts, Loads
from engine.definitions import fields_of
from engine.errors import BrokenInvariant, InvalidSetting
from engine.events import KINDS, Decoded, Details, Vocabulary, kind
from engine.facts import FIELD, Facts
from engine.identities import Identities
from engine.keys import PUBLIC, Secret
from engine.lifecycle import REASONS
from engine.live import live
from engine.measures import SERVICE_LEVELS
from engine.misses import Misses
from engine.policy import Limits, Policy
from engine.repeats import Customers, Repeats
from engine.responses import Responses
from engine.snapshot import fingerprint, restore, snapshot
from engine.tallies import Tallies
from engine.times import HOUR_US, MINUTE_US, SECOND_US
from engine.translation import Translation
from engine.watch import FAR_US, Watch
from engine.watermark import NEVER_US, Order
from engine.windows import Spec, pane_us_of

__all__ = ["ORDERS", "TOLD", "Counters", "Engine", "Settings", "followed"]

_CONTACT_KINDS = np.array([name.startswith(("contact.", "message.")) for name in KINDS])
_AGENT_STATE = kind("agent.state")
ORDERS = kind("business.orders")
#: Kinds whose details are needed when the row is processed.
TOLD = np.array([name.startswith(("case.", "promise.", "quality.", "coaching.", "business.")) for name in KINDS])
_AT_LEAST_ONE = (
    "linger_us", "batch_rows", "contacts_max", "agents_max", "names_max", "combinations_max", "groups_max",
    "identities_max", "held_max", "alarms_max", "problems_max",
    "cases_max", "path_max", "promises_max", "call_backs_max", "misses_max",
    "waits_max", "customer_days_max",
    "watched_max",
)  # fmt: skip
_BALANCE = ("entered", "left_answered", "left_abandoned", "left_other", "waiting_net")


@dataclass(frozen=True)
class Settings:
    """What the engine is told once. Durations in microseconds; each `_max` is a limit with a counted behaviour.

    `disorder_bound_us`: how far events may come out of order without effect. `allowed_lateness_us`: how much later than that
    an event is still applied. `linger_us`: how long an ended contact is remembered. `retention_us`: how long panes are
    kept behind the watermark, None for ever.
    """

    rollups: tuple[tuple[str, ...], ...] = ((), ("queue",), ("tenant", "channel"))
    windows: tuple[Spec, ...] = (Spec(30 * MINUTE_US, 30 * MINUTE_US),)
    policy: Policy = field(default_factory=Policy)
    disorder_bound_us: int = 10 * SECOND_US
    allowed_lateness_us: int = 15 * MINUTE_US
    linger_us: int = 24 * HOUR_US
    retention_us: int | None = None
    batch_rows: int = 32_768
    contacts_max: int = 4_000_000
    agents_max: int = 200_000
    names_max: int = 100_000
    combinations_max: int = 200_000
    groups_max: int = 20_000
    identities_max: int = 2_000_000
    held_max: int = 4_000_000
    alarms_max: int = 1_000_000
    problems_max: int = 2_000_000
    cases_max: int = 200_000
    path_max: int = 100
    promises_max: int = 500_000
    call_backs_max: int = 200_000
    misses_max: int = 1_000_000
    waits_max: int = 8_000_000
    customer_days_max: int = 2_000_000
    watched_max: int = 5_000

    def __post_init__(self) -> None:
        if len(set(self.rollups)) != len(self.rollups):
            raise InvalidSetting("a rollup is listed twice; list each set of dimensions once")
        if self.policy.service_level not in SERVICE_LEVELS:
            raise InvalidSetting(
                f"{self.policy.service_level!r} is no service-level formula; choose from {', '.join(SERVICE_LEVELS)}"
            )
        for name in ("disorder_bound_us", "allowed_lateness_us"):
            if getattr(self, name) < 0:
                raise InvalidSetting(f"{name} is {getattr(self, name)}; it must not be negative")
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise InvalidSetting(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.linger_us < self.allowed_lateness_us:
            raise InvalidSetting(
                f"linger_us is {self.linger_us}; it must be at least the allowed lateness, or a late event meets a forgotten contact"
            )
        needed_us = self.disorder_bound_us + self.allowed_lateness_us + HOUR_US
        if self.retention_us is not None and self.retention_us < needed_us:
            raise InvalidSetting(
                f"retention_us is {self.retention_us}; it must be at least the disorder bound, the allowed lateness and an hour together"
            )


def followed(settings: Settings, policy: Policy) -> Settings:
    """The settings with another policy. Raises InvalidSetting where an engine with state cannot go on with it."""
    after = replace(settings, policy=policy)
    if fingerprint(after) != fingerprint(settings):
        raise InvalidSetting(
            "the policy keeps other figures than the one in force, so those kept so far would mean something else; "
            "leave its figures as they are, or begin with an empty data folder"
        )
    return after


@dataclass
class Counters:
    """What happened to events, in the open. `rejected` by reason; `illegal` sequences by reason."""

    events: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    late: int = 0
    dropped: int = 0
    illegal: dict[str, int] = field(default_factory=dict)
    first_us: int | None = None
    last_us: int | None = None


class Engine:
    """State of one shard, and the figures it has come to.

    `secret` is what keys of texts are made with, and a `Vocabulary` with the same goes with every `decode`. Give a
    random one wherever events come from others; it is kept with the snapshot.
    """

    def __init__(self, settings: Settings, secret: Secret = PUBLIC) -> None:
        self.settings = settings
        self.secret = secret
        self.pane_us = pane_us_of(list(settings.windows))
        self.combinations = Combinations(settings.names_max, settings.combinations_max)
        self.limits = Limits(settings.policy, self.combinations)
        self.agents = Agents(self.combinations, settings.agents_max)
        self.contacts = Contacts(
            self.combinations, self.agents.names, self.limits, settings.linger_us, settings.contacts_max
        )
        self.customers = Customers(self.combinations)
        self.repeats = Repeats(self.limits, settings.problems_max)
        self.order = Order(settings.disorder_bound_us, settings.allowed_lateness_us, settings.held_max)
        self.identities = Identities(settings.disorder_bound_us + settings.allowed_lateness_us, settings.identities_max)
        self.responses = self._responses_of(
            self.contacts, self.limits, settings.allowed_lateness_us, settings.waits_max, settings.customer_days_max
        )
        measured = fields_of(settings.policy.measures)
        self.tallies = Tallies(settings.rollups, self.pane_us, self.combinations, settings.groups_max, measured)
        self.alarms = Alarms(self.combinations, self.agents.names, settings.alarms_max)
        self.back_office = BackOffice(
            self.combinations, self.agents.names, self.contacts, settings.policy, settings.linger_us, settings.cases_max,
            settings.path_max, settings.promises_max, settings.call_backs_max,
        )  # fmt: skip
        self.misses = Misses(self.combinations, settings.policy, settings.misses_max)
        self.watch = Watch(settings.policy, self.combinations, settings.watched_max)
        self.sequence = 0
        self.waiting_rows = 0
        self.details: dict[int, Details] = {}
        self.facts = Facts()
        self._translations: WeakKeyDictionary[Vocabulary, tuple[Translation, Translation]] = WeakKeyDictionary()
        self.own_counters = Counters()
        self.reclaimed_us = NEVER_US

    #: What keeps the response measures.
    _responses_of = Responses

    # In.

    def absorb(self, decoded: Decoded) -> None:
        """Takes events in the order they arrived. Raises nothing for any content, BrokenInvariant for keys of another secret."""
        for reject in decoded.rejects:
            self.own_counters.rejected[reject.reason] += 1
        if not decoded.count:
            return
        if decoded.vocabulary.secret != self.secret:
            raise BrokenInvariant(
                "events were decoded with another secret than the engine's, so no key fits; report it"
            )
        self._count(decoded)
        met_us, left_us = self.order.watermarks(decoded.times_us, decoded.source)
        late, dropped = self.order.judge(decoded.times_us, met_us)
        slowest_us = self.order.slowest(left_us, decoded.source)
        repeated = self.identities.repeated(decoded.ids, left_us, slowest_us, dropped)
        rows = self._rows(decoded, met_us, late)
        self.own_counters.duplicates += int(repeated.sum())
        self.own_counters.dropped += int(dropped.sum())
        refused = rows.contacts == -2
        kept = ~(repeated | dropped | refused)
        for row in decoded.details:
            if kept[row] and TOLD[decoded.kinds[row]]:
                self.details[int(rows.sequences[row])] = decoded.details[row]
        if not kept.all():
            self.own_counters.rejected["too_many_contacts"] += int((refused & ~repeated & ~dropped).sum())
            rows = rows[kept]
        self.own_counters.late += int(rows.lates.sum())
        self.order.hold(rows)
        self.waiting_rows += len(rows)
        self._make_room()

    def _make_room(self) -> None:
        """Takes what can be taken once enough has come in."""
        if self.waiting_rows >= self.settings.batch_rows or self.order.held_count > self.settings.held_max:
            self._process()
            if self.order.force():
                self._process()

    def advance(self, now_us: int) -> None:
        """The tick: no more events are expected before `now_us`, so windows and deadlines move on without any."""
        self.order.advance(now_us)
        self.settle()

    def finish_source(self, name: str) -> None:
        """No more events will come from that source; it holds time back no longer."""
        self.order.source(name).finished = True

    def finish(self) -> None:
        """The input has ended: everything held back is processed, and deadlines up to the last event are raised."""
        for source in self.order.sources.values():
            source.finished = True
        self.settle()

    def settle(self) -> None:
        """Processes what the watermark has passed, so that the figures are as new as they can be."""
        self._process()
        self._due(self._reached_us())
        self._hand_over()

    def adopt(self, policy: Policy) -> None:
        """From this place of the stream on that policy holds: what the watermark has passed is settled under the one of
        before, and clocks that run move to the new limits.

        Raises InvalidSetting, and changes nothing, where it does not go with the state; see `followed`.
        """
        settings = followed(self.settings, policy)
        self.settle()
        self.settings, self.limits = settings, Limits(policy, self.combinations)
        at_us = self._reached_us()
        # Whatever is held to the policy is told here, each part once.
        self.contacts.adopt(self.limits, at_us)
        self.repeats.limits = self.limits
        self.responses.adopt(self.limits)
        self.tallies.adopt(fields_of(policy.measures))
        self.misses.adopt(policy)
        facts = Facts()
        self.alarms.add(self.back_office.adopt(policy, at_us, facts))
        before, watched = self.watch, self.watch.saved()
        self.watch = Watch(policy, self.combinations, settings.watched_max)
        self.alarms.add(before.given_up(self.watch, at_us, self.order))
        self.watch.restore(watched, self.contacts, self.agents)
        self._count_facts(facts)
        self._hand_over()

    # Out.

    @property
    def watermark_us(self) -> int:
        """No event that is on time is expected before this instant; `NEVER_US` before the first."""
        return self.order.watermark_us

    @property
    def counters(self) -> Counters:
        """What became of all events so far."""
        counts = {
            reason: int(count)
            for reason, count in zip(REASONS, self.contacts.illegal_counts.tolist(), strict=True)
            if count
        }
        if self.agents.illegal_count:
            counts["out_of_order_agent"] = self.agents.illegal_count
        counts |= self.back_office.illegal
        self.own_counters.illegal = counts
        return self.own_counters

    @property
    def limits_reached(self) -> dict[str, int]:
        """How often each limit was met, by the setting that sets it; those never met are 0."""
        return {
            "contacts_max": self.contacts.refused_count,
            "agents_max": self.agents.names.overflow_count,
            "names_max": sum(names.overflow_count for names in self.combinations.names),
            "combinations_max": self.combinations.overflow_count,
            "groups_max": sum(rollup.overflow_count for rollup in self.tallies.rollups),
            "identities_max": self.identities.early_count,
            "held_max": self.order.forced_count,
            "alarms_max": self.alarms.lost_count,
            "problems_max": self.repeats.forgotten_count,
            "cases_max": self.back_office.cases.refused_count,
            "path_max": self.back_office.cases.cut_count,
            "promises_max": self.back_office.promises.refused_count,
            "call_backs_max": self.back_office.ratings.refused_count,
            "misses_max": self.misses.refused_count,
            "waits_max": self.responses.lost_waits,
            "customer_days_max": self.responses.lost_customer_days,
            "watched_max": self.watch.overflow_count,
            "retention_us": self.tallies.expired_count,
        }

    def take_alarms(self) -> list[Alarm]:
        """Warnings and breaches raised since the last call, by their instants."""
        return self.alarms.take()

    def now(self, window_us: int = 15 * MINUTE_US) -> dict[str, Any]:
        """The present by rollup and group, ready for JSON, see `engine.live`; and the conditions that are raised, see `engine.watch`."""
        self.settle()
        raised = self.watch.raised(self._reached_us(), self.contacts, self.agents, self.order)
        return live(self, window_us) | {"conditions": raised}

    def snapshot(self) -> bytes:
        """The whole state. Raises BrokenInvariant rather than keep figures that contradict themselves."""
        self.verify()
        return snapshot(self)

    @classmethod
    def restore(cls, data: bytes, settings: Settings) -> Self:
        """An engine that continues where the snapshot was made. Raises InvalidSetting for other settings."""
        engine = cls(settings)
        engine.fill(data)
        return engine

    def fill(self, data: bytes) -> None:
        """Takes over the state of a snapshot, into an engine that has none."""
        restore(self, data)

    def verify(self) -> None:
        """Conservation: who entered a queue has left it or waits still, in every group and in the contacts' own state."""
        waiting = len(self.contacts.waiting()[0])
        for rollup in self.tallies.rollups:
            total = {name: rollup.totals[:, FIELD[name]] for name in _BALANCE}
            left = total["left_answered"] + total["left_abandoned"] + total["left_other"]
            if (total["entered"] - left != total["waiting_net"]).any() or total["waiting_net"].sum() != waiting:
                raise BrokenInvariant(
                    f"rollup {rollup.name}: those who entered, left and wait do not add up; stop, keep the data folder, report it"
                )

    # The path.

    def _count(self, decoded: Decoded) -> None:
        counters = self.own_counters
        counters.events += decoded.count
        first, last = int(decoded.times_us.min()), int(decoded.times_us.max())
        counters.first_us = first if counters.first_us is None else min(counters.first_us, first)
        counters.last_us = last if counters.last_us is None else max(counters.last_us, last)

    def _rows(self, decoded: Decoded, met_us: NDArray[np.int64], late: NDArray[np.bool_]) -> Rows:
        count = decoded.count
        numbers = decoded.slots
        for said in (decoded.resolved, decoded.negative):
            if (said >= 0).any():
                numbers = np.where(said >= 0, said.astype(np.int32), numbers)
        csats, npss = np.full(count, -1, np.int8), np.full(count, -1, np.int8)
        for row, details in decoded.details.items():
            if details.csat is not None:
                csats[row] = details.csat
            if details.nps is not None:
                npss[row] = details.nps
            if details.count is not None:
                numbers[row] = details.count
        contacts = self.contacts.slots_of(decoded.contacts, decoded.contact_names)
        agents, saids = self._translated(decoded)
        rows = Rows(
            kinds=decoded.kinds,
            times_us=decoded.times_us,
            ranks_us=np.where(late, met_us, decoded.times_us),
            lates=late,
            sequences=np.arange(self.sequence, self.sequence + count),
            contacts=contacts,
            agents=agents,
            saids=saids,
            states=decoded.states,
            numbers=numbers,
            csats=csats,
            npss=npss,
            customers=decoded.customers,
            sources=np.full(count, self.order.numbers[self.order.name(decoded.source)], np.int16),
        )
        self.sequence += count
        return rows

    def _translated(self, decoded: Decoded) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The engine's codes of the rows' agents and sets of dimensions; what was translated before is remembered."""
        vocabulary = decoded.vocabulary
        found = self._translations.get(vocabulary)
        if found is None:
            found = Translation(self.agents.codes), Translation(self.combinations.saids)
            self._translations[vocabulary] = found
        agents, saids = found
        return (
            agents.of(decoded.agents, vocabulary.told_agents),
            saids.of(decoded.dimensions, vocabulary.told_dimensions),
        )

    def _process(self) -> None:
        """Releases the rows that the watermark has passed, and has conditions judged at each instant when all of before it is taken."""
        self.waiting_rows = 0
        released = self.order.release()
        if self.watch.judges:
            self._take_watched(released)
        elif len(released):
            self._take(released)
        if self.misses.is_full:
            self._due(self.order.watermark_us)
        self._hand_over()
        if len(released):
            self._house_keeping()

    def _take_watched(self, released: Rows) -> None:
        order = np.argsort(released.ranks_us, kind="stable")
        ranks_us, first, until_us = released.ranks_us[order], 0, self._reached_us()
        instant_us: int | None = NEVER_US
        while instant_us is not None:
            row_us = int(ranks_us[first]) if first < len(ranks_us) else FAR_US
            instant_us = self.watch.next_us(row_us, self._next_due_us(), until_us)
            end = len(ranks_us) if instant_us is None else int(np.searchsorted(ranks_us, instant_us))
            if end > first:
                rows = released if end - first == len(released) else released[order[first:end]]
                self.watch.reach(int(ranks_us[end - 1]))
                self.watch.hear(rows)
                self._take(rows)
                first = end
            if instant_us is not None:
                self._due(instant_us)
                self.alarms.add(self.watch.judge(instant_us, self.contacts, self.agents, self.order))

    def _take(self, rows: Rows) -> None:
        """Takes released rows, all of an instant together, through state and tallies."""
        facts, loads = Facts(), Loads()
        is_contact = _CONTACT_KINDS[rows.kinds]
        lived = self.contacts.apply(rows if is_contact.all() else rows[is_contact], facts, loads)
        self.repeats.take(self.customers.find(lived, len(self.contacts.names)), self.contacts.names, facts)
        self.responses.apply(lived, facts)
        self.agents.apply(rows[rows.kinds == _AGENT_STATE], loads, facts)
        if not is_contact.all():
            self._orders(rows[rows.kinds == ORDERS], facts)
        self.alarms.add(self.back_office.apply(rows[OWED[rows.kinds]], lived, self.details, facts))
        self.limits.refresh()
        self._count_facts(facts)
        if self.details:
            for sequence in rows.sequences[TOLD[rows.kinds]].tolist():
                self.details.pop(sequence, None)

    def _count_facts(self, facts: Facts) -> None:
        self.watch.take(facts)
        self.facts.add_all(facts)
        for raised in facts.raised:
            self.alarms.add_raised(raised, self.contacts.names)
            self.misses.note(raised, self.contacts.names, self.agents.names.texts)

    def _orders(self, rows: Rows, facts: Facts) -> None:
        """Business figures, which count for what the event itself says."""
        if len(rows):
            as_ = self.combinations.merged(np.zeros(len(rows), np.int32), rows.saids)
            sold = [self.details[sequence].amount or 0 for sequence in rows.sequences.tolist()]
            facts.add("orders", as_, rows.times_us, rows.numbers.astype(np.int64))
            facts.add("order_amount_cents", as_, rows.times_us, np.array([round(100 * s) for s in sold], np.int64))

    def _hand_over(self) -> None:
        """Hands what has come to light to the tallies, all parts at once: they add up, so it matters only for speed."""
        facts, self.facts = self.facts, Facts()
        self.tallies.absorb(facts)

    def _reached_us(self) -> int:
        """How far time has come: the watermark; when all sources have ended, the last event, or the clock where it is later."""
        watermark_us = self.order.watermark_us
        last_us = self.own_counters.last_us
        if watermark_us < -NEVER_US or last_us is None:
            return watermark_us
        return max(last_us, self.order.floor_us)

    def _due(self, until_us: int) -> None:
        facts = Facts()
        self.contacts.due(until_us, facts)
        self.alarms.add(self.back_office.due(until_us, facts))
        if facts.amounts:
            self.watch.reach(max(int(amounts[2].max()) for amounts in facts.amounts))
        self.responses.due(until_us, facts)
        self._count_facts(facts)
        late = Facts()
        self.alarms.add(self.misses.count(until_us, late))
        self._count_facts(late)

    def _next_due_us(self) -> int:
        """No deadline of any kind is due before this instant; `NEVER_US` where that is not known."""
        return min(self.contacts.next_us, self.back_office.next_us)

    def _house_keeping(self) -> None:
        """Frees what is past its time. Nothing that a later event could still touch is freed, so no figure depends on when."""
        watermark_us = self.order.watermark_us
        if abs(watermark_us) == -NEVER_US:
            return
        if self.settings.retention_us is not None:
            self.tallies.forget((watermark_us - self.settings.retention_us) // self.pane_us)
        if watermark_us - self.reclaimed_us >= max(self.settings.linger_us // 16, MINUTE_US):
            self.reclaimed_us = watermark_us
            self.contacts.reclaim(watermark_us, [rows.contacts for rows in self.order.held])
            self.responses.forget(watermark_us)
