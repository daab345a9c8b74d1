"""An alerts file read into a plan: every name that it uses is known, or it is refused with file, line and remedy.

Owns what is checked. Never follows what a plan means. Law: a plan that was read can be used as it is; nothing is looked up later.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from alerts.plan import NONE, SEVERITIES, WORDS, Duration, Local, Plan
from alerts.week import Week
from engine.errors import InvalidSetting
from engine.source import Entries, Faults, Items, Node, compose
from engine.times import DAY_US

__all__ = ["DEFAULT", "default_plan", "files_named", "plan_of", "read_plan"]

DEFAULT = Path(__file__).with_name("default.yaml")
#: Addresses of channels are longer than names.
TEXT_CHARACTERS_MAX = 4_096
LEVELS_MAX, RULES_MAX, NAMES_MAX = 10, 500, 5_000
OWNER, DEPARTMENT = "owner", "department"
#: Lines by the path of an entry, such as `$.people.lin.quiet` or `$.rules[3]`.
Lines = dict[str, int]
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_READERS: dict[type, Callable[[Any], Any]] = {Duration: Duration.read, Week: Week, Local: Local}
_PATH = re.compile(r" - at `([^`]*)`$")


def read_plan(path: Path) -> Plan:
    """The plan of a file. Raises InvalidSetting, and OSError where it cannot be read."""
    return plan_of(path.read_bytes(), str(path), path.parent)


def default_plan() -> Plan:
    """The plan that is shipped, in which nobody has a channel yet."""
    return read_plan(DEFAULT)


def files_named(path: Path) -> tuple[Path, ...]:
    """The files beside a file that it names, with secrets and calendars; none where it is no plan."""
    try:
        plan = msgspec.convert(_load(path.read_bytes(), str(path))[0], Plan, strict=False, dec_hook=_read)
    except (msgspec.ValidationError, InvalidSetting):
        return ()
    named = [name for one in plan.channels.values() for name in (one.url_file, one.secret_file)]
    return tuple(path.parent / name for name in (*named, *(one.calendar for one in plan.schedules.values())) if name)


def plan_of(data: bytes, name: str, folder: Path = Path()) -> Plan:
    """The plan that some bytes are; `folder` is where the files lie that it names."""
    said, lines = _load(data, name)
    try:
        plan = msgspec.convert(said, Plan, strict=False, dec_hook=_read)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        told = _PATH.sub("", str(error))
        line = _line(found[1], said, lines) if found else 1
        raise InvalidSetting(f"{name}:{line}: {found[1] if found else 'the file'}: {told}") from None
    faults = [f"{name}:{_nearest(path, lines)}: {told}" for path, told in _faults(plan)]
    if faults:
        raise InvalidSetting("\n".join(faults))
    return _with_secrets(plan, name, lines, folder)


def _load(data: bytes, name: str) -> tuple[Any, Lines]:
    """What the file says, and where."""
    faults = Faults()
    root = compose(data, name, faults, TEXT_CHARACTERS_MAX)
    if faults.told:
        raise InvalidSetting("\n".join(faults.told))
    lines: Lines = {}
    return _plain(root, "$", lines), lines


def _plain(node: Node, path: str, lines: Lines) -> Any:
    lines.setdefault(path, _line_of(node.where))
    if isinstance(node, Items):
        return [_plain(item, f"{path}[{place}]", lines) for place, item in enumerate(node.items)]
    if isinstance(node, Entries):
        lines |= {f"{path}.{name}": _line_of(place) for name, place in node.places.items()}
        return {name: _plain(entry, f"{path}.{name}", lines) for name, entry in node.entries.items()}
    return node.text


def _line_of(where: str) -> int:
    return int(where.rpartition(":")[2])


def _read(kind: type, said: Any) -> Any:
    return _READERS[kind](said)


def _line(path: str, said: Any, lines: Lines) -> int:
    """The line of a path in which msgspec leaves names of mappings out: the first entry under which it leads somewhere."""
    pattern = re.escape(path).replace(re.escape("[...]"), r"\.[^.\[]+")
    for known, line in lines.items():
        if re.fullmatch(pattern, known):
            return line
    return _nearest(path.partition("[...]")[0], lines)


def _nearest(path: str, lines: Lines) -> int:
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path, 1)


def _faults(plan: Plan) -> Iterator[tuple[str, str]]:
    """Paths and sentences of what names something that is not there, or is out of its range."""
    known = set(plan.people) | set(plan.schedules)
    if len(plan.people) + len(plan.channels) + len(plan.schedules) > NAMES_MAX or len(plan.rules) > RULES_MAX:
        yield "$", f"there are more than {NAMES_MAX} names or {RULES_MAX} rules; have fewer"
    yield from _zone_faults(plan)
    for name in set(plan.people) & set(plan.schedules):
        yield f"$.people.{name}", f"{name!r} is a schedule as well; rename one of the two"
    for name in known & {OWNER, DEPARTMENT, NONE}:
        yield f"$.people.{name}", f"{name!r} has a meaning of its own on ladders; choose another name"
    for name, person in plan.people.items():
        for channel in person.channels:
            if channel not in plan.channels:
                yield f"$.people.{name}.channels", f"there is no channel {channel!r}; add it under channels"
        if person.language not in ("zh", "en"):
            yield f"$.people.{name}.language", f"{person.language!r} is no language of ours; write zh or en"
        if person.quiet_unless not in (*SEVERITIES, NONE):
            yield f"$.people.{name}.quiet_unless", f"write one of {', '.join(SEVERITIES)}, or none"
    for name, way in plan.channels.items():
        if bool(way.url) == bool(way.url_file):
            yield f"$.channels.{name}", "write either url or url_file"
        if not 1 <= way.per_minute <= 6_000:
            yield f"$.channels.{name}.per_minute", "write a number from 1 to 6000"
        if way.private not in ("yes", "no"):
            yield f"$.channels.{name}.private", "write yes or no"
    for name, schedule in plan.schedules.items():
        named = [schedule.fallback, *(one.person for one in schedule.overrides)]
        for rotation in schedule.rotations:
            named += rotation.people
            if rotation.every < DAY_US or rotation.every % DAY_US:
                yield (
                    f"$.schedules.{name}",
                    "a turn lasts whole days; for shifts within a day write rotations with hours",
                )
            if not rotation.people:
                yield f"$.schedules.{name}", "a rotation has no people; name somebody"
            if rotation.on not in ("all", "holidays", "workdays") or (rotation.on != "all") != bool(rotation.holidays):
                yield f"$.schedules.{name}", "write holidays: COUNTRY together with on: holidays or on: workdays"
        yield from _unknown(f"$.schedules.{name}", named, plan.people)
    for place, absence in enumerate(plan.absences):
        yield from _unknown(f"$.absences[{place}]", [absence.person, absence.deputy], plan.people)
    yield from _unknown("$.departments", list(plan.departments.values()), known)
    for name, ladder in plan.ladders.items():
        if not 1 <= len(ladder.levels) <= LEVELS_MAX or not 0 <= ladder.repeat <= 100:
            yield f"$.ladders.{name}", f"a ladder has 1 to {LEVELS_MAX} levels and is repeated up to 100 times"
        for place, level in enumerate(ladder.levels):
            path = f"$.ladders.{name}.levels[{place}]"
            if not level.wait:
                yield path, "a level must wait for some time before the next is told; write wait: 10m"
            yield from _unknown(path, level.to, known | {OWNER, DEPARTMENT})
    yield from _rule_faults(plan)


def _rule_faults(plan: Plan) -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    for place, rule in enumerate(plan.rules):
        path = f"$.rules[{place}]"
        if rule.name in names:
            yield path, f"there is a rule {rule.name!r} already; rename one of the two"
        names.add(rule.name)
        if rule.ladder != NONE and rule.ladder not in plan.ladders:
            yield f"{path}.ladder", f"there is no ladder {rule.ladder!r}; add it, or write none to tell nobody"
        if rule.severity not in ("", *SEVERITIES):
            yield f"{path}.severity", f"write one of {', '.join(SEVERITIES)}"
        if rule.tell_end not in ("yes", "no"):
            yield f"{path}.tell_end", "write yes or no"
        if not rule.expires:
            yield f"{path}.expires", "an alert must end some day; write expires: 24h"
        for word in (*rule.when, *rule.by):
            if word not in WORDS:
                yield path, f"{word!r} is nothing that an alarm says; choose from {', '.join(WORDS)}"
    for place, mute in enumerate(plan.mutes):
        if not (mute.hours or mute.end):
            yield f"$.mutes[{place}]", "a mute must end; write until: or hours:"
        for word in mute.when:
            if word not in WORDS:
                yield f"$.mutes[{place}]", f"{word!r} is nothing that an alarm says; choose from {', '.join(WORDS)}"


def _zone_faults(plan: Plan) -> Iterator[tuple[str, str]]:
    zones = [("$.zone", plan.zone)]
    zones += [(f"$.people.{name}.zone", person.zone) for name, person in plan.people.items() if person.zone]
    zones += [(f"$.schedules.{name}.zone", one.zone) for name, one in plan.schedules.items() if one.zone]
    for path, zone in zones:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            yield path, f"{zone!r} is no IANA time zone; write it like Asia/Shanghai or UTC"


def _unknown(path: str, names: list[str], known: Any) -> Iterator[tuple[str, str]]:
    for name in names:
        if name and name not in known:
            yield path, f"{name!r} is nobody in this file; add it under people or schedules"


def _with_secrets(plan: Plan, name: str, lines: Lines, folder: Path) -> Plan:
    """The plan with addresses in place of the variables and files that hold them."""
    channels = {}
    for key, channel in plan.channels.items():
        where = f"{name}:{_nearest(f'$.channels.{key}', lines)}"
        url = _file(folder / channel.url_file, where) if channel.url_file else channel.url
        if found := _VARIABLE.fullmatch(url):
            if not os.environ.get(found[1]):
                raise InvalidSetting(f"{where}: the variable {found[1]} is not set; set it, or write url_file")
            url = os.environ[found[1]]
        channels[key] = msgspec.structs.replace(channel, url=url, url_file="", secret_file=(
            _file(folder / channel.secret_file, where) if channel.secret_file else ""
        ))  # fmt: skip
    schedules = {
        key: msgspec.structs.replace(
            one, calendar=_file(folder / one.calendar, f"{name}:{_nearest(f'$.schedules.{key}', lines)}")
        )
        if one.calendar
        else one
        for key, one in plan.schedules.items()
    }
    return msgspec.structs.replace(plan, channels=channels, schedules=schedules)


def _file(path: Path, where: str) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise InvalidSetting(f"{where}: the file {path} cannot be read: {reason}; correct its name or rights") from None
