"""What one seed decides: the centre, the settings, the delivery, the faults.

Owns every number that is drawn before the run; what is drawn during it comes from a `dice` of its own name, so that one
more throw in one place changes nothing in another. Never runs anything.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from engine.hours import Hours
from engine.pipeline import Settings
from engine.policy import CLOCKS, DUE_US, LIMITS, NO_LIMIT_US, Grade, Line, Period, Policy
from engine.times import iso
from engine.windows import Spec
from streams.policy.reading import default_policy
from streams.simulate import Centre, Faults, Silence, Skew, preset
from tests.reference import Adopt, Rule, Rules

__all__ = ["MS", "Offered", "Plan", "S", "Times", "dice", "plan_of"]

MS = 1_000
S = 1_000_000
MORNING = datetime(2025, 11, 11, 2, tzinfo=UTC)
MORNING_US = int(MORNING.timestamp()) * S
#: Sales by their beginnings and ends since the morning, and the minutes of the day in which some clocks run.
SALES_S: tuple[tuple[tuple[int, int], ...], ...] = ((), ((-600, 60),), ((30, 90), (100, 160)))
OFFICE_MIN = ((0, 119), (120, 121), (122, 123), (124, 1440))
#: After which step a process may be killed, and how often at most the step is passed before.
KILLS = {
    "received": 30, "torn commit": 30, "committed": 30, "acknowledged": 30, "absorbing": 20, "ticked": 60,
    "torn snapshot": 3, "snapshotted": 3, "replaying": 4, "stopped": 25,
}  # fmt: skip
ROLLUPS = (
    (), ("queue",), ("tenant", "channel"), ("channel",), ("tier", "region"), ("queue", "channel", "tier"), ("category", "party"),
)  # fmt: skip
CHANNELS = ("app", "wechat", "web", "phone", "email", "sms", "ticket", "agents")


@dataclass(frozen=True)
class Times:
    """Durations of the delivery and the machine, in microseconds."""

    delay_us: int
    hold_us: int
    network_us: int
    timeout_us: int
    downtime_us: int
    work_us: int
    tick_us: int
    near_us: int
    quiet_us: int
    snapshot_us: int


@dataclass(frozen=True)
class Offered:
    """A policy that comes so long after the start: its file, and what that means."""

    after_us: int
    text: bytes
    adopt: Adopt


@dataclass(frozen=True)
class Plan:
    """One seed's world. Chances are shares from 0 to 1; `clock_steps` are instants since the start and what the machine's
    clock is wrong by from then on; `kills` are steps and which passing of them is the last."""

    seed: int
    calm: bool
    centre: Centre
    faults: Faults
    events_max: int
    senders: int
    by_contact: bool
    shards: int
    settings: Settings
    rules: Rules
    window: tuple[int, int]
    times: Times
    snapshot_lines: int
    request_lines_max: int
    piece_bytes: int
    far: float
    lost: float
    unheard: float
    twice: float
    rubbish: float
    silence_us: tuple[int, int]
    clock_steps: tuple[tuple[int, int], ...]
    kills: tuple[tuple[str, int], ...]
    damaged: float
    policies: tuple["Offered", ...]


def dice(seed: int, name: str) -> random.Random:
    """Throws for one purpose; a text seeds the same in every process."""
    return random.Random(f"{name} {seed}")


def plan_of(seed: int) -> Plan:
    """The whole plan of a seed."""
    draw = dice(seed, "plan")
    calm = draw.random() < 0.5
    faulty = draw.random() < 0.85
    times = _times(draw, calm)
    lost, unheard = (draw.choice((0, 0.05, 0.2)), draw.choice((0, 0.05, 0.2))) if faulty else (0, 0)
    kills = tuple((step, draw.randint(1, KILLS[step])) for step in draw.choices(list(KILLS), k=draw.randint(1, 9))) if faulty else ()  # fmt: skip
    faults = _faults(draw, calm)
    bound_us = _bound_us(draw, calm, times, faults, bool(kills), bool(lost or unheard))
    settings, rules, window = _engine(draw, bound_us, dice(seed, "duties"))
    return Plan(
        seed=seed,
        calm=calm,
        centre=preset(
            draw.choice(("small", "small", "centre")), MORNING, agents=draw.randint(3, 12), duration_s=draw.choice((120, 600))
        ),
        faults=faults,
        events_max=draw.choice((80, 120, 200, 300)),
        senders=draw.randint(1, 3),
        by_contact=draw.random() < 0.7,
        shards=(shards := draw.randint(2, 4) if draw.random() < 0.3 else 1),
        settings=replace(settings, policy=replace(settings.policy, lines=_of_shards(settings.policy.lines, shards))),
        rules=replace(rules, lines=_of_shards(rules.lines, shards)),
        window=window,
        times=times,
        snapshot_lines=draw.choice((10, 40, 10_000)),
        request_lines_max=draw.choice((3, 8, 20, 60)),
        piece_bytes=draw.choice((200, 900, 5_000, 1 << 20)),
        far=0 if calm else draw.choice((0, 0.03, 0.2)),
        lost=lost,
        unheard=unheard,
        twice=draw.choice((0, 0.02, 0.2)),
        rubbish=draw.choice((0, 0.02, 0.2)),
        silence_us=(0, 0) if calm or draw.random() < 0.5 else (draw.randint(0, 90) * S, draw.randint(5, 120) * S),
        clock_steps=_clock_steps(draw, calm),
        kills=kills,
        damaged=draw.choice((0, 0.4, 0.9)),
        policies=_policies(dice(seed, "policies")),
    )  # fmt: skip


def _times(draw: random.Random, calm: bool) -> Times:
    wide = 1 if calm else 4
    network_us = draw.choice((1, 50, 1_000)) * wide * MS
    return Times(
        delay_us=draw.choice((0, 200, 2_000)) * wide * MS,
        hold_us=draw.choice((300, 2_000, 5_000)) * wide * MS,
        network_us=network_us,
        timeout_us=network_us + draw.choice((300, 3_000)) * MS,
        downtime_us=draw.choice((100, 2_000, 20_000)) * MS,
        work_us=draw.choice((0, 5, 500)) * MS,
        tick_us=draw.choice((2, 5, 20)) * S,
        near_us=draw.choice((250, 2_000)) * MS,
        quiet_us=draw.choice((3, 10)) * S,
        snapshot_us=draw.choice((3, 15, 3_600)) * S,
    )


def _bound_us(draw: random.Random, calm: bool, times: Times, faults: Faults, kills: bool, losses: bool) -> int:
    """On calm seeds as wide as the slowest event on its way, which some kills may outlast; on others as it comes."""
    if not calm:
        return times.near_us + draw.choice((1, 500, 3_000, 10_000)) * MS
    needed_us = times.delay_us + times.hold_us + 2 * times.network_us + 1_000 * faults.disorder_ms + 3 * times.near_us
    return needed_us + S + (60 * S if kills else 0) + (60 * S if losses else 0)


def _faults(draw: random.Random, calm: bool) -> Faults:
    silence = Silence(draw.choice(CHANNELS), draw.randint(0, 60_000), draw.randint(1_000, 60_000), draw.random() < 0.3)
    skewed = not calm and draw.random() < 0.2
    return Faults(
        duplicates=draw.choice((0, 0, 0.05, 0.3)),
        disorder_ms=draw.choice((0, 0, 300, 3_000)) * (1 if calm else 3),
        silences=() if calm or draw.random() < 0.6 else (silence,),
        skew=Skew(draw.choice(CHANNELS), draw.choice((-20_000, -2_000, 1_000, 15_000))) if skewed else None,
    )


def _clock_steps(draw: random.Random, calm: bool) -> tuple[tuple[int, int], ...]:
    if draw.random() < 0.5:
        return ()
    far_s = 4 if calm else draw.choice((4, 40))
    steps = [(draw.randint(0, 120) * S, -draw.randint(1, far_s) * S)]
    if not calm and draw.random() < 0.5:
        steps = [(0, draw.randint(1, far_s) * S), *steps]
    if draw.random() < 0.3:
        steps.append((steps[-1][0] + draw.randint(5, 60) * S, 0))
    return tuple(steps)


def _engine(draw: random.Random, bound_us: int, duties: random.Random) -> tuple[Settings, Rules, tuple[int, int]]:
    step_us = draw.choice((10, 20, 30, 60)) * S
    size_us = step_us * draw.randint(1, 3)
    lateness_us = draw.choice((0, 2, 20, 120)) * S
    sale_us = tuple((MORNING_US + start_s * S, MORNING_US + end_s * S) for start_s, end_s in draw.choice(SALES_S))
    promises, numbers = _promises(draw, bool(sale_us)) + _duties(duties), _numbers(draw)
    grades = _grades(duties)
    policy = Policy(
        tuple(
            Line(limit, _limit_us(limit, limit_s),
                 {name: frozenset(values) for name, values in when.items()}, permille, "office" if in_hours else "", in_hours == (permille == 0))
            for limit, limit_s, permille, in_hours, when in promises
        ) + tuple(
            Line(limit, number, {name: frozenset(values) for name, values in when.items()}, 0) for limit, number, when in numbers
        ),
        tuple(Period("sale", start_us, end_us) for start_us, end_us in sale_us),
        {"office": Hours(week=(OFFICE_MIN,) * 7)},
        grades=tuple(
            Grade(grade, {name: frozenset(values) for name, values in when.items()}, after_s * S) for grade, when, after_s in grades
        ),
    )  # fmt: skip
    settings = Settings(
        rollups=tuple(draw.sample(ROLLUPS, draw.randint(1, 3))),
        windows=(Spec(size_us, step_us),),
        policy=policy,
        disorder_bound_us=bound_us,
        allowed_lateness_us=lateness_us,
        linger_us=max(lateness_us, draw.choice((1, 60, 86_400)) * S),
        batch_rows=draw.choice((1, 2, 7, 50, 500)),
    )
    rules = Rules(
        pane_us=step_us,
        bound_us=bound_us,
        lateness_us=lateness_us,
        linger_us=settings.linger_us,
        lines=_rules(promises) + tuple(Rule(limit, number, when) for limit, number, when in numbers),
        periods=tuple(("sale", start_us, end_us) for start_us, end_us in sale_us),
        grades=tuple((grade, when, after_s * S) for grade, when, after_s in grades),
    )
    return settings, rules, (size_us, step_us)


def _policies(draw: random.Random) -> tuple[Offered, ...]:
    """Those that come while the machines run, by their instants."""
    found = []
    for after_us in sorted(draw.randint(0, 200) * S for _ in range(draw.choice((0, 0, 1, 3)))):
        sale_us = tuple((MORNING_US + start_s * S, MORNING_US + end_s * S) for start_s, end_s in draw.choice(SALES_S))
        promises = _promises(draw, bool(sale_us))
        periods = tuple(("sale", start_us, end_us) for start_us, end_us in sale_us)
        found.append(Offered(after_us, _file(promises, sale_us), Adopt(_rules(promises), periods)))
    return tuple(found)


def _file(promises: "Sequence[Promise]", sale_us: Sequence[tuple[int, int]]) -> bytes:
    """The policy's file that says so, and that nothing else is limited."""
    intervals = ", ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in OFFICE_MIN)
    said = [f"hours: {{office: {{zone: UTC, week: {{mon-sun: [{intervals}]}}}}}}"]
    if sale_us:
        said += ["periods:", *(f"  - {{name: sale, from: {iso(a)}, until: {iso(b)}}}" for a, b in sale_us)]
    said += ["grades: none", "measures: none", "conditions:"]
    said += [f"  {condition.name}: none" for condition in default_policy().conditions]
    said.append("limits:")
    for limit in LIMITS:
        lines = [promise for promise in promises if promise[0] == limit]
        said.append(f"  {limit}:" if lines else f"  {limit}: none")
        for _, limit_s, permille, in_hours, when in lines:
            told = [f"limit: {'none' if limit_s is None else f'{limit_s}s'}"]
            told += [f"{name}: [{', '.join(values)}]" for name, values in when.items()]
            if limit in CLOCKS:
                told.append(f"warn_at: {permille / 10}%" if permille else "warn_at: none")
                told += ["hours: office"] * in_hours + ["pauses: yes"] * (in_hours == (permille == 0))
            said.append(f"    - {{{', '.join(told)}}}")
    return "\n".join(said).encode()


