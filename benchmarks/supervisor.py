"""How many messages a supervisor gets on a day of a sale's peak, by the default plan with people and channels in it.

The day is drawn, not computed by the engine: breaches of contacts by queue on the daily curve, each ended by a reply after a while; service
levels that waver; cases, some of them major. Leaders acknowledge most of what they are told within minutes. It goes through the real
desk and the real outbox, second by second. Run as `python -m benchmarks.supervisor`; the same seed gives the same day.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from alerts.alert import Act
from alerts.desk import Desk
from alerts.outbox import Outbox, Report
from alerts.plan import Plan
from alerts.reading import DEFAULT, plan_of
from engine.alarms import Alarm
from engine.times import SECOND_US

__all__ = ["Day", "main", "played"]

START_US = int(datetime.fromisoformat("2025-11-11T00:00:00+08:00").timestamp()) * SECOND_US
QUEUES = tuple(f"queue-{place}" for place in range(12))
#: Share of the peak's breaches in each hour.
CURVE = (
    1.0,
    0.6,
    0.2,
    0.1,
    0.05,
    0.05,
    0.05,
    0.1,
    0.2,
    0.4,
    0.6,
    0.6,
    0.4,
    0.4,
    0.4,
    0.4,
    0.4,
    0.4,
    0.5,
    0.7,
    1.0,
    1.0,
    1.0,
    1.0,
)
PEOPLE = """
channels:
  lead: {url: "json://lead"}
  supervisor: {url: "json://supervisor"}
  manager: {url: "json://manager"}
people:
  ann: {channels: [lead]}
  sam: {channels: [supervisor]}
  max: {channels: [manager]}
"""


@dataclass
class Day:
    """What was raised, and what came out by person."""

    breaches: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    """Messages of alerts, by person."""
    deliveries: Counter[str] = field(default_factory=Counter)
    """What a person's telephone showed, merged ones counted once."""
    busiest: int = 0
    """The supervisor's most in any hour."""


def plan() -> Plan:
    """The default plan with one person in each schedule."""
    text = DEFAULT.read_text("utf-8").replace("channels: {}", "").replace("people: {}", PEOPLE)
    for schedule, person in (("team-leader", "ann"), ("supervisor", "sam"), ("manager", "max")):
        text = text.replace(
            f"  {schedule}: {{rotations: []}}",
            f"  {schedule}: {{rotations: [{{people: [{person}], from: 2025-01-01}}]}}",
        )
    return plan_of(text.encode(), "default.yaml")


def played(hours: int, per_second: float, seed: int = 7) -> Day:
    """A day of so many hours, from midnight, with so many breaches a second at the peak."""
    dice, day, the_plan = random.Random(seed), Day(), plan()
    desk, outbox = Desk(the_plan), Outbox(the_plan)
    coming: list[tuple[int, int, Alarm | Act]] = []
    number = 0
    by_hour: Counter[int] = Counter()
    for second in range(hours * 3600):
        now_us = START_US + second * SECOND_US
        for at_us, what in _raised(second, now_us, per_second, dice):
            number += 1
            heapq.heappush(coming, (at_us, number, what))
        due = []
        while coming and coming[0][0] <= now_us:
            due.append(heapq.heappop(coming)[2])
        alarms = [what for what in due if isinstance(what, Alarm)]
        acts = [what for what in due if isinstance(what, Act)]
        day.breaches += sum(alarm.step == "broken" for alarm in alarms)
        outbox.add(desk.step(now_us, alarms, acts).messages)
        parcels = outbox.choose(desk.unwanted, now_us)
        desk.step(now_us, results=outbox.settle([Report(parcel, "") for parcel in parcels], now_us))
        outbox.taken()
        for parcel in parcels:
            day.deliveries[parcel.channel] += 1
            by_hour[second // 3600] += parcel.channel == "supervisor"
            for one in parcel.sendings:
                day.messages[one.message.person] += 1
                if one.message.kind != "ended" and dice.random() < 0.7:
                    number += 1
                    act = Act(id=str(number), alert=one.message.alert, what="acknowledge", by=one.message.person)
                    heapq.heappush(coming, (now_us + int(dice.uniform(30, 240)) * SECOND_US, number, act))
    day.busiest = max(by_hour.values(), default=0)
    return day


def _raised(second: int, now_us: int, per_second: float, dice: random.Random) -> Iterator[tuple[int, Alarm]]:
    share = CURVE[second // 3600 % 24]
    count = int(per_second * share + dice.random())
    for place in range(count):
        queue, name = dice.choice(QUEUES), f"c-{second}-{place}"
        tier = "ka" if dice.random() < 0.02 else "standard"
        commitment = dice.choice(("wait", "first_human_reply", "next_reply", "next_reply"))
        values = (queue, "app", "", "", tier)
        yield now_us, Alarm(now_us, commitment, "broken", "contact", name, now_us, values)
        end_us = now_us + int(dice.expovariate(1 / 45) + 1) * SECOND_US
        yield end_us, Alarm(end_us, commitment, "ended", "contact", name, now_us, values)
    if second % 600 == 0:
        for queue in QUEUES:
            if dice.random() < 0.3 * share:
                yield now_us, _level("broken", queue, now_us)
                end_us = now_us + int(dice.uniform(60, 1500)) * SECOND_US
                yield end_us, _level("ended", queue, end_us)
    if second % 1800 == 0:
        grade = "major" if dice.random() < 0.1 else "ordinary"
        case = f"k-{second}"
        yield now_us, Alarm(now_us, "case_respond", "warned", "case", case, now_us, (), (("grade", grade),))
        end_us = now_us + int(dice.uniform(60, 3600)) * SECOND_US
        yield end_us, Alarm(end_us, "case_respond", "ended", "case", case, now_us)


def _level(step: str, queue: str, at_us: int) -> Alarm:
    return Alarm(
        at_us, "service_level_low", step, "group", f"queue={queue}", at_us, (queue,), (("severity", "critical"),)
    )


def main() -> None:
    """Prints what came out."""
    day = played(24, float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
    print(f"{day.breaches:,} breaches; messages {dict(day.messages)}, on the telephone {dict(day.deliveries)}; "
          f"the supervisor's busiest hour {day.busiest}")  # fmt: skip


if __name__ == "__main__":
    main()
