"""Calendars from outside: public holidays with their make-up working days, and iCalendar feeds, as days that hours take.

Never fetches anything, and never guesses in silence: what a source does not know stands in the notes of its days. A feed is
hostile: of its text only the few properties that time needs are parsed, each of a bounded size, and how much is expanded is limited.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from inspect import signature
from time import monotonic
from typing import Any, Literal
from zoneinfo import ZoneInfo

import holidays
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from icalendar import Event

from engine.hours import Hours, Intervals

__all__ = ["FEED_BYTES_MAX", "Days", "UnusableCalendar", "feed_days", "public_holidays"]

FEED_BYTES_MAX = 1 << 20
EVENTS_MAX = 5_000
#: Of one property's line, unfolded; lists of single dates may be as long as the feed.
LINE_BYTES_MAX = 500
#: Dates that all occurrences together touch.
DATES_MAX = 100_000
YEARS_MAX = 100
#: A rule that never comes true is looked for until the calendar ends, so the search itself has a limit.
EXPANSION_S_MAX = 3.0

_DAY_MIN = 1440
_SINGLE_DATES = ("EXDATE", "RDATE")
_PROPERTIES = ("UID", "DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RECURRENCE-ID", "STATUS", *_SINGLE_DATES)
_RULE_PARTS = {
    "FREQ", "UNTIL", "COUNT", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST",
}  # fmt: skip
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_RULE_YEAR_MIN = 1600

Span = tuple[int, int]


class UnusableCalendar(ValueError):
    """A calendar from outside that cannot be used. The message says the fact, the detail, and what to do."""


@dataclass(frozen=True)
class Days:
    """Dates that are closed, dates with intervals of their own, and sentences about what the source does not know."""

    closed: frozenset[date] = frozenset()
    exceptions: Mapping[date, Intervals] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def added_to(self, hours: Hours) -> Hours:
        """The hours with these days in place of what they said of the same dates. Raises engine.errors.InvalidSetting when
        the result contradicts itself."""
        kept = {day: own for day, own in hours.exceptions.items() if day not in self.closed}
        return replace(
            hours,
            closed=(hours.closed - self.exceptions.keys()) | self.closed,
            exceptions={**kept, **self.exceptions},
        )


def public_holidays(
    hours: Hours, country: str, years: range, *, subdivision: str | None = None, worked: Intervals | None = None
) -> Days:
    """Public holidays of a country (ISO 3166 code) or of its subdivision in some years, closed; make-up working days open as
    `worked` says, else as the first weekday of `hours` that opens.

    Raises UnusableCalendar on a country, subdivision or year that the library has nothing about. Years whose moved working days
    have not been decreed, or not been taken up by the library, and dates that depend on a sighting of the moon are in the notes.
    """
    _check_years(years)
    calendar = _country(country, subdivision, years)
    exceptions = _opened((day for day in calendar.weekend_workdays if day.year in years), hours, worked)
    closed = frozenset(day for day in calendar if day.year in years) - exceptions.keys()
    return Days(closed, exceptions, tuple(_unknown(calendar, country, years, closed)))


def _country(country: str, subdivision: str | None, years: range) -> holidays.HolidayBase:
    known = holidays.list_supported_countries()
    if country not in known:
        raise UnusableCalendar(f"no holidays of {country[:20]!r} are known; write a country's code like CN, DE or US")
    if subdivision and subdivision not in known[country]:
        codes = ", ".join(known[country]) or "none: leave it out"
        raise UnusableCalendar(f"{country} has no subdivision {subdivision[:20]!r}; choose from {codes}")
    # Some countries hide by default that a date is estimated; the others do not know the option.
    marked = "islamic_show_estimated" in signature(type(holidays.country_holidays(country)).__init__).parameters
    options: dict[str, Any] = {"islamic_show_estimated": True} if marked else {}
    # A make-up day may lie in the year before the holiday that it pays for, or after.
    calendar = holidays.country_holidays(
        country, subdivision, years=range(years.start - 1, years.stop + 1), expand=False, **options
    )
    if not calendar.start_year <= years.start < years.stop <= calendar.end_year + 1:
        raise UnusableCalendar(
            f"holidays of {country} are known from {calendar.start_year} to {calendar.end_year},"
            f" not for all of {years.start} to {years.stop - 1}; ask for fewer years"
        )
    return calendar


def _unknown(calendar: holidays.HolidayBase, country: str, years: range, closed: frozenset[date]) -> Iterator[str]:
    if calendar.has_substituted_holidays:
        decreed = getattr(calendar, "special_public_holidays", {})
        first, last = min(decreed, default=0), max(decreed, default=0)
        unknown = [str(year) for year in years if not first <= year <= last]
        if unknown:
            yield (
                f"{country} {', '.join(unknown)}: only the holidays fixed by law are known, not which days are moved or"
                f" made up for (known: {first} to {last}); update the holidays package, or list the days as exceptions"
            )
    marks = {
        calendar.tr(getattr(calendar, label)).replace("%s", "").strip()
        for label in ("estimated_label", "observed_estimated_label")
        if getattr(calendar, label, None)
    }
    estimated = sorted(day for day in closed if any(mark in calendar[day] for mark in marks))
    if estimated:
        yield f"{country}: estimated, so check and correct by exceptions: {', '.join(map(str, estimated))}"


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
    _check_years(years)
    whole, timed = _occurrences(_events(data), ZoneInfo(hours.zone), years)
    if meaning == "closed":
        closed = Days(closed=frozenset(whole))
        return _without(closed.added_to(hours), _joined(timed), closed.closed, years)
    return Days(exceptions=_opened(whole, hours, worked) | _by_date(_joined(timed), years))


def _opened(days: Iterable[date], hours: Hours, worked: Intervals | None) -> dict[date, Intervals]:
    if worked is None:
        worked = next((intervals for intervals in hours.week if intervals), None)
    opened = dict.fromkeys(days, worked or ())
    if opened and not worked:
        raise UnusableCalendar(
            f"{min(opened)} is worked, but no weekday says from when to when; give the hours of such days"
        )
    return opened


def _without(hours: Hours, taken: list[Span], closed: frozenset[date], years: range) -> Days:
    """The closed dates, and those on which `taken`, ascending and apart, leaves of the hours less than they had."""
    # What began the evening before may reach into the day.
    touched = {day for begin, end in taken for day in range(begin // _DAY_MIN - 1, (end - 1) // _DAY_MIN + 1)}
    bases = {day: hours.intervals(date.fromordinal(day + 1)) for day in sorted(touched) if day >= 0}
    spans = [(day * _DAY_MIN + begin, day * _DAY_MIN + end) for day, base in bases.items() for begin, end in base]
    left = _by_date([piece for span in spans for piece in _pieces(span, taken)], years)
    found = {date.fromordinal(day + 1): (left.get(date.fromordinal(day + 1), ()), base) for day, base in bases.items()}
    changed = {day: own for day, (own, base) in found.items() if own != base and day.year in years}
    return Days(
        closed | {day for day, own in changed.items() if not own}, {day: own for day, own in changed.items() if own}
    )


def _pieces(span: Span, taken: list[Span]) -> Iterator[Span]:
    """What is left of a span."""
    begin, end = span
    for index in range(bisect_right(taken, begin, key=lambda one: one[1]), len(taken)):
        if taken[index][0] >= end:
            break
        if begin < taken[index][0]:
            yield begin, taken[index][0]
        begin = taken[index][1]
    if begin < end:
        yield begin, end


def _joined(spans: list[Span]) -> list[Span]:
    """The spans ascending, those that overlap made one; those that only touch stay two, for a day ends at midnight."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _by_date(spans: Iterable[Span], years: range) -> dict[date, Intervals]:
    """Spans as intervals of the date that each begins on."""
    days: dict[date, Intervals] = {}
    for begin, end in sorted(spans):
        day, minute = divmod(begin, _DAY_MIN)
        on = date.fromordinal(day + 1)
        if on.year in years:
            days[on] = (*days.get(on, ()), (minute, minute + end - begin))
    return days


