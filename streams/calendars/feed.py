"""An iCalendar feed as days.

A feed is hostile: of its text only the few properties that time needs are parsed, each of a bounded size.
"""

import re
from typing import Literal
from zoneinfo import ZoneInfo

from icalendar import Event

from engine.hours import Hours, Intervals
from streams.calendars.days import Days, UnusableCalendar, by_date, check_years, joined, opened, without
from streams.calendars.moments import refused
from streams.calendars.occurrences import occurrences

__all__ = ["FEED_BYTES_MAX", "feed_days"]

FEED_BYTES_MAX = 1 << 20
EVENTS_MAX = 5_000
#: Of one property's line, unfolded; lists of single dates may be as long as the feed.
LINE_BYTES_MAX = 500
_SINGLE_DATES = ("EXDATE", "RDATE")
_PROPERTIES = ("UID", "DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RECURRENCE-ID", "STATUS", *_SINGLE_DATES)


def feed_days(
    data: bytes,
    hours: Hours,
    years: range,
    *,
    meaning: Literal["closed", "open"] = "closed",
    worked: Intervals | None = None,
) -> Days:
    """The days of an iCalendar feed in some years, to be added to `hours`, in whose zone floating times are read.

    `closed`: an all-day event closes its dates; a timed one takes its time out of the intervals that `hours` has. `open`: an
    all-day event opens its dates as `worked` says, else as the first weekday that opens; the timed ones of a date are its
    intervals. Seconds are rounded outwards to minutes. Raises UnusableCalendar on what cannot be read or is too much.
    """
    _check_size(data)
    check_years(years)
    whole, timed = occurrences(_events(data), ZoneInfo(hours.zone), years)
    if meaning == "closed":
        closed = Days(closed=frozenset(whole))
        return without(closed.added_to(hours), joined(timed), closed.closed, years)
    return Days(exceptions=opened(whole, hours, worked) | by_date(joined(timed), years))


def _check_size(data: bytes) -> None:
    if len(data) > FEED_BYTES_MAX:
        raise UnusableCalendar(f"the feed is larger than {FEED_BYTES_MAX} bytes; use one that holds only the days off")


def _events(data: bytes) -> list[Event]:
    """The feed's events with the properties that matter here.

    Everything else is left out before parsing: free text because nobody needs it, and descriptions of zones because the
    library would expand their rules without a limit and keep them for all later feeds; zones are known by their names.
    """
    lines = re.sub(rb"\r?\n[ \t]", b"", data.removeprefix(b"\xef\xbb\xbf")).splitlines()
    inside: list[bytes] = []
    texts: list[list[bytes]] = []
    for line in lines:
        head, _, value = line.partition(b":")
        name = head.partition(b";")[0].strip().upper()
        if name == b"BEGIN":
            inside.append(value.strip().upper())
            if inside == [b"VCALENDAR", b"VEVENT"]:
                texts.append([])
        elif name == b"END" and inside:
            inside.pop()
        elif inside == [b"VCALENDAR", b"VEVENT"] and name.decode("ascii", "replace") in _PROPERTIES:
            if len(line) > LINE_BYTES_MAX and name.decode() not in _SINGLE_DATES:
                raise UnusableCalendar(
                    f"event {len(texts)} has a {name.decode()} longer than {LINE_BYTES_MAX} bytes; shorten it"
                )
            texts[-1].append(line)
    if not lines or lines[0].strip().upper() != b"BEGIN:VCALENDAR" or inside:
        raise UnusableCalendar(
            "the feed is no whole iCalendar, from BEGIN:VCALENDAR to END:VCALENDAR; check its address"
        )
    if len(texts) > EVENTS_MAX:
        raise UnusableCalendar(
            f"the feed has {len(texts)} events, more than {EVENTS_MAX}; use one that holds only the days off"
        )
    return [_event(number, text) for number, text in enumerate(texts, 1)]


def _event(number: int, lines: list[bytes]) -> Event:
    try:
        event = Event.from_ical(b"\r\n".join((b"BEGIN:VEVENT", *lines, b"END:VEVENT", b"")))
    except Exception as error:  # Whatever a hostile line makes the library raise, it is the feed's fault.
        raise refused(number, f"cannot be read ({type(error).__name__})") from None
    if not isinstance(event, Event) or event.errors:
        names = ", ".join(str(name)[:20] for name, _ in event.errors) if isinstance(event, Event) else "event"
        raise refused(number, f"has no valid {names}")
    event["X-NUMBER"] = number
    return event
