"""The response measures of a policy's file: a definition that ships, one that differs from it, or one in full.

Owns the words of a measure. Never decides what contradicts itself: that is `engine.definitions`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from engine.definitions import AS_ELAPSED, LEFT_OUT, NO_CAP_US, SHIPPED, Measure
from engine.events import DIMENSIONS
from engine.hours import Hours
from engine.policy import NO_LIMIT_US
from engine.source import Entries, InvalidFile, Items, Node, Text
from streams.options import zone_of
from streams.policy.words import is_yes, limit_us

__all__ = ["MEASURE_KEYS", "measure_of"]

_NEEDED = ("name", "unit", "start", "within")
_UNANSWERED = {"left_out": LEFT_OUT, "elapsed": AS_ELAPSED}


def _duration_us(text: str) -> int:
    if (found := limit_us(text)) == NO_LIMIT_US:
        raise ValueError("none is no duration; write it like 30s")
    return found


def _cap_us(text: str) -> int:
    found = limit_us(text)
    return NO_CAP_US if found == NO_LIMIT_US else found


def _unanswered_us(text: str) -> int:
    if text in _UNANSWERED:
        return _UNANSWERED[text]
    try:
        return _duration_us(text)
    except ValueError:
        raise ValueError(
            f"{text!r} says not what an unanswered wait counts for; write left_out, elapsed, or 10m"
        ) from None


#: What a measure may say beside its conditions: the field of `Measure`, and how its text is read; None for a list of texts.
_OPTIONS: dict[str, tuple[str, Callable[[str], Any] | None]] = {
    "name": ("name", str), "unit": ("unit", str), "start": ("start", str), "stop": ("stop", str), "by": ("by", None),
    "aside": ("aside", None), "asked": ("asked", is_yes), "within": ("within_us", _duration_us),
    "hours": ("hours", lambda text: "" if text == "none" else text), "judged_by": ("judged_by", str), "zone": ("zone", lambda text: zone_of(text).key),
    "by_day": ("by_day", is_yes), "by_agent": ("by_agent", is_yes), "unanswered": ("unanswered_us", _unanswered_us),
    "cap": ("cap_us", _cap_us), "again": ("again_us", _cap_us),
}  # fmt: skip
MEASURE_KEYS = ("use", *_OPTIONS, *DIMENSIONS, "except")


def measure_of(said: Mapping[str, Node], where: str, zone: str, hours: Mapping[str, Hours]) -> Measure:
    """A measure from the entries of `MEASURE_KEYS`. Its days are those of its hours' zone, or of `zone`. Raises InvalidFile."""
    given: dict[str, Any] = {"where": where}
    for key, (name, read) in _OPTIONS.items():
        if key in said:
            given[name] = frozenset(map(_text, _items(said[key]))) if read is None else _read(said[key], read)
    if "use" in said:
        model = _shipped(said["use"])
    else:
        missing = [key for key in _NEEDED if key not in said]
        if missing:
            raise InvalidFile(
                f"{where}: the measure does not say {' and '.join(missing)}; add it, or take one that ships by use"
            )
        model = None
    for key, node in said.items():
        if key in DIMENSIONS:
            given.setdefault("when", dict(model.when) if model else {})[key] = frozenset(map(_text, _items(node)))
    if "when" in given:
        given["when"] = MappingProxyType(given["when"])
    if "except" in said:
        given["unless"] = MappingProxyType(_except(said["except"]))
    if "zone" not in given:
        named = given.get("hours", model.hours if model else "")
        given["zone"] = hours[named].zone if named in hours else zone
    return replace(model, **given) if model else Measure(**given)


def _shipped(node: Node) -> Measure:
    name = _text(node)
    if name not in SHIPPED:
        near = get_close_matches(name, SHIPPED, 1)
        right = f"did you mean {near[0]}?" if near else f"choose from {', '.join(SHIPPED)}"
        raise InvalidFile(f"{node.where}: there is no measure {name!r}; {right}")
    return SHIPPED[name]


def _except(node: Node) -> dict[str, frozenset[str]]:
    if not isinstance(node, Entries):
        raise InvalidFile(f"{node.where}: except consists of dimensions and values; write except: {{queue: spam}}")
    for name in node.entries:
        if name not in DIMENSIONS:
            raise InvalidFile(f"{node.places[name]}: {name!r} is no dimension; choose from {', '.join(DIMENSIONS)}")
    return {name: frozenset(map(_text, _items(values))) for name, values in node.entries.items()}


def _read(node: Node, read: Callable[[str], Any]) -> Any:
    try:
        return read(_text(node))
    except ValueError as error:
        raise InvalidFile(f"{node.where}: {error}") from None


def _items(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Items) else (node,)


def _text(node: Node) -> str:
    if not isinstance(node, Text):
        raise InvalidFile(f"{node.where}: a list or a mapping stands where one value belongs; write the value alone")
    return node.text
