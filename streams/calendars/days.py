"""Days in place of what hours say of the same dates, and the arithmetic of spans of wall time that makes them.

Never knows where a day comes from.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from engine.hours import Hours, Intervals

__all__ = ["YEARS_MAX", "Days", "Span", "UnusableCalendar", "by_date", "check_years", "joined", "opened", "without"]

YEARS_MAX = 100
_DAY_MIN = 1440

#: Minutes of wall time since year 1 from when to when.
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


def check_years(years: range) -> None:
    """Raises UnusableCalendar on years that nobody plans for, or too many."""
    if years.step != 1 or not 1900 <= years.start < years.stop <= 2300 or len(years) > YEARS_MAX:
        raise UnusableCalendar(
            f"the years {years.start} to {years.stop - 1} cannot be used; ask for 1 to {YEARS_MAX} from 1900 to 2299"
        )


def opened(days: Iterable[date], hours: Hours, worked: Intervals | None) -> dict[date, Intervals]:
    """Days that open as `worked` says, else as the first weekday that opens. Raises UnusableCalendar where neither says when."""
    if worked is None:
        worked = next((intervals for intervals in hours.week if intervals), None)
    opened = dict.fromkeys(days, worked or ())
    if opened and not worked:
        raise UnusableCalendar(
            f"{min(opened)} is worked, but no weekday says from when to when; give the hours of such days"
        )
    return opened


def without(hours: Hours, taken: list[Span], closed: frozenset[date], years: range) -> Days:
    """The closed dates, and those on which `taken`, ascending and apart, leaves of the hours less than they had."""
    # What began the evening before may reach into the day.
    touched = {day for begin, end in taken for day in range(begin // _DAY_MIN - 1, (end - 1) // _DAY_MIN + 1)}
    bases = {day: hours.intervals(date.fromordinal(day + 1)) for day in sorted(touched) if day >= 0}
    spans = [(day * _DAY_MIN + begin, day * _DAY_MIN + end) for day, base in bases.items() for begin, end in base]
    left = by_date([piece for span in spans for piece in _pieces(span, taken)], years)
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


def joined(spans: list[Span]) -> list[Span]:
    """The spans ascending, those that overlap made one; those that only touch stay two, for a day ends at midnight."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def by_date(spans: Iterable[Span], years: range) -> dict[date, Intervals]:
    """Spans as intervals of the date that each begins on."""
    days: dict[date, Intervals] = {}
    for begin, end in sorted(spans):
        day, minute = divmod(begin, _DAY_MIN)
        on = date.fromordinal(day + 1)
        if on.year in years:
            days[on] = (*days.get(on, ()), (minute, minute + end - begin))
    return days
