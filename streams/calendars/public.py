"""Public holidays and make-up working days of a country or a part of it, from a library of them.

Never guesses: what is not decreed yet, or only estimated, stands in the notes.
"""

from collections.abc import Iterator
from datetime import date
from inspect import signature
from typing import Any

import holidays

from engine.hours import Hours, Intervals
from streams.calendars.days import Days, UnusableCalendar, check_years, opened

__all__ = ["public_holidays"]


def public_holidays(
    hours: Hours, country: str, years: range, *, subdivision: str | None = None, worked: Intervals | None = None
) -> Days:
    """Public holidays of a country (ISO 3166 code) or of its subdivision in some years, closed; make-up working days open as
    `worked` says, else as the first weekday of `hours` that opens.

    Raises UnusableCalendar on a country, subdivision or year that the library has nothing about. Years whose moved working days
    have not been decreed, or not been taken up by the library, and dates that depend on a sighting of the moon are in the notes.
    """
    check_years(years)
    calendar = _country(country, subdivision, years)
    exceptions = opened((day for day in calendar.weekend_workdays if day.year in years), hours, worked)
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
