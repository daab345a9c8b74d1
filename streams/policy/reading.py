"""A policy from its file: what each entry is called, what belongs into it, and a sentence with the line for what does not.

Never decides which line holds: see engine.policy. The law: a file is taken whole or not at all, all its faults are said at once, and
a limit that it does not name stays as the default policy has it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache, lru_cache, partial
from importlib.resources import files as package_files
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from engine.definitions import Measure
from engine.errors import InvalidSetting
from engine.hours import Hours
from engine.measures import SERVICE_LEVELS
from engine.policy import (
    CLOCKS,
    CONDITIONS,
    COUNTS,
    DUTIES,
    GRADES,
    LIMITS,
    OF_CASES,
    Grade,
    Line,
    Period,
    Policy,
)
from engine.source import FILE_BYTES_MAX, Entries, Faults, InvalidFile, Items, Node, Text
from engine.times import duration_us
from streams.options import zone_of
from streams.policy.conditions import conditions_of
from streams.policy.files import Beside, Bundle, Files, Kept
from streams.policy.hours import HOURS_KEYS, hours_of
from streams.policy.including import INCLUDE, compose_all
from streams.policy.measures import MEASURE_KEYS, measure_of
from streams.policy.parts import entries_of as _entries
from streams.policy.parts import texts_of as _texts
from streams.policy.parts import word_of as _word
from streams.policy.sources import SourcedPolicy, sources_of
from streams.policy.words import (
    LIMIT_US_MAX,
    NONE,
    instant_us,
    is_yes,
    limit_due,
    limit_number,
    limit_us,
    share_permille,
)

__all__ = [
    "DEFAULT_NAME", "LINES_MAX", "bundled", "default_bundle", "default_policy", "default_text", "is_default", "parse_policy",
    "read_bundle", "read_policy", "unbundled",
]  # fmt: skip

T = TypeVar("T")
#: How places in the default policy are called.
DEFAULT_NAME = "default.yaml"
#: Every line is compared with every other.
LINES_MAX = 1_000
#: Faults that are said of one file; the others are counted.
FAULTS_MAX = 50
#: Of dates where the file names no zone.
ZONE = ZoneInfo("Asia/Shanghai")
_SECTIONS = (
    "zone",
    "service_level",
    "periods",
    "hours",
    "grades",
    "limits",
    "measures",
    "conditions",
    "sources",
    INCLUDE,
)
#: Where a fault stands: its file and line.
_PLACE = re.compile(r"(.*?):(\d+): ")
#: Holidays are asked for from this year on, up to the next.
HOLIDAYS_FROM = 2015
#: What a line may say beside its conditions: the field of `Line`, and how its text is read.
_OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "limit": ("limit_us", limit_us),
    "warn_at": ("warn_permille", share_permille),
    "hours": ("hours", str),
    "pauses": ("pauses", is_yes),
}


def read_policy(path: Path) -> Policy:
    """The policy of a file. Raises InvalidFile with all its faults, OSError where it cannot be read."""
    return read_bundle(path)[1]


def read_bundle(path: Path, files: Files | None = None) -> tuple[Bundle, Policy]:
    """A file with all that it names, and the policy that they are. Raises as `read_policy`; `files` has then what was asked for."""
    with path.open("rb") as file:
        return bundled(file.read(FILE_BYTES_MAX + 1), str(path), files)


def parse_policy(data: bytes, name: str) -> Policy:
    """The policy of a file's bytes; `name` is how its places are called. Raises InvalidFile with all its faults."""
    return bundled(data, name)[1]


def bundled(data: bytes, name: str, files: Files | None = None) -> tuple[Bundle, Policy]:
    """The same with what it is made of; what it names is taken from `files`, else from the folder of `name`."""
    files = files or Beside(name)
    year = date.today().year
    policy = _parsed(data, name, files, _standing_on(default_text().encode(), year), year)
    return Bundle(name, data, default_text().encode(), year, dict(files.taken)), policy


def unbundled(bundle: Bundle) -> Policy:
    """The policy of a bundle, the same whenever it is asked for. Raises InvalidFile where this version refuses it."""
    default = _standing_on(bundle.ground, bundle.year)
    return default if is_default(bundle) else _parsed(bundle.text, bundle.name, Kept(bundle), default, bundle.year)


