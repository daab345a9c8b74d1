"""Whom a level of a ladder means at an instant, who may be told now, and what is muted.

Owns these questions as plain functions of the plan. Never remembers, never makes a message. Law: each answer has its reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.plan import NONE, SEVERITIES, Level, Mute, Person, Plan, Rule, facts_of, matches
from alerts.schedule import GAP, TURN, absent, on_call
from engine.alarms import BROKEN, Alarm
from engine.times import DAY_US

__all__ = ["Recipient", "is_quiet", "mute_of", "recipients", "rule_for", "severity_of"]

OWNER, DEPARTMENT = "owner", "department"


@dataclass(frozen=True)
class Recipient:
    """Somebody whom a level means, "" for nobody; `not_before_us` is when the quiet hours end, 0 for now."""

    person: str
    why: str
    not_before_us: int = 0


def rule_for(plan: Plan, facts: dict[str, str], now_us: int) -> Rule | None:
    """The first rule whose conditions and hours hold."""
    zone = plan.zone_of()
    return next(
        (
            rule
            for rule in plan.rules
            if matches(rule.when, facts) and (rule.hours is None or rule.hours.covers(now_us, zone))
        ),
        None,
    )


def severity_of(rule: Rule, alarm: Alarm) -> str:
    """What the rule says, else the condition, else by the step."""
    said = rule.severity or facts_of(alarm).get("severity", "")
    if said in SEVERITIES:
        return said
    return "critical" if alarm.step == BROKEN else "warning"


def mute_of(plan: Plan, facts: dict[str, str], now_us: int) -> tuple[Mute, int] | None:
    """A mute in force, and when it ends."""
    zone = plan.zone_of()
    for mute in plan.mutes:
        begun = mute.start is None or mute.start.us(zone) <= now_us
        end_us = mute.end.us(zone) if mute.end else now_us + 7 * DAY_US
        if not begun or end_us <= now_us or not matches(mute.when, facts):
            continue
        if mute.hours is not None:
            if not mute.hours.covers(now_us, zone):
                continue
            end_us = min(end_us, mute.hours.ends_us(now_us, zone))
        return mute, end_us
    return None


def is_quiet(plan: Plan, person: Person, severity: str, now_us: int) -> int:
    """When somebody's quiet hours end, 0 when a message of that severity may come now."""
    zone = plan.zone_of(person.zone)
    if person.quiet is None or not person.quiet.covers(now_us, zone):
        return 0
    if person.quiet_unless != NONE and SEVERITIES.index(severity) >= SEVERITIES.index(person.quiet_unless):
        return 0
    return person.quiet.ends_us(now_us, zone)


def recipients(plan: Plan, level: Level, facts: dict[str, str], severity: str, now_us: int) -> Iterator[Recipient]:
    """All whom a level means, each once."""
    seen: set[str] = set()
    for target in level.to:
        found = _person(plan, target, facts, now_us)
        if found.person in seen:
            continue
        if found.person:
            seen.add(found.person)
            person = plan.people[found.person]
            if not person.channels:
                found = Recipient("", f"{found.person} has no channel")
            elif until_us := is_quiet(plan, person, severity, now_us):
                found = Recipient(found.person, f"{found.why}; held in quiet hours", until_us)
        yield found


def _person(plan: Plan, target: str, facts: dict[str, str], now_us: int) -> Recipient:
    if target == OWNER:
        named = facts.get("owner") or facts.get("agent", "")
        if not named:
            return Recipient("", "no owner is named")
        if named not in plan.people:
            return Recipient("", "the owner is not among the people")
        return _present(plan, named, "owner", now_us)
    if target == DEPARTMENT:
        department = facts.get("department", "")
        if not department:
            return Recipient("", "no department is named")
        if department not in plan.departments:
            return Recipient("", f"nobody is named for the department {department}")
        return _person(plan, plan.departments[department], facts, now_us)
    if target in plan.schedules:
        cover = on_call(plan, target, now_us)
        if cover.why == GAP:
            return Recipient("", f"nobody is on call as {target}")
        why = f"on call as {target}" + ("" if cover.why == TURN else f" ({cover.why})")
        return Recipient(cover.person, why)
    return _present(plan, target, "named", now_us)


def _present(plan: Plan, person: str, why: str, now_us: int) -> Recipient:
    """Somebody, or the deputy while on leave."""
    zone = plan.zone_of()
    for one in plan.absences:
        if one.person == person and one.start.us(zone) <= now_us < one.end.us(zone):
            if one.deputy and not absent(plan, one.deputy, now_us):
                return Recipient(one.deputy, f"{why}; stands in for {person}, who is on leave")
            return Recipient("", f"{person} is on leave")
    return Recipient(person, why)