def _check_size(data: bytes) -> None:
    if len(data) > FEED_BYTES_MAX:
        raise UnusableCalendar(f"the feed is larger than {FEED_BYTES_MAX} bytes; use one that holds only the days off")


def _check_years(years: range) -> None:
    if years.step != 1 or not 1900 <= years.start < years.stop <= 2300 or len(years) > YEARS_MAX:
        raise UnusableCalendar(
            f"the years {years.start} to {years.stop - 1} cannot be used; ask for 1 to {YEARS_MAX} from 1900 to 2299"
        )


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
        raise _refused(number, f"cannot be read ({type(error).__name__})") from None
    if not isinstance(event, Event) or event.errors:
        names = ", ".join(str(name)[:20] for name, _ in event.errors) if isinstance(event, Event) else "event"
        raise _refused(number, f"has no valid {names}")
    event["X-NUMBER"] = number
    return event


def _refused(number: object, detail: str) -> UnusableCalendar:
    return UnusableCalendar(f"event {number} of the feed {detail}; correct or remove it there")


def _occurrences(events: list[Event], zone: ZoneInfo, years: range) -> tuple[set[date], list[Span]]:
    """Whole dates, and timed spans in minutes of wall time since year 1, of all events in those years."""
    expansion = _Expansion(zone, years)
    changed: dict[str, set[date | datetime]] = {}
    for event in events:
        if "RECURRENCE-ID" in event:
            changed.setdefault(str(event.get("UID")), set()).add(_key(_moment(event, "RECURRENCE-ID")))
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
        start = _moment(event, "DTSTART")
        length = _length(event, start)
        excluded = moved | {_key(moment) for moment in _list(event, "EXDATE")}
        if isinstance(start, datetime):
            # Rules run by the wall clock of the event's own zone.
            for wall in self._walls(event, start.replace(tzinfo=None), start.tzinfo, length):
                moment = wall.replace(tzinfo=start.tzinfo)
                if _key(moment) not in excluded and wall.date() not in excluded:
                    self._take_span(moment, moment + length)
        else:
            for wall in self._walls(event, datetime(start.year, start.month, start.day), None, length):
                if wall.date() not in excluded:
                    self._take_dates(wall, wall + length)

    def _walls(self, event: Event, start: datetime, zone: Any, length: timedelta) -> Iterator[datetime]:
        """Wall times at which an occurrence begins that reaches into the years."""
        first = self.first - length
        extra = {_wall(moment, zone) for moment in _list(event, "RDATE")} | {start}
        found = {wall for wall in extra if first <= wall < self.end}
        rules = event.get("RRULE")
        if rules is not None:
            found |= set(self._by_rule(event, rules, start, zone, first))
        yield from sorted(found)

    def _by_rule(self, event: Event, rule: Any, start: datetime, zone: Any, first: datetime) -> Iterator[datetime]:
        number = event["X-NUMBER"]
        if isinstance(rule, list) or "EXRULE" in event:
            raise _refused(number, "has several recurrence rules")
        parts = set(rule)
        if not parts <= _RULE_PARTS or str(rule.get("FREQ", [""])[0]).upper() not in _FREQUENCIES:
            raise _refused(number, "repeats by the hour or in a way that opening hours cannot")
        if start.year < _RULE_YEAR_MIN:
            raise _refused(number, f"repeats from before the year {_RULE_YEAR_MIN}")
        if start >= self.end:
            return
        if not all(
            isinstance(times, int) and times > 0 for part in ("INTERVAL", "COUNT") for times in rule.get(part, [1])
        ):
            raise _refused(number, "repeats at no interval or no number of times")
        until = rule.pop("UNTIL", [None])[0]
        if until is not None and until.year < _RULE_YEAR_MIN:
            return
        # The Gregorian calendar repeats every 400 years. In its last cycles a rule that never comes true ends soonest.
        cycles = (9998 - self.years.stop) // 400 * 400
        try:
            expanded = rrulestr(rule.to_ical().decode(), dtstart=start.replace(year=start.year + cycles))
            if until is not None and until.year < self.years.stop:
                # A date says that the whole of it still belongs.
                last = _wall(until, zone) + (
                    timedelta() if isinstance(until, datetime) else timedelta(days=1, seconds=-1)
                )
                expanded = expanded.replace(until=last.replace(year=last.year + cycles))
        except (ValueError, TypeError, AttributeError):
            raise _refused(number, "has a recurrence rule that cannot be read") from None
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
        begin, until = max(_wall(start, self.zone), self.first), min(_wall(end, self.zone), self.end)
        if begin < until:
            self._spend((until - begin).days + 1)
            self.timed.append((_minutes(begin), -(-_microseconds(until) // 60_000_000)))


def _moment(event: Event, name: str) -> date | datetime:
    """The property's date or time. Raises UnusableCalendar where it is missing, of no such kind, or in an unknown zone."""
    value = event.get(name)
    moment = getattr(value, "dt", None)
    if not isinstance(moment, date):
        raise _refused(event["X-NUMBER"], f"has no single {name}")
    parameters = value.params
    _check_year(event, moment)
    if "RANGE" in parameters:
        raise _refused(event["X-NUMBER"], "changes an occurrence and all that follow, which is not supported")
    if isinstance(moment, datetime) and moment.tzinfo is None and "TZID" in parameters:
        raise _refused(event["X-NUMBER"], f"has a time in the unknown zone {str(parameters['TZID'])[:40]!r}")
    return moment


def _check_year(event: Event, moment: date | datetime) -> None:
    # Room for zones and lengths to be added without leaving the years that dates have.
    if not 2 <= moment.year <= 9_000:
        raise _refused(event["X-NUMBER"], f"has a date in the year {moment.year}")


def _length(event: Event, start: date | datetime) -> timedelta:
    length: Any
    if "DTEND" in event:
        end = _moment(event, "DTEND")
        if isinstance(start, datetime) != isinstance(end, datetime):
            raise _refused(event["X-NUMBER"], "begins on a date and ends at a time, or the reverse")
        if isinstance(start, datetime) and isinstance(end, datetime):
            length = _wall(end, start.tzinfo) - start.replace(tzinfo=None)
        else:
            length = end - start
    elif "DURATION" in event:
        length = getattr(event["DURATION"], "dt", timedelta(-1))
    else:
        length = timedelta(days=0 if isinstance(start, datetime) else 1)
    if not isinstance(length, timedelta) or length < timedelta(0):
        raise _refused(event["X-NUMBER"], "ends before it begins")
    if length > timedelta(days=366 * YEARS_MAX):
        raise _refused(event["X-NUMBER"], f"lasts longer than {YEARS_MAX} years")
    return length


def _list(event: Event, name: str) -> Iterator[date | datetime]:
    values = event.get(name, [])
    for value in values if isinstance(values, list) else [values]:
        for entry in value.dts:
            if not isinstance(entry.dt, date) or (
                isinstance(entry.dt, datetime) and entry.dt.tzinfo is None and "TZID" in value.params
            ):
                raise _refused(event["X-NUMBER"], f"has a period or an unknown zone in {name}")
            _check_year(event, entry.dt)
            yield entry.dt


def _key(moment: date | datetime) -> date | datetime:
    """What two writings of one occurrence have in common."""
    return moment.astimezone(UTC) if isinstance(moment, datetime) and moment.tzinfo else moment


def _wall(moment: date | datetime, zone: Any) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)
    return (moment.astimezone(zone) if moment.tzinfo and zone else moment).replace(tzinfo=None)


def _microseconds(wall: datetime) -> int:
    return (wall - datetime.min) // timedelta(microseconds=1)


def _minutes(wall: datetime) -> int:
    return _microseconds(wall) // 60_000_000
