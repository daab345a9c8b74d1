"""Times of a week by the wall clock of a zone, such as `{mon-fri: 09:00-18:00}` or `22:00-07:00`.

Owns their grammar and whether an instant lies in them, and when that changes next. Never knows holidays. Law: a time past midnight
belongs to the day on which it begins; a night in which clocks are changed has the hours that the wall clock shows.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

__all__ = ["Week", "local", "us"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_DAY_MINUTES = 1440
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def local(instant_us: int, zone: ZoneInfo) -> datetime:
    """The wall clock of a zone."""
    return (_EPOCH + timedelta(microseconds=instant_us)).astimezone(zone)


def us(moment: datetime) -> int:
    """The instant of an aware moment; of a time that clocks skip, the instant at which it would have been."""
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


class Week:
    """Minutes of each weekday, Monday first, from and until; `until` may lie up to a day past midnight."""

    def __init__(self, said: object) -> None:
        """From `22:00-07:00` for every day, or from days and their times. Raises ValueError."""
        days: list[tuple[tuple[int, int], ...]] = [()] * 7
        named = said.items() if isinstance(said, dict) else (("mon-sun", said),)
        for name, times in named:
            spans = tuple(_span(text) for text in (times if isinstance(times, list) else [times]))
            for day in _days(str(name)):
                days[day] = spans
        if not any(days):
            raise ValueError("no time of the week is named; write it like 22:00-07:00 or {mon-fri: 09:00-18:00}")
        self.days = tuple(days)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Week) and self.days == other.days

    def __hash__(self) -> int:
        return hash(self.days)

    def covers(self, instant_us: int, zone: ZoneInfo) -> bool:
        """Whether the wall clock stands within."""
        at = local(instant_us, zone)
        minute = at.hour * 60 + at.minute
        today, before = self.days[at.weekday()], self.days[at.weekday() - 1]
        return any(begin <= minute < end for begin, end in today) or any(
            minute < end - _DAY_MINUTES for _, end in before
        )

    def edges(self, from_us: int, until_us: int, zone: ZoneInfo) -> Iterator[int]:
        """Instants after `from_us` and before `until_us` at which a time begins or ends, in no order."""
        day = local(from_us, zone).date() - timedelta(days=1)
        last = local(until_us, zone).date()
        while day <= last:
            for span in self.days[day.weekday()]:
                for minute in span:
                    edge_us = us(_moment(day, minute, zone))
                    if from_us < edge_us < until_us:
                        yield edge_us
            day += timedelta(days=1)

    def ends_us(self, instant_us: int, zone: ZoneInfo) -> int:
        """When the wall clock will next stand outside; the instant itself if it does, a week later if it never will."""
        if not self.covers(instant_us, zone):
            return instant_us
        week_us = 7 * 86_400_000_000
        edges = sorted(self.edges(instant_us, instant_us + week_us, zone))
        return next((edge for edge in edges if not self.covers(edge, zone)), instant_us + week_us)


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The wall time of a minute counted from a day's midnight; past the last one it is of the next day."""
    midnight = datetime(day.year, day.month, day.day)
    return (midnight + timedelta(minutes=minute)).replace(tzinfo=zone)


def _span(text: object) -> tuple[int, int]:
    found = _RANGE.fullmatch(str(text))
    if found:
        begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        if begin < _DAY_MINUTES and end <= _DAY_MINUTES and int(found[2]) < 60 and int(found[4]) < 60:
            return begin, end if end > begin else end + _DAY_MINUTES
    raise ValueError(f"{text!r} is no time of day; write it like 09:00-18:00 or 22:00-07:00")


def _days(name: str) -> list[int]:
    first, _, last = name.partition("-")
    if first not in _DAYS or (last and last not in _DAYS):
        raise ValueError(f"{name!r} is no weekday; write mon, or mon-fri")
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    if end < begin:
        raise ValueError(f"{name!r} goes backwards; write it as two entries")
    return list(range(begin, end + 1))
