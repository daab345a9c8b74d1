"""Days that are not like others, by name: sales and holidays, from the command line and from a policy.

Owns which day bears which name. Never forecasts: `engine.capacity.forecast` learns from days of one name what the next of it brings. Law: a day has one
name; what is said by hand goes before a sale of the policy, and that before a holiday.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from engine.policy import Policy

__all__ = ["HOLIDAY", "OTHER_HOURS", "Named", "event_option", "named_days"]

#: A day on which some working hours of the policy are closed by a calendar, and one on which they are others than the week's.
HOLIDAY, OTHER_HOURS = "holiday", "other hours"
DAYS_MAX = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Names and days.
Named = tuple[str, frozenset[date]]


class _Event(click.ParamType):
    """`sale=2026-11-10..2026-11-12`."""

    name = "event"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Named:
        name, _, days = str(value).partition("=")
        first, _, last = days.partition("..")
        try:
            begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
            if not name or not 0 <= (end - begin).days < DAYS_MAX:
                raise ValueError
        except ValueError:
            self.fail(
                f"{value!r} is no event; write it like sale=2026-11-11 or sale=2026-11-10..2026-11-12", param, ctx
            )
        return name, frozenset(begin + timedelta(days=day) for day in range((end - begin).days + 1))


event_option = click.option(
    "--event", "named", multiple=True, type=_Event(), metavar="NAME=DATE[..DATE]",
    help="Days that are not like others for the forecast; days of one name tell what the next of it brings.",
)  # fmt: skip


def named_days(
    midnights_us: Sequence[int], zone: ZoneInfo, said: Sequence[Named], policy: Policy | None = None
) -> list[str]:
    """By local midnight the name of its day, "" for one like others. Of the policy's hours those of this zone count: holidays of elsewhere
    are days like others here."""
    names: dict[date, str] = {}
    for hours in (one for one in (policy.hours.values() if policy else ()) if one.zone == str(zone)):
        names |= dict.fromkeys(hours.closed, HOLIDAY)
        names |= dict.fromkeys(hours.exceptions, OTHER_HOURS)
    for period in policy.periods if policy else ():
        names |= _days_of(period.start_us, period.end_us, zone, period.name)
    for name, days in said:
        names |= dict.fromkeys(days, name)
    return [names.get(_local(midnight_us, zone), "") for midnight_us in midnights_us]


def _days_of(start_us: int, end_us: int, zone: ZoneInfo, name: str) -> Mapping[date, str]:
    """Every day of which a part lies in a period."""
    first, last = _local(start_us, zone), _local(end_us - 1, zone)
    return {first + timedelta(days=day): name for day in range(min((last - first).days + 1, DAYS_MAX))}


def _local(us: int, zone: ZoneInfo) -> date:
    return (_EPOCH + timedelta(microseconds=us)).astimezone(zone).date()
