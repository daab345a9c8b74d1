"""`floorwatch hub`: the command line of the hub of a cluster.

Owns: the options that a hub has and one machine has not, and the report of a log that has ended. What it serves, and the options of
that, are those of `floorwatch run`. Never prints a secret.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from kafka.errors import KafkaError

from engine.pipeline import Settings
from engine.windows import Spec
from streams.figures import live_settings
from streams.kafka.hub import Hub
from streams.kafka.merging import Merging
from streams.kafka.settings import KafkaSettings, read_settings
from streams.kafka.worker_command import check_topics, tell
from streams.options import Duration
from streams.policy.files import Bundle
from streams.policy.standing import kept_policy
from streams.policy.watching import PolicyFile
from streams.publishing import now_us
from streams.report import summary, write_report, write_summary
from streams.service import serve
from streams.serving import CannotStart, Serving, listen, run_loop, serving_options, serving_settings
from streams.settings import SettingsError

__all__ = ["hub"]

DEFAULT_DATA = Path("data/floorwatch-hub")

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
@click.option("--data", type=click.Path(path_type=Path), default=DEFAULT_DATA, show_default=True,
              help="Folder of the state, one of its own for each hub.")  # fmt: skip
@serving_options
def hub(
    bootstrap: str | None, report: Path | None, summary_path: Path | None, window: int, step: int | None, by: str,
    all_windows: bool, data: Path, **options: Any,
) -> None:  # fmt: skip
    try:
        kafka = read_settings(os.environ, bootstrap)
        settings = serving_settings(data, options)
        bundle, policy = PolicyFile(options["policy_path"]).read()
        engine_settings = live_settings(policy, settings.disorder_bound_us)
        check_topics(kafka)
        if report or summary_path:
            zone = ZoneInfo(settings.zone)
            _report(kafka, engine_settings, report, summary_path, Spec(window, step or window), by, zone, all_windows)
            return
        code = _serve(kafka, Serving.of(settings, options), engine_settings, bundle)
    except SettingsError as error:
        raise click.UsageError(str(error)) from None
    except CannotStart as error:
        raise click.ClickException(str(error)) from None
    sys.exit(code)


def _serve(kafka: KafkaSettings, serving: Serving, engine_settings: Settings, bundle: Bundle) -> int:
    settings = serving.settings
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"The data folder {settings.data} cannot be used: {error.strerror}.") from None
    policy = kept_policy(bundle, by="start", since_us=now_us())
    with contextlib.closing(listen(settings.host, settings.port)) as listener:
        return run_loop(
            serve(
                settings,
                listener,
                partial(Hub, kafka, settings, engine_settings, policy),
                None,
                lambda address: contextlib.nullcontext(),
                serving.policy_file,
                bundle,
                serving.screens,
                serving.stage,
                serving.kept,
                alerts_path=serving.alerts_file,
                letters=serving.letters,
            )
        )


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
