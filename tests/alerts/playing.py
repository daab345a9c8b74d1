"""Plays a scenario: a timeline of alarms, acts and faults through the real stage and store; the messages that come out, in order.

A line is `TIME what`, the time from the beginning as `MM:SS` or `HH:MM:SS`; a line `TIME > CHANNEL KIND` is a message that must come out,
with `=N` when its alert counts more than one thing, or `digest:N` for N alerts in one. Nothing else may come out.
"""

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from alerts.alert import Act
from alerts.channels import Delivery
from alerts.plan import Channel, Plan
from alerts.reading import plan_of
from alerts.stage import Stage
from alerts.store import Store
from engine.alarms import Alarm
from engine.events import DIMENSIONS
from engine.times import SECOND_US, duration_us

PLAN = """
zone: Asia/Shanghai
channels:
  lead: {url: "json://x"}
  lead-mail: {url: "json://x"}
  sup: {url: "json://x"}
  man: {url: "json://x"}
  li: {url: "json://x"}
  li-mail: {url: "json://x"}
  wang: {url: "json://x"}
people:
  lead: {channels: [lead, lead-mail]}
  sup: {channels: [sup]}
  man: {channels: [man]}
  li: {channels: [li, li-mail], quiet: "22:00-07:00"}
  wang: {channels: [wang], language: en}
departments: {after-sales: wang}
ladders:
  floor:
    levels: [{to: [lead], wait: 5m}, {to: [sup], wait: 10m}, {to: [man], wait: 20m}]
  ordinary:
    levels: [{to: [owner, department], wait: 5m}, {to: [lead], wait: 10m}, {to: [sup], wait: 10m}]
  major: {levels: [{to: [sup], wait: 10m}, {to: [man], wait: 10m}], repeat: 1}
  trending: {levels: [{to: [man], wait: 10m}], repeat: 2}
rules:
  - {name: trending, when: {grade: extraordinary}, ladder: trending, by: [name], tell_end: yes}
  - {name: major, when: {grade: major}, ladder: major, by: [name]}
  - {name: failing, when: {commitment: [channel_failing, on_call_gap]}, severity: critical, ladder: major, by: [commitment, name], tell_end: yes}
  - {name: case, when: {about: case}, ladder: ordinary, by: [name]}
  - {name: vip, when: {step: broken, tier: [vip, ka]}, severity: critical, ladder: major, by: [queue], tell_end: yes}
  - {name: slow, when: {commitment: next_reply}, severity: warning, ladder: floor, by: [queue], wait: 30s}
  - {name: level, when: {about: group}, ladder: floor, by: [queue], resolve_after: 2m, tell_end: yes}
  - {name: broken, when: {step: broken}, severity: warning, ladder: floor, by: [commitment, queue]}
  - {name: warned, ladder: none}
"""


@lru_cache
def _plan(text: str) -> Plan:
    """Read once: most scenarios have the same one, and reading it takes longer than playing them."""
    return plan_of(text.encode(), "scenario.yaml")


class Killed(BaseException):
    """A process ends in the middle of a sending."""


@dataclass(frozen=True)
class Scenario:
    """`more` is added to the plan, `without` is cut out of it first; `hubs` run side by side."""

    name: str
    timeline: str
    more: str = ""
    replaced: tuple[tuple[str, str], ...] = ()
    start: str = "2026-03-02T10:00:00+08:00"
    hubs: int = 1

    def plan(self) -> Plan:
        text = PLAN
        for old, new in self.replaced:
            assert old in text, old
            text = text.replace(old, new)
        return _plan(text + self.more)


