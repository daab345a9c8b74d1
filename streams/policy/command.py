"""`floorwatch policy`: the command line around the policy file.

Owns the options and the exit codes: 0 done, 1 a file that is no policy or cannot be read, 2 wrong usage. Never reads a policy itself,
and changes nothing that runs.
"""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from engine.errors import InvalidSetting
from engine.events import DIMENSIONS, Reject
from engine.pipeline import Settings
from engine.policy import CONDITIONS, GRADES, OF_CASES, Policy
from engine.times import SECOND_US, iso
from streams.options import Duration, Zone
from streams.policy.explaining import explain, period_at
from streams.policy.reading import default_policy, default_text, read_policy
from streams.policy.tables import (
    explanation_values,
    show_changes,
    show_conditions,
    show_counts,
    show_explanation,
    show_policy,
    trial_values,
)
from streams.policy.trial import replay_both
from streams.policy.words import instant_us
from streams.replay import progress

__all__ = ["policy"]

_GROUP_HELP = """Check, explain and try policies: what is promised to whom.

\b
Examples:
  floorwatch policy default > policy.yaml
  floorwatch policy check policy.yaml
  floorwatch policy explain --policy policy.yaml --channel phone --tier vip --at 2026-11-11T20:00:00+08:00
  floorwatch policy try policy.yaml --on yesterday.jsonl.gz
"""
_EXPLAIN_HELP = """Tell for every limit which line holds for a contact, and why.

\b
Examples:
  floorwatch policy explain --channel phone
  floorwatch policy explain --policy policy.yaml --channel phone --tier vip --at 2026-11-11T20:00:00+08:00 --json
  floorwatch policy explain --kind outage --grade major
"""
_TRY_HELP = """Replay recorded events under a new policy and an old one, and tell which alarms come, go and move.

NEW is the file of the new policy. An alarm moves when the same clock of the same contact, begun at the same instant, raises it
at another one.

\b
Examples:
  floorwatch policy try policy.yaml --on yesterday.jsonl.gz
  floorwatch policy try new.yaml --policy old.yaml --on shop-a.jsonl shop-b.jsonl --json > changes.json
"""
_FILE = click.Path(path_type=Path, dir_okay=False)
_ZONE = click.option("--zone", type=Zone(), default="Asia/Shanghai", show_default=True, help="Time zone of instants.")


@click.group(help=_GROUP_HELP)
def policy() -> None:
    pass


@policy.command()
def default() -> None:
    """Print the default policy's file, to begin your own with."""
    click.echo(default_text(), nl=False)


@policy.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Say whether FILE is a policy, and what it holds; all its faults with their lines where it is none."""
    found = _read(file)
    count = len(found.periods)
    counted = ", ".join(
        f"{number} {what}{'s' * (number != 1)}"
        for number, what in (
            (count, "period"),
            (len(found.measures), "response measure"),
            (len(found.conditions), "condition"),
        )
    )
    click.echo(f"{file} is sound: service level {found.service_level}, {counted}")
    show_policy(found)
    show_conditions(found)
    for note in found.notes:
        click.echo(note, err=True)


def _with_facts(command: Callable[..., None]) -> Callable[..., None]:
    """Adds an option for each condition, the most telling first: what a contact or a case is of, then what only a case is."""
    for name in reversed(OF_CASES):
        told = f"The case's {name}." + (" Of coaching: critical, other or failed_checks." if name == "kind" else "")
        kind = click.Choice(GRADES) if name == "grade" else str
        default = GRADES[0] if name == "grade" else ""
        command = click.option(f"--{name}", type=kind, default=default, help=told, show_default=True)(command)
    for name in reversed([name for name in CONDITIONS if name in DIMENSIONS]):
        command = click.option(f"--{name}", default="", help=f"The contact's or case's {name}.")(command)
    return command


@policy.command("explain", help=_EXPLAIN_HELP)
@_with_facts
@click.option("--at", help="Instant at which its clocks start, for the period.  [default: now]")
@_ZONE
@click.option("--policy", "file", type=_FILE, help="File of the policy.  [default: the default policy]")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def explain_command(at: str | None, zone: ZoneInfo, file: Path | None, as_json: bool, **facts: str) -> None:
    found = _read(file) if file else default_policy()
    try:
        at_us = instant_us(at, zone) if at else int(datetime.now(UTC).timestamp()) * SECOND_US
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from None
    period = period_at(found, at_us)
    explanations = explain(found, facts | {"period": period})
    if as_json:
        said = {name: value for name, value in facts.items() if value and value != GRADES[0]}
        _print_json({"at": iso(at_us, zone), "period": period, "contact": said,
                     "limits": explanation_values(explanations)})  # fmt: skip
        return
    click.echo(f"at {iso(at_us, zone)}, " + (f"period {period}" if period else "in no period"))
    show_explanation(explanations)


@policy.command("try", help=_TRY_HELP)
@click.argument("new", type=_FILE)
@click.argument("more", nargs=-1, metavar="", type=click.Path(path_type=Path))
@click.option("--on", "files", multiple=True, required=True, metavar="FILE…", type=click.Path(path_type=Path),
              help="Recorded events, NDJSON, plain or gzipped.")  # fmt: skip
@click.option("--policy", "old", type=_FILE, help="File of the old policy.  [default: the default policy]")
@click.option("--disorder", type=Duration(), default="10s", show_default=True,
              help="How far the events of one file may come out of order.")  # fmt: skip
@click.option("--show", default=5, show_default=True, type=click.IntRange(0), help="Changes of each kind to show.")
@_ZONE
@click.option("--json", "as_json", is_flag=True, help="All changes, for machines.")
def try_command(
    new: Path, more: tuple[Path, ...], files: tuple[Path, ...], old: Path | None, disorder: int, show: int,
    zone: ZoneInfo, as_json: bool,
) -> None:  # fmt: skip
    policies = _read(old) if old else default_policy(), _read(new)
    recordings = dict.fromkeys((*files, *more))
    rejected: Counter[str] = Counter()
    with progress() as shown:
        task = shown.add_task("replaying under both", total=sum(path.stat().st_size for path in recordings))

        def taken(rejects: list[Reject], read_bytes: int) -> None:
            rejected.update(reject.reason for reject in rejects)
            shown.update(task, completed=read_bytes)

        # Figures are not asked for, so none are divided by dimensions.
        settings = Settings(rollups=((),), disorder_bound_us=disorder)
        comparison = replay_both(*policies, list(recordings), settings, taken)
    for reason, count in rejected.most_common():
        click.echo(f"rejected {count:,} × {reason}", err=True)
    changes = comparison.changes()
    if as_json:
        _print_json(trial_values(comparison, changes, zone))
        return
    show_counts(comparison, changes)
    click.echo(f"{len(changes):,} alarms differ")
    show_changes(changes, show, zone)


def _read(file: Path) -> Policy:
    try:
        return read_policy(file)
    except InvalidSetting as error:
        raise click.ClickException(str(error)) from None


def _print_json(values: Any) -> None:
    click.echo(json.dumps(values, indent=1))
