"""`floorwatch replay`: recorded events through the very same engine, in event time, as fast as it goes."""

import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from engine.alarms import Alarm
from engine.conditions import Condition
from engine.events import Decoded, Reject
from engine.keys import SECRET_BYTES, Secret
from engine.pipeline import Engine, Settings
from engine.times import HOUR_US, SECOND_US
from engine.windows import Spec
from streams.connect_command import Dimension, Source, connected_options
from streams.connectors.reading import Connected
from streams.connectors.record import REASONS
from streams.connectors.registry import connector_named
from streams.negative import NegativeWords, default_words
from streams.options import Duration, Words, Zone
from streams.policy.reading import default_policy, read_policy
from streams.reading import Recording
from streams.report import summary, write_report, write_summary
from streams.telling import write_alarms

__all__ = ["merged", "progress", "replay"]

#: Alarms that are sorted in memory.
ALARMS_MAX = 2_000_000
#: Rejected lines shown for each reason; all of them go to `--rejects`.
_EXAMPLES = 3

_DISORDER_US = 10 * SECOND_US
#: Records of a call are often written at its end.
_DISORDER_CONNECTED_US = 2 * HOUR_US

_HELP = """Send recorded events through the engine and write what it counted.

FILE is NDJSON in the public event format, plain or gzipped; several files are merged by the time of their events. With --source they
are another system's, see floorwatch connect list; times without a zone are then of --zone.

\b
Examples:
  floorwatch replay january.jsonl.gz --report windows.csv --summary month.json
  floorwatch replay january.jsonl.gz --policy policy.yaml --alarms alarms.jsonl
  floorwatch replay shop-a.jsonl shop-b.jsonl --report by-queue.csv --by queue --window 1h --step 15m
  floorwatch replay --source queue_log /var/log/asterisk/queue_log --report hours.csv --window 1h
"""


