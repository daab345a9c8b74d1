"""Simulated days on which the early warning is tried, told day by day and together.

Owns which days, and how it is told. Law: a seed names the whole day, so anybody has the same figures.
"""

from __future__ import annotations

from datetime import datetime

import click

from streams.capacity.warned import Judged, Watched, judged
from streams.simulate.centre import preset
from streams.simulate.model import records

__all__ = ["warn_of"]

_BEGINS = datetime.fromisoformat("2025-11-11T07:00:00+08:00")


def warn_of(seeds: list[int], hours: int, agents: int, troubles: int) -> Judged:
    """Simulates the days and says what became of the warnings."""
    whole = None
    for seed in seeds:
        watched = Watched()
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


def _told(one: Judged) -> str:
    false = f"{one.false / one.before_close:.2f}" if one.before_close else "no data on"
    return (
        f"{one.broke} of {one.quarters} quarters broke, {_share(one.before_close, one.broke)} named ten minutes before their close; "
        f"{one.false} that did not break were named, {false} false for each true"
    )


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.1%})" if whole else "none"