def default_bundle() -> Bundle:
    """The default policy as a bundle."""
    return Bundle(DEFAULT_NAME, b"", default_text().encode(), date.today().year)


def is_default(bundle: Bundle) -> bool:
    """Whether a bundle says nothing of its own."""
    return not bundle.text


def default_policy() -> Policy:
    """The policy that ships with Floorwatch: what is watched where nobody says otherwise."""
    return _standing_on(default_text().encode(), date.today().year)


@lru_cache(8)
def _standing_on(text: bytes, year: int) -> Policy:
    return _parsed(text, DEFAULT_NAME, Beside(DEFAULT_NAME), Policy(()), year)


@cache
def default_text() -> str:
    """The default policy's file, with its comments."""
    return (package_files("streams.policy") / "default.yaml").read_text("utf-8")


def _parsed(data: bytes, name: str, files: Files, default: Policy, year: int) -> Policy:
    faults = Faults()
    given: dict[str, Any] = {}
    with faults.gathered():
        given = _policy(compose_all(data, name, files, faults), files, default, year, faults)
    if faults.told:
        raise InvalidFile(*_in_order(faults.told, [name, *(str(files.folder / asked) for asked in files.asked)]))
    try:
        return SourcedPolicy(**given)
    except InvalidSetting as fault:
        raise InvalidFile(str(fault)) from None


def _in_order(told: list[str], names: Sequence[str]) -> list[str]:
    """Faults by their files and lines, as many as somebody reads."""

    def place(fault: str) -> tuple[int, int]:
        at = _PLACE.match(fault)
        return (names.index(at[1]), int(at[2])) if at and at[1] in names else (len(names), 0)

    found = sorted((*place(fault), fault) for fault in set(told))
    rest = found[FAULTS_MAX:]
    more = [f"{names[rest[0][0]]}:{rest[0][1]}: here and below are {len(rest):,} faults more"] if rest else []
    return [fault for *_, fault in found[:FAULTS_MAX]] + more


def _policy(node: Node, files: Files, default: Policy, year: int, faults: Faults) -> dict[str, Any]:
    said = _entries(node, _SECTIONS, "the file", faults)
    given: dict[str, Any] = {"lines": default.lines, "service_level": default.service_level}
    of_dates = ZONE
    if "zone" in said:
        with faults.gathered():
            of_dates = _word(said["zone"], zone_of)
    if "service_level" in said:
        with faults.gathered():
            given["service_level"] = _word(said["service_level"], _formula)
    if "periods" in said:
        given["periods"] = tuple(_gathered(said["periods"], partial(_period, of_dates, faults), faults))
    given["hours"], given["notes"], given["grades"] = dict(default.hours), (), default.grades
    if "hours" in said:
        years = range(HOLIDAYS_FROM, year + 2)
        for hours, entries in _named_entries(said["hours"]).items():
            with faults.gathered():
                known = _entries(entries, HOURS_KEYS, "hours", faults)
                given["hours"][hours], notes = hours_of(known, entries.where, of_dates.key, years, files)
                given["notes"] += tuple(f"{entries.where}: {note}" for note in notes)
    if "grades" in said:
        none = isinstance(said["grades"], Text) and said["grades"].text == NONE
        given["grades"] = () if none else tuple(_gathered(said["grades"], partial(_grade, faults), faults))
    if "limits" in said:
        with faults.gathered():
            given["lines"] = _lines(said["limits"], default, faults)
    given["measures"] = default.measures
    if "measures" in said:
        with faults.gathered():
            given["measures"] = _measures(said["measures"], of_dates.key, given["hours"], faults)
    given["conditions"] = default.conditions
    if "conditions" in said:
        with faults.gathered():
            given["conditions"] = conditions_of(said["conditions"], default.conditions, faults)
    if "sources" in said:
        with faults.gathered():
            given["sources"] = sources_of(said["sources"], faults)
    return given


def _measures(node: Node, zone: str, hours: Mapping[str, Hours], faults: Faults) -> tuple[Measure, ...]:
    if isinstance(node, Text) and node.text == NONE:
        return ()
    return tuple(_gathered(node, partial(_measure, zone, hours, faults), faults))


def _measure(zone: str, hours: Mapping[str, Hours], faults: Faults, node: Node) -> Measure:
    if isinstance(node, Text):
        node = Entries(node.where, {"use": node}, {"use": node.where})
    return measure_of(_entries(node, MEASURE_KEYS, "a measure", faults), node.where, zone, hours)


