"""Simulated days on which the early warning is tried, told day by day and together.

Owns which days, and how it is told. Law: a seed names the whole day, so anybody has the same figures.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click
import numpy as np

from engine.times import DAY_US, MINUTE_US
from streams.capacity.counts import Counts
from streams.capacity.expected import curves
from streams.capacity.live import Usual, unknown
from streams.capacity.warned import Judged, Watched, judged
from streams.simulate.centre import preset
from streams.simulate.model import records

__all__ = ["warn_of"]

_BEGINS = datetime.fromisoformat("2025-11-11T07:00:00+08:00")
_ZONE = ZoneInfo("Asia/Shanghai")
#: How busy the days before are from Monday on, in customers and in people; those that are tried are Tuesdays.
_WEEK = (1.0, 1.0, 0.95, 0.95, 1.05, 0.8, 0.7)
_SLOTS = 96
_QUEUED = re.compile(rb'"type":"contact.queued"')
_NAMES = re.compile(rb'"(contact|queue)":"([^"]*)"')


def warn_of(seeds: list[int], hours: int, agents: int, troubles: int, weeks: int = 0) -> Judged:
    """Simulates the days and says what became of the warnings; with `weeks`, as if the history had so many weeks without troubles before them."""
    whole, usual = None, _history(weeks, hours, agents) if weeks else unknown
    for seed in seeds:
        watched = Watched(usual)
        centre = preset("centre", _BEGINS, agents=agents, duration_s=hours * 3_600, troubles=troubles)
        watched.take(records(centre, seed))
        one = judged(watched.quarters())
        click.echo(f"seed {seed}: {_told(one)}")
        whole = one if whole is None else whole + one
    if whole is None:
        raise click.UsageError("there is no day without a seed")
    click.echo(f"together: {_told(whole)}")
    click.echo(
        f"named ten minutes before it was lost {_share(whole.before_lost, whole.broke)}, before it began {_share(whole.before_begin, whole.broke)}; "
        f"of {whole.first} that broke behind one that did not {_share(whole.first_before_close, whole.first)} before the close"
    )
    return whole


def _history(weeks: int, hours: int, agents: int) -> Usual:
    """The forecast of the tried day, from simulated days of the weeks before it."""
    of: dict[tuple[str, ...], np.ndarray] = {}
    days = weeks * 7
    first_slot, last_slot = _BEGINS.hour * 4, min(_BEGINS.hour * 4 + hours * 4, _SLOTS)
    midnights = [
        round((_BEGINS - timedelta(days=back, hours=_BEGINS.hour)).timestamp() * 1e6) for back in range(days, 0, -1)
    ]
    for day, back in enumerate(range(days, 0, -1)):
        begins = _BEGINS - timedelta(days=back)
        there = max(1, round(agents * _WEEK[begins.weekday()]))
        centre, seen = preset("centre", begins, agents=there, duration_s=hours * 3_600), set[bytes]()
        for at_ms, line in records(centre, 1_000 + back):
            names = dict(_NAMES.findall(line)) if _QUEUED.search(line) else {}
            if names and names[b"contact"] not in seen:
                seen.add(names[b"contact"])
                slot = (at_ms * 1_000 - midnights[day]) % DAY_US // (DAY_US // _SLOTS)
                came = of.setdefault((names[b"queue"].decode(),), np.zeros((days, _SLOTS)))
                came[day, slot] += first_slot <= slot < last_slot
    total = np.sum(list(of.values()), axis=0)
    return curves(Counts(midnights, of, total), _ZONE, midnights[-1] + DAY_US + MINUTE_US).usual


def _told(one: Judged) -> str:
    false = f"{one.false / one.before_close:.2f}" if one.before_close else "no data on"
    return (
        f"{one.broke} of {one.quarters} quarters broke, {_share(one.before_close, one.broke)} named ten minutes before their close; "
        f"{one.false} that did not break were named, {false} false for each true"
    )


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.1%})" if whole else "none"
