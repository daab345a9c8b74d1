"""The layout of walls from a file: which named screen shows what, for how long, in which language, how loudly.

Owns: what an entry is called and what belongs into it. Never draws anything: the page gets these plain values from
`/api/v1/screens/NAME`, and takes the same from its address. The law: a file is taken whole or not at all, and all its faults are
said at once, each with its line and what would be right.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.errors import InvalidSetting
from engine.source import FILE_BYTES_MAX, Entries, Faults, InvalidFile, Items, Node, Text, compose
from streams.policy.parts import entries_of

__all__ = ["FIGURES", "NAMES_MAX", "PAGES", "SCREENS_MAX", "read_screens"]

PAGES = ("overview", "queues", "commitments", "agents", "shops", "alerts", "capacity", "trends")
LANGUAGES = ("en", "zh")
#: Figures that have a place where they near their limit and one where they are over it.
FIGURES = ("waiting", "longest_wait_s", "service_level", "abandonment_rate", "asa_s", "first_response_avg_s", "response_avg_s",
           "occupancy", "csat_share")  # fmt: skip
SEVERITIES = ("high", "broken", "warned")
SCREENS_MAX = 200
#: Queues and tenants that a screen may name; a view of the wall takes as many.
NAMES_MAX = 200
SECONDS_MAX = 3_600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_QUIET = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", re.ASCII)

Screens = dict[str, dict[str, Any]]


def read_screens(path: Path) -> Screens:
    """The screens of a file by name. Raises InvalidSetting with all its faults, OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    faults, screens = Faults(), {}
    with faults.gathered():
        if not any(line.split(b"#")[0].strip() for line in data.splitlines()):
            raise InvalidFile(f"{path}:1: the file says nothing; write screens:, and under it a name with its pages")
        said = entries_of(compose(data, str(path), faults), ("screens",), "the file", faults)
        screens = _screens(said, path, faults)
    if faults.told:
        raise InvalidSetting("\n".join(faults.told))
    return screens


def _screens(said: Mapping[str, Node], path: Path, faults: Faults) -> Screens:
    if "screens" not in said:
        raise InvalidFile(f"{path}:1: the file names no screens; write screens:, and under it a name with its pages")
    node = said["screens"]
    if not isinstance(node, Entries):
        raise InvalidFile(
            f"{node.where}: screens are names, each with what it shows; write floor-1: and under it pages"
        )
    if len(node.entries) > SCREENS_MAX:
        raise InvalidFile(f"{node.where}: there are {len(node.entries)} screens; a file may have {SCREENS_MAX}")
    screens = {}
    for name, entry in node.entries.items():
        with faults.gathered():
            if not _NAME.fullmatch(name):
                raise InvalidFile(
                    f"{node.places[name]}: {name!r} cannot stand in an address; take letters, digits, - and _"
                )
            screens[name] = _screen(entry, faults)
    return screens


def _screen(node: Node, faults: Faults) -> dict[str, Any]:
    screen: dict[str, Any] = {}
    for name, value in entries_of(node, tuple(_READERS), "a screen", faults).items():
        with faults.gathered():
            screen[name] = _READERS[name](value, faults)
    chosen = sum(len(screen.get(name, ())) for name in ("queues", "tenants", "key_accounts"))
    if chosen > NAMES_MAX:
        raise InvalidFile(f"{node.where}: the screen names {chosen} queues and tenants; it may name {NAMES_MAX}")
    return screen


def _text(node: Node) -> str:
    if not isinstance(node, Text):
        raise InvalidFile(f"{node.where}: a list or a mapping stands where one value belongs; write the value alone")
    return node.text


def _texts(node: Node, faults: Faults) -> list[str]:
    items = node.items if isinstance(node, Items) else (node,)
    if not items:
        raise InvalidFile(f"{node.where}: the list is empty; name something, or leave it out")
    return [_text(item) for item in items]


def _one_of(known: tuple[str, ...], what: str) -> Callable[[Node, Faults], str]:
    def read(node: Node, faults: Faults) -> str:
        if _text(node) not in known:
            raise InvalidFile(f"{node.where}: {_text(node)!r} is no {what}; choose from {', '.join(known)}")
        return _text(node)

    return read


def _pages(node: Node, faults: Faults) -> list[str]:
    read = _one_of(PAGES, "page")
    return [read(item, faults) for item in (node.items if isinstance(node, Items) else (node,))] or _texts(node, faults)


def _seconds(least: int) -> Callable[[Node, Faults], int]:
    def read(node: Node, faults: Faults) -> int:
        text = _text(node)
        if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= SECONDS_MAX):
            raise InvalidFile(f"{node.where}: {text!r} is no time in seconds; write {least} to {SECONDS_MAX}")
        return int(text)

    return read


def _yes(node: Node, faults: Faults) -> bool:
    if _text(node) not in ("yes", "no", "true", "false"):
        raise InvalidFile(f"{node.where}: {_text(node)!r} is neither yes nor no; write one of them")
    return _text(node) in ("yes", "true")


def _thresholds(node: Node, faults: Faults) -> dict[str, list[float]]:
    found = {}
    for name, limits in entries_of(node, FIGURES, "thresholds", faults).items():
        with faults.gathered():
            texts = _texts(limits, faults)
            try:
                near, over = (float(text.rstrip("%")) / (100 if text.endswith("%") else 1) for text in texts)
                if not (0 <= near < 1e9 and 0 <= over < 1e9 and near != over):
                    raise ValueError
            except ValueError:
                raise InvalidFile(
                    f"{limits.where}: {name} needs two different numbers, near and over, such as [60, 120] or [80%, 70%]"
                ) from None
            found[name] = [near, over]
    return found


def _sound(node: Node, faults: Faults) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in entries_of(node, (*SEVERITIES, "quiet"), "sound", faults).items():
        with faults.gathered():
            if name == "quiet":
                found[name] = _texts(value, faults)
                for text in found[name]:
                    if not _QUIET.fullmatch(text):
                        raise InvalidFile(f'{value.where}: {text!r} are no quiet hours; write "22:00-07:00", in quotes')
            else:
                found[name] = _yes(value, faults)
    return found


#: What a screen may say, and how it is read.
_READERS: dict[str, Callable[[Node, Faults], Any]] = {
    "pages": _pages,
    "seconds": _seconds(5),
    "hold_seconds": _seconds(0),
    "language": _one_of(LANGUAGES, "language"),
    "queues": _texts,
    "tenants": _texts,
    "key_accounts": _texts,
    "thresholds": _thresholds,
    "sound": _sound,
    "kiosk": _yes,
}