def _lines(node: Node, default: Policy, faults: Faults) -> tuple[Line, ...]:
    limits = _entries(node, LIMITS, "limits", faults)
    lines: list[Line] = []
    for limit, entries in limits.items():
        lines += _gathered(entries, partial(_line, limit, faults), faults)
    if len(lines) > LINES_MAX:
        raise InvalidFile(f"{node.where}: there are {len(lines):,} lines; a policy may have {LINES_MAX:,}")
    return (*lines, *(entry for entry in default.lines if entry.limit not in limits))


def _line(limit: str, faults: Faults, node: Node) -> Line:
    if isinstance(node, Text):
        node = Entries(node.where, {"limit": node}, {"limit": node.where})
    said = _entries(node, (*_OPTIONS, *CONDITIONS), f"a line of {limit}", faults)
    if "limit" not in said:
        example = {"promise": "due"}.get(limit, "3" if limit in COUNTS else "30s")
        raise InvalidFile(f"{node.where}: the line does not say its limit; write limit: {example}, or limit: none")
    for option in ("warn_at", "hours", "pauses"):
        if option in said and limit not in (*CLOCKS, *(DUTIES if option != "pauses" else ())):
            raise InvalidFile(f"{said[option].where}: {limit} is no clock; leave {option} out")
    for name in OF_CASES:
        if name in said and limit not in DUTIES:
            raise InvalidFile(f"{said[name].where}: {limit} is of contacts, which have no {name}; leave it out")
    read_limit = limit_number if limit in COUNTS else limit_due if limit == "promise" else limit_us
    options = _OPTIONS | {"limit": ("limit_us", read_limit)}
    given = {field: _word(said[name], read) for name, (field, read) in options.items() if name in said}
    if limit not in (*CLOCKS, *DUTIES):
        given["warn_permille"] = 0
    when = {name: frozenset(_texts(said[name])) for name in CONDITIONS if name in said}
    return Line(limit, when=MappingProxyType(when), where=node.where, **given)


def _grade(faults: Faults, node: Node) -> Grade:
    conditions = tuple(name for name in CONDITIONS if name != "grade")
    said = _entries(node, ("grade", "after", *conditions), "a grade", faults)
    if "grade" not in said:
        raise InvalidFile(f"{node.where}: the rule does not say its grade; write grade: {GRADES[1]}")
    when = {name: frozenset(_texts(said[name])) for name in conditions if name in said}
    after_us = _word(said["after"], duration_us) if "after" in said else 0
    if after_us > LIMIT_US_MAX:
        raise InvalidFile(f"{said['after'].where}: a case does not stay open for longer than 366 days; correct after")
    return Grade(_word(said["grade"], str), MappingProxyType(when), after_us, node.where)


def _period(of_dates: ZoneInfo, faults: Faults, node: Node) -> Period:
    said = _entries(node, ("name", "from", "until"), "a period", faults)
    missing = [name for name in ("name", "from", "until") if name not in said]
    if missing:
        raise InvalidFile(f"{node.where}: the period does not say {' and '.join(missing)}; add it")
    start_us, end_us = (_word(said[name], lambda text: instant_us(text, of_dates)) for name in ("from", "until"))
    return Period(_word(said["name"], _named), start_us, end_us, node.where)


def _gathered(node: Node, read: Callable[[Node], T], faults: Faults) -> Iterable[T]:
    """What is read of each item of a list, or of the one thing that stands instead."""
    items = node.items if isinstance(node, Items) else (node,)
    found = []
    with faults.gathered():
        if not items:
            raise InvalidFile(f"{node.where}: the list is empty; write what it should say, or leave it out")
        for item in items:
            with faults.gathered():
                found.append(read(item))
    return found


def _named_entries(node: Node) -> Mapping[str, Node]:
    if not isinstance(node, Entries):
        raise InvalidFile(f"{node.where}: hours consist of names; write office: {{week: {{mon-fri: 09:00-18:00}}}}")
    return node.entries


def _named(text: str) -> str:
    if not text:
        raise ValueError("the period has an empty name; give it one")
    return text


def _formula(text: str) -> str:
    if text not in SERVICE_LEVELS:
        raise ValueError(f"{text!r} is no service-level formula; choose from {', '.join(SERVICE_LEVELS)}")
    return text
