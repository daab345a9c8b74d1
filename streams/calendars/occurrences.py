"""When the events of a feed occur in some years, exceptions, additions and changed occurrences told apart.

The law: how much is expanded, and for how long, is limited.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from icalendar import Event

from streams.calendars.days import Span, UnusableCalendar
from streams.calendars.moments import (
    key_of,
    length_of,
    microseconds_of,
    minutes_of,
    moment_of,
    moments_in,
    refused,
    wall_of,
)

__all__ = ["occurrences"]

#: Dates that all occurrences together touch.
DATES_MAX = 100_000
#: A rule that never comes true is looked for until the calendar ends, so the search itself has a limit.
EXPANSION_S_MAX = 3.0
_RULE_PARTS = {
    "FREQ", "UNTIL", "COUNT", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST",
}  # fmt: skip
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_RULE_YEAR_MIN = 1600


def occurrences(events: list[Event], zone: ZoneInfo, years: range) -> tuple[set[date], list[Span]]:
    """Whole dates, and timed spans in minutes of wall time since year 1, of all events in those years."""
    expansion = _Expansion(zone, years)
    changed: dict[str, set[date | datetime]] = {}
    for event in events:
        if "RECURRENCE-ID" in event:
            changed.setdefault(str(event.get("UID")), set()).add(key_of(moment_of(event, "RECURRENCE-ID")))
    for event in events:
        if str(event.get("STATUS", "")).upper() != "CANCELLED":
            expansion.add(event, set() if "RECURRENCE-ID" in event else changed.get(str(event.get("UID")), set()))
    return expansion.whole, expansion.timed


class _Expansion:
    """Occurrences found so far, and what may still be spent on finding more."""

    def __init__(self, zone: ZoneInfo, years: range) -> None:
        self.zone = zone
        #: A day wider than the years, for zones.
        self.first = datetime(years.start, 1, 1) - timedelta(days=1)
        self.end = datetime(years.stop, 1, 1) + timedelta(days=1)
        self.years = years
        self.whole: set[date] = set()
        self.timed: list[Span] = []
        self.dates_left = DATES_MAX
        self.until_s = monotonic() + EXPANSION_S_MAX

    def add(self, event: Event, moved: set[date | datetime]) -> None:
        """Takes the event's occurrences but those in `moved`."""
        start = moment_of(event, "DTSTART")
        length = length_of(event, start)
        excluded = moved | {key_of(moment) for moment in moments_in(event, "EXDATE")}
        if isinstance(start, datetime):
            # Rules run by the wall clock of the event's own zone.
            for wall in self._walls(event, start.replace(tzinfo=None), start.tzinfo, length):
                moment = wall.replace(tzinfo=start.tzinfo)
                if key_of(moment) not in excluded and wall.date() not in excluded:
                    self._take_span(moment, moment + length)
        else:
            for wall in self._walls(event, datetime(start.year, start.month, start.day), None, length):
                if wall.date() not in excluded:
                    self._take_dates(wall, wall + length)

    def _walls(self, event: Event, start: datetime, zone: Any, length: timedelta) -> Iterator[datetime]:
        """Wall times at which an occurrence begins that reaches into the years."""
        first = self.first - length
        extra = {wall_of(moment, zone) for moment in moments_in(event, "RDATE")} | {start}
        found = {wall for wall in extra if first <= wall < self.end}
        rules = event.get("RRULE")
        if rules is not None:
            found |= set(self._by_rule(event, rules, start, zone, first))
        yield from sorted(found)

    def _by_rule(self, event: Event, rule: Any, start: datetime, zone: Any, first: datetime) -> Iterator[datetime]:
        number = event["X-NUMBER"]
        if isinstance(rule, list) or "EXRULE" in event:
            raise refused(number, "has several recurrence rules")
        parts = set(rule)
        if not parts <= _RULE_PARTS or str(rule.get("FREQ", [""])[0]).upper() not in _FREQUENCIES:
            raise refused(number, "repeats by the hour or in a way that opening hours cannot")
        if start.year < _RULE_YEAR_MIN:
            raise refused(number, f"repeats from before the year {_RULE_YEAR_MIN}")
        if start >= self.end:
            return
        if not all(
            isinstance(times, int) and times > 0 for part in ("INTERVAL", "COUNT") for times in rule.get(part, [1])
        ):
            raise refused(number, "repeats at no interval or no number of times")
        until = rule.pop("UNTIL", [None])[0]
        if until is not None and until.year < _RULE_YEAR_MIN:
            return
        # The Gregorian calendar repeats every 400 years. In its last cycles a rule that never comes true ends soonest.
        cycles = (9998 - self.years.stop) // 400 * 400
        try:
            expanded = rrulestr(rule.to_ical().decode(), dtstart=start.replace(year=start.year + cycles))
            if until is not None and until.year < self.years.stop:
                # A date says that the whole of it still belongs.
                last = wall_of(until, zone) + (
                    timedelta() if isinstance(until, datetime) else timedelta(days=1, seconds=-1)
                )
                expanded = expanded.replace(until=last.replace(year=last.year + cycles))
        except (ValueError, TypeError, AttributeError):
            raise refused(number, "has a recurrence rule that cannot be read") from None
        end = self.end.replace(year=self.end.year + cycles)
        for later in expanded:
            self._spend(0)
            if later >= end:
                break
            wall = later.replace(year=later.year - cycles)
            if wall >= first:
                self._spend(1)
                yield wall
        self._spend(0)

    def _spend(self, dates: int) -> None:
        self.dates_left -= dates
        if self.dates_left < 0 or monotonic() > self.until_s:
            raise UnusableCalendar(
                f"the feed's events repeat too often: more than {DATES_MAX} dates or {EXPANSION_S_MAX:g} s to find them;"
                " ask for fewer years or use a smaller feed"
            )

    def _take_dates(self, start: datetime, end: datetime) -> None:
        day, until = max(start.date(), self.first.date()), min(end.date(), self.end.date())
        self._spend(max(0, (until - day).days))
        self.whole |= {
            taken for offset in range((until - day).days) if (taken := day + timedelta(days=offset)).year in self.years
        }

    def _take_span(self, start: datetime, end: datetime) -> None:
        begin, until = max(wall_of(start, self.zone), self.first), min(wall_of(end, self.zone), self.end)
        if begin < until:
            self._spend((until - begin).days + 1)
            self.timed.append((minutes_of(begin), -(-microseconds_of(until) // 60_000_000)))
