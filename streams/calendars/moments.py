"""The times in an event of a feed: single ones, lists, lengths, and what the clock on the wall shows then.

The law: a time that is missing, of another kind or in an unknown zone is refused, never guessed.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from icalendar import Event

from streams.calendars.days import YEARS_MAX, UnusableCalendar

__all__ = ["key_of", "length_of", "microseconds_of", "minutes_of", "moment_of", "moments_in", "refused", "wall_of"]


def refused(number: object, detail: str) -> UnusableCalendar:
    """What is to be raised about an event, by its number in the feed."""
    return UnusableCalendar(f"event {number} of the feed {detail}; correct or remove it there")


def moment_of(event: Event, name: str) -> date | datetime:
    """The property's date or time. Raises UnusableCalendar where it is missing, of no such kind, or in an unknown zone."""
    value = event.get(name)
    moment = getattr(value, "dt", None)
    if not isinstance(moment, date):
        raise refused(event["X-NUMBER"], f"has no single {name}")
    parameters = value.params
    _check_year(event, moment)
    if "RANGE" in parameters:
        raise refused(event["X-NUMBER"], "changes an occurrence and all that follow, which is not supported")
    if isinstance(moment, datetime) and moment.tzinfo is None and "TZID" in parameters:
        raise refused(event["X-NUMBER"], f"has a time in the unknown zone {str(parameters['TZID'])[:40]!r}")
    return moment


def _check_year(event: Event, moment: date | datetime) -> None:
    # Room for zones and lengths to be added without leaving the years that dates have.
    if not 2 <= moment.year <= 9_000:
        raise refused(event["X-NUMBER"], f"has a date in the year {moment.year}")


def length_of(event: Event, start: date | datetime) -> timedelta:
    """From the start to the end as the wall clock of the event counts it; a date without an end lasts a day. Raises UnusableCalendar."""
    length: Any
    if "DTEND" in event:
        end = moment_of(event, "DTEND")
        if isinstance(start, datetime) != isinstance(end, datetime):
            raise refused(event["X-NUMBER"], "begins on a date and ends at a time, or the reverse")
        if isinstance(start, datetime) and isinstance(end, datetime):
            length = wall_of(end, start.tzinfo) - start.replace(tzinfo=None)
        else:
            length = end - start
    elif "DURATION" in event:
        length = getattr(event["DURATION"], "dt", timedelta(-1))
    else:
        length = timedelta(days=0 if isinstance(start, datetime) else 1)
    if not isinstance(length, timedelta) or length < timedelta(0):
        raise refused(event["X-NUMBER"], "ends before it begins")
    if length > timedelta(days=366 * YEARS_MAX):
        raise refused(event["X-NUMBER"], f"lasts longer than {YEARS_MAX} years")
    return length


def moments_in(event: Event, name: str) -> Iterator[date | datetime]:
    """All dates or times of a property that may be said several times. Raises UnusableCalendar as `moment_of` does."""
    values = event.get(name, [])
    for value in values if isinstance(values, list) else [values]:
        for entry in value.dts:
            if not isinstance(entry.dt, date) or (
                isinstance(entry.dt, datetime) and entry.dt.tzinfo is None and "TZID" in value.params
            ):
                raise refused(event["X-NUMBER"], f"has a period or an unknown zone in {name}")
            _check_year(event, entry.dt)
            yield entry.dt


def key_of(moment: date | datetime) -> date | datetime:
    """What two writings of one occurrence have in common."""
    return moment.astimezone(UTC) if isinstance(moment, datetime) and moment.tzinfo else moment


def wall_of(moment: date | datetime, zone: Any) -> datetime:
    """What the clock on the wall of a zone shows at a moment, without the zone; of a date its midnight."""
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)
    return (moment.astimezone(zone) if moment.tzinfo and zone else moment).replace(tzinfo=None)


def microseconds_of(wall: datetime) -> int:
    """Since year 1."""
    return (wall - datetime.min) // timedelta(microseconds=1)


def minutes_of(wall: datetime) -> int:
    """Whole ones since year 1."""
    return microseconds_of(wall) // 60_000_000
