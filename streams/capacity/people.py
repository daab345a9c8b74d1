"""Who was there, read off contacts: for centres whose agents report no states.

Owns the reading of recorded events for this one question. Law: a person is there from an answer to the end of that contact, and between two contacts that
are no further apart than `GAP_S`; nobody's name leaves this file.
"""

import gzip
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.times import SECOND_US

__all__ = ["GAP_S", "people_between"]

GAP_S = 300


class _Line(msgspec.Struct):
    type: str
    time: datetime | int
    contact: str = ""
    agent: str = ""


def people_between(paths: Iterable[Path], starts_us: NDArray[np.int64], step_us: int) -> NDArray[np.float64]:
    """How many people were there on average in each of these intervals, ascending. A line that is no event is left out, as a replay counts it."""
    answered: dict[str, tuple[str, int]] = {}
    stretches: dict[str, list[tuple[int, int]]] = {}
    for told in (told for path in paths for told in _lines(path)):
        if told.type == "contact.answered" and told.agent:
            answered[told.contact] = told.agent, _instant_us(told.time)
        elif told.type == "contact.closed" and told.contact in answered:
            agent, since_us = answered.pop(told.contact)
            stretches.setdefault(agent, []).append((since_us, _instant_us(told.time)))
    there = np.zeros(len(starts_us))
    for of in stretches.values():
        for low_us, high_us in _joined(sorted(of)):
            first = max(0, int(np.searchsorted(starts_us, low_us, side="right")) - 1)
            last = int(np.searchsorted(starts_us, high_us))
            inside = starts_us[first:last]
            there[first:last] += np.maximum(np.minimum(high_us, inside + step_us) - np.maximum(low_us, inside), 0)
    return there / step_us


def _lines(path: Path) -> Iterator[_Line]:
    decoder = msgspec.json.Decoder(_Line)
    with gzip.open(path) if path.read_bytes()[:2] == b"\x1f\x8b" else path.open("rb") as file:
        for line in file:
            try:
                yield decoder.decode(line)
            except msgspec.MsgspecError:
                continue


def _instant_us(time: datetime | int) -> int:
    return time * 1_000 if isinstance(time, int) else round(time.timestamp() * 1e6)


def _joined(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for low_us, high_us in stretches:
        if joined and low_us - joined[-1][1] <= GAP_S * SECOND_US:
            joined[-1] = joined[-1][0], max(joined[-1][1], high_us)
        else:
            joined.append((low_us, high_us))
    return joined
