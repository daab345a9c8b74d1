"""Schedules as iCalendar: turns written for other calendars to read, and other calendars' events read as turns.

Owns the two formats. Never decides who has a duty. What comes from outside has limits: size, events, occurrences.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from icalendar import Calendar, Component, Event

from alerts.week import local, us
from engine.errors import InvalidSetting

__all__ = ["CALENDAR_BYTES_MAX", "calendar_of", "events_of"]

CALENDAR_BYTES_MAX = 1 << 20
EVENTS_MAX = 5_000
OCCURRENCES_MAX = 20_000
#: Repeated events are followed for so long from their beginning.
REPEATED_FOR = timedelta(days=3 * 366)
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")


def calendar_of(name: str, turns: Iterable[tuple[int, int, str]]) -> bytes:
    """Turns (from, until, who) as an iCalendar file."""
    calendar = Calendar()
    calendar.add("prodid", "-//Floorwatch//on call//EN")
    calendar.add("version", "2.0")
    for start_us, end_us, who in turns:
        event = Event()
        event.add("uid", f"{name}-{start_us}@floorwatch")
        event.add("summary", who)
        event.add("dtstamp", local(start_us, ZoneInfo("UTC")))
        event.add("dtstart", local(start_us, ZoneInfo("UTC")))
        event.add("dtend", local(end_us, ZoneInfo("UTC")))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


@lru_cache(maxsize=32)
def events_of(text: str, zone: str) -> tuple[tuple[int, int, str], ...]:
    """From, until and summary of each event, floating times read in a zone. Raises InvalidSetting on what cannot be read."""
    if len(text) > CALENDAR_BYTES_MAX:
        raise InvalidSetting(
            f"a calendar is larger than {CALENDAR_BYTES_MAX:,} bytes; use one that holds only the turns"
        )
    try:
        events = [
            part for part in Calendar.from_ical(text).walk("VEVENT") if str(part.get("STATUS", "")) != "CANCELLED"
        ]
        if len(events) > EVENTS_MAX:
            raise InvalidSetting(f"a calendar has more than {EVENTS_MAX:,} events; use one that holds only the turns")
        return tuple(sorted(turn for event in events for turn in _turns(event, ZoneInfo(zone))))
    except InvalidSetting:
        raise
    except Exception as error:  # Whatever a hostile line makes the library raise, it is the calendar's fault.
        raise InvalidSetting(f"a calendar cannot be read ({type(error).__name__}); export it again") from None


def _turns(event: Component, zone: ZoneInfo) -> Iterable[tuple[int, int, str]]:
    start = _moment(event.decoded("DTSTART"), zone)
    if "DTEND" in event:
        length_us = us(_moment(event.decoded("DTEND"), zone)) - us(start)
    else:
        length = event.decoded("DURATION") if "DURATION" in event else timedelta(days=1)
        length_us = length // timedelta(microseconds=1)
    who = str(event.get("SUMMARY", "")).strip()
    for begin in _begins(event, start):
        yield us(begin), us(begin) + length_us, who


def _begins(event: Component, start: datetime) -> Iterable[datetime]:
    rule = event.get("RRULE")
    if rule is None:
        return [start]
    if str(rule["FREQ"][0]) not in _FREQUENCIES:
        raise InvalidSetting("a calendar repeats an event within a day; write such turns as rotations with hours")
    wall = start.replace(tzinfo=None)
    text = rule.to_ical().decode()
    text = ";".join(part for part in text.split(";") if not part.startswith("UNTIL="))
    until = rule.get("UNTIL")
    last = wall + REPEATED_FOR
    if until:
        last = min(last, _moment(until[0], start.tzinfo).astimezone(start.tzinfo).replace(tzinfo=None))
    found: list[datetime] = []
    for moment in rrulestr(text, dtstart=wall).xafter(wall, inc=True, count=OCCURRENCES_MAX):
        if moment > last:
            break
        found.append(moment.replace(tzinfo=start.tzinfo))
    return found


def _moment(said: date | datetime, zone: object) -> datetime:
    at = said if isinstance(said, datetime) else datetime(said.year, said.month, said.day)
    return at if at.tzinfo else at.replace(tzinfo=zone if isinstance(zone, ZoneInfo) else UTC)
