"""`floorwatch hub`: the command line of the hub of a cluster.

Owns: the options that a hub has and one machine has not, and the report of a log that has ended. What it serves, and the options of
that, are those of `floorwatch run`. Never prints a secret.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from kafka.errors import KafkaError

from engine.pipeline import Settings
from engine.windows import Spec
from streams.figures import live_settings
from streams.kafka.merging import Merging
from streams.kafka.settings import KafkaSettings, read_settings
from streams.kafka.worker_command import check_topics, tell
from streams.options import Duration, Zone
from streams.policy.watching import PolicyFile
from streams.report import summary, write_report, write_summary
from streams.settings import SettingsError

__all__ = ["hub"]

_HELP = """Merge what the workers count, and serve the wall, the API, the metrics and the alerts of it.

Hubs only read, so any number may run side by side, each with a folder of its own. Where Kafka is, is said by the environment: see
"Cluster" in the README.

\b
Examples:
  floorwatch hub
  floorwatch hub --policy policy.yaml --data data/hub-2 --port 8090
  floorwatch hub --report windows.csv --by queue
"""


@click.command(help=_HELP)
@click.option("--bootstrap", metavar="HOST:PORT,…", help="Brokers, instead of FLOORWATCH_KAFKA_BOOTSTRAP.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False),
              help="Serve nothing: wait until all sources have ended, write the interval report (CSV) here, and end.")  # fmt: skip
@click.option("--summary", "summary_path", type=click.Path(path_type=Path, dir_okay=False),
              help="Likewise the figures over everything (JSON).")  # fmt: skip
@click.option("--window", type=Duration(), default="30m", show_default=True, help="Size of the report's windows.")
@click.option("--step", type=Duration(), default=None, help="Step of the windows.  [default: their size]")
@click.option("--by", default="", help="Dimensions to report by, for example queue,channel.")
@click.option("--all-windows", is_flag=True, help="Report windows without any contact too.")
@click.option(
    "--zone", type=Zone(), default="Asia/Shanghai", show_default=True, help="Time zone of days and of windows."
)
@click.option("--policy", "policy_path", type=click.Path(path_type=Path, dir_okay=False),
              help="File of the policy, the same for all workers and hubs.  [default: see floorwatch policy default]")  # fmt: skip
@click.option("--disorder", default="500ms", show_default=True, type=Duration(), help="As the workers have it.")
def hub(
    bootstrap: str | None, report: Path | None, summary_path: Path | None, window: int, step: int | None, by: str,
    all_windows: bool, zone: ZoneInfo, policy_path: Path | None, disorder: int,
) -> None:  # fmt: skip
    try:
        kafka = read_settings(os.environ, bootstrap)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    _, policy = PolicyFile(policy_path).read()
    settings = live_settings(policy, disorder)
    check_topics(kafka)
    if report or summary_path:
        _report(kafka, settings, report, summary_path, Spec(window, step or window), by, zone, all_windows)


def _report(
    kafka: KafkaSettings, settings: Settings, report: Path | None, summary_path: Path | None, spec: Spec, by: str, zone: ZoneInfo,
    every: bool,
) -> None:  # fmt: skip
    for output in (report, summary_path):
        if output and not output.absolute().parent.is_dir():
            raise click.ClickException(f"{output}: there is no such folder; make it first, or name another")
    dimensions = tuple(dict.fromkeys(name.strip() for name in by.split(",") if name.strip()))
    wanted = replace(settings, rollups=tuple(dict.fromkeys(((), dimensions))), windows=(spec,), retention_us=None)
    began = told_at = time.monotonic()
    try:
        merging = Merging(kafka, wanted, None, tell)
        try:
            while not merging.is_ended:
                merging.poll(0.2)
                merging.merged.settle()
                merging.merged.take_alarms()  # Nobody asks for them.
                if time.monotonic() - told_at > 5:
                    told_at = time.monotonic()
                    tell(
                        f"{merging.steps:,} steps merged, {merging.unread:,} records lie in the log; waiting for all sources to end."
                    )
        finally:
            merging.close()
    except KafkaError as error:
        raise click.ClickException(f"Kafka: {error}") from None
    merging.merged.finish()
    if report:
        rows = write_report(merging.merged, report, spec, zone, dimensions, every)
        click.echo(f"{rows:,} rows written to {report}", err=True)
    if summary_path:
        write_summary(summary(merging.merged, spec, zone, time.monotonic() - began), summary_path)
