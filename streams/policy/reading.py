"""A policy from its file: what each entry is called, what belongs into it, and a sentence with the line for what does not.

Never decides which line holds: see engine.policy. The law: a file is taken whole or not at all, all its faults are said at once, and
a limit that it does not name stays as the default policy has it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from engine.errors import InvalidSetting
from engine.measures import SERVICE_LEVELS
from engine.policy import (
    CLOCKS,
    CONDITIONS,
    COUNTS,
    DUTIES,
    LIMITS,
    OF_CASES,
    Line,
    Period,
    Policy,
)
from streams.options import zone_of
from streams.policy.conditions import conditions_of
from streams.policy.hours import HOURS_KEYS, hours_of
from streams.policy.parts import entries_of as _entries
from streams.policy.parts import texts_of as _texts
from streams.policy.parts import word_of as _word
from streams.policy.source import FILE_BYTES_MAX, Entries, Faults, InvalidPolicy, Items, Node, Text, compose
from streams.policy.words import instant_us, is_yes, limit_number, limit_us, share_permille

__all__ = ["DEFAULT_NAME", "LINES_MAX", "default_policy", "default_text", "parse_policy", "read_policy"]

T = TypeVar("T")
#: How places in the default policy are called.
DEFAULT_NAME = "default.yaml"
#: Every line is compared with every other.
LINES_MAX = 1_000
#: Faults that are said of one file; the others are counted.
FAULTS_MAX = 50
#: Of dates where the file names no zone.
ZONE = ZoneInfo("Asia/Shanghai")
_SECTIONS = ("zone", "service_level", "periods", "hours", "limits", "conditions")
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
    """The policy of a file. Raises InvalidPolicy with all its faults, OSError where it cannot be read."""
    with path.open("rb") as file:
        return parse_policy(file.read(FILE_BYTES_MAX + 1), str(path))


def parse_policy(data: bytes, name: str) -> Policy:
    """The policy of a file's bytes; `name` is how its places are called. Raises InvalidPolicy with all its faults."""
    return _parsed(data, name, default_policy())


@cache
def default_policy() -> Policy:
    """The policy that ships with Floorwatch: what is watched where nobody says otherwise."""
    return _parsed(default_text().encode(), DEFAULT_NAME, Policy(()))


def default_text() -> str:
    """The default policy's file, with its comments."""
    return (files("streams.policy") / "default.yaml").read_text("utf-8")


def _parsed(data: bytes, name: str, default: Policy) -> Policy:
    faults = Faults()
    given: dict[str, Any] = {}
    with faults.gathered():
        given = _policy(compose(data, name, faults), Path(name).parent, default, faults)
    if faults.told:
        raise InvalidPolicy(*_in_order(faults.told, name))
    try:
        return Policy(**given)
    except InvalidSetting as fault:
        raise InvalidPolicy(str(fault)) from None


def _in_order(told: list[str], name: str) -> list[str]:
    """Faults by their lines, as many as somebody reads."""
    found = sorted((int(fault.removeprefix(name).split(":")[1]), fault) for fault in told)
    rest = found[FAULTS_MAX:]
    more = [f"{name}:{rest[0][0]}: here and below are {len(rest):,} faults more"] if rest else []
    return [fault for _, fault in found[:FAULTS_MAX]] + more


def _policy(node: Node, folder: Path, default: Policy, faults: Faults) -> dict[str, Any]:
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
    given["hours"], given["notes"] = dict(default.hours), ()
    if "hours" in said:
        years = range(HOLIDAYS_FROM, date.today().year + 2)
        for hours, entries in _named_entries(said["hours"]).items():
            with faults.gathered():
                known = _entries(entries, HOURS_KEYS, "hours", faults)
                given["hours"][hours], notes = hours_of(known, entries.where, of_dates.key, years, folder)
                given["notes"] += tuple(f"{entries.where}: {note}" for note in notes)
    if "limits" in said:
        with faults.gathered():
            given["lines"] = _lines(said["limits"], default, faults)
    given["conditions"] = default.conditions
    if "conditions" in said:
        with faults.gathered():
            given["conditions"] = conditions_of(said["conditions"], default.conditions, faults)
    return given


def _lines(node: Node, default: Policy, faults: Faults) -> tuple[Line, ...]:
    limits = _entries(node, LIMITS, "limits", faults)
    lines: list[Line] = []
    for limit, entries in limits.items():
        lines += _gathered(entries, partial(_line, limit, faults), faults)
    if len(lines) > LINES_MAX:
        raise InvalidPolicy(f"{node.where}: there are {len(lines):,} lines; a policy may have {LINES_MAX:,}")
    return (*lines, *(entry for entry in default.lines if entry.limit not in limits))


def _line(limit: str, faults: Faults, node: Node) -> Line:
    if isinstance(node, Text):
        node = Entries(node.where, {"limit": node}, {"limit": node.where})
    said = _entries(node, (*_OPTIONS, *CONDITIONS), f"a line of {limit}", faults)
    if "limit" not in said:
        raise InvalidPolicy(f"{node.where}: the line does not say its limit; write limit: 30s, or limit: none")
    for option in ("warn_at", "hours", "pauses"):
        if option in said and limit not in (*CLOCKS, *(DUTIES if option != "pauses" else ())):
            raise InvalidPolicy(f"{said[option].where}: {limit} is no clock; leave {option} out")
    for name in OF_CASES:
        if name in said and limit not in DUTIES:
            raise InvalidPolicy(f"{said[name].where}: {limit} is of contacts, which have no {name}; leave it out")
    options = _OPTIONS | ({"limit": ("limit_us", limit_number)} if limit in COUNTS else {})
    given = {field: _word(said[name], read) for name, (field, read) in options.items() if name in said}
    if limit not in (*CLOCKS, *DUTIES):
        given["warn_permille"] = 0
    when = {name: frozenset(_texts(said[name])) for name in CONDITIONS if name in said}
    return Line(limit, when=MappingProxyType(when), where=node.where, **given)


def _period(of_dates: ZoneInfo, faults: Faults, node: Node) -> Period:
    said = _entries(node, ("name", "from", "until"), "a period", faults)
    missing = [name for name in ("name", "from", "until") if name not in said]
    if missing:
        raise InvalidPolicy(f"{node.where}: the period does not say {' and '.join(missing)}; add it")
    start_us, end_us = (_word(said[name], lambda text: instant_us(text, of_dates)) for name in ("from", "until"))
    return Period(_word(said["name"], _named), start_us, end_us, node.where)


def _gathered(node: Node, read: Callable[[Node], T], faults: Faults) -> Iterable[T]:
    """What is read of each item of a list, or of the one thing that stands instead."""
    items = node.items if isinstance(node, Items) else (node,)
    found = []
    with faults.gathered():
        if not items:
            raise InvalidPolicy(f"{node.where}: the list is empty; write what it should say, or leave it out")
        for item in items:
            with faults.gathered():
                found.append(read(item))
    return found


def _named_entries(node: Node) -> Mapping[str, Node]:
    if not isinstance(node, Entries):
        raise InvalidPolicy(f"{node.where}: hours consist of names; write office: {{week: {{mon-fri: 09:00-18:00}}}}")
    return node.entries


def _named(text: str) -> str:
    if not text:
        raise ValueError("the period has an empty name; give it one")
    return text


def _formula(text: str) -> str:
    if text not in SERVICE_LEVELS:
        raise ValueError(f"{text!r} is no service-level formula; choose from {', '.join(SERVICE_LEVELS)}")
    return text