def _rules(promises: "Sequence[Promise]") -> tuple[Rule, ...]:
    return tuple(
        Rule(
            limit,
            None if limit_s is None else 3 if limit in NUMBERS else limit_s * S,
            when,
            permille,
            OFFICE_MIN if in_hours else (),
            in_hours == (permille == 0),
        )
        for limit, limit_s, permille, in_hours, when in promises
    )


Promise = tuple[str, int | None, int, bool, dict[str, tuple[str, ...]]]


def _promises(draw: random.Random, has_sale: bool) -> list[Promise]:
    """Limit, seconds or None, thousandths at which it is warned of, whether in office hours, and for whom."""
    lines: list[Promise] = [
        ("target", draw.choice((5, 20)), 0, False, {}),
        ("short", draw.choice((1, 5)), 0, False, {}),
    ]
    for limit, seconds in (("wait", (5, 30)), ("first_reply", (2, 20)), ("first_human_reply", (10, 60)),
                           ("next_reply", (3, 20)), ("announcement", (10, 15))):  # fmt: skip
        for when in ({}, {"channel": ("phone", "app")}, {"tier": ("vip", "ka")}, {"period": ("sale",)}):
            if draw.random() < 0.5 and (has_sale or "period" not in when):
                limit_s = draw.choice((*seconds, None))
                lines.append((limit, limit_s, draw.choice((0, 500, 800)), draw.random() < 0.3, when))
    if draw.random() < 0.5:
        lines.append(("automatic_reply", draw.choice((2, 10)), draw.choice((0, 500)), True, {}))
    if draw.random() < 0.5:
        lines.append(("benchmark", draw.choice((10, 30)), 0, False, {}))
    return lines


