"""`floorwatch history`: what a store has, and recorded events brought into one.

Owns the commands. Law: recorded events come in through the very same engine, so a history that was imported equals one that was written live.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import numpy as np
from numpy.typing import NDArray

from engine.keys import SECRET_BYTES, Secret
from engine.pipeline import Engine, Settings
from engine.tallies import _GROUP_BITS, Rollup
from engine.times import DAY_US, MINUTE_US, iso
from engine.windows import Spec, collect
from streams.history.store import BASE_US, FINE_ROLLUPS, FINE_US, Store
from streams.negative import default_words
from streams.options import Duration, Zone
from streams.policy.reading import default_policy, read_policy
from streams.reading import Recording
from streams.replay import merged, progress

__all__ = ["ROLLUPS", "history", "history_option", "keep", "store_url"]

#: What a running service keeps.
ROLLUPS = ((), ("queue",), ("tenant", "channel"), ("tenant",), ("category", "region"))
DEFAULT_HISTORY = Path("data/floorwatch/history.sqlite")
_PAIRS = 4_096

history_option = click.option(
    "--history", "history_url", envvar="FLOORWATCH_HISTORY", metavar="URL",
    help=f"The interval history: a file, or a URL such as postgresql+pg8000://…  [default: {DEFAULT_HISTORY}]",
)  # fmt: skip


def store_url(text: str | None, *, must_exist: bool = True) -> str:
    """The URL of what was named: a URL itself, or a file of SQLite. Raises ClickException where a file that is to be read is not there."""
    if text and "://" in text:
        return text
    path = Path(text) if text else DEFAULT_HISTORY
    if must_exist and not path.exists():
        raise click.ClickException(
            f"There is no interval history at {path}; floorwatch run --history default keeps one, floorwatch history import makes one."
        )
    return f"sqlite:///{path}"


@click.group()
def history() -> None:
    """The interval history: what is kept, and recorded events brought into it.

    \b
    Examples:
      floorwatch history import january.jsonl.gz --history january.sqlite
      floorwatch history show --history january.sqlite
    """


@history.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@history_option
@click.option("--policy", "policy_path", type=click.Path(path_type=Path, dir_okay=False),
              help="Hold the events to the policy in this file.  [default: see floorwatch policy default]")  # fmt: skip
@click.option("--disorder", type=Duration(), default="10s", show_default=True,
              help="How far the events of one file may come out of order.")  # fmt: skip
def import_(files: tuple[Path, ...], history_url: str | None, policy_path: Path | None, disorder: int) -> None:
    """Replay recorded events and keep their intervals. What is kept of the same time already is corrected, where it differs."""
    policy = read_policy(policy_path) if policy_path else default_policy()
    settings = replace(
        Settings(), rollups=ROLLUPS, windows=(Spec(BASE_US, MINUTE_US * 5),), policy=replace(policy, conditions=()),
        disorder_bound_us=disorder,
    )  # fmt: skip
    engine = Engine(settings, Secret(os.urandom(SECRET_BYTES)))
    recordings = [Recording(path, str(path), engine.secret, default_words()) for path in dict.fromkeys(files)]
    store = Store(store_url(history_url, must_exist=False))
    with progress() as shown:
        task = shown.add_task("replaying", total=sum(recording.size_bytes for recording in recordings))
        for decoded in merged(recordings, engine):
            engine.absorb(decoded)
            engine.take_alarms()
            shown.update(task, completed=sum(recording.read_bytes for recording in recordings))
    engine.finish()
    rejected = sum(engine.counters.rejected.values())
    click.echo(
        f"{keep(engine, store):,} intervals kept of {engine.counters.events:,} events, {rejected:,} rejected", err=True
    )
    store.close()


@history.command()
@history_option
@click.option("--zone", type=Zone(), default="Asia/Shanghai", show_default=True, help="Zone in which times are told.")
def show(history_url: str | None, zone: ZoneInfo) -> None:
    """What is kept, by rollup."""
    store = Store(store_url(history_url))
    for rollup in store.rollups():
        first_us, last_us = store.span(rollup) or (0, 0)
        click.echo(f"{rollup}  {iso(first_us, zone)} to {iso(last_us, zone)}, {len(store.names(rollup)):,} groups")
    store.close()


def keep(engine: Engine, store: Store) -> int:
    """Keeps all that a finished engine holds; returns how many windows are new or differ."""
    counters = engine.counters
    if counters.first_us is None or counters.last_us is None:
        return 0
    changed = 0
    for rollup in engine.tallies.rollups:
        for size_us in (BASE_US, *((FINE_US,) if rollup.name in FINE_ROLLUPS else ())):
            starts = _spoken(rollup, engine.pane_us, size_us, counters.first_us, counters.last_us)
            room = max(1, _PAIRS // max(1, len(rollup.groups)))
            for first in range(0, len(starts), room):
                chunk = starts[first : first + room]
                (figures,) = collect(rollup, engine.pane_us, chunk, chunk + size_us)
                changed += store.put(rollup.name, size_us, chunk.tolist(), figures, list(rollup.groups))
    return changed


def _spoken(rollup: Rollup, pane_us: int, size_us: int, first_us: int, last_us: int) -> NDArray[np.int64]:
    """Starts of windows but for those of gaps of more than a day in which nothing came: nobody knows what was then."""
    starts = np.arange(first_us // size_us, last_us // size_us + 1) * size_us
    told_us = np.unique((rollup.keys >> _GROUP_BITS) * pane_us)
    at = np.searchsorted(told_us, starts, side="right") - 1
    before_us = np.where(at >= 0, told_us[np.maximum(at, 0)], first_us)
    return starts[starts - before_us <= DAY_US]
