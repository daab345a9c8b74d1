"""`floorwatch report`: figures of any range of the interval history, as CSV, Parquet, JSON or a page.

Owns the options and what they mean: ranges in the days of a zone, the form by the file's ending.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from engine.definitions import fields_of
from engine.errors import InvalidSetting
from engine.times import DAY_US, local_midnight_us
from streams.history.importing import history_option, store_url
from streams.history.store import BASE_US, Store
from streams.options import Duration, Zone
from streams.policy.reading import default_policy, read_policy
from streams.reports.gathering import Asked, gathered
from streams.reports.page import page
from streams.reports.tables import write_csv, write_json, write_parquet

__all__ = ["report"]

_TABLES = {".csv": write_csv, ".parquet": write_parquet, ".json": write_json}
_FORMS = (".html", *_TABLES)


@click.group(invoke_without_command=True)
@click.pass_context
@history_option
@click.option(
    "--from",
    "from_",
    help="First day, or instant, as 2026-01-31 or 2026-01-31T08:00.  [default: --last before the end]",
)
@click.option(
    "--until", help="The day or instant before which it ends.  [default: the end of what is kept, or the last midnight]"
)
@click.option("--last", type=Duration(), default="7d", show_default=True, help="How long, where --from is not given.")
@click.option(
    "--by", default="", help="Dimensions that are kept together: queue, tenant, or tenant,channel.  [default: total]"
)
@click.option("--step", type=Duration(), default="1d", show_default=True, help="Size of the intervals, 15m to 1d.")
@click.option(
    "--zone", type=Zone(), default="Asia/Shanghai", show_default=True, help="Days begin at midnight of this zone."
)
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Whose service level formula is used.  [default: ours]",
)
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of the page.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file; its ending says the form: .html, .csv, .parquet, .json.",
)
def report(
    context: click.Context, history_url: str | None, from_: str | None, until: str | None, last: int, by: str, step: int, zone: ZoneInfo,
    policy_path: Path | None, language: str, out: Path | None,
) -> None:  # fmt: skip
    """Report any range of the interval history, with the figures of the wall.

    \b
    Examples:
      floorwatch report --by queue --out week.html
      floorwatch report --from 2026-11-01 --until 2026-12-01 --by tenant --language zh --out november.html
      floorwatch report --last 1d --step 15m --by queue --out yesterday.csv
    """
    if context.invoked_subcommand:
        return
    if out is None:
        raise click.UsageError("Missing option '--out': name the file to be written, such as week.html")
    if out.suffix not in _FORMS:
        raise click.UsageError(f"{out} has no ending that says a form; take one of {', '.join(_FORMS)}")
    began = time.perf_counter()
    store = Store(store_url(history_url))
    span = store.span("total")
    if span is None:
        raise click.ClickException(
            "The history holds nothing yet; a running service writes its first interval after a quarter of an hour."
        )
    until_us = _instant(until, zone) if until else _end(span[1], zone, step)
    from_us = _instant(from_, zone) if from_ else until_us - last
    dimensions = tuple(name.strip() for name in by.split(",") if name.strip() and name.strip() != "total")
    policy = read_policy(policy_path) if policy_path else default_policy()
    asked = Asked(from_us, until_us, step, dimensions, zone, policy.service_level, fields_of(policy.measures))
    if asked.rollup not in store.rollups():
        raise InvalidSetting(f"the history keeps nothing by {asked.rollup}; it keeps {'; '.join(store.rollups())}")
    if out.suffix == ".html":
        told = gathered(store, asked)
        out.write_text(page(told, language), encoding="utf-8")
        rows = len(told.groups)
    else:
        rows = _TABLES[out.suffix](store, asked, out)
    store.close()
    click.echo(f"{rows:,} rows written to {out} in {time.perf_counter() - began:.1f} s", err=True)


def _end(kept_us: int, zone: ZoneInfo, step_us: int) -> int:
    """The end of what is kept; of days the last midnight, unless nothing is kept of before."""
    midnight_us = local_midnight_us(kept_us - 1, zone)
    whole = kept_us if step_us < DAY_US else local_midnight_us(kept_us - 1, zone, days=1)
    return midnight_us if step_us == DAY_US and kept_us < whole else whole


def _instant(text: str, zone: ZoneInfo) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{text!r} is no day and no instant; write it like 2026-01-31 or 2026-01-31T08:00"
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=zone)
    us = (at - datetime.fromtimestamp(0, at.tzinfo)) // timedelta(microseconds=1)
    if us % BASE_US:
        raise click.UsageError(f"{text!r} is not on a quarter of an hour, and nothing finer is kept")
    return us
