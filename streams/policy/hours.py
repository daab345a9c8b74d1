"""The working hours of a policy's file: weekdays and their intervals, holidays of a country, and days with hours of their own.

Owns the grammar of hours. Never asks what day it is: the years whose holidays are wanted are an argument. What a calendar of holidays
does not know stands in the notes.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from engine.errors import InvalidSetting
from engine.hours import Hours, Intervals
from engine.source import Entries, InvalidFile, Items, Node, Text
from streams.calendars.days import Days, UnusableCalendar
from streams.calendars.feed import FEED_BYTES_MAX, feed_days
from streams.calendars.public import public_holidays
from streams.policy.files import Files

__all__ = ["HOURS_KEYS", "WEEKDAYS", "hours_of"]

HOURS_KEYS = ("week", "zone", "holidays", "calendar", "closed", "open")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_INTERVAL = re.compile(r"(\d\d):(\d\d) ?- ?(\d\d):(\d\d)", re.ASCII)
_DAYS = re.compile(r"([a-z]{3})(?: ?- ?([a-z]{3}))?", re.ASCII)
_COUNTRY = re.compile(r"([A-Z]{2})(?:-([A-Z0-9]{1,4}))?", re.ASCII)
_DAY_MIN = 1440


def hours_of(
    said: Mapping[str, Node], where: str, zone: str, years: range, files: Files
) -> tuple[Hours, tuple[str, ...]]:
    """Hours from the entries of `HOURS_KEYS`, and notes on what the holidays' calendar does not know of these years.

    `zone` holds where the entries name none; calendars are taken from `files`. Raises InvalidFile.
    """
    if "week" not in said:
        raise InvalidFile(f"{where}: the hours do not say their week; write week: {{mon-fri: 09:00-18:00}}")
    try:
        return _hours_of(said, zone, years, files)
    except InvalidFile:
        raise
    except InvalidSetting as error:
        raise InvalidFile(f"{where}: {error}") from None


def _hours_of(said: Mapping[str, Node], zone: str, years: range, files: Files) -> tuple[Hours, tuple[str, ...]]:
    hours = Hours(_text(said["zone"]) if "zone" in said else zone, _week(said["week"]))
    notes: tuple[str, ...] = ()
    if "holidays" in said:
        days = _holidays(said["holidays"], hours, years)
        hours, notes = days.added_to(hours), days.notes
    if "calendar" in said:
        days = _feed(said["calendar"], hours, years, files)
        hours, notes = days.added_to(hours), notes + days.notes
    closed = frozenset(_date(item) for item in _items(said["closed"])) if "closed" in said else frozenset()
    opened = _opened(said["open"]) if "open" in said else {}
    kept = {day: own for day, own in hours.exceptions.items() if day not in closed}
    return replace(hours, closed=(hours.closed - opened.keys()) | closed, exceptions={**kept, **opened}), notes


def _week(node: Node) -> tuple[Intervals, ...]:
    week: list[Intervals] = [()] * 7
    for name, intervals in _entries(node, "a week").items():
        found = _DAYS.fullmatch(name)
        ends = [WEEKDAYS.index(day) for day in (found[1], found[2] or found[1]) if day in WEEKDAYS] if found else []
        if len(ends) != 2 or ends[0] > ends[1]:
            raise InvalidFile(f"{intervals.where}: {name!r} is no day of the week; write mon, or mon-fri")
        for day in range(ends[0], ends[1] + 1):
            if week[day]:
                raise InvalidFile(f"{intervals.where}: {WEEKDAYS[day]} is said twice; keep one of the two")
            week[day] = _intervals(intervals)
    return tuple(week)


def _opened(node: Node) -> dict[date, Intervals]:
    return {_date(Text(node.where, day)): _intervals(own) for day, own in _entries(node, "open").items()}


def _intervals(node: Node) -> Intervals:
    return tuple(_interval(item) for item in _items(node))


def _interval(node: Node) -> tuple[int, int]:
    """`09:00-18:00` in minutes of the day; one that ends no later than it begins ends on the next day."""
    found = _INTERVAL.fullmatch(_text(node))
    if not found:
        raise InvalidFile(f"{node.where}: {_text(node)!r} is no interval; write it like 09:00-18:00")
    first_hour, first_minute, last_hour, last_minute = (int(part) for part in found.groups())
    begin, end = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if max(first_minute, last_minute) > 59 or begin >= _DAY_MIN or end > _DAY_MIN:
        raise InvalidFile(f"{node.where}: {_text(node)!r} has a time that does not exist; correct it")
    return begin, end if end > begin else end + _DAY_MIN


def _holidays(node: Node, hours: Hours, years: range) -> Days:
    found = _COUNTRY.fullmatch(_text(node))
    if not found:
        raise InvalidFile(f"{node.where}: {_text(node)!r} is no country; write its code like CN, or US-NY")
    try:
        return public_holidays(hours, found[1], years, subdivision=found[2])
    except UnusableCalendar as error:
        raise InvalidFile(f"{node.where}: {error}") from None


def _feed(node: Node, hours: Hours, years: range, files: Files) -> Days:
    try:
        return feed_days(files.read(Text(node.where, _text(node)), FEED_BYTES_MAX)[1], hours, years)
    except UnusableCalendar as error:
        raise InvalidFile(f"{node.where}: {error}") from None


def _date(node: Node) -> date:
    try:
        return date.fromisoformat(_text(node))
    except ValueError:
        raise InvalidFile(f"{node.where}: {_text(node)!r} is no date; write it like 2026-10-01") from None


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else (node,)


def _entries(node: Node, what: str) -> Mapping[str, Node]:
    if not isinstance(node, Entries):
        raise InvalidFile(f"{node.where}: {what} consists of days and intervals; write mon-fri: 09:00-18:00")
    return node.entries


def _text(node: Node) -> str:
    if not isinstance(node, Text):
        raise InvalidFile(f"{node.where}: a list or a mapping stands where one value belongs; write the value alone")
    return node.text
