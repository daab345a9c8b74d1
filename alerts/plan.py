"""What an alerts file says: people, channels, schedules, ladders, rules, mutes.

Owns these settings and their words, frozen. Never holds what is raised, never reads a file: see alerts.reading. Durations and
instants are int64 microseconds.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from alerts.week import Week, us
from engine.alarms import Alarm
from engine.events import DIMENSIONS
from engine.times import DAY_US, HOUR_US, MINUTE_US, duration_us

__all__ = [
    "NONE", "SEVERITIES", "Absence", "Channel", "Conditions", "Duration", "Ladder", "Level", "Local", "Mute",
    "Override", "Person", "Plan", "Rotation", "Rule", "Schedule", "facts_of", "matches",
]  # fmt: skip

#: The least first.
SEVERITIES = ("info", "warning", "critical")
#: In place of a ladder: nobody is told.
NONE = "none"
DURATION_US_MAX = 31 * DAY_US
#: What conditions may name and what groups may be made by.
WORDS = (
    "commitment", "step", "about", "name", *DIMENSIONS, "kind", "grade", "priority", "department", "owner", "agent",
    "severity",
)  # fmt: skip

#: Words and the values that are meant.
Conditions = dict[str, str | list[str]]


class Duration(int):
    """Microseconds, written `30s`, `1h30m`; `none` is 0."""

    @classmethod
    def read(cls, said: object) -> "Duration":
        found = 0 if said == NONE else duration_us(str(said))
        if found > DURATION_US_MAX:
            raise ValueError(f"{said!r} is longer than 31 days; write a shorter time")
        return cls(found)


class Local:
    """A date, or date and time by the wall clock of a zone that is known only later."""

    def __init__(self, said: object) -> None:
        try:
            self.moment = datetime.fromisoformat(str(said))
        except ValueError:
            raise ValueError(f"{said!r} is no date; write it like 2026-11-12 or 2026-11-10 20:00") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Local) and self.moment == other.moment

    def __hash__(self) -> int:
        return hash(self.moment)

    def us(self, zone: ZoneInfo) -> int:
        return us(self.moment if self.moment.tzinfo else self.moment.replace(tzinfo=zone))


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file."""


class Channel(Setting, frozen=True, kw_only=True):
    """A way by which messages go out: the address in Apprise's words, or `webhook+https://…`, `pagerduty+https://…`."""

    url: str = ""
    url_file: str = ""
    secret_file: str = ""
    """Of a webhook: what its body is signed with."""
    per_minute: int = 20
    """Messages in any 60 seconds; more are merged."""
    private: str = "no"
    """`yes` lets it reach this machine and private networks."""


class Person(Setting, frozen=True, kw_only=True):
    """Somebody who is told."""

    name: str = ""
    language: str = "zh"
    channels: list[str]
    """In order: the next one when one fails."""
    quiet: Week | None = None
    quiet_unless: str = "critical"
    """What is at least so severe comes all the same."""
    zone: str = ""


class Rotation(Setting, frozen=True, kw_only=True):
    """People who take turns of so many days from an instant on, at its time of day, in some hours only if so said."""

    people: list[str]
    every: Duration = Duration(7 * DAY_US)
    start: Local = msgspec.field(name="from")
    hours: Week | None = None
    holidays: str = ""
    """A country: `on` only its public holidays, or none of them."""
    on: str = "all"


class Override(Setting, frozen=True, kw_only=True):
    """Somebody instead of whoever has the turn."""

    person: str
    start: Local = msgspec.field(name="from")
    end: Local = msgspec.field(name="until")


class Absence(Setting, frozen=True, kw_only=True):
    """Somebody who is told nothing for a time; a deputy instead, if named."""

    person: str
    start: Local = msgspec.field(name="from")
    end: Local = msgspec.field(name="until")
    deputy: str = ""


