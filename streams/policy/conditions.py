"""The conditions of a policy's file: a name, a measure, its bound, and over which window of whose contacts.

Owns their grammar. Never judges whether a condition makes sense: `engine.conditions` does, and its refusals get their place here. A
condition that a file does not name stays as the default has it; `none` watches nothing.
"""

import re
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from engine.conditions import CHARTS, MEASURES, SAMPLE, Bound, Condition, sample_of
from engine.errors import InvalidSetting
from engine.events import DIMENSIONS
from engine.source import Entries, Faults, InvalidFile, Items, Node, Text
from engine.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, duration_us
from streams.policy.parts import entries_of, texts_of, word_of
from streams.policy.words import NONE

__all__ = ["BOUND_KEYS", "CONDITIONS_MAX", "KEYS", "bound_text", "conditions_of"]

#: Each is judged at every step, whatever happens.
CONDITIONS_MAX = 200
BOUND_KEYS = ("measure", "above", "below", "clear", "as", "usual_least", "intervals")
KEYS = (*BOUND_KEYS, "or", "by", "where", "window", "step", "for", "at_least", "severity")
#: As many steps as a window has where its step is not said, but none shorter than a minute.
_SLICES = 192
_STEPS_US = (MINUTE_US, 5 * MINUTE_US, 15 * MINUTE_US, 30 * MINUTE_US, HOUR_US, 6 * HOUR_US, DAY_US)
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,6})?", re.ASCII)


def conditions_of(node: Node, default: tuple[Condition, ...], faults: Faults) -> tuple[Condition, ...]:
    """The conditions of a section, and those of the default that it does not name. What is wrong goes to `faults`."""
    if not isinstance(node, Entries):
        raise InvalidFile(
            f"{node.where}: conditions consist of names; write queue_long: {{measure: waiting, above: 50}}"
        )
    if len(node.entries) > CONDITIONS_MAX:
        raise InvalidFile(
            f"{node.where}: there are {len(node.entries):,} conditions; a policy may have {CONDITIONS_MAX:,}"
        )
    found = [condition for condition in default if condition.name not in node.entries]
    for name, said in node.entries.items():
        with faults.gathered():
            if not (isinstance(said, Text) and said.text == NONE):
                found.append(_condition(name, said, faults))
    return tuple(found)


def _condition(name: str, node: Node, faults: Faults) -> Condition:
    said = entries_of(node, KEYS, f"the condition {name}", faults)
    bounds = (
        _bound(said, node.where),
        *(_bound(entries_of(item, BOUND_KEYS, "or", faults), item.where) for item in _items(said.get("or"))),
    )
    given: dict[str, Any] = {}
    for key, field in (("window", "window_us"), ("step", "step_us"), ("for", "for_us")):
        if key in said:
            given[field] = word_of(said[key], _duration_us)
    charted = any(bound.form in CHARTS for bound in bounds)
    window_us = given.setdefault("window_us", 30 * MINUTE_US)
    if "step_us" not in given:
        fine = (step_us for step_us in _STEPS_US if window_us <= _SLICES * step_us and window_us % step_us == 0)
        given["step_us"] = window_us if charted or window_us < MINUTE_US else next(fine, window_us)
    if "where" in said:
        chosen = entries_of(said["where"], (*DIMENSIONS, "period"), "where", faults)
        given["where"] = MappingProxyType({key: frozenset(texts_of(chosen[key])) for key in chosen})
    if "at_least" in said:
        given["sample"] = _sample(said["at_least"], bounds[0])
    if "severity" in said:
        given["severity"] = word_of(said["severity"], str)
    by = tuple(texts_of(said["by"])) if "by" in said else ()
    try:
        return Condition(name, bounds, by, place=node.where, **given)
    except InvalidSetting as fault:
        raise InvalidFile(*str(fault).splitlines()) from None


def _bound(said: Mapping[str, Node], where: str) -> Bound:
    if "measure" not in said:
        raise InvalidFile(f"{where}: it does not say its measure; write measure: service_level, or another one")
    if ("above" in said) == ("below" in said):
        fact = "both above and below" if "above" in said else "neither above nor below"
        raise InvalidFile(f"{where}: it says {fact}; say the one beyond which it is broken")
    measure = word_of(said["measure"], _measure)
    form = word_of(said["as"], str) if "as" in said else "figure"
    side = "above" if "above" in said else "below"
    read = partial(_value, measure if form == "figure" else "")
    given: dict[str, Any] = {"clear": word_of(said["clear"], read)} if "clear" in said else {}
    if "usual_least" in said:
        given["usual_least"] = word_of(said["usual_least"], partial(_value, measure))
    if "intervals" in said:
        given["intervals"] = word_of(said["intervals"], _count)
    return Bound(measure, word_of(said[side], read), side == "above", form=form, **given)


def _items(node: Node | None) -> tuple[Node, ...]:
    return () if node is None else node.items if isinstance(node, Items) else (node,)


def _sample(node: Node, bound: Bound) -> tuple[tuple[str, ...], int]:
    """`20` of what the measure is a share of, or `{offered: 20}`."""
    if isinstance(node, Entries):
        if len(node.entries) != 1:
            raise InvalidFile(f"{node.where}: at_least is one number of one thing; write at_least: {{offered: 20}}")
        ((name, number),) = node.entries.items()
        return (name,), word_of(number, _count)
    names, least = sample_of(bound.measure), word_of(node, _count)
    if not names:
        raise InvalidFile(
            f"{node.where}: {bound.measure} is no share or mean of a count; say of what, as in at_least: {{offered: {least}}}"
        )
    return names, least


def _measure(text: str) -> str:
    if text not in MEASURES:
        raise ValueError(
            f"{text!r} is no measure that conditions know; the README lists them, for example service_level"
        )
    return text


def _duration_us(text: str) -> int:
    if text == NONE:
        return 0
    return duration_us(text)


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", text, re.ASCII):
        raise ValueError(f"{text!r} is no number; write it like {SAMPLE}")
    return int(text)


def _value(measure: str, text: str) -> float:
    """`80%`, `0.8`, `50`; of what is measured in time `30s`, `5m`."""
    if measure.endswith("_s"):
        return duration_us(text) / SECOND_US
    number, share = text.removesuffix("%"), text.endswith("%")
    if not _NUMBER.fullmatch(number):
        raise ValueError(
            f"{text!r} is no value; write a share like 80%, a number like 50, a time only of what is measured in time"
        )
    return float(number) / 100 if share else float(number)


def bound_text(bound: Bound) -> str:
    """A bound as people read it."""
    in_time = bound.measure.endswith("_s") and bound.form == "figure"
    limit, clear = (f"{value:g}s" if in_time else f"{value:g}" for value in (bound.limit, bound.clear_at))
    told = f"{bound.measure} {'above' if bound.is_above else 'below'} {limit}"
    told += "" if bound.form == "figure" else f" as {bound.form}"
    return told if bound.clear is None else f"{told} until {clear}"
