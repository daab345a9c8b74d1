"""Who is on call: rotations, overrides, absences and holidays, at an instant or over a time.

Owns the turns. Never tells anybody and asks no clock. Law: a turn changes at the wall clock's time in the schedule's zone, so a day
on which clocks are changed has 23 or 25 hours and its turn too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from alerts.calendars import events_of
from alerts.plan import Plan, Rotation, Schedule
from alerts.week import local, us
from engine.times import DAY_US

__all__ = ["Cover", "absent", "on_call", "spans"]

#: Reasons for which somebody has the duty; the last one is that nobody has.
OVERRIDE, TURN, STAND_IN, FALLBACK, GAP = "override", "turn", "stands in", "fallback", "gap"


@dataclass(frozen=True)
class Cover:
    """Who has the duty, "" for nobody, and why."""

    person: str
    why: str


def on_call(plan: Plan, name: str, now_us: int) -> Cover:
    """Who has the duty of a schedule at an instant."""
    schedule = plan.schedules[name]
    zone = plan.zone_of(schedule.zone)
    for override in schedule.overrides:
        if override.start.us(zone) <= now_us < override.end.us(zone) and not absent(plan, override.person, now_us):
            return Cover(override.person, OVERRIDE)
    for start_us, end_us, person in _imported(plan, schedule, zone):
        if start_us <= now_us < end_us and not absent(plan, person, now_us):
            return Cover(person, OVERRIDE)
    for rotation in schedule.rotations:
        if _covers(rotation, now_us, zone):
            turn = _turn(rotation, now_us, zone)
            order = [rotation.people[(turn + step) % len(rotation.people)] for step in range(len(rotation.people))]
            deputy = _deputy(plan, order[0], now_us)
            for place, person in enumerate([order[0], *([deputy] if deputy else []), *order[1:]]):
                if not absent(plan, person, now_us):
                    return Cover(person, STAND_IN if place else TURN)
    if schedule.fallback and not absent(plan, schedule.fallback, now_us):
        return Cover(schedule.fallback, FALLBACK)
    return Cover("", GAP)


def absent(plan: Plan, person: str, now_us: int) -> bool:
    """Whether somebody is on leave."""
    zone = plan.zone_of()
    return any(one.person == person and one.start.us(zone) <= now_us < one.end.us(zone) for one in plan.absences)


def _deputy(plan: Plan, person: str, now_us: int) -> str:
    zone = plan.zone_of()
    found = (one for one in plan.absences if one.person == person and one.start.us(zone) <= now_us < one.end.us(zone))
    return next((one.deputy for one in found if one.deputy), "")


def spans(plan: Plan, name: str, from_us: int, until_us: int) -> Iterator[tuple[int, int, Cover]]:
    """From, until and who has the duty, without gaps between them, each as long as can be."""
    begin_us, cover = from_us, on_call(plan, name, from_us)
    for edge_us in sorted(set(_edges(plan, plan.schedules[name], from_us, until_us))):
        found = on_call(plan, name, edge_us)
        if found != cover:
            yield begin_us, edge_us, cover
            begin_us, cover = edge_us, found
    yield begin_us, until_us, cover


def _covers(rotation: Rotation, now_us: int, zone: ZoneInfo) -> bool:
    if now_us < rotation.start.us(zone) or (rotation.hours and not rotation.hours.covers(now_us, zone)):
        return False
    if rotation.on == "all":
        return True
    day = local(now_us, zone).date()
    return _is_holiday(rotation.holidays, day) == (rotation.on == "holidays")


def _turn(rotation: Rotation, now_us: int, zone: ZoneInfo) -> int:
    """How many turns have begun before this one; each begins at the wall clock's time of the first."""
    start, now = local(rotation.start.us(zone), zone), local(now_us, zone)
    days = (now.date() - start.date()).days - (now.time() < start.time())
    return days // (rotation.every // DAY_US)


def _edges(plan: Plan, schedule: Schedule, from_us: int, until_us: int) -> Iterator[int]:
    """Instants at which the duty may change."""
    zone, own = plan.zone_of(schedule.zone), plan.zone_of()
    marks = [instant for one in schedule.overrides for instant in (one.start.us(zone), one.end.us(zone))]
    marks += [instant for one in plan.absences for instant in (one.start.us(own), one.end.us(own))]
    marks += [instant for start, end, _ in _imported(plan, schedule, zone) for instant in (start, end)]
    for rotation in schedule.rotations:
        first = local(rotation.start.us(zone), zone)
        marks.append(us(first))
        if rotation.hours:
            marks += rotation.hours.edges(from_us, until_us, zone)
        day = local(from_us, zone).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        while us(day) < until_us:
            marks += [us(day), us(day.replace(hour=first.hour, minute=first.minute, second=first.second))]
            day += timedelta(days=1)
    return (mark for mark in marks if from_us < mark < until_us)


def _imported(plan: Plan, schedule: Schedule, zone: ZoneInfo) -> tuple[tuple[int, int, str], ...]:
    """What the schedule's calendar says of people that the plan knows, by their keys or names."""
    if not schedule.calendar:
        return ()
    names = {person.name: key for key, person in plan.people.items() if person.name} | {key: key for key in plan.people}
    found = events_of(schedule.calendar, str(zone))
    return tuple((start, end, names[said]) for start, end, said in found if said in names)


@lru_cache(maxsize=64)
def _days_off(country: str, year: int) -> frozenset[date]:
    country, _, subdivision = country.partition("-")
    return frozenset(holidays.country_holidays(country, subdivision or None, years=year, expand=False))


def _is_holiday(country: str, day: date) -> bool:
    return day in _days_off(country, day.year)