class Schedule(Setting, frozen=True, kw_only=True):
    """Who is on call. The first rotation that covers an instant has it; overrides come before, the fallback after all of them."""

    rotations: list[Rotation] = []
    overrides: list[Override] = []
    calendar: str = ""
    """An iCalendar file beside this one, whose events are named after people; they are as overrides, after those of above."""
    zone: str = ""
    fallback: str = ""


class Level(Setting, frozen=True, kw_only=True):
    """Who is told at one level of a ladder, and how long before the next is: `owner`, `department`, a schedule or a person."""

    to: list[str]
    wait: Duration = Duration(10 * MINUTE_US)
    hours: Week | None = None


class Ladder(Setting, frozen=True, kw_only=True):
    """Levels from below; repeated so often when nobody acts. An acknowledgement holds for a time only."""

    levels: list[Level]
    repeat: int = 0
    acknowledged_for: Duration = Duration(30 * MINUTE_US)


class Rule(Setting, frozen=True, kw_only=True):
    """What is told by which ladder; of several rules the first one whose conditions hold."""

    name: str
    when: Conditions = {}
    hours: Week | None = None
    severity: str = ""
    """Left out: what the condition says, else `warning` for a warning and `critical` for a breach."""
    ladder: str
    by: tuple[str, ...] = ("commitment", "queue", "tenant")
    """What has these in common is one alert with a count."""
    wait: Duration = Duration(0)
    """Before the first message: what ends by itself until then is told nobody."""
    resolve_after: Duration = Duration(0)
    tell_end: str = "no"
    expires: Duration = Duration(DAY_US)


class Mute(Setting, frozen=True, kw_only=True):
    """What is not told for a while, or at some hours of each week, and why."""

    name: str
    when: Conditions = {}
    start: Local | None = msgspec.field(name="from", default=None)
    end: Local | None = msgspec.field(name="until", default=None)
    hours: Week | None = None
    reason: str = ""


class Plan(Setting, frozen=True, kw_only=True):
    """All of a file, sound: every name that it uses is there."""

    zone: str = "Asia/Shanghai"
    link: str = ""
    """Where people reach this service: acknowledgement links begin so. Without it messages have none."""
    link_for: Duration = Duration(DAY_US)
    departments: dict[str, str] = {}
    """Who is told for a department: a schedule or a person."""
    people: dict[str, Person] = {}
    channels: dict[str, Channel] = {}
    schedules: dict[str, Schedule] = {}
    absences: list[Absence] = []
    ladders: dict[str, Ladder]
    rules: list[Rule]
    mutes: list[Mute] = []
    reopen_within: Duration = Duration(10 * MINUTE_US)
    """What comes back so soon is the same alert."""
    flapping: int = 3
    """What came back so often within the hour is told only when it has lasted for `flapping_wait`."""
    flapping_wait: Duration = Duration(5 * MINUTE_US)
    flapping_within: Duration = Duration(HOUR_US)
    snooze_max: Duration = Duration(8 * HOUR_US)
    undelivered_after: Duration = Duration(HOUR_US)
    """A message that no channel took for so long is given up."""

    def rule(self, name: str) -> Rule | None:
        """The rule of that name, None when the file has it no longer."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def zone_of(self, zone: str = "") -> ZoneInfo:
        """A part's own zone, or the file's."""
        return ZoneInfo(zone or self.zone)


def facts_of(alarm: Alarm) -> dict[str, str]:
    """What conditions are compared with. Whom an alarm about a customer is about is no fact."""
    facts = dict(zip(DIMENSIONS, alarm.values, strict=False)) | dict(alarm.more)
    facts |= {"commitment": alarm.commitment, "step": alarm.step, "about": alarm.about}
    if alarm.about != "customer":
        facts["name"] = alarm.name
        if alarm.about in ("agent", "case", "contact", "promise"):
            facts.setdefault(alarm.about, alarm.name)
    return {name: value for name, value in facts.items() if value}


def matches(when: Conditions, facts: dict[str, str]) -> bool:
    """Whether every word has one of its values."""
    return all(facts.get(word, "") in (meant if isinstance(meant, list) else (meant,)) for word, meant in when.items())
