"""The words of the command line: durations, instants, speeds, silences, skews.

Owns their grammar. Never knows which option they belong to.
Law: a word is understood as a whole or refused with one sentence that shows how to write it.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import click

from streams.simulate.faults import Silence, Skew

__all__ = ["duration_ms", "factor", "instant", "parsed", "silence", "skew"]

T = TypeVar("T")
UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
DURATION_MS_MAX = 400 * UNITS_MS["d"]


def duration_ms(text: str) -> int:
    """`1h`, `2h30m`, `90s`, `250ms` as milliseconds; raises `ValueError` for anything else."""
    if not DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration; write 90s, 30m, 1h or 2h30m.")
    length_ms = sum(float(number) * UNITS_MS[unit] for number, unit in PART.findall(text))
    if length_ms > DURATION_MS_MAX:
        raise ValueError(f"{text!r} is longer than 400 days.")
    return round(length_ms)


def instant(text: str) -> datetime:
    """An RFC 3339 instant with its offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no instant; write 2025-11-11T20:00:00+08:00.") from None
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write 2025-11-11T20:00:00+08:00.")
    if not 1971 <= found.year <= 2200:
        raise ValueError(f"{text!r} lies outside the years 1971 to 2200.")
    return found


def factor(text: str) -> float:
    """`60x`, or plain `60`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)x?", text, re.ASCII)
    if not found or float(found[1]) <= 0:
        raise ValueError(f"{text!r} is no speed; write 1x or 60x.")
    return float(found[1])


def silence(text: str) -> Silence:
    """`SOURCE@OFFSET+LENGTH`, with `:lost` at the end when its events never come."""
    found = re.fullmatch(r"([a-z]+)@([0-9.a-z]+)\+([0-9.a-z]+)(:late|:lost)?", text)
    if not found:
        raise ValueError(f"{text!r} is no silence; write phone@10m+5m or phone@10m+5m:lost.")
    return Silence(found[1], duration_ms(found[2]), duration_ms(found[3]), found[4] == ":lost")


def skew(text: str) -> Skew:
    """`[SOURCE=]DURATION`, negative for a slow clock; the telephone system when no source is named."""
    source, _, length = text.rpartition("=")
    sign = -1 if length.startswith("-") else 1
    return Skew(source or "phone", sign * duration_ms(length.removeprefix("-")))


def parsed(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, object], object]:
    """A click callback: `parse` applied to the option's word, or to each; its error becomes wrong usage."""

    def callback(context: click.Context, parameter: click.Parameter, value: object) -> object:
        try:
            if isinstance(value, tuple):
                return tuple(parse(str(word)) for word in value)
            return None if value is None else parse(str(value))
        except ValueError as wrong:
            raise click.BadParameter(str(wrong), context, parameter) from None

    return callback