def _numbers(draw: random.Random) -> list[tuple[str, int, dict[str, tuple[str, ...]]]]:
    """How often something may happen: limit, number, and for whom."""
    lines: list[tuple[str, int, dict[str, tuple[str, ...]]]] = []
    for limit, most in (("transfers", 3), ("unresolved", 2), ("repeats", 3)):
        for when in ({}, {"tier": ("vip", "ka")}):
            if draw.random() < 0.6:
                lines.append((limit, draw.randint(1, most), when))
    return lines


#: Limits that are numbers; and those for which one machine would have to know of what lies on others.
NUMBERS = ("failed_checks", "misses")
APART = ("failed_checks", "misses", "coaching", "call_back")


def _limit_us(limit: str, limit_s: int | None) -> int:
    if limit_s is None:
        return NO_LIMIT_US
    return DUE_US if limit == "promise" else 3 if limit in NUMBERS else limit_s * S


def _of_shards(lines: tuple[Any, ...], shards: int) -> tuple[Any, ...]:
    """Without what does not add over several machines."""
    return tuple(line for line in lines if shards == 1 or line.limit not in APART)


def _duties(draw: random.Random) -> list[Promise]:
    """What is owed beside replies."""
    lines: list[Promise] = []
    for limit, seconds in (("case_respond", (2, 30)), ("case_resolve", (20, 90)), ("case_report", (5, 20)),
                           ("case_verify", (5, 20)), ("case_progress", (5, 20)), ("case_inform", (5, 20)),
                           ("promise", (1,)), ("coaching", (20, 90)), ("call_back", (5, 60)), ("failed_checks", (3,)),
                           ("misses", (3,))):  # fmt: skip
        for when in ({}, {"tier": ("vip", "ka")}, {"kind": ("complaint", "serious_complaint", "critical")}):
            if draw.random() < 0.6 and not (limit in NUMBERS and "kind" in when):
                in_hours = draw.random() < 0.2 and limit not in ("promise", *NUMBERS)
                limit_s = draw.choice((*seconds, None)) if when else draw.choice(seconds)
                lines.append((limit, limit_s, draw.choice((0, 500, 800)), in_hours, when))
    return lines


def _grades(draw: random.Random) -> list[tuple[str, dict[str, tuple[str, ...]], int]]:
    """To which grade cases of whom rise, and after how many seconds."""
    return [
        (grade, {"kind": ("complaint", "outage", "logistics")}, draw.choice((0, 5, 60)))
        for grade in ("major", "extraordinary")
        if draw.random() < 0.5
    ]
