"""The periods of scheduled reports: which day, week or month is the newest that is over and due.

Owns the calendar of it. Never asks the time. Law: a period is whole local days of the report's zone, and is due on the day after its last one.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.times import DAY_US, HOUR_US
from streams.reports.letters import Letter

__all__ = ["STEPS_US", "Period", "newest"]

#: How finely a report of each kind draws its trend.
STEPS_US = {"day": HOUR_US, "week": DAY_US, "month": DAY_US}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Period:
    """Half open, in microseconds, and from when on its report may go."""

    from_us: int
    until_us: int
    due_us: int


def newest(letter: Letter, now_us: int) -> Period:
    """The newest period whose report is due at `now_us`."""
    today = (_EPOCH + timedelta(microseconds=now_us)).astimezone(letter.zone).date()
    end = _began(letter.every, today)
    if _instant(end, letter.at_minutes, letter.zone) > now_us:
        end = _began(letter.every, end - timedelta(days=1))
    begin = _began(letter.every, end - timedelta(days=1))
    return Period(
        _instant(begin, 0, letter.zone), _instant(end, 0, letter.zone), _instant(end, letter.at_minutes, letter.zone)
    )


def _began(every: str, day: date) -> date:
    """The first day of the period that a day lies in."""
    if every == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every == "month" else day


def _instant(day: date, minutes: int, zone: ZoneInfo) -> int:
    """By the wall clock of the zone; one that a change of clocks skips is as much later."""
    at = datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=zone)
    return (at - _EPOCH) // timedelta(microseconds=1)