@click.command(help=_HELP)
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@click.option("--source", type=Source(), help="The system that wrote the files.  [default: the public event format]")
@click.option(
    "--mapping", type=click.Path(path_type=Path, dir_okay=False), help="What the columns mean, with --source table."
)
@click.option("--set", "constants", type=Dimension(), multiple=True, help="With --source: a dimension of all events.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write the interval report (CSV) here.")
@click.option("--summary", "summary_path", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the figures over the whole input (JSON) here.")  # fmt: skip
@click.option("--alarms", "alarms_path", type=click.Path(path_type=Path, dir_okay=False),
              help="Write every alarm (NDJSON), by its instant, here.")  # fmt: skip
@click.option("--window", type=Duration(), default="30m", show_default=True, help="Size of the windows.")
@click.option("--step", type=Duration(), default=None, help="Step of the windows.  [default: their size]")
@click.option("--by", default="", help="Dimensions to report by, for example queue,channel.")
@click.option(
    "--zone",
    type=Zone(),
    default="Asia/Shanghai",
    show_default=True,
    help="Windows begin at midnight of this zone.",
)
@click.option("--policy", "policy_path", type=click.Path(path_type=Path, dir_okay=False),
              help="Hold the events to the policy in this file.  [default: see floorwatch policy default]")  # fmt: skip
@click.option(
    "--negative-words", "words", type=Words(), help="File of words that make a message negative.  [default: ours]"
)
@click.option("--all-windows", is_flag=True, help="Report windows without any contact too.")
@click.option("--disorder", type=Duration(), default=None,
              help="How far the events of one file may come out of order.  [default: 10s; with --source 2h]")  # fmt: skip
@click.option("--strict", is_flag=True, help="Fail at the first line that is rejected.")
@click.option("--rejects", "rejects_path", type=click.Path(path_type=Path, dir_okay=False),
              help="Write every rejected line's file, number and reason (NDJSON) here.")  # fmt: skip
def replay(
    files: tuple[Path, ...], source: str | None, mapping: Path | None, constants: tuple[tuple[str, str], ...],
    report: Path | None, summary_path: Path | None, alarms_path: Path | None, window: int,
    step: int | None, by: str, zone: ZoneInfo, policy_path: Path | None, words: NegativeWords | None, all_windows: bool,
    disorder: int | None, strict: bool, rejects_path: Path | None,
) -> None:  # fmt: skip
    spec = Spec(window, step or window)
    dimensions = tuple(dict.fromkeys(name.strip() for name in by.split(",") if name.strip()))
    for output in (report, summary_path, alarms_path, rejects_path):
        if output and not output.absolute().parent.is_dir():
            # Said now, not after an hour of replaying.
            raise click.ClickException(f"{output}: there is no such folder; make it first, or name another")
    policy = read_policy(policy_path) if policy_path else default_policy()
    settings = replace(
        Settings(),
        rollups=tuple(dict.fromkeys(((), dimensions))),
        windows=(spec,),
        policy=replace(policy, conditions=_judged(policy.conditions) if alarms_path else ()),
        disorder_bound_us=disorder if disorder is not None else _DISORDER_CONNECTED_US if source else _DISORDER_US,
    )
    engine = Engine(settings, Secret(os.urandom(SECRET_BYTES)))
    paths = dict.fromkeys(files)
    about = engine.secret, words or default_words()
    recordings = [Recording(path, str(path), *about) for path in paths]
    left_out: Counter[str] = Counter()
    if source:
        said = connected_options(zone, constants, mapping)
        one = connector_named(source, *said)
        connectors = [one if one.shares_files else connector_named(source, *said) for _ in paths]
        recordings = [
            Connected(path, str(path), *about, connector=connector, left_out=left_out)
            for path, connector in zip(paths, connectors, strict=True)
        ]
    found = _Rejects(strict, rejects_path)
    alarms: list[Alarm] = []
    started = time.perf_counter()
    with found, progress() as shown:
        task = shown.add_task("replaying", total=sum(recording.size_bytes for recording in recordings))
        for decoded in merged(recordings, engine):
            found.take(decoded.rejects)
            engine.absorb(decoded)
            if alarms_path:
                _gather(engine, alarms)
            shown.update(task, completed=sum(recording.read_bytes for recording in recordings))
    engine.finish()
    if alarms_path:
        _gather(engine, alarms)
    seconds = time.perf_counter() - started
    if report:
        rows = write_report(engine, report, spec, zone, dimensions, all_windows)
        click.echo(f"{rows:,} rows written to {report}", err=True)
    if alarms_path:
        click.echo(f"{write_alarms(alarms, alarms_path, zone):,} alarms written to {alarms_path}", err=True)
    result = summary(engine, spec, zone, seconds)
    if source:
        result["left_out"] = dict(left_out.most_common())
    if summary_path:
        write_summary(result, summary_path)
    found.tell()
    for reason, count in left_out.most_common():
        click.echo(f"left out {count:,} × {reason}: {REASONS[reason]}", err=True)
    _tell(result)


def _judged(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The conditions of which a replay's alarms can tell: its sources are files, whose silence says nothing. Without alarms none,
    because no figure depends on them."""
    return tuple(one for one in conditions if all(bound.measure != "silent_s" for bound in one.any_of))


def _gather(engine: Engine, alarms: list[Alarm]) -> None:
    """Takes what was raised, to be sorted once all is known: a late event may raise what belongs before."""
    alarms += engine.take_alarms()
    if engine.limits_reached["alarms_max"] or len(alarms) > ALARMS_MAX:
        raise click.ClickException(
            f"more than {ALARMS_MAX:,} alarms would have to be sorted; replay fewer events at once, or limit less"
        )


def merged(recordings: list[Recording], *engines: Engine) -> Iterator[Decoded]:
    """Blocks of all files for one or more engines that take each, every time of the file furthest behind in event time."""
    engine = engines[0]
    for name, each in product((recording.name for recording in recordings), engines):
        each.order.source(name)
    readers = {recording.name: recording.decoded() for recording in recordings}
    while readers:
        name = min(readers, key=lambda name: engine.order.source(name).newest_us)
        decoded = next(readers[name], None)
        if decoded is None:
            del readers[name]
            for each in engines:
                each.finish_source(name)
        else:
            yield decoded


class _Rejects:
    """What was not taken: counted, a few shown, all written where asked. With `strict` the first one ends the run."""

    def __init__(self, strict: bool, path: Path | None) -> None:
        self.strict = strict
        self.counts: Counter[str] = Counter()
        self.examples: defaultdict[str, list[Reject]] = defaultdict(list)
        self.path = path
        self.file: BinaryIO | None = None

    def __enter__(self) -> "_Rejects":
        self.file = self.path.open("wb") if self.path else None
        return self

    def __exit__(self, *_: object) -> None:
        if self.file:
            self.file.close()

    def take(self, rejects: list[Reject]) -> None:
        for reject in rejects:
            if self.strict:
                raise click.ClickException(
                    f"{_where(reject)}: {reject.reason} ({reject.detail}); mend the line, or leave --strict out to count it and go on"
                )
            self.counts[reject.reason] += 1
            if self.file:
                self.file.write(msgspec.json.encode(reject) + b"\n")
            if len(self.examples[reject.reason]) < _EXAMPLES:
                self.examples[reject.reason].append(reject)

    def tell(self) -> None:
        for reason, count in self.counts.most_common():
            places = ", ".join(_where(reject) for reject in self.examples[reason])
            more = ", …" if count > _EXAMPLES else ""
            click.echo(f"rejected {count:,} × {reason}: {places}{more}", err=True)


def _where(reject: Reject) -> str:
    return f"{reject.source}:{reject.line}" if reject.line else reject.source


def progress() -> Progress:
    """Progress on standard error where somebody looks, nothing elsewhere."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console,
        transient=True, disable=not console.is_terminal,
    )  # fmt: skip


def _tell(result: dict[str, object]) -> None:
    """One line for people; the files have the rest."""

    def text(name: str) -> str:
        value = result.get(name)
        return "—" if value is None else f"{value:,}"

    sys.stderr.flush()
    click.echo(
        f"{text('events')} events in {result['wall_clock_seconds']} s ({text('events_per_second')}/s): "
        f"offered {text('offered')}, answered {text('answered')}, abandoned {text('abandoned')}; "
        f"duplicates {text('duplicates')}, late {text('late')}, dropped {text('dropped')}"
    )