@dataclass
class World:
    """A store, hubs, channels that may be down, and what came out."""

    scenario: Scenario
    url: str
    step_us: int = 0
    """The longest time between two turns; 0 for as long as nothing is due."""
    out: list[str] = field(default_factory=list)
    delivered: list[Delivery] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    dies_at: str = ""

    def __post_init__(self) -> None:
        self.plan = self.scenario.plan()
        self.start_us = int(datetime.fromisoformat(self.scenario.start).timestamp()) * SECOND_US
        self.at_us = 0
        self.skew_us = 0
        self.acts = itertools.count()
        self.hubs = [self.hub() for _ in range(self.scenario.hubs)]
        if len(self.hubs) > 1:
            self.step_us = 5 * SECOND_US

    @property
    def now_us(self) -> int:
        return self.start_us + self.at_us + self.skew_us

    def hub(self) -> Stage:
        return Stage(self.plan, Store(self.url), carry=self.carry, clock=lambda: self.now_us, senders=0)

    def carry(self, channel: Channel, delivery: Delivery) -> str:
        if self.dies_at and self.dies_at in ("before " + delivery.channel, "after " + delivery.channel):
            dies, self.dies_at = self.dies_at, ""
            if dies.startswith("after"):
                self.receive(delivery)
            raise Killed
        if delivery.channel in self.down:
            return "it is down"
        self.receive(delivery)
        return ""

    def receive(self, delivery: Delivery) -> None:
        self.delivered.append(delivery)
        alerts = {event["id"] for event in delivery.events}
        if len(alerts) > 1:
            what = f"digest:{len(alerts)}"
        else:
            event = delivery.events[0]
            what = event["kind"] + (f"={event['count']}" if event["count"] > 1 else "")
        self.out.append(f"{clock(self.at_us)} > {delivery.channel} {what}")

    def play(self) -> list[str]:
        """Goes through the timeline; returns the lines that were expected."""
        expected = []
        for line in filter(None, map(str.strip, self.scenario.timeline.splitlines())):
            time, _, what = line.partition(" ")
            at_us = seconds(time) * SECOND_US
            self.until(at_us)
            if what.startswith(">"):
                expected.append(f"{clock(at_us)} {what}")
            else:
                self.happen(*what.split())
                self.turn()
        return expected

    def until(self, at_us: int) -> None:
        """Turns whenever something is due, up to an instant and with it."""
        while True:
            due = [
                hub.due_us(self.now_us) - self.start_us - self.skew_us for hub in self.hubs if hub.due_us(self.now_us)
            ]
            next_us = max(min(due, default=at_us), self.at_us + SECOND_US // 10)
            if self.step_us:
                next_us = min(next_us, self.at_us + self.step_us)
            if next_us > at_us:
                break
            self.at_us = next_us
            self.turn()
        self.at_us = at_us
        self.turn()

    def turn(self) -> None:
        for hub in list(self.hubs):
            for _ in range(4):  # What was sent is reported at the next turn.
                try:
                    hub.turn(self.now_us)
                    if hub.is_settled:
                        break
                except Killed:
                    self.hubs.remove(hub)
                    break

    def happen(self, what: str, *words: str) -> None:
        getattr(self, "do_" + what)(*words)

    def alarm(self, step: str, commitment: str, name: str, *more: str) -> None:
        known = dict(word.split("=", 1) for word in more if "=" in word)
        about = known.pop("about", "contact")
        count = next((int(word[1:]) for word in more if word.startswith("×")), 0)
        at_us = self.now_us - duration_us(known.pop("ago", "0s"))
        values = tuple(known.pop(dimension, "") for dimension in DIMENSIONS)
        names = [f"{name}-{place}" for place in range(count)] if count else [name]
        alarms = [Alarm(at_us, commitment, step, about, one, at_us, values, tuple(known.items())) for one in names]
        for hub in self.hubs:
            hub.tell(alarms)

    def do_warned(self, *words: str) -> None:
        self.alarm("warned", *words)

    def do_broken(self, *words: str) -> None:
        self.alarm("broken", *words)

    def do_ended(self, *words: str) -> None:
        self.alarm("ended", *words)

    def act(self, what: str, by: str, until_us: int = 0, to: str = "") -> None:
        alert = self.hubs[-1].store.listed(live_only=False)[0].id
        act = Act(id=str(next(self.acts)), alert=alert, what=what, by=by, until_us=until_us, to=to)
        self.hubs[-1].act(act)

    def do_ack(self, by: str) -> None:
        self.act("acknowledge", by)

    def do_snooze(self, by: str, time: str) -> None:
        self.act("snooze", by, until_us=self.now_us + duration_us(time))

    def do_hand(self, by: str, to: str) -> None:
        self.act("hand_over", by, to=to)

    def do_resolve(self, by: str) -> None:
        self.act("resolve", by)

    def do_down(self, channel: str) -> None:
        self.down.add(channel)

    def do_up(self, channel: str) -> None:
        self.down.discard(channel)

    def do_stop(self) -> None:
        """Ended in order."""
        self.hubs.pop(0).stop()

    def do_kill(self) -> None:
        """The hub that leads, or the only one, is gone at once."""
        self.hubs.remove(next((hub for hub in self.hubs if hub.is_leading), self.hubs[0]))

    def do_start(self) -> None:
        self.hubs.append(self.hub())

    def do_dies(self, when: str, channel: str) -> None:
        """The hub dies with the next message by that channel."""
        self.dies_at = f"{when} {channel}"

    def do_clock(self, by: str) -> None:
        self.skew_us += duration_us(by.lstrip("+-")) * (-1 if by.startswith("-") else 1)

    def do_nothing(self) -> None:
        """Time goes on."""


def seconds(text: str) -> int:
    found = 0
    for part in text.split(":"):
        found = found * 60 + int(part)
    return found


def clock(at_us: int) -> str:
    minutes, second = divmod(at_us // SECOND_US, 60)
    return f"{minutes:02}:{second:02}"
